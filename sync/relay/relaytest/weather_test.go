package relaytest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/wasim"
)

// weather makes connections of a device break at random, so that frames are cut in two as often as between them.
type weather struct {
	bad atomic.Bool
	rng func() int
}

type flakyConn struct {
	net.Conn
	w    *weather
	left atomic.Int64
}

func (w *weather) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &flakyConn{Conn: conn, w: w}
	c.left.Store(int64(3000 + w.rng()%30000))
	return c, nil
}

func (c *flakyConn) spend(n int) {
	if c.w.bad.Load() && c.left.Add(-int64(n)) < 0 {
		c.Conn.Close()
	}
}

func (c *flakyConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.spend(n)
	return n, err
}

func (c *flakyConn) Write(b []byte) (int, error) {
	c.spend(len(b))
	return c.Conn.Write(b)
}

// TestNothingIsLostOrDoubledInBadWeather is the promise of the whole slice: customers and agents talk while webhooks are
// repeated, reordered and batched, connections break in the middle of frames, devices and the relay are restarted, and
// WhatsApp hangs. In the end every device shows what the relay recorded, every customer's message is there once, and
// every answer reached the customer once.
func TestNothingIsLostOrDoubledInBadWeather(t *testing.T) {
	const customers, rounds = 4, 12
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	var ticket atomic.Uint64
	ticket.Store(seed)
	sky := &weather{rng: func() int { return int(ticket.Add(0x9e3779b9) >> 33) }}
	c := Start(t, Options{Sim: func(w *wasim.Config) {
		w.Faults = wasim.Faults{Duplicate: 0.3, Reorder: 0.3, DropResponse: 0.1, Batch: 5}
	}})
	agent := c.Person("Tobias Brandt", inbox.Agent)
	devices := []*Device{
		c.Device(agent, DeviceOptions{Dial: sky.dial}),
		c.Device(agent, DeviceOptions{Dial: sky.dial}),
		c.Device(c.Person("Sabine Lorenz", inbox.Supervisor), DeviceOptions{Dial: sky.dial}),
	}
	people := []string{"katharina", "marco", "emily", "sofia"}[:customers]
	for _, who := range people {
		say(t, c, who, "Hallo 0")
	}
	devices[0].Await("all conversations", func() bool { return len(devices[0].Rows()) == customers })
	sky.bad.Store(true)

	answers, names := map[string]bool{}, map[inbox.ConversationID]string{} // no chance words: the guard reads them
	for round := range rounds {
		for i, who := range people {
			say(t, c, who, fmt.Sprintf("Frage %d von Person %d", round, i))
		}
		d := devices[rng.IntN(len(devices))]
		for _, row := range d.Rows() {
			if names[row.ID] == "" {
				names[row.ID] = numbered(len(names))
			}
			text := fmt.Sprintf("Antwort %d an %s", round, names[row.ID])
			answers[text] = true
			d.Wish(inbox.SendText{Conversation: row.ID, Text: text})
			d.Wish(inbox.MarkRead{Conversation: row.ID, UpTo: row.LastSeq})
		}
		switch round % 4 {
		case 1:
			c.Sim.FailNext(wasim.HangAfter, wasim.ErrorAfter, wasim.ResetAfter)
		case 2:
			c.Down()
			c.Up()
		case 3:
			d.Down()
			d.Up()
		}
	}
	sky.bad.Store(false)
	c.Sim.SetFaults(wasim.Faults{})

	want := customers*(rounds+1) + len(answers)
	settled := func(d *Device) bool {
		n := 0
		for _, row := range d.Rows() {
			for _, m := range d.Messages(row.ID) {
				if m.Seq == 0 || m.Side == inbox.FromPerson && m.Receipt != inbox.Read {
					return false
				}
				n++
			}
		}
		return n >= want
	}
	for i, d := range devices {
		d.Await(fmt.Sprintf("device %d to settle", i), func() bool { return settled(d) })
	}
	for i, d := range devices {
		inbound := map[string]int{}
		for _, row := range d.Rows() {
			first := devices[0].Messages(row.ID)
			mine := d.Messages(row.ID)
			if len(first) != len(mine) {
				t.Fatalf("device %d has %d messages where device 0 has %d", i, len(mine), len(first))
			}
			for k, m := range mine {
				if o := first[k]; m.ID != o.ID || m.Seq != o.Seq || m.Receipt != o.Receipt || !m.Body.Equal(o.Body) {
					t.Errorf("device %d differs at message %d", i, k)
				}
				if m.Side == inbox.FromContact {
					inbound[string(row.ID)+m.Body.Visible()]++
				}
			}
		}
		if len(inbound) != customers*(rounds+1) {
			t.Errorf("device %d shows %d of %d messages of customers", i, len(inbound), customers*(rounds+1))
		}
		for _, n := range inbound {
			if n != 1 {
				t.Errorf("device %d shows a message %d times", i, n)
			}
		}
	}
	got := map[string]int{}
	for _, m := range c.Sim.Sent() {
		got[m.Text]++
	}
	for text := range answers {
		if got[text] != 1 {
			t.Errorf("an answer reached the customer %d times", got[text])
		}
	}
	if len(got) != len(answers) {
		t.Errorf("customers got %d different answers, %d were written", len(got), len(answers))
	}
}
