package kit

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
)

// arrange decides which rows are in view and where, draws those that are new (all of them when redraw
// is set) and moves the others.
func (l *List) arrange(redraw bool) {
	size := l.Size()
	if size.Width <= 0 || size.Height <= 0 {
		return
	}
	if l.width != size.Width {
		l.load()
		redraw = true
		for _, r := range l.order {
			r.height = -1 // it was measured for another width
		}
	}
	if l.fresh {
		l.fresh = false
		l.top, l.topY = 0, l.cfg.PadTop
	}
	l.settle(size.Height)

	was := l.order
	var next []*listRow
	if cap(l.scene) > 0 {
		next = make([]*listRow, 0, len(was)+2)
	}
	for _, r := range was {
		r.seen = false
	}
	first, last := -1, -1
	y := l.topY
	for i := l.top; i < l.n && y < size.Height; i++ {
		h := l.heightOf(i)
		if y+h > 0 {
			if first < 0 {
				first = i
			}
			last = i
			next = append(next, l.place(i, y, size.Width, h, redraw))
		}
		y += h
	}
	for _, r := range was {
		if !r.seen && r.id != "" {
			l.recycle(r)
		}
	}
	l.order = next
	l.compose(size)
	l.tell(first, last)
}

// settle moves the anchor so that it is the first row in view and the ends are not passed.
func (l *List) settle(height float32) {
	if l.n == 0 {
		l.top, l.topY = 0, l.cfg.PadTop
		return
	}
	l.top = min(max(l.top, 0), l.n-1)
	end := height - l.cfg.PadBottom
	if l.stuck && l.fromEnd(end) {
		return
	}
	// Up to the first row that reaches into the view, or down past those above it.
	for l.top > 0 && l.topY > 0 {
		l.top--
		l.topY -= l.heightOf(l.top)
	}
	if l.top == 0 && l.topY > l.cfg.PadTop {
		l.topY = l.cfg.PadTop
	}
	for l.top < l.n-1 {
		h := l.heightOf(l.top)
		if l.topY+h > 0 {
			break
		}
		l.topY += h
		l.top++
	}
	y := l.topY
	for i := l.top; i < l.n; i++ {
		y += l.heightOf(i)
		if y > end+0.5 {
			l.stuck = false
			return
		}
	}
	// The end is in view.
	if !l.fromEnd(end) { // everything fits: start at the top
		l.top, l.topY = 0, l.cfg.PadTop
		if l.cfg.StickBottom {
			l.topY = max(end-float32(l.before(l.n)), l.cfg.PadTop)
		}
	}
	// Where both ends are in view, a list that stays at its beginning is there.
	l.stuck = !l.cfg.StickTop || l.top > 0 || l.topY < l.cfg.PadTop
}

// fromEnd puts the last row's end at end; false when the contents are shorter than the view.
func (l *List) fromEnd(end float32) bool {
	y, i := end, l.n
	for i > 0 && y > 0 {
		i--
		y -= l.heightOf(i)
	}
	if i == 0 && y > l.cfg.PadTop {
		return false
	}
	l.top, l.topY = i, y
	return true
}

// place returns the row of index i at y, drawn.
func (l *List) place(i int, y, width, h float32, redraw bool) *listRow {
	id := l.cfg.ID(i)
	r := l.rows[id]
	st := l.stateOf(id)
	fresh := r == nil
	if fresh {
		if n := len(l.pool); n > 0 {
			r, l.pool = l.pool[n-1], l.pool[:n-1]
		} else {
			r = &listRow{box: &fyne.Container{}}
		}
		r.id = id
		l.rows[id] = r
	}
	if fresh || redraw || r.height != h || r.state != st {
		r.index, r.height, r.state = i, h, st
		l.draw(r, width)
	}
	r.index, r.seen = i, true
	r.box.Move(fyne.NewPos(0, y))
	return r
}

func (l *List) draw(r *listRow, width float32) {
	l.drawn++
	size := fyne.NewSize(width, r.height)
	r.sketch.begin()
	l.cfg.Draw(r.index, &r.sketch, size, r.state)
	r.sketch.end()
	r.box.Objects = r.sketch.objs
	r.box.Resize(size)
}

func (l *List) stateOf(id string) RowState {
	st := RowState{Selected: id == l.selected && id != ""}
	if id == l.hoverID && l.cfg.HoverRows {
		st.Hovered, st.Area = true, l.hoverArea
	}
	return st
}

// restate redraws a row if what must be shown beside its contents changed.
func (l *List) restate(id string) {
	r := l.rows[id]
	if r == nil {
		return
	}
	if st := l.stateOf(id); st != r.state {
		r.state = st
		l.draw(r, l.width)
		canvas.Refresh(l.ground)
	}
}

// compose builds the list of objects: background, rows, bar, ring.
func (l *List) compose(size fyne.Size) {
	p := Colours()
	l.ground.FillColor = p.Canvas
	if l.cfg.Background != nil {
		l.ground.FillColor = l.cfg.Background(p)
	}
	l.ground.Resize(size)
	l.scene = append(l.scene[:0], l.ground)
	for _, r := range l.order {
		l.scene = append(l.scene, r.box)
	}
	if y, h, ok := l.barPlace(size.Height); ok {
		c := p.BorderStrong
		c.A = 0x80
		if l.barHover || l.dragBar {
			c.A = 0xd0
		}
		l.bar.FillColor, l.bar.CornerRadius = c, listBarWidth/2
		l.bar.Move(fyne.NewPos(size.Width-listBarWidth-3, y))
		l.bar.Resize(fyne.NewSize(listBarWidth, h))
		l.scene = append(l.scene, l.bar)
	}
	if l.focused && !(l.cfg.RingRow && l.selected != "") {
		l.ring.StrokeColor, l.ring.StrokeWidth = p.Accent, FocusWidth
		l.ring.Resize(size)
		l.scene = append(l.scene, l.ring)
	}
	canvas.Refresh(l.ground)
}

func (l *List) barPlace(height float32) (y, h float32, ok bool) {
	total := float32(l.total())
	if total <= height+1 || height < minBarHeight*2 {
		return 0, 0, false
	}
	track := height - 8
	h = max(track*height/total, minBarHeight)
	at := float32(l.offset()) / (total - height)
	return 4 + (track-h)*min(max(at, 0), 1), h, true
}

func (l *List) tell(first, last int) {
	atEnd := l.AtBottom()
	if first != l.first || last != l.last {
		l.first, l.last = first, last
		if l.cfg.OnVisible != nil {
			l.cfg.OnVisible(first, last)
		}
	}
	if l.cfg.OnBottom != nil && atEnd != l.wasEnd {
		l.wasEnd = atEnd
		l.cfg.OnBottom(atEnd)
	}
	near := l.n > 0 && l.top <= 8
	if l.cfg.OnOlder != nil && near && !l.asked {
		l.asked = true
		l.cfg.OnOlder()
	} else if !near {
		l.asked = false
	}
}

// rowAt returns the row and area under a point of the list.
func (l *List) rowAt(p fyne.Position) (r *listRow, at fyne.Position) {
	for _, r := range l.order {
		y := r.box.Position().Y
		if p.Y >= y && p.Y < y+r.height {
			return r, fyne.NewPos(p.X, p.Y-y)
		}
	}
	return nil, fyne.Position{}
}

// Tapped implements fyne.Tappable.
func (l *List) Tapped(ev *fyne.PointEvent) {
	noticed(l)
	showTip(l, "")
	if l.onBar(ev.Position) {
		goHome(l)
		return
	}
	if r, at := l.rowAt(ev.Position); r != nil && l.cfg.OnTap != nil {
		l.cfg.OnTap(r.index, r.sketch.areaAt(at), at)
	}
	goHome(l)
}

// TappedSecondary implements fyne.SecondaryTappable.
func (l *List) TappedSecondary(ev *fyne.PointEvent) {
	if r, at := l.rowAt(ev.Position); r != nil && l.cfg.OnMenu != nil {
		l.cfg.OnMenu(r.index, r.sketch.areaAt(at), ev.AbsolutePosition)
	}
}

// MouseIn implements desktop.Hoverable.
func (l *List) MouseIn(ev *desktop.MouseEvent) { l.MouseMoved(ev) }

// MouseMoved implements desktop.Hoverable.
func (l *List) MouseMoved(ev *desktop.MouseEvent) {
	noticed(l)
	onBar := l.onBar(ev.Position)
	if onBar != l.barHover {
		l.barHover = onBar
		l.compose(l.Size())
	}
	r, at := l.rowAt(ev.Position)
	if r == nil || onBar {
		l.hover("", "", -1)
		return
	}
	l.hover(r.id, r.sketch.areaAt(at), r.index)
}

// MouseOut implements desktop.Hoverable.
func (l *List) MouseOut() {
	if l.barHover {
		l.barHover = false
		l.compose(l.Size())
	}
	l.hover("", "", -1)
}

func (l *List) hover(id, area string, index int) {
	if id == l.hoverID && area == l.hoverArea {
		return
	}
	old := l.hoverID
	l.hoverID, l.hoverArea = id, area
	l.restate(old)
	l.restate(id)
	if l.cfg.Tip != nil {
		tip := ""
		if index >= 0 {
			tip = l.cfg.Tip(index, area)
		}
		if r := l.rows[id]; r != nil && tip != "" {
			if b, ok := r.sketch.areaNamed(area); ok { // beside what it is about, not beside the list
				y := r.box.Position().Y
				showTipBeside(l, tip, fyne.NewPos(b.x, y+b.y), fyne.NewSize(b.w, b.h))
				return
			}
		}
		showTip(l, tip)
	}
}

// Cursor implements desktop.Cursorable.
func (l *List) Cursor() desktop.Cursor {
	if l.cfg.Hand != nil && l.cfg.Hand(l.hoverArea) || l.cfg.Hand == nil && l.hoverArea != "" {
		return desktop.PointerCursor
	}
	if l.cfg.Text != nil && l.cfg.Text(l.hoverArea) {
		return desktop.TextCursor
	}
	return desktop.DefaultCursor
}

// Scrolled implements fyne.Scrollable.
func (l *List) Scrolled(ev *fyne.ScrollEvent) {
	noticed(l)
	l.ScrollBy(-ev.Scrolled.DY * wheelFactor)
}

func (l *List) onBar(p fyne.Position) bool {
	_, _, ok := l.barPlace(l.Size().Height)
	return ok && p.X >= l.Size().Width-listBarGrab
}

// MouseDown implements desktop.Mouseable: a press on the bar's lane starts dragging it there.
func (l *List) MouseDown(ev *desktop.MouseEvent) {
	noticed(l)
	showTip(l, "") // who presses knows; and what is under the pointer may be something else then
	l.pressed = ""
	if ev.Button != desktop.MouseButtonPrimary {
		return
	}
	if !l.onBar(ev.Position) {
		if r, at := l.rowAt(ev.Position); r != nil {
			l.pressed, l.pressedAt = r.id, at
			if l.cfg.OnPress != nil {
				l.cfg.OnPress(r.index, r.sketch.areaAt(at), at)
			}
		}
		return
	}
	l.dragBar = true
	y, h, _ := l.barPlace(l.Size().Height)
	if ev.Position.Y < y || ev.Position.Y > y+h {
		l.barTo(ev.Position.Y - h/2)
	}
}

// MouseUp implements desktop.Mouseable.
func (l *List) MouseUp(*desktop.MouseEvent) {
	if l.dragBar {
		l.DragEnd()
	}
}

// Dragged implements fyne.Draggable.
func (l *List) Dragged(ev *fyne.DragEvent) {
	noticed(l)
	if l.dragBar {
		y, _, _ := l.barPlace(l.Size().Height)
		l.barTo(y + ev.Dragged.DY)
		return
	}
	if r := l.rows[l.pressed]; r != nil && l.cfg.OnDrag != nil {
		l.cfg.OnDrag(r.index, l.pressedAt, ev.Position.Subtract(r.box.Position()))
	}
}

// DragEnd implements fyne.Draggable.
func (l *List) DragEnd() {
	if l.dragBar {
		l.dragBar = false
		l.compose(l.Size())
	}
	if l.pressed != "" {
		l.pressed = ""
		goHome(l) // a drag is no tap, but took the focus all the same
	}
}

// barTo scrolls so that the bar starts at y.
func (l *List) barTo(y float32) {
	height := l.Size().Height
	_, h, ok := l.barPlace(height)
	if !ok {
		return
	}
	at := min(max((y-4)/(height-8-h), 0), 1)
	l.scrollToOffset(float64(at) * (l.total() - float64(height)))
}

// FocusGained implements fyne.Focusable. A click never leads here, only Tab or the owner.
func (l *List) FocusGained() { l.focused = true; l.compose(l.Size()) }

// FocusLost implements fyne.Focusable.
func (l *List) FocusLost() { l.focused = false; l.compose(l.Size()) }

// TypedRune implements fyne.Focusable.
func (l *List) TypedRune(r rune) {
	noticed(l)
	if l.cfg.OnRune != nil {
		l.cfg.OnRune(r)
	}
}

// TypedKey implements fyne.Focusable: the window's router first, then the owner, then scrolling.
func (l *List) TypedKey(ev *fyne.KeyEvent) {
	if forwardKey(l, ev) || l.cfg.OnKey != nil && l.cfg.OnKey(ev) {
		return
	}
	switch ev.Name {
	case fyne.KeyPageUp:
		l.Page(-1)
	case fyne.KeyPageDown:
		l.Page(1)
	case fyne.KeyHome:
		l.ScrollToTop()
	case fyne.KeyEnd:
		l.ScrollToBottom()
	case fyne.KeyUp:
		l.ScrollBy(-60)
	case fyne.KeyDown:
		l.ScrollBy(60)
	}
}

// TypedShortcut implements fyne.Shortcutable by handing on to the router.
func (l *List) TypedShortcut(s fyne.Shortcut) { forwardShortcut(l, s) }

func (l *List) visibleObjects() []fyne.CanvasObject { return l.scene }

// CreateRenderer implements fyne.Widget.
func (l *List) CreateRenderer() fyne.WidgetRenderer { return &listRenderer{l} }

type listRenderer struct{ l *List }

// IsClip makes the driver cut rows at the list's edges.
func (r *listRenderer) IsClip()                      {}
func (r *listRenderer) Destroy()                     {}
func (r *listRenderer) MinSize() fyne.Size           { return fyne.NewSize(72, 72) }
func (r *listRenderer) Objects() []fyne.CanvasObject { return r.l.scene }
func (r *listRenderer) Layout(fyne.Size)             { r.l.arrange(false) }
func (r *listRenderer) Refresh() {
	// The theme or the text size may be new: heights too.
	for _, row := range r.l.order {
		row.height = -1
	}
	r.l.load()
	r.l.arrange(true)
}
