package relay

import (
	"context"
	"fmt"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/whatsapp"
)

// bucketOther keeps changes that hold no message and no status, as Meta wrote them, by keyed hash: what the relay does not
// understand yet is not lost for the relay that will.
const bucketOther = "other"

// refused reports whether a change is a mass transfer of chats or address books, of which the relay keeps nothing.
func refused(c *whatsapp.Change) bool {
	d, ok := c.Notice.(whatsapp.Declined)
	return ok && d.Why == whatsapp.ReasonMassData
}

// private are fields whose changes name customers and whose use is over once they are acted on. They are not kept: nobody
// would find them when the customer is erased.
var private = map[string]bool{"messages": true, "smb_message_echoes": true, "user_preferences": true, "calls": true}

// prepareChange acts on what a change holds beside messages and statuses.
func (r *Relay) prepareChange(ctx context.Context, id inbox.InboxID, c whatsapp.Change, received inbox.Moment) (fact, error) {
	r.metrics.otherField(c.Field)
	if refused(&c) {
		once := fmt.Sprint("refused ", id, " ", c.Field, " ", received.Time().Format(time.DateOnly))
		return fact{}, r.raise(ctx, once, inbox.Incident{Kind: inbox.IncidentRefusedData, Inbox: id, Detail: c.Field})
	}
	if err := r.faults(ctx, id, c.Errors, string(c.DedupeKey())); err != nil {
		return fact{}, err
	}
	if err := r.notice(ctx, id, c); err != nil {
		return fact{}, err
	}
	for _, p := range c.Preferences { // they may tell more of a customer than was known
		who, ok, err := r.vault.Find(ctx, identityOf(p.Who), received)
		if err == nil && ok {
			err = r.settleContact(ctx, who)
		}
		if err != nil {
			return fact{}, err
		}
	}
	if private[c.Field] || len(c.Contacts) > 0 {
		return fact{}, nil
	}
	key := r.vault.Hash(bucketOther, string(c.DedupeKey()))
	raw := c.Raw.Reveal()
	return fact{write: func(tx ledger.Tx, _ *eventlog.Writer, _ inbox.Moment) error { return tx.Put(bucketOther, key[:], raw) }}, nil
}
