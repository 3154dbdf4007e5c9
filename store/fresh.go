package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
)

// This file is about getting rid of what was deleted. bbolt leaves old pages where they are; so after a customer was
// forgotten, or a log was told anew, what is left is written into new files under new keys, and the old ones are
// overwritten and removed. Each file says itself whether it must: the mark goes with it.

const (
	newSuffix = ".new" // a file on its way; worth nothing while the one it replaces is there
	oldSuffix = ".old" // a file on its way out

	rebuildAfter = 5 * time.Second // several customers may be forgotten at once, and a first paint comes first
	copyAtOnce   = 4 << 20         // bytes of one transaction of a copy
)

// staleRow says that old pages of the cache must go, and what the outbox must forget first.
type staleRow struct {
	_      struct{} `cbor:",toarray"`
	Erased []inbox.ConversationID
}

// readStale reads the marks of both files, and makes the outbox forget whom the cache has forgotten.
func (s *Store) readStale() error {
	if err := s.view("reading what must go", func(tx *bbolt.Tx) error {
		b, err := s.meta.get(tx, keyStale)
		if err != nil || b == nil {
			return err
		}
		row, err := decodeRow[staleRow](b)
		s.stale = &row
		return err
	}); err != nil {
		return err
	}
	if s.stale != nil {
		if err := s.purge(s.stale.Erased); err != nil { // a full disk, say: reading must go on
			s.log.Warn("what was wished for a forgotten customer stays in the outbox for now", "error", err)
			s.mu.Lock()
			s.forgetConversations(s.stale.Erased)
			s.mu.Unlock()
		}
	}
	outbox, err := s.outboxStale()
	if s.stale != nil || outbox {
		s.rebuildSoon()
	}
	return err
}

func (s *Store) outboxStale() (stale bool, err error) {
	err = s.failed("reading what must go", guard(func() error {
		return s.outbox.View(func(tx *bbolt.Tx) error {
			stale = tx.Bucket(s.outMeta.name).Get(keyStale) != nil
			return nil
		})
	}))
	return stale, err
}

// rebuildSoon rebuilds behind the caller's back, once for all who ask in the meantime. Should it fail, the next start does
// it.
func (s *Store) rebuildSoon() {
	if s.soon.Swap(true) || !s.begin() {
		return
	}
	go func() {
		defer s.filing.Done()
		timer := time.NewTimer(rebuildAfter)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-s.ending.Done():
			return
		}
		s.soon.Store(false)
		if err := s.rebuild(s.ending, false); err != nil && s.ending.Err() == nil {
			s.log.Warn("old pages stay on the disk for now", "error", err)
		}
	}()
}

// Rebuild writes both files anew under new keys and destroys the old ones, so that nothing that was ever deleted is left in
// them. Drafts and intents are kept, reading goes on. The store does it by itself some seconds after a customer was
// forgotten or a log was told anew, or after the next start. An error leaves the store as it was.
func (s *Store) Rebuild(ctx context.Context) error { return s.rebuild(ctx, true) }

// rebuild does so for the files whose mark is set, or for both.
func (s *Store) rebuild(ctx context.Context, both bool) error {
	s.posting.Lock()
	outbox, err := s.outboxStale()
	s.posting.Unlock()
	if err != nil {
		return err
	}
	if err := s.rebuildCache(ctx, both); err != nil {
		return sorted("rebuilding the cache", err)
	}
	if !both && !outbox {
		return nil
	}
	return sorted("rebuilding the outbox", s.rebuildOutbox(ctx))
}

func (s *Store) rebuildCache(ctx context.Context, always bool) error {
	if err := s.load(ctx); err != nil {
		return err
	}
	s.applying.Lock()
	defer s.applying.Unlock()
	if s.stale == nil && !always {
		return nil
	}
	if s.stale != nil { // the mark goes with the old file, so what it asks for must be done
		if err := s.purge(s.stale.Erased); err != nil {
			return err
		}
	}
	err := s.replace(ctx, (*Store).cacheAs, cacheFile, s.copyAll)
	if err == nil {
		s.stale = nil
	}
	return err
}

// copyAll copies the cache. It needs applying.
func (s *Store) copyAll(fresh *Store, c *copier) error {
	return s.view("copying the cache", func(tx *bbolt.Tx) error { return s.copyCache(tx, fresh, c) })
}

// copyCache copies all that has a meaning. Rows are named anew, for names are keyed as well.
func (s *Store) copyCache(tx *bbolt.Tx, fresh *Store, c *copier) error {
	same := func(from, to room, key []byte) error {
		plain, err := from.get(tx, key)
		if err != nil || plain == nil {
			return err
		}
		return c.put(to, key, plain)
	}
	for _, err := range []error{same(s.meta, fresh.meta, keyCursors), same(s.head, fresh.head, keyTop), same(s.head, fresh.head, keyCompany)} {
		if err != nil {
			return err
		}
	}
	for id := range s.base {
		plain, err := s.row.get(tx, rowName(s.row, id))
		if err != nil {
			return err
		}
		if err := c.put(fresh.row, rowName(fresh.row, id), plain); err != nil {
			return err
		}
		name := rowName(fresh.ev, id)
		for _, key := range s.chunksOf(tx, id) {
			plain, err := s.ev.get(tx, key)
			if err != nil {
				return err
			}
			if err := c.put(fresh.ev, append(bytes.Clone(name), be64(chunkPlace(key))...), plain); err != nil {
				return err
			}
		}
	}
	for log, of := range s.told {
		for t := range of {
			plain, err := s.thing.get(tx, s.thingKey(log, t))
			if err != nil {
				return err
			}
			if err := c.put(fresh.thing, fresh.thingKey(log, t), plain); err != nil {
				return err
			}
		}
	}
	return tx.Bucket(s.cause.name).ForEach(func(k, v []byte) error {
		id, err := s.cause.open(k, v)
		if err != nil {
			return err
		}
		return c.put(fresh.cause, rowName(fresh.cause, string(id)), id)
	})
}

func (s *Store) rebuildOutbox(ctx context.Context) error {
	s.posting.Lock()
	defer s.posting.Unlock()
	return s.replace(ctx, (*Store).outboxAs, outboxFile, s.copyOutbox)
}

// copyOutbox copies all of the outbox. It needs posting.
func (s *Store) copyOutbox(fresh *Store, c *copier) error {
	return guard(func() error {
		return s.outbox.View(func(tx *bbolt.Tx) error {
			plain, err := s.outMeta.get(tx, keyCheckpoints)
			if err == nil && plain != nil {
				err = c.put(fresh.outMeta, keyCheckpoints, plain)
			}
			if err != nil {
				return err
			}
			to := fresh.outRooms()
			for i, r := range s.outRooms() {
				if err := tx.Bucket(r.name).ForEach(func(k, v []byte) error {
					plain, err := r.open(k, v)
					if err != nil {
						return err
					}
					name, _, err := fresh.outName(r, plain)
					if err != nil {
						return err
					}
					return c.put(to[i], name, plain)
				}); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// A copier writes rows into a file that counts for nothing until it is whole: synced once, at the end.
type copier struct {
	ctx  context.Context
	db   *bbolt.DB
	rows []copied
	size int
}

type copied struct {
	to         room
	key, plain []byte
}

func (c *copier) put(to room, key, plain []byte) error {
	c.rows = append(c.rows, copied{to, bytes.Clone(key), plain})
	if c.size += len(key) + len(plain); c.size < copyAtOnce {
		return nil
	}
	return c.flush()
}

func (c *copier) flush() error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	err := guard(func() error {
		return c.db.Update(func(tx *bbolt.Tx) error {
			for _, r := range c.rows {
				if err := r.to.put(tx, r.key, r.plain); err != nil {
					return err
				}
			}
			return nil
		})
	})
	c.rows, c.size = c.rows[:0], 0
	return err
}

// replace makes a new file, has it filled, and puts it in the place of the old one. The old one steps aside first, for not
// every system renames over a file that is open: whoever is killed in between is helped by finish. Writers of the file must
// be kept away.
func (s *Store) replace(ctx context.Context, as func(*Store, string) *file, name string, fill func(*Store, *copier) error) error {
	into, err := s.copied(ctx, s.rooms, as, name+newSuffix, fill)
	if err != nil {
		return err
	}
	if err := s.exchange(as(s, name), into); err != nil {
		return err
	}
	s.reached("exchanged")
	return errors.Join(shred(s.dir, name+oldSuffix), syncDir(s.dir))
}

// copied makes a new file, has it filled, and closes it when it is whole and on the disk. An error leaves none.
func (s *Store) copied(ctx context.Context, r rooms, as func(*Store, string) *file, name string, fill func(*Store, *copier) error) (_ *file, err error) {
	fresh := &Store{dir: s.dir, reader: s.reader, rooms: r}
	into := as(fresh, name)
	into.fresh, into.noSync = true, true
	if err := errors.Join(s.touch(), shred(s.dir, name)); err != nil {
		return nil, err
	}
	copying := true
	defer func() {
		if copying && *into.db != nil {
			err = errors.Join(err, guard((*into.db).Close))
		}
		if copying {
			err = errors.Join(err, shred(s.dir, name))
		}
	}()
	if err := fresh.openFile(into); err != nil {
		return nil, err
	}
	if err := fresh.initialise(into); err != nil {
		return nil, err
	}
	c := &copier{ctx: ctx, db: *into.db}
	if err := fill(fresh, c); err != nil {
		return nil, err
	}
	if err := c.flush(); err != nil {
		return nil, err
	}
	if err := guard(func() error { return errors.Join((*into.db).Sync(), (*into.db).Close()) }); err != nil {
		return nil, err
	}
	copying = false
	return into, nil
}

// exchange puts a file in the place of the one that is open, and opens it. Readers wait for it.
func (s *Store) exchange(f, into *file) error {
	s.exchanging.Lock()
	defer s.exchanging.Unlock()
	s.reached("copied")
	if err := guard((*f.db).Close); err != nil {
		return err
	}
	path, aside := filepath.Join(s.dir, f.name), filepath.Join(s.dir, f.name+oldSuffix)
	moved := shred(s.dir, f.name+oldSuffix)
	if moved == nil {
		moved = errors.Join(syncDir(s.dir), os.Rename(path, aside), syncDir(s.dir))
	}
	s.reached("aside")
	if moved == nil {
		moved = errors.Join(os.Rename(filepath.Join(s.dir, into.name), path), syncDir(s.dir))
	}
	if moved != nil { // whichever of the two is there now is whole
		moved = errors.Join(moved, finish(s.dir, f.name))
	}
	if err := s.openFile(f); err != nil {
		return errors.Join(moved, err)
	}
	return errors.Join(moved, s.unlock(f))
}

// finish ends what replace began before it was killed. The old file steps aside only when the new one is whole.
func finish(dir, name string) error {
	path, fresh, old := filepath.Join(dir, name), name+newSuffix, name+oldSuffix
	if missing(dir, name) && !missing(dir, old) {
		from := fresh
		if missing(dir, fresh) {
			from = old
		}
		if err := errors.Join(os.Rename(filepath.Join(dir, from), path), syncDir(dir)); err != nil {
			return fmt.Errorf("putting a file in its place: %w", err)
		}
	}
	return errors.Join(shred(dir, fresh), shred(dir, old))
}

// reached is where tests die.
func (s *Store) reached(step string) {
	if s.step != nil {
		s.step(step)
	}
}

// The keys of a file lie in the file, sealed under the key of the store, and go with it.

// unlock reads the key of a file. A file of an older format has none of its own.
func (s *Store) unlock(f *file) error {
	var own []byte
	err := guard(func() error {
		return (*f.db).View(func(tx *bbolt.Tx) (err error) {
			own, err = f.meta.get(tx, keyFile)
			return err
		})
	})
	if err != nil {
		return err
	}
	if own == nil {
		f.use(s.sealer)
		return nil
	}
	return s.useKey(f, own)
}

// useKey makes the rooms of a file of its key, and clears it.
func (s *Store) useKey(f *file, own []byte) error {
	defer clear(own)
	sealer, err := fileSealer(own, s.scope)
	if err != nil {
		return err
	}
	f.use(sealer)
	return nil
}

func fileSealer(own []byte, scope seal.Scope) (*seal.Sealer, error) {
	key, err := seal.NewKey(own)
	if err != nil {
		return nil, errRow
	}
	defer key.Destroy()
	return seal.New(key, scope)
}

// writeKey gives a new file its key, twice: without it nothing in the outbox could be saved of a damaged page.
func (s *Store) writeKey(tx *bbolt.Tx, f *file) error {
	key := seal.RandomKey()
	own := key.Bytes()
	key.Destroy()
	if err := errors.Join(f.meta.put(tx, keyFile, own), f.copies().put(tx, keyFile, own)); err != nil {
		return err
	}
	return s.useKey(f, own)
}

// copies is the room with the second copy of a file's key.
func (f *file) copies() room { return room{[]byte(nameKey), f.meta.seal} }
