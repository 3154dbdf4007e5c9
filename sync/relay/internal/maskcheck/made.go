package maskcheck

import (
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// A maker makes the cases of one corpus from a seed.
type maker struct {
	*rand.Rand
	set   string
	n     int
	yield func(Case) bool
	done  bool
	homes []string
}

// A set is a named part of a corpus: it makes the cases of one class or of some that belong together.
type set struct {
	name string
	size int // of the full corpus
	make func(m *maker, n int)
}

// corpus yields the sets, each scaled by a factor, each from its own seed so that one does not move the others.
func corpus(name string, seed uint64, scale float64, sets []set) iter.Seq[Case] {
	return func(yield func(Case) bool) {
		for i, s := range sets {
			m := &maker{Rand: rand.New(rand.NewPCG(seed, uint64(i+1))), set: name + "-" + s.name, yield: yield, homes: regions()}
			s.make(m, max(1, int(float64(s.size)*scale)))
			if m.done {
				return
			}
		}
	}
}

func (m *maker) put(c Case) {
	if m.done {
		return
	}
	m.n++
	c.ID = fmt.Sprintf("%s-%06d", m.set, m.n)
	m.done = !m.yield(c)
}

// one returns one of the words, any of them.
func one[T any](m *maker, of ...T) T { return of[m.IntN(len(of))] }

// digits returns n digits, the first not a zero.
func (m *maker) digits(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('0' + m.IntN(10))
	}
	if n > 0 && b[0] == '0' {
		b[0] = byte('1' + m.IntN(9))
	}
	return string(b)
}

func (m *maker) between(lo, hi int) int { return lo + m.IntN(hi-lo+1) }

func (m *maker) num(lo, hi int) string { return strconv.Itoa(m.between(lo, hi)) }

// regions are all that the numbering plans know, in the order of their names.
func regions() []string { return slices.Sorted(maps.Keys(phonenumbers.GetSupportedRegions())) }

// A number is a telephone number with the forms its country writes it in.
type number struct {
	region    string
	e164      string // digits
	inter     string // "+49 151 55501234"
	national  string // "0151 55501234"
	code      string
	subscribe string // the digits behind the calling code
}

// number makes a valid number of a region: a mobile one mostly, its last digits by chance.
func (m *maker) number(region string) (number, bool) {
	kind := phonenumbers.MOBILE
	if m.IntN(3) == 0 {
		kind = phonenumbers.FIXED_LINE
	}
	n := phonenumbers.GetExampleNumberForType(region, kind)
	if n == nil || n.GetNationalNumber() == 0 {
		if n = phonenumbers.GetExampleNumber(region); n == nil || n.GetNationalNumber() == 0 {
			return number{}, false
		}
	}
	base := phonenumbers.GetNationalSignificantNumber(n)
	for try := range 8 {
		keep := max(len(base)-6+try/2, 2)
		digits := base
		if try < 7 && keep < len(base) {
			digits = base[:keep] + m.tail(len(base)-keep)
		}
		p, err := phonenumbers.Parse("+"+strconv.Itoa(int(n.GetCountryCode()))+digits, "")
		if err != nil || !phonenumbers.IsValidNumberForRegion(p, region) {
			continue
		}
		code := strconv.Itoa(int(n.GetCountryCode()))
		return number{region: region, e164: phonenumbers.Format(p, phonenumbers.E164)[1:], code: code,
			inter: phonenumbers.Format(p, phonenumbers.INTERNATIONAL), national: phonenumbers.Format(p, phonenumbers.NATIONAL),
			subscribe: phonenumbers.GetNationalSignificantNumber(p)}, true
	}
	return number{}, false
}

func (m *maker) tail(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('0' + m.IntN(10))
	}
	return string(b)
}

// anyNumber makes a number of one of the regions that has seven digits at least at home.
func (m *maker) anyNumber(of ...string) number {
	for {
		region := one(m, m.homes...)
		if len(of) > 0 {
			region = one(m, of...)
		}
		if n, ok := m.number(region); ok && len(n.subscribe) >= 7 {
			return n
		}
	}
}

func only(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// grouped cuts digits into groups of the sizes, over and over, with sep between.
func grouped(digits, sep string, sizes ...int) string {
	var parts []string
	for i := 0; digits != ""; i++ {
		n := min(sizes[i%len(sizes)], len(digits))
		parts, digits = append(parts, digits[:n]), digits[n:]
	}
	if n := len(parts); n > 1 && len(parts[n-1]) == 1 {
		parts[n-2], parts = parts[n-2]+parts[n-1], parts[:n-1]
	}
	return strings.Join(parts, sep)
}

// script writes the ASCII digits of s in the script whose zero is given.
func script(s string, zero rune) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return zero + r - '0'
		}
		return r
	}, s)
}

// spread puts sep between all characters.
func spread(s, sep string) string { return strings.Join(strings.Split(s, ""), sep) }

// luhn returns digits with their check digit.
func luhn(digits string) string {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return digits + strconv.Itoa((10-sum%10)%10)
}

// iban returns the account of a country with its check digits. bban is made of n digits and a letters.
func iban(country, bban string) string {
	rest := 0
	for _, r := range bban + country + "00" {
		if r >= 'A' {
			rest = (rest*100 + int(r-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(r-'0')) % 97
		}
	}
	return fmt.Sprintf("%s%02d%s", country, 98-rest, bban)
}

// fill puts s where the frame has its sign, and returns what stands around it as things to keep.
func fill(frame, s string) (text string, keep []string) {
	before, after, _ := strings.Cut(frame, "%")
	for _, k := range []string{strings.TrimSpace(before), strings.TrimSpace(after)} {
		if len(k) > 2 {
			keep = append(keep, k)
		}
	}
	return before + s + after, keep
}
