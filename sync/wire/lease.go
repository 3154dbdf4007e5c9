package wire

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"

	"sealdesk/app/inbox"
)

// ErrSigned means that something is not signed by whom it should be, or is about something else.
var ErrSigned = errors.New("signature does not fit")

// Half is the relay's half of the key of a device's cache. It prints as [redacted].
type Half []byte

// HalfLen is its length in bytes.
const HalfLen = 32

// Format prints [redacted] for every verb.
func (Half) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[redacted]") }

// MarshalJSON says [redacted].
func (Half) MarshalJSON() ([]byte, error) { return redacted() }

// LogValue says [redacted].
func (Half) LogValue() slog.Value { return slog.StringValue("[redacted]") }

func redacted() ([]byte, error) { return []byte(`"[redacted]"`), nil }

// A Lease says how long a device may read its cache without the relay, and what it must do by itself. The relay signs it
// (see [SignLease]), so that whoever holds the device cannot prolong it.
type Lease struct {
	Device     inbox.DeviceID `cbor:"1,keyasint"`
	Generation uint64         `cbor:"2,keyasint"`           // of the half it is about
	Issued     inbox.Moment   `cbor:"3,keyasint"`           // the relay's clock
	Offline    int            `cbor:"4,keyasint,omitempty"` // seconds after Issued; 0: strict, the half lives in memory only
	Idle       int            `cbor:"5,keyasint,omitempty"` // seconds without a person until the window locks; 0: never
	Silent     int            `cbor:"6,keyasint,omitempty"` // seconds without the relay until the device wipes itself; 0: never
}

// Until returns the moment at which the lease ends.
func (l Lease) Until() inbox.Moment { return l.Issued + inbox.Moment(l.Offline)*1000 }

const leaseDomain = "sealdesk/lease/v1"

// SignLease returns the lease with the relay's signature.
func SignLease(key ed25519.PrivateKey, l Lease) []byte { return attest(leaseDomain, key, l) }

// OpenLease returns a lease the relay signed for the device. It returns [ErrSigned] for anything else.
func OpenLease(relay ed25519.PublicKey, device inbox.DeviceID, b []byte) (Lease, error) {
	l, err := attested[Lease](leaseDomain, relay, b)
	if err == nil && l.Device != device {
		return Lease{}, ErrSigned
	}
	return l, err
}

// Rotate gives the device another half. The device makes a new half of its own, writes its cache anew under both, and
// answers [Rotated]; until then the old half is kept, and afterwards destroyed.
type Rotate struct {
	Generation uint64 `cbor:"1,keyasint"`
	Half       Half   `cbor:"2,keyasint"`
	Lease      []byte `cbor:"3,keyasint"`
}

// Rotated says that nothing on the device is sealed under an older generation.
type Rotated struct {
	Generation uint64 `cbor:"1,keyasint"`
}

// Lent prolongs the lease, now and then while connected.
type Lent struct {
	Lease []byte `cbor:"1,keyasint"`
}

// signedRow is something with the signature of who says it.
type signedRow struct {
	_         struct{} `cbor:",toarray"`
	Body      []byte
	Signature []byte
}

// attest encodes and signs.
func attest(domain string, key ed25519.PrivateKey, v any) []byte {
	body := mustMarshal(v)
	return mustMarshal(signedRow{Body: body, Signature: ed25519.Sign(key, signed(domain, body))})
}

// attested checks and decodes.
func attested[T any](domain string, public ed25519.PublicKey, b []byte) (T, error) {
	var none T
	row, err := decode[signedRow](b)
	if err != nil || len(public) != ed25519.PublicKeySize || !ed25519.Verify(public, signed(domain, row.Body), row.Signature) {
		return none, ErrSigned
	}
	v, err := decode[T](row.Body)
	if err != nil {
		return none, ErrSigned
	}
	return v, nil
}

func (Rotate) frameType() Type  { return TypeRotate }
func (Rotated) frameType() Type { return TypeRotated }
func (Lent) frameType() Type    { return TypeLent }
