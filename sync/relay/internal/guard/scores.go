package guard

import (
	"math/bits"
	"slices"
)

// A score is what signs are worth when they come together. No single row of the table need be enough: what the rows say
// about a sentence and the one after it is added up, and enough is enough.
type score struct {
	all    []sign // each must be met by a word; the first is what the row hangs on
	span   int    // words between the first and any other
	worth  int
	why    Why
	opened bool // a denial does not excuse it, because denying is part of it
	spoilt sign // what makes the row mean nothing when the clause has it
	reason string
}

// enough is what a lure is worth: rows of 100 are lures by themselves, 60 says something is odd, 30 to 40 that it goes the
// same way. The weights were set on the sets of sentences in the tests.
const enough = 100

var scores = []score{
	// Private ways to be reached.
	{[]sign{sContact, sMe, sPrivate | sSecretly}, 8, 100, WhyPrivate, false, 0, "who wants to be written to privately leaves the company's channel"},
	{[]sign{sMy, sPrivate, sWay}, 4, 80, WhyPrivate, false, 0, "a private number is named; naming alone may be small talk"},
	{[]sign{sPrivate, sWay, sMy, sContact | sGive | sKeep | sBetter | sTalk}, 8, 60, WhyPrivate, false, 0, "and is offered"},
	{[]sign{sPrivate, sWay, sI, sGive | sHave}, 6, 80, WhyPrivate, false, 0, "I have a private number"},
	{[]sign{sPrivate, sWay, sContact, sMe}, 8, 100, WhyPrivate, false, 0, "call me on a private number"},
	{[]sign{sPrivate, sWay, sBetter | sContact | sKeep}, 6, 30, WhyPrivate, false, 0, "and the customer may use it"},
	{[]sign{sPrivate, sWay, sCustomer}, 9, 30, WhyPrivate, false, 0, "for good customers"},
	{[]sign{sOther, sWay, sCustomer}, 9, 40, WhyPrivate, false, 0, "for good customers"},
	{[]sign{sMy, sWay, sDigits}, 6, 100, WhyNumber, false, 0, "my number is, however the digits are grouped"},
	{[]sign{sMy, sOther, sWay}, 3, 60, WhyPrivate, false, 0, "another number of the writer's own"},
	{[]sign{sI, sHave, sOther, sWay}, 5, 60, WhyPrivate, false, 0, "a second number"},
	{[]sign{sOther, sWay, sMe | sI, sContact | sCustomer | sBetter}, 10, 50, WhyPrivate, false, 0, "that the customer should use"},
	{[]sign{sMy, sOther, sWay, sContact | sGive | sKeep | sTalk}, 8, 50, WhyPrivate, false, 0, "and is offered"},
	{[]sign{sMy, sWay, sKeep}, 5, 60, WhyPrivate, false, 0, "to save the writer's number"},
	{[]sign{sKeep | sDelete, sMy, sWay, sLeave | sIf}, 8, 60, WhyPrivate, false, 0, "for when he is gone"},
	{[]sign{sContact, sMe, sHome}, 7, 100, WhyPrivate, false, 0, "nobody works for the company at home"},
	{[]sign{sContact, sMe, sSide}, 8, 100, WhyPrivate, false, 0, "nor in his spare time"},
	{[]sign{sContact, sMe, sElse}, 7, 100, WhyApp, false, 0, "away from here"},
	{[]sign{sMeet, sMe | sToMe | sMy, sHome}, 8, 100, WhyPrivate, false, 0, "come to my home"},

	// Somewhere else.
	{[]sign{sTalk, sElse}, 8, 100, WhyApp, false, 0, "to talk elsewhere"},
	{[]sign{sTalk, sSecretly}, 7, 100, WhyPrivate, false, 0, "or in private"},
	{[]sign{sTalk, sPrivate, sSecretly}, 6, 40, WhyPrivate, false, 0, "or in private"},
	{[]sign{sTalk | sLets, sApp}, 7, 100, WhyApp, false, sUs, "to talk on another app"},
	{[]sign{sContact, sMe, sApp}, 7, 100, WhyApp, false, 0, "to be written to there"},
	{[]sign{sContact, sApp}, 5, 70, WhyApp, false, sUs, "to write on another app"},
	{[]sign{sApp, sBetter, sHere}, 8, 60, WhyApp, false, sUs, "than here"},
	{[]sign{sBetter, sApp}, 5, 40, WhyApp, false, sUs, "rather"},
	{[]sign{sI, sContact}, 4, 10, WhyApp, false, 0, "the writer will be in contact"},
	{[]sign{sHave, sYour, sApp}, 5, 50, WhyApp, false, sUs, "what is the customer called there?"},
	{[]sign{sI, sContact, sApp}, 8, 90, WhyApp, false, 0, "to write to the customer there"},
	{[]sign{sHave, sApp}, 3, 50, WhyApp, false, 0, "does the customer have it?"},
	{[]sign{sApp, sThere, sI | sMe}, 14, 30, WhyApp, false, 0, "because the writer is there"},
	{[]sign{sThere, sMe | sI | sTalk, sContact | sTalk | sBetter}, 8, 30, WhyApp, false, 0, "and easier to reach"},
	{[]sign{sI, sContact, sThere}, 6, 40, WhyApp, false, 0, "and will write there"},
	{[]sign{sHave, sElse}, 5, 50, WhyApp, false, 0, "another way to talk?"},
	{[]sign{sHave, sOther, sWay}, 5, 40, WhyApp, false, 0, "another way to talk?"},
	{[]sign{sWatch, sHere | sFirm}, 6, 60, WhyApp, false, 0, "who warns that others read wants to say what they must not"},
	{[]sign{sNot, sTalk | sContact, sFree}, 5, 60, WhyApp, true, 0, "cannot talk freely"},
	{[]sign{sFree, sHere}, 8, 20, WhyApp, true, 0, "here"},
	{[]sign{sWatch, sContact | sTalk}, 14, 30, WhyApp, false, 0, "and therefore"},

	// Leaving, and taking customers along.
	{[]sign{sLeave, sI | sMy, sFirm | sHere}, 7, 20, WhyBypass, true, 0, "the writer leaves; saying so may be honest"},
	{[]sign{sLeave, sI | sMy}, 5, 50, WhyBypass, true, 0, "the writer leaves"},
	{[]sign{sRival, sI | sMy, sWork | sMy}, 7, 60, WhyBypass, false, 0, "for somebody else"},
	{[]sign{sRival, sStart, sI | sMy}, 7, 60, WhyBypass, false, 0, "for himself"},
	{[]sign{sRival, sStart | sWork, sCheap | sFollow | sThere}, 14, 40, WhyBypass, false, 0, "where the customer shall come"},
	{[]sign{sRival, sMe | sThere | sFollow}, 12, 20, WhyBypass, false, 0, "and tells the customer"},
	{[]sign{sFollow}, 0, 50, WhyBypass, false, 0, "the customer shall come along"},
	{[]sign{sRival, sCheap}, 9, 40, WhyBypass, false, 0, "where it is cheaper"},
	{[]sign{sI, sRival, sCheap}, 14, 20, WhyBypass, false, 0, "the writer offers it"},
	{[]sign{sI, sFollow, sThere}, 8, 20, WhyBypass, false, 0, "there"},

	// Behind the company's back.
	{[]sign{sKnow, sMust, sNot, sFirm}, 8, 110, WhyBypass, true, 0, "what the company must not know"},
	{[]sign{sKnow, sNobody | sFirm, sMust | sNot}, 6, 50, WhyBypass, true, 0, "what nobody must know"},
	{[]sign{sKnow, sNobody, sMust, sHere}, 8, 50, WhyBypass, true, sYour, "nobody here must know"},
	{[]sign{sSecretly, sKnow, sFirm | sNobody}, 9, 50, WhyBypass, true, 0, "stays between us"},
	{[]sign{sDo, sSecretly}, 6, 100, WhyBypass, false, 0, "a private deal"},
	{[]sign{sDo, sSide, sLets}, 7, 20, WhyBypass, false, 0, "with the writer"},
	{[]sign{sDo, sSide, sI}, 7, 100, WhyBypass, false, 0, "work on the side"},
	{[]sign{sDo, sSide}, 6, 90, WhyBypass, false, 0, "work on the side"},
	{[]sign{sSide, sCheap}, 8, 50, WhyBypass, false, 0, "for less"},
	{[]sign{sDo, sAround, sFirm}, 10, 100, WhyBypass, true, 0, "without the company"},
	{[]sign{sAround, sFirm, sCheap | sKeep | sDirect}, 9, 60, WhyBypass, true, 0, "and save"},
	{[]sign{sAround, sFirm}, 4, 40, WhyBypass, true, 0, "without the company"},
	{[]sign{sMeet, sSide | sSecretly}, 6, 70, WhyBypass, false, 0, "to meet when no one is at work"},
	{[]sign{sMeet, sOut, sFirm}, 6, 70, WhyBypass, true, 0, "or out of sight"},
	{[]sign{sFirm, sNot, sMust}, 4, 30, WhyBypass, true, 0, "the company is not needed"},
	{[]sign{sSell, sI | sMy}, 6, 40, WhyBypass, false, 0, "to sell what is the writer's"},
	{[]sign{sDirect, sContact | sAsk, sMe}, 6, 50, WhyBypass, false, 0, "straight to the writer"},
	{[]sign{sDirect, sToMe}, 5, 60, WhyBypass, false, 0, "straight to the writer"},
	{[]sign{sBuy, sToMe}, 5, 80, WhyBypass, false, 0, "to buy from the writer"},
	{[]sign{sBuy, sToMe, sDirect | sCheap | sSecretly}, 8, 30, WhyBypass, false, 0, "for less"},
	{[]sign{sBuy, sNot | sCancel, sHere | sFirm}, 5, 60, WhyBypass, true, 0, "instead of here"},
	{[]sign{sCancel, sBuy, sToMe}, 14, 30, WhyBypass, true, 0, "instead of here"},
	{[]sign{sI, sSell, sCheap}, 7, 60, WhyBypass, false, 0, "the writer gets it for less"},
	{[]sign{sDelete, sSecretly}, 6, 70, WhyBypass, false, 0, "once it is read"},
	{[]sign{sDelete, sMessage}, 5, 30, WhyBypass, false, 0, "to leave no trace"},
	{[]sign{sDelete, sMy, sWay | sKeep}, 9, 70, WhyPrivate, false, 0, "of a number"},

	{[]sign{sKin, sMy, sCheap}, 8, 100, WhyBypass, false, 0, "a friend of the writer's is cheaper"},
	{[]sign{sKin, sMy, sDo | sSell | sBuy}, 5, 40, WhyBypass, false, 0, "or does it"},
	{[]sign{sKin, sMy, sContact | sAsk}, 6, 40, WhyBypass, false, 0, "and is to be asked"},
	{[]sign{sKin, sMy, sWay}, 5, 50, WhyBypass, false, 0, "his number"},
	{[]sign{sTell, sNot, sFirm | sNobody}, 3, 60, WhyBypass, true, sYour, "nobody is to be told"},

	{[]sign{sHush, sFirm}, 14, 100, WhyBypass, true, 0, "not a word to the company"},
	{[]sign{sHush}, 0, 50, WhyBypass, true, 0, "not a word"},
	{[]sign{sSee, sMust, sNot, sFirm}, 6, 110, WhyBypass, true, 0, "what the company must not see"},
	{[]sign{sFirm, sIf, sAsk}, 4, 60, WhyBypass, true, 0, "if the company asks"},
	{[]sign{sTell, sNot, sMe | sI | sUs | sLets}, 4, 50, WhyBypass, true, 0, "it was never said"},
	{[]sign{sTell, sNot, sIf, sFirm}, 12, 40, WhyBypass, true, 0, "if the company asks, it was never said"},
	{[]sign{sTalk, sAround, sFirm}, 7, 100, WhyBypass, true, 0, "to talk without the company"},
	{[]sign{sTalk, sPrivate, sWay}, 8, 100, WhyPrivate, false, 0, "to talk on a private line"},
	{[]sign{sTalk, sNot, sHere}, 6, 60, WhyApp, true, 0, "not here"},
	{[]sign{sTalk, sNot, sHere, sBetter}, 8, 40, WhyApp, true, 0, "rather not here"},
	{[]sign{sSide, sCheap, sMy | sMe | sToMe}, 8, 50, WhyBypass, false, 0, "at the writer's own place"},
	{[]sign{sHome, sCheap, sI | sMy | sToMe}, 8, 80, WhyBypass, false, 0, "at the writer's home for less"},
	{[]sign{sHome, sCheap, sSecretly}, 12, 40, WhyBypass, false, 0, "between the two of us"},
	{[]sign{sSell, sSecretly, sI | sMy}, 8, 100, WhyBypass, false, 0, "to sell privately"},
	{[]sign{sDelete, sMessage, sWatch | sFirm}, 14, 70, WhyBypass, false, 0, "because the company reads it"},
	{[]sign{sDelete, sWatch}, 14, 50, WhyBypass, false, 0, "because others read it"},
	{[]sign{sGive | sPay, sMy, sAccount}, 6, 100, WhyPayee, false, 0, "to the writer's account"},
	{[]sign{sPay, sMe | sToMe, sNoBill}, 14, 60, WhyPayee, true, 0, "off the books"},

	// Money.
	{[]sign{sPay, sMe | sToMe, sCash}, 8, 90, WhyPayee, false, 0, "cash to the writer"},
	{[]sign{sPay, sMe | sToMe, sCheap}, 9, 50, WhyPayee, false, 0, "for less"},
	{[]sign{sPay | sGive, sMe | sToMe, sPrivate | sSecretly}, 7, 100, WhyPayee, false, 0, "money to the writer in person"},
	{[]sign{sPay, sMe | sToMe, sDirect}, 7, 80, WhyPayee, false, 0, "money to the writer in person"},
	{[]sign{sPay, sMy | sMe, sAccount}, 7, 100, WhyPayee, false, 0, "to his account"},
	{[]sign{sPay, sPrivate, sAccount}, 7, 80, WhyPayee, false, 0, "to a private account"},
	{[]sign{sPay, sToMe}, 6, 40, WhyPayee, false, 0, "to the writer"},
	{[]sign{sCash, sNoBill}, 12, 100, WhyBypass, true, 0, "cash without an invoice"},
	{[]sign{sCash, sToMe | sMe}, 6, 40, WhyPayee, false, 0, "cash to the writer"},
	{[]sign{sNoBill, sI | sMe | sToMe | sCheap | sDirect}, 12, 60, WhyBypass, true, 0, "without an invoice"},
	{[]sign{sCash, sCheap}, 10, 60, WhyBypass, false, 0, "cheaper for cash"},
	{[]sign{sCash, sNobody, sKnow}, 14, 60, WhyBypass, true, 0, "and nobody notices"},
	{[]sign{sPay, sNobody, sKnow}, 14, 40, WhyBypass, true, 0, "and nobody notices"},
}

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

// appeals finds what draws a customer away by what is spoken of, however the sentence is built.
func (j *judge) appeals(part int, t *text) {
	k := talk{t, t.signs()}
	for i := range t.words {
		if w := t.b[t.words[i].from:t.words[i].to]; k.signs[i] == 0 && len(j.brands) > 0 && slices.Contains(j.brands, string(w)) {
			k.signs[i] = sFirm
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
	var before worths
	for c, lo := 0, 0; c < n; c++ {
		hi := lo
		for hi < len(t.words) && int(t.words[hi].clause) == c {
			hi++
		}
		here := k.clause(lo, hi)
		if hi-lo > 0 {
			if sum := before.plus(here); sum.worth >= enough && here.worth > 0 {
				from, to := t.span(sum.from, sum.to)
				j.add(Finding{Rule: Diversion, Why: sum.why, Part: part, From: from, To: to})
				return
			}
			before = here
		}
		lo = hi
	}
}

// worths is what a clause is worth.
type worths struct {
	worth, best, from, to int
	why                   Why
	rows                  [2]uint64
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
		if s&sApp != 0 && w.is&app == 0 && !(i > 0 && (k.t.words[i-1].is&on != 0 || k.signs[i-1]&sHave != 0)) {
			k.signs[i] &^= sApp // a signal lamp
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
			k.signs[i] &^= sPrivate | sSecretly
			k.signs[i+1] &^= sPrivate | sSecretly
		}
	}
}

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
				for _, need := range row.all[1:] {
					at := k.near(i, lo, hi, row.span, need)
					if at < 0 {
						continue rows
					}
					from, to = min(from, at), max(to, at)
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
