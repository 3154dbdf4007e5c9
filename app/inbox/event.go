package inbox

// An Event is a fact the relay recorded. Cause names the intent that led to it, if one did.
type Event struct {
	Seq   uint64 // its place in its log, gap-free from 1
	At    Moment // when the relay recorded it
	Cause IntentID
	Body  EventBody
}

// An EventBody is one kind of fact. The set is closed: only this package defines kinds.
type EventBody interface {
	// Kind is the number that names the kind on the wire and on disk.
	Kind() EventKind
	// Of is the conversation the fact belongs to; "" for facts about the company.
	Of() ConversationID
}

// An EventKind names a kind of fact on the wire and on disk. Numbers are never reused.
type EventKind uint16

// The kinds.
const (
	KindConversationOpened EventKind = 1
	KindContactChanged     EventKind = 2
	KindMessageAdded       EventKind = 3
	KindReceiptChanged     EventKind = 4
	KindReacted            EventKind = 5
	KindAssigned           EventKind = 6
	KindStateChanged       EventKind = 7
	KindReadMoved          EventKind = 8
	KindMediaChanged       EventKind = 9
	KindPersonChanged      EventKind = 10
	KindInboxChanged       EventKind = 11
	KindMessageChanged     EventKind = 12
	KindConsentChanged     EventKind = 13
	KindFreeEntryMoved     EventKind = 14
	KindConversationJoined EventKind = 15
	KindTemplateChanged    EventKind = 16
	KindCardChanged        EventKind = 17
	KindIncidentChanged    EventKind = 18
	KindRequestChanged     EventKind = 19
	KindMessageReleased    EventKind = 20
	KindMessageWithdrawn   EventKind = 21
	KindMessageMasked      EventKind = 22
	KindRevealChanged      EventKind = 23
	KindContactErased      EventKind = 24
	KindTagChanged         EventKind = 25
	KindQuickReplyChanged  EventKind = 26
	KindTagsChanged        EventKind = 27
	KindTaskChanged        EventKind = 28
	KindRated              EventKind = 29
)

// The facts.
type (
	// ConversationOpened is the first fact of a conversation.
	ConversationOpened struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Inbox        InboxID        `cbor:"2,keyasint"`
		Contact      Contact        `cbor:"3,keyasint"`
	}
	// ContactChanged replaces what is shown of the contact.
	ContactChanged struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Contact      Contact        `cbor:"2,keyasint"`
	}
	// MessageAdded puts an item at the end of the conversation.
	MessageAdded struct {
		Message Message `cbor:"1,keyasint"`
	}
	// ReceiptChanged reports how far a sent message has come.
	ReceiptChanged struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Message      MessageID      `cbor:"2,keyasint"`
		Receipt      Receipt        `cbor:"3,keyasint"`
		Failure      Failure        `cbor:"4,keyasint,omitempty"`
	}
	// Reacted puts, replaces or (without an emoji) removes a reaction.
	Reacted struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Message      MessageID      `cbor:"2,keyasint"`
		Reaction     Reaction       `cbor:"3,keyasint"`
	}
	// Assigned gives the conversation to a person; To is "" when it is taken from everybody.
	Assigned struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		To           PersonID       `cbor:"2,keyasint,omitempty"`
		By           PersonID       `cbor:"3,keyasint,omitempty"`
	}
	// StateChanged opens, closes or snoozes the conversation.
	StateChanged struct {
		Conversation ConversationID    `cbor:"1,keyasint"`
		State        ConversationState `cbor:"2,keyasint"`
		By           PersonID          `cbor:"3,keyasint,omitempty"`
		Until        Moment            `cbor:"4,keyasint,omitempty"` // Snoozed: when it wakes; 0: when the customer writes
	}
	// ReadMoved reports how far a person has read.
	ReadMoved struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Person       PersonID       `cbor:"2,keyasint"`
		UpTo         uint64         `cbor:"3,keyasint"`
	}
	// MediaChanged replaces what is known of a message's media.
	MediaChanged struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Message      MessageID      `cbor:"2,keyasint"`
		Media        Media          `cbor:"3,keyasint"`
	}
	// PersonChanged adds a colleague or replaces what is known of one.
	PersonChanged struct {
		Person Person `cbor:"1,keyasint"`
	}
	// InboxChanged adds an inbox or replaces what is known of one.
	InboxChanged struct {
		Inbox Inbox `cbor:"1,keyasint"`
	}
	// MessageChanged replaces a message's text, or takes the message back when Deleted is set.
	MessageChanged struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Message      MessageID      `cbor:"2,keyasint"`
		Body         Masked         `cbor:"3,keyasint,omitzero"`
		Deleted      bool           `cbor:"4,keyasint,omitempty"`
		At           Moment         `cbor:"5,keyasint"` // when its author did it
	}
	// ConsentChanged replaces what the customer agreed to.
	ConsentChanged struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Consent      Consent        `cbor:"2,keyasint"`
	}
	// FreeEntryMoved corrects until when WhatsApp bills nothing, by its own word.
	FreeEntryMoved struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Until        Moment         `cbor:"2,keyasint"`
	}
	// ConversationJoined says that the customer turned out to be the one of another conversation, which goes on.
	ConversationJoined struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Into         ConversationID `cbor:"2,keyasint"`
	}
	// TemplateChanged adds a template to the log's inbox or replaces what is known of one.
	TemplateChanged struct {
		Template Template `cbor:"1,keyasint"`
	}
	// CardChanged adds a contact card of the company or replaces what is known of one.
	CardChanged struct {
		Card CompanyCard `cbor:"1,keyasint"`
	}
	// IncidentChanged opens an incident, counts it once more, or closes it. It stands in [OversightLog].
	IncidentChanged struct {
		Incident Incident `cbor:"1,keyasint"`
	}
	// MessageReleased says that a supervisor let a held message go.
	MessageReleased struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Message      MessageID      `cbor:"2,keyasint"`
		By           PersonID       `cbor:"3,keyasint"`
	}
	// MessageWithdrawn says that its author took a message back before it left. It is as if it had never been written.
	MessageWithdrawn struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Message      MessageID      `cbor:"2,keyasint"`
		By           PersonID       `cbor:"3,keyasint"`
	}
	// MessageMasked replaces what is shown of an earlier message, because a later one showed that it holds a part of an
	// identifier. Whoever keeps the earlier body must replace it there as well.
	MessageMasked struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Message      MessageID      `cbor:"2,keyasint"`
		Body         Masked         `cbor:"3,keyasint,omitzero"`
	}
	// RevealChanged tells who wants to see, may see and has seen a field of the contact.
	RevealChanged struct {
		Reveal Reveal `cbor:"1,keyasint"`
	}
	// ContactErased says that the company has destroyed what it held of the contact. Whoever holds a copy destroys it too.
	ContactErased struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Contact      ContactID      `cbor:"2,keyasint"`
	}
	// RequestChanged tells of a customer's request and what became of it. It stands in [OversightLog].
	RequestChanged struct {
		Request Request `cbor:"1,keyasint"`
	}
)

// EventBodies returns one zero value of every kind, for codecs and tests.
func EventBodies() []EventBody {
	return []EventBody{
		ConversationOpened{}, ContactChanged{}, MessageAdded{}, ReceiptChanged{}, Reacted{}, Assigned{},
		StateChanged{}, ReadMoved{}, MediaChanged{}, PersonChanged{}, InboxChanged{},
		MessageChanged{}, ConsentChanged{}, FreeEntryMoved{}, ConversationJoined{}, TemplateChanged{}, CardChanged{},
		IncidentChanged{}, RequestChanged{}, MessageReleased{}, MessageWithdrawn{}, MessageMasked{}, RevealChanged{}, ContactErased{},
		TagChanged{}, QuickReplyChanged{}, TagsChanged{}, TaskChanged{}, Rated{},
	}
}

func (ConversationOpened) Kind() EventKind { return KindConversationOpened }
func (ContactChanged) Kind() EventKind     { return KindContactChanged }
func (MessageAdded) Kind() EventKind       { return KindMessageAdded }
func (ReceiptChanged) Kind() EventKind     { return KindReceiptChanged }
func (Reacted) Kind() EventKind            { return KindReacted }
func (Assigned) Kind() EventKind           { return KindAssigned }
func (StateChanged) Kind() EventKind       { return KindStateChanged }
func (ReadMoved) Kind() EventKind          { return KindReadMoved }
func (MediaChanged) Kind() EventKind       { return KindMediaChanged }
func (PersonChanged) Kind() EventKind      { return KindPersonChanged }
func (InboxChanged) Kind() EventKind       { return KindInboxChanged }
func (MessageChanged) Kind() EventKind     { return KindMessageChanged }
func (ConsentChanged) Kind() EventKind     { return KindConsentChanged }
func (FreeEntryMoved) Kind() EventKind     { return KindFreeEntryMoved }
func (ConversationJoined) Kind() EventKind { return KindConversationJoined }
func (TemplateChanged) Kind() EventKind    { return KindTemplateChanged }
func (CardChanged) Kind() EventKind        { return KindCardChanged }
func (IncidentChanged) Kind() EventKind    { return KindIncidentChanged }
func (RequestChanged) Kind() EventKind     { return KindRequestChanged }

func (b ConversationOpened) Of() ConversationID { return b.Conversation }
func (b ContactChanged) Of() ConversationID     { return b.Conversation }
func (b MessageAdded) Of() ConversationID       { return b.Message.Conversation }
func (b ReceiptChanged) Of() ConversationID     { return b.Conversation }
func (b Reacted) Of() ConversationID            { return b.Conversation }
func (b Assigned) Of() ConversationID           { return b.Conversation }
func (b StateChanged) Of() ConversationID       { return b.Conversation }
func (b ReadMoved) Of() ConversationID          { return b.Conversation }
func (b MediaChanged) Of() ConversationID       { return b.Conversation }
func (PersonChanged) Of() ConversationID        { return "" }
func (InboxChanged) Of() ConversationID         { return "" }
func (MessageReleased) Kind() EventKind         { return KindMessageReleased }
func (MessageWithdrawn) Kind() EventKind        { return KindMessageWithdrawn }
func (MessageMasked) Kind() EventKind           { return KindMessageMasked }
func (RevealChanged) Kind() EventKind           { return KindRevealChanged }
func (ContactErased) Kind() EventKind           { return KindContactErased }

func (b MessageReleased) Of() ConversationID    { return b.Conversation }
func (b MessageWithdrawn) Of() ConversationID   { return b.Conversation }
func (b MessageMasked) Of() ConversationID      { return b.Conversation }
func (b RevealChanged) Of() ConversationID      { return b.Reveal.Conversation }
func (b ContactErased) Of() ConversationID      { return b.Conversation }
func (b MessageChanged) Of() ConversationID     { return b.Conversation }
func (b ConsentChanged) Of() ConversationID     { return b.Conversation }
func (b FreeEntryMoved) Of() ConversationID     { return b.Conversation }
func (b ConversationJoined) Of() ConversationID { return b.Conversation }
func (TemplateChanged) Of() ConversationID      { return "" }
func (CardChanged) Of() ConversationID          { return "" }
func (IncidentChanged) Of() ConversationID      { return "" }
func (RequestChanged) Of() ConversationID       { return "" }

// A Cursor is a device's place in one log: it holds everything up to and including Seq. A new Epoch means that the log
// was rebuilt and Seq means nothing any more: ask for a snapshot.
type Cursor struct {
	Log   LogID  `cbor:"1,keyasint"`
	Epoch string `cbor:"2,keyasint,omitempty"`
	Seq   uint64 `cbor:"3,keyasint,omitempty"`
}

// A Batch is a stretch of one log as one reader may see it: everything after From up to and including To. Events the
// reader may not see are left out, so Events may have gaps or be empty; the stretch itself has none.
//
// A Batch with Reset is the start of a snapshot: what was known of the log is forgotten first, and Events are the state
// told as facts, whose numbers are places but need not be every place. Further batches of the same snapshot follow with
// From equal to the previous To.
type Batch struct {
	Log    LogID
	Epoch  string
	From   uint64
	To     uint64
	Reset  bool
	Events []Event
}

// Cursor returns the place a reader has reached after applying the batch.
func (b Batch) Cursor() Cursor { return Cursor{Log: b.Log, Epoch: b.Epoch, Seq: b.To} }
