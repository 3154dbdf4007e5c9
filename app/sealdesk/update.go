package main

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"sealdesk/app/managed"
	"sealdesk/sync/engine"
	"sealdesk/sync/updates"
	"sealdesk/sync/wire"
	"sealdesk/ui"
)

// When updates are looked for. The first look waits until the window is drawn and the inbox synchronised; all are spread, so
// that a company's laptops do not ask together.
const (
	updateFirst = 20 * time.Second
	updateEvery = 6 * time.Hour
	updateAgain = 30 * time.Minute // when there was no answer
)

// updatesPath is where a relay serves the feed, on its address for devices.
const updatesPath = "/updates/"

// A relayPlace is where the relay is and which keys it may show.
type relayPlace struct {
	address string
	pins    []wire.Pin
}

// updater looks for newer versions in the background, believes nothing unverified, and tells. It downloads and installs
// nothing: people at a laptop may not, and what may runs apart, see installUpdate.
type updater struct {
	dir     string // where what was seen is remembered
	version string
	log     *slog.Logger
	policy  func() (*managed.Policy, error)
	relay   func(ctx context.Context) (relayPlace, error)
	dial    engine.Dialer // nil: the system's
	anchor  []byte        // the build's
	program string        // this program's file
	began   os.FileInfo   // as it was when it started
	pokes   poker

	mu  sync.Mutex
	now ui.Update
}

func (h *house) updater() *updater {
	u := &updater{dir: filepath.Join(h.dir, "updates"), version: version(), log: h.log, policy: machinePolicy, anchor: updates.Builtin()}
	u.relay = func(ctx context.Context) (relayPlace, error) {
		device, err := h.ring.Device(ctx)
		return relayPlace{device.Relay, []wire.Pin{device.Pin}}, err
	}
	if program, err := os.Executable(); err == nil {
		u.program = program
		u.began, _ = os.Stat(program)
	}
	return u
}

func machinePolicy() (*managed.Policy, error) { return managed.Open(managed.System()).Policy() }

// run looks until ctx ends.
func (u *updater) run(ctx context.Context) {
	for wait := updateFirst; ; {
		timer := time.NewTimer(wait + rand.N(wait/2))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		wait = updateEvery
		if !u.look(ctx) {
			wait = updateAgain
		}
	}
}

// Update is what was found last.
func (u *updater) Update() ui.Update {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.now
}

// look asks once and tells; false when there was no answer.
func (u *updater) look(ctx context.Context) (answered bool) {
	found, err := u.find(ctx)
	found.Ready = u.replaced()
	answered = err == nil || errors.Is(err, updates.ErrExpired) || !updates.Passing(err) && !errors.Is(err, errNoFeedYet)
	switch {
	case ctx.Err() != nil:
		return false
	case err == nil:
	case errors.Is(err, updates.ErrExpired):
		u.log.Warn("the feed of updates has run out")
		found.State = ui.UpdateStale
	case updates.Passing(err), errors.Is(err, errNoFeedYet):
		u.log.Info("no updates found", "error", err)
		u.mu.Lock()
		was := u.now
		u.mu.Unlock()
		was.Ready = found.Ready // what was known stays known
		found = was
	default:
		u.log.Error("the feed of updates is refused", "error", err)
		found.State = ui.UpdateRefused
	}
	u.mu.Lock()
	u.now = found
	u.mu.Unlock()
	u.pokes.poke()
	return answered
}

// errNoFeedYet means that there is nobody to ask, or nothing to trust: neither is worth a word to a person.
var errNoFeedYet = errors.New("there is no feed to ask")

func (u *updater) find(ctx context.Context) (ui.Update, error) {
	policy, err := u.policy()
	if err != nil {
		return ui.Update{}, errNoFeedYet // a broken policy is told elsewhere
	}
	wish := policy.Updates()
	if wish.Mode == "off" {
		return ui.Update{State: ui.UpdateOff}, nil
	}
	relay, err := u.relay(ctx)
	if err != nil {
		return ui.Update{}, errNoFeedYet
	}
	feed, _, close, err := openFeed(ctx, policy, relay, u.anchor, u.dir, u.dial)
	if err != nil {
		return ui.Update{}, err
	}
	defer close()
	o := feed.For(thisDevice(u.version, wish.Ring, updates.KindsHere()))
	out := ui.Update{State: ui.UpdateCurrent, TooOld: o.TooOld, Minimum: o.Minimum, System: o.System, Auto: wish.Mode == "auto", Looked: time.Now()}
	if o.Found() {
		out.State, out.Version, out.Notes = ui.UpdateOffered, o.File.Version, o.File.Notes
	}
	return out, nil
}

// replaced reports whether the program's file is another one than the one that runs: a newer version was installed.
func (u *updater) replaced() bool {
	if u.began == nil {
		return false
	}
	now, err := os.Stat(u.program)
	return err == nil && (!os.SameFile(u.began, now) || !now.ModTime().Equal(u.began.ModTime()))
}

func thisDevice(version, ring string, kinds []updates.Kind) updates.Device {
	return updates.Device{OS: runtime.GOOS, Arch: runtime.GOARCH, Kinds: kinds, Ring: updates.Ring(ring), Version: version, System: systemVersion()}
}

// openFeed verifies the feed the policy names, or the relay's. Close is to be called once nothing more is fetched.
func openFeed(ctx context.Context, policy *managed.Policy, relay relayPlace, anchor []byte, dir string, dial engine.Dialer) (f updates.Feed, from updates.Source, close func(), err error) {
	address, pins := "https://"+relay.address+updatesPath, relay.pins
	if other := policy.Updates().URL; other != "" {
		if u, err := url.Parse(other); err != nil || u.Host != relay.address {
			pins = nil // another server, which shows an authority's certificate
		}
		address = other
	} else if relay.address == "" || len(pins) == 0 {
		return f, nil, nil, errNoFeedYet
	}
	client := engine.FeedClient(pins, dial)
	defer func() {
		if err != nil {
			client.CloseIdleConnections()
		}
	}()
	from = updates.Web(client, address)
	pin := policy.Text(managed.UpdateRootPin)
	switch {
	case pin != "":
		if anchor, err = updates.Pinned(ctx, from, pin); err != nil {
			return f, nil, nil, absent(err)
		}
	case len(anchor) == 0:
		return f, nil, nil, errNoFeedYet
	}
	if f, err = updates.Verify(ctx, updates.Config{Root: anchor, From: from, Dir: dir}); err != nil {
		return f, nil, nil, absent(err)
	}
	return f, from, client.CloseIdleConnections, nil
}

// absent takes a feed that lacks a part for one that is not there: a relay nobody gave a feed has none of them, and who can hold
// back one part can hold back all. The laptop then knows what it knew.
func absent(err error) error {
	if errors.Is(err, updates.ErrIncomplete) {
		return errors.Join(errNoFeedYet, err)
	}
	return err
}
