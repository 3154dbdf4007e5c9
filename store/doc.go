// Package store is what a device remembers: the cache of what the relay told it, the outbox of what its person wished,
// drafts, and the two keys that live in the keyring of the operating system.
//
// # What it knows
//
// Buckets, transactions, files, the keyring, and how facts fold into rows and timelines (the folding itself is
// app/inbox's). It seals every value and names every row through store/seal.
//
// # What it must not know
//
// Networks, frames, widgets. It never decides whether a wish is allowed; it only remembers the relay's answer.
//
// # Two files
//
// cache.db holds what the relay can tell again: losing it costs a download. outbox.db holds what it cannot: intents that
// are not settled, refused messages, drafts. It is small, written and synced before a person is told that something
// was kept. Beside them lie lock (one program at a time) and clean (the sizes and times both files had at the last good
// end; without it their structure is checked, by our own reader, before bbolt maps them, because bbolt may die of a
// damaged page in a way no program can recover from).
//
//	cache.db   meta   format, check tag, cursors, reader
//	           head   the newest rows of the inbox in one value, colleagues and inboxes in another: first paint
//	           row    name(conversation) -> its row
//	           ev     name(conversation) + first place -> a chunk of its timeline facts
//	           cause  name(intent) -> "its event is here", until the outbox has forgotten the intent as well
//	outbox.db  meta   format, check tag
//	           ob     name(intent) -> its place, the intent, its state
//	           draft  name(conversation) -> text
//
// # Invariants
//
//   - Rows and the cursor they lead to are one transaction, so that a batch is applied once however often it comes and
//     wherever the program dies.
//   - What Submit, SetDraft and Settle acknowledged survives kill -9 and a lost cache.
//   - Nothing in a file is readable without both halves of the key: values are sealed for their place, row names are
//     keyed. What shows is how many conversations there are, how long their histories are, roughly, and in which order
//     things were written. bbolt leaves old pages in the file; they hold sealed bytes only, and a row that must really
//     go is destroyed with its key (Quarantine, Wipe), not by deleting.
//   - A missing key is never replaced while a store exists, and there is never a store without a key.
//
// # Concurrency
//
// A Store is safe for concurrent use. One writer at a time per file; readers never wait for a disk except in Page.
// Rows handed out are shared and immutable. Read transactions are short. Pokes ([Store.Watch]) carry no data.
package store
