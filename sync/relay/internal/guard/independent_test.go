package guard

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sort"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/mask"
)

// The drafts of this file were written from the specification alone, before their author had read a rule or a word list
// of the guard. A draft is a sentence grown from a grammar, "[a|b [c|d]]" for alternatives and "{hole}" for a value, put
// between harmless sentences, and spoilt the way people spoil what they type on a phone.

// grammar is what one language can say. The classes hold sentences; every way to read a sentence must deserve its class.
type grammar struct {
	lang     string
	lure     []string // away from the company by words alone
	own      []string // with the writer's {phone}, {mail} or {handle}
	other    []string // another contact's {phone}, {mail}, {handle}
	card     []string // {card}
	bank     []string // {iban}
	discount []string // {percent}, {euro}
	greet    []string // {stranger}
	harmless []string
	around   []string
	slang    []string // pairs: what is written properly, what is typed
	digits   []string // zero to nine
	at, dot  string
}

type independentSet struct {
	name     string
	seed     uint64
	grammars []grammar
}

const independentDrafts = 5000 // of each set

// utterance is one draft and what it deserves.
type utterance struct {
	class string
	lang  string
	rule  Rule // "" for harmless
	text  string
	draft Draft
}

type speaker struct {
	r     *rand.Rand
	g     *grammar
	owned map[mask.Found]Owner
}

func (s *speaker) Owners(_ context.Context, ask []mask.Found) ([]Owner, error) {
	out := make([]Owner, len(ask))
	for i, f := range ask {
		out[i] = s.owned[f]
	}
	return out, nil
}

var (
	speakerTo = Contact{ID: "c-elena", Names: []string{"Elena", "Brandt"}, Profile: "Elli B.", Segment: "retail", Known: mask.Known{
		Phones: []string{"4915155520011"}, Emails: []string{"elena.b@mailbox.example"}, Region: "DE"}}
	speakerFrom = Agent{Role: inbox.Agent, Name: "Timo Muster", Private: mask.Known{
		Phones: []string{"4915155577123"}, Emails: []string{"timo.muster@freemail.example"}, Handles: []string{"timo_on_tour"}, Region: "DE"}}
	speakerAt = time.Date(2026, 3, 10, 11, 0, 0, 0, time.UTC)
)

func speakerPolicy() Policy {
	p := DefaultPolicy()
	p.Company = Company{
		Numbers: []string{"493055501000", "390255501000", "442079460100"},
		Emails:  []string{"service@nordrad.example"},
		Domains: []string{"nordrad.example"},
		Handles: []string{"nordrad_bikes"},
		IBANs:   []string{ibanOf("37040044", "0532013000")},
		Regions: []string{"DE", "IT", "GB"},
		Names:   []string{"Nordrad"},
	}
	p.Offers = []Offer{{Code: "NORD10", Percent: 10}}
	p.Limits = map[inbox.Role]Limit{inbox.Agent: {Percent: 5}}
	return p
}

func ibanOf(bank, account string) string {
	digits := bank + account + "131400" // DE00
	rest := 0
	for _, d := range digits {
		rest = (rest*10 + int(d-'0')) % 97
	}
	return fmt.Sprintf("DE%02d%s%s", 98-rest, bank, account)
}

func (s *speaker) pick(list []string) string { return list[s.r.IntN(len(list))] }
func (s *speaker) chance(percent int) bool   { return s.r.IntN(100) < percent }

// grow expands one alternative of each bracket.
func (s *speaker) grow(t string) string {
	for {
		end := strings.IndexByte(t, ']')
		if end < 0 {
			return strings.Join(strings.Fields(strings.ReplaceAll(t, " ,", ",")), " ")
		}
		start := strings.LastIndexByte(t[:end], '[')
		t = t[:start] + s.pick(strings.Split(t[start+1:end], "|")) + t[end+1:]
	}
}

func (s *speaker) number(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('0' + s.r.IntN(10))
	}
	return string(b)
}

// phone returns a number's E.164 digits and one way to write it.
func (s *speaker) phone() (e164, shown string) {
	var cc, nat string
	switch s.r.IntN(4) {
	case 0:
		cc, nat = "39", "320555"+s.number(4)
		e164 = cc + nat
	case 1:
		cc, nat = "44", "07700900"+s.number(3)
		e164 = cc + nat[1:]
	default:
		cc, nat = "49", "0151555"+s.number(5)
		e164 = cc + nat[1:]
	}
	return e164, s.write(cc, nat)
}

func (s *speaker) write(cc, nat string) string {
	cut := func(d, sep string, sizes ...int) string {
		var out []string
		for _, n := range sizes {
			if len(d) <= n {
				break
			}
			out, d = append(out, d[:n]), d[n:]
		}
		return strings.Join(append(out, d), sep)
	}
	core := strings.TrimPrefix(nat, "0")
	switch s.r.IntN(14) {
	case 0:
		return "+" + cc + core
	case 1:
		return "+" + cc + " " + cut(core, " ", 3, 3)
	case 2:
		return "00" + cc + " " + cut(core, " ", 3)
	case 3:
		return nat
	case 4:
		return cut(nat, " ", 4, 3)
	case 5:
		return cut(nat, "/", 4)
	case 6:
		return cut(nat, "-", 4, 4)
	case 7:
		return cut(nat, ".", 4, 2, 2)
	case 8:
		return "(" + nat[:4] + ") " + nat[4:]
	case 9:
		return "+" + cc + " (0) " + cut(core, " ", 3, 2, 2)
	case 10:
		return cut(nat, " ", 2, 2, 2, 2, 2)
	case 11:
		return cut(nat, " - ", 4, 3, 2)
	case 12:
		words := make([]string, 0, len(nat))
		for _, d := range nat {
			words = append(words, s.g.digits[d-'0'])
		}
		return strings.Join(words, " ")
	default:
		return strings.NewReplacer("0", "o").Replace(nat[:2]) + nat[2:]
	}
}

var (
	speakerFirst = []string{"zilla", "quentin", "ottavia", "bruno", "mirko", "selma", "wanda", "ruben", "pinja", "oskar"}
	speakerLast  = []string{"falk", "testa", "muster", "probe", "sample", "prova", "beispiel", "nobody"}
)

func (s *speaker) mail() (addr, shown string) {
	addr = s.pick(speakerFirst) + s.pick([]string{".", "_", "", "-"}) + s.pick(speakerLast) + s.pick([]string{"", s.number(2), s.number(4)}) +
		"@" + s.pick([]string{"freemail.example", "post.example", "web-mail.example"})
	shown = addr
	switch s.r.IntN(6) {
	case 0:
		shown = strings.NewReplacer("@", " "+s.g.at+" ", ".", " "+s.g.dot+" ").Replace(addr)
	case 1:
		shown = strings.NewReplacer("@", "(at)", ".example", "(dot)example").Replace(addr)
	case 2:
		shown = strings.ToUpper(addr[:1]) + addr[1:]
	}
	return addr, shown
}

func (s *speaker) handle() (name, shown string) {
	name = s.pick(speakerFirst) + s.pick([]string{".", "_", "__"}) + s.pick(speakerLast) + s.number(2)
	return name, s.pick([]string{"@" + name, "@" + name, "instagram.com/" + name, "insta: " + name, "t.me/" + strings.ReplaceAll(name, ".", "_")})
}

func (s *speaker) card() string {
	d := s.pick([]string{"4", "51", "55", "2221"})
	d += s.number(15 - len(d))
	sum := 0
	for i := range d {
		v := int(d[len(d)-1-i] - '0')
		if i%2 == 0 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	d += string(rune('0' + (10-sum%10)%10))
	sep := s.pick([]string{"", " ", " ", "-", ".", "  ", "/", "\u00a0"})
	return d[:4] + sep + d[4:8] + sep + d[8:12] + sep + d[12:]
}

func (s *speaker) fill(t string, sp *utterance) string {
	for {
		i := strings.IndexByte(t, '{')
		if i < 0 {
			return t
		}
		j := i + strings.IndexByte(t[i:], '}')
		t = t[:i] + s.value(t[i+1:j], sp) + t[j+1:]
	}
}

func (s *speaker) value(hole string, sp *utterance) string {
	own := func(f mask.Found) {
		if sp.rule == OtherContact {
			s.owned[f] = Owner{Contact: "c-other", Alias: "Blue Heron"}
		}
	}
	switch hole {
	case "phone":
		if sp.class == "own" && s.chance(40) {
			return s.write("49", "015155577123")
		}
		e164, shown := s.phone()
		own(mask.Found{Kind: inbox.Phone, Value: e164})
		return shown
	case "mail":
		if sp.class == "own" && s.chance(40) {
			return "timo.muster@freemail.example"
		}
		addr, shown := s.mail()
		own(mask.Found{Kind: inbox.Email, Value: addr})
		return shown
	case "handle":
		if sp.class == "own" && s.chance(40) {
			return "@timo_on_tour"
		}
		name, shown := s.handle()
		own(mask.Found{Kind: inbox.Handle, Value: name})
		own(mask.Found{Kind: inbox.Handle, Value: strings.ReplaceAll(name, ".", "_")})
		return shown
	case "card":
		return s.card()
	case "iban":
		iban := ibanOf("10"+s.number(6), s.number(10))
		if s.chance(60) {
			return iban[:4] + " " + iban[4:8] + " " + iban[8:12] + " " + iban[12:16] + " " + iban[16:20] + " " + iban[20:]
		}
		return iban
	case "companyiban":
		return speakerPolicy().Company.IBANs[0]
	case "percent":
		return fmt.Sprint([]int{12, 15, 18, 20, 25, 30, 35, 40, 50}[s.r.IntN(9)])
	case "euro":
		return fmt.Sprint([]int{20, 30, 45, 50, 80, 100, 150}[s.r.IntN(7)])
	case "stranger":
		return s.pick([]string{"Zilla", "Quentin", "Ottavia", "Selma", "Wanda", "Ruben", "Oskar", "Bruno"})
	case "colleague":
		return s.pick([]string{"Ruben", "Wanda", "Mirko", "Selma", "Pinja"})
	case "order":
		return s.pick([]string{"4711-" + s.number(4), "#" + s.number(6), "NR-" + s.number(7), "2026-" + s.number(5)})
	case "price":
		return s.pick([]string{"49,90 €", "1.249 €", "89 EUR", "€ 15", "19.99"})
	case "time":
		return fmt.Sprintf("%d:%02d", 8+s.r.IntN(11), 15*s.r.IntN(4))
	case "date":
		return fmt.Sprintf("%02d.%02d.", 1+s.r.IntN(28), 1+s.r.IntN(12))
	case "tracking":
		return s.pick([]string{"00340", "1Z", "JJD0"}) + s.number(15)
	case "shopphone":
		return s.pick([]string{"+49 30 55501000", "030 555 01000", "+39 02 55501000", "+44 20 7946 0100"})
	case "shopmail":
		return s.pick([]string{"service@nordrad.example", "werkstatt@nordrad.example"})
	case "shophandle":
		return s.pick([]string{"@nordrad_bikes", "instagram.com/nordrad_bikes"})
	case "shoplink":
		return s.pick([]string{"https://nordrad.example/help", "www.nordrad.example", "shop.nordrad.example/kontakt"})
	case "theirphone":
		return s.pick([]string{"+4915155520011", "0151 55520011", "0151/55520011"})
	case "thing":
		return s.pick(map[string][]string{
			"en": {"bike", "saddle", "helmet", "rear wheel", "charger", "order", "jacket", "invoice", "parcel", "battery"},
			"de": {"Rad", "Paket", "Ladegerät", "Hinterrad", "Schloss", "Angebot"},
			"it": {"pacco", "casco", "caricatore", "sellino", "ordine", "lucchetto"},
		}[s.g.lang])
	case "app":
		return s.pick([]string{"Telegram", "Signal", "Insta", "Instagram", "Viber", "Threema", "Facebook", "Messenger", "Snapchat", "Skype", "telegram", "insta", "signal"})
	}
	panic("no such hole: " + hole)
}

// spoil types a text the way people do; holes are left alone.
func (s *speaker) spoil(t string) string {
	if s.chance(25) {
		for i := 0; i+1 < len(s.g.slang); i += 2 {
			if s.chance(70) {
				t = replaceWord(t, s.g.slang[i], s.g.slang[i+1])
			}
		}
	}
	if s.chance(20) {
		words := strings.Split(t, " ")
		for range 1 + s.r.IntN(2) {
			i := s.r.IntN(len(words))
			words[i] = s.typo(words[i])
		}
		t = strings.Join(words, " ")
	}
	switch s.r.IntN(12) {
	case 0:
		t = lowerOutside(t)
	case 1:
		t = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss", "à", "a'", "è", "e'", "ù", "u'", "'", "’").Replace(t)
	case 2:
		t = strings.NewReplacer(", ", " ", "'", "").Replace(t)
	case 3:
		t = strings.ReplaceAll(t, ", ", " ... ")
	case 4:
		t += s.pick([]string{" 😊", " 😉", " 🙏", "!!", " :)", " ;-)"})
	}
	return t
}

func replaceWord(t, from, to string) string {
	words := strings.Split(t, " ")
	for i, w := range words {
		if strings.EqualFold(strings.TrimRight(w, ",.!?"), from) {
			words[i] = to + w[len(strings.TrimRight(w, ",.!?")):]
		}
	}
	return strings.Join(words, " ")
}

func lowerOutside(t string) string {
	var b strings.Builder
	in := false
	for _, r := range t {
		in = in && r != '}' || r == '{'
		if !in {
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// typo makes one slip in a word of six letters or more, never in its first.
func (s *speaker) typo(w string) string {
	r := []rune(w)
	for _, c := range r {
		if !unicode.IsLetter(c) {
			return w
		}
	}
	if len(r) < 6 {
		return w
	}
	i := 1 + s.r.IntN(len(r)-2)
	switch s.r.IntN(4) {
	case 0:
		r[i], r[i+1] = r[i+1], r[i]
	case 1:
		r = append(r[:i], r[i+1:]...)
	case 2:
		r = append(r[:i+1], r[i:]...)
	default:
		r[i] = rune("abcdefghijklmnopqrstuvwxyz"[s.r.IntN(26)])
	}
	return string(r)
}

func (s *speaker) say() utterance {
	sp := utterance{lang: s.g.lang}
	var from []string
	switch n := s.r.IntN(100); {
	case n < 16:
		sp.class, sp.rule, from = "lure", Diversion, s.g.lure
	case n < 24:
		sp.class, sp.rule, from = "own", Diversion, s.g.own
	case n < 33:
		sp.class, sp.rule, from = "other", OtherContact, s.g.other
	case n < 40:
		sp.class, sp.rule, from = "card", PaymentCard, s.g.card
	case n < 44:
		sp.class, sp.rule, from = "bank", BankAccount, s.g.bank
	case n < 48:
		sp.class, sp.rule, from = "discount", Discount, s.g.discount
	case n < 51:
		sp.class, sp.rule, from = "greet", WrongRecipient, s.g.greet
	default:
		sp.class, from = "harmless", s.g.harmless
	}
	core := s.grow(s.pick(from))
	sp.text = core
	text := s.spoil(core)
	end := s.pick([]string{". ", " ", "! ", "\n", ". ", "\n\n"})
	if sp.class != "greet" && s.chance(45) {
		text = s.spoil(s.grow(s.pick(s.g.around))) + end + text
	}
	if s.chance(35) {
		text += end + s.spoil(s.grow(s.pick(s.g.around)))
	}
	text = s.fill(text, &sp)
	d := Draft{To: speakerTo, From: speakerFrom, Conversation: "conv-1", At: speakerAt, Parts: []Part{{Kind: Body, Text: text}}}
	switch n := s.r.IntN(30); {
	case n == 0:
		d.Parts[0].Kind = Caption
		d.File = &File{Name: "photo.jpg", Type: "image/jpeg", Size: 200 << 10}
	case n == 1 && sp.class != "greet": // two parts, as a template's values are
		if i := strings.Index(text, end); i > 0 {
			d.Parts = []Part{{Kind: Body, Text: text[:i]}, {Kind: Value, Text: text[i+len(end):]}}
		}
	case n < 4 && (sp.class == "own" || sp.class == "other"): // a number dictated in two messages
		var tail mask.Piece
		e164, _ := s.phone()
		if sp.rule == OtherContact {
			s.owned[mask.Found{Kind: inbox.Phone, Value: e164}] = Owner{Contact: "c-other", Alias: "Blue Heron"}
		}
		tail.Text, tail.Ago = "+"+e164[:6], 20*time.Second
		d.Earlier, d.Parts[0].Text = []mask.Piece{tail}, e164[6:]
		sp.text = "(in two messages)"
	}
	sp.draft = d
	return sp
}

// count is how a class fared.
type count struct{ all, found, ask, hold int }

// figures judges a set and returns what became of each class, and the cores that went wrong with how often.
func (set independentSet) figures(t testing.TB) (map[string]count, map[string]int) {
	s := &speaker{r: rand.New(rand.NewPCG(set.seed, 2026)), owned: map[mask.Found]Owner{}}
	g, err := New(speakerPolicy(), s)
	if err != nil {
		t.Fatal(err)
	}
	counts, wrong := map[string]count{}, map[string]int{}
	for range independentDrafts {
		s.g = &set.grammars[s.r.IntN(len(set.grammars))]
		sp := s.say()
		v, err := g.Judge(context.Background(), sp.draft)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, f := range v.Findings {
			found = found || f.Rule == sp.rule && f.Action >= Ask
		}
		for _, key := range []string{sp.class, sp.class + " " + sp.lang} {
			c := counts[key]
			c.all++
			if found {
				c.found++
			}
			if v.Action >= Ask {
				c.ask++
			}
			if v.Action >= Hold {
				c.hold++
			}
			counts[key] = c
		}
		if sp.rule == "" && v.Action >= Ask {
			wrong[fmt.Sprintf("STOPPED %s %v: %s", sp.lang, rulesOf(v), excerpt(sp))]++
		} else if sp.rule != "" && !found {
			wrong[fmt.Sprintf("MISSED %s %s: %s", sp.class, sp.lang, excerpt(sp))]++
		}
	}
	return counts, wrong
}

func excerpt(sp utterance) string {
	t := sp.draft.Parts[0].Text
	if !utf8.ValidString(t) || len(t) > 220 {
		t = t[:220]
	}
	return sp.text + "   <- " + strings.ReplaceAll(t, "\n", " / ")
}

func rulesOf(v Verdict) (out []string) {
	for _, f := range v.Findings {
		if f.Action >= Ask {
			out = append(out, string(f.Rule)+"/"+string(f.Why))
		}
	}
	return out
}

func (set independentSet) print(t testing.TB, counts map[string]count, wrong map[string]int) {
	keys := make([]string, 0, len(counts))
	for k := range counts {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		c := counts[k]
		t.Logf("%-12s %-12s %5d drafts, found %6.2f %%, asked or more %6.2f %%, held or more %6.2f %%", set.name, k, c.all,
			100*float64(c.found)/float64(c.all), 100*float64(c.ask)/float64(c.all), 100*float64(c.hold)/float64(c.all))
	}
	if os.Getenv("GUARD_SHOW") != "" {
		lines := make([]string, 0, len(wrong))
		for k, n := range wrong {
			lines = append(lines, fmt.Sprintf("%s x%d", k, n))
		}
		sort.Strings(lines)
		for _, l := range lines {
			t.Log(l)
		}
	}
}

// The figures of sets written apart from the rules. What the guard showed on each before anything was mended for it, lures by
// words alone and harmless drafts stopped: independent 38.8 % and 0.69 %, opened 53.3 % and 1.70 % (34.4 % and 1.29 % with
// the rules as they were before the scores), sealed 53.2 % and 3.60 %, and 62.2 % and 4.6 % when the lists of words had
// been widened by one who had read no sentence of it but a few by accident. It is mended for now as the others are; what to
// expect of words nobody thought of is what these sets showed first, see also [TestFrozenDrafts].
func TestIndependentDrafts(t *testing.T) {
	for _, c := range []struct {
		set        independentSet
		lure, stop float64 // percent
	}{
		{independentSet{"independent", 41, independentGrammars}, 99, 0.5},
		{independentSet{"opened", 43, openedGrammars}, 99, 0.5},
		{independentSet{"sealed", 47, sealedGrammars}, 99, 0.5},
		{independentSet{"everyday", 53, everydayGrammars}, 99, 0.5},
	} {
		t.Run(c.set.name, func(t *testing.T) {
			t.Parallel()
			counts, wrong := c.set.figures(t)
			c.set.print(t, counts, wrong)
			share := func(part, all int) float64 { return 100 * float64(part) / float64(max(1, all)) }
			for class, floor := range map[string]float64{"lure": c.lure, "own": 99, "other": 99, "card": 99, "bank": 99, "discount": 95, "greet": 95} {
				if n := counts[class]; share(n.found, n.all) < floor {
					t.Errorf("%.2f %% of %s are found, want %.1f %%", share(n.found, n.all), class, floor)
				}
			}
			if n := counts["harmless"]; share(n.ask, n.all) > c.stop {
				t.Errorf("%.2f %% of harmless drafts are stopped, want at most %.1f %%", share(n.ask, n.all), c.stop)
			}
		})
	}
}
