package ui

import (
	"fyne.io/fyne/v2"
)

// This file is what keys and buttons do with the open conversation and with the panes.

// step opens the conversation that many rows further down.
func (d *desk) step(by int) {
	if len(d.shown) == 0 {
		return
	}
	i := -1
	for j, r := range d.shown {
		if r.ID == d.open {
			i = j
			break
		}
	}
	if i < 0 && by < 0 {
		i = 1
	}
	d.openConversation(d.shown[min(max(i+by, 0), len(d.shown)-1)].ID)
}

// nextUnread opens the next conversation with something new, searching from the open one downwards and round.
func (d *desk) nextUnread() {
	from := 0
	for j, r := range d.shown {
		if r.ID == d.open {
			from = j + 1
		}
	}
	for k := range d.shown {
		r := d.shown[(from+k)%len(d.shown)]
		if r.Unread > 0 && r.ID != d.open {
			d.openConversation(r.ID)
			return
		}
	}
}

// cycle moves the keyboard to the next pane.
func (d *desk) cycle(by int) {
	c := d.u.cfg.Window.Canvas()
	if d.page != pageInbox {
		c.Focus(d.pageList())
		return
	}
	stops := []fyne.Focusable{d.listing.list}
	if d.open != "" {
		stops = append(stops, d.line.list)
		if f := d.comp.stop(); f != nil {
			stops = append(stops, f)
		}
		if d.panes.sideShown() {
			stops = append(stops, d.side.list)
		}
	}
	at := -1
	for i, s := range stops {
		if s == c.Focused() {
			at = i
		}
	}
	if at < 0 && by < 0 {
		at = 0
	}
	c.Focus(stops[(at+by+len(stops))%len(stops)])
}

func (d *desk) toggleContact() {
	if d.open == "" || d.page != pageInbox {
		return
	}
	d.looks.hide()
	d.panes.toggle()
	if d.panes.sideShown() {
		d.side.refresh()
		d.u.trace("contact panel shown")
	}
	d.head.refresh()
}

// escape goes back step by step: the drawer, the quote, note mode, what is selected, then to the message field.
func (d *desk) escape() bool {
	switch {
	case d.looks.end():
	case d.page == pageInbox && d.unpick():
	case d.page == pageInbox && d.endSearch():
	case d.page == pageDevices && d.devices.back():
	case d.page != pageInbox:
		d.showPage(pageInbox)
	case d.panes.drawerShown():
		d.toggleContact()
	case d.comp.quote != nil && d.comp.view.Mode == ComposerReply:
		d.comp.answer(nil)
		d.comp.focus()
	case d.comp.note:
		d.toggleNote()
	case d.line.unmark():
	case d.open != "":
		d.comp.focus()
	default:
		return false
	}
	return true
}
