package inbox

// An Intent is a wish of a person, named by the device so that repeating it is harmless.
type Intent struct {
	ID   IntentID
	At   Moment // when the person wished it, by the device's clock
	Body IntentBody
}

// An IntentBody is one kind of wish. The set is closed: only this package defines kinds.
type IntentBody interface {
	// IntentKind is the number that names the kind on the wire and on disk.
	IntentKind() IntentKind
	// On is the conversation the wish is about.
	On() ConversationID
}

// An IntentKind names a kind of wish on the wire and on disk. Numbers are never reused.
type IntentKind uint16

// The kinds.
const (
	IntentSendText  IntentKind = 1
	IntentAddNote   IntentKind = 2
	IntentReact     IntentKind = 3
	IntentAssign    IntentKind = 4
	IntentSetState  IntentKind = 5
	IntentMarkRead  IntentKind = 6
	IntentSendAgain IntentKind = 7

	IntentSendMedia       IntentKind = 8
	IntentSendTemplate    IntentKind = 9
	IntentSendInteractive IntentKind = 10
	IntentSendLocation    IntentKind = 11
	IntentSendCard        IntentKind = 12
	IntentRecordConsent   IntentKind = 13
	IntentWithdraw        IntentKind = 14
	IntentDecideHeld      IntentKind = 15

	IntentSetTags  IntentKind = 16
	IntentEditTask IntentKind = 17
)

// The wishes.
type (
	// SendText sends a text to the customer, as an answer to Quote if that is set. Its variables (see [Variables]) are
	// filled in by the relay.
	SendText struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Text         string         `cbor:"2,keyasint"`
		Quote        MessageID      `cbor:"3,keyasint,omitempty"`
		Preview      bool           `cbor:"4,keyasint,omitempty"` // WhatsApp shows a picture of the first link
		Said         Said           `cbor:"20,keyasint,omitzero"`
	}
	// AddNote writes a note that only colleagues see.
	AddNote struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Text         string         `cbor:"2,keyasint"`
		Mentions     []PersonID     `cbor:"3,keyasint,omitempty"` // colleagues who shall look
	}
	// AddReaction puts an emoji on a message, or takes it away when Emoji is "".
	AddReaction struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Message      MessageID      `cbor:"2,keyasint"`
		Emoji        string         `cbor:"3,keyasint,omitempty"`
	}
	// Assign gives the conversation to a person, or to nobody when To is "".
	Assign struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		To           PersonID       `cbor:"2,keyasint,omitempty"`
	}
	// SetState opens, closes or snoozes the conversation; snoozed, it wakes when the customer writes, and at Until.
	SetState struct {
		Conversation ConversationID    `cbor:"1,keyasint"`
		State        ConversationState `cbor:"2,keyasint"`
		Until        Moment            `cbor:"3,keyasint,omitempty"`
	}
	// MarkRead says that the person has read up to a place in the log.
	MarkRead struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		UpTo         uint64         `cbor:"2,keyasint"`
	}
	// SendAgain sends a message once more whose fate is Failed or Unknown. Only a person may wish that.
	SendAgain struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Message      MessageID      `cbor:"2,keyasint"`
	}
	// SendMedia sends a file that was handed to the relay before (see [OfferMedia]).
	SendMedia struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Media        MediaID        `cbor:"2,keyasint"`
		Caption      string         `cbor:"3,keyasint,omitempty"`
		Quote        MessageID      `cbor:"4,keyasint,omitempty"`
		Said         Said           `cbor:"20,keyasint,omitzero"`
	}
	// SendTemplate sends an approved template, the only thing allowed once the window has closed. Values fill
	// [Template.Fields] in their order; variables in them are filled in by the relay. Media is the file of a header
	// that has one.
	SendTemplate struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Template     TemplateID     `cbor:"2,keyasint"`
		Values       []string       `cbor:"3,keyasint,omitempty"`
		Media        MediaID        `cbor:"4,keyasint,omitempty"`
		Said         Said           `cbor:"20,keyasint,omitzero"`
	}
	// SendInteractive sends a text with up to three buttons, or with a list when Menu, the label that opens it, is set.
	SendInteractive struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Text         string         `cbor:"2,keyasint"`
		Header       string         `cbor:"3,keyasint,omitempty"`
		Footer       string         `cbor:"4,keyasint,omitempty"`
		Menu         string         `cbor:"5,keyasint,omitempty"`
		Options      []Option       `cbor:"6,keyasint"`
		Quote        MessageID      `cbor:"7,keyasint,omitempty"`
		Said         Said           `cbor:"20,keyasint,omitzero"`
	}
	// SendLocation sends a place: the company's, not a customer's.
	SendLocation struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Latitude     float64        `cbor:"2,keyasint"` // degrees, north positive
		Longitude    float64        `cbor:"3,keyasint"` // degrees, east positive
		Name         string         `cbor:"4,keyasint,omitempty"`
		Address      string         `cbor:"5,keyasint,omitempty"`
		Quote        MessageID      `cbor:"6,keyasint,omitempty"`
		Said         Said           `cbor:"20,keyasint,omitzero"`
	}
	// SendCard sends a contact card of the company.
	SendCard struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Card         CardID         `cbor:"2,keyasint"`
		Quote        MessageID      `cbor:"3,keyasint,omitempty"`
	}
	// RecordConsent writes down that the customer agreed to marketing, and how that can be proven. What a customer stopped
	// himself, only he can resume.
	RecordConsent struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Proof        string         `cbor:"2,keyasint"` // "signed form in the shop, 3 May"
	}
	// Withdraw takes a message of one's own back that has not left yet.
	Withdraw struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Message      MessageID      `cbor:"2,keyasint"`
	}
	// DecideHeld lets a message go that the guard holds, or does not. Nobody decides about his own.
	DecideHeld struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Message      MessageID      `cbor:"2,keyasint"`
		Agree        bool           `cbor:"3,keyasint,omitempty"`
	}
)

// Said is what a person answered to the guard before wishing again, and where the text came from.
type Said struct {
	Reason string         `cbor:"1,keyasint,omitempty"` // why it is right all the same, in the person's words
	Pasted ConversationID `cbor:"2,keyasint,omitempty"` // the conversation a part of it was copied from
}

// An Option is what the customer can choose of an interactive message.
type Option struct {
	Title string `cbor:"1,keyasint"`           // at most 20 characters on a button, 24 in a list
	Note  string `cbor:"2,keyasint,omitempty"` // second line in a list, at most 72 characters
}

// IntentBodies returns one zero value of every kind, for codecs and tests.
func IntentBodies() []IntentBody {
	return []IntentBody{
		SendText{}, AddNote{}, AddReaction{}, Assign{}, SetState{}, MarkRead{}, SendAgain{},
		SendMedia{}, SendTemplate{}, SendInteractive{}, SendLocation{}, SendCard{}, RecordConsent{}, Withdraw{}, DecideHeld{},
		SetTags{}, EditTask{},
	}
}

func (SendText) IntentKind() IntentKind    { return IntentSendText }
func (AddNote) IntentKind() IntentKind     { return IntentAddNote }
func (AddReaction) IntentKind() IntentKind { return IntentReact }
func (Assign) IntentKind() IntentKind      { return IntentAssign }
func (SetState) IntentKind() IntentKind    { return IntentSetState }
func (MarkRead) IntentKind() IntentKind    { return IntentMarkRead }
func (SendAgain) IntentKind() IntentKind   { return IntentSendAgain }

func (SendMedia) IntentKind() IntentKind       { return IntentSendMedia }
func (SendTemplate) IntentKind() IntentKind    { return IntentSendTemplate }
func (SendInteractive) IntentKind() IntentKind { return IntentSendInteractive }
func (SendLocation) IntentKind() IntentKind    { return IntentSendLocation }
func (SendCard) IntentKind() IntentKind        { return IntentSendCard }
func (RecordConsent) IntentKind() IntentKind   { return IntentRecordConsent }

func (Withdraw) IntentKind() IntentKind   { return IntentWithdraw }
func (DecideHeld) IntentKind() IntentKind { return IntentDecideHeld }

func (b SendText) On() ConversationID    { return b.Conversation }
func (b AddNote) On() ConversationID     { return b.Conversation }
func (b AddReaction) On() ConversationID { return b.Conversation }
func (b Assign) On() ConversationID      { return b.Conversation }
func (b SetState) On() ConversationID    { return b.Conversation }
func (b MarkRead) On() ConversationID    { return b.Conversation }
func (b SendAgain) On() ConversationID   { return b.Conversation }

func (b SendMedia) On() ConversationID       { return b.Conversation }
func (b SendTemplate) On() ConversationID    { return b.Conversation }
func (b SendInteractive) On() ConversationID { return b.Conversation }
func (b SendLocation) On() ConversationID    { return b.Conversation }
func (b SendCard) On() ConversationID        { return b.Conversation }
func (b RecordConsent) On() ConversationID   { return b.Conversation }
func (b Withdraw) On() ConversationID        { return b.Conversation }
func (b DecideHeld) On() ConversationID      { return b.Conversation }

// An Outcome is the relay's answer to an intent: what became of the wish, not of the message. Refusal is zero when it
// was granted; what followed from it arrives as events whose Cause is the intent.
type Outcome struct {
	Intent  IntentID `cbor:"1,keyasint"`
	Refusal Refusal  `cbor:"2,keyasint,omitempty"`
}

// A Refusal says why a wish was not granted. It is an error whose text is for logs; the ui has its own words.
// Refusals are final: the same wish would be refused again. Passing trouble is never an outcome, it is a retry.
type Refusal uint16

// The refusals. Numbers are never reused.
const (
	Granted           Refusal = 0
	RefusedRight      Refusal = 1 // the person may not do that
	RefusedUnknown    Refusal = 2 // no such conversation or message for this person
	RefusedWindow     Refusal = 3 // the reply window is closed
	RefusedEmpty      Refusal = 4 // nothing to send
	RefusedTooLong    Refusal = 5 // longer than MaxText
	RefusedState      Refusal = 6 // the message's receipt does not allow it
	RefusedMalformed  Refusal = 7 // the wish makes no sense
	RefusedNewerWords Refusal = 8 // the relay is older than the device and does not know this wish

	RefusedTemplate Refusal = 9  // no such template, not approved, or not filled in as it must be
	RefusedConsent  Refusal = 10 // the customer has not agreed to such messages, or has stopped them
	RefusedVariable Refusal = 11 // a variable that does not exist, or whose value the company does not know
	RefusedMedia    Refusal = 12 // the file is not there, not what it claims, or of a kind WhatsApp does not take
	RefusedLarge    Refusal = 13 // the file is larger than WhatsApp takes
	RefusedJoined   Refusal = 14 // the conversation goes on elsewhere
	RefusedGuard    Refusal = 15 // the guard found something that must not leave
	RefusedReason   Refusal = 16 // the guard asks for a reason: wish again, with one
	RefusedErased   Refusal = 17 // the customer was forgotten
	RefusedCap      Refusal = 18 // too many of these for now
	RefusedSelf     Refusal = 19 // somebody else must decide

	RefusedStepUp    Refusal = 20 // the person must show again who is there: wire.Credential, then ask again
	RefusedSignature Refusal = 21 // the device's signature is missing or wrong
)

var refusals = map[Refusal]string{
	RefusedRight:      "the person may not do that",
	RefusedUnknown:    "no such conversation or message",
	RefusedWindow:     "the reply window is closed",
	RefusedEmpty:      "nothing to send",
	RefusedTooLong:    "text is too long",
	RefusedState:      "the message's state does not allow it",
	RefusedMalformed:  "the wish is malformed",
	RefusedNewerWords: "the wish is not known to this relay",
	RefusedTemplate:   "the template cannot be sent like that",
	RefusedConsent:    "the customer does not agree to such messages",
	RefusedVariable:   "a variable has no value",
	RefusedMedia:      "the file cannot be sent",
	RefusedLarge:      "the file is too large",
	RefusedJoined:     "the conversation goes on elsewhere",
	RefusedGuard:      "the guard lets this not leave",
	RefusedReason:     "the guard asks for a reason",
	RefusedErased:     "the customer was forgotten",
	RefusedCap:        "too many for now",
	RefusedSelf:       "somebody else must decide",
	RefusedStepUp:     "the person must show again who is there",
	RefusedSignature:  "the signature is missing or wrong",
}

// Error returns the reason in words for logs.
func (r Refusal) Error() string {
	if s, ok := refusals[r]; ok {
		return s
	}
	return "refused"
}
