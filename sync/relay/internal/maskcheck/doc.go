// Package maskcheck judges a masking engine: it reads a corpus of cases, lets the engine mask each, and reports what
// survived that must not and what was hidden that need not.
//
// It knows what leaked means (one digit or letter of a secret that can still be read is a leak, however much was hidden
// around it) and makes corpora of its own: a development set, and a held-out set written from the specification alone,
// with other frames, other spellings and other languages, and a third by yet another author, who knew neither. It judges any corpus of the same form, made by anybody, and
// any engine, ours in process or a whole relay, through one function. It must not know how the engine works, and it
// reads no vault and no key but the one a report is signed with, which is handed in.
//
// Invariants:
//
//   - The same seed and size make the same cases on every machine.
//   - All numbers, addresses and names are made up by the generators; no customer's data is in here.
//   - A report holds counts and times and the ids of cases, never a text, a secret or a known value.
//
// Judging is sequential and measures time; the generators may be used concurrently, each by its own call.
package maskcheck
