package outbound

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/whatsapp"
)

// start is run, with the pipeline itself to talk to.
func (d *desk) start() (p *Pipeline, poke func()) {
	p = d.pipeline(d.db)
	ctx, cancel := context.WithCancel(context.Background())
	pokes, done := make(chan struct{}, 1), make(chan error, 1)
	go func() { done <- p.Run(ctx, pokes) }()
	d.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			d.t.Error(err)
		}
	})
	return p, func() {
		select {
		case pokes <- struct{}{}:
		default:
		}
	}
}

// report writes down what WhatsApp says about a message and returns the message if that was news.
func (d *desk) report(s whatsapp.Status) (moved inbox.MessageID) {
	d.t.Helper()
	if s.At.IsZero() {
		s.At = d.now()
	}
	r, err := NewReport(d.t.Context(), d.db, d.vault, sales, s)
	if err != nil {
		d.t.Fatal(err)
	}
	d.update(func(tx ledger.Tx) error {
		log := eventlog.NewWriter(tx)
		var err error
		_, moved, err = r.Settle(tx, log, inbox.At(d.now()))
		return errors.Join(err, log.Flush())
	})
	return moved
}

func failedWith(id inbox.MessageID, wamid string, code int) whatsapp.Status {
	return whatsapp.Status{
		ID: whatsapp.NewMessageID(wamid), State: whatsapp.StateFailed, Callback: string(id), Errors: []whatsapp.Fault{{Code: code}},
	}
}

// named answers with an id made of how many posts there were.
func (d *desk) named() func(context.Context, string) (whatsapp.SendResult, error) {
	return func(context.Context, string) (whatsapp.SendResult, error) {
		return whatsapp.SendResult{ID: whatsapp.NewMessageID(fmt.Sprint("wamid.", len(d.posted())))}, nil
	}
}

func TestARelayThatStartsHeldWithNothingToSendAsksAboutTheNumber(t *testing.T) {
	d := newDesk(t)
	answers := make(chan error, 10)
	asked := 0
	d.config = func(c *Config) {
		c.Held = true
		c.Ask = func(context.Context) error {
			d.mu.Lock()
			asked++
			d.mu.Unlock()
			return <-answers
		}
	}
	count := func() int {
		d.mu.Lock()
		defer d.mu.Unlock()
		return asked
	}
	answers <- &whatsapp.TransportError{Outcome: whatsapp.OutcomeUnknown, Timeout: true} // says nothing
	answers <- refused(401, 190)
	p, poke := d.start()
	d.await("it to be asked", func() bool { return count() == 1 && len(answers) == 1 })
	for range 20 {
		poke()
	}
	if d.quiet(); count() != 1 || d.heard() != "" || !p.Held() {
		t.Fatalf("asked %d times, told %q", count(), d.heard())
	}
	d.await("the reason to be told", func() bool {
		d.later(probeEvery+probeJitter, poke)
		return d.heard() == "auth 190"
	})
	answers <- nil
	d.await("the end to be told", func() bool {
		d.later(probeEvery+probeJitter, poke)
		return d.heard() == "auth 190, 0"
	})
	if p.Held() || len(d.posted()) != 0 {
		t.Error("it is held")
	}
}

func TestARelayThatStartsHeldTriesOneMessageFirst(t *testing.T) {
	d := newDesk(t)
	d.config = func(c *Config) { c.Held = true }
	d.answer(refusing(401, 190))
	for i := range 5 {
		contact, conversation, _ := d.customer(i)
		d.queue(contact, conversation, "hello")
	}
	_, poke := d.start()
	d.await("the trouble to be told", func() bool { return d.heard() == "auth 190" })
	if n := d.quiet(); n != 1 {
		t.Errorf("%d tried at once", n)
	}
	d.answer(accept)
	d.await("all to leave", func() bool {
		d.later(probeEvery+probeJitter, poke)
		return d.waiting() == 0
	})
}

// A number whose last message was shown as failed, because its window closed, must not stay held for ever.
func TestAHoldWhoseMessagesAreGoneEnds(t *testing.T) {
	d := newDesk(t)
	d.answer(refusing(401, 190))
	contact, conversation, _ := d.customer(1)
	d.queue(contact, conversation, "hello")
	p, poke := d.start()
	d.await("the trouble to be told", func() bool { return d.heard() == "auth 190" })
	d.await("the end of it", func() bool {
		d.later(inbox.ReplyWindow, poke)
		return d.heard() == "auth 190, 0"
	})
	if p.Held() {
		t.Error("it is held")
	}
}

func TestWhatWhatsAppFailsAfterAcceptingHoldsTheQueueToo(t *testing.T) {
	d := newDesk(t)
	contact, conversation, _ := d.customer(1)
	first := d.queue(contact, conversation, "0")
	p, poke := d.start()
	d.await("the first to leave, and the number to work", func() bool { return d.waiting() == 0 && d.heard() == "0" })
	ctx := t.Context()
	p.Failed(ctx, first, 131026) // of one customer
	p.Failed(ctx, first, 130497) // of one country
	if p.Held() {
		t.Fatal("held for a fault of one message")
	}
	p.Failed(ctx, first, 131042)
	if got := d.heard(); !p.Held() || got != "0, policy 131042" {
		t.Fatalf("told: %s", got)
	}
	for i := range 4 {
		contact, conversation, _ := d.customer(2 + i)
		d.queue(contact, conversation, fmt.Sprint(1+i))
	}
	poke()
	if n := d.quiet(); n != 1 {
		t.Fatalf("%d left while the bill was unpaid", n-1)
	}
	d.later(probeEvery+probeJitter, poke)
	d.await("one to try", func() bool { return len(d.posted()) == 2 })
	if d.quiet(); !p.Held() || len(d.posted()) != 2 {
		t.Fatal("accepting a message proves nothing here")
	}
	p.Failed(ctx, inbox.MessageID(d.posted()[1].message), 131042)
	p.Arrived(ctx, first) // a message from before proves nothing either
	if n := d.quiet(); !p.Held() || n != 2 {
		t.Fatal("not held any more")
	}
	d.later(probeEvery+probeJitter, poke)
	d.await("another one to try", func() bool { return len(d.posted()) == 3 })
	p.Arrived(ctx, inbox.MessageID(d.posted()[2].message))
	poke()
	d.await("all to leave", func() bool { return d.waiting() == 0 })
	if got := d.heard(); got != "0, policy 131042, 0" {
		t.Errorf("told: %s", got)
	}
}

func TestAFileThatWhatsAppCannotUseAfterAllLeavesOnceMore(t *testing.T) {
	d := newDesk(t)
	s := withShelf(d)
	d.answer(d.named())
	contact, conversation, _ := d.customer(1)
	id := d.queueParcel(conversation, Parcel{Contact: contact, File: &File{Kind: inbox.Image, Media: "m1"}})
	d.update(func(tx ledger.Tx) error { // as the wish shows it
		_, err := eventlog.Append(tx, inbox.At(d.now()), "", inbox.MessageAdded{Message: inbox.Message{
			ID: id, Conversation: conversation, At: inbox.At(d.now()), Side: inbox.FromPerson, Kind: inbox.Image, Receipt: inbox.Queued,
			Media: &inbox.Media{ID: "m1", State: inbox.MediaReady},
		}})
		return err
	})
	_, poke := d.start()
	d.await("it to leave", func() bool { return d.waiting() == 0 })
	d.report(whatsapp.Status{ID: whatsapp.NewMessageID("wamid.1"), State: whatsapp.StateSent, Callback: string(id)})
	if moved := d.report(failedWith(id, "wamid.1", 131053)); moved != "" {
		t.Error("it is shown as failed")
	}
	poke()
	d.await("it to leave again", func() bool { return len(d.posted()) == 2 && d.waiting() == 0 })
	if asked, dropped := s.counts(); asked != 2 || dropped != 1 {
		t.Errorf("the file was asked for %d times and forgotten %d times", asked, dropped)
	}
	// What is repeated about the first, with our id or without, is over.
	d.report(failedWith(id, "wamid.1", 131053))
	d.report(failedWith("", "wamid.1", 131053))
	poke()
	if n := d.quiet(); n != 2 || d.receipt(id).Receipt != inbox.Sent {
		t.Fatalf("%d posts, shown as %d", n, d.receipt(id).Receipt)
	}
	if moved := d.report(failedWith(id, "wamid.2", 131053)); moved != id { // once is enough
		t.Error("its end is not told")
	}
	poke()
	if n := d.quiet(); n != 2 || d.receipt(id).Failure != inbox.FailMedia {
		t.Errorf("%d posts, failure %d", n, d.receipt(id).Failure)
	}
}

func TestAFileThatArrivedNeverLeavesAgain(t *testing.T) {
	d := newDesk(t)
	withShelf(d)
	d.answer(d.named())
	contact, conversation, _ := d.customer(1)
	id := d.queueParcel(conversation, Parcel{Contact: contact, File: &File{Kind: inbox.Image, Media: "m1"}})
	d.start()
	d.await("it to leave", func() bool { return d.waiting() == 0 })
	d.report(whatsapp.Status{ID: whatsapp.NewMessageID("wamid.1"), State: whatsapp.StateDelivered, Callback: string(id)})
	d.report(failedWith(id, "wamid.1", 131053))
	if n := d.quiet(); n != 1 || d.waiting() != 0 || d.receipt(id).Receipt != inbox.Delivered {
		t.Errorf("%d posts, shown as %d", n, d.receipt(id).Receipt)
	}
}

// Two contacts turn out to be one while a message to the younger waits: what the customer does counts wherever he is
// known now.
func TestAMessageInAConversationThatWasJoinedFollowsTheCustomer(t *testing.T) {
	for name, x := range map[string]struct {
		parcel  Parcel
		then    func(elder inbox.ConversationID, at inbox.Moment) inbox.EventBody
		failure inbox.Failure
	}{
		"a template after he stopped": {Parcel{Template: aTemplate(inbox.Marketing)}, func(elder inbox.ConversationID, at inbox.Moment) inbox.EventBody {
			return inbox.ConsentChanged{Conversation: elder, Consent: inbox.Consent{Marketing: inbox.Withdrawn, Templates: inbox.Withdrawn, At: at}}
		}, inbox.FailStopped},
		"a text after he wrote again": {Parcel{Text: "hello"}, func(elder inbox.ConversationID, at inbox.Moment) inbox.EventBody {
			return inbox.MessageAdded{Message: inbox.Message{ID: "late", Conversation: elder, At: at, Side: inbox.FromContact, Kind: inbox.Text}}
		}, inbox.NoFailure},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			_, elder, _ := d.customer(1)
			contact, younger, _ := d.customer(2)
			x.parcel.Contact = contact
			id := d.queueParcel(younger, x.parcel)
			d.ahead.Add(int64(inbox.ReplyWindow + time.Minute))
			at := inbox.At(d.now())
			d.update(func(tx ledger.Tx) error {
				_, err := eventlog.Append(tx, at, "", inbox.ConversationJoined{Conversation: younger, Into: elder}, x.then(elder, at))
				return err
			})
			d.start()
			d.await("its end", func() bool { return d.waiting() == 0 })
			if got := d.receipt(id).Failure; got != x.failure {
				t.Errorf("failure %d", got)
			}
		})
	}
}

func TestNoAnswerSilencesANumberForLong(t *testing.T) {
	d := newDesk(t)
	hostile := &whatsapp.APIError{HTTPStatus: 429, Code: 130429, Class: whatsapp.ClassRate, RetryAfter: 24 * time.Hour}
	d.answer(func(context.Context, string) (whatsapp.SendResult, error) { return whatsapp.SendResult{}, hostile })
	contact, conversation, _ := d.customer(1)
	d.queue(contact, conversation, "hello")
	_, poke := d.start()
	d.await("the refusal", func() bool { return len(d.posted()) == 1 })
	d.quiet()
	d.answer(accept)
	d.later(longestPause+time.Second, poke)
	d.await("it to leave", func() bool { return d.waiting() == 0 })
}
