package store

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
)

type boltTx = bbolt.Tx

func newHalf(b []byte) (seal.Key, error) { return seal.NewKey(b) }

func init() {
	// "work" applies, submits and keeps drafts for ever, saying after each step what was acknowledged.
	children["work"] = func(args []string) int {
		ctx := context.Background()
		s, err := Open(ctx, childConfig(args[0]))
		if err != nil {
			fmt.Println("error", err)
			return 1
		}
		at := uint64(0)
		for _, c := range s.Cursors() {
			at = c.Seq
		}
		for n := 0; ; n++ {
			id := fmt.Sprintf("%s-%d", args[1], n)
			check := func(what string, err error) {
				if err != nil {
					fmt.Println("error", err)
				} else {
					fmt.Println(what)
				}
			}
			check("submit "+id, s.Submit(ctx, send(id, "c", "text "+id)))
			check("draft "+id, s.SetDraft(ctx, "d", id))
			if n%2 == 0 { // and half of them come back
				m := from(inbox.FromPerson, "c", "m-"+id, "text "+id)
				b := stretch(numberA.Log(), at, m)
				b.Events[0].Cause = inbox.IntentID(id)
				err := s.Apply(ctx, b)
				at = b.To
				check(fmt.Sprint("apply ", at), err)
			}
		}
	}
	children["hold"] = func(args []string) int {
		s, err := Open(context.Background(), childConfig(args[0]))
		fmt.Println("open", err)
		bufio.NewReader(os.Stdin).ReadString('\n')
		if s != nil {
			s.Close()
		}
		return 0
	}
}

func TestKillingTheAppLosesNothingAcknowledgedAndDoublesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector finds nothing here that it does not find elsewhere; run in full without it")
	}
	dir := filepath.Join(t.TempDir(), "s")
	submitted, draft, applied := map[string]bool{}, "", uint64(0)
	for round := range 20 {
		c := startChild(t, "work", dir, strconv.Itoa(round))
		out, err := c.StdoutPipe()
		try(t, err)
		try(t, c.Start())
		lines := bufio.NewScanner(out)
		stopAt := 3 + rand.IntN(12)
		for n := 0; lines.Scan(); n++ {
			what, rest, _ := strings.Cut(lines.Text(), " ")
			switch what {
			case "submit":
				submitted[rest] = true
			case "draft":
				draft = rest
			case "apply":
				applied, _ = strconv.ParseUint(rest, 10, 64)
			default:
				t.Fatalf("the child says: %s", lines.Text())
			}
			if n == stopAt {
				c.Process.Kill()
			}
		}
		c.Wait()

		s := mustOpen(t, childConfig(dir))
		at := uint64(0)
		for _, cur := range s.Cursors() {
			at = cur.Seq
		}
		if at < applied || at > applied+1 {
			t.Fatalf("cursor at %d, acknowledged %d", at, applied)
		}
		applied = at
		if got := s.Draft("d"); got < draft && len(got) <= len(draft) {
			t.Fatalf("draft %q, acknowledged %q", got, draft)
		}
		p, err := s.Page(context.Background(), "c", PageCursor{}, 10000)
		try(t, err)
		seen := map[string]int{}
		told := uint64(0)
		for _, m := range p.Messages {
			seen[m.Body.Visible()]++
			told = max(told, m.Seq)
		}
		for id := range submitted {
			if seen["text "+id] != 1 {
				t.Fatalf("round %d: an acknowledged text is there %d times", round, seen["text "+id])
			}
		}
		for _, n := range seen {
			if n != 1 {
				t.Fatalf("a text is there %d times", n)
			}
		}
		if told != at {
			t.Fatalf("messages up to %d, cursor %d", told, at)
		}
		try(t, s.Close())
	}
	t.Logf("%d texts over 20 kills", len(submitted))
}

func TestASecondInstanceIsTurnedAway(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	c := startChild(t, "hold", dir)
	in, err := c.StdinPipe()
	try(t, err)
	out, err := c.StdoutPipe()
	try(t, err)
	try(t, c.Start())
	line, _ := bufio.NewReader(out).ReadString('\n')
	if line != "open <nil>\n" {
		t.Fatal(line)
	}
	began := time.Now()
	if _, err := Open(context.Background(), childConfig(dir)); !errors.Is(err, ErrAlreadyRunning) {
		t.Errorf("open: %v", err)
	}
	if took := time.Since(began); took < time.Second || took > 6*time.Second {
		t.Errorf("it took %v", took)
	}
	for what, err := range map[string]error{"repair": Repair(context.Background(), childConfig(dir)), "quarantine": Quarantine(dir)} {
		if !errors.Is(err, ErrAlreadyRunning) {
			t.Errorf("%s: %v", what, err)
		}
	}
	in.Close()
	try(t, c.Wait())
	mustOpen(t, childConfig(dir))
}

func TestAStoreThatEndedWellIsNotCheckedAndOneThatDidNotIs(t *testing.T) {
	cfg := config(t)
	s := mustOpen(t, cfg)
	if cleanEnd(cfg.Dir) {
		t.Error("a new store counts as ended")
	}
	try(t, s.Close())
	if !cleanEnd(cfg.Dir) {
		t.Error("a closed store counts as killed")
	}
	s = mustOpen(t, cfg)
	if _, err := s.Inbox(context.Background()); err != nil || !cleanEnd(cfg.Dir) {
		t.Errorf("reading took the mark away: %v", err)
	}
	try(t, s.SetDraft(context.Background(), "c", "x"))
	if cleanEnd(cfg.Dir) {
		t.Error("the mark is still there after a write")
	}
	try(t, s.Close())
}

// The structure of every store bbolt writes must pass the check, and the rows the check visits are the rows there are.
func TestTheCheckAcceptsWhatBboltWrites(t *testing.T) {
	ctx := context.Background()
	cfg := config(t)
	s := mustOpen(t, cfg)
	at := uint64(0)
	for i := range 60 {
		var bodies []inbox.EventBody
		for j := range 1 + i*i%300 {
			bodies = append(bodies, from(inbox.FromContact, fmt.Sprint("c", (i*j)%97), fmt.Sprint("m", i, "-", j), strings.Repeat("x", j*i%700)))
		}
		b := stretch(numberA.Log(), at, bodies...)
		if i%20 == 19 {
			b.Reset, b.From = true, 0
		}
		at = b.To
		try(t, s.Apply(ctx, b))
		if i%10 == 9 {
			rows, want := map[string]int{}, map[string]int{}
			try(t, walk(filepath.Join(cfg.Dir, cacheFile), func(bucket string, k, v []byte) { rows[bucket] += len(k) + len(v) }))
			try(t, s.view("test", func(tx *boltTx) error {
				return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
					return b.ForEach(func(k, v []byte) error { want[string(name)] += len(k) + len(v); return nil })
				})
			}))
			if len(want) != 5 && len(want) != 4 || fmt.Sprint(rows) != fmt.Sprint(want) {
				t.Fatalf("visited %v, there are %v", rows, want)
			}
		}
	}
}

func FuzzTheCheckNeverPanicsAndBboltCanWalkWhatItAccepts(f *testing.F) {
	dir := filepath.Join(f.TempDir(), "s")
	filled(f, dir)
	good := snapshotOfFile(f, filepath.Join(dir, outboxFile))
	f.Add(uint32(0), []byte{0})
	f.Add(uint32(4096*3), []byte{1, 2, 3})
	f.Add(uint32(4096+16), bytes.Repeat([]byte{0xff}, 64))
	f.Fuzz(func(t *testing.T, at uint32, patch []byte) {
		b := bytes.Clone(good)
		copy(b[int(at)%len(b):], patch)
		path := filepath.Join(t.TempDir(), "x.db")
		writeFile(t, path, b)
		if walk(path, nil) != nil {
			return
		}
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
		if err != nil {
			t.Fatalf("the check accepts what bbolt refuses: %v", err)
		}
		defer db.Close()
		db.View(func(tx *bbolt.Tx) error {
			return tx.ForEach(func(_ []byte, b *bbolt.Bucket) error {
				return b.ForEach(func(k, v []byte) error { return nil })
			})
		})
	})
}

func FuzzSplittingAChunkNeverPanics(f *testing.F) {
	chunk, err := appendEvent(nil, stretch("l", 0, from(inbox.FromContact, "c", "m", "hello")).Events[0])
	try(f, err)
	f.Add(chunk)
	f.Add(append(chunk, chunk...))
	f.Add(chunk[:len(chunk)-1])
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, b []byte) {
		events, err := splitChunk(nil, b)
		if err != nil {
			return
		}
		for _, e := range events {
			e.decode()
		}
	})
}
