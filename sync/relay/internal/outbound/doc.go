// Package outbound is the way of a message from the company to a customer: queued, paced, posted once, and reconciled
// with what WhatsApp reports about it.
//
// It knows raw identifiers (the recipient's, and Meta's ids of messages) and what the Cloud API's answers mean. It must
// not know who wished the message or whether it was allowed: that was decided before [Pipeline.Enqueue].
//
// Invariants:
//
//   - One wish, one post. The row says "posting" on disk before the first byte leaves; whatever happens then, it is never
//     posted again by itself, because the Graph API has no idempotency key. A post whose fate is not known is settled by
//     a status that carries the message's id in biz_opaque_callback_data, or after [SettleWait] shown as unknown.
//   - Messages to one contact leave in the order they were queued, and no contact waits for another one's.
//   - When WhatsApp refuses everything a number sends, nothing fails: the number is held, and one message now and then
//     tries whether that is over. With none to try WhatsApp is asked about the number, so that nothing is held for ever.
//     That a number is held when a relay starts it is told; why lives in memory, and is learnt from the next refusal.
//   - A refusal that concerns one message is shown at once and never repeated, unless Meta's table says that it passes.
//   - A file may be handed over to WhatsApp many times; the message that names it leaves once.
//   - What tells the customer that something was read, or that somebody writes, is never kept and never in the way.
//   - Texts and Meta's ids are sealed under the contact's key.
//   - What has not been claimed can be taken back: the row decides, so a message is withdrawn or sent and never both. What
//     waits for a decision is in no queue and keeps nobody waiting.
//
// A [Pipeline] is safe for concurrent use.
package outbound
