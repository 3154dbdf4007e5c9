// Package ledger is the durable seam of the relay: an ordered, transactional key-value store in shards. Whatever the
// relay must still know after a crash goes through a [DB].
//
// # What it knows
//
// Shards, buckets, keys, values, and when bytes are on disk. The engine here is bbolt in one file ([Open]); another
// engine joins by passing the conformance suite in ledgertest, which states the contract as tests. [Sealed] wraps any
// engine so that it only ever holds sealed values; Open applies it itself.
//
// # What it must not know
//
// What a value means. Keys are not sealed, because their order is the point: callers use only sequence numbers, random
// ids and keyed hashes as keys, and nothing that a customer or Meta made.
//
// # The contract
//
//   - A transaction belongs to one shard. View shows one moment of it, and only what is durable.
//   - The writers of one shard run one after another, and each sees all that those before it wrote. Writers of
//     different shards do not wait for each other's functions.
//   - Update returns nil only when what it wrote survives the power going out. When it returns an error, nothing was
//     written, with one exception: ErrUnknown says that the engine could not learn the fate of the commit.
//   - An update that fails, panics or gives up harms no other update, although many of them share one fsync.
//   - The function of an update may run more than once and must have no effect but through its Tx.
//   - Sequences are gap-free: a number is given under the shard's lock and only kept together with what was written
//     beside it.
//   - A poke from Watch comes after the change is durable. Pokes coalesce and repeat; they are never lost.
//
// # How the bbolt engine commits
//
// The function of an update runs on its caller's goroutine, under the lock of its shard, over a stack of layers: its
// own writes, the writes of the shard that wait for the disk, and a snapshot of the file. When the function returns, its
// writes move to the second layer, the shard's lock is free again, and one committer goroutine writes up to 1,024
// waiting updates in one bbolt transaction. So decoding, sealing and deciding overlap with the disk, and a failing
// function just drops its own layer. An answer is given only after the commit, also to a function that wrote nothing
// but may have read what still waits. When a commit fails, everything built on top of it runs again.
//
// # Concurrency
//
// DB is safe for concurrent use. A Tx is not: it belongs to the function it was handed to, ends with it, and its
// function must not call the DB again, which could wait for itself.
package ledger
