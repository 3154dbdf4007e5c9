package identity

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/relaytest/chromium"
	"sealdesk/sync/wire"
)

func TestMain(m *testing.M) { chromium.Main(m) }

// A passkeyBench is a bench whose supervisors need a passkey, with the relay's pages and a real browser to open them in.
type passkeyBench struct {
	*bench
	origin string
	page   *chromium.Page
	key    *chromium.Authenticator
	came   chan url.Values // at the device's own address
	status []int           // of what the page sent
	home   string          // that address
}

func newPasskeyBench(t *testing.T, role inbox.Role, conf SignInConfig) *passkeyBench {
	t.Helper()
	b := &passkeyBench{came: make(chan url.Values, 8)}
	pages := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		answer := httptest.NewRecorder()
		b.r.Passkeys().ServeHTTP(answer, q)
		if q.Method == http.MethodPost {
			b.status = append(b.status, answer.Code)
		}
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes())
	}))
	t.Cleanup(pages.Close)
	at, err := url.Parse(pages.URL)
	if err != nil {
		t.Fatal(err)
	}
	b.origin = "http://localhost:" + at.Port()
	back := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/" {
			b.came <- q.URL.Query()
		}
	}))
	t.Cleanup(back.Close)
	b.home = back.URL + "/"
	conf.SecondFactor, conf.Company = true, "Nordlicht GmbH"
	conf.Passkey = &PasskeyConfig{Origin: b.origin, Required: []inbox.Role{inbox.Supervisor}}
	b.bench = newBench(t, conf)
	b.person = b.hire("Sabine Lorenz", role)
	b.device = b.enrol(b.person)
	b.page = chromium.Open(t)
	b.key = b.page.Authenticator(true)
	return b
}

// address is where the device sends the browser, with what it adds.
func (b *passkeyBench) address(asked *wire.BrowserSignIn) (address, verifier string) {
	b.t.Helper()
	if asked == nil {
		b.t.Fatal("no passkey is asked for")
	}
	verifier = oauth2.GenerateVerifier()
	return asked.URL + "&" + url.Values{"redirect_uri": {b.home}, "code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"}}.Encode(), verifier
}

// visit does in the browser what a person does with what the device was told, and returns what the device gets.
func (b *passkeyBench) visit(asked *wire.BrowserSignIn) wire.BrowserCode {
	b.t.Helper()
	address, verifier := b.address(asked)
	b.page.Go(address)
	b.page.Click("#go")
	return b.back(verifier)
}

func (b *passkeyBench) back(verifier string) wire.BrowserCode {
	b.t.Helper()
	select {
	case q := <-b.came:
		return wire.BrowserCode{Code: q.Get("code"), State: q.Get("state"), Verifier: verifier, Redirect: b.home}
	case <-time.After(20 * time.Second):
		b.t.Fatalf("nothing comes back: %v", b.page.Eval(`document.body.innerText`))
	}
	return wire.BrowserCode{}
}

// refusedThere does the same, for a passkey the page does not take.
func (b *passkeyBench) refusedThere(asked *wire.BrowserSignIn) string {
	b.t.Helper()
	address, _ := b.address(asked)
	b.page.Go(address)
	b.page.Click("#go")
	b.page.Until(`document.getElementById("note").className === "bad"`)
	said, _ := b.page.Eval(`document.getElementById("note").textContent`).(string)
	return said
}

func passkeyShown(c wire.BrowserCode) wire.Credential { return wire.Credential{Passkey: &c} }

// register walks the first sign-in of somebody who must have a passkey.
func (b *passkeyBench) register() Session {
	b.t.Helper()
	s := b.dial()
	next := b.try(s, wire.Credential{New: goodPassword})
	if next.Need != wire.NeedPasskey || next.Second != nil {
		b.t.Fatalf("need %d, trouble %d", next.Need, next.Trouble)
	}
	return b.in(s, passkeyShown(b.visit(next.Passkey)))
}

func TestASupervisorMakesAPasskeyAndComesInWithNothingElse(t *testing.T) {
	b := newPasskeyBench(t, inbox.Supervisor, SignInConfig{})
	start := b.mark()
	b.register()
	if acts, _ := b.acts(start); len(acts) != 3 || acts[0] != "sign-in.password-set" || !strings.HasPrefix(acts[1], "sign-in.passkey-added ") || acts[2] != "sign-in.done password" {
		t.Error(acts)
	}
	keys, err := b.r.PasskeysOf(t.Context(), b.person.ID)
	if err != nil || len(keys) != 1 || keys[0].Name != "My passkey" || keys[0].Used != 0 || keys[0].ID == "" {
		t.Fatalf("%+v, %v", keys, err)
	}
	b.pass(13 * time.Hour)
	b.restart()
	start = b.mark()
	s := b.dial()
	asked := b.ask(s)
	if !slices.Equal(asked.Ways, []wire.Way{wire.WayPasskey}) || asked.Need != wire.NeedPassword || asked.Passkey == nil {
		t.Fatalf("ways %v, need %d", asked.Ways, asked.Need)
	}
	if said := b.try(s, wire.Credential{Password: goodPassword}); said.Trouble != wire.TroubleWrong {
		t.Errorf("a password: trouble %d", said.Trouble)
	}
	in := b.in(s, passkeyShown(b.visit(asked.Passkey)))
	if in.Way != wire.WayPasskey || in.Fresh != inbox.At(*b.now).Add(b.r.conf.Fresh) {
		t.Errorf("%+v", in)
	}
	b.pass(6 * time.Minute)
	up := b.r.NewStepUp(b.device, b.person, []byte("again"), "192.0.2.7")
	if got := b.in(up, passkeyShown(b.visit(b.ask(up).Passkey))); got.Fresh != inbox.At(*b.now).Add(b.r.conf.Fresh) || got.Since != in.Since {
		t.Errorf("a step-up: %+v", got)
	}
	if acts, _ := b.acts(start); !slices.Equal(acts, []string{"sign-in.refused way", "sign-in.done passkey", "step-up.done passkey"}) {
		t.Error(acts)
	}
	if keys, _ := b.r.PasskeysOf(t.Context(), b.person.ID); keys[0].Used == 0 {
		t.Error("nobody sees that it was used")
	}

	// One that was begun and given up is no step-up, nor the beginning of the next.
	again := b.r.NewStepUp(b.device, b.person, []byte("given up"), "192.0.2.7")
	for _, want := range []struct {
		adds bool
		need wire.Need
	}{{true, wire.NeedPasskey}, {false, wire.NeedPassword}} {
		if next, _, err := again.Try(t.Context(), wire.Credential{Begin: true, Adds: want.adds}); err != nil || next.Need != want.need {
			t.Errorf("need %d, want %d, %v", next.Need, want.need, err)
		}
	}

	// Another one, once it was shown who is there; that needs a step-up when the last one is too old.
	b.pass(6 * time.Minute)
	other := chromium.Open(t)
	first := b.page
	up = b.r.NewStepUp(b.device, b.person, []byte("more"), "192.0.2.7")
	asked, _, err = up.Try(t.Context(), wire.Credential{Begin: true, Adds: true})
	if err != nil || asked.Need != wire.NeedPassword {
		t.Fatalf("need %d, %v", asked.Need, err)
	}
	if asked = b.try(up, passkeyShown(b.visit(asked.Passkey))); asked.Need != wire.NeedPasskey {
		t.Fatalf("need %d, trouble %d", asked.Need, asked.Trouble)
	}
	b.page = other
	other.Authenticator(true)
	b.in(up, passkeyShown(b.visit(asked.Passkey)))
	b.page = first
	if keys, _ = b.r.PasskeysOf(t.Context(), b.person.ID); len(keys) != 2 {
		t.Fatalf("%d passkeys", len(keys))
	}
	// One is taken away, the other goes on; without any the way is the first one again.
	start = b.mark()
	n, ended, err := b.r.RemovePasskeys(t.Context(), By{}, b.person.ID, keys[1].ID)
	if err != nil || n != 1 || len(ended) != 1 {
		t.Errorf("%d removed, %d signed out, %v", n, len(ended), err)
	}
	if acts, _ := b.acts(start); !slices.Equal(acts, []string{"sign-in.passkey-removed " + keys[1].ID, "session.ended reset"}) {
		t.Error(acts)
	}
	s = b.dial()
	b.in(s, passkeyShown(b.visit(b.ask(s).Passkey)))
	if n, _, err := b.r.RemovePasskeys(t.Context(), By{}, b.person.ID, ""); err != nil || n != 1 {
		t.Errorf("%d removed, %v", n, err)
	}
	s = b.dial()
	if asked := b.ask(s); !slices.Equal(asked.Ways, []wire.Way{wire.WayPassword}) {
		t.Errorf("ways %v", asked.Ways)
	}
	if next := b.try(s, wire.Credential{Password: goodPassword}); next.Need != wire.NeedPasskey {
		t.Errorf("need %d", next.Need)
	}
}

func TestAPasskeyStandsInForTheCodeOrForBoth(t *testing.T) {
	b := newPasskeyBench(t, inbox.Agent, SignInConfig{})
	secret, _ := b.setUp()
	plain, verifying := chromium.Open(t), b.page
	plain.Authenticator(false) // a key without a PIN
	add := func(page *chromium.Page) {
		t.Helper()
		up := b.r.NewStepUp(b.device, b.person, []byte("more"), "192.0.2.7")
		asked, _, err := up.Try(t.Context(), wire.Credential{Begin: true, Adds: true})
		if err != nil || asked.Need != wire.NeedPasskey { // who was just seen need not show it again
			t.Fatalf("need %d, %v", asked.Need, err)
		}
		b.page = page
		b.in(up, passkeyShown(b.visit(asked.Passkey)))
	}
	add(plain)
	s := b.dial()
	asked := b.ask(s)
	if !slices.Equal(asked.Ways, []wire.Way{wire.WayPassword, wire.WayPasskey}) {
		t.Fatalf("ways %v", asked.Ways)
	}
	if said := b.refusedThere(asked.Passkey); said == "" { // the browser itself knows that this is not enough
		t.Error("nothing is said")
	}
	asked = b.try(s, wire.Credential{Password: goodPassword})
	if asked.Need != wire.NeedCode || asked.Passkey == nil {
		t.Fatalf("need %d", asked.Need)
	}
	if got := b.in(s, passkeyShown(b.visit(asked.Passkey))); got.Way != wire.WayPasskey {
		t.Errorf("%+v", got)
	}
	// The code does as before, and a passkey that verifies its person is enough alone.
	s = b.dial()
	b.in(s, wire.Credential{Password: goodPassword, Code: b.code(secret)})
	add(verifying)
	s = b.dial()
	b.in(s, passkeyShown(b.visit(b.ask(s).Passkey)))
}

func TestAPasskeyIsGoodForOneDeviceOnceInTime(t *testing.T) {
	b := newPasskeyBench(t, inbox.Supervisor, SignInConfig{})
	b.register()
	second := b.enrol(b.person)
	refused := func(name, why string, s *SignIn, c wire.BrowserCode) {
		t.Helper()
		start := b.mark()
		if said := b.try(s, passkeyShown(c)); said.Trouble != wire.TroublePasskey {
			t.Errorf("%s: trouble %d", name, said.Trouble)
		}
		if acts, _ := b.acts(start); !slices.Equal(acts, []string{"sign-in.refused " + why}) {
			t.Errorf("%s: %v", name, acts)
		}
		b.pass(time.Minute) // failures delay
	}
	// Another device's: what the browser brought is for the connection whose nonce was signed.
	one, two := b.dial(), b.r.NewSignIn(second, b.person, []byte("other"), "192.0.2.8")
	c := b.visit(b.ask(one).Passkey)
	refused("another device's", "state", two, c)
	c.State = b.ask(two).Passkey.State
	refused("another device's, with its own state", "nonce", two, c)
	refused("spent by that", "code", one, wire.BrowserCode{Code: c.Code, State: one.shows.state, Verifier: c.Verifier, Redirect: c.Redirect})

	s := b.dial()
	c = b.visit(b.ask(s).Passkey)
	c.Verifier = oauth2.GenerateVerifier()
	refused("of somebody who listened", "verifier", s, c)

	// Replayed: once it was good, it is good for nothing.
	s = b.dial()
	c = b.visit(b.ask(s).Passkey)
	b.in(s, passkeyShown(c))
	s = b.dial()
	c.State = b.ask(s).Passkey.State
	refused("replayed", "code", s, c)

	// Too late: in the browser, and on the way back.
	s = b.dial()
	asked := b.ask(s).Passkey
	address, _ := b.address(asked)
	b.page.Go(address)
	b.pass(ceremonyLife)
	b.page.Click("#go")
	b.page.Until(`document.getElementById("note").className === "bad"`)
	b.page.Go(address)
	if b.page.Eval(`document.getElementById("go") === null`) != true {
		t.Error("a page that is over still asks")
	}
	s = b.dial()
	c = b.visit(b.ask(s).Passkey)
	b.pass(ceremonyLife)
	refused("too late", "old", s, c)
}

func TestAPasskeyIsRefusedInTheBrowser(t *testing.T) {
	b := newPasskeyBench(t, inbox.Supervisor, SignInConfig{})
	b.register()
	wantAct := func(start uint64, want string) {
		t.Helper()
		if acts, _ := b.acts(start); !slices.Equal(acts, []string{want}) {
			t.Errorf("%v, want %s", acts, want)
		}
	}

	// Elsewhere: a page that looks like ours hands on what the authenticator signed for it.
	ours, err := url.Parse(b.origin)
	if err != nil {
		t.Fatal(err)
	}
	honest := false
	thief := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(q *httputil.ProxyRequest) {
		q.SetURL(ours)
		if !honest && q.In.Method == http.MethodPost {
			q.Out.Header.Set("Origin", b.origin)
		}
	}})
	defer thief.Close()
	at, _ := url.Parse(thief.URL)
	for _, honest = range []bool{false, true} {
		asked := b.ask(b.dial()).Passkey // whoever opens a page first has it
		start := b.mark()
		said := b.refusedThere(&wire.BrowserSignIn{URL: strings.Replace(asked.URL, b.origin, "http://localhost:"+at.Port(), 1), State: asked.State})
		if said == "" {
			t.Error("nothing is said")
		}
		if honest {
			if acts, _ := b.acts(start); len(acts) != 0 {
				t.Error(acts)
			}
			continue
		}
		wantAct(start, "sign-in.refused passkey-origin")
	}

	// Sent twice: a challenge is signed once.
	s := b.dial()
	asked := b.ask(s).Passkey
	address, verifier := b.address(asked)
	b.page.Go(address)
	b.page.Eval(`(() => { const real = fetch; window.fetch = async (to, how) => { const first = await real(to, how); await real(to, how); return first; }; return true; })()`)
	b.status = nil
	b.page.Click("#go")
	c := b.back(verifier)
	b.in(s, passkeyShown(c))
	if !slices.Equal(b.status, []int{http.StatusOK, http.StatusGone}) {
		t.Errorf("what is sent twice is answered with %v", b.status)
	}

	// A copy: it counts from where it was taken.
	keys := b.key.Credentials()
	if len(keys) != 1 {
		t.Fatalf("%d passkeys in the authenticator", len(keys))
	}
	copied := chromium.Credential{}
	for name, value := range keys[0] {
		copied[name] = value
	}
	copied["signCount"] = 1
	delete(copied, "backupEligibility")
	delete(copied, "backupState")
	s = b.dial()
	asked = b.ask(s).Passkey
	b.key.Put(copied)
	start := b.mark()
	if said := b.refusedThere(asked); !strings.Contains(said, "copied") {
		t.Errorf("says %q", said)
	}
	label := func() Passkey {
		keys, err := b.r.PasskeysOf(t.Context(), b.person.ID)
		if err != nil || len(keys) != 1 {
			t.Fatal(keys, err)
		}
		return keys[0]
	}
	if acts, _ := b.acts(start); !slices.Equal(acts, []string{"sign-in.passkey-copied " + label().ID, "sign-in.refused passkey-copied"}) {
		t.Error(acts)
	}
	if label().Copied == 0 {
		t.Error("nobody sees that there may be two")
	}
	// And from then on neither of them counts, whatever it says.
	copied["signCount"] = 1000
	b.key.Put(copied)
	s = b.dial()
	address, _ = b.address(b.ask(s).Passkey)
	b.page.Go(address)
	if b.page.Eval(`document.getElementById("go") === null`) != true {
		t.Error("a passkey that may be copied is asked for")
	}
	if said := b.ask(s); !slices.Equal(said.Ways, []wire.Way{wire.WayPasskey}) {
		t.Errorf("a copy opens another way: %v", said.Ways)
	}
}

// TestThePagesForPasskeysAskNobodyElse: they are ours alone, in each language and both themes, and only they may send.
func TestThePagesForPasskeysAskNobodyElse(t *testing.T) {
	b := newPasskeyBench(t, inbox.Supervisor, SignInConfig{})
	s := b.dial()
	asked := b.try(s, wire.Credential{New: goodPassword})
	address, _ := b.address(asked.Passkey)
	for language, title := range map[string]string{"de-AT,de;q=0.9": "Passkey registrieren", "it": "Registra una passkey", "fr": "Register a passkey", "": "Register a passkey"} {
		q, err := http.NewRequest(http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Accept-Language", language)
		answer, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || !strings.Contains(string(page), "<h1>"+title+"</h1>") {
			t.Errorf("%q: %v\n%s", language, err, page)
		}
		policy := answer.Header.Get("Content-Security-Policy")
		for _, must := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} {
			if !strings.Contains(policy, must) {
				t.Errorf("the page may more than it needs: %s", policy)
			}
		}
		if answer.Header.Get("Cache-Control") != "no-store" || answer.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Error("the ticket is kept or handed on")
		}
	}
	for _, look := range []struct{ scheme, language string }{{"light", "en"}, {"dark", "de"}} {
		b.page.Look(look.scheme, look.language, 720, 760)
		b.page.Go(address)
		b.page.Picture("register-" + look.scheme + "-" + look.language)
		outside := b.page.Eval(`performance.getEntriesByType("resource").filter(e => !e.name.startsWith(location.origin + "/sign-in/passkey")).length`)
		if outside != float64(0) {
			t.Errorf("%v things come from elsewhere", outside)
		}
	}
	answer := `{"ticket":"` + strings.Split(strings.Split(asked.Passkey.URL, "ticket=")[1], "&")[0] + `","credential":{}}`
	for name, change := range map[string]func(*http.Request){
		"of another page": func(q *http.Request) { q.Header.Set("Origin", "https://evil.example") },
		"of no page":      func(q *http.Request) { q.Header.Del("Origin") },
		"of a form":       func(q *http.Request) { q.Header.Set("Content-Type", "text/plain") },
		"that is too much": func(q *http.Request) {
			q.Body = io.NopCloser(strings.NewReader(strings.Repeat(" ", 70<<10)))
			q.ContentLength = 70 << 10
		},
		"without sense": func(*http.Request) {},
	} {
		q, err := http.NewRequest(http.MethodPost, b.origin+PasskeyPath, strings.NewReader(answer))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Origin", b.origin)
		q.Header.Set("Content-Type", "application/json")
		change(q)
		got, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		var said map[string]string
		json.NewDecoder(got.Body).Decode(&said)
		got.Body.Close()
		if got.StatusCode < 400 || said["to"] != "" {
			t.Errorf("%s: status %d", name, got.StatusCode)
		}
	}
	for _, origin := range []string{"http://inbox.example", "https://inbox.example/", "https://192.0.2.7", "inbox.example", "https://"} {
		conf := SignInConfig{Passkey: &PasskeyConfig{Origin: origin}}
		if err := b.r.Configure(conf); err == nil {
			t.Errorf("%q is taken for an origin", origin)
		}
	}
}
