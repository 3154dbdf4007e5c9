package mask

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"sealdesk/app/inbox"
)

func TestMessagesAreMaskedTogether(t *testing.T) {
	const number = "4915155501234"
	k := Known{Region: "DE", Phones: []string{number}}
	for _, c := range []struct {
		rule    string
		known   Known
		earlier []string
		now     string
		again   []int  // which of the earlier ones are masked again
		hides   string // what must be seen nowhere
		seen    string // what must be seen in the newest
	}{
		{"a known number in two", k, []string{"0151"}, "55501234", []int{0}, "0151", ""},
		{"a known number in four", k, []string{"0151", "555", "01"}, "234", []int{0, 1, 2}, "555", ""},
		{"words between do not help", k, []string{"0151", "moment", "555"}, "01234 danke", []int{0, 2}, "01234", "danke"},
		{"other digits do not help", k, []string{"٠١٥١"}, "５５５ 01234", []int{0}, "٠", ""},
		{"words for digits do not help", k, []string{"null eins fünf eins", "fünf fünf"}, "fünf null 1234", []int{0, 1}, "eins", ""},
		{"a stranger's number in two", Known{Region: "DE"}, []string{"0171"}, "5550123", []int{0}, "0171", ""},
		{"a number abroad in three", Known{Region: "DE"}, []string{"+39", "347"}, "5550199", []int{0, 1}, "347", ""},
		{"an address in two", Known{}, []string{"max.muster"}, "@firma.example", []int{0}, "muster", ""},
		{"an address in words", Known{}, []string{"max", "at"}, "gmail dot com", []int{0, 1}, "gmail", ""},
		{"a card in four", Known{}, []string{"4111", "1111", "1111"}, "1111", []int{0, 1, 2}, "1111", ""},
		{"quantities are none", Known{Region: "DE"}, []string{"12 Stück", "blau"}, "und 15 in rot", nil, "•", "und 15 in rot"},
		{"prices are none", Known{Region: "DE"}, []string{"250", "300"}, "4200", nil, "•", "4200"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			var pieces []Piece
			for i, e := range c.earlier {
				pieces = append(pieces, Piece{Text: e, Ago: time.Duration(len(c.earlier)-i) * 20 * time.Second})
			}
			j := Policy{}.Joined(pieces, c.now, c.known, nil)
			var again []int
			seen := j.Now.Visible()
			for _, r := range j.Earlier {
				again = append(again, r.Piece)
				seen += "|" + r.Text.Visible()
				for _, h := range r.Hide {
					if h.From < 0 || h.To > len(c.earlier[r.Piece]) || h.From >= h.To {
						t.Errorf("a stretch outside the message: %v", h)
					}
				}
				if !r.Text.Hides() {
					t.Error("a message masked again hides nothing")
				}
			}
			if !slices.Equal(again, c.again) {
				t.Errorf("masked again %v, want %v", again, c.again)
			}
			if strings.Contains(seen, c.hides) || !strings.Contains(j.Now.Visible(), c.seen) {
				t.Errorf("can be seen: %q", seen)
			}
		})
	}
}

func TestOnlyMessagesOfOneBreathAreJoined(t *testing.T) {
	k := Known{Region: "DE", Phones: []string{"4915155501234"}}
	long := strings.Repeat("lange Rede ", 20)
	for _, c := range []struct {
		rule    string
		earlier []Piece
	}{
		{"one too old", []Piece{{Text: "0151", Ago: JoinWindow + time.Second}}},
		{"one sent later", []Piece{{Text: "0151", Ago: -time.Second}}},
		{"a long one between", []Piece{{Text: "0151", Ago: 60 * time.Second}, {Text: long, Ago: 30 * time.Second}}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if j := (Policy{}).Joined(c.earlier, "5550 12", k, nil); len(j.Earlier) > 0 || j.Now.Hides() {
				t.Errorf("joined: %q", j.Now.Visible())
			}
		})
	}
}

func TestJoiningFindsTheNumber(t *testing.T) {
	j := Policy{}.Joined([]Piece{{Text: "0171", Ago: time.Second}}, "5550123", Known{Region: "DE"}, nil)
	if !slices.Contains(j.Found, Found{inbox.Phone, "491715550123"}) {
		t.Errorf("found %d things, not the number", len(j.Found))
	}
}

// However a message is cut, its parts hide what the whole would, are valid text, and saying it again changes nothing.
func TestJoiningHoldsItsInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var pieces []Piece
		for range rapid.IntRange(0, 4).Draw(t, "pieces") {
			pieces = append(pieces, Piece{Text: text().Draw(t, "text"), Ago: time.Duration(rapid.IntRange(0, 150).Draw(t, "ago")) * time.Second})
		}
		now, k := text().Draw(t, "now"), known().Draw(t, "known")
		j := Policy{}.Joined(pieces, now, k, nil)
		for _, m := range append([]inbox.Masked{j.Now}, texts(j)...) {
			if inbox.Identifying(m.Visible()) {
				t.Fatalf("an identifier is left: %q", m.Visible())
			}
		}
		again := Policy{}.Joined(pieces, now, k, nil)
		if !again.Now.Equal(j.Now) || len(again.Earlier) != len(j.Earlier) {
			t.Fatal("joining twice differs")
		}
	})
}

func texts(j Joint) (out []inbox.Masked) {
	for _, r := range j.Earlier {
		out = append(out, r.Text)
	}
	return out
}

func FuzzJoined(f *testing.F) {
	for _, s := range []string{"0151|555|01234", "max|@gmail|.com", "null|eins|fünf 5 55", "+49||151 55501234", "⟦phone 1⟧|5|５"} {
		f.Add(s, "4915155501234", "DE")
	}
	f.Fuzz(func(t *testing.T, s, phone, region string) {
		if len(s) > 1<<10 {
			return
		}
		k := Known{Region: region}
		if n := digitsOf(phone); len(n) >= 7 && len(n) <= maxE164 {
			k.Phones = []string{n}
		}
		parts := strings.Split(s, "|")
		var pieces []Piece
		for _, p := range parts[:len(parts)-1] {
			pieces = append(pieces, Piece{Text: p, Ago: time.Second})
		}
		tokens := table(t, "fuzz", nil)
		j := Policy{}.Joined(pieces, parts[len(parts)-1], k, tokens)
		for _, m := range append(texts(j), j.Now) {
			seen := m.Visible()
			if inbox.Identifying(seen) || !utf8.ValidString(seen) {
				t.Fatalf("shows %q", seen)
			}
			if again, _ := (Policy{}).TextWith(seen, k, tokens); again.Visible() != seen {
				t.Fatalf("masking twice differs: %q %q", seen, again.Visible())
			}
		}
		for _, r := range j.Earlier {
			for _, h := range r.Hide {
				whole := strings.ToValidUTF8(pieces[r.Piece].Text, "\uFFFD")
				if !utf8.RuneStart(whole[h.From]) || h.To < len(whole) && !utf8.RuneStart(whole[h.To]) {
					t.Fatal("a stretch cuts a rune")
				}
			}
		}
	})
}
