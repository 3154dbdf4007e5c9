package media

import (
	"fmt"
	"slices"
	"strconv"
)

func isPDFSpace(c byte) bool {
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == 0
}

func isPDFMark(c byte) bool {
	return c == '(' || c == ')' || c == '<' || c == '>' || c == '[' || c == ']' || c == '{' || c == '}' || c == '/' || c == '%'
}

// at returns a byte, or false at the end of the file.
func (f *pdfFile) at(off int64) (byte, bool) {
	w := f.s.window(off)
	if len(w) == 0 {
		return 0, false
	}
	return w[0], true
}

// space returns where something other than space and comments begins.
func (f *pdfFile) space(off int64) int64 {
	for {
		c, ok := f.at(off)
		switch {
		case !ok:
			return off
		case c == '%':
			for ok && c != '\n' && c != '\r' {
				off++
				c, ok = f.at(off)
			}
		case isPDFSpace(c):
			off++
		default:
			return off
		}
	}
}

// A pdfToken is a name (/), a string ((), an opened or closed dictionary (< and >) or array ([ and ]), a word (w), or
// nothing (0).
type pdfToken struct {
	kind byte
	pdfSpan
}

func (f *pdfFile) token(off int64) pdfToken {
	off = f.space(off)
	c, ok := f.at(off)
	if !ok {
		return pdfToken{}
	}
	end := off + 1
	next, _ := f.at(end)
	switch {
	case c == '/':
		return pdfToken{'/', pdfSpan{off, f.word(end)}}
	case c == '<' && next == '<', c == '>' && next == '>':
		return pdfToken{c, pdfSpan{off, off + 2}}
	case c == '[', c == ']':
		return pdfToken{c, pdfSpan{off, end}}
	case c == '<':
		if end = f.s.index(end, min(f.s.size, end+maxPart), ">"); end < 0 {
			return pdfToken{}
		}
		return pdfToken{'(', pdfSpan{off, end + 1}}
	case c == '(':
		depth := 1
		for depth > 0 {
			if c, ok = f.at(end); !ok || end-off > maxPart {
				return pdfToken{}
			}
			switch c {
			case '\\':
				end++
			case '(':
				depth++
			case ')':
				depth--
			}
			end++
		}
		return pdfToken{'(', pdfSpan{off, min(end, f.s.size)}}
	case isPDFMark(c):
		return pdfToken{'w', pdfSpan{off, end}}
	}
	return pdfToken{'w', pdfSpan{off, f.word(end)}}
}

// word returns where the word that goes on at off ends.
func (f *pdfFile) word(off int64) int64 {
	for {
		c, ok := f.at(off)
		if !ok || isPDFSpace(c) || isPDFMark(c) {
			return off
		}
		off++
	}
}

// text is what stands in a short span.
func (f *pdfFile) text(x pdfSpan) string {
	b, _ := f.s.bytes(x.from, int(min(max(x.size(), 0), 256)))
	return string(b)
}

// name is a name with its escapes undone.
func (f *pdfFile) name(x pdfSpan) string {
	b := []byte(f.text(pdfSpan{x.from + 1, x.to}))
	for i := 0; i+2 < len(b); i++ {
		if v, err := strconv.ParseUint(string(b[i+1:i+3]), 16, 8); b[i] == '#' && err == nil {
			b = slices.Replace(b, i, i+3, byte(v))
		}
	}
	return string(b)
}

// integer reads a number of at most ten digits.
func (f *pdfFile) integer(x pdfSpan) (int64, bool) {
	if x.size() < 1 || x.size() > 10 {
		return 0, false
	}
	n, err := strconv.ParseUint(f.text(x), 10, 34)
	return int64(n), err == nil
}

// reference reads "12 0 R".
func (f *pdfFile) reference(x pdfSpan) (int64, bool) {
	if c, ok := f.at(x.from); !ok || c < '0' || c > '9' {
		return 0, false
	}
	a := f.token(x.from)
	if g, ok := f.at(f.space(a.to)); !ok || g < '0' || g > '9' {
		return 0, false
	}
	b := f.token(a.to)
	end := f.space(b.to)
	n, ok := f.integer(a.pdfSpan)
	return n, ok && end < x.to && f.s.has(end, "R")
}

// value reads the value at off; of a dictionary it remembers where its own values stand.
func (f *pdfFile) value(off int64) (x pdfSpan, dict map[string]pdfSpan, ok bool) {
	var open []byte
	key, from, last := "", int64(-1), int64(0)
	keep := func() {
		if key != "" && from >= 0 && len(dict) < 64 {
			dict[key] = pdfSpan{from, last}
		}
		key, from = "", -1
	}
	for first := true; ; first = false {
		t := f.token(off)
		if first {
			x.from = t.from
			if t.kind == '<' {
				dict = map[string]pdfSpan{}
			}
		}
		top := len(open) == 1 && dict != nil
		if top && t.kind != '>' {
			switch {
			case t.kind == '/' && (key == "" || from >= 0):
				keep()
				key = f.name(t.pdfSpan)
			case from < 0:
				from = t.from
			}
		}
		switch t.kind {
		case 0:
			x.to = max(off, min(off+maxPart, f.s.size)) // at most as far as a string was looked for
			return x, nil, false
		case '/':
			switch f.name(t.pdfSpan) {
			case "JS", "JavaScript", "Launch":
				f.active = true
			}
		case '<', '[':
			if open = append(open, t.kind); len(open) > 256 {
				x.to = t.to
				return x, nil, false
			}
		case '>', ']':
			if len(open) == 0 || open[len(open)-1] != t.kind-2 { // in ASCII, both pairs stand two apart
				x.to = t.to
				return x, nil, false
			}
			if top {
				keep()
			}
			open = open[:len(open)-1]
		}
		off, last = t.to, t.to
		if len(open) == 0 {
			x.to = t.to
			return x, dict, true
		}
	}
}

// scan reads the file from front to back. Trailers are visited as objects without a number.
func (f *pdfFile) scan(visit func(pdfObject) error) error {
	f.objects, f.end, f.lastPart = 0, 0, 0
	wasted, started := int64(0), false
	off := int64(0)
	for {
		c, ok := f.at(off)
		if !ok {
			return nil
		}
		if isPDFSpace(c) {
			off++
			continue
		}
		if c == '%' {
			if started && f.s.has(off, "%%EOF") {
				started = false
				f.end = off + 5
				if c, ok := f.at(f.end); ok && c == '\r' {
					f.end++
				}
				if c, ok := f.at(f.end); ok && c == '\n' {
					f.end++
				}
			}
			off = f.space(off)
			continue
		}
		if isPDFMark(c) {
			off++
			continue
		}
		word := pdfSpan{off, f.word(off + 1)}
		off = word.to
		o := pdfObject{number: -1}
		switch {
		case f.text(word) == "startxref":
			started = true
			continue
		case f.text(word) == "trailer":
		case c >= '0' && c <= '9' && word.size() <= 10:
			if c, ok := f.at(f.space(off)); !ok || c < '0' || c > '9' {
				continue
			}
			gen := f.token(off)
			obj := f.space(gen.to)
			number, ok := f.integer(word)
			if !ok || !f.s.has(obj, "obj") || f.word(obj) != obj+3 {
				continue
			}
			o.number, off = number, obj+3
			if f.objects++; f.objects > maxObjects {
				return fmt.Errorf("counting objects: %w", ErrBomb)
			}
		default:
			continue
		}
		if o.value, o.dict, ok = f.value(off); !ok {
			// Trying again behind a value that does not end may cost the whole file each time.
			if wasted += max(o.value.to-off, 0); wasted > f.s.size {
				return ErrBroken
			}
			if off = f.s.index(off, f.s.size, "endobj"); off < 0 {
				return ErrBroken
			}
			continue
		}
		off = o.value.to
		if next := f.space(off); o.dict != nil && f.s.has(next, "stream") {
			if err := f.stream(&o, next+6); err != nil {
				return err
			}
			off = o.after
		}
		f.lastPart = off
		if err := visit(o); err != nil {
			return err
		}
		if f.s.err != nil {
			return f.s.err
		}
	}
}

// stream finds where the data of a stream ends.
func (f *pdfFile) stream(o *pdfObject, off int64) error {
	if c, ok := f.at(off); ok && c == '\r' {
		off++
	}
	if c, ok := f.at(off); ok && c == '\n' {
		off++
	}
	o.isStream, o.data = true, pdfSpan{off, off}
	n, ok := f.integer(o.dict["Length"])
	if ref, isRef := f.reference(o.dict["Length"]); isRef {
		n, ok = f.lengths[ref]
	}
	if ok && n <= f.s.size-off {
		end := off + n
		for range 3 {
			if f.s.has(end, "endstream") {
				o.data.to, o.after = off+n, end+9
				return nil
			}
			end++
		}
	}
	end := f.s.index(off, f.s.size, "endstream")
	if end < 0 {
		return ErrBroken
	}
	o.after = end + 9
	if c, ok := f.at(end - 1); ok && c == '\n' && end > off {
		end--
	}
	if c, ok := f.at(end - 1); ok && c == '\r' && end > off {
		end--
	}
	o.data.to = end
	return nil
}
