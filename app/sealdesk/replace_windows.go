package main

import (
	"os"
	"os/exec"
)

// replaceProcess starts a new run of the program and ends this one: nothing that was in memory is left.
func replaceProcess(args []string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	next := exec.Command(program, args[1:]...)
	next.Stdout, next.Stderr = os.Stdout, os.Stderr
	if err := next.Start(); err != nil {
		return err
	}
	os.Exit(0)
	return nil
}
