package identity

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/wire"
)

func TestTheSignOnIsAskedEveryQuarterOfAnHourAndItsNoIsTold(t *testing.T) {
	b := newSignOnBench(t, OIDCConfig{})
	second, third := b.enrol(b.person), b.enrol(b.person) // nobody ever signs in on the third
	b.enter(b.device, b.p.browser(t), "tobias")
	b.enter(second, b.p.browser(t), "tobias")
	asked := func() int { b.way.mu.Lock(); defer b.way.mu.Unlock(); return b.way.calls }
	calls := asked()
	b.wantTold()
	if asked() != calls {
		t.Error("asked at once")
	}
	for range 2 { // each answer brings another token
		b.pass(PollEvery)
		b.wantTold()
	}
	if got := asked() - calls; got != 4 {
		t.Errorf("asked %d times, want 4", got)
	}
	// One grant is taken back: that device only, and its session.
	g, _ := b.grantOf(second.ID)
	response, err := http.PostForm(b.p.issuer+"/token/revocation", url.Values{"client_id": {"sealdesk"}, "token": {g.Token}})
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatal(err, response.StatusCode)
	}
	response.Body.Close()
	b.pass(PollEvery)
	start := b.mark()
	failed := errors.New("no wipe can be ordered now")
	if err := b.r.Poll(t.Context(), func(context.Context, Removal) error { return failed }); !errors.Is(err, failed) {
		t.Error(err)
	}
	if acts, _ := b.acts(start); !slices.Equal(acts, []string{"session.ended grant", "person.sign-on-gone grant"}) {
		t.Error(acts)
	}
	if _, live := b.live(second.ID); live {
		t.Error("still signed in")
	}
	if _, live := b.live(b.device.ID); !live {
		t.Error("the other device is signed out too")
	}
	b.restart()
	b.wantTold(Removal{Person: b.person.ID, Devices: []inbox.DeviceID{second.ID}, Why: WhyGrant}) // again, until it was heard
	b.wantTold()
	if !WhyGrant.Removed() || !WhyGroup.Removed() || WhyLogout.Removed() || WhyUnsure.Removed() || WhyOver.Removed() {
		t.Error("not the reasons for which a device may be wiped")
	}
	// The account is disabled: all devices of the person, also those without a grant.
	*b.now = time.Now() // what the provider signs is good for an hour
	b.enter(second, b.p.browser(t), "tobias")
	b.p.account(t, "tobias", nil)
	b.pass(PollEvery)
	b.wantTold(Removal{Person: b.person.ID, Devices: []inbox.DeviceID{b.device.ID, second.ID, third.ID}, Why: WhyGrant})
	for _, d := range []Device{b.device, second} {
		if _, live := b.live(d.ID); live {
			t.Error("still signed in")
		}
		if _, ok := b.grantOf(d.ID); ok {
			t.Error("the grant is kept")
		}
	}
	b.wantTold()
}

func TestWhoIsInNoGroupAnyMoreIsOut(t *testing.T) {
	b := newSignOnBench(t, OIDCConfig{Groups: []string{"desk", "leads"}, Scopes: []string{"openid", "email", "groups", "offline_access"}})
	second := b.enrol(b.person)
	b.enter(b.device, b.p.browser(t), "tobias")
	b.p.account(t, "tobias", employee("tobias", "leads", "choir"))
	b.pass(PollEvery)
	b.wantTold()
	b.p.account(t, "tobias", employee("tobias", "choir"))
	b.pass(PollEvery)
	b.wantTold(Removal{Person: b.person.ID, Devices: []inbox.DeviceID{b.device.ID, second.ID}, Why: WhyGroup})
	start := b.mark()
	s := b.dial()
	if next := b.try(s, wire.Credential{Browser: ptr(b.p.browser(t).visit(b.ask(s).Browser.URL, "tobias", nil))}); next.Trouble != wire.TroubleBrowser {
		t.Errorf("trouble %d", next.Trouble)
	}
	if acts, _ := b.acts(start); !slices.Equal(acts, []string{"sign-in.refused group"}) {
		t.Error(acts)
	}
}

func TestTroubleWithTheSignOnIsNoRemoval(t *testing.T) {
	b := newSignOnBench(t, OIDCConfig{})
	b.enter(b.device, b.p.browser(t), "tobias")
	still := func(why string) {
		t.Helper()
		b.pass(PollEvery)
		if told, err := b.poll(); len(told) != 0 || !errors.Is(err, ErrSignOnAway) {
			t.Errorf("%s: told %d, %v", why, len(told), err)
		}
		if _, live := b.live(b.device.ID); !live {
			t.Errorf("%s: signed out", why)
		}
	}
	answer := func(status int, body string) func(*http.Request, *http.Response) (*http.Response, error) {
		return func(q *http.Request, r *http.Response) (*http.Response, error) {
			r.Body.Close()
			w := httptest.NewRecorder()
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			w.WriteString(body)
			return w.Result(), nil
		}
	}
	// The request does not get there: nothing is in doubt.
	b.way.set(nil)
	real := b.r.sso.conf.HTTP.Transport
	b.r.sso.conf.HTTP.Transport = http.RoundTripper(deadEnd{})
	still("nobody answers")
	if g, _ := b.grantOf(b.device.ID); g.Asked != 0 {
		t.Error("what never left is in doubt")
	}
	b.r.sso.conf.HTTP.Transport = real
	b.pass(PollEvery)
	b.wantTold()
	// It is refused for what we are, not for what the grant is.
	b.way.set(answer(http.StatusUnauthorized, `{"error":"invalid_client"}`))
	still("the client is not known")
	// That answer was in the place of a real one, whose token is lost with it: as when the relay dies there. The provider
	// takes the old token for stolen, and says no. The person signs in again; nothing is to be wiped.
	b.way.set(nil)
	b.enter(b.device, b.p.browser(t), "tobias")
	b.way.set(answer(http.StatusBadGateway, "<html>"))
	still("a proxy answers")
	b.way.set(nil)
	b.restart()
	b.pass(PollEvery)
	b.wantTold(Removal{Person: b.person.ID, Devices: []inbox.DeviceID{b.device.ID}, Why: WhyUnsure})
	if _, live := b.live(b.device.ID); live {
		t.Error("still signed in")
	}
	*b.now = time.Now() // what the provider signs is good for an hour
	b.enter(b.device, b.p.browser(t), "tobias")
	b.pass(PollEvery)
	b.wantTold()
}

// deadEnd is a road on which nothing leaves.
type deadEnd struct{}

func (deadEnd) RoundTrip(*http.Request) (*http.Response, error) {
	_, err := http.DefaultTransport.RoundTrip(httptest.NewRequest(http.MethodGet, "http://127.0.0.1:1/", nil))
	return nil, err
}

// TestARemovalIsToldBeforeTheNextIsAskedAbout: a sign-on that answers slowly must not keep somebody in whom it counted out.
func TestARemovalIsToldBeforeTheNextIsAskedAbout(t *testing.T) {
	b := newSignOnBench(t, OIDCConfig{})
	b.enter(b.device, b.p.browser(t), "tobias")
	other, err := b.r.AddPerson(t.Context(), "Mira Falk", inbox.Agent, nil)
	if err != nil {
		t.Fatal(err)
	}
	b.p.account(t, "mira", employee("mira", "desk"))
	b.signOn(other, "mira")
	d := b.enrol(other)
	s := b.r.NewSignIn(d, other, []byte(d.ID), "192.0.2.8")
	b.in(s, wire.Credential{Browser: ptr(b.p.browser(t).visit(b.ask(s).Browser.URL, "mira", nil))})
	b.p.account(t, "tobias", nil)
	b.p.account(t, "mira", nil)
	b.pass(PollEvery)
	calls := func() int { b.way.mu.Lock(); defer b.way.mu.Unlock(); return b.way.calls }
	start := calls()
	var told []int
	if err := b.r.Poll(t.Context(), func(context.Context, Removal) error {
		told = append(told, calls()-start)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(told, []int{1, 2}) {
		t.Errorf("told after %v questions", told)
	}
}
