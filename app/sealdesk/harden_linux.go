package main

import "golang.org/x/sys/unix"

// harden keeps what is in memory from core files and from other programs of the same user (prctl(2), ptrace(2)).
func harden() {
	unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}
