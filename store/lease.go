package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
)

// Terms are what a lease says about time. The app takes them from what the relay signed.
type Terms struct {
	Issued   inbox.Moment  // by the relay's clock
	NotAfter inbox.Moment  // by the relay's clock; Issued, or 0: nothing may be read without the relay
	Idle     time.Duration // without a person until the window locks; 0: never
	Silent   time.Duration // without the relay until the device wipes itself; 0: never
}

// A Standing is how a lease stands. Only [Holds] lets the cache be read without the relay.
type Standing uint8

// The standings. A later one is worse.
const (
	Holds     Standing = iota
	Over               // its time is over
	ClockBack          // the clock of this machine was put back: nothing is known of the time until the relay is reached
	Silent             // the relay was not heard for so long that the device must wipe itself
)

// clockSlack is how far the clock of a machine may lie behind what the relay's clock is known to have reached.
const clockSlack = 5 * time.Minute

// Judge says how the lease stands. now is the clock of this machine; seen the highest moment of the relay's clock this
// device knows of, which lies in the keyring; ran how long the monotonic clock ran since the relay said so, 0 after a start.
//
// The relay's clock has reached seen+ran, at least: the monotonic clock of Linux stands still while a machine sleeps, and
// that is when the clock on the wall goes on. Whichever of the two is further counts. A clock that is more than 5 minutes
// behind was put back; a difference below that is drift.
func (t Terms) Judge(now, seen inbox.Moment, ran time.Duration) Standing {
	heard := max(seen, t.Issued)
	reached := later(heard, max(ran, 0))
	latest := max(now, reached)
	switch {
	case t.Silent > 0 && heard > 0 && latest >= later(heard, t.Silent):
		return Silent
	case later(now, clockSlack) < reached:
		return ClockBack
	case latest >= t.NotAfter || t.NotAfter <= t.Issued:
		return Over
	}
	return Holds
}

// later is m after d, in whole milliseconds; the last moment there is when it lies beyond.
func later(m inbox.Moment, d time.Duration) inbox.Moment {
	sum := m + inbox.Moment(d/time.Millisecond)
	if d > 0 && sum < m {
		return 1<<63 - 1
	}
	return sum
}

// Lent is what the relay lends, as the keyring keeps it while a lease holds: in window mode only.
type Lent struct {
	Half       seal.Key     // the relay's half of the key; the zero key while it is locked or kept nowhere
	Lease      []byte       // as the relay signed it
	Seen       inbox.Moment // the highest moment of the relay's clock that is known here; see [Terms.Judge]
	Generation uint64       // of the half
	Locked     []byte       // the half under a passphrase, from [LockHalf]
	Salt       []byte       // of the passphrase
	Tries      int          // wrong passphrases since the last right one
	Shut       bool         // the window was locked: somebody must show who is there before the cache is opened
}

type lentItem struct {
	Half       []byte       `cbor:"1,keyasint,omitempty"`
	Lease      []byte       `cbor:"2,keyasint,omitempty"`
	Seen       inbox.Moment `cbor:"3,keyasint,omitempty"`
	Generation uint64       `cbor:"4,keyasint,omitempty"`
	Locked     []byte       `cbor:"5,keyasint,omitempty"`
	Salt       []byte       `cbor:"6,keyasint,omitempty"`
	Tries      int          `cbor:"7,keyasint,omitempty"`
	Shut       bool         `cbor:"8,keyasint,omitempty"`
}

// Lent returns what the keyring keeps of the lease. ErrNotFound means that it keeps nothing.
func (k *Keyring) Lent(ctx context.Context) (Lent, error) {
	var it lentItem
	if err := k.get(ctx, itemLease, &it); err != nil {
		return Lent{}, err
	}
	l := Lent{Lease: it.Lease, Seen: it.Seen, Generation: it.Generation, Locked: it.Locked, Salt: it.Salt, Tries: it.Tries, Shut: it.Shut}
	if len(it.Half) > 0 {
		half, err := seal.NewKey(it.Half)
		clear(it.Half)
		if err != nil {
			return Lent{}, fmt.Errorf("reading the lease item: %w", ErrKeyringUnavailable)
		}
		l.Half = half
	}
	return l, nil
}

// SetLent keeps the lease. When it returns nil, the keyring was read back and has it.
func (k *Keyring) SetLent(ctx context.Context, l Lent) error {
	half := l.Half.Bytes()
	defer clear(half)
	return k.set(ctx, itemLease, lentItem{Half: half, Lease: l.Lease, Seen: l.Seen, Generation: l.Generation, Locked: l.Locked, Salt: l.Salt, Tries: l.Tries, Shut: l.Shut})
}

// ForgetLent removes the lease. When it returns nil, the keyring was asked again and does not have it.
func (k *Keyring) ForgetLent(ctx context.Context) error { return k.forget(ctx, itemLease) }

// ErrPassphrase means that a passphrase is not the one the half was locked with, or that the half was changed.
var ErrPassphrase = errors.New("the passphrase does not fit")

// What argon2id costs here (RFC 9106): about a quarter of a second and 64 MiB a try.
const (
	argonTime   = 3
	argonMemory = 64 << 10 // KiB
	argonLanes  = 1
	saltSize    = 16
)

// LockHalf seals the relay's half under a passphrase, so that a window that was locked opens again without the relay while
// the lease holds. The salt is no secret. Both go into [Lent]. It takes about a quarter of a second.
func LockHalf(half seal.Key, passphrase string) (locked, salt []byte) {
	salt = make([]byte, saltSize)
	rand.Read(salt)
	s, done := lockWith(passphrase, salt)
	defer done()
	secret := half.Bytes()
	defer clear(secret)
	return s.Seal(nil, itemLease, salt, secret), salt
}

// UnlockHalf returns what LockHalf sealed, or ErrPassphrase. That a passphrase is wrong shows only in the tag of the sealed
// value, which is compared in constant time.
func UnlockHalf(locked, salt []byte, passphrase string) (seal.Key, error) {
	if len(salt) != saltSize {
		return seal.Key{}, fmt.Errorf("unlocking the half: %w", ErrPassphrase)
	}
	s, done := lockWith(passphrase, salt)
	defer done()
	secret, err := s.Open(nil, itemLease, salt, locked)
	defer clear(secret)
	if err == nil {
		var half seal.Key
		if half, err = seal.NewKey(secret); err == nil {
			return half, nil
		}
	}
	return seal.Key{}, fmt.Errorf("unlocking the half: %w", ErrPassphrase)
}

// lockWith makes the sealer of a passphrase, and what destroys its key. A passphrase is the same however its letters were
// composed (RFC 8265 section 4.2: NFC): keyboards differ.
func lockWith(passphrase string, salt []byte) (*seal.Sealer, func()) {
	typed := norm.NFC.AppendString(nil, passphrase)
	defer clear(typed)
	derived := argon2.IDKey(typed, salt, argonTime, argonMemory, argonLanes, seal.KeySize)
	defer clear(derived)
	key, err := seal.NewKey(derived)
	if err != nil {
		panic("store: " + err.Error()) // only for lengths nobody asks for
	}
	s, err := seal.New(key, seal.Scope{Store: []byte("sealdesk/lock/v1"), Schema: schema})
	if err != nil {
		panic("store: " + err.Error())
	}
	return s, key.Destroy
}
