package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sealdesk/sync/relay/internal/ledger"
)

func testViewReadOnly(t *testing.T, e Engine) {
	db := open(t, e)
	put(t, db, "s", "b", "k", "v")
	view(t, db, "s", func(tx ledger.Tx) error {
		_, serr := tx.Sequence("n")
		for _, err := range []error{tx.Put("b", []byte("k"), nil), tx.Delete("b", []byte("k")), tx.Drop("b"), serr} {
			if !errors.Is(err, ledger.ErrReadOnly) {
				t.Errorf("a write in a view: %v", err)
			}
		}
		return nil
	})
	if v, _ := get(t, db, "s", "b", "k"); v != "v" {
		t.Errorf("a view changed a row to %q", v)
	}
}

func testTxDone(t *testing.T, e Engine) {
	db := open(t, e)
	put(t, db, "s", "b", "k", "v")
	var kept []ledger.Tx
	keep := func(tx ledger.Tx) error { kept = append(kept, tx); return nil }
	view(t, db, "s", keep)
	update(t, db, "s", keep)
	update(t, db, "s", func(tx ledger.Tx) error { keep(tx); return tx.Put("b", []byte("k2"), nil) })
	for _, tx := range kept {
		if _, err := tx.Get("b", []byte("k")); !errors.Is(err, ledger.ErrTxDone) {
			t.Errorf("get: %v", err)
		}
		if err := tx.Put("b", []byte("k"), nil); !errors.Is(err, ledger.ErrTxDone) {
			t.Errorf("put: %v", err)
		}
		for range tx.Scan("b", nil, nil) {
			t.Error("scan yields a row")
		}
		if err := tx.Err(); !errors.Is(err, ledger.ErrTxDone) {
			t.Errorf("scan: %v", err)
		}
	}
}

func testViewSnapshot(t *testing.T, e Engine) {
	db := open(t, e)
	put(t, db, "s", "b", "k", "old")
	view(t, db, "s", func(tx ledger.Tx) error {
		if v, _ := tx.Get("b", []byte("k")); string(v) != "old" {
			t.Errorf("before: %q", v)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			put(t, db, "s", "b", "k", "new", "k2", "new")
		}()
		<-done // the writer does not wait for the view
		if got := rows(tx, "b", "", "", false); !slices.Equal(got, []string{"k=old"}) {
			t.Errorf("after: %q", got)
		}
		return nil
	})
	if v, _ := get(t, db, "s", "b", "k"); v != "new" {
		t.Errorf("in the end: %q", v)
	}
}

func testViewAfterUpdate(t *testing.T, e Engine) {
	db := open(t, e)
	var acknowledged atomic.Int64
	var stop atomic.Bool
	var all sync.WaitGroup
	all.Go(func() {
		defer stop.Store(true)
		for i := range 200 {
			put(t, db, "s", "b", "k", fmt.Sprintf("%06d", i))
			acknowledged.Store(int64(i))
		}
	})
	last := ""
	for !stop.Load() {
		least := acknowledged.Load()
		v, there := get(t, db, "s", "b", "k")
		if v < last {
			t.Fatalf("a view went back from %s to %s", last, v)
		}
		if there && v < fmt.Sprintf("%06d", least) {
			t.Fatalf("a view shows %s after %d was acknowledged", v, least)
		}
		last = v
	}
	all.Wait()
}

func testFailing(t *testing.T, e Engine) {
	db := open(t, e)
	put(t, db, "s", "b", "k", "v")
	mine := errors.New("no")
	fail := func(tx ledger.Tx) error {
		n, err := tx.Sequence("n")
		if err = errors.Join(err, putTx(tx, "b", "k", "changed", "new", "row"), tx.Delete("b", []byte("k")), tx.Drop("c")); err != nil {
			return err
		}
		if n != 1 {
			t.Errorf("a failed update kept its number: %d", n)
		}
		return mine
	}
	for range 3 {
		if err := db.Update(context.Background(), "s", fail); err != mine {
			t.Fatalf("got %v", err)
		}
	}
	if err := db.View(context.Background(), "s", func(ledger.Tx) error { return mine }); err != mine {
		t.Fatalf("view: %v", err)
	}
	view(t, db, "s", func(tx ledger.Tx) error {
		if got := rows(tx, "b", "", "", false); !slices.Equal(got, []string{"k=v"}) {
			t.Errorf("left behind: %q", got)
		}
		n, err := tx.LastSequence("n")
		if n != 0 {
			t.Errorf("sequence at %d", n)
		}
		return err
	})
}

func testFailingNeighbours(t *testing.T, e Engine) {
	db := open(t, e)
	mine := errors.New("no")
	var all sync.WaitGroup
	var failed atomic.Int64
	for w := range 20 {
		all.Go(func() {
			for i := range 20 {
				fails := (w+i)%3 == 0
				err := db.Update(context.Background(), "s", func(tx ledger.Tx) error {
					n, err := tx.Sequence("n")
					if err = errors.Join(err, tx.Put("b", be64(n), fmt.Append(nil, fails))); err != nil {
						return err
					}
					if fails {
						return mine
					}
					return nil
				})
				if fails {
					failed.Add(1)
					if err != mine {
						t.Errorf("the failing one got %v", err)
					}
				} else if err != nil {
					t.Errorf("a neighbour got %v", err)
				}
			}
		})
	}
	all.Wait()
	view(t, db, "s", func(tx ledger.Tx) error {
		got := rows(tx, "b", "", "", false)
		if want := 400 - int(failed.Load()); len(got) != want {
			t.Errorf("%d rows, want %d", len(got), want)
		}
		for i, row := range got {
			if row != string(be64(uint64(i+1)))+"=false" {
				t.Fatalf("row %d is %q", i+1, row)
			}
		}
		return nil
	})
}

func testPanic(t *testing.T, e Engine) {
	db := open(t, e)
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			err := db.Update(context.Background(), "s", func(tx ledger.Tx) error {
				if err := tx.Put("b", []byte{byte('a' + w)}, nil); err != nil {
					return err
				}
				if w%2 == 0 {
					panic("a secret of the customer")
				}
				return nil
			})
			if w%2 == 1 {
				if err != nil {
					t.Errorf("a neighbour got %v", err)
				}
				return
			}
			var p *ledger.PanicError
			if !errors.As(err, &p) || !errors.Is(err, ledger.ErrPanic) || p.Value != "a secret of the customer" || len(p.Stack) == 0 {
				t.Errorf("the panic came back as %v", err)
			} else if err.Error() != ledger.ErrPanic.Error() {
				t.Errorf("the error's text shows the value")
			}
		})
	}
	all.Wait()
	err := db.View(context.Background(), "s", func(tx ledger.Tx) error {
		for range tx.Scan("b", nil, nil) {
			panic("in a loop")
		}
		return nil
	})
	if !errors.Is(err, ledger.ErrPanic) {
		t.Errorf("in a scan of a view: %v", err)
	}
	view(t, db, "s", func(tx ledger.Tx) error {
		if got := rows(tx, "b", "", "", false); !slices.Equal(got, []string{"b=", "d=", "f=", "h="}) {
			t.Errorf("rows: %q", got)
		}
		return nil
	})
}

// testSerial lets many writers read, think and write the same row: lost updates would show in the sum.
func testSerial(t *testing.T, e Engine) {
	db := open(t, e)
	const writers, each = 10, 20
	var inside [2]atomic.Int32
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for range each {
				shard := w % 2
				err := db.Update(context.Background(), fmt.Sprint("s", shard), func(tx ledger.Tx) error {
					if inside[shard].Add(1) != 1 {
						t.Error("two writers in one shard")
					}
					defer inside[shard].Add(-1)
					v, err := tx.Get("b", []byte("sum"))
					if err != nil {
						return err
					}
					var n int
					fmt.Sscan(string(v), &n)
					return tx.Put("b", []byte("sum"), fmt.Append(nil, n+1))
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for shard := range 2 {
		if v, _ := get(t, db, fmt.Sprint("s", shard), "b", "sum"); v != fmt.Sprint(writers*each/2) {
			t.Errorf("sum is %s", v)
		}
	}
}

func testSequences(t *testing.T, e Engine) {
	db, place := openPlace(t, e)
	const writers, each = 100, 10
	var given [writers*each + 1]atomic.Int32
	mine := errors.New("no")
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			gaveUp := false
			for i := 0; i < each; {
				var n uint64
				giveUp := (w+i)%3 == 0 && !gaveUp // some do, after they were given a number
				err := db.Update(context.Background(), "s", func(tx ledger.Tx) (err error) {
					if n, err = tx.Sequence("log"); err != nil {
						return err
					}
					if giveUp {
						return mine
					}
					return tx.Put("log", be64(n), nil)
				})
				switch {
				case giveUp:
					if gaveUp = true; err != mine {
						t.Errorf("giving up: %v", err)
					}
				case err == nil:
					i, gaveUp = i+1, false
					if n > writers*each || given[n].Add(1) != 1 {
						t.Errorf("number %d was given twice or is out of range", n)
						return
					}
				default:
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	check := func(db ledger.DB) {
		view(t, db, "s", func(tx ledger.Tx) error {
			want := uint64(1)
			for k := range tx.Scan("log", nil, nil) {
				if string(k) != string(be64(want)) {
					t.Fatalf("number %d is missing", want)
				}
				want++
			}
			if want != writers*each+1 {
				t.Errorf("%d rows", want-1)
			}
			n, err := tx.LastSequence("log")
			if n != writers*each {
				t.Errorf("last number is %d", n)
			}
			return err
		})
	}
	check(db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	check(openAt(t, e, place))
}

func testSequenceNames(t *testing.T, e Engine) {
	db := open(t, e)
	next := func(shard, name string) (n uint64) {
		update(t, db, shard, func(tx ledger.Tx) (err error) {
			before, err := tx.LastSequence(name)
			if err != nil {
				return err
			}
			if n, err = tx.Sequence(name); n != before+1 {
				t.Errorf("%d follows %d", n, before)
			}
			return err
		})
		return n
	}
	put(t, db, "s", "a", "a", "a bucket of the same name")
	for _, step := range []struct {
		shard, name string
		want        uint64
	}{{"s", "a", 1}, {"s", "a", 2}, {"s", "b", 1}, {"z", "a", 1}, {"s", "a", 3}, {"s", "ab", 1}} {
		if n := next(step.shard, step.name); n != step.want {
			t.Errorf("%s of %s: %d, want %d", step.name, step.shard, n, step.want)
		}
	}
	update(t, db, "s", func(tx ledger.Tx) error {
		if err := tx.Drop("a"); err != nil {
			return err
		}
		a, err := tx.Sequence("a")
		b, err2 := tx.Sequence("a")
		if a != 4 || b != 5 {
			t.Errorf("twice in one update: %d, %d", a, b)
		}
		return errors.Join(err, err2)
	})
}

func testCtx(t *testing.T, e Engine) {
	db := open(t, e)
	ended, end := context.WithCancel(context.Background())
	end()
	never := func(ledger.Tx) error { t.Error("the function ran"); return nil }
	if err := db.View(ended, "s", never); !errors.Is(err, context.Canceled) {
		t.Errorf("view: %v", err)
	}
	if err := db.Update(ended, "s", never); !errors.Is(err, context.Canceled) {
		t.Errorf("update: %v", err)
	}
	if _, err := db.Shards(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("shards: %v", err)
	}

	// Someone holds the shard; another gives up waiting for it, and a third gets it in the end.
	inside, release := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	var once sync.Once
	all.Go(func() {
		update(t, db, "s", func(tx ledger.Tx) error {
			once.Do(func() { close(inside) })
			<-release
			return tx.Put("b", []byte("first"), nil)
		})
	})
	<-inside
	all.Go(func() { put(t, db, "s", "b", "third", "") })
	soon, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	if err := db.Update(soon, "s", never); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting for the shard: %v", err)
	}
	put(t, db, "another shard", "b", "k", "") // is not held up
	close(release)
	all.Wait()
	view(t, db, "s", func(tx ledger.Tx) error {
		if got := rows(tx, "b", "", "", false); !slices.Equal(got, []string{"first=", "third="}) {
			t.Errorf("rows: %q", got)
		}
		return nil
	})

	// A long scan notices, too, and its error cannot be overlooked.
	update(t, db, "s", func(tx ledger.Tx) error {
		for i := range 5000 {
			if err := tx.Put("many", be64(uint64(i)), nil); err != nil {
				return err
			}
		}
		return nil
	})
	during, cancel2 := context.WithCancel(context.Background())
	defer cancel2()
	n := 0
	err := db.View(during, "s", func(tx ledger.Tx) error {
		for range tx.Scan("many", nil, nil) {
			if n++; n == 10 {
				cancel2()
			}
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || n == 5000 {
		t.Errorf("a scan went on to row %d: %v", n, err)
	}
}

func testClosed(t *testing.T, e Engine) {
	db := open(t, e)
	put(t, db, "s", "b", "k", "v")
	for range 2 {
		if err := db.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
	nothing := func(ledger.Tx) error { return nil }
	ctx := context.Background()
	_, serr := db.Shards(ctx)
	for _, err := range []error{db.View(ctx, "s", nothing), db.Update(ctx, "s", nothing), serr} {
		if !errors.Is(err, ledger.ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
	if _, open := <-db.Watch(ctx); open {
		t.Error("a watch on a closed ledger is open")
	}
}

func testCloseWaits(t *testing.T, e Engine) {
	db, place := openPlace(t, e)
	var acknowledged atomic.Int64
	var all sync.WaitGroup
	for w := range 10 {
		all.Go(func() {
			for i := 0; ; i++ {
				err := db.Update(context.Background(), "s", func(tx ledger.Tx) error {
					return tx.Put("b", fmt.Appendf(nil, "%d.%d", w, i), nil)
				})
				if errors.Is(err, ledger.ErrClosed) {
					return
				}
				if err != nil {
					t.Errorf("during close: %v", err)
					return
				}
				acknowledged.Add(1)
			}
		})
	}
	for acknowledged.Load() < 50 {
		<-time.After(time.Millisecond) // other goroutines are at work
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	all.Wait()
	n := int64(0)
	view(t, openAt(t, e, place), "s", func(tx ledger.Tx) error {
		for range tx.Scan("b", nil, nil) {
			n++
		}
		return nil
	})
	if n != acknowledged.Load() {
		t.Errorf("%d rows, %d acknowledged", n, acknowledged.Load())
	}
}

// testWatch has one reader that only looks when poked: in the end it must have seen everything.
func testWatch(t *testing.T, e Engine) {
	db := open(t, e)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	pokes := db.Watch(ctx)
	const shards, each = 5, 40
	var all sync.WaitGroup
	for s := range shards {
		all.Go(func() {
			for range each {
				update(t, db, fmt.Sprint("s", s), func(tx ledger.Tx) error { _, err := tx.Sequence("n"); return err })
			}
		})
	}
	seen := map[string]uint64{}
	for complete := 0; complete < shards; {
		shard, open := <-pokes
		if !open {
			t.Fatalf("a poke was lost: %v", seen)
		}
		view(t, db, shard, func(tx ledger.Tx) error {
			n, err := tx.LastSequence("n")
			if n < seen[shard] {
				t.Errorf("went back")
			}
			if n == each && seen[shard] != each {
				complete++
			}
			seen[shard] = n
			return err
		})
	}
	all.Wait()
}

func testWatchSlow(t *testing.T, e Engine) {
	db := open(t, e)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	pokes, idle := db.Watch(ctx), db.Watch(ctx)
	for i := range 300 { // nobody reads: writing goes on
		put(t, db, fmt.Sprint("s", i%3), "b", "k", fmt.Sprint(i))
	}
	_ = idle
	seen := map[string]int{}
	for len(seen) < 3 {
		shard, open := <-pokes
		if !open {
			t.Fatalf("only heard of %v", seen)
		}
		seen[shard]++
	}
	total := 0
	for _, n := range seen {
		total += n
	}
	if total > 30 {
		t.Errorf("%d pokes for 3 shards", total)
	}
	// A failing update and a view poke nobody, but a later change does, although the watcher was idle.
	put(t, db, "later", "b", "k", "")
	for shard := range pokes {
		if shard == "later" {
			return
		}
	}
	t.Error("a change after a rest was not poked")
}

func testWatchEnds(t *testing.T, e Engine) {
	db := open(t, e)
	ctx, cancel := context.WithCancel(context.Background())
	a, b := db.Watch(ctx), db.Watch(context.Background())
	cancel()
	drained := func(c <-chan string) bool {
		limit := time.After(10 * time.Second)
		for {
			select {
			case _, open := <-c:
				if !open {
					return true
				}
			case <-limit:
				return false
			}
		}
	}
	if !drained(a) {
		t.Error("a watch outlives its ctx")
	}
	put(t, db, "s", "b", "k", "")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if !drained(b) {
		t.Error("a watch outlives its ledger")
	}
}
