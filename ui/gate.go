package ui

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sealdesk/app/inbox"
)

// A Gate is where a person shows who is there: to open the inbox, and again when something needs it. The methods that
// return an error may wait and are called from workers. It is safe for concurrent use.
type Gate interface {
	// Watch returns pokes, coalesced, none lost, the first one at once. The channel closes with ctx.
	Watch(ctx context.Context) <-chan struct{}
	// Asked is what is asked now; false when nothing is. It does not wait.
	Asked() (SignIn, bool)
	// Link says how the device and the server stand while somebody is at the gate. It does not wait. With nothing asked and
	// LinkOnline the person is known, and [Door.Open] goes on.
	Link() Link
	// Show answers what is asked; a Credential with Begin asks for a SignIn. It returns when the server has answered: with
	// nil whatever it said, which shows in Asked. Errors: [ErrOffline], [ErrNotAsked], ctx's.
	Show(ctx context.Context, c Credential) error
	// Browse signs in with the company's sign-on, or shows or makes a passkey: open shows an address in the system's browser. It
	// returns when the server has answered, as Show does, or when ctx ends, which gives it up. Errors also: whatever open says.
	Browse(ctx context.Context, way SignInWay, open func(url string) error) error
	// Unlock opens a locked inbox by the passphrase of this device; [Door.Open] goes on. Errors: [WrongPassphrase],
	// TroubleSignIn when there were too many wrong ones, TroubleLeaseOver, TroubleClockBack.
	Unlock(ctx context.Context, passphrase string) error
}

// ErrNotAsked is returned for an answer to what nobody asks.
var ErrNotAsked = errors.New("nothing is asked")

// A SignIn is what is asked of a person. Its numbers are the ones on the wire.
type SignIn struct {
	Name     string      // whose device it is; "": nobody's yet, so Credential.Name says who is there
	Ways     []SignInWay // how that person may sign in; at least one
	Need     Need
	Trouble  SignInTrouble // why the last Credential was not enough
	Next     time.Time     // when the next one is looked at, by this device's clock; zero: now
	Second   *SecondFactor // with NeedSecond
	Recovery []string      // with NeedKept: codes to be kept, shown this once
}

// Format prints [redacted] for every verb: a secret may be in it.
func (SignIn) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[redacted]") }

// A SignInWay is how a person shows who is there.
type SignInWay uint8

// The ways.
const (
	ByPassword SignInWay = 1
	ByBrowser  SignInWay = 2 // the company's sign-on, in the system's browser
	ByPasskey  SignInWay = 3 // a passkey, on a page of the company's server in the system's browser
)

// A Need is what a Credential must hold.
type Need uint8

// The needs.
const (
	NeedPassword Need = 0 // Password; or the browser
	NeedNew      Need = 1 // the person has no password yet: New
	NeedSecond   Need = 2 // the second factor is being set up: Code, made from SecondFactor
	NeedKept     Need = 3 // an empty Credential, when the person has kept the recovery codes
	NeedCode     Need = 4 // the password is right: Code, or one recovery code, beside it, or a passkey where that is a way
	NeedPasskey  Need = 5 // a passkey must be made, in the browser
)

// MinPassword is how many characters a password must have.
const MinPassword = 12

// A SignInTrouble says why a credential was not enough.
type SignInTrouble uint8

// The troubles of a sign-in.
const (
	SignInWrong   SignInTrouble = 1 // password, code or person: which one is not told
	SignInWeak    SignInTrouble = 2 // the new password is too short, or one that everybody tries
	SignInBusy    SignInTrouble = 3 // too many sign in at once
	SignInBrowser SignInTrouble = 4 // the company's sign-on cannot be asked, or says no
	SignInOther   SignInTrouble = 5 // the sign-on says that somebody else is there
	SignInUsed    SignInTrouble = 6 // the code was used already: wait for the next one
	SignInPasskey SignInTrouble = 7 // the passkey does not count, or its answer came too late
	SignInDevices SignInTrouble = 8 // the person has as many devices as may be
)

// A SecondFactor is a time-based one-time password (RFC 6238) that is being set up.
type SecondFactor struct {
	URL    string // otpauth://, for a QR code
	Secret string // base32, for typing
}

// Format prints [redacted] for every verb.
func (SecondFactor) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[redacted]") }

// A Credential shows who is there.
type Credential struct {
	Password string
	Code     string // of the second factor, or a recovery code
	New      string // a new password
	Begin    bool   // nothing yet: asks for a SignIn
	Name     string // who is there, on a device that is nobody's yet
	Adds     bool   // with Begin: a passkey is to be made
}

// Format prints [redacted] for every verb.
func (Credential) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[redacted]") }

// A Trouble is a reason why the inbox cannot be opened or the device not be enrolled. Each has its own words and its own
// way on.
type Trouble uint8

// The troubles.
const (
	TroubleUnknown Trouble = iota
	// of opening
	TroubleNotEnrolled
	TroubleKeyring // unavailable or locked
	TroubleKeyLost
	TroubleDamaged
	TroubleRunning
	TroubleNewer  // the store was written by a newer app
	TroublePolicy // see [BrokenPolicy]
	TroubleFull
	// of enrolling
	TroubleNotEnrolment
	TroubleUnreachable
	TroubleCertificate
	TroubleOtherServer // the enrolment string is for another server than the organisation's
	TroubleCodeWrong
	TroubleCodeExpired
	TroubleCodeUsed
	TroubleClock
	TroubleServer
	// of who is there, and of what this device still may do
	TroubleSignIn          // the gate asks
	TroubleLocked          // see [Locked]
	TroubleLeaseOver       // the lease is over: only the server opens the inbox again
	TroubleClockBack       // this device's clock was put back: only the server opens the inbox again
	TroubleWrongPassphrase // see [WrongPassphrase]
	TroubleWiped           // see [Wiped]
	TroubleRevoked
	TroubleLeft
	TroubleTwice
	TroubleRewritten
	TroubleUpdate // this app is too old for the server
	TroubleNotAdmitted
	TroubleCopy       // of a device that was wiped
	TroubleCodeNeeded // nobody enrols a device by signing in
)

var troubleNames = map[Trouble]string{
	TroubleUnknown: "unknown", TroubleNotEnrolled: "not enrolled", TroubleKeyring: "keyring unavailable", TroubleKeyLost: "key lost",
	TroubleDamaged: "store damaged", TroubleRunning: "already running", TroubleNewer: "store newer", TroublePolicy: "policy broken", TroubleFull: "disk full",
	TroubleNotEnrolment: "not an enrolment string", TroubleUnreachable: "server unreachable", TroubleCertificate: "wrong certificate", TroubleOtherServer: "other server",
	TroubleCodeWrong: "code wrong", TroubleCodeExpired: "code expired", TroubleCodeUsed: "code used", TroubleClock: "clock wrong",
	TroubleServer: "server trouble",
	TroubleSignIn: "sign-in needed", TroubleLocked: "locked", TroubleLeaseOver: "lease over", TroubleClockBack: "clock put back",
	TroubleWrongPassphrase: "passphrase wrong", TroubleWiped: "wiped", TroubleRevoked: "revoked", TroubleLeft: "person left", TroubleTwice: "seen twice",
	TroubleRewritten: "audit log rewritten", TroubleUpdate: "update needed", TroubleNotAdmitted: "not admitted",
	TroubleCopy: "copy of a wiped device", TroubleCodeNeeded: "code needed",
}

// Error returns the trouble's name, for logs.
func (t Trouble) Error() string { return troubleNames[t] }

// A Mismatch is TroubleCertificate with both fingerprints in their short form.
type Mismatch struct{ Want, Got string }

// Error returns the trouble's name, for logs.
func (Mismatch) Error() string { return TroubleCertificate.Error() }

// Is makes a Mismatch a TroubleCertificate.
func (Mismatch) Is(target error) bool { return target == TroubleCertificate }

// Locked is TroubleLocked with what the lock screen says.
type Locked struct {
	Person     string
	Device     string
	Passphrase bool      // the passphrase of this device opens it
	Tries      int       // how many wrong ones are left
	Lease      time.Time // until when it does so without the server; zero: not known
}

// Error returns the trouble's name, for logs.
func (Locked) Error() string { return TroubleLocked.Error() }

// Is makes it a TroubleLocked.
func (Locked) Is(target error) bool { return target == TroubleLocked }

// WrongPassphrase is TroubleWrongPassphrase with how many tries are left.
type WrongPassphrase struct{ Left int }

// Error returns the trouble's name, for logs.
func (WrongPassphrase) Error() string { return TroubleWrongPassphrase.Error() }

// Is makes it a TroubleWrongPassphrase.
func (WrongPassphrase) Is(target error) bool { return target == TroubleWrongPassphrase }

// Wiped is TroubleWiped with what was destroyed on this device. While a wipe runs, Open returns it again and again with
// more steps.
type Wiped struct {
	Order inbox.WipeID
	Why   inbox.WipeReason
	At    time.Time
	Steps []inbox.WipeStep
	Left  []string  // names, inside the data folder, of what could not be destroyed
	Done  bool      // every step was gone
	Sent  time.Time // when the server took the receipt; zero: it waits for a connection
}

// Error returns the trouble's name, for logs.
func (Wiped) Error() string { return TroubleWiped.Error() }

// Is makes it a TroubleWiped.
func (Wiped) Is(target error) bool { return target == TroubleWiped }

// troubleOf finds the trouble in an error.
func troubleOf(err error) Trouble {
	var t Trouble
	if errors.As(err, &t) {
		return t
	}
	for _, t := range []Trouble{TroubleCertificate, TroubleLocked, TroubleWrongPassphrase, TroubleWiped, TroublePolicy} {
		if errors.Is(err, t) {
			return t
		}
	}
	return TroubleUnknown
}
