package vault

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/crypto/argon2"

	"sealdesk/store/seal"
)

// ErrMaster means that there is no usable master key: it is missing, malformed, readable by others, or not the one
// this vault was made with.
var ErrMaster = errors.New("master key cannot be used")

// Cost of a passphrase, the second recommended option of RFC 9106, section 4: about a third of a second once a start.
const (
	argonTime    = 3
	argonMemory  = 64 << 10 // KiB
	argonThreads = 4
)

// MinPassphrase is the shortest passphrase taken, in bytes.
const MinPassphrase = 12

// Master is the key all keys of the relay come from. It prints "[redacted]". The zero value is no key.
type Master struct{ secret []byte }

// NewMaster makes a master key of 32 secret bytes, which it copies; ErrMaster otherwise.
func NewMaster(secret []byte) (Master, error) {
	if len(secret) != seal.KeySize {
		return Master{}, fmt.Errorf("reading the master key: %w: it is not 32 bytes long", ErrMaster)
	}
	return Master{append([]byte(nil), secret...)}, nil
}

// MasterFromFile reads the key from a file of 32 bytes in base64 that nobody but its owner can read.
func MasterFromFile(path string) (Master, error) {
	text, err := readPrivate(path)
	if err != nil {
		return Master{}, err
	}
	return decodeMaster(text)
}

// CreateMasterFile makes a new random key and writes it to a file that must not exist yet. It returns once the file is
// on the disk. An error wraps fs.ErrExist if there is a file.
func CreateMasterFile(path string) (Master, error) {
	secret := make([]byte, seal.KeySize)
	rand.Read(secret)
	if err := writePrivate(path, base64.StdEncoding.EncodeToString(secret)+"\n"); err != nil {
		return Master{}, err
	}
	return Master{secret}, nil
}

// MasterFromEnv reads the key from an environment variable holding 32 bytes in base64.
func MasterFromEnv(name string) (Master, error) {
	text, ok := os.LookupEnv(name)
	if !ok {
		return Master{}, fmt.Errorf("reading the master key: %w: the environment variable is not set", ErrMaster)
	}
	return decodeMaster(text)
}

// MasterFromPassphrase derives the key from a passphrase with argon2id (RFC 9106). The salt, which is no secret but
// must not be lost, is kept in the file saltPath, which is made if it does not exist.
func MasterFromPassphrase(passphrase, saltPath string) (Master, error) {
	if len(passphrase) < MinPassphrase {
		return Master{}, fmt.Errorf("deriving the master key: %w: the passphrase is too short", ErrMaster)
	}
	text, err := readPrivate(saltPath)
	if errors.Is(err, os.ErrNotExist) {
		salt := make([]byte, 16)
		rand.Read(salt)
		text = base64.StdEncoding.EncodeToString(salt)
		err = writePrivate(saltPath, text+"\n")
	}
	if err != nil {
		return Master{}, err
	}
	salt, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(salt) != 16 {
		return Master{}, fmt.Errorf("deriving the master key: %w: the salt file is damaged", ErrMaster)
	}
	return Master{argon2.IDKey([]byte(passphrase), salt, argonTime, argonMemory, argonThreads, seal.KeySize)}, nil
}

// LedgerKey returns the key under which the relay's ledger seals every row.
func (m Master) LedgerKey() seal.Key { return m.derive("ledger") }

// IsZero reports whether there is no key.
func (m Master) IsZero() bool { return len(m.secret) == 0 }

// derive returns the key with the label.
func (m Master) derive(label string) seal.Key {
	b, err := hkdf.Key(sha256.New, m.secret, nil, "sealdesk/relay/v1/"+label, seal.KeySize)
	if err != nil {
		panic("vault: " + err.Error()) // only for lengths nobody asks for
	}
	defer clear(b)
	k, err := seal.NewKey(b)
	if err != nil {
		panic("vault: " + err.Error())
	}
	return k
}

func decodeMaster(text string) (Master, error) {
	secret, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil { // the error of the decoder would quote the key
		return Master{}, fmt.Errorf("reading the master key: %w: it is not base64", ErrMaster)
	}
	return NewMaster(secret)
}

func readPrivate(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("reading a key file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("reading a key file: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("reading a key file: %w: others may read it, set its mode to 0600", ErrMaster)
	}
	b, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return "", fmt.Errorf("reading a key file: %w", err)
	}
	return string(b), nil
}

func writePrivate(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("making a key file: %w", err)
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if dir, e := os.Open(filepath.Dir(path)); err == nil && e == nil { // a name is durable once its folder is
		_ = dir.Sync() // not every system can
		dir.Close()
	}
	if err != nil {
		return fmt.Errorf("writing a key file: %w", err)
	}
	return nil
}

// String returns "[redacted]".
func (Master) String() string { return redacted }

// Format prints "[redacted]" under every verb.
func (Master) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// MarshalText returns "[redacted]", which encoding/json then shows.
func (Master) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns "[redacted]".
func (Master) LogValue() slog.Value { return slog.StringValue(redacted) }
