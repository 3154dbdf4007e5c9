package outbound

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/vault"
)

const (
	bucketQueue   = "outbound"   // number -> row, in the order of sending
	bucketPlace   = "outboundof" // message id -> number, while the row is there
	bucketPayload = "payload"    // message id -> what to say, sealed under the contact's key; kept
)

var errRow = errors.New("outbound row is damaged")

type state uint8

const (
	waiting state = 0 // to be posted when Due
	posting state = 1 // on its way, or its fate was lost with the process
	silent  state = 2 // posted without an answer; Due is when to stop hoping
)

type row struct {
	Message inbox.MessageID `cbor:"1,keyasint"`
	Contact inbox.ContactID `cbor:"2,keyasint"`
	State   state           `cbor:"3,keyasint,omitempty"`
	Tries   int             `cbor:"4,keyasint,omitempty"`
	Due     inbox.Moment    `cbor:"5,keyasint,omitempty"`
	Free    bool            `cbor:"6,keyasint,omitempty"` // it may leave while the window is closed
	File    bool            `cbor:"7,keyasint,omitempty"` // WhatsApp must have a file first
	Fresh   bool            `cbor:"8,keyasint,omitempty"` // and must be handed it anew
	Redone  bool            `cbor:"9,keyasint,omitempty"` // that was done because WhatsApp could not use what it had
}

// A Sealed is a parcel ready to be queued in any transaction of the inbox's shard.
type Sealed struct {
	row     row
	payload []byte
}

// Seal prepares a parcel.
func Seal(ctx context.Context, v *vault.Vault, p Parcel) (Sealed, error) {
	say := p.payload()
	plain, err := cbor.Marshal(say)
	if err != nil {
		return Sealed{}, fmt.Errorf("encoding a parcel: %w", err)
	}
	sealed, err := v.Seal(ctx, p.Contact, bucketPayload, []byte(p.Message), plain)
	if err != nil {
		return Sealed{}, fmt.Errorf("sealing a parcel: %w", err)
	}
	return Sealed{payload: sealed, row: row{
		Message: p.Message, Contact: p.Contact, Free: p.Template != nil, File: say.file() != nil, Fresh: p.Fresh,
	}}, nil
}

// Enqueue puts the parcel at the end of the inbox's queue. It leaves once the transaction is durable.
func (s Sealed) Enqueue(tx ledger.Tx) error {
	n, err := tx.Sequence(bucketQueue)
	if err != nil {
		return err
	}
	key := binary.BigEndian.AppendUint64(nil, n)
	if err := putRow(tx, key, s.row); err != nil {
		return err
	}
	if err := tx.Put(bucketPlace, []byte(s.row.Message), key); err != nil {
		return err
	}
	return tx.Put(bucketPayload, []byte(s.row.Message), s.payload)
}

// Again returns what a message that was queued once says and which one it answers, for sending it again under another id.
// It reports false if the message was never queued here.
func Again(ctx context.Context, db ledger.DB, v *vault.Vault, id inbox.InboxID, contact inbox.ContactID, message inbox.MessageID) (Parcel, bool, error) {
	p, ok, err := openPayload(ctx, db, v, eventlog.Shard(id.Log()), contact, message)
	return p.parcel("", contact), ok, err
}

// openPayload reads in one transaction and opens after it, because opening may look into the vault's shard and
// transactions must not nest.
func openPayload(ctx context.Context, db ledger.DB, v *vault.Vault, shard string, contact inbox.ContactID, message inbox.MessageID) (p payload, ok bool, err error) {
	var sealed []byte
	err = db.View(ctx, shard, func(tx ledger.Tx) (err error) {
		sealed, err = tx.Get(bucketPayload, []byte(message))
		return err
	})
	if err != nil || sealed == nil {
		return p, false, err
	}
	plain, err := v.Open(ctx, contact, bucketPayload, []byte(message), sealed)
	if err != nil {
		return p, false, fmt.Errorf("opening a parcel: %w", err)
	}
	if cbor.Unmarshal(plain, &p) != nil {
		return p, false, errRow
	}
	return p, true, nil
}

// queued is a row and where it stands.
type queued struct {
	row
	key []byte
}

// rows yields the queue in the order of sending.
func rows(tx ledger.Tx) iter.Seq2[queued, error] {
	return func(yield func(queued, error) bool) {
		for key, value := range tx.Scan(bucketQueue, nil, nil) {
			q := queued{key: append([]byte(nil), key...)}
			if cbor.Unmarshal(value, &q.row) != nil {
				yield(queued{}, errRow)
				return
			}
			if !yield(q, nil) {
				return
			}
		}
	}
}

func putRow(tx ledger.Tx, key []byte, r row) error {
	b, err := cbor.Marshal(r)
	if err != nil {
		return fmt.Errorf("encoding an outbound row: %w", err)
	}
	return tx.Put(bucketQueue, key, b)
}

func rowAt(tx ledger.Tx, key []byte) (row, bool, error) {
	var r row
	b, err := tx.Get(bucketQueue, key)
	if err != nil || b == nil {
		return r, false, err
	}
	if cbor.Unmarshal(b, &r) != nil {
		return r, false, errRow
	}
	return r, true, nil
}

// rowOf returns a message's row, if it is still in the queue.
func rowOf(tx ledger.Tx, message inbox.MessageID) (row, bool, error) {
	key, err := tx.Get(bucketPlace, []byte(message))
	if err != nil || key == nil {
		return row{}, false, err
	}
	return rowAt(tx, key)
}

// remove takes a message's row from the queue, if it is still there.
func remove(tx ledger.Tx, message inbox.MessageID) error {
	key, err := tx.Get(bucketPlace, []byte(message))
	if err != nil || key == nil {
		return err
	}
	if err := tx.Delete(bucketPlace, []byte(message)); err != nil {
		return err
	}
	return tx.Delete(bucketQueue, key)
}
