package relaytest

import (
	"errors"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/engine"
	"sealdesk/sync/relay"
	"sealdesk/sync/wire"
)

const goodPassword = "violet kettle 39 harbour"

// signedIn is a company with a clock, and a person signed in on a machine.
func signedIn(t *testing.T, role inbox.Role, opt Options) (*Company, *clock, *machine, *account) {
	t.Helper()
	clk := &clock{}
	opt.SignIn, opt.Now = true, clk.now
	c := Start(t, opt)
	m := c.machine(t, c.Person("Tobias Brandt", role), machineOptions{now: clk.now, log: opt.Log})
	a := m.firstSignIn(clk, goodPassword)
	m.awaitOnline()
	return c, clk, m, a
}

func TestAPersonSignsInAndTheCacheOpensWithTheWelcome(t *testing.T) {
	clk := &clock{}
	c := Start(t, Options{SignIn: true, Now: clk.now})
	m := c.machine(t, c.Person("Tobias Brandt", inbox.Agent), machineOptions{now: clk.now})
	if first := m.asked(wire.NeedNew); first.Name != "Tobias Brandt" || m.keeper.Store() != nil {
		t.Error("the cache is open before anybody has signed in, or the relay asks for somebody else")
	}
	if weak, ok := m.show(wire.Credential{New: "short"}); !ok || weak.Trouble != wire.TroubleWeak {
		t.Errorf("a weak password: trouble %d", weak.Trouble)
	}
	a := m.firstSignIn(clk, goodPassword)
	m.awaitOnline()
	m.seeded("katharina")

	// A session outlives the program: nobody is asked again within its hours.
	m.restart()
	m.awaitOnline()
	if _, ok := m.engine.Asked(); ok {
		t.Error("asked although signed in")
	}

	// Signing out ends it at once, and what was wrong is not told.
	if err := m.engine.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.asked(wire.NeedPassword)
	for name, wrong := range map[string]wire.Credential{
		"password": {Password: "violet kettle 39 harbor", Code: a.next(t)}, "code": {Password: a.password, Code: "000000"},
	} {
		if said, ok := m.show(wrong); !ok || said.Trouble != wire.TroubleWrong || said.Need != wire.NeedPassword {
			t.Errorf("a wrong %s: trouble %d, need %d", name, said.Trouble, said.Need)
		}
	}
	if m.engine.Link().State != engine.SignInAsked {
		t.Errorf("state %d", m.engine.Link().State)
	}
	if more, ok := m.show(a.both(t)); ok {
		t.Fatalf("not signed in: trouble %d, wait %d", more.Trouble, more.Wait)
	}
	m.awaitOnline()

	// A recovery code stands in for the second factor, once.
	for range 2 {
		if err := m.engine.SignOut(t.Context()); err != nil {
			t.Fatal(err)
		}
		m.asked(wire.NeedPassword)
		_, more := m.show(wire.Credential{Password: a.password, Code: a.recovery[0]})
		if more {
			break
		}
		m.awaitOnline()
	}
	if asked, ok := m.engine.Asked(); !ok || asked.Trouble != wire.TroubleWrong {
		t.Error("a recovery code counts twice")
	}
}

func TestASessionEndsWithItsHours(t *testing.T) {
	_, clk, m, a := signedIn(t, inbox.Agent, Options{})
	clk.turn(12*time.Hour - 3*time.Second) // the device comes back shortly before the end
	m.cut()
	m.await("another connection", func() bool { return m.engine.Link().State != engine.Online })
	m.asked(wire.NeedPassword) // it was let in, or not; a moment later the session is over
	if more, ok := m.show(a.both(t)); ok {
		t.Fatalf("not signed in again: trouble %d, wait %d", more.Trouble, more.Wait)
	}
	m.awaitOnline()
}

func TestWhatIsSensitiveNeedsAStepUp(t *testing.T) {
	c, clk, boss, a := signedIn(t, inbox.Supervisor, Options{})
	agent := c.machine(t, c.Person("Sabine Lorenz", inbox.Agent), machineOptions{now: clk.now})
	agent.firstSignIn(clk, "mellow ladder 17 quarry")
	agent.awaitOnline()
	conversation := agent.seeded("katharina")
	boss.await("the conversation", func() bool { return len(boss.rows()) == 1 })

	clk.turn(6 * time.Minute) // the sign-in is not fresh any more
	boss.cut()
	boss.await("a new connection", func() bool { return boss.engine.Link().State != engine.Online })
	boss.awaitOnline()
	ask := func() error {
		_, err := boss.ask(inbox.OrderWipe{Device: agent.device.ID, Why: inbox.WipeLost, At: inbox.At(clk.now())})
		return err
	}
	questions := map[string]inbox.Question{
		"wipe": inbox.OrderWipe{Device: agent.device.ID, Why: inbox.WipeLost, At: inbox.At(clk.now())}, "holdings": inbox.AskHoldings{Device: agent.device.ID},
		"reveal":   inbox.AskReveal{Conversation: conversation},
		"offboard": inbox.Offboard{Person: agent.device.Person, At: inbox.At(clk.now())},
	}
	for name, q := range questions {
		if _, err := boss.ask(q); !errors.Is(err, inbox.RefusedStepUp) {
			t.Errorf("%s without a step-up: %v", name, err)
		}
	}
	if _, err := boss.ask(inbox.AskDevices{}); err != nil {
		t.Errorf("a list needs no step-up: %v", err)
	}
	if asked, ok := boss.show(wire.Credential{Begin: true}); !ok || asked.Need != wire.NeedPassword {
		t.Fatalf("asks for %d", asked.Need)
	}
	if said, ok := boss.show(wire.Credential{Password: "not the password 17", Code: a.next(t)}); !ok || said.Trouble != wire.TroubleWrong {
		t.Errorf("a wrong step-up: trouble %d", said.Trouble)
	}
	if err := ask(); !errors.Is(err, inbox.RefusedStepUp) {
		t.Errorf("a wrong step-up counts: %v", err)
	}
	boss.stepUp(a)
	if err := ask(); err != nil {
		t.Errorf("after a step-up: %v", err)
	}
	for _, name := range []string{"holdings", "reveal"} {
		if _, err := boss.ask(questions[name]); errors.Is(err, inbox.RefusedStepUp) {
			t.Errorf("%s after a step-up: %v", name, err)
		}
	}
	clk.turn(6 * time.Minute)
	if err := ask(); !errors.Is(err, inbox.RefusedStepUp) {
		t.Errorf("a step-up counts longer than five minutes: %v", err)
	}
}

// TestWhatIsDecidedAboutAPersonActsAtOnce is T15's half of the relay's own accounts.
func TestWhatIsDecidedAboutAPersonActsAtOnce(t *testing.T) {
	c, _, m, a := signedIn(t, inbox.Agent, Options{})
	admin := c.Relay()
	var most time.Duration
	closes := func(what string, act func() error, code func() bool) {
		t.Helper()
		began := time.Now()
		if err := act(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		m.await(what, code)
		most = max(most, time.Since(began))
	}
	for i := range 10 {
		role := []inbox.Role{inbox.Supervisor, inbox.Agent}[i%2]
		closes("a change of role", func() error {
			_, err := admin.ChangePerson(t.Context(), "Tobias Brandt", relay.PersonChange{Role: role})
			return err
		}, func() bool { return m.engine.Link().State != engine.Online })
		m.await("to be let in or asked", func() bool {
			_, asked := m.engine.Asked()
			return asked || m.online()
		})
		if _, asked := m.engine.Asked(); asked {
			if more, ok := m.show(a.both(t)); ok {
				t.Fatalf("not signed in again: trouble %d, wait %d", more.Trouble, more.Wait)
			}
		}
		m.awaitOnline()
	}
	closes("a person's leaving", func() error {
		_, err := admin.Offboard(t.Context(), "Tobias Brandt", "")
		return err
	}, func() bool { return m.engine.Link().State != engine.Online })
	m.await("the wipe", m.gone.Load)
	if most > 40*time.Second {
		t.Errorf("a connection was closed only after %s", most)
	}
	t.Logf("closed within %s", most.Round(time.Millisecond))
}
