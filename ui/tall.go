package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"sealdesk/ui/kit"
)

// tall is a painted widget whose height follows from its width.
type tall struct {
	widget.BaseWidget
	painted *kit.Painted
	height  func(width float32) float32
}

func newTall(name string, draw kit.Draw, height func(width float32) float32) *tall {
	t := &tall{painted: kit.NewPainted(name, draw), height: height}
	t.ExtendBaseWidget(t)
	return t
}

// CreateRenderer implements fyne.Widget.
func (t *tall) CreateRenderer() fyne.WidgetRenderer { return widget.NewSimpleRenderer(t.painted) }

// Inside implements kit.Holder.
func (t *tall) Inside() fyne.CanvasObject { return t.painted }

// HeightFor implements kit.HeightFor.
func (t *tall) HeightFor(width float32) float32 { return t.height(width) }

// MinSize implements fyne.CanvasObject.
func (t *tall) MinSize() fyne.Size {
	t.ExtendBaseWidget(t)
	if w := t.Size().Width; w > 0 {
		return fyne.NewSize(60, t.height(w))
	}
	return fyne.NewSize(60, 40)
}

// Refresh implements fyne.CanvasObject.
func (t *tall) Refresh() { t.painted.Refresh() }
