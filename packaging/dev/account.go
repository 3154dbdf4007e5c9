package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// demoPassword is everybody's in the company that demo keeps for a person to play with. It guards nothing but made-up people.
const demoPassword = "lantern-harbour-violet"

// account is what a person of a driven journey knows by heart, or keeps in an authenticator. Nothing of it may be found on a
// device, in a frame or in a log.
type account struct {
	password string
	secret   string // of the second factor, base32; "" before it was set up
	recovery []string
	step     uint64 // the last one a code was given of: each is good once
}

// newAccount is one with a password nobody else has.
func newAccount() *account {
	text := strings.ToLower(rand.Text())
	return &account{password: text[:6] + "-" + text[6:12] + "-" + text[12:18]}
}

func (a *account) takeSecret(text string) { a.secret = text }

func (a *account) takeCodes(text string) { a.recovery = strings.Fields(text) }

const totpStep = 30

// code is the next code of the second factor. One that follows another within a step is of the step after it, which a server
// accepts early; a third waits for the clock.
func (a *account) code(ctx context.Context) (string, error) {
	now := func() uint64 { return uint64(time.Now().Unix()) / totpStep }
	step := max(now(), a.step+1)
	if err := until(ctx, 3*totpStep*time.Second, time.Second/4, func() (bool, error) { return step <= now()+1, nil }); err != nil {
		return "", err
	}
	a.step = step
	return totp(a.secret, step)
}

// totp is a code of six digits of a step (RFC 6238, RFC 4226 section 5.3).
func totp(secret string, step uint64) (string, error) {
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		return "", fmt.Errorf("reading the secret of the second factor: %w", err)
	}
	mac := hmac.New(sha1.New, key)
	mac.Write(binary.BigEndian.AppendUint64(nil, step))
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:])&0x7fffffff%1_000_000), nil
}

// secrets are what must be found nowhere.
func (a *account) secrets() []identifier {
	out := []identifier{{"password", a.password}}
	if a.secret != "" {
		out = append(out, identifier{"totp-secret", a.secret})
	}
	for _, code := range a.recovery {
		out = append(out, identifier{"recovery-code", code}, identifier{"recovery-code", strings.ReplaceAll(code, "-", "")})
	}
	return out
}
