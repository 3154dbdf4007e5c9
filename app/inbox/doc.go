// Package inbox holds the words of Sealdesk: what a contact, a conversation, a message, an event and an intent are,
// who may do what, and when a reply window closes.
//
// It knows nouns and the rules that hold without any computer. It must not know bytes on a wire, files, sockets,
// widgets or clocks: time always comes in as an argument. Every other package may import it; it imports only the
// standard library.
//
// Invariants:
//
//   - Every text of a customer is a [Masked]; none of its plain spans looks like an identifier (see [Identifying]).
//   - Ids are random and meaningless. No id is made from something Meta or a customer made.
//   - A [Receipt] only moves forward.
//   - The numbers in the struct tags, and the numeric values of the kinds, are part of the vocabulary: they are
//     written to disk and to the wire. They may be added to, never reused.
//
// All types are plain values without locks. Values may be shared between goroutines as long as nobody changes them.
package inbox
