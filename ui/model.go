package ui

import (
	"context"
	"errors"
	"io"
	"time"

	"sealdesk/app/inbox"
)

// A Row is a conversation in the list, with the text its reader began and did not send. Rows are shared and never
// changed.
type Row struct {
	inbox.Conversation
	Draft string
}

// A Page is a stretch of a conversation, oldest message first. Messages this device has and the relay has not stand at
// the end of the newest page, without a Seq. Older is where the page before it begins; it is handed back as it came.
type Page struct {
	Messages []inbox.Message
	Older    any
	More     bool
}

// A Model is what the device remembers, as this package asks for it. Every method may wait for a disk and is only called
// from workers, never on the main goroutine. It is safe for concurrent use.
type Model interface {
	// Watch returns pokes, coalesced, none lost, the first one at once. The channel closes with ctx.
	Watch(ctx context.Context) <-chan struct{}
	// Head returns the newest rows, quickly: enough for a first window.
	Head(ctx context.Context) ([]*Row, error)
	// Rows returns all rows, newest first. The slice is shared: it is not changed.
	Rows(ctx context.Context) ([]*Row, error)
	// Page returns up to n messages before a place; nil is the newest page.
	Page(ctx context.Context, id inbox.ConversationID, before any, n int) (Page, error)
	// Me and People are who this device acts for and who the colleagues are.
	Me() (inbox.Person, bool)
	People() []inbox.Person
	// Submit makes a wish durable; it shows at the next poke.
	Submit(ctx context.Context, i inbox.Intent) error
	// Typed returns the text of a wish of this device that was refused; Dismiss makes its message go away, or that of a wish
	// whose file is still on its way.
	Typed(id inbox.IntentID) (string, bool)
	Dismiss(ctx context.Context, id inbox.IntentID) error
	// Refusal is why a wish of this device was refused.
	Refusal(id inbox.IntentID) (inbox.Refusal, bool)
	// SetDraft keeps what was typed and not sent; "" forgets it.
	SetDraft(ctx context.Context, id inbox.ConversationID, text string) error

	// Inboxes are the company's numbers, Templates what an inbox may send, Cards the contact cards of the company.
	Inboxes() []inbox.Inbox
	Templates(in inbox.InboxID) []inbox.Template
	Cards() []inbox.CompanyCard
	// Incidents and Requests are what people watch over who may: open ones first, newest first.
	Incidents() []inbox.Incident
	Requests() []inbox.Request

	// Reveals tells who wanted to see, may see and has seen a field of the contact of a conversation, newest first.
	Reveals(id inbox.ConversationID) []inbox.Reveal
	// PendingReveals and Held are what waits for this reader's decision, the oldest first, and never his own.
	PendingReveals() []inbox.Reveal
	Held() []Held
	// Refused are the messages of a conversation that were refused, in the order they were wished. SubmitInstead makes a wish
	// durable and dismisses the refused one it stands for.
	Refused(id inbox.ConversationID) []Refused
	SubmitInstead(ctx context.Context, refused inbox.IntentID, i inbox.Intent) error

	// Tags are the company's words for conversations, QuickReplies the texts it keeps ready for an inbox; "" is for all.
	Tags() []inbox.Tag
	QuickReplies(in inbox.InboxID) []inbox.QuickReply
	// Search finds messages in what this device remembers, as a person types it: words, phrases in quotes, and filters (from:, in:,
	// has:, tag:, before:, after:). Only, if not "", is the conversation to look in. Errors: [SearchError], ctx's.
	Search(ctx context.Context, typed string, only inbox.ConversationID, now time.Time) (Search, error)

	// Attach keeps a file for a conversation, durably and sealed, until it is sent or detached.
	Attach(ctx context.Context, id inbox.ConversationID, name, mime string, r io.Reader) (Attachment, error)
	// Attachments are the files attached to a conversation and not sent, the oldest first.
	Attachments(id inbox.ConversationID) []Attachment
	// OpenAttachment reads an attached file. The caller closes it.
	OpenAttachment(id inbox.MediaID) (io.ReadSeekCloser, error)
	// SendAs says what an attached file is sent as.
	SendAs(ctx context.Context, id inbox.MediaID, kind inbox.MessageKind) error
	// Detach forgets an attached file.
	Detach(ctx context.Context, id inbox.MediaID) error
}

// An Attachment is a file on this device that a wish may send: its ID stands for Media in [inbox.SendMedia] and
// [inbox.SendTemplate].
type Attachment struct {
	ID           inbox.MediaID
	Conversation inbox.ConversationID
	Name         string
	Type         string // MIME type, as this device believes
	Size         int64  // bytes
	Digest       []byte // SHA-256
	Kind         inbox.MessageKind
	At           inbox.Moment
}

// A Held message waits for somebody's decision: the guard found something in it.
type Held struct {
	Inbox   inbox.InboxID
	Message inbox.Message
}

// A Refused message was wished on this device and not granted. Text is what was typed, "" for messages without a text.
// Returned means that it is no item of its conversation any more: the guard asks for a reason, and what was typed and
// attached lies where it was before it was sent.
type Refused struct {
	Intent   inbox.Intent
	Refusal  inbox.Refusal
	Text     string
	Returned bool
}

// A RevealKey opens the value of one reveal. It is made for one request, lives in memory, and goes with the request.
type RevealKey interface {
	// Public is the half that goes into [inbox.AskReveal].
	Public() []byte
	// Open returns the value; the caller overwrites it when it is not needed any more.
	Open(id inbox.RevealID, sealed []byte) ([]byte, error)
}

// A Search is what was found in the messages that were read so far: Read of Of conversations. Full: there are more messages than
// there is memory for them, the oldest conversations are missing.
type Search struct {
	Found    []Found // the conversation with the newest hit first
	Total    int     // messages that match, more than Hits hold if there are many
	Read, Of int
	Full     bool
	Ask      inbox.AskSearch // the same for the relay, which holds more; as near to it as the relay can be asked
}

// Found is what was found in one conversation.
type Found struct {
	Conversation inbox.ConversationID
	Total        int
	Hits         []SearchHit // the newest first
}

// A SearchHit is a message that was found. Snippet is its text around the first word, Marks are where the words are in its visible
// text: bytes from and to. Kind is 0 where it is not known.
type SearchHit struct {
	Message inbox.MessageID
	Seq     uint64
	At      inbox.Moment
	Side    inbox.Side
	Author  inbox.PersonID
	Kind    inbox.MessageKind
	Snippet inbox.Masked
	Marks   [][2]int
}

// A SearchError says why a query cannot be answered, and where in what was typed: bytes From to To, or nowhere if both are 0.
type SearchError struct {
	Fault    SearchFault
	From, To int
}

// Error names the fault for logs; it never holds what was typed.
func (e *SearchError) Error() string { return "the search cannot be answered" }

// A SearchFault says what is wrong with a query.
type SearchFault uint8

// The faults, with the store's numbers.
const (
	SearchEmpty   SearchFault = 1 // it asks nothing
	SearchValue   SearchFault = 2 // a filter has no value: perhaps it is still being typed
	SearchHas     SearchFault = 3 // has: takes file, picture, film, voice, link or place
	SearchDate    SearchFault = 4 // before: and after: take dates
	SearchRange   SearchFault = 5 // nothing lies between after: and before:
	SearchNobody  SearchFault = 6 // from: names nobody
	SearchNowhere SearchFault = 7 // in: names no inbox and no conversation
	SearchLong    SearchFault = 8
	SearchTag     SearchFault = 9 // tag: names no tag
)

// An Upload is a file on its way to the company's server.
type Upload struct {
	Intent inbox.IntentID // what sends it afterwards
	Done   int64          // bytes
	Total  int64
}

// ErrOffline is returned for what needs a connection while there is none.
var ErrOffline = errors.New("not connected")

// A LinkState says how this device and the company's server stand.
type LinkState uint8

// The states of the link. From LinkUpdate on the device does not try again by itself.
const (
	LinkConnecting LinkState = iota
	LinkOnline
	LinkNoNetwork
	LinkUnreachable
	LinkTrouble     // the server answers but cannot serve now
	LinkCertificate // the server shows another certificate than the pinned one
	LinkClock       // this device's clock is too far off
	LinkCache       // what arrives cannot be kept here: the disk is full or damaged
	LinkUpdate      // this app is too old for the server
	LinkServerOld   // the server is too old for this app
	LinkRevoked     // the company excluded this device
	LinkWiped
	LinkReplaced    // the same device connected a second time
	LinkNotAdmitted // the server does not know this device
	LinkSignIn      // nobody is signed in on this device any more; the device goes on by itself once somebody is
	LinkTwice       // this device's key was seen in two places: the company must admit it anew
	LinkLeft        // the person of this device has left the company
	LinkCopy        // the server has the receipt of a wipe this device knows nothing of: it is a copy of one that was wiped
	LinkRewritten   // the server's audit log is not what this device holds: it was changed, or an old copy was brought back
)

// A Link is the state of the link. Behind is how many events are still to come; Next is when the next try is, if one is
// planned.
type Link struct {
	State  LinkState
	Behind uint64
	Since  time.Time
	Next   time.Time
}

// A Relay is the connection to the company's server, as this package asks for it. Safe for concurrent use; none of the
// methods waits but Ask and FetchMedia, which only workers call.
type Relay interface {
	Link() Link
	Watch(ctx context.Context) <-chan struct{}
	// Nudge asks for a try now.
	Nudge()
	// Ask returns the server's answer to a question. Errors: an [inbox.Refusal], [ErrOffline], ctx's.
	Ask(ctx context.Context, q inbox.Question) (inbox.Answer, error)
	// FetchMedia writes a file of a message to w and says now and then how far it is; total is 0 while unknown. Errors as
	// for Ask.
	FetchMedia(ctx context.Context, q inbox.FetchMedia, w io.Writer, progress func(done, total int64)) error
	// Uploads are the files on their way; Watch pokes when they have come further.
	Uploads() []Upload
	// Presence is who else is there, and in which conversations; Watch pokes when it changes. Nobody while offline.
	Presence() inbox.Presence
	// Attend tells colleagues which conversation is open, "" for none, and whether an answer is being written there.
	Attend(id inbox.ConversationID, writing bool)
}

// A Session is an open inbox.
type Session struct {
	Model  Model
	Relay  Relay
	Device string // what people call this device
	// NewRevealKey makes the key of one request to see a field. It takes some milliseconds. Without it nothing can be
	// revealed on this device.
	NewRevealKey func() (RevealKey, error)

	// Idle is after how long without a person the inbox locks; 0 is never.
	Idle time.Duration
	// Lease tells until when the inbox may be read without the server; the zero time: not at all. It does not wait. Optional.
	Lease func() time.Time
	// StepUp asks the person to show once more who is there, and to sign in when nobody is signed in any more. Only while
	// the server is connected. Optional; what needs it is then refused.
	StepUp Gate
	// Fresh tells until when the person counts as just seen; what needs that asks StepUp first. It does not wait. Optional.
	Fresh func() time.Time
	// Passkeys tells whether the person may make one, which StepUp does for a Credential with Adds. It does not wait. Optional.
	Passkeys func() bool
	// SignOut ends the person's session on this device. It may wait for the server. Optional.
	SignOut func(ctx context.Context) error
	// Passphrase sets what unlocks the inbox on this device without the server. It takes about a second. Optional: nil where
	// the company lends this device nothing to keep. HasPassphrase tells whether there is one.
	Passphrase    func(ctx context.Context, passphrase string) error
	HasPassphrase bool
}

// A Door leads to the inbox: it opens the device's store, or admits the device first. Its methods may take seconds and
// are called from workers, one at a time. Their errors are [Trouble], possibly wrapped.
type Door interface {
	// Open opens the inbox. The Session lives until ctx ends.
	Open(ctx context.Context) (Session, error)
	// Enrol admits this device with an enrolment string and says at each step what was reached. It leaves nothing behind
	// when it fails.
	Enrol(ctx context.Context, text string, reached func(Enrolling)) (Enrolled, error)
	// Join enrols this device at the server the organisation's policy names, without a code: whoever signs in at the Gate
	// meanwhile is its person. It returns when somebody has, or ctx ends, and leaves nothing behind when it fails:
	// TroubleCodeNeeded is a server's that does not have that.
	Join(ctx context.Context, reached func(Enrolling)) (Enrolled, error)
	// Rebuild throws away a damaged store; what can be saved of unsent messages is saved, the rest comes back from the
	// company's server.
	Rebuild(ctx context.Context) error
	// SetUpAgain forgets what this device was, so that it can be enrolled anew.
	SetUpAgain(ctx context.Context) error
	// Gate tells what is asked of who stands before a closed inbox. It does not wait and is always the same one.
	Gate() Gate
	// Lock closes the inbox: the Session ends, nothing of it stays in memory that can be dropped, and Open says
	// TroubleLocked until [Gate.Unlock] or a sign-in.
	Lock(ctx context.Context) error
}

// An EnrolStep is how far an enrolment has come.
type EnrolStep uint8

// The steps, in order.
const (
	EnrolReading EnrolStep = iota // the string is being read and the server looked for
	EnrolServer                   // the server was found and is the right one
	EnrolCode                     // it accepted the code
	EnrolKey                      // the device's key lies in the keyring
)

// Enrolling is what is known at a step.
type Enrolling struct {
	Step   EnrolStep
	Server string
	Pin    string // short form
	// Company is what people know the company by, once the server said so.
	Company string
}

// Enrolled is a device that was admitted.
type Enrolled struct {
	Device string
	Person string
}
