package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"sealdesk/sync/wire"
)

// Asked returns what the relay asks of the person, and false when it asks nothing. Watch pokes when it changes.
func (e *Engine) Asked() (wire.SignIn, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.asked == nil {
		return wire.SignIn{}, false
	}
	return *e.asked, true
}

// Fresh returns until when the relay counts the person as just seen; the zero time: not at all.
func (e *Engine) Fresh() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.fresh
}

// Passkeys reports whether the person may make a passkey at the relay, as the last welcome said.
func (e *Engine) Passkeys() bool { return e.passkeys.Load() }

// Show gives the relay a credential: to sign in while it asks for that, or as a step-up. It returns when the relay has
// answered; what it said shows in Asked and Fresh. ErrOffline means that there is no connection, or not any more.
func (e *Engine) Show(ctx context.Context, c wire.Credential) error {
	e.showing.Lock()
	defer e.showing.Unlock()
	e.mu.Lock()
	s := e.door
	e.mu.Unlock()
	if s == nil {
		return fmt.Errorf("signing in: %w", ErrOffline)
	}
	select {
	case <-s.verdict: // of an attempt nobody waited for
	default:
	}
	if s.write(wire.Encode(c)) != nil {
		return fmt.Errorf("signing in: %w", ErrOffline)
	}
	select {
	case <-s.verdict:
		return nil
	case <-s.over:
		return fmt.Errorf("signing in: %w", ErrOffline)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// SignOut ends the person's session on this device. The relay then asks for a sign-in.
func (e *Engine) SignOut(context.Context) error {
	s := e.online()
	if s == nil || s.write(wire.Encode(wire.SignOut{})) != nil {
		return fmt.Errorf("signing out: %w", ErrOffline)
	}
	return nil
}

// ErrBrowser means that what the browser was sent to did not answer, or not what was asked.
var ErrBrowser = errors.New("the browser brought no answer")

// Browse signs in with the company's sign-on, or with a passkey, or makes one (RFC 8252): way says which. open must show an
// address in the system's browser; page is what the browser shows at the end, HTML. It returns when the relay has answered, as
// Show does.
func (e *Engine) Browse(ctx context.Context, way wire.Way, open func(address string) error, page string) error {
	asked, ok := e.Asked()
	to := map[wire.Way]*wire.BrowserSignIn{wire.WayBrowser: asked.Browser, wire.WayPasskey: asked.Passkey}[way]
	if !ok || to == nil {
		return fmt.Errorf("signing in: %w", ErrBrowser)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("signing in: %w: %w", ErrBrowser, err)
	}
	verifier := oauth2.GenerateVerifier()
	redirect := "http://" + listener.Addr().String() + "/"
	address, err := url.Parse(to.URL)
	if err != nil {
		listener.Close()
		return fmt.Errorf("signing in: %w", ErrBrowser)
	}
	q := address.Query()
	q.Set("redirect_uri", redirect)
	q.Set("code_challenge", oauth2.S256ChallengeFromVerifier(verifier))
	q.Set("code_challenge_method", "S256")
	address.RawQuery = q.Encode()

	came := make(chan url.Values, 1)
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.URL.Path != "/" || q.Get("state") != to.State { // anybody on this machine may call here
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		io.WriteString(w, page)
		select {
		case came <- q:
		default:
		}
	})}
	go server.Serve(listener)
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		server.Shutdown(end) // the page is still on its way
	}()
	if err := open(address.String()); err != nil {
		return fmt.Errorf("signing in: %w: %w", ErrBrowser, err)
	}
	select {
	case q := <-came:
		if q.Get("code") == "" {
			return fmt.Errorf("signing in: %w", ErrBrowser)
		}
		code := &wire.BrowserCode{Code: q.Get("code"), State: q.Get("state"), Verifier: verifier, Redirect: redirect}
		if way == wire.WayPasskey {
			return e.Show(ctx, wire.Credential{Passkey: code})
		}
		return e.Show(ctx, wire.Credential{Browser: code})
	case <-ctx.Done():
		return ctx.Err()
	}
}

// setAsked shows what the relay asks over a session; nil: nothing.
func (e *Engine) setAsked(s *session, asked *wire.SignIn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked = asked
	e.poke()
	s.answered() // before anybody can see it: Show must not take it for the answer to what it is about to send
}

// setFresh shows until when the person counts as just seen, after which nothing is asked.
func (e *Engine) setFresh(s *session, until time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked, e.fresh = nil, until
	e.poke()
	s.answered()
}

// setDoor notes over which session credentials go; nil when there is none.
func (e *Engine) setDoor(s *session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.door = s; s == nil && e.asked != nil {
		e.asked = nil
		e.poke()
	}
}

// answered tells who waits in Show.
func (s *session) answered() {
	select {
	case s.verdict <- struct{}{}:
	default:
	}
}
