package relay

import (
	"errors"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/vault"
)

// contactOf makes a contact with a conversation in the inbox.
func contactOf(t *testing.T, r *Relay, digits string) (inbox.ContactID, inbox.ConversationID) {
	t.Helper()
	contact, _, err := r.vault.Resolve(t.Context(), vaultIdentity(digits), inbox.At(time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	c := inbox.NewID[inbox.ConversationID]()
	err = r.db.Update(t.Context(), eventlog.Shard(inbox.InboxID("sales").Log()), func(tx ledger.Tx) error {
		if err := tx.Put(bucketThread, []byte(contact.ID), []byte(c)); err != nil {
			return err
		}
		_, err := eventlog.Append(tx, 1, "", inbox.ConversationOpened{Conversation: c, Inbox: "sales", Contact: contact})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return contact.ID, c
}

func TestTheNewestAnswerOfACustomerCountsWhateverComesLast(t *testing.T) {
	const given, withdrawn = inbox.Given, inbox.Withdrawn
	type said struct {
		at                   inbox.Moment
		marketing, templates inbox.ConsentState
	}
	for name, x := range map[string]struct {
		in                   []said
		marketing, templates inbox.ConsentState
		changes              int
	}{
		"stop":                             {[]said{{10_000, withdrawn, 0}}, withdrawn, 0, 1},
		"stop, then start":                 {[]said{{10_000, withdrawn, 0}, {20_000, given, given}}, given, given, 2},
		"start overtaken by an older stop": {[]said{{20_000, given, given}, {10_000, withdrawn, 0}}, given, given, 1},
		"the same second":                  {[]said{{10_000, withdrawn, 0}, {10_700, given, 0}}, withdrawn, 0, 1},
		"the same second, other order":     {[]said{{10_700, given, 0}, {10_000, withdrawn, 0}}, withdrawn, 0, 2},
		"an older stop all after a stop":   {[]said{{20_000, withdrawn, 0}, {10_000, withdrawn, withdrawn}}, withdrawn, withdrawn, 2},
		"the same stop twice":              {[]said{{10_000, withdrawn, 0}, {10_000, withdrawn, 0}}, withdrawn, 0, 1},
		"stop said again later":            {[]said{{10_000, withdrawn, 0}, {20_000, withdrawn, 0}}, withdrawn, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRelay(t, nil)
			contact, conversation := contactOf(t, r, "4915155501234")
			changes := 0
			for i, s := range x.in {
				e := consentEntry{At: s.at, Source: inbox.FromSettings, Marketing: s.marketing, Templates: s.templates, What: inbox.WhatStopped}
				row, err := r.sealConsent(t.Context(), contact, string(rune('a'+i)), e)
				if err != nil {
					t.Fatal(err)
				}
				for range 2 { // delivered twice
					err = r.db.Update(t.Context(), eventlog.Shard(inbox.InboxID("sales").Log()), func(tx ledger.Tx) error {
						log := eventlog.NewWriter(tx)
						changed, err := recordConsent(tx, log, conversation, row, 100)
						if changed {
							changes++
						}
						return errors.Join(err, log.Flush())
					})
					if err != nil {
						t.Fatal(err)
					}
				}
			}
			var c inbox.Conversation
			err := r.db.View(t.Context(), eventlog.Shard(inbox.InboxID("sales").Log()), func(tx ledger.Tx) (err error) {
				c, _, err = eventlog.Conversation(tx, conversation)
				return err
			})
			if err != nil || c.Consent.Marketing != x.marketing || c.Consent.Templates != x.templates || changes != x.changes {
				t.Errorf("marketing %d, templates %d after %d changes, %v", c.Consent.Marketing, c.Consent.Templates, changes, err)
			}
			list, err := r.consentLedger(t.Context(), "sales", contact)
			if err != nil || len(list) != len(x.in) {
				t.Errorf("the ledger has %d rows, %v", len(list), err)
			}
		})
	}
}

func vaultIdentity(digits string) vault.Identity { return vault.Identity{Phone: digits} }
