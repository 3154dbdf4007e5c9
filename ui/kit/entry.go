package kit

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
)

// ComposerLimit is the longest text WhatsApp takes, in runes. It is also what a wrapped entry can bear:
// beyond it a paste freezes the window.
const ComposerLimit = 4096

// input is a text entry that asks the window's router first, never holds more than its limit and never
// takes text before it has a width.
type input struct {
	widget.Entry
	outer   fyne.Widget // what the window knows
	limit   int
	onCut   func()
	onKey   func(ev *fyne.KeyEvent, shift bool) bool // before everything else; true means used
	onFocus func(bool)
	onPaste func(text string) bool
	onCopy  func(text string)
	pending *string
	shift   bool
	inFocus bool
	tint    func(p *Palette) (fill, line color.Color) // nil is an ordinary field
}

func (e *input) setup(outer fyne.Widget, limit int) {
	e.limit, e.outer = limit, outer
	e.ExtendBaseWidget(outer)
}

// leastWrap is the width below which wrapping long text is slow enough to feel; windows pass through
// such widths while they open.
const leastWrap = 120

// SetText shows a text, cut to the limit. While a wrapping entry is too narrow the text waits.
func (e *input) SetText(text string) {
	text = e.cut(text, e.limit)
	if e.MultiLine && e.Size().Width < leastWrap {
		e.pending = &text
		return
	}
	e.pending = nil
	e.fill(text)
}

// fill shows a text with the caret behind it, where its writer goes on.
func (e *input) fill(text string) {
	same := e.Text == text
	e.wrapping(e.Size().Width, func() {
		e.Entry.SetText(text)
		if !same && text != "" {
			e.Entry.TypedKey(&fyne.KeyEvent{Name: fyne.KeyPageDown})
			e.Entry.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEnd})
		}
	})
}

// wrapping runs f, in which the entry may wrap its text anew for a width.
func (e *input) wrapping(width float32, f func()) {
	if e.MultiLine {
		briskly(width, f)
		return
	}
	f()
}

// Content is the text, including one that waits for a width.
func (e *input) Content() string {
	if e.pending != nil {
		return *e.pending
	}
	return e.Text
}

// Resize implements fyne.CanvasObject and hands over text that waited.
func (e *input) Resize(size fyne.Size) {
	e.wrapping(size.Width, func() { e.Entry.Resize(size) })
	if e.pending != nil && size.Width >= leastWrap {
		text := *e.pending
		e.pending = nil
		e.fill(text)
	}
}

// cut shortens text to n runes and says so.
func (e *input) cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	count := 0
	for i := range text {
		if count == n {
			if e.onCut != nil {
				e.onCut()
			}
			return text[:i]
		}
		count++
	}
	return text
}

// room is how many more runes fit, counting a selection as free.
func (e *input) room() int {
	return e.limit - runeCount(e.Text) + runeCount(e.SelectedText())
}

func runeCount(s string) int {
	n := 0
	for range s {
		n++
	}
	return n
}

// TypedRune implements fyne.Focusable.
func (e *input) TypedRune(r rune) {
	noticed(e.outer)
	if len(e.Text) >= e.limit && e.room() < 1 {
		if e.onCut != nil {
			e.onCut()
		}
		return
	}
	e.wrapping(e.Size().Width, func() { e.Entry.TypedRune(r) })
}

// TypedKey implements fyne.Focusable.
func (e *input) TypedKey(ev *fyne.KeyEvent) {
	noticed(e.outer)
	if r := peers(e.outer).router; e.shift && r != nil && r.released(fyne.KeyModifierShift) {
		e.KeyUp(&fyne.KeyEvent{Name: desktop.KeyShiftLeft}) // its release went to an overlay that was open then
	}
	if e.onKey != nil && e.onKey(ev, e.shift) {
		return
	}
	if forwardKey(e.outer, ev) {
		return
	}
	if ev.Name == fyne.KeyTab { // the entry asks the true driver whether Shift is held
		e.Entry.TypedKey(ev)
		return
	}
	e.wrapping(e.Size().Width, func() { e.Entry.TypedKey(ev) })
}

// KeyDown implements desktop.Keyable.
func (e *input) KeyDown(ev *fyne.KeyEvent) {
	if ev.Name == desktop.KeyShiftLeft || ev.Name == desktop.KeyShiftRight {
		e.shift = true
	}
	e.Entry.KeyDown(ev)
}

// KeyUp implements desktop.Keyable.
func (e *input) KeyUp(ev *fyne.KeyEvent) {
	if ev.Name == desktop.KeyShiftLeft || ev.Name == desktop.KeyShiftRight {
		e.shift = false
	}
	e.Entry.KeyUp(ev)
}

// TypedShortcut implements fyne.Shortcutable: the router first, but for undoing what was typed here; a paste is cut before it
// arrives.
func (e *input) TypedShortcut(s fyne.Shortcut) {
	noticed(e.outer)
	if p, ok := s.(*fyne.ShortcutPaste); ok {
		p = clipped(p).(*fyne.ShortcutPaste)
		if e.onPaste != nil && e.onPaste(p.Clipboard.Content()) {
			return
		}
		if e.room() <= 0 {
			if e.onCut != nil && p.Clipboard.Content() != "" {
				e.onCut()
			}
			return
		}
		s = &fyne.ShortcutPaste{Clipboard: cutClipboard{p.Clipboard, e}}
	} else if _, ok := s.(*fyne.ShortcutCopy); ok && e.SelectedText() != "" {
		if s = clipped(s); s == nil {
			return
		}
		e.copied()
		e.wrapping(e.Size().Width, func() { e.Entry.TypedShortcut(s) })
		return
	} else if _, ok := s.(*fyne.ShortcutCut); ok && e.SelectedText() != "" {
		if s = clipped(s); s == nil {
			return
		}
		e.copied()
	} else if _, ok := s.(*fyne.ShortcutUndo); ok {
		was := e.Text
		if e.wrapping(e.Size().Width, func() { e.Entry.TypedShortcut(s) }); e.Text == was { // it had nothing of its own to take back
			forwardShortcut(e.outer, s)
		}
		return
	} else if forwardShortcut(e.outer, s) {
		return
	}
	e.wrapping(e.Size().Width, func() { e.Entry.TypedShortcut(s) })
}

func (e *input) copied() {
	if e.onCopy != nil {
		e.onCopy(e.SelectedText())
	}
}

// CreateRenderer implements fyne.Widget: Fyne's entry with our ground and focus ring.
func (e *input) CreateRenderer() fyne.WidgetRenderer {
	r := &inputRenderer{WidgetRenderer: e.Entry.CreateRenderer(), e: e}
	r.style()
	return r
}

// inputRenderer restyles the two rectangles an entry draws first, its ground and its line: the theme
// alone can neither colour one entry apart nor make the line of a focused one thicker.
type inputRenderer struct {
	fyne.WidgetRenderer
	e *input
}

func (r *inputRenderer) Refresh() {
	r.WidgetRenderer.Refresh()
	r.style()
}

// Layout keeps our line: the entry's own sets its width anew.
func (r *inputRenderer) Layout(size fyne.Size) {
	r.WidgetRenderer.Layout(size)
	r.style()
}

func (r *inputRenderer) style() {
	objs := r.Objects()
	if len(objs) < 2 {
		return
	}
	ground, ok1 := objs[0].(*canvas.Rectangle)
	line, ok2 := objs[1].(*canvas.Rectangle)
	if !ok1 || !ok2 {
		return
	}
	p := Colours()
	ground.FillColor, line.StrokeColor = p.Surface, p.BorderStrong
	if r.e.tint != nil {
		ground.FillColor, line.StrokeColor = r.e.tint(p)
	}
	if r.e.Disabled() {
		ground.FillColor = p.Sunken
	}
	line.StrokeWidth = 1
	if r.e.inFocus {
		line.StrokeWidth = FocusWidth
		if r.e.tint == nil {
			line.StrokeColor = p.Accent
		}
	}
}

// FocusGained implements fyne.Focusable.
func (e *input) FocusGained() {
	e.inFocus = true
	e.Entry.FocusGained()
	if e.onFocus != nil {
		e.onFocus(true)
	}
}

// FocusLost implements fyne.Focusable.
func (e *input) FocusLost() {
	e.shift = false // its release will go elsewhere
	e.inFocus = false
	e.Entry.FocusLost()
	if e.onFocus != nil {
		e.onFocus(false)
	}
}

func (e *input) shownText() string { return e.Content() }

// cutClipboard is a clipboard whose content fits into an entry.
type cutClipboard struct {
	fyne.Clipboard
	e *input
}

func (c cutClipboard) Content() string { return c.e.cut(c.Clipboard.Content(), c.e.room()) }

// ComposerConfig says what a Composer does.
type ComposerConfig struct {
	// Name is the accessible name, Placeholder what an empty composer says.
	Name, Placeholder string
	// OnSend is called on Enter (on Ctrl+Enter too, unless the router takes that).
	OnSend func()
	// OnChange is called with the text after every change by a person.
	OnChange func(text string)
	// OnCut is called when text was too long and was cut to ComposerLimit.
	OnCut func()
	// OnKey gets every key before the router; true means used.
	OnKey func(ev *fyne.KeyEvent) bool
	// TakesTab reports whether OnKey has a use for Tab now; else it leads on to the next widget. Nil means it never has.
	TakesTab func() bool
	// OnFocus is called when the composer got the keyboard.
	OnFocus func()
	// OnHeight is called when the number of visible lines changed, so that the owner can lay out.
	OnHeight func()
	// EnterBreaks makes Enter a new line and Shift+Enter send.
	EnterBreaks func() bool
	// OnPaste is asked before text is pasted; true means that what the clipboard holds was taken.
	OnPaste func(text string) bool
	// OnCopy is called with text that is copied or cut.
	OnCopy func(text string)
}

// Composer is a text field of three to eight lines that sends on Enter.
type Composer struct {
	input
	cfg  ComposerConfig
	rows int
	note bool
	busy bool
}

// The least and most lines a Composer shows before it scrolls.
const (
	composerMin = 3
	composerMax = 8
)

// NewComposer returns an empty composer.
func NewComposer(cfg ComposerConfig) *Composer {
	c := &Composer{cfg: cfg, rows: composerMin}
	c.MultiLine, c.Wrapping = true, fyne.TextWrapWord
	c.PlaceHolder = cfg.Placeholder
	c.SetMinRowsVisible(composerMin)
	c.onCut = cfg.OnCut
	c.onKey = c.key
	c.onPaste, c.onCopy = cfg.OnPaste, cfg.OnCopy
	c.onFocus = func(in bool) {
		if in {
			if cv := canvasOf(c); cv != nil {
				SetHome(cv, c)
			}
			if cfg.OnFocus != nil {
				cfg.OnFocus()
			}
		}
	}
	c.OnChanged = func(text string) {
		c.grow()
		if cfg.OnChange != nil && !c.busy {
			cfg.OnChange(text)
		}
	}
	c.setup(c, ComposerLimit)
	return c
}

// AccessibleName implements Accessible.
func (c *Composer) AccessibleName() string { return c.cfg.Name }

// AcceptsTab leaves Tab to the window unless the owner has a use for it: nobody sends one, and who got here by it must get on.
func (c *Composer) AcceptsTab() bool { return c.cfg.TakesTab != nil && c.cfg.TakesTab() }

// SetText shows a draft. OnChange is not called.
func (c *Composer) SetText(text string) {
	c.busy = true
	c.input.SetText(text)
	c.busy = false
	c.grow()
}

// SetNote colours the composer as a note to colleagues, so that nobody sends one to a customer.
func (c *Composer) SetNote(on bool) {
	if c.note != on {
		c.note = on
		c.tint = nil
		if on {
			c.tint = func(p *Palette) (fill, line color.Color) { return p.Note.Soft, p.Note.Ink }
		}
		c.Refresh()
	}
}

// Rows is the number of lines shown.
func (c *Composer) Rows() int { return c.rows }

// Resize implements fyne.CanvasObject.
func (c *Composer) Resize(size fyne.Size) {
	was := c.Size().Width
	c.busy = true // text that waited is not a change by a person
	c.input.Resize(size)
	c.busy = false
	if size.Width != was {
		c.grow()
	}
}

// lines is how many lines to show at a width, counted with our own breaker: the entry's own count is
// hidden and slow to get.
func (c *Composer) lines(width float32) int {
	text := c.Content()
	if width < leastWrap || text == "" {
		return composerMin
	}
	b := Layout(SharedMetrics(), []Run{{Text: text}}, width-32, Style{Scale: Current().scale, MaxLines: composerMax + 1})
	return min(max(b.Lines, composerMin), composerMax)
}

func (c *Composer) grow() {
	n := c.lines(c.Size().Width)
	if n == c.rows {
		return
	}
	c.rows = n
	c.SetMinRowsVisible(n)
	if c.cfg.OnHeight != nil {
		c.cfg.OnHeight()
	}
}

// HeightFor implements HeightFor.
func (c *Composer) HeightFor(width float32) float32 {
	line := fyne.MeasureText("M", 14*Current().scale, fyne.TextStyle{}).Height
	return c.MinSize().Height + float32(c.lines(width)-c.rows)*line
}

func (c *Composer) key(ev *fyne.KeyEvent, shift bool) bool {
	if c.cfg.OnKey != nil && c.cfg.OnKey(ev) {
		return true
	}
	if ev.Name != fyne.KeyReturn && ev.Name != fyne.KeyEnter {
		return false
	}
	breaks := c.cfg.EnterBreaks != nil && c.cfg.EnterBreaks()
	if shift != breaks {
		// The entry would take Shift+Enter for "submit", so the break goes in as a rune.
		c.TypedRune('\n')
		return true
	}
	if c.cfg.OnSend != nil {
		c.cfg.OnSend()
	}
	return true
}

// InsertText puts text at the cursor in place of the selection, cut to the limit.
func (c *Composer) InsertText(text string) {
	c.onPaste = nil
	defer func() { c.onPaste = c.cfg.OnPaste }()
	c.TypedShortcut(&fyne.ShortcutPaste{Clipboard: textClipboard(text)})
}

type textClipboard string

func (t textClipboard) Content() string     { return string(t) }
func (t textClipboard) SetContent(_ string) {}
