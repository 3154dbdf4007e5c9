package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"sealdesk/app/custody"
	"sealdesk/store"
	"sealdesk/sync/engine"
	"sealdesk/sync/wire"
	"sealdesk/ui"
)

// house holds what outlives a session: folders, log, keyring, and what was opened and must be closed. It is the ui's Door.
type house struct {
	dir    string // everything of ours
	log    *slog.Logger
	sink   *sink // below the log
	ring   *store.Keyring
	frames func(engine.Direction, []byte)
	gate   *gate
	pokes  poker
	args   []string // of this run, for the next
	quiet  bool     // no other run follows this one
	policy *policy  // what the company set on this machine; nil manages nothing
	level  slog.LevelVar
	ending atomic.Bool // this run ends, or another takes its place: whichever was first

	mu      sync.Mutex
	files   []io.Closer
	tracing io.Writer
	started time.Time
	open    *session // nil while no engine runs
	engine  *engine.Engine
	keeper  *custody.Keeper // nil before the device is known
	seen    bool            // somebody's inbox was shown in this run
	lentTo  time.Time       // when the lease of the inbox that was closed last is over; zero for none
	hand    io.Closer       // takes addresses from other starts; nil for nothing
	ahead   chan opened     // what the store opened ahead of the window came to; nil once it was taken
	device  string          // what people call this machine
}

// newHouse makes the folder and the log in it. dir "" is the system's place for a program's data.
func newHouse(dir string) (*house, error) {
	if dir == "" {
		var err error
		if dir, err = dataDir(); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the data folder: %w", err)
	}
	h := &house{dir: dir, ring: store.OpenKeyring("sealdesk"), started: time.Now(), device: deviceName()}
	h.gate = &gate{h: h}
	file, err := openLog(filepath.Join(dir, "sealdesk.log"))
	if err != nil {
		return nil, fmt.Errorf("opening the log: %w", err)
	}
	h.files = append(h.files, file)
	h.sink = &sink{to: file}
	h.log = slog.New(slog.NewTextHandler(h.sink, &slog.HandlerOptions{Level: &h.level}))
	h.log.Info("started", "version", version(), "system", system())
	return h, nil
}

// watch says what the last run left when it ended by itself, and prepares for this one. Neither keeps the window from opening.
func (h *house) watch() *ui.Crash {
	crash, err := takeCrash(h.dir)
	if err = errors.Join(err, watchCrashes(h.dir)); err != nil {
		h.log.Warn("crashes are not kept", "error", err)
	}
	return crash
}

// serve takes addresses from other starts of the program.
func (h *house) serve(ctx context.Context, visit func(address string)) {
	hand, err := listen(ctx, h.dir, func(address string) bool {
		visit(address) // says so when it leads nowhere
		_, err := ui.ParseAddress(address)
		return err == nil
	})
	if err != nil {
		h.log.Warn("other starts cannot hand over", "error", err)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hand = hand
}

// stopServing lets the next start find nobody.
func (h *house) stopServing() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.hand != nil {
		h.hand.Close()
	}
}

// dataDir is where the system wants a program's own data.
func dataDir() (string, error) {
	switch runtime.GOOS {
	case "windows":
		if base := os.Getenv("LOCALAPPDATA"); base != "" {
			return filepath.Join(base, "Sealdesk"), nil
		}
	case "linux", "freebsd", "openbsd", "netbsd":
		if base := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(base) {
			return filepath.Join(base, "sealdesk"), nil
		}
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("finding a place for data: %w", err)
		}
		return filepath.Join(home, ".local", "share", "sealdesk"), nil
	}
	base, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("finding a place for data: %w", err)
	}
	return filepath.Join(base, "Sealdesk"), nil
}

const maxLog = 1 << 20

// openLog appends to the log and starts a new one when it has become long, keeping one old.
func openLog(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		if err := os.Rename(path, path+".old"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// observe opens the files of --trace and --frames.
func (h *house) observe(trace, frames string) error {
	create := func(path string) (*os.File, error) {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err == nil {
			h.files = append(h.files, f)
		}
		return f, err
	}
	if trace != "" {
		f, err := create(trace)
		if err != nil {
			return fmt.Errorf("opening the trace: %w", err)
		}
		h.tracing = f
	}
	if frames != "" {
		f, err := create(frames)
		if err != nil {
			return fmt.Errorf("opening the file for frames: %w", err)
		}
		h.frames = h.recorder(f)
	}
	return nil
}

// trace writes a milestone with the milliseconds since the start.
func (h *house) trace(line string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.tracing != nil {
		fmt.Fprintf(h.tracing, "%dms %s\n", time.Since(h.started).Milliseconds(), line)
	}
}

// recorder writes each frame as a direction, a length and the bytes. A batch is compressed on the wire, so its events
// follow once more as they are: whoever searches the file must be able to find what is in them. What opens an account or a
// cache is not written down: no password, no code, no half of a key.
func (h *house) recorder(w io.Writer) func(engine.Direction, []byte) {
	var mu sync.Mutex
	return func(d engine.Direction, frame []byte) {
		body, err := wire.Decode(frame)
		if err == nil {
			if known, ok := withoutSecrets(body); ok {
				frame = wire.Encode(known)
			}
		}
		out := binary.BigEndian.AppendUint32([]byte{byte(d)}, uint32(len(frame)))
		out = append(out, frame...)
		if batch, ok := plainBatch(body); ok {
			out = append(out, batch...)
		}
		mu.Lock()
		defer mu.Unlock()
		if _, err := w.Write(out); err != nil {
			h.log.Warn("frame not recorded", "error", err)
		}
	}
}

// withoutSecrets is a frame without what opens an account or a cache; false for one that has no place for it.
func withoutSecrets(body any) (wire.Body, bool) {
	switch b := body.(type) {
	case wire.Credential:
		return wire.Credential{Begin: b.Begin}, true
	case wire.SignIn:
		b.Second, b.Recovery, b.Browser = nil, nil, nil
		return b, true
	case wire.Welcome:
		b.Half = nil
		return b, true
	case wire.Rotate:
		b.Half = nil
		return b, true
	}
	return nil, false
}

// close closes what is open, the newest first.
func (h *house) close() error {
	h.ending.Store(true)
	if ahead := h.takeAhead(); ahead != nil {
		<-ahead // nobody asked for it, but what it opened must be closed
	}
	h.mu.Lock()
	open := h.open
	h.open, h.engine = nil, nil
	h.mu.Unlock()
	var errs []error
	if open != nil {
		errs = append(errs, open.close())
	}
	h.log.Info("ended")
	for _, f := range h.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// verify opens the store as a start would, and says what it found.
func (h *house) verify(ctx context.Context, out io.Writer) error {
	cfg, err := h.storeConfig(ctx)
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer s.Close()
	rows, err := s.Inbox(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "the store is whole: %d conversations\n", len(rows))
	return nil
}

// stopLog closes the log and every other file of ours that is open: they are about to be destroyed.
func (h *house) stopLog() error {
	h.mu.Lock()
	files := h.files
	h.files = nil
	h.mu.Unlock()
	h.sink.off()
	var errs []error
	for _, f := range files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// replace puts a new run in the place of this one, with nothing of it in memory. It returns where none is to follow, or where
// this run is about to be gone already.
func (h *house) replace() {
	if h.quiet || h.ending.Swap(true) {
		return
	}
	h.log.Info("the program replaces itself")
	h.stopServing() // or a run that begins before this one is gone would hand over to it
	if err := errors.Join(h.stopLog(), replaceProcess(h.args)); err != nil {
		os.Exit(1) // better no window than one over what must not be read any more
	}
}

// A sink is a writer that can be shut: what is written afterwards goes nowhere.
type sink struct {
	mu sync.Mutex
	to io.Writer
}

func (s *sink) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.to == nil {
		return len(b), nil
	}
	return s.to.Write(b)
}

func (s *sink) off() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to = nil
}

// deviceName is what people call this machine.
func deviceName() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "Sealdesk"
	}
	return name
}

func system() string { return runtime.GOOS + "/" + runtime.GOARCH }

var _ ui.Door = (*house)(nil)
