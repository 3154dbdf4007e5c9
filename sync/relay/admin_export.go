package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/outbound"
	"sealdesk/sync/relay/internal/vault"
)

// An exported is what the relay holds about one customer of one inbox, as he gets it. It is all raw: it leaves the relay by
// the hand of whoever runs the relay, and by no other way.
type exported struct {
	Request string            `json:"request"`
	Company string            `json:"company"`
	Made    time.Time         `json:"made"`
	Contact exportedContact   `json:"contact"`
	Known   []exportedItem    `json:"conversation"`
	Consent []exportedConsent `json:"consent"`
	Costs   []exportedCost    `json:"costs,omitempty"`
	// Apart says what the relay holds beside this file.
	Apart []string `json:"apart"`
}

type exportedContact struct {
	Alias    string             `json:"alias"`
	Since    time.Time          `json:"since"`
	Country  string             `json:"country,omitempty"`
	Email    string             `json:"email,omitempty"`
	Accounts []exportedIdentity `json:"whatsapp"`
}

type exportedIdentity struct {
	Number      string `json:"number,omitempty"`
	UserID      string `json:"user_id,omitempty"`
	ParentID    string `json:"parent_user_id,omitempty"`
	Username    string `json:"username,omitempty"`
	ProfileName string `json:"profile_name,omitempty"`
}

type exportedItem struct {
	At        time.Time       `json:"at"`
	From      string          `json:"from"` // customer, company, note or relay
	Kind      string          `json:"kind"`
	Text      string          `json:"text,omitempty"` // as it left, or as colleagues see it
	Original  json.RawMessage `json:"original,omitempty"`
	File      *exportedFile   `json:"file,omitempty"`
	Reactions []string        `json:"reactions,omitempty"`
	Receipt   string          `json:"receipt,omitempty"`
}

type exportedFile struct {
	Type string `json:"type,omitempty"`
	Size int64  `json:"bytes,omitempty"`
}

type exportedConsent struct {
	At        time.Time `json:"at"`
	Marketing string    `json:"marketing,omitempty"`
	Templates string    `json:"templates,omitempty"`
	Source    string    `json:"source"`
	Proof     string    `json:"proof,omitempty"`
}

type exportedCost struct {
	Day      string  `json:"day"`
	Class    string  `json:"class"`
	Messages int     `json:"messages"`
	Amount   float64 `json:"amount"`
	Currency string  `json:"currency"`
}

var classNames = map[inbox.CostClass]string{
	inbox.CostUnknown: "unknown", inbox.CostFree: "free", inbox.CostService: "service", inbox.CostUtility: "utility",
	inbox.CostMarketing: "marketing", inbox.CostAuthentication: "authentication",
}

var (
	kindNames = map[inbox.MessageKind]string{
		inbox.Text: "text", inbox.Image: "image", inbox.Video: "video", inbox.Audio: "audio", inbox.Voice: "voice", inbox.Document: "document",
		inbox.Sticker: "sticker", inbox.Location: "location", inbox.ContactCard: "contact", inbox.Button: "button", inbox.Order: "order",
		inbox.Templated: "template", inbox.Note: "note", inbox.System: "event", inbox.Deleted: "deleted", inbox.Interactive: "interactive",
	}
	receiptNames = map[inbox.Receipt]string{
		inbox.Queued: "queued", inbox.Unknown: "unknown", inbox.Sent: "sent", inbox.Failed: "failed", inbox.Delivered: "delivered", inbox.Read: "read",
	}
	stateNames  = map[inbox.ConsentState]string{inbox.Given: "given", inbox.Withdrawn: "withdrawn"}
	sourceNames = map[inbox.ConsentSource]string{
		inbox.FromKeyword: "keyword", inbox.FromSettings: "whatsapp settings", inbox.FromRecord: "colleague", inbox.FromRefusal: "whatsapp refusal",
	}
)

// ExportRequest implements [Admin].
func (r *Relay) ExportRequest(ctx context.Context, id, by string) ([]byte, error) {
	q, err := r.actOnRequest(ctx, id, by, audit.RequestExported, func(q *inbox.Request, p inbox.Person, _ inbox.Moment) error {
		switch {
		case !decides(p, *q):
			return inbox.RefusedRight
		case q.Kind != inbox.RequestData:
			return ErrNoCopy
		case q.State != inbox.RequestApproved && q.State != inbox.RequestDone:
			return ErrNotApproved
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	doc, err := r.export(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("making a copy for a customer: %w", err)
	}
	return json.MarshalIndent(doc, "", "  ")
}

func (r *Relay) export(ctx context.Context, q inbox.Request) (doc exported, err error) {
	same, err := r.vault.Same(ctx, q.Contact)
	if err != nil {
		return doc, err
	}
	doc = exported{Request: Reference(q.ID), Company: r.speaker(q.Inbox, languages[0]).company, Made: r.now().UTC(), Apart: []string{
		"files: this list names their type and size; the files themselves are kept sealed on the relay",
		"audit: who of the company did what when, without contents",
	}}
	if doc.Contact, err = r.exportContact(ctx, same); err != nil {
		return doc, err
	}
	if doc.Known, err = r.exportItems(ctx, q.Inbox, same); err != nil {
		return doc, err
	}
	for _, contact := range same {
		entries, err := r.consentLedger(ctx, q.Inbox, contact)
		if err != nil {
			return doc, err
		}
		for _, e := range entries {
			doc.Consent = append(doc.Consent, exportedConsent{
				At: e.At.Time(), Marketing: stateNames[e.Marketing], Templates: stateNames[e.Templates], Source: sourceNames[e.Source], Proof: e.Proof,
			})
		}
	}
	doc.Costs, err = r.exportCosts(ctx, q)
	return doc, err
}

func (r *Relay) exportContact(ctx context.Context, same []inbox.ContactID) (c exportedContact, err error) {
	card, err := r.vault.Card(ctx, same[0])
	if err != nil {
		return c, err
	}
	c = exportedContact{Alias: card.Alias, Since: card.Since.Time(), Country: card.Country}
	for _, id := range same {
		who, err := r.vault.Identity(ctx, id)
		if err != nil {
			return c, err
		}
		c.Accounts = append(c.Accounts, exportedIdentity{
			Number: who.Phone, UserID: who.UserID, ParentID: who.ParentUserID, Username: who.Username, ProfileName: who.ProfileName,
		})
		if email, ok, err := r.vault.Variable(ctx, id, inbox.VarContactEmail); err != nil {
			return c, err
		} else if ok {
			c.Email = email
		}
	}
	return c, nil
}

// exportItems returns everything in the conversations of a customer, oldest first. It opens what is sealed after reading,
// because opening may look into the vault's shard.
func (r *Relay) exportItems(ctx context.Context, in inbox.InboxID, same []inbox.ContactID) ([]exportedItem, error) {
	type held struct {
		message  inbox.Message
		original []byte
	}
	var all []held
	err := r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) error {
		all = nil
		theirs := map[inbox.ConversationID]bool{}
		for c, err := range eventlog.Conversations(tx) {
			if err != nil {
				return err
			}
			theirs[c.ID] = slices.Contains(same, c.Contact.ID)
		}
		for e, err := range eventlog.Backwards(tx) {
			if err != nil {
				return err
			}
			added, is := e.Body.(inbox.MessageAdded)
			if !is || !theirs[e.Body.Of()] {
				continue
			}
			m, ok, err := eventlog.Message(tx, added.Message.ID) // as it is now
			if err != nil || !ok {
				return errors.Join(err, errRow)
			}
			original, err := tx.Get(bucketOriginal, []byte(m.ID))
			if err != nil {
				return err
			}
			all = append(all, held{m, original})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.Reverse(all)
	items := make([]exportedItem, 0, len(all))
	for _, h := range all {
		item := exportedOf(h.message)
		if h.original != nil {
			plain, err := r.openAny(ctx, same, []byte(h.message.ID), h.original)
			if err != nil {
				return nil, err
			}
			if json.Valid(plain) {
				item.Original = plain
			}
		}
		if item.From == "company" {
			for _, contact := range same {
				p, ok, err := outbound.Again(ctx, r.db, r.vault, in, contact, h.message.ID)
				if err == nil && ok && p.Text != "" {
					item.Text = p.Text
				} else if err != nil && !errors.Is(err, vault.ErrSealed) {
					return nil, err
				}
			}
		}
		items = append(items, item)
	}
	return items, nil
}

// openAny opens what was sealed under the key of one of several contacts that are the same person.
func (r *Relay) openAny(ctx context.Context, same []inbox.ContactID, key, sealed []byte) (plain []byte, err error) {
	for _, contact := range same {
		if plain, err = r.vault.Open(ctx, contact, bucketOriginal, key, sealed); !errors.Is(err, vault.ErrSealed) {
			return plain, err
		}
	}
	return nil, err
}

func exportedOf(m inbox.Message) exportedItem {
	item := exportedItem{At: m.At.Time(), Kind: kindNames[m.Kind], Text: m.Body.Visible(), Receipt: receiptNames[m.Receipt]}
	if item.Kind == "" {
		item.Kind = "other"
	}
	switch {
	case m.Kind == inbox.Note:
		item.From = "note"
	case m.Side == inbox.FromContact:
		item.From = "customer"
	case m.Side == inbox.FromPerson:
		item.From = "company"
	default:
		item.From = "relay"
	}
	if m.Media != nil {
		item.File = &exportedFile{Type: m.Media.Type, Size: m.Media.Size}
	}
	for _, x := range m.Reactions {
		item.Reactions = append(item.Reactions, x.Emoji)
	}
	return item
}

// exportCosts returns what was billed for the customer's conversation. Whoever may have the copy made sees it in the copy.
func (r *Relay) exportCosts(ctx context.Context, q inbox.Request) (lines []exportedCost, err error) {
	card, err := r.vault.Card(ctx, q.Contact)
	if err != nil {
		return nil, err
	}
	reader := inbox.Person{Role: inbox.Supervisor, Inboxes: []inbox.InboxID{q.Inbox}}
	now := r.now().UTC()
	for from := card.Since.Time(); !from.After(now); from = from.AddDate(0, 0, 90) {
		to := from.AddDate(0, 0, 89)
		c, err := r.costs(ctx, reader, inbox.AskCosts{
			From: from.Format(time.DateOnly), To: to.Format(time.DateOnly), Conversation: q.Conversation,
		})
		if err != nil {
			return nil, err
		}
		for _, l := range c.Lines {
			lines = append(lines, exportedCost{l.Day, classNames[l.Class], l.Messages, float64(l.Amount) / 1e6, c.Currency})
		}
	}
	return lines, nil
}
