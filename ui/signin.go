package ui

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// errNoBrowser is returned when the system's browser could not be opened.
var errNoBrowser = errors.New("browser not opened")

// signInForm asks a person who is there: on a card before the inbox, or in a dialog above it. What is typed stays in its
// fields, and goes with them.
type signInForm struct {
	u      *UI
	gate   Gate
	ctx    context.Context
	cancel context.CancelFunc
	root   *fyne.Container
	at     signInAt
	view   SignInView
	built  bool
	begun  bool // the server was told that somebody wants to sign in, or asks by itself
	over   bool

	heading bool        // it has a title of its own
	button  *kit.Button // the way on; a dialog's own, or one of the form
	outside bool        // button is a dialog's
	done    func()      // the person is known
	resized func()

	name, password, repeat, code *kit.Field
	called                       string // who is there, on a device that is nobody's
	adds                         bool   // a passkey is to be made
	pass                         string // the password that was right, while a code is asked beside it
	note                         *alarm
	other                        *kit.Button
	stop                         context.CancelFunc // gives the browser up
	ticking                      bool
	answered                     bool // what is asked now answers what was shown
}

func newSignInForm(u *UI, gate Gate, again bool) *signInForm {
	f := &signInForm{u: u, gate: gate, root: kit.Inset(kit.Column(), 0, 0, 0, 0), heading: !again}
	f.ctx, f.cancel = context.WithCancel(u.ctx)
	f.at.again = again
	return f
}

// run begins to ask. begin tells the server first that somebody wants to.
func (f *signInForm) run(begin bool) {
	f.begun = !begin
	f.refresh()
	if begin {
		f.show(Credential{Begin: true, Adds: f.adds})
	}
	go loop(f.ctx, f.u.cfg.After, func() {
		asked, ok := f.gate.Asked()
		link := f.gate.Link()
		f.u.cfg.Post(func() { f.take(asked, ok, link) })
	}, f.gate.Watch(f.ctx))
}

// end drops what was typed.
func (f *signInForm) end() {
	if f.over {
		return
	}
	f.over = true
	f.cancel()
	f.pass, f.called, f.at.asked = "", "", SignIn{}
	for _, x := range []*kit.Field{f.name, f.password, f.repeat, f.code} {
		if x != nil {
			x.SetText("")
		}
	}
	f.root.Objects = []fyne.CanvasObject{kit.Column()}
}

func (f *signInForm) take(asked SignIn, ok bool, link Link) {
	if f.over {
		return
	}
	if ok && (!f.at.ok || asked.Need != f.at.asked.Need) {
		f.at.recovery = false
	}
	if was := f.at.asked; !f.answered && ok && f.at.ok && asked.Need == was.Need && asked.Trouble == was.Trouble && !was.Next.IsZero() {
		asked.Next = was.Next // the same question looked at again: its time runs on
	}
	f.answered = false
	f.at.asked, f.at.ok, f.at.link = asked, ok, link
	if !ok && !f.at.busy && (f.begun && link.State == LinkOnline || f.heading && goneView(link.State) != nil) {
		done := f.done // the door knows how it goes on
		f.end()
		if link.State == LinkOnline {
			f.u.trace("signed in")
		}
		done()
		return
	}
	f.refresh()
}

// show answers what is asked.
func (f *signInForm) show(c Credential) {
	if f.at.ok && f.at.asked.Name == "" {
		c.Name = f.called
	}
	f.ask(func() error { return f.gate.Show(f.ctx, c) }, c.Begin)
}

func (f *signInForm) ask(do func() error, begin bool) {
	f.at.busy, f.at.err = true, nil
	f.refresh()
	go func() {
		err := do()
		asked, ok := f.gate.Asked()
		link := f.gate.Link()
		f.u.cfg.Post(func() {
			if f.over {
				return
			}
			f.at.busy, f.at.browsing = false, false
			if errors.Is(err, ErrNotAsked) || errors.Is(err, context.Canceled) {
				err = nil
			}
			f.at.err = err
			if err == nil && begin {
				f.begun = true
			}
			f.u.trace("sign-in answered")
			f.answered = true
			f.take(asked, ok, link)
			if !f.over && err == nil && ok {
				f.retype()
			}
		})
	}()
}

// retype empties what was not enough and puts the keyboard there.
func (f *signInForm) retype() {
	if f.at.asked.Trouble == 0 {
		return
	}
	switch f.view.Step {
	case SignInPass:
		f.password.SetText("")
	case SignInCode, SignInFactor:
		f.code.SetText("")
	}
	f.focus()
	f.refresh()
}

// browse goes through the browser.
func (f *signInForm) browse(way SignInWay) {
	ctx, stop := context.WithCancel(f.ctx)
	f.stop, f.at.browsing = stop, true
	f.u.trace("browser shown")
	f.ask(func() error {
		defer stop()
		return f.gate.Browse(ctx, way, func(address string) error { return f.u.openBrowser(ctx, address) })
	}, false)
}

// openBrowser shows an address in the system's browser. Workers call it.
func (u *UI) openBrowser(ctx context.Context, address string) error {
	at, err := url.Parse(address)
	if err != nil || at.Scheme != "https" && at.Scheme != "http" {
		return errNoBrowser
	}
	opened := make(chan error, 1)
	u.cfg.Post(func() { opened <- u.cfg.App.OpenURL(at) })
	select {
	case err := <-opened:
		if err != nil {
			return errNoBrowser
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// refresh shows where it stands: built anew for another step, else only what changed.
func (f *signInForm) refresh() {
	f.at.now = f.u.cfg.Now()
	was := f.view
	f.view = signInView(f.at)
	v := f.view
	if !f.built || was.Step != v.Step || was.Title != v.Title || was.Text != v.Text || was.URL != v.URL || was.Other != v.Other || was.Passkey != v.Passkey || was.Who != v.Who || !slices.Equal(was.Codes, v.Codes) {
		f.build(was.Step != v.Step || !f.built)
	}
	f.note.set(kit.Notice{Style: chipStyles[v.Tone], Icon: map[bool]string{true: "clock", false: "warn"}[v.Wait], Text: v.Note})
	if f.button != nil {
		if v.Button != "" {
			f.button.SetText(v.Button)
		}
		visible(f.button, v.Button != "")
	}
	for _, x := range []*kit.Field{f.name, f.password, f.repeat, f.code} {
		switch {
		case x == nil:
		case v.Busy:
			x.Disable()
		default:
			x.Enable()
		}
	}
	f.check()
	if v.Step == SignInBrowse && was.Step != v.Step {
		f.focus() // nothing is typed, and the way on is there only now
	}
	f.root.Refresh()
	if f.resized != nil {
		f.resized()
	}
	if v.Wait && !f.ticking {
		f.ticking = true
		next := f.u.cfg.After(second)
		go func() {
			select {
			case <-next:
				f.u.cfg.Post(func() {
					f.ticking = false
					if !f.over {
						f.refresh()
					}
				})
			case <-f.ctx.Done():
			}
		}()
	}
}

// check lets the way on be gone when everything is there.
func (f *signInForm) check() bool {
	ok := !f.view.Off && f.view.Button != ""
	switch f.view.Step {
	case SignInPass:
		ok = ok && f.password.Text() != "" && (f.name == nil || strings.TrimSpace(f.name.Text()) != "")
	case SignInCode:
		ok = ok && (f.at.recovery && strings.TrimSpace(f.code.Text()) != "" || len(digitsOf(f.code.Text())) == codeDigits)
	case SignInFactor:
		ok = ok && len(digitsOf(f.code.Text())) == codeDigits
	case SignInNew:
		note, tone, good := newPasswordHint(f.password.Text(), f.repeat.Text())
		f.repeat.SetNote(chipStyles[tone], note)
		ok = ok && good
	}
	if f.button != nil {
		if ok {
			f.button.Enable()
		} else {
			f.button.Disable()
		}
	}
	return ok
}

// submit goes on.
func (f *signInForm) submit() {
	if f.over || !f.check() {
		return
	}
	switch f.view.Step {
	case SignInDown:
		f.show(Credential{Begin: true, Adds: f.adds})
	case SignInPass:
		f.pass = f.password.Text()
		if f.name != nil {
			f.called = f.name.Text()
		}
		f.show(Credential{Password: f.pass})
	case SignInBrowse:
		f.browse(f.view.By)
	case SignInCode:
		code := strings.TrimSpace(f.code.Text())
		if !f.at.recovery {
			code = digitsOf(code)
		}
		f.show(Credential{Password: f.pass, Code: code})
	case SignInNew:
		f.pass = f.password.Text()
		f.show(Credential{New: f.pass})
	case SignInFactor:
		f.show(Credential{Code: digitsOf(f.code.Text())})
	case SignInKeep:
		f.show(Credential{})
	}
}

// another takes the other way on.
func (f *signInForm) another() {
	switch f.view.Step {
	case SignInPass:
		f.browse(ByBrowser)
	case SignInCode:
		f.at.recovery = !f.at.recovery
		f.refresh()
		f.focus()
	case SignInAway:
		if f.stop != nil {
			f.stop()
		}
	}
}

// build makes the fields of a step.
func (f *signInForm) build(focus bool) {
	v := f.view
	old := ""
	if f.password != nil && !focus {
		old = f.password.Text()
	}
	if f.name != nil {
		f.called = f.name.Text()
	}
	f.built, f.name, f.password, f.repeat, f.code, f.other = true, nil, nil, nil, nil, nil
	var cells []kit.Cell
	if f.heading {
		cells = append(cells, kit.Min(kit.NewText(v.Title, kit.Display, kit.InkText)), kit.Gap(6))
	}
	cells = append(cells, kit.Min(kit.NewText(v.Text, kit.Body, kit.InkMuted)), kit.Gap(18))
	f.note = newAlarm(16)
	password := func(label string) *kit.Field {
		p := kit.NewField(label, "", true).SetShow(word("signin.show"), word("signin.hide"))
		p.OnChange = func(string) { f.check() }
		p.OnSubmit = f.submit
		return p
	}
	digits := func() {
		f.code = kit.NewField(v.Label, "", false).SetMono()
		f.code.OnSubmit = f.submit
		f.code.OnChange = func(text string) {
			if f.check() && !f.at.recovery && !f.at.busy {
				f.submit() // six digits are all there is to say
			}
		}
	}
	switch v.Step {
	case SignInPass:
		if v.Who {
			f.name = kit.NewField(word("join.name"), "", false)
			f.name.SetText(f.called)
			f.name.OnChange = func(string) { f.check() }
			f.name.OnSubmit = func() { f.u.cfg.Window.Canvas().Focus(f.password.Input()) }
			cells = append(cells, kit.Min(f.name))
		}
		f.password = password(word("signin.password"))
		f.password.SetText(old)
		cells = append(cells, kit.Min(f.password))
	case SignInCode:
		digits()
		cells = append(cells, kit.Min(f.code))
	case SignInNew:
		f.password, f.repeat = password(word("signin.new.field")), password(word("signin.new.repeat"))
		f.password.OnSubmit = func() { f.u.cfg.Window.Canvas().Focus(f.repeat.Input()) }
		cells = append(cells, kit.Min(f.password), kit.Min(f.repeat), kit.Gap(8))
	case SignInFactor:
		digits()
		cells = append(cells, kit.Min(f.factor()))
	case SignInKeep:
		cells = append(cells, kit.Min(f.codes()), kit.Gap(18))
	}
	cells = append(cells, kit.Min(f.note.tall))
	if v.Passkey != "" {
		key := kit.NewButton(v.Passkey, kit.Secondary, func() { f.browse(ByPasskey) }).SetIcon("shield")
		cells = append(cells, kit.Gap(4), kit.Min(kit.Row(kit.Min(key), kit.Spring())), kit.Gap(8))
	}
	if v.Other != "" {
		f.other = kit.NewButton(v.Other, map[bool]kit.ButtonKind{true: kit.Secondary, false: kit.Flat}[v.Step == SignInPass || v.Step == SignInAway], f.another)
		if v.Step == SignInPass {
			f.other.SetIcon("go")
		}
	}
	var row []kit.Cell
	if f.other != nil {
		row = append(row, kit.Min(f.other))
	}
	row = append(row, kit.Spring())
	if !f.outside {
		f.button = kit.NewButton(v.Button, kit.Primary, f.submit)
		row = append(row, kit.Min(f.button))
	}
	if len(row) > 1 {
		cells = append(cells, kit.Gap(4), kit.Min(kit.Row(row...)))
	}
	f.root.Objects = []fyne.CanvasObject{kit.Column(cells...)}
	relayout(f.root)
	if focus {
		f.focus()
	}
}

// focus puts the keyboard where one goes on.
func (f *signInForm) focus() {
	c := f.u.cfg.Window.Canvas()
	switch {
	case f.name != nil && strings.TrimSpace(f.name.Text()) == "":
		c.Focus(f.name.Input())
	case f.password != nil:
		c.Focus(f.password.Input())
	case f.code != nil:
		c.Focus(f.code.Input())
	case f.view.Button != "" && f.button != nil:
		c.Focus(f.button)
	case f.other != nil:
		c.Focus(f.other)
	}
}

// factor is the code to scan beside the secret to type.
func (f *signInForm) factor() fyne.CanvasObject {
	copySecret := kit.NewButton(word("signin.second.copy"), kit.Flat, func() { f.u.copiedAs(strings.ReplaceAll(f.view.Secret, " ", ""), "toast.copied.plain") }).SetIcon("copy")
	right := kit.Column(
		kit.Min(kit.NewText(word("signin.second.type"), kit.Snippet, kit.InkMuted)), kit.Gap(6),
		kit.Min(kit.NewRuns([]kit.Run{{Text: f.view.Secret, Look: kit.Code}}, kit.Body, kit.InkText)), kit.Gap(4),
		kit.Min(kit.Inset(kit.Row(kit.Min(copySecret), kit.Spring()), -8, 0, 0, 0)), kit.Gap(14),
		kit.Min(f.code))
	code := kit.NewQR(word("signin.second.qr"), f.view.URL, 4)
	if code == nil {
		return right
	}
	top := kit.Column(kit.Min(code), kit.Spring())
	return kit.Row(kit.Min(top), kit.Gap(24), kit.Grow(right))
}

// codeSheet shows codes in two columns, or in one where two have no room: half a code opens nothing.
func codeSheet(codes []string) fyne.CanvasObject {
	const between float32 = 16
	runs := func(c string) []kit.Run { return []kit.Run{{Text: c, Look: kit.Code}} }
	line := func() float32 { return kit.LineHeight(kit.Snippet) + 4 }
	columns := func(width float32) int {
		for _, c := range codes {
			if layoutText(runs(c), 4096, kit.Style{Type: kit.Snippet}).Width > (width-between)/2 {
				return 1
			}
		}
		return 2
	}
	rows := func(width float32) int { return (len(codes) + columns(width) - 1) / columns(width) }
	return newTall(word("signin.kept.title"), func(s *kit.Sketch, size fyne.Size) {
		down := rows(size.Width)
		for i, c := range codes {
			x := float32(i/down) * ((size.Width-between)/2 + between)
			s.Block(s.Layout(runs(c), size.Width-x, kit.Style{Type: kit.Snippet}), x, float32(i%down)*line(), s.P.Text)
		}
	}, func(width float32) float32 { return float32(rows(width))*line() - 4 })
}

// codes are the recovery codes, with the ways to keep them.
func (f *signInForm) codes() fyne.CanvasObject {
	codes := f.view.Codes
	panel := kit.NewPanel(codeSheet(codes), kit.ChipNeutral, 14)
	file := func() string { return recoveryFile(f.at.asked.Name, codes, f.u.clock()) }
	copyAll := kit.NewButton(word("signin.kept.copy"), kit.Flat, func() { f.u.copiedAs(strings.Join(codes, "\n"), "toast.copied.plain") }).SetIcon("copy")
	save := kit.NewButton(word("signin.kept.save"), kit.Flat, func() { f.u.save(word("signin.kept.name")+".txt", []byte(file())) }).SetIcon("download")
	return kit.Column(kit.Min(panel), kit.Gap(8), kit.Min(kit.Inset(kit.Row(kit.Min(copyAll), kit.Gap(8), kit.Min(save), kit.Spring()), -8, 0, 0, 0)))
}

func (u *UI) clock() clock { return clock{now: inbox.At(u.cfg.Now()), loc: u.cfg.Location} }
