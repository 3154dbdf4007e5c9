package identity

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/wire"
)

// SignInConfig says how people show who is there. The zero value requires no sign-in.
type SignInConfig struct {
	Required     bool           // somebody must be signed in on a device; else the device speaks for its person
	SecondFactor bool           // whoever has a password must have a second factor beside it
	Session      time.Duration  // from sign-in until signed out, whatever happens; zero is 12 hours, 24 is the most
	Fresh        time.Duration  // how long a person counts as just seen; zero is [inbox.StepUpLife], which is the most
	Company      string         // what an authenticator shows beside the codes; no password may contain it
	OIDC         *OIDCConfig    // the company's sign-on; nil if it has none
	Passkey      *PasskeyConfig // nil: there are none
	// Claims is how many devices a person may have who makes one his own by signing in on it ([Register.Knock]); 0: nobody
	// does, devices are enrolled with a code.
	Claims int
	Cost   Cost         // of a password's hash; zero is [DefaultCost]
	Log    *slog.Logger // nil logs nothing
}

// OIDCConfig is the company's sign-on: an OpenID provider at which the relay is a client (OpenID Connect Core 1.0), with
// http://127.0.0.1/ as a redirect address that may have any port (RFC 8252 section 7.3).
type OIDCConfig struct {
	Issuer string // https://; http only on the loopback
	Client string // the client's id
	Secret string // "" for a public client
	// Scopes asked for; nil is openid, email and offline_access. Without a refresh token the relay learns of a removal
	// only at the next sign-in.
	Scopes []string
	// Prompt is sent with each request; "consent" for providers that give a refresh token only then (Core, section 11).
	Prompt string
	// Groups: a person must be in one of them; none asks for none. GroupsClaim is where they stand; "" is "groups".
	Groups      []string
	GroupsClaim string
	// AnyEmail takes an address as the person's although the provider does not say that it verified it.
	AnyEmail bool
	// Everybody: who has no sign-on cannot sign in at all, instead of with a password.
	Everybody bool
	// HTTP asks the provider; nil is a client with the system's roots and a limit of 10 seconds.
	HTTP *http.Client
}

// Cost is what a password's hash costs: argon2id (RFC 9106), memory in KiB.
type Cost struct {
	Time    uint32
	Memory  uint32
	Threads uint8
}

// DefaultCost is 64 MiB, three passes, one thread.
var DefaultCost = Cost{Time: 3, Memory: 64 << 10, Threads: 1}

// ErrConfig is returned for a configuration of sign-in that cannot work; the wrapped text says why.
var ErrConfig = errors.New("configuration of sign-in")

// PollEvery is how often [Register.Poll] asks the sign-on about each grant.
const PollEvery = 15 * time.Minute

const (
	defaultSession = 12 * time.Hour
	longestSession = 24 * time.Hour
	freshMost      = inbox.StepUpLife * time.Millisecond
)

// Configure says how people sign in from now on. Call it before any other method. Errors: [ErrConfig].
func (r *Register) Configure(c SignInConfig) error {
	if c.Session == 0 {
		c.Session = defaultSession
	}
	if c.Fresh == 0 {
		c.Fresh = freshMost
	}
	if c.Cost == (Cost{}) {
		c.Cost = DefaultCost
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Session < time.Minute || c.Session > longestSession {
		return fmt.Errorf("%w: a session lasts from one minute to 24 hours", ErrConfig)
	}
	if c.Fresh < time.Second || c.Fresh > freshMost {
		return fmt.Errorf("%w: a person counts as just seen for at most five minutes", ErrConfig)
	}
	if c.Cost.Time < 1 || c.Cost.Memory < 8 || c.Cost.Threads < 1 {
		return fmt.Errorf("%w: a password's hash must cost something", ErrConfig)
	}
	if c.Claims < 0 || c.Claims > 0 && !(c.Required && c.SecondFactor) {
		return fmt.Errorf("%w: who may enrol a device by signing in must have a second factor", ErrConfig)
	}
	r.web = nil
	if c.Passkey != nil {
		web, err := newWeb(*c.Passkey, c.Company)
		if err != nil {
			return err
		}
		r.web = web
	}
	var sso *signOn
	if c.OIDC != nil {
		o := *c.OIDC
		if err := checkSecure(o.Issuer); err != nil {
			return err
		}
		if o.Client == "" {
			return fmt.Errorf("%w: the sign-on needs the client's id", ErrConfig)
		}
		if o.Scopes == nil {
			o.Scopes = []string{"openid", "email", "offline_access"}
		}
		if o.GroupsClaim == "" {
			o.GroupsClaim = "groups"
		}
		if o.HTTP == nil {
			o.HTTP = &http.Client{Timeout: 10 * time.Second}
		}
		sso = newSignOn(o, r.now)
	}
	r.conf, r.sso = c, sso
	r.hash = newHasher(c.Cost)
	r.door = newDoor(r.now)
	r.shows, r.unclaimed = newCeremonies(r.now), newUnclaimed(r.now)
	return nil
}

// checkSecure refuses an address that is neither https nor on the loopback.
func checkSecure(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return fmt.Errorf("%w: the sign-on's address is not a URL", ErrConfig)
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme != "https" && !(u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())) {
		return fmt.Errorf("%w: the sign-on's address must begin with https://", ErrConfig)
	}
	return nil
}

// waysOf returns how a person may sign in, or step up. Whoever has a sign-on has no other way in, or a removal there would
// not count; that the person is still there may also be shown with a passkey.
func (r *Register) waysOf(role inbox.Role, on SignOn, passkeys, up bool) []wire.Way {
	way := wire.WayPassword
	if r.sso != nil && (on != SignOn{} || r.sso.conf.Everybody) {
		if way = wire.WayBrowser; !up {
			return []wire.Way{way}
		}
	}
	switch {
	case r.web == nil || !passkeys:
		return []wire.Way{way}
	case r.mustShow(role):
		return []wire.Way{wire.WayPasskey}
	}
	return []wire.Way{way, wire.WayPasskey}
}
