package relay

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/vault"
	"sealdesk/sync/wire"
)

// A reveal goes asked -> granted -> shown -> ended, or ends before as refused or lapsed. Each step is one transaction of
// the inbox's shard: the row, the fact everybody in the inbox is told, the entry of the audit. The value is in none of
// them: it is read from the vault when it is handed out, sealed to the key of the device that asked, and kept nowhere.

// Buckets of an inbox's shard.
const (
	bucketReveal     = "reveal"     // reveal id -> revealRow
	bucketRevealOpen = "revealopen" // reveal id -> nothing, until it is over
	bucketRevealAt   = "revealat"   // moment and reveal id -> revealCount, for the caps; of the last day
)

const (
	maxRevealNote = 500 // characters
	asksPerHour   = 10  // requests of one person, whatever became of them: colleagues have other work
	countedReveal = 24 * time.Hour
	manyPeople    = 3 // who saw one contact in a day before somebody is told
)

// A revealRow is a reveal with what only the relay needs of it.
type revealRow struct {
	Reveal  inbox.Reveal    `cbor:"1,keyasint"`
	Device  inbox.DeviceID  `cbor:"2,keyasint"` // the only one that is given the value
	Key     []byte          `cbor:"3,keyasint,omitempty"`
	Contact inbox.ContactID `cbor:"4,keyasint"`
}

// A revealCount is what counts of a reveal.
type revealCount struct {
	By      inbox.PersonID  `cbor:"1,keyasint"`
	Contact inbox.ContactID `cbor:"2,keyasint"`
	Void    bool            `cbor:"3,keyasint,omitempty"` // refused or lapsed: nobody saw anything
	Shown   bool            `cbor:"4,keyasint,omitempty"`
}

// reveals is what keeps the caps of one person over all inboxes: they lie in several shards, and two requests at a time
// must not both be the last that is allowed.
type reveals struct {
	mu   sync.Mutex
	poke chan struct{}                // there may be more to look after
	gone map[inbox.DeviceID]time.Time // devices with an open reveal that are not connected; of [Relay.tendReveals]
}

func newReveals() *reveals {
	return &reveals{poke: make(chan struct{}, 1), gone: map[inbox.DeviceID]time.Time{}}
}

func (x *reveals) wake() {
	select {
	case x.poke <- struct{}{}:
	default:
	}
}

func revealCountKey(at inbox.Moment, id inbox.RevealID) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(at)), id...)
}

// askReveal answers who asks to see a field of a contact.
func (r *Relay) askReveal(ctx context.Context, a asker, q inbox.AskReveal) (inbox.Grant, error) {
	in, c, no, err := r.mayReveal(ctx, a.person, q.Conversation, inbox.ActReveal)
	if err != nil || in == "" {
		return inbox.Grant{}, errors.Join(err, asError(no))
	}
	id := inbox.NewID[inbox.RevealID]()
	if no == inbox.Granted {
		no = checkAsk(q, id)
	}
	note, reason := inbox.Masked{}, []byte(nil)
	if no == inbox.Granted {
		_, known, err := r.fieldOf(ctx, c.Contact.ID, q.Field)
		switch {
		case errors.Is(err, vault.ErrErased):
			no = inbox.RefusedErased
		case err != nil:
			return inbox.Grant{}, err
		case !known:
			no = inbox.RefusedVariable
		default:
			if note, err = r.vault.MaskOurs(ctx, c.Contact.ID, q.Note); err == nil {
				reason, err = r.vault.Seal(ctx, c.Contact.ID, bucketReveal, []byte(id), []byte(q.Note))
			}
			if err != nil {
				return inbox.Grant{}, err
			}
		}
	}
	r.reveals.mu.Lock()
	defer r.reveals.mu.Unlock()
	now := r.now()
	at := inbox.At(now)
	if no == inbox.Granted {
		if no, err = r.revealCaps(ctx, in, a.person.ID, at); err != nil {
			return inbox.Grant{}, err
		}
	}
	var row revealRow
	why := no
	err = r.db.Update(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) error {
		why = no
		c, _, err := eventlog.Conversation(tx, q.Conversation)
		if err != nil {
			return err
		}
		if why == inbox.Granted && inbox.Can(a.person, inbox.ActReveal, c.Subject()) != nil {
			why = inbox.RefusedRight
		}
		entry := audit.Entry{At: at, Actor: a.person.ID, Device: a.device, Act: audit.RevealAsked, Object: string(q.Conversation), Refused: why}
		if why != inbox.Granted {
			return audit.Record(tx, entry)
		}
		entry.Object, entry.Detail, entry.Reason = string(id), fmt.Sprintf("%s field %d why %d", q.Conversation, q.Field, q.Why), cbor.ByteString(reason)
		if err := audit.Record(tx, entry); err != nil {
			return err
		}
		row = revealRow{Device: a.device, Key: q.Key, Contact: c.Contact.ID, Reveal: inbox.Reveal{
			ID: id, Conversation: q.Conversation, Field: q.Field, By: a.person.ID, Why: q.Why, Note: note, At: at, Until: at.Add(r.cfg.Reveal.lapse()),
		}}
		if err := putValue(tx, bucketRevealAt, revealCountKey(at, id), revealCount{By: a.person.ID, Contact: row.Contact}); err != nil {
			return err
		}
		if err := tx.Put(bucketRevealOpen, []byte(id), []byte{1}); err != nil {
			return err
		}
		if !r.cfg.Reveal.secondPerson() {
			row.Reveal.State = inbox.RevealGranted
			granted := audit.Entry{At: at, Act: audit.RevealGranted, Object: string(id)} // by policy
			if err := audit.Record(tx, granted); err != nil {
				return err
			}
		}
		return putReveal(tx, row, at)
	})
	if err != nil {
		return inbox.Grant{}, err
	}
	r.metrics.revealed(inbox.RevealAsked, why)
	if why != inbox.Granted {
		return inbox.Grant{}, why
	}
	r.reveals.wake()
	return inbox.Grant{Reveal: id, State: row.Reveal.State, Until: row.Reveal.Until, Second: row.Reveal.State == inbox.RevealAsked}, nil
}

// asError is the refusal as an error, nil if it is none.
func asError(why inbox.Refusal) error {
	if why == inbox.Granted {
		return nil
	}
	return why
}

// checkAsk refuses a request that makes no sense.
func checkAsk(q inbox.AskReveal, id inbox.RevealID) inbox.Refusal {
	if q.Field < inbox.FieldName || q.Field > inbox.FieldUsername || q.Why < inbox.ReasonDelivery || q.Why > inbox.ReasonOther {
		return inbox.RefusedMalformed
	}
	switch {
	case inbox.CheckText(q.Note) != nil && utf8.RuneCountInString(q.Note) <= maxRevealNote:
		return inbox.RefusedReason
	case utf8.RuneCountInString(q.Note) > maxRevealNote:
		return inbox.RefusedTooLong
	}
	if _, err := wire.SealReveal(q.Key, id, ""); err != nil { // better now than when somebody has agreed
		return inbox.RefusedMalformed
	}
	return inbox.Granted
}

// mayReveal returns the conversation a reveal is about and its inbox, and whether the person may do that there. in is ""
// for who may not know that there is such a conversation: then no is what to say, and nothing is to be written down
// because there is nowhere to write it.
func (r *Relay) mayReveal(ctx context.Context, p inbox.Person, id inbox.ConversationID, a inbox.Action) (in inbox.InboxID, c inbox.Conversation, no inbox.Refusal, err error) {
	if !isID(string(id)) {
		return "", c, inbox.RefusedMalformed, nil
	}
	if in, err = r.placeOf(ctx, id); err != nil || in == "" {
		return "", c, inbox.RefusedUnknown, err
	}
	err = r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) (err error) {
		c, _, err = eventlog.Conversation(tx, id)
		return err
	})
	s := c.Subject()
	switch {
	case err != nil:
	case inbox.Can(p, a, s) != nil && inbox.Can(p, inbox.ActRead, s) != nil:
		no = inbox.RefusedUnknown
	case inbox.Can(p, a, s) != nil:
		no = inbox.RefusedRight
	case c.Erased != 0:
		no = inbox.RefusedErased
	case c.Into != "":
		no = inbox.RefusedJoined
	}
	return in, c, no, err
}

// fieldOf returns what a field of a contact says, and whether anything is known.
func (r *Relay) fieldOf(ctx context.Context, contact inbox.ContactID, f inbox.Field) (value string, ok bool, err error) {
	switch f {
	case inbox.FieldName:
		return r.vault.Variable(ctx, contact, inbox.VarContactName)
	case inbox.FieldPhone:
		return r.vault.Variable(ctx, contact, inbox.VarContactPhone)
	case inbox.FieldEmail:
		return r.vault.Variable(ctx, contact, inbox.VarContactEmail)
	case inbox.FieldUsername:
		who, err := r.vault.Identity(ctx, contact)
		return who.Username, who.Username != "", err
	}
	return "", false, inbox.RefusedMalformed
}

// revealCaps says whether a person may ask for one more. The caller holds reveals.mu.
func (r *Relay) revealCaps(ctx context.Context, in inbox.InboxID, p inbox.PersonID, at inbox.Moment) (inbox.Refusal, error) {
	asks, hour, day, inboxDay := 0, 0, 0, 0
	for _, id := range r.inboxes {
		err := r.db.View(ctx, eventlog.Shard(id.Log()), func(tx ledger.Tx) error {
			return scanReveals(tx, at, func(when inbox.Moment, n revealCount) {
				recent := when > at.Add(-time.Hour)
				if n.By == p && recent {
					asks++
				}
				if n.Void {
					return
				}
				if id == in {
					inboxDay++
				}
				if n.By == p {
					day++
				}
				if n.By == p && recent {
					hour++
				}
			})
		})
		if err != nil {
			return inbox.Granted, err
		}
	}
	c := r.cfg.Reveal
	if asks >= asksPerHour || hour >= c.perHour() || day >= c.perDay() || inboxDay >= c.perInbox() {
		return inbox.RefusedCap, nil
	}
	return inbox.Granted, nil
}

// scanReveals visits what was asked within the last day.
func scanReveals(tx ledger.Tx, now inbox.Moment, visit func(inbox.Moment, revealCount)) error {
	from := revealCountKey(now.Add(-countedReveal)+1, "")
	for key, value := range tx.Scan(bucketRevealAt, from, nil) {
		var n revealCount
		if len(key) <= 8 || cbor.Unmarshal(value, &n) != nil {
			return errRow
		}
		visit(inbox.Moment(binary.BigEndian.Uint64(key)), n)
	}
	return tx.Err()
}

// openReveal hands the value of a granted reveal to who asked for it, on the device that asked, as often as that device
// asks until the look ends: an answer may be lost on its way, and only that device can read it.
func (r *Relay) openReveal(ctx context.Context, a asker, q inbox.OpenReveal) (inbox.Opened, error) {
	in, _, no, err := r.mayReveal(ctx, a.person, q.Conversation, inbox.ActReveal)
	if err != nil || in == "" {
		return inbox.Opened{}, errors.Join(err, asError(no))
	}
	if !isID(string(q.Reveal)) {
		return inbox.Opened{}, inbox.RefusedMalformed
	}
	shard := eventlog.Shard(in.Log())
	var row revealRow
	err = r.db.View(ctx, shard, func(tx ledger.Tx) (err error) {
		row, err = revealOf(tx, q.Conversation, q.Reveal)
		return err
	})
	if err != nil {
		return inbox.Opened{}, err
	}
	if no == inbox.Granted && (row.Reveal.ID == "" || row.Reveal.By != a.person.ID || row.Device != a.device) {
		no = inbox.RefusedUnknown
	}
	var sealed []byte
	if no == inbox.Granted && !q.End && viewable(row.Reveal, inbox.At(r.now())) {
		value, known, err := r.fieldOf(ctx, row.Contact, row.Reveal.Field)
		if errors.Is(err, vault.ErrErased) {
			no = inbox.RefusedErased
		} else if err != nil {
			return inbox.Opened{}, err
		} else if !known {
			no = inbox.RefusedVariable
		} else if sealed, err = wire.SealReveal(row.Key, q.Reveal, value); err != nil {
			return inbox.Opened{}, err
		}
	}
	at := inbox.At(r.now())
	others, err := r.sawToday(ctx, in, row, at)
	if err != nil {
		return inbox.Opened{}, err
	}
	why, handed, many := no, false, false
	err = r.db.Update(ctx, shard, func(tx ledger.Tx) error {
		why, handed, many = no, false, false
		entry := audit.Entry{At: at, Actor: a.person.ID, Device: a.device, Act: audit.RevealShown, Object: string(q.Reveal), Refused: why}
		if why != inbox.Granted {
			return audit.Record(tx, entry)
		}
		var err error
		if row, err = revealOf(tx, q.Conversation, q.Reveal); err != nil {
			return err
		}
		switch {
		case q.End:
			return r.endReveal(tx, &row, at, a.person.ID)
		case over(row.Reveal, at): // the sweeper has not been here yet
			return r.endReveal(tx, &row, at, "")
		case !viewable(row.Reveal, at) || sealed == nil:
			return nil
		}
		handed = true
		if row.Reveal.State == inbox.RevealShown { // again, to the same device
			entry.Detail = "again"
			return audit.Record(tx, entry)
		}
		if err := audit.Record(tx, entry); err != nil {
			return err
		}
		row.Reveal.State, row.Reveal.Shown, row.Reveal.Until = inbox.RevealShown, at, at.Add(r.cfg.Reveal.look())
		if err := countReveal(tx, row, func(n *revealCount) { n.Shown = true }); err != nil {
			return err
		}
		if many = len(others) >= manyPeople-1; many {
			if err := audit.Record(tx, audit.Entry{At: at, Act: audit.RevealMany, Object: string(row.Contact), Detail: string(q.Conversation)}); err != nil {
				return err
			}
		}
		return putReveal(tx, row, at, happened(q.Conversation, at, inbox.WhatRevealed, a.person.ID, ""))
	})
	if err != nil {
		return inbox.Opened{}, err
	}
	r.metrics.revealed(row.Reveal.State, why)
	if many {
		r.metrics.revealsMany.Inc()
		r.alarm(ctx, inbox.Incident{Kind: inbox.IncidentReveals, Inbox: in, Conversation: q.Conversation})
	}
	if why != inbox.Granted {
		return inbox.Opened{}, why
	}
	out := inbox.Opened{Reveal: q.Reveal, State: row.Reveal.State, Until: row.Reveal.Until}
	if handed {
		out.Sealed = sealed
	}
	r.reveals.wake()
	return out, nil
}

// viewable reports whether the value of a reveal may be handed out.
func viewable(v inbox.Reveal, at inbox.Moment) bool {
	return (v.State == inbox.RevealGranted || v.State == inbox.RevealShown) && at < v.Until
}

// over reports whether an open reveal has had its time.
func over(v inbox.Reveal, at inbox.Moment) bool { return unsettled(v) && at >= v.Until }

func unsettled(v inbox.Reveal) bool {
	return v.State == inbox.RevealAsked || v.State == inbox.RevealGranted || v.State == inbox.RevealShown
}

// sawToday returns who else saw the contact in the last day, in any inbox.
func (r *Relay) sawToday(ctx context.Context, in inbox.InboxID, row revealRow, at inbox.Moment) (map[inbox.PersonID]bool, error) {
	saw := map[inbox.PersonID]bool{}
	for _, id := range r.inboxes {
		err := r.db.View(ctx, eventlog.Shard(id.Log()), func(tx ledger.Tx) error {
			return scanReveals(tx, at, func(_ inbox.Moment, n revealCount) {
				if n.Shown && n.Contact == row.Contact && n.By != row.Reveal.By {
					saw[n.By] = true
				}
			})
		})
		if err != nil {
			return nil, err
		}
	}
	return saw, nil
}

// decideReveal lets somebody else agree to a reveal, or not.
func (r *Relay) decideReveal(ctx context.Context, a asker, q inbox.DecideReveal) (inbox.Decided, error) {
	in, _, no, err := r.mayReveal(ctx, a.person, q.Conversation, inbox.ActDecide)
	if err != nil || in == "" {
		return inbox.Decided{}, errors.Join(err, asError(no))
	}
	if !isID(string(q.Reveal)) {
		return inbox.Decided{}, inbox.RefusedMalformed
	}
	at := inbox.At(r.now())
	why := no
	var row revealRow
	err = r.db.Update(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) error {
		why = no
		var err error
		if row, err = revealOf(tx, q.Conversation, q.Reveal); err != nil {
			return err
		}
		act, next, until := audit.RevealRefused, inbox.RevealRefused, row.Reveal.Until
		if q.Agree {
			act, next, until = audit.RevealGranted, inbox.RevealGranted, at.Add(r.cfg.Reveal.lapse())
		}
		switch {
		case why != inbox.Granted:
		case row.Reveal.ID == "":
			why = inbox.RefusedUnknown
		case row.Reveal.By == a.person.ID:
			why = inbox.RefusedSelf
		case row.Reveal.State != inbox.RevealAsked || over(row.Reveal, at):
			why = inbox.RefusedState
		}
		entry := audit.Entry{At: at, Actor: a.person.ID, Device: a.device, Act: act, Object: string(q.Reveal), Refused: why}
		if err := audit.Record(tx, entry); err != nil || why != inbox.Granted {
			return err
		}
		row.Reveal.State, row.Reveal.Decider, row.Reveal.Until = next, a.person.ID, until
		if !q.Agree {
			if err := closeReveal(tx, &row, true); err != nil {
				return err
			}
		}
		return putReveal(tx, row, at)
	})
	if err != nil {
		return inbox.Decided{}, err
	}
	r.metrics.revealed(row.Reveal.State, why)
	if why != inbox.Granted {
		return inbox.Decided{}, why
	}
	r.reveals.wake()
	return inbox.Decided{State: row.Reveal.State}, nil
}

// endReveal ends an open reveal: seen and over, or never seen. One that is over stays as it is. by is who wanted it ended,
// "" when it ends by itself.
func (r *Relay) endReveal(tx ledger.Tx, row *revealRow, at inbox.Moment, by inbox.PersonID) error {
	if row.Reveal.ID == "" || !unsettled(row.Reveal) {
		return nil
	}
	act, next := audit.RevealLapsed, inbox.RevealLapsed
	if row.Reveal.State == inbox.RevealShown {
		act, next = audit.RevealEnded, inbox.RevealEnded
	}
	if err := audit.Record(tx, audit.Entry{At: at, Actor: by, Act: act, Object: string(row.Reveal.ID)}); err != nil {
		return err
	}
	row.Reveal.State, row.Reveal.Until = next, min(row.Reveal.Until, at)
	if err := closeReveal(tx, row, next == inbox.RevealLapsed); err != nil {
		return err
	}
	return putReveal(tx, *row, at)
}

// closeReveal forgets what is of no use once a reveal is over. The caller writes the row.
func closeReveal(tx ledger.Tx, row *revealRow, void bool) error {
	row.Key = nil
	if err := tx.Delete(bucketRevealOpen, []byte(row.Reveal.ID)); err != nil || !void {
		return err
	}
	return countReveal(tx, *row, func(n *revealCount) { n.Void = true })
}

func countReveal(tx ledger.Tx, row revealRow, change func(*revealCount)) error {
	key := revealCountKey(row.Reveal.At, row.Reveal.ID)
	var n revealCount
	known, err := getRow(tx, bucketRevealAt, key, &n)
	if err != nil || !known {
		return err
	}
	change(&n)
	return putValue(tx, bucketRevealAt, key, n)
}

func revealOf(tx ledger.Tx, c inbox.ConversationID, id inbox.RevealID) (row revealRow, err error) {
	if _, err = getRow(tx, bucketReveal, []byte(id), &row); err == nil && row.Reveal.Conversation != c {
		row = revealRow{}
	}
	return row, err
}

// putReveal writes the state of a reveal and tells everybody in the inbox, with what else happened.
func putReveal(tx ledger.Tx, row revealRow, at inbox.Moment, more ...inbox.EventBody) error {
	if err := putValue(tx, bucketReveal, []byte(row.Reveal.ID), row); err != nil {
		return err
	}
	_, err := eventlog.Append(tx, at, "", append([]inbox.EventBody{inbox.RevealChanged{Reveal: row.Reveal}}, more...)...)
	return err
}
