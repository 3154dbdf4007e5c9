package store

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/zalando/go-keyring"

	"sealdesk/app/inbox"
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
	itemLease  = "lease"
	maxItem    = 600 // macOS takes a whole command of 4,096 bytes, Windows 2,560 for a value; stay far below both
)

// keyringPatience is how long one call to the keyring may take. Behind it may be a prompt nobody sees.
const keyringPatience = 5 * time.Second

// Keyring is the keyring of the operating system, as far as this app uses it: three small items under one service name.
// Every question to it is answered within 5 seconds with found, ErrNotFound or ErrKeyringUnavailable. It is safe for
// concurrent use.
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

	RelayKey  ed25519.PublicKey // checks leases and orders; nil for an enrolment older than they are
	Audit     string            // checks the checkpoints of the audit log (golang.org/x/mod/sumdb/note); "" as above
	Name      string            // of the person, as colleagues see it
	WipeEpoch uint64            // the highest of an order or enrolment: no order that is not above it is obeyed
}

// Format prints [redacted] for every verb: the key is in it.
func (Device) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[redacted]") }

type deviceItem struct {
	Seed   []byte         `cbor:"1,keyasint"`
	ID     inbox.DeviceID `cbor:"2,keyasint"`
	Person inbox.PersonID `cbor:"3,keyasint"`
	Relay  string         `cbor:"4,keyasint"`
	Pin    []byte         `cbor:"5,keyasint"`

	RelayKey  []byte `cbor:"6,keyasint,omitempty"`
	Audit     string `cbor:"7,keyasint,omitempty"`
	WipeEpoch uint64 `cbor:"8,keyasint,omitempty"`
	Name      string `cbor:"9,keyasint,omitempty"`
}

// Device returns the device this installation was enrolled as. ErrNotFound means that it is not.
func (k *Keyring) Device(ctx context.Context) (Device, error) {
	var it deviceItem
	if err := k.get(ctx, itemDevice, &it); err != nil {
		return Device{}, err
	}
	if len(it.Seed) != ed25519.SeedSize || len(it.Pin) != 32 || it.ID == "" || len(it.RelayKey) != 0 && len(it.RelayKey) != ed25519.PublicKeySize {
		return Device{}, fmt.Errorf("reading the device item: %w", ErrKeyringUnavailable)
	}
	d := Device{ID: it.ID, Person: it.Person, Relay: it.Relay, Key: ed25519.NewKeyFromSeed(it.Seed), RelayKey: it.RelayKey, Audit: it.Audit, WipeEpoch: it.WipeEpoch, Name: it.Name}
	copy(d.Pin[:], it.Pin)
	return d, nil
}

// SetDevice keeps the device. When it returns nil, the keyring was read back and has it.
func (k *Keyring) SetDevice(ctx context.Context, d Device) error {
	if len(d.Key) != ed25519.PrivateKeySize {
		return errors.New("keeping the device: no key")
	}
	return k.set(ctx, itemDevice, deviceItem{Seed: d.Key.Seed(), ID: d.ID, Person: d.Person, Relay: d.Relay, Pin: d.Pin[:],
		RelayKey: d.RelayKey, Audit: d.Audit, WipeEpoch: d.WipeEpoch, Name: d.Name})
}

// Forget removes all three items. Items that are not there are no error. When it returns nil, the keyring was asked again
// and has none of them.
func (k *Keyring) Forget(ctx context.Context) error {
	return errors.Join(k.forget(ctx, itemCache), k.forget(ctx, itemLease), k.forget(ctx, itemDevice))
}

// goneItem stands where a keyring replaces an item and does not remove it. It is no base64.
const goneItem = "-"

// forget removes an item, and asks for it once more. A keyring that does not remove may still replace: then the secret is
// gone though the item is not.
func (k *Keyring) forget(ctx context.Context, item string) error {
	_, err := k.ask(ctx, func() (string, error) { return "", k.back.Delete(k.service, item) })
	if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, context.DeadlineExceeded) {
		if _, set := k.ask(ctx, func() (string, error) { return "", k.back.Set(k.service, item, goneItem) }); set == nil {
			err = nil
		}
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("removing the %s item: %w", item, err)
	}
	if _, err = k.text(ctx, item); errors.Is(err, ErrNotFound) {
		return nil
	} else if err == nil {
		err = ErrKeyringUnavailable // it says that it removed what is still there
	}
	return fmt.Errorf("looking for the %s item after it was removed: %w", item, err)
}

// text returns an item as it lies in the keyring.
func (k *Keyring) text(ctx context.Context, item string) (string, error) {
	text, err := k.ask(ctx, func() (string, error) { return k.back.Get(k.service, item) })
	if err == nil && text == goneItem {
		return "", ErrNotFound
	}
	return text, err
}

func (k *Keyring) get(ctx context.Context, item string, into any) error {
	text, err := k.text(ctx, item)
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
