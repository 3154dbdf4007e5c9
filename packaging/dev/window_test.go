//go:build linux

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sealdesk/packaging/dev/leak"
)

// tools fails on a machine where the packages step has not run: a test that is skipped there would say nothing.
func tools(t *testing.T, programs ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a display or a keyring")
	}
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Fatalf("%s is not installed; go run ./packaging/dev test installs it", p)
		}
	}
}

func TestKeyringIsRealPrivateAndEndsWithUs(t *testing.T) {
	tools(t, "gnome-keyring-daemon", "dbus-run-session", "secret-tool")
	dir := t.TempDir()
	h, runtime, clean, err := newHome(filepath.Join(dir, "home"))
	if err != nil {
		t.Fatal(err)
	}
	defer clean()
	s, err := newSupervisor(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	env, err := startKeyring(t.Context(), s, h, runtime)
	if err != nil {
		t.Fatal(err)
	}
	secret := call{env: env, stdin: strings.NewReader("the-half-of-a-key")}
	if _, err := secret.output(t.Context(), "secret-tool", "store", "--label=x", "service", "sealdesk-test"); err != nil {
		t.Fatal(err)
	}
	got, err := call{env: env}.output(t.Context(), "secret-tool", "lookup", "service", "sealdesk-test")
	if err != nil || got != "the-half-of-a-key" {
		t.Fatalf("lookup: %q, %v", got, err)
	}
	ring := filepath.Join(h.dir, ".local", "share", "keyrings")
	c, err := leak.New([]leak.Canary{{Class: "secret", Value: "the-half-of-a-key"}}).Tree(ring)
	if err != nil || c.Files == 0 || len(c.Hits) > 0 {
		t.Errorf("the ring is not in this home, or not sealed: %+v, %v", c, err)
	}
	if !someoneHas("XDG_RUNTIME_DIR=" + runtime) {
		t.Error("the check below sees nothing")
	}
	s.close()
	err = until(t.Context(), 15*time.Second, 50*time.Millisecond, func() (bool, error) { return !someoneHas("XDG_RUNTIME_DIR=" + runtime), nil })
	if err != nil {
		t.Errorf("the keyring outlives the verb: %v", err)
	}
}

// someoneHas says whether a running process carries the variable in its environment.
func someoneHas(variable string) bool {
	found, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range found {
		if env, err := os.ReadFile(path); err == nil && bytes.Contains(env, []byte(variable+"\x00")) {
			return true
		}
	}
	return false
}

// The driver is tested on a real window: xev prints every key it receives, which serves as its trace.
func TestDriverPressesKeysAwaitsMilestonesAndTakesPictures(t *testing.T) {
	tools(t, "Xvfb", "openbox", "xdotool", "xclip", "import", "xev", "xprop")
	dir := t.TempDir()
	h, runtime, clean, err := newHome(filepath.Join(dir, "home"))
	if err != nil {
		t.Fatal(err)
	}
	defer clean()
	s, err := newSupervisor(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	env := h.env(runtime)
	screen, err := startDisplay(t.Context(), s, "640x480", env)
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.start(launch{name: "xev", path: "xev", args: []string{"-event", "keyboard", "-name", "Event Tester"}, env: screen.clientEnv(env, "en_GB")})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := &driver{display: screen, client: p, trace: &trace{path: p.logPath}, album: &album{dir: filepath.Join(dir, "shots")}, say: newConsole(&out).say}
	if err := os.Mkdir(w.album.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := w.findWindow(t.Context(), "Event Tester"); err != nil {
		t.Fatal(err)
	}
	for _, m := range []move{
		{name: "a chord", keys: []press{key("ctrl+k")}, await: []string{"KeyPress event,"}},
		{name: "typed letters", keys: []press{typed("hé")}, await: []string{"KeyRelease event,"}, shot: "typed"},
	} {
		if err := w.do(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	log, err := os.ReadFile(p.logPath)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Control_L", "keysym 0x6b, k", "keysym 0x68, h"} {
		if !bytes.Contains(log, []byte(want)) {
			t.Errorf("the window did not receive %q", want)
		}
	}
	if img, err := readPNG(filepath.Join(w.album.dir, "01-typed.png")); err != nil || img.Rect.Dx() != 640 || img.Rect.Dy() != 480 {
		t.Errorf("picture: %v", err)
	}
	err = w.await(t.Context(), []string{"never said"}, 300*time.Millisecond)
	var pr *problem
	if !errors.As(err, &pr) || !strings.Contains(pr.happened, "never said") || !strings.Contains(pr.tail, "KeyRelease") {
		t.Errorf("a milestone that never comes: %v", err)
	}
	p.stop(5 * time.Second)
	if err := w.await(t.Context(), []string{"never said"}, time.Minute); !errors.Is(err, errDied) {
		t.Errorf("a window that is gone: %v", err)
	}
}

// A verb that is killed outright must leave nothing behind: neither a keyring nor a program it supervised.
func TestKilledOutrightNothingStays(t *testing.T) {
	tools(t, "gnome-keyring-daemon", "dbus-run-session")
	if dir := os.Getenv("SEALDESK_DEV_VICTIM"); dir != "" {
		h, runtime, _, err := newHome(dir)
		if err != nil {
			t.Fatal(err)
		}
		s, err := newSupervisor(filepath.Join(dir, "log"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := startKeyring(t.Context(), s, h, runtime); err != nil {
			t.Fatal(err)
		}
		line := newFirstLine()
		p, err := s.start(launch{name: "child", path: "sh", args: []string{"-c", "echo up; while :; do sleep 0.05; done"}, env: h.env(runtime), out: line})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := line.await(t.Context(), p, time.Minute); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "up"), []byte(runtime), 0o600); err != nil {
			t.Fatal(err)
		}
		<-t.Context().Done() // until killed
		return
	}
	dir := t.TempDir()
	victim := exec.Command(os.Args[0], "-test.run", "^TestKilledOutrightNothingStays$")
	victim.Env = append(os.Environ(), "SEALDESK_DEV_VICTIM="+dir)
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	var runtime []byte
	err := until(t.Context(), time.Minute, 20*time.Millisecond, func() (bool, error) {
		var err error
		runtime, err = os.ReadFile(filepath.Join(dir, "up"))
		return err == nil && len(runtime) > 0, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(string(runtime))
	mark := "XDG_RUNTIME_DIR=" + string(runtime)
	if !someoneHas(mark) {
		t.Error("the check below sees nothing")
	}
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = victim.Wait()
	if err := until(t.Context(), 20*time.Second, 50*time.Millisecond, func() (bool, error) { return !someoneHas(mark), nil }); err != nil {
		t.Errorf("something stays: %v", err)
	}
}
