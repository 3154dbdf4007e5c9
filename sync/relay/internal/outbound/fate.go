package outbound

import (
	"context"
	"errors"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/whatsapp"
)

// A verdict is what became of one post.
type verdict struct {
	fate   whatsapp.Outcome
	cause  error // nil when it was accepted
	result whatsapp.SendResult
	load   load

	held    bool // everything would be refused: the message stays where it is
	alone   bool // it looked so, but it is this message alone
	limited bool // the company may begin with no more customers today
}

// fateOf is [whatsapp.OutcomeOf], but for answers that say under a status of 500 that the company may not: those are
// refusals. A code of 0 may be no code at all.
func fateOf(err error) whatsapp.Outcome {
	var api *whatsapp.APIError
	if errors.As(err, &api) && api.Code != 0 && api.Class.Stops() {
		return whatsapp.OutcomeRefused
	}
	return whatsapp.OutcomeOf(err)
}

// classOf returns what kind of refusal an error is, and how long the answer asked to wait.
func classOf(err error) (whatsapp.Class, time.Duration) {
	var api *whatsapp.APIError
	if errors.As(err, &api) {
		return api.Class, min(api.RetryAfter, longestPause) // Meta promises no such header: it must not silence a number
	}
	return whatsapp.ClassBug, 0
}

// record writes down what became of a post.
func (p *Pipeline) record(ctx context.Context, key []byte, r row, v verdict) error {
	at := inbox.At(p.cfg.Now())
	var ref *Ref
	if v.fate == whatsapp.OutcomeAccepted && !v.result.ID.IsZero() {
		if made, err := NewRef(ctx, p.cfg.Vault, r.Contact, v.result.ID, r.Message); err != nil { // the first status makes up for it
			p.cfg.Log.Error("reference of a message cannot be sealed", "message", r.Message, "error", err)
		} else {
			ref = &made
		}
	}
	var stopped func(ledger.Tx, inbox.ConversationID) error
	if class, _ := classOf(v.cause); class == whatsapp.ClassOptOut && p.cfg.Stopped != nil {
		var err error
		if stopped, err = p.cfg.Stopped(ctx, r.Contact, r.Message, at); err != nil {
			return err
		}
	}
	return p.cfg.DB.Update(ctx, p.shard, func(tx ledger.Tx) error {
		if ref != nil {
			if err := ref.Bind(tx); err != nil {
				return err
			}
		}
		q, there, err := rowAt(tx, key)
		if err != nil || !there { // a status was faster than the answer and settled it
			return err
		}
		class, wait := classOf(v.cause)
		switch {
		case v.fate == whatsapp.OutcomeAccepted:
			return remove(tx, r.Message)
		case v.fate == whatsapp.OutcomeUnknown:
			q.State, q.Due = silent, at.Add(SettleWait)
		case v.held: // not its fault: it does not count
			q.State, q.Due, q.Tries = waiting, noBefore, max(0, q.Tries-1)
		case v.fate == whatsapp.OutcomeNotSent && !errors.Is(v.cause, whatsapp.ErrRequest):
			// Nothing left this machine: the wish stays, for as long as the window does.
			q.State, q.Due = waiting, at.Add(min(backoff(q.Tries), noRoute))
		case class == whatsapp.ClassPairRate && q.Tries < maxTries:
			q.State, q.Due = waiting, at.Add(max(wait, pairBackoff(q.Tries)))
		case class.Temporary() && q.Tries < maxTries:
			q.State, q.Due = waiting, at.Add(max(wait, backoff(q.Tries)))
		case codeOf(v.cause) == badUpload && q.File && !q.Redone:
			q.State, q.Due, q.Fresh, q.Redone = waiting, at.Add(time.Second), true, true
		case class == whatsapp.ClassOptOut:
			if c, ok, err := conversationOf(tx, r.Message); err != nil {
				return err
			} else if ok && stopped != nil {
				if err := stopped(tx, c.ID); err != nil {
					return err
				}
			}
			return fail(tx, r.Message, inbox.FailStopped, at)
		default:
			return fail(tx, r.Message, v.failure(), at)
		}
		return putRow(tx, key, q)
	})
}

// badUpload is Meta's code for a file it has and cannot use.
const badUpload = 131053

// failure says what a refusal means to an agent.
func (v verdict) failure() inbox.Failure {
	switch {
	case v.limited:
		return inbox.FailBusy
	case v.alone, single[codeOf(v.cause)]:
		return inbox.FailPolicy
	case errors.Is(v.cause, whatsapp.ErrMediaTooLarge):
		return inbox.FailMedia
	}
	class, _ := classOf(v.cause)
	return FailureOf(class)
}

// postpone puts a row off that could not be posted for a reason of ours, or because its file could not be handed over,
// and shows it as failed when that does not get better or cannot. A row that waits because the number is held is not at
// fault.
func (p *Pipeline) postpone(ctx context.Context, key []byte, cause error, held bool) error {
	var f *fileError
	if errors.As(cause, &f) {
		cause = f.cause
	}
	class, wait := classOf(cause)
	var transport *whatsapp.TransportError
	var api *whatsapp.APIError
	return p.cfg.DB.Update(ctx, p.shard, func(tx ledger.Tx) error {
		q, there, err := rowAt(tx, key)
		if err != nil || !there || q.State != waiting {
			return err
		}
		at := inbox.At(p.cfg.Now())
		why := inbox.FailInternal
		if f != nil {
			why = inbox.FailMedia
		}
		switch q.Tries++; {
		case held:
			q.Tries, q.Due = q.Tries-1, noBefore
			return putRow(tx, key, q)
		case f != nil && errors.As(cause, &transport):
			// A file may be handed over twice: the wish stays, for as long as the window does.
			q.Due = at.Add(min(backoff(q.Tries), noRoute))
			return putRow(tx, key, q)
		case f != nil && class == whatsapp.ClassMedia && !q.Redone:
			q.Due, q.Fresh, q.Redone = at.Add(time.Second), true, true
			return putRow(tx, key, q)
		case errors.Is(cause, whatsapp.ErrRequest), errors.Is(cause, whatsapp.ErrMediaTooLarge),
			errors.As(cause, &api) && !class.Temporary(), q.Tries >= maxTries:
			return fail(tx, q.Message, why, at)
		}
		q.Due = at.Add(max(wait, backoff(q.Tries)))
		return putRow(tx, key, q)
	})
}

// fail takes a message out of the queue and shows why it did not leave. A reaction has no receipt and just goes.
func fail(tx ledger.Tx, id inbox.MessageID, why inbox.Failure, at inbox.Moment) error {
	return settle(tx, id, inbox.Failed, why, at)
}

func settle(tx ledger.Tx, id inbox.MessageID, receipt inbox.Receipt, why inbox.Failure, at inbox.Moment) error {
	m, _, err := eventlog.Message(tx, id)
	if err != nil {
		return err
	}
	if err := remove(tx, id); err != nil {
		return err
	}
	return advance(tx, m, receipt, why, at)
}
