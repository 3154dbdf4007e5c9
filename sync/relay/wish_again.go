package relay

import (
	"context"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/outbound"
)

// The wishes about a message that is there already: to send it once more, to react to it.

// bucketAgain is message id -> the message that says the same once more, because a person wished it.
const bucketAgain = "again"

// notToday is how long a message rests of which WhatsApp said that the customer gets enough of them.
const notToday = 24 * time.Hour

// prepareAgain sends a message once more, as a new message, because a person says so.
func (r *Relay) prepareAgain(ctx context.Context, in inbox.InboxID, p inbox.Person, c inbox.Conversation, cause inbox.IntentID, id inbox.MessageID) (deed, error) {
	var m inbox.Message
	var ok bool
	err := r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) (err error) {
		m, ok, err = eventlog.Message(tx, id)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case !ok || m.Conversation != c.ID:
		return nil, inbox.RefusedUnknown
	}
	said, ok, err := outbound.Again(ctx, r.db, r.vault, in, c.Contact.ID, id)
	switch {
	case err != nil:
		return nil, err
	case !ok || m.Side != inbox.FromPerson || m.Kind == inbox.Deleted:
		return nil, inbox.RefusedState
	}
	said.Fresh = m.Failure == inbox.FailMedia
	fresh := r.newMessageID()
	d := draft{parcel: said, message: inbox.Message{
		ID: fresh, Kind: m.Kind, Body: m.Body, Header: m.Header, Footer: m.Footer, Choices: m.Choices, Media: m.Media,
	}}
	send, err := r.prepareSend(ctx, p, c, cause, d)
	if err != nil {
		return nil, err
	}
	return func(tx ledger.Tx, c inbox.Conversation, at inbox.Moment) (inbox.Refusal, error) {
		last, err := lastAttempt(tx, id)
		switch {
		case err != nil:
			return inbox.Granted, err
		case last.ID == "":
			return inbox.RefusedState, nil
		case last.Failure == inbox.FailNotToday && at < last.At.Add(notToday):
			return inbox.RefusedState, nil
		}
		if refusal, err := send(tx, c, at); err != nil || refusal != inbox.Granted {
			return refusal, err
		}
		return inbox.Granted, tx.Put(bucketAgain, []byte(last.ID), []byte(fresh))
	}, nil
}

// lastAttempt returns the last of a message and all that was sent in its place, if none of them arrived as far as is
// known: a status may have come meanwhile, or a colleague may have been faster. It returns no message otherwise.
func lastAttempt(tx ledger.Tx, id inbox.MessageID) (last inbox.Message, err error) {
	for id != "" {
		m, there, err := eventlog.Message(tx, id)
		if err == nil && !there && last.ID != "" { // that attempt was taken back
			return last, nil
		}
		if err != nil || m.Receipt != inbox.Failed && m.Receipt != inbox.Unknown {
			return inbox.Message{}, err
		}
		next, err := tx.Get(bucketAgain, []byte(id))
		if err != nil {
			return inbox.Message{}, err
		}
		last, id = m, inbox.MessageID(next)
	}
	return last, nil
}

func (r *Relay) prepareReaction(ctx context.Context, c inbox.Conversation, cause inbox.IntentID, b inbox.AddReaction) (deed, error) {
	shown := emoji(b.Emoji)
	if shown != b.Emoji {
		return nil, inbox.RefusedMalformed
	}
	parcel, err := outbound.Seal(ctx, r.vault, outbound.Parcel{
		Message: r.newMessageID(), Contact: c.Contact.ID, React: b.Message, Emoji: b.Emoji,
	})
	if err != nil {
		return nil, err
	}
	return func(tx ledger.Tx, c inbox.Conversation, at inbox.Moment) (inbox.Refusal, error) {
		m, ok, err := eventlog.Message(tx, b.Message)
		switch {
		case err != nil:
			return inbox.Granted, err
		case !ok || m.Conversation != c.ID || m.Side != inbox.FromContact:
			return inbox.RefusedUnknown, nil
		}
		if why, err := maySend(tx, c, nil, at); err != nil || why != inbox.Granted {
			return why, err
		}
		// For the customer there is one company: a colleague's reaction takes the place of an earlier one.
		reaction := inbox.Reaction{Side: inbox.FromPerson, Emoji: b.Emoji}
		if _, err := eventlog.Append(tx, at, cause, inbox.Reacted{Conversation: c.ID, Message: m.ID, Reaction: reaction}); err != nil {
			return inbox.Granted, err
		}
		return inbox.Granted, parcel.Enqueue(tx)
	}, nil
}
