package wire

import "time"

// Version is the newest protocol this build speaks; [MinVersion] the oldest. The relay speaks the current and the
// previous one.
//
//	1  2026-11-21  the first: hello, challenge, proof, welcome, batch, ack, intent, outcome
//	2  2026-11-22  ask and answer, media by ticket; facts and wishes of the whole Cloud API
//	3  2026-11-22  sign-in, half and lease in the welcome, resume after it, wipe, audit checkpoints; nothing older is
//	               spoken: it could not sign in
//	4  2026-11-22  team work: tags, tasks, snooze, quick replies, ratings, presence, board, reports, search. A device of
//	               version 3 would stop at the first tag and is asked to update
const (
	Version    = 4
	MinVersion = 4
)

// Choose returns the version to speak with a peer that speaks low to high, and false when there is none in common.
func Choose(low, high int) (int, bool) {
	v := min(Version, high)
	return v, v >= max(MinVersion, low) && low <= high
}

// Paths of the relay's HTTP surface for devices.
const (
	SyncPath  = "/v1/sync"
	EnrolPath = "/v1/enrol"
)

// Limits, in bytes unless said otherwise.
const (
	MaxHandshakeFrame = 4 << 10   // what the relay reads before the proof
	MaxDeviceFrame    = 64 << 10  // what the relay reads after it
	MaxRelayFrame     = 256 << 10 // what a device reads
	MaxBatchEvents    = 256       // events in one batch
	MaxBatchPlain     = 1 << 20   // a batch before compression
	targetBatchPlain  = 192 << 10 // where the relay closes a batch
)

// Timing of the socket.
const (
	HandshakeTimeout = 5 * time.Second
	WriteTimeout     = 10 * time.Second
	PingEvery        = 20 * time.Second
	DeadAfter        = 45 * time.Second
	TicketLife       = time.Minute      // from the answer to the request that uses the ticket
	SignInTimeout    = 10 * time.Minute // for each credential
	ResumeTimeout    = 2 * time.Minute  // for opening the cache
)

// Close codes. A device tries again with back-off after 4000-4499, and never by itself after 4500-4999.
const (
	CloseGoingAway   = 4000 // the relay restarts
	CloseTrouble     = 4001 // the relay has passing trouble, such as a full disk
	CloseMalformed   = 4002 // a frame could not be decoded
	CloseTooSlow     = 4003 // the device did not read for too long
	CloseRate        = 4004 // too many frames
	CloseSignedOut   = 4005 // the person is not signed in any more: connect again to sign in
	CloseProof       = 4500 // the proof is wrong, or the device is not known
	CloseRevoked     = 4501 // the device was excluded
	CloseWiped       = 4502 // the device must wipe its cache
	CloseUpdate      = 4503 // no protocol version in common: the app must be updated
	CloseReplaced    = 4504 // the same device connected again
	CloseRelayTooOld = 4505 // no protocol version in common: the relay must be updated
	CloseTwice       = 4506 // the device's key is used in two places; both are excluded
	CloseLeft        = 4507 // the person has left the company
)

// Terminal reports whether a device must not try again by itself after the close code.
func Terminal(code int) bool { return code >= 4500 && code <= 4999 }
