// Package vault keeps what identifies a contact, and the keys that make it unreadable.
//
// It knows which numbers, user ids, names and addresses belong to one contact, gives that contact a meaningless id and
// an alias, and tells the rest of the relay only the masked card. It seals what other rooms keep of a contact under
// that contact's own key, and makes that noise by destroying the key. It must not know messages, conversations, agents,
// sessions or the wire; sessions and the wire must not know it.
//
// # Keys
//
//	master            from a file, a passphrase or the environment; kept nowhere by the vault
//	  the safe        a file of some hundred bytes, sealed under the master:
//	    epoch key     replaced with every rotation and every erasure; the old one is destroyed
//	      key file    the keys of all contacts, in pages sealed under the epoch's key
//	    look-up key   of the keyed hashes contacts are found by
//	    ledger key    of the rows of the relay's ledger
//
// The key of a contact is random and seals his record, his table of tokens and all that other rooms keep of him. It is on
// the disk before anything is sealed under it: keys are made a page at a time for contacts still to come. What is sealed
// stays where it is when epoch or master change; only keys are sealed anew.
//
// # What destroying a key is worth
//
// The key file is written anew without the key, under a new epoch's key; the old files are overwritten as far as the file
// system lets us. Flash and copying file systems keep old bytes below, and backups are copies by intent. Such an older
// copy
//
//   - of the key file alone, with or without today's safe and master, is noise;
//   - of the safe alone holds no contact's key;
//   - of both, from one epoch, opens with the master of that time: all contacts of then, also those erased since, can be
//     read by whoever also has what was sealed for them.
//
// So backups keep the safe apart from the key file, and for less long: when the last copy of an epoch's safe is gone, every
// copy of its key file is noise. [Vault.BackupKeys] returns both files of one moment.
//
// A restored ledger has forgotten who was erased since it was copied, and keys restored with it open again. A third file,
// the list of everybody who was ever erased, is therefore never restored but by a newer copy of itself: it tells after a
// restore whom to erase again ([Vault.Returned], [Vault.EraseAll]). It holds sealed ids that mean nothing elsewhere.
//
// Deleting a row is not erasing it: the ledger's file keeps old bytes in free pages until it is rebuilt. What is left there
// of an erased contact is sealed under his destroyed key, but for the keyed hashes of his identifiers, which say nothing
// without the look-up key, and for contacts from before the key file, whose wrapped keys were once rows (keys.go).
//
// # Invariants
//
//   - An identifier is stored only sealed under its contact's key; it is found by a keyed hash of its exact value and
//     in no other way. No prefix, suffix or part of one finds anything.
//   - One identifier leads to one contact. Two calls that bring a new identifier at the same time make one contact.
//   - Two contacts that turn out to be one stay two for what was sealed, and are one for everything else: the older one's
//     record holds all that was known of both, and each leads to the other. They are erased together.
//   - A number a contact gave up leads to him no more, and stays hidden in his texts.
//   - Who was erased stays so: no crash, repetition or late reader brings him back, and a message from his number makes
//     somebody new. Everything asked about him is answered by [ErrErased].
//   - A missing or damaged key file is never replaced by a new one: that would lose every contact.
//   - One token stands for one thing in all texts of a contact, and two contacts' tokens cannot be compared.
//   - Everything that holds an identifier prints "[redacted]" under fmt, encoding/json and log/slog. No error and no
//     log line holds one.
//   - A card shows nothing that [inbox.Identifying] objects to.
//
// # Concurrency
//
// A [Vault] is safe for concurrent use. It holds the contacts used last in memory, so that a message from a contact
// the relay heard of lately costs no transaction, and all keys, as sealed as they are in the file. Nothing that reads waits
// for the key file to be rewritten. It expects to be the only vault on its ledger's shard and on its key file: what another
// process changes in the shard is seen once the contact has left this memory, and what it changes in the key file is lost.
package vault
