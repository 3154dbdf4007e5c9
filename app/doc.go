// Package app is the plan of the house. It holds no code and is never imported; beside it, arch_test.go turns the plan
// into rules that fail.
//
// Sealdesk is a company's WhatsApp inbox as a native desktop app. Two programs and a simulator, one Go module:
//
//	app/sealdesk   the desktop client on an agent's laptop: shows masked data only, keeps an encrypted cache
//	app/relay      sealdesk-relay, the company's server: it alone talks to WhatsApp, alone holds identifiers, decides
//	app/wasim      the simulator of WhatsApp's Cloud API, for demo and tests; never part of the relay's binary
//
// # The rooms
//
//	app/inbox      the words: contact, conversation, message, event, intent, policy. Imported by all, imports nobody
//	ui             what people see; ui/kit holds widgets that know no domain word, ui/kit/sound reads recordings
//	app/custody    what the device may still do: lease, lock, another key, wipe
//	app/managed    what the company set on this machine: the table of keys, where they are kept, what is in force
//	store          what the device remembers, sealed; store/seal encrypts one value, store/arena is searched
//	sync/wire      what is said between the two ends: frames, versions, limits, codes
//	sync/engine    the device's end: dial, prove, resume, apply, drain, obey
//	sync/relay     the company's end: HTTP, sessions, intents, enrolment; behind its internal wall ledger, eventlog,
//	               vault, mask, guard, whatsapp, outbound, media, identity, audit, portal
//	sync/updates   the signed feed of new versions: whom it believes, what a device is offered; signing makes one
//	assets         embedded fonts, icons, translations
//	packaging      what is built and checked: dev is the task runner, policygen makes what IT is given, release signs
//	               versions; linux, windows, darwin and relay hold what installers lay down, docs the guides
//
// A main plugs rooms together and holds no logic worth testing. If a feature needs an edit in a main, its design is wrong.
//
// # The flows
//
// Facts flow one way: webhook, relay log, engine, store, ui. Wishes flow the other way: ui, outbox, engine, relay, and
// come back as facts. Signals carry no data: a poke says that something changed, the receiver reads again, and losing
// one loses nothing.
//
// A message arrives: the webhook's bytes are signed, sealed and durable before WhatsApp hears 200; then the vault keeps
// what is raw, the log gets what is masked, each session reads the log from its own cursor, and the store applies rows
// and cursor in one transaction.
//
// An agent replies: the intent and its optimistic row are one transaction on the device; the relay checks, posts at most
// once, and the recorded event replaces the optimistic row. An unknown outcome is shown as unknown.
//
// No identifier that Meta or a customer made leaves the relay. The cache is sealed under a key of two halves, one in the
// keyring of the system, one lent by the relay, so a wipe does not need the laptop's co-operation.
//
// # Where a line of code lives
//
// True without any computer: inbox. About bytes between the two ends: wire. Only while connected: engine or relay. Must
// survive a restart: store, or ledger and eventlog. Sees a real phone number: vault, mask, whatsapp, outbound. Read by a
// person: a view_*.go file of ui. Draws: ui. Draws but knows no domain word: kit. None of these: probably not needed.
package app
