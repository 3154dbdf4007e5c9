package audit

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"golang.org/x/mod/sumdb/tlog"

	"sealdesk/sync/relay/internal/ledger"
)

// A forgery is all rows of a store in memory, where they can be changed without any rule.
type forgery struct {
	rows map[string]map[string]map[string][]byte // shard, bucket, key
	seqs map[string]map[string]uint64
}

var testSequences = []string{sequence, sequenceSigned}

func forge(t testing.TB, db ledger.DB) *forgery {
	t.Helper()
	f := &forgery{map[string]map[string]map[string][]byte{}, map[string]map[string]uint64{}}
	shards, err := db.Shards(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, shard := range shards {
		f.rows[shard], f.seqs[shard] = map[string]map[string][]byte{}, map[string]uint64{}
		view(t, db, shard, func(tx ledger.Tx) error {
			names, err := tx.Buckets("")
			for _, b := range names {
				f.rows[shard][b] = map[string][]byte{}
				for k, v := range tx.Scan(b, nil, nil) {
					f.rows[shard][b][string(k)] = bytes.Clone(v)
				}
			}
			for _, s := range testSequences {
				f.seqs[shard][s], _ = tx.LastSequence(s)
			}
			return err
		})
	}
	return f
}

// clone copies what a forger may change; he replaces rows and never changes one.
func (f *forgery) clone() *forgery {
	c := &forgery{map[string]map[string]map[string][]byte{}, map[string]map[string]uint64{}}
	for shard, buckets := range f.rows {
		c.rows[shard], c.seqs[shard] = map[string]map[string][]byte{}, map[string]uint64{}
		for b, rows := range buckets {
			c.rows[shard][b] = map[string][]byte{}
			for k, v := range rows {
				c.rows[shard][b][k] = v
			}
		}
		for s, n := range f.seqs[shard] {
			c.seqs[shard][s] = n
		}
	}
	return c
}

// build writes the rows into a new store.
func (f *forgery) build(t testing.TB, path string) ledger.DB {
	t.Helper()
	db, err := ledger.Open(path, ledger.Config{Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	for shard, buckets := range f.rows {
		update(t, db, shard, func(tx ledger.Tx) error {
			for b, rows := range buckets {
				for k, v := range rows {
					if err := tx.Put(b, []byte(k), v); err != nil {
						return err
					}
				}
			}
			for s, n := range f.seqs[shard] {
				for range n {
					if _, err := tx.Sequence(s); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	return db
}

// entries are the rows of a shard's entries, in order; set puts others in their place and numbers them.
func (f *forgery) entries(shard string) (out []Entry) {
	for n := uint64(1); n <= f.seqs[shard][sequence]; n++ {
		e, err := decode(f.rows[shard][bucket][string(keyOf(n))])
		if err != nil {
			panic(err)
		}
		out = append(out, e)
	}
	return out
}

// set replaces all entries of a shard and makes hashes, tables, numbers and notes of the clock fit.
func (f *forgery) set(shard string, list []Entry) {
	rows, hashes, tables := map[string][]byte{}, map[string][]byte{}, map[string][]byte{}
	var c crown
	var m maker
	for i, e := range list {
		n := uint64(i + 1)
		e.Number, e.Back = n, 0
		if i > 0 && int64(list[i-1].At-e.At) > ClockSlack.Milliseconds() {
			e.Back = int64(list[i-1].At - e.At)
		}
		row, err := cbor.Marshal(e)
		if err != nil {
			panic(err)
		}
		rows[string(keyOf(n))] = row
		hashes[string(keyOf(n))] = hashRow(e.At, c.add(tlog.RecordHash(row), nil))
		m.add(&e)
		if n%blockSize == 0 {
			tables[string(keyOf(n/blockSize))] = m.table()
		}
	}
	f.rows[shard][bucket], f.rows[shard][bucketHash], f.rows[shard][bucketBlock] = rows, hashes, tables
	f.seqs[shard][sequence] = uint64(len(list))
}

// unsign takes away every checkpoint, witness and anchor, as somebody does who has the audit key and will sign anew.
func (f *forgery) unsign() {
	for shard := range f.rows {
		delete(f.rows[shard], bucketSigned)
		delete(f.rows[shard], bucketDaily)
		delete(f.rows[shard], bucketSeen)
		f.seqs[shard][sequenceSigned] = 0
	}
	delete(f.rows[KeyShard], "auditanchor")
	f.set(KeyShard, slices.DeleteFunc(f.entries(KeyShard), func(e Entry) bool { return e.Act == Anchored }))
}

// keysOf are the keys of a bucket in order.
func (f *forgery) keysOf(shard, b string) (keys []string) {
	for k := range f.rows[shard][b] {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (f *forgery) edit(shard string, change func([]Entry) []Entry) {
	f.set(shard, change(f.entries(shard)))
}

func (f *forgery) flip(r *rand.Rand, shard, b string) {
	keys := f.keysOf(shard, b)
	k := keys[r.IntN(len(keys))]
	row := bytes.Clone(f.rows[shard][b][k])
	row[r.IntN(len(row))] ^= 1 << r.IntN(8)
	f.rows[shard][b][k] = row
}

func (f *forgery) drop(r *rand.Rand, shard, b string) {
	keys := f.keysOf(shard, b)
	delete(f.rows[shard][b], keys[r.IntN(len(keys))])
}

func (f *forgery) swap(r *rand.Rand, shard, b string) {
	keys, rows := f.keysOf(shard, b), f.rows[shard][b]
	for {
		x, y := keys[r.IntN(len(keys))], keys[r.IntN(len(keys))]
		if !bytes.Equal(rows[x], rows[y]) {
			rows[x], rows[y] = rows[y], rows[x]
			return
		}
	}
}
