package vault

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/mask"
)

// Shard is the ledger's shard the vault lives in.
const Shard = "vault"

// The buckets of the shard, beside the one of keys.go.
const (
	bucketMeta    = "meta"
	bucketContact = "contact" // contact id -> record, sealed under the contact's key
	bucketFind    = "find"    // keyed hash of an identifier -> contact id
	bucketAlias   = "alias"   // alias -> contact id
)

var keyCheck = []byte("check")

var (
	// ErrUnknownContact means that the vault has no such contact.
	ErrUnknownContact = errors.New("no such contact")
	// ErrNobody means that an identity holds nothing a contact can be found by.
	ErrNobody = errors.New("identity is empty")
	// ErrSealed means that a value was not sealed for this contact, bucket and key.
	ErrSealed = errors.New("value does not open for this contact")
)

// Config is how a vault is opened.
type Config struct {
	Policy  mask.Policy
	Company []string     // the company's own numbers (E.164 digits) and addresses: never masked
	Log     *slog.Logger // nil: nothing is logged
	Cache   int          // contacts held in memory; 0: 8,192, about 30 MB
}

const defaultCache = 8192

// A Vault keeps the contacts of one company. Make it with [Open].
type Vault struct {
	db      ledger.DB
	policy  mask.Policy
	company []string
	log     *slog.Logger
	keys    *keys
	hashes  *seal.Sealer
	cache   *cache
}

// Open opens the vault in its shard of db, which it makes if there is none. It returns ErrMaster if master is no key
// or not the one the vault was made with. The caller closes db.
func Open(ctx context.Context, db ledger.DB, master Master, cfg Config) (*Vault, error) {
	if master.IsZero() {
		return nil, fmt.Errorf("opening the vault: %w", ErrMaster)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Cache <= 0 {
		cfg.Cache = defaultCache
	}
	hashes, err := seal.New(master.derive("lookup"), seal.Scope{Store: []byte(Shard), Schema: 1})
	if err != nil {
		return nil, fmt.Errorf("opening the vault: %w", err)
	}
	ring, err := newKeys(master)
	if err != nil {
		return nil, fmt.Errorf("opening the vault: %w", err)
	}
	check := hashes.Check()
	err = db.Update(ctx, Shard, func(tx ledger.Tx) error {
		have, err := tx.Get(bucketMeta, keyCheck)
		if err != nil {
			return err
		}
		if have == nil {
			return tx.Put(bucketMeta, keyCheck, check[:])
		}
		if hashes.Verify(have) != nil {
			return ErrMaster
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("opening the vault: %w", err)
	}
	return &Vault{
		db: db, policy: cfg.Policy, company: cfg.Company, log: cfg.Log, keys: ring, hashes: hashes,
		cache: newCache(cfg.Cache),
	}, nil
}

// Hash returns the keyed hash of a value, for look-ups by exact value. The same value has another hash under another
// kind; kinds are constants of the program. Without the master key a hash tells nothing.
func (v *Vault) Hash(kind, value string) [16]byte { return v.hashes.Name(kind, []byte(value)) }

// Resolve finds the contact an identity belongs to, by any of its identifiers, or makes one with a fresh id, alias and
// key. Identifiers it did not know lead to the same contact from then on. It returns the contact's card and whether
// that differs from before; a new contact's does.
//
// When the identifiers lead to two contacts, they have turned out to be one: the older one is returned, all the
// identifiers given lead to it from then on, and the event is logged. What was written under the younger one stays
// there.
//
// It returns ErrNobody for an identity without identifiers, and the ledger's errors.
func (v *Vault) Resolve(ctx context.Context, identity Identity, at inbox.Moment) (card inbox.Contact, changed bool, err error) {
	identity = identity.normal()
	names, sure := v.names(identity)
	if len(names) == 0 {
		return inbox.Contact{}, false, fmt.Errorf("resolving a contact: %w", ErrNobody)
	}
	if c := v.cache.find(names); c != nil && c.rec.tells(identity) {
		return c.card, false, nil
	}
	// Reading is cheaper than writing, and after a start most contacts are old ones.
	var known *contact
	err = v.db.View(ctx, Shard, func(tx ledger.Tx) error {
		ids, err := find(tx, names)
		if err == nil && len(ids) == 1 {
			known, err = v.load(tx, ids[0])
		}
		return err
	})
	if err != nil {
		return inbox.Contact{}, false, fmt.Errorf("resolving a contact: %w", err)
	}
	if known != nil && known.rec.tells(identity) {
		v.cache.put(known)
		return known.card, false, nil
	}
	var before, after *contact
	var twins []inbox.ContactID
	err = v.db.Update(ctx, Shard, func(tx ledger.Tx) error {
		before, after, twins = nil, nil, nil
		ids, err := find(tx, names[:sure])
		if err != nil {
			return err
		}
		for _, id := range ids {
			c, err := v.load(tx, id)
			if err != nil {
				return err
			}
			if before == nil || c.rec.Since < before.rec.Since || c.rec.Since == before.rec.Since && c.id < before.id {
				before = c
			}
		}
		if len(ids) > 1 {
			twins = ids
		}
		if before == nil {
			after, err = v.create(tx, identity, at)
		} else if rec := before.rec.with(identity); !before.rec.tells(identity) {
			after, err = v.save(tx, before, rec)
		} else {
			after = before
		}
		if err != nil {
			return err
		}
		for _, f := range names {
			if have, err := tx.Get(bucketFind, f[:]); err != nil {
				return err
			} else if string(have) == string(after.id) {
				continue
			}
			if err := tx.Put(bucketFind, f[:], []byte(after.id)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return inbox.Contact{}, false, fmt.Errorf("resolving a contact: %w", err)
	}
	for _, id := range twins {
		if id != after.id {
			v.cache.drop(id)
			v.log.WarnContext(ctx, "two contacts are one", "contact", string(after.id), "twin", string(id))
		}
	}
	v.cache.put(after)
	return after.card, before == nil || !sameCard(before.card, after.card), nil
}

// Identity returns what WhatsApp knows the contact by. It is for sending, and for nothing an agent can see. It returns
// ErrUnknownContact if there is no such contact.
func (v *Vault) Identity(ctx context.Context, id inbox.ContactID) (Identity, error) {
	c, err := v.get(ctx, id)
	if err != nil {
		return Identity{}, fmt.Errorf("looking up an identity: %w", err)
	}
	return c.rec.identity(), nil
}

// Card returns what agents see of the contact. It returns ErrUnknownContact if there is no such contact.
func (v *Vault) Card(ctx context.Context, id inbox.ContactID) (inbox.Contact, error) {
	c, err := v.get(ctx, id)
	if err != nil {
		return inbox.Contact{}, fmt.Errorf("looking up a card: %w", err)
	}
	return c.card, nil
}

// Mask masks a text the contact wrote, with all that is known of him, and remembers the identifiers found in it, under
// his key: from then on they are hidden in every disguise. It returns whether the card differs from before, which it
// does when the first address was learnt. It returns ErrUnknownContact if there is no such contact.
func (v *Vault) Mask(ctx context.Context, id inbox.ContactID, text string) (m inbox.Masked, changed bool, err error) {
	return v.mask(ctx, id, text, v.policy.Text)
}

// MaskFileName is Mask for the name of a file the contact sent.
func (v *Vault) MaskFileName(ctx context.Context, id inbox.ContactID, name string) (m inbox.Masked, changed bool, err error) {
	return v.mask(ctx, id, name, v.policy.FileName)
}

// MaskOurs masks a text somebody of the company wrote to the contact or about him. It learns nothing: a colleague's
// address is not the contact's. It returns ErrUnknownContact if there is no such contact.
func (v *Vault) MaskOurs(ctx context.Context, id inbox.ContactID, text string) (inbox.Masked, error) {
	c, err := v.get(ctx, id)
	if err != nil {
		return inbox.Masked{}, fmt.Errorf("masking a text: %w", err)
	}
	m, _ := v.policy.Text(text, c.known)
	return m, nil
}

type masker func(string, mask.Known) (inbox.Masked, []mask.Found)

func (v *Vault) mask(ctx context.Context, id inbox.ContactID, text string, f masker) (inbox.Masked, bool, error) {
	c, err := v.get(ctx, id)
	if err != nil {
		return inbox.Masked{}, false, fmt.Errorf("masking a text: %w", err)
	}
	m, found := f(text, c.known)
	if _, news := c.rec.learnt(found); !news {
		return m, false, nil
	}
	var before, after *contact
	err = v.db.Update(ctx, Shard, func(tx ledger.Tx) error {
		before, after = nil, nil
		c, err := v.load(tx, id)
		if err != nil {
			return err
		}
		before, after = c, c
		if rec, news := c.rec.learnt(found); news {
			after, err = v.save(tx, c, rec)
		}
		return err
	})
	if err != nil {
		return inbox.Masked{}, false, fmt.Errorf("remembering what a text held: %w", err)
	}
	v.cache.put(after)
	return m, !sameCard(before.card, after.card), nil
}

// Seal seals a value another room keeps of the contact, bound to the contact, the bucket and the key it is kept under.
// It returns ErrUnknownContact if there is no such contact.
func (v *Vault) Seal(ctx context.Context, id inbox.ContactID, bucket string, key, plain []byte) ([]byte, error) {
	c, err := v.get(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("sealing for a contact: %w", err)
	}
	return c.sealer.Seal(nil, place(bucket, key), plain), nil
}

// Open opens what Seal sealed. It returns ErrSealed if the value was not sealed for this contact, bucket and key, and
// ErrUnknownContact if there is no such contact.
func (v *Vault) Open(ctx context.Context, id inbox.ContactID, bucket string, key, sealed []byte) ([]byte, error) {
	c, err := v.get(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("opening for a contact: %w", err)
	}
	plain, err := c.sealer.Open(nil, place(bucket, key), sealed)
	if err != nil {
		return nil, fmt.Errorf("opening for a contact: %w: %w", ErrSealed, err)
	}
	return plain, nil
}

// get returns a contact from memory, else from the ledger.
func (v *Vault) get(ctx context.Context, id inbox.ContactID) (*contact, error) {
	if c := v.cache.get(id); c != nil {
		return c, nil
	}
	if id == "" {
		return nil, ErrUnknownContact
	}
	var c *contact
	err := v.db.View(ctx, Shard, func(tx ledger.Tx) (err error) {
		c, err = v.load(tx, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	v.cache.put(c)
	return c, nil
}

// find returns the contacts the identifiers lead to, each once.
func find(tx ledger.Tx, names []name) ([]inbox.ContactID, error) {
	var ids []inbox.ContactID
next:
	for _, f := range names {
		row, err := tx.Get(bucketFind, f[:])
		if err != nil {
			return nil, err
		}
		if row == nil {
			continue
		}
		for _, have := range ids {
			if have == inbox.ContactID(row) {
				continue next
			}
		}
		ids = append(ids, inbox.ContactID(row))
	}
	return ids, nil
}

func (v *Vault) load(tx ledger.Tx, id inbox.ContactID) (*contact, error) {
	row, err := tx.Get(bucketContact, []byte(id))
	if err != nil {
		return nil, err
	}
	if row == nil {
		return nil, ErrUnknownContact
	}
	key, err := v.keys.load(tx, id)
	if errors.Is(err, errNoKey) {
		return nil, ErrUnknownContact // erased: without its key a row is noise
	}
	if err != nil {
		return nil, err
	}
	sealer, err := contactSealer(key, id)
	if err != nil {
		return nil, err
	}
	plain, err := sealer.Open(nil, place(bucketContact, nil), row)
	if err != nil {
		return nil, fmt.Errorf("opening a contact's record: %w", err)
	}
	var rec record
	if err := cbor.Unmarshal(plain, &rec); err != nil {
		return nil, errors.New("a contact's record is malformed") // the decoder's error may quote it
	}
	return v.contact(id, rec, sealer), nil
}

// contactSealer makes the hand that seals for one contact. It uses one bucket, with the callers' buckets inside the
// key: thousands of contacts are in memory at once, and each bucket costs two ciphers.
func contactSealer(key seal.Key, id inbox.ContactID) (*seal.Bucket, error) {
	s, err := seal.New(key, seal.Scope{Store: []byte(id), Schema: 1})
	if err != nil {
		return nil, err
	}
	return s.Bucket(Shard), nil
}

func (v *Vault) create(tx ledger.Tx, identity Identity, at inbox.Moment) (*contact, error) {
	id := inbox.NewID[inbox.ContactID]()
	key, err := v.keys.create(tx, id)
	if err != nil {
		return nil, err
	}
	sealer, err := contactSealer(key, id)
	if err != nil {
		return nil, err
	}
	var alias string
	for {
		alias = newAlias()
		taken, err := tx.Get(bucketAlias, []byte(alias))
		if err != nil {
			return nil, err
		}
		if taken == nil {
			break
		}
	}
	if err := tx.Put(bucketAlias, []byte(alias), []byte(id)); err != nil {
		return nil, err
	}
	return v.save(tx, &contact{id: id, sealer: sealer}, record{Alias: alias, Since: at}.with(identity))
}

// save writes the next version of a contact's record.
func (v *Vault) save(tx ledger.Tx, c *contact, rec record) (*contact, error) {
	rec.Version = c.rec.Version + 1
	plain, err := recordMode.Marshal(rec)
	if err != nil {
		return nil, errors.New("a contact's record cannot be encoded")
	}
	if err := tx.Put(bucketContact, []byte(c.id), c.sealer.Seal(nil, place(bucketContact, nil), plain)); err != nil {
		return nil, err
	}
	return v.contact(c.id, rec, c.sealer), nil
}
