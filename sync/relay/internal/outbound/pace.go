package outbound

import (
	"time"

	"golang.org/x/time/rate"

	"sealdesk/app/inbox"
)

// silence returns how long WhatsApp wants nothing from this number, or a long time if it does not mind.
func (p *Pipeline) silence(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if wait := p.quiet.Sub(now); wait > 0 {
		return wait
	}
	return time.Hour
}

// Received tells how many messages customers just sent: WhatsApp counts both directions against a number's throughput.
// A part of it stays for the company whatever customers do.
func (p *Pipeline) Received(n int) {
	now := p.cfg.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	n = min(n, int(p.inbound.TokensAt(now)))
	if n <= 0 {
		return
	}
	p.inbound.AllowN(now, n)
	for step := p.all.Burst(); n > 0; n -= step {
		p.all.ReserveN(now, min(n, step))
	}
}

// pairPace reports whether a message to the contact may leave, and otherwise how long that will be so. While a post to
// the contact is under way there is nothing to wait for: its end is heard of.
func (p *Pipeline) pairPace(id inbox.ContactID, now time.Time) (wait time.Duration, free bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy[id] {
		return time.Hour, false
	}
	pair := p.pair[id]
	if pair == nil {
		return 0, true
	}
	if missing := 1 - pair.TokensAt(now); missing > 0 {
		return time.Duration(missing * float64(PairEvery)), false
	}
	return 0, true
}

// reserve takes the contact and a place in both paces, or returns how long to wait for the number's. pairPace has said
// that the contact is free, and nobody else reserves. Of a number that is held, only the one that tries may leave.
func (p *Pipeline) reserve(r row, now time.Time, try bool) time.Duration {
	id := r.Contact
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held.class != "" && !try { // since the round began
		return time.Second
	}
	if wait := p.quiet.Sub(now); wait > 0 {
		return wait
	}
	all := p.all.ReserveN(now, 1)
	if wait := all.DelayFrom(now); wait > 0 {
		all.CancelAt(now)
		return wait
	}
	pair := p.pair[id]
	if pair == nil {
		if len(p.pair) > 100_000 { // forget whoever is at rest; a full bucket is what a new one is
			for id, l := range p.pair {
				if l.TokensAt(now) >= PairBurst {
					delete(p.pair, id)
				}
			}
		}
		pair = rate.NewLimiter(rate.Every(PairEvery), PairBurst)
		p.pair[id] = pair
	}
	pair.AllowN(now, 1)
	p.busy[id] = true
	if r.File {
		p.files++
	}
	return 0
}

func (p *Pipeline) release(r row) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.busy, r.Contact)
	if r.File {
		p.files--
	}
}

// filesLeft returns how many messages with files may be begun: a large one takes minutes, and texts must not wait for it.
func (p *Pipeline) filesLeft() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return filesAtOnce - p.files
}

// hush keeps the whole number from posting for a while: whoever else is posted to would be refused as well.
func (p *Pipeline) hush(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := p.cfg.Now().Add(d); until.After(p.quiet) {
		p.quiet = until
	}
}

// pairBackoff is how long to leave a customer in peace whom the company wrote to too often: 4, 16, 64 seconds and so on
// (Meta, "Pair rate limits": 4 to the power of the attempt).
func pairBackoff(tries int) time.Duration {
	return min(time.Second<<(2*min(max(tries, 1), 5)), longestPause)
}
