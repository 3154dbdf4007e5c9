package kit

import (
	"image/color"

	"fyne.io/fyne/v2"
)

// Avatar is a disc with initials or an icon.
type Avatar struct {
	Painted
	initials, icon string
	colour         int
	d              float32
}

// NewAvatar returns a disc of that diameter. colour is any number that stands for the same thing
// every time; icon, when given, is drawn instead of the initials.
func NewAvatar(name, initials, icon string, colour int, diameter float32) *Avatar {
	a := &Avatar{initials: initials, icon: icon, colour: colour, d: diameter}
	a.init(a, name, func(s *Sketch, size fyne.Size) {
		s.Avatar(a.initials, a.icon, a.colour, round((size.Width-a.d)/2), round((size.Height-a.d)/2), a.d)
	}, func() fyne.Size { return fyne.NewSquareSize(a.d) })
	return a
}

// Set changes what the disc stands for.
func (a *Avatar) Set(initials, icon string, colour int) {
	a.initials, a.icon, a.colour = initials, icon, colour
	a.Refresh()
}

// ChipView is a Chip as a widget; a filter pill, or any chip with an action, takes the focus.
type ChipView struct {
	control
	chip Chip
}

// NewChip returns a chip. tap may be nil.
func NewChip(c Chip, tap func()) *ChipView {
	v := &ChipView{chip: c}
	v.OnTap = tap
	v.init(v, c.Text, func(s *Sketch, size fyne.Size) {
		w := s.Chip(v.chip, 0, 0)
		if v.focused {
			_, _, h, _ := v.chip.shape()
			s.focusRing(w, h, h/2)
		}
	}, func() fyne.Size {
		_, _, h, _ := v.chip.shape()
		return fyne.NewSize(ChipWidth(v.chip), h)
	})
	v.disabled = tap == nil
	return v
}

// Set changes the chip.
func (v *ChipView) Set(c Chip) {
	if v.chip == c {
		return
	}
	v.chip, v.name = c, c.Text
	v.Refresh()
}

// IconButton is a square button with an icon and a tooltip, at least HitSize wide.
type IconButton struct {
	control
	icon   string
	size   float32
	box    fyne.Size
	active bool
	rail   bool
	ink    Ink
	badge  bool
	count  string
}

// NewIconButton returns a button for a toolbar. name is its accessible name and tooltip.
func NewIconButton(icon, name string, tap func()) *IconButton {
	b := &IconButton{icon: icon, size: 20, box: fyne.NewSquareSize(HitSize), ink: InkMuted}
	b.Tip, b.OnTap = name, tap
	b.init(b, name, b.paint, func() fyne.Size { return b.box })
	return b
}

// NewRailButton returns a button for the dark navigation rail, 48 by 40.
func NewRailButton(icon, name string, tap func()) *IconButton {
	b := NewIconButton(icon, name, tap)
	b.rail, b.box, b.size = true, fyne.NewSize(48, 40), 22
	return b
}

// SetActive marks the button as the place a person is at, or as switched on.
func (b *IconButton) SetActive(v bool) {
	if b.active != v {
		b.active = v
		b.Refresh()
	}
}

// SetDot shows or hides a small dot that says there is something new.
func (b *IconButton) SetDot(v bool) {
	if b.badge != v {
		b.badge = v
		b.Refresh()
	}
}

// SetCount shows a small number that says how much waits; "" for none.
func (b *IconButton) SetCount(n string) {
	if b.count != n {
		b.count = n
		b.Refresh()
	}
}

// SetIcon changes the icon.
func (b *IconButton) SetIcon(icon string) {
	if b.icon != icon {
		b.icon = icon
		b.Refresh()
	}
}

// SetInk changes the icon's colour outside the rail.
func (b *IconButton) SetInk(ink Ink) {
	b.ink = ink
	b.Refresh()
}

// SetTip changes tooltip and accessible name.
func (b *IconButton) SetTip(tip string) { b.Tip, b.name = tip, tip }

func (b *IconButton) paint(s *Sketch, size fyne.Size) {
	var ink, fill color.Color
	switch {
	case b.rail && b.active:
		ink, fill = s.P.RailActive, s.P.RailHover
	case b.rail && b.hovered:
		ink, fill = s.P.RailActive, nil
	case b.rail:
		ink = s.P.RailText
	case b.disabled:
		ink = s.P.BorderStrong
	case b.active:
		ink, fill = s.P.AccentText, s.P.AccentSoft
	case b.hovered:
		ink, fill = s.P.Text, s.P.Hover
	default:
		ink = b.ink(s.P)
	}
	if fill != nil {
		s.Rect(0, 0, size.Width, size.Height, fill, InputRadius)
	}
	x, y := round((size.Width-b.size)/2), round((size.Height-b.size)/2)
	s.Icon(b.icon, x, y, b.size, ink)
	if b.badge {
		s.Rect(x+b.size-5, y-2, 8, 8, s.P.Danger.Ink, 4)
	}
	if b.count != "" {
		const h = 16
		w := max(h, ceil(TextWidth(b.count, Meta))+8)
		cx, cy := min(x+b.size-5, size.Width-w), y-6
		s.Rect(cx-1, cy-1, w+2, h+2, s.P.Rail, (h+2)/2)
		s.Rect(cx, cy, w, h, s.P.Count, h/2)
		s.TextIn(b.count, cx, cy+round((h-LineHeight(Meta))/2), w, Meta, s.P.Rail, AlignCenter)
	}
	if b.focused {
		ring := s.P.Accent
		if b.rail {
			ring = s.P.RailActive
		}
		s.Frame(0, 0, size.Width, size.Height, nil, ring, FocusWidth, InputRadius)
	}
}

// ButtonKind is how much weight a button has.
type ButtonKind uint8

// The kinds. Primary is the one thing to do, Secondary an alternative, Danger destroys, Flat is a word
// that can be tapped, FlatPrivacy and FlatDanger are Flat in those colours.
const (
	Primary ButtonKind = iota
	Secondary
	Danger
	Flat
	FlatPrivacy
	FlatDanger
	flatToast
)

// Button is a word that does something, with the keys that do the same printed beside it.
type Button struct {
	control
	text, hint, icon string
	kind             ButtonKind
}

// NewButton returns a button. Its text is its accessible name.
func NewButton(text string, kind ButtonKind, tap func()) *Button {
	b := &Button{text: text, kind: kind}
	b.OnTap = tap
	b.init(b, text, b.paint, b.least)
	return b
}

// SetText changes what the button says.
func (b *Button) SetText(text string) {
	if b.text != text {
		b.text, b.name = text, text
		b.Refresh()
	}
}

// SetHint sets the keys printed beside the text and returns the button.
func (b *Button) SetHint(keys string) *Button {
	b.hint = keys
	b.Refresh()
	return b
}

// SetIcon puts an icon before the text and returns the button.
func (b *Button) SetIcon(icon string) *Button {
	b.icon = icon
	b.Refresh()
	return b
}

// SetKind changes the button's weight.
func (b *Button) SetKind(k ButtonKind) {
	b.kind = k
	b.Refresh()
}

func (b *Button) flat() bool { return b.kind >= Flat }

func (b *Button) inset() float32 {
	if b.flat() {
		return 8
	}
	return 14
}

func (b *Button) textType() Type {
	if b.flat() {
		return LabelBold
	}
	return NameBold
}

func (b *Button) contents() float32 {
	w := ceil(TextWidth(b.text, b.textType()))
	if b.hint != "" {
		w += 10 + ceil(TextWidth(b.hint, Snippet))
	}
	if b.icon != "" {
		w += 24
	}
	return w
}

func (b *Button) least() fyne.Size {
	h := max(Scaled(36), HitSize)
	if b.flat() {
		h = max(Scaled(28), HitSize-4)
	}
	return fyne.NewSize(b.contents()+2*b.inset(), h)
}

func (b *Button) paint(s *Sketch, size fyne.Size) {
	p := s.P
	var ink, fill, line color.Color
	switch b.kind {
	case Primary:
		ink, fill = p.OnAccent, p.Accent
	case Secondary:
		ink, fill, line = p.Text, p.Surface, p.BorderStrong
	case Danger:
		ink, fill = p.Danger.Soft, p.Danger.Ink
	case Flat:
		ink = p.AccentText
	case FlatPrivacy:
		ink = p.Privacy.Ink
	case FlatDanger:
		ink = p.Danger.Ink
	case flatToast:
		ink = p.ToastAction
	}
	switch {
	case b.disabled && b.flat():
		ink = p.TextFaint
	case b.disabled:
		ink, fill, line = p.TextFaint, p.Sunken, nil
	case b.hovered && b.kind == Secondary:
		fill = p.Hover
	case b.hovered && b.kind == flatToast:
	case b.hovered && b.flat():
		fill = p.Hover
	case b.hovered:
		fill = mix(fill, p.Text, 0.12)
	}
	switch {
	case line != nil:
		s.Frame(0, 0, size.Width, size.Height, fill, line, 1, InputRadius)
	case fill != nil:
		s.Rect(0, 0, size.Width, size.Height, fill, InputRadius)
	}
	x := round((size.Width - b.contents()) / 2)
	if b.icon != "" {
		s.Icon(b.icon, x, round((size.Height-18)/2), 18, ink)
		x += 24
	}
	y := round((size.Height - LineHeight(b.textType())) / 2)
	x += s.Text(b.text, x, y, b.textType(), ink)
	if b.hint != "" {
		hint := ink
		if b.kind == Secondary && !b.disabled {
			hint = p.TextMuted
		}
		s.Text(b.hint, x+10, round((size.Height-LineHeight(Snippet))/2), Snippet, hint)
	}
	if b.focused {
		s.focusRing(size.Width, size.Height, InputRadius)
		if b.kind == Primary || b.kind == Danger {
			s.Frame(2, 2, size.Width-4, size.Height-4, nil, ink, 1.5, InputRadius-2)
		}
	}
}

// mix blends a fraction of b into a.
func mix(a, b color.Color, f float64) color.Color {
	x, y := color.NRGBAModel.Convert(a).(color.NRGBA), color.NRGBAModel.Convert(b).(color.NRGBA)
	m := func(p, q uint8) uint8 { return uint8(float64(p)*(1-f) + float64(q)*f) }
	return color.NRGBA{R: m(x.R, y.R), G: m(x.G, y.G), B: m(x.B, y.B), A: x.A}
}
