package kit

import (
	"strings"
	"unicode/utf8"
)

// place turns lines of atoms into fragments at positions.
func (l *layouter) place() {
	l.out.Lines = len(l.lines)
	var widest float32
	for i := range l.lines {
		l.measureLine(&l.lines[i])
		widest = max(widest, l.lines[i].w)
	}
	l.out.Height = float32(len(l.lines)) * l.line
	last := len(l.lines) - 1
	l.out.RTL = last >= 0 && l.paras[l.lines[last].para].base == 1
	if l.st.Meta > 0 && last >= 0 {
		need := l.lines[last].w + metaGap*l.scale + l.st.Meta
		if !l.out.RTL && need <= l.width {
			widest = max(widest, need)
			l.out.MetaY = l.out.Height - l.line
		} else {
			// The slot takes a line of its own, tucked up a little under the text.
			widest = max(widest, l.st.Meta)
			l.out.MetaY = l.out.Height - round(3*l.scale)
			l.out.Height = l.out.MetaY + round(typeScale[Meta].line*l.scale) + 2
		}
	}
	l.out.Width = min(ceil(widest), ceil(l.width))
	if l.st.Fill {
		l.out.Width = l.width
	}
	l.out.MetaX = l.out.Width - l.st.Meta
	l.out.Fragments = make([]Fragment, 0, len(l.lines)+4)
	l.out.bases = make([]uint8, len(l.lines))
	for i := range l.lines {
		l.placeLine(&l.lines[i], float32(i)*l.line)
	}
}

// measureLine drops the spaces at the end of a line and sums it up (rule L1: they would otherwise
// stand at the wrong side).
func (l *layouter) measureLine(ln *lineSpan) {
	for ln.to > ln.from && l.atoms[ln.to-1].gap {
		ln.to--
	}
	if l.paras[ln.para].bidi {
		for ln.from < ln.to && l.atoms[ln.from].gap {
			ln.from++
		}
	}
	ln.w = 0
	for i := ln.from; i < ln.to; i++ {
		ln.w += l.atoms[i].w
		if i+1 < ln.to {
			ln.w += l.atoms[i].space
		}
	}
}

func (l *layouter) placeLine(ln *lineSpan, top float32) {
	n := ln.to - ln.from
	if n <= 0 {
		return
	}
	baseline := top + round((l.line-l.base.height)/2+l.base.baseline)
	x := float32(0)
	p := l.paras[ln.para]
	if p.base == 1 {
		x = l.out.Width - ln.w
	}
	l.out.bases[int(top/l.line+0.5)] = p.base
	if !p.bidi {
		l.runLTR(ln, x, top, baseline)
		return
	}
	levels := make([]uint8, n)
	for i := range levels {
		levels[i] = l.atoms[ln.from+i].level
	}
	order := visualOrder(levels)
	for v := 0; v < n; {
		a := &l.atoms[ln.from+order[v]]
		if a.chip {
			l.chipFragment(a, x, top, baseline)
			x += a.w
			v++
			continue
		}
		if a.gap { // a text that began with a space would be drawn from another font's ascent
			x += a.w
			v++
			continue
		}
		// Neighbours that are neighbours in the text too are drawn in one go, so that letters join.
		text, w := a.text, a.w
		k := v + 1
		for k < n {
			b := &l.atoms[ln.from+order[k]]
			step := order[k] - order[k-1]
			sameFace := b.face == a.face || b.gap
			if b.chip || b.run != a.run || b.level != a.level || !sameFace || a.face.Font == FontEmoji || b.face.Font == FontEmoji || a.level%2 == 0 && step != 1 || a.level%2 == 1 && step != -1 {
				break
			}
			if a.level%2 == 1 {
				text = b.text + text
			} else {
				text += b.text
			}
			w += b.w
			k++
		}
		first, last := l.atoms[ln.from+order[v]], l.atoms[ln.from+order[k-1]]
		if a.level%2 == 1 {
			l.rtlFragment(a, text, int(last.at), int(first.end), x, w, baseline)
		} else {
			l.textFragment(a, text, int(first.at), int(last.end), x, w, baseline)
		}
		x += w
		v = k
	}
}

// runLTR is the ordinary line: merge atoms of one run and face, spaces included.
func (l *layouter) runLTR(ln *lineSpan, x, top, baseline float32) {
	var sb strings.Builder
	for i := ln.from; i < ln.to; {
		a := &l.atoms[i]
		if a.chip {
			l.chipFragment(a, x, top, baseline)
			x += a.w + a.space
			i++
			continue
		}
		from := i
		w, end := a.w, a.space
		i++
		for i < ln.to {
			b := &l.atoms[i]
			if b.chip || b.run != a.run || b.face != a.face || a.face.Font == FontEmoji {
				break
			}
			w += end + b.w
			end = b.space
			i++
		}
		text := a.text
		if i-from > 1 {
			sb.Reset()
			for k := from; k < i; k++ {
				sb.WriteString(l.atoms[k].text)
				if k+1 < i {
					for range l.atoms[k].nsp {
						sb.WriteByte(' ')
					}
				}
			}
			text = sb.String()
		}
		if !a.gap || i-from > 1 {
			l.textFragment(a, text, int(a.at), int(l.atoms[i-1].end), x, w, baseline)
		}
		x += w
		if i < ln.to {
			x += end
		}
	}
}

func (l *layouter) textFragment(a *atom, text string, from, to int, x, w, baseline float32) {
	if strings.TrimSpace(text) == "" {
		return
	}
	b := l.m.box(a.face)
	l.out.Fragments = append(l.out.Fragments, Fragment{
		Run: int(a.run), From: from, To: to, RTL: a.level%2 == 1, Text: text, Look: l.runs[a.run].Look, Face: a.face,
		X: x, Y: baseline - ceil(b.baseline), W: w, H: b.height, Baseline: b.baseline,
	})
}

func (l *layouter) chipFragment(a *atom, x, top, baseline float32) {
	b := l.m.box(a.face)
	h := min(l.line-1, round(18*l.scale))
	l.out.Fragments = append(l.out.Fragments, Fragment{
		Run: int(a.run), From: int(a.at), To: int(a.end), RTL: a.level%2 == 1, Text: a.text, Look: l.runs[a.run].Look, Face: a.face,
		X: x + chipLead*l.scale, Y: baseline - ceil(b.baseline), W: a.w - (chipLead+chipPad)*l.scale, H: b.height,
		ChipX: x, ChipY: top + round((l.line-h)/2), ChipW: a.w, ChipH: h, Baseline: b.baseline,
	})
}

// rtlFragment draws right-to-left text. The shaper takes the direction of a piece from its letters
// alone, so marks at the ends, which it would put on the wrong side, become pieces of their own.
func (l *layouter) rtlFragment(a *atom, text string, from, to int, x, w, baseline float32) {
	lead := 0
	for lead < len(text) {
		r, n := utf8.DecodeRuneInString(text[lead:])
		if isStrongRTL(r) {
			break
		}
		lead += n
	}
	trail := len(text)
	for trail > lead {
		r, n := utf8.DecodeLastRuneInString(text[:trail])
		if isStrongRTL(r) {
			break
		}
		trail -= n
	}
	if lead == 0 && trail == len(text) {
		l.textFragment(a, text, from, to, x, w, baseline)
		return
	}
	source := l.runs[a.run].Text[from:to]
	mid, end := from+sourceAt(source, lead), from+sourceAt(source, trail)
	latin := *a
	if a.face.Font != FontEmoji {
		latin.face = Face{fontFor(classLatin, l.weight(l.runs[a.run].Look)), a.face.Size}
	}
	put := func(part string, from, to int, flip bool) {
		if part == "" {
			return
		}
		at := a
		if flip {
			part = mirrored(part)
			at = &latin
		}
		pw := l.m.width(part, at.face)
		l.textFragment(at, part, from, to, x, pw, baseline)
		x += pw
	}
	put(text[trail:], end, to, true)
	put(text[lead:trail], mid, end, false)
	put(text[:lead], from, mid, true)
}

// mirrored returns marks in the order and shape they have in right-to-left text. Clusters stay whole.
func mirrored(s string) string {
	out := ""
	for i := 0; i < len(s); {
		n, _ := nextCluster(s[i:])
		c := s[i : i+n]
		if r, size := utf8.DecodeRuneInString(c); size == n {
			c = string(mirror(r))
		}
		out = c + out
		i += n
	}
	return out
}

// EstimateHeight guesses the height of text of that many runes without measuring a word, for rows
// that are far away. It errs by a line or so.
func EstimateHeight(runes int, width float32, st Style) float32 {
	scale := st.Scale
	if scale == 0 {
		scale = 1
	}
	spec := typeScale[st.Type]
	perLine := max(int(width/(spec.size*scale*0.52)), 1)
	lines := (runes + perLine - 1) / perLine
	if st.MaxLines > 0 {
		lines = min(lines, st.MaxLines)
	}
	return float32(max(lines, 1)) * round(spec.line*scale)
}

// TextWidth is the width of text on one line at the current text size.
func TextWidth(text string, t Type) float32 {
	if text == "" {
		return 0
	}
	if latinOnly(text) {
		return SharedMetrics().width(text, Face{fontFor(classLatin, typeScale[t].weight), typeScale[t].size * Current().scale})
	}
	b := Layout(SharedMetrics(), []Run{{Text: text}}, 1e6, Style{Type: t, MaxLines: 1, Scale: Current().scale})
	return b.Width
}

// latinOnly reports whether our own font draws all of s, so that one piece of text is enough.
func latinOnly(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 || s[i] < 0x20 {
			for _, r := range s[i:] {
				if classify(r) != classLatin && r != ' ' {
					return false
				}
			}
			return true
		}
	}
	return true
}
