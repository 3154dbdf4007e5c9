package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sealdesk/app/managed"
	"sealdesk/sync/updates"
	"sealdesk/sync/updates/signing"
	"sealdesk/sync/wire"
	"sealdesk/ui"
)

// feedServer is a relay's end of the feed, with a release engineer behind it.
type feedServer struct {
	*signing.Desk
	*httptest.Server
	t      *testing.T
	now    time.Time // the release engineer's clock
	folder string    // what is served; "" is nothing
}

func newFeedServer(t *testing.T) *feedServer {
	s := &feedServer{t: t, now: time.Now()}
	s.Desk = signing.Open(t.TempDir(), func(string, bool) ([]byte, error) { return nil, nil }, func() time.Time { return s.now })
	if err := s.Init(t.Context(), signing.Life); err != nil {
		t.Fatal(err)
	}
	s.folder = s.Feed()
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		name, ok := strings.CutPrefix(q.URL.Path, updatesPath)
		if !ok || s.folder == "" || !updates.Served(name) {
			http.NotFound(w, q)
			return
		}
		http.ServeFile(w, q, filepath.Join(s.folder, filepath.FromSlash(name)))
	}))
	s.Server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	t.Cleanup(s.Close)
	return s
}

func (s *feedServer) release(version string, change func(*signing.Wish)) {
	s.t.Helper()
	ext := map[string]string{"linux": ".deb", "windows": ".msi", "darwin": ".pkg"}[runtime.GOOS]
	file := filepath.Join(s.t.TempDir(), "sealdesk-client_"+version+"_"+runtime.GOARCH+ext)
	w := signing.Wish{Version: version, Ring: updates.Broad, Notes: map[string]string{"en": "Faster.", "de": "Schneller.", "it": "Più veloce."}}
	if change != nil {
		change(&w)
	}
	err := os.WriteFile(file, []byte("installer of "+version), 0o600)
	if err == nil {
		err = s.Sign(s.t.Context(), w, []string{file}, signing.Life)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *feedServer) pins() []wire.Pin {
	return []wire.Pin{wire.PinOf(s.Certificate().RawSubjectPublicKeyInfo)}
}

func (s *feedServer) address() string { return strings.TrimPrefix(s.URL, "https://") }

func (s *feedServer) anchor() []byte {
	raw, err := s.Anchor()
	if err != nil {
		s.t.Fatal(err)
	}
	return raw
}

// policyOf is the policy a file with these keys is.
func policyOf(t *testing.T, keys map[string]any) func() (*managed.Policy, error) {
	raw, err := json.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	var raws []managed.Raw
	for k, v := range keys {
		raws = append(raws, managed.Raw{Key: k, Value: v, Place: "policy.json"})
	}
	p, err := managed.Resolve(raws)
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return func() (*managed.Policy, error) { return p, nil }
}

func (s *feedServer) updater(policy map[string]any) *updater {
	return &updater{dir: s.t.TempDir(), version: "1.3.0", log: slog.New(slog.DiscardHandler), anchor: s.anchor(), policy: policyOf(s.t, policy),
		relay: func(context.Context) (relayPlace, error) { return relayPlace{s.address(), s.pins()}, nil }}
}

func TestWhatALaptopIsToldOfUpdates(t *testing.T) {
	plain := func(s *feedServer) { s.release("1.4.0", nil) }
	for is, c := range map[string]struct {
		policy   map[string]any
		feed     func(*feedServer)
		want     ui.UpdateState
		version  string
		tooOld   bool
		auto     bool
		answered bool
	}{
		"a newer version":            {nil, plain, ui.UpdateOffered, "1.4.0", false, false, true},
		"with automatic installing":  {map[string]any{"UpdateMode": "auto"}, plain, ui.UpdateOffered, "1.4.0", false, true, true},
		"not looked for":             {map[string]any{"UpdateMode": "off"}, plain, ui.UpdateOff, "", false, false, true},
		"of a ring it is not in":     {nil, func(s *feedServer) { s.release("1.4.0", func(w *signing.Wish) { w.Ring = updates.Pilot }) }, ui.UpdateCurrent, "", false, false, true},
		"of the pilot's ring":        {map[string]any{"UpdateRing": "pilot"}, func(s *feedServer) { s.release("1.4.0", func(w *signing.Wish) { w.Ring = updates.Pilot }) }, ui.UpdateOffered, "1.4.0", false, false, true},
		"only an older one":          {nil, func(s *feedServer) { s.release("1.2.0", nil) }, ui.UpdateCurrent, "", false, false, true},
		"that it is too old":         {nil, func(s *feedServer) { s.release("1.4.0", func(w *signing.Wish) { w.Minimum = "1.4.0" }) }, ui.UpdateOffered, "1.4.0", true, false, true},
		"by a relay without a feed":  {nil, func(s *feedServer) { s.folder = "" }, ui.UpdateUnknown, "", false, false, false},
		"by a feed that has run out": {nil, func(s *feedServer) { s.now = s.now.Add(-signing.Life - time.Hour); s.release("1.4.0", nil) }, ui.UpdateStale, "", false, false, true},
		"by a stranger's feed": {nil, func(s *feedServer) {
			other := newFeedServer(s.t)
			other.release("9.9.9", nil)
			s.folder = other.Feed()
		}, ui.UpdateRefused, "", false, false, true},
	} {
		t.Run(is, func(t *testing.T) {
			s := newFeedServer(t)
			if strings.Contains(is, "run out") {
				s = staleServer(t)
			} else {
				c.feed(s)
			}
			u := s.updater(c.policy)
			if got := u.look(t.Context()); got != c.answered {
				t.Errorf("answered: %v", got)
			}
			got := u.Update()
			if got.State != c.want || got.Version != c.version || got.TooOld != c.tooOld || got.Auto != c.auto {
				t.Errorf("told %+v", got)
			}
		})
	}
}

// staleServer serves a feed that was made so long ago that it has run out.
func staleServer(t *testing.T) *feedServer {
	s := newFeedServer(t)
	past := time.Now().Add(-signing.Life - time.Hour)
	old := signing.Open(t.TempDir(), func(string, bool) ([]byte, error) { return nil, nil }, func() time.Time { return past })
	if err := old.Init(t.Context(), signing.Life); err != nil {
		t.Fatal(err)
	}
	s.Desk, s.folder = old, old.Feed()
	return s
}

func TestWhatIsKnownStaysKnownWhenNobodyAnswers(t *testing.T) {
	s := newFeedServer(t)
	s.release("1.4.0", nil)
	u := s.updater(nil)
	u.look(t.Context())
	s.Close()
	if u.look(t.Context()) || u.Update().State != ui.UpdateOffered {
		t.Errorf("told %+v", u.Update())
	}
}

func TestOnlyThePinnedServerIsBelievedToBeTheRelay(t *testing.T) {
	s := newFeedServer(t)
	s.release("1.4.0", nil)
	u := s.updater(nil)
	u.relay = func(context.Context) (relayPlace, error) { return relayPlace{s.address(), []wire.Pin{{7}}}, nil }
	if u.look(t.Context()) || u.Update().State != ui.UpdateUnknown {
		t.Errorf("told %+v", u.Update())
	}
}

func TestANewFileInThePlaceOfTheProgramIsTold(t *testing.T) {
	s := newFeedServer(t)
	u := s.updater(nil)
	u.program = filepath.Join(t.TempDir(), "sealdesk")
	put := func(content string) {
		t.Helper()
		if err := errors.Join(os.WriteFile(u.program+".new", []byte(content), 0o700), os.Rename(u.program+".new", u.program)); err != nil {
			t.Fatal(err)
		}
	}
	put("old")
	var err error
	if u.began, err = os.Stat(u.program); err != nil {
		t.Fatal(err)
	}
	if u.look(t.Context()); u.Update().Ready {
		t.Error("told before anything changed")
	}
	put("newer")
	if u.look(t.Context()); !u.Update().Ready {
		t.Error("not told")
	}
}

// installerOf is the machine's updater, with the system's tools put down instead of run.
func (s *feedServer) installer(policy map[string]any, ran *[][]string) installer {
	room := s.t.TempDir()
	return installer{policy: policyOf(s.t, policy), room: func() (string, error) { return room, nil }, anchor: s.anchor(), version: "1.3.0", program: "/usr/bin/sealdesk", out: io.Discard,
		find: func(name string) (string, error) { return "/usr/bin/" + name, nil },
		run: func(_ context.Context, args []string) error {
			args = slices.Clone(args)
			if last := args[len(args)-1]; filepath.Dir(filepath.Dir(last)) == room {
				raw, err := os.ReadFile(last)
				if err != nil {
					return err
				}
				args[len(args)-1] = string(raw)
			}
			*ran = append(*ran, args)
			return nil
		}}
}

func TestTheMachinesUpdaterInstallsWhatWasSignedAndOnlyThen(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("tools of Linux")
	}
	s := newFeedServer(t)
	s.release("1.4.0", nil)
	pin := s.pins()[0]
	auto := map[string]any{"UpdateMode": "auto", "RelayURL": s.URL, "RelayPin": []any{hex.EncodeToString(pin[:])}}
	with := func(change map[string]any) map[string]any {
		out := map[string]any{}
		for _, m := range []map[string]any{auto, change} {
			for k, v := range m {
				out[k] = v
			}
		}
		return out
	}
	const installed = "installer of 1.4.0"
	for is, c := range map[string]struct {
		policy map[string]any
		change func(*installer)
		want   string // what the last tool was given; "" for no tool
		err    bool
	}{
		"installs":                          {auto, nil, installed, false},
		"does nothing unless policy says":   {with(map[string]any{"UpdateMode": "notify"}), nil, "", false},
		"does nothing when none is newer":   {auto, func(i *installer) { i.version = "1.4.0" }, "", false},
		"never goes back":                   {auto, func(i *installer) { i.version = "1.5.0" }, "", false},
		"refuses another server":            {with(map[string]any{"RelayPin": []any{strings.Repeat("ab", 32)}}), nil, "", true},
		"refuses a build without an anchor": {auto, func(i *installer) { i.anchor = nil }, "", true},
		"refuses a room others may write":   {auto, func(i *installer) { i.room = func() (string, error) { return "", errUntrusted } }, "", true},
	} {
		t.Run(is, func(t *testing.T) {
			var ran [][]string
			i := s.installer(c.policy, &ran)
			if c.change != nil {
				c.change(&i)
			}
			if err := i.install(t.Context()); (err != nil) != c.err {
				t.Fatalf("got %v", err)
			}
			last := ""
			for _, args := range ran {
				if args[0] == "/usr/bin/apt-get" {
					last = args[len(args)-1]
				}
			}
			if last != c.want {
				t.Errorf("installed %q by %q", last, ran)
			}
			if room, err := i.room(); err == nil {
				if left, err := filepath.Glob(filepath.Join(room, "fetched-*")); err != nil || len(left) > 0 {
					t.Errorf("left behind: %q", left)
				}
			}
		})
	}
	t.Run("refuses a changed package", func(t *testing.T) {
		spoilt := t.TempDir()
		names, err := filepath.Glob(filepath.Join(s.Feed(), "targets", "*"))
		if err = errors.Join(err, os.CopyFS(spoilt, os.DirFS(s.Feed()))); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(spoilt, "targets", filepath.Base(names[0])), []byte("installer of 6.6.6"), 0o600); err != nil {
			t.Fatal(err)
		}
		s.folder = spoilt
		defer func() { s.folder = s.Feed() }()
		var ran [][]string
		if err := s.installer(auto, &ran).install(t.Context()); !errors.Is(err, updates.ErrTampered) {
			t.Errorf("got %v", err)
		}
		if len(ran) != 1 {
			t.Errorf("tools ran: %q", ran)
		}
	})
}

func TestAFullDiskIsSaidByTheUpdater(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the errors of Linux")
	}
	s := newFeedServer(t)
	s.release("1.4.0", nil)
	var ran [][]string
	i := s.installer(map[string]any{"UpdateMode": "auto"}, &ran)
	i.room = func() (string, error) { return "", &os.PathError{Op: "mkdir", Path: "updates", Err: syscall.ENOSPC} }
	if err := i.install(t.Context()); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "nothing was installed: there is no room left on the disk. Make room") {
		t.Errorf("it says %v", err)
	}
}

// exitStatus is how a tool of the system ended.
type exitStatus int

func (e exitStatus) Error() string { return "exit status" }
func (e exitStatus) ExitCode() int { return int(e) }

func TestWindowsInstallersRestartIsNoFailure(t *testing.T) {
	msi := slices.IndexFunc(ways, func(w way) bool { return w.kind == updates.MSI })
	for status, done := range map[exitStatus]bool{3010: true, 1641: true, 1603: false, 1618: false} {
		how := ways[msi]
		how.check = nil
		i := installer{out: io.Discard, find: func(name string) (string, error) { return name, nil }, run: func(context.Context, []string) error {
			return fmt.Errorf("msiexec.exe: %w", status)
		}}
		if err := i.put(t.Context(), how, filepath.Join(t.TempDir(), "client.msi")); (err == nil) != done && runtime.GOOS != "windows" {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestAPinnedRootOfTheCompanysOwnCountsInsteadOfTheBuilds(t *testing.T) {
	s := newFeedServer(t)
	s.release("1.4.0", nil)
	sum := sha256.Sum256(s.anchor())
	u := s.updater(map[string]any{string(managed.UpdateRootPin): hex.EncodeToString(sum[:])})
	u.anchor = newFeedServer(t).anchor()
	if u.look(t.Context()); u.Update().State != ui.UpdateOffered {
		t.Errorf("told %+v", u.Update())
	}
}
