package audit

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
)

// A Witness is a device's word that it was shown a tree of that size and root.
type Witness struct {
	Shard     string         `cbor:"1,keyasint" json:"shard"`
	Size      uint64         `cbor:"2,keyasint" json:"size"`
	Hash      Hash           `cbor:"3,keyasint" json:"hash"`
	Device    inbox.DeviceID `cbor:"4,keyasint" json:"device"`
	Signature []byte         `cbor:"5,keyasint" json:"signature"` // Ed25519 over [Witness.Bytes]
}

// Bytes returns what a device signs: a prefix no other thing has, then deterministic CBOR of shard, size, hash and device.
func (w Witness) Bytes() []byte {
	body, err := cbor.Marshal([]any{w.Shard, w.Size, w.Hash[:], w.Device})
	if err != nil {
		panic("audit: " + err.Error()) // of strings and numbers it cannot fail
	}
	return append([]byte("sealdesk/audit/witness/v1\x00"), body...)
}

// SignedBy says whether the signature is of that key.
func (w Witness) SignedBy(key ed25519.PublicKey) bool {
	return len(key) == ed25519.PublicKeySize && ed25519.Verify(key, w.Bytes(), w.Signature)
}

// keepContradictions is how many witnesses against the tree are kept of one device. They are evidence, but a device must
// not fill the store with them.
const keepContradictions = 16

// Keep stores a witness beside the shard's tree and says whether the tree agrees with it. A witness the tree contradicts
// is kept for good: the log was forked, shortened or put back. Of those it agrees with, the largest of each device is. tx
// is of the witness's shard, and the caller has judged the signature ([Witness.SignedBy]). Errors: ErrSize for one of
// nothing, ErrRow, the ledger's.
func Keep(tx ledger.Tx, w Witness) (agrees bool, err error) {
	if w.Size == 0 || w.Size >= 1<<63 || w.Device == "" || len(w.Device) > 200 {
		return false, fmt.Errorf("keeping a witness: %w", ErrSize)
	}
	agrees, err = agree(tx, w)
	if err != nil {
		return false, err
	}
	against, mine := 0, append([]byte(w.Device), 0)
	for key, row := range tx.Scan(bucketSeen, mine, ledger.After(mine)) {
		old, err := decodeWitness(row)
		if err != nil {
			return agrees, err
		}
		oldAgrees, err := agree(tx, old)
		switch {
		case err != nil:
			return agrees, err
		case !oldAgrees:
			against++
		case agrees && old.Size <= w.Size:
			if err := tx.Delete(bucketSeen, append([]byte(nil), key...)); err != nil {
				return agrees, err
			}
		case agrees: // it said more before
			return true, tx.Err()
		}
	}
	if err := tx.Err(); err != nil || !agrees && against >= keepContradictions {
		return agrees, err
	}
	row, err := cbor.Marshal(w)
	if err != nil {
		return agrees, fmt.Errorf("encoding a witness: %w", err)
	}
	return agrees, tx.Put(bucketSeen, w.key(), row)
}

// key is where a witness is kept. A device may contradict itself, so the hash is part of it.
func (w Witness) key() []byte {
	return slices.Concat([]byte(w.Device), []byte{0}, keyOf(w.Size), w.Hash[:8])
}

func agree(tx ledger.Tx, w Witness) (bool, error) {
	size, err := tx.LastSequence(sequence)
	if err != nil || w.Size > size {
		return false, err
	}
	root, err := Root(tx, w.Size)
	if errors.Is(err, ErrRow) { // of a damaged tree nobody can say that it agrees, and a witness is all the more precious
		return false, nil
	}
	return root == w.Hash, err
}

// Witnesses returns what is kept beside the shard's tree, by device, then size.
func Witnesses(tx ledger.Tx) (all []Witness, err error) {
	for _, row := range tx.Scan(bucketSeen, nil, nil) {
		w, err := decodeWitness(row)
		if err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, tx.Err()
}

// decodeWitness is exact: what it takes is written the same again.
func decodeWitness(row []byte) (w Witness, err error) {
	if cbor.Unmarshal(row, &w) != nil {
		return Witness{}, ErrRow
	}
	if again, err := cbor.Marshal(w); err != nil || !bytes.Equal(again, row) {
		return Witness{}, ErrRow
	}
	return w, nil
}
