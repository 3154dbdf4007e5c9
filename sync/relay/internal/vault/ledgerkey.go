package vault

import (
	"errors"
	"fmt"
	"io/fs"

	"sealdesk/store/seal"
)

// The ledger's key is kept in the safe, so that another master opens the same ledger. Sealing the ledger anew is a rebuild
// of its file, which the relay must not use meanwhile:
//
//	next, _ := StageLedgerKey(master, keyFile)  // durable before anything is sealed under it
//	...copy every row into a new file under next, and give it the old one's name...
//	SettleLedgerKey(master, keyFile, next)      // the old key is forgotten
//
// A crash between the last two leaves a file that opens under the staged key: [LedgerKeys] returns both.

// LedgerKey returns the key the relay's ledger is sealed under, for opening it: the one in the safe beside the key file,
// or the master's own if there is no safe yet. Errors: ErrMaster, ErrKeys, the disk's.
func LedgerKey(m Master, keyFile string) (seal.Key, error) {
	key, _, err := LedgerKeys(m, keyFile)
	return key, err
}

// LedgerKeys returns the ledger's key and the one it is being sealed anew under, which is the zero key at most times. A
// ledger the first one does not open (seal.ErrWrongKey) may open under the second. Errors as of [LedgerKey].
func LedgerKeys(m Master, keyFile string) (key, staged seal.Key, err error) {
	if m.IsZero() {
		return key, staged, fmt.Errorf("looking for the ledger's key: %w", ErrMaster)
	}
	d, name := splitKeyFile(keyFile)
	s, err := readSafe(d, name, m)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := d.Read(name); err == nil {
			return key, staged, fmt.Errorf("looking for the ledger's key: %w: the safe is missing", ErrKeys)
		}
		return m.LedgerKey(), seal.Key{}, nil
	}
	if err != nil {
		return key, staged, fmt.Errorf("looking for the ledger's key: %w", err)
	}
	if key, err = seal.NewKey(s.Ledger); err == nil && s.Staged != nil {
		staged, err = seal.NewKey(s.Staged)
	}
	return key, staged, err
}

// StageLedgerKey makes a new random key for the ledger, or returns the one that was made and never settled. It is durable
// in the safe when StageLedgerKey returns. No vault may be open on the key file. Errors: ErrMaster, ErrKeys,
// fs.ErrNotExist if there is no safe, the disk's.
func StageLedgerKey(m Master, keyFile string) (seal.Key, error) {
	var key seal.Key
	err := editSafe(m, keyFile, func(s *safe) (err error) {
		if s.Staged == nil {
			s.Staged = random(seal.KeySize)
		}
		key, err = seal.NewKey(s.Staged)
		return err
	})
	if err != nil {
		return seal.Key{}, fmt.Errorf("making a key for the ledger: %w", err)
	}
	return key, nil
}

// SettleLedgerKey says that the ledger lies under the staged key now. The old one is forgotten. No vault may be open on
// the key file. It returns ErrKeys if there is no such staged key.
func SettleLedgerKey(m Master, keyFile string, key seal.Key) error {
	err := editSafe(m, keyFile, func(s *safe) error {
		b := key.Bytes()
		defer clear(b)
		if s.Staged == nil || string(s.Staged) != string(b) {
			return fmt.Errorf("%w: this is not the ledger's next key", ErrKeys)
		}
		s.Ledger, s.Staged = s.Staged, nil
		return nil
	})
	if err != nil {
		return fmt.Errorf("changing the ledger's key: %w", err)
	}
	return nil
}

func editSafe(m Master, keyFile string, f func(*safe) error) error {
	if m.IsZero() {
		return ErrMaster
	}
	d, name := splitKeyFile(keyFile)
	if err := tidy(d, name+safeSuffix); err != nil {
		return err
	}
	s, err := readSafe(d, name, m)
	if err != nil {
		return err
	}
	if err := f(&s); err != nil {
		return err
	}
	_, err = s.write(d, name, m)
	return err
}
