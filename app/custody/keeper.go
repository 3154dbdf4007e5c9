package custody

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/store"
	"sealdesk/store/seal"
	"sealdesk/sync/engine"
	"sealdesk/sync/wire"
)

// Why the cache cannot be opened now.
var (
	// ErrLeaseOver means that only the relay opens the cache: the lease is over, or there never was one.
	ErrLeaseOver = errors.New("the lease is over")
	// ErrClockBack means that this machine's clock was put back, so that nothing is known of the time without the relay.
	ErrClockBack = errors.New("the clock was put back")
	// ErrLocked means that the passphrase opens the cache, or the relay.
	ErrLocked = errors.New("the cache is locked")
	// ErrWiping means that the cache is being destroyed, or was: see [Keeper.Wipe].
	ErrWiping = errors.New("the cache is destroyed")
)

// PassphraseTries is how many wrong passphrases are taken before only the relay opens the cache.
const PassphraseTries = 5

// searchAfter keeps the processor for the first frame of a start.
const searchAfter = 2 * time.Second

// Config says whose custody it is.
type Config struct {
	Dir    string // the data folder: all in it is ours
	Also   []string
	Ring   *store.Keyring
	Device store.Device
	App    string
	System string
	Log    *slog.Logger
	Now    func() time.Time // nil: time.Now
	// Ran returns how long this machine was awake since a time that Now gave; nil: what the monotonic clock says.
	Ran func(since time.Time) time.Duration
	// Stop ends what else uses the data folder, such as the log, before it is destroyed; nil: nothing does.
	Stop func() error
	// Ended is told when the cache was destroyed and the relay has the receipt; nil: nobody.
	Ended func()
	// Poke is told when what [Keeper.Wiped] says has changed; nil: nobody.
	Poke func()
}

// A Keeper keeps one device's half of the key and its cache.
type Keeper struct {
	cfg Config
	// work is held by whoever opens, turns, locks or destroys, and by whoever changes what the keyring keeps: one at a time,
	// so that nothing is opened or kept anew while it is destroyed.
	work sync.Mutex

	mu      sync.Mutex   // guards what follows
	store   *store.Store // nil while it is closed
	half    seal.Key     // the relay's, while the store is open
	lent    store.Lent   // what the keyring keeps of it
	lease   wire.Lease
	heard   time.Time // when the relay said so; its monotonic clock counts
	pass    []byte    // the passphrase to lock the half with, until there is a half
	failure error     // why the store could not be opened with what the relay lent
	opened  chan struct{}
	wiping  *Wiping
}

// Format prints [redacted] for every verb: the device's key is in it.
func (Config) Format(f fmt.State, _ rune) { io.WriteString(f, "[redacted]") }

// Format prints [redacted] for every verb: halves and a passphrase are in it.
func (*Keeper) Format(f fmt.State, _ rune) { io.WriteString(f, "[redacted]") }

// New returns the keeper of a device. It asks nothing yet.
func New(cfg Config) *Keeper {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Ran == nil {
		cfg.Ran = func(since time.Time) time.Duration { return cfg.Now().Sub(since) }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Poke == nil {
		cfg.Poke = func() {}
	}
	return &Keeper{cfg: cfg, opened: make(chan struct{})}
}

// StoreDir is the folder the store owns, inside the data folder.
func StoreDir(dir string) string { return filepath.Join(dir, "store") }

func (k *Keeper) storeConfig(key store.CacheKey, half seal.Key) store.Config {
	return store.Config{Dir: StoreDir(k.cfg.Dir), Key: key, RelayHalf: half, Reader: k.cfg.Device.Person, Log: k.cfg.Log, SearchAfter: searchAfter}
}

// Store returns the cache; nil while it is closed.
func (k *Keeper) Store() *store.Store {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.store
}

// Lease returns what the relay said last; the zero Lease before.
func (k *Keeper) Lease() wire.Lease {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.lease
}

// Opened is closed when the relay has lent a half and the cache is open, or cannot be: [Keeper.Failure] says why.
func (k *Keeper) Opened() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.opened
}

// Failure is why the cache could not be opened with the half the relay lent; nil when it could, or was not tried.
func (k *Keeper) Failure() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.failure
}

// terms are a lease as the store judges it.
func terms(l wire.Lease) store.Terms {
	return store.Terms{Issued: l.Issued, NotAfter: l.Until(), Idle: time.Duration(l.Idle) * time.Second, Silent: time.Duration(l.Silent) * time.Second}
}

// OpenAlone opens the cache without the relay, if the lease allows it. Errors: [ErrLocked], [ErrLeaseOver], [ErrClockBack],
// [ErrWiping] when the device must wipe itself or was wiped, and the store's.
func (k *Keeper) OpenAlone(ctx context.Context) (*store.Store, error) {
	k.work.Lock()
	defer k.work.Unlock()
	if s := k.Store(); s != nil {
		return s, nil
	}
	lent, lease, err := k.kept(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case lent.Shut:
		return nil, ErrLocked
	case lent.Half.IsZero():
		return nil, ErrLeaseOver
	}
	return k.openWith(ctx, lent, lease, lent.Half)
}

// Shut reports whether the window was locked, so that somebody must show who is there before the relay's half is used.
func (k *Keeper) Shut(ctx context.Context) (bool, error) {
	lent, err := k.cfg.Ring.Lent(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return lent.Shut, err
}

// kept returns what the keyring keeps of the lease, if it still holds. work must be held.
func (k *Keeper) kept(ctx context.Context) (store.Lent, wire.Lease, error) {
	if _, pending, err := store.PendingWipe(k.cfg.Dir); err != nil || pending {
		return store.Lent{}, wire.Lease{}, errors.Join(ErrWiping, err)
	}
	lent, err := k.cfg.Ring.Lent(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return lent, wire.Lease{}, ErrLeaseOver
	}
	if err != nil {
		return lent, wire.Lease{}, err
	}
	lease, err := wire.OpenLease(k.cfg.Device.RelayKey, k.cfg.Device.ID, lent.Lease)
	if err != nil || lease.Generation != lent.Generation {
		return lent, lease, ErrLeaseOver // somebody changed it
	}
	now := inbox.At(k.cfg.Now())
	t := terms(lease)
	if t.Silent > 0 && now >= lease.Issued.Add(t.Silent) { // the mark moves with this machine's clock: it is no word of the relay's
		return lent, lease, ErrWiping
	}
	switch t.Judge(now, lent.Seen, 0) {
	case store.Silent:
		return lent, lease, ErrWiping
	case store.ClockBack:
		return lent, lease, ErrClockBack
	case store.Over:
		lent.Half, lent.Locked, lent.Salt = seal.Key{}, nil, nil
		if err := k.cfg.Ring.SetLent(ctx, lent); err != nil {
			return lent, lease, err
		}
		return lent, lease, ErrLeaseOver
	}
	if now > lent.Seen { // so that a clock put back later is noticed
		lent.Seen = now
		if err := k.cfg.Ring.SetLent(ctx, lent); err != nil {
			return lent, lease, err
		}
	}
	return lent, lease, nil
}

// openWith opens the store with a half of a generation. work must be held.
func (k *Keeper) openWith(ctx context.Context, lent store.Lent, lease wire.Lease, half seal.Key) (*store.Store, error) {
	key, err := k.cfg.Ring.CacheKey(ctx, StoreDir(k.cfg.Dir))
	if err != nil {
		return nil, err
	}
	s, err := store.Open(ctx, k.storeConfig(key, half))
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.store, k.half, k.lent, k.lease, k.heard = s, half, lent, lease, k.cfg.Now()
	return s, nil
}

// Standing says how the lease stands now, while the cache is open. Anything but [store.Holds] means that it must be closed
// until the relay is reached.
func (k *Keeper) Standing() store.Standing {
	k.mu.Lock()
	defer k.mu.Unlock()
	return terms(k.lease).Judge(inbox.At(k.cfg.Now()), k.lent.Seen, k.cfg.Ran(k.heard))
}

// Locked tells what the lock screen says: whether a passphrase opens the cache, how many tries are left, until when. Without
// one only the relay does. Errors: the keyring's.
func (k *Keeper) Locked(ctx context.Context) (passphrase bool, tries int, until time.Time, err error) {
	k.work.Lock()
	defer k.work.Unlock()
	lent, lease, err := k.kept(ctx)
	if errors.Is(err, ErrLeaseOver) || errors.Is(err, ErrClockBack) {
		return false, 0, time.Time{}, nil
	}
	if err != nil {
		return false, 0, time.Time{}, err
	}
	return len(lent.Locked) > 0, PassphraseTries - lent.Tries, lease.Until().Time(), nil
}

// Lock closes the cache. What opens it again is the passphrase, if one was set and the lease allows the cache to be read
// without the relay, or else the relay. The engine must have ended.
func (k *Keeper) Lock(ctx context.Context) error {
	k.work.Lock()
	defer k.work.Unlock()
	err := k.Close()
	lent, e := k.cfg.Ring.Lent(ctx)
	if errors.Is(e, store.ErrNotFound) {
		return err
	}
	if e == nil {
		lent.Half, lent.Shut = seal.Key{}, true
		e = k.cfg.Ring.SetLent(ctx, lent)
	}
	return errors.Join(err, e)
}

// Close closes the cache, and keeps in the keyring what the lease allows.
func (k *Keeper) Close() error {
	k.mu.Lock()
	s := k.store
	k.half.Destroy() // k.lent.Half is the same one
	k.store, k.lease, k.lent, k.half = nil, wire.Lease{}, store.Lent{}, seal.Key{}
	k.opened = make(chan struct{})
	k.mu.Unlock()
	if s == nil {
		return nil
	}
	return s.Close()
}

// Unlock opens the cache by its passphrase. After [PassphraseTries] wrong ones only the relay opens it. It returns how many
// are left with store.ErrPassphrase, and else errors as OpenAlone does.
func (k *Keeper) Unlock(ctx context.Context, passphrase string) (left int, err error) {
	k.work.Lock()
	defer k.work.Unlock()
	if k.Store() != nil { // the relay was faster
		return PassphraseTries, nil
	}
	lent, lease, err := k.kept(ctx)
	if err != nil {
		return 0, err
	}
	if len(lent.Locked) == 0 {
		return 0, ErrLeaseOver
	}
	// The try counts before it is known to be wrong: who ends the program meanwhile gains nothing.
	lent.Tries++
	if err := k.cfg.Ring.SetLent(ctx, lent); err != nil {
		return 0, err
	}
	half, err := store.UnlockHalf(lent.Locked, lent.Salt, passphrase)
	if err != nil {
		if left = PassphraseTries - lent.Tries; left <= 0 {
			lent.Locked, lent.Salt = nil, nil
			if e := k.cfg.Ring.SetLent(ctx, lent); e != nil {
				return 0, e
			}
			return 0, ErrLeaseOver
		}
		return left, err
	}
	lent.Tries, lent.Half, lent.Shut = 0, half, false
	if err := k.cfg.Ring.SetLent(ctx, lent); err != nil {
		return 0, err
	}
	_, err = k.openWith(ctx, lent, lease, half)
	return 0, err
}

// SetPassphrase sets what unlocks the cache without the relay: at once while it is open, and else for the half that is lent
// next. It takes about a quarter of a second.
func (k *Keeper) SetPassphrase(ctx context.Context, passphrase string) error {
	k.work.Lock()
	defer k.work.Unlock()
	k.mu.Lock()
	open, half, lent := k.store != nil && k.lent.Lease != nil, k.half, k.lent
	k.pass = []byte(passphrase)
	k.mu.Unlock()
	if !open || terms(k.Lease()).NotAfter <= terms(k.Lease()).Issued {
		return nil
	}
	lent.Locked, lent.Salt = store.LockHalf(half, passphrase)
	lent.Tries = 0
	if err := k.cfg.Ring.SetLent(ctx, lent); err != nil {
		return fmt.Errorf("keeping the passphrase's half: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lent, k.pass = lent, nil
	return nil
}

// HasPassphrase reports whether a passphrase unlocks the cache.
func (k *Keeper) HasPassphrase() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.lent.Locked) > 0
}

var _ engine.Custody = (*Keeper)(nil)
