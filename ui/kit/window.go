package kit

import (
	"fyne.io/fyne/v2"
)

// windowState is what the widgets of one window share. It is found by canvas, so that a widget needs
// no wiring to reach the router, the tooltip layer or the field the focus goes back to.
type windowState struct {
	router *Router
	layers *Layers
	home   fyne.Focusable
	input  func()
}

var windows = map[fyne.Canvas]*windowState{}

func stateOf(c fyne.Canvas) *windowState {
	s := windows[c]
	if s == nil {
		s = &windowState{}
		windows[c] = s
	}
	return s
}

// canvasOf is the canvas of a widget. The driver knows it only of what was drawn, and not long ago: a widget that just came into
// view may have the keyboard before.
func canvasOf(o fyne.CanvasObject) fyne.Canvas {
	if o == nil || fyne.CurrentApp() == nil {
		return nil
	}
	for c := range windows {
		if f, ok := c.Focused().(fyne.CanvasObject); ok && f == o {
			return c
		}
	}
	return fyne.CurrentApp().Driver().CanvasForObject(o)
}

func peers(o fyne.CanvasObject) *windowState {
	if c := canvasOf(o); c != nil {
		if s := windows[c]; s != nil {
			return s
		}
	}
	return &windowState{}
}

// Release drops everything this package holds for a window. Call it when the window closes, and on
// lock and wipe before its new content is set.
func Release(c fyne.Canvas) {
	if v := viewers[c]; v != nil {
		v.Close()
	}
	for _, d := range append([]*Dialog(nil), dialogs[c]...) {
		d.Close()
	}
	delete(windows, c)
}

// SetHome names the widget that gets the focus back after a tap on something that is not an input:
// Fyne takes the focus away from a text entry on any tap beside it. Nil means none. A Composer makes
// itself the home when it gains the focus.
func SetHome(c fyne.Canvas, f fyne.Focusable) { stateOf(c).home = f }

// OnInput names what is called whenever a person does something in a window: a key, a tap, the wheel, the pointer moving.
// Nil means nothing. It must be quick. Release undoes it.
func OnInput(c fyne.Canvas, f func()) { stateOf(c).input = f }

// noticed tells that a person did something with a widget.
func noticed(o fyne.CanvasObject) { peers(o).noticed() }

func (s *windowState) noticed() {
	if s.input != nil {
		s.input()
	}
}

// goHome gives the focus back after a tap, unless the tap put it or an overlay somewhere.
func goHome(o fyne.CanvasObject) {
	c := canvasOf(o)
	if c == nil || c.Focused() != nil || c.Overlays().Top() != nil {
		return
	}
	s := windows[c]
	if s == nil || s.home == nil {
		return
	}
	h, ok := s.home.(fyne.CanvasObject)
	if !ok || !h.Visible() || !contains(c.Content(), h) {
		return
	}
	c.Focus(s.home)
}

func contains(root, o fyne.CanvasObject) bool {
	found := false
	walk(root, func(x fyne.CanvasObject) bool {
		found = found || x == o
		return !found
	})
	return found
}

// forwardKey offers a key to the window's router.
func forwardKey(o fyne.CanvasObject, ev *fyne.KeyEvent) bool {
	noticed(o)
	if ev.Name == fyne.KeyEscape {
		if c := canvasOf(o); c != nil && EscapeDialog(c) {
			return true
		}
	}
	r := peers(o).router
	return r != nil && r.HandleKey(ev)
}

// forwardShortcut offers a shortcut to the window's router.
func forwardShortcut(o fyne.CanvasObject, sc fyne.Shortcut) bool {
	noticed(o)
	r := peers(o).router
	return r != nil && r.Handle(sc)
}

// showTip shows or, with "", hides the tooltip of a widget.
func showTip(o fyne.CanvasObject, text string) {
	if l := peers(o).layers; l != nil {
		l.showTip(o, text)
	}
}

// showTipBeside is showTip for a part of a widget.
func showTipBeside(o fyne.CanvasObject, text string, at fyne.Position, size fyne.Size) {
	if l := peers(o).layers; l != nil {
		d := fyne.CurrentApp().Driver()
		l.tipBeside(text, d.AbsolutePositionForObject(o).Subtract(d.AbsolutePositionForObject(l)).Add(at), size)
	}
}

// Texts returns every string that is painted below root, in drawing order. Tests use it to prove what
// is shown and, after a lock, that nothing is.
func Texts(root fyne.CanvasObject) []string {
	var out []string
	walk(root, func(o fyne.CanvasObject) bool {
		if t := textOf(o); t != "" {
			out = append(out, t)
		}
		return true
	})
	return out
}
