package ui

import (
	"image/color"
	"reflect"
	"strconv"

	"fyne.io/fyne/v2"

	"sealdesk/ui/kit"
)

// contactPane is the panel beside the timeline. It is a list, so that many notes cost no more than those in view.
type contactPane struct {
	d    *desk
	root *fyne.Container
	list *kit.List
	view ContactView
	open string // the conversation the list was last reset for
}

func newContactPane(d *desk) *contactPane {
	p := &contactPane{d: d}
	p.list = kit.NewList(kit.ListConfig{Name: word("contact.title"), Len: p.len, ID: strconv.Itoa, Measure: p.measure, Draw: p.draw,
		Background: inkSurface, PadBottom: 16, OnTap: func(_ int, area string, _ fyne.Position) {
			if area == areaConsent {
				d.showConsent(nil)
			}
		}})
	p.root = boxed(fill{}, kit.NewFill(inkSurface), p.list)
	return p
}

func (p *contactPane) refresh() {
	if p.d.row == nil {
		return
	}
	v := contactView(p.d.row.Conversation, p.d.messages, p.d.staff, p.d.clock())
	p.d.askBill()
	if b := p.d.bill; b.of == p.d.open && b.field.Label != "" {
		v.Fields = append(v.Fields, b.field)
	}
	same := p.open == string(p.d.open) && reflect.DeepEqual(v, p.view)
	p.view = v
	if same {
		return
	}
	if p.open != string(p.d.open) {
		p.open = string(p.d.open)
		p.list.Reset()
		return
	}
	p.list.Refresh() // every row may have another height
}

// The rows: head, fields, policy, heading of the notes, notes.
func (p *contactPane) len() int {
	if p.d.row == nil {
		return 0
	}
	return 3 + len(p.view.Fields) + max(len(p.view.Notes), 1)
}

// sideInset is the free space at both sides of the panel.
const sideInset float32 = 20

// plotHeight is the height of the small plot of costs.
const plotHeight float32 = 34

func (p *contactPane) detail(f FieldView, width float32) kit.Block {
	return layoutText([]kit.Run{{Text: f.Detail}}, width, kit.Style{Type: kit.Caption})
}

func (p *contactPane) note(i int) int { return i - len(p.view.Fields) - 3 }

func (p *contactPane) measure(i int, width float32) float32 {
	n := len(p.view.Fields)
	switch {
	case i == 0:
		return 88
	case i <= n:
		f := p.view.Fields[i-1]
		h := kit.LineHeight(kit.Caption) + 12
		if f.Text != "" || f.Chip != nil {
			h += kit.LineHeight(kit.Body)
		}
		if f.Detail != "" {
			h += p.detail(f, width-2*sideInset).Height + 3
		}
		if f.Plot != nil {
			h += plotHeight + 6
		}
		return h
	case i == n+1:
		if p.view.Policy == "" {
			return 12
		}
		return kit.LineHeight(kit.Caption) + 26
	case i == n+2:
		return kit.LineHeight(kit.Heading) + 24
	case len(p.view.Notes) == 0:
		return layoutText([]kit.Run{{Text: p.view.Empty}}, width-2*sideInset, kit.Style{Type: kit.Snippet}).Height + 8
	}
	v := p.view.Notes[p.note(i)]
	return layoutText(runsOf(v.Text), width-2*sideInset-24, kit.Style{Type: kit.Snippet}).Height + kit.LineHeight(kit.LabelBold) + 30
}

func (p *contactPane) draw(i int, s *kit.Sketch, size fyne.Size, _ kit.RowState) {
	n := len(p.view.Fields)
	x, room := sideInset, size.Width-2*sideInset
	switch {
	case i == 0:
		v := p.view
		s.Avatar(v.Face.Initials, v.Face.Icon, v.Face.Colour, x, 18, 52)
		top := 44 - float32(int((kit.LineHeight(kit.Heading)+kit.LineHeight(kit.Caption))/2))
		if v.Line == "" {
			top = 44 - float32(int(kit.LineHeight(kit.Heading)/2))
		}
		s.TextIn(v.Name, x+64, top, room-64, kit.Heading, s.P.Text, kit.AlignStart)
		s.TextIn(v.Line, x+64, top+kit.LineHeight(kit.Heading), room-64, kit.Caption, s.P.TextMuted, kit.AlignStart)
	case i <= n:
		f := p.view.Fields[i-1]
		s.TextIn(f.Label, x, 0, room, kit.Caption, s.P.TextMuted, kit.AlignStart)
		y := kit.LineHeight(kit.Caption) + 2
		switch {
		case f.Chip != nil:
			s.Chips([]kit.Chip{chip(*f.Chip)}, x, y+1, room)
		case f.Masked:
			s.Masked(f.Text, x, y, false)
		default:
			s.TextIn(f.Text, x, y, room, kit.Body, s.P.Text, kit.AlignStart)
		}
		if f.Action != "" {
			w := kit.TextWidth(f.Action, kit.LabelBold)
			s.Text(f.Action, x+room-w, y, kit.LabelBold, s.P.AccentText)
			s.Area(f.Area, x+room-w-8, y-7, w+16, 32)
		}
		if f.Text != "" || f.Chip != nil {
			y += kit.LineHeight(kit.Body)
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
	case i == n+1:
		if p.view.Policy != "" {
			d := kit.Scaled(14)
			s.Icon("lock", x, 4+float32(int((kit.LineHeight(kit.Caption)-d)/2)), d, s.P.Privacy.Ink)
			s.TextIn(p.view.Policy, x+d+6, 4, room-d-6, kit.Caption, s.P.TextMuted, kit.AlignStart)
		}
		s.Line(x, size.Height-1, room, s.P.Border)
	case i == n+2:
		s.TextIn(word("contact.notes"), x, 14, room, kit.Heading, s.P.Text, kit.AlignStart)
	case len(p.view.Notes) == 0:
		s.Block(s.Layout([]kit.Run{{Text: p.view.Empty}}, room, kit.Style{Type: kit.Snippet}), x, 0, s.P.TextMuted)
	default:
		v := p.view.Notes[p.note(i)]
		s.Rect(x, 0, room, size.Height-8, s.P.Note.Soft, kit.InputRadius)
		w := s.TextIn(v.Time, x+12, 10, room-24, kit.Meta, s.P.Note.Ink, kit.AlignEnd)
		s.TextIn(v.Head, x+12, 8, room-24-w-8, kit.LabelBold, s.P.Note.Ink, kit.AlignStart)
		s.Block(s.Layout(runsOf(v.Text), room-24, kit.Style{Type: kit.Snippet}), x+12, 10+kit.LineHeight(kit.LabelBold), s.P.Note.Ink)
	}
}
