// Package arena keeps folded text in memory outside the Go heap, finds words in it, and clears it.
//
// # What it knows
//
// How text is folded so that what is typed finds what was meant (Unicode NFKC, case, accents, kinds of space, quotes and
// dashes), how the folded form leads back to the text as it was, and where all of it lies: in segments got from the system,
// which never move, are kept from being swapped out as far as the system lets us, and are left out of memory dumps on
// Linux. The collector never sees them, so nothing copies them, and clearing them leaves nothing.
//
// # What it must not know
//
// What a conversation, a message or a person is: a record has a group, an id, an author, a moment, a place and flags, and
// what they mean is the caller's. It imports no package of ours.
//
// # A segment
//
//	texts, from the front:  folded text | 0 | way back | id    (nothing else in a text is 0)
//	entries, from the end:  40 bytes a record: where it lies, its group, the record of that group before it, ...
//
// A scan is one byte search over the front part. What is found in a way back or an id is passed over; no find can reach
// over the 0.
//
// The way back is a list of what folding changed: a capital costs one byte, an umlaut four. So a snippet shows text as it
// was written, without a second copy of it. Text that is hidden is one byte in the folded text, which no query can hold:
// hints are shown and never found.
//
// # Invariants
//
//   - What was removed or replaced is overwritten before the call returns. A segment that has become mostly empty is
//     emptied into another one.
//   - After [Arena.Clear] every byte has been overwritten and every segment given back; every further call returns
//     [ErrCleared].
//   - Nothing of a text reaches the heap, but for the snippets that [Arena.Find] returns and what a [Text] holds between
//     its Resets.
//
// # Concurrency
//
// An Arena is safe for concurrent use; finding does not exclude finding. A Text belongs to one goroutine.
package arena
