package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"sync"

	"golang.org/x/crypto/chacha20poly1305"
)

var (
	// ErrForged means the bytes are not what was sealed for this row: altered, cut short, moved from another row, bucket
	// or store, or sealed under another key.
	ErrForged = errors.New("sealed value does not open here")
	// ErrSuite means the envelope names a suite this build does not know: a newer program wrote it.
	ErrSuite = errors.New("sealed under an unknown suite")
	// ErrWrongKey means the key is not the one the store was made with.
	ErrWrongKey = errors.New("key does not belong to this store")
	// ErrNoKey means no key was given.
	ErrNoKey = errors.New("no key")
	// ErrKeySize means a key was not KeySize bytes long.
	ErrKeySize = errors.New("key is not 32 bytes long")
	// ErrPadding means a padded value does not end in padding.
	ErrPadding = errors.New("value is not padded")
)

// Suite names a pair of cipher and nonce length. It is the first byte of every envelope.
type Suite byte

const (
	// XChaCha20Poly1305 is the default: its 192-bit random nonces survive restored snapshots and two writers.
	XChaCha20Poly1305 Suite = 1
	// AES256GCM is for builds that must keep to FIPS 140.
	AES256GCM Suite = 2
)

const suites = 3 // one more than the last suite; index 0 stays empty

// NameSize is the length in bytes of a keyed row name.
const NameSize = 16

// CheckSize is the length in bytes of a check tag.
const CheckSize = 16

// Scope says for which store a Sealer works.
type Scope struct {
	Store  []byte // random id of the store
	Schema uint32 // generation of the meaning of the values: values of another schema do not open
	Suite  Suite  // what to seal with; zero means XChaCha20Poly1305. Opening accepts every known suite
}

// Sealer seals and opens the values of one store under one key. Make it with New. It is safe for concurrent use.
type Sealer struct {
	root  Key
	scope Scope
	check [CheckSize]byte

	mu      sync.RWMutex
	buckets map[string]*Bucket
}

// New makes the Sealer of a store. It returns ErrNoKey for the zero key and ErrSuite for an unknown suite.
func New(key Key, scope Scope) (*Sealer, error) {
	if key.IsZero() {
		return nil, ErrNoKey
	}
	if scope.Suite == 0 {
		scope.Suite = XChaCha20Poly1305
	}
	if scope.Suite >= suites {
		return nil, ErrSuite
	}
	scope.Store = append([]byte(nil), scope.Store...)
	s := &Sealer{
		root:    derive(key.secret(), scope.Store, "sealdesk/seal/v1", "root"),
		scope:   scope,
		buckets: make(map[string]*Bucket),
	}
	copy(s.check[:], derive(s.root.secret(), nil, "sealdesk/seal/check/v1", "").secret())
	return s, nil
}

// Check returns the tag to keep, in the clear, beside the sealed values. It tells nothing about the key.
func (s *Sealer) Check() [CheckSize]byte { return s.check }

// Verify compares a tag kept earlier with this Sealer's own, in constant time, and returns ErrWrongKey when they differ.
func (s *Sealer) Verify(tag []byte) error {
	if !hmac.Equal(tag, s.check[:]) {
		return ErrWrongKey
	}
	return nil
}

// Seal appends the sealed form of plain, bound to this row, to dst and returns the longer slice. dst and plain must not
// overlap.
func (s *Sealer) Seal(dst []byte, bucket string, key, plain []byte) []byte {
	return s.Bucket(bucket).Seal(dst, key, plain)
}

// Open appends what was sealed for this row to dst and returns the longer slice; dst and sealed must not overlap. On
// ErrForged or ErrSuite it returns nil and leaves nothing readable behind.
func (s *Sealer) Open(dst []byte, bucket string, key, sealed []byte) ([]byte, error) {
	return s.Bucket(bucket).Open(dst, key, sealed)
}

// Name returns the keyed name of a row: the same for the same bucket and name, meaningless without the key
// (HMAC-SHA256 cut to 128 bits).
func (s *Sealer) Name(bucket string, name []byte) [NameSize]byte { return s.Bucket(bucket).Name(name) }

// Bucket returns the Sealer's hand for one bucket, with its keys computed once. Asking again returns the same one.
// Buckets are few and stay in memory: a name that grows with the data belongs in the key.
func (s *Sealer) Bucket(name string) *Bucket {
	s.mu.RLock()
	b := s.buckets[name]
	s.mu.RUnlock()
	if b != nil {
		return b
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if b = s.buckets[name]; b == nil {
		b = s.newBucket(name)
		s.buckets[name] = b
	}
	return b
}

// Bucket seals, opens and names the rows of one bucket. Get it from Sealer.Bucket. It is safe for concurrent use.
type Bucket struct {
	suite Suite
	aead  [suites]cipher.AEAD
	place [suites][]byte // associated data up to the row's key
	names sync.Pool      // of hash.Hash, keyed
}

func (s *Sealer) newBucket(name string) *Bucket {
	b := &Bucket{suite: s.scope.Suite}
	for suite := XChaCha20Poly1305; suite < suites; suite++ {
		// One key per suite, so that no nonce of one cipher ever meets the key of another.
		key := derive(s.root.secret(), nil, fmt.Sprintf("sealdesk/seal/enc/v1/%d", suite), name)
		b.aead[suite] = newAEAD(suite, key.secret())
		key.Destroy()

		place := []byte("sealdesk/seal/v1")
		place = append(place, byte(suite))
		place = binary.BigEndian.AppendUint32(place, s.scope.Schema)
		place = appendSized(place, s.scope.Store)
		place = appendSized(place, name)
		b.place[suite] = place[:len(place):len(place)]
	}
	prf := derive(s.root.secret(), nil, "sealdesk/seal/name/v1", name)
	b.names.New = func() any { return hmac.New(sha256.New, prf.secret()) }
	return b
}

func newAEAD(suite Suite, key []byte) cipher.AEAD {
	var a cipher.AEAD
	var err error
	switch suite {
	case XChaCha20Poly1305:
		a, err = chacha20poly1305.NewX(key)
	case AES256GCM:
		var block cipher.Block
		if block, err = aes.NewCipher(key); err == nil {
			a, err = cipher.NewGCM(block)
		}
	}
	if err != nil {
		panic("seal: " + err.Error()) // only for key lengths we do not use
	}
	return a
}

// scratch holds associated data while a cipher reads it; without the pool each value would cost an allocation.
var scratch = sync.Pool{New: func() any { b := make([]byte, 0, 192); return &b }}

func (b *Bucket) bind(ad *[]byte, suite Suite, key []byte) []byte {
	*ad = appendSized(append((*ad)[:0], b.place[suite]...), key)
	return *ad
}

// Overhead returns how many bytes longer a sealed value is than the plain one.
func (b *Bucket) Overhead() int {
	return 1 + b.aead[b.suite].NonceSize() + b.aead[b.suite].Overhead()
}

// Seal is Sealer.Seal for this bucket.
func (b *Bucket) Seal(dst, key, plain []byte) []byte {
	aead := b.aead[b.suite]
	n, nonce := len(dst), aead.NonceSize()
	if need := n + b.Overhead() + len(plain); cap(dst) < need {
		dst = append(make([]byte, 0, need), dst...)
	}
	dst = append(dst, byte(b.suite))
	dst = dst[:n+1+nonce]
	// Straight from the system for every value: randomness kept in stock would repeat after a restored VM snapshot.
	rand.Read(dst[n+1:])

	ad := scratch.Get().(*[]byte)
	dst = aead.Seal(dst, dst[n+1:n+1+nonce], plain, b.bind(ad, b.suite, key))
	scratch.Put(ad)
	return dst
}

// Open is Sealer.Open for this bucket.
func (b *Bucket) Open(dst, key, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 {
		return nil, ErrForged
	}
	suite := Suite(sealed[0])
	if suite == 0 || suite >= suites {
		return nil, ErrSuite
	}
	aead := b.aead[suite]
	body := sealed[1:]
	nonce := aead.NonceSize()
	if len(body) < nonce+aead.Overhead() {
		return nil, ErrForged
	}
	if need := len(dst) + len(body) - nonce - aead.Overhead(); cap(dst) < need || dst == nil {
		dst = append(make([]byte, 0, need), dst...) // never nil: an empty value is not an absent one
	}
	ad := scratch.Get().(*[]byte)
	plain, err := aead.Open(dst, body[:nonce], body[nonce:], b.bind(ad, suite, key))
	scratch.Put(ad)
	if err != nil {
		return nil, ErrForged
	}
	return plain, nil
}

// Name is Sealer.Name for this bucket.
func (b *Bucket) Name(name []byte) (out [NameSize]byte) {
	h := b.names.Get().(hash.Hash)
	h.Reset()
	h.Write(name)
	var sum [sha256.Size]byte
	copy(out[:], h.Sum(sum[:0]))
	b.names.Put(h)
	return out
}

// Block is the unit Pad rounds up to, in bytes.
const Block = 64

// Pad appends plain to dst and fills up to the next multiple of Block (ISO/IEC 7816-4: one byte 0x80, then zeros), so
// that a sealed value shows its length only roughly.
func Pad(dst, plain []byte) []byte {
	dst = append(append(dst, plain...), 0x80)
	if rest := (len(plain) + 1) % Block; rest != 0 {
		var zeros [Block]byte
		dst = append(dst, zeros[rest:]...)
	}
	return dst
}

// Unpad returns padded without what Pad added; the result shares its memory. ErrPadding means Pad did not make it.
func Unpad(padded []byte) ([]byte, error) {
	if len(padded) == 0 || len(padded)%Block != 0 {
		return nil, ErrPadding
	}
	for i := len(padded) - 1; i >= len(padded)-Block; i-- {
		switch padded[i] {
		case 0:
		case 0x80:
			return padded[:i], nil
		default:
			return nil, ErrPadding
		}
	}
	return nil, ErrPadding
}
