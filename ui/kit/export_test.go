package kit

import "fyne.io/fyne/v2"

// Width is the width of a text in a face.
func Width(text string, f Face) float32 { return SharedMetrics().width(text, f) }

// Hold says which modifier keys the driver holds down, until the test ends.
func Hold(t interface{ Cleanup(func()) }, mod fyne.KeyModifier) {
	before := heldKeys
	heldKeys = func() (fyne.KeyModifier, bool) { return mod, true }
	t.Cleanup(func() { heldKeys = before })
}
