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
// that the contact is free, and nobody else reserves.
func (p *Pipeline) reserve(id inbox.ContactID, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
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
	return 0
}

func (p *Pipeline) release(id inbox.ContactID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.busy, id)
}

// hush keeps the whole number from posting for a while: whoever else is posted to would be refused as well.
func (p *Pipeline) hush(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := p.cfg.Now().Add(d); until.After(p.quiet) {
		p.quiet = until
	}
}
