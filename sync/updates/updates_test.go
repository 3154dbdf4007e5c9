package updates_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"sealdesk/sync/updates"
	"sealdesk/sync/updates/signing"
)

var start = time.Date(2031, 5, 4, 9, 0, 0, 0, time.UTC)

// maker is a release engineer with keys for tests, and a clock.
type maker struct {
	*signing.Desk
	t   *testing.T
	dir string
	now time.Time
}

func newMaker(t *testing.T) *maker {
	t.Helper()
	m := &maker{t: t, dir: t.TempDir(), now: start}
	m.Desk = signing.Open(m.dir, func(string, bool) ([]byte, error) { return nil, nil }, func() time.Time { return m.now })
	m.must(m.Init(t.Context(), signing.Life))
	return m
}

func (m *maker) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

var notes = map[string]string{"en": "Faster.", "de": "Schneller.", "it": "Più veloce."}

// release signs one deb of a version.
func (m *maker) release(version string, ring updates.Ring) {
	m.t.Helper()
	file := filepath.Join(m.t.TempDir(), "sealdesk-client_"+version+"_amd64.deb")
	m.must(os.WriteFile(file, []byte("installer of "+version), 0o600))
	m.must(m.Sign(m.t.Context(), signing.Wish{Version: version, Ring: ring, Notes: notes}, []string{file}, signing.Life))
}

func (m *maker) anchor() []byte {
	raw, err := m.Anchor()
	m.must(err)
	return raw
}

// signed signs with a key of the desk, as whoever has its file can.
func signed[T metadata.Roles](m *maker, meta *metadata.Metadata[T], key string) {
	m.t.Helper()
	raw, err := os.ReadFile(m.Key(key))
	m.must(err)
	var k struct {
		Seed []byte `json:"for_tests_only"`
	}
	m.must(json.Unmarshal(raw, &k))
	s, err := signature.LoadED25519Signer(ed25519.NewKeyFromSeed(k.Seed))
	m.must(err)
	_, err = meta.Sign(s)
	m.must(err)
}

// forge makes a feed of everything the key of freshness can sign: targets of its own, and what leads to them.
func (m *maker) forge(feed string) {
	m.t.Helper()
	bind := func(raw []byte, version int64) *metadata.MetaFiles {
		f, err := metadata.TargetFile().FromBytes("part", raw, "sha256")
		m.must(err)
		return &metadata.MetaFiles{Version: version, Length: f.Length, Hashes: f.Hashes}
	}
	targets, err := metadata.Targets().FromFile(filepath.Join(feed, "2.targets.json"))
	m.must(err)
	snapshot, err := metadata.Snapshot().FromFile(filepath.Join(feed, "2.snapshot.json"))
	m.must(err)
	timestamp, err := metadata.Timestamp().FromFile(filepath.Join(feed, "timestamp.json"))
	m.must(err)
	targets.ClearSignatures()
	targets.Signed.Version = 3
	signed(m, targets, signing.Fresh)
	raw, err := targets.ToBytes(true)
	m.must(errors.Join(err, os.WriteFile(filepath.Join(feed, "3.targets.json"), raw, 0o600)))
	snapshot.ClearSignatures()
	snapshot.Signed.Version, snapshot.Signed.Meta["targets.json"] = 3, bind(raw, 3)
	signed(m, snapshot, signing.Fresh)
	raw, err = snapshot.ToBytes(true)
	m.must(errors.Join(err, os.WriteFile(filepath.Join(feed, "3.snapshot.json"), raw, 0o600)))
	timestamp.ClearSignatures()
	timestamp.Signed.Version, timestamp.Signed.Meta["snapshot.json"] = 3, bind(raw, 3)
	signed(m, timestamp, signing.Fresh)
	raw, err = timestamp.ToBytes(true)
	m.must(errors.Join(err, os.WriteFile(filepath.Join(feed, "timestamp.json"), raw, 0o600)))
}

// reader is somebody who believes feeds.
type reader struct {
	updates.Config
	t *testing.T
}

func (m *maker) reader() *reader {
	return &reader{updates.Config{Root: m.anchor(), From: updates.Folder(m.Feed()), Dir: m.t.TempDir(), Now: m.now}, m.t}
}

func (r *reader) read() (updates.Feed, error) { return updates.Verify(r.t.Context(), r.Config) }

func (r *reader) want(is error) {
	r.t.Helper()
	_, err := r.read()
	if !errors.Is(err, is) || is == nil && err != nil {
		r.t.Fatalf("got %v, want %v", err, is)
	}
}

func copyFeed(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

var laptop = updates.Device{OS: "linux", Arch: "amd64", Kinds: []updates.Kind{updates.Deb}, Ring: updates.Broad, Version: "1.3.0"}

func TestAReleaseIsOfferedAndFetchedAsItWasSigned(t *testing.T) {
	m := newMaker(t)
	m.release("1.3.0", updates.Broad)
	m.release("1.4.0", updates.Broad)
	f, err := m.reader().read()
	m.must(err)
	o := f.For(laptop)
	if !o.Found() || o.File.Version != "1.4.0" || o.TooOld || o.File.Notes["de"] != "Schneller." {
		t.Fatalf("offered: %+v", o)
	}
	var got bytes.Buffer
	m.must(f.Fetch(t.Context(), updates.Folder(m.Feed()), o.File, &got))
	if got.String() != "installer of 1.4.0" {
		t.Fatal("another file came")
	}
	if r := f.Roles[0]; r.Name != "root" || r.Needed != 2 || strings.Join(r.Signers, " ") != "root-1 root-2 root-3" {
		t.Errorf("root is told as %+v", r)
	}
	if !f.Expires.Equal(start.Add(signing.Life)) {
		t.Errorf("runs out %v", f.Expires)
	}
}

// What must be refused, and with which sentence. Each row has seen a sound feed before.
func TestAFeedIsRefusedThat(t *testing.T) {
	edit := func(t *testing.T, file string, how func([]byte) []byte) {
		raw, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(file, how(raw), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		is   string
		want error
		do   func(t *testing.T, m *maker, r *reader, feed string) // feed is a copy to spoil, at 1.4.0; r reads it next
	}{
		{"is older than what was seen", updates.ErrRollback, func(t *testing.T, m *maker, r *reader, feed string) {
			m.release("1.5.0", updates.Broad)
			r.From = updates.Folder(m.Feed())
			r.want(nil)
			r.From = updates.Folder(feed)
		}},
		{"has run out", updates.ErrExpired, func(t *testing.T, m *maker, r *reader, feed string) { r.Now = start.Add(signing.Life + time.Second) }},
		{"has another byte in targets", updates.ErrTampered, func(t *testing.T, m *maker, r *reader, feed string) {
			edit(t, filepath.Join(feed, "2.targets.json"), func(b []byte) []byte { return bytes.Replace(b, []byte(`"pilot"`), []byte(`"early"`), 1) })
		}},
		{"has another byte in snapshot", updates.ErrTampered, func(t *testing.T, m *maker, r *reader, feed string) {
			edit(t, filepath.Join(feed, "2.snapshot.json"), func(b []byte) []byte { return bytes.Replace(b, []byte("2031"), []byte("2032"), 1) })
		}},
		{"has another byte in timestamp", updates.ErrSignature, func(t *testing.T, m *maker, r *reader, feed string) {
			edit(t, filepath.Join(feed, "timestamp.json"), func(b []byte) []byte { return bytes.Replace(b, []byte("2031"), []byte("2032"), 1) })
		}},
		{"mixes the targets of one state with the snapshot of another", updates.ErrTampered, func(t *testing.T, m *maker, r *reader, feed string) {
			edit(t, filepath.Join(feed, "2.targets.json"), func([]byte) []byte {
				old, err := os.ReadFile(filepath.Join(feed, "1.targets.json"))
				m.must(err)
				return old
			})
		}},
		{"mixes the snapshot of one state with the timestamp of another", updates.ErrTampered, func(t *testing.T, m *maker, r *reader, feed string) {
			edit(t, filepath.Join(feed, "2.snapshot.json"), func([]byte) []byte {
				old, err := os.ReadFile(filepath.Join(feed, "1.snapshot.json"))
				m.must(err)
				return old
			})
		}},
		{"somebody made who stole the key of freshness, the only one a server could have", updates.ErrSignature, func(t *testing.T, m *maker, r *reader, feed string) {
			m.forge(feed)
		}},
		{"a stranger made with keys and a root of his own", updates.ErrSignature, func(t *testing.T, m *maker, r *reader, feed string) {
			stranger := newMaker(t)
			stranger.release("9.9.9", updates.Broad)
			r.From = updates.Folder(stranger.Feed())
		}},
		{"has a root signed by one of two", updates.ErrSignature, func(t *testing.T, m *maker, r *reader, feed string) {
			root, err := metadata.Root().FromFile(filepath.Join(feed, "1.root.json"))
			m.must(err)
			root.ClearSignatures()
			root.Signed.Version = 2
			signed(m, root, "root-2")
			m.must(root.ToFile(filepath.Join(feed, "2.root.json"), true))
		}},
		{"has a root signed twice by the same holder", updates.ErrMalformed, func(t *testing.T, m *maker, r *reader, feed string) {
			root, err := metadata.Root().FromFile(filepath.Join(feed, "1.root.json"))
			m.must(err)
			root.ClearSignatures()
			root.Signed.Version = 2
			signed(m, root, "root-2")
			signed(m, root, "root-2")
			m.must(root.ToFile(filepath.Join(feed, "2.root.json"), true))
		}},
		{"has a timestamp without end", updates.ErrTooLarge, func(t *testing.T, m *maker, r *reader, feed string) {
			r.From = endless{updates.Folder(feed), "timestamp.json"}
		}},
		{"has a root without end", updates.ErrTooLarge, func(t *testing.T, m *maker, r *reader, feed string) {
			r.From = endless{updates.Folder(feed), "2.root.json"}
		}},
		{"has more targets than were signed", updates.ErrTooLarge, func(t *testing.T, m *maker, r *reader, feed string) {
			r.From = endless{updates.Folder(feed), "2.targets.json"}
		}},
		{"lacks its snapshot", updates.ErrIncomplete, func(t *testing.T, m *maker, r *reader, feed string) {
			m.must(os.Remove(filepath.Join(feed, "2.snapshot.json")))
		}},
		{"is no feed", updates.ErrIncomplete, func(t *testing.T, m *maker, r *reader, feed string) { r.From = updates.Folder(t.TempDir()) }},
		{"is none at all", updates.ErrIncomplete, func(t *testing.T, m *maker, r *reader, feed string) {
			r.From = updates.Folder(filepath.Join(feed, "none"))
		}},
		{"is read by a build that trusts nobody", updates.ErrNoAnchor, func(t *testing.T, m *maker, r *reader, feed string) { r.Root = nil }},
	} {
		t.Run(c.is, func(t *testing.T) {
			m := newMaker(t)
			m.release("1.4.0", updates.Pilot)
			feed := copyFeed(t, m.Feed())
			r := m.reader()
			if c.want != updates.ErrTampered && c.want != updates.ErrTooLarge && c.want != updates.ErrIncomplete {
				r.want(nil)
			}
			r.From = updates.Folder(feed)
			c.do(t, m, r, feed)
			r.want(c.want)
			if got, want := updates.Passing(c.want), c.want == updates.ErrExpired; got != want {
				t.Error("it is judged wrong whether it passes")
			}
		})
	}
}

// endless never ends one file.
type endless struct {
	updates.Source
	name string
}

func (e endless) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if name == e.name {
		return io.NopCloser(zeros{}), nil
	}
	return e.Source.Open(ctx, name)
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestAnExpiredFeedIsWellAgainOnceItIsRenewed(t *testing.T) {
	m := newMaker(t)
	m.release("1.4.0", updates.Broad)
	r := m.reader()
	r.want(nil)
	m.now = start.Add(signing.Life + time.Hour)
	r.Now = m.now
	r.want(updates.ErrExpired)
	m.must(m.Sign(t.Context(), signing.Wish{}, nil, signing.Life))
	r.want(nil)
}

func TestRefreshNeedsOnlyTheKeyOfFreshnessAndNeverOutlivesTargets(t *testing.T) {
	m := newMaker(t)
	m.must(m.Sign(t.Context(), signing.Wish{}, nil, 48*time.Hour))
	m.must(os.Remove(m.Key(signing.Targets)))
	m.now = start.Add(24 * time.Hour)
	again := signing.Open(m.dir, func(string, bool) ([]byte, error) { return nil, nil }, func() time.Time { return m.now })
	until, err := again.Refresh(t.Context(), signing.Life)
	m.must(err)
	if !until.Equal(start.Add(48 * time.Hour)) {
		t.Errorf("good until %v", until)
	}
}

func TestANewRootTakesOverFromAStolenKeyAndTheOldOneIsForgotten(t *testing.T) {
	m := newMaker(t)
	m.release("1.4.0", updates.Broad)
	before := copyFeed(t, m.Feed())
	r := m.reader()
	r.want(nil)
	m.must(m.Rotate(signing.Targets))
	left, err := m.Countersign(t.Context(), m.Key("root-1"), signing.Life)
	m.must(err)
	if left != 1 {
		t.Fatalf("%d signatures are missing after one of two", left)
	}
	if _, err := os.Stat(filepath.Join(m.Feed(), "2.root.json")); err == nil {
		t.Fatal("published with one signature")
	}
	if left, err = m.Countersign(t.Context(), m.Key("root-3"), signing.Life); err != nil || left != 0 {
		t.Fatal(left, err)
	}
	r.want(nil)
	// Who saw the new root does not go back to what the old key signed.
	r.From = updates.Folder(before)
	r.want(updates.ErrRollback)
	// A holder of a lost root key is replaced by the two others.
	m.must(os.Remove(m.Key("root-2")))
	m.must(m.Rotate("root-2"))
	for _, name := range []string{"root-1", "root-2"} {
		left, err = m.Countersign(t.Context(), m.Key(name), signing.Life)
		m.must(err)
	}
	if left != 1 {
		t.Fatal("one key of the root before was enough")
	}
	if left, err = m.Countersign(t.Context(), m.Key("root-3"), signing.Life); err != nil || left != 0 {
		t.Fatal(left, err)
	}
	r.From = updates.Folder(m.Feed())
	r.want(nil)
}

func TestAKeyIsKeptWhenItsSuccessorCannotBeMade(t *testing.T) {
	m := newMaker(t)
	mute := signing.Open(m.dir, func(string, bool) ([]byte, error) { return nil, errors.New("nobody is there") }, time.Now)
	if err := mute.Rotate(signing.Targets); err == nil {
		t.Fatal("a key was made without a passphrase")
	}
	m.release("1.4.0", updates.Broad)
}

func TestWhatADeviceIsOffered(t *testing.T) {
	file := func(version string, ring updates.Ring, change ...func(*updates.Release)) updates.File {
		r := updates.Release{OS: "linux", Arch: "amd64", Kind: updates.Deb, Version: version, Ring: ring, Minimum: "0.0.0", Notes: notes}
		for _, c := range change {
			c(&r)
		}
		return updates.File{Name: "sealdesk-client_" + version, Release: r}
	}
	minimum := func(v string) func(*updates.Release) { return func(r *updates.Release) { r.Minimum = v } }
	system := func(v string) func(*updates.Release) { return func(r *updates.Release) { r.System = v } }
	windows := func(r *updates.Release) { r.OS, r.Kind = "windows", updates.MSI }
	with := func(change func(*updates.Device)) updates.Device { d := laptop; change(&d); return d }
	for _, c := range []struct {
		rule   string
		device updates.Device
		files  []updates.File
		want   string // version
		tooOld bool
		system string
	}{
		{"the newest", laptop, []updates.File{file("1.4.0", updates.Broad), file("1.10.0", updates.Broad), file("1.9.0", updates.Broad)}, "1.10.0", false, ""},
		{"nothing older: no downgrade", laptop, []updates.File{file("1.2.9", updates.Broad)}, "", false, ""},
		{"nothing equal", laptop, []updates.File{file("1.3.0", updates.Broad)}, "", false, ""},
		{"a candidate is older than its release", laptop, []updates.File{file("1.3.0-rc.1", updates.Broad)}, "", false, ""},
		{"nothing of a narrower ring", laptop, []updates.File{file("1.4.0", updates.Early), file("1.5.0", updates.Pilot)}, "", false, ""},
		{"early sees early", with(func(d *updates.Device) { d.Ring = updates.Early }), []updates.File{file("1.4.0", updates.Early), file("1.5.0", updates.Pilot)}, "1.4.0", false, ""},
		{"pilot sees the wider rings", with(func(d *updates.Device) { d.Ring = updates.Pilot }), []updates.File{file("1.4.0", updates.Broad), file("1.3.5", updates.Pilot)}, "1.4.0", false, ""},
		{"nothing for another system", laptop, []updates.File{file("1.4.0", updates.Broad, windows)}, "", false, ""},
		{"nothing for another machine", with(func(d *updates.Device) { d.Arch = "arm64" }), []updates.File{file("1.4.0", updates.Broad)}, "", false, ""},
		{"too old is told", laptop, []updates.File{file("1.4.0", updates.Broad, minimum("1.3.1"))}, "1.4.0", true, ""},
		{"the minimum itself is allowed", laptop, []updates.File{file("1.4.0", updates.Broad, minimum("1.3.0"))}, "1.4.0", false, ""},
		{"a minimum of a narrower ring does not count", laptop, []updates.File{file("1.4.0", updates.Pilot, minimum("1.4.0"))}, "", false, ""},
		{"the system is too old for the newest", with(func(d *updates.Device) { d.System = "10.0.19044" }), []updates.File{file("1.5.0", updates.Broad, system("10.0.19045"), minimum("1.5.0")), file("1.4.0", updates.Broad)}, "1.4.0", false, "10.0.19045"},
		{"a build without a version is offered nothing", with(func(d *updates.Device) { d.Version = "dev" }), []updates.File{file("1.4.0", updates.Broad, minimum("1.4.0"))}, "", false, ""},
		{"a ring that is none sees nothing", with(func(d *updates.Device) { d.Ring = "everybody" }), []updates.File{file("1.4.0", updates.Broad)}, "", false, ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			o := updates.Feed{Files: c.files}.For(c.device)
			if o.File.Version != c.want || o.TooOld != c.tooOld || o.System != c.system {
				t.Errorf("offered %q, too old %v, system %q", o.File.Version, o.TooOld, o.System)
			}
		})
	}
}

func TestAReleaseCannotBeSignedThat(t *testing.T) {
	for is, change := range map[string]func(*signing.Wish){
		"has no version":             func(w *signing.Wish) { w.Version = "latest" },
		"has a ring that is none":    func(w *signing.Wish) { w.Ring = "all" },
		"nobody could be allowed by": func(w *signing.Wish) { w.Minimum = "1.4.1" },
		"lacks a language":           func(w *signing.Wish) { w.Notes = maps.Clone(notes); delete(w.Notes, "it") },
	} {
		t.Run(is, func(t *testing.T) {
			m := newMaker(t)
			file := filepath.Join(t.TempDir(), "sealdesk-client_1.4.0_amd64.deb")
			m.must(os.WriteFile(file, []byte("x"), 0o600))
			w := signing.Wish{Version: "1.4.0", Ring: updates.Broad, Notes: notes}
			change(&w)
			if err := m.Sign(t.Context(), w, []string{file}, signing.Life); !errors.Is(err, updates.ErrMalformed) {
				t.Errorf("got %v", err)
			}
			f, err := m.Verify(t.Context())
			if err != nil || len(f.Files) > 0 {
				t.Errorf("the feed is not as it was: %v", err)
			}
		})
	}
}

func TestWhatIsNoInstallerOfTheClientIsNotReleased(t *testing.T) {
	m := newMaker(t)
	for _, name := range []string{"sealdesk-relay_1.4.0_amd64.deb", "SHA256SUMS", "sealdesk-client_1.4.0.deb", "other_1.4.0_amd64.deb"} {
		file := filepath.Join(t.TempDir(), name)
		m.must(os.WriteFile(file, []byte("x"), 0o600))
		if err := m.Sign(t.Context(), signing.Wish{Version: "1.4.0", Ring: updates.Broad, Notes: notes}, []string{file}, signing.Life); !errors.Is(err, signing.ErrNoInstaller) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAVersionIsReleasedOnceMovedAndWithdrawn(t *testing.T) {
	m := newMaker(t)
	m.release("1.4.0", updates.Pilot)
	file := filepath.Join(t.TempDir(), "sealdesk-client_1.4.0_amd64.deb")
	m.must(os.WriteFile(file, []byte("something else"), 0o600))
	if err := m.Sign(t.Context(), signing.Wish{Version: "1.4.0", Ring: updates.Broad, Notes: notes}, []string{file}, signing.Life); !errors.Is(err, signing.ErrSame) {
		t.Errorf("another file under a name that is taken: %v", err)
	}
	offered := func() updates.Offer {
		f, err := m.reader().read()
		m.must(err)
		return f.For(laptop)
	}
	if offered().Found() {
		t.Error("a pilot's release is offered to everybody")
	}
	m.must(m.Promote(t.Context(), "1.4.0", updates.Broad, signing.Life))
	if !offered().Found() || offered().TooOld {
		t.Error("not offered once it is broad")
	}
	m.must(m.Require(t.Context(), "1.4.0", signing.Life))
	if !offered().TooOld {
		t.Error("the version before is not told that it is too old")
	}
	m.must(m.Withdraw(t.Context(), "1.4.0", signing.Life))
	if offered().Found() || offered().TooOld {
		t.Error("offered although withdrawn")
	}
	if err := m.Withdraw(t.Context(), "1.4.0", signing.Life); !errors.Is(err, signing.ErrNoRelease) {
		t.Errorf("withdrawn twice: %v", err)
	}
}

// What is withdrawn goes with its lists of parts, and leaves those of other versions, the most alike of names included.
func TestWhatCameWithAVersionIsWithdrawnWithIt(t *testing.T) {
	m := newMaker(t)
	for _, version := range []string{"1.4.0", "1.4.0-rc.1", "1.4.1"} {
		dir := t.TempDir()
		var files []string
		for _, name := range []string{"sealdesk-client_" + version + "-1_amd64.deb", "sealdesk-client-" + version + "-linux-amd64.cdx.json", "sealdesk-relay-" + version + "-linux-amd64.cdx.json"} {
			files = append(files, filepath.Join(dir, name))
			m.must(os.WriteFile(files[len(files)-1], []byte(name), 0o600))
		}
		m.must(m.Sign(t.Context(), signing.Wish{Version: version, Ring: updates.Broad, Notes: notes}, files, signing.Life))
	}
	left := func() (names []string) {
		f, err := m.reader().read()
		m.must(err)
		for _, file := range f.Files {
			names = append(names, file.Name)
		}
		kept, err := os.ReadDir(filepath.Join(m.Feed(), "targets"))
		m.must(err)
		if len(kept) != len(names) {
			t.Errorf("the folder holds %d files, the feed %d", len(kept), len(names))
		}
		return names
	}
	for i, version := range []string{"1.4.0", "1.4.1", "1.4.0-rc.1"} {
		m.must(m.Withdraw(t.Context(), version, signing.Life))
		names := left()
		if len(names) != 3*(2-i) || slices.ContainsFunc(names, func(n string) bool {
			return strings.Contains(n, version+"-1_") || strings.Contains(n, version+"-linux")
		}) {
			t.Errorf("after %s: %q", version, names)
		}
	}
}

func TestAFetchedFileIsRefusedThat(t *testing.T) {
	m := newMaker(t)
	m.release("1.4.0", updates.Broad)
	f, err := m.reader().read()
	m.must(err)
	file := f.For(laptop).File
	for is, c := range map[string]struct {
		content string
		want    error
	}{
		"has another byte": {"installer of 1.4.1", updates.ErrTampered},
		"is longer":        {"installer of 1.4.0 and more", updates.ErrTooLarge},
		"is cut short":     {"installer", updates.ErrTampered},
	} {
		t.Run(is, func(t *testing.T) {
			feed := copyFeed(t, m.Feed())
			m.must(os.WriteFile(filepath.Join(feed, filepath.FromSlash(file.Place())), []byte(c.content), 0o600))
			if err := f.Fetch(t.Context(), updates.Folder(feed), file, io.Discard); !errors.Is(err, c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAWebFeedThatDoesNotAnswerIsGivenUp(t *testing.T) {
	m := newMaker(t)
	hang := make(chan struct{})
	for is, c := range map[string]struct {
		answer http.HandlerFunc
		want   error
	}{
		"slow": {func(w http.ResponseWriter, q *http.Request) {
			w.Write([]byte("{"))
			w.(http.Flusher).Flush()
			select {
			case <-hang:
			case <-q.Context().Done():
			}
		}, updates.ErrSlow},
		"broken": {func(w http.ResponseWriter, q *http.Request) { http.Error(w, "no", http.StatusInternalServerError) }, updates.ErrUnreachable},
		"busy":   {func(w http.ResponseWriter, q *http.Request) { http.Error(w, "no", http.StatusTooManyRequests) }, updates.ErrUnreachable},
		"other": {func(w http.ResponseWriter, q *http.Request) {
			io.WriteString(w, "<html>sign in to this network</html>")
		}, updates.ErrMalformed},
	} {
		t.Run(is, func(t *testing.T) {
			server := httptest.NewServer(c.answer)
			defer server.Close()
			r := m.reader()
			r.From, r.Patience = updates.Web(server.Client(), server.URL+"/updates"), 100*time.Millisecond
			if c.want != updates.ErrSlow {
				r.Patience = 0
			}
			r.want(c.want)
		})
	}
	close(hang)
	server := httptest.NewServer(http.StripPrefix("/updates/", http.FileServerFS(os.DirFS(m.Feed()))))
	r := m.reader()
	r.From = updates.Web(server.Client(), server.URL+"/updates/")
	r.want(nil)
	server.Close()
	r.want(updates.ErrUnreachable)
}

func TestAMirrorHasAllOfTheFeedAndNothingElse(t *testing.T) {
	m := newMaker(t)
	m.release("1.3.0", updates.Broad)
	m.release("1.4.0", updates.Pilot)
	m.must(m.Rotate(""))
	for _, name := range []string{"root-1", "root-2"} {
		_, err := m.Countersign(t.Context(), m.Key(name), signing.Life)
		m.must(err)
	}
	server := httptest.NewServer(http.StripPrefix("/updates/", http.FileServerFS(os.DirFS(m.Feed()))))
	defer server.Close()
	into := t.TempDir()
	r := m.reader()
	r.From = updates.Web(server.Client(), server.URL+"/updates/")
	m.must(updates.Mirror(t.Context(), r.Config, into))
	other := m.reader()
	other.From = updates.Folder(into)
	f, err := other.read()
	m.must(err)
	for _, file := range f.Files {
		m.must(f.Fetch(t.Context(), updates.Folder(into), file, io.Discard))
	}
	if len(f.Files) != 2 || f.Roles[0].Version != 2 {
		t.Errorf("mirrored: %+v", f)
	}
	if old, err := filepath.Glob(filepath.Join(into, "1.targets.json")); err != nil || len(old) > 0 {
		t.Error("an older state was mirrored")
	}
}

func TestAPinNamesTheFirstRoot(t *testing.T) {
	m := newMaker(t)
	sum := sha256.Sum256(m.anchor())
	pin := hex.EncodeToString(sum[:])
	got, err := updates.Pinned(t.Context(), updates.Folder(m.Feed()), " "+strings.ToUpper(pin)+"\n")
	if err != nil || !bytes.Equal(got, m.anchor()) {
		t.Errorf("the pinned root is not taken: %v", err)
	}
	if _, err := updates.Pinned(t.Context(), updates.Folder(newMaker(t).Feed()), pin); !errors.Is(err, updates.ErrPin) {
		t.Errorf("another root is taken: %v", err)
	}
}

func TestOnlyTheNamesOfAFeedAreServed(t *testing.T) {
	digest := strings.Repeat("0a", 32)
	for name, want := range map[string]bool{
		"timestamp.json": true, "1.root.json": true, "12.targets.json": true, "3.snapshot.json": true, "targets/" + digest + ".sealdesk-client_1.4.0_amd64.deb": true,
		"root.json": false, "0.root.json": false, "../timestamp.json": false, "targets/../timestamp.json": false, "targets/" + digest: false,
		"targets/" + digest + "..x": false, "targets/" + digest + ".a/b": false, "targets/" + digest + ".a\\b": false, "": false, "timestamp.json\n": false,
	} {
		if updates.Served(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

func TestKeysAreNeverMadeWeakNorOverOthers(t *testing.T) {
	dir := t.TempDir()
	desk := func(says string) *signing.Desk {
		return signing.Open(dir, func(string, bool) ([]byte, error) { return []byte(says), nil }, time.Now)
	}
	if err := desk("short").Init(t.Context(), signing.Life); !errors.Is(err, signing.ErrWeak) {
		t.Errorf("a weak passphrase: %v", err)
	}
	if err := desk("").Init(t.Context(), signing.Life); err != nil {
		t.Fatal(err)
	}
	if err := desk("").Init(t.Context(), signing.Life); !errors.Is(err, signing.ErrThere) {
		t.Errorf("keys made over others: %v", err)
	}
}

func FuzzWhatAFileSaysOfItself(f *testing.F) {
	f.Add("sealdesk-client_1.4.0_amd64.deb")
	f.Add("Sealdesk-1.4.0-x64.msi")
	f.Fuzz(func(t *testing.T, name string) {
		if r, with, ok := signing.Read(name); ok && !with && (r.OS == "" || r.Arch == "" || r.Kind == "") {
			t.Error("a release without a system")
		}
	})
}
