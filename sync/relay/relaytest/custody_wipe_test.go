package relaytest

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"sealdesk/app/custody"
	"sealdesk/app/inbox"
	"sealdesk/store"
	"sealdesk/sync/engine"
	"sealdesk/sync/relay"
	"sealdesk/sync/wire"
)

// A wipeStage is a supervisor's machine and an agent's, with a conversation on both.
type wipeStage struct {
	*Company
	t     *testing.T
	boss  *machine
	agent *machine
	who   inbox.Person
	id    inbox.ConversationID
}

func newWipeStage(t *testing.T, opt Options, agent machineOptions) *wipeStage {
	t.Helper()
	c := Start(t, opt)
	s := &wipeStage{Company: c, t: t, boss: c.machine(t, c.Person("Sabine Lorenz", inbox.Supervisor), machineOptions{})}
	s.boss.awaitOnline()
	s.who = c.Person("Tobias Brandt", inbox.Agent)
	s.agent = c.machine(t, s.who, agent)
	s.agent.awaitOnline()
	s.id = s.agent.seeded("katharina")
	return s
}

// told is what a supervisor's window shows of a device.
func (s *wipeStage) told(m *machine) (d inbox.Device) {
	s.t.Helper()
	a, err := s.boss.ask(inbox.AskDevices{})
	if err != nil {
		s.t.Fatal(err)
	}
	list := a.(inbox.Devices).List
	i := slices.IndexFunc(list, func(d inbox.Device) bool { return d.ID == m.device.ID })
	if i < 0 {
		s.t.Fatal("the device is not shown")
	}
	return list[i]
}

// orders orders a wipe, and returns how far it was when the button came back, and how long that took.
func (s *wipeStage) orders(m *machine) (inbox.Wipe, time.Duration) {
	s.t.Helper()
	began := time.Now()
	a, err := s.boss.ask(inbox.OrderWipe{Device: m.device.ID, Why: inbox.WipeLeaving, At: inbox.At(time.Now())})
	if err != nil {
		s.t.Fatal(err)
	}
	return a.(inbox.Ordered).Wipe, time.Since(began)
}

// destroyed fails the test for anything that is left of a machine's cache, or of its key.
func (s *wipeStage) destroyed(m *machine) {
	s.t.Helper()
	if m.keeper != nil && m.keeper.Store() != nil {
		s.t.Error("the cache is open")
	}
	if !empty(m.dir) {
		s.t.Error("files are left")
	}
	for _, err := range []error{func() error { _, err := m.ring.Device(s.t.Context()); return err }(), func() error { _, err := m.ring.Lent(s.t.Context()); return err }()} {
		if !errors.Is(err, store.ErrNotFound) {
			s.t.Errorf("the keyring still has an item: %v", err)
		}
	}
}

// proven waits for the proof, checks it as `receipt verify` does, and returns what it says.
func (s *wipeStage) proven(m *machine) (inbox.Wipe, relay.ProofAccount) {
	s.t.Helper()
	var d inbox.Device
	s.boss.await("the receipt", func() bool { d = s.told(m); return d.Wipe != nil && d.Wipe.Proven != 0 })
	a, err := s.boss.ask(inbox.AskProof{Device: m.device.ID, Wipe: d.Wipe.ID})
	if err != nil {
		s.t.Fatal(err)
	}
	account, err := relay.VerifyProof(a.(inbox.Proof).File, m.device.RelayKey, m.device.Audit)
	if err != nil || account.Receipt == nil || account.Wipe != d.Wipe.ID {
		s.t.Fatalf("the proof does not hold: %v", err)
	}
	if len(account.Receipt.Left) > 0 || account.Receipt.Device != m.device.ID || len(account.Receipt.Store) == 0 {
		s.t.Errorf("%d left, store id of %d bytes", len(account.Receipt.Left), len(account.Receipt.Store))
	}
	var did []inbox.WipeAct
	for _, step := range account.Receipt.Steps {
		did = append(did, step.Did)
	}
	if want := []inbox.WipeAct{inbox.WipeIntended, inbox.WipeStopped, inbox.WipeKeys, inbox.WipeStore, inbox.WipeFiles, inbox.WipeSwept}; !slices.Equal(did, want) {
		s.t.Errorf("steps %v", did)
	}
	return *d.Wipe, account
}

// TestAnOrderOnTheOpenSocketIsObeyedAtOnce shows both legs as a supervisor sees them.
func TestAnOrderOnTheOpenSocketIsObeyedAtOnce(t *testing.T) {
	for _, hours := range []int{0, 12} {
		t.Run(fmt.Sprint(hours, " hours"), func(t *testing.T) {
			s := newWipeStage(t, Options{Settle: func(c *relay.Config) { c.Device.OfflineHours = &hours }}, machineOptions{})
			file := make([]byte, 4<<20)
			rand.Read(file)
			for range 4 { // what is attached and not sent yet
				if _, err := s.agent.keeper.Store().Attach(t.Context(), s.id, "Angebot.bin", "application/octet-stream", bytes.NewReader(file)); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(filepath.Join(s.agent.dir, "sealdesk.log"), []byte("a log"), 0o600); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			w, legA := s.orders(s.agent)
			if w.Level < inbox.WipeHalfGone || w.Half == 0 {
				t.Errorf("level %d when the button comes back", w.Level)
			}
			levels, most := []inbox.WipeLevel{w.Level}, 0
			s.boss.await("the proof", func() bool {
				now := s.told(s.agent).Wipe
				if now.Level != levels[len(levels)-1] {
					levels = append(levels, now.Level)
				}
				most = max(most, len(now.Steps))
				return now.Proven != 0
			})
			s.agent.await("the end", s.agent.gone.Load)
			legB := time.Since(began)
			if !slices.IsSorted(levels) || most < 6 {
				t.Errorf("levels %v, %d steps", levels, most)
			}
			w, proof := s.proven(s.agent)
			want := inbox.WipeProven
			if hours == 0 {
				want = inbox.WipeConfirmed // nothing can be read any more, as of the order
			}
			if w.Level != want || len(proof.Asked) != 1 || proof.Asked[0].Device != s.boss.device.ID || proof.Why != inbox.WipeLeaving {
				t.Errorf("level %d, asked by %d", w.Level, len(proof.Asked))
			}
			s.destroyed(s.agent)
			if d := s.told(s.agent); d.Revoked == 0 || d.Online {
				t.Error("the device is not excluded")
			}
			bytes := int64(0)
			for _, step := range proof.Receipt.Steps {
				bytes += step.Bytes
			}
			t.Logf("leg A %s, leg B %s (%d MB overwritten), levels seen %v", legA.Round(time.Millisecond), legB.Round(time.Millisecond), bytes>>20, levels)
		})
	}
}

func TestAnOrderReachesADeviceWhereverItIs(t *testing.T) {
	for name, run := range map[string]func(s *wipeStage){
		"at the next handshake": func(s *wipeStage) {
			s.agent.down()
			if w, _ := s.orders(s.agent); w.Level != inbox.WipeHalfGone {
				s.t.Errorf("level %d", w.Level)
			}
			s.agent.start()
		},
		"after a restart of the relay": func(s *wipeStage) {
			s.agent.down()
			s.orders(s.agent)
			s.Down()
			s.Up()
			s.boss.awaitOnline()
			s.agent.start()
		},
		"while the window is locked": func(s *wipeStage) {
			s.agent.lock()
			s.orders(s.agent)
			s.agent.start()
		},
		"as a file, before a start without the relay": func(s *wipeStage) {
			s.agent.down()
			s.orders(s.agent)
			s.file(s.agent)
			s.agent.opt.offline = true
			s.agent.start()
			if w, ok := s.agent.keeper.Wiped(); !ok || !w.Signed || s.agent.keeper.Store() != nil {
				s.t.Error("the file was not obeyed")
			}
			s.agent.down()
			s.agent.opt.offline = false
			s.agent.start()
		},
		"as a file, while the program runs": func(s *wipeStage) {
			s.agent.down()
			s.agent.opt.offline = true
			if err := s.agent.start(); err != nil {
				s.t.Fatal(err)
			}
			if obeyed, err := s.agent.keeper.ObeyFile(s.t.Context()); obeyed || err != nil {
				s.t.Errorf("there is no file: %v", err)
			}
			s.orders(s.agent)
			s.file(s.agent)
			if obeyed, err := s.agent.keeper.ObeyFile(s.t.Context()); !obeyed || err != nil {
				s.t.Errorf("not obeyed: %v", err)
			}
			s.agent.dial(false)
		},
		"as a file, while the engine looks for the relay": func(s *wipeStage) {
			s.agent.hangUp()
			s.orders(s.agent)
			s.file(s.agent)
			s.Down()
			s.agent.dial(false)
			if obeyed, err := s.agent.keeper.ObeyFile(s.t.Context()); !obeyed || err != nil {
				s.t.Errorf("not obeyed: %v", err)
			}
			s.Up()
			s.boss.awaitOnline()
		},
		"after it wiped itself": func(s *wipeStage) {
			s.agent.down()
			s.agent.opt.offline = true
			s.agent.start()
			s.agent.wipeItself(inbox.WipeTampering)
			s.agent.down()
			s.orders(s.agent)
			s.agent.opt.offline = false
			s.agent.start()
		},
		"while it wipes itself": func(s *wipeStage) {
			s.agent.hangUp()
			s.orders(s.agent)
			s.agent.dial(false)
			s.agent.wipeItself(inbox.WipeTampering)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newWipeStage(t, Options{}, machineOptions{})
			run(s)
			s.agent.await("the end", s.agent.gone.Load)
			if w, proof := s.proven(s.agent); w.Why != inbox.WipeLeaving || w.Level != inbox.WipeProven || len(proof.Receipt.Order) == 0 {
				t.Errorf("why %d, level %d", w.Why, w.Level)
			}
			s.destroyed(s.agent)
		})
	}
}

// file is what IT puts into a machine's data folder.
func (s *wipeStage) file(m *machine) {
	s.t.Helper()
	order, err := s.Relay().WipeOrder(s.t.Context(), string(m.device.ID))
	if err == nil {
		err = os.WriteFile(filepath.Join(m.dir, wire.WipeFile), order, 0o600)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// TestADeviceThatHeardNothingForTooLongWipesItself: nobody ordered it, and the relay learns of it at the next contact.
func TestADeviceThatHeardNothingForTooLongWipesItself(t *testing.T) {
	c := Start(t, Options{})
	boss := c.machine(t, c.Person("Sabine Lorenz", inbox.Supervisor), machineOptions{})
	boss.awaitOnline()
	say(t, c, "katharina", "Guten Tag, wann kommt die Lieferung?")
	d := c.drawer(t, c.Person("Tobias Brandt", inbox.Agent))
	s := &wipeStage{Company: c, t: t, boss: boss, agent: d.machine}
	d.clk.turn(14 * 24 * time.Hour)
	if err := d.start(); !errors.Is(err, custody.ErrWiping) {
		t.Fatal(err)
	}
	if w, ok := d.keeper.Wiped(); !ok || !w.Signed || w.Why != inbox.WipeSilent {
		t.Errorf("why %d, signed %v", w.Why, w.Signed)
	}
	if _, err := d.ring.Device(t.Context()); err != nil {
		t.Errorf("the key that signs is gone before the relay has the receipt: %v", err)
	}
	d.clk.ahead.Store(0) // the relay's clock: somebody corrected it, or it was right and the relay's turned too
	d.down()
	d.opt.offline = false
	d.start()
	d.await("the end", d.gone.Load)
	w, proof := s.proven(d.machine)
	if w.Why != inbox.WipeSilent || w.By != "" || len(proof.Receipt.Order) != 0 || w.Half == 0 {
		t.Errorf("why %d by %q", w.Why, w.By)
	}
	s.destroyed(d.machine)
	if half, err := askForHalf(t, c, d.device); half != nil || err != nil {
		t.Errorf("its key is still lent a half: %v", err)
	}
}

// TestAReceiptArrivesHoweverOftenTheConnectionIsLost cuts the connection and the program around the words of a wipe.
func TestAReceiptArrivesHoweverOftenTheConnectionIsLost(t *testing.T) {
	for name, cut := range map[string]struct {
		at      any
		way     engine.Direction
		after   time.Duration
		restart bool
	}{
		"as the order comes":                              {wire.Wipe{}, engine.Received, 0, false},
		"as the order comes, with the program":            {wire.Wipe{}, engine.Received, 0, true},
		"at the first step":                               {wire.Wiping{}, engine.Sent, 0, false},
		"at the first step, with the program":             {wire.Wiping{}, engine.Sent, 0, true},
		"before the receipt is sent":                      {wire.Wiped{}, engine.Sent, 0, false},
		"before the receipt is sent, with the program":    {wire.Wiped{}, engine.Sent, 0, true},
		"before the receipt is answered":                  {wire.Wiped{}, engine.Sent, 2 * time.Millisecond, false},
		"before the receipt is answered, and the program": {wire.Wiped{}, engine.Sent, 2 * time.Millisecond, true},
	} {
		t.Run(name, func(t *testing.T) {
			var armed, hit atomic.Bool
			s := newWipeStage(t, Options{}, machineOptions{frames: func(m *machine, way engine.Direction, frame []byte) {
				if way != cut.way || !armed.Load() {
					return
				}
				body, err := wire.Decode(frame)
				if err != nil || fmt.Sprintf("%T", body) != fmt.Sprintf("%T", cut.at) || !armed.CompareAndSwap(true, false) {
					return
				}
				if cut.after == 0 {
					m.cut()
				} else {
					time.AfterFunc(cut.after, m.cut)
				}
				hit.Store(true)
			}})
			armed.Store(true)
			s.orders(s.agent)
			s.agent.await("the cut", hit.Load)
			if cut.restart {
				<-time.After(time.Duration(mrand.IntN(30)) * time.Millisecond)
				if s.agent.down(); !s.agent.gone.Load() { // asked once nothing goes on any more
					s.agent.start()
				}
			}
			s.agent.await("the end", s.agent.gone.Load)
			s.proven(s.agent)
			s.destroyed(s.agent)
		})
	}
}
