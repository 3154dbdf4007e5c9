package identity

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"sealdesk/app/inbox"
	"sealdesk/sync/wire"
)

const (
	stepSeconds   = 30 // RFC 6238 section 5.2
	recoveryCodes = 10
	recoveryLen   = 24 // characters of 5 bits: 120 bits
	recoveryGroup = 6
)

// A second is a second factor: time-based one-time passwords (RFC 6238) of six digits, by SHA-1, as every authenticator
// makes them.
type second struct {
	Secret string       `cbor:"1,keyasint"` // base32
	Step   uint64       `cbor:"2,keyasint"` // the last one that was accepted; none up to it is accepted again
	Set    inbox.Moment `cbor:"3,keyasint"`
}

// newSecond makes a secret, and what is shown of it once.
func newSecond(company, name string) (second, wire.SecondFactor, error) {
	if company = strings.ReplaceAll(company, ":", " "); company == "" {
		company = "Sealdesk"
	}
	key, err := totp.Generate(totp.GenerateOpts{
		Issuer: company, AccountName: strings.ReplaceAll(name, ":", " "), SecretSize: 20, Period: stepSeconds,
		Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1, Rand: rand.Reader,
	})
	if err != nil {
		return second{}, wire.SecondFactor{}, fmt.Errorf("making a second factor: %w", err)
	}
	return second{Secret: key.Secret()}, wire.SecondFactor{URL: key.URL(), Secret: key.Secret()}, nil
}

// A fit says how a code fits.
type fit uint8

const (
	fitsNot  fit = iota
	fitsUsed     // it did, but was accepted before
	fits
)

// fit looks at a code at a moment of the relay's clock, one step early or late at the most, and returns the step it is of.
func (s second) fit(code string, now time.Time) (uint64, fit) {
	code = strings.Join(strings.Fields(code), "")
	at, step, how := uint64(now.Unix())/stepSeconds, uint64(0), fitsNot
	for _, candidate := range []uint64{at - 1, at, at + 1} {
		want, err := hotp.GenerateCodeCustom(s.Secret, candidate, hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err != nil || subtle.ConstantTimeCompare([]byte(want), []byte(code)) != 1 || how == fits {
			continue
		}
		if step, how = candidate, fitsUsed; candidate > s.Step {
			how = fits
		}
	}
	return step, how
}

// newRecovery makes the recovery codes, and what is kept of them.
func newRecovery(id inbox.PersonID) (codes []string, hashes [][]byte) {
	for range recoveryCodes {
		raw := make([]byte, recoveryLen)
		rand.Read(raw)
		for i := range raw {
			raw[i] = wire.CodeAlphabet[int(raw[i])%len(wire.CodeAlphabet)] // 256 is a multiple of 32: no bias
		}
		hashes = append(hashes, hashRecovery(id, string(raw)))
		var groups []string
		for group := range slices.Chunk(raw, recoveryGroup) {
			groups = append(groups, string(group))
		}
		codes = append(codes, strings.Join(groups, "-"))
	}
	return codes, hashes
}

// hashRecovery needs no cost: nobody tries 120 bits.
func hashRecovery(id inbox.PersonID, code string) []byte {
	h := sha256.Sum256([]byte("sealdesk/recovery/v1\x00" + string(id) + "\x00" + wire.CleanCode(code)))
	return h[:]
}

// looksLikeRecovery tells a recovery code from a code of an authenticator.
func looksLikeRecovery(code string) bool { return len(wire.CleanCode(code)) == recoveryLen }

// takeRecovery removes a recovery code, and says whether it was there.
func (a *account) takeRecovery(id inbox.PersonID, code string) bool {
	hash, n := hashRecovery(id, code), len(a.Recovery)
	a.Recovery = slices.DeleteFunc(a.Recovery, func(have []byte) bool { return bytes.Equal(have, hash) })
	return len(a.Recovery) < n
}
