package vault

import (
	"crypto/rand"
	"errors"
	"fmt"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
	"sealdesk/sync/relay/internal/ledger"
)

// The keys of the contacts. Everything about where and under what they are kept is in this file: a contact's key is 32
// random bytes, wrapped under the key-encryption key and kept in a row of the vault's shard.

const bucketKey = "key"

var errNoKey = errors.New("no key for the contact")

type keys struct{ wrap *seal.Bucket }

func newKeys(m Master) (*keys, error) {
	s, err := seal.New(m.derive("kek"), seal.Scope{Store: []byte("vault"), Schema: 1})
	if err != nil {
		return nil, err
	}
	return &keys{wrap: s.Bucket(bucketKey)}, nil
}

// create makes and keeps the key of a new contact.
func (k *keys) create(tx ledger.Tx, id inbox.ContactID) (seal.Key, error) {
	secret := make([]byte, seal.KeySize)
	defer clear(secret)
	rand.Read(secret)
	if err := tx.Put(bucketKey, []byte(id), k.wrap.Seal(nil, []byte(id), secret)); err != nil {
		return seal.Key{}, fmt.Errorf("keeping a contact's key: %w", err)
	}
	return seal.NewKey(secret)
}

// load returns the key of a contact, errNoKey if there is none.
func (k *keys) load(tx ledger.Tx, id inbox.ContactID) (seal.Key, error) {
	wrapped, err := tx.Get(bucketKey, []byte(id))
	if err != nil {
		return seal.Key{}, fmt.Errorf("looking for a contact's key: %w", err)
	}
	if wrapped == nil {
		return seal.Key{}, errNoKey
	}
	secret, err := k.wrap.Open(nil, []byte(id), wrapped)
	if err != nil {
		return seal.Key{}, fmt.Errorf("unwrapping a contact's key: %w", err)
	}
	defer clear(secret)
	return seal.NewKey(secret)
}
