package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

const (
	maxBatch      = 1024             // updates in one commit
	maxBatchBytes = 16 << 20         // bytes in one commit, unless one update is larger
	maxWaiting    = 64 << 20         // bytes that may wait for the disk
	minCost       = 16 << 10         // what the smallest update counts there, so at most 4,096 updates wait
	maxCompany    = time.Millisecond // longest wait for updates that are about to come
	appendFill    = 0.95             // how full pages are left in buckets that only grow at the end
)

// wideEnough is a batch that needs no company: its fsync is shared by so many that it is better to begin, and let the
// others get ready meanwhile.
const wideEnough = 192

// errStale tells an update that what it was built on is gone.
var errStale = errors.New("built on a failed commit")

// update is what one call of Update wants written. It goes to the committer and comes back through done.
type update struct {
	shard      *shard
	ticket     uint64
	generation uint64
	own        layer
	writes     bool // false: it wrote nothing and waits for those before it
	cost       int64
	done       chan error
}

var updates = sync.Pool{New: func() any { return &update{done: make(chan error, 1)} }}

func (u *update) recycle() {
	u.own.reset()
	u.shard = nil
	updates.Put(u)
}

// commitLoop is the one goroutine that writes to the file.
func (b *Bolt) commitLoop() {
	defer close(b.drained)
	debug.SetPanicOnFault(true)
	c := commit{live: make([]*update, 0, maxBatch), pokes: make(map[*shard]struct{})}
	for u := range b.queue {
		b.gather(&c, u)
		b.finish(&c)
	}
}

// commit is the batch at hand.
type commit struct {
	live   []*update
	tx     *bolt.Tx // nil until something is to be written
	writer writer
	writes int
	bytes  int
	id     int // bbolt's number of the transaction
	err    error
	start  time.Time

	last  int           // updates in the commit before
	pace  time.Duration // smoothed time of a commit's writing and syncing
	pokes map[*shard]struct{}
}

// gather takes what waits and puts it into the transaction as it comes. If the commit before carried more, its callers,
// who just got their answers, are likely to be back in microseconds: waiting for them a fraction of a commit's time is
// cheaper than making them wait for a whole one. A lone writer never waits.
func (b *Bolt) gather(c *commit, u *update) {
	c.start = time.Now()
	b.take(c, u)
	patience := min(c.pace/4, maxCompany)
	var since time.Time
	for len(c.live) < maxBatch && c.bytes < maxBatchBytes {
		select {
		case u, ok := <-b.queue:
			if !ok {
				return
			}
			b.take(c, u)
			since = time.Time{}
			continue
		default:
		}
		if len(c.live) >= min(c.last, wideEnough) {
			return
		}
		now := time.Now()
		if since.IsZero() {
			since = now
		}
		if now.Sub(since) >= patience {
			return
		}
		runtime.Gosched() // a timer would be later than the company we wait for
	}
}

// take puts one update into the transaction.
func (b *Bolt) take(c *commit, u *update) {
	if u.generation != b.generation.Load() {
		b.answer(u, errStale)
		return
	}
	c.live = append(c.live, u)
	if !u.writes {
		return
	}
	c.writes++
	c.bytes += u.own.size
	if c.err != nil {
		return
	}
	c.err = b.guarded(c, func() error {
		if b.broken.Load() {
			return ErrUnknown
		}
		if c.tx == nil {
			var err error
			if c.tx, err = b.db.Begin(true); err != nil {
				return fmt.Errorf("begin a commit: %w", err)
			}
			c.writer = writer{tx: c.tx, open: make(map[string]*bucketWriter, 8)}
		}
		if err := c.writer.apply(&u.own); err != nil {
			return fmt.Errorf("write rows: %w", asFull(err))
		}
		return nil
	})
}

// finish makes the batch durable and answers its updates.
func (b *Bolt) finish(c *commit) {
	if c.tx != nil {
		begun := time.Now()
		if c.err == nil {
			c.err = b.guarded(c, func() error { return b.sync(c) })
		} else {
			b.abandon(c.tx)
		}
		c.pace += (time.Since(begun) - c.pace) / 8
	}
	if c.err != nil {
		b.failures.Add(1)
		// Before anybody hears of it: whatever still is in the queue was built on this.
		b.generation.Add(1)
		b.log.Error("ledger commit failed", slog.Any("error", c.err), slog.Int("updates", c.writes), slog.Int("bytes", c.bytes))
	} else {
		for _, u := range c.live {
			u.shard.durable.Store(u.ticket) // tickets of one shard come in order
			if u.writes {
				c.pokes[u.shard] = struct{}{}
			}
		}
		if c.writes > 0 {
			b.commits.Add(1)
			b.updates.Add(uint64(c.writes))
			b.bytes.Add(uint64(c.bytes))
			if all := b.journals.Load(); all != nil {
				for _, j := range *all {
					j.add(uint64(c.id), c.live)
				}
			}
		}
	}
	if c.writes > 0 && b.conf.OnCommit != nil {
		b.conf.OnCommit(Commit{Updates: c.writes, Bytes: c.bytes, Took: time.Since(c.start), Err: c.err})
	}
	for sh := range c.pokes {
		b.watchers.poke(sh.name)
	}
	for _, u := range c.live {
		b.answer(u, c.err) // u is its caller's again
	}
	for sh := range c.pokes { // a shard that somebody is writing to right now is pruned by the writer
		if sh.gate.try() {
			sh.prune()
			sh.gate.unlock()
		}
	}
	c.last = len(c.live)
	clear(c.live)
	clear(c.pokes)
	c.live, c.tx, c.writer, c.writes, c.bytes, c.err = c.live[:0], nil, writer{}, 0, 0, nil
}

func (b *Bolt) answer(u *update, err error) {
	b.room.Release(u.cost)
	u.done <- err
}

// guarded runs f and turns bbolt's panics over damaged pages into an error. Nothing more can be written after one.
func (b *Bolt) guarded(c *commit, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			b.broken.Store(true)
			err = fmt.Errorf("commit: %w: %w", ErrUnknown, ErrDamaged)
		}
	}()
	return f()
}

// abandon undoes a transaction, letting go of bbolt's lock whatever state a panic has left it in.
func (b *Bolt) abandon(tx *bolt.Tx) {
	defer func() { _ = recover() }()
	tx.Rollback()
}

// sync commits the transaction.
func (b *Bolt) sync(c *commit) error {
	id := c.tx.ID()
	c.id = id
	defer b.abandon(c.tx) // some of bbolt's ways out of Commit leave it open; after the others this does nothing
	c.writer.settle()
	if b.fault != nil {
		if err := b.fault(); err != nil {
			return asFull(err)
		}
	}
	if err := c.tx.Commit(); err != nil {
		b.abandon(c.tx)
		if b.reached(id) {
			// The new root was written but not synced. After a failed fsync nobody can tell what the disk holds.
			b.broken.Store(true)
			return fmt.Errorf("commit: %w: %w", ErrUnknown, err)
		}
		return fmt.Errorf("commit: %w", asFull(err))
	}
	return nil
}

// reached says whether a failed transaction is what readers see now.
func (b *Bolt) reached(id int) bool {
	tx, err := b.db.Begin(false)
	if err != nil {
		return true
	}
	defer tx.Rollback()
	return tx.ID() >= id
}

// asFull adds ErrFull to the errors that mean there is no room.
func asFull(err error) error {
	const windowsDiskFull, windowsHandleDiskFull = syscall.Errno(112), syscall.Errno(39)
	full := errors.Is(err, berrors.ErrMaxSizeReached) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EFBIG) ||
		// bbolt keeps only the text of an error met while growing the file.
		strings.Contains(err.Error(), syscall.ENOSPC.Error()) || strings.Contains(err.Error(), syscall.EFBIG.Error()) ||
		isQuota(err)
	if runtime.GOOS == "windows" {
		full = full || errors.Is(err, windowsDiskFull) || errors.Is(err, windowsHandleDiskFull)
	}
	if full {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}

// writer puts layers into one bbolt transaction.
type writer struct {
	tx   *bolt.Tx
	open map[string]*bucketWriter
}

type bucketWriter struct {
	b       *bolt.Bucket // nil while the bucket is not there
	last    []byte       // greatest key so far
	appends bool         // every new key came after last
	puts    bool
}

func (w *writer) apply(l *layer) error {
	for _, s := range l.sheets {
		bw := w.open[string(s.full)]
		if bw == nil {
			bw = &bucketWriter{b: w.tx.Bucket(s.full), appends: true}
			if bw.b != nil {
				bw.last, _ = bw.b.Cursor().Last()
			}
			w.open[string(s.full)] = bw
		}
		if s.dropped && bw.b != nil {
			if err := w.tx.DeleteBucket(s.full); err != nil {
				return err
			}
			*bw = bucketWriter{appends: true}
		}
		for _, e := range s.rows {
			if err := w.row(s.full, bw, e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *writer) row(full []byte, bw *bucketWriter, e *entry) (err error) {
	if e.gone {
		if bw.b == nil {
			return nil
		}
		return bw.b.Delete(e.key)
	}
	if bw.b == nil {
		if bw.b, err = w.tx.CreateBucket(full); err != nil {
			return err
		}
	}
	if bw.appends {
		switch c := bytes.Compare(bw.last, e.key); {
		case c < 0:
			bw.last = e.key
		case c > 0:
			bw.appends = false
		}
	}
	bw.puts = true
	return bw.b.Put(e.key, e.value)
}

// settle fills the pages of logs nearly up. bbolt leaves half of each page free for keys to come in between, which in a
// log none do: the file would be twice as large, and scanned at half the speed.
func (w *writer) settle() {
	for _, bw := range w.open {
		if bw.b != nil && bw.puts && bw.appends {
			bw.b.FillPercent = appendFill
		}
	}
}
