package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// keyringScript runs inside dbus-run-session. It unlocks a keyring, tells the bus address, and waits for the end of its
// input: when we stop or die, the bus and the keyring die too. The keyring is unlocked exactly once; a second start
// would race with the first.
const keyringScript = `set -eu
printf %s "$KEYRING_PASSWORD" | gnome-keyring-daemon --unlock --components=secrets >/dev/null
unset KEYRING_PASSWORD
printf '%s\n' "$DBUS_SESSION_BUS_ADDRESS"
exec cat >/dev/null`

// keyringPassword protects nothing but throw-away state below build/.
const keyringPassword = "sealdesk-dev"

// home is a private home folder with everything a desktop program looks for in its environment.
type home struct{ dir string }

// newHome makes the folders. The runtime folder must be short (a socket path has 108 bytes at most) and private, so it
// lies in the system's temporary folder; clean removes it.
func newHome(dir string) (home, string, func(), error) {
	h := home{dir: dir}
	for _, sub := range []string{"", ".config", ".local/share", ".local/state", ".cache"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return h, "", nil, err
		}
	}
	runtime, err := os.MkdirTemp("", "sd")
	if err != nil {
		return h, "", nil, err
	}
	return h, runtime, func() { _ = os.RemoveAll(runtime) }, nil
}

// env is the environment of a program living in this home. DISPLAY is removed: with a display present, a locked keyring
// asks a person and waits for ever. Only the client gets one back.
func (h home) env(runtime string) []string {
	return []string{
		"HOME=" + h.dir,
		"XDG_CONFIG_HOME=" + filepath.Join(h.dir, ".config"),
		"XDG_DATA_HOME=" + filepath.Join(h.dir, ".local", "share"),
		"XDG_STATE_HOME=" + filepath.Join(h.dir, ".local", "state"),
		"XDG_CACHE_HOME=" + filepath.Join(h.dir, ".cache"),
		"XDG_RUNTIME_DIR=" + runtime,
		"-XAUTHORITY", "-DISPLAY", "-WAYLAND_DISPLAY", "-DBUS_SESSION_BUS_ADDRESS", "-GNOME_KEYRING_CONTROL", "-SSH_AUTH_SOCK",
	}
}

// startKeyring starts a session bus with an unlocked keyring for one home and returns the environment of that session.
func startKeyring(ctx context.Context, s *supervisor, h home, runtime string) ([]string, error) {
	address := newFirstLine()
	env := h.env(runtime)
	p, err := s.start(launch{name: "keyring", path: "dbus-run-session", args: []string{"--", "sh", "-c", keyringScript},
		env: append(env, "KEYRING_PASSWORD="+keyringPassword), out: address, eof: true})
	if err != nil {
		return nil, &problem{happened: "no private keyring session could be started", err: err, do: "install gnome-keyring and dbus."}
	}
	line, err := address.await(ctx, p, 30*time.Second)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(line, "unix:") {
		return nil, &problem{happened: "the private session bus gave no address", tail: tailOf(p.logPath, 20)}
	}
	return append(env, "DBUS_SESSION_BUS_ADDRESS="+strings.TrimSpace(line)), nil
}

// inKeyring runs f with the environment of a private, unlocked keyring, and cleans up after it. Go's own caches stay
// the caller's: a private home must not make Go compile the world again.
func (d *dev) inKeyring(ctx context.Context, log io.Writer, f func(env []string) error) error {
	s, err := newSupervisor(d.build("log", "keyring"))
	if err != nil {
		return err
	}
	defer s.close()
	dir, err := os.MkdirTemp("", "sealdesk-home")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	h, runtime, clean, err := newHome(dir)
	if err != nil {
		return err
	}
	defer clean()
	env, err := startKeyring(ctx, s, h, runtime)
	if err != nil {
		return err
	}
	goEnv, err := d.goCaches(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(log, "a private session bus with an unlocked keyring is up")
	return f(append(append(env, goEnv...), "SEALDESK_KEYRING=1"))
}

// goCaches names the caller's Go caches explicitly, for programs that run with another home.
func (d *dev) goCaches(ctx context.Context) ([]string, error) {
	out, err := call{dir: d.root}.output(ctx, "go", "env", "GOCACHE", "GOMODCACHE", "GOPATH", "GOENV")
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 4 {
		return nil, fmt.Errorf("go env: %d lines", len(lines))
	}
	return []string{"GOCACHE=" + lines[0], "GOMODCACHE=" + lines[1], "GOPATH=" + lines[2], "GOENV=" + lines[3]}, nil
}

// display is an X server of our own with a window manager.
type display struct {
	name string // ":99"
	size string // "1440x900"

	front string // the window that has the keyboard, as far as we gave it
}

// startDisplay starts Xvfb on a free display, which it picks itself, and openbox on it.
func startDisplay(ctx context.Context, s *supervisor, size string, env []string) (*display, error) {
	number := newFirstLine()
	x, err := s.start(launch{name: "xvfb", path: "Xvfb", env: env, out: number,
		args: []string{"-displayfd", "1", "-screen", "0", size + "x24", "-nolisten", "tcp", "-noreset", "+extension", "GLX", "+extension", "RANDR"}})
	if err != nil {
		return nil, &problem{happened: "no private display could be started", err: err, do: "install xvfb."}
	}
	line, err := number.await(ctx, x, 30*time.Second)
	if err != nil {
		return nil, err
	}
	d := &display{name: ":" + strings.TrimSpace(line), size: size}
	wm, err := s.start(launch{name: "openbox", path: "openbox", args: []string{"--sm-disable"}, env: append(env, "DISPLAY="+d.name)})
	if err != nil {
		return nil, &problem{happened: "no window manager could be started", err: err, do: "install openbox."}
	}
	// openbox loses windows that appear while it starts, and its mark on the root window comes too early. It is ready
	// when its main loop answers: it sets the number of desktops that we ask for.
	return d, wm.ready(ctx, 20*time.Second, func(ctx context.Context) bool {
		tool := call{env: append(env, "DISPLAY="+d.name)}
		if _, err := tool.output(ctx, "xdotool", "set_num_desktops", "1"); err != nil {
			return false
		}
		out, err := tool.output(ctx, "xprop", "-root", "_NET_NUMBER_OF_DESKTOPS")
		return err == nil && strings.HasSuffix(strings.TrimSpace(out), "= 1")
	})
}

// clientEnv is the environment of a window on the display: software rendering and a language such as "de_DE". Letters
// are always UTF-8: LANG=C makes Fyne complain and typed letters get lost.
func (d *display) clientEnv(env []string, language string) []string {
	return append(append([]string(nil), env...), "DISPLAY="+d.name, "LIBGL_ALWAYS_SOFTWARE=1",
		"-LC_ALL", "-LANGUAGE", "LANG="+language+".UTF-8", "LC_CTYPE=C.UTF-8", "FYNE_SCALE=1", "TZ=Europe/Berlin")
}

// toolEnv is the environment of the programs that press keys and take pictures.
func (d *display) toolEnv() []string {
	return []string{"DISPLAY=" + d.name, "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "-WAYLAND_DISPLAY"}
}
