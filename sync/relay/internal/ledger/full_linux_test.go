package ledger

import (
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
)

// TestFullDisk needs the right to mount; where it is missing TestFullByFileLimit shows the same through the kernel's
// limit on file sizes.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skip("may not mount")
	}
	t.Cleanup(func() { syscall.Unmount(dir, 0) })
	db := mustOpen(t, filepath.Join(dir, "relay.db"), Config{})
	testFull(t, db, func() {
		if err := syscall.Mount("none", dir, "tmpfs", syscall.MS_REMOUNT, "size=64m"); err != nil {
			t.Fatal(err)
		}
	}, func() *Bolt { return db })
	db.Close()
}

func TestFullByFileLimit(t *testing.T) {
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	restore := func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
			t.Error(err)
		}
	}
	db := mustOpen(t, newPath(t), Config{})
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 4 << 20, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	defer restore()
	testFull(t, db, restore, func() *Bolt { return db })
}
