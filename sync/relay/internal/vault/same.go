package vault

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
)

// A Standing is how things stand with a contact whom conversations show.
type Standing struct {
	Card    inbox.Contact
	Version uint64            // grows with every change; a card of a smaller one is older
	Twins   []inbox.ContactID // the younger contacts that turned out to be this one
	Pending bool              // conversations may not know all of this; see [Vault.Told]
}

// Standing returns how things stand with a contact, or with the older one it turned out to be. It returns
// ErrUnknownContact if there is no such contact.
func (v *Vault) Standing(ctx context.Context, id inbox.ContactID) (Standing, error) {
	c, err := v.elder(ctx, id)
	if err != nil {
		return Standing{}, fmt.Errorf("looking up a contact: %w", err)
	}
	return Standing{Card: c.card, Version: c.rec.Version, Twins: c.rec.Twins, Pending: c.rec.Pending}, nil
}

// Told says that every conversation knows the contact as of a version. It changes nothing if there has been news since.
func (v *Vault) Told(ctx context.Context, id inbox.ContactID, version uint64) error {
	var after *contact
	err := v.db.Update(ctx, Shard, func(tx ledger.Tx) error {
		after = nil
		c, err := v.load(tx, id)
		if err != nil || !c.rec.Pending || c.rec.Version != version {
			return err
		}
		rec := c.rec
		rec.Pending = false
		after, err = v.save(tx, c, rec)
		return err
	})
	if err != nil {
		return fmt.Errorf("settling news of a contact: %w", err)
	}
	if after != nil {
		v.cache.put(after)
	}
	return nil
}

// Same returns the contact and every other one that turned out to be the same person, the one that stays first. Who erases
// one erases them all. It returns ErrUnknownContact if there is no such contact.
func (v *Vault) Same(ctx context.Context, id inbox.ContactID) ([]inbox.ContactID, error) {
	c, err := v.elder(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("looking for twins of a contact: %w", err)
	}
	return append([]inbox.ContactID{c.id}, c.rec.Twins...), nil
}

// Teach adds what WhatsApp tells about a contact in passing, such as to whom it delivered a message. Identifiers that
// belong to another contact show that the two are one, as in Resolve. It never changes which number is in use, nor a name,
// and makes no contact. It returns ErrUnknownContact if there is no such contact.
func (v *Vault) Teach(ctx context.Context, id inbox.ContactID, identity Identity, at inbox.Moment) error {
	identity = identity.normal()
	identity.ProfileName = ""
	c, err := v.elder(ctx, id)
	if err != nil {
		return fmt.Errorf("teaching the vault: %w", err)
	}
	if c.rec.holds(identity) {
		return nil
	}
	if _, _, err := v.learn(ctx, identity, at, lesson{of: c.id, gently: true}); err != nil {
		return fmt.Errorf("teaching the vault: %w", err)
	}
	return nil
}

// Moved is Resolve for a contact who WhatsApp says was before and is now: the same contact, older identifiers kept. The
// number he had is his no longer: from then on it may be somebody else's.
func (v *Vault) Moved(ctx context.Context, before, now Identity, at inbox.Moment) (inbox.Contact, error) {
	before, now = before.normal(), now.normal()
	id, ok, err := v.Find(ctx, before, at)
	if err == nil && !ok {
		id, ok, err = v.Find(ctx, now, at)
	}
	if err == nil && !ok {
		var card inbox.Contact
		card, _, err = v.Resolve(ctx, before, at)
		if errors.Is(err, ErrNobody) {
			card, _, err = v.Resolve(ctx, now, at)
		}
		id = card.ID
	}
	if err != nil {
		return inbox.Contact{}, err
	}
	c, err := v.elder(ctx, id)
	if err != nil {
		return inbox.Contact{}, fmt.Errorf("moving a contact: %w", err)
	}
	l := lesson{of: c.id}
	for _, x := range [][2]string{{before.Phone, now.Phone}, {before.UserID, now.UserID}} {
		if x[0] != "" && x[1] != "" && x[0] != x[1] && c.rec.Left[x[0]] < at {
			l.left = append(l.left, x[0])
		}
	}
	if c.rec.tells(now) && len(l.left) == 0 {
		return c.card, nil
	}
	_, after, err := v.learn(ctx, now, at, l)
	if err != nil {
		return inbox.Contact{}, fmt.Errorf("moving a contact: %w", err)
	}
	return after.card, nil
}

// Find returns the contact an identity belongs to, by any of its identifiers, and whether there is one. It changes
// nothing.
func (v *Vault) Find(ctx context.Context, identity Identity, at inbox.Moment) (id inbox.ContactID, ok bool, err error) {
	identity = identity.normal()
	if names, _ := v.names(identity); len(names) == 0 {
		return "", false, nil
	} else if c := v.cache.find(names); c != nil {
		return c.id, true, nil
	}
	err = v.db.View(ctx, Shard, func(tx ledger.Tx) error {
		id, ok = "", false
		owners, err := v.owners(tx, identity, at)
		if c := oldest(owners); c != nil {
			id, ok = c.id, true
		}
		return err
	})
	if err != nil {
		return "", false, fmt.Errorf("looking for a contact: %w", err)
	}
	return id, ok, nil
}

// Country tells where somebody is at home, as [inbox.Contact.Country] does; "" if that cannot be told.
func Country(i Identity) string {
	rec := record{}.with(i.normal())
	return rec.country()
}

// elder returns the contact, or the older one it turned out to be.
func (v *Vault) elder(ctx context.Context, id inbox.ContactID) (*contact, error) {
	for {
		c, err := v.get(ctx, id)
		if err != nil || c.rec.Into == "" {
			return c, err
		}
		id = c.rec.Into // always to an older one, so this ends
	}
}

func older(a, b *contact) bool {
	return a.rec.Since < b.rec.Since || a.rec.Since == b.rec.Since && a.id < b.id
}

func oldest(list []*contact) (c *contact) {
	for _, o := range list {
		if c == nil || older(o, c) {
			c = o
		}
	}
	return c
}

// owners returns the contacts an identity's sure identifiers lead to, each once. A number leads no more to who gave it up
// before the moment.
func (v *Vault) owners(tx ledger.Tx, i Identity, at inbox.Moment) (list []*contact, err error) {
	names, sure := v.names(i)
	phone := name{}
	if i.Phone != "" {
		phone = v.Hash(kindPhone, i.Phone)
	}
	for _, n := range names[:sure] {
		ids, err := find(tx, []name{n})
		if err != nil {
			return nil, err
		}
		if len(ids) == 0 {
			continue
		}
		if slices.ContainsFunc(list, func(c *contact) bool { return c.id == ids[0] }) {
			continue
		}
		c, err := v.load(tx, ids[0])
		if errors.Is(err, ErrUnknownContact) || errors.Is(err, ErrErased) { // who comes back is somebody new
			continue
		}
		if err != nil {
			return nil, err
		}
		if left := c.rec.Left[i.Phone]; n == phone && left != 0 && at > left {
			continue
		}
		list = append(list, c)
	}
	return list, nil
}

// A lesson is how an identity is to be learnt.
type lesson struct {
	of     inbox.ContactID // the contact it is known to be of; "" if only its identifiers tell
	create bool            // make a contact if it leads to none
	gently bool            // only add
	left   []string        // what the contact gave up
}

// learn writes an identity into the record of the contact it belongs to, which becomes one with any other it leads to. It
// returns the contact before, nil if it is new, and after, nil if there is none.
func (v *Vault) learn(ctx context.Context, identity Identity, at inbox.Moment, l lesson) (before, after *contact, err error) {
	names, _ := v.names(identity)
	var fresh inbox.ContactID
	if l.create {
		if fresh, err = v.keys.reserve(); err != nil {
			return nil, nil, err
		}
	}
	var twins []*contact
	err = v.db.Update(ctx, Shard, func(tx ledger.Tx) error {
		before, after, twins = nil, nil, nil
		owners, err := v.owners(tx, identity, at)
		if err != nil {
			return err
		}
		if l.of != "" && !slices.ContainsFunc(owners, func(c *contact) bool { return c.id == l.of }) {
			c, err := v.load(tx, l.of)
			if err != nil {
				return err
			}
			owners = append(owners, c)
		}
		if before = oldest(owners); before == nil {
			if !l.create {
				return nil
			}
			if after, err = v.create(tx, fresh, identity, at); err != nil {
				return err
			}
			return point(tx, names, after.id)
		}
		rec := before.rec
		for _, c := range owners {
			if c != before {
				rec = rec.absorb(c)
				twins = append(twins, c)
			}
		}
		news := len(twins) > 0
		for _, s := range l.left {
			rec.Left, news = with(rec.Left, s, at), true
		}
		if l.of != "" && !l.gently { // he has it again, WhatsApp says
			for _, s := range []string{identity.Phone, identity.UserID} {
				if left := rec.Left[s]; left != 0 && left < at {
					rec.Left = with(rec.Left, s, 0)
				}
			}
		}
		if l.gently {
			if !rec.holds(identity) {
				rec, news = rec.adding(identity), true
			}
		} else if !rec.tells(identity) {
			rec, news = rec.with(identity), true
		}
		after = before
		if news {
			rec.Pending = rec.Pending || len(twins) > 0
			if after, err = v.save(tx, before, rec); err != nil {
				return err
			}
		}
		for _, c := range twins {
			gone := c.rec
			gone.Into, gone.Twins = before.id, nil
			if _, err := v.save(tx, c, gone); err != nil {
				return err
			}
			if err := point(tx, v.allNames(c.rec), before.id); err != nil {
				return err
			}
		}
		lead := identity
		if after.rec.Left[lead.Phone] != 0 {
			lead.Phone = ""
		}
		names, _ := v.names(lead)
		return point(tx, names, after.id)
	})
	if fresh != "" && !errors.Is(err, ledger.ErrUnknown) && (err != nil || after == nil || after.id != fresh) {
		v.keys.release(fresh)
	}
	if err != nil || after == nil {
		return nil, nil, err
	}
	for _, c := range twins {
		v.cache.drop(c.id)
		v.log.WarnContext(ctx, "two contacts are one", "contact", string(after.id), "twin", string(c.id))
	}
	v.cache.put(after)
	return before, after, nil
}

// point lets identifiers lead to a contact.
func point(tx ledger.Tx, names []name, id inbox.ContactID) error {
	for _, n := range names {
		if have, err := tx.Get(bucketFind, n[:]); err != nil {
			return err
		} else if string(have) == string(id) {
			continue
		}
		if err := tx.Put(bucketFind, n[:], []byte(id)); err != nil {
			return err
		}
	}
	return nil
}

// allNames returns the keyed hashes of everything that leads to a contact for sure.
func (v *Vault) allNames(r record) (all []name) {
	add := func(kind string, values []string) {
		for _, s := range values {
			if kind != kindPhone || r.Left[s] == 0 {
				all = append(all, v.Hash(kind, s))
			}
		}
	}
	add(kindUser, r.UserIDs)
	add(kindPhone, r.Phones)
	add(kindParent, r.Parents)
	return all
}

// with returns m with one more entry, without it if at is 0, and leaves m as it is.
func with(m map[string]inbox.Moment, key string, at inbox.Moment) map[string]inbox.Moment {
	m = maps.Clone(m)
	if at == 0 {
		delete(m, key)
		return m
	}
	if m == nil {
		m = map[string]inbox.Moment{}
	}
	m[key] = at
	return m
}

// holds reports whether r has all identifiers of i, in use or not.
func (r *record) holds(i Identity) bool {
	has := func(list []string, s string) bool { return s == "" || slices.Contains(list, s) }
	return has(r.Phones, i.Phone) && has(r.UserIDs, i.UserID) && has(r.Parents, i.ParentUserID) && has(r.Users, i.Username)
}

// adding returns the record with the identifiers of i it does not have, behind those it has.
func (r record) adding(i Identity) record {
	r.Phones, r.UserIDs = behind(r.Phones, i.Phone), behind(r.UserIDs, i.UserID)
	r.Parents, r.Users = behind(r.Parents, i.ParentUserID), behind(r.Users, i.Username)
	return r
}

// behind returns list with those of more it does not have at its end, without changing the given one.
func behind(list []string, more ...string) []string {
	list = slices.Clip(list)
	for _, s := range more {
		if s != "" && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// absorb returns the record with everything that was known of a contact that turned out to be this one.
func (r record) absorb(c *contact) record {
	o := c.rec
	r.Phones, r.UserIDs = behind(r.Phones, o.Phones...), behind(r.UserIDs, o.UserIDs...)
	r.Parents, r.Users = behind(r.Parents, o.Parents...), behind(r.Users, o.Users...)
	r.Emails, r.Numbers, r.Handles = behind(r.Emails, o.Emails...), behind(r.Numbers, o.Numbers...), behind(r.Handles, o.Handles...)
	if r.Name == "" {
		r.Name = o.Name
	}
	for p, at := range o.Left {
		r.Left = with(r.Left, p, at)
	}
	r.Twins = append(append(slices.Clip(r.Twins), c.id), o.Twins...)
	return r
}
