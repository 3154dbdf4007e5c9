package seal

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
)

// KeySize is the length of a key in bytes.
const KeySize = 32

// redacted is all that a key shows of itself.
const redacted = "[redacted]"

// Key is a secret of 32 bytes. It never shows its bytes: fmt, slog and encoding/json print [redacted], also when the key
// sits inside another value. Copies share one secret, so Destroy reaches all of them. The zero value holds no secret:
// sealing with it is refused with ErrNoKey.
type Key struct {
	// A pointer to a pointer: inside somebody's unexported field fmt prints arrays without asking us, and, for a verb that
	// does not fit, what a single pointer points to as well.
	held **[KeySize]byte
}

// NewKey copies a key out of 32 secret bytes; any other length is ErrKeySize. The caller may clear b afterwards.
func NewKey(b []byte) (Key, error) {
	if len(b) != KeySize {
		return Key{}, ErrKeySize
	}
	return hold(b), nil
}

func hold(b []byte) Key {
	secret := (*[KeySize]byte)(append([]byte(nil), b...))
	return Key{&secret}
}

// secret returns the bytes themselves; only for a key that is not zero.
func (k Key) secret() []byte { return (*k.held)[:] }

// RandomKey makes a fresh key from the operating system's randomness.
func RandomKey() Key {
	k := hold(make([]byte, KeySize))
	rand.Read(k.secret()) // crypto/rand.Read never returns an error: it ends the program instead
	return k
}

// Join makes one key of several halves: all of them are needed, and knowing all but one tells nothing of the result
// (HKDF-SHA256 over the halves in order, with this salt and label). It panics when a half is missing, because a key
// made of fewer halves than promised is worse than none.
func Join(salt []byte, label string, halves ...Key) Key {
	if len(halves) == 0 {
		panic("seal: joining no keys")
	}
	all := make([]byte, 0, KeySize*len(halves))
	for _, h := range halves {
		if h.IsZero() {
			panic("seal: joining a key that is missing")
		}
		all = append(all, h.secret()...)
	}
	defer clear(all)
	return derive(all, salt, "sealdesk/join/v1", label)
}

// IsZero says whether there is no secret.
func (k Key) IsZero() bool { return k.held == nil }

// Bytes returns a copy of the secret, for the one place that stores it (a keyring, a wrapped key). Clear it after use.
// It is nil for the zero key.
func (k Key) Bytes() []byte {
	if k.held == nil {
		return nil
	}
	return append([]byte(nil), k.secret()...)
}

// Derive returns the key for one purpose, by HKDF-SHA256 (RFC 5869) with the label as info. Different labels give
// independent keys, and none leads back to k. It panics for the zero key.
func (k Key) Derive(label string) Key {
	if k.IsZero() {
		panic("seal: deriving from a key that is missing")
	}
	return derive(k.secret(), nil, "sealdesk/key/v1", label)
}

// Destroy overwrites the secret in every copy of this key. Values sealed under it stay unreadable wherever they are kept.
func (k Key) Destroy() {
	if k.held != nil {
		clear(k.secret())
	}
}

// Format prints [redacted] for every verb.
func (k Key) Format(s fmt.State, _ rune) { io.WriteString(s, redacted) }

// String returns [redacted].
func (k Key) String() string { return redacted }

// LogValue returns [redacted] to log/slog.
func (k Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns [redacted], which also is what encoding/json then shows.
func (k Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// derive is HKDF-SHA256 with an info that no other domain or label can spell.
func derive(secret, salt []byte, domain string, label string) Key {
	info := make([]byte, 0, 8+len(domain)+len(label))
	info = appendSized(info, domain)
	info = appendSized(info, label)
	b, err := hkdf.Key(sha256.New, secret, salt, string(info), KeySize)
	if err != nil {
		panic("seal: " + err.Error()) // only for lengths we do not ask for, or FIPS mode refusing short secrets
	}
	defer clear(b)
	return hold(b)
}

// appendSized appends the length of s in four bytes, then s.
func appendSized[T string | []byte](b []byte, s T) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
	return append(b, s...)
}
