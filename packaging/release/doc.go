// Command release is the release engineer's desk: it makes the keys of updates, signs what is released, and keeps the feed
// that relays import. Start it with `go run ./packaging/dev release`.
//
// It knows how a person speaks to package signing: words, files, passphrases. It must not know how packages are built, nor
// what makes a feed sound; sync/updates and its package signing do.
//
// Invariants: a passphrase is read from the terminal or a file, never from an argument; what is refused is told with what is
// safe and what to do; it ends with 0 when it was done, with 1 when it was not.
//
// Concurrency: one run at a time in one folder.
package main
