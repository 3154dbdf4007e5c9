package identity

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/fxamacker/cbor/v2"
	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
)

const (
	bucketPasskey = "passkey" // by person, a slash, and a hash of the credential's id
	mostPasskeys  = 10        // of a person
)

// PasskeyConfig says where people make and show passkeys (Web Authentication Level 3): on pages of this package's own
// ([Register.Passkeys]), which a browser must reach at Origin. A passkey with which the authenticator verified its person, by
// a PIN or a finger, is both factors; without that it stands in for the code beside a password.
type PasskeyConfig struct {
	Origin string // https://host or https://host:port; http only for localhost. Another host makes every passkey worthless
	// Required are the roles for which nothing else will do: to sign in with an account of the relay, and for every step-up.
	// How people sign in at the company's sign-on is the sign-on's to say.
	Required []inbox.Role
}

// A passkey is what is kept of one: its public half.
type passkey struct {
	ID     []byte       `cbor:"1,keyasint"`
	Public []byte       `cbor:"2,keyasint"` // COSE
	Name   string       `cbor:"3,keyasint"`
	Added  inbox.Moment `cbor:"4,keyasint"`
	Used   inbox.Moment `cbor:"5,keyasint,omitempty"`
	Count  uint32       `cbor:"6,keyasint,omitempty"` // how often it signed, if it counts
	Flags  uint8        `cbor:"7,keyasint"`           // as it was made: whether it may be in several places
	Via    []string     `cbor:"8,keyasint,omitempty"` // hints for the browser
	Copied inbox.Moment `cbor:"9,keyasint,omitempty"` // it counted backwards: there may be two of it, and it counts no more
}

// label names a passkey for people and the audit: no part of what a browser is told.
func (p passkey) label() string { return hex.EncodeToString(p.hash()[:4]) }

func (p passkey) hash() []byte {
	h := sha256.Sum256(append([]byte("sealdesk/passkey/v1\x00"), p.ID...))
	return h[:16]
}

func passkeyRow(person inbox.PersonID, p passkey) []byte {
	return append([]byte(string(person)+"/"), p.hash()...)
}

// passkeysOf returns the passkeys of a person, the oldest first.
func passkeysOf(tx ledger.Tx, person inbox.PersonID) (keys []passkey, err error) {
	if person == "" {
		return nil, nil
	}
	prefix := []byte(string(person) + "/")
	for _, row := range tx.Scan(bucketPasskey, prefix, ledger.After(prefix)) {
		var p passkey
		if cbor.Unmarshal(row, &p) != nil {
			return nil, errRow
		}
		keys = append(keys, p)
	}
	slices.SortFunc(keys, func(a, b passkey) int { return int(a.Added - b.Added) })
	return keys, tx.Err()
}

// A Passkey is what may be told of one.
type Passkey struct {
	ID     string       // a label, to name it by
	Name   string       // what its person calls it
	Added  inbox.Moment // it was made
	Used   inbox.Moment // it was last shown; 0: never
	Copied inbox.Moment // since then it counts no more: there may be two of it
}

// PasskeysOf returns the passkeys of a person, the oldest first. Errors: [ErrNoPerson], or the ledger's.
func (r *Register) PasskeysOf(ctx context.Context, id inbox.PersonID) (out []Passkey, err error) {
	err = r.db.View(ctx, Shard, func(tx ledger.Tx) error {
		var p inbox.Person
		if err := get(tx, bucketPerson, []byte(id), &p, ErrNoPerson); err != nil {
			return err
		}
		keys, err := passkeysOf(tx, id)
		out = nil
		for _, k := range keys {
			out = append(out, Passkey{ID: k.label(), Name: k.Name, Added: k.Added, Used: k.Used, Copied: k.Copied})
		}
		return err
	})
	return out, err
}

// RemovePasskeys takes a passkey of a person away, by the ID [Register.PasskeysOf] told, or all with "", and signs the person
// out everywhere if any was. It returns how many, and the devices that had a session. Errors: [ErrNoPerson], or the ledger's.
func (r *Register) RemovePasskeys(ctx context.Context, by By, id inbox.PersonID, which string) (removed int, ended []inbox.DeviceID, err error) {
	err = r.db.Update(ctx, Shard, func(tx ledger.Tx) (err error) {
		removed, ended = 0, nil
		at := inbox.At(r.now())
		var p inbox.Person
		if err := get(tx, bucketPerson, []byte(id), &p, ErrNoPerson); err != nil {
			return err
		}
		keys, err := passkeysOf(tx, id)
		if err != nil {
			return err
		}
		for _, k := range keys {
			if which != "" && which != k.label() {
				continue
			}
			removed++
			if err := tx.Delete(bucketPasskey, passkeyRow(id, k)); err != nil {
				return err
			}
			if err := by.record(tx, at, ActPasskeyRemoved, string(id), k.label()); err != nil {
				return err
			}
		}
		if removed > 0 {
			ended, err = endSessions(tx, by, at, id, WhyReset)
		}
		return err
	})
	return removed, ended, err
}

// forgetPasskeys removes all passkeys of a person who has left.
func forgetPasskeys(tx ledger.Tx, id inbox.PersonID) error {
	keys, err := passkeysOf(tx, id)
	for _, k := range keys {
		if err == nil {
			err = tx.Delete(bucketPasskey, passkeyRow(id, k))
		}
	}
	return err
}

// newWeb returns what checks ceremonies at an origin.
func newWeb(c PasskeyConfig, company string) (*webauthn.WebAuthn, error) {
	u, err := url.Parse(c.Origin)
	if err != nil || u.Host == "" || c.Origin != u.Scheme+"://"+u.Host || u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "localhost") {
		return nil, fmt.Errorf("%w: the origin of passkeys is https://, a host, and nothing after it", ErrConfig)
	}
	if net.ParseIP(u.Hostname()) != nil {
		return nil, fmt.Errorf("%w: the origin of passkeys needs a host's name: browsers make none for an address", ErrConfig)
	}
	if company == "" {
		company = "Sealdesk"
	}
	web, err := webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: company, RPOrigins: []string{c.Origin}, AttestationPreference: protocol.PreferNoAttestation,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: the origin of passkeys cannot be one", ErrConfig)
	}
	return web, nil
}

// mustShow reports whether a role needs a passkey.
func (r *Register) mustShow(role inbox.Role) bool {
	return r.conf.Passkey != nil && slices.Contains(r.conf.Passkey.Required, role)
}

// An owner is a person as Web Authentication asks for one. The handle is the person's id, which means nothing to anybody.
type owner struct {
	person inbox.Person
	keys   []passkey
}

func (o owner) WebAuthnID() []byte          { return []byte(o.person.ID) }
func (o owner) WebAuthnName() string        { return o.person.Name }
func (o owner) WebAuthnDisplayName() string { return o.person.Name }

// WebAuthnCredentials are those that count.
func (o owner) WebAuthnCredentials() (out []webauthn.Credential) {
	for _, k := range o.keys {
		if k.Copied != 0 {
			continue
		}
		c := webauthn.Credential{ID: k.ID, PublicKey: k.Public, Flags: webauthn.NewCredentialFlags(protocol.AuthenticatorFlags(k.Flags))}
		c.Authenticator.SignCount = k.Count
		for _, via := range k.Via {
			c.Transport = append(c.Transport, protocol.AuthenticatorTransport(via))
		}
		out = append(out, c)
	}
	return out
}

// all names every passkey of the person, also those that do not count.
func (o owner) all() (out []protocol.CredentialDescriptor) {
	for _, k := range o.keys {
		out = append(out, protocol.CredentialDescriptor{Type: protocol.PublicKeyCredentialType, CredentialID: k.ID})
	}
	return out
}

// newPasskey is what is kept of a credential that was made.
func newPasskey(c *webauthn.Credential, name string, at inbox.Moment) passkey {
	p := passkey{ID: c.ID, Public: c.PublicKey, Name: cleanName(name), Added: at, Count: c.Authenticator.SignCount, Flags: uint8(c.Flags.ProtocolValue())}
	for _, via := range c.Transport {
		if len(p.Via) < 8 && len(via) < 20 {
			p.Via = append(p.Via, string(via))
		}
	}
	return p
}

// cleanName keeps of what a person calls a passkey what a line can hold.
func cleanName(name string) string {
	name = strings.Join(strings.FieldsFunc(name, func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) || unicode.Is(unicode.Cf, c) }), " ")
	if runes := []rune(name); len(runes) > 40 {
		name = strings.TrimSpace(string(runes[:40]))
	}
	if name == "" {
		name = "Passkey"
	}
	return name
}

// counted writes down that a passkey signed, in the transaction that reads how often it had. It returns false for one that
// counted backwards (Web Authentication section 6.1.1): perhaps there are two of it, and from then on it counts no more.
func (r *Register) counted(ctx context.Context, device inbox.DeviceID, person inbox.PersonID, id []byte, count uint32) (ok bool, err error) {
	err = r.db.Update(ctx, Shard, func(tx ledger.Tx) error {
		ok = false
		keys, err := passkeysOf(tx, person)
		i := slices.IndexFunc(keys, func(k passkey) bool { return bytes.Equal(k.ID, id) && k.Copied == 0 })
		if err != nil || i < 0 {
			return err
		}
		k, at := keys[i], inbox.At(r.now())
		if (count != 0 || k.Count != 0) && count <= k.Count {
			k.Copied = at
			if err := (By{Person: person, Device: device}).record(tx, at, ActPasskeyCopied, string(person), k.label()); err != nil {
				return err
			}
		} else {
			k.Count, k.Used, ok = count, at, true
		}
		return put(tx, bucketPasskey, passkeyRow(person, k), k)
	})
	return ok, err
}

// keepPasskey writes a new passkey.
func (s *SignIn) keepPasskey(tx ledger.Tx, p passkey) error {
	keys, err := passkeysOf(tx, s.person)
	if err != nil {
		return err
	}
	if len(keys) >= mostPasskeys {
		return denied("passkeys")
	}
	if err := put(tx, bucketPasskey, passkeyRow(s.person, p), p); err != nil {
		return err
	}
	return By{Person: s.person, Device: s.device.ID}.record(tx, inbox.At(s.r.now()), ActPasskeyAdded, string(s.person), p.label())
}
