package main

import (
	"context"
	"errors"

	"sealdesk/app/inbox"
	"sealdesk/store"
	"sealdesk/sync/engine"
	"sealdesk/sync/wire"
	"sealdesk/ui"
)

// errNoRelay is returned where the policy names no relay to join.
var errNoRelay = errors.New("the policy names no relay")

// Join implements ui.Door: the policy says where the relay is, and whoever signs in is this device's person.
func (h *house) Join(ctx context.Context, reached func(ui.Enrolling)) (ui.Enrolled, error) {
	r := h.policy.now().Relay()
	if r.Address == "" || len(r.Pins) == 0 {
		return ui.Enrolled{}, errNoRelay
	}
	var pins []wire.Pin
	for _, pin := range r.Pins {
		pins = append(pins, wire.Pin(pin))
	}
	at := ui.Enrolling{Step: ui.EnrolReading, Server: r.Address, Pin: pins[0].Short()}
	reached(at)
	if _, err := h.ring.Device(ctx); err != nil && !errors.Is(err, store.ErrNotFound) {
		return ui.Enrolled{}, trouble(err)
	}
	h.leave()
	for {
		got, err := enrolWith(ctx, wire.Enrolment{Relay: r.Address}, pins, engine.EnrolConfig{Name: h.device, App: version(), System: system()})
		if err != nil {
			return ui.Enrolled{}, trouble(err)
		}
		at.Step, at.Pin, at.Company = ui.EnrolServer, got.Pin.Short(), got.Company
		reached(at)
		got.Person, err = h.claim(ctx, got)
		if errors.Is(err, engine.ErrNotAdmitted) && ctx.Err() == nil {
			continue // nobody came in time
		}
		if err == nil {
			err = h.become(ctx, got)
		}
		if err != nil {
			return ui.Enrolled{}, trouble(err)
		}
		at.Step = ui.EnrolKey
		reached(at)
		return ui.Enrolled{Device: h.device, Person: got.Person.Name}, nil
	}
}

// claim stands before the relay as the device until somebody has signed in on it; the gate shows what is asked.
func (h *house) claim(ctx context.Context, got engine.Enrolled) (inbox.Person, error) {
	c := engine.NewClaim(engine.Config{
		Relay: got.Relay, Pin: got.Pin, Device: got.Device, Key: got.Key, App: version(), System: system(), Posture: posture(), Log: h.log, Frames: h.frames,
	})
	at := func(e *engine.Engine) {
		h.mu.Lock()
		h.engine = e
		h.mu.Unlock()
		h.pokes.poke()
	}
	at(c.Engine)
	defer at(nil)
	watching, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		for pokes := c.Watch(watching); ; {
			select {
			case <-pokes:
				h.pokes.poke()
			case <-watching.Done():
				return
			}
		}
	}()
	return c.Wait(ctx)
}
