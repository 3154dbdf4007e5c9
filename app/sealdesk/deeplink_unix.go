//go:build !windows

package main

import (
	"net"
	"os"
	"syscall"
)

// listenPrivately makes a socket that nobody else can open: also not in the moment between its making and a chmod.
func listenPrivately(path string) (net.Listener, error) {
	before := syscall.Umask(0o177)
	defer syscall.Umask(before)
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		l.Close()
		return nil, os.ErrPermission
	}
	return l, nil
}
