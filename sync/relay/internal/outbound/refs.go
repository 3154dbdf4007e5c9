package outbound

import (
	"context"
	"fmt"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/vault"
	"sealdesk/sync/relay/internal/whatsapp"
)

const (
	bucketByWamid = "wamid"   // keyed hash of a wamid -> our message id
	bucketWamid   = "wamidof" // our message id -> the wamid, sealed under the contact's key
)

// A Ref binds Meta's id of a message to ours, ready to be written in any transaction of the inbox's shard.
type Ref struct {
	hash    [16]byte
	sealed  []byte
	message inbox.MessageID
}

// NewRef prepares the binding. The contact's key must exist.
func NewRef(ctx context.Context, v *vault.Vault, contact inbox.ContactID, wamid whatsapp.MessageID, message inbox.MessageID) (Ref, error) {
	sealed, err := v.Seal(ctx, contact, bucketWamid, []byte(message), []byte(wamid.Reveal()))
	if err != nil {
		return Ref{}, fmt.Errorf("sealing a message reference: %w", err)
	}
	return Ref{hash: v.Hash(bucketByWamid, wamid.Reveal()), sealed: sealed, message: message}, nil
}

// Bind writes the binding.
func (r Ref) Bind(tx ledger.Tx) error {
	if err := tx.Put(bucketByWamid, r.hash[:], []byte(r.message)); err != nil {
		return err
	}
	return tx.Put(bucketWamid, []byte(r.message), r.sealed)
}

// A Lookup finds our message by Meta's id.
type Lookup struct{ hash [16]byte }

// NewLookup prepares the look-up.
func NewLookup(v *vault.Vault, wamid whatsapp.MessageID) Lookup {
	return Lookup{hash: v.Hash(bucketByWamid, wamid.Reveal())}
}

// Key is a key that stands for Meta's id and tells nothing of it.
func (l Lookup) Key() []byte { return l.hash[:] }

// Message returns our id, or "" if the message is not known.
func (l Lookup) Message(tx ledger.Tx) (inbox.MessageID, error) {
	id, err := tx.Get(bucketByWamid, l.hash[:])
	return inbox.MessageID(id), err
}

// Mark lets Meta's id lead to a message of ours without a way back: for things nobody will refer to at Meta.
func (l Lookup) Mark(tx ledger.Tx, message inbox.MessageID) error {
	return tx.Put(bucketByWamid, l.hash[:], []byte(message))
}

// openWamid returns Meta's id of a message of the contact from its sealed row; zero if there is none.
func openWamid(ctx context.Context, v *vault.Vault, contact inbox.ContactID, message inbox.MessageID, sealed []byte) (whatsapp.MessageID, error) {
	if sealed == nil {
		return whatsapp.MessageID{}, nil
	}
	raw, err := v.Open(ctx, contact, bucketWamid, []byte(message), sealed)
	if err != nil {
		return whatsapp.MessageID{}, fmt.Errorf("opening a message reference: %w", err)
	}
	return whatsapp.NewMessageID(string(raw)), nil
}
