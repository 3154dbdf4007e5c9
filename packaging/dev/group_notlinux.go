//go:build !linux

package main

import "os/exec"

// dieWithUs does nothing where the kernel does not offer it.
func dieWithUs(*exec.Cmd) {}
