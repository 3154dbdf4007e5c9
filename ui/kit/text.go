package kit

import (
	"image/color"

	"fyne.io/fyne/v2"
)

// Ink picks a colour out of the palette in force, so that a widget follows the theme.
type Ink func(p *Palette) color.Color

// The inks most texts use.
var (
	InkText    Ink = func(p *Palette) color.Color { return p.Text }
	InkMuted   Ink = func(p *Palette) color.Color { return p.TextMuted }
	InkFaint   Ink = func(p *Palette) color.Color { return p.TextFaint }
	InkAccent  Ink = func(p *Palette) color.Color { return p.AccentText }
	InkDanger  Ink = func(p *Palette) color.Color { return p.Danger.Ink }
	InkWarn    Ink = func(p *Palette) color.Color { return p.Warn.Ink }
	InkOK      Ink = func(p *Palette) color.Color { return p.OK.Ink }
	InkPrivacy Ink = func(p *Palette) color.Color { return p.Privacy.Ink }
)

// Text is wrapping text. Its height follows from its width (HeightFor); on one line with MaxLines 1 it
// ends in an ellipsis. The accessible name is what it says.
type Text struct {
	Painted
	runs  []Run
	style Style
	ink   Ink
	align Align
	last  struct {
		width float32
		theme *Theme
		block Block
		ok    bool
	}
}

// NewText returns a wrapping text of one look.
func NewText(text string, t Type, ink Ink) *Text {
	return NewRuns([]Run{{Text: text}}, t, ink)
}

// NewRuns returns a wrapping text of several looks.
func NewRuns(runs []Run, t Type, ink Ink) *Text {
	x := &Text{runs: runs, style: Style{Type: t, Fill: true}, ink: ink}
	x.init(x, "", x.paint, x.least)
	return x
}

// AccessibleName implements Accessible.
func (x *Text) AccessibleName() string {
	if x.name != "" {
		return x.name
	}
	s := ""
	for _, r := range x.runs {
		s += r.Text
	}
	return s
}

// Set changes the text.
func (x *Text) Set(text string) { x.SetRuns([]Run{{Text: text}}) }

// SetRuns changes the text.
func (x *Text) SetRuns(runs []Run) {
	x.runs, x.last.ok = runs, false
	x.Refresh()
}

// SetInk changes the colour.
func (x *Text) SetInk(ink Ink) {
	x.ink = ink
	x.Refresh()
}

// Align sets where lines stand in the width and returns the text.
func (x *Text) Align(a Align) *Text {
	x.align = a
	x.style.Fill = a == AlignStart
	x.last.ok = false
	return x
}

// MaxLines limits the number of lines and returns the text.
func (x *Text) MaxLines(n int) *Text {
	x.style.MaxLines = n
	x.last.ok = false
	return x
}

func (x *Text) block(width float32) *Block {
	t := Current()
	if !x.last.ok || x.last.width != width || x.last.theme != t {
		st := x.style
		st.Scale = t.scale
		x.last.block = Layout(SharedMetrics(), x.runs, width, st)
		if x.align == AlignCenter {
			x.last.block = balanced(SharedMetrics(), x.runs, width, st, x.last.block)
		}
		x.last.width, x.last.theme, x.last.ok = width, t, true
	}
	return &x.last.block
}

// balanced lays out centred text with lines about as long as each other: a last line of one word looks
// like a mistake there.
func balanced(m *Metrics, runs []Run, width float32, st Style, b Block) Block {
	if b.Lines < 2 || b.Lines > 4 || b.Truncated {
		return b
	}
	lo, hi := b.Width/float32(b.Lines), width
	for hi-lo > 4 {
		mid := (lo + hi) / 2
		if n := Layout(m, runs, mid, st); n.Lines > b.Lines {
			lo = mid
		} else {
			b, hi = n, mid
		}
	}
	return b
}

// HeightFor implements HeightFor.
func (x *Text) HeightFor(width float32) float32 { return x.block(width).Height }

func (x *Text) least() fyne.Size {
	line := LineHeight(x.style.Type)
	if w := x.Size().Width; w > 0 {
		return fyne.NewSize(min(w, 24), x.HeightFor(w))
	}
	return fyne.NewSize(24, line)
}

// Width is the width the text takes on one line.
func (x *Text) Width() float32 {
	st := x.style
	st.Fill, st.Scale = false, Current().scale
	return Layout(SharedMetrics(), x.runs, 1e6, st).Width
}

func (x *Text) paint(s *Sketch, size fyne.Size) {
	b := x.block(size.Width)
	at := float32(0)
	switch x.align {
	case AlignCenter:
		s.Block(b.Centered(size.Width), 0, 0, x.ink(s.P))
		return
	case AlignEnd:
		at = size.Width - b.Width
	}
	s.Block(*b, at, 0, x.ink(s.P))
}

// Centered returns the block with every line in the middle of a width.
func (b Block) Centered(width float32) Block { return b.moved(width, 0.5) }

// Ended returns the block with every line ending at its right edge.
func (b Block) Ended() Block { return b.moved(b.Width, 1) }

// moved returns the block as wide as given, with that share of each line's free space before the line.
func (b Block) moved(width, share float32) Block {
	frags := append([]Fragment(nil), b.Fragments...)
	for i := 0; i < len(frags); {
		line := b.lineOf(&frags[i])
		j, lo, hi := i, width, float32(0)
		for j < len(frags) && b.lineOf(&frags[j]) == line {
			left, right := frags[j].span()
			lo, hi = min(lo, left), max(hi, right)
			j++
		}
		d := round((width-(hi-lo))*share - lo)
		for ; i < j; i++ {
			frags[i].X += d
			frags[i].ChipX += d
		}
	}
	b.Fragments, b.Width = frags, width
	return b
}

// LayoutCentered lays out runs for the middle of a width: lines are centred and about as long as each
// other.
func LayoutCentered(m *Metrics, runs []Run, width float32, st Style) Block {
	b := balanced(m, runs, width, st, Layout(m, runs, width, st))
	return b.Centered(b.Width)
}
