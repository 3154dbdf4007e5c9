// Package whatsapp speaks the WhatsApp Business Cloud API: it proves that a webhook came from Meta, decodes it whole,
// sends messages, and keeps templates, subscriptions, settings and the block list of the company's account.
//
// It knows Meta's contract: signatures, webhook shapes, request bodies and their limits, how a template is filled, error
// codes and what each of them means for a sender. It touches raw identifiers, because the contract is made of them. It must not know our events, our stores, our
// masks, or when to send: pacing, retries and policy belong to its callers.
//
// # Secrets
//
// Every identifier that Meta or a customer made has a type of its own ([WaID], [MessageID], [UserID] ...) that prints as
// "[redacted]" under every verb of package fmt, in JSON and in slog, and hides behind a pointer so that reflection on an
// unexported field shows an address and nothing else. The true value leaves through Reveal alone, which is easy to search
// for. Decoded structs with free text (a body, a vCard, an address) refuse to print as well, but fmt cannot be stopped from
// showing them when they hide in somebody's unexported field: do not log such holders.
//
// # Invariants
//
//   - Verification works on the raw bytes, before any parsing. A missing header, an empty secret or no secret is a refusal.
//   - [Decode] reads a body once, front to back, accepts exactly the texts encoding/json accepts (within [MaxBody] and
//     [MaxDepth]) and never loses an element of a batch: what it does not understand it keeps raw, field by field and
//     message by message. A field of an unexpected JSON type counts as absent, so one odd field costs no message.
//   - A person is named by what Meta shows: a user id in a number's place is moved to where it belongs, so nothing that is
//     called a number ever holds one.
//   - What breaks a limit of the contract fails with [ErrRequest] and does not leave. The tests hold every request the
//     [Client] makes against schemas distilled from Meta's own description (testdata/schema).
//   - The [Client] posts once. The Graph API has no idempotency key, so a second post is a second message to a customer;
//     [OutcomeOf] tells a failure in which nothing left from one whose fate is unknown.
//   - No error of this package holds text that came over the wire, only codes and classes.
//
// # Concurrency
//
// Functions are pure. A [Client] may be used by many goroutines. A [Delivery] aliases the bytes it was decoded from and is
// safe to read from many goroutines as long as nobody changes them.
package whatsapp
