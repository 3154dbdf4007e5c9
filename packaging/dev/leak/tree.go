package leak

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A Census is what a scan looked at and what it found.
type Census struct {
	Files    int
	Bytes    int64
	Unopened int // packed members that could not be looked into
	Hits     []Hit
}

// Tree scans every file below root: names, contents, and the targets of links. A root that is a file is scanned alone. A
// root that is missing is an error: somebody expected it to be there. What vanishes while it is read is no error.
func (s *Scanner) Tree(root string) (Census, error) {
	var c Census
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			if path != root && errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		where, err := filepath.Rel(filepath.Dir(root), path)
		if err != nil {
			return err
		}
		for _, h := range s.Bytes(where, []byte(entry.Name())) {
			h.Offset = -1
			c.Hits = append(c.Hits, h)
		}
		switch {
		case entry.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			c.Files++
			c.Hits = append(c.Hits, s.Bytes(where, []byte(target))...)
		case entry.Type().IsRegular():
			f, err := os.Open(path)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			defer f.Close()
			info, err := f.Stat()
			if err != nil {
				return err
			}
			hits, unopened, err := s.Reader(where, f, info.Size())
			c.Files++
			c.Bytes += info.Size()
			c.Unopened += unopened
			c.Hits = append(c.Hits, hits...)
			return err
		}
		return nil
	})
	// A hit in a name says where it lies, so it must not repeat the name.
	for i, h := range c.Hits {
		c.Hits[i].Where = s.redact(h.Where)
	}
	return c, err
}

// redact takes the canaries out of a path, for a report of a leak must not be one.
func (s *Scanner) redact(path string) string {
	parts := strings.Split(path, string(filepath.Separator))
	for i, part := range parts {
		if len(s.Bytes("", []byte(part))) > 0 {
			parts[i] = "[a canary]" + filepath.Ext(part)
			if len(s.Bytes("", []byte(parts[i]))) > 0 {
				parts[i] = "[a canary]"
			}
		}
	}
	return strings.Join(parts, string(filepath.Separator))
}
