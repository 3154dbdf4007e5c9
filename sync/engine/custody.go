package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gorilla/websocket"

	"sealdesk/app/inbox"
	"sealdesk/sync/wire"
)

// Custody is who keeps the device's half of the key, opens the cache with it, and obeys what the company orders about it.
// Its methods may wait for the keyring and the disk.
type Custody interface {
	// Open returns the cache, opened with the half that the welcome lends if it is not open yet, and keeps the lease.
	Open(ctx context.Context, w wire.Welcome) (Cache, error)
	// Lent keeps another lease.
	Lent(ctx context.Context, lease []byte) error
	// Rotate writes the cache anew under another half. When it returns nil, nothing is sealed under an older one.
	Rotate(ctx context.Context, r wire.Rotate) error
	// Wipe obeys an order, tells each step, and returns the signed receipt; the cache is closed by it. An order obeyed
	// before, whose receipt the relay does not have, gives that receipt again. [ErrOrder] means that it is not to be
	// obeyed, and that nothing was done.
	Wipe(ctx context.Context, order []byte, step func(inbox.WipeID, inbox.WipeStep)) (receipt []byte, err error)
	// Receipt returns the receipt of a wipe that the relay does not have; nil when there is none.
	Receipt() []byte
	// Acknowledged says that the relay has the receipt.
	Acknowledged(ctx context.Context) error
	// Held and Hold are the checkpoints of the audit log this device is a witness to.
	Held() []wire.Checkpoint
	Hold(ctx context.Context, c wire.Checkpoint) error
}

// ErrOrder means that a wipe order is not one to obey: forged, old, or for another device.
var ErrOrder = errors.New("not an order for this device")

// An orderError ends what a session does, so that the order can be obeyed over its connection.
type orderError struct{ order []byte }

func (*orderError) Error() string { return "ordered to wipe" }

// receiptIn is how long the relay may take to make a receipt durable.
const receiptIn = 30 * time.Second

// obey destroys the cache and hands the receipt over.
func (s *session) obey(ctx context.Context, order []byte) error {
	s.e.wiping.Store(true)
	custody := s.e.cfg.Custody
	if custody == nil {
		return &websocket.CloseError{Code: wire.CloseRevoked} // what is to be wiped was excluded, and here is nothing to wipe
	}
	s.e.setLink(Link{State: Wiping})
	receipt, err := custody.Wipe(ctx, order, func(id inbox.WipeID, step inbox.WipeStep) {
		s.write(wire.Encode(wire.Wiping{Wipe: id, Step: step})) // the receipt says it again
	})
	if errors.Is(err, ErrOrder) {
		s.e.cfg.Log.Error("an order to wipe was not obeyed", "error", err)
		return err
	}
	if err != nil {
		return fmt.Errorf("wiping: %w", err)
	}
	return s.handOver(ctx, receipt)
}

// handOver gives a receipt to the relay and waits until it is durable there.
func (s *session) handOver(ctx context.Context, receipt []byte) error {
	s.e.wiping.Store(true)
	if err := s.write(wire.Encode(wire.Wiped{Receipt: receipt})); err != nil {
		return err
	}
	s.alive(receiptIn)
	for {
		_, err := s.read()
		if err == nil {
			continue // what was on its way before
		}
		if _, _, stop := judge(err); errors.Is(stop, ErrWiped) {
			s.acknowledged(ctx)
		}
		return err
	}
}

// acknowledged says that the relay has the receipt, if there is one.
func (s *session) acknowledged(ctx context.Context) {
	custody := s.e.cfg.Custody
	if custody == nil || custody.Receipt() == nil {
		return
	}
	s.e.wiping.Store(true)
	if err := custody.Acknowledged(ctx); err != nil {
		s.e.cfg.Log.Error("the end of the wipe was not written down", "error", err)
	}
}

// tend does what the relay asks about key and audit log, one after the other, beside facts and wishes.
func (s *session) tend(ctx context.Context, chores <-chan any) error {
	for {
		select {
		case c := <-chores:
			if err := s.chore(ctx, c); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *session) chore(ctx context.Context, c any) error {
	custody := s.e.cfg.Custody
	if custody == nil {
		return nil
	}
	switch c := c.(type) {
	case wire.Lent:
		if err := custody.Lent(ctx, c.Lease); err != nil {
			s.e.cfg.Log.Warn("a lease was not kept", "error", err) // the one before holds; the next comes soon
		}
	case wire.Rotate:
		if err := custody.Rotate(ctx, c); err != nil {
			s.e.cfg.Log.Error("the key was not changed", "error", err) // both halves are kept; the relay asks again
			return nil
		}
		return s.write(wire.Encode(wire.Rotated{Generation: c.Generation}))
	case wire.Checkpoint:
		return s.witness(ctx, c)
	}
	return nil
}
