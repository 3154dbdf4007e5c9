package mask

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"sealdesk/app/inbox"
)

// An atom is a piece of a text that says digits: a run of digits, a word or several that make one numeral, a run with
// letters that look like digits.
type atom struct {
	from, to int
	digits   string
	spoken   bool // said in words
	posing   bool // with letters that pose as digits
	weak     bool // between it and the atom before stand words: "then", "and"
	first    bool // begins a run: nothing joins it to the atom before
	loose    bool // posing, but a unit or a word as likely
}

// dictated reports whether nothing but fillers stands between two groups of digits.
func (s *scanner) dictated(gs []group) bool {
	for i := 1; i < len(gs); i++ {
		between := s.b[gs[i-1].to:gs[i].from]
		if len(between) < 3 || len(between) > 40 || gs[i-1].carved && gs[i].carved {
			continue
		}
		words, fillers := 0, true
		for j := 0; j < len(between) && fillers; {
			end := wordBytes(between, j)
			if end == j {
				j++
				continue
			}
			words++
			fillers, j = spokenFillers[string(between[j:end])], end
		}
		if words > 0 && fillers {
			return true
		}
	}
	return false
}

// atoms returns what says digits in the text, in order, if any of it is more than plain digits; else nil.
func (s *scanner) atoms(gs []group) []atom {
	items, worth := s.items(gs, s.itemRoom[:0])
	s.itemRoom = items
	if !worth {
		return nil
	}
	out := s.atomRoom[:0]
	weak, fresh := false, true
	for i := 0; i < len(items); {
		it := items[i]
		if it.kind == 0 && it.digits == "" { // a filler, or the end of a run
			if it.from == it.to {
				fresh = true
			} else {
				weak = true
			}
			i++
			continue
		}
		end := i + 1
		for end < len(items) && (items[end].kind != 0 || items[end].digits != "") && end-i < 8 {
			end++
		}
		digits, n := said(items[i:end])
		if digits != "" {
			a := atom{from: it.from, to: items[i+n-1].to, digits: digits, weak: weak, first: fresh, spoken: it.kind != 0 || n > 1}
			if !a.spoken && (a.to-a.from != len(digits) || string(s.b[a.from:a.to]) != digits) {
				a.posing, a.loose = true, it.value == loose
			}
			out = append(out, a)
			weak, fresh = false, false
		} else {
			weak = true
		}
		i += n
	}
	s.atomRoom = out
	return s.fluent(out)
}

// fluent drops the words of a run that are numerals in a language nothing else of the run is said in, and common words
// in another: "on" (Turkish ten), "once" (Spanish eleven), "do" (Hindi two). People who mix languages do
// mean them between digits, so they go at the ends of a run only.
func (s *scanner) fluent(atoms []atom) []atom {
	out := atoms[:0]
	for i := 0; i < len(atoms); {
		j := i + 1
		for j < len(atoms) && !atoms[j].first {
			j++
		}
		run := atoms[i:j]
		fresh := true
		for k, a := range run {
			if a.spoken {
				if kin, doubtful := homographs[string(s.b[a.from:a.to])]; doubtful && (k == 0 || k == len(run)-1) && !s.kindred(run, k, kin.with) && s.complete(run, k) {
					fresh = true
					continue
				}
			}
			a.first = a.first || fresh
			fresh = false
			out = append(out, a)
		}
		i = j
	}
	return out
}

// amid reports whether one of the words stands close to b[i:j].
func (s *scanner) amid(i, j int, words map[string]bool) bool {
	for _, part := range [...][]byte{s.b[max(0, i-32):i], s.b[j:min(len(s.b), j+32)]} {
		for len(part) > 0 {
			n := wordBytes(part, 0)
			if words[string(part[:n])] {
				return true
			}
			part = part[max(n, 1):]
		}
	}
	return false
}

// complete reports whether the run without its first or last atom k is a number by itself.
func (s *scanner) complete(run []atom, k int) bool {
	rest := run[1:]
	if k > 0 {
		rest = run[:k]
	}
	n := 0
	for _, a := range rest {
		n += len(a.digits)
	}
	return n < 7 || s.lookups < maxLookups/2 && s.e164(atomDigits(rest)) != ""
}

// kindred reports whether another spoken atom of the run than k is one of the words.
func (s *scanner) kindred(run []atom, k int, words map[string]bool) bool {
	for i, a := range run {
		if i != k && a.spoken && words[string(s.b[a.from:a.to])] {
			return true
		}
	}
	return len(run) == 1
}

// items cuts the text into numerals, literals and fillers. An item without digits, kind and length ends a run. worth
// reports whether there is more than plain digits joined by what stands in numbers.
func (s *scanner) items(gs []group, items []item) (_ []item, worth bool) {
	b, text := s.b, string(s.b) // words and digits are parts of it
	g := 0
	broken := true // the next item begins a run
	end := 0       // of the item before
	put := func(it item) {
		if !broken && !gapless(b[end:it.from]) {
			broken = true
		}
		if broken {
			items = append(items, item{from: it.from, to: it.from})
		}
		it.close = !broken && !bytes.ContainsAny(b[end:it.from], ",;\n/.")
		items = append(items, it)
		broken, end = false, it.to
	}
	for i := 0; i < len(b); {
		c := b[i]
		if !isDigit(c) && !isLetter(c) && c < utf8.RuneSelf {
			i++
			continue
		}
		for g < len(gs) && gs[g].to <= i {
			g++
		}
		if isDigit(c) {
			j := i
			for j < len(b) && isDigit(b[j]) {
				j++
			}
			if g < len(gs) && gs[g].used || !s.free(i, j) {
				broken, i = true, j
				continue
			}
			if from, to, digits, how, ok := s.posing(i, j, end); ok {
				// A unit behind a number is no digit: "15l".
				for n := len(items); n > 0 && items[n-1].from >= from && items[n-1].from != items[n-1].to; n-- {
					items = items[:n-1]
				}
				put(item{from: from, to: to, digits: digits, numeral: numeral{0, how}})
				i, worth = to, true
				continue
			}
			put(item{from: i, to: j, digits: text[i:j]})
			i = j
			continue
		}
		j, han := i, 0
		for j < len(b) {
			if isLetter(b[j]) {
				j++
				continue
			}
			if b[j] < utf8.RuneSelf {
				break
			}
			r, n := utf8.DecodeRune(b[j:])
			if !unicode.IsLetter(r) && !unicode.Is(unicode.Mc, r) {
				break
			}
			if _, ok := hanDigit(r); ok {
				han++
			}
			j += n
		}
		if j == i {
			_, n := utf8.DecodeRune(b[i:])
			if bytes.HasPrefix(b[i:], bulletBytes) {
				broken = true
			}
			i += n
			continue
		}
		word := text[i:j]
		if han >= 3 {
			worth = s.hanItems(i, j, put, &broken) || worth
			i = j
			continue
		}
		flag := wordAt(word)
		switch {
		case homographs[word].anywhere && !s.amid(i, j, homographs[word].with):
			broken = true
		case flag&(flagNumeral|flagTimes) != 0 && s.free(i, j):
			if strings.IndexFunc(word, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0 {
				word = strings.ToLower(word)
			}
			var buf [24]numeral
			parts, _ := decompose(word, buf[:0])
			for k, n := range parts {
				it := item{numeral: n, from: i, to: j, french: frenchTens[word]}
				it.joins = it.french || joiningTens[word]
				if n.kind == teen && word == "dix" {
					it.digits = "dix"
				}
				if k > 0 {
					it.close = true
					items = append(items, it)
					continue
				}
				put(it)
			}
			worth = true
		case flag&flagFiller != 0:
			if !broken && !gapless(b[end:i]) {
				broken = true
			}
			if !broken && len(items) > 0 {
				if last := items[len(items)-1]; last.kind == 0 && last.digits == "" && len(items) > 1 && items[len(items)-2].kind == 0 && items[len(items)-2].digits == "" {
					broken = true // three fillers are a sentence
					break
				}
				it := item{from: i, to: j}
				if links[word] {
					it.numeral, it.close = numeral{linked, 0}, true
				}
				items = append(items, it)
				end, worth = j, true
			}
		default:
			if d, ok := poseWord(word); ok && len(items) > 0 && !broken && gapless(b[end:i]) && i > end {
				// "151 OO 12": letters alone, between digits or behind them
				if last := items[len(items)-1]; last.kind == 0 && last.digits != "" {
					how := loose
					if strings.Trim(d, "01") == "" && s.digitsFollow(j) {
						how = 0
					}
					put(item{from: i, to: j, digits: d, numeral: numeral{0, how}})
					worth = true
					break
				}
			}
			if d, ok := poseWord(word); ok && (broken || len(items) == 0) && !(j < len(b) && isDigit(b[j])) && s.posedFollow(j) {
				broken = true
				put(item{from: i, to: j, digits: d, numeral: numeral{0, loose}})
				worth = true
				break
			}
			broken = true
		}
		i = j
	}
	return items, worth
}

var links = set(linkWords)

// hanItems puts the Chinese numerals of a word, which stand without spaces between other signs.
func (s *scanner) hanItems(from, to int, put func(item), broken *bool) bool {
	run := 0
	for i := from; i < to; {
		r, n := utf8.DecodeRune(s.b[i:])
		if d, ok := hanDigit(r); ok {
			put(item{from: i, to: i + n, numeral: numeral{unit, int(d - '0')}})
			run++
		} else {
			*broken = true
		}
		i += n
	}
	return run >= 3
}

// gapless reports whether what stands between two pieces of a dictated number may stand there.
func gapless(between []byte) bool {
	if len(between) > 8 {
		return false
	}
	n := 0
	for _, r := range string(between) {
		switch {
		case r == '(' || r == ')' || r == '…' || r == '"' || r == '\'':
		case strings.ContainsRune(" -./_|~\\*\n\t,;:!", r):
			n++
		case r == '+':
			return false
		default:
			n += 2
		}
		if r == bullet {
			return false
		}
	}
	return n <= 4
}

// spokenNumbers hides numbers said in words, with letters for digits, or dictated with words between their parts.
func (s *scanner) spokenNumbers(gs []group, atoms []atom) {
	for i := 0; i < len(atoms); {
		j := i + 1
		for j < len(atoms) && !atoms[j].first && !atoms[j].loose {
			j++
		}
		if !atoms[i].loose {
			s.spokenRun(gs, atoms[i:j])
		}
		i = j
	}
}

func (s *scanner) spokenRun(gs []group, run []atom) {
	// A word behind or before a whole number in digits is a word: "+55 11 … do", "um 0151 …".
	for len(run) > 1 && run[len(run)-1].spoken && s.wholeNumber(run[:len(run)-1]) {
		run = run[:len(run)-1]
	}
	for len(run) > 1 && run[0].spoken && s.wholeNumber(run[1:]) {
		run = run[1:]
	}
	// "… and 2.467.000": digits behind a word, where what is before them is a number by itself.
	for len(run) > 1 && run[len(run)-1].weak && !run[len(run)-1].spoken && s.lookups < maxLookups/2 && s.e164(atomDigits(run[:len(run)-1])) != "" {
		run = run[:len(run)-1]
	}
	for len(run) > 1 && run[1].weak && !run[0].spoken && s.lookups < maxLookups/2 && s.e164(atomDigits(run[1:])) != "" {
		run = run[1:]
	}
	n, said, posing, weak, words := 0, 0, false, false, 0
	for i, a := range run {
		n += len(a.digits)
		if a.spoken {
			said += len(a.digits)
			words++
		}
		posing = posing || a.posing
		weak = weak || a.weak && i > 0
	}
	if n < 5 || said == 0 && !posing && !weak {
		return
	}
	if !s.free(run[0].from, run[len(run)-1].to) {
		return
	}
	from, to := run[0].from, run[len(run)-1].to
	plus := s.plusBefore(from)
	digits := atomDigits(run)
	what := s.context(from)
	if plus >= 0 {
		from = plus
	}
	hide := func(from, to int, run []atom) {
		number := ""
		digits := atomDigits(run)
		switch {
		case plus >= 0 && callingCode(digits) != "" && len(digits) <= maxE164:
			number = digits
		case strings.HasPrefix(digits, "00") && callingCode(digits[2:]) != "":
			number = digits[2:]
		case len(digits) <= maxE164+2:
			number = s.e164(digits)
		}
		use(gs, from, to)
		from, to = s.widen(from, to)
		if number != "" {
			s.phone(from, to, number)
			return
		}
		s.hideAs(from, to, inbox.Digits, hintDigits, digits)
	}
	if n < 7 {
		if what == aboutPhone && said >= 3 && s.valid(digits) {
			hide(from, to, run)
		}
		return
	}
	carved := s.carvedIn(gs, from, to)
	if n > maxE164+4 && said < 7 || carved && said == 0 && plus < 0 {
		return
	}
	abroad := plus >= 0 || strings.HasPrefix(digits, "00") && n >= 10
	switch {
	case said >= 7 && words >= 4, abroad, what == aboutPhone && what != aboutCode && n <= maxE164+2:
		hide(from, to, run)
		return
	case what == aboutCode && digits[0] != '0':
		return
	case carved && (said < 3 || weak):
		return
	case digits[0] == '0' && n >= 9 && n <= maxE164 && (said > 0 || s.valid(digits)),
		words >= 2 && said < n && n >= 9 && !weakOnly(run):
		hide(from, to, run)
		return
	}
	if said == 0 && !posing {
		return // an enumeration
	}
	// Somewhere in the run stands a number people dial.
	for i := range run {
		if s.lookups >= maxLookups/2 {
			break
		}
		size, special := 0, false
		for j := i; j < len(run); j++ {
			size += len(run[j].digits)
			special = special || run[j].spoken || run[j].posing || run[j].weak && j > i
			if size > maxE164 {
				break
			}
			if size < 8 || !special || j+1 < len(run) && size+len(run[j+1].digits) <= 11 {
				continue
			}
			d := atomDigits(run[i : j+1])
			if s.dialled(d) || d[0] == '0' && size >= 9 && s.valid(d) {
				hide(run[i].from, run[j].to, run[i:j+1])
				return
			}
		}
	}
	// Parts of a spoken run are digits of a number nobody can place: doubt masks.
	if said >= 7 && !weakOnly(run) {
		hide(from, to, run)
	}
}

// wholeNumber reports whether the run, but for a word at its ends, is written in digits and long enough for a number.
func (s *scanner) wholeNumber(run []atom) bool {
	for len(run) > 0 && run[len(run)-1].spoken && len(run[len(run)-1].digits) <= 2 {
		run = run[:len(run)-1]
	}
	n := 0
	for _, a := range run {
		if a.spoken || a.posing {
			return false
		}
		n += len(a.digits)
	}
	if n >= 10 || n >= 8 && s.plusBefore(run[0].from) >= 0 {
		return true
	}
	return n >= 7 && (s.context(run[0].from) == aboutPhone || s.dialled(atomDigits(run)))
}

func (s *scanner) carvedIn(gs []group, from, to int) bool {
	for i := range gs {
		if gs[i].carved && gs[i].from >= from && gs[i].to <= to {
			return true
		}
	}
	return false
}

// weakOnly reports whether every part of the run is joined to the one before by words alone: an enumeration.
func weakOnly(run []atom) bool {
	for i, a := range run {
		if i > 0 && !a.weak {
			return false
		}
	}
	return true
}

func atomDigits(run []atom) string {
	var b strings.Builder
	for _, a := range run {
		b.WriteString(a.digits)
	}
	return b.String()
}

// plusBefore returns where a plus, written or said, stands before i, else -1.
func (s *scanner) plusBefore(i int) int {
	b := s.b
	j := i
	for j > 0 && (b[j-1] == ' ' || b[j-1] == '(') && i-j < 3 {
		j--
	}
	if j > 0 && b[j-1] == '+' {
		return j - 1
	}
	k := j
	for k > 0 && (isLetter(b[k-1]) || b[k-1] >= utf8.RuneSelf) && j-k < 24 {
		k--
	}
	if k < j && plusWords[string(b[k:j])] {
		return k
	}
	return -1
}
