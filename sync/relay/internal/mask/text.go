package mask

import (
	"slices"
	"sort"
	"strings"
	"sync"
	"unicode/utf8"

	"sealdesk/app/inbox"
)

// maxPasses bounds the repetition of Text. Two passes settle all but made-up text; what is not settled after these is
// hidden whole.
const maxPasses = 8

// A hit is a stretch of a text that must not be seen, or (with kind Plain) must be seen in another form.
type hit struct {
	from, to int // in the folded text while scanning, in the original afterwards
	kind     inbox.SpanKind
	hint     string
	value    string // what was there, normalised; "" when the stretch itself stands for it
}

// Text masks a text and returns the identifiers found in it that can be remembered: phone numbers, addresses, handles;
// never card or account numbers. Known identifiers are hidden whatever separators, digits, words or invisible characters
// disguise them. The cost is one pass over the bytes for text that holds nothing of interest.
func (p Policy) Text(text string, k Known) (inbox.Masked, []Found) { return p.TextWith(text, k, nil) }

// TextWith is Text with the contact's table of tokens: what is hidden reads "⟦phone 1⟧" rather than "+49 ••• ••••", the
// same thing the same way in all of the contact's texts. A nil table means Text.
func (p Policy) TextWith(text string, k Known, tokens *Tokens) (inbox.Masked, []Found) {
	return p.text(text, k, tokens, nil)
}

// text masks a text in which more is known to hide than the text alone tells.
func (p Policy) text(text string, k Known, tokens *Tokens, more []hit) (inbox.Masked, []Found) {
	m, found, _ := p.stretches(text, k, tokens, more, false)
	return m, found
}

// stretches is text that also returns, if parted says so, what of the text became of each stretch; nil if nothing is hidden.
func (p Policy) stretches(text string, k Known, tokens *Tokens, more []hit, parted bool) (inbox.Masked, []Found, []stretch) {
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	where := firstLook(text, &k)
	if where == 0 && len(more) == 0 {
		if m := inbox.PlainText(text); !m.Hides() {
			return m, nil, nil
		}
	}
	d := desks.Get().(*desk)
	defer d.leave()
	d.known = k // k itself stays on the stack, where most texts end
	m, found, spans := p.passes(d, text, tokens, more, where)
	if !parted {
		return m, found, nil
	}
	return m, found, slices.Clone(spans)
}

// A desk is the room it takes to mask a text. It is used again: most of what masking a text costs would be making it.
type desk struct {
	known   Known
	scanner scanner
	spans   [2][]stretch
	shown   []inbox.Span
}

var desks = sync.Pool{New: func() any { return new(desk) }}

// maxDesk is how long a text may be, in bytes, whose desk is kept.
const maxDesk = 16 << 10

// leave gives the desk back with nothing of a text on it.
func (d *desk) leave() {
	if cap(d.scanner.b) > maxDesk {
		return
	}
	d.scanner.end()
	d.known = Known{}
	for i := range d.spans {
		clear(d.spans[i])
	}
	clear(d.shown)
	desks.Put(d)
}

// passes masks a text until nothing more is found in it. The stretches lie on the desk.
func (p Policy) passes(d *desk, text string, tokens *Tokens, more []hit, where look) (inbox.Masked, []Found, []stretch) {
	whole := len(text)
	spans := append(d.spans[0][:0], stretch{Span: inbox.Span{Text: text}, to: whole})
	var found []Found
	for pass := range maxPasses {
		d.spans[pass%2] = spans // and the other one is emptied when its room is used again
		var hits []hit
		var learned []Found
		if s := &d.scanner; where != 0 {
			s.begin(p, &d.known, tokens, text)
			hits = s.scan(where)
			learned = s.found
		}
		if len(more) > 0 {
			hits, more = merge(append(slices.Clone(more), hits...)), nil
		}
		if len(hits) == 0 {
			shown := d.shown[:0]
			for i := range spans {
				shown = append(shown, spans[i].Span)
			}
			d.shown = shown
			if m := inbox.NewMasked(shown...); shows(m, text) { // nothing had to be hidden by the floor
				return m, found, spans
			}
			hits = []hit{floor(text)}
		}
		for _, f := range learned {
			if !slices.Contains(found, f) {
				found = append(found, f)
			}
		}
		for i := range hits {
			if h := &hits[i]; tokens != nil && h.kind != inbox.Plain {
				if h.value == "" {
					h.value = string(fold(text[h.from:h.to]).b)
				}
				h.hint = tokens.token(h.kind, h.value, p)
			}
		}
		clear(d.spans[1-pass%2])
		spans = cut(d.spans[1-pass%2][:0], spans, hits)
		text = visible(spans)
		where = firstLook(text, &d.known)
	}
	d.spans[0] = spans
	all := inbox.Span{Kind: inbox.Digits, Text: hidden}
	return inbox.NewMasked(all), found, []stretch{{Span: all, to: whole}}
}

// shows reports whether exactly text can be seen of m.
func shows(m inbox.Masked, text string) bool {
	for _, s := range m.Spans() {
		rest, ok := strings.CutPrefix(text, s.Text)
		if !ok {
			return false
		}
		text = rest
	}
	return text == ""
}

// A stretch is a span with the stretch of the original it stands for.
type stretch struct {
	inbox.Span
	value    string // of what is hidden, normalised, if it is known
	from, to int
}

// floor returns the first place [inbox.Identifying] objects to, grown to whole words. It finds it by halving, so that
// the floor's rules are written down in one place only.
func floor(text string) hit {
	end := sort.Search(len(text), func(n int) bool { return inbox.Identifying(text[:n+1]) }) + 1
	end = min(end, len(text))
	start := sort.Search(end, func(n int) bool { return !inbox.Identifying(text[n:end]) }) - 1
	start = max(start, 0)
	for start > 0 && text[start-1] > ' ' {
		start--
	}
	for end < len(text) && text[end] > ' ' {
		end++
	}
	return hit{from: start, to: end, kind: inbox.Digits, hint: hidden}
}

func visible(spans []stretch) string {
	n := 0
	for _, s := range spans {
		n += len(s.Text)
	}
	var b strings.Builder
	b.Grow(n)
	for _, s := range spans {
		b.WriteString(s.Text)
	}
	return b.String()
}

// cut appends the spans to out with the hits, which are in order and apart, put into them. A hit that touches a hint
// swallows it whole.
func cut(out, spans []stretch, hits []hit) []stretch {
	pos := 0
	for _, s := range spans {
		from, to := pos, pos+len(s.Text)
		pos = to
		if s.Kind != inbox.Plain {
			for i := range hits {
				if h := &hits[i]; h.from < to && h.to > from {
					h.from, h.to = min(h.from, from), max(h.to, to)
				}
			}
		}
	}
	hits = merge(hits)
	pos = 0
	for _, s := range spans {
		at, end := pos, pos+len(s.Text)
		for len(hits) > 0 && hits[0].from < end {
			h := hits[0]
			if h.from > at {
				out = append(out, s.part(at-pos, h.from-pos))
			}
			to := s.source(min(h.to, end) - pos)
			if h.from >= pos {
				out = append(out, stretch{inbox.Span{Kind: h.kind, Text: h.hint}, h.value, s.source(h.from - pos), to})
			} else {
				out[len(out)-1].to = to // goes on from the span before
			}
			at = min(h.to, end)
			if h.to > end {
				break // goes on in the next span
			}
			hits = hits[1:]
		}
		if at < end {
			out = append(out, s.part(at-pos, len(s.Text)))
		}
		pos = end
	}
	return out
}

// source returns where the byte of a plain stretch comes from; a hint's first and last are those of what it hides.
func (p *stretch) source(i int) int {
	if i == len(p.Text) {
		return p.to
	}
	if p.Kind != inbox.Plain || i == 0 {
		return p.from
	}
	return min(p.from+i, p.to)
}

// part returns a part of the stretch.
func (p *stretch) part(from, to int) stretch {
	return stretch{inbox.Span{Kind: p.Kind, Text: p.Text[from:to]}, p.value, p.source(from), p.source(to)}
}

// merge joins hits that overlap; the first one's hint stands for both.
func merge(hits []hit) []hit {
	slices.SortStableFunc(hits, func(a, b hit) int { return a.from - b.from })
	out := hits[:0]
	for _, h := range hits {
		if n := len(out); n > 0 && h.from < out[n-1].to {
			out[n-1].to = max(out[n-1].to, h.to)
			continue
		}
		out = append(out, h)
	}
	return out
}
