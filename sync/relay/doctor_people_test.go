package relay

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sealdesk/app/inbox"
)

// TestTheDoctorAsksTheSignOn holds what a provider says of itself against the configuration.
func TestTheDoctorAsksTheSignOn(t *testing.T) {
	full := func(own string) map[string]any {
		return map[string]any{
			"issuer": own, "authorization_endpoint": own + "/auth", "token_endpoint": own + "/token", "jwks_uri": own + "/keys",
			"backchannel_logout_supported": true, "code_challenge_methods_supported": []string{"S256"},
			"grant_types_supported": []string{"authorization_code", "refresh_token"}, "scopes_supported": []string{"openid", "offline_access"},
		}
	}
	for name, x := range map[string]struct {
		change func(d map[string]any)
		cfg    func(c *Config)
		late   time.Duration
		what   string
		state  FindingState
		says   string
	}{
		"all fits":           {what: "sign-on", state: Well, says: LogoutPath},
		"another name":       {change: func(d map[string]any) { d["issuer"] = "https://login.example.com" }, what: "sign-on", state: Bad, says: "by another name"},
		"a slash too many":   {cfg: func(c *Config) { c.SignIn.OIDC.Issuer += "/" }, what: "sign-on", state: Bad, says: "by another name"},
		"tokens in plain":    {change: func(d map[string]any) { d["token_endpoint"] = "http://login.example.com/token" }, what: "sign-on", state: Bad, says: "token_endpoint"},
		"no keys":            {change: func(d map[string]any) { delete(d, "jwks_uri") }, what: "sign-on", state: Bad, says: "jwks_uri"},
		"no PKCE":            {change: func(d map[string]any) { d["code_challenge_methods_supported"] = []string{"plain"} }, what: "sign-on", state: Bad, says: "PKCE"},
		"no back-channel":    {change: func(d map[string]any) { delete(d, "backchannel_logout_supported") }, what: "sign-on", state: Watch, says: "within 15 minutes"},
		"no refresh":         {change: func(d map[string]any) { d["scopes_supported"] = []string{"openid"} }, what: "sign-on", state: Watch, says: "only at the next sign-in"},
		"no door for it":     {cfg: func(c *Config) { c.Listen.Webhooks = "" }, what: "sign-on", state: Watch, says: "listen.webhooks is empty"},
		"a wrong path":       {cfg: func(c *Config) { c.SignIn.OIDC.Issuer += "/realm" }, what: "sign-on", state: Bad, says: "status 404"},
		"nobody there":       {cfg: func(c *Config) { c.SignIn.OIDC.Issuer = "http://127.0.0.1:1" }, what: "sign-on", state: Bad, says: "refused"},
		"the clock is wrong": {late: 10*time.Minute + 500*time.Millisecond, what: "clock", state: Bad, says: "10m0s apart from that of the sign-on"},
	} {
		t.Run(name, func(t *testing.T) {
			mux := http.NewServeMux()
			srv := httptest.NewServer(mux)
			defer srv.Close()
			mux.HandleFunc("GET "+discoveryPath, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Date", time.Now().Add(x.late).UTC().Format(http.TimeFormat))
				d := full(srv.URL)
				if x.change != nil {
					x.change(d)
				}
				json.NewEncoder(w).Encode(d)
			})
			cfg := Config{Listen: ListenConfig{Webhooks: "127.0.0.1:8080"}, SignIn: SignInConfig{OIDC: OIDCConfig{Issuer: srv.URL, Client: "sealdesk"}}}
			if x.cfg != nil {
				x.cfg(&cfg)
			}
			found := false
			for _, f := range checkSignOn(t.Context(), cfg) {
				if f.What == x.what {
					found = true
					if f.State != x.state || !strings.Contains(f.Detail+" "+f.Advice, x.says) {
						t.Errorf("%+v", f)
					}
				}
				if f.State != Well && f.Advice == "" {
					t.Errorf("nobody says what to do: %+v", f)
				}
			}
			if !found {
				t.Errorf("nothing is said about %s", x.what)
			}
		})
	}
}

func TestTheDoctorSaysHowTheAuditLogStands(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	before := func(d time.Duration) inbox.Moment { return inbox.At(now.Add(-d)) }
	for name, x := range map[string]struct {
		chains  []inbox.AuditChain
		running bool
		state   FindingState
		says    string
	}{
		"nothing yet":       {nil, true, Well, "0 entries"},
		"as it should be":   {[]inbox.AuditChain{{Size: 5, Signed: before(time.Second), Verified: before(3 * time.Hour)}}, true, Well, "5 entries, signed last just now, verified 3 hours ago, as it was written"},
		"a quiet weekend":   {[]inbox.AuditChain{{Size: 5, Signed: before(60 * time.Hour), Verified: before(time.Hour)}}, true, Well, "signed last 2 days ago, verified 60 minutes ago"},
		"just started":      {[]inbox.AuditChain{{Size: 5, Signed: before(time.Hour)}}, true, Well, "not verified since the relay started"},
		"one is not":        {[]inbox.AuditChain{{Size: 5, Signed: before(0), Verified: before(0)}, {Size: 7, Signed: before(0), Verified: before(0), Broken: true}}, true, Bad, "1 of 2 logs are not as they were written"},
		"nobody signs":      {[]inbox.AuditChain{{Size: 5}}, true, Watch, "signed never yet"},
		"not running, none": {[]inbox.AuditChain{{Size: 5, Verified: before(0)}}, false, Watch, "signed never yet"},
	} {
		f := checkAudit(inside{chains: x.chains}, nil, x.running, now)
		if f.State != x.state || !strings.Contains(f.Detail, x.says) || f.State != Well && f.Advice == "" || f.State == Bad && strings.HasSuffix(f.Detail, "as it was written") {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// TestTheDoctorSeesTheSameInARunningRelay asks through the socket.
func TestTheDoctorSeesTheSameInARunningRelay(t *testing.T) {
	bothWays(t, func(t *testing.T, r *Relay, a Admin) {
		if _, remote := a.(*remoteAdmin); !remote {
			t.Skip("the store is held by this test")
		}
		requireSignIn(t, r)
		if _, err := a.AddColleague(t.Context(), Colleague{Name: "Sabine Lorenz", Role: inbox.Supervisor, Team: "north"}); err != nil {
			t.Fatal(err)
		}
		in, err := lookInside(t.Context(), r.cfg, true)
		if err != nil || len(in.people) != 1 || in.people[0].Way != SignInPassword || len(in.chains) == 0 {
			t.Errorf("%+v %v", in, err)
		}
		if f := checkPeople(r.cfg, in, nil); len(f) != 1 || f[0].State != Well {
			t.Errorf("%+v", f)
		}
	})
}
