package inbox

// A Field is something of a contact that is masked.
type Field uint8

// The fields.
const (
	FieldName     Field = 1
	FieldPhone    Field = 2
	FieldEmail    Field = 3
	FieldUsername Field = 4
)

// A RevealReason says why somebody needs to see a field.
type RevealReason uint8

// The reasons. Every reveal has one, and a few words beside.
const (
	ReasonDelivery  RevealReason = 1 // a carrier or fitter needs it
	ReasonContract  RevealReason = 2 // an offer, order or invoice needs it
	ReasonCall      RevealReason = 3 // the customer asked to be called
	ReasonIdentity  RevealReason = 4 // to be sure who is writing
	ReasonComplaint RevealReason = 5
	ReasonLaw       RevealReason = 6 // an authority asks
	ReasonOther     RevealReason = 7
)

// A Reveal is an audited, approved look at one raw field. The value itself is in no event: it is sealed to a key that the
// asking device made for it.
type Reveal struct {
	ID           RevealID       `cbor:"1,keyasint"`
	Conversation ConversationID `cbor:"2,keyasint"`
	Field        Field          `cbor:"3,keyasint"`
	By           PersonID       `cbor:"4,keyasint"`
	Why          RevealReason   `cbor:"5,keyasint"`
	Note         Masked         `cbor:"6,keyasint,omitzero"`
	State        RevealState    `cbor:"7,keyasint,omitempty"`
	At           Moment         `cbor:"8,keyasint"`            // when it was asked for
	Decider      PersonID       `cbor:"9,keyasint,omitempty"`  // who granted or refused it; "" when policy did
	Shown        Moment         `cbor:"10,keyasint,omitempty"` // when the value was handed out
	Until        Moment         `cbor:"11,keyasint,omitempty"` // when the look ends, or the request lapses
}

// A RevealState says how far a reveal has come.
type RevealState uint8

// The states.
const (
	RevealAsked   RevealState = 0
	RevealGranted RevealState = 1
	RevealShown   RevealState = 2
	RevealEnded   RevealState = 3 // seen, and over
	RevealRefused RevealState = 4
	RevealLapsed  RevealState = 5 // nobody decided, or nobody looked, in time
)

// A Grant says what became of a request to see a field.
type Grant struct {
	Reveal RevealID    `cbor:"1,keyasint"`
	State  RevealState `cbor:"2,keyasint,omitempty"`
	Sealed []byte      `cbor:"3,keyasint,omitempty"` // see wire.SealReveal; set once it is shown
	Until  Moment      `cbor:"4,keyasint,omitempty"`
	Second bool        `cbor:"5,keyasint,omitempty"` // a colleague must agree first
}

// Opened is a Grant, as the answer to [OpenReveal].
type Opened Grant

// Decided is the answer to [DecideReveal].
type Decided struct {
	State RevealState `cbor:"1,keyasint,omitempty"`
}

// Found is the answer to [LookUp]: the conversation, or "" when there is none.
type Found struct {
	Conversation ConversationID `cbor:"1,keyasint,omitempty"`
}

// A Verdict is what the guard thinks of a draft. Its zero value lets it pass.
type Verdict struct {
	Action   GuardAction `cbor:"1,keyasint,omitempty"` // the strongest of the findings'
	Findings []Finding   `cbor:"2,keyasint,omitempty"`
}

// A Finding is one thing the guard found in a draft.
type Finding struct {
	Rule   GuardRule   `cbor:"1,keyasint"`
	Action GuardAction `cbor:"2,keyasint"`
	From   int         `cbor:"3,keyasint,omitempty"` // where in the draft, in bytes; From equals To for the whole of it
	To     int         `cbor:"4,keyasint,omitempty"`
	Detail string      `cbor:"5,keyasint,omitempty"` // safe to show: an alias, a domain, a code the agent typed
}

// A GuardRule is one of the checks an outgoing message passes.
type GuardRule uint8

// The rules (security.md section 15 of the design, L1 to L10, and one more).
const (
	GuardOthersData  GuardRule = 1  // another contact's data
	GuardPayCard     GuardRule = 2  // a payment card's number
	GuardBank        GuardRule = 3  // bank details that are not the company's
	GuardDiversion   GuardRule = 4  // a way to reach the agent past the company
	GuardLink        GuardRule = 5  // a link the company does not know
	GuardMass        GuardRule = 6  // the same text to many
	GuardDiscount    GuardRule = 7  // a discount or code nobody approved
	GuardRecipient   GuardRule = 8  // meant for somebody else
	GuardFile        GuardRule = 9  // a file of a kind that may not leave
	GuardWindow      GuardRule = 10 // outside the window, or without consent
	GuardAsksTooMuch GuardRule = 11 // asks the customer for what the company must not collect
	GuardForbidden   GuardRule = 12 // a claim the company must not make
)

// A GuardAction says what the guard does, the stronger the higher.
type GuardAction uint8

// The actions.
const (
	GuardPass   GuardAction = 0
	GuardWarn   GuardAction = 1
	GuardAsk    GuardAction = 2 // a reason is needed
	GuardHold   GuardAction = 3 // a supervisor decides
	GuardRefuse GuardAction = 4
)
