package ui

import (
	"fyne.io/fyne/v2"

	"sealdesk/ui/kit"
)

// wipedScreen stands where the inbox was.
type wipedScreen struct {
	u    *UI
	root *fyne.Container
	what Wiped
	do   *kit.Button
}

// showWiped tells what was destroyed, or brings that up to date.
func (u *UI) showWiped(w Wiped) {
	if u.wiped == nil {
		u.wiped = &wipedScreen{u: u, root: boxed(fill{})}
		u.wiped.what = w
		u.wiped.build()
		u.show(u.wiped.root)
		u.trace("wiped shown")
	} else {
		u.wiped.what = w
		u.wiped.build()
	}
	if s := u.wiped; s.do != nil {
		u.cfg.Window.Canvas().Focus(s.do)
	}
	if w.Done && !w.Sent.IsZero() {
		u.trace("wipe proven")
		return
	}
	again := retryEvery
	if !w.Done {
		again = second
	}
	gone := u.cfg.After(again)
	s := u.wiped
	go func() {
		select {
		case <-gone:
			u.cfg.Post(func() {
				if u.wiped == s {
					u.open()
				}
			})
		case <-u.ctx.Done():
		}
	}()
}

func (s *wipedScreen) rebuild() { s.build() }

func (s *wipedScreen) build() {
	v := wipedView(s.what, s.u.clock())
	mark := kit.NewPainted("", func(k *kit.Sketch, size fyne.Size) {
		k.Rect(0, 0, 48, 48, k.P.Danger.Soft, 24)
		k.Icon(v.Icon, 12, 12, 24, k.P.Danger.Ink)
	}).SetMin(func() fyne.Size { return fyne.NewSize(48, 48) })
	steps := make([]kit.Step, len(v.Steps))
	for i, x := range v.Steps {
		steps[i] = kitStep(x)
	}
	cells := []kit.Cell{kit.Min(kit.Row(kit.Min(mark), kit.Gap(16), kit.Grow(kit.Column(kit.Min(kit.NewText(v.Title, kit.Title, kit.InkText)), kit.Gap(2), kit.Min(kit.NewText(v.Line, kit.Snippet, kit.InkMuted)))))),
		kit.Gap(14), kit.Min(kit.NewText(v.Text, kit.Body, kit.InkText)), kit.Gap(16)}
	// What came of it stands before its steps: these may have to be scrolled to.
	if v.Left != "" {
		cells = append(cells, kit.Min(told(kit.Notice{Style: kit.ChipWarn, Icon: "warn", Text: v.Left}, 10)))
	}
	if v.State != "" {
		n := kit.Notice{Style: kit.ChipWarn, Icon: "clock", Text: v.State}
		if v.OK {
			n.Style, n.Icon = kit.ChipOK, "check"
		}
		cells = append(cells, kit.Min(told(n, 16)))
	}
	cells = append(cells, kit.Min(kit.NewSteps(steps, true, 1)))
	s.do = nil
	var foot []kit.Cell
	if v.Button != "" {
		row := []kit.Cell{}
		if v.Copy != "" {
			row = append(row, kit.Min(kit.Inset(kit.NewButton(v.Copy, kit.Flat, func() { s.u.copied(string(s.what.Order)) }).SetIcon("copy"), -8, 0, 0, 0)))
		}
		s.do = kit.NewButton(v.Button, kit.Primary, func() {
			s.u.wiped = nil
			s.u.start.set(startView(nil))
			s.u.show(s.u.start.root)
			s.u.way(WaySetUp)
		})
		foot = append(foot, kit.Gap(8), kit.Min(kit.Row(append(row, kit.Spring(), kit.Min(s.do))...)))
	}
	s.root.Objects = footedScreen(kit.Column(cells...), kit.Column(foot...), 32, kit.Scaled(560))
	s.root.Refresh()
}

func kitStep(x StepView) kit.Step {
	return kit.Step{Title: x.Title, Detail: x.Detail, State: [...]kit.StepState{kit.StepTodo, kit.StepNow, kit.StepDone, kit.StepFailed}[x.State]}
}
