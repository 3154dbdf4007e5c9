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
//   - Graph: [Sim] is an http.Handler for messages, media, templates, numbers and the account, under /v21.0/ to /v27.0/.
//     Every JSON body is held to a schema in testdata/schema, distilled from Meta's OpenAPI description (v23.0); what that
//     version lacks says in a $comment where it comes from.
//   - State: windows, free entry points, pair rate, throughput, portfolio limit, marketing stops and caps, blocks, locks,
//     reviews and prices follow the [Clock].
//   - Webhooks: an engine with a queue on that clock posts signed deliveries, repeats them until they are answered 200, and
//     misbehaves as [Faults] say.
//   - Errors: every row of Meta's table can be met, by doing what earns it or by [Sim.Inject].
//   - People: [Persona] values with scripts of [Line] values write, react, press, order, send files and answer what an agent
//     says. [Personas] are ordinary, [Cast] are not, [Sim.Burst] is a crowd.
//   - Play: with [Config.Play] a page under /play lets somebody be a customer by hand.
//   - Records: [Sim.Sent] is what customers received, [Sim.Identifiers] every identifier the run made.
//
// # Doubtful readings
//
// The free entry point after an ad makes messages free for 72 hours; it does not open the 24-hour window. Marketing templates
// do not reach American numbers, and more than two a day reach nobody (Meta keeps its figure to itself). A link to a file is
// fetched from this machine alone. A business profile is answered flat, as Meta's machines do, not nested as in v23.0. The
// path of the contact book is the one Meta's partners forward to. With payload encryption switched on, webhooks and messages
// stay as they are: only the setting is simulated, not the encryption.
//
// # Invariants
//
//   - With a [Virtual] clock, the same calls under the same seed produce the same ids, the same deliveries and the same
//     faults. Nothing moves until the clock is advanced or [Sim.Settle] is called.
//   - A webhook that was not answered 200 is delivered again for seven days of the clock (an hour for a number with No
//     Storage), whatever the faults.
//   - It listens on loopback addresses only, calls nobody but the webhook and this machine, and all its numbers come from
//     ranges kept for fiction or look the part. The page answers this machine alone and shows what people write as text.
//
// # Concurrency
//
// Every method may be called from any goroutine. Deliveries leave one after the other, except in [Sim.Burst].
package wasim
