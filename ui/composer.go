package ui

import (
	"strings"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// composer is the place under the timeline: a field to write in, or why there is none.
type composer struct {
	d       *desk
	root    *fyne.Container
	body    *fyne.Container
	hurry   *kit.Banner
	hurried fyne.CanvasObject // hurry with its margin
	field   *kit.Composer
	closed  *kit.Banner
	addNote *kit.Button
	tools   fyne.CanvasObject
	buttons fyne.CanvasObject
	toggle  *kit.IconButton
	counter *kit.Painted
	send    *kit.Button

	quoted  *kit.Touch
	answers fyne.CanvasObject // quoted with its margin
	emoji   *kit.IconButton

	quote *QuoteView // what the reply answers; nil for nothing
	note  bool
	reply string // what was written to the customer while a note is written
	view  ComposerView
}

func newComposer(d *desk) *composer {
	c := &composer{d: d}
	c.field = kit.NewComposer(kit.ComposerConfig{
		Name:        word("composer.name"),
		OnSend:      func() { d.send() },
		OnChange:    c.changed,
		OnCut:       func() { d.u.toast(kit.Toast{Text: word("composer.cut", "Max", grouped(inbox.MaxText)), Icon: "warn"}) },
		OnHeight:    func() { d.panes.refresh() },
		EnterBreaks: func() bool { return !d.u.settings.EnterSends },
		OnFocus:     func() { d.line.list.Select("") },
		OnKey: func(ev *fyne.KeyEvent) bool {
			d.u.typed = d.u.cfg.Now()
			return ev.Name == fyne.KeyUp && d.u.cfg.Modifiers() == 0 && c.text() == "" && d.line.choose(-1)
		},
	})
	c.hurry, c.closed = kit.NewBanner(kit.Notice{}), kit.NewBanner(kit.Notice{})
	c.addNote = kit.NewButton(word("composer.addnote"), kit.Secondary, d.toggleNote)
	c.toggle = kit.NewIconButton("note", word("composer.note.toggle"), d.toggleNote)
	c.emoji = kit.NewIconButton("smile", d.u.tip(word("action.emoji"), actEmoji), c.showEmoji)
	c.quoted = kit.NewTouch("", c.paintQuote)
	c.quoted.Tip = func(area string) string {
		if area == areaCancel {
			return word("composer.reply.cancel")
		}
		return ""
	}
	c.quoted.SetMin(func() fyne.Size {
		return fyne.NewSize(120, kit.LineHeight(kit.LabelBold)+kit.LineHeight(kit.Snippet)+10)
	})
	c.quoted.OnTap = func(area string, _ fyne.Position) {
		if area == areaCancel {
			c.answer(nil)
		}
	}
	c.answers = kit.Inset(c.quoted, 0, 0, 0, 8)
	c.send = kit.NewButton(word("composer.send"), kit.Primary, func() { d.send() })
	c.counter = kit.NewPainted("", func(s *kit.Sketch, size fyne.Size) {
		s.TextIn(counter(c.field.Content()), 0, float32(int((size.Height-kit.LineHeight(kit.Caption))/2)), size.Width, kit.Caption, s.P.TextMuted, kit.AlignEnd)
	}).SetMin(func() fyne.Size { return fyne.NewSize(100, 20) })
	mid := func(o fyne.CanvasObject) kit.Cell { return kit.Min(kit.Column(kit.Spring(), kit.Min(o), kit.Spring())) }
	c.tools = kit.Row(mid(c.emoji), kit.Gap(4), mid(c.toggle), kit.Spring(), kit.Min(c.counter), kit.Gap(12), kit.Min(c.send))
	c.buttons = kit.Row(kit.Min(c.addNote), kit.Spring())
	c.hurried = kit.Inset(c.hurry, 0, 0, 0, 8)
	c.body = kit.Column(kit.Min(c.hurried), kit.Min(c.answers), kit.Min(c.field), kit.Min(c.closed), kit.Gap(8), kit.Min(c.tools), kit.Min(c.buttons))
	c.root = boxed(bottomUp{}, kit.NewFill(inkSurface), kit.Column(kit.Fix(kit.NewDivider(false), 1), kit.Min(kit.Inset(c.body, kit.PaneInset, 12, kit.PaneInset, 12))))
	return c
}

// bottomUp gives every object all the room and asks for what the last one needs.
type bottomUp struct{}

func (bottomUp) Layout(objs []fyne.CanvasObject, size fyne.Size) { fill{}.Layout(objs, size) }
func (bottomUp) MinSize(objs []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(120, objs[len(objs)-1].MinSize().Height)
}

// open shows the draft of another conversation.
func (c *composer) open(draft string) {
	c.note, c.reply, c.quote = false, "", nil
	c.field.SetText(draft)
	c.d.panes.open(true)
	c.refresh()
}

// refresh shows what can be written now.
func (c *composer) refresh() {
	d := c.d
	if d.row == nil {
		c.root.Hide()
		return
	}
	v := composerView(d.row.Conversation, c.note, d.u.settings.EnterSends, d.link.State, d.staff, d.clock())
	if c.root.Visible() && v == c.view {
		return
	}
	c.root.Show()
	c.view = v
	writes := v.Mode == ComposerReply || v.Mode == ComposerNote
	visible(c.field, writes)
	visible(c.tools, writes)
	visible(c.closed, !writes)
	visible(c.buttons, v.Mode == ComposerClosed)
	visible(c.hurried, v.Hint != "")
	visible(c.answers, c.quote != nil && v.Mode == ComposerReply)
	if v.Hint != "" {
		c.hurry.Set(kit.Notice{Style: kit.ChipWarn, Icon: "clock", Text: v.Hint})
	}
	if !writes {
		c.closed.Set(kit.Notice{Style: kit.ChipNeutral, Icon: v.Icon, Title: v.Title, Text: v.Advice})
	}
	c.addNote.SetText(v.NoteButton)
	c.addNote.SetHint(d.u.router.Hint(actNote))
	c.field.SetPlaceHolder(v.Placeholder)
	c.field.SetNote(v.Mode == ComposerNote)
	c.send.SetText(v.Button)
	c.send.Tip = v.Tip
	c.toggle.SetActive(c.note)
	tip := word("composer.note.toggle")
	if c.note {
		tip = word("composer.note.back")
	}
	c.toggle.SetTip(d.u.tip(tip, actNote))
	d.panes.refresh()
}

// areaCancel is where a quote is taken away.
const areaCancel = "cancel"

// answer shows what the reply answers, nil for nothing.
func (c *composer) answer(q *QuoteView) {
	c.quote = q
	name := ""
	if q != nil {
		name = q.Who
	}
	c.quoted.SetAccessibleName(name)
	c.quoted.Refresh()
	c.view = ComposerView{}
	c.refresh()
}

func (c *composer) paintQuote(s *kit.Sketch, size fyne.Size) {
	q := c.quote
	if q == nil {
		return
	}
	s.QuoteBar(0, 0, size.Width, size.Height, s.P.Accent, s.P.Sunken)
	room := size.Width - 12 - 44
	s.TextIn(q.Who, 12, 5, room, kit.LabelBold, s.P.AccentText, kit.AlignStart)
	s.RunsIn(runsOf(q.Text), 12, 5+kit.LineHeight(kit.LabelBold), room, kit.Snippet, s.P.TextMuted, kit.AlignStart)
	x, y := size.Width-40, float32(int((size.Height-32)/2))
	if area, _ := c.quoted.Hovered(); area == areaCancel {
		s.Rect(x, y, 32, 32, s.P.Hover, kit.InputRadius)
	}
	s.Icon("close", x+7, y+7, 18, s.P.TextMuted)
	s.Area(areaCancel, x, y, 32, 32)
}

// emojis are what the message field can draw, the most used ones first.
var emojis = []string{
	"🙂", "😀", "😃", "😄", "😊", "😉", "😍", "🤗", "😂", "😅", "😇", "😎", "🤔", "😮", "😢", "😞",
	"👍", "👎", "👌", "👋", "🙏", "👏", "💪", "🤝", "❤️", "✨", "🎉", "🎁", "🔥", "⭐", "✅", "❌",
	"☀️", "☕", "🍀", "🌍", "🚗", "🚚", "🏠", "🔧", "📅", "⏰", "📞", "📧", "📄", "📦", "💶", "🧾",
}

// showEmoji offers emoji for the text.
func (c *composer) showEmoji() {
	if !c.field.Visible() || c.d.row == nil {
		return
	}
	cfg := kit.MenuConfig{Name: word("action.emoji"), Active: -1, OnClose: func() {
		c.focus()
		c.d.u.trace("overlay closed")
	}}
	for _, e := range emojis {
		cfg.Quick = append(cfg.Quick, kit.MenuItem{Text: e, Do: func() { c.field.InsertText(e) }})
	}
	cfg.At = fyne.CurrentApp().Driver().AbsolutePositionForObject(c.emoji).SubtractXY(0, 6)
	kit.ShowMenu(c.d.u.cfg.Window.Canvas(), cfg)
	c.d.u.trace("emoji shown")
}

func (c *composer) text() string { return c.field.Content() }

func (c *composer) setText(text string) {
	c.field.SetText(text)
	c.counter.Refresh()
}

// changed keeps what is typed. A note's text is not kept as the draft of the reply.
func (c *composer) changed(text string) {
	c.d.u.typed = c.d.u.cfg.Now()
	c.counter.Refresh()
	if !c.note {
		c.d.keepDraft(c.d.open, text)
	}
}

// stop is what takes the keyboard when the pane is reached; nil when nothing can be written.
func (c *composer) stop() fyne.Focusable {
	switch {
	case c.d.row == nil:
		return nil
	case c.field.Visible():
		return c.field
	case c.addNote.Visible() && c.view.Mode == ComposerClosed:
		return c.addNote
	}
	return nil
}

func (c *composer) focus() {
	if f := c.stop(); f != nil && c.d.u.cfg.Window.Canvas().Overlays().Top() == nil {
		c.d.u.cfg.Window.Canvas().Focus(f)
	}
}

// toggleNote switches between the reply and an internal note. Both keep their text.
func (d *desk) toggleNote() {
	c := d.comp
	if d.row == nil || c.view.Mode == ComposerRead {
		return
	}
	c.note = !c.note
	text := c.text()
	c.setText(c.reply)
	c.reply = text
	c.refresh()
	c.focus()
	if c.note {
		d.u.trace("note shown")
	}
}

// send makes what is written a wish: a message, or a note. It reports whether there was something to send.
func (d *desk) send() bool {
	c := d.comp
	text := strings.TrimSpace(c.text())
	if d.row == nil || inbox.CheckText(text) != nil {
		return false
	}
	switch c.view.Mode {
	case ComposerNote:
		d.submit(inbox.AddNote{Conversation: d.open, Text: text})
		c.setText(c.reply)
		c.note, c.reply = false, ""
		c.refresh()
	case ComposerReply:
		b := inbox.SendText{Conversation: d.open, Text: text}
		if c.quote != nil {
			b.Quote = c.quote.Message
			c.answer(nil)
		}
		d.submit(b)
		c.setText("")
		d.typed[d.open] = ""
		d.writer.undraft(d.open)
	default:
		return false
	}
	d.lines.answered()
	d.line.list.ScrollToBottom()
	c.focus()
	d.u.trace("intent submitted")
	return true
}
