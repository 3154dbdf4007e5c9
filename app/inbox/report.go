package inbox

// AskBoard asks how the person's inboxes stand right now. The answer is a [Board].
type AskBoard struct{}

// A Board is a wallboard: one line for each inbox.
type Board struct {
	Now   Moment      `cbor:"1,keyasint"`
	Lines []BoardLine `cbor:"2,keyasint,omitempty"`
}

// A BoardLine is how an inbox stands. Counts are of conversations unless said otherwise.
type BoardLine struct {
	Inbox      InboxID   `cbor:"1,keyasint"`
	Open       int       `cbor:"2,keyasint,omitempty"`
	Unassigned int       `cbor:"3,keyasint,omitempty"` // of the open ones
	Waiting    int       `cbor:"4,keyasint,omitempty"` // the customer wrote last
	Overdue    int       `cbor:"5,keyasint,omitempty"` // and should have had an answer
	Snoozed    int       `cbor:"6,keyasint,omitempty"`
	Longest    Moment    `cbor:"7,keyasint,omitempty"` // since when the one who waits longest does
	Online     int       `cbor:"8,keyasint,omitempty"` // people who work there now and are not away
	In         int       `cbor:"9,keyasint,omitempty"` // messages since midnight in the inbox's zone
	Out        int       `cbor:"10,keyasint,omitempty"`
	Closed     int       `cbor:"11,keyasint,omitempty"` // since midnight
	Hours      []HourBin `cbor:"12,keyasint,omitempty"` // the last 24, oldest first
}

// An HourBin counts the messages of one hour.
type HourBin struct {
	_    struct{} `cbor:",toarray"`
	From Moment
	In   int
	Out  int
}

// A Breakdown says what the lines of a report are of.
type Breakdown uint8

// The breakdowns.
const (
	ByDay    Breakdown = 1 // Key is a day, "2026-11-21", in the inbox's zone
	ByInbox  Breakdown = 2 // Key is an InboxID
	ByTeam   Breakdown = 3 // Key is a TeamID
	ByPerson Breakdown = 4 // Key is a pseudonym that is good for this report only
	ByTag    Breakdown = 5 // Key is a TagID
	ByHour   Breakdown = 6 // Key is an hour of the day, "00" to "23"
)

// AskReport asks how the work went from one day to another, both included. The answer is a [Report].
type AskReport struct {
	From  string    `cbor:"1,keyasint"` // "2026-11-01"
	To    string    `cbor:"2,keyasint"`
	Inbox InboxID   `cbor:"3,keyasint,omitempty"` // "" for all the person works in
	By    Breakdown `cbor:"4,keyasint"`
}

// A Report has a line for each key, and one for all. Lines of fewer than Floor conversations are left out and counted in
// Hidden, because few conversations tell about single people. So are lines of too few people, which are theirs in all but name: a
// team of fewer than Floor who worked (and another one, if that would tell what the team did by what is missing), and a pseudonym
// or a tag with one alone.
type Report struct {
	Lines  []ReportLine `cbor:"1,keyasint,omitempty"`
	All    ReportLine   `cbor:"2,keyasint"`
	Floor  int          `cbor:"3,keyasint,omitempty"`
	Hidden int          `cbor:"4,keyasint,omitempty"`
}

// A ReportLine is what happened under one key. Durations are in seconds of staffed time; 0: there were none.
type ReportLine struct {
	Key           string `cbor:"1,keyasint,omitempty"`
	Conversations int    `cbor:"2,keyasint,omitempty"` // in which anything was written
	New           int    `cbor:"3,keyasint,omitempty"` // that began
	In            int    `cbor:"4,keyasint,omitempty"` // messages
	Out           int    `cbor:"5,keyasint,omitempty"`
	Closed        int    `cbor:"6,keyasint,omitempty"`
	Answered      int    `cbor:"7,keyasint,omitempty"` // first answers, the sample of the next two
	AnswerMedian  int    `cbor:"8,keyasint,omitempty"`
	AnswerNinety  int    `cbor:"9,keyasint,omitempty"`
	Late          int    `cbor:"10,keyasint,omitempty"` // of Answered, after the inbox's measure
	CloseMedian   int    `cbor:"11,keyasint,omitempty"` // from the customer's first message to closing
	CloseNinety   int    `cbor:"12,keyasint,omitempty"`
	Ratings       [5]int `cbor:"13,keyasint,omitzero"` // how many gave 1 to 5
}

// AskSearch looks for words in the masked texts the relay holds, further back than a device does. The answer is a
// [SearchPage].
type AskSearch struct {
	Text         string         `cbor:"1,keyasint"` // words; all must occur, each as the beginning of a word
	Conversation ConversationID `cbor:"2,keyasint,omitempty"`
	Inbox        InboxID        `cbor:"3,keyasint,omitempty"`
	Person       PersonID       `cbor:"4,keyasint,omitempty"` // written by a colleague
	Customer     bool           `cbor:"5,keyasint,omitempty"` // written by the customer
	File         bool           `cbor:"6,keyasint,omitempty"` // with a file
	Tag          TagID          `cbor:"7,keyasint,omitempty"`
	From         Moment         `cbor:"8,keyasint,omitempty"`
	To           Moment         `cbor:"9,keyasint,omitempty"`
	Before       string         `cbor:"10,keyasint,omitempty"` // [SearchPage.Next] of the page before
}

// A SearchPage is what was found, newest first. The relay looks only so far for one question: Next is "" when nothing older is
// left.
type SearchPage struct {
	Hits []Hit  `cbor:"1,keyasint,omitempty"`
	Next string `cbor:"2,keyasint,omitempty"`
	Back Moment `cbor:"3,keyasint,omitempty"` // how far back it has looked
}

// A Hit is a message that was found.
type Hit struct {
	Conversation ConversationID `cbor:"1,keyasint"`
	Message      MessageID      `cbor:"2,keyasint"`
	Seq          uint64         `cbor:"3,keyasint"`
	At           Moment         `cbor:"4,keyasint"`
	Side         Side           `cbor:"5,keyasint,omitempty"`
	Author       PersonID       `cbor:"6,keyasint,omitempty"`
	Kind         MessageKind    `cbor:"7,keyasint,omitempty"`
	Body         Masked         `cbor:"8,keyasint,omitzero"`
}

func (AskBoard) QuestionKind() QuestionKind  { return QuestionBoard }
func (AskReport) QuestionKind() QuestionKind { return QuestionReport }
func (AskSearch) QuestionKind() QuestionKind { return QuestionSearch }

func (AskBoard) About() ConversationID    { return "" }
func (AskReport) About() ConversationID   { return "" }
func (q AskSearch) About() ConversationID { return q.Conversation }

func (Board) AnswerKind() QuestionKind      { return QuestionBoard }
func (Report) AnswerKind() QuestionKind     { return QuestionReport }
func (SearchPage) AnswerKind() QuestionKind { return QuestionSearch }
