package relay

import (
	"context"
	"strconv"
	"strings"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/outbound"
	"sealdesk/sync/relay/internal/whatsapp"
)

// incidentOf says what kind of trouble a refusal is that holds a number.
func incidentOf(c whatsapp.Class, code int) inbox.IncidentKind {
	switch {
	case code == 131042:
		return inbox.IncidentPayment
	case code == 131037:
		return inbox.IncidentName
	case c == whatsapp.ClassSpam:
		return inbox.IncidentSpam
	case c == whatsapp.ClassPolicy:
		return inbox.IncidentRestricted
	case c == whatsapp.ClassSetup:
		return inbox.IncidentSetup
	}
	return inbox.IncidentAccess
}

// troubled shows whether an inbox sends, and keeps an incident open for as long as it does not. The detail of such an
// incident is Meta's code: that tells it from what WhatsApp announces by itself.
func (r *Relay) troubled(ctx context.Context, id inbox.InboxID, c whatsapp.Class, code int) {
	err := r.changeInbox(ctx, id, func(in *inbox.Inbox) {
		in.State, in.Why = inbox.InboxWorking, inbox.NoFailure
		if c != "" {
			in.State, in.Why = inbox.InboxHeld, outbound.FailureOf(c)
		}
	})
	if err == nil && c != "" {
		err = r.raise(ctx, "", inbox.Incident{Kind: incidentOf(c, code), Inbox: id, Detail: strconv.Itoa(code)})
	}
	if err == nil && c == "" {
		err = r.calmNumber(ctx, id)
	}
	if err != nil {
		r.log.Error("state of an inbox cannot be told", "inbox", string(id), "error", err)
	}
}

// calmNumber closes the incidents that held a number.
func (r *Relay) calmNumber(ctx context.Context, id inbox.InboxID) error {
	open, err := r.Incidents(ctx, false)
	if err != nil {
		return err
	}
	for _, i := range open {
		if i.Inbox == id && i.Kind != inbox.IncidentLimit && i.Detail != "" && strings.Trim(i.Detail, "0123456789") == "" {
			if err := r.calm(ctx, i.Kind, id, i.Detail); err != nil {
				return err
			}
		}
	}
	return nil
}

// limited tells that WhatsApp lets the company begin with no more customers: once a day, however many messages it was.
func (r *Relay) limited(ctx context.Context, id inbox.InboxID) {
	once := "limit " + string(id) + " " + r.now().UTC().Format(time.DateOnly)
	if err := r.raise(ctx, once, inbox.Incident{Kind: inbox.IncidentLimit, Inbox: id}); err != nil {
		r.log.Error("limit of a number cannot be told", "inbox", string(id), "error", err)
	}
}

// refusedMarketing prepares to write down that a customer stopped marketing, which WhatsApp said by refusing a message.
func (r *Relay) refusedMarketing(ctx context.Context, contact inbox.ContactID, message inbox.MessageID, at inbox.Moment) (func(ledger.Tx, inbox.ConversationID) error, error) {
	row, err := r.sealConsent(ctx, contact, "refusal "+string(message), consentEntry{
		At: at, Source: inbox.FromRefusal, Marketing: inbox.Withdrawn, What: inbox.WhatStopped,
	})
	if err != nil {
		return nil, err
	}
	return func(tx ledger.Tx, c inbox.ConversationID) error {
		log := eventlog.NewWriter(tx)
		if _, err := recordConsent(tx, log, c, row, at); err != nil {
			return err
		}
		return log.Flush()
	}, nil
}

// outboundConfig is what the pipeline of an inbox works with. held says that people were told that it is held.
func (r *Relay) outboundConfig(in InboxConfig, held bool) outbound.Config {
	id := inbox.InboxID(in.ID)
	cfg := outbound.Config{
		DB: r.db, Vault: r.vault, Sender: r.graph, Log: r.log, Now: r.now, Posted: r.metrics.posted,
		NumberRate: r.cfg.WhatsApp.Rate, Stopped: r.refusedMarketing, Files: metaFiles{r: r, inbox: id, number: in.PhoneNumberID},
		Trouble: func(ctx context.Context, c whatsapp.Class, code int) { r.troubled(ctx, id, c, code) },
		Limited: func(ctx context.Context) { r.limited(ctx, id) },
		Held:    held,
		Ask: func(ctx context.Context) error {
			_, err := r.graph.Number(ctx, in.PhoneNumberID)
			return err
		},
	}
	if in.Rate != 0 {
		cfg.NumberRate = in.Rate
	}
	if told := r.cfg.WhatsApp.ReadReceipts; told == nil || *told {
		cfg.Marker = r.graph
	}
	return cfg
}
