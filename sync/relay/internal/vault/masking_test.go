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
	b := newBench(t, Config{Tokens: true})
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
		b.reopen(t, Config{Tokens: true})
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
	b := newBench(t, Config{Tokens: true})
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
	b := newBench(t, Config{Tokens: true})
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
	for _, tokens := range []bool{true, false} {
		b := newBench(t, Config{Tokens: tokens})
		ctx := t.Context()
		card, _ := b.resolve(t, anna, 1)
		j, _, err := b.MaskJoined(ctx, card.ID, []mask.Piece{{Text: "0171", Ago: 20 * time.Second}, {Text: "555", Ago: 10 * time.Second}}, "0199")
		if err != nil || strings.Contains(j.Now.Visible(), "0199") || len(j.Earlier) != 2 || len(j.Found) == 0 {
			t.Errorf("shown %q, %d earlier ones, %d found, %v", j.Now.Visible(), len(j.Earlier), len(j.Found), err)
		}
		for _, e := range j.Earlier {
			if strings.ContainsAny(e.Text.Visible(), "0157") && !tokens {
				t.Error("an earlier piece still shows")
			}
		}
		b.reopen(t, Config{Tokens: tokens})
		c, err := b.get(ctx, card.ID)
		if err != nil || len(c.rec.Numbers) != 1 {
			t.Errorf("%d numbers learnt, %v", len(c.rec.Numbers), err)
		}
		if _, _, err := b.MaskJoined(ctx, inbox.NewID[inbox.ContactID](), nil, "x"); !errors.Is(err, ErrUnknownContact) {
			t.Errorf("got %v, want ErrUnknownContact", err)
		}
	}
}
