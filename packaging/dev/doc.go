// Command dev is Sealdesk's task runner: `go run ./packaging/dev <verb>`.
//
// It knows what each verb needs from the machine, in which order things are built, started, driven and checked, and how
// to say so calmly. It must not know anything a program of the house decides: what a conversation is, what may be
// shown, what a frame holds. It talks to the programs only as a person would, by flags, files, keys and pixels; the
// flags live in one file (programs.go).
//
// Invariants:
//   - It runs from a fresh clone on a machine with nothing but Go, git and a shell: standard library only, no cgo.
//   - Every verb may be repeated; what exists is kept, what is missing is made.
//   - Everything it makes lies below build/, which git ignores. It never touches the caller's home, keyring or display.
//   - What it starts, it stops: every child runs in a process group of its own that dies with the verb.
//   - It ends with status 0 only when everything it was asked for was done; otherwise with a sentence that says what
//     happened, what is safe and what to do.
//
// Concurrency: one verb runs per invocation. Children are watched by one goroutine each; all printing goes through a
// console that locks.
package main
