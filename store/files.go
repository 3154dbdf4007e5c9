package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"

	"sealdesk/store/seal"
)

// This file is about the folder: who has it, whether it ended well, and how its files come to be opened.

const lockPatience = 2 * time.Second

// takeFolder makes the folder, private to its owner, and takes its lock.
func takeFolder(ctx context.Context, dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, fmt.Errorf("closing the folder to others: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		ok, err := tryLock(f)
		if ok {
			return f, nil
		}
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("taking the lock: %w", err)
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			f.Close()
			return nil, ErrAlreadyRunning
		}
	}
}

func missing(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(dir, name))
	return errors.Is(err, os.ErrNotExist)
}

// inspect refuses files bbolt must not see. After a clean end their sizes and times are proof enough that nobody wrote them;
// a disk may rot all the same, so what is cheap to check is checked.
func inspect(dir string) error {
	if !missing(dir, damagedFile) {
		return ErrDamaged
	}
	clean := cleanEnd(dir)
	for _, name := range []string{cacheFile, outboxFile} {
		path := filepath.Join(dir, name)
		var err error
		switch {
		case missing(dir, name):
		case clean && name == cacheFile:
			err = walkBones(path)
		default:
			err = walk(path, nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// stamp describes both files as they are now.
func stamp(dir string) ([]byte, error) {
	b := []byte("sealdesk clean 1\n")
	for _, name := range []string{cacheFile, outboxFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		b = fmt.Appendf(b, "%s %d %d\n", name, info.Size(), info.ModTime().UnixNano())
	}
	return b, nil
}

func cleanEnd(dir string) bool {
	was, err := os.ReadFile(filepath.Join(dir, cleanFile))
	if err != nil {
		return false
	}
	is, err := stamp(dir)
	return err == nil && string(is) == string(was)
}

// touch takes the mark of a clean end away, once, before the first write.
func (s *Store) touch() error {
	s.dirty.Do(func() {
		err := os.Remove(filepath.Join(s.dir, cleanFile))
		if err == nil {
			err = syncDir(s.dir)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			s.dirtyErr = fmt.Errorf("marking the store as in use: %w", err)
		}
	})
	return s.dirtyErr
}

// A file is one of the two, on its way to being opened.
type file struct {
	db     **bbolt.DB
	name   string
	limit  int
	meta   room
	rooms  map[string]byte    // what is in it, and since which format
	use    func(*seal.Sealer) // makes the rooms of the file's key
	fresh  bool               // not there yet
	noSync bool               // it counts for nothing until it is whole
	format byte               // as it was found
}

func (s *Store) outboxAs(name string) *file {
	return &file{db: &s.outbox, name: name, limit: maxOutbox, meta: s.outMeta, use: s.useOutbox,
		rooms: map[string]byte{"meta": 1, namePost: 1, nameDraft: 1, nameFile: 2, nameTyped: 3, nameKey: 3}}
}

func (s *Store) cacheAs(name string) *file {
	return &file{db: &s.cache, name: name, limit: maxCache, meta: s.meta, use: s.useCache,
		rooms: map[string]byte{"meta": 1, "head": 1, "row": 1, "ev": 1, "cause": 1, "thing": 2, nameKey: 3}}
}

// takeOver brings files of an older format up to date. The outbox keeps what it has. The cache goes: facts went into it
// that its program had no words for all of, and the relay tells them again.
func (s *Store) takeOver(outbox, cache *file) error {
	if !outbox.fresh && outbox.format < format {
		if err := s.touch(); err != nil {
			return err
		}
		if err := s.initialise(outbox); err != nil {
			return err
		}
	}
	if !cache.fresh && cache.format < format {
		if err := s.touch(); err != nil {
			return err
		}
		if err := guard((*cache.db).Close); err != nil {
			return err
		}
		// Out of the way first: half a cache would be a damaged one.
		if err := errors.Join(os.Rename(filepath.Join(s.dir, cacheFile), filepath.Join(s.dir, oldCache)), syncDir(s.dir)); err != nil {
			return err
		}
		*cache.db, cache.fresh = nil, true
	}
	return shred(s.dir, oldCache)
}

func (s *Store) openFile(f *file) error {
	return guard(func() error {
		db, err := bbolt.Open(filepath.Join(s.dir, f.name), 0o600,
			&bbolt.Options{Timeout: lockPatience, FreelistType: bbolt.FreelistMapType, MaxSize: f.limit, NoSync: f.noSync})
		if err == nil {
			*f.db = db // or the closed one stays, which says so to whoever uses it
		}
		return err
	})
}

// guard turns a fault or panic of bbolt over a page that changed under it into ErrDamaged: one that was not there when
// the structure was checked, or was not checked after a clean end.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: the database gave up", ErrDamaged)
		}
	}()
	return f()
}

func (s *Store) initialise(f *file) error {
	return guard(func() error {
		return (*f.db).Update(func(tx *bbolt.Tx) error {
			for name := range f.rooms {
				if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
					return err
				}
			}
			b := tx.Bucket(f.meta.name)
			if err := b.Put(keyFormat, []byte{format}); err != nil {
				return err
			}
			check := s.sealer.Check()
			if err := b.Put(keyCheck, check[:]); err != nil {
				return err
			}
			if f.fresh {
				if err := s.writeKey(tx, f); err != nil {
					return err
				}
			}
			return f.meta.put(tx, keyReader, []byte(s.reader))
		})
	})
}

// compareKeys tells a wrong key, which fits neither file, from a damaged or exchanged file, which it does not fit while
// it fits the other.
func (s *Store) compareKeys(files []*file) error {
	there, fit := 0, 0
	var damage error
	for _, f := range files {
		if f.fresh {
			continue
		}
		there++
		fits, err := s.compareKey(f)
		switch {
		case errors.Is(err, ErrOtherPerson), errors.Is(err, ErrNewerStore):
			return err
		case err != nil:
			damage = err
		case fits:
			fit++
		}
	}
	switch {
	case damage != nil:
		return damage
	case fit == there:
		return nil
	case fit == 0:
		return ErrWrongKey
	}
	return fmt.Errorf("%w: the files do not belong together", ErrDamaged)
}

func (s *Store) compareKey(f *file) (fits bool, err error) {
	err = guard(func() error {
		return (*f.db).View(func(tx *bbolt.Tx) error {
			b := tx.Bucket(f.meta.name)
			if b == nil {
				return ErrDamaged
			}
			found, tag := b.Get(keyFormat), b.Get(keyCheck)
			if len(found) != 1 || found[0] == 0 || len(tag) != seal.CheckSize {
				return ErrDamaged
			}
			if f.format = found[0]; f.format > format {
				return ErrNewerStore
			}
			for name, since := range f.rooms {
				if since <= f.format && tx.Bucket([]byte(name)) == nil {
					return ErrDamaged
				}
			}
			if s.sealer.Verify(tag) != nil {
				return nil
			}
			fits = true
			reader, err := f.meta.get(tx, keyReader)
			if err != nil {
				return err
			}
			if string(reader) != string(s.reader) {
				return ErrOtherPerson
			}
			return nil
		})
	})
	return fits, err
}

func markClean(dir string) error {
	b, err := stamp(dir)
	if err != nil {
		return err
	}
	return writeSynced(dir, cleanFile, b)
}

// writeSynced puts a small file in place of an old one, whole or not at all.
func writeSynced(dir, name string, b []byte) error {
	tmp := filepath.Join(dir, name+".new")
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(tmp)
		return err
	}
	if err := os.Rename(tmp, filepath.Join(dir, name)); err != nil {
		return err
	}
	return syncDir(dir)
}
