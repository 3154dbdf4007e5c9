package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
)

// Files that were attached before files had keys of their own are given one.
func TestAFileAttachedBeforeFilesHadKeysComesAlong(t *testing.T) {
	ctx := t.Context()
	base := t.TempDir()
	rotating(t, base)
	s, ring := mustOpenLent(t, base, halfOf(1))
	a := &attached{Attachment: Attachment{ID: attachedHere + "old", Conversation: "c9", Name: "old.txt", Type: "text/plain", Kind: inbox.Document}}
	try(t, s.writeAttached(ctx, a, strings.NewReader(strings.Repeat(canary, 30_000))))
	try(t, s.keepAttached(ctx, a))
	lost := &attached{Attachment: Attachment{ID: attachedHere + "lost", Conversation: "c9", Name: "lost.txt", Type: "text/plain", Kind: inbox.Document, At: 1}}
	try(t, s.writeAttached(ctx, lost, strings.NewReader(canary)))
	try(t, s.keepAttached(ctx, lost))
	try(t, os.Remove(lost.path(s.dir)))
	old := trace{}
	old.add(snapshotOfFile(t, a.path(s.dir)))
	try(t, s.Rotate(ctx, ring, halfOf(2), 2))
	for range 2 {
		list := s.Attachments("c9")
		if len(list) != 2 || list[0].Size != a.Size || !bytes.Equal(list[0].Digest, a.Digest) {
			t.Fatalf("%d attachments", len(list))
		}
		fileIs(t, s, a.ID, []byte(strings.Repeat(canary, 30_000)))
		if _, _, err := s.OpenAttachment(lost.ID); !errors.Is(err, ErrLost) {
			t.Errorf("the lost one: %v", err)
		}
		try(t, s.Close())
		if n := old.found(t, filepath.Join(base, "store")); len(n) != 0 {
			t.Errorf("old bytes are left: %v", n)
		}
		s, _ = mustOpenLent(t, base, halfOf(2))
	}
	try(t, s.Detach(ctx, a.ID))
}

// T18 in files: a row of another generation, another store or another row does not open.
func TestARowOfAnotherGenerationOrStoreIsRefused(t *testing.T) {
	ctx := t.Context()
	base := t.TempDir()
	rotating(t, base)
	dir := filepath.Join(base, "store")
	s, ring := mustOpenLent(t, base, halfOf(1))
	type sealed map[string][]byte // of draft rows, by conversation
	drafts := func(s *Store) sealed {
		out := sealed{}
		try(t, s.outbox.View(func(tx *boltTx) error {
			for _, conv := range []string{"c1", "c2"} {
				out[conv] = bytes.Clone(tx.Bucket(s.drafty.name).Get(rowName(s.drafty, conv)))
			}
			return nil
		}))
		return out
	}
	first := drafts(s)
	try(t, s.Rotate(ctx, ring, halfOf(2), 2))
	try(t, s.Rotated(ctx, ring))
	own := drafts(s)
	other := mustOpen(t, config(t))
	try(t, other.SetDraft(ctx, "c1", "of another store"))
	for name, tt := range map[string]struct {
		row  []byte
		fits bool
	}{
		"its own":               {own["c1"], true},
		"another row's":         {own["c2"], false},
		"the generation before": {first["c1"], false},
		"another store's":       {drafts(other)["c1"], false},
		"cut short":             {own["c1"][:40], false},
	} {
		_, err := s.drafty.open(rowName(s.drafty, "c1"), tt.row)
		if (err == nil) != tt.fits || err != nil && !errors.Is(err, seal.ErrForged) {
			t.Errorf("%s: %v", name, err)
		}
		for _, r := range s.outRooms()[:1] { // nor in another bucket
			if _, err := r.open(rowName(s.drafty, "c1"), tt.row); !errors.Is(err, seal.ErrForged) {
				t.Errorf("%s, in another bucket: %v", name, err)
			}
		}
	}
	// And a whole file of the generation before is told from a damaged one.
	try(t, s.Close())
	again := filepath.Join(base, "again")
	rotating(t, again)
	b := snapshotOfFile(t, filepath.Join(again, "store", cacheFile))
	writeFile(t, filepath.Join(dir, cacheFile), b)
	if _, _, err := openLent(base, halfOf(2)); !errors.Is(err, ErrDamaged) {
		t.Errorf("one file of another generation: %v", err)
	}
	writeFile(t, filepath.Join(dir, outboxFile), snapshotOfFile(t, filepath.Join(again, "store", outboxFile)))
	if _, _, err := openLent(base, halfOf(2)); !errors.Is(err, ErrWrongKey) {
		t.Errorf("both files of another generation: %v", err)
	}
}
