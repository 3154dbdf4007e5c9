package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/gorilla/websocket"

	"sealdesk/sync/wire"
)

// A State is how a device stands with the relay.
type State uint8

// The states. From UpdateNeeded on they are final: the engine has stopped.
const (
	Connecting   State = iota // dialling, or proving who we are
	Online                    // connected; see Link.Behind
	Offline                   // waiting to try again; see Link.Reason and Link.Next
	SignInAsked               // the relay asks who is there: see Asked
	Wiping                    // the cache is being destroyed
	UpdateNeeded              // the relay speaks a newer protocol, or tells facts this build has no words for
	Revoked                   // the device was excluded
	Wiped                     // the device must wipe its cache
	Replaced                  // the same device connected from elsewhere
	RelayTooOld               // the relay must be updated
	NotAdmitted               // the relay does not know the device, or the proof was wrong
	Twice                     // the device's key is used in two places
	Left                      // the person has left the company
	Copied                    // the relay has the receipt of a wipe that this device knows nothing of: it is a copy of the one that was wiped
)

// A Reason says what stands between the device and the relay while Offline.
type Reason uint8

// The reasons.
const (
	NoReason         Reason = iota
	NoNetwork               // this machine has no way to anywhere
	RelayUnreachable        // no answer, or not from a relay
	WrongCertificate        // somebody answers who is not our relay; Link.Err is a *WrongRelay
	ClockWrong              // this machine's clock is more than five minutes off the relay's
	RelayTrouble            // the relay has passing trouble or restarts
	CacheTrouble            // the store takes nothing in; Link.Err says why
)

// Link is what a person may be told about the connection.
type Link struct {
	State  State
	Behind uint64    // while Online: facts the relay has that the cache does not; 0 when caught up
	Since  time.Time // when State began
	Next   time.Time // while Offline: when the next try begins
	Reason Reason    // while Offline
	Err    error     // what happened last, for errors.Is; nil while Online
	// Rewritten says that the audit log was found not to be what the relay signed before. It stays.
	Rewritten bool
}

// The errors Run ends with, beside its context's. None goes away by trying again.
var (
	ErrUpdateNeeded = errors.New("the app must be updated")
	ErrRevoked      = errors.New("the device was excluded")
	ErrWiped        = errors.New("the device must wipe its cache")
	ErrReplaced     = errors.New("the device connected from elsewhere")
	ErrRelayTooOld  = errors.New("the relay must be updated")
	ErrNotAdmitted  = errors.New("the relay does not admit the device")
	ErrTwice        = errors.New("the device's key is used in two places")
	ErrLeft         = errors.New("the person has left the company")
)

// Errors that pass, or may.
var (
	// ErrWrongRelay means that the certificate is not the pinned one. It comes as a *[WrongRelay].
	ErrWrongRelay = errors.New("the certificate is not the relay's")
	// ErrUnreachable means that no relay answered.
	ErrUnreachable = errors.New("the relay cannot be reached")
	// ErrAnswer means that what answered does not speak as a relay does.
	ErrAnswer = errors.New("the answer is not a relay's")
	// ErrClock means that this machine's clock is too far off the relay's.
	ErrClock = errors.New("the clock is wrong")

	errSilence = errors.New("no outcome came")
)

// WrongRelay says which certificate was expected and which was shown. It is an [ErrWrongRelay].
type WrongRelay struct{ Want, Got wire.Pin }

// Error names both by their short forms, for people to compare.
func (e *WrongRelay) Error() string {
	return fmt.Sprintf("%v: expected %s, got %s", ErrWrongRelay, e.Want.Short(), e.Got.Short())
}

// Unwrap returns ErrWrongRelay.
func (e *WrongRelay) Unwrap() error { return ErrWrongRelay }

// cacheError marks what the cache said.
type cacheError struct{ err error }

func (e *cacheError) Error() string { return "taking facts in: " + e.err.Error() }
func (e *cacheError) Unwrap() error { return e.err }

// terminal returns what a close code means for good, and the state to show; nil for codes that pass.
func terminal(code int) (State, error) {
	switch code {
	case wire.CloseProof:
		return NotAdmitted, ErrNotAdmitted
	case wire.CloseRevoked:
		return Revoked, ErrRevoked
	case wire.CloseWiped:
		return Wiped, ErrWiped
	case wire.CloseUpdate:
		return UpdateNeeded, ErrUpdateNeeded
	case wire.CloseReplaced:
		return Replaced, ErrReplaced
	case wire.CloseRelayTooOld:
		return RelayTooOld, ErrRelayTooOld
	case wire.CloseTwice:
		return Twice, ErrTwice
	case wire.CloseLeft:
		return Left, ErrLeft
	}
	if wire.Terminal(code) { // a code of a relay newer than this build
		return UpdateNeeded, ErrUpdateNeeded
	}
	return 0, nil
}

// judge says what the end of a session means: the state and reason to show, and the error to stop with, if it is one
// to stop for.
func judge(err error) (State, Reason, error) {
	var closed *websocket.CloseError
	var cache *cacheError
	var dns *net.DNSError
	switch {
	case errors.Is(err, wire.ErrNewerWords):
		return UpdateNeeded, NoReason, ErrUpdateNeeded
	case errors.As(err, &closed):
		if s, stop := terminal(closed.Code); stop != nil {
			return s, NoReason, stop
		}
		if closed.Code >= 4000 || closed.Code == websocket.CloseGoingAway || closed.Code == websocket.CloseServiceRestart {
			return Offline, RelayTrouble, nil
		}
		return Offline, RelayUnreachable, nil
	case errors.Is(err, ErrWrongRelay):
		return Offline, WrongCertificate, nil
	case errors.Is(err, ErrClock):
		return Offline, ClockWrong, nil
	case errors.As(err, &cache):
		return Offline, CacheTrouble, nil
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.ENETDOWN), errors.Is(err, syscall.EHOSTUNREACH),
		errors.As(err, &dns) && !dns.IsNotFound:
		return Offline, NoNetwork, nil
	case errors.Is(err, errSilence), errors.Is(err, wire.ErrMalformed):
		return Offline, RelayTrouble, nil
	}
	return Offline, RelayUnreachable, nil
}

// Link returns how the device stands now.
func (e *Engine) Link() Link {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.link
}

// Watch returns pokes: one at once, and one after each change of Link or Uploads. They carry no data, fold into one while nobody
// looks, and are never lost. They end with ctx; the channel is not closed.
func (e *Engine) Watch(ctx context.Context) <-chan struct{} {
	c := make(chan struct{}, 1)
	c <- struct{}{}
	e.mu.Lock()
	e.watchers[c] = struct{}{}
	e.mu.Unlock()
	context.AfterFunc(ctx, func() {
		e.mu.Lock()
		delete(e.watchers, c)
		e.mu.Unlock()
	})
	return c
}

// setLink shows another state. Since moves only when the state does.
func (e *Engine) setLink(l Link) {
	e.mu.Lock()
	defer e.mu.Unlock()
	l.Since, l.Rewritten = e.link.Since, e.link.Rewritten
	if l.State != e.link.State || l.Since.IsZero() {
		l.Since = time.Now()
	}
	if l == e.link {
		return
	}
	e.link = l
	e.poke()
}

// poke must be called with mu held.
func (e *Engine) poke() {
	for c := range e.watchers {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}
