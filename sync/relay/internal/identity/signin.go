package identity

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

// A SignIn is one connection's way to a session, or to a step-up of the one it has. It remembers between two credentials
// what was shown already. It is not safe for concurrent use.
type SignIn struct {
	r      *Register
	device Device
	person inbox.PersonID
	from   string
	up     bool
	begun  inbox.Moment
	nonce  string
	state  string

	proved   []byte // salt of the password that was shown, or will be set
	provedAt inbox.Moment
	fresh    *password // to be set when all is shown
	offer    *second   // being set up
	show     *wire.SecondFactor
	second   bool     // a second factor was shown
	how      string   // with what, for the audit
	codes    []string // recovery codes to be kept

	claim  bool      // the device is nobody's: who is there, the credential says
	named  string    // by the last one, in one form
	adds   bool      // a passkey is to be made once it was shown who is there
	making bool      // all else was shown: a passkey is made now
	heard  *answer   // of the sign-on, while one is made
	shows  *ceremony // what the browser was sent to do

	together bool // password and code came in one credential: which of them is wrong is not told
	got      *Session
}

// NewSignIn begins to sign a person in on a device whose key was just proven, over the connection's challenge. from is the
// address of the other end, with or without a port: failures from there delay; "" never does.
func (r *Register) NewSignIn(d Device, p inbox.Person, challenge []byte, from string) *SignIn {
	return r.newSignIn(d, p, challenge, from, false)
}

// NewStepUp begins a step-up: the person who is signed in on the device shows again who is there.
func (r *Register) NewStepUp(d Device, p inbox.Person, challenge []byte, from string) *SignIn {
	return r.newSignIn(d, p, challenge, from, true)
}

func (r *Register) newSignIn(d Device, p inbox.Person, challenge []byte, from string, up bool) *SignIn {
	nonce := sha256.Sum256(slices.Concat(challenge, d.Key))
	return &SignIn{
		r: r, device: d, person: p.ID, from: place(from), up: up, begun: inbox.At(r.now()), how: "password",
		nonce: base64.RawURLEncoding.EncodeToString(nonce[:]), state: newState(),
	}
}

func newState() string {
	raw := make([]byte, 24)
	rand.Read(raw)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// Session returns the session once [SignIn.Try] was done; the zero value before. After a step-up its Fresh is what
// [wire.Confirmed] says.
func (s *SignIn) Session() Session {
	if s.got == nil {
		return Session{}
	}
	return *s.got
}

// Ask returns what the device is told first. Errors are trouble of the relay.
func (s *SignIn) Ask(ctx context.Context) (wire.SignIn, error) {
	s.forgetStale()
	next, _, err := s.say(ctx, wire.TroubleNone, 0)
	return next, err
}

// begin asks for what is needed first. Somebody who was just seen need not show who is there to make a passkey.
func (s *SignIn) begin(ctx context.Context, adds bool) (wire.SignIn, bool, error) {
	if s.adds = adds && s.up && s.r.web != nil; s.adds {
		live, ok, err := s.r.Session(ctx, s.device.ID)
		if err != nil {
			return wire.SignIn{}, false, err
		}
		if left := live.Fresh.Sub(inbox.At(s.r.now())); ok && live.Person == s.person && left > 0 && left <= s.r.conf.Fresh {
			return s.make(ctx)
		}
	}
	return s.say(ctx, wire.TroubleNone, 0)
}

// Try looks at a credential. It returns what the device is told next, or true when the person is signed in. Errors:
// [ErrSignedOut] for a step-up of a session that ended; any other is trouble of the relay.
func (s *SignIn) Try(ctx context.Context, c wire.Credential) (next wire.SignIn, done bool, err error) {
	if s.got != nil {
		return wire.SignIn{}, true, nil
	}
	s.forgetStale()
	if c.Begin {
		if s.up {
			s.forget() // a step-up that was given up counts for nothing
		}
		return s.begin(ctx, c.Adds)
	}
	if s.claim {
		if s.calls(c.Name); !s.r.unclaimed.tries.AllowN(s.r.now(), 1) {
			return s.say(ctx, wire.TroubleBusy, seconds(busyDelay))
		}
	}
	if who := s.who(); !s.r.door.enter(who) {
		return s.say(ctx, wire.TroubleBusy, 1)
	} else {
		defer s.r.door.leave(who)
	}
	k, err := s.look(ctx)
	if err != nil {
		return wire.SignIn{}, false, err
	}
	if wait := max(s.delay(k), seconds(s.r.door.wait(s.from))); wait > 0 {
		return s.say(ctx, wire.TroubleBusy, wait)
	}
	switch way := wayOf(c); {
	case s.making && way != wire.WayPasskey, !s.making && !slices.Contains(k.ways, way):
		return s.refuse(ctx, "way", wire.TroubleWrong)
	case way == wire.WayBrowser:
		next, done, err = s.browser(ctx, *c.Browser)
	case way == wire.WayPasskey:
		next, done, err = s.passkey(ctx, *c.Passkey)
	default:
		next, done, err = s.local(ctx, k, c)
	}
	switch {
	case errors.Is(err, errBusy):
		return s.say(ctx, wire.TroubleBusy, seconds(busyDelay))
	case errors.Is(err, errMany):
		s.forget()
		return s.refuse(ctx, "devices", wire.TroubleDevices)
	}
	return next, done, err
}

func wayOf(c wire.Credential) wire.Way {
	switch {
	case c.Browser != nil:
		return wire.WayBrowser
	case c.Passkey != nil:
		return wire.WayPasskey
	}
	return wire.WayPassword
}

// errMany means that the person has as many devices as policy allows.
var errMany = errors.New("the person has as many devices as may be")

// calls notes who is there by a name, on a device that is nobody's. What was shown for another name counts no more.
func (s *SignIn) calls(name string) {
	name = strings.ToLower(strings.Join(strings.Fields(name), " "))
	if name == "" || name == s.named {
		return
	}
	s.forget()
	s.named, s.person = name, ""
}

// who is whose attempts are looked at one after the other, and whose failures delay. A name counts the same whether or not
// somebody has it; and who only knows a name delays nobody on a device of his own.
func (s *SignIn) who() string {
	if s.claim {
		return "name " + s.named
	}
	return "person " + string(s.person)
}

// delay returns the seconds until something is looked at.
func (s *SignIn) delay(k known) int {
	if s.claim {
		return seconds(s.r.door.wait(s.who()))
	}
	return k.account.wait(inbox.At(s.r.now()))
}

// known is what the ledger says of the person on the device.
type known struct {
	person  inbox.Person
	account account
	on      SignOn
	keys    []passkey
	own     []wire.Way // of the person
	ways    []wire.Way // that are offered
	barred  bool       // cannot sign in, whatever is shown
	shut    bool       // no password counts, right or not
}

func (s *SignIn) look(ctx context.Context) (k known, err error) {
	err = s.r.db.View(ctx, Shard, func(tx ledger.Tx) error {
		k, err = s.lookup(tx)
		return err
	})
	return k, err
}

// lookup never says who is not there: a stranger, and who has left, look like somebody with a password.
func (s *SignIn) lookup(tx ledger.Tx) (k known, err error) {
	if k.barred, err = s.strange(tx); err != nil {
		return k, err
	}
	switch err := get(tx, bucketPerson, []byte(s.person), &k.person, ErrNoPerson); {
	case errors.Is(err, ErrNoPerson):
		k.barred = true
	case err != nil:
		return k, err
	}
	if k.person.Left != 0 {
		k.barred = true
	}
	if err := perhaps(tx, bucketAccount, []byte(s.person), &k.account); err != nil {
		return k, err
	}
	if err := perhaps(tx, bucketSignOn, []byte(s.person), &k.on); err != nil {
		return k, err
	}
	if k.keys, err = passkeysOf(tx, s.person); err != nil {
		return k, err
	}
	k.own = s.r.waysOf(k.person.Role, k.on, len(k.keys) > 0, s.up)
	if k.ways = k.own; s.claim {
		// What is set up on a first device of one's own is not set up here: a name is no secret.
		k.ways = s.r.claimWays()
		k.shut = !slices.Contains(k.own, wire.WayPassword) || k.account.Password == nil || k.account.Second == nil
	}
	return k, nil
}

// strange reports whether the device is not the person's. Whoever called a name on one that is nobody's is looked for.
func (s *SignIn) strange(tx ledger.Tx) (bool, error) {
	if !s.claim {
		var d Device
		err := get(tx, bucketDevice, []byte(s.device.ID), &d, ErrNoDevice)
		if errors.Is(err, ErrNoDevice) {
			return true, nil
		}
		return d.Revoked != 0 || d.Person != s.person, err
	}
	if s.person == "" && s.named != "" {
		for _, row := range tx.Scan(bucketPerson, nil, nil) {
			var p inbox.Person
			if cbor.Unmarshal(row, &p) != nil {
				return true, errRow
			}
			if strings.ToLower(p.Name) == s.named {
				s.person = p.ID
			}
		}
	}
	_, waits := s.r.Unclaimed(s.device.ID)
	return !waits, tx.Err()
}

// need says what must be given next.
func (s *SignIn) need(k known) wire.Need {
	switch {
	case s.making && !k.barred:
		return wire.NeedPasskey
	case k.barred || !slices.Contains(k.ways, wire.WayPassword):
		return wire.NeedPassword
	case s.codes != nil:
		return wire.NeedKept
	case s.offer != nil:
		return wire.NeedSecond
	case s.proved != nil:
		return wire.NeedCode
	case k.account.Password == nil && !s.claim:
		return wire.NeedNew
	}
	return wire.NeedPassword
}

// say tells the device what is needed now.
func (s *SignIn) say(ctx context.Context, trouble wire.SignInTrouble, wait int) (wire.SignIn, bool, error) {
	k, err := s.look(ctx)
	if err != nil {
		return wire.SignIn{}, false, err
	}
	next := wire.SignIn{Name: k.person.Name, Ways: k.ways, Need: s.need(k), Trouble: trouble, Wait: wait}
	if s.claim {
		next.Name = "" // a name that was called right is not said back
	}
	if r := s.r; r.web != nil && (next.Need == wire.NeedPasskey || slices.Contains(k.ways, wire.WayPasskey)) {
		next.Passkey = s.passkeyAddress(k)
	}
	switch next.Need {
	case wire.NeedSecond:
		next.Second = s.show
	case wire.NeedKept:
		next.Recovery = s.codes
	}
	if slices.Contains(k.ways, wire.WayBrowser) {
		address, err := s.r.sso.address(ctx, s.nonce, s.state, s.up)
		switch {
		case err == nil:
			next.Browser = &wire.BrowserSignIn{URL: address, State: s.state}
		case trouble == wire.TroubleNone:
			s.r.conf.Log.Warn("the company's sign-on cannot be asked", "error", err)
			next.Trouble = wire.TroubleBrowser
		}
	}
	return next, false, nil
}

// local looks at a credential of the relay's own account.
func (s *SignIn) local(ctx context.Context, k known, c wire.Credential) (wire.SignIn, bool, error) {
	switch s.need(k) {
	case wire.NeedKept:
		if c != (wire.Credential{}) {
			return s.say(ctx, wire.TroubleNone, 0)
		}
		return s.finish(ctx, c.Code, true)
	case wire.NeedSecond:
		return s.confirm(ctx, c.Code)
	case wire.NeedNew:
		if c.New != "" {
			return s.choose(ctx, k, c.New, c.Code)
		}
	case wire.NeedCode:
		if c.Password == "" || s.fresh != nil && k.account.Password == nil {
			s.together = false
			return s.finish(ctx, c.Code, false)
		}
	}
	right, err := s.r.hash.is(ctx, k.account.Password, c.Password)
	if err != nil {
		return wire.SignIn{}, false, err
	}
	if !right || k.barred || k.shut {
		s.proved, s.fresh = nil, nil
		return s.refuse(ctx, "password", wire.TroubleWrong)
	}
	if c.New != "" {
		s.proved = nil
		if weak(c.New, s.r.conf.Company, k.person.Name, k.on.Email) {
			return s.say(ctx, wire.TroubleWeak, 0)
		}
		if s.fresh, err = s.r.hash.make(ctx, c.New, inbox.At(s.r.now())); err != nil {
			return wire.SignIn{}, false, err
		}
	}
	s.provedAt = inbox.At(s.r.now())
	s.proved, s.together = k.account.Password.Salt, c.Code != ""
	return s.finish(ctx, c.Code, false)
}

// choose takes the first password of an account.
func (s *SignIn) choose(ctx context.Context, k known, text, code string) (wire.SignIn, bool, error) {
	if weak(text, s.r.conf.Company, k.person.Name, k.on.Email) {
		return s.say(ctx, wire.TroubleWeak, 0)
	}
	fresh, err := s.r.hash.make(ctx, text, inbox.At(s.r.now()))
	if err != nil {
		return wire.SignIn{}, false, err
	}
	s.fresh, s.proved, s.provedAt = fresh, fresh.Salt, inbox.At(s.r.now())
	return s.finish(ctx, code, false)
}

// A verdict is what one transaction made of what was shown.
type verdict struct {
	session *Session
	offer   bool // a second factor must be set up first
	passkey bool // a passkey must be made first
	codes   bool // the new recovery codes must be kept first
	shown   bool // the code was right
	set     bool // the new password was written
	how     string
	refused string // what was wrong, for the audit
	trouble wire.SignInTrouble
}

// finish signs in if all was shown that must be, in one transaction: what it costs, what it changes and what is recorded.
func (s *SignIn) finish(ctx context.Context, code string, kept bool) (wire.SignIn, bool, error) {
	codes, hashes := newRecovery(s.person)
	var v verdict
	err := s.r.db.Update(ctx, Shard, func(tx ledger.Tx) (err error) {
		v, err = s.settle(tx, code, kept, hashes)
		return err
	})
	if err != nil {
		return wire.SignIn{}, false, err
	}
	if s.second = s.second || v.shown; v.shown {
		s.how = v.how
	}
	if v.set {
		s.proved, s.fresh = s.fresh.Salt, nil
	}
	switch {
	case v.refused != "":
		return s.refused(ctx, v)
	case v.codes:
		s.codes = codes
	case v.offer:
		return s.setUp(ctx)
	case v.passkey:
		return s.make(ctx)
	case v.session != nil && s.adds:
		return s.make(ctx)
	case v.session != nil:
		return s.done(*v.session)
	}
	return s.say(ctx, wire.TroubleNone, 0) // a code is needed beside the password
}

func (s *SignIn) settle(tx ledger.Tx, code string, kept bool, hashes [][]byte) (v verdict, err error) {
	now := s.r.now()
	at := inbox.At(now)
	k, err := s.lookup(tx)
	if err != nil {
		return v, err
	}
	a := &k.account
	// What was shown must still be what counts: IT may have reset it since.
	if k.barred || k.shut || a.Password == nil && s.fresh == nil || a.Password != nil && !bytes.Equal(a.Password.Salt, s.proved) {
		return s.deny(tx, at, k, "changed", wire.TroubleWrong)
	}
	v.how = "password"
	if a.Second != nil && !s.second {
		switch step, how := a.Second.fit(code, now); {
		case code == "":
			return verdict{}, nil
		case looksLikeRecovery(code):
			if !a.takeRecovery(s.person, code) {
				return s.deny(tx, at, k, "recovery", wire.TroubleWrong)
			}
			v.how = "recovery"
			a.Kept = a.Kept && len(a.Recovery) > 0 // the last one was used: there must be others
		case how == fitsUsed:
			return s.deny(tx, at, k, "used", wire.TroubleUsed)
		case how == fitsNot:
			return s.deny(tx, at, k, "code", wire.TroubleWrong)
		default:
			a.Second.Step = step
		}
		v.shown = true
	}
	who := By{Person: s.person, Device: s.device.ID}
	if s.fresh != nil && (a.Password == nil || !bytes.Equal(a.Password.Salt, s.fresh.Salt)) {
		a.Password, v.set = s.fresh, true
		if err := who.record(tx, at, ActPasswordSet, string(s.person), ""); err != nil {
			return v, err
		}
	}
	switch {
	case a.Second == nil && s.r.conf.SecondFactor && !s.r.mustShow(k.person.Role):
		v.offer = true
	case a.Second != nil && !a.Kept && !kept:
		a.Recovery, v.codes = hashes, true
	default:
		if a.Second != nil && !a.Kept {
			a.Kept = true
			if err := who.record(tx, at, ActRecoveryKept, string(s.person), ""); err != nil {
				return v, err
			}
		}
		if v.passkey = s.r.mustShow(k.person.Role) && len(k.keys) == 0; v.passkey {
			break // nothing else will do for this role
		}
		a.Failures, a.Failed, a.Until = 0, 0, 0
		how := s.how
		if v.shown {
			how = v.how
		}
		session, err := s.open(tx, at, how, Session{Way: wire.WayPassword, Fresh: at.Add(s.r.conf.Fresh)})
		if err != nil {
			return v, err
		}
		v.session = &session
	}
	return v, put(tx, bucketAccount, []byte(s.person), a)
}

// open writes the session, or the step-up of the one there is.
func (s *SignIn) open(tx ledger.Tx, at inbox.Moment, how string, session Session) (Session, error) {
	act := ActSignedIn
	if s.claim {
		if err := s.take(tx, at); err != nil {
			return Session{}, err
		}
	}
	session.Device, session.Person, session.Since, session.Until = s.device.ID, s.person, at, at.Add(s.r.conf.Session)
	if s.up {
		act = ActSteppedUp
		old, live, err := liveSession(tx, s.device, at)
		if err == nil && (!live || old.Person != s.person) {
			err = ErrSignedOut
		}
		if err != nil {
			return Session{}, err
		}
		old.Fresh = session.Fresh
		if session.SID != "" {
			old.SID = session.SID
		}
		session = old
	}
	session.Fresh = min(session.Fresh, session.Until)
	if err := put(tx, bucketSession, []byte(s.device.ID), session); err != nil {
		return Session{}, err
	}
	who := By{Person: s.person, Device: s.device.ID}
	return session, who.record(tx, at, act, string(s.device.ID), how)
}

func (s *SignIn) done(session Session) (wire.SignIn, bool, error) {
	s.got = &session
	s.r.door.passed(s.from)
	if s.claim {
		s.r.door.passed(s.who())
		s.r.unclaimed.drop(s.device.ID)
	}
	// Nothing of this is needed again.
	s.forget()
	return wire.SignIn{}, true, nil
}

// forget drops what was shown so far.
func (s *SignIn) forget() {
	s.proved, s.fresh, s.offer, s.show, s.codes, s.second = nil, nil, nil, nil, nil, false
	s.making, s.heard, s.how = false, nil, "password"
}

// forgetStale drops what was shown so long ago that somebody else may sit there now: a connection may last for hours.
func (s *SignIn) forgetStale() {
	if (s.proved != nil || s.making) && inbox.At(s.r.now()).Sub(s.provedAt) > wire.SignInTimeout {
		s.forget()
	}
}

// setUp offers a second factor.
func (s *SignIn) setUp(ctx context.Context) (wire.SignIn, bool, error) {
	k, err := s.look(ctx)
	if err != nil {
		return wire.SignIn{}, false, err
	}
	offer, show, err := newSecond(s.r.conf.Company, k.person.Name)
	if err != nil {
		return wire.SignIn{}, false, err
	}
	s.offer, s.show = &offer, &show
	return s.say(ctx, wire.TroubleNone, 0)
}

// confirm takes the first code of the second factor being set up. A wrong one is no failure: the secret is on the screen.
func (s *SignIn) confirm(ctx context.Context, code string) (wire.SignIn, bool, error) {
	now := s.r.now()
	step, how := s.offer.fit(code, now)
	switch {
	case code == "":
		return s.say(ctx, wire.TroubleNone, 0)
	case how == fitsNot:
		return s.say(ctx, wire.TroubleWrong, 0)
	}
	codes, hashes := newRecovery(s.person)
	var v verdict
	err := s.r.db.Update(ctx, Shard, func(tx ledger.Tx) error {
		v = verdict{}
		k, err := s.lookup(tx)
		if err != nil {
			return err
		}
		a, at := &k.account, inbox.At(now)
		if k.barred || a.Second != nil || a.Password == nil || !bytes.Equal(a.Password.Salt, s.proved) {
			v, err = s.deny(tx, at, k, "changed", wire.TroubleWrong)
			return err
		}
		a.Second, a.Recovery, a.Kept = &second{Secret: s.offer.Secret, Step: step, Set: at}, hashes, false
		if err := (By{Person: s.person, Device: s.device.ID}).record(tx, at, ActSecondSet, string(s.person), ""); err != nil {
			return err
		}
		return put(tx, bucketAccount, []byte(s.person), a)
	})
	switch {
	case err != nil:
		return wire.SignIn{}, false, err
	case v.refused != "":
		return s.refused(ctx, v)
	}
	s.offer, s.show, s.second, s.codes = nil, nil, true, codes
	return s.say(ctx, wire.TroubleNone, 0)
}

// refuse counts and records a failure, and says so.
func (s *SignIn) refuse(ctx context.Context, why string, trouble wire.SignInTrouble) (wire.SignIn, bool, error) {
	var v verdict
	err := s.r.db.Update(ctx, Shard, func(tx ledger.Tx) error {
		k, err := s.lookup(tx)
		if err == nil {
			v, err = s.deny(tx, inbox.At(s.r.now()), k, why, trouble)
		}
		return err
	})
	if err != nil {
		return wire.SignIn{}, false, err
	}
	return s.refused(ctx, v)
}

// deny writes a failure down. A code that was right but used is recorded, and does not delay.
func (s *SignIn) deny(tx ledger.Tx, at inbox.Moment, k known, why string, trouble wire.SignInTrouble) (verdict, error) {
	if trouble != wire.TroubleUsed && k.person.ID != "" && !s.claim {
		// The row as it is, not as what was shown would have made it.
		var a account
		if err := perhaps(tx, bucketAccount, []byte(s.person), &a); err != nil {
			return verdict{}, err
		}
		a.fail(at)
		if err := put(tx, bucketAccount, []byte(s.person), a); err != nil {
			return verdict{}, err
		}
	}
	act := ActSignInRefused
	if s.up {
		act = ActStepUpRefused
	}
	return verdict{refused: why, trouble: trouble}, audit.Record(tx, audit.Entry{
		At: at, Actor: s.person, Device: s.device.ID, Act: act, Object: string(s.device.ID), Refused: inbox.RefusedRight, Detail: why,
	})
}

// refused says what a denied credential was not, and how long to wait.
func (s *SignIn) refused(ctx context.Context, v verdict) (wire.SignIn, bool, error) {
	if s.together && v.trouble == wire.TroubleWrong {
		s.proved, s.fresh = nil, nil
	}
	if v.refused == "changed" {
		s.forget()
	}
	if s.claim && s.proved == nil {
		s.person = "" // by the name again, whoever a browser said it was
	}
	k, err := s.look(ctx)
	if err != nil {
		return wire.SignIn{}, false, err
	}
	if v.trouble != wire.TroubleUsed && s.claim {
		s.r.door.failed(s.who(), longestDelay)
	}
	wait := s.delay(k)
	if v.trouble != wire.TroubleUsed {
		wait = max(wait, seconds(s.r.door.failed(s.from, addressDelay)))
	}
	return s.say(ctx, v.trouble, wait)
}

// seconds rounds up, so that who waits that long has waited long enough.
func seconds(d time.Duration) int { return int(max(0, d+time.Second-1) / time.Second) }
