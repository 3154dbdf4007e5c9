package outbound

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/whatsapp"
)

func (d *desk) heard() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.told, ", ")
}

// refusing answers everything with an error.
func refusing(status, code int) func(context.Context, string) (whatsapp.SendResult, error) {
	return func(context.Context, string) (whatsapp.SendResult, error) {
		return whatsapp.SendResult{}, refused(status, code)
	}
}

// later moves the clock on and lets the pipeline look.
func (d *desk) later(by time.Duration, poke func()) {
	d.ahead.Add(int64(by))
	poke()
}

// quiet waits until no more posts leave for a moment, and the fate of those that left is written down.
func (d *desk) quiet() int {
	for n := -1; ; {
		now, under := len(d.posted()), 0
		d.update(func(tx ledger.Tx) error { // after all that was to be written before
			under = 0
			for q, err := range rows(tx) {
				if err != nil {
					return err
				}
				if q.State == posting {
					under++
				}
			}
			return nil
		})
		if now == n && under == 0 {
			return n
		}
		n = now
		<-time.After(60 * time.Millisecond)
	}
}

func TestWhatEverythingWouldBeRefusedForFailsNothing(t *testing.T) {
	for name, refusal := range map[string]struct {
		status, code int
		told         string
	}{
		"an expired token":                {401, 190, "auth 190"},
		"a right that was taken away":     {403, 10, "permission 10"},
		"the same under a status of 500":  {500, 200, "permission 200"},
		"a locked account":                {403, 131031, "policy 131031"},
		"an unpaid bill":                  {400, 131042, "policy 131042"},
		"a number that is not registered": {400, 133010, "setup 133010"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.answer(refusing(refusal.status, refusal.code))
			var ids []inbox.MessageID
			for i := range inFlight + 8 {
				contact, conversation, _ := d.customer(i)
				ids = append(ids, d.queue(contact, conversation, fmt.Sprint(i)))
			}
			poke, stop := d.run(d.db)
			d.await("the trouble to be told", func() bool { return d.heard() == refusal.told })
			before := d.quiet()
			if before > inFlight {
				t.Errorf("%d posts left after the first refusal", before)
			}
			poke()
			if n := d.quiet(); n != before {
				t.Errorf("%d posts left while the number was held", n-before)
			}
			for try := range 2 {
				d.later(probeEvery+probeJitter, poke)
				d.await("one to try", func() bool { return len(d.posted()) == before+try+1 })
				if n := d.quiet(); n != before+try+1 {
					t.Fatalf("%d tried at once", n-before-try)
				}
			}
			stop() // what was learnt is gone with the process; what waits is not
			d.answer(accept)
			d.run(d.db)
			d.await("all to leave", func() bool { return d.waiting() == 0 })
			taken := map[string]int{}
			for _, p := range d.posted()[before+2:] {
				taken[p.message]++
			}
			for _, id := range ids {
				if m := d.receipt(id); taken[string(id)] != 1 || m.Receipt == inbox.Failed {
					t.Fatalf("a message was taken %d times and is shown as %d", taken[string(id)], m.Receipt)
				}
			}
			d.await("the end to be told", func() bool { return d.heard() == refusal.told+", 0" })
		})
	}
}

func TestAHoldEndsWithTheFirstMessageThatIsTaken(t *testing.T) {
	d := newDesk(t)
	d.answer(refusing(401, 190))
	for i := range 5 {
		contact, conversation, _ := d.customer(i)
		d.queue(contact, conversation, fmt.Sprint(i))
		d.queue(contact, conversation, fmt.Sprint(i, " again"))
	}
	poke, _ := d.run(d.db)
	d.await("the trouble to be told", func() bool { return d.heard() != "" })
	d.quiet()
	d.answer(accept)
	d.later(probeEvery+probeJitter, poke)
	d.await("all to leave", func() bool { return d.waiting() == 0 })
	if got := d.heard(); got != "auth 190, 0" {
		t.Errorf("told: %s", got)
	}
}

func TestARefusalOfOneMessageAloneHoldsNobodyElseUpForLong(t *testing.T) {
	d := newDesk(t)
	d.answer(func(ctx context.Context, text string) (whatsapp.SendResult, error) {
		if text == "not this one" {
			return whatsapp.SendResult{}, refused(403, 10)
		}
		return accept(ctx, text)
	})
	contact, conversation, _ := d.customer(1)
	bad := d.queue(contact, conversation, "not this one")
	poke, _ := d.run(d.db)
	d.await("the trouble to be told", func() bool { return d.heard() == "permission 10" })
	other, there, _ := d.customer(2)
	good := d.queue(other, there, "but this")
	d.later(probeEvery+probeJitter, poke)
	d.await("the other to leave and this one to fail", func() bool { return d.waiting() == 0 })
	if m := d.receipt(bad); m.Failure != inbox.FailPolicy {
		t.Errorf("it failed for %d", m.Failure)
	}
	if m := d.receipt(good); m.Receipt == inbox.Failed {
		t.Error("the other one failed as well")
	}
	d.await("the end to be told", func() bool { return d.heard() == "permission 10, 0" })
}

// Every row of the table of errors that concerns one message: what the agent is told, and that others leave at once.
func TestARefusalThatConcernsOneMessageIsToldAtOnceAndNeverRepeated(t *testing.T) {
	for code, want := range map[int]inbox.Failure{
		131026: inbox.FailUndeliverable, 131030: inbox.FailUndeliverable, 131047: inbox.FailWindow, 470: inbox.FailWindow,
		131049: inbox.FailNotToday, 130472: inbox.FailNotToday, 131050: inbox.FailStopped, 131062: inbox.FailNumberNeeded,
		130497: inbox.FailPolicy, 134011: inbox.FailPolicy, 131052: inbox.FailMedia,
		132000: inbox.FailTemplate, 132001: inbox.FailTemplate, 132005: inbox.FailTemplate, 132007: inbox.FailTemplate,
		132012: inbox.FailTemplate, 132015: inbox.FailTemplate, 132016: inbox.FailTemplate, 132068: inbox.FailTemplate, 132069: inbox.FailTemplate,
		131021: inbox.FailInternal, 131008: inbox.FailInternal, 131009: inbox.FailInternal, 100: inbox.FailInternal, 33: inbox.FailInternal,
		135000: inbox.FailInternal, 131051: inbox.FailInternal,
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			d := newDesk(t)
			d.answer(func(ctx context.Context, text string) (whatsapp.SendResult, error) {
				if text == "bad" {
					return whatsapp.SendResult{}, refused(400, code)
				}
				return accept(ctx, text)
			})
			contact, conversation, _ := d.customer(1)
			bad := d.queue(contact, conversation, "bad")
			d.queue(contact, conversation, "good")
			poke, _ := d.run(d.db)
			d.await("both", func() bool { return d.waiting() == 0 })
			d.later(time.Hour, poke)
			if n := d.quiet(); n != 2 {
				t.Errorf("%d posts", n)
			}
			if m := d.receipt(bad); m.Receipt != inbox.Failed || m.Failure != want {
				t.Errorf("it is shown as %d, %d; want %d", m.Receipt, m.Failure, want)
			}
			if got := d.heard(); got != "0" {
				t.Errorf("told: %s", got)
			}
		})
	}
}

func TestAMessageWhoseWindowClosesWhileTheNumberIsHeldFails(t *testing.T) {
	d := newDesk(t)
	d.answer(refusing(401, 190))
	var ids []inbox.MessageID
	for i := range 3 {
		contact, conversation, _ := d.customer(i)
		ids = append(ids, d.queue(contact, conversation, "hello"))
	}
	poke, _ := d.run(d.db)
	d.await("the trouble to be told", func() bool { return d.heard() != "" })
	before := d.quiet()
	d.later(inbox.ReplyWindow+time.Minute, poke)
	d.await("all to fail", func() bool { return d.waiting() == 0 })
	for _, id := range ids {
		if m := d.receipt(id); m.Failure != inbox.FailWindow {
			t.Errorf("a message failed for %d", m.Failure)
		}
	}
	if n := d.quiet(); n != before {
		t.Errorf("%d posts left outside of the window", n-before)
	}
}

func TestTooManyComplaintsPauseTheNumberForLonger(t *testing.T) {
	d := newDesk(t)
	d.answer(refusing(400, 131048))
	contact, conversation, _ := d.customer(1)
	id := d.queue(contact, conversation, "hello")
	poke, _ := d.run(d.db)
	d.await("the trouble to be told", func() bool { return d.heard() == "spam 131048" })
	for _, x := range []struct {
		after time.Duration
		posts int
	}{{spamPause / 2, 1}, {spamPause, 2}, {spamPause, 2}, {2 * spamPause, 3}} {
		d.later(x.after, poke)
		d.await("the number of posts", func() bool { return len(d.posted()) >= x.posts })
		if n := d.quiet(); n != x.posts {
			t.Fatalf("%d posts, want %d", n, x.posts)
		}
	}
	if m := d.receipt(id); m.Receipt != inbox.Queued {
		t.Errorf("it is shown as %d", m.Receipt)
	}
}

// silentSince makes a customer's last message older than the window.
func (d *desk) silentSince(conversation inbox.ConversationID) {
	d.update(func(tx ledger.Tx) error {
		c, _, err := eventlog.Conversation(tx, conversation)
		if err == nil && c.WindowOpen(inbox.At(d.now())) {
			d.t.Fatal("the window is still open")
		}
		return err
	})
}

func TestTheDaysLimitConcernsFirstWordsAndNotAnswers(t *testing.T) {
	d := newDesk(t)
	d.answer(func(ctx context.Context, text string) (whatsapp.SendResult, error) {
		if text == "hello" {
			return accept(ctx, text)
		}
		return whatsapp.SendResult{}, refused(400, 131048)
	})
	contact, conversation, _ := d.customer(1)
	d.ahead.Add(int64(inbox.ReplyWindow + time.Hour))
	d.silentSince(conversation)
	first := d.queueParcel(conversation, Parcel{Contact: contact, Template: aTemplate(inbox.Utility)})
	other, there, _ := d.customer(2)
	d.queue(other, there, "hello")
	d.run(d.db)
	d.await("both", func() bool { return d.waiting() == 0 })
	if m := d.receipt(first); m.Failure != inbox.FailBusy {
		t.Errorf("the first word failed for %d", m.Failure)
	}
	d.await("the limit to be told", func() bool { return strings.Contains(d.heard(), "limited") })
	if strings.Contains(d.heard(), "spam") {
		t.Error("the number was held")
	}
}

func TestATemplateLeavesWheneverTheCustomerStillAgrees(t *testing.T) {
	d := newDesk(t)
	contact, conversation, _ := d.customer(1)
	d.ahead.Add(int64(inbox.ReplyWindow + time.Hour))
	agree := func(c inbox.Consent) {
		d.update(func(tx ledger.Tx) error {
			_, err := eventlog.Append(tx, inbox.At(d.now()), "", inbox.ConsentChanged{Conversation: conversation, Consent: c})
			return err
		})
	}
	for _, x := range []struct {
		category inbox.TemplateCategory
		consent  inbox.Consent
		leaves   bool
	}{
		{inbox.Utility, inbox.Consent{}, true},
		{inbox.Marketing, inbox.Consent{}, false},
		{inbox.Marketing, inbox.Consent{Marketing: inbox.Given}, true},
		{inbox.Marketing, inbox.Consent{Marketing: inbox.Withdrawn}, false},
		{inbox.Utility, inbox.Consent{Marketing: inbox.Withdrawn}, true},
		{inbox.Utility, inbox.Consent{Templates: inbox.Withdrawn}, false},
		{inbox.Authentication, inbox.Consent{}, true},
	} {
		before := len(d.posted())
		id := d.queueParcel(conversation, Parcel{Contact: contact, Template: aTemplate(x.category)})
		agree(x.consent) // after the wish was granted
		_, stop := d.run(d.db)
		d.await("it to leave or fail", func() bool { return d.waiting() == 0 })
		stop()
		want := inbox.NoFailure
		if !x.leaves {
			want = inbox.FailStopped
		}
		if m, n := d.receipt(id), len(d.posted())-before; m.Failure != want || (n == 1) != x.leaves {
			t.Errorf("category %d with consent %+v: %d posts, failure %d", x.category, x.consent, n, m.Failure)
		}
	}
}

func TestARefusalBecauseTheCustomerStoppedMarketingIsWrittenDownWithTheFailure(t *testing.T) {
	d := newDesk(t)
	d.config = func(c *Config) {
		c.Stopped = func(_ context.Context, _ inbox.ContactID, _ inbox.MessageID, at inbox.Moment) (func(ledger.Tx, inbox.ConversationID) error, error) {
			return func(tx ledger.Tx, c inbox.ConversationID) error {
				_, err := eventlog.Append(tx, at, "", inbox.ConsentChanged{
					Conversation: c, Consent: inbox.Consent{Marketing: inbox.Withdrawn, Source: inbox.FromRefusal},
				})
				return err
			}, nil
		}
	}
	d.answer(refusing(400, 131050))
	contact, conversation, _ := d.customer(1)
	d.update(func(tx ledger.Tx) error {
		_, err := eventlog.Append(tx, inbox.At(d.now()), "", inbox.ConsentChanged{Conversation: conversation, Consent: inbox.Consent{Marketing: inbox.Given}})
		return err
	})
	id := d.queueParcel(conversation, Parcel{Contact: contact, Template: aTemplate(inbox.Marketing)})
	d.run(d.db)
	d.await("the failure", func() bool { return d.receipt(id).Failure == inbox.FailStopped })
	d.update(func(tx ledger.Tx) error {
		c, _, err := eventlog.Conversation(tx, conversation)
		if c.Consent.Marketing != inbox.Withdrawn || c.Consent.Source != inbox.FromRefusal {
			t.Errorf("consent is %+v", c.Consent)
		}
		return err
	})
}

func TestACustomerWhoIsWrittenToTooOftenIsLeftInPeaceAndNobodyElse(t *testing.T) {
	d := newDesk(t)
	contact, conversation, _ := d.customer(1)
	d.answer(func(ctx context.Context, text string) (whatsapp.SendResult, error) {
		if text == "too often" {
			return whatsapp.SendResult{}, refused(400, 131056)
		}
		return accept(ctx, text)
	})
	d.queue(contact, conversation, "too often")
	d.queue(contact, conversation, "after it")
	other, there, _ := d.customer(2)
	d.queue(other, there, "somebody else")
	poke, _ := d.run(d.db)
	d.await("somebody else's", func() bool {
		return slices.ContainsFunc(d.posted(), func(p post) bool { return p.text == "somebody else" })
	})
	for n, wait := range []time.Duration{4 * time.Second, 16 * time.Second, 64 * time.Second} {
		d.quiet()
		d.later(wait-2*time.Second, poke)
		if got := d.quiet(); got != n+2 {
			t.Fatalf("%d posts before %v were over, want %d", got, wait, n+2)
		}
		d.later(3*time.Second, poke)
		d.await("another try", func() bool { return len(d.posted()) == n+3 })
	}
	if slices.ContainsFunc(d.posted(), func(p post) bool { return p.text == "after it" }) {
		t.Error("a later message overtook it")
	}
}

func TestACodeThatIsMissingIsNoRefusal(t *testing.T) {
	for code, want := range map[int]whatsapp.Outcome{0: whatsapp.OutcomeUnknown, 131000: whatsapp.OutcomeUnknown, 3: whatsapp.OutcomeRefused} {
		if got := fateOf(refused(500, code)); got != want {
			t.Errorf("code %d under a status of 500 is %v", code, got)
		}
	}
}

func TestWhatCustomersSendCountsAgainstTheNumberButLeavesAShare(t *testing.T) {
	d := newDesk(t)
	d.config = func(c *Config) { c.NumberRate = 80 }
	posts := func(inbound int) (n int) {
		p := d.pipeline(d.db)
		start := d.now()
		for ms := range 3000 {
			now := start.Add(time.Duration(ms) * time.Millisecond)
			if ms%1000 == 0 && inbound > 0 {
				p.cfg.Now = func() time.Time { return now }
				p.Received(inbound)
			}
			if p.reserve(row{Contact: inbox.ContactID(fmt.Sprint(ms))}, now, false) == 0 {
				n++
			}
		}
		return n
	}
	alone, some, flood := posts(0), posts(40), posts(100_000)
	if alone > 3*80 || alone < 3*70 {
		t.Errorf("%d posts in 3 seconds without inbound", alone)
	}
	if some+3*40 > 3*80+10 || some < 3*25 {
		t.Errorf("%d posts in 3 seconds with 40 a second inbound", some)
	}
	if flood < 3*8 || flood > 3*30 {
		t.Errorf("%d posts in 3 seconds in a flood", flood)
	}
}
