package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"sealdesk/store/seal"
)

// A CacheKey is the device's half of a store's key, with the store's id. It prints as [redacted].
type CacheKey struct {
	half       seal.Key
	store      [16]byte
	generation uint64
	old        seal.Key // the half before, while the relay may still lend its own of that generation; see [Store.Rotated]
}

// cacheItem is a CacheKey in the keyring. While a store turns to new halves it holds the next one as well; which of the two
// counts, the store's folder says, for only there the change is one step.
type cacheItem struct {
	Half  []byte `cbor:"1,keyasint"`
	Store []byte `cbor:"2,keyasint"`
	// 3 was a generation that meant nothing yet.
	Generation     uint64 `cbor:"4,keyasint,omitempty"`
	Next           []byte `cbor:"5,keyasint,omitempty"`
	NextGeneration uint64 `cbor:"6,keyasint,omitempty"`
	Old            []byte `cbor:"7,keyasint,omitempty"`
}

// NewCacheKey makes a fresh key for a new store, of generation 0: without a half of the relay's. The app gets its key from
// [Keyring.CacheKey].
func NewCacheKey() CacheKey {
	k := CacheKey{half: seal.RandomKey()}
	rand.Read(k.store[:])
	return k
}

// IsZero says whether there is no key.
func (k CacheKey) IsZero() bool { return k.half.IsZero() }

// Generation is that of the relay's half the store is sealed under; 0 means none. A store whose generation is another than
// the one the relay lends must be turned to it ([Store.Rotate]).
func (k CacheKey) Generation() uint64 { return k.generation }

// Store is the store's id: 16 random bytes, which a wipe receipt names and no copy of the folder can have anew.
func (k CacheKey) Store() []byte { return slices.Clone(k.store[:]) }

// Format prints [redacted] for every verb.
func (k CacheKey) Format(f fmt.State, r rune) { k.half.Format(f, r) }

// rootOf joins the halves there are.
func rootOf(store [16]byte, half, relayHalf seal.Key) seal.Key {
	if relayHalf.IsZero() {
		return seal.Join(store[:], "root/v1", half)
	}
	return seal.Join(store[:], "root/v1", half, relayHalf)
}

// CacheKey returns the key of the store in dir. It makes a new one only if the keyring works, has none, and dir has no
// store; then the keyring was read back before it returns. ErrKeyLost means that dir has a store and the keyring no key.
func (k *Keyring) CacheKey(ctx context.Context, dir string) (CacheKey, error) {
	var it cacheItem
	err := k.get(ctx, itemCache, &it)
	if err == nil {
		return it.key(readTurn(dir))
	}
	if !errors.Is(err, ErrNotFound) {
		return CacheKey{}, err
	}
	for _, name := range []string{cacheFile, outboxFile} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return CacheKey{}, ErrKeyLost
		} else if !errors.Is(err, os.ErrNotExist) {
			return CacheKey{}, fmt.Errorf("looking for a store: %w", err)
		}
	}
	key := NewCacheKey()
	if err := k.setCacheKey(ctx, key, seal.Key{}, 0); err != nil {
		return CacheKey{}, err
	}
	return key, nil
}

// key picks the half that counts in a folder.
func (it cacheItem) key(t *turn) (CacheKey, error) {
	defer clear(it.Half)
	defer clear(it.Next)
	defer clear(it.Old)
	half, generation, old := it.Half, it.Generation, []byte(nil)
	if t != nil {
		if len(it.Next) > 0 && bytes.Equal(t.Which, whichOf(it.Next)) {
			half, generation = it.Next, it.NextGeneration
		}
		for _, under := range [][]byte{it.Old, it.Half} {
			if len(under) > 0 && bytes.Equal(t.Under, whichOf(under)) {
				old = under
			}
		}
	}
	key := CacheKey{generation: generation}
	var err, bad error
	if key.half, err = seal.NewKey(half); old != nil {
		key.old, bad = seal.NewKey(old)
	}
	if err != nil || bad != nil || len(it.Store) != len(key.store) {
		return CacheKey{}, fmt.Errorf("reading the cache item: %w", ErrKeyringUnavailable)
	}
	copy(key.store[:], it.Store)
	return key, nil
}

// setCacheKey keeps a key, and the next one while there is one.
func (k *Keyring) setCacheKey(ctx context.Context, key CacheKey, next seal.Key, generation uint64) error {
	it := cacheItem{Half: key.half.Bytes(), Store: key.store[:], Generation: key.generation, Next: next.Bytes(), NextGeneration: generation, Old: key.old.Bytes()}
	defer clear(it.Half)
	defer clear(it.Next)
	defer clear(it.Old)
	return k.set(ctx, itemCache, it)
}

// whichOf names a half without telling anything of it.
func whichOf(half []byte) []byte {
	key, err := seal.NewKey(half)
	if err != nil {
		return nil
	}
	defer key.Destroy()
	name := key.Derive("which half")
	defer name.Destroy()
	return name.Bytes()[:8]
}
