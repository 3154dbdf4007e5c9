// Package vault keeps what identifies a contact, and the keys that make it unreadable.
//
// It knows which numbers, user ids, names and addresses belong to one contact, gives that contact a meaningless id and
// an alias, and tells the rest of the relay only the masked card. It seals what other rooms keep of a contact under
// that contact's own key. It must not know messages, conversations, agents, sessions or the wire; sessions and the
// wire must not know it.
//
// # Keys
//
// One [Master] key comes from a file, a passphrase or the environment. Every other key is derived from it with
// HKDF-SHA256 (RFC 5869) under a label of its own and never stored. The key of a contact is random; it is stored only
// wrapped under a key-encryption key, in the one place keys.go describes, so that losing it loses the contact.
//
// # Invariants
//
//   - An identifier is stored only sealed under its contact's key; it is found by a keyed hash of its exact value and
//     in no other way.
//   - One identifier leads to one contact. Two calls that bring a new identifier at the same time make one contact.
//   - Two contacts that turn out to be one stay two for what was sealed, and are one for everything else: the older one's
//     record holds all that was known of both, and each leads to the other.
//   - A number a contact gave up leads to him no more, and stays hidden in his texts.
//   - Everything that holds an identifier prints "[redacted]" under fmt, encoding/json and log/slog. No error and no
//     log line holds one.
//   - A card shows nothing that [inbox.Identifying] objects to.
//
// # Concurrency
//
// A [Vault] is safe for concurrent use. It holds the contacts used last in memory, so that a message from a contact
// the relay heard of lately costs no transaction. It expects to be the only vault on its ledger's shard: what another
// process changes there is seen once the contact has left this memory.
package vault
