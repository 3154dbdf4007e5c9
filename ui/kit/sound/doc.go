// Package sound reads recordings: what they sound like, how loud they are when, and how they sound when played faster.
//
// It knows Ogg files with Opus (RFC 6716, RFC 7845), which is what WhatsApp's voice messages are, and MP3. It must not know
// widgets, devices, files or sockets: bytes come in, samples go out.
//
// Invariants:
//   - A Recording is held as it came, never as samples: an hour of speech takes fifteen megabytes instead of seven hundred.
//   - Files come from customers: whatever is in one, reading it ends, without a panic and without much more memory than the
//     file has.
//   - After Forget nothing of a recording can be heard any more, and its bytes are overwritten.
//
// Concurrency: a Recording may be used from several goroutines at once, a Player's Fill from one. Decoding takes about a
// hundredth of the time a recording lasts; it does not belong on a goroutine that draws.
package sound
