package relaytest

import (
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"sealdesk/app/inbox"
	"sealdesk/store"
	"sealdesk/sync/wire"
)

// A mob is how many of each kind there are, and for how long.
type mob struct {
	idle, slow, dead int
	last             time.Duration
}

// howMany is the whole of T24 for who sets SEALDESK_LONG=1, and a tenth of it in a few seconds otherwise.
func howMany() mob {
	if os.Getenv("SEALDESK_LONG") == "1" {
		return mob{idle: 500, slow: 50, dead: 20, last: 15 * time.Minute}
	}
	return mob{idle: 50, slow: 5, dead: 2, last: 3 * time.Second}
}

// within goes through the handshake as far as facts come; false: the relay was busy, or ended it.
func (c *Company) within(d store.Device, buffer int) (*websocket.Conn, bool) {
	dialer := websocket.Dialer{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, HandshakeTimeout: 30 * time.Second, NetDial: func(network, address string) (net.Conn, error) {
		conn, err := net.Dial(network, address)
		if tcp, ok := conn.(*net.TCPConn); ok && buffer > 0 {
			err = tcp.SetReadBuffer(buffer)
		}
		return conn, err
	}}
	conn, _, err := dialer.Dial("wss://"+c.Address+wire.SyncPath, nil)
	if err != nil {
		return nil, false
	}
	next := func() any {
		conn.SetReadDeadline(time.Now().Add(time.Minute))
		_, frame, err := conn.ReadMessage()
		if err != nil {
			return nil
		}
		body, _ := wire.Decode(frame)
		return body
	}
	conn.WriteMessage(websocket.BinaryMessage, wire.Encode(wire.Hello{Low: wire.Version, High: wire.Version, Device: d.ID, App: "1.0.0"}))
	challenge, ok := next().(wire.Challenge)
	if ok {
		conn.WriteMessage(websocket.BinaryMessage, wire.Encode(wire.Proof{Signature: ed25519.Sign(d.Key, wire.ProofBytes(challenge, d.ID, d.Pin, "1.0.0"))}))
		_, ok = next().(wire.Welcome)
	}
	if !ok || conn.WriteMessage(websocket.BinaryMessage, wire.Encode(wire.Resume{})) != nil {
		conn.Close()
		return nil, false
	}
	return conn, true
}

// drain reads until the connection ends, waiting so long before each frame, and returns how it ended.
func drain(conn *websocket.Conn, each time.Duration) error {
	conn.SetReadDeadline(time.Time{})
	for {
		if each > 0 {
			<-time.After(each)
		}
		if _, _, err := conn.ReadMessage(); err != nil {
			return err
		}
	}
}

// raws writes bytes past the library, and returns how the relay ends the connection.
func raws(conn *websocket.Conn, frames func(write func([]byte) error)) error {
	out := conn.NetConn()
	go frames(func(b []byte) error { _, err := out.Write(b); return err })
	conn.SetReadDeadline(time.Now().Add(2 * time.Minute))
	for {
		if _, _, err := conn.ReadMessage(); err != nil {
			return err
		}
	}
}

// nasty are devices that send what no engine sends. Each is ended by the relay.
var nasty = map[string]func(write func([]byte) error){
	"a compressed bomb": func(write func([]byte) error) { // compression was never agreed on
		write(append([]byte{0xc2, 0x80 | 126, 0x10, 0x00, 0, 0, 0, 0}, make([]byte, 0x1000)...))
	},
	"a frame without an end": func(write func([]byte) error) {
		write([]byte{0x82, 0x80 | 127, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0})
		for write(make([]byte, 64<<10)) == nil {
		}
	},
	"frames of a byte": func(write func([]byte) error) {
		for write([]byte{0x82, 0x81, 0, 0, 0, 0, 0}) == nil {
		}
	},
	"a message in pieces of a byte": func(write func([]byte) error) {
		write([]byte{0x02, 0x81, 0, 0, 0, 0, 0})
		for write([]byte{0x00, 0x81, 0, 0, 0, 0, 0}) == nil {
		}
	},
	"pings": func(write func([]byte) error) {
		for write([]byte{0x89, 0x80, 0, 0, 0, 0}) == nil {
		}
	},
}

// TestASocketOfAnyKindLeavesNothingBehindAndHarmsNobody is T24: devices that are idle, read slowly, have died, or send what nobody
// should, and all of them again at once; meanwhile a customer writes, and a colleague's laptop shows it.
func TestASocketOfAnyKindLeavesNothingBehindAndHarmsNobody(t *testing.T) {
	m := howMany()
	c := Start(t, Options{})
	p := c.Person("Tobias Brandt", inbox.Agent)
	boss := c.Device(c.Person("Sabine Lenz", inbox.Supervisor), DeviceOptions{})
	say(t, c, "marco", "before")
	boss.Await("the first message", func() bool { return len(boss.Rows()) == 1 })
	devices := make([]store.Device, m.idle+m.slow+m.dead+len(nasty))
	for i := range devices {
		devices[i] = c.enrolled(t, p)
	}
	goroutines, heap := atRest()

	var (
		mu    sync.Mutex
		conns []*websocket.Conn
		ends  sync.WaitGroup
	)
	// join brings devices in, all at once, and has each go its way. A relay that is busy is asked again, as an engine does.
	join := func(list []store.Device, buffer int, goes func(*websocket.Conn)) (took time.Duration) {
		began := time.Now()
		var joining sync.WaitGroup
		for i, d := range list {
			joining.Go(func() {
				for try := range 200 {
					if conn, ok := c.within(d, buffer); ok {
						mu.Lock()
						conns = append(conns, conn)
						mu.Unlock()
						ends.Go(func() { goes(conn) })
						return
					}
					<-time.After(time.Duration(100+(i*37+try*13)%400) * time.Millisecond)
				}
				t.Error("a device was never let in")
			})
		}
		joining.Wait()
		return time.Since(began)
	}
	var late []time.Duration
	shown := func(n int) {
		t.Helper()
		text := fmt.Sprint("message ", n)
		began := time.Now()
		say(t, c, "marco", text)
		boss.Await("it", func() bool { return boss.Rows()[0].Snippet.Visible() == text })
		late = append(late, time.Since(began))
	}
	hang := make(chan struct{})
	idle, rest := devices[:m.idle], devices[m.idle:]
	first := join(idle, 0, func(conn *websocket.Conn) { drain(conn, 0) })
	join(rest[:m.slow], 4<<10, func(conn *websocket.Conn) { drain(conn, time.Second) })
	join(rest[m.slow:m.slow+m.dead], 4<<10, func(conn *websocket.Conn) { <-hang }) // neither reads nor answers a ping
	var shownOut atomic.Int32
	i := m.idle + m.slow + m.dead
	for name, frames := range nasty {
		join(devices[i:i+1], 0, func(conn *websocket.Conn) {
			err := raws(conn, frames)
			var none net.Error
			if errors.As(err, &none) && none.Timeout() {
				t.Errorf("%s: still there", name)
			}
			conn.Close()
			shownOut.Add(1)
		})
		i++
	}
	n := 0
	for end := time.Now().Add(m.last); time.Now().Before(end); n++ {
		shown(n)
		<-time.After(min(m.last/100, 2*time.Second))
	}
	if m.last > 2*wire.DeadAfter {
		list, err := c.Relay().ListDevices(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range list {
			if dead := slices.ContainsFunc(rest[m.slow:m.slow+m.dead], func(x store.Device) bool { return x.ID == d.ID }); dead && d.Online {
				t.Error("a dead device is taken for one that is there")
			}
		}
	}
	// The storm: the network comes back, and everybody with it.
	mu.Lock()
	for _, conn := range conns {
		conn.Close()
	}
	conns = nil
	mu.Unlock()
	storm := join(idle, 0, func(conn *websocket.Conn) { drain(conn, 0) })
	for range 20 {
		shown(n)
		n++
	}
	_, crowd := atRest()
	mu.Lock()
	for _, conn := range conns {
		conn.Close()
	}
	mu.Unlock()
	close(hang)
	ends.Wait()
	if int(shownOut.Load()) != len(nasty) {
		t.Errorf("%d of %d nasty ones were shown out", shownOut.Load(), len(nasty))
	}
	var after int
	var left uint64
	boss.Await("the goroutines to go", func() bool { after, left = atRest(); return after <= goroutines+5 })
	if left > heap+24<<20 {
		t.Errorf("%d MB more than before", (left-heap)>>20)
	}
	slices.Sort(late)
	p95 := late[len(late)*95/100]
	t.Logf("%d idle, %d slow, %d dead, %d nasty for %s: all in within %s, again within %s; %d messages shown, p50 %s, p95 %s, the last %s; %d goroutines before, %d after; %d MB before, %d with them, %d after",
		m.idle, m.slow, m.dead, len(nasty), m.last, first.Round(time.Millisecond), storm.Round(time.Millisecond), n, late[len(late)/2].Round(time.Millisecond), p95.Round(time.Millisecond),
		late[len(late)-1].Round(time.Millisecond), goroutines, after, heap>>20, crowd>>20, left>>20)
	if p95 > 20*300*time.Millisecond { // the figure of T24 is for a machine that does nothing else
		t.Errorf("others see what a customer wrote only after %s", p95)
	}
}
