package audit

import (
	"encoding/binary"
	"errors"
	"fmt"

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
)

// An Entry says that an actor did something to an object, or tried to. All ids are ours; none identifies a customer.
type Entry struct {
	Number  uint64          `cbor:"1,keyasint"` // its place in its shard, filled in by [Record]
	At      inbox.Moment    `cbor:"2,keyasint"`
	Actor   inbox.PersonID  `cbor:"3,keyasint,omitempty"` // "" for somebody at the relay's command line
	Device  inbox.DeviceID  `cbor:"4,keyasint,omitempty"`
	Act     Act             `cbor:"5,keyasint"`
	Object  string          `cbor:"6,keyasint"`
	Refused inbox.Refusal   `cbor:"7,keyasint,omitempty"` // why it was refused; zero when it was done
	Detail  string          `cbor:"8,keyasint,omitempty"` // more ids and words of the program's own, never a person's
	Reason  cbor.ByteString `cbor:"9,keyasint,omitempty"` // the actor's words, sealed under the key of the contact they are about
}

const (
	bucket   = "audit"
	sequence = "audit"
)

// ErrRow is returned when an entry is not what this package wrote.
var ErrRow = errors.New("audit entry is damaged")

// Record writes an entry in the transaction of its act.
func Record(tx ledger.Tx, e Entry) error {
	n, err := tx.Sequence(sequence)
	if err != nil {
		return fmt.Errorf("numbering an audit entry: %w", err)
	}
	e.Number = n
	row, err := cbor.Marshal(e)
	if err != nil {
		return fmt.Errorf("encoding an audit entry: %w", err)
	}
	return tx.Put(bucket, binary.BigEndian.AppendUint64(nil, n), row)
}

// Entries returns the entries of a shard after a number, at most n of them, in order.
func Entries(tx ledger.Tx, after uint64, n int) ([]Entry, error) {
	var out []Entry
	for _, row := range tx.Scan(bucket, binary.BigEndian.AppendUint64(nil, after+1), nil) {
		var e Entry
		if cbor.Unmarshal(row, &e) != nil {
			return nil, ErrRow
		}
		if out = append(out, e); len(out) == n {
			break
		}
	}
	return out, tx.Err()
}
