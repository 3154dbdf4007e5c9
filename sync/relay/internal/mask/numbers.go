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
}

// numbers hides payment cards and phone numbers, and long numbers nobody can say are harmless.
func (s *scanner) numbers() {
	var space [24]group
	gs := s.groups(space[:0])
	if len(gs) == 0 {
		return
	}
	s.carve(gs)
	s.knownNumbers(gs)
	s.international(gs)
	for i := 0; i < len(gs); {
		if gs[i].used {
			i++
			continue
		}
		j := i + 1
		n := gs[i].to - gs[i].from
		for j < len(gs) && !gs[j].used && s.joined(gs[j-1], gs[j]) {
			if n >= 7 && bytes.IndexByte(s.b[gs[j-1].to:gs[j].from], '\n') >= 0 {
				break // a list of numbers, one a line
			}
			n += gs[j].to - gs[j].from
			j++
		}
		s.cluster(gs[i:j])
		i = j
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
		case c == '(' || c == ')':
			n-- // a bracket says that the number goes on
		case strings.IndexByte(" -./_|~\\*\n\t", c) < 0:
			return false
		}
	}
	return n <= 3
}

// knownNumbers hides the contact's own numbers, whatever stands between the digits: it looks for their last eight
// digits in the text's digits alone. The company's numbers are looked for the same way and shown.
func (s *scanner) knownNumbers(gs []group) {
	if len(s.known.Phones)+len(s.known.Company) == 0 {
		return
	}
	var buf [96]byte
	stream := buf[:0]
	for _, g := range gs {
		if !g.used {
			stream = append(stream, s.b[g.from:g.to]...)
		}
	}
	if !holdsKnown(stream, s.known) {
		return
	}
	place := make([]int, 0, len(stream)) // of each digit, as an index into s.b
	for _, g := range gs {
		for i := g.from; i < g.to && !g.used; i++ {
			place = append(place, i)
		}
	}
	mark := func(number string, ours bool) {
		number = digitsOf(number)
		if len(number) < 7 {
			return
		}
		suffix := tail(number)
		for from := 0; ; {
			i := bytes.Index(stream[from:], []byte(suffix))
			if i < 0 {
				return
			}
			i += from
			end := i + len(suffix)
			from = end
			for n := len(number) - len(suffix); n > 0 && i > 0 && stream[i-1] == number[n-1]; n-- {
				i--
			}
			for i > 0 && stream[i-1] == '0' && place[i]-place[i-1] <= 12 && !hasWord(s.b[place[i-1]+1:place[i]]) { // trunk prefix, 00
				i--
			}
			// What stands before it, prefix, area or country, goes with it as far as it could be one number.
			for i > 0 && end-i < maxE164+2 && place[i]-place[i-1] <= 4 && s.near(gs, place[i-1], place[i]) {
				i--
			}
			if ours {
				s.company(gs, place[i], place[end-1]+1, number)
			} else {
				s.own(gs, place[i:end], number)
			}
		}
	}
	for _, c := range s.known.Company {
		if !strings.Contains(c, "@") {
			mark(c, true)
		}
	}
	for _, p := range s.known.Phones {
		mark(p, false)
	}
}

// near reports whether the neighbouring digits at a and b may belong to one number.
func (s *scanner) near(gs []group, a, b int) bool {
	for i := range gs {
		if gs[i].to == a+1 {
			return !gs[i].carved && s.joined(gs[i], group{from: b})
		}
	}
	return true // in one group
}

// own hides the digits at the places, in as few pieces as the words between them allow.
func (s *scanner) own(gs []group, places []int, number string) {
	hint := s.policy.phoneHint(number, callingCode(number))
	for i := 0; i < len(places); {
		j := i + 1
		for j < len(places) && places[j]-places[j-1] <= 12 && !hasWord(s.b[places[j-1]+1:places[j]]) {
			j++
		}
		from, to := s.widen(places[i], places[j-1]+1)
		if !s.free(from, to) {
			return
		}
		s.hide(from, to, inbox.Phone, hint)
		hint = hintDigits
		use(gs, from, to)
		i = j
	}
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

// widen takes in what belongs to a number although it is no digit: a plus, brackets, "tel:".
func (s *scanner) widen(from, to int) (int, int) {
	b := s.b
	for from > 0 && (b[from-1] == '+' || b[from-1] == '(' && bytes.IndexByte(b[from:to], ')') >= 0) {
		from--
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
			from--
		case b[g.from] == '0' && g.to-g.from > 1 && b[g.from+1] == '0' && (g.to-g.from <= maxE164+2):
			from, skip = g.from, 2
		default:
			continue
		}
		j, n := i, -skip
		for j < len(gs) && !gs[j].used {
			size := gs[j].to - gs[j].from
			if j > i {
				if !s.joined(gs[j-1], gs[j]) || n+size > maxE164 || n >= 10 && gs[j].carved {
					break
				}
				if n >= 10 && size >= 3 && b[gs[j].from] == '0' || n >= 7 && bytes.IndexByte(b[gs[j-1].to:gs[j].from], '\n') >= 0 {
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

// phone hides a number whose E.164 digits are known.
func (s *scanner) phone(from, to int, number string) {
	s.hide(from, to, inbox.Phone, s.policy.phoneHint(number, callingCode(number)))
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
		if carved == len(gs) || s.b[gs[0].from] != '0' || !s.valid(s.digits(gs)) {
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
		for j := i + 1; j <= len(gs); j++ {
			n := count(gs[i:j])
			if n > 19 {
				break
			}
			if n >= 13 && paymentCard(s.digits(gs[i:j])) && (j == i+1 || cardLike(gs[i:j])) {
				s.judge(gs[:i])
				s.hide(gs[i].from, gs[j-1].to, inbox.Card, hintCard)
				return s.cards(gs[j:])
			}
		}
	}
	return gs
}

// cardLike reports whether the groups are as people write them off a card; a phone number in pairs is not.
func cardLike(gs []group) bool {
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
	case n > maxE164:
		if what != aboutCode {
			s.hide(from, to, inbox.Digits, hintDigits)
		}
	case what == aboutCode:
		if trunk && n >= 10 && s.valid(digits) {
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
