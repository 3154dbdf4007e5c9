package relay

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/outbound"
	"sealdesk/sync/relay/internal/whatsapp"
)

// Buckets of an inbox's shard.
const (
	bucketTurn   = "turn"   // who was given a conversation last
	bucketAway   = "away"   // conversation -> when the customer was last told that nobody is there
	bucketRating = "rating" // conversation -> ratingRow
)

const (
	awayEvery   = 8 * time.Hour
	ratingEvery = 7 * 24 * time.Hour
	ratingLife  = 3 * 24 * time.Hour
	careWithin  = time.Hour // a message that was longer on its way is answered by people alone
	bestRating  = 5
)

// care is what the relay does by itself when a customer writes: it finds out that he answers how it went, gives the
// conversation to somebody, and says when nobody is there. All that needs the vault is done.
type care struct {
	way    string
	people []inbox.Person // who may be given the conversation, in order of their ids
	open   map[inbox.PersonID]int
	score  uint8 // of a rating, if the message answers the question for one
	away   *ownMessage
}

// ownMessage is one the relay writes by itself.
type ownMessage struct {
	message inbox.Message
	parcel  outbound.Sealed
}

func (o ownMessage) write(tx ledger.Tx, log *eventlog.Writer, c inbox.ConversationID, at inbox.Moment) error {
	m := o.message
	m.Conversation, m.At = c, at
	if _, err := log.Append(at, "", inbox.MessageAdded{Message: m}); err != nil {
		return err
	}
	return o.parcel.Enqueue(tx)
}

// say prepares a message of the relay's own: a text, or a list when options are given.
func (r *Relay) say(ctx context.Context, contact inbox.ContactID, text, menu string, options []string) (ownMessage, error) {
	var o ownMessage
	o.message = inbox.Message{ID: r.newMessageID(), Side: inbox.FromPerson, Kind: inbox.Text, Receipt: inbox.Queued}
	p := outbound.Parcel{Message: o.message.ID, Contact: contact, Text: text}
	if len(options) > 0 {
		o.message.Kind, p.Text, p.Menu = inbox.Interactive, "", &outbound.Menu{Text: text, Label: menu}
		for _, title := range options {
			o.message.Choices = append(o.message.Choices, inbox.Choice{Kind: inbox.ChoiceRow, Title: inbox.PlainText(title)})
			p.Menu.Options = append(p.Menu.Options, inbox.Option{Title: title})
		}
	}
	var err error
	if o.message.Body, err = r.vault.MaskOurs(ctx, contact, text); err != nil {
		return o, fmt.Errorf("masking a message of our own: %w", err)
	}
	o.parcel, err = outbound.Seal(ctx, r.vault, p)
	return o, err
}

// careFor prepares what the relay does by itself about a customer's message; nil for nothing. It must not be called inside a
// transaction.
func (r *Relay) careFor(ctx context.Context, in *incoming, m whatsapp.Message, received inbox.Moment) (*care, error) {
	if in.message.Side != inbox.FromContact { // it tells what happened, or was said among others
		return nil, nil
	}
	desk := r.desk(in.inbox)
	c := &care{way: desk.Assign}
	if reply, ok := m.Body.(whatsapp.Reply); ok && desk.Rating && reply.Kind == whatsapp.ListReply {
		for n := range bestRating {
			if reply.ID == inbox.OptionID(n) {
				c.score = uint8(bestRating - n) // the best stands first
			}
		}
	}
	if received.Sub(in.message.At) > careWithin {
		return c, nil
	}
	if desk.Assign == assignInTurn || desk.Assign == assignLeast {
		people, err := r.online(ctx, in.inbox)
		if err != nil {
			return nil, err
		}
		c.people = fitting(people, countryLanguage[in.contact.Country])
		if desk.Assign == assignLeast && len(c.people) > 1 {
			board, err := r.standing(ctx, in.inbox)
			if err != nil {
				return nil, err
			}
			c.open = board.assigned
		}
	}
	hours, err := desk.Hours.hours(string(in.inbox))
	if err != nil || len(desk.Away) == 0 || hours.Open(received) || in.keyword != nil {
		return c, err
	}
	text := inAnyOf(desk.Away, countryLanguage[in.contact.Country], r.cfg.Privacy.Language)
	o, err := r.say(ctx, in.contact.ID, text, "", nil)
	c.away = &o
	return c, err
}

// fitting returns the agents among people who speak a language, or all agents when none of them does.
func fitting(people []inbox.Person, language string) []inbox.Person {
	agents := slices.DeleteFunc(slices.Clone(people), func(p inbox.Person) bool { return p.Role != inbox.Agent })
	speak := slices.DeleteFunc(slices.Clone(agents), func(p inbox.Person) bool { return !slices.Contains(p.Speaks, language) })
	if len(speak) > 0 {
		return speak
	}
	return agents
}

// inAnyOf returns the text in the first of the languages there is, else in English, else in any.
func inAnyOf(texts map[string]string, wanted ...string) string {
	for _, l := range append(wanted, languages[0]) {
		if text := texts[l]; text != "" {
			return text
		}
	}
	for _, l := range slices.Sorted(maps.Keys(texts)) {
		return texts[l]
	}
	return ""
}

// write does it, in the transaction that adds the customer's message, after that. before is the conversation as it stood.
func (c *care) write(tx ledger.Tx, log *eventlog.Writer, before inbox.Conversation, m inbox.Message, at inbox.Moment) error {
	if c == nil {
		return nil
	}
	rated, err := c.rate(tx, log, m, at)
	if err != nil {
		return err
	}
	now, _, err := log.Conversation(m.Conversation)
	if err != nil || now.Into != "" {
		return err
	}
	if rated { // that is no reason to work on it again, nor to work on it earlier
		if before.State != inbox.Open {
			_, err = log.Append(at, "", inbox.StateChanged{Conversation: now.ID, State: before.State, Until: before.Until})
		}
		return err
	}
	if to := c.pick(now, before); to != "" {
		if to, err = c.inTurn(tx, to); err != nil {
			return err
		}
		if _, err := log.Append(at, "", inbox.Assigned{Conversation: now.ID, To: to}, happened(now.ID, at, inbox.WhatAssigned, "", to)); err != nil {
			return err
		}
	}
	return c.sayAway(tx, log, now, at)
}

// pick returns somebody to give the conversation to, "" to leave it as it is: with whoever has it, unless it had been closed
// and he is not there.
func (c *care) pick(now, before inbox.Conversation) inbox.PersonID {
	there := func(id inbox.PersonID) bool {
		return slices.ContainsFunc(c.people, func(p inbox.Person) bool { return p.ID == id })
	}
	if len(c.people) == 0 || now.Assignee != "" && (before.State != inbox.Closed || there(now.Assignee)) {
		return ""
	}
	return c.people[0].ID
}

// inTurn returns whose turn it is and notes it: of those with the fewest open conversations, where that counts, the next after
// whoever was last.
func (c *care) inTurn(tx ledger.Tx, to inbox.PersonID) (inbox.PersonID, error) {
	row, err := tx.Get(bucketTurn, []byte("last"))
	if err != nil {
		return "", err
	}
	among := c.people
	if c.way == assignLeast {
		least := slices.MinFunc(among, func(a, b inbox.Person) int { return c.open[a.ID] - c.open[b.ID] })
		among = slices.DeleteFunc(slices.Clone(among), func(p inbox.Person) bool { return c.open[p.ID] > c.open[least.ID] })
		to = among[0].ID
	}
	for _, p := range among {
		if strings.Compare(string(p.ID), string(row)) > 0 {
			to = p.ID
			break
		}
	}
	return to, tx.Put(bucketTurn, []byte("last"), []byte(to))
}

// sayAway tells the customer that nobody is there, unless he was told so lately, or wants nothing that people did not write.
func (c *care) sayAway(tx ledger.Tx, log *eventlog.Writer, now inbox.Conversation, at inbox.Moment) error {
	if c.away == nil || !now.WindowOpen(at) || now.Consent.Templates == inbox.Withdrawn {
		return nil
	}
	last, err := toldAway(tx, now.ID)
	if err != nil || last != 0 && at >= last && at.Sub(last) < awayEvery {
		return err
	}
	if err := putAway(tx, now.ID, at); err != nil {
		return err
	}
	return c.away.write(tx, log, now.ID, at)
}

func toldAway(tx ledger.Tx, c inbox.ConversationID) (at inbox.Moment, err error) {
	row, err := tx.Get(bucketAway, []byte(c))
	if err == nil && row != nil && cbor.Unmarshal(row, &at) != nil {
		err = errRow
	}
	return at, err
}

func putAway(tx ledger.Tx, c inbox.ConversationID, at inbox.Moment) error {
	row, err := cbor.Marshal(at)
	if err != nil {
		return err
	}
	return tx.Put(bucketAway, []byte(c), row)
}

// A ratingRow is a question how it went.
type ratingRow struct {
	Asked   inbox.Moment    `cbor:"1,keyasint"`
	Message inbox.MessageID `cbor:"2,keyasint"`
	For     inbox.PersonID  `cbor:"3,keyasint,omitempty"`
	Done    bool            `cbor:"4,keyasint,omitempty"`
}

func ratingOf(tx ledger.Tx, c inbox.ConversationID) (row ratingRow, err error) {
	b, err := tx.Get(bucketRating, []byte(c))
	if err == nil && b != nil && cbor.Unmarshal(b, &row) != nil {
		err = errRow
	}
	return row, err
}

func putRating(tx ledger.Tx, c inbox.ConversationID, row ratingRow) error {
	b, err := cbor.Marshal(row)
	if err != nil {
		return err
	}
	return tx.Put(bucketRating, []byte(c), b)
}

// rate takes the customer's answer to the question how it went, and reports whether the message is one. Another message than
// the one that was asked with, a second answer, or one that comes too late is an ordinary message.
func (c *care) rate(tx ledger.Tx, log *eventlog.Writer, m inbox.Message, at inbox.Moment) (bool, error) {
	if c.score == 0 || m.Quote == nil {
		return false, nil
	}
	row, err := ratingOf(tx, m.Conversation)
	if err != nil || row.Done || row.Message == "" || row.Message != m.Quote.Message || at.Sub(row.Asked) > ratingLife {
		return false, err
	}
	row.Done = true
	if err := putRating(tx, m.Conversation, row); err != nil {
		return false, err
	}
	_, err = log.Append(at, "", inbox.Rated{Conversation: m.Conversation, Score: c.score, For: row.For})
	return err == nil, err
}

// prepareRating makes the question how it went; nil where customers are not asked.
func (r *Relay) prepareRating(ctx context.Context, c inbox.Conversation) (*ownMessage, error) {
	if !r.desk(c.Inbox).Rating {
		return nil, nil
	}
	language := countryLanguage[c.Contact.Country]
	if !slices.Contains(languages, language) {
		language = orWord(r.cfg.Privacy.Language, languages[0])
	}
	s := r.speaker(c.Inbox, language)
	o, err := r.say(ctx, c.Contact.ID, s.say(s.Rating, nil), s.RatingMenu, s.Ratings)
	return &o, err
}

func orWord(word, usual string) string {
	if word == "" {
		return usual
	}
	return word
}

// ask asks how it went, when the conversation is closed: only who wrote himself, only while WhatsApp takes an answer, and not
// again within a week.
func (o *ownMessage) ask(tx ledger.Tx, c inbox.Conversation, at inbox.Moment) error {
	if o == nil || !c.WindowOpen(at) || c.Consent.Templates == inbox.Withdrawn {
		return nil
	}
	row, err := ratingOf(tx, c.ID)
	if err != nil || row.Asked != 0 && at >= row.Asked && at.Sub(row.Asked) < ratingEvery {
		return err
	}
	if err := putRating(tx, c.ID, ratingRow{Asked: at, Message: o.message.ID, For: c.Assignee}); err != nil {
		return err
	}
	log := eventlog.NewWriter(tx)
	if err := o.write(tx, log, c.ID, at); err != nil {
		return err
	}
	return log.Flush()
}
