package kit

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"
)

// RowState is what a row's painter must show beside its contents.
type RowState struct {
	Selected bool
	Hovered  bool
	// Area is the region of this row under the pointer.
	Area string
}

// ListConfig says what a List shows. Len, ID and Draw are required, and Uniform or Measure.
type ListConfig struct {
	// Name is the accessible name.
	Name string
	// Len is the number of rows. ID is a row's lasting name, unique in the list.
	Len func() int
	ID  func(i int) string
	// Uniform is the height of every row; 0 means rows differ. It may depend on the text size.
	Uniform func() float32
	// Estimate guesses a row's height without measuring text. Nil guesses 64.
	Estimate func(i int, width float32) float32
	// Measure returns a row's exact height. It is called when a row comes into view.
	Measure func(i int, width float32) float32
	// Draw paints a row from nothing.
	Draw func(i int, s *Sketch, size fyne.Size, st RowState)
	// OnTap and OnMenu get the row, the area under the pointer and the position: in the row for a
	// tap, on the window for a menu.
	OnTap  func(i int, area string, pos fyne.Position)
	OnMenu func(i int, area string, abs fyne.Position)
	// OnPress is called when the pointer goes down on a row. OnDrag is called while it moves with the
	// button held: from is where it went down, to is where it is now, both in that row, which to may
	// have left.
	OnPress func(i int, area string, pos fyne.Position)
	OnDrag  func(i int, from, to fyne.Position)
	// OnKey gets keys while the list has the focus, after the router. True means used.
	OnKey func(ev *fyne.KeyEvent) bool
	// OnRune gets letters while the list has the focus. An action that moves the focus belongs here and
	// not on the key: the letter follows its key, and would be typed where the focus has gone.
	OnRune func(r rune)
	// RingRow leaves it to the chosen row to show that the list has the focus.
	RingRow bool
	// Tip is the tooltip of an area of a row.
	Tip func(i int, area string) string
	// Hand reports whether the pointer is a hand over an area. Nil means over every named area.
	Hand func(area string) bool
	// Text reports whether an area is text that can be selected: the pointer shows it. Nil means none.
	Text func(area string) bool
	// OnOlder is called once each time the first row comes near the view; the next call needs a
	// Changed, a Reset or a scroll away in between.
	OnOlder func()
	// OnBottom is called when the view reaches or leaves the end.
	OnBottom func(at bool)
	// OnVisible is called with the first and last row in view when they change.
	OnVisible func(first, last int)
	// Anchor reports whether a row may hold the view in place while others come and go: rows that stand for others, such as
	// a heading above the first of many, may not. Nil means every row.
	Anchor func(i int) bool
	// StickBottom makes the list open at its end and stay there as rows come.
	StickBottom bool
	// StickTop makes the list stay at its beginning as rows come before the first, while nobody has scrolled.
	StickTop bool
	// Background fills the list; nil is the canvas colour.
	Background func(p *Palette) color.Color
	// PadTop and PadBottom are free space before the first and after the last row.
	PadTop, PadBottom float32
	// HoverRows redraws a row when the pointer enters or leaves it.
	HoverRows bool
}

// List is a virtual list: only rows in view exist. It keeps its place by the row that is seen, never by
// a distance: what is on screen does not move when rows come or go above, or turn out to be taller
// than guessed. It never takes the focus when clicked.
type List struct {
	widget.BaseWidget
	cfg ListConfig

	sizes   fenwick
	n       int
	uniform float32
	width   float32 // the width heights are for

	top    int     // first row in view
	topY   float32 // where it starts, from the top of the view
	stuck  bool    // the end is in view and stays there
	rows   map[string]*listRow
	order  []*listRow // rows in view, from the top
	pool   []*listRow
	fresh  bool // contents must be placed at their opening position
	wasEnd bool // what OnBottom was told last
	asked  bool // OnOlder was called and nothing came yet
	scene  []fyne.CanvasObject
	ground *canvas.Rectangle
	bar    *canvas.Rectangle
	ring   *canvas.Rectangle

	selected  string
	hoverID   string
	hoverArea string
	barHover  bool
	dragBar   bool
	pressed   string // the row the pointer went down on
	pressedAt fyne.Position
	focused   bool
	first     int
	last      int
	drawn     int // rows drawn so far, for tests and benchmarks
}

type listRow struct {
	id     string
	index  int
	height float32
	state  RowState
	sketch Sketch
	box    *fyne.Container
	seen   bool
}

const (
	listBarWidth = 6
	listBarGrab  = 12
	wheelFactor  = 2.4 // a notch is 25 in Fyne and should be 60 pixels
	minBarHeight = 32
)

// NewList returns a List. It shows nothing until it has a size.
func NewList(cfg ListConfig) *List {
	l := &List{cfg: cfg, rows: map[string]*listRow{}, fresh: true, stuck: cfg.StickBottom, first: -1, last: -1}
	l.ground = canvas.NewRectangle(color.Transparent)
	l.bar = canvas.NewRectangle(color.Transparent)
	l.ring = canvas.NewRectangle(color.Transparent)
	l.ExtendBaseWidget(l)
	return l
}

// AccessibleName implements Accessible.
func (l *List) AccessibleName() string { return l.cfg.Name }

// Reset shows other contents: at the end for a list that sticks to it, else at the start.
func (l *List) Reset() {
	l.fresh, l.asked = true, false
	l.stuck = l.cfg.StickBottom
	l.top, l.topY = 0, 0
	l.drop()
	l.hoverID, l.hoverArea = "", ""
	l.load()
	l.arrange(false)
}

// Changed tells that rows came or went. The row seen first stays where it is, and at the end of a list
// that sticks to it, the end stays in view; so does the beginning where that sticks. Rows in view are drawn again.
func (l *List) Changed() {
	l.asked = false
	if len(l.order) == 0 || l.fresh {
		l.load()
		l.arrange(true)
		return
	}
	// The anchor is the first row in view that still exists.
	anchor, at := -1, float32(0)
	n := l.cfg.Len()
	for _, r := range l.order {
		i := l.indexNear(r.id, r.index, n)
		if i < 0 {
			continue
		}
		holds := l.cfg.Anchor == nil || l.cfg.Anchor(i)
		if anchor < 0 || holds {
			anchor, at = i, r.box.Position().Y
		}
		if holds {
			break
		}
	}
	resting := l.cfg.StickTop && l.offset() < 0.5
	l.load()
	if resting {
		l.top, l.topY = 0, l.cfg.PadTop
		l.stuck = l.stuck && l.cfg.StickBottom // both ends were in view: it is the beginning that stays
	} else if anchor >= 0 {
		l.top, l.topY = anchor, at
	} else {
		l.top = min(l.top, max(l.n-1, 0))
	}
	l.arrange(true)
}

// indexNear finds a row by looking outwards from where it was, which is near where it is.
func (l *List) indexNear(id string, from, n int) int {
	for d := 0; d < n || from-d >= 0; d++ {
		if i := from + d; i < n && i >= 0 && l.cfg.ID(i) == id {
			return i
		}
		if i := from - d; d > 0 && i >= 0 && i < n && l.cfg.ID(i) == id {
			return i
		}
	}
	return -1
}

// Update tells that the contents of rows changed. Rows out of view cost nothing and the window is not
// repainted for them.
func (l *List) Update(ids ...string) {
	hit := false
	for _, id := range ids {
		if r := l.rows[id]; r != nil {
			r.height = -1
			hit = true
		}
	}
	if hit {
		l.arrange(false)
	}
}

// Select marks a row as chosen; "" marks none. It does not scroll.
func (l *List) Select(id string) {
	if l.selected == id {
		return
	}
	old := l.selected
	l.selected = id
	l.restate(old)
	l.restate(id)
	if l.cfg.RingRow && l.focused && (old == "") != (id == "") {
		l.compose(l.Size())
	}
}

// Selected returns the ID of the chosen row.
func (l *List) Selected() string { return l.selected }

// ScrollTo brings a row into view with the least movement. It does nothing for an unknown row.
func (l *List) ScrollTo(id string) {
	i := l.indexNear(id, max(l.top, 0), l.cfg.Len())
	if i < 0 || i >= l.n {
		return
	}
	if r := l.rows[id]; r != nil && l.laidOut() {
		y := r.box.Position().Y
		switch {
		case y < l.cfg.PadTop:
			l.ScrollBy(y - l.cfg.PadTop)
		case y+r.height > l.Size().Height-l.cfg.PadBottom:
			l.ScrollBy(y + r.height - l.Size().Height + l.cfg.PadBottom)
		}
		return
	}
	if i < l.top {
		l.top, l.topY = i, l.cfg.PadTop
	} else {
		l.top, l.topY = i, l.Size().Height-l.cfg.PadBottom-l.heightOf(i)
	}
	l.stuck, l.fresh = false, false
	l.arrange(false)
}

// ScrollToMiddle brings a row into the middle of the view, unless all of it is in view already. It does nothing for an
// unknown row.
func (l *List) ScrollToMiddle(id string) { l.scrollInto(id, 1./2) }

// ScrollToThird is ScrollToMiddle, but what follows the row has more room: the row is a third below the top.
func (l *List) ScrollToThird(id string) { l.scrollInto(id, 1./3) }

// scrollInto brings a row into view with that part of the free room above it.
func (l *List) scrollInto(id string, above float32) {
	i := l.indexNear(id, max(l.top, 0), l.cfg.Len())
	if i < 0 || i >= l.n {
		return
	}
	height := l.Size().Height
	if r := l.rows[id]; r != nil && l.laidOut() {
		if y := r.box.Position().Y; y >= 0 && y+r.height <= height {
			return
		}
	}
	l.top, l.topY = i, max(round((height-l.heightOf(i))*above), l.cfg.PadTop)
	l.stuck, l.fresh = false, false
	l.arrange(false)
}

// Older lets the list ask for older rows again, after they could not be had.
func (l *List) Older() { l.asked = false }

// Where returns the position of a row in view on the window.
func (l *List) Where(id string) (fyne.Position, bool) {
	at, ok := l.Place(id)
	if !ok {
		return at, false
	}
	return fyne.CurrentApp().Driver().AbsolutePositionForObject(l).Add(at), true
}

// Place returns the position of a row in view in the list. It is known before the list was drawn for the first time, when no
// window knows the list yet.
func (l *List) Place(id string) (fyne.Position, bool) {
	r := l.rows[id]
	if r == nil {
		return fyne.Position{}, false
	}
	return r.box.Position(), true
}

// Redraw draws a row in view again without measuring it.
func (l *List) Redraw(id string) {
	if r := l.rows[id]; r != nil {
		l.draw(r, l.width)
		canvas.Refresh(l.ground)
	}
}

// ScrollToTop shows the first row, ScrollToBottom the end.
func (l *List) ScrollToTop() {
	l.top, l.topY, l.stuck, l.fresh = 0, l.cfg.PadTop, false, false
	l.arrange(false)
}

// ScrollToBottom shows the end of the list.
func (l *List) ScrollToBottom() {
	l.top, l.topY, l.fresh = max(l.n-1, 0), 0, false
	l.toEnd()
}

func (l *List) toEnd() {
	was := l.stuck
	l.stuck = true
	l.arrange(false)
	if !l.cfg.StickBottom && !was {
		l.stuck = l.AtBottom()
	}
}

// AtBottom reports whether the end of the list is in view.
func (l *List) AtBottom() bool { return l.stuck || l.n == 0 }

// Page scrolls by almost a view: +1 down, -1 up.
func (l *List) Page(direction int) {
	l.ScrollBy(float32(direction) * max(l.Size().Height-48, 48))
}

// ScrollBy moves the view down by dy pixels.
func (l *List) ScrollBy(dy float32) {
	if l.n == 0 || dy == 0 {
		return
	}
	// A long jump goes by the sums, not by walking over rows.
	if h := l.Size().Height; dy > 2*h || dy < -2*h {
		l.scrollToOffset(l.offset() + float64(dy))
		return
	}
	if dy < 0 {
		l.stuck = false
	}
	l.topY -= dy
	l.arrange(false)
}

// Range returns the first and last row in view, -1 and -1 for none.
func (l *List) Range() (first, last int) { return l.first, l.last }

// offset is the distance of the view from the top of the contents.
func (l *List) offset() float64 { return l.before(l.top) - float64(l.topY) + float64(l.cfg.PadTop) }

func (l *List) scrollToOffset(y float64) {
	limit := l.total() - float64(l.Size().Height)
	y = max(min(y, limit), 0)
	l.stuck = y >= limit-0.5 && l.cfg.StickBottom
	i, start := l.find(y - float64(l.cfg.PadTop))
	l.top, l.topY = i, float32(start-(y-float64(l.cfg.PadTop)))
	l.fresh = false
	l.arrange(false)
}

func (l *List) before(i int) float64 {
	if l.uniform > 0 {
		return float64(l.uniform) * float64(i)
	}
	return l.sizes.before(min(i, l.sizes.len()))
}

func (l *List) find(y float64) (int, float64) {
	if l.uniform > 0 {
		i := min(max(int(y/float64(l.uniform)), 0), max(l.n-1, 0))
		return i, float64(l.uniform) * float64(i)
	}
	return l.sizes.at(y)
}

func (l *List) total() float64 {
	return l.before(l.n) + float64(l.cfg.PadTop+l.cfg.PadBottom)
}

// load reads the number of rows and guesses their heights.
func (l *List) load() {
	l.n = l.cfg.Len()
	l.uniform = 0
	if l.cfg.Uniform != nil {
		l.uniform = l.cfg.Uniform()
	}
	l.width = l.Size().Width
	if l.uniform == 0 {
		l.sizes.reset(l.n, func(i int) float32 {
			if l.cfg.Estimate == nil {
				return 64
			}
			return l.cfg.Estimate(i, l.width)
		})
	}
}

// drop forgets all rows in view, keeping their shapes for others.
func (l *List) drop() {
	for _, r := range l.order {
		l.recycle(r)
	}
	l.order = l.order[:0]
	clear(l.rows)
}

func (l *List) recycle(r *listRow) {
	delete(l.rows, r.id)
	r.id, r.height = "", -1
	if len(l.pool) < 24 {
		// A pooled row must not hold anyone's words.
		for _, t := range r.sketch.texts {
			t.Text = ""
		}
		l.pool = append(l.pool, r)
	}
}

func (l *List) heightOf(i int) float32 {
	if l.uniform > 0 {
		return l.uniform
	}
	if r := l.rows[l.cfg.ID(i)]; r != nil && r.height >= 0 && r.index == i {
		l.sizes.set(i, r.height) // a reload had put the guess back
		return r.height
	}
	h := l.sizes.height[i]
	if l.cfg.Measure != nil {
		h = l.cfg.Measure(i, l.width)
		l.sizes.set(i, h)
	}
	return h
}

func (l *List) laidOut() bool { return len(l.order) > 0 }
