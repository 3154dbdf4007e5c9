package kit

import (
	"strings"
	"unicode/utf8"
)

// Look is how a run of text differs from its neighbours.
type Look uint8

// The looks. Masked is a violet chip with a closed lock, Revealed one with an open lock and a line.
const (
	Plain Look = iota
	Strong
	Emphasis
	Mention
	Link
	Code
	Masked
	Revealed
)

// Run is text of one look. ID is handed back by hit tests and means nothing here.
type Run struct {
	Text string
	Look Look
	ID   string
}

// Style says how runs are laid out. The zero value is wrapped body text.
type Style struct {
	Type     Type
	MaxLines int     // 0 is no limit; at 1 line breaks count as spaces; what is cut ends in an ellipsis
	Fill     bool    // the block is as wide as allowed, so that right-to-left lines stand at its right
	Meta     float32 // width kept free at the end of the last line, 0 for none
	Scale    float32 // text size as a factor, 0 is 1
}

// Fragment is a piece of text that is drawn in one go.
type Fragment struct {
	Run      int // index of the run it comes from
	From, To int // the bytes of that run's text it shows
	RTL      bool
	Text     string
	Look     Look
	Face     Face
	X, Y     float32 // top left of the text's box
	W, H     float32
	ChipX    float32 // for Masked and Revealed: the chip around the text
	ChipY    float32
	ChipW    float32
	ChipH    float32
	Baseline float32
}

// Block is laid-out text: fragments relative to its top left corner.
type Block struct {
	Fragments     []Fragment
	Width, Height float32
	Lines         int
	MetaX, MetaY  float32 // where the reserved slot starts; MetaY is the top of its line
	LineHeight    float32
	Truncated     bool // something did not fit into MaxLines
	RTL           bool // the last paragraph runs right to left

	runs  []Run   // what was laid out
	bases []uint8 // of each line: 1 when its paragraph runs right to left
}

// RunAt returns the index of the run drawn at a point of the block.
func (b *Block) RunAt(x, y float32) (int, bool) {
	for i := range b.Fragments {
		f := &b.Fragments[i]
		fx, fw := f.X, f.W
		if f.ChipW > 0 {
			fx, fw = f.ChipX, f.ChipW
		}
		top := float32(int(y/b.LineHeight)) * b.LineHeight
		if x >= fx && x < fx+fw && f.Y+f.H/2 >= top && f.Y+f.H/2 < top+b.LineHeight {
			return f.Run, true
		}
	}
	return 0, false
}

const (
	ellipsis = "…"
	chipPad  = 5
	chipLock = 11
	chipLead = chipPad + chipLock + 3 // left edge to text
	metaGap  = 12
	emojiGap = 2 // emoji touch each other without it
)

// atom is the smallest piece the line breaker moves: text of one face, run and direction.
type atom struct {
	text  string
	w     float32 // width without the spaces after it
	space float32 // width of the spaces after it
	run   int32
	at    int32 // where its text starts and ends in the run's
	end   int32
	face  Face
	nsp   uint16 // spaces after it
	level uint8
	last  bool // a line may end after it
	chip  bool
	gap   bool // only spaces (in lines with right-to-left text)
}

// layouter is the state of one Layout call.
type layouter struct {
	m     *Metrics
	runs  []Run
	st    Style
	spec  typeSpec
	scale float32
	width float32
	size  float32
	line  float32
	base  box

	atoms []atom
	out   Block
	lines []lineSpan
	paras []para
	cut   bool
}

type lineSpan struct {
	from, to int // atoms
	para     int
	w        float32
	dots     bool
}

type para struct {
	bidi bool
	base uint8
}

// Layout breaks runs into lines no wider than width and places every piece. It is pure: the same
// arguments give the same block. Lines are filled greedily; words longer than a line are cut; text
// that runs right to left is reordered and stands at the right.
func Layout(m *Metrics, runs []Run, width float32, st Style) Block {
	l := layouter{m: m, runs: runs, st: st, spec: typeScale[st.Type], width: max(width, 1)}
	l.scale = st.Scale
	if l.scale == 0 {
		l.scale = 1
	}
	l.size = l.spec.size * l.scale
	l.line = round(l.spec.line * l.scale)
	l.base = m.box(Face{fontFor(classLatin, l.spec.weight), l.size})
	l.out.LineHeight, l.out.runs = l.line, runs
	n := 0
	for i := range runs {
		n += len(runs[i].Text)
	}
	l.atoms = make([]atom, 0, n/5+2)
	l.lines = make([]lineSpan, 0, n/40+1)
	l.paragraphs()
	l.place()
	return l.out
}

// paragraphs walks the runs, collecting atoms until a line break, and fills lines.
func (l *layouter) paragraphs() {
	run, at := 0, 0
	for !l.cut {
		rtl := false
		// One look ahead decides whether this paragraph needs levels at all.
		endRun, endAt := run, at
		for endRun < len(l.runs) {
			t := l.runs[endRun].Text[endAt:]
			if k := strings.IndexByte(t, '\n'); k >= 0 && l.st.MaxLines != 1 {
				rtl = rtl || needsBidi(t[:k])
				endAt += k
				break
			}
			rtl = rtl || needsBidi(t)
			endRun, endAt = endRun+1, 0
		}
		from := len(l.atoms)
		p := para{bidi: rtl}
		if rtl {
			p.base = l.tokeniseBidi(run, at, endRun, endAt)
		} else {
			for r := run; r <= endRun && r < len(l.runs); r++ {
				t := l.runs[r].Text
				lo, hi := 0, len(t)
				if r == run {
					lo = at
				}
				if r == endRun {
					hi = endAt
				}
				l.tokenise(r, lo, t[lo:hi], 0)
			}
		}
		l.paras = append(l.paras, p)
		more := endRun < len(l.runs)
		l.fill(from, len(l.paras)-1, more)
		if !more {
			return
		}
		run, at = endRun, endAt+1
	}
}

// tokeniseBidi gives every piece of one direction to tokenise with its level.
func (l *layouter) tokeniseBidi(run, at, endRun, endAt int) uint8 {
	var runes []rune
	type piece struct {
		run, at int
		text    string
		lo, hi  int
	}
	var pieces []piece
	for r := run; r <= endRun && r < len(l.runs); r++ {
		t := l.runs[r].Text
		lo, hi := 0, len(t)
		if r == run {
			lo = at
		}
		if r == endRun {
			hi = endAt
		}
		start := len(runes)
		if l.chip(r) {
			runes = append(runes, 0xfffc) // a chip is one neutral thing
		} else {
			runes = append(runes, []rune(t[lo:hi])...)
		}
		pieces = append(pieces, piece{r, lo, t[lo:hi], start, len(runes)})
	}
	levels, base := bidiLevels(runes)
	for _, p := range pieces {
		if p.lo == p.hi || p.text == "" {
			continue
		}
		if l.chip(p.run) {
			l.tokenise(p.run, p.at, p.text, levels[p.lo])
			continue
		}
		text, at, i := p.text, p.at, p.lo
		for i < p.hi {
			j, n := i, 0
			for j < p.hi && levels[j] == levels[i] {
				_, size := utf8.DecodeRuneInString(text[n:])
				n += size
				j++
			}
			l.tokenise(p.run, at, text[:n], levels[i]|bidiMark)
			text, at, i = text[n:], at+n, j
		}
	}
	for i := range l.atoms {
		l.atoms[i].level &^= bidiMark
	}
	return base
}

// bidiMark tells tokenise that spaces must become atoms of their own, because they move.
const bidiMark = 0x80

func (l *layouter) chip(run int) bool {
	k := l.runs[run].Look
	return k == Masked || k == Revealed
}

func (l *layouter) weight(k Look) Weight {
	switch k {
	case Strong, Mention:
		return SemiBold
	case Emphasis:
		return Italic
	case Code:
		return Monospace
	}
	return l.spec.weight
}

// fill breaks atoms[from:] of one paragraph into lines.
func (l *layouter) fill(from, para int, more bool) {
	limit := l.width
	start, x, pending := from, float32(0), float32(0)
	emit := func(to int) bool { // false when no line is left
		l.lines = append(l.lines, lineSpan{from: start, to: to, para: para, w: x})
		start, x, pending = to, 0, 0
		return l.st.MaxLines == 0 || len(l.lines) < l.st.MaxLines
	}
	lastLine := func() bool { return l.st.MaxLines > 0 && len(l.lines) == l.st.MaxLines-1 }
	for i := from; i < len(l.atoms); {
		// A word is atoms up to one that may end a line.
		j, w := i, float32(0)
		for {
			a := &l.atoms[j]
			w += a.w
			if j+1 < len(l.atoms) && !a.last {
				w += a.space
				j++
				continue
			}
			j++
			break
		}
		if l.atoms[i].gap && j == i+1 {
			if x > 0 || i > start || l.paras[para].bidi {
				pending += w
			}
			i = j
			continue
		}
		if x+pending+w <= limit+0.01 {
			x += pending + w
			pending = l.atoms[j-1].space
			i = j
			continue
		}
		if lastLine() {
			l.truncate(start, i, para)
			return
		}
		if x > 0 {
			if !emit(i) {
				return
			}
			continue
		}
		if pending > 0 { // spaces that start a line, and leave no room for its first word, take none
			for k := start; k < i; k++ {
				if l.atoms[k].gap {
					l.atoms[k].w = 0
				}
				l.atoms[k].space, l.atoms[k].nsp = 0, 0
			}
			pending = 0
			continue
		}
		// One word wider than a line: cut it.
		if !l.split(i, limit) {
			x = l.atoms[i].w
			i++
		} else {
			x = l.atoms[i].w
			i++
		}
		pending = 0
		if i < len(l.atoms) {
			if !emit(i) {
				return
			}
		}
	}
	emit(len(l.atoms))
	if more && l.st.MaxLines > 0 && len(l.lines) >= l.st.MaxLines {
		ln := &l.lines[len(l.lines)-1]
		from, to := ln.from, ln.to
		l.lines = l.lines[:len(l.lines)-1]
		l.atoms = l.atoms[:to]
		l.truncate(from, to, para)
	}
}

// split cuts atom i so that its first part fits; false when the atom must stay whole or was cut to one
// cluster.
func (l *layouter) split(i int, limit float32) bool {
	a := l.atoms[i]
	if a.w <= limit {
		return false // the word is long because of the atoms after it
	}
	if a.chip {
		inner := limit - (chipLead+chipPad)*l.scale
		t, w := l.prefix(a.text, a.face, inner-l.m.width(ellipsis, a.face))
		a.text = t + ellipsis
		a.w = w + l.m.width(ellipsis, a.face) + (chipLead+chipPad)*l.scale
		l.atoms[i] = a
		return false
	}
	t, _ := l.prefix(a.text, a.face, limit)
	if t == "" {
		n, _ := nextCluster(a.text)
		t = a.text[:n]
	}
	if len(t) == len(a.text) {
		return false
	}
	rest := a
	rest.at += int32(len(t)) // a word has no marks inside that are not drawn
	a.end = rest.at
	rest.text = a.text[len(t):]
	whole := a.w
	a.text, a.space, a.nsp, a.last = t, 0, 0, true
	a.w = l.m.width(t, a.face)
	if rest.w = whole - a.w; rest.w < 2*limit { // what is longer is cut again, and need not be known better
		rest.w = l.m.width(rest.text, a.face)
	}
	l.atoms = append(l.atoms, atom{})
	copy(l.atoms[i+2:], l.atoms[i+1:])
	l.atoms[i], l.atoms[i+1] = a, rest
	return true
}

// prefix returns the longest start of text whose clusters fit into limit. Clusters are added one by
// one, because their widths are always in the cache and those of prefixes never are.
func (l *layouter) prefix(text string, f Face, limit float32) (string, float32) {
	var x float32
	for i := 0; i < len(text); {
		n, _ := nextCluster(text[i:])
		w := l.m.width(text[i:i+n], f)
		if x+w > limit {
			return text[:i], x
		}
		x += w
		i += n
	}
	return text, x
}

// truncate ends the last allowed line with an ellipsis. Atoms from start to next are on it already.
func (l *layouter) truncate(start, next, para int) {
	dotFace := Face{fontFor(classLatin, l.spec.weight), l.size}
	dots := l.m.width(ellipsis, dotFace)
	limit := l.width - dots
	x := float32(0)
	var i int
	for i = start; i < len(l.atoms); i++ {
		a := &l.atoms[i]
		if x+a.w > limit {
			break
		}
		x += a.w
		if i+1 < len(l.atoms) {
			x += a.space
		}
	}
	if i < len(l.atoms) {
		a := &l.atoms[i]
		if !a.chip && !a.gap {
			t, w := l.prefix(a.text, a.face, limit-x)
			if t != "" {
				a.end = a.at + int32(len(t))
				a.text, a.w, a.space, a.nsp = t, w, 0, 0
				x += w
				i++
			}
		}
	}
	// No ellipsis after a space or a comma.
	for i > start {
		a := &l.atoms[i-1]
		if a.gap {
			x -= a.w
			i--
			continue
		}
		if a.space > 0 {
			x -= a.space
			a.space, a.nsp = 0, 0
		}
		break
	}
	level := l.paras[para].base
	end := atom{text: ellipsis, w: dots, face: dotFace, run: l.lastRun(i), level: level}
	if i > 0 && l.atoms[i-1].run == end.run {
		end.at = l.atoms[i-1].end
	}
	end.end = end.at
	l.atoms = append(l.atoms[:i:i], end)
	l.lines = append(l.lines, lineSpan{from: start, to: i + 1, para: para, w: x + dots, dots: true})
	l.out.Truncated, l.cut = true, true
}

func (l *layouter) lastRun(i int) int32 {
	for i--; i >= 0; i-- {
		if !l.atoms[i].chip {
			return l.atoms[i].run
		}
	}
	for r := range l.runs {
		if !l.chip(r) {
			return int32(r)
		}
	}
	return 0
}
