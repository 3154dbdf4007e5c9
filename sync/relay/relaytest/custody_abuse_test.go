package relaytest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	mrand "math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sealdesk/app/custody"
	"sealdesk/app/inbox"
	"sealdesk/store"
	"sealdesk/sync/engine"
	"sealdesk/sync/wire"
)

// TestOnlyAnOrderForThisEnrolmentIsObeyed is T13 on the device: what comes over a connection or as a file and is not for it
// is not obeyed, and changes nothing.
func TestOnlyAnOrderForThisEnrolmentIsObeyed(t *testing.T) {
	const each = 50
	s := newWipeStage(t, Options{}, machineOptions{})
	peer := s.machine(t, s.who, machineOptions{})
	peer.awaitOnline()
	// Orders that the relay did sign: for an enrolment that was, and for a colleague's device.
	old := s.agent.device.ID
	s.orders(s.agent)
	s.agent.await("the end", s.agent.gone.Load)
	spent, err := s.Relay().WipeOrder(t.Context(), string(old))
	if err != nil {
		t.Fatal(err)
	}
	s.agent.down()
	s.agent.enrol(s.who) // wiped by mistake: nothing is lost
	s.agent.start()
	s.agent.awaitOnline()
	s.agent.await("the conversation", func() bool { return len(s.agent.rows()) == 1 })
	s.orders(peer)
	peer.await("the end", peer.gone.Load)
	foreign, err := s.Relay().WipeOrder(t.Context(), string(peer.device.ID))
	if err != nil {
		t.Fatal(err)
	}
	m := s.agent
	orderIn := func(frame []byte) []byte {
		body, err := wire.Decode(frame)
		if err != nil {
			t.Fatal(err)
		}
		return body.(wire.Wipe).Order
	}
	order := func(change func(*wire.WipeOrder)) wire.WipeOrder {
		o := wire.WipeOrder{
			ID: inbox.NewID[inbox.WipeID](), Device: m.device.ID, Epoch: m.device.WipeEpoch + 1, Nonce: make([]byte, 16),
			Issued: inbox.At(time.Now()), Why: inbox.WipeLost,
		}
		rand.Read(o.Nonce)
		change(&o)
		return o
	}
	stranger := func() ed25519.PrivateKey {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	same := func(*wire.WipeOrder) {}
	cases := map[string]func() []byte{
		"forged by a stranger":             func() []byte { return wire.SignOrder(stranger(), order(same)) },
		"forged with the device's own key": func() []byte { return wire.SignOrder(m.device.Key, order(same)) },
		"forged with a colleague's key":    func() []byte { return wire.SignOrder(s.boss.device.Key, order(same)) },
		"a genuine one, altered": func() []byte {
			b := bytes.Clone(orderIn(foreign))
			b[mrand.IntN(len(b))] ^= byte(1 + mrand.IntN(255))
			return b
		},
		"a genuine one, cut": func() []byte {
			b := orderIn(foreign)
			return b[:mrand.IntN(len(b))]
		},
		"a genuine one, longer":                  func() []byte { return append(bytes.Clone(orderIn(foreign)), 0) },
		"replayed from the enrolment before":     func() []byte { return orderIn(spent) },
		"of another device":                      func() []byte { return orderIn(foreign) },
		"a lease instead":                        func() []byte { return m.leaseBytes() },
		"a receipt instead":                      func() []byte { return wire.SignReceipt(m.device.Key, wire.WipeReceipt{Device: m.device.ID}) },
		"nothing":                                func() []byte { return nil },
		"noise":                                  func() []byte { b := make([]byte, 1+mrand.IntN(400)); rand.Read(b); return b },
		"of a relay that has another key by now": func() []byte { return wire.SignOrder(stranger(), order(func(o *wire.WipeOrder) { o.Epoch = 1 << 62 })) },
	}
	n := 0
	for name, make := range cases {
		for i := range each {
			b := make()
			if _, err := m.keeper.Wipe(t.Context(), b, nil); !errors.Is(err, engine.ErrOrder) {
				t.Fatalf("%s: %v", name, err)
			}
			n++
			if i > 4 {
				continue
			}
			for _, file := range [][]byte{wire.Encode(wire.Wipe{Order: b}), b} {
				if err := os.WriteFile(filepath.Join(m.dir, wire.WipeFile), file, 0o600); err != nil {
					t.Fatal(err)
				}
				if obeyed, err := m.keeper.ObeyFile(t.Context()); obeyed || !errors.Is(err, engine.ErrOrder) {
					t.Fatalf("%s, as a file: obeyed %v, %v", name, obeyed, err)
				}
				n++
			}
		}
	}
	// Signed by the relay, and older than the enrolment: only its own key can do that, so a test borrows it.
	borrowed := stranger()
	aged := m.device
	aged.RelayKey = borrowed.Public().(ed25519.PublicKey)
	k := custody.New(custody.Config{Dir: m.dir, Ring: m.ring, Device: aged})
	for i := range each {
		for _, o := range []wire.WipeOrder{
			order(func(o *wire.WipeOrder) { o.Epoch = aged.WipeEpoch - uint64(i) }), order(func(o *wire.WipeOrder) { o.Epoch = 0 }),
			order(func(o *wire.WipeOrder) { o.Device = old }),
		} {
			if _, err := k.Wipe(t.Context(), wire.SignOrder(borrowed, o), nil); !errors.Is(err, engine.ErrOrder) {
				t.Fatalf("epoch %d of %d: %v", o.Epoch, aged.WipeEpoch, err)
			}
			n++
		}
	}
	if _, pending, err := store.PendingWipe(m.dir); pending || err != nil {
		t.Errorf("a wipe was begun: %v", err)
	}
	os.Remove(filepath.Join(m.dir, wire.WipeFile))
	if !m.online() || len(m.rows()) != 1 {
		t.Error("the machine does not work any more")
	}
	if err := m.restart(); err != nil {
		t.Errorf("the cache does not open any more: %v", err)
	}
	t.Logf("%d orders, none obeyed", n)
}

func (m *machine) leaseBytes() []byte {
	lent, err := m.ring.Lent(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	return lent.Lease
}

// TestManyWipesNeedASecondPersonAndLeaveTheRestAlone: a rogue supervisor does not empty the company alone.
func TestManyWipesNeedASecondPersonAndLeaveTheRestAlone(t *testing.T) {
	s := newWipeStage(t, Options{}, machineOptions{})
	second := s.machine(t, s.Person("Ayşe Demir", inbox.Supervisor), machineOptions{})
	second.awaitOnline()
	machines := []*machine{s.agent}
	for range inbox.ManyWipes + 1 {
		m := s.machine(t, s.who, machineOptions{})
		m.awaitOnline()
		machines = append(machines, m)
	}
	for _, m := range machines[:inbox.ManyWipes] {
		if w, _ := s.orders(m); w.Level == inbox.WipeWaits {
			t.Fatal("an early one waits")
		}
		m.await("the end", m.gone.Load)
	}
	rest := machines[inbox.ManyWipes:]
	var waits []inbox.Wipe
	for _, m := range rest {
		w, _ := s.orders(m)
		if w.Level != inbox.WipeWaits {
			t.Fatalf("level %d: a mass wipe by one person", w.Level)
		}
		waits = append(waits, w)
	}
	for _, m := range rest {
		m.restart()
		m.awaitOnline()
		if len(m.rows()) != 1 {
			t.Error("a device whose wipe waits does not work")
		}
	}
	if _, err := s.boss.ask(inbox.DecideWipe{Device: rest[0].device.ID, Wipe: waits[0].ID, Agree: true, At: inbox.At(time.Now())}); !errors.Is(err, inbox.RefusedSelf) {
		t.Errorf("who asked may agree: %v", err)
	}
	if _, err := second.ask(inbox.DecideWipe{Device: rest[0].device.ID, Wipe: waits[0].ID, Agree: true, At: inbox.At(time.Now())}); err != nil {
		t.Fatal(err)
	}
	if _, err := second.ask(inbox.DecideWipe{Device: rest[1].device.ID, Wipe: waits[1].ID, At: inbox.At(time.Now())}); err != nil {
		t.Fatal(err)
	}
	rest[0].await("the end", rest[0].gone.Load)
	if _, proof := s.proven(rest[0]); len(proof.Asked) != 2 || !proof.Asked[1].Agreed {
		t.Errorf("%d signatures", len(proof.Asked))
	}
	rest[1].restart()
	rest[1].awaitOnline()
}
