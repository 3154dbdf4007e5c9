package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/wire"
)

const (
	outcomeQueue = 16 // answers that wait for the writer
	frameRate    = 20 // frames a second a device may send
	frameBurst   = 200
)

var errTooFast = errors.New("too many frames")

// A session is one connected device.
type session struct {
	s            *sessions
	conn         *websocket.Conn
	device       identity.Device
	boot         []byte // names the run of the app
	person       inbox.Person
	cursors      []inbox.Cursor       // of the writer, once the device is in
	decides      map[inbox.LogID]bool // logs of which the device gets nothing but what its person may decide about
	logs         []inbox.LogID        // those the device follows
	pace         *rate.Limiter        // of the device's frames, from the proof on
	outcomes     chan []byte
	asks         chan struct{}             // room for questions being answered
	asking       sync.WaitGroup            // for them
	orders       chan []byte               // an order to wipe, for the writer
	ordered      atomic.Bool               // the device was handed its order: from then on it is heard of nothing else
	words        map[inbox.LogID]time.Time // when the device's word about a log was last kept; of the reader
	cries        map[inbox.LogID]time.Time // when it protested last; of the reader
	held         map[inbox.LogID]uint64    // how much of the audit log the device is a witness to; of the writer
	nonce        []byte                    // of the challenge
	stepping     *identity.SignIn          // nil but while the person shows once more who is there; of the reader
	mu           sync.Mutex
	fresh        inbox.Moment // until then the person counts as just seen; guarded by mu
	shownTrees   []shownTree  // that the relay signed and the device was shown, the newest last; guarded by mu
	toldPresence []byte       // what the device was told last; of [Relay.tellPresence]
	signedIn     inbox.Moment // until then the person is signed in; 0: nobody signs in
	generation   uint64       // of the half the device was lent; guarded by mu
	stop         context.CancelFunc
	code         int  // why it was stopped; set before stop is called
	deaf         bool // a write did not get through; of the one who writes
	tooFast      bool // more frames came than may, before the device was let in
	once         sync.Once
	done         chan struct{} // closed when the connection is gone
}

// end asks the session to close with a code. The first reason counts.
func (x *session) end(code int) {
	x.once.Do(func() {
		x.code = code
		x.stop()
	})
}

// run writes until the session ends, and then clears up.
func (x *session) run(ctx context.Context) {
	defer x.s.wait.Done()
	var reader sync.WaitGroup
	reader.Go(func() { x.read(ctx) })
	// A device that does not read shall not hold up whoever wants the connection closed.
	defer context.AfterFunc(ctx, func() { x.conn.NetConn().SetWriteDeadline(time.Now().Add(time.Second)) })()
	if x.signedIn != 0 {
		over := time.AfterFunc(x.signedIn.Time().Sub(x.s.r.now()), func() { x.end(wire.CloseSignedOut) })
		defer over.Stop()
	}
	x.write(ctx)
	x.end(wire.CloseGoingAway) // unless there is a better reason already
	if secure, ok := x.conn.NetConn().(*tls.Conn); ok && x.deaf {
		secure.NetConn().Close() // TLS would wait for seconds to say goodbye
	} else {
		closeWith(x.conn, x.code)
	}
	x.conn.Close() // ends the reader too
	reader.Wait()
	x.asking.Wait()
	if forGood(x.code) {
		x.s.r.tickets.revoke(x.device.ID)
	}
	x.s.leave(x)
	if err := x.s.r.met(context.WithoutCancel(ctx), x.device.ID, nil); err != nil {
		x.s.r.log.Warn("a device that left cannot be noted", "error", err)
	}
	x.s.r.log.Info("device gone", "device", string(x.device.ID), "code", x.code)
	close(x.done)
}

func (x *session) send(frame []byte) error {
	x.conn.SetWriteDeadline(time.Now().Add(wire.WriteTimeout))
	err := x.conn.WriteMessage(websocket.BinaryMessage, frame)
	x.deaf = err != nil
	return err
}

// write is the only writer of the connection: facts from the logs, answers to wishes, pings.
func (x *session) write(ctx context.Context) {
	r := x.s.r
	poke := make(chan struct{}, 1)
	for _, c := range x.cursors {
		defer r.logs.Subscribe(c.Log, poke)()
	}
	ping := time.NewTicker(wire.PingEvery)
	defer ping.Stop()
	prolong := time.NewTicker(lendEvery)
	defer prolong.Stop()
	if x.testify(ctx) != nil || x.rotate(ctx) != nil {
		x.end(wire.CloseTooSlow)
		return
	}
	for {
		moved := false
		for i, c := range x.cursors {
			frame, next, err := r.logs.Next(ctx, c)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				r.log.Error("log cannot be read for a device", "log", string(c.Log), "error", err)
				x.end(wire.CloseTrouble)
				return
			}
			if frame == nil {
				continue
			}
			if x.decides[c.Log] {
				if frame, err = onlyDecisions(frame); err != nil {
					r.log.Error("a batch cannot be narrowed", "log", string(c.Log), "error", err)
					x.end(wire.CloseTrouble)
					return
				}
			}
			if x.send(frame) != nil {
				x.end(wire.CloseTooSlow)
				return
			}
			r.metrics.batches.Inc()
			r.delivered(x.device.ID, next) // it may have it, whatever it says
			x.cursors[i], moved = next, true
		}
		if moved {
			select { // more facts may be there already, but nobody may starve the answers
			case frame := <-x.outcomes:
				if x.send(frame) != nil {
					x.end(wire.CloseTooSlow)
					return
				}
			case order := <-x.orders:
				x.obeys(ctx, order)
				return
			case <-ctx.Done():
				return
			default:
			}
			continue
		}
		select {
		case <-ctx.Done():
			return
		case frame := <-x.outcomes:
			if x.send(frame) != nil {
				x.end(wire.CloseTooSlow)
				return
			}
		case order := <-x.orders:
			x.obeys(ctx, order)
			return
		case <-poke:
		case <-ping.C:
			if x.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(wire.WriteTimeout)) != nil || x.testify(ctx) != nil {
				x.end(wire.CloseTooSlow)
				return
			}
		case <-prolong.C:
			if x.prolong(ctx) != nil || x.rotate(ctx) != nil {
				x.end(wire.CloseTooSlow)
				return
			}
		}
	}
}

// obeys hands the order over and says nothing more, until the device's receipt is here or too long in coming.
func (x *session) obeys(ctx context.Context, order []byte) {
	if x.send(wire.Encode(wire.Wipe{Order: order})) != nil {
		x.end(wire.CloseWiped)
		return
	}
	patience := time.NewTimer(wipePatience)
	defer patience.Stop()
	for {
		select {
		case <-x.outcomes: // what was asked before; the reader shall not wait with the receipt until it is said
		case <-patience.C:
			x.end(wire.CloseWiped)
			return
		case <-ctx.Done():
			return
		}
	}
}

// stumble, deferred, keeps a fault of ours in carrying out what one device wishes from ending the relay for all: that
// device is asked to come back.
func (x *session) stumble() {
	if v := recover(); v != nil {
		x.s.r.log.Error("a frame made the relay stumble", "device", string(x.device.ID), "stack", string(debug.Stack()))
		x.end(wire.CloseTrouble)
	}
}

// read takes the device's frames in until the connection ends.
func (x *session) read(ctx context.Context) {
	defer x.end(wire.CloseGoingAway)
	defer x.stumble()
	r := x.s.r
	alive := func() { x.conn.SetReadDeadline(time.Now().Add(wire.DeadAfter)) }
	control := func(string) error { // control frames cost as much as others
		if !x.pace.Allow() {
			x.end(wire.CloseRate)
			return errTooFast
		}
		alive()
		return nil
	}
	x.conn.SetPongHandler(control)
	x.conn.SetPingHandler(func(data string) error {
		if err := control(data); err != nil {
			return err
		}
		x.conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(time.Second)) // the writer notices trouble
		return nil
	})
	for {
		alive()
		kind, frame, err := x.conn.ReadMessage()
		if err != nil {
			return
		}
		if kind != websocket.BinaryMessage {
			x.end(wire.CloseMalformed)
			return
		}
		if !x.pace.Allow() {
			x.end(wire.CloseRate)
			return
		}
		body, err := wire.Decode(frame)
		if x.ordered.Load() {
			switch b := body.(type) { // of what cannot be read there is nothing
			case wire.Wiping:
				x.did(ctx, b)
			case wire.Wiped:
				x.end(x.receipt(ctx, b))
				return
			}
			continue
		}
		if errors.Is(err, wire.ErrNewerWords) {
			switch b := body.(type) {
			case inbox.Intent:
				x.answer(ctx, wire.Outcome{Intent: b.ID, Refusal: inbox.RefusedNewerWords})
				continue
			case wire.Ask:
				x.reply(ctx, wire.Answer{ID: b.ID, Refusal: inbox.RefusedNewerWords})
				continue
			}
		}
		if err != nil {
			r.log.Warn("frame cannot be read", "device", string(x.device.ID), "bytes", len(frame))
			x.end(wire.CloseMalformed)
			return
		}
		switch b := body.(type) {
		case inbox.Intent:
			x.answer(ctx, x.wish(ctx, b))
		case wire.Ask:
			x.ask(ctx, b)
		case wire.Ack:
			r.metrics.acks.Inc() // that it was sent was noted then
		case wire.Attend:
			if b.Conversation != "" && !isID(string(b.Conversation)) {
				x.end(wire.CloseMalformed)
				return
			}
			r.presence.attend(x.device.ID, b, r.now())
		case wire.Credential:
			x.stepUp(ctx, b)
		case wire.SignOut:
			x.signOut(ctx)
			return
		case wire.Rotated:
			x.rotated(ctx, b.Generation)
		case wire.Witness:
			x.witnessed(ctx, b)
		case wire.Protest:
			x.protested(ctx, b)
		case wire.Wiping:
			x.did(ctx, b)
		case wire.Wiped:
			x.end(x.receipt(ctx, b))
			return
		case nil:
			r.metrics.unknownFrames.Inc()
		default:
			x.end(wire.CloseMalformed)
			return
		}
	}
}

func (x *session) answer(ctx context.Context, o wire.Outcome) { x.queue(ctx, wire.Encode(o)) }

// queue hands a frame to the writer.
func (x *session) queue(ctx context.Context, frame []byte) {
	select {
	case x.outcomes <- frame:
	case <-ctx.Done():
	}
}

// ask has a question answered beside the frames that follow it. A device that asks too much at once is told to wait.
func (x *session) ask(ctx context.Context, q wire.Ask) {
	select {
	case x.asks <- struct{}{}:
	default:
		x.reply(ctx, wire.Answer{ID: q.ID, Retry: crowded})
		return
	}
	x.asking.Go(func() {
		defer x.stumble()
		defer func() { <-x.asks }()
		x.reply(ctx, x.s.r.answer(ctx, asker{person: x.person, device: x.device.ID, fresh: x.seenUntil()}, q))
	})
}

func (x *session) reply(ctx context.Context, a wire.Answer) {
	frame, err := wire.EncodeAnswer(a)
	if err == nil && len(frame) > wire.MaxRelayFrame {
		err = wire.ErrMalformed // no device would read it
	}
	if err != nil {
		x.s.r.log.Error("answer cannot be said", "error", err)
		if frame, err = wire.EncodeAnswer(wire.Answer{ID: a.ID, Refusal: inbox.RefusedMalformed}); err != nil {
			return
		}
	}
	x.queue(ctx, frame)
}
