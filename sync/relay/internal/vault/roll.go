package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
	"sealdesk/sync/relay/internal/ledger"
)

// The roll is the list of all contacts that were ever erased, in a third file beside the key file. The ledger has that list
// too, but a ledger that is restored from a backup forgets who was erased since, and the keys restored with it open again:
// the roll is what remembers. It is on the disk before the keys it is about are destroyed, and nothing is ever taken from
// it. A restore leaves it as it is, or brings its newest copy; see [Vault.Returned].
//
// It holds meaningless ids and is sealed under a key that neither epochs nor another master change, so that whoever writes
// to the folder cannot have anybody erased or forgotten to be.

const rollSuffix = ".erased"

var (
	rollMagic  = []byte("sealdesk roll 1\n")
	bucketRoll = "roll"
)

// A roll is safe for concurrent use.
type roll struct {
	disk   disk
	name   string
	sealer *seal.Sealer

	mu  sync.Mutex
	ids map[inbox.ContactID]bool
}

// openRoll reads the roll; there is none before the first erasure. It returns ErrKeys if it is damaged or another vault's.
func openRoll(d disk, keyFile string, s safe) (*roll, error) {
	lookup, err := seal.NewKey(s.Lookup)
	if err != nil {
		return nil, err
	}
	defer lookup.Destroy()
	sealer, err := seal.New(lookup.Derive("sealdesk/vault/roll/v1"), seal.Scope{Store: s.Vault, Schema: 1})
	if err != nil {
		return nil, err
	}
	r := &roll{disk: d, name: keyFile + rollSuffix, sealer: sealer, ids: map[inbox.ContactID]bool{}}
	if err := tidy(d, r.name); err != nil {
		return nil, err
	}
	file, err := d.Read(r.name)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	bad := fmt.Errorf("%w: the list of erased contacts is damaged or another vault's; bring back its newest copy", ErrKeys)
	rest, ok := bytes.CutPrefix(file, rollMagic)
	if !ok {
		return nil, bad
	}
	plain, err := sealer.Open(nil, bucketRoll, nil, rest)
	if err != nil {
		return nil, bad
	}
	var ids []inbox.ContactID
	if cbor.Unmarshal(plain, &ids) != nil {
		return nil, bad
	}
	for _, id := range ids {
		r.ids[id] = true
	}
	return r, nil
}

// add puts contacts on the roll, durably.
func (r *roll) add(ids []inbox.ContactID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := maps.Clone(r.ids)
	for _, id := range ids {
		next[id] = true
	}
	if len(next) == len(r.ids) {
		return nil
	}
	plain, err := recordMode.Marshal(slices.Sorted(maps.Keys(next)))
	if err != nil {
		return errors.New("the list of erased contacts cannot be encoded")
	}
	// After an error the file is the old one or the new one, and both are true.
	if _, err := replace(r.disk, r.name, r.sealer.Seal(bytes.Clone(rollMagic), bucketRoll, nil, plain)); err != nil {
		return fmt.Errorf("remembering who is erased: %w", err)
	}
	r.ids = next
	return nil
}

func (r *roll) has(id inbox.ContactID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ids[id]
}

func (r *roll) all() []inbox.ContactID {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.ids))
}

// catchUp puts contacts on the roll that the ledger alone knows to be erased: from before there was a roll, or because an
// older copy of it was brought back.
func (v *Vault) catchUp(ctx context.Context) error {
	ids, err := v.buried(ctx)
	if err != nil {
		return err
	}
	return v.roll.add(ids)
}

// buried returns the contacts the ledger knows to be erased.
func (v *Vault) buried(ctx context.Context) (ids []inbox.ContactID, err error) {
	err = v.db.View(ctx, Shard, func(tx ledger.Tx) error {
		ids = nil
		for id := range tx.Scan(bucketErased, nil, nil) {
			ids = append(ids, inbox.ContactID(id))
		}
		return tx.Err()
	})
	return ids, err
}

// Returned returns the contacts that were erased and are there again, or whose keys are, because the ledger, the key file
// or both are older than the erasure: a backup was restored. Until they are handed to [Vault.EraseAll] the vault answers
// for them as for anybody, so ask before anything else is done with it. It is empty without a key file. Errors: the
// ledger's.
func (v *Vault) Returned(ctx context.Context) ([]inbox.ContactID, error) {
	if v.roll == nil {
		return nil, nil
	}
	buried, err := v.buried(ctx)
	if err != nil {
		return nil, fmt.Errorf("looking for erased contacts that are back: %w", err)
	}
	known := make(map[inbox.ContactID]bool, len(buried))
	for _, id := range buried {
		known[id] = true
	}
	var back []inbox.ContactID
	for _, id := range v.roll.all() {
		if !known[id] || v.keys.ring.has(digestOf(id)) {
			back = append(back, id)
		}
	}
	return back, nil
}
