//go:build unix

package arena

import "golang.org/x/sys/unix"

// reserve gets zeroed memory from the system and says whether it is kept from being swapped out. Without a right to lock,
// or beyond RLIMIT_MEMLOCK, memory that may be swapped out is better than no search.
func reserve(size int) (b []byte, locked bool, err error) {
	b, err = unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, false, err
	}
	leaveOutOfDumps(b)
	return b, unix.Mlock(b) == nil, nil
}

// giveBack returns memory that was cleared.
func giveBack(b []byte) error { return unix.Munmap(b) }
