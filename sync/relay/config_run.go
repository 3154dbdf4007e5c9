package relay

import (
	"cmp"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/acme"
)

// BackupConfig says where a running relay ships its sealed backup to. Without recipients it ships none.
type BackupConfig struct {
	Recipients []string `toml:"recipients"` // age recipients, or files of them
	Store      string   `toml:"store"`      // the folder of the store
	Keys       string   `toml:"keys"`       // the folder of the keys
	Seconds    int      `toml:"seconds"`    // between two rounds; 0 is 5
	BaseHours  int      `toml:"base_hours"` // between two copies; 0 is 24
	KeepDays   *int     `toml:"keep_days"`  // for which the last copy of each day is kept; nil is 7
}

func (c BackupConfig) on() bool { return len(c.Recipients) > 0 }
func (c BackupConfig) every() time.Duration {
	return time.Duration(cmp.Or(c.Seconds, 5)) * time.Second
}
func (c BackupConfig) baseEvery() time.Duration {
	return time.Duration(cmp.Or(c.BaseHours, 24)) * time.Hour
}
func (c BackupConfig) keepDays() int { return or(c.KeepDays, 7) }

func (c BackupConfig) check() error {
	switch {
	case !c.on() && c.Store == "" && c.Keys == "":
		return nil
	case !c.on():
		return wrong("backup.recipients: whom the backup is sealed to, such as age-keygen prints: age1...")
	case c.Store == "" || c.Keys == "":
		return wrong("backup: store and keys name two folders, best on two disks of other machines")
	case inFolder(c.Store, c.Keys) || inFolder(c.Keys, c.Store):
		return wrong("backup: store and keys must be apart: whoever has both, and the identity, has everything but the master key")
	case c.Seconds < 0 || c.Seconds > 3600:
		return wrong("backup.seconds: 1 to 3600, usually 5; what was committed since the last round is lost with the disk")
	case c.BaseHours < 0 || c.BaseHours > 24*31:
		return wrong("backup.base_hours: hours between two copies, 1 to 744, usually 24")
	case c.keepDays() < 0 || c.keepDays() > 3650:
		return wrong("backup.keep_days: for how many days the last copy of each day is kept, usually 7")
	}
	_, err := ParseRecipients(c.Recipients)
	return err
}

// inFolder reports whether a folder is another one or in it.
func inFolder(dir, in string) bool {
	rel, err := filepath.Rel(in, dir)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// ACMEConfig says how the certificate is renewed by an authority that speaks ACME (RFC 8555). Without terms it is not.
type ACMEConfig struct {
	Terms     bool   `toml:"terms"`     // the authority's terms are agreed to
	Directory string `toml:"directory"` // "" is Let's Encrypt
	Email     string `toml:"email"`     // for the authority's notices; may be empty
	Challenge string `toml:"challenge"` // tls-alpn or http; "" is tls-alpn
	Listen    string `toml:"listen"`    // for http: where the authority comes to; "" is :80
	Roots     string `toml:"roots"`     // certificates the authority itself is trusted by, for one of the company's own
}

const (
	challengeTLS  = "tls-alpn"
	challengeHTTP = "http"
)

func (c ACMEConfig) directory() string { return cmp.Or(c.Directory, acme.LetsEncryptURL) }
func (c ACMEConfig) challenge() string { return cmp.Or(c.Challenge, challengeTLS) }

// listen is where the authority looks for the answer; "" is where devices come to.
func (c ACMEConfig) listen() string {
	if !c.Terms || c.challenge() != challengeHTTP {
		return ""
	}
	return cmp.Or(c.Listen, ":80")
}

func (c ACMEConfig) check() error {
	if c.Challenge != "" && c.Challenge != challengeTLS && c.Challenge != challengeHTTP {
		return wrong("tls.acme.challenge: tls-alpn, which needs port 443 of `public` to lead to listen.devices, or http, which needs port 80")
	}
	if u, err := url.Parse(c.directory()); err != nil || u.Scheme != "https" || u.Host == "" {
		return wrong("tls.acme.directory: the https address of the authority's directory; left empty it is Let's Encrypt")
	}
	if !c.Terms && c != (ACMEConfig{}) {
		return wrong("tls.acme.terms: say true once you have read the authority's terms")
	}
	return nil
}

// proxies are the addresses whose word about a client's address counts. The configuration was checked.
func (c ListenConfig) proxies() (out []netip.Prefix) {
	for _, text := range c.Proxies {
		if p, err := parseProxy(text); err == nil {
			out = append(out, p)
		}
	}
	return out
}

func (c ListenConfig) check() error {
	for _, text := range c.Proxies {
		if _, err := parseProxy(text); err != nil {
			return wrong("listen.proxies: %q is no address, such as 127.0.0.1, and no network, such as 10.1.2.0/24", text)
		}
	}
	return nil
}

func parseProxy(text string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.Masked(), nil
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
}
