package wire

import (
	"fmt"
	"log/slog"

	"sealdesk/app/inbox"
)

// SignIn follows a right proof when nobody is signed in on the device, and answers a Credential that was not enough. The
// device answers with a [Credential]; the relay waits [SignInTimeout] for each.
type SignIn struct {
	Name     string         `cbor:"1,keyasint"`           // whose device it is; "": nobody's yet, so Credential.Name says who is there
	Ways     []Way          `cbor:"2,keyasint"`           // how that person may sign in; at least one
	Need     Need           `cbor:"3,keyasint,omitempty"` // what must be given next
	Trouble  SignInTrouble  `cbor:"4,keyasint,omitempty"` // why the last Credential was not enough
	Wait     int            `cbor:"5,keyasint,omitempty"` // seconds until the next one is looked at
	Second   *SecondFactor  `cbor:"6,keyasint,omitempty"` // with [NeedSecond]
	Recovery []string       `cbor:"7,keyasint,omitempty"` // with [NeedKept]: codes to be kept, shown this once
	Browser  *BrowserSignIn `cbor:"8,keyasint,omitempty"` // when [WayBrowser] is one of Ways
	Passkey  *BrowserSignIn `cbor:"9,keyasint,omitempty"` // when [WayPasskey] is one of Ways, and with [NeedPasskey]
}

// Format prints [redacted] for every verb: a secret may be in it.
func (SignIn) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[redacted]") }

// MarshalJSON says [redacted].
func (SignIn) MarshalJSON() ([]byte, error) { return redacted() }

// LogValue says [redacted].
func (SignIn) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// A Way is how a person shows who is there.
type Way uint8

// The ways.
const (
	WayPassword Way = 1 // a password, and a code of the second factor where policy asks for one
	WayBrowser  Way = 2 // the company's sign-on, in the system's browser
	WayPasskey  Way = 3 // a passkey (Web Authentication), on a page of the relay's in the system's browser
)

// A Need is what a Credential must hold.
type Need uint8

// The needs.
const (
	NeedPassword Need = 0 // Password and, if the person has a second factor, Code; or Browser
	NeedNew      Need = 1 // the person has no password yet: New, of at least [MinPassword] characters
	NeedSecond   Need = 2 // the second factor is being set up: Code, made from SecondFactor
	NeedKept     Need = 3 // an empty Credential, when the person has kept the recovery codes
	NeedCode     Need = 4 // the password is right: Code (or one recovery code) beside it, or Passkey where that is a way
	NeedPasskey  Need = 5 // a passkey must be made now: Passkey
)

// MinPassword is how many characters a password must have.
const MinPassword = 12

// A SignInTrouble says why a credential was not enough.
type SignInTrouble uint8

// The troubles.
const (
	TroubleNone    SignInTrouble = 0
	TroubleWrong   SignInTrouble = 1 // password, code or person: which one is not told
	TroubleWeak    SignInTrouble = 2 // the new password is too short, or one that everybody tries
	TroubleBusy    SignInTrouble = 3 // too many sign in at once; Wait says when to try again
	TroubleBrowser SignInTrouble = 4 // the company's sign-on cannot be asked, or says no
	TroubleOther   SignInTrouble = 5 // the sign-on says that somebody else is there
	TroubleUsed    SignInTrouble = 6 // the code was used already: wait for the next one
	TroublePasskey SignInTrouble = 7 // the passkey does not count: another person's, too old an answer, or perhaps a copy
	TroubleDevices SignInTrouble = 8 // the person has as many devices as may be
)

// SecondFactor is a time-based one-time password (RFC 6238) that is being set up.
type SecondFactor struct {
	URL    string `cbor:"1,keyasint"` // otpauth://, for a QR code
	Secret string `cbor:"2,keyasint"` // base32, for typing
}

// BrowserSignIn is what a device needs to sign in with the company's OpenID provider, or on the relay's own page for
// passkeys (RFC 8252, RFC 7636): it adds redirect_uri=http://127.0.0.1:PORT/ and code_challenge (S256 of a verifier of its
// own) to URL, and opens that. What is signed there is bound to this connection's challenge and this device's key, so that
// the answer is good for nobody else.
type BrowserSignIn struct {
	URL   string `cbor:"1,keyasint"`
	State string `cbor:"2,keyasint"` // must come back with the code
}

// Credential shows who is there. Sent after a Welcome it is a step-up, and answered by [Confirmed], or by SignIn again.
type Credential struct {
	Password string       `cbor:"1,keyasint,omitempty"`
	Code     string       `cbor:"2,keyasint,omitempty"` // of the second factor, or a recovery code
	New      string       `cbor:"3,keyasint,omitempty"` // a new password
	Browser  *BrowserCode `cbor:"4,keyasint,omitempty"`
	Begin    bool         `cbor:"5,keyasint,omitempty"` // nothing yet: asks for a SignIn, to begin a step-up
	Name     string       `cbor:"6,keyasint,omitempty"` // who is there, on a device that is nobody's yet
	Passkey  *BrowserCode `cbor:"7,keyasint,omitempty"` // from the relay's own page
	Adds     bool         `cbor:"8,keyasint,omitempty"` // with Begin: a passkey is to be made once it was shown who is there
}

// Format prints [redacted] for every verb.
func (Credential) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[redacted]") }

// MarshalJSON says [redacted].
func (Credential) MarshalJSON() ([]byte, error) { return redacted() }

// LogValue says [redacted].
func (Credential) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// BrowserCode is what the provider, or the relay's own page, sent to the redirect address.
type BrowserCode struct {
	Code     string `cbor:"1,keyasint"`
	State    string `cbor:"2,keyasint"`
	Verifier string `cbor:"3,keyasint"` // RFC 7636
	Redirect string `cbor:"4,keyasint"` // the redirect_uri that was used
}

// Confirmed answers a step-up: until then the person counts as just seen.
type Confirmed struct {
	Until inbox.Moment `cbor:"1,keyasint"`
}

// SignOut ends the person's session on this device. The relay closes with [CloseSignedOut].
type SignOut struct{}

func (SignIn) frameType() Type     { return TypeSignIn }
func (Credential) frameType() Type { return TypeCredential }
func (Confirmed) frameType() Type  { return TypeConfirmed }
func (SignOut) frameType() Type    { return TypeSignOut }
