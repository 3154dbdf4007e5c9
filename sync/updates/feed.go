package updates

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"
)

// Errors of a feed. Each is a sentence for people.
var (
	// ErrNoAnchor means that this build was given no root.json, or none that can be read.
	ErrNoAnchor = errors.New("this build trusts nobody's updates: it was made without a root.json")
	// ErrPin means that the feed's first root.json is not the one that is pinned.
	ErrPin = errors.New("the feed's first root.json is not the pinned one")
	// ErrExpired means that a part of the feed is older than it may be. Nothing is wrong with what is installed.
	ErrExpired = errors.New("the feed has run out: it must be renewed by whoever makes the releases")
	// ErrRollback means that the feed is older than what was seen before.
	ErrRollback = errors.New("the feed is older than what was seen before")
	// ErrSignature means that a part of the feed is not signed by the keys that count, or by too few of them.
	ErrSignature = errors.New("the feed is not signed by those who may")
	// ErrTampered means that something is not what was signed.
	ErrTampered = errors.New("a part of the feed is not what was signed")
	// ErrTooLarge means that something is larger than it may be.
	ErrTooLarge = errors.New("a part of the feed is larger than it may be")
	// ErrIncomplete means that a part of the feed is missing.
	ErrIncomplete = errors.New("a part of the feed is missing")
	// ErrMalformed means that something cannot be read.
	ErrMalformed = errors.New("a part of the feed cannot be read")
	// ErrUnreachable means that there is no feed where it should be, or that it was cut short.
	ErrUnreachable = errors.New("the feed cannot be reached")
	// ErrSlow means that a feed took longer than anybody should wait.
	ErrSlow = errors.New("the feed is too slow")
)

// Passing reports whether an error of a feed goes away by itself, or by a renewed feed. Any other one means that somebody
// must look.
func Passing(err error) bool {
	return errors.Is(err, ErrExpired) || errors.Is(err, ErrUnreachable) || errors.Is(err, ErrSlow)
}

// Bounds of what is read before it is believed, in bytes.
const (
	maxRoot      = 64 << 10
	maxTimestamp = 16 << 10
	maxSnapshot  = 16 << 10
	maxTargets   = 1 << 20
	maxFile      = 1 << 30
	maxRotations = 64
)

// How long a feed may take.
const (
	patience = 30 * time.Second // for all that is signed, and before the first byte of a file
	slowest  = 4 << 10          // bytes a second of a file
)

// builtin is the root.json of this build in base64, set by the linker:
//
//	-ldflags "-X sealdesk/sync/updates.builtin=$(base64 -w0 root.json)"
var builtin string

// Builtin returns the root.json this build was made with; nil when there is none.
func Builtin() []byte {
	raw, err := base64.StdEncoding.DecodeString(builtin)
	if err != nil || len(raw) == 0 {
		return nil
	}
	return raw
}

// Pinned fetches a feed's first root.json and returns it if its SHA-256 is pin, in hexadecimal. Errors: ErrPin,
// ErrUnreachable, ErrIncomplete, ErrTooLarge.
func Pinned(ctx context.Context, from Source, pin string) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, ErrSlow)
	defer cancel()
	raw, err := readAll(ctx, from, "1.root.json", maxRoot)
	if err != nil {
		return nil, fmt.Errorf("reading the pinned root: %w", judge(ctx, err))
	}
	if sum := sha256.Sum256(raw); !strings.EqualFold(hex.EncodeToString(sum[:]), strings.TrimSpace(pin)) {
		return nil, ErrPin
	}
	return raw, nil
}

// Config says what is verified and against what.
type Config struct {
	Root []byte // the anchor: see [Builtin] and [Pinned]
	From Source
	// Dir remembers what was seen, so that nobody can lead back behind it. It belongs to whoever believes; it is made.
	Dir      string
	Now      time.Time     // zero: time.Now
	Patience time.Duration // for all that is signed; 0: 30 s
}

// A File is one file of a feed. One without a Kind is no release, but comes with one: a list of parts, checksums.
type File struct {
	Name   string
	Size   int64
	SHA256 string // hexadecimal
	Release
}

// Place is the file's name in the feed's folder: it holds the hash, so it never means another file.
func (f File) Place() string { return "targets/" + f.SHA256 + "." + f.Name }

// A Role is a part of a feed: who signed it and until when it may be believed.
type Role struct {
	Name    string // root, targets, snapshot or timestamp
	Version int64
	Expires time.Time
	Signers []string // what root calls their keys, or the beginning of a key's id
	Needed  int      // how many must sign
}

// A Feed is what was verified.
type Feed struct {
	Files   []File    // the newest release first
	Roles   []Role    // root, targets, snapshot, timestamp
	Expires time.Time // when the first of the roles runs out
	Parts   []string  // names of the files of the roles: all roots, and one of each other
}

// Bytes is the size of all files.
func (f Feed) Bytes() (n int64) {
	for _, file := range f.Files {
		n += file.Size
	}
	return n
}

// plainName is what a file of a feed may be called.
var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+~-]{0,199}$`)

// Served reports whether a name is one a feed's folder may have, by its form.
func Served(name string) bool { return served.MatchString(name) }

var served = regexp.MustCompile(`^(timestamp\.json|[1-9][0-9]{0,9}\.(root|snapshot|targets)\.json|targets/[0-9a-f]{64}\.[A-Za-z0-9][A-Za-z0-9._+~-]{0,199})$`)

// Verify reads a feed and returns it if everything in it is signed by those who may, fits together, is not older than what
// was seen before and has not run out. Errors are those of this package.
func Verify(ctx context.Context, cfg Config) (Feed, error) {
	if cfg.Patience == 0 {
		cfg.Patience = patience
	}
	if cfg.Now.IsZero() {
		cfg.Now = time.Now()
	}
	ctx, cancel := context.WithTimeoutCause(ctx, cfg.Patience, ErrSlow)
	defer cancel()
	f, err := verify(ctx, cfg)
	if err != nil {
		return Feed{}, fmt.Errorf("verifying the feed: %w", judge(ctx, err))
	}
	return f, nil
}

func verify(ctx context.Context, cfg Config) (Feed, error) {
	if len(cfg.Root) == 0 {
		return Feed{}, ErrNoAnchor
	}
	if _, err := trustedmetadata.New(cfg.Root); err != nil {
		return Feed{}, fmt.Errorf("%w: %w", ErrNoAnchor, err)
	}
	// Another anchor is another history: what one remembers must not judge the other.
	anchor := sha256.Sum256(cfg.Root)
	dir := filepath.Join(cfg.Dir, hex.EncodeToString(anchor[:8]))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Feed{}, err
	}
	const remote = "feed:"
	u, err := updater.New(&config.UpdaterConfig{
		MaxRootRotations: maxRotations, RootMaxLength: maxRoot, TimestampMaxLength: maxTimestamp, SnapshotMaxLength: maxSnapshot,
		TargetsMaxLength: maxTargets, Fetcher: fetcher{ctx, cfg.From, remote + "/"}, LocalTrustedRoot: newestRoot(dir, cfg.Root),
		LocalMetadataDir: dir, LocalTargetsDir: dir, RemoteMetadataURL: remote, RemoteTargetsURL: remote, PrefixTargetsWithHash: true,
	})
	if err != nil {
		return Feed{}, err
	}
	u.UnsafeSetRefTime(cfg.Now.UTC())
	if err := u.Refresh(); err != nil {
		return Feed{}, err
	}
	return feedOf(u.GetTrustedMetadataSet())
}

// newestRoot is the root that was trusted last, or the anchor: who has seen a new root cannot be told of the old one again.
func newestRoot(dir string, anchor []byte) []byte {
	raw, err := os.ReadFile(filepath.Join(dir, "root.json"))
	if err != nil {
		return anchor
	}
	kept, err := trustedmetadata.New(raw)
	if err != nil {
		return anchor
	}
	first, err := trustedmetadata.New(anchor)
	if err != nil || kept.Root.Signed.Version < first.Root.Signed.Version {
		return anchor
	}
	return raw
}

func feedOf(t trustedmetadata.TrustedMetadata) (f Feed, err error) {
	root, targets := t.Root, t.Targets[metadata.TARGETS]
	names, _ := root.Signed.UnrecognizedFields[NamesField].(map[string]any)
	role := func(name string, version int64, expires time.Time, signatures []metadata.Signature) {
		r := Role{Name: name, Version: version, Expires: expires, Needed: root.Signed.Roles[name].Threshold}
		for _, s := range signatures {
			if !slices.Contains(root.Signed.Roles[name].KeyIDs, s.KeyID) {
				continue // of a key that counted for the root before
			}
			called, ok := names[s.KeyID].(string)
			if !ok {
				called = s.KeyID[:min(8, len(s.KeyID))]
			}
			r.Signers = append(r.Signers, called)
		}
		slices.Sort(r.Signers)
		f.Roles = append(f.Roles, r)
		if f.Expires.IsZero() || expires.Before(f.Expires) {
			f.Expires = expires
		}
	}
	role(metadata.ROOT, root.Signed.Version, root.Signed.Expires, root.Signatures)
	role(metadata.TARGETS, targets.Signed.Version, targets.Signed.Expires, targets.Signatures)
	role(metadata.SNAPSHOT, t.Snapshot.Signed.Version, t.Snapshot.Signed.Expires, t.Snapshot.Signatures)
	role(metadata.TIMESTAMP, t.Timestamp.Signed.Version, t.Timestamp.Signed.Expires, t.Timestamp.Signatures)
	for n := int64(1); n <= root.Signed.Version; n++ {
		f.Parts = append(f.Parts, strconv.FormatInt(n, 10)+".root.json")
	}
	f.Parts = append(f.Parts, strconv.FormatInt(targets.Signed.Version, 10)+".targets.json",
		strconv.FormatInt(t.Snapshot.Signed.Version, 10)+".snapshot.json", "timestamp.json")
	for _, name := range slices.Sorted(maps.Keys(targets.Signed.Targets)) {
		file, err := fileOf(name, targets.Signed.Targets[name])
		if err != nil {
			return Feed{}, err
		}
		f.Files = append(f.Files, file)
	}
	slices.SortStableFunc(f.Files, byRelease)
	return f, nil
}

// NamesField is where root says what people call each key, by its id.
const NamesField = "x-sealdesk-names"

func fileOf(name string, t *metadata.TargetFiles) (File, error) {
	sum := t.Hashes["sha256"]
	if !plainName.MatchString(name) || len(sum) != sha256.Size || t.Length < 0 {
		return File{}, fmt.Errorf("%w: a file has no plain name, no SHA-256 or no size", ErrMalformed)
	}
	if t.Length > maxFile {
		return File{}, ErrTooLarge
	}
	f := File{Name: name, Size: t.Length, SHA256: hex.EncodeToString(sum)}
	if t.Custom == nil {
		return f, nil
	}
	if err := json.Unmarshal(*t.Custom, &f.Release); err != nil {
		return File{}, fmt.Errorf("%w: what is said of a file", ErrMalformed)
	}
	return f, f.Check()
}

// Fetch copies a file of the feed to w and returns nil if it is what was signed. What w got before an error must be thrown
// away. A file may take as long as it needs at 4 KiB a second.
func (f Feed) Fetch(ctx context.Context, from Source, file File, w io.Writer) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience+time.Duration(file.Size/slowest)*time.Second, ErrSlow)
	defer cancel()
	if err := fetch(ctx, from, file, w); err != nil {
		return fmt.Errorf("fetching a file of the feed: %w", judge(ctx, err))
	}
	return nil
}

func fetch(ctx context.Context, from Source, file File, w io.Writer) error {
	r, err := from.Open(ctx, file.Place())
	if err != nil {
		return err
	}
	defer r.Close()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, sum), io.LimitReader(r, file.Size+1))
	switch {
	case err != nil:
		return err
	case n > file.Size:
		return ErrTooLarge
	case n < file.Size, hex.EncodeToString(sum.Sum(nil)) != file.SHA256:
		return ErrTampered
	}
	return nil
}

// Mirror verifies a feed and copies all of it into a folder that is empty, timestamp.json last.
func Mirror(ctx context.Context, cfg Config, into string) error {
	f, err := Verify(ctx, cfg)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(into, "targets"), 0o700); err != nil {
		return fmt.Errorf("making a folder for the feed: %w", err)
	}
	for _, file := range f.Files {
		w, err := os.Create(filepath.Join(into, filepath.FromSlash(file.Place())))
		if err != nil {
			return fmt.Errorf("copying the feed: %w", err)
		}
		if err := errors.Join(f.Fetch(ctx, cfg.From, file, w), w.Close()); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, ErrSlow)
	defer cancel()
	for _, name := range f.Parts {
		raw, err := readAll(ctx, cfg.From, name, maxTargets)
		if err != nil {
			return fmt.Errorf("copying the feed: %w", judge(ctx, err))
		}
		if err := os.WriteFile(filepath.Join(into, name), raw, 0o600); err != nil {
			return fmt.Errorf("copying the feed: %w", err)
		}
	}
	return nil
}

// judge says which of our errors one is.
func judge(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && ctx.Err() != nil {
		return cause
	}
	var missing *metadata.ErrDownloadHTTP
	for _, known := range []error{ErrNoAnchor, ErrPin, ErrTooLarge, ErrTampered, ErrMalformed, ErrUnreachable, ErrIncomplete} {
		if errors.Is(err, known) {
			return err
		}
	}
	switch {
	case errors.As(err, &missing) && missing.StatusCode == http.StatusNotFound:
		return ErrIncomplete
	case errors.Is(err, &metadata.ErrExpiredMetadata{}):
		return ErrExpired
	case errors.Is(err, &metadata.ErrUnsignedMetadata{}):
		return ErrSignature
	case errors.Is(err, &metadata.ErrLengthOrHashMismatch{}):
		return ErrTampered
	case errors.Is(err, &metadata.ErrBadVersionNumber{}):
		return ErrRollback
	case isOfDisk(err):
		return err
	}
	return fmt.Errorf("%w: %w", ErrMalformed, err)
}

func isOfDisk(err error) bool {
	var path *os.PathError
	return errors.As(err, &path)
}
