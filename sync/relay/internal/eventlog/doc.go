// Package eventlog keeps the relay's facts: one append-only log for each inbox and one for the company, and beside each
// log the state its facts add up to.
//
// It knows sequence numbers, epochs, and how a stretch of a log becomes a frame. It must not know who a contact is
// behind the mask, who asks, or how a fact came about. Everything in it may be shown to an agent.
//
// Invariants:
//
//   - A log and its state live in the ledger's shard of the same name (see [Shard]) and change in one transaction.
//   - Numbers are gap-free from 1 and given under the shard's lock: what is read up to n stays all there is up to n.
//   - The state is the fold of the log by the rules of app/inbox. Nobody else writes it. A message that nothing happened
//     to is kept in the log alone; beside it lies only where.
//   - What stands in a place of the log is written anew in two cases only, and keeps its place: a message is masked anew
//     ([Remask]), or somebody is forgotten ([Forget]). No reader is served what stood there before.
//   - An epoch names one generation of a log. A cursor of another epoch, or beyond the head, starts again from nothing.
//
// [Append], [Writer], [Conversation] and [Message] work inside a transaction of the caller. A [Reader] is safe for
// concurrent use; what it returns is shared and must not be changed.
package eventlog
