package vault

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// A disk is the folder the key files lie in, by what they need of it. Tests have one whose power can be cut at any call.
type disk interface {
	// Read returns a file whole; fs.ErrNotExist if there is none.
	Read(name string) ([]byte, error)
	// Write makes a file, or empties it, and returns once the bytes are durable. The name need not be.
	Write(name string, b []byte) error
	// WriteAt overwrites or extends a file that is there, and returns once that is durable.
	WriteAt(name string, b []byte, off int64) error
	// Link gives a file a second name; not every file system can.
	Link(name, second string) error
	Rename(from, to string) error
	Remove(name string) error
	// Sync makes the names durable.
	Sync() error
}

// The names a file has while another takes its place.
const (
	freshSuffix = ".new"
	staleSuffix = ".old"
)

// identity is how much of a file's beginning tells one version of it from another: all formats have 16 random bytes there.
const identitySize = 96

// replace gives a file a new content that is durable when it returns nil, and overwrites the old one's bytes as far as
// the file system lets us. A crash leaves one of the two, whole. The fate is known unless moved is true and err is not
// nil: then a crash may bring the old one back.
func replace(d disk, name string, content []byte) (moved bool, err error) {
	if err := d.Write(name+freshSuffix, content); err != nil {
		return false, err
	}
	if err := d.Remove(name + staleSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	// The second name survives a crash, so that the next start can still find and overwrite the old bytes.
	linked := d.Link(name, name+staleSuffix) == nil
	if err := d.Rename(name+freshSuffix, name); err != nil {
		return false, err
	}
	if err := d.Sync(); err != nil {
		return true, err
	}
	if linked {
		_ = scrub(d, name+staleSuffix) // tidy tries again
	}
	return true, nil
}

// tidy overwrites and removes what a crash left beside a file.
func tidy(d disk, name string) error {
	live, err := d.Read(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, suffix := range []string{freshSuffix, staleSuffix} {
		left, err := d.Read(name + suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if live == nil && suffix == staleSuffix { // nothing we do leaves that; it may be all there is
			continue
		}
		if suffix == staleSuffix && same(left, live) { // one file under two names: its bytes are needed
			err = d.Remove(name + suffix)
		} else {
			// Before old bytes go, the name must be durable that makes them old.
			if err = d.Sync(); err == nil {
				err = scrub(d, name+suffix)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func same(a, b []byte) bool {
	return bytes.Equal(a[:min(len(a), identitySize)], b[:min(len(b), identitySize)])
}

// scrub overwrites a file and removes it. On flash and on copying file systems the old bytes may live on below; that is
// what the epochs are for.
func scrub(d disk, name string) error {
	b, err := d.Read(name)
	if err != nil {
		return err
	}
	clear(b)
	if err := d.WriteAt(name, b, 0); err != nil {
		return err
	}
	return d.Remove(name)
}

// folder is the disk of the operating system.
type folder string

func (f folder) path(name string) string { return filepath.Join(string(f), name) }

func (f folder) Read(name string) ([]byte, error) {
	file, err := os.Open(f.path(name))
	if err != nil {
		return nil, bare(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, bare(err)
	}
	b := make([]byte, info.Size())
	if _, err := io.ReadFull(file, b); err != nil {
		return nil, bare(err)
	}
	return b, nil
}

func (f folder) Write(name string, b []byte) error {
	file, err := os.OpenFile(f.path(name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return bare(err)
	}
	_, err = file.Write(b)
	return bare(errors.Join(err, file.Sync(), file.Close()))
}

func (f folder) WriteAt(name string, b []byte, off int64) error {
	file, err := os.OpenFile(f.path(name), os.O_WRONLY, 0)
	if err != nil {
		return bare(err)
	}
	_, err = file.WriteAt(b, off)
	return bare(errors.Join(err, file.Sync(), file.Close()))
}

func (f folder) Link(name, second string) error { return bare(os.Link(f.path(name), f.path(second))) }

func (f folder) Rename(from, to string) error { return bare(os.Rename(f.path(from), f.path(to))) }

func (f folder) Remove(name string) error { return bare(os.Remove(f.path(name))) }

func (f folder) Sync() error {
	if runtime.GOOS == "windows" {
		return nil // folders cannot be synced there
	}
	d, err := os.Open(string(f))
	if err != nil {
		return bare(err)
	}
	return bare(errors.Join(d.Sync(), d.Close()))
}

// bare takes the path out of an error: logs go further than the folder of the keys should be known.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", p.Op, p.Err)
	}
	var l *os.LinkError
	if errors.As(err, &l) {
		return fmt.Errorf("%s: %w", l.Op, l.Err)
	}
	return err
}
