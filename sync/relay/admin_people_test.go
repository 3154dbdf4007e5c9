package relay

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/wire"
)

// requireSignIn turns on what relays of tests have turned off.
func requireSignIn(t *testing.T, r *Relay) {
	t.Helper()
	r.cfg.SignIn.Required, r.cfg.SignIn.weak = nil, true
	if err := r.configureSignIn(); err != nil {
		t.Fatal(err)
	}
}

// TestAResetClosesTheSessionsItEnds goes from a first sign-in to a reset, with the device connected.
func TestAResetClosesTheSessionsItEnds(t *testing.T) {
	const phrase = "violet kettle 39 harbour"
	for name, end := range map[string]func(a Admin) (int, error){
		"reset":   func(a Admin) (int, error) { return a.ResetPerson(t.Context(), "tobias brandt", true, true) },
		"sign-on": func(a Admin) (int, error) { return a.SetSignOn(t.Context(), "tobias brandt", SignOn{Subject: "s"}) },
	} {
		bothWays(t, func(t *testing.T, r *Relay, a Admin) {
			requireSignIn(t, r)
			id, key := admitted(t, r)
			d, p, err := r.people.Device(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			in := r.people.NewSignIn(d, p, []byte("challenge"), "")
			try := func(c wire.Credential) wire.SignIn {
				t.Helper()
				next, _, err := in.Try(t.Context(), c)
				if err != nil {
					t.Fatal(err)
				}
				return next
			}
			second := try(wire.Credential{New: phrase})
			if second.Second == nil {
				t.Fatalf("no second factor is offered: need %d, trouble %d", second.Need, second.Trouble)
			}
			code, err := totp.GenerateCode(second.Second.Secret, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			try(wire.Credential{Code: code})
			try(wire.Credential{})
			conn := dialDevice(t, devices(t, r), net.Dialer{})
			prove(t, conn, r, id, key)

			acc, err := a.PersonAccount(t.Context(), "tobias brandt")
			if err != nil || !acc.Password || !acc.Second || acc.Recovery == 0 || acc.Until == 0 || acc.Last == 0 || len(acc.Devices) != 1 {
				t.Fatalf("%s: before: %+v %v", name, acc, err)
			}
			if n, err := end(a); n != 1 || err != nil {
				t.Fatalf("%s: signed out on %d, %v", name, n, err)
			}
			if code := closedWith(conn); code != wire.CloseSignedOut {
				t.Errorf("%s: closed with %d", name, code)
			}
			acc, err = a.PersonAccount(t.Context(), string(p.ID))
			if err != nil || acc.Until != 0 || acc.Last == 0 || acc.Password != (name == "sign-on") || acc.Second != (name == "sign-on") {
				t.Errorf("%s: after: %+v %v", name, acc, err)
			}
			if n, err := end(a); n != 0 || err != nil {
				t.Errorf("%s: again: %d, %v", name, n, err)
			}
		})
	}
	bothWays(t, func(t *testing.T, _ *Relay, a Admin) {
		if _, err := a.ResetPerson(t.Context(), "nobody", true, true); !errors.Is(err, ErrNoPerson) {
			t.Errorf("nobody is reset: %v", err)
		}
		if _, err := a.SetSignOn(t.Context(), "nobody", SignOn{}); !errors.Is(err, ErrNoPerson) {
			t.Errorf("nobody has a sign-on: %v", err)
		}
	})
}

func TestAnAddressIsInNoLogNoErrorAndNoList(t *testing.T) {
	const address = "kanarie.vogel@example.com"
	var log bytes.Buffer
	r, err := Open(t.Context(), newConfig(t, nil), Options{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	boss := Colleague{Name: "Sabine Lorenz", Role: inbox.Supervisor, SignOn: SignOn{Email: address}}
	if _, err := r.AddColleague(t.Context(), boss); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]Colleague{
		"twice":    {Name: "Tobias Brandt", Role: inbox.Agent, SignOn: SignOn{Email: " " + strings.ToUpper(address)}},
		"no word":  {Name: "Tobias Brandt", Role: inbox.Agent, Team: "Kanarie Vogel", SignOn: SignOn{Email: "x@example.com"}},
		"no such":  {Name: "Tobias Brandt", Role: inbox.Agent, SignOn: SignOn{Email: "kanarie.vogel"}},
		"no inbox": {Name: "Tobias Brandt", Role: inbox.Agent, Inboxes: []inbox.InboxID{"none"}, SignOn: SignOn{Email: "kanarie.vogel@example.org"}},
	} {
		_, err := r.AddColleague(t.Context(), c)
		if err == nil || strings.Contains(strings.ToLower(err.Error()), "kanarie") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := r.SetSignOn(t.Context(), "Sabine Lorenz", SignOn{Email: "kanarie.vogel"}); !errors.Is(err, identity.ErrSignOn) || strings.Contains(err.Error(), "kanarie") {
		t.Errorf("%v", err)
	}
	all, err := r.PeopleAccounts(t.Context())
	if err != nil || len(all) != 1 || all[0].Email != "" {
		t.Errorf("%+v %v", all, err)
	}
	if one, err := r.PersonAccount(t.Context(), "Sabine Lorenz"); err != nil || one.Email != address {
		t.Errorf("%+v %v", one, err)
	}
	page, err := r.AuditSearch(t.Context(), AuditSearchWish{Text: "kanarie"})
	if err != nil || len(page.Found) != 0 {
		t.Errorf("the audit log holds an address: %v %v", page.Found, err)
	}
	if strings.Contains(log.String(), "kanarie") {
		t.Error("the log holds an address")
	}
}

func TestTheWayInFollowsPolicyAndPerson(t *testing.T) {
	no := false
	known, nobody := SignOn{Subject: "s"}, SignOn{}
	oidc := OIDCConfig{Issuer: "https://login.example.com", Client: "sealdesk"}
	local := oidc
	local.Local = true
	for name, x := range map[string]struct {
		c    SignInConfig
		on   SignOn
		want SignInWay
	}{
		"a trial":                     {SignInConfig{Required: &no, OIDC: oidc}, known, SignInNone},
		"no sign-on":                  {SignInConfig{}, nobody, SignInPassword},
		"known, but there is none":    {SignInConfig{}, known, SignInPassword},
		"known there":                 {SignInConfig{OIDC: oidc}, known, SignInCompany},
		"known there, password too":   {SignInConfig{OIDC: local}, known, SignInCompany},
		"unknown there, password too": {SignInConfig{OIDC: local}, nobody, SignInPassword},
		"unknown there":               {SignInConfig{OIDC: oidc}, nobody, SignInCannot},
	} {
		if got := x.c.way(x.on); got != x.want {
			t.Errorf("%s: %d, want %d", name, got, x.want)
		}
	}
}
