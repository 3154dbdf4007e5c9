package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
)

// inside is what the doctor looks at in the store.
type inside struct {
	open     []inbox.Incident
	requests []inbox.Request
	people   []PersonAccount // by policy; without devices
	chains   []inbox.AuditChain
	backup   inbox.Moment // the last one
	drill    inbox.Moment // the last restore that was tried
	shipping BackupState  // of a running relay
	waiting  int          // devices nobody has signed in on yet; of a running relay
}

// lookInside asks the running relay, or reads the store of one that does not run and changes nothing. A store that is not
// there yet holds nothing.
func lookInside(ctx context.Context, cfg Config, running bool) (in inside, err error) {
	if running {
		a, done, err := OpenAdmin(ctx, cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			return in, err
		}
		in.open, err = a.Incidents(ctx, false)
		if err == nil {
			in.requests, err = a.Requests(ctx, false)
		}
		if err == nil {
			in.people, err = a.PeopleAccounts(ctx)
		}
		if err == nil {
			in.chains, err = a.AuditChains(ctx)
		}
		if err == nil {
			in.backup, err = a.LastBackup(ctx)
		}
		if err == nil {
			in.drill, err = a.LastDrill(ctx)
		}
		if err == nil {
			in.shipping, err = a.BackupState(ctx)
		}
		if err == nil {
			var waiting []WaitingDevice
			waiting, err = a.WaitingDevices(ctx)
			in.waiting = len(waiting)
		}
		return in, errors.Join(err, done())
	}
	if _, err := os.Stat(cfg.LedgerFile()); errors.Is(err, os.ErrNotExist) {
		return in, nil
	}
	key, err := cfg.ledgerKey()
	if err != nil {
		return in, err
	}
	db, err := ledger.Open(cfg.LedgerFile(), ledger.Config{Key: key})
	if err != nil {
		return in, err
	}
	err = db.View(ctx, oversightShard(), func(tx ledger.Tx) (err error) {
		if in.open, err = openIncidents(tx); err == nil {
			in.requests, err = allRequests(tx)
		}
		return err
	})
	in.requests = slices.DeleteFunc(in.requests, settled)
	if err == nil {
		err = in.readPeople(ctx, cfg, db)
	}
	if err == nil {
		err = in.readChains(ctx, db)
	}
	if err == nil {
		in.backup, err = lastBackup(ctx, db)
	}
	if err == nil {
		in.drill, err = lastOf(ctx, db, actDrill)
	}
	return in, errors.Join(err, db.Close())
}

func (in *inside) readPeople(ctx context.Context, cfg Config, db ledger.DB) error {
	register := identity.NewRegister(db, time.Now)
	people, err := register.People(ctx)
	if err != nil {
		return err
	}
	for _, p := range people {
		a, err := register.Account(ctx, p.ID)
		if err != nil {
			return err
		}
		in.people = append(in.people, accountOf(cfg, p, a))
	}
	return nil
}

// readChains verifies the whole of the audit log: nobody else does while no relay runs.
func (in *inside) readChains(ctx context.Context, db ledger.DB) error {
	reports, err := audit.Verify(ctx, db, audit.VerifyOptions{})
	if err != nil {
		return err
	}
	for _, r := range reports {
		c := inbox.AuditChain{Log: inbox.LogID(r.Shard), Size: r.Entries, Verified: inbox.At(time.Now()), Broken: !r.Sound()}
		err := db.View(ctx, eventlog.Shard(c.Log), func(tx ledger.Tx) error {
			last, err := audit.Latest(tx)
			c.Signed = last.At
			return err
		})
		if err != nil {
			return err
		}
		in.chains = append(in.chains, c)
	}
	return nil
}

// checkSignIn says who may speak for whom.
func checkSignIn(cfg Config) Finding {
	c := cfg.SignIn
	f := Finding{What: "sign-in"}
	hours := fmt.Sprintf("; a sign-in holds %d hours", int(c.life().Hours()))
	switch {
	case !c.required():
		f.State, f.Detail = Watch, "nobody signs in: whoever holds an enrolled laptop is its person. For a trial only"
		f.Advice = "write required = true at [sign_in] before customers' data comes in"
	case c.OIDC.Issuer != "" && !c.OIDC.Local:
		f.Detail = "at the company's sign-on" + hours
	case !c.secondFactor():
		f.State, f.Detail, f.Advice = Watch, "a password alone"+hours, "write second_factor = true at [sign_in]: passwords are guessed and lent"
	case c.OIDC.Issuer != "":
		f.Detail = "at the company's sign-on, or with a password and a code for who has none" + hours
	default:
		f.Detail = "with a password and a code" + hours
	}
	return f
}

// checkDevices says what a device may do alone.
func checkDevices(cfg Config, held inside) Finding {
	c := cfg.Device
	f := Finding{What: "laptops"}
	alone := fmt.Sprintf("read their cache %d hours without the relay", int(c.offline().Hours()))
	if c.offline() == 0 {
		alone = "read their cache only while the relay is there"
	}
	lock := fmt.Sprintf("lock after %d minutes", int(c.idle().Minutes()))
	if c.idle() == 0 {
		lock = "never lock by themselves"
		f.State, f.Advice = Watch, "write idle_minutes = 10 at [device]: an open window is anybody's"
	}
	f.Detail = fmt.Sprintf("%s, %s, wipe themselves after %d days", alone, lock, int(c.silent().Hours()/24))
	if held.waiting > 0 {
		f.Detail += fmt.Sprintf("; %d wait for somebody to sign in", held.waiting)
		f.Advice = orWord(f.Advice, "sealdesk-relay device list says which; one nobody of the company set up is a stranger's")
	}
	return f
}

// checkPeople counts who cannot come in, and who has not begun to.
func checkPeople(cfg Config, held inside, err error) []Finding {
	f := Finding{What: "people"}
	if err != nil {
		f.State, f.Detail, f.Advice = Watch, "cannot be looked at now", "see above"
		return []Finding{f}
	}
	here, cannot, unset, waits := 0, 0, 0, 0
	for _, p := range held.people {
		if p.Person.Left != 0 {
			continue
		}
		here++
		switch {
		case p.Way == SignInCannot:
			cannot++
		case p.Way == SignInPassword && (!p.Password || !p.Second && !p.NoSecond):
			unset++
		}
		if p.Waits > inbox.At(time.Now()) {
			waits++
		}
	}
	f.Detail = fmt.Sprintf("%d may work", here)
	if unset > 0 {
		f.Detail += fmt.Sprintf(", %d of them choose a password or a second factor at the next sign-in", unset)
	}
	if here == 0 {
		f.State, f.Detail, f.Advice = Watch, "nobody yet", `sealdesk-relay person add "Your Name" --role supervisor`
	}
	if waits > 0 {
		f.State, f.Advice = Watch, "sealdesk-relay person list; if it was not they who tried, somebody guesses: sealdesk-relay audit search --act sign-in --refused"
		f.Detail += fmt.Sprintf(", %d must wait after wrong passwords or codes", waits)
	}
	out := []Finding{f}
	if cannot > 0 {
		out = append(out, Finding{
			"people", Watch, fmt.Sprintf("%d of %d cannot sign in: nobody said who they are at the company's sign-on", cannot, here),
			"sealdesk-relay person list, then for each: sealdesk-relay person sign-on NAME --email ADDRESS",
		})
	}
	return out
}

const backupLate = 7 * 24 * time.Hour

// checkBackups says when a backup was taken last. Other ways of backing up it does not know.
func checkBackups(held inside, err error, now time.Time) Finding {
	f := Finding{What: "backups"}
	switch {
	case err != nil:
		f.State, f.Detail, f.Advice = Watch, "cannot be looked at now", "see above"
	case held.backup == 0:
		f.State, f.Detail, f.Advice = Watch, "none was taken with sealdesk-relay backup", "sealdesk-relay backup --help; a copy of files that are written meanwhile is none"
	default:
		f.Detail = "the last one was taken " + ago(now, held.backup)
		if now.Sub(held.backup.Time()) > backupLate {
			f.State, f.Advice = Watch, "take one each day: sealdesk-relay backup DIR"
		}
	}
	return f
}

// signedLate is how old the last checkpoint of a running relay may be while entries wait for one: it signs every ten seconds.
const signedLate = 5 * time.Minute

// checkAudit says how the audit log stands.
func checkAudit(held inside, err error, running bool, now time.Time) Finding {
	f := Finding{What: "audit log"}
	if err != nil {
		f.State, f.Detail, f.Advice = Watch, "cannot be looked at now", "see above"
		return f
	}
	var entries uint64
	var signed inbox.Moment
	var verified inbox.Moment
	broken := 0
	for i, c := range held.chains {
		entries += c.Size
		signed = max(signed, c.Signed)
		if i == 0 || c.Verified < verified {
			verified = c.Verified
		}
		if c.Broken {
			broken++
		}
	}
	f.Detail = fmt.Sprintf("%d entries", entries)
	switch {
	case entries == 0:
		return f
	case signed == 0:
		f.Detail += ", signed never yet"
	default:
		f.Detail += ", signed last " + ago(now, signed)
	}
	if verified == 0 {
		f.Detail += ", not verified since the relay started"
	} else {
		f.Detail += ", verified " + ago(now, verified)
	}
	switch {
	case broken > 0:
		f.State = Bad
		f.Detail = fmt.Sprintf("%d of %d logs are not as they were written", broken, len(held.chains))
		f.Advice = "keep the data folder as it is, run sealdesk-relay audit verify, and show it to somebody who does not run the relay"
	case running && now.Sub(signed.Time()) > signedLate && unsignedIn(held.chains):
		f.State, f.Advice = Watch, "the running relay signs every ten seconds; look into its log"
	case signed == 0 && !running:
		f.State, f.Advice = Watch, "sealdesk-relay audit checkpoint, or let the relay run"
	default:
		f.Detail += ", as it was written"
		if verified == 0 {
			f.Detail = strings.TrimSuffix(f.Detail, ", as it was written")
		}
	}
	return f
}

// unsignedIn reports whether a log was never signed although it holds something.
func unsignedIn(chains []inbox.AuditChain) bool {
	return slices.ContainsFunc(chains, func(c inbox.AuditChain) bool { return c.Size > 0 && c.Signed == 0 })
}

// ago is how long a moment is over, as people say it.
func ago(now time.Time, m inbox.Moment) string {
	d := now.Sub(m.Time())
	switch {
	case d < time.Minute:
		return "just now"
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}

// discovery is what the doctor reads of a provider's own description (OpenID Connect Discovery 1.0 section 3, RFC 8414 section
// 2, Back-Channel Logout 1.0 section 2.1).
type discovery struct {
	Issuer      string   `json:"issuer"`
	Authorize   string   `json:"authorization_endpoint"`
	Token       string   `json:"token_endpoint"`
	Keys        string   `json:"jwks_uri"`
	BackChannel bool     `json:"backchannel_logout_supported"`
	Challenges  []string `json:"code_challenge_methods_supported"`
	Grants      []string `json:"grant_types_supported"`
	Scopes      []string `json:"scopes_supported"`
}

const discoveryPath = "/.well-known/openid-configuration"

// checkSignOn asks the company's sign-on to describe itself.
func checkSignOn(ctx context.Context, cfg Config) []Finding {
	c := cfg.SignIn.OIDC
	f := Finding{What: "sign-on", Detail: c.Issuer}
	bad := func(detail, advice string) []Finding {
		f.State, f.Detail, f.Advice = Bad, detail, advice
		return []Finding{f}
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.Issuer, "/")+discoveryPath, nil)
	if err != nil {
		return bad("its address is no URL", "mend sign_in.oidc.issuer")
	}
	before := time.Now()
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		return bad("cannot be reached: "+unreachable(err), "let this machine open connections to "+q.URL.Host+"; meanwhile nobody signs in there, and who is removed there is not noticed")
	}
	defer res.Body.Close()
	clock := checkClock("the sign-on", res.Header.Get("Date"), before, time.Now())
	var d discovery
	if res.StatusCode != http.StatusOK || json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&d) != nil {
		return append(bad(fmt.Sprintf("does not describe itself (status %d)", res.StatusCode), "compare sign_in.oidc.issuer with what the sign-on calls its issuer; "+discoveryPath+" must be below it"), clock)
	}
	if d.Issuer != c.Issuer {
		return append(bad("calls itself by another name than sign_in.oidc.issuer says", "write its own name there, letter by letter: a slash at the end counts"), clock)
	}
	for _, e := range []struct{ what, address string }{{"authorization_endpoint", d.Authorize}, {"token_endpoint", d.Token}, {"jwks_uri", d.Keys}} {
		if !isSecure(e.address) {
			return append(bad("its "+e.what+" is missing or not https", "mend the sign-on: answers and keys must not go in plain"), clock)
		}
	}
	if d.Challenges != nil && !slices.Contains(d.Challenges, "S256") {
		return append(bad("does not know PKCE with S256", "turn it on there; without it an answer could be stolen on the laptop"), clock)
	}
	var notes []string
	wantRefresh := c.Scopes == nil || slices.Contains(c.Scopes, "offline_access")
	switch {
	case d.Grants != nil && !slices.Contains(d.Grants, "refresh_token"), wantRefresh && d.Scopes != nil && !slices.Contains(d.Scopes, "offline_access"):
		notes = append(notes, "it gives no refresh tokens: who is removed there is noticed only at the next sign-in. Turn on offline_access, or shorten sign_in.hours")
	case !d.BackChannel:
		notes = append(notes, "it tells nobody of a sign-out: who is removed there is noticed within 15 minutes")
	case cfg.Listen.Webhooks == "":
		notes = append(notes, "it cannot tell the relay of a sign-out: listen.webhooks is empty, so who is removed there is noticed within 15 minutes")
	}
	if len(notes) > 0 {
		f.State, f.Advice = Watch, strings.Join(notes, "; ")
	} else {
		f.Detail += ", tells of sign-outs at https://<your public host>" + LogoutPath + " if that is entered there"
	}
	return []Finding{f, clock}
}

// isSecure reports whether an address is https, or on this machine.
func isSecure(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}
