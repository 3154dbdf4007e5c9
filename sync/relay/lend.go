package relay

import (
	"context"
	"fmt"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

// lendEvery is how often a connected device's lease is prolonged.
const lendEvery = 10 * time.Minute

// lend returns the relay's half of the key of a device's cache, and the lease that goes with it.
func (r *Relay) lend(ctx context.Context, device inbox.DeviceID) (half wire.Half, generation uint64, lease []byte, err error) {
	key, generation, err := r.vault.Lend(ctx, device)
	if err != nil {
		return nil, 0, nil, err
	}
	lease, err = r.lease(ctx, device, generation)
	return key.Bytes(), generation, lease, err
}

// lease signs how long the device may do without the relay from now on, and notes it: until then its cache may be readable
// although the relay's half is gone.
func (r *Relay) lease(ctx context.Context, device inbox.DeviceID, generation uint64) ([]byte, error) {
	policy := r.cfg.Device
	l := wire.Lease{
		Device: device, Generation: generation, Issued: inbox.At(r.now()), Offline: int(policy.offline() / time.Second),
		Idle: int(policy.idle() / time.Second), Silent: int(policy.silent() / time.Second),
	}
	if err := r.leased(ctx, device, l.Until()); err != nil {
		return nil, fmt.Errorf("noting a lease: %w", err)
	}
	return wire.SignLease(r.wipes.key, l), nil
}

// prolong sends the device another lease.
func (x *session) prolong(ctx context.Context) error {
	x.mu.Lock()
	generation := x.generation
	x.mu.Unlock()
	lease, err := x.s.r.lease(ctx, x.device.ID, generation)
	if err != nil {
		x.s.r.log.Error("a lease cannot be prolonged", "error", err)
		return nil // the one it has holds for hours
	}
	return x.send(wire.Encode(wire.Lent{Lease: lease}))
}

// rotate gives the device another half, if it is time. It is for the writer.
func (x *session) rotate(ctx context.Context) error {
	if frame := x.turn(ctx); frame != nil {
		return x.send(frame)
	}
	return nil
}

// turn returns the frame that gives the device another half, if it is time; nil if not. The old half is kept until the device
// has written its cache anew.
func (x *session) turn(ctx context.Context) []byte {
	r := x.s.r
	begun := r.vault.Turning(x.device.ID)
	due, err := r.rotationDue(ctx, x.device)
	if err == nil && !due {
		return nil
	}
	var frame wire.Rotate
	if err == nil {
		var half seal.Key
		if half, frame.Generation, err = r.vault.Next(ctx, x.device.ID); err == nil {
			frame.Half = half.Bytes()
			frame.Lease, err = r.lease(ctx, x.device.ID, frame.Generation)
		}
	}
	if err == nil && !begun { // what asks for a change from now on asks for one after this
		err = r.changeDevice(ctx, x.device.ID, func(s *deviceState) error {
			s.Turn = false
			return nil
		})
	}
	if err != nil {
		r.log.Error("a key cannot be changed now", "device", string(x.device.ID), "error", err)
		return nil
	}
	return wire.Encode(frame)
}

// rotationDue reports whether a device should get another half: the policy's days are over, its person was given another
// role or other inboxes since, or a change was begun and not finished.
func (r *Relay) rotationDue(ctx context.Context, d identity.Device) (due bool, err error) {
	if r.vault.Turning(d.ID) {
		return true, nil
	}
	err = r.db.View(ctx, identity.Shard, func(tx ledger.Tx) error {
		s, err := deviceStateOf(tx, d.ID)
		at := max(s.Turned, d.Enrolled)
		due = s.Turn || inbox.At(r.now()) >= at.Add(r.cfg.Device.rotate())
		return err
	})
	return due, err
}

// rotated destroys the half nothing is sealed under any more. If a change was asked for meanwhile, the next one follows.
func (x *session) rotated(ctx context.Context, generation uint64) {
	r := x.s.r
	turning := r.vault.Turning(x.device.ID)
	err := r.vault.Settle(ctx, x.device.ID, generation)
	if err == nil && !turning {
		return // it was said before; nothing was changed, and what is due stays due
	}
	if err == nil {
		err = r.changeDevice(ctx, x.device.ID, func(s *deviceState) error {
			s.Turned = inbox.At(r.now())
			return nil
		})
	}
	if err != nil {
		r.log.Error("an old half cannot be destroyed", "device", string(x.device.ID), "error", err)
		return
	}
	x.mu.Lock()
	x.generation = generation
	x.mu.Unlock()
	if frame := x.turn(ctx); frame != nil {
		x.queue(ctx, frame)
	}
}
