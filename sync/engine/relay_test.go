package engine

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	stdlog "log"
	"math/big"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"sealdesk/app/inbox"
	"sealdesk/sync/wire"
)

// A relay is the far end of the wire as a test wants it: real TLS, HTTP and websocket over a pipe, and a script.
type relay struct {
	t       *testing.T
	pin     wire.Pin
	conns   chan net.Conn
	server  *http.Server
	public  ed25519.PublicKey
	key     ed25519.PrivateKey
	skew    time.Duration
	version int
	room    int // writes a connection takes before its reader has
	dialErr error

	mu      sync.Mutex
	script  func(*peer) // what a connection does after the welcome
	hellos  []wire.Hello
	resumes []wire.Resume
	dials   int
	heads   []wire.LogHead
	enrol   func(wire.EnrolRequest) wire.EnrolReply
	media   http.HandlerFunc
	before  func(*peer) bool // after hello; true: done
	last    *peer
}

// A peer is one connection of the relay's.
type peer struct {
	*relay
	conn *websocket.Conn
	in   chan any
}

// pipeListener hands out the connections dialled.
type pipeListener struct{ r *relay }

func (l pipeListener) Accept() (net.Conn, error) {
	c, ok := <-l.r.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (l pipeListener) Close() error   { return nil }
func (l pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// A bufferedConn takes writes at once, as a socket does; a bare pipe makes writers wait for readers.
type bufferedConn struct {
	net.Conn
	queue chan []byte
	once  sync.Once
	done  chan struct{}
}

func buffered(c net.Conn, room int) net.Conn {
	b := &bufferedConn{Conn: c, queue: make(chan []byte, room), done: make(chan struct{})}
	go func() {
		defer c.Close()
		for {
			select {
			case p := <-b.queue:
				c.Write(p)
				continue
			default:
			}
			select {
			case p := <-b.queue:
				c.Write(p)
			case <-b.done:
				return
			}
		}
	}()
	return b
}

func (b *bufferedConn) Write(p []byte) (int, error) {
	select {
	case <-b.done:
		return 0, net.ErrClosed
	case b.queue <- slices.Clone(p):
		return len(p), nil
	}
}

func (b *bufferedConn) Close() error {
	b.once.Do(func() {
		b.Conn.SetReadDeadline(time.Unix(1, 0))
		b.Conn.SetWriteDeadline(time.Now().Add(time.Second)) // for what is in the queue
		close(b.done)
	})
	return nil
}

func (b *bufferedConn) SetWriteDeadline(time.Time) error { return nil }
func (b *bufferedConn) SetDeadline(t time.Time) error    { return b.Conn.SetReadDeadline(t) }

var certificate = sync.OnceValues(func() (tls.Certificate, wire.Pin) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, wire.PinOf(parsed.RawSubjectPublicKeyInfo)
})

func newRelay(t *testing.T) *relay {
	r := makeRelay(t)
	go r.server.ServeTLS(pipeListener{r}, "", "")
	t.Cleanup(func() {
		close(r.conns)
		r.server.Close()
		<-time.After(10 * time.Second) // virtual; lets the last writes give up
	})
	return r
}

// makeRelay makes a relay nobody can reach yet.
func makeRelay(t *testing.T) *relay {
	cert, pin := certificate()
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{t: t, pin: pin, public: public, key: key, version: wire.Version, room: 1000, conns: make(chan net.Conn)}
	mux := http.NewServeMux()
	mux.HandleFunc(wire.SyncPath, r.serve)
	mux.HandleFunc(wire.EnrolPath, r.admit)
	mux.HandleFunc(wire.MediaPath, func(w http.ResponseWriter, req *http.Request) { r.media(w, req) })
	r.server = &http.Server{Handler: mux, ErrorLog: stdlog.New(io.Discard, "", 0), TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13}}
	return r
}

func (r *relay) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	r.mu.Lock()
	r.dials++
	err := r.dialErr
	r.mu.Unlock()
	if err != nil {
		return nil, err
	}
	here, there := net.Pipe()
	far := buffered(there, r.room)
	select {
	case r.conns <- far:
		return buffered(here, r.room), nil
	case <-ctx.Done():
		far.Close()
		return nil, ctx.Err()
	}
}

func (r *relay) serve(w http.ResponseWriter, req *http.Request) {
	up := websocket.Upgrader{}
	conn, err := up.Upgrade(w, req, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	p := &peer{relay: r, conn: conn, in: make(chan any, 1000)}
	hello, ok := p.read().(wire.Hello)
	if !ok {
		r.t.Error("the first frame is no hello")
		return
	}
	r.mu.Lock()
	r.hellos = append(r.hellos, hello)
	r.last = p
	script, before := r.script, r.before
	r.mu.Unlock()
	if before != nil && before(p) {
		return
	}
	nonce := make([]byte, 32)
	rand.Read(nonce)
	challenge := wire.Challenge{Version: r.version, Nonce: nonce, Time: inbox.At(time.Now().Add(r.skew))}
	p.write(wire.Encode(challenge))
	proof, ok := p.read().(wire.Proof)
	if !ok {
		return
	}
	if !ed25519.Verify(r.public, wire.ProofBytes(challenge, hello.Device, r.pin, hello.App), proof.Signature) {
		p.close(wire.CloseProof)
		return
	}
	p.write(wire.Encode(wire.Welcome{Person: inbox.Person{ID: "person"}, Time: challenge.Time, Logs: r.heads}))
	resume, ok := p.read().(wire.Resume)
	if !ok {
		return
	}
	r.mu.Lock()
	r.resumes = append(r.resumes, resume)
	r.mu.Unlock()
	go func() {
		defer close(p.in)
		for {
			body := p.read()
			if body == nil {
				return
			}
			p.in <- body
		}
	}()
	if script != nil {
		script(p)
	}
	for range p.in {
	}
}

func (p *peer) read() any {
	_, frame, err := p.conn.ReadMessage()
	if err != nil {
		return nil
	}
	body, err := wire.Decode(frame)
	if err != nil {
		p.t.Errorf("the device sent a frame that does not decode: %v", err)
	}
	return body
}

func (p *peer) write(frame []byte) {
	p.conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
	p.conn.WriteMessage(websocket.BinaryMessage, frame)
}

func (p *peer) batch(b inbox.Batch) {
	frame, err := wire.EncodeBatch(b)
	if err != nil {
		p.t.Error(err)
	}
	p.write(frame)
}

// ping pings the newest connection.
func (r *relay) ping() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second))
}

func (p *peer) close(code int) {
	p.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(time.Second))
}

// next waits for the next frame of a kind; others are passed over.
func next[T any](p *peer) (T, bool) {
	for body := range p.in {
		if t, ok := body.(T); ok {
			return t, true
		}
	}
	var none T
	return none, false
}

func (r *relay) admit(w http.ResponseWriter, req *http.Request) {
	b := make([]byte, 4096)
	n, _ := req.Body.Read(b)
	e, err := wire.DecodeEnrol(b[:n])
	if err != nil || !ed25519.Verify(e.PublicKey, wire.EnrolBytes(e.Code, e.PublicKey), e.Signature) {
		w.WriteHeader(http.StatusBadRequest)
		w.Write(wire.EncodeEnrolReply(wire.EnrolReply{Error: wire.ErrRequest}))
		return
	}
	reply := r.enrol(e)
	if reply.Error != nil {
		w.WriteHeader(http.StatusForbidden)
	}
	w.Write(wire.EncodeEnrolReply(reply))
}

var errFull = errors.New("no space left")

// A memory is a cache that keeps everything in memory and checks what the store checks.
type memory struct {
	mu       sync.Mutex
	cursors  map[inbox.LogID]inbox.Cursor
	seqs     map[inbox.LogID][]uint64
	applies  []int // batches of each
	pending  []inbox.Intent
	outcomes []inbox.Outcome
	watchers []chan struct{}
	fail     error
	slow     time.Duration
	files    map[inbox.MediaID][]byte // attached here; nil: the file is lost
	unread   int                      // how often a file must still fail to open
	offered  []inbox.MediaID
}

func newMemory() *memory {
	return &memory{cursors: map[inbox.LogID]inbox.Cursor{}, seqs: map[inbox.LogID][]uint64{}, files: map[inbox.MediaID][]byte{}}
}

func (m *memory) Apply(_ context.Context, batches ...inbox.Batch) error {
	m.mu.Lock()
	slow := m.slow
	m.mu.Unlock()
	<-time.After(slow) // virtual: a slow disk
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	m.applies = append(m.applies, len(batches))
	for _, b := range batches {
		at := m.cursors[b.Log]
		switch {
		case b.Reset:
			m.seqs[b.Log], at = nil, inbox.Cursor{}
		case at.Epoch != "" && at.Epoch != b.Epoch:
			return errors.New("epoch")
		case b.From > at.Seq:
			return errors.New("gap")
		case b.To <= at.Seq:
			continue
		}
		for _, e := range b.Events {
			if e.Seq > at.Seq {
				m.seqs[b.Log] = append(m.seqs[b.Log], e.Seq)
			}
		}
		m.cursors[b.Log] = b.Cursor()
	}
	return nil
}

func (m *memory) Cursors() []inbox.Cursor {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []inbox.Cursor
	for _, c := range m.cursors {
		out = append(out, c)
	}
	return out
}

func (m *memory) Pending(context.Context) ([]inbox.Intent, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.pending), nil
}

func (m *memory) Settle(_ context.Context, o inbox.Outcome) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.outcomes = append(m.outcomes, o)
	m.pending = slices.DeleteFunc(slices.Clone(m.pending), func(i inbox.Intent) bool { return i.ID == o.Intent })
	return nil
}

func (m *memory) Watch(context.Context) <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := make(chan struct{}, 1)
	m.watchers = append(m.watchers, c)
	return c
}

func (m *memory) submit(list ...inbox.Intent) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pending = append(m.pending, list...)
	for _, c := range m.watchers {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

func (m *memory) events(log inbox.LogID) []uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.seqs[log])
}

// engine returns an engine for the relay and a memory.
func (r *relay) engine(m *memory, change ...func(*Config)) *Engine {
	cfg := Config{Relay: "relay.example:8443", Pin: r.pin, Device: "device", Key: r.key, App: "test", Cache: m, Dial: r.dial,
		Rand: func(n int64) int64 { return n - 1 }}
	for _, f := range change {
		f(&cfg)
	}
	return New(cfg)
}

// The compressor of wire makes its channels at first use, and a channel made in a bubble of synctest serves no other.
func TestMain(m *testing.M) {
	frame, err := wire.EncodeBatch(stretch(0, 1))
	if err == nil {
		_, err = wire.Decode(frame)
	}
	if err != nil {
		panic(err)
	}
	m.Run()
}
