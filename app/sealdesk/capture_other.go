//go:build !windows

package main

import (
	"fyne.io/fyne/v2"

	"sealdesk/ui"
)

// protector is nothing where the system gives no way: X11 and Wayland have none. On macOS NSWindow.sharingType = none would
// keep the window out of the older ways of taking pictures, but not out of ScreenCaptureKit since macOS 15, which is what
// screen sharing uses; so the settings do not promise it.
func protector(fyne.Window, func() bool) func() ui.Capture { return nil }
