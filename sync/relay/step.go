package relay

import (
	"context"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
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

// wish is [Relay.wish], for what needs that the person was just seen. That one was not is no answer to be remembered: the same
// wish may come again after a step-up. One that was answered before is answered as before.
func (x *session) wish(ctx context.Context, i inbox.Intent) wire.Outcome {
	r := x.s.r
	if inbox.Fresh(actions[i.Body.IntentKind()]) && !r.justSeen(x.seenUntil()) && isID(string(i.ID)) && isID(string(i.Body.On())) {
		switch known, err := r.answered(ctx, i); {
		case err != nil:
			return wire.Outcome{Intent: i.ID, Retry: retrySoon}
		case !known:
			r.metrics.wish(i.Body.IntentKind(), inbox.RefusedStepUp)
			return wire.Outcome{Intent: i.ID, Refusal: inbox.RefusedStepUp}
		}
	}
	return r.wish(ctx, x.person, x.device.ID, i)
}

// answered reports whether a wish was answered before.
func (r *Relay) answered(ctx context.Context, i inbox.Intent) (known bool, err error) {
	in, err := r.placeOf(ctx, i.Body.On())
	if err != nil || in == "" {
		return false, err
	}
	err = r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) error {
		row, err := rememberedWish(tx, i.ID)
		known = row != nil
		return err
	})
	return known, err
}
