package vault

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/mask"
)

// Mask masks a text the contact wrote, with all that is known of him, and remembers the identifiers found in it, under
// his key: from then on they are hidden in every disguise. What is hidden reads "⟦phone 1⟧", the same thing the same way
// in all texts of the contact. It returns whether the card differs from before, which it
// does when the first address was learnt. It returns ErrUnknownContact if there is no such contact, ErrErased if there is
// no more.
func (v *Vault) Mask(ctx context.Context, id inbox.ContactID, text string) (m inbox.Masked, changed bool, err error) {
	changed, err = v.mask(ctx, id, true, func(k mask.Known, t *mask.Tokens) (found []mask.Found) {
		m, found = v.policy.TextWith(text, k, t)
		return found
	})
	if err != nil {
		return inbox.Masked{}, false, err
	}
	return m, changed, nil
}

// MaskJoined is Mask for a text the contact wrote right after others, which may hold parts of one identifier with it. It
// returns how the text looks, and which of the earlier ones look different now. Errors as of Mask.
func (v *Vault) MaskJoined(ctx context.Context, id inbox.ContactID, earlier []mask.Piece, now string) (j mask.Joint, changed bool, err error) {
	changed, err = v.mask(ctx, id, true, func(k mask.Known, t *mask.Tokens) []mask.Found {
		j = v.policy.Joined(earlier, now, k, t)
		return j.Found
	})
	if err != nil {
		return mask.Joint{}, false, err
	}
	return j, changed, nil
}

// MaskFileName is Mask for the name of a file the contact sent. It shows hints, never tokens.
func (v *Vault) MaskFileName(ctx context.Context, id inbox.ContactID, name string) (m inbox.Masked, changed bool, err error) {
	changed, err = v.mask(ctx, id, true, func(k mask.Known, _ *mask.Tokens) (found []mask.Found) {
		m, found = v.policy.FileName(name, k)
		return found
	})
	if err != nil {
		return inbox.Masked{}, false, err
	}
	return m, changed, nil
}

// MaskOurs masks a text somebody of the company wrote to the contact or about him. It learns nothing of the contact: a
// colleague's address is not his. Errors as of Mask.
func (v *Vault) MaskOurs(ctx context.Context, id inbox.ContactID, text string) (m inbox.Masked, err error) {
	_, err = v.mask(ctx, id, false, func(k mask.Known, t *mask.Tokens) (found []mask.Found) {
		m, found = v.policy.TextWith(text, k, t)
		return found
	})
	if err != nil {
		return inbox.Masked{}, err
	}
	return m, nil
}

// MaskOurFileName is MaskOurs for the name of a file.
func (v *Vault) MaskOurFileName(ctx context.Context, id inbox.ContactID, name string) (inbox.Masked, error) {
	c, err := v.elder(ctx, id)
	if err != nil {
		return inbox.Masked{}, fmt.Errorf("masking a file name: %w", err)
	}
	m, _ := v.policy.FileName(name, c.known)
	return m, nil
}

// Known returns all identifiers the contact goes by and has told, for judging what is written to him. It is for nothing
// an agent can see. It returns [ErrUnknownContact] if there is no such contact, [ErrErased] if there is no more.
func (v *Vault) Known(ctx context.Context, id inbox.ContactID) (mask.Known, error) {
	c, err := v.elder(ctx, id)
	if err != nil {
		return mask.Known{}, fmt.Errorf("looking up what is known: %w", err)
	}
	return c.known, nil
}

// mask lets f mask something with what is known of a contact, and keeps what is new: what was found, if it is to be
// learnt, and the tokens given, which must be durable before a text that shows them leaves. f runs again in the
// transaction that keeps them, so that two texts at a time never give one token to two things.
func (v *Vault) mask(ctx context.Context, id inbox.ContactID, learn bool, f func(mask.Known, *mask.Tokens) []mask.Found) (changed bool, err error) {
	c, err := v.elder(ctx, id)
	if err != nil {
		return false, fmt.Errorf("masking a text: %w", err)
	}
	look := func(c *contact) (rec record, news bool, err error) {
		tokens, err := c.table()
		if err != nil {
			return rec, false, err
		}
		tokens = tokens.Fork()
		found := f(c.known, tokens)
		rec = c.rec
		if learn {
			rec, news = rec.learnt(found)
		}
		if tokens.Changed() {
			rec.Tokens, news = tokens.Save(), true
		}
		return rec, news, nil
	}
	if _, news, err := look(c); err != nil || !news {
		return false, err
	}
	var before, after *contact
	err = v.db.Update(ctx, Shard, func(tx ledger.Tx) error {
		before, after = nil, nil
		c, err := v.load(tx, c.id)
		for err == nil && c.rec.Into != "" {
			c, err = v.load(tx, c.rec.Into)
		}
		if err != nil {
			return err
		}
		rec, news, err := look(c)
		before, after = c, c
		if err == nil && news {
			after, err = v.save(tx, c, rec)
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("remembering what a text held: %w", err)
	}
	v.cache.put(after)
	return !sameCard(before.card, after.card), nil
}

// newTable returns how a contact's table of tokens is had, which is read once. A twin's table is not taken over: its hashes
// are of another key, and the tokens in his old texts stay as they are.
func newTable(secret seal.Key, saved []byte) func() (*mask.Tokens, error) {
	return sync.OnceValues(func() (*mask.Tokens, error) {
		b := secret.Bytes()
		defer clear(b)
		t, err := mask.NewTokens(b, saved)
		if err != nil {
			return nil, errors.Join(errors.New("reading a contact's tokens"), err)
		}
		return t, nil
	})
}
