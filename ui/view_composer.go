package ui

import (
	"unicode/utf8"

	"sealdesk/app/inbox"
)

// A ComposerMode says what the place under the timeline offers.
type ComposerMode uint8

// The modes.
const (
	ComposerReply  ComposerMode = iota
	ComposerNote                // what is written stays among colleagues
	ComposerClosed              // the reply window is closed: why, and what can be done
	ComposerRead                // the person may not write here
	ComposerJoined              // the conversation goes on elsewhere
	ComposerErased              // the customer was forgotten
)

// A ComposerView is the place under the timeline.
type ComposerView struct {
	Mode        ComposerMode
	Placeholder string
	Button      string
	Tip         string
	Icon        string // of the explanation that stands in for the field
	Title       string
	Advice      string
	Choose      string // words of the button that leads on: to the templates, or to the other conversation
	NoteButton  string
	Hint        string // amber line above the field: little time left
	Held        string // what WhatsApp does not accept now; "" when it does
	HeldAdvice  string
	Typing      bool // the customer may be told that somebody writes
}

// composerView says what can be written in a conversation.
func composerView(c inbox.Conversation, in inbox.Inbox, note bool, enterSends bool, link LinkState, s staff, t clock) ComposerView {
	v := composerMode(c, note, enterSends, link, s, t)
	if in.State == inbox.InboxHeld && v.Mode != ComposerRead && v.Mode != ComposerErased {
		v.Held, v.HeldAdvice = heldTitle(in.Why), word("held.advice")
	}
	return v
}

// heldTitle says what keeps an inbox from sending.
func heldTitle(why inbox.Failure) string {
	switch why {
	case inbox.FailCompanyAccount:
		return word("held.account")
	case inbox.FailBusy:
		return word("held.busy")
	case inbox.FailPolicy:
		return word("held.policy")
	}
	return word("held.title")
}

func composerMode(c inbox.Conversation, note bool, enterSends bool, link LinkState, s staff, t clock) ComposerView {
	if c.Erased != 0 {
		return ComposerView{Mode: ComposerErased, Icon: "wipe", Title: word("erased.closed"), Advice: word("erased.closed.advice")}
	}
	if c.Into != "" {
		return ComposerView{Mode: ComposerJoined, Icon: "go", Title: word("composer.joined.title"), Advice: word("composer.joined.advice"), Choose: word("happened.go")}
	}
	if inbox.Can(s.me, inbox.ActSend, c.Subject()) != nil && inbox.Can(s.me, inbox.ActNote, c.Subject()) != nil {
		return ComposerView{Mode: ComposerRead, Icon: "lock", Title: word("composer.read.title"), Advice: word("composer.read.advice")}
	}
	if note {
		return ComposerView{Mode: ComposerNote, Placeholder: word("composer.note.placeholder"), Button: word("composer.note.button"), Tip: word("composer.note.tip")}
	}
	if !c.WindowOpen(t.now) {
		v := ComposerView{Mode: ComposerClosed, Icon: "clock", Title: word("composer.never.title"), Advice: word("composer.never.advice"), NoteButton: word("composer.addnote"),
			Choose: word("composer.choose")}
		if inbox.Can(s.me, inbox.ActSend, c.Subject()) != nil {
			v.Choose = ""
		}
		if c.LastInbound != 0 {
			v.Title = closedTitle(c.WindowCloses(), t)
			v.Advice = word("composer.closed.advice")
		}
		return v
	}
	v := ComposerView{Mode: ComposerReply, Button: word("composer.send"), Tip: word("composer.send.tip"), Typing: link == LinkOnline}
	if link != LinkOnline && link != LinkConnecting {
		v.Button, v.Tip = word("composer.queue"), word("composer.queue.tip")
	}
	if enterSends {
		v.Placeholder = word("composer.placeholder", "Name", c.Contact.Display())
	} else {
		v.Placeholder = word("composer.placeholder.ctrl", "Name", c.Contact.Display())
	}
	if left := c.WindowCloses().Sub(t.now); left.Minutes() < 15 {
		v.Hint = word("composer.hurry", "Span", span(left))
	}
	return v
}

func closedTitle(closed inbox.Moment, t clock) string {
	switch t.days(closed) {
	case 0:
		return word("composer.closed.title", "Time", t.hour(closed))
	case 1:
		return word("composer.closed.yesterday", "Time", t.hour(closed))
	}
	return word("composer.closed.day", "Day", t.date(closed), "Time", t.hour(closed))
}

// counterFrom is how many characters are written before the composer counts them.
const counterFrom = 3500

// counter is how much of the longest text is used, once that matters.
func counter(text string) string {
	n := utf8.RuneCountInString(text)
	if n < counterFrom {
		return ""
	}
	return grouped(n) + "/" + grouped(inbox.MaxText)
}
