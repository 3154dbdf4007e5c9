package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"go.etcd.io/bbolt"

	"sealdesk/store/seal"
)

// Repair makes a store that can be opened of one that is damaged: the cache is overwritten and removed, for the relay
// tells it again from the start; of the outbox, every row that can still be reached and opens under its key is kept.
// The store must not be open. ErrWrongKey means that the outbox is sound and sealed under another key: nothing is
// changed then.
func Repair(ctx context.Context, cfg Config) error {
	return sorted("repairing the store", repair(ctx, cfg))
}

func repair(ctx context.Context, cfg Config) error {
	lock, err := takeFolder(ctx, cfg.Dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	turned, err := settleTurn(cfg.Dir)
	if err != nil {
		return err
	}
	rooms, _, err := cfg.rooms(turned)
	if err != nil {
		return err
	}
	for _, name := range []string{outboxFile, cacheFile} {
		if err := finish(cfg.Dir, name); err != nil {
			return err
		}
	}
	if err := saveOutbox(cfg, rooms); err != nil {
		return err
	}
	return errors.Join(shred(cfg.Dir, cacheFile), shred(cfg.Dir, cleanFile), shred(cfg.Dir, damagedFile))
}

// saveOutbox replaces an outbox that is not whole by what can be read of it.
func saveOutbox(cfg Config, r rooms) error {
	path := filepath.Join(cfg.Dir, outboxFile)
	if missing(cfg.Dir, outboxFile) {
		return nil
	}
	type row struct{ bucket, key, sealed string }
	var found []row
	var checkpoints []byte
	otherKey, harmed, readable, keyed, keyless := false, false, false, false, false // keyless: of a format without keys of files
	keys := []*seal.Sealer{r.sealer}                                                // what rows may be sealed with: older files have no key of their own
	err := walk(path, func(bucket string, key, value []byte) {
		switch bucket {
		case namePost, nameDraft, nameFile, nameTyped:
			found = append(found, row{bucket, string(key), string(value)})
		default:
			otherKey = otherKey || string(key) == string(keyCheck) && r.sealer.Verify(value) != nil
			plain, err := r.outMeta.open(key, value)
			switch string(key) {
			case string(keyFormat):
				keyless = len(value) == 1 && value[0] < 3
			case string(keyReader):
				readable = err == nil
			case string(keyCheckpoints):
				checkpoints, harmed = plain, harmed || err != nil
			case string(keyFile):
				if err != nil {
					return
				}
				keyed = keyed || bucket != nameKey
				if sealer, err := fileSealer(plain, r.scope); err == nil {
					keys = append(keys, sealer)
				}
				clear(plain)
			}
		}
	})
	type saved struct {
		in    room
		plain []byte
	}
	var rows []saved
	r.useOutbox(r.sealer) // for telling what a row is; the new file has rooms of its own
	for _, f := range found {
		for _, k := range keys {
			in := roomOf(k, f.bucket)
			plain, err := in.open([]byte(f.key), []byte(f.sealed))
			if err == nil {
				rows = append(rows, saved{in, plain})
				break
			}
		}
	}
	rows = slices.DeleteFunc(rows, func(row saved) bool {
		_, _, err := r.outName(row.in, row.plain)
		return err != nil
	})
	lost := len(found) - len(rows)
	switch {
	case err != nil && !errors.Is(err, ErrDamaged):
		return err
	case err == nil && lost == 0 && !otherKey && !harmed && readable && (keyed || keyless):
		return nil
	case err == nil && otherKey && len(rows) == 0 && lost > 0:
		return ErrWrongKey
	}
	if cfg.Log != nil {
		cfg.Log.Warn("the outbox was damaged", "kept", len(rows), "lost", lost)
	}
	fresh := &Store{dir: cfg.Dir, reader: cfg.Reader, rooms: r}
	const name = outboxFile + newSuffix
	if err := shred(cfg.Dir, name); err != nil {
		return err
	}
	f := fresh.outboxAs(name)
	f.fresh = true
	if err := fresh.openFile(f); err != nil {
		return err
	}
	err = fresh.initialise(f)
	if err == nil {
		err = fresh.outbox.Update(func(tx *bbolt.Tx) error {
			if checkpoints != nil {
				if err := fresh.outMeta.put(tx, keyCheckpoints, checkpoints); err != nil {
					return err
				}
			}
			for _, row := range rows {
				name, _, err := fresh.outName(row.in, row.plain)
				if err != nil {
					return err
				}
				if err := fresh.outRoom(row.in).put(tx, name, row.plain); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err = errors.Join(err, fresh.outbox.Close()); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(cfg.Dir, name), path); err != nil {
		return fmt.Errorf("replacing the outbox: %w", err)
	}
	return syncDir(cfg.Dir)
}

// Quarantine overwrites and removes everything a store has in the folder, drafts and unsettled intents too: it is for
// files nobody can read any more, or nobody may. ErrAlreadyRunning means that a program still has it open.
func Quarantine(dir string) error {
	lock, err := takeFolder(context.Background(), dir)
	if err != nil {
		return sorted("putting the store away", err)
	}
	defer lock.Close()
	return sorted("putting the store away", shredAll(dir))
}

// storeFiles are all names a store gives to files, but for attached ones and the lock.
func storeFiles() []string {
	list := []string{cleanFile, cleanFile + newSuffix, damagedFile, turnFile, turnFile + newSuffix}
	for _, name := range []string{cacheFile, outboxFile} {
		for _, suffix := range []string{"", oldSuffix, newSuffix, nextSuffix} {
			list = append(list, name+suffix)
		}
	}
	return list
}

func shredAll(dir string) error {
	var err error
	for _, name := range storeFiles() {
		err = errors.Join(err, shred(dir, name))
	}
	paths, found := attachedFiles(dir)
	err = errors.Join(err, found)
	for _, path := range paths {
		err = errors.Join(err, shredPath(path))
	}
	return errors.Join(err, syncDir(dir))
}

// shred overwrites a file, and removes it. A file that is not there is no error.
func shred(dir, name string) error { return shredPath(filepath.Join(dir, name)) }

func shredPath(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = overwrite(f)
	}
	// Whatever became of the overwriting, the name goes.
	return errors.Join(err, os.Remove(path))
}

var zeros [1 << 20]byte

// overwrite blanks a file, cuts it to nothing and closes it.
func overwrite(f *os.File) error { return errors.Join(blank(f), f.Truncate(0), f.Close()) }

// blank writes zeros over a file and brings them to the disk.
func blank(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	for left := info.Size(); left > 0 && err == nil; left -= int64(len(zeros)) {
		_, err = f.Write(zeros[:min(left, int64(len(zeros)))])
	}
	return errors.Join(err, f.Sync())
}
