package vault

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/mask"
)

func TestTokensAreStableInsideAContact(t *testing.T) {
	b := newBench(t, Config{})
	ctx := t.Context()
	card, _ := b.resolve(t, anna, 1)
	show := func(text string) string {
		t.Helper()
		m, _, err := b.Mask(ctx, card.ID, text)
		if err != nil {
			t.Fatal(err)
		}
		return m.Visible()
	}
	one := show("call 0171 5550199")
	if one != "call ⟦phone 1⟧" {
		t.Fatalf("shown %q", one)
	}
	for range 2 {
		if got := show("or +49 171 5550199, not 0172 5550188"); got != "or ⟦phone 1⟧, not ⟦phone 2⟧" {
			t.Errorf("shown %q", got)
		}
		ours, err := b.MaskOurs(ctx, card.ID, "We call 0172 5550188 or 0173 5550177")
		if err != nil || ours.Visible() != "We call ⟦phone 2⟧ or ⟦phone 3⟧" {
			t.Errorf("ours: %q, %v", ours.Visible(), err)
		}
		b.reopen(t, Config{})
	}
	if got := show("0173 5550177"); got != "⟦phone 3⟧" {
		t.Errorf("a token given in our own text: %q", got)
	}
	c, err := b.get(ctx, card.ID)
	if err != nil || len(c.rec.Numbers) != 3 {
		t.Errorf("%d numbers learnt, %v", len(c.rec.Numbers), err)
	}
}

func TestTokensOfTwoContactsCannotBeCompared(t *testing.T) {
	b := newBench(t, Config{})
	ctx := t.Context()
	var tables [][]byte
	for i := range 2 {
		card, _ := b.resolve(t, Identity{Phone: fmt.Sprintf("4915155500%03d", i)}, 1)
		for _, text := range []string{"0171 5550199", "x@firma.example"} {
			if _, _, err := b.Mask(ctx, card.ID, text); err != nil {
				t.Fatal(err)
			}
		}
		c, err := b.get(ctx, card.ID)
		if err != nil {
			t.Fatal(err)
		}
		tables = append(tables, c.rec.Tokens)
	}
	if len(tables[0]) < 2*17 {
		t.Fatalf("a table of %d bytes: the test proves nothing", len(tables[0]))
	}
	for at := 0; at+8 <= len(tables[0]); at++ {
		if bytes.Contains(tables[1], tables[0][at:at+8]) {
			t.Fatal("the same value looks the same in two tables")
		}
	}
}

func TestTwoTextsAtATimeNeverShareAToken(t *testing.T) {
	b := newBench(t, Config{})
	card, _ := b.resolve(t, anna, 1)
	const workers, each = 8, 6
	seen := make([]map[string]string, workers)
	var all sync.WaitGroup
	for w := range workers {
		seen[w] = map[string]string{}
		all.Go(func() {
			for n := range each {
				number := fmt.Sprintf("0171 5550%03d", (w*3+n)%30) // some of them at once
				m, _, err := b.Mask(t.Context(), card.ID, number)
				if err != nil {
					t.Error(err)
				}
				seen[w][number] = m.Visible()
			}
		})
	}
	all.Wait()
	number, token := map[string]string{}, map[string]string{}
	for _, s := range seen {
		for n, tok := range s {
			if !strings.HasPrefix(tok, "⟦phone ") || token[n] != "" && token[n] != tok || number[tok] != "" && number[tok] != n {
				t.Fatal("one token for two numbers, or two for one")
			}
			token[n], number[tok] = tok, n
		}
	}
	if len(token) < workers {
		t.Errorf("%d numbers: the test proves nothing", len(token))
	}
}

func TestANumberDictatedInPiecesIsLearnt(t *testing.T) {
	b := newBench(t, Config{})
	ctx := t.Context()
	card, _ := b.resolve(t, anna, 1)
	j, _, err := b.MaskJoined(ctx, card.ID, []mask.Piece{{Text: "0171", Ago: 20 * time.Second}, {Text: "555", Ago: 10 * time.Second}}, "0199")
	if err != nil || j.Now.Visible() != "⟦phone 1⟧" || len(j.Earlier) != 2 || len(j.Found) == 0 {
		t.Errorf("shown %q, %d earlier ones, %d found, %v", j.Now.Visible(), len(j.Earlier), len(j.Found), err)
	}
	for _, e := range j.Earlier {
		if e.Text.Visible() != "⟦phone 1⟧" {
			t.Error("an earlier piece still shows, or as something else than the last one")
		}
	}
	b.reopen(t, Config{})
	c, err := b.get(ctx, card.ID)
	if err != nil || len(c.rec.Numbers) != 1 {
		t.Errorf("%d numbers learnt, %v", len(c.rec.Numbers), err)
	}
	if _, _, err := b.MaskJoined(ctx, inbox.NewID[inbox.ContactID](), nil, "x"); !errors.Is(err, ErrUnknownContact) {
		t.Errorf("got %v, want ErrUnknownContact", err)
	}
}

func TestMaskingAgainWhatIsShownChangesNothing(t *testing.T) {
	b := newBench(t, Config{})
	ctx := t.Context()
	card, _ := b.resolve(t, anna, 1)
	other, _ := b.resolve(t, Identity{Phone: "4915155500777"}, 1)
	texts := []string{
		"call 0171 5550199 or +49 172 5550188", "x@firma.example, again X@firma.example", "4111 1111 1111 1111 and DE89 3704 0044 0532 0130 00",
		"@some_body is me", "nothing in here", "zero one seven one five five five zero one nine nine",
	}
	for round := range 2 {
		for _, text := range texts {
			m, _, err := b.Mask(ctx, card.ID, text)
			if err != nil {
				t.Fatal(err)
			}
			again, changed, err := b.Mask(ctx, card.ID, m.Visible())
			if err != nil || changed || again.Visible() != m.Visible() {
				t.Errorf("round %d: masked again it reads %q instead of %q, %v", round, again.Visible(), m.Visible(), err)
			}
			// Quoted to somebody else it says nothing of either, and stays what it is.
			if _, err := b.MaskOurs(ctx, other.ID, m.Visible()); err != nil {
				t.Fatal(err)
			}
		}
		b.reopen(t, Config{})
	}
	first, err := b.get(ctx, other.ID)
	if err != nil || len(first.rec.Tokens) != 0 || len(first.rec.Numbers) != 0 {
		t.Errorf("another contact's tokens were taken for something: %d bytes, %d numbers, %v", len(first.rec.Tokens), len(first.rec.Numbers), err)
	}
}
