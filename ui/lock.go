package ui

import (
	"errors"
	"time"

	"fyne.io/fyne/v2"

	"sealdesk/ui/kit"
)

const second = time.Second

// lockScreen is the card over a locked inbox. Nothing of the inbox is behind it.
type lockScreen struct {
	u     *UI
	root  *fyne.Container
	at    lockedAt
	field *kit.Field
	error *kit.Text
	errs  *fyne.Container
	note  *kit.Text
	foot  *kit.Text
	do    *kit.Button
	other *kit.Button
	view  LockView
}

// lock closes the inbox: first on the screen, then on the disk.
func (u *UI) lock(cause LockCause) {
	d := u.desk
	if d == nil {
		return
	}
	u.before = d.open
	at := lockedAt{cause: cause, since: u.cfg.Now(), idle: idleAfter(u.companyIdle(), u.settings), door: Locked{Person: d.staff.me.Name, Device: d.session.Device}}
	kept := u.clear()
	u.showLock(at)
	go func() {
		<-kept // what was typed, before the store closes
		err := u.cfg.Door.Lock(u.ctx)
		u.cfg.Post(func() {
			if err != nil {
				u.failed(err)
				return
			}
			u.open()
		})
	}()
}

// clear takes the inbox off the screen and out of memory: nothing of it stays in the window, in its title, in the caches or
// on the clipboard. What it returns closes when what was typed is kept.
func (u *UI) clear() <-chan struct{} {
	kept := u.desk.end()
	c := u.cfg.Window.Canvas()
	for _, o := range c.Overlays().List() {
		c.Overlays().Remove(o)
	}
	kit.Release(c)
	if clip := u.clipboard(u.cfg.App.Clipboard(), false); u.clip != "" && clip.Content() == u.clip {
		clip.SetContent("")
	}
	u.clip, u.inside, u.desk, u.chooser = "", insideCopy{}, nil, nil
	kit.Forget()
	u.attach()
	u.title(0)
	return kept
}

// showLock shows the card, or brings it up to date.
func (u *UI) showLock(at lockedAt) {
	if u.locked == nil {
		first := at
		first.known = false
		u.locked = &lockScreen{u: u, root: boxed(fill{}), at: first}
		u.locked.build()
		u.show(u.locked.root)
		u.trace("lock shown")
	}
	l := u.locked
	known := l.at.known
	if at.door.Person == "" {
		at.door.Person = l.at.door.Person // the open inbox knew
	}
	if at.door.Device == "" {
		at.door.Device = l.at.door.Device
	}
	l.at.door, l.at.known = at.door, at.known
	l.refresh()
	if at.known && !known {
		l.focus()
		u.trace("lock ready")
	}
}

// isLocked takes in that the door says the inbox is locked.
func (u *UI) isLocked(err error) bool {
	var door Locked
	if !errors.As(err, &door) {
		if !errors.Is(err, TroubleLocked) {
			return false
		}
		door = Locked{}
	}
	at := lockedAt{since: u.cfg.Now(), door: door, known: true}
	u.showLock(at)
	return true
}

func (l *lockScreen) rebuild() {
	l.build()
	l.refresh()
	l.focus()
}

func (l *lockScreen) build() {
	mark := kit.NewPainted("", func(s *kit.Sketch, size fyne.Size) {
		x := float32(int((size.Width - 56) / 2))
		s.Rect(x, 0, 56, 56, s.P.AccentSoft, 28)
		s.Icon("lock-solid", x+15, 15, 26, s.P.AccentText)
	}).SetMin(func() fyne.Size { return fyne.NewSize(56, 56) })
	v := lockView(l.view0())
	text := kit.NewText(v.Text, kit.Body, kit.InkMuted).Align(kit.AlignCenter)
	l.field = kit.NewField(word("lock.field"), "", true).SetShow(word("signin.show"), word("signin.hide"))
	l.field.OnSubmit = l.submit
	l.field.OnChange = func(text string) {
		if text != "" && l.at.err != nil {
			l.at.err = nil
			l.refresh()
			return
		}
		l.check()
	}
	l.error = kit.NewText("", kit.Snippet, kit.InkDanger)
	l.errs = kit.Inset(l.error, 0, -10, 0, 14) // the field leaves room for a note, which this is
	l.note = kit.NewText("", kit.Snippet, kit.InkMuted).Align(kit.AlignCenter)
	l.foot = kit.NewText("", kit.Caption, kit.InkFaint).Align(kit.AlignCenter)
	l.do = kit.NewButton(word("lock.unlock"), kit.Primary, l.submit)
	l.other = kit.NewButton(word("lock.signin.instead"), kit.Flat, l.signIn)
	l.root.Objects = cardScreen(kit.Column(
		kit.Min(mark), kit.Gap(16),
		kit.Min(kit.NewText(v.Title, kit.Display, kit.InkText).Align(kit.AlignCenter)), kit.Gap(6),
		kit.Min(text), kit.Gap(20),
		kit.Min(l.field), kit.Min(l.errs),
		kit.Min(l.do), kit.Gap(8),
		kit.Min(kit.Row(kit.Spring(), kit.Min(l.other), kit.Spring())), kit.Gap(8),
		kit.Min(l.note), kit.Gap(10),
		kit.Min(l.foot),
	), 36, 480)
	l.root.Refresh()
}

func (l *lockScreen) view0() lockedAt {
	at := l.at
	at.clock = l.u.clock()
	return at
}

func (l *lockScreen) refresh() {
	l.view = lockView(l.view0())
	v := l.view
	visible(l.field, v.Field)
	l.error.Set(v.Error)
	visible(l.errs, v.Error != "")
	if v.Field {
		style := kit.ChipNeutral
		if v.Error != "" {
			style = kit.ChipDanger
		}
		l.field.SetNote(style, "")
		if v.Busy {
			l.field.Disable()
		} else {
			l.field.Enable()
		}
	}
	if v.Button != "" {
		l.do.SetText(v.Button)
	}
	visible(l.do, v.Button != "")
	visible(l.other, v.Other != "")
	l.note.Set(v.Note)
	l.foot.Set(v.Foot)
	l.check()
	relayout(l.root)
	l.root.Refresh()
}

func (l *lockScreen) check() bool {
	ok := !l.view.Busy && l.view.Button != "" && (!l.view.Field || l.field.Text() != "")
	return allow(l.do, ok)
}

func (l *lockScreen) focus() {
	c := l.u.cfg.Window.Canvas()
	switch {
	case l.view.Field:
		c.Focus(l.field.Input())
	case l.view.Button != "":
		c.Focus(l.do)
	}
}

// submit tries the passphrase, or signs in where there is none.
func (l *lockScreen) submit() {
	if !l.check() {
		return
	}
	if !l.view.Field {
		l.signIn()
		return
	}
	u, passphrase := l.u, l.field.Text()
	l.at.busy, l.at.err = true, nil
	l.refresh()
	u.trace("unlock asked")
	go func() {
		err := u.cfg.Door.Gate().Unlock(u.ctx, passphrase)
		u.cfg.Post(func() {
			if u.locked != l {
				return
			}
			l.at.busy = false
			u.trace("unlock answered")
			var wrong WrongPassphrase
			switch {
			case err == nil:
				l.field.SetText("")
				u.start.set(startView(nil))
				u.open() // the card stands until the inbox is there
				return
			case errors.As(err, &wrong) && wrong.Left > 0:
				l.at.door.Tries, l.at.err = wrong.Left, err
			case errors.Is(err, TroubleWrongPassphrase):
				l.at.door.Tries = 0
			case errors.Is(err, TroubleSignIn):
				l.signIn()
				return
			case errors.Is(err, TroubleLeaseOver), errors.Is(err, TroubleClockBack):
				l.field.SetText("")
				u.failed(err)
				return
			default:
				l.at.err = err
			}
			l.field.SetText("")
			l.at.err = err
			l.refresh()
			l.focus()
		})
	}()
}

// signIn opens the inbox without the passphrase.
func (l *lockScreen) signIn() {
	l.field.SetText("")
	l.u.locked = nil
	l.u.showGate(true)
}

// touched notes that a person is there.
func (u *UI) touched() {
	u.moved = u.cfg.Now().Round(0) // of the day: the time a machine sleeps counts too
	if d := u.desk; d != nil && d.locksIn > 0 {
		d.locksIn = 0
		d.setStatus()
	}
}

// watchIdle looks whether somebody is still there, warns, and locks.
func (d *desk) watchIdle() {
	idle := idleAfter(d.u.companyIdle(), d.u.settings)
	d.idling++ // another look, begun meanwhile, is the one that goes on
	look := d.idling
	again := func() {
		if d.idling == look {
			d.watchIdle()
		}
	}
	if idle <= 0 {
		return
	}
	left := idle - d.u.cfg.Now().Round(0).Sub(d.u.moved)
	warn := idleWarning(idle)
	switch {
	case left <= 0:
		d.u.lock(LockedIdle)
		return
	case left <= warn:
		d.locksIn = left
		d.setStatus()
		d.later(min(left, second), again)
	default:
		d.later(left-warn, again)
	}
}

// watchSystem locks with the system.
func (d *desk) watchSystem() {
	if d.u.cfg.SystemLock == nil {
		return
	}
	locks := d.u.cfg.SystemLock(d.ctx)
	go func() {
		for {
			select {
			case _, ok := <-locks:
				if !ok {
					return
				}
				d.u.cfg.Post(func() {
					if !d.ended() {
						d.u.lock(LockedBySystem)
					}
				})
			case <-d.ctx.Done():
				return
			}
		}
	}()
}

// signOut ends the person's time on this device.
func (d *desk) signOut() {
	if d.session.SignOut == nil {
		return
	}
	kit.ShowDialog(d.u.cfg.Window.Canvas(), kit.DialogConfig{Title: word("signout.title"), Text: word("signout.text"), Safe: kit.Action{Text: word("action.cancel"), Do: d.comp.focus},
		Do: kit.Action{Text: word("signout.do"), Do: func() {
			d.u.trace("sign-out asked")
			go func() {
				err := d.session.SignOut(d.ctx)
				d.u.cfg.Post(func() {
					switch {
					case d.ended():
					case err != nil:
						d.u.toast(kit.Toast{Text: trouble(err), Icon: "warn"})
					default:
						d.u.before = ""
						d.u.lock(LockedByHand)
					}
				})
			}()
		}}})
}

// showPassphrase lets a person choose what unlocks the inbox on this device.
func (d *desk) showPassphrase() {
	if d.session.Passphrase == nil {
		return
	}
	var dialog *kit.Dialog
	busy := false
	field := func(label string) *kit.Field {
		return kit.NewField(label, "", true).SetShow(word("signin.show"), word("signin.hide"))
	}
	first, again := field(word("passphrase.field")), field(word("signin.new.repeat"))
	check := func() bool {
		note, tone, ok := passphraseHint(first.Text(), again.Text())
		again.SetNote(chipStyles[tone], note)
		return allow(dialog.DoButton(), ok && !busy)
	}
	clean := func() {
		first.SetText("")
		again.SetText("")
	}
	set := func() {
		if !check() {
			return
		}
		busy = true
		check()
		text := first.Text()
		go func() {
			err := d.session.Passphrase(d.ctx, text)
			d.u.cfg.Post(func() {
				busy = false
				if d.ended() || dialog.Closed() {
					return
				}
				if err != nil {
					again.SetNote(kit.ChipDanger, word("passphrase.failed"))
					dialog.DoButton().Enable()
					return
				}
				clean()
				dialog.Close()
				d.session.HasPassphrase = true
				d.u.toast(kit.Toast{Text: word("passphrase.set"), Icon: "lock"})
				d.u.trace("passphrase set")
				d.comp.focus()
			})
		}()
	}
	first.OnChange = func(string) { check() }
	again.OnChange = func(string) { check() }
	first.OnSubmit = func() { d.u.cfg.Window.Canvas().Focus(again.Input()) }
	again.OnSubmit = set
	dialog = kit.ShowDialog(d.u.cfg.Window.Canvas(), kit.DialogConfig{Title: word("passphrase.title"), Text: word("passphrase.text"), Body: kit.Column(kit.Min(first), kit.Min(again)),
		Focus: first.Input(), Width: 520, Stays: true, Safe: kit.Action{Text: word("action.cancel"), Do: func() { clean(); d.comp.focus() }}, Do: kit.Action{Text: word("passphrase.do"), Do: set}})
	check()
	d.u.trace("passphrase shown")
}

// reopen goes back to what was open when the inbox was locked.
func (d *desk) reopen() {
	id := d.u.before
	d.u.before = ""
	if id == "" || rowWith(d.all, id) == nil {
		return
	}
	d.openConversation(id)
}
