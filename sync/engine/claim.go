package engine

import (
	"context"

	"sealdesk/app/inbox"
	"sealdesk/sync/wire"
)

// A Claim is a device that is nobody's until somebody has signed in on it. Asked, Show and Browse are how; it opens no cache and
// takes no facts.
type Claim struct {
	*Engine
	whose chan inbox.Person
}

// NewClaim returns the claim of a device that was enrolled without a code. Cache and Custody of the configuration are not used.
func NewClaim(cfg Config) *Claim {
	c := &Claim{whose: make(chan inbox.Person, 1)}
	cfg.Cache, cfg.Custody, cfg.Locked = nil, claiming{c}, false
	c.Engine = New(cfg)
	return c
}

// Wait keeps the device connected until somebody has signed in on it, and returns who that is: the device is that person's
// from then on. Errors: those [Engine.Run] ends with; [ErrNotAdmitted] also when nobody came within [wire.UnclaimedLife].
func (c *Claim) Wait(ctx context.Context) (inbox.Person, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	select {
	case who := <-c.whose:
		stop()
		<-ended
		return who, nil
	case err := <-ended:
		return inbox.Person{}, err
	}
}

// claiming learns from the welcome who has signed in, and goes no further.
type claiming struct{ c *Claim }

func (c claiming) Open(ctx context.Context, w wire.Welcome) (Cache, error) {
	e := c.c.Engine
	e.mu.Lock()
	s := e.door
	e.mu.Unlock()
	if s != nil {
		e.setFresh(s, moment(w.Fresh)) // who waits in Show has the answer
	}
	select {
	case c.c.whose <- w.Person:
	default:
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func (claiming) Lent(context.Context, []byte) error        { return nil }
func (claiming) Rotate(context.Context, wire.Rotate) error { return nil }
func (claiming) Receipt() []byte                           { return nil }
func (claiming) Acknowledged(context.Context) error        { return nil }
func (claiming) Held() []wire.Checkpoint                   { return nil }

func (claiming) Hold(context.Context, wire.Checkpoint) error { return nil }

func (claiming) Wipe(context.Context, []byte, func(inbox.WipeID, inbox.WipeStep)) ([]byte, error) {
	return nil, ErrOrder // there is nothing to be wiped
}
