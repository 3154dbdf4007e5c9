package inbox

// An AuditEntry says who did what to what, as people read it. Nothing in it identifies a customer.
type AuditEntry struct {
	ID      string     `cbor:"1,keyasint"` // its place: where the next older page begins
	At      Moment     `cbor:"2,keyasint"`
	Actor   PersonID   `cbor:"3,keyasint,omitempty"` // "" for somebody at the relay's command line, or the relay itself
	Device  DeviceID   `cbor:"4,keyasint,omitempty"`
	Act     string     `cbor:"5,keyasint"` // "message.sent": a word of the program's own
	Object  string     `cbor:"6,keyasint,omitempty"`
	Refused Refusal    `cbor:"7,keyasint,omitempty"`
	Detail  string     `cbor:"8,keyasint,omitempty"`
	Inbox   InboxID    `cbor:"9,keyasint,omitempty"`
	About   *AuditHint `cbor:"10,keyasint,omitempty"` // what the object is, if the reader may know
}

// An AuditHint names what an entry is about for a reader who may see it.
type AuditHint struct {
	Conversation ConversationID `cbor:"1,keyasint,omitempty"`
	Person       PersonID       `cbor:"2,keyasint,omitempty"`
	Device       string         `cbor:"3,keyasint,omitempty"` // its name
	Name         string         `cbor:"4,keyasint,omitempty"` // the contact's, masked
}

// AskAudit asks for entries, the newest first. What is not set does not narrow. The answer is [AuditPage].
type AskAudit struct {
	Person       PersonID       `cbor:"1,keyasint,omitempty"`
	Conversation ConversationID `cbor:"2,keyasint,omitempty"` // and its contact
	Device       DeviceID       `cbor:"3,keyasint,omitempty"`
	Act          string         `cbor:"4,keyasint,omitempty"` // "message.sent", or "message." for all that begin so
	From         Moment         `cbor:"5,keyasint,omitempty"`
	To           Moment         `cbor:"6,keyasint,omitempty"`
	Before       string         `cbor:"7,keyasint,omitempty"` // the ID of the oldest entry of the page before
}

// AuditPage is the answer to [AskAudit].
type AuditPage struct {
	Entries []AuditEntry `cbor:"1,keyasint,omitempty"`
	More    bool         `cbor:"2,keyasint,omitempty"`
	Chains  []AuditChain `cbor:"3,keyasint,omitempty"`
}

// An AuditChain is the state of one tree of entries.
type AuditChain struct {
	Log       LogID  `cbor:"1,keyasint"`
	Size      uint64 `cbor:"2,keyasint"`
	Signed    Moment `cbor:"3,keyasint,omitempty"` // when its last checkpoint was signed
	Witnesses int    `cbor:"4,keyasint,omitempty"` // devices that hold a checkpoint of it
	Verified  Moment `cbor:"5,keyasint,omitempty"` // when the whole of it was last checked
	Broken    bool   `cbor:"6,keyasint,omitempty"` // and was not what was signed
}

func (AskAudit) QuestionKind() QuestionKind { return QuestionAudit }
func (q AskAudit) About() ConversationID    { return q.Conversation }
func (AuditPage) AnswerKind() QuestionKind  { return QuestionAudit }
