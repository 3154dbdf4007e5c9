// Command wasim runs the simulated WhatsApp: the Graph API on a loopback address, signed webhooks to a relay on the same
// machine, people who write, and a page to play one of them by hand. It is for demos and tests and is never shipped with
// the relay.
//
// It knows flags, files and signals. Everything else is in package sealdesk/sync/relay/wasim.
package main
