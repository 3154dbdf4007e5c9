package relay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"sealdesk/app/inbox"
)

const (
	certSoon  = 21 * 24 * time.Hour
	drillLate = 35 * 24 * time.Hour
	roomLow   = 2 << 30   // bytes
	roomNone  = 256 << 20 // bytes
)

// checkRun looks at what those who run the relay must see in time.
func checkRun(ctx context.Context, cfg Config, held inside, err error, running bool, now time.Time) []Finding {
	out := []Finding{checkBackups(held, err, now), checkDrill(held, err, now)}
	if cfg.Backup.on() {
		out = append(out, checkShipping(cfg, held, running, now))
	}
	if cfg.TLS.ACME.Terms {
		out = append(out, checkAuthority(ctx, cfg))
	}
	return append(out, checkRoom(cfg)...)
}

func checkCertificate(cfg Config, now time.Time) Finding {
	f := Finding{What: "certificate"}
	pair, err := tls.LoadX509KeyPair(cfg.certificateFile(), cfg.TLS.Key)
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
	days := int(left / (24 * time.Hour))
	f.Detail = fmt.Sprintf("good until %s, %d days", leaf.NotAfter.Format(time.DateOnly), days)
	host, _, _ := net.SplitHostPort(cfg.Public)
	switch {
	case now.Before(leaf.NotBefore):
		f.State, f.Detail, f.Advice = Bad, "not valid yet", "set this machine's clock"
	case left <= 0:
		f.State, f.Detail, f.Advice = Watch, "ended "+leaf.NotAfter.Format(time.DateOnly), "laptops pin the key and go on, browsers do not; renew it with the same key"
	case left < certSoon && cfg.TLS.ACME.Terms:
		f.State, f.Advice = Watch, "the authority should have renewed it by now; look into the relay's log for why it could not"
	case left < certSoon:
		f.State, f.Advice = Watch, "renew it with the same key, so that laptops need not be enrolled again; the running relay takes the new file by itself"
	case leaf.VerifyHostname(host) != nil:
		f.State, f.Advice = Watch, "it names another host than `public`; laptops pin the key and do not mind"
	case cfg.TLS.ACME.Terms && string(leaf.RawIssuer) == string(leaf.RawSubject):
		f.State, f.Advice = Watch, "the authority has given none yet; the running relay tries each hour, and its log says why it could not"
	}
	return f
}

// checkAuthority asks the authority for its directory, as the relay does before it renews the certificate.
func checkAuthority(ctx context.Context, cfg Config) Finding {
	f := Finding{What: "authority", Detail: cfg.TLS.ACME.directory()}
	client, err := cfg.TLS.ACME.client()
	if err != nil {
		f.State, f.Detail, f.Advice = Bad, err.Error(), "mend the line it names"
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, cfg.TLS.ACME.directory(), nil)
	if err != nil {
		f.State, f.Advice = Bad, "mend tls.acme.directory"
		return f
	}
	res, err := client.Do(q)
	switch {
	case err != nil:
		f.State, f.Detail, f.Advice = Watch, "cannot be reached: "+unreachable(err), "let this machine open connections to "+q.URL.Host+"; the certificate cannot be renewed else"
		return f
	case res.StatusCode != http.StatusOK:
		f.State, f.Detail, f.Advice = Watch, fmt.Sprintf("answers with status %d", res.StatusCode), "compare tls.acme.directory with what the authority says"
	}
	res.Body.Close()
	return f
}

// checkShipping says how far the backup is that the running relay ships, or was when it stopped.
func checkShipping(cfg Config, held inside, running bool, now time.Time) Finding {
	f := Finding{What: "shipping"}
	s := held.shipping
	if !running {
		all, err := chainsIn(cfg.Backup.Store)
		switch {
		case err != nil:
			f.State, f.Detail, f.Advice = Bad, "the folder of the store cannot be read", "mount it, and let the relay's user write there: "+cfg.Backup.Store
		case len(all) == 0:
			f.State, f.Detail, f.Advice = Watch, "nothing was shipped yet", "it begins with `sealdesk-relay serve`"
		default:
			f.Detail = "stopped with the relay"
			if info, err := os.Stat(filepath.Join(cfg.Backup.Store, all[len(all)-1].name)); err == nil {
				f.Detail = "went on until " + ago(now, inbox.At(info.ModTime()))
			}
		}
		return f
	}
	switch {
	case s.Failing != "":
		f.State, f.Detail, f.Advice = Bad, s.Failing, "nothing is lost yet: make room or mount the folder, and it goes on by itself"
	case s.Chain == "":
		f.State, f.Detail, f.Advice = Watch, "the first copy is being made", "ask again in a few minutes"
	default:
		f.Detail = fmt.Sprintf("%s of work are on this disk alone; %s at worst", s.Lag.Round(100*time.Millisecond), s.Worst.Round(100*time.Millisecond))
		if s.Lag > RecoveryPoint || s.Worst > RecoveryPoint {
			f.State, f.Advice = Watch, fmt.Sprintf("more than the %s promised: is the folder on a slow disk? Write fewer seconds at backup.seconds", RecoveryPoint)
		}
	}
	return f
}

func checkDrill(held inside, err error, now time.Time) Finding {
	f := Finding{What: "drill"}
	const how = "sealdesk-relay backup drill --help"
	switch {
	case err != nil:
		f.State, f.Detail, f.Advice = Watch, "cannot be looked at now", "see above"
	case held.drill == 0:
		f.State, f.Detail, f.Advice = Watch, "nobody has tried yet whether a backup can be restored", how
	default:
		f.Detail = "a restore was tried " + ago(now, held.drill)
		if now.Sub(held.drill.Time()) > drillLate {
			f.State, f.Advice = Watch, "try one each month: "+how
		}
	}
	return f
}

// checkRoom looks at the disks the relay writes to.
func checkRoom(cfg Config) (out []Finding) {
	for _, dir := range []struct{ what, path string }{{"disk", cfg.Data}, {"backup disk", cfg.Backup.Store}, {"keys disk", cfg.Backup.Keys}} {
		if dir.path == "" {
			continue
		}
		f := Finding{What: dir.what}
		free, err := roomOn(dir.path)
		switch {
		case err != nil:
			f.State, f.Detail, f.Advice = Watch, "cannot be looked at: "+dir.path, "mount it, and let the relay's user write there"
		default:
			f.Detail = Bytes(free).String() + " are free"
			if free < roomNone {
				f.State, f.Advice = Bad, "make room: without it WhatsApp's messages are not taken, and come again for seven days at most"
			} else if free < roomLow {
				f.State, f.Advice = Watch, "make room soon"
			}
		}
		out = append(out, f)
	}
	return out
}
