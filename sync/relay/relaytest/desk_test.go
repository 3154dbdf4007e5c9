package relaytest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/store"
	"sealdesk/sync/relay"
	"sealdesk/sync/relay/wasim"
)

func TestConversationsAreGivenInTurnToWhoIsThere(t *testing.T) {
	c := Start(t, Options{Settle: func(c *relay.Config) { c.Inboxes[0].Assign = "in-turn" }})
	first, second := c.Person("Tobias Brandt", inbox.Agent), c.Person("Mia Falk", inbox.Agent)
	boss := c.machine(t, c.Person("Sabine Lenz", inbox.Supervisor), machineOptions{})
	boss.awaitOnline()
	say(t, c, "marco", "nobody is there")
	boss.await("the first", func() bool { return len(boss.rows()) == 1 })
	if boss.rows()[0].Assignee != "" {
		t.Fatal("a supervisor is given a conversation, or somebody who is not there")
	}
	one, two := c.machine(t, first, machineOptions{}), c.machine(t, second, machineOptions{})
	one.awaitOnline()
	two.awaitOnline()
	assigned := func() map[inbox.PersonID]int {
		n := map[inbox.PersonID]int{}
		for _, r := range boss.rows() {
			n[r.Assignee]++
		}
		return n
	}
	for i, who := range []string{"emily", "holger", "giulia", "oliver"} {
		say(t, c, who, "hello")
		boss.await("another", func() bool { return len(boss.rows()) == i+2 })
	}
	boss.await("two for each", func() bool { n := assigned(); return n[first.ID] == 2 && n[second.ID] == 2 })
	if _, err := one.ask(inbox.SetAway{Away: true}); err != nil {
		t.Fatal(err)
	}
	say(t, c, "jonas", "hello")
	boss.await("who is not away", func() bool { return assigned()[second.ID] == 3 })
	say(t, c, "marco", "hello again")
	boss.await("what nobody had", func() bool { return assigned()[""] == 0 })
	board, err := boss.ask(inbox.AskBoard{})
	if err != nil {
		t.Fatal(err)
	}
	if l := board.(inbox.Board).Lines; len(l) != 1 || l[0].Open != 6 || l[0].Online != 2 || l[0].In < 7 || len(l[0].Hours) != 24 {
		t.Errorf("the board says %+v", l)
	}
	if _, err := two.ask(inbox.AskBoard{}); !errors.Is(err, inbox.RefusedRight) {
		t.Errorf("an agent sees the board: %v", err)
	}
}

func TestACustomerIsToldThatNobodyIsThereAndAskedHowItWent(t *testing.T) {
	now := &clock{}
	c := Start(t, Options{Now: now.now, Settle: func(c *relay.Config) {
		in := &c.Inboxes[0]
		in.Rating = true
		yesterday := now.now().UTC().Add(-24 * time.Hour).Weekday()
		days := []*[]string{&in.Hours.Sunday, &in.Hours.Monday, &in.Hours.Tuesday, &in.Hours.Wednesday, &in.Hours.Thursday, &in.Hours.Friday, &in.Hours.Saturday}
		*days[yesterday] = []string{"09:00-09:01"}
		in.Away = map[string]string{"en": "Nobody is here now.", "de": "Gerade ist niemand da."}
	}})
	m := c.machine(t, c.Person("Tobias Brandt", inbox.Agent), machineOptions{})
	m.awaitOnline()
	const who = "katharina"
	say(t, c, who, "guten Abend")
	m.await("that nobody is there", func() bool { return customersGot(c, "Gerade ist niemand da.") == 1 })
	say(t, c, who, "hallo?")
	m.await("the second message", func() bool { r := m.rows(); return len(r) == 1 && r[0].Unread == 2 })
	conv := m.rows()[0].ID
	if err := m.keeper.Store().Submit(context.Background(), inbox.Intent{
		ID: inbox.NewID[inbox.IntentID](), At: inbox.At(now.now()), Body: inbox.SetState{Conversation: conv, State: inbox.Closed},
	}); err != nil {
		t.Fatal(err)
	}
	var list inbox.Message
	m.await("the question", func() bool {
		page, err := m.keeper.Store().Page(context.Background(), conv, store.PageCursor{}, 20)
		i := slices.IndexFunc(page.Messages, func(m inbox.Message) bool { return m.Kind == inbox.Interactive && m.Receipt >= inbox.Sent })
		if err == nil && i >= 0 {
			list = page.Messages[i]
		}
		return list.ID != ""
	})
	if len(list.Choices) != 5 || list.Choices[0].Title.Visible() != "Sehr gut" || customersGot(c, "Gerade ist niemand da.") != 1 {
		t.Errorf("asked with %d choices, told %d times", len(list.Choices), customersGot(c, "Gerade ist niemand da."))
	}
	if _, err := c.Sim.Do(who, wasim.Line{Press: "Gut"}); err != nil {
		t.Fatal(err)
	}
	m.await("the rating", func() bool { r := m.rows()[0]; return r.Rating == 4 && r.State == inbox.Closed })
}
