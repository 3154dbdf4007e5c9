package ui

import (
	"errors"
	"net/url"
	"strings"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// ErrAddress is returned for an address that leads to nothing here.
var ErrAddress = errors.New("not an address of Sealdesk")

// Prefixes of the addresses the system hands to the program. A conversation's id is random and says nothing of anybody.
const (
	openPrefix  = "sealdesk:open?"
	enrolPrefix = "sealdesk:enrol?"
)

// mostAddress is longer than any address of ours.
const mostAddress = 2048

// An Address is where something outside the window leads: to a conversation, or to the set-up of this device. The zero value
// only asks for the window.
type Address struct {
	Conversation inbox.ConversationID
	Enrolment    string
}

// ParseAddress reads an address. Anything but one conversation id of ours, or one enrolment string, is ErrAddress: whoever
// made it could be anybody.
func ParseAddress(text string) (Address, error) {
	switch {
	case text == "":
		return Address{}, nil
	case len(text) > mostAddress:
	case strings.HasPrefix(text, enrolPrefix):
		for _, r := range text {
			if r < '!' || r > '~' {
				return Address{}, ErrAddress
			}
		}
		return Address{Enrolment: text}, nil
	case strings.HasPrefix(text, openPrefix):
		q, err := url.ParseQuery(text[len(openPrefix):])
		if ids := q["conversation"]; err == nil && len(q) == 1 && len(ids) == 1 && wireID(ids[0]) {
			return Address{Conversation: inbox.ConversationID(ids[0])}, nil
		}
	}
	return Address{}, ErrAddress
}

// Visit brings the window to the front and goes where an address leads: at once, or once the inbox is unlocked. It belongs to
// the main goroutine.
func (u *UI) Visit(text string) {
	a, err := ParseAddress(text)
	u.cfg.Window.Show()
	u.cfg.Window.RequestFocus()
	switch {
	case err != nil:
		u.refuseAddress()
	case a.Enrolment != "":
		u.visitEnrol(a.Enrolment)
	case a.Conversation != "":
		u.trace("address taken")
		u.wanted = a.Conversation
		if u.desk != nil {
			u.desk.arrive()
		}
	}
}

func (u *UI) refuseAddress() {
	u.trace("address refused")
	u.toast(kit.Toast{Text: word("link.bad"), Icon: "warn"})
}

// visitEnrol puts an enrolment string where a person looks at it and goes on by himself: who made the address decides nothing.
func (u *UI) visitEnrol(text string) {
	u.trace("address enrols")
	switch {
	case u.enrol != nil && u.enrol.reached == nil:
		u.enrol.field.SetText(text)
		u.cfg.Window.Canvas().Focus(u.enrol.button)
	case u.enrol == nil && u.begun:
		u.toast(kit.Toast{Text: word("link.enrolled"), Icon: "device"})
	default:
		u.invited = text // the card comes
	}
}

// arrive opens the conversation an address led to, as soon as it is known whether there is one.
func (d *desk) arrive() {
	id := d.u.wanted
	if id == "" || len(d.all) == 0 && !d.whole {
		return
	}
	switch {
	case rowWith(d.all, id) != nil:
		d.u.wanted = ""
		d.openConversation(id)
		d.u.trace("address opened")
	case d.whole:
		d.u.wanted = ""
		d.u.toast(kit.Toast{Text: word("link.none"), Icon: "info"})
		d.u.trace("address unknown")
	}
}
