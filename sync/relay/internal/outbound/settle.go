package outbound

import (
	"bytes"
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
	code     int  // Meta's, of a failure
	ref      *Ref // the binding, for a message whose post had no answer
	named    bool // it says of which id of Meta's it speaks
	ours     bool
	contact  inbox.ContactID
}

// bucketRedone is message id -> the keyed hash of Meta's first id of a message that leaves once more, because WhatsApp
// took it and could not use its file. What is said of that id is over.
const bucketRedone = "redone"

// NewReport translates a status of an inbox's message.
func NewReport(ctx context.Context, db ledger.DB, v *vault.Vault, id inbox.InboxID, s whatsapp.Status) (Report, error) {
	r := Report{callback: inbox.MessageID(s.Callback), lookup: NewLookup(v, s.ID), named: !s.ID.IsZero()}
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
			r.failure, r.code = FailureOf(s.Errors[0].Class()), s.Errors[0].Code
		}
	}
	var message inbox.MessageID
	var bound bool
	err := db.View(ctx, eventlog.Shard(id.Log()), func(tx ledger.Tx) error {
		id, m, err := r.message(tx)
		if r.ours = id != ""; err != nil || m.ID == "" {
			return err
		}
		c, _, err := eventlog.Conversation(tx, m.Conversation)
		if err != nil {
			return err
		}
		r.contact, message = c.Contact.ID, m.ID
		sealed, err := tx.Get(bucketWamid, []byte(m.ID))
		bound = sealed != nil
		return err
	})
	if err != nil || message == "" || bound || s.ID.IsZero() {
		return r, err
	}
	ref, err := NewRef(ctx, v, r.contact, s.ID, message)
	r.ref = &ref
	return r, err
}

// Known reports whether the report is about a message of the inbox's log, or one that left by this pipeline.
func (r Report) Known() bool { return r.ours }

// Contact is whom the message was written to; "" if it is not known.
func (r Report) Contact() inbox.ContactID { return r.contact }

// Receipt is how far the message has come; NoReceipt if the report is about something else.
func (r Report) Receipt() (inbox.Receipt, inbox.Failure) { return r.receipt, r.failure }

// Message returns what the report is about as it is now; its zero value if that is not in the log.
func (r Report) Message(tx ledger.Tx) (inbox.Message, error) {
	_, m, err := r.message(tx)
	return m, err
}

// Settle moves the message's receipt forward. It reports false when no message of ours is meant, and the message if that
// was news. A report that is older than what is known changes nothing. A message whose file WhatsApp could not use after
// all is queued once more, and its file handed over anew: it has certainly not been delivered.
func (r Report) Settle(tx ledger.Tx, log *eventlog.Writer, at inbox.Moment) (known bool, moved inbox.MessageID, err error) {
	id, m, err := r.message(tx)
	if err != nil || id == "" || r.receipt == inbox.NoReceipt {
		return id != "", "", err
	}
	first, err := tx.Get(bucketRedone, []byte(id))
	if err != nil || bytes.Equal(first, r.lookup.Key()) {
		return true, "", err
	}
	if r.ref != nil {
		if err := r.ref.Bind(tx); err != nil {
			return true, "", err
		}
	}
	row, _, err := rowOf(tx, id)
	if err != nil {
		return true, "", err
	}
	if err := remove(tx, id); err != nil {
		return true, "", err
	}
	if !news(m, r.receipt) {
		return true, "", nil
	}
	if r.code == badUpload && m.Media != nil && first == nil && !row.Redone && r.named {
		return true, "", r.redo(tx, m)
	}
	_, err = log.Append(at, "", receiptOf(m, r.receipt, r.failure))
	return true, m.ID, err
}

// redo queues a message once more.
func (r Report) redo(tx ledger.Tx, m inbox.Message) error {
	payload, err := tx.Get(bucketPayload, []byte(m.ID))
	if err != nil || payload == nil {
		return err
	}
	if err := tx.Put(bucketRedone, []byte(m.ID), r.lookup.Key()); err != nil {
		return err
	}
	if err := tx.Delete(bucketWamid, []byte(m.ID)); err != nil { // it gets another one
		return err
	}
	return Sealed{payload: payload, row: row{
		Message: m.ID, Contact: r.contact, Free: m.Kind == inbox.Templated, File: true, Fresh: true, Redone: true,
	}}.Enqueue(tx)
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

// advance records a receipt if it is news.
func advance(tx ledger.Tx, m inbox.Message, to inbox.Receipt, why inbox.Failure, at inbox.Moment) error {
	if !news(m, to) {
		return nil
	}
	_, err := eventlog.Append(tx, at, "", receiptOf(m, to, why))
	return err
}

// news reports whether a receipt changes a message. A reaction of ours is no message and has no receipt.
func news(m inbox.Message, to inbox.Receipt) bool {
	return m.ID != "" && m.Receipt.Advance(to) != m.Receipt
}

func receiptOf(m inbox.Message, to inbox.Receipt, why inbox.Failure) inbox.ReceiptChanged {
	return inbox.ReceiptChanged{Conversation: m.Conversation, Message: m.ID, Receipt: to, Failure: why}
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
	whatsapp.ClassNumberNeeded:  inbox.FailNumberNeeded,
	whatsapp.ClassMedia:         inbox.FailMedia,
	whatsapp.ClassTemplate:      inbox.FailTemplate,
	whatsapp.ClassBug:           inbox.FailInternal,
}
