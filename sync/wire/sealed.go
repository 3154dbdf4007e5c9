package wire

import (
	"crypto/hpke"
	"errors"
	"fmt"

	"sealdesk/app/inbox"
)

// ErrSealed means that a revealed value was not sealed to this key for this reveal.
var ErrSealed = errors.New("revealed value does not open")

// A RevealKey opens the value of one reveal. It is made for one request, lives in memory, and is gone with it.
type RevealKey struct{ key hpke.PrivateKey }

// How a value is sealed: HPKE (RFC 9180) in base mode with a hybrid of X25519 and ML-KEM-768, so that what was recorded on
// its way stays closed when one of the two falls.
var (
	revealKEM  = hpke.MLKEM768X25519()
	revealKDF  = hpke.HKDFSHA256()
	revealAEAD = hpke.ChaCha20Poly1305()
)

// NewRevealKey makes a key and returns the public half, for [inbox.AskReveal].
func NewRevealKey() (RevealKey, []byte, error) {
	k, err := revealKEM.GenerateKey()
	if err != nil {
		return RevealKey{}, nil, fmt.Errorf("making a reveal key: %w", err)
	}
	return RevealKey{k}, k.PublicKey().Bytes(), nil
}

// Open returns the value sealed for the reveal; the caller overwrites it when it is not needed any more. It returns
// [ErrSealed] for anything else.
func (k RevealKey) Open(reveal inbox.RevealID, sealed []byte) ([]byte, error) {
	if k.key == nil {
		return nil, ErrSealed
	}
	value, err := hpke.Open(k.key, revealKDF, revealAEAD, revealInfo(reveal), sealed)
	if err != nil {
		return nil, ErrSealed
	}
	return value, nil
}

// Format prints [redacted] for every verb.
func (RevealKey) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[redacted]") }

// SealReveal seals a value to the public half of the key its reader made. It returns [ErrMalformed] for bytes that are no
// such key.
func SealReveal(public []byte, reveal inbox.RevealID, value string) ([]byte, error) {
	k, err := revealKEM.NewPublicKey(public)
	if err != nil {
		return nil, ErrMalformed
	}
	sealed, err := hpke.Seal(k, revealKDF, revealAEAD, revealInfo(reveal), []byte(value))
	if err != nil {
		return nil, fmt.Errorf("sealing a revealed value: %w", err)
	}
	return sealed, nil
}

func revealInfo(reveal inbox.RevealID) []byte {
	return []byte("sealdesk reveal v1\x00" + string(reveal))
}
