package main

import "golang.org/x/sys/unix"

// systemVersion is the system's own version, such as 14.5.
func systemVersion() string {
	v, err := unix.Sysctl("kern.osproductversion")
	if err != nil {
		return ""
	}
	return v
}

// updateRoom is where only root may write.
func updateRoom() (string, error) { return ownRoom("/Library/Application Support/Sealdesk/Updates") }
