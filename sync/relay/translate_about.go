package relay

import (
	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/outbound"
)

// bucketAbout keeps, under the keyed hash of Meta's id of a message, what was done to it: Meta keeps no order, so it may
// come before the message itself, and of two reports the older may come last.
const bucketAbout = "about"

// about is what was done to one message.
type about struct {
	Contact reaction      `cbor:"1,keyasint,omitzero"`
	Company reaction      `cbor:"2,keyasint,omitzero"` // put in the WhatsApp Business app
	Edited  inbox.Moment  `cbor:"3,keyasint,omitempty"`
	Body    inbox.Masked  `cbor:"4,keyasint,omitzero"` // what it says since Edited
	Deleted inbox.Moment  `cbor:"5,keyasint,omitempty"`
	By      inbox.Side    `cbor:"6,keyasint,omitempty"` // who edited or deleted it
	Receipt inbox.Receipt `cbor:"7,keyasint,omitempty"` // while the message is not known here
	Failure inbox.Failure `cbor:"8,keyasint,omitempty"`
	Outside bool          `cbor:"9,keyasint,omitempty"` // it was told as an incident that the relay does not know it
}

// A reaction is the newest of one side.
type reaction struct {
	At    inbox.Moment `cbor:"1,keyasint"`
	Emoji string       `cbor:"2,keyasint,omitempty"`
}

// aboutOf returns what was done to a message, nil if nothing was.
func aboutOf(tx ledger.Tx, key []byte) (*about, error) {
	row, err := tx.Get(bucketAbout, key)
	if err != nil || row == nil {
		return nil, err
	}
	a := new(about)
	if cbor.Unmarshal(row, a) != nil {
		return nil, errRow
	}
	return a, nil
}

func (a *about) put(tx ledger.Tx, key []byte) error {
	row, err := cbor.Marshal(*a)
	if err != nil {
		return err
	}
	return tx.Put(bucketAbout, key, row)
}

// bodies are the facts that follow from all of it once the message is there.
func (a *about) bodies(m inbox.Message) (out []inbox.EventBody) {
	if a.Contact.Emoji != "" {
		out = append(out, reacted(m, inbox.FromContact, a.Contact.Emoji))
	}
	if a.Company.Emoji != "" {
		out = append(out, reacted(m, inbox.FromPerson, a.Company.Emoji))
	}
	if a.Edited != 0 && a.Deleted == 0 && a.By == m.Side {
		out = append(out, inbox.MessageChanged{Conversation: m.Conversation, Message: m.ID, Body: a.Body, At: a.Edited})
	}
	if a.Deleted != 0 && a.By == m.Side {
		out = append(out, inbox.MessageChanged{Conversation: m.Conversation, Message: m.ID, Deleted: true, At: a.Deleted})
	}
	if m.Outside && m.Receipt.Advance(a.Receipt) != m.Receipt {
		out = append(out, inbox.ReceiptChanged{Conversation: m.Conversation, Message: m.ID, Receipt: a.Receipt, Failure: a.Failure})
	}
	return out
}

func reacted(m inbox.Message, side inbox.Side, emoji string) inbox.Reacted {
	return inbox.Reacted{Conversation: m.Conversation, Message: m.ID, Reaction: inbox.Reaction{Side: side, Emoji: emoji}}
}

// An act is something one side does to a message.
type act struct {
	target outbound.Lookup
	by     inbox.Side
	at     inbox.Moment
	does   doing
	emoji  string       // of a reaction; "" takes the earlier one back
	body   inbox.Masked // of an edit
}

type doing uint8

const (
	reacts  doing = 1
	edits   doing = 2
	revokes doing = 3
)

// write remembers the act and, when its target is there, tells what changes. An older act than the one that counts changes
// nothing; of two of the same second the later to arrive counts.
func (a *act) write(tx ledger.Tx, log *eventlog.Writer, at inbox.Moment) error {
	known, err := aboutOf(tx, a.target.Key())
	if err != nil {
		return err
	}
	if known == nil {
		known = new(about)
	}
	slot := &known.Contact
	if a.by == inbox.FromPerson {
		slot = &known.Company
	}
	switch {
	case a.does == reacts && a.at >= slot.At:
		*slot = reaction{At: a.at, Emoji: a.emoji}
	case a.does == edits && a.at >= known.Edited && known.Deleted == 0:
		known.Edited, known.Body, known.By = a.at, a.body, a.by
	case a.does == revokes && known.Deleted == 0:
		known.Deleted, known.By = a.at, a.by
	default:
		return nil
	}
	if err := known.put(tx, a.target.Key()); err != nil {
		return err
	}
	id, err := a.target.Message(tx)
	if err != nil || id == "" {
		return err
	}
	m, ok, err := eventlog.Message(tx, id)
	if err != nil || !ok {
		return err
	}
	var body inbox.EventBody
	switch {
	case a.does == reacts:
		body = reacted(m, a.by, a.emoji)
	case m.Side != a.by: // nobody changes what somebody else wrote
		return nil
	case a.does == edits:
		body = inbox.MessageChanged{Conversation: m.Conversation, Message: m.ID, Body: a.body, At: a.at}
	default:
		body = inbox.MessageChanged{Conversation: m.Conversation, Message: m.ID, Deleted: true, At: a.at}
		if m.Media != nil { // what is not fetched yet is not wanted any more
			if err := tx.Delete(bucketMediaQueue, []byte(m.Media.ID)); err != nil {
				return err
			}
		}
	}
	if !inbox.ApplyTo(&m, body) {
		return nil
	}
	_, err = log.Append(at, "", body)
	return err
}
