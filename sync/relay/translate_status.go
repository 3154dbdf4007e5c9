package relay

import (
	"context"
	"strconv"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/outbound"
	"sealdesk/sync/relay/internal/whatsapp"
)

// prepareStatus turns what WhatsApp says about a message of the company into a fact: how far it came, what it costs, what
// it tells of the customer, and whether it left by this relay at all.
func (r *Relay) prepareStatus(ctx context.Context, id inbox.InboxID, s whatsapp.Status, received inbox.Moment) (fact, error) {
	at := momentOf(inbox.At(s.At), received)
	report, err := outbound.NewReport(ctx, r.db, r.vault, id, s)
	if err != nil {
		return fact{}, err
	}
	contact := report.Contact()
	if contact == "" && !report.Known() && !s.Recipient.IsZero() {
		if contact, _, err = r.vault.Find(ctx, identityOf(s.Recipient), at); err != nil {
			return fact{}, err
		}
	}
	f := statusFact{r: r, report: report, key: outbound.NewLookup(r.vault, s.ID).Key(), at: at}
	if !report.Known() && !s.ID.IsZero() && s.Group.IsZero() {
		if err := r.sentOutside(ctx, id, contact, s, f.key); err != nil {
			return fact{}, err
		}
	}
	if report.Contact() != "" && s.Group.IsZero() && !s.Recipient.IsZero() {
		if err := r.vault.Teach(ctx, contact, identityOf(s.Recipient), at); err != nil {
			return fact{}, err
		}
		if err := r.settleContact(ctx, contact); err != nil {
			return fact{}, err
		}
	}
	if err := r.faults(ctx, id, s.Errors, string(s.DedupeKey())); err != nil {
		return fact{}, err
	}
	for _, e := range s.Errors {
		if e.Class() != whatsapp.ClassOptOut || contact == "" {
			continue
		}
		row, err := r.sealConsent(ctx, contact, string(s.DedupeKey()), consentEntry{
			At: at, Source: inbox.FromRefusal, Marketing: inbox.Withdrawn, What: inbox.WhatStopped,
		})
		if err != nil {
			return fact{}, err
		}
		f.consent = &row
		break
	}
	if s.ConversationOrigin == "referral_conversion" {
		f.freeUntil = inbox.At(s.ConversationUntil)
	}
	if f.charge, err = r.newCharge(ctx, s, contact, f.key, at); err != nil {
		return fact{}, err
	}
	f.contact = contact
	return fact{write: f.write, after: f.tell(s, id, received)}, nil
}

// statusFact is a status on its way to becoming a fact.
type statusFact struct {
	r         *Relay
	report    outbound.Report
	key       []byte // stands for Meta's id of the message
	contact   inbox.ContactID
	at        inbox.Moment
	consent   *consentRow
	freeUntil inbox.Moment
	charge    *charge
	moved     inbox.MessageID // what it was news of
}

// old is how late WhatsApp may say that the account is at fault for the queue to be held: what it repeats after days is
// about something that is over.
const old = 10 * time.Minute

// tell lets the queue know what the status means for everything else that waits there.
func (f *statusFact) tell(s whatsapp.Status, id inbox.InboxID, received inbox.Moment) func(context.Context) error {
	return func(ctx context.Context) error {
		pipe := f.r.pipes[id]
		switch receipt, _ := f.report.Receipt(); {
		case f.moved == "" || received.Add(old) < inbox.At(f.r.now()) || f.at.Add(old) < received:
		case receipt == inbox.Failed && len(s.Errors) > 0:
			pipe.Failed(ctx, f.moved, s.Errors[0].Code)
		case receipt > inbox.Failed || receipt == inbox.Sent:
			pipe.Arrived(ctx, f.moved)
		}
		return nil
	}
}

func (f *statusFact) write(tx ledger.Tx, log *eventlog.Writer, at inbox.Moment) error {
	known, moved, err := f.report.Settle(tx, log, at)
	f.moved = moved
	if err != nil {
		return err
	}
	if !known {
		f.r.metrics.foreign.Inc()
		if err := f.remember(tx); err != nil {
			return err
		}
	}
	if f.charge != nil {
		if err := f.charge.write(tx, f.conversation); err != nil {
			return err
		}
	}
	if f.consent == nil && f.freeUntil == 0 {
		return nil
	}
	conversation, err := f.conversation(tx)
	if err == nil {
		conversation, err = goesOn(log, conversation)
	}
	if err != nil || conversation == "" {
		return err
	}
	if f.consent != nil {
		if _, err := recordConsent(tx, log, conversation, *f.consent, at); err != nil {
			return err
		}
	}
	if f.freeUntil == 0 {
		return nil
	}
	c, ok, err := log.Conversation(conversation)
	// WhatsApp says of all messages of one free time the same; what it says of an earlier one is over.
	if err != nil || !ok || c.FreeUntil == f.freeUntil || f.freeUntil.Add(inbox.FreeEntry) <= c.FreeUntil {
		return err
	}
	_, err = log.Append(at, "", inbox.FreeEntryMoved{Conversation: conversation, Until: f.freeUntil})
	return err
}

// remember keeps what is said of a message that is not known here, should an echo of it come later, and that it was told.
func (f *statusFact) remember(tx ledger.Tx) error {
	a, err := aboutOf(tx, f.key)
	if err != nil {
		return err
	}
	if a == nil {
		a = new(about)
	}
	receipt, failure := f.report.Receipt()
	if a.Outside && a.Receipt.Advance(receipt) == a.Receipt {
		return nil
	}
	if a.Receipt.Advance(receipt) != a.Receipt {
		a.Receipt, a.Failure = receipt, failure
	}
	a.Outside = true
	return a.put(tx, f.key)
}

// conversation returns where the message stands, or would stand: its own conversation, else its contact's.
func (f *statusFact) conversation(tx ledger.Tx) (inbox.ConversationID, error) {
	m, err := f.report.Message(tx)
	if err != nil || m.ID != "" {
		return m.Conversation, err
	}
	if f.contact == "" {
		return "", nil
	}
	id, err := tx.Get(bucketThread, []byte(f.contact))
	return inbox.ConversationID(id), err
}

// sentOutside raises an incident, once, about a message that did not leave by this relay: ours carry our own id back, which
// was durable before they left, so one without is somebody else's.
func (r *Relay) sentOutside(ctx context.Context, id inbox.InboxID, contact inbox.ContactID, s whatsapp.Status, key []byte) error {
	var thread []byte
	told := false
	err := r.db.View(ctx, eventlog.Shard(id.Log()), func(tx ledger.Tx) error {
		a, err := aboutOf(tx, key)
		if told = a != nil && a.Outside; err != nil || told || contact == "" {
			return err
		}
		thread, err = tx.Get(bucketThread, []byte(contact))
		return err
	})
	if err != nil || told {
		return err
	}
	return r.raise(ctx, r.outsideOnce(s.ID), inbox.Incident{
		Kind: inbox.IncidentSentOutside, Inbox: id, Conversation: inbox.ConversationID(thread),
	})
}

// faults raises an incident for every error that concerns the company's account rather than one message. once names the
// occasion.
func (r *Relay) faults(ctx context.Context, id inbox.InboxID, all []whatsapp.Fault, once string) error {
	for _, e := range all {
		if !e.Class().Stops() {
			continue
		}
		detail := strconv.Itoa(e.Code)
		i := inbox.Incident{Kind: incidentOf(e.Class(), e.Code), Inbox: id, Detail: detail}
		if err := r.raise(ctx, "fault "+detail+" "+once, i); err != nil {
			return err
		}
	}
	return nil
}
