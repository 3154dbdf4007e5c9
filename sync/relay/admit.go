package relay

import (
	"context"
	"errors"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/wire"
)

// This file is what stands between a proven device and its welcome: an order to wipe, whether the app is new enough, whether
// the same key is used elsewhere, and its person, who shows who is there.

// letIn is the end of what stands in the way; a close code is another.
const letIn = 0

// knock goes through it. It returns a close code, or [letIn].
func (x *session) knock(ctx context.Context, challenge wire.Challenge, hello wire.Hello, revoked bool) int {
	r := x.s.r
	if code := x.order(ctx); code != letIn {
		return code
	}
	switch {
	case revoked:
		return wire.CloseRevoked
	case x.person.Left != 0:
		return wire.CloseLeft
	case r.cfg.Device.tooOld(hello.App):
		return wire.CloseUpdate
	case x.s.twice.seen(x.device.ID, hello.Boot):
		r.log.Warn("a device's key is used in two places", "device", string(x.device.ID))
		if err := r.twice(ctx, x.device.ID); err != nil {
			r.log.Error("a copied device cannot be excluded", "error", err)
			return wire.CloseTrouble
		}
		if code := x.order(ctx); code != letIn { // it was ordered just now, and nobody else tells this one
			return code
		}
		return wire.CloseTwice
	}
	if r.cfg.SignIn.required() {
		return x.signIn(ctx, challenge)
	}
	return letIn
}

// signIn asks who is there until the relay knows. A device that was wiped by itself may tell that instead.
func (x *session) signIn(ctx context.Context, challenge wire.Challenge) int {
	r := x.s.r
	now := inbox.At(r.now())
	live, ok, err := r.people.Session(ctx, x.device.ID)
	if err != nil {
		r.log.Error("session cannot be looked up", "error", err)
		return wire.CloseTrouble
	}
	if ok && live.Person == x.person.ID && now < live.Until {
		x.signedIn, x.fresh = live.Until, live.Fresh
		return letIn
	}
	attempt := r.people.NewSignIn(x.device, x.person, challenge.Nonce, x.conn.RemoteAddr().String())
	asked, err := attempt.Ask(ctx)
	for {
		if err != nil {
			r.log.Error("nobody can sign in now", "error", err)
			return wire.CloseTrouble
		}
		if x.send(wire.Encode(asked)) != nil {
			return wire.CloseGoingAway
		}
		x.conn.SetReadDeadline(time.Now().Add(wire.SignInTimeout))
		var done bool
		switch b := x.hear().(type) {
		case wire.Credential:
			asked, done, err = attempt.Try(ctx, b)
		case wire.Wiped:
			return x.receipt(ctx, b)
		default:
			return wire.CloseMalformed
		}
		if !done || err != nil {
			continue
		}
		live, _, err = r.people.Session(ctx, x.device.ID)
		if err == nil {
			x.signedIn, x.fresh = live.Until, live.Fresh
			return letIn
		}
	}
}

// resumes waits until the device has opened its cache. One that was locked has its person show who is there first.
func (x *session) resumes(ctx context.Context) (wire.Resume, int) {
	x.conn.SetReadDeadline(time.Now().Add(wire.ResumeTimeout))
	for {
		switch b := x.hear().(type) {
		case wire.Resume:
			return b, letIn
		case wire.Wiped:
			return wire.Resume{}, x.receipt(ctx, b)
		case wire.Credential:
			said, code := x.shown(ctx, b)
			if code != letIn {
				return wire.Resume{}, code
			}
			if x.send(said) != nil {
				return wire.Resume{}, wire.CloseGoingAway
			}
			x.conn.SetReadDeadline(time.Now().Add(wire.SignInTimeout))
		default:
			if x.stepping != nil {
				return wire.Resume{}, wire.CloseSignedOut // nobody came
			}
			return wire.Resume{}, wire.CloseMalformed
		}
	}
}

// hear returns the next frame's body; nil when there is none that makes sense.
func (x *session) hear() any {
	body, ok := receive[any](x.conn)
	if !ok {
		return nil
	}
	return body
}

// stepUp takes in who shows once more that he is there.
func (x *session) stepUp(ctx context.Context, c wire.Credential) {
	said, code := x.shown(ctx, c)
	if code != letIn {
		x.end(code)
		return
	}
	x.queue(ctx, said)
}

// shown returns the frame that answers a credential of somebody who is signed in, or a close code.
func (x *session) shown(ctx context.Context, c wire.Credential) ([]byte, int) {
	r := x.s.r
	if !r.cfg.SignIn.required() {
		return wire.Encode(wire.Confirmed{Until: inbox.At(r.now().Add(freshFor))}), letIn
	}
	if x.stepping == nil {
		x.stepping = r.people.NewStepUp(x.device, x.person, x.nonce, x.conn.RemoteAddr().String())
	}
	var (
		asked wire.SignIn
		done  bool
		err   error
	)
	if c.Begin {
		asked, err = x.stepping.Ask(ctx)
	} else {
		asked, done, err = x.stepping.Try(ctx, c)
	}
	switch {
	case errors.Is(err, identity.ErrSignedOut):
		return nil, wire.CloseSignedOut
	case err != nil:
		r.log.Error("nobody can show who is there now", "error", err)
		return nil, wire.CloseTrouble
	case !done:
		return wire.Encode(asked), letIn
	}
	until := x.stepping.Session().Fresh
	x.stepping = nil
	x.mu.Lock()
	x.fresh = until
	x.mu.Unlock()
	return wire.Encode(wire.Confirmed{Until: until}), letIn
}

// order hands a device that is to be wiped its order, and takes in what it says. It returns [letIn] when there is no order.
// One whose receipt is there has forgotten its key; whoever still has that is a copy, and is handed the order too.
func (x *session) order(ctx context.Context) int {
	r := x.s.r
	row, ok, err := r.lastWipe(ctx, x.device.ID)
	switch {
	case err != nil:
		r.log.Error("orders cannot be looked up", "error", err)
		return wire.CloseTrouble
	case !ok || !row.inForce():
		return letIn
	case row.Order == nil:
		return wire.CloseWiped
	}
	if x.send(wire.Encode(wire.Wipe{Order: row.Order})) != nil {
		return wire.CloseGoingAway
	}
	for {
		x.conn.SetReadDeadline(time.Now().Add(wipePatience))
		switch b := x.hear().(type) {
		case wire.Wiping:
			x.did(ctx, b)
		case wire.Wiped:
			return x.receipt(ctx, b)
		default:
			return wire.CloseWiped // it knows now, whatever it does
		}
	}
}

// wipePatience is how long a device may take for one step of a wipe.
const wipePatience = time.Minute

// receipt takes in a device's receipt.
func (x *session) receipt(ctx context.Context, b wire.Wiped) int {
	r := x.s.r
	switch err := r.wipeReceipt(ctx, x.device.ID, b.Receipt); {
	case errors.Is(err, errReceipt):
		if _, done, err := r.pendingOrder(ctx, x.device.ID); err == nil && done {
			return wire.CloseWiped // of a copy: the device's own is here
		}
		return wire.CloseProof
	case err != nil:
		r.log.Error("a wipe receipt cannot be kept", "error", err)
		return wire.CloseTrouble
	}
	return wire.CloseWiped
}

// did takes in what the device says it has done of a wipe: a hint for the screen, so trouble with it stops nothing.
func (x *session) did(ctx context.Context, w wire.Wiping) {
	if err := x.s.r.wipeStep(ctx, x.device.ID, w); err != nil {
		x.s.r.log.Warn("a step of a wipe was not taken in", "device", string(x.device.ID), "error", err)
	}
}

// signOut ends the person's session on this device.
func (x *session) signOut(ctx context.Context) {
	r := x.s.r
	if err := r.people.SignOut(ctx, identity.By{Person: x.person.ID, Device: x.device.ID}, x.device.ID, identity.WhyAsked); err != nil {
		r.log.Error("a session cannot be ended", "error", err)
	}
	x.end(wire.CloseSignedOut)
}

// seenUntil returns until when the person counts as just seen.
func (x *session) seenUntil() inbox.Moment {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.fresh
}
