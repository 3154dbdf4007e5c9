package inbox

// An Incident is something IT or a supervisor must look at. The same trouble again counts up an incident that is open.
type Incident struct {
	ID           IncidentID     `cbor:"1,keyasint"`
	Kind         IncidentKind   `cbor:"2,keyasint"`
	Inbox        InboxID        `cbor:"3,keyasint,omitempty"`
	Conversation ConversationID `cbor:"4,keyasint,omitempty"`
	At           Moment         `cbor:"5,keyasint"` // the first time
	Last         Moment         `cbor:"6,keyasint"` // the last time
	Count        int            `cbor:"7,keyasint"`
	Detail       string         `cbor:"8,keyasint,omitempty"` // a template's name, WhatsApp's own word for a state; never a customer's
	Closed       Moment         `cbor:"9,keyasint,omitempty"`
	By           PersonID       `cbor:"10,keyasint,omitempty"` // who closed it; "" when it ended by itself
}

// An IncidentKind says what happened. The words are the ui's.
type IncidentKind uint8

// The kinds of incidents.
const (
	IncidentSentOutside   IncidentKind = 1  // a message reached a customer that did not pass the relay
	IncidentAccess        IncidentKind = 2  // WhatsApp does not accept the company's token any more, or took a right away
	IncidentRestricted    IncidentKind = 3  // WhatsApp locked, blocked or restricted the account or the number
	IncidentSpam          IncidentKind = 4  // customers report the number; WhatsApp slowed it down
	IncidentPayment       IncidentKind = 5  // WhatsApp cannot bill the company
	IncidentSecurity      IncidentKind = 6  // somebody changed or asked for the number's PIN
	IncidentQuality       IncidentKind = 7  // the number's rating fell
	IncidentTemplate      IncidentKind = 8  // a template was rejected, paused or disabled, or changed its category
	IncidentName          IncidentKind = 9  // WhatsApp decided about the display name
	IncidentLimit         IncidentKind = 10 // how many customers may be written to has changed
	IncidentSetup         IncidentKind = 11 // the number is not registered, or its PIN is wrong
	IncidentAccountNotice IncidentKind = 12 // another notice about the account
	IncidentRefusedData   IncidentKind = 13 // WhatsApp offered chat histories or address books; the relay takes none
	IncidentUnreadable    IncidentKind = 14 // a delivery could not be understood and was put aside
	IncidentIdentity      IncidentKind = 15 // a customer's WhatsApp identity changed: perhaps another person
	IncidentDiversion     IncidentKind = 16 // a colleague tried to lead customers away, or to give one's data to another
	IncidentReveals       IncidentKind = 17 // several colleagues looked at the same contact within a day
	IncidentTwice         IncidentKind = 18 // a device's key was seen in two places at once
	IncidentWipe          IncidentKind = 19 // a device's cache is being destroyed; Detail is the device's name
	IncidentRewritten     IncidentKind = 20 // the audit log is not what was signed: it was changed, or an old copy was brought back
	IncidentTampering     IncidentKind = 21 // a device's store was changed from outside
)

// A Request is what a customer asked about his own data.
type Request struct {
	ID           RequestID      `cbor:"1,keyasint"`
	Kind         RequestKind    `cbor:"2,keyasint"`
	Inbox        InboxID        `cbor:"3,keyasint"`
	Conversation ConversationID `cbor:"4,keyasint"`
	Contact      ContactID      `cbor:"5,keyasint"`
	At           Moment         `cbor:"6,keyasint"`
	Due          Moment         `cbor:"7,keyasint"` // when the law wants an answer
	State        RequestState   `cbor:"8,keyasint,omitempty"`
	First        PersonID       `cbor:"9,keyasint,omitempty"`  // who approved it first
	Second       PersonID       `cbor:"10,keyasint,omitempty"` // who approved it after that, or refused it
	Settled      Moment         `cbor:"11,keyasint,omitempty"`
	Reason       string         `cbor:"12,keyasint,omitempty"` // why it was refused, in a colleague's words
	Quiet        Moment         `cbor:"13,keyasint,omitempty"` // nobody wrote with the customer since, and the company keeps nobody longer; 0: he asked himself
}

// RequestTerm is how long a company has to answer, in days (GDPR article 12(3): one month).
const RequestTerm = 30

// A RequestKind says what is asked.
type RequestKind uint8

// The kinds of requests.
const (
	RequestData    RequestKind = 1 // a copy of everything
	RequestErasure RequestKind = 2 // to be forgotten
)

// A RequestState says how far a request has come.
type RequestState uint8

// The states of a request.
const (
	RequestOpen     RequestState = 0
	RequestSeconded RequestState = 1 // one person agreed; another one must
	RequestApproved RequestState = 2 // two people agreed; the relay carries it out
	RequestDone     RequestState = 3
	RequestRefused  RequestState = 4
)

// RequestDecision returns the state after p agreed (or did not) to the request. It returns [RefusedRight] for a person who
// may not decide, or who would be both of the two, and [RefusedState] for a request that is settled.
func RequestDecision(r Request, p Person, agree bool) (RequestState, error) {
	if Can(p, ActOversee, Subject{Inbox: r.Inbox}) != nil || p.Role == ITAdmin {
		return r.State, RefusedRight
	}
	switch {
	case r.State != RequestOpen && r.State != RequestSeconded:
		return r.State, RefusedState
	case !agree:
		return RequestRefused, nil
	case r.Kind == RequestData || r.State == RequestSeconded && r.First != p.ID:
		return RequestApproved, nil // a copy needs one person, erasure two
	case r.State == RequestSeconded:
		return r.State, RefusedRight
	}
	return RequestSeconded, nil
}
