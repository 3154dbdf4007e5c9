package inbox

// A Role says what a person may do. The zero value may do nothing.
type Role uint8

// The roles, as security.md section 7 of the design defines them.
const (
	NoRole         Role = 0
	Agent          Role = 1
	Supervisor     Role = 2
	PrivacyOfficer Role = 3
	ITAdmin        Role = 4
	Auditor        Role = 5
)

var roleNames = [...]string{"none", "agent", "supervisor", "privacy-officer", "it-admin", "auditor"}

// String returns the role's name as configuration and the command line spell it.
func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return "unknown"
}

// ParseRole is the reverse of [Role.String]. An unknown name gives NoRole and false.
func ParseRole(name string) (Role, bool) {
	for i, n := range roleNames {
		if n == name && i > 0 {
			return Role(i), true
		}
	}
	return NoRole, false
}

// A Person works for the company. Name is what colleagues see.
type Person struct {
	ID      PersonID  `cbor:"1,keyasint"`
	Name    string    `cbor:"2,keyasint"`
	Role    Role      `cbor:"3,keyasint"`
	Inboxes []InboxID `cbor:"4,keyasint,omitempty"` // the inboxes the person works in
	Team    TeamID    `cbor:"5,keyasint,omitempty"` // "" is the team of all who have none
	Away    bool      `cbor:"7,keyasint,omitempty"` // is not to be given conversations for now
	Speaks  []string  `cbor:"8,keyasint,omitempty"` // languages, such as "de"; empty: whatever comes
	Left    Moment    `cbor:"6,keyasint,omitempty"` // when the person left the company; who has left may do nothing
}

// WorksIn reports whether the person belongs to the inbox.
func (p Person) WorksIn(id InboxID) bool {
	for _, i := range p.Inboxes {
		if i == id {
			return true
		}
	}
	return false
}

// An Inbox is a company WhatsApp number. Name is the company's own word for it; the number itself stays on the relay.
type Inbox struct {
	ID      InboxID    `cbor:"1,keyasint"`
	Name    string     `cbor:"2,keyasint"`
	State   InboxState `cbor:"3,keyasint,omitempty"`
	Why     Failure    `cbor:"4,keyasint,omitempty"` // what holds it, when State is InboxHeld
	Quality Quality    `cbor:"5,keyasint,omitempty"` // what WhatsApp thinks of the number
	Hours   Hours      `cbor:"7,keyasint,omitzero"`  // when it is staffed
	Answer  int        `cbor:"8,keyasint,omitempty"` // staffed minutes within which a customer should have an answer; 0: no measure
	Daily   int        `cbor:"6,keyasint,omitempty"` // customers it may write to first in 24 hours; 0: not known, -1: no limit
}

// An InboxState says whether an inbox sends.
type InboxState uint8

// The states of an inbox.
const (
	InboxWorking InboxState = 0
	InboxHeld    InboxState = 1 // WhatsApp takes nothing from the number; messages wait until IT has acted
)

// Quality is WhatsApp's rating of a number or a template, from how customers react.
type Quality uint8

// The ratings.
const (
	QualityUnknown Quality = 0
	QualityHigh    Quality = 1 // green
	QualityMedium  Quality = 2 // yellow
	QualityLow     Quality = 3 // red: WhatsApp may stop it
)

// A CompanyCard is a contact card of the company that agents may send: a colleague or an office. What is on it beside the name
// stays on the relay.
type CompanyCard struct {
	ID      CardID `cbor:"1,keyasint"`
	Name    string `cbor:"2,keyasint"`
	Company string `cbor:"3,keyasint,omitempty"`
	Removed bool   `cbor:"4,keyasint,omitempty"`
}
