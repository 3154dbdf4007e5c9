package relay

import (
	"context"
	"slices"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

// A wipeRow is one wipe, with what only the relay needs of it.
type wipeRow struct {
	Wipe     inbox.Wipe      `cbor:"1,keyasint"`
	Device   inbox.DeviceID  `cbor:"2,keyasint"`
	Hand     bool            `cbor:"3,keyasint,omitempty"` // people ordered it
	Epoch    uint64          `cbor:"4,keyasint,omitempty"`
	Order    []byte          `cbor:"5,keyasint,omitempty"` // see [wire.SignOrder]; none while it waits, or when the device wiped itself
	Receipt  []byte          `cbor:"6,keyasint,omitempty"` // see [wire.SignReceipt]
	Approval []wire.Approval `cbor:"7,keyasint,omitempty"`
	Had      bool            `cbor:"8,keyasint,omitempty"` // a half was lent before
	Entries  []uint64        `cbor:"9,keyasint,omitempty"` // of the audit log, that tell of it
	Name     string          `cbor:"10,keyasint"`          // of the device, when it was ordered: its incident is known by it
}

func wipeKey(device inbox.DeviceID, id inbox.WipeID) []byte {
	return append(append([]byte(device), 0), id...)
}

// inForce reports whether the device is to be wiped, or was.
func (w *wipeRow) inForce() bool { return w.Order != nil || w.Receipt != nil }

// told is the wipe as it stands at a moment.
func (w *wipeRow) told(now inbox.Moment) inbox.Wipe {
	x := w.Wipe
	switch {
	case x.Reimaged != 0, x.Proven != 0 && x.Dark <= now && (x.Dark != 0 || !w.Had):
		x.Level = inbox.WipeConfirmed
	case x.Proven != 0:
		x.Level = inbox.WipeProven
	case x.Started != 0:
		x.Level = inbox.WipeStarted
	case x.Half != 0:
		x.Level = inbox.WipeHalfGone
	case w.inForce():
		x.Level = inbox.WipeOrdered
	default:
		x.Level = inbox.WipeWaits
	}
	return x
}

// record writes an entry that tells of the wipe, and remembers its place for the proof.
func (w *wipeRow) record(tx ledger.Tx, e audit.Entry) error {
	if err := audit.Record(tx, e); err != nil {
		return err
	}
	number, _, err := audit.Head(tx)
	if err != nil {
		return err
	}
	w.Entries = append(slices.Clip(w.Entries), number)
	return nil
}

func putWipe(tx ledger.Tx, w wipeRow) error {
	return putValue(tx, bucketWipe, wipeKey(w.Device, w.Wipe.ID), w)
}

// wipesOf returns the wipes of a device, in no useful order.
func wipesOf(tx ledger.Tx, id inbox.DeviceID) (list []wipeRow, err error) {
	first := wipeKey(id, "")
	for _, row := range tx.Scan(bucketWipe, first, ledger.After(first)) {
		var w wipeRow
		if cbor.Unmarshal(row, &w) != nil {
			return nil, errRow
		}
		list = append(list, w)
	}
	return list, tx.Err()
}

// changeWipe changes a wipe of a device in a transaction. f refuses with an [inbox.Refusal].
func (r *Relay) changeWipe(ctx context.Context, device inbox.DeviceID, id inbox.WipeID, f func(ledger.Tx, *wipeRow) error) (row wipeRow, err error) {
	err = r.db.Update(ctx, identity.Shard, func(tx ledger.Tx) error {
		row = wipeRow{}
		known, err := getRow(tx, bucketWipe, wipeKey(device, id), &row)
		if err != nil {
			return err
		}
		if !known {
			return inbox.RefusedUnknown
		}
		if err := f(tx, &row); err != nil {
			return err
		}
		return putWipe(tx, row)
	})
	return row, err
}

// wipeOf returns one wipe of a device.
func (r *Relay) wipeOf(ctx context.Context, device inbox.DeviceID, id inbox.WipeID) (row wipeRow, err error) {
	err = r.db.View(ctx, identity.Shard, func(tx ledger.Tx) error {
		known, err := getRow(tx, bucketWipe, wipeKey(device, id), &row)
		if err == nil && !known {
			err = inbox.RefusedUnknown
		}
		return err
	})
	return row, err
}

// lastWipe returns the wipe of a device that counts, and false if there is none.
func (r *Relay) lastWipe(ctx context.Context, device inbox.DeviceID) (row wipeRow, ok bool, err error) {
	err = r.db.View(ctx, identity.Shard, func(tx ledger.Tx) (err error) {
		row, ok, err = lastWipe(tx, device)
		return err
	})
	return row, ok, err
}

func lastWipe(tx ledger.Tx, device inbox.DeviceID) (row wipeRow, ok bool, err error) {
	state, err := deviceStateOf(tx, device)
	if err != nil || state.Wipe == "" {
		return row, false, err
	}
	ok, err = getRow(tx, bucketWipe, wipeKey(device, state.Wipe), &row)
	return row, ok, err
}
