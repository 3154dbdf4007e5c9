package relaytest

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay"
	"sealdesk/sync/relay/wasim"
)

// A second number of the test company.
const (
	secondNumberID = "206540352242922"
	secondNumber   = "+493023126000"
	second         = inbox.InboxID("service")
)

func twoNumbers(w *wasim.Config) {
	w.Numbers = append(w.Numbers, wasim.Number{ID: secondNumberID, Display: secondNumber[1:], Name: "Service", Coexistence: true})
}

func twoInboxes(c *relay.Config) {
	c.Inboxes = append(c.Inboxes, relay.InboxConfig{
		ID: string(second), Name: "Service", PhoneNumberID: secondNumberID, Number: secondNumber, AccountID: AccountID, Rate: 20,
	})
}

// poke lets an inbox's queue look at the clock: a customer writes.
func (k *counter) poke(number string) {
	k.t.Helper()
	if _, err := k.c.Sim.SayTo("jonas", number, "?"); err != nil {
		k.t.Fatal(err)
	}
}

// state is how the laptop shows an inbox.
func (k *counter) state(id inbox.InboxID) inbox.Inbox {
	for _, in := range k.d.Store.Inboxes() {
		if in.ID == id {
			return in
		}
	}
	return inbox.Inbox{}
}

// say queues a text and returns the message once the relay has it.
func (k *counter) say(id inbox.ConversationID, text string) {
	k.t.Helper()
	if got := k.wish(inbox.SendText{Conversation: id, Text: text}); got != inbox.Granted {
		k.t.Fatal(got)
	}
}

func (k *counter) open(kind inbox.IncidentKind, in inbox.InboxID) (n int) {
	k.t.Helper()
	list, err := k.c.Relay().Incidents(k.t.Context(), false)
	if err != nil {
		k.t.Fatal(err)
	}
	for _, i := range list {
		if i.Kind == kind && i.Inbox == in {
			n++
		}
	}
	return n
}

func TestWhenTheTokenExpiresEverythingWaitsAndThenLeavesOnce(t *testing.T) {
	k := openCounter(t, nil, nil)
	sales := inbox.InboxID(k.c.Config.Inboxes[0].ID)
	a, _, _ := k.customer("emily", PhoneNumberID)
	b, _, _ := k.customer("marco", PhoneNumberID)
	k.c.Sim.ExpireToken(Token)
	for n := range 4 {
		k.say(a, fmt.Sprint("a", n))
		k.say(b, fmt.Sprint("b", n))
	}
	k.d.Await("the inbox to be shown as held", func() bool {
		in := k.state(sales)
		return in.State == inbox.InboxHeld && in.Why == inbox.FailCompanyAccount
	})
	k.d.Await("the incident", func() bool { return k.open(inbox.IncidentAccess, sales) == 1 })
	for _, id := range []inbox.ConversationID{a, b} {
		for _, m := range k.d.Messages(id) {
			if m.Side == inbox.FromPerson && m.Receipt != inbox.Queued {
				t.Errorf("a message is shown as %d", m.Receipt)
			}
		}
	}
	k.c.Down() // nor is anything lost or forgotten by a relay that starts in the middle
	k.c.Up()
	k.connect()
	k.later(2 * time.Minute)
	k.poke(PhoneNumberID)
	k.say(a, "a4")
	if n := len(k.c.Sim.Sent()); n != 0 {
		t.Fatalf("%d messages left", n)
	}
	k.c.Sim.RestoreToken(Token)
	k.d.Await("everything to be read", func() bool {
		k.later(time.Minute)
		k.poke(PhoneNumberID)
		n := 0
		for _, id := range []inbox.ConversationID{a, b} {
			for _, m := range k.d.Messages(id) {
				if m.Receipt == inbox.Read {
					n++
				}
			}
		}
		return n == 9
	})
	var got []string
	for _, m := range k.c.Sim.Sent() {
		got = append(got, m.Text)
	}
	for who, want := range map[string]string{"a": "a0 a1 a2 a3 a4", "b": "b0 b1 b2 b3"} {
		var theirs []string
		for _, text := range got {
			if strings.HasPrefix(text, who) {
				theirs = append(theirs, text)
			}
		}
		if strings.Join(theirs, " ") != want {
			t.Errorf("a customer got %v", theirs)
		}
	}
	k.d.Await("the inbox to be shown as working, and the incident to be closed", func() bool {
		in := k.state(sales)
		return in.State == inbox.InboxWorking && in.Why == 0 && k.open(inbox.IncidentAccess, sales) == 0
	})
}

func TestOneNumberIsHeldAndTheOtherWorksAtItsOwnRate(t *testing.T) {
	k := openCounter(t, twoNumbers, twoInboxes)
	sales := inbox.InboxID(k.c.Config.Inboxes[0].ID)
	here, _, _ := k.customer("emily", PhoneNumberID)
	there, _, _ := k.customer("emily", secondNumberID)
	if here == there {
		t.Fatal("one conversation for two numbers")
	}
	if err := k.c.Sim.Restrict(PhoneNumberID, 131031); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		k.say(here, fmt.Sprint("held ", n))
		k.say(there, fmt.Sprint("free ", n))
	}
	k.d.Await("the second number's to be read", func() bool {
		m, n := receiptOf(k.d, there, "free 2")
		return n == 1 && m.Receipt == inbox.Read
	})
	k.d.Await("the first number to be shown as held", func() bool { return k.state(sales).State == inbox.InboxHeld })
	if in := k.state(second); in.State != inbox.InboxWorking {
		t.Error("the second number is shown as held")
	}
	k.d.Await("the incident", func() bool { return k.open(inbox.IncidentRestricted, sales) >= 1 })
	if n := k.open(inbox.IncidentRestricted, second); n != 0 {
		t.Error("an incident for the number that works")
	}
	for _, m := range k.c.Sim.Sent() {
		if m.Number != secondNumberID {
			t.Error("a message left from the held number")
		}
	}
	// The Business app shares the second number: 20 messages a second, whatever the first one may.
	start, before := time.Now(), len(k.c.Sim.Sent())
	var all []inbox.ConversationID
	for _, who := range []string{"katharina", "marco", "holger", "giulia", "oliver", "sofia"} {
		id, _, _ := k.customer(who, secondNumberID)
		all = append(all, id)
	}
	const each = 7
	for n := range each {
		for _, id := range all {
			k.d.Wish(inbox.SendText{Conversation: id, Text: fmt.Sprint("quick ", n)})
		}
	}
	k.d.Await("all of them", func() bool { return len(k.c.Sim.Sent()) == before+each*len(all) })
	if took := time.Since(start); took < time.Duration(each*len(all)-2*20)*time.Second/20 {
		t.Errorf("%d messages left within %v", each*len(all), took)
	}
	if err := k.c.Sim.Restrict(PhoneNumberID, 0); err != nil {
		t.Fatal(err)
	}
	k.d.Await("the first number's to be read", func() bool {
		k.later(time.Minute)
		k.poke(PhoneNumberID)
		m, n := receiptOf(k.d, here, "held 2")
		return n == 1 && m.Receipt == inbox.Read
	})
	if n := customersGot(k.c, "held 0"); n != 1 {
		t.Errorf("the customer got it %d times", n)
	}
}

func TestWhileWhatsAppCannotBeReachedEverythingWaits(t *testing.T) {
	k := openCounter(t, nil, nil)
	id, _, _ := k.customer("emily", PhoneNumberID)
	follow := k.template("follow_up", "en")
	right := k.c.Config.WhatsApp.API
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nowhere := l.Addr().String()
	l.Close()
	k.c.configure(func(c *relay.Config) { c.WhatsApp.API = "http://" + nowhere })
	k.connect()
	k.say(id, "first")
	if got := k.wish(inbox.SendTemplate{Conversation: id, Template: follow.ID, Values: []string{"Emily"}}); got != inbox.Granted {
		t.Fatal(got)
	}
	k.say(id, "third")
	<-time.After(300 * time.Millisecond)
	for _, m := range k.d.Messages(id) {
		if m.Side == inbox.FromPerson && m.Receipt != inbox.Queued {
			t.Errorf("a message is shown as %d", m.Receipt)
		}
	}
	k.c.configure(func(c *relay.Config) { c.WhatsApp.API = right })
	k.later(2 * time.Minute)
	k.poke(PhoneNumberID)
	k.d.Await("everything to be read", func() bool { m, n := receiptOf(k.d, id, "third"); return n == 1 && m.Receipt == inbox.Read })
	sent := k.c.Sim.Sent()
	if len(sent) != 3 || sent[0].Text != "first" || sent[1].Template != "follow_up" || sent[2].Text != "third" {
		t.Errorf("%d messages left", len(sent))
	}
}

func TestTheDaysLimitOfFirstWordsLeavesAnswersAlone(t *testing.T) {
	k := openCounter(t, func(w *wasim.Config) { w.PortfolioLimit = 1 }, nil)
	sales := inbox.InboxID(k.c.Config.Inboxes[0].ID)
	a, _, _ := k.customer("emily", PhoneNumberID)
	b, _, _ := k.customer("marco", PhoneNumberID)
	follow := k.template("follow_up", "en")
	// The limit counts people whose window is closed: WhatsApp is told a day later what the relay believes it is.
	if err := k.c.Sim.Inject(wasim.Injection{Code: 131048, Times: 1, To: k.number("marco")}); err != nil {
		t.Fatal(err)
	}
	k.later(inbox.ReplyWindow + time.Hour)
	c, _, _ := k.customer("giulia", PhoneNumberID) // who wrote just now, and is a day behind like all of them
	_ = c
	m := k.must(inbox.SendTemplate{Conversation: b, Template: follow.ID, Values: []string{"Marco"}}, func(m inbox.Message) bool { return m.Receipt == inbox.Failed })
	if m.Failure != inbox.FailBusy {
		t.Errorf("it failed for %d", m.Failure)
	}
	k.d.Await("the incident", func() bool { return k.open(inbox.IncidentLimit, sales) == 1 })
	if in := k.state(sales); in.State != inbox.InboxWorking {
		t.Error("the inbox is held")
	}
	k.must(inbox.SendTemplate{Conversation: a, Template: follow.ID, Values: []string{"Emily"}}, read)
}

// number is a persona's.
func (k *counter) number(who string) string {
	for _, p := range wasim.Personas() {
		if p.Key == who {
			return p.Number
		}
	}
	k.t.Fatal("no such persona")
	return ""
}

func TestARelayWhoseClockIsWrongSendsAllTheSame(t *testing.T) {
	for name, skew := range map[string]time.Duration{"ten minutes fast": 10 * time.Minute, "ten minutes slow": -10 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			k := openCounter(t, nil, nil)
			k.later(skew)
			id, theirs, wamid := k.customer("emily", PhoneNumberID)
			k.must(inbox.SendText{Conversation: id, Text: "Hello", Quote: theirs}, read)
			if got := k.last(); got.Text != "Hello" || got.ReplyTo != wamid {
				t.Errorf("the customer got %q", got.Text)
			}
			k.must(inbox.SendTemplate{Conversation: id, Template: k.template("follow_up", "en").ID, Values: []string{"Emily"}}, read)
			if n := len(k.c.Sim.Sent()); n != 2 {
				t.Errorf("%d messages left", n)
			}
		})
	}
}

func TestNothingIsSentWhereAConversationHasEnded(t *testing.T) {
	k := openCounter(t, func(w *wasim.Config) { w.Personas = append(wasim.Personas(), wasim.Cast()...) }, nil)
	before, theirs, _ := k.customer("before", PhoneNumberID)
	after, _, _ := k.customer("after", PhoneNumberID)
	if before == after {
		t.Fatal("one conversation from the start")
	}
	if err := k.c.Sim.Link("after", "before"); err != nil {
		t.Fatal(err)
	}
	say(t, k.c, "after", "It is me")
	var ended inbox.ConversationID
	k.d.Await("the two to be joined", func() bool {
		for _, r := range k.d.Rows() {
			if r.Into != "" {
				ended = r.ID
			}
		}
		if ended != "" {
			return true
		}
		for _, id := range []inbox.ConversationID{before, after} { // it may not be among the rows shown
			if r, err := k.d.Store.Conversation(t.Context(), id); err == nil && r != nil && r.Into != "" {
				ended = id
			}
		}
		return ended != ""
	})
	if ended == after {
		theirs = k.d.Messages(after)[0].ID
	}
	for name, b := range map[string]inbox.IntentBody{
		"a text":     inbox.SendText{Conversation: ended, Text: "x"},
		"a place":    inbox.SendLocation{Conversation: ended},
		"a menu":     inbox.SendInteractive{Conversation: ended, Text: "x", Options: []inbox.Option{{Title: "y"}}},
		"a template": inbox.SendTemplate{Conversation: ended, Template: k.template("follow_up", "en").ID, Values: []string{"x"}},
		"a reaction": inbox.AddReaction{Conversation: ended, Message: theirs, Emoji: "👍"},
		"a consent":  inbox.RecordConsent{Conversation: ended, Proof: "x"},
	} {
		if got := k.wish(b); got != inbox.RefusedJoined {
			t.Errorf("%s: %v", name, got)
		}
	}
	other := before
	if ended == before {
		other = after
	}
	k.must(inbox.SendText{Conversation: other, Text: "Hello"}, read)
}
