package relay

import (
	"time"

	"sealdesk/app/inbox"
)

// steps are the questions before which a person must have shown lately who is there, and as what they count. Asking counts,
// not what follows from it.
var steps = map[inbox.QuestionKind]inbox.Action{
	inbox.QuestionReveal: inbox.ActReveal, inbox.QuestionDecide: inbox.ActDecide,
	inbox.QuestionWipe: inbox.ActWipe, inbox.QuestionDecideWipe: inbox.ActWipe, inbox.QuestionOffboard: inbox.ActOffboard,
	inbox.QuestionReimaged: inbox.ActAdmit, inbox.QuestionHoldings: inbox.ActHoldings, inbox.QuestionProof: inbox.ActProve,
}

// fresh reports whether the asker may be asked a question of a kind without showing again who is there. Where nobody signs in,
// the device's key is all there is to show, and it was just shown.
func (r *Relay) fresh(a asker, kind inbox.QuestionKind) bool {
	return !inbox.Fresh(steps[kind]) || r.justSeen(a.fresh)
}

// justSeen reports whether somebody who counts as just seen until then does. A clock that was turned back prolongs nothing.
func (r *Relay) justSeen(until inbox.Moment) bool {
	left := until.Sub(inbox.At(r.now()))
	return !r.cfg.SignIn.required() || left > 0 && left <= r.cfg.SignIn.fresh()
}

// always is longer than any connection lasts.
const always = 365 * 24 * time.Hour
