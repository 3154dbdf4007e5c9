package mask

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sealdesk/app/inbox"
)

func TestFindSaysWhatStandsWhere(t *testing.T) {
	k := Known{Region: "DE", Phones: []string{"491715550199"}, Company: []string{"493055512345"}}
	for _, c := range []struct {
		rule, text string
		earlier    []string
		want       []Place
	}{
		{"nothing", "Guten Morgen, ist das noch da?", nil, nil},
		{"an amount is nothing", "macht 1.299,00 €", nil, nil},
		{"an own number", "or +49 171 5550199, ok", nil, []Place{{Range{3, 18}, Found{inbox.Phone, "491715550199"}, false}}},
		{"an own and a stranger's", "+49 171 5550199, not 0171 5550188", nil,
			[]Place{{Range{0, 15}, Found{inbox.Phone, "491715550199"}, false}, {Range{21, 33}, Found{inbox.Phone, "491715550188"}, false}}},
		{"an address behind an umlaut", "für a.b@firma.example", nil, []Place{{Range{5, 22}, Found{inbox.Email, "a.b@firma.example"}, false}}},
		{"a handle", "hi @max_m!", nil, []Place{{Range{3, 9}, Found{inbox.Handle, "max_m"}, false}}},
		{"a card is a card", "4111 1111 1111 1111", nil, []Place{{Range{0, 19}, Found{inbox.Card, "4111111111111111"}, false}}},
		{"the end of a number begun before", "then 0199", []string{"0171 555"}, []Place{{Range{5, 9}, Found{inbox.Phone, "491715550199"}, true}}},
		{"the company's number is nobody's", "030 55512345", nil, nil},
	} {
		t.Run(c.rule, func(t *testing.T) {
			var earlier []Piece
			for _, e := range c.earlier {
				earlier = append(earlier, Piece{Text: e, Ago: 10 * time.Second})
			}
			got := Find(c.text, earlier, k)
			if !slices.Equal(got, c.want) {
				t.Errorf("%d found, want %d", len(got), len(c.want))
				for _, p := range got {
					t.Logf("%d-%d %v %s %v", p.From, p.To, p.Kind, p.Value, p.Joint)
				}
			}
			if len(got) > 0 && strings.ContainsAny(fmt.Sprintf("%v %+v %s", got[0], got[0], got[0]), "0123456789") {
				t.Error("a place prints what it found")
			}
		})
	}
}

// What Find leaves is what Joined shows.
func TestFindAndTextAgree(t *testing.T) {
	k := Known{Region: "DE", Phones: []string{"4915155501234"}, Company: []string{"493055512345"}}
	for i, text := range append(slices.Clone(talk), strings.Join(talk, " "), "⟦phone 1⟧ null eins fünf eins fünf fünf fünf null eins zwei drei vier", "mail: max at gmail punkt com, insta max.muster_1 (0151 5550-1234)") {
		var plain, left strings.Builder
		m, _ := Policy{}.Text(text, k)
		for _, s := range m.Spans() {
			if s.Kind == inbox.Plain {
				plain.WriteString(s.Text)
			}
		}
		at := 0
		for _, p := range Find(text, nil, k) {
			if p.From < at || p.To <= p.From {
				t.Fatalf("text %d: places overlap", i)
			}
			left.WriteString(text[at:p.From])
			at = p.To
		}
		if left.WriteString(text[at:]); left.String() != plain.String() {
			t.Errorf("text %d: Find leaves %q, Text shows %q", i, left.String(), plain.String())
		}
	}
}

func TestWhatReadersOfTheEngineFound(t *testing.T) {
	for _, c := range []struct{ rule, text, region, known, want string }{
		{"a stranger's number like the own one behind it", "or +49 171 5550199, not 0171 5550188", "DE", "491715550199", "or +49 ••• ••••, not +49 ••• ••••"},
		{"the end of a sentence is no dot of an address", "Give me a second. at half past nine", "DE", "491715550199", ""},
		{"an order behind its mark", "#099142 on hold", "DE", "491715550199", ""},
		{"eight digits inside others are not the own number", "ticket 0160/55501004", "GB", "448005550100", ""},
		{"an amount added", "+ 39.203.000", "VN", "84912345678", ""},
		{"an amount added, with its currency", "+ 39.203.000 đ", "VN", "84912345678", ""},
		{"a list of short numbers", "1) 12 2) 347", "DE", "491715550199", ""},
		{"the own number as a list", "1) 0171 2) 555 3) 0199", "DE", "491715550199", "1) +49 ••• •••• 2) ••• 3) •••"},
		{"a stranger's number as a list", "1) 0171 2) 555 3) 0188", "DE", "491715550199", "1) +49 ••• •••• 2) ••• 3) •••"},
		{"sizes in a row", "sizes 36 37 38 39 40 41 42", "DE", "491715550199", ""},
		{"years in a row", "years 1986 2023 2031 2030", "FR", "33612345678", ""},
		{"a time before the number keeps its zeros", "10:00, then 0171 5550199", "DE", "491715550199", "10:00, then +49 ••• ••••"},
		{"a preposition that is a numeral elsewhere", "call me on +49 171 5550188 on 27-09-27", "DE", "", "call me on +49 ••• •••• on 27-09-27"},
		{"where an invoice goes to", "whatsapp the invoice to 0171 5550188 pls", "DE", "", "whatsapp the invoice to +49 ••• •••• pls"},
		{"a word whose letters look like digits behind the own number", "155501234 is mine", "DE", "4915155501234", "+49 ••• •••• is mine"},
		{"such a word before it", "it is 155501234", "DE", "4915155501234", "it is +49 ••• ••••"},
		{"words that overlap", "nulldouble eins155501234", "DE", "4915155501234", "+49 ••• ••••"},
		{"an address whose dot stands apart", "max at firma .de", "DE", "", "m•••@•••.de"},
		{"a price behind an at", "2 @ Rp717.000,-", "ID", "", ""},
		{"a camera's name with dashes", "photo_2020-05-12_14-35-56.jpg", "DE", "", ""},
		{"a version", "v91.8.2.8604", "DK", "", ""},
		{"Polish digits", "pięć jeden dwa trzy cztery zero dwa siedem sześć", "PL", "", "+48 ••• ••••"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			k := Known{Region: c.region}
			if c.known != "" {
				k.Phones = []string{c.known}
			}
			if c.want == "" {
				c.want = c.text
			}
			if m, _ := (Policy{}).Text(c.text, k); m.Visible() != c.want {
				t.Errorf("got %q, want %q", m.Visible(), c.want)
			}
		})
	}
}

// Text with nothing in it costs what it returns and no more.
func TestCleanTextAllocatesOnlyWhatItReturns(t *testing.T) {
	k := Known{Region: "DE", Phones: []string{"4915155501234"}, Company: []string{"493055512345"}}
	for _, text := range []string{talk[0], talk[1], talk[4], talk[5]} {
		if n := testing.AllocsPerRun(100, func() { Policy{}.Text(text, k) }); n > 1 {
			t.Errorf("%v allocations", n)
		}
	}
}

func TestTwoNumbersOfOneContactInOneText(t *testing.T) {
	known := Known{Phones: []string{"+447700900107", "+447700900774"}}
	for _, text := range []string{"07010090077 447700900701 7700900315", "447700900107 447700900774", "07700 900774, 07700 900107 07700900107"} {
		got, _ := Policy{}.Text(text, known)
		if shown := got.Visible(); strings.Contains(shown, "900107") || strings.Contains(shown, "900774") {
			t.Errorf("%q shows a number", text)
		}
	}
}

func TestCapitalsThatStandApartMakeNoPartNumber(t *testing.T) {
	for text, hidden := range map[string]bool{"CV 393475551234.pdf": true, "CV 393475551234": true, "SN1234567": false, "RE-20250817": false} {
		got, _ := Policy{}.Text(text, Known{Region: "IT"})
		if (got.Visible() != text) != hidden {
			t.Errorf("%q is hidden: %v", text, !hidden)
		}
	}
}
