package main

import (
	"sync"
	"time"

	"sealdesk/ui"
)

// early is a ui.Post that also works before the application runs: Fyne's own keeps what is posted until then, but what is
// posted while the window is being made decides what its first frame shows.
type early struct {
	later ui.Post // once the application runs

	mu      sync.Mutex
	running bool
	queue   []func()
	came    chan struct{} // something is in the queue
}

func newEarly(later ui.Post) *early { return &early{later: later, came: make(chan struct{}, 1)} }

// post implements ui.Post.
func (e *early) post(f func()) {
	e.mu.Lock()
	running := e.running
	if !running {
		e.queue = append(e.queue, f)
	}
	e.mu.Unlock()
	if running {
		e.later(f)
		return
	}
	select {
	case e.came <- struct{}{}:
	default:
	}
}

// until runs what is posted until done says so, or the time is over. Only the main goroutine may call it.
func (e *early) until(done func() bool, atMost time.Duration) {
	over := time.NewTimer(atMost)
	defer over.Stop()
	for !done() {
		if f := e.next(false); f != nil {
			f()
			continue
		}
		select {
		case <-e.came:
		case <-over.C:
			return
		}
	}
}

// live runs what waits, in order, and hands everything from now on to the running application.
func (e *early) live() {
	for f := e.next(true); f != nil; f = e.next(true) {
		f()
	}
}

// next takes the first function out of the queue. If there is none and last is set, nothing is queued any more.
func (e *early) next(last bool) func() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.queue) == 0 {
		e.running = e.running || last
		return nil
	}
	f := e.queue[0]
	e.queue = e.queue[1:]
	return f
}
