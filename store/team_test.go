package store

import (
	"context"
	"slices"
	"testing"

	"sealdesk/app/inbox"
)

func TestTagsAndQuickRepliesOutliveARestart(t *testing.T) {
	ctx := context.Background()
	cfg := config(t)
	s := mustOpen(t, cfg)
	try(t, s.Apply(ctx, stretch(inbox.CompanyLog, 0,
		inbox.TagChanged{Tag: inbox.Tag{ID: "t2", Name: "Offer"}},
		inbox.TagChanged{Tag: inbox.Tag{ID: "t1", Name: "Complaint"}},
		inbox.TagChanged{Tag: inbox.Tag{ID: "t3", Name: "Old", Removed: true}},
		inbox.QuickReplyChanged{QuickReply: inbox.QuickReply{ID: "q1", Shortcut: "offer", Text: "one"}},
		inbox.QuickReplyChanged{QuickReply: inbox.QuickReply{ID: "q2", Shortcut: "hello", Text: "two", Inboxes: []inbox.InboxID{"b"}}},
		inbox.QuickReplyChanged{QuickReply: inbox.QuickReply{ID: "q1", Shortcut: "offer", Text: "changed"}},
	)))
	for range 2 {
		tags := s.Tags()
		if len(tags) != 2 || tags[0].Name != "Complaint" || tags[1].Name != "Offer" {
			t.Fatalf("tags %v", tags)
		}
		if a, b := s.QuickReplies("a"), s.QuickReplies("b"); len(a) != 1 || a[0].Text != "changed" || len(b) != 2 || b[0].Shortcut != "hello" {
			t.Fatalf("%d and %d quick replies", len(a), len(b))
		}
		s = reopened(t, s, cfg)
	}
}

func TestTeamWorkShowsBeforeTheRelayHasSaidSo(t *testing.T) {
	ctx := context.Background()
	cfg := config(t)
	s := mustOpen(t, cfg)
	try(t, s.Apply(ctx, stretch(numberA.Log(), 0, opened("c1"),
		inbox.TagsChanged{Conversation: "c1", Tags: []inbox.TagID{"old"}},
		inbox.TaskChanged{Conversation: "c1", Task: inbox.Task{ID: "k1", Text: inbox.PlainText("call"), By: "other"}},
	)))
	wish := func(id inbox.IntentID, b inbox.IntentBody) {
		t.Helper()
		try(t, s.Submit(ctx, inbox.Intent{ID: id, At: 5000, Body: b}))
	}
	wish("i1", inbox.SetTags{Conversation: "c1", Add: []inbox.TagID{"new"}, Remove: []inbox.TagID{"old"}})
	wish("i2", inbox.EditTask{Conversation: "c1", Task: "k1", Text: "call", Done: true})
	wish("i3", inbox.EditTask{Conversation: "c1", Task: "k2", Text: "send the offer", Due: 9000})
	wish("i4", inbox.SetState{Conversation: "c1", State: inbox.Snoozed, Until: 8000})
	for range 2 {
		r, err := s.Conversation(ctx, "c1")
		try(t, err)
		if !slices.Equal(r.Tags, []inbox.TagID{"new"}) || r.State != inbox.Snoozed || r.Until != 8000 {
			t.Errorf("tags %v, state %d until %d", r.Tags, r.State, r.Until)
		}
		if len(r.Tasks) != 2 || r.Tasks[0].Done != 5000 || r.Tasks[0].By != "other" || r.Tasks[1].Text.Visible() != "send the offer" || r.Tasks[1].By != me {
			t.Errorf("tasks %+v", r.Tasks)
		}
		s = reopened(t, s, cfg)
	}
	if err := s.Submit(ctx, inbox.Intent{ID: "i5", At: 5000, Body: inbox.EditTask{Conversation: "c1", Task: "k3", Text: " "}}); err == nil {
		t.Error("a task without words is taken")
	}
}

// TestTheFirstFrameWaitsForNoRows asks for all that the first frame of the inbox shows.
func TestTheFirstFrameWaitsForNoRows(t *testing.T) {
	ctx := context.Background()
	cfg := config(t)
	s := mustOpen(t, cfg)
	try(t, s.Apply(ctx, stretch(inbox.CompanyLog, 0, inbox.TagChanged{Tag: inbox.Tag{ID: "t1", Name: "Offer"}})))
	try(t, s.Apply(ctx, stretch(numberA.Log(), 0, opened("c1"), opened("c2"))))
	s = reopened(t, s, cfg)
	rows, err := s.Head(ctx)
	try(t, err)
	s.Me()
	s.People()
	s.Inboxes()
	s.Templates(numberA)
	s.Cards()
	s.Incidents()
	s.Requests()
	s.PendingReveals()
	s.Held()
	s.QuickReplies("")
	if len(rows) != 2 || len(s.Tags()) != 1 {
		t.Errorf("%d rows and %d tags", len(rows), len(s.Tags()))
	}
	s.loading.Do(func() { close(s.loaded) }) // nobody did so far
	if len(s.list) > 0 {
		t.Error("the rows were loaded")
	}
}
