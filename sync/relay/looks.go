package relay

import (
	"context"
	"sync"
	"time"

	"sealdesk/app/inbox"
)

// looks keep long looks through the logs from taking the machine away from everything else: so many at once, the others wait a
// moment, and ask again when that was not enough.
type looks struct {
	searches, reports chan struct{}

	mu sync.Mutex
	of map[inbox.DeviceID]int // searches of a device, those that wait too
}

const (
	searchesAtOnce = 2
	searchesEach   = 2 // of one device: what is looked for, and what was while it was still being typed
	reportsAtOnce  = 1
	lookPatience   = 2 * time.Second
)

func newLooks() *looks {
	return &looks{searches: make(chan struct{}, searchesAtOnce), reports: make(chan struct{}, reportsAtOnce), of: map[inbox.DeviceID]int{}}
}

// search waits until a device may search. The caller calls what it returns when that is done.
func (l *looks) search(ctx context.Context, device inbox.DeviceID) (leave func(), err error) {
	if !l.count(device, 1) {
		return nil, errNotYet
	}
	out, err := enterLook(ctx, l.searches)
	if err != nil {
		l.count(device, -1)
		return nil, err
	}
	return func() {
		out()
		l.count(device, -1)
	}, nil
}

// count notes that a device begins to search, or has ended, and reports whether it may begin.
func (l *looks) count(device inbox.DeviceID, change int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.of[device] + change
	switch {
	case n > searchesEach:
		return false
	case n == 0:
		delete(l.of, device)
	default:
		l.of[device] = n
	}
	return true
}

// report waits until a report may be made.
func (l *looks) report(ctx context.Context) (leave func(), err error) {
	return enterLook(ctx, l.reports)
}

func enterLook(ctx context.Context, room chan struct{}) (leave func(), err error) {
	patience := time.NewTimer(lookPatience)
	defer patience.Stop()
	select {
	case room <- struct{}{}:
		return func() { <-room }, nil
	case <-patience.C:
		return nil, errNotYet
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
