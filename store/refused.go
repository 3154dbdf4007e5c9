package store

import (
	"context"

	"go.etcd.io/bbolt"

	"sealdesk/app/inbox"
)

// A RefusedItem is a message of the outbox that was refused.
type RefusedItem struct {
	Intent  inbox.Intent
	Refusal inbox.Refusal
	Text    string // as it was typed; "" for messages without one
	// Returned means that it is no item of the conversation any more: the guard asks for a reason
	// ([inbox.RefusedReason]), its text went back into the draft if that was empty, its file is an attachment again.
	Returned bool
}

// Refused returns the refused messages of a conversation in the order they were submitted: those that stay as Failed, and
// those that came back because the guard asks for a reason. To send one of the latter with a reason, hand a new intent to
// SubmitInstead; Dismiss gives it up and leaves draft and attachment alone.
func (s *Store) Refused(conv inbox.ConversationID) []RefusedItem {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []RefusedItem
	for _, it := range s.itemsOn[conv] {
		if it.state == itemRefused || it.state == itemReturned {
			out = append(out, RefusedItem{Intent: it.intent, Refusal: it.refusal, Text: typedOf(it.intent.Body), Returned: it.state == itemReturned})
		}
	}
	return out
}

// SubmitInstead submits an intent as Submit does and dismisses the refused message it stands for in the same transaction.
// The draft goes only if it says what one of the two says, so that what was typed meanwhile stays. A message that is not
// refused, or not known, makes it a plain Submit with that rule.
func (s *Store) SubmitInstead(ctx context.Context, refused inbox.IntentID, i inbox.Intent) error {
	return s.submit(ctx, i, refused)
}

// Dismiss takes a message away for good that was refused, or whose file the relay does not have yet, and the file with
// it. Anything else it leaves alone: it may have been sent.
func (s *Store) Dismiss(ctx context.Context, id inbox.IntentID) error {
	s.posting.Lock()
	defer s.posting.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.RLock()
	it := s.byID[id]
	s.mu.RUnlock()
	if it == nil || it.state != itemRefused && it.state != itemReturned && !(it.state == itemPending && it.waitsForFile()) {
		return nil
	}
	if err := s.update("dismissing a message", s.outbox, func(tx *bbolt.Tx) error { return s.deleteItems(tx, id) }); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(it)
	s.dropFiles(id)
	s.reshow(it.intent.Body.On())
	s.poke()
	return nil
}

// Typed returns the text of a message in the outbox as it was typed, to put it back into the composer; false when the
// outbox has no such message, or it has no text.
func (s *Store) Typed(id inbox.IntentID) (string, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	it := s.byID[id]
	if it == nil {
		return "", false
	}
	text := typedOf(it.intent.Body)
	return text, text != ""
}

// Refusal returns why a message in the outbox was refused; false when it was not.
func (s *Store) Refusal(id inbox.IntentID) (inbox.Refusal, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	it := s.byID[id]
	if it == nil || it.state != itemRefused && it.state != itemReturned {
		return inbox.Granted, false
	}
	return it.refusal, true
}
