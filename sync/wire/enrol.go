package wire

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"sealdesk/app/inbox"
)

// An Enrolment is what IT hands to a person so that one device may join: where the relay is, the key it must show, and
// a code good for one device and 15 minutes.
type Enrolment struct {
	Relay string // "host:port"
	Pin   Pin
	Code  string // 14 characters of [CodeAlphabet]
}

// A Pin is the SHA-256 of a certificate's SubjectPublicKeyInfo (as in RFC 7469 section 2.4).
type Pin [32]byte

// PinOf returns the pin of a DER-encoded SubjectPublicKeyInfo.
func PinOf(spki []byte) Pin { return sha256.Sum256(spki) }

// Short returns the first and last bytes of the pin, for people to compare.
func (p Pin) Short() string { return fmt.Sprintf("%02X:%02X…%02X", p[0], p[1], p[31]) }

// CodeAlphabet has no characters that are easily taken for another.
const CodeAlphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"

// CodeLen is how many characters a code has: 70 bits.
const CodeLen = 14

// ErrEnrolment is returned for a string that is no enrolment string.
var ErrEnrolment = errors.New("not an enrolment string")

const enrolScheme = "sealdesk:enrol?"

// String returns the enrolment string: one line to paste, also the content of the QR code.
func (e Enrolment) String() string {
	return enrolScheme + "relay=" + url.QueryEscape(e.Relay) + "&pin=" + base64.RawURLEncoding.EncodeToString(e.Pin[:]) + "&code=" + e.Code
}

// ParseEnrolment reads an enrolment string, forgiving white space around and inside it and dashes in the code.
func ParseEnrolment(s string) (Enrolment, error) {
	s = strings.Join(strings.Fields(s), "")
	query, ok := strings.CutPrefix(s, enrolScheme)
	if !ok {
		return Enrolment{}, ErrEnrolment
	}
	v, err := url.ParseQuery(query)
	if err != nil {
		return Enrolment{}, ErrEnrolment
	}
	pin, err := base64.RawURLEncoding.DecodeString(v.Get("pin"))
	e := Enrolment{Relay: v.Get("relay"), Code: CleanCode(v.Get("code"))}
	if err != nil || len(pin) != len(e.Pin) || e.Relay == "" || strings.ContainsAny(e.Relay, "/@?#") || len(e.Code) != CodeLen {
		return Enrolment{}, ErrEnrolment
	}
	copy(e.Pin[:], pin)
	return e, nil
}

// CleanCode brings a typed code into the form it was issued in: upper case, no dashes or spaces.
func CleanCode(code string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' || r == '\u2011' || r == '\u2013' {
			return -1
		}
		return r
	}, strings.ToUpper(code))
}

// EnrolRequest is the CBOR body of the POST to [EnrolPath].
type EnrolRequest struct {
	Code      string `cbor:"1,keyasint"` // "": the device is to be of whoever signs in on it, if the relay lets it
	PublicKey []byte `cbor:"2,keyasint"` // Ed25519
	Signature []byte `cbor:"3,keyasint"` // over [EnrolBytes], proving that the device holds the key
	Name      string `cbor:"4,keyasint"` // what people call the device
	App       string `cbor:"5,keyasint,omitempty"`
	System    string `cbor:"6,keyasint,omitempty"`
}

// EnrolReply answers it.
type EnrolReply struct {
	Device inbox.DeviceID `cbor:"1,keyasint"`
	Person inbox.Person   `cbor:"2,keyasint"`           // nobody without a code: the device has [UnclaimedLife] to sign somebody in
	Error  *Error         `cbor:"3,keyasint,omitempty"` // why not; then the rest is empty
	Key    []byte         `cbor:"4,keyasint,omitempty"` // Ed25519, the relay's: signs leases and wipe orders
	Audit  string         `cbor:"5,keyasint,omitempty"` // verifier of the audit log's checkpoints, as note.NewVerifier takes it
	Epoch  uint64         `cbor:"6,keyasint,omitempty"` // of wipe orders: none up to it is for this enrolment
	// Company is what people know the company by, for a device that was enrolled without a code.
	Company string `cbor:"7,keyasint,omitempty"`
}

// An Error is a refusal of the HTTP surface: a number that never changes meaning, a text for logs, and whether the same
// request may succeed later.
type Error struct {
	Number    int    `cbor:"1,keyasint"`
	Text      string `cbor:"2,keyasint"`
	Temporary bool   `cbor:"3,keyasint,omitempty"`
}

// Error returns the text.
func (e *Error) Error() string { return e.Text }

// Is compares by number.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Number == e.Number
}

// The errors of enrolment.
var (
	ErrCodeUnknown = &Error{Number: 1, Text: "the enrolment code is wrong"}
	ErrCodeExpired = &Error{Number: 2, Text: "the enrolment code has expired"}
	ErrCodeUsed    = &Error{Number: 3, Text: "the enrolment code was used already"}
	ErrRequest     = &Error{Number: 4, Text: "the enrolment request is malformed"}
	ErrBusy        = &Error{Number: 5, Text: "the relay cannot answer now", Temporary: true}
	ErrCodeNeeded  = &Error{Number: 6, Text: "devices are enrolled with a code only"}
)

// UnclaimedLife is how long a device that was enrolled without a code may take until somebody has signed in on it.
const UnclaimedLife = 15 * time.Minute

// EncodeEnrol and the functions below are the bodies of the enrolment request and reply.
func EncodeEnrol(r EnrolRequest) []byte { return mustMarshal(r) }

// DecodeEnrol reads an enrolment request. Errors wrap [ErrMalformed].
func DecodeEnrol(b []byte) (EnrolRequest, error) { return decode[EnrolRequest](b) }

// EncodeEnrolReply makes the body of a reply.
func EncodeEnrolReply(r EnrolReply) []byte { return mustMarshal(r) }

// DecodeEnrolReply reads a reply. Errors wrap [ErrMalformed].
func DecodeEnrolReply(b []byte) (EnrolReply, error) { return decode[EnrolReply](b) }

// EnrolBytes is what a device signs to enrol.
func EnrolBytes(code string, publicKey []byte) []byte {
	return signed("sealdesk/enrol/v1", code, publicKey)
}

// ProofBytes is what a device signs to answer a challenge: bound to the nonce, the device, the relay it thinks it talks
// to, and the version agreed on.
func ProofBytes(c Challenge, device inbox.DeviceID, relay Pin, app string) []byte {
	return signed("sealdesk/proof/v1", c.Version, c.Nonce, device, relay[:], app)
}

// signed is the one form of everything that is signed: a domain that separates purposes, a zero byte, and the
// deterministic CBOR of the parts.
func signed(domain string, parts ...any) []byte {
	return append(append([]byte(domain), 0), mustMarshal(parts)...)
}

func mustMarshal(v any) []byte {
	b, err := encMode.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("wire: encoding %T: %v", v, err)) // only plain types of this package come here
	}
	return b
}
