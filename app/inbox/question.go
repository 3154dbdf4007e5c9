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
func Questions() []Question { return []Question{FetchMedia{}, OfferMedia{}, Typing{}, AskCosts{}} }

// Answers returns one zero value of every kind, for codecs and tests.
func Answers() []Answer { return []Answer{Ticket{}, UploadTicket{}, Done{}, Costs{}} }

func (FetchMedia) QuestionKind() QuestionKind { return QuestionFetchMedia }
func (OfferMedia) QuestionKind() QuestionKind { return QuestionOfferMedia }
func (Typing) QuestionKind() QuestionKind     { return QuestionTyping }
func (AskCosts) QuestionKind() QuestionKind   { return QuestionCosts }

func (q FetchMedia) About() ConversationID { return q.Conversation }
func (q OfferMedia) About() ConversationID { return q.Conversation }
func (q Typing) About() ConversationID     { return q.Conversation }
func (q AskCosts) About() ConversationID   { return q.Conversation }

func (Ticket) AnswerKind() QuestionKind       { return QuestionFetchMedia }
func (UploadTicket) AnswerKind() QuestionKind { return QuestionOfferMedia }
func (Done) AnswerKind() QuestionKind         { return QuestionTyping }
func (Costs) AnswerKind() QuestionKind        { return QuestionCosts }
