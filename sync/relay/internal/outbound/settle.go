package outbound

import (
	"context"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/vault"
	"sealdesk/sync/relay/internal/whatsapp"
)

// A Report is what WhatsApp says about a message, ready to be written in any transaction of the inbox's shard.
type Report struct {
	callback inbox.MessageID // our id, as we gave it to Meta; "" if the status had none
	lookup   Lookup
	receipt  inbox.Receipt
	failure  inbox.Failure
	at       inbox.Moment
	ref      *Ref // the binding, for a message whose post had no answer
}

// NewReport translates a status of an inbox's message. It returns false for states that say nothing about the receipt.
func NewReport(ctx context.Context, db ledger.DB, v *vault.Vault, id inbox.InboxID, s whatsapp.Status, at inbox.Moment) (r Report, ok bool, err error) {
	r = Report{callback: inbox.MessageID(s.Callback), lookup: NewLookup(v, s.ID), at: at}
	switch s.State {
	case whatsapp.StateSent:
		r.receipt = inbox.Sent
	case whatsapp.StateDelivered:
		r.receipt = inbox.Delivered
	case whatsapp.StateRead, whatsapp.StatePlayed:
		r.receipt = inbox.Read
	case whatsapp.StateFailed:
		r.receipt, r.failure = inbox.Failed, inbox.FailUndeliverable
		if len(s.Errors) > 0 {
			r.failure = FailureOf(s.Errors[0].Class())
		}
	default:
		return Report{}, false, nil
	}
	var contact inbox.ContactID
	var message inbox.MessageID
	err = db.View(ctx, eventlog.Shard(id.Log()), func(tx ledger.Tx) error {
		_, m, err := r.message(tx)
		if err != nil || m.ID == "" {
			return err
		}
		if bound, err := tx.Get(bucketWamid, []byte(m.ID)); err != nil || bound != nil {
			return err
		}
		c, _, err := eventlog.Conversation(tx, m.Conversation)
		contact, message = c.Contact.ID, m.ID
		return err
	})
	if err != nil || message == "" {
		return r, true, err
	}
	ref, err := NewRef(ctx, v, contact, s.ID, message)
	r.ref = &ref
	return r, true, err
}

// Settle moves the message's receipt forward. It reports false when no message of ours is meant. A report that is older
// than what is known changes nothing.
func (r Report) Settle(tx ledger.Tx) (known bool, err error) {
	id, m, err := r.message(tx)
	if err != nil || id == "" {
		return false, err
	}
	if r.ref != nil {
		if err := r.ref.Bind(tx); err != nil {
			return true, err
		}
	}
	if err := remove(tx, id); err != nil {
		return true, err
	}
	return true, advance(tx, m, r.receipt, r.failure, r.at)
}

// message finds what the report is about: by our own id if it is really ours, else by Meta's.
func (r Report) message(tx ledger.Tx) (inbox.MessageID, inbox.Message, error) {
	if r.callback != "" && len(r.callback) <= 64 {
		m, ok, err := eventlog.Message(tx, r.callback)
		if err != nil {
			return "", m, err
		}
		if ok && m.Side == inbox.FromPerson {
			return m.ID, m, nil
		}
		if sealed, err := tx.Get(bucketPayload, []byte(r.callback)); err != nil || sealed != nil {
			return r.callback, inbox.Message{}, err
		}
	}
	id, err := r.lookup.Message(tx)
	if err != nil || id == "" {
		return "", inbox.Message{}, err
	}
	m, _, err := eventlog.Message(tx, id)
	return id, m, err
}

// advance records a receipt if it is news. A reaction of ours is no message and has no receipt.
func advance(tx ledger.Tx, m inbox.Message, to inbox.Receipt, why inbox.Failure, at inbox.Moment) error {
	if m.ID == "" || m.Receipt.Advance(to) == m.Receipt {
		return nil
	}
	_, err := eventlog.Append(tx, at, "", inbox.ReceiptChanged{
		Conversation: m.Conversation, Message: m.ID, Receipt: to, Failure: why,
	})
	return err
}

// FailureOf says what a class of Meta's errors means to an agent.
func FailureOf(c whatsapp.Class) inbox.Failure {
	if f, ok := failures[c]; ok {
		return f
	}
	return inbox.FailInternal
}

var failures = map[whatsapp.Class]inbox.Failure{
	whatsapp.ClassUnknown:       inbox.FailUndeliverable,
	whatsapp.ClassService:       inbox.FailBusy,
	whatsapp.ClassRate:          inbox.FailBusy,
	whatsapp.ClassPairRate:      inbox.FailBusy,
	whatsapp.ClassSpam:          inbox.FailCompanyAccount,
	whatsapp.ClassAuth:          inbox.FailCompanyAccount,
	whatsapp.ClassPermission:    inbox.FailCompanyAccount,
	whatsapp.ClassPolicy:        inbox.FailCompanyAccount,
	whatsapp.ClassSetup:         inbox.FailCompanyAccount,
	whatsapp.ClassWindow:        inbox.FailWindow,
	whatsapp.ClassOptOut:        inbox.FailStopped,
	whatsapp.ClassHeldBack:      inbox.FailNotToday,
	whatsapp.ClassUndeliverable: inbox.FailUndeliverable,
	whatsapp.ClassNumberNeeded:  inbox.FailPolicy,
	whatsapp.ClassMedia:         inbox.FailMedia,
	whatsapp.ClassTemplate:      inbox.FailPolicy,
	whatsapp.ClassBug:           inbox.FailInternal,
}
