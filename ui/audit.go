package ui

import (
	"errors"
	"strings"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// auditPage shows the audit log, the newest entries first, with the state of the log as a whole above it.
type auditPage struct {
	d     *desk
	root  *fyne.Container
	head  *kit.Painted
	state *alarm
	pills *fyne.Container
	list  *kit.List
	blank *kit.EmptyState
	load  *kit.Painted

	filter  auditFilter
	entries []inbox.AuditEntry
	named   map[inbox.DeviceID]string // the devices the reader may see; nil before the server was asked
	chain   ChainView
	more    bool
	asking  bool
	shown   bool
	failed  error
	asked   int
}

func newAudit(d *desk) *auditPage {
	p := &auditPage{d: d, more: true}
	p.head = pageHead(word("action.audit"), func() string { return word("audit.line") })
	p.state = newAlarm(12)
	p.pills = boxed(&least{h: kit.FilterHeight})
	p.list = kit.NewList(kit.ListConfig{Name: word("action.audit"), Len: func() int { return len(p.entries) }, ID: func(i int) string { return p.entries[i].ID },
		Uniform: func() float32 { return kit.LineHeight(kit.Body) + kit.LineHeight(kit.Caption) + kit.Dense(20, 10) }, Draw: p.draw, HoverRows: true, RingRow: true, PadBottom: 8, Background: inkSurface,
		OnKey: p.key, OnTap: func(i int, _ string, _ fyne.Position) { p.list.Select(p.entries[i].ID); p.open(i) },
		OnVisible: func(_, last int) {
			if last >= len(p.entries)-10 && p.shown {
				p.ask(false)
			}
		}})
	p.blank = kit.NewEmptyState("document", "", "", kit.Action{})
	p.load = kit.NewSkeleton(word("audit.loading"), 8, 58)
	body := kit.NewCard(boxed(fill{}, p.list, p.load, p.blank), 1)
	steer := kit.Column(kit.Min(p.state.tall), kit.Min(p.pills))
	p.root = pageFrame(p.head, steer, kit.Inset(body, pageLead, 0, 0, 0))
	p.steer()
	p.refresh()
	return p
}

// about shows the page narrowed to something.
func (p *auditPage) about(f auditFilter) {
	p.narrow(f)
	p.d.showPage(pageAudit)
}

// narrow filters the page.
func (p *auditPage) narrow(f auditFilter) {
	p.filter = f
	p.entries, p.more, p.shown, p.failed = nil, true, false, nil
	p.asking = false
	p.steer()
	p.list.Reset()
	p.ask(true)
}

// mostPill is how many letters of a name stand in a pill.
const mostPill = 22

func short(text string) string {
	if r := []rune(text); len(r) > mostPill {
		return string(r[:mostPill-1]) + "…"
	}
	return text
}

// steer makes the pills with which the page is narrowed.
func (p *auditPage) steer() {
	d, f := p.d, p.filter
	var cells []kit.Cell
	pill := func(text string, active bool, tap func(at fyne.Position)) {
		var v *kit.ChipView
		v = kit.NewChip(kit.Chip{Text: short(text), Style: kit.ChipFilter, Active: active}, func() {
			at := fyne.CurrentApp().Driver().AbsolutePositionForObject(v)
			tap(at.AddXY(0, v.Size().Height+4))
		})
		cells = append(cells, kit.Min(v), kit.Gap(kit.ChipGap))
	}
	if d.staff.mayAuditOthers() {
		text := word("audit.person.all")
		if f.person != "" {
			text = d.staff.called(f.person)
		}
		pill(text, f.person != "", func(fyne.Position) { p.pickPerson() })
	}
	group := actGroups[0]
	for _, g := range actGroups {
		if g.Prefix == f.group {
			group = g
		}
	}
	pill(word(group.Key), f.group != "", p.pickGroup)
	span := word("audit.span.all")
	for _, s := range auditSpans {
		if s.days == f.days {
			span = word(s.key)
		}
	}
	pill(span, f.days != 0, p.pickSpan)
	text := word("audit.device.all")
	if f.device != "" {
		text = f.deviceName
	}
	pill(text, f.device != "", p.pickDevice)
	if f.conversation != "" {
		pill(word("audit.about", "Name", f.contact), true, func(fyne.Position) { f := p.filter; f.conversation, f.contact = "", ""; p.narrow(f) })
	}
	if f.narrowed() {
		cells = append(cells, kit.Min(kit.NewButton(word("audit.reset"), kit.Flat, func() { p.narrow(auditFilter{}) })))
	}
	p.pills.Objects = []fyne.CanvasObject{kit.Row(cells...)}
	relayout(p.pills)
	p.pills.Refresh()
}

func (p *auditPage) menu(name string, at fyne.Position, items []kit.MenuItem) {
	kit.ShowMenu(p.d.u.cfg.Window.Canvas(), kit.MenuConfig{Name: name, Active: -1, At: at, Items: items, OnClose: func() { p.d.u.trace("overlay closed") }})
}

func (p *auditPage) pickGroup(at fyne.Position) {
	var items []kit.MenuItem
	for _, g := range actGroups {
		items = append(items, kit.MenuItem{Text: word(g.Key), Do: func() { f := p.filter; f.group = g.Prefix; p.narrow(f) }})
	}
	p.menu(word("audit.group.all"), at, items)
}

func (p *auditPage) pickSpan(at fyne.Position) {
	var items []kit.MenuItem
	for _, s := range auditSpans {
		items = append(items, kit.MenuItem{Text: word(s.key), Do: func() { f := p.filter; f.days = s.days; p.narrow(f) }})
	}
	p.menu(word("audit.span.all"), at, items)
}

func (p *auditPage) pickPerson() {
	d := p.d
	kit.NewPicker(kit.PickerConfig{Name: word("audit.person.all"), Placeholder: word("audit.person.find"), Empty: word("palette.empty"),
		OnClose: func() { d.u.trace("overlay closed") },
		OnPick:  func(it kit.Item) { f := p.filter; f.person = inbox.PersonID(it.ID[2:]); p.narrow(f) },
		Items: func(string) []kit.Item {
			items := []kit.Item{{ID: pickPerson, Title: word("audit.person.all"), Icon: "people"}}
			for _, c := range colleaguesOf(d.staff) {
				if inbox.Can(d.staff.me, inbox.ActAudit, c.Subject()) == nil {
					items = append(items, kit.Item{ID: pickPerson + string(c.ID), Title: c.Name, Icon: "user"})
				}
			}
			return items
		}}).Open(d.u.cfg.Window.Canvas())
}

// pickDevice offers the devices the reader may see.
func (p *auditPage) pickDevice(at fyne.Position) {
	d := p.d
	show := func(list []inbox.Device) {
		items := []kit.MenuItem{{Text: word("audit.device.all"), Do: func() { f := p.filter; f.device, f.deviceName = "", ""; p.narrow(f) }}}
		for _, x := range list {
			if len(items) == mostDevices {
				break
			}
			items = append(items, kit.MenuItem{Text: x.Name, Hint: d.staff.called(x.Person), Do: func() { f := p.filter; f.device, f.deviceName = x.ID, x.Name; p.narrow(f) }})
		}
		p.menu(word("audit.device.all"), at, items)
	}
	if d.devices.shown {
		show(d.devices.devices)
		return
	}
	d.question(inbox.AskDevices{}, func(a inbox.Answer) {
		if list, ok := a.(inbox.Devices); ok {
			show(list.List)
		}
	})
}

// learn asks once what the devices are called from which people acted. Nobody waits for the answer: without it an entry has the
// id of its device.
func (p *auditPage) learn() {
	if p.named != nil {
		return
	}
	p.named = map[inbox.DeviceID]string{}
	d := p.d
	go func() {
		a, err := d.ask(d.ctx, inbox.AskDevices{})
		d.u.cfg.Post(func() {
			list, ok := a.(inbox.Devices)
			if err != nil || !ok {
				p.named = nil
				return
			}
			for _, x := range list.List {
				p.named[x.ID] = x.Name
			}
		})
	}()
}

// mostDevices is how many devices a menu lists; the page of devices leads to the others.
const mostDevices = 13

// ask asks for the newest page, or for the one after the last entry.
func (p *auditPage) ask(fresh bool) {
	d := p.d
	if p.asking && !fresh || !fresh && !p.more {
		return
	}
	p.asking = true
	p.asked++
	mine := p.asked
	before := ""
	if n := len(p.entries); n > 0 && !fresh {
		before = p.entries[n-1].ID
	}
	q := p.filter.question(before, d.u.cfg.Now(), d.u.cfg.Location)
	p.refresh()
	go func() {
		a, err := d.ask(d.ctx, q)
		d.u.cfg.Post(func() {
			if d.ended() || p.asked != mine {
				return
			}
			p.asking = false
			got, ok := a.(inbox.AuditPage)
			if err == nil && !ok {
				err = errors.New("not an answer to the question")
			}
			if p.failed = err; err == nil {
				p.learn()
				if fresh {
					p.entries = nil
				}
				p.entries, p.more, p.shown = append(p.entries, got.Entries...), got.More && len(got.Entries) > 0, true
				if len(got.Chains) > 0 {
					p.chain = chainView(got.Chains, d.clock())
				}
			} else if len(p.entries) > 0 {
				d.u.toast(kit.Toast{Text: trouble(err), Icon: "warn"})
			}
			p.refresh()
			d.takeList(pageAudit, p.list)
			d.u.trace("audit shown")
		})
	}()
}

func (p *auditPage) refresh() {
	visible(p.load, p.asking && !p.shown)
	visible(p.blank, !p.asking && len(p.entries) == 0 && (p.shown || p.failed != nil))
	visible(p.list, len(p.entries) > 0)
	switch {
	case p.failed != nil:
		icon, title, advice := auditProblem(p.failed)
		p.blank.Set(icon, title, advice, kit.Action{Text: word("action.retry"), Do: func() { p.ask(true) }})
	case p.filter.narrowed():
		p.blank.Set("search", word("audit.none"), word("audit.none.text"), kit.Action{Text: word("audit.reset"), Do: func() { p.narrow(auditFilter{}) }})
	default:
		p.blank.Set("document", word("audit.empty"), "", kit.Action{})
	}
	c := p.chain
	p.state.set(kit.Notice{Style: chipStyles[c.Tone], Icon: c.Icon, Title: c.Title, Text: c.Line})
	p.head.Refresh()
	if at := p.chosen(); at < 0 && len(p.entries) > 0 {
		p.list.Select(p.entries[0].ID)
	}
	p.list.Changed()
	p.list.Refresh()
	relayout(p.root)
}

func (p *auditPage) draw(i int, s *kit.Sketch, size fyne.Size, st kit.RowState) {
	d := p.d
	v := entryView(p.entries[i], d.house, d.staff, d.clock())
	w := size.Width
	if st.Hovered {
		s.Rect(0, 0, w, size.Height-1, s.P.Hover, 0)
	}
	if st.Selected {
		s.Frame(3, 2, w-6, size.Height-5, nil, s.P.Accent, kit.FocusWidth, kit.InputRadius)
	}
	s.Area("row", 0, 0, w, size.Height)
	y := float32(9)
	s.Icon(v.Icon, 16, y+float32(int((size.Height-18-20)/2)), 20, ink(v.Tone, s.P))
	right := w - 18
	tw := s.TextIn(v.Time, right-170, y+2, 170, kit.Caption, s.P.TextMuted, kit.AlignEnd)
	rest := right - tw - 12
	if v.Refused != "" {
		c := kit.Chip{Text: v.Refused, Style: kit.ChipWarn}
		rest -= kit.ChipWidth(c)
		s.Chip(c, rest, y+1)
		rest -= 8
	}
	s.TextIn(v.Text, 50, y, rest-50, kit.Body, s.P.Text, kit.AlignStart)
	s.TextIn(v.Line, 50, y+kit.LineHeight(kit.Body), right-50, kit.Caption, s.P.TextMuted, kit.AlignStart)
	if !st.Selected { // there its frame ends the row
		s.Line(50, size.Height-1, w-66, s.P.Border)
	}
}

// chosen is the entry the keyboard is at; -1 for none.
func (p *auditPage) chosen() int {
	for i, e := range p.entries {
		if e.ID == p.list.Selected() {
			return i
		}
	}
	return -1
}

func (p *auditPage) key(ev *fyne.KeyEvent) bool {
	at := p.chosen()
	switch ev.Name {
	case fyne.KeyDown, fyne.KeyUp:
		by := 1
		if ev.Name == fyne.KeyUp {
			by = -1
		}
		if at += by; at >= 0 && at < len(p.entries) {
			p.list.Select(p.entries[at].ID)
			p.list.ScrollTo(p.entries[at].ID)
		}
		return true
	case fyne.KeyReturn, fyne.KeyEnter:
		if at >= 0 {
			p.open(at)
		}
		return true
	}
	return false
}

// open shows an entry in full.
func (p *auditPage) open(i int) {
	d, e := p.d, p.entries[i]
	var cells []kit.Cell
	for _, f := range entryFacts(e, d.house, d.staff, p.named, d.clock()) {
		cells = append(cells, kit.Min(kit.Row(kit.Fix(kit.NewText(f.Label, kit.Snippet, kit.InkMuted), kit.Scaled(120)), kit.Grow(kit.NewText(f.Text, kit.Snippet, kit.InkText)))), kit.Gap(6))
	}
	cfg := kit.DialogConfig{Title: strings.TrimSuffix(entryView(e, d.house, d.staff, d.clock()).Text, "."), Body: kit.Column(cells...), Width: 560, Safe: kit.Action{Text: word("action.shut")}}
	if a := e.About; a != nil && a.Conversation != "" {
		if row := rowWith(d.all, a.Conversation); row != nil {
			cfg.Do = kit.Action{Text: word("page.conversation"), Do: func() { d.openConversation(a.Conversation) }}
		} else if p.filter.conversation == "" {
			cfg.Do = kit.Action{Text: word("audit.only"), Do: func() {
				f := p.filter
				f.conversation, f.contact = a.Conversation, a.Name
				p.narrow(f)
			}}
		}
	}
	kit.ShowDialog(d.u.cfg.Window.Canvas(), cfg)
	d.u.trace("entry shown")
}
