package relaytest

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/store"
	"sealdesk/sync/engine"
	"sealdesk/sync/relay"
	"sealdesk/sync/relay/relaytest/chromium"
	"sealdesk/sync/wire"
)

// passkeys has a company use them: where browsers reach its pages is where webhooks come in.
func passkeys(c *relay.Config) {
	_, port, err := net.SplitHostPort(c.Listen.Webhooks)
	if err != nil {
		panic(err)
	}
	c.SignIn.Passkey = relay.PasskeyConfig{Origin: "http://localhost:" + port, RequiredFor: []string{"supervisor"}}
}

// browse goes through a real browser, and returns what the relay asks then; false: nothing any more.
func browse(t *testing.T, e *engine.Engine, page *chromium.Page) (wire.SignIn, bool) {
	t.Helper()
	err := e.Browse(t.Context(), wire.WayPasskey, func(address string) error {
		page.Go(address)
		page.Click("#go")
		return nil
	}, "<p>done</p>")
	if err != nil {
		t.Fatal(err)
	}
	return e.Asked()
}

// TestASupervisorComesInWithAPasskey walks it whole: the device asks, the browser shows the relay's page, the authenticator
// signs, the browser comes back to the device, and the relay lets it in; and so for a step-up, whose time policy may shorten.
func TestASupervisorComesInWithAPasskey(t *testing.T) {
	clk := &clock{}
	c := Start(t, Options{SignIn: true, Now: clk.now, Settle: func(c *relay.Config) { passkeys(c); c.SignIn.Fresh = 1 }})
	boss := c.machine(t, c.Person("Sabine Lorenz", inbox.Supervisor), machineOptions{now: clk.now})
	page := chromium.Open(t)
	page.Authenticator(true)
	boss.asked(wire.NeedNew)
	if asked, ok := boss.show(wire.Credential{New: goodPassword}); !ok || asked.Need != wire.NeedPasskey {
		t.Fatalf("need %d, trouble %d", asked.Need, asked.Trouble)
	}
	if asked, more := browse(t, boss.engine, page); more {
		t.Fatalf("need %d, trouble %d", asked.Need, asked.Trouble)
	}
	boss.awaitOnline()
	if err := boss.engine.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if asked := boss.asked(wire.NeedPassword); len(asked.Ways) != 1 || asked.Ways[0] != wire.WayPasskey {
		t.Fatalf("ways %v", asked.Ways)
	}
	if asked, more := browse(t, boss.engine, page); more {
		t.Fatalf("need %d, trouble %d", asked.Need, asked.Trouble)
	}
	boss.awaitOnline()
	agent := c.machine(t, c.Person("Tobias Brandt", inbox.Agent), machineOptions{now: clk.now})
	order := func() error {
		_, err := boss.ask(inbox.OrderWipe{Device: agent.device.ID, Why: inbox.WipeLost, At: inbox.At(clk.now())})
		return err
	}
	clk.turn(61 * time.Second)
	if err := order(); !errors.Is(err, inbox.RefusedStepUp) {
		t.Fatalf("a minute after it was shown who is there: %v", err)
	}
	if asked, ok := boss.show(wire.Credential{Begin: true}); !ok || asked.Passkey == nil {
		t.Fatalf("ways %v", asked.Ways)
	}
	if asked, more := browse(t, boss.engine, page); more {
		t.Fatalf("need %d, trouble %d", asked.Need, asked.Trouble)
	}
	if err := order(); err != nil {
		t.Errorf("after a step-up: %v", err)
	}
	a, err := c.Relay().PersonAccount(t.Context(), "Sabine Lorenz")
	if err != nil || len(a.Passkeys) != 1 || a.Passkeys[0].Used == 0 || !a.MustKey {
		t.Errorf("%+v, %v", a.Passkeys, err)
	}
	if n, ended, err := c.Relay().ForgetPasskeys(t.Context(), "Sabine Lorenz", ""); n != 1 || ended != 1 || err != nil {
		t.Errorf("%d taken away, %d signed out, %v", n, ended, err)
	}
	boss.await("to be signed out", func() bool {
		asked, ok := boss.engine.Asked()
		return ok && len(asked.Ways) == 1 && asked.Ways[0] == wire.WayPassword
	})
}

// waiting is what the command line beside the running relay shows of devices that are nobody's yet.
func (c *Company) waiting(t *testing.T) []relay.WaitingDevice {
	t.Helper()
	a, done, err := relay.OpenAdmin(t.Context(), c.Config, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	list, err := a.WaitingDevices(t.Context())
	if err := errors.Join(err, done()); err != nil {
		t.Fatal(err)
	}
	return list
}

// TestALaptopIsOfWhoeverSignsInOnIt: zero-touch enrolment, from nothing but the relay's address and key.
func TestALaptopIsOfWhoeverSignsInOnIt(t *testing.T) {
	c, clk, first, a := signedIn(t, inbox.Agent, Options{Settle: func(c *relay.Config) { c.Device.EnrolBySignIn = true }})
	first.seeded("katharina")
	where := c.Invite(inbox.Person{ID: first.device.Person})
	where.Code = ""
	cfg := engine.EnrolConfig{Name: "new laptop", App: "1.0.0", System: "test"}
	got, err := engine.Enrol(t.Context(), where, cfg)
	if err != nil || got.Person.ID != "" || got.Company == "" || got.Device == "" {
		t.Fatalf("company %q, %v", got.Company, err)
	}
	claim := engine.NewClaim(engine.Config{Relay: got.Relay, Pin: got.Pin, Device: got.Device, Key: got.Key, App: "1.0.0", Now: clk.now, Rand: func(n int64) int64 { return n / 50 }})
	whose := make(chan inbox.Person, 1)
	go func() {
		who, err := claim.Wait(context.WithoutCancel(t.Context()))
		if err != nil {
			t.Error(err)
		}
		whose <- who
	}()
	awaits := func(holds func() bool) {
		t.Helper()
		for end := time.Now().Add(time.Minute); !holds(); <-time.After(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("waited in vain")
			}
		}
	}
	awaits(func() bool { _, ok := claim.Asked(); return ok })
	if asked, _ := claim.Asked(); asked.Name != "" || asked.Need != wire.NeedPassword {
		t.Fatalf("%q, need %d", asked.Name, asked.Need)
	}
	if devices, err := c.Relay().ListDevices(t.Context(), ""); err != nil || len(devices) != 1 {
		t.Fatalf("%d devices before anybody is there, %v", len(devices), err)
	}
	if list := c.waiting(t); len(list) != 1 || list[0].ID != got.Device || list[0].Name != "new laptop" || list[0].App != "1.0.0" ||
		list[0].From != "127.0.0.1" || list[0].Since == 0 || list[0].Until.Sub(list[0].Since) != wire.UnclaimedLife {
		t.Errorf("it waits as %+v", list)
	}
	doctor := func() string {
		for _, f := range relay.Doctor(t.Context(), c.Path) {
			if f.What == "laptops" {
				return f.Detail
			}
		}
		return ""
	}
	if said := doctor(); !strings.HasSuffix(said, "; 1 wait for somebody to sign in") {
		t.Errorf("the doctor says %q of laptops", said)
	}
	if err := claim.Show(t.Context(), wire.Credential{Name: "tobias brandt", Password: goodPassword + "x"}); err != nil {
		t.Fatal(err)
	}
	if asked, _ := claim.Asked(); asked.Trouble != wire.TroubleWrong {
		t.Fatalf("trouble %d", asked.Trouble)
	}
	if err := claim.Show(t.Context(), wire.Credential{Name: "tobias brandt", Password: goodPassword}); err != nil {
		t.Fatal(err)
	}
	if asked, _ := claim.Asked(); asked.Need != wire.NeedCode {
		t.Fatalf("need %d, trouble %d", asked.Need, asked.Trouble)
	}
	if err := claim.Show(t.Context(), wire.Credential{Code: a.next(t)}); err != nil {
		t.Fatal(err)
	}
	who := <-whose
	if who.ID != first.device.Person || who.Name != "Tobias Brandt" {
		t.Fatalf("it is %q's", who.ID)
	}
	if list, said := c.waiting(t), doctor(); len(list) != 0 || strings.Contains(said, "wait for") {
		t.Errorf("it still waits: %+v, %q", list, said)
	}
	// From here on it is a device like any other: it opens its cache with what the relay lends, and nobody is asked again.
	m := &machine{c: c, t: t, dir: t.TempDir(), service: newKeyring(t), opt: machineOptions{now: clk.now}}
	m.ring = store.OpenKeyring(m.service)
	m.device = store.Device{ID: got.Device, Person: who.ID, Relay: got.Relay, Pin: got.Pin, Key: got.Key, RelayKey: got.Orders, Audit: got.Audit, WipeEpoch: got.Epoch}
	if err := errors.Join(m.ring.Forget(t.Context()), m.ring.SetDevice(t.Context(), m.device)); err != nil {
		t.Fatal(err)
	}
	m.start()
	t.Cleanup(m.down)
	m.awaitOnline()
	m.await("the conversation", func() bool { return len(m.rows()) == 1 })

	// Where policy wants a code, a knock says so.
	c.Down()
	c.Config.Device.EnrolBySignIn = false
	c.Up()
	if _, err := engine.Enrol(t.Context(), where, cfg); !errors.Is(err, wire.ErrCodeNeeded) {
		t.Errorf("a knock where policy wants a code: %v", err)
	}
}

// TestAReceiptIsTakenFromADeviceThatIsLetInNoMore: a device that wiped itself hands its receipt over although its app is too old
// to be let in; and a copy of it is told that it is one.
func TestAReceiptIsTakenFromADeviceThatIsLetInNoMore(t *testing.T) {
	for name, shut := range map[string]func(*Company) error{
		"too old": func(c *Company) error {
			c.Down()
			c.Config.Device.Minimum = "2.0.0"
			c.Up()
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, clk, m, _ := signedIn(t, inbox.Agent, Options{})
			copied := m.copied()
			m.hangUp()
			if err := shut(c); err != nil {
				t.Fatal(err)
			}
			m.wipeItself(inbox.WipeUninstall)
			m.dial(false)
			m.await("the receipt to be taken", m.gone.Load)
			<-m.ended
			if !errors.Is(m.fate, engine.ErrWiped) || m.engine.Link().State != engine.Wiped {
				t.Errorf("state %d, %v", m.engine.Link().State, m.fate)
			}
			devices, err := c.Relay().ListDevices(t.Context(), "")
			if err != nil || len(devices) != 1 || devices[0].Wipe == nil || devices[0].Wipe.Proven == 0 {
				t.Fatalf("no proof: %+v, %v", devices, err)
			}
			copied.opt.now = clk.now
			copied.start()
			copied.await("the copy to be told", func() bool { return copied.engine.Link().State == engine.Copied })
			if _, wiping := copied.keeper.Wiped(); wiping {
				t.Error("the copy thinks that it was ordered to wipe")
			}
		})
	}
}

// heldText is what the guard holds: a bank account that is not the company's.
const heldText = "please pay to GB82WEST12345698765432"

// TestAHeldMessageIsDecidedByWhoWasJustSeen: a decision is a wish, and asks for a step-up as questions do. Nothing is lost by
// that: the message is held as before, and the decision may be made again.
func TestAHeldMessageIsDecidedByWhoWasJustSeen(t *testing.T) {
	c, clk, boss, a := signedIn(t, inbox.Supervisor, Options{Settle: func(c *relay.Config) { c.SignIn.Fresh = 1 }})
	agent := c.machine(t, c.Person("Sabine Lorenz", inbox.Agent), machineOptions{now: clk.now})
	agent.firstSignIn(clk, "mellow ladder 17 quarry")
	agent.awaitOnline()
	conversation := agent.seeded("katharina")
	boss.await("the conversation", func() bool { return len(boss.rows()) == 1 })
	wish := func(m *machine, b inbox.IntentBody) {
		t.Helper()
		if err := m.keeper.Store().Submit(t.Context(), inbox.Intent{ID: inbox.NewID[inbox.IntentID](), At: inbox.At(clk.now()), Body: b}); err != nil {
			t.Fatal(err)
		}
	}
	wish(agent, inbox.SendText{Conversation: conversation, Text: heldText})
	held := func() []store.HeldMessage { return boss.keeper.Store().Held() }
	boss.await("a message to be held", func() bool { return len(held()) == 1 })
	message := held()[0].Message.ID

	clk.turn(2 * time.Minute)
	wish(boss, inbox.DecideHeld{Conversation: conversation, Message: message, Agree: true})
	boss.await("the decision to be refused", func() bool {
		pending, err := boss.keeper.Store().Pending(context.Background())
		return err == nil && len(pending) == 0
	})
	if list := held(); len(list) != 1 || list[0].Message.ID != message {
		t.Fatalf("%d messages are held", len(list))
	}
	boss.stepUp(a)
	wish(boss, inbox.DecideHeld{Conversation: conversation, Message: message, Agree: true})
	boss.await("the message to go", func() bool { return len(held()) == 0 })
	boss.await("it to leave", func() bool {
		for _, m := range c.Sim.Sent() {
			if strings.Contains(string(m.Body), heldText) {
				return true
			}
		}
		return false
	})
}
