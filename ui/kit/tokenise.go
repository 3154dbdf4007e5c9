package kit

import "strings"

// tokenise appends the atoms of a text without line breaks. base is where it starts in its run.
func (l *layouter) tokenise(run, base int, s string, level uint8) {
	if s == "" {
		return
	}
	if l.chip(run) {
		face := Face{FontMedium, l.size - l.scale}
		l.atoms = append(l.atoms, atom{
			text: s, run: int32(run), at: int32(base), end: int32(base + len(s)), face: face, level: level, chip: true, last: false,
			w: l.m.width(s, face) + (chipLead+chipPad)*l.scale,
		})
		return
	}
	look := l.runs[run].Look
	w := l.weight(look)
	size := l.size
	if look == Code {
		size = l.size - l.scale
	}
	latin := Face{fontFor(classLatin, w), size}
	spaceW := l.m.width(" ", latin)
	var (
		start = 0
		face  = latin
	)
	flush := func(end int, last bool) {
		if end > start {
			t := s[start:end]
			wide := l.m.width(t, face)
			if face.Font == FontEmoji {
				wide += emojiGap * l.scale
			}
			l.atoms = append(l.atoms, atom{text: t, run: int32(run), at: int32(base + start), end: int32(base + end), face: face, level: level, last: last, w: wide})
		}
		start = end
	}
	for i := 0; i < len(s); {
		b := s[i]
		// Plain letters and digits, the bulk of all text, take the short way.
		if b > ' ' && b < 0x7f && face == latin && (i+1 >= len(s) || s[i+1] < 0x80) {
			i++
			if b == '-' || b == '/' {
				if i-start > 1 && i < len(s) && s[i] > ' ' {
					flush(i, true)
				}
			}
			continue
		}
		n, class := nextCluster(s[i:])
		switch class {
		case classSpace, classNewline:
			flush(i, true)
			j := i + n
			count := 1
			for j < len(s) {
				n, c := nextCluster(s[j:])
				if c != classSpace && c != classNewline {
					break
				}
				j += n
				count++
			}
			l.spaces(run, base+i, base+j, latin, level, count, spaceW)
			start, i = j, j
			continue
		case classIgnored:
			flush(i, false)
			if r := firstRune(s[i:]); r == 0x200b && len(l.atoms) > 0 { // a zero width space allows a break
				l.atoms[len(l.atoms)-1].last = true
			}
			start = i + n
			i += n
			continue
		}
		want := Face{fontFor(class, w), size}
		if want != face {
			// A change between a letter and an emoji or ideograph is a place to break.
			flush(i, face.Font == FontEmoji || class == classEmoji || class == classIdeograph)
			face = want
		}
		i += n
		switch class {
		case classEmoji:
			flush(i, true)
		case classIdeograph:
			next := firstRune(s[i:])
			flush(i, i >= len(s) || !forbidsLineStart(next) && !forbidsLineEnd(firstRune(s[i-n:])))
		}
	}
	flush(len(s), false)
	// Between two runs a line may break only where the text itself allows it.
	if n := len(l.atoms); n > 0 {
		if a := &l.atoms[n-1]; a.face.Font == FontEmoji {
			a.last = true
		}
	}
}

// spaces adds room after the last atom, or an atom of its own where order may change.
func (l *layouter) spaces(run, at, end int, face Face, level uint8, count int, w float32) {
	if level&bidiMark == 0 && len(l.atoms) > 0 {
		a := &l.atoms[len(l.atoms)-1]
		if !a.gap {
			a.space += float32(count) * w
			a.nsp += uint16(min(count, 1000))
			a.last = true
			return
		}
	}
	l.atoms = append(l.atoms, atom{
		text: strings.Repeat(" ", min(count, 1000)), run: int32(run), at: int32(at), end: int32(end), face: face, level: level,
		w: float32(count) * w, gap: true, last: true,
	})
	if n := len(l.atoms); n > 1 {
		l.atoms[n-2].last = true
	}
}
