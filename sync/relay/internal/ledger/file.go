package ledger

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"sealdesk/store/seal"
)

const (
	format      = "1"
	schema      = 1 // of the sealed values' associated data
	storeIDSize = 16
	markSuffix  = ".mark"
	freshSuffix = ".fresh"
)

// The head of the file is a bucket whose name begins with NUL, as no shard's does.
var (
	headBucket = []byte("\x00head")
	headFormat = []byte("format")
	headStore  = []byte("store")
	headCheck  = []byte("check")
)

// shardOf returns the shard a bucket of the file belongs to, "" for the head.
func shardOf(full []byte) string {
	i := bytes.IndexByte(full, 0)
	if i <= 0 {
		return ""
	}
	return string(full[:i])
}

type fileHead struct {
	store  []byte
	sealer *seal.Sealer // nil when plain
}

// openFile opens the file at path, or makes it.
//
// bbolt would take an empty file for a new database, wait for ever for a lock, and die over a file that was cut short.
// So an existing file is looked at first, and a new one is made under another name and gets its own only once it is
// whole and synced.
func openFile(path string, conf Config) (*bolt.DB, fileHead, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(path + markSuffix); err == nil {
			return nil, fileHead{}, fmt.Errorf("%w: the file is missing, its mark is there", ErrDamaged)
		}
		err = create(path, conf)
	}
	if err != nil {
		return nil, fileHead{}, err
	}
	if err := inspect(path); err != nil {
		return nil, fileHead{}, err
	}
	db, err := openBolt(path, conf)
	if err != nil {
		return nil, fileHead{}, err
	}
	head, err := readHead(db, conf)
	if err == nil {
		err = checkMark(path, head.store)
	}
	if err != nil {
		db.Close()
		return nil, fileHead{}, err
	}
	os.Remove(path + freshSuffix) // left behind if we died between naming the file and forgetting its first name
	return db, head, nil
}

func openBolt(path string, conf Config) (db *bolt.DB, err error) {
	defer debugFaults()()
	defer guard(&err)
	o := bolt.Options{
		Timeout:      conf.LockTimeout,
		FreelistType: bolt.FreelistMapType,
		MaxSize:      conf.MaxSize,
		NoStatistics: true,
	}
	if runtime.GOOS != "windows" && conf.MaxSize == 0 && ^uint(0)>>63 == 1 {
		// Address space only. While the map is large enough, a long reader never holds the writer up.
		o.InitialMmapSize = 1 << 30
	}
	db, err = bolt.Open(path, 0o600, &o)
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, ErrLocked
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	case err != nil:
		return nil, asFull(err)
	}
	return db, nil
}

// create makes a whole, synced store and gives it the name path.
func create(path string, conf Config) error {
	fresh := path + freshSuffix
	db, err := openBolt(fresh, conf)
	if err != nil && !errors.Is(err, ErrLocked) && !errors.Is(err, ErrFull) && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrNotExist) {
		// A start that died before the store was whole. We got its lock, so nobody is at it, and it never had a row.
		os.Remove(fresh)
		db, err = openBolt(fresh, conf)
	}
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(headBucket)
		if err != nil || b.Get(headStore) != nil {
			return err
		}
		id := make([]byte, storeIDSize)
		rand.Read(id)
		if !conf.Plain {
			s, err := seal.New(conf.Key, seal.Scope{Store: id, Schema: schema, Suite: conf.Suite})
			if err != nil {
				return err
			}
			check := s.Check()
			if err := b.Put(headCheck, check[:]); err != nil {
				return err
			}
		}
		return errors.Join(b.Put(headStore, id), b.Put(headFormat, []byte(format)))
	})
	if err = errors.Join(err, db.Close()); err != nil {
		return asFull(err)
	}
	// A link, not a rename: it never replaces a store that another process made meanwhile.
	if err := os.Link(fresh, path); err != nil {
		if _, serr := os.Stat(path); errors.Is(serr, fs.ErrNotExist) { // a file system without links
			err = os.Rename(fresh, path)
		} else {
			err = serr
		}
		if err != nil {
			return fmt.Errorf("name the new store: %w", err)
		}
	}
	os.Remove(fresh)
	return syncDir(path)
}

func readHead(db *bolt.DB, conf Config) (h fileHead, err error) {
	var check []byte
	err = db.View(func(tx *bolt.Tx) (err error) {
		defer guard(&err)
		b := tx.Bucket(headBucket)
		if b == nil || len(b.Get(headStore)) != storeIDSize {
			return fmt.Errorf("%w: no head", ErrDamaged)
		}
		if string(b.Get(headFormat)) != format {
			return errors.New("made by another version of the relay")
		}
		h.store = bytes.Clone(b.Get(headStore))
		check = bytes.Clone(b.Get(headCheck))
		return nil
	})
	if err != nil {
		return h, err
	}
	if conf.Plain {
		if check != nil {
			return h, seal.ErrWrongKey
		}
		return h, nil
	}
	h.sealer, err = seal.New(conf.Key, seal.Scope{Store: h.store, Schema: schema, Suite: conf.Suite})
	if err != nil {
		return h, err
	}
	return h, h.sealer.Verify(check)
}

// checkMark compares the mark beside the file with the store in it, and makes the mark if there is none.
func checkMark(path string, store []byte) error {
	want := fmt.Sprintf("%x\n", store)
	got, err := os.ReadFile(path + markSuffix)
	switch {
	case err == nil && string(got) == want:
		return nil
	case err == nil && len(got) > 0:
		return fmt.Errorf("%w: the mark beside it belongs to another store", ErrDamaged)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("read the mark: %w", err)
	}
	f, err := os.OpenFile(path+markSuffix, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("make the mark: %w", err)
	}
	_, err = f.WriteString(want)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("make the mark: %w", asFull(err))
	}
	return syncDir(path)
}

// syncDir makes the names in path's folder durable.
func syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil // folders cannot be synced there
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("sync the folder: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync the folder: %w", err)
	}
	return nil
}

// inspect reads the two heads bbolt keeps in its first pages and refuses a file that ends before the pages they speak
// of: bbolt would map it and the process would die of a fault. (bbolt's meta page, format version 2: a page header of
// 16 bytes, then magic, version, page size, flags, root page, root sequence, freelist page, number of pages,
// transaction, FNV-1a sum of all that.)
func inspect(path string) error {
	const header, length, magic, version = 16, 64, 0xED0CDAED, 2
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	var need, newest uint64
	buf := make([]byte, header+length)
	for _, at := range []int64{0, 4 << 10, 8 << 10, 16 << 10, 64 << 10} { // the second head is one page in
		if _, err := f.ReadAt(buf, at); err != nil {
			if errors.Is(err, io.EOF) {
				break
			}
			return err
		}
		m := buf[header:]
		u32, u64 := binary.NativeEndian.Uint32, binary.NativeEndian.Uint64
		sum := fnv.New64a()
		sum.Write(m[:length-8])
		pageSize := u32(m[8:])
		if u32(m) != magic || u32(m[4:]) != version || u64(m[56:]) != sum.Sum64() || at != 0 && at != int64(pageSize) {
			continue
		}
		if tx := u64(m[48:]); need == 0 || tx > newest {
			newest, need = tx, u64(m[40:])*uint64(pageSize)
		}
	}
	if need == 0 {
		return fmt.Errorf("%w: no readable head", ErrDamaged)
	}
	if uint64(info.Size()) < need {
		return fmt.Errorf("%w: cut short, %d of %d bytes", ErrDamaged, info.Size(), need)
	}
	return nil
}

// Check reads the whole store at path and returns ErrDamaged if its pages are inconsistent, or seal.ErrForged if a value
// does not open; it changes nothing. A badly garbled file can kill the process that reads it, so run this in a process
// of its own: a doctor command, or a child. No relay may be running on the file.
func Check(ctx context.Context, path string, conf Config) (err error) {
	if conf.LockTimeout == 0 {
		conf.LockTimeout = 2 * time.Second
	}
	if err := inspect(path); err != nil {
		return fmt.Errorf("check the ledger: %w", err)
	}
	defer debugFaults()()
	defer guard(&err)
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, Timeout: conf.LockTimeout, PreLoadFreelist: true})
	if errors.Is(err, berrors.ErrTimeout) {
		err = ErrLocked
	}
	if err != nil {
		return fmt.Errorf("check the ledger: %w", err)
	}
	defer db.Close()
	head, err := readHead(db, conf)
	if err != nil {
		return fmt.Errorf("check the ledger: %w", err)
	}
	tx, err := db.Begin(false)
	if err != nil {
		return fmt.Errorf("check the ledger: %w", err)
	}
	defer tx.Rollback()
	bad := 0
	for range tx.Check() { // must be read to its end
		bad++
	}
	if bad > 0 {
		return fmt.Errorf("check the ledger: %w: %d inconsistent pages", ErrDamaged, bad)
	}
	if head.sealer == nil {
		return nil
	}
	keys := newBucketKeys(head.sealer)
	return tx.ForEach(func(full []byte, b *bolt.Bucket) error {
		shard := shardOf(full)
		if shard == "" || len(full) == len(shard)+1 { // the head, or sequences: not sealed
			return nil
		}
		bucket := string(full[len(shard)+1:])
		var plain []byte
		n := 0
		return b.ForEach(func(k, v []byte) (err error) {
			if n++; n%1024 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			if plain, err = keys.of(shard, bucket).Open(plain[:0], k, v); err != nil {
				return fmt.Errorf("check a row of bucket %s: %w", bucket, err)
			}
			return nil
		})
	})
}

// debugFaults makes a fault in the memory map a panic of this goroutine, until the returned function is called.
func debugFaults() (restore func()) {
	old := debug.SetPanicOnFault(true)
	return func() { debug.SetPanicOnFault(old) }
}
