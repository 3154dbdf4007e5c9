package ui

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

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
	tools   *fyne.Container
	outward fyne.CanvasObject // the tools a reply has and a note has not
	buttons fyne.CanvasObject
	toggle  *kit.IconButton
	noted   fyne.CanvasObject // says that it is a note, also once the placeholder has gone
	counter *kit.Painted
	send    *kit.Button

	held    *kit.Banner
	heldBox fyne.CanvasObject // held with its margin
	choose  *kit.Button
	tmpl    *kit.IconButton
	clip    *kit.IconButton
	plus    *kit.IconButton
	filled  *kit.Touch // which variables the text has
	fillBox fyne.CanvasObject
	tray    *tray

	quoted  *kit.Touch
	answers fyne.CanvasObject // quoted with its margin
	emoji   *kit.IconButton

	quote *QuoteView // what the reply answers; nil for nothing
	note  bool
	reply string // what was written to the customer while a note is written
	view  ComposerView

	guard    *guardBar
	quick    *suggestions
	mentions []Suggestion // colleagues chosen for the note

	adding   int                    // files on their way into the tray
	reserved inbox.MediaID          // a file of the template being filled in, not the tray's
	leaving  map[inbox.MediaID]bool // sent a moment ago: what was read before that still has them in the tray
	typing   map[inbox.ConversationID]time.Time
}

func newComposer(d *desk) *composer {
	c := &composer{d: d, leaving: map[inbox.MediaID]bool{}, typing: map[inbox.ConversationID]time.Time{}}
	c.field = kit.NewComposer(kit.ComposerConfig{
		Name:     word("composer.name"),
		OnSend:   func() { d.send() },
		OnChange: c.changed,
		OnCut:    func() { d.u.toast(kit.Toast{Text: word("composer.cut", "Max", grouped(inbox.MaxText)), Icon: "warn"}) },
		OnHeight: func() { d.panes.refresh() },
		TakesTab: func() bool { return len(c.quick.shown) > 0 }, EnterBreaks: func() bool { return !d.u.settings.EnterSends },
		OnFocus: func() { d.line.list.Select("") },
		OnPaste: func(text string) bool {
			d.pasting(text)
			return d.pasted(text)
		},
		OnCopy: func(text string) { d.copies.remember(text, d.open) },
		OnKey: func(ev *fyne.KeyEvent) bool {
			d.u.typed = d.u.cfg.Now()
			if c.quick.key(ev) {
				return true
			}
			return ev.Name == fyne.KeyUp && d.u.held() == 0 && c.text() == "" && d.line.choose(-1)
		},
	})
	c.hurry, c.closed, c.held = kit.NewBanner(kit.Notice{}), kit.NewBanner(kit.Notice{}), kit.NewBanner(kit.Notice{})
	c.choose = kit.NewButton(word("composer.choose"), kit.Primary, c.chosen)
	c.tmpl = kit.NewIconButton("template", d.u.tip(word("action.templates"), actTemplates), d.showTemplates)
	c.clip = kit.NewIconButton("clip", d.u.tip(word("action.attach"), actAttach), d.showPick)
	c.plus = kit.NewIconButton("plus", d.u.tip(word("action.more"), actMore), c.showMore)
	c.filled = kit.NewTouch("", c.paintFilled)
	c.filled.SetMin(func() fyne.Size { return fyne.NewSize(120, kit.ChipHeight()+2) })
	c.filled.Tip = func(area string) string {
		if area == kit.AreaRest {
			return kit.RestOfChips(c.variableChips(), c.filled.Size().Width-filledLead())
		}
		return ""
	}
	c.fillBox = kit.Inset(c.filled, 0, 6, 0, 0)
	c.tray = newTray(c)
	c.guard = newGuardBar(c)
	c.quick = newSuggestions(c)
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
	c.outward = kit.Row(mid(c.plus), kit.Gap(4), mid(c.clip), kit.Gap(4), mid(c.tmpl), kit.Gap(4))
	c.noted = kit.NewPainted(word("composer.note.toggle"), func(s *kit.Sketch, size fyne.Size) {
		s.TextIn(word("composer.note.toggle"), 0, float32(int((size.Height-kit.LineHeight(kit.LabelBold))/2)), size.Width, kit.LabelBold, s.P.Warn.Ink, kit.AlignStart)
	}).SetMin(func() fyne.Size {
		return fyne.NewSize(kit.TextWidth(word("composer.note.toggle"), kit.LabelBold)+1, 20)
	})
	c.tools = kit.Row(kit.Min(c.outward), mid(c.emoji), kit.Gap(4), mid(c.toggle), kit.Gap(8), kit.Min(c.noted), kit.Spring(), kit.Min(c.counter), kit.Gap(12), kit.Min(c.send))
	c.buttons = kit.Row(kit.Min(c.choose), kit.Min(kit.Inset(c.addNote, 8, 0, 0, 0)), kit.Spring())
	c.hurried, c.heldBox = kit.Inset(c.hurry, 0, 0, 0, 8), kit.Inset(c.held, 0, 0, 0, 8)
	c.body = kit.Column(kit.Min(c.heldBox), kit.Min(c.hurried), kit.Min(c.guard.root), kit.Min(c.answers), kit.Min(c.tray.root), kit.Min(c.quick.box), kit.Min(c.field), kit.Min(c.fillBox), kit.Min(c.closed), kit.Gap(8), kit.Min(c.tools), kit.Min(c.buttons))
	c.root = boxed(bottomUp{d.u.liftToast}, kit.NewFill(inkSurface), kit.Column(kit.Fix(kit.NewDivider(false), 1), kit.Min(kit.Inset(c.body, kit.PaneInset, 12, kit.PaneInset, 12))))
	return c
}

// bottomUp gives every object all the room and asks for what the last one needs. It tells when the room may be another one.
type bottomUp struct{ placed func() }

func (b bottomUp) Layout(objs []fyne.CanvasObject, size fyne.Size) {
	fill{}.Layout(objs, size)
	b.placed()
}

func (bottomUp) MinSize(objs []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(120, objs[len(objs)-1].MinSize().Height)
}

// open shows the draft of another conversation.
func (c *composer) open(draft string) {
	c.note, c.reply, c.quote = false, "", nil
	c.tray.files, c.tray.thumbs = nil, nil
	c.field.SetText(draft)
	c.mentions = nil
	c.quick.look()
	c.d.panes.open(true)
	c.refresh()
	c.guard.judge()
}

// refresh shows what can be written now.
func (c *composer) refresh() {
	d := c.d
	if d.row == nil {
		c.root.Hide()
		return
	}
	v := composerView(d.row.Conversation, d.house.inbox(d.row.Inbox), c.note, d.u.settings.EnterSends, d.link.State, d.staff, d.clock())
	if c.root.Visible() && v == c.view {
		return
	}
	mode, typing := c.view.Mode, c.view.Typing
	c.root.Show()
	c.view = v
	if mode != v.Mode || typing != v.Typing { // the guard is asked about replies, while there is a connection
		defer c.guard.judge()
	}
	writes := v.Mode == ComposerReply || v.Mode == ComposerNote
	visible(c.field, writes)
	visible(c.tools, writes)
	visible(c.closed, !writes)
	visible(c.buttons, v.Mode == ComposerClosed || v.Mode == ComposerJoined)
	visible(c.addNote, v.NoteButton != "")
	visible(c.choose, v.Choose != "")
	c.choose.SetText(v.Choose)
	c.choose.SetHint("")
	if v.Mode == ComposerClosed {
		c.choose.SetHint(d.u.router.Hint(actTemplates))
	}
	visible(c.heldBox, v.Held != "")
	if v.Held != "" {
		c.held.Set(kit.Notice{Style: kit.ChipWarn, Icon: "clock", Title: v.Held, Text: v.HeldAdvice})
	}
	replies := v.Mode == ComposerReply
	visible(c.outward, replies)
	visible(c.noted, v.Mode == ComposerNote)
	visible(c.tray.root, replies && (len(c.tray.files) > 0 || c.adding > 0))
	visible(c.fillBox, replies && inbox.HasVariables(c.text()))
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
	c.send.Tip = v.Tip
	c.toggle.SetActive(c.note)
	tip := word("composer.note.toggle")
	if c.note {
		tip = word("composer.note.back")
	}
	c.toggle.SetTip(d.u.tip(tip, actNote))
	c.enable()
	d.panes.refresh()
}

// enable lets the button act when there is something to send: a file needs no text.
func (c *composer) enable() {
	if c.adding > 0 || c.guard.view.Action == inbox.GuardRefuse {
		c.send.Disable()
	} else {
		c.send.Enable()
	}
	text := c.view.Button
	if _, waits := c.guard.waiting(); c.guard.view.Button != "" && !waits {
		text = c.guard.view.Button
	}
	c.send.SetText(text)
	relayout(c.tools)
}

// chosen is what the button under the closed field does.
func (c *composer) chosen() {
	if c.view.Mode == ComposerJoined {
		c.d.follow()
		return
	}
	c.d.showTemplates()
}

// paintFilled shows which variables of the text the company's server will fill in.
func (c *composer) paintFilled(s *kit.Sketch, size fyne.Size) {
	s.Text(word("variable.filled"), 0, float32(int((size.Height-kit.LineHeight(kit.Caption))/2)), kit.Caption, s.P.TextMuted)
	x := filledLead()
	s.Chips(c.variableChips(), x, float32(int((size.Height-kit.ChipHeight())/2)), size.Width-x)
}

// filledLead is what the words before the variables take.
func filledLead() float32 { return kit.TextWidth(word("variable.filled"), kit.Caption) + 8 }

func (c *composer) variableChips() []kit.Chip {
	var chips []kit.Chip
	for _, v := range variablesIn(c.text()) {
		chips = append(chips, variableChip(v))
	}
	return chips
}

func variableChip(v inbox.Variable) kit.Chip {
	text, known := variableWord(v)
	switch {
	case !known:
		return kit.Chip{Text: text, Icon: "warn", Style: kit.ChipDanger}
	case personal(v):
		return kit.Chip{Text: text, Icon: "lock-solid", Style: kit.ChipPrivacy}
	}
	return kit.Chip{Text: text, Style: kit.ChipNeutral}
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
		c.emoji.SetActive(false)
		c.focus()
		c.d.u.trace("overlay closed")
	}}
	for _, e := range emojis {
		cfg.Quick = append(cfg.Quick, kit.MenuItem{Text: e, Do: func() { c.field.InsertText(e) }})
	}
	cfg.At = fyne.CurrentApp().Driver().AbsolutePositionForObject(c.emoji).SubtractXY(0, 6)
	c.emoji.SetActive(true)
	kit.ShowMenu(c.d.u.cfg.Window.Canvas(), cfg)
	c.d.u.painted(func() { c.d.u.trace("emoji shown") })
}

func (c *composer) text() string { return c.field.Content() }

func (c *composer) setText(text string) {
	c.field.SetText(text)
	c.counter.Refresh()
	c.variables()
}

// changed keeps what is typed. A note's text is not kept as the draft of the reply.
func (c *composer) changed(text string) {
	c.d.u.typed = c.d.u.cfg.Now()
	c.counter.Refresh()
	c.variables()
	if !c.note {
		c.d.keepDraft(c.d.open, text)
		c.tell(text)
		if text == "" {
			delete(c.d.pastes, c.d.open)
		}
		c.guard.judge()
	}
	c.quick.look()
	c.d.attend()
}

// variables shows the line of variables while there are some.
func (c *composer) variables() {
	shown := c.view.Mode == ComposerReply && inbox.HasVariables(c.text())
	if shown != c.fillBox.Visible() {
		visible(c.fillBox, shown)
		c.d.panes.refresh()
	}
	c.filled.Refresh()
}

// typingEvery is the least time between two signs to a customer that somebody writes (Cloud API: the sign shows for up to
// 25 seconds).
const typingEvery = 20 * time.Second

// tell lets the customer see that somebody writes.
func (c *composer) tell(text string) {
	d := c.d
	now := d.u.cfg.Now()
	if !c.view.Typing || c.view.Mode != ComposerReply || strings.TrimSpace(text) == "" || now.Sub(c.typing[d.open]) < typingEvery {
		return
	}
	c.typing[d.open] = now
	go func(id inbox.ConversationID) {
		_, _ = d.session.Relay.Ask(d.ctx, inbox.Typing{Conversation: id}) // a courtesy: when it fails nobody misses it
	}(d.open)
}

// stop is what takes the keyboard when the pane is reached; nil when nothing can be written.
func (c *composer) stop() fyne.Focusable {
	switch {
	case c.d.row == nil || c.d.page != pageInbox:
		return nil
	case c.field.Visible():
		return c.field
	case c.choose.Visible() && c.buttons.Visible():
		return c.choose
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
	if d.row == nil || c.view.Mode == ComposerRead || c.view.Mode == ComposerErased || c.view.Mode == ComposerJoined || d.page != pageInbox {
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

// ask turns to a note that asks a colleague to look. A note that was begun goes on.
func (c *composer) ask(it Suggestion) {
	if !c.note {
		c.d.toggleNote()
	}
	if !c.note {
		return
	}
	text := strings.TrimRight(c.text(), " ")
	if text != "" {
		text += " "
	}
	c.quick.put(text, it)
	c.focus()
}

// send makes what is written a wish: a message, or a note. It reports whether there was something to send.
func (d *desk) send() bool {
	c := d.comp
	text := strings.TrimSpace(c.text())
	files := c.tray.files
	if d.row == nil || d.page != pageInbox || c.adding > 0 || inbox.CheckText(text) != nil && (text != "" || len(files) == 0 || c.view.Mode != ComposerReply) {
		return false
	}
	switch c.view.Mode {
	case ComposerNote:
		d.submit(inbox.AddNote{Conversation: d.open, Text: text, Mentions: mentionsIn(text, c.mentions)})
		c.setText(c.reply)
		c.note, c.reply, c.mentions = false, "", nil
		c.refresh()
	case ComposerReply:
		if slices.ContainsFunc(variablesIn(text), func(v inbox.Variable) bool { _, known := variableWord(v); return !known }) {
			d.u.toast(kit.Toast{Text: word("variable.unknown"), Icon: "warn"})
			return false
		}
		said, ok := c.guard.answered()
		if _, waits := c.guard.waiting(); waits {
			said, ok = inbox.Said{Pasted: d.pastedIn(d.open)}, true // the reason that is asked for is another message's
		}
		if !ok {
			return false
		}
		submit := d.submit
		if r, back := c.guard.again[d.open]; back && r.Text != "" {
			first := r.Intent.ID
			submit = func(b inbox.IntentBody) inbox.IntentID {
				if first == "" {
					return d.submit(b)
				}
				d.submitInstead(first, b)
				first = ""
				return ""
			}
		}
		var quote inbox.MessageID
		if c.quote != nil {
			quote = c.quote.Message
			c.answer(nil)
		}
		caption := ""
		if len(files) > 0 && captioned(files[0].Kind) && utf8.RuneCountInString(text) <= mostCaption {
			caption, text = text, ""
		}
		for i, a := range files {
			c.leaving[a.ID] = true
			b := inbox.SendMedia{Conversation: d.open, Media: a.ID, Said: said}
			if i == 0 {
				b.Caption, b.Quote = caption, quote
			}
			submit(b)
		}
		if text != "" {
			b := inbox.SendText{Conversation: d.open, Text: text, Said: said}
			if len(files) == 0 {
				b.Quote = quote
			}
			submit(b)
		}
		delete(d.pastes, d.open)
		if _, waits := c.guard.waiting(); !waits {
			c.guard.settled()
		}
		c.attached(nil, nil)
		c.setText("")
		delete(c.typing, d.open)
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
