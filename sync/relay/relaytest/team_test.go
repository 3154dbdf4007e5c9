package relaytest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/store"
)

func TestTeamWorkReachesEveryColleague(t *testing.T) {
	now := &clock{}
	c := Start(t, Options{Now: now.now})
	boss, tobias := c.Person("Sabine Lenz", inbox.Supervisor), c.Person("Tobias Brandt", inbox.Agent)
	b := c.machine(t, boss, machineOptions{})
	a := c.machine(t, tobias, machineOptions{})
	a.awaitOnline()
	b.awaitOnline()
	conv := a.seeded("marco")
	b.await("the conversation", func() bool { return len(b.rows()) == 1 })
	ctx := context.Background()

	tag := inbox.Tag{ID: inbox.NewID[inbox.TagID](), Name: "Offer", Colour: 2}
	if _, err := a.ask(inbox.EditTag{Tag: tag}); !errors.Is(err, inbox.RefusedRight) {
		t.Errorf("an agent makes up a tag: %v", err)
	}
	for _, q := range []inbox.Question{
		inbox.EditTag{Tag: tag}, inbox.EditTag{Tag: tag},
		inbox.EditQuickReply{QuickReply: inbox.QuickReply{ID: inbox.NewID[inbox.QuickReplyID](), Shortcut: "offer", Text: "Hello {{contact.name}}"}},
	} {
		if _, err := b.ask(q); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.ask(inbox.EditQuickReply{QuickReply: inbox.QuickReply{ID: "q", Shortcut: "offer", Text: "{{agent.shoe}}"}}); !errors.Is(err, inbox.RefusedVariable) {
		t.Errorf("a quick reply with an unknown variable: %v", err)
	}
	a.await("tags and quick replies", func() bool { return len(a.keeper.Store().Tags()) == 1 && len(a.keeper.Store().QuickReplies("")) == 1 })

	wish := func(m *machine, body inbox.IntentBody) {
		t.Helper()
		if err := m.keeper.Store().Submit(ctx, inbox.Intent{ID: inbox.NewID[inbox.IntentID](), At: inbox.At(now.now()), Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	wish(a, inbox.SetTags{Conversation: conv, Add: []inbox.TagID{tag.ID}})
	wish(a, inbox.EditTask{Conversation: conv, Task: inbox.NewID[inbox.TaskID](), Text: "call +49 151 55501234 back", Person: boss.ID, Due: inbox.At(now.now()).Add(time.Hour)})
	wish(a, inbox.AddNote{Conversation: conv, Text: "@Sabine Lenz please look, he wrote from @somebody.else", Mentions: []inbox.PersonID{boss.ID}})
	wish(a, inbox.SetState{Conversation: conv, State: inbox.Snoozed, Until: inbox.At(now.now()).Add(time.Hour)})
	row := func(m *machine) *inbox.Conversation { return &m.rows()[0].Conversation }
	b.await("what the colleague did", func() bool {
		r := row(b)
		return slices.Equal(r.Tags, []inbox.TagID{tag.ID}) && len(r.Tasks) == 1 && r.Mentioned != 0 && r.State == inbox.Snoozed
	})
	if inbox.Identifying(row(b).Tasks[0].Text.Visible()) || row(b).Tasks[0].By != tobias.ID {
		t.Error("a task tells a number")
	}
	page, err := b.keeper.Store().Page(ctx, conv, store.PageCursor{}, 10)
	if err != nil {
		t.Fatal(err)
	}
	note := page.Messages[slices.IndexFunc(page.Messages, func(m inbox.Message) bool { return m.Kind == inbox.Note })].Body.Visible()
	if !strings.HasPrefix(note, "@Sabine Lenz please look") || strings.Contains(note, "@somebody.else") {
		t.Errorf("the note says %q", note)
	}
	if row(a).Mentioned != 0 {
		t.Error("who mentions somebody is asked to look himself")
	}
	now.turn(2 * time.Hour)
	b.await("waking", func() bool { return row(b).State == inbox.Open })

	a.engine.Attend(conv, true)
	b.await("who is writing", func() bool {
		writing, _ := b.engine.Presence().In(conv)
		return slices.Equal(writing, []inbox.PersonID{tobias.ID}) && slices.Contains(b.engine.Presence().Online, boss.ID)
	})
	if len(a.engine.Presence().Here) != 0 {
		t.Error("a person is told that he is there himself")
	}
	a.hangUp()
	b.await("that he is gone", func() bool { return !slices.Contains(b.engine.Presence().Online, tobias.ID) })
	if _, err := b.ask(inbox.SetAway{Away: true}); err != nil {
		t.Fatal(err)
	}
	b.await("being away", func() bool { p, _ := b.keeper.Store().Person(boss.ID); return p.Away })
}
