package relay

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/gorilla/websocket"

	"sealdesk/app/inbox"
	"sealdesk/packaging/dev/figure"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

func newReader(b []byte) io.Reader { return bytes.NewReader(b) }

func percentile(v []float64, p float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[min(len(s)-1, int(p*float64(len(s))))]
}

// A benchClient reads one socket with as little work as possible, so that the server is what is measured.
type benchClient struct {
	conn net.Conn
	in   *bufio.Reader
}

func dialSocket(address, path string) (*benchClient, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", path)
	in := bufio.NewReaderSize(conn, 1024)
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("status %d", res.StatusCode)
	}
	return &benchClient{conn: conn, in: in}, nil
}

// frame returns the next binary message into buf.
func (c *benchClient) frame(buf []byte) ([]byte, error) {
	for {
		var h [10]byte
		if _, err := io.ReadFull(c.in, h[:2]); err != nil {
			return nil, err
		}
		n := int(h[1] & 0x7f)
		switch n {
		case 126:
			io.ReadFull(c.in, h[2:4])
			n = int(binary.BigEndian.Uint16(h[2:4]))
		case 127:
			io.ReadFull(c.in, h[2:10])
			n = int(binary.BigEndian.Uint64(h[2:10]))
		}
		if cap(buf) < n {
			buf = make([]byte, n)
		}
		buf = buf[:n]
		if _, err := io.ReadFull(c.in, buf); err != nil {
			return nil, err
		}
		if h[0]&0x0f == websocket.BinaryMessage {
			return buf, nil
		}
		if h[0]&0x0f == websocket.CloseMessage {
			return nil, errors.New("closed")
		}
	}
}

func (c *benchClient) send(payload []byte) error {
	h := []byte{0x80 | websocket.BinaryMessage}
	if len(payload) < 126 {
		h = append(h, 0x80|byte(len(payload)))
	} else {
		h = binary.BigEndian.AppendUint16(append(h, 0x80|126), uint16(len(payload)))
	}
	_, err := c.conn.Write(append(append(h, 0, 0, 0, 0), payload...)) // a mask of zeros is a mask
	return err
}

// join goes through the handshake and reads until the device is up to date.
func (c *benchClient) join(key ed25519.PrivateKey, id inbox.DeviceID, pin wire.Pin, cursors []inbox.Cursor) error {
	if err := c.send(wire.Encode(wire.Hello{Low: wire.Version, High: wire.Version, Device: id, App: "b"})); err != nil {
		return err
	}
	f, err := c.frame(nil)
	if err != nil {
		return err
	}
	body, err := wire.Decode(f)
	if err != nil {
		return err
	}
	ch := body.(wire.Challenge)
	if err := c.send(wire.Encode(wire.Proof{Signature: ed25519.Sign(key, wire.ProofBytes(ch, id, pin, "b"))})); err != nil {
		return err
	}
	if _, err = c.frame(nil); err != nil {
		return err
	}
	return c.send(wire.Encode(wire.Resume{Cursors: cursors}))
}

// enrolled are devices of one agent, all with the same key: their number matters here, not their secrets.
func enrolled(b *testing.B, r *Relay, n int) ([]inbox.DeviceID, ed25519.PrivateKey) {
	b.Helper()
	p, err := r.AddPerson(context.Background(), fmt.Sprint("Agent ", n), inbox.Agent, nil)
	if err != nil {
		b.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		b.Fatal(err)
	}
	ids := make([]inbox.DeviceID, n)
	flood(n, 100, func(i int) {
		code, _, err := r.people.Issue(context.Background(), p.ID)
		if err != nil {
			b.Error(err)
			return
		}
		d, _, err := r.people.Enrol(context.Background(), wire.EnrolRequest{
			Code: code, PublicKey: public, Name: "d", Signature: ed25519.Sign(private, wire.EnrolBytes(code, public)),
		})
		if err != nil {
			b.Error(err)
		}
		ids[i] = d.ID
	})
	return ids, private
}

// plainDevices serves the devices' surface without TLS and without the limit on new sockets: it is the fan-out that is
// measured, and the peer has neither.
func plainDevices(b *testing.B, h http.Handler) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	srv := &http.Server{Handler: h}
	go srv.Serve(l)
	b.Cleanup(func() { srv.Close() })
	return l.Addr().String()
}

func heads(b *testing.B, r *Relay) (out []inbox.Cursor) {
	for _, log := range []inbox.LogID{inbox.CompanyLog, r.inboxes[benchNumber].Log()} {
		head, err := r.logs.Head(context.Background(), log)
		if err != nil {
			b.Fatal(err)
		}
		out = append(out, head)
	}
	return out
}

// batchEnd reads how far a batch goes, without unpacking it.
type batchEnd struct {
	To uint64 `cbor:"4,keyasint"`
}

// BenchmarkB3 sends a burst of events of about 600 bytes to many devices, against gorilla/websocket with one prepared
// message per event and a queue per connection.
func BenchmarkB3(b *testing.B) {
	for _, x := range []struct {
		n, events, rounds int
		target            string
	}{{1000, 200, 5, "≥3.0"}, {5000, 40, 3, "≥2.0"}} {
		var ours, peer []float64
		for range x.rounds {
			ours = append(ours, oursBurst(b, x.n, x.events))
			peer = append(peer, peerBurst(b, x.n, x.events))
		}
		f := figure.Compare(ours, peer)
		f.ID, f.Case, f.Peer, f.Unit, f.Target, f.Better = "B3", fmt.Sprintf("1 to %d", x.n), "prepared message per event and connection", "deliveries/s", x.target, figure.Higher
		f.Note = "ours is durable: each event is committed to the log before it is sent"
		report(b, f)
	}
}

func burstEvent(i int) inbox.EventBody {
	return inbox.MessageAdded{Message: inbox.Message{
		ID: inbox.MessageID(fmt.Sprintf("m%025d", i)), Conversation: "conversation-of-the-burst", At: inbox.Moment(i), Side: inbox.FromContact,
		Kind: inbox.Text, Body: inbox.PlainText(strings.Repeat("Lorem ipsum dolor sit amet, consetetur. ", 12)),
	}}
}

func oursBurst(b *testing.B, n, events int) float64 {
	r := benchRelay(b)
	log := r.inboxes[benchNumber].Log()
	appendEvents := func(from, count int) {
		err := r.db.Update(context.Background(), eventlog.Shard(log), func(tx ledger.Tx) error {
			for i := range count {
				if _, err := eventlog.Append(tx, 1, "", burstEvent(from+i)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Error(err)
		}
	}
	appendEvents(0, 1)
	ids, key := enrolled(b, r, n)
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+wire.SyncPath, r.sessions.serve)
	address := plainDevices(b, mux)
	at := heads(b, r)
	target := at[1].Seq + uint64(events)
	var done sync.WaitGroup
	var failed atomic.Int64
	flood(n, 50, func(i int) {
		c, err := dialSocket(address, wire.SyncPath)
		if err == nil {
			err = c.join(key, ids[i], r.pin, at)
		}
		if err != nil {
			failed.Add(1)
			return
		}
		done.Go(func() {
			defer c.conn.Close()
			var buf []byte
			for {
				f, err := c.frame(buf)
				if err != nil {
					failed.Add(1)
					return
				}
				buf = f
				var end batchEnd
				if wire.Type(f[0]) == wire.TypeBatch && cbor.Unmarshal(f[1:], &end) == nil && end.To >= target {
					return
				}
			}
		})
	})
	start := time.Now()
	flood(events, 100, func(i int) { appendEvents(1+i, 1) }) // a burst comes from many hands at once
	done.Wait()
	took := time.Since(start)
	if failed.Load() > 0 {
		b.Fatalf("%d devices failed", failed.Load())
	}
	return float64(n*events) / took.Seconds()
}

func peerBurst(b *testing.B, n, events int) float64 {
	up := websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 4096, WriteBufferPool: &sync.Pool{}}
	var mu sync.Mutex
	var queues []chan *websocket.PreparedMessage
	var joined sync.WaitGroup
	joined.Add(n)
	address := plainDevices(b, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		conn, err := up.Upgrade(w, q, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		queue := make(chan *websocket.PreparedMessage, 256)
		mu.Lock()
		queues = append(queues, queue)
		mu.Unlock()
		joined.Done()
		for m := range queue {
			if conn.WritePreparedMessage(m) != nil {
				return
			}
		}
	}))
	payload, err := wire.EncodeEvent(inbox.Event{Seq: 1, Body: burstEvent(1)})
	if err != nil {
		b.Fatal(err)
	}
	var done sync.WaitGroup
	flood(n, 50, func(int) {
		c, err := dialSocket(address, "/")
		if err != nil {
			b.Error(err)
			return
		}
		done.Go(func() {
			defer c.conn.Close()
			var buf []byte
			for range events {
				f, err := c.frame(buf)
				if err != nil {
					b.Error(err)
					return
				}
				buf = f
			}
		})
	})
	joined.Wait() // a client is done dialling a moment before its handler is in the list
	start := time.Now()
	for range events {
		m, err := websocket.NewPreparedMessage(websocket.BinaryMessage, payload)
		if err != nil {
			b.Fatal(err)
		}
		for _, q := range queues {
			q <- m
		}
	}
	done.Wait()
	took := time.Since(start)
	for _, q := range queues {
		close(q)
	}
	return float64(n*events) / took.Seconds()
}

const idleClients = "SEALDESK_BENCH_IDLE_CLIENTS"

// TestMain also is the client side of BenchmarkB5, which must not share a process with what it measures.
func TestMain(m *testing.M) {
	if what := os.Getenv(idleClients); what != "" {
		holdIdle(what)
		return
	}
	os.Exit(m.Run())
}

// holdIdle opens sockets as told ("address path seed ids-file"), says "ready", and holds them until its input ends.
func holdIdle(what string) {
	words := strings.Fields(what)
	ids, err := os.ReadFile(words[3])
	if err != nil {
		panic(err)
	}
	seed, err := os.ReadFile(words[2])
	if err != nil {
		panic(err)
	}
	key := ed25519.NewKeyFromSeed(seed[:32])
	var pin wire.Pin
	copy(pin[:], seed[32:])
	list := strings.Fields(string(ids))
	conns := make([]*benchClient, len(list))
	flood(len(list), 50, func(i int) {
		c, err := dialSocket(words[0], words[1])
		if err == nil && words[1] == wire.SyncPath {
			err = c.join(key, inbox.DeviceID(list[i]), pin, nil)
		}
		if err != nil {
			panic(err)
		}
		conns[i] = c
	})
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
}

func rss(b *testing.B) float64 {
	debug.FreeOSMemory()
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Skip("memory is read from /proc, which this system does not have")
	}
	pages, err := strconv.Atoi(strings.Fields(string(raw))[1])
	if err != nil {
		b.Fatal(err)
	}
	return float64(pages * os.Getpagesize())
}

// BenchmarkB5 is the memory of one idle, proven connection, against a bare hijacked one.
func BenchmarkB5(b *testing.B) {
	const n, rounds = 5000, 3
	r := benchRelay(b)
	ids, key := enrolled(b, r, n)
	dir := b.TempDir()
	list := make([]string, n)
	for i, id := range ids {
		list[i] = string(id)
	}
	if err := os.WriteFile(dir+"/ids", []byte(strings.Join(list, " ")), 0o600); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(dir+"/seed", append(key.Seed(), r.pin[:]...), 0o600); err != nil {
		b.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+wire.SyncPath, r.sessions.serve)
	hold := make(chan struct{})
	defer close(hold)
	mux.HandleFunc("GET /bare", func(w http.ResponseWriter, q *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
		conn.Read(make([]byte, 1))
		conn.Close()
	})
	address := plainDevices(b, mux)
	measure := func(path string) float64 {
		before := rss(b)
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), idleClients+"="+strings.Join([]string{address, path, dir + "/seed", dir + "/ids"}, " "))
		cmd.Stderr = os.Stderr
		in, _ := cmd.StdinPipe()
		out, _ := cmd.StdoutPipe()
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
			b.Fatalf("clients: %q %v", line, err)
		}
		after := rss(b)
		in.Close()
		cmd.Wait()
		for r.sessions.count() > 0 {
			time.Sleep(10 * time.Millisecond) // a real process has ended; its sockets close by themselves
		}
		return (after - before) / n / 1024
	}
	measure(wire.SyncPath) // what the first thousands of connections ever leave behind is not theirs
	var ours, peer []float64
	for range rounds {
		ours = append(ours, measure(wire.SyncPath))
		peer = append(peer, measure("/bare"))
	}
	f := figure.Compare(ours, peer)
	f.ID, f.Case, f.Peer, f.Unit, f.Better = "B5", "5,000 idle connections", "bare hijacked connection", "KB each", figure.Lower
	f.Note = "target is absolute: at most 16 KB each"
	report(b, f)
	if err := figure.Emit(figure.Figure{
		ID: "B5", Case: "against 16 KB", Ours: f.Ours, Peer: "limit", PeerValue: 16, Unit: "KB each", Target: "≤1.00", Better: figure.Lower, Spread: f.Spread,
	}); err != nil {
		b.Fatal(err)
	}
}
