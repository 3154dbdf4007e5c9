package relay

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
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

// sessions are the devices that are connected, at most one connection each.
type sessions struct {
	r        *Relay
	upgrader websocket.Upgrader
	life     context.Context // of every connection
	stop     context.CancelFunc
	wait     sync.WaitGroup // for every connection, proven or not
	mu       sync.Mutex
	open     map[inbox.DeviceID]*session
	door     map[*session]bool // proven, and not let in yet
	twice    twice
}

func newSessions(r *Relay) *sessions {
	life, stop := context.WithCancel(r.life)
	return &sessions{r: r, life: life, stop: stop, open: map[inbox.DeviceID]*session{}, door: map[*session]bool{}, upgrader: websocket.Upgrader{
		HandshakeTimeout: wire.HandshakeTimeout,
		ReadBufferSize:   1 << 10,
		WriteBufferSize:  4 << 10,
		WriteBufferPool:  &sync.Pool{}, // an idle connection holds no write buffer
		// No page of a browser has any business here.
		CheckOrigin: func(q *http.Request) bool { return len(q.Header["Origin"]) == 0 },
	}}
}

// A session is one connected device.
type session struct {
	s          *sessions
	conn       *websocket.Conn
	device     identity.Device
	boot       []byte // names the run of the app
	person     inbox.Person
	cursors    []inbox.Cursor       // of the writer, once the device is in
	decides    map[inbox.LogID]bool // logs of which the device gets nothing but what its person may decide about
	logs       []inbox.LogID        // those the device follows
	pace       *rate.Limiter        // of the device's frames, from the proof on
	outcomes   chan []byte
	asks       chan struct{}             // room for questions being answered
	asking     sync.WaitGroup            // for them
	orders     chan []byte               // an order to wipe, for the writer
	ordered    atomic.Bool               // the device was handed its order: from then on it is heard of nothing else
	words      map[inbox.LogID]time.Time // when the device's word about a log was last kept; of the reader
	cries      map[inbox.LogID]time.Time // when it protested last; of the reader
	held       map[inbox.LogID]uint64    // how much of the audit log the device is a witness to; of the writer
	nonce      []byte                    // of the challenge
	stepping   *identity.SignIn          // nil but while the person shows once more who is there; of the reader
	mu         sync.Mutex
	fresh      inbox.Moment // until then the person counts as just seen; guarded by mu
	shownTrees []shownTree  // that the relay signed and the device was shown, the newest last; guarded by mu
	signedIn   inbox.Moment // until then the person is signed in; 0: nobody signs in
	generation uint64       // of the half the device was lent; guarded by mu
	stop       context.CancelFunc
	code       int  // why it was stopped; set before stop is called
	deaf       bool // a write did not get through; of the one who writes
	tooFast    bool // more frames came than may, before the device was let in
	once       sync.Once
	done       chan struct{} // closed when the connection is gone
}

// end asks the session to close with a code. The first reason counts.
func (x *session) end(code int) {
	x.once.Do(func() {
		x.code = code
		x.stop()
	})
}

// serve answers a device's call. Proving takes a deep stack and the HTTP server's buffers; a connection that is idle for
// the rest of the day shall hold neither, so what follows the proof goes on without this goroutine.
func (s *sessions) serve(w http.ResponseWriter, q *http.Request) {
	if !s.enter() {
		http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
		return
	}
	conn, err := s.upgrader.Upgrade(w, q, nil)
	if err != nil {
		s.wait.Done()
		return // the upgrader has answered
	}
	ctx, stop := context.WithCancel(s.life)
	x := &session{s: s, conn: conn, outcomes: make(chan []byte, outcomeQueue), asks: make(chan struct{}, asksAtOnce), orders: make(chan []byte, 1), stop: stop, done: make(chan struct{})}
	code := s.comes(ctx, x)
	s.leaveDoor(x)
	if code != 0 {
		if ctx.Err() != nil {
			code = wire.CloseGoingAway
		}
		s.r.metrics.refused(code)
		s.r.log.Info("device refused", "device", string(x.device.ID), "code", code)
		closeWith(conn, code)
		conn.Close()
		stop()
		s.wait.Done()
		return
	}
	s.r.log.Info("device connected", "device", string(x.device.ID), "person", string(x.person.ID))
	go x.run(ctx)
}

// comes takes a device in, or returns a close code. A fault of ours in it costs this connection, and the relay can still stop.
func (s *sessions) comes(ctx context.Context, x *session) (code int) {
	defer func() {
		if v := recover(); v != nil {
			s.r.log.Error("a device at the door made the relay stumble", "device", string(x.device.ID), "stack", string(debug.Stack()))
			s.leave(x)
			code = wire.CloseTrouble
		}
	}()
	if code = x.handshake(ctx); code == letIn {
		code = s.admit(ctx, x)
	}
	return code
}

// enter counts a connection, unless the relay is stopping.
func (s *sessions) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life.Err() != nil {
		return false
	}
	s.wait.Add(1)
	return true
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

// admit makes x the one connection of its device; an older one is closed first, so that two never speak for the device. The
// older one may come back: if it does, there are two installations (see [twice]).
// It returns a close code, 0 when x is in.
func (s *sessions) admit(ctx context.Context, x *session) int {
	for {
		s.mu.Lock()
		old := s.open[x.device.ID]
		if ctx.Err() != nil {
			s.mu.Unlock()
			return wire.CloseGoingAway
		}
		if old == nil {
			s.open[x.device.ID] = x
			s.mu.Unlock()
			break
		}
		s.mu.Unlock()
		code := wire.CloseReplaced
		if !bytes.Equal(old.boot, x.boot) {
			code = wire.CloseGoingAway
		}
		old.end(code)
		select {
		case <-old.done:
		case <-ctx.Done():
		}
	}
	code := s.unchanged(ctx, x)
	if code != letIn {
		s.leave(x)
		close(x.done)
	}
	return code
}

// unchanged asks once more for what may have changed between looking the device up and putting the connection where whoever
// changes something finds it. It returns a close code, or [letIn].
func (s *sessions) unchanged(ctx context.Context, x *session) int {
	_, p, err := s.r.people.Device(ctx, x.device.ID)
	switch {
	case errors.Is(err, identity.ErrRevoked):
		return wire.CloseRevoked
	case err != nil:
		return wire.CloseTrouble
	case p.Left != 0:
		return wire.CloseLeft
	case p.Role != x.person.Role, p.Team != x.person.Team, !slices.Equal(p.Inboxes, x.person.Inboxes):
		return wire.CloseGoingAway // it comes back as what it is now
	case x.signedIn == 0:
		return letIn
	}
	_, live, err := s.r.people.Session(ctx, x.device.ID)
	switch {
	case err != nil:
		return wire.CloseTrouble
	case !live:
		return wire.CloseSignedOut
	}
	return letIn
}

// forGood reports whether a connection was closed because the device may have nothing more, for now or for ever.
func forGood(code int) bool {
	switch code {
	case wire.CloseRevoked, wire.CloseSignedOut, wire.CloseLeft, wire.CloseTwice, wire.CloseWiped:
		return true
	}
	return false
}

func (s *sessions) leave(x *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[x.device.ID] == x {
		delete(s.open, x.device.ID)
	}
}

func (s *sessions) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// closeAll lets every device go with [wire.CloseGoingAway], admits no more, and returns when all are gone.
func (s *sessions) closeAll() {
	s.mu.Lock()
	s.stop()
	s.mu.Unlock()
	s.wait.Wait()
}

// closeDevice ends the connection of a device, if it has one.
func (s *sessions) closeDevice(id inbox.DeviceID, code int) {
	if forGood(code) {
		s.r.tickets.revoke(id)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.all() {
		if x.device.ID == id {
			x.end(code)
		}
	}
}

// all returns every device that has proven itself. mu must be held.
func (s *sessions) all() []*session {
	return slices.AppendSeq(slices.Collect(maps.Values(s.open)), maps.Keys(s.door))
}

// atDoor notes a device that has proven itself and is not let in yet; leaveDoor that it is, or has gone. A device stands there
// once: a person may take minutes, and a device that calls again and again must not fill the hall.
func (s *sessions) atDoor(x *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for old := range s.door {
		if old.device.ID == x.device.ID {
			old.end(wire.CloseGoingAway)
		}
	}
	s.door[x] = true
}

func (s *sessions) leaveDoor(x *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.door, x)
}

// closePerson ends all connections of a person.
func (s *sessions) closePerson(id inbox.PersonID, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.all() {
		if x.person.ID == id {
			x.end(code)
		}
	}
}

// order hands a connected device the order to wipe its cache; nothing else is said to it any more. Its connection is given a
// while for the receipt. It returns false when the device is not connected.
func (s *sessions) order(id inbox.DeviceID, order []byte) bool {
	s.mu.Lock()
	x := s.open[id]
	s.mu.Unlock()
	if x == nil {
		return false
	}
	x.ordered.Store(true)
	select {
	case x.orders <- order:
	default: // it has one already
	}
	return true
}

func closeWith(conn *websocket.Conn, code int) {
	if code == 0 {
		code = wire.CloseGoingAway
	}
	conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(time.Second))
}

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
	if err := r.met(ctx, device.ID, &hello); err != nil {
		r.log.Error("a device cannot be noted", "error", err)
		return wire.CloseTrouble
	}
	x.cursors, x.decides = r.logsFor(person)
	for _, c := range x.cursors {
		x.logs = append(x.logs, c.Log)
	}
	welcome := wire.Welcome{Person: person, Time: inbox.At(r.now()), SignedIn: x.signedIn, Fresh: x.fresh}
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
			x.answer(ctx, r.wish(ctx, x.person, x.device.ID, b))
		case wire.Ask:
			x.ask(ctx, b)
		case wire.Ack:
			r.metrics.acks.Inc() // that it was sent was noted then
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
