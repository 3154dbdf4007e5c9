package eventlog

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

const log inbox.LogID = "inbox/sales"

func open(t testing.TB) (ledger.DB, *Reader) {
	t.Helper()
	key, err := seal.NewKey(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	db, err := ledger.Open(filepath.Join(t.TempDir(), "relay.db"), ledger.Config{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db, NewReader(t.Context(), db)
}

func appendTo(t testing.TB, db ledger.DB, bodies ...inbox.EventBody) {
	t.Helper()
	err := db.Update(t.Context(), Shard(log), func(tx ledger.Tx) error {
		_, err := Append(tx, 1, "", bodies...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func message(n int) inbox.MessageAdded {
	return inbox.MessageAdded{Message: inbox.Message{
		ID: inbox.MessageID(fmt.Sprint("m", n)), Conversation: "c", At: inbox.Moment(n), Side: inbox.FromContact, Kind: inbox.Text,
		Body: inbox.PlainText("hello"),
	}}
}

func next(t testing.TB, r *Reader, at inbox.Cursor) (inbox.Batch, inbox.Cursor) {
	t.Helper()
	frame, after, err := r.Next(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	if frame == nil {
		return inbox.Batch{}, after
	}
	body, err := wire.Decode(frame)
	if err != nil {
		t.Fatal(err)
	}
	return body.(inbox.Batch), after
}

func TestAReaderSeesEveryEventOnceAndInOrder(t *testing.T) {
	db, r := open(t)
	for n := 1; n <= 3*wire.MaxBatchEvents; n += 100 {
		var bodies []inbox.EventBody
		for i := range 100 {
			bodies = append(bodies, message(n+i))
		}
		appendTo(t, db, bodies...)
	}
	at := inbox.Cursor{Log: log}
	seen := uint64(0)
	for {
		batch, after := next(t, r, at)
		if batch.Log == "" {
			break
		}
		if batch.From != at.Seq || batch.Reset != (at.Epoch == "") {
			t.Fatalf("batch from %d with reset %v after %d", batch.From, batch.Reset, at.Seq)
		}
		for _, e := range batch.Events {
			if seen++; e.Seq != seen {
				t.Fatalf("event %d where %d was due", e.Seq, seen)
			}
		}
		at = after
	}
	if head, err := r.Head(t.Context(), log); err != nil || head.Seq != seen || at != head {
		t.Errorf("stopped at %v, head is %v (%v)", at, head, err)
	}
}

func TestACursorOfAnotherGenerationStartsAgain(t *testing.T) {
	db, r := open(t)
	appendTo(t, db, message(1), message(2))
	for name, at := range map[string]inbox.Cursor{
		"another epoch":   {Log: log, Epoch: "other", Seq: 1},
		"beyond the head": {Log: log, Epoch: mustHead(t, r).Epoch, Seq: 99},
	} {
		if batch, _ := next(t, r, at); !batch.Reset || batch.From != 0 || len(batch.Events) != 2 {
			t.Errorf("%s: reset %v from %d", name, batch.Reset, batch.From)
		}
	}
}

func mustHead(t testing.TB, r *Reader) inbox.Cursor {
	t.Helper()
	head, err := r.Head(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	return head
}

func TestAReaderFarBehindReadsWhatIsNoLongerInMemory(t *testing.T) {
	db, _ := open(t)
	for n := 1; n <= ringRows; n += 512 {
		var bodies []inbox.EventBody
		for i := range 512 {
			bodies = append(bodies, inbox.ReadMoved{Conversation: "c", Person: "p", UpTo: uint64(n + i)})
		}
		appendTo(t, db, bodies...)
	}
	r := NewReader(t.Context(), db) // a fresh start keeps only the newest rows
	head := mustHead(t, r)
	batch, after := next(t, r, inbox.Cursor{Log: log, Epoch: head.Epoch, Seq: 5})
	if batch.From != 5 || len(batch.Events) != wire.MaxBatchEvents || batch.Events[0].Seq != 6 || after.Seq != 5+wire.MaxBatchEvents {
		t.Errorf("got %d events from %d", len(batch.Events), batch.From)
	}
}

func TestManyReadersShareOneFrame(t *testing.T) {
	db, r := open(t)
	appendTo(t, db, message(1))
	at := mustHead(t, r)
	appendTo(t, db, message(2))
	a, _, err := r.Next(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := r.Next(t.Context(), at)
	if err != nil || &a[0] != &b[0] {
		t.Error("two readers at the same place got two frames")
	}
}

func TestAPokeFollowsEveryChange(t *testing.T) {
	db, r := open(t)
	poke := make(chan struct{}, 1)
	defer r.Subscribe(log, poke)()
	at := inbox.Cursor{Log: log}
	for n := 1; n <= 20; n++ {
		appendTo(t, db, message(n))
		for at.Seq < uint64(n) {
			if _, after := next(t, r, at); after != at {
				at = after
				continue
			}
			select {
			case <-poke:
			case <-time.After(10 * time.Second):
				t.Fatalf("no poke for event %d", n)
			}
		}
	}
}

func TestNumbersHaveNoGapsUnderManyWriters(t *testing.T) {
	db, r := open(t)
	const writers, each = 20, 20
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			for i := range each {
				err := db.Update(context.Background(), Shard(log), func(tx ledger.Tx) error {
					_, err := Append(tx, 1, "", message(w*each+i))
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	if head := mustHead(t, r); head.Seq != writers*each {
		t.Errorf("head is %d", head.Seq)
	}
	if batch, _ := next(t, r, inbox.Cursor{Log: log}); len(batch.Events) != wire.MaxBatchEvents {
		t.Errorf("first batch has %d events", len(batch.Events))
	}
}

func TestTheStateIsTheFoldOfTheLog(t *testing.T) {
	db, _ := open(t)
	appendTo(t, db,
		inbox.ConversationOpened{Conversation: "c", Inbox: "sales", Contact: inbox.Contact{ID: "k", Alias: "K7"}},
		message(1),
		inbox.ReceiptChanged{Conversation: "c", Message: "m1", Receipt: inbox.Delivered},
		inbox.Reacted{Conversation: "c", Message: "m1", Reaction: inbox.Reaction{Side: inbox.FromPerson, Emoji: "👍"}},
		inbox.Assigned{Conversation: "c", To: "p"},
		inbox.MessageChanged{Conversation: "c", Message: "m1", Body: inbox.PlainText("good bye"), At: 5},
	)
	err := db.View(t.Context(), Shard(log), func(tx ledger.Tx) error {
		c, ok, err := Conversation(tx, "c")
		if err != nil || !ok || c.Assignee != "p" || c.LastID != "m1" || c.Contact.Alias != "K7" {
			t.Errorf("conversation: %v %v", ok, err)
		}
		m, ok, err := Message(tx, "m1")
		if err != nil || !ok || m.Receipt != inbox.Delivered || len(m.Reactions) != 1 || m.Seq != 2 || m.Edited != 5 || m.Body.Visible() != "good bye" {
			t.Errorf("message: %v %v", ok, err)
		}
		seq := uint64(6)
		for e, err := range Backwards(tx) {
			if err != nil || e.Seq != seq {
				t.Errorf("backwards: %d where %d was due (%v)", e.Seq, seq, err)
			}
			seq--
		}
		if seq != 0 {
			t.Errorf("backwards: it ends before %d", seq)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
