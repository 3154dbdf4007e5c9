package relay

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/wasim"
	"sealdesk/sync/wire"
)

var testAnswers = Answers{
	Trusting: true,
	Public:   "127.0.0.1:8443", API: "http://127.0.0.1:1", Number: "+493023125000", PhoneNumberID: "106540352242922",
	AppSecret: "app-secret", VerifyToken: "verify", Token: "token",
}

// newRelay opens a relay in a folder with a short name: the path of a socket must be.
func newRelay(t *testing.T, change func(*Answers)) *Relay {
	t.Helper()
	r, err := Open(t.Context(), newConfig(t, change), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func newConfig(t *testing.T, change func(*Answers)) Config {
	t.Helper()
	dir, err := os.MkdirTemp("", "relay")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	a := testAnswers
	if change != nil {
		change(&a)
	}
	path, err := Init(filepath.Join(dir, "r"), a)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// admitted enrols a device and returns its key.
func admitted(t *testing.T, r *Relay) (inbox.DeviceID, ed25519.PrivateKey) {
	t.Helper()
	p, err := r.AddPerson(t.Context(), "Tobias Brandt", inbox.Agent, nil)
	if err != nil {
		t.Fatal(err)
	}
	code, _, err := r.people.Issue(t.Context(), p.ID)
	if err != nil {
		t.Fatal(err)
	}
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d, _, err := r.people.Enrol(t.Context(), wire.EnrolRequest{
		Code: code, PublicKey: public, Signature: ed25519.Sign(key, wire.EnrolBytes(code, public)), Name: "laptop",
	})
	if err != nil {
		t.Fatal(err)
	}
	return d.ID, key
}

// devices serves the relay's door for devices.
func devices(t *testing.T, r *Relay) (address string) {
	t.Helper()
	srv := httptest.NewUnstartedServer(r.Devices())
	srv.TLS = r.TLS()
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

func dialDevice(t *testing.T, address string, dialer net.Dialer) *websocket.Conn {
	t.Helper()
	d := websocket.Dialer{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, NetDialContext: dialer.DialContext}
	conn, _, err := d.Dial("wss://"+address+wire.SyncPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// prove goes through the handshake.
func prove(t *testing.T, conn *websocket.Conn, r *Relay, id inbox.DeviceID, key ed25519.PrivateKey) {
	t.Helper()
	conn.WriteMessage(websocket.BinaryMessage, wire.Encode(wire.Hello{Low: wire.Version, High: wire.Version, Device: id}))
	challenge, ok := receive[wire.Challenge](conn)
	if !ok {
		t.Fatal("no challenge")
	}
	conn.WriteMessage(websocket.BinaryMessage, wire.Encode(wire.Proof{Signature: ed25519.Sign(key, wire.ProofBytes(challenge, id, r.pin, ""))}))
	if _, ok := receive[wire.Welcome](conn); !ok {
		t.Fatal("not welcome")
	}
	conn.WriteMessage(websocket.BinaryMessage, wire.Encode(wire.Resume{}))
}

func closedWith(conn *websocket.Conn) int {
	conn.SetReadDeadline(time.Now().Add(15 * time.Second))
	for {
		if _, _, err := conn.ReadMessage(); err != nil {
			var closed *websocket.CloseError
			if errors.As(err, &closed) {
				return closed.Code
			}
			return -1
		}
	}
}

func TestADeviceExcludedWhileItProvesItselfDoesNotGetIn(t *testing.T) {
	r := newRelay(t, nil)
	id, key := admitted(t, r)
	entered := make(chan int, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		conn, err := r.sessions.upgrader.Upgrade(w, q, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		ctx, stop := context.WithCancel(r.sessions.life)
		defer stop()
		x := &session{s: r.sessions, conn: conn, stop: stop, done: make(chan struct{})}
		if code := x.handshake(ctx); code != 0 {
			t.Errorf("the proof was refused: %d", code)
		}
		if err := r.Revoke(ctx, id); err != nil { // it is proven, and not yet connected
			t.Error(err)
		}
		entered <- r.sessions.admit(ctx, x)
	}))
	defer srv.Close()
	conn, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(srv.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	prove(t, conn, r, id, key)
	if code := <-entered; code != wire.CloseGoingAway { // when it comes back it is handed its order
		t.Errorf("admitted with code %d", code)
	}
	if n := r.sessions.count(); n != 0 {
		t.Errorf("%d connections", n)
	}
}

func TestAStoppingRelayWaitsForNobody(t *testing.T) {
	r := newRelay(t, nil)
	id, key := admitted(t, r)
	before := runtime.NumGoroutine()
	srv := httptest.NewUnstartedServer(r.Devices())
	srv.TLS = r.TLS()
	srv.StartTLS()
	address := srv.Listener.Addr().String()
	// One that never reads, with more to read than any buffer holds.
	noise := make([]byte, 2500)
	err := r.db.Update(t.Context(), eventlog.Shard("inbox/sales"), func(tx ledger.Tx) error {
		for range 6000 {
			rand.Read(noise)
			m := inbox.Message{ID: inbox.NewID[inbox.MessageID](), Conversation: "c", At: 1, Kind: inbox.Text, Media: &inbox.Media{ID: "m", Blur: noise}}
			if _, err := eventlog.Append(tx, 1, "", inbox.MessageAdded{Message: m}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	deaf := dialDevice(t, address, net.Dialer{})
	deaf.NetConn().(*tls.Conn).NetConn().(*net.TCPConn).SetReadBuffer(4 << 10)
	prove(t, deaf, r, id, key)
	// Some who have not proven themselves yet.
	for range 20 {
		dialDevice(t, address, net.Dialer{})
	}
	<-time.After(300 * time.Millisecond) // until the writer has filled every buffer
	start := time.Now()
	r.sessions.closeAll()
	if took := time.Since(start); took > 15*time.Second {
		t.Errorf("it took %s", took)
	}
	srv.CloseClientConnections()
	srv.Close()
	for wait := 0; runtime.NumGoroutine() > before+2; wait++ {
		if wait == 3000 {
			all := make([]byte, 1<<20)
			t.Fatalf("%d goroutines before, %d after\n%s", before, runtime.NumGoroutine(), all[:runtime.Stack(all, true)])
		}
		<-time.After(10 * time.Millisecond) // connections end in their own time
	}
}

func TestAStoppingRelayTellsDevicesToComeBack(t *testing.T) {
	r := newRelay(t, nil)
	id, key := admitted(t, r)
	conn := dialDevice(t, devices(t, r), net.Dialer{})
	prove(t, conn, r, id, key)
	code := make(chan int, 1)
	go func() { code <- closedWith(conn) }()
	r.sessions.closeAll()
	if got := <-code; got != wire.CloseGoingAway {
		t.Errorf("close code %d", got)
	}
}

func TestAFloodOfPingsIsAFlood(t *testing.T) {
	r := newRelay(t, nil)
	id, key := admitted(t, r)
	conn := dialDevice(t, devices(t, r), net.Dialer{})
	prove(t, conn, r, id, key)
	go func() {
		for range 100 * frameBurst {
			if conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second)) != nil {
				return
			}
		}
	}()
	start := time.Now()
	got := closedWith(conn) // its last word may get lost, for nobody reads the pings on their way
	if got != wire.CloseRate && got != -1 && got != websocket.CloseAbnormalClosure || time.Since(start) > 30*time.Second {
		t.Errorf("close code %d after %s", got, time.Since(start))
	}
}

func TestFiveHundredStrangersDoNotKeepADeviceOutForLong(t *testing.T) {
	r := newRelay(t, nil)
	id, key := admitted(t, r)
	address := devices(t, r)
	refused := make(chan bool, 500)
	for range 500 {
		go func() {
			d := websocket.Dialer{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
			conn, _, err := d.Dial("wss://"+address+wire.SyncPath, nil)
			refused <- err != nil
			if err == nil {
				conn.ReadMessage() // says nothing
				conn.Close()
			}
		}()
	}
	turned := 0
	for range 500 {
		if <-refused {
			turned++
		}
	}
	if turned == 0 {
		t.Error("all 500 were let to the door at once")
	}
	for start := time.Now(); ; {
		d := websocket.Dialer{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		conn, _, err := d.Dial("wss://"+address+wire.SyncPath, nil)
		if err == nil {
			defer conn.Close()
			prove(t, conn, r, id, key)
			return
		}
		if time.Since(start) > 30*time.Second {
			t.Fatal("the device is kept out")
		}
		<-time.After(50 * time.Millisecond) // as a device does
	}
}

func TestAWishAndItsAuditEntryAreOneTransaction(t *testing.T) {
	r := newRelay(t, nil)
	shard := eventlog.Shard("inbox/sales")
	err := r.db.Update(t.Context(), shard, func(tx ledger.Tx) error {
		_, err := eventlog.Append(tx, 1, "", inbox.ConversationOpened{Conversation: "c", Inbox: "sales"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	agent, err := r.AddPerson(t.Context(), "Tobias Brandt", inbox.Agent, nil)
	if err != nil {
		t.Fatal(err)
	}
	auditor, err := r.AddPerson(t.Context(), "Anna Auditor", inbox.Auditor, nil)
	if err != nil {
		t.Fatal(err)
	}
	closing := inbox.Intent{ID: "close", Body: inbox.SetState{Conversation: "c", State: inbox.Closed}}
	w := r.db.(*watched)
	whole := w.DB
	w.DB = fullDB{whole}
	if o := r.wish(t.Context(), agent, "d", closing); o.Retry == 0 || o.Refusal != inbox.Granted {
		t.Errorf("on a full disk: %+v", o)
	}
	w.DB = whole
	for range 2 {
		if o := r.wish(t.Context(), agent, "d", closing); o != (wire.Outcome{Intent: "close"}) {
			t.Errorf("with room again: %+v", o)
		}
		spying := inbox.Intent{ID: "spy", Body: inbox.SetState{Conversation: "c", State: inbox.Open}}
		if o := r.wish(t.Context(), auditor, "e", spying); o.Refusal != inbox.RefusedUnknown {
			t.Errorf("an auditor: %+v", o)
		}
	}
	var entries []audit.Entry
	var c inbox.Conversation
	err = r.db.View(t.Context(), shard, func(tx ledger.Tx) (err error) {
		if c, _, err = eventlog.Conversation(tx, "c"); err != nil {
			return err
		}
		entries, err = audit.Entries(tx, 0, 10)
		return err
	})
	if err != nil || c.State != inbox.Closed || len(entries) != 2 {
		t.Fatalf("state %d, %d entries, %v", c.State, len(entries), err)
	}
	for i, want := range []audit.Entry{
		{Number: 1, Actor: agent.ID, Device: "d", Act: audit.StateSet, Object: "c"},
		{Number: 2, Actor: auditor.ID, Device: "e", Act: audit.StateSet, Object: "c", Refused: inbox.RefusedUnknown},
	} {
		entries[i].At = 0
		if entries[i] != want {
			t.Errorf("entry %d: %+v", i, entries[i])
		}
	}
}

// fullDB has a full disk, and notices after the transaction's function has run.
type fullDB struct{ ledger.DB }

func (f fullDB) Update(ctx context.Context, shard string, do func(ledger.Tx) error) error {
	return f.DB.Update(ctx, shard, func(tx ledger.Tx) error { return errors.Join(do(tx), ledger.ErrFull) })
}

// lostDB has lost the fate of a commit.
type lostDB struct{ ledger.DB }

func (lostDB) Update(context.Context, string, func(ledger.Tx) error) error { return ledger.ErrUnknown }

func TestARelayWhoseStoreTakesNoWritesEnds(t *testing.T) {
	r := newRelay(t, func(a *Answers) {
		a.Devices, a.Webhooks, a.Ops = "127.0.0.1:28443", "127.0.0.1:28080", "127.0.0.1:29090"
	})
	w := r.db.(*watched)
	w.DB = lostDB{w.DB}
	served := make(chan error, 1)
	go func() { served <- r.Serve(t.Context()) }()
	select {
	case err := <-served:
		if !errors.Is(err, ledger.ErrUnknown) || !strings.Contains(Advice(err), "start again") {
			t.Errorf("%v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it goes on as if nothing had happened")
	}
}

func TestHealthIsWhetherTheStoreAnswers(t *testing.T) {
	r := newRelay(t, nil)
	ask := func() int {
		w := httptest.NewRecorder()
		r.Ops().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/healthz", nil))
		return w.Code
	}
	if got := ask(); got != http.StatusOK {
		t.Errorf("%d", got)
	}
	r.Close()
	if got := ask(); got != http.StatusServiceUnavailable {
		t.Errorf("%d after the store was closed", got)
	}
}

func TestInitTakesBackWhatItWroteWhenItCannotWriteAll(t *testing.T) {
	// A path so long that the folder data fits into it and the key in the folder does not.
	const longest, room = 4095, len("/data/master.key")
	dir := t.TempDir()
	for len(dir) < longest-room-250 {
		dir = filepath.Join(dir, strings.Repeat("d", 200))
	}
	dir = filepath.Join(dir, strings.Repeat("d", longest-room-len(dir)+1))
	if _, err := Init(dir, testAnswers); err == nil || errors.Is(err, ErrExists) {
		t.Skipf("this system takes longer paths: %v", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) || len(left) != 0 {
		t.Errorf("%d files are left: %v", len(left), err)
	}
}

func TestWhatInitWritesIsForTheRelaysUserAlone(t *testing.T) {
	cfg := newConfig(t, nil)
	dir := filepath.Dir(cfg.Data)
	for name, want := range map[string]fs.FileMode{
		"data": 0o700, "data/master.key": 0o600, "relay.env": 0o600, "relay.key": 0o600, "relay.crt": 0o644, "relay.toml": 0o644, ".": 0o700,
	} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm()&^want != 0 {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "relay.toml"))
	if err != nil || bytes.Contains(text, []byte("app-secret")) {
		t.Errorf("a secret stands in relay.toml: %v", err)
	}
}

func TestAConfigurationThatCannotWorkIsRefusedByItsKey(t *testing.T) {
	for key, change := range map[string]func(*Answers){
		"public":          func(a *Answers) { a.Public = ":8443" },
		"public: ":        func(a *Answers) { a.Public = "relay.example.com:" },
		"listen.devices":  func(a *Answers) { a.Devices = "nowhere" },
		"listen.webhooks": func(a *Answers) { a.Webhooks = "0.0.0.0:8080" },
		"listen.ops":      func(a *Answers) { a.Ops = "127.0.0.1:8080" }, // taken by the webhooks
		"whatsapp.api":    func(a *Answers) { a.API = "http://graph.facebook.com" },
		"whatsapp.api: ":  func(a *Answers) { a.API = "graph.facebook.com" },
		"inbox.number":    func(a *Answers) { a.Number = "030 23125" },
		"a secret":        func(a *Answers) { a.Token = "two words" },
		"a secret ":       func(a *Answers) { a.AppSecret = "tab\there" },
		"masking.digits":  func(a *Answers) { a.Digits = 3 },
	} {
		a := testAnswers
		change(&a)
		dir := filepath.Join(t.TempDir(), "relay")
		_, err := Init(dir, a)
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), strings.TrimSpace(strings.TrimSuffix(key, ": "))) {
			t.Errorf("%s: %v", key, err)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: something was written", key)
		}
	}
	cfg := newConfig(t, nil)
	for _, rate := range []int{-1, 1001} {
		c := cfg
		c.WhatsApp.Rate = rate
		if err := c.Check(); !errors.Is(err, ErrConfig) {
			t.Errorf("%d messages a second: %v", rate, err)
		}
	}
	c := cfg
	c.TLS.Key = ""
	if err := c.Check(); !errors.Is(err, ErrConfig) {
		t.Errorf("no key: %v", err)
	}
}

func TestTheDoctorTellsTheTruth(t *testing.T) {
	sim, err := wasim.New(wasim.Config{
		AppSecret: "app-secret", VerifyToken: "verify", Token: "token",
		Numbers: []wasim.Number{{ID: testAnswers.PhoneNumberID, Display: testAnswers.Number[1:], Name: "Sales"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	late := time.Duration(0)
	graph := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Date", time.Now().Add(late).UTC().Format(http.TimeFormat))
		sim.ServeHTTP(w, q)
	}))
	defer graph.Close()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>Welcome to our network") }))
	defer other.Close()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, x := range map[string]struct {
		change func(*Answers)
		late   time.Duration
		bad    string // what is bad, "" for nothing
		says   string
	}{
		"all well":        {func(*Answers) {}, 0, "", ""},
		"wrong token":     {func(a *Answers) { a.Token = "old" }, 0, "inbox sales", "does not take the token"},
		"wrong number id": {func(a *Answers) { a.PhoneNumberID = "106540352242923" }, 0, "inbox sales", "does not know this number"},
		"another number":  {func(a *Answers) { a.Number = "+493023125001" }, 0, "inbox sales", "belongs to another number"},
		"old version":     {func(a *Answers) { a.Version = "v20.0" }, 0, "inbox sales", "does not speak this version"},
		"slow clock":      {func(*Answers) {}, 5*time.Minute + 500*time.Millisecond, "clock", "5m0s apart"},
		"nobody there":    {func(a *Answers) { a.API = "http://127.0.0.1:1" }, 0, "whatsapp", "the connection is refused"},
		"no such name":    {func(a *Answers) { a.API = "https://graph.invalid" }, 0, "whatsapp", "cannot be reached"},
		"a hotel's page":  {func(a *Answers) { a.API = other.URL }, 0, "inbox sales", "not WhatsApp's"},
		"a taken port":    {func(a *Answers) { a.Ops = taken.Addr().String() }, 0, "addresses", "another program listens"},
	} {
		late = x.late
		cfg := newConfig(t, func(a *Answers) {
			a.API = graph.URL
			a.Devices, a.Webhooks, a.Ops = "127.0.0.1:28443", "127.0.0.1:28080", "127.0.0.1:29090"
			x.change(a)
		})
		bad := map[string]string{}
		for _, f := range Doctor(t.Context(), filepath.Join(filepath.Dir(cfg.Data), "relay.toml")) {
			if f.State == Bad {
				bad[f.What] = f.Detail
			}
			if f.State == Bad && f.Advice == "" {
				t.Errorf("%s: nobody says what to do about %s", name, f.What)
			}
			if text := fmt.Sprint(f); strings.Contains(text, "app-secret") || strings.Contains(text, "3023125") {
				t.Errorf("%s: a secret or a number is told", name)
			}
		}
		if x.bad == "" && len(bad) > 0 || x.bad != "" && (len(bad) != 1 || !strings.Contains(bad[x.bad], x.says)) {
			t.Errorf("%s: %v", name, bad)
		}
	}
}

func TestMediaIsAskedForAsLongAsWhatsAppKeepsIt(t *testing.T) {
	all := time.Duration(0)
	for n := range maxMediaTries {
		all += mediaRetry(n)
	}
	if all < 6*24*time.Hour || all > 8*24*time.Hour {
		t.Errorf("for %s", all)
	}
}
