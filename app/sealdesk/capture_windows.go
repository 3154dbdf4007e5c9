package main

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver"
	"golang.org/x/sys/windows"

	"sealdesk/ui"
)

// What SetWindowDisplayAffinity takes (winuser.h): a window that is left out of pictures, since Windows 10 2004; before that,
// one that is black in them; one like any other.
const (
	excludedFromCapture = 0x11
	monitorOnly         = 0x01
	captured            = 0x00
)

var setWindowDisplayAffinity = windows.NewLazySystemDLL("user32.dll").NewProc("SetWindowDisplayAffinity")

// protector keeps pictures of the window from being taken, while the company wants it.
func protector(w fyne.Window, block func() bool) func() ui.Capture {
	return func() ui.Capture {
		native, ok := w.(driver.NativeWindow)
		if !ok {
			return ui.CaptureOpen
		}
		state := ui.CaptureOpen
		native.RunNative(func(context any) {
			at, ok := context.(driver.WindowsWindowContext)
			if !ok {
				return
			}
			if !block() {
				setWindowDisplayAffinity.Call(at.HWND, captured)
				state = ui.CaptureAllowed
				return
			}
			for _, how := range []uintptr{excludedFromCapture, monitorOnly} {
				if done, _, _ := setWindowDisplayAffinity.Call(at.HWND, how); done != 0 {
					state = ui.CaptureBlocked
					return
				}
			}
		})
		return state
	}
}
