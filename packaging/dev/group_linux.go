package main

import (
	"os/exec"
	"syscall"
)

// dieWithUs makes the kernel end a child when we end without having had the chance, as by kill -9. Call it after ownGroup.
func dieWithUs(cmd *exec.Cmd) { cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL }
