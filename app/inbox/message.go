package inbox

// A MessageKind says how an item of a conversation is drawn.
type MessageKind uint8

// The kinds of items.
const (
	Text        MessageKind = 1
	Image       MessageKind = 2
	Video       MessageKind = 3
	Audio       MessageKind = 4
	Voice       MessageKind = 5
	Document    MessageKind = 6
	Sticker     MessageKind = 7
	Location    MessageKind = 8
	ContactCard MessageKind = 9
	Button      MessageKind = 10 // the customer pressed a button or chose from a list
	Order       MessageKind = 11
	Templated   MessageKind = 12 // a template with its gaps filled
	Note        MessageKind = 13 // seen by colleagues only
	System      MessageKind = 14 // something happened to the conversation; Body says what
	Unsupported MessageKind = 15 // WhatsApp or we cannot show it; a neutral card
	Deleted     MessageKind = 16 // its author took it back
	Interactive MessageKind = 17 // a text of ours with buttons or a list
)

// A Side says who an item came from.
type Side uint8

// The sides.
const (
	FromContact Side = 1
	FromPerson  Side = 2
	FromSystem  Side = 3
)

// A Message is one item of a conversation. Its place in the timeline is the sequence number of the event that added
// it, so it is the same on every device.
type Message struct {
	ID           MessageID      `cbor:"1,keyasint"`
	Conversation ConversationID `cbor:"2,keyasint"`
	Seq          uint64         `cbor:"3,keyasint,omitempty"` // place in the log; 0 while only this device knows the item
	At           Moment         `cbor:"4,keyasint"`
	Side         Side           `cbor:"5,keyasint"`
	Author       PersonID       `cbor:"6,keyasint,omitempty"` // for FromPerson; "" when the relay answered by itself
	Kind         MessageKind    `cbor:"7,keyasint"`
	Body         Masked         `cbor:"8,keyasint,omitzero"`
	Quote        *Quote         `cbor:"9,keyasint,omitempty"`
	Media        *Media         `cbor:"10,keyasint,omitempty"`
	Receipt      Receipt        `cbor:"11,keyasint,omitempty"` // for what a person sent
	Failure      Failure        `cbor:"12,keyasint,omitempty"` // why, when Receipt is Failed
	Reactions    []Reaction     `cbor:"13,keyasint,omitempty"`
	Cause        IntentID       `cbor:"14,keyasint,omitempty"` // the intent that led to it
	Forwarded    bool           `cbor:"15,keyasint,omitempty"`
	What         What           `cbor:"16,keyasint,omitempty"` // what happened, for Kind System
	Whom         PersonID       `cbor:"17,keyasint,omitempty"` // whom it happened to, if a colleague
	Header       Masked         `cbor:"18,keyasint,omitzero"`  // the line above Body of a template or an interactive message
	Footer       Masked         `cbor:"19,keyasint,omitzero"`  // the line below it
	Choices      []Choice       `cbor:"20,keyasint,omitempty"` // what the customer can press
	Edited       Moment         `cbor:"21,keyasint,omitempty"` // when its author changed it last
	Referral     *Referral      `cbor:"22,keyasint,omitempty"` // the advertisement the customer came from
	Outside      bool           `cbor:"23,keyasint,omitempty"` // written in the WhatsApp Business app, past the relay
	Held         bool           `cbor:"24,keyasint,omitempty"` // waits for a supervisor: the guard found something
	Found        []GuardRule    `cbor:"26,keyasint,omitempty"` // what the guard found, while it is held
	Until        Moment         `cbor:"25,keyasint,omitempty"` // its author may take it back until then
	Mentions     []PersonID     `cbor:"27,keyasint,omitempty"` // of a note: colleagues who shall look
	Wakes        Moment         `cbor:"28,keyasint,omitempty"` // of [WhatSnoozed]: until when
}

// A Choice is something the customer can press below a message of ours.
type Choice struct {
	Kind  ChoiceKind `cbor:"1,keyasint"`
	Title Masked     `cbor:"2,keyasint,omitzero"`
	Note  Masked     `cbor:"3,keyasint,omitzero"` // the second line of a row
}

// A ChoiceKind says what pressing does.
type ChoiceKind uint8

// The kinds of choices.
const (
	ChoiceReply ChoiceKind = 1 // answers with its title
	ChoiceRow   ChoiceKind = 2 // answers with its title, from a list
	ChoiceLink  ChoiceKind = 3 // opens a page of the company
	ChoiceCall  ChoiceKind = 4 // calls the company
	ChoiceCopy  ChoiceKind = 5 // copies a code
	ChoiceFlow  ChoiceKind = 6 // opens a form
)

// A Referral is the advertisement or post that brought the customer.
type Referral struct {
	Post     bool   `cbor:"1,keyasint,omitempty"` // a post, not an advertisement
	Headline Masked `cbor:"2,keyasint,omitzero"`
	Body     Masked `cbor:"3,keyasint,omitzero"`
}

// What says what happened to a conversation, for items of kind [System]. The words are the ui's.
type What uint8

// The happenings. Author did it, if that is set.
const (
	WhatAssigned      What = 1 // Whom has the conversation now; nobody when Whom is ""
	WhatClosed        What = 2
	WhatReopened      What = 3
	WhatNewNumber     What = 4 // the customer has another number
	WhatNewIdentity   What = 5 // the customer's WhatsApp identity changed: perhaps another phone, perhaps another person
	WhatChatOpened    What = 6 // the customer opened the chat for the first time
	WhatOtherHappened What = 7
	WhatStopped       What = 8  // the customer wants no marketing any more
	WhatStoppedAll    What = 9  // the customer wants nothing but answers any more
	WhatResumed       What = 10 // the customer wants marketing again
	WhatConsented     What = 11 // Author wrote down that the customer agreed to marketing
	WhatNoticeSent    What = 12 // the relay told the customer how the company treats personal data
	WhatDataAsked     What = 13 // the customer wants to know what the company holds
	WhatErasureAsked  What = 14 // the customer wants to be forgotten; two people decide
	WhatVerified      What = 15 // the customer asked whether a message was really ours; the relay answered
	WhatJoined        What = 16 // the customer turned out to be one with whom the company talks elsewhere
	WhatSentOutside   What = 17 // a message reached the customer that did not pass the relay
	WhatRevealed      What = 18 // Author saw a field of the contact's; which one, the contact panel says
	WhatErased        What = 19 // what the company held of the customer was destroyed
	WhatSnoozed       What = 20 // Author put it off until Wakes, or until the customer writes
	WhatWoke          What = 21 // the time it was put off to has come
)

// A Quote is the message another one answers.
type Quote struct {
	Message MessageID `cbor:"1,keyasint,omitempty"` // "" when it is not known any more
	Side    Side      `cbor:"2,keyasint"`
	Excerpt Masked    `cbor:"3,keyasint,omitzero"`
}

// Media describes a picture, document or recording. The bytes stay on the relay.
type Media struct {
	ID     MediaID `cbor:"1,keyasint"`
	Type   string  `cbor:"2,keyasint,omitempty"` // MIME type
	Size   int64   `cbor:"3,keyasint,omitempty"` // bytes; 0 while unknown
	Width  int     `cbor:"4,keyasint,omitempty"` // pixels
	Height int     `cbor:"5,keyasint,omitempty"`
	Name   Masked  `cbor:"6,keyasint,omitzero"` // the file name, masked
	// Blur is a picture of at most 16x16 RGB pixels, row by row after a byte of width: enough for a tile's colours,
	// too little to show anything.
	Blur  []byte     `cbor:"7,keyasint,omitempty"`
	State MediaState `cbor:"8,keyasint,omitempty"`
	// Length is how long a recording or film plays, in milliseconds; 0 while unknown.
	Length int64 `cbor:"9,keyasint,omitempty"`
	// Dangerous marks a program, a script, or something that hides one: never opened by a click.
	Dangerous bool `cbor:"10,keyasint,omitempty"`
}

// MediaState says whether the relay holds the bytes.
type MediaState uint8

// The states of media.
const (
	MediaPending MediaState = 0 // being fetched
	MediaReady   MediaState = 1
	MediaBroken  MediaState = 2 // cannot be read
	MediaLarge   MediaState = 3 // larger than WhatsApp allows, or unpacks to more than anybody should open
	MediaFalse   MediaState = 4 // not what it claims to be
	MediaGone    MediaState = 5 // WhatsApp does not have it any more
)

// A Reaction is an emoji somebody put on a message.
type Reaction struct {
	Side  Side     `cbor:"1,keyasint"`
	By    PersonID `cbor:"2,keyasint,omitempty"`
	Emoji string   `cbor:"3,keyasint"`
}

// React returns the reactions after r: one per author, replaced by a newer one, removed when r has no emoji. The
// given slice is not changed.
func React(list []Reaction, r Reaction) []Reaction {
	out := make([]Reaction, 0, len(list)+1)
	for _, old := range list {
		if old.Side != r.Side || old.By != r.By {
			out = append(out, old)
		}
	}
	if r.Emoji != "" {
		out = append(out, r)
	}
	return out
}

// A Receipt says how far a message a person sent has come. It only ever moves forward; see [Receipt.Advance].
type Receipt uint8

// The receipts, in the order a message passes them.
const (
	NoReceipt Receipt = 0
	Queued    Receipt = 1 // the company has it, WhatsApp does not
	Unknown   Receipt = 2 // handed to WhatsApp without an answer; a later status or a person settles it
	Sent      Receipt = 3
	Failed    Receipt = 4 // also after Sent: WhatsApp takes a message first and may fail to deliver it later
	Delivered Receipt = 5
	Read      Receipt = 6
)

// Advance returns the receipt after next was reported: the further of the two. A failure is final unless WhatsApp
// later reports success, and a late or repeated report changes nothing.
func (r Receipt) Advance(next Receipt) Receipt { return max(r, next) }

// A Failure says why a message did not reach the customer, in terms an agent can act on. The words are the ui's.
type Failure uint16

// The failures.
const (
	NoFailure          Failure = 0
	FailWindow         Failure = 1  // the reply window had closed
	FailUndeliverable  Failure = 2  // WhatsApp could not deliver and does not say why
	FailStopped        Failure = 3  // the customer does not want such messages
	FailPolicy         Failure = 4  // WhatsApp refused it as against its rules
	FailCompanyAccount Failure = 5  // the company's WhatsApp account has a problem; IT must act
	FailBusy           Failure = 6  // too many messages for too long
	FailRefusedByUs    Failure = 7  // the relay's own rules refused it
	FailMedia          Failure = 8  // the attachment could not be processed
	FailInternal       Failure = 9  // the request was wrong: a fault of ours
	FailNotToday       Failure = 10 // WhatsApp limits how often this customer is written to
	FailTemplate       Failure = 11 // WhatsApp does not take the template as it is now
	FailNumberNeeded   Failure = 12 // this template can only go to somebody whose number is known
	FailNotReleased    Failure = 13 // a supervisor did not let it go
)
