package vault

import (
	"errors"
	"fmt"
	"io/fs"

	"sealdesk/store/seal"
)

// LedgerKey returns the key the relay's ledger is sealed under, for opening it: the one in the safe beside the key file, so
// that another master opens the same ledger, or the master's own if there is no safe yet. Errors: ErrMaster, ErrKeys, the
// disk's.
func LedgerKey(m Master, keyFile string) (seal.Key, error) {
	if m.IsZero() {
		return seal.Key{}, fmt.Errorf("looking for the ledger's key: %w", ErrMaster)
	}
	d, name := splitKeyFile(keyFile)
	s, err := readSafe(d, name, m)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := d.Read(name); err == nil {
			return seal.Key{}, fmt.Errorf("looking for the ledger's key: %w: the safe is missing", ErrKeys)
		}
		return m.LedgerKey(), nil
	}
	if err != nil {
		return seal.Key{}, fmt.Errorf("looking for the ledger's key: %w", err)
	}
	return seal.NewKey(s.Ledger)
}
