// Package store is what a device remembers: the cache of what the relay told it, the outbox of what its person wished,
// drafts, and what lives in the keyring of the operating system: the device's key, its half of the store's, the lease.
//
// # What it knows
//
// Buckets, transactions, files, the keyring, how facts fold into rows and timelines (the folding itself is app/inbox's),
// and how a wish shows until the relay has told what came of it. It seals every value and names every row through store/seal.
//
// # What it must not know
//
// Networks, frames, widgets. It never decides whether a wish is allowed; it only refuses what no relay would take, and
// remembers the relay's answer.
//
// # Two files
//
// cache.db holds what the relay can tell again: losing it costs a download. outbox.db holds what it cannot: intents that
// are not settled, refused messages, drafts, what is known of attached files. It is small, written and synced before a person is told that something
// was kept. Beside them lie lock (one program at a time) and clean (the sizes and times both files had at the last good
// end; without it their structure is checked, by our own reader, before bbolt maps them, because bbolt may die of a
// damaged page in a way no program can recover from; with it, what leads to rows is).
//
//	cache.db   meta   format, check tag, reader, the file's own key, whether old pages must go, cursors
//	           key    the file's own key once more
//	           head   the newest rows of the inbox in one value, colleagues and inboxes in another: first paint
//	           row    name(conversation) -> its row
//	           ev     name(conversation) + first place -> a chunk of its timeline facts
//	           thing  name(log) + name(thing) -> the latest fact about a template, card, incident, request, reveal, message that is held
//	           cause  name(intent) -> "its event is here", until the outbox has forgotten the intent as well
//	outbox.db  meta   as in cache.db, but for the cursors; the checkpoints of the audit log this device is a witness of
//	           key    as in cache.db
//	           ob     name(intent) -> its place, the intent, its state
//	           draft  name(conversation) -> text
//	           file   name(attachment) -> what is known of the file
//	           typed  name(message) -> its text as it was typed, while its author may take it back
//
// Each attached file lies beside them, under a random name, in pieces sealed one by one under a key that is in its row. It
// is there from before Attach returns until the message that sends it has come back, or was dismissed; a file nobody
// refers to is destroyed at the next start. Of files that are fetched nothing is kept.
//
// # Search
//
// What the cache shows of messages, folded, lies in store/arena: in memory that is not Go's, filled in the background after
// the first look at the inbox, kept in step by Apply, overwritten by ClearSearch and Close. Nothing of it is ever on a disk,
// and the fill leaves no copy in the heap; what was shown, or came over the wire, does, until the process ends.
//
// # Halves, lease, wipe
//
// The key of both files is made of a half in the keyring and one the relay lends ([CacheKey]). [Store.Rotate] turns the
// store to new halves; while it does, a file "turn" says which count (see rotate.go for the steps). How long the relay's
// half may be kept is arithmetic ([Terms]); who lent it and whether that is signed is the app's to check. [Wipe] destroys
// all there is in the data folder, this store included, after it wrote down in wipe.intent that there is no way back; the
// receipt waits in wipe.receipt.
//
// # Invariants
//
//   - Rows and the cursor they lead to are one transaction, so that a batch is applied once however often it comes and
//     wherever the program dies.
//   - What Submit, SetDraft, Attach and Settle acknowledged survives kill -9 and a lost cache.
//   - A file attached is sent by one message at most. What goes over the wire names it as the relay does: until then
//     Offer holds its message back. The intent's ID never changes.
//   - Nothing in a file is readable without both halves of the key: values are sealed for their place, row names are
//     keyed. What shows is how many conversations and attached files there are, how long they are, roughly, and in which
//     order things were written. bbolt leaves old pages in the file; they hold sealed bytes only, and a row that must really
//     go is destroyed with its key (Rebuild, Quarantine, Wipe), not by deleting.
//   - Of a customer who was forgotten nothing is left at once but a row that says so; and some seconds later, or after the
//     next start, both files have been written anew under new keys, so that no old page is left either. The same follows a
//     log that is told anew. Who is killed meanwhile finds the old file or the new one, whole.
//   - A message taken back, and the earlier body of one that was masked anew, are in no live page: their chunks are
//     rewritten. Old pages keep them, sealed, until the next Rebuild.
//   - What a reveal shows never comes here. Facts about reveals say who, when and why.
//   - A store that is turned to new halves opens, wherever it is killed, by the half the relay still lends, and after that
//     by the new one; nothing in its files opens by an older one.
//   - A wipe that was begun is never taken back, does its acts in their order, the keys before the files, and destroys
//     nothing outside what it was given.
//   - A missing key is never replaced while a store exists, and there is never a store without a key.
//
// # Concurrency
//
// A Store is safe for concurrent use. One writer at a time per file; readers never wait for a disk except in Page.
// Rows handed out are shared and immutable. Read transactions are short. Pokes ([Store.Watch]) carry no data.
package store
