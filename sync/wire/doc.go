// Package wire is what a device and the relay say to each other: frames, versions, limits, codes, and how the words of
// app/inbox become bytes.
//
// It must not know what a conversation means, who may see it, or where anything is kept.
//
// # Protocol flow
//
// One TLS 1.3 websocket at [SyncPath], binary messages, one frame each: a type byte and deterministic CBOR (RFC 8949
// section 4.2). Websocket compression stays off, because it defeats read limits; batches are compressed inside.
//
//	device                              relay
//	Hello{versions, device}          ->
//	                                 <- Challenge{version, nonce}
//	Proof{signature}                 ->
//	                                 <- SignIn               while nobody is signed in on the device
//	Credential                       ->
//	                                 <- Welcome{person, logs, half, lease}
//	Resume{cursors, checkpoints}     ->
//	                                 <- Batch ...            facts after each cursor, for ever
//	Ack{cursor}                      ->
//	Intent                           ->
//	                                 <- Outcome              in any order with the Batch that follows from it
//	Ask                              ->
//	                                 <- Answer
//	                                 <- Lent, Rotate, Checkpoint ...
//	Rotated, Witness ...             ->
//
// A device that is to be wiped is handed Wipe, instead of SignIn or Welcome or at any time later; it answers Wiping for each
// step and Wiped at the end, and the relay closes with [CloseWiped].
//
// Until the proof is verified the relay reads at most [MaxHandshakeFrame] and answers nothing but a close code. Frames
// of an unknown type are ignored and counted, so that either side may learn new ones. An unknown kind of event is
// different: facts are never skipped, so decoding it gives [ErrNewerWords] and the device asks for an update.
//
// A new device enrols by one POST to [EnrolPath] first; see [EnrolRequest].
//
// # Concurrency
//
// All functions are safe for concurrent use. Decoded values alias the frame they were decoded from unless said
// otherwise; do not reuse its buffer.
package wire
