// Package audit keeps the record of who did what to whose data, so that nobody can change it unnoticed.
//
// # What it knows
//
// An act and its entry are one transaction: [Record] is called inside the transaction of the act, so neither exists
// without the other. The entries of a shard are numbered without gaps and are the leaves of a Merkle tree (RFC 6962,
// section 2.1), whose hashes are written beside them. A [Key] signs what a tree has become ([Checkpoint]); whoever keeps
// one demands a proof that the tree only ever grew ([Consistency]), and hands in what it saw ([Witness]). [Verify]
// computes everything again from the entries and says what does not agree.
//
// # What it must not know
//
// Names, numbers or texts: an entry holds ids, and words of the program's own; what a person gave as a reason is sealed
// before it comes here, for the contact it is about. So a contact is erased without touching the tree.
//
// # What it proves, and what not
//
// Whoever may write to the store but has no key cannot change a row unseen: the ledger seals each. Who has the store's
// keys, too, can write rows, and the hashes that fit them, but not a tree that agrees with a checkpoint signed before.
// Who has even the audit key, or puts an old backup in place, makes a tree that agrees with itself: only somebody who
// kept a checkpoint elsewhere, a device or a sheet of paper, finds that out. Anchors ([Anchor]) make each shard a witness
// of the others.
//
// # The time of entries
//
// An entry has the time of its act, which was read before the act had its turn. So entries may be some moments out of
// order; one that lies more than [ClockSlack] behind the entry before it says so ([Entry.Back]): the clock was turned
// back. Order is told by numbers, never by times.
//
// # Concurrency
//
// Functions that take a transaction work inside it and keep no state. Those that take a database are safe for concurrent
// use, and read in short transactions so that no writer waits for them.
package audit
