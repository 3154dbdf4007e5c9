package main

import (
	"context"

	"github.com/godbus/dbus/v5"
)

// lockSignals are those by which desktops and systemd say that a lock has closed over the session, or that the machine is
// about to sleep (org.freedesktop.login1(5); the screen savers of GNOME, KDE and others share one interface).
var lockSignals = []struct {
	system            bool
	iface, name, path string
	when              func(body []any) bool
}{
	{false, "org.freedesktop.ScreenSaver", "ActiveChanged", "", begins},
	{false, "org.gnome.ScreenSaver", "ActiveChanged", "", begins},
	{false, "org.mate.ScreenSaver", "ActiveChanged", "", begins},
	{false, "org.cinnamon.ScreenSaver", "ActiveChanged", "", begins},
	{true, "org.freedesktop.login1.Session", "Lock", "", func([]any) bool { return true }},
	{true, "org.freedesktop.login1.Manager", "PrepareForSleep", "", begins},
}

func begins(body []any) bool {
	on, ok := any(nil), false
	if len(body) > 0 {
		on, ok = body[0], true
	}
	active, is := on.(bool)
	return ok && is && active
}

// systemLock pokes each time the system's own lock closes, until ctx ends. Where there is no bus to hear of it, it never does.
func systemLock(ctx context.Context) <-chan struct{} {
	pokes := make(chan struct{}, 1)
	for _, system := range []bool{false, true} {
		go func() {
			connect := dbus.ConnectSessionBus
			if system {
				connect = dbus.ConnectSystemBus
			}
			bus, err := connect(dbus.WithContext(ctx))
			if err != nil {
				return
			}
			defer bus.Close()
			for _, s := range lockSignals {
				if s.system == system && bus.AddMatchSignalContext(ctx, dbus.WithMatchInterface(s.iface), dbus.WithMatchMember(s.name)) != nil {
					return
				}
			}
			heard := make(chan *dbus.Signal, 16)
			bus.Signal(heard)
			for {
				select {
				case signal, ok := <-heard:
					if !ok {
						return
					}
					if locks(system, signal) {
						select {
						case pokes <- struct{}{}:
						default:
						}
					}
				case <-ctx.Done():
					return
				}
			}
		}()
	}
	return pokes
}

func locks(system bool, signal *dbus.Signal) bool {
	for _, s := range lockSignals {
		if s.system == system && signal.Name == s.iface+"."+s.name && s.when(signal.Body) {
			return true
		}
	}
	return false
}
