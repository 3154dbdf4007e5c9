package ui

import (
	"fyne.io/fyne/v2"

	"sealdesk/ui/kit"
)

// header is the line above the timeline: who it is, who answers, how long, and what can be done.
type header struct {
	d      *desk
	root   *fyne.Container
	line   *kit.Painted
	assign *kit.IconButton
	state  *kit.IconButton
	side   *kit.IconButton
	bar    *fyne.Container
	view   HeaderView
	shown  bool // the contact panel is
}

func newHeader(d *desk) *header {
	h := &header{d: d}
	h.line = kit.NewPainted("", h.paint).SetMin(func() fyne.Size { return fyne.NewSize(120, kit.Scaled(56)) })
	h.assign = kit.NewIconButton("user", "", d.showAssign)
	h.state = kit.NewIconButton("check", "", d.toggleState)
	h.side = kit.NewIconButton("info", d.u.tip(word("action.contact"), actContact), d.toggleContact)
	mid := func(o fyne.CanvasObject) kit.Cell { return kit.Min(kit.Column(kit.Spring(), kit.Min(o), kit.Spring())) }
	h.bar = kit.Row(kit.Grow(h.line), mid(h.assign), kit.Gap(4), mid(h.state), kit.Gap(4), mid(h.side), kit.Gap(16))
	h.root = boxed(fill{}, kit.NewFill(inkSurface), kit.Column(kit.Grow(h.bar), kit.Fix(kit.NewDivider(false), 1)))
	h.root.Layout = &least{h: func() float32 { return kit.Scaled(57) }}
	return h
}

// least gives every object all the room and asks for a height.
type least struct{ h func() float32 }

func (l *least) Layout(objs []fyne.CanvasObject, size fyne.Size) { fill{}.Layout(objs, size) }
func (l *least) MinSize([]fyne.CanvasObject) fyne.Size           { return fyne.NewSize(120, l.h()) }

func (h *header) refresh() {
	d := h.d
	if d.row == nil {
		h.root.Hide()
		return
	}
	side := d.panes != nil && d.panes.sideShown()
	v := d.headerView()
	if h.root.Visible() && v == h.view && side == h.shown {
		return
	}
	h.root.Show()
	h.view, h.shown = v, side
	h.assign.SetTip(d.u.tip(h.view.AssignTip, actAssign))
	h.state.SetTip(d.u.tip(h.view.StateTip, actClose))
	able(h.assign, h.view.CanAssign)
	able(h.state, h.view.CanState)
	h.state.SetIcon("check")
	if h.view.Closed {
		h.state.SetIcon("retry")
	}
	h.side.SetActive(side)
	h.line.SetAccessibleName(h.view.Name)
	h.line.Refresh()
	relayout(h.root)
}

func able(b *kit.IconButton, v bool) {
	if v {
		b.Enable()
	} else {
		b.Disable()
	}
}

func (h *header) paint(s *kit.Sketch, size fyne.Size) {
	v, p := h.view, s.P
	if v.Name == "" {
		return
	}
	const d = 36
	x, mid := itemLeft, float32(int(size.Height/2))
	s.Avatar(v.Face.Initials, v.Face.Icon, v.Face.Colour, x, mid-d/2, d)
	x += d + 10
	right := size.Width - 14
	c := chip(v.Window)
	w := kit.ChipWidth(c)
	if right-w-x > 180 {
		right -= w
		s.Chip(c, right, mid-float32(int(kit.ChipHeight()/2)))
		right -= 12
	}
	if v.Free != "" {
		c := kit.Chip{Text: v.Free, Style: kit.ChipOK}
		if w := kit.ChipWidth(c); right-w-x > 240 {
			right -= w - 6
			s.Chip(c, right, mid-float32(int(kit.ChipHeight()/2)))
			right -= 12
		}
	}
	top := mid - float32(int((kit.LineHeight(kit.Heading)+kit.LineHeight(kit.Caption))/2))
	name := s.TextIn(v.Name, x, top, max(right-x-20, 40), kit.Heading, p.Text, kit.AlignStart)
	if v.Number != "" && right-x-name > kit.TextWidth(v.Number, kit.Body)+40 {
		if v.Masked {
			s.Masked(v.Number, x+name+10, top, false)
		} else {
			s.Text(v.Number, x+name+10, top, kit.Snippet, p.TextMuted)
		}
	}
	line, tint := v.Line, p.TextMuted
	if v.Company != "" {
		line, tint = v.Company, p.AccentText
	}
	s.TextIn(line, x, top+kit.LineHeight(kit.Heading), right-x, kit.Caption, tint, kit.AlignStart)
}
