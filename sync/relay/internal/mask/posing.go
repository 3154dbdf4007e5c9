package mask

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// look-alikes of digits, folded: o, l, i, s, b and the Cyrillic and Greek o.
func poses(r rune) (byte, bool) {
	switch r {
	case 'o', 'о', 'ο', 'О', 'Ο':
		return '0', true
	case 'l', 'i':
		return '1', true
	case 's':
		return '5', true
	case 'b':
		return '8', true
	}
	return 0, false
}

// poseWord reads a short word of letters that all look like digits.
func poseWord(w string) (string, bool) {
	if len(w) > 8 {
		return "", false
	}
	var d [8]byte
	n := 0
	for _, r := range w {
		c, ok := poses(r)
		if !ok {
			return "", false
		}
		d[n] = c
		n++
	}
	return string(d[:n]), true
}

// loose marks an item of posing letters that is a unit or a word as likely.
const loose = 1

// posing reads a word that begins at or before the digits b[i:j] and is made of digits and of letters that look like
// digits, with a letter before or between digits.
func (s *scanner) posing(i, j, after int) (from, to int, digits string, how int, ok bool) {
	b := s.b
	from, to = i, j
	for from > after {
		r, n := utf8.DecodeLastRune(b[after:from])
		if _, pose := poses(r); !pose {
			if unicode.IsLetter(r) {
				return 0, 0, "", 0, false
			}
			break
		}
		from -= n
	}
	for to < len(b) {
		if isDigit(b[to]) {
			to++
			continue
		}
		r, n := utf8.DecodeRune(b[to:])
		if _, pose := poses(r); !pose {
			if unicode.IsLetter(r) {
				return 0, 0, "", 0, false
			}
			break
		}
		to += n
	}
	if from == i && to == j {
		return 0, 0, "", 0, false
	}
	var d []byte
	letters, last := 0, 0
	for k := from; k < to; {
		r, n := utf8.DecodeRune(b[k:])
		if c, pose := poses(r); pose {
			d = append(d, c)
			letters++
			last = k
		} else {
			d = append(d, b[k])
		}
		k += n
	}
	if letters*2 > len(d) || from == i && last >= j && to-last <= 2 && letters == 1 && !s.digitsFollow(to) || from < i && d[0] != '0' {
		how = loose // a word, a unit, "15l", or a part number, "BS1759"
	}
	return from, to, string(d), how, s.free(from, to)
}

// digitsFollow reports whether digits come right behind i.
func (s *scanner) digitsFollow(i int) bool {
	for n := 0; i < len(s.b) && n < 2; n++ {
		if isDigit(s.b[i]) {
			return true
		}
		if strings.IndexByte(" -./", s.b[i]) < 0 {
			return false
		}
		i++
	}
	return i < len(s.b) && isDigit(s.b[i])
}

// posedFollow reports whether a word of digits and of posing letters comes right behind i: digits alone do not make the
// word before them one of letters that pose, "is 155501234".
func (s *scanner) posedFollow(i int) bool {
	for n := 0; i < len(s.b) && n < 2 && strings.IndexByte(" -./", s.b[i]) >= 0; n++ {
		i++
	}
	digits, letters := 0, 0
	for i < len(s.b) {
		if isDigit(s.b[i]) {
			digits++
			i++
			continue
		}
		r, n := utf8.DecodeRune(s.b[i:])
		if _, ok := poses(r); !ok {
			return digits > 0 && letters > 0 && !unicode.IsLetter(r)
		}
		letters++
		i += n
	}
	return digits > 0 && letters > 0
}
