package relay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/vault"
	"sealdesk/sync/relay/internal/whatsapp"
)

// A Finding is one thing [Doctor] looked at. Advice says what to do unless all is well.
type Finding struct {
	What   string
	State  FindingState
	Detail string
	Advice string
}

// FindingState tells good from bad.
type FindingState int

// The states of a finding.
const (
	Well  FindingState = iota
	Watch              // works now, will not for ever
	Bad                // does not work
)

// String returns a word as wide as the others.
func (s FindingState) String() string { return [...]string{"ok  ", "note", "BAD "}[s] }

// Doctor looks at everything a relay needs and says what to do. It changes nothing, and works beside a running relay.
// Its findings hold no secret and no number of a customer.
func Doctor(ctx context.Context, path string) []Finding {
	cfg, err := LoadConfig(path)
	if err != nil {
		return []Finding{{"configuration", Bad, err.Error(), "mend the line it names, then run doctor again"}}
	}
	out := []Finding{{What: "configuration", Detail: path}}
	out = append(out, checkSecretsFile(filepath.Join(filepath.Dir(path), EnvFile)))
	out = append(out, checkCertificate(cfg, time.Now()), checkMaster(cfg), checkStore(ctx, cfg))
	return append(out, checkGraph(ctx, cfg)...)
}

func checkSecretsFile(path string) Finding {
	f := Finding{What: "secrets", Detail: "from the environment"}
	if _, err := os.Stat(path); err == nil {
		f.Detail = "complete, and only the relay's user may read " + EnvFile // LoadConfig has refused any other mode
	}
	return f
}

func checkCertificate(cfg Config, now time.Time) Finding {
	f := Finding{What: "certificate"}
	pair, err := tls.LoadX509KeyPair(cfg.TLS.Certificate, cfg.TLS.Key)
	if err != nil {
		f.State, f.Detail, f.Advice = Bad, err.Error(), "restore relay.crt and relay.key; a new pair means enrolling every laptop again"
		return f
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		f.State, f.Detail, f.Advice = Bad, err.Error(), "restore relay.crt from a backup"
		return f
	}
	left := leaf.NotAfter.Sub(now)
	f.Detail = fmt.Sprintf("good until %s", leaf.NotAfter.Format(time.DateOnly))
	switch {
	case now.Before(leaf.NotBefore):
		f.State, f.Detail, f.Advice = Bad, "not valid yet", "set this machine's clock"
	case left <= 0:
		f.State, f.Advice = Watch, "laptops pin the key and go on; renew it with the same key at leisure"
	case left < 60*24*time.Hour:
		f.State, f.Advice = Watch, "renew it with the same key, so that laptops need not be enrolled again"
	}
	host, _, _ := net.SplitHostPort(cfg.Public)
	if err := leaf.VerifyHostname(host); err != nil && f.State == Well {
		f.State, f.Advice = Watch, "it names another host than `public`; laptops pin the key and do not mind"
	}
	return f
}

func checkMaster(cfg Config) Finding {
	if _, err := vault.MasterFromFile(cfg.masterKeyFile()); err != nil {
		return Finding{"master key", Bad, err.Error(), "restore data/master.key from its backup; without it the store cannot be read"}
	}
	return Finding{What: "master key", Detail: "there; keep a copy of data/master.key away from the store's backups"}
}

func checkStore(ctx context.Context, cfg Config) Finding {
	f := Finding{What: "store"}
	if conn, err := net.DialTimeout("unix", cfg.adminSocket(), time.Second); err == nil {
		conn.Close()
		f.Detail = "open in the running relay"
		return f
	}
	if _, err := os.Stat(cfg.LedgerFile()); errors.Is(err, os.ErrNotExist) {
		f.State, f.Detail, f.Advice = Watch, "not there yet", "it is made by the first `sealdesk-relay serve`"
		return f
	}
	master, err := vault.MasterFromFile(cfg.masterKeyFile())
	if err != nil {
		f.State, f.Detail, f.Advice = Bad, "cannot be looked at without the master key", "see above"
		return f
	}
	switch err := ledger.Check(ctx, cfg.LedgerFile(), ledger.Config{Key: master.LedgerKey()}); {
	case errors.Is(err, ledger.ErrLocked):
		f.State, f.Detail, f.Advice = Watch, "held by another process", "is a relay starting or stopping?"
	case err != nil:
		f.State, f.Detail, f.Advice = Bad, err.Error(), "stop, keep the file, and restore the last backup"
	default:
		f.Detail = "every row opens"
	}
	return f
}

// checkGraph asks Meta about each number: that proves the way there, the token, the number, and the clock.
func checkGraph(ctx context.Context, cfg Config) []Finding {
	at := Finding{What: "whatsapp", Detail: cfg.WhatsApp.API + " " + cfg.WhatsApp.Version}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodHead, cfg.WhatsApp.API, nil)
	if err != nil {
		at.State, at.Advice = Bad, "mend whatsapp.api"
		return []Finding{at}
	}
	before := time.Now()
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		at.State, at.Detail, at.Advice = Bad, "cannot be reached", "let this machine open connections to "+q.URL.Host+" port 443, through the proxy if there is one (HTTPS_PROXY)"
		return []Finding{at}
	}
	res.Body.Close()
	out := []Finding{at, checkClock(res.Header.Get("Date"), before, time.Now())}
	client, err := whatsapp.NewClient(whatsapp.Config{BaseURL: cfg.WhatsApp.API, Version: cfg.WhatsApp.Version, Token: cfg.Secrets.Token})
	if err != nil {
		return append(out, Finding{"whatsapp", Bad, err.Error(), "mend whatsapp.api and whatsapp.version"})
	}
	for _, in := range cfg.Inboxes {
		f := Finding{What: "inbox " + in.ID, Detail: "WhatsApp knows the number and takes the token"}
		if _, err := client.Number(ctx, in.PhoneNumberID); err != nil {
			f.State, f.Detail, f.Advice = Bad, err.Error(), numberAdvice(err)
		}
		out = append(out, f)
	}
	return out
}

func numberAdvice(err error) string {
	var api *whatsapp.APIError
	if !errors.As(err, &api) {
		return "try again; if it stays, look at the proxy between this machine and Meta"
	}
	switch api.Class {
	case whatsapp.ClassAuth:
		return "make a new system user token in Meta Business settings and put it into " + EnvToken
	case whatsapp.ClassPermission:
		return "give the system user the permissions whatsapp_business_messaging and whatsapp_business_management"
	}
	return "compare phone_number_id with Meta's console (WhatsApp > API setup)"
}

// maxSkew is how wrong a clock may be: one-time codes and reply windows depend on it.
const maxSkew = 30 * time.Second

func checkClock(date string, before, after time.Time) Finding {
	f := Finding{What: "clock"}
	theirs, err := http.ParseTime(date)
	if err != nil {
		f.State, f.Detail, f.Advice = Watch, "the other side told no time", "see that this machine uses NTP"
		return f
	}
	skew := before.Add(after.Sub(before) / 2).Sub(theirs).Round(time.Second)
	f.Detail = fmt.Sprintf("%s apart from WhatsApp's", skew.Abs())
	if skew.Abs() > maxSkew {
		f.State, f.Advice = Bad, "set the clock, best with NTP (timedatectl set-ntp true)"
	}
	return f
}
