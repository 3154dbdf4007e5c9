package relay

import (
	"context"
	"crypto/ed25519"
	"errors"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

// The questions that order wipes and decide about them. Each is signed by the device it comes from, and the signature goes
// into the order: nobody at the relay can put one in somebody's mouth.

// orderWipe answers who wants a device wiped.
func (r *Relay) orderWipe(ctx context.Context, a asker, q inbox.OrderWipe) (inbox.Ordered, error) {
	if !isID(string(q.Device)) || q.Why < inbox.WipeLeaving || q.Why > inbox.WipeOther {
		return inbox.Ordered{}, inbox.RefusedMalformed
	}
	approval, err := r.mayWipe(ctx, a, q.Device, q)
	if err != nil {
		return inbox.Ordered{}, r.refusedAct(ctx, a, actWipeOrdered, string(q.Device), err)
	}
	list, err := r.orderWipes(ctx, []inbox.DeviceID{q.Device}, wipeWish{why: q.Why, by: a.by(), hand: true, approval: &approval})
	if len(list) == 0 {
		return inbox.Ordered{}, r.refusedAct(ctx, a, actWipeOrdered, string(q.Device), err)
	}
	if err != nil { // it is in force, and what is left to do will be done
		r.log.Error("a wipe cannot be finished now", "device", string(q.Device), "error", err)
	}
	return inbox.Ordered{Wipe: list[0]}, nil
}

// decideWipe answers who agrees, as the second person, or refuses.
func (r *Relay) decideWipe(ctx context.Context, a asker, q inbox.DecideWipe) (inbox.WipeDecided, error) {
	if !isID(string(q.Device)) || !isID(string(q.Wipe)) {
		return inbox.WipeDecided{}, inbox.RefusedMalformed
	}
	act := actWipeCancelled
	if q.Agree {
		act = actWipeAgreed
	}
	approval, err := r.mayWipe(ctx, a, q.Device, q)
	if err != nil {
		return inbox.WipeDecided{}, r.refusedAct(ctx, a, act, string(q.Device), err)
	}
	d, _, err := r.people.Device(ctx, q.Device)
	if err != nil && !gone(err) {
		return inbox.WipeDecided{}, err
	}
	at := inbox.At(r.now())
	row, err := r.changeWipe(ctx, q.Device, q.Wipe, func(tx ledger.Tx, row *wipeRow) error {
		state, err := deviceStateOf(tx, q.Device)
		if err != nil {
			return err
		}
		switch {
		case state.Wipe != q.Wipe, row.inForce(), row.Wipe.Cancelled != 0:
			return inbox.RefusedState
		case row.Wipe.By == a.person.ID, d.Person == a.person.ID:
			return inbox.RefusedSelf
		}
		row.Wipe.Second = a.person.ID
		entry := audit.Entry{At: at, Actor: a.person.ID, Device: a.device, Act: act, Object: string(q.Device), Detail: string(q.Wipe)}
		if err := row.record(tx, entry); err != nil {
			return err
		}
		if !q.Agree {
			row.Wipe.Cancelled = at
			return nil
		}
		row.Approval = append(row.Approval, approval)
		return r.putInForce(tx, row, state, d.Enrolled, at, entry)
	})
	if err != nil {
		return inbox.WipeDecided{}, r.refusedAct(ctx, a, act, string(q.Device), err)
	}
	if q.Agree {
		if err := r.legA(ctx, a.by(), []inbox.DeviceID{q.Device}); err != nil {
			r.log.Error("a wipe cannot be finished now", "device", string(q.Device), "error", err)
		}
		if row, err = r.wipeOf(ctx, q.Device, q.Wipe); err != nil {
			return inbox.WipeDecided{}, err
		}
	} else {
		r.settleIncident(ctx, row.Name)
	}
	return inbox.WipeDecided{Wipe: row.told(inbox.At(r.now()))}, nil
}

// mayWipe asks whether the asker may have the device wiped, and whether the asker's device has signed the question.
func (r *Relay) mayWipe(ctx context.Context, a asker, id inbox.DeviceID, q inbox.Question) (wire.Approval, error) {
	_, owner, err := r.deviceAndOwner(ctx, id)
	if err != nil {
		return wire.Approval{}, err
	}
	if inbox.Can(a.person, inbox.ActDevices, owner.Subject()) != nil { // who may not see it cannot tell whether it is there
		return wire.Approval{}, inbox.RefusedUnknown
	}
	if inbox.Can(a.person, inbox.ActWipe, owner.Subject()) != nil {
		return wire.Approval{}, inbox.RefusedRight
	}
	return r.approval(ctx, a, q)
}

// approval judges the signature of a question that acts on devices by the key of the device it came from.
func (r *Relay) approval(ctx context.Context, a asker, q inbox.Question) (wire.Approval, error) {
	d, p, err := r.people.Device(ctx, a.device)
	if gone(err) {
		return wire.Approval{}, inbox.RefusedRight
	}
	if err != nil {
		return wire.Approval{}, err
	}
	said, ok := wire.AskBytes(q)
	signature := wire.SignatureOf(q)
	if !ok || p.ID != a.person.ID || len(d.Key) != ed25519.PublicKeySize || !ed25519.Verify(d.Key, said, signature) {
		return wire.Approval{}, inbox.RefusedSignature
	}
	return wire.Approval{Device: d.ID, Person: p.ID, Key: d.Key, Said: said, Signature: signature}, nil
}

func (a asker) by() identity.By { return identity.By{Person: a.person.ID, Device: a.device} }

// refusedAct writes down that something was refused, and returns the refusal. Other errors are returned as they are.
func (r *Relay) refusedAct(ctx context.Context, a asker, act audit.Act, object string, err error) error {
	var no inbox.Refusal
	if !errors.As(err, &no) {
		return err
	}
	kept := r.db.Update(ctx, identity.Shard, func(tx ledger.Tx) error {
		return audit.Record(tx, audit.Entry{At: inbox.At(r.now()), Actor: a.person.ID, Device: a.device, Act: act, Object: object, Refused: no})
	})
	if kept != nil {
		return kept
	}
	return no
}
