package ui

import (
	"context"
	"sync"
)

// gateway is a Gate that asks what a test tells it to.
type gateway struct {
	m      *memory
	mu     sync.Mutex
	asks   []SignIn // the first one is asked now
	link   Link
	locked Locked
	shown  []Credential
	ways   []SignInWay            // of what went through the browser
	answer func(Credential) error // optional; what comes of a credential
	browse func(ctx context.Context, open func(string) error) error
	unlock func(string) error
}

func (g *gateway) Watch(ctx context.Context) <-chan struct{} { return g.m.Watch(ctx) }

func (g *gateway) Asked() (SignIn, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.asks) == 0 {
		return SignIn{}, false
	}
	return g.asks[0], true
}

func (g *gateway) Link() Link {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.link
}

// ask changes what is asked; nothing lets the person in.
func (g *gateway) ask(list ...SignIn) {
	g.mu.Lock()
	g.asks = list
	g.mu.Unlock()
	g.m.poke()
}

func (g *gateway) credentials() []Credential {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]Credential(nil), g.shown...)
}

// Show goes on to what is asked next.
func (g *gateway) Show(_ context.Context, c Credential) error {
	g.mu.Lock()
	g.shown = append(g.shown, c)
	answer := g.answer
	g.mu.Unlock()
	if answer != nil {
		return answer(c)
	}
	if !c.Begin {
		g.next()
	}
	return nil
}

func (g *gateway) next() {
	g.mu.Lock()
	if len(g.asks) > 0 {
		g.asks = g.asks[1:]
	}
	in := len(g.asks) == 0
	g.mu.Unlock()
	if in {
		g.m.tell(func() { g.m.openErr = nil })
		return
	}
	g.m.poke()
}

func (g *gateway) Browse(ctx context.Context, way SignInWay, open func(string) error) error {
	g.mu.Lock()
	g.ways = append(g.ways, way)
	g.mu.Unlock()
	if g.browse == nil {
		return ErrOffline
	}
	return g.browse(ctx, open)
}

func (g *gateway) Unlock(_ context.Context, passphrase string) error {
	if g.unlock != nil {
		if err := g.unlock(passphrase); err != nil {
			return err
		}
	}
	g.m.tell(func() { g.m.openErr = nil })
	return nil
}
