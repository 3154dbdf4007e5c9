package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"sealdesk/app/inbox"
)

func erasure(after uint64, conv string) inbox.Batch {
	return stretch(numberA.Log(), after, inbox.ContactErased{Conversation: inbox.ConversationID(conv), Contact: inbox.ContactID("contact-" + conv)})
}

// A trace is every 8 bytes of what was sealed, at the places where a copy would have them too.
type trace map[uint64]bool

func (tr trace) add(sealed []byte) {
	for i := 1; i+8 <= len(sealed); i += 8 { // past the suite
		tr[binary.LittleEndian.Uint64(sealed[i:])] = true
	}
}

// traceOf takes the trace of everything in both files and of the files attached to a conversation: keys as well.
func traceOf(t testing.TB, dir string, files ...string) trace {
	t.Helper()
	tr := trace{}
	for _, name := range []string{cacheFile, outboxFile} {
		try(t, walk(filepath.Join(dir, name), func(bucket string, k, v []byte) {
			if len(v) >= 64 {
				tr.add(v)
			}
			if bucket == "ev" || bucket == "row" {
				tr.add(append([]byte{0}, k[:16]...)) // the keyed name
			}
		}))
	}
	for _, path := range files {
		tr.add(snapshotOfFile(t, path))
	}
	return tr
}

// found counts the places in the folder's files where the trace shows.
func (tr trace) found(t testing.TB, dir string) map[string]int {
	t.Helper()
	out := map[string]int{}
	entries, err := os.ReadDir(dir)
	try(t, err)
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if errors.Is(err, os.ErrNotExist) { // destroyed just now
			continue
		}
		try(t, err)
		for i := 0; i+8 <= len(b); i++ {
			if tr[binary.LittleEndian.Uint64(b[i:])] {
				out[e.Name()]++
			}
		}
	}
	return out
}

// crowded fills a store: a conversation to be erased with a draft, a file, intents of every state; others that stay.
func crowded(t testing.TB, s *Store, rows int) (at uint64) {
	t.Helper()
	ctx := context.Background()
	var bodies []inbox.EventBody
	for i := range rows {
		conv := fmt.Sprint("c", i%20)
		if i < 20 {
			bodies = append(bodies, opened(conv))
		}
		bodies = append(bodies, from(inbox.FromContact, conv, fmt.Sprint("m", i), fmt.Sprint("text ", i, " ", canary)))
	}
	for part := range slices.Chunk(bodies, 256) {
		try(t, s.Apply(ctx, stretch(numberA.Log(), at, part...)))
		at += uint64(len(part))
	}
	try(t, s.Apply(ctx, stretch(numberA.Log(), at, inbox.RevealChanged{Reveal: inbox.Reveal{ID: "r1", Conversation: "c1"}}, inbox.RevealChanged{Reveal: inbox.Reveal{ID: "r2", Conversation: "c2"}})))
	at += 2
	for _, conv := range []string{"c1", "c2"} {
		try(t, s.Submit(ctx, send("pending-"+conv, conv, "pending "+canary)))
		try(t, s.Submit(ctx, send("refused-"+conv, conv, "refused "+canary)))
		try(t, s.Settle(ctx, inbox.Outcome{Intent: inbox.IntentID("refused-" + conv), Refusal: inbox.RefusedGuard}))
		a, err := s.Attach(ctx, inbox.ConversationID(conv), "sent.txt", "text/plain", strings.NewReader(strings.Repeat(canary, 500)))
		try(t, err)
		try(t, s.Submit(ctx, wish("file-"+conv, inbox.SendMedia{Conversation: inbox.ConversationID(conv), Media: a.ID})))
		_, err = s.Attach(ctx, inbox.ConversationID(conv), "attached.txt", "text/plain", strings.NewReader(strings.Repeat(canary, 500)))
		try(t, err)
		try(t, s.SetDraft(ctx, inbox.ConversationID(conv), "draft "+conv+" "+canary))
	}
	return at
}

// onlyTheTombstone checks what is left of c1, and that c2 has everything.
func onlyTheTombstone(t testing.TB, s *Store, rows int) {
	t.Helper()
	ctx := context.Background()
	r := row(t, s, "c1")
	if r.Erased == 0 || r.Draft != "" || !r.Snippet.IsZero() || r.State != inbox.Closed {
		t.Errorf("the tombstone has a draft of %d bytes, erased at %d", len(r.Draft), r.Erased)
	}
	if n := len(texts(t, s, "c1")) + len(s.Attachments("c1")) + len(s.Reveals("c1")) + len(s.Refused("c1")); n != 0 {
		t.Errorf("%d things of the erased conversation are left", n)
	}
	if got, want := pending(t, s), []string{"pending-c2", "file-c2"}; !slices.Equal(got, want) {
		t.Errorf("pending %v", got)
	}
	if n := len(texts(t, s, "c2")); n != rows/20+3 || len(s.Attachments("c2")) != 1 || len(s.Reveals("c2")) != 1 || len(s.Refused("c2")) != 1 || s.Draft("c2") != "draft c2 "+canary {
		t.Errorf("of the other conversation %d messages are there", n)
	}
	list, err := s.Inbox(ctx)
	try(t, err)
	if len(list) != 20 {
		t.Errorf("%d rows", len(list))
	}
	for _, i := range []string{"pending-c2", "file-c2"} {
		if _, ok := s.byID[inbox.IntentID(i)]; !ok {
			t.Errorf("%s is gone", i)
		}
	}
	for _, a := range s.Attachments("c2") {
		f, _, err := s.OpenAttachment(a.ID)
		try(t, err)
		var b bytes.Buffer
		if _, err := b.ReadFrom(f); err != nil || b.String() != strings.Repeat(canary, 500) {
			t.Errorf("the attachment that stays cannot be read: %v", err)
		}
		f.Close()
	}
}

func attachedOf(s *Store, conv inbox.ConversationID) (paths []string) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, a := range s.attached {
		if a.Conversation == conv {
			paths = append(paths, a.path(s.dir))
		}
	}
	return paths
}

// After an erasure and a rebuild not one piece of the old ciphertext, of the old files' keys or of the old names is in any
// file; without the rebuild it is, which says that the search finds.
func TestNothingOfAForgottenCustomerIsLeftInAnyFile(t *testing.T) {
	ctx := context.Background()
	const rows = 10_000
	cfg := config(t)
	s := mustOpen(t, cfg)
	at := crowded(t, s, rows)
	old := traceOf(t, cfg.Dir, attachedOf(s, "c1")...)
	try(t, s.Apply(ctx, erasure(at, "c1")))
	onlyTheTombstone(t, s, rows) // at once
	if n := old.found(t, cfg.Dir); n[cacheFile] == 0 || n[outboxFile] == 0 {
		t.Fatalf("the search finds nothing before the rebuild: %v", n)
	}
	old2 := traceOf(t, cfg.Dir)
	began := time.Now()
	try(t, s.Rebuild(ctx))
	took := time.Since(began)

	try(t, s.Close())
	for _, tr := range []trace{old, old2} {
		if n := tr.found(t, cfg.Dir); len(n) != 0 {
			t.Errorf("old bytes are left: %v", n)
		}
	}
	t.Logf("%d blocks searched, %d rows rebuilt in %v", len(old)+len(old2), rows, took)
	s = mustOpen(t, cfg)
	onlyTheTombstone(t, s, rows)
	if s.stale != nil {
		t.Error("the mark came along")
	}
	// And the store goes on as before.
	try(t, s.Apply(ctx, stretch(numberA.Log(), at+1, from(inbox.FromContact, "c2", "later", "later"))))
	if got := texts(t, s, "c2"); len(got) != rows/20+4 {
		t.Errorf("%d messages", len(got))
	}
	for what, err := range map[string]error{
		"send":  s.Submit(ctx, send("late", "c1", "x")),
		"draft": s.SetDraft(ctx, "c1", "x"),
		"file":  func() error { _, err := s.Attach(ctx, "c1", "a", "b", strings.NewReader("x")); return err }(),
	} {
		if !errors.Is(err, inbox.RefusedErased) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestTheStoreRebuildsByItself(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprint("restart ", restart), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := config(t)
				s := mustOpen(t, cfg)
				at := crowded(t, s, 100)
				old := traceOf(t, cfg.Dir)
				try(t, s.Apply(t.Context(), erasure(at, "c1")))
				if restart {
					s = reopened(t, s, cfg)
				}
				<-time.After(2 * rebuildAfter)
				synctest.Wait()
				s.applying.Lock()
				stale := s.stale
				s.applying.Unlock()
				if n := old.found(t, cfg.Dir); len(n) != 0 || stale != nil {
					t.Errorf("old bytes are left: %v", n)
				}
				onlyTheTombstone(t, s, 100)
				try(t, s.Close())
			})
		})
	}
}

func TestALogToldAnewWithoutAConversationLeavesNothingOfItAndKeepsWhatWasTyped(t *testing.T) {
	ctx := context.Background()
	cfg := config(t)
	s := mustOpen(t, cfg)
	crowded(t, s, 100)
	old := traceOf(t, cfg.Dir, attachedOf(s, "c1")...)
	// While this device was away c1 was erased; the relay has built the log anew and tells all of it.
	var told []inbox.EventBody
	for i := range 20 {
		conv := fmt.Sprint("c", i)
		if told = append(told, opened(conv)); conv == "c1" {
			told = append(told, inbox.ContactErased{Conversation: "c1", Contact: "contact-c1"})
			continue
		}
		for n := i; n < 100; n += 20 {
			told = append(told, from(inbox.FromContact, conv, fmt.Sprint("m", n), fmt.Sprint("text ", n, " ", canary)))
		}
	}
	told = append(told, inbox.RevealChanged{Reveal: inbox.Reveal{ID: "r2", Conversation: "c2"}})
	b := stretch(numberA.Log(), 0, told...)
	b.Epoch, b.Reset = "e2", true
	wrong := b
	wrong.Reset = false
	if err := s.Apply(ctx, wrong); !errors.Is(err, ErrEpoch) {
		t.Errorf("another epoch without a reset: %v", err)
	}
	try(t, s.Apply(ctx, b))
	onlyTheTombstone(t, s, 100)
	s = reopened(t, s, cfg)
	onlyTheTombstone(t, s, 100)
	try(t, s.rebuild(ctx, false))
	try(t, s.Close())
	if n := old.found(t, cfg.Dir); len(n) != 0 {
		t.Errorf("old bytes are left: %v", n)
	}
	// A conversation that is simply not there any more keeps what was typed for it.
	s = mustOpen(t, cfg)
	try(t, s.Apply(ctx, inbox.Batch{Log: numberA.Log(), Epoch: "e3", To: 1, Reset: true}))
	if s.Draft("c2") == "" || len(pending(t, s)) != 2 || len(s.Attachments("c2")) != 1 {
		t.Errorf("%d intents are left", len(pending(t, s)))
	}
}

func init() {
	// "rebuild" erases a conversation and rebuilds, and dies at a step if it is told which.
	children["rebuild"] = func(args []string) int {
		ctx := context.Background()
		s, err := Open(ctx, childConfig(args[0]))
		if err != nil {
			fmt.Println("open:", err)
			return 1
		}
		steps := 0
		s.step = func(string) {
			if steps++; fmt.Sprint(steps) == args[1] {
				p, _ := os.FindProcess(os.Getpid())
				p.Kill()
				select {}
			}
		}
		at := uint64(0)
		for _, c := range s.Cursors() {
			at = c.Seq
		}
		fmt.Println("open")
		if err := s.Apply(ctx, erasure(at, "c1")); err != nil {
			fmt.Println("apply:", err)
			return 1
		}
		for {
			if err := s.Rebuild(ctx); err != nil {
				fmt.Println("rebuild:", err)
				return 1
			}
			if args[1] != "0" {
				fmt.Println("rebuilt", steps)
				return 0
			}
		}
	}
}

func TestKillingTheAppWhileItRebuildsLosesNothingAndLeavesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector finds nothing here that it does not find elsewhere; run in full without it")
	}
	base := t.TempDir()
	good := filepath.Join(base, "good")
	s := mustOpen(t, childConfig(good))
	crowded(t, s, 400)
	try(t, s.Close())
	check := func(what, dir string, old trace) {
		t.Helper()
		s := mustOpen(t, childConfig(dir))
		if r := row(t, s, "c1"); r.Erased == 0 {
			t.Errorf("%s: the erasure that was acknowledged is not there", what)
		}
		onlyTheTombstone(t, s, 400)
		try(t, s.rebuild(context.Background(), true))
		onlyTheTombstone(t, s, 400)
		try(t, s.Close())
		if n := old.found(t, dir); len(n) != 0 {
			t.Errorf("%s: old bytes are left: %v", what, n)
		}
		for _, name := range []string{cacheFile, outboxFile} {
			if !missing(dir, name+newSuffix) || !missing(dir, name+oldSuffix) {
				t.Errorf("%s: half a rebuild is left", what)
			}
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	fresh := func(name string) (dir string, old trace) {
		dir = filepath.Join(base, name)
		copyStore(t, good, dir)
		paths, err := attachedFiles(good)
		try(t, err)
		for _, p := range paths {
			writeFile(t, filepath.Join(dir, filepath.Base(p)), snapshotOfFile(t, p))
		}
		return dir, traceOf(t, dir)
	}
	step := 1
	for ; ; step++ {
		dir, old := fresh(fmt.Sprint("step", step))
		out, err := startChild(t, "rebuild", dir, fmt.Sprint(step)).Output()
		check(fmt.Sprint("killed at step ", step), dir, old)
		if err == nil {
			if !strings.Contains(string(out), "rebuilt") {
				t.Fatalf("%s", out)
			}
			break
		}
		if strings.Contains(string(out), ":") {
			t.Fatalf("%s", out)
		}
	}
	if step < 6 {
		t.Errorf("only %d steps", step)
	}
	for n := range 8 { // and anywhere else
		dir, old := fresh(fmt.Sprint("any", n))
		c := startChild(t, "rebuild", dir, "0")
		out, err := c.StdoutPipe()
		try(t, err)
		try(t, c.Start())
		out.Read(make([]byte, 5))
		<-time.After(time.Duration(30+rand.IntN(60)) * time.Millisecond)
		c.Process.Kill()
		c.Wait()
		s := mustOpen(t, childConfig(dir))
		erased := row(t, s, "c1").Erased != 0
		try(t, s.Close())
		if erased {
			check("killed anywhere", dir, old)
		}
	}
}

func TestReadingAndWritingGoOnWhileTheStoreRebuilds(t *testing.T) {
	ctx := context.Background()
	cfg := config(t)
	s := mustOpen(t, cfg)
	at := crowded(t, s, 400)
	done := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		defer close(done)
		for range 5 {
			if err := s.Rebuild(ctx); err != nil {
				t.Error(err)
			}
		}
	})
	for _, work := range []func(n int) error{
		func(n int) error { _, err := s.Page(ctx, "c2", PageCursor{}, 5); return err },
		func(n int) error { _, err := s.Head(ctx); return err },
		func(n int) error {
			b := stretch(numberA.Log(), at, from(inbox.FromContact, "c3", fmt.Sprint("x", n), "more"))
			at = b.To
			return s.Apply(ctx, b)
		},
		func(n int) error { return s.Submit(ctx, send(fmt.Sprint("x", n), "c4", "more")) },
		func(n int) error { return s.SetDraft(ctx, "c5", fmt.Sprint("draft ", n)) },
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
	before := [][]string{texts(t, s, "c3"), texts(t, s, "c4"), pending(t, s), {s.Draft("c5")}}
	s = reopened(t, s, cfg)
	if d := gocmp.Diff(before, [][]string{texts(t, s, "c3"), texts(t, s, "c4"), pending(t, s), {s.Draft("c5")}}); d != "" {
		t.Error(d)
	}
}

func TestARebuildThatIsGivenUpLeavesTheStoreAsItWas(t *testing.T) {
	cfg := config(t)
	s := mustOpen(t, cfg)
	at := crowded(t, s, 100)
	try(t, s.Apply(context.Background(), erasure(at, "c1")))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Rebuild(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if !missing(cfg.Dir, cacheFile+newSuffix) {
		t.Error("half a file is left")
	}
	onlyTheTombstone(t, s, 100)
	s = reopened(t, s, cfg)
	onlyTheTombstone(t, s, 100)
	if s.stale == nil {
		t.Error("the mark is gone")
	}
}
