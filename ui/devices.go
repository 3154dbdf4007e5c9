package ui

import (
	"reflect"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// How often the page of devices asks while it is open: while a wipe runs, and else.
const (
	askRunning = second
	askIdle    = 10 * second
)

// devicesFrom is how wide the page must be to show a device beside the list; below it stands in the list's place.
const devicesFrom float32 = 940

// devicesPage is the page of devices: a list, and the one that is chosen beside it.
type devicesPage struct {
	d     *desk
	root  *fyne.Container
	head  *kit.Painted
	list  *kit.List
	blank *kit.EmptyState
	load  *kit.Painted
	side  *fyne.Container // holds the detail
	card  fyne.CanvasObject
	body  *fyne.Container
	scrol *kit.Scroller
	aside *aside

	devices []inbox.Device
	views   []DeviceView
	detail  DetailView
	shown   bool // something was answered
	at      inbox.Moment
	failed  error
	asked   int
	chosen  inbox.DeviceID
}

// aside puts a list and what is chosen in it side by side, or one in the place of the other.
type aside struct {
	list, side fyne.CanvasObject
	over       bool // in a narrow window the side is shown
	width      float32
	changed    func()
}

func (s *aside) wide() bool { return s.width >= devicesFrom }

// Layout implements fyne.Layout.
func (s *aside) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	was := s.wide()
	s.width = size.Width
	side := min(max(size.Width*0.4, 380), 480)
	if s.wide() {
		s.list.Move(fyne.NewPos(0, 0))
		s.list.Resize(fyne.NewSize(size.Width-side-16, size.Height))
		s.side.Move(fyne.NewPos(size.Width-side, 0))
		s.side.Resize(fyne.NewSize(side, size.Height))
	} else {
		for _, o := range []fyne.CanvasObject{s.list, s.side} {
			o.Move(fyne.NewPos(0, 0))
			o.Resize(size)
		}
	}
	visible(s.list, s.wide() || !s.over)
	visible(s.side, s.wide() || s.over)
	if was != s.wide() && s.changed != nil {
		s.changed()
	}
}

// MinSize implements fyne.Layout.
func (s *aside) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(200, 100) }

func newDevices(d *desk) *devicesPage {
	p := &devicesPage{d: d}
	p.head = pageHead(word("action.devices"), p.line)
	p.list = kit.NewList(kit.ListConfig{Name: word("action.devices"), Len: func() int { return len(p.views) }, ID: func(i int) string { return string(p.views[i].ID) },
		Uniform: deviceHeight, Draw: p.draw, HoverRows: true, RingRow: true, PadBottom: 8, OnKey: p.key,
		OnTap: func(i int, _ string, _ fyne.Position) { p.choose(p.views[i].ID, true) }})
	p.blank = kit.NewEmptyState("device", "", "", kit.Action{})
	p.load = kit.NewSkeleton(word("devices.loading"), 6, 72)
	p.body = kit.Inset(kit.Column(), 20, 18, 8, 16)
	p.scrol = kit.NewScroller(p.body)
	p.side = boxed(fill{}, kit.NewCard(p.scrol.View, 1))
	left := kit.Inset(boxed(fill{}, p.list, p.load, p.blank), -pageLead, 0, 0, 0)
	p.aside = &aside{list: left, side: p.side}
	p.aside.changed = func() { p.rebuild(true) }
	p.root = boxed(fill{}, kit.NewFill(inkCanvas), kit.Inset(kit.Column(kit.Min(p.head), kit.Gap(12), kit.Grow(boxed(p.aside, left, p.side))), pageX, pageY, pageX, pageY))
	p.refresh()
	return p
}

func (p *devicesPage) line() string {
	switch {
	case !p.shown:
		return ""
	case p.failed != nil:
		return join(devicesLine(p.devices), word("devices.asof", "Time", p.d.clock().when(p.at)))
	}
	return devicesLine(p.devices)
}

func deviceHeight() float32 {
	return kit.LineHeight(kit.Name) + kit.LineHeight(kit.Snippet) + kit.Dense(34, 22)
}

func (p *devicesPage) draw(i int, s *kit.Sketch, size fyne.Size, st kit.RowState) {
	v := p.views[i]
	w := size.Width - pageLead - 12
	line, fill := s.P.Border, s.P.Surface
	if st.Selected {
		line = s.P.Accent
	} else if st.Hovered {
		fill = s.P.Hover
	}
	s.Frame(pageLead, 4, w, size.Height-8, fill, line, map[bool]float32{true: kit.FocusWidth, false: 1}[st.Selected], kit.CardRadius)
	s.Area("row", pageLead, 4, w, size.Height-8)
	x, top := pageLead+14, float32(16)
	ground, sign := s.P.Sunken, s.P.TextMuted
	if v.Online {
		ground, sign = s.P.OK.Soft, s.P.OK.Ink
	}
	s.Rect(x, top-1, 36, 36, ground, 18)
	s.Icon("device", x+9, top+8, 18, sign)
	x += 50
	right := pageLead + w - 14
	c := chip(v.State)
	cw := kit.ChipWidth(c)
	s.Chip(c, right-cw, top)
	s.TextIn(v.Name, x, top-2, right-cw-x-10, kit.NameBold, s.P.Text, kit.AlignStart)
	top += kit.LineHeight(kit.Name) + 1
	sw := s.TextIn(v.Seen, x, top+1, right-x, kit.Caption, s.P.TextMuted, kit.AlignEnd)
	s.TextIn(join(v.Who, v.System), x, top, right-x-sw-12, kit.Snippet, s.P.TextMuted, kit.AlignStart)
}

// key goes through the list; Enter goes to what can be done with the chosen one.
func (p *devicesPage) key(ev *fyne.KeyEvent) bool {
	at := p.index()
	switch ev.Name {
	case fyne.KeyDown, fyne.KeyUp:
		by := 1
		if ev.Name == fyne.KeyUp {
			by = -1
		}
		if at += by; at >= 0 && at < len(p.views) {
			p.choose(p.views[at].ID, false)
			p.list.ScrollTo(string(p.views[at].ID))
		}
		return true
	case fyne.KeyReturn, fyne.KeyEnter:
		if at >= 0 {
			p.choose(p.views[at].ID, true)
			p.focusDetail()
		}
		return true
	}
	return false
}

func (p *devicesPage) index() int {
	for i, v := range p.views {
		if v.ID == p.chosen {
			return i
		}
	}
	return -1
}

// device is the chosen one.
func (p *devicesPage) device() (inbox.Device, bool) {
	for _, d := range p.devices {
		if d.ID == p.chosen {
			return d, true
		}
	}
	return inbox.Device{}, false
}

// takeList gives a list the keyboard that could not have it while it was being asked for.
func (d *desk) takeList(on page, list *kit.List) {
	c := d.u.cfg.Window.Canvas()
	if d.page != on || !list.Visible() || c.Overlays().Top() != nil {
		return
	}
	if a, ok := c.Focused().(kit.Accessible); !ok || kit.Find(d.pageRoot(), a.AccessibleName()) != a {
		c.Focus(list)
	}
}

// choose shows a device; open also where there is only room for it.
func (p *devicesPage) choose(id inbox.DeviceID, open bool) {
	other := p.chosen != id
	p.chosen = id
	p.list.Select(string(id))
	if open && !p.aside.wide() {
		p.aside.over = true
		relayout(p.root)
	}
	p.rebuild(other)
	if open && p.aside.over && !p.aside.wide() {
		p.focusDetail()
	}
	p.d.u.trace("device shown")
}

// back goes from the device to the list where there is only room for one, and reports whether it did.
func (p *devicesPage) back() bool {
	if !p.aside.over || p.aside.wide() {
		return false
	}
	p.aside.over = false
	relayout(p.root)
	p.d.u.cfg.Window.Canvas().Focus(p.list)
	return true
}

// focusDetail puts the keyboard to what can be done with the chosen device.
func (p *devicesPage) focusDetail() {
	for _, do := range p.detail.Does {
		if do.Why != "" {
			continue
		}
		if b, ok := kit.Find(p.side, do.Text).(fyne.Focusable); ok {
			p.d.u.cfg.Window.Canvas().Focus(b)
			return
		}
	}
}

// ask asks the company's server, and again after a while as long as the page is open.
func (p *devicesPage) ask() {
	d := p.d
	p.asked++
	mine := p.asked
	go func() {
		a, err := d.ask(d.ctx, inbox.AskDevices{})
		d.u.cfg.Post(func() {
			if d.ended() || p.asked != mine {
				return
			}
			list, ok := a.(inbox.Devices)
			if err == nil && ok {
				p.failed, p.shown, p.devices, p.at = nil, true, list.List, d.clock().now
			} else if p.failed = err; err == nil {
				p.failed = ErrOffline
			}
			p.refresh()
			d.takeList(pageDevices, p.list)
			d.u.trace("devices shown")
			again := askIdle
			for _, x := range p.devices {
				if wipeRuns(x, d.clock().now) {
					again = askRunning
				}
			}
			d.later(again, func() {
				if p.asked == mine && d.page == pageDevices && d.devices == p {
					p.ask()
				}
			})
		})
	}()
}

func (p *devicesPage) refresh() {
	d := p.d
	p.views = deviceViews(p.devices, d.staff, d.clock())
	if p.index() < 0 && len(p.views) > 0 {
		p.chosen = p.views[0].ID
		p.list.Select(string(p.chosen))
	}
	visible(p.load, !p.shown && p.failed == nil)
	visible(p.blank, !p.shown && p.failed != nil || p.shown && len(p.views) == 0)
	visible(p.list, p.shown && len(p.views) > 0)
	switch {
	case p.failed != nil:
		icon, title, advice := devicesProblem(p.failed)
		p.blank.Set(icon, title, advice, kit.Action{Text: word("action.retry"), Do: p.ask})
	default:
		p.blank.Set("device", word("devices.empty"), word("devices.empty.text"), kit.Action{})
	}
	p.head.Refresh()
	p.list.Changed()
	p.list.Refresh()
	p.rebuild(false)
}

// rebuild shows the chosen device anew when something of it is different.
func (p *devicesPage) rebuild(top bool) {
	d := p.d
	dev, ok := p.device()
	v := DetailView{}
	if ok {
		v = detailView(dev, d.staff, d.clock(), d.link.State == LinkOnline)
	}
	if reflect.DeepEqual(v, p.detail) && !top {
		return
	}
	p.detail = v
	c := d.u.cfg.Window.Canvas()
	name := ""
	if a, ok := c.Focused().(kit.Accessible); ok && c.Overlays().Top() == nil && d.page == pageDevices && kit.Find(p.side, a.AccessibleName()) == a {
		name = a.AccessibleName()
	}
	p.body.Objects = []fyne.CanvasObject{p.contents(v)}
	p.card = p.body
	p.scrol.Refit()
	relayout(p.side)
	if top {
		p.scrol.View.ScrollToTop()
	}
	if b, ok := kit.Find(p.side, name).(fyne.Focusable); ok && name != "" {
		c.Focus(b)
	}
}

// contents is a device in full.
func (p *devicesPage) contents(v DetailView) fyne.CanvasObject {
	if v.Name == "" {
		return kit.Column(kit.Min(kit.NewText(word("devices.choose"), kit.Snippet, kit.InkMuted)))
	}
	var cells []kit.Cell
	if !p.aside.wide() {
		cells = append(cells, kit.Min(kit.Inset(kit.Row(kit.Min(kit.NewButton(word("devices.back"), kit.Flat, func() { p.back() }).SetIcon("chevron-left")), kit.Spring()), -8, 0, 0, 6)))
	}
	cells = append(cells, kit.Min(kit.NewText(v.Name, kit.Title, kit.InkText)), kit.Gap(10))
	if v.Evidence != "" {
		cells = append(cells, kit.Min(told(kit.Notice{Style: chipStyles[v.Tone], Icon: v.Icon, Title: v.Evidence, Text: v.Proof}, 14)))
	}
	var urgent, others []fyne.CanvasObject
	reasons := map[string]bool{}
	for _, do := range v.Does {
		kind := kit.Secondary
		switch do.Act {
		case DeviceWipe, DeviceAgree:
			kind = kit.Danger
		case DeviceRename, DeviceEntries, DeviceHoldings, DeviceOffboard:
			kind = kit.Flat
		}
		b := kit.NewButton(do.Text, kind, func() { p.act(do.Act) })
		if do.Why != "" {
			b.Disable()
			reasons[do.Why] = true
		}
		if kind == kit.Flat {
			others = append(others, b)
		} else {
			urgent = append(urgent, b)
		}
	}
	rows := func(list []fyne.CanvasObject, lead float32) {
		for len(list) > 0 { // two beside each other
			row := []kit.Cell{kit.Min(list[0])}
			n := 1
			if len(list) > 1 && list[0].MinSize().Width+list[1].MinSize().Width < 350 {
				row = append(row, kit.Gap(8), kit.Min(list[1]))
				n = 2
			}
			cells = append(cells, kit.Min(kit.Inset(kit.Row(append(row, kit.Spring())...), lead, 0, 0, 6)))
			list = list[n:]
		}
	}
	if len(v.Steps) > 0 {
		steps := make([]kit.Step, len(v.Steps))
		for i, x := range v.Steps {
			steps[i] = kitStep(x)
		}
		cells = append(cells, kit.Min(kit.NewSteps(steps, true, 1)), kit.Gap(4))
	}
	rows(urgent, 0)
	for why := range reasons {
		cells = append(cells, kit.Min(kit.NewText(why, kit.Caption, kit.InkMuted)), kit.Gap(8))
	}
	cells = append(cells, kit.Gap(4), kit.Min(kit.NewDivider(false)), kit.Gap(12))
	for _, f := range v.Facts {
		ink := kit.InkText
		if f.Tone != ToneQuiet {
			ink = kit.InkOf(chipStyles[f.Tone])
		}
		cells = append(cells, kit.Min(kit.Row(kit.Fix(kit.NewText(f.Label, kit.Snippet, kit.InkMuted), kit.Scaled(138)), kit.Grow(kit.NewText(f.Text, kit.Snippet, ink)))), kit.Gap(6))
	}
	cells = append(cells, kit.Gap(6))
	rows(others, -8)
	return kit.Column(cells...)
}

// act does what a button of a device says.
func (p *devicesPage) act(what DeviceAct) {
	d := p.d
	dev, ok := p.device()
	if !ok {
		return
	}
	switch what {
	case DeviceWipe:
		d.showWipe(dev)
	case DeviceAgree, DeviceRefuse:
		d.showDecideWipe(dev, what == DeviceAgree)
	case DeviceProof:
		d.question(inbox.AskProof{Device: dev.ID, Wipe: dev.Wipe.ID}, func(a inbox.Answer) {
			if proof, ok := a.(inbox.Proof); ok {
				d.u.save(proof.Name, proof.File)
				d.u.trace("proof shown")
			}
		})
	case DeviceReimaged:
		kit.ShowDialog(d.u.cfg.Window.Canvas(), kit.DialogConfig{Title: word("wipe.reimaged.title", "Device", dev.Name), Text: word("wipe.reimaged.text"),
			Safe: kit.Action{Text: word("action.cancel")}, Do: kit.Action{Text: word("wipe.reimaged.do"), Do: func() {
				d.question(inbox.Reimaged{Device: dev.ID}, func(inbox.Answer) { p.done(word("wipe.reimaged.done")) })
			}}})
	case DeviceRename:
		d.showRename(dev)
	case DeviceHoldings:
		d.showHoldings(dev)
	case DeviceEntries:
		d.audit.about(auditFilter{device: dev.ID, deviceName: dev.Name})
	case DeviceOffboard:
		d.showOffboard(dev.Person)
	}
}

// done says that something was done, and looks what has become of it.
func (p *devicesPage) done(text string) {
	p.d.u.toast(kit.Toast{Text: text, Icon: "check"})
	p.ask()
}
