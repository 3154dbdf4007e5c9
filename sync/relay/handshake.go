package relay

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/wire"
)

// handshake learns who is there and proves it. It returns a close code, 0 when all is well. The reason a proof failed is
// never told: an unknown device and a wrong key look the same from outside.
func (x *session) handshake(ctx context.Context) int {
	r := x.s.r
	x.pace = rate.NewLimiter(frameRate, frameBurst)
	x.conn.SetReadLimit(wire.MaxHandshakeFrame)
	x.conn.SetReadDeadline(time.Now().Add(wire.HandshakeTimeout))
	defer context.AfterFunc(ctx, func() { x.conn.SetReadDeadline(time.Unix(1, 0)) })()
	hello, ok := receive[wire.Hello](x.conn)
	if !ok {
		return wire.CloseMalformed
	}
	version, ok := wire.Choose(hello.Low, hello.High)
	if !ok {
		if hello.Low > wire.Version {
			return wire.CloseRelayTooOld
		}
		return wire.CloseUpdate
	}
	challenge := wire.Challenge{Version: version, Nonce: make([]byte, 32), Time: inbox.At(r.now())}
	rand.Read(challenge.Nonce)
	if x.send(wire.Encode(challenge)) != nil {
		return wire.CloseGoingAway
	}
	proof, ok := receive[wire.Proof](x.conn)
	if !ok {
		return wire.CloseMalformed
	}
	if !isID(string(hello.Device)) {
		return wire.CloseProof
	}
	device, person, err := r.people.Device(ctx, hello.Device)
	if waits, ok := r.people.Unclaimed(hello.Device); ok && errors.Is(err, identity.ErrNoDevice) {
		device, err = waits, nil
	}
	revoked := errors.Is(err, identity.ErrRevoked)
	switch {
	case revoked: // whether a device was excluded is told to that device only
	case errors.Is(err, identity.ErrNoDevice), errors.Is(err, identity.ErrNoPerson):
		return wire.CloseProof
	case err != nil:
		r.log.Error("device cannot be looked up", "error", err)
		return wire.CloseTrouble
	}
	if !ed25519.Verify(device.Key, wire.ProofBytes(challenge, hello.Device, r.pin, hello.App), proof.Signature) {
		return wire.CloseProof
	}
	x.device, x.person, x.nonce, x.boot = device, person, challenge.Nonce, hello.Boot
	x.conn.SetReadLimit(wire.MaxDeviceFrame) // a receipt may list what is left
	x.s.atDoor(x)                            // until [sessions.serve] has let it in or gone
	if code := x.knock(ctx, challenge, hello, revoked); code != letIn {
		return code
	}
	device, person = x.device, x.person // somebody may have made it his own
	if err := r.met(ctx, device.ID, &hello); err != nil {
		r.log.Error("a device cannot be noted", "error", err)
		return wire.CloseTrouble
	}
	x.cursors, x.decides = r.logsFor(person)
	for _, c := range x.cursors {
		x.logs = append(x.logs, c.Log)
	}
	welcome := wire.Welcome{Person: person, Time: inbox.At(r.now()), SignedIn: x.signedIn, Fresh: x.fresh,
		Passkeys: r.cfg.SignIn.required() && r.cfg.SignIn.Passkey.Origin != ""}
	if !r.cfg.SignIn.required() { // whoever holds the device always counts
		welcome.Fresh = welcome.Time.Add(always)
	}
	if welcome.Half, welcome.Generation, welcome.Lease, err = r.lend(ctx, device.ID); err != nil {
		r.log.Error("a half cannot be lent", "error", err)
		return wire.CloseTrouble
	}
	x.generation = welcome.Generation
	for _, c := range x.cursors {
		head, err := r.logs.Head(ctx, c.Log)
		if err != nil {
			return wire.CloseTrouble
		}
		welcome.Logs = append(welcome.Logs, wire.LogHead{Log: c.Log, Epoch: head.Epoch, Seq: head.Seq})
	}
	if x.send(wire.Encode(welcome)) != nil {
		return wire.CloseGoingAway
	}
	resume, code := x.resumes(ctx)
	if code != letIn {
		return code
	}
	x.holds(ctx, resume.Held)
	for i := range x.cursors {
		for _, c := range resume.Cursors {
			if c.Log == x.cursors[i].Log {
				x.cursors[i] = c
			}
		}
		r.claimed(x.device.ID, x.cursors[i], welcome.Logs[i])
	}
	return 0
}

// logsFor returns a cursor for every log the person may see, from its beginning, and of which of them he sees nothing but
// what he may decide about: who reads no conversations may still be the second person of a reveal.
func (r *Relay) logsFor(p inbox.Person) (out []inbox.Cursor, decides map[inbox.LogID]bool) {
	out, decides = []inbox.Cursor{{Log: inbox.CompanyLog}}, map[inbox.LogID]bool{}
	for _, in := range r.cfg.Inboxes {
		id := inbox.InboxID(in.ID)
		if inbox.Can(p, inbox.ActRead, inbox.Subject{Inbox: id}) == nil {
			out = append(out, inbox.Cursor{Log: id.Log()})
		} else if inbox.Can(p, inbox.ActDecide, inbox.Subject{Inbox: id}) == nil {
			out = append(out, inbox.Cursor{Log: id.Log()})
			decides[id.Log()] = true
		}
	}
	if oversees(p, "") {
		out = append(out, inbox.Cursor{Log: inbox.OversightLog})
	}
	return out, decides
}

// onlyDecisions leaves of a batch what somebody may decide about without reading conversations: reveals.
func onlyDecisions(frame []byte) ([]byte, error) {
	body, err := wire.Decode(frame)
	b, ok := body.(inbox.Batch)
	if err != nil || !ok {
		return nil, errors.Join(wire.ErrMalformed, err)
	}
	b.Events = slices.DeleteFunc(b.Events, func(e inbox.Event) bool {
		_, reveal := e.Body.(inbox.RevealChanged)
		return !reveal
	})
	return wire.EncodeBatch(b)
}

func receive[T any](conn *websocket.Conn) (T, bool) {
	var zero T
	kind, frame, err := conn.ReadMessage()
	if err != nil || kind != websocket.BinaryMessage {
		return zero, false
	}
	body, err := wire.Decode(frame)
	if err != nil {
		return zero, false
	}
	v, ok := body.(T)
	return v, ok
}
