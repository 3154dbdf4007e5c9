package audit

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"golang.org/x/mod/sumdb/tlog"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
)

// rewrite puts another entry in the place of one, and makes every hash and table fit: what somebody can do who has the
// ledger's keys, but not the audit key.
func rewrite(tx ledger.Tx, n uint64, e Entry) error {
	row, err := cbor.Marshal(e)
	if err != nil {
		return err
	}
	size, _, err := Head(tx)
	if err != nil {
		return err
	}
	return errors.Join(tx.Put(bucket, keyOf(n), row), tx.Drop(bucketHash), tx.Drop(bucketBlock), plant(tx, size))
}

// tampers change something in a shard, each in one way, at random. A careful one makes all hashes fit.
var tampers = map[string]func(r *rand.Rand, f *forgery, shard string){
	"a bit of an entry":            func(r *rand.Rand, f *forgery, s string) { f.flip(r, s, bucket) },
	"a bit of the hashes":          func(r *rand.Rand, f *forgery, s string) { f.flip(r, s, bucketHash) },
	"a bit of a table":             func(r *rand.Rand, f *forgery, s string) { f.flip(r, s, bucketBlock) },
	"a bit of a checkpoint":        func(r *rand.Rand, f *forgery, s string) { f.flip(r, s, bucketSigned) },
	"a bit of a day's checkpoint":  func(r *rand.Rand, f *forgery, s string) { f.flip(r, s, bucketDaily) },
	"a bit of a witness":           func(r *rand.Rand, f *forgery, s string) { f.flip(r, s, bucketSeen) },
	"an entry dropped":             func(r *rand.Rand, f *forgery, s string) { f.drop(r, s, bucket) },
	"hashes dropped":               func(r *rand.Rand, f *forgery, s string) { f.drop(r, s, bucketHash) },
	"a checkpoint dropped":         func(r *rand.Rand, f *forgery, s string) { f.drop(r, s, bucketSigned) },
	"a table dropped from between": func(r *rand.Rand, f *forgery, s string) { delete(f.rows[s][bucketBlock], string(keyOf(1))) },
	"two rows of entries swapped":  func(r *rand.Rand, f *forgery, s string) { f.swap(r, s, bucket) },
	"two rows of hashes swapped":   func(r *rand.Rand, f *forgery, s string) { f.swap(r, s, bucketHash) },
	"two checkpoints swapped":      func(r *rand.Rand, f *forgery, s string) { f.swap(r, s, bucketSigned) },
	"an entry beyond the end": func(r *rand.Rand, f *forgery, s string) {
		f.rows[s][bucket][string(keyOf(f.seqs[s][sequence]+1))] = []byte{1}
	},
	"the number of entries set back":     func(r *rand.Rand, f *forgery, s string) { f.seqs[s][sequence] -= 1 + r.Uint64N(f.seqs[s][sequence]-1) },
	"the number of entries set forward":  func(r *rand.Rand, f *forgery, s string) { f.seqs[s][sequence] += 1 + r.Uint64N(5) },
	"the number of checkpoints set back": func(r *rand.Rand, f *forgery, s string) { f.seqs[s][sequenceSigned]-- },
	"all hashes dropped":                 func(r *rand.Rand, f *forgery, s string) { delete(f.rows[s], bucketHash) },
	"the checkpoints of another shard": func(r *rand.Rand, f *forgery, s string) {
		f.rows[s][bucketSigned], f.seqs[s][sequenceSigned] = f.rows[KeyShard][bucketSigned], f.seqs[KeyShard][sequenceSigned]
	},
}

// careful tampers leave a tree that agrees with itself.
var careful = map[string]func(r *rand.Rand, f *forgery, shard string){
	"an entry changed": func(r *rand.Rand, f *forgery, s string) {
		f.edit(s, func(list []Entry) []Entry {
			e := &list[r.IntN(len(list))]
			switch r.IntN(6) {
			case 0:
				e.Actor += "x"
			case 1:
				e.Object += "x"
			case 2:
				e.Act += "x"
			case 3:
				e.At += inbox.Moment(1 + r.IntN(1e6))
			case 4:
				e.Refused++
			default:
				e.Reason += "x"
			}
			return list
		})
	},
	"an entry dropped": func(r *rand.Rand, f *forgery, s string) {
		f.edit(s, func(list []Entry) []Entry {
			i := r.IntN(len(list))
			return slices.Delete(list, i, i+1)
		})
	},
	"an entry slipped in": func(r *rand.Rand, f *forgery, s string) {
		f.edit(s, func(list []Entry) []Entry { return slices.Insert(list, r.IntN(len(list)), entryOf(r.Uint64N(1e6))) })
	},
	"two entries swapped": func(r *rand.Rand, f *forgery, s string) {
		f.edit(s, func(list []Entry) []Entry {
			i := r.IntN(len(list) - 1)
			j := i + 1 + r.IntN(len(list)-i-1)
			list[i], list[j] = list[j], list[i]
			return list
		})
	},
	"the end cut off": func(r *rand.Rand, f *forgery, s string) {
		f.edit(s, func(list []Entry) []Entry { return list[:1+r.IntN(len(list)-1)] })
	},
	"forked": func(r *rand.Rand, f *forgery, s string) {
		f.edit(s, func(list []Entry) []Entry {
			for i := r.IntN(len(list)); i < len(list); i++ {
				list[i].Object += "y"
			}
			return append(list, entryOf(1), entryOf(2))
		})
	},
}

// A victim is an honest store, and what a device remembers of it.
type victim struct {
	key    Key
	device ed25519.PrivateKey
	whole  *forgery
	backup *forgery // the same, earlier
	seen   map[string]Checkpoint
	at     inbox.Moment
}

func newVictim(t testing.TB) *victim {
	t.Helper()
	db := openFile(t, ledger.Config{Plain: true})
	v := &victim{key: makeKey(t, db), seen: map[string]Checkpoint{}, at: testStart}
	_, v.device, _ = ed25519.GenerateKey(nil)
	grow := func(from, to uint64) {
		for n := from; n <= to; n += 100 {
			fill(t, db, "sales", n, n+99)
			fill(t, db, KeyShard, n/10+1, n/10+10)
			v.at = v.at.Add(9 * time.Hour)
			made, err := v.key.SignAll(t.Context(), db, v.at, 1)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range made {
				v.seen[c.Shard] = c
			}
		}
		if err := Anchor(t.Context(), db, v.at); err != nil {
			t.Fatal(err)
		}
		for shard := range v.seen {
			update(t, db, shard, func(tx ledger.Tx) error {
				agrees, err := Keep(tx, v.witness(shard))
				if !agrees {
					t.Error("the log contradicts an honest witness")
				}
				return err
			})
		}
	}
	grow(1, 400)
	v.backup = forge(t, db)
	grow(401, 1200)
	sign(t, db, v.key, v.at.Add(time.Hour))
	v.whole = forge(t, db)
	mustBeSound(t, verify(t, db, v.options()))
	return v
}

func (v *victim) witness(shard string) Witness {
	c := v.seen[shard]
	w := Witness{Shard: shard, Size: c.Size, Hash: c.Root, Device: "laptop"}
	w.Signature = ed25519.Sign(v.device, w.Bytes())
	return w
}

func (v *victim) options() VerifyOptions {
	return VerifyOptions{DeviceKey: func(id inbox.DeviceID) (ed25519.PublicKey, bool) {
		return v.device.Public().(ed25519.PublicKey), id == "laptop"
	}}
}

// reconnects is what a device does that comes back: it demands that what it knows is in what it is shown.
func (v *victim) reconnects(t testing.TB, db ledger.DB, shard string) (ok bool) {
	t.Helper()
	mine := v.seen[shard]
	view(t, db, shard, func(tx ledger.Tx) error {
		last, err := Latest(tx)
		if err != nil {
			return nil // nothing to show: not ok
		}
		shown, err := ParseCheckpoint(last.Note, v.key.Verifier())
		if err != nil {
			return nil
		}
		proof, err := Consistency(tx, mine.Size, shown.Size)
		ok = err == nil && tlog.CheckTree(proof, int64(shown.Size), shown.Root, int64(mine.Size), mine.Root) == nil
		return nil
	})
	return ok
}

// TestEveryTamperIsFound is T21: by verifying alone when the forger has not the audit key, and by what a device remembers
// when he has.
func TestEveryTamperIsFound(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector finds nothing here that it does not find elsewhere; run in full without it")
	}
	v := newVictim(t)
	rounds := 3
	if long() {
		rounds = 33 // of 31 ways: 1,023
	}
	dir, done := t.TempDir(), 0
	try := func(name string, f *forgery, then func(db ledger.DB)) {
		done++
		db := f.build(t, filepath.Join(dir, fmt.Sprint(done)))
		then(db)
		if t.Failed() {
			t.Fatalf("after %q, tamper %d", name, done)
		}
		db.Close()
	}
	found := func(db ledger.DB) {
		if len(faults(verify(t, db, v.options()))) == 0 {
			t.Error("verifying found nothing")
		}
	}
	r := rand.New(rand.NewPCG(21, uint64(rounds)))
	shards := []string{"sales", "sales", KeyShard}
	for range rounds {
		for name, tamper := range tampers {
			shard := shards[r.IntN(len(shards))]
			f := v.whole.clone()
			if name == "a table dropped from between" || name == "a bit of a table" || name == "the checkpoints of another shard" {
				shard = "sales" // the company's log is too short for a table
			}
			tamper(r, f, shard)
			try(name, f, found)
		}
		for name, tamper := range careful {
			shard := shards[r.IntN(len(shards))]
			f := v.whole.clone()
			tamper(r, f, shard)
			try(name, f, found)

			// The same with the audit key: nothing in the store can tell.
			f = v.whole.clone()
			f.unsign()
			tamper(r, f, "sales")
			try(name+", signed anew", f, func(db ledger.DB) {
				sign(t, db, v.key, v.at)
				mustBeSound(t, verify(t, db, v.options()))
				if v.reconnects(t, db, "sales") {
					t.Error("a device came back and saw nothing")
				}
				opt := v.options()
				opt.Witnesses = []Witness{v.witness("sales")}
				if all := faults(verify(t, db, opt)); len(all) == 0 {
					t.Error("a witness was handed in, and nothing was found")
				}
				opt = VerifyOptions{Kept: []Checkpoint{v.seen["sales"]}}
				if all := faults(verify(t, db, opt)); len(all) == 0 {
					t.Error("a checkpoint was handed in, and nothing was found")
				}
			})
		}
	}
	t.Logf("%d tampers", done)
}

func TestAnOldBackupIsFoundByWhoSawMore(t *testing.T) {
	v := newVictim(t)
	for _, more := range []uint64{0, 100, 2000} {
		db := v.backup.build(t, filepath.Join(t.TempDir(), "relay.db"))
		t.Cleanup(func() { db.Close() })
		mustBeSound(t, verify(t, db, v.options()))
		if more > 0 { // and the relay has gone on since
			fill(t, db, "sales", 50_000, 50_000+more-1)
			sign(t, db, v.key, v.at)
		}
		if v.reconnects(t, db, "sales") {
			t.Errorf("with %d entries more a device came back and saw nothing", more)
		}
		update(t, db, "sales", func(tx ledger.Tx) error {
			agrees, err := Keep(tx, v.witness("sales"))
			if agrees {
				t.Errorf("with %d entries more the log agrees with the witness", more)
			}
			return err
		})
		if all := faults(verify(t, db, v.options())); len(all) == 0 {
			t.Errorf("with %d entries more the witness that was kept is not heard", more)
		}
	}
}

func TestAShardTakenAwayWholeIsMissed(t *testing.T) {
	v := newVictim(t)
	f := v.whole.clone()
	delete(f.rows, "sales")
	delete(f.seqs, "sales")
	db := f.build(t, filepath.Join(t.TempDir(), "relay.db"))
	defer db.Close()
	if all := verify(t, db, v.options()); len(all) != 2 || all[1].Shard != "sales" || all[1].Faults[0].Kind != Shortened {
		t.Errorf("the faults are %v", faults(all))
	}
}

func TestTheFaultSaysWhatWasDone(t *testing.T) {
	v := newVictim(t)
	key := func(n uint64) string { return string(keyOf(n)) }
	for name, x := range map[string]struct {
		tamper func(f *forgery)
		want   string
	}{
		"entry": {func(f *forgery) {
			e := entryOf(99)
			e.Number = 7
			row, _ := cbor.Marshal(e)
			f.rows["sales"][bucket][key(7)] = row
		}, "sales: entry-changed 7"},
		"dropped": {func(f *forgery) { delete(f.rows["sales"][bucket], key(1200)) }, "sales: entry-missing 1200"},
		"rewritten": {func(f *forgery) {
			f.edit("sales", func(l []Entry) []Entry { l[449].Object = "z"; return l })
		}, "sales: checkpoint-contradicts 500"},
		"cut":   {func(f *forgery) { f.edit("sales", func(l []Entry) []Entry { return l[:1150] }) }, "sales: shortened 1200"},
		"hash":  {func(f *forgery) { delete(f.rows["sales"][bucketHash], key(16)) }, "sales: hash-missing 16"},
		"key":   {func(f *forgery) { delete(f.rows[KeyShard], bucketKey) }, "company: key-missing 0"},
		"table": {func(f *forgery) { f.rows["sales"][bucketBlock][key(2)] = f.rows["sales"][bucketBlock][key(1)] }, "sales: table-wrong 1024"},
	} {
		t.Run(name, func(t *testing.T) {
			f := v.whole.clone()
			x.tamper(f)
			db := f.build(t, filepath.Join(t.TempDir(), "relay.db"))
			defer db.Close()
			all := verify(t, db, v.options())
			if got := faults(all); !slices.Contains(got, x.want) {
				t.Errorf("it says %v", got)
			}
			for _, r := range all {
				for _, f := range r.Faults {
					if s := f.String(); s == "" || bytes.Contains([]byte(s), []byte("%!")) {
						t.Errorf("in words: %q", s)
					}
				}
			}
		})
	}
}

func TestAnotherKeyInTheStoreIsFoundByTheOneSomebodyKept(t *testing.T) {
	v := newVictim(t)
	f := v.whole.clone()
	f.unsign()
	delete(f.rows[KeyShard], bucketKey)
	db := f.build(t, filepath.Join(t.TempDir(), "relay.db"))
	defer db.Close()
	sign(t, db, makeKey(t, db), v.at)
	mustBeSound(t, verify(t, db, v.options()))
	opt := v.options()
	opt.Verifier = v.key.Verifier()
	if got := faults(verify(t, db, opt)); len(got) < 2 || got[0] != "company: key-other 0" {
		t.Errorf("it says %v", got)
	}
}

func TestWitnessesAreKeptOncePerDeviceAndContradictionsForGood(t *testing.T) {
	db := openFile(t, ledger.Config{Key: testKey()})
	fill(t, db, "s", 1, 60)
	_, private, _ := ed25519.GenerateKey(nil)
	keep := func(size uint64, forged bool, device inbox.DeviceID) (agrees bool) {
		t.Helper()
		update(t, db, "s", func(tx ledger.Tx) error {
			w := Witness{Shard: "s", Size: size, Device: device}
			if size <= 60 {
				w.Hash, _ = Root(tx, size)
			}
			if forged {
				w.Hash[0] ^= 1
				w.Hash[1] = byte(size)
			}
			w.Signature = ed25519.Sign(private, w.Bytes())
			var err error
			agrees, err = Keep(tx, w)
			return err
		})
		return agrees
	}
	for _, x := range []struct {
		size           uint64
		forged, agrees bool
	}{{10, false, true}, {30, false, true}, {20, false, true}, {25, true, false}, {61, false, false}, {60, false, true}} {
		if got := keep(x.size, x.forged, "d"); got != x.agrees {
			t.Errorf("size %d: agrees %v", x.size, got)
		}
	}
	keep(5, false, "e")
	sizes := func() (out []uint64) {
		view(t, db, "s", func(tx ledger.Tx) error {
			all, err := Witnesses(tx)
			for _, w := range all {
				if !w.SignedBy(private.Public().(ed25519.PublicKey)) {
					t.Error("a signature does not survive")
				}
				out = append(out, w.Size)
			}
			return err
		})
		return out
	}
	if got := sizes(); !slices.Equal(got, []uint64{25, 60, 61, 5}) {
		t.Errorf("kept are %v", got)
	}
	for n := range uint64(40) {
		keep(n+1, true, "d")
	}
	if got := sizes(); len(got) != keepContradictions+2 {
		t.Errorf("a device filled the store with %d", len(got))
	}
	update(t, db, "s", func(tx ledger.Tx) error {
		if _, err := Keep(tx, Witness{Shard: "s", Device: "d"}); !errors.Is(err, ErrSize) {
			t.Errorf("a witness of nothing: %v", err)
		}
		return nil
	})
}
