package mask

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"

	"sealdesk/app/inbox"
)

// maxE164 is the most digits a phone number has, calling code included (ITU-T E.164).
const maxE164 = 15

// A group is a run of digits without anything between them.
type group struct {
	from, to int
	carved   bool // part of a date, a time, an amount: no phone number goes through it
	used     bool
	mark     bool // the mark of a numbered list
}

// numbers hides payment cards and phone numbers, and long numbers nobody can say are harmless.
func (s *scanner) numbers(where look) {
	gs := s.groups(s.groupRoom[:0])
	s.groupRoom = gs
	s.carve(gs)
	var atoms []atom
	if where&lookSpoken != 0 || s.dictated(gs) {
		atoms = s.atoms(gs)
	}
	if len(gs) == 0 && len(atoms) == 0 {
		return
	}
	if count(gs) >= 13 {
		s.apart(gs)
	}
	s.knownNumbers(gs, atoms)
	s.listed(gs)
	s.spokenNumbers(gs, atoms)
	s.international(gs)
	for i := 0; i < len(gs); {
		if gs[i].used {
			i++
			continue
		}
		j := i + 1
		n := gs[i].to - gs[i].from
		for j < len(gs) && !gs[j].used && s.joined(gs[j-1], gs[j]) {
			if n >= 7 && bytes.IndexByte(s.b[gs[j-1].to:gs[j].from], '\n') >= 0 && s.anew(gs, j) {
				break // a list of numbers, one a line
			}
			n += gs[j].to - gs[j].from
			j++
		}
		s.cluster(gs[i:j])
		i = j
	}
}

// listed hides a number given as a numbered list, "1) 0171 2) 555 3) 0188": what stands behind the marks is one.
func (s *scanner) listed(gs []group) {
	if len(gs) < 4 || !gs[0].carved || s.value(gs[0]) != 1 {
		return
	}
	var parts []group
	for i := 0; i+1 < len(gs); i += 2 {
		mark, part := gs[i], gs[i+1]
		if !mark.carved || s.value(mark) != i/2+1 || part.carved || part.used || part.to-part.from > 5 || part.from-mark.to > 4 {
			return
		}
		parts = append(parts, part)
	}
	number := s.digits(parts)
	if len(number) < 9 || len(number) > maxE164 || number[0] != '0' && !s.dialled(number) || !s.valid(number) {
		return
	}
	for i, g := range parts {
		if hint := hintDigits; i > 0 {
			s.hideAs(g.from, g.to, inbox.Phone, hint, s.e164(number))
		} else {
			s.phone(g.from, g.to, s.e164(number))
		}
		use(gs, g.from, g.to)
	}
}

func (s *scanner) groups(gs []group) []group {
	b := s.b
	for i := 0; i < len(b); i++ {
		if !isDigit(b[i]) {
			continue
		}
		j := i + 1
		for j < len(b) && isDigit(b[j]) {
			j++
		}
		gs = append(gs, group{from: i, to: j, used: !s.free(i, j)})
		i = j
	}
	return gs
}

func (s *scanner) digits(gs []group) string {
	if len(gs) == 1 {
		return string(s.b[gs[0].from:gs[0].to])
	}
	var b strings.Builder
	for _, g := range gs {
		b.Write(s.b[g.from:g.to])
	}
	return b.String()
}

func count(gs []group) (n int) {
	for _, g := range gs {
		n += g.to - g.from
	}
	return n
}

// joined reports whether what stands between two groups may stand inside a phone number.
func (s *scanner) joined(a, b group) bool {
	between := s.b[a.to:b.from]
	if len(between) > 5 {
		return false
	}
	n := len(between)
	for _, c := range between {
		switch {
		case c == '(' || c == ')' || c == '[' || c == ']':
			n-- // a bracket says that the number goes on
		case strings.IndexByte(" -./_|~\\*\n\t", c) < 0:
			return false
		}
	}
	return n <= 3
}

// widen takes in what belongs to a number although it is no digit: a plus, brackets, "tel:".
func (s *scanner) widen(from, to int) (int, int) {
	b := s.b
	for from > 0 && (b[from-1] == '+' || b[from-1] == '(' && bytes.IndexByte(b[from:to], ')') >= 0 || b[from-1] == '[' && bytes.IndexByte(b[from:to], ']') >= 0) {
		from--
	}
	if link := []byte("tel:"); bytes.HasSuffix(b[:from], link) && to > from && !bytes.HasPrefix(b[from:], []byte(" ")) {
		from -= len(link)
	}
	return from, to
}

func use(gs []group, from, to int) {
	for i := range gs {
		if gs[i].from < to && from < gs[i].to {
			gs[i].used = true
		}
	}
}

func hasWord(b []byte) bool { return bytes.IndexFunc(b, unicode.IsLetter) >= 0 }

// international hides what starts with a plus or with 00: no region has to be known, and no word excuses it.
func (s *scanner) international(gs []group) {
	b := s.b
	for i := range gs {
		g := gs[i]
		if g.used {
			continue
		}
		from := g.from
		for from > 0 && (b[from-1] == ' ' || b[from-1] == '(') && g.from-from < 3 {
			from--
		}
		skip := 0
		switch {
		case from > 0 && b[from-1] == '+':
			if from--; g.from-from > 1 && (currencyAfter(b[g.to:]) || s.amount(gs[i:]) || s.thousands(gs[i:])) {
				continue // "12 € + 2500000 €"
			}
		case b[g.from] == '0' && g.to-g.from > 1 && !g.carved && b[g.from+1] == '0' && (g.to-g.from <= maxE164+2) && !s.serial(g.from):
			from, skip = g.from, 2
		default:
			continue
		}
		j, n := i, -skip
		for j < len(gs) && !gs[j].used {
			size := gs[j].to - gs[j].from
			if j > i {
				if !s.joined(gs[j-1], gs[j]) || n+size > maxE164 || n >= 10 && gs[j].carved && !gs[j-1].carved {
					break
				}
				if (n >= 10 && size >= 3 && b[gs[j].from] == '0' || n >= 7 && bytes.IndexByte(b[gs[j-1].to:gs[j].from], '\n') >= 0) && s.anew(gs, j) {
					break // another number begins
				}
			}
			n += size
			j++
		}
		if n < 7 || skip > 0 && n < 8 {
			continue
		}
		number := s.digits(gs[i:j])[skip:]
		code := callingCode(number)
		if skip > 0 && code == "" {
			continue
		}
		to := gs[j-1].to
		use(gs, g.from, to)
		// "+49 (0)151": the bracketed zero is dialled only at home.
		if rest := number[len(code):]; code != "" && strings.HasPrefix(rest, "0") && code != "39" {
			number = code + rest[1:]
		}
		s.phone(from, to, number)
	}
}

// thousands reports whether the groups begin with an amount written in thousands, too short for a number of any other
// country than a small one: "+ 39.203.000".
func (s *scanner) thousands(gs []group) bool {
	j, n := 1, gs[0].to-gs[0].from
	for j < len(gs) && s.joined(gs[j-1], gs[j]) {
		if gs[j].from-gs[j-1].to != 1 || strings.IndexByte(".,'", s.b[gs[j-1].to]) < 0 || gs[j].to-gs[j].from != 3 {
			return false
		}
		n += 3
		j++
	}
	return j > 2 && n < 10 && gs[0].to-gs[0].from <= 3 && s.b[gs[0].from] != '0' && s.context(gs[0].from) != aboutPhone
}

// serial reports whether capital letters that say nothing of telephones stand right before i: "JD0014…".
func (s *scanner) serial(i int) bool {
	return i > 0 && isLetter(s.b[i-1]) && s.context(i) == aboutCode
}

// amount reports whether the groups begin with digits in thousands and a currency behind them.
func (s *scanner) amount(gs []group) bool {
	j := 1
	for j < len(gs) && gs[j].from-gs[j-1].to == 1 && strings.IndexByte(".,'", s.b[gs[j-1].to]) >= 0 && gs[j].to-gs[j].from <= 3 {
		j++
	}
	return j > 1 && currencyAfter(s.b[gs[j-1].to:]) || gs[0].carved
}

// anew reports whether a number of its own begins with group j: enough digits follow on its line.
func (s *scanner) anew(gs []group, j int) bool {
	n := gs[j].to - gs[j].from
	for k := j + 1; k < len(gs) && s.joined(gs[k-1], gs[k]) && bytes.IndexByte(s.b[gs[k-1].to:gs[k].from], '\n') < 0; k++ {
		n += gs[k].to - gs[k].from
	}
	return n >= 7
}

// phone hides a number whose E.164 digits are known.
func (s *scanner) phone(from, to int, number string) {
	if link := []byte("tel:"); bytes.HasSuffix(s.b[:from], link) && s.free(from-len(link), from) {
		from -= len(link)
	}
	s.hideAs(from, to, inbox.Phone, s.policy.phoneHint(number, callingCode(number)), number)
	if len(number) <= maxE164 {
		s.find(inbox.Phone, number)
	}
}

// cluster judges groups that could be one number.
func (s *scanner) cluster(gs []group) {
	n := count(gs)
	if n < 5 {
		return
	}
	if gs = s.cards(gs); len(gs) == 0 {
		return
	}
	carved := 0
	for _, g := range gs {
		if g.carved {
			carved++
		}
	}
	if carved > 0 {
		// Dates do not stand in the middle of phone numbers, but a phone number's groups may look like a time.
		all := s.digits(gs)
		if carved == len(gs) || len(all) > maxE164 || bytes.IndexByte(s.b[gs[0].from:gs[len(gs)-1].to], '\n') >= 0 || !(all[0] == '0' && s.valid(all) || all[0] != '0' && !gs[0].carved && len(all) >= 9 && s.dialled(all)) {
			for i := 0; i < len(gs); {
				j := i
				for j < len(gs) && !gs[j].carved {
					j++
				}
				if j > i {
					s.judge(gs[i:j])
				}
				i = j + 1
			}
			return
		}
	}
	s.judge(gs)
}

// cards hides payment cards among the groups and returns the groups behind the last one, having judged those before.
func (s *scanner) cards(gs []group) []group {
	for i := 0; i < len(gs); i++ {
		n := 0
		for j := i + 1; j <= len(gs); j++ {
			if n += gs[j-1].to - gs[j-1].from; n > 19 || j > i+1 && gs[j-2].to-gs[j-2].from < 3 {
				break
			}
			if n >= 13 && (j == i+1 || cardLike(gs[i:j])) && paymentCard(s.digits(gs[i:j])) && (n > 14 || s.context(gs[i].from) != aboutCode) {
				s.judge(gs[:i])
				s.hideAs(gs[i].from, gs[j-1].to, inbox.Card, hintCard, s.digits(gs[i:j]))
				return s.cards(gs[j:])
			}
		}
	}
	return gs
}

// apart hides cards in their printed groups with more between those than a telephone number has: "4111, 1111, …".
func (s *scanner) apart(gs []group) {
	for i := 0; i+2 < len(gs); i++ {
		if gs[i].used {
			continue
		}
		if gs[i].to-gs[i].from != 4 {
			i = s.apartEvenly(gs, i)
			continue
		}
		n := 4
		for j := i + 1; j < len(gs) && j < i+5; j++ {
			between := s.b[gs[j-1].to:gs[j].from]
			if gs[j].used || gs[j].carved && gs[j].to-gs[j].from != 4 || len(between) > 3 || hasWord(between) {
				break
			}
			size := gs[j].to - gs[j].from
			n += size
			last := j == len(gs)-1 || n >= 13
			if amex := j == i+1 && size == 6 || j == i+2 && size <= 5 && gs[i+1].to-gs[i+1].from == 6; size != 4 && !amex && !last {
				break
			}
			if n > 19 {
				break
			}
			if n >= 14 && paymentCard(s.digits(gs[i:j+1])) {
				s.hideAs(gs[i].from, gs[j].to, inbox.Card, hintCard, s.digits(gs[i:j+1]))
				use(gs, gs[i].from, gs[j].to)
				break
			}
		}
	}
}

// apartEvenly hides a card written in equal short groups from i on and returns the last group it dealt with.
func (s *scanner) apartEvenly(gs []group, i int) int {
	size := gs[i].to - gs[i].from
	if size > 3 || s.b[gs[i].from] == '0' || i > 0 && gs[i-1].to-gs[i-1].from == size && s.joined(gs[i-1], gs[i]) {
		return i
	}
	j, n := i+1, size
	gap := func(j int) []byte { return s.b[gs[j-1].to:gs[j].from] }
	for j < len(gs) && bytes.Equal(gap(j), gap(i+1)) && !gs[j].used && gs[j].to-gs[j].from <= size+1 && gs[j].from-gs[j-1].to <= 3 && !hasWord(s.b[gs[j-1].to:gs[j].from]) && n < 19 {
		n += gs[j].to - gs[j].from
		j++
		if n >= 15 && n <= 19 && (j == len(gs) || gs[j].to-gs[j].from != size || !bytes.Equal(gap(j), gap(i+1)) || n == 16) {
			if digits := s.digits(gs[i:j]); paymentCard(digits) {
				s.hideAs(gs[i].from, gs[j-1].to, inbox.Card, hintCard, digits)
				use(gs, gs[i].from, gs[j-1].to)
				return j - 1
			}
		}
	}
	return i
}

// cardLike reports whether the groups are as people write them off a card; a phone number in pairs is not.
func cardLike(gs []group) bool {
	for _, g := range gs {
		if g.carved && g.to-g.from != 4 {
			return false // of a date, of coordinates
		}
	}
	if count(gs) > 16 { // longer ones are printed in fours
		for _, g := range gs[:len(gs)-1] {
			if g.to-g.from != 4 {
				return false
			}
		}
	}
	for _, g := range gs[:len(gs)-1] {
		if g.to-g.from < 3 {
			return false
		}
	}
	return true
}

// judge decides about a number without plus or 00.
func (s *scanner) judge(gs []group) {
	n := count(gs)
	if n < 5 {
		return
	}
	digits := s.digits(gs)
	from, to := gs[0].from, gs[len(gs)-1].to
	what := s.context(from)
	if what != aboutPhone && n < 7 {
		return
	}
	if what != aboutPhone && (s.money(gs, n) || s.measured(gs, n)) {
		return
	}
	trunk := digits[0] == '0'
	switch {
	case n > maxE164 && !(what == aboutCode && paymentCard(digits)):
		if what != aboutCode {
			s.hide(from, to, inbox.Digits, hintDigits)
		}
	case what == aboutCode && n >= 15 && paymentCard(digits):
		s.hideAs(from, to, inbox.Card, hintCard, digits)
	case what == aboutCode:
		if trunk && n >= 10 && !s.serial(from) && s.valid(digits) {
			s.national(from, to, digits)
		}
	case what == aboutPhone && n >= 7, trunk && n >= 9, n >= 10:
		s.national(from, to, digits)
	case n < 7:
		if s.valid(digits) {
			s.national(from, to, digits)
		}
	default: // 7 to 9 digits: a number only where people dial it like that
		if s.dialled(digits) {
			s.national(from, to, digits)
		}
	}
}

// national hides a number written without plus, and finds out which one it is if it can.
func (s *scanner) national(from, to int, digits string) {
	from, to = s.widen(from, to)
	if to < len(s.b) && s.b[to] == ']' && bytes.IndexByte(s.b[from:to], '[') >= 0 {
		to++
	}
	if to < len(s.b) && s.b[to] == ')' && bytes.IndexByte(s.b[from:to], '(') > 0 {
		to++
	}
	if number := s.e164(digits); number != "" {
		s.phone(from, to, number)
		return
	}
	kind, hint := inbox.Digits, hintDigits
	if digits[0] == '0' && len(digits) <= maxE164 {
		kind, hint = inbox.Phone, s.policy.phoneHint(digits, "")
	}
	s.hide(from, to, kind, hint)
}

// maxLookups bounds how often one pass asks the phone number library, which takes tens of microseconds a time. A text
// with more candidates than this is a list of them; what cannot be looked up any more is taken for a number.
const maxLookups = 16

// regions returns where the contact and the company are at home.
func (s *scanner) regions() []string {
	if s.home != nil {
		return s.home
	}
	s.home = make([]string, 0, 4)
	add := func(r string) {
		if r != "" && !slices.Contains(s.home, r) {
			s.home = append(s.home, r)
		}
	}
	add(s.known.Region)
	for _, numbers := range [][]string{s.known.Phones, s.known.Company} {
		for _, p := range numbers {
			if !strings.Contains(p, "@") {
				add(mainRegion(callingCode(digitsOf(p))))
			}
		}
	}
	return s.home
}

// look asks the library for a number dialled in a region, or with its calling code if region is "".
func (s *scanner) look(digits, region string) (*phonenumbers.PhoneNumber, bool) {
	s.lookups++
	if region == "" {
		digits = "+" + digits
	}
	n, err := phonenumbers.Parse(digits, region)
	return n, err == nil && phonenumbers.IsValidNumber(n)
}

// e164 returns the E.164 digits of a number dialled as it is written in one of the regions, or with a calling code
// that lacks its plus; "" when it is none.
func (s *scanner) e164(digits string) string {
	if s.lookups >= maxLookups {
		return ""
	}
	for _, r := range s.regions() {
		if n, ok := s.look(digits, r); ok {
			return phonenumbers.Format(n, phonenumbers.E164)[1:]
		}
	}
	if digits[0] != '0' && len(digits) >= 10 && len(digits) <= maxE164 && callingCode(digits) != "" {
		if _, ok := s.look(digits, ""); ok {
			return digits
		}
	}
	return ""
}

func (s *scanner) valid(digits string) bool {
	if s.lookups >= maxLookups {
		return true
	}
	for _, r := range s.regions() {
		if _, ok := s.look(digits, r); ok {
			return true
		}
	}
	return false
}

// dialled reports whether people in one of the regions dial exactly these digits, or put them behind a plus: where a
// zero leads, a short number without it is an article's rather than a person's.
func (s *scanner) dialled(digits string) bool {
	if s.lookups >= maxLookups {
		return true
	}
	for _, r := range s.regions() {
		n, ok := s.look(digits, r)
		if ok && digitsOf(phonenumbers.Format(n, phonenumbers.NATIONAL)) == digits {
			return true
		}
		if strings.HasPrefix(digits, strconv.Itoa(phonenumbers.GetCountryCodeForRegion(r))) {
			if _, ok := s.look(digits, ""); ok {
				return true
			}
		}
	}
	return false
}
