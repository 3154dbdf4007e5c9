package audit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
)

// An Act names what was done.
type Act string

// The acts.
const (
	PersonAdded   Act = "person.added"
	InboxAdded    Act = "inbox.added"
	CodeIssued    Act = "device.code-issued"
	DeviceAdded   Act = "device.added"
	DeviceRevoked Act = "device.revoked"
	Sent          Act = "message.sent"
	SentAgain     Act = "message.sent-again"
	Noted         Act = "note.added"
	Reacted       Act = "message.reacted"
	Assigned      Act = "conversation.assigned"
	StateSet      Act = "conversation.state-set"
	ReadTo        Act = "conversation.read"

	SentMedia       Act = "message.sent-media"
	SentTemplate    Act = "message.sent-template"
	SentInteractive Act = "message.sent-interactive"
	SentLocation    Act = "message.sent-location"
	SentCard        Act = "message.sent-card"
	ConsentRecorded Act = "consent.recorded"
	CardSet         Act = "card.set"
	CardRemoved     Act = "card.removed"

	IncidentClosed  Act = "incident.closed"
	TemplateCreated Act = "template.created"
	TemplateEdited  Act = "template.edited"
	TemplateDeleted Act = "template.deleted"
	RequestApproved Act = "request.approved"
	RequestRefused  Act = "request.refused"
	RequestDone     Act = "request.done"
	RequestExported Act = "request.exported"
	RequestQuiet    Act = "request.quiet" // the relay put a customer forward to be forgotten with whom nobody writes any more

	FetchedMedia Act = "media.fetched"

	Withdrawn    Act = "message.withdrawn"
	HeldDecided  Act = "message.held-decided"
	Released     Act = "message.released"
	NotReleased  Act = "message.not-released"
	GuardFound   Act = "guard.found"   // what the guard found in a wish; Detail says what
	GuardAlerted Act = "guard.alerted" // it was something that who watches over the company must know

	RevealAsked   Act = "reveal.asked"
	RevealGranted Act = "reveal.granted"
	RevealRefused Act = "reveal.refused"
	RevealShown   Act = "reveal.shown"
	RevealEnded   Act = "reveal.ended"
	RevealLapsed  Act = "reveal.lapsed"
	RevealMany    Act = "reveal.many" // a third person saw the same contact within a day
	LookedUp      Act = "contact.looked-up"
	ContactErased Act = "contact.erased"

	Tagged        Act = "conversation.tagged"
	TaskSet       Act = "task.set"
	TagSet        Act = "tag.set"
	QuickReplySet Act = "quick-reply.set"

	Anchored Act = "audit.anchored" // Object is a shard; Detail is the size and the root its tree had
	Exported Act = "audit.exported"
	Searched Act = "audit.searched"

	SearchedMessages Act = "message.searched"
	ReportSeen       Act = "report.seen"
)

// An Entry says that an actor did something to an object, or tried to. All ids are ours; none identifies a customer.
type Entry struct {
	Number  uint64          `cbor:"1,keyasint" json:"number"` // its place in its shard, filled in by [Record]
	At      inbox.Moment    `cbor:"2,keyasint" json:"at"`
	Actor   inbox.PersonID  `cbor:"3,keyasint,omitempty" json:"actor,omitempty"` // "" for somebody at the relay's command line
	Device  inbox.DeviceID  `cbor:"4,keyasint,omitempty" json:"device,omitempty"`
	Act     Act             `cbor:"5,keyasint" json:"act"`
	Object  string          `cbor:"6,keyasint" json:"object,omitempty"`
	Refused inbox.Refusal   `cbor:"7,keyasint,omitempty" json:"refused,omitempty"` // why it was refused; zero when it was done
	Detail  string          `cbor:"8,keyasint,omitempty" json:"detail,omitempty"`  // more ids and words of the program's own, never a person's
	Reason  cbor.ByteString `cbor:"9,keyasint,omitempty" json:"-"`                 // the actor's words, sealed under the key of the contact they are about
	Back    int64           `cbor:"10,keyasint,omitempty" json:"back,omitempty"`   // ms the clock was behind the entry before, if over [ClockSlack]; filled in by [Record]
}

// ClockSlack is how far an entry may lie behind the one before it without a note: an act reads the clock before it waits
// for its turn.
const ClockSlack = time.Minute

// The buckets of a shard. Keys are numbers in 8 bytes, big endian, unless said otherwise.
const (
	bucket       = "audit"       // entries, by number
	bucketHash   = "audithash"   // by number of the entry that completed them; see hashes
	bucketBlock  = "auditblock"  // what occurs in each blockSize entries, by number of the block
	bucketSigned = "auditsigned" // the newest checkpoints, by their own sequence
	bucketDaily  = "auditday"    // the first checkpoint of each day, by date
	bucketSeen   = "auditseen"   // witnesses, by device and size

	sequence       = "audit"
	sequenceSigned = "auditsigned"
)

// ErrRow is returned when an entry, or what belongs to it, is not what this package wrote. [Verify] says where.
var ErrRow = errors.New("audit entry is damaged")

// Record writes an entry in the transaction of its act, and grows the shard's tree by it. When the
// entry before it has no hashes it returns ErrRow, and the act does not happen.
func Record(tx ledger.Tx, e Entry) error {
	n, err := tx.Sequence(sequence)
	if err != nil {
		return fmt.Errorf("numbering an audit entry: %w", err)
	}
	t, err := openTree(tx, n)
	if err != nil {
		return fmt.Errorf("finding the place of an audit entry: %w", err)
	}
	e.Number, e.Back = n, 0
	if back := t.at - e.At; n > 1 && back > inbox.Moment(ClockSlack.Milliseconds()) {
		e.Back = int64(back)
	}
	row, err := cbor.Marshal(e)
	if err != nil {
		return fmt.Errorf("encoding an audit entry: %w", err)
	}
	if err := tx.Put(bucket, keyOf(n), row); err != nil {
		return err
	}
	if err := t.grow(n, e.At, row); err != nil {
		return fmt.Errorf("hashing an audit entry: %w", err)
	}
	return nil
}

// Entries returns the entries of a shard after a number, at most n of them, in order.
func Entries(tx ledger.Tx, after uint64, n int) ([]Entry, error) {
	var out []Entry
	for _, row := range tx.Scan(bucket, keyOf(after+1), nil) {
		e, err := decode(row)
		if err != nil {
			return nil, err
		}
		if out = append(out, e); len(out) == n {
			break
		}
	}
	return out, tx.Err()
}

func decode(row []byte) (e Entry, err error) {
	if cbor.Unmarshal(row, &e) != nil {
		return Entry{}, ErrRow // the decoder's error may quote it
	}
	return e, nil
}

func keyOf(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func numberOf(key []byte) uint64 {
	if len(key) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(key)
}
