package kit

import "fyne.io/fyne/v2"

// clipboardOf stands between the entries and the system's clipboard; nil is nothing.
var clipboardOf func(system fyne.Clipboard, copying bool) fyne.Clipboard

// UseClipboard puts another clipboard in the place of the system's wherever a field copies, cuts or pastes, by keys and by
// menu. of gets the system's and whether something is to be copied; nil means that it must not be, and nothing is cut then.
// A nil of undoes it. Only the main goroutine may call it.
func UseClipboard(of func(system fyne.Clipboard, copying bool) fyne.Clipboard) { clipboardOf = of }

// clipped is a shortcut with the clipboard to use in it; nil when it must not be done.
func clipped(s fyne.Shortcut) fyne.Shortcut {
	if clipboardOf == nil {
		return s
	}
	switch x := s.(type) {
	case *fyne.ShortcutCopy:
		if c := clipboardOf(x.Clipboard, true); c != nil {
			return &fyne.ShortcutCopy{Clipboard: c}
		}
		return nil
	case *fyne.ShortcutCut:
		if c := clipboardOf(x.Clipboard, true); c != nil {
			return &fyne.ShortcutCut{Clipboard: c}
		}
		return nil
	case *fyne.ShortcutPaste:
		if _, own := x.Clipboard.(textClipboard); own {
			return s
		}
		if c := clipboardOf(x.Clipboard, false); c != nil {
			return &fyne.ShortcutPaste{Clipboard: c}
		}
	}
	return s
}
