package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/mask"
)

var errDown = errors.New("down")

// owners answers from a list, or fails; it counts what it is asked.
type owners struct {
	known map[mask.Found]Owner
	err   error
	asked int
}

func (o *owners) Owners(_ context.Context, ask []mask.Found) ([]Owner, error) {
	o.asked += len(ask)
	out := make([]Owner, len(ask))
	for i, f := range ask {
		out[i] = o.known[f]
	}
	return out, o.err
}

var anna = Owner{Contact: "anna", Alias: "H2-AA11"}

func someOwners() *owners {
	return &owners{known: map[mask.Found]Owner{
		{Kind: inbox.Phone, Value: "4916055500777"}:           anna,
		{Kind: inbox.Phone, Value: "436645550777"}:            anna,
		{Kind: inbox.Email, Value: "anna.weber@mail.example"}: anna,
		{Kind: inbox.Handle, Value: "anna_w85"}:               anna,
		{Kind: inbox.Phone, Value: "4915155501777"}:           {Contact: "marco", Alias: "K7-MX4Q"},
		{Kind: inbox.Phone, Value: corpusTo.Known.Phones[0]}:  {Contact: "marco", Alias: "K7-MX4Q"},
	}}
}

func guard(t testing.TB, p Policy, o Owners) *Guard {
	t.Helper()
	g, err := New(p, o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func draft(text string) Draft {
	return Draft{Parts: []Part{{Text: text}}, To: corpusTo, From: corpusFrom, At: corpusAt, Conversation: "here"}
}

func judged(t testing.TB, g *Guard, d Draft) Verdict {
	t.Helper()
	v, err := g.Judge(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// told lists what a verdict found, "rule/why".
func told(v Verdict) string {
	var out []string
	for _, f := range v.Findings {
		s := string(f.Rule)
		if f.Why != "" {
			s += "/" + string(f.Why)
		}
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return strings.Join(out, " ")
}

type ruling struct{ name, text, want string }

func rule(t *testing.T, g *Guard, list []ruling, change func(*Draft)) {
	t.Helper()
	for _, c := range list {
		t.Run(c.name, func(t *testing.T) {
			d := draft(c.text)
			if change != nil {
				change(&d)
			}
			if got := told(judged(t, g, d)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestIdentifiers(t *testing.T) {
	rule(t, guard(t, corpusPolicy(), someOwners()), []ruling{
		{"another contact's number", "Ihre Nachbarin: 0160 555 00777", "other-contact/number"},
		{"another contact's number of another country, dialled from home", "chiami lo 0664 5550777", "other-contact/number"},
		{"another contact's address", "bitte an anna.weber@mail.example", "other-contact/address"},
		{"another contact's username", "siehe @anna_w85", "other-contact/handle"},
		{"the contact's own number", "Stimmt +49 151 555 01234?", ""},
		{"the contact's own number that only the vault knows", "Stimmt +49 151 555 01777?", ""},
		{"a number that ends like the company's", "hier meine: 0160/55501004", "diversion/number"},
		{"the company's number", "Rufen Sie an: 030 555 123 45", ""},
		{"an address of the company's domain", "an info@seaside.example", ""},
		{"the agent's own number as the company knows it", "0176 555 09876", "diversion/own"},
		{"the agent's own address", "jana.probe@gmx.example", "diversion/own"},
		{"nobody's number", "0171 5550123", "diversion/number"},
		{"a number in words", "null eins sieben eins fünf fünf fünf null eins zwei drei", "diversion/disguised"},
		{"a toll-free number", "0800 330 1000", ""},
		{"a card", "4111 1111 1111 1111", "payment-card"},
		{"sixteen digits that are no card", "Charge 4111 1111 1111 1112 Stück", ""},
		{"an IBAN that is not the company's", "GB29 NWBK 6016 1331 9268 19", "bank-account"},
		{"the company's IBAN", "DE89 3704 0044 0532 0130 00", ""},
		{"an IBAN with a wrong check digit is no IBAN", "Referenz DE88 3704 0044 0532 0130 00", ""},
		{"bank details without IBAN", "BLZ 37040044, Kontonummer 532013000", "bank-account/bank-details"},
		{"a payment link", "paypal.me/janaprobe", "bank-account/bank-details diversion/handle"},
		{"a wallet", "0x52908400098527886E0F7030069857D2E4169EE7", "bank-account/bank-details"},
		{"a parcel", "Sendung 00340434161094027318", ""},
		{"a partita IVA", "P.IVA 01234567890", ""},
	}, nil)
}

func TestANoteMayHoldANumberButNotAnotherContactsAndNoCard(t *testing.T) {
	rule(t, guard(t, corpusPolicy(), someOwners()), []ruling{
		{"a number", "ruft von 0171 5550123 an, schreib mir auf Telegram", ""},
		{"another contact's", "wie 0160 555 00777", "other-contact/number"},
		{"a card", "4111 1111 1111 1111", "payment-card"},
	}, func(d *Draft) { d.Parts[0].Kind = Note })
}

func TestANumberOverSeveralMessagesOrTemplateValues(t *testing.T) {
	g := guard(t, corpusPolicy(), someOwners())
	d := draft("55509876")
	d.Earlier = []mask.Piece{{Text: "0176", Ago: 20 * time.Second}}
	if got := told(judged(t, g, d)); got != "diversion/own" {
		t.Errorf("over two messages: %q", got)
	}
	d = draft("0176")
	d.Parts = append(d.Parts, Part{Kind: Value, Text: "55509876"})
	if got := told(judged(t, g, d)); got != "diversion/own" {
		t.Errorf("over two values: %q", got)
	}
}

func TestLinks(t *testing.T) {
	rule(t, guard(t, corpusPolicy(), nil), []ruling{
		{"the company's", "https://seaside.example/a?b=1", ""},
		{"below the company's", "shop.seaside.example/x", ""},
		{"another", "https://news.example/x", "link"},
		{"without scheme", "siehe news.com/x", "link"},
		{"two sentences without a space", "Alles da.it works.Danke", ""},
		{"a file name", "anbei Angebot.pdf und Liste.xlsx", ""},
		{"a shortener", "https://bit.ly/3xYz", "bad-link/shortener"},
		{"a letter too many", "https://seasside.example", "bad-link/look-alike"},
		{"a digit for a letter", "https://seas1de.example", "bad-link/look-alike"},
		{"the company's name before another domain", "https://seaside.example.pay-now.com/x", "bad-link/look-alike"},
		{"the company before an at", "https://seaside.example@evil.com/", "bad-link/look-alike diversion/address"},
		{"Cyrillic letters", "https://sеаside.example", "bad-link/look-alike"},
		{"punycode of nothing known", "https://xn--bcher-kva.com", "bad-link/punycode"},
		{"an address of a machine", "http://192.0.2.7/login", "bad-link/raw-address"},
		{"a version", "v2.14.3 and 1.250.000", ""},
		{"the company's page", "https://instagram.com/seaside.shop", ""},
	}, nil)
	v := judged(t, guard(t, corpusPolicy(), nil), draft("https://bücher.com"))
	if len(v.Findings) != 1 || v.Findings[0].Detail != "bücher.com = xn--bcher-kva.com" {
		t.Errorf("both forms of a name are shown: %+v", v.Findings)
	}
}

func TestDiscounts(t *testing.T) {
	p := corpusPolicy()
	p.Limits = map[inbox.Role]Limit{inbox.Supervisor: {Percent: 30, Amount: 50, Free: true}}
	g := guard(t, p, nil)
	rule(t, g, []ruling{
		{"above every offer", "50% off for you", "discount/not-in-offers"},
		{"a standing offer", "10 % Rabatt", ""},
		{"a code and what it gives", "SUMMER15: 15% off", ""},
		{"a code and more than it gives", "SUMMER15: 25% off", "discount/not-in-offers"},
		{"a code that ran out", "Code WINTER5 for 5% off", "discount/expired"},
		{"the contact's own code", "Your code MARCO-25", ""},
		{"another contact's code", "Your code ANNA-30", "foreign-code"},
		{"another contact's code in small letters", "use the code anna-30 at checkout", "foreign-code"},
		{"a code nobody registered", "use code SAVE40 at checkout", "discount/not-in-offers"},
		{"an error code", "the display shows error code E404X", ""},
		{"half price", "zum halben Preis", "discount/not-in-offers"},
		{"for free", "I'll give you the cover for free", "discount/not-in-offers"},
		{"free shipping", "free shipping", ""},
		{"money off", "20 € Rabatt", "discount/not-in-offers"},
		{"cotton", "100 % Baumwolle", ""},
		{"refused", "leider können wir keine 20 % Rabatt geben", ""},
	}, nil)
	rule(t, g, []ruling{
		{"within the role's limit", "30 % Rabatt und 50 € Nachlass, gratis dazu die Hülle", ""},
		{"above the role's limit", "35 % Rabatt", "discount/above-limit"},
	}, func(d *Draft) { d.From.Role = inbox.Supervisor })
	rule(t, g, []ruling{{"for another segment", "10 % Rabatt", "discount/wrong-segment"}}, func(d *Draft) { d.To.Segment = "dealers" })
	v := judged(t, g, draft("Your code ANNA-30"))
	if v.Action != Block || v.Findings[0].Owner.Contact != "anna" {
		t.Errorf("%+v", v)
	}
}

func TestGreetings(t *testing.T) {
	g := guard(t, corpusPolicy(), nil)
	rule(t, g, []ruling{
		{"somebody else", "Hallo Frau Weber, Ihr Paket", "wrong-recipient"},
		{"somebody else without a title", "Hi Anna!", "wrong-recipient"},
		{"the right first and the wrong last name", "Dear Marco Weber,", "wrong-recipient"},
		{"the first name", "Ciao Marco, tutto bene?", ""},
		{"the last name", "Sehr geehrter Herr Rossi,", ""},
		{"mistyped", "Hallo Herr Rosssi,", ""},
		{"the customer's own name for himself", "Hi Marco 🌊!", ""},
		{"nobody", "Hallo zusammen,", ""},
		{"a sentence behind a greeting", "Hallo, Ihre Lieferung ist da", ""},
		{"the writer", "Hallo, Jana hier", ""},
		{"the writer at the end", "Danke!\nLiebe Grüße\nJana", ""},
	}, nil)
	rule(t, g, []ruling{{"nothing is known of the contact", "Hallo Frau Weber,", ""}}, func(d *Draft) { d.To.Names, d.To.Profile = nil, "☀️ sun" })
	rule(t, g, []ruling{{"only a first name is known", "Hallo Frau Weber,", ""}}, func(d *Draft) { d.To.Names, d.To.Profile = []string{"Anna"}, "" })
	rule(t, g, []ruling{{"umlauts written as two letters", "Hallo Frau Mueller,", ""}}, func(d *Draft) { d.To.Names = []string{"Eva", "Müller"} })
	rule(t, g, []ruling{{"text from another conversation", "Passt!", "pasted"}}, func(d *Draft) { d.Pasted = "there" })
	rule(t, g, []ruling{{"text from this conversation", "Passt!", ""}}, func(d *Draft) { d.Pasted = "here" })
}

func TestQuestionsForDataNobodyNeeds(t *testing.T) {
	p := corpusPolicy()
	p.Sensitive = []string{"blutgruppe"}
	rule(t, guard(t, p, nil), []ruling{
		{"an ID card", "Please send me a photo of your ID card", "sensitive-data"},
		{"a password", "Wie lautet Ihr Passwort? Bitte schicken Sie es mir", "sensitive-data"},
		{"a PIN", "mi dica il suo PIN", "sensitive-data"},
		{"the company's own word", "nennen Sie mir Ihre Blutgruppe", "sensitive-data"},
		{"a warning", "Never send anybody your password", ""},
		{"a fact", "Das Passwort wurde geändert", ""},
	}, nil)
	p.Allowed = []string{"id card", "passport"}
	rule(t, guard(t, p, nil), []ruling{{"what this company needs", "Please send me a photo of your ID card", ""}}, nil)
}

func TestClaimsAndWhatMustBeSaidWithThem(t *testing.T) {
	p := corpusPolicy()
	p.Claims = []string{"garantiert* heil*", "risk free"}
	p.Disclaimers = []Disclaimer{{When: []string{"rendite", "yield"}, Need: []string{"no guarantee", "keine garantie"}}}
	rule(t, guard(t, p, nil), []ruling{
		{"forbidden", "Das wirkt garantiert heilend", "claim"},
		{"forbidden, with a word between", "it is risk totally free", "claim"},
		{"allowed", "das heilt nicht", ""},
		{"without what belongs to it", "Die Rendite ist hoch", "disclaimer"},
		{"with it", "Die Rendite ist hoch, aber keine Garantie", ""},
	}, nil)
}

func TestFiles(t *testing.T) {
	g := guard(t, corpusPolicy(), someOwners())
	for _, c := range []struct {
		name string
		file File
		want string
	}{
		{"an offer", File{"Angebot_2026.pdf", "application/pdf", 1 << 20}, ""},
		{"too big", File{"film.mp4", "video/mp4", 200 << 20}, "file/size"},
		{"an archive", File{"x.zip", "application/zip", 10}, "file/type"},
		{"a program with a harmless type", File{"x.pdf.exe", "application/pdf", 10}, "file/type"},
		{"turned letters", File{"x\u202efdp.jpg", "image/jpeg", 10}, "file/name"},
		{"another contact's number", File{"Rechnung_0160_55500777.pdf", "application/pdf", 10}, "other-contact/number"},
		{"another contact's address", File{"anna.weber@mail.example.pdf", "application/pdf", 10}, "other-contact/address"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := draft("anbei")
			d.File = &c.file
			if got := told(judged(t, g, d)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestTheSameTextToMany(t *testing.T) {
	g := guard(t, corpusPolicy(), nil)
	text := "Hallo Marco, unsere neue Kollektion ist da, schauen Sie doch gern einmal vorbei, wir freuen uns auf Sie im Laden!"
	sent := func(n int, ago time.Duration) []Sent {
		var out []Sent
		for i := range n {
			p := PrintOf([]Part{{Text: strings.Replace(text, "Marco", fmt.Sprint("Kunde", i), 1)}})
			out = append(out, Sent{To: inbox.ContactID(fmt.Sprint("c", i)), At: corpusAt.Add(-ago), Print: p})
		}
		return out
	}
	for _, c := range []struct {
		name, text string
		recent     []Sent
		want       string
	}{
		{"the eleventh within ten minutes", text, sent(10, 9*time.Minute), "mass-send"},
		{"the tenth", text, sent(9, 9*time.Minute), ""},
		{"too long ago", text, sent(20, 11*time.Minute), ""},
		{"another text", "Die Lieferung für Ihren Auftrag kommt am Montag zwischen acht und zwölf Uhr bei Ihnen an.", sent(20, time.Minute), ""},
		{"too short to count", "Vielen Dank!", sent(20, time.Minute), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := draft(c.text)
			d.Recent = c.recent
			if got := told(judged(t, g, d)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestFactsOfTheCaller(t *testing.T) {
	g := guard(t, corpusPolicy(), nil)
	rule(t, g, []ruling{{"the window is closed", "Passt", "window"}}, func(d *Draft) { d.Outside = true })
	rule(t, g, []ruling{{"a template needs no window", "Passt", ""}}, func(d *Draft) { d.Outside, d.Template = true, true })
	rule(t, g, []ruling{{"no consent", "Passt", "consent"}}, func(d *Draft) { d.NoConsent, d.Template = true, true })
}

func TestWhatCannotBeReadDoesNotLeave(t *testing.T) {
	g := guard(t, corpusPolicy(), someOwners())
	rule(t, g, []ruling{
		{"not UTF-8", "a\xffb", "unreadable"},
		{"too long", strings.Repeat("a", MaxText+1), "unreadable"},
	}, nil)
	var list strings.Builder
	for i := range 200 {
		fmt.Fprintf(&list, "+49 171 555%05d, ", 10000+i*37)
	}
	if v := judged(t, g, draft(list.String())); v.Action != Block || v.Asked > maxAsked {
		t.Errorf("a list of numbers: %v, asked for %d", v.Action, v.Asked)
	}
	down := &owners{err: errDown}
	v, err := guard(t, corpusPolicy(), down).Judge(t.Context(), draft("0160 555 00777"))
	if !errors.Is(err, errDown) || v.Action != Block {
		t.Errorf("owners that fail: %v, %v", v.Action, err)
	}
	if strings.Contains(err.Error(), "555") {
		t.Error("the error holds a number")
	}
}

// Typing must not tell whose a number is.
func TestTypingIsNoOracle(t *testing.T) {
	o := someOwners()
	g := guard(t, corpusPolicy(), o)
	look := func(number string) Verdict {
		d := draft("Ist es " + number + "?")
		d.Preview = true
		return judged(t, g, d)
	}
	nobody := look("+49 171 555 01230")
	if nobody.Action != Warn || !nobody.Findings[0].Unsure || nobody.Alert {
		t.Errorf("a number while typing: %+v", nobody)
	}
	for name, number := range map[string]string{"the contact's": "+49 151 555 01234", "another contact's": "+49 160 555 00777", "one of the contact's that only the vault knows": "+49 151 555 01777"} {
		if v := look(number); !reflect.DeepEqual(v, nobody) {
			t.Errorf("%s number reads otherwise than nobody's", name)
		}
	}
	if o.asked > 0 {
		t.Errorf("owners was asked %d times while typing", o.asked)
	}
	if v := look("0176 555 09876"); v.Action != Block {
		t.Errorf("the agent's own number while typing: %v", v.Action)
	}
}

// Neither must sending, to those who may not see the other conversation.
func TestABlindVerdictDoesNotTellAContactFromNobody(t *testing.T) {
	g := guard(t, corpusPolicy(), someOwners())
	theirs, nobodys := judged(t, g, draft("an +49 160 555 00777")), judged(t, g, draft("an +49 171 555 00777"))
	if theirs.Findings[0].Owner != anna || theirs.Hits != 1 {
		t.Fatalf("%+v", theirs)
	}
	if !reflect.DeepEqual(theirs.Blind(nil), nobodys.Blind(nil)) {
		t.Errorf("blind verdicts differ:\n%+v\n%+v", theirs.Blind(nil), nobodys.Blind(nil))
	}
	if v := theirs.Blind(func(id inbox.ContactID) bool { return id == "anna" }); v.Findings[0].Owner != anna {
		t.Error("who may see the owner does not")
	}
	if theirs.Findings[0].Owner != anna {
		t.Error("Blind changed the verdict itself")
	}
	code, none := judged(t, g, draft("code ANNA-30 gilt")), judged(t, g, draft("code LENA-30 gilt"))
	if b := code.Blind(nil); b.Findings[0].Owner != (Owner{}) || told(b) != "discount/not-in-offers" {
		t.Errorf("another contact's code: %+v; nobody's: %+v", b, none)
	}
}

func TestPoliciesThatContradictThemselves(t *testing.T) {
	for name, change := range map[string]func(*Policy){
		"the action tells a contact's number from nobody's": func(p *Policy) { p.Actions[OtherContact] = Hold },
		"what was not judged may leave":                     func(p *Policy) { p.Actions[Unreadable] = Warn },
		"a rule that is none":                               func(p *Policy) { p.Actions["colour"] = Warn },
		"a number that is none":                             func(p *Policy) { p.Company.Numbers = []string{"12"} },
		"an account that is none":                           func(p *Policy) { p.Company.IBANs = []string{"12"} },
		"a domain without a dot":                            func(p *Policy) { p.Company.Domains = []string{"seaside"} },
		"an offer that ends before it begins":               func(p *Policy) { p.Offers = []Offer{{From: corpusAt, Until: corpusAt.Add(-1)}} },
		"a share above one":                                 func(p *Policy) { p.Mass.Alike = 2 },
	} {
		p := DefaultPolicy()
		change(&p)
		if _, err := New(p, nil); !errors.Is(err, ErrPolicy) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New(Policy{}, nil); err != nil {
		t.Errorf("the zero policy: %v", err)
	}
}

func TestADraftPrintsNothing(t *testing.T) {
	d := draft("0160 555 00777")
	var b strings.Builder
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "draft", d)
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "draft", d)
	fmt.Fprintf(&b, "%v %+v %#v %s %v %v", d, d, d, d, d.To, d.Parts)
	if strings.Contains(b.String(), "555") || strings.Contains(b.String(), "Marco") {
		t.Error("it does")
	}
}

// The worst texts there are, as long as the guard reads, take no longer than decent ones may: 5 ms. The test allows much
// more, for the race detector and for machines that do other things besides; what is quadratic still fails it.
func TestMadeUpTextsTakeNoTime(t *testing.T) {
	g := guard(t, corpusPolicy(), someOwners())
	var many strings.Builder
	for i := range maxAsked - 1 {
		fmt.Fprintf(&many, "0151 5551%04d, und ", 37*i)
	}
	texts := []string{many.String() + strings.Repeat("ja ", (MaxText-many.Len())/3)}
	for _, s := range []string{"bar zahlen ", "0171 5550123 ", "01515551234,", "1 ", "1 2 3 4 5 6 7 8 9 0 ", "5\n", "+49 ", "https://a.b ", "a.b", "a/b/c/d ", "my private ", "not write me private ", "me my i ", "telegram ",
		"code A1B2C3 ", "Hallo Anna ", "free 20% ", "20 % off ", "t e l e g ", "DE89 3704 ", "4111 1111 1111 1111 ", "a@b.de ", "@ab ", "null eins ", "(at) ", "mail at dot ", "card number ", "privatelx persomal nummmer ", "ä😊 ", "a b c d "} {
		texts = append(texts, strings.Repeat(s, MaxText/len(s)))
	}
	for _, s := range texts {
		d := draft(s)
		took := time.Hour
		for range 3 {
			start := time.Now()
			judged(t, g, d)
			took = min(took, time.Since(start))
		}
		t.Logf("%-20.20q %v", s, took)
		if took > 5*time.Second {
			t.Errorf("%.20q repeated takes %v", s, took)
		}
	}
}

func TestActionsHaveWords(t *testing.T) {
	for a := Pass; a <= Block; a++ {
		if b, ok := ParseAction(a.String()); !ok || a != b {
			t.Errorf("%v", a)
		}
	}
	if _, ok := ParseAction("maybe"); ok {
		t.Error("an unknown word is an action")
	}
	for _, r := range Rules() {
		if _, ok := defaultActions[r]; !ok {
			t.Errorf("%s has no action", r)
		}
	}
}

func FuzzJudge(f *testing.F) {
	for _, c := range []*corpus{&developed, &second, &heldOut} {
		drafts, _ := c.generate(40)
		for _, d := range drafts {
			f.Add(d.draft.Parts[0].Text, "name_0160.pdf", uint8(0))
		}
	}
	f.Add("https://seаside.example@x.com/ t e l e g r a m ⟦phone 1⟧ ½ 0\u200b1\u200b7\u200b1", "a\u202e.jpg", uint8(3))
	g := guard(f, corpusPolicy(), someOwners())
	f.Fuzz(func(t *testing.T, text, name string, kind uint8) {
		d := draft(text)
		d.Parts[0].Kind = Kind(kind % 4)
		d.File = &File{Name: name, Type: "application/pdf"}
		d.Preview = kind&4 != 0
		if kind&8 != 0 {
			d.Parts = append(d.Parts, Part{Kind: Value, Text: name})
		}
		v := judged(t, g, d)
		if w := judged(t, g, d); !reflect.DeepEqual(v, w) {
			t.Error("two verdicts on the same draft")
		}
		for _, x := range v.Findings {
			src := ""
			switch {
			case x.Part >= 0:
				src = d.Parts[x.Part].Text
			case x.Part == InFile:
				src = name
			}
			if x.From < 0 || x.To < x.From || x.To > len(src) || x.From < len(src) && utf8.ValidString(src) && (!utf8.RuneStart(src[x.From]) || x.To < len(src) && !utf8.RuneStart(src[x.To])) {
				t.Errorf("%s: range [%d:%d] of %d bytes", x.Rule, x.From, x.To, len(src))
			}
			if x.Action > v.Action || !utf8.ValidString(x.Detail) {
				t.Errorf("%+v", x)
			}
		}
	})
}
