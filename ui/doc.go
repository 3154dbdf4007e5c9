// Package ui is what people see: the screens of Sealdesk.
//
// It knows words for humans and widgets. It must not know files, sockets, keys or frames, nor the packages that do: what
// it needs of them stands in model.go as interfaces (Door, Model, Relay), and app/sealdesk plugs them in.
//
// How it is built:
//
//   - view_*.go decide words, badges, order, and what is enabled. They are pure: no widgets, no clock, no I/O.
//   - paint_*.go draw views; the other files are the panes of the window and what keys and taps do.
//   - worker.go holds the goroutines. Each loops: poke, query, view, post. Pokes coalesce, so that nothing is done more
//     often than ten times a second.
//   - dispatch.go is the only place with fyne.Do.
//
// Invariants:
//
//   - Nothing that can wait (disk, keyring, network) runs on the main goroutine.
//   - A view is never changed after it was posted.
//   - What a customer wrote is on screen and nowhere else: not in notifications, the window's title, the preferences, the
//     trace or the log. A picture is fetched when somebody looks at it, held while the viewer is open, and let go then; a recording
//     when somebody plays it, until another one is played, the conversation is left, or the inbox locks.
//   - Nothing leaves that was not looked at first: a file's size and kind, a template's gaps and consent, the limits of a
//     message with choices. The company's server decides; this package says no in words beforehand.
//   - A value that is revealed lives in one kit.Secret, as long as it is looked at: it goes, overwritten, with Escape, with
//     its time, when the window loses the focus, and when anything else is turned to. The key of a reveal lives in memory
//     (looks) and goes with the inbox. Of what was copied only a hash is remembered, of a number that was looked up nothing.
//   - A locked inbox is not covered but gone: its objects, caches, texts and what it put on the clipboard. What was typed is
//     kept before the store closes. It locks by hand, with the system, and when no key, tap, wheel or pointer moved for a while.
//   - What a person types to show who is there stays in its field and goes with it; passwords, codes and secrets print as
//     [redacted].
//   - No device is called wiped before its signed receipt was verified; below that, the words say since or from when nobody
//     can read it.
//   - Nobody decides about his own: such rows are not there.
//   - A button that would do nothing is not there.
//
// Concurrency: everything that touches widgets runs on the main goroutine, workers reach it through Post. Model, Relay and
// Door are only called by workers, except for the methods that say they do not wait. Files are opened by workers too: Fyne's
// chooser and drops hand over addresses, never contents.
package ui
