package relaytest

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/engine"
	"sealdesk/sync/relay"
)

// said reports how often a text, or a part of one, reached any customer.
func (k *counter) said(part string) (n int) {
	for _, m := range k.c.Sim.Sent() {
		if strings.Contains(string(m.Body), part) {
			n++
		}
	}
	return n
}

// stands waits until a message of the conversation is as the condition says, and returns it.
func stands(d *Device, id inbox.ConversationID, what string, holds func(inbox.Message) bool) (m inbox.Message) {
	d.t.Helper()
	d.Await(what, func() bool {
		for _, x := range d.Messages(id) {
			if x.Side == inbox.FromPerson && holds(x) {
				m = x
				return true
			}
		}
		return false
	})
	return m
}

func TestWhatTheGuardRefusesNeverReachesWhatsApp(t *testing.T) {
	k := openCounter(t, nil, nil)
	id, _, _ := k.customer("katharina", PhoneNumberID)
	k.customer("marco", PhoneNumberID)
	const card, link = "4111 1111 1111 1111", "https://elsewhere.example.net/a"
	others := ""
	for _, x := range k.c.Sim.Identifiers() {
		if strings.HasPrefix(x, "39") || strings.HasPrefix(x, "+39") {
			others = "+" + strings.TrimPrefix(x, "+")
		}
	}
	if others == "" {
		t.Fatal("the other customer has no number")
	}
	for name, x := range map[string]struct {
		wish inbox.IntentBody
		want inbox.Refusal
	}{
		"a card":                       {inbox.SendText{Conversation: id, Text: "card " + card}, inbox.RefusedGuard},
		"another customer's number":    {inbox.SendText{Conversation: id, Text: "call " + others}, inbox.RefusedGuard},
		"in a place's name":            {inbox.SendLocation{Conversation: id, Name: "call " + others}, inbox.RefusedGuard},
		"a link without a reason":      {inbox.SendText{Conversation: id, Text: "see " + link}, inbox.RefusedReason},
		"in an interactive message":    {inbox.SendInteractive{Conversation: id, Text: "Yes?", Footer: "see " + link, Options: []inbox.Option{{Title: "Yes"}}}, inbox.RefusedReason},
		"an account that is not known": {inbox.SendText{Conversation: id, Text: "please pay to GB82WEST12345698765432"}, inbox.Granted},
	} {
		if got := k.wish(x.wish); got != x.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	held := stands(k.d, id, "the held one", func(m inbox.Message) bool { return m.Held })
	k.must(inbox.SendText{Conversation: id, Text: "see " + link, Said: inbox.Said{Reason: "the carrier's"}}, read)
	if n := len(k.c.Sim.Sent()); n != 1 || held.Receipt != inbox.Queued {
		t.Errorf("%d messages reached customers", n)
	}
	for _, part := range []string{"4111", strings.TrimPrefix(others, "+"), "WEST"} {
		if k.said(part) != 0 {
			t.Error("something the guard refused is out")
		}
	}
	noLeaks(t, k)
}

func TestAHeldMessageArrivesOnceASupervisorAgrees(t *testing.T) {
	k := openCounter(t, nil, nil)
	id, _, _ := k.customer("katharina", PhoneNumberID)
	boss := k.c.Device(k.c.Person("Ada Klein", inbox.Supervisor), DeviceOptions{})
	yes := k.must(inbox.SendText{Conversation: id, Text: "please pay to GB82WEST12345698765432"}, func(m inbox.Message) bool { return m.Held })
	no := k.must(inbox.SendText{Conversation: id, Text: "or to GB82WEST12345698765432, as you like"}, func(m inbox.Message) bool { return m.Held })
	k.must(inbox.SendText{Conversation: id, Text: "One moment please"}, read) // nothing waits behind it
	if got := k.wish(inbox.DecideHeld{Conversation: id, Message: yes.ID, Agree: true}); got != inbox.RefusedRight {
		t.Errorf("an agent decides: %v", got)
	}
	stands(boss, id, "the held ones at the supervisor's", func(m inbox.Message) bool { return m.ID == no.ID && m.Held })
	boss.Wish(inbox.DecideHeld{Conversation: id, Message: yes.ID, Agree: true})
	boss.Wish(inbox.DecideHeld{Conversation: id, Message: no.ID})
	stands(k.d, id, "the released one to be read", func(m inbox.Message) bool { return m.ID == yes.ID && !m.Held && m.Receipt == inbox.Read })
	stands(k.d, id, "the other one to be refused", func(m inbox.Message) bool {
		return m.ID == no.ID && m.Receipt == inbox.Failed && m.Failure == inbox.FailNotReleased
	})
	if k.said("please pay to GB82WEST12345698765432") != 1 || k.said("as you like") != 0 {
		t.Error("the customer got another number of messages")
	}
	if got := k.wish(inbox.SendAgain{Conversation: id, Message: no.ID}); got != inbox.RefusedState {
		t.Errorf("sent again: %v", got)
	}
}

func TestAMessageTakenBackIsNeverSeenByWhatsApp(t *testing.T) {
	undo := 30 // of the relay's clock, which this test turns: no machine is too slow to take something back
	k := openCounter(t, nil, func(c *relay.Config) { c.Guard.UndoSeconds = &undo })
	id, theirs, _ := k.customer("katharina", PhoneNumberID)
	m := k.must(inbox.SendText{Conversation: id, Text: "Too early"}, func(m inbox.Message) bool { return m.Until > m.At })
	if got := k.wish(inbox.Withdraw{Conversation: id, Message: m.ID}); got != inbox.Granted {
		t.Fatal(got)
	}
	if got := k.wish(inbox.AddReaction{Conversation: id, Message: theirs, Emoji: "👍"}); got != inbox.Granted {
		t.Fatal(got)
	}
	first := k.must(inbox.SendText{Conversation: id, Text: "First"}, func(inbox.Message) bool { return true })
	second := k.must(inbox.SendText{Conversation: id, Text: "Second"}, func(inbox.Message) bool { return true })
	k.d.Await("the reaction to leave", func() bool { return len(k.c.Sim.Sent()) > 0 })
	<-time.After(300 * time.Millisecond)
	if n := len(k.c.Sim.Sent()); n != 1 {
		t.Errorf("%d left before their time", n-1)
	}
	k.later(time.Duration(undo+1) * time.Second)
	k.poke(PhoneNumberID)
	stands(k.d, id, "the second to be read", func(m inbox.Message) bool { return m.ID == second.ID && m.Receipt == inbox.Read })
	if got := k.wish(inbox.Withdraw{Conversation: id, Message: second.ID}); got != inbox.RefusedState {
		t.Errorf("taken back after it left: %v", got)
	}
	stands(k.d, id, "the first to be read", func(m inbox.Message) bool { return m.ID == first.ID && m.Receipt == inbox.Read })
	if k.said("Too early") != 0 {
		t.Error("WhatsApp saw what was taken back")
	}
	sent := k.c.Sim.Sent()
	if len(sent) != 3 || sent[0].Emoji == "" || sent[1].Text != "First" || sent[2].Text != "Second" {
		t.Errorf("%d messages, or in another order", len(sent))
	}
	k.d.Await("it to be gone from the laptop", func() bool {
		for _, x := range k.d.Messages(id) {
			if x.ID == m.ID {
				return false
			}
		}
		return true
	})
}

// TestAKilledRelayLosesNoHeldMessage runs the real binary and kills it between the guard's word and the supervisor's.
func TestAKilledRelayLosesNoHeldMessage(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector finds nothing here that it does not find elsewhere; run in full without it")
	}
	binary := filepath.Join(t.TempDir(), "sealdesk-relay")
	if out, err := exec.Command("go", "build", "-o", binary, "sealdesk/app/relay").CombinedOutput(); err != nil {
		t.Fatalf("building the relay: %v\n%s", err, out)
	}
	c := Start(t, Options{})
	d := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	boss := c.Device(c.Person("Ada Klein", inbox.Supervisor), DeviceOptions{})
	say(t, c, "marco", "Ciao")
	d.Await("the message", func() bool { return len(d.Rows()) == 1 })
	id := d.Rows()[0].ID
	c.Down()
	serve := func() *exec.Cmd {
		cmd := exec.Command(binary, "--config", c.Path, "serve")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for _, x := range []*Device{d, boss} {
			x.Engine.Nudge()
			x.Await("the relay to be there", func() bool { return x.Engine.Link().State == engine.Online })
		}
		return cmd
	}
	kill := func(cmd *exec.Cmd) {
		cmd.Process.Kill()
		cmd.Wait()
	}
	const many = 4
	cmd := serve()
	for i := range many {
		d.Wish(inbox.SendText{Conversation: id, Text: fmt.Sprintf("please pay %d to GB82WEST12345698765432", i)})
	}
	held := map[inbox.MessageID]bool{}
	d.Await("all to be held", func() bool {
		for _, m := range d.Messages(id) {
			if m.Held {
				held[m.ID] = true
			}
		}
		return len(held) == many
	})
	kill(cmd)
	cmd = serve()
	for n := range held {
		boss.Wish(inbox.DecideHeld{Conversation: id, Message: n, Agree: true})
	}
	kill(cmd) // somewhere between
	cmd = serve()
	defer func() { kill(cmd) }()
	d.Await("all to settle", func() bool {
		n := 0
		for _, m := range d.Messages(id) {
			if held[m.ID] && !m.Held && (m.Receipt == inbox.Read || m.Receipt == inbox.Unknown) {
				n++
			}
		}
		return n == many
	})
	got := map[string]int{}
	for _, m := range c.Sim.Sent() {
		if got[m.Text]++; got[m.Text] > 1 {
			t.Error("a message arrived twice")
		}
	}
}
