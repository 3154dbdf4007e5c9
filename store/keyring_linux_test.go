package store

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

func init() {
	// "ring" is the app inside a session of its own. It does one thing a line says and answers with a line.
	children["ring"] = func(args []string) int {
		ctx := context.Background()
		dir := args[0]
		in := bufio.NewScanner(os.Stdin)
		var kept Device
		say := func(began time.Time, err error) {
			state := "found"
			switch {
			case errors.Is(err, ErrKeyLost):
				state = "lost"
			case errors.Is(err, ErrNotFound):
				state = "missing"
			case errors.Is(err, ErrKeyringUnavailable):
				state = "unavailable"
			case err != nil:
				state = "untyped: " + err.Error()
			}
			fmt.Println(state, time.Since(began).Milliseconds())
		}
		for in.Scan() {
			ring := OpenKeyring("sealdesk-test")
			began := time.Now()
			switch in.Text() {
			case "key":
				_, err := ring.CacheKey(ctx, dir)
				say(began, err)
			case "set":
				kept = Device{ID: "device", Person: "person", Relay: "relay.example:8443", Pin: [32]byte{7}, Key: edKey()}
				say(began, ring.SetDevice(ctx, kept))
			case "device":
				d, err := ring.Device(ctx)
				if err == nil && kept.ID != "" && !sameDevice(d, kept) {
					err = errors.New("another device")
				}
				say(began, err)
			case "lend":
				say(began, ring.SetLent(ctx, Lent{Half: halfOf(3), Lease: make([]byte, 170), Generation: 3, Seen: start}))
			case "lent":
				l, err := ring.Lent(ctx)
				if err == nil && (l.Generation != 3 || !bytes.Equal(l.Half.Bytes(), halfOf(3).Bytes())) {
					err = errors.New("another lease")
				}
				say(began, err)
			case "take back":
				say(began, ring.ForgetLent(ctx))
			case "set a large one":
				large := kept
				large.Relay = strings.Repeat("relay.", 200)
				say(began, ring.SetDevice(ctx, large))
			case "somebody sets a large one":
				say(began, ring.back.Set("sealdesk-test", itemDevice, strings.Repeat("A", 1<<20)))
			case "forget":
				say(began, ring.Forget(ctx))
			case "lock":
				err := lockRing()
				say(began, err)
			case "kill":
				say(began, killRing())
			}
		}
		return 0
	}
	// "prompt" is a keyring daemon that never answers, as one does whose prompt nobody sees.
	children["prompt"] = func([]string) int {
		conn, err := dbus.ConnectSessionBus()
		if err == nil {
			err = conn.Export(hangingService{}, "/org/freedesktop/secrets", "org.freedesktop.Secret.Service")
		}
		if err == nil {
			_, err = conn.RequestName("org.freedesktop.secrets", dbus.NameFlagReplaceExisting)
		}
		fmt.Println("ready", err)
		io.Copy(io.Discard, os.Stdin)
		return 0
	}
}

type hangingService struct{}

func (hangingService) Unlock([]dbus.ObjectPath) ([]dbus.ObjectPath, dbus.ObjectPath, *dbus.Error) {
	select {}
}

func (hangingService) OpenSession(string, dbus.Variant) (dbus.Variant, dbus.ObjectPath, *dbus.Error) {
	select {}
}

// lockRing locks every collection of the session's keyring, as its owner would.
func lockRing() error {
	conn, err := dbus.SessionBus()
	if err != nil {
		return err
	}
	service := conn.Object("org.freedesktop.secrets", "/org/freedesktop/secrets")
	collections, err := service.GetProperty("org.freedesktop.Secret.Service.Collections")
	if err != nil {
		return err
	}
	return service.Call("org.freedesktop.Secret.Service.Lock", 0, collections.Value()).Err
}

// killRing kills the daemon that holds the session's keyring.
func killRing() error {
	conn, err := dbus.SessionBus()
	if err != nil {
		return err
	}
	var pid uint32
	if err := conn.BusObject().Call("org.freedesktop.DBus.GetConnectionUnixProcessID", 0, "org.freedesktop.secrets").Store(&pid); err != nil {
		return err
	}
	return syscall.Kill(int(pid), syscall.SIGKILL)
}

// A ringSession is a session bus with a real gnome-keyring on it and this app inside.
type ringSession struct {
	t    *testing.T
	home string
	dir  string // the store's folder
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Scanner
}

// startRing begins a session in a home. before runs in it ahead of the app, as a shell would.
func startRing(t *testing.T, home, before string) *ringSession {
	for _, program := range []string{"dbus-run-session", "gnome-keyring-daemon", "bash"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%s is not installed; packaging/dev installs it", program)
		}
	}
	exe, err := os.Executable()
	try(t, err)
	run := filepath.Join(home, "run")
	try(t, os.MkdirAll(run, 0o700))
	r := &ringSession{t: t, home: home, dir: filepath.Join(home, "store")}
	try(t, os.MkdirAll(r.dir, 0o700))
	r.cmd = exec.Command("dbus-run-session", "--", "bash", "-c", before+`; exec "$0" "$1"`, exe, r.dir)
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		switch name { // with a display a locked ring would wait for a prompt
		case "DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "GNOME_KEYRING_CONTROL":
		default:
			r.cmd.Env = append(r.cmd.Env, v)
		}
	}
	r.cmd.Env = append(r.cmd.Env, "HOME="+home, "XDG_RUNTIME_DIR="+run, childVar+"=ring")
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the daemon ends with its session
	r.in, err = r.cmd.StdinPipe()
	try(t, err)
	out, err := r.cmd.StdoutPipe()
	try(t, err)
	r.out = bufio.NewScanner(out)
	try(t, r.cmd.Start())
	t.Cleanup(r.end)
	return r
}

func (r *ringSession) end() {
	if r.cmd == nil {
		return
	}
	r.in.Close()
	syscall.Kill(-r.cmd.Process.Pid, syscall.SIGTERM)
	r.cmd.Wait()
	r.cmd = nil
}

// does asks the app for one thing and compares the state it reports.
func (r *ringSession) does(what, want string) {
	r.t.Helper()
	fmt.Fprintln(r.in, what)
	if !r.out.Scan() {
		r.t.Fatalf("%s: the session is gone", what)
	}
	at := strings.LastIndexByte(r.out.Text(), ' ')
	if state := r.out.Text()[:at]; state != want {
		r.t.Errorf("%s: %s, want %s", what, state, want)
	}
	if ms, _ := strconv.Atoi(r.out.Text()[at+1:]); ms > 6000 {
		r.t.Errorf("%s took %d ms", what, ms)
	}
}

func unlockWith(password string) string {
	return `printf ` + password + ` | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1`
}

func TestEveryStateOfARealKeyringIsTyped(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector finds nothing here that it does not find elsewhere; run in full without it")
	}
	t.Run("found and missing", func(t *testing.T) {
		home := t.TempDir()
		r := startRing(t, home, unlockWith("pw"))
		r.does("device", "missing")
		r.does("set", "found")
		r.does("device", "found")
		r.does("set", "found") // replaced
		r.does("device", "found")
		r.does("key", "found")
		r.does("lent", "missing")
		r.does("take back", "found")
		r.does("lend", "found")
		r.does("lent", "found")
		r.does("take back", "found")
		r.does("lent", "missing")
		r.does("device", "found")
		r.does("lend", "found")
		r.does("forget", "found")
		r.does("device", "missing")
		r.does("lent", "missing")
		writeFile(t, filepath.Join(r.dir, cacheFile), []byte("a store"))
		r.does("key", "lost")
		if b := snapshotOfFile(t, filepath.Join(r.dir, cacheFile)); string(b) != "a store" {
			t.Error("the store was touched")
		}
	})
	t.Run("too large", func(t *testing.T) {
		r := startRing(t, t.TempDir(), unlockWith("pw"))
		r.does("set", "found")
		r.does("set a large one", "untyped: the device item is too long for every keyring")
		r.does("device", "found") // the one before
		r.does("somebody sets a large one", "found")
		r.does("device", "unavailable")
		r.does("key", "found")
	})
	t.Run("another keyring than before", func(t *testing.T) {
		home := t.TempDir()
		r := startRing(t, home, unlockWith("pw"))
		r.does("set", "found")
		r.does("key", "found")
		r.does("lend", "found")
		writeFile(t, filepath.Join(r.dir, outboxFile), []byte("a store"))
		r.end()
		rings := filepath.Join(home, ".local/share/keyrings")
		try(t, os.Rename(rings, rings+".before"))
		r = startRing(t, home, unlockWith("pw"))
		r.does("device", "missing")
		r.does("lent", "missing")
		r.does("key", "lost")
		r.end()
		try(t, errors.Join(os.RemoveAll(rings), os.Rename(rings+".before", rings)))
		r = startRing(t, home, unlockWith("pw"))
		r.does("device", "found")
		r.does("lent", "found")
		r.does("key", "found")
		if b := snapshotOfFile(t, filepath.Join(r.dir, outboxFile)); string(b) != "a store" {
			t.Error("the store was touched")
		}
	})
	t.Run("locked, wrong password, damaged, killed", func(t *testing.T) {
		home := t.TempDir()
		r := startRing(t, home, unlockWith("pw"))
		r.does("set", "found")
		r.does("key", "found")
		r.does("lend", "found")
		writeFile(t, filepath.Join(r.dir, outboxFile), []byte("a store"))
		r.does("lock", "found")
		r.does("device", "unavailable")
		r.does("lent", "unavailable")
		r.does("take back", "unavailable")
		r.does("key", "unavailable")
		r.end()

		r = startRing(t, home, unlockWith("pw"))
		r.does("device", "found")
		r.does("key", "found")
		r.end()

		r = startRing(t, home, unlockWith("other"))
		r.does("device", "unavailable")
		r.does("key", "unavailable")
		r.end()

		// Killed daemons: the bus starts one again, locked.
		r = startRing(t, home, unlockWith("pw"))
		r.does("device", "found") // it is on the bus now
		r.does("kill", "found")
		r.does("device", "unavailable")
		r.end()

		files, err := filepath.Glob(filepath.Join(home, ".local/share/keyrings/*.keyring"))
		try(t, err)
		if len(files) == 0 {
			t.Fatal("no ring file")
		}
		for _, f := range files {
			b := snapshotOfFile(t, f)
			b[len(b)-20] ^= 1
			writeFile(t, f, b)
		}
		r = startRing(t, home, unlockWith("pw"))
		r.does("key", "unavailable")
		r.does("device", "unavailable")
		if b := snapshotOfFile(t, filepath.Join(r.dir, outboxFile)); string(b) != "a store" {
			t.Error("the store was touched")
		}
	})
	t.Run("hanging", func(t *testing.T) {
		exe, err := os.Executable()
		try(t, err)
		r := startRing(t, t.TempDir(), `mkfifo "$HOME/open"; `+childVar+`=prompt "`+exe+`" < <(sleep 20) > "$HOME/open" & read ready < "$HOME/open"; [ "$ready" = "ready <nil>" ] || exit 3`)
		r.does("device", "unavailable")
	})
	t.Run("no daemon", func(t *testing.T) {
		r := startRing(t, t.TempDir(), "true")
		r.does("key", "unavailable")
	})
	t.Run("no bus", func(t *testing.T) {
		r := startRing(t, t.TempDir(), `export DBUS_SESSION_BUS_ADDRESS=unix:path=/nowhere`)
		r.does("key", "unavailable")
	})
}
