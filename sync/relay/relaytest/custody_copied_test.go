package relaytest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/zalando/go-keyring"

	"sealdesk/app/custody"
	"sealdesk/app/inbox"
	"sealdesk/store"
	"sealdesk/sync/engine"
	"sealdesk/sync/relay"
	"sealdesk/sync/wire"
)

// TestACopiedProfileLosesBoth: one key on two machines. Offline a window's copy ends with the lease and a strict one never
// opens; online the two give each other away, and both are wiped.
func TestACopiedProfileLosesBoth(t *testing.T) {
	for _, hours := range []int{0, 12} {
		t.Run(fmt.Sprint(hours, " hours"), func(t *testing.T) {
			c := Start(t, Options{Settle: func(cfg *relay.Config) { cfg.Device.OfflineHours = &hours }})
			p := c.Person("Tobias Brandt", inbox.Agent)
			boss := c.machine(t, c.Person("Sabine Lorenz", inbox.Supervisor), machineOptions{})
			say(t, c, "katharina", "Guten Tag, wann kommt die Lieferung?")
			d := c.drawer(t, p)

			late := &drawer{d.copied(), d.clk}
			d.clk.turn(12 * time.Hour)
			if err := late.opens(); !errors.Is(err, custody.ErrLeaseOver) {
				t.Errorf("a copy at the lease's end: %v", err)
			}
			d.clk.turn(-12 * time.Hour)
			early := &drawer{d.copied(), d.clk}
			if err := early.opens(); (err == nil) != (hours > 0) {
				t.Errorf("a copy within the lease: %v", err)
			}
			folder := &drawer{d.copied(), d.clk}
			keyring.Delete(folder.service, "cache")
			keyring.Delete(folder.service, "lease")
			if err := folder.opens(); err == nil {
				t.Error("a copy of the folder alone opens")
			}

			copied := d.copied()
			d.opt.offline, copied.opt.offline = false, false
			d.start()
			d.awaitOnline()
			copied.start()
			for _, m := range []*machine{d.machine, copied} {
				m.await("the wipe", m.gone.Load)
				m.down()
				if _, err := m.ring.Device(t.Context()); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("the device's key is left: %v", err)
				}
				if left, _ := os.ReadDir(m.dir); len(left) > 0 && !empty(m.dir) {
					t.Errorf("%d files are left", len(left))
				}
			}
			var told inbox.Device
			boss.await("the proof", func() bool {
				a, err := boss.ask(inbox.AskDevices{Person: p.ID})
				if err != nil {
					return false
				}
				for _, x := range a.(inbox.Devices).List {
					if x.ID == d.device.ID {
						told = x
					}
				}
				return told.Wipe != nil && told.Wipe.Proven != 0
			})
			if told.Twice == 0 || told.Wipe.Why != inbox.WipeTwice {
				t.Errorf("twice %d, why %d", told.Twice, told.Wipe.Why)
			}
			list, err := c.Relay().Incidents(t.Context(), true)
			if err != nil || !has(list, inbox.IncidentTwice) {
				t.Errorf("no incident: %v", err)
			}
			// A third copy is not let in either, and obeys.
			third := early.machine
			third.opt.offline = false
			third.start()
			third.await("the wipe", third.gone.Load)
		})
	}
}

func has(list []inbox.Incident, kind inbox.IncidentKind) bool {
	for _, i := range list {
		if i.Kind == kind {
			return true
		}
	}
	return false
}

// empty reports whether a folder holds no file.
func empty(dir string) bool {
	found := false
	filepath.WalkDir(dir, func(_ string, e os.DirEntry, err error) error {
		found = found || err == nil && !e.IsDir()
		return nil
	})
	return !found
}

// TestAHalfThatIsDestroyedOpensNothing: the relay's half is gone, and the laptop does not co-operate.
func TestAHalfThatIsDestroyedOpensNothing(t *testing.T) {
	for _, hours := range []int{0, 12} {
		t.Run(fmt.Sprint(hours, " hours"), func(t *testing.T) {
			c := Start(t, Options{Settle: func(cfg *relay.Config) { cfg.Device.OfflineHours = &hours }})
			say(t, c, "katharina", "Guten Tag, wann kommt die Lieferung?")
			d := c.drawer(t, c.Person("Tobias Brandt", inbox.Agent))
			spy := &drawer{d.copied(), d.clk} // before: what a thief has
			w, err := c.Relay().WipeDevice(t.Context(), string(d.device.ID), inbox.WipeLost)
			if err != nil || w.Level != inbox.WipeHalfGone || w.Half == 0 {
				t.Fatalf("level %d: %v", w.Level, err)
			}
			if dark := w.Dark.Sub(w.Half); hours == 0 && dark != 0 || hours > 0 && (dark < 11*time.Hour || dark > 12*time.Hour) {
				t.Errorf("dark %s after the half is gone", dark)
			}
			d.clk.turn(w.Dark.Sub(inbox.At(time.Now())) - 2*time.Minute)
			if err := spy.opens(); (err == nil) != (hours > 0) {
				t.Errorf("before it is dark: %v", err)
			}
			d.clk.turn(3 * time.Minute)
			if err := spy.opens(); err == nil {
				t.Error("the cache opens although it is called dark")
			}
			d.clk.ahead.Store(0)
			// With the relay it opens neither, whether it obeys or not.
			device := spy.device
			half, err := askForHalf(t, c, device)
			if half != nil || err != nil {
				t.Errorf("a half was lent to a device that is to be wiped: %v", err)
			}
			d.opt.offline = false
			d.start()
			d.await("the wipe", d.gone.Load)
		})
	}
}

// askForHalf connects as a device that does not obey, and returns what half it is lent.
func askForHalf(t *testing.T, c *Company, device store.Device) (half wire.Half, err error) {
	t.Helper()
	got := make(chan wire.Half, 1)
	e := engine.New(engine.Config{Relay: device.Relay, Pin: device.Pin, Device: device.ID, Key: device.Key, App: "1.0.0", System: "test",
		Frames: func(way engine.Direction, frame []byte) {
			if body, err := wire.Decode(frame); err == nil {
				if w, ok := body.(wire.Welcome); ok {
					got <- w.Half
				}
			}
		}, Cache: &deafCache{}})
	ctx := t.Context()
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	select {
	case half = <-got:
		return half, nil
	case err = <-ended:
		if errors.Is(err, engine.ErrWiped) || errors.Is(err, engine.ErrRevoked) {
			err = nil
		}
		return nil, err
	case <-time.After(3 * time.Second):
		return nil, nil
	}
}

type deafCache struct{ engine.Cache }

// TestAnotherPolicyTakesTheHalfBack: what was a window becomes strict at the next contact.
func TestAnotherPolicyTakesTheHalfBack(t *testing.T) {
	c := Start(t, Options{})
	say(t, c, "katharina", "Guten Tag, wann kommt die Lieferung?")
	d := c.drawer(t, c.Person("Tobias Brandt", inbox.Agent))
	if err := d.opens(); err != nil {
		t.Fatal(err)
	}
	c.Down()
	none := 0
	c.Config.Device.OfflineHours = &none
	c.Up()
	d.opt.offline = false
	d.start()
	d.awaitOnline()
	d.down()
	d.opt.offline = true
	if err := d.opens(); !errors.Is(err, custody.ErrLeaseOver) {
		t.Errorf("the cache still opens alone: %v", err)
	}
}
