package relay

import (
	"context"
	"errors"
	"net/http"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/wire"
)

// LogoutPath is where the company's sign-on says that somebody signed out there (OpenID Connect Back-Channel Logout 1.0). It
// is on the address for webhooks: what comes from outside comes through one proxy.
const LogoutPath = "/sign-on/logout"

// configureSignIn hands the policy of signing in on.
func (r *Relay) configureSignIn() error {
	c := r.cfg.SignIn
	conf := identity.SignInConfig{
		Required: c.required(), SecondFactor: c.secondFactor(), Session: c.life(), Fresh: c.fresh(), Company: r.cfg.companyName(), Log: r.log,
	}
	if c.OIDC.Issuer != "" {
		conf.OIDC = &identity.OIDCConfig{
			Issuer: c.OIDC.Issuer, Client: c.OIDC.Client, Scopes: c.OIDC.Scopes, Groups: c.OIDC.Groups, GroupsClaim: c.OIDC.GroupsClaim,
			Prompt: c.OIDC.Prompt, AnyEmail: c.OIDC.AnyEmail, Everybody: !c.OIDC.Local,
		}
	}
	if c.Passkey.Origin != "" {
		roles, err := c.Passkey.roles()
		if err != nil {
			return err
		}
		conf.Passkey = &identity.PasskeyConfig{Origin: c.Passkey.Origin, Required: roles}
	}
	if r.cfg.Device.EnrolBySignIn {
		conf.Claims = orElse(r.cfg.Device.Most, 3)
	}
	if c.weak {
		conf.Cost = identity.Cost{Time: 1, Memory: 8, Threads: 1}
	}
	if err := r.people.Configure(conf); err != nil {
		return wrong("sign_in: %v", err)
	}
	return nil
}

// companyName is what people know the company by.
func (c *Config) companyName() string {
	if c.Privacy.Company != "" {
		return c.Privacy.Company
	}
	return c.Inboxes[0].Name
}

// watchSignOn asks the company's sign-on whether everybody is still there, until ctx ends.
func (r *Relay) watchSignOn(ctx context.Context) error {
	if r.cfg.SignIn.OIDC.Issuer == "" {
		return nil
	}
	for tick := time.Tick(time.Minute); ; {
		if err := r.people.Poll(ctx, r.signedOff); err != nil && ctx.Err() == nil {
			r.log.Warn("the sign-on does not tell about everybody", "error", err)
		}
		select {
		case <-tick:
		case <-ctx.Done():
			return nil
		}
	}
}

// signedOff does what follows when the sign-on counts somebody out: sessions are over, and who was removed is wiped. When it
// counts out many at once, perhaps by a mistake there, a second person decides, as when people order it.
func (r *Relay) signedOff(ctx context.Context, gone identity.Removal) error {
	r.log.Info("the sign-on counts somebody out", "person", string(gone.Person), "why", string(gone.Why), "devices", len(gone.Devices))
	for _, d := range gone.Devices {
		r.sessions.closeDevice(d, wire.CloseSignedOut)
	}
	if !gone.Why.Removed() || len(gone.Devices) == 0 {
		return nil
	}
	_, err := r.orderWipes(ctx, gone.Devices, wipeWish{why: inbox.WipeSignOn, hand: true})
	if errors.Is(err, errNoSuchDevice) {
		return nil
	}
	return err
}

// logout is the handler at [LogoutPath].
func (r *Relay) logout() http.Handler { return r.people.Logout(r.signedOff) }

// signInPages serves the pages for passkeys, wherever browsers come in: behind the proxy that holds the public certificate, or
// with the relay's own.
func (r *Relay) signInPages(mux *http.ServeMux) {
	if pages := r.people.Passkeys(); pages != nil {
		mux.Handle(identity.PasskeyPath, pages)
		mux.Handle(identity.PasskeyPath+"/", pages)
	}
}
