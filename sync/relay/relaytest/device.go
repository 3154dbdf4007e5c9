package relaytest

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/store"
	"sealdesk/sync/engine"
)

// A Device is one laptop: an enrolled engine on a sealed cache.
type Device struct {
	Enrolled engine.Enrolled
	Store    *store.Store
	Engine   *engine.Engine
	Dir      string

	t    testing.TB
	key  store.CacheKey
	dial func(ctx context.Context, network, address string) (net.Conn, error)
	tap  func(engine.Direction, []byte)
	log  *slog.Logger
	mu   sync.Mutex
	stop func()
}

// DeviceOptions are what a test may want otherwise.
type DeviceOptions struct {
	Dial   func(ctx context.Context, network, address string) (net.Conn, error)
	Frames func(engine.Direction, []byte)
	Log    *slog.Logger // nil: silent
}

// Device enrols a laptop for the person and connects it until the test ends.
func (c *Company) Device(p inbox.Person, opt DeviceOptions) *Device {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	e, err := engine.Enrol(ctx, c.Invite(p), engine.EnrolConfig{Name: "laptop", App: "test", System: "test"})
	if err != nil {
		c.t.Fatal(err)
	}
	d := &Device{Enrolled: e, Dir: c.t.TempDir(), t: c.t, key: store.NewCacheKey(), dial: opt.Dial, tap: opt.Frames, log: opt.Log}
	d.Up()
	c.t.Cleanup(d.Down)
	return d
}

// Up opens the cache and connects.
func (d *Device) Up() {
	d.t.Helper()
	s, err := store.Open(context.Background(), store.Config{Dir: d.Dir, Key: d.key, Reader: d.Enrolled.Person.ID, Log: d.log})
	if err != nil {
		d.t.Fatal(err)
	}
	d.Store = s
	d.Engine = engine.New(engine.Config{
		Relay: d.Enrolled.Relay, Pin: d.Enrolled.Pin, Device: d.Enrolled.Device, Key: d.Enrolled.Key, App: "test", System: "test",
		Cache: s, Log: d.log, Dial: d.dial, Frames: d.tap, Rand: func(n int64) int64 { return n / 50 }, // a test has no time for back-off
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.Engine.Run(ctx)
	}()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stop = func() {
		cancel()
		<-done
		if err := s.Close(); err != nil {
			d.t.Errorf("closing a cache: %v", err)
		}
	}
}

// Down disconnects and closes the cache, if it is open.
func (d *Device) Down() {
	d.mu.Lock()
	stop := d.stop
	d.stop = nil
	d.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// Wish submits an intent and returns its id.
func (d *Device) Wish(body inbox.IntentBody) inbox.IntentID {
	d.t.Helper()
	i := inbox.Intent{ID: inbox.NewID[inbox.IntentID](), At: inbox.At(time.Now()), Body: body}
	if err := d.Store.Submit(context.Background(), i); err != nil {
		d.t.Fatal(err)
	}
	return i.ID
}

// Rows returns the inbox as the device shows it.
func (d *Device) Rows() []*store.Row {
	d.t.Helper()
	rows, err := d.Store.Inbox(context.Background())
	if err != nil {
		d.t.Fatal(err)
	}
	return rows
}

// Messages returns everything in a conversation, oldest first.
func (d *Device) Messages(id inbox.ConversationID) []inbox.Message {
	d.t.Helper()
	var all []inbox.Message
	var before store.PageCursor
	for {
		page, err := d.Store.Page(context.Background(), id, before, 200)
		if err != nil {
			d.t.Fatal(err)
		}
		all = append(append([]inbox.Message(nil), page.Messages...), all...)
		if !page.More {
			return all
		}
		before = page.Older
	}
}

// Await waits until the condition holds, looking again at every change of the cache, and fails the test after
// ten minutes: an unknown fate takes one to be called so.
func (d *Device) Await(what string, holds func() bool) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	changed := d.Store.Watch(ctx)
	look := time.NewTicker(50 * time.Millisecond) // some conditions change outside of the cache
	defer look.Stop()
	for !holds() {
		select {
		case <-changed:
		case <-look.C:
		case <-ctx.Done():
			d.t.Fatalf("waited in vain for: %s", what)
		}
	}
}
