// Command bench measures the peers that would weigh on the main module: stores with large dependencies, run with the
// settings one would trust with customers' messages.
//
//	go run . -peer jetstream -writers 100 -seconds 2
//	go run . -peer sqlite -writers 100 -seconds 2
//
// Each run appends rows of 500 bytes from so many writers, each waiting until its row is durable, and prints one line of
// JSON: {"peer", "writers", "rows_per_second", "p50_ms", "p99_ms", "fdatasync_ms"}.
//
// jetstream is an embedded NATS server with file storage that syncs every message, published to by the writers over
// in-process connections. sqlite is SQLite in WAL mode with synchronous=FULL, fed by one group committer as our own engine
// is, because that is how one would use it.
package main
