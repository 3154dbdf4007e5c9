package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
)

// Erasing. One transaction takes everything away that leads to the contact or is known of him, and leaves two rows: that
// he was erased, for good, and that his keys are yet to be destroyed. Then he is put on the roll (roll.go), then the key
// file is rewritten without them, then the second row goes. A crash after the first step loses none of the others: the
// next start finds the row.

const (
	bucketErased  = "erased"  // contact id -> nothing: was erased
	bucketErasing = "erasing" // contact id -> nothing: his key is yet to be destroyed
)

var (
	// ErrErased means that the contact was erased: nothing is known of him any more, and nothing sealed for him opens.
	ErrErased = errors.New("the contact was erased")
	// ErrUnfinished means that an act is in force but keys it was to destroy may still be there. The next start, rotation or
	// repetition of the act finishes it.
	ErrUnfinished = errors.New("keys are yet to be destroyed")
	// ErrNoKeyFile means that the vault was opened without a key file and cannot destroy keys.
	ErrNoKeyFile = errors.New("the vault has no key file")
)

// Erase makes a contact, and every other one that turned out to be the same, unreadable for good: their keys are
// destroyed, with all look-up hashes and records. When it returns nil, that is durable. From the first step on everything
// asked about them is answered by ErrErased, and a message from the same number makes a new contact.
//
// It may be repeated, and finishes by itself after a crash. It returns ErrUnknownContact if there is no such contact,
// ErrNoKeyFile, and ErrUnfinished if the contact is forgotten but his keys are not destroyed yet.
//
// What was sealed for him stays where others keep it, as noise. The ledger's free pages hold deleted look-up hashes until
// it is rebuilt: who has the look-up key can test a guess of a number against them.
func (v *Vault) Erase(ctx context.Context, id inbox.ContactID) error {
	return v.EraseAll(ctx, []inbox.ContactID{id})
}

// EraseAll is Erase for several contacts at the price of one: the key file is rewritten once. Unknown ones are reported
// by ErrUnknownContact after the others were erased. For the replay of erasures after a restore it takes what
// [Vault.Returned] returned, none of whom is unknown to it.
func (v *Vault) EraseAll(ctx context.Context, ids []inbox.ContactID) error {
	if v.keys.ring == nil {
		return fmt.Errorf("erasing a contact: %w", ErrNoKeyFile)
	}
	var gone []inbox.ContactID
	var unknown bool
	err := v.db.Update(ctx, Shard, func(tx ledger.Tx) error {
		var blind []inbox.ContactID
		gone, unknown = nil, false
		for _, id := range ids {
			same, unread, err := v.forget(tx, id)
			if errors.Is(err, ErrUnknownContact) {
				unknown = true
			} else if err != nil {
				return err
			}
			gone, blind = append(gone, same...), append(blind, unread...)
		}
		return unlead(tx, blind)
	})
	if err != nil {
		return fmt.Errorf("erasing a contact: %w", err)
	}
	v.cache.forget(gone)
	if err := v.rewrite(ctx, change{}, false); err != nil {
		return fmt.Errorf("erasing a contact: %w: %w", ErrUnfinished, err)
	}
	if unknown {
		return fmt.Errorf("erasing a contact: %w", ErrUnknownContact)
	}
	return nil
}

// Erased reports whether the contact was erased and his keys are destroyed. If that cannot be told, it says no.
func (v *Vault) Erased(ctx context.Context, id inbox.ContactID) bool {
	erased := false
	err := v.db.View(ctx, Shard, func(tx ledger.Tx) error {
		erased = false
		done, err := tx.Get(bucketErased, []byte(id))
		if err != nil || done == nil {
			return err
		}
		pending, err := tx.Get(bucketErasing, []byte(id))
		erased = pending == nil && err == nil
		return err
	})
	return err == nil && erased
}

// ErasedContacts returns the ids of all contacts that were ever erased, in no order that means anything, also those
// erased after the ledger's last backup if a backup was restored. Errors: the ledger's.
func (v *Vault) ErasedContacts(ctx context.Context) ([]inbox.ContactID, error) {
	ids, err := v.buried(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing erased contacts: %w", err)
	}
	if v.roll != nil {
		ids = append(ids, v.roll.all()...)
		slices.Sort(ids)
		ids = slices.Compact(ids)
	}
	return ids, nil
}

// forget takes a contact and its twins out of the shard and returns all of them, and those among them whose records could
// not be read: what leads to them is still there. A contact that was erased before is returned alone.
func (v *Vault) forget(tx ledger.Tx, id inbox.ContactID) (same, blind []inbox.ContactID, err error) {
	c, err := v.load(tx, id)
	for err == nil && c.rec.Into != "" {
		c, err = v.load(tx, c.rec.Into)
	}
	alone := []inbox.ContactID{id}
	switch {
	case errors.Is(err, ErrErased):
		if v.keys.ring.has(digestOf(id)) { // an older key file was restored
			return alone, nil, v.bury(tx, id)
		}
		return alone, nil, nil
	case errors.Is(err, ErrUnknownContact):
		// A key or a row alone is what a restored backup can leave; one who is on the roll was never anything else.
		row, rerr := tx.Get(bucketContact, []byte(id))
		if rerr != nil || row == nil && (id == "" || !v.keys.ring.has(digestOf(id)) && !v.roll.has(id)) {
			return nil, nil, errors.Join(err, rerr)
		}
		return alone, alone, v.bury(tx, id)
	case err != nil:
		return nil, nil, err
	}
	same = append([]inbox.ContactID{c.id}, c.rec.Twins...)
	for _, id := range same {
		m, err := v.load(tx, id)
		if errors.Is(err, ErrUnknownContact) || errors.Is(err, ErrErased) {
			if err := v.bury(tx, id); err != nil {
				return nil, nil, err
			}
			blind = append(blind, id)
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		for _, n := range v.everyName(m.rec) {
			owner, err := tx.Get(bucketFind, n[:])
			if err != nil {
				return nil, nil, err
			}
			if slices.Contains(same, inbox.ContactID(owner)) { // a number given up may be somebody else's by now
				if err := tx.Delete(bucketFind, n[:]); err != nil {
					return nil, nil, err
				}
			}
		}
		if err := tx.Delete(bucketAlias, []byte(m.rec.Alias)); err != nil {
			return nil, nil, err
		}
		if err := v.bury(tx, id); err != nil {
			return nil, nil, err
		}
	}
	return same, blind, nil
}

// unlead deletes every row that leads to contacts whose records cannot tell which those are.
func unlead(tx ledger.Tx, ids []inbox.ContactID) error {
	if len(ids) == 0 {
		return nil
	}
	of := make(map[inbox.ContactID]bool, len(ids))
	for _, id := range ids {
		of[id] = true
	}
	for _, bucket := range []string{bucketFind, bucketAlias} {
		var keys [][]byte
		for key, id := range tx.Scan(bucket, nil, nil) {
			if of[inbox.ContactID(id)] {
				keys = append(keys, bytes.Clone(key))
			}
		}
		if err := tx.Err(); err != nil {
			return err
		}
		for _, key := range keys {
			if err := tx.Delete(bucket, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// bury replaces a contact's record by the two rows that say he is being erased.
func (v *Vault) bury(tx ledger.Tx, id inbox.ContactID) error {
	return errors.Join(tx.Delete(bucketContact, []byte(id)), tx.Put(bucketErased, []byte(id), nil), tx.Put(bucketErasing, []byte(id), nil))
}

// everyName returns the keyed hash of everything that ever led to a contact.
func (v *Vault) everyName(r record) (all []name) {
	for kind, values := range map[string][]string{
		kindPhone: r.Phones, kindUser: r.UserIDs, kindParent: r.Parents, kindUsername: r.Users, kindEmail: r.Emails,
	} {
		for _, s := range values {
			all = append(all, v.Hash(kind, s))
		}
	}
	return all
}

// rewrite writes the key file anew without the keys of those being erased, if there are any or anyway says so.
func (v *Vault) rewrite(ctx context.Context, c change, anyway bool) error {
	v.rewriting.Lock() // those who waited here find their contacts gone already
	defer v.rewriting.Unlock()
	var ids []inbox.ContactID
	err := v.db.View(ctx, Shard, func(tx ledger.Tx) error {
		ids = nil
		for id := range tx.Scan(bucketErasing, nil, nil) {
			ids = append(ids, inbox.ContactID(id))
		}
		return nil
	})
	if err != nil || len(ids) == 0 && !anyway {
		return err
	}
	c.drop = make(map[digest]bool, len(ids))
	for _, id := range ids {
		c.drop[digestOf(id)] = true
	}
	if err := v.roll.add(ids); err != nil { // who is on it was erased, whatever is restored later
		return err
	}
	if begun, err := v.keys.ring.rewrite(c); err != nil {
		if begun {
			err = fmt.Errorf("%w: %w", ErrUnfinished, err)
		}
		return err
	}
	if len(ids) == 0 {
		return nil
	}
	err = v.db.Update(ctx, Shard, func(tx ledger.Tx) error {
		for _, id := range ids {
			if err := tx.Delete(bucketErasing, []byte(id)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnfinished, err)
	}
	v.log.InfoContext(ctx, "keys of erased contacts were destroyed", "contacts", len(ids))
	return nil
}
