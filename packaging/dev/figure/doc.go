// Package figure writes down what a benchmark measured, in the one form all of Sealdesk's benchmarks share.
//
// A figure compares ours with a peer, or a limit, measured in the same run; only the ratio is worth comparing between
// machines. When the environment variable SEALDESK_BENCH_OUT names a file, [Emit] appends the figure to it as one line of
// JSON; the task runner gathers the lines into its table. Without the variable nothing is written.
//
// The package uses the standard library only and knows nothing of what is measured. Emit may be called from several
// goroutines and several processes at once: each line is one append.
package figure
