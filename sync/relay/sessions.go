package relay

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/wire"
)

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
		x.end(code) // whoever asked for an end before has the better reason
		code = x.code
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
			s.r.presence.changed()
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
		s.r.presence.gone(x.device.ID)
	}
}

// letInNow returns the connections of devices that are in.
func (s *sessions) letInNow() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.open))
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
