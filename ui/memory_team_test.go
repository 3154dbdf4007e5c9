package ui

import (
	"context"
	"slices"
	"time"

	"sealdesk/app/inbox"
)

// What the made-up model knows of team work.

func (m *memory) Tags() []inbox.Tag {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.tags)
}

func (m *memory) QuickReplies(in inbox.InboxID) []inbox.QuickReply {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.replies), func(q inbox.QuickReply) bool {
		return in != "" && len(q.Inboxes) > 0 && !slices.Contains(q.Inboxes, in)
	})
}

func (r relay) Presence() inbox.Presence {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	return r.m.present
}

func (r relay) Attend(id inbox.ConversationID, writing bool) {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	r.m.attended = append(r.m.attended, inbox.Here{Person: r.m.me.ID, Conversation: id, Writing: writing})
}

func (m *memory) Search(_ context.Context, typed string, only inbox.ConversationID, _ time.Time) (Search, error) {
	if m.search == nil {
		return Search{}, nil
	}
	return m.search(typed, only)
}
