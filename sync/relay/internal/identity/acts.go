package identity

import (
	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/ledger"
)

// The acts of this package, beside those package audit names.
const (
	ActSignedIn      audit.Act = "sign-in.done"    // Detail is how: password, recovery, browser or passkey
	ActSignInRefused audit.Act = "sign-in.refused" // Detail is what was wrong, which the person is not told
	ActSteppedUp     audit.Act = "step-up.done"
	ActStepUpRefused audit.Act = "step-up.refused"
	ActSignedOut     audit.Act = "session.ended" // Object is the device, Detail a [Why]

	ActPasswordSet   audit.Act = "sign-in.password-set"
	ActSecondSet     audit.Act = "sign-in.second-set"
	ActRecoveryKept  audit.Act = "sign-in.recovery-kept"
	ActPasswordReset audit.Act = "sign-in.password-reset"
	ActSecondReset   audit.Act = "sign-in.second-reset"
	ActSignOnSet     audit.Act = "person.sign-on-set"

	ActPasskeyAdded   audit.Act = "sign-in.passkey-added" // Detail is its label, here and below
	ActPasskeyRemoved audit.Act = "sign-in.passkey-removed"
	ActPasskeyCopied  audit.Act = "sign-in.passkey-copied" // it counted backwards, and counts no more

	ActSignOnGone audit.Act = "person.sign-on-gone" // Detail is a [Why]

	ActRoleSet        audit.Act = "person.role-set" // Detail is the role
	ActTeamSet        audit.Act = "person.team-set"
	ActAwaySet        audit.Act = "person.away-set"
	ActSpeaksSet      audit.Act = "person.languages-set"
	ActInboxesSet     audit.Act = "person.inboxes-set"
	ActPersonLeft     audit.Act = "person.left"
	ActPersonReturned audit.Act = "person.returned"
	ActDeviceRenamed  audit.Act = "device.renamed"
)

// By is who does something. The zero value is somebody at the relay's command line, or the relay itself.
type By struct {
	Person inbox.PersonID
	Device inbox.DeviceID
}

// record writes what was done to an object.
func (by By) record(tx ledger.Tx, at inbox.Moment, act audit.Act, object, detail string) error {
	return audit.Record(tx, audit.Entry{At: at, Actor: by.Person, Device: by.Device, Act: act, Object: object, Detail: detail})
}

// A Why says why a session ended, or why the sign-on counts somebody out. It is the detail of an audit entry.
type Why string

// The reasons.
const (
	WhyAsked   Why = "asked"   // the person, or who may, signed out
	WhyLeft    Why = "left"    // the person left the company
	WhyRole    Why = "role"    // the person has another role
	WhyReset   Why = "reset"   // IT reset the password, the second factor or the sign-on
	WhyRevoked Why = "revoked" // the device was excluded

	WhyLogout Why = "logout" // the person signed out at the sign-on
	WhyOver   Why = "over"   // the sign-on's grant was only for so long
	WhyUnsure Why = "unsure" // the sign-on says no, but the relay may have lost its last answer
	WhyGrant  Why = "grant"  // the sign-on took its grant back: disabled, removed, revoked
	WhyGroup  Why = "group"  // the person is in none of the groups any more
)

// Removed reports whether the sign-on has removed the person, or the device's grant, so that policy may wipe. For every
// other reason the person signs in again, or cannot.
func (w Why) Removed() bool { return w == WhyGrant || w == WhyGroup }
