package ui

import "fyne.io/fyne/v2"

// Post runs f on the main goroutine some time soon, in order. It never waits for f.
type Post func(f func())

// Main is the Post of a running application.
func Main() Post { return func(f func()) { fyne.Do(f) } }
