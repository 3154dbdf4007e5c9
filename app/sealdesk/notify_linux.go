package main

import (
	"log/slog"
	"sync"

	"github.com/godbus/dbus/v5"

	"sealdesk/ui"
)

// notifier shows notifications by the desktop's own service (Desktop Notifications Specification 1.2, org.freedesktop.Notifications).
// A new one takes the place of the one before, so that they do not pile up.
func notifier(log *slog.Logger) func(ui.Notice) {
	var mu sync.Mutex
	var last uint32
	return func(n ui.Notice) {
		go func() {
			mu.Lock()
			defer mu.Unlock()
			bus, err := dbus.SessionBus() // shared, not closed
			if err != nil {
				log.Warn("notification not shown", "error", err)
				return
			}
			call := bus.Object("org.freedesktop.Notifications", "/org/freedesktop/Notifications").Call("org.freedesktop.Notifications.Notify", 0,
				n.Title, last, "sealdesk", n.Title, n.Text, []string{}, hints(n), int32(-1))
			if call.Err == nil {
				call.Err = call.Store(&last)
			}
			if call.Err != nil {
				log.Warn("notification not shown", "error", call.Err)
			}
		}()
	}
}

// hints tell the desktop what kind of notification it is, and whether it may be heard.
func hints(n ui.Notice) map[string]dbus.Variant {
	h := map[string]dbus.Variant{"category": dbus.MakeVariant("im.received"), "desktop-entry": dbus.MakeVariant(AppID)}
	if n.Sound {
		h["sound-name"] = dbus.MakeVariant("message-new-instant")
	} else {
		h["suppress-sound"] = dbus.MakeVariant(true)
	}
	return h
}
