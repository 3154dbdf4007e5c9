package relay

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/vault"
	"sealdesk/sync/wire"
)

// A wipeDesk is a relay with people who watch over devices, and a clock that is turned by hand.
type wipeDesk struct {
	*Relay
	t   testing.TB
	cfg Config
	now time.Time
}

// A colleague is a person with a device.
type colleague struct {
	asker
	key ed25519.PrivateKey
}

func newWipeDesk(t testing.TB) *wipeDesk {
	d := &wipeDesk{t: t, cfg: newConfigTB(t), now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	d.open()
	t.Cleanup(func() { d.Close() })
	return d
}

func (d *wipeDesk) open() {
	d.t.Helper()
	r, err := Open(context.Background(), d.cfg, Options{Now: func() time.Time { return d.now }})
	if err != nil {
		d.t.Fatal(err)
	}
	d.Relay = r
}

// restart closes the relay and opens it again.
func (d *wipeDesk) restart(between func()) {
	d.t.Helper()
	if err := d.Close(); err != nil {
		d.t.Fatal(err)
	}
	if between != nil {
		between()
	}
	d.open()
}

func (d *wipeDesk) person(name string, role inbox.Role, team inbox.TeamID) colleague {
	d.t.Helper()
	p, err := d.AddPerson(context.Background(), name, role, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	if team != "" {
		if p, err = d.ChangePerson(context.Background(), name, PersonChange{Team: &team}); err != nil {
			d.t.Fatal(err)
		}
	}
	return d.device(p, name+"'s laptop")
}

// device enrols one more device of a person, and lends it a half.
func (d *wipeDesk) device(p inbox.Person, name string) colleague {
	d.t.Helper()
	ctx := context.Background()
	code, _, err := d.people.Issue(ctx, p.ID)
	if err != nil {
		d.t.Fatal(err)
	}
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		d.t.Fatal(err)
	}
	in, _, err := d.people.Enrol(ctx, wire.EnrolRequest{
		Code: code, PublicKey: public, Signature: ed25519.Sign(key, wire.EnrolBytes(code, public)), Name: name, App: "1.0.0", System: "linux/amd64",
	})
	if err != nil {
		d.t.Fatal(err)
	}
	if _, _, err := d.vault.Lend(ctx, in.ID); err != nil {
		d.t.Fatal(err)
	}
	return colleague{asker{person: p, device: in.ID, fresh: inbox.At(d.now.AddDate(1, 0, 0))}, key}
}

// ask signs and asks, as a device does.
func (d *wipeDesk) ask(c colleague, q inbox.Question) (inbox.Answer, inbox.Refusal) {
	d.t.Helper()
	return d.askRaw(c, wire.Sign(c.key, q))
}

func (d *wipeDesk) askRaw(c colleague, q inbox.Question) (inbox.Answer, inbox.Refusal) {
	d.t.Helper()
	c.fresh = min(c.fresh, inbox.At(d.now).Add(d.cfg.SignIn.fresh())) // nobody counts as seen for longer, and these were seen just now
	a := d.answer(context.Background(), c.asker, wire.Ask{ID: 1, Question: q})
	if a.Retry != 0 {
		d.t.Fatal("the question could not be answered")
	}
	return a.Answer, a.Refusal
}

func (d *wipeDesk) wipes(by, of colleague, why inbox.WipeReason) inbox.Wipe {
	d.t.Helper()
	a, no := d.ask(by, inbox.OrderWipe{Device: of.device, Why: why, At: inbox.At(d.now)})
	if no != inbox.Granted {
		d.t.Fatalf("refused: %v", no)
	}
	return a.(inbox.Ordered).Wipe
}

// order is the order a device is handed.
func (d *wipeDesk) order(c colleague) wire.WipeOrder {
	d.t.Helper()
	b, _, err := d.pendingOrder(context.Background(), c.device)
	if err != nil {
		d.t.Fatal(err)
	}
	o, err := wire.OpenOrder(d.PublicKey(), c.device, b)
	if err != nil {
		d.t.Fatal(err)
	}
	return o
}

// receipt is the one an honest device signs for the order it is handed.
func (d *wipeDesk) receipt(c colleague) wire.WipeReceipt {
	d.t.Helper()
	b, _, err := d.pendingOrder(context.Background(), c.device)
	if err != nil {
		d.t.Fatal(err)
	}
	o := d.order(c)
	return wire.WipeReceipt{
		Wipe: o.ID, Order: wire.OrderDigest(b), Device: c.device, Store: []byte("a store"), Epoch: o.Epoch, Why: o.Why,
		Steps: []inbox.WipeStep{{Did: inbox.WipeIntended, At: 1}, {Did: inbox.WipeStore, At: 2, Count: 2, Bytes: 8 << 20}, {Did: inbox.WipeSigned, At: 3}},
	}
}

func (d *wipeDesk) last(c colleague) inbox.Wipe {
	d.t.Helper()
	row, ok, err := d.lastWipe(context.Background(), c.device)
	if err != nil || !ok {
		d.t.Fatalf("no wipe: %v", err)
	}
	return row.told(inbox.At(d.now))
}

// acts are the entries of the company's audit log about an object.
func (d *wipeDesk) acts(act audit.Act, object string) (all []audit.Entry) {
	d.t.Helper()
	err := d.db.View(context.Background(), identity.Shard, func(tx ledger.Tx) error {
		entries, err := audit.Entries(tx, 0, 100_000)
		all = slices.DeleteFunc(entries, func(e audit.Entry) bool { return e.Act != act || object != "" && e.Object != object })
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return all
}

func newConfigTB(t testing.TB) Config {
	t.Helper()
	if t, ok := t.(*testing.T); ok {
		return newConfig(t, nil)
	}
	panic("no benchmark opens a desk")
}

func TestAnOrderMakesACacheDarkWithoutTheLaptop(t *testing.T) {
	d := newWipeDesk(t)
	boss, agent := d.person("Sabine Lorenz", inbox.Supervisor, "north"), d.person("Tobias Brandt", inbox.Agent, "north")
	bystander := d.person("Mira Falk", inbox.Agent, "north")
	start := time.Now()
	w := d.wipes(boss, agent, inbox.WipeLeaving)
	t.Logf("leg A took %s", time.Since(start))
	if w.Level != inbox.WipeHalfGone || w.Half == 0 || w.Dark != w.Half || w.By != boss.person.ID || w.Why != inbox.WipeLeaving {
		t.Errorf("wipe %+v", w)
	}
	if _, _, err := d.vault.Lend(t.Context(), agent.device); !errors.Is(err, vault.ErrHalfGone) {
		t.Errorf("the half is lent: %v", err)
	}
	if _, _, err := d.people.Device(t.Context(), agent.device); !errors.Is(err, identity.ErrRevoked) {
		t.Errorf("the device is not excluded: %v", err)
	}
	if err := d.leased(t.Context(), agent.device, inbox.At(d.now.Add(time.Hour))); !errors.Is(err, identity.ErrRevoked) {
		t.Errorf("a lease is written down: %v", err)
	}
	if _, _, err := d.vault.Lend(t.Context(), bystander.device); err != nil {
		t.Errorf("somebody else's half: %v", err)
	}
	o := d.order(agent)
	if o.ID != w.ID || o.By != boss.person.ID || o.Why != inbox.WipeLeaving || len(o.Approval) != 1 || o.Epoch <= uint64(inbox.At(d.now))-1 {
		t.Errorf("order %+v", o)
	}
	open, err := d.Incidents(t.Context(), false)
	if err != nil || len(open) != 1 || open[0].Kind != inbox.IncidentWipe || open[0].Detail != "Tobias Brandt's laptop" {
		t.Errorf("incidents %+v: %v", open, err)
	}
	for _, act := range []audit.Act{actWipeOrdered, audit.DeviceRevoked, actWipeHalf} {
		if len(d.acts(act, string(agent.device))) != 1 {
			t.Errorf("%s is not written down once", act)
		}
	}
	// Pressing again changes nothing.
	d.now = d.now.Add(time.Minute)
	if again := d.wipes(boss, agent, inbox.WipeLost); again.ID != w.ID || again.Half != w.Half {
		t.Errorf("ordered again: %+v", again)
	}
}

func TestTheLevelsSayWhatIsProven(t *testing.T) {
	for name, c := range map[string]struct {
		lease time.Duration // 0: strict, no lease was lent
		dark  time.Duration
	}{"strict": {0, 0}, "window": {12 * time.Hour, 12 * time.Hour}, "lease over": {-time.Hour, 0}} {
		t.Run(name, func(t *testing.T) {
			d := newWipeDesk(t)
			boss, agent := d.person("Sabine Lorenz", inbox.Supervisor, ""), d.person("Tobias Brandt", inbox.Agent, "")
			ctx := t.Context()
			start := inbox.At(d.now)
			if c.lease != 0 {
				if err := d.leased(ctx, agent.device, start.Add(c.lease)); err != nil {
					t.Fatal(err)
				}
				if err := d.leased(ctx, agent.device, start.Add(c.lease-time.Hour)); err != nil { // an earlier end takes nothing back
					t.Fatal(err)
				}
			}
			if w := d.wipes(boss, agent, inbox.WipeLost); w.Level != inbox.WipeHalfGone || w.Dark != start.Add(c.dark) {
				t.Errorf("ordered: %+v", w)
			}
			id := d.order(agent).ID
			d.now = d.now.Add(time.Minute)
			for _, did := range []inbox.WipeAct{inbox.WipeIntended, inbox.WipeKeys, inbox.WipeKeys} {
				if err := d.wipeStep(ctx, agent.device, wire.Wiping{Wipe: id, Step: inbox.WipeStep{Did: did, At: 1}}); err != nil {
					t.Fatal(err)
				}
			}
			if w := d.last(agent); w.Level != inbox.WipeStarted || w.Started != inbox.At(d.now) || len(w.Steps) != 2 {
				t.Errorf("started: %+v", w)
			}
			d.now = d.now.Add(time.Minute)
			b := wire.SignReceipt(agent.key, d.receipt(agent))
			for range 2 { // the second time our answer was lost
				if err := d.wipeReceipt(ctx, agent.device, b); err != nil {
					t.Fatal(err)
				}
			}
			want := inbox.WipeConfirmed
			if c.dark > 0 {
				want = inbox.WipeProven
			}
			if w := d.last(agent); w.Level != want || w.Proven != inbox.At(d.now) || len(w.Steps) != 3 {
				t.Errorf("proven: %+v", w)
			}
			if order, done, err := d.pendingOrder(ctx, agent.device); order != nil || !done || err != nil {
				t.Errorf("still pending: %v, %v", done, err)
			}
			if open, err := d.Incidents(ctx, false); err != nil || len(open) != 0 {
				t.Errorf("%d incidents: %v", len(open), err)
			}
			d.now = d.now.Add(c.dark)
			if w := d.last(agent); w.Level != inbox.WipeConfirmed {
				t.Errorf("when the lease is over: %+v", w)
			}
			if n := len(d.acts(actWipeProven, "")); n != 1 {
				t.Errorf("written down %d times", n)
			}
		})
	}
}

func TestWhatITSaysOfAMachineIsWrittenDown(t *testing.T) {
	d := newWipeDesk(t)
	it, agent := d.person("Ines Traut", inbox.ITAdmin, ""), d.person("Tobias Brandt", inbox.Agent, "")
	if _, no := d.ask(it, inbox.Reimaged{Device: agent.device}); no != inbox.RefusedState {
		t.Errorf("of a device that was never to be wiped: %v", no)
	}
	d.wipes(it, agent, inbox.WipeLost)
	if _, no := d.ask(agent, inbox.Reimaged{Device: agent.device}); no != inbox.RefusedRight {
		t.Errorf("by the owner: %v", no)
	}
	a, no := d.ask(it, inbox.Reimaged{Device: agent.device})
	if no != inbox.Granted || a.(inbox.Noticed).Wipe.Level != inbox.WipeConfirmed || a.(inbox.Noticed).Wipe.Proven != 0 {
		t.Errorf("%+v %v", a, no)
	}
}

// TestAReceiptDoesNotConfirmWhatTheRelayHasNotDone: the laptop is faster than leg A.
func TestAReceiptDoesNotConfirmWhatTheRelayHasNotDone(t *testing.T) {
	d := newWipeDesk(t)
	boss, agent := d.person("Sabine Lorenz", inbox.Supervisor, ""), d.person("Tobias Brandt", inbox.Agent, "")
	d.Relay.wipes.step = func(step string) {
		if step != "excluded" {
			return
		}
		if err := d.wipeReceipt(context.Background(), agent.device, wire.SignReceipt(agent.key, d.receipt(agent))); err != nil {
			t.Error(err)
		}
		if w := d.last(agent); w.Level != inbox.WipeProven {
			t.Errorf("%+v", w)
		}
	}
	if w := d.wipes(boss, agent, inbox.WipeLost); w.Level != inbox.WipeConfirmed || w.Half == 0 {
		t.Errorf("%+v", w)
	}
}

// TestADeviceThatWasNeverLentAHalfIsNotCalledDark: what the relay did not do it does not claim.
func TestADeviceThatWasNeverLentAHalfIsNotCalledDark(t *testing.T) {
	d := newWipeDesk(t)
	boss := d.person("Sabine Lorenz", inbox.Supervisor, "")
	id, _ := admitted(t, d.Relay)
	a, no := d.ask(boss, inbox.OrderWipe{Device: id, Why: inbox.WipeLost, At: 1})
	if no != inbox.Granted || a.(inbox.Ordered).Wipe.Level != inbox.WipeOrdered || a.(inbox.Ordered).Wipe.Dark != 0 {
		t.Errorf("%+v %v", a, no)
	}
	if _, _, err := d.vault.Lend(t.Context(), id); !errors.Is(err, vault.ErrHalfGone) {
		t.Errorf("a half is lent afterwards: %v", err)
	}
}

func TestAReceiptCountsOnce(t *testing.T) {
	d := newWipeDesk(t)
	boss, agent := d.person("Sabine Lorenz", inbox.Supervisor, ""), d.person("Tobias Brandt", inbox.Agent, "")
	d.wipes(boss, agent, inbox.WipeLost)
	first := d.receipt(agent)
	if err := d.wipeReceipt(t.Context(), agent.device, wire.SignReceipt(agent.key, first)); err != nil {
		t.Fatal(err)
	}
	first.Left = []string{"store.db"}
	if err := d.wipeReceipt(t.Context(), agent.device, wire.SignReceipt(agent.key, first)); !errors.Is(err, errReceipt) {
		t.Errorf("another one is taken: %v", err)
	}
	// The device of the same person that is enrolled afterwards is another one: the old order is not its.
	d.now = d.now.Add(time.Second)
	again := d.device(agent.person, "the same laptop")
	if order, done, err := d.pendingOrder(t.Context(), again.device); order != nil || done || err != nil {
		t.Errorf("the new device is to be wiped: %v", err)
	}
	row, _, err := d.lastWipe(t.Context(), agent.device)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wire.OpenOrder(d.PublicKey(), again.device, row.Order); !errors.Is(err, wire.ErrSigned) {
		t.Errorf("the old order opens: %v", err)
	}
	enrolled, _, err := d.people.Device(t.Context(), again.device)
	if err != nil || row.Epoch > uint64(enrolled.Enrolled) {
		t.Errorf("the old order is of epoch %d, the enrolment of %d: %v", row.Epoch, enrolled.Enrolled, err)
	}
	if err := d.wipeReceipt(t.Context(), again.device, wire.SignReceipt(again.key, first)); !errors.Is(err, errReceipt) {
		t.Errorf("the old receipt counts for the new device: %v", err)
	}
}

func TestADeviceThatWipedItselfIsExcluded(t *testing.T) {
	d := newWipeDesk(t)
	agent := d.person("Tobias Brandt", inbox.Agent, "")
	b := wire.SignReceipt(agent.key, wire.WipeReceipt{
		Wipe: inbox.NewID[inbox.WipeID](), Device: agent.device, Store: []byte("s"), Why: inbox.WipeSilent, Steps: []inbox.WipeStep{{Did: inbox.WipeKeys, At: 1}},
	})
	for range 2 {
		if err := d.wipeReceipt(t.Context(), agent.device, b); err != nil {
			t.Fatal(err)
		}
	}
	w := d.last(agent)
	if w.Why != inbox.WipeSilent || w.By != "" || w.Half == 0 || w.Level != inbox.WipeConfirmed {
		t.Errorf("%+v", w)
	}
	if _, _, err := d.people.Device(t.Context(), agent.device); !errors.Is(err, identity.ErrRevoked) {
		t.Errorf("not excluded: %v", err)
	}
	if _, _, err := d.vault.Lend(t.Context(), agent.device); !errors.Is(err, vault.ErrHalfGone) {
		t.Errorf("the half is lent: %v", err)
	}
}

func TestTheFourthWipeWaitsForASecondPerson(t *testing.T) {
	d := newWipeDesk(t)
	boss, it := d.person("Sabine Lorenz", inbox.Supervisor, ""), d.person("Ines Traut", inbox.ITAdmin, "")
	var agents []colleague
	for _, name := range []string{"A", "B", "C", "D", "E", "F"} {
		agents = append(agents, d.person(name, inbox.Agent, ""))
	}
	for _, a := range agents[:inbox.ManyWipes] {
		if w := d.wipes(boss, a, inbox.WipeLost); w.Level != inbox.WipeHalfGone {
			t.Fatalf("%+v", w)
		}
		d.now = d.now.Add(time.Minute)
	}
	held := agents[inbox.ManyWipes]
	w := d.wipes(boss, held, inbox.WipeLost)
	if w.Level != inbox.WipeWaits {
		t.Fatalf("the fourth: %+v", w)
	}
	if _, _, err := d.people.Device(t.Context(), held.device); err != nil {
		t.Errorf("excluded before anybody agreed: %v", err)
	}
	if order, _, err := d.pendingOrder(t.Context(), held.device); order != nil || err != nil {
		t.Errorf("handed out before anybody agreed: %v", err)
	}
	decide := inbox.DecideWipe{Device: held.device, Wipe: w.ID, Agree: true, At: inbox.At(d.now)}
	for who, c := range map[string]colleague{"who ordered it": boss, "whose device it is": held} {
		if _, no := d.ask(c, decide); no != inbox.RefusedSelf {
			t.Errorf("%s decides: %v", who, no)
		}
	}
	if again := d.wipes(it, held, inbox.WipeLost); again.ID != w.ID || again.Level != inbox.WipeWaits {
		t.Errorf("ordering again is no agreement: %+v", again)
	}
	a, no := d.ask(it, decide)
	if no != inbox.Granted || a.(inbox.WipeDecided).Wipe.Level != inbox.WipeHalfGone || a.(inbox.WipeDecided).Wipe.Second != it.person.ID {
		t.Fatalf("%+v %v", a, no)
	}
	if o := d.order(held); o.By != boss.person.ID || o.Second != it.person.ID || len(o.Approval) != 2 {
		t.Errorf("order %+v", o)
	}
	if _, no := d.ask(it, decide); no != inbox.RefusedState {
		t.Errorf("decided twice: %v", no)
	}

	// Refused, it is cancelled, and the words that asked for it are spent.
	refused := agents[4]
	said := wire.Sign(boss.key, inbox.OrderWipe{Device: refused.device, Why: inbox.WipeLost, At: 7})
	b, no := d.askRaw(boss, said)
	if no != inbox.Granted {
		t.Fatal(no)
	}
	if a, no := d.ask(it, inbox.DecideWipe{Device: refused.device, Wipe: b.(inbox.Ordered).Wipe.ID, At: 8}); no != inbox.Granted || a.(inbox.WipeDecided).Wipe.Cancelled == 0 {
		t.Errorf("%+v %v", a, no)
	}
	d.now = d.now.Add(time.Hour)
	if _, no := d.askRaw(boss, said); no != inbox.RefusedState {
		t.Errorf("replayed: %v", no)
	}
	if _, _, err := d.people.Device(t.Context(), refused.device); err != nil {
		t.Errorf("excluded: %v", err)
	}
	// Ten minutes later nobody else is needed.
	if w := d.wipes(boss, refused, inbox.WipeLost); w.Level != inbox.WipeHalfGone {
		t.Errorf("%+v", w)
	}
	// Policy never waits, not even for what waits already.
	d.wipes(boss, agents[5], inbox.WipeLost)
}

func TestPolicyWaitsForNobody(t *testing.T) {
	d := newWipeDesk(t)
	boss := d.person("Sabine Lorenz", inbox.Supervisor, "")
	for _, name := range []string{"A", "B", "C"} {
		d.wipes(boss, d.person(name, inbox.Agent, ""), inbox.WipeLost)
	}
	held := d.person("D", inbox.Agent, "")
	waits := d.wipes(boss, held, inbox.WipeLost)
	if err := d.wipeDevice(t.Context(), held.device, inbox.WipeSignOn); err != nil {
		t.Fatal(err)
	}
	if w := d.last(held); w.ID == waits.ID || w.Why != inbox.WipeSignOn || w.By != "" || w.Level != inbox.WipeHalfGone {
		t.Errorf("%+v", w)
	}
	if row, err := d.wipeOf(t.Context(), held.device, waits.ID); err != nil || row.Wipe.Cancelled == 0 {
		t.Errorf("what waited still waits: %v", err)
	}
	if err := d.twice(t.Context(), boss.device); err != nil {
		t.Fatal(err)
	}
	if w := d.last(boss); w.Why != inbox.WipeTwice {
		t.Errorf("%+v", w)
	}
}

func TestAnOpenConnectionIsHandedTheOrder(t *testing.T) {
	d := newWipeDesk(t)
	boss, agent, away := d.person("Sabine Lorenz", inbox.Supervisor, ""), d.person("Tobias Brandt", inbox.Agent, ""), d.person("Mira Falk", inbox.Agent, "")
	handed := map[inbox.DeviceID][]byte{}
	d.Relay.wipes.hand = func(id inbox.DeviceID, order []byte) bool {
		if _, _, err := d.people.Device(context.Background(), id); !errors.Is(err, identity.ErrRevoked) {
			t.Errorf("handed before the device was excluded: %v", err)
		}
		handed[id] = order
		return id == agent.device
	}
	d.wipes(boss, agent, inbox.WipeLost)
	d.wipes(boss, away, inbox.WipeLost)
	for _, c := range []colleague{agent, away} {
		if order, _, err := d.pendingOrder(t.Context(), c.device); err != nil || !bytes.Equal(order, handed[c.device]) {
			t.Errorf("another order is handed out when it comes back: %v", err)
		}
	}
}

func TestAConnectedDeviceIsClosedAtOnce(t *testing.T) {
	d := newWipeDesk(t)
	no := false
	d.Relay.cfg.SignIn.Required = &no
	boss, agent := d.person("Sabine Lorenz", inbox.Supervisor, ""), d.person("Tobias Brandt", inbox.Agent, "")
	d.Relay.wipes.hand = nil
	conn := dialDevice(t, devices(t, d.Relay), net.Dialer{})
	prove(t, conn, d.Relay, agent.device, agent.key)
	for start := time.Now(); !d.sessions.isOpen(agent.device); {
		if time.Since(start) > 10*time.Second {
			t.Fatal("not connected")
		}
		<-time.After(5 * time.Millisecond) // a real connection
	}
	code := make(chan int, 1)
	go func() { code <- closedWith(conn) }()
	d.wipes(boss, agent, inbox.WipeLost)
	if got := <-code; got != wire.CloseRevoked {
		t.Errorf("close code %d", got)
	}
}

func TestABackupBringsNoWipedDeviceBack(t *testing.T) {
	d := newWipeDesk(t)
	boss, agent := d.person("Sabine Lorenz", inbox.Supervisor, ""), d.person("Tobias Brandt", inbox.Agent, "")
	if err := d.leased(t.Context(), agent.device, inbox.At(d.now)); err != nil { // strict: it ends at once
		t.Fatal(err)
	}
	kept := map[string][]byte{}
	d.restart(func() {
		kept = readFiles(t, d.cfg.LedgerFile(), d.cfg.KeyFile(), d.cfg.KeyFile()+".safe", d.cfg.KeyFile()+".devices")
	})
	d.wipes(boss, agent, inbox.WipeLost)
	d.restart(func() { writeFiles(t, kept) })
	if _, _, err := d.people.Device(t.Context(), agent.device); !errors.Is(err, identity.ErrRevoked) {
		t.Errorf("the device is back: %v", err)
	}
	if w := d.last(agent); w.Why != inbox.WipeExcluded || w.Half == 0 {
		t.Errorf("%+v", w)
	}
	if _, _, err := d.vault.Lend(t.Context(), agent.device); !errors.Is(err, vault.ErrHalfGone) {
		t.Errorf("the half is back: %v", err)
	}
	if _, _, err := d.people.Device(t.Context(), boss.device); err != nil {
		t.Errorf("another device is gone: %v", err)
	}
}
