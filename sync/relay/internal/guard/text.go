package guard

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A text is a part as the rules read it: lower case without accents, letters and digits of look-alike scripts brought to
// ASCII, invisible characters gone, cut into words. It remembers where each byte came from.
type text struct {
	src   string
	b     []byte
	at    []int32 // at[i] is where b[i] came from, at[len(b)] the end; nil when nothing moved
	words []word
}

// A word is a run of letters and digits.
type word struct {
	from, to int // in text.b
	is       concept
	clause   int32 // grows at full stops
	piece    int32 // grows at commas too
}

func (t *text) str(i int) string { return string(t.b[t.words[i].from:t.words[i].to]) }

// source returns the stretch of the original that b[from:to] was read from.
func (t *text) source(from, to int) (int, int) {
	if t.at == nil {
		return from, to
	}
	return int(t.at[from]), int(t.at[to])
}

// span returns the stretch of the original from word i to word j.
func (t *text) span(i, j int) (int, int) {
	if i > j {
		i, j = j, i
	}
	return t.source(t.words[i].from, t.words[j].to)
}

// capital reports whether the original of word i begins with an upper-case letter.
func (t *text) capital(i int) bool {
	from, _ := t.source(t.words[i].from, t.words[i].to)
	r, _ := utf8.DecodeRuneInString(t.src[from:])
	return unicode.IsUpper(r)
}

// lowerAt reports whether the original of b[i] is a lower-case letter.
func (t *text) lowerAt(i int) bool {
	if t.at != nil {
		i = int(t.at[i])
	}
	r, _ := utf8.DecodeRuneInString(t.src[i:])
	return unicode.IsLower(r)
}

// shouted reports whether the original of b[from:to] has no lower-case letter.
func (t *text) shouted(from, to int) bool {
	from, to = t.source(from, to)
	return strings.IndexFunc(t.src[from:to], unicode.IsLower) < 0
}

// latin holds what letters of Latin-1 and Latin Extended-A, and look-alikes in other scripts, are read as.
var latin = func() map[rune]string {
	m := map[rune]string{'ß': "ss", 'ẞ': "ss", 'æ': "ae", 'Æ': "ae", 'œ': "oe", 'Œ': "oe", 'ø': "o", 'Ø': "o", 'đ': "d", 'Đ': "d", 'ł': "l", 'Ł': "l", 'ı': "i", 'ð': "d",
		'’': "'", '‘': "'", '´': "'", '`': "'", '“': "\"", '”': "\"", '„': "\"", '–': "-", '—': "-", '−': "-", '…': ".", '％': "%", '\u00A0': " ", '\u202F': " ",
		'а': "a", 'е': "e", 'о': "o", 'р': "p", 'с': "c", 'у': "y", 'х': "x", 'і': "i", 'ѕ': "s", 'ј': "j", 'ԁ': "d", 'һ': "h", 'ԛ': "q", 'ѡ': "w", 'ο': "o", 'α': "a", 'ν': "v",
		'А': "a", 'В': "b", 'Е': "e", 'К': "k", 'М': "m", 'Н': "h", 'О': "o", 'Р': "p", 'С': "c", 'Т': "t", 'Х': "x", 'І': "i", 'Ѕ': "s", 'Ј': "j", 'т': "t", 'к': "k", 'м': "m", 'г': "r"}
	for r := rune(0xC0); r < 0x250; r++ {
		if _, ok := m[r]; ok || !unicode.IsLetter(r) {
			continue
		}
		m[r] = plain(norm.NFKD.String(string(r)))
	}
	return m
}()

func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Mn, unicode.Me) {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

// read folds src, which must be valid UTF-8, and cuts it into words.
func read(src string) *text {
	t := &text{src: src, b: make([]byte, 0, len(src)+8)}
	for i := 0; i < len(src); {
		c := src[i]
		if c < utf8.RuneSelf {
			if c >= 'A' && c <= 'Z' {
				c |= 0x20
			}
			t.put(c, i)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(src[i:])
		if t.at == nil {
			t.at = make([]int32, len(t.b), len(src)+8)
			for k := range t.at {
				t.at[k] = int32(k)
			}
		}
		as, ok := latin[r]
		switch {
		case ok:
		case r >= 0x1F300 || r >= 0x3040 && r < 0xE000 || r >= 0x400 && r < 0x530:
			as = string(unicode.ToLower(r))
		case unicode.Is(unicode.Nd, r):
			as = string(rune('0' + decimal(r)))
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
			as = ""
		case unicode.Is(unicode.Zs, r):
			as = " "
		default:
			if as = plain(norm.NFKD.String(string(r))); len(as) > 8 {
				as = string(r)
			}
		}
		for k := 0; k < len(as); k++ {
			t.put(as[k], i)
		}
		i += n
	}
	if t.at != nil {
		t.at = append(t.at, int32(len(src)))
	}
	t.cut()
	return t
}

func (t *text) put(c byte, from int) {
	t.b = append(t.b, c)
	if t.at != nil {
		t.at = append(t.at, int32(from))
	}
}

func decimal(r rune) int {
	for _, x := range unicode.Nd.R16 {
		if rune(x.Lo) <= r && r <= rune(x.Hi) {
			return int(r-rune(x.Lo)) % 10
		}
	}
	for _, x := range unicode.Nd.R32 {
		if rune(x.Lo) <= r && r <= rune(x.Hi) {
			return int(r-rune(x.Lo)) % 10
		}
	}
	return 0
}

// maxClause is how many words a clause has at most: rules look at pairs of words in a clause, and who writes more without
// a full stop does not make them slow.
const maxClause = 150

// cut finds the words and what each of them means.
func (t *text) cut() {
	b := t.b
	t.words = make([]word, 0, len(b)/5+4)
	var clause, piece int32
	for i := 0; i < len(b); {
		c := b[i]
		n := wordAt(b, i)
		if n == 0 {
			switch c {
			case '\n', '!', '?', ';':
				clause, piece = clause+1, piece+1
			case '.':
				if i+2 < len(b) && i > 0 && isDigit(b[i-1]) && b[i+1] == ' ' && b[i+2] != '\n' && t.lowerAt(i+2) {
					break // "until 13.05. only"
				}
				if k := i + 3; k < len(b) && string(b[i:k]) == "..." && b[k] == ' ' && k+1 < len(b) && isLetter(b[k+1]) && (t.lowerAt(k+1) || i > 0 && b[i-1] == ' ') {
					piece++ // "well ... you know": a pause, and no full stop
					i += 2
					break
				}
				if i+1 == len(b) || b[i+1] <= ' ' || b[i+1] == '.' {
					clause, piece = clause+1, piece+1
				}
			case ',', ':', '(', ')':
				piece++
			}
			_, n = utf8.DecodeRune(b[i:])
			i += n
			continue
		}
		j := i + n
		for n = wordAt(b, j); n > 0; n = wordAt(b, j) {
			j += n
		}
		if n := len(t.words); n >= maxClause && t.words[n-maxClause].clause == clause {
			clause, piece = clause+1, piece+1
		}
		w := word{from: i, to: j, clause: clause, piece: piece}
		w.is = meaning(b[i:j])
		t.words = append(t.words, w)
		i = j
	}
	t.spaced()
}

// wordAt returns how long the letter or digit at b[i] is, 0 if there is none.
func wordAt(b []byte, i int) int {
	if i >= len(b) {
		return 0
	}
	if b[i] < utf8.RuneSelf {
		if isDigit(b[i]) || isLetter(b[i]) {
			return 1
		}
		return 0
	}
	if r, n := utf8.DecodeRune(b[i:]); unicode.IsLetter(r) || unicode.IsDigit(r) {
		return n
	}
	return 0
}

// spaced reads the names of apps written with something between or instead of their letters: "t e l e g r a m",
// "te-le-gram", "t3legram".
func (t *text) spaced() {
	var buf [24]byte
	for i := range t.words {
		if !t.opensApp(i) {
			continue
		}
		n, short := 0, 0
		for j := i; j < len(t.words) && j-i < 12; j++ {
			w := &t.words[j]
			if j > i && w.from-t.words[j-1].to > 3 || n+w.to-w.from > len(buf) {
				break
			}
			if w.to-w.from <= 4 {
				short++
			}
			if short < j-i { // at most one longer piece
				break
			}
			n += copy(buf[n:], t.b[w.from:w.to])
			if n < 6 || j > i && short == 0 {
				continue
			}
			if posed := unleet(buf[:n]); j > i || posed {
				if app := apps[string(buf[:n])]; app != 0 {
					for k := i; k <= j; k++ {
						t.words[k].is |= app
					}
					break
				}
			}
		}
	}
}

// opensApp reports whether the first two letters from word i on, which may stand in two words, are those of an app's name.
func (t *text) opensApp(i int) bool {
	w := &t.words[i]
	at := w.from + 1
	if at == w.to {
		if i+1 == len(t.words) {
			return false
		}
		at = t.words[i+1].from
	}
	a, b := t.b[w.from], t.b[at]
	if l := leet[a]; l != 0 {
		a = l
	}
	if l := leet[b]; l != 0 {
		b = l
	}
	return appOpenings[[2]byte{a, b}]
}

// unleet turns digits that pose as letters into letters, and reports whether there were any among letters.
func unleet(b []byte) bool {
	letters, digits := 0, 0
	for _, c := range b {
		switch {
		case c >= 'a' && c <= 'z':
			letters++
		case leet[c] != 0:
			digits++
		}
	}
	if digits == 0 || letters < 3 {
		return false
	}
	for i, c := range b {
		if l := leet[c]; l != 0 {
			b[i] = l
		}
	}
	return true
}

var leet = [256]byte{'0': 'o', '1': 'l', '3': 'e', '4': 'a', '5': 's', '7': 't'}

func isDigit(c byte) bool    { return '0' <= c && c <= '9' }
func isLetter(c byte) bool   { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isWordByte(c byte) bool { return isDigit(c) || isLetter(c) || c >= utf8.RuneSelf }

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// compact keeps the letters and digits of s, in lower case.
func compact(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// A phraseSet finds phrases in a text's words.
type phraseSet struct {
	size  int
	first map[string][]phrase
	stems [256][]phrase // those whose first word is a stem, by its first byte
}

type phrase struct {
	words []string // without the star
	stem  []bool
}

func newPhrases(list []string) phraseSet {
	var s phraseSet
	for _, p := range list {
		s.add(p)
	}
	return s
}

func (s *phraseSet) add(list string) {
	var p phrase
	for f := range strings.FieldsSeq(list) {
		stem := strings.HasSuffix(f, "*")
		for t, i := read(strings.TrimSuffix(f, "*")), 0; i < len(t.words); i++ {
			p.words, p.stem = append(p.words, t.str(i)), append(p.stem, stem && i == len(t.words)-1)
		}
	}
	switch {
	case len(p.words) == 0:
		return
	case p.stem[0]:
		c := p.words[0][0]
		s.stems[c] = append(s.stems[c], p)
	default:
		if s.first == nil {
			s.first = map[string][]phrase{}
		}
		s.first[p.words[0]] = append(s.first[p.words[0]], p)
	}
	s.size++
}

// find calls f with the first and the last word of each phrase in the text, until f returns false.
func (s *phraseSet) find(t *text, f func(i, j int) bool) {
	if s.size == 0 {
		return
	}
	for i := range t.words {
		w := t.b[t.words[i].from:t.words[i].to]
		for _, list := range [2][]phrase{s.first[string(w)], s.stems[w[0]]} {
			for n := range list {
				if j, ok := list[n].at(t, i); ok && !f(i, j) {
					return
				}
			}
		}
	}
}

func (s *phraseSet) any(t *text) (found bool) {
	s.find(t, func(int, int) bool { found = true; return false })
	return found
}

// at reports whether the phrase begins at word i, and where it ends. One other word may stand between two.
func (p *phrase) at(t *text, i int) (int, bool) {
	j := i
	for k, want := range p.words {
		hit := false
		for skip := 0; skip < 2 && j < len(t.words) && t.words[j].clause == t.words[i].clause; skip++ {
			w := t.b[t.words[j].from:t.words[j].to]
			if string(w) == want || p.stem[k] && len(w) >= len(want) && string(w[:len(want)]) == want {
				hit = true
				break
			}
			if k == 0 {
				break
			}
			j++
		}
		if !hit {
			return 0, false
		}
		j++
	}
	return j - 1, true
}
