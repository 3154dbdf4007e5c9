package arena

import (
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"slices"
	"sort"
	"unicode/utf8"
)

// A Query says which records to find.
type Query struct {
	Words [][]byte            // from [Fold]: each must occur in the text; none: any text
	Group func(string) bool   // nil: all groups; asked once for each
	Keep  func(f Filter) bool // nil: all; it must not call the arena
	Limit int                 // how many hits to return
	Width int                 // about how many characters of text a hit shows
}

// A Filter is what a query may look at of a record.
type Filter struct {
	Author string
	At     int64
	Flags  uint16
}

// A Span is a stretch of a text as it was written.
type Span struct {
	Kind uint8 // 0: as it is; else as given to [Text.Hidden]
	Text string
}

// A Mark is a stretch of a text that was looked for, in bytes.
type Mark struct{ From, To int }

// A Hit is a record that was found, with the part of its text around the first of the words, on one line.
type Hit struct {
	Record
	Excerpt []Span
	Marks   []Mark // in the texts of Excerpt, one after the other; in order, apart from each other
}

// A Count is how many records of a group were found.
type Count struct {
	Group string
	Count int
}

// Find returns the newest hits, at most q.Limit, the newest first; and for each group with any how many there are
// altogether, in no order. It returns ErrCleared, or ctx's error.
func (a *Arena) Find(ctx context.Context, q Query) ([]Hit, []Count, error) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if a.cleared {
		return nil, nil, ErrCleared
	}
	f := finder{arena: a, words: slices.Clone(q.Words), keep: q.Keep, limit: max(q.Limit, 0), counts: make([]int, len(a.groups))}
	slices.SortFunc(f.words, func(x, y []byte) int { return len(y) - len(x) }) // the longest is the rarest, more or less
	if q.Group != nil {
		f.groups = make([]bool, len(a.groups))
		for i, g := range a.groups {
			f.groups[i] = g.live > 0 && q.Group(g.name)
		}
	}
	for i, s := range a.segments {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		if s != nil && s.live > 0 {
			f.segment(i, s)
		}
	}
	hits := make([]Hit, len(f.best))
	for i := len(hits) - 1; i >= 0; i-- { // the heap gives the oldest first
		c := heap.Pop(&f.best).(candidate)
		s, e := a.at(c.at)
		h := Hit{Record: Record{Group: a.groups[e.group].name, ID: string(s.idOf(e)), Author: a.authorOf(e), At: e.at, Place: e.place, Flags: e.flags}}
		h.Excerpt, h.Marks = excerpt(s.textOf(e), s.patchOf(e), f.words, q.Width)
		hits[i] = h
	}
	var counts []Count
	for i, n := range f.counts {
		if n > 0 {
			counts = append(counts, Count{a.groups[i].name, n})
		}
	}
	return hits, counts, nil
}

// A finder is one scan.
type finder struct {
	arena  *Arena
	words  [][]byte
	groups []bool
	keep   func(Filter) bool
	limit  int
	counts []int // by group
	best   newest
}

func (f *finder) segment(i int, s *segment) {
	if len(f.words) == 0 {
		for n := range s.count {
			f.consider(handleOf(i, n), s, s.entry(n))
		}
		return
	}
	mem, n := s.mem[:s.used], 0
	for at := 0; at < len(mem); {
		found := bytes.Index(mem[at:], f.words[0])
		if found < 0 {
			return
		}
		at += found
		n = s.covering(n, at)
		e := s.entry(n)
		if at < int(e.off)+int(e.text) { // else in what is not text
			f.consider(handleOf(i, n), s, e)
		}
		at = int(e.off) + e.size()
	}
}

// covering returns the entry whose bytes cover a place, at or after entry n.
func (s *segment) covering(n, at int) int {
	step := 1 // most finds are near the one before, or far away
	for n+step < s.count && int(s.entry(n+step).off) <= at {
		n, step = n+step, 2*step
	}
	return n + sort.Search(min(step, s.count-n-1), func(i int) bool { return int(s.entry(n+1+i).off) > at })
}

func (f *finder) consider(h handle, s *segment, e *entry) {
	if e.dead || f.groups != nil && !f.groups[e.group] || f.keep != nil && !f.keep(Filter{f.arena.authorOf(e), e.at, e.flags}) {
		return
	}
	for i := 1; i < len(f.words); i++ {
		if !bytes.Contains(s.textOf(e), f.words[i]) {
			return
		}
	}
	f.counts[e.group]++
	c := candidate{e.at, e.place, h}
	switch {
	case len(f.best) < f.limit:
		heap.Push(&f.best, c)
	case f.limit > 0 && f.best[0].older(c):
		f.best[0] = c
		heap.Fix(&f.best, 0)
	}
}

type candidate struct {
	when  int64
	place uint64
	at    handle
}

func (c candidate) older(than candidate) bool {
	return cmp.Or(cmp.Compare(c.when, than.when), cmp.Compare(c.place, than.place), cmp.Compare(c.at, than.at)) < 0
}

// newest is a heap with the oldest on top.
type newest []candidate

func (n newest) Len() int           { return len(n) }
func (n newest) Less(i, j int) bool { return n[i].older(n[j]) }
func (n newest) Swap(i, j int)      { n[i], n[j] = n[j], n[i] }
func (n *newest) Push(x any)        { *n = append(*n, x.(candidate)) }
func (n *newest) Pop() any {
	last := len(*n) - 1
	x := (*n)[last]
	*n = (*n)[:last]
	return x
}

const snapRunes = 12 // how far the border of an excerpt gives way to the border of a word

// excerpt returns about width runes of the section around the first word, as they were written, and where the words are
// in them.
func excerpt(text, patch []byte, words [][]byte, width int) ([]Span, []Mark) {
	first := len(text)
	for _, w := range words {
		if i := bytes.Index(text, w); i >= 0 {
			first = min(first, i)
		}
	}
	if len(words) == 0 {
		first = 0
		for first < len(text)-1 && text[first] == sectionEnd {
			first++
		}
	}
	begin, end := bytes.LastIndexByte(text[:first], sectionEnd)+1, len(text)
	if i := bytes.IndexByte(text[first:], sectionEnd); i >= 0 {
		end = first + i
	}
	from, to := window(text[begin:end], first-begin, width)
	from, to = begin+from, begin+to
	x := excerpting{marks: marksIn(text, from, to, words)}
	if from > begin {
		x.plain("…")
	}
	atoms(text, patch, func(a atom) bool {
		if a.to > from && a.from < to {
			x.atom(text, a, from, to)
		}
		return a.from < to
	})
	if to < end {
		x.plain("…")
	}
	return x.flush(), x.marks
}

// window returns which part of a section an excerpt shows: a quarter of it before the place that was found.
func window(section []byte, first, width int) (from, to int) {
	for from = first; from > 0; from-- {
		if !utf8.RuneStart(section[from]) {
			continue
		}
		if utf8.RuneCount(section[from:first]) >= width/4 {
			break
		}
	}
	if from > 0 {
		if i := bytes.IndexByte(section[from:first], ' '); i >= 0 && i < snapRunes {
			from += i + 1
		}
	}
	runes := 0
	for to = from; to < len(section) && runes < width; runes++ {
		_, n := utf8.DecodeRune(section[to:])
		to += n
	}
	if to < len(section) {
		if i := bytes.LastIndexByte(section[from:to], ' '); i >= 0 && from+i > first && to-from-i < snapRunes {
			to = from + i
		}
	}
	return from, to
}

// marksIn returns where words are in a part of a text, merged where they touch.
func marksIn(text []byte, from, to int, words [][]byte) []Mark {
	var all []Mark
	for _, w := range words {
		for at := from; ; {
			i := bytes.Index(text[at:to], w)
			if i < 0 {
				break
			}
			all = append(all, Mark{at + i, at + i + len(w)})
			at += i + len(w)
		}
	}
	slices.SortFunc(all, func(a, b Mark) int { return a.From - b.From })
	out := all[:0]
	for _, m := range all {
		if n := len(out); n > 0 && m.From <= out[n-1].To {
			out[n-1].To = max(out[n-1].To, m.To)
			continue
		}
		out = append(out, m)
	}
	return out
}

// excerpting writes an excerpt and turns the marks from places in folded text into places in it.
type excerpting struct {
	spans []Span
	run   []byte // of plain text
	size  int    // of spans
	marks []Mark
	froms int // marks that begin in what was written
	tos   int // marks that end in it
}

func (x *excerpting) plain(s string) { x.run = append(x.run, s...) }

func (x *excerpting) flush() []Span {
	if len(x.run) > 0 {
		x.spans = append(x.spans, Span{Text: string(x.run)})
		x.size += len(x.run)
		clear(x.run)
		x.run = x.run[:0]
	}
	return x.spans
}

func (x *excerpting) atom(text []byte, a atom, from, to int) {
	if a.was == nil {
		a.from, a.to = max(a.from, from), min(a.to, to)
	}
	at := x.size + len(x.run)
	for ; x.froms < len(x.marks) && x.marks[x.froms].From < a.to; x.froms++ {
		x.marks[x.froms].From = at + inside(a, x.marks[x.froms].From, 0)
	}
	folded := text[a.from:a.to]
	switch {
	case a.was == nil:
		x.run = append(x.run, folded...)
	case len(folded) == 1 && folded[0]&^maxKind == hidden:
		x.flush()
		x.spans = append(x.spans, Span{folded[0] - hidden, string(a.was)})
		x.size += len(a.was)
	case len(folded) == 1 && folded[0] == ' ':
		x.plain(" ")
	case len(folded) == 0 && len(a.was) == 1: // more space, or what does not show
	default:
		x.run = append(x.run, a.was...)
	}
	wrote := x.size + len(x.run) - at
	for ; x.tos < x.froms && x.marks[x.tos].To <= a.to; x.tos++ {
		x.marks[x.tos].To = at + inside(a, x.marks[x.tos].To, wrote)
	}
}

// inside returns how far behind the start of an atom a place in folded text is written. What was folded together is
// marked as a whole.
func inside(a atom, place, whole int) int {
	if a.was == nil {
		return place - a.from
	}
	return whole
}
