package kit

import (
	"slices"
	"unicode/utf8"
)

// A Caret is a place in a text: before byte At of its run number Run. It means the same in every layout of that text.
type Caret struct{ Run, At int }

// before reports whether c stands before o.
func (c Caret) before(o Caret) bool { return c.Run < o.Run || c.Run == o.Run && c.At < o.At }

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

func (f *Fragment) first() Caret { return Caret{f.Run, f.From} }
func (f *Fragment) last() Caret  { return Caret{f.Run, f.To} }

// CaretAt returns the place nearest to a point of the block. Above all lines that is the start, below them the end; beside
// a line it is the line's start or end in its reading direction.
func (b *Block) CaretAt(m *Metrics, x, y float32) Caret {
	if len(b.Fragments) == 0 || y < 0 {
		return Caret{}
	}
	line := int(y / b.LineHeight)
	if line >= b.Lines {
		return b.end()
	}
	var on []*Fragment // from left to right
	at := Caret{}
	for i := range b.Fragments {
		f := &b.Fragments[i]
		switch l := b.lineOf(f); {
		case l == line:
			on = append(on, f)
		case l < line && at.before(f.last()):
			at = f.last()
		}
	}
	if len(on) == 0 { // an empty line, or one of marks nobody draws
		return at
	}
	rtl := b.bases[line] == 1
	if left, _ := on[0].span(); x < left {
		return edge(on, rtl)
	}
	if _, right := on[len(on)-1].span(); x >= right {
		return edge(on, !rtl)
	}
	for i, f := range on {
		left, right := f.span()
		switch {
		case x < left: // between two pieces: the nearer one
			if _, r := on[i-1].span(); x-r < left-x {
				return on[i-1].within(m, b, r)
			}
			return f.within(m, b, left)
		case x < right:
			return f.within(m, b, x)
		}
	}
	return at
}

// end is the place after everything that is shown.
func (b *Block) end() Caret {
	at := Caret{}
	for i := range b.Fragments {
		if c := b.Fragments[i].last(); at.before(c) {
			at = c
		}
	}
	return at
}

// edge is the first or the last place of a line in the order of reading.
func edge(on []*Fragment, last bool) Caret {
	at := on[0].first()
	if last {
		at = on[0].last()
	}
	for _, f := range on[1:] {
		if c := f.first(); !last && c.before(at) {
			at = c
		}
		if c := f.last(); last && at.before(c) {
			at = c
		}
	}
	return at
}

// stops are the places in a fragment between which its text can be divided, with their distances from where reading it
// starts. Text whose letters depend on their neighbours is measured as far as it is read.
func (f *Fragment) stops(m *Metrics, b *Block) (at []int, far []float32) {
	left, right := f.span()
	if f.ChipW > 0 {
		return []int{f.From, f.To}, []float32{0, right - left}
	}
	source := b.runs[f.Run].Text[f.From:f.To]
	drawn := make([]byte, 0, len(source))
	for i := 0; i < len(source); {
		n, class := nextCluster(source[i:])
		if class != classIgnored {
			at, far = append(at, f.From+i), append(far, float32(len(drawn)))
		}
		switch class {
		case classIgnored:
		case classSpace, classNewline:
			drawn = append(drawn, ' ')
		default:
			drawn = append(drawn, source[i:i+n]...)
		}
		i += n
	}
	for i, n := range far {
		far[i] = m.width(string(drawn[:int(n)]), f.Face)
	}
	at, far = append(at, f.To), append(far, right-left)
	for i := len(far) - 2; i >= 0; i-- {
		far[i] = min(far[i], far[i+1])
	}
	return at, far
}

// within finds the place in a fragment nearest to x.
func (f *Fragment) within(m *Metrics, b *Block, x float32) Caret {
	left, right := f.span()
	x -= left
	if f.RTL {
		x = right - left - x
	}
	at, far := f.stops(m, b)
	i, found := slices.BinarySearch(far, x)
	if !found && i > 0 && (i == len(far) || x-far[i-1] <= far[i]-x) {
		i--
	}
	return Caret{f.Run, at[min(i, len(at)-1)]}
}

func ordered(a, z Caret) (Caret, Caret) {
	if z.before(a) {
		return z, a
	}
	return a, z
}

// Marks returns the rectangles behind the text between two places, in either order: one per piece that stands together on
// a line. Masked values are marked whole.
func (b *Block) Marks(m *Metrics, a, z Caret) []Mark {
	from, to := ordered(a, z)
	var out []Mark
	last := -1
	for i := range b.Fragments {
		f := &b.Fragments[i]
		left, right := f.span()
		lo, hi := f.first(), f.last()
		if !from.before(hi) || !lo.before(to) {
			continue
		}
		if f.ChipW == 0 && (lo.before(from) || to.before(hi)) {
			start, end := float32(0), right-left
			at, far := f.stops(m, b)
			for k := range at {
				if c := (Caret{f.Run, at[k]}); !from.before(c) {
					start = far[k]
				}
				if c := (Caret{f.Run, at[k]}); !c.before(to) {
					end = far[k]
					break
				}
			}
			if end <= start {
				continue
			}
			if f.RTL {
				left, right = right-end, right-start
			} else {
				left, right = left+start, left+end
			}
		}
		line := b.lineOf(f)
		// A space between two marked pieces is marked too.
		if n := len(out); line == last && left-(out[n-1].X+out[n-1].W) < 0.6*b.LineHeight {
			out[n-1].W = right - out[n-1].X
			continue
		}
		out = append(out, Mark{left, float32(line) * b.LineHeight, right - left, b.LineHeight})
		last = line
	}
	return out
}

// Pick returns the text between two places, in either order, as it stands in the runs the block was laid out from: with the
// line breaks its author made and without those of the layout. Masked values are taken whole.
func (b *Block) Pick(a, z Caret) string {
	from, to := ordered(a, z)
	var out []byte
	for i := from.Run; i <= to.Run && i < len(b.runs); i++ {
		r := b.runs[i]
		lo, hi := 0, len(r.Text)
		if r.Look != Masked && r.Look != Revealed {
			if i == from.Run {
				lo = min(from.At, hi)
			}
			if i == to.Run {
				hi = min(to.At, hi)
			}
		} else if i == from.Run && from.At >= hi || i == to.Run && to.At <= 0 {
			continue
		}
		out = append(out, r.Text[lo:max(lo, hi)]...)
	}
	if !utf8.Valid(out) {
		return ""
	}
	return string(out)
}

// All returns the places around the whole text.
func (b *Block) All() (a, z Caret) { return Caret{}, b.end() }

// sourceAt is where the text that is drawn from a source is n bytes long: spaces are drawn as plain ones, marks without a
// shape not at all.
func sourceAt(source string, n int) int {
	i := 0
	for i < len(source) && n > 0 {
		k, class := nextCluster(source[i:])
		switch class {
		case classIgnored:
		case classSpace, classNewline:
			n--
		default:
			n -= k
		}
		i += k
	}
	return i
}

// Marks paints the ground behind selected text of a block at x, y. Paint it before the block.
func (s *Sketch) Marks(b *Block, x, y float32, a, z Caret) {
	c := s.P.Accent
	c.A = 0x48
	for _, m := range b.Marks(s.M, a, z) {
		s.Rect(round(x+m.X)-1, y+m.Y, m.W+2, m.H, c, 2)
	}
}
