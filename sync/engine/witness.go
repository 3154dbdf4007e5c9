package engine

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"sealdesk/app/inbox"
	"sealdesk/sync/wire"
)

// ErrRewritten means that the audit log is not a continuation of what the relay signed before.
var ErrRewritten = errors.New("the audit log was rewritten")

// witness looks at a checkpoint of the audit log, and keeps and signs it if it continues the one that is held. One that does
// not is protested against, and the held one stays: it is the proof.
func (s *session) witness(ctx context.Context, c wire.Checkpoint) error {
	if s.e.cfg.Audit == "" {
		return nil
	}
	var held wire.Checkpoint
	for _, h := range s.e.cfg.Custody.Held() {
		if h.Log == c.Log {
			held = h
		}
	}
	tree, err := s.e.continues(held, c)
	if err != nil {
		s.e.cfg.Log.Error("a checkpoint of the audit log does not fit", "log", string(c.Log), "error", err)
		s.e.setRewritten()
		return s.write(wire.Encode(wire.Protest{Log: c.Log, Held: held.Note, Got: c.Note}))
	}
	c.Proof = nil
	if err := s.e.cfg.Custody.Hold(ctx, c); err != nil {
		s.e.cfg.Log.Warn("a checkpoint was not kept", "error", err) // the one before is as good a witness
		return nil
	}
	said := wire.WitnessBytes(s.e.cfg.Device, c.Log, tree.N, tree.Hash[:])
	return s.write(wire.Encode(wire.Witness{Log: c.Log, Size: tree.N, Root: tree.Hash[:], Signature: ed25519.Sign(s.e.cfg.Key, said)}))
}

// continues returns the tree of a checkpoint, or [ErrRewritten] when it is not signed as it must be or not a continuation of
// the one that is held.
func (e *Engine) continues(held, c wire.Checkpoint) (tlog.Tree, error) {
	tree, err := e.openNote(c)
	if err != nil || held.Note == nil {
		return tree, err
	}
	before, err := e.openNote(held)
	if err != nil {
		return tree, err
	}
	proof := make(tlog.TreeProof, len(c.Proof))
	for i, h := range c.Proof {
		if len(h) != tlog.HashSize {
			return tree, ErrRewritten
		}
		copy(proof[i][:], h)
	}
	switch {
	case tree.N == before.N && tree.Hash == before.Hash:
		return tree, nil
	case tree.N <= before.N:
		return tree, fmt.Errorf("%d entries after %d: %w", tree.N, before.N, ErrRewritten)
	case before.N == 0:
		return tree, nil
	case tlog.CheckTree(proof, tree.N, tree.Hash, before.N, before.Hash) != nil:
		return tree, fmt.Errorf("no proof from %d to %d: %w", before.N, tree.N, ErrRewritten)
	}
	return tree, nil
}

// openNote checks a checkpoint's signature and that it is of its log: "origin\nsize\nroot\n", the origin ending with the
// log's name.
func (e *Engine) openNote(c wire.Checkpoint) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(e.cfg.Audit)
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("reading the audit key: %w", err)
	}
	n, err := note.Open(c.Note, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("%w: %w", ErrRewritten, err)
	}
	return parseCheckpoint(n.Text, c.Log)
}

func parseCheckpoint(text string, log inbox.LogID) (tlog.Tree, error) {
	origin, rest, _ := strings.Cut(text, "\n")
	size, rest, _ := strings.Cut(rest, "\n")
	root, _, _ := strings.Cut(rest, "\n")
	var t tlog.Tree
	hash, err := tlog.ParseHash(root)
	if _, scan := fmt.Sscan(size, &t.N); err != nil || scan != nil || t.N < 0 || !strings.HasSuffix(origin, "/audit/"+string(log)) {
		return tlog.Tree{}, fmt.Errorf("reading a checkpoint: %w", ErrRewritten)
	}
	t.Hash = hash
	return t, nil
}

func (e *Engine) setRewritten() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.link.Rewritten {
		e.link.Rewritten = true
		e.poke()
	}
}
