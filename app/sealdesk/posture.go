package main

import (
	"bufio"
	"os"
	"runtime"
	"strings"

	"sealdesk/app/inbox"
)

// posture is what this machine can tell of itself without asking anybody's permission.
func posture() inbox.Posture {
	p := inbox.Posture{Release: systemRelease()}
	switch runtime.GOOS {
	case "linux":
		p.Keyring = "Secret Service"
	case "darwin":
		p.Keyring = "Keychain"
	case "windows":
		p.Keyring = "Credential Manager"
	}
	p.Disk = diskEncrypted()
	return p
}

// systemRelease is the operating system as it names itself (os-release(5)).
func systemRelease() string {
	f, err := os.Open("/etc/os-release")
	if err != nil {
		return runtime.GOOS
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, ok := strings.CutPrefix(lines.Text(), "PRETTY_NAME="); ok {
			return strings.Trim(name, `"`)
		}
	}
	return runtime.GOOS
}

// diskEncrypted says whether the root file system lies on a device of the kernel's disk encryption. Where that cannot be
// read, it is not known.
func diskEncrypted() inbox.Judgment {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return inbox.NotKnown
	}
	for _, line := range strings.Split(string(mounts), "\n") {
		f := strings.Fields(line)
		if len(f) < 2 || f[1] != "/" || !strings.HasPrefix(f[0], "/dev/") {
			continue
		}
		target, err := os.Readlink(f[0])
		if err != nil {
			return inbox.NotKnown
		}
		name := target[strings.LastIndex(target, "/")+1:]
		uuid, err := os.ReadFile("/sys/block/" + name + "/dm/uuid")
		switch {
		case err == nil && strings.HasPrefix(string(uuid), "CRYPT-"):
			return inbox.Holds
		case err == nil:
			return inbox.NotKnown // something lies below that may be encrypted
		}
		return inbox.Fails
	}
	return inbox.NotKnown
}
