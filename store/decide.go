package store

import (
	"cmp"
	"slices"

	"sealdesk/app/inbox"
)

// This file is about what waits for somebody's decision: reveals and held messages. Both are things of an inbox's log; of
// a held message the latest state is kept beside its timeline, so that nobody must read all timelines to find it.

// Reveals returns who wanted to see, may see and has seen a field of the contact of a conversation, newest first. It waits
// until the cache has been loaded.
func (s *Store) Reveals(conv inbox.ConversationID) []inbox.Reveal {
	var out []inbox.Reveal
	s.eachTold(func(_ inbox.LogID, b inbox.EventBody) {
		if r, ok := b.(inbox.RevealChanged); ok && r.Reveal.Conversation == conv {
			out = append(out, r.Reveal)
		}
	})
	slices.SortFunc(out, func(a, b inbox.Reveal) int { return cmp.Or(cmp.Compare(b.At, a.At), cmp.Compare(a.ID, b.ID)) })
	return out
}

// PendingReveals returns what colleagues ask to see and this reader may decide about, the oldest first. One that has
// lapsed stays until the relay says so: compare Until with the clock. It waits until the cache has been loaded.
func (s *Store) PendingReveals() []inbox.Reveal {
	var out []inbox.Reveal
	s.eachTold(func(log inbox.LogID, b inbox.EventBody) {
		r, ok := b.(inbox.RevealChanged)
		if ok && r.Reveal.State == inbox.RevealAsked && r.Reveal.By != s.reader && s.mayDecide(log) {
			out = append(out, r.Reveal)
		}
	})
	slices.SortFunc(out, func(a, b inbox.Reveal) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.ID, b.ID)) })
	return out
}

// A HeldMessage is a message that the guard holds until somebody decides.
type HeldMessage struct {
	Inbox   inbox.InboxID
	Message inbox.Message // as its conversation shows it
}

// Held returns the messages of colleagues that are held and that this reader may decide about, the oldest first, without
// those an [inbox.DecideHeld] in the outbox decides. It waits until the cache has been loaded.
func (s *Store) Held() []HeldMessage {
	var out []HeldMessage
	s.eachTold(func(log inbox.LogID, b inbox.EventBody) {
		if m, ok := b.(inbox.MessageAdded); ok && m.Message.Author != s.reader && s.mayDecide(log) {
			out = append(out, HeldMessage{Inbox: log.Inbox(), Message: m.Message})
		}
	})
	s.mu.RLock()
	defer s.mu.RUnlock()
	out = slices.DeleteFunc(out, func(h HeldMessage) bool {
		return slices.ContainsFunc(s.itemsOn[h.Message.Conversation], func(it *item) bool {
			d, ok := it.intent.Body.(inbox.DecideHeld)
			return ok && d.Message == h.Message.ID
		})
	})
	slices.SortFunc(out, func(a, b HeldMessage) int {
		return cmp.Or(cmp.Compare(a.Message.At, b.Message.At), cmp.Compare(a.Message.ID, b.Message.ID))
	})
	return out
}

// mayDecide says whether this reader decides about what happens in an inbox.
func (s *Store) mayDecide(log inbox.LogID) bool {
	p, ok := s.Me()
	return ok && inbox.Can(p, inbox.ActDecide, inbox.Subject{Inbox: log.Inbox()}) == nil
}

// hold follows a message that is held, or stops following it.
func (w *work) hold(log inbox.LogID, e inbox.Event) {
	id := about(e.Body)
	t := thing{inbox.KindMessageAdded, string(id)}
	if b, ok := e.Body.(inbox.MessageAdded); ok {
		if b.Message.Held {
			b.Message.Seq = e.Seq
			e.Body = b
			w.note(log, t, e)
		}
		return
	}
	known, ok := w.thing(log, t).(inbox.MessageAdded)
	if !ok {
		return
	}
	_, withdrawn := e.Body.(inbox.MessageWithdrawn)
	if !inbox.ApplyTo(&known.Message, e.Body) && !withdrawn {
		return
	}
	if m := known.Message; withdrawn || !m.Held || m.Kind == inbox.Deleted || m.Receipt > inbox.Queued {
		w.drop(log, t)
		return
	}
	w.note(log, t, inbox.Event{Seq: known.Message.Seq, At: known.Message.At, Cause: known.Message.Cause, Body: known})
}

// requote makes an edit in what held messages repeat of a message.
func (w *work) requote(log inbox.LogID, of inbox.MessageID, e edit) {
	for t := range w.things(log) {
		held, ok := w.thing(log, t).(inbox.MessageAdded)
		if !ok || held.Message.Quote == nil || held.Message.Quote.Message != of {
			continue
		}
		m := held.Message
		left, _ := e.apply([]inbox.Event{{Seq: m.Seq, At: m.At, Cause: m.Cause, Body: held}})
		w.note(log, t, left[0])
	}
}

// dropThingsOn takes away what is told of a conversation that was erased.
func (w *work) dropThingsOn(log inbox.LogID, conv inbox.ConversationID) {
	for t := range w.things(log) {
		if b := w.thing(log, t); b != nil && b.Of() == conv {
			w.drop(log, t)
		}
	}
}
