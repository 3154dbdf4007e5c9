package inbox

import "unicode"

// An Action is something a person may or may not do.
type Action uint8

// The actions.
const (
	ActRead     Action = 1 // see a conversation and its messages, masked
	ActSend     Action = 2
	ActNote     Action = 3
	ActAssign   Action = 4
	ActSetState Action = 5
	ActConsent  Action = 6  // write down that a customer agreed to marketing
	ActCosts    Action = 7  // see what WhatsApp bills
	ActOversee  Action = 8  // see incidents and customers' requests
	ActReveal   Action = 9  // ask to see a field of a contact
	ActDecide   Action = 10 // decide about a colleague's reveal or held message
	ActLookUp   Action = 11 // find a contact by his exact number
)

// A Subject is what an action is done to.
type Subject struct {
	Inbox    InboxID
	Assignee PersonID
}

// Subject returns the conversation as the subject of an action.
func (c Conversation) Subject() Subject { return Subject{Inbox: c.Inbox, Assignee: c.Assignee} }

// may is who may do what in an inbox they work in. What is not listed is denied.
var may = map[Role][]Action{
	Agent:          {ActRead, ActSend, ActNote, ActAssign, ActSetState, ActConsent, ActReveal, ActLookUp},
	Supervisor:     {ActRead, ActSend, ActNote, ActAssign, ActSetState, ActConsent, ActCosts, ActOversee, ActReveal, ActDecide, ActLookUp},
	PrivacyOfficer: {ActOversee, ActDecide},
	ITAdmin:        {ActOversee},
}

// Can returns nil if p may do a to s, and [RefusedRight] otherwise. The relay enforces it; the ui asks it to explain a
// greyed-out button. Unknown roles and actions are denied, and so is everything in an inbox p does not work in.
func Can(p Person, a Action, s Subject) error {
	if !p.WorksIn(s.Inbox) {
		return RefusedRight
	}
	for _, allowed := range may[p.Role] {
		if allowed == a {
			return nil
		}
	}
	return RefusedRight
}

// CheckText returns why a person's text cannot be sent or kept: [RefusedEmpty], [RefusedTooLong], or nil.
func CheckText(text string) error {
	n := 0
	blank := true
	for _, r := range text {
		n++
		if !unicode.IsSpace(r) && !unicode.Is(unicode.Cf, r) { // nor anything else that draws nothing
			blank = false
		}
	}
	switch {
	case blank:
		return RefusedEmpty
	case n > MaxText:
		return RefusedTooLong
	}
	return nil
}
