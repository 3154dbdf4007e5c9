package ui

import (
	"context"
	"errors"

	"fyne.io/fyne/v2"

	"sealdesk/ui/kit"
)

// joinScreen is the card that sets up a device whose server the organisation's policy names: nobody has a string to paste, and
// whoever signs in is the device's person.
type joinScreen struct {
	u      *UI
	root   *fyne.Container
	form   *signInForm // nil before the server was found, and once that failed
	at     Enrolling
	err    error
	cancel context.CancelFunc
}

// showJoin shows the card, and asks the server.
func (u *UI) showJoin() {
	j := &joinScreen{u: u, root: boxed(fill{})}
	u.join = j
	j.build()
	u.show(j.root)
	u.trace("join shown")
	j.run()
}

// run asks the server, and goes on once somebody has signed in.
func (j *joinScreen) run() {
	u := j.u
	ctx, cancel := context.WithCancel(u.ctx)
	j.cancel, j.err, j.at = cancel, nil, Enrolling{}
	j.build()
	go func() {
		_, err := u.cfg.Door.Join(ctx, func(at Enrolling) { u.cfg.Post(func() { j.reached(at) }) })
		cancel()
		u.cfg.Post(func() {
			if u.join != j {
				return
			}
			j.ask(false)
			switch {
			case err == nil:
				u.join = nil
				u.trace("enrolled")
				u.show(u.start.root)
				u.open()
			case errors.Is(err, TroubleCodeNeeded):
				j.useCode()
			default:
				j.err = err
				u.cfg.Log.Warn("device not enrolled", "trouble", troubleOf(err).Error(), "error", err)
				u.trace("enrol " + troubleOf(err).Error())
				j.build()
			}
		})
	}()
}

func (j *joinScreen) reached(at Enrolling) {
	if j.u.join != j || j.err != nil {
		return
	}
	j.at = at
	j.ask(at.Step == EnrolServer)
	j.build()
}

// ask begins to ask who is there, or ends it.
func (j *joinScreen) ask(on bool) {
	switch {
	case on && j.form == nil:
		j.form = newSignInForm(j.u, j.u.cfg.Door.Gate(), false)
		j.form.heading = false
		j.form.done = func() {} // the door knows how it goes on
		j.form.resized = func() { relayout(j.root) }
		j.build()
		j.form.run(false)
	case !on && j.form != nil:
		j.form.end()
		j.form = nil
	}
}

// useCode goes to the card for those who have a code.
func (j *joinScreen) useCode() {
	u := j.u
	u.join = nil
	j.ask(false)
	j.cancel()
	u.trace("code wanted")
	u.showCode()
}

// rebuild shows the card in another language.
func (j *joinScreen) rebuild() {
	if j.form != nil {
		j.form.built = false
		j.form.refresh()
	}
	j.build()
}

func (j *joinScreen) build() {
	v := joinView(j.at, j.err, j.u.managed.Server)
	cells := []kit.Cell{
		kit.Min(kit.NewText(word("enrol.title"), kit.Display, kit.InkText)), kit.Gap(16),
		kit.Min(kit.NewPanel(kit.Column(
			kit.Min(kit.NewText(v.Company, kit.NameBold, kit.InkText)), kit.Gap(2),
			kit.Min(kit.NewRuns([]kit.Run{{Text: v.Server, Look: kit.Code}}, kit.Caption, kit.InkMuted))), kit.ChipNeutral, 14)), kit.Gap(20),
	}
	code := kit.NewButton(word("join.code"), kit.Flat, j.useCode)
	switch {
	case v.Trouble != "":
		a := newAlarm(16)
		a.set(kit.Notice{Style: chipStyles[v.Tone], Icon: "warn", Text: v.Trouble})
		again := kit.NewButton(word("action.retry"), kit.Primary, j.run)
		cells = append(cells, kit.Min(a.tall), kit.Min(kit.Row(kit.Min(code), kit.Spring(), kit.Min(again))))
	case j.form != nil:
		cells = append(cells, kit.Min(j.form.root), kit.Gap(16), kit.Min(kit.NewDivider(false)), kit.Gap(10),
			kit.Min(kit.Inset(kit.Row(kit.Min(code), kit.Spring()), -8, 0, 0, 0)))
	default:
		cells = append(cells, kit.Min(kit.NewText(word("signin.reach.text"), kit.Body, kit.InkMuted)))
	}
	cells = append(cells, kit.Gap(14), kit.Min(kit.NewText(word("enrol.honest"), kit.Snippet, kit.InkMuted)))
	j.root.Objects = cardScreen(kit.Column(cells...), 36, 560)
	relayout(j.root)
	j.root.Refresh()
	if j.form != nil {
		j.form.focus()
	}
}
