package relay

import (
	"context"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/whatsapp"
)

// prepareEcho turns what the company wrote in the WhatsApp Business app, or on a device linked to it, into a fact: it is
// shown beside what left by the relay, and somebody must look at it.
func (r *Relay) prepareEcho(ctx context.Context, id inbox.InboxID, m whatsapp.Message, received inbox.Moment) (fact, error) {
	in := &incoming{inbox: id, by: inbox.FromPerson}
	f, err := r.prepareMessage(ctx, in, m, received)
	if err != nil || f.write == nil || in.message.Side == inbox.FromSystem {
		return f, err
	}
	var known inbox.Message
	err = r.db.View(ctx, eventlog.Shard(id.Log()), func(tx ledger.Tx) error {
		ours, err := in.known.Message(tx)
		if err == nil {
			known, _, err = eventlog.Message(tx, ours)
		}
		return err
	})
	if err != nil || known.ID != "" && !known.Outside { // it left by this relay after all
		return f, err
	}
	once := r.outsideOnce(m.ID)
	if in.act != nil || m.ID.IsZero() {
		once = "outside " + string(m.Raw)
	}
	return f, r.raiseFor(ctx, in, once, inbox.IncidentSentOutside)
}

// outsideOnce names the occurrence that a message reached a customer past the relay: by its echo, by its statuses, or both.
func (r *Relay) outsideOnce(id whatsapp.MessageID) string { return "outside " + id.Reveal() }
