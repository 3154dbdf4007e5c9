package chromium

import (
	"os/exec"
	"syscall"
)

// endsWithUs has the browser end when this program does, however that ends.
func endsWithUs(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
