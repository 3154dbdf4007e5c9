package kit

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"
)

// walk visits root and everything visible below it until visit returns false.
func walk(root fyne.CanvasObject, visit func(fyne.CanvasObject) bool) bool {
	if root == nil || !root.Visible() {
		return true
	}
	if !visit(root) {
		return false
	}
	var kids []fyne.CanvasObject
	switch o := root.(type) {
	case *fyne.Container:
		kids = o.Objects
	case Holder:
		kids = []fyne.CanvasObject{o.Inside()}
	case *container.Scroll:
		kids = []fyne.CanvasObject{o.Content}
	case hasObjects:
		kids = o.visibleObjects()
	case *widget.PopUp:
		kids = []fyne.CanvasObject{o.Content}
	}
	for _, k := range kids {
		if !walk(k, visit) {
			return false
		}
	}
	return true
}

// Holder is a widget of another package that shows one of this one.
type Holder interface{ Inside() fyne.CanvasObject }

// hasObjects is any widget of this package that draws or holds others.
type hasObjects interface{ visibleObjects() []fyne.CanvasObject }

func (p *Painted) visibleObjects() []fyne.CanvasObject { return p.sketch.objs }

func textOf(o fyne.CanvasObject) string {
	switch t := o.(type) {
	case *canvas.Text:
		return t.Text
	case *widget.Entry:
		return t.Text
	case interface{ shownText() string }:
		return t.shownText()
	}
	return ""
}
