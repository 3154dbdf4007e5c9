package kit

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// DialogConfig says what a Dialog asks.
type DialogConfig struct {
	Title string
	// Text is shown above the body, "" for none.
	Text string
	// Head stays in view above a body that scrolls, such as a field that finds; nil for none.
	Head fyne.CanvasObject
	// Body is anything below it, such as fields; nil for none.
	Body fyne.CanvasObject
	// Foot stays in view between a body that scrolls and the choices: what must be known before choosing. Nil for none.
	Foot fyne.CanvasObject
	// Safe is the choice that changes nothing: it stands left, has the focus and is what Escape does.
	Safe Action
	// Do is the choice that acts, a verb. Danger colours it.
	Do     Action
	Danger bool
	// Stays leaves it to the owner to close the dialog after Do: it may have to say why something did not work.
	Stays bool
	// Focus gets the keyboard instead of the safe choice, such as a first field.
	Focus fyne.Focusable
	// Width is 480 when zero.
	Width float32
}

// Dialog is a card above the dimmed window. It closes before a choice runs.
type Dialog struct {
	cfg    DialogConfig
	cover  *cover
	safe   *Button
	do     *Button
	body   *fyne.Container
	middle *middle
	width  float32
	closed bool
}

// middle is what stands between the title and the choices of a dialog. Where a window is too low for it, it scrolls, so
// that the choices stay in view: a line across the card then says that it goes on.
type middle struct {
	box    *fyne.Container
	inner  *fyne.Container
	scroll *Scroller
	line   *Divider
	room   float32 // its height while it scrolls
}

func newMiddle(inner *fyne.Container) *middle {
	m := &middle{inner: inner, line: NewDivider(false)}
	m.box = container.New(m, inner)
	return m
}

// fit gives it at most that height at a width.
func (m *middle) fit(width, most float32) {
	m.room = max(most, 80)
	scrolls := heightFor(m.inner, width) > most
	switch {
	case scrolls && m.scroll == nil:
		m.scroll = NewScroller(m.inner)
		m.box.Objects = []fyne.CanvasObject{m.scroll.View, m.line}
	case !scrolls && m.scroll != nil:
		m.scroll = nil
		m.box.Objects = []fyne.CanvasObject{m.inner}
	}
}

// Layout implements fyne.Layout. While it scrolls, the bar stands beside the text.
func (m *middle) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	if m.scroll == nil {
		m.inner.Move(fyne.NewPos(0, 0))
		m.inner.Resize(size)
		return
	}
	m.scroll.View.Move(fyne.NewPos(-scrollLead, 0))
	m.scroll.View.Resize(size.AddWidthHeight(scrollLead+scrollBar, 0))
	m.line.Move(fyne.NewPos(-CardInset, size.Height))
	m.line.Resize(fyne.NewSize(size.Width+2*CardInset, 1))
}

// MinSize implements fyne.Layout.
func (m *middle) MinSize([]fyne.CanvasObject) fyne.Size {
	size := m.inner.MinSize()
	if m.scroll != nil {
		size.Height = m.room
	}
	return size
}

func (m *middle) heightFor(_ []fyne.CanvasObject, width float32) float32 {
	if m.scroll != nil {
		return m.room
	}
	return heightFor(m.inner, width)
}

// ShowDialog shows a dialog over a window.
func ShowDialog(c fyne.Canvas, cfg DialogConfig) *Dialog {
	d := &Dialog{cfg: cfg, width: cfg.Width}
	if d.width == 0 {
		d.width = 480
	}
	act := func(f func()) func() {
		return func() {
			d.Close()
			if f != nil {
				f()
			}
		}
	}
	var cells []Cell
	if cfg.Title != "" {
		cells = append(cells, Min(NewText(cfg.Title, Title, InkText)))
	}
	var inner []Cell
	if cfg.Text != "" && cfg.Title != "" {
		inner = append(inner, Gap(10))
	}
	if cfg.Text != "" {
		inner = append(inner, Min(NewText(cfg.Text, Body, InkText)))
	}
	if cfg.Head != nil {
		cells = append(cells, Gap(12), Min(cfg.Head))
	}
	if cfg.Body != nil && (cfg.Head != nil || len(cells) == 0 && cfg.Text == "") {
		inner = append(inner, Min(cfg.Body))
	} else if cfg.Body != nil {
		inner = append(inner, Gap(14), Min(cfg.Body))
	}
	if len(inner) > 0 {
		d.middle = newMiddle(Column(inner...))
		cells = append(cells, Min(d.middle.box))
	}
	if cfg.Foot != nil {
		cells = append(cells, Gap(14), Min(cfg.Foot))
	}
	row := []Cell{Spring()}
	if cfg.Safe.Text != "" {
		d.safe = NewButton(cfg.Safe.Text, Secondary, act(cfg.Safe.Do))
		row = append(row, Min(d.safe))
	}
	if cfg.Do.Text != "" {
		kind := Primary
		if cfg.Danger {
			kind = Danger
		}
		do := act(cfg.Do.Do)
		if cfg.Stays {
			do = cfg.Do.Do
		}
		d.do = NewButton(cfg.Do.Text, kind, do)
		row = append(row, Gap(8), Min(d.do))
	}
	cells = append(cells, Gap(20), Min(Row(row...)))
	d.body = Column(cells...)
	d.cover = newCover(c, d.place, nil, d.body)
	d.cover.name = cfg.Title
	focus := cfg.Focus
	if focus == nil && d.safe != nil {
		focus = d.safe
	} else if focus == nil && d.do != nil {
		focus = d.do
	}
	d.cover.open(focus)
	dialogs[c] = append(dialogs[c], d)
	return d
}

// dialogs are those open on each canvas, the newest last: Escape closes that one. viewers are the same of viewers, which
// stand above all dialogs.
var (
	dialogs = map[fyne.Canvas][]*Dialog{}
	viewers = map[fyne.Canvas]*Viewer{}
)

// EscapeDialog does what Escape does on the newest dialog of a window, and reports whether there was
// one. Owners call it from the router's Escape action while an overlay is open; widgets of this package
// that have the focus inside a dialog do so themselves.
func EscapeDialog(c fyne.Canvas) bool {
	if v := viewers[c]; v != nil {
		v.Close()
		return true
	}
	open := dialogs[c]
	if len(open) == 0 {
		return false
	}
	d := open[len(open)-1]
	safe := d.cfg.Safe.Do
	d.Close()
	if safe != nil {
		safe()
	}
	return true
}

// DoButton is the acting choice, to disable it until a form is complete.
func (d *Dialog) DoButton() *Button { return d.do }

// Closed reports whether the dialog is gone.
func (d *Dialog) Closed() bool { return d.closed }

// Reveal scrolls as far as is needed to show an object of the body in a low window. Owners call it when a field gets the
// keyboard.
func (d *Dialog) Reveal(o fyne.CanvasObject) {
	if d.middle != nil && d.middle.scroll != nil {
		d.middle.scroll.Reveal(o)
	}
}

// Refit lays the dialog out again after its body changed its height.
func (d *Dialog) Refit() { d.cover.relayout() }

// Close hides the dialog without a choice.
func (d *Dialog) Close() {
	if d.closed {
		return
	}
	d.closed = true
	c := d.cover.canvas
	left := dialogs[c][:0]
	for _, o := range dialogs[c] {
		if o != d {
			left = append(left, o)
		}
	}
	if len(left) == 0 {
		delete(dialogs, c)
	} else {
		dialogs[c] = left
	}
	d.cover.close()
}

func (d *Dialog) place(s *Sketch, size fyne.Size) {
	const inset = CardInset
	w := min(d.width, size.Width-2*PaneInset)
	if d.middle != nil {
		rest := heightFor(d.body, w-2*inset) - heightFor(d.middle.box, w-2*inset)
		d.middle.fit(w-2*inset, size.Height-16-2*inset-rest)
	}
	h := heightFor(d.body, w-2*inset) + 2*inset
	x, y := round((size.Width-w)/2), max(round((size.Height-h)*0.45), 8)
	s.Frame(x, y, w, h, s.P.Raised, s.P.Border, 1, DialogRadius)
	d.cover.box(x, y, w, h)
	d.body.Move(fyne.NewPos(x+inset, y+inset))
	d.body.Resize(fyne.NewSize(w-2*inset, h-2*inset))
}

// Dim puts a shade between a window and what its owner opens next that is not of this package. Call what it returns when
// that has gone.
func Dim(c fyne.Canvas) (undo func()) {
	v := newCover(c, func(*Sketch, fyne.Size) {}, nil)
	v.open(nil)
	return v.close
}
