package relaytest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay"
	"sealdesk/sync/relay/wasim"
	"sealdesk/sync/wire"
)

// The fixed answers of every test company.
const (
	AppSecret     = "app-secret-of-the-test-company"
	VerifyToken   = "verify-token-of-the-test-company"
	Token         = "access-token-of-the-test-company"
	PhoneNumberID = "106540352242922"
	Number        = "+493023125000"
	AccountID     = "102290129340398"
)

// Options are what a test may want otherwise. The zero value is a company with a real clock and a quiet WhatsApp.
type Options struct {
	SignIn bool // people sign in; else whoever uses an enrolled device is its person
	Sim    func(*wasim.Config)
	Log    *slog.Logger
	Now    func() time.Time
	// StoreLimit is how large the relay's store may become, in bytes; 0 is as large as the disk.
	StoreLimit int
	// Settle changes the configuration as relay.toml says it; nil: nothing.
	Settle func(*relay.Config)
}

// A Company is a running relay and its WhatsApp.
type Company struct {
	Sim     *wasim.Sim
	Config  relay.Config
	Address string // where devices dial
	Path    string // of relay.toml

	t        testing.TB
	opt      Options
	mu       sync.Mutex
	relay    *relay.Relay
	webhooks string
	stop     func()
}

// Start sets a company up in a temporary folder and runs it until the test ends.
func Start(t testing.TB, opt Options) *Company {
	t.Helper()
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	free := freeAddresses(t, 3)
	c := &Company{t: t, opt: opt, Address: free[0], webhooks: free[1]}
	conf := wasim.Config{
		AppSecret: AppSecret, VerifyToken: VerifyToken, Token: Token, Account: AccountID, Seed: 1, Log: opt.Log,
		Numbers:    []wasim.Number{{ID: PhoneNumberID, Display: Number[1:], Name: "Sales"}},
		WebhookURL: "http://" + c.webhooks + relay.WebhookPath,
	}
	if opt.Sim != nil {
		opt.Sim(&conf)
	}
	var err error
	if c.Sim, err = wasim.New(conf); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	short, err := os.MkdirTemp("", "relay") // t.TempDir holds the test's name, and a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(short) })
	dir := filepath.Join(short, "relay")
	c.Path, err = relay.Init(dir, relay.Answers{
		Public: c.Address, Devices: c.Address, Webhooks: c.webhooks, Ops: free[2], API: "http://" + l.Addr().String(), Number: Number,
		PhoneNumberID: PhoneNumberID, AccountID: AccountID, AppSecret: AppSecret, VerifyToken: VerifyToken, Token: Token, MediaHosts: []string{"127.0.0.1"},
		Trusting: !opt.SignIn,
	})
	if err != nil {
		t.Fatal(err)
	}
	settleIn(t, c.Path)
	if c.Config, err = relay.LoadConfig(c.Path); err != nil {
		t.Fatal(err)
	}
	if opt.Settle != nil {
		opt.Settle(&c.Config)
	}
	c.Up()
	t.Cleanup(c.Down)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Sim.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("simulator: %v", err)
		}
	})
	return c
}

// freeAddresses returns different ones that nobody listens on, below those from which a system lets programs call: while a
// relay is down, nobody who calls somewhere takes its place by chance.
func freeAddresses(t testing.TB, n int) (out []string) {
	for range 1000 {
		l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", 10_000+rand.IntN(20_000)))
		if err != nil {
			continue
		}
		defer l.Close()
		if out = append(out, l.Addr().String()); len(out) == n {
			return out
		}
	}
	t.Fatal("no address is free")
	return nil
}

// Up starts the relay on its store, which must not be running, and returns when it can be reached.
func (c *Company) Up() {
	c.t.Helper()
	r, err := relay.Open(context.Background(), c.Config, relay.Options{Log: c.opt.Log, Now: c.opt.Now, StoreLimit: c.opt.StoreLimit, WeakHashes: true})
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Serve(ctx) }()
	for { // the socket of the command line is opened last
		conn, err := net.Dial("unix", filepath.Join(c.Config.Data, "admin.sock"))
		if err == nil {
			conn.Close()
			break
		}
		select {
		case err := <-done:
			c.t.Fatalf("relay: %v", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.relay = r
	c.stop = func() {
		cancel()
		if err := errors.Join(<-done, r.Close()); err != nil {
			c.t.Errorf("relay: %v", err)
		}
	}
}

// Down stops the relay, if it runs: connections break, what was durable stays.
func (c *Company) Down() {
	c.mu.Lock()
	stop := c.stop
	c.stop, c.relay = nil, nil
	c.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// Relay returns the running relay.
func (c *Company) Relay() *relay.Relay {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.relay
}

// Person adds somebody to the company's one inbox.
func (c *Company) Person(name string, role inbox.Role) inbox.Person {
	c.t.Helper()
	p, err := c.Relay().AddPerson(c.t.Context(), name, role, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return p
}

// Invite returns an enrolment for one device of the person.
func (c *Company) Invite(p inbox.Person) wire.Enrolment {
	c.t.Helper()
	i, err := c.Relay().Invite(c.t.Context(), string(p.ID))
	if err != nil {
		c.t.Fatal(err)
	}
	e, err := wire.ParseEnrolment(i.Enrolment)
	if err != nil {
		c.t.Fatal(err)
	}
	return e
}

// Log is the one inbox's log.
func (c *Company) Log() inbox.LogID { return inbox.InboxID(c.Config.Inboxes[0].ID).Log() }

// settleIn writes into relay.toml what holds for every test company: messages are not kept back for their authors, for
// which a test has no time, and example.com is its own.
func settleIn(t testing.TB, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for usual, ours := range map[string]string{"undo_seconds = 5": "undo_seconds = 0", "domains = []": `domains = ["example.com"]`} {
		text = bytes.Replace(text, []byte(usual), []byte(ours), 1)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
