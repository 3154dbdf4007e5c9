// Package signing makes the feed of package updates: keys, roots, and what is said of releases. It is the release engineer's
// desk; no laptop and no relay holds it.
//
// # What it knows
//
// The layout of the desk's folder: keys/ with a file for each key, feed/ with what is published, staged.root.json while a new
// root waits for its signatures. Five keys: root-1, root-2 and root-3, of which two must sign a root; targets, which says what
// is a release; fresh, which says what is the newest state and until when.
//
// # What it must not know
//
// How packages are built, and who carries the feed to relays.
//
// # Invariants
//
//   - A private key is on disk only sealed: XChaCha20-Poly1305 under a key that Argon2id (RFC 9106) makes of a passphrase.
//     Keys without one are for tests, and say so.
//   - What is written replaces what was there only whole, and timestamp.json last: whoever copies the feed meanwhile has the
//     old state or the new one.
//   - Every state is verified by package updates, as a stranger would, before a call returns nil.
//   - Nothing is good for longer than [Life]; a root for two years.
//
// # Concurrency
//
// One desk is used by one person at a time; its methods must not be called concurrently.
package signing
