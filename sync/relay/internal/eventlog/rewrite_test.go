package eventlog

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

const (
	rewriteLog = inbox.LogID("inbox/sales")
	theirs     = inbox.ConversationID("theirs")
	others     = inbox.ConversationID("others")
)

// A rewriteDesk is a log with a reader that has read it to its end.
type rewriteDesk struct {
	t      *testing.T
	db     ledger.DB
	reader *Reader
	at     inbox.Cursor
}

func newRewriteDesk(t *testing.T) *rewriteDesk {
	db, err := ledger.Open(filepath.Join(t.TempDir(), "store.db"), ledger.Config{Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	d := &rewriteDesk{t: t, db: db, reader: NewReader(t.Context(), db), at: inbox.Cursor{Log: rewriteLog}}
	d.update(func(tx ledger.Tx) error {
		m := func(c inbox.ConversationID, id inbox.MessageID, text string, q *inbox.Quote) inbox.EventBody {
			return inbox.MessageAdded{Message: inbox.Message{ID: id, Conversation: c, At: 1, Side: inbox.FromContact, Kind: inbox.Text, Body: inbox.PlainText(text), Quote: q}}
		}
		_, err := Append(tx, 1, "",
			inbox.ConversationOpened{Conversation: theirs, Inbox: "sales", Contact: inbox.Contact{ID: "c1", Alias: "A1"}},
			inbox.ConversationOpened{Conversation: others, Inbox: "sales", Contact: inbox.Contact{ID: "c2", Alias: "A2"}},
			m(theirs, "m1", "secret one", nil), m(others, "m2", "harmless", nil),
			inbox.MessageChanged{Conversation: theirs, Message: "m1", Body: inbox.PlainText("secret two"), At: 2},
			m(theirs, "m3", "answer", &inbox.Quote{Message: "m1", Side: inbox.FromContact, Excerpt: inbox.PlainText("secret one")}),
			inbox.ReceiptChanged{Conversation: theirs, Message: "m3", Receipt: inbox.Sent}, // m3 has a row of its own now
		)
		return err
	})
	d.read()
	return d
}

func (d *rewriteDesk) update(f func(ledger.Tx) error) {
	d.t.Helper()
	if err := d.db.Update(context.Background(), Shard(rewriteLog), f); err != nil {
		d.t.Fatal(err)
	}
}

// read goes on to the end and returns what came, and whether it was told to start again.
func (d *rewriteDesk) read() (bodies []inbox.EventBody, reset bool) {
	d.t.Helper()
	for {
		frame, next, err := d.reader.Next(context.Background(), d.at)
		if err != nil {
			d.t.Fatal(err)
		}
		if frame == nil {
			return bodies, reset
		}
		body, err := wire.Decode(frame)
		if err != nil {
			d.t.Fatal(err)
		}
		b := body.(inbox.Batch)
		reset = reset || b.Reset
		for _, e := range b.Events {
			bodies = append(bodies, e.Body)
		}
		d.at = next
	}
}

// holds reports whether a row of the shard, or a frame for who starts anew, holds a word.
func (d *rewriteDesk) holds(word string) bool {
	d.t.Helper()
	found := false
	err := d.db.View(context.Background(), Shard(rewriteLog), func(tx ledger.Tx) error {
		buckets, err := tx.Buckets("")
		for _, b := range buckets {
			for _, v := range tx.Scan(b, nil, nil) {
				found = found || strings.Contains(string(v), word)
			}
		}
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	at := inbox.Cursor{Log: rewriteLog}
	for {
		frame, next, err := d.reader.Next(context.Background(), at)
		if err != nil {
			d.t.Fatal(err)
		}
		if frame == nil {
			return found
		}
		found = found || strings.Contains(string(frame), word)
		at = next
	}
}

func TestAMessageMaskedAnewIsSoEverywhereEvenForWhoHeldItInMemory(t *testing.T) {
	d := newRewriteDesk(t)
	if !d.holds("secret") {
		t.Fatal("there is nothing to hide; the test proves nothing")
	}
	hidden := inbox.NewMasked(inbox.Span{Kind: inbox.Digits, Text: "•••"})
	d.update(func(tx ledger.Tx) error {
		if err := Remask(tx, "nobody's", hidden); err != nil {
			return err
		}
		if err := Remask(tx, "m1", hidden); err != nil {
			return err
		}
		_, err := Append(tx, 3, "", inbox.MessageMasked{Conversation: theirs, Message: "m1", Body: hidden})
		return err
	})
	if d.holds("secret") {
		t.Error("what was masked anew still stands somewhere")
	}
	if !d.holds("harmless") || !d.holds("answer") {
		t.Error("what was not masked is gone")
	}
	bodies, reset := d.read()
	if reset || len(bodies) != 1 {
		t.Errorf("who had read it gets %d facts, reset %v", len(bodies), reset)
	}
}

func TestWhoIsForgottenLeavesTombstonesAndANewEpoch(t *testing.T) {
	d := newRewriteDesk(t)
	before := d.at
	var gone Forgotten
	forget := func(tx ledger.Tx) (err error) {
		gone, err = Forget(tx, 5, map[inbox.ConversationID]inbox.ContactID{theirs: "c1"})
		return err
	}
	d.update(forget)
	if slices.Sort(gone.Messages); !slices.Equal(gone.Messages, []inbox.MessageID{"m1", "m3"}) {
		t.Errorf("%d messages were forgotten", len(gone.Messages))
	}
	if d.holds("secret") || d.holds("answer") || !d.holds("harmless") {
		t.Error("the wrong facts are gone")
	}
	bodies, reset := d.read()
	if !reset || d.at.Epoch == before.Epoch || d.at.Seq != before.Seq+1 || len(bodies) != int(d.at.Seq) {
		t.Errorf("reset %v, place %d after %d, %d facts", reset, d.at.Seq, before.Seq, len(bodies))
	}
	err := d.db.View(context.Background(), Shard(rewriteLog), func(tx ledger.Tx) error {
		c, ok, err := Conversation(tx, theirs)
		if !ok || c.Erased != 5 || !c.Snippet.IsZero() || c.Contact.ID != "c1" {
			t.Error("the row is not what is left of somebody forgotten")
		}
		if _, ok, _ := Message(tx, "m1"); ok {
			t.Error("a message is still found")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	d.update(forget)
	if bodies, reset := d.read(); reset || len(bodies) > 0 || len(gone.Messages) > 0 {
		t.Error("forgetting twice does something")
	}
}
