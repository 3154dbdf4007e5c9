package guard

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/mask"
)

// A corpus is a set of sentences with holes, written by hand, and the words that fill them. Two exist, written apart from
// each other: the rules were tuned on the first, the second only measures.
type corpus struct {
	name     string
	seed     uint64
	other    []string            // another contact's data: {phone}, {mail}, {handle} in a sentence that gives no other cause
	card     []string            // {card}
	own      []string            // the agent's private number or mail: {phone}, {mail}, {handle}
	lure     []string            // words alone, holes {app} {way}
	iban     []string            // {iban}
	discount []string            // {percent}, {euro}
	greet    []string            // {wrong}
	harmless []string            // any hole
	fill     map[string][]string // {product} and the like
	around   []string            // harmless sentences put before and behind

	discountFloor float64 // what must be found of discounts; 0 means 95 %
	stopCeiling   float64 // how many harmless drafts may be stopped; 0 means 0.5 %
}

// world is who is in the corpus. All numbers are made up.
type world struct {
	r     *rand.Rand
	owned map[mask.Found]Owner
}

func (w *world) Owners(_ context.Context, ask []mask.Found) ([]Owner, error) {
	out := make([]Owner, len(ask))
	for i, f := range ask {
		out[i] = w.owned[f]
	}
	return out, nil
}

var (
	corpusTo = Contact{ID: "marco", Names: []string{"Marco", "Rossi"}, Profile: "Marco 🌊", Segment: "retail", Known: mask.Known{
		Phones: []string{"4915155501234"}, Emails: []string{"marco.rossi@post.example"}, Handles: []string{"marco.waves77"}, Region: "DE"}}
	corpusFrom = Agent{Role: inbox.Agent, Name: "Jana Probe", Private: mask.Known{
		Phones: []string{"4917655509876", "393205550987"}, Emails: []string{"jana.probe@gmx.example"}, Handles: []string{"jana_pr0be"}}}
	corpusAt = time.Date(2026, 3, 12, 10, 0, 0, 0, time.UTC)
)

func corpusPolicy() Policy {
	p := DefaultPolicy()
	p.Company = Company{
		Numbers: []string{"493055512345", "390255501234", "448005550100"},
		Emails:  []string{"support@partner.example"},
		Domains: []string{"seaside.example", "tracking.example"},
		Handles: []string{"seaside.shop"},
		IBANs:   []string{"DE89 3704 0044 0532 0130 00"},
		Regions: []string{"DE", "IT", "GB", "AT"},
	}
	p.Offers = []Offer{
		{Code: "SUMMER15", Percent: 15, From: corpusAt.AddDate(0, -1, 0), Until: corpusAt.AddDate(0, 1, 0)},
		{Code: "MARCO-25", Percent: 25, For: "marco", Owner: "K7-MX4Q"},
		{Code: "ANNA-30", Percent: 30, For: "anna", Owner: "H2-AA11"},
		{Percent: 10, Segments: []string{"retail"}},
		{Code: "WINTER5", Percent: 5, Until: corpusAt.AddDate(0, -1, 0)},
	}
	return p
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

func digits(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('0' + r.IntN(10))
	}
	return string(b)
}

// phone returns the E.164 digits of a made-up number and its calling code.
func (w *world) phone() (number, code string) {
	r := w.r
	switch r.IntN(6) {
	case 0:
		return "49151555" + digits(r, 5), "49"
	case 1:
		return "49176555" + digits(r, 5), "49"
	case 2:
		return "39320555" + digits(r, 4), "39"
	case 3:
		return "39347555" + digits(r, 4), "39"
	case 4:
		return "43664555" + digits(r, 4), "43"
	}
	return "447700900" + digits(r, 3), "44"
}

// spelling writes a number as people do.
func (w *world) spelling(number, code string) string {
	r := w.r
	home := number[len(code):]
	trunk := "0"
	if code == "39" {
		trunk = ""
	}
	group := func(s, sep string) string {
		var b strings.Builder
		for i := 0; i < len(s); {
			n := 2 + r.IntN(3)
			if len(s)-i-n < 2 {
				n = len(s) - i
			}
			if i > 0 {
				b.WriteString(sep)
			}
			b.WriteString(s[i:min(len(s), i+n)])
			i += n
		}
		return b.String()
	}
	switch r.IntN(16) {
	case 0:
		return "+" + number
	case 1:
		return "+" + code + " " + group(home, " ")
	case 2:
		return "00" + code + " " + group(home, " ")
	case 3, 4:
		return trunk + group(home, " ")
	case 5:
		return trunk + home
	case 6:
		return trunk + home[:3] + "/" + home[3:]
	case 7:
		return trunk + home[:3] + "-" + group(home[3:], "-")
	case 8:
		if trunk == "" {
			return "+" + code + "." + group(home, ".")
		}
		return "+" + code + " (0)" + home[:3] + " " + home[3:]
	case 9:
		return "https://wa.me/" + number
	case 10:
		return "+" + code + "-" + group(home, "-")
	case 11: // full-width digits
		return strings.Map(func(c rune) rune { return c - '0' + '０' }, trunk+home)
	case 12: // one digit at a time
		return strings.Join(strings.Split(trunk+home, ""), " ")
	case 13: // in words
		return w.words("+" + number)
	case 14: // invisible characters
		return "+" + code + "\u200b" + home[:3] + "\u200b" + home[3:]
	}
	return "(" + trunk + home[:3] + ") " + group(home[3:], " ")
}

var digitWords = map[string][]string{
	"en": strings.Fields("zero one two three four five six seven eight nine"),
	"de": strings.Fields("null eins zwei drei vier fünf sechs sieben acht neun"),
	"it": strings.Fields("zero uno due tre quattro cinque sei sette otto nove"),
}

func (w *world) words(s string) string {
	list := digitWords[pick(w.r, []string{"en", "de", "it"})]
	var out []string
	for _, c := range s {
		if c == '+' {
			out = append(out, "plus")
		} else {
			out = append(out, list[c-'0'])
		}
	}
	return strings.Join(out, " ")
}

var (
	localParts = strings.Fields("anna.weber sofia.b giulia_conti tom.k85 l.meyer pietro1988 weber-anna john.doe77 k.lindner mariachiara fritz.k nora_s")
	mailHosts  = strings.Fields("mail.example gmx.example inbox.example libero.example web.example posteo.example")
)

func (w *world) mail() string {
	return pick(w.r, localParts) + digits(w.r, 2) + "@" + pick(w.r, mailHosts)
}

func (w *world) mailSpelling(m string) string {
	local, host, _ := strings.Cut(m, "@")
	switch w.r.IntN(8) {
	case 0:
		return local + "(at)" + host
	case 1:
		return local + " [at] " + strings.ReplaceAll(host, ".", " [dot] ")
	case 2:
		return strings.ToUpper(m[:1]) + m[1:]
	case 3:
		return local + " @ " + host
	}
	return m
}

func (w *world) card() string {
	r := w.r
	n, size := pick(r, []string{"4", "51", "5425", "2221", "37", "4000", "6011"}), 16
	if n == "37" {
		size = 15
	}
	n += digits(r, size-1-len(n))
	for c := byte('0'); c <= '9'; c++ {
		if luhn(n + string(c)) {
			n += string(c)
			break
		}
	}
	switch r.IntN(5) {
	case 0:
		return n
	case 1:
		return n[:4] + "-" + n[4:8] + "-" + n[8:12] + "-" + n[12:]
	case 2:
		return n[:4] + "." + n[4:8] + "." + n[8:12] + "." + n[12:]
	case 3:
		return strings.Map(func(c rune) rune { return c - '0' + '０' }, n)
	}
	return n[:4] + " " + n[4:8] + " " + n[8:12] + " " + n[12:]
}

func luhn(s string) bool {
	sum := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

func (w *world) iban() string {
	bban := digits(w.r, 18)
	rest := 0
	for _, c := range bban + "131400" { // DE00
		rest = (rest*10 + int(c-'0')) % 97
	}
	n := fmt.Sprintf("DE%02d%s", 98-rest, bban)
	if w.r.IntN(2) == 0 {
		return n
	}
	return n[:4] + " " + n[4:8] + " " + n[8:12] + " " + n[12:16] + " " + n[16:20] + " " + n[20:]
}

// A labelled draft says what must come of it.
type labelled struct {
	rule  Rule // "" for harmless
	draft Draft
	frame string
	words bool // a lure by words alone
}

// generate makes n drafts in the shares the figures are given for.
func (c *corpus) generate(n int) ([]labelled, *world) {
	w := &world{r: rand.New(rand.NewPCG(c.seed, 7)), owned: map[mask.Found]Owner{}}
	out := make([]labelled, 0, n)
	for len(out) < n {
		var frame string
		var rule Rule
		foreign, words := false, false
		switch k := w.r.IntN(100); {
		case k < 18:
			frame, rule, foreign = pick(w.r, c.other), OtherContact, true
		case k < 28:
			frame, rule = pick(w.r, c.card), PaymentCard
		case k < 37:
			frame, rule = pick(w.r, c.own), Diversion
		case k < 50:
			frame, rule, words = pick(w.r, c.lure), Diversion, true
		case k < 53:
			frame, rule = pick(w.r, c.iban), BankAccount
		case k < 57:
			frame, rule = pick(w.r, c.discount), Discount
		case k < 60:
			frame, rule = pick(w.r, c.greet), WrongRecipient
		default:
			frame = pick(w.r, c.harmless)
		}
		s := c.expand(w, frame, foreign)
		if rule != WrongRecipient && frame[0] != '^' {
			switch w.r.IntN(3) {
			case 0:
				s = pick(w.r, c.around) + " " + s
			case 1:
				s += " " + pick(w.r, c.around)
			}
		}
		s = strings.TrimPrefix(s, "^")
		out = append(out, labelled{rule, Draft{Parts: []Part{{Text: s}}, To: corpusTo, From: corpusFrom, At: corpusAt, Conversation: "here"}, frame, words})
	}
	return out, w
}

func (c *corpus) expand(w *world, frame string, foreign bool) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(frame, "{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		hole, after, _ := strings.Cut(rest, "}")
		frame = after
		r := w.r
		switch hole {
		case "phone":
			n, code := w.phone()
			if !foreign {
				n, code = "49160555"+digits(r, 5), "49" // nobody's
				if r.IntN(2) == 0 {
					n = "4917655509876"
				}
			}
			if foreign {
				w.owned[mask.Found{Kind: inbox.Phone, Value: n}] = Owner{"anna", "H2-AA11"}
			}
			b.WriteString(w.spelling(n, code))
		case "mail":
			m := w.mail()
			if !foreign && r.IntN(2) == 0 {
				m = "jana.probe@gmx.example"
			}
			if foreign {
				w.owned[mask.Found{Kind: inbox.Email, Value: m}] = Owner{"anna", "H2-AA11"}
			}
			if !foreign && m != "jana.probe@gmx.example" {
				m = "my" + m // nobody's
			}
			b.WriteString(w.mailSpelling(m))
		case "handle":
			h := pick(r, []string{"anna_w", "nora.shots", "tomtom", "giulia.c"}) + digits(r, 2)
			if foreign {
				w.owned[mask.Found{Kind: inbox.Handle, Value: h}] = Owner{"anna", "H2-AA11"}
			} else if h += "_x"; r.IntN(2) == 0 {
				h = "jana_pr0be"
			}
			b.WriteString(h)
		case "card":
			b.WriteString(w.card())
		case "iban":
			b.WriteString(w.iban())
		case "euro":
			fmt.Fprintf(&b, "%d", 5+5*r.IntN(30))
		case "price":
			b.WriteString(pick(r, []string{"1.299,00 €", "249,90 €", "€ 89", "12.500 €", "49 Euro", "1 250,00 EUR", "£35.50", "$1,499.00", "7,5 €", "349 euro", "3.999,- €"}))
		case "percent":
			fmt.Fprintf(&b, "%d%s", 20+5*r.IntN(8), pick(r, []string{"%", " %"}))
		case "n":
			fmt.Fprint(&b, 2+r.IntN(48))
		case "order":
			b.WriteString(pick(r, []string{"", "SO-", "#", "RE-2026-", "A"}) + digits(r, 5+r.IntN(4)))
		case "tracking":
			b.WriteString(pick(r, []string{"00340434", "1Z999AA1", "JJD0000", "RX"}) + digits(r, 10+r.IntN(3)))
		case "date":
			fmt.Fprintf(&b, "%02d.%02d.%s", 1+r.IntN(28), 1+r.IntN(12), pick(r, []string{"2026", "26", ""}))
		case "time":
			fmt.Fprintf(&b, "%02d:%02d", 8+r.IntN(11), 15*r.IntN(4))
		case "company":
			b.WriteString(pick(r, []string{"+49 30 55512345", "030 555 123 45", "030/55512345", "0049 30 555 12345", "+39 02 5550 1234"}))
		case "theirs":
			b.WriteString(pick(r, []string{"+49 151 55501234", "0151 555 01234", "marco.rossi@post.example"}))
		case "link":
			b.WriteString(pick(r, []string{"https://seaside.example/p/" + digits(r, 4), "www.seaside.example", "https://tracking.example/t?id=" + digits(r, 8), "shop.seaside.example/angebote"}))
		default:
			list, ok := c.fill[hole]
			if !ok {
				panic("no words for {" + hole + "}")
			}
			b.WriteString(pick(r, list))
		}
	}
}

// A tally counts what a corpus showed.
type tally struct {
	cases, found map[Rule]int
	lures, lured int // of Diversion, by words alone
	stopped      int // harmless drafts that were held or blocked
	asked        int // harmless drafts with a warning or a question
	harmless     int
	times        []time.Duration
	misses       []string
}

func (c *corpus) measure(t testing.TB, n int) tally {
	drafts, w := c.generate(n)
	g, err := New(corpusPolicy(), w)
	if err != nil {
		t.Fatal(err)
	}
	y := tally{cases: map[Rule]int{}, found: map[Rule]int{}}
	for _, l := range drafts {
		start := time.Now()
		v, err := g.Judge(t.Context(), l.draft)
		y.times = append(y.times, time.Since(start))
		if err != nil {
			t.Fatal(err)
		}
		note := func(what string) {
			y.misses = append(y.misses, fmt.Sprintf("%s: %s\n\t%q\n\t%+v", what, l.frame, l.draft.Parts[0].Text, v.Findings))
		}
		if l.rule == "" {
			y.harmless++
			switch {
			case v.Action >= Hold:
				y.stopped++
				note("stopped")
			case v.Action > Pass:
				y.asked++
				note("asked")
			}
			continue
		}
		y.cases[l.rule]++
		if l.words {
			y.lures++
		}
		if slices.ContainsFunc(v.Findings, func(f Finding) bool { return f.Rule == l.rule }) && v.Action >= defaultActions[l.rule] {
			y.found[l.rule]++
			if l.words {
				y.lured++
			}
		} else {
			note("missed " + string(l.rule))
		}
	}
	slices.Sort(y.times)
	return y
}

func (y *tally) recall(r Rule) float64 { return float64(y.found[r]) / float64(max(1, y.cases[r])) }
func (y *tally) falseStops() float64   { return float64(y.stopped) / float64(max(1, y.harmless)) }

func size() int {
	if os.Getenv("GUARD_FULL") != "" {
		return 50_000
	}
	return 5_000
}

// The figures of the design: what may slip through, and how often decent people are stopped.
func TestTheGuardFindsWhatItMustAndStopsNobodyElse(t *testing.T) {
	for _, c := range []*corpus{&developed, &second, &heldOut, &fresh} {
		t.Run(c.name, func(t *testing.T) {
			y := c.measure(t, size())
			for _, r := range Rules() {
				if y.cases[r] > 0 {
					t.Logf("%-16s %5d of %5d  %.2f %%", r, y.found[r], y.cases[r], 100*y.recall(r))
				}
			}
			t.Logf("%-16s %5d of %5d  %.2f %%", "by words alone", y.lured, y.lures, 100*float64(y.lured)/float64(max(1, y.lures)))
			t.Logf("%-16s %5d of %5d  %.2f %% stopped, %d asked or warned", "harmless", y.stopped, y.harmless, 100*y.falseStops(), y.asked)
			t.Logf("p50 %v, p99 %v, longest %v", y.times[len(y.times)/2], y.times[len(y.times)*99/100], y.times[len(y.times)-1])
			if os.Getenv("GUARD_SHOW") != "" {
				seen := map[string]bool{}
				for _, m := range y.misses {
					if head, _, _ := strings.Cut(m, "\n"); !seen[head] {
						seen[head] = true
						t.Log(m)
					}
				}
			}
			if known := float64(y.found[Diversion]-y.lured) / float64(max(1, y.cases[Diversion]-y.lures)); known < 0.99 {
				t.Errorf("recall of private numbers and addresses is %.2f %%, want 99 %%", 100*known)
			}
			if got, want := float64(y.lured)/float64(max(1, y.lures)), 0.99; got < want {
				t.Errorf("recall of lures by words alone is %.2f %%, want %.0f %%", 100*got, 100*want)
			}
			if got, want := y.recall(Discount), cmp.Or(c.discountFloor, 0.95); got < want {
				t.Errorf("recall of discounts is %.2f %%, want %.0f %%", 100*got, 100*want)
			}
			for _, r := range []Rule{OtherContact, PaymentCard} {
				if y.recall(r) < 0.99 {
					t.Errorf("recall of %s is %.2f %%, want 99 %%", r, 100*y.recall(r))
				}
			}
			for _, r := range []Rule{BankAccount, WrongRecipient} {
				if y.recall(r) < 0.95 {
					t.Errorf("recall of %s is %.2f %%, want 95 %%", r, 100*y.recall(r))
				}
			}
			if most := cmp.Or(c.stopCeiling, 0.005); y.falseStops() > most {
				t.Errorf("%.2f %% of harmless drafts are stopped, want at most %.1f %%", 100*y.falseStops(), 100*most)
			}
			if p99 := y.times[len(y.times)*99/100]; p99 > 5*time.Millisecond {
				t.Logf("p99 is above 5 ms: this machine is busy, or the guard has become slow")
			}
		})
	}
}
