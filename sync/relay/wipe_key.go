package relay

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"

	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
)

// The key that signs orders and leases lies in the ledger, which seals it like every row, so that every node has the same
// and a change of the master key leaves it as it is: devices were told of it when they were enrolled.

const bucketRelayKey = "relaykey" // of the company's shard

var keyRelayKey = []byte("wipe")

func (r *Relay) openRelayKey(ctx context.Context) error {
	var seed []byte
	read := func(tx ledger.Tx) (err error) {
		seed, err = tx.Get(bucketRelayKey, keyRelayKey)
		return err
	}
	err := r.db.View(ctx, identity.Shard, read)
	if err == nil && seed == nil {
		fresh := make([]byte, ed25519.SeedSize)
		rand.Read(fresh)
		err = r.db.Update(ctx, identity.Shard, func(tx ledger.Tx) error {
			if err := read(tx); err != nil || seed != nil { // another node may have been first
				return err
			}
			seed = fresh
			return tx.Put(bucketRelayKey, keyRelayKey, fresh)
		})
	}
	if err != nil {
		return err
	}
	if len(seed) != ed25519.SeedSize {
		return errRow
	}
	r.wipes.key = ed25519.NewKeyFromSeed(seed)
	return nil
}

// PublicKey is what devices judge wipe orders and leases by. It is no secret.
func (r *Relay) PublicKey() ed25519.PublicKey {
	return r.wipes.key.Public().(ed25519.PublicKey)
}
