package ui

import (
	"image/color"
	"reflect"
	"strconv"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// contactPane is the panel beside the timeline. It is a list, so that many notes cost no more than those in view.
type contactPane struct {
	d    *desk
	root *fyne.Container
	list *kit.List
	view ContactView
	rows []sideRow
	open string // the conversation the list was last reset for
	all  bool   // everybody who saw something is listed
}

// sideRow is a row of the panel: what it is, and which one of these.
type sideRow struct {
	kind sideKind
	at   int
}

type sideKind uint8

const (
	sideHead sideKind = iota
	sideField
	sidePolicy
	sideRule
	sideSawHead
	sideSaw
	sideSawNone
	sideSawMore
	sideSawAll
	sideNotesHead
	sideNote
	sideNotesNone
	sideTags
	sideTasksHead
	sideTask
	sideTasksNone
	sideOthersHead
	sideOther
)

// Areas of a field: what else can be done with it, and what is done next.
const (
	areaMore = "more"
	areaNext = "next"
	areaAll  = "all"
	areaLog  = "log"
)

func newContactPane(d *desk) *contactPane {
	p := &contactPane{d: d}
	p.list = kit.NewList(kit.ListConfig{Name: word("contact.title"), Len: func() int { return len(p.rows) }, ID: strconv.Itoa, Measure: p.measure, Draw: p.draw,
		Background: inkSurface, PadBottom: 16, StickTop: true, RingRow: true, HoverRows: true, OnTap: func(i int, area string, _ fyne.Position) { p.do(i, area) }, OnKey: p.key,
		Tip: func(i int, area string) string {
			if area == areaMore {
				return word("field.more")
			}
			return ""
		}})
	p.root = boxed(fill{}, kit.NewFill(inkSurface), p.list)
	return p
}

// field is the field of a row; nil when it is none.
func (p *contactPane) field(i int) *FieldView {
	if i < 0 || i >= len(p.rows) || p.rows[i].kind != sideField {
		return nil
	}
	return &p.view.Fields[p.rows[i].at]
}

func (p *contactPane) do(i int, area string) {
	f := p.field(i)
	switch {
	case i < len(p.rows) && p.doTeam(p.rows[i], area):
	case area == areaAll:
		p.all = true
		p.refresh()
	case area == areaLog:
		p.d.audit.about(auditFilter{conversation: p.d.open, contact: p.d.row.Contact.Display()})
	case f == nil:
	case area == areaConsent:
		p.d.showConsent(nil)
	case area == areaNext:
		p.d.looks.act(f.Field)
	case area == areaMore:
		p.list.Select(strconv.Itoa(i))
		p.d.showField(f.Field)
	}
}

// stop reports whether the keyboard can do something with a row, and where.
func (p *contactPane) stop(i int) (area string, ok bool) {
	f := p.field(i)
	if area, ok := p.stopTeam(p.rows[i]); ok {
		return area, true
	}
	switch {
	case p.rows[i].kind == sideSawMore:
		return areaAll, true
	case p.rows[i].kind == sideSawAll:
		return areaLog, true
	case f == nil:
	case f.Reveal.Action != "":
		return areaNext, true
	case f.Reveal.Step == RevealOffer || f.More:
		return areaMore, true
	case f.Action != "":
		return f.Area, true
	}
	return "", false
}

// key walks through what can be done in the panel.
func (p *contactPane) key(ev *fyne.KeyEvent) bool {
	at, err := strconv.Atoi(p.list.Selected())
	if err != nil || at >= len(p.rows) {
		at = -1
	}
	switch ev.Name {
	case fyne.KeyDown, fyne.KeyUp:
		by := 1
		if ev.Name == fyne.KeyUp {
			by = -1
		}
		for i := at + by; i >= 0 && i < len(p.rows); i += by {
			if _, ok := p.stop(i); ok {
				p.list.Select(strconv.Itoa(i))
				p.list.ScrollTo(strconv.Itoa(i))
				return true
			}
		}
		return at >= 0
	case fyne.KeyReturn, fyne.KeyEnter, fyne.KeySpace:
		if at >= 0 {
			if area, ok := p.stop(at); ok {
				p.do(at, area)
			}
		}
		return at >= 0
	}
	return false
}

// chosenField is the field the keyboard is at; 0 for none.
func (p *contactPane) chosenField() inbox.Field {
	if p.d.u.cfg.Window.Canvas().Focused() != fyne.Focusable(p.list) {
		return 0
	}
	i, err := strconv.Atoi(p.list.Selected())
	if err != nil {
		return 0
	}
	if f := p.field(i); f != nil {
		return f.Field
	}
	return 0
}

// beside is where a menu of a field opens. A panel that was opened for it was not drawn yet, and no window knows where it is:
// its place is that of the panes, which were.
func (p *contactPane) beside(f inbox.Field) fyne.Position {
	home := fyne.CurrentApp().Driver().AbsolutePositionForObject(p.d.panes.box).Add(p.root.Position())
	for i := range p.rows {
		if v := p.field(i); v != nil && v.Field == f {
			p.list.ScrollTo(strconv.Itoa(i))
			if at, ok := p.list.Place(strconv.Itoa(i)); ok {
				return home.Add(at).AddXY(sideInset, kit.LineHeight(kit.Caption)+kit.LineHeight(kit.Body)+6)
			}
		}
	}
	return home.AddXY(sideInset, 100)
}

// forget draws the panel without what was shown in it.
func (p *contactPane) forget() {
	if p.d.row != nil && p.d.side == p {
		p.view = ContactView{}
		p.refresh()
	}
}

func (p *contactPane) refresh() {
	d := p.d
	if d.row == nil {
		return
	}
	v := contactView(d.row.Conversation, d.messages, d.staff, d.clock())
	d.askBill()
	if b := d.bill; b.of == d.open && b.field.Label != "" && d.row.Erased == 0 {
		v.Fields = append(v.Fields, b.field)
	}
	for i := range v.Fields {
		if f := &v.Fields[i]; f.Field != 0 {
			f.Reveal = d.looks.view(f.Field)
			f.More = f.Reveal.Step == RevealOffer || f.Reveal.Step == RevealNothing && d.sends()
		}
	}
	c := d.row.Conversation
	v.CanTag, v.CanTask = d.mayOn(c, inbox.ActTag), d.mayOn(c, inbox.ActTask)
	for _, t := range d.house.tagged(c) {
		v.Tags = append(v.Tags, tagChip(t))
	}
	v.Tasks, v.Others = taskViews(c, d.staff, d.clock()), d.others()
	v.Log = d.staff.mayAuditOthers()
	v.Saw = sawView(d.looks.known(), d.staff, d.clock())
	if p.open != string(d.open) {
		p.all = false
	}
	same := p.open == string(d.open) && reflect.DeepEqual(v, p.view) && len(p.rows) == len(p.lay(v))
	p.view, p.rows = v, p.lay(v)
	if same {
		return
	}
	if p.open != string(d.open) {
		p.open = string(d.open)
		p.list.Select("")
		p.list.Reset()
		return
	}
	p.list.Changed()
	p.list.Refresh() // every row may have another height
}

// lay says which rows a view has.
func (p *contactPane) lay(v ContactView) []sideRow {
	out := []sideRow{{sideHead, 0}}
	last := -1 // the policy is said below the fields it hides
	for i, f := range v.Fields {
		if f.Masked {
			last = i
		}
	}
	for i := range v.Fields {
		out = append(out, sideRow{sideField, i})
		if i == last && v.Policy != "" {
			out = append(out, sideRow{sidePolicy, 0})
		}
	}
	out = append(out, sideRow{sideRule, 0})
	if v.Gone {
		return out
	}
	out = append(out, p.layTeam(v)...)
	out = append(out, sideRow{sideSawHead, 0})
	most := len(v.Saw)
	if !p.all && most > sawMost {
		most = sawMost - 1
	}
	for i := range most {
		out = append(out, sideRow{sideSaw, i})
	}
	switch {
	case len(v.Saw) == 0:
		out = append(out, sideRow{sideSawNone, 0})
	case most < len(v.Saw):
		out = append(out, sideRow{sideSawMore, 0})
	}
	if v.Log {
		out = append(out, sideRow{sideSawAll, 0})
	}
	out = append(out, sideRow{sideNotesHead, 0})
	for i := range v.Notes {
		out = append(out, sideRow{sideNote, i})
	}
	if len(v.Notes) == 0 {
		out = append(out, sideRow{sideNotesNone, 0})
	}
	return out
}

// sideInset is the free space at both sides of the panel.
const sideInset float32 = 20

// plotHeight is the height of the small plot of costs.
const plotHeight float32 = 34

// heading lays out the heading of a part of the panel.
func heading(text string, width float32) kit.Block {
	return layoutText([]kit.Run{{Text: text}}, width, kit.Style{Type: kit.Heading})
}

// policy lays out why fields are hidden, behind its lock.
func (p *contactPane) policy(room float32) kit.Block {
	return layoutText([]kit.Run{{Text: p.view.Policy}}, room-revealLead(), kit.Style{Type: kit.Caption})
}

// Where the action of a field stands, as there is room.
const (
	besideValue = iota
	besideLabel
	belowValue
)

func actionPlace(f *FieldView, room float32) int {
	room -= kit.TextWidth(f.Action, kit.LabelBold) + 12
	value := kit.TextWidth(f.Text, kit.Body)
	if f.Chip != nil {
		value = kit.ChipWidth(chip(*f.Chip))
	}
	switch {
	case f.Action == "", value <= room:
		return besideValue
	case kit.TextWidth(f.Label, kit.Caption) <= room:
		return besideLabel
	}
	return belowValue
}

// actionHeight is what an action takes that stands below the value.
func actionHeight() float32 { return kit.LineHeight(kit.LabelBold) + 6 }

func (p *contactPane) detail(f *FieldView, width float32) kit.Block {
	return layoutText([]kit.Run{{Text: f.Detail}}, width, kit.Style{Type: kit.Caption})
}

// revealLead is what the sign before the words about a reveal takes.
func revealLead() float32 { return kit.Scaled(14) + 6 }

func (p *contactPane) told(f *FieldView, width float32) kit.Block {
	return layoutText([]kit.Run{{Text: f.Reveal.Text}}, width-revealLead(), kit.Style{Type: kit.Caption})
}

// sawLine lays out why somebody saw something.
func sawLine(v SawView, room float32) kit.Block {
	return layoutText([]kit.Run{{Text: v.Line}}, room-kit.Scaled(16)-8, kit.Style{Type: kit.Caption})
}

func (p *contactPane) measure(i int, width float32) float32 {
	r := p.rows[i]
	room := width - 2*sideInset
	switch r.kind {
	case sideHead:
		return 88
	case sideTags, sideTasksHead, sideTask, sideTasksNone, sideOthersHead, sideOther:
		return p.measureTeam(r, room)
	case sideField:
		f := &p.view.Fields[r.at]
		h := kit.LineHeight(kit.Caption) + 12
		if s := p.d.looks.secret(f.Field); s != nil && f.Field != 0 {
			h += s.Height(room) + 2
		} else if f.Text != "" || f.Chip != nil {
			h += kit.LineHeight(kit.Body)
		}
		if actionPlace(f, room) == belowValue {
			h += actionHeight()
		}
		if f.Reveal.Text != "" {
			h += p.told(f, room).Height + 6
		}
		if f.Reveal.Action != "" {
			h += kit.Scaled(26) + 8
		}
		if f.Detail != "" {
			h += p.detail(f, room).Height + 3
		}
		if f.Plot != nil {
			h += plotHeight + 6
		}
		return h
	case sidePolicy:
		return p.policy(room).Height + 14
	case sideRule:
		return 12
	case sideSawHead:
		return heading(word("saw.title"), room).Height + 24
	case sideNotesHead:
		return heading(word("contact.notes"), room).Height + 24
	case sideSaw:
		return kit.LineHeight(kit.Snippet) + sawLine(p.view.Saw[r.at], room).Height + 10
	case sideSawNone:
		return layoutText([]kit.Run{{Text: word("saw.none")}}, room, kit.Style{Type: kit.Snippet}).Height + 8
	case sideSawMore, sideSawAll:
		return kit.LineHeight(kit.LabelBold) + 10
	case sideNotesNone:
		return layoutText([]kit.Run{{Text: p.view.Empty}}, room, kit.Style{Type: kit.Snippet}).Height + 8
	}
	v := p.view.Notes[r.at]
	return layoutText(runsOf(v.Text), room-24, kit.Style{Type: kit.Snippet}).Height + kit.LineHeight(kit.LabelBold) + 30
}

func (p *contactPane) draw(i int, s *kit.Sketch, size fyne.Size, st kit.RowState) {
	r := p.rows[i]
	x, room := sideInset, size.Width-2*sideInset
	if _, ok := p.stop(i); ok && st.Selected {
		s.Frame(x-10, -6, room+20, size.Height, nil, s.P.Accent, kit.FocusWidth, kit.InputRadius)
	}
	switch r.kind {
	case sideTags, sideTasksHead, sideTask, sideTasksNone, sideOthersHead, sideOther:
		p.drawTeam(r, s, x, room, st)
	case sideHead:
		v := p.view
		s.Avatar(v.Face.Initials, v.Face.Icon, v.Face.Colour, x, 18, 52)
		top := 44 - float32(int((kit.LineHeight(kit.Heading)+kit.LineHeight(kit.Caption))/2))
		if v.Line == "" {
			top = 44 - float32(int(kit.LineHeight(kit.Heading)/2))
		}
		s.TextIn(v.Name, x+64, top, room-64, kit.Heading, s.P.Text, kit.AlignStart)
		s.TextIn(v.Line, x+64, top+kit.LineHeight(kit.Heading), room-64, kit.Caption, s.P.TextMuted, kit.AlignStart)
	case sideField:
		p.drawField(&p.view.Fields[r.at], s, x, room, st)
	case sidePolicy:
		d := kit.Scaled(14)
		s.Icon("lock", x, float32(int((kit.LineHeight(kit.Caption)-d)/2)), d, s.P.Privacy.Ink)
		s.Block(p.policy(room), x+revealLead(), 0, s.P.TextMuted)
	case sideRule:
		s.Line(x, size.Height-1, room, s.P.Border)
	case sideSawHead:
		s.Block(heading(word("saw.title"), room), x, 14, s.P.Text)
	case sideSaw:
		v := p.view.Saw[r.at]
		d := kit.Scaled(16)
		s.Icon(v.Icon, x, float32(int((kit.LineHeight(kit.Snippet)-d)/2)), d, ink(v.Tone, s.P))
		w := s.TextIn(v.Time, x, 1, room, kit.Meta, s.P.TextMuted, kit.AlignEnd)
		s.TextIn(v.Text, x+d+8, 0, room-d-16-w, kit.Snippet, s.P.Text, kit.AlignStart)
		s.Block(sawLine(v, room), x+d+8, kit.LineHeight(kit.Snippet), s.P.TextMuted)
	case sideSawNone:
		s.Block(s.Layout([]kit.Run{{Text: word("saw.none")}}, room, kit.Style{Type: kit.Snippet}), x, 0, s.P.TextMuted)
	case sideSawMore:
		text := word("saw.all", "N", grouped(len(p.view.Saw)))
		w := s.Text(text, x, 0, kit.LabelBold, s.P.AccentText)
		s.Area(areaAll, x-8, -6, w+16, 32)
	case sideSawAll:
		w := s.TextIn(word("saw.log"), x, 0, room, kit.LabelBold, s.P.AccentText, kit.AlignStart)
		s.Area(areaLog, x-8, -6, w+16, 32)
	case sideNotesHead:
		s.Block(heading(word("contact.notes"), room), x, 14, s.P.Text)
	case sideNotesNone:
		s.Block(s.Layout([]kit.Run{{Text: p.view.Empty}}, room, kit.Style{Type: kit.Snippet}), x, 0, s.P.TextMuted)
	default:
		v := p.view.Notes[r.at]
		s.Rect(x, 0, room, size.Height-8, s.P.Note.Soft, kit.InputRadius)
		w := s.TextIn(v.Time, x+12, 10, room-24, kit.Meta, s.P.Note.Ink, kit.AlignEnd)
		s.TextIn(v.Head, x+12, 8, room-24-w-8, kit.LabelBold, s.P.Note.Ink, kit.AlignStart)
		s.Block(s.Layout(runsOf(v.Text), room-24, kit.Style{Type: kit.Snippet}), x+12, 10+kit.LineHeight(kit.LabelBold), s.P.Note.Ink)
	}
}

func (p *contactPane) drawField(f *FieldView, s *kit.Sketch, x, room float32, st kit.RowState) {
	s.TextIn(f.Label, x, 0, room, kit.Caption, s.P.TextMuted, kit.AlignStart)
	y := kit.LineHeight(kit.Caption) + 2
	secret := p.d.looks.secret(f.Field)
	switch {
	case secret != nil && f.Field != 0:
		h := secret.Height(room)
		s.Secret(secret, x, y, room, h)
		y += h + 2
	case f.Chip != nil:
		s.Chips([]kit.Chip{chip(*f.Chip)}, x, y+1, room)
	case f.Masked:
		s.Masked(f.Text, x, y, false)
	default:
		s.TextIn(f.Text, x, y, room, kit.Body, s.P.Text, kit.AlignStart)
	}
	place := actionPlace(f, room)
	action := func(left, top, w float32) {
		s.TextIn(f.Action, left, top, w, kit.LabelBold, s.P.AccentText, kit.AlignStart)
		s.Area(f.Area, left-8, top-7, w+16, 32)
	}
	if w := kit.TextWidth(f.Action, kit.LabelBold) + 1; f.Action != "" && place != belowValue {
		action(x+room-w, map[int]float32{besideValue: y, besideLabel: -2}[place], w)
	}
	if f.More {
		const d = 28
		top := y + float32(int((kit.LineHeight(kit.Body)-d)/2))
		if st.Area == areaMore {
			s.Rect(x+room-d, top, d, d, s.P.Hover, kit.InputRadius)
		}
		s.Icon("more", x+room-d+5, top+5, 18, s.P.TextMuted)
		s.Area(areaMore, x+room-32, top-2, 36, 32)
	}
	if secret == nil && (f.Text != "" || f.Chip != nil) {
		y += kit.LineHeight(kit.Body)
	}
	if place == belowValue {
		action(x, y+3, room)
		y += actionHeight()
	}
	if f.Reveal.Text != "" {
		c := color.Color(s.P.TextMuted)
		if f.Reveal.Tone != ToneQuiet {
			c = ink(f.Reveal.Tone, s.P)
		}
		d := kit.Scaled(14)
		b := p.told(f, room)
		s.Icon(f.Reveal.Icon, x, y+4+float32(int((kit.LineHeight(kit.Caption)-d)/2)), d, c)
		s.Block(b, x+revealLead(), y+4, c)
		y += b.Height + 6
	}
	if f.Reveal.Action != "" {
		h := kit.Scaled(26)
		w := kit.TextWidth(f.Reveal.Action, kit.LabelBold) + 24
		fill, line, text := color.Color(s.P.Surface), color.Color(s.P.BorderStrong), color.Color(s.P.AccentText)
		if f.Reveal.Step == RevealReady {
			fill, line, text = s.P.Privacy.Ink, s.P.Privacy.Ink, s.P.Surface
		}
		if st.Area == areaNext && f.Reveal.Step != RevealReady {
			fill = s.P.Hover
		}
		s.Frame(x, y+4, w, h, fill, line, 1, kit.InputRadius)
		s.Text(f.Reveal.Action, x+12, y+4+float32(int((h-kit.LineHeight(kit.LabelBold))/2)), kit.LabelBold, text)
		s.Area(areaNext, x, y+1, w, h+6)
		y += h + 8
	}
	if f.Detail != "" {
		b := p.detail(f, room)
		s.Block(b, x, y+3, s.P.TextFaint)
		y += b.Height + 3
	}
	if f.Plot != nil {
		c := kit.Chart{Inks: []color.Color{s.P.Accent}}
		for _, v := range f.Plot {
			c.Stacks = append(c.Stacks, kit.Stack{Parts: []float64{v}})
		}
		s.Chart(c, x, y+6, room, plotHeight)
		s.Line(x, y+6+plotHeight, room, s.P.Border)
	}
}
