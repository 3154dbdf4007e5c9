package main

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// A bus of our own: the test hears of no lock but its own.
func TestTheSystemsLockIsHeard(t *testing.T) {
	out, err := exec.Command("dbus-daemon", "--session", "--fork", "--print-address=1", "--print-pid=1").Output()
	if err != nil {
		t.Fatalf("a message bus is needed: apt-get install dbus: %v", err)
	}
	lines := strings.Fields(string(out))
	t.Cleanup(func() { exec.Command("kill", lines[1]).Run() })
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", lines[0])
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	pokes := systemLock(ctx)
	bus, err := dbus.Connect(lines[0])
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close()
	say := func(active bool) {
		if err := bus.Emit("/org/freedesktop/ScreenSaver", "org.freedesktop.ScreenSaver.ActiveChanged", active); err != nil {
			t.Fatal(err)
		}
	}
	// Who listens is not told when the bus has understood; so it is said until it is heard.
	for heard := false; !heard; {
		say(true)
		select {
		case <-pokes:
			heard = true
		case <-time.After(50 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("never heard")
		}
	}
	for late := true; late; { // what was said before it was heard may still be on its way
		select {
		case <-pokes:
		case <-time.After(300 * time.Millisecond):
			late = false
		}
	}
	say(false)
	select {
	case <-pokes:
		select {
		case <-pokes:
			t.Error("an unlock locks")
		case <-time.After(300 * time.Millisecond):
		}
	case <-time.After(300 * time.Millisecond):
	}
}
