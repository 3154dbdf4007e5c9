package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

const (
	ceremonyLife  = wire.SignInTimeout
	ceremonyTries = 5
	ceremoniesMax = 4096
)

// A ceremony is one passkey being made or shown in a browser, for one connection of one device. The relay is here to that
// device what the company's sign-on is: the browser brings a code to the device's own address, which the device exchanges
// with a verifier of its own, over the connection whose nonce the authenticator signed. It lives in memory, as its connection
// does.
type ceremony struct {
	ticket string
	device Device
	person inbox.PersonID // whose passkey; "": the passkey says
	nonce  string         // of the connection and the device's key
	state  string
	makes  bool
	verify bool // the authenticator must verify its person
	until  time.Time

	// What follows is guarded by ceremonies.mu.
	at       webauthn.SessionData
	redirect string // of the device, and the challenge of its verifier (RFC 7636): of the first who opens the page
	s256     string
	tries    int
	code     string // what the device exchanges; "" until a passkey was made or shown
	got      shownPasskey
}

// A shownPasskey is what came of a ceremony.
type shownPasskey struct {
	person   inbox.PersonID
	id       []byte
	verified bool     // the authenticator verified its person
	made     *passkey // it was made just now, and is not kept yet
}

// ceremonies are those under way, by their ticket.
type ceremonies struct {
	now func() time.Time
	mu  sync.Mutex
	all map[string]*ceremony
}

func newCeremonies(now func() time.Time) *ceremonies {
	return &ceremonies{now: now, all: map[string]*ceremony{}}
}

// begin adds a ceremony in the place of another of the same connection.
func (c *ceremonies) begin(x, before *ceremony) {
	now := c.now()
	x.ticket, x.state, x.until = newState(), newState(), now.Add(ceremonyLife)
	c.mu.Lock()
	defer c.mu.Unlock()
	if before != nil {
		delete(c.all, before.ticket)
	}
	if len(c.all) >= ceremoniesMax {
		for ticket, old := range c.all {
			if !now.Before(old.until) {
				delete(c.all, ticket)
			}
		}
	}
	if len(c.all) < ceremoniesMax { // beyond that a device is told so by its browser
		c.all[x.ticket] = x
	}
}

// find returns a ceremony that may still be opened in a browser.
func (c *ceremonies) find(ticket string) *ceremony {
	c.mu.Lock()
	defer c.mu.Unlock()
	x := c.all[ticket]
	if x == nil || !c.now().Before(x.until) || x.code != "" || x.tries >= ceremonyTries {
		return nil
	}
	return x
}

// redeem exchanges what the browser brought a device for what it was for. It is good once, for one device's verifier, at the
// connection whose nonce was signed.
func (c *ceremonies) redeem(b wire.BrowserCode, nonce string) (shownPasskey, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for ticket, x := range c.all {
		if x.code == "" || subtle.ConstantTimeCompare([]byte(x.code), []byte(b.Code)) != 1 {
			continue
		}
		delete(c.all, ticket)
		verifier := sha256.Sum256([]byte(b.Verifier))
		switch {
		case !c.now().Before(x.until):
			return shownPasskey{}, denied("old")
		case subtle.ConstantTimeCompare([]byte(x.nonce), []byte(nonce)) != 1:
			return shownPasskey{}, denied("nonce")
		case x.redirect != b.Redirect, base64.RawURLEncoding.EncodeToString(verifier[:]) != x.s256:
			return shownPasskey{}, denied("verifier")
		}
		return x.got, nil
	}
	return shownPasskey{}, denied("code")
}

// passkeyAddress is where the browser goes for the passkey this sign-in needs now.
func (s *SignIn) passkeyAddress(k known) *wire.BrowserSignIn {
	x := &ceremony{device: s.device, person: s.person, nonce: s.nonce, makes: s.making, verify: s.claim || s.proved == nil}
	switch {
	case s.making:
		x.verify = s.r.mustShow(k.person.Role)
	case s.claim:
		x.person = "" // who has a passkey is not told to who names somebody
	}
	old := s.shows
	if old != nil && s.r.shows.find(old.ticket) == old && old.person == x.person && old.makes == x.makes && old.verify == x.verify {
		x = old
	} else {
		s.r.shows.begin(x, old)
		s.shows = x
	}
	return &wire.BrowserSignIn{URL: s.r.conf.Passkey.Origin + PasskeyPath + "?ticket=" + x.ticket, State: x.state}
}

// passkey looks at what came back from the relay's own page.
func (s *SignIn) passkey(ctx context.Context, b wire.BrowserCode) (wire.SignIn, bool, error) {
	x := s.shows
	s.shows = nil // an answer is looked at once
	if x == nil || subtle.ConstantTimeCompare([]byte(b.State), []byte(x.state)) != 1 {
		return s.refuse(ctx, "state", wire.TroublePasskey)
	}
	var got shownPasskey
	err := checkBrowserCode(b)
	if err == nil {
		got, err = s.r.shows.redeem(b, s.nonce)
	}
	var no denied
	if errors.As(err, &no) {
		return s.refuse(ctx, string(no), wire.TroublePasskey)
	}
	if err != nil {
		return wire.SignIn{}, false, err
	}
	var v verdict
	err = s.r.db.Update(ctx, Shard, func(tx ledger.Tx) (err error) {
		if got.made != nil {
			v, err = s.made(tx, got)
		} else {
			v, err = s.shown(tx, got)
		}
		return err
	})
	switch {
	case errors.As(err, &no):
		return s.refuse(ctx, string(no), wire.TroublePasskey)
	case err != nil:
		return wire.SignIn{}, false, err
	case v.session == nil:
		return s.refused(ctx, v)
	}
	if s.adds && got.made == nil { // who it is was shown, so that another can be made
		return s.make(ctx)
	}
	return s.done(*v.session)
}

// shown opens a session with a passkey of the person's.
func (s *SignIn) shown(tx ledger.Tx, got shownPasskey) (verdict, error) {
	at := inbox.At(s.r.now())
	if s.claim {
		s.person = got.person
	}
	k, err := s.lookup(tx)
	if err != nil {
		return verdict{}, err
	}
	i := slices.IndexFunc(k.keys, func(p passkey) bool { return string(p.ID) == string(got.id) && p.Copied == 0 })
	switch {
	case k.barred || i < 0 || got.person != s.person || !slices.Contains(k.own, wire.WayPasskey):
		return s.deny(tx, at, k, "passkey", wire.TroublePasskey)
	case !got.verified && (s.proved == nil || k.account.Password == nil || string(k.account.Password.Salt) != string(s.proved)):
		return s.deny(tx, at, k, "unverified", wire.TroublePasskey)
	}
	session, err := s.open(tx, at, "passkey", Session{Way: wire.WayPasskey, Fresh: at.Add(s.r.conf.Fresh)})
	if err != nil {
		return verdict{}, err
	}
	k.account.Failures, k.account.Failed, k.account.Until = 0, 0, 0
	return verdict{session: &session}, put(tx, bucketAccount, []byte(s.person), k.account)
}

// make has a passkey made: all else was shown.
func (s *SignIn) make(ctx context.Context) (wire.SignIn, bool, error) {
	s.making, s.provedAt = true, inbox.At(s.r.now())
	return s.say(ctx, wire.TroubleNone, 0)
}

// made keeps a new passkey, and goes on where the sign-in waited for it.
func (s *SignIn) made(tx ledger.Tx, got shownPasskey) (v verdict, err error) {
	if !s.making || got.person != s.person {
		return v, denied("passkey")
	}
	at := inbox.At(s.r.now())
	k, err := s.lookup(tx)
	if err != nil {
		return v, err
	}
	if k.barred {
		return s.deny(tx, at, k, "changed", wire.TroubleWrong)
	}
	if err := s.keepPasskey(tx, *got.made); err != nil {
		return v, err
	}
	switch {
	case s.adds:
		live, ok, err := liveSession(tx, s.device, at)
		if err == nil && (!ok || live.Person != s.person) {
			err = ErrSignedOut
		}
		return verdict{session: &live}, err
	case s.heard != nil:
		return s.admit(tx, *s.heard)
	}
	return s.settle(tx, "", true, nil)
}

// showing is what a page asks of a browser.
type showing struct {
	Makes   bool
	Device  string // what people call it
	Options any
}

// open makes the challenge of a ceremony: a hash of the connection's nonce, which is bound to the device's key, and of
// something new, so that what is signed is good for this device, this connection and this page. The first who opens the page
// says where the code goes. nil means that there is nothing to be opened.
func (r *Register) openCeremony(ctx context.Context, x *ceremony, redirect, s256 string) (*showing, error) {
	r.shows.mu.Lock()
	bound, to, as := x.redirect != "", x.redirect, x.s256
	r.shows.mu.Unlock()
	raw, err := base64.RawURLEncoding.DecodeString(s256)
	if err != nil || len(raw) != sha256.Size || checkRedirect(redirect) != nil || bound && (to != redirect || as != s256) {
		return nil, nil
	}
	fresh := make([]byte, 32)
	rand.Read(fresh)
	challenge := sha256.Sum256([]byte("sealdesk/passkey/v1\x00" + x.nonce + "\x00" + string(fresh)))
	who, err := r.ownerOf(ctx, x.person)
	if err != nil {
		return nil, err
	}
	verify := protocol.VerificationPreferred
	if x.verify {
		verify = protocol.VerificationRequired
	}
	out := &showing{Makes: x.makes, Device: x.device.Name}
	var at *webauthn.SessionData
	switch {
	case x.makes:
		var options *protocol.CredentialCreation
		options, at, err = r.web.BeginRegistration(who, webauthn.WithExclusions(who.all()), func(o *protocol.PublicKeyCredentialCreationOptions) error {
			o.Challenge = challenge[:]
			o.AuthenticatorSelection = protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementPreferred, UserVerification: verify}
			return nil
		})
		out.Options = options
	case x.person == "":
		var options *protocol.CredentialAssertion
		options, at, err = r.web.BeginDiscoverableLogin(webauthn.WithChallenge(challenge[:]), webauthn.WithUserVerification(verify))
		out.Options = options
	default:
		if len(who.WebAuthnCredentials()) == 0 {
			return nil, nil
		}
		var options *protocol.CredentialAssertion
		options, at, err = r.web.BeginLogin(who, webauthn.WithChallenge(challenge[:]), webauthn.WithUserVerification(verify))
		out.Options = options
	}
	if err != nil {
		return nil, err
	}
	r.shows.mu.Lock()
	defer r.shows.mu.Unlock()
	if x.redirect != "" && (x.redirect != redirect || x.s256 != s256) {
		return nil, nil
	}
	x.at, x.redirect, x.s256 = *at, redirect, s256
	return out, nil
}

// ownerOf returns a person with passkeys; nobody has none.
func (r *Register) ownerOf(ctx context.Context, id inbox.PersonID) (o owner, err error) {
	err = r.db.View(ctx, Shard, func(tx ledger.Tx) (err error) {
		o = owner{}
		if err := perhaps(tx, bucketPerson, []byte(id), &o.person); err != nil {
			return err
		}
		o.keys, err = passkeysOf(tx, id)
		return err
	})
	return o, err
}

// A passkeyAnswer is what a page sends.
type passkeyAnswer struct {
	Ticket     string          `json:"ticket"`
	Name       string          `json:"name"`
	Credential json.RawMessage `json:"credential"`
}

// closeCeremony looks at what an authenticator signed, and returns where the browser brings the code for it.
func (r *Register) closeCeremony(ctx context.Context, x *ceremony, q passkeyAnswer) (to string, err error) {
	r.shows.mu.Lock()
	at := x.at
	x.tries++
	x.at = webauthn.SessionData{} // a challenge is signed once
	r.shows.mu.Unlock()
	if at.Challenge == "" {
		return "", denied("challenge")
	}
	got, err := r.signed(ctx, x, at, q)
	if err != nil {
		return "", err
	}
	r.shows.mu.Lock()
	defer r.shows.mu.Unlock()
	if x.code != "" {
		return "", denied("again")
	}
	x.got, x.code = got, newState()
	return x.redirect + "?" + url.Values{"code": {x.code}, "state": {x.state}}.Encode(), nil
}

// signed checks an answer to the challenge of a ceremony. Errors: denied, the ledger's.
func (r *Register) signed(ctx context.Context, x *ceremony, at webauthn.SessionData, q passkeyAnswer) (shownPasskey, error) {
	if x.makes {
		who, err := r.ownerOf(ctx, x.person)
		if err != nil {
			return shownPasskey{}, err
		}
		answer, err := protocol.ParseCredentialCreationResponseBytes(q.Credential)
		if err != nil {
			return shownPasskey{}, denied("malformed")
		}
		c, err := r.web.CreateCredential(who, at, answer)
		if err != nil {
			return shownPasskey{}, whyNot(answer.Response.CollectedClientData, r.conf.Passkey.Origin)
		}
		p := newPasskey(c, q.Name, inbox.At(r.now()))
		return shownPasskey{person: x.person, id: p.ID, verified: c.Flags.UserVerified, made: &p}, nil
	}
	answer, err := protocol.ParseCredentialRequestResponseBytes(q.Credential)
	if err != nil {
		return shownPasskey{}, denied("malformed")
	}
	person, look := x.person, error(nil)
	if person == "" {
		person = inbox.PersonID(answer.Response.UserHandle)
	}
	who, err := r.ownerOf(ctx, person)
	if err != nil {
		return shownPasskey{}, err
	}
	if x.person == "" {
		_, _, look = r.web.ValidatePasskeyLogin(func([]byte, []byte) (webauthn.User, error) { return who, nil }, at, answer)
	} else {
		_, look = r.web.ValidateLogin(who, at, answer)
	}
	if look != nil {
		return shownPasskey{}, whyNot(answer.Response.CollectedClientData, r.conf.Passkey.Origin)
	}
	data := answer.Response.AuthenticatorData
	ok, err := r.counted(ctx, x.device.ID, person, answer.RawID, data.Counter)
	switch {
	case err != nil:
		return shownPasskey{}, err
	case !ok:
		r.conf.Log.Warn("a passkey counted backwards: there may be two of it", "person", string(person))
		return shownPasskey{}, denied("copied")
	}
	return shownPasskey{person: person, id: answer.RawID, verified: data.Flags.HasUserVerified()}, nil
}

// whyNot is a word for the audit. What the library says may quote the answer.
func whyNot(said protocol.CollectedClientData, origin string) error {
	if !strings.EqualFold(said.Origin, origin) {
		return denied("origin")
	}
	return denied("signature")
}

// refusedCeremony writes down that what a browser brought was not enough. It delays nobody: there is nothing to be guessed.
func (r *Register) refusedCeremony(ctx context.Context, x *ceremony, why denied) error {
	return r.db.Update(ctx, Shard, func(tx ledger.Tx) error {
		return audit.Record(tx, audit.Entry{
			At: inbox.At(r.now()), Actor: x.person, Device: x.device.ID, Act: ActSignInRefused, Object: string(x.device.ID),
			Refused: inbox.RefusedRight, Detail: "passkey-" + string(why),
		})
	})
}

// finish is the handler of what a page sends.
func (r *Register) finishPasskey(w http.ResponseWriter, q *http.Request) {
	var a passkeyAnswer
	say := func(status int, body map[string]string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(body)
	}
	// Only our own page may send it, and it says so: a browser never leaves the header out of such a request.
	if !strings.EqualFold(q.Header.Get("Origin"), r.conf.Passkey.Origin) || q.Header.Get("Content-Type") != "application/json" {
		say(http.StatusForbidden, map[string]string{"why": "no"})
		return
	}
	if json.NewDecoder(http.MaxBytesReader(w, q.Body, 64<<10)).Decode(&a) != nil {
		say(http.StatusBadRequest, map[string]string{"why": "no"})
		return
	}
	x := r.shows.find(a.Ticket)
	if x == nil {
		say(http.StatusGone, map[string]string{"why": "over"})
		return
	}
	to, err := r.closeCeremony(q.Context(), x, a)
	var no denied
	switch {
	case errors.As(err, &no):
		r.conf.Log.Warn("a passkey was refused", "device", string(x.device.ID), "why", string(no))
		why := "no"
		if no == "copied" {
			why = "copied"
		}
		if err := r.refusedCeremony(q.Context(), x, no); err != nil {
			r.conf.Log.Error("a refused passkey cannot be written down", "error", err)
		}
		say(http.StatusForbidden, map[string]string{"why": why})
	case err != nil:
		r.conf.Log.Error("a passkey cannot be looked at", "error", err)
		say(http.StatusServiceUnavailable, map[string]string{"why": "later"})
	default:
		say(http.StatusOK, map[string]string{"to": to})
	}
}
