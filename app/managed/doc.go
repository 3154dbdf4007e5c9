// Package managed is what the company set on this machine: its policy, which people cannot change.
//
// It knows one table, [Defs]: every key, what it may hold and what it means in three languages. What IT is given (the ADMX
// and ADML files, the configuration profile, the JSON schema, the table of the guide) is made from it by packaging/policygen.
// It knows where each system keeps policies ([System]), how a file of them is read ([Check]), and what is in force ([Resolve],
// [Machine]). It must not know what obeying a key takes, and no window, store or frame.
//
// Invariants:
//
//   - Broken means closed: a policy of which one value is wrong is no policy at all, never the rest of it, and never the same
//     as no policy. Every fault is told at once, with its place.
//   - A key this version does not know stops nothing: a newer policy must not lock an older client out. [Check] refuses it.
//   - Only who administers the machine can have written a policy: HKEY_LOCAL_MACHINE, or files of the owner root in a
//     folder nobody else may write to.
//   - There is no secret in a policy: everybody on the machine can read it. The text of a value is in no error nonetheless.
//   - A policy that changes while the program runs is taken when two looks saw the same: files are written one after the other.
//
// Concurrency: a [Policy] is never changed. [Machine] is safe for concurrent use.
package managed
