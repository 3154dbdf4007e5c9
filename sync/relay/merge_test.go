package relay

import (
	"testing"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
)

var (
	byNumber = object{"profile": object{"name": "Anna"}, "wa_id": "4915155501234"}
	byUser   = object{"profile": object{"name": "Anna"}, "user_id": "DE.1349120865530274"}
	byBoth   = object{"profile": object{"name": "Anna"}, "wa_id": "4915155501234", "user_id": "DE.1349120865530274"}
)

func count[T inbox.EventBody](all []inbox.Event) (n int) {
	for _, e := range all {
		if _, ok := e.Body.(T); ok {
			n++
		}
	}
	return n
}

func what(all []inbox.Message, w inbox.What) (n int) {
	for _, m := range all {
		if m.What == w {
			n++
		}
	}
	return n
}

func TestAPersonWithoutANumberIsAContactLikeAnyOther(t *testing.T) {
	for name, who := range map[string]object{
		"number only":   byNumber,
		"user id only":  byUser,
		"username only": {"profile": object{"name": "Anna", "username": "anna.b55"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newIntakeDesk(t)
			d.feed(from(testNumber, who, "A", 1790000000, "text", text("one")), from(testNumber, who, "B", 1790000001, "text", text("two")))
			if c := d.conversations(d.one); len(c) != 1 || len(d.messages(d.one)) != 2 || c[0].Contact.Alias == "" {
				t.Errorf("%d conversations", len(c))
			}
			d.noLeak("4915155501234", "1349120865530274", "anna.b55")
		})
	}
}

func TestTwoConversationsOfOneCustomerAreJoinedInEveryInbox(t *testing.T) {
	for _, at := range []string{testNumber, otherNumber} { // where the two are found to be one makes no difference
		d := newIntakeDesk(t)
		d.feed(from(testNumber, byNumber, "A", 1790000000, "text", text("by number")))
		d.feed(from(testNumber, byUser, "B", 1790000001, "text", text("by user id")))
		d.feed(from(otherNumber, byUser, "C", 1790000002, "text", text("elsewhere")))
		before := d.conversations(d.one)
		elder, younger := before[0], before[1]
		if elder.Contact.ID == younger.Contact.ID {
			t.Fatal("one contact too early")
		}
		link := from(at, byBoth, "D", 1790000003, "text", text("both"))
		d.feed(link, link)
		d.feed(from(testNumber, byUser, "E", 1790000004, "text", text("again")))
		for _, c := range d.conversations(d.one) {
			switch c.ID {
			case elder.ID:
				if c.Into != "" || c.State != inbox.Open {
					t.Error("the older conversation does not go on")
				}
			case younger.ID:
				if c.Into != elder.ID || c.State != inbox.Closed {
					t.Error("the younger conversation is not closed, or leads elsewhere")
				}
			default:
				t.Error("a third conversation")
			}
		}
		all := d.messages(d.one)
		if last := all[len(all)-1]; last.Conversation != elder.ID || last.Body.Visible() != "again" {
			t.Error("a new message went to the younger conversation")
		}
		if n := what(all, inbox.WhatJoined); n != 2 {
			t.Errorf("%d items tell of it", n)
		}
		if n := count[inbox.ConversationJoined](d.events(d.one.Log())); n != 1 {
			t.Errorf("joined %d times", n)
		}
		// The other inbox knew the younger alone: its conversation is the older contact's now.
		there := d.conversations(d.two)
		if len(there) != 1 || there[0].Contact.ID != elder.Contact.ID || there[0].Into != "" {
			t.Errorf("%d conversations in the other inbox, or of another contact", len(there))
		}
		if s, err := d.vault.Standing(t.Context(), elder.Contact.ID); err != nil || s.Pending {
			t.Error("the news was not settled", err)
		}
		d.noLeak("4915155501234", "1349120865530274")
	}
}

func TestWhatTheYoungerOneWroteStaysReadable(t *testing.T) {
	d := newIntakeDesk(t)
	d.feed(from(testNumber, byNumber, "A", 1790000000, "text", text("by number")))
	d.feed(from(testNumber, byUser, "B", 1790000001, "text", text("by user id")))
	d.feed(from(testNumber, byBoth, "C", 1790000002, "text", text("both")))
	elder := d.conversations(d.one)[1].Contact.ID
	for _, m := range d.messages(d.one) {
		if m.Side != inbox.FromContact {
			continue
		}
		var sealed []byte
		err := d.db.View(t.Context(), eventlog.Shard(d.one.Log()), func(tx ledger.Tx) (err error) {
			sealed, err = tx.Get(bucketOriginal, []byte(m.ID))
			return err
		})
		if err != nil || sealed == nil {
			t.Fatal("no original", err)
		}
		if _, err := d.vault.Open(t.Context(), elder, bucketOriginal, []byte(m.ID), sealed); err != nil {
			t.Error("the older contact cannot open it", err)
		}
	}
}

// TestAContactCanTurnOutToBeAnotherWhileItsMessageIsOnItsWay prepares a message, lets the merge happen, and writes then.
func TestAContactCanTurnOutToBeAnotherWhileItsMessageIsOnItsWay(t *testing.T) {
	for _, known := range []bool{false, true} { // whether the older one has a conversation here
		d := newIntakeDesk(t)
		if known {
			d.feed(from(testNumber, byNumber, "A", 1790000000, "text", text("by number")))
		} else {
			d.feed(from(otherNumber, byNumber, "A", 1790000000, "text", text("by number")))
		}
		in := d.intakes[d.one]
		if err := d.ingest(t.Context(), from(testNumber, byUser, "B", 1790000001, "text", text("by user id"))); err != nil {
			t.Fatal(err)
		}
		late := <-in.ahead(t.Context(), in.after)
		if len(late.facts) != 1 {
			t.Fatal("nothing prepared")
		}
		if err := d.ingest(t.Context(), from(otherNumber, byBoth, "C", 1790000002, "text", text("both"))); err != nil {
			t.Fatal(err)
		}
		other := d.intakes[d.two]
		if _, err := other.round(t.Context(), <-other.ahead(t.Context(), other.after), map[uint64]int{}); err != nil {
			t.Fatal(err)
		}
		if done, err := in.round(t.Context(), late, map[uint64]int{}); err != nil || done != 1 {
			t.Fatal(done, err)
		}
		here, there := d.conversations(d.one), d.conversations(d.two)
		if len(here) != 1 || len(there) != 1 || here[0].Contact.ID != there[0].Contact.ID {
			t.Errorf("%d and %d conversations, or of two contacts", len(here), len(there))
		}
	}
}

func TestACardThatChangesIsToldInEveryInbox(t *testing.T) {
	d := newIntakeDesk(t)
	d.feed(from(testNumber, byNumber, "A", 1790000000, "text", text("one")), from(otherNumber, byNumber, "B", 1790000001, "text", text("two")))
	d.feed(from(testNumber, byNumber, "C", 1790000002, "text", text("my mail is anna@example.com")))
	d.feed(from(otherNumber, object{"profile": object{"name": "Berta"}, "wa_id": "4915155501234"}, "D", 1790000003, "text", text("new name")))
	for _, id := range []inbox.InboxID{d.one, d.two} {
		if c := d.conversations(id); c[0].Contact.Email.IsZero() || c[0].Contact.Name.Visible() != "Berta" {
			t.Error("an inbox shows an old card")
		}
	}
	before := len(d.events(d.one.Log())) + len(d.events(d.two.Log()))
	d.feed(from(otherNumber, object{"profile": object{"name": "Berta"}, "wa_id": "4915155501234"}, "E", 1790000004, "text", text("nothing new")))
	if after := len(d.events(d.one.Log())) + len(d.events(d.two.Log())); after != before+1 {
		t.Errorf("%d facts without news", after-before)
	}
	d.noLeak("anna@example.com")
}

func TestACardLearntWithTheFirstMessagesIsShown(t *testing.T) {
	d := newIntakeDesk(t)
	for _, b := range [][]byte{ // in one lot: the conversation is opened by what is older than the card
		from(testNumber, byNumber, "A", 1790000000, "text", text("one")),
		from(otherNumber, byNumber, "B", 1790000001, "text", text("two")),
		from(testNumber, byNumber, "C", 1790000002, "text", text("my mail is anna@example.com")),
	} {
		if err := d.ingest(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	d.feed()
	for _, id := range []inbox.InboxID{d.one, d.two} {
		if c := d.conversations(id); len(c) != 1 || c[0].Contact.Email.IsZero() {
			t.Error("an inbox shows an old card")
		}
	}
}

func TestWhoChangesTheNumberStaysInTheConversation(t *testing.T) {
	system := func(id, from string, body object) []byte {
		return hook(testNumber, "messages", object{"messages": []any{object{
			"from": from, "id": "wamid." + id, "timestamp": "1790000002", "type": "system", "system": body,
		}}})
	}
	changed := object{"body": "User Anna changed from 4915155501234 to 4915155501235", "type": "user_changed_number",
		"wa_id": "4915155501235", "previous_user_id": "DE.1349120865530274", "user_id": "DE.99"}
	fresh := object{"profile": object{"name": "Anna"}, "wa_id": "4915155501235", "user_id": "DE.99"}
	d := newIntakeDesk(t)
	d.feed(from(testNumber, byBoth, "A", 1790000000, "text", text("one")), from(otherNumber, byBoth, "B", 1790000001, "text", text("two")))
	for range 2 {
		d.feed(system("S", "4915155501234", changed))
	}
	d.feed(from(testNumber, fresh, "C", 1790000003, "text", text("three")), from(otherNumber, fresh, "D", 1790000004, "text", text("four")))
	for _, id := range []inbox.InboxID{d.one, d.two} {
		if c := d.conversations(id); len(c) != 1 {
			t.Errorf("%d conversations", len(c))
		}
	}
	if n := what(d.messages(d.one), inbox.WhatNewNumber); n != 1 {
		t.Errorf("%d items", n)
	}
	// The number's next owner is somebody else.
	d.feed(from(testNumber, object{"profile": object{"name": "Carl"}, "wa_id": "4915155501234", "user_id": "DE.7"}, "E", 1790000009, "text", text("new owner")))
	if c := d.conversations(d.one); len(c) != 2 {
		t.Error("the next owner of the number writes in her conversation")
	}
	d.noLeak("4915155501234", "4915155501235", "1349120865530274")
}

func TestWhatWasWithdrawnStaysWithdrawnWhenTwoAreJoined(t *testing.T) {
	d := newIntakeDesk(t)
	d.feed(from(testNumber, byNumber, "A", 1790000000, "text", text("one")))
	d.feed(from(testNumber, byUser, "B", 1790000001, "text", text("STOP")))
	d.feed(from(testNumber, byBoth, "C", 1790000002, "text", text("three")))
	for _, c := range d.conversations(d.one) {
		if c.Into == "" && c.Consent.Marketing != inbox.Withdrawn {
			t.Error("the conversation that goes on forgot what was withdrawn")
		}
	}
}

func TestWhatBecomesOfAnOldMessageConcernsTheConversationThatGoesOn(t *testing.T) {
	d := newIntakeDesk(t)
	d.feed(from(testNumber, byNumber, "A", 1790000000, "text", text("one")))
	d.feed(from(testNumber, byUser, "B", 1790000001, "text", text("two")))
	younger := d.conversations(d.one)[1].ID
	m := d.send(younger, inbox.Templated)
	d.feed(from(testNumber, byBoth, "C", 1790000002, "text", text("three")))
	d.feed(statusHook("W1", "failed", 1790000003, object{"biz_opaque_callback_data": string(m), "errors": []any{object{"code": 131050}}}))
	for _, c := range d.conversations(d.one) {
		if (c.ID != younger) != (c.Consent.Marketing == inbox.Withdrawn) {
			t.Error("what the customer stopped is known where nobody writes any more, or not where somebody does")
		}
	}
	for _, sent := range d.messages(d.one) {
		if sent.ID == m && sent.Receipt != inbox.Failed {
			t.Error("the old message did not fail")
		}
	}
}

func TestAnOlderCardThatArrivesLateChangesNothing(t *testing.T) {
	d := newIntakeDesk(t)
	d.feed(from(testNumber, byNumber, "A", 1790000000, "text", text("one")))
	id := d.conversations(d.one)[0].Contact.ID
	old, err := d.vault.Standing(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	d.feed(from(testNumber, byNumber, "B", 1790000001, "text", text("my mail is anna@example.com")))
	before := len(d.events(d.one.Log()))
	if err := d.spread(t.Context(), old, ""); err != nil {
		t.Fatal(err)
	}
	if c := d.conversations(d.one)[0]; c.Contact.Email.IsZero() || len(d.events(d.one.Log())) != before {
		t.Error("the older card took the place of the newer")
	}
}
