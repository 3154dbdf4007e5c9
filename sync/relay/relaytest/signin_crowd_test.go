package relaytest

import (
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"sealdesk/app/inbox"
	"sealdesk/store"
	"sealdesk/sync/engine"
	"sealdesk/sync/wire"
)

// call opens a connection as whoever has no engine does. It waits while the relay says that too many call at once.
func (c *Company) call(t testing.TB) *websocket.Conn {
	t.Helper()
	d := websocket.Dialer{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, HandshakeTimeout: 20 * time.Second}
	for range 600 {
		conn, resp, err := d.Dial("wss://"+c.Address+wire.SyncPath, nil)
		if err == nil {
			return conn
		}
		if resp == nil || resp.StatusCode != 503 {
			t.Fatal(err)
		}
		<-time.After(50 * time.Millisecond)
	}
	t.Fatal("the relay is crowded for good")
	return nil
}

func hear[T any](t testing.TB, conn *websocket.Conn) T {
	t.Helper()
	var none T
	conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	_, frame, err := conn.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	body, err := wire.Decode(frame)
	if err != nil {
		t.Fatal(err)
	}
	out, ok := body.(T)
	if !ok {
		t.Fatalf("a %T came, not a %T", body, none)
	}
	return out
}

// prove goes as far as the right proof.
func prove(t testing.TB, conn *websocket.Conn, d store.Device, boot byte) {
	t.Helper()
	conn.WriteMessage(websocket.BinaryMessage, wire.Encode(wire.Hello{Low: wire.MinVersion, High: wire.Version, Device: d.ID, App: "1.0.0", System: "test", Boot: []byte{boot, 1, 2, 3}}))
	challenge := hear[wire.Challenge](t, conn)
	conn.WriteMessage(websocket.BinaryMessage, wire.Encode(wire.Proof{Signature: ed25519.Sign(d.Key, wire.ProofBytes(challenge, d.ID, d.Pin, "1.0.0"))}))
}

// enrolled is a device without a machine.
func (c *Company) enrolled(t testing.TB, p inbox.Person) store.Device {
	t.Helper()
	for range 600 {
		n := enrolments.Add(1)
		from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 1, byte(n>>8), byte(n))}}
		got, err := engine.Enrol(t.Context(), c.Invite(p), engine.EnrolConfig{Name: "laptop", App: "1.0.0", System: "test", Dial: from.DialContext})
		if errors.Is(err, wire.ErrBusy) {
			<-time.After(50 * time.Millisecond)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		return store.Device{ID: got.Device, Pin: got.Pin, Key: got.Key}
	}
	t.Fatal("the relay is busy for good")
	return store.Device{}
}

// atRest is how many goroutines there are, and how much memory is in use, when both have stopped to fall.
func atRest() (goroutines int, heap uint64) {
	goroutines = runtime.NumGoroutine()
	for range 5 {
		runtime.GC()
		<-time.After(20 * time.Millisecond)
		goroutines = min(goroutines, runtime.NumGoroutine())
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return goroutines, m.HeapAlloc
}

// TestACrowdBeforeTheDoorHarmsNobody is T24's half of sign-in: 300 devices that wait for their person, 50 that prove nothing
// and 50 that do not even say hello. Who is inside notices nothing, and when they are gone nothing of them is left.
func TestACrowdBeforeTheDoorHarmsNobody(t *testing.T) {
	const waiting, mute = 300, 50
	c := Start(t, Options{SignIn: true})
	clk := &clock{}
	inside := c.machine(t, c.Person("Sabine Lorenz", inbox.Supervisor), machineOptions{})
	inside.firstSignIn(clk, goodPassword)
	inside.awaitOnline()
	p := c.Person("Tobias Brandt", inbox.Agent)
	var devices []store.Device
	for range waiting {
		devices = append(devices, c.enrolled(t, p))
	}
	goroutines, heap := atRest()

	var conns []*websocket.Conn
	for _, d := range devices {
		conn := c.call(t)
		prove(t, conn, d, 1)
		if asked := hear[wire.SignIn](t, conn); asked.Need != wire.NeedNew {
			t.Fatalf("asked for %d", asked.Need)
		}
		conns = append(conns, conn)
	}
	var silent sync.WaitGroup
	for i := range 2 * mute {
		conn := c.call(t)
		if i%2 == 0 {
			conn.WriteMessage(websocket.BinaryMessage, wire.Encode(wire.Hello{Low: wire.MinVersion, High: wire.Version, Device: devices[i].ID}))
		}
		silent.Go(func() { // it is shown out
			defer conn.Close()
			conn.SetReadDeadline(time.Now().Add(20 * wire.HandshakeTimeout))
			for {
				if _, _, err := conn.ReadMessage(); err != nil {
					var closed *websocket.CloseError
					if !errors.As(err, &closed) {
						t.Errorf("who proves nothing is left standing: %v", err)
					}
					return
				}
			}
		})
	}
	_, crowd := atRest()
	began := time.Now()
	if _, err := inside.ask(inbox.AskDevices{}); err != nil {
		t.Errorf("who is inside is not answered: %v", err)
	}
	answered := time.Since(began)
	silent.Wait()
	for _, conn := range conns {
		conn.Close()
	}
	var after int
	var left uint64
	inside.await("the goroutines to go", func() bool { after, left = atRest(); return after <= goroutines+5 })
	if left > heap+16<<20 {
		t.Errorf("%d MB more than before", (left-heap)>>20)
	}
	t.Logf("%d goroutines before, %d after; %d MB before, %d MB with the crowd, %d MB after; an answer inside took %s", goroutines, after,
		heap>>20, crowd>>20, left>>20, answered.Round(time.Millisecond))
}

// TestADeviceStandsBeforeTheDoorOnce: the same device that calls again and again takes one place.
func TestADeviceStandsBeforeTheDoorOnce(t *testing.T) {
	const calls = 30
	c := Start(t, Options{SignIn: true})
	d := c.enrolled(t, c.Person("Tobias Brandt", inbox.Agent))
	var conns []*websocket.Conn
	for range calls {
		conn := c.call(t)
		defer conn.Close()
		prove(t, conn, d, 1)
		hear[wire.SignIn](t, conn)
		conns = append(conns, conn)
	}
	for i, conn := range conns {
		patience := 30 * time.Second
		if i == calls-1 {
			patience = 300 * time.Millisecond
		}
		conn.SetReadDeadline(time.Now().Add(patience))
		_, _, err := conn.ReadMessage()
		if gone := websocket.IsCloseError(err, wire.CloseGoingAway); gone != (i < calls-1) {
			t.Errorf("call %d of %d: %v", i+1, calls, err)
		}
	}
}
