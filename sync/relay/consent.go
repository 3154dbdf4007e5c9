package relay

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
)

// Buckets of an inbox's shard.
const (
	// bucketConsent is the ledger of consent: contact id, moment and a mark -> consentEntry, sealed under the contact's
	// key. Rows are added and never changed.
	bucketConsent = "consent"
	// bucketConsentAt is contact id -> consentTimes.
	bucketConsentAt = "consentat"
)

// A consentEntry is one row of the ledger of consent: who said or wrote down what, when, and how that can be proven.
type consentEntry struct {
	At        inbox.Moment        `cbor:"1,keyasint"` // when the customer said so
	Source    inbox.ConsentSource `cbor:"2,keyasint"`
	Marketing inbox.ConsentState  `cbor:"3,keyasint,omitempty"` // NotAsked: nothing was said about it
	Templates inbox.ConsentState  `cbor:"4,keyasint,omitempty"` // likewise
	By        inbox.PersonID      `cbor:"5,keyasint,omitempty"` // the colleague who wrote it down
	Proof     string              `cbor:"6,keyasint,omitempty"` // the colleague's words, the customer's, or the version of a notice
	Message   inbox.MessageID     `cbor:"7,keyasint,omitempty"` // the customer's message, if that was how
	What      inbox.What          `cbor:"8,keyasint,omitempty"` // the item colleagues see in the conversation
}

// consentTimes says when each answer was given, so that news that comes late changes nothing.
type consentTimes struct {
	Marketing inbox.Moment `cbor:"1,keyasint,omitempty"`
	Templates inbox.Moment `cbor:"2,keyasint,omitempty"`
}

// A consentRow is an entry ready to be written in any transaction of the inbox's shard.
type consentRow struct {
	contact inbox.ContactID
	entry   consentEntry
	key     []byte
	sealed  []byte
}

// sealConsent prepares an entry of the ledger of consent. once names the occasion, so that the same one is entered once.
// It must not be called inside a transaction.
func (r *Relay) sealConsent(ctx context.Context, contact inbox.ContactID, once string, e consentEntry) (consentRow, error) {
	plain, err := cbor.Marshal(e)
	if err != nil {
		return consentRow{}, fmt.Errorf("encoding a consent: %w", err)
	}
	mark := r.vault.Hash(bucketConsent, once)
	key := append([]byte(contact), 0)
	key = append(binary.BigEndian.AppendUint64(key, uint64(e.At)), mark[:]...)
	sealed, err := r.vault.Seal(ctx, contact, bucketConsent, key, plain)
	if err != nil {
		return consentRow{}, fmt.Errorf("sealing a consent: %w", err)
	}
	return consentRow{contact: contact, entry: e, key: key, sealed: sealed}, nil
}

// recordConsent enters a row into the ledger of consent and tells everybody if it changes what the conversation's customer
// agreed to. An older answer than the one that counts is entered and changes nothing; of two answers of the same second
// the withdrawal counts. It reports whether it changed anything. The caller flushes log.
func recordConsent(tx ledger.Tx, log *eventlog.Writer, c inbox.ConversationID, row consentRow, at inbox.Moment) (changed bool, err error) {
	known, err := tx.Get(bucketConsent, row.key)
	if err != nil || known != nil {
		return false, err
	}
	if err := tx.Put(bucketConsent, row.key, row.sealed); err != nil {
		return false, err
	}
	now, _, err := log.Conversation(c)
	if err != nil {
		return false, err
	}
	times, err := consentTimesOf(tx, row.contact)
	if err != nil {
		return false, err
	}
	e, next := row.entry, now.Consent
	settle := func(said inbox.ConsentState, at *inbox.Moment, state *inbox.ConsentState) {
		moment := e.At
		if said == inbox.Withdrawn {
			moment += 999 - moment%1000 // WhatsApp's clock has seconds, ours does not: to withdraw is the last word of one
		}
		if said == inbox.NotAsked || moment < *at || moment == *at && *state == inbox.Withdrawn {
			return
		}
		*at, *state = moment, said
	}
	settle(e.Marketing, &times.Marketing, &next.Marketing)
	settle(e.Templates, &times.Templates, &next.Templates)
	if next.Marketing == now.Consent.Marketing && next.Templates == now.Consent.Templates {
		return false, putConsentTimes(tx, row.contact, times)
	}
	if err := putConsentTimes(tx, row.contact, times); err != nil {
		return false, err
	}
	next.At, next.Source, next.By = max(e.At, now.Consent.At), e.Source, e.By
	bodies := []inbox.EventBody{inbox.ConsentChanged{Conversation: c, Consent: next}}
	if e.What != 0 {
		bodies = append(bodies, happened(c, at, e.What, e.By, ""))
	}
	_, err = log.Append(at, "", bodies...)
	return err == nil, err
}

func consentTimesOf(tx ledger.Tx, contact inbox.ContactID) (t consentTimes, err error) {
	row, err := tx.Get(bucketConsentAt, []byte(contact))
	if err == nil && row != nil && cbor.Unmarshal(row, &t) != nil {
		err = errRow
	}
	return t, err
}

func putConsentTimes(tx ledger.Tx, contact inbox.ContactID, t consentTimes) error {
	row, err := cbor.Marshal(t)
	if err != nil {
		return err
	}
	return tx.Put(bucketConsentAt, []byte(contact), row)
}

// consentLedger returns all that was entered about a contact of an inbox, oldest first.
func (r *Relay) consentLedger(ctx context.Context, in inbox.InboxID, contact inbox.ContactID) ([]consentEntry, error) {
	var keys, rows [][]byte
	prefix := append([]byte(contact), 0)
	err := r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) error {
		keys, rows = nil, nil
		for key, row := range tx.Scan(bucketConsent, prefix, ledger.After(prefix)) {
			keys, rows = append(keys, append([]byte(nil), key...)), append(rows, append([]byte(nil), row...))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	list := make([]consentEntry, len(rows))
	for i, row := range rows {
		plain, err := r.vault.Open(ctx, contact, bucketConsent, keys[i], row)
		if err != nil {
			return nil, fmt.Errorf("opening a consent: %w", err)
		}
		if cbor.Unmarshal(plain, &list[i]) != nil {
			return nil, errRow
		}
	}
	return list, nil
}
