//go:build unix

package managed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// files is a source of files that only who administers the machine may write: one, or every *.json of a folder in name
// order.
type files struct {
	at    string
	dir   bool
	owner uint32 // root, but in tests
	read  func(name string, data []byte) ([]Raw, error)
}

// Next implements [Source]: files are looked at again and again.
func (files) Next(context.Context) <-chan struct{} { return nil }

// Read implements [Source].
func (f files) Read() ([]Raw, error) {
	names := []string{f.at}
	if f.dir {
		var err error
		if names, err = f.list(); err != nil || names == nil {
			return nil, err
		}
	}
	var raws []Raw
	var wrong []Problem
	for _, name := range names {
		data, err := f.open(name)
		if errors.Is(err, fs.ErrNotExist) && !f.dir {
			return nil, nil
		}
		var got []Raw
		if err == nil {
			got, err = f.read(name, data)
		}
		if err != nil {
			wrong = append(wrong, problems(name, err)...)
			continue
		}
		raws = append(raws, got...)
	}
	if len(wrong) > 0 {
		return nil, broken(wrong...)
	}
	return raws, nil
}

// list names the files of the folder; none where there is no folder.
func (f files) list() ([]string, error) {
	dir, err := os.Open(f.at)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		defer dir.Close()
		err = f.trust(dir, fs.ModeDir)
	}
	if err != nil {
		return nil, broken(problems(f.at, err)...)
	}
	entries, err := os.ReadDir(f.at) // in name order
	if err != nil {
		return nil, broken(problems(f.at, err)...)
	}
	names := []string{}
	for _, e := range entries {
		if name := e.Name(); strings.HasSuffix(name, ".json") && !strings.HasPrefix(name, ".") {
			names = append(names, filepath.Join(f.at, name))
		}
	}
	return names, nil
}

// open reads a file, and trusts what it has open, not what the name may stand for by then.
func (f files) open(name string) ([]byte, error) {
	file, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe must not keep the program waiting
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := f.trust(file, 0); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = untrusted(fmt.Sprintf("is longer than %d bytes", maxFile))
	}
	return data, err
}

// untrusted is why a file is not read.
type untrusted string

func (u untrusted) Error() string { return string(u) }

// trust refuses what somebody else than the owner could have written.
func (f files) trust(file *os.File, kind fs.FileMode) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case info.Mode().Type() != kind:
		return untrusted("is neither a file nor a folder of files")
	case !ok || stat.Uid != f.owner:
		return untrusted("is not owned by root: chown root it")
	case info.Mode().Perm()&0o022 != 0:
		return untrusted("may be written by others than root: chmod go-w it")
	}
	return nil
}

// problems are those of an error at a file.
func problems(name string, err error) []Problem {
	if b := Problems(err); b != nil {
		return b
	}
	p := Problem{Place: name, Why: "cannot be read"}
	var u untrusted
	switch {
	case errors.As(err, &u):
		p.Why = string(u)
	case errors.Is(err, fs.ErrPermission):
		p.Why = "may not be read: chmod a+r it"
	}
	return []Problem{p}
}
