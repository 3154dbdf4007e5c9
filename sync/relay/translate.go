package relay

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/outbound"
	"sealdesk/sync/relay/internal/vault"
	"sealdesk/sync/relay/internal/whatsapp"
)

// bucketOriginal keeps each message as Meta wrote it, sealed under its contact's key: unknown fields are never lost.
const bucketOriginal = "original"

// bucketOther keeps changes that hold no message and no status, as Meta wrote them, by keyed hash: what the relay does not
// understand yet is not lost for the relay that will.
const bucketOther = "other"

// bucketEarly keeps the emoji of a reaction that overtook its message, under the keyed hash of Meta's id of the message.
const bucketEarly = "early"

// A fact is one prepared item: all that needs the vault is done, what is left is to write it. It may run more than once,
// and writing the same item twice leaves what writing it once does: messages are known by Meta's id, receipts only move
// forward. It appends by log, and flushes it before anybody else may write to the log.
type fact func(tx ledger.Tx, log *eventlog.Writer, at inbox.Moment) error

// prepare turns one of Meta's items into a fact. nil means that the item is understood and leads to none.
func (r *Relay) prepare(ctx context.Context, id inbox.InboxID, it item, received inbox.Moment) (fact, error) {
	switch {
	case it.message != nil:
		return r.prepareMessage(ctx, *it.message, id, received)
	case it.status != nil:
		report, ok, err := outbound.NewReport(ctx, r.db, r.vault, id, *it.status, inbox.At(it.status.At))
		if err != nil || !ok {
			return nil, err
		}
		return func(tx ledger.Tx, log *eventlog.Writer, _ inbox.Moment) error {
			if err := log.Flush(); err != nil {
				return err
			}
			known, err := report.Settle(tx)
			if err == nil && !known {
				r.metrics.foreign.Inc()
			}
			return err
		}, nil
	}
	r.metrics.otherField(it.change.Field)
	key := r.vault.Hash(bucketOther, string(it.change.DedupeKey()))
	raw := it.change.Raw.Reveal()
	return func(tx ledger.Tx, _ *eventlog.Writer, _ inbox.Moment) error { return tx.Put(bucketOther, key[:], raw) }, nil
}

// incoming is a customer's message on its way to becoming a fact.
type incoming struct {
	inbox    inbox.InboxID
	contact  inbox.Contact
	message  inbox.Message
	known    outbound.Lookup // whether Meta delivers the message again
	ref      outbound.Ref
	quoted   *outbound.Lookup
	reaction *outbound.Lookup // set: the item is a reaction with this emoji, not a message
	emoji    string
	original []byte
	media    *mediaJob
}

func (r *Relay) prepareMessage(ctx context.Context, m whatsapp.Message, id inbox.InboxID, received inbox.Moment) (fact, error) {
	at := inbox.At(m.At)
	if at == 0 || at > received {
		at = received // a clock ahead of ours would hold the reply window open too long
	}
	who := identityOf(m.From)
	if sys, ok := m.Body.(whatsapp.System); ok {
		who = systemIdentity(who, sys)
	}
	contact, _, err := r.vault.Resolve(ctx, who, at)
	if errors.Is(err, vault.ErrNobody) {
		r.log.Warn("message from nobody", "inbox", string(id))
		r.metrics.nobody.Inc()
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("resolving a contact: %w", err)
	}
	in := &incoming{inbox: id, contact: contact}
	in.message = inbox.Message{ID: inbox.NewIDAt[inbox.MessageID](received), At: at, Side: inbox.FromContact}
	if m.Context != nil {
		in.message.Forwarded = m.Context.Forwarded || m.Context.FrequentlyForwarded
		if !m.Context.ID.IsZero() {
			l := outbound.NewLookup(r.vault, m.Context.ID)
			in.quoted = &l
		}
	}
	if err := r.translate(ctx, in, m); err != nil {
		return nil, err
	}
	if in.contact, err = r.vault.Card(ctx, contact.ID); err != nil { // the text may have taught the vault an address
		return nil, fmt.Errorf("reading a contact: %w", err)
	}
	wamid := m.ID
	if wamid.IsZero() { // never seen, but then its own bytes must do for a name
		wamid = whatsapp.NewMessageID(string(m.DedupeKey()))
	}
	in.known = outbound.NewLookup(r.vault, wamid)
	if in.ref, err = outbound.NewRef(ctx, r.vault, contact.ID, wamid, in.message.ID); err != nil {
		return nil, err
	}
	if in.original, err = r.vault.Seal(ctx, contact.ID, bucketOriginal, []byte(in.message.ID), m.Raw.Reveal()); err != nil {
		return nil, fmt.Errorf("sealing a message: %w", err)
	}
	return func(tx ledger.Tx, log *eventlog.Writer, at inbox.Moment) error {
		if again, err := in.known.Message(tx); err != nil {
			return err
		} else if again != "" {
			r.metrics.duplicates.Inc()
			return nil
		}
		return in.write(tx, log, at)
	}, nil
}

func identityOf(i whatsapp.Identity) vault.Identity {
	phone := i.WaID.Reveal()
	if phone == "" {
		phone = i.Phone.Reveal()
	}
	user := i.UserID.Reveal()
	if strings.Contains(phone, ".") { // Meta has been seen putting the user id where the number belongs
		phone, user = "", phone
	}
	return vault.Identity{
		Phone: phone, UserID: user, ParentUserID: i.ParentUserID.Reveal(),
		Username: i.Username.Reveal(), ProfileName: i.Name.Reveal(),
	}
}

// systemIdentity names the contact a system message is about: it has no contacts of its own, and what it calls "from"
// may be the old number. Linking the new one is the vault's work, which knows both.
func systemIdentity(from vault.Identity, sys whatsapp.System) vault.Identity {
	before, now := identityOf(sys.Before), identityOf(sys.Now)
	if from.Phone == "" {
		from.Phone = before.Phone
	}
	if from.Phone == "" {
		from.Phone = now.Phone
	}
	if from.UserID == "" {
		from.UserID = before.UserID
	}
	if from.UserID == "" {
		from.UserID = now.UserID
	}
	return from
}

// translate fills in what the message says, masked.
func (r *Relay) translate(ctx context.Context, in *incoming, m whatsapp.Message) error {
	msg := &in.message
	mask := func(text string) (inbox.Masked, error) {
		masked, _, err := r.vault.Mask(ctx, in.contact.ID, text)
		if err != nil {
			return inbox.Masked{}, fmt.Errorf("masking a text: %w", err)
		}
		return masked, nil
	}
	var err error
	switch b := m.Body.(type) {
	case whatsapp.Text:
		msg.Kind = inbox.Text
		msg.Body, err = mask(b.Body)
	case whatsapp.Media:
		return r.translateMedia(ctx, in, b)
	case whatsapp.Location:
		msg.Kind = inbox.Location
		msg.Body = inbox.NewMasked(inbox.Span{Kind: inbox.Place, Text: "•••"})
	case whatsapp.Cards:
		msg.Kind = inbox.ContactCard
		var spans []inbox.Span
		for i, card := range b.Cards {
			if i > 0 {
				spans = append(spans, inbox.Span{Text: ", "})
			}
			spans = append(spans, inbox.Span{Kind: inbox.FullName, Text: initial(card.FormattedName) + "•••"})
		}
		msg.Body = inbox.NewMasked(spans...)
	case whatsapp.Reply:
		msg.Kind = inbox.Button
		msg.Body, err = mask(b.Title)
	case whatsapp.Button:
		msg.Kind = inbox.Button
		msg.Body, err = mask(b.Text)
	case whatsapp.FlowReply:
		msg.Kind = inbox.Button
		msg.Body, err = mask(b.Body)
	case whatsapp.Order:
		msg.Kind = inbox.Order
		lines := make([]string, 0, len(b.Items)+1)
		for _, it := range b.Items {
			lines = append(lines, fmt.Sprintf("%d × %s  %.2f %s", it.Quantity, it.SKU, it.Price, it.Currency))
		}
		if b.Text != "" {
			lines = append(lines, b.Text)
		}
		msg.Body, err = mask(strings.Join(lines, "\n"))
	case whatsapp.Reaction:
		l := outbound.NewLookup(r.vault, b.Target)
		in.reaction, in.emoji = &l, emoji(b.Emoji)
	case whatsapp.System:
		msg.Kind, msg.Side, msg.What = inbox.System, inbox.FromSystem, whatOf(b.Kind)
	case whatsapp.Welcome:
		msg.Kind, msg.Side, msg.What = inbox.System, inbox.FromSystem, inbox.WhatChatOpened
	default: // revokes, edits, what Meta could not relay, and types younger than this relay
		msg.Kind = inbox.Unsupported
	}
	return err
}

func whatOf(kind string) inbox.What {
	switch kind {
	case "user_changed_number":
		return inbox.WhatNewNumber
	case "user_changed_user_id", "customer_identity_changed":
		return inbox.WhatNewIdentity
	}
	return inbox.WhatOtherHappened
}

// initial returns the first letter of a name, "" if it does not begin with one.
func initial(name string) string {
	first, _ := utf8.DecodeRuneInString(name)
	if !unicode.IsLetter(first) {
		return ""
	}
	return string(first)
}

// emoji returns a reaction as it may be shown: WhatsApp allows one emoji, so anything long or with letters or digits in
// it is something else and becomes a neutral one.
func emoji(s string) string {
	if s == "" {
		return ""
	}
	if len(s) > 64 || strings.ContainsFunc(s, func(c rune) bool { return c < 0x80 && c != '#' && c != '*' && (c < '0' || c > '9') }) {
		return "•"
	}
	if strings.ContainsAny(s, "0123456789") && !strings.ContainsRune(s, '\u20e3') || len(s) > 8 && strings.ContainsAny(s, "0123456789") {
		return "•"
	}
	return s
}

// write appends the facts the message leads to.
func (in *incoming) write(tx ledger.Tx, log *eventlog.Writer, at inbox.Moment) error {
	conversation, opened, err := in.thread(tx)
	if err != nil {
		return err
	}
	var bodies []inbox.EventBody
	if opened {
		bodies = append(bodies, inbox.ConversationOpened{Conversation: conversation, Inbox: in.inbox, Contact: in.contact})
	} else if c, ok, err := log.Conversation(conversation); err != nil {
		return err
	} else if ok && !sameCard(c.Contact, in.contact) {
		bodies = append(bodies, inbox.ContactChanged{Conversation: conversation, Contact: in.contact})
	}
	if in.reaction != nil {
		target, err := in.reaction.Message(tx)
		if err != nil {
			return err
		}
		if target == "" { // Meta keeps no order: the message may still be on its way
			if err := tx.Put(bucketEarly, in.reaction.Key(), []byte(in.emoji)); err != nil {
				return err
			}
		} else {
			bodies = append(bodies, in.reacted(conversation, target, in.emoji))
		}
	} else {
		m := in.message // f may run again: the prepared message stays as it was
		m.Conversation = conversation
		if in.quoted != nil {
			if m.Quote, err = quote(tx, *in.quoted); err != nil {
				return err
			}
		}
		bodies = append(bodies, inbox.MessageAdded{Message: m})
		early, err := tx.Get(bucketEarly, in.known.Key())
		if err != nil {
			return err
		}
		if early != nil {
			bodies = append(bodies, in.reacted(conversation, m.ID, string(early)))
			if err := tx.Delete(bucketEarly, in.known.Key()); err != nil {
				return err
			}
		}
	}
	if _, err := log.Append(at, "", bodies...); err != nil {
		return err
	}
	if err := in.ref.Bind(tx); err != nil {
		return err
	}
	if in.media != nil {
		if err := in.media.enqueue(tx, conversation); err != nil {
			return err
		}
	}
	return tx.Put(bucketOriginal, []byte(in.message.ID), in.original)
}

func (in *incoming) reacted(c inbox.ConversationID, m inbox.MessageID, emoji string) inbox.Reacted {
	return inbox.Reacted{Conversation: c, Message: m, Reaction: inbox.Reaction{Side: inbox.FromContact, Emoji: emoji}}
}

// thread returns the contact's conversation in this inbox and whether it is new.
func (in *incoming) thread(tx ledger.Tx) (inbox.ConversationID, bool, error) {
	id, err := tx.Get(bucketThread, []byte(in.contact.ID))
	if err != nil || id != nil {
		return inbox.ConversationID(id), false, err
	}
	fresh := inbox.NewID[inbox.ConversationID]()
	return fresh, true, tx.Put(bucketThread, []byte(in.contact.ID), []byte(fresh))
}

func quote(tx ledger.Tx, l outbound.Lookup) (*inbox.Quote, error) {
	id, err := l.Message(tx)
	if err != nil {
		return nil, err
	}
	m, ok, err := eventlog.Message(tx, id)
	if err != nil || !ok {
		return &inbox.Quote{Side: inbox.FromSystem}, err
	}
	return &inbox.Quote{Message: m.ID, Side: m.Side, Excerpt: m.Body.Excerpt(quoteRunes)}, nil
}

const quoteRunes = 160

func sameCard(a, b inbox.Contact) bool {
	return a.ID == b.ID && a.Alias == b.Alias && a.Country == b.Country &&
		a.Name.Equal(b.Name) && a.Phone.Equal(b.Phone) && a.Email.Equal(b.Email) && a.Username.Equal(b.Username)
}
