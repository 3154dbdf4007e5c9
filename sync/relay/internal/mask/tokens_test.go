package mask

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sealdesk/app/inbox"
)

func table(t testing.TB, secret string, saved []byte) *Tokens {
	t.Helper()
	tokens, err := NewTokens([]byte(secret), saved)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func TestTokensAreStableInsideOneContact(t *testing.T) {
	k := Known{Region: "DE"}
	tokens := table(t, "anna", nil)
	see := func(s string) string { m, _ := Policy{}.TextWith(s, k, tokens); return m.Visible() }
	for _, c := range []struct{ rule, text, want string }{
		{"the first is one", "ruf 0171 5550123 an", "ruf ⟦phone 1⟧ an"},
		{"the second two", "oder 0171 5550124", "oder ⟦phone 2⟧"},
		{"the same in another form is the same", "also +49 171 555 01 23", "also ⟦phone 1⟧"},
		{"kinds count apart", "a.b@firma.example", "⟦email 1⟧"},
		{"and again", "A.B@firma.example, c.d@firma.example", "⟦email 1⟧, ⟦email 2⟧"},
		{"a card", "4111 1111 1111 1111 / 4111-1111-1111-1111", "⟦card 1⟧ / ⟦card 1⟧"},
		{"an account", "DE89 3704 0044 0532 0130 00", "⟦account 1⟧"},
		{"a handle", "@max_m", "⟦handle 1⟧"},
		{"a token stays", "du sagtest ⟦phone 1⟧ 12 mal", "du sagtest ⟦phone 1⟧ 12 mal"},
		{"a token nobody gave is text", "⟦phone 73⟧⟦phone 45⟧", "⟦phone 73⟧⟦phone 45⟧"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := see(c.text); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	t.Run("shown digits by policy", func(t *testing.T) {
		p := Policy{Digits: 2}
		m, _ := p.TextWith("0171 5550123", k, tokens)
		if m.Visible() != "⟦phone 1 •23⟧" {
			t.Errorf("got %q", m.Visible())
		}
		if again, _ := p.TextWith(m.Visible(), k, tokens); !strings.Contains(again.Visible(), "⟦phone 1 •23⟧") {
			t.Errorf("masked again: %q", again.Visible())
		}
	})
}

func TestTokensSurviveSaving(t *testing.T) {
	tokens := table(t, "anna", nil)
	if tokens.Changed() {
		t.Error("an empty table says it changed")
	}
	Policy{}.TextWith("0171 5550123, 0171 5550124", Known{Region: "DE"}, tokens)
	if !tokens.Changed() {
		t.Error("a table that gave a token does not say so")
	}
	saved := tokens.Save()
	again := table(t, "anna", saved)
	if again.Changed() || tokens.Changed() || again.Of(inbox.Phone, "491715550124") != 2 || again.Of(inbox.Phone, "491715550125") != 0 {
		t.Error("the table came back differently")
	}
	if bytes.Contains(saved, []byte("5550")) {
		t.Error("a number stands in the saved table")
	}
	for _, c := range []struct {
		rule, secret string
		saved        []byte
	}{
		{"another contact's", "bert", saved}, {"cut off", "anna", saved[:len(saved)-1]}, {"a token less", "anna", saved[17:]},
		{"one bit turned", "anna", append([]byte{saved[0] ^ 1}, saved[1:]...)}, {"noise", "anna", []byte("x")},
	} {
		if _, err := NewTokens([]byte(c.secret), c.saved); !errors.Is(err, ErrTokens) {
			t.Errorf("%s: %v", c.rule, err)
		}
	}
}

func TestTokensTellNothingAcrossContacts(t *testing.T) {
	a, b := table(t, "anna", nil), table(t, "bert", nil)
	for _, tokens := range []*Tokens{a, b} {
		Policy{}.TextWith("0171 5550123", Known{Region: "DE"}, tokens)
	}
	if bytes.Equal(a.Save()[1:17], b.Save()[1:17]) {
		t.Error("two contacts keep the same mark for one number")
	}
	if out := fmt.Sprintf("%v %+v %#v %s", a, a, a, a); strings.Contains(out, "key") || !strings.Contains(out, redacted) {
		t.Error("a table prints what it holds")
	}
}

func TestMaskingWithTokensHoldsItsInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tokens, err := NewTokens([]byte("anna"), nil)
		if err != nil {
			t.Fatal(err)
		}
		s, k := text().Draw(t, "text"), known().Draw(t, "known")
		m, _ := Policy{}.TextWith(s, k, tokens)
		if inbox.Identifying(m.Visible()) {
			t.Fatalf("an identifier is left: %q", m.Visible())
		}
		if again, _ := (Policy{}).TextWith(m.Visible(), k, tokens); again.Visible() != m.Visible() {
			t.Fatalf("masking twice differs:\n%q\n%q\n%q", s, m.Visible(), again.Visible())
		}
	})
}
