// Package mask finds what identifies a person in text and replaces it by hints an agent may see.
//
// It knows how phone numbers, e-mail addresses, handles, payment cards and bank accounts are written by people who
// chat, and by people who try to hide them from a machine: separators, foreign digits, letters that look like digits,
// invisible characters, numbers said in words, backwards or in parts over several messages, spelled-out "at" and "dot".
// It must not know where a text comes from, where it goes, or what time it is: every function is pure; a table of
// [Tokens] is the only thing that remembers, and its owner keeps it.
//
// Invariants:
//
//   - What comes out passes [inbox.NewMasked] untouched: the floor [inbox.Identifying] never finds anything left.
//   - Masking is idempotent: masking what is visible again changes nothing. Text repeats its pass until a pass finds
//     nothing, so this holds by construction and not by luck.
//   - Nothing panics, whatever bytes come in; ranges always lie on rune borders of the original text.
//   - Doubt masks: ten digits or more that are not plainly a date, a time, money, a size, a place or an order number
//     are hidden.
//
// Clean text, which is most of it, costs two passes over its bytes, the one value returned and no call into the phone
// number library: the first look counts digits and hashes words, and lets nothing be folded before they could add up to
// something. All functions may be called concurrently.
package mask
