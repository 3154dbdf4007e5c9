package relay

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"sealdesk/app/inbox"
	"sealdesk/store/seal"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

// call connects a device and proves its key. What follows is the relay's to say.
func (d *wipeDesk) call(address string, c colleague, boot string) *websocket.Conn {
	d.t.Helper()
	conn := dialDevice(d.t.(*testing.T), address, net.Dialer{})
	say(conn, wire.Hello{Low: wire.Version, High: wire.Version, Device: c.device, Boot: []byte(boot)})
	challenge, ok := receive[wire.Challenge](conn)
	if !ok {
		d.t.Fatal("no challenge")
	}
	say(conn, wire.Proof{Signature: ed25519.Sign(c.key, wire.ProofBytes(challenge, c.device, d.pin, ""))})
	return conn
}

// connect brings a device in.
func (d *wipeDesk) connect(address string, c colleague) *websocket.Conn {
	d.t.Helper()
	conn := d.call(address, c, "one run")
	if _, ok := receive[wire.Welcome](conn); !ok {
		d.t.Fatal("not welcome")
	}
	say(conn, wire.Resume{})
	d.heard(conn)
	return conn
}

func say(conn *websocket.Conn, b wire.Body) {
	conn.WriteMessage(websocket.BinaryMessage, wire.Encode(b))
}

// heard asks something and waits for the answer: what was said before has been read by then.
func (d *wipeDesk) heard(conn *websocket.Conn) {
	d.t.Helper()
	frame, err := wire.EncodeAsk(wire.Ask{ID: 7, Question: inbox.AskDevices{}})
	if err != nil {
		d.t.Fatal(err)
	}
	conn.WriteMessage(websocket.BinaryMessage, frame)
	until[wire.Answer](d.t, conn)
}

// until reads frames until one is a T.
func until[T any](t testing.TB, conn *websocket.Conn) (found T) {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	for {
		_, frame, err := conn.ReadMessage()
		if err != nil {
			t.Fatalf("waiting for a %T: %v", found, err)
		}
		body, _ := wire.Decode(frame)
		if b, ok := body.(T); ok {
			return b
		}
	}
}

// incidents counts the open ones of a kind.
func (d *wipeDesk) incidents(kind inbox.IncidentKind) (n int) {
	d.t.Helper()
	err := d.db.View(context.Background(), oversightShard(), func(tx ledger.Tx) error {
		open, err := openIncidents(tx)
		n = 0
		for _, i := range open {
			if i.Kind == kind {
				n++
			}
		}
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

// entries counts the entries of an act in an inbox's log.
func (d *wipeDesk) entries(act audit.Act) (n int) {
	d.t.Helper()
	err := d.db.View(context.Background(), eventlog.Shard(salesInbox.Log()), func(tx ledger.Tx) error {
		all, err := audit.Entries(tx, 0, 100_000)
		n = 0
		for _, e := range all {
			if e.Act == act {
				n++
			}
		}
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

func TestADeviceThatWasHandedItsOrderIsHeardOfNothingElse(t *testing.T) {
	d := newWipeDesk(t)
	boss, agent := d.person("Sabine Lorenz", inbox.Supervisor, ""), d.person("Tobias Brandt", inbox.Agent, "")
	about := d.assigned(agent.person.ID, 1)[0]
	conn := d.connect(devices(t, d.Relay), agent)
	d.wipes(boss, agent, inbox.WipeLost)
	until[wire.Wipe](t, conn)
	for range 40 {
		frame, err := wire.EncodeIntent(inbox.Intent{ID: inbox.NewID[inbox.IntentID](), Body: inbox.AddNote{Conversation: about, Text: "still here"}})
		if err != nil {
			t.Fatal(err)
		}
		conn.WriteMessage(websocket.BinaryMessage, frame)
	}
	say(conn, wire.Wiped{Receipt: wire.SignReceipt(agent.key, d.receipt(agent))})
	if code := closedWith(conn); code != wire.CloseWiped {
		t.Errorf("closed with %d: the receipt was not taken in", code)
	}
	if n := d.entries(audit.Noted); n != 0 {
		t.Errorf("%d notes of an excluded device", n)
	}
}

func TestADeviceCannotWriteItsOwnDeliveryLedger(t *testing.T) {
	d := newWipeDesk(t)
	agent := d.person("Tobias Brandt", inbox.Agent, "")
	ids := d.assigned(agent.person.ID, 2)
	conn := d.call(devices(t, d.Relay), agent, "one run")
	receive[wire.Welcome](conn)
	resume := wire.Resume{Cursors: []inbox.Cursor{
		{Log: salesInbox.Log(), Epoch: "made\x00up", Seq: 1 << 40}, {Log: "inbox-nowhere", Epoch: "e", Seq: 9}, {Log: salesInbox.Log(), Epoch: "another\x00", Seq: 3},
	}}
	say(conn, resume)
	for i := range 50 {
		say(conn, wire.Ack{Cursor: inbox.Cursor{Log: salesInbox.Log(), Epoch: "\x00" + string(rune('a'+i)), Seq: 1 << 50}})
		say(conn, wire.Ack{Cursor: inbox.Cursor{Log: inbox.LogID("inbox-" + string(rune('a'+i))), Epoch: "x", Seq: 1}})
	}
	d.heard(conn)
	if err := d.flushDelivered(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows := 0
	d.db.View(t.Context(), identity.Shard, func(tx ledger.Tx) error {
		rows = 0
		for range tx.Scan(bucketDelivered, nil, nil) {
			rows++
		}
		return tx.Err()
	})
	if rows > 2 {
		t.Errorf("%d rows at a device's word", rows)
	}
	if got := d.held(agent, time.Time{}, time.Time{}); !same(got, ids) {
		t.Errorf("%d conversations, want %d", len(got), len(ids))
	}
}

// TestARoleChangedWhileAnOlderConnectionGoesCounts is about the moment in which a device has proven itself and waits for its
// older connection to end.
func TestARoleChangedWhileAnOlderConnectionGoesCounts(t *testing.T) {
	d := newWipeDesk(t)
	agent := d.person("Tobias Brandt", inbox.Supervisor, "")
	going := make(chan struct{})
	old := &session{s: d.sessions, device: identity.Device{ID: agent.device}, done: make(chan struct{}), stop: func() { close(going) }}
	d.sessions.mu.Lock()
	d.sessions.open[agent.device] = old
	d.sessions.mu.Unlock()
	conn := d.call(devices(t, d.Relay), agent, "one run")
	receive[wire.Welcome](conn)
	say(conn, wire.Resume{})
	<-going
	if _, err := d.ChangePerson(t.Context(), string(agent.person.ID), PersonChange{Role: inbox.Agent}); err != nil {
		t.Fatal(err)
	}
	d.sessions.leave(old)
	close(old.done)
	if code := closedWith(conn); code == -1 {
		t.Error("it goes on as a supervisor")
	}
}

// TestAChangeJustBeforeTheDoorCounts is about what changed after a person was looked up and before the connection could be
// found.
func TestAChangeJustBeforeTheDoorCounts(t *testing.T) {
	for name, change := range map[string]func(d *wipeDesk, c colleague) error{
		"role": func(d *wipeDesk, c colleague) error {
			_, err := d.people.Change(context.Background(), identity.By{}, c.person.ID, identity.Change{Role: inbox.Agent})
			return err
		},
		"inboxes": func(d *wipeDesk, c colleague) error {
			_, err := d.people.Change(context.Background(), identity.By{}, c.person.ID, identity.Change{Inboxes: []inbox.InboxID{}})
			return err
		},
		"left": func(d *wipeDesk, c colleague) error {
			_, err := d.people.Leave(context.Background(), identity.By{}, c.person.ID)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newWipeDesk(t)
			boss := d.person("Sabine Lorenz", inbox.Supervisor, "")
			device, person, err := d.people.Device(t.Context(), boss.device)
			if err != nil {
				t.Fatal(err)
			}
			if err := change(d, boss); err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			x := &session{s: d.sessions, device: device, person: person, stop: stop, done: make(chan struct{})}
			if code := d.sessions.admit(ctx, x); code == 0 {
				t.Error("let in as what the person was")
			}
			if d.sessions.isOpen(boss.device) {
				t.Error("it counts as connected")
			}
		})
	}
}

func TestOnlyWhatTheRelaySignedIsAWordAgainstTheLog(t *testing.T) {
	d := newWipeDesk(t)
	agent := d.person("Tobias Brandt", inbox.Agent, "")
	d.assigned(agent.person.ID, 1)
	d.signAudit(t.Context())
	conn := d.call(devices(t, d.Relay), agent, "one run")
	receive[wire.Welcome](conn)
	say(conn, wire.Resume{})
	shown := until[wire.Checkpoint](t, conn)

	// A word about a tree nobody was shown.
	root := make([]byte, 32)
	rand.Read(root)
	const size = 1 << 40
	say(conn, wire.Witness{Log: inbox.CompanyLog, Size: size, Root: root, Signature: ed25519.Sign(agent.key, wire.WitnessBytes(agent.device, inbox.CompanyLog, size, root))})
	// A protest that holds what we hold.
	say(conn, wire.Protest{Log: shown.Log, Held: shown.Note, Got: []byte("nothing")})
	d.heard(conn)
	if n := d.incidents(inbox.IncidentRewritten); n != 0 {
		t.Errorf("%d alarms at a device's word alone", n)
	}
	reports, err := d.AuditVerify(t.Context(), AuditVerifyWish{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reports {
		if !r.Sound() {
			t.Errorf("the log of %s is said to be broken at a device's word alone", r.Shard)
		}
	}

	// What the relay signed for another tree does count.
	other := openLedger(t)
	var fork audit.Checkpoint
	err = other.Update(t.Context(), identity.Shard, func(tx ledger.Tx) (err error) {
		if err := audit.Record(tx, audit.Entry{At: 5, Act: audit.PersonAdded, Object: "somebody else"}); err != nil {
			return err
		}
		fork, err = d.checkpoints.key.Sign(tx, identity.Shard, 5)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	say(conn, wire.Protest{Log: inbox.CompanyLog, Held: []byte(fork.Note), Got: shown.Note})
	d.heard(conn)
	if n := d.incidents(inbox.IncidentRewritten); n != 1 {
		t.Errorf("%d alarms at a contradiction the relay signed", n)
	}
}

func openLedger(t *testing.T) ledger.DB {
	t.Helper()
	db, err := ledger.Open(t.TempDir()+"/other.db", ledger.Config{Key: seal.RandomKey()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// TestACopyIsToldOfAlthoughNobodyElseIsThere is about a copied key whose other half is not connected just now.
func TestACopyIsToldOfAlthoughNobodyElseIsThere(t *testing.T) {
	for name, runs := range map[string][]string{"named": {"a", "b", "a"}, "nameless": {"a", "", "a"}} {
		t.Run(name, func(t *testing.T) {
			d := newWipeDesk(t)
			agent := d.person("Tobias Brandt", inbox.Agent, "")
			address := devices(t, d.Relay)
			for _, run := range runs[:2] {
				conn := d.call(address, agent, run)
				if _, ok := receive[wire.Welcome](conn); !ok {
					t.Fatal("not welcome")
				}
				conn.Close()
			}
			conn := d.call(address, agent, runs[2])
			until[wire.Wipe](t, conn)
			if n := d.incidents(inbox.IncidentTwice); n != 1 {
				t.Errorf("%d incidents", n)
			}
			if n := d.incidents(inbox.IncidentWipe); n != 1 {
				t.Errorf("%d incidents of the wipe", n)
			}
		})
	}
}

func TestADeviceThatWipedItselfIsToldOf(t *testing.T) {
	for _, where := range []string{"let in", "before its cache is open"} {
		t.Run(where, func(t *testing.T) {
			d := newWipeDesk(t)
			agent := d.person("Tobias Brandt", inbox.Agent, "")
			var conn *websocket.Conn
			if address := devices(t, d.Relay); where == "let in" {
				conn = d.connect(address, agent)
			} else {
				conn = d.call(address, agent, "one run")
				receive[wire.Welcome](conn)
			}
			receipt := wire.WipeReceipt{Wipe: inbox.NewID[inbox.WipeID](), Device: agent.device, Why: inbox.WipeTampering}
			say(conn, wire.Wiped{Receipt: wire.SignReceipt(agent.key, receipt)})
			if code := closedWith(conn); code != wire.CloseWiped {
				t.Errorf("closed with %d", code)
			}
			for wait := time.Now().Add(15 * time.Second); d.incidents(inbox.IncidentWipe) == 0 && time.Now().Before(wait); {
				time.Sleep(20 * time.Millisecond) // a real process ends the connection: before all is done
			}
			if n := d.incidents(inbox.IncidentWipe); n != 1 {
				t.Errorf("%d incidents", n)
			}
			if w := d.last(agent); w.Half == 0 {
				t.Errorf("%+v", w)
			}
		})
	}
}

// TestAReceiptComesBeforeWhateverElseIsSaidToADevice: what a device that wiped itself has to tell is taken although its person
// has left, it was excluded, or its app is too old; and who announces one has nothing by that.
func TestAReceiptComesBeforeWhateverElseIsSaidToADevice(t *testing.T) {
	for name, x := range map[string]struct {
		shut func(*wipeDesk, colleague)
		code int
	}{
		"left": {func(d *wipeDesk, c colleague) {
			if _, err := d.people.Leave(t.Context(), identity.By{}, c.person.ID); err != nil {
				t.Fatal(err)
			}
		}, wire.CloseLeft},
		"excluded": {func(d *wipeDesk, c colleague) {
			if err := d.people.Revoke(t.Context(), c.device); err != nil {
				t.Fatal(err)
			}
		}, wire.CloseRevoked},
	} {
		t.Run(name, func(t *testing.T) {
			d := newWipeDesk(t)
			agent := d.person("Tobias Brandt", inbox.Agent, "")
			x.shut(d, agent)
			address := devices(t, d.Relay)
			if code := closedWith(d.call(address, agent, "one run")); code != x.code {
				t.Errorf("one that has nothing to tell: closed with %d", code)
			}
			tells := func(b wire.Body) int {
				conn := dialDevice(t, address, net.Dialer{})
				say(conn, wire.Hello{Low: wire.Version, High: wire.Version, Device: agent.device, Boot: []byte("one run"), Wiped: true})
				challenge, ok := receive[wire.Challenge](conn)
				if !ok {
					t.Fatal("no challenge")
				}
				say(conn, wire.Proof{Signature: ed25519.Sign(agent.key, wire.ProofBytes(challenge, agent.device, d.pin, ""))})
				until[wire.SignIn](t, conn)
				say(conn, b)
				return closedWith(conn)
			}
			if code := tells(wire.Credential{Password: "violet kettle 39 harbour"}); code != wire.CloseMalformed {
				t.Errorf("one that signs in there: closed with %d", code)
			}
			receipt := wire.SignReceipt(agent.key, wire.WipeReceipt{Wipe: inbox.NewID[inbox.WipeID](), Device: agent.device, Why: inbox.WipeSilent})
			if code := tells(wire.Wiped{Receipt: receipt[1:]}); code != wire.CloseProof {
				t.Errorf("one that tells nonsense: closed with %d", code)
			}
			if code := tells(wire.Wiped{Receipt: receipt}); code != wire.CloseWiped || d.last(agent).Proven == 0 {
				t.Errorf("closed with %d", code)
			}
			if code := closedWith(d.call(address, agent, "another run")); code != wire.CloseWiped {
				t.Errorf("a copy of it: closed with %d", code)
			}
		})
	}
}

func TestALongReceiptIsTakenFromADeviceThatIsNotLetIn(t *testing.T) {
	d := newWipeDesk(t)
	boss, agent := d.person("Sabine Lorenz", inbox.Supervisor, ""), d.person("Tobias Brandt", inbox.Agent, "")
	d.wipes(boss, agent, inbox.WipeLost)
	conn := d.call(devices(t, d.Relay), agent, "one run")
	until[wire.Wipe](t, conn)
	receipt := d.receipt(agent)
	for range 100 {
		receipt.Left = append(receipt.Left, strings.Repeat("left-", 20))
	}
	say(conn, wire.Wiped{Receipt: wire.SignReceipt(agent.key, receipt)})
	if code := closedWith(conn); code != wire.CloseWiped || d.last(agent).Proven == 0 {
		t.Errorf("closed with %d", code)
	}
}

func TestAnExcludedDeviceCannotKeepTheStoreBusy(t *testing.T) {
	d := newWipeDesk(t)
	boss, agent := d.person("Sabine Lorenz", inbox.Supervisor, ""), d.person("Tobias Brandt", inbox.Agent, "")
	w := d.wipes(boss, agent, inbox.WipeLost)
	for range 200 {
		if err := d.wipeReceipt(t.Context(), agent.device, []byte("nonsense")); !errors.Is(err, errReceipt) {
			t.Fatal(err)
		}
	}
	if n := len(d.acts(actWipeRefused, "")); n == 0 || n > 32 {
		t.Errorf("%d entries at the word of an excluded device", n)
	}
	conn := d.call(devices(t, d.Relay), agent, "one run")
	until[wire.Wipe](t, conn)
	for i := range 2000 {
		say(conn, wire.Wiping{Wipe: w.ID, Step: inbox.WipeStep{Did: inbox.WipeStore, At: inbox.Moment(i)}})
	}
	if code := closedWith(conn); code != wire.CloseRate {
		t.Errorf("closed with %d after 2000 frames", code)
	}
	// And its receipt counts all the same.
	if err := d.wipeReceipt(t.Context(), agent.device, wire.SignReceipt(agent.key, d.receipt(agent))); err != nil {
		t.Error(err)
	}
}

func TestADeviceCannotPutOffItsNextKey(t *testing.T) {
	d := newWipeDesk(t)
	agent := d.person("Tobias Brandt", inbox.Agent, "")
	conn := d.connect(devices(t, d.Relay), agent)
	turn := func(s *deviceState) error {
		s.Turn = true
		return nil
	}
	if err := d.changeDevice(t.Context(), agent.device, turn); err != nil {
		t.Fatal(err)
	}
	say(conn, wire.Rotated{Generation: 1})
	d.heard(conn)
	device, _, err := d.people.Device(t.Context(), agent.device)
	if err != nil {
		t.Fatal(err)
	}
	if due, err := d.rotationDue(t.Context(), device); err != nil || !due {
		t.Errorf("it says that it has another key, and need not have one any more: %v", err)
	}
}

func TestNothingIsFetchedAfterSigningOutOrLeaving(t *testing.T) {
	d := newWipeDesk(t)
	address := devices(t, d.Relay)
	transfer := func(c colleague) context.Context {
		path, ok := d.tickets.issue(ticket{device: c.device, inbox: salesInbox, media: "m"})
		if !ok {
			t.Fatal("no ticket")
		}
		_, ctx, done, err := d.tickets.take(t.Context(), strings.TrimPrefix(path, wire.MediaPath), false)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(done)
		return ctx
	}
	agent := d.person("Tobias Brandt", inbox.Agent, "")
	conn := d.connect(address, agent)
	running := transfer(agent)
	say(conn, wire.SignOut{})
	if code := closedWith(conn); code != wire.CloseSignedOut {
		t.Errorf("closed with %d", code)
	}
	select {
	case <-running.Done():
	case <-time.After(10 * time.Second):
		t.Error("a transfer goes on after its person signed out")
	}
	if ok, err := d.stillIn(t.Context(), agent.device); err != nil || !ok {
		t.Errorf("where nobody signs in the device may come back: %v", err)
	}
	leaver := d.person("Mira Falk", inbox.Agent, "")
	if _, err := d.people.Leave(t.Context(), identity.By{}, leaver.person.ID); err != nil {
		t.Fatal(err)
	}
	if ok, err := d.stillIn(t.Context(), leaver.device); err != nil || ok {
		t.Errorf("who has left is served: %v", err)
	}
	required := true
	if err := d.people.Configure(identity.SignInConfig{Required: required}); err != nil {
		t.Fatal(err)
	}
	if ok, err := d.stillIn(t.Context(), agent.device); err != nil || ok {
		t.Errorf("a device on which nobody is signed in is served: %v", err)
	}
}

func TestAConnectionThatIsClosedWhileItIsHeardWaitsForNothingMore(t *testing.T) {
	d := newWipeDesk(t)
	boss, agent := d.person("Sabine Lorenz", inbox.Supervisor, ""), d.person("Tobias Brandt", inbox.Agent, "")
	w := d.wipes(boss, agent, inbox.WipeLost)
	var hook atomic.Pointer[func()]
	d.Relay.now = func() time.Time {
		if f := hook.Swap(nil); f != nil {
			(*f)()
		}
		return d.now
	}
	conn := d.call(devices(t, d.Relay), agent, "one run")
	until[wire.Wipe](t, conn)
	closing := func() {
		d.sessions.closeDevice(agent.device, wire.CloseGoingAway)
		time.Sleep(100 * time.Millisecond) // a real process: until the reader was told
	}
	hook.Store(&closing)
	say(conn, wire.Wiping{Wipe: w.ID, Step: inbox.WipeStep{Did: inbox.WipeIntended}})
	if code := closedWith(conn); code == -1 {
		t.Error("it still waits for a word of the device")
	}
}

func TestAFaultAtTheDoorCostsOneConnection(t *testing.T) {
	d := newWipeDesk(t)
	boss, agent := d.person("Sabine Lorenz", inbox.Supervisor, ""), d.person("Tobias Brandt", inbox.Agent, "")
	w := d.wipes(boss, agent, inbox.WipeLost)
	var fault atomic.Bool
	d.Relay.now = func() time.Time {
		if fault.Swap(false) {
			panic("a fault of ours")
		}
		return d.now
	}
	conn := d.call(devices(t, d.Relay), agent, "one run")
	until[wire.Wipe](t, conn)
	fault.Store(true)
	say(conn, wire.Wiping{Wipe: w.ID, Step: inbox.WipeStep{Did: inbox.WipeIntended}})
	if code := closedWith(conn); code != wire.CloseTrouble {
		t.Errorf("closed with %d", code)
	}
	gone := make(chan struct{})
	go func() {
		d.sessions.closeAll()
		close(gone)
	}()
	select {
	case <-gone:
	case <-time.After(20 * time.Second):
		t.Fatal("the relay cannot stop any more")
	}
}

func TestAPersonIsNotJustSeenForLongerThanThatLasts(t *testing.T) {
	d := newWipeDesk(t)
	required := true
	d.Relay.cfg.SignIn.Required = &required
	seen := asker{fresh: inbox.At(d.now).Add(d.cfg.SignIn.fresh())}
	if !d.fresh(seen, inbox.QuestionWipe) {
		t.Error("just seen, and asked again")
	}
	d.now = d.now.Add(-time.Hour)
	if d.fresh(seen, inbox.QuestionWipe) {
		t.Error("the relay's clock was turned back, and the person counts as just seen for an hour")
	}
}

func TestAProofIsOnlyForWhoWasJustSeen(t *testing.T) {
	d := newWipeDesk(t)
	required := true
	d.Relay.cfg.SignIn.Required = &required
	if d.fresh(asker{}, inbox.QuestionProof) {
		t.Error("a proof leaves the company without a step-up")
	}
}

func TestASelfWipeDoesNotTakeAnotherOnesPlace(t *testing.T) {
	d := newWipeDesk(t)
	boss, agent := d.person("Sabine Lorenz", inbox.Supervisor, ""), d.person("Tobias Brandt", inbox.Agent, "")
	for i := range inbox.ManyWipes {
		d.wipes(boss, d.person("Agent "+string(rune('A'+i)), inbox.Agent, ""), inbox.WipeLost)
	}
	waits := d.wipes(boss, agent, inbox.WipeLost)
	if waits.Level != inbox.WipeWaits {
		t.Fatalf("%+v", waits)
	}
	receipt := wire.WipeReceipt{Wipe: waits.ID, Device: agent.device, Why: inbox.WipeTampering}
	if err := d.wipeReceipt(t.Context(), agent.device, wire.SignReceipt(agent.key, receipt)); !errors.Is(err, errReceipt) {
		t.Errorf("taken: %v", err)
	}
	receipt = wire.WipeReceipt{Wipe: inbox.NewID[inbox.WipeID](), Device: agent.device, Why: 200}
	if err := d.wipeReceipt(t.Context(), agent.device, wire.SignReceipt(agent.key, receipt)); !errors.Is(err, errReceipt) {
		t.Errorf("taken for a reason nobody knows: %v", err)
	}
	if w := d.last(agent); w.ID != waits.ID || w.By != boss.person.ID || w.Proven != 0 {
		t.Errorf("the order that waits was written over: %+v", w)
	}
}

// TestWhoLeavesIsGoneAlthoughAWipeCannotBeOrdered has a row damaged so that a wipe fails.
func TestWhoLeavesIsGoneAlthoughAWipeCannotBeOrdered(t *testing.T) {
	for name, act := range map[string]func(d *wipeDesk, c colleague) error{
		"leaving": func(d *wipeDesk, c colleague) error {
			_, err := d.Offboard(context.Background(), string(c.person.ID), "")
			return err
		},
		"another role": func(d *wipeDesk, c colleague) error {
			_, err := d.ChangePerson(context.Background(), string(c.person.ID), PersonChange{Role: inbox.Auditor})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newWipeDesk(t)
			agent := d.person("Tobias Brandt", inbox.Agent, "")
			d.device(agent.person, "another")
			conn := d.connect(devices(t, d.Relay), agent)
			err := d.db.Update(t.Context(), identity.Shard, func(tx ledger.Tx) error {
				all, err := d.people.Devices(t.Context())
				for _, x := range all {
					err = errors.Join(err, tx.Put(bucketDeviceState, []byte(x.ID), []byte{0xff}))
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := act(d, agent); err == nil {
				t.Fatal("it did not fail")
			}
			if code := closedWith(conn); code == -1 {
				t.Error("still connected")
			}
		})
	}
}

func TestLooksAtTheLogAndAtADeviceLeaveATraceOnEveryPage(t *testing.T) {
	d := newWipeDesk(t)
	officer, agent := d.person("Petra Ohm", inbox.PrivacyOfficer, ""), d.person("Tobias Brandt", inbox.Agent, "")
	d.assigned(agent.person.ID, 1)
	d.deliver(agent)
	if _, no := d.ask(officer, inbox.AskHoldings{Device: agent.device, After: "0"}); no != inbox.Granted {
		t.Fatal(no)
	}
	if n := len(d.acts(actHoldings, string(agent.device))); n != 1 {
		t.Errorf("%d entries of a look at what was on a device", n)
	}
	_, no := d.ask(officer, inbox.AskAudit{})
	if no != inbox.Granted {
		t.Fatal(no)
	}
	before := len(d.acts(audit.Searched, ""))
	for range 80 {
		d.person("Colleague "+inbox.NewID[string]()[:8], inbox.Agent, "")
	}
	a, no := d.ask(officer, inbox.AskAudit{})
	if no != inbox.Granted || !a.(inbox.AuditPage).More {
		t.Fatal(no)
	}
	page := a.(inbox.AuditPage).Entries
	if _, no = d.ask(officer, inbox.AskAudit{Before: page[len(page)-1].ID}); no != inbox.Granted {
		t.Fatal(no)
	}
	if n := len(d.acts(audit.Searched, "")) - before; n != 2 {
		t.Errorf("%d entries of two looks", n)
	}
	for name, q := range map[string]inbox.AskAudit{
		"a place nobody was told": {Before: "company/3"}, "a word of a person": {Person: inbox.PersonID("Tobias Brandt, +49 151 5550123")},
		"a device that is none": {Device: "Tobias' laptop"}, "an act that is none": {Act: strings.Repeat("x", 9000)},
	} {
		if _, no := d.ask(officer, q); no != inbox.RefusedMalformed {
			t.Errorf("%s: %v", name, no)
		}
	}
	refused := func() (n int) {
		for _, e := range d.acts(audit.Searched, "") {
			if e.Refused != 0 {
				n++
			}
		}
		return n
	}
	was := refused()
	if _, no := d.ask(agent, inbox.AskAudit{Person: officer.person.ID}); no != inbox.RefusedRight {
		t.Errorf("another's entries: %v", no)
	}
	if refused() != was+1 {
		t.Error("a refused look left no entry")
	}
}

func TestOwnEntriesAreFoundHoweverBusyOthersAre(t *testing.T) {
	d := newWipeDesk(t)
	agent := d.person("Tobias Brandt", inbox.Agent, "")
	mine := audit.Entry{Actor: agent.person.ID, Act: audit.Noted, Object: "something of mine"}
	if err := d.noteAudit(t.Context(), mine); err != nil {
		t.Fatal(err)
	}
	err := d.db.Update(t.Context(), identity.Shard, func(tx ledger.Tx) error {
		for range 3000 {
			if err := audit.Record(tx, audit.Entry{At: inbox.At(d.now), Actor: "busy", Act: audit.Noted, Object: hex.EncodeToString([]byte("x"))}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	a, no := d.ask(agent, inbox.AskAudit{})
	if no != inbox.Granted {
		t.Fatal(no)
	}
	found := false
	for _, e := range a.(inbox.AuditPage).Entries {
		found = found || e.Object == mine.Object
		if e.Actor != agent.person.ID {
			t.Errorf("an entry of %q", e.Actor)
		}
	}
	if !found {
		t.Error("the first page has none of one's own entries, and tells no place to go on from")
	}
}
