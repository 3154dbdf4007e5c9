package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
)

// A copy of a running store grows old at once. A journal gathers what is committed after it was begun, byte for byte as it
// is in the file, sealed; [Replay] puts it into the copy. bbolt numbers the commits of a file without a gap, and a copy knows
// the number of its last one, so what is missing between the two is found.

// ErrGap means that commits are missing between a copy and what follows, or within that.
var ErrGap = errors.New("commits are missing in between")

// A Journal gathers the commits of one file from the moment it was begun. It is safe for concurrent use.
type Journal struct {
	b     *Bolt
	limit int

	mu   sync.Mutex
	span Span
	lost bool
}

// A Span is what consecutive commits wrote. The zero value is none.
type Span struct {
	From, To uint64    // the numbers of the first and the last commit
	Oldest   time.Time // when the first was made
	Rows     []byte    // for [Replay.Apply]
}

// Follow begins a journal. A copy that [Bolt.Backup] begins afterwards, together with what the journal gathers, is the store.
// The journal holds limit bytes; what comes before they are taken is lost then, and the journal says so for ever. Stop it.
func (b *Bolt) Follow(limit int) *Journal {
	j := &Journal{b: b, limit: limit}
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []*Journal
	if old := b.journals.Load(); old != nil {
		all = append(all, *old...)
	}
	all = append(all, j)
	b.journals.Store(&all)
	return j
}

// Stop ends the journal.
func (j *Journal) Stop() {
	j.b.mu.Lock()
	defer j.b.mu.Unlock()
	var rest []*Journal
	for _, other := range *j.b.journals.Load() {
		if other != j {
			rest = append(rest, other)
		}
	}
	j.b.journals.Store(&rest)
}

// Take returns what was gathered since it was asked last. After more than the limit it returns [ErrGap].
func (j *Journal) Take() (Span, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.lost {
		return Span{}, ErrGap
	}
	s := j.span
	j.span = Span{}
	return s, nil
}

// Oldest is when the first commit was made that nobody has taken yet; zero: none waits.
func (j *Journal) Oldest() time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.span.Oldest
}

// Append adds what came next to a span.
func (s *Span) Append(next Span) {
	if next.From == 0 {
		return
	}
	if s.From == 0 {
		*s = next
		return
	}
	s.To, s.Rows = next.To, append(s.Rows, next.Rows...)
}

// add gathers one commit. The committer calls it while the updates are still its own.
func (j *Journal) add(id uint64, live []*update) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.lost {
		return
	}
	if j.span.From == 0 {
		j.span.From, j.span.Oldest = id, time.Now()
	}
	j.span.To = id
	j.span.Rows = appendCommit(j.span.Rows, id, live)
	if len(j.span.Rows) > j.limit {
		j.lost, j.span = true, Span{}
	}
}

// A commit is its number, then its updates. An update is 1 and the number of its sheets, a sheet is its bucket, 1 if what lay
// below went, and the number of its rows; a row is 1 if it went, its key, and its value. 0 ends the commit. Numbers are
// uvarints, and so are the lengths before bytes.
func appendCommit(to []byte, id uint64, live []*update) []byte {
	to = binary.AppendUvarint(to, id)
	for _, u := range live {
		if !u.writes {
			continue
		}
		to = append(to, 1)
		to = binary.AppendUvarint(to, uint64(len(u.own.sheets)))
		for _, s := range u.own.sheets {
			to = appendBytes(to, s.full)
			to = append(to, bit(s.dropped))
			to = binary.AppendUvarint(to, uint64(len(s.rows)))
			for _, e := range s.rows {
				to = append(to, bit(e.gone))
				to = appendBytes(to, e.key)
				to = appendBytes(to, e.value)
			}
		}
	}
	return append(to, 0)
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func appendBytes(to, b []byte) []byte {
	return append(binary.AppendUvarint(to, uint64(len(b))), b...)
}

// journalReader reads what appendCommit wrote. After the first thing that is not it, bad is true and all is zero.
type journalReader struct {
	rest []byte
	bad  bool
}

func (r *journalReader) number() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *journalReader) bytes() []byte {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

// layer reads the writes of one update; false at the end of the commit.
func (r *journalReader) layer() (l layer, more bool) {
	if r.number() != 1 || r.bad {
		return l, false
	}
	for range r.number() {
		s := &sheet{full: r.bytes(), dropped: r.number() == 1}
		for range r.number() {
			e := &entry{gone: r.number() == 1, key: r.bytes()}
			e.value = r.bytes()
			if r.bad {
				return l, false
			}
			s.rows = append(s.rows, e)
		}
		if r.bad || shardOf(s.full) == "" {
			r.bad = true
			return l, false
		}
		l.sheets = append(l.sheets, s)
	}
	return l, !r.bad
}

// A Replay puts journals into a copy nobody has open. It is not safe for concurrent use.
type Replay struct {
	db   *bolt.DB
	tx   *bolt.Tx
	w    writer
	size int
	last uint64
}

// OpenReplay opens the copy at path. It needs no key: what a journal holds is sealed as it is. Errors: [ErrDamaged],
// [ErrLocked], the file system's.
func OpenReplay(path string) (*Replay, error) {
	if err := inspect(path); err != nil {
		return nil, fmt.Errorf("open a copy of the ledger: %w", err)
	}
	db, err := openBolt(path, Config{LockTimeout: 2 * time.Second})
	if err != nil {
		return nil, fmt.Errorf("open a copy of the ledger: %w", err)
	}
	db.NoSync = true // it is synced when it is closed; before that it is nobody's store
	r := &Replay{db: db}
	err = db.View(func(tx *bolt.Tx) error {
		r.last = uint64(tx.ID())
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return r, nil
}

// Last is the number of the last commit the copy holds.
func (r *Replay) Last() uint64 { return r.last }

// Apply puts the rows of a [Span] into the copy, leaving out the commits it holds already. Errors: [ErrGap] if one is missing
// before the next, [ErrDamaged], [ErrFull], that of ctx; after an error the copy is of no use.
func (r *Replay) Apply(ctx context.Context, rows []byte) (err error) {
	defer debugFaults()()
	defer guard(&err)
	in := journalReader{rest: rows}
	for len(in.rest) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		id := in.number()
		if !in.bad && id > r.last+1 {
			return fmt.Errorf("replay: %w: number %d follows %d", ErrGap, id, r.last)
		}
		for {
			l, more := in.layer()
			if in.bad {
				return fmt.Errorf("replay: %w", ErrDamaged)
			}
			if !more {
				break
			}
			if id <= r.last {
				continue
			}
			if err := r.apply(&l); err != nil {
				return fmt.Errorf("replay: %w", asFull(err))
			}
		}
		r.last = max(r.last, id)
	}
	if r.size > maxBatchBytes {
		return r.flush()
	}
	return nil
}

func (r *Replay) apply(l *layer) (err error) {
	if r.tx == nil {
		if r.tx, err = r.db.Begin(true); err != nil {
			return err
		}
		r.w = writer{tx: r.tx, open: map[string]*bucketWriter{}}
	}
	for _, s := range l.sheets {
		for _, e := range s.rows {
			r.size += len(e.key) + len(e.value)
		}
	}
	return r.w.apply(l)
}

func (r *Replay) flush() error {
	if r.tx == nil {
		return nil
	}
	r.w.settle()
	err := r.tx.Commit()
	r.tx, r.w, r.size = nil, writer{}, 0
	if err != nil {
		return fmt.Errorf("replay: %w", asFull(err))
	}
	return nil
}

// Close makes the copy durable. A copy that was not closed well is of no use.
func (r *Replay) Close() (err error) {
	defer guard(&err)
	err = r.flush()
	if err == nil {
		err = r.db.Sync()
	}
	if err = errors.Join(err, r.db.Close()); err != nil {
		return fmt.Errorf("close a copy of the ledger: %w", asFull(err))
	}
	return nil
}
