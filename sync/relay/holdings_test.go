package relay

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
)

// deliver tells the ledger that a device has all there is in the inbox.
func (d *wipeDesk) deliver(c colleague) inbox.Cursor {
	d.t.Helper()
	head, err := d.logs.Head(context.Background(), salesInbox.Log())
	if err != nil {
		d.t.Fatal(err)
	}
	head.Log = salesInbox.Log()
	d.delivered(c.device, head)
	return head
}

func (d *wipeDesk) held(c colleague, from, to time.Time) (ids []inbox.ConversationID) {
	d.t.Helper()
	at := func(t time.Time) inbox.Moment {
		if t.IsZero() {
			return 0
		}
		return inbox.At(t)
	}
	list, err := d.holdingsOf(context.Background(), c.device, at(from), at(to))
	if err != nil {
		d.t.Fatal(err)
	}
	for _, h := range list {
		ids = append(ids, h.Conversation)
	}
	return ids
}

func same(a, b []inbox.ConversationID) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

func TestWhatWasOnADeviceIsWhatWasDelivered(t *testing.T) {
	d := newWipeDesk(t)
	officer, agent, away := d.person("Petra Ohm", inbox.PrivacyOfficer, ""), d.person("Tobias Brandt", inbox.Agent, ""), d.person("Mira Falk", inbox.Agent, "")
	none := time.Time{}
	morning := d.now
	first := d.assigned(agent.person.ID, 3)
	d.deliver(agent)
	if got := d.held(agent, none, none); !same(got, first) {
		t.Errorf("%d conversations", len(got))
	}
	if got := d.held(away, none, none); len(got) != 0 {
		t.Errorf("%d on a device that fetched nothing", len(got))
	}
	// The same day, later: it was not there in the morning, whoever asks.
	d.now = d.now.Add(2 * time.Hour)
	later := d.assigned(agent.person.ID, 2)
	d.deliver(agent)
	if got := d.held(agent, none, morning.Add(time.Hour)); !same(got, first) {
		t.Errorf("in the morning: %d", len(got))
	}
	if got := d.held(agent, none, none); !same(got, append(slices.Clone(first), later...)) {
		t.Errorf("now: %d", len(got))
	}
	// What came while it was away and was fetched the day after was not on it before, also after a start.
	d.now = d.now.Add(time.Hour)
	evening := d.now
	missed := d.assigned(agent.person.ID, 1)
	d.now = d.now.Add(24 * time.Hour)
	d.deliver(agent)
	d.restart(nil)
	if got := d.held(agent, none, evening.Add(time.Hour)); !same(got, append(slices.Clone(first), later...)) {
		t.Errorf("in the evening: %d", len(got))
	}
	all := append(append(slices.Clone(first), later...), missed...)
	if got := d.held(agent, none, none); !same(got, all) {
		t.Errorf("the day after: %d", len(got))
	}
	// An older place takes nothing back.
	d.delivered(agent.device, inbox.Cursor{Log: salesInbox.Log(), Epoch: d.deliver(agent).Epoch, Seq: 1})
	if got := d.held(agent, none, none); !same(got, all) {
		t.Errorf("after an older place: %d", len(got))
	}
	// Once nobody can read it, there is nothing.
	d.wipes(agent, agent, inbox.WipeReplaced)
	dark := d.now
	d.now = d.now.Add(time.Hour)
	if got := d.held(agent, dark, none); len(got) != 0 {
		t.Errorf("after it was dark: %d", len(got))
	}
	if got := d.held(agent, dark.Add(-time.Minute), none); !same(got, all) {
		t.Errorf("before it was dark: %d", len(got))
	}

	a, no := d.ask(officer, inbox.AskHoldings{Device: agent.device})
	if no != inbox.Granted || a.(inbox.Holdings).Total != len(all) || a.(inbox.Holdings).List[0].Messages != 1 || a.(inbox.Holdings).List[0].Inbox != salesInbox {
		t.Errorf("%+v %v", a, no)
	}
	if _, no := d.ask(agent, inbox.AskHoldings{Device: agent.device}); no != inbox.RefusedRight {
		t.Errorf("who may not know: %v", no)
	}
	if _, no := d.ask(officer, inbox.AskHoldings{Device: agent.device, From: 5, To: 4}); no != inbox.RefusedMalformed {
		t.Errorf("backwards: %v", no)
	}
	if n := len(d.acts(actHoldings, string(agent.device))); n != 3 {
		t.Errorf("written down %d times", n)
	}
}

func TestALogOfAnotherGenerationHidesNothing(t *testing.T) {
	d := newWipeDesk(t)
	agent := d.person("Tobias Brandt", inbox.Agent, "")
	ids := d.assigned(agent.person.ID, 2)
	d.delivered(agent.device, inbox.Cursor{Log: salesInbox.Log(), Epoch: "an older one", Seq: 1})
	if got := d.held(agent, time.Time{}, time.Time{}); !same(got, ids) {
		t.Errorf("%d conversations", len(got))
	}
}

// TestHoldingsOfManyContacts asks for pages as a screen does. With SEALDESK_LONG=1 there are 100,000 contacts with ten
// messages each; the promise is an answer within 60 seconds.
func TestHoldingsOfManyContacts(t *testing.T) {
	contacts, messages := 2000, 3
	if os.Getenv("SEALDESK_LONG") != "" {
		contacts, messages = 100_000, 10
	}
	d := newWipeDesk(t)
	officer, agent := d.person("Petra Ohm", inbox.PrivacyOfficer, ""), d.person("Tobias Brandt", inbox.Agent, "")
	ids := make([]inbox.ConversationID, contacts)
	for i := range ids {
		ids[i] = inbox.NewID[inbox.ConversationID]()
	}
	for lot := range slices.Chunk(ids, 1000) {
		err := d.db.Update(t.Context(), eventlog.Shard(salesInbox.Log()), func(tx ledger.Tx) error {
			w := eventlog.NewWriter(tx)
			for _, id := range lot {
				for m := range messages {
					body := inbox.NewMasked(inbox.Span{Text: fmt.Sprint("Guten Tag, Bestellung ", m)})
					at := inbox.At(d.now).Add(time.Duration(m) * time.Second)
					_, err := w.Append(inbox.At(d.now), "", inbox.MessageAdded{Message: inbox.Message{
						ID: inbox.NewIDAt[inbox.MessageID](at), Conversation: id, At: at, Side: inbox.FromContact, Kind: inbox.Text, Body: body,
					}})
					if err != nil {
						return err
					}
				}
			}
			return w.Flush()
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	d.deliver(agent)
	start := time.Now()
	var after inbox.ConversationID
	seen, pages := map[inbox.ConversationID]bool{}, 0
	for {
		a, no := d.ask(officer, inbox.AskHoldings{Device: agent.device, After: after})
		if no != inbox.Granted {
			t.Fatal(no)
		}
		page := a.(inbox.Holdings)
		if page.Total != contacts {
			t.Fatalf("%d in all", page.Total)
		}
		for _, h := range page.List {
			if seen[h.Conversation] || h.Messages != messages || h.Last != h.First.Add(time.Duration(messages-1)*time.Second) {
				t.Fatalf("%+v", h)
			}
			seen[h.Conversation], after = true, h.Conversation
		}
		pages++
		if !page.More {
			break
		}
	}
	t.Logf("%d contacts with %d messages each in %s, %d pages", contacts, messages, time.Since(start), pages)
	if len(seen) != contacts {
		t.Errorf("%d of %d", len(seen), contacts)
	}
}
