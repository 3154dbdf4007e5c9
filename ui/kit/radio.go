package kit

import "fyne.io/fyne/v2"

// Radio is a list of choices of which one holds. It is one stop for the keyboard: the arrows choose.
type Radio struct {
	control
	texts   []string
	at      int
	changed func(i int)
}

// NewRadio returns choices one below the other; at is the chosen one, -1 for none. changed may be nil.
func NewRadio(name string, texts []string, at int, changed func(i int)) *Radio {
	r := &Radio{texts: texts, at: at, changed: changed}
	r.init(r, name, r.paint, func() fyne.Size {
		w := float32(0)
		for _, t := range r.texts {
			w = max(w, TextWidth(t, Body))
		}
		return fyne.NewSize(w+34, float32(len(r.texts))*r.row())
	})
	return r
}

// Chosen is the number of the choice, -1 for none.
func (r *Radio) Chosen() int { return r.at }

func (r *Radio) row() float32 { return Scaled(28) }

func (r *Radio) choose(i int) {
	if i < 0 || i >= len(r.texts) || i == r.at {
		return
	}
	r.at = i
	r.Refresh()
	if r.changed != nil {
		r.changed(i)
	}
}

// Tapped implements fyne.Tappable.
func (r *Radio) Tapped(ev *fyne.PointEvent) {
	r.choose(int(ev.Position.Y / r.row()))
	if c := canvasOf(r.outer); c != nil {
		c.Focus(r)
	}
}

// TypedKey implements fyne.Focusable.
func (r *Radio) TypedKey(ev *fyne.KeyEvent) {
	switch ev.Name {
	case fyne.KeyDown:
		r.choose(min(r.at+1, len(r.texts)-1))
	case fyne.KeyUp:
		r.choose(max(r.at-1, 0))
	case fyne.KeySpace:
		if r.at < 0 {
			r.choose(0)
		}
	default:
		forwardKey(r.outer, ev)
	}
}

func (r *Radio) paint(s *Sketch, size fyne.Size) {
	d := Scaled(18)
	for i, t := range r.texts {
		y := float32(i) * r.row()
		top := y + round((r.row()-d)/2)
		if i == r.at {
			s.Frame(2, top, d, d, s.P.Accent, s.P.Accent, 1, d/2)
			inner := Scaled(8)
			s.Rect(2+round((d-inner)/2), top+round((d-inner)/2), inner, inner, s.P.OnAccent, inner/2)
		} else {
			s.Frame(2, top, d, d, s.P.Surface, s.P.BorderStrong, 1.5, d/2)
		}
		if i == max(r.at, 0) && r.focused {
			s.Frame(0, top-2, d+4, d+4, nil, s.P.Accent, FocusWidth, d/2+2)
		}
		s.TextIn(t, d+12, y+round((r.row()-LineHeight(Body))/2), size.Width-d-12, Body, s.P.Text, AlignStart)
	}
}
