package ui

// A Capture says what the system does about pictures of this window.
type Capture uint8

// What it does. The zero value is a system that cannot keep anybody from taking pictures.
const (
	CaptureOpen    Capture = iota // nothing can be done
	CaptureBlocked                // screenshots and shared screens show no window
	CaptureAllowed                // it could be blocked, and the company wants it allowed
)

// captureText says so. It never promises more than the system does: a camera sees everything.
func captureText(c Capture) string {
	switch c {
	case CaptureBlocked:
		return word("settings.capture.blocked")
	case CaptureAllowed:
		return word("settings.capture.allowed")
	}
	return word("settings.capture")
}

// protect asks the system to keep pictures of the window from being taken. The window must be on the screen.
func (u *UI) protect() {
	if u.cfg.Protect != nil {
		u.capture = u.cfg.Protect()
	}
}
