package arena

import "golang.org/x/sys/unix"

// leaveOutOfDumps keeps memory out of core files (madvise(2), MADV_DONTDUMP since Linux 3.4). An older kernel refuses,
// and a program that allows core files at all has other holes.
func leaveOutOfDumps(b []byte) { _ = unix.Madvise(b, unix.MADV_DONTDUMP) }
