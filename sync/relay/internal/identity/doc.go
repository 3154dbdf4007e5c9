// Package identity knows who works for the company, which devices may speak for them, and how a person shows who is there.
//
// # What it knows
//
// People, with role, team and inboxes; enrolment codes; devices; accounts with a password and a second factor; what the
// company's sign-on (an OpenID provider) says of people; and sessions: for each device who is signed in on it, until when,
// and how long that person counts as just seen. It keeps them in the ledger's company shard, announces people in the
// company's log, and records every change, every sign-in and every refused one in the audit log, in the same transaction.
//
// # What it must not know
//
// Sockets, customers, and what a role may do: that is [inbox.Can]'s. It closes no connection and wipes no device: it tells
// whoever called which devices are concerned. Names, e-mail addresses and secrets never reach a log, an error or the audit.
//
// # Invariants
//
//   - A code admits one device, within [CodeLife], once. Only its hash is kept.
//   - A device's key never leaves the device; here is its public half.
//   - A password is kept as argon2id only, a recovery code as a hash only; the code of a second factor is accepted once,
//     whatever restarts in between.
//   - Every look at a password costs the same, whether the person has one, has left, or was never there.
//   - Failures delay; they never lock anybody out for good.
//   - Who has left, has another role, or had something reset is signed out in the transaction that says so.
//   - What the sign-on says is told at least once ([Register.Poll]), and a refresh whose answer was lost never counts as
//     the sign-on's no.
//
// # Concurrency
//
// All methods of [Register] are safe for concurrent use, but [Register.Configure], which comes first. A [SignIn] belongs
// to one connection.
package identity
