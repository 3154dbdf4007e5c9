package ledger

import (
	"context"
	"fmt"
	"iter"
	"sync"

	"sealdesk/store/seal"
)

// Sealed returns db with every value sealed on its way in and opened on its way out, bound to its shard, bucket and key:
// a value altered, moved or swapped in the store is refused with seal.ErrForged. Keys, names of shards and buckets, and
// the numbers of sequences stay as they are. Open does this itself; other engines wrap themselves with it.
func Sealed(db DB, sealer *seal.Sealer) DB {
	return &sealedDB{DB: db, keys: newBucketKeys(sealer)}
}

type sealedDB struct {
	DB
	keys *bucketKeys
}

func (s *sealedDB) View(ctx context.Context, shard string, f func(Tx) error) error {
	return s.DB.View(ctx, shard, s.wrap(shard, f))
}

func (s *sealedDB) Update(ctx context.Context, shard string, f func(Tx) error) error {
	return s.DB.Update(ctx, shard, s.wrap(shard, f))
}

func (s *sealedDB) wrap(shard string, f func(Tx) error) func(Tx) error {
	return func(tx Tx) error {
		st := &sealedTx{Tx: tx, keys: s.keys, shard: shard}
		st.engine, _ = tx.(lender)
		if err := f(st); err != nil {
			return err
		}
		return st.err
	}
}

// lender is what an engine offers to spare copies: lend returns a value that is good until the transaction ends, give
// takes one that the caller never touches again.
type lender interface {
	lend(bucket string, key []byte) ([]byte, error)
	give(bucket string, key, value []byte) error
}

// bucketKeys finds the sealing keys of a bucket of a shard without making a string each time.
type bucketKeys struct {
	sealer *seal.Sealer
	mu     sync.RWMutex
	known  map[[2]string]*seal.Bucket
}

func newBucketKeys(s *seal.Sealer) *bucketKeys {
	return &bucketKeys{sealer: s, known: make(map[[2]string]*seal.Bucket)}
}

func (k *bucketKeys) of(shard, bucket string) *seal.Bucket {
	at := [2]string{shard, bucket}
	k.mu.RLock()
	b := k.known[at]
	k.mu.RUnlock()
	if b == nil {
		b = k.sealer.Bucket(string(fullName(shard, bucket))) // no name holds a NUL, so the pair is unambiguous
		k.mu.Lock()
		k.known[at] = b
		k.mu.Unlock()
	}
	return b
}

// sealedTx is a Tx that seals and opens.
type sealedTx struct {
	Tx
	engine lender // nil if the engine does not lend
	keys   *bucketKeys
	shard  string
	err    error
}

func (t *sealedTx) Err() error {
	if t.err != nil {
		return t.err
	}
	return t.Tx.Err()
}

func (t *sealedTx) Get(bucket string, key []byte) (v []byte, err error) {
	if t.engine != nil {
		v, err = t.engine.lend(bucket, key)
	} else {
		v, err = t.Tx.Get(bucket, key)
	}
	if v == nil || err != nil {
		return nil, err
	}
	plain, err := t.keys.of(t.shard, bucket).Open(nil, key, v)
	if err != nil {
		return nil, fmt.Errorf("open a row of bucket %s: %w", bucket, err)
	}
	return plain, nil
}

func (t *sealedTx) Put(bucket string, key, value []byte) error {
	if len(value) > MaxValue {
		return fmt.Errorf("put a row: %w", ErrTooLarge)
	}
	if err := CheckRow(bucket, key, value); err != nil {
		return err
	}
	sealed := t.keys.of(t.shard, bucket).Seal(nil, key, value)
	if t.engine != nil {
		return t.engine.give(bucket, key, sealed)
	}
	return t.Tx.Put(bucket, key, sealed)
}

func (t *sealedTx) Scan(bucket string, from, to []byte) iter.Seq2[[]byte, []byte] {
	return t.open(bucket, t.Tx.Scan(bucket, from, to))
}

func (t *sealedTx) ScanBack(bucket string, from, to []byte) iter.Seq2[[]byte, []byte] {
	return t.open(bucket, t.Tx.ScanBack(bucket, from, to))
}

func (t *sealedTx) open(bucket string, rows iter.Seq2[[]byte, []byte]) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		if t.Err() != nil {
			return
		}
		var keys *seal.Bucket
		var plain []byte // one buffer for all rows: each is lent for one step
		for k, v := range rows {
			if keys == nil {
				keys = t.keys.of(t.shard, bucket)
			}
			var err error
			if plain, err = keys.Open(plain[:0], k, v); err != nil {
				t.err = fmt.Errorf("open a row of bucket %s: %w", bucket, err)
				return
			}
			if !yield(k, plain) {
				return
			}
		}
	}
}
