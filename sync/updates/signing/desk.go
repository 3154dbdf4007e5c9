package signing

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"sealdesk/sync/updates"
)

// The keys of a desk. Root keys belong to three people and off the machine the rest is on.
const (
	Targets = "targets"
	Fresh   = "fresh"
)

// Roots are the names of the root keys; rootNeeded of them sign a root.
var Roots = []string{"root-1", "root-2", "root-3"}

const rootNeeded = 2

// Life is how long a state of the feed is good for at most, and unless somebody says less; rootLife how long a root is.
const (
	Life     = 90 * 24 * time.Hour
	rootLife = 2 * 365 * 24 * time.Hour
)

// Errors of a desk.
var (
	// ErrThere means that there is a desk already.
	ErrThere = errors.New("there are keys already")
	// ErrNoDesk means that there is none.
	ErrNoDesk = errors.New("there is no feed here yet")
	// ErrNoRelease means that no release of the feed has that version.
	ErrNoRelease = errors.New("the feed has no release of that version")
	// ErrSame means that the feed has a file of that name with another content.
	ErrSame = errors.New("the feed has another file of that name: a version is released once")
	// ErrNoInstaller means that a file is none of the client's installers by its name, such as sealdesk-client_1.4.0_amd64.deb.
	ErrNoInstaller = errors.New("this is no installer of the client")
	// ErrStaged means that no new root waits for signatures, or that one does already.
	ErrStaged = errors.New("a new root")
	// ErrLife means that a span is not between an hour and [Life].
	ErrLife = errors.New("a feed is good for between an hour and 90 days")
)

// Ask returns the passphrase of a key, chosen anew when fresh is set. An empty one makes a key for tests.
type Ask func(key string, fresh bool) ([]byte, error)

// A Desk is the release engineer's folder.
type Desk struct {
	dir string
	ask Ask
	now func() time.Time
	// opened are keys whose passphrase was given in this run.
	opened map[string]signature.Signer
}

// Open returns the desk in a folder, which need not exist before [Desk.Init].
func Open(dir string, ask Ask, now func() time.Time) *Desk {
	return &Desk{dir: dir, ask: ask, now: now, opened: map[string]signature.Signer{}}
}

// Feed is the folder to publish.
func (d *Desk) Feed() string { return filepath.Join(d.dir, "feed") }

// Key is the file of a key.
func (d *Desk) Key(name string) string { return filepath.Join(d.dir, "keys", name+".key") }

func (d *Desk) staged() string { return filepath.Join(d.dir, "staged.root.json") }

// Anchor is the feed's first root.json: what builds are made with and policy pins.
func (d *Desk) Anchor() ([]byte, error) {
	raw, err := os.ReadFile(filepath.Join(d.Feed(), "1.root.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoDesk
	}
	return raw, err
}

// Init makes the keys, a root signed by all three root keys, and a feed without a release. Errors: ErrThere, ErrWeak.
func (d *Desk) Init(ctx context.Context, life time.Duration) error {
	for _, name := range append(slices.Clone(Roots), Targets, Fresh) {
		if _, err := os.Stat(d.Key(name)); err == nil {
			return ErrThere
		}
	}
	if _, err := d.Anchor(); err == nil {
		return ErrThere
	}
	for _, dir := range []string{filepath.Join(d.dir, "keys"), filepath.Join(d.Feed(), "targets")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	root := metadata.Root(d.until(rootLife))
	root.Signed.ConsistentSnapshot = true
	root.Signed.UnrecognizedFields = map[string]any{updates.NamesField: map[string]any{}}
	root.Signed.Roles[metadata.ROOT].Threshold = rootNeeded
	for _, name := range append(slices.Clone(Roots), Targets, Fresh) {
		if err := d.makeKey(root, name); err != nil {
			return err
		}
	}
	for _, name := range Roots {
		if err := signWith(d, root, name); err != nil {
			return err
		}
	}
	if err := d.publish("1.root.json", root); err != nil {
		return err
	}
	return d.state(ctx, life, func(*metadata.Metadata[metadata.TargetsType]) error { return nil })
}

// rolesOf says for what a key signs.
func rolesOf(name string) []string {
	switch name {
	case Targets:
		return []string{metadata.TARGETS}
	case Fresh:
		return []string{metadata.SNAPSHOT, metadata.TIMESTAMP}
	}
	return []string{metadata.ROOT}
}

// makeKey makes a key and has a root name it.
func (d *Desk) makeKey(root *metadata.Metadata[metadata.RootType], name string) error {
	passphrase, err := d.ask(name, true)
	if err != nil {
		return err
	}
	defer clear(passphrase)
	k, private, err := newKey(name, passphrase)
	if err != nil {
		return fmt.Errorf("making the key %s: %w", name, err)
	}
	if err := k.write(d.Key(name)); err != nil {
		return err
	}
	if d.opened[name], err = signature.LoadED25519Signer(private); err != nil {
		return err
	}
	public, id, err := k.tuf()
	if err != nil {
		return err
	}
	names, _ := root.Signed.UnrecognizedFields[updates.NamesField].(map[string]any)
	names[id] = name
	for _, role := range rolesOf(name) {
		if err := root.Signed.AddKey(public, role); err != nil {
			return err
		}
	}
	return nil
}

func (d *Desk) signer(name string) (signature.Signer, error) {
	if s := d.opened[name]; s != nil {
		return s, nil
	}
	k, err := readKey(d.Key(name))
	if err != nil {
		return nil, err
	}
	s, err := signer(k, d.ask)
	if err == nil {
		d.opened[name] = s
	}
	return s, err
}

func signWith[T metadata.Roles](d *Desk, m *metadata.Metadata[T], name string) error {
	s, err := d.signer(name)
	if err != nil {
		return err
	}
	_, err = m.Sign(s)
	return err
}

func (d *Desk) until(life time.Duration) time.Time {
	return d.now().Add(life).UTC().Truncate(time.Second)
}

// publish writes a part of the feed; what is there is replaced only by a whole one.
func (d *Desk) publish(name string, m interface{ ToBytes(bool) ([]byte, error) }) error {
	raw, err := m.ToBytes(true)
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return replace(filepath.Join(d.Feed(), name), raw)
}

func replace(file string, raw []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(raw)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}

// standing is the state of the feed: what its timestamp leads to. All nil before the first.
type standing struct {
	timestamp *metadata.Metadata[metadata.TimestampType]
	snapshot  *metadata.Metadata[metadata.SnapshotType]
	targets   *metadata.Metadata[metadata.TargetsType]
}

func (d *Desk) read() (n standing, err error) {
	file := filepath.Join(d.Feed(), "timestamp.json")
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return n, nil
	}
	if n.timestamp, err = metadata.Timestamp().FromFile(file); err != nil {
		return n, err
	}
	v := n.timestamp.Signed.Meta["snapshot.json"]
	if v == nil {
		return n, updates.ErrMalformed
	}
	if n.snapshot, err = metadata.Snapshot().FromFile(filepath.Join(d.Feed(), versioned(v.Version, "snapshot"))); err != nil {
		return n, err
	}
	if v = n.snapshot.Signed.Meta["targets.json"]; v == nil {
		return n, updates.ErrMalformed
	}
	n.targets, err = metadata.Targets().FromFile(filepath.Join(d.Feed(), versioned(v.Version, "targets")))
	return n, err
}

func versioned(n int64, role string) string { return strconv.FormatInt(n, 10) + "." + role + ".json" }

// state makes the next state of the feed: change says how the targets differ. It is verified before it is called done.
func (d *Desk) state(ctx context.Context, life time.Duration, change func(*metadata.Metadata[metadata.TargetsType]) error) error {
	if life < time.Hour || life > Life {
		return ErrLife
	}
	if _, err := d.Anchor(); err != nil {
		return err
	}
	n, err := d.read()
	if err != nil {
		return fmt.Errorf("reading the feed: %w", err)
	}
	targets, snapshot := metadata.Targets(d.until(life)), metadata.Snapshot(d.until(life))
	if n.targets != nil {
		targets.Signed.Targets = n.targets.Signed.Targets
		targets.Signed.Version = n.targets.Signed.Version + 1
		snapshot.Signed.Version = n.snapshot.Signed.Version + 1
	}
	if err := change(targets); err != nil {
		return err
	}
	if err := signWith(d, targets, Targets); err != nil {
		return err
	}
	if snapshot.Signed.Meta["targets.json"], err = metaOf(targets, targets.Signed.Version); err != nil {
		return err
	}
	if err := signWith(d, snapshot, Fresh); err != nil {
		return err
	}
	if err := d.publish(versioned(targets.Signed.Version, "targets"), targets); err != nil {
		return err
	}
	if err := d.publish(versioned(snapshot.Signed.Version, "snapshot"), snapshot); err != nil {
		return err
	}
	return d.stamp(ctx, n, snapshot, d.until(life))
}

// metaOf binds a part to its exact bytes: its version alone would let another part of that version pass.
func metaOf(m interface{ ToBytes(bool) ([]byte, error) }, version int64) (*metadata.MetaFiles, error) {
	raw, err := m.ToBytes(true)
	if err != nil {
		return nil, err
	}
	out, file := metadata.MetaFile(version), metadata.TargetFile()
	if file, err = file.FromBytes("part", raw, "sha256"); err != nil {
		return nil, err
	}
	out.Length, out.Hashes = file.Length, file.Hashes
	return out, nil
}

// stamp signs which snapshot is the newest, and verifies the whole.
func (d *Desk) stamp(ctx context.Context, n standing, snapshot *metadata.Metadata[metadata.SnapshotType], until time.Time) (err error) {
	timestamp := metadata.Timestamp(until)
	if n.timestamp != nil {
		timestamp.Signed.Version = n.timestamp.Signed.Version + 1
	}
	if timestamp.Signed.Meta["snapshot.json"], err = metaOf(snapshot, snapshot.Signed.Version); err != nil {
		return err
	}
	if err := signWith(d, timestamp, Fresh); err != nil {
		return err
	}
	if err := d.publish("timestamp.json", timestamp); err != nil {
		return err
	}
	f, err := d.Verify(ctx)
	if err != nil {
		return err
	}
	return d.tidy(f)
}

// tidy removes what the feed does not name any more: whoever carries it carries nothing in vain.
func (d *Desk) tidy(f updates.Feed) error {
	list, err := os.ReadDir(filepath.Join(d.Feed(), "targets"))
	if err != nil {
		return err
	}
	for _, e := range list {
		place := "targets/" + e.Name()
		if !slices.ContainsFunc(f.Files, func(file updates.File) bool { return file.Place() == place }) {
			err = errors.Join(err, os.Remove(filepath.Join(d.Feed(), place)))
		}
	}
	return err
}

// Verify reads the feed as a stranger would who trusts its first root, files included.
func (d *Desk) Verify(ctx context.Context) (updates.Feed, error) {
	anchor, err := d.Anchor()
	if err != nil {
		return updates.Feed{}, err
	}
	seen, err := os.MkdirTemp("", "sealdesk-feed-*")
	if err != nil {
		return updates.Feed{}, err
	}
	defer os.RemoveAll(seen)
	from := updates.Folder(d.Feed())
	f, err := updates.Verify(ctx, updates.Config{Root: anchor, From: from, Dir: seen, Now: d.now()})
	if err != nil {
		return f, err
	}
	for _, file := range f.Files {
		if err := f.Fetch(ctx, from, file, nowhere{}); err != nil {
			return f, fmt.Errorf("%s: %w", file.Name, err)
		}
	}
	return f, nil
}

type nowhere struct{}

func (nowhere) Write(b []byte) (int, error) { return len(b), nil }

// Refresh says again that the feed is the newest, for as long as targets allows. It needs the key fresh alone.
func (d *Desk) Refresh(ctx context.Context, life time.Duration) (time.Time, error) {
	if life < time.Hour || life > Life {
		return time.Time{}, ErrLife
	}
	n, err := d.read()
	if err != nil {
		return time.Time{}, err
	}
	if n.timestamp == nil {
		return time.Time{}, ErrNoDesk
	}
	until := d.until(life)
	for _, bound := range []time.Time{n.targets.Signed.Expires, n.snapshot.Signed.Expires} {
		if bound.Before(until) {
			until = bound
		}
	}
	return until, d.stamp(ctx, n, n.snapshot, until)
}

func equalBytes(file string, raw []byte) bool {
	there, err := os.ReadFile(file)
	return err == nil && bytes.Equal(there, raw)
}

func custom(r updates.Release) (*json.RawMessage, error) {
	raw, err := json.Marshal(r)
	return (*json.RawMessage)(&raw), err
}
