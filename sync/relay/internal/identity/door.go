package identity

import (
	"net/netip"
	"sync"
	"time"
)

const (
	freeFailures  = 5 // before each further one delays
	firstDelay    = 15 * time.Second
	longestDelay  = 15 * time.Minute
	forgiveAfter  = 24 * time.Hour // without a failure
	busyDelay     = 5 * time.Second
	addressDrips  = 3 * time.Minute // until one failure of an address is forgotten
	addressDelay  = time.Minute     // the longest: an office may be behind one address
	addressesKept = 4096
)

// delayAfter returns how long nothing is looked at after so many failures in a row. It grows, and ends growing: whoever
// tries to keep somebody out in this way does not.
func delayAfter(failures int, longest time.Duration) time.Duration {
	if failures < freeFailures {
		return 0
	}
	d := firstDelay
	for ; failures > freeFailures && d < longest; failures-- {
		d *= 2
	}
	return min(d, longest)
}

// A door keeps the attempts apart: one of a person, or name, at a time, so that none is looked at before the failure of the
// other counts, and the failures of each address. It lives in memory: an address is personal data, and tells little tomorrow.
type door struct {
	now    func() time.Time
	mu     sync.Mutex
	trying map[string]bool
	from   map[string]*address // and by the names that were called on devices that are nobody's
}

// place returns whose failures count together: an address without its port, and for IPv6 the /64 that one line has.
func place(from string) string {
	ip, err := netip.ParseAddr(from)
	if err != nil {
		at, err := netip.ParseAddrPort(from)
		if err != nil {
			return from
		}
		ip = at.Addr()
	}
	if ip = ip.Unmap().WithZone(""); ip.Is6() {
		if net, err := ip.Prefix(64); err == nil {
			return net.String()
		}
	}
	return ip.String()
}

// An address is a bucket of failures that leaks.
type address struct {
	failures int
	since    time.Time // when the first of them was, or the last was forgotten
	until    time.Time // nothing is looked at before
}

func newDoor(now func() time.Time) *door {
	return &door{now: now, trying: map[string]bool{}, from: map[string]*address{}}
}

// enter begins an attempt, unless another of the person is under way.
func (d *door) enter(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.trying[id] {
		return false
	}
	d.trying[id] = true
	return true
}

func (d *door) leave(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.trying, id)
}

// wait returns how long nothing from an address is looked at.
func (d *door) wait(from string) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	if a := d.from[from]; a != nil {
		return max(0, a.until.Sub(d.now()))
	}
	return 0
}

// failed counts a failure, and returns how long nothing from there is looked at, at the longest.
func (d *door) failed(from string, longest time.Duration) time.Duration {
	if from == "" {
		return 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	a := d.from[from]
	if a == nil {
		if len(d.from) >= addressesKept {
			d.forget(now)
		}
		a = &address{since: now}
		d.from[from] = a
	}
	a.leak(now)
	a.failures++
	delay := delayAfter(a.failures, longest)
	a.until = now.Add(delay)
	return delay
}

// passed forgets the failures of an address from which somebody signed in.
func (d *door) passed(from string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.from, from)
}

func (a *address) leak(now time.Time) {
	drips := int(now.Sub(a.since) / addressDrips)
	if drips <= 0 {
		return
	}
	if a.failures -= drips; a.failures <= 0 {
		a.failures, a.since = 0, now
		return
	}
	a.since = a.since.Add(time.Duration(drips) * addressDrips)
}

// forget makes room: the addresses that have leaked dry go, and if there are none, those with the fewest failures.
func (d *door) forget(now time.Time) {
	for least := 0; len(d.from) >= addressesKept; least++ {
		for from, a := range d.from {
			if a.leak(now); a.failures <= least {
				delete(d.from, from)
			}
		}
	}
}
