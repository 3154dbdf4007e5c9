package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sync/semaphore"

	"sealdesk/store/seal"
)

// Config says how to open a file.
type Config struct {
	// Key seals every value. The zero key is refused unless Plain is set.
	Key seal.Key
	// Suite to seal with; zero means XChaCha20-Poly1305.
	Suite seal.Suite
	// Plain stores values as they are: for tests and benchmarks of the engine itself.
	Plain bool
	// LockTimeout is how long to wait for another process to let go of the file; zero means 2 seconds.
	LockTimeout time.Duration
	// MaxSize limits the file, in bytes; at the limit updates return ErrFull. Zero means no limit.
	MaxSize int
	// OnCommit, if set, hears of every commit, on the committer's goroutine: it must be quick and must not call the DB.
	OnCommit func(Commit)
	// Log hears of failed commits; nil means nothing is logged.
	Log *slog.Logger
}

// Commit describes one commit, for metrics.
type Commit struct {
	Updates int           // updates it carried
	Bytes   int           // of keys and values
	Took    time.Duration // from the beginning of the bbolt transaction to the end of its fsync
	Err     error         // nil if it is durable
}

// Stats are counts since the file was opened, and its size.
type Stats struct {
	Commits  uint64 // durable ones
	Updates  uint64 // durable ones that wrote something
	Failures uint64 // commits that failed
	Reruns   uint64 // functions run again because a commit below them failed
	Bytes    uint64 // of keys and values in durable commits
	FileSize int64  // bytes
}

// Bolt is the DB in one bbolt file. Make it with Open.
type Bolt struct {
	db    *bolt.DB
	store []byte
	keys  *bucketKeys // nil when plain
	conf  Config
	log   *slog.Logger

	life   sync.RWMutex // held for reading by every call, for writing by Close
	closed bool

	mu     sync.Mutex
	shards map[string]*shard

	room    *semaphore.Weighted // bytes and updates that may wait for the disk
	queue   chan *update
	drained chan struct{} // closed when the committer has ended
	// generation counts failed commits. What ran on top of a failed commit belongs to an older generation and runs
	// again.
	generation atomic.Uint64
	broken     atomic.Bool  // the fate of a commit is unknown
	fault      func() error // tests: fails the next commit after it was written, before it is synced

	journals                                  atomic.Pointer[[]*Journal]
	watchers                                  watchers
	commits, updates, failures, reruns, bytes atomic.Uint64
}

// shard is the state of one shard's writers.
type shard struct {
	name    string
	gate    gate
	durable atomic.Uint64 // the last ticket that is on disk

	// Guarded by gate.
	names      map[string][]byte // full names of buckets
	wait       *layer            // writes that wait for the disk
	ticket     uint64            // of the last update handed to the committer
	pruned     uint64
	generation uint64
}

// Open opens the store in the file at path, making it (mode 0600) if there is none, and beside it a small file with the
// suffix ".mark" that remembers there was one. The file is always synced. Errors: ErrLocked, ErrDamaged,
// seal.ErrWrongKey, seal.ErrNoKey, and those of the file system.
func Open(path string, conf Config) (*Bolt, error) {
	if conf.Log == nil {
		conf.Log = slog.New(slog.DiscardHandler)
	}
	if conf.LockTimeout == 0 {
		conf.LockTimeout = 2 * time.Second
	}
	if conf.Key.IsZero() && !conf.Plain {
		return nil, fmt.Errorf("open the ledger: %w", seal.ErrNoKey)
	}
	file, head, err := openFile(path, conf)
	if err != nil {
		return nil, fmt.Errorf("open the ledger: %w", err)
	}
	b := &Bolt{
		db:      file,
		store:   head.store,
		conf:    conf,
		log:     conf.Log,
		shards:  make(map[string]*shard),
		room:    semaphore.NewWeighted(maxWaiting),
		queue:   make(chan *update, maxWaiting/minCost),
		drained: make(chan struct{}),
	}
	if head.sealer != nil {
		b.keys = newBucketKeys(head.sealer)
	}
	go b.commitLoop()
	return b, nil
}

// StoreID returns the random id the store was given when it was made. A restored backup keeps it.
func (b *Bolt) StoreID() []byte { return append([]byte(nil), b.store...) }

// enter holds Close off until the returned function is called.
func (b *Bolt) enter(ctx context.Context) (leave func(), err error) {
	b.life.RLock()
	if b.closed {
		b.life.RUnlock()
		return nil, ErrClosed
	}
	if err := ctx.Err(); err != nil {
		b.life.RUnlock()
		return nil, err
	}
	return b.life.RUnlock, nil
}

// View implements DB.
func (b *Bolt) View(ctx context.Context, shard string, f func(Tx) error) error {
	if err := CheckName(shard); err != nil {
		return err
	}
	leave, err := b.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	t := &boltTx{ctx: ctx, db: b.db, shard: shard}
	if b.keys == nil {
		return t.run(f, t)
	}
	s := &sealedTx{Tx: t, engine: t, keys: b.keys, shard: shard}
	if err := t.run(f, s); err != nil {
		return err
	}
	return s.err
}

// Update implements DB.
func (b *Bolt) Update(ctx context.Context, shard string, f func(Tx) error) error {
	if err := CheckName(shard); err != nil {
		return err
	}
	leave, err := b.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	sh := b.shard(shard)
	u := updates.Get().(*update)
	defer u.recycle()
	for {
		ferr, wait, err := b.attempt(ctx, sh, f, u)
		if err != nil {
			return err
		}
		if !wait {
			return ferr
		}
		err = <-u.done
		switch {
		case err == nil:
			return ferr
		case errors.Is(err, errStale), !u.writes && !errors.Is(err, ErrUnknown):
			// What we built on, or only read, is gone.
			b.reruns.Add(1)
		default:
			return err
		}
	}
}

func (b *Bolt) shard(name string) *shard {
	b.mu.Lock()
	defer b.mu.Unlock()
	sh := b.shards[name]
	if sh == nil {
		sh = &shard{name: name, names: make(map[string][]byte), wait: new(layer)}
		b.shards[name] = sh
	}
	return sh
}

// attempt runs f once. Its answer may be given at once, or after waiting for u.
func (b *Bolt) attempt(ctx context.Context, sh *shard, f func(Tx) error, u *update) (ferr error, wait bool, err error) {
	if err := sh.gate.lock(ctx); err != nil {
		return nil, false, err
	}
	defer func() {
		sh.prune()
		sh.gate.unlock()
	}()
	if b.broken.Load() {
		return nil, false, ErrUnknown
	}
	if g := b.generation.Load(); g != sh.generation {
		sh.wait, sh.generation = new(layer), g
	}
	sh.prune()

	u.own.reset()
	tx := &struct { // one allocation; never reused, because f may hold on to it
		bolt   boltTx
		sealed sealedTx
	}{bolt: boltTx{ctx: ctx, db: b.db, shard: sh.name, names: sh.names, own: &u.own, wait: sh.wait}}
	face := Tx(&tx.bolt)
	if b.keys != nil {
		tx.sealed = sealedTx{Tx: &tx.bolt, engine: &tx.bolt, keys: b.keys, shard: sh.name}
		face = &tx.sealed
	}
	ferr = tx.bolt.run(f, face)
	if ferr == nil {
		ferr = tx.sealed.err
	}
	tx.bolt.own, tx.bolt.wait = nil, nil
	u.shard, u.generation, u.cost = sh, sh.generation, minCost
	if u.writes = ferr == nil && !u.own.empty(); u.writes {
		u.cost = int64(min(max(u.own.size, minCost), maxWaiting))
	} else if sh.wait.empty() {
		return ferr, false, nil
	}
	// If f wrote nothing it still may have decided on writes that are not durable yet, "seen this one already" for
	// instance. Its answer must not be given before they are.
	if err := b.room.Acquire(ctx, u.cost); err != nil {
		return nil, false, err
	}
	sh.ticket++
	u.ticket = sh.ticket
	if u.writes {
		sh.wait.merge(&u.own, u.ticket)
	}
	b.queue <- u // never blocks: room bounds what is in it
	return ferr, true, nil
}

// prune forgets the waiting writes that have become durable. The caller holds the lock.
func (sh *shard) prune() {
	if d := sh.durable.Load(); d != sh.pruned {
		sh.wait.prune(d)
		sh.pruned = d
	}
}

// Shards implements DB.
func (b *Bolt) Shards(ctx context.Context) (names []string, err error) {
	leave, err := b.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	tx, err := b.db.Begin(false)
	if err != nil {
		return nil, fmt.Errorf("list the shards: %w", err)
	}
	defer tx.Rollback()
	defer guard(&err)
	c := tx.Cursor()
	for k, _ := c.First(); k != nil; {
		name := shardOf(k)
		if name == "" || emptyBucket(tx, k) {
			k, _ = c.Next()
			continue
		}
		names = append(names, name)
		k, _ = c.Seek(append([]byte(name), 1))
	}
	return names, nil
}

func emptyBucket(tx *bolt.Tx, name []byte) bool {
	b := tx.Bucket(name)
	if b == nil {
		return true
	}
	k, _ := b.Cursor().First()
	return k == nil
}

// Watch implements DB.
func (b *Bolt) Watch(ctx context.Context) <-chan string {
	leave, err := b.enter(ctx)
	if err != nil {
		c := make(chan string)
		close(c)
		return c
	}
	defer leave()
	return b.watchers.add(ctx)
}

// Backup writes a consistent copy of the file, of one moment, while everything goes on; it can be opened with the same
// key. Space freed meanwhile is reused only after it ends, so the file may grow.
func (b *Bolt) Backup(ctx context.Context, w io.Writer) (n int64, err error) {
	leave, err := b.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	tx, err := b.db.Begin(false)
	if err != nil {
		return 0, fmt.Errorf("back the ledger up: %w", err)
	}
	defer tx.Rollback()
	n, err = tx.WriteTo(heedful{ctx, w})
	if err != nil {
		return n, fmt.Errorf("back the ledger up: %w", err)
	}
	return n, nil
}

// heedful is a writer that gives up when ctx ends.
type heedful struct {
	ctx context.Context
	w   io.Writer
}

func (h heedful) Write(p []byte) (int, error) {
	if err := h.ctx.Err(); err != nil {
		return 0, err
	}
	return h.w.Write(p)
}

// Stats returns the counts so far.
func (b *Bolt) Stats() Stats {
	s := Stats{
		Commits:  b.commits.Load(),
		Updates:  b.updates.Load(),
		Failures: b.failures.Load(),
		Reruns:   b.reruns.Load(),
		Bytes:    b.bytes.Load(),
	}
	if leave, err := b.enter(context.Background()); err == nil {
		defer leave()
		if tx, err := b.db.Begin(false); err == nil {
			s.FileSize = tx.Size()
			tx.Rollback()
		}
	}
	return s
}

// Close implements DB. It may be called again.
func (b *Bolt) Close() error {
	b.life.Lock()
	defer b.life.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	close(b.queue) // no call is under way, so nobody sends
	<-b.drained
	b.watchers.close()
	if err := b.db.Close(); err != nil {
		return fmt.Errorf("close the ledger: %w", err)
	}
	return nil
}
