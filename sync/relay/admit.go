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
	case hello.Wiped: // it may go for good, but not with what it has to tell
		return x.tells(ctx)
	case revoked:
		return wire.CloseRevoked
	case x.person.Left != 0:
		return wire.CloseLeft
	case r.cfg.Device.tooOld(hello.App):
		return wire.CloseUpdate
	case !x.unclaimed() && x.s.twice.seen(x.device.ID, hello.Boot):
		r.log.Warn("a device's key is used in two places", "device", string(x.device.ID))
		x.s.leaveDoor(x) // who is closed because of it is the other one; this one is handed the order here
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

// unclaimed reports whether the device is nobody's yet: whoever signs in on it is its person.
func (x *session) unclaimed() bool { return x.device.Person == "" }

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
	from := x.conn.RemoteAddr().String()
	attempt := r.people.NewSignIn(x.device, x.person, challenge.Nonce, from)
	if x.unclaimed() {
		attempt = r.people.NewClaim(x.device, challenge.Nonce, from)
	}
	asked, err := attempt.Ask(ctx)
	for {
		if err != nil {
			r.log.Error("nobody can sign in now", "error", err)
			return wire.CloseTrouble
		}
		if _, waits := r.people.Unclaimed(x.device.ID); x.unclaimed() && !waits {
			return wire.CloseProof // it took too long, and is known no more
		}
		if x.send(wire.Encode(asked)) != nil {
			return wire.CloseGoingAway
		}
		x.waits(ctx, wire.SignInTimeout)
		var done bool
		switch b := x.hear().(type) {
		case wire.Credential:
			asked, done, err = attempt.Try(ctx, b)
		case wire.Wiped:
			return x.receipt(ctx, b)
		default:
			return x.unheard(wire.CloseMalformed)
		}
		if !done || err != nil {
			continue
		}
		if x.unclaimed() {
			if err = x.claimed(ctx); err != nil {
				continue
			}
		}
		live, ok, err = r.people.Session(ctx, x.device.ID)
		switch {
		case err == nil && !ok:
			return wire.CloseSignedOut // just now
		case err == nil:
			x.signedIn, x.fresh = live.Until, live.Fresh
			return letIn
		}
	}
}

// resumes waits until the device has opened its cache. One that was locked has its person show who is there first.
func (x *session) resumes(ctx context.Context) (wire.Resume, int) {
	x.waits(ctx, wire.ResumeTimeout)
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
			x.waits(ctx, wire.SignInTimeout)
		default:
			if x.stepping != nil {
				return wire.Resume{}, x.unheard(wire.CloseSignedOut) // nobody came
			}
			return wire.Resume{}, x.unheard(wire.CloseMalformed)
		}
	}
}

// hear returns the next frame's body; nil when there is none that makes sense, or when they come too fast.
func (x *session) hear() any {
	body, ok := receive[any](x.conn)
	if !ok {
		return nil
	}
	if x.tooFast = !x.pace.Allow(); x.tooFast {
		return nil
	}
	return body
}

// unheard is the code with which a connection ends whose frame [session.hear] did not return.
func (x *session) unheard(code int) int {
	if x.tooFast {
		return wire.CloseRate
	}
	return code
}

// waits gives the device so long for its next frame, and none when the connection is to end: that may have been said while
// nobody was listening.
func (x *session) waits(ctx context.Context, d time.Duration) {
	x.conn.SetReadDeadline(time.Now().Add(d))
	if ctx.Err() != nil {
		x.conn.SetReadDeadline(time.Unix(1, 0))
	}
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
		return wire.Encode(wire.Confirmed{Until: inbox.At(r.now().Add(r.cfg.SignIn.fresh()))}), letIn
	}
	if x.stepping == nil {
		x.stepping = r.people.NewStepUp(x.device, x.person, x.nonce, x.conn.RemoteAddr().String())
	}
	var (
		asked wire.SignIn
		done  bool
		err   error
	)
	asked, done, err = x.stepping.Try(ctx, c)
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
		x.waits(ctx, wipePatience)
		switch b := x.hear().(type) {
		case wire.Wiping:
			x.did(ctx, b)
		case wire.Wiped:
			return x.receipt(ctx, b)
		default:
			return x.unheard(wire.CloseWiped) // it knows now, whatever it does
		}
	}
}

// tells takes in the receipt of a device that wiped itself. A sign-in is what such a device answers with it, whoever is asked;
// nobody is signed in here.
func (x *session) tells(ctx context.Context) int {
	if x.send(wire.Encode(wire.SignIn{Ways: []wire.Way{wire.WayPassword}})) != nil {
		return wire.CloseGoingAway
	}
	x.waits(ctx, wire.HandshakeTimeout)
	if b, ok := x.hear().(wire.Wiped); ok {
		return x.receipt(ctx, b)
	}
	return x.unheard(wire.CloseMalformed)
}

// wipePatience is how long a device may take for one step of a wipe.
const wipePatience = time.Minute

// receipt takes in a device's receipt.
func (x *session) receipt(ctx context.Context, b wire.Wiped) int {
	r := x.s.r
	x.s.leaveDoor(x) // it is not let in any more, and is told how it ends here
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
		x.end(wire.CloseTrouble) // the person is still signed in, and shall not think otherwise
		return
	}
	x.end(wire.CloseSignedOut)
}

// seenUntil returns until when the person counts as just seen.
func (x *session) seenUntil() inbox.Moment {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.fresh
}

// claimed learns whose the device is from now on.
func (x *session) claimed(ctx context.Context) error {
	d, p, err := x.s.r.people.Device(ctx, x.device.ID)
	if err != nil {
		return err
	}
	x.s.mu.Lock() // whoever closes a person's connections looks for them
	x.device, x.person = d, p
	x.s.mu.Unlock()
	x.s.r.log.Info("device enrolled by signing in", "device", string(d.ID), "person", string(p.ID))
	return nil
}
