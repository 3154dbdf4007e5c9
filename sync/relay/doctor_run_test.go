package relay

import (
	"crypto/ecdsa"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sealdesk/app/inbox"
)

func TestDoctorSeesInTimeWhatWillTroubleWhoRunsTheRelay(t *testing.T) {
	cfg := newConfig(t, func(a *Answers) { a.Public = "relay.example.com:8443" })
	r, err := Open(t.Context(), cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	key := r.tls.PrivateKey.(*ecdsa.PrivateKey)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	days := func(n int) time.Time { return now.Add(time.Duration(n)*24*time.Hour + time.Hour) }
	for _, c := range []struct {
		what  string
		until time.Time
		acme  bool
		want  FindingState
		says  string
	}{
		{"a certificate with time left", days(22), false, Well, "22 days"},
		{"one that ends", days(20), false, Watch, "same key"},
		{"one the authority has not renewed", days(20), true, Watch, "authority"},
		{"one that has ended", days(-1), false, Watch, "ended"},
	} {
		if err := os.WriteFile(cfg.TLS.Certificate, []byte(certified(t, key, c.until)), 0o644); err != nil {
			t.Fatal(err)
		}
		cfg.TLS.ACME.Terms = c.acme
		if f := checkCertificate(cfg, now); f.State != c.want || !strings.Contains(f.Detail+" "+f.Advice, c.says) {
			t.Errorf("%s: %+v", c.what, f)
		}
	}

	well := BackupState{Shipping: true, Chain: "20261122T081050Z-21e8", Lag: time.Second, Worst: 5 * time.Second}
	with := func(change func(*BackupState)) inside {
		s := well
		change(&s)
		return inside{shipping: s}
	}
	for _, c := range []struct {
		what string
		held inside
		want FindingState
	}{
		{"it ships", inside{shipping: well}, Well},
		{"it cannot", with(func(s *BackupState) { s.Failing = ErrNoRoom.Error() }), Bad},
		{"it is late", with(func(s *BackupState) { s.Lag = time.Minute }), Watch},
		{"it was late", with(func(s *BackupState) { s.Worst = time.Minute }), Watch},
		{"it begins", with(func(s *BackupState) { s.Chain = "" }), Watch},
	} {
		if f := checkShipping(cfg, c.held, true, now); f.State != c.want || (f.State != Well) != (f.Advice != "") {
			t.Errorf("%s: %+v", c.what, f)
		}
	}
	stopped := cfg
	stopped.Backup = BackupConfig{Store: filepath.Join(t.TempDir(), "none")}
	if f := checkShipping(stopped, inside{}, false, now); f.State != Bad {
		t.Errorf("a folder that is away: %+v", f)
	}
	if err := os.MkdirAll(filepath.Join(stopped.Backup.Store, "20261122T081050Z-21e8"), 0o700); err != nil {
		t.Fatal(err)
	}
	if f := checkShipping(stopped, inside{}, false, now); f.State != Well || !strings.Contains(f.Detail, "until") {
		t.Errorf("a relay that stopped: %+v", f)
	}

	for age, want := range map[time.Duration]FindingState{time.Hour: Well, 34 * 24 * time.Hour: Well, 36 * 24 * time.Hour: Watch} {
		if f := checkDrill(inside{drill: inbox.At(now.Add(-age))}, nil, now); f.State != want {
			t.Errorf("a drill %s ago: %+v", age, f)
		}
	}
	if f := checkDrill(inside{}, nil, now); f.State != Watch {
		t.Errorf("no drill: %+v", f)
	}

	status := http.StatusOK
	authority := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	defer authority.Close()
	cfg.TLS.ACME = ACMEConfig{Terms: true, Directory: authority.URL}
	if f := checkAuthority(t.Context(), cfg); f.State != Watch || !strings.Contains(f.Detail, "certificate of their own") {
		t.Errorf("an authority nobody knows: %+v", f)
	}
	authority.Close()
	if f := checkAuthority(t.Context(), cfg); f.State != Watch {
		t.Errorf("an authority that is away: %+v", f)
	}
	if all := checkRoom(cfg); len(all) != 1 || all[0].What != "disk" {
		t.Errorf("%+v", all)
	}
}
