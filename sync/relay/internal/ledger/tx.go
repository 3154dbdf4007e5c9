package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"runtime/debug"
	"slices"
	"strings"

	bolt "go.etcd.io/bbolt"
)

// sequences is the reserved bucket of a shard's sequences: no valid name is empty.
const sequences = ""

// fullName is the name of a bucket in the file: the buckets of a shard lie side by side, in the order of their names.
func fullName(shard, bucket string) []byte {
	b := make([]byte, 0, len(shard)+1+len(bucket))
	b = append(b, shard...)
	b = append(b, 0)
	return append(b, bucket...)
}

// boltTx reads through three layers, top first: own writes, the shard's writes that wait for the disk, a snapshot.
type boltTx struct {
	ctx   context.Context
	db    *bolt.DB
	shard string
	names map[string][]byte // full names of the shard's buckets; nil in a View
	own   *layer            // nil in a View
	wait  *layer            // nil in a View; does not change while f runs, because we hold the shard's lock
	snap  *bolt.Tx
	open  []openBucket
	few   [3]openBucket // room for open
	err   error
	done  bool
}

type openBucket struct {
	name string
	b    *bolt.Bucket
}

// base returns the bucket in the snapshot, or nil. The snapshot is taken on first use: after the waiting layer was
// fixed, so that every write is in one of the two.
func (t *boltTx) base(bucket string) (b *bolt.Bucket, err error) {
	for i := range t.open {
		if t.open[i].name == bucket {
			return t.open[i].b, nil
		}
	}
	if err := t.begin(); err != nil {
		return nil, err
	}
	defer guard(&err)
	b = t.snap.Bucket(fullName(t.shard, bucket))
	if t.open == nil {
		t.open = t.few[:0]
	}
	t.open = append(t.open, openBucket{bucket, b})
	return b, nil
}

func (t *boltTx) begin() (err error) {
	if t.snap == nil {
		t.snap, err = t.db.Begin(false)
		if err != nil {
			return fmt.Errorf("take a snapshot: %w", err)
		}
	}
	return nil
}

// guard turns bbolt's panics over damaged pages, and faults in its memory map, into ErrDamaged.
func guard(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("read a page: %w", ErrDamaged)
	}
}

func (t *boltTx) end() {
	t.done = true
	if t.snap != nil {
		t.snap.Rollback()
	}
}

// run calls f, keeping its panics, and memory faults in a damaged file, with this caller.
func (t *boltTx) run(f func(Tx) error, tx Tx) (err error) {
	defer t.end()
	old := debug.SetPanicOnFault(true)
	defer debug.SetPanicOnFault(old)
	defer func() {
		if r := recover(); r != nil {
			err = &PanicError{Value: r, Stack: debug.Stack()}
		}
	}()
	if err := f(tx); err != nil {
		return err
	}
	return t.err
}

func (t *boltTx) Err() error { return t.err }

func (t *boltTx) Get(bucket string, key []byte) ([]byte, error) {
	if err := CheckName(bucket); err != nil {
		return nil, err
	}
	v, err := t.get(bucket, key)
	if v == nil || err != nil {
		return nil, err
	}
	return append(make([]byte, 0, len(v)), v...), nil
}

// lend is Get without the copy: the value is good until the transaction ends.
func (t *boltTx) lend(bucket string, key []byte) ([]byte, error) {
	if err := CheckName(bucket); err != nil {
		return nil, err
	}
	return t.get(bucket, key)
}

func (t *boltTx) get(bucket string, key []byte) (v []byte, err error) {
	if t.done {
		return nil, ErrTxDone
	}
	for _, l := range [...]*layer{t.own, t.wait} {
		s := l.sheet(bucket)
		if e := s.get(key); e != nil {
			return e.value, nil // nil when gone
		}
		if s != nil && s.dropped {
			return nil, nil
		}
	}
	b, err := t.base(bucket)
	if b == nil || err != nil {
		return nil, err
	}
	defer guard(&err)
	return b.Get(key), nil
}

func (t *boltTx) writable() error {
	if t.done {
		return ErrTxDone
	}
	if t.own == nil {
		return ErrReadOnly
	}
	return nil
}

func (t *boltTx) Put(bucket string, key, value []byte) error {
	if err := CheckRow(bucket, key, value); err != nil {
		return err
	}
	return t.put(bucket, newEntry(key, value, false), len(value))
}

// give is Put for a value that the caller will never touch again.
func (t *boltTx) give(bucket string, key, value []byte) error {
	if err := CheckRow(bucket, key, value); err != nil {
		return err
	}
	return t.put(bucket, newEntry(key, value, true), len(value))
}

func (t *boltTx) put(bucket string, e *entry, size int) error {
	if err := t.writable(); err != nil {
		return err
	}
	t.own.size += len(e.key) + size
	t.over(bucket).put(e)
	return nil
}

// over returns our own sheet over a bucket.
func (t *boltTx) over(bucket string) *sheet {
	full := t.names[bucket]
	if full == nil {
		full = fullName(t.shard, bucket)
		if len(t.names) >= 1024 { // day buckets come and go
			clear(t.names)
		}
		t.names[bucket] = full
	}
	return t.own.open(bucket, full)
}

func (t *boltTx) Delete(bucket string, key []byte) error {
	if err := CheckName(bucket); err != nil {
		return err
	}
	if err := t.writable(); err != nil {
		return err
	}
	if len(key) == 0 || len(key) > MaxKey {
		return nil // cannot be there
	}
	e := newEntry(key, nil, true)
	e.gone = true
	return t.put(bucket, e, 0)
}

func (t *boltTx) Drop(bucket string) error {
	if err := CheckName(bucket); err != nil {
		return err
	}
	if err := t.writable(); err != nil {
		return err
	}
	s := t.over(bucket)
	s.rows, s.dropped = nil, true
	return nil
}

func (t *boltTx) Sequence(name string) (uint64, error) {
	if err := t.writable(); err != nil {
		return 0, err
	}
	n, err := t.LastSequence(name)
	if err != nil {
		return 0, err
	}
	n++
	var v [8]byte
	binary.BigEndian.PutUint64(v[:], n)
	return n, t.put(sequences, newEntry([]byte(name), v[:], false), len(v))
}

func (t *boltTx) LastSequence(name string) (uint64, error) {
	if err := CheckName(name); err != nil {
		return 0, err
	}
	v, err := t.get(sequences, []byte(name))
	if v == nil || err != nil {
		return 0, err
	}
	if len(v) != 8 {
		return 0, fmt.Errorf("read a sequence: %w", ErrDamaged)
	}
	return binary.BigEndian.Uint64(v), nil
}

func (t *boltTx) Buckets(prefix string) ([]string, error) {
	if t.done {
		return nil, ErrTxDone
	}
	var names []string
	for _, l := range [...]*layer{t.own, t.wait} {
		if l != nil {
			for _, s := range l.sheets {
				names = append(names, s.name)
			}
		}
	}
	if err := t.begin(); err != nil {
		return nil, err
	}
	inFile, err := t.baseBuckets(prefix)
	if err != nil {
		return nil, err
	}
	names = append(names, inFile...)
	slices.Sort(names)
	names = slices.Compact(names)
	names = slices.DeleteFunc(names, func(name string) bool {
		if name == sequences || !strings.HasPrefix(name, prefix) {
			return true
		}
		for range t.Scan(name, nil, nil) {
			return false
		}
		return true
	})
	return names, t.err
}

func (t *boltTx) baseBuckets(prefix string) (names []string, err error) {
	defer guard(&err)
	from := fullName(t.shard, prefix)
	c := t.snap.Cursor()
	for k, _ := c.Seek(from); bytes.HasPrefix(k, from); k, _ = c.Next() {
		names = append(names, string(k[len(t.shard)+1:]))
	}
	return names, nil
}

func (t *boltTx) Scan(bucket string, from, to []byte) iter.Seq2[[]byte, []byte] {
	return t.scan(bucket, from, to, false)
}

func (t *boltTx) ScanBack(bucket string, from, to []byte) iter.Seq2[[]byte, []byte] {
	return t.scan(bucket, from, to, true)
}

func (t *boltTx) scan(bucket string, from, to []byte, back bool) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		if t.err == nil && t.done {
			t.err = ErrTxDone
		}
		if t.err == nil {
			t.err = CheckName(bucket)
		}
		if t.err != nil {
			return
		}
		b, err := t.base(bucket)
		if err != nil {
			t.err = err
			return
		}
		w := walk{tx: t, bucket: bucket, from: from, to: to, back: back}
		if len(from) == 0 {
			w.from = nil
		}
		if len(to) == 0 {
			w.to = nil
		}
		var prev []byte
		yielding := false
		defer func() {
			if yielding { // a panic of the loop's body goes on; one of bbolt's ends here
				return
			}
			if r := recover(); r != nil {
				t.err = fmt.Errorf("scan a page: %w", ErrDamaged)
			}
		}()
		if b != nil {
			w.base = b.Cursor()
			w.seek()
		}
		for n := 1; ; n++ {
			if n%1024 == 0 && t.ctx.Err() != nil {
				t.err = t.ctx.Err()
				return
			}
			k, v, ok := w.step()
			if !ok {
				return
			}
			if cmp := bytes.Compare(k, prev); n > 1 && (cmp == 0 || (cmp < 0) != w.back) {
				t.err = fmt.Errorf("scan a page: keys out of order: %w", ErrDamaged) // a damaged tree may run in a circle
				return
			}
			prev = append(prev[:0], k...)
			yielding = true
			if !yield(k, v) || t.done {
				yielding = false
				return
			}
			yielding = false
		}
	}
}

// walk goes through the three layers of one bucket in step.
type walk struct {
	tx       *boltTx
	bucket   string
	from, to []byte // nil is unbounded
	back     bool

	base   *bolt.Cursor
	bk, bv []byte // where the base stands; nil at its end
	at     []byte // the last key handled
}

func (w *walk) seek() {
	switch {
	case !w.back && w.from == nil:
		w.bk, w.bv = w.base.First()
	case !w.back:
		w.bk, w.bv = w.base.Seek(w.from)
	case w.to == nil:
		w.bk, w.bv = w.base.Last()
	default:
		if k, _ := w.base.Seek(w.to); k == nil {
			w.bk, w.bv = w.base.Last()
		} else {
			w.bk, w.bv = w.base.Prev()
		}
	}
}

func (w *walk) move() {
	if w.back {
		w.bk, w.bv = w.base.Prev()
	} else {
		w.bk, w.bv = w.base.Next()
	}
}

// step returns the next row. It looks the upper layers up anew each time, so the loop's own writes are seen.
func (w *walk) step() (k, v []byte, ok bool) {
	for {
		own, wait := w.tx.own.sheet(w.bucket), w.tx.wait.sheet(w.bucket)
		if own == nil && wait == nil { // nothing above the file: no comparing
			k, v = w.bk, w.bv
			if k == nil || !w.inside(k) {
				return nil, nil, false
			}
			w.at = k
			w.move()
			return k, v, true
		}
		var top *entry
		if e := w.above(own); e != nil {
			top = e
		}
		hidden := own != nil && own.dropped
		if !hidden {
			if e := w.above(wait); e != nil && (top == nil || w.before(e.key, top.key)) {
				top = e
			}
			hidden = wait != nil && wait.dropped
		}
		if !hidden && w.bk != nil && (top == nil || w.before(w.bk, top.key)) {
			k, v = w.bk, w.bv
			w.at = k
			w.move()
			if !w.inside(k) {
				return nil, nil, false
			}
			return k, v, true
		}
		if top == nil || !w.inside(top.key) {
			return nil, nil, false
		}
		w.at = top.key
		for w.bk != nil && !w.before(w.at, w.bk) { // covered by what lies above
			w.move()
		}
		if !top.gone {
			return top.key, top.value, true
		}
	}
}

// above returns the next row of an upper layer.
func (w *walk) above(s *sheet) *entry {
	if !w.back {
		if w.at != nil {
			return s.next(w.at, true)
		}
		return s.next(w.from, false)
	}
	if w.at != nil {
		return s.prev(w.at)
	}
	return s.prev(w.to)
}

// before says whether a comes strictly before b on this walk.
func (w *walk) before(a, b []byte) bool {
	if w.back {
		return bytes.Compare(a, b) > 0
	}
	return bytes.Compare(a, b) < 0
}

// inside says whether the far bound has not been passed.
func (w *walk) inside(k []byte) bool {
	if w.back {
		return w.from == nil || bytes.Compare(k, w.from) >= 0
	}
	return w.to == nil || bytes.Compare(k, w.to) < 0
}
