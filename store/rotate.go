package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"sealdesk/store/seal"
)

// This file is about turning a store to new halves: a new one of the device's and a new one of the relay's. Keyring, folder
// and relay are three places, and a program can be killed between any two of them. So
//
//  1. the keyring is given the next half beside the one that counts;
//  2. both files are written anew beside the old ones, whole, under keys of their own and the next halves;
//  3. one small file, put in place in one step, says that the next halves count from now on;
//  4. the new files take the places of the old ones, which are overwritten;
//  5. the keyring forgets what it need not know any more.
//
// Killed before 3 the store is the old one, after it the new one; the next start does what is left.
//
// The relay destroys its old half when it hears that all this is done. Until it has heard, a start may get the old half from
// it; so the small file also holds the relay's new half, sealed under both old ones.

const (
	turnFile   = "turn"
	nextSuffix = ".next"
)

// A turn says which half of the device's counts, and leads from the relay's half before to the one of now.
type turn struct {
	Which  []byte `cbor:"1,keyasint"` // name of the device's half that counts
	Check  []byte `cbor:"2,keyasint"` // of the key of both halves
	Bridge []byte `cbor:"3,keyasint"` // the relay's half, sealed under the halves the relay may still lend by
	Under  []byte `cbor:"4,keyasint"` // name of the device's half among those
	Moved  bool   `cbor:"5,keyasint"` // the new files are in their places
}

// readTurn returns the turn of a folder; nil when there is none, or none that can be read.
func readTurn(dir string) *turn {
	b, err := os.ReadFile(filepath.Join(dir, turnFile))
	if err != nil {
		return nil
	}
	t, err := decodeRow[turn](b)
	if err != nil {
		return nil
	}
	return &t
}

func (t *turn) write(dir string) error {
	b, err := encMode.Marshal(t)
	if err != nil {
		return fmt.Errorf("encoding the turn: %w", err)
	}
	return writeSynced(dir, turnFile, b)
}

// finish puts the new files into their places, however often it was begun. The old ones step aside first: see exchange.
func (t *turn) finish(dir string, reached func(string)) error {
	if t.Moved {
		return nil
	}
	for _, name := range []string{outboxFile, cacheFile} {
		if missing(dir, name+nextSuffix) {
			continue
		}
		path := filepath.Join(dir, name)
		if !missing(dir, name) {
			if err := errors.Join(shred(dir, name+oldSuffix), os.Rename(path, path+oldSuffix), syncDir(dir)); err != nil {
				return err
			}
		}
		reached("aside")
		if err := errors.Join(os.Rename(path+nextSuffix, path), syncDir(dir)); err != nil {
			return err
		}
		reached("moved")
	}
	for _, name := range []string{outboxFile, cacheFile} {
		if err := shred(dir, name+oldSuffix); err != nil {
			return err
		}
		reached("overwritten")
	}
	t.Moved = true
	if t.write(dir) != nil { // a full disk, say, and the store must open all the same; Rotate will insist on it
		t.Moved = false
	}
	return nil
}

// settleTurn ends what a Rotate began before it was killed, or takes it back when it had not come far enough. It returns the
// turn that counts in the folder, if one does.
func settleTurn(dir string) (*turn, error) {
	t := readTurn(dir)
	if t != nil {
		if err := t.finish(dir, func(string) {}); err != nil {
			return nil, fmt.Errorf("putting the files of new halves in their places: %w", err)
		}
	}
	return t, errors.Join(shred(dir, outboxFile+nextSuffix), shred(dir, cacheFile+nextSuffix))
}

// A lending is what leads to the key by the half the relay lends, should it not hear of a newer one.
type lending struct {
	half   seal.Key // the device's
	sealer *seal.Sealer
}

// rooms makes the rooms of a store that need no file, by the half the relay lends now or by the one before.
func (cfg Config) rooms(t *turn) (rooms, lending, error) {
	scope := seal.Scope{Store: cfg.Key.store[:], Schema: schema}
	sealer, err := sealerOf(cfg.Key.half, cfg.RelayHalf, scope)
	if err != nil {
		return rooms{}, lending{}, err
	}
	lent := lending{cfg.Key.half, sealer}
	if t != nil && sealer.Verify(t.Check) != nil && !cfg.Key.old.IsZero() {
		before, err := sealerOf(cfg.Key.old, cfg.RelayHalf, scope)
		if err != nil {
			return rooms{}, lending{}, err
		}
		if half, err := t.cross(before); err == nil {
			sealer, err = sealerOf(cfg.Key.half, half, scope)
			half.Destroy()
			if err != nil {
				return rooms{}, lending{}, err
			}
			lent = lending{cfg.Key.old, before}
		}
	}
	return makeRooms(sealer, scope), lent, nil
}

func sealerOf(half, relayHalf seal.Key, scope seal.Scope) (*seal.Sealer, error) {
	root := rootOf([16]byte(scope.Store), half, relayHalf)
	defer root.Destroy()
	return seal.New(root, scope)
}

// bridge seals the relay's half; nothing when it lends none.
func (l lending) bridge(t *turn, relayHalf seal.Key) {
	secret := relayHalf.Bytes()
	defer clear(secret)
	under := l.half.Bytes()
	defer clear(under)
	t.Under, t.Bridge = whichOf(under), l.sealer.Seal(nil, turnFile, t.Which, secret)
}

// cross opens what bridge sealed.
func (t *turn) cross(before *seal.Sealer) (seal.Key, error) {
	secret, err := before.Open(nil, turnFile, t.Which, t.Bridge)
	defer clear(secret)
	if err != nil || len(secret) == 0 {
		return seal.Key{}, err
	}
	return seal.NewKey(secret)
}

// Rotate turns the store to another half of the relay's and a new one of the device's: both files are written anew under
// new keys, and nothing that lies in them can be opened by the halves before. Drafts, intents and attached files are kept,
// reading goes on, and what is written meanwhile waits for some moments. generation is that of the relay's half; the zero
// half and 0 stand for none.
//
// Killed at any point the store is the old one or the new one, whole, and [Keyring.CacheKey] gives the key to it. Until
// [Store.Rotated] it can also be opened by the relay's half before. An error leaves the store as it was, but for one that
// comes with ErrClosed: then it must be opened again.
func (s *Store) Rotate(ctx context.Context, k *Keyring, half seal.Key, generation uint64) error {
	if !s.begin() {
		return fmt.Errorf("turning the store to new halves: %w", ErrClosed)
	}
	defer s.filing.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ending, cancel)()
	return sorted("turning the store to new halves", s.rotate(ctx, k, half, generation))
}

func (s *Store) rotate(ctx context.Context, k *Keyring, half seal.Key, generation uint64) error {
	if half.IsZero() != (generation == 0) {
		return seal.ErrNoKey
	}
	if err := s.load(ctx); err != nil {
		return err
	}
	s.applying.Lock()
	defer s.applying.Unlock()
	if s.stale != nil { // the mark goes with the old file, so what it asks for must be done
		if err := s.purge(s.stale.Erased); err != nil {
			return err
		}
	}
	if t := readTurn(s.dir); t != nil && !t.Moved { // half a new file would be taken for a whole one
		t.Moved = true
		if err := t.write(s.dir); err != nil {
			return err
		}
	}
	if err := s.ownKeys(ctx); err != nil {
		return err
	}
	next := seal.RandomKey()
	sealer, err := sealerOf(next, half, s.scope)
	if err != nil {
		return err
	}
	fresh := makeRooms(sealer, s.scope)
	if err := k.setCacheKey(ctx, s.key, next, generation); err != nil {
		return err
	}
	s.reached("next half kept")
	if _, err := s.copied(ctx, fresh, (*Store).cacheAs, cacheFile+nextSuffix, s.copyAll); err != nil {
		return err
	}
	s.reached("cache copied")
	s.posting.Lock()
	defer s.posting.Unlock()
	if _, err := s.copied(ctx, fresh, (*Store).outboxAs, outboxFile+nextSuffix, s.copyOutbox); err != nil {
		return errors.Join(err, shred(s.dir, cacheFile+nextSuffix))
	}
	s.reached("outbox copied")
	name := next.Bytes()
	check := sealer.Check()
	t := &turn{Which: whichOf(name), Check: check[:]}
	clear(name)
	s.lent.bridge(t, half)
	if err := t.write(s.dir); err != nil {
		if now := readTurn(s.dir); now == nil || !bytes.Equal(now.Which, t.Which) {
			return errors.Join(err, shred(s.dir, cacheFile+nextSuffix), shred(s.dir, outboxFile+nextSuffix))
		}
	}
	s.reached("turned")
	if err := s.turnTo(fresh, t); err != nil { // there is no way back, but one forward
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	s.stale = nil
	s.mu.Lock()
	s.key = CacheKey{half: next, store: s.key.store, generation: generation, old: s.lent.half}
	s.mu.Unlock()
	s.reached("changed")
	if err := k.setCacheKey(ctx, s.key, seal.Key{}, 0); err != nil { // it has the next half, and the folder says that it counts
		s.log.Warn("the keyring keeps a half too many for now", "error", err)
	}
	s.reached("next half settled")
	return nil
}

// turnTo exchanges both files. Readers wait for it.
func (s *Store) turnTo(fresh rooms, t *turn) error {
	s.exchanging.Lock()
	defer s.exchanging.Unlock()
	if err := errors.Join(guard(s.cache.Close), guard(s.outbox.Close)); err != nil {
		return err
	}
	if err := t.finish(s.dir, s.reached); err != nil {
		return err
	}
	fresh.piece = s.piece // read without a lock, and for files without a key of their own only: there are none left
	s.rooms = fresh
	for _, f := range []*file{s.outboxAs(outboxFile), s.cacheAs(cacheFile)} {
		if err := s.openFile(f); err != nil {
			return err
		}
		if err := s.unlock(f); err != nil {
			return err
		}
	}
	return nil
}

// Rotated forgets the half before: to be called when the relay lends the half the store was turned to, and harmless at any
// other time when it does so. What is left of the old halves in the keyring and the folder is destroyed.
func (s *Store) Rotated(ctx context.Context, k *Keyring) error {
	s.applying.Lock()
	defer s.applying.Unlock()
	if s.key.old.IsZero() && missing(s.dir, turnFile) {
		return nil
	}
	key := s.key
	key.old = seal.Key{}
	if err := k.setCacheKey(ctx, key, seal.Key{}, 0); err != nil { // first: without the turn it is what counts
		return fmt.Errorf("forgetting the half before: %w", err)
	}
	s.reached("old half forgotten")
	s.lent = lending{key.half, s.sealer}
	s.mu.Lock()
	s.key = key
	s.mu.Unlock()
	return sorted("forgetting the half before", errors.Join(shred(s.dir, turnFile), syncDir(s.dir)))
}

// Generation is that of the relay's half the store is sealed under; see [CacheKey.Generation].
func (s *Store) Generation() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.key.Generation()
}

// ID is the store's id; see [CacheKey.Store].
func (s *Store) ID() []byte {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.key.Store()
}
