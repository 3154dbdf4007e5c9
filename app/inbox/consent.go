package inbox

// Consent is what a customer agreed to on one inbox. Its zero value is a customer nobody has asked: answers and utility
// templates may be sent, marketing may not.
type Consent struct {
	Marketing ConsentState  `cbor:"1,keyasint,omitempty"`
	Templates ConsentState  `cbor:"2,keyasint,omitempty"` // Withdrawn: nothing but answers while the window is open
	At        Moment        `cbor:"3,keyasint,omitempty"` // the last change
	Source    ConsentSource `cbor:"4,keyasint,omitempty"`
	By        PersonID      `cbor:"5,keyasint,omitempty"` // who wrote it down, if somebody did
}

// A ConsentState is one answer of a customer.
type ConsentState uint8

// The answers.
const (
	NotAsked  ConsentState = 0
	Given     ConsentState = 1
	Withdrawn ConsentState = 2
)

// A ConsentSource says how the company learnt of an answer.
type ConsentSource uint8

// The sources.
const (
	NoSource     ConsentSource = 0
	FromKeyword  ConsentSource = 1 // the customer wrote a word such as STOP
	FromSettings ConsentSource = 2 // the customer used the switch in WhatsApp
	FromRecord   ConsentSource = 3 // a colleague wrote it down, with proof
	FromRefusal  ConsentSource = 4 // WhatsApp refused a message because the customer had stopped such
)

// Allows reports whether a template of the category may be sent.
func (c Consent) Allows(category TemplateCategory) bool {
	if c.Templates == Withdrawn {
		return false
	}
	return category != Marketing || c.Marketing == Given
}
