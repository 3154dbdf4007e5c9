package outbound

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
)

// Parcels that do not leave at once: those that may still be taken back, and those that wait for a decision.

// bucketWithheld is message id -> withheld. The payload lies with those of all others.
const bucketWithheld = "withheld"

// A withheld is a parcel that was not queued.
type withheld struct {
	Row   row          `cbor:"1,keyasint"`
	Since inbox.Moment `cbor:"2,keyasint"`
}

// NotBefore returns the parcel with an earliest moment to leave. What is queued after it for the same contact waits for it.
func (s Sealed) NotBefore(due inbox.Moment) Sealed {
	s.row.Due = due
	return s
}

// Withhold keeps the parcel out of the queue until [Release] or [Withdraw].
func (s Sealed) Withhold(tx ledger.Tx, at inbox.Moment) error {
	value, err := cbor.Marshal(withheld{Row: s.row, Since: at})
	if err != nil {
		return fmt.Errorf("encoding a withheld parcel: %w", err)
	}
	if err := tx.Put(bucketWithheld, []byte(s.row.Message), value); err != nil {
		return err
	}
	return tx.Put(bucketPayload, []byte(s.row.Message), s.payload)
}

// Release puts a withheld parcel at the end of the queue. It reports false if there is none.
func Release(tx ledger.Tx, message inbox.MessageID) (bool, error) {
	w, ok, err := withheldAt(tx, message)
	if err != nil || !ok {
		return false, err
	}
	payload, err := tx.Get(bucketPayload, []byte(message))
	if err != nil || payload == nil {
		return false, err
	}
	if err := tx.Delete(bucketWithheld, []byte(message)); err != nil {
		return false, err
	}
	w.Row.Due = noBefore
	return true, Sealed{row: w.Row, payload: payload}.Enqueue(tx)
}

// Withdraw destroys a parcel that has not left, queued or withheld, and what it says. It reports false if the parcel is
// on its way, or was: [Pipeline] claims a row in a transaction of the same shard before its first byte leaves, so one of
// the two finds that the other was there first.
func Withdraw(tx ledger.Tx, message inbox.MessageID) (bool, error) {
	_, there, err := withheldAt(tx, message)
	if err != nil {
		return false, err
	}
	if !there {
		r, queued, err := rowOf(tx, message)
		if err != nil || !queued || r.State != waiting || r.Redone { // WhatsApp took a message once that is redone
			return false, err
		}
	}
	if err := remove(tx, message); err != nil {
		return false, err
	}
	if err := tx.Delete(bucketWithheld, []byte(message)); err != nil {
		return false, err
	}
	return true, tx.Delete(bucketPayload, []byte(message))
}

// A Waiting is a parcel that waits for a decision.
type Waiting struct {
	Message inbox.MessageID
	Contact inbox.ContactID
	Since   inbox.Moment
	Free    bool // a template: it may leave while the window is closed
}

// Withheld returns the parcels that wait for a decision, in no useful order.
func Withheld(tx ledger.Tx) (list []Waiting, err error) {
	for key, value := range tx.Scan(bucketWithheld, nil, nil) {
		var w withheld
		if cbor.Unmarshal(value, &w) != nil {
			return nil, errRow
		}
		list = append(list, Waiting{Message: inbox.MessageID(key), Contact: w.Row.Contact, Since: w.Since, Free: w.Row.Free})
	}
	return list, tx.Err()
}

func withheldAt(tx ledger.Tx, message inbox.MessageID) (w withheld, ok bool, err error) {
	value, err := tx.Get(bucketWithheld, []byte(message))
	if err != nil || value == nil {
		return w, false, err
	}
	if cbor.Unmarshal(value, &w) != nil {
		return w, false, errRow
	}
	return w, true, nil
}
