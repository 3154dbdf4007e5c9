// Package seal is authenticated encryption of one value, and keyed names for the rows values live in.
//
// # What it knows
//
// A [Key] of 32 bytes, how keys come from other keys, and the envelope
//
//	suite (1 byte) | nonce | ciphertext and tag
//
// The nonce is random and fresh for every value: 24 bytes under suite 1 (XChaCha20-Poly1305,
// draft-irtf-cfrg-xchacha-03), 12 bytes under suite 2 (AES-256-GCM, NIST SP 800-38D, for builds that must keep to
// FIPS 140). The associated data is suite, schema, store, bucket and key of the row, each with its length before it,
// so no two places share one encoding. A value opens only where it was sealed: moving it to another row, bucket or
// store, or claiming another suite or schema, is refused like any other forgery.
//
// # What it does not know
//
// What it seals, where the bytes are kept, where the key came from. It imports no package of ours.
//
// # What it does not promise
//
// The length of a value shows ([Pad] blunts that), and so does putting back an older value of the same row: whoever can
// write the file can do that, and only a party outside the file can notice. Under suite 2 a bucket must not take more
// than 2^32 values under one key; under suite 1 there is no such limit in practice.
//
// # Keys
//
// Nothing derived is ever stored. HKDF-SHA256 (RFC 5869) of the key, salted with the store's id, yields one key per
// suite and bucket for values, one per bucket for names, and one for the check tag, which tells "this is another key"
// ([ErrWrongKey]) from "this value was altered" ([ErrForged]).
//
// # Concurrency
//
// Everything here may be used from many goroutines at once, but for [Key.Destroy], which must be the last use of a key.
package seal
