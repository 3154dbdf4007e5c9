package vault

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
	"sealdesk/sync/relay/internal/ledger"
)

// The keys of the contacts: where they are kept, and how they came there. They live in a key file (ring.go). A vault
// without one keeps each, wrapped, in a row of its shard, which was the only way once: such rows are taken into the key
// file by the first start that has one.
//
// Deleting those rows does not erase them: bbolt keeps deleted values in its free pages, and whoever has the ledger file
// and the master can unwrap what he finds there. A contact who came before the key file and is erased after is out of
// reach of such a person only once the ledger was rebuilt into a new file and the old one
// destroyed.

const bucketKey = "key"

var keyVault = []byte("keys") // in bucketMeta: the id of the vault whose key file belongs to this ledger

var errNoKey = errors.New("no key for the contact")

// keys is one of two: ring is nil in a vault without a key file.
type keys struct {
	rows *seal.Bucket
	ring *ring
}

func rowKeys(m Master) (*keys, error) {
	s, err := seal.New(m.derive("kek"), seal.Scope{Store: []byte("vault"), Schema: 1})
	if err != nil {
		return nil, err
	}
	return &keys{rows: s.Bucket(bucketKey)}, nil
}

// reserve returns the id of a new contact, before the transaction that makes it: its key is durable by then, if it is in
// the key file.
func (k *keys) reserve() (inbox.ContactID, error) {
	if k.ring != nil {
		return k.ring.reserve()
	}
	return inbox.NewID[inbox.ContactID](), nil
}

// release takes back an id no contact was made of.
func (k *keys) release(id inbox.ContactID) {
	if k.ring != nil {
		k.ring.release(id)
	}
}

// create returns the key of a new contact.
func (k *keys) create(tx ledger.Tx, id inbox.ContactID) (seal.Key, error) {
	if k.ring != nil {
		return k.ring.key(digestOf(id))
	}
	secret := make([]byte, seal.KeySize)
	defer clear(secret)
	rand.Read(secret)
	if err := tx.Put(bucketKey, []byte(id), k.rows.Seal(nil, []byte(id), secret)); err != nil {
		return seal.Key{}, fmt.Errorf("keeping a contact's key: %w", err)
	}
	return seal.NewKey(secret)
}

// load returns the key of a contact, errNoKey if there is none.
func (k *keys) load(tx ledger.Tx, id inbox.ContactID) (seal.Key, error) {
	if k.ring != nil {
		return k.ring.key(digestOf(id))
	}
	wrapped, err := tx.Get(bucketKey, []byte(id))
	if err != nil {
		return seal.Key{}, fmt.Errorf("looking for a contact's key: %w", err)
	}
	if wrapped == nil {
		return seal.Key{}, errNoKey
	}
	return k.unwrap(id, wrapped)
}

func (k *keys) unwrap(id inbox.ContactID, wrapped []byte) (seal.Key, error) {
	secret, err := k.rows.Open(nil, []byte(id), wrapped)
	if err != nil {
		return seal.Key{}, fmt.Errorf("unwrapping a contact's key: %w", err)
	}
	defer clear(secret)
	return seal.NewKey(secret)
}

// openKeys finds or makes the keys of the vault in db, and returns with them the sealer of its keyed hashes.
func openKeys(ctx context.Context, db ledger.DB, m Master, d disk, name string, log *slog.Logger) (*keys, *seal.Sealer, error) {
	var check, id []byte
	var rows bool
	err := db.View(ctx, Shard, func(tx ledger.Tx) (err error) {
		rows = false
		if check, err = tx.Get(bucketMeta, keyCheck); err != nil {
			return err
		}
		if id, err = tx.Get(bucketMeta, keyVault); err != nil {
			return err
		}
		for range tx.Scan(bucketKey, nil, nil) {
			rows = true
			break
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	derived, err := hasher(m.derive("lookup"))
	if err != nil {
		return nil, nil, err
	}
	k, err := rowKeys(m)
	if err != nil {
		return nil, nil, err
	}
	if name == "" {
		switch {
		case id != nil:
			return nil, nil, fmt.Errorf("%w: this vault has a key file, none was named", ErrKeys)
		case check != nil && derived.Verify(check) != nil:
			return nil, nil, ErrMaster
		case check == nil:
			err = putMeta(ctx, db, derived, nil)
		}
		return k, derived, err
	}

	k.ring, err = openRing(d, name, m, log)
	fresh := errors.Is(err, fs.ErrNotExist)
	switch {
	case (fresh || errors.Is(err, errNoKeyFile)) && id == nil:
		s := newSafe(nil, m.derive("ledger").Bytes())
		if check != nil {
			if fresh && derived.Verify(check) != nil {
				return nil, nil, ErrMaster
			}
			s.Lookup = m.derive("lookup").Bytes() // rows are found by it already
		}
		k.ring, err = createRing(d, name, m, s, log)
	case fresh:
		err = fmt.Errorf("%w: the key file and its safe are missing", ErrKeys)
	}
	if err != nil {
		return nil, nil, err
	}
	lookup, err := seal.NewKey(k.ring.safe.Lookup)
	if err != nil {
		return nil, nil, err
	}
	hashes, err := hasher(lookup)
	if err != nil {
		return nil, nil, err
	}
	if id != nil && string(id) != string(k.ring.safe.Vault) || check != nil && hashes.Verify(check) != nil {
		return nil, nil, fmt.Errorf("%w: the key file is another vault's", ErrKeys)
	}
	if rows {
		if err := k.adopt(ctx, db); err != nil {
			return nil, nil, err
		}
	}
	if rows || id == nil {
		err = putMeta(ctx, db, hashes, k.ring.safe.Vault)
	}
	return k, hashes, err
}

func hasher(key seal.Key) (*seal.Sealer, error) {
	return seal.New(key, seal.Scope{Store: []byte(Shard), Schema: 1})
}

// putMeta remembers which keys the rows of the shard are under. With a key file, no row holds a key from then on.
func putMeta(ctx context.Context, db ledger.DB, hashes *seal.Sealer, id []byte) error {
	check := hashes.Check()
	return db.Update(ctx, Shard, func(tx ledger.Tx) error {
		if err := tx.Put(bucketMeta, keyCheck, check[:]); err != nil || id == nil {
			return err
		}
		if err := tx.Put(bucketMeta, keyVault, id); err != nil {
			return err
		}
		return tx.Drop(bucketKey)
	})
}

// adopt takes the keys the rows hold into the key file. Doing it again changes nothing.
func (k *keys) adopt(ctx context.Context, db ledger.DB) error {
	found := map[digest]seal.Key{}
	defer func() {
		for _, key := range found {
			key.Destroy()
		}
	}()
	err := db.View(ctx, Shard, func(tx ledger.Tx) error {
		for id, wrapped := range tx.Scan(bucketKey, nil, nil) {
			key, err := k.unwrap(inbox.ContactID(id), wrapped)
			if err != nil {
				return err
			}
			found[digestOf(inbox.ContactID(id))] = key
		}
		return tx.Err()
	})
	if err != nil {
		return fmt.Errorf("taking keys into the key file: %w", err)
	}
	if begun, err := k.ring.rewrite(change{add: found}); err != nil {
		for d := range found {
			if !begun || !k.ring.has(d) {
				return fmt.Errorf("taking keys into the key file: %w", err)
			}
		}
	}
	return nil
}

// splitKeyFile returns the folder and the name of a key file.
func splitKeyFile(path string) (disk, string) { return folder(filepath.Dir(path)), filepath.Base(path) }
