package ledger

import (
	"context"
	"sync"
	"sync/atomic"
)

// gate is a mutex one can stop waiting for. Like sync.Mutex it lets a goroutine that is running pass before one that
// would have to be woken: handing a shard from goroutine to goroutine costs more than most functions of an update.
type gate struct {
	held    atomic.Bool
	waiting atomic.Int32
	mu      sync.Mutex
	queue   []chan struct{} // oldest first
}

func (g *gate) try() bool { return !g.held.Load() && g.held.CompareAndSwap(false, true) }

// lock returns the error of ctx if ctx ends first.
func (g *gate) lock(ctx context.Context) error {
	for range 64 { // about as long as a short function holds it
		if g.try() {
			return nil
		}
	}
	wake := make(chan struct{}, 1)
	for first := true; ; first = false {
		g.mu.Lock()
		g.waiting.Add(1)
		if g.try() { // it may have become free before we were in the queue
			g.waiting.Add(-1)
			g.mu.Unlock()
			return nil
		}
		if first {
			g.queue = append(g.queue, wake)
		} else {
			g.queue = append([]chan struct{}{wake}, g.queue...)
		}
		g.mu.Unlock()
		select {
		case <-wake:
			if g.try() {
				return nil
			}
		case <-ctx.Done():
			g.leave(wake)
			return ctx.Err()
		}
	}
}

// leave takes a waiter out of the queue. If it was being woken, it wakes another in its place.
func (g *gate) leave(wake chan struct{}) {
	g.mu.Lock()
	for i, c := range g.queue {
		if c == wake {
			g.queue = append(g.queue[:i], g.queue[i+1:]...)
			g.waiting.Add(-1)
			g.mu.Unlock()
			return
		}
	}
	g.mu.Unlock()
	if !g.held.Load() {
		g.wake()
	}
}

func (g *gate) unlock() {
	g.held.Store(false)
	if g.waiting.Load() > 0 {
		g.wake()
	}
}

func (g *gate) wake() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.queue) > 0 {
		g.queue[0] <- struct{}{}
		g.queue[0] = nil
		g.queue = g.queue[1:]
		g.waiting.Add(-1)
	}
}
