package vault

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/store/seal"
)

// The safe is the small file beside the key file that holds what opens it: the key-encryption key of the epoch, and the
// keys that outlive a change of the master. It is sealed under the master and nothing else is, so that changing the
// master rewrites some hundred bytes. It is a file of its own so that a backup can keep it apart, and for less long.

const safeSuffix = ".safe"

var (
	safeMagic   = []byte("sealdesk safe 1\n")
	bucketSafe  = "safe"
	errBadSafe  = fmt.Errorf("%w: the safe is damaged", ErrKeys)
	maxSafeSize = 1 << 16
)

// safe is the content of that file.
type safe struct {
	Vault   []byte `cbor:"1,keyasint"` // random id of the vault, which its ledger knows too
	Epoch   uint64 `cbor:"2,keyasint"`
	Key     []byte `cbor:"3,keyasint"`           // of the epoch
	Next    uint64 `cbor:"4,keyasint,omitempty"` // the epoch the key file is being rewritten under
	NextKey []byte `cbor:"5,keyasint,omitempty"`
	Lookup  []byte `cbor:"6,keyasint"` // of the keyed hashes
	Ledger  []byte `cbor:"7,keyasint"` // of the ledger's rows

	// Of the devices' halves (halves.go), which have epochs of their own; 0 before the first.
	Halves        uint64 `cbor:"8,keyasint,omitempty"`
	HalvesKey     []byte `cbor:"9,keyasint,omitempty"`
	HalvesNext    uint64 `cbor:"10,keyasint,omitempty"`
	HalvesNextKey []byte `cbor:"11,keyasint,omitempty"`
}

// newSafe makes the content for a vault that has none yet. Keys that something is sealed under already are handed in.
func newSafe(lookup, ledger []byte) safe {
	if lookup == nil {
		lookup = random(seal.KeySize)
	}
	return safe{Vault: random(16), Epoch: 1, Key: random(seal.KeySize), Lookup: lookup, Ledger: ledger}
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// settled returns the safe without the epoch that is over once the key file is of the next one.
func (s safe) settled() safe {
	if s.Next != 0 {
		s.Epoch, s.Key, s.Next, s.NextKey = s.Next, s.NextKey, 0, nil
	}
	return s
}

func safeSealer(m Master) (*seal.Sealer, error) {
	return seal.New(m.derive("safe"), seal.Scope{Store: []byte("vault/safe"), Schema: 1})
}

// write puts the safe on the disk, sealed under a master.
func (s safe) write(d disk, name string, m Master) (moved bool, err error) {
	sealer, err := safeSealer(m)
	if err != nil {
		return false, err
	}
	plain, err := recordMode.Marshal(s)
	if err != nil {
		return false, errors.New("the safe cannot be encoded")
	}
	defer clear(plain)
	check := sealer.Check()
	content := append(bytes.Clone(safeMagic), check[:]...)
	return replace(d, name+safeSuffix, sealer.Seal(content, bucketSafe, nil, plain))
}

// readSafe returns the safe: fs.ErrNotExist if there is none, ErrMaster if it is another master's, ErrKeys if damaged.
func readSafe(d disk, name string, m Master) (s safe, err error) {
	b, err := d.Read(name + safeSuffix)
	if err != nil {
		return safe{}, err
	}
	return parseSafe(b, m)
}

func parseSafe(b []byte, m Master) (s safe, err error) {
	rest, ok := bytes.CutPrefix(b, safeMagic)
	if !ok || len(rest) < seal.CheckSize || len(b) > maxSafeSize {
		return safe{}, errBadSafe
	}
	sealer, err := safeSealer(m)
	if err != nil {
		return safe{}, err
	}
	// Which of the two it is when the tag is damaged cannot be told; a wrong master is the likelier thing by far.
	if sealer.Verify(rest[:seal.CheckSize]) != nil {
		return safe{}, ErrMaster
	}
	plain, err := sealer.Open(nil, bucketSafe, nil, rest[seal.CheckSize:])
	if err != nil {
		return safe{}, errBadSafe
	}
	defer clear(plain)
	if err := cbor.Unmarshal(plain, &s); err != nil {
		return safe{}, errBadSafe // the decoder's error may quote it
	}
	for _, k := range [][]byte{s.Key, s.Lookup, s.Ledger} {
		if len(k) != seal.KeySize {
			return safe{}, errBadSafe
		}
	}
	if len(s.Vault) != 16 || s.Epoch == 0 || s.Next != 0 && len(s.NextKey) != seal.KeySize ||
		s.Halves != 0 && len(s.HalvesKey) != seal.KeySize || s.HalvesNext != 0 && len(s.HalvesNextKey) != seal.KeySize {
		return safe{}, errBadSafe
	}
	return s, nil
}
