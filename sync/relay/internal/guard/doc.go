// Package guard judges an outgoing text before it leaves the company.
//
// It knows what must not go out: another contact's data, payment cards, foreign bank accounts, an agent's private ways
// to be reached and the words that lure a customer away, links that deceive, the same text to many, discounts nobody
// approved, claims the company forbids, questions for data the company does not need, a greeting for somebody else, and
// files of the wrong kind. A company's [Policy] is data; [New] makes a [Guard] of it once and [Guard.Judge] asks it.
//
// It must not know how a message is sent, kept or shown, who may override what, or what time it is: time, window and
// consent come in with the [Draft]. It cannot open the vault: whose an identifier is it asks through [Owners], which
// answers exact matches only.
//
// Invariants:
//
//   - The same draft, policy and answers of Owners give the same verdict.
//   - A [Finding] shows nothing its reader did not write or may not know: its words are constants, its Detail comes from
//     the draft or the policy. Whose data was found stands in Owner alone, and [Verdict.Blind] takes it out.
//   - No oracle: while a draft is typed (Draft.Preview) Owners is not asked and the contact's own identifiers are judged
//     as a stranger's, so typing numbers tells nothing about whose they are.
//   - It fails closed: what cannot be read, is too long, holds too many identifiers to ask for, or was not judged because
//     Owners failed, is blocked.
//   - Nothing panics, whatever bytes come in; ranges lie on rune borders of the part they belong to.
//
// A Guard does not change after New and may be used concurrently; when the policy changes a new one is made.
package guard
