package store

import (
	"context"
	"fmt"

	"go.etcd.io/bbolt"

	"sealdesk/app/inbox"
)

// Draft returns what was typed for a conversation and not sent; "" for nothing.
func (s *Store) Draft(conv inbox.ConversationID) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.drafts[conv]
}

// SetDraft keeps what was typed for a conversation; "" removes it. When it returns nil the draft is on the disk.
// A conversation that was erased takes none: [inbox.RefusedErased].
func (s *Store) SetDraft(ctx context.Context, conv inbox.ConversationID, text string) error {
	s.posting.Lock()
	defer s.posting.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.RLock()
	same, gone := s.drafts[conv] == text, s.base[conv] != nil && s.base[conv].Erased != 0
	s.mu.RUnlock()
	if same {
		return nil
	}
	if gone {
		return fmt.Errorf("keeping a draft: %w", inbox.RefusedErased)
	}
	if err := s.update("keeping a draft", s.outbox, func(tx *bbolt.Tx) error {
		if text == "" {
			return tx.Bucket(s.drafty.name).Delete(rowName(s.drafty, conv))
		}
		return s.putDraft(tx, conv, text)
	}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if text == "" {
		delete(s.drafts, conv)
	} else {
		s.drafts[conv] = text
	}
	s.reshow(conv)
	s.poke()
	return nil
}

func (s *Store) putDraft(tx *bbolt.Tx, conv inbox.ConversationID, text string) error {
	b, err := encMode.Marshal(draftRow{Conversation: conv, Text: text})
	if err != nil {
		return fmt.Errorf("encoding a draft: %w", err)
	}
	return s.drafty.put(tx, rowName(s.drafty, conv), b)
}
