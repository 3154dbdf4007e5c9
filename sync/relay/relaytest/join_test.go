package relaytest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/store"
	"sealdesk/sync/relay/wasim"
)

// wrote posts what a customer wrote, who is known by a number, a user id, or both.
func (c *Company) wrote(t *testing.T, id, number, user string, at time.Time, text string) {
	t.Helper()
	who, m := map[string]any{"profile": map[string]any{"name": "Anna"}}, map[string]any{
		"id": "wamid.join" + id, "timestamp": fmt.Sprint(at.Unix()), "type": "text", "text": map[string]any{"body": text},
	}
	if number != "" {
		who["wa_id"], m["from"] = number, number
	}
	if user != "" {
		who["user_id"], m["from_user_id"] = user, user
	}
	c.send(t, "messages", map[string]any{
		"messaging_product": "whatsapp", "metadata": map[string]any{"display_phone_number": Number[1:], "phone_number_id": PhoneNumberID},
		"contacts": []any{who}, "messages": []any{m},
	})
}

// TestWhatWaitsInAYoungerConversationWaitsInTheOlder has two contacts turn out to be one customer, and asks every colleague's
// laptop what it shows then.
func TestWhatWaitsInAYoungerConversationWaitsInTheOlder(t *testing.T) {
	const key, user = "marco", "IT.1349120865530999"
	everybody := wasim.Personas()
	marco := &everybody[slices.IndexFunc(everybody, func(p wasim.Persona) bool { return p.Key == key })]
	marco.UserID = user
	number := marco.Number
	c := Start(t, Options{Sim: func(s *wasim.Config) { s.Personas = everybody }})
	boss, agent := c.Person("Sabine Lenz", inbox.Supervisor), c.Person("Tobias Brandt", inbox.Agent)
	b := c.machine(t, boss, machineOptions{})
	a := c.machine(t, agent, machineOptions{})
	a.awaitOnline()
	b.awaitOnline()
	wish := func(m *machine, body inbox.IntentBody) {
		t.Helper()
		if err := m.keeper.Store().Submit(context.Background(), inbox.Intent{ID: inbox.NewID[inbox.IntentID](), At: inbox.At(time.Now()), Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	row := func(m *machine, id inbox.ConversationID) inbox.Conversation {
		t.Helper()
		r, err := m.keeper.Store().Conversation(context.Background(), id)
		if err != nil {
			t.Fatal(err)
		}
		if r == nil {
			return inbox.Conversation{}
		}
		return r.Conversation
	}
	both := func(what string, id inbox.ConversationID, holds func(inbox.Conversation) bool) {
		t.Helper()
		for _, m := range []*machine{a, b} {
			m.await(what, func() bool { return holds(row(m, id)) })
		}
	}
	start := time.Now().Truncate(time.Second)

	c.wrote(t, "A", number, "", start.Add(-20*time.Minute), "by number")
	b.await("the first", func() bool { return len(b.rows()) == 1 })
	elder := b.rows()[0].ID
	c.wrote(t, "B", "", user, start.Add(-10*time.Minute), "by user id")
	b.await("the second", func() bool { return len(b.rows()) == 2 })
	i := slices.IndexFunc(b.rows(), func(r *store.Row) bool { return r.ID != elder })
	young := b.rows()[i].ID
	a.await("both", func() bool { return len(a.rows()) == 2 })

	tag := inbox.Tag{ID: inbox.NewID[inbox.TagID](), Name: "Offer"}
	if _, err := b.ask(inbox.EditTag{Tag: tag}); err != nil {
		t.Fatal(err)
	}
	wish(b, inbox.SetState{Conversation: elder, State: inbox.Closed}) // nothing waits there
	wish(b, inbox.MarkRead{Conversation: elder, UpTo: row(b, elder).LastSeq})
	wish(a, inbox.AddNote{Conversation: young, Text: "@Sabine Lenz please look", Mentions: []inbox.PersonID{boss.ID}})
	wish(a, inbox.EditTask{Conversation: young, Task: inbox.NewID[inbox.TaskID](), Text: "call back", Person: boss.ID, Due: inbox.At(start).Add(time.Hour)})
	wish(b, inbox.SetTags{Conversation: young, Add: []inbox.TagID{tag.ID}})
	until := inbox.At(start).Add(5 * time.Hour)
	wish(a, inbox.SetState{Conversation: young, State: inbox.Snoozed, Until: until})
	both("the elder to be closed", elder, func(c inbox.Conversation) bool { return c.State == inbox.Closed && c.Waiting == 0 })
	both("the younger to be put off", young, func(c inbox.Conversation) bool {
		return c.State == inbox.Snoozed && len(c.Tags) == 1 && len(c.Tasks) == 1 && c.Waiting != 0
	})
	a.engine.Attend(young, true)
	b.await("who is there", func() bool { return slices.Contains(present(b, young), agent.ID) })
	since := row(b, young).Waiting

	// His next message tells that he is both.
	say(t, c, key, "both")
	both("the younger to be joined", young, func(c inbox.Conversation) bool {
		return c.Into == elder && c.State == inbox.Closed && c.Waiting == 0 && c.Unread == 0
	})
	both("what waits", elder, func(c inbox.Conversation) bool {
		return c.State == inbox.Open && c.Waiting == since && slices.Equal(c.Tags, []inbox.TagID{tag.ID}) && len(c.Tasks) == 1 && c.Into == ""
	})
	if r := row(b, elder); r.Mentioned <= r.ReadSeq || r.Unread != 2 {
		t.Errorf("who was asked to look and had not: mentioned at %d, read to %d, %d unread", r.Mentioned, r.ReadSeq, r.Unread)
	}
	if r := row(a, elder); r.Mentioned != 0 {
		t.Error("who asked somebody is asked himself")
	}
	b.await("who is there to be where it goes on", func() bool {
		return slices.Contains(present(b, elder), agent.ID) && len(present(b, young)) == 0
	})
	// The measure for an answer counts from when he began to wait.
	board, err := b.ask(inbox.AskBoard{})
	if err != nil {
		t.Fatal(err)
	}
	if l := board.(inbox.Board).Lines[0]; l.Waiting != 1 || l.Longest != since {
		t.Errorf("the board says %d wait, the longest since %d instead of %d", l.Waiting, l.Longest, since)
	}
	// A laptop that hears of it all at once shows the same.
	late := c.machine(t, boss, machineOptions{})
	late.awaitOnline()
	late.await("what waits", func() bool {
		r, known := row(late, elder), row(b, elder)
		return r.Waiting == since && r.Unread == known.Unread && r.Mentioned == known.Mentioned && row(late, young).Into == elder
	})
	wish(b, inbox.SendText{Conversation: elder, Text: "Here we are"})
	both("the answer to end the waiting", elder, func(c inbox.Conversation) bool { return c.Waiting == 0 && len(c.Replies) == 0 })
	wish(b, inbox.MarkRead{Conversation: elder, UpTo: row(b, elder).LastSeq})
	b.await("all to be read", func() bool { r := row(b, elder); return r.Unread == 0 && r.Mentioned <= r.ReadSeq })
}

// present are who a machine is told has a conversation open.
func present(m *machine, id inbox.ConversationID) []inbox.PersonID {
	writing, reading := m.engine.Presence().In(id)
	return append(slices.Clone(writing), reading...)
}
