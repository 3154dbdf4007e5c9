package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
)

// What a start finds, what it is told, and what helps. Each fault leaves the files as they are until somebody decides.
func TestEveryFaultOfAStartHasItsErrorAndItsCure(t *testing.T) {
	ctx := t.Context()
	type start struct {
		dir    string
		ring   *Keyring
		back   *memoryRing
		reader inbox.PersonID
	}
	config := func(s *start) (Config, error) {
		key, err := s.ring.CacheKey(ctx, s.dir)
		return Config{Dir: s.dir, Key: key, RelayHalf: halfOf(int(key.Generation())), Reader: s.reader}, err
	}
	open := func(s *start) (*Store, error) {
		cfg, err := config(s)
		if err != nil {
			return nil, err
		}
		return Open(ctx, cfg)
	}
	repair := func(s *start) error {
		cfg, err := config(s)
		if err != nil {
			return err
		}
		return Repair(ctx, cfg)
	}
	anew := func(s *start) error { return errors.Join(Quarantine(s.dir), s.ring.Forget(ctx)) }
	write := func(name string, change func([]byte) []byte) func(*testing.T, *start) {
		return func(t *testing.T, s *start) {
			path := filepath.Join(s.dir, name)
			writeFile(t, path, change(snapshotOfFile(t, path)))
		}
	}
	empty := func([]byte) []byte { return nil }
	// older puts a file of the generation before in the place of this one's.
	older := func(names ...string) func(*testing.T, *start) {
		return func(t *testing.T, s *start) {
			for _, name := range names {
				writeFile(t, filepath.Join(s.dir, name), snapshotOfFile(t, filepath.Join(s.dir+".before", name)))
			}
		}
	}
	both := func(fs ...func(*testing.T, *start)) func(*testing.T, *start) {
		return func(t *testing.T, s *start) {
			for _, f := range fs {
				f(t, s)
			}
		}
	}
	for name, tt := range map[string]struct {
		harm  func(*testing.T, *start)
		want  error
		cure  func(*start) error
		cured error // of the cure
		draft bool  // what was typed is there afterwards
	}{
		"nothing":                                {nil, nil, nil, nil, true},
		"the keyring is locked":                  {func(_ *testing.T, s *start) { s.back.fail = errors.New("failed to unlock correct collection") }, ErrKeyringUnavailable, func(s *start) error { s.back.fail = nil; return nil }, nil, true},
		"the keyring has no key":                 {func(t *testing.T, s *start) { try(t, s.ring.forget(ctx, itemCache)) }, ErrKeyLost, anew, nil, false},
		"the keyring has another key":            {func(t *testing.T, s *start) { try(t, s.ring.setCacheKey(ctx, NewCacheKey(), seal.Key{}, 0)) }, ErrWrongKey, anew, nil, false},
		"the keyring's item is garbage":          {func(_ *testing.T, s *start) { s.back.items["test/cache"] = "%" }, ErrKeyringUnavailable, anew, nil, false},
		"the cache is empty":                     {write(cacheFile, empty), ErrDamaged, repair, nil, true},
		"the outbox is empty":                    {write(outboxFile, empty), ErrDamaged, repair, nil, false},
		"both are empty":                         {both(write(cacheFile, empty), write(outboxFile, empty)), ErrDamaged, repair, nil, false},
		"the cache is gone":                      {func(t *testing.T, s *start) { try(t, os.Remove(filepath.Join(s.dir, cacheFile))) }, nil, nil, nil, true},
		"the cache is cut short":                 {write(cacheFile, func(b []byte) []byte { return b[:len(b)/2] }), ErrDamaged, repair, nil, true},
		"the cache is something else":            {write(cacheFile, func([]byte) []byte { return bytes.Repeat([]byte("no database "), 3000) }), ErrDamaged, repair, nil, true},
		"damage was noted":                       {func(t *testing.T, s *start) { writeFile(t, filepath.Join(s.dir, damagedFile), nil) }, ErrDamaged, repair, nil, true},
		"the cache is of the generation before":  {older(cacheFile), ErrDamaged, repair, nil, true},
		"the outbox is of the generation before": {older(outboxFile), ErrDamaged, repair, ErrWrongKey, false},
		"both are of the generation before":      {older(cacheFile, outboxFile), ErrWrongKey, anew, nil, false},
		"another person":                         {func(_ *testing.T, s *start) { s.reader = "somebody else" }, ErrOtherPerson, anew, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := &start{dir: filepath.Join(t.TempDir(), "store"), ring: OpenKeyring("test"), back: newMemoryRing(), reader: me}
			s.ring.back = s.back
			st, err := open(s)
			try(t, err)
			try(t, st.Rotate(ctx, s.ring, halfOf(1), 1))
			try(t, st.Rotated(ctx, s.ring))
			try(t, st.SetDraft(ctx, "c", "typed "+canary))
			try(t, st.Apply(ctx, stretch(numberA.Log(), 0, opened("c"), from(inbox.FromContact, "c", "m", "hello"))))
			try(t, st.Close())
			copyFolder(t, s.dir, s.dir+".before")
			st, err = open(s)
			try(t, err)
			try(t, st.Rotate(ctx, s.ring, halfOf(2), 2))
			try(t, st.Rotated(ctx, s.ring))
			try(t, st.Close())
			if tt.harm != nil {
				tt.harm(t, s)
			}
			before := map[string][]byte{}
			for _, file := range []string{cacheFile, outboxFile} {
				before[file], _ = os.ReadFile(filepath.Join(s.dir, file))
			}
			st, err = open(s)
			if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
				t.Fatalf("got %v", err)
			}
			if err != nil {
				for file, was := range before {
					if is, _ := os.ReadFile(filepath.Join(s.dir, file)); !bytes.Equal(was, is) {
						t.Errorf("%s was touched", file)
					}
				}
				if err := tt.cure(s); !errors.Is(err, tt.cured) || (err == nil) != (tt.cured == nil) {
					t.Fatalf("the cure: %v", err)
				}
				if tt.cured != nil {
					try(t, anew(s))
				}
				if st, err = open(s); err != nil {
					t.Fatalf("afterwards: %v", err)
				}
			}
			if got := st.Draft("c"); (got != "") != tt.draft {
				t.Errorf("a draft of %d bytes", len(got))
			}
			try(t, st.Close())
			noCanary(t, s.dir)
		})
	}
}

// That a profile was copied is for the relay to notice; what it needs for that, the store tells. Without the relay's half
// the copy is dead.
func TestACopiedProfileHasTheSameStoreAndOpensByTheRelaysHalfOnly(t *testing.T) {
	base := t.TempDir()
	rotating(t, filepath.Join(base, "laptop"))
	copyFolder(t, filepath.Join(base, "laptop"), filepath.Join(base, "copy"))
	s, _ := mustOpenLent(t, filepath.Join(base, "laptop"), halfOf(1))
	c, ring := mustOpenLent(t, filepath.Join(base, "copy"), halfOf(1))
	if !bytes.Equal(s.ID(), c.ID()) || s.Generation() != c.Generation() || len(s.ID()) != 16 {
		t.Error("the copy cannot be told")
	}
	// One of the two is turned; what the relay destroyed then opens neither.
	try(t, c.Rotate(t.Context(), ring, halfOf(2), 2))
	try(t, c.Rotated(t.Context(), ring))
	try(t, errors.Join(s.Close(), c.Close()))
	for name, half := range map[string]int{"laptop": 2, "copy": 1} {
		for _, half := range []int{0, half} {
			if _, _, err := openLent(filepath.Join(base, name), halfOf(half)); !errors.Is(err, ErrWrongKey) {
				t.Errorf("the %s by half %d: %v", name, half, err)
			}
		}
	}
}

// A relay restored from a backup tells its logs under another epoch: rows stay until it has told them anew, and what was not
// settled is offered again.
func TestARelayRestoredFromABackupCostsNothingThatWasTyped(t *testing.T) {
	ctx := context.Background()
	s := mustOpen(t, config(t))
	at := crowded(t, s, 100)
	typed, rows := fmt.Sprint(pending(t, s), s.Draft("c1"), s.Draft("c2")), len(texts(t, s, "c3"))
	older := stretch(numberA.Log(), at-50, from(inbox.FromContact, "c3", "again", "x"))
	older.Epoch = "e2"
	if err := s.Apply(ctx, older); !errors.Is(err, ErrEpoch) {
		t.Errorf("got %v", err)
	}
	ahead := stretch(numberA.Log(), at+10, from(inbox.FromContact, "c3", "ahead", "x"))
	if err := s.Apply(ctx, ahead); !errors.Is(err, ErrGap) {
		t.Errorf("got %v", err)
	}
	if got := fmt.Sprint(pending(t, s), s.Draft("c1"), s.Draft("c2")); got != typed || len(texts(t, s, "c3")) != rows {
		t.Errorf("%d messages of %d", len(texts(t, s, "c3")), rows)
	}
}
