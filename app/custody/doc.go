// Package custody is what a device may still do: it brings together the keyring, the store and what the relay lends and
// orders.
//
// It knows when the cache may be opened without the relay, what unlocks it, how it gets another key, and how it is destroyed.
// It must not know widgets, nor how frames travel: the engine hands it what the relay said.
//
// # Invariants
//
//   - The relay's half is in the keyring only while a lease lets the cache be read without the relay, and under a passphrase
//     only while the window is locked. Under a strict lease it is in memory only.
//   - A lease that is over, a clock that was put back, or a lease the relay did not sign opens nothing.
//   - An order is obeyed once, and only if the relay signed it for this device after its enrolment. From then on nothing else is
//     done, by this run of the program or a later one, until the receipt is signed.
//
// # Concurrency
//
// A [Keeper] is safe for concurrent use.
package custody
