package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"sealdesk/store/seal"
)

var testKey = func() seal.Key {
	k, err := seal.NewKey(bytes.Repeat([]byte{7}, seal.KeySize))
	if err != nil {
		panic(err)
	}
	return k
}()

func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "relay.db") }

func mustOpen(t testing.TB, path string, conf Config) *Bolt {
	t.Helper()
	if conf.Key.IsZero() && !conf.Plain {
		conf.Key = testKey
	}
	db, err := Open(path, conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// appendRow is a typical update: the next number and a row under it.
func appendRow(value string) func(Tx) error {
	return func(tx Tx) error {
		n, err := tx.Sequence("n")
		if err != nil {
			return err
		}
		return tx.Put("log", binary.BigEndian.AppendUint64(nil, n), []byte(value))
	}
}

func mustAppend(t testing.TB, db DB, shard, value string) {
	t.Helper()
	if err := db.Update(context.Background(), shard, appendRow(value)); err != nil {
		t.Fatal(err)
	}
}

// countLog counts the rows of the log and checks that their numbers have no gap.
func countLog(t testing.TB, db DB, shard string) (n uint64) {
	t.Helper()
	err := db.View(context.Background(), shard, func(tx Tx) error {
		for k := range tx.Scan("log", nil, nil) {
			if n++; binary.BigEndian.Uint64(k) != n {
				return fmt.Errorf("number %d is missing", n)
			}
		}
		last, err := tx.LastSequence("n")
		if err == nil && last != n {
			err = fmt.Errorf("%d rows, last number %d", n, last)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestOpenMakesAPrivateFile(t *testing.T) {
	path := newPath(t)
	mustOpen(t, path, Config{})
	for _, name := range []string{path, path + markSuffix} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v", info.Mode())
		}
	}
	if _, err := os.Stat(path + freshSuffix); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the first name is still there")
	}
}

func TestOpenRefusesASecondRelay(t *testing.T) {
	path := newPath(t)
	mustOpen(t, path, Config{})
	if _, err := Open(path, Config{Key: testKey, LockTimeout: 60 * time.Millisecond}); !errors.Is(err, ErrLocked) {
		t.Fatalf("got %v", err)
	}
}

func TestOpenAtOnceMakesOneStore(t *testing.T) {
	path := newPath(t)
	ids := make(chan string, 8)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			db, err := Open(path, Config{Key: testKey})
			if err != nil {
				if !errors.Is(err, ErrLocked) {
					t.Error(err)
				}
				return
			}
			ids <- string(db.StoreID())
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	close(ids)
	known := map[string]bool{}
	for id := range ids {
		known[id] = true
	}
	if len(known) != 1 {
		t.Fatalf("%d stores were made", len(known))
	}
}

func TestOpenWantsTheStoresKey(t *testing.T) {
	path := newPath(t)
	mustOpen(t, path, Config{}).Close()
	if _, err := Open(path, Config{Key: seal.RandomKey()}); !errors.Is(err, seal.ErrWrongKey) {
		t.Errorf("another key: %v", err)
	}
	if _, err := Open(path, Config{}); !errors.Is(err, seal.ErrNoKey) {
		t.Errorf("no key: %v", err)
	}
	if _, err := Open(path, Config{Plain: true}); !errors.Is(err, seal.ErrWrongKey) {
		t.Errorf("plain: %v", err)
	}
	plain := newPath(t)
	mustOpen(t, plain, Config{Plain: true}).Close()
	if _, err := Open(plain, Config{Key: testKey}); !errors.Is(err, seal.ErrWrongKey) {
		t.Errorf("a key for a plain store: %v", err)
	}
}

func TestOpenFinishesAStartThatDied(t *testing.T) {
	for name, left := range map[string][]byte{"empty": nil, "garbage": bytes.Repeat([]byte("x"), 9000)} {
		path := newPath(t)
		if err := os.WriteFile(path+freshSuffix, left, 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := Open(path, Config{Key: testKey})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		db.Close()
	}
}

// filled makes a store of a few hundred rows and returns its bytes as they are on disk.
func filled(t *testing.T) (path string, raw []byte) {
	path = newPath(t)
	db := mustOpen(t, path, Config{})
	for i := range 40 {
		err := db.Update(context.Background(), "s", func(tx Tx) error {
			for j := range 10 {
				if err := appendRow(fmt.Sprint("value ", i*10+j))(tx); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, raw
}

// readAll opens the store and reads all of it. It reports an error, or else what is there must be right.
func readAll(t *testing.T, path string) error {
	t.Helper()
	db, err := Open(path, Config{Key: testKey, LockTimeout: 50 * time.Millisecond})
	if err != nil {
		return err
	}
	defer db.Close()
	return db.View(context.Background(), "s", func(tx Tx) error {
		n := 0
		for k, v := range tx.Scan("log", nil, nil) {
			if row := binary.BigEndian.Uint64(k) - 1; string(v) != fmt.Sprint("value ", row) {
				t.Errorf("row %d was altered and nobody noticed", row)
			}
			n++
		}
		if tx.Err() == nil && n != 400 {
			return fmt.Errorf("%d rows are left", n) // rows can be unlinked; the numbers tell
		}
		return nil
	})
}

func TestOpenRefusesAFileThatWasCutShort(t *testing.T) {
	path, raw := filled(t)
	used := len(raw)
	for used > 0 && raw[used-1] == 0 { // bbolt grows files ahead of their use
		used--
	}
	for i := range 64 {
		cut := used * i / 64
		if err := os.WriteFile(path, raw[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		if err := readAll(t, path); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut to %d of %d bytes: %v", cut, used, err)
		}
		if err := Check(context.Background(), path, Config{Key: testKey}); !errors.Is(err, ErrDamaged) {
			t.Errorf("check, cut to %d of %d bytes: %v", cut, used, err)
		}
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := readAll(t, path); err != nil {
		t.Errorf("put back: %v", err)
	}
}

func TestOpenRefusesAMissingFileWhereAStoreWas(t *testing.T) {
	path, _ := filled(t)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Config{Key: testKey}); !errors.Is(err, ErrDamaged) {
		t.Errorf("missing: %v", err)
	}
	other := newPath(t)
	mustOpen(t, other, Config{}).Close()
	if err := os.Rename(other, path); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Config{Key: testKey}); !errors.Is(err, ErrDamaged) {
		t.Errorf("another store in its place: %v", err)
	}
	if err := os.Remove(path + markSuffix); err != nil {
		t.Fatal(err)
	}
	if db, err := Open(path, Config{Key: testKey}); err != nil {
		t.Errorf("a store without its mark, as restored: %v", err)
	} else {
		db.Close()
	}
}

func TestRowsMovedInTheFileAreRefused(t *testing.T) {
	path := newPath(t)
	db := mustOpen(t, path, Config{})
	ctx := context.Background()
	for _, shard := range []string{"s", "z"} {
		err := db.Update(ctx, shard, func(tx Tx) error {
			return errors.Join(tx.Put("a", []byte("k1"), []byte("one")), tx.Put("a", []byte("k2"), []byte("two")),
				tx.Put("b", []byte("k1"), []byte("three")))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	db.Close()
	type place struct{ shard, bucket, key string }
	home := place{"s", "a", "k1"}
	for _, from := range []place{{"s", "a", "k2"}, {"s", "b", "k1"}, {"z", "a", "k1"}} {
		raw, err := bolt.Open(path, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		var before []byte
		row := func(tx *bolt.Tx, p place) *bolt.Bucket { return tx.Bucket(fullName(p.shard, p.bucket)) }
		err = raw.Update(func(tx *bolt.Tx) error {
			before = bytes.Clone(row(tx, home).Get([]byte(home.key)))
			return row(tx, home).Put([]byte(home.key), bytes.Clone(row(tx, from).Get([]byte(from.key))))
		})
		if err = errors.Join(err, raw.Close()); err != nil {
			t.Fatal(err)
		}

		db := mustOpen(t, path, Config{})
		err = db.View(ctx, "s", func(tx Tx) error {
			if v, err := tx.Get("a", []byte("k1")); !errors.Is(err, seal.ErrForged) || v != nil {
				t.Errorf("get of a row from %v: %q, %v", from, v, err)
			}
			for range tx.Scan("a", nil, nil) {
				t.Errorf("scan shows a row from %v", from)
			}
			return nil // an overlooked damage is not lost
		})
		if !errors.Is(err, seal.ErrForged) {
			t.Errorf("view of a row from %v: %v", from, err)
		}
		err = db.Update(ctx, "s", func(tx Tx) error {
			for range tx.ScanBack("a", nil, []byte("k2")) {
			}
			return tx.Put("a", []byte("k9"), nil)
		})
		if !errors.Is(err, seal.ErrForged) {
			t.Errorf("update over a row from %v: %v", from, err)
		}
		db.Close()
		if err := Check(ctx, path, Config{Key: testKey}); !errors.Is(err, seal.ErrForged) {
			t.Errorf("check of a row from %v: %v", from, err)
		}
		raw, err = bolt.Open(path, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = raw.Update(func(tx *bolt.Tx) error { return row(tx, home).Put([]byte(home.key), before) })
		if err = errors.Join(err, raw.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if err := Check(ctx, path, Config{Key: testKey}); err != nil {
		t.Errorf("check of the whole store: %v", err)
	}
}

// stuck makes the next commit wait, and fail with what is sent, or go on if that is nil.
func stuck(db *Bolt) (reached chan struct{}, fate chan error) {
	reached, fate = make(chan struct{}), make(chan error)
	var once sync.Once
	db.fault = func() (err error) {
		once.Do(func() {
			close(reached)
			err = <-fate
		})
		return err
	}
	return reached, fate
}

// waitQueued waits until so many updates wait for the disk.
func waitQueued(t *testing.T, db *Bolt, n int) {
	t.Helper()
	for range 5000 {
		if len(db.queue) >= n {
			return
		}
		<-time.After(time.Millisecond) // other goroutines are at work
	}
	t.Fatalf("%d updates wait, want %d", len(db.queue), n)
}

func TestWhatWasBuiltOnAFailedCommitRunsAgain(t *testing.T) {
	db := mustOpen(t, newPath(t), Config{})
	mustAppend(t, db, "s", "before")
	reached, fate := stuck(db)

	first := make(chan error, 1)
	go func() { first <- db.Update(context.Background(), "s", appendRow("lost")) }()
	<-reached
	const more = 20
	rest := make(chan error, more)
	for range more {
		go func() { rest <- db.Update(context.Background(), "s", appendRow("kept")) }()
	}
	// One that saw the row which is about to be lost, and writes nothing.
	seen := make(chan error, 1)
	var sawFirst, sawLast atomic.Bool
	go func() {
		seen <- db.Update(context.Background(), "s", func(tx Tx) error {
			v, err := tx.Get("log", binary.BigEndian.AppendUint64(nil, 2))
			if sawLast.Store(string(v) == "lost"); sawLast.Load() {
				sawFirst.Store(true)
			}
			return err
		})
	}()
	waitQueued(t, db, more+1)
	select {
	case err := <-seen:
		t.Fatalf("an answer resting on what is not durable was given: %v", err)
	default:
	}
	fate <- syscall.ENOSPC
	if err := <-first; !errors.Is(err, ErrFull) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("the failed one got %v", err)
	}
	for range more {
		if err := <-rest; err != nil {
			t.Errorf("one built on it got %v", err)
		}
	}
	if err := <-seen; err != nil || !sawFirst.Load() || sawLast.Load() {
		t.Errorf("the reader: %v, saw it first %v, in the end %v", err, sawFirst.Load(), sawLast.Load())
	}
	if n := countLog(t, db, "s"); n != more+1 {
		t.Errorf("%d rows", n)
	}
	if s := db.Stats(); s.Failures != 1 || s.Reruns != more+1 {
		t.Errorf("stats %+v", s)
	}
}

func TestAnErrorRestingOnAnotherUpdateWaitsForIt(t *testing.T) {
	db := mustOpen(t, newPath(t), Config{})
	duplicate := errors.New("seen this one")
	once := func(tx Tx) error {
		v, err := tx.Get("seen", []byte("k"))
		if v != nil {
			return duplicate
		}
		return errors.Join(err, tx.Put("seen", []byte("k"), nil))
	}
	reached, fate := stuck(db)
	results := make(chan error, 2)
	go func() { results <- db.Update(context.Background(), "s", once) }()
	<-reached
	go func() { results <- db.Update(context.Background(), "s", once) }()
	waitQueued(t, db, 1)
	if len(results) != 0 {
		t.Fatal("told of a duplicate of what is not durable")
	}
	fate <- nil
	if a, b := <-results, <-results; !(a == nil && b == duplicate || a == duplicate && b == nil) {
		t.Fatalf("got %v and %v", a, b)
	}
}

func TestAfterAnUnknownFateNothingIsWritten(t *testing.T) {
	path := newPath(t)
	db := mustOpen(t, path, Config{})
	mustAppend(t, db, "s", "before")
	db.fault = func() error { panic("as bbolt does over a damaged page") }
	for range 3 {
		if err := db.Update(context.Background(), "s", appendRow("x")); !errors.Is(err, ErrUnknown) {
			t.Fatalf("got %v", err)
		}
	}
	if n := countLog(t, db, "s"); n != 1 {
		t.Errorf("%d rows", n)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = mustOpen(t, path, Config{})
	mustAppend(t, db, "s", "after")
	if n := countLog(t, db, "s"); n != 2 {
		t.Errorf("%d rows after opening again", n)
	}
}

func TestQueueIsBoundedAndHeedsCtx(t *testing.T) {
	db := mustOpen(t, newPath(t), Config{Plain: true})
	reached, fate := stuck(db)
	big := make([]byte, MaxValue)
	var all sync.WaitGroup
	for i := range 4 { // together they fill it
		all.Go(func() {
			err := db.Update(context.Background(), fmt.Sprint("s", i), func(tx Tx) error {
				return tx.Put("b", []byte("k"), big[:maxWaiting/4-2])
			})
			if err != nil {
				t.Error(err)
			}
		})
		if i == 0 {
			<-reached
		}
	}
	waitQueued(t, db, 3)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	err := db.Update(ctx, "s", appendRow("one too many"))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	fate <- nil
	all.Wait()
	mustAppend(t, db, "s", "fits again")
	if n := countLog(t, db, "s"); n != 1 {
		t.Errorf("%d rows: the one that gave up left something", n)
	}
}

func TestFullAtTheConfiguredSize(t *testing.T) {
	path := newPath(t)
	db := mustOpen(t, path, Config{MaxSize: 1 << 20})
	testFull(t, db, func() {
		db.Close()
		db = mustOpen(t, path, Config{})
	}, func() *Bolt { return db })
}

// testFull writes until there is no room, checks that reading goes on and nothing acknowledged is lost, makes room and
// writes again.
func testFull(t *testing.T, db *Bolt, makeRoom func(), now func() *Bolt) {
	t.Helper()
	value := strings.Repeat("v", 20_000)
	n := uint64(0)
	for ; ; n++ {
		err := db.Update(context.Background(), "s", appendRow(value))
		if errors.Is(err, ErrFull) {
			break
		}
		if err != nil {
			t.Fatalf("row %d: %v", n, err)
		}
		if n > 10_000 {
			t.Fatal("never full")
		}
	}
	if n == 0 {
		t.Fatal("full from the start: nothing tested")
	}
	if got := countLog(t, db, "s"); got != n {
		t.Errorf("%d rows while full, %d acknowledged", got, n)
	}
	if err := db.Update(context.Background(), "s", appendRow(value)); !errors.Is(err, ErrFull) {
		t.Errorf("again: %v", err)
	}
	makeRoom()
	mustAppend(t, now(), "s", value)
	if got := countLog(t, now(), "s"); got != n+1 {
		t.Errorf("%d rows after making room, want %d", got, n+1)
	}
}

func TestBackupIsOneMomentAndOpens(t *testing.T) {
	db := mustOpen(t, newPath(t), Config{})
	var stop atomic.Bool
	var acknowledged atomic.Uint64
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for !stop.Load() {
				mustAppend(t, db, "s", "row")
				acknowledged.Add(1)
			}
		})
	}
	for acknowledged.Load() < 200 {
		<-time.After(time.Millisecond) // other goroutines are at work
	}
	least := acknowledged.Load()
	copyPath := newPath(t)
	f, err := os.Create(copyPath)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Backup(context.Background(), f); err != nil {
		t.Fatal(err)
	}
	most := acknowledged.Load() + 4
	stop.Store(true)
	all.Wait()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Check(context.Background(), copyPath, Config{Key: testKey}); err != nil {
		t.Errorf("check of the copy: %v", err)
	}
	restored := mustOpen(t, copyPath, Config{})
	if n := countLog(t, restored, "s"); n < least || n > most {
		t.Errorf("%d rows in the copy, %d to %d expected", n, least, most)
	}
	if !bytes.Equal(restored.StoreID(), db.StoreID()) {
		t.Error("the copy is another store")
	}
	ended, end := context.WithCancel(context.Background())
	end()
	if _, err := db.Backup(ended, new(bytes.Buffer)); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended ctx: %v", err)
	}
}

func TestCommitsAreShared(t *testing.T) {
	var heard atomic.Int64
	db := mustOpen(t, newPath(t), Config{OnCommit: func(c Commit) {
		if c.Err != nil || c.Updates == 0 || c.Bytes == 0 || c.Took <= 0 {
			t.Errorf("commit %+v", c)
		}
		heard.Add(int64(c.Updates))
	}})
	reached, fate := stuck(db)
	var all sync.WaitGroup
	const writers = 500
	all.Go(func() { mustAppend(t, db, "s", "first") })
	<-reached
	for i := range writers {
		all.Go(func() { mustAppend(t, db, fmt.Sprint("s", i%7), "row") })
	}
	waitQueued(t, db, writers)
	fate <- nil
	all.Wait()
	s := db.Stats()
	if s.Commits != 2 || s.Updates != writers+1 || heard.Load() != writers+1 || s.FileSize == 0 {
		t.Errorf("stats %+v, heard of %d", s, heard.Load())
	}
}

func TestGateLetsOneInAndForgetsNobody(t *testing.T) {
	var g gate
	var inside, entered, gaveUp atomic.Int64
	var all sync.WaitGroup
	for w := range 50 {
		all.Go(func() {
			for i := range 200 {
				ctx, cancel := context.Background(), func() {}
				if (w+i)%3 == 0 {
					ctx, cancel = context.WithTimeout(ctx, time.Duration(i)*time.Microsecond)
				}
				if err := g.lock(ctx); err != nil {
					gaveUp.Add(1)
				} else {
					if inside.Add(1) != 1 {
						t.Error("two inside")
					}
					entered.Add(1)
					<-time.After(time.Millisecond) // other goroutines are at work
					inside.Add(-1)
					g.unlock()
				}
				cancel()
			}
		})
	}
	all.Wait()
	if entered.Load()+gaveUp.Load() != 50*200 || len(g.queue) != 0 || g.waiting.Load() != 0 || g.held.Load() {
		t.Errorf("entered %d, gave up %d, left in the queue %d", entered.Load(), gaveUp.Load(), len(g.queue))
	}
}

func TestAfterIsTheEndOfAPrefix(t *testing.T) {
	for _, test := range [][2]string{{"a", "b"}, {"a\xff", "b"}, {"\x00", "\x01"}, {"\xff\xff", ""}, {"", ""}} {
		if got := string(After([]byte(test[0]))); got != test[1] {
			t.Errorf("after %q: %q, want %q", test[0], got, test[1])
		}
	}
}
