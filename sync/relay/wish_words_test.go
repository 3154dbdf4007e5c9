package relay

import (
	"fmt"
	"strings"
	"testing"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/vault"
	"sealdesk/sync/relay/internal/whatsapp"
)

// acquainted opens a conversation with a contact who has just written, and returns an agent who looks after it.
func acquainted(t *testing.T, r *Relay, who vault.Identity, wrote string) (inbox.Person, inbox.ConversationID) {
	t.Helper()
	in := inbox.InboxID(r.cfg.Inboxes[0].ID)
	at := inbox.At(r.now())
	card, _, err := r.vault.Resolve(t.Context(), who, at)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.vault.Mask(t.Context(), card.ID, wrote); err != nil {
		t.Fatal(err)
	}
	if card, err = r.vault.Card(t.Context(), card.ID); err != nil {
		t.Fatal(err)
	}
	id := inbox.NewID[inbox.ConversationID]()
	err = r.db.Update(t.Context(), eventlog.Shard(in.Log()), func(tx ledger.Tx) error {
		_, err := eventlog.Append(tx, at, "", inbox.ConversationOpened{Conversation: id, Inbox: in, Contact: card},
			inbox.MessageAdded{Message: inbox.Message{ID: inbox.NewID[inbox.MessageID](), Conversation: id, At: at, Side: inbox.FromContact, Kind: inbox.Text}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return inbox.Person{ID: "agent", Role: inbox.Agent, Inboxes: []inbox.InboxID{in}}, id
}

func wished(t *testing.T, r *Relay, p inbox.Person, b inbox.IntentBody) inbox.Refusal {
	t.Helper()
	o := r.wish(t.Context(), p, "laptop", inbox.Intent{ID: inbox.NewID[inbox.IntentID](), Body: b})
	if o.Retry != 0 {
		t.Fatalf("%T is to be repeated", b)
	}
	return o.Refusal
}

// Where a text with a variable stops to fit would tell how long the value is: a customer's address could be measured.
func TestWhatFitsDoesNotTellHowLongAHiddenValueIs(t *testing.T) {
	r := newRelay(t, nil)
	short, shorts := acquainted(t, r, vault.Identity{Phone: "15550100777"}, "write to jo@example.com")
	long, longs := acquainted(t, r, vault.Identity{Phone: "4915155501234"}, "write to a.much.longer.address.of.mine@mail.example.com")
	options := []inbox.Option{{Title: "Yes"}}
	for name, wish := range map[string]func(inbox.ConversationID, string) inbox.IntentBody{
		"a text": func(c inbox.ConversationID, v string) inbox.IntentBody {
			return inbox.SendText{Conversation: c, Text: strings.Repeat("a", inbox.MaxText-30) + v}
		},
		"an interactive text": func(c inbox.ConversationID, v string) inbox.IntentBody {
			return inbox.SendInteractive{Conversation: c, Text: strings.Repeat("a", 1000) + v, Options: options}
		},
		"a header": func(c inbox.ConversationID, v string) inbox.IntentBody {
			return inbox.SendInteractive{Conversation: c, Text: "a", Header: strings.Repeat("a", 36) + v, Options: options}
		},
		"a footer": func(c inbox.ConversationID, v string) inbox.IntentBody {
			return inbox.SendInteractive{Conversation: c, Text: "a", Footer: strings.Repeat("a", 46) + v, Options: options}
		},
	} {
		for _, variable := range []string{"{{contact.email}}", "{{contact.phone}}"} {
			for pad := range 40 {
				v := strings.Repeat("b", pad) + variable
				a, b := wished(t, r, short, wish(shorts, v)), wished(t, r, long, wish(longs, v))
				if a != b {
					t.Errorf("%s and %s with %d more: %v or %v", name, variable, pad, a, b)
					break
				}
			}
		}
	}
	if got := wished(t, r, short, inbox.SendText{Conversation: shorts, Text: "to {{contact.email}} and {{contact.phone}}"}); got != inbox.Granted {
		t.Errorf("a text that fits: %v", got)
	}
}

// A value that is longer than anything it would be counted for is as unknown as none, so nothing is queued that WhatsApp
// would refuse for its length.
func TestAHiddenValueThatIsTooLongIsUnknown(t *testing.T) {
	r := newRelay(t, nil)
	p, c := acquainted(t, r, vault.Identity{Phone: "15550100777"}, "write to "+strings.Repeat("long.", 14)+"address@example.com")
	if got := wished(t, r, p, inbox.SendText{Conversation: c, Text: "to {{contact.email}}"}); got != inbox.RefusedVariable {
		t.Errorf("%v", got)
	}
}

func TestNoWishHoldsThePlaceOfAValue(t *testing.T) {
	r := newRelay(t, nil)
	p, c := acquainted(t, r, vault.Identity{Phone: "15550100777"}, "hello")
	for _, forged := range []string{"\x00-1\x00", "\x000\x00", "\x0099999999999999999999\x00", "\x00"} {
		one := []inbox.Option{{Title: "Yes"}}
		for i, b := range []inbox.IntentBody{
			inbox.SendText{Conversation: c, Text: forged + "{{contact.phone}}"},
			inbox.SendLocation{Conversation: c, Name: forged},
			inbox.SendLocation{Conversation: c, Address: forged},
			inbox.SendInteractive{Conversation: c, Text: "{{contact.phone}}", Options: []inbox.Option{{Title: forged}}},
			inbox.SendInteractive{Conversation: c, Text: "a", Menu: "more", Options: []inbox.Option{{Title: "b", Note: forged}}},
			inbox.SendInteractive{Conversation: c, Text: "a", Menu: forged, Options: one},
			inbox.SendInteractive{Conversation: c, Text: "a", Header: forged, Options: one},
			inbox.SendInteractive{Conversation: c, Text: "a", Footer: forged, Options: one},
		} {
			if got := wished(t, r, p, b); got == inbox.Granted {
				t.Errorf("%d is granted", i)
			}
		}
	}
}

func TestAStatusOfAnUnpaidBillHoldsTheNumber(t *testing.T) {
	r := newRelay(t, nil)
	p, c := acquainted(t, r, vault.Identity{Phone: "15550100777"}, "hello")
	in := inbox.InboxID(r.cfg.Inboxes[0].ID)
	if got := wished(t, r, p, inbox.SendText{Conversation: c, Text: "hello"}); got != inbox.Granted {
		t.Fatal(got)
	}
	var sent inbox.MessageID
	err := r.db.View(t.Context(), eventlog.Shard(in.Log()), func(tx ledger.Tx) error {
		for e, err := range eventlog.Backwards(tx) {
			if m, ok := e.Body.(inbox.MessageAdded); ok && m.Message.Side == inbox.FromPerson {
				sent = m.Message.ID
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || sent == "" {
		t.Fatal(err)
	}
	say := func(received inbox.Moment) {
		t.Helper()
		s := whatsapp.Status{
			ID: whatsapp.NewMessageID("wamid.1"), State: whatsapp.StateFailed, At: received.Time(), Callback: string(sent),
			Errors: []whatsapp.Fault{{Code: 131042}},
		}
		f, err := r.prepareStatus(t.Context(), in, s, received)
		if err != nil {
			t.Fatal(err)
		}
		err = r.db.Update(t.Context(), eventlog.Shard(in.Log()), func(tx ledger.Tx) error {
			log := eventlog.NewWriter(tx)
			if err := f.write(tx, log, received); err != nil {
				return err
			}
			return log.Flush()
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := f.after(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	say(inbox.At(r.now()))
	now, err := r.inboxNow(t.Context(), in)
	if err != nil || !r.pipes[in].Held() || now.State != inbox.InboxHeld {
		t.Fatalf("%+v, %v", now, err)
	}
	incidents, err := r.Incidents(t.Context(), false)
	if err != nil || fmt.Sprint(len(incidents)) != "1" || incidents[0].Kind != inbox.IncidentPayment {
		t.Errorf("%d incidents, %v", len(incidents), err)
	}
}
