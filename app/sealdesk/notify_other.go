//go:build !linux && !windows

package main

import (
	"log/slog"

	"sealdesk/ui"
)

// notifier leaves notifications to Fyne.
func notifier(*slog.Logger) func(ui.Notice) { return nil }
