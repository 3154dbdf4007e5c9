package guard

import (
	"slices"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/mask"
)

// written finds numbers that begin like one dialled at home and may be one there, which the engine took for something
// else: for a date, "0160/55501004".
func (j *judge) written(part int, t *text, covered []ident) {
	b := t.b
	for i := 0; i+8 < len(b); i++ {
		if b[i] != '+' && b[i] != '0' || !isDigit(b[i+1]) || !isDigit(b[i+2]) || i > 0 && (isWordByte(b[i-1]) || strings.IndexByte("#.,-/_", b[i-1]) >= 0) {
			continue
		}
		k, n := i, 0
		for end := i + plus(b[i]); end < len(b) && n <= 15; end++ {
			if isDigit(b[end]) {
				n++
				k = end + 1
			} else if end-k >= 2 || strings.IndexByte(" -/()", b[end]) < 0 {
				break
			}
		}
		from, to := t.source(i, k)
		if n < 10 || n > 13+2 || n > 13 && b[i] == '0' && b[i+1] != '0' || k < len(b) && isWordByte(b[k]) || j.coded(t, i) || inAccount(t.src, from) ||
			slices.ContainsFunc(covered, func(id ident) bool { return id.from < to && from < id.to }) {
			i = max(i, k-1)
			continue
		}
		all := j.candidates(digitsOf(string(b[i:k])))
		if b[i] == '+' {
			all = []string{digitsOf(string(b[i:k]))}
		}
		if slices.ContainsFunc(all, tollFree) {
			all = nil
		}
		for _, c := range all {
			num, err := phonenumbers.Parse("+"+c, "")
			if err != nil || !phonenumbers.IsPossibleNumber(num) || j.numbers[c] || slices.Contains(j.draft.To.Known.Phones, c) {
				continue
			}
			j.question(part, ident{from, to, inbox.Phone, false, c}, &Finding{Rule: Diversion, Why: WhyNumber, Part: part, From: from, To: to, Unsure: j.draft.Preview})
			break
		}
		i = max(i, k-1)
	}
}

// taxed reports whether a number is a tax number: Italy's begin with a zero and have eleven digits as numbers have.
func (j *judge) taxed(t *text, id ident) bool {
	for i := range t.words {
		if from, _ := t.source(t.words[i].from, t.words[i].to); from >= id.from {
			for k := max(0, i-2); k < i; k++ {
				switch t.str(k) {
				case "iva", "piva", "partita", "ust", "vat", "fiscale", "uid", "cf":
					return true
				}
			}
			return false
		}
	}
	return false
}

// plus is how many bytes a plus sign takes.
func plus(c byte) int {
	if c == '+' {
		return 1
	}
	return 0
}

// codedAt is coded for a place in the original.
func (j *judge) codedAt(t *text, from int) bool {
	for i := range t.words {
		if a, _ := t.source(t.words[i].from, t.words[i].to); a >= from {
			return j.coded(t, t.words[i].from)
		}
	}
	return false
}

// coded reports whether the words before b[from] say that a number is an order's or a parcel's.
func (j *judge) coded(t *text, from int) bool {
	for i := len(t.words) - 1; i >= 0; i-- {
		if t.words[i].to > from {
			continue
		}
		for k := i; k >= 0 && k > i-3; k-- {
			if orderWord(t.str(k)) {
				return true
			}
		}
		return false
	}
	return false
}

// orderWord tells the words that numbers of papers and parcels stand behind.
func orderWord(w string) bool {
	for _, stem := range []string{"order", "bestell", "auftrag", "rechnung", "invoice", "fattur", "ordin", "track", "sendung", "paket", "parcel", "spediz",
		"artikel", "serien", "serial", "kunde", "customer", "referen", "vorgang", "zahler", "codice", "matricol", "ean", "imei", "isbn", "iban", "konto", "account", "dhl", "ups", "gls", "dpd", "iva", "piva", "partita", "vat", "hrb", "ust"} {
		if strings.HasPrefix(w, stem) {
			return true
		}
	}
	return false
}

// dialable reports whether an identifier without a known value has as many digits as a number, or is said to be one.
func (j *judge) dialable(t *text, id ident) bool {
	src := t.src[id.from:id.to]
	n := 0
	for _, c := range read(src).b {
		if isDigit(c) {
			n++
		}
	}
	return n >= 7 && n <= 17 || spelled(src) || n > 3 && n < 7 && j.dialled(t, id.from)
}

// says reports whether a stretch is a way to write the whole number and no other. The engine hides what holds a known
// number's last digits, whatever else it holds; what excuses a number must be that number.
func says(src, number string) bool {
	if spelled(src) {
		return true
	}
	d := digitsOf(string(read(src).b))
	bare := strings.TrimLeft(d, "0")
	if bare == number || len(bare) >= 6 && len(bare) < len(number) && strings.HasSuffix(number, bare) {
		return true
	}
	for k := 1; k <= 3 && k < len(number); k++ { // +49 (0)30
		if bare == number[:k]+"0"+number[k:] {
			return true
		}
	}
	return false
}

// spelled reports whether digits are said in words or with letters that pose as digits: "null eins fünf", "O15l".
func spelled(s string) bool {
	said, posed := 0, 0
	t := read(s)
	for i := range t.words {
		w := t.str(i)
		if t.words[i].is&numeral != 0 {
			said++
		}
		letters := strings.Trim(w, "0123456789")
		if n := len(w); n > 0 && strings.Trim(w, "0123456789olisb") == "" && (letters != "" && n > len(letters) || strings.ContainsAny(w, "0123456789") && strings.ContainsAny(w, "olisb")) {
			posed++
		}
	}
	return said >= 4 || posed > 0 && len(digitsOf(string(t.b))) >= 5
}

// dialled reports whether the words before a number say that somebody is reached there.
func (j *judge) dialled(t *text, from int) bool {
	last := -1
	for i := range t.words {
		if a, _ := t.source(t.words[i].from, t.words[i].to); a >= from {
			break
		}
		last = i
	}
	for i := last; i >= 0 && i > last-5 && t.words[i].clause == t.words[last].clause; i-- {
		if t.words[i].is&code != 0 || orderWord(t.str(i)) {
			return false
		}
		if t.words[i].is&(wayPhone|reach|whatsapp|app) != 0 {
			return true
		}
	}
	return false
}

// inAccount reports whether a number is the rest of what looks like an IBAN: two letters, two digits and groups of four
// stand before it.
func inAccount(src string, from int) bool {
	i := from
	for i >= 5 && src[i-1] == ' ' {
		i--
		n := 0
		for i > 0 && isDigit(src[i-1]) {
			i--
			n++
		}
		if n == 2 && i >= 2 && isLetter(src[i-1]) && isLetter(src[i-2]) {
			return i == 2 || !isWordByte(src[i-3])
		}
		if n != 4 {
			return false
		}
	}
	return false
}

// glued reports whether a number goes on letters in capitals: a parcel's, an article's.
func glued(src string, from int) bool {
	n := 0
	for from > 0 && from < len(src) && src[from] != '+' && src[from-1] >= 'A' && src[from-1] <= 'Z' {
		from--
		n++
	}
	return n > 0 && n <= 4 && (from == 0 || !isLetter(src[from-1]))
}

// inCode reports whether a stretch of digits is cut from a random code, "572234dz5wnx4fbn6": it is glued to letters, and
// behind them the digits go on.
func inCode(src string, id ident) bool {
	lo, hi := id.from, id.to
	for lo > 0 && (isDigit(src[lo-1]) || isLetter(src[lo-1])) {
		lo--
	}
	for hi < len(src) && (isDigit(src[hi]) || isLetter(src[hi])) {
		hi++
	}
	if strings.IndexFunc(src[id.from:id.to], func(r rune) bool { return r > 0x7f || !isDigit(byte(r)) && !isLetter(byte(r)) }) >= 0 {
		return false
	}
	groups := 0
	for _, side := range [2]string{src[lo:id.from], src[id.to:hi]} {
		for i := range len(side) {
			if isDigit(side[i]) && (i == 0 || !isDigit(side[i-1])) {
				groups++
			}
		}
	}
	both := lo < id.from && hi > id.to
	return groups >= 2 || groups == 1 && both
}

// guess asks for what a stretch of digits could be that no rule of writing gave away: a contact's number without its
// area's zero, in a list, with something else in front. Owners knows exact matches only, so a wrong guess does no harm.
func (j *judge) guess(part int, t *text, covered []ident) {
	if j.draft.Preview || j.owners == nil {
		return
	}
	type run struct {
		from, to int
		digits   string
	}
	var runs []run
	b := t.b
	for _, w := range t.words {
		if w.is&numeral != 0 {
			if d := saidDigit(string(b[w.from:w.to])); d != "" {
				runs = append(runs, run{w.from, w.to, d})
			}
			continue
		}
		for i := w.from; i < w.to; i++ {
			if !isDigit(b[i]) {
				continue
			}
			k := i
			for k < w.to && isDigit(b[k]) {
				k++
			}
			runs = append(runs, run{i, k, string(b[i:k])})
			i = k
		}
	}
	free := func(from, to int) bool {
		from, to = t.source(from, to)
		return !slices.ContainsFunc(covered, func(id ident) bool { return id.from < to && from < id.to })
	}
	var digits [24]byte
	for i := range runs {
		n := 0
		for k := i; k < len(runs) && k < i+17; k++ {
			if k > i && !joins(b[runs[k-1].to:runs[k].from]) {
				break
			}
			if n+len(runs[k].digits) > 17 {
				break
			}
			n += copy(digits[n:], runs[k].digits)
			if n < 7 || n < 9 && k+1 < len(runs) && joins(b[runs[k].to:runs[k+1].from]) || !free(runs[i].from, runs[k].to) {
				continue
			}
			if len(j.asks) > 2*maxAsked {
				return
			}
			from, to := t.source(runs[i].from, runs[k].to)
			for _, v := range j.candidates(string(digits[:n])) {
				j.question(part, ident{from, to, inbox.Phone, false, v}, nil)
			}
		}
	}
}

// saidDigit returns the digit a folded word of one of the languages says, "" if none.
func saidDigit(w string) string { return spoken[w] }

var spoken = func() map[string]string {
	m := map[string]string{}
	for _, list := range []string{"zero one two three four five six seven eight nine", "null eins zwei drei vier funf sechs sieben acht neun",
		"zero uno due tre quattro cinque sei sette otto nove", "cero uno dos tres cuatro cinco seis siete ocho nueve",
		"zero un deux trois quatre cinq six sept huit neuf", "zero um dois tres quatro cinco seis sete oito nove", "oh ein zwo"} {
		for i, w := range strings.Fields(list) {
			m[w] = strconv.Itoa(i)
		}
	}
	m["fuenf"] = "5"
	return m
}()

// joins reports whether what stands between two runs of digits may stand inside a number.
func joins(b []byte) bool {
	if len(b) > 4 {
		return false
	}
	for _, c := range b {
		if strings.IndexByte(" -./()_|~*\n", c) < 0 {
			return false
		}
	}
	return true
}

// candidates returns the E.164 digits a string of digits may stand for.
func (j *judge) candidates(d string) (out []string) {
	if len(d) < 7 {
		return nil
	}
	if rest, ok := strings.CutPrefix(d, "00"); ok {
		if len(rest) >= 8 && len(rest) <= 15 {
			return []string{rest}
		}
		return nil
	}
	if d[0] != '0' && len(d) >= 10 && len(d) <= 15 {
		out = append(out, d)
	}
	for _, c := range j.calling {
		local := d
		if c != "39" { // Italy keeps the zero
			local = strings.TrimPrefix(d, "0")
		}
		if len(c)+len(local) <= 15 && len(local) >= 7 && local[0] != '0' || c == "39" && len(local) >= 8 && len(local) <= 11 {
			out = append(out, c+local)
		}
		if rest, ok := strings.CutPrefix(d, c+"0"); ok && c != "39" && len(d) >= 10 && len(d) <= 16 { // +49 (0)151
			out = append(out, c+rest)
		}
	}
	return out
}

// serviceStarts are the digits with which numbers that cost nothing, or the same from everywhere, begin behind a calling
// code (the national numbering plans of ITU-T E.129).
var serviceStarts = []struct{ code, first string }{{"49", "1789"}, {"43", "5789"}, {"41", "589"}, {"39", "189"}, {"44", "3589"}, {"33", "8"}, {"34", "89"}}

// tollFree reports whether a number is one that costs its caller nothing, which nobody has at home.
func tollFree(e164 string) bool {
	for _, s := range serviceStarts { // the library takes long to say no
		if rest, ok := strings.CutPrefix(e164, s.code); ok {
			if rest == "" || strings.IndexByte(s.first, rest[0]) < 0 || s.code == "49" && rest[0] == '1' && !strings.HasPrefix(rest, "18") && !strings.HasPrefix(rest, "13") {
				return false
			}
			break
		}
	}
	n, err := phonenumbers.Parse("+"+e164, "")
	if err != nil {
		return false
	}
	switch phonenumbers.GetNumberType(n) {
	case phonenumbers.TOLL_FREE, phonenumbers.SHARED_COST, phonenumbers.UAN:
		return true
	}
	return false
}

func addCode(codes []string, region string) []string {
	if region == "" {
		return codes
	}
	if n := phonenumbers.GetCountryCodeForRegion(region); n > 0 {
		if c := strconv.Itoa(n); !slices.Contains(codes, c) {
			codes = append(codes, c)
		}
	}
	return codes
}

func regionOf(e164 string) string { return mask.Country(e164) }
