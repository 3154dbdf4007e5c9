// Package relay is the company's end: the one place that talks to WhatsApp, holds customers' identifiers, and decides.
//
// It takes Meta's webhooks in, turns them into masked facts, gives every device the facts its person may see, and turns
// the wishes of people into acts. Its rooms are the internal packages; this package is how data flows between them:
//
//	webhook.go    Meta -> signature over the raw bytes -> sealed raw bytes, one fsync -> 200
//	intake.go     raw bytes -> in order, per inbox -> vault (who, masked) -> eventlog
//	translate.go  one of Meta's messages -> one of ours
//	session.go    one connected device: its proof, its facts, its wishes
//	wishes.go     a wish -> may the person? -> audit and act in one transaction
//	outbound/     act -> WhatsApp, and back as a fact
//	listen.go     the addresses all that is reached at, and how it ends
//
// It must not know widgets, the OS keyring or the client's store, and it never imports the simulator.
//
// Files here that touch raw identifiers are webhook.go, intake.go and translate.go. Sessions and wishes see ids and
// masked text; the text a person writes passes through to the vault and to outbound.
//
// A [Relay] is safe for concurrent use.
package relay
