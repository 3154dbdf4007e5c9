package ui

import (
	"reflect"
	"strings"

	"sealdesk/app/inbox"
)

// This file is about colleagues who are there at the same time.

// attend tells colleagues where the reader is. What he writes as a note is no answer.
func (d *desk) attend() {
	writing := d.open != "" && !d.comp.note && strings.TrimSpace(d.comp.text()) != ""
	d.session.Relay.Attend(d.open, writing)
}

// meet shows who is there, if that has changed.
func (d *desk) meet() {
	now := d.session.Relay.Presence()
	if reflect.DeepEqual(now, d.present) {
		return
	}
	d.present = now
	d.listing.list.Refresh()
	d.head.refresh()
	d.u.trace("presence shown")
}

// companyText says who else is in a conversation: whoever writes an answer, else whoever has it open; "" for nobody.
func companyText(p inbox.Presence, id inbox.ConversationID, s staff) string {
	writing, reading := p.In(id)
	switch {
	case len(writing) > 0:
		return word("presence.writing", "Name", s.name(writing[0]))
	case len(reading) == 1:
		return word("presence.reading", "Name", s.name(reading[0]))
	case len(reading) > 1:
		return count("presence.reading.n", len(reading))
	}
	return ""
}
