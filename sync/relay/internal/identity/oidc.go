package identity

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/fxamacker/cbor/v2"
	"golang.org/x/oauth2"
	"golang.org/x/text/unicode/norm"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

// Errors of the company's sign-on.
var (
	// ErrSignOn means that somebody else has that subject or address at the sign-on, or that it cannot be one.
	ErrSignOn = errors.New("not a sign-on that this person can have")
	// ErrSignOnAway means that the sign-on gives no answer that can be used, now.
	ErrSignOnAway = errors.New("the company's sign-on cannot be asked")
)

const (
	discoverAgain = 5 * time.Second  // after it failed
	seenSlack     = 30 * time.Second // that the provider's clock may be behind ours
)

// denied is the sign-on's no, or ours to its answer: a word for the audit.
type denied string

func (d denied) Error() string { return "the company's sign-on says no: " + string(d) }

// A signOn asks the company's OpenID provider.
type signOn struct {
	conf    OIDCConfig
	now     func() time.Time
	one     chan struct{} // held by who looks for the provider
	polling chan struct{} // held by who polls
	hearing chan struct{} // held by who reads a logout token

	// Guarded by one.
	found  *oidc.Provider
	style  oauth2.AuthStyle
	failed time.Time
}

func newSignOn(conf OIDCConfig, now func() time.Time) *signOn {
	return &signOn{conf: conf, now: now, one: make(chan struct{}, 1), polling: make(chan struct{}, 1), hearing: make(chan struct{}, 4)}
}

// provider returns the provider, found by its address (OpenID Connect Discovery 1.0). It may be away when the relay
// starts. Errors: [ErrSignOnAway], or that of ctx.
func (o *signOn) provider(ctx context.Context) (*oidc.Provider, oauth2.AuthStyle, error) {
	select {
	case o.one <- struct{}{}:
		defer func() { <-o.one }()
	case <-ctx.Done():
		return nil, 0, ctx.Err()
	}
	if o.found != nil {
		return o.found, o.style, nil
	}
	if since := o.now().Sub(o.failed); since >= 0 && since < discoverAgain {
		return nil, 0, ErrSignOnAway
	}
	p, err := oidc.NewProvider(o.client(ctx), o.conf.Issuer)
	var meta struct {
		Methods []string `json:"token_endpoint_auth_methods_supported"`
		Modes   []string `json:"code_challenge_methods_supported"`
	}
	if err == nil {
		err = p.Claims(&meta)
	}
	if err == nil {
		at := p.Endpoint()
		err = errors.Join(checkSecure(at.AuthURL), checkSecure(at.TokenURL))
	}
	if err != nil {
		o.failed = o.now()
		return nil, 0, ErrSignOnAway // the text of the reason may quote an answer
	}
	o.found, o.style = p, oauth2.AuthStyleInHeader
	if o.conf.Secret == "" || meta.Methods != nil && !slices.Contains(meta.Methods, "client_secret_basic") {
		o.style = oauth2.AuthStyleInParams
	}
	return o.found, o.style, nil
}

func (o *signOn) client(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, o.conf.HTTP)
}

func (o *signOn) oauth(ctx context.Context, redirect string) (*oidc.Provider, *oauth2.Config, error) {
	p, style, err := o.provider(ctx)
	if err != nil {
		return nil, nil, err
	}
	at := p.Endpoint()
	at.AuthStyle = style
	return p, &oauth2.Config{ClientID: o.conf.Client, ClientSecret: o.conf.Secret, Endpoint: at, RedirectURL: redirect, Scopes: o.conf.Scopes}, nil
}

// address returns where the browser goes: all of an authentication request (Core section 3.1.2.1) but redirect_uri and
// code_challenge, which are the device's to add. A step-up asks for a new sign-in there.
func (o *signOn) address(ctx context.Context, nonce, state string, up bool) (string, error) {
	_, conf, err := o.oauth(ctx, "")
	if err != nil {
		return "", err
	}
	opts := []oauth2.AuthCodeOption{oidc.Nonce(nonce), oauth2.SetAuthURLParam("code_challenge_method", "S256")}
	prompt := strings.Fields(o.conf.Prompt)
	if up {
		opts = append(opts, oauth2.SetAuthURLParam("max_age", "0"))
		prompt = append(slices.DeleteFunc(prompt, func(p string) bool { return p == "none" || p == "login" || p == "select_account" }), "login")
	} else {
		// Asked for only so that auth_time comes back (Core section 2): sign-ins older than the session would be are not
		// taken for one.
		opts = append(opts, oauth2.SetAuthURLParam("max_age", strconv.Itoa(int(longestSession/time.Second))))
	}
	if len(prompt) > 0 {
		opts = append(opts, oauth2.SetAuthURLParam("prompt", strings.Join(prompt, " ")))
	}
	return conf.AuthCodeURL(state, opts...), nil
}

// An answer is what the sign-on says of somebody.
type answer struct {
	subject  string
	sid      string
	email    string // "" unless it is the person's
	groups   bool   // in one of those asked for
	seen     time.Time
	refresh  string
	lifetime time.Duration // of the refresh token; 0 is not told
}

// redeem exchanges a code for what the sign-on says of who is there. It is good for one nonce only. Errors: denied,
// [ErrSignOnAway], or that of ctx.
func (o *signOn) redeem(ctx context.Context, b wire.BrowserCode, nonce string) (answer, error) {
	p, conf, err := o.oauth(ctx, b.Redirect)
	if err != nil {
		return answer{}, err
	}
	token, err := conf.Exchange(o.client(ctx), b.Code, oauth2.VerifierOption(b.Verifier))
	if err != nil {
		return answer{}, asked(ctx, err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := o.verify(ctx, p, token, raw)
	if err != nil {
		return answer{}, err
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(nonce)) != 1 {
		return answer{}, denied("nonce")
	}
	return o.read(ctx, p, token, id)
}

// refresh asks whether a grant still holds, and what the sign-on says now. Errors: denied, [ErrSignOnAway], or that of ctx.
func (o *signOn) refresh(ctx context.Context, subject, refresh string) (answer, error) {
	p, conf, err := o.oauth(ctx, "")
	if err != nil {
		return answer{}, errors.Join(errNotSent, err)
	}
	token, err := conf.TokenSource(o.client(ctx), &oauth2.Token{RefreshToken: refresh}).Token()
	if err != nil {
		return answer{}, asked(ctx, err)
	}
	a := answer{subject: subject, groups: true, refresh: token.RefreshToken, lifetime: lifetime(token)}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" && len(o.conf.Groups) == 0 {
		return a, nil
	}
	var id *oidc.IDToken
	if raw != "" { // Core section 12.2: it may be missing
		if id, err = o.verify(ctx, p, token, raw); err != nil {
			return a, ErrSignOnAway // an answer we do not understand is not its no
		}
		if id.Subject != subject {
			return a, ErrSignOnAway
		}
	}
	if len(o.conf.Groups) > 0 {
		heard, err := o.read(ctx, p, token, id)
		if err != nil || heard.subject != subject {
			return a, errors.Join(ErrSignOnAway, ctx.Err())
		}
		a.groups = heard.groups
	}
	return a, nil
}

// errNotSent means that a refresh never left, so that the grant is as it was.
var errNotSent = errors.New("not sent")

// asked says what an error of the token endpoint means. Its text is dropped: it may quote the answer.
func asked(ctx context.Context, err error) error {
	var said *oauth2.RetrieveError
	var op *net.OpError
	switch {
	case errors.As(err, &said) && said.ErrorCode == "invalid_grant":
		return denied("grant")
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &said) && said.ErrorCode != "":
		return errors.Join(ErrSignOnAway, errNotSent) // it refused the request, not the grant
	case errors.As(err, &op) && op.Op == "dial":
		return errors.Join(ErrSignOnAway, errNotSent)
	}
	return ErrSignOnAway
}

// verify checks an ID token (Core section 3.1.3.7), but for the nonce.
func (o *signOn) verify(ctx context.Context, p *oidc.Provider, token *oauth2.Token, raw string) (*oidc.IDToken, error) {
	if raw == "" {
		return nil, denied("no-token")
	}
	id, err := p.Verifier(&oidc.Config{ClientID: o.conf.Client, Now: o.now}).Verify(ctx, raw)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, denied("token")
	}
	var more struct {
		Party string `json:"azp"`
	}
	if id.Claims(&more) != nil || more.Party != "" && more.Party != o.conf.Client || len(id.Audience) > 1 && more.Party == "" {
		return nil, denied("audience")
	}
	if id.AccessTokenHash != "" && id.VerifyAccessToken(token.AccessToken) != nil {
		return nil, denied("token")
	}
	return id, nil
}

// read takes what we need from an ID token, which may be nil, and from the UserInfo endpoint what does not stand in it.
func (o *signOn) read(ctx context.Context, p *oidc.Provider, token *oauth2.Token, id *oidc.IDToken) (answer, error) {
	a := answer{refresh: token.RefreshToken, lifetime: lifetime(token)}
	claims := map[string]json.RawMessage{}
	if id != nil {
		a.subject = id.Subject
		if id.Claims(&claims) != nil {
			return answer{}, denied("token")
		}
	}
	_, email := claims["email"]
	_, groups := claims[o.conf.GroupsClaim]
	if missing := !email || !groups && len(o.conf.Groups) > 0; missing && p.UserInfoEndpoint() != "" {
		info, err := p.UserInfo(o.client(ctx), oauth2.StaticTokenSource(token))
		switch {
		case err != nil:
			return answer{}, errors.Join(ErrSignOnAway, ctx.Err())
		case a.subject != "" && info.Subject != a.subject: // Core section 5.3.2
			return answer{}, denied("subject")
		}
		more := map[string]json.RawMessage{}
		if info.Claims(&more) != nil {
			return answer{}, ErrSignOnAway
		}
		a.subject = info.Subject
		for name, claim := range more {
			if _, ok := claims[name]; !ok {
				claims[name] = claim
			}
		}
	}
	json.Unmarshal(claims["sid"], &a.sid)
	var seen float64
	if json.Unmarshal(claims["auth_time"], &seen) == nil && seen > 0 {
		a.seen = time.Unix(int64(seen), 0)
	}
	if o.conf.AnyEmail || isTrue(claims["email_verified"]) {
		json.Unmarshal(claims["email"], &a.email)
	}
	a.groups = len(o.conf.Groups) == 0 || slices.ContainsFunc(texts(claims[o.conf.GroupsClaim]), func(g string) bool { return slices.Contains(o.conf.Groups, g) })
	return a, nil
}

// isTrue forgives providers that write true as a text.
func isTrue(claim json.RawMessage) bool { return string(claim) == "true" || string(claim) == `"true"` }

// texts reads a claim that is one text or a list of them.
func texts(claim json.RawMessage) []string {
	var many []string
	var one string
	if json.Unmarshal(claim, &many) == nil {
		return many
	}
	if json.Unmarshal(claim, &one) == nil {
		return []string{one}
	}
	return nil
}

// lifetime is how long a refresh token is good; some providers tell.
func lifetime(token *oauth2.Token) time.Duration {
	n, _ := token.Extra("refresh_expires_in").(float64)
	return time.Duration(max(0, n)) * time.Second
}

func sameEmail(a, b string) bool {
	return a != "" && strings.EqualFold(norm.NFC.String(a), norm.NFC.String(b))
}

// checkRedirect refuses what is not a device's own address: RFC 8252 section 7.3.
func checkRedirect(redirect string) error {
	u, err := url.Parse(redirect)
	if err != nil {
		return denied("redirect")
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil || port < 1 || port > 65535 || redirect != "http://127.0.0.1:"+strconv.Itoa(port)+"/" {
		return denied("redirect")
	}
	return nil
}

// checkBrowserCode refuses what no device of ours sends: also RFC 7636 section 4.1.
func checkBrowserCode(b wire.BrowserCode) error {
	if err := checkRedirect(b.Redirect); err != nil {
		return err
	}
	unreserved := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-._~", c)
	}
	if len(b.Verifier) < 43 || len(b.Verifier) > 128 || strings.ContainsFunc(b.Verifier, func(c rune) bool { return !unreserved(c) }) {
		return denied("verifier")
	}
	if b.Code == "" {
		return denied("code")
	}
	return nil
}

// browser looks at what came back from the company's sign-on.
func (s *SignIn) browser(ctx context.Context, b wire.BrowserCode) (wire.SignIn, bool, error) {
	if subtle.ConstantTimeCompare([]byte(b.State), []byte(s.state)) != 1 {
		return s.refuse(ctx, "state", wire.TroubleBrowser)
	}
	s.state = newState() // an answer is looked at once
	a, err := answer{}, checkBrowserCode(b)
	if err == nil {
		a, err = s.r.sso.redeem(ctx, b, s.nonce)
	}
	var no denied
	switch {
	case errors.As(err, &no):
		return s.refuse(ctx, string(no), wire.TroubleBrowser)
	case err != nil && ctx.Err() != nil:
		return wire.SignIn{}, false, ctx.Err()
	case err != nil:
		s.r.conf.Log.Warn("the company's sign-on cannot be asked", "error", err)
		return s.say(ctx, wire.TroubleBrowser, 0)
	case s.up && a.seen.Before(s.begun.Time().Add(-seenSlack)):
		return s.refuse(ctx, "old", wire.TroubleBrowser)
	case !a.groups:
		return s.refuse(ctx, "group", wire.TroubleBrowser)
	}
	if a.refresh == "" {
		s.r.conf.Log.Warn("the company's sign-on gives no refresh token: it cannot be asked again", "device", string(s.device.ID))
	}
	var v verdict
	err = s.r.db.Update(ctx, Shard, func(tx ledger.Tx) (err error) {
		v, err = s.admit(tx, a)
		return err
	})
	switch {
	case err != nil:
		return wire.SignIn{}, false, err
	case v.passkey:
		s.heard = &a
		return s.make(ctx)
	case v.session == nil:
		return s.refused(ctx, v)
	case s.adds:
		return s.make(ctx)
	}
	return s.done(*v.session)
}

// admit opens a session if the sign-on means the person whose device this is.
func (s *SignIn) admit(tx ledger.Tx, a answer) (verdict, error) {
	now := inbox.At(s.r.now())
	if s.claim {
		var err error
		if s.person, err = signedOn(tx, a); err != nil {
			return verdict{}, err
		}
	}
	k, err := s.lookup(tx)
	if err != nil {
		return verdict{}, err
	}
	switch {
	case s.claim && s.person == "":
		return s.deny(tx, now, k, "person", wire.TroubleBrowser)
	case k.barred || !slices.Contains(k.own, wire.WayBrowser):
		return s.deny(tx, now, k, "changed", wire.TroubleWrong)
	case k.on.Subject != "" && k.on.Subject != a.subject, k.on.Subject == "" && !sameEmail(k.on.Email, a.email):
		return s.deny(tx, now, k, "person", wire.TroubleOther)
	}
	if k.on.Subject == "" {
		k.on.Subject = a.subject
		switch err := checkAlone(tx, s.person, k.on); {
		case errors.Is(err, ErrSignOn):
			return s.deny(tx, now, k, "person", wire.TroubleOther)
		case err != nil:
			return verdict{}, err
		}
		if err := put(tx, bucketSignOn, []byte(s.person), k.on); err != nil {
			return verdict{}, err
		}
	}
	fresh := inbox.Moment(0) // the provider did not say when it saw the person
	if !a.seen.IsZero() {
		fresh = min(inbox.At(a.seen), now).Add(s.r.conf.Fresh)
	}
	if must := s.r.mustShow(k.person.Role); must && len(k.keys) == 0 {
		return verdict{passkey: true}, nil
	} else if must && s.heard == nil {
		fresh = 0 // of this one, only a passkey shows that
	}
	session, err := s.open(tx, now, "browser", Session{Way: wire.WayBrowser, Fresh: fresh, SID: a.sid})
	if err != nil {
		return verdict{}, err
	}
	if a.refresh != "" {
		epoch, err := eventlog.Epoch(tx)
		if err != nil {
			return verdict{}, err
		}
		if err := put(tx, bucketGrant, []byte(s.device.ID), newGrant(s.device.ID, s.person, a, now, epoch)); err != nil {
			return verdict{}, err
		}
	}
	k.account.Failures, k.account.Failed, k.account.Until = 0, 0, 0
	return verdict{session: &session}, put(tx, bucketAccount, []byte(s.person), k.account)
}

// signedOn returns whom the sign-on means: who is bound to the subject, or else whose address it is; "" if it is nobody.
func signedOn(tx ledger.Tx, a answer) (who inbox.PersonID, err error) {
	for key, row := range tx.Scan(bucketSignOn, nil, nil) {
		var on SignOn
		if cbor.Unmarshal(row, &on) != nil {
			return "", errRow
		}
		if on.Subject == a.subject || on.Subject == "" && sameEmail(on.Email, a.email) {
			if who = inbox.PersonID(key); on.Subject != "" {
				break
			}
		}
	}
	return who, tx.Err()
}
