package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"sealdesk/app/custody"
	"sealdesk/store"
	"sealdesk/sync/engine"
	"sealdesk/sync/wire"
	"sealdesk/ui"
)

// gate is where the person of this device shows who is there: the engine that stands before the relay, and the passphrase of
// this device. It outlives every engine.
type gate struct {
	h *house

	mu    sync.Mutex
	typed string // a password that was not enough by itself: it unlocks this device once it was
	told  string // what the trace says is asked
}

func (g *gate) at() (*engine.Engine, *custody.Keeper) {
	g.h.mu.Lock()
	defer g.h.mu.Unlock()
	return g.h.engine, g.h.keeper
}

// Watch implements ui.Gate.
func (g *gate) Watch(ctx context.Context) <-chan struct{} { return g.h.pokes.watch(ctx) }

// Asked implements ui.Gate.
func (g *gate) Asked() (ui.SignIn, bool) {
	e, _ := g.at()
	if e == nil {
		return ui.SignIn{}, false
	}
	asked, ok := e.Asked()
	g.tell(asked, ok)
	if !ok {
		return ui.SignIn{}, false
	}
	out := ui.SignIn{Name: asked.Name, Need: ui.Need(asked.Need), Trouble: ui.SignInTrouble(asked.Trouble), Recovery: asked.Recovery}
	for _, w := range asked.Ways {
		out.Ways = append(out.Ways, ui.SignInWay(w))
	}
	if asked.Wait > 0 {
		out.Next = time.Now().Add(time.Duration(asked.Wait) * time.Second)
	}
	if asked.Second != nil {
		out.Second = &ui.SecondFactor{URL: asked.Second.URL, Secret: asked.Second.Secret}
	}
	return out, true
}

// needs are what is asked, in the words of the trace.
var needs = map[wire.Need]string{
	wire.NeedPassword: "password", wire.NeedCode: "code", wire.NeedNew: "new", wire.NeedSecond: "second", wire.NeedKept: "kept", wire.NeedPasskey: "passkey",
}

// tell writes into the trace what is asked of the person, once, and nothing of what it takes.
func (g *gate) tell(asked wire.SignIn, ok bool) {
	line := ""
	if ok {
		line = "sign-in asks " + needs[asked.Need]
		if asked.Trouble != wire.TroubleNone {
			line += " again"
		}
	}
	g.mu.Lock()
	same := g.told == line
	g.told = line
	g.mu.Unlock()
	if !same && ok {
		g.h.trace(line)
	}
}

// Link implements ui.Gate.
func (g *gate) Link() ui.Link {
	e, _ := g.at()
	if e == nil {
		return ui.Link{State: ui.LinkConnecting}
	}
	return link{e}.Link()
}

// Show implements ui.Gate. The password that was right also unlocks this device while the relay cannot be reached.
func (g *gate) Show(ctx context.Context, c ui.Credential) error {
	e, keeper := g.at()
	if e == nil {
		return ui.ErrOffline
	}
	err := e.Show(ctx, wire.Credential{Name: c.Name, Password: c.Password, Code: c.Code, New: c.New, Begin: c.Begin, Adds: c.Adds})
	if err != nil {
		return offline(err)
	}
	g.mu.Lock()
	for _, p := range []string{c.Password, c.New} {
		if p != "" {
			g.typed = p
		}
	}
	typed := g.typed
	_, more := e.Asked()
	if !more && keeper != nil { // a device that was nobody's has one soon
		g.typed = ""
	}
	g.mu.Unlock()
	if !more && keeper != nil && typed != "" {
		if err := keeper.SetPassphrase(ctx, typed); err != nil {
			g.h.log.Warn("the passphrase of this device was not set", "error", err)
		}
	}
	return nil
}

// keepTyped takes in the password with which somebody made this device his own, before there was anything to unlock.
func (g *gate) keepTyped(ctx context.Context, keeper *custody.Keeper) {
	g.mu.Lock()
	typed := g.typed
	g.typed = ""
	g.mu.Unlock()
	if typed == "" {
		return
	}
	if err := keeper.SetPassphrase(ctx, typed); err != nil {
		g.h.log.Warn("the passphrase of this device was not set", "error", err)
	}
}

// Browse implements ui.Gate.
func (g *gate) Browse(ctx context.Context, way ui.SignInWay, open func(string) error) error {
	e, _ := g.at()
	if e == nil {
		return ui.ErrOffline
	}
	return offline(e.Browse(ctx, wire.Way(way), open, browserPage))
}

// browserPage is what the browser shows when the company's sign-on has answered. It must be understood in any language.
const browserPage = `<!doctype html><meta charset="utf-8"><title>Sealdesk</title>
<body style="font:16px system-ui;display:grid;place-items:center;height:90vh;color:#1b4d3e">
<div style="text-align:center"><div style="font-size:56px">&#10003;</div><p>Sealdesk</p></div>`

// Unlock implements ui.Gate.
func (g *gate) Unlock(ctx context.Context, passphrase string) error {
	_, keeper := g.at()
	if keeper == nil {
		return ui.TroubleSignIn
	}
	left, err := keeper.Unlock(ctx, passphrase)
	switch {
	case errors.Is(err, store.ErrPassphrase):
		return ui.WrongPassphrase{Left: left}
	case errors.Is(err, custody.ErrLeaseOver):
		return ui.TroubleSignIn
	}
	return trouble(err)
}

// A poker hands out pokes: coalesced, none lost, the first one at once.
type poker struct {
	mu       sync.Mutex
	watchers map[chan struct{}]struct{}
}

func (p *poker) watch(ctx context.Context) <-chan struct{} {
	c := make(chan struct{}, 1)
	c <- struct{}{}
	p.mu.Lock()
	if p.watchers == nil {
		p.watchers = map[chan struct{}]struct{}{}
	}
	p.watchers[c] = struct{}{}
	p.mu.Unlock()
	context.AfterFunc(ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.watchers, c)
		close(c)
	})
	return c
}

func (p *poker) poke() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.watchers {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}
