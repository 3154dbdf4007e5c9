package relaytest

import (
	"context"
	"errors"
	"testing"
	"time"

	"sealdesk/app/inbox"
)

func TestTheRelayFindsWhatItHoldsInMaskedTexts(t *testing.T) {
	c := Start(t, Options{})
	m := c.machine(t, c.Person("Tobias Brandt", inbox.Agent), machineOptions{})
	m.awaitOnline()
	for who, texts := range map[string][]string{
		"marco": {"Il preventivo per la cucina", "Il mio numero è +39 320 555 0108"}, "emily": {"The kitchen quotation please", "Möbel, MÜLLER"},
	} {
		for _, text := range texts {
			say(t, c, who, text)
		}
	}
	m.await("all of it", func() bool {
		n := 0
		for _, r := range m.rows() {
			n += r.Unread
		}
		return n == 4
	})
	ask := func(q inbox.AskSearch) inbox.SearchPage {
		t.Helper()
		a, err := m.ask(q)
		if err != nil {
			t.Fatal(err)
		}
		return a.(inbox.SearchPage)
	}
	for _, x := range []struct {
		rule string
		q    inbox.AskSearch
		hits int
	}{
		{"the beginning of a word, whatever its case", inbox.AskSearch{Text: "KITCH"}, 1},
		{"without accents", inbox.AskSearch{Text: "muller"}, 1},
		{"all words must occur", inbox.AskSearch{Text: "kitchen cucina"}, 0},
		{"not the middle of a word", inbox.AskSearch{Text: "tchen"}, 0},
		{"what is masked is not found", inbox.AskSearch{Text: "0108"}, 0},
		{"from the customer", inbox.AskSearch{Text: "cucina", Customer: true}, 1},
		{"from a colleague", inbox.AskSearch{Text: "cucina", Person: "somebody"}, 0},
		{"before", inbox.AskSearch{Text: "cucina", To: inbox.At(time.Now()).Add(-time.Hour)}, 0},
		{"with a file", inbox.AskSearch{Text: "cucina", File: true}, 0},
	} {
		if got := ask(x.q); len(got.Hits) != x.hits || got.Next != "" {
			t.Errorf("%s: %d hits, more %q", x.rule, len(got.Hits), got.Next)
		}
	}
	for rule, q := range map[string]inbox.AskSearch{
		"nothing": {}, "a number": {Text: "+39 320 555 0108"}, "a place that is none": {Text: "a", Before: "7.x"},
	} {
		if _, err := m.ask(q); !errors.Is(err, inbox.RefusedMalformed) {
			t.Errorf("%s: %v", rule, err)
		}
	}
	id := m.rows()[0].ID
	for i := range 60 {
		if err := m.keeper.Store().Submit(context.Background(), inbox.Intent{
			ID: inbox.NewID[inbox.IntentID](), At: inbox.At(time.Now()), Body: inbox.AddNote{Conversation: id, Text: "kettle " + string(rune('a'+i%26))},
		}); err != nil {
			t.Fatal(err)
		}
	}
	m.await("the notes", func() bool {
		w, err := m.keeper.Store().Pending(context.Background())
		return err == nil && len(w) == 0
	})
	seen := map[inbox.MessageID]bool{}
	for q := (inbox.AskSearch{Text: "kettle"}); ; {
		page := ask(q)
		for _, h := range page.Hits {
			if seen[h.Message] {
				t.Fatal("a message is found twice")
			}
			seen[h.Message] = true
		}
		if q.Before = page.Next; q.Before == "" {
			break
		}
	}
	if len(seen) != 60 {
		t.Errorf("%d of 60 found", len(seen))
	}
}
