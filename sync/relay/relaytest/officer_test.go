package relaytest

import (
	"testing"

	"sealdesk/app/inbox"
	"sealdesk/sync/wire"
)

// A privacy officer reads no conversations and is the second person of a reveal all the same.
func TestAPrivacyOfficerDecidesWithoutReading(t *testing.T) {
	c := Start(t, Options{})
	agent := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	var seen recorder
	officer := c.Device(c.Person("Petra Vogt", inbox.PrivacyOfficer), DeviceOptions{Frames: seen.take})
	say(t, c, "katharina", "Guten Tag, hier ist noch etwas anderes")
	agent.Await("a conversation", func() bool { return len(agent.Rows()) == 1 })
	row := agent.Rows()[0]
	key, public, err := wire.NewRevealKey()
	if err != nil {
		t.Fatal(err)
	}
	g, err := askFor[inbox.Grant](t, agent, inbox.AskReveal{Conversation: row.ID, Field: inbox.FieldPhone, Why: inbox.ReasonCall, Note: "Rückruf", Key: public})
	if err != nil || !g.Second {
		t.Fatalf("asking: second %v, %v", g.Second, err)
	}
	officer.Await("the request", func() bool { return len(officer.Store.PendingReveals()) == 1 })
	asked := officer.Store.PendingReveals()[0]
	if asked.ID != g.Reveal || asked.By != agent.Enrolled.Person.ID {
		t.Errorf("asked: %+v", asked)
	}
	if _, err := askFor[inbox.Decided](t, officer, inbox.DecideReveal{Conversation: asked.Conversation, Reveal: asked.ID, Agree: true}); err != nil {
		t.Fatal(err)
	}
	o, err := askFor[inbox.Opened](t, agent, inbox.OpenReveal{Conversation: row.ID, Reveal: g.Reveal})
	if err != nil {
		t.Fatal(err)
	}
	if value, err := key.Open(g.Reveal, o.Sealed); err != nil || len(value) == 0 {
		t.Errorf("the value does not open: %v", err)
	}
	officer.Await("the decision", func() bool { return len(officer.Store.PendingReveals()) == 0 })
	say(t, c, "katharina", "Und noch etwas")
	agent.Await("what is no business of his", func() bool { return agent.Rows()[0].Unread == 2 })
	if n := len(officer.Rows()); n != 0 {
		t.Errorf("the officer has %d conversations", n)
	}
}

func TestWhoOverseesLearnsWhyAMessageWaitsAndWhoLuresCustomersAway(t *testing.T) {
	c := Start(t, Options{})
	agent := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	boss := c.Device(c.Person("Sabine Lorenz", inbox.Supervisor), DeviceOptions{})
	say(t, c, "katharina", "Guten Tag")
	agent.Await("a conversation", func() bool { return len(agent.Rows()) == 1 })
	id := agent.Rows()[0].ID
	agent.Wish(inbox.SendText{Conversation: id, Text: "please pay to GB82WEST12345698765432"})
	boss.Await("why it waits", func() bool {
		held := boss.Store.Held()
		return len(held) == 1 && len(held[0].Message.Found) == 1 && held[0].Message.Found[0] == inbox.GuardBank
	})
	agent.Wish(inbox.SendText{Conversation: id, Text: "write to me on my private number instead: 0151 55509123"})
	boss.Await("the alarm", func() bool {
		for _, i := range boss.Store.Incidents() {
			if i.Kind == inbox.IncidentDiversion && i.Conversation == id && i.Detail == "Tobias Brandt" {
				return true
			}
		}
		return false
	})
}
