//go:build race

package ui

// raced says that the race detector is on: looking through all memory is a race with whoever works in it.
const raced = true
