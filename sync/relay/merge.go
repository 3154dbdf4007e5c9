package relay

import (
	"context"
	"encoding/binary"
	"fmt"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/vault"
)

const (
	bucketTwin = "twin" // contact id -> the older contact it turned out to be
	bucketTold = "told" // contact id -> version of the card the inbox was told last
)

// bring tells an inbox how things stand with a contact: its card, and the younger contacts that turned out to be the same.
// A younger one's conversation is the older one's from then on, or, if that has one already, goes on there. Bringing the
// same twice, or something older later, changes nothing.
func (r *Relay) bring(tx ledger.Tx, log *eventlog.Writer, s vault.Standing, at inbox.Moment) error {
	elder := s.Card.ID
	for _, twin := range s.Twins {
		if err := joinTwin(tx, log, elder, twin, at); err != nil {
			return err
		}
	}
	told, err := cardVersion(tx, elder)
	if err != nil || told >= s.Version {
		return err
	}
	if err := tx.Put(bucketTold, []byte(elder), binary.BigEndian.AppendUint64(nil, s.Version)); err != nil {
		return err
	}
	id, err := tx.Get(bucketThread, []byte(elder))
	if err != nil || id == nil {
		return err
	}
	c, ok, err := log.Conversation(inbox.ConversationID(id))
	if err != nil || !ok || sameCard(c.Contact, s.Card) {
		return err
	}
	_, err = log.Append(at, "", inbox.ContactChanged{Conversation: c.ID, Contact: s.Card})
	return err
}

func cardVersion(tx ledger.Tx, contact inbox.ContactID) (uint64, error) {
	row, err := tx.Get(bucketTold, []byte(contact))
	if err != nil || row == nil {
		return 0, err
	}
	if len(row) != 8 {
		return 0, errRow
	}
	return binary.BigEndian.Uint64(row), nil
}

func joinTwin(tx ledger.Tx, log *eventlog.Writer, elder, twin inbox.ContactID, at inbox.Moment) error {
	if known, err := tx.Get(bucketTwin, []byte(twin)); err != nil || string(known) == string(elder) {
		return err
	}
	if err := tx.Put(bucketTwin, []byte(twin), []byte(elder)); err != nil {
		return err
	}
	from, err := tx.Get(bucketThread, []byte(twin))
	if err != nil || from == nil {
		return err
	}
	into, err := tx.Get(bucketThread, []byte(elder))
	if err != nil || string(from) == string(into) {
		return err
	}
	if into == nil { // the card follows
		return tx.Put(bucketThread, []byte(elder), from)
	}
	if err := tx.Put(bucketThread, []byte(twin), into); err != nil {
		return err
	}
	young, ok, err := log.Conversation(inbox.ConversationID(from))
	if err != nil || !ok || young.Into != "" {
		return err
	}
	old, _, err := log.Conversation(inbox.ConversationID(into))
	if err != nil {
		return err
	}
	bodies := []inbox.EventBody{
		happened(young.ID, at, inbox.WhatJoined, "", ""),
		inbox.ConversationJoined{Conversation: young.ID, Into: old.ID},
		happened(old.ID, at, inbox.WhatJoined, "", ""),
	}
	if consent := strictest(old.Consent, young.Consent); consent != old.Consent {
		bodies = append(bodies, inbox.ConsentChanged{Conversation: old.ID, Consent: consent})
		if err := joinConsent(tx, elder, twin); err != nil {
			return err
		}
	}
	if old.Assignee == "" && young.Assignee != "" { // whoever looked after the customer goes on
		bodies = append(bodies, inbox.Assigned{Conversation: old.ID, To: young.Assignee})
	}
	work, err := joinWork(tx, old, young)
	if err != nil {
		return err
	}
	_, err = log.Append(at, "", append(bodies, work...)...)
	return err
}

// goesOn returns where a conversation goes on: itself, or what it was joined into.
func goesOn(log *eventlog.Writer, id inbox.ConversationID) (inbox.ConversationID, error) {
	for {
		c, _, err := log.Conversation(id)
		if err != nil || c.Into == "" {
			return id, err
		}
		id = c.Into // always an older contact's, so this ends
	}
}

// strictest returns what a customer agreed to who was taken for two: what he withdrew anywhere is withdrawn.
func strictest(a, b inbox.Consent) inbox.Consent {
	stricter := func(x, y inbox.ConsentState) inbox.ConsentState { return max(x, y) } // not asked, given, withdrawn
	out := a
	out.Marketing, out.Templates = stricter(a.Marketing, b.Marketing), stricter(a.Templates, b.Templates)
	if out.Marketing != a.Marketing || out.Templates != a.Templates {
		out.At, out.Source, out.By = b.At, b.Source, b.By
	}
	return out
}

// joinConsent makes the newest answer of either contact count for the elder, so that older news changes nothing.
func joinConsent(tx ledger.Tx, elder, twin inbox.ContactID) error {
	a, err := consentTimesOf(tx, elder)
	if err != nil {
		return err
	}
	b, err := consentTimesOf(tx, twin)
	if err != nil {
		return err
	}
	a.Marketing, a.Templates = max(a.Marketing, b.Marketing), max(a.Templates, b.Templates)
	return putConsentTimes(tx, elder, a)
}

// spread brings a contact's standing to every inbox but one, which learns of it with the fact that made it news. It must
// not be called inside a transaction.
func (r *Relay) spread(ctx context.Context, s vault.Standing, but inbox.InboxID) error {
	for _, id := range r.inboxes {
		if id == but {
			continue
		}
		err := r.db.Update(ctx, eventlog.Shard(id.Log()), func(tx ledger.Tx) error {
			log := eventlog.NewWriter(tx)
			if err := r.bring(tx, log, s, inbox.At(r.now())); err != nil {
				return err
			}
			return log.Flush()
		})
		if err != nil {
			return fmt.Errorf("telling an inbox of a contact: %w", err)
		}
	}
	return nil
}

// told notes that every inbox knows how things stand with a contact.
func (r *Relay) told(ctx context.Context, s vault.Standing) error {
	if len(s.Twins) > 0 { // who looks at a conversation that ended is in the one that goes on
		r.presence.changed()
	}
	return r.vault.Told(ctx, s.Card.ID, s.Version)
}

// settleContact brings news of a contact, if there is any, to every inbox. Call it after the vault was taught outside of
// the intake of messages. It must not be called inside a transaction.
func (r *Relay) settleContact(ctx context.Context, id inbox.ContactID) error {
	s, err := r.vault.Standing(ctx, id)
	if err != nil || !s.Pending {
		return err
	}
	if err := r.spread(ctx, s, ""); err != nil {
		return err
	}
	return r.told(ctx, s)
}

func sameCard(a, b inbox.Contact) bool {
	return a.ID == b.ID && a.Alias == b.Alias && a.Country == b.Country &&
		a.Name.Equal(b.Name) && a.Phone.Equal(b.Phone) && a.Email.Equal(b.Email) && a.Username.Equal(b.Username)
}
