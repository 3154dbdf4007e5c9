package relay

import (
	"cmp"
	"context"
	"strings"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
)

// The wishes that stay within the company.

// maxMentions is how many colleagues a note may ask to look.
const maxMentions = 10

func (r *Relay) prepareNote(ctx context.Context, p inbox.Person, c inbox.Conversation, cause inbox.IntentID, b inbox.AddNote) (deed, error) {
	if err := inbox.CheckText(b.Text); err != nil {
		return nil, err
	}
	if len(b.Mentions) > maxMentions {
		return nil, inbox.RefusedMalformed
	}
	for _, id := range b.Mentions {
		if err := r.worksOn(ctx, c, id); err != nil || id == "" {
			return nil, cmp.Or(err, error(inbox.RefusedMalformed))
		}
	}
	body, err := r.maskNote(ctx, c.Contact.ID, b)
	if err != nil {
		return nil, err
	}
	id := r.newMessageID()
	return func(tx ledger.Tx, _ inbox.Conversation, at inbox.Moment) (inbox.Refusal, error) {
		_, err := eventlog.Append(tx, at, cause, inbox.MessageAdded{Message: inbox.Message{
			ID: id, Conversation: b.Conversation, At: at, Side: inbox.FromPerson, Author: p.ID, Kind: inbox.Note, Body: body, Mentions: b.Mentions,
		}})
		return inbox.Granted, err
	}, nil
}

// maskNote masks a note. "@" and a colleague's name look like a customer's handle, so the sign is away while that is looked for.
func (r *Relay) maskNote(ctx context.Context, contact inbox.ContactID, b inbox.AddNote) (inbox.Masked, error) {
	text := b.Text
	var names []string
	for _, id := range b.Mentions {
		p, err := r.people.Person(ctx, id)
		if err != nil {
			return inbox.Masked{}, err
		}
		text = strings.ReplaceAll(text, "@"+p.Name, p.Name)
		names = append(names, p.Name, "@"+p.Name)
	}
	body, err := r.vault.MaskOurs(ctx, contact, text)
	if err != nil || len(names) == 0 {
		return body, err
	}
	back := strings.NewReplacer(names...)
	spans := body.Spans()
	for i := range spans {
		if spans[i].Kind == inbox.Plain {
			spans[i].Text = back.Replace(spans[i].Text)
		}
	}
	return inbox.NewMasked(spans...), nil
}

func (r *Relay) prepareAssign(ctx context.Context, p inbox.Person, c inbox.Conversation, cause inbox.IntentID, b inbox.Assign) (deed, error) {
	if err := r.worksOn(ctx, c, b.To); err != nil {
		return nil, err
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

func (r *Relay) prepareRead(p inbox.Person, cause inbox.IntentID, b inbox.MarkRead) deed {
	return func(tx ledger.Tx, c inbox.Conversation, at inbox.Moment) (inbox.Refusal, error) {
		// Nobody has read what is not there yet.
		_, err := eventlog.Append(tx, at, cause, inbox.ReadMoved{Conversation: c.ID, Person: p.ID, UpTo: min(b.UpTo, c.LastSeq)})
		return inbox.Granted, err
	}
}

// readByUs tells WhatsApp that the customer's last message was read, once somebody has read that far.
func (r *Relay) readByUs(ctx context.Context, in inbox.InboxID, b inbox.MarkRead) {
	var c inbox.Conversation
	err := r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) (err error) {
		c, _, err = eventlog.Conversation(tx, b.Conversation)
		return err
	})
	if err == nil && c.InboundSeq != 0 && b.UpTo >= c.InboundSeq {
		r.pipes[in].Read(c.ID, c.InboundSeq)
	}
}

// prepareConsent enters into the ledger of consent what a colleague learnt outside of WhatsApp.
func (r *Relay) prepareConsent(ctx context.Context, p inbox.Person, c inbox.Conversation, cause inbox.IntentID, b inbox.RecordConsent) (deed, error) {
	if err := inbox.CheckText(b.Proof); err != nil {
		return nil, err
	}
	row, err := r.sealConsent(ctx, c.Contact.ID, "wish "+string(cause), consentEntry{
		At: inbox.At(r.now()), Source: inbox.FromRecord, Marketing: inbox.Given, By: p.ID, Proof: b.Proof, What: inbox.WhatConsented,
	})
	if err != nil {
		return nil, err
	}
	return func(tx ledger.Tx, c inbox.Conversation, at inbox.Moment) (inbox.Refusal, error) {
		stopped := c.Consent.Marketing == inbox.Withdrawn || c.Consent.Templates == inbox.Withdrawn
		switch {
		case c.Into != "":
			return inbox.RefusedJoined, nil
		case stopped && c.Consent.Source != inbox.FromRecord: // what the customer stopped, only he can resume
			return inbox.RefusedConsent, nil
		}
		log := eventlog.NewWriter(tx)
		if _, err := recordConsent(tx, log, c.ID, row, at); err != nil {
			return inbox.Granted, err
		}
		return inbox.Granted, log.Flush()
	}, nil
}
