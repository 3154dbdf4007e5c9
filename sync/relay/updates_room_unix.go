//go:build unix

package relay

import "golang.org/x/sys/unix"

// roomOn is how many bytes may be written on the disk of a folder.
func roomOn(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}
