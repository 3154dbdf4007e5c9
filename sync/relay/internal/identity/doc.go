// Package identity knows who works for the company and which devices may speak for them.
//
// It keeps people, enrolment codes and devices in the ledger's company shard, announces people in the company's log,
// and records every change in the audit log in the same transaction. It must not know sockets, frames or customers.
//
// Invariants:
//
//   - A code admits one device, within [CodeLife], once. Only its hash is kept.
//   - A device's key never leaves the device; here is its public half.
//
// All methods are safe for concurrent use.
package identity
