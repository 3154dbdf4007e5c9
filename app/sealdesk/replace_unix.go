//go:build !windows

package main

import (
	"os"
	"syscall"
)

// replaceProcess puts a new run of the program in the place of this one: nothing that was in memory is left. It returns only
// if that is not possible.
func replaceProcess(args []string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	return syscall.Exec(program, args, os.Environ())
}
