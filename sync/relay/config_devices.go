package relay

import (
	"time"

	"golang.org/x/mod/semver"

	"sealdesk/app/inbox"
)

// SignInConfig says how people show who is there.
type SignInConfig struct {
	Required     *bool         `toml:"required"`      // nil is yes; without, whoever uses an enrolled device is its person
	SecondFactor *bool         `toml:"second_factor"` // of local accounts; nil is yes
	Hours        int           `toml:"hours"`         // a sign-in holds; 0 is 12
	Fresh        int           `toml:"fresh_minutes"` // a person counts as just seen, for what is sensitive; 0 is 5
	OIDC         OIDCConfig    `toml:"oidc"`
	Passkey      PasskeyConfig `toml:"passkey"`

	weak bool // tests: a password's hash costs little
}

// OIDCConfig is the company's sign-on. Without an issuer people have a password on the relay.
type OIDCConfig struct {
	Issuer      string   `toml:"issuer"`
	Client      string   `toml:"client"`       // the client id; the client is public, it has no secret
	Scopes      []string `toml:"scopes"`       // nil is openid, email and offline_access
	Groups      []string `toml:"groups"`       // who is in none of them may not come in; none: everybody of the issuer
	GroupsClaim string   `toml:"groups_claim"` // where they stand; "" is groups
	Prompt      string   `toml:"prompt"`       // "consent" for a sign-on that gives a refresh token only then
	AnyEmail    bool     `toml:"any_email"`    // an address counts although the sign-on does not say that it verified it
	Local       bool     `toml:"local"`        // who has no sign-on may use a password
}

// PasskeyConfig is where people make and show passkeys, and who must. Without an origin there are none.
type PasskeyConfig struct {
	Origin      string   `toml:"origin"`       // https:// and the host under which browsers reach the pages; see [identity.PasskeyPath]
	RequiredFor []string `toml:"required_for"` // roles
}

// DeviceConfig says what a device may do alone.
type DeviceConfig struct {
	OfflineHours *int   `toml:"offline_hours"`   // it reads its cache without the relay; nil is 12; 0: not at all
	IdleMinutes  *int   `toml:"idle_minutes"`    // until the window locks; nil is 10; 0: never
	SilentDays   *int   `toml:"silent_days"`     // without the relay until the cache is wiped; nil is 14
	RotateDays   int    `toml:"rotate_days"`     // between two keys of a cache; 0 is 30
	Minimum      string `toml:"minimum_version"` // of the app, such as 1.4.0; "": any
	// EnrolBySignIn lets a device in without a code: it is of whoever signs in on it. Most is how many devices such a person
	// may have; 0 is 3.
	EnrolBySignIn bool `toml:"enrol_by_sign_in"`
	Most          int  `toml:"most_per_person"`
}

func yes(b *bool) bool { return b == nil || *b }

func or(n *int, usual int) int {
	if n == nil {
		return usual
	}
	return *n
}

func (c SignInConfig) required() bool      { return yes(c.Required) }
func (c SignInConfig) secondFactor() bool  { return yes(c.SecondFactor) }
func (c SignInConfig) life() time.Duration { return time.Duration(orElse(c.Hours, 12)) * time.Hour }

// fresh is how long a person counts as just seen.
func (c SignInConfig) fresh() time.Duration {
	return min(time.Duration(orElse(c.Fresh, 5))*time.Minute, inbox.StepUpLife*time.Millisecond)
}

func (c DeviceConfig) offline() time.Duration {
	return time.Duration(or(c.OfflineHours, 12)) * time.Hour
}
func (c DeviceConfig) idle() time.Duration { return time.Duration(or(c.IdleMinutes, 10)) * time.Minute }
func (c DeviceConfig) silent() time.Duration {
	return time.Duration(or(c.SilentDays, 14)) * 24 * time.Hour
}
func (c DeviceConfig) rotate() time.Duration {
	return time.Duration(orElse(c.RotateDays, 30)) * 24 * time.Hour
}

// tooOld reports whether an app must be updated first. Builds without a version are for development: they are never too old.
func (c DeviceConfig) tooOld(app string) bool {
	return c.Minimum != "" && semver.IsValid("v"+app) && semver.Compare("v"+app, "v"+c.Minimum) < 0
}

func (c SignInConfig) check() error {
	switch {
	case c.Hours < 0 || c.Hours > 24:
		return wrong("sign_in.hours: how long a sign-in holds, 1 to 24, usually 12")
	case c.Fresh < 0 || c.Fresh > 5:
		return wrong("sign_in.fresh_minutes: how long a person counts as just seen, 1 to 5, usually 5")
	case (c.OIDC.Issuer == "") != (c.OIDC.Client == ""):
		return wrong("sign_in.oidc: issuer and client belong together: what the sign-on calls its address, and this relay")
	case c.Passkey.Origin == "" && len(c.Passkey.RequiredFor) > 0:
		return wrong("sign_in.passkey.origin: where browsers reach this relay, such as https://inbox.example.com; without it nobody can have the passkey that required_for asks for")
	}
	_, err := c.Passkey.roles()
	return err
}

// roles are those that must have a passkey.
func (c PasskeyConfig) roles() (roles []inbox.Role, err error) {
	for _, name := range c.RequiredFor {
		role, ok := inbox.ParseRole(name)
		if !ok {
			return nil, wrong("sign_in.passkey.required_for: %q is not a role; one of agent, supervisor, privacy-officer, it-admin, auditor", name)
		}
		roles = append(roles, role)
	}
	return roles, nil
}

func (c DeviceConfig) check() error {
	switch {
	case or(c.OfflineHours, 0) < 0 || or(c.OfflineHours, 0) > 72:
		return wrong("device.offline_hours: 0 to 72; 0 means that a cache opens only while the relay is there")
	case or(c.IdleMinutes, 0) < 0 || or(c.IdleMinutes, 0) > 24*60:
		return wrong("device.idle_minutes: minutes until the window locks, usually 10; 0 never")
	case or(c.SilentDays, 1) < 1 || or(c.SilentDays, 1) > 365:
		return wrong("device.silent_days: days without the relay until a cache is wiped, 1 to 365, usually 14")
	case c.RotateDays < 0 || c.RotateDays > 365:
		return wrong("device.rotate_days: days between two keys of a cache, 1 to 365, usually 30")
	case c.Most < 0 || c.Most > 20:
		return wrong("device.most_per_person: devices a person may have who enrols one by signing in, 1 to 20, usually 3")
	case c.Minimum != "" && !semver.IsValid("v"+c.Minimum):
		return wrong("device.minimum_version: a version of the app such as 1.4.0")
	}
	return nil
}
