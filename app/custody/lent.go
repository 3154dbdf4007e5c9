package custody

import (
	"context"
	"errors"
	"fmt"

	"sealdesk/app/inbox"
	"sealdesk/store"
	"sealdesk/store/seal"
	"sealdesk/sync/engine"
	"sealdesk/sync/wire"
)

// Open implements [engine.Custody]: it opens the cache with the half that was lent, if it is not open, and keeps the lease. A
// cache that knew no half yet gets one.
func (k *Keeper) Open(ctx context.Context, w wire.Welcome) (engine.Cache, error) {
	k.work.Lock()
	defer k.work.Unlock()
	cache, err := k.open(ctx, w)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.failure = err
	select {
	case <-k.opened:
	default:
		close(k.opened)
	}
	if err != nil {
		return nil, err
	}
	return cache, nil
}

func (k *Keeper) open(ctx context.Context, w wire.Welcome) (*store.Store, error) {
	if _, pending, err := store.PendingWipe(k.cfg.Dir); err != nil || pending {
		return nil, errors.Join(ErrWiping, err)
	}
	lease, err := wire.OpenLease(k.cfg.Device.RelayKey, k.cfg.Device.ID, w.Lease)
	if err != nil {
		return nil, err
	}
	half, err := seal.NewKey(w.Half)
	if err != nil {
		return nil, fmt.Errorf("taking the half: %w", err)
	}
	s := k.Store()
	fresh := s == nil
	if fresh {
		key, err := k.cfg.Ring.CacheKey(ctx, StoreDir(k.cfg.Dir))
		if err != nil {
			return nil, err
		}
		with := half
		if key.Generation() == 0 { // a new store, or one from before halves were lent
			with = seal.Key{}
		}
		if s, err = store.Open(ctx, k.storeConfig(key, with)); err != nil {
			return nil, err
		}
		if key.Generation() == 0 {
			if err := s.Rotate(ctx, k.cfg.Ring, half, w.Generation); err != nil {
				return nil, errors.Join(err, s.Close())
			}
		}
	}
	if err := k.keep(ctx, s, half, lease, w.Lease, w.Time); err != nil {
		if fresh {
			err = errors.Join(err, s.Close()) // or nobody could open it again
		}
		return nil, err
	}
	k.settled(ctx, s, lease.Generation)
	return s, nil
}

// settled forgets the half before the one the cache was turned to, once the relay lends by the new one: until then a start
// may be lent the old one, when the word that the cache was turned was lost.
func (k *Keeper) settled(ctx context.Context, s *store.Store, lentBy uint64) {
	if lentBy != s.Generation() {
		return
	}
	if err := s.Rotated(ctx, k.cfg.Ring); err != nil {
		k.cfg.Log.Warn("the half before is not forgotten yet", "error", err)
	}
}

// keep keeps a half and its lease: both in memory, and in the keyring as far as the lease allows. work must be held.
func (k *Keeper) keep(ctx context.Context, s *store.Store, half seal.Key, lease wire.Lease, signed []byte, seen inbox.Moment) error {
	k.mu.Lock()
	before, pass := k.lent, k.pass
	k.mu.Unlock()
	if before.Lease == nil { // the cache was closed: what locks it is in the keyring alone
		kept, err := k.cfg.Ring.Lent(ctx)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("keeping the lease: %w", err)
		}
		before = kept
	}
	// What the relay says is the time; a mark above it was set by a clock that ran ahead.
	lent := store.Lent{Lease: signed, Seen: seen, Generation: lease.Generation}
	if t := terms(lease); t.NotAfter > t.Issued {
		lent.Half = half
		if before.Generation == lease.Generation {
			lent.Locked, lent.Salt = before.Locked, before.Salt
		}
		if len(pass) > 0 {
			lent.Locked, lent.Salt = store.LockHalf(half, string(pass))
		}
	}
	if err := k.cfg.Ring.SetLent(ctx, lent); err != nil {
		return fmt.Errorf("keeping the lease: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(pass)
	k.store, k.half, k.lent, k.lease, k.heard, k.pass = s, half, lent, lease, k.cfg.Now(), nil
	return nil
}

// Lent implements [engine.Custody].
func (k *Keeper) Lent(ctx context.Context, signed []byte) error {
	k.work.Lock()
	defer k.work.Unlock()
	lease, err := wire.OpenLease(k.cfg.Device.RelayKey, k.cfg.Device.ID, signed)
	if err != nil {
		return err
	}
	k.mu.Lock()
	s, half, now := k.store, k.half, k.lease
	k.mu.Unlock()
	if s == nil || lease.Generation != now.Generation || lease.Issued < now.Issued {
		return wire.ErrSigned
	}
	if err := k.keep(ctx, s, half, lease, signed, lease.Issued); err != nil {
		return err
	}
	k.settled(ctx, s, lease.Generation)
	return nil
}

// Rotate implements [engine.Custody]. A passphrase has to be set again: what it locked is gone.
func (k *Keeper) Rotate(ctx context.Context, r wire.Rotate) error {
	k.work.Lock()
	defer k.work.Unlock()
	lease, err := wire.OpenLease(k.cfg.Device.RelayKey, k.cfg.Device.ID, r.Lease)
	if err != nil || lease.Generation != r.Generation {
		return wire.ErrSigned
	}
	half, err := seal.NewKey(r.Half)
	if err != nil {
		return fmt.Errorf("taking the half: %w", err)
	}
	s := k.Store()
	if s == nil {
		return errors.New("the cache is closed")
	}
	if s.Generation() != r.Generation {
		// Who asks for the next generation lends by the one there is: only from that one may a way lead to the next.
		if r.Generation == s.Generation()+1 {
			if err := s.Rotated(ctx, k.cfg.Ring); err != nil {
				return err
			}
		}
		if err := s.Rotate(ctx, k.cfg.Ring, half, r.Generation); err != nil {
			return err
		}
	}
	return k.keep(ctx, s, half, lease, r.Lease, lease.Issued)
}

// Held implements [engine.Custody].
func (k *Keeper) Held() (out []wire.Checkpoint) {
	s := k.Store()
	if s == nil {
		return nil
	}
	for _, c := range s.Checkpoints() {
		out = append(out, wire.Checkpoint{Log: c.Log, Note: c.Note})
	}
	return out
}

// Hold implements [engine.Custody].
func (k *Keeper) Hold(ctx context.Context, c wire.Checkpoint) error {
	s := k.Store()
	if s == nil {
		return errors.New("the cache is closed")
	}
	return s.SetCheckpoint(ctx, c.Log, c.Note)
}
