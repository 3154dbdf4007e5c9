package ledgertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"

	"sealdesk/sync/relay/internal/ledger"
)

func testAbsentAndEmpty(t *testing.T, e Engine) {
	db := open(t, e)
	check := func(tx ledger.Tx) error {
		if v, err := tx.Get("b", []byte("absent")); v != nil || err != nil {
			t.Errorf("absent: %v, %v", v, err)
		}
		if v, err := tx.Get("nowhere", []byte("k")); v != nil || err != nil {
			t.Errorf("absent bucket: %v, %v", v, err)
		}
		if v, err := tx.Get("b", []byte("empty")); v == nil || len(v) != 0 || err != nil {
			t.Errorf("empty: %v, %v", v, err)
		}
		if v, err := tx.Get("b", []byte("gone")); v != nil || err != nil {
			t.Errorf("deleted: %v, %v", v, err)
		}
		return nil
	}
	put(t, db, "s", "b", "gone", "x")
	update(t, db, "s", func(tx ledger.Tx) error {
		if err := errors.Join(tx.Put("b", []byte("empty"), nil), tx.Delete("b", []byte("gone")),
			tx.Delete("b", []byte("never there")), tx.Delete("nowhere", []byte("k"))); err != nil {
			return err
		}
		return check(tx)
	})
	view(t, db, "s", check)
	view(t, db, "a shard nobody wrote to", func(tx ledger.Tx) error {
		if got := rows(tx, "b", "", "", false); len(got) != 0 {
			t.Errorf("rows in an empty shard: %v", got)
		}
		return nil
	})
}

func testOwnCopy(t *testing.T, e Engine) {
	db := open(t, e)
	put(t, db, "s", "b", "k", "value")
	var kept []byte
	spoil := func(tx ledger.Tx) error {
		v, err := tx.Get("b", []byte("k"))
		if err != nil {
			return err
		}
		for i := range v {
			v[i] = 'x'
		}
		kept = v
		if again, _ := tx.Get("b", []byte("k")); string(again) != "value" {
			t.Errorf("a change of the copy came through: %q", again)
		}
		return nil
	}
	view(t, db, "s", spoil)
	update(t, db, "s", func(tx ledger.Tx) error {
		if err := spoil(tx); err != nil {
			return err
		}
		return tx.Put("b", []byte("own"), []byte("mine"))
	})
	update(t, db, "s", func(tx ledger.Tx) error {
		if err := tx.Put("b", []byte("own"), []byte("mine")); err != nil {
			return err
		}
		v, _ := tx.Get("b", []byte("own"))
		clear(v)
		return nil
	})
	if v, _ := get(t, db, "s", "b", "own"); v != "mine" {
		t.Errorf("a change of a copy of an own write came through: %q", v)
	}
	if string(kept) != "xxxxx" {
		t.Errorf("the copy changed after the transaction: %q", kept)
	}
}

func testPutCopies(t *testing.T, e Engine) {
	db := open(t, e)
	for _, size := range []int{1, 20, 5000} {
		want := bytes.Repeat([]byte("v"), size)
		update(t, db, "s", func(tx ledger.Tx) error {
			key, value := []byte(fmt.Sprint("key", size)), bytes.Clone(want)
			if err := tx.Put("b", key, value); err != nil {
				return err
			}
			clear(key)
			clear(value)
			return nil
		})
		if v, _ := get(t, db, "s", "b", fmt.Sprint("key", size)); v != string(want) {
			t.Errorf("%d bytes: the store kept the caller's memory", size)
		}
	}
}

func testApart(t *testing.T, e Engine) {
	db := open(t, e)
	// Names that would collide if they were simply joined.
	for _, at := range [][2]string{{"a", "bc"}, {"ab", "c"}, {"a", "b"}, {"a.b", "c"}, {"a", "b.c"}, {"ä", "ß"}} {
		put(t, db, at[0], at[1], "k", at[0]+"|"+at[1])
	}
	for _, at := range [][2]string{{"a", "bc"}, {"ab", "c"}, {"a", "b"}, {"a.b", "c"}, {"a", "b.c"}, {"ä", "ß"}} {
		if v, _ := get(t, db, at[0], at[1], "k"); v != at[0]+"|"+at[1] {
			t.Errorf("%v holds %q", at, v)
		}
		view(t, db, at[0], func(tx ledger.Tx) error {
			if got := rows(tx, at[1], "", "", false); len(got) != 1 {
				t.Errorf("%v scans %v", at, got)
			}
			return nil
		})
	}
}

func testScanOrder(t *testing.T, e Engine) {
	db := open(t, e)
	keys := []string{"\x00", "\x00\x00", "a", "aa", "ab", "b", "\x7f", "\x80", "é", "\xff", "\xff\xff"}
	for _, k := range slices.Backward(keys) {
		put(t, db, "s", "b", k, "")
	}
	put(t, db, "s", "c", "a", "other bucket")
	sort.Strings(keys)
	tests := []struct {
		name, from, to string
	}{
		{"everything", "", ""}, {"from a key", "a", ""}, {"from between", "a\x00", ""}, {"to a key", "", "ab"},
		{"to between", "", "aaa"}, {"both", "aa", "b"}, {"one", "a", "a\x00"}, {"none", "b", "b"}, {"backwards", "b", "a"},
		{"after all", "\xff\xff\xff", ""}, {"before all", "", "\x00"}, {"prefix", "a", string(ledger.After([]byte("a")))},
		{"prefix of ff", "\xff", string(ledger.After([]byte("\xff")))},
	}
	check := func(tx ledger.Tx) error {
		for _, test := range tests {
			want := []string{}
			for _, k := range keys {
				if k >= test.from && (test.to == "" || k < test.to) {
					want = append(want, k+"=")
				}
			}
			if got := rows(tx, "b", test.from, test.to, false); !slices.Equal(got, want) {
				t.Errorf("%s: got %q, want %q", test.name, got, want)
			}
			slices.Reverse(want)
			if got := rows(tx, "b", test.from, test.to, true); !slices.Equal(got, want) {
				t.Errorf("%s, back: got %q, want %q", test.name, got, want)
			}
		}
		for range tx.Scan("b", nil, nil) {
			break // leaving a loop early is fine
		}
		return tx.Err()
	}
	view(t, db, "s", check)
	update(t, db, "s", check)
}

// testModel writes at random, within and across updates, and compares all reads with a map.
func testModel(t *testing.T, e Engine) {
	db := open(t, e)
	rnd := rand.New(rand.NewPCG(1, 2))
	model := map[string]string{}
	key := func() string { return fmt.Sprintf("%02d", rnd.IntN(40)) }
	check := func(tx ledger.Tx, m map[string]string) {
		from, to := "", ""
		if rnd.IntN(3) > 0 {
			from = key()
		}
		if rnd.IntN(3) > 0 {
			to = key()
		}
		want := []string{}
		for k, v := range m {
			if k >= from && (to == "" || k < to) {
				want = append(want, k+"="+v)
			}
		}
		sort.Strings(want)
		if got := rows(tx, "b", from, to, false); !slices.Equal(got, want) {
			t.Fatalf("scan from %q to %q: got %q, want %q", from, to, got, want)
		}
		slices.Reverse(want)
		if got := rows(tx, "b", from, to, true); !slices.Equal(got, want) {
			t.Fatalf("scan back from %q to %q: got %q, want %q", from, to, got, want)
		}
		k := key()
		v, err := tx.Get("b", []byte(k))
		if want, ok := m[k]; err != nil || string(v) != want || (v != nil) != ok {
			t.Fatalf("get %q: %q, %v", k, v, err)
		}
	}
	undo := errors.New("undo")
	for round := range 120 {
		next := map[string]string{}
		fail := rnd.IntN(4) == 0
		seed := rnd.Uint64()
		err := db.Update(context.Background(), "s", func(tx ledger.Tx) error {
			// The function may run again, so it must do the same again.
			rnd = rand.New(rand.NewPCG(seed, 0))
			clear(next)
			for k, v := range model {
				next[k] = v
			}
			for range rnd.IntN(12) {
				k := key()
				switch n := rnd.IntN(20); {
				case n == 0:
					if err := tx.Drop("b"); err != nil {
						return err
					}
					clear(next)
				case n < 7:
					if err := tx.Delete("b", []byte(k)); err != nil {
						return err
					}
					delete(next, k)
				default:
					v := fmt.Sprint(round, ".", rnd.IntN(1000))
					if err := tx.Put("b", []byte(k), []byte(v)); err != nil {
						return err
					}
					next[k] = v
				}
				check(tx, next)
			}
			if fail {
				return undo
			}
			return nil
		})
		if fail != errors.Is(err, undo) || !fail && err != nil {
			t.Fatal(err)
		}
		if !fail {
			model = next
		}
		view(t, db, "s", func(tx ledger.Tx) error {
			check(tx, model)
			return nil
		})
	}
}

func testScanOwnWrites(t *testing.T, e Engine) {
	db := open(t, e)
	put(t, db, "s", "b", "b", "1", "d", "1", "f", "1")
	update(t, db, "s", func(tx ledger.Tx) error {
		var got []string
		for k := range tx.Scan("b", nil, nil) {
			got = append(got, string(k))
			switch string(k) {
			case "b":
				if err := errors.Join(tx.Put("b", []byte("a"), nil), tx.Put("b", []byte("c"), nil),
					tx.Delete("b", []byte("d"))); err != nil {
					return err
				}
			case "f":
				if err := tx.Put("b", []byte("g"), nil); err != nil {
					return err
				}
			}
		}
		if want := []string{"b", "c", "f", "g"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		// Emptying a bucket while walking it is the usual way to delete a range.
		for k := range tx.Scan("b", nil, nil) {
			if err := tx.Delete("b", k); err != nil {
				return err
			}
		}
		if got := rows(tx, "b", "", "", true); len(got) != 0 {
			t.Errorf("left after deleting all: %q", got)
		}
		return nil
	})
}

func testDrop(t *testing.T, e Engine) {
	db := open(t, e)
	put(t, db, "s", "day.1", "k", "old")
	put(t, db, "s", "day.10", "k", "kept")
	put(t, db, "other", "day.1", "k", "kept")
	undo := errors.New("undo")
	err := db.Update(context.Background(), "s", func(tx ledger.Tx) error {
		if err := tx.Drop("day.1"); err != nil {
			return err
		}
		if v, _ := tx.Get("day.1", []byte("k")); v != nil {
			t.Errorf("still there in the same update: %q", v)
		}
		return undo
	})
	if !errors.Is(err, undo) {
		t.Fatal(err)
	}
	if v, _ := get(t, db, "s", "day.1", "k"); v != "old" {
		t.Errorf("a drop that was undone took the row: %q", v)
	}
	update(t, db, "s", func(tx ledger.Tx) error {
		if err := errors.Join(tx.Put("day.1", []byte("a"), nil), tx.Drop("day.1"), tx.Drop("never there"),
			tx.Put("day.1", []byte("z"), []byte("new"))); err != nil {
			return err
		}
		if got := rows(tx, "day.1", "", "", false); !slices.Equal(got, []string{"z=new"}) {
			t.Errorf("after drop and put: %q", got)
		}
		return nil
	})
	view(t, db, "s", func(tx ledger.Tx) error {
		if got := rows(tx, "day.1", "", "", false); !slices.Equal(got, []string{"z=new"}) {
			t.Errorf("after the commit: %q", got)
		}
		if got := rows(tx, "day.10", "", "", false); !slices.Equal(got, []string{"k=kept"}) {
			t.Errorf("a neighbour lost its rows: %q", got)
		}
		return nil
	})
	if v, _ := get(t, db, "other", "day.1", "k"); v != "kept" {
		t.Errorf("another shard lost its rows")
	}
}

func testBuckets(t *testing.T, e Engine) {
	db := open(t, e)
	names := func(tx ledger.Tx, prefix string) []string {
		got, err := tx.Buckets(prefix)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	put(t, db, "s", "seen.3", "k", "")
	put(t, db, "s", "seen.1", "k", "")
	put(t, db, "s", "log", "k", "")
	put(t, db, "s", "emptied", "k", "")
	put(t, db, "s2", "seen.9", "k", "")
	update(t, db, "s", func(tx ledger.Tx) error {
		if err := errors.Join(tx.Put("seen.2", []byte("k"), nil), tx.Drop("seen.3"), tx.Delete("emptied", []byte("k"))); err != nil {
			return err
		}
		if _, err := tx.Sequence("number"); err != nil {
			return err
		}
		if got := names(tx, "seen."); !slices.Equal(got, []string{"seen.1", "seen.2"}) {
			t.Errorf("within the update: %q", got)
		}
		return nil
	})
	view(t, db, "s", func(tx ledger.Tx) error {
		if got := names(tx, "seen."); !slices.Equal(got, []string{"seen.1", "seen.2"}) {
			t.Errorf("with prefix: %q", got)
		}
		if got := names(tx, ""); !slices.Equal(got, []string{"log", "seen.1", "seen.2"}) {
			t.Errorf("all: %q", got)
		}
		return nil
	})
}

func testShards(t *testing.T, e Engine) {
	db := open(t, e)
	list := func() []string {
		got, err := db.Shards(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := list(); len(got) != 0 {
		t.Errorf("in a new store: %q", got)
	}
	view(t, db, "only read", func(ledger.Tx) error { return nil })
	put(t, db, "b", "x", "k", "")
	put(t, db, "b", "y", "k", "")
	put(t, db, "a", "x", "k", "")
	put(t, db, "a.1", "x", "k", "")
	put(t, db, "emptied", "x", "k", "")
	update(t, db, "emptied", func(tx ledger.Tx) error { return tx.Drop("x") })
	update(t, db, "counted", func(tx ledger.Tx) error { _, err := tx.Sequence("n"); return err })
	if got := list(); !slices.Equal(got, []string{"a", "a.1", "b", "counted"}) {
		t.Errorf("got %q", got)
	}
}

func testLimits(t *testing.T, e Engine) {
	db := open(t, e)
	ctx := context.Background()
	long := strings.Repeat("n", ledger.MaxName)
	for _, bad := range []string{"", "a\x00b", long + "n"} {
		nothing := func(ledger.Tx) error { return nil }
		if err := db.View(ctx, bad, nothing); !errors.Is(err, ledger.ErrName) {
			t.Errorf("view of shard %q: %v", bad, err)
		}
		if err := db.Update(ctx, bad, nothing); !errors.Is(err, ledger.ErrName) {
			t.Errorf("update of shard %q: %v", bad, err)
		}
		update(t, db, "s", func(tx ledger.Tx) error {
			_, gerr := tx.Get(bad, []byte("k"))
			_, serr := tx.Sequence(bad)
			_, lerr := tx.LastSequence(bad)
			for _, err := range []error{tx.Put(bad, []byte("k"), nil), tx.Delete(bad, []byte("k")), tx.Drop(bad), gerr, serr, lerr} {
				if !errors.Is(err, ledger.ErrName) {
					t.Errorf("bucket %q: %v", bad, err)
				}
			}
			return nil
		})
		err := db.View(ctx, "s", func(tx ledger.Tx) error {
			for range tx.Scan(bad, nil, nil) {
			}
			return nil
		})
		if !errors.Is(err, ledger.ErrName) {
			t.Errorf("scan of bucket %q: %v", bad, err)
		}
	}
	update(t, db, "s", func(tx ledger.Tx) error {
		for _, err := range []error{
			tx.Put("b", nil, nil),
			tx.Put("b", make([]byte, ledger.MaxKey+1), nil),
			tx.Put("b", []byte("k"), make([]byte, ledger.MaxValue+1024)),
		} {
			if !errors.Is(err, ledger.ErrTooLarge) {
				t.Errorf("a row outside the limits: %v", err)
			}
		}
		if v, err := tx.Get("b", nil); v != nil || err != nil {
			t.Errorf("the empty key: %v, %v", v, err)
		}
		return nil
	})
}

func testLargest(t *testing.T, e Engine) {
	db := open(t, e)
	name := strings.Repeat("n", ledger.MaxName)
	key, value := bytes.Repeat([]byte{0xff}, ledger.MaxKey), bytes.Repeat([]byte("large"), ledger.MaxValue/5)
	update(t, db, name, func(tx ledger.Tx) error { return tx.Put(name, key, value) })
	view(t, db, name, func(tx ledger.Tx) error {
		got, err := tx.Get(name, key)
		if !bytes.Equal(got, value) {
			t.Errorf("got %d bytes back", len(got))
		}
		return err
	})
}
