package relay

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
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
		advice := Advice(err)
		if errors.Is(err, ErrConfig) {
			advice = "mend the line it names, then run doctor again"
		}
		return []Finding{{"configuration", Bad, err.Error(), advice}}
	}
	out := []Finding{{What: "configuration", Detail: path}}
	out = append(out, checkSecretsFile(filepath.Join(filepath.Dir(path), EnvFile)))
	out = append(out, checkCertificate(cfg, time.Now()), checkData(cfg), checkMaster(cfg), checkMedia(cfg))
	running := isRunning(cfg)
	out = append(out, checkStore(ctx, cfg, running))
	if !running {
		out = append(out, checkAddresses(cfg))
	}
	out = append(out, checkPrivacy(cfg), checkGuarded(cfg), checkUpdates(cfg, time.Now()))
	held, err := lookInside(ctx, cfg, running)
	out = append(out, checkSignIn(cfg), checkDevices(cfg, held))
	if cfg.SignIn.OIDC.Issuer != "" {
		out = append(out, checkSignOn(ctx, cfg)...)
	}
	out = append(out, checkOversight(held, err)...)
	out = append(out, checkPeople(cfg, held, err)...)
	out = append(out, checkAudit(held, err, running, time.Now()))
	out = append(out, checkRun(ctx, cfg, held, err, running, time.Now())...)
	return append(out, checkGraph(ctx, cfg)...)
}

// checkPrivacy looks whether customers who ask about their data are told all they have a right to.
func checkPrivacy(cfg Config) Finding {
	var missing []string
	for _, key := range []struct{ name, value string }{
		{"company", cfg.Privacy.Company}, {"officer", cfg.Privacy.Officer}, {"url", cfg.Privacy.URL},
	} {
		if key.value == "" {
			missing = append(missing, "privacy."+key.name)
		}
	}
	if len(cfg.Privacy.Retention) == 0 {
		missing = append(missing, "privacy.retention")
	}
	if len(missing) > 0 {
		return Finding{"privacy", Watch, "customers are not told all they may want to know", "write " + strings.Join(missing, ", ") + " into relay.toml"}
	}
	f := Finding{What: "privacy", Detail: "customers are told who answers for their data, and how long it is kept"}
	if days := cfg.Privacy.KeepDays; days > 0 {
		f.Detail += fmt.Sprintf("; after %d days without a message they are put forward to be forgotten", days)
	}
	return f
}

// checkOversight looks at what waits for a person: incidents, and customers' requests the law wants an answer to.
func checkOversight(held inside, err error) []Finding {
	if err != nil {
		return []Finding{{"oversight", Watch, "cannot be looked at now", "see above"}}
	}
	incidents := Finding{What: "incidents", Detail: "none is open"}
	if len(held.open) > 0 {
		incidents.State, incidents.Detail = Watch, fmt.Sprintf("%d are open", len(held.open))
		incidents.Advice = "sealdesk-relay incident list"
	}
	overdue := 0
	for _, q := range held.requests {
		if Overdue(q, inbox.At(time.Now())) {
			overdue++
		}
	}
	asked := Finding{What: "requests", Detail: fmt.Sprintf("%d customers wait for an answer about their data", len(held.requests))}
	if overdue > 0 {
		asked.State, asked.Detail = Bad, fmt.Sprintf("%d customers wait longer than the law allows", overdue)
		asked.Advice = "sealdesk-relay request list"
	}
	return []Finding{incidents, asked}
}

func isRunning(cfg Config) bool {
	conn, err := net.DialTimeout("unix", cfg.adminSocket(), time.Second)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

func checkData(cfg Config) Finding {
	f := Finding{What: "data folder", Detail: "only the relay's user may enter it"}
	info, err := os.Stat(cfg.Data)
	switch {
	case err != nil:
		f.State, f.Detail, f.Advice = Bad, err.Error(), "sealdesk-relay backup restore --help, or write the right folder at `data`"
	case !info.IsDir():
		f.State, f.Detail, f.Advice = Bad, "it is not a folder", "write the right folder at `data`"
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		f.State, f.Detail, f.Advice = Watch, "others may look into it", "chmod 700 "+cfg.Data
	}
	return f
}

// checkAddresses tries the addresses of a relay that does not run.
func checkAddresses(cfg Config) Finding {
	f := Finding{What: "addresses", Detail: "free to listen on"}
	for key, address := range map[string]string{
		"listen.devices": cfg.Listen.Devices, "listen.webhooks": cfg.Listen.Webhooks, "listen.ops": cfg.Listen.Ops,
	} {
		if address == "" {
			continue
		}
		l, err := listenPublic(key, address)
		if err != nil {
			f.State, f.Detail, f.Advice = Bad, err.Error(), "see which program it is with: ss -ltnp"
			continue
		}
		l.Close()
	}
	return f
}

func checkSecretsFile(path string) Finding {
	f := Finding{What: "secrets", Detail: "from the environment"}
	if _, err := os.Stat(path); err == nil {
		f.Detail = "complete, and only the relay's user may read " + EnvFile // LoadConfig has refused any other mode
	}
	return f
}

func checkMaster(cfg Config) Finding {
	if _, err := cfg.master(); err != nil {
		return Finding{"master key", Bad, err.Error(), "restore data/master.key from its backup; without it the store cannot be read"}
	}
	return Finding{What: "master key", Detail: "there; keep a copy of data/master.key away from every backup"}
}

func checkStore(ctx context.Context, cfg Config, running bool) Finding {
	f := Finding{What: "store"}
	if running {
		f.Detail = "open in the running relay"
		return f
	}
	if _, err := os.Stat(cfg.LedgerFile()); errors.Is(err, os.ErrNotExist) {
		f.State, f.Detail, f.Advice = Watch, "not there yet", "it is made by the first `sealdesk-relay serve`"
		return f
	}
	key, err := cfg.ledgerKey()
	if err != nil {
		f.State, f.Detail, f.Advice = Bad, "cannot be looked at without the master key and the key file", "see above"
		return f
	}
	err = ledger.Check(ctx, cfg.LedgerFile(), ledger.Config{Key: key})
	if err == nil {
		err = ledger.Check(ctx, cfg.RawFile(), ledger.Config{Key: key})
	}
	switch {
	case errors.Is(err, ledger.ErrLocked):
		f.State, f.Detail, f.Advice = Watch, "held by another process", "is a relay starting or stopping?"
	case err != nil:
		f.State, f.Detail, f.Advice = Bad, err.Error(), "stop, keep the file, and restore the last backup: sealdesk-relay backup restore --help"
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
		at.State, at.Detail, at.Advice = Bad, "cannot be reached: "+unreachable(err), "let this machine open connections to "+q.URL.Host+", through the proxy if there is one (HTTPS_PROXY)"
		return []Finding{at}
	}
	res.Body.Close()
	out := []Finding{at, checkClock("WhatsApp", res.Header.Get("Date"), before, time.Now())}
	client, err := cfg.graph()
	if err != nil {
		return append(out, Finding{"whatsapp", Bad, err.Error(), "mend whatsapp.api and whatsapp.version"})
	}
	for _, in := range cfg.Inboxes {
		f := Finding{What: "inbox " + in.ID, Detail: "WhatsApp knows the number and takes the token"}
		n, err := client.Number(ctx, in.PhoneNumberID)
		if err != nil {
			f.State = Bad
			f.Detail, f.Advice = numberTrouble(err)
		} else if theirs := digits(n.DisplayPhoneNumber); theirs != "" && theirs != digits(in.Number) {
			f.State, f.Detail, f.Advice = Bad, "phone_number_id belongs to another number than `number` says", "copy both from Meta's console (WhatsApp > API setup)"
		}
		if f.State == Well {
			f = checkNumber(f, in, n)
		}
		out = append(out, f)
	}
	return out
}

// checkNumber says how WhatsApp sees a number that works.
func checkNumber(f Finding, in InboxConfig, n whatsapp.Number) Finding {
	f.Detail += ", " + TierWords(tierOf(n.MessagingLimit())) + " new customers a day"
	if n.QualityRating != "" {
		f.Detail += ", rated " + word(n.QualityRating)
	}
	switch {
	case qualityOf(whatsapp.Quality(n.QualityRating)) == inbox.QualityLow:
		f.State, f.Advice = Watch, "customers block or report the number; write to fewer, and only to those who agreed"
	case n.Status != "" && n.Status != "CONNECTED":
		f.State, f.Advice = Watch, "WhatsApp says "+word(n.Status)+"; look at Meta's console (WhatsApp Manager > Phone numbers)"
	case n.NameStatus == "DECLINED" || n.NameStatus == "EXPIRED":
		f.State, f.Advice = Watch, "WhatsApp does not take the display name; choose another in Meta's console"
	case in.AccountID == "":
		f.State, f.Advice = Watch, "write account_id into relay.toml; without it templates are not known"
	}
	return f
}

// unreachable says why a connection could not be made, without what the error quotes.
func unreachable(err error) string {
	var dns *net.DNSError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var timeout net.Error
	switch {
	case errors.As(err, &dns):
		return "its name is not known here"
	case errors.As(err, &unknown), errors.As(err, &host):
		return "somebody in between shows a certificate of their own"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection is refused"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	}
	return "the connection breaks"
}

func digits(s string) string {
	return strings.Map(func(c rune) rune {
		if c < '0' || c > '9' {
			return -1
		}
		return c
	}, s)
}

// numberTrouble says in words what WhatsApp did not like, and what to do.
func numberTrouble(err error) (detail, advice string) {
	var api *whatsapp.APIError
	if !errors.As(err, &api) {
		return "the answer is not WhatsApp's", "look at whatsapp.api, and at the proxy between this machine and Meta"
	}
	code := fmt.Sprintf(" (status %d, code %d)", api.HTTPStatus, api.Code)
	switch {
	case api.Class == whatsapp.ClassAuth:
		return "WhatsApp does not take the token" + code, "make a new system user token in Meta Business settings and put it into " + EnvToken
	case api.Class == whatsapp.ClassPermission:
		return "the token may not use this number" + code, "give the system user the permissions whatsapp_business_messaging and whatsapp_business_management"
	case api.Code == codeOldVersion || api.Code == codeNoVersion:
		return "WhatsApp does not speak this version any more" + code, "write a newer one at whatsapp.version, such as " + whatsapp.DefaultVersion
	case api.Class.Temporary():
		return "WhatsApp is busy" + code, "try again in a few minutes"
	}
	return "WhatsApp does not know this number" + code, "compare phone_number_id with Meta's console (WhatsApp > API setup)"
}

// Codes of the Graph API for a version in the path that is too old, or none (Meta, "Error handling").
const (
	codeOldVersion = 2635
	codeNoVersion  = 2500
)

// maxSkew is how wrong a clock may be: one-time codes and reply windows depend on it.
const maxSkew = 30 * time.Second

// checkClock holds this machine's clock against what another side told between two readings.
func checkClock(whose, date string, before, after time.Time) Finding {
	f := Finding{What: "clock"}
	theirs, err := http.ParseTime(date)
	if err != nil {
		f.State, f.Detail, f.Advice = Watch, whose+" told no time", "see that this machine uses NTP"
		return f
	}
	skew := before.Add(after.Sub(before) / 2).Sub(theirs).Round(time.Second)
	f.Detail = fmt.Sprintf("%s apart from that of %s", skew.Abs(), whose)
	if skew.Abs() > maxSkew {
		f.State, f.Advice = Bad, "set the clock, best with NTP (timedatectl set-ntp true)"
	}
	return f
}
