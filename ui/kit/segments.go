package kit

import "fyne.io/fyne/v2"

// Segments are a few choices side by side of which one holds. They are one stop for the keyboard: the arrows choose. What does
// not fit into one line stands in as few lines as it takes, each of them full and of equal boxes.
type Segments struct {
	control
	texts   []string
	at      int
	changed func(i int)
}

// NewSegments returns choices; at is the chosen one. changed may be nil.
func NewSegments(name string, texts []string, at int, changed func(i int)) *Segments {
	g := &Segments{texts: texts, at: at, changed: changed}
	g.init(g, name, g.paint, func() fyne.Size {
		w := float32(0)
		for i := range g.texts {
			w = max(w, g.width(i))
		}
		return fyne.NewSize(w+2*segmentPad, g.HeightFor(g.Size().Width))
	})
	return g
}

const segmentPad float32 = 3

// Chosen is the number of the choice.
func (g *Segments) Chosen() int { return g.at }

// Width is what the choices take in one line.
func (g *Segments) Width() float32 {
	w := 2 * segmentPad
	for i := range g.texts {
		w += g.width(i)
	}
	return w
}

func (g *Segments) width(i int) float32 { return ceil(TextWidth(g.texts[i], Label)) + Scaled(24) }

func (g *Segments) line() float32 { return max(Scaled(28), HitSize-2*segmentPad) }

// lines is how many lines the choices take in a width.
func (g *Segments) lines(width float32) int {
	n := len(g.texts)
	if width <= 0 || n == 0 || g.Width() <= width+0.5 {
		return 1
	}
	widest := float32(0)
	for i := range g.texts {
		widest = max(widest, g.width(i))
	}
	across := min(max(int((width-2*segmentPad)/widest), 1), n-1)
	return (n + across - 1) / across
}

// places calls f with the place of each choice and returns the number of lines.
func (g *Segments) places(width float32, f func(i int, x, y, w float32)) int {
	lines := g.lines(width)
	for line, i := 0, 0; line < lines; line++ {
		x, y := segmentPad, segmentPad+float32(line)*g.line()
		for left := (len(g.texts) - i + lines - line - 1) / (lines - line); left > 0; left-- { // the upper lines have the odd ones
			w := g.width(i)
			if lines > 1 {
				w = (width - segmentPad - x) / float32(left)
			}
			f(i, x, y, w)
			x, i = x+w, i+1
		}
	}
	return lines
}

// HeightFor implements HeightFor.
func (g *Segments) HeightFor(width float32) float32 {
	return float32(g.places(width, func(int, float32, float32, float32) {}))*g.line() + 2*segmentPad
}

func (g *Segments) choose(i int) {
	if i = min(max(i, 0), len(g.texts)-1); i == g.at || g.disabled {
		return
	}
	g.at = i
	g.Refresh()
	if g.changed != nil {
		g.changed(i)
	}
}

// Tapped implements fyne.Tappable.
func (g *Segments) Tapped(ev *fyne.PointEvent) {
	noticed(g.outer)
	if c := canvasOf(g.outer); c != nil && !g.disabled {
		c.Focus(g)
	}
	g.places(g.Size().Width, func(i int, x, y, w float32) {
		if p := ev.Position; p.X >= x && p.X < x+w && p.Y >= y && p.Y < y+g.line() {
			defer g.choose(i)
		}
	})
}

// TypedKey implements fyne.Focusable.
func (g *Segments) TypedKey(ev *fyne.KeyEvent) {
	switch ev.Name {
	case fyne.KeyLeft:
		g.choose(g.at - 1)
	case fyne.KeyRight:
		g.choose(g.at + 1)
	case fyne.KeyHome:
		g.choose(0)
	case fyne.KeyEnd:
		g.choose(len(g.texts) - 1)
	default:
		forwardKey(g.outer, ev)
	}
}

func (g *Segments) paint(s *Sketch, size fyne.Size) {
	used, lines := float32(0), 1
	lines = g.places(size.Width, func(_ int, x, _, w float32) { used = max(used, x+w) })
	used += segmentPad
	h := float32(lines)*g.line() + 2*segmentPad
	s.Frame(0, 0, used, h, s.P.Sunken, s.P.Border, 1, InputRadius+1)
	g.places(size.Width, func(i int, x, y, w float32) {
		ink, t := s.P.TextMuted, Label
		switch {
		case i == g.at && g.disabled:
			s.Frame(x, y, w, g.line(), s.P.Surface, s.P.Border, 1, InputRadius-1)
			ink = s.P.Text
		case i == g.at:
			s.Rect(x, y, w, g.line(), s.P.Accent, InputRadius-1)
			ink = s.P.OnAccent
		case g.disabled:
			ink = s.P.TextFaint
		}
		s.TextIn(g.texts[i], x, y+round((g.line()-LineHeight(t))/2), w, t, ink, AlignCenter)
	})
	if g.focused {
		s.Frame(-2, -2, used+4, h+4, nil, s.P.Accent, FocusWidth, InputRadius+3)
	}
}
