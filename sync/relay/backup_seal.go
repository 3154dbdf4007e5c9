package relay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"filippo.io/age"
)

// A sealed backup is for a place others can read: whatever is in it is sealed to keys that are not on this machine, as the
// age format says (C2SP, age-encryption.org/v1), so not even the relay can read what it wrote. It is a folder for the store
// and another for the keys, as any backup is:
//
//	store/20261122T071500Z-1f3a/base.age    a copy of the store
//	                            000001.age  what was committed after the copy was begun
//	                            000002.age  and after that, without a gap
//	store/media/<id>.age                    customers' files, as they are
//	store/keys-000007.age                   the sealed keys of contacts and devices, and the lists of who was erased and wiped
//	keys/keys-000007.age                    the safe that opens them, and the relay's own keys
//
// Of the keys there is the newest version alone. They fit every copy of the store, and whoever was erased since is in none
// of them: a copy that is older does not bring him back.

const (
	sealedSuffix = ".age"
	baseName     = "base" + sealedSuffix
	keysPrefix   = "keys-"
	mediaFolder  = "media"
	halfSuffix   = ".part" // of a file that is being written
	headName     = "head.json"
	ownerName    = "relay-id" // says whose backups a folder holds
	sealedFormat = 1
)

// ErrIdentity means that a backup is sealed to other keys than the one at hand.
var ErrIdentity = errors.New("this identity does not open the backup: it was sealed to another one")

// ErrNoRoom means that a disk is full.
var ErrNoRoom = errors.New("there is no room left on the disk")

// ErrGap means that a file between the copy and the end of a backup is missing.
var ErrGap = errors.New("a part of the backup is missing")

// ErrOtherRelay means that a folder holds the backups of another relay.
var ErrOtherRelay = errors.New("the folder holds the backups of another relay; name one of its own")

// A shipHead is the first file inside every sealed one.
type shipHead struct {
	Format  int           `json:"format"`
	Chain   string        `json:"chain,omitempty"`
	Number  int           `json:"number"`         // 0 is the copy
	Prev    string        `json:"prev,omitempty"` // SHA-256 of the sealed file before, of increments from the second on
	Made    time.Time     `json:"made"`
	Oldest  *time.Time    `json:"oldest,omitempty"` // when the first commit in it was made
	Took    time.Duration `json:"took,omitempty"`   // to write the increment before
	Keys    int           `json:"keys,omitempty"`   // the version of the keys it needs, or a newer one
	Version string        `json:"version,omitempty"`
}

// ParseRecipients reads the keys a backup is sealed to: each an age recipient ("age1..."), or the name of a file of them.
// Errors wrap [ErrConfig].
func ParseRecipients(list []string) (out []age.Recipient, err error) {
	for _, one := range list {
		text := one
		if !strings.HasPrefix(one, "age1") {
			raw, err := os.ReadFile(one)
			if err != nil {
				return nil, wrong("backup.recipients: %v; write a recipient such as age-keygen prints, age1..., or a file of them", err)
			}
			text = string(raw)
		}
		if strings.Contains(text, "AGE-SECRET-KEY") || strings.Contains(text, "AGE-PLUGIN") {
			return nil, wrong("backup.recipients: that is an identity, the secret half. Keep it away from this machine, and write its recipient (age-keygen -y)")
		}
		some, err := age.ParseRecipients(strings.NewReader(text))
		if err != nil {
			return nil, wrong("backup.recipients: no age recipient, such as age-keygen prints: age1...")
		}
		out = append(out, some...)
	}
	return out, nil
}

// ReadIdentities reads the secret half from a file as age-keygen makes it.
func ReadIdentities(file string) ([]age.Identity, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("reading the identity: %w", err)
	}
	defer f.Close()
	ids, err := age.ParseIdentities(f)
	if err != nil {
		return nil, wrong("%s holds no age identity, such as age-keygen makes", file)
	}
	return ids, nil
}

// withRoom adds [ErrNoRoom] to an error that means it.
func withRoom(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) {
		return fmt.Errorf("%w: %w", ErrNoRoom, err)
	}
	return err
}

// sealToFile writes a sealed file, durably, whole or not at all, and returns the SHA-256 of what is on the disk, and its size.
func sealToFile(ctx context.Context, path string, to []age.Recipient, head shipHead, write func(*packer) error) (sum string, size int64, err error) {
	half := path + halfSuffix
	defer func() {
		if err != nil {
			os.Remove(half)
			err = fmt.Errorf("writing %s: %w", filepath.Base(path), withRoom(err))
		}
	}()
	f, err := os.OpenFile(half, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return "", 0, err
	}
	h := sha256.New()
	var n int64
	err = func() error {
		w, err := age.Encrypt(io.MultiWriter(heeding{ctx, f}, h, counter{func(at int64) { n = at }, new(int64)}), to...)
		if err != nil {
			return err
		}
		out := newPacker(w)
		if err := out.addHead(head); err != nil {
			return err
		}
		if err := write(out); err != nil {
			return err
		}
		return errors.Join(out.end(), w.Close())
	}()
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", 0, err
	}
	if err := os.Rename(half, path); err != nil {
		return "", 0, err
	}
	syncFolder(filepath.Dir(path))
	return hex.EncodeToString(h.Sum(nil)), n, nil
}

func (p *packer) addHead(head shipHead) error {
	head.Format = sealedFormat
	text, err := json.Marshal(head)
	if err != nil {
		return err
	}
	return p.addBytes(headName, text)
}

func (p *packer) addBytes(name string, content []byte) error {
	return p.add(name, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

func (p *packer) addFile(name, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	err = p.add(name, func(w io.Writer) error {
		_, err := io.Copy(w, f)
		return err
	})
	return errors.Join(err, f.Close())
}

// openSealedFile reads a sealed file: its head, the SHA-256 of what is on the disk, and each file in it through sink. Errors:
// [ErrIdentity], [ErrBackup] for one that is not what was written, those of sink.
func openSealedFile(ctx context.Context, path string, ids []age.Identity, sink func(name string, content io.Reader) error) (head shipHead, sum string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return head, "", fmt.Errorf("reading the backup: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	name := filepath.Base(path)
	raw := &heedingReader{ctx: ctx, r: f, h: h}
	bad := fmt.Errorf("%w: %s is cut short or damaged", ErrBackup, name)
	plain, err := age.Decrypt(raw, ids...)
	var other *age.NoIdentityMatchError
	switch {
	case errors.As(err, &other):
		return head, "", ErrIdentity
	case raw.err != nil:
		return head, "", raw.err
	case err != nil:
		return head, "", bad
	}
	first := true
	err = unpack(plain, func(name string, content io.Reader) error {
		if first {
			first = false
			text, err := io.ReadAll(io.LimitReader(content, 1<<20))
			if err != nil || name != headName || json.Unmarshal(text, &head) != nil {
				return errPack
			}
			if head.Format != sealedFormat {
				return fmt.Errorf("%w: it is of another version of Sealdesk (%s)", ErrBackup, head.Version)
			}
			_, err = io.Copy(io.Discard, content)
			return err
		}
		return sink(name, content)
	})
	if err == nil {
		// The end of the sealed stream tells that it is the end.
		if n, e := io.Copy(io.Discard, plain); e != nil || n > 0 {
			err = errPack
		} else if _, err = io.Copy(io.Discard, raw); err != nil {
			return head, "", err
		}
	}
	switch {
	case raw.err != nil:
		return head, "", raw.err
	case errors.Is(err, errPack) || err == nil && first:
		return head, "", bad
	}
	return head, hex.EncodeToString(h.Sum(nil)), err
}

// heedingReader gives up when ctx ends, and sums what it reads. err is what the disk said, or ctx.
type heedingReader struct {
	ctx context.Context
	r   io.Reader
	h   hash.Hash
	err error
}

func (r *heedingReader) Read(b []byte) (int, error) {
	if r.err = r.ctx.Err(); r.err != nil {
		return 0, r.err
	}
	n, err := r.r.Read(b)
	r.h.Write(b[:n])
	if err != nil && err != io.EOF {
		r.err = fmt.Errorf("reading the backup: %w", err)
	}
	return n, err
}

// takeSealed fills a folder with a sealed backup of one moment: the same two folders a running relay ships to, with a copy alone.
func takeSealed(ctx context.Context, a Admin, cfg Config, dir, version string, to []age.Recipient, progress func(string, int64)) (parts []BackupManifest, err error) {
	now := time.Now()
	name := now.UTC().Format("20060102T150405.000Z-0000")
	store, keys := filepath.Join(dir, partStore), filepath.Join(dir, partKeys)
	for _, folder := range []string{filepath.Join(store, name), keys} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, fmt.Errorf("making the folder: %w", withRoom(err))
		}
	}
	var held []keyFile
	head := shipHead{Chain: name, Made: now, Version: version}
	_, size, err := sealToFile(ctx, filepath.Join(store, name, baseName), to, head, func(out *packer) error {
		err := takeThrough(ctx, a, func(name string, content io.Reader) error {
			part, rest, _ := strings.Cut(name, "/")
			if part == partKeys || strings.HasPrefix(rest, filepath.Base(cfg.KeyFile())) {
				b, err := io.ReadAll(content)
				held = append(held, keyFile{part, rest, b})
				return err
			}
			return out.add(name, func(w io.Writer) error {
				_, err := io.Copy(io.MultiWriter(w, counter{func(n int64) {
					if progress != nil {
						progress(name, n)
					}
				}, new(int64)}), content)
				return err
			})
		})
		if err != nil {
			return err
		}
		return (&Relay{cfg: cfg}).packConfig(out)
	})
	if err != nil {
		return nil, err
	}
	sizes := map[string]int64{partStore: size}
	for part, folder := range map[string]string{partStore: store, partKeys: keys} {
		size, err := sealKeys(ctx, filepath.Join(folder, keysName(1)), to, shipHead{Number: 1, Made: now, Version: version}, part, held, cfg.TLS.Key)
		if err != nil {
			return nil, err
		}
		sizes[part] += size
	}
	for _, part := range []string{partStore, partKeys} {
		parts = append(parts, BackupManifest{Format: sealedFormat, Part: part, Made: now.UTC().Truncate(time.Second), Version: version, Files: []BackupFile{{Name: "sealed", Size: sizes[part]}}})
	}
	return parts, nil
}
