package outbound

import (
	"context"
	"fmt"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/whatsapp"
)

// A load is a row ready to be posted.
type load struct {
	mail     whatsapp.Outgoing
	about    inbox.MessageID        // the message whose conversation decides about the window
	category inbox.TemplateCategory // 0: no template
	begins   bool                   // it is the company's first word: the window is closed
}

// A fileError says that a message's file is not at WhatsApp.
type fileError struct{ cause error }

func (e *fileError) Error() string { return fmt.Sprintf("handing a file over: %v", e.cause) }
func (e *fileError) Unwrap() error { return e.cause }

var errNoFiles = fmt.Errorf("%w: nobody knows the file", whatsapp.ErrRequest)

// load does all that comes before a post and may be done more than once: it looks whether the row may still leave, opens
// what it says, and hands its file over. It reports false if there is nothing to post.
func (p *Pipeline) load(ctx context.Context, key []byte, r row) (l load, ok bool, err error) {
	say, _, err := openPayload(ctx, p.cfg.DB, p.cfg.Vault, p.shard, r.Contact, r.Message)
	if err != nil {
		return l, false, err
	}
	l.about = r.Message
	if say.React != "" {
		l.about = say.React
	}
	if say.Template != nil {
		l.category = say.Template.Category
	}
	who, err := p.cfg.Vault.Identity(ctx, r.Contact)
	if err != nil {
		return l, false, err
	}
	l.mail = whatsapp.Outgoing{
		Phone: whatsapp.NewPhone(who.Phone), User: whatsapp.NewUserID(who.UserID), Callback: string(r.Message),
	}
	if l.mail.ReplyTo, err = p.wamid(ctx, r.Contact, say.Quote); err != nil {
		return l, false, err
	}
	target, err := p.wamid(ctx, r.Contact, say.React)
	if err != nil {
		return l, false, err
	}
	var id whatsapp.MediaID
	if f := say.file(); f != nil {
		if ok, err := p.gate(ctx, key, &r, &l, false); err != nil || !ok {
			return l, false, err // a file is not handed over for nothing
		}
		if id, err = p.fileID(ctx, r, f.Media); err != nil {
			return l, false, &fileError{cause: err}
		}
	}
	l.mail.Content, err = say.content(id, target)
	return l, err == nil, err
}

// fileID returns Meta's id of a file.
func (p *Pipeline) fileID(ctx context.Context, r row, media inbox.MediaID) (whatsapp.MediaID, error) {
	if p.cfg.Files == nil {
		return whatsapp.MediaID{}, errNoFiles
	}
	if known, ok := p.cfg.Files.(Forgetter); ok && r.Fresh {
		if err := known.ForgetMetaID(ctx, r.Contact, media); err != nil {
			return whatsapp.MediaID{}, err
		}
	}
	return p.cfg.Files.MetaID(ctx, r.Contact, media)
}

// claim marks the row as posting, durably. It reports false if it must not be posted.
func (p *Pipeline) claim(ctx context.Context, key []byte, r *row, l *load) (ok bool, err error) {
	return p.gate(ctx, key, r, l, true)
}

// gate is the last look at a row before it leaves: whether it still waits, whether the window is open, whether the
// customer still agrees. A row that must not leave any more is shown as failed.
func (p *Pipeline) gate(ctx context.Context, key []byte, r *row, l *load, leave bool) (ok bool, err error) {
	err = p.cfg.DB.Update(ctx, p.shard, func(tx ledger.Tx) error {
		ok = false
		at := inbox.At(p.cfg.Now())
		now, there, err := rowAt(tx, key)
		if err != nil || !there || now.State != waiting || now.Due > at { // the queue was read a moment ago
			return err
		}
		c, known, err := conversationOf(tx, l.about)
		if err != nil {
			return err
		}
		l.begins = known && !c.WindowOpen(at)
		switch {
		case l.category == 0 && l.begins: // it closed while the message waited
			return fail(tx, r.Message, inbox.FailWindow, at)
		case l.category != 0 && known && !c.Consent.Allows(l.category): // withdrawn while the message waited
			return fail(tx, r.Message, inbox.FailStopped, at)
		}
		ok = true
		if !leave {
			return nil
		}
		now.State, now.Tries, now.Fresh = posting, now.Tries+1, false
		*r = now
		return putRow(tx, key, now)
	})
	return ok && err == nil, err
}

// conversationOf returns the conversation a message belongs to, or where that goes on now, and whether there is one: what
// the customer wrote and stopped since is known there.
func conversationOf(tx ledger.Tx, about inbox.MessageID) (c inbox.Conversation, ok bool, err error) {
	m, ok, err := eventlog.Message(tx, about)
	if err != nil || !ok {
		return c, false, err
	}
	c, ok, err = eventlog.Conversation(tx, m.Conversation)
	for err == nil && ok && c.Into != "" { // always an older contact's, so this ends
		c, ok, err = eventlog.Conversation(tx, c.Into)
	}
	return c, ok, err
}

// wamid returns Meta's id of a message of the contact; zero if it is not known.
func (p *Pipeline) wamid(ctx context.Context, contact inbox.ContactID, message inbox.MessageID) (whatsapp.MessageID, error) {
	if message == "" {
		return whatsapp.MessageID{}, nil
	}
	var sealed []byte
	err := p.cfg.DB.View(ctx, p.shard, func(tx ledger.Tx) (err error) {
		sealed, err = tx.Get(bucketWamid, []byte(message))
		return err
	})
	if err != nil {
		return whatsapp.MessageID{}, err
	}
	return openWamid(ctx, p.cfg.Vault, contact, message, sealed)
}
