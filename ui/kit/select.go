package kit

import (
	"strings"
	"unicode/utf8"
)

// A Caret is a place in laid-out text: before byte At of a fragment's text. Masked values and
// right-to-left pieces are taken whole, so in them At is the start or the end.
type Caret struct{ Fragment, At int }

// before reports whether c stands before o.
func (c Caret) before(o Caret) bool {
	return c.Fragment < o.Fragment || c.Fragment == o.Fragment && c.At < o.At
}

// A Mark is a rectangle behind selected text, relative to the block.
type Mark struct{ X, Y, W, H float32 }

// lineOf is the line a fragment stands on.
func (b *Block) lineOf(f *Fragment) int { return int((f.Y + f.H/2) / b.LineHeight) }

// span is what a fragment takes of its line, with its chip.
func (f *Fragment) span() (left, right float32) {
	if f.ChipW > 0 {
		return f.ChipX, f.ChipX + f.ChipW
	}
	return f.X, f.X + f.W
}

// whole reports whether a fragment can only be selected as one piece.
func (f *Fragment) whole() bool {
	return f.ChipW > 0 || strings.ContainsFunc(f.Text, isStrongRTL)
}

// CaretAt returns the place nearest to a point of the block. Above all lines that is the start, below
// them the end.
func (b *Block) CaretAt(m *Metrics, x, y float32) Caret {
	n := len(b.Fragments)
	if n == 0 || y < 0 {
		return Caret{}
	}
	end := Caret{n - 1, len(b.Fragments[n-1].Text)}
	line := int(y / b.LineHeight)
	if line > b.lineOf(&b.Fragments[n-1]) {
		return end
	}
	at := Caret{}
	for i := range b.Fragments {
		f := &b.Fragments[i]
		switch l := b.lineOf(f); {
		case l > line:
			return at
		case l < line:
			at = Caret{i, len(f.Text)}
			continue
		}
		left, right := f.span()
		switch {
		case x < left:
			// Between two pieces: the nearer one.
			if i > 0 && b.lineOf(&b.Fragments[i-1]) == line {
				if _, r := b.Fragments[i-1].span(); x-r < left-x {
					return at
				}
			}
			return Caret{i, 0}
		case x < right:
			return Caret{i, f.within(m, x-left, right-left)}
		}
		at = Caret{i, len(f.Text)}
	}
	return at
}

// within finds the place in a fragment nearest to x pixels after its start.
func (f *Fragment) within(m *Metrics, x, w float32) int {
	if f.whole() {
		if x < w/2 {
			return 0
		}
		return len(f.Text)
	}
	var stops []int
	for i := 0; i < len(f.Text); {
		stops = append(stops, i)
		n, _ := nextCluster(f.Text[i:])
		i += max(n, 1)
	}
	stops = append(stops, len(f.Text))
	lo, hi := 0, len(stops)-1
	for hi-lo > 1 {
		mid := (lo + hi) / 2
		if m.width(f.Text[:stops[mid]], f.Face) <= x {
			lo = mid
		} else {
			hi = mid
		}
	}
	if x-f.advance(m, stops[lo]) > f.advance(m, stops[hi])-x {
		lo = hi
	}
	return stops[lo]
}

// advance is how far the text goes up to a byte.
func (f *Fragment) advance(m *Metrics, at int) float32 {
	switch at {
	case 0:
		return 0
	case len(f.Text):
		return f.W
	}
	return m.width(f.Text[:at], f.Face)
}

// clip returns the part of a fragment between two places, and false when there is none.
func (b *Block) clip(i int, from, to Caret) (lo, hi int, ok bool) {
	if i < from.Fragment || i > to.Fragment {
		return 0, 0, false
	}
	hi = len(b.Fragments[i].Text)
	if i == from.Fragment {
		lo = min(from.At, hi)
	}
	if i == to.Fragment {
		hi = min(to.At, hi)
	}
	return lo, hi, lo < hi
}

func ordered(a, z Caret) (Caret, Caret) {
	if z.before(a) {
		return z, a
	}
	return a, z
}

// Marks returns the rectangles behind the text between two places, in either order, one per line.
func (b *Block) Marks(m *Metrics, a, z Caret) []Mark {
	from, to := ordered(a, z)
	var out []Mark
	last := -1
	for i := range b.Fragments {
		lo, hi, ok := b.clip(i, from, to)
		if !ok {
			continue
		}
		f := &b.Fragments[i]
		left, right := f.span()
		if !f.whole() {
			left, right = f.X+f.advance(m, lo), f.X+f.advance(m, hi)
		}
		line := b.lineOf(f)
		if line == last {
			o := &out[len(out)-1]
			end := max(o.X+o.W, right)
			o.X = min(o.X, left)
			o.W = end - o.X
			continue
		}
		out = append(out, Mark{left, float32(line) * b.LineHeight, right - left, b.LineHeight})
		last = line
	}
	return out
}

// Pick returns the text between two places, in either order, as it stands in the runs the block was
// laid out from: with the line breaks its author made and without those of the layout.
func (b *Block) Pick(runs []Run, a, z Caret) string {
	from, to := ordered(a, z)
	// Fragments are pieces of the runs, in order on lines that run left to right.
	base := make([]int, len(runs)+1)
	var all strings.Builder
	for i, r := range runs {
		all.WriteString(r.Text)
		base[i+1] = all.Len()
	}
	source := all.String()
	next := make([]int, len(runs))
	first, last := len(source), 0
	for i := range b.Fragments {
		f := &b.Fragments[i]
		if f.Run < 0 || f.Run >= len(runs) {
			continue
		}
		text := runs[f.Run].Text
		at := strings.Index(text[next[f.Run]:], f.Text)
		if at >= 0 {
			at += next[f.Run]
			next[f.Run] = at + len(f.Text)
		} else if at = strings.Index(text, f.Text); at < 0 {
			continue // an ellipsis, or marks that were mirrored
		}
		if lo, hi, ok := b.clip(i, from, to); ok {
			if f.whole() {
				lo, hi = 0, len(f.Text)
			}
			first, last = min(first, base[f.Run]+at+lo), max(last, base[f.Run]+at+hi)
		}
	}
	if first >= last || !utf8.ValidString(source[first:last]) {
		return ""
	}
	return source[first:last]
}

// Marks paints the ground behind selected text of a block at x, y. Paint it before the block.
func (s *Sketch) Marks(b *Block, x, y float32, a, z Caret) {
	c := s.P.Accent
	c.A = 0x48
	for _, m := range b.Marks(s.M, a, z) {
		s.Rect(round(x+m.X)-1, y+m.Y, m.W+2, m.H, c, 2)
	}
}
