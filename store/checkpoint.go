package store

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"go.etcd.io/bbolt"

	"sealdesk/app/inbox"
)

// A Checkpoint is the signed state of one tree of the audit log, as this device was told it last: what makes the device a
// witness. It lies in the outbox, for a relay that rewrote its log would not tell it again.
type Checkpoint struct {
	Log  inbox.LogID `cbor:"1,keyasint"`
	Note []byte      `cbor:"2,keyasint"` // a signed note; what it says is not the store's business
}

// Checkpoints returns the checkpoints this device holds, by log.
func (s *Store) Checkpoints() []Checkpoint {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return checkpointRows(s.held)
}

// SetCheckpoint holds a checkpoint in place of the one held of its log. When it returns nil it is on the disk.
func (s *Store) SetCheckpoint(ctx context.Context, log inbox.LogID, note []byte) error {
	s.posting.Lock()
	defer s.posting.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.RLock()
	next := maps.Clone(s.held)
	s.mu.RUnlock()
	next[log] = bytes.Clone(note)
	b, err := encMode.Marshal(checkpointRows(next))
	if err != nil {
		return fmt.Errorf("encoding checkpoints: %w", err)
	}
	if err := s.update("holding a checkpoint", s.outbox, func(tx *bbolt.Tx) error {
		return s.outMeta.put(tx, keyCheckpoints, b)
	}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = next
	return nil
}

func checkpointRows(held map[inbox.LogID][]byte) []Checkpoint {
	rows := make([]Checkpoint, 0, len(held))
	for log, note := range held {
		rows = append(rows, Checkpoint{Log: log, Note: bytes.Clone(note)})
	}
	slices.SortFunc(rows, func(a, b Checkpoint) int { return cmp.Compare(a.Log, b.Log) })
	return rows
}

func (s *Store) readCheckpoints() error {
	return guard(func() error {
		return s.outbox.View(func(tx *bbolt.Tx) error {
			b, err := s.outMeta.get(tx, keyCheckpoints)
			if err != nil || b == nil {
				return err
			}
			rows, err := decodeRow[[]Checkpoint](b)
			for _, c := range rows {
				s.held[c.Log] = c.Note
			}
			return err
		})
	})
}
