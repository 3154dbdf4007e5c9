package identity

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sealdesk/app/inbox"
)

func TestSigningOutAtTheSignOnSignsOutHere(t *testing.T) {
	b := newSignOnBench(t, OIDCConfig{})
	var mu sync.Mutex
	var told []Removal
	handler := b.r.Logout(func(_ context.Context, g Removal) error {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, g)
		return nil
	})
	b.p.logout.Store(&handler)
	t.Cleanup(func() { b.p.logout.Store(nil) })
	second := b.enrol(b.person)
	here, there := b.p.browser(t), b.p.browser(t)
	b.enter(b.device, here, "tobias")
	other := b.enter(second, there, "tobias")
	start := b.mark()
	here.signOut()
	if diff := cmp.Diff([]Removal{{Person: b.person.ID, Devices: []inbox.DeviceID{b.device.ID}, Why: WhyLogout}}, told); diff != "" {
		t.Fatal(diff)
	}
	if _, live := b.live(b.device.ID); live {
		t.Error("still signed in")
	}
	if _, live := b.live(second.ID); !live {
		t.Error("the session of another browser ended too")
	}
	if acts, _ := b.acts(start); !slices.Equal(acts, []string{"session.ended logout"}) {
		t.Error(acts)
	}

	// Tokens the provider did not send, or sent before.
	now := b.now.Unix()
	good := func() map[string]any {
		return map[string]any{"iss": b.p.issuer, "aud": "sealdesk", "sub": "tobias", "sid": other.SID, "iat": now, "exp": now + 120,
			"jti": inbox.NewID[string](), "events": map[string]any{logoutEvent: map[string]any{}}}
	}
	post := func(token string) int {
		w := httptest.NewRecorder()
		q := httptest.NewRequest(http.MethodPost, "/logout", strings.NewReader(url.Values{"logout_token": {token}}.Encode()))
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		handler.ServeHTTP(w, q)
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Error("the answer may be stored")
		}
		return w.Code
	}
	typ := map[string]any{"typ": "logout+jwt"}
	for name, c := range map[string]struct {
		change func(map[string]any)
		header map[string]any
		spoil  func(string) string
	}{
		"from another provider":       {change: func(c map[string]any) { c["iss"] = "https://login.example.org" }},
		"for another client":          {change: func(c map[string]any) { c["aud"] = "another" }},
		"no event":                    {change: func(c map[string]any) { delete(c, "events") }},
		"another event":               {change: func(c map[string]any) { c["events"] = map[string]any{"http://example.org/x": map[string]any{}} }},
		"an event that is no object":  {change: func(c map[string]any) { c["events"] = map[string]any{logoutEvent: true} }},
		"a nonce, as an ID token has": {change: func(c map[string]any) { c["nonce"] = "n" }},
		"no id":                       {change: func(c map[string]any) { delete(c, "jti") }},
		"neither subject nor session": {change: func(c map[string]any) { delete(c, "sub"); delete(c, "sid") }},
		"from yesterday":              {change: func(c map[string]any) { c["iat"] = now - 86400; c["exp"] = now + 60 }},
		"from tomorrow":               {change: func(c map[string]any) { c["iat"] = now + 86400 }},
		"not dated":                   {change: func(c map[string]any) { delete(c, "iat") }},
		"expired":                     {change: func(c map[string]any) { c["iat"] = now - 120; c["exp"] = now - 60 }},
		"an access token":             {header: map[string]any{"typ": "at+jwt"}},
		"changed after it was signed": {spoil: func(s string) string {
			h, r, _ := strings.Cut(s, ".")
			return h + ".e30" + r[strings.IndexByte(r, '.'):]
		}},
		"without a signature":          {header: map[string]any{"alg": "none"}, spoil: func(s string) string { return s[:strings.LastIndexByte(s, '.')+1] }},
		"nothing":                      {spoil: func(string) string { return "" }},
		"more than anybody would send": {spoil: func(s string) string { return s + strings.Repeat("a", logoutMost) }},
	} {
		claims, header := good(), typ
		if c.change != nil {
			c.change(claims)
		}
		if c.header != nil {
			header = c.header
		}
		token := b.p.tell(t, map[string]any{"sign": claims, "header": header}).Token
		if c.spoil != nil {
			token = c.spoil(token)
		}
		if status := post(token); status != http.StatusBadRequest {
			t.Errorf("%s: status %d", name, status)
		}
		if _, live := b.live(second.ID); !live {
			t.Fatalf("%s: obeyed", name)
		}
	}
	token := b.p.tell(t, map[string]any{"sign": good(), "header": typ}).Token
	if status := post(token); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	if _, live := b.live(second.ID); live {
		t.Error("the right one is not obeyed")
	}
	// The same again, after the person is back, and after a restart, is an old letter.
	again := b.enter(second, there, "tobias")
	b.restart()
	handler = b.r.Logout(func(context.Context, Removal) error { return nil })
	if status := post(token); status != http.StatusBadRequest {
		t.Errorf("status %d", status)
	}
	if _, live := b.live(second.ID); !live {
		t.Error("a token is obeyed twice")
	}
	// Without a session's name, all of the subject.
	everywhere := good()
	delete(everywhere, "sid")
	if status := post(b.p.tell(t, map[string]any{"sign": everywhere, "header": typ}).Token); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	if _, live := b.live(second.ID); live {
		t.Errorf("still signed in since %d", again.Since)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/logout", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("status %d", w.Code)
	}
}

func FuzzLogoutHead(f *testing.F) {
	for _, s := range []string{"", "..", "eyJ0eXAiOiJsb2dvdXQrand0In0.e30.", "eyJ0eXAiOiJhdCtqd3QifQ.e30.", "e30.e30.AAAA"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if mayBeLogout(raw) && strings.Count(raw, ".") < 1 {
			t.Error("taken")
		}
	})
}

// aSlowBody never ends, and says when it is read.
type aSlowBody struct {
	read chan struct{}
	end  chan struct{}
}

func (b aSlowBody) Read([]byte) (int, error) {
	b.read <- struct{}{}
	<-b.end
	return 0, io.ErrUnexpectedEOF
}

func TestStrangersWhoTalkSlowlyKeepNoLogoutOut(t *testing.T) {
	b := newSignOnBench(t, OIDCConfig{})
	handler := b.r.Logout(func(context.Context, Removal) error { return nil })
	slow := aSlowBody{make(chan struct{}), make(chan struct{})}
	var wait sync.WaitGroup
	for range cap(b.r.sso.hearing) {
		wait.Go(func() {
			q := httptest.NewRequest(http.MethodPost, "/logout", slow)
			q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			handler.ServeHTTP(httptest.NewRecorder(), q)
		})
		<-slow.read
	}
	w := httptest.NewRecorder()
	q := httptest.NewRequest(http.MethodPost, "/logout", strings.NewReader(url.Values{"logout_token": {"e30.e30.x"}}.Encode()))
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	handler.ServeHTTP(w, q)
	if w.Code != http.StatusBadRequest {
		t.Errorf("status %d: nobody listens", w.Code)
	}
	close(slow.end)
	wait.Wait()
}
