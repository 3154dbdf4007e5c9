package kit

import (
	"golang.org/x/text/unicode/bidi"
)

// This file is the part of the Unicode Bidirectional Algorithm (UAX #9, revision 48) that a chat
// needs: implicit levels (rules P2-P3, W1-W7, N0-N2, I1-I2) and reordering of a line (L1-L2). The
// explicit embeddings and overrides are left out on purpose: they are dropped before layout, so that
// nobody can make a message read differently from what it says. x/text supplies the class of each
// rune; its own ordering keeps only the parity of levels, which loses numbers inside right-to-left
// text of a left-to-right line.

// needsBidi reports whether s holds anything that is not simply left to right.
func needsBidi(s string) bool {
	for _, r := range s {
		if r < 0x590 {
			continue
		}
		if r <= 0x8ff || r >= 0xfb1d && r <= 0xfefc || r >= 0x10800 && r <= 0x10fff || r >= 0x1e800 && r <= 0x1efff {
			return true
		}
	}
	return false
}

// baseLevel is 1 when the first strong rune runs right to left (rules P2 and P3).
func baseLevel(classes []bidi.Class) uint8 {
	for _, c := range classes {
		switch c {
		case bidi.L:
			return 0
		case bidi.R, bidi.AL:
			return 1
		}
	}
	return 0
}

func bidiClasses(runes []rune) []bidi.Class {
	out := make([]bidi.Class, len(runes))
	for i, r := range runes {
		p, _ := bidi.LookupRune(r)
		out[i] = p.Class()
		switch out[i] {
		case bidi.Control, bidi.LRO, bidi.RLO, bidi.LRE, bidi.RLE, bidi.PDF, bidi.LRI, bidi.RLI, bidi.FSI, bidi.PDI, bidi.BN:
			out[i] = bidi.ON
		}
	}
	return out
}

// bidiLevels returns the embedding level of every rune of one paragraph and the paragraph's own.
func bidiLevels(runes []rune) ([]uint8, uint8) {
	orig := bidiClasses(runes)
	base := baseLevel(orig)
	cls := append([]bidi.Class(nil), orig...)
	sos := dirClass(base)

	// W1-W3: marks take the class before them, numbers after Arabic letters are Arabic numbers.
	prev, strong := sos, sos
	for i, c := range cls {
		switch c {
		case bidi.NSM:
			cls[i] = prev
		case bidi.EN:
			if strong == bidi.AL {
				cls[i] = bidi.AN
			}
		case bidi.L, bidi.R, bidi.AL:
			strong = c
		}
		prev = cls[i]
	}
	for i, c := range cls {
		if c == bidi.AL {
			cls[i] = bidi.R
		}
	}
	// W4: one separator between two numbers of a kind belongs to them.
	for i := 1; i+1 < len(cls); i++ {
		a, b := cls[i-1], cls[i+1]
		switch {
		case cls[i] == bidi.ES && a == bidi.EN && b == bidi.EN,
			cls[i] == bidi.CS && a == b && (a == bidi.EN || a == bidi.AN):
			cls[i] = a
		}
	}
	// W5: terminators (currency, percent) beside a number belong to it.
	for i := 0; i < len(cls); i++ {
		if cls[i] != bidi.ET {
			continue
		}
		j := i
		for j < len(cls) && cls[j] == bidi.ET {
			j++
		}
		if i > 0 && cls[i-1] == bidi.EN || j < len(cls) && cls[j] == bidi.EN {
			for k := i; k < j; k++ {
				cls[k] = bidi.EN
			}
		}
		i = j - 1
	}
	// W6-W7: left-over separators are neutral; numbers after Latin are part of it.
	strong = sos
	for i, c := range cls {
		switch c {
		case bidi.ES, bidi.ET, bidi.CS, bidi.S, bidi.WS, bidi.B:
			cls[i] = bidi.ON
		case bidi.L, bidi.R:
			strong = c
		case bidi.EN:
			if strong == bidi.L {
				cls[i] = bidi.L
			}
		}
	}
	pairBrackets(runes, orig, cls, base)
	// N1-N2: neutrals between two of a direction take it, others the paragraph's.
	for i := 0; i < len(cls); i++ {
		if cls[i] != bidi.ON {
			continue
		}
		j := i
		for j < len(cls) && cls[j] == bidi.ON {
			j++
		}
		before, after := sos, sos
		if i > 0 {
			before = strongOf(cls[i-1])
		}
		if j < len(cls) {
			after = strongOf(cls[j])
		}
		to := sos
		if before == after {
			to = before
		}
		for k := i; k < j; k++ {
			cls[k] = to
		}
		i = j - 1
	}
	// I1-I2.
	levels := make([]uint8, len(cls))
	for i, c := range cls {
		l := base
		switch {
		case base == 0 && c == bidi.R:
			l = 1
		case base == 0 && (c == bidi.AN || c == bidi.EN):
			l = 2
		case base == 1 && c != bidi.R:
			l = 2
		}
		levels[i] = l
	}
	return levels, base
}

func dirClass(level uint8) bidi.Class {
	if level%2 == 1 {
		return bidi.R
	}
	return bidi.L
}

// strongOf: for neutrals, numbers count as right to left (N1).
func strongOf(c bidi.Class) bidi.Class {
	if c == bidi.EN || c == bidi.AN {
		return bidi.R
	}
	return c
}

// pairBrackets gives both brackets of a pair one direction (N0), so that a parenthesis never closes
// on the wrong side.
func pairBrackets(runes []rune, orig, cls []bidi.Class, base uint8) {
	type open struct {
		at    int
		close rune
	}
	var stack []open
	embed := dirClass(base)
	type pair struct{ a, b int }
	var pairs []pair
	for i, r := range runes {
		if cls[i] != bidi.ON {
			continue
		}
		if m, opens := bracket(r); m != 0 {
			if opens {
				stack = append(stack, open{i, m})
				continue
			}
			for k := len(stack) - 1; k >= 0; k-- {
				if stack[k].close == r {
					pairs = append(pairs, pair{stack[k].at, i})
					stack = stack[:k]
					break
				}
			}
		}
	}
	for _, p := range pairs {
		var same, other bool
		for i := p.a + 1; i < p.b; i++ {
			switch c := strongOf(cls[i]); {
			case c == embed:
				same = true
			case c == bidi.L || c == bidi.R:
				other = true
			}
		}
		to := embed
		switch {
		case same:
		case other:
			before := embed
			for i := p.a - 1; i >= 0; i-- {
				if c := strongOf(cls[i]); c == bidi.L || c == bidi.R {
					before = c
					break
				}
			}
			to = before
		default:
			continue // nothing strong inside: N1 decides
		}
		cls[p.a], cls[p.b] = to, to
	}
}

// bracket returns the other half of a bracket and whether r opens; 0 for anything else.
func bracket(r rune) (rune, bool) {
	switch r {
	case '(':
		return ')', true
	case ')':
		return '(', false
	case '[':
		return ']', true
	case ']':
		return '[', false
	case '{':
		return '}', true
	case '}':
		return '{', false
	}
	return 0, false
}

// mirror returns the rune that shows r in right-to-left text (rule L4).
func mirror(r rune) rune {
	if m, _ := bracket(r); m != 0 {
		return m
	}
	switch r {
	case '<':
		return '>'
	case '>':
		return '<'
	case '«':
		return '»'
	case '»':
		return '«'
	case '‹':
		return '›'
	case '›':
		return '‹'
	}
	return r
}

// visualOrder returns the indexes of items in the order they stand from left to right (rule L2).
func visualOrder(levels []uint8) []int {
	order := make([]int, len(levels))
	var highest, lowestOdd uint8 = 0, 255
	for i, l := range levels {
		order[i] = i
		highest = max(highest, l)
		if l%2 == 1 {
			lowestOdd = min(lowestOdd, l)
		}
	}
	for l := highest; l >= lowestOdd && l > 0; l-- {
		for i := 0; i < len(order); {
			if levels[order[i]] < l {
				i++
				continue
			}
			j := i
			for j < len(order) && levels[order[j]] >= l {
				j++
			}
			for a, b := i, j-1; a < b; a, b = a+1, b-1 {
				order[a], order[b] = order[b], order[a]
			}
			i = j
		}
	}
	return order
}

// isStrongRTL reports whether a shaper given r alone draws it right to left.
func isStrongRTL(r rune) bool {
	p, _ := bidi.LookupRune(r)
	switch p.Class() {
	case bidi.R, bidi.AL, bidi.NSM:
		return true
	}
	return false
}
