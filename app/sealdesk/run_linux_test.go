package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

const runEnv = "SEALDESK_TEST_RUN"

// A test binary that is told to is the client.
func init() {
	if os.Getenv(runEnv) != "" {
		main()
		os.Exit(0)
	}
}

func TestTheClientEndsWellWithoutASessionBus(t *testing.T) {
	at, dir := display(t), t.TempDir()
	for name, value := range map[string]string{
		runEnv: "1", "DISPLAY": at, "WAYLAND_DISPLAY": "", "LIBGL_ALWAYS_SOFTWARE": "1", "DBUS_SESSION_BUS_ADDRESS": "unix:path=" + filepath.Join(dir, "none"),
		"HOME": dir, "XDG_CONFIG_HOME": dir, "XDG_CACHE_HOME": dir, "XDG_DATA_HOME": dir, "XDG_RUNTIME_DIR": dir, "LANG": "en_US.UTF-8",
	} {
		t.Setenv(name, value)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, err := launch(" tray ", self, "--data", filepath.Join(dir, "data"), "--trace", "/dev/stdout")
	if err != nil {
		t.Fatal(err)
	}
	focusWindow(t, at) // only a window that was in front ends the tray
	r.end()
	if code := r.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("ended with %d", code)
	}
	for line := range strings.Lines(r.said.String()) { // the tray's own words; without them it would have had a bus
		if !strings.Contains(line, "systray error: failed to connect to DBus: ") {
			t.Errorf("it says: %s", line)
		}
	}
	if r.said.Len() == 0 {
		t.Error("there is a session bus: nothing is proven")
	}
	if crash, err := takeCrash(filepath.Join(dir, "data")); crash != nil || err != nil {
		t.Errorf("it left a crash: %v, %v", crash, err)
	}
}

// focusWindow gives the keys to the only window of a display, as a window manager does.
func focusWindow(t *testing.T, display string) {
	t.Helper()
	conn, err := xgb.NewConnDisplay(display)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	tree, err := xproto.QueryTree(conn, xproto.Setup(conn).DefaultScreen(conn).Root).Reply()
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range tree.Children {
		a, err := xproto.GetWindowAttributes(conn, w).Reply()
		if err != nil || a.MapState != xproto.MapStateViewable {
			continue
		}
		if err := xproto.SetInputFocusChecked(conn, xproto.InputFocusParent, w, xproto.TimeCurrentTime).Check(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(500 * time.Millisecond) // a real process hears of its window and says nothing
		return
	}
	t.Fatal("there is no window")
}
