package vault

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

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
	// ErrKeys means that the key file or its safe is damaged, missing where there was one, or not this vault's. No key was
	// changed or made: restore both from a backup of one time.
	ErrKeys = errors.New("key file cannot be used")
)

// Config is how a vault is opened.
type Config struct {
	Policy  mask.Policy
	Company []string     // the company's own numbers (E.164 digits) and addresses: never masked
	Log     *slog.Logger // nil: nothing is logged
	Cache   int          // contacts held in memory; 0: 8,192, about 30 MB

	// KeyFile is the path of the file that holds the contacts' keys; beside it lies its safe, with the suffix ".safe". Both
	// are made by the first start that names them, and take in the keys kept in the ledger until then; from then on the
	// vault opens with them only. The first erasure adds the list of who was erased, with the suffix ".erased"; the first
	// half of a device's key adds a file with the suffix ".devices", and the first that is destroyed its own list beside
	// that. Empty: keys stay in the ledger, where they cannot be destroyed: nobody can be erased.
	KeyFile string

	disk disk // tests
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
	decoy   decoy
	roll    *roll   // nil without a key file
	halves  *halves // likewise

	rewriting sync.Mutex // of the key file and of the rows that say why
}

// Open opens the vault in its shard of db, which it makes if there is none, and finishes what a crash interrupted. It
// returns ErrMaster if master is no key or not the vault's, and ErrKeys if the key file is not what it should be. The
// caller closes db, which must stay open as long as the vault is used.
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
	var name string
	if cfg.KeyFile != "" {
		var d disk
		if d, name = splitKeyFile(cfg.KeyFile); cfg.disk == nil {
			cfg.disk = d
		}
	}
	ring, hashes, err := openKeys(ctx, db, master, cfg.disk, name, cfg.Log)
	if err != nil {
		return nil, fmt.Errorf("opening the vault: %w", err)
	}
	v := &Vault{
		db: db, policy: cfg.Policy, company: cfg.Company, log: cfg.Log, keys: ring, hashes: hashes,
		cache: newCache(cfg.Cache),
	}
	if v.decoy, err = newDecoy(); err != nil {
		return nil, fmt.Errorf("opening the vault: %w", err)
	}
	if ring.ring != nil {
		if v.roll, err = openRoll(cfg.disk, name, ring.ring.safe); err != nil {
			return nil, fmt.Errorf("opening the vault: %w", err)
		}
		if v.halves, err = openHalves(ring.ring, cfg.Log); err != nil {
			return nil, fmt.Errorf("opening the vault: %w", err)
		}
		if err := errors.Join(v.catchUp(ctx), v.rewrite(ctx, change{}, false)); err != nil { // who is being erased stays forgotten meanwhile
			cfg.Log.ErrorContext(ctx, "keys of erased contacts are yet to be destroyed", "err", err)
		}
	}
	return v, nil
}

// Hash returns the keyed hash of a value, for look-ups by exact value. The same value has another hash under another
// kind; kinds are constants of the program. Without the master key a hash tells nothing.
func (v *Vault) Hash(kind, value string) [16]byte { return v.hashes.Name(kind, []byte(value)) }

// Resolve finds the contact an identity belongs to, by any of its identifiers, or makes one with a fresh id, alias and
// key. Identifiers it did not know lead to the same contact from then on. It returns the contact's card and whether
// that differs from before; a new contact's does.
//
// When the identifiers lead to two contacts, they have turned out to be one: the older one is returned, the identifiers of
// both lead to it from then on, and the event is logged. What was sealed for the younger one stays readable; see
// [Vault.Same] and [Vault.Standing].
//
// It returns ErrNobody for an identity without identifiers, and the ledger's errors.
func (v *Vault) Resolve(ctx context.Context, identity Identity, at inbox.Moment) (card inbox.Contact, changed bool, err error) {
	identity = identity.normal()
	names, _ := v.names(identity)
	if len(names) == 0 {
		return inbox.Contact{}, false, fmt.Errorf("resolving a contact: %w", ErrNobody)
	}
	if c := v.cache.find(names); c != nil && c.rec.tells(identity) {
		return c.card, false, nil
	}
	// Reading is cheaper than writing, and after a start most contacts are old ones.
	var known *contact
	err = v.db.View(ctx, Shard, func(tx ledger.Tx) error {
		known = nil
		owners, err := v.owners(tx, identity, at)
		if err != nil || len(owners) != 1 {
			return err
		}
		if ids, err := find(tx, names); err != nil || len(ids) != 1 {
			return err
		}
		known = owners[0]
		return nil
	})
	if err != nil {
		return inbox.Contact{}, false, fmt.Errorf("resolving a contact: %w", err)
	}
	if known != nil && known.rec.tells(identity) {
		v.cache.put(known)
		return known.card, false, nil
	}
	before, after, err := v.learn(ctx, identity, at, lesson{create: true})
	if err != nil {
		return inbox.Contact{}, false, fmt.Errorf("resolving a contact: %w", err)
	}
	return after.card, before == nil || !sameCard(before.card, after.card), nil
}

// Identity returns what WhatsApp knows the contact by, or the older one it turned out to be. It is for sending, and for
// nothing an agent can see. It returns ErrUnknownContact if there is no such contact, ErrErased if there is no more.
func (v *Vault) Identity(ctx context.Context, id inbox.ContactID) (Identity, error) {
	c, err := v.elder(ctx, id)
	if err != nil {
		return Identity{}, fmt.Errorf("looking up an identity: %w", err)
	}
	return c.rec.identity(), nil
}

// Card returns what agents see of the contact. It returns ErrUnknownContact if there is no such contact, ErrErased if
// there is no more.
func (v *Vault) Card(ctx context.Context, id inbox.ContactID) (inbox.Contact, error) {
	c, err := v.elder(ctx, id)
	if err != nil {
		return inbox.Contact{}, fmt.Errorf("looking up a card: %w", err)
	}
	return c.card, nil
}

// Seal seals a value another room keeps of the contact, bound to the contact, the bucket and the key it is kept under.
// It returns ErrUnknownContact if there is no such contact, ErrErased if there is no more.
func (v *Vault) Seal(ctx context.Context, id inbox.ContactID, bucket string, key, plain []byte) ([]byte, error) {
	c, err := v.get(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("sealing for a contact: %w", err)
	}
	return c.sealer.Seal(nil, place(bucket, key), plain), nil
}

// Open opens what Seal sealed for this contact or for one that turned out to be the same. It returns ErrSealed if the
// value was not sealed for this contact, bucket and key, ErrUnknownContact if there is no such contact, and ErrErased if
// there is no more.
func (v *Vault) Open(ctx context.Context, id inbox.ContactID, bucket string, key, sealed []byte) ([]byte, error) {
	c, err := v.get(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("opening for a contact: %w", err)
	}
	plain, wrong := c.sealer.Open(nil, place(bucket, key), sealed)
	if wrong == nil {
		return plain, nil
	}
	same, err := v.Same(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, twin := range same {
		if twin == id {
			continue
		}
		c, err := v.get(ctx, twin)
		if errors.Is(err, ErrUnknownContact) || errors.Is(err, ErrErased) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("opening for a contact: %w", err)
		}
		if plain, err := c.sealer.Open(nil, place(bucket, key), sealed); err == nil {
			return plain, nil
		}
	}
	return nil, fmt.Errorf("opening for a contact: %w: %w", ErrSealed, wrong)
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
	rec, hand, err := v.read(tx, id)
	if err != nil {
		return nil, err
	}
	return v.contact(id, rec, hand), nil
}

// read returns the record of a contact.
func (v *Vault) read(tx ledger.Tx, id inbox.ContactID) (record, hand, error) {
	row, err := tx.Get(bucketContact, []byte(id))
	if err != nil {
		return record{}, hand{}, err
	}
	if row == nil {
		gone, err := tx.Get(bucketErased, []byte(id))
		if err != nil {
			return record{}, hand{}, err
		}
		if gone != nil {
			return record{}, hand{}, ErrErased
		}
		return record{}, hand{}, ErrUnknownContact
	}
	key, err := v.keys.load(tx, id)
	if errors.Is(err, errNoKey) {
		return record{}, hand{}, ErrUnknownContact // without its key a row is noise
	}
	if err != nil {
		return record{}, hand{}, err
	}
	return openRecord(id, row, key)
}

// openRecord opens a contact's sealed record. It destroys the key.
func openRecord(id inbox.ContactID, row []byte, key seal.Key) (rec record, h hand, err error) {
	if h, err = newHand(key, id); err != nil {
		return rec, h, err
	}
	plain, err := h.sealer.Open(nil, place(bucketContact, nil), row)
	if err != nil {
		return rec, h, fmt.Errorf("opening a contact's record: %w", err)
	}
	if err := cbor.Unmarshal(plain, &rec); err != nil {
		return rec, h, errors.New("a contact's record is malformed") // the decoder's error may quote it
	}
	return rec, h, nil
}

// A hand seals for one contact. It uses one bucket, with the callers' buckets inside the key: thousands of contacts are in
// memory at once, and each bucket costs two ciphers.
type hand struct {
	sealer *seal.Bucket
	secret seal.Key // of the table of tokens
}

// newHand makes the hand of a contact of its key, which it destroys.
func newHand(key seal.Key, id inbox.ContactID) (hand, error) {
	defer key.Destroy()
	s, err := seal.New(key, seal.Scope{Store: []byte(id), Schema: 1})
	if err != nil {
		return hand{}, err
	}
	return hand{s.Bucket(Shard), key.Derive("sealdesk/vault/tokens/v1")}, nil
}

func (v *Vault) create(tx ledger.Tx, id inbox.ContactID, identity Identity, at inbox.Moment) (*contact, error) {
	key, err := v.keys.create(tx, id)
	if err != nil {
		return nil, err
	}
	hand, err := newHand(key, id)
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
	return v.save(tx, &contact{id: id, hand: hand}, record{Alias: alias, Since: at}.with(identity))
}

// save writes the next version of a contact's record.
func (v *Vault) save(tx ledger.Tx, c *contact, rec record) (*contact, error) {
	rec.Version = c.rec.Version + 1
	next := v.contact(c.id, rec, c.hand)
	if c.rec.Version > 0 && !sameCard(c.card, next.card) {
		next.rec.Pending = true
	}
	plain, err := recordMode.Marshal(next.rec)
	if err != nil {
		return nil, errors.New("a contact's record cannot be encoded")
	}
	if err := tx.Put(bucketContact, []byte(c.id), c.sealer.Seal(nil, place(bucketContact, nil), plain)); err != nil {
		return nil, err
	}
	for _, addr := range rec.Emails[min(len(c.rec.Emails), len(rec.Emails)):] { // only ever appended to
		n := v.Hash(kindEmail, addr)
		if have, err := tx.Get(bucketFind, n[:]); err != nil {
			return nil, err
		} else if have != nil { // the first to have named it
			continue
		}
		if err := tx.Put(bucketFind, n[:], []byte(c.id)); err != nil {
			return nil, err
		}
	}
	return next, nil
}
