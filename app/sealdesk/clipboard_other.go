//go:build !linux && !freebsd && !openbsd && !netbsd && !windows

package main

// pastePicture is not possible here yet: the clipboard of this system gives pictures to Objective-C only. Files can be
// chosen and dropped.
var pastePicture func() ([]byte, bool)
