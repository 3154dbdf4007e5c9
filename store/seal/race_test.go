//go:build race

package seal

// Under the race detector sync.Pool forgets on purpose, so allocations cannot be counted.
const raceDetector = true
