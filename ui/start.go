package ui

import (
	"context"
	"errors"
	"image/color"
	"time"

	"fyne.io/fyne/v2"

	"sealdesk/ui/kit"
)

// retryEvery is how often a locked keyring is tried again by itself.
const retryEvery = 5 * time.Second

// startScreen is what stands before the inbox: calm while it opens, and a sentence with a way on when it does not.
type startScreen struct {
	u    *UI
	root *fyne.Container
	view StartView
	act  *kit.Button // the way on; nil when there is none
}

func newStartScreen(u *UI) *startScreen {
	s := &startScreen{u: u, root: boxed(fill{})}
	s.set(startView(nil))
	return s
}

func (s *startScreen) rebuild() { s.set(s.view) }

func (s *startScreen) set(v StartView) {
	s.view = v
	mark := kit.NewPainted("", func(k *kit.Sketch, size fyne.Size) {
		x := float32(int((size.Width - 56) / 2))
		ground, sign := tones(v.Tone, k.P)
		k.Rect(x, 0, 56, 56, ground, 28)
		k.Icon(v.Icon, x+15, 15, 26, sign)
	}).SetMin(func() fyne.Size { return fyne.NewSize(56, 56) })
	cells := []kit.Cell{kit.Min(mark), kit.Gap(18), kit.Min(kit.NewText(v.Title, kit.Display, kit.InkText).Align(kit.AlignCenter)), kit.Gap(8),
		kit.Min(kit.NewText(v.Text, kit.Body, kit.InkMuted).Align(kit.AlignCenter))}
	s.act = nil
	if v.Button != "" {
		s.act = kit.NewButton(v.Button, kit.Primary, func() { s.u.way(v.Way) })
		cells = append(cells, kit.Gap(24), kit.Min(kit.Row(kit.Spring(), kit.Fix(s.act, max(s.act.MinSize().Width, 140)), kit.Spring())))
	}
	card := kit.NewCard(kit.Column(cells...), 36)
	s.root.Objects = []fyne.CanvasObject{kit.NewFill(inkCanvas), kit.Centered(card, 480)}
	s.root.Refresh()
}

// tones are the ground and the ink of a start screen's icon.
func tones(t Tone, p *kit.Palette) (ground, sign color.Color) {
	switch t {
	case ToneWarn:
		return p.Warn.Soft, p.Warn.Ink
	case ToneDanger:
		return p.Danger.Soft, p.Danger.Ink
	}
	return p.AccentSoft, p.AccentText
}

// way does what a start screen's button says.
func (u *UI) way(w Way) {
	switch w {
	case WayRetry:
		u.start.set(startView(nil))
		u.open()
	case WayRebuild:
		u.start.set(rebuildingView())
		u.trace("rebuilding shown")
		u.background(func(ctx context.Context) error { return u.cfg.Door.Rebuild(ctx) }, u.open)
	case WaySetUp:
		u.vanished = false
		u.start.set(startView(nil))
		u.background(func(ctx context.Context) error { return u.cfg.Door.SetUpAgain(ctx) }, u.showEnrol)
	case WaySignIn:
		u.showGate(true)
	case WayQuit:
		u.cfg.App.Quit()
	}
}

// background runs what may wait and then goes on, or shows why not.
func (u *UI) background(do func(context.Context) error, then func()) {
	go func() {
		err := do(u.ctx)
		u.cfg.Post(func() {
			if err != nil {
				u.failed(err)
				return
			}
			then()
		})
	}()
}

// open opens the inbox.
func (u *UI) open() {
	go func() {
		session, err := u.cfg.Door.Open(u.ctx)
		var rows *inboxWorker
		var head inboxView
		if err == nil { // the first frame of the inbox has its rows
			rows = &inboxWorker{model: session.Model, post: u.cfg.Post, again: newPoke()}
			head = rows.read(u.ctx)
		}
		u.cfg.Post(func() {
			u.begun = true
			u.readManaged() // the door may know more than was told
			switch {
			case u.vanished && !errors.Is(err, TroubleWiped):
				u.cfg.Log.Error("wiped device opened", "error", err) // the words that say why stand
			case err == nil:
				u.leaveGate()
				u.locked, u.wiped = nil, nil
				if calm := startView(nil); u.start.view != calm {
					u.start.set(calm)
				}
				u.showDesk(session, rows, head)
			case errors.Is(err, TroubleNotEnrolled):
				if u.wiped != nil {
					return // the words that say why stand
				}
				u.locked = nil
				u.showEnrol()
			case errors.Is(err, TroubleSignIn):
				u.locked = nil
				u.showGate(false)
			case u.isLocked(err):
				u.leaveGate()
			default:
				u.failed(err)
			}
		})
	}()
}

// failed shows why the inbox cannot be opened.
func (u *UI) failed(err error) {
	var destroyed Wiped
	if errors.As(err, &destroyed) {
		u.leaveGate()
		u.locked = nil
		u.showWiped(destroyed)
		return
	}
	u.leaveGate()
	u.locked, u.wiped = nil, nil
	v := startView(err)
	u.cfg.Log.Warn("inbox not opened", "trouble", troubleOf(err).Error(), "error", err)
	if u.start.view != v {
		u.start.set(v)
		u.trace("start " + troubleOf(err).Error())
	}
	u.show(u.start.root)
	if u.start.act != nil {
		u.cfg.Window.Canvas().Focus(u.start.act)
	}
	wait := retryEvery
	if !v.Auto && v.Way != WayQuit {
		return
	}
	gone := u.cfg.After(wait)
	go func() {
		select {
		case <-gone:
			u.cfg.Post(func() {
				if u.desk != nil || u.start.view != v {
					return
				}
				if v.Way == WayQuit {
					if errors.Is(err, TroubleRunning) {
						u.cfg.App.Quit()
					}
					return
				}
				u.open()
			})
		case <-u.ctx.Done():
		}
	}()
}

// gone takes the inbox off the screen for good: nothing of it stays behind the words that say why, nor on the clipboard.
func (u *UI) gone(s LinkState, v StartView) {
	u.clear()
	u.before = ""
	u.start.set(v)
	u.show(u.start.root)
	if u.start.act != nil {
		u.cfg.Window.Canvas().Focus(u.start.act)
	}
	u.trace("gone " + linkWord(s))
	if s == LinkWiped { // what was destroyed, the door knows
		u.vanished = true
		u.open()
	}
}

// fill gives every object all the room.
type fill struct{}

func (fill) Layout(objs []fyne.CanvasObject, size fyne.Size) {
	for _, o := range objs {
		o.Move(fyne.NewPos(0, 0))
		o.Resize(size)
	}
}

func (fill) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(100, 100) }

// front gives all the room to what is in view; whoever shows something else lays it out anew. So what is not looked at costs
// nothing at the start.
type front struct{ fill }

func (f front) Layout(objs []fyne.CanvasObject, size fyne.Size) {
	for _, o := range objs {
		if o.Visible() {
			f.fill.Layout([]fyne.CanvasObject{o}, size)
		}
	}
}

// relayout places what is in a container and in containers inside it anew. Unlike a refresh it redraws nothing that
// keeps its size.
func relayout(c *fyne.Container) {
	if size := c.Size(); c.Layout != nil && size.Width > 0 {
		c.Layout.Layout(c.Objects, size)
	}
	for _, o := range c.Objects {
		if inner, ok := o.(*fyne.Container); ok && inner.Visible() {
			relayout(inner)
		}
	}
}

// boxed is a container that is laid out when it gets a size, not while it is being made.
func boxed(l fyne.Layout, objs ...fyne.CanvasObject) *fyne.Container {
	return &fyne.Container{Layout: l, Objects: objs}
}
