package main

// systemVersion does not matter here: a package says itself what it needs of the system.
func systemVersion() string { return "" }

// updateRoom is where only root may write.
func updateRoom() (string, error) { return ownRoom("/var/lib/sealdesk-update") }
