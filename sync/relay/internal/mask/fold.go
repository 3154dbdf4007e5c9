package mask

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A folded text is what the scanners read: every way to write a digit, a letter of ASCII, a dash, a space, an @ or a
// dot brought to one, ASCII in lower case, invisible characters and combining marks gone. It remembers where each of
// its bytes came from.
type folded struct {
	text string // the original
	b    []byte // the folded bytes
	at   []int  // at[i] is where b[i] came from, at[len(b)] the end; nil when nothing moved
}

// source returns the stretch of the original that b[from:to] was folded from, invisible characters behind it included.
func (f *folded) source(from, to int) (int, int) {
	if f.at == nil {
		return from, to
	}
	return f.at[from], f.at[to]
}

// fold folds text, which must be valid UTF-8.
func fold(text string) folded {
	f := folded{text: text, b: make([]byte, len(text))}
	i := 0
	for i < len(text) {
		if c := text[i]; c < utf8.RuneSelf {
			f.b[i] = lowered[c]
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		if !plainLetter(r) {
			break
		}
		i += copy(f.b[i:], text[i:i+n])
	}
	if i == len(text) {
		return f
	}
	f.b = f.b[:i]
	f.at = make([]int, i, len(text)+8)
	for j := range f.at {
		f.at[j] = j
	}
	var buf [utf8.UTFMax]byte
	put := func(s string, from int) {
		for j := 0; j < len(s); j++ {
			f.b, f.at = append(f.b, lower(s[j])), append(f.at, from)
		}
	}
	for i < len(text) {
		r, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case r < utf8.RuneSelf:
			f.b, f.at = append(f.b, lower(text[i])), append(f.at, i)
		case plainLetter(r):
			for j := 0; j < n; j++ {
				f.b, f.at = append(f.b, text[i+j]), append(f.at, i) // a range never splits a rune
			}
		default:
			put(foldRune(r, buf[:0]), i)
		}
		i += n
	}
	f.at = append(f.at, len(text))
	return f
}

// plainLetter reports whether r is one of the common runes beyond ASCII that folding leaves alone. It errs on the side
// of false.
func plainLetter(r rune) bool {
	switch {
	case r < 0x300:
		return r >= 0xC0 || r == '§' || r == '«' || r == '»' || r == '¡' || r == '¿' || r == '£' || r == '¥' || r == '°'
	case r < 0x530:
		return r >= 0x370 && (r < 0x483 || r > 0x489)
	case r >= 0x0620 && r <= 0x064A, r >= 0x05D0 && r <= 0x05EA: // Arabic, Hebrew
		return true
	case r >= 0x3041 && r <= 0x30FA, r >= 0x4E00 && r <= 0x9FFF, r >= 0xAC00 && r <= 0xD7A3:
		return true
	case r == '•' || r == '€' || r == '…' || r == '“' || r == '”' || r == '„' || r == '’':
		return true
	case r >= 0x1F300 && r <= 0x1FAFF:
		return true
	}
	return false
}

// foldRune returns what r is read as; "" when it is invisible.
func foldRune(r rune, buf []byte) string {
	switch {
	case unicode.Is(unicode.Nd, r):
		return string(rune('0' + digitValue(r)))
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) || r == '\u115F' || r == '\u3164': // fillers draw nothing
		return ""
	case unicode.Is(unicode.Pd, r) || r == '−':
		return "-"
	case unicode.Is(unicode.Zs, r):
		return " "
	case r >= 0x2776 && r <= 0x277E, r >= 0x2780 && r <= 0x2788, r >= 0x278A && r <= 0x2792: // circled digits 1 to 9
		return string(rune('1' + (r-0x2776)%10))
	}
	switch r {
	case '➕':
		return "+"
	case '∕', '⁄', '⧸':
		return "/"
	case '。', '·', '∙', '⋅', '․', '٫', '۔':
		return "."
	case '、', '٬', '،':
		return ","
	case '\u2028', '\u2029':
		return "\n"
	case '🄋', '⓿':
		return "0"
	}
	n, size := string(norm.NFKC.AppendString(buf, string(r))), utf8.RuneLen(r)
	if len(n) > 4*size { // one rune that spells a sentence is no part of a number
		return string(r)
	}
	for i := 0; i < len(n); i++ {
		if n[i] >= utf8.RuneSelf {
			return foldDecomposed(n)
		}
	}
	return n
}

// foldDecomposed drops the marks a compatibility decomposition brought along and brings its digits to ASCII.
func foldDecomposed(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Nd, r):
			return rune('0' + digitValue(r))
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
			return -1
		case r == '⁄':
			return '/'
		}
		return r
	}, s)
}

// digitValue returns the value of a decimal digit. Unicode lays them out in runs of ten (UAX #44, general category Nd).
func digitValue(r rune) int {
	for _, t := range unicode.Nd.R16 {
		if lo := rune(t.Lo); r >= lo && r <= rune(t.Hi) {
			return int(r-lo) % 10
		}
	}
	for _, t := range unicode.Nd.R32 {
		if lo := rune(t.Lo); r >= lo && r <= rune(t.Hi) {
			return int(r-lo) % 10
		}
	}
	return 0
}

// byte classes of the first look
const (
	quiet   = iota
	letter  // ends a run of digits
	digit   // counts
	trigger // may begin or join something that is not digits
	blank   // may stand before a dot in words
	wide    // not ASCII
)

var classes = func() (c [256]byte) {
	for i := range c {
		switch b := byte(i); {
		case isDigit(b):
			c[i] = digit
		case b >= utf8.RuneSelf:
			c[i] = wide
		case lower(b) >= 'a' && lower(b) <= 'z':
			c[i] = letter
		case b == ' ':
			c[i] = blank
		case strings.IndexByte("@.:/([{<", b) >= 0:
			c[i] = trigger
		}
	}
	return c
}()

// look says which scanners may find something in a text.
type look uint8

const (
	lookWords      look = 1 << iota // addresses, handles, links
	lookDigits                      // numbers, cards, accounts
	lookEverywhere = lookWords | lookDigits
)

// firstLook looks at every byte once and is generous; the scanners decide. Zero says that none of them can find
// anything.
func firstLook(text string, k *Known) (found look) {
	var stream [64]byte // the digits, to look for known numbers
	run, gap, total := 0, 0, 0
	for i := 0; i < len(text); i++ {
		class := classes[text[i]]
		if class == letter { // most bytes
			run, gap = 0, 0
			continue
		}
		switch class {
		case quiet:
			gap++
		case digit:
			if gap > 4 {
				run = 0
			}
			if total < len(stream) {
				stream[total] = text[i]
			}
			run, gap, total = run+1, 0, total+1
			if run >= 5 {
				found |= lookDigits
			}
		case trigger:
			gap++
			if found&lookWords == 0 && triggers(text, i) {
				found |= lookWords
			}
		case blank:
			gap++
			if i+4 < len(text) && (text[i+1]|0x20 == 'd' || text[i+1]|0x20 == 'p') && spellsDot(text[i+1:]) {
				found |= lookWords
			}
		default:
			r, n := utf8.DecodeRuneInString(text[i:])
			i += n - 1
			if plainLetter(r) {
				if r != bullet {
					run, gap = 0, 0
				}
				continue
			}
			if !harmless(r) {
				return lookEverywhere
			}
			gap++
		}
		if found == lookEverywhere {
			return found
		}
	}
	if total >= 7 && found&lookDigits == 0 && (total > len(stream) || holdsKnown(stream[:total], k)) {
		found |= lookDigits
	}
	for _, list := range [][]string{k.Emails, k.Handles} {
		for i := 0; found&lookWords == 0 && i < len(list); i++ {
			if containsFold(text, list[i]) {
				found |= lookWords
			}
		}
	}
	return found
}

func holdsKnown(stream []byte, k *Known) bool {
	for _, list := range [][]string{k.Phones, k.Company} {
		for _, number := range list {
			if d := digitsOf(number); len(d) >= 7 && bytes.Contains(stream, []byte(tail(d))) {
				return true
			}
		}
	}
	return false
}

// tail returns the last eight digits, which tell a number from all others and are the same at home and abroad.
func tail(digits string) string { return digits[max(0, len(digits)-8):] }

// harmless lists the runes that folding changes and that decent text is nevertheless full of.
func harmless(r rune) bool {
	switch r {
	case '–', '—', '\u00A0', '\u202F', '\uFE0F', '®', '©', '™', '²', '³', '½', '´', '·', '‘', '‚', '‹', '›':
		return true
	}
	return r >= 0x2190 && r <= 0x245F || r >= 0x25A0 && r <= 0x2775 || r >= 0x2794 && r <= 0x27BF && r != '➕' ||
		r >= 0x3000 && r <= 0x303F || r == '\uFF0C' || r == '\uFF01' || r == '\uFF1F'
}

// triggers reports whether the byte at i, of class trigger, may be part of an address, a handle or a link.
func triggers(s string, i int) bool {
	rest := s[i+1:]
	switch s[i] {
	case '@': // but not our own hints, "k•••@•••.de" and "@k•••"
		return !strings.HasPrefix(rest, string(bullet)) && !(len(rest) > 1 && strings.HasPrefix(rest[1:], string(bullet)))
	case '.': // wa.me/…, max at gmail.com, a user id
		if i > 1 && isLetter(s[i-1]) && isLetter(s[i-2]) && len(rest) >= 10 && isWordByte(rest[0]) {
			return true
		}
		return len(rest) >= 3 && isLetter(rest[0]) && isLetter(rest[1]) && i > 0 && isWordByte(s[i-1])
	case '/':
		return i > 1 && isLetter(s[i-1]) && isLetter(s[i-2]) && len(rest) > 0 && isWordByte(rest[0])
	case ':': // insta: name, mailto:
		return i > 1 && isLetter(s[i-1]) && isLetter(s[i-2]) && len(rest) > 1
	case '(', '[', '{', '<':
		return len(rest) > 2 && (lower(rest[0]) == 'a' || lower(rest[0]) == 'c' || lower(rest[0]) == 'd' || rest[0] == ' ')
	}
	return false
}

// spellsDot reports whether s, of four bytes or more, begins with a word for a dot.
func spellsDot(s string) bool {
	if lower(s[0]) == 'd' {
		return lower(s[1]) == 'o' && lower(s[2]) == 't'
	}
	switch lower(s[1]) {
	case 'o': // ponto, point
		return lower(s[2]) == 'n' && lower(s[3]) == 't' || lower(s[2]) == 'i' && lower(s[3]) == 'n'
	case 'u': // punto, punkt
		return lower(s[2]) == 'n' && (lower(s[3]) == 't' || lower(s[3]) == 'k')
	case 't':
		return s[2] == ' '
	}
	return false
}

func containsFold(s, sub string) bool {
	if sub == "" {
		return false
	}
	a, b := lower(sub[0]), upper(sub[0])
	for i := 0; i+len(sub) <= len(s); i++ {
		if (s[i] == a || s[i] == b) && strings.EqualFold(s[i:i+len(sub)], sub) {
			return true
		}
	}
	return false
}

func lower(c byte) byte { return lowered[c] }

var lowered = func() (t [256]byte) {
	for i := range t {
		if t[i] = byte(i); i >= 'A' && i <= 'Z' {
			t[i] |= 0x20
		}
	}
	return t
}()

func upper(c byte) byte {
	if c >= 'a' && c <= 'z' {
		return c &^ 0x20
	}
	return c
}

func isDigit(c byte) bool    { return '0' <= c && c <= '9' }
func isLetter(c byte) bool   { return lower(c) >= 'a' && lower(c) <= 'z' }
func isWordByte(c byte) bool { return isDigit(c) || isLetter(c) || c >= utf8.RuneSelf }
