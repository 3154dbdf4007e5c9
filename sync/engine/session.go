package engine

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/sync/errgroup"

	"sealdesk/app/inbox"
	"sealdesk/sync/wire"
)

// A session is one connection, from hello to its end.
type session struct {
	e       *Engine
	conn    *websocket.Conn
	writing sync.Mutex
	heads   map[inbox.LogID]wire.LogHead // where logs stand; only the keeper's goroutine uses it after the welcome

	mu      sync.Mutex
	sent    map[inbox.IntentID]flight // on their way
	busy    map[inbox.ConversationID]bool
	later   map[inbox.IntentID]time.Time // the relay asked to wait until then
	settled chan struct{}                // pokes the sender
	unknown int                          // frames of types this build does not know

	cache   Cache                       // set by the handshake
	verdict chan struct{}               // the relay answered a credential
	shown   bool                        // the person showed who is there over this connection; of the handshake
	seen    inbox.Moment                // until when that counts, if it was shown to unlock; of the handshake
	over    chan struct{}               // closed when the connection is
	asking  chan struct{}               // holds one for each question on its way
	asked   uint64                      // questions so far; guarded by mu like what follows
	asks    map[uint64]chan wire.Answer // who waits for which answer
	uploads map[inbox.IntentID]context.CancelFunc

	uploading sync.WaitGroup
	failed    chan error // what the cache said to an upload
}

type flight struct {
	on    inbox.ConversationID
	until time.Time
}

// session connects and stays until something ends it. held is how long it was online.
func (e *Engine) session(ctx context.Context) (held time.Duration, err error) {
	conn, err := e.dial(ctx)
	if err != nil {
		return 0, err
	}
	s := &session{
		e: e, conn: conn, heads: map[inbox.LogID]wire.LogHead{},
		sent: map[inbox.IntentID]flight{}, busy: map[inbox.ConversationID]bool{}, later: map[inbox.IntentID]time.Time{},
		settled: make(chan struct{}, 1),
		over:    make(chan struct{}), asking: make(chan struct{}, atOnce), asks: map[uint64]chan wire.Answer{},
		uploads: map[inbox.IntentID]context.CancelFunc{}, failed: make(chan error, 1), verdict: make(chan struct{}, 1),
	}
	defer close(s.over)
	stop := context.AfterFunc(ctx, func() { s.goodbye(websocket.CloseNormalClosure) })
	defer stop()
	defer conn.Close()
	defer e.setDoor(nil)
	began := time.Now()
	if err = s.handshake(ctx); err == nil {
		began = time.Now()
		e.setOnline(s)
		err = s.run(ctx)
		e.setOnline(nil)
	}
	held = time.Since(began)
	var ordered *orderError
	if errors.As(err, &ordered) {
		err = s.obey(ctx, ordered.order)
	}
	return held, err
}

func (e *Engine) dial(ctx context.Context) (*websocket.Conn, error) {
	d := websocket.Dialer{
		NetDialContext: e.cfg.Dial, TLSClientConfig: pinned(e.cfg.Pin), HandshakeTimeout: 2 * wire.HandshakeTimeout,
		EnableCompression: false, // it would let a small limit pass a large message
	}
	conn, resp, err := d.DialContext(ctx, "wss://"+e.cfg.Relay+wire.SyncPath, nil)
	if err != nil {
		if errors.Is(err, websocket.ErrBadHandshake) && resp != nil {
			return nil, fmt.Errorf("connecting: status %d: %w", resp.StatusCode, ErrAnswer)
		}
		return nil, fmt.Errorf("connecting: %w", unreachable(err))
	}
	conn.SetReadLimit(wire.MaxRelayFrame)
	return conn, nil
}

// handshake is hello, challenge, proof, signing in, welcome, resume. An order to wipe comes as an [orderError].
func (s *session) handshake(ctx context.Context) error {
	cfg := &s.e.cfg
	s.conn.SetReadDeadline(time.Now().Add(wire.HandshakeTimeout))
	if err := s.write(wire.Encode(wire.Hello{
		Low: wire.MinVersion, High: wire.Version, Device: cfg.Device, App: cfg.App, System: cfg.System, Posture: cfg.Posture, Boot: s.e.boot[:],
		Wiped: cfg.Custody != nil && cfg.Custody.Receipt() != nil,
	})); err != nil {
		return err
	}
	challenge, err := expect[wire.Challenge](s)
	if err != nil {
		return err
	}
	if challenge.Version < wire.MinVersion || challenge.Version > wire.Version {
		return fmt.Errorf("saying hello: version %d: %w", challenge.Version, ErrAnswer)
	}
	if off := challenge.Time.Time().Sub(cfg.Now()); off.Abs() > clockSlack {
		return fmt.Errorf("saying hello: %d minutes off: %w", int(off.Minutes()), ErrClock)
	}
	sign := ed25519.Sign(cfg.Key, wire.ProofBytes(challenge, cfg.Device, cfg.Pin, cfg.App))
	if err := s.write(wire.Encode(wire.Proof{Signature: sign})); err != nil {
		return err
	}
	welcome, err := s.welcome(ctx)
	if err != nil {
		return err
	}
	s.cache = cfg.Cache
	resume := wire.Resume{}
	if cfg.Custody != nil {
		if s.cache, err = cfg.Custody.Open(ctx, welcome); err != nil {
			return &cacheError{err}
		}
		resume.Held = cfg.Custody.Held()
	}
	for _, h := range welcome.Logs {
		s.heads[h.Log] = h
	}
	s.e.passkeys.Store(welcome.Passkeys)
	s.e.setFresh(s, moment(max(welcome.Fresh, s.seen)))
	resume.Cursors = s.cache.Cursors()
	return s.write(wire.Encode(resume))
}

// welcome waits until the relay lets the device in: at once, or after its person has signed in.
func (s *session) welcome(ctx context.Context) (wire.Welcome, error) {
	for {
		body, err := s.read()
		if err != nil {
			if _, _, stop := judge(err); errors.Is(stop, ErrWiped) {
				s.acknowledged(ctx) // of what was handed over before the connection was lost
			}
			return wire.Welcome{}, err
		}
		switch b := body.(type) {
		case wire.Welcome, wire.SignIn: // whoever is admitted after a wipe has to tell of it first
			if c := s.e.cfg.Custody; c != nil && c.Receipt() != nil {
				return wire.Welcome{}, s.handOver(ctx, c.Receipt())
			}
			if w, ok := b.(wire.Welcome); ok {
				return w, s.unlock()
			}
			asked := b.(wire.SignIn)
			s.shown = true
			s.alive(wire.SignInTimeout + wire.HandshakeTimeout)
			s.e.setDoor(s)
			s.e.setAsked(s, &asked)
			s.e.setLink(Link{State: SignInAsked})
		case wire.Wipe:
			return wire.Welcome{}, &orderError{b.Order}
		case nil:
		default:
			return wire.Welcome{}, fmt.Errorf("shaking hands: a frame out of turn: %w", ErrAnswer)
		}
	}
}

// unlock has the person show who is there, when the cache was locked and the relay did not ask just now.
func (s *session) unlock() error {
	if !s.e.cfg.Locked || s.shown {
		return nil
	}
	if err := s.write(wire.Encode(wire.Credential{Begin: true})); err != nil {
		return err
	}
	for {
		body, err := s.read()
		if err != nil {
			return err
		}
		switch b := body.(type) {
		case wire.Confirmed:
			s.seen = b.Until
			return nil
		case wire.SignIn:
			s.alive(wire.SignInTimeout + wire.HandshakeTimeout)
			s.e.setDoor(s)
			s.e.setAsked(s, &b)
			s.e.setLink(Link{State: SignInAsked})
		case wire.Wipe:
			return &orderError{b.Order}
		case nil:
		default:
			return fmt.Errorf("shaking hands: a frame out of turn: %w", ErrAnswer)
		}
	}
}

// moment returns the time of a moment; the zero time for none.
func moment(m inbox.Moment) time.Time {
	if m == 0 {
		return time.Time{}
	}
	return m.Time()
}

// expect reads frames until one that this build knows, which must be a T.
func expect[T any](s *session) (T, error) {
	var none T
	for {
		body, err := s.read()
		if err != nil {
			return none, err
		}
		if t, ok := body.(T); ok {
			return t, nil
		}
		if body != nil {
			return none, fmt.Errorf("shaking hands: a frame out of turn: %w", ErrAnswer)
		}
	}
}

func (s *session) run(ctx context.Context) error {
	s.alive(wire.DeadAfter)
	s.conn.SetPingHandler(func(data string) error {
		s.alive(wire.DeadAfter)
		err := s.conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(wire.WriteTimeout))
		if errors.Is(err, websocket.ErrCloseSent) {
			return nil
		}
		return err
	})
	s.conn.SetPongHandler(func(string) error { s.alive(wire.DeadAfter); return nil })
	s.e.setDoor(s)
	s.report()
	// Whichever ends first takes the others with it: the context stops two, closing the connection the reader.
	group, ctx := errgroup.WithContext(ctx)
	stop := context.AfterFunc(ctx, func() {
		code := websocket.CloseNormalClosure
		var ordered *orderError
		if errors.As(context.Cause(ctx), &ordered) {
			return // it is obeyed over this connection
		}
		if err := context.Cause(ctx); errors.Is(err, wire.ErrMalformed) || errors.Is(err, inbox.ErrIdentifying) {
			code = wire.CloseMalformed
		}
		s.goodbye(code)
	})
	defer stop()
	frames, chores := make(chan any, waitingMax), make(chan any, waitingMax)
	group.Go(func() error { return s.receive(ctx, frames, chores) })
	group.Go(func() error { return s.lastWord(ctx, s.tend(ctx, chores)) })
	group.Go(func() error { return s.lastWord(ctx, s.keep(ctx, frames)) })
	group.Go(func() error { return s.lastWord(ctx, s.post(ctx)) })
	group.Go(func() error { return s.lastWord(ctx, s.attend(ctx)) })
	defer s.uploading.Wait()
	return group.Wait()
}

// A writeError is a frame that could not be sent.
type writeError struct{ err error }

func (e *writeError) Error() string { return "writing a frame: " + e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }

// lastWord holds a failed write back until the reader has had a moment to find out why. A relay that closes for good
// says so in its last frame, and whoever writes may run into the closed connection before that frame was read.
func (s *session) lastWord(ctx context.Context, err error) error {
	var failed *writeError
	if !errors.As(err, &failed) {
		return err
	}
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
	return err
}

// alive moves the time at which the connection counts as dead.
func (s *session) alive(d time.Duration) { s.conn.SetReadDeadline(time.Now().Add(d)) }

// receive reads frames. A full queue stops it, and so the relay: that is all the flow control there is.
func (s *session) receive(ctx context.Context, frames, chores chan<- any) error {
	for {
		body, err := s.read()
		if err != nil {
			return err
		}
		s.alive(wire.DeadAfter)
		switch body := body.(type) {
		case wire.Answer: // past the queue: who waits for an answer does not wait for the disk
			s.answer(body)
		case wire.SignIn:
			s.e.setAsked(s, &body)
		case wire.Confirmed:
			s.e.setFresh(s, moment(body.Until))
		case wire.Presence:
			s.e.setPresence(body.Presence)
		case wire.Wipe:
			return &orderError{body.Order}
		case wire.Lent, wire.Rotate, wire.Checkpoint:
			if err := hand(ctx, chores, any(body)); err != nil {
				return err
			}
		case inbox.Batch, wire.Outcome:
			if err := hand(ctx, frames, any(body)); err != nil {
				return err
			}
		}
	}
}

func hand(ctx context.Context, to chan<- any, body any) error {
	select {
	case to <- body:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// read returns the body of the next frame; nil for a frame of a type this build does not know.
func (s *session) read() (any, error) {
	kind, frame, err := s.conn.ReadMessage()
	if err != nil {
		return nil, fmt.Errorf("reading a frame: %w", err)
	}
	s.e.cfg.Frames(Received, frame)
	if kind != websocket.BinaryMessage {
		return nil, fmt.Errorf("reading a frame: a text message: %w", wire.ErrMalformed)
	}
	body, err := wire.Decode(frame)
	if a, ok := body.(wire.Answer); ok && errors.Is(err, wire.ErrNewerWords) {
		return wire.Answer{ID: a.ID}, nil // no answer to what was asked; facts are what may not be skipped
	}
	if err != nil {
		return nil, fmt.Errorf("reading a frame of type %d: %w", frame[:min(1, len(frame))], err)
	}
	if body == nil {
		s.unknown++
		s.e.cfg.Log.Debug("a frame of an unknown type was ignored", "type", int(frame[0]), "count", s.unknown)
	}
	return body, nil
}

func (s *session) write(frame []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.e.cfg.Frames(Sent, frame)
	s.conn.SetWriteDeadline(time.Now().Add(wire.WriteTimeout))
	if err := s.conn.WriteMessage(websocket.BinaryMessage, frame); err != nil {
		return &writeError{err}
	}
	return nil
}

// goodbye tells the relay that the connection ends, if it still listens, and ends it.
func (s *session) goodbye(code int) {
	s.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(time.Second))
	s.conn.Close()
}

// keep gives everything that waits to the cache: all batches in one Apply, one acknowledgement for each log, then the
// outcomes, which may come in any order with the batches.
func (s *session) keep(ctx context.Context, frames <-chan any) error {
	for {
		var batches []inbox.Batch
		var outcomes []wire.Outcome
		take := func(f any) {
			switch f := f.(type) {
			case inbox.Batch:
				batches = append(batches, f)
			case wire.Outcome:
				outcomes = append(outcomes, f)
			}
		}
		select {
		case f := <-frames:
			take(f)
		case <-ctx.Done():
			return ctx.Err()
		}
		for more := true; more; {
			select {
			case f := <-frames:
				take(f)
			default:
				more = false
			}
		}
		if len(batches) > 0 {
			if err := s.cache.Apply(ctx, batches...); err != nil {
				return &cacheError{err}
			}
			if err := s.acknowledge(batches); err != nil {
				return err
			}
		}
		for _, o := range outcomes {
			if err := s.settle(ctx, o); err != nil {
				return err
			}
		}
	}
}

// acknowledge says for each log how far it is durable here.
func (s *session) acknowledge(batches []inbox.Batch) error {
	var logs []inbox.LogID
	last := map[inbox.LogID]inbox.Cursor{}
	for _, b := range batches {
		if _, ok := last[b.Log]; !ok {
			logs = append(logs, b.Log)
		}
		last[b.Log] = b.Cursor()
		if h := s.heads[b.Log]; h.Epoch != b.Epoch || h.Seq < b.To {
			s.heads[b.Log] = wire.LogHead{Log: b.Log, Epoch: b.Epoch, Seq: b.To}
		}
	}
	for _, log := range logs {
		if err := s.write(wire.Encode(wire.Ack{Cursor: last[log]})); err != nil {
			return err
		}
	}
	s.report()
	return nil
}

// report shows the connection as online and how far the cache is behind.
func (s *session) report() {
	at := map[inbox.LogID]inbox.Cursor{}
	for _, c := range s.cache.Cursors() {
		at[c.Log] = c
	}
	behind := uint64(0)
	for log, h := range s.heads {
		if c := at[log]; c.Epoch != h.Epoch {
			behind += h.Seq
		} else if c.Seq < h.Seq {
			behind += h.Seq - c.Seq
		}
	}
	s.e.setLink(Link{State: Online, Behind: behind})
}

// settle takes an outcome in.
func (s *session) settle(ctx context.Context, o wire.Outcome) error {
	if o.Retry <= 0 {
		if err := s.cache.Settle(ctx, inbox.Outcome{Intent: o.Intent, Refusal: o.Refusal}); err != nil {
			return &cacheError{err}
		}
	}
	s.mu.Lock()
	if f, ok := s.sent[o.Intent]; ok {
		delete(s.sent, o.Intent)
		delete(s.busy, f.on)
		if o.Retry > 0 {
			s.later[o.Intent] = time.Now().Add(min(time.Duration(o.Retry)*time.Millisecond, backoffTo))
		}
	}
	s.mu.Unlock()
	s.lookAgain()
	return nil
}

// lookAgain makes the sender look at the outbox.
func (s *session) lookAgain() {
	select {
	case s.settled <- struct{}{}:
	default:
	}
}

// post sends the outbox. It is also who answers nudges and misses outcomes, because it is who waits.
func (s *session) post(ctx context.Context) error {
	pokes := s.cache.Watch(ctx)
	for {
		next, err := s.sendWaiting(ctx)
		if err != nil {
			return err
		}
		timer := time.NewTimer(next)
		select {
		case <-pokes:
		case <-s.settled:
		case err = <-s.failed:
		case <-timer.C:
		case <-s.e.nudges:
			// The reader's deadline may only move while a frame is being waited for; that is when it is needed.
			s.alive(nudgeIn)
			if err = s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(nudgeIn)); err != nil {
				err = &writeError{err}
			}
		case <-ctx.Done():
			err = ctx.Err()
		}
		timer.Stop()
		if err != nil {
			return err
		}
	}
}

// sendWaiting sends what may go now and returns when to look again by itself.
func (s *session) sendWaiting(ctx context.Context) (next time.Duration, err error) {
	now := time.Now()
	next = time.Hour
	var ready []inbox.Intent
	// Under the lock, because settle takes an intent from the outbox before it takes it from those on their way: an
	// older list of what is pending would show it as never sent.
	s.mu.Lock()
	pending, err := s.cache.Pending(ctx)
	if err != nil {
		s.mu.Unlock()
		return 0, &cacheError{err}
	}
	for _, f := range s.sent {
		if !now.Before(f.until) {
			err = errSilence
		}
		next = min(next, f.until.Sub(now))
	}
	held := map[inbox.ConversationID]bool{}    // an earlier intent waits: later ones must not overtake it
	waiting := map[inbox.ConversationID]bool{} // an earlier message waits for its file: later messages must not
	needed := map[inbox.IntentID]bool{}
	for _, i := range pending {
		on := i.Body.On()
		if offer, ok := s.cache.Offer(i); ok {
			if !waiting[on] { // one file at a time in a conversation
				needed[i.ID] = true
				s.startUpload(ctx, i, offer)
			}
			waiting[on] = true
			continue
		}
		if waiting[on] && !overtakes(i.Body) {
			continue
		}
		if _, ok := s.sent[i.ID]; ok || s.busy[on] || held[on] {
			held[on] = true
			continue
		}
		if at := s.later[i.ID]; now.Before(at) {
			next = min(next, at.Sub(now))
			held[on] = true
			continue
		}
		if len(s.sent) == inFlight {
			held[on] = true
			continue
		}
		delete(s.later, i.ID)
		s.sent[i.ID] = flight{on, now.Add(outcomeIn)}
		s.busy[on], held[on] = true, true
		next = min(next, outcomeIn)
		ready = append(ready, i)
	}
	// What is not pending any more was settled by its event; its outcome may be in a frame not read yet, or come never.
	for id, f := range s.sent {
		if !slices.ContainsFunc(pending, func(i inbox.Intent) bool { return i.ID == id }) {
			delete(s.sent, id)
			delete(s.busy, f.on)
			next = 0
		}
	}
	for id, cancel := range s.uploads {
		if !needed[id] { // dismissed
			cancel()
		}
	}
	s.mu.Unlock()
	if err != nil {
		return 0, err
	}
	for _, i := range ready {
		frame, err := wire.EncodeIntent(i)
		if err != nil {
			return 0, err
		}
		if err := s.write(frame); err != nil {
			return 0, err
		}
	}
	return next, nil
}
