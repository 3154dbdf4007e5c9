package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"sealdesk/app/inbox"
)

func TestCheckpointsOutliveARebuildAndALostCache(t *testing.T) {
	ctx := t.Context()
	dir := filepath.Join(t.TempDir(), "s")
	cfg := childConfig(dir)
	s := mustOpen(t, cfg)
	if len(s.Checkpoints()) != 0 {
		t.Error("a new store holds checkpoints")
	}
	try(t, s.SetCheckpoint(ctx, inbox.CompanyLog, []byte("first")))
	try(t, s.SetCheckpoint(ctx, numberA.Log(), []byte("note of a "+canary)))
	try(t, s.SetCheckpoint(ctx, inbox.CompanyLog, []byte("second")))
	want := s.Checkpoints()
	if len(want) != 2 {
		t.Fatalf("%d checkpoints", len(want))
	}
	same := func(what string) {
		t.Helper()
		if d := gocmp.Diff(want, s.Checkpoints()); d != "" {
			t.Errorf("%s: %s", what, d)
		}
	}
	s = reopened(t, s, cfg)
	same("after a start")
	try(t, s.Rebuild(ctx))
	same("after a rebuild")
	s = reopened(t, s, cfg)
	same("after a rebuild and a start")
	try(t, s.SetDraft(ctx, "c", "draft"))
	name := rowName(s.drafty, inbox.ConversationID("c"))
	try(t, s.Close())
	noCanary(t, dir)
	try(t, os.Remove(filepath.Join(dir, cacheFile)))
	path := filepath.Join(dir, outboxFile)
	b := snapshotOfFile(t, path)
	for at := 0; ; { // a row of the outbox is damaged as well
		next := bytes.Index(b[at:], name)
		if next < 0 {
			break
		}
		at += next + len(name)
		b[at+30] ^= 1
	}
	writeFile(t, path, b)
	if _, err := Open(ctx, cfg); !errors.Is(err, ErrDamaged) {
		t.Fatalf("got %v", err)
	}
	try(t, Repair(ctx, cfg))
	s = mustOpen(t, cfg)
	same("after a repair")
}
