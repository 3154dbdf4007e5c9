package store

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/zalando/go-keyring"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
)

// The states of the keyring but "found".
var (
	// ErrNotFound means the keyring works and does not have the item.
	ErrNotFound = errors.New("not in the keyring")
	// ErrKeyringUnavailable means the keyring cannot be asked now: locked, not running, hanging, damaged. It may come
	// back; nothing is decided until it does.
	ErrKeyringUnavailable = errors.New("the keyring is not available")
	// ErrKeyLost means there is a store and the keyring, which works, has no key for it. Only Quarantine helps.
	ErrKeyLost = errors.New("the key of the store is lost")
)

const (
	itemCache  = "cache"
	itemDevice = "device"
	maxItem    = 600 // macOS takes a whole command of 4,096 bytes, Windows 2,560 for a value; stay far below both
)

// keyringPatience is how long one call to the keyring may take. Behind it may be a prompt nobody sees.
const keyringPatience = 5 * time.Second

// Keyring is the keyring of the operating system, as far as this app uses it: two small items under one service name.
// Every call returns within 5 seconds with found, ErrNotFound or ErrKeyringUnavailable. It is safe for concurrent use.
type Keyring struct {
	service string
	back    backend
	turn    chan struct{} // one call at a time, so that a hanging keyring collects one goroutine and not one per try
}

// backend is go-keyring's surface, so that a test can make it hang.
type backend interface {
	Get(service, user string) (string, error)
	Set(service, user, secret string) error
	Delete(service, user string) error
}

type systemKeyring struct{}

func (systemKeyring) Get(service, user string) (string, error) { return keyring.Get(service, user) }
func (systemKeyring) Set(service, user, secret string) error {
	return keyring.Set(service, user, secret)
}
func (systemKeyring) Delete(service, user string) error { return keyring.Delete(service, user) }

// OpenKeyring returns the keyring for a service name, such as "sealdesk". It asks nothing yet.
func OpenKeyring(service string) *Keyring {
	return &Keyring{service: service, back: systemKeyring{}, turn: make(chan struct{}, 1)}
}

// A Device is who this installation is to the relay.
type Device struct {
	ID     inbox.DeviceID
	Person inbox.PersonID
	Relay  string             // "host:port"
	Pin    [32]byte           // SHA-256 of the relay's SubjectPublicKeyInfo
	Key    ed25519.PrivateKey // signs proofs; never leaves the keyring and this process
}

type deviceItem struct {
	Seed   []byte         `cbor:"1,keyasint"`
	ID     inbox.DeviceID `cbor:"2,keyasint"`
	Person inbox.PersonID `cbor:"3,keyasint"`
	Relay  string         `cbor:"4,keyasint"`
	Pin    []byte         `cbor:"5,keyasint"`
}

// Device returns the device this installation was enrolled as. ErrNotFound means that it is not.
func (k *Keyring) Device(ctx context.Context) (Device, error) {
	var it deviceItem
	if err := k.get(ctx, itemDevice, &it); err != nil {
		return Device{}, err
	}
	if len(it.Seed) != ed25519.SeedSize || len(it.Pin) != 32 || it.ID == "" {
		return Device{}, fmt.Errorf("reading the device item: %w", ErrKeyringUnavailable)
	}
	d := Device{ID: it.ID, Person: it.Person, Relay: it.Relay, Key: ed25519.NewKeyFromSeed(it.Seed)}
	copy(d.Pin[:], it.Pin)
	return d, nil
}

// SetDevice keeps the device. When it returns nil, the keyring was read back and has it.
func (k *Keyring) SetDevice(ctx context.Context, d Device) error {
	if len(d.Key) != ed25519.PrivateKeySize {
		return errors.New("keeping the device: no key")
	}
	return k.set(ctx, itemDevice, deviceItem{Seed: d.Key.Seed(), ID: d.ID, Person: d.Person, Relay: d.Relay, Pin: d.Pin[:]})
}

// A CacheKey is the device's half of a store's key, with the store's id. It prints as [redacted].
type CacheKey struct {
	half       seal.Key
	store      [16]byte
	generation uint64
}

type cacheItem struct {
	Half       []byte `cbor:"1,keyasint"`
	Store      []byte `cbor:"2,keyasint"`
	Generation uint64 `cbor:"3,keyasint"`
}

// NewCacheKey makes a fresh key for a new store. The app gets its key from [Keyring.CacheKey].
func NewCacheKey() CacheKey {
	k := CacheKey{half: seal.RandomKey(), generation: 1}
	rand.Read(k.store[:])
	return k
}

// IsZero says whether there is no key.
func (k CacheKey) IsZero() bool { return k.half.IsZero() }

// Format prints [redacted] for every verb.
func (k CacheKey) Format(f fmt.State, r rune) { k.half.Format(f, r) }

// root joins the halves there are.
func (k CacheKey) root(relayHalf seal.Key) seal.Key {
	if relayHalf.IsZero() {
		return seal.Join(k.store[:], "root/v1", k.half)
	}
	return seal.Join(k.store[:], "root/v1", k.half, relayHalf)
}

// CacheKey returns the key of the store in dir. It makes a new one only if the keyring works, has none, and dir has no
// store; then the keyring was read back before it returns. ErrKeyLost means that dir has a store and the keyring no key.
func (k *Keyring) CacheKey(ctx context.Context, dir string) (CacheKey, error) {
	var it cacheItem
	err := k.get(ctx, itemCache, &it)
	if err == nil {
		half, bad := seal.NewKey(it.Half)
		clear(it.Half)
		if bad != nil || len(it.Store) != 16 {
			return CacheKey{}, fmt.Errorf("reading the cache item: %w", ErrKeyringUnavailable)
		}
		key := CacheKey{half: half, generation: it.Generation}
		copy(key.store[:], it.Store)
		return key, nil
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
	secret := key.half.Bytes()
	defer clear(secret)
	if err := k.set(ctx, itemCache, cacheItem{Half: secret, Store: key.store[:], Generation: key.generation}); err != nil {
		return CacheKey{}, err
	}
	return key, nil
}

// Forget removes both items. Items that are not there are no error.
func (k *Keyring) Forget(ctx context.Context) error {
	return errors.Join(k.remove(ctx, itemCache), k.remove(ctx, itemDevice))
}

func (k *Keyring) remove(ctx context.Context, item string) error {
	_, err := k.ask(ctx, func() (string, error) { return "", k.back.Delete(k.service, item) })
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

func (k *Keyring) get(ctx context.Context, item string, into any) error {
	text, err := k.ask(ctx, func() (string, error) { return k.back.Get(k.service, item) })
	if err != nil {
		return fmt.Errorf("reading the %s item: %w", item, err)
	}
	b, err := base64.RawStdEncoding.DecodeString(text)
	if err == nil {
		err = decMode.Unmarshal(b, into)
	}
	clear(b)
	if err != nil { // not what we wrote: the ring is damaged, or somebody else's
		return fmt.Errorf("reading the %s item: %w", item, ErrKeyringUnavailable)
	}
	return nil
}

func (k *Keyring) set(ctx context.Context, item string, value any) error {
	b, err := encMode.Marshal(value)
	if err != nil {
		return fmt.Errorf("encoding the %s item: %w", item, err)
	}
	text := base64.RawStdEncoding.EncodeToString(b)
	clear(b)
	if len(text) > maxItem {
		return fmt.Errorf("the %s item is too long for every keyring", item)
	}
	if _, err := k.ask(ctx, func() (string, error) { return "", k.back.Set(k.service, item, text) }); err != nil {
		return fmt.Errorf("writing the %s item: %w", item, err)
	}
	got, err := k.ask(ctx, func() (string, error) { return k.back.Get(k.service, item) })
	if err != nil || got != text {
		return fmt.Errorf("reading the %s item back: %w", item, ErrKeyringUnavailable)
	}
	return nil
}

// ask runs one call with patience. A call that hangs keeps the turn, and those after it wait for it in vain instead of
// starting more.
func (k *Keyring) ask(ctx context.Context, call func() (string, error)) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, keyringPatience)
	defer cancel()
	select {
	case k.turn <- struct{}{}:
	case <-ctx.Done():
		return "", fmt.Errorf("%w: %w", ErrKeyringUnavailable, context.Cause(ctx))
	}
	type answer struct {
		text string
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		defer func() { <-k.turn }()
		text, err := call()
		done <- answer{text, err}
	}()
	select {
	case a := <-done:
		switch {
		case a.err == nil:
			return a.text, nil
		case errors.Is(a.err, keyring.ErrNotFound):
			return "", ErrNotFound
		}
		return "", fmt.Errorf("%w: %w", ErrKeyringUnavailable, a.err)
	case <-ctx.Done():
		return "", fmt.Errorf("%w: %w", ErrKeyringUnavailable, context.Cause(ctx))
	}
}
