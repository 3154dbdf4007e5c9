package signing

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"unicode/utf8"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"
	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"
)

// Errors of keys.
var (
	// ErrPassphrase means that a passphrase does not open a key.
	ErrPassphrase = errors.New("the passphrase does not open the key")
	// ErrWeak means that a passphrase is shorter than [MinPassphrase].
	ErrWeak = errors.New("a passphrase must have at least 16 characters")
	// ErrKey means that a file holds no key of a desk.
	ErrKey = errors.New("the file holds no key")
)

// MinPassphrase is how many characters a passphrase must have: who steals a key file may guess for as long as he likes.
const MinPassphrase = 16

// keyFile is a key on disk.
type keyFile struct {
	Name   string `json:"name"`
	Public []byte `json:"public"`
	Salt   []byte `json:"salt,omitempty"`
	Sealed []byte `json:"sealed,omitempty"` // nonce and sealed seed
	Open   []byte `json:"for_tests_only,omitempty"`
}

// Costs of Argon2id: the second choice of RFC 9106 section 4, which any machine can pay.
const (
	argonTime    = 3
	argonMemory  = 64 << 10 // KiB
	argonThreads = 4
)

func (k keyFile) aead(passphrase []byte) ([]byte, []byte) {
	return argon2.IDKey(passphrase, k.Salt, argonTime, argonMemory, argonThreads, chacha20poly1305.KeySize), []byte("sealdesk/release-key/v1\x00" + k.Name + "\x00" + string(k.Public))
}

// newKey makes a key and its file. No passphrase makes one for tests.
func newKey(name string, passphrase []byte) (keyFile, ed25519.PrivateKey, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return keyFile{}, nil, fmt.Errorf("making a key: %w", err)
	}
	k := keyFile{Name: name, Public: public}
	if len(passphrase) == 0 {
		k.Open = private.Seed()
		return k, private, nil
	}
	if utf8.RuneCount(passphrase) < MinPassphrase {
		return keyFile{}, nil, ErrWeak
	}
	k.Salt = make([]byte, 16)
	rand.Read(k.Salt)
	key, about := k.aead(passphrase)
	box, err := chacha20poly1305.NewX(key)
	if err != nil {
		return keyFile{}, nil, err
	}
	nonce := make([]byte, box.NonceSize(), 80)
	rand.Read(nonce)
	k.Sealed = box.Seal(nonce, nonce, private.Seed(), about)
	return k, private, nil
}

// open returns the private key.
func (k keyFile) open(passphrase []byte) (ed25519.PrivateKey, error) {
	seed := k.Open
	if len(k.Sealed) > chacha20poly1305.NonceSizeX {
		key, about := k.aead(passphrase)
		box, err := chacha20poly1305.NewX(key)
		if err != nil {
			return nil, err
		}
		seed, err = box.Open(nil, k.Sealed[:chacha20poly1305.NonceSizeX], k.Sealed[chacha20poly1305.NonceSizeX:], about)
		if err != nil {
			return nil, ErrPassphrase
		}
	}
	if len(seed) != ed25519.SeedSize {
		return nil, ErrKey
	}
	private := ed25519.NewKeyFromSeed(seed)
	if subtle.ConstantTimeCompare(private.Public().(ed25519.PublicKey), k.Public) != 1 {
		return nil, ErrKey
	}
	return private, nil
}

func (k keyFile) sealed() bool { return len(k.Sealed) > 0 }

// tuf is the public key as metadata has it, and its id.
func (k keyFile) tuf() (*metadata.Key, string, error) {
	key, err := metadata.KeyFromPublicKey(ed25519.PublicKey(k.Public))
	if err != nil {
		return nil, "", err
	}
	id, err := key.ID()
	return key, id, err
}

func readKey(file string) (k keyFile, err error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return k, fmt.Errorf("reading a key: %w", err)
	}
	if json.Unmarshal(raw, &k) != nil || len(k.Public) != ed25519.PublicKeySize || k.Name == "" {
		return k, ErrKey
	}
	return k, nil
}

func (k keyFile) write(file string) error {
	raw, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // a key is never overwritten
	if err != nil {
		return fmt.Errorf("writing a key: %w", err)
	}
	_, err = f.Write(append(raw, '\n'))
	return errors.Join(err, f.Sync(), f.Close())
}

// signer opens a key file for go-tuf.
func signer(k keyFile, ask Ask) (signature.Signer, error) {
	var passphrase []byte
	if k.sealed() {
		var err error
		if passphrase, err = ask(k.Name, false); err != nil {
			return nil, err
		}
		defer clear(passphrase)
	}
	private, err := k.open(passphrase)
	if err != nil {
		return nil, fmt.Errorf("opening the key %s: %w", k.Name, err)
	}
	return signature.LoadED25519Signer(private)
}
