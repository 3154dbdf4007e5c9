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

	ActDevices  Action = 12 // see a person's devices, and rename them
	ActWipe     Action = 13 // have a device wiped
	ActOffboard Action = 14 // let a person go
	ActAudit    Action = 15 // read entries of a person
	ActProve    Action = 16 // verify and export the audit log
	ActHoldings Action = 17 // see what was on a device
	ActAdmit    Action = 18 // enrol devices, and say that a machine was set up anew

	ActTag      Action = 19 // put tags on a conversation
	ActTask     Action = 20 // write tasks down, and tick them off
	ActOrganise Action = 21 // change the company's tags and quick replies
	ActReport   Action = 22 // see how the work goes: the board and reports
)

// A Subject is what an action is done to: a conversation, a person (and what is his), or the company.
type Subject struct {
	Inbox    InboxID
	Assignee PersonID
	Person   *Person // whose device, whose entries; nil for a conversation
}

// Subject returns the conversation as the subject of an action.
func (c Conversation) Subject() Subject { return Subject{Inbox: c.Inbox, Assignee: c.Assignee} }

// Subject returns the person, and what is his, as the subject of an action.
func (p Person) Subject() Subject { return Subject{Person: &p} }

// may is who may do what in an inbox they work in. What is not listed is denied.
var may = map[Role][]Action{
	Agent:          {ActRead, ActSend, ActNote, ActAssign, ActSetState, ActConsent, ActReveal, ActLookUp, ActTag, ActTask},
	Supervisor:     {ActRead, ActSend, ActNote, ActAssign, ActSetState, ActConsent, ActCosts, ActOversee, ActReveal, ActDecide, ActLookUp, ActTag, ActTask, ActOrganise, ActReport},
	PrivacyOfficer: {ActOversee, ActDecide},
	ITAdmin:        {ActOversee},
}

// A reach is how far from oneself something may be done to people.
type reach uint8

const (
	nobody reach = iota
	oneself
	ownTeam // oneself and who is in the same team, but for other supervisors
	anybody
)

// mayTo is who may do what to whom (security.md section 7 of the design). What is not listed is denied.
var mayTo = map[Role]map[Action]reach{
	Agent:          {ActDevices: oneself, ActWipe: oneself, ActAudit: oneself},
	Supervisor:     {ActDevices: ownTeam, ActWipe: ownTeam, ActOffboard: ownTeam, ActAudit: ownTeam},
	PrivacyOfficer: {ActDevices: anybody, ActWipe: anybody, ActAudit: anybody, ActProve: anybody, ActHoldings: anybody},
	ITAdmin:        {ActDevices: anybody, ActWipe: anybody, ActOffboard: anybody, ActAdmit: anybody},
	Auditor:        {ActAudit: anybody, ActProve: anybody},
}

// Can returns nil if p may do a to s, and [RefusedRight] otherwise. The relay enforces it; the ui asks it to explain a
// greyed-out button. Unknown roles and actions are denied, and so is everything in an inbox p does not work in, and to who
// has left the company.
func Can(p Person, a Action, s Subject) error {
	switch {
	case p.Left != 0:
		return RefusedRight
	case s.Person != nil:
		return canTo(p, a, *s.Person)
	case !p.WorksIn(s.Inbox):
		return RefusedRight
	}
	for _, allowed := range may[p.Role] {
		if allowed == a {
			return nil
		}
	}
	return RefusedRight
}

func canTo(p Person, a Action, to Person) error {
	far := nobody
	switch {
	case p.ID == to.ID:
		far = oneself
	case p.Team == to.Team && to.Role == Agent:
		far = ownTeam
	default:
		far = anybody
	}
	if p.ID == "" || mayTo[p.Role][a] < far {
		return RefusedRight
	}
	return nil
}

// Fresh reports whether an action needs that the person has shown within [StepUpLife] who is there.
func Fresh(a Action) bool {
	switch a {
	case ActReveal, ActDecide, ActWipe, ActOffboard, ActProve, ActHoldings, ActAdmit:
		return true
	}
	return false
}

// StepUpLife is how long, in milliseconds, a person counts as just seen.
const StepUpLife = 5 * 60 * 1000

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
