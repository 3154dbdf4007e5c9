//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// mayInstall reports whether this process is root's.
func mayInstall() bool { return os.Geteuid() == 0 }

// ownRoom makes a folder and refuses one that somebody else than root could have prepared.
func ownRoom(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("making a place for updates: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", fmt.Errorf("making a place for updates: %w", err)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || !info.IsDir() || stat.Uid != uint32(os.Geteuid()) || info.Mode().Perm()&0o022 != 0 {
		return "", fmt.Errorf("%w: the folder for updates may be written by others", errUntrusted)
	}
	return dir, nil
}

// noRoom reports whether an error means that a disk or a quota is full.
func noRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// trustFile has nothing to ask here: the tools of the system look at a package's own signature.
func trustFile(string) error { return nil }
