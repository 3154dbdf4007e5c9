package ui

import (
	"unicode"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// This file is what can be done with one message of the timeline: select its text, copy it, answer it, react to it, by
// pointer and by keyboard.

// reactions are the signs WhatsApp itself offers first.
var reactions = []string{"👍", "❤️", "😂", "😮", "😢", "🙏"}

// answers reports whether the customer can be answered now: replies and reactions need an open window and the right.
func (t *timeline) answers() bool {
	d := t.d
	return d.row != nil && inbox.Can(d.staff.me, inbox.ActSend, d.row.Subject()) == nil && d.row.WindowOpen(d.clock().now)
}

// press begins anew: what was selected is not any more. With Shift, what is selected reaches to where the pointer is.
func (t *timeline) press(i int, _ string, at fyne.Position) {
	if t.extends(i) {
		t.to = t.caret(i, at)
		t.list.Redraw(t.marked)
		return
	}
	t.unmark()
	t.list.Select("")
}

// extends reports whether pressing on an item goes on with what is selected in it.
func (t *timeline) extends(i int) bool {
	return i < len(t.items) && t.marked != "" && t.items[i].ID == t.marked && t.d.u.held()&fyne.KeyModifierShift != 0
}

// caret is the place in the text of an item that is nearest to a point of its row.
func (t *timeline) caret(i int, p fyne.Position) kit.Caret {
	l := t.place(i, t.list.Size().Width)
	at := l.bodyAt()
	return l.body.CaretAt(kit.SharedMetrics(), p.X-at.X, p.Y-at.Y)
}

func (t *timeline) unmark() bool {
	was := t.marked
	t.marked, t.from, t.to = "", kit.Caret{}, kit.Caret{}
	if was != "" {
		t.list.Redraw(was)
	}
	return was != ""
}

// drag selects text inside one bubble.
func (t *timeline) drag(i int, from, to fyne.Position) {
	if i >= len(t.items) {
		return
	}
	v := t.items[i]
	l := t.place(i, t.list.Size().Width)
	if len(l.body.Fragments) == 0 || v.Faint || from.X < l.x || from.X > l.x+l.w || from.Y < l.y || from.Y > l.y+l.h {
		return
	}
	if !t.extends(i) {
		t.marked, t.from = v.ID, t.caret(i, from)
	}
	if at := t.caret(i, to); at != t.to {
		t.to = at
		t.list.Redraw(v.ID)
	}
}

// at returns the index of an item, -1 for none.
func (t *timeline) at(id string) int {
	for i, v := range t.items {
		if v.ID == id {
			return i
		}
	}
	return -1
}

// markedText is the text that is selected, masks as they are shown; "" for none.
func (t *timeline) markedText() string {
	i := t.at(t.marked)
	if t.marked == "" || i < 0 {
		return ""
	}
	l := t.place(i, t.list.Size().Width)
	return l.body.Pick(t.from, t.to)
}

// chosen is the message the keyboard is at; nil for none.
func (t *timeline) chosen() *ItemView {
	if i := t.at(t.list.Selected()); t.list.Selected() != "" && i >= 0 {
		return t.items[i]
	}
	return nil
}

func choosable(v *ItemView) bool { return v.Kind == ItemBubble || v.Kind == ItemNote || v.Goes }

// choose puts the keyboard on the message that many messages further down; on the last one when there was none. It
// reports whether there was one.
func (t *timeline) choose(by int) bool {
	i := t.at(t.list.Selected())
	if t.list.Selected() == "" || i < 0 {
		i, by = len(t.items), -1
	}
	for i += by; i >= 0 && i < len(t.items); i += by {
		if choosable(t.items[i]) {
			t.unmark()
			t.list.Select(t.items[i].ID)
			t.list.ScrollTo(t.items[i].ID)
			t.d.u.cfg.Window.Canvas().Focus(t.list)
			t.d.u.trace("message chosen")
			return true
		}
	}
	return false
}

// key is what keys do while the timeline has the keyboard.
func (t *timeline) key(ev *fyne.KeyEvent) bool {
	v := t.chosen()
	switch ev.Name {
	case fyne.KeyUp:
		return t.choose(-1) || v != nil
	case fyne.KeyDown:
		if v == nil {
			return false
		}
		if !t.choose(1) { // below the last one is the message field
			t.d.comp.focus()
		}
		return true
	}
	if v == nil {
		return false
	}
	if heard := t.d.voice; heard.of(v) {
		switch ev.Name {
		case fyne.KeyLeft:
			heard.seek(heard.place() - jump)
			return true
		case fyne.KeyRight:
			heard.seek(heard.place() + jump)
			return true
		}
	}
	if ev.Name != fyne.KeyReturn && ev.Name != fyne.KeyEnter {
		return false
	}
	if i := t.at(v.ID); i >= 0 {
		p, _ := t.list.Where(v.ID)
		l := t.place(i, t.list.Size().Width)
		t.menu(i, "", p.AddXY(l.x+24, l.y+min(l.h, 32)))
	}
	return true
}

// letter is what letters do while the keyboard is at a message.
func (t *timeline) letter(r rune) {
	v := t.chosen()
	if v == nil {
		return
	}
	switch unicode.ToLower(r) {
	case 'r':
		if v.Replies && t.answers() {
			t.d.reply(v)
		}
	case 'c':
		t.d.copyMessage(v)
	case 'o':
		if v.Card != nil && v.Card.Opens != "" {
			t.d.view(v)
		}
	case ' ':
		if v.Card != nil && v.Card.Voice {
			t.d.voice.toggle(v)
		}
	case 's':
		if t.d.voice.of(v) {
			t.d.voice.faster()
		}
	}
}

// menu offers what can be done with an item.
func (t *timeline) menu(i int, _ string, abs fyne.Position) {
	v := t.items[i]
	d := t.d
	cfg := kit.MenuConfig{Name: word("action.message"), At: abs, Active: -1, OnClose: func() { d.u.trace("overlay closed") }}
	if t.answers() {
		if v.Reacts {
			cfg.Quick, cfg.Active = d.signs(v)
		}
		if v.Replies {
			cfg.Items = append(cfg.Items, kit.MenuItem{Text: word("action.reply"), Icon: "reply", Hint: "R", Do: func() { d.reply(v) }})
		}
	}
	if v.Card != nil && v.Card.Voice {
		cfg.Items = append(cfg.Items, d.voice.menu(v)...)
	}
	if v.Card != nil && v.Card.Opens != "" {
		cfg.Items = append(cfg.Items, kit.MenuItem{Text: word("action.view"), Icon: "eye", Hint: "O", Do: func() { d.view(v) }})
	}
	if v.Upload != nil && v.Upload.Cancel != "" {
		cfg.Items = append(cfg.Items, kit.MenuItem{Text: word("upload.cancel"), Icon: "close", Do: func() { d.dismiss(v.Upload.Cancel) }})
	}
	if v.Goes && d.row != nil && d.row.Into != "" {
		cfg.Items = append(cfg.Items, kit.MenuItem{Text: word("happened.go"), Icon: "go", Do: d.follow})
	}
	if text := t.markedText(); text != "" && t.marked == v.ID {
		cfg.Items = append(cfg.Items, kit.MenuItem{Text: word("action.copy.selection"), Icon: "copy", Do: func() { d.u.copied(text) }})
	} else if copyText(v) != "" {
		cfg.Items = append(cfg.Items, kit.MenuItem{Text: word("action.copy"), Icon: "copy", Hint: "C", Do: func() { d.copyMessage(v) }})
	}
	if v.Withdraw || v.undoable(d.clock().now) {
		cfg.Items = append(cfg.Items, kit.MenuItem{Text: word("undo.take"), Icon: "retry", Do: func() { d.withdraw(v.Message) }})
	}
	if v.Decides {
		cfg.Items = append(cfg.Items, kit.MenuItem{Text: word("decide.release"), Icon: "check", Do: func() { d.decideMessage(v.Message, true) }},
			kit.MenuItem{Text: word("decide.keep"), Icon: "close", Do: func() { d.decideMessage(v.Message, false) }})
	}
	if v.Action != "" {
		cfg.Items = append(cfg.Items, kit.MenuItem{Text: v.Action, Icon: "retry", Do: func() { t.again(v) }})
	}
	if v.Restore != "" {
		cfg.Items = append(cfg.Items, kit.MenuItem{Text: word("action.edit"), Icon: "note", Do: func() { d.restore(v.Restore) }},
			kit.MenuItem{Text: word("action.remove"), Icon: "close", Do: func() { d.dismiss(v.Restore) }})
	}
	if len(cfg.Items)+len(cfg.Quick) == 0 {
		return
	}
	kit.ShowMenu(d.u.cfg.Window.Canvas(), cfg)
	d.u.trace("menu shown")
}

// signs are the reactions a menu offers for a message, and which of them it has; choosing that one takes it away.
func (d *desk) signs(v *ItemView) (list []kit.MenuItem, active int) {
	active = -1
	for i, emoji := range reactions {
		put := emoji
		if emoji == v.Ours {
			active, put = i, ""
		}
		list = append(list, kit.MenuItem{Text: emoji, Do: func() {
			d.submit(inbox.AddReaction{Conversation: d.open, Message: v.Message, Emoji: put})
			d.u.trace("intent submitted")
		}})
	}
	return list, active
}

// showReactions offers the reactions alone.
func (d *desk) showReactions(v *ItemView, at fyne.Position) {
	cfg := kit.MenuConfig{Name: word("action.react"), At: at, OnClose: func() { d.u.trace("overlay closed") }}
	cfg.Quick, cfg.Active = d.signs(v)
	kit.ShowMenu(d.u.cfg.Window.Canvas(), cfg)
	d.u.trace("menu shown")
}

// reply makes what is written next an answer to a message.
func (d *desk) reply(v *ItemView) {
	if d.comp.note {
		d.toggleNote()
	}
	q := quoteView(v)
	if !v.Out {
		q.Who = word("composer.reply.to", "Name", d.row.Contact.Display())
	}
	d.comp.answer(q)
	d.comp.focus()
	d.u.trace("reply shown")
}

func (d *desk) copyMessage(v *ItemView) {
	if text := copyText(v); text != "" {
		d.u.copied(text)
	}
}

// copy puts what is selected on the clipboard: text, or the message the keyboard is at.
func (u *UI) copy() bool {
	d := u.desk
	if d == nil || u.context() == contextOverlay {
		return false
	}
	if text := d.line.markedText(); text != "" {
		u.copied(text)
		return true
	}
	if v := d.line.chosen(); v != nil {
		d.copyMessage(v)
		return true
	}
	return false
}

// copied puts a text on the clipboard and says so.
func (u *UI) copied(text string) { u.copiedAs(text, "toast.copied") }

// copiedAs is copied with other words.
func (u *UI) copiedAs(text, key string) {
	clip := u.clipboard(u.cfg.App.Clipboard(), true)
	if clip == nil {
		return
	}
	clip.SetContent(text)
	if d := u.desk; d != nil {
		d.copies.remember(text, d.open)
	}
	u.clip = text
	said := word(key)
	if u.cfg.Copying == CopyInside {
		said = word("toast.copied.inside")
	}
	u.toast(kit.Toast{Text: said, Icon: "copy"})
}
