package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
)

// halfOf is the relay's half of a generation, the same in every process; generation 0 has none.
func halfOf(generation int) seal.Key {
	if generation == 0 {
		return seal.Key{}
	}
	half, err := seal.NewKey(bytes.Repeat([]byte{byte(generation)}, seal.KeySize))
	if err != nil {
		panic(err)
	}
	return half
}

// rotating is a store of generation 1 with some of everything in it, and its keyring, in a folder.
func rotating(t testing.TB, base string) {
	t.Helper()
	ctx := context.Background()
	try(t, os.MkdirAll(filepath.Join(base, "ring"), 0o700))
	s, ring, err := openLent(base, halfOf(0))
	try(t, err)
	crowded(t, s, 200)
	try(t, s.SetCheckpoint(ctx, inbox.CompanyLog, []byte("a note "+canary)))
	try(t, s.Rotate(ctx, ring, halfOf(1), 1))
	try(t, s.Rotated(ctx, ring))
	try(t, s.Close())
}

// openLent opens the store in a folder as the app does: by the key the keyring gives, and the half the relay lends.
func openLent(base string, half seal.Key) (*Store, *Keyring, error) {
	ctx := context.Background()
	ring := ringIn(filepath.Join(base, "ring"))
	dir := filepath.Join(base, "store")
	key, err := ring.CacheKey(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	s, err := Open(ctx, Config{Dir: dir, Key: key, RelayHalf: half, Reader: me})
	return s, ring, err
}

func mustOpenLent(t testing.TB, base string, half seal.Key) (*Store, *Keyring) {
	t.Helper()
	s, ring, err := openLent(base, half)
	try(t, err)
	t.Cleanup(func() { s.Close() })
	return s, ring
}

// whatIsThere is everything a person would miss.
func whatIsThere(t testing.TB, s *Store) []any {
	t.Helper()
	out := []any{pending(t, s), s.Checkpoints(), s.Cursors()}
	for i := range 20 {
		conv := inbox.ConversationID(fmt.Sprint("c", i))
		out = append(out, texts(t, s, string(conv)), s.Draft(conv), len(s.Refused(conv)), len(s.Reveals(conv)))
		for _, a := range s.Attachments(conv) {
			f, _, err := s.OpenAttachment(a.ID)
			try(t, err)
			var b bytes.Buffer
			_, err = b.ReadFrom(f)
			try(t, errors.Join(err, f.Close()))
			out = append(out, a, b.String())
		}
	}
	list, err := s.Pending(context.Background())
	try(t, err)
	for _, i := range list {
		if _, waits := s.Offer(i); waits {
			f, err := s.OpenOffer(i)
			try(t, err)
			var b bytes.Buffer
			_, err = b.ReadFrom(f)
			try(t, errors.Join(err, f.Close()))
			out = append(out, b.String())
		}
	}
	return out
}

// T10 after a rotation: everything is kept, nothing of the old bytes is in any file, and only the new halves open it.
func TestAStoreTurnedToNewHalvesKeepsEverythingAndOpensByThemAlone(t *testing.T) {
	ctx := t.Context()
	base := t.TempDir()
	rotating(t, base)
	dir := filepath.Join(base, "store")
	s, ring := mustOpenLent(t, base, halfOf(1))
	before, id := whatIsThere(t, s), s.ID()
	oldKey, err := ring.CacheKey(ctx, dir)
	try(t, err)
	if s.Generation() != 1 || oldKey.Generation() != 1 || !bytes.Equal(id, oldKey.Store()) {
		t.Errorf("generation %d", s.Generation())
	}
	old := traceOf(t, dir)
	if n := old.found(t, dir); n[cacheFile] == 0 || n[outboxFile] == 0 {
		t.Fatalf("the search finds nothing before: %v", n)
	}
	try(t, s.Rotate(ctx, ring, halfOf(2), 2))
	if d := gocmp.Diff(before, whatIsThere(t, s)); d != "" {
		t.Error(d)
	}
	if s.Generation() != 2 || !bytes.Equal(s.ID(), id) {
		t.Errorf("generation %d", s.Generation())
	}
	// The store goes on at once, and so it does after a start.
	try(t, s.SetDraft(ctx, "c7", "later"))
	try(t, s.Submit(ctx, send("later", "c8", "later")))
	before = whatIsThere(t, s)
	try(t, s.Close())
	if n := old.found(t, dir); len(n) != 0 {
		t.Errorf("old bytes are left: %v", n)
	}
	noCanary(t, dir)

	// The relay has not heard of it: its old half opens the store as well.
	for _, lent := range []int{1, 2} {
		s, _ = mustOpenLent(t, base, halfOf(lent))
		if d := gocmp.Diff(before, whatIsThere(t, s)); d != "" || s.Generation() != 2 {
			t.Errorf("generation %d, %s", s.Generation(), d)
		}
		try(t, s.Close())
	}
	s, ring = mustOpenLent(t, base, halfOf(2))
	try(t, s.Rotated(ctx, ring))
	try(t, s.Rotated(ctx, ring))
	try(t, s.Close())
	opens := func(key CacheKey, half seal.Key) error {
		s, err := Open(ctx, Config{Dir: dir, Key: key, RelayHalf: half, Reader: me})
		if err == nil {
			s.Close()
		}
		return err
	}
	key, err := ring.CacheKey(ctx, dir)
	try(t, err)
	for name, tt := range map[string]struct {
		key  CacheKey
		half seal.Key
		want error
	}{
		"both new halves":                     {key, halfOf(2), nil},
		"the device's new, the relay's old":   {key, halfOf(1), ErrWrongKey},
		"the device's old, the relay's new":   {oldKey, halfOf(2), ErrWrongKey},
		"both old halves":                     {oldKey, halfOf(1), ErrWrongKey},
		"the device's new alone":              {key, seal.Key{}, ErrWrongKey},
		"the device's old alone":              {oldKey, seal.Key{}, ErrWrongKey},
		"the relay's new, another device's":   {NewCacheKey(), halfOf(2), ErrWrongKey},
		"no key":                              {CacheKey{}, halfOf(2), seal.ErrNoKey},
		"both new halves, after all of these": {key, halfOf(2), nil},
	} {
		if err := opens(tt.key, tt.half); !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !missing(dir, turnFile) {
		t.Error("the way from the old half is still there")
	}
	if text, err := ring.text(ctx, itemCache); err != nil || len(text) > 130 {
		t.Errorf("the keyring keeps %d characters: %v", len(text), err)
	}
}

// A wrong half costs nothing, and a zero one must be meant.
func TestAStoreIsTurnedBackToNoHalfOnlyWhenToldSo(t *testing.T) {
	ctx := t.Context()
	base := t.TempDir()
	rotating(t, base)
	s, ring := mustOpenLent(t, base, halfOf(1))
	for _, tt := range []struct {
		half       seal.Key
		generation uint64
	}{{seal.Key{}, 2}, {halfOf(2), 0}} {
		if err := s.Rotate(ctx, ring, tt.half, tt.generation); !errors.Is(err, seal.ErrNoKey) || s.Generation() != 1 {
			t.Errorf("got %v", err)
		}
	}
	before := whatIsThere(t, s)
	try(t, s.Rotate(ctx, ring, seal.Key{}, 0))
	try(t, s.Rotated(ctx, ring))
	try(t, s.Close())
	s, _ = mustOpenLent(t, base, seal.Key{})
	if d := gocmp.Diff(before, whatIsThere(t, s)); d != "" {
		t.Error(d)
	}
}

func init() {
	// "rotate" opens a store by a half, turns it to another, and dies at a step if it is told which.
	children["rotate"] = func(args []string) int {
		ctx := context.Background()
		var lent, to, die int
		fmt.Sscan(strings.Join(args[1:], " "), &lent, &to, &die)
		s, ring, err := openLent(args[0], halfOf(lent))
		if err != nil {
			fmt.Println("error open:", err)
			return 1
		}
		steps := 0
		s.step = func(name string) {
			fmt.Println(name)
			if steps++; steps == die {
				dieNow()
			}
		}
		fmt.Println("open")
		if err := s.Rotate(ctx, ring, halfOf(to), uint64(to)); err != nil {
			fmt.Println("error rotate:", err)
			return 1
		}
		if err := s.Rotated(ctx, ring); err != nil {
			fmt.Println("error rotated:", err)
			return 1
		}
		fmt.Println("rotated", steps)
		return 0
	}
}

func copyFolder(t testing.TB, from, to string) {
	try(t, os.CopyFS(to, os.DirFS(from)))
}

// Whatever was reached when it was killed: the store opens by the relay's old half or by its new one, and before the relay
// was told by its old one in any case; everything is there; and turning it succeeds the next time.
func TestAStoreKilledWhileItTurnsOpensByTheOldHalfOrTheNew(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector finds nothing here that it does not find elsewhere; run in full without it")
	}
	base := t.TempDir()
	good := filepath.Join(base, "good")
	rotating(t, good)
	s, _ := mustOpenLent(t, good, halfOf(1))
	want := whatIsThere(t, s)
	old := traceOf(t, filepath.Join(good, "store"))
	try(t, s.Close())
	// check returns the halves by which the store opens.
	check := func(what, dir string, halves ...int) (opens []int) {
		t.Helper()
		for _, lent := range halves {
			again := filepath.Join(base, fmt.Sprint("again", lent))
			copyFolder(t, dir, again)
			s, ring, err := openLent(again, halfOf(lent))
			if errors.Is(err, ErrWrongKey) {
				try(t, os.RemoveAll(again))
				continue
			}
			try(t, err)
			opens = append(opens, lent)
			if d := gocmp.Diff(want, whatIsThere(t, s)); d != "" {
				t.Fatalf("%s, by half %d: %s", what, lent, d)
			}
			try(t, s.Rotate(t.Context(), ring, halfOf(9), 9))
			try(t, s.Rotated(t.Context(), ring))
			if d := gocmp.Diff(want, whatIsThere(t, s)); d != "" {
				t.Fatalf("%s, turned on from half %d: %s", what, lent, d)
			}
			try(t, s.Close())
			s, _, err = openLent(again, halfOf(9))
			try(t, err)
			try(t, s.Close())
			for _, name := range storeFiles() {
				if name != cacheFile && name != outboxFile && name != cleanFile && !missing(filepath.Join(again, "store"), name) {
					t.Errorf("%s: %s is left", what, name)
				}
			}
			if n := old.found(t, filepath.Join(again, "store")); len(n) != 0 {
				t.Errorf("%s: old bytes are left: %v", what, n)
			}
			try(t, os.RemoveAll(again))
		}
		return opens
	}
	step, turned := 1, 0
	for ; ; step++ {
		dir := filepath.Join(base, fmt.Sprint("step", step))
		copyFolder(t, good, dir)
		out, err := startChild(t, "rotate", dir, "1", "2", fmt.Sprint(step)).Output()
		if strings.Contains(string(out), "error") {
			t.Fatalf("%s", out)
		}
		opens := check(fmt.Sprint("killed at step ", step), dir, 1, 2)
		if err == nil {
			if !slices.Equal(opens, []int{2}) {
				t.Errorf("when all is done it opens by %v", opens)
			}
			break
		}
		if forgotten := strings.Contains(string(out), "old half forgotten"); slices.Contains(opens, 1) == forgotten {
			t.Errorf("step %d: the half the relay may still lend: it opens by %v", step, opens)
		}
		if slices.Contains(opens, 2) {
			turned++
		}
		// It goes on from there by the old half, to yet another one, and is killed again.
		if slices.Contains(opens, 1) {
			out, _ := startChild(t, "rotate", dir, "1", "3", fmt.Sprint(step)).Output()
			if strings.Contains(string(out), "error") {
				t.Fatalf("step %d, again: %s", step, out)
			}
			opens := check(fmt.Sprint("killed twice at step ", step), dir, 1, 2, 3)
			if forgotten := strings.Contains(string(out), "old half forgotten"); slices.Contains(opens, 1) == forgotten || len(opens) == 0 {
				t.Errorf("step %d, killed twice: it opens by %v", step, opens)
			}
		}
	}
	if step < 10 || turned < 5 {
		t.Errorf("%d steps, %d after the turn", step, turned)
	}
	for n := range 8 { // and anywhere else
		dir := filepath.Join(base, fmt.Sprint("any", n))
		copyFolder(t, good, dir)
		c := startChild(t, "rotate", dir, "1", "2", "0")
		out, err := c.StdoutPipe()
		try(t, err)
		try(t, c.Start())
		out.Read(make([]byte, 5))
		<-time.After(rand.N(60 * time.Millisecond))
		c.Process.Kill()
		c.Wait()
		if opens := check("killed anywhere", dir, 1, 2); len(opens) == 0 {
			t.Error("killed anywhere: neither half opens it")
		}
	}
	t.Logf("%d steps", step-1)
}

// A keyring that fails leaves the store as it was, before the turn, and turned after it.
func TestAKeyringThatFailsWhileTheStoreTurnsLeavesItWhole(t *testing.T) {
	ctx := t.Context()
	for name, failAt := range map[string]string{"before": "", "after": "changed"} {
		t.Run(name, func(t *testing.T) {
			back := newMemoryRing()
			ring := OpenKeyring("test")
			ring.back = back
			dir := filepath.Join(t.TempDir(), "store")
			key, err := ring.CacheKey(ctx, dir)
			try(t, err)
			s := mustOpen(t, Config{Dir: dir, Key: key, Reader: me})
			crowded(t, s, 40)
			want := whatIsThere(t, s)
			fail := func(at string) {
				if at == failAt {
					back.mu.Lock()
					back.fail = errors.New("failed to unlock correct collection")
					back.mu.Unlock()
				}
			}
			s.step = fail
			fail("")
			err = s.Rotate(ctx, ring, halfOf(1), 1)
			if failAt == "" && (!errors.Is(err, ErrKeyringUnavailable) || s.Generation() != 0) || failAt != "" && (err != nil || s.Generation() != 1) {
				t.Errorf("generation %d: %v", s.Generation(), err)
			}
			if err := s.Rotated(ctx, ring); failAt != "" && !errors.Is(err, ErrKeyringUnavailable) {
				t.Errorf("rotated: %v", err)
			}
			if d := gocmp.Diff(want, whatIsThere(t, s)); d != "" {
				t.Error(d)
			}
			try(t, s.Close())
			back.fail = nil
			key, err = ring.CacheKey(ctx, dir)
			try(t, err)
			s = mustOpen(t, Config{Dir: dir, Key: key, RelayHalf: halfOf(int(key.Generation())), Reader: me})
			if d := gocmp.Diff(want, whatIsThere(t, s)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestReadingAndWritingGoOnWhileTheStoreTurns(t *testing.T) {
	ctx := context.Background()
	base := t.TempDir()
	rotating(t, base)
	s, ring := mustOpenLent(t, base, halfOf(1))
	done := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		defer close(done)
		for n := 2; n < 6; n++ {
			if err := errors.Join(s.Rotate(ctx, ring, halfOf(n), uint64(n)), s.Rotated(ctx, ring)); err != nil {
				t.Error(err)
			}
			if err := s.Rebuild(ctx); err != nil {
				t.Error(err)
			}
		}
	})
	at := uint64(0)
	for _, c := range s.Cursors() {
		at = c.Seq
	}
	for _, work := range []func(n int) error{
		func(n int) error { _, err := s.Page(ctx, "c2", PageCursor{}, 5); return err },
		func(n int) error { _, err := s.Head(ctx); s.ID(); s.Generation(); return err },
		func(n int) error {
			b := stretch(numberA.Log(), at, from(inbox.FromContact, "c3", fmt.Sprint("x", n), "more"))
			at = b.To
			return s.Apply(ctx, b)
		},
		func(n int) error { return s.Submit(ctx, send(fmt.Sprint("x", n), "c4", "more")) },
		func(n int) error { return s.SetDraft(ctx, "c5", fmt.Sprint("draft ", n)) },
		func(n int) error { return s.SetCheckpoint(ctx, numberA.Log(), []byte(fmt.Sprint("note ", n))) },
		func(n int) error {
			a, err := s.Attach(ctx, "c6", "a.txt", "text/plain", strings.NewReader("more"))
			if err != nil || n > 20 {
				return errors.Join(err, s.Detach(ctx, a.ID))
			}
			f, _, err := s.OpenAttachment(a.ID)
			if err == nil {
				err = f.Close()
			}
			return err
		},
	} {
		all.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				if err := work(n); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	before := whatIsThere(t, s)
	try(t, s.Close())
	s, _ = mustOpenLent(t, base, halfOf(5))
	if d := gocmp.Diff(before, whatIsThere(t, s)); d != "" {
		t.Error(d)
	}
}
