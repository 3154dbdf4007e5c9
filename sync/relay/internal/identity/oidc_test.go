package identity

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

// wayTo is the relay's road to the provider, which tests count and cut.
type wayTo struct {
	mu    sync.Mutex
	calls int                                                         // to the token endpoint
	cut   func(*http.Request, *http.Response) (*http.Response, error) // what becomes of an answer; nil leaves it
}

func (w *wayTo) RoundTrip(q *http.Request) (*http.Response, error) {
	w.mu.Lock()
	if q.URL.Path == "/token" {
		w.calls++
	}
	cut := w.cut
	w.mu.Unlock()
	response, err := http.DefaultTransport.RoundTrip(q)
	if err == nil && cut != nil {
		return cut(q, response)
	}
	return response, err
}

func (w *wayTo) set(cut func(*http.Request, *http.Response) (*http.Response, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
}

// A signOnBench is a bench whose person signs in with the company's sign-on, as "tobias".
type signOnBench struct {
	*bench
	p   *provider
	way *wayTo
}

func newSignOnBench(t *testing.T, conf OIDCConfig) *signOnBench {
	t.Helper()
	p := startProvider(t)
	way := &wayTo{}
	conf.Issuer, conf.Client, conf.Prompt, conf.HTTP = p.issuer, "sealdesk", "consent", &http.Client{Transport: way}
	b := &signOnBench{bench: newBench(t, SignInConfig{OIDC: &conf}), p: p, way: way}
	p.account(t, "tobias", employee("tobias", "desk"))
	b.signOn(b.person, "tobias")
	return b
}

func (b *signOnBench) signOn(p inbox.Person, subject string) {
	b.t.Helper()
	if _, err := b.r.SetSignOn(b.t.Context(), By{}, p.ID, SignOn{Email: subject + "@Example.com"}); err != nil {
		b.t.Fatal(err)
	}
}

// anew takes back whom the sign-on was seen to mean.
func (b *signOnBench) anew(subject string) {
	b.t.Helper()
	if _, err := b.r.SetSignOn(b.t.Context(), By{}, b.person.ID, SignOn{}); err != nil {
		b.t.Fatal(err)
	}
	b.signOn(b.person, subject)
}

// enter signs the person in on a device, in a browser.
func (b *signOnBench) enter(d Device, window *browser, login string) Session {
	b.t.Helper()
	s := b.r.NewSignIn(d, b.person, []byte(d.ID), "192.0.2.7")
	return b.in(s, wire.Credential{Browser: ptr(window.visit(b.ask(s).Browser.URL, login, nil))})
}

func ptr[T any](v T) *T { return &v }

// grantOf returns the grant of a device, if there is one.
func (b *signOnBench) grantOf(d inbox.DeviceID) (g grant, ok bool) {
	b.t.Helper()
	err := b.db.View(b.t.Context(), Shard, func(tx ledger.Tx) error { return get(tx, bucketGrant, []byte(d), &g, errAbsent) })
	if err != nil && !errors.Is(err, errAbsent) {
		b.t.Fatal(err)
	}
	return g, err == nil
}

// poll polls once, and returns what was told.
func (b *signOnBench) poll() (told []Removal, err error) {
	b.t.Helper()
	err = b.r.Poll(b.t.Context(), func(_ context.Context, g Removal) error {
		slices.Sort(g.Devices)
		told = append(told, g)
		return nil
	})
	return told, err
}

func (b *signOnBench) wantTold(want ...Removal) {
	b.t.Helper()
	told, err := b.poll()
	if err != nil {
		b.t.Fatal(err)
	}
	for _, w := range want {
		slices.Sort(w.Devices)
	}
	if diff := cmp.Diff(want, told); diff != "" {
		b.t.Fatal(diff)
	}
}

func TestAPersonSignsInWithTheCompanysSignOn(t *testing.T) {
	b := newSignOnBench(t, OIDCConfig{})
	start := b.mark()
	s := b.dial()
	first := b.ask(s)
	if !slices.Equal(first.Ways, []wire.Way{wire.WayBrowser}) || first.Browser == nil {
		t.Fatalf("ways %v", first.Ways)
	}
	u, err := url.Parse(first.Browser.URL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if q.Get("state") != first.Browser.State || len(q.Get("nonce")) != 43 || q.Get("code_challenge_method") != "S256" || q.Has("redirect_uri") || q.Has("code_challenge") {
		t.Error("the address is not what a device goes on with")
	}
	if other := b.ask(b.r.NewSignIn(b.enrol(b.person), b.person, []byte("challenge"), "")); strings.Contains(other.Browser.URL, q.Get("nonce")) {
		t.Error("two devices have one nonce")
	}
	session := b.in(s, wire.Credential{Browser: ptr(b.p.browser(t).visit(first.Browser.URL, "tobias", nil))})
	at := inbox.At(*b.now)
	if live, ok := b.live(b.device.ID); !ok || live != session || session.Way != wire.WayBrowser || session.SID == "" || session.Until != at.Add(12*time.Hour) || session.Fresh <= at || session.Fresh > at.Add(5*time.Minute) {
		t.Errorf("not the session that was agreed: %+v", session)
	}
	if a, err := b.r.Account(t.Context(), b.person.ID); err != nil || a.SignOn.Subject != "tobias" || a.Password {
		t.Errorf("the person is not bound to the subject: %v", err)
	}
	if g, ok := b.grantOf(b.device.ID); !ok || g.Token == "" || g.Person != b.person.ID {
		t.Error("the refresh token is not kept")
	}
	acts, _ := b.acts(start)
	if !slices.Equal(acts, []string{"device.code-issued", "device.added", "sign-in.done browser"}) {
		t.Error(acts)
	}
	g, _ := b.grantOf(b.device.ID)
	b.checkNotKept(func(bucket string) bool { return strings.HasPrefix(bucket, "audit") }, "example.com", "tobias", g.Token)
	if next := b.try(b.dial(), wire.Credential{New: goodPassword}); next.Trouble != wire.TroubleWrong || next.Need != wire.NeedPassword {
		t.Errorf("a password beside the sign-on: trouble %d", next.Trouble)
	}
	// The address may change hands at the provider; the subject does not.
	b.p.account(t, "tobias", employee("another"))
	b.enter(b.device, b.p.browser(t), "tobias")
	b.p.account(t, "newcomer", employee("tobias"))
	s = b.dial()
	if next := b.try(s, wire.Credential{Browser: ptr(b.p.browser(t).visit(b.ask(s).Browser.URL, "newcomer", nil))}); next.Trouble != wire.TroubleOther {
		t.Errorf("trouble %d", next.Trouble)
	}
}

func TestWhatTheSignOnAnswersIsGoodForOnePersonOneDeviceAndOnce(t *testing.T) {
	b := newSignOnBench(t, OIDCConfig{})
	b.p.account(t, "stranger", employee("stranger"))
	b.p.account(t, "unverified", map[string]any{"email": "tobias@example.com", "email_verified": false})
	other := b.enrol(b.person)
	visit := func(s *SignIn, login string, change func(url.Values)) wire.BrowserCode {
		return b.p.browser(t).visit(b.ask(s).Browser.URL, login, change)
	}
	for name, c := range map[string]struct {
		code    func(*SignIn) wire.BrowserCode
		detail  string
		trouble wire.SignInTrouble
	}{
		"the nonce of another device": {detail: "nonce", code: func(s *SignIn) wire.BrowserCode {
			code := visit(b.r.NewSignIn(other, b.person, []byte("challenge"), ""), "tobias", nil)
			code.State = b.ask(s).Browser.State
			return code
		}},
		"the nonce of another connection": {detail: "nonce", code: func(s *SignIn) wire.BrowserCode {
			code := visit(b.r.NewSignIn(b.device, b.person, []byte("another"), ""), "tobias", nil)
			code.State = b.ask(s).Browser.State
			return code
		}},
		"a code that was used": {detail: "grant", code: func(s *SignIn) wire.BrowserCode {
			used := b.dial()
			code := visit(used, "tobias", nil)
			b.in(used, wire.Credential{Browser: &code})
			if err := b.r.SignOut(t.Context(), By{}, b.device.ID, WhyAsked); err != nil {
				t.Fatal(err)
			}
			code.State = b.ask(s).Browser.State
			return code
		}},
		"another state": {detail: "state", code: func(s *SignIn) wire.BrowserCode {
			code := visit(s, "tobias", nil)
			code.State = b.ask(b.dial()).Browser.State
			return code
		}},
		"another verifier": {detail: "grant", code: func(s *SignIn) wire.BrowserCode {
			code := visit(s, "tobias", nil)
			code.Verifier = strings.Repeat("v", 43)
			return code
		}},
		"a verifier too short": {detail: "verifier", code: func(s *SignIn) wire.BrowserCode {
			code := visit(s, "tobias", nil)
			code.Verifier = code.Verifier[:42]
			return code
		}},
		"another redirect address": {detail: "grant", code: func(s *SignIn) wire.BrowserCode {
			code := visit(s, "tobias", nil)
			code.Redirect = "http://127.0.0.1:49732/"
			return code
		}},
		"a code for another client": {detail: "grant", code: func(s *SignIn) wire.BrowserCode {
			return visit(s, "tobias", func(q url.Values) { q.Set("client_id", "another") })
		}},
		"no code": {detail: "code", code: func(s *SignIn) wire.BrowserCode {
			code := visit(s, "tobias", nil)
			code.Code = ""
			return code
		}},
		"somebody else": {detail: "person", trouble: wire.TroubleOther, code: func(s *SignIn) wire.BrowserCode { return visit(s, "stranger", nil) }},
		"an address nobody verified": {detail: "person", trouble: wire.TroubleOther, code: func(s *SignIn) wire.BrowserCode {
			return visit(s, "unverified", nil)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b.anew("tobias")
			s := b.r.NewSignIn(b.device, b.person, []byte("challenge"), "")
			code := c.code(s)
			if _, err := b.r.Reset(t.Context(), By{}, b.person.ID, true, false); err != nil { // no delay by the other cases
				t.Fatal(err)
			}
			start, before := b.mark(), ""
			if g, ok := b.grantOf(b.device.ID); ok {
				before = g.ID
			}
			if c.trouble == 0 {
				c.trouble = wire.TroubleBrowser
			}
			if next := b.try(s, wire.Credential{Browser: &code}); next.Trouble != c.trouble || next.Browser == nil {
				t.Errorf("trouble %d", next.Trouble)
			}
			if acts, _ := b.acts(start); !slices.Equal(acts, []string{"sign-in.refused " + c.detail}) {
				t.Error(acts)
			}
			if _, live := b.live(b.device.ID); live {
				t.Error("signed in")
			}
			if g, _ := b.grantOf(b.device.ID); g.ID != before {
				t.Error("a grant is kept")
			}
		})
	}
	for _, to := range []string{"https://127.0.0.1:49731/", "http://127.0.0.1/", "http://127.0.0.1:0/", "http://127.0.0.1:049731/", "http://127.0.0.1:49731/x", "http://127.0.0.1:49731/?a", "http://127.0.0.1:49731", "http://localhost:49731/", "http://u@127.0.0.1:49731/", "http://127.0.0.1:99999/", "http://192.0.2.1:80/", ""} {
		if checkBrowserCode(wire.BrowserCode{Code: "c", Verifier: strings.Repeat("v", 43), Redirect: to}) == nil {
			t.Errorf("taken: %q", to)
		}
	}
	b.configure(SignInConfig{Cost: cheap, OIDC: ptr(func() OIDCConfig { o := b.r.sso.conf; o.AnyEmail = true; return o }())})
	b.anew("tobias")
	b.enter(b.device, b.p.browser(t), "unverified") // policy trusts what the provider says of addresses
}

func TestAStepUpInTheBrowserNeedsANewSignInThere(t *testing.T) {
	b := newSignOnBench(t, OIDCConfig{})
	window := b.p.browser(t)
	before := b.enter(b.device, window, "tobias")
	b.pass(10 * time.Minute)
	s := b.r.NewStepUp(b.device, b.person, []byte("challenge"), "")
	address := b.ask(s).Browser.URL
	if u, _ := url.Parse(address); !strings.Contains(u.Query().Get("prompt"), "login") || u.Query().Get("max_age") != "0" {
		t.Fatal("the provider is not asked for a new sign-in")
	}
	// The provider's session of before is still there: without being asked for a new one, it lets the person through.
	silent := window.visit(address, "nobody types", func(q url.Values) { q.Set("prompt", "consent"); q.Del("max_age"); q.Set("max_age", "9999") })
	start := b.mark()
	if next := b.try(s, wire.Credential{Browser: &silent}); next.Trouble != wire.TroubleBrowser {
		t.Errorf("trouble %d", next.Trouble)
	}
	if acts, _ := b.acts(start); !slices.Equal(acts, []string{"step-up.refused old"}) {
		t.Error(acts)
	}
	b.pass(-10 * time.Minute)
	s = b.r.NewStepUp(b.device, b.person, []byte("challenge"), "")
	after := b.in(s, wire.Credential{Browser: ptr(window.visit(b.ask(s).Browser.URL, "tobias", nil))})
	if after.Since != before.Since || after.Until != before.Until || after.Fresh < before.Fresh || after.Fresh > inbox.At(*b.now).Add(5*time.Minute) {
		t.Errorf("before %+v\nafter %+v", before, after)
	}
	// A sign-in by the provider's old session makes nobody fresh.
	b.pass(20 * time.Minute)
	s = b.dial()
	quiet := window.visit(b.ask(s).Browser.URL, "nobody types", nil)
	if got := b.in(s, wire.Credential{Browser: &quiet}); got.Fresh > inbox.At(*b.now) {
		t.Error("just seen, though it was long ago")
	}
}

func TestASignOnThatIsAwayIsLookedForAgain(t *testing.T) {
	b := newSignOnBench(t, OIDCConfig{})
	real := b.r.sso.conf.HTTP.Transport
	b.r.sso.conf.HTTP.Transport = deadEnd{}
	s := b.dial()
	if next := b.ask(s); next.Trouble != wire.TroubleBrowser || next.Browser != nil || !slices.Equal(next.Ways, []wire.Way{wire.WayBrowser}) {
		t.Errorf("trouble %d", next.Trouble)
	}
	b.r.sso.conf.HTTP.Transport = real
	b.pass(discoverAgain)
	if next := b.ask(s); next.Trouble != wire.TroubleNone || next.Browser == nil {
		t.Errorf("trouble %d", next.Trouble)
	}
	colleague := b.hire("Without Account", inbox.Agent)
	d := b.enrol(colleague)
	if next := b.ask(b.r.NewSignIn(d, colleague, nil, "")); !slices.Equal(next.Ways, []wire.Way{wire.WayPassword}) {
		t.Errorf("ways %v", next.Ways)
	}
	b.configure(SignInConfig{Cost: cheap, OIDC: ptr(func() OIDCConfig { o := b.r.sso.conf; o.Everybody = true; return o }())})
	if next := b.ask(b.r.NewSignIn(d, colleague, nil, "")); !slices.Equal(next.Ways, []wire.Way{wire.WayBrowser}) {
		t.Errorf("ways %v", next.Ways)
	}
}
