package relaytest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/zalando/go-keyring"

	"sealdesk/app/custody"
	"sealdesk/app/inbox"
	"sealdesk/store"
	"sealdesk/sync/engine"
	"sealdesk/sync/relay/relaytest/chromium"
	"sealdesk/sync/wire"
)

// Keyrings of machines live in memory. Their names are made before any is used: afterwards machines share nothing that changes.
const keyrings = 2048

var keyringsUsed, enrolments atomic.Int64

func TestMain(m *testing.M) {
	keyring.MockInit()
	for i := range keyrings {
		keyring.Set(keyringName(i), "here", "yes")
	}
	chromium.Main(m)
}

func keyringName(i int) string { return fmt.Sprintf("machine-%04d", i) }

func newKeyring(t testing.TB) string {
	n := keyringsUsed.Add(1)
	if n >= keyrings {
		t.Fatal("no keyring is left")
	}
	return keyringName(int(n))
}

// A clock is one that is turned by hand.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time       { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) turn(d time.Duration) { c.ahead.Add(int64(d)) }

// A machine is a laptop as the window's program has it: a keyring, a keeper of the half, a cache that opens with what the relay
// lends, and an engine.
type machine struct {
	c       *Company
	t       testing.TB
	dir     string
	service string
	ring    *store.Keyring
	device  store.Device
	opt     machineOptions

	keeper *custody.Keeper
	engine *engine.Engine
	stop   context.CancelFunc
	ended  chan struct{}
	fate   error // of the engine; after ended
	gone   atomic.Bool

	mu    sync.Mutex
	conns []net.Conn
}

type machineOptions struct {
	log     *slog.Logger
	frames  func(m *machine, way engine.Direction, frame []byte)
	now     func() time.Time
	ran     func(time.Time) time.Duration
	offline bool // it is not connected
}

// machine enrols one for the person, and starts it.
func (c *Company) machine(t testing.TB, p inbox.Person, opt machineOptions) *machine {
	t.Helper()
	m := &machine{c: c, t: t, dir: t.TempDir(), service: newKeyring(t), opt: opt}
	m.ring = store.OpenKeyring(m.service)
	m.enrol(p)
	m.start()
	t.Cleanup(m.down)
	return m
}

func (m *machine) enrol(p inbox.Person) {
	m.t.Helper()
	ctx := m.t.Context()
	// Each from an address of its own, or the relay would take a test for somebody who guesses codes.
	n := enrolments.Add(1)
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 1, byte(n>>8), byte(n))}}
	got, err := engine.Enrol(ctx, m.c.Invite(p), engine.EnrolConfig{Name: "laptop", App: "1.0.0", System: "test", Dial: from.DialContext})
	if err != nil {
		m.t.Fatal(err)
	}
	m.device = store.Device{ID: got.Device, Person: got.Person.ID, Relay: got.Relay, Pin: got.Pin, Key: got.Key, RelayKey: got.Orders, Audit: got.Audit, WipeEpoch: got.Epoch}
	err = errors.Join(store.FinishWipe(ctx, m.dir, m.ring), store.Quarantine(custody.StoreDir(m.dir)), m.ring.Forget(ctx), m.ring.SetDevice(ctx, m.device))
	if err != nil {
		m.t.Fatal(err)
	}
}

// start is a start of the program: what was begun goes on, the cache opens alone if it may, and the engine dials unless the
// machine is offline. It returns why the cache did not open alone.
func (m *machine) start() (alone error) {
	m.t.Helper()
	ctx := context.Background()
	m.gone.Store(false)
	m.keeper = custody.New(custody.Config{
		Dir: m.dir, Ring: m.ring, Device: m.device, App: "1.0.0", System: "test", Log: m.opt.log, Now: m.opt.now, Ran: m.opt.ran,
		Ended: func() { m.gone.Store(true) },
	})
	if _, err := m.keeper.ObeyFile(ctx); err != nil && !errors.Is(err, engine.ErrOrder) {
		m.t.Fatal(err)
	}
	locked := false
	if w, ok := m.keeper.Wiped(); ok {
		alone = custody.ErrWiping
		if !w.Signed {
			m.wipeItself(w.Why)
		}
	} else if _, alone = m.keeper.OpenAlone(ctx); errors.Is(alone, custody.ErrWiping) {
		m.wipeItself(inbox.WipeSilent)
	} else if alone != nil {
		var err error
		if locked, err = m.keeper.Shut(ctx); err != nil {
			m.t.Fatal(err)
		}
	}
	if !m.opt.offline {
		m.dial(locked)
	}
	return alone
}

func (m *machine) wipeItself(why inbox.WipeReason) {
	m.t.Helper()
	if err := m.keeper.WipeItself(context.Background(), why); err != nil {
		m.t.Fatal(err)
	}
}

// dial starts the engine.
func (m *machine) dial(locked bool) {
	cfg := engine.Config{
		Relay: m.device.Relay, Pin: m.device.Pin, Device: m.device.ID, Key: m.device.Key, App: "1.0.0", System: "test", Custody: m.keeper, Locked: locked,
		Audit: m.device.Audit, Log: m.opt.log, Now: m.opt.now, Rand: func(n int64) int64 { return n / 50 },
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			var d net.Dialer
			conn, err := d.DialContext(ctx, network, address)
			if err == nil {
				m.mu.Lock()
				m.conns = append(m.conns, conn)
				m.mu.Unlock()
			}
			return conn, err
		},
	}
	if m.opt.frames != nil {
		cfg.Frames = func(way engine.Direction, frame []byte) { m.opt.frames(m, way, frame) }
	}
	m.engine = engine.New(cfg)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	m.stop, m.ended = stop, ended
	go func(e *engine.Engine) {
		defer close(ended)
		m.fate = e.Run(ctx)
	}(m.engine)
}

// cut breaks every connection.
func (m *machine) cut() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.conns {
		c.Close()
	}
	m.conns = nil
}

// hangUp ends the engine, if one runs.
func (m *machine) hangUp() {
	if m.stop != nil {
		m.stop()
		<-m.ended
		m.stop = nil
	}
}

// down ends the program.
func (m *machine) down() {
	m.t.Helper()
	m.hangUp()
	if m.keeper != nil {
		if err := m.keeper.Close(); err != nil {
			m.t.Errorf("closing a cache: %v", err)
		}
	}
	m.keeper = nil
}

// restart ends the program and starts it again.
func (m *machine) restart() error {
	m.t.Helper()
	m.down()
	return m.start()
}

// lock locks the window: the engine ends, the cache closes, and the program waits for its person.
func (m *machine) lock() {
	m.t.Helper()
	m.hangUp()
	if err := m.keeper.Lock(context.Background()); err != nil {
		m.t.Fatal(err)
	}
}

// copied is a second machine with all the first one has: a copied profile, or a restored backup.
func (m *machine) copied() *machine {
	m.t.Helper()
	n := &machine{c: m.c, t: m.t, dir: m.t.TempDir(), service: newKeyring(m.t), device: m.device, opt: m.opt}
	n.ring = store.OpenKeyring(n.service)
	copyRing(m.service, n.service)
	if err := os.CopyFS(filepath.Join(n.dir, "store"), os.DirFS(custody.StoreDir(m.dir))); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(n.down)
	return n
}

func copyRing(from, to string) {
	for _, item := range []string{"cache", "device", "lease"} {
		if text, err := keyring.Get(from, item); err == nil {
			keyring.Set(to, item, text)
		}
	}
}

// await waits until the condition holds, for at most a minute.
func (m *machine) await(what string, holds func() bool) {
	m.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !holds() {
		if time.Now().After(deadline) {
			link := engine.Link{}
			if m.engine != nil {
				link = m.engine.Link()
			}
			m.t.Fatalf("waited in vain for: %s (state %d, reason %d, %v)", what, link.State, link.Reason, link.Err)
		}
		<-time.After(5 * time.Millisecond)
	}
}

func (m *machine) online() bool {
	at := m.engine.Link()
	return at.State == engine.Online && at.Behind == 0
}

func (m *machine) awaitOnline() {
	m.t.Helper()
	m.await("the machine to be online", m.online)
}

// rows is the inbox as the machine shows it; nil while the cache is closed.
func (m *machine) rows() []*store.Row {
	s := m.keeper.Store()
	if s == nil {
		return nil
	}
	rows, err := s.Inbox(context.Background())
	if err != nil {
		return nil
	}
	return rows
}

// ask asks, and returns the answer or why there is none.
func (m *machine) ask(q inbox.Question) (inbox.Answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return m.engine.Ask(ctx, q)
}

// show gives the relay a credential and returns what it asks then; false: nothing any more.
func (m *machine) show(c wire.Credential) (wire.SignIn, bool) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := m.engine.Show(ctx, c); err != nil {
		m.t.Fatal(err)
	}
	return m.engine.Asked()
}

// asked waits until the relay asks for something.
func (m *machine) asked(need wire.Need) wire.SignIn {
	m.t.Helper()
	var asked wire.SignIn
	m.await("the relay to ask who is there", func() (ok bool) {
		asked, ok = m.engine.Asked()
		return ok
	})
	if asked.Need != need {
		m.t.Fatalf("the relay asks for %d, not %d", asked.Need, need)
	}
	return asked
}

// An account is what a person shows.
type account struct {
	clock    *clock
	password string
	secret   string
	recovery []string
}

// code is what the authenticator shows now.
func (a *account) code(t testing.TB) string {
	t.Helper()
	code, err := totp.GenerateCode(a.secret, a.clock.now())
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// next lets the time pass until the authenticator shows another code.
func (a *account) next(t testing.TB) string {
	t.Helper()
	a.clock.turn(30 * time.Second)
	return a.code(t)
}

// both is a password and a code that was not used.
func (a *account) both(t testing.TB) wire.Credential {
	t.Helper()
	return wire.Credential{Password: a.password, Code: a.next(t)}
}

// firstSignIn is a person's first: a password, a second factor, recovery codes.
func (m *machine) firstSignIn(c *clock, password string) *account {
	m.t.Helper()
	a := &account{clock: c, password: password}
	m.asked(wire.NeedNew)
	second, ok := m.show(wire.Credential{New: password})
	if !ok || second.Need != wire.NeedSecond || second.Second == nil {
		m.t.Fatalf("no second factor is set up: need %d, trouble %d", second.Need, second.Trouble)
	}
	a.secret = second.Second.Secret
	kept, ok := m.show(wire.Credential{Code: a.code(m.t)})
	if !ok || kept.Need != wire.NeedKept || len(kept.Recovery) != 10 {
		m.t.Fatalf("no recovery codes: need %d, trouble %d", kept.Need, kept.Trouble)
	}
	a.recovery = slices.Clone(kept.Recovery)
	if more, ok := m.show(wire.Credential{}); ok {
		m.t.Fatalf("not signed in: need %d, trouble %d", more.Need, more.Trouble)
	}
	return a
}

// stepUp shows once more who is there.
func (m *machine) stepUp(a *account) {
	m.t.Helper()
	if asked, ok := m.show(wire.Credential{Begin: true}); !ok || asked.Need != wire.NeedPassword {
		m.t.Fatalf("a step-up asks for %d (%v)", asked.Need, ok)
	}
	if more, ok := m.show(a.both(m.t)); ok {
		m.t.Fatalf("not stepped up: need %d, trouble %d, wait %d", more.Need, more.Trouble, more.Wait)
	}
	if m.engine.Fresh().IsZero() {
		m.t.Fatal("the person does not count as just seen")
	}
}

// seeded lets a customer write, and waits until the machine shows it.
func (m *machine) seeded(who string) inbox.ConversationID {
	m.t.Helper()
	if _, err := m.c.Sim.Say(who, "Guten Tag, wann kommt die Lieferung?"); err != nil {
		m.t.Fatal(err)
	}
	m.await("a conversation", func() bool { return len(m.rows()) > 0 })
	return m.rows()[0].ID
}
