package relay

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/letsencrypt/challtestsrv"
	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"

	"sealdesk/sync/wire"
)

// met is the certificate a device meets at an address.
func met(t *testing.T, address string) *x509.Certificate {
	t.Helper()
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0]
}

// certified makes a certificate for a key.
func certified(t *testing.T, key *ecdsa.PrivateKey, until time.Time) string {
	t.Helper()
	c := &x509.Certificate{
		SerialNumber: big.NewInt(until.UnixNano()), Subject: pkix.Name{CommonName: "relay.example.com"}, Issuer: pkix.Name{CommonName: "An authority"},
		NotBefore: until.Add(-90 * 24 * time.Hour), NotAfter: until, DNSNames: []string{"relay.example.com"},
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "An authority"}, NotAfter: until, IsCA: true}
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, ca, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// A new certificate for the same key takes effect without a restart; one for another key, or half of one, does not.
func TestACertificateTakesEffectWhenItsFileChanges(t *testing.T) {
	r := newRelay(t, nil)
	address := devices(t, r)
	first := met(t, address)
	key := r.tls.PrivateKey.(*ecdsa.PrivateKey)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	until := time.Now().Add(80 * 24 * time.Hour).Truncate(time.Second).UTC()
	for _, c := range []struct {
		what, text string
		want       time.Time
	}{
		{"a certificate for another key", certified(t, other, until), first.NotAfter},
		{"half a certificate", certified(t, key, until)[:100], first.NotAfter},
		{"nothing", "", first.NotAfter},
		{"one for the same key", certified(t, key, until), until},
		{"one for the same key that has ended", certified(t, key, until.Add(-81*24*time.Hour)), until.Add(-81 * 24 * time.Hour)},
	} {
		if err := os.WriteFile(r.cfg.TLS.Certificate, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		r.certs.look()
		now := met(t, address)
		if !now.NotAfter.Equal(c.want) {
			t.Errorf("%s: it ends %v", c.what, now.NotAfter)
		}
		if wire.PinOf(now.RawSubjectPublicKeyInfo) != r.Pin() {
			t.Errorf("%s: laptops would refuse it", c.what)
		}
		if !r.certs.expiry().Equal(c.want) {
			t.Errorf("%s: %v is told", c.what, r.certs.expiry())
		}
	}
}

func init() { os.Setenv("PEBBLE_VA_NOSLEEP", "1") } // pebble waits before it looks, else

// pebble is an ACME server that comes to the given port to see whether the host is ours.
func pebble(t *testing.T, port int) (directory, roots string) {
	t.Helper()
	log := slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	names := freePort(t)
	dns, err := challtestsrv.New(challtestsrv.Config{Log: log, DNSOneAddrs: []string{names}})
	if err != nil {
		t.Fatal(err)
	}
	dns.SetDefaultDNSIPv4("127.0.0.1")
	dns.SetDefaultDNSIPv6("")
	go dns.Run()
	t.Cleanup(dns.Shutdown)
	store := db.NewMemoryStore()
	authority := ca.New(log, store, "", 0, 1, map[string]ca.Profile{"default": {Description: "default"}})
	front := wfe.New(log, store, va.New(log, port, port, false, names, store), authority, false, false, 1, 1)
	srv := httptest.NewUnstartedServer(front.Handler())
	srv.Config.ErrorLog = log
	srv.StartTLS()
	t.Cleanup(srv.Close)
	roots = filepath.Join(t.TempDir(), "roots.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	if err := os.WriteFile(roots, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return srv.URL + wfe.DirectoryPath, roots
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestAnAuthorityRenewsTheCertificateAndNotTheKey gets certificates from a real ACME server, twice.
func TestAnAuthorityRenewsTheCertificateAndNotTheKey(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		challenge, host string
		times           int
	}{
		{challengeTLS, "relay.example.com", 2}, {challengeHTTP, "relay.example.com", 1}, {challengeTLS, "127.0.0.1", 1},
	} {
		t.Run(c.challenge+" for "+c.host, func(t *testing.T) {
			t.Parallel()
			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			defer stop()
			cfg := newConfig(t, func(a *Answers) { a.Public = c.host + ":8443" })
			l, err := net.Listen("tcp", "127.0.0.1:0") // held from here on: another test might get it
			if err != nil {
				t.Fatal(err)
			}
			door := l.Addr().String()
			_, text, _ := net.SplitHostPort(door)
			port, _ := strconv.Atoi(text)
			cfg.TLS.ACME = ACMEConfig{Terms: true, Challenge: c.challenge, Email: "it@example.com", Listen: door}
			cfg.TLS.ACME.Directory, cfg.TLS.ACME.Roots = pebble(t, port)
			if err := cfg.Check(); err != nil {
				t.Fatal(err)
			}
			r, err := Open(ctx, cfg, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			address := devices(t, r)
			if c.challenge == challengeTLS {
				l = tls.NewListener(l, r.TLS())
			}
			answering := make(chan struct{})
			go func() {
				defer close(answering)
				serve(ctx, l, r.authority, slog.New(slog.DiscardHandler))
			}()
			defer func() { stop(); <-answering }()

			before := met(t, address)
			var seen []string
			for range c.times {
				if err := r.authority.obtain(ctx); err != nil {
					t.Fatal(err)
				}
				now := met(t, address)
				if wire.PinOf(now.RawSubjectPublicKeyInfo) != r.Pin() || now.VerifyHostname(c.host) != nil || now.Issuer.String() == before.Issuer.String() {
					t.Errorf("a device meets one by %s that it would not take", now.Issuer)
				}
				if due(now, c.host, time.Now()) || !due(now, c.host, now.NotAfter.Add(-27*24*time.Hour)) {
					t.Error("it is renewed at the wrong time")
				}
				seen = append(seen, now.SerialNumber.String())
			}
			if len(seen) > 1 && seen[0] == seen[1] {
				t.Error("the second is the first")
			}
			// It outlives a restart, also when the authority's account is lost.
			if err := errors.Join(r.Close(), os.Remove(filepath.Join(cfg.Data, "acme.key"))); err != nil {
				t.Fatal(err)
			}
			again, err := Open(ctx, cfg, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			if again.Pin() != r.Pin() || met(t, devices(t, again)).SerialNumber.String() != seen[len(seen)-1] {
				t.Error("after a restart it is another")
			}
		})
	}
}

// An authority that is away or says no costs nothing: the certificate before goes on.
func TestAnAuthorityThatSaysNoHarmsNothing(t *testing.T) {
	t.Parallel()
	cfg := newConfig(t, func(a *Answers) { a.Public = "relay.example.com:8443" })
	cfg.TLS.ACME = ACMEConfig{Terms: true}
	cfg.TLS.ACME.Directory, cfg.TLS.ACME.Roots = pebble(t, 1) // nobody answers there
	r, err := Open(t.Context(), cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	before := r.certs.expiry()
	ctx, stop := context.WithCancel(t.Context())
	tick := make(chan time.Time)
	done := make(chan error, 1)
	go func() { done <- r.authority.renew(ctx, tick) }()
	tick <- time.Time{} // taken once the first try is over
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if !strings.Contains(metricsOf(t, r), `sealdesk_certificate_renewals_total{result="failed"} 1`) || !r.certs.expiry().Equal(before) {
		t.Error("it did not fail, or something changed")
	}
	if list, _ := filepath.Glob(filepath.Join(cfg.Data, "acme.crt*")); len(list) > 0 {
		t.Errorf("%d files are left", len(list))
	}
}

// Who asks the address of the authority's questions for something else is sent to the relay.
func TestTheAuthoritysAddressAnswersNobodyElse(t *testing.T) {
	cfg := newConfig(t, func(a *Answers) { a.Public = "relay.example.com:443" })
	cfg.TLS.ACME = ACMEConfig{Terms: true, Challenge: challengeHTTP}
	r, err := Open(t.Context(), cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for path, want := range map[string]int{"/": http.StatusTemporaryRedirect, "/x": http.StatusTemporaryRedirect, acmePath + "x": http.StatusNotFound} {
		w := httptest.NewRecorder()
		r.authority.ServeHTTP(w, httptest.NewRequest("GET", "http://anything"+path, nil))
		if w.Code != want {
			t.Errorf("%s: %d", path, w.Code)
		}
		if to := w.Header().Get("Location"); w.Code == http.StatusTemporaryRedirect && to != "https://relay.example.com/" {
			t.Errorf("%s leads to %s", path, to)
		}
	}
	doors := r.doors()
	found := false
	for _, d := range doors {
		found = found || d.key == "tls.acme.listen" && strings.HasSuffix(d.address, ":80")
	}
	if !found {
		t.Error("nobody listens on port 80")
	}
}

func TestAConfigurationOfItsRunThatCannotWorkIsRefused(t *testing.T) {
	base := newConfig(t, nil)
	for _, c := range []struct {
		what   string
		change func(*Config)
		want   string
	}{
		{"a proxy that is none", func(c *Config) { c.Listen.Proxies = []string{"nginx"} }, "listen.proxies"},
		{"a proxy", func(c *Config) { c.Listen.Proxies = []string{"127.0.0.1", "::1", "10.1.0.0/16"} }, ""},
		{"an authority without terms", func(c *Config) { c.TLS.ACME.Email = "a@example.com" }, "terms"},
		{"another challenge", func(c *Config) { c.TLS.ACME = ACMEConfig{Terms: true, Challenge: "dns"} }, "challenge"},
		{"an authority without TLS", func(c *Config) { c.TLS.ACME = ACMEConfig{Terms: true, Directory: "http://ca.example.com"} }, "directory"},
		{"a backup to nobody", func(c *Config) { c.Backup = BackupConfig{Store: "/a", Keys: "/b"} }, "recipients"},
		{"a backup to nowhere", func(c *Config) { c.Backup = BackupConfig{Recipients: []string{"age1x"}} }, "folders"},
		{"keys beside the store", func(c *Config) {
			c.Backup = BackupConfig{Recipients: []string{"age1x"}, Store: "/a/b", Keys: "/a"}
		}, "apart"},
		{"no recipient", func(c *Config) { c.Backup = BackupConfig{Recipients: []string{"age1x"}, Store: "/a", Keys: "/b"} }, "recipient"},
		{"the secret half", func(c *Config) {
			c.Backup = BackupConfig{Recipients: []string{secretHalf(t)}, Store: "/a", Keys: "/b"}
		}, "secret half"},
	} {
		cfg := base
		c.change(&cfg)
		err := cfg.Check()
		if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

func secretHalf(t *testing.T) string {
	file := filepath.Join(t.TempDir(), "identity.txt")
	if err := os.WriteFile(file, []byte("# created\nAGE-SECRET-KEY-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// metricsOf is what Prometheus would read.
func metricsOf(t *testing.T, r *Relay) string {
	t.Helper()
	w := httptest.NewRecorder()
	r.Ops().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}
