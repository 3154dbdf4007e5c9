package main

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"sealdesk/app/custody"
	"sealdesk/app/inbox"
	"sealdesk/store"
	"sealdesk/sync/engine"
	"sealdesk/ui"
)

// This file is how the house comes to an open inbox: alone, if the lease allows it, or with the relay, which may want to know
// first who is there.

const (
	standingEvery = 20 * time.Second
	// strictGrace is how long a cache that must not be read without the relay stays open when a connection is lost: long
	// enough for another Wi-Fi, too short to walk away with.
	strictGrace = 5 * time.Minute
)

// toolkitDirs is where the toolkit keeps the size of the window and the person's settings, and the icon it shows in
// notifications.
func toolkitDirs() (out []string) {
	settings, err := os.UserConfigDir()
	if home, none := os.UserHomeDir(); runtime.GOOS == "darwin" {
		settings, err = filepath.Join(home, "Library", "Preferences"), none
	}
	cache, none := os.UserCacheDir()
	for base, err := range map[string]error{settings: err, cache: none} {
		if err == nil {
			out = append(out, filepath.Join(base, "fyne", AppID))
		}
	}
	return out
}

// stand makes the keeper of the device, and the engine that stands before the relay, if they are not there.
func (h *house) stand(device store.Device) *custody.Keeper {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.keeper == nil {
		h.keeper = custody.New(custody.Config{
			Dir: h.dir, Also: toolkitDirs(), Ring: h.ring, Device: device, App: version(), System: system(), Log: h.log,
			Stop: h.stopLog, Ended: h.wipeEnded, Poke: h.pokes.poke,
		})
	}
	return h.keeper
}

// dial starts the engine. cache is nil while the cache is closed: the keeper opens it with what the relay lends.
func (h *house) dial(ctx context.Context, device store.Device, keeper *custody.Keeper, cache engine.Cache, locked bool) *session {
	e := engine.New(engine.Config{
		Relay: h.policy.relayOf(device), Pin: device.Pin, Device: device.ID, Key: device.Key, App: version(), System: system(), Cache: cache,
		Custody: keeper, Locked: locked, Posture: posture(), Audit: device.Audit, Log: h.log, Frames: h.frames,
	})
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	open := &session{keeper: keeper, engine: e, locked: locked, stop: stop, done: make(chan struct{}), heard: time.Now()}
	go func() {
		defer close(open.done)
		if err := e.Run(run); err != nil && run.Err() == nil {
			h.log.Error("engine ended", "error", err)
		}
	}()
	go func() {
		for range e.Watch(run) {
			h.pokes.poke()
		}
	}()
	h.mu.Lock()
	h.open, h.engine = open, e
	h.mu.Unlock()
	h.pokes.poke()
	return open
}

// openInbox opens the inbox, or says what stands in the way; the engine then works on it.
func (h *house) openInbox(ctx context.Context) (ui.Session, error) {
	device, err := h.ring.Device(ctx)
	if errors.Is(err, store.ErrNotFound) {
		if note, ok := readWiped(h.dir); ok {
			return ui.Session{}, note
		}
	}
	broken := h.policy.broken()
	if err != nil {
		return ui.Session{}, cmp.Or(broken, trouble(err)) // nobody sets a device up under a policy that cannot be read
	}
	keeper := h.stand(device)
	if h.standing() == nil { // before anything is opened
		h.obeyFile(ctx, keeper)
	}
	if w, ok := keeper.Wiped(); ok {
		return ui.Session{}, h.wiping(ctx, device, keeper, w)
	}
	if broken != nil {
		return ui.Session{}, broken
	}
	if open := h.standing(); open != nil { // an engine that was waiting for its person, or for the relay
		if keeper.Store() == nil {
			return h.await(ctx, device, open)
		}
		if open.unlocked {
			h.shut()
		} else if s, err := h.sessionOf(ctx, device, h.relieve(ctx, device, open)); err == nil {
			return s, nil
		}
	}
	_, err = keeper.OpenAlone(ctx)
	switch {
	case err == nil:
		open := h.dial(ctx, device, keeper, keeper.Store(), false)
		return h.sessionOf(ctx, device, open)
	case errors.Is(err, custody.ErrWiping):
		go h.wipeItself(context.WithoutCancel(ctx), keeper, inbox.WipeSilent)
		return ui.Session{}, ui.Wiped{Why: inbox.WipeSilent}
	case errors.Is(err, custody.ErrLocked):
		h.dial(ctx, device, keeper, nil, true)
		return ui.Session{}, h.lockedBy(ctx, device, keeper)
	case errors.Is(err, custody.ErrLeaseOver), errors.Is(err, custody.ErrClockBack):
		shut, e := keeper.Shut(ctx)
		if e != nil {
			return ui.Session{}, trouble(e)
		}
		return h.await(ctx, device, h.dial(ctx, device, keeper, nil, shut))
	}
	return ui.Session{}, trouble(err)
}

// standing returns the engine that runs, if one does.
func (h *house) standing() *session {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.open
}

func (h *house) lockedBy(ctx context.Context, device store.Device, keeper *custody.Keeper) error {
	passphrase, tries, until, err := keeper.Locked(ctx)
	if err != nil {
		return trouble(err)
	}
	return ui.Locked{Person: device.Name, Device: h.device, Passphrase: passphrase, Tries: tries, Lease: until}
}

// firstTry is how long the relay may take before a person is told what is missing.
const firstTry = 10 * time.Second

// await waits until the relay has let the device in, asks for its person, or cannot be reached.
func (h *house) await(ctx context.Context, device store.Device, open *session) (ui.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, firstTry)
	defer cancel()
	opened := open.keeper.Opened()
	for pokes := open.engine.Watch(ctx); ; {
		select {
		case <-opened:
			if err := open.keeper.Failure(); err != nil {
				h.shut()
				return ui.Session{}, trouble(err)
			}
			return h.sessionOf(ctx, device, h.relieve(ctx, device, open))
		case <-open.done:
			return ui.Session{}, ended(open.engine.Link().State)
		case <-pokes:
			at := open.engine.Link()
			switch {
			case at.State == engine.SignInAsked:
				return ui.Session{}, ui.TroubleSignIn
			case at.State == engine.Wiping:
				w, _ := open.keeper.Wiped()
				return ui.Session{}, shown(w)
			case at.State == engine.Offline && at.Reason != engine.NoReason:
				return ui.Session{}, h.away(at)
			case at.State > engine.Wiping:
				return ui.Session{}, ended(at.State)
			}
		case <-ctx.Done():
			return ui.Session{}, ui.TroubleUnreachable
		}
	}
}

// away is why the relay, which alone opens the cache now, cannot be reached.
func (h *house) away(at engine.Link) error {
	switch at.Reason {
	case engine.WrongCertificate, engine.ClockWrong:
		return trouble(at.Err)
	case engine.CacheTrouble:
		return trouble(errors.Join(at.Err, store.ErrDamaged))
	}
	return ui.TroubleLeaseOver
}

// endings are the troubles of an engine that has stopped for good.
var endings = map[engine.State]ui.Trouble{
	engine.UpdateNeeded: ui.TroubleUpdate, engine.Revoked: ui.TroubleRevoked, engine.Twice: ui.TroubleTwice, engine.Left: ui.TroubleLeft,
	engine.NotAdmitted: ui.TroubleNotAdmitted, engine.RelayTooOld: ui.TroubleServer, engine.Replaced: ui.TroubleTwice, engine.Wiped: ui.TroubleWiped, engine.Copied: ui.TroubleCopy,
}

func ended(s engine.State) error {
	if t, ok := endings[s]; ok {
		return t
	}
	return ui.TroubleUnreachable
}

// sessionOf is the open inbox as the ui asks for it.
func (h *house) sessionOf(ctx context.Context, device store.Device, open *session) (ui.Session, error) {
	s := open.keeper.Store()
	if s == nil {
		return ui.Session{}, ui.TroubleLocked
	}
	lease := open.keeper.Lease()
	h.mu.Lock()
	first := !open.unlocked
	open.unlocked, h.seen = true, true
	h.mu.Unlock()
	if first {
		go h.gate.keepTyped(ctx, open.keeper)
	}
	out := ui.Session{
		Model: model{s}, Relay: link{open.engine}, Device: h.device, NewRevealKey: newRevealKey, Idle: time.Duration(lease.Idle) * time.Second,
		StepUp: h.gate, SignOut: func(ctx context.Context) error { return offline(open.engine.SignOut(ctx)) },
		Lease: func() time.Time { return leaseEnd(open.keeper) }, HasPassphrase: open.keeper.HasPassphrase(),
		Fresh: open.engine.Fresh, Passkeys: open.engine.Passkeys,
	}
	if lease.Offline > 0 {
		out.Passphrase = open.keeper.SetPassphrase
	}
	return out, nil
}

func leaseEnd(k *custody.Keeper) time.Time {
	if l := k.Lease(); l.Offline > 0 {
		return l.Until().Time()
	}
	return time.Time{}
}

// noteLease remembers until when what is about to be closed may be read, by both of this machine's clocks.
func (h *house) noteLease(k *custody.Keeper) {
	if k.Store() == nil {
		return
	}
	end := leaseEnd(k)
	if !end.IsZero() {
		end = time.Now().Add(time.Until(end))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lentTo = end
}

// guard looks after what this run has in memory, until ctx ends.
func (h *house) guard(ctx context.Context) {
	tick := time.NewTicker(standingEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			h.look(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// look closes the inbox when nobody may read it any more, whatever is on the screen: also when the window is locked, and when
// the engine has given up. The program then replaces itself: only that leaves nothing of it in memory.
func (h *house) look(ctx context.Context) {
	h.mu.Lock()
	open, keeper, seen := h.open, h.keeper, h.seen
	h.mu.Unlock()
	if !seen || keeper == nil {
		return
	}
	h.obeyFile(ctx, keeper)
	if h.over(open, keeper) {
		h.log.Info("the inbox may not be read any more")
		h.shut()
		h.replace()
	}
}

// over reports whether nobody may read what was shown. open is nil while no engine runs.
func (h *house) over(open *session, keeper *custody.Keeper) bool {
	if w, ok := keeper.Wiped(); ok {
		return w.Signed // the next run brings the receipt to the relay, if that could not be reached yet
	}
	if keeper.Store() == nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		return !h.lentTo.IsZero() && passed(h.lentTo)
	}
	if open == nil { // it is being opened anew
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case open.engine.Link().State == engine.Online:
		open.heard = time.Now()
		return false
	case keeper.Lease().Offline > 0:
		return keeper.Standing() != store.Holds
	}
	return passed(open.heard.Add(strictGrace)) // not Link.Since: each try to connect begins that anew
}

// passed reports whether a moment of this machine's clocks is over: by the one that nobody can put back, or by the one that goes
// on while the machine sleeps.
func passed(at time.Time) bool {
	now := time.Now()
	return now.After(at) || now.Round(0).After(at)
}

// obeyFile obeys an order that IT put into the data folder.
func (h *house) obeyFile(ctx context.Context, keeper *custody.Keeper) {
	if _, err := keeper.ObeyFile(ctx); err != nil {
		h.log.Error("an order in the data folder was not obeyed", "error", err)
	}
}

// wiping goes on with a wipe that was begun, or brings its receipt to the relay.
func (h *house) wiping(ctx context.Context, device store.Device, keeper *custody.Keeper, w custody.Wiping) error {
	switch open := h.standing(); {
	case w.Known:
	case w.Signed && open == nil:
		h.dial(ctx, device, keeper, nil, false)
	case !w.Signed && open == nil:
		go h.wipeItself(context.WithoutCancel(ctx), keeper, w.Why)
	}
	return shown(w)
}

// wipeItself destroys the cache without being told to, or goes on where an earlier run was cut short.
func (h *house) wipeItself(ctx context.Context, keeper *custody.Keeper, why inbox.WipeReason) {
	if err := keeper.WipeItself(ctx, why); err != nil {
		h.log.Error("the wipe is not over", "error", err)
	}
	h.pokes.poke()
}

// wipeEnded leaves a note for the screen of the next run, and begins it.
func (h *house) wipeEnded() {
	h.mu.Lock()
	keeper := h.keeper
	h.mu.Unlock()
	w, _ := keeper.Wiped()
	note := shown(w)
	note.Sent = time.Now()
	if h.quiet {
		return // nobody will read it
	}
	if err := writeWiped(h.dir, note); err != nil {
		h.log.Warn("the note of the wipe was not written", "error", err)
	}
	h.replace()
}

// shown is a wipe as the ui shows it.
func shown(w custody.Wiping) ui.Wiped {
	out := ui.Wiped{Order: w.ID, Why: w.Why, Steps: w.Steps, Left: w.Left, Done: w.Signed}
	if n := len(w.Steps); n > 0 {
		last := w.Steps[n-1]
		out.At = last.At.Time()
		if w.Signed && last.Did != inbox.WipeSigned { // the receipt cannot hold that it was signed; the screen can
			out.Steps = append(slices.Clone(w.Steps), inbox.WipeStep{Did: inbox.WipeSigned, At: last.At})
		}
	}
	if w.Known {
		out.Sent = time.Now()
	}
	return out
}
