package kit

import (
	"image/color"
	"slices"
	"strconv"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
)

// Field is a labelled single-line input with a line below it for what is wrong or right.
type Field struct {
	group
	// OnSubmit is called on Enter, OnChange after every change.
	OnSubmit func()
	OnChange func(text string)
	// OnKey gets every key first; true means used. OnFocus is called when the field got the keyboard.
	OnKey   func(ev *fyne.KeyEvent) bool
	OnFocus func()

	label string
	entry *fieldEntry
	state ChipStyle
	note  string
	most  int // characters that are allowed; 0 is not counted
}

type fieldEntry struct {
	keepTab bool
	input
	name string
}

// CreateRenderer implements fyne.Widget: an input without the bar of its scroller, which would lie over the text. Who types
// sees the end of it, and the arrows lead through the rest.
func (f *fieldEntry) CreateRenderer() fyne.WidgetRenderer {
	r := &fieldRenderer{WidgetRenderer: f.input.CreateRenderer(), f: f, cover: canvas.NewRectangle(color.Transparent), line: canvas.NewRectangle(color.Transparent)}
	r.style()
	return r
}

// fieldRenderer covers the bar, where there is one, with the ground of the field, and draws the line of the field again above
// it.
type fieldRenderer struct {
	fyne.WidgetRenderer
	f           *fieldEntry
	cover, line *canvas.Rectangle
}

// The objects of Fyne's entry: its ground, its line and its scroller, then what stands above them.
const entryParts = 3

func (r *fieldRenderer) style() {
	ground, line := r.WidgetRenderer.Objects()[0].(*canvas.Rectangle), r.WidgetRenderer.Objects()[1].(*canvas.Rectangle)
	r.cover.FillColor, r.cover.CornerRadius = ground.FillColor, line.CornerRadius
	r.line.StrokeColor, r.line.StrokeWidth, r.line.CornerRadius = line.StrokeColor, line.StrokeWidth, line.CornerRadius
	text := fyne.MeasureText(r.f.Text, theme.Size(theme.SizeNameText), r.f.TextStyle)
	long := text.Width+4*theme.Size(theme.SizeNameInnerPadding) > r.f.Size().Width
	for _, o := range []*canvas.Rectangle{r.cover, r.line} {
		o.Hidden = !long
	}
}

func (r *fieldRenderer) Objects() []fyne.CanvasObject {
	return slices.Insert(slices.Clone(r.WidgetRenderer.Objects()), entryParts, fyne.CanvasObject(r.cover), fyne.CanvasObject(r.line))
}

func (r *fieldRenderer) Layout(size fyne.Size) {
	r.WidgetRenderer.Layout(size)
	line := r.WidgetRenderer.Objects()[1]
	r.line.Move(line.Position())
	r.line.Resize(line.Size())
	bar := theme.Size(theme.SizeNameScrollBar)
	r.cover.Move(fyne.NewPos(1, size.Height-bar-1))
	r.cover.Resize(fyne.NewSize(size.Width-2, bar))
	r.style()
}

func (r *fieldRenderer) Refresh() {
	r.WidgetRenderer.Refresh()
	r.style()
	r.cover.Refresh()
	r.line.Refresh()
}

// visibleObjects is the eye of a password.
func (f *fieldEntry) visibleObjects() []fyne.CanvasObject {
	if f.ActionItem == nil {
		return nil
	}
	return []fyne.CanvasObject{f.ActionItem}
}

// AccessibleName implements Accessible.
func (f *fieldEntry) AccessibleName() string { return f.name }

// NewField returns an empty field. password hides what is typed.
func NewField(label, placeholder string, password bool) *Field {
	f := &Field{label: label, entry: &fieldEntry{name: label}}
	f.entry.Password = password
	f.entry.PlaceHolder = placeholder
	f.entry.onFocus = func(in bool) {
		if in && f.OnFocus != nil {
			f.OnFocus()
		}
	}
	f.entry.onKey = func(ev *fyne.KeyEvent, _ bool) bool {
		if f.OnKey != nil && f.OnKey(ev) {
			return true
		}
		if (ev.Name == fyne.KeyReturn || ev.Name == fyne.KeyEnter) && f.OnSubmit != nil {
			f.OnSubmit()
			return true
		}
		return false
	}
	f.entry.OnChanged = func(text string) {
		if f.most > 0 {
			f.Refresh()
		}
		if f.OnChange != nil {
			f.OnChange(text)
		}
	}
	f.entry.setup(f.entry, ComposerLimit)
	f.kids = []fyne.CanvasObject{f.entry}
	f.arrange = func(size fyne.Size) {
		f.entry.Move(fyne.NewPos(0, f.labelHeight()))
		f.entry.Resize(fyne.NewSize(size.Width, f.entry.MinSize().Height))
	}
	f.init(f, label, f.paint, func() fyne.Size {
		return fyne.NewSize(120, f.labelHeight()+f.entry.MinSize().Height+f.noteHeight())
	})
	return f
}

func (f *Field) labelHeight() float32 {
	if f.label == "" {
		return 0
	}
	return LineHeight(Label) + 4
}

// The line for notes keeps its room, so that the form does not jump.
func (f *Field) noteHeight() float32 { return LineHeight(Caption) + 4 }

func (f *Field) paint(s *Sketch, size fyne.Size) {
	if f.label != "" {
		s.TextIn(f.label, 0, 0, size.Width, Label, s.P.Text, AlignStart)
	}
	if f.most > 0 {
		n, c := runeCount(f.Text()), s.P.TextFaint
		if n > f.most {
			c = s.P.Danger.Ink
		}
		s.TextIn(strconv.Itoa(n)+"/"+strconv.Itoa(f.most), size.Width-120, 0, 120, Caption, c, AlignEnd)
	}
	if f.note == "" {
		return
	}
	ink, icon := s.P.inks(f.state).Ink, "info"
	switch f.state {
	case ChipDanger:
		icon = "warn"
	case ChipOK:
		icon = "check"
	}
	y := f.labelHeight() + f.entry.Size().Height + 4
	s.Icon(icon, 0, y+1, 14, ink)
	s.TextIn(f.note, 19, y, size.Width-19, Caption, ink, AlignStart)
}

// Text is what was typed.
func (f *Field) Text() string { return f.entry.Content() }

// SetText changes what is in the field.
func (f *Field) SetText(text string) { f.entry.SetText(text) }

// SetNote shows a line below the field: ChipDanger for an error, ChipOK for success. "" shows none.
func (f *Field) SetNote(style ChipStyle, note string) {
	f.state, f.note = style, note
	f.entry.tint = nil
	if note != "" && style == ChipDanger {
		f.entry.tint = func(p *Palette) (fill, line color.Color) { return p.Surface, p.Danger.Ink }
	}
	f.Refresh()
}

// SetMost shows how many characters there are of how many that are allowed. It is the owner who refuses longer texts.
func (f *Field) SetMost(n int) *Field {
	f.most = n
	return f
}

// Long reports whether there are more characters than allowed.
func (f *Field) Long() bool { return f.most > 0 && runeCount(f.Text()) > f.most }

// Insert puts text at the cursor in place of the selection.
func (f *Field) Insert(text string) {
	f.entry.TypedShortcut(&fyne.ShortcutPaste{Clipboard: textClipboard(text)})
}

// SetPlaceholder changes what the empty field says.
func (f *Field) SetPlaceholder(text string) { f.entry.SetPlaceHolder(text) }

// SetShow puts an eye into a field for a password, which shows what was typed; show and hide are its names.
func (f *Field) SetShow(show, hide string) *Field {
	var eye *IconButton
	eye = NewIconButton("eye", show, func() {
		f.entry.Password = !f.entry.Password
		icon, tip := "eye", show
		if !f.entry.Password {
			icon, tip = "eye-off", hide
		}
		eye.SetIcon(icon)
		eye.SetTip(tip)
		f.entry.Refresh()
	})
	f.entry.ActionItem = eye
	return f
}

// SetMono sets the field in a fixed width, for codes.
func (f *Field) SetMono() *Field {
	f.entry.TextStyle = fyne.TextStyle{Monospace: true}
	return f
}

// Input is the widget that takes the focus.
func (f *Field) Input() fyne.Focusable { return f.entry }

// Disable greys the field out; Enable undoes it.
func (f *Field) Disable() { f.entry.Disable() }

// Enable undoes Disable.
func (f *Field) Enable() { f.entry.Enable() }
