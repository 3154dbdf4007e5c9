package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/outbound"
	"sealdesk/sync/relay/internal/whatsapp"
)

// The kinds of system messages this relay understands.
const (
	kindNumberChanged   = "user_changed_number"
	kindUserIDChanged   = "user_changed_user_id"
	kindIdentityChanged = "customer_identity_changed"
)

// translate fills in what the message says, masked.
func (r *Relay) translate(ctx context.Context, in *incoming, m whatsapp.Message) error {
	msg := &in.message
	if ok, err := r.translateAct(ctx, in, m); ok || err != nil {
		return err
	}
	if !m.Group.IsZero() { // said among others: no answer to it here would reach them, and it opens no window
		msg.Side, msg.Kind, msg.Receipt = inbox.FromSystem, inbox.Unsupported, inbox.NoReceipt
		return nil
	}
	var err error
	switch b := m.Body.(type) {
	case whatsapp.Text:
		msg.Kind = inbox.Text
		msg.Body, err = r.maskedWords(ctx, in, m)
	case whatsapp.Media:
		err = r.translateFile(ctx, in, m, b)
	case whatsapp.Location:
		msg.Kind = inbox.Location
		msg.Body, err = r.placeOfContact(ctx, in, m, b)
	case whatsapp.Cards:
		msg.Kind = inbox.ContactCard
		msg.Body = cards(b.Cards)
	case whatsapp.Reply, whatsapp.Button, whatsapp.FlowReply:
		msg.Kind = inbox.Button
		msg.Body, err = r.maskedWords(ctx, in, m)
	case whatsapp.CallPermission:
		msg.Kind = inbox.Button
		msg.Body = inbox.PlainText("📞 ✗")
		if b.Granted {
			msg.Body = inbox.PlainText("📞 ✓")
		}
	case whatsapp.Order:
		msg.Kind = inbox.Order
		msg.Body, err = r.maskedWords(ctx, in, m)
	case whatsapp.System:
		msg.Kind, msg.Side, msg.What, msg.Receipt = inbox.System, inbox.FromSystem, whatOf(b.Kind), inbox.NoReceipt
	case whatsapp.Welcome:
		msg.Kind, msg.Side, msg.What, msg.Receipt = inbox.System, inbox.FromSystem, inbox.WhatChatOpened, inbox.NoReceipt
	default: // what Meta could not relay, and types younger than this relay
		msg.Kind = inbox.Unsupported
	}
	if err != nil {
		return err
	}
	return r.translateOrigin(ctx, in, m)
}

// translateAct recognises what is done to another message. It reports whether m is that.
func (r *Relay) translateAct(ctx context.Context, in *incoming, m whatsapp.Message) (bool, error) {
	a := act{by: in.by, at: in.message.At}
	var target whatsapp.MessageID
	switch b := m.Body.(type) {
	case whatsapp.Reaction:
		target, a.does, a.emoji = b.Target, reacts, emoji(b.Emoji)
	case whatsapp.Revoke:
		target, a.does = b.Target, revokes
	case whatsapp.Edit:
		var text string
		switch now := b.New.(type) {
		case whatsapp.Text:
			text = now.Body
		case whatsapp.Media:
			text = now.Caption
		default:
			return false, nil // what it says now cannot be shown in its place
		}
		target, a.does = b.Target, edits
		var err error
		if a.body, err = r.maskedTogether(ctx, in, target, nil, text); err != nil {
			return false, err
		}
	}
	if target.IsZero() {
		return false, nil
	}
	a.target = outbound.NewLookup(r.vault, target)
	in.act = &a
	return true, nil
}

// translateOrigin fills in where a message comes from: what it answers or forwards, the advertisement that led to it.
func (r *Relay) translateOrigin(ctx context.Context, in *incoming, m whatsapp.Message) (err error) {
	if c := m.Context; c != nil {
		in.message.Forwarded = c.Forwarded || c.FrequentlyForwarded
		if !c.ID.IsZero() {
			l := outbound.NewLookup(r.vault, c.ID)
			in.quoted = &l
		}
		if c.ProductSKU != "" {
			if in.product, err = r.vault.MaskOurs(ctx, in.contact.ID, c.ProductSKU); err != nil {
				return fmt.Errorf("masking a product: %w", err)
			}
		}
	}
	if m.Referral == nil || in.by != inbox.FromContact {
		return nil
	}
	ad := inbox.Referral{Post: m.Referral.SourceType == "post"} // its words are not the customer's: nothing is learnt
	if ad.Headline, err = r.vault.MaskOurs(ctx, in.contact.ID, m.Referral.Headline); err == nil {
		ad.Body, err = r.vault.MaskOurs(ctx, in.contact.ID, m.Referral.Body)
	}
	if err != nil {
		return fmt.Errorf("masking an advertisement: %w", err)
	}
	in.message.Referral = &ad
	return nil
}

// masked masks a text of the message. What a customer writes teaches the vault; what the company writes does not.
func (r *Relay) masked(ctx context.Context, in *incoming, text string) (m inbox.Masked, err error) {
	if in.by == inbox.FromContact {
		m, _, err = r.vault.Mask(ctx, in.contact.ID, text)
	} else {
		m, err = r.vault.MaskOurs(ctx, in.contact.ID, text)
	}
	if err != nil {
		return inbox.Masked{}, fmt.Errorf("masking a text: %w", err)
	}
	return m, nil
}

// translateFile translates media. The words of a file the company sent past the relay are masked as the company's.
func (r *Relay) translateFile(ctx context.Context, in *incoming, m whatsapp.Message, b whatsapp.Media) error {
	name := b.Filename
	if in.by != inbox.FromContact {
		b.Filename = ""
	}
	b.Caption = "" // it is masked here, with what was said before
	if err := r.translateMedia(ctx, in, b); err != nil || in.media == nil {
		return err
	}
	var err error
	if in.message.Body, err = r.maskedWords(ctx, in, m); err != nil || in.by == inbox.FromContact {
		return err
	}
	if in.message.Media.Name, err = r.vault.MaskOurFileName(ctx, in.contact.ID, name); err != nil {
		return fmt.Errorf("masking a file name: %w", err)
	}
	in.media.row.Media.Name = in.message.Media.Name
	return nil
}

func whatOf(kind string) inbox.What {
	switch kind {
	case kindNumberChanged:
		return inbox.WhatNewNumber
	case kindUserIDChanged, kindIdentityChanged:
		return inbox.WhatNewIdentity
	}
	return inbox.WhatOtherHappened
}

// onLines joins what is there of a text, each on a line of its own.
func onLines(all ...string) string {
	there := all[:0:0]
	for _, s := range all {
		if s != "" {
			there = append(there, s)
		}
	}
	return strings.Join(there, "\n")
}

// cards shows of shared contacts that they have a name, numbers and addresses, and none of them.
func cards(all []whatsapp.Card) inbox.Masked {
	const most = 10 // WhatsApp lets people share hundreds
	var spans []inbox.Span
	for i, card := range all {
		if i == most {
			spans = append(spans, inbox.Span{Text: " …"})
			break
		}
		if i > 0 {
			spans = append(spans, inbox.Span{Text: ", "})
		}
		spans = append(spans, inbox.Span{Kind: inbox.FullName, Text: initial(card.FormattedName) + "•••"})
		if len(card.Phones) > 0 {
			spans = append(spans, inbox.Span{Text: " "}, inbox.Span{Kind: inbox.Phone, Text: "••• ••••"})
		}
		if len(card.Emails) > 0 {
			spans = append(spans, inbox.Span{Text: " "}, inbox.Span{Kind: inbox.Email, Text: "•••@•••"})
		}
	}
	return inbox.NewMasked(spans...)
}

// initial returns the first letter of a name, "" if it does not begin with one.
func initial(name string) string {
	first, _ := utf8.DecodeRuneInString(name)
	if !unicode.IsLetter(first) {
		return ""
	}
	return string(first)
}

const (
	maxFormLines = 50
	maxFormDepth = 4
)

// form shows the answers of a filled-in form, one a line, in the order Meta wrote them. What is no JSON object shows
// nothing: then only the form's own words are known.
func form(response string) string {
	d := json.NewDecoder(strings.NewReader(response))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return ""
	}
	var out []string
	var read func(name string, depth int) error
	read = func(name string, depth int) error {
		t, err := d.Token()
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case json.Delim:
			for d.More() && depth < maxFormDepth {
				inner := name
				if t == '{' {
					key, err := d.Token()
					if err != nil {
						return err
					}
					inner = fmt.Sprint(key)
				}
				if err := read(inner, depth+1); err != nil {
					return err
				}
			}
			if depth >= maxFormDepth {
				return errRow // nobody fills in a form like that
			}
			_, err = d.Token()
			return err
		case nil:
		default:
			if value := strings.TrimSpace(fmt.Sprint(t)); value != "" && len(out) < maxFormLines {
				out = append(out, strings.ReplaceAll(name, "_", " ")+": "+value)
			}
		}
		return nil
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			break
		}
		name := fmt.Sprint(key)
		before := len(out)
		if err := read(name, 0); err != nil {
			break
		}
		if name == "flow_token" { // ours, and says nothing
			out = out[:before]
		}
	}
	return strings.Join(out, "\n")
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
