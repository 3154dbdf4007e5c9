package vault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// RotateEpoch puts all keys under a key-encryption key of a new epoch and destroys the old one, so that older copies of
// the key file are noise to whoever does not have the safe of their time. Call it daily. Looking up and sealing go on
// meanwhile. It finishes erasures that were interrupted. Errors: ErrNoKeyFile, ErrUnfinished, the disk's.
func (v *Vault) RotateEpoch(ctx context.Context) error {
	if v.keys.ring == nil {
		return fmt.Errorf("rotating the epoch: %w", ErrNoKeyFile)
	}
	if err := v.rewrite(ctx, change{}, true); err != nil {
		return fmt.Errorf("rotating the epoch: %w", err)
	}
	if err := v.halves.rotate(); err != nil {
		return fmt.Errorf("rotating the epoch of the devices' halves: %w", err)
	}
	return nil
}

// RotateMaster puts the safe under another master key, and the keys under a new epoch, while everything goes on. The
// caller keeps next where the relay will find it before he calls, beside the old one: from the first step on nothing else
// opens the safe. After an error that is not ErrUnfinished the old master is still the one; after ErrUnfinished the next
// start shows which, next first.
//
// The look-up key and the ledger's key stay, under the new master (see [LedgerKey]): hashes are keys of rows all over the
// ledger, and a ledger cannot be sealed anew while it is in use. So whoever knew the first master, which they came from,
// and gets hold of the ledger's file can still read rows that are not sealed for a contact, and test guesses of numbers.
// With an older copy of the safe, the key file of the same epoch and the ledger he can read all contacts of that time; that
// is what keeping the safe's backups apart, and not for long, is for.
func (v *Vault) RotateMaster(ctx context.Context, next Master) error {
	if v.keys.ring == nil {
		return fmt.Errorf("changing the master key: %w", ErrNoKeyFile)
	}
	if next.IsZero() {
		return fmt.Errorf("changing the master key: %w", ErrMaster)
	}
	if err := v.rewrite(ctx, change{master: next}, true); err != nil {
		return fmt.Errorf("changing the master key: %w", err)
	}
	return nil
}

// Epoch returns how often the keys were put under another key-encryption key; it grows with every rotation and erasure. A
// smaller one than was seen before means that an older key file was restored. It is 0 without a key file.
func (v *Vault) Epoch() uint64 {
	r := v.keys.ring
	if r == nil {
		return 0
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.now.epoch
}

// BackupKeys returns the key file, its safe, and the file of the devices' halves (nil: there is none) as they are at one
// moment, all sealed. Take it after the copy of the ledger, so that no contact of that copy lacks its key, and keep keys and
// safe apart: together with the master they open every contact. It returns ErrNoKeyFile, and the disk's errors.
func (v *Vault) BackupKeys() (keys, safe, halves []byte, err error) {
	r := v.keys.ring
	if r == nil {
		return nil, nil, nil, fmt.Errorf("copying the keys: %w", ErrNoKeyFile)
	}
	r.write.Lock()
	defer r.write.Unlock()
	keys, err1 := r.disk.Read(r.name)
	safe, err2 := r.disk.Read(r.name + safeSuffix)
	halves, err3 := r.disk.Read(r.name + halvesSuffix) // whoever changes it holds the same lock
	if errors.Is(err3, fs.ErrNotExist) {
		halves, err3 = nil, nil
	}
	if err := errors.Join(r.broken, err1, err2, err3); err != nil {
		return nil, nil, nil, fmt.Errorf("copying the keys: %w", err)
	}
	return keys, safe, halves, nil
}
