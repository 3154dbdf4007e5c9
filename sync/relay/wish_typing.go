package relay

import (
	"context"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
)

// typing tells the customer that somebody is writing. Errors are refusals, or say that the store cannot be read; whether
// WhatsApp shows it is nobody's promise.
func (r *Relay) typing(ctx context.Context, p inbox.Person, q inbox.Typing) (inbox.Done, error) {
	if !isID(string(q.Conversation)) {
		return inbox.Done{}, inbox.RefusedMalformed
	}
	in, err := r.placeOf(ctx, q.Conversation)
	if err == nil && in == "" {
		err = inbox.RefusedUnknown
	}
	if err != nil {
		return inbox.Done{}, err
	}
	var c inbox.Conversation
	err = r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) (err error) {
		c, _, err = eventlog.Conversation(tx, q.Conversation)
		return err
	})
	switch {
	case err != nil:
		return inbox.Done{}, err
	case inbox.Can(p, inbox.ActRead, c.Subject()) != nil:
		return inbox.Done{}, inbox.RefusedUnknown
	case inbox.Can(p, inbox.ActSend, c.Subject()) != nil:
		return inbox.Done{}, inbox.RefusedRight
	case c.Into != "":
		return inbox.Done{}, inbox.RefusedJoined
	case !c.WindowOpen(inbox.At(r.now())): // nothing that is written now will leave
		return inbox.Done{}, inbox.RefusedWindow
	}
	r.pipes[in].Typing(c.ID, c.InboundSeq)
	return inbox.Done{}, nil
}
