package audit

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/fxamacker/cbor/v2"
	"golang.org/x/mod/sumdb/note"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
)

// KeyShard is the shard that holds the audit key.
const KeyShard = string(inbox.CompanyLog)

const bucketKey = "auditkey"

var keyRow = []byte("key")

// ErrNoKey means that no audit key was made yet.
var ErrNoKey = errors.New("there is no audit key yet")

// ErrVerifier is returned for a text that is no public audit key.
var ErrVerifier = errors.New("not a public audit key")

// CheckVerifier returns ErrVerifier unless a text is a public audit key, as [Key.Verifier] returns it.
func CheckVerifier(verifier string) error {
	if _, err := note.NewVerifier(verifier); err != nil {
		return ErrVerifier
	}
	return nil
}

// A Key signs the checkpoints of all shards. It lies in the ledger, which seals it like every row, so it outlives a change
// of the master key and is the same on every node. It prints [redacted]. The zero value signs nothing.
type Key struct {
	company string
	private ed25519.PrivateKey
}

type keptKey struct {
	Company string `cbor:"1,keyasint"`
	Seed    []byte `cbor:"2,keyasint"`
}

// MakeKey returns the audit key, making it if there is none. company names the company in it and in every checkpoint for
// good, such as by the host its relay is reached at. tx is of [KeyShard].
func MakeKey(tx ledger.Tx, company string) (Key, error) {
	k, err := ReadKey(tx)
	if !errors.Is(err, ErrNoKey) {
		return k, err
	}
	if name := keyName(company); name == "" {
		return Key{}, errors.New("the audit key needs the name of a company")
	} else {
		company = name
	}
	seed := make([]byte, ed25519.SeedSize)
	rand.Read(seed)
	row, err := cbor.Marshal(keptKey{Company: company, Seed: seed})
	if err != nil {
		return Key{}, fmt.Errorf("encoding the audit key: %w", err)
	}
	if err := tx.Put(bucketKey, keyRow, row); err != nil {
		return Key{}, err
	}
	return Key{company: company, private: ed25519.NewKeyFromSeed(seed)}, nil
}

// ReadKey returns the audit key, or ErrNoKey. tx is of [KeyShard].
func ReadKey(tx ledger.Tx) (Key, error) {
	row, err := tx.Get(bucketKey, keyRow)
	if err != nil {
		return Key{}, err
	}
	if row == nil {
		return Key{}, ErrNoKey
	}
	var k keptKey
	if cbor.Unmarshal(row, &k) != nil || len(k.Seed) != ed25519.SeedSize || keyName(k.Company) != k.Company || k.Company == "" {
		return Key{}, ErrRow
	}
	return Key{company: k.Company, private: ed25519.NewKeyFromSeed(k.Seed)}, nil
}

// keyName makes of a text what may stand in the name of a key: no space and no plus, which the format of notes uses.
func keyName(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '.', c == '-', c == ':':
			return c
		case c >= 'A' && c <= 'Z':
			return c - 'A' + 'a'
		}
		return -1
	}, s)
}

// Name is the name of the key: "<company>/audit".
func (k Key) Name() string { return k.company + "/audit" }

// Verifier returns the public half as golang.org/x/mod/sumdb/note writes it: "<company>/audit+<hash>+<base64>". Whoever
// has it judges every checkpoint of the company.
func (k Key) Verifier() string {
	if len(k.private) != ed25519.PrivateKeySize {
		return ""
	}
	v, err := note.NewEd25519VerifierKey(k.Name(), k.private.Public().(ed25519.PublicKey))
	if err != nil {
		return ""
	}
	return v
}

// signer hands the private half to package note.
func (k Key) signer() (note.Signer, error) {
	v := k.Verifier()
	if v == "" {
		return nil, ErrNoKey
	}
	// note derives the hash of a key from its name and public half; it stands in the verifier.
	_, rest, _ := strings.Cut(v, "+")
	hash, _, _ := strings.Cut(rest, "+")
	const ed25519Algorithm = 1
	secret := append([]byte{ed25519Algorithm}, k.private.Seed()...)
	return note.NewSigner("PRIVATE+KEY+" + k.Name() + "+" + hash + "+" + base64.StdEncoding.EncodeToString(secret))
}

// String returns "[redacted]".
func (k Key) String() string { return "[redacted]" }

// GoString returns "[redacted]".
func (k Key) GoString() string { return "[redacted]" }

// LogValue returns "[redacted]".
func (k Key) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// MarshalJSON returns "[redacted]".
func (k Key) MarshalJSON() ([]byte, error) { return []byte(`"[redacted]"`), nil }
