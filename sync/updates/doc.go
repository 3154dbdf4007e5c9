// Package updates is the signed feed of new versions: it says which versions there are, for whom, and that they are what the
// release engineer made. A laptop and a relay believe a feed only through this package.
//
// # What it knows
//
// The Update Framework (https://theupdateframework.github.io/specification/latest/), as go-tuf implements it; what a release
// says of itself ([Release]); rings; which release a device is offered ([Feed.For]). Package signing makes feeds.
//
// # What it must not know
//
// Relays, devices, people, windows, how a package is installed. It imports no package of ours.
//
// # Who is trusted, and why the relay is not
//
// A feed has four roles. Root (two of three keys, offline, with three people) says which other keys count. Targets (the
// release engineer's key, sealed by a passphrase) says which files are releases. Snapshot and timestamp (one more key of the
// release engineer's, so that freshness can be renewed without the targets key) say which state of the feed is the newest and
// until when that may be believed. All of them are keys of whoever makes the releases; no relay has one.
//
// The usual design gives a server the keys of snapshot and timestamp, so that it can say "still the newest" every few days.
// Here every company runs a relay of its own: a root that lists them all would tell everybody who the others are, and any
// stolen relay could speak for all. A root of each company's own would make IT keep three keys in three safes to install a
// program. And it would be worth little: laptops meet their relay under a pinned key already, so nobody in between can hold a
// feed back, and a stolen relay, with keys of its own, could say "still the newest" until targets runs out. So a relay only
// carries the feed, and its TLS connection is what says "now". It has no key of the feed that could be stolen.
//
// What follows:
//
//   - Who has the relay cannot make a laptop believe anything: every byte is signed by keys that never were there.
//   - Nobody can lead back to an older state: each reader remembers what it has seen (Config.Dir), and a device is never
//     offered a version that is not newer than its own, whatever the feed says.
//   - Who has the relay can hold newer versions back, until the feed he has runs out: timestamp, snapshot and targets are
//     good for 90 days at most. Then every laptop says that its updates are out of date. It goes on working: an expired feed
//     offers nothing and locks out nobody.
//   - Parts of different states do not fit together: timestamp names one snapshot by hash, snapshot one targets by hash,
//     targets each file by hash and length.
//   - Size and time are bounded before anything is believed, so a feed without end costs little.
//   - A lost or stolen key is replaced by a new root, signed by two of the three holders before and two of those after.
//
// The anchor of trust is a root.json, given to the build by the linker ([Builtin]). A build without one trusts nobody and is
// offered nothing. A company that makes its own releases hands its anchor out by policy, as the SHA-256 of the feed's first
// root.json ([Pinned]).
//
// # Invariants
//
//   - Nothing of a feed is used before [Verify] has returned it; no file before [Feed.Fetch] has returned nil.
//   - Names of files are plain: no separator, nothing hidden, so a feed cannot point outside its folder.
//   - Errors are this package's Err values, wrapped. [ErrExpired], [ErrUnreachable] and [ErrSlow] may pass; any other
//     means that somebody must look at the feed.
//
// # Concurrency
//
// A Feed is read-only and safe for concurrent use. Two calls of Verify must not share a Dir.
package updates
