package relay

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/outbound"
	"sealdesk/sync/wire"
)

const (
	bucketWish  = "wish/" // + day: intent id -> wishRow
	bucketAgain = "again" // message id -> the message that says the same once more, because a person wished it
	wishDays    = 40      // a device that was away longer than that has lost its lease long ago
	retrySoon   = 2000    // milliseconds
	maxIDLength = 64
)

// A wishRow is the outcome of a wish, kept so that the same wish gets the same answer and is not granted twice.
type wishRow struct {
	Device  inbox.DeviceID `cbor:"1,keyasint"`
	Refusal inbox.Refusal  `cbor:"2,keyasint,omitempty"`
	Print   []byte         `cbor:"3,keyasint,omitempty"` // keyed hash of what was wished
}

// places remembers which inbox a conversation belongs to. It is only a cache.
type places struct{ m sync.Map }

// placeOf finds the inbox of a conversation; "" if there is no such conversation.
func (r *Relay) placeOf(ctx context.Context, id inbox.ConversationID) (inbox.InboxID, error) {
	if in, ok := r.places.m.Load(id); ok {
		return in.(inbox.InboxID), nil
	}
	for _, in := range r.inboxes {
		var found bool
		err := r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) (err error) {
			_, found, err = eventlog.Conversation(tx, id)
			return err
		})
		if err != nil {
			return "", err
		}
		if found {
			r.places.m.Store(id, in)
			return in, nil
		}
	}
	return "", nil
}

// wish grants or refuses what a person wishes. The act, its audit entry and the memory of the answer are one
// transaction, so a wish that comes twice is granted once.
func (r *Relay) wish(ctx context.Context, p inbox.Person, device inbox.DeviceID, i inbox.Intent) wire.Outcome {
	out := wire.Outcome{Intent: i.ID}
	if !isID(string(i.ID)) {
		out.Intent, out.Refusal = "", inbox.RefusedMalformed // what is no name is not said back
		return out
	}
	if !isID(string(i.Body.On())) || !mayBeIDs(i.Body) {
		out.Refusal = inbox.RefusedMalformed
		return out
	}
	in, err := r.placeOf(ctx, i.Body.On())
	if err == nil && in == "" {
		out.Refusal = inbox.RefusedUnknown
		return out
	}
	if err == nil {
		err = r.grant(ctx, in, p, device, i)
	}
	var refusal inbox.Refusal
	switch {
	case errors.As(err, &refusal):
		out.Refusal = refusal
	case err != nil:
		if ctx.Err() == nil {
			r.log.Error("wish cannot be carried out now", "intent", string(i.ID), "kind", int(i.Body.IntentKind()), "error", err)
		}
		out.Retry = retrySoon
	}
	r.metrics.wish(i.Body.IntentKind(), out.Refusal)
	return out
}

// isID reports whether s may name something: what devices call things is looked up, stored and logged.
func isID(s string) bool {
	return s != "" && len(s) <= maxIDLength && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// mayBeIDs reports whether everything a wish names besides its conversation is nothing or may be a name.
func mayBeIDs(b inbox.IntentBody) bool {
	var named string
	switch b := b.(type) {
	case inbox.SendText:
		named = string(b.Quote)
	case inbox.SendAgain:
		named = string(b.Message)
	case inbox.AddReaction:
		named = string(b.Message)
	case inbox.Assign:
		named = string(b.To)
	}
	return named == "" || isID(named)
}

// printOf tells two wishes apart that have the same name, and tells nothing of what they say.
func (r *Relay) printOf(b inbox.IntentBody) ([]byte, error) {
	words, err := wire.EncodeIntent(inbox.Intent{Body: b})
	if err != nil {
		return nil, err
	}
	h := r.vault.Hash("wish", string(words))
	return h[:], nil
}

func (r *Relay) grant(ctx context.Context, in inbox.InboxID, p inbox.Person, device inbox.DeviceID, i inbox.Intent) error {
	shard := eventlog.Shard(in.Log())
	print, err := r.printOf(i.Body)
	if err != nil {
		return err
	}
	var c inbox.Conversation
	var known *wishRow
	err = r.db.View(ctx, shard, func(tx ledger.Tx) (err error) {
		if known, err = rememberedWish(tx, i.ID); err != nil || known != nil {
			return err
		}
		c, _, err = eventlog.Conversation(tx, i.Body.On())
		return err
	})
	if err != nil {
		return err
	}
	if known != nil {
		return known.answer(device, print)
	}
	do, err := r.prepareWish(ctx, in, p, c, i)
	if err != nil {
		return err
	}
	var verdict inbox.Refusal
	err = r.db.Update(ctx, shard, func(tx ledger.Tx) error {
		verdict = inbox.Granted
		known, err := rememberedWish(tx, i.ID)
		if err != nil {
			return err
		}
		if known != nil {
			return known.answer(device, print)
		}
		c, _, err := eventlog.Conversation(tx, i.Body.On())
		if err != nil {
			return err
		}
		now := r.now()
		if verdict = allowed(p, c, i.Body); verdict == inbox.Granted {
			if verdict, err = do(tx, c, inbox.At(now)); err != nil {
				return err
			}
		}
		entry := audit.Entry{
			At: inbox.At(now), Actor: p.ID, Device: device, Act: auditActs[i.Body.IntentKind()], Object: string(i.Body.On()), Refused: verdict,
		}
		if err := audit.Record(tx, entry); err != nil {
			return err
		}
		return rememberWish(tx, now, i.ID, wishRow{Device: device, Refusal: verdict, Print: print})
	})
	if err == nil && verdict != inbox.Granted {
		return verdict
	}
	return err
}

// actions says what a person must be allowed to do for each wish.
var actions = map[inbox.IntentKind]inbox.Action{
	inbox.IntentSendText: inbox.ActSend, inbox.IntentSendAgain: inbox.ActSend, inbox.IntentReact: inbox.ActSend,
	inbox.IntentAddNote: inbox.ActNote, inbox.IntentAssign: inbox.ActAssign, inbox.IntentSetState: inbox.ActSetState,
	inbox.IntentMarkRead: inbox.ActRead,
}

var auditActs = map[inbox.IntentKind]audit.Act{
	inbox.IntentSendText: audit.Sent, inbox.IntentSendAgain: audit.SentAgain, inbox.IntentReact: audit.Reacted,
	inbox.IntentAddNote: audit.Noted, inbox.IntentAssign: audit.Assigned, inbox.IntentSetState: audit.StateSet,
	inbox.IntentMarkRead: audit.ReadTo,
}

// allowed asks the policy. Who may not see a conversation cannot tell it from one that is not there.
func allowed(p inbox.Person, c inbox.Conversation, b inbox.IntentBody) inbox.Refusal {
	if inbox.Can(p, inbox.ActRead, c.Subject()) != nil {
		return inbox.RefusedUnknown
	}
	if inbox.Can(p, actions[b.IntentKind()], c.Subject()) != nil {
		return inbox.RefusedRight
	}
	return inbox.Granted
}

// A deed carries out a wish in the transaction that also records it. It refuses before it writes anything, and may run
// more than once.
type deed func(tx ledger.Tx, c inbox.Conversation, at inbox.Moment) (inbox.Refusal, error)

func refuse(why inbox.Refusal) deed {
	return func(ledger.Tx, inbox.Conversation, inbox.Moment) (inbox.Refusal, error) { return why, nil }
}

// prepareWish does what needs the vault, outside of any transaction, and returns what is left to do.
func (r *Relay) prepareWish(ctx context.Context, in inbox.InboxID, p inbox.Person, c inbox.Conversation, i inbox.Intent) (deed, error) {
	switch b := i.Body.(type) {
	case inbox.SendText:
		return r.prepareText(ctx, p, c, i.ID, r.newMessageID(), b.Text, b.Quote)
	case inbox.SendAgain:
		return r.prepareAgain(ctx, in, p, c, i.ID, b.Message)
	case inbox.AddNote:
		if err := inbox.CheckText(b.Text); err != nil {
			return refuse(refusalOf(err)), nil
		}
		body, err := r.vault.MaskOurs(ctx, c.Contact.ID, b.Text)
		if err != nil {
			return nil, err
		}
		id := r.newMessageID()
		return func(tx ledger.Tx, _ inbox.Conversation, at inbox.Moment) (inbox.Refusal, error) {
			_, err := eventlog.Append(tx, at, i.ID, inbox.MessageAdded{Message: inbox.Message{
				ID: id, Conversation: b.Conversation, At: at, Side: inbox.FromPerson, Author: p.ID, Kind: inbox.Note, Body: body,
			}})
			return inbox.Granted, err
		}, nil
	case inbox.AddReaction:
		return r.prepareReaction(ctx, p, c, i.ID, b)
	case inbox.Assign:
		return r.prepareAssign(ctx, p, c, i.ID, b)
	case inbox.SetState:
		if b.State > inbox.Closed {
			return refuse(inbox.RefusedMalformed), nil
		}
		what := inbox.WhatClosed
		if b.State == inbox.Open {
			what = inbox.WhatReopened
		}
		return func(tx ledger.Tx, c inbox.Conversation, at inbox.Moment) (inbox.Refusal, error) {
			if c.State == b.State {
				return inbox.Granted, nil
			}
			_, err := eventlog.Append(tx, at, i.ID,
				inbox.StateChanged{Conversation: b.Conversation, State: b.State, By: p.ID}, happened(b.Conversation, at, what, p.ID, ""))
			return inbox.Granted, err
		}, nil
	case inbox.MarkRead:
		return func(tx ledger.Tx, c inbox.Conversation, at inbox.Moment) (inbox.Refusal, error) {
			// Nobody has read what is not there yet.
			_, err := eventlog.Append(tx, at, i.ID, inbox.ReadMoved{Conversation: c.ID, Person: p.ID, UpTo: min(b.UpTo, c.LastSeq)})
			return inbox.Granted, err
		}, nil
	}
	return refuse(inbox.RefusedNewerWords), nil
}

func (r *Relay) newMessageID() inbox.MessageID {
	return inbox.NewIDAt[inbox.MessageID](inbox.At(r.now()))
}

// happened is the item that tells colleagues what somebody did to the conversation.
func happened(c inbox.ConversationID, at inbox.Moment, what inbox.What, by, whom inbox.PersonID) inbox.MessageAdded {
	return inbox.MessageAdded{Message: inbox.Message{
		ID: inbox.NewIDAt[inbox.MessageID](at), Conversation: c, At: at, Side: inbox.FromSystem, Kind: inbox.System,
		What: what, Author: by, Whom: whom,
	}}
}

func (r *Relay) prepareText(ctx context.Context, p inbox.Person, c inbox.Conversation, cause inbox.IntentID, id inbox.MessageID, text string, answers inbox.MessageID) (deed, error) {
	if err := inbox.CheckText(text); err != nil {
		return refuse(refusalOf(err)), nil
	}
	body, err := r.vault.MaskOurs(ctx, c.Contact.ID, text)
	if err != nil {
		return nil, err
	}
	parcel, err := outbound.Seal(ctx, r.vault, outbound.Parcel{Message: id, Contact: c.Contact.ID, Text: text, Quote: answers})
	if err != nil {
		return nil, err
	}
	return func(tx ledger.Tx, c inbox.Conversation, at inbox.Moment) (inbox.Refusal, error) {
		if !c.WindowOpen(at) {
			return inbox.RefusedWindow, nil
		}
		m := inbox.Message{
			ID: id, Conversation: c.ID, At: at, Side: inbox.FromPerson, Author: p.ID, Kind: inbox.Text, Body: body, Receipt: inbox.Queued,
		}
		if answers != "" {
			q, ok, err := eventlog.Message(tx, answers)
			if err != nil {
				return inbox.Granted, err
			}
			if !ok || q.Conversation != c.ID {
				return inbox.RefusedUnknown, nil
			}
			m.Quote = &inbox.Quote{Message: q.ID, Side: q.Side, Excerpt: q.Body.Excerpt(quoteRunes)}
		}
		if _, err := eventlog.Append(tx, at, cause, inbox.MessageAdded{Message: m}); err != nil {
			return inbox.Granted, err
		}
		return inbox.Granted, parcel.Enqueue(tx)
	}, nil
}

// prepareAgain sends the text of a message once more, as a new message, because a person says so.
func (r *Relay) prepareAgain(ctx context.Context, in inbox.InboxID, p inbox.Person, c inbox.Conversation, cause inbox.IntentID, id inbox.MessageID) (deed, error) {
	var m inbox.Message
	var ok bool
	err := r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) (err error) {
		m, ok, err = eventlog.Message(tx, id)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case !ok || m.Conversation != c.ID:
		return refuse(inbox.RefusedUnknown), nil
	}
	text, answers, err := outbound.Text(ctx, r.db, r.vault, in, c.Contact.ID, id)
	if err != nil {
		return nil, err
	}
	fresh := r.newMessageID()
	send, err := r.prepareText(ctx, p, c, cause, fresh, text, answers)
	if err != nil {
		return nil, err
	}
	return func(tx ledger.Tx, c inbox.Conversation, at inbox.Moment) (inbox.Refusal, error) {
		if open, err := mayGoAgain(tx, id); err != nil || !open {
			return inbox.RefusedState, err
		}
		if refusal, err := send(tx, c, at); err != nil || refusal != inbox.Granted {
			return refusal, err
		}
		return inbox.Granted, tx.Put(bucketAgain, []byte(id), []byte(fresh))
	}, nil
}

// mayGoAgain reports whether a message and everything that was sent in its place did not arrive, as far as is known: a
// status may have come meanwhile, or a colleague may have been faster.
func mayGoAgain(tx ledger.Tx, id inbox.MessageID) (bool, error) {
	for id != "" {
		m, _, err := eventlog.Message(tx, id)
		if err != nil || m.Receipt != inbox.Failed && m.Receipt != inbox.Unknown {
			return false, err
		}
		next, err := tx.Get(bucketAgain, []byte(id))
		if err != nil {
			return false, err
		}
		id = inbox.MessageID(next)
	}
	return true, nil
}

func (r *Relay) prepareReaction(ctx context.Context, p inbox.Person, c inbox.Conversation, cause inbox.IntentID, b inbox.AddReaction) (deed, error) {
	shown := emoji(b.Emoji)
	if shown != b.Emoji {
		return refuse(inbox.RefusedMalformed), nil
	}
	parcel, err := outbound.Seal(ctx, r.vault, outbound.Parcel{
		Message: r.newMessageID(), Contact: c.Contact.ID, React: b.Message, Emoji: b.Emoji,
	})
	if err != nil {
		return nil, err
	}
	return func(tx ledger.Tx, c inbox.Conversation, at inbox.Moment) (inbox.Refusal, error) {
		m, ok, err := eventlog.Message(tx, b.Message)
		switch {
		case err != nil:
			return inbox.Granted, err
		case !ok || m.Conversation != c.ID || m.Side != inbox.FromContact:
			return inbox.RefusedUnknown, nil
		case !c.WindowOpen(at):
			return inbox.RefusedWindow, nil
		}
		// For the customer there is one company: a colleague's reaction takes the place of an earlier one.
		reaction := inbox.Reaction{Side: inbox.FromPerson, Emoji: b.Emoji}
		if _, err := eventlog.Append(tx, at, cause, inbox.Reacted{Conversation: c.ID, Message: m.ID, Reaction: reaction}); err != nil {
			return inbox.Granted, err
		}
		return inbox.Granted, parcel.Enqueue(tx)
	}, nil
}

func (r *Relay) prepareAssign(ctx context.Context, p inbox.Person, c inbox.Conversation, cause inbox.IntentID, b inbox.Assign) (deed, error) {
	if b.To != "" {
		to, err := r.people.Person(ctx, b.To)
		if errors.Is(err, identity.ErrNoPerson) || err == nil && inbox.Can(to, inbox.ActSend, c.Subject()) != nil {
			return refuse(inbox.RefusedMalformed), nil
		}
		if err != nil {
			return nil, err
		}
	}
	return func(tx ledger.Tx, c inbox.Conversation, at inbox.Moment) (inbox.Refusal, error) {
		if c.Assignee == b.To {
			return inbox.Granted, nil
		}
		_, err := eventlog.Append(tx, at, cause,
			inbox.Assigned{Conversation: c.ID, To: b.To, By: p.ID}, happened(c.ID, at, inbox.WhatAssigned, p.ID, b.To))
		return inbox.Granted, err
	}, nil
}

func refusalOf(err error) inbox.Refusal {
	var r inbox.Refusal
	if errors.As(err, &r) {
		return r
	}
	return inbox.RefusedMalformed
}

// answer repeats the answer a wish got before. Another wish under the same name, or one of another device, is a fault of
// that device.
func (w wishRow) answer(device inbox.DeviceID, print []byte) error {
	switch {
	case w.Device != device, w.Print != nil && !bytes.Equal(w.Print, print):
		return inbox.RefusedMalformed
	case w.Refusal != inbox.Granted:
		return w.Refusal
	}
	return nil
}

func rememberedWish(tx ledger.Tx, id inbox.IntentID) (*wishRow, error) {
	days, err := tx.Buckets(bucketWish)
	if err != nil {
		return nil, err
	}
	for i := len(days) - 1; i >= 0; i-- { // it is most likely in the newest
		value, err := tx.Get(days[i], []byte(id))
		if err != nil {
			return nil, err
		}
		if value == nil {
			continue
		}
		var row wishRow
		if cbor.Unmarshal(value, &row) != nil {
			return nil, errRow
		}
		return &row, nil
	}
	return nil, nil
}

func rememberWish(tx ledger.Tx, now time.Time, id inbox.IntentID, row wishRow) error {
	days, err := tx.Buckets(bucketWish)
	if err != nil {
		return err
	}
	oldest := bucketWish + now.UTC().AddDate(0, 0, -wishDays).Format(time.DateOnly)
	for _, day := range days {
		if day < oldest {
			if err := tx.Drop(day); err != nil {
				return err
			}
		}
	}
	value, err := cbor.Marshal(row)
	if err != nil {
		return err
	}
	return tx.Put(bucketWish+now.UTC().Format(time.DateOnly), []byte(id), value)
}
