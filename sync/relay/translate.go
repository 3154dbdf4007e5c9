package relay

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/outbound"
	"sealdesk/sync/relay/internal/vault"
	"sealdesk/sync/relay/internal/whatsapp"
)

// bucketOriginal keeps each message as Meta wrote it, sealed under its contact's key: unknown fields are never lost.
const bucketOriginal = "original"

// bucketNobody keeps messages that do not say whose they are.
const bucketNobody = "nobody"

// A fact is one prepared item: all that needs the vault is done, what is left is to write it. write may run more than
// once, and writing the same item twice leaves what writing it once does: messages are known by Meta's id, receipts only
// move forward, of two reports about the same thing the newer counts. It appends by log, and flushes it before anybody
// else may write to the log. after, if there is one, follows when the fact is durable, and bears repetition too. A fact
// without write leads to nothing.
type fact struct {
	write func(tx ledger.Tx, log *eventlog.Writer, at inbox.Moment) error
	after func(ctx context.Context) error
}

// prepare turns one of Meta's items into a fact.
func (r *Relay) prepare(ctx context.Context, id inbox.InboxID, it item, received inbox.Moment) (fact, error) {
	switch {
	case it.message != nil:
		return r.prepareMessage(ctx, &incoming{inbox: id, by: inbox.FromContact}, *it.message, received)
	case it.echo != nil:
		return r.prepareEcho(ctx, id, *it.echo, received)
	case it.status != nil:
		return r.prepareStatus(ctx, id, *it.status, received)
	}
	return r.prepareChange(ctx, id, *it.change, received)
}

// incoming is a message on its way to becoming a fact: a customer's, or one the company wrote past the relay.
type incoming struct {
	inbox    inbox.InboxID
	by       inbox.Side // whose act it is
	contact  inbox.Contact
	standing vault.Standing
	message  inbox.Message
	known    outbound.Lookup // whether Meta delivers the message again
	ref      outbound.Ref
	quoted   *outbound.Lookup
	product  inbox.Masked // what is asked about, if a product of the catalogue
	act      *act         // set: it is something done to a message, not a message
	original []byte
	media    *mediaJob
	keyword  *keyword
	care     *care
	anew     []masking // how earlier messages look now
}

// momentOf is when Meta says that something happened. A clock ahead of ours would hold the reply window open too long.
func momentOf(at, received inbox.Moment) inbox.Moment {
	if at == 0 || at > received {
		return received
	}
	return at
}

// whoIs finds the contact a message is from, or about. It returns [vault.ErrNobody] if Meta named nobody.
func (r *Relay) whoIs(ctx context.Context, m whatsapp.Message, who whatsapp.Identity, at inbox.Moment) (inbox.Contact, error) {
	if sys, ok := m.Body.(whatsapp.System); ok && sys.Kind != kindIdentityChanged {
		before, now := identityOf(who), identityOf(sys.Now)
		if old := identityOf(sys.Before); old.UserID != "" {
			before.UserID = old.UserID
		}
		return r.vault.Moved(ctx, before, now, at)
	}
	card, _, err := r.vault.Resolve(ctx, identityOf(who), at)
	return card, err
}

func (r *Relay) prepareMessage(ctx context.Context, in *incoming, m whatsapp.Message, received inbox.Moment) (fact, error) {
	at := momentOf(inbox.At(m.At), received)
	who := m.From
	if in.by != inbox.FromContact {
		who = m.To
	}
	contact, err := r.whoIs(ctx, m, who, at)
	if errors.Is(err, vault.ErrNobody) {
		return r.fromNobody(ctx, in.inbox, m)
	}
	if err != nil {
		return fact{}, fmt.Errorf("resolving a contact: %w", err)
	}
	in.contact = contact
	in.message = inbox.Message{ID: inbox.NewIDAt[inbox.MessageID](received), At: at, Side: in.by}
	if in.by == inbox.FromPerson {
		in.message.Outside, in.message.Receipt = true, inbox.Sent
	}
	if err := r.translate(ctx, in, m); err != nil {
		return fact{}, err
	}
	if in.by == inbox.FromContact && in.act == nil {
		if in.keyword, err = r.keyword(ctx, in, m); err != nil {
			return fact{}, err
		}
	}
	if in.by == inbox.FromContact && in.act == nil {
		if in.care, err = r.careFor(ctx, in, m, received); err != nil {
			return fact{}, err
		}
	}
	if in.standing, err = r.vault.Standing(ctx, contact.ID); err != nil { // the text may have taught the vault an address
		return fact{}, fmt.Errorf("reading a contact: %w", err)
	}
	sealedFor := contact.ID
	in.contact = in.standing.Card
	wamid := m.ID
	if in.act != nil || wamid.IsZero() { // an act may carry the id of what it is about; then its own bytes do for a name
		wamid = whatsapp.NewMessageID(m.Type + "\x00" + string(m.Raw))
	}
	in.known = outbound.NewLookup(r.vault, wamid)
	if in.act == nil {
		if in.ref, err = outbound.NewRef(ctx, r.vault, sealedFor, wamid, in.message.ID); err != nil {
			return fact{}, err
		}
	}
	if in.original, err = r.vault.Seal(ctx, sealedFor, bucketOriginal, []byte(in.message.ID), m.Raw.Reveal()); err != nil {
		return fact{}, fmt.Errorf("sealing a message: %w", err)
	}
	if sys, ok := m.Body.(whatsapp.System); ok && sys.Kind == kindIdentityChanged {
		if err := r.raiseFor(ctx, in, string(m.DedupeKey()), inbox.IncidentIdentity); err != nil {
			return fact{}, err
		}
	}
	f := fact{write: func(tx ledger.Tx, log *eventlog.Writer, at inbox.Moment) error {
		if in.standing.Pending {
			if err := r.bring(tx, log, in.standing, at); err != nil {
				return err
			}
		}
		if again, err := in.known.Message(tx); err != nil {
			return err
		} else if again != "" {
			r.metrics.duplicates.Inc()
			return nil
		}
		if err := in.write(tx, log, at); err != nil {
			return err
		}
		return r.maskAnew(tx, log, in.anew, at)
	}}
	if in.standing.Pending {
		if err := r.spread(ctx, in.standing, in.inbox); err != nil {
			return fact{}, err
		}
		f.after = func(ctx context.Context) error { return r.told(ctx, in.standing) }
	}
	return f, nil
}

// fromNobody keeps a message that does not say whose it is, sealed with the store, for a person to look at.
func (r *Relay) fromNobody(ctx context.Context, id inbox.InboxID, m whatsapp.Message) (fact, error) {
	r.log.Warn("message from nobody", "inbox", string(id))
	r.metrics.nobody.Inc()
	once := string(m.DedupeKey())
	if err := r.raise(ctx, "nobody "+once, inbox.Incident{Kind: inbox.IncidentUnreadable, Inbox: id}); err != nil {
		return fact{}, err
	}
	key, raw := r.vault.Hash(bucketNobody, once), m.Raw.Reveal()
	return fact{write: func(tx ledger.Tx, _ *eventlog.Writer, _ inbox.Moment) error {
		return tx.Put(bucketNobody, key[:], raw)
	}}, nil
}

// raiseFor raises an incident about a contact's conversation. It must not be called inside a transaction.
func (r *Relay) raiseFor(ctx context.Context, in *incoming, once string, kind inbox.IncidentKind) error {
	thread, err := r.threadOf(ctx, in.inbox, in.contact.ID)
	if err != nil {
		return err
	}
	return r.raise(ctx, once, inbox.Incident{Kind: kind, Inbox: in.inbox, Conversation: thread})
}

// threadOf returns the contact's conversation in an inbox, "" if there is none. It must not be called inside a transaction.
func (r *Relay) threadOf(ctx context.Context, id inbox.InboxID, contact inbox.ContactID) (inbox.ConversationID, error) {
	var thread []byte
	if contact == "" {
		return "", nil
	}
	err := r.db.View(ctx, eventlog.Shard(id.Log()), func(tx ledger.Tx) (err error) {
		thread, err = tx.Get(bucketThread, []byte(contact))
		return err
	})
	return inbox.ConversationID(thread), err
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

// write appends the facts the message leads to.
func (in *incoming) write(tx ledger.Tx, log *eventlog.Writer, at inbox.Moment) error {
	if in.act != nil { // nothing of it is shown before its target is there
		if err := in.act.write(tx, log, at); err != nil {
			return err
		}
		if err := in.known.Mark(tx, in.message.ID); err != nil {
			return err
		}
		return tx.Put(bucketOriginal, []byte(in.message.ID), in.original)
	}
	conversation, opened, err := in.thread(tx)
	if err != nil {
		return err
	}
	var bodies []inbox.EventBody
	if opened {
		bodies = append(bodies, inbox.ConversationOpened{Conversation: conversation, Inbox: in.inbox, Contact: in.contact})
	}
	m := in.message // write may run again: the prepared message stays as it was
	m.Conversation = conversation
	if in.quoted != nil {
		if m.Quote, err = quote(tx, *in.quoted); err != nil {
			return err
		}
	}
	if !in.product.IsZero() {
		if m.Quote == nil || m.Quote.Message == "" {
			m.Quote = &inbox.Quote{Side: inbox.FromPerson}
		}
		if m.Quote.Excerpt.IsZero() {
			m.Quote.Excerpt = in.product
		}
	}
	before, _, err := log.Conversation(conversation)
	if err != nil {
		return err
	}
	overtook, err := aboutOf(tx, in.known.Key())
	if err != nil {
		return err
	}
	bodies = append(bodies, inbox.MessageAdded{Message: m})
	if overtook != nil {
		bodies = append(bodies, overtook.bodies(m)...)
	}
	if _, err := log.Append(at, "", bodies...); err != nil {
		return err
	}
	if err := in.ref.Bind(tx); err != nil {
		return err
	}
	if in.media != nil && (overtook == nil || overtook.Deleted == 0) {
		if err := in.media.enqueue(tx, conversation); err != nil {
			return err
		}
	}
	if err := tx.Put(bucketOriginal, []byte(in.message.ID), in.original); err != nil {
		return err
	}
	if err := in.keyword.write(tx, log, conversation, at); err != nil {
		return err
	}
	return in.care.write(tx, log, before, m, at)
}

// thread returns the contact's conversation in this inbox and whether it is new.
func (in *incoming) thread(tx ledger.Tx) (inbox.ConversationID, bool, error) {
	id, err := tx.Get(bucketThread, []byte(in.contact.ID))
	if err != nil || id != nil {
		return inbox.ConversationID(id), false, err
	}
	if gone, err := isGone(tx, in.contact.ID); err != nil {
		return "", false, err
	} else if gone { // he was erased since the message was prepared
		return "", false, errStale
	}
	if elder, err := tx.Get(bucketTwin, []byte(in.contact.ID)); err != nil {
		return "", false, err
	} else if elder != nil { // it turned out to be another one since the message was prepared
		if id, err = tx.Get(bucketThread, elder); err == nil && id == nil {
			err = errStale
		}
		return inbox.ConversationID(id), false, err
	}
	if newest, err := cardVersion(tx, in.contact.ID); err != nil {
		return "", false, err
	} else if in.standing.Card.ID != "" && newest > in.standing.Version {
		return "", false, errStale
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
