// Package wasim is the WhatsApp Business Cloud API, simulated: the Graph routes a business posts to, the webhooks Meta
// posts back, and the people at the other end.
//
// It knows Meta's contract from the outside and shares no code with the relay's own client, so that the two can prove
// each other wrong. Where the contract is doubtful it is the stricter of the two readings: unexpected members, unknown
// ids, a missing bearer token, a closed window are refused. It must not know the relay, its events or its stores, and it
// never becomes part of the relay's binary.
//
// # Parts
//
//   - Graph: [Sim] is an http.Handler for messages, media, templates and numbers under /v25.0/ and the like.
//   - Webhooks: an engine with a queue on a [Clock] posts signed deliveries, repeats them until they are answered 200, and
//     misbehaves as [Faults] say.
//   - People: [Persona] values with scripts write, react, send pictures and answer what an agent says.
//   - Records: [Sim.Sent] is what customers received, [Sim.Identifiers] every identifier the run made.
//
// # Invariants
//
//   - With a [Virtual] clock, the same calls under the same seed produce the same ids, the same deliveries and the same
//     faults. Nothing moves until the clock is advanced or [Sim.Settle] is called.
//   - A webhook that was not answered 200 is delivered again for seven days of the clock, whatever the faults.
//   - It listens on loopback addresses only, and all its numbers come from ranges kept for fiction or look the part.
//
// # Concurrency
//
// Every method may be called from any goroutine. Deliveries leave one after the other, except in [Sim.Burst].
package wasim
