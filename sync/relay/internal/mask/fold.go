package mask

import (
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
	room []int  // for at
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
	var f folded
	f.read(text)
	return f
}

// read folds text, which must be valid UTF-8, into the room f has.
func (f *folded) read(text string) {
	f.text, f.at = text, nil
	if cap(f.b) < len(text) {
		f.b = make([]byte, 0, max(len(text), 256))
	}
	b := f.b[:len(text)]
	i := 0
	for i < len(text) {
		if c := text[i]; c < utf8.RuneSelf {
			b[i] = lowered[c]
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		if !plainLetter(r) {
			break
		}
		copy(b[i:], text[i:i+n])
		if l := lowerRune(r); l != r {
			utf8.EncodeRune(b[i:], l)
		}
		i += n
	}
	if f.b = b[:i]; i < len(text) {
		f.rest(i)
	}
}

// rest folds the text from i on, where its bytes begin to move.
func (f *folded) rest(i int) {
	text := f.text
	if cap(f.room) < i {
		f.room = make([]int, i, len(text)+8)
	}
	f.at = f.room[:i]
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
			f.b = utf8.AppendRune(f.b, lowerRune(r))
			for range n {
				f.at = append(f.at, i) // a range never splits a rune
			}
		default:
			put(foldRune(r, buf[:0]), i)
		}
		i += n
	}
	f.at = append(f.at, len(text))
	f.room = f.at
}

// lowerRune returns r in lower case where that is as long as r.
func lowerRune(r rune) rune {
	if r >= 0xC0 && r < 0x530 {
		if l := unicode.ToLower(r); utf8.RuneLen(l) == utf8.RuneLen(r) {
			return l
		}
	}
	return r
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
		case strings.IndexByte("@./([{<%&", b) >= 0:
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
	lookSpoken                      // numbers in words or with letters for digits
	lookEverywhere = lookWords | lookDigits | lookSpoken
)

// firstLook looks at every byte once and is generous; the scanners decide. Zero says that none of them can find
// anything.
func firstLook(text string, k *Known) (found look) {
	run, gap, total, said, times, shy, among := 0, 0, 0, 0, 0, 0, 0
	var tally tally
	for i := 0; i < len(text); i++ {
		class := classes[text[i]]
		if class == letter { // most bytes
			start := i
			for i++; i < len(text) && classes[text[i]] == letter; i++ {
			}
			ascii := true
			if i < len(text) && classes[text[i]] == wide {
				i, ascii = wordEnd(text, i), false
			}
			if k := prefixKey(text[start:i]); lookPrefix[k>>6]&(1<<(k&63)) != 0 && (!ascii || asked(text[start:i]) || i-start >= 6 && endsNumeral(text[start:i])) {
				n, more, look := tells(text[start:i])
				if n > 0 && shyWords[text[start:i]] {
					if amongDigits(text, start, i) {
						among += n
					}
					n, shy = 0, shy+n
				}
				said, times, found = said+n, times+more, found|look
			}
			if i-start <= 4 && poseLetters(text[start:i]) && besideDigit(text, start, i) {
				gap += i - start
				said += 2
				found |= lookSpoken
			} else {
				run, gap = 0, 0
			}
			i--
			continue
		}
		switch class {
		case quiet:
			gap++
		case digit:
			if gap > 4 {
				run = 0
			}
			run, gap, total = run+1, 0, total+1
			tally[text[i]-'0']++
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
		default:
			r, n := utf8.DecodeRuneInString(text[i:])
			if plainLetter(r) {
				if r != bullet {
					run, gap = 0, 0
				}
				if unicode.IsLetter(r) && r < 0x1F000 {
					end := wordEnd(text, i)
					if k := prefixKey(text[i:end]); lookPrefix[k>>6]&(1<<(k&63)) != 0 || end-i >= 9 && r >= 0x3000 {
						n, more, look := tells(text[i:end])
						said, times, found = said+n, times+more, found|look
					}
					if end-i <= 8 && poseLetters(text[i:end]) && besideDigit(text, i, end) {
						said += 2
						found |= lookSpoken
					}
					i = end - 1
					continue
				}
				i += n - 1
				continue
			}
			i += n - 1
			if !harmless(r) {
				return lookEverywhere
			}
			gap++
		}
		if found == lookEverywhere {
			return found
		}
	}
	words := said + shy
	if said > 0 || shy >= 3 || among >= 2 {
		said = words
	}
	if said+times > 0 && (total+said+times >= 7 || said >= 3 && total+said+times >= 5) {
		found |= lookDigits | lookSpoken
	}
	if total >= 6 && (found&lookDigits == 0 || words > 0 && found&lookSpoken == 0) {
		for _, p := range k.Phones {
			if tally.within(p, words*2) {
				if found |= lookDigits; words > 0 {
					found |= lookSpoken
				}
				break
			}
		}
		for i := 0; found&lookDigits == 0 && i < len(k.Company); i++ {
			if tally.within(k.Company[i], words*2) {
				found |= lookDigits
			}
		}
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

// besideDigit reports whether a digit stands before or behind a word, with no more than separators between.
func besideDigit(text string, from, to int) bool {
	for i := from - 1; i >= max(0, from-8) && classes[text[i]] != letter; i-- {
		if isDigit(text[i]) {
			return true
		}
	}
	for i := to; i < min(len(text), to+8) && classes[text[i]] != letter; i++ {
		if isDigit(text[i]) {
			return true
		}
	}
	return false
}

// asked reports whether a word of ASCII letters may be one the first look asks for.
func asked(word string) bool {
	h := uint16(0)
	for i := range len(word) {
		h = wordHash(h, word[i])
	}
	return lookHash[h>>6]&(1<<(h&63)) != 0
}

// A tally counts each digit of a text.
type tally [10]uint16

// within reports whether the digits counted could be those a number ends in, in whatever order they stand, if up to
// missing of them are said in words.
func (t *tally) within(number string, missing int) bool {
	have := *t
	for i, n := len(number)-1, 0; i >= 0 && n < 6; i-- {
		if !isDigit(number[i]) {
			continue
		}
		if n++; have[number[i]-'0'] > 0 {
			have[number[i]-'0']--
		} else if missing--; missing < 0 {
			return false
		}
	}
	return true
}

// amongDigits reports whether a digit stands close before text[from:to], or right behind it with more than a space
// between.
func amongDigits(text string, from, to int) bool {
	for i := from - 1; i >= max(0, from-5); i-- {
		if isDigit(text[i]) {
			return true
		}
	}
	return to < len(text) && text[to] != ' ' && (isDigit(text[to]) || to+1 < len(text) && isDigit(text[to+1]) || to+2 < len(text) && text[to+1] == ' ' && isDigit(text[to+2]))
}

// poseLetters reports whether a word may stand inside digits, its letters posing as some.
func poseLetters(w string) bool {
	for _, r := range w {
		if _, ok := poses(r | 0x20); !ok {
			if _, ok := poses(r); !ok {
				return false
			}
		}
	}
	return true
}

// wordEnd returns where the word at i that holds letters beyond ASCII ends.
func wordEnd(text string, i int) int {
	for i < len(text) {
		c := text[i]
		if classes[c] == letter {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			break
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		if !plainLetter(r) || !unicode.IsLetter(r) {
			break
		}
		i += n
	}
	return i
}

// tells says how many digits a word may say, and which scanners it calls for whatever else the text holds.
func tells(word string) (digits, more int, found look) {
	flag := wordAt(word)
	if flag&flagNumeral != 0 {
		if digits = 1; flag&flagPair != 0 {
			digits = 2 + len(word)/5
		}
	}
	if flag&flagTimes != 0 { // "three hundred", "double": more than the unit alone, and nothing without one
		if more = 3; flag&flagPair != 0 {
			digits, more = digits+3, 0
		}
	}
	if flag&(flagNetwork|flagDot|flagProvider) != 0 {
		found = lookWords
	}
	if flag == 0 && len(word) >= 3 {
		for _, r := range word {
			if _, ok := hanDigit(r); ok {
				digits++
			}
		}
	}
	return digits, more, found
}

// tail returns the last eight digits, which tell a number from all others and are the same at home and abroad; fewer
// where a country's numbers are shorter, but never less than six.
func tail(digits string) string {
	n := 8
	if len(digits) > 8 {
		n = min(8, max(6, len(digits)-len(callingCode(digits))))
	}
	return digits[max(0, len(digits)-n):]
}

// harmless lists the runes that folding changes and that decent text is nevertheless full of.
func harmless(r rune) bool {
	switch r {
	case '–', '—', '\u00A0', '\u202F', '\uFE0F', '®', '©', '™', '²', '³', '½', '´', '·', '‘', '‚', '‹', '›', '⟦', '⟧':
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
		if len(rest) < 2 || !isLetter(rest[0]) || !isLetter(rest[1]) || i == 0 {
			return false
		}
		return isWordByte(s[i-1]) && !strings.HasSuffix(s[:i], string(bullet)) || s[i-1] == ' ' && i > 1 && isWordByte(s[i-2]) // max at firma .de
	case '/':
		return i > 1 && isLetter(s[i-1]) && isLetter(s[i-2]) && len(rest) > 0 && isWordByte(rest[0])
	case '%': // %40
		return strings.HasPrefix(rest, "40")
	case '&': // &#64;
		return strings.HasPrefix(rest, "#64;")
	case '(', '[', '{', '<':
		return len(rest) > 2 && (lower(rest[0]) == 'a' || lower(rest[0]) == 'c' || lower(rest[0]) == 'd' || rest[0] == ' ')
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
