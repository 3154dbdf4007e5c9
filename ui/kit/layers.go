package kit

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
)

// Layers is the content of a window with what floats above it: tooltips and one toast. It is not an
// overlay, because overlays take the focus and the pointer.
type Layers struct {
	widget.BaseWidget
	content fyne.CanvasObject
	tip     *Painted
	tipText string
	toast   *toastView
	canvas  fyne.Canvas
	lift    float32 // how far above the lower edge a toast stands
}

// NewLayers returns content with its layers, for c.SetContent.
func NewLayers(c fyne.Canvas, content fyne.CanvasObject) *Layers {
	l := &Layers{content: content, canvas: c, lift: 88}
	l.tip = NewPainted("", l.paintTip)
	l.tip.Hide()
	l.toast = newToastView()
	l.toast.Hide()
	l.ExtendBaseWidget(l)
	stateOf(c).layers = l
	return l
}

// SetContent replaces what is under the layers and hides both of them.
func (l *Layers) SetContent(o fyne.CanvasObject) {
	l.content = o
	l.tip.Hide()
	l.HideToast()
	stateOf(l.canvas).layers = l
	l.Refresh()
}

// CreateRenderer implements fyne.Widget.
func (l *Layers) CreateRenderer() fyne.WidgetRenderer { return &layersRenderer{l} }

type layersRenderer struct{ l *Layers }

func (r *layersRenderer) Destroy()           {}
func (r *layersRenderer) MinSize() fyne.Size { return r.l.content.MinSize() }
func (r *layersRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.l.content, r.l.toast, r.l.tip}
}
func (r *layersRenderer) Layout(size fyne.Size) {
	r.l.content.Resize(size)
	r.l.placeToast()
}
func (r *layersRenderer) Refresh() {
	r.Layout(r.l.Size())
	canvas.Refresh(r.l) // new content was never drawn: no canvas knows it yet, and would not be drawn for it
	canvas.Refresh(r.l.content)
	r.l.tip.Refresh()
	r.l.toast.Refresh()
}

// Tapped implements fyne.Tappable: a tap that nothing else took gives the focus back to the home.
func (l *Layers) Tapped(*fyne.PointEvent) {
	stateOf(l.canvas).noticed()
	goHome(l)
}

// MouseIn implements desktop.Hoverable: whoever moves the pointer is there, wherever it is.
func (l *Layers) MouseIn(*desktop.MouseEvent) {}

// MouseMoved implements desktop.Hoverable.
func (l *Layers) MouseMoved(*desktop.MouseEvent) { stateOf(l.canvas).noticed() }

// MouseOut implements desktop.Hoverable.
func (l *Layers) MouseOut() {}

func (l *Layers) visibleObjects() []fyne.CanvasObject {
	return []fyne.CanvasObject{l.content, l.toast, l.tip}
}

func (l *Layers) paintTip(s *Sketch, size fyne.Size) {
	s.Rect(0, 0, size.Width, size.Height, s.P.Toast, 6)
	s.Text(l.tipText, 9, round((size.Height-LineHeight(Caption))/2), Caption, s.P.OnToast)
}

// showTip puts a tooltip beside a narrow widget at the window's left edge, else below, kept inside.
func (l *Layers) showTip(o fyne.CanvasObject, text string) {
	if text == "" {
		if l.tip.Visible() {
			l.tipText = ""
			l.tip.Hide()
		}
		return
	}
	d := fyne.CurrentApp().Driver()
	l.tipBeside(text, d.AbsolutePositionForObject(o).Subtract(d.AbsolutePositionForObject(l)), o.Size())
}

func (l *Layers) tipBeside(text string, at fyne.Position, of fyne.Size) {
	l.tipText = text
	l.tip.SetAccessibleName(text)
	box := fyne.NewSize(ceil(TextWidth(text, Caption))+18, Scaled(26))
	size := l.Size()
	pos := fyne.NewPos(at.X+(of.Width-box.Width)/2, at.Y+of.Height+4)
	if at.X < 60 && of.Width < 64 {
		pos = fyne.NewPos(at.X+of.Width+6, at.Y+(of.Height-box.Height)/2)
	} else if pos.Y+box.Height > size.Height-4 {
		pos.Y = at.Y - box.Height - 4
	}
	pos.X = round(min(max(pos.X, 4), max(size.Width-box.Width-4, 4)))
	pos.Y = round(max(pos.Y, 4))
	l.tip.Move(pos)
	l.tip.Resize(box)
	l.tip.Show()
	l.tip.Refresh()
}

// TipText is the tooltip that is shown, "" for none.
func (l *Layers) TipText() string {
	if !l.tip.Visible() {
		return ""
	}
	return l.tipText
}

// Toast is a short message that needs no answer. Its owner hides it after some seconds; this package
// has no clock.
type Toast struct {
	Text string
	Icon string
	// Action is what takes it back, such as Undo. Tapping it hides the toast.
	Action Action
	// Also is what may be done next, such as adding a word to it. It stands before Action and hides the toast too.
	Also Action
}

type toastView struct {
	group
	t Toast
}

func newToastView() *toastView {
	v := &toastView{}
	v.init(v, "", func(s *Sketch, size fyne.Size) {
		s.Rect(0, 0, size.Width, size.Height, s.P.Toast, InputRadius)
		text := v.wrapped(size.Width)
		top := round((size.Height - text.Height) / 2)
		if v.t.Icon != "" {
			s.Icon(v.t.Icon, 16, top+round((LineHeight(Label)-18)/2), 18, s.P.OnToast)
		}
		s.Block(text, v.lead(), top, s.P.OnToast)
	}, func() fyne.Size {
		return fyne.NewSize(v.lead()+16+ceil(TextWidth(v.t.Text, Label))+v.rowWidth(), Scaled(40))
	})
	v.arrange = func(size fyne.Size) { v.layRow(size.Width-v.rowWidth()-6, size.Height/2) }
	return v
}

func (v *toastView) lead() float32 {
	if v.t.Icon != "" {
		return 42
	}
	return 16
}

// wrapped lays out the message: where the window is narrow it takes more lines than one.
func (v *toastView) wrapped(width float32) Block {
	return Layout(SharedMetrics(), []Run{{Text: v.t.Text}}, max(width-v.lead()-10-v.rowWidth(), 40), Style{Type: Label, Fill: true, Scale: Current().scale})
}

// HeightFor implements HeightFor.
func (v *toastView) HeightFor(width float32) float32 {
	return Scaled(40) + float32(v.wrapped(width).Lines-1)*LineHeight(Label)
}

// Toast shows a message in place of the one before.
func (l *Layers) Toast(t Toast) {
	v := l.toast
	v.t, v.name = t, t.Text
	v.kids = nil
	for _, a := range []Action{t.Also, t.Action} {
		if a.Text == "" {
			continue
		}
		v.kids = append(v.kids, NewButton(a.Text, flatToast, func() {
			l.HideToast()
			if a.Do != nil {
				a.Do()
			}
		}))
	}
	l.placeToast()
	v.Show()
	v.Refresh()
}

// HideToast hides the message.
func (l *Layers) HideToast() {
	l.toast.t, l.toast.kids, l.toast.name = Toast{}, nil, ""
	l.toast.Hide()
}

// Act does what the toast offers, if it is called that, and reports whether it was.
func (l *Layers) Act(text string) bool {
	a := l.toast.t.Action
	if text == "" || a.Text != text || a.Do == nil {
		return false
	}
	l.HideToast()
	a.Do()
	return true
}

// AtTop lifts a toast to the upper edge.
const AtTop float32 = 1 << 16

// LiftToast says how far above the lower edge a toast stands. One that is shown moves there.
func (l *Layers) LiftToast(height float32) {
	if l.lift != height {
		l.lift = height
		l.placeToast()
	}
}

// ToastText is the message that is shown, "" for none.
func (l *Layers) ToastText() string { return l.toast.t.Text }

func (l *Layers) placeToast() {
	size := l.Size()
	m := l.toast.MinSize()
	m.Width = min(m.Width, max(size.Width-32, 80))
	m.Height = l.toast.HeightFor(m.Width)
	l.toast.Resize(m)
	l.toast.Move(fyne.NewPos(round((size.Width-m.Width)/2), max(size.Height-l.lift-m.Height, 8)))
}
