package relay

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"unicode/utf8"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/outbound"
	"sealdesk/sync/relay/internal/whatsapp"
)

// A draft is a message on its way out: what colleagues see of it, masked, and what the customer gets.
type draft struct {
	message inbox.Message
	parcel  outbound.Parcel
	held    bool // the guard lets it leave once a supervisor agrees
}

// compose makes a draft of a wish. It returns a refusal for what cannot be sent whenever and to whomever.
func (r *Relay) compose(ctx context.Context, in inbox.InboxID, p inbox.Person, c inbox.Conversation, b inbox.IntentBody) (draft, error) {
	w := &writer{r: r, ctx: ctx, person: p, conversation: c}
	var d draft
	switch b := b.(type) {
	case inbox.SendText:
		text := w.fill(b.Text)
		d.parcel.Text, d.parcel.Preview, d.parcel.Quote = w.raw(text), b.Preview, b.Quote
		if err := inbox.CheckText(w.wide(text)); w.err == nil && err != nil {
			return d, err
		}
		d.message.Kind, d.message.Body = inbox.Text, w.mask(text)
	case inbox.SendMedia:
		file, media, err := r.attachment(ctx, in, c.ID, b.Media)
		if err != nil {
			return d, err
		}
		caption := w.fill(b.Caption)
		file.Caption = w.raw(caption)
		switch captioned := file.Kind == inbox.Image || file.Kind == inbox.Video || file.Kind == inbox.Document; {
		case w.err != nil:
		case file.Caption != "" && !captioned:
			return d, inbox.RefusedMalformed
		case utf8.RuneCountInString(w.wide(caption)) > whatsapp.MaxCaptionRunes:
			return d, inbox.RefusedTooLong
		}
		d.message.Kind, d.message.Media, d.message.Body = file.Kind, &media, w.mask(caption)
		d.parcel.File, d.parcel.Quote = &file, b.Quote
	case inbox.SendTemplate:
		return r.composeTemplate(ctx, in, w, b)
	case inbox.SendInteractive:
		text, header, footer := w.fill(b.Text), w.fill(b.Header), w.fill(b.Footer)
		b.Text, b.Header, b.Footer = w.wide(text), w.wide(header), w.wide(footer)
		if err := inbox.CheckInteractive(b); w.err == nil && err != nil {
			return d, err
		}
		b.Text, b.Header, b.Footer = w.raw(text), w.raw(header), w.raw(footer)
		w.plain(b.Menu)
		if blank(b.Menu) || blank(b.Header) || blank(b.Footer) {
			return d, inbox.RefusedMalformed
		}
		kind := inbox.ChoiceReply
		if b.Menu != "" {
			kind = inbox.ChoiceRow
		}
		d.message.Kind, d.message.Body = inbox.Interactive, w.mask(text)
		d.message.Header, d.message.Footer = w.mask(header), w.mask(footer)
		for _, o := range b.Options {
			w.plain(o.Title, o.Note)
			d.message.Choices = append(d.message.Choices, inbox.Choice{Kind: kind, Title: w.mask(o.Title), Note: w.mask(o.Note)})
		}
		d.parcel.Menu = &outbound.Menu{Text: b.Text, Header: b.Header, Footer: b.Footer, Label: b.Menu, Options: b.Options}
		d.parcel.Quote = b.Quote
	case inbox.SendLocation:
		switch {
		case !(math.Abs(b.Latitude) <= 90 && math.Abs(b.Longitude) <= 180): // so that what is no number is refused
			return d, inbox.RefusedMalformed
		case max(utf8.RuneCountInString(b.Name), utf8.RuneCountInString(b.Address)) > whatsapp.MaxPlaceRunes:
			return d, inbox.RefusedTooLong
		}
		w.plain(b.Name, b.Address)
		d.message.Kind, d.message.Body = inbox.Location, w.mask(lines(b.Name, b.Address))
		d.parcel.Place = &outbound.Place{Latitude: b.Latitude, Longitude: b.Longitude, Name: b.Name, Address: b.Address}
		d.parcel.Quote = b.Quote
	case inbox.SendCard:
		card, ok := r.card(b.Card)
		if !ok {
			return d, inbox.RefusedUnknown
		}
		d.message.Kind, d.message.Body = inbox.ContactCard, w.mask(lines(card.Name, card.Company))
		d.parcel.Card = &outbound.Card{Name: card.Name, Company: card.Company, Phone: card.Phone, Email: card.Email, URL: card.URL}
		d.parcel.Quote = b.Quote
	}
	return d, w.err
}

// composeTemplate fills a template. Whether it may go to this customer now is asked when it is written down.
func (r *Relay) composeTemplate(ctx context.Context, in inbox.InboxID, w *writer, b inbox.SendTemplate) (d draft, err error) {
	var t templateRow
	var ok bool
	err = r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) (err error) {
		t, ok, err = storedTemplate(tx, b.Template)
		return err
	})
	if err != nil {
		return d, err
	}
	filled, wide := make([]string, len(b.Values)), make([]string, len(b.Values))
	for i, v := range b.Values {
		filled[i] = w.fill(v)
		wide[i] = w.wide(filled[i])
	}
	switch {
	case w.err != nil:
		return d, w.err
	case !ok:
		return d, inbox.RefusedTemplate
	}
	if err := t.Template.Check(wide, b.Media != ""); err != nil {
		return d, err
	}
	send := &outbound.Template{ID: t.Template.ID, Category: t.Template.Category, Values: map[string]string{}}
	_, keys, err := templateFields(t.Meta)
	if err != nil || len(keys) != len(wide) { // nobody was asked for what it needs
		return d, inbox.RefusedTemplate
	}
	for i, key := range keys {
		send.Values[key] = wide[i]
	}
	if b.Media != "" {
		file, media, err := r.attachment(ctx, in, w.conversation.ID, b.Media)
		if err != nil {
			return d, err
		}
		if file.Kind != t.Template.Header.Kind {
			return d, inbox.RefusedTemplate
		}
		send.File, d.message.Media = &file, &media
	}
	if send.Meta, err = json.Marshal(t.Meta); err != nil {
		return d, err
	}
	if send.Check() != nil {
		return d, inbox.RefusedTemplate
	}
	for i, key := range keys {
		send.Values[key] = w.raw(filled[i])
	}
	header, body := t.Template.Fill(filled)
	d.message.Kind, d.message.Header, d.message.Body = inbox.Templated, w.mask(header), w.mask(body)
	d.message.Footer = w.mask(t.Template.Footer)
	for _, button := range t.Template.Buttons {
		d.message.Choices = append(d.message.Choices, inbox.Choice{Kind: button.Kind, Title: w.mask(button.Text)})
	}
	d.parcel.Template = send
	return d, w.err
}

// attachment returns a file that was handed over for the conversation, as the customer and as colleagues see it.
func (r *Relay) attachment(ctx context.Context, in inbox.InboxID, c inbox.ConversationID, id inbox.MediaID) (outbound.File, inbox.Media, error) {
	if id == "" {
		return outbound.File{}, inbox.Media{}, inbox.RefusedMedia
	}
	media, kind, err := r.uploaded(ctx, in, c, id)
	if err != nil {
		return outbound.File{}, media, err
	}
	file := outbound.File{Kind: kind, Media: media.ID}
	switch kind {
	case inbox.Document:
		file.Name = media.Name.Visible()
	case inbox.Image, inbox.Video, inbox.Audio, inbox.Voice, inbox.Sticker:
	default:
		return file, media, inbox.RefusedMedia
	}
	return file, media, nil
}

// blank reports whether a text is there and shows nothing.
func blank(s string) bool { return s != "" && strings.TrimSpace(s) == "" }

func lines(parts ...string) string {
	var all []string
	for _, s := range parts {
		if s != "" {
			all = append(all, s)
		}
	}
	return strings.Join(all, "\n")
}

// prepareSend seals a draft. What is left asks once more whether it may go, and queues it.
func (r *Relay) prepareSend(ctx context.Context, p inbox.Person, c inbox.Conversation, cause inbox.IntentID, d draft) (deed, error) {
	if d.message.ID == "" {
		d.message.ID = r.newMessageID()
	}
	d.parcel.Message, d.parcel.Contact = d.message.ID, c.Contact.ID
	parcel, err := outbound.Seal(ctx, r.vault, d.parcel)
	if err != nil {
		return nil, err
	}
	return func(tx ledger.Tx, c inbox.Conversation, at inbox.Moment) (inbox.Refusal, error) {
		if why, err := maySend(tx, c, d.parcel.Template, at); err != nil || why != inbox.Granted {
			return why, err
		}
		m := d.message
		m.Conversation, m.At, m.Side, m.Author, m.Receipt = c.ID, at, inbox.FromPerson, p.ID, inbox.Queued
		m.Held, m.Until = d.held, r.undone(d, at)
		if m.Media != nil {
			if _, there, err := uploadAt(tx, m.Media.ID); err != nil || !there {
				return inbox.RefusedMedia, err
			}
		}
		if d.parcel.Quote != "" {
			q, ok, err := eventlog.Message(tx, d.parcel.Quote)
			if err != nil {
				return inbox.Granted, err
			}
			if !ok || q.Conversation != c.ID || q.Kind == inbox.Note || q.Kind == inbox.System {
				return inbox.RefusedUnknown, nil
			}
			m.Quote = &inbox.Quote{Message: q.ID, Side: q.Side, Excerpt: q.Body.Excerpt(quoteRunes)}
		}
		if _, err := eventlog.Append(tx, at, cause, inbox.MessageAdded{Message: m}); err != nil {
			return inbox.Granted, err
		}
		if m.Media != nil {
			if err := keepUpload(tx, m.Media.ID); err != nil {
				return inbox.Granted, err
			}
		}
		return inbox.Granted, despatch(tx, parcel, m)
	}, nil
}

// maySend reports whether anything, or a template, may be sent to the customer of a conversation now.
func maySend(tx ledger.Tx, c inbox.Conversation, t *outbound.Template, at inbox.Moment) (inbox.Refusal, error) {
	if forgotten, err := erasing(tx, c.Contact.ID); err != nil || forgotten { // only the erasure is left to do
		return inbox.RefusedConsent, err
	}
	switch {
	case c.Into != "":
		return inbox.RefusedJoined, nil
	case t == nil && !c.WindowOpen(at):
		return inbox.RefusedWindow, nil
	case t == nil:
		return inbox.Granted, nil
	}
	now, ok, err := storedTemplate(tx, t.ID)
	switch {
	case err != nil:
		return inbox.Granted, err
	case !ok || now.Template.Removed || now.Template.State != inbox.TemplateApproved:
		return inbox.RefusedTemplate, nil
	case !c.Consent.Allows(t.Category) || !c.Consent.Allows(now.Template.Category): // WhatsApp may have moved it
		return inbox.RefusedConsent, nil
	}
	return inbox.Granted, nil
}
