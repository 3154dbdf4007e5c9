package guard

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// A gift is what a draft gives away.
type gift struct {
	percent, amount float64
	free            bool
	from, to        int // words
}

// discounts finds what is given away and holds it against the register of offers and the role's limit.
func (j *judge) discounts(part int, t *text) {
	var gifts []gift
	granted := make([]int, 0, 4) // offers whose code is in the text
	coded := false
	t.sentences(func(s sentence) {
		c := s.all()
		if c&code != 0 || len(j.compiled.codes) > 0 {
			coded = j.codesIn(part, s, &granted) || coded
		}
		gifts = s.gifts(c, gifts)
	})
	for _, g := range gifts {
		if j.may(g) {
			continue
		}
		why := j.covered(g, granted)
		if why == "" {
			continue
		}
		from, to := t.span(g.from, g.to)
		if g.percent > 0 && to < len(t.src) && t.src[to] == '%' {
			to++
		}
		j.add(Finding{Rule: Discount, Why: why, Part: part, From: from, To: to, Detail: g.String()})
	}
}

// String says what is given, "50 %", "20", "free".
func (g gift) String() string {
	switch {
	case g.free:
		return "free"
	case g.percent > 0:
		return strconv.FormatFloat(g.percent, 'f', -1, 64) + " %"
	}
	return strconv.FormatFloat(g.amount, 'f', -1, 64)
}

// may reports whether the agent's role may give this on its own.
func (j *judge) may(g gift) bool {
	l := j.policy.Limits[j.draft.From.Role]
	return g.free && l.Free || g.percent > 0 && g.percent <= l.Percent || g.amount > 0 && g.amount <= l.Amount
}

// covered returns "" if an offer allows what is given, else why none does.
func (j *judge) covered(g gift, granted []int) Why {
	why := WhyUnknown
	for i, o := range j.policy.Offers {
		fits := g.free && o.Free || g.percent > 0 && g.percent <= o.Percent || g.amount > 0 && g.amount <= o.Amount
		if !fits || o.Code != "" && !slices.Contains(granted, i) {
			continue
		}
		w := j.holds(o)
		if w == "" {
			return ""
		}
		why = w
	}
	if why == WhyUnknown {
		if l := j.policy.Limits[j.draft.From.Role]; l.Percent > 0 && g.percent > 0 || l.Amount > 0 && g.amount > 0 {
			return WhyLimit
		}
	}
	return why
}

// holds returns "" if an offer holds for this draft, else why not.
func (j *judge) holds(o Offer) Why {
	at := j.draft.At
	switch {
	case !o.From.IsZero() && at.Before(o.From), !o.Until.IsZero() && !at.Before(o.Until):
		return WhyExpired
	case len(o.Segments) > 0 && !slices.Contains(o.Segments, j.draft.To.Segment),
		len(o.Roles) > 0 && !slices.Contains(o.Roles, j.draft.From.Role):
		return WhySegment
	}
	return ""
}

// codesIn judges the codes in a clause and adds the offers they stand for to granted.
func (j *judge) codesIn(part int, s sentence, granted *[]int) (found bool) {
	t := s.t
	for i := s.lo; i < s.hi; i++ {
		name, end := s.codeAt(i)
		offers := j.compiled.codes[name]
		near := s.near(i, 4, 0, code) >= 0
		from, to := t.span(i, end)
		if len(offers) > 0 && (near || t.shouted(t.words[i].from, t.words[end].to)) {
			found = true
			*granted = append(*granted, offers...)
			j.registered(part, from, to, name, offers)
			i = end
			continue
		}
		if near && s.is(s.near(i, 4, 0, code), code) && looksLikeCode(t, i, end) && moneyOff(s, i) {
			found = true
			j.add(Finding{Rule: Discount, Why: WhyUnknown, Part: part, From: from, To: to, Detail: t.src[from:to]})
			i = end
		}
	}
	return found
}

// moneyOff reports whether the code word before word i speaks of money off rather than of an error, a colour or a door.
func moneyOff(s sentence, i int) bool {
	k := s.near(i, 4, 0, code)
	switch s.t.str(k) {
	case "code", "codes", "codice", "codici", "codigo":
		for n := max(s.lo, k-4); n < min(s.hi, i+6); n++ {
			if n != k && s.is(n, rebate|price|free|off|code) || s.is(n, buy) && n > k {
				return true
			}
			switch s.t.str(n) {
			case "use", "apply", "checkout", "redeem", "cart", "einlosen", "nutze", "nutzen", "verwenden", "verwende", "kasse", "warenkorb", "usa", "usi", "inserisci", "applica", "carrello", "utilizza":
				return true
			}
		}
		return false
	}
	return true
}

// codeAt returns the code that begins at word i, folded, and its last word: "summer-20" is one.
func (s sentence) codeAt(i int) (string, int) {
	end := i
	for end+1 < s.hi && end-i < 4 && s.t.words[end+1].from-s.t.words[end].to == 1 && strings.IndexByte("-_", s.t.b[s.t.words[end].to]) >= 0 {
		end++
	}
	return string(s.t.b[s.t.words[i].from:s.t.words[end].to]), end
}

// looksLikeCode reports whether words i to end are written as codes are: capitals, or letters and digits.
func looksLikeCode(t *text, i, end int) bool {
	from, to := t.span(i, end)
	upper, digits, lower := 0, 0, 0
	for _, r := range t.src[from:to] {
		switch {
		case unicode.IsDigit(r):
			digits++
		case unicode.IsUpper(r):
			upper++
		case unicode.IsLetter(r):
			lower++
		}
	}
	return upper+digits+lower >= 4 && (upper >= 3 && lower == 0 || upper+lower >= 2 && digits > 0 && (lower == 0 || upper > 1))
}

// registered judges a code of the register.
func (j *judge) registered(part, from, to int, name string, offers []int) {
	bad := Finding{}
	for _, i := range offers {
		o := &j.policy.Offers[i]
		f := Finding{Part: part, From: from, To: to, Detail: o.Code}
		switch w := j.holds(*o); {
		case o.For != "" && o.For != j.draft.To.ID:
			f.Rule, f.Owner = ForeignCode, Owner{Contact: o.For, Alias: o.Owner}
		case w != "":
			f.Rule, f.Why = Discount, w
		default:
			return
		}
		if bad.Rule == "" || f.Rule == ForeignCode {
			bad = f
		}
	}
	j.add(bad)
}

// gifts finds percentages, sums and things given away in a clause.
func (s sentence) gifts(c concept, out []gift) []gift {
	if c&(rebate|off|free|half|cheap) == 0 && !s.minus() && !s.takesOff() {
		return out
	}
	t := s.t
	for i := s.lo; i < s.hi; i++ {
		w := t.words[i]
		if isDigit(t.b[w.from]) {
			if p, k, ok := s.percent(i); ok && s.given(c, i, k) {
				out = append(out, gift{percent: p, from: i, to: k})
				i = k
				continue
			}
			if a, k, ok := s.sum(i); ok && s.taken(i, k) {
				out = append(out, gift{amount: a, from: i, to: k})
				i = k
			}
			continue
		}
		if n := tens(t.str(i)); n > 0 && s.percentWord(i+1) && s.given(c, i, i+1) {
			out = append(out, gift{percent: float64(n), from: i, to: i + 1})
		}
		if s.is(i, half) {
			if k := s.near(i, 1, 3, price); k >= 0 && s.t.words[k].piece == w.piece && !s.denied(i, k) && s.halved(i, k) {
				out = append(out, gift{percent: 50, from: min(i, k), to: max(i, k)})
			}
		}
		if s.is(i, free) && s.gives(c, i) {
			out = append(out, gift{free: true, from: i, to: i})
		}
	}
	return out
}

// takesOff reports whether the clause has a verb that takes something off a price.
func (s sentence) takesOff() bool {
	for n := s.lo; n < s.hi; n++ {
		switch s.t.str(n) {
		case "tolgo", "togliamo", "tolga", "toglie", "scalo", "scaliamo", "abbuono", "abbuoniamo", "levo", "leviamo", "erlasse", "erlassen", "nach", "runter", "herunter",
			"ab", "lower", "scendo", "scendiamo":
			return true
		}
	}
	return false
}

// minus reports whether a percentage with a minus before it stands in the clause: "-50%".
func (s sentence) minus() bool {
	b := s.t.b[s.t.words[s.lo].from:s.t.words[s.hi-1].to]
	return bytes.IndexByte(s.t.b[max(0, s.t.words[s.lo].from-2):s.t.words[s.hi-1].to], '-') >= 0 && len(b) > 0
}

// number reads the number at word i, decimals included.
func (s sentence) number(i int) (v float64, last int, ok bool) {
	t := s.t
	last = i
	str := t.str(i)
	for last+1 < len(t.words) && t.words[last+1].from-t.words[last].to == 1 && isDigit(t.b[t.words[last+1].from]) && strings.IndexByte(".,", t.b[t.words[last].to]) >= 0 && last-i < 3 {
		last++
		if d := t.str(last); len(d) == 3 {
			str += d // thousands
		} else {
			str += "." + d
		}
	}
	end := len(str)
	for end > 0 && !isDigit(str[end-1]) { // "20off", "20eur"
		end--
	}
	v, err := strconv.ParseFloat(str[:end], 64)
	return v, last, err == nil
}

// percent reads a percentage that begins at word i: "20%", "20 %", "20 percent".
func (s sentence) percent(i int) (v float64, last int, ok bool) {
	v, last, ok = s.number(i)
	if !ok || v <= 0 || v > 100 {
		return 0, 0, false
	}
	rest := bytes.TrimLeft(s.t.b[s.t.words[last].to:], " ")
	if len(rest) > 0 && rest[0] == '%' {
		return v, last, true
	}
	if s.percentWord(last + 1) {
		return v, last + 1, true
	}
	return 0, 0, false
}

func (s sentence) percentWord(i int) bool {
	if i >= s.hi {
		return false
	}
	switch s.t.str(i) {
	case "percent", "prozent", "percento", "cento", "pct", "porciento", "pourcent", "proz", "prozente", "prozentigen", "prozentiger":
		return true
	case "per", "por", "pour":
		return i+1 < s.hi && strings.HasPrefix(s.t.str(i+1), "c")
	}
	return false
}

// given reports whether a percentage in words i to k is a discount rather than a tax or a share of cotton.
func (s sentence) given(c concept, i, k int) bool {
	b := s.t.b
	from := s.t.words[i].from
	minus := from > 0 && b[from-1] == '-' && (from == 1 || !isWordByte(b[from-2])) || from > 1 && b[from-1] == ' ' && b[from-2] == '-' && (from == 2 || b[from-3] == ' ')
	r := s.near(k, 0, 5, rebate|off)
	if r < 0 {
		r = s.near(i, 6, 0, rebate)
	}
	if l := s.near(k, 0, 2, cheap); r < 0 && l >= 0 && l == s.hi-1 && c&quote == 0 { // "20 % less", but not "20 % less energy"
		r = l
	}
	if s.lowers(i, k) {
		return !s.denied(i, k)
	}
	if q := s.near(k, 0, 3, quote); q >= 0 && (r < 0 || r > q || r < i) {
		return false
	}
	if !minus && r < 0 {
		return false
	}
	if minus && r < 0 && (s.near(i, 4, 0, quote) >= 0 || s.near(k, 0, 2, numeral) >= 0) {
		return false
	}
	if r >= 0 && s.t.words[r].piece != s.t.words[i].piece && !minus && r < i && s.t.words[i].piece-s.t.words[r].piece > 1 {
		return false
	}
	return !s.denied(i, k)
}

// lowers reports whether the writer goes down by a percentage in words i to k: "I'd go 20 % lower", "ich gehe 20 %
// runter", "scendo del 20 %".
func (s sentence) lowers(i, k int) bool {
	for n := max(s.lo, i-4); n < i; n++ {
		switch s.t.str(n) {
		case "scendo", "scendiamo":
			return true
		case "go", "gehe", "geh", "gehen":
			switch s.word(k + 1) {
			case "lower", "runter", "herunter", "down":
				return true
			}
		}
	}
	return false
}

// sum reads an amount of money that begins at word i: "20 €", "€20", "20 euro".
func (s sentence) sum(i int) (v float64, last int, ok bool) {
	v, last, ok = s.number(i)
	if !ok || v <= 0 {
		return 0, 0, false
	}
	b := s.t.b
	rest := bytes.TrimLeft(b[s.t.words[last].to:], " ,-")
	before := bytes.TrimRight(b[:s.t.words[i].from], " ")
	for _, sign := range []string{"€", "$", "£", "chf"} {
		if bytes.HasPrefix(rest, []byte(sign)) || bytes.HasSuffix(before, []byte(sign)) {
			return v, last, true
		}
	}
	if last+1 < s.hi {
		switch s.t.str(last + 1) {
		case "eur", "euro", "euros", "dollar", "dollars", "pound", "pounds", "franken", "usd", "gbp", "chf", "franchi":
			return v, last + 1, true
		}
	}
	return 0, 0, false
}

// taken reports whether a sum in words i to k is taken off a price.
func (s sentence) taken(i, k int) bool {
	for n := max(s.lo, i-4); n < i; n++ { // "le tolgo 20 euro", "ich lasse dir 20 Euro nach"
		switch s.t.str(n) {
		case "tolgo", "togliamo", "tolga", "toglie", "scalo", "scaliamo", "abbuono", "abbuoniamo", "levo", "leviamo", "erlasse", "erlassen":
			return !s.denied(n, k)
		case "zieh", "ziehe", "ziehen":
			if s.word(k+1) == "ab" {
				return !s.denied(n, k)
			}
		case "lasse", "lass", "lassen":
			for m := k + 1; m < min(s.hi, k+4); m++ {
				if w := s.t.str(m); w == "nach" || w == "runter" || w == "herunter" {
					return !s.denied(n, k)
				}
			}
		case "knock", "take", "shave":
			if s.near(k, 0, 3, off) >= 0 {
				return !s.denied(n, k)
			}
		}
	}
	if s.is(k+1, off) || s.is(k+1, rebate) && !s.cheaper(k+1) || s.cheaper(k+1) {
		return !s.denied(i, k)
	}
	r := s.near(k, 0, 3, rebate)
	if r >= 0 && s.t.words[r].piece-s.t.words[k].piece <= 1 && !s.cheaper(r) && s.near(i, 4, 0, price) < 0 && !s.denied(i, k) {
		return true
	}
	// "Rabatt von 20 €", "a discount of 20 euros", "uno sconto di 20 €"
	for n := i - 1; n >= max(s.lo, i-3); n-- {
		if s.is(n, rebate) && !s.cheaper(n) {
			return !s.denied(n, k)
		}
		switch s.t.str(n) {
		case "of", "von", "uber", "ueber", "di", "da", "de", "um", "a", "in", "hohe":
		default:
			return false
		}
	}
	return false
}

func (s sentence) cheaper(i int) bool { return s.is(i, cheap) }

// halved reports whether "half" and "price" belong together: "half price", "zum halben Preis", "metà prezzo".
func (s sentence) halved(i, k int) bool {
	switch s.t.str(k) {
	case "kosten", "costo", "cost", "total", "totale":
		return false
	}
	if k < i {
		return k == i-1 && s.t.str(i) != "mezzo"
	}
	for n := i + 1; n < k; n++ {
		switch s.t.str(n) {
		case "the", "des", "der", "del", "il", "de", "du", "of":
		default:
			return false
		}
	}
	return true
}

// carriage reports whether what is free at word i is carriage, a return or the like. A date may stand between.
func (s sentence) carriage(i int) bool {
	for n := max(0, i-7); n < min(len(s.t.words), i+5); n++ {
		if s.t.words[n].is&shipping != 0 && (n > i || i-n <= 4 || s.t.words[n].clause == s.t.words[i].clause) {
			return true
		}
	}
	return false
}

// gives reports whether the free word i gives something away.
func (s sentence) gives(c concept, i int) bool {
	if s.denied(i, i) || s.is(i-1, nope) || s.is(i+1, nope) && s.t.str(i) == "free" || s.carriage(i) {
		return false
	}
	t := s.t
	w := t.str(i)
	at := t.words[i]
	if at.from > 0 && t.b[at.from-1] == '-' || at.to < len(t.b) && t.b[at.to] == '-' {
		return false // sugar-free, free-standing
	}
	switch w {
	case "free":
		switch prev := s.word(i - 1); prev {
		case "for", "a", "one", "two", "get", "completely", "totally", "with", "and", "your", "is", "are", "be", "it", "this":
			next := s.word(i + 1)
			switch next {
			case "to", "at", "on", "in", "until", "from", "now", "then", "again", "when", "if", "next", "between", "after", "around", "this":
				return false
			case "":
				return prev == "for" || prev == "completely" && c&(give|buy) != 0
			}
			if (prev == "is" || prev == "are") && next == "for" && s.is(i+2, you) {
				return true
			}
			if prev == "for" || s.is(i+1, nope|shipping) {
				return !s.is(i+1, nope|shipping)
			}
			return c&(give|buy|first|us|rebate) != 0 && prev != "is" && prev != "are" && prev != "be"
		}
		return s.is(i-1, give)
	case "regalo", "geschenk", "omaggio":
		return c&(give|first|us) != 0 && s.near(i, 3, 0, on) >= 0 && (w != "regalo" || s.word(i-1) == "in") && c&quote == 0 && (w != "geschenk" || s.word(i-1) == "als")
	case "schenke", "schenken", "regaliamo", "verschenke":
		return c&first != 0 || w == "schenken" && s.word(i-1) == "wir" || s.word(i+1) == "wir" || w == "regaliamo"
	}
	return c&(give|first|us|buy|price|you|your) != 0
}

func (s sentence) word(i int) string {
	if i < s.lo || i >= s.hi {
		return ""
	}
	return s.t.str(i)
}

// tens reads the round numbers percentages are worded with.
func tens(w string) int {
	switch w {
	case "ten", "zehn", "dieci", "diez", "dix", "dez":
		return 10
	case "fifteen", "funfzehn", "quindici", "quince", "quinze":
		return 15
	case "twenty", "zwanzig", "venti", "veinte", "vingt", "vinte":
		return 20
	case "thirty", "dreissig", "trenta", "treinta", "trente", "trinta":
		return 30
	case "forty", "vierzig", "quaranta", "cuarenta", "quarante", "quarenta":
		return 40
	case "fifty", "funfzig", "cinquanta", "cincuenta", "cinquante", "cinquenta":
		return 50
	case "seventy", "siebzig", "settanta":
		return 70
	}
	return 0
}
