// Package relaytest runs a whole company in one process: a real relay on a real store, the WhatsApp simulator in place
// of Meta, and devices with real engines and sealed caches, all over loopback.
//
// It is for tests and benchmarks only; the programs never import it.
package relaytest
