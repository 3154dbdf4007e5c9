package relaytest

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/engine"
	"sealdesk/sync/wire"
)

// A recorder keeps every frame of a device.
type recorder struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (r *recorder) take(_ engine.Direction, frame []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all.Write(frame)
}

func (r *recorder) bytes() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Clone(r.all.Bytes())
}

// askFor asks the relay over the device's connection.
func askFor[A inbox.Answer](t *testing.T, d *Device, q inbox.Question) (a A, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		var got inbox.Answer
		if got, err = d.Engine.Ask(ctx, q); err == nil {
			return got.(A), nil
		}
		if !errors.Is(err, engine.ErrOffline) || ctx.Err() != nil {
			return a, err
		}
		time.Sleep(20 * time.Millisecond) // a real process connects
	}
}

func TestAValueIsRevealedToOneDeviceAndStandsInNoFrame(t *testing.T) {
	c := Start(t, Options{})
	var mine, theirs recorder
	agent := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{Frames: mine.take})
	boss := c.Device(c.Person("Sabine Lorenz", inbox.Supervisor), DeviceOptions{Frames: theirs.take})
	say(t, c, "katharina", "Guten Tag")
	agent.Await("a conversation", func() bool { return len(agent.Rows()) == 1 })
	row := agent.Rows()[0]
	key, public, err := wire.NewRevealKey()
	if err != nil {
		t.Fatal(err)
	}
	g, err := askFor[inbox.Grant](t, agent, inbox.AskReveal{
		Conversation: row.ID, Field: inbox.FieldPhone, Why: inbox.ReasonCall, Note: "Sie bittet um Rückruf.", Key: public,
	})
	if err != nil || g.State != inbox.RevealAsked {
		t.Fatalf("asking: state %d, %v", g.State, err)
	}
	if _, err := askFor[inbox.Decided](t, agent, inbox.DecideReveal{Conversation: row.ID, Reveal: g.Reveal, Agree: true}); !errors.Is(err, inbox.RefusedRight) {
		t.Errorf("an agent decides: %v", err)
	}
	if _, err := askFor[inbox.Decided](t, boss, inbox.DecideReveal{Conversation: row.ID, Reveal: g.Reveal, Agree: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := askFor[inbox.Opened](t, boss, inbox.OpenReveal{Conversation: row.ID, Reveal: g.Reveal}); !errors.Is(err, inbox.RefusedUnknown) {
		t.Errorf("who agreed is shown the value too: %v", err)
	}
	o, err := askFor[inbox.Opened](t, agent, inbox.OpenReveal{Conversation: row.ID, Reveal: g.Reveal})
	if err != nil {
		t.Fatal(err)
	}
	opened, err := key.Open(g.Reveal, o.Sealed)
	value := string(opened)
	if err != nil || !strings.HasPrefix(value, "+49") {
		t.Fatalf("the value does not open: %v", err)
	}
	if o, err = askFor[inbox.Opened](t, agent, inbox.OpenReveal{Conversation: row.ID, Reveal: g.Reveal, End: true}); err != nil || o.State != inbox.RevealEnded || o.Sealed != nil {
		t.Errorf("ending: state %d, %v", o.State, err)
	}
	boss.Await("everybody to know that somebody saw it", func() bool {
		for _, m := range boss.Messages(row.ID) {
			if m.What == inbox.WhatRevealed {
				return true
			}
		}
		return false
	})
	f, err := askFor[inbox.Found](t, agent, inbox.LookUp{Inbox: row.Inbox, Number: value})
	if err != nil || f.Conversation != row.ID {
		t.Errorf("looking the number up: %v", err)
	}
	agent.Down()
	boss.Down()
	leaks(t, "the frames of who decided", theirs.bytes(), append(c.Sim.Identifiers(), value))
	leaksBelow(t, agent.Dir, append(c.Sim.Identifiers(), value))
	if n := bytes.Count(mine.bytes(), []byte(value[1:])); n != 1 { // the question for it, which the agent typed
		t.Errorf("the value stands in %d frames of who saw it", n)
	}
}

func TestANumberSaidInPartsIsOnNoDeviceInTheEnd(t *testing.T) {
	c := Start(t, Options{})
	first := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	for _, part := range []string{"Meine Nummer:", "0151", "55 50", "12 34", "bitte anrufen"} {
		say(t, c, "katharina", part)
	}
	first.Await("all of it", func() bool { return len(first.Rows()) == 1 && len(first.Messages(first.Rows()[0].ID)) == 5 })
	var late recorder
	second := c.Device(c.Person("Sabine Lorenz", inbox.Supervisor), DeviceOptions{Frames: late.take})
	second.Await("all of it", func() bool { return len(second.Rows()) == 1 && len(second.Messages(second.Rows()[0].ID)) == 5 })
	digits := func(d *Device) bool {
		for _, m := range d.Messages(d.Rows()[0].ID) {
			for _, s := range m.Body.Spans() {
				if s.Kind == inbox.Plain && strings.ContainsAny(s.Text, "0123456789") {
					return true
				}
			}
		}
		return false
	}
	first.Await("the parts to be masked", func() bool { return !digits(first) })
	if digits(second) {
		t.Error("who comes later sees parts of the number")
	}
	for _, part := range []string{"0151", "55 50", "12 34"} {
		if bytes.Contains(late.bytes(), []byte(part)) {
			t.Error("a frame of who comes later holds a part of the number")
		}
	}
}

func TestAnErasedCustomerIsDroppedByEveryDevice(t *testing.T) {
	c := Start(t, Options{})
	here := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	away := c.Device(c.Person("Sabine Lorenz", inbox.Supervisor), DeviceOptions{})
	c.Person("Petra Zweite", inbox.PrivacyOfficer)
	say(t, c, "katharina", "Ein Kanarienkäfig")
	say(t, c, "emily", "A dog house")
	say(t, c, "katharina", "DELETE")
	for _, d := range []*Device{here, away} {
		d.Await("both customers", func() bool { return len(d.Rows()) == 2 })
	}
	away.Await("the request", func() bool { return len(away.Store.Requests()) == 1 })
	awaitSent(t, away, c, 1)
	q := away.Store.Requests()[0]
	away.Down()
	ctx := t.Context()
	for _, who := range []string{"Sabine Lorenz", "Petra Zweite"} {
		if _, err := c.Relay().DecideRequest(ctx, string(q.ID), who, true, ""); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := c.Relay().RunErasures(ctx); n != 1 || err != nil {
		t.Fatalf("%d erased: %v", n, err)
	}
	away.Up()
	for _, d := range []*Device{here, away} {
		d.Await("the customer to be gone", func() bool {
			rows := d.Rows()
			for _, r := range rows {
				if r.ID == q.Conversation && (r.Erased == 0 || !r.Snippet.IsZero() || !r.Contact.Name.IsZero()) {
					return false
				}
			}
			for _, m := range d.Messages(q.Conversation) {
				if !m.Body.IsZero() {
					return false
				}
			}
			return len(rows) >= 1
		})
	}
	say(t, c, "katharina", "Guten Tag")
	here.Await("a stranger", func() bool {
		for _, r := range here.Rows() {
			if r.Snippet.Visible() == "Guten Tag" {
				return r.ID != q.Conversation && r.Contact.ID != q.Contact
			}
		}
		return false
	})
	c.Down() // and the store's files are written anew at the next start
	c.Up()
	here.Await("the relay", func() bool { return here.Engine.Link().State == engine.Online })
	fresh := c.Device(c.Person("Neu Hier", inbox.Agent), DeviceOptions{})
	fresh.Await("what is left", func() bool { return len(fresh.Rows()) >= 2 })
	if len(fresh.Messages(q.Conversation)) != 0 {
		t.Error("who comes later is told of who was erased")
	}
}
