package ui

import (
	"image/color"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

var chipStyles = map[Tone]kit.ChipStyle{
	ToneQuiet: kit.ChipNeutral, ToneOK: kit.ChipOK, ToneWarn: kit.ChipWarn, ToneDanger: kit.ChipDanger, ToneInfo: kit.ChipInfo,
	TonePrivacy: kit.ChipPrivacy, ToneAccent: kit.ChipAccent,
}

func chip(v ChipView) kit.Chip {
	return kit.Chip{Text: v.Text, Short: v.Short, Icon: v.Icon, Plain: v.Plain, Style: chipStyles[v.Tone]}
}

// ink is the colour of text and icons of a tone.
func ink(t Tone, p *kit.Palette) color.Color {
	switch t {
	case ToneOK:
		return p.OK.Ink
	case ToneWarn:
		return p.Warn.Ink
	case ToneDanger:
		return p.Danger.Ink
	case ToneInfo:
		return p.Info.Ink
	case TonePrivacy:
		return p.Privacy.Ink
	case ToneAccent:
		return p.AccentText
	}
	return p.TextFaint
}

// Distances of a row of the list.
const (
	rowInset   float32 = 16
	rowAvatar  float32 = 40
	rowRight   float32 = 22 // leaves the scroll bar alone
	stripWidth float32 = 72
)

// rowHeight is the height of every row: three lines and their margins.
func rowHeight() float32 {
	return kit.LineHeight(kit.Name) + kit.LineHeight(kit.Snippet) + kit.ChipHeight() + 2*rowMargin()
}

func rowMargin() float32 { return kit.Dense(8, 2) }

// paintRow paints a conversation of the list. A narrow row shows only who it is.
func paintRow(s *kit.Sketch, size fyne.Size, v RowView, selected, hovered bool) {
	p := s.P
	ground := p.Surface
	switch {
	case selected:
		ground = p.Selected
		s.Rect(6, 1, size.Width-16, size.Height-2, p.Selected, kit.InputRadius)
		s.Rect(6, 12, 3, size.Height-24, p.Accent, 1.5)
	case hovered:
		ground = p.Hover
		s.Rect(6, 1, size.Width-16, size.Height-2, p.Hover, kit.InputRadius)
	}
	top := (size.Height - rowAvatar) / 2
	face := func(x float32) {
		switch {
		case v.Picked:
			s.Rect(x, top, rowAvatar, rowAvatar, p.Accent, rowAvatar/2)
			s.Icon("check", x+(rowAvatar-22)/2, top+(rowAvatar-22)/2, 22, p.OnAccent)
		case v.Picking && hovered:
			s.Frame(x, top, rowAvatar, rowAvatar, p.Surface, p.BorderStrong, 2, rowAvatar/2)
		default:
			s.Avatar(v.Face.Initials, v.Face.Icon, v.Face.Colour, x, top, rowAvatar)
		}
	}
	if size.Width <= stripWidth {
		x := (size.Width - rowAvatar) / 2
		face(x)
		if v.Unread != "" {
			const ring = 2 // in the colour of the ground: it parts the number from a disc of its own colour
			right, y, high := x+rowAvatar+4, top+9-kit.ChipHeight(), kit.ChipHeight()+2*ring
			w := s.Badge(v.Unread, right, y) + 2*ring
			s.Frame(right+ring-w, y-ring, w, high, nil, ground, ring, high/2)
		}
		return
	}
	face(rowInset)
	x, right := rowInset+rowAvatar+12, size.Width-rowRight
	y := rowMargin()

	timeInk, nameType := color.Color(p.TextFaint), kit.Name
	if v.Bold {
		timeInk, nameType = p.AccentText, kit.NameBold
	}
	timeWidth := kit.TextWidth(v.Time, kit.Caption)
	s.TextIn(v.Time, right-timeWidth-1, y+2, timeWidth+1, kit.Caption, timeInk, kit.AlignEnd)
	room := right - timeWidth - 10 - x
	nameWidth := s.TextIn(v.Name, x, y, room, nameType, p.Text, kit.AlignStart)
	if left := room - nameWidth - 8; v.Number != "" && left >= kit.TextWidth(v.Number, kit.Snippet) {
		s.TextIn(v.Number, x+nameWidth+8, y+1, left, kit.Snippet, p.TextFaint, kit.AlignStart)
	}
	y += kit.LineHeight(kit.Name)

	room = right - x
	if v.Unread != "" {
		room -= s.Badge(v.Unread, right, y) + 8
	}
	paintSnippet(s, v, x, y, room)
	y += kit.LineHeight(kit.Snippet)

	s.Chips(rowChips(v), x, y+1, right-x)
}

func rowChips(v RowView) []kit.Chip {
	chips := make([]kit.Chip, len(v.Chips))
	for i, c := range v.Chips {
		chips[i] = chip(c)
	}
	return chips
}

// chipsRoom is how wide the chips of a row may be together.
func chipsRoom(width float32) float32 { return width - rowRight - rowInset - rowAvatar - 12 }

func paintSnippet(s *kit.Sketch, v RowView, x, y, room float32) {
	p := s.P
	text := color.Color(p.TextMuted)
	if v.Bold {
		text = p.Text
	}
	if v.Prefix != "" {
		c := color.Color(p.TextFaint)
		if v.Alert {
			c = p.Danger.Ink
		}
		w := s.TextIn(v.Prefix, x, y, room*0.6, kit.Snippet, c, kit.AlignStart) + 4
		x, room = x+w, room-w
	}
	if v.Icon != "" && room > 40 {
		d := kit.Scaled(14)
		s.Icon(v.Icon, x, y+(kit.LineHeight(kit.Snippet)-d)/2, d, p.TextFaint)
		x, room = x+d+4, room-d-4
	}
	if room > 12 {
		s.TextIn(v.Snippet, x, y, room, kit.Snippet, text, kit.AlignStart)
	}
}

// runsOf turns masked text into what the kit lays out: hidden spans become violet chips.
func runsOf(m inbox.Masked) []kit.Run {
	spans := m.Spans()
	runs := make([]kit.Run, len(spans))
	for i, sp := range spans {
		runs[i] = kit.Run{Text: maskText(sp)}
		if sp.Kind != inbox.Plain {
			runs[i].Look = kit.Masked
		}
	}
	return runs
}
