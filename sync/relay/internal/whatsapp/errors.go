package whatsapp

import (
	"errors"
	"fmt"
	"time"
)

// Class says what an error of the Graph API, or a fault in a webhook, means for a sender. Codes come and go; act on classes.
type Class string

// The classes, and what to do about them.
const (
	// ClassUnknown is a code we have no row for: show it, alarm, do not retry.
	ClassUnknown Class = "unknown"
	// ClassService is trouble at Meta's end: try again later, minding that a send may have happened.
	ClassService Class = "service"
	// ClassRate is the app's, the account's or the number's limit: slow the number down and try again.
	ClassRate Class = "rate"
	// ClassPairRate is the limit of one number towards one person: slow that pair down and try again.
	ClassPairRate Class = "pair-rate"
	// ClassSpam is too many complaints: pause the number, tell a person.
	ClassSpam Class = "spam"
	// ClassAuth is a token that is wrong or expired: stop the queue, tell the administrator.
	ClassAuth Class = "auth"
	// ClassPermission is a token without the right: stop the queue, tell the administrator.
	ClassPermission Class = "permission"
	// ClassWindow is more than 24 hours since the person wrote: offer a template.
	ClassWindow Class = "window"
	// ClassOptOut is a person who stopped marketing: write the withdrawal down, never retry.
	ClassOptOut Class = "opt-out"
	// ClassHeldBack is Meta choosing not to deliver marketing to this person now: not today.
	ClassHeldBack Class = "held-back"
	// ClassUndeliverable is a person who cannot be reached; Meta does not say why, and neither should we.
	ClassUndeliverable Class = "undeliverable"
	// ClassPolicy is an account that is locked, blocked, unpaid or restricted: stop, raise an incident.
	ClassPolicy Class = "policy"
	// ClassNumberNeeded is a template that may only go to a telephone number: ask the person for it.
	ClassNumberNeeded Class = "number-needed"
	// ClassMedia is a file Meta could not take or give: retry once, then show.
	ClassMedia Class = "media"
	// ClassTemplate is a template that is missing, paused, disabled or filled in wrongly.
	ClassTemplate Class = "template"
	// ClassSetup is a number that is not registered, a wrong PIN, or a version of the API that is retired.
	ClassSetup Class = "setup"
	// ClassBug is a request we should never have made: park it, alarm.
	ClassBug Class = "bug"
)

// classes is the one table of codes. Source: Meta's error code reference for the Cloud API, v23.0 to v25.0.
var classes = map[int]Class{
	0: ClassAuth, 190: ClassAuth,
	3: ClassPermission, 10: ClassPermission,
	1: ClassService, 2: ClassService, 131000: ClassService, 131016: ClassService, 131057: ClassService, 133004: ClassService,
	4: ClassRate, 80007: ClassRate, 130429: ClassRate,
	131056: ClassPairRate,
	131048: ClassSpam,
	131049: ClassHeldBack, 130472: ClassHeldBack,
	131050: ClassOptOut,
	131047: ClassWindow, 470: ClassWindow,
	131026: ClassUndeliverable, 131030: ClassUndeliverable,
	131021: ClassBug, 131008: ClassBug, 131009: ClassBug, 100: ClassBug, 33: ClassBug, 135000: ClassBug, 131051: ClassBug,
	131052: ClassMedia, 131053: ClassMedia,
	131031: ClassPolicy, 368: ClassPolicy, 130497: ClassPolicy, 131037: ClassPolicy, 131042: ClassPolicy, 134011: ClassPolicy,
	131045: ClassSetup, 2635: ClassSetup,
	131062: ClassNumberNeeded,
	132000: ClassTemplate, 132001: ClassTemplate, 132005: ClassTemplate, 132007: ClassTemplate, 132012: ClassTemplate,
	132015: ClassTemplate, 132016: ClassTemplate, 132068: ClassTemplate, 132069: ClassTemplate,
}

// ClassOf returns the class of a code of the Graph API, [ClassUnknown] when it has no row.
func ClassOf(code int) Class {
	if c, ok := classes[code]; ok {
		return c
	}
	switch {
	case 200 <= code && code <= 299:
		return ClassPermission
	case 133000 <= code && code <= 133016: // registration and PIN, but for the row above
		return ClassSetup
	}
	return ClassUnknown
}

// Temporary reports whether the same request may succeed later without anybody doing anything.
func (c Class) Temporary() bool {
	switch c {
	case ClassService, ClassRate, ClassPairRate:
		return true
	}
	return false
}

// Stops reports whether everything this number sends will fail until a person acts.
func (c Class) Stops() bool {
	switch c {
	case ClassAuth, ClassPermission, ClassPolicy, ClassSpam, ClassSetup:
		return true
	}
	return false
}

// APIError is an answer of the Graph API other than success. It carries numbers alone: Meta's texts may echo a customer's.
type APIError struct {
	// Code is Meta's, 0 with HTTPStatus set when the answer was not in Meta's format.
	Code, Subcode int
	HTTPStatus    int
	Class         Class
	// RetryAfter is what the answer asked for, 0 when it did not.
	RetryAfter time.Duration
}

// Error names code, class and status.
func (e *APIError) Error() string {
	return fmt.Sprintf("whatsapp: graph error %d/%d (%s), status %d", e.Code, e.Subcode, e.Class, e.HTTPStatus)
}

// Outcome is what is known about a request that may have an effect at Meta.
type Outcome int

const (
	// OutcomeAccepted: Meta took it. For a send that means accepted, not delivered.
	OutcomeAccepted Outcome = iota
	// OutcomeNotSent: not a complete request left this machine, so it may be repeated.
	OutcomeNotSent
	// OutcomeRefused: Meta answered that it did not take it.
	OutcomeRefused
	// OutcomeUnknown: it may or may not have happened. Wait for a status that carries our callback data, then ask a person.
	OutcomeUnknown
)

// String returns the word for o.
func (o Outcome) String() string {
	switch o {
	case OutcomeAccepted:
		return "accepted"
	case OutcomeNotSent:
		return "not sent"
	case OutcomeRefused:
		return "refused"
	}
	return "unknown"
}

// TransportError is a request without a usable answer.
type TransportError struct {
	Outcome Outcome // OutcomeNotSent or OutcomeUnknown
	// Timeout is set when we stopped waiting, or the caller did.
	Timeout bool
}

// Error says how far the request got. The network's own text is left out, because it names URLs.
func (e *TransportError) Error() string {
	if e.Timeout {
		return "whatsapp: no answer in time, request " + e.Outcome.String()
	}
	return "whatsapp: no answer, request " + e.Outcome.String()
}

var (
	// ErrRequest says that a request breaks a limit of the contract and was not sent.
	ErrRequest = errors.New("whatsapp: request breaks the contract")
	// ErrListing says that a listing at Meta went on past every bound; what was read of it is not to be trusted.
	ErrListing = errors.New("whatsapp: listing does not end")
	// ErrTemplate says that a template has a part or a button this package cannot fill; Meta's console can send it.
	ErrTemplate = errors.New("whatsapp: template of an unknown shape")
	// ErrMediaTooLarge says that a file is larger than the caller allows.
	ErrMediaTooLarge = errors.New("whatsapp: media too large")
	// ErrMediaDigest says that the bytes received are not the file Meta announced. Discard them.
	ErrMediaDigest = errors.New("whatsapp: media digest mismatch")
	// ErrMediaHost says that Meta named a place for a file that is not one of Meta's; the token was not sent there.
	ErrMediaHost = errors.New("whatsapp: media host refused")
)

// OutcomeOf says what an error of [Client.Send] means for the message. Statuses of 500 and above are [OutcomeUnknown]: Meta has
// been seen to deliver a message it answered 500 to.
func OutcomeOf(err error) Outcome {
	if err == nil {
		return OutcomeAccepted
	}
	var t *TransportError
	if errors.As(err, &t) {
		return t.Outcome
	}
	var a *APIError
	if errors.As(err, &a) {
		if 400 <= a.HTTPStatus && a.HTTPStatus < 500 && a.HTTPStatus != 408 {
			return OutcomeRefused
		}
		return OutcomeUnknown
	}
	if errors.Is(err, ErrRequest) {
		return OutcomeNotSent
	}
	return OutcomeUnknown
}
