package eventlog

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

// tick is how long readers of one log wait for company after a poke: a burst of facts then leaves in few frames that
// all of them share, and an idle log answers at once.
const tick = 5 * time.Millisecond

// ringRows is how many of a log's newest events are kept decoded for everybody who is nearly up to date.
const ringRows = 8192

// A Reader turns logs into frames for many readers at once.
type Reader struct {
	db   ledger.DB
	mu   sync.Mutex
	tail map[inbox.LogID]*tail
}

// tail is the newest stretch of one log in memory.
type tail struct {
	mu     sync.Mutex
	loaded bool
	epoch  string
	anew   uint64 // how often places of the log had been written anew
	first  uint64 // number of rows[0]
	rows   [][]byte
	frames map[uint64]frame // by the place they start after; all end at the head of their time or are full
	pokes  map[chan<- struct{}]struct{}
	last   time.Time // when the readers were poked last
	armed  bool      // a delayed poke is on its way
}

type frame struct {
	bytes []byte
	to    uint64
}

// NewReader returns a reader of the ledger's logs that follows changes until ctx ends.
func NewReader(ctx context.Context, db ledger.DB) *Reader {
	r := &Reader{db: db, tail: map[inbox.LogID]*tail{}}
	changed := db.Watch(ctx)
	go func() {
		for shard := range changed {
			r.of(inbox.LogID(shard)).changed()
		}
	}()
	return r
}

func (r *Reader) of(log inbox.LogID) *tail {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tail[log]
	if t == nil {
		t = &tail{pokes: map[chan<- struct{}]struct{}{}, frames: map[uint64]frame{}}
		r.tail[log] = t
	}
	return t
}

func (t *tail) changed() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.armed {
		return
	}
	if wait := tick - time.Since(t.last); wait > 0 {
		t.armed = true
		time.AfterFunc(wait, func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.armed = false
			t.broadcast()
		})
		return
	}
	t.broadcast()
}

func (t *tail) broadcast() {
	t.last = time.Now()
	for poke := range t.pokes {
		select {
		case poke <- struct{}{}:
		default: // a poke is waiting there already
		}
	}
}

// Subscribe pokes the channel, which must have room for one, whenever the log may have grown, until stop is called.
// Subscribe first, then read, then wait.
func (r *Reader) Subscribe(log inbox.LogID, poke chan<- struct{}) (stop func()) {
	t := r.of(log)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pokes[poke] = struct{}{}
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.pokes, poke)
	}
}

// Head returns the newest place of the log; a log nobody wrote to has no epoch.
func (r *Reader) Head(ctx context.Context, log inbox.LogID) (inbox.Cursor, error) {
	t := r.of(log)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := r.load(ctx, log, t); err != nil {
		return inbox.Cursor{}, err
	}
	return inbox.Cursor{Log: log, Epoch: t.epoch, Seq: t.head()}, nil
}

func (t *tail) head() uint64 { return t.first + uint64(len(t.rows)) - 1 }

// Next returns the frame that takes a reader on from its cursor, and the cursor after it. The frame is nil when there
// is nothing more. A cursor of another generation, or one beyond the head, starts again with a frame that resets.
func (r *Reader) Next(ctx context.Context, at inbox.Cursor) ([]byte, inbox.Cursor, error) {
	t := r.of(at.Log)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := r.load(ctx, at.Log, t); err != nil {
		return nil, at, err
	}
	if t.epoch == "" {
		return nil, at, nil
	}
	reset := at.Epoch != t.epoch || at.Seq > t.head()
	if reset {
		at.Epoch, at.Seq = t.epoch, 0
	}
	if at.Seq == t.head() && !reset {
		return nil, at, nil
	}
	if f, ok := t.frames[at.Seq]; ok && !reset {
		return f.bytes, inbox.Cursor{Log: at.Log, Epoch: t.epoch, Seq: f.to}, nil
	}
	rows := [][]byte(nil)
	if at.Seq+1 >= t.first {
		rows = t.rows[at.Seq+1-t.first:]
	} else {
		var err error
		if rows, err = r.read(ctx, at.Log, at.Seq, wire.MaxBatchEvents); err != nil {
			return nil, at, err
		}
	}
	var b wire.BatchBuilder
	next := inbox.Cursor{Log: at.Log, Epoch: t.epoch, Seq: at.Seq}
	full := false
	for _, row := range rows {
		if full = b.Full(len(row)); full {
			break
		}
		b.Add(row)
		next.Seq++
	}
	out := b.Frame(inbox.Batch{Log: at.Log, Epoch: t.epoch, From: at.Seq, To: next.Seq, Reset: reset})
	if !reset && at.Seq+1 >= t.first {
		t.frames[at.Seq] = frame{bytes: out, to: next.Seq}
	}
	return out, next, nil
}

// load brings the tail up to the head of the log. The caller holds t.mu, so many readers cost one look.
func (r *Reader) load(ctx context.Context, log inbox.LogID, t *tail) error {
	return r.db.View(ctx, Shard(log), func(tx ledger.Tx) error {
		head, err := tx.LastSequence(sequenceLog)
		if err != nil {
			return err
		}
		if t.loaded && head == t.head() {
			return nil
		}
		anew, err := tx.LastSequence(sequenceRewritten)
		if err != nil {
			return err
		}
		if anew != t.anew { // what is held of the log is not what stands there
			t.loaded, t.rows, t.anew = false, nil, anew
			clear(t.frames)
		}
		if !t.loaded {
			epoch, err := tx.Get(bucketMeta, keyEpoch)
			if err != nil {
				return err
			}
			if epoch == nil {
				t.first = 1
				return nil
			}
			t.epoch, t.first, t.loaded = string(epoch), 1, true
			if head > ringRows/2 {
				t.first = head - ringRows/2 + 1
			}
		}
		fresh, err := rowsAfter(tx, t.head(), ringRows)
		if err != nil {
			return err
		}
		t.rows = append(t.rows, fresh...)
		if over := len(t.rows) - ringRows; over > 0 {
			t.rows = append(make([][]byte, 0, ringRows), t.rows[over:]...)
			t.first += uint64(over)
		}
		clear(t.frames)
		return nil
	})
}

func (r *Reader) read(ctx context.Context, log inbox.LogID, after uint64, n int) (rows [][]byte, err error) {
	err = r.db.View(ctx, Shard(log), func(tx ledger.Tx) error {
		rows, err = rowsAfter(tx, after, n)
		return err
	})
	return rows, err
}

// rowsAfter returns up to n events after a place, and refuses a log with a hole.
func rowsAfter(tx ledger.Tx, after uint64, n int) ([][]byte, error) {
	var rows [][]byte
	want := after + 1
	for key, row := range tx.Scan(bucketLog, seqKey(want), nil) {
		if binary.BigEndian.Uint64(key) != want {
			return nil, fmt.Errorf("reading the log: %w", ErrRow)
		}
		rows = append(rows, append([]byte(nil), row...))
		if want++; len(rows) == n {
			break
		}
	}
	return rows, tx.Err()
}
