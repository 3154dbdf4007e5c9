package mask

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// What the words before a number say it is.
type about uint8

const (
	aboutNothing about = iota
	aboutPhone
	aboutCode // an order, an invoice, a parcel, a part
)

// context reads the words before b[from] backwards, as far as they belong to the number.
func (s *scanner) context(from int) about {
	b := s.b
	i := from
	if i > 0 && b[i-1] == '#' {
		return aboutCode
	}
	numbered, toward := false, false
	for words := 0; words < 5; words++ {
		for i > 0 && strings.IndexByte(" :.,-#()[]'\"*_/=°\t+", b[i-1]) >= 0 {
			if b[i-1] == '.' && words > 0 && i < len(b) && b[i] == ' ' && words > 1 {
				break
			}
			i--
		}
		end := i
		for i > 0 && (isLetter(b[i-1]) || b[i-1] >= utf8.RuneSelf) {
			i--
		}
		if i == end {
			return aboutNothing
		}
		word := strings.TrimLeft(string(b[i:end]), "¿¡„“«‚‘”»")
		switch {
		case (numberWords[word] || word == "номер") && i > 1 && b[i-1] == '-': // "трек-номер"
			numbered = true
		case phoneWords[word] || holds(word, phoneStems):
			return aboutPhone
		case toward && (codeWords[word] || holds(word, codeStems)):
			return aboutNothing // "send the invoice to …"
		case codeWords[word] && (words == 0 || !touchingWords[word]) || holds(word, codeStems) ||
			word == "n" && i > 1 && b[i-1] == '/' && (b[i-2] == 's' || b[i-2] == 'p'):
			return aboutCode
		case numbered && possessives[word]:
			return aboutPhone // "my number"
		case numberWords[word]:
			numbered = true
		case fillers[word]:
			toward = toward || words == 0 && towardWords[word] && !s.uppercase(i, end)
		case words == 0 && i < end && end-i <= 5 && s.uppercase(i, end) && bytes.IndexByte(b[end:from], ' ') < 0:
			return aboutCode // "RE-2025…", "SN1234567"; what stands apart may be anything: "CV 39…"
		default:
			return aboutNothing
		}
	}
	return aboutNothing
}

// uppercase reports whether the original has capital letters of ASCII from i to end.
func (s *scanner) uppercase(i, end int) bool {
	from, to := s.source(i, end)
	for _, c := range []byte(s.text[from:to]) {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return to-from == end-i
}

// A stemList is what words are made with. Its begins has a bit for each first two bytes of a stem, five bits of each: most
// words hold none of them.
type stemList struct {
	stems  []string
	begins [32 * 32 / 64]uint64
}

func newStems(stems []string) *stemList {
	l := &stemList{stems: stems}
	for _, s := range stems {
		k := int(s[0]&31)<<5 | int(s[1]&31)
		l.begins[k>>6] |= 1 << (k & 63)
	}
	return l
}

func holds(word string, l *stemList) bool {
	for i := 0; i+1 < len(word); i++ {
		k := int(word[i]&31)<<5 | int(word[i+1]&31)
		if l.begins[k>>6]&(1<<(k&63)) == 0 {
			continue
		}
		for _, s := range l.stems {
			if strings.HasPrefix(word[i:], s) {
				return true
			}
		}
	}
	return false
}

// money reports whether the groups are an amount: in thousands, or a plain number, with a currency or cents beside it.
func (s *scanner) money(gs []group, n int) bool {
	first := gs[0].to - gs[0].from
	if n > 12 || s.b[gs[0].from] == '0' || len(gs) == 1 && n > 9 {
		return false
	}
	if len(gs) > 1 {
		if first > 3 {
			return false
		}
		for i, g := range gs[1:] {
			if g.to-g.from != 3 || g.from-gs[i].to != 1 || strings.IndexByte(" .'", s.b[g.from-1]) < 0 {
				return false
			}
		}
	}
	from, to := gs[0].from, gs[len(gs)-1].to
	return currencyBefore(s.b[:from]) || currencyAfter(s.b[to:])
}

// measured reports whether a unit follows a plain number.
func (s *scanner) measured(gs []group, n int) bool {
	if len(gs) > 1 || n > 9 || s.b[gs[0].from] == '0' {
		return false
	}
	rest := bytes.TrimPrefix(s.b[gs[0].to:], []byte(" "))
	return units[string(leadingWord(rest))] || bytes.HasPrefix(rest, []byte("%"))
}

func leadingWord(b []byte) []byte {
	i := 0
	for i < len(b) && (isLetter(b[i]) || b[i] >= utf8.RuneSelf) && i < 16 {
		i++
	}
	return b[:i]
}

func currencyAfter(b []byte) bool {
	if len(b) > 2 && (b[0] == ',' || b[0] == '.') && isDigit(b[1]) { // cents
		i := 1
		for i < len(b) && isDigit(b[i]) {
			i++
		}
		if i > 3 {
			return false
		}
		b = b[i:]
	} else if bytes.HasPrefix(b, []byte(",-")) || bytes.HasPrefix(b, []byte(".-")) {
		return true
	}
	b = bytes.TrimLeft(b, " ")
	for _, sign := range currencySigns {
		if bytes.HasPrefix(b, []byte(sign)) {
			return true
		}
	}
	return currencyWords[string(leadingWord(b))]
}

func currencyBefore(b []byte) bool {
	b = bytes.TrimRight(b, " ")
	for _, sign := range currencySigns {
		if bytes.HasSuffix(b, []byte(sign)) {
			return true
		}
	}
	i := len(b)
	for i > 0 && (isLetter(b[i-1]) || b[i-1] >= utf8.RuneSelf) && len(b)-i < 16 {
		i--
	}
	return currencyWords[string(b[i:])]
}

// wordBefore returns the word before i, a sign or a colon between them left aside.
func (s *scanner) wordBefore(i int) string {
	for i > 0 && strings.IndexByte(" :-=", s.b[i-1]) >= 0 {
		i--
	}
	end := i
	for i > 0 && isLetter(s.b[i-1]) {
		i--
	}
	return string(s.b[i:end])
}

// carve marks the groups that are dates, times, amounts, IP addresses and coordinates.
func (s *scanner) carve(gs []group) {
	for i := 0; i < len(gs); {
		j := i + 1
		for j < len(gs) && gs[j].from-gs[j-1].to == 1 && strings.IndexByte("./-:,'_", s.b[gs[j].from-1]) >= 0 {
			j++
		}
		s.carveToken(gs[i:j])
		i = j
	}
	s.carveLists(gs)
	for i, g := range gs { // "€58245 / 54830 EUR": amounts of their own
		if n := g.to - g.from; n > 3 && n <= 9 && s.b[g.from] != '0' && (i > 0 && g.from-gs[i-1].to == 3 || i+1 < len(gs) && gs[i+1].from-g.to == 3) &&
			(i+1 == len(gs) || gs[i+1].from-g.to > 1) && (i == 0 || g.from-gs[i-1].to > 1) && (currencyBefore(s.b[:g.from]) || currencyAfter(s.b[g.to:])) {
			gs[i].carved = true
		}
	}
	for i := range gs { // 48°08'13.9"N
		if !bytes.HasPrefix(s.b[gs[i].to:], []byte("°")) {
			continue
		}
		j := i + 1
		for j < len(gs) && j < i+4 && gs[j].from-gs[j-1].to <= 3 && len(bytes.Trim(s.b[gs[j-1].to:gs[j].from], "°'′. ")) == 0 {
			j++
		}
		carveAll(gs[i:j])
	}
	for i := 0; i+1 < len(gs); i++ { // 18h30
		if gs[i+1].from-gs[i].to == 1 && s.b[gs[i].to] == 'h' && s.value(gs[i]) <= 24 && gs[i+1].to-gs[i+1].from == 2 && s.value(gs[i+1]) < 60 {
			carveAll(gs[i : i+2])
		}
	}
	for i := 0; i+1 < len(gs); i++ { // 164*87*20 cm
		j := i + 1
		for j < len(gs) && j < i+3 && gs[j].from-gs[j-1].to == 1 && s.b[gs[j-1].to] == '*' && gs[j].to-gs[j].from <= 4 {
			j++
		}
		if j == i+1 || gs[i].to-gs[i].from > 4 {
			continue
		}
		rest := bytes.TrimPrefix(s.b[gs[j-1].to:], []byte(" "))
		if u := leadingWord(rest); units[string(u)] || string(u) == "x" || bytes.HasPrefix(u, []byte("×")) {
			carveAll(gs[i:j])
		}
	}
	for i := 0; i+1 < len(gs); i++ { // lat 48.13715
		if s.degrees(gs[i:i+2]) && degreeWords[s.wordBefore(gs[i].from)] {
			carveAll(gs[i : i+2])
		}
	}
	for i := 0; i+3 < len(gs); i++ { // 48.13715, 11.57612
		if s.degrees(gs[i:i+2]) && s.degrees(gs[i+2:i+4]) && pairs(s.b[gs[i+1].to:gs[i+2].from]) {
			carveAll(gs[i : i+4])
		}
	}
}

func carveAll(gs []group) {
	for i := range gs {
		gs[i].carved = true
	}
}

func pairs(between []byte) bool {
	return len(between) <= 4 && bytes.ContainsAny(between, ",;/ ") && len(bytes.Trim(between, ",;/ -")) == 0
}

func (s *scanner) degrees(gs []group) bool {
	return gs[1].from-gs[0].to == 1 && s.b[gs[0].to] == '.' && gs[1].to-gs[1].from >= 4 && s.value(gs[0]) <= 180 &&
		(s.b[gs[0].from] != '0' || gs[0].to-gs[0].from == 1)
}

// value returns a group of up to four digits as a number, else 9999.
func (s *scanner) value(g group) int {
	if g.to-g.from > 4 {
		return 9999
	}
	v := 0
	for _, c := range s.b[g.from:g.to] {
		v = v*10 + int(c-'0')
	}
	return v
}

// carveToken judges groups with single characters between them.
func (s *scanner) carveToken(gs []group) {
	if gs[0].from > 0 && s.b[gs[0].from-1] == '+' {
		return
	}
	if len(gs) == 1 {
		if n := gs[0].to - gs[0].from; n == 8 && s.compactDate(gs[0]) && s.context(gs[0].from) != aboutPhone {
			carveAll(gs)
		}
		return
	}
	if s.wholeToken(gs) || count(gs) <= 12 && s.money(gs, count(gs)) {
		carveAll(gs)
		return
	}
	// "12.03-15.03.2025", "8:30-17:30", "20250312_154501": parts around a dash that are something each.
	for i := 1; i < len(gs); i++ {
		c := s.b[gs[i].from-1]
		if (c == '-' || c == '/' || c == '_') && s.part(gs[:i], c) && (s.part(gs[i:], c) || c == '_' && s.clock(gs[i:])) {
			carveAll(gs)
			return
		}
	}
}

// part judges one side of the separator c, which does not occur inside it: "06-12-10" are no hours.
func (s *scanner) part(gs []group, c byte) bool {
	for i := 1; i < len(gs); i++ {
		if s.b[gs[i].from-1] == c {
			return false
		}
	}
	if len(gs) == 1 {
		n := gs[0].to - gs[0].from
		return n == 8 && s.compactDate(gs[0]) || n == 6 && s.value(group{from: gs[0].from, to: gs[0].from + 2}) < 24 &&
			gs[0].from >= 9 && s.b[gs[0].from-1] == '_'
	}
	return s.wholeToken(gs)
}

// clock reports whether the groups are hours, minutes and seconds as in the name of a file: "14-30-05".
func (s *scanner) clock(gs []group) bool {
	if len(gs) != 3 || s.b[gs[1].from-1] != s.b[gs[2].from-1] {
		return false
	}
	for i, most := range [...]int{24, 59, 59} {
		if gs[i].to-gs[i].from != 2 || s.value(gs[i]) > most {
			return false
		}
	}
	return true
}

// evenly reports whether groups are as long as those of a telephone number: the same behind the first, the last one
// left aside.
func evenly(gs []group) bool {
	size := gs[1].to - gs[1].from
	for _, g := range gs[1 : len(gs)-1] {
		if g.to-g.from != size {
			return false
		}
	}
	return size > 1 && gs[0].to-gs[0].from >= 2 && gs[len(gs)-1].to-gs[len(gs)-1].from >= 2
}

// carveLists marks years in a row, sizes in a row ("36 37 38 39"), and the marks of a numbered list with what they
// number ("1) 12 2) 347").
func (s *scanner) carveLists(gs []group) {
	for i := 0; i+2 < len(gs); {
		j := i + 1
		for j < len(gs) && s.joined(gs[j-1], gs[j]) && s.alike(gs, i, j) {
			j++
		}
		if n := j - i; n >= 3 && (i == 0 || !s.joined(gs[i-1], gs[i])) && (j == len(gs) || !s.joined(gs[j-1], gs[j])) && (n >= 4 || year(s.value(gs[i]))) && s.context(gs[i].from) != aboutPhone {
			carveAll(gs[i:j])
		}
		i = j
	}
	next, first := 1, -1
	for i, g := range gs {
		if g.to-g.from > 2 || s.value(g) != next || g.to+1 >= len(s.b) || strings.IndexByte(").:", s.b[g.to]) < 0 || s.b[g.to+1] != ' ' || i+1 == len(gs) {
			continue
		}
		if next == 1 {
			first = i
		}
		if next++; next > 2 {
			for _, k := range [...]int{first, i} {
				gs[k].carved, gs[k].mark = true, true
			}
		}
	}
}

// alike reports whether group j goes on with the years, or with the steps of one or two, that groups i to j-1 are.
func (s *scanner) alike(gs []group, i, j int) bool {
	a, b := s.value(gs[j-1]), s.value(gs[j])
	if string(s.b[gs[i].to:gs[i+1].from]) != string(s.b[gs[j-1].to:gs[j].from]) || gs[j].to-gs[j].from > 4 || s.b[gs[i].from] == '0' || s.b[gs[j].from] == '0' {
		return false
	}
	if year(a) && year(b) && gs[i].to-gs[i].from == 4 {
		return true
	}
	step := s.value(gs[i+1]) - s.value(gs[i])
	return b-a == step && (step == 1 || step == 2)
}

func (s *scanner) compactDate(g group) bool {
	y := s.value(group{from: g.from, to: g.from + 4})
	m := s.value(group{from: g.from + 4, to: g.from + 6})
	d := s.value(group{from: g.from + 6, to: g.to})
	return year(y) && m >= 1 && m <= 12 && d >= 1 && d <= 31 && (m != 2 || d <= 29)
}

func year(y int) bool { return y >= 1900 && y <= 2099 }

func (s *scanner) wholeToken(gs []group) bool {
	sep := s.b[gs[1].from-1]
	size := func(i int) int { return gs[i].to - gs[i].from }
	v := func(i int) int { return s.value(gs[i]) }
	same := true
	for i := 2; i < len(gs); i++ {
		same = same && s.b[gs[i].from-1] == sep
	}
	switch len(gs) {
	case 2:
		switch {
		case sep == ':' || sep == '.' && size(0) <= 2 && size(1) == 2:
			return v(0) <= 24 && v(1) < 60 && size(1) == 2 || sep == '.' // a time, a day, an amount
		case sep == ',' || sep == '.':
			return size(1) <= 2 && (size(0) == 1 || s.b[gs[0].from] != '0') || size(0) == 1 && s.b[gs[0].from] == '0'
		case sep == '-' && size(0) <= 2 && size(1) <= 2:
			return v(0) <= 24 && v(1) <= 24 // hours
		case sep == '/' && size(0) <= 2 && size(1) <= 2:
			return v(0) >= 1 && v(0) <= 31 && v(1) >= 1 && v(1) <= 31 && (v(0) <= 12 || v(1) <= 12) // a day
		case (sep == '-' || sep == '/') && size(0) == 4 && size(1) == 4:
			return year(v(0)) && year(v(1))
		case sep == '/' && size(0) <= 2 && size(1) == 4:
			return v(0) <= 12 && year(v(1))
		}
	case 3:
		day := func(d, m, y int) bool {
			return size(d) <= 2 && size(m) <= 2 && v(d) >= 1 && v(d) <= 31 && v(m) >= 1 && v(m) <= 31 &&
				(v(d) <= 12 || v(m) <= 12) && (size(y) == 4 && year(v(y)) || size(y) == 2 && y == 2)
		}
		switch {
		case same && sep == ':':
			return v(0) <= 24 && v(1) < 60 && v(2) < 60
		case same && (sep == '.' || sep == '/' || sep == '-'):
			return day(0, 1, 2) || day(2, 1, 0) && size(0) == 4
		case (sep == '.' || sep == '\'') && s.b[gs[2].from-1] != sep: // 1.299,00
			return size(0) <= 3 && size(1) == 3 && size(2) <= 2 && s.b[gs[0].from] != '0'
		}
	case 4:
		if same && sep == '.' { // 192.168.178.1
			if gs[0].from > 0 && s.b[gs[0].from-1] == 'v' && (gs[0].from == 1 || !isWordByte(s.b[gs[0].from-2])) && size(0) <= 2 {
				return true // v2.24.7.81
			}
			three, long := false, 0
			for i := range gs {
				if size(i) > 3 || v(i) > 255 || size(i) > 1 && s.b[gs[i].from] == '0' {
					return false
				}
				three = three || size(i) == 3 || v(i) == 0
				if size(i) == 3 {
					long++
				}
			}
			private := v(0) == 192 && v(1) == 168 || v(0) == 10 || v(0) == 127 || v(0) == 172 && v(1) >= 16 && v(1) < 32
			return three && (private || long >= 2 && s.context(gs[0].from) != aboutPhone || s.context(gs[0].from) == aboutCode || !evenly(gs) || !s.dialled(s.digits(gs)))
		}
	}
	if sep == '.' || sep == ',' || sep == '\'' { // 1.250.000,00
		for i := 1; i < len(gs)-1; i++ {
			if size(i) != 3 || s.b[gs[i].from-1] != sep {
				return false
			}
		}
		last := s.b[gs[len(gs)-1].from-1]
		return len(gs) > 2 && last != sep && (last == ',' || last == '.') && size(len(gs)-1) <= 2 && size(0) <= 3
	}
	return false
}
