package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

// What a device says of its leg. Steps are hints for the screen; only a receipt proves, and only that the device says so:
// who owns a laptop can make it say anything, which is why leg A does not depend on it.

// errReceipt means that a receipt proves nothing.
var errReceipt = errors.New("wipe receipt is refused")

const maxWipeSteps = 32

// wipeStep takes in what a device has done. It is called for a device that has proven its key.
func (r *Relay) wipeStep(ctx context.Context, id inbox.DeviceID, w wire.Wiping) error {
	if !isID(string(w.Wipe)) || w.Step.Did < inbox.WipeIntended || w.Step.Did > inbox.WipeSigned {
		return inbox.RefusedMalformed
	}
	if !r.wipes.stepped.allow(id) {
		return nil // hints are worth no more writes than that
	}
	at := inbox.At(r.now())
	_, err := r.changeWipe(ctx, id, w.Wipe, func(tx ledger.Tx, row *wipeRow) error {
		if !row.inForce() || row.Receipt != nil {
			return inbox.RefusedState
		}
		if row.Wipe.Started == 0 {
			row.Wipe.Started = at
			if err := row.record(tx, audit.Entry{At: at, Device: id, Act: actWipeStarted, Object: string(id), Detail: string(w.Wipe)}); err != nil {
				return err
			}
		}
		i := slices.IndexFunc(row.Wipe.Steps, func(s inbox.WipeStep) bool { return s.Did == w.Step.Did })
		switch {
		case i >= 0: // it was cut short and went on
			row.Wipe.Steps[i] = w.Step
		case len(row.Wipe.Steps) < maxWipeSteps:
			row.Wipe.Steps = append(row.Wipe.Steps, w.Step)
		}
		return nil
	})
	return err
}

// wipeReceipt takes in a receipt. When it returns nil the receipt is durable and the device may forget everything. It
// returns errReceipt for one that proves nothing, which is written down.
func (r *Relay) wipeReceipt(ctx context.Context, id inbox.DeviceID, b []byte) error {
	d, _, err := r.people.Device(ctx, id)
	if errors.Is(err, identity.ErrNoDevice) {
		return errReceipt
	}
	if err != nil && !gone(err) {
		return err
	}
	receipt, err := wire.OpenReceipt(d.Key, b)
	if err != nil {
		return r.refusedReceipt(ctx, id, "signature")
	}
	if receipt.Device != id || !isID(string(receipt.Wipe)) {
		return r.refusedReceipt(ctx, id, "device")
	}
	if len(receipt.Order) == 0 {
		return r.wipedItself(ctx, d, receipt, b)
	}
	at := inbox.At(r.now())
	no := ""
	row, err := r.changeWipe(ctx, id, receipt.Wipe, func(tx ledger.Tx, row *wipeRow) error {
		no = ""
		state, err := deviceStateOf(tx, id)
		if err != nil {
			return err
		}
		switch {
		case row.Order == nil, row.Wipe.Cancelled != 0:
			no = "wipe"
		case !bytes.Equal(receipt.Order, wire.OrderDigest(row.Order)):
			no = "order"
		case receipt.Epoch != row.Epoch, state.Wipe != row.Wipe.ID:
			no = "epoch"
		case receipt.Why != row.Wipe.Why:
			no = "reason"
		case row.Receipt != nil && !bytes.Equal(row.Receipt, b):
			no = "again"
		case row.Receipt != nil: // our answer was lost
			return nil
		default:
			return row.prove(tx, receipt, b, at)
		}
		return errReceipt
	})
	switch {
	case errors.Is(err, inbox.RefusedUnknown):
		return r.refusedReceipt(ctx, id, "wipe")
	case errors.Is(err, errReceipt):
		return r.refusedReceipt(ctx, id, no)
	case err != nil:
		return err
	}
	r.settleIncident(ctx, row.Name)
	return nil
}

// prove writes down what a receipt proves.
func (w *wipeRow) prove(tx ledger.Tx, receipt wire.WipeReceipt, b []byte, at inbox.Moment) error {
	w.Receipt, w.Wipe.Proven = bytes.Clone(b), at
	if w.Wipe.Started == 0 {
		w.Wipe.Started = at
	}
	w.Wipe.Steps = receipt.Steps[:min(len(receipt.Steps), maxWipeSteps)]
	return w.record(tx, audit.Entry{
		At: at, Device: w.Device, Act: actWipeProven, Object: string(w.Device), Detail: fmt.Sprintf("%s receipt %x", w.Wipe.ID, wire.OrderDigest(b)),
	})
}

// wipedItself takes in the receipt of a device that wiped itself. It proves nothing of an order that was given meanwhile:
// that one is handed out, and wants a receipt of its own.
func (r *Relay) wipedItself(ctx context.Context, d identity.Device, receipt wire.WipeReceipt, b []byte) error {
	if receipt.Why < inbox.WipeSilent || receipt.Why > inbox.WipeUninstall {
		return r.refusedReceipt(ctx, d.ID, "reason")
	}
	at := inbox.At(r.now())
	no, fresh := "", false
	err := r.db.Update(ctx, identity.Shard, func(tx ledger.Tx) error {
		no, fresh = "", false
		state, err := deviceStateOf(tx, d.ID)
		if err != nil {
			return err
		}
		last, ok, err := lastWipe(tx, d.ID)
		switch {
		case err != nil:
			return err
		case ok && bytes.Equal(last.Receipt, b): // our answer was lost
			return nil
		case ok && last.inForce():
			no = "order"
			return nil
		}
		known, err := tx.Get(bucketWipe, wipeKey(d.ID, receipt.Wipe))
		if err != nil {
			return err
		}
		if known != nil { // the name is the device's choice, and that one is another wipe's
			no = "wipe"
			return nil
		}
		if err := supersede(tx, d.ID, at); err != nil {
			return err
		}
		row := wipeRow{
			Device: d.ID, Had: r.vault.HasHalf(d.ID) || state.Lease != 0, Epoch: receipt.Epoch, Name: d.Name,
			Wipe: inbox.Wipe{ID: receipt.Wipe, Why: receipt.Why, Ordered: at},
		}
		if err := row.prove(tx, receipt, b, at); err != nil {
			return err
		}
		state.Wipe, fresh = row.Wipe.ID, true
		return errors.Join(tx.Put(bucketWipeLeg, []byte(d.ID), []byte(row.Wipe.ID)), putDeviceState(tx, d.ID, state), putWipe(tx, row))
	})
	switch {
	case err != nil:
		return err
	case no != "":
		return r.refusedReceipt(ctx, d.ID, no)
	case !fresh:
		return nil
	}
	// It is proven already; somebody may still want to know that it happened, whether or not the device waits for our answer.
	ctx = context.WithoutCancel(ctx)
	return errors.Join(r.legA(ctx, identity.By{}, []inbox.DeviceID{d.ID}), r.raise(ctx, "", inbox.Incident{Kind: inbox.IncidentWipe, Detail: d.Name}))
}

func (r *Relay) refusedReceipt(ctx context.Context, id inbox.DeviceID, why string) error {
	if !r.wipes.refused.allow(id) {
		return errReceipt // it was said often enough: who was excluded shall not fill the audit log
	}
	r.log.Warn("wipe receipt refused", "device", string(id), "reason", why)
	err := r.db.Update(ctx, identity.Shard, func(tx ledger.Tx) error {
		return audit.Record(tx, audit.Entry{
			At: inbox.At(r.now()), Device: id, Act: actWipeRefused, Object: string(id), Refused: inbox.RefusedSignature, Detail: why,
		})
	})
	if err != nil {
		return err
	}
	return errReceipt
}

// settleIncident closes the incident of a wipe when nothing is left to be seen to: it was proven, or cancelled, and no other
// device of that name is still being wiped.
func (r *Relay) settleIncident(ctx context.Context, name string) {
	open := false
	err := r.db.View(ctx, identity.Shard, func(tx ledger.Tx) error {
		open = false
		for _, value := range tx.Scan(bucketWipe, nil, nil) {
			var row wipeRow
			if cbor.Unmarshal(value, &row) != nil {
				return errRow
			}
			w := row.Wipe
			open = open || row.Name == name && w.Cancelled == 0 && w.Proven == 0 && w.Reimaged == 0
		}
		return tx.Err()
	})
	if err == nil && !open {
		err = r.calm(ctx, inbox.IncidentWipe, "", name)
	}
	if err != nil {
		r.log.Error("an incident cannot be closed", "error", err)
	}
}
