package chromium

import (
	"encoding/json"
)

// An Authenticator makes and shows the passkeys of one page, without asking anybody. It signs for real.
type Authenticator struct {
	p  *Page
	id string
}

// A Credential is a passkey as the authenticator keeps it, private key and all.
type Credential map[string]any

// Authenticator gives the page one; verifies says whether it can verify its person, by a PIN or a finger.
func (p *Page) Authenticator(verifies bool) *Authenticator {
	p.t.Helper()
	p.Call("WebAuthn.enable", nil)
	var out struct{ AuthenticatorID string }
	if err := json.Unmarshal(p.Call("WebAuthn.addVirtualAuthenticator", map[string]any{"options": map[string]any{
		"protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": verifies,
		"isUserVerified": verifies, "automaticPresenceSimulation": true,
	}}), &out); err != nil {
		p.t.Fatal(err)
	}
	return &Authenticator{p: p, id: out.AuthenticatorID}
}

// Credentials are the passkeys in it.
func (a *Authenticator) Credentials() []Credential {
	a.p.t.Helper()
	var out struct{ Credentials []Credential }
	if err := json.Unmarshal(a.p.Call("WebAuthn.getCredentials", map[string]any{"authenticatorId": a.id}), &out); err != nil {
		a.p.t.Fatal(err)
	}
	return out.Credentials
}

// Put puts a passkey into it, in place of the one of that id.
func (a *Authenticator) Put(c Credential) {
	a.p.t.Helper()
	for _, have := range a.Credentials() {
		if have["credentialId"] == c["credentialId"] {
			a.p.Call("WebAuthn.removeCredential", map[string]any{"authenticatorId": a.id, "credentialId": c["credentialId"]})
		}
	}
	a.p.Call("WebAuthn.addCredential", map[string]any{"authenticatorId": a.id, "credential": c})
}
