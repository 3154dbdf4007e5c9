// Package engine is the device's end of the wire: it enrols a device, and then keeps one connection to the relay over
// which facts come in, wishes go out and questions are answered; files travel beside it.
//
// # What it knows
//
// Dialling with a pinned certificate, hello, proof and welcome, resuming from cursors, acknowledging, sending the outbox
// in order, questions, tickets, fetching files and handing them over, trying again with back-off, and when to stop for
// good.
//
// # What it must not know
//
// How anything is kept ([Cache] is all it sees of the store), widgets, what a conversation means.
//
// # Invariants
//
//   - A batch is acknowledged only after the cache has it. All batches that wait go into one Apply, so a slow disk makes
//     larger commits and not a longer queue.
//   - An intent is sent under the id it was submitted with until the relay has settled it, however often the connection
//     is lost. Of one conversation at most one intent is on its way, so the relay sees them in their order.
//   - A message whose file the relay does not have is sent after it has been handed over, and then under the relay's name
//     for the file. Later messages of its conversation wait behind it; nothing else does.
//   - Files go over connections of their own, under the same pinned key. A ticket is used once; what a lost connection cut
//     short goes on where the receiving end stands. What is fetched is kept nowhere.
//   - After a terminal answer (revoked, wiped, replaced, too old) the engine does not dial again by itself.
//   - What it logs and returns holds ids, sizes, counts and codes, never contents.
//
// # Concurrency
//
// [Engine.Run] owns the connection: one goroutine reads, one gives to the cache, one sends, and one for each file hands it
// over, at most four. All methods are safe for
// concurrent use; Run may be called again after it returned, not twice at once.
package engine
