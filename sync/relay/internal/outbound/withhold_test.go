package outbound

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
)

// keep adds a message whose parcel is put where the test says.
func (d *desk) keep(contact inbox.ContactID, conversation inbox.ConversationID, text string, put func(ledger.Tx, Sealed, inbox.Moment) error) inbox.MessageID {
	d.t.Helper()
	id := inbox.NewID[inbox.MessageID]()
	parcel, err := Seal(d.t.Context(), d.vault, Parcel{Message: id, Contact: contact, Text: text})
	if err != nil {
		d.t.Fatal(err)
	}
	at := inbox.At(d.now())
	d.update(func(tx ledger.Tx) error {
		_, err := eventlog.Append(tx, at, "", inbox.MessageAdded{Message: inbox.Message{
			ID: id, Conversation: conversation, At: at, Side: inbox.FromPerson, Kind: inbox.Text, Receipt: inbox.Queued,
		}})
		return errors.Join(err, put(tx, parcel, at))
	})
	return id
}

func (d *desk) withdraw(id inbox.MessageID) (done bool) {
	d.t.Helper()
	d.update(func(tx ledger.Tx) (err error) {
		done, err = Withdraw(tx, id)
		return err
	})
	return done
}

// A meddler is a store that lets something else happen beside every write.
type meddler struct {
	ledger.DB
	beside func()
}

func (m meddler) Update(ctx context.Context, shard string, f func(ledger.Tx) error) error {
	m.beside()
	return m.DB.Update(ctx, shard, f)
}

// There is one row, and whoever changes it first has the message: the author or WhatsApp. Beside every write of the
// pipeline one of the messages it is about to claim is taken back.
func TestAMessageIsNeverBothWithdrawnAndSent(t *testing.T) {
	d := newDesk(t)
	const many = 240
	ids := make([]inbox.MessageID, many)
	for i := range ids {
		contact, conversation, _ := d.customer(i)
		ids[i] = d.keep(contact, conversation, "hello", func(tx ledger.Tx, s Sealed, at inbox.Moment) error {
			return s.NotBefore(at.Add(time.Second)).Enqueue(tx)
		})
	}
	d.ahead.Store(int64(time.Minute))
	d.config = func(c *Config) { c.NumberRate = 1000 }
	var tried, withdrawn [many]atomic.Bool
	var all sync.WaitGroup
	poke, stop := d.run(meddler{d.db, func() {
		n := len(d.posted()) + rand.IntN(12)
		if n >= many || tried[n].Swap(true) {
			return
		}
		all.Go(func() {
			done := false
			err := d.db.Update(context.Background(), d.shard, func(tx ledger.Tx) (err error) {
				done, err = Withdraw(tx, ids[n])
				return err
			})
			if err != nil {
				t.Error(err)
			}
			withdrawn[n].Store(done)
		})
	}})
	poke()
	d.await("the queue to be empty", func() bool {
		poke()
		return d.waiting() == 0
	})
	stop()
	all.Wait()
	posted := map[string]int{}
	for _, p := range d.posted() {
		posted[p.message]++
	}
	back, late := 0, 0
	for i, id := range ids {
		n := posted[string(id)]
		switch {
		case withdrawn[i].Load():
			back++
		case tried[i].Load():
			late++
		}
		if n > 1 || withdrawn[i].Load() == (n == 1) {
			t.Errorf("message %d: withdrawn %v, posted %d times", i, withdrawn[i].Load(), n)
		}
	}
	t.Logf("of %d messages %d were taken back in time and %d too late", many, back, late)
	if back == 0 || late == 0 {
		t.Error("nothing raced")
	}
}

func TestWhatWaitsForItsAuthorKeepsLaterOnesBehindIt(t *testing.T) {
	d := newDesk(t)
	contact, conversation, _ := d.customer(1)
	other, others, _ := d.customer(2)
	later := inbox.At(d.now().Add(time.Hour))
	first := d.keep(contact, conversation, "first", func(tx ledger.Tx, s Sealed, _ inbox.Moment) error { return s.NotBefore(later).Enqueue(tx) })
	d.queue(contact, conversation, "second")
	poke, _ := d.run(d.db)
	d.queue(other, others, "other")
	poke()
	d.await("the other customer's", func() bool { return len(d.posted()) == 1 })
	if got := d.posted()[0].text; got != "other" {
		t.Errorf("%q left", got)
	}
	d.ahead.Store(int64(2 * time.Hour))
	poke()
	d.await("both", func() bool { return len(d.posted()) == 3 })
	if p := d.posted(); p[1].message != string(first) || p[2].text != "second" {
		t.Error("they left in another order")
	}
}

func TestAWithheldMessageLeavesOnceReleasedAndNeverOnceWithdrawn(t *testing.T) {
	d := newDesk(t)
	contact, conversation, _ := d.customer(1)
	hold := func(tx ledger.Tx, s Sealed, at inbox.Moment) error { return s.Withhold(tx, at) }
	yes, no := d.keep(contact, conversation, "yes", hold), d.keep(contact, conversation, "no", hold)
	poke, stop := d.run(d.db)
	poke()
	d.update(func(tx ledger.Tx) error {
		list, err := Withheld(tx)
		if len(list) != 2 || list[0].Contact != contact || list[0].Since == 0 {
			t.Errorf("%d wait", len(list))
		}
		return err
	})
	if !d.withdraw(no) || d.withdraw(no) {
		t.Error("withdrawn not at all or twice")
	}
	release := func(id inbox.MessageID) (ok bool) {
		d.update(func(tx ledger.Tx) (err error) {
			ok, err = Release(tx, id)
			return err
		})
		return ok
	}
	if release(no) || !release(yes) || release(yes) {
		t.Error("released what is gone, or twice")
	}
	poke()
	d.await("the released one", func() bool { return d.receipt(yes).ID != "" && d.waiting() == 0 && len(d.posted()) == 1 })
	stop()
	if d.posted()[0].text != "yes" || d.withdraw(yes) {
		t.Error("another one left, or it was taken back afterwards")
	}
	d.update(func(tx ledger.Tx) error {
		if left, err := tx.Get(bucketPayload, []byte(no)); err != nil || left != nil {
			t.Errorf("what the withdrawn one says is kept, %v", err)
		}
		return nil
	})
}
