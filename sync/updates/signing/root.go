package signing

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"sealdesk/sync/updates"
)

// root reads the newest root of the feed.
func (d *Desk) root() (*metadata.Metadata[metadata.RootType], error) {
	if _, err := d.Anchor(); err != nil {
		return nil, err
	}
	for n := int64(1); ; n++ {
		next := filepath.Join(d.Feed(), versioned(n+1, "root"))
		if _, err := os.Stat(next); errors.Is(err, fs.ErrNotExist) {
			return metadata.Root().FromFile(filepath.Join(d.Feed(), versioned(n, "root")))
		} else if err != nil {
			return nil, err
		}
	}
}

// Rotate makes a key in the place of the one of that name, and stages a root that says so; with no name the root is only
// renewed. The root waits for [Desk.Countersign]. The old key's file is kept beside the others, as old-NAME-ID.key: an old root
// key still signs its own replacement. Errors: ErrStaged, ErrNoDesk.
func (d *Desk) Rotate(name string) error {
	if _, err := os.Stat(d.staged()); err == nil {
		return fmt.Errorf("%w waits for signatures already: %s", ErrStaged, d.staged())
	}
	root, err := d.root()
	if err != nil {
		return err
	}
	root.ClearSignatures()
	root.Signed.Version++
	root.Signed.Expires = d.until(rootLife)
	if name != "" {
		if err := d.replaceKey(root, name); err != nil {
			return err
		}
	}
	raw, err := root.ToBytes(true)
	if err != nil {
		return err
	}
	return replace(d.staged(), raw)
}

func (d *Desk) replaceKey(root *metadata.Metadata[metadata.RootType], name string) error {
	names, ok := root.Signed.UnrecognizedFields[updates.NamesField].(map[string]any)
	if !ok {
		return updates.ErrMalformed
	}
	old := ""
	for _, id := range slices.Sorted(maps.Keys(names)) {
		if names[id] == name {
			old = id
		}
	}
	if old == "" {
		return fmt.Errorf("%w: there is no key %q", ErrKey, name)
	}
	for _, role := range rolesOf(name) {
		if err := root.Signed.RevokeKey(old, role); err != nil {
			return err
		}
	}
	delete(names, old)
	// The file may be elsewhere, with the person it belongs to, or lost: that is what rotating is for.
	aside := d.Key("old-" + name + "-" + old[:8])
	err := os.Rename(d.Key(name), aside)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	had := err == nil
	if err := d.makeKey(root, name); err != nil {
		if _, made := os.Stat(d.Key(name)); had && errors.Is(made, fs.ErrNotExist) {
			err = errors.Join(err, os.Rename(aside, d.Key(name)))
		}
		return err
	}
	return nil
}

// Countersign signs the staged root with the key in a file, and publishes it once enough have signed: two keys of the root
// before and two of the new one. left is how many signatures are missing. With the last one the feed is signed anew by the keys
// the new root names.
func (d *Desk) Countersign(ctx context.Context, file string, life time.Duration) (left int, err error) {
	staged, err := metadata.Root().FromFile(d.staged())
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("%w waits for no signature", ErrStaged)
	}
	if err != nil {
		return 0, err
	}
	before, err := d.root()
	if err != nil {
		return 0, err
	}
	k, err := readKey(file)
	if err != nil {
		return 0, err
	}
	_, id, err := k.tuf()
	if err != nil {
		return 0, err
	}
	if !slices.Contains(before.Signed.Roles[metadata.ROOT].KeyIDs, id) && !slices.Contains(staged.Signed.Roles[metadata.ROOT].KeyIDs, id) {
		return 0, fmt.Errorf("%w of the root: %s", ErrKey, k.Name)
	}
	if !slices.ContainsFunc(staged.Signatures, func(s metadata.Signature) bool { return s.KeyID == id }) {
		s, err := signer(k, d.ask)
		if err != nil {
			return 0, err
		}
		if _, err := staged.Sign(s); err != nil {
			return 0, err
		}
	}
	for _, root := range []*metadata.Metadata[metadata.RootType]{before, staged} {
		signed := 0
		for _, s := range staged.Signatures {
			if slices.Contains(root.Signed.Roles[metadata.ROOT].KeyIDs, s.KeyID) {
				signed++
			}
		}
		left = max(left, root.Signed.Roles[metadata.ROOT].Threshold-signed)
	}
	raw, err := staged.ToBytes(true)
	if err != nil {
		return left, err
	}
	if err := replace(d.staged(), raw); err != nil || left > 0 {
		return left, err
	}
	if err := errors.Join(before.VerifyDelegate(metadata.ROOT, staged), staged.VerifyDelegate(metadata.ROOT, staged)); err != nil {
		return 0, fmt.Errorf("%w: %w", updates.ErrSignature, err)
	}
	if err := d.publish(versioned(staged.Signed.Version, "root"), staged); err != nil {
		return 0, err
	}
	if err := os.Remove(d.staged()); err != nil {
		return 0, err
	}
	clear(d.opened)
	return 0, d.Sign(ctx, Wish{}, nil, life)
}
