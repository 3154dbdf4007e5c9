package store

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
)

// The files of a store.
const (
	cacheFile   = "cache.db"
	outboxFile  = "outbox.db"
	oldCache    = cacheFile + oldSuffix
	lockFile    = "lock"
	cleanFile   = "clean"
	damagedFile = "damaged"
)

const (
	schema    = 1 // of what is sealed; bound into every seal
	format    = 3 // of the files; an older cache is made anew, an older outbox is taken over
	maxCache  = 2 << 30
	maxOutbox = 64 << 20
)

// Config says which store to open, with which key, for whom.
type Config struct {
	Dir       string
	Key       CacheKey       // from [Keyring.CacheKey]
	RelayHalf seal.Key       // the half the relay lends; the zero key while it lends none
	Reader    inbox.PersonID // whose read marks count, and who writes
	Log       *slog.Logger   // nil: silent
	// SearchAfter is how long after the first look at the inbox messages are made ready to be searched: until then the processor
	// is for the first frame. The first search does not wait for it.
	SearchAfter time.Duration
}

// Store is an open store. Get one from [Open].
type Store struct {
	dir    string
	reader inbox.PersonID
	log    *slog.Logger
	after  time.Duration // Config.SearchAfter
	lock   *os.File
	cache  *bbolt.DB
	outbox *bbolt.DB
	rooms

	applying sync.Mutex // writers of cache.db
	posting  sync.Mutex // writers of outbox.db
	dirty    sync.Once  // removes the mark of a clean end before the first write
	dirtyErr error
	marked   atomic.Bool // damage was noted in the folder

	exchanging sync.RWMutex // held by readers of cache.db, and for writing while a file is exchanged
	stale      *staleRow    // what old pages of the cache must go for; guarded by applying
	lent       lending      // guarded by applying
	soon       atomic.Bool  // a rebuild is on its way
	step       func(string) // nil but in tests

	ending context.Context // of Close
	end    context.CancelFunc
	filing sync.WaitGroup // those at work on attached files
	search searcher       // texts that can be searched

	loading sync.Once
	loaded  chan struct{} // closed when rows are in memory or loadErr says why not
	loadErr error
	telling sync.Once // of told
	toldErr error

	mu       sync.RWMutex // guards what follows
	closed   bool
	key      CacheKey               // changed with applying held as well
	held     map[inbox.LogID][]byte // checkpoints of the audit log
	cursors  map[inbox.LogID]inbox.Cursor
	people   map[inbox.PersonID]inbox.Person
	inboxes  map[inbox.InboxID]inbox.Inbox
	base     map[inbox.ConversationID]*inbox.Conversation // what the cache holds
	shown    map[inbox.ConversationID]*Row                // base with what is not settled, as in list
	list     []*Row                                       // newest first; replaced, never changed
	items    []*item                                      // the outbox in order; items are replaced, never changed
	itemsOn  map[inbox.ConversationID][]*item             // the same by conversation; lists are replaced, never changed
	byID     map[inbox.IntentID]*item
	drafts   map[inbox.ConversationID]string
	attached map[inbox.MediaID]*attached // replaced, never changed
	typed    map[inbox.MessageID]typedRow
	told     map[inbox.LogID]things // replaced, never changed
	done     []inbox.IntentID       // causes whose row in the cache has served
	watchers map[chan struct{}]struct{}
}

// A room is a bucket with its keys.
type room struct {
	name []byte
	seal *seal.Bucket
}

type rooms struct {
	scope                       seal.Scope
	sealer                      *seal.Sealer // of the store's key: for what follows
	meta, outMeta               room
	piece                       *seal.Bucket // of attached files: they outlive the file that speaks of them
	head, row, ev, cause, thing room         // of cache.db's key
	post, drafty, file, typing  room         // of outbox.db's key
}

func makeRooms(s *seal.Sealer, scope seal.Scope) rooms {
	return rooms{scope: scope, sealer: s, meta: room{[]byte("meta"), s.Bucket("meta")}, outMeta: room{[]byte("meta"), s.Bucket("outmeta")}, piece: s.Bucket(nameFile)}
}

func roomOf(s *seal.Sealer, name string) room { return room{[]byte(name), s.Bucket(name)} }

func (r *rooms) useCache(s *seal.Sealer) {
	r.head, r.row, r.ev, r.cause, r.thing = roomOf(s, "head"), roomOf(s, "row"), roomOf(s, "ev"), roomOf(s, "cause"), roomOf(s, "thing")
}

func (r *rooms) useOutbox(s *seal.Sealer) {
	r.post, r.drafty, r.file, r.typing = roomOf(s, namePost), roomOf(s, nameDraft), roomOf(s, nameFile), roomOf(s, nameTyped)
}

// The rooms of the outbox, and the one with the copy of a file's key.
const (
	namePost  = "ob"
	nameDraft = "draft"
	nameFile  = "file"
	nameTyped = "typed"
	nameKey   = "key"
)

// The keys of meta and head.
var (
	keyFormat  = []byte("format")
	keyCheck   = []byte("check")
	keyCursors = []byte("cursors")
	keyReader  = []byte("reader")
	keyTop     = []byte("top")
	keyCompany = []byte("company")
	keyFile    = []byte("key")
	keyStale   = []byte("stale")

	keyCheckpoints = []byte("checkpoints")
)

// put seals a value for its row.
func (r room) put(tx *bbolt.Tx, key, plain []byte) error {
	padded := seal.Pad(make([]byte, 0, len(plain)+seal.Block), plain)
	return tx.Bucket(r.name).Put(key, r.seal.Seal(nil, key, padded))
}

// open returns what was sealed for the row.
func (r room) open(key, sealed []byte) ([]byte, error) {
	padded, err := r.seal.Open(nil, key, sealed)
	if err != nil {
		return nil, err
	}
	return seal.Unpad(padded)
}

// get returns the value of a row; nil when there is none.
func (r room) get(tx *bbolt.Tx, key []byte) ([]byte, error) {
	sealed := tx.Bucket(r.name).Get(key)
	if sealed == nil {
		return nil, nil
	}
	return r.open(key, sealed)
}

// rowName is the keyed name of a row.
func rowName[T ~string](r room, id T) []byte {
	n := r.seal.Name([]byte(id))
	return n[:]
}

// Open opens the store in cfg.Dir, or makes an empty one. It returns ErrAlreadyRunning after two seconds when another
// program has it open; ErrDamaged when a file is not what was written (call Repair, then Open again); ErrWrongKey or
// ErrOtherPerson when the files are not for this key or reader (call Quarantine, and enrol again for the former); and
// ErrNewerStore. No error leaves anything changed.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s, err := open(ctx, cfg)
	if err != nil {
		return nil, sorted("opening the store", err)
	}
	return s, nil
}

func open(ctx context.Context, cfg Config) (_ *Store, err error) {
	if cfg.Key.IsZero() {
		return nil, seal.ErrNoKey
	}
	lock, err := takeFolder(ctx, cfg.Dir)
	if err != nil {
		return nil, err
	}
	s := &Store{
		dir: cfg.Dir, reader: cfg.Reader, log: cfg.Log, after: cfg.SearchAfter, lock: lock, key: cfg.Key, held: map[inbox.LogID][]byte{},
		loaded:  make(chan struct{}),
		cursors: map[inbox.LogID]inbox.Cursor{}, people: map[inbox.PersonID]inbox.Person{}, inboxes: map[inbox.InboxID]inbox.Inbox{},
		base: map[inbox.ConversationID]*inbox.Conversation{}, shown: map[inbox.ConversationID]*Row{},
		attached: map[inbox.MediaID]*attached{}, typed: map[inbox.MessageID]typedRow{}, told: map[inbox.LogID]things{},
		byID: map[inbox.IntentID]*item{}, itemsOn: map[inbox.ConversationID][]*item{}, drafts: map[inbox.ConversationID]string{}, watchers: map[chan struct{}]struct{}{},
	}
	s.ending, s.end = context.WithCancel(context.Background())
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	defer func() {
		if err != nil {
			s.release()
		}
	}()
	turned, err := settleTurn(cfg.Dir)
	if err != nil {
		return nil, err
	}
	if s.rooms, s.lent, err = cfg.rooms(turned); err != nil {
		return nil, err
	}
	for _, name := range []string{outboxFile, cacheFile} {
		if err := finish(cfg.Dir, name); err != nil {
			return nil, err
		}
	}
	if err := inspect(cfg.Dir); err != nil {
		return nil, err
	}
	files := []*file{s.outboxAs(outboxFile), s.cacheAs(cacheFile)}
	for _, f := range files {
		if f.fresh = missing(s.dir, f.name); !f.fresh {
			if err := s.openFile(f); err != nil {
				return nil, err
			}
		}
	}
	if err := s.compareKeys(files); err != nil {
		return nil, err
	}
	if err := s.takeOver(files[0], files[1]); err != nil {
		return nil, err
	}
	for _, f := range files {
		if f.fresh {
			if err := errors.Join(s.touch(), s.openFile(f)); err != nil {
				return nil, err
			}
			if err := s.initialise(f); err != nil {
				return nil, err
			}
		} else if err := s.unlock(f); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(s.readOutbox(), s.readCheckpoints()); err != nil {
		return nil, err
	}
	if err := s.readCompany(); err != nil {
		return nil, err
	}
	if err := s.readStale(); err != nil {
		return nil, err
	}
	return s, s.sweep()
}

// view reads the cache.
func (s *Store) view(doing string, f func(*bbolt.Tx) error) error {
	s.exchanging.RLock()
	defer s.exchanging.RUnlock()
	return s.failed(doing, guard(func() error { return s.cache.View(f) }))
}

// update writes a file in one synced transaction.
func (s *Store) update(doing string, db *bbolt.DB, f func(*bbolt.Tx) error) error {
	if err := s.touch(); err != nil {
		return sorted(doing, err)
	}
	return s.failed(doing, guard(func() error { return db.Update(f) }))
}

// failed sorts an error and leaves word of damage for the next start.
func (s *Store) failed(doing string, err error) error {
	err = sorted(doing, err)
	if errors.Is(err, ErrDamaged) && !s.marked.Swap(true) {
		s.log.Error("the store is damaged")
		if f, err := os.OpenFile(filepath.Join(s.dir, damagedFile), os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
			f.Close()
			syncDir(s.dir)
		}
	}
	return err
}

// readCompany reads what is needed before anything is shown: cursors, colleagues, inboxes, and which causes are here.
func (s *Store) readCompany() error {
	var arrived []inbox.IntentID
	err := s.view("reading the company", func(tx *bbolt.Tx) error {
		if b, err := s.meta.get(tx, keyCursors); err != nil {
			return err
		} else if b != nil {
			list, err := decodeRow[[]inbox.Cursor](b)
			if err != nil {
				return err
			}
			for _, c := range list {
				s.cursors[c.Log] = c
			}
		}
		if b, err := s.head.get(tx, keyCompany); err != nil {
			return err
		} else if b != nil {
			c, err := decodeRow[companyRow](b)
			if err != nil {
				return err
			}
			for _, p := range c.People {
				s.people[p.ID] = p
			}
			for _, i := range c.Inboxes {
				s.inboxes[i.ID] = i
			}
		}
		return tx.Bucket(s.cause.name).ForEach(func(k, v []byte) error {
			id, err := s.cause.open(k, v)
			arrived = append(arrived, inbox.IntentID(id))
			return err
		})
	})
	if err != nil {
		return err
	}
	return s.forgetItems(forgets{causes: arrived})
}

func be64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// Cursors returns how far each log has been applied, in no order.
func (s *Store) Cursors() []inbox.Cursor {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]inbox.Cursor, 0, len(s.cursors))
	for _, c := range s.cursors {
		out = append(out, c)
	}
	return out
}

// Watch returns pokes: one at once, and one after each change of what the store would answer. Pokes carry no data, fold
// into one while nobody looks, and are never lost. They end with ctx; the channel is not closed.
func (s *Store) Watch(ctx context.Context) <-chan struct{} {
	c := make(chan struct{}, 1)
	c <- struct{}{}
	s.mu.Lock()
	s.watchers[c] = struct{}{}
	s.mu.Unlock()
	context.AfterFunc(ctx, func() {
		s.mu.Lock()
		delete(s.watchers, c)
		s.mu.Unlock()
	})
	return c
}

// poke must be called with mu held.
func (s *Store) poke() {
	for c := range s.watchers {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// Close ends the use of the store and marks its end as clean. Calls after it return ErrClosed.
func (s *Store) Close() error {
	s.mu.Lock()
	was := s.closed
	s.closed = true
	s.mu.Unlock()
	if was {
		return nil
	}
	s.end()
	s.filing.Wait()
	s.loading.Do(func() { s.loadErr = ErrClosed; close(s.loaded) })
	<-s.loaded
	s.telling.Do(func() { s.toldErr = ErrClosed })
	cleared := s.ClearSearch()
	s.applying.Lock()
	defer s.applying.Unlock()
	s.posting.Lock()
	defer s.posting.Unlock()
	err := errors.Join(guard(s.cache.Close), guard(s.outbox.Close))
	if err == nil && !s.marked.Load() {
		err = markClean(s.dir)
	}
	s.release()
	return sorted("closing the store", errors.Join(err, cleared))
}

// release lets go of the files and the folder.
func (s *Store) release() {
	if s.end != nil {
		s.end()
	}
	for _, db := range []*bbolt.DB{s.cache, s.outbox} {
		if db != nil {
			guard(db.Close)
		}
	}
	s.lock.Close()
}
