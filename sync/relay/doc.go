// Package relay is the company's end: the one place that talks to WhatsApp, holds customers' identifiers, and decides.
//
// It takes Meta's webhooks in, turns them into masked facts, gives every device the facts its person may see, and turns
// the wishes of people into acts. Its rooms are the internal packages; this package is how data flows between them:
//
//	webhook.go    Meta -> signature over the raw bytes -> sealed raw bytes, one fsync -> 200
//	intake.go     raw bytes -> in order, per inbox -> vault (who, masked) -> eventlog
//	translate.go  one of Meta's messages -> one of ours
//	media.go      files of customers: from WhatsApp, judged, cleaned, sealed; media_file.go is how they lie on disk
//	session.go    one connected device: its proof, its facts, its wishes, its questions
//	questions.go  a question -> may the person? -> an answer; tickets.go gets a file out, uploads.go one in
//	wishes.go     a wish -> may the person? -> audit and act in one transaction
//	keywords.go   a customer's STOP, PRIVACY, MY DATA ... -> an answer of the relay's own, consent.go, requests.go
//	notices_account.go  news about accounts, numbers, templates -> inboxes.go, templates.go, incidents.go
//	reveal.go     a look at one masked field: asked, granted by another person, sealed to one device, over
//	lookup.go     a whole number -> its conversation; place.go what is shown of a place
//	remask.go     what a customer says in one breath is masked together
//	erasure.go    an erasure two people agreed to -> keys, rows, files gone, devices told
//	verify.go     how well all that masks, judged by a corpus; verify_live.go by what a device receives
//	outbound/     act -> WhatsApp, and back as a fact
//	listen.go     the addresses all that is reached at, and how it ends; certificate.go and acme.go what it shows there
//	backup_ship.go  every few seconds what was committed -> sealed, to other disks; backup_open.go and backup_drill.go back
//
// It must not know widgets, the OS keyring or the client's store, and it never imports the simulator.
//
// Files here that touch raw identifiers are webhook.go, intake.go, those named translate, keywords.go, notices_account.go,
// for Meta's ids and addresses of files media.go and media_meta.go, remask.go, reveal.go, lookup.go, erasure.go,
// and, for the copy a customer asks for, admin_export.go. Sessions and wishes see ids and masked text; the text a person
// writes passes through to the vault and to outbound.
//
// A [Relay] is safe for concurrent use.
package relay
