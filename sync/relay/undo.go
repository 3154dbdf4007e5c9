package relay

import (
	"context"
	"errors"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/outbound"
)

// Messages that have not left yet: taken back by who wrote them, or let go by a supervisor.

// undone is until when a message may be taken back; zero if it leaves at once, or is held.
func (r *Relay) undone(d draft, at inbox.Moment) inbox.Moment {
	if undo := r.cfg.undo(); undo > 0 && !d.held {
		return at.Add(undo)
	}
	return 0
}

// despatch queues a message's parcel, or keeps it for a decision.
func despatch(tx ledger.Tx, p outbound.Sealed, m inbox.Message) error {
	if m.Held {
		return p.Withhold(tx, m.At)
	}
	return p.NotBefore(m.Until).Enqueue(tx)
}

// prepareWithdraw takes a message back that has not left.
func (r *Relay) prepareWithdraw(p inbox.Person, cause inbox.IntentID, b inbox.Withdraw) deed {
	return func(tx ledger.Tx, c inbox.Conversation, at inbox.Moment) (inbox.Refusal, error) {
		m, ok, err := eventlog.Message(tx, b.Message)
		switch {
		case err != nil:
			return inbox.Granted, err
		case !ok || m.Conversation != c.ID:
			return inbox.RefusedUnknown, nil
		case m.Side != inbox.FromPerson || m.Author != p.ID:
			return inbox.RefusedRight, nil
		case m.Receipt != inbox.Queued:
			return inbox.RefusedState, nil
		}
		if ok, err := outbound.Withdraw(tx, m.ID); err != nil || !ok {
			return inbox.RefusedState, err
		}
		_, err = eventlog.Append(tx, at, cause, inbox.MessageWithdrawn{Conversation: c.ID, Message: m.ID, By: p.ID})
		return inbox.Granted, err
	}
}

// prepareDecision lets a held message go, or does not.
func (r *Relay) prepareDecision(ctx context.Context, in inbox.InboxID, p inbox.Person, device inbox.DeviceID, c inbox.Conversation, cause inbox.IntentID, b inbox.DecideHeld) (deed, error) {
	said, there, err := outbound.Again(ctx, r.db, r.vault, in, c.Contact.ID, b.Message)
	if err != nil && b.Agree { // to refuse, nobody needs to read it
		return nil, err
	}
	return func(tx ledger.Tx, c inbox.Conversation, at inbox.Moment) (inbox.Refusal, error) {
		m, ok, err := eventlog.Message(tx, b.Message)
		switch {
		case err != nil:
			return inbox.Granted, err
		case !ok || m.Conversation != c.ID:
			return inbox.RefusedUnknown, nil
		case m.Author == p.ID:
			return inbox.RefusedSelf, nil
		case !m.Held || m.Receipt != inbox.Queued:
			return inbox.RefusedState, nil
		}
		entry := audit.Entry{At: at, Actor: p.ID, Device: device, Act: audit.NotReleased, Object: string(m.ID)}
		if !b.Agree {
			if err := audit.Record(tx, entry); err != nil {
				return inbox.Granted, err
			}
			return inbox.Granted, notReleased(tx, m, at, cause)
		}
		if !there {
			return inbox.RefusedState, nil
		}
		if why, err := maySend(tx, c, said.Template, at); err != nil || why != inbox.Granted {
			return why, err
		}
		if ok, err := outbound.Release(tx, m.ID); err != nil || !ok {
			return inbox.RefusedState, err
		}
		entry.Act = audit.Released
		if err := audit.Record(tx, entry); err != nil {
			return inbox.Granted, err
		}
		_, err = eventlog.Append(tx, at, cause, inbox.MessageReleased{Conversation: c.ID, Message: m.ID, By: p.ID})
		return inbox.Granted, err
	}, nil
}

// notReleased destroys what a held message says and shows that it does not leave.
func notReleased(tx ledger.Tx, m inbox.Message, at inbox.Moment, cause inbox.IntentID) error {
	if _, err := outbound.Withdraw(tx, m.ID); err != nil {
		return err
	}
	_, err := eventlog.Append(tx, at, cause, inbox.ReceiptChanged{
		Conversation: m.Conversation, Message: m.ID, Receipt: inbox.Failed, Failure: inbox.FailNotReleased,
	})
	return err
}

// lapseEvery is how often is looked for held messages nobody decided about in time.
const lapseEvery = 5 * time.Second

func (r *Relay) lapse(ctx context.Context) {
	r.guarding.recent.forget(r.now())
	for _, in := range r.inboxes {
		if err := r.lapseHeld(ctx, in); err != nil && ctx.Err() == nil {
			r.log.Error("held messages cannot be looked through", "inbox", string(in), "error", err)
		}
	}
}

// lapseHeld shows the held messages of an inbox as not released that waited too long, or cannot be sent any more.
func (r *Relay) lapseHeld(ctx context.Context, in inbox.InboxID) error {
	shard, at := eventlog.Shard(in.Log()), inbox.At(r.now())
	late := func(tx ledger.Tx) (list []inbox.MessageID, err error) {
		all, err := outbound.Withheld(tx)
		for _, w := range all {
			if err != nil {
				break
			}
			var over bool
			if over, err = r.lapsed(tx, w, at); over {
				list = append(list, w.Message)
			}
		}
		return list, err
	}
	var some bool
	err := r.db.View(ctx, shard, func(tx ledger.Tx) error {
		list, err := late(tx)
		some = len(list) > 0
		return err
	})
	if err != nil || !some {
		return err
	}
	return r.db.Update(ctx, shard, func(tx ledger.Tx) error {
		list, err := late(tx)
		for _, id := range list {
			m, ok, failed := eventlog.Message(tx, id)
			switch {
			case failed != nil:
			case !ok:
				_, failed = outbound.Withdraw(tx, id)
			default:
				if failed = notReleased(tx, m, at, ""); failed == nil {
					failed = audit.Record(tx, audit.Entry{At: at, Act: audit.NotReleased, Object: string(id)})
				}
			}
			err = errors.Join(err, failed)
		}
		return err
	})
}

// lapsed reports whether a held message cannot be let go any more.
func (r *Relay) lapsed(tx ledger.Tx, w outbound.Waiting, at inbox.Moment) (bool, error) {
	m, ok, err := eventlog.Message(tx, w.Message)
	if err != nil || !ok || at >= w.Since.Add(r.cfg.heldFor()) {
		return err == nil, err
	}
	c, ok, err := eventlog.Conversation(tx, m.Conversation)
	if err != nil {
		return false, err
	}
	forgotten, err := erasing(tx, w.Contact)
	return err == nil && (!ok || forgotten || c.Erased != 0 || c.Into != "" || !w.Free && !c.WindowOpen(at)), err
}

// unsentOf is the message a wish about one that has not left is about, for its audit entry.
func unsentOf(b inbox.IntentBody) string {
	switch b := b.(type) {
	case inbox.Withdraw:
		return string(b.Message)
	case inbox.DecideHeld:
		return string(b.Message)
	}
	return ""
}
