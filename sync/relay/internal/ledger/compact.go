package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	bolt "go.etcd.io/bbolt"
)

const (
	compactSuffix = ".compact" // a copy in the making
	oldSuffix     = ".old"     // what it replaced, until that is overwritten
	copyStep      = 4 << 20    // bytes of one transaction of the copy
)

// Compact writes the store in the file at path anew, without what was deleted or replaced: bbolt keeps both in free pages.
// The old file is overwritten, as far as the file system lets us, and removed. Nobody may have the store open. A crash
// leaves the old store or the new one, whole; calling Compact again finishes it. Errors: those of [Open].
func Compact(ctx context.Context, path string, conf Config) error {
	if err := Shred(path + oldSuffix); err != nil {
		return fmt.Errorf("compact the ledger: %w", err)
	}
	if conf.LockTimeout == 0 {
		conf.LockTimeout = 2 * time.Second
	}
	src, _, err := openFile(path, conf)
	if err != nil {
		return fmt.Errorf("compact the ledger: %w", err)
	}
	err = compact(ctx, src, path)
	if err = errors.Join(err, src.Close()); err != nil {
		os.Remove(path + compactSuffix)
		return fmt.Errorf("compact the ledger: %w", asFull(err))
	}
	if err := Shred(path + oldSuffix); err != nil {
		return fmt.Errorf("compact the ledger: %w", err)
	}
	return nil
}

// compact copies the open store and gives the copy its name, while the lock on the old one is held.
func compact(ctx context.Context, src *bolt.DB, path string) (err error) {
	fresh := path + compactSuffix
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dst, err := bolt.Open(fresh, 0o600, &bolt.Options{NoSync: true, FreelistType: bolt.FreelistMapType})
	if err != nil {
		return err
	}
	defer guard(&err)
	err = bolt.Compact(dst, src, copyStep)
	if err = errors.Join(err, ctx.Err()); err == nil {
		err = dst.Sync()
	}
	if err = errors.Join(err, dst.Close()); err != nil {
		return err
	}
	if err := os.Link(path, path+oldSuffix); err != nil {
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		return err
	}
	return syncDir(path)
}

// Shred overwrites a file, as far as the file system lets us, and removes it. A file that is not there is no error.
func Shred(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		zeros := make([]byte, 1<<20)
		for at := int64(0); at < info.Size() && err == nil; at += int64(len(zeros)) {
			_, err = f.WriteAt(zeros[:min(int64(len(zeros)), info.Size()-at)], at)
		}
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	return syncDir(path)
}
