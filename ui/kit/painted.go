package kit

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
)

// Draw paints a widget of that size. It must not keep the Sketch and must not do anything slow.
type Draw func(s *Sketch, size fyne.Size)

// Accessible is a widget with a name for people who cannot see it, and for tests.
type Accessible interface {
	fyne.CanvasObject
	// AccessibleName is short, in the reader's language, and says what the widget is for.
	AccessibleName() string
}

// Painted is a widget drawn by one function. It takes no input; see Touch.
type Painted struct {
	widget.BaseWidget
	name   string
	draw   Draw
	min    func() fyne.Size
	outer  fyne.Widget
	sketch Sketch
}

// NewPainted returns a widget that shows what draw paints. Its minimal size is 1 by 1 until SetMin.
func NewPainted(name string, draw Draw) *Painted {
	p := &Painted{}
	p.init(p, name, draw, nil)
	return p
}

func (p *Painted) init(outer fyne.Widget, name string, draw Draw, min func() fyne.Size) {
	p.name, p.draw, p.min, p.outer = name, draw, min, outer
	p.ExtendBaseWidget(outer)
}

// SetMin sets what computes the minimal size. It is called often and must be quick.
func (p *Painted) SetMin(min func() fyne.Size) *Painted {
	p.min = min
	return p
}

// AccessibleName implements Accessible.
func (p *Painted) AccessibleName() string { return p.name }

// SetAccessibleName changes the accessible name.
func (p *Painted) SetAccessibleName(name string) { p.name = name }

// CreateRenderer implements fyne.Widget.
func (p *Painted) CreateRenderer() fyne.WidgetRenderer { return &paintedRenderer{p} }

func (p *Painted) redraw(size fyne.Size) {
	p.sketch.begin()
	if size.Width > 0 && size.Height > 0 && p.draw != nil {
		p.draw(&p.sketch, size)
	}
	p.sketch.end()
}

type paintedRenderer struct{ p *Painted }

func (r *paintedRenderer) Destroy()                     {}
func (r *paintedRenderer) Layout(size fyne.Size)        { r.p.redraw(size) }
func (r *paintedRenderer) Refresh()                     { r.p.redraw(r.p.Size()) }
func (r *paintedRenderer) Objects() []fyne.CanvasObject { return r.p.sketch.objs }
func (r *paintedRenderer) MinSize() fyne.Size {
	if r.p.min == nil {
		return fyne.NewSize(1, 1)
	}
	return r.p.min()
}

// Touch is a Painted that takes the pointer. Its draw function names regions with Sketch.Area; taps
// outside all regions carry the area "".
type Touch struct {
	Painted
	// OnTap is called with the area under the pointer and the position inside the widget.
	OnTap func(area string, pos fyne.Position)
	// OnMenu is called on a right click, with the position on the window.
	OnMenu func(area string, abs fyne.Position)
	// Tip returns the tooltip of an area, "" for none.
	Tip func(area string) string
	// Hand reports whether the pointer is a hand over an area. Nil means over every named area.
	Hand func(area string) bool

	hovered   bool
	hoverArea string
}

// NewTouch returns a widget that shows what draw paints and reports taps.
func NewTouch(name string, draw Draw) *Touch {
	t := &Touch{}
	t.init(t, name, draw, nil)
	return t
}

// Hovered returns whether the pointer is over the widget and over which of its areas.
func (t *Touch) Hovered() (area string, inside bool) { return t.hoverArea, t.hovered }

// Tapped implements fyne.Tappable.
func (t *Touch) Tapped(ev *fyne.PointEvent) {
	noticed(t.outer)
	showTip(t.outer, "")
	if t.OnTap != nil {
		t.OnTap(t.sketch.areaAt(ev.Position), ev.Position)
	}
	goHome(t.outer)
}

// TappedSecondary implements fyne.SecondaryTappable.
func (t *Touch) TappedSecondary(ev *fyne.PointEvent) {
	if t.OnMenu != nil {
		t.OnMenu(t.sketch.areaAt(ev.Position), ev.AbsolutePosition)
	}
}

// MouseIn implements desktop.Hoverable.
func (t *Touch) MouseIn(ev *desktop.MouseEvent) {
	t.hovered = true
	t.hover(t.sketch.areaAt(ev.Position), true)
}

// MouseMoved implements desktop.Hoverable.
func (t *Touch) MouseMoved(ev *desktop.MouseEvent) {
	noticed(t.outer)
	if a := t.sketch.areaAt(ev.Position); a != t.hoverArea {
		t.hover(a, true)
	}
}

// MouseOut implements desktop.Hoverable.
func (t *Touch) MouseOut() {
	t.hovered = false
	t.hover("", false)
}

func (t *Touch) hover(area string, inside bool) {
	t.hoverArea = area
	t.Refresh()
	tip := ""
	if inside && t.Tip != nil {
		tip = t.Tip(area)
	}
	showTip(t.outer, tip)
}

// Cursor implements desktop.Cursorable.
func (t *Touch) Cursor() desktop.Cursor {
	if t.Hand != nil && t.Hand(t.hoverArea) || t.Hand == nil && t.hoverArea != "" && t.OnTap != nil {
		return desktop.PointerCursor
	}
	return desktop.DefaultCursor
}

// control is the common part of widgets that take the focus: a painted widget with one action.
type control struct {
	Painted
	// OnTap is the action, by pointer, Enter or Space.
	OnTap func()
	// Tip is the tooltip, "" for none.
	Tip string

	disabled, focused, hovered bool
}

// Tapped implements fyne.Tappable.
func (c *control) Tapped(*fyne.PointEvent) {
	noticed(c.outer)
	showTip(c.outer, "")
	c.act()
	goHome(c.outer)
}

func (c *control) act() {
	if !c.disabled && c.OnTap != nil {
		c.OnTap()
	}
}

// Disable greys the widget out; it then takes neither taps nor keys.
func (c *control) Disable() { c.setDisabled(true) }

// Enable undoes Disable.
func (c *control) Enable() { c.setDisabled(false) }

// Disabled reports whether the widget is greyed out.
func (c *control) Disabled() bool { return c.disabled }

func (c *control) setDisabled(v bool) {
	if c.disabled != v {
		c.disabled = v
		c.Refresh()
	}
}

// FocusGained implements fyne.Focusable.
func (c *control) FocusGained() { c.focused = true; c.Refresh() }

// FocusLost implements fyne.Focusable.
func (c *control) FocusLost() { c.focused = false; c.Refresh() }

// TypedRune implements fyne.Focusable.
func (c *control) TypedRune(rune) {}

// TypedKey implements fyne.Focusable: the window's router first, then Enter and Space.
func (c *control) TypedKey(ev *fyne.KeyEvent) {
	switch ev.Name {
	case fyne.KeyReturn, fyne.KeyEnter, fyne.KeySpace:
		noticed(c.outer)
		c.act()
		return
	}
	forwardKey(c.outer, ev)
}

// TypedShortcut implements fyne.Shortcutable by handing on to the router.
func (c *control) TypedShortcut(sc fyne.Shortcut) { forwardShortcut(c.outer, sc) }

// MouseIn implements desktop.Hoverable.
func (c *control) MouseIn(*desktop.MouseEvent) {
	c.hovered = true
	c.Refresh()
	showTip(c.outer, c.Tip)
}

// MouseMoved implements desktop.Hoverable.
func (c *control) MouseMoved(*desktop.MouseEvent) { noticed(c.outer) }

// MouseOut implements desktop.Hoverable.
func (c *control) MouseOut() {
	c.hovered = false
	c.Refresh()
	showTip(c.outer, "")
}

// Cursor implements desktop.Cursorable.
func (c *control) Cursor() desktop.Cursor {
	if c.disabled {
		return desktop.DefaultCursor
	}
	return desktop.PointerCursor
}

// Find returns the first visible widget below root with that accessible name, or nil. Tests use it.
func Find(root fyne.CanvasObject, name string) Accessible {
	var found Accessible
	walk(root, func(o fyne.CanvasObject) bool {
		if a, ok := o.(Accessible); ok && a.AccessibleName() == name {
			found = a
			return false
		}
		return true
	})
	return found
}
