package wasim

import (
	"slices"
	"sync"
	"time"
)

// Clock is the time a simulation lives in.
type Clock interface {
	// Now returns the present.
	Now() time.Time
	// Wait returns a channel that is closed once the present has reached t. stop releases what waiting costs; it may be
	// called at any time, more than once.
	Wait(t time.Time) (reached <-chan struct{}, stop func())
}

// RealClock is the time of this machine.
type RealClock struct{}

// Now returns time.Now.
func (RealClock) Now() time.Time { return time.Now() }

// Wait is a timer.
func (RealClock) Wait(t time.Time) (<-chan struct{}, func()) {
	ch := make(chan struct{})
	timer := time.AfterFunc(time.Until(t), func() { close(ch) })
	return ch, func() { timer.Stop() }
}

// Virtual is a clock that stands still until it is moved; a day passes at once. Use [NewVirtual].
type Virtual struct {
	mu      sync.Mutex
	now     time.Time
	waiters []*waiter
}

type waiter struct {
	at      time.Time
	reached chan struct{}
}

// NewVirtual returns a clock that shows start.
func NewVirtual(start time.Time) *Virtual { return &Virtual{now: start} }

// Now returns the time it was last set to.
func (v *Virtual) Now() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.now
}

// Wait returns a channel closed when the clock is moved to t or past it.
func (v *Virtual) Wait(t time.Time) (<-chan struct{}, func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	w := &waiter{at: t, reached: make(chan struct{})}
	if !t.After(v.now) {
		close(w.reached)
		return w.reached, func() {}
	}
	v.waiters = append(v.waiters, w)
	return w.reached, func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.waiters = slices.DeleteFunc(v.waiters, func(o *waiter) bool { return o == w })
	}
}

// Set moves the clock to t. It never goes back.
func (v *Virtual) Set(t time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if t.Before(v.now) {
		return
	}
	v.now = t
	v.waiters = slices.DeleteFunc(v.waiters, func(w *waiter) bool {
		if w.at.After(t) {
			return false
		}
		close(w.reached)
		return true
	})
}
