package relaytest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zalando/go-keyring"

	"sealdesk/app/custody"
	"sealdesk/app/inbox"
	"sealdesk/store"
	"sealdesk/sync/relay"
	"sealdesk/sync/wire"
)

// A laptopClock is a machine's two clocks: the one on the wall, which anybody may turn, and the one that only runs while the
// machine is awake. With time.Now they agree.
type laptopClock struct {
	clock
	asleep atomic.Int64 // how much of what the wall shows the other one has not seen
}

func (c *laptopClock) ran(since time.Time) time.Duration {
	return c.now().Sub(since) - time.Duration(c.asleep.Load())
}

// sleep lets time pass while the machine is suspended.
func (c *laptopClock) sleep(d time.Duration) {
	c.turn(d)
	c.asleep.Add(int64(d))
}

// set puts the clock on the wall forward or, below zero, back.
func (c *laptopClock) set(d time.Duration) { c.sleep(d) }

// A drawer is a laptop that was online, has a conversation in its cache, and is taken away.
type drawer struct {
	*machine
	clk *laptopClock
}

func (c *Company) drawer(t *testing.T, p inbox.Person) *drawer {
	t.Helper()
	clk := &laptopClock{}
	m := c.machine(t, p, machineOptions{now: clk.now, ran: clk.ran})
	m.awaitOnline()
	m.await("the conversation", func() bool { return len(m.rows()) > 0 })
	m.down()
	m.opt.offline = true
	return &drawer{m, clk}
}

// opens starts the laptop without the relay, says whether the cache opened, and ends it again. A cache that opened shows what
// was in it.
func (d *drawer) opens() error {
	d.t.Helper()
	err := d.start()
	if err == nil && len(d.rows()) == 0 {
		d.t.Error("the cache opened and is empty")
	}
	if err != nil && d.keeper.Store() != nil {
		d.t.Error("the cache is open although it may not be")
	}
	d.down()
	return err
}

func (d *drawer) item(name string) string {
	d.t.Helper()
	text, err := keyring.Get(d.service, name)
	if err != nil {
		d.t.Fatal(err)
	}
	return text
}

// lease changes what the keyring keeps of the lease.
func (d *drawer) lease(change func(*store.Lent)) {
	d.t.Helper()
	lent, err := d.ring.Lent(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	change(&lent)
	if err := d.ring.SetLent(d.t.Context(), lent); err != nil {
		d.t.Fatal(err)
	}
}

// TestALeaseLetsACacheBeReadUntilItsEndAndNoLonger is T14 without the relay: what a laptop in a drawer does.
func TestALeaseLetsACacheBeReadUntilItsEndAndNoLonger(t *testing.T) {
	const day = 24 * time.Hour
	scenarios := []struct {
		name  string
		hours int // the policy
		do    func(d *drawer)
		want  error
	}{
		{"restarted at once", 12, func(d *drawer) {}, nil},
		{"an hour later", 12, func(d *drawer) { d.clk.turn(time.Hour) }, nil},
		{"shortly before its end", 12, func(d *drawer) { d.clk.turn(12*time.Hour - 2*time.Minute) }, nil},
		{"at its end", 12, func(d *drawer) { d.clk.turn(12 * time.Hour) }, custody.ErrLeaseOver},
		{"long after its end", 12, func(d *drawer) { d.clk.turn(40 * time.Hour) }, custody.ErrLeaseOver},
		{"after its end, and the clock put back into it", 12, func(d *drawer) {
			d.clk.turn(13 * time.Hour)
			d.opens()
			d.clk.turn(-12 * time.Hour)
		}, custody.ErrLeaseOver},
		{"clock put back by an hour", 12, func(d *drawer) { d.clk.turn(-time.Hour) }, custody.ErrClockBack},
		{"clock put back by a year", 12, func(d *drawer) { d.clk.turn(-365 * day) }, custody.ErrClockBack},
		{"clock behind by four minutes", 12, func(d *drawer) { d.clk.turn(-4 * time.Minute) }, nil},
		{"clock behind by six minutes", 12, func(d *drawer) { d.clk.turn(-6 * time.Minute) }, custody.ErrClockBack},
		{"used after six hours, then put back by five", 12, func(d *drawer) {
			d.clk.turn(6 * time.Hour)
			d.opens()
			d.clk.turn(-5 * time.Hour)
		}, custody.ErrClockBack},
		{"clock put back, and right again", 12, func(d *drawer) {
			d.clk.turn(-time.Hour)
			d.opens()
			d.clk.turn(time.Hour)
		}, nil},
		{"clock put forward by a day, and right again", 12, func(d *drawer) {
			d.clk.turn(day)
			d.opens()
			d.clk.turn(-day)
		}, custody.ErrLeaseOver},
		{"clock put forward within the lease, and right again", 12, func(d *drawer) {
			d.clk.turn(11 * time.Hour)
			d.opens()
			d.clk.turn(-11 * time.Hour)
		}, custody.ErrClockBack},
		{"restarted every hour, within the lease", 12, func(d *drawer) {
			for range 11 {
				d.clk.turn(time.Hour)
				if err := d.opens(); err != nil {
					d.t.Errorf("within the lease: %v", err)
				}
			}
		}, nil},
		{"restarted every hour, past the lease", 12, func(d *drawer) {
			for range 12 {
				d.clk.turn(time.Hour)
				d.opens()
			}
		}, custody.ErrLeaseOver},
		{"silent for 13 days", 12, func(d *drawer) { d.clk.turn(13 * day) }, custody.ErrLeaseOver},
		{"silent for 14 days", 12, func(d *drawer) { d.clk.turn(14 * day) }, custody.ErrWiping},
		{"silent for 14 days, and started every day", 12, func(d *drawer) {
			for range 14 {
				d.clk.turn(day)
				d.opens()
			}
		}, custody.ErrWiping},
		{"silent for 14 days, and used while the lease held", 72, func(d *drawer) {
			for range 14 {
				d.clk.turn(day)
				d.opens()
			}
		}, custody.ErrWiping},
		{"three days, near their end", 72, func(d *drawer) { d.clk.turn(72*time.Hour - 2*time.Minute) }, nil},
		{"three days, at their end", 72, func(d *drawer) { d.clk.turn(72 * time.Hour) }, custody.ErrLeaseOver},
		{"no lease in the keyring", 12, func(d *drawer) { keyring.Delete(d.service, "lease") }, custody.ErrLeaseOver},
		{"a lease that was altered", 12, func(d *drawer) {
			d.lease(func(l *store.Lent) { l.Lease[len(l.Lease)/2] ^= 1 })
		}, custody.ErrLeaseOver},
		{"a longer lease, signed by somebody else", 12, func(d *drawer) {
			d.lease(func(l *store.Lent) {
				l.Lease = wire.SignLease(d.device.Key, wire.Lease{Device: d.device.ID, Generation: l.Generation, Issued: l.Seen, Offline: 90 * 3600})
			})
		}, custody.ErrLeaseOver},
		{"a lease of another half", 12, func(d *drawer) { d.lease(func(l *store.Lent) { l.Generation++ }) }, custody.ErrLeaseOver},
		{"no half of the device's", 12, func(d *drawer) { keyring.Delete(d.service, "cache") }, store.ErrKeyLost},
		{"locked", 12, func(d *drawer) {
			d.start()
			d.lock()
		}, custody.ErrLocked},
		{"locked, and the lease over", 12, func(d *drawer) {
			d.start()
			d.lock()
			d.clk.turn(12 * time.Hour)
		}, custody.ErrLeaseOver},
		{"locked, and the clock put back", 12, func(d *drawer) {
			d.start()
			d.lock()
			d.clk.turn(-time.Hour)
		}, custody.ErrClockBack},

		{"strict: restarted at once", 0, func(d *drawer) {}, custody.ErrLeaseOver},
		{"strict: an hour later", 0, func(d *drawer) { d.clk.turn(time.Hour) }, custody.ErrLeaseOver},
		{"strict: clock put back", 0, func(d *drawer) { d.clk.turn(-time.Hour) }, custody.ErrClockBack},
		{"strict: locked", 0, func(d *drawer) {
			d.start()
			d.lock()
			if shut, err := d.keeper.Shut(d.t.Context()); err != nil || !shut {
				d.t.Errorf("it is forgotten that the window was locked: %v", err)
			}
			if _, err := d.keeper.Unlock(d.t.Context(), goodPassword); !errors.Is(err, custody.ErrLeaseOver) {
				d.t.Errorf("a passphrase: %v", err)
			}
		}, custody.ErrLeaseOver},
		{"strict: the keyring of another day put back", 0, func(d *drawer) {
			kept := d.item("lease")
			d.opt.offline = false
			d.start()
			d.awaitOnline()
			d.down()
			d.opt.offline = true
			keyring.Set(d.service, "lease", kept)
		}, custody.ErrLeaseOver},
		{"strict: no half in the keyring", 0, func(d *drawer) {
			lent, err := d.ring.Lent(d.t.Context())
			if err != nil || !lent.Half.IsZero() || len(lent.Locked) > 0 {
				d.t.Errorf("a strict lease left a half in the keyring: %v", err)
			}
		}, custody.ErrLeaseOver},
		{"strict: silent for 14 days", 0, func(d *drawer) { d.clk.turn(14 * day) }, custody.ErrWiping},
		{"strict: silent for 14 days, and started every day", 0, func(d *drawer) {
			for range 14 {
				d.clk.turn(day)
				d.opens()
			}
		}, custody.ErrWiping},
	}
	companies := map[int]*Company{}
	people := map[int]inbox.Person{}
	for _, hours := range []int{0, 12, 72} {
		c := Start(t, Options{Settle: func(cfg *relay.Config) { cfg.Device.OfflineHours = &hours }})
		companies[hours], people[hours] = c, c.Person("Tobias Brandt", inbox.Agent)
		say(t, c, "katharina", "Guten Tag, wann kommt die Lieferung?")
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			d := companies[s.hours].drawer(t, people[s.hours])
			s.do(d)
			if got := d.opens(); !errors.Is(got, s.want) || (got == nil) != (s.want == nil) {
				t.Errorf("%v, want %v", got, s.want)
			}
		})
	}
	t.Logf("%d scenarios", len(scenarios))
}

// TestARunningMachineClosesItsCacheAtTheLeasesEnd is T14 for a laptop that is not restarted: the clock on the wall and the
// one that stands still while it sleeps both count.
func TestARunningMachineClosesItsCacheAtTheLeasesEnd(t *testing.T) {
	c := Start(t, Options{})
	p := c.Person("Tobias Brandt", inbox.Agent)
	say(t, c, "katharina", "Guten Tag, wann kommt die Lieferung?")
	for _, s := range []struct {
		name string
		do   func(*laptopClock)
		want store.Standing
	}{
		{"eleven hours", func(c *laptopClock) { c.turn(11 * time.Hour) }, store.Holds},
		{"twelve hours", func(c *laptopClock) { c.turn(12 * time.Hour) }, store.Over},
		{"suspended for eleven hours", func(c *laptopClock) { c.sleep(11 * time.Hour) }, store.Holds},
		{"suspended for twelve hours", func(c *laptopClock) { c.sleep(12 * time.Hour) }, store.Over},
		{"six hours awake, six asleep", func(c *laptopClock) { c.turn(6 * time.Hour); c.sleep(6 * time.Hour) }, store.Over},
		{"twelve hours awake, and the clock put back", func(c *laptopClock) { c.turn(12 * time.Hour); c.set(-12 * time.Hour) }, store.ClockBack},
		{"six hours awake, and the clock put back", func(c *laptopClock) { c.turn(6 * time.Hour); c.set(-6 * time.Hour) }, store.ClockBack},
		{"six hours awake, and the clock put back by four minutes", func(c *laptopClock) { c.turn(6 * time.Hour); c.set(-4 * time.Minute) }, store.Holds},
		{"clock put back by a day", func(c *laptopClock) { c.set(-24 * time.Hour) }, store.ClockBack},
		{"clock put forward by a day", func(c *laptopClock) { c.set(24 * time.Hour) }, store.Over},
		{"suspended for 14 days", func(c *laptopClock) { c.sleep(14 * 24 * time.Hour) }, store.Silent},
	} {
		t.Run(s.name, func(t *testing.T) {
			d := c.drawer(t, p)
			if err := d.start(); err != nil {
				t.Fatal(err)
			}
			defer d.down()
			if got := d.keeper.Standing(); got != store.Holds {
				t.Fatalf("standing %d at the start", got)
			}
			s.do(d.clk)
			if got := d.keeper.Standing(); got != s.want {
				t.Errorf("standing %d, want %d", got, s.want)
			}
		})
	}
}

// TestALockedWindowOpensByItsPassphraseWithinTheLease: five wrong ones, and only the relay opens it.
func TestALockedWindowOpensByItsPassphraseWithinTheLease(t *testing.T) {
	c := Start(t, Options{})
	p := c.Person("Tobias Brandt", inbox.Agent)
	say(t, c, "katharina", "Guten Tag, wann kommt die Lieferung?")
	locked := func(t *testing.T) *drawer {
		d := c.drawer(t, p)
		if err := d.start(); err != nil {
			t.Fatal(err)
		}
		if err := d.keeper.SetPassphrase(t.Context(), goodPassword); err != nil {
			t.Fatal(err)
		}
		d.lock()
		if lent, err := d.ring.Lent(t.Context()); err != nil || !lent.Half.IsZero() {
			t.Errorf("the half is in the keyring while the window is locked: %v", err)
		}
		return d
	}
	t.Run("right", func(t *testing.T) {
		d := locked(t)
		d.down()
		if err := d.start(); !errors.Is(err, custody.ErrLocked) {
			t.Fatal(err)
		}
		if left, err := d.keeper.Unlock(t.Context(), "violet kettle 39 harbor"); !errors.Is(err, store.ErrPassphrase) || left != 4 {
			t.Errorf("a wrong one: %d left, %v", left, err)
		}
		if _, err := d.keeper.Unlock(t.Context(), goodPassword); err != nil || len(d.rows()) == 0 {
			t.Errorf("the right one: %v", err)
		}
		if _, tries, _, err := d.keeper.Locked(t.Context()); err != nil || tries != custody.PassphraseTries {
			t.Errorf("%d tries left after the right one: %v", tries, err)
		}
	})
	t.Run("wrong", func(t *testing.T) {
		d := locked(t)
		for i := range custody.PassphraseTries {
			if i%2 == 0 { // ending the program gains nothing
				d.down()
				d.start()
			}
			left, err := d.keeper.Unlock(t.Context(), fmt.Sprint("wrong ", i))
			if last := i == custody.PassphraseTries-1; last != errors.Is(err, custody.ErrLeaseOver) || !last && left != custody.PassphraseTries-1-i {
				t.Errorf("wrong one %d: %d left, %v", i+1, left, err)
			}
		}
		if _, err := d.keeper.Unlock(t.Context(), goodPassword); !errors.Is(err, custody.ErrLeaseOver) {
			t.Errorf("the right one after five wrong ones: %v", err)
		}
		d.down()
		d.opt.offline = false
		d.start()
		d.awaitOnline() // nobody signs in at this company: the relay opens it
		if len(d.rows()) == 0 {
			t.Error("the relay did not open it")
		}
	})
	t.Run("the relay's lending keeps the passphrase", func(t *testing.T) {
		d := locked(t)
		d.down()
		d.opt.offline = false
		d.start()
		d.awaitOnline()
		d.lock()
		if _, err := d.keeper.Unlock(t.Context(), goodPassword); err != nil {
			t.Errorf("the passphrase is gone: %v", err)
		}
	})
	t.Run("after its end", func(t *testing.T) {
		d := locked(t)
		d.clk.turn(12 * time.Hour)
		if _, err := d.keeper.Unlock(t.Context(), goodPassword); !errors.Is(err, custody.ErrLeaseOver) {
			t.Error(err)
		}
		d.clk.turn(-12 * time.Hour)
		if _, err := d.keeper.Unlock(t.Context(), goodPassword); !errors.Is(err, custody.ErrLeaseOver) {
			t.Errorf("the clock was put back into the lease: %v", err)
		}
	})
}
