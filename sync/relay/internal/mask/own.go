package mask

import (
	"bytes"
	"slices"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"sealdesk/app/inbox"
)

// A spot is where one digit of a stream stands in the text; several digits of one word share theirs.
type spot struct{ from, to int }

// A stream is the digits of a text without what stands between them, and where they stand.
type stream struct {
	digits []byte
	spots  []spot
}

func (st *stream) add(digits string, from, to int, single bool) {
	for i := range len(digits) {
		at := spot{from, to}
		if single {
			at = spot{from + i, from + i + 1}
		}
		st.digits, st.spots = append(st.digits, digits[i]), append(st.spots, at)
	}
}

// knownNumbers hides the contact's own numbers however they are disguised, and shows the company's. It looks for their
// last eight digits in the text's digits alone: as they stand, with words read as digits, backwards, with the groups in
// reverse, and with numbers of a list between.
func (s *scanner) knownNumbers(gs []group, atoms []atom) {
	if len(s.known.Phones)+len(s.known.Company) == 0 {
		return
	}
	total := count(gs)
	for _, a := range atoms {
		total += len(a.digits)
	}
	if total < 6 {
		return
	}
	var count tally
	for _, g := range gs {
		for _, c := range s.b[g.from:g.to] {
			count[c-'0']++
		}
	}
	for _, a := range atoms {
		for i := range len(a.digits) {
			if a.spoken || a.posing {
				count[a.digits[i]-'0']++
			}
		}
	}
	if !slices.ContainsFunc(s.known.Phones, func(p string) bool { return count.within(p, 0) }) &&
		!slices.ContainsFunc(s.known.Company, func(c string) bool { return count.within(c, 0) }) {
		return
	}
	var raw [96]byte
	plain := stream{digits: raw[:0]}
	var few [32]int
	free := few[:0] // the groups the stream is made of: hiding one number uses some up before the next is looked for
	for i, g := range gs {
		if !g.used {
			free = append(free, i)
			plain.digits = append(plain.digits, s.b[g.from:g.to]...)
		}
	}
	at := func() []spot { // most texts hold no known number: places are made when one is found
		if plain.spots == nil {
			plain.spots = make([]spot, 0, len(plain.digits))
			for _, i := range free {
				plain.spots = places(plain.spots, gs[i])
			}
		}
		return plain.spots
	}
	var said stream
	for _, a := range atoms {
		said.add(a.digits, a.from, a.to, !a.spoken && !a.posing)
	}
	for _, c := range s.known.Company {
		if number := digitsOf(c); !strings.Contains(c, "@") && len(number) >= 7 {
			for _, m := range matches(plain.digits, at, number, s, gs, true) {
				s.company(gs, m[0].from, m[len(m)-1].to, number)
			}
		}
	}
	for _, p := range s.known.Phones {
		number := digitsOf(p)
		if len(number) < 7 {
			continue
		}
		var all [][]spot
		if len(atoms) > 0 {
			all = matches(said.digits, func() []spot { return said.spots }, number, s, gs, true)
		}
		all = append(all, matches(plain.digits, at, number, s, gs, true)...)
		turned, pieces := s.turned(gs, atoms, number), s.pieces(gs, number) // before the first is hidden
		complete := slices.ContainsFunc(all, func(m []spot) bool { return digitsIn(m) > len(number)-len(callingCode(number)) })
		// The way to read it that takes in the most comes first, the others add what it left.
		slices.SortStableFunc(all, func(a, b []spot) int { return digitsIn(b) - digitsIn(a) })
		for _, m := range all {
			s.own(gs, m, number)
		}
		slices.SortStableFunc(turned, func(a, b []spot) int { return digitsIn(b) - digitsIn(a) })
		for _, m := range turned {
			// Where the number stands as it is, what else its digits make together with others' is no other way to say it.
			if !complete || !slices.ContainsFunc(m, func(p spot) bool { return !s.free(p.from, p.to) }) {
				s.own(gs, m, number)
			}
		}
		for _, m := range pieces {
			s.own(gs, m, number)
		}
	}
}

// digitsIn counts what the spots hold: a word counts as one digit.
func digitsIn(spots []spot) int { return len(spots) }

// matches returns the spots of every place where the stream says the number, what belongs to it before its last eight
// digits included.
func matches(digits []byte, spots func() []spot, number string, s *scanner, gs []group, forwards bool) (out [][]spot) {
	suffix := tail(number)
	home := ""
	for from := 0; ; {
		i := bytes.Index(digits[from:], []byte(suffix))
		if i < 0 || len(out) == maxMatches {
			return out
		}
		place := spots()
		i += from
		next, end := i+1, i+len(suffix)
		from = end
		left := len(number) - len(suffix)
		code := len(callingCode(number))
		bare := -1 // where the number without its calling code begins
		for ; left > 0 && i > 0 && digits[i-1] == number[left-1]; left-- {
			if left == code {
				bare = i
			}
			i--
		}
		if left > 0 && left < code && bare > 0 && !s.beside(place[bare-1], place[bare]) { // one digit of something else that happens to be the same
			i = bare
		}
		// At home a number may begin in another way than abroad: a trunk prefix, another area code.
		if home == "" {
			home = s.nationalDigits(number)
		}
		if n := len(home) - len(suffix); n > 0 && strings.HasSuffix(home, suffix) && bytes.HasSuffix(digits[:end], []byte(home)) {
			start := end - len(home)
			for start < i && digits[start] == '0' && forwards && !s.prefixZero(gs, place[start], place[start+1]) {
				start++
			}
			i, left = min(i, start), 0
		}
		// Eight digits in the middle of others are those of another number.
		if forwards && left > 0 && end < len(digits) && place[end-1] != place[end] && place[end-1].to == place[end].from {
			from = next // not behind i, which what stands before it has moved: the same place would be found for ever
			continue
		}
		if forwards {
			for i > 0 && digits[i-1] == '0' && s.prefixZero(gs, place[i-1], place[i]) { // trunk prefix, 00
				i--
			}
			// What stands before it, prefix, area or country, goes with it as far as it could be one number.
			for i > 0 && end-i < maxE164+2 && (s.near(gs, place[i-1], place[i]) || s.sameGap(place[i-1:end])) {
				i--
			}
		} else {
			for i > 0 && (digits[i-1] == '0' && s.beside(place[i-1], place[i]) || end-i < maxE164+2 && s.touching(place[i-1], place[i])) {
				i--
			}
		}
		out = append(out, place[i:end])
	}
}

// maxMatches bounds how often one pass hides one number in one way; the next pass goes on.
const maxMatches = 32

// nationalDigits returns the digits a number is dialled by at home, or the number itself.
func (s *scanner) nationalDigits(number string) string {
	if s.dials[0] == number {
		return s.dials[1]
	}
	s.dials = [2]string{number, number}
	if n, err := phonenumbers.Parse("+"+number, ""); err == nil {
		s.dials[1] = digitsOf(phonenumbers.Format(n, phonenumbers.NATIONAL))
	}
	return s.dials[1]
}

// near reports whether the neighbouring digits at a and b may belong to one number.
func (s *scanner) near(gs []group, a, b spot) bool {
	if b.from <= a.to { // of one word, or of words that overlap: "double" and what it doubles
		return true
	}
	if b.from-a.to > 3 {
		return false
	}
	for i := range gs {
		if gs[i].to == a.to {
			return !gs[i].carved && s.joined(gs[i], group{from: b.from})
		}
	}
	return a.to-a.from > 1 && !hasWord(s.b[a.to:b.from]) // a word
}

// touching reports whether a and b are one behind the other, in either order.
func (s *scanner) touching(a, b spot) bool { return a.to == b.from || b.to == a.from }

// prefixZero reports whether a zero at a belongs to the number that begins at b: right before it, a word, or a "0" or
// "00" of its own; the zero of "15:40, then …" does not.
func (s *scanner) prefixZero(gs []group, a, b spot) bool {
	gap := b.from - a.to
	return a == b || gap == 0 || gap < 16 && a.to-a.from > 1 || gap < 32 && s.zeroGroup(gs, a)
}

// zeroGroup reports whether the digit belongs to a "0" or "00".
func (s *scanner) zeroGroup(gs []group, at spot) bool {
	for _, g := range gs {
		if g.from <= at.from && at.from < g.to {
			return s.zeroes(g)
		}
	}
	return false
}

// zeroes reports whether a group is nothing but zeros, and not the minutes of a time or the cents of an amount.
func (s *scanner) zeroes(g group) bool {
	if g.from > 1 && strings.IndexByte(".:,h", s.b[g.from-1]) >= 0 {
		for i := g.from - 2; i >= 0 && isDigit(s.b[i]); i-- {
			if s.b[i] != '0' {
				return false
			}
		}
	}
	return len(bytes.Trim(s.b[g.from:g.to], "0")) == 0
}

// sameGap reports whether what stands between the first two spots, and is no word, stands between others too.
func (s *scanner) sameGap(spots []spot) bool {
	gap := func(i int) string { return string(s.b[min(spots[i-1].to, spots[i].from):spots[i].from]) }
	first := gap(1)
	if first == "" || len(first) > 5 || hasWord([]byte(first)) {
		return false
	}
	for i := 2; i < len(spots); i++ {
		if gap(i) == first {
			return true
		}
	}
	return false
}

func (s *scanner) beside(a, b spot) bool {
	if a.from > b.from {
		a, b = b, a
	}
	return a == b || b.from-a.to <= 3 && !hasWord(s.b[min(a.to, b.from):b.from])
}

// turned hides the number written backwards, digit by digit or group by group.
func (s *scanner) turned(gs []group, atoms []atom, number string) (out [][]spot) {
	if len(atoms) == 0 && !turns(s.b, gs, number) {
		return nil
	}
	var back stream
	var byGroup stream
	add := func(digits string, from, to int, single bool) {
		back.add(digits, from, to, single)
		byGroup.add(digits, from, to, single)
	}
	if len(atoms) > 0 {
		for i := len(atoms) - 1; i >= 0; i-- {
			a := atoms[i]
			if a.loose && !bytes.ContainsAny(s.b[a.from:a.to], "0123456789") {
				continue // "155501234 is mine"
			}
			if s.free(a.from, a.to) {
				add(a.digits, a.from, a.to, !a.spoken && !a.posing)
			}
		}
	} else {
		// Without words the digits alone tell; only then are places needed.
		for i := len(gs) - 1; i >= 0; i-- {
			if g := gs[i]; !g.used {
				add(string(s.b[g.from:g.to]), g.from, g.to, true)
			}
		}
	}
	// Digit by digit: turn the digits of each group too.
	for i := 0; i < len(back.digits); {
		j := i + 1
		for j < len(back.digits) && (back.spots[j] == back.spots[j-1] || back.spots[j].from == back.spots[j-1].to) {
			j++
		}
		slices.Reverse(back.digits[i:j])
		slices.Reverse(back.spots[i:j])
		i = j
	}
	for _, st := range []*stream{&back, &byGroup} {
		for _, m := range matches(st.digits, func() []spot { return st.spots }, number, s, gs, false) {
			m = s.zeros(gs, slices.Clone(m))
			slices.SortFunc(m, func(a, b spot) int { return a.from - b.from })
			out = append(out, m)
		}
	}
	return out
}

// turns reports whether the digits of the groups, backwards or with the groups in reverse, hold the number's end.
func turns(b []byte, gs []group, number string) bool {
	var raw [2][96]byte
	back, byGroup := raw[0][:0], raw[1][:0]
	for i := len(gs) - 1; i >= 0; i-- {
		if g := gs[i]; !g.used {
			byGroup = append(byGroup, b[g.from:g.to]...)
			for j := g.to - 1; j >= g.from; j-- {
				back = append(back, b[j])
			}
		}
	}
	suffix := []byte(tail(number))
	return bytes.Contains(back, suffix) || bytes.Contains(byGroup, suffix)
}

// pieces hides the number given in parts with other short numbers between, "1) 0151 2) 555 3) 01234", and a long part
// of it that stands alone.
func (s *scanner) pieces(gs []group, number string) (out [][]spot) {
	suffix := tail(number)
	for last := range gs {
		g := gs[last]
		if n := g.to - g.from; g.used || n < 2 || n > len(number)+2 || n < 6 && s.b[g.to-1] != number[len(number)-1] {
			continue
		}
		part := string(s.b[g.from:g.to])
		if len(part) >= 6 && (strings.HasSuffix(number, part) || len(part) >= 7 && strings.Contains(number, part)) && !s.companyHolds(part) {
			out = append(out, places(nil, g))
		}
		if !strings.HasSuffix(suffix, part) || len(part) >= len(suffix) {
			continue
		}
		best, said := []int(nil), 0
		s.gather(gs, last, number[:len(number)-len(part)], []int{last}, len(number), min(len(number), 8), &best, &said)
		if len(best) < 2 {
			continue
		}
		slices.Reverse(best)
		var spots []spot
		for _, i := range best {
			spots = places(spots, gs[i])
		}
		out = append(out, s.zeros(gs, spots))
	}
	return out
}

// places adds the places of a group's digits.
func places(spots []spot, g group) []spot {
	for i := g.from; i < g.to; i++ {
		spots = append(spots, spot{i, i + 1})
	}
	return spots
}

// maxSteps bounds how often one pass tries to put a number together from parts: a text of nothing but parts must not
// cost more than others.
const maxSteps = 2000

// gather looks before the last group taken for what the number has left, passing over short numbers of a list; best is
// the longest way that says enough of the number.
func (s *scanner) gather(gs []group, last int, left string, taken []int, whole, enough int, best *[]int, most *int) {
	if n := whole - len(left); n >= enough && n > *most && len(taken) > 1 {
		*best, *most = slices.Clone(taken), n
	}
	if s.steps++; left == "" || len(taken) > 8 || s.steps > maxSteps {
		return
	}
	for i, skipped := last-1, 0; i >= 0 && skipped < 3; i, skipped = i-1, skipped+1 {
		g := gs[i]
		if g.mark {
			skipped--
			continue
		}
		d := string(s.b[g.from:g.to])
		if g.used || len(d) > whole+2 {
			continue
		}
		home := strings.TrimLeft(d, "0")
		switch {
		case strings.HasSuffix(left, d):
			s.gather(gs, i, left[:len(left)-len(d)], append(slices.Clone(taken), i), whole, enough, best, most)
		case len(home) >= 1 && len(home) < len(d) && strings.HasSuffix(left, home):
			if n := whole - len(left) + len(home); n >= enough && n > *most {
				*best, *most = append(slices.Clone(taken), i), n
			}
		}
		if len(d) > 2 && !g.carved {
			return
		}
	}
}

// zeros adds a group of zeros right beside the spots: the prefix of a number given backwards or in parts.
func (s *scanner) zeros(gs []group, spots []spot) []spot {
	from, to := spots[0].from, spots[0].to
	for _, p := range spots {
		from, to = min(from, p.from), max(to, p.to)
	}
	for _, g := range gs {
		if !g.used && g.to-g.from <= 2 && s.zeroes(g) &&
			(g.to <= from && from-g.to < 12 || g.from >= to && g.from-to < 4) {
			spots = places(spots, g)
		}
	}
	slices.SortFunc(spots, func(a, b spot) int { return a.from - b.from })
	return spots
}

func (s *scanner) companyHolds(part string) bool {
	for _, c := range s.known.Company {
		if strings.Contains(digitsOf(c), part) {
			return true
		}
	}
	return false
}

// own hides the digits at the spots, in as few pieces as the words between them allow.
func (s *scanner) own(gs []group, spots []spot, number string) {
	hint := s.policy.phoneHint(number, callingCode(number))
	if slices.ContainsFunc(spots, func(p spot) bool { return !s.free(p.from, p.to) }) { // another reading had part of it
		spots = slices.DeleteFunc(slices.Clone(spots), func(p spot) bool { return !s.free(p.from, p.to) })
	}
	for i := 0; i < len(spots); {
		j := i + 1
		for j < len(spots) && (spots[j].from < spots[j-1].to || spots[j].from-spots[j-1].to < 12 && !hasWordOrDigit(s.b[spots[j-1].to:spots[j].from])) {
			j++
		}
		from, to := s.widen(spots[i].from, spots[j-1].to)
		if p := s.plusBefore(spots[i].from); p >= 0 && i == 0 {
			from = p
		}
		i = j
		if !s.free(from, to) {
			continue
		}
		s.hideAs(from, to, inbox.Phone, hint, number)
		hint = hintDigits
		use(gs, from, to)
	}
}

// hasWordOrDigit reports whether more than separators stand in b; a lone x is one.
func hasWordOrDigit(b []byte) bool {
	return hasWord(b) && string(bytes.TrimSpace(b)) != "x" || bytes.ContainsAny(b, "0123456789")
}

// company shows one of the company's own numbers, in national form where the text has it in a form that the floor
// would not let pass.
func (s *scanner) company(gs []group, from, to int, number string) {
	from, to = s.widen(from, to)
	if to-from > 40 || hasWord(s.b[from:to]) || !s.free(from, to) {
		return
	}
	use(gs, from, to)
	a, b := s.source(from, to)
	if !inbox.Identifying(s.text[a:b]) {
		s.keep(from, to)
		return
	}
	n, err := phonenumbers.Parse("+"+number, "")
	if err != nil {
		return
	}
	if as := phonenumbers.Format(n, phonenumbers.NATIONAL); !inbox.Identifying(as) {
		s.rewrite(from, to, as)
	}
}
