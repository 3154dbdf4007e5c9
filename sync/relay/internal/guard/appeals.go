package guard

import (
	"math/bits"
	"slices"
)

// scoresBy are the rows by the signs they hang on.
var scoresBy = func() (by [64][]int) {
	for n, s := range scores {
		for m := uint64(s.all[0]); m != 0; m &= m - 1 {
			by[bits.TrailingZeros64(m)] = append(by[bits.TrailingZeros64(m)], n)
		}
	}
	return by
}()

// talk is a text as its signs are added up.
type talk struct {
	t     *text
	signs []sign
}

// appeals finds what draws a customer away by what is spoken of, however the sentence is built, and returns which clauses
// ask to go on here.
func (j *judge) appeals(part int, t *text) (here func(sentence) bool) {
	k := talk{t, t.signs()}
	for i := range t.words {
		if w := t.b[t.words[i].from:t.words[i].to]; k.signs[i] == 0 && len(j.brands) > 0 && slices.Contains(j.brands, string(w)) {
			k.signs[i] = sFirm
			if i > 0 && departures[t.str(i-1)] {
				k.signs[i-1] |= sLeave // "I have left" leaves many things
			}
		}
	}
	n := 0
	if len(t.words) > 0 {
		n = int(t.words[len(t.words)-1].clause) + 1
	}
	var all sign
	for _, s := range k.signs {
		all |= s
	}
	k.own(all)
	var stays []int32 // the clauses that go on here
	for i := range k.signs {
		if k.signs[i]&sHere != 0 && k.stays(i) {
			k.signs[i] |= sDesk
			stays = append(stays, t.words[i].clause)
		}
	}
	here = func(s sentence) bool { return slices.Contains(stays, t.words[s.lo].clause) }
	var before worths
	for c, lo := 0, 0; c < n; c++ {
		hi := lo
		for hi < len(t.words) && int(t.words[hi].clause) == c {
			hi++
		}
		worth := k.clause(lo, hi)
		if hi-lo > 0 {
			if sum := before.plus(worth); sum.worth >= enough && worth.worth > 0 {
				from, to := t.span(sum.from, sum.to)
				j.add(Finding{Rule: Diversion, Why: sum.why, Part: part, From: from, To: to})
				return here
			}
			before = worth
		}
		lo = hi
	}
	return here
}

// departures are verbs that mean leaving a job before a company's name.
var departures = set(`left leave leaving quit quitting lascio lasciato lasciare verlasse verlassen`)

// months are what stands before the name of one in German.
var months = set(`im ab seit bis ende anfang mitte zum vom`)

// worths is what a clause is worth.
type worths struct {
	worth, best, from, to int
	why                   Why
	rows                  [4]uint64
}

// plus adds what two clauses are worth. A row counts once.
func (a worths) plus(b worths) worths {
	switch {
	case a.worth == 0:
		return b
	case b.worth == 0:
		return a
	}
	sum := b
	for n := range scores {
		if a.rows[n/64]>>(n%64)&1 == 1 && b.rows[n/64]>>(n%64)&1 == 0 {
			sum.worth += scores[n].worth
		}
	}
	sum.from = a.from
	if a.best > b.best {
		sum.why = a.why
	}
	return sum
}

// own takes the private sign from what is the customer's, or a lawful expression.
func (k talk) own(all sign) {
	for i := range k.signs {
		s := k.signs[i]
		w := &k.t.words[i]
		if s&sApp != 0 && w.is&app == 0 && !(i > 0 && (k.t.words[i-1].is&on != 0 || k.signs[i-1]&sHave != 0)) &&
			!(k.t.capital(i) && (i > 1 && k.signs[i-2]&sHave != 0 || k.near(i, max(0, i-3), min(len(k.signs), i+4), 3, sBetter) >= 0)) {
			k.signs[i] &^= sApp // a signal lamp
		}
		if s&sNoBill != 0 {
			k.signs[i] &^= sNot // "no invoice" denies nothing
		}
		switch string(k.t.b[w.from:w.to]) {
		case "mai": // the month, not "never"
			if i > 0 && (k.t.capital(i) || months[k.t.str(i-1)]) {
				k.signs[i] &^= sNot
			}
		case "me":
			if w.from > 0 && k.t.b[w.from-1] == '.' {
				k.signs[i] = 0 // of a link
			}
		}
		if s&sOut != 0 {
			k.signs[i] &^= sCash // a bar, not "in bar"
			if i+2 >= len(k.signs) || (k.signs[i+1]|k.signs[i+2])&sFirm == 0 {
				k.signs[i] &^= sAround // round the corner
			}
		}
		if s&sLeave != 0 && s&sI == 0 && k.others(i) {
			k.signs[i] &^= sLeave
		}
		if s&sSecretly != 0 && i > 0 && thirdPerson[k.t.str(i-1)] {
			k.signs[i] &^= sSecretly | sPrivate
		}
		if s&sHome != 0 && k.theirs(i) {
			k.signs[i] &^= sHome
		}
		if s&sBiz != 0 {
			for n := max(0, i-3); n < i; n++ { // "my own workshop", "meine eigene Werkstatt"
				if k.signs[n]&sOther != 0 && n > 0 && k.signs[n-1]&sMy != 0 {
					k.signs[i] |= sRival
				}
			}
		}
		if s&sUs != 0 && i > 0 && (k.t.str(i-1) == "lass" || k.t.str(i-1) == "lassen" || k.t.str(i-1) == "let") {
			k.signs[i] &^= sUs // "lass uns" is the two who talk
		}
		if all&sMy != 0 && all&sWay != 0 && isDigit(k.t.b[w.from]) && k.run(i) >= 6 {
			k.signs[i] |= sDigits
		}
		if s&sCome != 0 {
			for n := max(0, i-2); n < min(len(k.signs), i+4); n++ {
				if k.signs[n]&(sMe|sToMe) != 0 && k.t.words[n].clause == w.clause {
					k.signs[i] |= sFollow
				}
			}
		}
		if s&(sPrivate|sSecretly|sOther|sWay) == 0 {
			continue
		}
		for n := max(0, i-2); n < i; n++ {
			if k.signs[n]&(sYour|sUs) != 0 && k.signs[n]&(sMy|sSecretly|sContact) == 0 && !k.verb(n) {
				k.signs[i] &^= sPrivate | sOther | sWay
			}
		}
		if s&(sPrivate|sSecretly) != 0 && i+1 < len(k.signs) && k.signs[i+1]&sQuiet != 0 && k.t.words[i+1].clause == k.t.words[i].clause && k.signs[i+1]&sContact == 0 {
			k.signs[i] &^= sPrivate | sSecretly | sWay
			k.signs[i+1] &^= sPrivate | sSecretly
			if i > 0 {
				k.signs[i-1] &^= sPrivate | sWay // "my personal"
			}
		}
	}
}

// stays reports whether word i is the "here" of "let's go on here, please": what is said goes on where it is.
func (k talk) stays(i int) bool {
	s := sentence{t: k.t, lo: 0, hi: len(k.t.words)}
	verb := -1
	for n := max(0, i-2); n < min(len(k.signs), i+3); n++ {
		if n != i && k.t.words[n].piece == k.t.words[i].piece && (k.signs[n]&(sContact|sTalk) != 0 || s.is(n, reach|move)) {
			verb = n
		}
	}
	if verb < 0 {
		return false
	}
	for n := max(0, i-8); n < i; n++ {
		if k.signs[n]&sApp != 0 && k.t.words[n].piece == k.t.words[i].piece {
			return false // "Telegram is better than writing here"
		}
	}
	for n := max(0, i-5); n < min(len(k.signs), i+3); n++ {
		if w := k.t.words[n]; w.piece == k.t.words[i].piece && (n < i && (k.signs[n]&sNot != 0 || s.is(n, not)) || k.signs[n]&(sWatch|sElse) != 0) {
			return false
		}
	}
	return true
}

// theirs reports whether a home is the customer's: "when you are at home", "zu Ihnen nach Hause", "a casa sua".
func (k talk) theirs(i int) bool {
	if i+1 < len(k.signs) && k.signs[i+1]&sYour != 0 {
		return true
	}
	for n := i - 1; n >= max(0, i-5); n-- {
		switch {
		case k.signs[n]&(sMe|sMy|sI|sToMe) != 0:
			return false
		case k.signs[n]&sYour != 0 || k.t.words[n].is&you != 0:
			return true
		}
	}
	return false
}

// others reports whether somebody else than the writer leaves: "we are leaving the old building", "she has left".
func (k talk) others(i int) bool {
	for n := max(0, i-6); n < i; n++ {
		if k.t.words[n].piece != k.t.words[i].piece {
			continue
		}
		switch k.t.str(n) {
		case "we", "wir", "noi", "abbiamo", "siamo", "has", "hat", "ha", "he", "she", "er", "lei", "lui":
			return true
		}
	}
	return false
}

// thirdPerson are sales that are somebody else's.
var thirdPerson = set(`verkauft sells vende sold it`)

// run returns how many digits stand together from word i on.
func (k talk) run(i int) (n int) {
	for ; i < len(k.t.words); i++ {
		w := k.t.words[i]
		for _, c := range k.t.b[w.from:w.to] {
			if !isDigit(c) {
				return n
			}
			n++
		}
		if n > 16 || i+1 < len(k.t.words) && !joins(k.t.b[w.to:k.t.words[i+1].from]) {
			break
		}
	}
	return n
}

// verb reports whether word n only looks like a possessive: "Ihr" that greets, "uns" behind "lass".
func (k talk) verb(n int) bool { return n > 0 && k.signs[n-1]&sTalk != 0 }

// clause adds up what the words from lo to hi are worth.
func (k talk) clause(lo, hi int) (sum worths) {
	sum.from, sum.to = hi, lo
	var all sign
	for _, s := range k.signs[lo:hi] {
		all |= s
	}
	for i := lo; i < hi; i++ {
		for m := uint64(k.signs[i]); m != 0; m &= m - 1 {
		rows:
			for _, n := range scoresBy[bits.TrailingZeros64(m)] {
				if sum.rows[n/64]>>(n%64)&1 == 1 {
					continue
				}
				row := &scores[n]
				if all&row.spoilt != 0 {
					continue
				}
				for _, need := range row.all[1:] {
					if all&need == 0 {
						continue rows
					}
				}
				from, to := i, i
				var bound [4]int // words that deny or leave out, and what: sAround, sFirm, sNot, sHere
				for m, need := range row.all {
					at := i
					if m > 0 {
						at = k.near(i, lo, hi, row.span, need)
					}
					switch {
					case at < 0:
						continue rows
					case need == sAround:
						bound[0] = at + 1
					case need == sFirm:
						bound[1] = at + 1
					case need == sNot:
						bound[2] = at + 1
					case need == sHere:
						bound[3] = at + 1
					}
					from, to = min(from, at), max(to, at)
				}
				if k.apart(bound[0], bound[1]) || k.apart(bound[2], bound[3]) {
					continue
				}
				if !row.opened && k.denied(lo, hi, from, to, row.why) {
					continue
				}
				sum.rows[n/64] |= 1 << (n % 64)
				sum.worth += row.worth
				sum.from, sum.to = min(sum.from, from), max(sum.to, to)
				if row.worth > sum.best {
					sum.best, sum.why = row.worth, row.why
				}
			}
		}
	}
	return sum
}

// apart reports whether a comma stands between two words, which are counted from one: "not there, but here".
func (k talk) apart(a, b int) bool {
	return a > 0 && b > 0 && k.t.words[a-1].piece != k.t.words[b-1].piece
}

// near returns the word nearest to i that has one of the signs, itself included, -1 if none is within span.
func (k talk) near(i, lo, hi, span int, need sign) int {
	for d := 0; d <= span; d++ {
		if i+d < hi && k.signs[i+d]&need != 0 {
			return i + d
		}
		if i-d >= lo && k.signs[i-d]&need != 0 {
			return i - d
		}
	}
	return -1
}

// denied reports whether what stands in words from to to is denied: up to three words before, within, or behind where
// German puts its "nicht".
func (k talk) denied(lo, hi, from, to int, why Why) bool {
	before := 5
	if why == WhyBypass || why == WhyPayee { // "don't order here, I get it for you"
		before = 2
	}
	for n := max(lo, from-before); n < min(hi, to+5); n++ {
		if k.signs[n]&sNot == 0 && (k.signs[n]&sNobody == 0 || n >= from) {
			continue
		}
		if k.signs[n]&(sNoBill|sAround|sHush|sElse) != 0 {
			continue // a denial that makes the sign denies nothing
		}
		if p := k.t.words[n].piece; p != k.t.words[from].piece && p != k.t.words[to].piece {
			continue
		}
		if n > to && !follows(k.t.str(n)) {
			continue
		}
		return true
	}
	return false
}
