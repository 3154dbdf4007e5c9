package kit

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// HeightFor is implemented by objects whose height follows from their width, such as wrapping text.
// The layouts of this package ask for it.
type HeightFor interface {
	HeightFor(width float32) float32
}

// heightFor asks an object, or the layout inside a container, for its height at a width.
func heightFor(o fyne.CanvasObject, width float32) float32 {
	switch h := o.(type) {
	case HeightFor:
		return h.HeightFor(width)
	case *fyne.Container:
		if l, ok := h.Layout.(interface {
			heightFor(objs []fyne.CanvasObject, width float32) float32
		}); ok {
			return l.heightFor(h.Objects, width)
		}
	}
	return o.MinSize().Height
}

// Cell is an object and the room it gets in a Column or Row. Make one with Min, Fix, Grow or Gap.
type Cell struct {
	obj  fyne.CanvasObject
	fix  float32
	grow float32
}

// Min gives an object the least room it needs.
func Min(o fyne.CanvasObject) Cell { return Cell{obj: o} }

// Fix gives an object that many pixels along the box.
func Fix(o fyne.CanvasObject, px float32) Cell { return Cell{obj: o, fix: px} }

// Grow gives an object a share of what is left. Several growing cells share equally.
func Grow(o fyne.CanvasObject) Cell { return Cell{obj: o, grow: 1} }

// Gap is free space.
func Gap(px float32) Cell { return Cell{fix: px} }

// Spring is free space that grows.
func Spring() Cell { return Cell{grow: 1} }

// Column stacks cells from top to bottom without any padding. Hidden objects take no room.
func Column(cells ...Cell) *fyne.Container { return newBox(true, cells) }

// Row puts cells side by side without any padding. Hidden objects take no room.
func Row(cells ...Cell) *fyne.Container { return newBox(false, cells) }

func newBox(vertical bool, cells []Cell) *fyne.Container {
	var objs []fyne.CanvasObject
	for _, c := range cells {
		if c.obj != nil {
			objs = append(objs, c.obj)
		}
	}
	return container.New(&strip{vertical, cells}, objs...)
}

type strip struct {
	vertical bool
	cells    []Cell
}

// need returns a cell's least length along the box. cross is the width for columns, 0 if unknown.
func (b *strip) need(c Cell, cross float32) float32 {
	switch {
	case c.obj != nil && !c.obj.Visible():
		return 0
	case c.fix > 0:
		return c.fix
	case c.obj == nil:
		return 0
	case !b.vertical:
		return c.obj.MinSize().Width
	case cross > 0:
		return heightFor(c.obj, cross)
	}
	return c.obj.MinSize().Height
}

func (b *strip) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	long, cross := size.Width, size.Height
	if b.vertical {
		long, cross = cross, long
	}
	var used, shares float32
	for _, c := range b.cells {
		if c.obj != nil && !c.obj.Visible() {
			continue
		}
		if c.grow > 0 {
			shares += c.grow
			continue
		}
		used += b.need(c, cross)
	}
	rest := max(long-used, 0)
	at := float32(0)
	for _, c := range b.cells {
		if c.obj != nil && !c.obj.Visible() {
			continue
		}
		n := float32(0)
		if c.grow > 0 {
			n = float32(int(rest * c.grow / shares))
		} else {
			n = b.need(c, cross)
		}
		if c.obj != nil {
			if b.vertical {
				c.obj.Move(fyne.NewPos(0, at))
				c.obj.Resize(fyne.NewSize(cross, n))
			} else {
				c.obj.Move(fyne.NewPos(at, 0))
				c.obj.Resize(fyne.NewSize(n, cross))
			}
		}
		at += n
	}
}

func (b *strip) MinSize([]fyne.CanvasObject) fyne.Size {
	var long, cross float32
	for _, c := range b.cells {
		if c.obj != nil && !c.obj.Visible() {
			continue
		}
		if c.grow > 0 && c.obj != nil {
			m := c.obj.MinSize()
			if b.vertical {
				long += m.Height
			} else {
				long += m.Width
			}
		} else {
			w := float32(0)
			if c.obj != nil && b.vertical {
				w = c.obj.Size().Width
			}
			long += b.need(c, w)
		}
		if c.obj != nil {
			m := c.obj.MinSize()
			if b.vertical {
				cross = max(cross, m.Width)
			} else {
				cross = max(cross, m.Height)
			}
		}
	}
	if b.vertical {
		return fyne.NewSize(cross, long)
	}
	return fyne.NewSize(long, cross)
}

func (b *strip) heightFor(_ []fyne.CanvasObject, width float32) float32 {
	var sum float32
	if b.vertical {
		for _, c := range b.cells {
			if c.grow > 0 && c.obj != nil && c.obj.Visible() {
				sum += heightFor(c.obj, width)
				continue
			}
			if c.grow == 0 {
				sum += b.need(c, width)
			}
		}
		return sum
	}
	// A row is as high as its highest cell at the width that cell gets.
	var used, shares float32
	for _, c := range b.cells {
		if c.obj != nil && !c.obj.Visible() {
			continue
		}
		if c.grow > 0 {
			shares += c.grow
		} else {
			used += b.need(c, 0)
		}
	}
	for _, c := range b.cells {
		if c.obj == nil || !c.obj.Visible() {
			continue
		}
		w := b.need(c, 0)
		if c.grow > 0 {
			w = max(width-used, 0) * c.grow / shares
		}
		sum = max(sum, heightFor(c.obj, w))
	}
	return sum
}

// Inset puts free space around an object.
func Inset(o fyne.CanvasObject, left, top, right, bottom float32) *fyne.Container {
	return container.New(&insetLayout{left, top, right, bottom}, o)
}

type insetLayout struct{ l, t, r, b float32 }

func (i *insetLayout) Layout(objs []fyne.CanvasObject, size fyne.Size) {
	for _, o := range objs {
		o.Move(fyne.NewPos(i.l, i.t))
		o.Resize(fyne.NewSize(max(size.Width-i.l-i.r, 0), max(size.Height-i.t-i.b, 0)))
	}
}

func (i *insetLayout) MinSize(objs []fyne.CanvasObject) fyne.Size {
	var m fyne.Size
	for _, o := range objs {
		m = m.Max(o.MinSize())
	}
	return m.AddWidthHeight(i.l+i.r, i.t+i.b)
}

func (i *insetLayout) heightFor(objs []fyne.CanvasObject, width float32) float32 {
	var h float32
	for _, o := range objs {
		h = max(h, heightFor(o, width-i.l-i.r))
	}
	return h + i.t + i.b
}

// Centered shows an object of at most that width in the middle of its room, as high as it needs.
func Centered(o fyne.CanvasObject, width float32) *fyne.Container {
	return container.New(&centerLayout{width}, o)
}

type centerLayout struct{ width float32 }

func (c *centerLayout) Layout(objs []fyne.CanvasObject, size fyne.Size) {
	for _, o := range objs {
		w := min(c.width, size.Width)
		h := min(heightFor(o, w), size.Height)
		o.Move(fyne.NewPos(round((size.Width-w)/2), round((size.Height-h)/2)))
		o.Resize(fyne.NewSize(w, h))
	}
}

func (c *centerLayout) MinSize(objs []fyne.CanvasObject) fyne.Size {
	var m fyne.Size
	for _, o := range objs {
		m = m.Max(fyne.NewSize(o.MinSize().Width, heightFor(o, c.width)))
	}
	return m
}

func (c *centerLayout) heightFor(objs []fyne.CanvasObject, width float32) float32 {
	var h float32
	for _, o := range objs {
		h = max(h, heightFor(o, min(c.width, width)))
	}
	return h
}

// Tall gives an object a height that its owner works out, such as a share of the window's.
func Tall(o fyne.CanvasObject, height func() float32) *fyne.Container {
	return container.New(&tallLayout{height}, o)
}

type tallLayout struct{ height func() float32 }

func (t *tallLayout) Layout(objs []fyne.CanvasObject, size fyne.Size) {
	for _, o := range objs {
		o.Move(fyne.NewPos(0, 0))
		o.Resize(size)
	}
}

func (t *tallLayout) MinSize(objs []fyne.CanvasObject) fyne.Size {
	var w float32
	for _, o := range objs {
		w = max(w, o.MinSize().Width)
	}
	return fyne.NewSize(w, t.height())
}

func (t *tallLayout) heightFor([]fyne.CanvasObject, float32) float32 { return t.height() }

// Scroller shows contents that may be higher than their room. Its rows are laid out by Column, so that wrapping text
// gets the height it needs.
type Scroller struct {
	// View is what goes into a layout.
	View    *container.Scroll
	content *fyne.Container
}

// NewScroller returns contents that scroll up and down.
func NewScroller(content *fyne.Container) *Scroller {
	inner := container.New(&scrollLayout{}, content)
	s := &Scroller{View: container.NewVScroll(inner), content: content}
	inner.Layout.(*scrollLayout).owner = s
	return s
}

// Refit lays the contents out again after one of them changed its height.
func (s *Scroller) Refit() {
	s.View.Refresh()
	s.content.Refresh()
}

// Reveal scrolls as far as is needed to show an object among the contents.
func (s *Scroller) Reveal(o fyne.CanvasObject) {
	d := fyne.CurrentApp().Driver()
	y := d.AbsolutePositionForObject(o).Y - d.AbsolutePositionForObject(s.content).Y
	h := o.Size().Height
	switch view := s.View.Size().Height; {
	case y < s.View.Offset.Y:
		s.View.ScrollToOffset(fyne.NewPos(0, max(y-8, 0)))
	case y+h > s.View.Offset.Y+view:
		s.View.ScrollToOffset(fyne.NewPos(0, y+h-view+8))
	}
}

// scrollLayout leaves room for the bar at the right, and for lines that reach over the left edge.
type scrollLayout struct{ owner *Scroller }

const (
	scrollLead = 3
	scrollBar  = 12
)

func (l *scrollLayout) Layout(objs []fyne.CanvasObject, size fyne.Size) {
	for _, o := range objs {
		o.Move(fyne.NewPos(scrollLead, 0))
		o.Resize(fyne.NewSize(max(size.Width-scrollLead-scrollBar, 0), size.Height))
	}
}

func (l *scrollLayout) MinSize(objs []fyne.CanvasObject) fyne.Size {
	width := float32(200)
	if l.owner != nil && l.owner.View != nil && l.owner.View.Size().Width > 0 {
		width = l.owner.View.Size().Width
	}
	var h float32
	for _, o := range objs {
		h = max(h, heightFor(o, width-scrollLead-scrollBar))
	}
	return fyne.NewSize(60, h)
}
