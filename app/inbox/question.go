package inbox

// A Question is something a device asks the relay, gets an answer to while it is connected, and does not keep. What must
// outlive a lost connection is an [Intent] instead.
type Question interface {
	// QuestionKind is the number that names the kind on the wire.
	QuestionKind() QuestionKind
	// About is the conversation asked about; "" for the company.
	About() ConversationID
}

// An Answer is what the relay says to a question: one kind of answer for one kind of question, or a [Refusal].
type Answer interface{ AnswerKind() QuestionKind }

// A QuestionKind names a kind of question and of its answer on the wire. Numbers are never reused.
type QuestionKind uint16

// The kinds.
const (
	QuestionFetchMedia QuestionKind = 1
	QuestionOfferMedia QuestionKind = 2
	QuestionTyping     QuestionKind = 3
	QuestionCosts      QuestionKind = 4
	QuestionReveal     QuestionKind = 5
	QuestionOpen       QuestionKind = 6
	QuestionDecide     QuestionKind = 7
	QuestionLookUp     QuestionKind = 8
	QuestionDraft      QuestionKind = 9
	QuestionDevices    QuestionKind = 10
	QuestionWipe       QuestionKind = 11
	QuestionDecideWipe QuestionKind = 12
	QuestionOffboard   QuestionKind = 13
	QuestionRename     QuestionKind = 14
	QuestionReimaged   QuestionKind = 15
	QuestionProof      QuestionKind = 16
	QuestionHoldings   QuestionKind = 17
	QuestionAudit      QuestionKind = 18

	QuestionEditTag        QuestionKind = 19
	QuestionEditQuickReply QuestionKind = 20
	QuestionAway           QuestionKind = 21
	QuestionBoard          QuestionKind = 22
	QuestionReport         QuestionKind = 23
	QuestionSearch         QuestionKind = 24
)

// The questions.
type (
	// FetchMedia asks to see a file of a message. The answer is a [Ticket].
	FetchMedia struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Message      MessageID      `cbor:"2,keyasint"`
		Media        MediaID        `cbor:"3,keyasint"`
	}
	// OfferMedia asks to hand a file over for sending. The same file for the same conversation again goes on where an
	// earlier attempt ended. The answer is an [UploadTicket].
	OfferMedia struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Name         string         `cbor:"2,keyasint,omitempty"`
		Type         string         `cbor:"3,keyasint"` // MIME type, as the device believes
		Size         int64          `cbor:"4,keyasint"` // bytes
		Digest       []byte         `cbor:"5,keyasint"` // SHA-256 of the file
		Voice        bool           `cbor:"6,keyasint,omitempty"`
		Document     bool           `cbor:"7,keyasint,omitempty"` // send a picture or film as a file, uncompressed
	}
	// Typing tells the customer that somebody is writing. The answer is [Done].
	Typing struct {
		Conversation ConversationID `cbor:"1,keyasint"`
	}
	// AskCosts asks what WhatsApp billed from one day to another, both included: for one conversation, or for an inbox,
	// or for all inboxes the person may see. The answer is [Costs].
	AskCosts struct {
		From         string         `cbor:"1,keyasint"` // "2026-11-01", in UTC
		To           string         `cbor:"2,keyasint"`
		Inbox        InboxID        `cbor:"3,keyasint,omitempty"`
		Conversation ConversationID `cbor:"4,keyasint,omitempty"`
	}
)

// The questions about what is masked.
type (
	// AskReveal asks to see one field of the contact. The answer is a [Grant], at once or later by [OpenReveal].
	AskReveal struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Field        Field          `cbor:"2,keyasint"`
		Why          RevealReason   `cbor:"3,keyasint"`
		Note         string         `cbor:"4,keyasint,omitempty"` // in the person's words
		Key          []byte         `cbor:"5,keyasint"`           // public half of a key made for this request and kept in memory; see wire.NewRevealKey
	}
	// OpenReveal asks for the value of a reveal of one's own that was granted. The answer is another [Grant], of the
	// kind [Opened].
	OpenReveal struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Reveal       RevealID       `cbor:"2,keyasint"`
		End          bool           `cbor:"3,keyasint,omitempty"` // the person has seen enough: it ends now
	}
	// DecideReveal grants a colleague's reveal, or refuses it. The answer is [Decided].
	DecideReveal struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Reveal       RevealID       `cbor:"2,keyasint"`
		Agree        bool           `cbor:"3,keyasint,omitempty"`
	}
	// LookUp finds the conversation with whom a number belongs to, by the whole number only. The answer is [Found].
	LookUp struct {
		Inbox  InboxID `cbor:"1,keyasint"`
		Number string  `cbor:"2,keyasint"` // with its country code
	}
	// CheckDraft asks what the guard thinks of a text before it is sent. The answer is a [Verdict].
	CheckDraft struct {
		Conversation ConversationID `cbor:"1,keyasint"`
		Text         string         `cbor:"2,keyasint"`
		Pasted       ConversationID `cbor:"3,keyasint,omitempty"`
	}
)

// The answers.
type (
	// A Ticket lets the device fetch one file once.
	Ticket struct {
		Path string `cbor:"1,keyasint"` // on the relay's address for devices
		Size int64  `cbor:"2,keyasint"` // bytes
		Type string `cbor:"3,keyasint"` // MIME type, as sniffed
	}
	// An UploadTicket lets the device hand over one file once, from Offset on. Offset equal to the file's size means that
	// the relay has it already and Path is "".
	UploadTicket struct {
		Media  MediaID `cbor:"1,keyasint"`
		Path   string  `cbor:"2,keyasint,omitempty"`
		Offset int64   `cbor:"3,keyasint,omitempty"`
	}
	// Done is the answer to a question that only tells.
	Done struct{}
)

// Questions returns one zero value of every kind, for codecs and tests.
func Questions() []Question {
	return []Question{
		FetchMedia{}, OfferMedia{}, Typing{}, AskCosts{}, AskReveal{}, OpenReveal{}, DecideReveal{}, LookUp{}, CheckDraft{},
		AskDevices{}, OrderWipe{}, DecideWipe{}, Offboard{}, RenameDevice{}, Reimaged{}, AskProof{}, AskHoldings{}, AskAudit{},
		EditTag{}, EditQuickReply{}, SetAway{}, AskBoard{}, AskReport{}, AskSearch{},
	}
}

// Answers returns one zero value of every kind, for codecs and tests.
func Answers() []Answer {
	return []Answer{
		Ticket{}, UploadTicket{}, Done{}, Costs{}, Grant{}, Opened{}, Decided{}, Found{}, Verdict{},
		Devices{}, Ordered{}, WipeDecided{}, Offboarded{}, Renamed{}, Noticed{}, Proof{}, Holdings{}, AuditPage{},
		Edited{}, Written{}, Away{}, Board{}, Report{}, SearchPage{},
	}
}

func (FetchMedia) QuestionKind() QuestionKind { return QuestionFetchMedia }
func (OfferMedia) QuestionKind() QuestionKind { return QuestionOfferMedia }
func (Typing) QuestionKind() QuestionKind     { return QuestionTyping }
func (AskCosts) QuestionKind() QuestionKind   { return QuestionCosts }

func (AskReveal) QuestionKind() QuestionKind    { return QuestionReveal }
func (OpenReveal) QuestionKind() QuestionKind   { return QuestionOpen }
func (DecideReveal) QuestionKind() QuestionKind { return QuestionDecide }
func (LookUp) QuestionKind() QuestionKind       { return QuestionLookUp }
func (CheckDraft) QuestionKind() QuestionKind   { return QuestionDraft }

func (q AskReveal) About() ConversationID    { return q.Conversation }
func (q OpenReveal) About() ConversationID   { return q.Conversation }
func (q DecideReveal) About() ConversationID { return q.Conversation }
func (LookUp) About() ConversationID         { return "" }
func (q CheckDraft) About() ConversationID   { return q.Conversation }

func (Grant) AnswerKind() QuestionKind   { return QuestionReveal }
func (Opened) AnswerKind() QuestionKind  { return QuestionOpen }
func (Decided) AnswerKind() QuestionKind { return QuestionDecide }
func (Found) AnswerKind() QuestionKind   { return QuestionLookUp }
func (Verdict) AnswerKind() QuestionKind { return QuestionDraft }

func (q FetchMedia) About() ConversationID { return q.Conversation }
func (q OfferMedia) About() ConversationID { return q.Conversation }
func (q Typing) About() ConversationID     { return q.Conversation }
func (q AskCosts) About() ConversationID   { return q.Conversation }

func (Ticket) AnswerKind() QuestionKind       { return QuestionFetchMedia }
func (UploadTicket) AnswerKind() QuestionKind { return QuestionOfferMedia }
func (Done) AnswerKind() QuestionKind         { return QuestionTyping }
func (Costs) AnswerKind() QuestionKind        { return QuestionCosts }
