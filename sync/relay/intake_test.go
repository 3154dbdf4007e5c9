package relay

import (
	"context"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

const testNumber = "106540352242922"

// idleRelay is a relay that takes webhooks in and does nothing with them until it is told to work.
func idleRelay(t *testing.T) (r *Relay, id inbox.InboxID, work func()) {
	t.Helper()
	path, err := Init(filepath.Join(t.TempDir(), "relay"), Answers{
		Trusting: true,
		Public:   "127.0.0.1:8443", API: "http://127.0.0.1:1", Number: "+493023125000", PhoneNumberID: testNumber,
		AppSecret: "test-app-secret", VerifyToken: "test-verify", Token: "test-token",
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	if r, err = Open(t.Context(), cfg, Options{}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	close(done)
	t.Cleanup(func() {
		stop()
		<-done
		r.Close()
	})
	return r, r.inboxes[testNumber], func() {
		done = make(chan struct{})
		go func() {
			defer close(done)
			r.Work(ctx)
		}()
	}
}

func webhook(from, n int) []byte {
	return fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"493023125000","phone_number_id":%q},"contacts":[{"profile":{"name":"Katharina Weber"},"wa_id":"4915155501%03d"}],"messages":[{"from":"4915155501%03d","id":"wamid.HBgNX%dX","timestamp":"%d","text":{"body":"number %d"},"type":"text"}]},"field":"messages"}]}]}`,
		testNumber, from, from, n, time.Now().Unix(), n)
}

// texts waits until the log has grown to head and returns what its messages say.
func texts(t *testing.T, r *Relay, log inbox.LogID, head uint64) (out []string) {
	t.Helper()
	poke := make(chan struct{}, 1)
	defer r.logs.Subscribe(log, poke)()
	for at := (inbox.Cursor{Log: log}); at.Seq < head; {
		frame, next, err := r.logs.Next(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		if frame == nil {
			select {
			case <-poke:
			case <-time.After(30 * time.Second):
				t.Fatalf("the log stays at %d", at.Seq)
			}
			continue
		}
		body, err := wire.Decode(frame)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range body.(inbox.Batch).Events {
			if b, ok := e.Body.(inbox.MessageAdded); ok {
				out = append(out, b.Message.Body.Visible())
			}
		}
		at = next
	}
	return out
}

// drained waits until no raw row is left and returns what the intake still holds in memory.
func drained(t *testing.T, r *Relay, id inbox.InboxID) (rows, bytes int) {
	t.Helper()
	in := r.intakes[id]
	changed := r.db.Watch(t.Context())
	for {
		n, err := in.backlog(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			in.mu.Lock()
			defer in.mu.Unlock()
			return len(in.ready), in.bytes
		}
		select {
		case <-changed:
		case <-time.After(30 * time.Second):
			t.Fatalf("%d raw rows stay", n)
		}
	}
}

func TestFactsComeOnceAndInTheOrderOfTheWebhooks(t *testing.T) {
	const n, people = 700, 7 // more than one lot
	r, id, work := idleRelay(t)
	for i := range n {
		if err := r.ingest(t.Context(), webhook(i%people, i)); err != nil {
			t.Fatal(err)
		}
		if i%10 == 3 { // as after a restart: this one is had from the ledger
			r.intakes[id].recall(uint64(i+1), false)
		}
	}
	work()
	for i := range 50 { // Meta comes again while the intake works
		if err := r.ingest(t.Context(), webhook(i%people, i)); err != nil {
			t.Fatal(err)
		}
	}
	got := texts(t, r, id.Log(), n+people)
	if len(got) != n {
		t.Fatalf("%d messages", len(got))
	}
	for i, text := range got {
		if text != fmt.Sprint("number ", i) {
			t.Fatalf("message %d says it is %s", i, text)
		}
	}
	if rows, bytes := drained(t, r, id); rows != 0 || bytes != 0 {
		t.Errorf("%d rows of %d bytes stay in memory", rows, bytes)
	}
	if head, err := r.logs.Head(t.Context(), id.Log()); err != nil || head.Seq != n+people {
		t.Errorf("the log ends at %d: what came twice was counted twice (%v)", head.Seq, err)
	}
}

func TestARowThatCannotBeReadIsParkedAndDoesNotHoldUpTheOthers(t *testing.T) {
	r, id, work := idleRelay(t)
	if err := r.ingest(t.Context(), webhook(1, 0)); err != nil {
		t.Fatal(err)
	}
	bad := []byte("not what we write")
	err := r.db.Update(t.Context(), rawShard(id), func(tx ledger.Tx) error {
		n, err := tx.Sequence(bucketRaw)
		if err != nil {
			return err
		}
		return tx.Put(bucketRaw, binary.BigEndian.AppendUint64(nil, n), bad)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.ingest(t.Context(), webhook(1, 1)); err != nil {
		t.Fatal(err)
	}
	work()
	if got := texts(t, r, id.Log(), 3); len(got) != 2 || got[0] != "number 0" || got[1] != "number 1" {
		t.Errorf("got %q", got)
	}
	if rows, _ := drained(t, r, id); rows != 0 {
		t.Errorf("%d rows stay in memory", rows)
	}
	if all, err := r.Incidents(t.Context(), false); err != nil || len(all) != 1 || all[0].Kind != inbox.IncidentUnreadable || all[0].Inbox != id {
		t.Errorf("%d incidents, %v", len(all), err)
	}
	err = r.db.View(t.Context(), rawShard(id), func(tx ledger.Tx) error {
		row, err := tx.Get(bucketParked, binary.BigEndian.AppendUint64(nil, 2))
		if string(row) != string(bad) {
			t.Error("the row is not where a person can look at it")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAFieldNobodyKnowsYetIsKeptOnce(t *testing.T) {
	r, id, work := idleRelay(t)
	body := fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":"1","time":1,"changes":[{"value":{"metadata":{"phone_number_id":%q},"news":[1,2,3]},"field":"holograms"}]}]}`, testNumber)
	for range 2 {
		if err := r.ingest(t.Context(), body); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.ingest(t.Context(), webhook(1, 1)); err != nil {
		t.Fatal(err)
	}
	work()
	texts(t, r, id.Log(), 2) // facts come in order: what was before the message has been seen to
	kept := 0
	err := r.db.View(t.Context(), string(id.Log()), func(tx ledger.Tx) error {
		for range tx.Scan(bucketOther, nil, nil) {
			kept++
		}
		return nil
	})
	if err != nil || kept != 1 {
		t.Errorf("%d kept, %v", kept, err)
	}
}
