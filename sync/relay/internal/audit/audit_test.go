package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
	"sealdesk/sync/relay/internal/ledger"
)

const testStart = inbox.Moment(1_790_000_000_000)

// engines are the ledgers the log must work on: in a file, under another engine's wrapper, and with a shard aside.
var engines = map[string]func(t testing.TB) ledger.DB{
	"file": func(t testing.TB) ledger.DB { return openFile(t, ledger.Config{Key: testKey()}) },
	"wrapped": func(t testing.TB) ledger.DB {
		db := openFile(t, ledger.Config{Plain: true})
		sealer, err := seal.New(testKey(), seal.Scope{Store: db.(*ledger.Bolt).StoreID(), Schema: 1, Suite: seal.AES256GCM})
		if err != nil {
			t.Fatal(err)
		}
		return ledger.Sealed(db, sealer)
	},
	"apart": func(t testing.TB) ledger.DB {
		return ledger.Split(openFile(t, ledger.Config{Key: testKey()}), openFile(t, ledger.Config{Key: testKey()}), "s")
	},
}

func testKey() seal.Key {
	k, err := seal.NewKey([]byte("thirty-two bytes known to tests."))
	if err != nil {
		panic(err)
	}
	return k
}

func openFile(t testing.TB, c ledger.Config) ledger.DB {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "relay.db"), c)
}

func openAt(t testing.TB, path string, c ledger.Config) ledger.DB {
	t.Helper()
	db, err := ledger.Open(path, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func onEveryEngine(t *testing.T, f func(t *testing.T, db ledger.DB)) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) { f(t, open(t)) })
	}
}

func update(t testing.TB, db ledger.DB, shard string, f func(ledger.Tx) error) {
	t.Helper()
	if err := db.Update(context.Background(), shard, f); err != nil {
		t.Fatal(err)
	}
}

func view(t testing.TB, db ledger.DB, shard string, f func(ledger.Tx) error) {
	t.Helper()
	if err := db.View(context.Background(), shard, f); err != nil {
		t.Fatal(err)
	}
}

var (
	testActs    = []Act{Sent, Noted, StateSet, RevealAsked, RevealShown, LookedUp, FetchedMedia}
	testActors  = []inbox.PersonID{"ana", "bea", "cem", ""}
	testDetails = []string{"", "sales", "wish w1 message m7 link", "contact-3 other = | \\ words"}
)

// entryOf is some entry, always the same for a number.
func entryOf(n uint64) Entry {
	r := rand.New(rand.NewPCG(7, n))
	e := Entry{
		At: testStart.Add(time.Duration(n) * time.Second), Actor: testActors[r.IntN(len(testActors))], Device: "device-1", Act: testActs[r.IntN(len(testActs))],
		Object: fmt.Sprint("contact-", r.IntN(50)), Detail: testDetails[r.IntN(len(testDetails))],
	}
	if r.IntN(5) == 0 {
		e.Refused = inbox.RefusedRight
	}
	if r.IntN(7) == 0 {
		e.Reason = "\x01sealed\xff"
	}
	return e
}

// fill records entries up to a number, many to a transaction.
func fill(t testing.TB, db ledger.DB, shard string, from, to uint64) {
	t.Helper()
	for n := from; n <= to; {
		update(t, db, shard, func(tx ledger.Tx) error {
			for range 1000 {
				if n > to {
					break
				}
				if err := Record(tx, entryOf(n)); err != nil {
					return err
				}
				n++
			}
			return nil
		})
	}
}

func head(t testing.TB, db ledger.DB, shard string) (size uint64, root Hash) {
	t.Helper()
	view(t, db, shard, func(tx ledger.Tx) (err error) {
		size, root, err = Head(tx)
		return err
	})
	return size, root
}

func makeKey(t testing.TB, db ledger.DB) (k Key) {
	t.Helper()
	update(t, db, KeyShard, func(tx ledger.Tx) (err error) {
		k, err = MakeKey(tx, "relay.example.com")
		return err
	})
	return k
}

func sign(t testing.TB, db ledger.DB, k Key, at inbox.Moment) {
	t.Helper()
	if _, err := k.SignAll(context.Background(), db, at, 1); err != nil {
		t.Fatal(err)
	}
}

func verify(t testing.TB, db ledger.DB, opt VerifyOptions) []Report {
	t.Helper()
	all, err := Verify(context.Background(), db, opt)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// faults are what verifying found, of all shards.
func faults(all []Report) (out []string) {
	for _, r := range all {
		for _, f := range r.Faults {
			out = append(out, r.Shard+": "+string(f.Kind)+" "+fmt.Sprint(f.Number))
		}
	}
	return out
}

func mustBeSound(t testing.TB, all []Report) {
	t.Helper()
	if f := faults(all); len(f) > 0 {
		t.Fatalf("an honest log has %d faults, first %s", len(f), f[0])
	}
}

// long says whether there is time.
func long() bool { return os.Getenv("SEALDESK_LONG") != "" }

func TestATreeIsTheOneOfTheRFCAtEverySize(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, db ledger.DB) {
		const n = 70
		var leaves []Hash
		for i := uint64(1); i <= n; i++ {
			fill(t, db, "s", i, i)
			view(t, db, "s", func(tx ledger.Tx) error {
				row, err := tx.Get(bucket, keyOf(i))
				leaves = append(leaves, tlog.RecordHash(row))
				return err
			})
			size, root := head(t, db, "s")
			if want := rfc6962(leaves); size != i || root != want {
				t.Fatalf("size %d: %d entries, root %s, want %s", i, size, root, want)
			}
		}
	})
}

// rfc6962 is section 2.1 of the RFC, word by word.
func rfc6962(leaves []Hash) Hash {
	switch len(leaves) {
	case 0:
		h, _ := tlog.TreeHash(0, nil)
		return h
	case 1:
		return leaves[0]
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	return tlog.NodeHash(rfc6962(leaves[:k]), rfc6962(leaves[k:]))
}

func TestProofsHoldForEveryPairOfSizesAndForNoOther(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, db ledger.DB) {
		const n = 40
		fill(t, db, "s", 1, n)
		view(t, db, "s", func(tx ledger.Tx) error {
			roots := map[uint64]Hash{}
			for size := uint64(1); size <= n; size++ {
				roots[size], _ = Root(tx, size)
			}
			for newer := uint64(1); newer <= n; newer++ {
				for older := uint64(1); older <= newer; older++ {
					p, err := Consistency(tx, older, newer)
					if err != nil || tlog.CheckTree(p, int64(newer), roots[newer], int64(older), roots[older]) != nil {
						t.Fatalf("%d in %d: %v", older, newer, err)
					}
					if other := roots[older%newer+1]; other != roots[older] && tlog.CheckTree(p, int64(newer), roots[newer], int64(older), other) == nil {
						t.Fatalf("%d in %d is proved for another root", older, newer)
					}
					in, leaf, err := Inclusion(tx, older, newer)
					if err != nil || tlog.CheckRecord(in, int64(newer), roots[newer], int64(older-1), leaf) != nil {
						t.Fatalf("entry %d in %d: %v", older, newer, err)
					}
				}
			}
			for _, f := range []func() error{
				func() error { _, err := Consistency(tx, 0, 3); return err },
				func() error { _, err := Consistency(tx, 4, 3); return err },
				func() error { _, err := Consistency(tx, 4, n+1); return err },
				func() error { _, _, err := Inclusion(tx, 0, 3); return err },
				func() error { _, _, err := Inclusion(tx, 4, 3); return err },
				func() error { _, err := Root(tx, n+1); return err },
			} {
				if err := f(); !errors.Is(err, ErrSize) {
					t.Errorf("a proof of what never was: %v", err)
				}
			}
			return nil
		})
	})
}

func TestACrownGoesOnWhereATreeStopped(t *testing.T) {
	db := openFile(t, ledger.Config{Key: testKey()})
	fill(t, db, "s", 1, 300)
	view(t, db, "s", func(tx ledger.Tx) error {
		rapid.Check(t, func(r *rapid.T) {
			a := rapid.Uint64Range(0, 300).Draw(r, "from")
			b := rapid.Uint64Range(a, 300).Draw(r, "to")
			kept, err := readCrown(tx, a)
			if err != nil {
				r.Fatal(err)
			}
			c, ok := crownOf(a, kept.parts())
			if _, more := crownOf(a, append(kept.parts(), Hash{})); !ok || more {
				r.Fatal("its parts do not make the tree")
			}
			for n := a + 1; n <= b; n++ {
				row, _ := tx.Get(bucket, keyOf(n))
				c.add(tlog.RecordHash(row), nil)
			}
			if want, _ := Root(tx, b); c.root() != want {
				r.Fatalf("from %d to %d it comes to another root", a, b)
			}
		})
		return nil
	})
}

func TestAnHonestLogIsSound(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, db ledger.DB) {
		k := makeKey(t, db)
		for round := range uint64(4) {
			fill(t, db, "sales", round*400+1, round*400+400)
			fill(t, db, "support", round*10+1, round*10+10)
			sign(t, db, k, testStart.Add(time.Duration(round)*13*time.Hour))
			if err := Anchor(t.Context(), db, testStart.Add(time.Duration(round)*time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		var told []uint64
		all := verify(t, db, VerifyOptions{Verifier: k.Verifier(), Progress: func(_ string, done, total uint64, faults int) { told = append(told, done, total) }})
		mustBeSound(t, all)
		if len(all) != 3 || all[1].Shard != "sales" || all[1].Entries != 1600 || all[1].Signed != 1600 || all[1].Checkpoints != 4 || all[1].Anchors != 4 || all[0].Entries != 8 {
			t.Errorf("the reports are %+v", all)
		}
		if _, root := head(t, db, "sales"); root != all[1].Root || len(told) == 0 {
			t.Error("the root or the progress is not told")
		}
	})
}

func TestAnEmptyStoreIsSoundAndHasNothing(t *testing.T) {
	db := openFile(t, ledger.Config{Key: testKey()})
	all := verify(t, db, VerifyOptions{})
	mustBeSound(t, all)
	if made, err := makeKey(t, db).SignAll(t.Context(), db, testStart, 1); err != nil || len(made) != 0 || len(all) != 1 || all[0].Entries != 0 {
		t.Errorf("%d checkpoints of nothing, %d reports: %v", len(made), len(all), err)
	}
}

func TestTheClockTurnedBackIsNoted(t *testing.T) {
	db := openFile(t, ledger.Config{Key: testKey()})
	for _, at := range []inbox.Moment{0, 100_000, 100_000 - 60_000, 500_000, 500_000 - 60_001, 600_000} {
		update(t, db, "s", func(tx ledger.Tx) error {
			return Record(tx, Entry{At: testStart + at, Act: Noted, Object: "x", Back: 77})
		})
	}
	view(t, db, "s", func(tx ledger.Tx) error {
		list, err := Entries(tx, 0, 10)
		for i, want := range []int64{0, 0, 0, 0, 60_001, 0} {
			if list[i].Back != want {
				t.Errorf("entry %d says %d, want %d", i+1, list[i].Back, want)
			}
		}
		return err
	})
	all := verify(t, db, VerifyOptions{})
	mustBeSound(t, all)
	if all[1].Turned != 1 {
		t.Errorf("%d turns are told", all[1].Turned)
	}
}

func TestAShardFromBeforeTheTreeGrowsOne(t *testing.T) {
	db := openFile(t, ledger.Config{Key: testKey()})
	fill(t, db, "s", 1, 1100)
	_, want := head(t, db, "s")
	update(t, db, "s", func(tx ledger.Tx) error { return errors.Join(tx.Drop(bucketHash), tx.Drop(bucketBlock)) })
	fill(t, db, "s", 1101, 1101)
	mustBeSound(t, verify(t, db, VerifyOptions{}))
	view(t, db, "s", func(tx ledger.Tx) error {
		if root, err := Root(tx, 1100); root != want || err != nil {
			t.Errorf("it grew another: %v", err)
		}
		return nil
	})
}

func TestRecordDoesNotGoOnFromADamagedEntry(t *testing.T) {
	for rule, spoil := range map[string]func(tx ledger.Tx) error{
		"the hashes before are gone": func(tx ledger.Tx) error { return tx.Delete(bucketHash, keyOf(10)) },
		"the hashes before are cut":  func(tx ledger.Tx) error { return tx.Put(bucketHash, keyOf(10), []byte("x")) },
		"numbers were skipped":       func(tx ledger.Tx) error { _, err := tx.Sequence(sequence); return err },
	} {
		t.Run(rule, func(t *testing.T) {
			db := openFile(t, ledger.Config{Key: testKey()})
			fill(t, db, "s", 1, 10)
			update(t, db, "s", spoil)
			err := db.Update(t.Context(), "s", func(tx ledger.Tx) error { return Record(tx, entryOf(11)) })
			if !errors.Is(err, ErrRow) {
				t.Errorf("it returned %v", err)
			}
		})
	}
}

func TestTheKeyIsMadeOnceAndTellsNothing(t *testing.T) {
	db := openFile(t, ledger.Config{Key: testKey()})
	view(t, db, KeyShard, func(tx ledger.Tx) error {
		if _, err := ReadKey(tx); !errors.Is(err, ErrNoKey) {
			t.Errorf("without a key: %v", err)
		}
		return nil
	})
	k := makeKey(t, db)
	update(t, db, KeyShard, func(tx ledger.Tx) error {
		again, err := MakeKey(tx, "other.example.com")
		if again.Verifier() != k.Verifier() || !strings.HasPrefix(k.Verifier(), "relay.example.com/audit+") {
			t.Error("there is another key")
		}
		return err
	})
	js, err := json.Marshal(struct{ K Key }{k})
	for _, text := range []string{fmt.Sprint(k), fmt.Sprintf("%#v %+v", k, k), string(js), k.LogValue().String()} {
		if !strings.Contains(text, "[redacted]") || strings.Contains(text, "relay.example") || err != nil {
			t.Error("the key prints itself")
		}
	}
	update(t, db, "empty", func(tx ledger.Tx) error {
		if _, err := MakeKey(tx, " + "); err == nil {
			t.Error("a key without a name was made")
		}
		return nil
	})
}

func TestCheckpointsAreSignedOncePerNewsAndKeptByNumberAndDay(t *testing.T) {
	db := openFile(t, ledger.Config{Key: testKey()})
	k := makeKey(t, db)
	at := testStart
	for n := uint64(1); n <= keepSigned+20; n++ {
		at = at.Add(10 * time.Minute)
		update(t, db, "s", func(tx ledger.Tx) error {
			if err := Record(tx, entryOf(n)); err != nil {
				return err
			}
			open, err := Unsigned(tx)
			if err != nil || open != 1 {
				t.Fatalf("%d entries wait: %v", open, err)
			}
			c, err := k.Sign(tx, "s", at)
			if err != nil {
				return err
			}
			again, err := k.Sign(tx, "s", at.Add(time.Second))
			if again != c || c.Size != n {
				t.Fatal("nothing new was signed again")
			}
			if read, err := ParseCheckpoint(c.Note, k.Verifier()); err != nil || read != c {
				t.Fatalf("it comes back otherwise: %v", err)
			}
			return err
		})
	}
	all := verify(t, db, VerifyOptions{})
	mustBeSound(t, all)
	if all[1].Checkpoints != keepSigned+1 { // of the twenty oldest the first of the first day is left
		t.Errorf("%d checkpoints are kept", all[1].Checkpoints)
	}
}

func TestOnlyACheckpointOfThisKeyIsTaken(t *testing.T) {
	db, other := openFile(t, ledger.Config{Key: testKey()}), openFile(t, ledger.Config{Key: testKey()})
	k, foreign := makeKey(t, db), makeKey(t, other)
	fill(t, db, "s", 1, 3)
	var c Checkpoint
	update(t, db, "s", func(tx ledger.Tx) (err error) {
		c, err = k.Sign(tx, "s", testStart)
		return err
	})
	if _, err := ParseCheckpoint(c.Note, foreign.Verifier()); !errors.Is(err, ErrCheckpoint) {
		t.Errorf("of another key: %v", err)
	}
	if errors.Is(CheckVerifier(k.Verifier()), ErrVerifier) || !errors.Is(CheckVerifier("nonsense"), ErrVerifier) {
		t.Error("a public key is not told from nonsense")
	}
	if _, err := ParseCheckpoint(c.Note, "nonsense"); !errors.Is(err, ErrCheckpoint) {
		t.Errorf("of no key: %v", err)
	}
	for i := range len(c.Note) {
		changed := []byte(c.Note)
		changed[i] ^= 1
		if got, err := ParseCheckpoint(string(changed), k.Verifier()); err == nil && (got.Size != c.Size || got.Root != c.Root || got.Shard != c.Shard) {
			t.Errorf("changed at %d it says something else", i)
		}
	}
}

func FuzzParseCheckpoint(f *testing.F) {
	db := openFile(f, ledger.Config{Key: testKey()})
	k := makeKey(f, db)
	fill(f, db, "s", 1, 3)
	update(f, db, "s", func(tx ledger.Tx) error {
		c, err := k.Sign(tx, "s", testStart)
		f.Add(c.Note)
		return err
	})
	f.Add("a/audit/b\n1\nx\nat y\n")
	f.Fuzz(func(t *testing.T, s string) {
		if c, err := unsigned([]byte(s)); err == nil && !strings.HasPrefix(s, c.text()) {
			t.Error("what was read is not what stands there")
		}
	})
}

func TestANotePresentsAnEarlierTreeOnlyIfItIsOne(t *testing.T) {
	db := openFile(t, ledger.Config{Key: testKey()})
	k := makeKey(t, db)
	fill(t, db, "s", 1, 30)
	sign(t, db, k, testStart)
	// Somebody with the ledger's keys writes another history in its place.
	update(t, db, "s", func(tx ledger.Tx) error {
		e := entryOf(12)
		e.Number, e.Object = 12, "somebody else"
		return rewrite(tx, 12, e)
	})
	fill(t, db, "s", 31, 31)
	err := db.Update(t.Context(), "s", func(tx ledger.Tx) error { _, err := k.Sign(tx, "s", testStart.Add(time.Hour)); return err })
	if !errors.Is(err, ErrFork) {
		t.Errorf("a forked log was signed: %v", err)
	}
}
