package store

import (
	"cmp"
	"slices"

	"sealdesk/app/inbox"
)

// Tags returns the company's tags by name, without those that were removed.
func (s *Store) Tags() []inbox.Tag {
	var out []inbox.Tag
	for _, b := range s.thingsOf(inbox.CompanyLog) {
		if t, ok := b.(inbox.TagChanged); ok && !t.Tag.Removed {
			out = append(out, t.Tag)
		}
	}
	slices.SortFunc(out, func(a, b inbox.Tag) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return out
}

// QuickReplies returns the texts the company keeps ready for an inbox, by shortcut and then language; for all inboxes when in is
// "".
func (s *Store) QuickReplies(in inbox.InboxID) []inbox.QuickReply {
	var out []inbox.QuickReply
	for _, b := range s.thingsOf(inbox.CompanyLog) {
		q, ok := b.(inbox.QuickReplyChanged)
		if ok && !q.QuickReply.Removed && (in == "" || len(q.QuickReply.Inboxes) == 0 || slices.Contains(q.QuickReply.Inboxes, in)) {
			out = append(out, q.QuickReply)
		}
	}
	slices.SortFunc(out, func(a, b inbox.QuickReply) int {
		return cmp.Or(cmp.Compare(a.Shortcut, b.Shortcut), cmp.Compare(a.Language, b.Language), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// onTeam puts the effect of a wish of team work on a row, as the relay will tell it.
func onTeam(c *inbox.Conversation, b inbox.IntentBody, reader inbox.PersonID, at inbox.Moment) {
	switch b := b.(type) {
	case inbox.SetState:
		c.Apply(inbox.Event{At: at, Body: inbox.StateChanged{Conversation: c.ID, State: b.State, By: reader, Until: b.Until}}, reader)
	case inbox.SetTags:
		c.Tags = c.Tagged(b)
	case inbox.EditTask:
		t := inbox.Task{ID: b.Task, Text: inbox.PlainText(b.Text), Person: b.Person, Due: b.Due, By: reader}
		if i := slices.IndexFunc(c.Tasks, func(t inbox.Task) bool { return t.ID == b.Task }); i >= 0 {
			t.By, t.Done = c.Tasks[i].By, c.Tasks[i].Done
		}
		switch {
		case !b.Done:
			t.Done = 0
		case t.Done == 0:
			t.Done = at
		}
		c.Apply(inbox.Event{At: at, Body: inbox.TaskChanged{Conversation: c.ID, Task: t, Removed: b.Removed}}, reader)
	}
}
