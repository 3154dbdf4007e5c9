package ui

import (
	"image/color"

	"fyne.io/fyne/v2"

	"sealdesk/ui/kit"
)

func inkCanvas(p *kit.Palette) color.Color  { return p.Canvas }
func inkSurface(p *kit.Palette) color.Color { return p.Surface }
func inkRail(p *kit.Palette) color.Color    { return p.Rail }

// enrolScreen is the card that sets up a device: one string to paste, three steps to watch.
type enrolScreen struct {
	u      *UI
	root   *fyne.Container
	field  *kit.Field
	paste  fyne.CanvasObject // field with its margin
	first  *kit.Steps
	rest   *kit.Steps
	err    *kit.Text
	errs   fyne.CanvasObject // err with its margin
	alarm  *alarm
	honest *kit.Text
	title  *kit.Text
	button *kit.Button

	straight bool // opens the inbox when the device is ready, without being asked
	reached  *Enrolling
	failure  error
	done     *Enrolled
}

// showEnrol sets this device up: by signing in where the organisation named the server, else by a code.
func (u *UI) showEnrol() {
	if u.managed.Server != nil && u.invited == "" && u.cfg.Enrolment == "" {
		u.showJoin()
		return
	}
	u.showCode()
}

// showCode shows the card for a code.
func (u *UI) showCode() {
	u.enrol = &enrolScreen{u: u, root: boxed(fill{})}
	u.enrol.build("")
	u.show(u.enrol.root)
	u.cfg.Window.Canvas().Focus(u.enrol.field.Input())
	u.trace("enrol shown")
	if u.invited != "" {
		u.enrol.field.SetText(u.invited)
		u.invited = ""
		u.cfg.Window.Canvas().Focus(u.enrol.button)
	}
	if u.cfg.Enrolment != "" {
		u.enrol.field.SetText(u.cfg.Enrolment)
		u.cfg.Enrolment = "" // once: the second try is the person's
		u.enrol.straight = true
		u.enrol.submit()
	}
}

func (e *enrolScreen) rebuild() { e.build(e.field.Text()) }

func (e *enrolScreen) build(text string) {
	v := enrolView(nil, nil, nil)
	example := "sealdesk:enrol?…"
	if e.u.managed.Server != nil {
		example = "XXXX-XXXX-XXXX-XX"
	}
	e.title = kit.NewText(v.Title, kit.Display, kit.InkText)
	e.first, e.rest = kit.NewSteps(nil, false, 1), kit.NewSteps(nil, false, 2)
	e.field = kit.NewField("", example, false).SetMono()
	e.field.SetText(text)
	e.field.OnSubmit = e.submit
	e.field.OnChange = func(string) {
		if e.failure != nil {
			e.failure, e.reached = nil, nil
			e.refresh()
		}
	}
	e.err = kit.NewText("", kit.Caption, kit.InkDanger)
	e.paste = kit.Inset(e.field, 40, 0, 0, 0)
	e.errs = kit.Inset(e.err, 40, -14, 0, 12) // the field leaves room for a note, which this is
	e.alarm = newAlarm(14)
	e.honest = kit.NewText("", kit.Snippet, kit.InkMuted)
	e.button = kit.NewButton(v.Button, kit.Primary, e.submit)
	card := kit.NewCard(kit.Column(
		kit.Min(e.title), kit.Gap(20),
		kit.Min(e.first), kit.Gap(4),
		kit.Min(e.paste),
		kit.Min(e.errs),
		kit.Min(e.alarm.tall),
		kit.Min(e.rest), kit.Gap(10),
		kit.Min(kit.NewDivider(false)), kit.Gap(14),
		kit.Min(e.honest), kit.Gap(20),
		kit.Min(kit.Row(kit.Spring(), kit.Min(e.button))),
	), 36)
	e.root.Objects = []fyne.CanvasObject{kit.NewFill(inkCanvas), kit.Centered(card, 560)}
	e.refresh()
}

// refresh shows how far it has come.
func (e *enrolScreen) refresh() {
	v := enrolView(e.reached, e.failure, e.done)
	v.serverKnown(e.u.managed.Server, e.failure)
	e.title.Set(v.Title)
	steps := make([]kit.Step, len(v.Steps))
	for i, s := range v.Steps {
		steps[i] = kit.Step{Title: s.Title, Detail: s.Detail, State: [...]kit.StepState{kit.StepTodo, kit.StepNow, kit.StepDone, kit.StepFailed}[s.State]}
	}
	e.first.Set(steps[:1])
	e.rest.Set(steps[1:])
	e.err.Set(v.Error)
	visible(e.errs, v.Error != "")
	e.alarm.set(kit.Notice{Style: kit.ChipDanger, Icon: "shield", Title: v.AlarmBig, Text: v.Alarm})
	e.honest.Set(v.Honest)
	e.button.SetText(v.Button)
	if v.Busy {
		e.field.Disable()
	} else {
		e.field.Enable()
	}
	if v.Busy || v.Stuck {
		e.button.Disable()
	} else {
		e.button.Enable()
	}
	visible(e.paste, !v.Done)
	e.root.Refresh()
}

func visible(o fyne.CanvasObject, v bool) {
	if v {
		o.Show()
	} else {
		o.Hide()
	}
}

// submit tries the string, or opens the inbox when the device is ready.
func (e *enrolScreen) submit() {
	u := e.u
	if e.done != nil {
		u.enrol = nil
		u.show(u.start.root)
		u.open()
		return
	}
	if e.reached != nil && e.failure == nil {
		return // one at a time
	}
	text := e.field.Text()
	e.reached, e.failure = &Enrolling{}, nil
	e.refresh()
	go func() {
		done, err := u.cfg.Door.Enrol(u.ctx, text, func(r Enrolling) {
			u.cfg.Post(func() {
				e.reached = &r
				e.refresh()
			})
		})
		u.cfg.Post(func() {
			if err != nil {
				e.failure = err
				u.cfg.Log.Warn("device not enrolled", "trouble", troubleOf(err).Error(), "error", err)
				u.trace("enrol " + troubleOf(err).Error())
			} else {
				e.done = &done
				e.field.SetText("") // the code is spent
				u.trace("enrolled")
			}
			e.refresh()
			if err == nil && e.straight {
				e.submit()
				return
			}
			if err == nil {
				u.cfg.Window.Canvas().Focus(e.button)
			} else {
				u.cfg.Window.Canvas().Focus(e.field.Input())
			}
		})
	}()
}
