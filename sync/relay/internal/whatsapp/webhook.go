package whatsapp

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/url"
	"strings"
)

// SignatureHeader is the HTTP header that carries the signature of a webhook.
const SignatureHeader = "X-Hub-Signature-256"

var (
	// ErrSignature says that a body was not signed under any of the given secrets. The answer is 401.
	ErrSignature = errors.New("whatsapp: webhook signature refused")
	// ErrChallenge says that a handshake did not present our verify token. The answer is 403.
	ErrChallenge = errors.New("whatsapp: webhook handshake refused")
)

// VerifySignature checks header ("sha256=" and 64 hex digits, the HMAC-SHA256 of the raw body under the app secret)
// against every secret, so that two can be valid during a rotation. It takes the same time whichever matches. A missing or
// malformed header, or no non-empty secret, is [ErrSignature]. The body must be the bytes as received: Meta signs an
// escaped spelling that no re-encoding reproduces.
func VerifySignature(body []byte, header string, secrets ...AppSecret) error {
	digits, ok := strings.CutPrefix(header, "sha256=")
	if !ok || len(digits) != 2*sha256.Size {
		return ErrSignature
	}
	given, err := hex.DecodeString(digits)
	if err != nil {
		return ErrSignature
	}
	match := 0
	for _, s := range secrets {
		if s.IsZero() {
			continue
		}
		mac := hmac.New(sha256.New, []byte(s.Reveal()))
		mac.Write(body)
		match |= subtle.ConstantTimeCompare(mac.Sum(nil), given)
	}
	if match != 1 {
		return ErrSignature
	}
	return nil
}

// Challenge answers Meta's GET handshake: it returns the text to send back, as text/plain with status 200, or
// [ErrChallenge] when the mode or the verify token is wrong. The challenge is echoed only when it is a short word of
// letters, digits, '-' and '_', so that nobody can make the endpoint say something else.
func Challenge(query url.Values, verify VerifyToken) (string, error) {
	want := sha256.Sum256([]byte(verify.Reveal()))
	got := sha256.Sum256([]byte(query.Get("hub.verify_token")))
	same := subtle.ConstantTimeCompare(want[:], got[:]) == 1
	challenge := query.Get("hub.challenge")
	if !same || verify.IsZero() || query.Get("hub.mode") != "subscribe" || !plainWord(challenge) {
		return "", ErrChallenge
	}
	return challenge, nil
}

func plainWord(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}
