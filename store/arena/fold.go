package arena

import (
	"bytes"
	"encoding/binary"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	maxText  = 60_000 // bytes of folded text of a record; the rest of a longer one is not found
	maxPatch = 60_000 // bytes of its way back
	maxHint  = 1 << 10
	slack    = 5_000 // above what one step of folding adds

	sectionEnd = '\n' // between sections; folding leaves no other
	hidden     = 0x10 // and the kind: text that is hidden; folding leaves no such byte
	maxKind    = 0x0f
)

// A Text is text on its way into an [Arena]: folded, with the way back. Make one with [NewText] and use it again and again:
// its memory is the only place in the heap that ever holds the text, never grows, and is overwritten by Reset.
type Text struct {
	text, patch []byte
	told        int    // the patch leads up to here in text
	space       bool   // text ends in one
	raw, part   []byte // of one step, overwritten behind it
	composed    bool   // and hold more than was overwritten
}

// NewText returns an empty Text.
func NewText() *Text {
	return &Text{text: make([]byte, 0, maxText+slack), patch: make([]byte, 0, maxPatch+slack), raw: make([]byte, 0, slack), part: make([]byte, 0, slack)}
}

// Reset overwrites what the text holds.
func (t *Text) Reset() {
	clear(t.text)
	clear(t.patch)
	if t.composed {
		clear(t.raw[:cap(t.raw)])
		clear(t.part[:cap(t.part)])
	}
	t.text, t.patch, t.told, t.space, t.composed = t.text[:0], t.patch[:0], 0, false, false
}

// Empty reports whether nothing was added since the last Reset that could be found or shown.
func (t *Text) Empty() bool { return len(t.text) == 0 && len(t.patch) == 0 }

// Break ends a section. A find does not reach over it, and a snippet shows one section. Of a text longer than 60,000 bytes
// the rest is left out.
func (t *Text) Break() {
	if !t.full() {
		t.text, t.space = append(t.text, sectionEnd), false
	}
}

// Hidden adds text of a kind from 1 to 15 that is shown and never found.
func (t *Text) Hidden(kind uint8, hint string) {
	if kind == 0 || kind > maxKind {
		kind = maxKind
	}
	if t.full() {
		return
	}
	for len(hint) > maxHint || !utf8.ValidString(hint) {
		hint = strings.ToValidUTF8(hint[:min(len(hint), maxHint)], "")
	}
	at := len(t.text)
	t.text, t.space = append(t.text, hidden+kind), false
	t.changed(at, hint)
}

// Plain adds text that is shown as it is and found by its folded form.
func (t *Text) Plain(s string) {
	for i := 0; i < len(s) && !t.full(); {
		at := len(t.text)
		switch c := s[i]; {
		case 'A' <= c && c <= 'Z':
			t.text, t.space = append(t.text, c|0x20), false
			t.patch = binary.AppendUvarint(t.patch, uint64(at-t.told)<<1)
			t.told = at + 1
			i++
			continue
		case ' ' < c && c < 0x7f:
			t.text, t.space = append(t.text, c), false
			i++
			continue
		case c == ' ' && !t.space:
			t.text, t.space = append(t.text, ' '), true
			i++
			continue
		}
		n, folded := t.fold(s[i:])
		for _, c := range folded {
			if c != ' ' || !t.space {
				t.text = append(t.text, c)
			}
			t.space = c == ' '
		}
		if string(t.text[at:]) != s[i:i+n] {
			t.changed(at, s[i:i+n])
		}
		clear(t.part)
		i += n
	}
}

func (t *Text) full() bool { return len(t.text) > maxText || len(t.patch) > maxPatch }

// changed notes that what the text has from a place on was something else.
func (t *Text) changed(at int, was string) {
	size := len(t.text) - at
	t.patch = binary.AppendUvarint(t.patch, uint64(at-t.told)<<1|1)
	t.patch = binary.AppendUvarint(t.patch, uint64(len(was))<<2|uint64(min(size, 3)))
	if size >= 3 {
		t.patch = binary.AppendUvarint(t.patch, uint64(size))
	}
	t.patch = append(t.patch, was...)
	t.told = len(t.text)
}

// An atom is a stretch of folded text and what it was.
type atom struct {
	from, to int    // in the folded text
	was      []byte // nil: the same
}

// atoms calls f for each stretch of a folded text, until it returns false.
func atoms(text, patch []byte, f func(atom) bool) {
	var capital [1]byte
	at := 0
	for len(patch) > 0 {
		gap, n := binary.Uvarint(patch)
		patch = patch[n:]
		if next := at + int(gap>>1); next > at {
			if !f(atom{from: at, to: next}) {
				return
			}
			at = next
		}
		if gap&1 == 0 {
			capital[0] = text[at] &^ 0x20
			if !f(atom{at, at + 1, capital[:]}) {
				return
			}
			at++
			continue
		}
		was, n := binary.Uvarint(patch)
		patch = patch[n:]
		size := was & 3
		if size == 3 {
			size, n = binary.Uvarint(patch)
			patch = patch[n:]
		}
		if !f(atom{at, at + int(size), patch[:was>>2]}) {
			return
		}
		at, patch = at+int(size), patch[was>>2:]
	}
	if at < len(text) {
		f(atom{from: at, to: len(text)})
	}
}

// Fold returns what to look for in order to find a word or a phrase: folded as texts are, without space around it. It is
// empty when nothing is left that could be found.
func Fold(s string) []byte {
	var t Text
	t.Plain(s)
	return bytes.Trim(t.text, " ")
}

// smallRunes are the scripts whose letters are folded one by one, whatever stands beside them: Latin, Greek, Cyrillic,
// Armenian, Hebrew, Arabic.
const smallRunes = 0x700

var foldedSmall = sync.OnceValue(func() *[smallRunes]string {
	var out [smallRunes]string
	for r := rune(0); r < smallRunes; r++ {
		out[r] = string(foldRune(nil, r))
	}
	return &out
})

// fold folds the first rune of s, with what belongs to it, and returns how long that is.
func (t *Text) fold(s string) (n int, folded []byte) {
	r, n := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && n == 1 {
		return n, nil
	}
	t.part = t.part[:0]
	if r < smallRunes {
		t.part = append(t.part, foldedSmall()[r]...)
		return n, t.part
	}
	for n < len(s) && n < 64 && !loneJamo(r) { // a syllable of jamo, a kana with its mark
		next, size := utf8.DecodeRuneInString(s[n:])
		if next < smallRunes || norm.NFKC.PropertiesString(s[n:]).BoundaryBefore() {
			break
		}
		n += size
	}
	if p := norm.NFKD.PropertiesString(s); loneJamo(r) || p.Size() == n && p.Decomposition() == nil && p.CCC() == 0 && (r < 0xAC00 || r > 0xD7A3) {
		t.part = foldBare(t.part, r) // an ideograph, a letter of a script without case
		return n, t.part
	}
	t.raw = norm.NFKD.AppendString(t.raw[:0], s[:n])
	for left := t.raw; len(left) > 0; {
		r, size := utf8.DecodeRune(left)
		t.part, left = foldBare(t.part, r), left[size:]
	}
	if !norm.NFC.IsNormal(t.part) { // Korean, and kana with their marks
		t.raw = append(t.raw[:0], t.part...)
		t.part, t.composed = norm.NFC.Append(t.part[:0], t.raw...), true
	}
	clear(t.raw)
	return n, t.part
}

// loneJamo says whether a rune is a Korean letter outside a syllable, as it stands on keys and in lists. Decomposed it would
// become a part of its neighbour.
func loneJamo(r rune) bool {
	return 0x3131 <= r && r <= 0x318e || 0x3260 <= r && r <= 0x326d || 0xffa1 <= r && r <= 0xffdc
}

// foldRune folds a rune that stands for itself.
func foldRune(b []byte, r rune) []byte {
	for _, r := range norm.NFKD.String(string(r)) {
		b = foldBare(b, r)
	}
	return b
}

// foldBare folds a rune that is not made of others.
func foldBare(b []byte, r rune) []byte {
	if unicode.IsSpace(r) {
		return append(b, ' ')
	}
	if dropped(r) {
		return b
	}
	r = unicode.ToLower(r)
	if unicode.Is(unicode.Nd, r) && r > '9' {
		return append(b, '0'+digit(r))
	}
	switch r {
	case 'ß':
		return append(b, "ss"...)
	case 'æ':
		return append(b, "ae"...)
	case 'œ':
		return append(b, "oe"...)
	case 'þ':
		return append(b, "th"...)
	case 'ø':
		return append(b, 'o')
	case 'ł':
		return append(b, 'l')
	case 'đ', 'ð':
		return append(b, 'd')
	case 'ħ':
		return append(b, 'h')
	case 'ı':
		return append(b, 'i')
	case 'ς':
		r = 'σ'
	case '‘', '’', '‚', '‛', 'ʼ', '′':
		return append(b, '\'')
	case '“', '”', '„', '‟', '«', '»', '″':
		return append(b, '"')
	case '‐', '‑', '‒', '–', '—', '―', '−':
		return append(b, '-')
	}
	return utf8.AppendRune(b, r)
}

// dropped says whether a rune tells nothing to somebody who searches: what does not show, and accents. Vowel signs and
// tone marks of other scripts are letters and stay: they have other classes (Unicode Standard, section 4.3).
func dropped(r rune) bool {
	switch {
	case r < 0x20 || r >= 0x7f && r < 0xa0 || r == 'ـ':
		return true
	case r < 0x300:
		return r == 0xad
	}
	if unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) {
		return true
	}
	if !unicode.Is(unicode.Mn, r) && !unicode.Is(unicode.Me, r) {
		return false
	}
	class := norm.NFKD.PropertiesString(string(r)).CCC()
	return class == 1 || 10 <= class && class <= 36 || class >= 200 || unicode.Is(unicode.Me, r)
}

// digit returns the value of a decimal digit of any script: they come in tens (Unicode Standard, section 4.6).
func digit(r rune) byte {
	for _, x := range unicode.Nd.R16 {
		if rune(x.Lo) <= r && r <= rune(x.Hi) {
			return byte((r - rune(x.Lo)) % 10)
		}
	}
	for _, x := range unicode.Nd.R32 {
		if rune(x.Lo) <= r && r <= rune(x.Hi) {
			return byte((r - rune(x.Lo)) % 10)
		}
	}
	return 0
}
