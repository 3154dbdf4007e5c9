package wasim

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"time"
)

// line is the state of one company number.
type line struct {
	Number
	bucket        bucket
	threads       map[*person]*thread
	blocked       map[*person]bool
	profile       object
	username      string
	rating        string // of its quality; "" is GREEN
	registered    bool
	registrations []time.Time
	restricted    int // the code every send is refused with
	encryptionKey string
	noStorage     bool
	region        string
	identityKeys  bool
}

// thread is the state between a company number and a person.
type thread struct {
	lastInbound   time.Time
	lastByNumber  time.Time // when the two last met by telephone number
	cameFromAd    time.Time // an ad not answered yet
	freeUntil     time.Time // the free entry point
	stopped       bool      // marketing
	lastMessage   string    // newest inbound wamid
	lastFromAgent string    // newest outbound wamid
	pair          bucket
}

// event is something due.
type event struct {
	due time.Time
	seq int
	own bool // of the webhook engine, not of somebody's script
	run func(context.Context)
}

type eventQueue []*event

func (q eventQueue) Len() int { return len(q) }
func (q eventQueue) Less(i, j int) bool {
	if q[i].due.Equal(q[j].due) {
		return q[i].seq < q[j].seq
	}
	return q[i].due.Before(q[j].due)
}
func (q eventQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *eventQueue) Push(x any)   { *q = append(*q, x.(*event)) }
func (q *eventQueue) Pop() any {
	old := *q
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return e
}

// await blocks until something is due or the queue changes; idle makes it return false when the engine has nothing left.
func (s *Sim) await(ctx context.Context, idle bool) bool {
	s.mu.Lock()
	wake := s.wake
	if idle && s.open == 0 {
		s.mu.Unlock()
		return false
	}
	var due <-chan struct{}
	stop := func() {}
	if len(s.queue) > 0 {
		due, stop = s.clock.Wait(s.queue[0].due)
	}
	s.mu.Unlock()
	defer stop()
	select {
	case <-ctx.Done():
		return false
	case <-due:
	case <-wake:
	}
	return true
}

// poke tells whoever waits that the queue changed. The caller holds mu.
func (s *Sim) poke() {
	close(s.wake)
	s.wake = make(chan struct{})
}

// schedule plans f. The caller holds mu; f runs without it.
func (s *Sim) schedule(after time.Duration, own bool, f func(context.Context)) {
	s.seq++
	heap.Push(&s.queue, &event{due: s.clock.Now().Add(after), seq: s.seq, own: own, run: f})
	if own {
		s.open++
	}
	s.poke()
}

// runDue runs everything due by now, in order.
func (s *Sim) runDue(ctx context.Context) {
	s.turn.Lock()
	defer s.turn.Unlock()
	for ctx.Err() == nil && s.step(ctx, s.clock.Now()) {
	}
}

// step runs the earliest event not later than until. The caller holds turn.
func (s *Sim) step(ctx context.Context, until time.Time) bool {
	s.mu.Lock()
	if len(s.queue) == 0 || s.queue[0].due.After(until) {
		s.mu.Unlock()
		return false
	}
	e := heap.Pop(&s.queue).(*event)
	s.mu.Unlock()
	if v, ok := s.clock.(*Virtual); ok {
		v.Set(e.due)
	}
	e.run(ctx)
	s.mu.Lock()
	if e.own {
		s.open-- // only now: what it caused is already counted
	}
	s.poke()
	s.mu.Unlock()
	return true
}

// Settle delivers what is due. With a [Virtual] clock it returns when nothing more is due at the present; otherwise it
// waits until the webhook engine has nothing left to do, retries included, or ctx ends.
func (s *Sim) Settle(ctx context.Context) error {
	for {
		s.runDue(ctx)
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, ok := s.clock.(*Virtual); ok {
			return nil
		}
		if !s.await(ctx, true) {
			return ctx.Err()
		}
	}
}

// Advance moves a [Virtual] clock by d, running on the way everything that falls due, at its time and in order.
func (s *Sim) Advance(ctx context.Context, d time.Duration) error {
	v, ok := s.clock.(*Virtual)
	if !ok {
		return errors.New("wasim: only a virtual clock can be advanced")
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	until := v.Now().Add(d)
	for s.step(ctx, until) {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("advancing the clock: %w", err)
		}
	}
	v.Set(until)
	return nil
}

// vary returns d give or take a third. The caller holds mu.
func (s *Sim) vary(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return d*2/3 + time.Duration(s.manners.Int64N(int64(d)*2/3+1))
}

// bucket is a token bucket on the simulation's clock.
type bucket struct {
	size, perSecond, level float64
	at                     time.Time
}

func (b *bucket) refill(now time.Time) {
	if b.at.IsZero() {
		b.level = b.size
	} else if d := now.Sub(b.at); d > 0 {
		b.level = min(b.size, b.level+d.Seconds()*b.perSecond)
	}
	b.at = now
}

func (b *bucket) take(now time.Time) bool {
	b.refill(now)
	if b.level < 1 {
		return false
	}
	b.level--
	return true
}
