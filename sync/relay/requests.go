package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/vault"
)

// A request is born in the shard of the inbox, in the transaction that adds the customer's message, and moves from there
// to the oversight shard, where it is decided. Moving it twice is harmless.
const (
	bucketRequestDue = "requestdue" // of an inbox's shard: contact id and kind -> inbox.Request that has to move
	bucketErasing    = "erasing"    // of an inbox's shard: contact id -> id of the approved request to be forgotten
	bucketRequest    = "request"    // of the oversight shard: request id -> inbox.Request
	bucketRequestOf  = "requestof"  // of the oversight shard: contact id, inbox and kind -> id of the request that is open
)

// Errors of deciding about requests.
var (
	// ErrNoRequest is returned for a request that is not there.
	ErrNoRequest = errors.New("no such request")
	// ErrNotApproved is returned when a request is to be carried out that nobody approved, or is settled.
	ErrNotApproved = errors.New("the request is not approved, or settled already")
	// ErrErasureWaits is returned when somebody wants to call an erasure done that the relay has not carried out.
	ErrErasureWaits = errors.New("an approved erasure stays open until the erasure run has destroyed the customer's key")
	// ErrNoCopy is returned when a copy is to be made for a request that does not ask for one.
	ErrNoCopy = errors.New("the customer did not ask for a copy")
	// ErrNotQuiet is returned when somebody is to be forgotten because nobody writes with him, and somebody has.
	ErrNotQuiet = errors.New("somebody has written with the customer meanwhile: the relay takes the request back by itself")
	// ErrReason is returned when a request is refused without a reason.
	ErrReason = errors.New("say why, in at most 500 characters: the customer has a right to know")
)

// Reference is the short name of a request that a customer is told.
func Reference(id inbox.RequestID) string {
	s := strings.ToUpper(string(id))
	if len(s) < 8 {
		return s
	}
	return s[:4] + "-" + s[4:8]
}

func requestOfKey(q inbox.Request) []byte {
	return fmt.Appendf(nil, "%s\x00%s\x00%d", q.Contact, q.Inbox, q.Kind)
}

func requestDueKey(q inbox.Request) []byte { return fmt.Appendf(nil, "%s\x00%d", q.Contact, q.Kind) }

// keywordRequest gives a keyword the request it makes: the one that is open, or a new one.
func (r *Relay) keywordRequest(ctx context.Context, k *keyword, in inbox.InboxID, kind inbox.RequestKind) error {
	at := inbox.At(r.now())
	q := inbox.Request{
		ID: inbox.NewID[inbox.RequestID](), Kind: kind, Inbox: in, Contact: k.contact, At: at,
		Due: at.Add(inbox.RequestTerm * 24 * time.Hour),
	}
	k.request, k.fresh = &q, true
	known := func(tx ledger.Tx, bucket string, key []byte) error {
		row, err := tx.Get(bucket, key)
		if err != nil || row == nil {
			return err
		}
		if bucket == bucketRequestOf {
			if row, err = tx.Get(bucketRequest, row); err != nil || row == nil {
				return err
			}
		}
		if cbor.Unmarshal(row, k.request) != nil {
			return errRow
		}
		k.fresh = false
		return nil
	}
	// First where requests are born: one that moves in between is found where it went.
	err := r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) error {
		return known(tx, bucketRequestDue, requestDueKey(q))
	})
	if err != nil || !k.fresh {
		return err
	}
	return r.db.View(ctx, oversightShard(), func(tx ledger.Tx) error { return known(tx, bucketRequestOf, requestOfKey(q)) })
}

// announceRequest writes a new request where [Relay.moveRequests] finds it.
func announceRequest(tx ledger.Tx, q inbox.Request) error {
	key := requestDueKey(q)
	known, err := tx.Get(bucketRequestDue, key)
	if err != nil {
		return err
	}
	if known != nil { // made after this one was prepared, and the answer names this one
		return errStale
	}
	row, err := cbor.Marshal(q)
	if err != nil {
		return err
	}
	return tx.Put(bucketRequestDue, key, row)
}

// moveRequests brings the requests of an inbox that have just been made to those who decide.
func (r *Relay) moveRequests(ctx context.Context, id inbox.InboxID) error {
	shard := eventlog.Shard(id.Log())
	var born []inbox.Request
	err := r.db.View(ctx, shard, func(tx ledger.Tx) error {
		born = nil
		for _, row := range tx.Scan(bucketRequestDue, nil, nil) {
			var q inbox.Request
			if cbor.Unmarshal(row, &q) != nil {
				return errRow
			}
			born = append(born, q)
		}
		return nil
	})
	if err != nil || len(born) == 0 {
		return err
	}
	err = r.db.Update(ctx, oversightShard(), func(tx ledger.Tx) error {
		for _, q := range born {
			if _, ok, err := request(tx, q.ID); err != nil {
				return err
			} else if ok {
				continue
			}
			if err := putRequest(tx, q, inbox.At(r.now())); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("announcing requests: %w", err)
	}
	return r.db.Update(ctx, shard, func(tx ledger.Tx) error {
		for _, q := range born {
			if err := tx.Delete(bucketRequestDue, requestDueKey(q)); err != nil {
				return err
			}
		}
		return nil
	})
}

func request(tx ledger.Tx, id inbox.RequestID) (q inbox.Request, ok bool, err error) {
	row, err := tx.Get(bucketRequest, []byte(id))
	if err != nil || row == nil {
		return q, false, err
	}
	if cbor.Unmarshal(row, &q) != nil {
		return q, false, errRow
	}
	return q, true, nil
}

// putRequest writes the state of a request and tells those who watch.
func putRequest(tx ledger.Tx, q inbox.Request, at inbox.Moment) error {
	row, err := cbor.Marshal(q)
	if err != nil {
		return err
	}
	if err := tx.Put(bucketRequest, []byte(q.ID), row); err != nil {
		return err
	}
	if settled(q) {
		err = tx.Delete(bucketRequestOf, requestOfKey(q))
	} else {
		err = tx.Put(bucketRequestOf, requestOfKey(q), []byte(q.ID))
	}
	if err != nil {
		return err
	}
	_, err = eventlog.Append(tx, at, "", inbox.RequestChanged{Request: q})
	return err
}

func settled(q inbox.Request) bool {
	return q.State == inbox.RequestDone || q.State == inbox.RequestRefused
}

func allRequests(tx ledger.Tx) (all []inbox.Request, err error) {
	for _, row := range tx.Scan(bucketRequest, nil, nil) {
		var q inbox.Request
		if cbor.Unmarshal(row, &q) != nil {
			return nil, errRow
		}
		all = append(all, q)
	}
	return all, tx.Err()
}

// findRequest finds a request by its id or the reference the customer was told. A reference of several is none.
func findRequest(tx ledger.Tx, word string) (inbox.Request, error) {
	word = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(word), "-", ""))
	var found []inbox.Request
	all, err := allRequests(tx)
	if err != nil {
		return inbox.Request{}, err
	}
	for _, q := range all {
		if string(q.ID) == word || len(word) == 8 && strings.HasPrefix(string(q.ID), word) {
			found = append(found, q)
		}
	}
	if len(found) != 1 {
		return inbox.Request{}, ErrNoRequest
	}
	return found[0], nil
}

// Overdue reports whether the law wanted an answer before now.
func Overdue(q inbox.Request, now inbox.Moment) bool { return !settled(q) && now > q.Due }

// Requests implements [Admin].
func (r *Relay) Requests(ctx context.Context, all bool) (list []inbox.Request, err error) {
	err = r.db.View(ctx, oversightShard(), func(tx ledger.Tx) (err error) {
		list, err = allRequests(tx)
		return err
	})
	if !all {
		list = slices.DeleteFunc(list, settled)
	}
	slices.SortFunc(list, func(a, b inbox.Request) int { return int(a.Due - b.Due) })
	return list, err
}

// Request implements [Admin].
func (r *Relay) Request(ctx context.Context, id string) (q inbox.Request, err error) {
	err = r.db.View(ctx, oversightShard(), func(tx ledger.Tx) (err error) {
		q, err = findRequest(tx, id)
		return err
	})
	return q, err
}

// DecideRequest implements [Admin].
func (r *Relay) DecideRequest(ctx context.Context, id, by string, agree bool, reason string) (inbox.Request, error) {
	reason = strings.TrimSpace(reason)
	if !agree && (reason == "" || len([]rune(reason)) > 500 || inbox.Identifying(reason)) {
		return inbox.Request{}, ErrReason
	}
	act := audit.RequestApproved
	if !agree {
		act = audit.RequestRefused
	}
	if known, err := r.Request(ctx, id); err == nil && agree && known.Quiet != 0 && !settled(known) {
		if still, err := r.stillQuiet(ctx, known); err != nil {
			return inbox.Request{}, err
		} else if !still {
			return inbox.Request{}, ErrNotQuiet
		}
	}
	q, err := r.actOnRequest(ctx, id, by, act, func(q *inbox.Request, p inbox.Person, at inbox.Moment) error {
		next, err := inbox.RequestDecision(*q, p, agree)
		if err != nil {
			return err
		}
		switch {
		case !agree:
			q.Second, q.Reason, q.Settled = p.ID, reason, at
		case q.State == inbox.RequestSeconded:
			q.Second = p.ID
		default:
			q.First = p.ID
		}
		q.State = next
		return nil
	})
	if err == nil && q.State == inbox.RequestApproved {
		err = r.closeToSends(ctx, q)
	}
	return q, err
}

// FinishRequest implements [Admin].
func (r *Relay) FinishRequest(ctx context.Context, id, by string) (inbox.Request, error) {
	return r.actOnRequest(ctx, id, by, audit.RequestDone, func(q *inbox.Request, p inbox.Person, at inbox.Moment) error {
		switch {
		case !decides(p, *q):
			return inbox.RefusedRight
		case q.State != inbox.RequestApproved:
			return ErrNotApproved
		case q.Kind == inbox.RequestErasure:
			return ErrErasureWaits
		}
		q.State, q.Settled = inbox.RequestDone, at
		return nil
	})
}

// decides reports whether a person may have a say in a request.
func decides(p inbox.Person, q inbox.Request) bool {
	return p.Role != inbox.ITAdmin && inbox.Can(p, inbox.ActOversee, inbox.Subject{Inbox: q.Inbox}) == nil
}

// actOnRequest changes a request in the transaction that also records who did it, or who tried to.
func (r *Relay) actOnRequest(ctx context.Context, id, by string, act audit.Act, change func(*inbox.Request, inbox.Person, inbox.Moment) error) (q inbox.Request, err error) {
	p, err := r.personNamed(ctx, by)
	if err != nil {
		return q, err
	}
	var refused error
	err = r.db.Update(ctx, oversightShard(), func(tx ledger.Tx) error {
		refused = nil
		var err error
		if q, err = findRequest(tx, id); err != nil {
			return err
		}
		at := inbox.At(r.now())
		entry := audit.Entry{At: at, Actor: p.ID, Act: act, Object: string(q.ID)}
		next := q
		if refused = change(&next, p, at); refused != nil {
			if entry.Refused = inbox.RefusedState; errors.Is(refused, inbox.RefusedRight) {
				entry.Refused = inbox.RefusedRight
			}
			return audit.Record(tx, entry)
		}
		if err := audit.Record(tx, entry); err != nil {
			return err
		}
		if next == q {
			return nil
		}
		q = next
		return putRequest(tx, q, at)
	})
	return q, errors.Join(err, refused)
}

// closeToSends keeps everybody from writing to a customer whose erasure is approved, until the erasure run has been.
func (r *Relay) closeToSends(ctx context.Context, q inbox.Request) error {
	if q.Kind != inbox.RequestErasure || q.State != inbox.RequestApproved {
		return nil
	}
	same, err := r.vault.Same(ctx, q.Contact) // he may have turned out to be somebody else too, also since
	if errors.Is(err, vault.ErrErased) {      // nobody can write to him any more
		return nil
	}
	if err != nil {
		return err
	}
	missing := false
	shard := eventlog.Shard(q.Inbox.Log())
	err = r.db.View(ctx, shard, func(tx ledger.Tx) error {
		missing = false
		for _, contact := range same {
			known, err := erasing(tx, contact)
			if err != nil {
				return err
			}
			missing = missing || !known
		}
		return nil
	})
	if err != nil || !missing {
		return err
	}
	if q.Quiet != 0 { // he stopped nothing
		err := r.db.Update(ctx, shard, func(tx ledger.Tx) error { return markErasing(tx, same, q.ID) })
		if err != nil {
			return err
		}
		if now, err := r.Request(ctx, string(q.ID)); err != nil || now.State == inbox.RequestRefused { // taken back meanwhile
			return errors.Join(err, r.unmarkErasing(ctx, q.Inbox, same))
		}
		return nil
	}
	row, err := r.sealConsent(ctx, same[0], "erasure "+string(q.ID), consentEntry{
		At: inbox.At(r.now()), Source: inbox.FromKeyword, Marketing: inbox.Withdrawn, Templates: inbox.Withdrawn,
		Proof: string(q.ID), What: inbox.WhatStoppedAll,
	})
	if err != nil {
		return err
	}
	return r.db.Update(ctx, shard, func(tx ledger.Tx) error {
		if err := markErasing(tx, same, q.ID); err != nil {
			return err
		}
		thread, err := tx.Get(bucketThread, []byte(same[0]))
		if err != nil {
			return err
		}
		if thread == nil {
			thread = []byte(q.Conversation)
		}
		log := eventlog.NewWriter(tx)
		if _, err := recordConsent(tx, log, inbox.ConversationID(thread), row, inbox.At(r.now())); err != nil {
			return err
		}
		return log.Flush()
	})
}

// markErasing notes that contacts are to be forgotten.
func markErasing(tx ledger.Tx, contacts []inbox.ContactID, id inbox.RequestID) error {
	for _, contact := range contacts {
		if err := tx.Put(bucketErasing, []byte(contact), []byte(id)); err != nil {
			return err
		}
	}
	return nil
}

func (r *Relay) unmarkErasing(ctx context.Context, in inbox.InboxID, contacts []inbox.ContactID) error {
	return r.db.Update(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) error {
		for _, contact := range contacts {
			if err := tx.Delete(bucketErasing, []byte(contact)); err != nil {
				return err
			}
		}
		return nil
	})
}

// erasing reports whether two people agreed to forget the contact of the inbox whose shard tx is on: nothing may be sent
// to him any more.
func erasing(tx ledger.Tx, contact inbox.ContactID) (bool, error) {
	row, err := tx.Get(bucketErasing, []byte(contact))
	return row != nil, err
}

// carryOut makes up for decisions whose consequences a crash kept from being written.
func (r *Relay) carryOut(ctx context.Context) error {
	list, err := r.Requests(ctx, false)
	for _, q := range list {
		err = errors.Join(err, r.closeToSends(ctx, q))
	}
	return err
}
