package kit

import (
	"image"
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
)

// ViewerConfig says what a Viewer shows around a picture.
type ViewerConfig struct {
	// Name is the accessible name, Title and Detail stand at the top.
	Name, Title, Detail string
	// Hint is what the keys do, in words, at the lower edge while there is a picture.
	Hint string
	// Larger, Smaller, Fit and Shut are the names of the buttons.
	Larger, Smaller, Fit, Shut string
	// Actions stand beside those buttons.
	Actions []Action
	// OnStep is called for the next picture (1) and the one before (-1), which the owner shows with Turn. Nil where there is
	// only one. Previous and Next are the names of its buttons.
	OnStep         func(by int)
	Previous, Next string
	// OnClose is called once, when the viewer has gone.
	OnClose func()
}

// Viewer shows one picture over the whole window, on a dark ground in either theme: fitted at first, larger by the wheel,
// by + and -, moved by dragging and by the arrow keys. Left and right lead to the picture before and after while it is seen
// whole. Until there is a picture it shows how far it is, or what is the
// matter. It holds the picture only while it is open.
type Viewer struct {
	Painted
	cfg    ViewerConfig
	cover  *cover
	bar    []*IconButton
	sides  []*IconButton // before, after
	steps  [2]bool       // there is one
	extra  []*Button
	retry  *Button
	pic    *canvas.Image
	cloud  *canvas.Image
	size   fyne.Size // of the picture, in pixels
	zoom   float32   // 1 fits the window
	at     fyne.Position
	part   float32
	text   string
	icon   string
	title  string
	plain  fyne.Size // of the cloud
	done   bool
	shades Palette
}

const (
	viewerBar  = 56
	viewerMost = 8 // how much larger than fitted
	viewerStep = 1.25
)

var viewerGround = color.NRGBA{R: 0x06, G: 0x0B, B: 0x0E, A: 0xF4}

// ShowViewer shows a viewer that waits for its picture.
func ShowViewer(c fyne.Canvas, cfg ViewerConfig) *Viewer {
	v := &Viewer{cfg: cfg, zoom: 1, part: -1, shades: darkPalette()}
	v.init(v, cfg.Name, v.paint, nil)
	v.pic = &canvas.Image{FillMode: canvas.ImageFillStretch, ScaleMode: canvas.ImageScaleFastest}
	v.cloud = &canvas.Image{FillMode: canvas.ImageFillStretch, ScaleMode: canvas.ImageScaleFastest}
	v.pic.Hide()
	v.cloud.Hide()
	kids := []fyne.CanvasObject{v.cloud, v.pic, v}
	for _, a := range cfg.Actions {
		b := NewButton(a.Text, flatToast, a.Do)
		v.extra = append(v.extra, b)
		kids = append(kids, b)
	}
	for _, x := range []struct {
		icon, name string
		do         func()
	}{{"zoom-out", cfg.Smaller, func() { v.scale(1 / viewerStep) }}, {"zoom-in", cfg.Larger, func() { v.scale(viewerStep) }},
		{"fit", cfg.Fit, v.fit}, {"close", cfg.Shut, v.Close}} {
		b := NewRailButton(x.icon, x.name, x.do)
		v.bar = append(v.bar, b)
		kids = append(kids, b)
	}
	if cfg.OnStep != nil {
		v.sides = []*IconButton{NewRailButton("chevron-left", cfg.Previous, func() { v.step(-1) }), NewRailButton("chevron-right", cfg.Next, func() { v.step(1) })}
		kids = append(kids, v.sides[0], v.sides[1])
	}
	v.retry = NewButton("", Primary, nil)
	v.retry.Hide()
	kids = append(kids, v.retry)
	v.cover = newCover(c, v.place, nil, kids...)
	v.cover.clear, v.cover.name = true, cfg.Name
	v.arm()
	if old := viewers[c]; old != nil {
		old.Close()
	}
	viewers[c] = v
	v.cover.open(v)
	return v
}

// Turn makes room for another picture of the same viewer. before and after tell whether there are more.
func (v *Viewer) Turn(title, detail string, before, after bool) {
	if v.done {
		return
	}
	v.cfg.Title, v.cfg.Detail = title, detail
	v.pic.Image, v.cloud.Image = nil, nil
	v.pic.Refresh()
	v.cloud.Refresh()
	v.pic.Hide()
	v.cloud.Hide()
	v.size, v.plain, v.zoom, v.at = fyne.Size{}, fyne.Size{}, 1, fyne.Position{}
	v.part, v.text, v.icon, v.title = -1, "", "", ""
	v.retry.Hide()
	v.steps = [2]bool{before, after}
	for i, b := range v.sides {
		if v.steps[i] {
			b.Show()
		} else {
			b.Hide()
		}
	}
	v.arm()
	v.refresh()
	v.cover.canvas.Focus(v)
}

// step asks for another picture.
func (v *Viewer) step(by int) {
	if v.cfg.OnStep == nil || by < 0 && !v.steps[0] || by > 0 && !v.steps[1] {
		return
	}
	v.cfg.OnStep(by)
}

// arm lets the buttons for the size act only while there is a picture.
func (v *Viewer) arm() {
	for _, b := range v.bar[:3] {
		b.setDisabled(v.size.Width == 0)
		if v.size.Width == 0 {
			b.Hide()
		} else {
			b.Show()
		}
	}
}

// SetCloud shows colours of that shape until the picture is there.
func (v *Viewer) SetCloud(img image.Image, w, h int) {
	if img == nil || w < 1 || h < 1 || v.done {
		return
	}
	v.cloud.Image, v.plain = img, fyne.NewSize(float32(w), float32(h))
	v.cloud.Show()
	v.refresh()
}

// SetProgress shows a ring with that part of 1 filled, and words below it. A part below 0 leaves the ring empty.
func (v *Viewer) SetProgress(part float32, text string) {
	if v.done {
		return
	}
	v.part, v.text, v.icon, v.title = part, text, "", ""
	v.retry.Hide()
	v.refresh()
}

// SetMessage shows words instead of a picture. The action may have no text.
func (v *Viewer) SetMessage(icon, title, text string, action Action) {
	if v.done {
		return
	}
	v.icon, v.title, v.text = icon, title, text
	v.retry.SetText(action.Text)
	v.retry.OnTap = action.Do
	v.retry.Hide()
	if action.Text != "" {
		v.retry.Show()
		v.cover.canvas.Focus(v.retry)
	}
	v.refresh()
}

// SetPicture shows the picture.
func (v *Viewer) SetPicture(img image.Image) {
	if v.done {
		return
	}
	b := img.Bounds()
	v.size = fyne.NewSize(float32(b.Dx()), float32(b.Dy()))
	v.pic.Image, v.zoom, v.at = img, 1, fyne.Position{}
	v.icon, v.title, v.text = "", "", ""
	v.cloud.Image = nil
	v.cloud.Hide()
	v.retry.Hide()
	v.pic.Show()
	v.arm()
	v.refresh()
	v.pic.Refresh()
	v.cover.canvas.Focus(v)
}

// HasPicture reports whether the picture is shown.
func (v *Viewer) HasPicture() bool { return v.pic.Image != nil && !v.done }

// Zoom is how much larger than fitted the picture is.
func (v *Viewer) Zoom() float32 { return v.zoom }

// Close takes the viewer away and lets go of the picture.
func (v *Viewer) Close() {
	if v.done {
		return
	}
	v.done = true
	v.pic.Image, v.cloud.Image = nil, nil
	v.pic.Refresh()
	v.cloud.Refresh()
	if viewers[v.cover.canvas] == v {
		delete(viewers, v.cover.canvas)
	}
	v.cover.close()
	v.cfg.Detail, v.cfg.Title = "", ""
	if v.cfg.OnClose != nil {
		v.cfg.OnClose()
	}
}

func (v *Viewer) refresh() {
	v.cover.relayout()
	v.Refresh()
}

// room is where the picture is fitted.
func (v *Viewer) room(size fyne.Size) (x, y, w, h float32) {
	top := Scaled(viewerBar)
	side := float32(24)
	if len(v.sides) > 0 {
		side = v.sides[0].MinSize().Width + 24
	}
	below := v.hint(size.Width).Height + Scaled(24)
	return side, top + 8, size.Width - 2*side, size.Height - top - 8 - below - 8
}

// hint is the line of words below the picture.
func (v *Viewer) hint(width float32) Block {
	return LayoutCentered(SharedMetrics(), []Run{{Text: v.cfg.Hint}}, width-72, Style{Type: Caption, Scale: Current().scale})
}

// box is where a picture of that size stands.
func (v *Viewer) box(size, pic fyne.Size, zoom float32) (x, y, w, h float32) {
	rx, ry, rw, rh := v.room(size)
	if pic.Width <= 0 || pic.Height <= 0 || rw <= 0 || rh <= 0 {
		return 0, 0, 0, 0
	}
	k := min(rw/pic.Width, rh/pic.Height)
	if pic == v.size {
		k = min(k, 1) // a small picture is not blown up until somebody asks
	}
	w, h = round(pic.Width*k*zoom), round(pic.Height*k*zoom)
	return round(rx + (rw-w)/2), round(ry + (rh-h)/2), w, h
}

func (v *Viewer) place(s *Sketch, size fyne.Size) {
	s.Rect(0, 0, size.Width, size.Height, viewerGround, 0)
	v.cover.box(0, 0, size.Width, size.Height) // no tap is beside it
	v.Move(fyne.NewPos(0, 0))
	v.Resize(size)
	if v.cloud.Visible() {
		x, y, w, h := v.box(size, v.plain, 1)
		v.cloud.Move(fyne.NewPos(x, y))
		v.cloud.Resize(fyne.NewSize(w, h))
	}
	if v.pic.Visible() {
		x, y, w, h := v.box(size, v.size, v.zoom)
		v.hold(size, w, h)
		v.pic.Move(fyne.NewPos(x+v.at.X, y+v.at.Y))
		v.pic.Resize(fyne.NewSize(w, h))
	}
	right := size.Width - 16
	top := Scaled(viewerBar)
	for i := len(v.bar) - 1; i >= 0; i-- {
		b := v.bar[i]
		if !b.Visible() {
			continue
		}
		m := b.MinSize()
		right -= m.Width
		b.Resize(m)
		b.Move(fyne.NewPos(right, round((top-m.Height)/2)))
	}
	right -= 8
	for i := len(v.extra) - 1; i >= 0; i-- {
		b := v.extra[i]
		m := b.MinSize()
		right -= m.Width + 4
		b.Resize(m)
		b.Move(fyne.NewPos(right, round((top-m.Height)/2)))
	}
	for i, b := range v.sides {
		m := b.MinSize()
		x := float32(12)
		if i == 1 {
			x = size.Width - 12 - m.Width
		}
		b.Resize(m)
		b.Move(fyne.NewPos(x, round((size.Height-m.Height)/2)))
	}
	if v.retry.Visible() {
		m := v.retry.MinSize()
		v.retry.Resize(m)
		v.retry.Move(fyne.NewPos(round((size.Width-m.Width)/2), round(size.Height/2)+Scaled(64)))
	}
}

// hold keeps a moved picture from leaving the window.
func (v *Viewer) hold(size fyne.Size, w, h float32) {
	_, _, rw, rh := v.room(size)
	mx, my := max((w-rw)/2, 0), max((h-rh)/2, 0)
	v.at.X, v.at.Y = min(max(v.at.X, -mx), mx), min(max(v.at.Y, -my), my)
}

func (v *Viewer) paint(s *Sketch, size fyne.Size) {
	p := &v.shades
	top := Scaled(viewerBar)
	s.Rect(0, 0, size.Width, top, color.NRGBA{R: 0x06, G: 0x0B, B: 0x0E, A: 0xB8}, 0)
	room := size.Width - 40 - 4*52
	for _, b := range v.extra {
		room -= b.MinSize().Width + 4
	}
	ty := round((top - LineHeight(Heading) - LineHeight(Caption)) / 2)
	for i, b := range v.sides { // legible on any picture
		if v.steps[i] {
			s.Rect(b.Position().X-2, b.Position().Y-2, b.Size().Width+4, b.Size().Height+4, color.NRGBA{R: 0x06, G: 0x0B, B: 0x0E, A: 0xB8}, 12)
		}
	}
	s.TextIn(v.cfg.Title, 24, ty, room, Heading, p.Text, AlignStart)
	s.TextIn(v.cfg.Detail, 24, ty+LineHeight(Heading), room, Caption, p.TextMuted, AlignStart)
	mid := round(size.Height / 2)
	switch {
	case v.pic.Visible():
		b := v.hint(size.Width)
		w, h := b.Width+24, b.Height+Scaled(24)-LineHeight(Caption)
		y := size.Height - Scaled(10) - h
		s.Rect(round((size.Width-w)/2), y, w, h, color.NRGBA{R: 0x06, G: 0x0B, B: 0x0E, A: 0xB8}, Scaled(12))
		s.Block(b, round((size.Width-w)/2)+12, y+round((h-b.Height)/2), p.TextMuted)
	case v.icon != "":
		h := Scaled(150)
		w := min(460, size.Width-48)
		x := round((size.Width - w) / 2)
		s.Frame(x, mid-h+Scaled(64), w, h+Scaled(48), p.Raised, p.Border, 1, DialogRadius)
		y := mid - h + Scaled(64) + 22
		s.Icon(v.icon, round((size.Width-28)/2), y, 28, p.Warn.Ink)
		y += 38
		s.TextIn(v.title, x+20, y, w-40, Heading, p.Text, AlignCenter)
		y += LineHeight(Heading) + 4
		b := LayoutCentered(s.M, []Run{{Text: v.text}}, w-48, Style{Type: Snippet, Scale: s.T.scale, MaxLines: 3})
		s.Block(b, x+round((w-b.Width)/2), y, p.TextMuted)
	default:
		const d = 56
		x := round((size.Width - d) / 2)
		s.Rect(x-12, mid-d/2-12, d+24, d+24, color.NRGBA{R: 0x06, G: 0x0B, B: 0x0E, A: 0xB8}, d)
		s.Ring(x, mid-d/2, d, 5, v.part, p.Accent, p.Border)
		if v.text != "" {
			w := TextWidth(v.text, Label) + 24
			s.Rect(round((size.Width-w)/2), mid+d/2+20, w, Scaled(26), color.NRGBA{R: 0x06, G: 0x0B, B: 0x0E, A: 0xB8}, Scaled(13))
			s.Text(v.text, round((size.Width-w)/2)+12, mid+d/2+20+round((Scaled(26)-LineHeight(Label))/2), Label, p.Text)
		}
	}
}

// scale makes the picture larger or smaller about the middle.
func (v *Viewer) scale(by float32) {
	if v.size.Width == 0 {
		return
	}
	was := v.zoom
	v.zoom = min(max(v.zoom*by, 1), viewerMost)
	k := v.zoom / was
	v.at = fyne.NewPos(v.at.X*k, v.at.Y*k)
	v.refresh()
}

func (v *Viewer) fit() {
	v.zoom, v.at = 1, fyne.Position{}
	v.refresh()
}

// aside moves a picture that was made larger, and turns to the neighbour of one that is seen whole.
func (v *Viewer) aside(by int) {
	if v.zoom > 1 {
		v.shift(float32(by)*60, 0)
		return
	}
	v.step(-by)
}

func (v *Viewer) shift(dx, dy float32) {
	if v.size.Width == 0 {
		return
	}
	v.at = v.at.AddXY(dx, dy)
	v.refresh()
}

// Scrolled implements fyne.Scrollable: the wheel makes the picture larger or smaller where the pointer is.
func (v *Viewer) Scrolled(ev *fyne.ScrollEvent) {
	noticed(v)
	if v.size.Width == 0 || ev.Scrolled.DY == 0 {
		return
	}
	by := float32(viewerStep)
	if ev.Scrolled.DY < 0 {
		by = 1 / by
	}
	was := v.zoom
	v.zoom = min(max(v.zoom*by, 1), viewerMost)
	rx, ry, rw, rh := v.room(v.Size())
	from := fyne.NewPos(ev.Position.X-rx-rw/2, ev.Position.Y-ry-rh/2)
	k := v.zoom / was
	v.at = fyne.NewPos(from.X-(from.X-v.at.X)*k, from.Y-(from.Y-v.at.Y)*k)
	v.refresh()
}

// Dragged implements fyne.Draggable.
func (v *Viewer) Dragged(ev *fyne.DragEvent) { v.shift(ev.Dragged.DX, ev.Dragged.DY) }

// DragEnd implements fyne.Draggable.
func (v *Viewer) DragEnd() {}

// Tapped implements fyne.Tappable: a tap beside the picture closes.
func (v *Viewer) Tapped(ev *fyne.PointEvent) {
	x, y, w, h := v.box(v.Size(), v.size, v.zoom)
	x, y = x+v.at.X, y+v.at.Y
	if p := ev.Position; p.Y > Scaled(viewerBar) && v.pic.Visible() && (p.X < x || p.Y < y || p.X > x+w || p.Y > y+h) {
		v.Close()
	}
}

// Cursor implements desktop.Cursorable.
func (v *Viewer) Cursor() desktop.Cursor { return desktop.DefaultCursor }

// MouseIn implements desktop.Hoverable, so that nothing below reacts to the pointer.
func (v *Viewer) MouseIn(*desktop.MouseEvent) {}

// MouseMoved implements desktop.Hoverable.
func (v *Viewer) MouseMoved(*desktop.MouseEvent) { noticed(v) }

// MouseOut implements desktop.Hoverable.
func (v *Viewer) MouseOut() {}

// FocusGained implements fyne.Focusable.
func (v *Viewer) FocusGained() {}

// FocusLost implements fyne.Focusable.
func (v *Viewer) FocusLost() {}

// TypedRune implements fyne.Focusable.
func (v *Viewer) TypedRune(r rune) {
	switch r {
	case '+', '=':
		v.scale(viewerStep)
	case '-':
		v.scale(1 / viewerStep)
	case '0':
		v.fit()
	}
}

// TypedKey implements fyne.Focusable.
func (v *Viewer) TypedKey(ev *fyne.KeyEvent) {
	noticed(v)
	switch ev.Name {
	case fyne.KeyEscape:
		v.Close()
	case fyne.KeyPageUp:
		v.step(-1)
	case fyne.KeyPageDown:
		v.step(1)
	case fyne.KeyLeft:
		v.aside(1)
	case fyne.KeyRight:
		v.aside(-1)
	case fyne.KeyUp:
		v.shift(0, 60)
	case fyne.KeyDown:
		v.shift(0, -60)
	}
}

// TypedShortcut implements fyne.Shortcutable: nothing below a viewer may act while it is open.
func (v *Viewer) TypedShortcut(fyne.Shortcut) {}
