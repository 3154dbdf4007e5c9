package ui

import (
	"strconv"
	"strings"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// A page is what the window shows right of the rail.
type page uint8

const (
	pageInbox page = iota
	pageRequests
	pageIncidents
	pageCosts
	pageDecisions
	pageDevices
	pageAudit
	pageBoard
	pageReports
	pageOrganise
)

// Distances of a page.
const (
	pageX    float32 = 28
	pageY    float32 = 22
	pageLead float32 = 4 // rows begin there, so that their lines are not cut
)

// allowed reports whether the reader may see a page.
func (d *desk) allowed(p page) bool {
	switch p {
	case pageRequests, pageIncidents:
		return may(d.staff.me, inbox.ActOversee)
	case pageCosts:
		return may(d.staff.me, inbox.ActCosts)
	case pageDecisions:
		return may(d.staff.me, inbox.ActDecide) || len(d.house.reveals) > 0
	case pageDevices:
		return d.staff.mayTo(inbox.ActDevices, d.staff.me.ID)
	case pageAudit:
		return d.staff.mayTo(inbox.ActAudit, d.staff.me.ID)
	case pageBoard, pageReports:
		return may(d.staff.me, inbox.ActReport)
	case pageOrganise:
		return may(d.staff.me, inbox.ActOrganise)
	}
	return true
}

// showPage turns to a page and reports whether the reader may see it.
func (d *desk) showPage(p page) bool {
	if !d.allowed(p) {
		return false
	}
	d.looks.hide() // who turns away is not looking
	if d.page = p; p.isTeam() {
		d.lastTeam = p
	}
	d.panes.turn(d.pageRoot())
	d.rail.refresh(d)
	d.applyRows()
	switch p {
	case pageInbox:
		d.comp.focus()
		return true
	case pageCosts:
		d.costs.ask()
	case pageBoard:
		d.board.ask()
	case pageReports:
		d.reports.ask()
	case pageOrganise:
		d.organise.refresh()
	case pageDevices:
		d.devices.aside.over = false
		d.devices.ask()
	case pageAudit:
		d.audit.steer()
		if !d.audit.asking {
			d.audit.ask(true)
		}
	}
	switch p {
	case pageRequests:
		d.requests.first()
	case pageIncidents:
		d.incidents.first()
	case pageDecisions:
		d.choices.first()
	}
	d.u.cfg.Window.Canvas().Focus(d.pageList())
	d.u.trace("page shown " + [...]string{"inbox", "requests", "incidents", "costs", "decisions", "devices", "audit", "board", "reports", "organise"}[p])
	return true
}

// firstPage turns to where somebody begins who reads no conversations.
func (d *desk) firstPage() {
	for _, p := range railPages {
		if d.allowed(p.page) {
			d.showPage(p.page)
			return
		}
	}
}

// pageRoot is what stands in the place of list, timeline and contact; nil for the inbox.
func (d *desk) pageRoot() fyne.CanvasObject {
	switch d.page {
	case pageRequests:
		return d.requests.root
	case pageIncidents:
		return d.incidents.root
	case pageDecisions:
		return d.choices.root
	case pageCosts:
		return d.costs.root
	case pageDevices:
		return d.devices.root
	case pageAudit:
		return d.audit.root
	case pageBoard:
		return d.board.root
	case pageReports:
		return d.reports.root
	case pageOrganise:
		return d.organise.root
	}
	return nil
}

// pageList is the list of the page that is shown.
func (d *desk) pageList() *kit.List {
	switch d.page {
	case pageRequests:
		return d.requests.list
	case pageIncidents:
		return d.incidents.list
	case pageDecisions:
		return d.choices.list
	case pageCosts:
		return d.costs.list
	case pageDevices:
		return d.devices.list
	case pageAudit:
		return d.audit.list
	case pageBoard:
		return d.board.list
	case pageReports:
		return d.reports.list
	case pageOrganise:
		return d.organise.list
	}
	return d.line.list
}

// refreshPages brings the pages up to date with what the device remembers.
func (d *desk) refreshPages() {
	if d.page != pageInbox && !d.allowed(d.page) {
		d.showPage(pageInbox)
	}
	d.rail.refresh(d)
	d.requests.refresh()
	d.incidents.refresh()
	d.choices.refresh()
	d.costs.rights()
	for _, t := range []*tabs{d.board.tabs, d.reports.tabs, d.costs.tabs, d.organise.tabs} {
		t.rights()
	}
	d.reports.rights()
	if d.page == pageOrganise {
		d.organise.refresh()
	}
	if d.page == pageDevices {
		d.devices.refresh()
	}
}

// pageHead paints the title of a page with a line below it.
func pageHead(title string, line func() string) *kit.Painted {
	return kit.NewPainted(title, func(s *kit.Sketch, size fyne.Size) {
		s.TextIn(title, 0, 0, size.Width, kit.Display, s.P.Text, kit.AlignStart)
		s.TextIn(line(), 0, kit.LineHeight(kit.Display)+2, size.Width, kit.Snippet, s.P.TextMuted, kit.AlignStart)
	}).SetMin(func() fyne.Size { return fyne.NewSize(200, kit.LineHeight(kit.Display)+kit.LineHeight(kit.Snippet)+6) })
}

// pageFrame lays a page out: its head, what steers it, and a card that takes the rest.
func pageFrame(head, steer fyne.CanvasObject, body ...fyne.CanvasObject) *fyne.Container {
	cells := []kit.Cell{kit.Min(head), kit.Gap(12)}
	if steer != nil {
		cells = append(cells, kit.Min(steer), kit.Gap(14))
	}
	cells = append(cells, kit.Grow(kit.Inset(boxed(fill{}, body...), -pageLead, 0, 0, 0)))
	return boxed(fill{}, kit.NewFill(inkCanvas), kit.Inset(kit.Column(cells...), pageX, pageY, pageX, pageY))
}

// oversight is a page of rows in two groups: what is open, and what is over.
type oversight struct {
	d      *desk
	name   string
	root   *fyne.Container
	head   *kit.Painted
	list   *kit.List
	blank  *kit.EmptyState
	rows   []oversightRow
	how    string
	line   func() string
	gather func() []oversightRow
	act    func(id, area string) // for rows with buttons
	letter func(id string, r rune)
	over   string // what the pointer is at: a row and an area
}

// hover is the area of a row under the pointer.
func (o *oversight) hover(id string) string {
	row, area, _ := strings.Cut(o.over, "\x00")
	if row == id {
		return area
	}
	return ""
}

// oversightRow is a row, or a heading when it has no painter.
type oversightRow struct {
	id           string
	head         string
	draw         func(s *kit.Sketch, x, y, w float32)
	conversation inbox.ConversationID
	height       func(width float32) float32 // nil is the usual one
}

func newOversight(d *desk, name, icon, empty, advice, how string) *oversight {
	o := &oversight{d: d, name: name, how: how}
	o.list = kit.NewList(kit.ListConfig{Name: name, Len: func() int { return len(o.rows) }, ID: func(i int) string { return o.rows[i].id }, HoverRows: true, PadBottom: 8, RingRow: true,
		Measure: func(i int, width float32) float32 {
			if o.rows[i].draw == nil {
				return kit.LineHeight(kit.Heading) + 22 + o.howBelow(i, width).Height
			}
			if h := o.rows[i].height; h != nil {
				return h(width)
			}
			return oversightHeight()
		},
		Draw: o.draw,
		OnTap: func(i int, area string, _ fyne.Position) {
			switch {
			case area == areaGo:
				o.open(i)
			case o.act != nil:
				o.act(o.rows[i].id, area)
			}
		},
		OnKey: o.key,
		OnRune: func(r rune) {
			if o.letter != nil {
				o.letter(o.list.Selected(), r)
			}
		},
		Tip: func(_ int, area string) string {
			if area == areaGo {
				return word("page.conversation")
			}
			return ""
		}})
	o.head = pageHead(name, func() string { return o.line() })
	o.blank = kit.NewEmptyState(icon, empty, advice, kit.Action{})
	o.root = pageFrame(o.head, nil, o.list, o.blank)
	return o
}

func oversightHeight() float32 {
	return kit.LineHeight(kit.Name) + kit.LineHeight(kit.Snippet) + kit.LineHeight(kit.Caption) + 32
}

// howBelow is what is said about the page, laid out below its first heading where there is no room beside it.
func (o *oversight) howBelow(i int, width float32) kit.Block {
	if i != 0 || kit.TextWidth(o.rows[i].head, kit.Heading)+kit.TextWidth(o.how, kit.Caption) <= width-32 {
		return kit.Block{}
	}
	return layoutText([]kit.Run{{Text: o.how}}, width-pageLead-12, kit.Style{Type: kit.Caption})
}

func (o *oversight) draw(i int, s *kit.Sketch, size fyne.Size, st kit.RowState) {
	r := o.rows[i]
	if r.draw == nil {
		below := o.howBelow(i, size.Width)
		y := size.Height - kit.LineHeight(kit.Heading) - 8 - below.Height
		w := s.Text(r.head, pageLead, y, kit.Heading, s.P.Text)
		switch {
		case below.Height > 0:
			s.Block(below, pageLead, y+kit.LineHeight(kit.Heading), s.P.TextMuted)
		case i == 0:
			s.TextIn(o.how, w+20, y+2, size.Width-w-32, kit.Caption, s.P.TextMuted, kit.AlignEnd)
		}
		return
	}
	line := s.P.Border
	if st.Selected {
		line = s.P.Accent
	}
	w := size.Width - pageLead - 12
	s.Frame(pageLead, 4, w, size.Height-8, s.P.Surface, line, map[bool]float32{true: kit.FocusWidth, false: 1}[st.Selected], kit.CardRadius)
	if r.conversation != "" && rowWith(o.d.all, r.conversation) != nil {
		s.Area(areaGo, pageLead, 4, w, size.Height-8)
	}
	if st.Hovered {
		o.over = r.id + "\x00" + st.Area
	}
	r.draw(s, pageLead+16, 4, w-32)
}

func (o *oversight) open(i int) {
	if id := o.rows[i].conversation; id != "" && rowWith(o.d.all, id) != nil {
		o.d.openConversation(id)
	}
}

// key walks through the rows and opens what one is about.
func (o *oversight) key(ev *fyne.KeyEvent) bool {
	at := -1
	for i, r := range o.rows {
		if r.id == o.list.Selected() {
			at = i
		}
	}
	switch ev.Name {
	case fyne.KeyDown, fyne.KeyUp:
		by := 1
		if ev.Name == fyne.KeyUp {
			by = -1
		}
		for i := at + by; i >= 0 && i < len(o.rows); i += by {
			if o.rows[i].draw != nil {
				o.list.Select(o.rows[i].id)
				o.list.ScrollTo(o.rows[i].id)
				return true
			}
		}
		return true
	case fyne.KeyReturn, fyne.KeyEnter:
		if at >= 0 {
			o.open(at)
		}
		return true
	}
	return false
}

// first chooses the first row while none is chosen.
func (o *oversight) first() {
	for _, r := range o.rows {
		if r.id == o.list.Selected() {
			return
		}
	}
	id := "none" // an empty list shows no ring either
	if len(o.rows) > 1 {
		id = o.rows[1].id
	}
	o.list.Select(id)
}

func (o *oversight) refresh() {
	o.rows = o.gather()
	visible(o.blank, len(o.rows) == 0)
	o.head.Refresh()
	o.list.Changed()
	o.list.Refresh()
}

// group puts headings above what is open and what is over.
func (o *oversight) group(open, past []oversightRow, openHead, pastHead string) []oversightRow {
	var out []oversightRow
	if len(open) > 0 {
		out = append(append(out, oversightRow{id: "open", head: openHead}), open...)
	}
	if len(past) > 0 {
		out = append(append(out, oversightRow{id: "past", head: pastHead}), past...)
	}
	return out
}

// counted is how many there are; nothing for none, which the page says itself.
func counted(key string, n int) string {
	if n == 0 {
		return ""
	}
	return count(key, n)
}

func newIncidents(d *desk) *oversight {
	o := newOversight(d, word("action.incidents"), "check", word("incidents.empty"), word("incidents.empty.text"), word("incidents.how"))
	o.line = func() string { return counted("incidents.line", openIncidents(d.house.incidents)) }
	o.gather = func() []oversightRow {
		var open, past []oversightRow
		for _, i := range d.house.incidents {
			v := incidentView(i, d.house, d.staff, d.clock())
			r := oversightRow{id: string(i.ID), conversation: v.Conversation, draw: func(s *kit.Sketch, x, y, w float32) { paintIncident(s, v, x, y, w) }}
			if i.Closed == 0 {
				open = append(open, r)
			} else {
				past = append(past, r)
			}
		}
		return o.group(open, past, word("incidents.open"), word("incidents.past"))
	}
	return o
}

func newRequests(d *desk) *oversight {
	o := newOversight(d, word("action.requests"), "scales", word("requests.empty"), word("requests.empty.text"), word("requests.how"))
	o.line = func() string { return counted("requests.line", openRequests(d.house.requests)) }
	o.gather = func() []oversightRow {
		var open, past []oversightRow
		for _, q := range d.house.requests {
			v := requestView(q, rowWith(d.all, q.Conversation), d.house, d.staff, d.clock())
			r := oversightRow{id: string(q.ID), conversation: v.Conversation, draw: func(s *kit.Sketch, x, y, w float32) { paintRequest(s, v, x, y, w) }}
			if v.Open {
				open = append(open, r)
			} else {
				past = append(past, r)
			}
		}
		return o.group(open, past, word("requests.open"), word("requests.past"))
	}
	return o
}

// paintIncident paints three lines beside a sign: what, about what, since when.
func paintIncident(s *kit.Sketch, v IncidentView, x, y, w float32) {
	p := s.P
	soft := map[Tone]kit.Pair{ToneDanger: p.Danger, ToneWarn: p.Warn, ToneInfo: p.Info, ToneQuiet: {Ink: p.TextMuted, Soft: p.Sunken}}[v.Tone]
	top := y + 12
	s.Rect(x, top, 36, 36, soft.Soft, 18)
	s.Icon(v.Icon, x+9, top+9, 18, soft.Ink)
	tx := x + 50
	right := x + w
	if v.Count != "" {
		c := kit.Chip{Text: v.Count, Style: chipStyles[v.Tone]}
		right -= kit.ChipWidth(c)
		s.Chip(c, right, top+1)
		right -= 10
	}
	s.TextIn(v.Title, tx, top, right-tx, kit.NameBold, p.Text, kit.AlignStart)
	top += kit.LineHeight(kit.Name)
	detail := strings.Join(nonEmpty(v.Inbox, v.Detail), " · ")
	s.TextIn(detail, tx, top, x+w-tx, kit.Snippet, p.TextMuted, kit.AlignStart)
	top += kit.LineHeight(kit.Snippet) + 4
	s.TextIn(strings.Join(nonEmpty(word("incident.since", "Time", v.Since), v.Last, v.Closed), " · "), tx, top, x+w-tx, kit.Caption, p.TextFaint, kit.AlignStart)
}

func nonEmpty(list ...string) []string {
	var out []string
	for _, t := range list {
		if t != "" {
			out = append(out, t)
		}
	}
	return out
}

func paintRequest(s *kit.Sketch, v RequestView, x, y, w float32) {
	p := s.P
	top := y + 12
	icon, pair := "document", p.Info
	if v.Title == word("request.erasure") {
		icon, pair = "wipe", p.Warn
	}
	s.Rect(x, top, 36, 36, pair.Soft, 18)
	s.Icon(icon, x+9, top+9, 18, pair.Ink)
	tx, right := x+50, x+w
	for _, c := range []ChipView{v.State, v.Due} {
		if c.Text == "" {
			continue
		}
		k := chip(c)
		right -= kit.ChipWidth(k)
		s.Chip(k, right, top+1)
		right -= kit.ChipGap
	}
	s.TextIn(v.Title, tx, top, right-tx-6, kit.NameBold, p.Text, kit.AlignStart)
	top += kit.LineHeight(kit.Name)
	used := s.TextIn(v.Who, tx, top, w-60, kit.Snippet, p.TextMuted, kit.AlignStart)
	if v.Number != "" && used+tx+160 < x+w {
		s.RunsIn([]kit.Run{{Text: v.Number, Look: kit.Masked}}, tx+used+10, top, 160, kit.Snippet, p.Privacy.Ink, kit.AlignStart)
	}
	top += kit.LineHeight(kit.Snippet) + 4
	s.TextIn(strings.Join(nonEmpty(v.Asked, v.Line), " · "), tx, top, x+w-tx, kit.Caption, p.TextFaint, kit.AlignStart)
}

// barOf is the number of the column an area stands for; -1 for none.
func barOf(area string) int {
	rest, ok := strings.CutPrefix(area, "bar ")
	if !ok {
		return -1
	}
	i, err := strconv.Atoi(rest)
	if err != nil {
		return -1
	}
	return i
}
