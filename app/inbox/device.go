package inbox

// A Device is one installation, as people see it who watch over devices.
type Device struct {
	ID       DeviceID `cbor:"1,keyasint"`
	Person   PersonID `cbor:"2,keyasint"`
	Name     string   `cbor:"3,keyasint"`
	App      string   `cbor:"4,keyasint,omitempty"` // version of the app
	System   string   `cbor:"5,keyasint,omitempty"` // operating system and architecture
	Posture  Posture  `cbor:"6,keyasint,omitzero"`
	Enrolled Moment   `cbor:"7,keyasint"`
	Seen     Moment   `cbor:"8,keyasint,omitempty"` // when it was connected last
	Online   bool     `cbor:"9,keyasint,omitempty"`
	SignedIn Moment   `cbor:"10,keyasint,omitempty"` // until when its person is signed in on it
	Lease    Moment   `cbor:"11,keyasint,omitempty"` // until when it may read its cache without the relay; 0: not at all
	Twice    Moment   `cbor:"12,keyasint,omitempty"` // when its key was last seen in two places
	Revoked  Moment   `cbor:"13,keyasint,omitempty"`
	Wipe     *Wipe    `cbor:"14,keyasint,omitempty"` // the last one ordered
}

// Posture is what a device can tell about the machine it runs on. It is what the machine says of itself: a hint for IT, no
// proof.
type Posture struct {
	Release string   `cbor:"1,keyasint,omitempty"` // of the operating system, as it names itself
	Disk    Judgment `cbor:"2,keyasint,omitempty"` // the disk with the cache is encrypted
	Keyring string   `cbor:"3,keyasint,omitempty"` // what keeps the device's half of the key
}

// A Judgment says whether something holds, if that can be known.
type Judgment uint8

// The judgments.
const (
	NotKnown Judgment = 0
	Holds    Judgment = 1
	Fails    Judgment = 2
)

// A Wipe is the destruction of one device's cache: how it came about and what is proven of it. The times are those at which
// the relay knew; 0 is not yet.
type Wipe struct {
	ID        WipeID     `cbor:"1,keyasint"`
	Why       WipeReason `cbor:"2,keyasint"`
	By        PersonID   `cbor:"3,keyasint,omitempty"` // who ordered it; "" when policy did, or somebody at the relay
	Second    PersonID   `cbor:"4,keyasint,omitempty"` // who agreed, where two must
	Ordered   Moment     `cbor:"5,keyasint"`
	Level     WipeLevel  `cbor:"6,keyasint,omitempty"`
	Half      Moment     `cbor:"7,keyasint,omitempty"`  // the relay's half was destroyed
	Dark      Moment     `cbor:"8,keyasint,omitempty"`  // since or from when nobody can read the cache: Half, or the end of the lease
	Started   Moment     `cbor:"9,keyasint,omitempty"`  // the device said that it began
	Proven    Moment     `cbor:"10,keyasint,omitempty"` // the device's receipt was verified
	Steps     []WipeStep `cbor:"11,keyasint,omitempty"` // what the device has done, in order
	Reimaged  Moment     `cbor:"12,keyasint,omitempty"` // IT said that the machine was set up anew
	Cancelled Moment     `cbor:"13,keyasint,omitempty"` // the second person refused; nothing was done
}

// A WipeLevel says what is proven. Nothing below [WipeProven] may be called wiped.
type WipeLevel uint8

// The levels.
const (
	WipeWaits     WipeLevel = 0 // a second person must agree; nothing was done yet
	WipeOrdered   WipeLevel = 1
	WipeHalfGone  WipeLevel = 2 // the relay's half of the key is destroyed: see Dark
	WipeStarted   WipeLevel = 3
	WipeProven    WipeLevel = 4 // the device's signed receipt was verified
	WipeConfirmed WipeLevel = 5 // and the lease is over, or the machine was set up anew
)

// A WipeReason says why a cache is destroyed.
type WipeReason uint8

// The reasons. Those from WipeSilent on are the program's own.
const (
	WipeLeaving   WipeReason = 1 // the person leaves
	WipeLost      WipeReason = 2 // the machine was lost or stolen
	WipeSuspected WipeReason = 3
	WipeReplaced  WipeReason = 4 // the person got another machine
	WipeOther     WipeReason = 5
	WipeSilent    WipeReason = 6  // the relay was not reached for too long
	WipeExcluded  WipeReason = 7  // the device was revoked
	WipeSignOn    WipeReason = 8  // the company's sign-on removed the person
	WipeTwice     WipeReason = 9  // the device's key was seen in two places
	WipeTampering WipeReason = 10 // the store was changed from outside, again and again
	WipeUninstall WipeReason = 11
)

// A WipeStep is one thing a device has done to destroy its cache.
type WipeStep struct {
	Did   WipeAct `cbor:"1,keyasint"`
	At    Moment  `cbor:"2,keyasint"`           // by the device's clock
	Count int     `cbor:"3,keyasint,omitempty"` // files or items
	Bytes int64   `cbor:"4,keyasint,omitempty"` // overwritten
	Left  int     `cbor:"5,keyasint,omitempty"` // what could not be destroyed
}

// A WipeAct names a step. They are done in this order.
type WipeAct uint8

// The acts.
const (
	WipeIntended WipeAct = 1 // it is written down that there is no way back
	WipeStopped  WipeAct = 2 // nothing is received, sent or shown any more
	WipeKeys     WipeAct = 3 // the device's half is gone from the keyring
	WipeStore    WipeAct = 4 // both files of the store
	WipeFiles    WipeAct = 5 // attached files, logs, everything else of ours
	WipeSwept    WipeAct = 6 // looked for what may be left
	WipeSigned   WipeAct = 7 // the receipt
)

// The questions about devices. Those that act carry a signature of the asking device, so that nobody at the relay can order
// a wipe in somebody's name; see wire.Sign.
type (
	// AskDevices asks for the devices of a person, or of everybody whose devices the asker may see. The answer is [Devices].
	AskDevices struct {
		Person PersonID `cbor:"1,keyasint,omitempty"`
	}
	// OrderWipe orders a device's cache to be destroyed, and the device excluded. The answer is [Ordered].
	OrderWipe struct {
		Device    DeviceID   `cbor:"1,keyasint"`
		Why       WipeReason `cbor:"2,keyasint"`
		At        Moment     `cbor:"3,keyasint"` // when the person pressed, by the device's clock
		Signature []byte     `cbor:"4,keyasint,omitempty"`
	}
	// DecideWipe agrees, as the second person, to a wipe that needs one, or refuses it. The answer is [WipeDecided].
	DecideWipe struct {
		Device    DeviceID `cbor:"1,keyasint"`
		Wipe      WipeID   `cbor:"2,keyasint"`
		Agree     bool     `cbor:"3,keyasint,omitempty"`
		At        Moment   `cbor:"4,keyasint"`
		Signature []byte   `cbor:"5,keyasint,omitempty"`
	}
	// Offboard lets a person go: what is assigned to him goes To a colleague, or to nobody; he is signed out everywhere, and
	// all his devices are wiped. The answer is [Offboarded].
	Offboard struct {
		Person    PersonID `cbor:"1,keyasint"`
		To        PersonID `cbor:"2,keyasint,omitempty"`
		At        Moment   `cbor:"3,keyasint"`
		Signature []byte   `cbor:"4,keyasint,omitempty"`
	}
	// RenameDevice gives a device another name for people. The answer is [Renamed].
	RenameDevice struct {
		Device DeviceID `cbor:"1,keyasint"`
		Name   string   `cbor:"2,keyasint"`
	}
	// Reimaged says, for IT, that a device's machine was set up anew. The answer is [Noticed].
	Reimaged struct {
		Device DeviceID `cbor:"1,keyasint"`
	}
	// AskProof asks for everything that proves a wipe, to be kept outside. The answer is [Proof].
	AskProof struct {
		Device DeviceID `cbor:"1,keyasint"`
		Wipe   WipeID   `cbor:"2,keyasint"`
	}
	// AskHoldings asks what was on a device: whose conversations its cache held at some time from From to To. The answer is
	// [Holdings].
	AskHoldings struct {
		Device DeviceID       `cbor:"1,keyasint"`
		From   Moment         `cbor:"2,keyasint,omitempty"`
		To     Moment         `cbor:"3,keyasint,omitempty"` // 0: now
		After  ConversationID `cbor:"4,keyasint,omitempty"` // the last one of the answer before
	}
)

// The answers.
type (
	// Devices is the answer to [AskDevices]: newest contact first.
	Devices struct {
		List []Device `cbor:"1,keyasint,omitempty"`
		Now  Moment   `cbor:"2,keyasint"`
	}
	// Ordered is the answer to [OrderWipe]: how far it is already.
	Ordered struct {
		Wipe Wipe `cbor:"1,keyasint"`
	}
	// WipeDecided is the answer to [DecideWipe].
	WipeDecided struct {
		Wipe Wipe `cbor:"1,keyasint"`
	}
	// Offboarded is the answer to [Offboard].
	Offboarded struct {
		Conversations int      `cbor:"1,keyasint,omitempty"` // reassigned
		Wipes         []Wipe   `cbor:"2,keyasint,omitempty"`
		Devices       []Device `cbor:"3,keyasint,omitempty"`
	}
	// Renamed is the answer to [RenameDevice].
	Renamed struct{}
	// Noticed is the answer to [Reimaged].
	Noticed struct {
		Wipe Wipe `cbor:"1,keyasint"`
	}
	// Proof is the answer to [AskProof]: a file that `sealdesk-relay receipt verify` checks without the relay.
	Proof struct {
		Name string `cbor:"1,keyasint"` // for the file
		File []byte `cbor:"2,keyasint"`
	}
	// Holdings is the answer to [AskHoldings].
	Holdings struct {
		List  []Holding `cbor:"1,keyasint,omitempty"`
		Total int       `cbor:"2,keyasint"`
		More  bool      `cbor:"3,keyasint,omitempty"`
	}
)

// A Holding is one conversation that was on a device.
type Holding struct {
	Inbox        InboxID        `cbor:"1,keyasint"`
	Conversation ConversationID `cbor:"2,keyasint"`
	Messages     int            `cbor:"3,keyasint"`
	First        Moment         `cbor:"4,keyasint"` // the oldest message that was on it
	Last         Moment         `cbor:"5,keyasint"` // the newest
	Revealed     []Field        `cbor:"6,keyasint,omitempty"`
}

// ManyWipes is how many devices may be wiped by people within [ManyWipesIn] before every further one needs a second person.
const (
	ManyWipes   = 3
	ManyWipesIn = 10 * 60 * 1000 // milliseconds
)

func (AskDevices) QuestionKind() QuestionKind   { return QuestionDevices }
func (OrderWipe) QuestionKind() QuestionKind    { return QuestionWipe }
func (DecideWipe) QuestionKind() QuestionKind   { return QuestionDecideWipe }
func (Offboard) QuestionKind() QuestionKind     { return QuestionOffboard }
func (RenameDevice) QuestionKind() QuestionKind { return QuestionRename }
func (Reimaged) QuestionKind() QuestionKind     { return QuestionReimaged }
func (AskProof) QuestionKind() QuestionKind     { return QuestionProof }
func (AskHoldings) QuestionKind() QuestionKind  { return QuestionHoldings }

func (AskDevices) About() ConversationID   { return "" }
func (OrderWipe) About() ConversationID    { return "" }
func (DecideWipe) About() ConversationID   { return "" }
func (Offboard) About() ConversationID     { return "" }
func (RenameDevice) About() ConversationID { return "" }
func (Reimaged) About() ConversationID     { return "" }
func (AskProof) About() ConversationID     { return "" }
func (AskHoldings) About() ConversationID  { return "" }

func (Devices) AnswerKind() QuestionKind     { return QuestionDevices }
func (Ordered) AnswerKind() QuestionKind     { return QuestionWipe }
func (WipeDecided) AnswerKind() QuestionKind { return QuestionDecideWipe }
func (Offboarded) AnswerKind() QuestionKind  { return QuestionOffboard }
func (Renamed) AnswerKind() QuestionKind     { return QuestionRename }
func (Noticed) AnswerKind() QuestionKind     { return QuestionReimaged }
func (Proof) AnswerKind() QuestionKind       { return QuestionProof }
func (Holdings) AnswerKind() QuestionKind    { return QuestionHoldings }
