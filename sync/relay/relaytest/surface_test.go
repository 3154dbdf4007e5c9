package relaytest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"io"
	"log/slog"
	"math/rand"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"sealdesk/app/inbox"
	"sealdesk/sync/engine"
	"sealdesk/sync/relay"
	"sealdesk/sync/relay/wasim"
	"sealdesk/sync/wire"
)

// record is what may be written from everywhere and read at the end.
type record struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.Write(p)
}

func (r *record) bytes() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]byte(nil), r.b.Bytes()...)
}

func get(t *testing.T, address, path string) (int, []byte) {
	t.Helper()
	res, err := http.Get("http://" + address + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, body
}

// TestNoSurfaceOfTheRelayTellsWhoACustomerIs drives a company through good and bad days, everything logged, and looks for
// every customer's identifier and for what people wrote in all the relay tells anybody: log, metrics, answers, close
// reasons, frames.
func TestNoSurfaceOfTheRelayTellsWhoACustomerIs(t *testing.T) {
	var told, frames record
	c := Start(t, Options{
		Log: slog.New(slog.NewTextHandler(&told, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Sim: func(w *wasim.Config) {
			w.Log = nil // only the relay's own words are looked at
			w.Faults = wasim.Faults{Duplicate: 0.3, Reorder: 0.3}
		},
	})
	tap := DeviceOptions{Frames: func(_ engine.Direction, b []byte) { frames.Write(b) }}
	d := c.Device(c.Person("Tobias Brandt", inbox.Agent), tap)
	const written, answered, noted = "canarywordofacustomer", "canarywordofanagent", "canarywordofanote"
	first := say(t, c, "katharina", written+" {{+49 151 5550 1234}} {{katharina.weber@example.org}}")
	say(t, c, "sofia", written)
	if _, err := c.Sim.React("katharina", first, "👍"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Sim.SendImage("marco", wasim.Scenes()[0], written); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Sim.SendRaw("emily", "hologram", map[string]any{"x": written}); err != nil {
		t.Fatal(err)
	}
	d.Await("four conversations", func() bool { return len(d.Rows()) == 4 })

	// Every way a post can end, in words that hold the customer's number at Meta's end.
	faults := []wasim.GraphFault{wasim.TooMany, wasim.ErrorAfter, wasim.ErrorBefore, wasim.ResetAfter, wasim.ResetBefore, wasim.GarbageAfter}
	c.Sim.FailNext(faults...)
	c.Sim.FailDelivery(131026, 131049)
	for _, row := range d.Rows() {
		d.Wish(inbox.SendText{Conversation: row.ID, Text: answered})
		d.Wish(inbox.SendText{Conversation: row.ID, Text: answered})
		d.Wish(inbox.AddNote{Conversation: row.ID, Text: noted})
		d.Wish(inbox.SendAgain{Conversation: row.ID, Message: d.Messages(row.ID)[0].ID}) // refused
		d.Wish(inbox.MarkRead{Conversation: row.ID, UpTo: row.LastSeq})
	}
	d.Await("everything to leave", func() bool { return len(c.Sim.Sent()) >= 6 })

	// Webhooks that hold identifiers and cannot be taken.
	secret := c.Sim.Identifiers()[0]
	bad := []byte(`{"object":"` + secret)
	post(t, c, bad, signature(AppSecret, bad))
	post(t, c, bad, "sha256="+secret)
	stray := bytes.ReplaceAll(textWebhook("wamid."+secret, written), []byte(PhoneNumberID), []byte("999999999999999"))
	post(t, c, stray, signature(AppSecret, stray))
	get(t, c.webhooks, relay.WebhookPath+"?hub.mode=subscribe&hub.challenge=1&hub.verify_token="+secret)
	for i := range 50 { // fields nobody knows become no labels
		odd := bytes.Replace(textWebhook("wamid.odd", written), []byte(`"field":"messages"`), fmt.Appendf(nil, `"field":"%s-%d"`, secret, i), 1)
		odd = regexp.MustCompile(`"contacts":.*\]`).ReplaceAll(odd, []byte(`"x":[]`))
		post(t, c, odd, signature(AppSecret, odd))
	}

	// A stranger whose every word is a secret.
	conn, _, err := dial(t, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	conn.WriteMessage(websocket.BinaryMessage, wire.Encode(wire.Hello{Low: wire.Version, High: wire.Version, Device: inbox.DeviceID(secret), App: secret, System: secret}))
	conn.ReadMessage()
	conn.WriteMessage(websocket.BinaryMessage, wire.Encode(wire.Proof{Signature: []byte(secret)}))
	for err = nil; err == nil; {
		_, _, err = conn.ReadMessage()
	}
	fmt.Fprintln(&told, "close:", err)

	// A device that names its wishes after customers.
	d.Down() // or it would call again, in the place of the next
	evil := c.raw(t, d)
	for _, i := range []inbox.Intent{
		{ID: inbox.IntentID(secret + "@"), Body: inbox.MarkRead{Conversation: "nowhere"}},
		{ID: "fine-1", Body: inbox.MarkRead{Conversation: inbox.ConversationID(secret + "@")}},
		{ID: "fine-2", Body: inbox.AddNote{Conversation: "nowhere", Text: secret}},
	} {
		o := evil.wish(i)
		fmt.Fprintln(&told, "outcome:", o)
	}
	evil.conn.Close()

	admin, done, err := relay.OpenAdmin(t.Context(), c.Config, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	people, err := admin.People(t.Context())
	fmt.Fprintln(&told, "admin:", people, err, done())
	_, metrics := get(t, c.Config.Listen.Ops, "/metrics")
	status, health := get(t, c.Config.Listen.Ops, "/healthz")
	if status != http.StatusOK {
		t.Errorf("health %d", status)
	}
	c.Down()
	fmt.Fprintf(&told, "%s%s", metrics, health)

	for name, text := range map[string][]byte{"what the relay tells": told.bytes(), "the frames": frames.bytes()} {
		leaks(t, name, text, c.Sim.Identifiers())
	}
	for _, word := range []string{written, answered, noted, AppSecret, VerifyToken, Token, "Katharina", "Tobias"} {
		if name := strings.Contains(string(told.bytes()), word); name && word != "Tobias" { // the admin asked for people
			t.Errorf("%q is told", word)
		}
	}
	checkLabels(t, metrics)
	for _, want := range []string{"webhook signature refused", "message was not accepted", "device refused"} {
		if !bytes.Contains(told.bytes(), []byte(want)) {
			t.Errorf("the log does not say %q: the day was not bad enough", want)
		}
	}
}

// checkLabels bounds what metrics can become: few series, values of few letters.
func checkLabels(t *testing.T, metrics []byte) {
	t.Helper()
	series := 0
	for line := range strings.Lines(string(metrics)) {
		if !strings.HasPrefix(line, "sealdesk_") {
			continue
		}
		series++
		for _, m := range regexp.MustCompile(`="([^"]*)"`).FindAllStringSubmatch(line, -1) {
			if !regexp.MustCompile(`^[a-z_ -]{1,40}$|^[0-9.+Inf]{1,6}$`).MatchString(m[1]) {
				t.Errorf("a label says %q", m[1])
			}
		}
	}
	if series == 0 || series > 200 {
		t.Errorf("%d series", series)
	}
}

func TestTheAdminSocketIsForTheRelaysUserAlone(t *testing.T) {
	c := Start(t, Options{})
	socket := filepath.Join(c.Config.Data, "admin.sock")
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info, err)
	}
	if _, err := os.Stat(filepath.Join(c.Config.Data, ".s")); err == nil {
		t.Error("the room the socket was made in is left")
	}
	admin, _, err := relay.OpenAdmin(t.Context(), c.Config, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	// The same errors as without a running relay: the command line turns them into advice.
	if _, err := admin.Invite(t.Context(), "Nobody"); err != relay.ErrNoPerson {
		t.Errorf("nobody: %v", err)
	}
	if _, err := admin.AddPerson(t.Context(), "Tobias Brandt", inbox.Agent, []inbox.InboxID{"nowhere"}); err != relay.ErrNoInbox {
		t.Errorf("nowhere: %v", err)
	}
	c.Down()
	if _, err := os.Stat(socket); !os.IsNotExist(err) {
		t.Errorf("the socket is left behind: %v", err)
	}
	// One that a killed relay left behind is no hindrance.
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	c.Up()
	if _, err := admin.People(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestServeRefusesATakenPortInASentenceAndLetsGoOfTheOthers(t *testing.T) {
	c := Start(t, Options{})
	c.Down()
	l, err := net.Listen("tcp", c.Config.Listen.Ops)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r, err := relay.Open(t.Context(), c.Config, relay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	finished := make(chan error, 1)
	go func() { finished <- r.Serve(t.Context()) }()
	select {
	case err = <-finished:
	case <-time.After(10 * time.Second):
		t.Fatal("it serves without its metrics")
	}
	if err == nil || !strings.Contains(err.Error(), "listen.ops: another program listens on "+c.Config.Listen.Ops) {
		t.Errorf("%v", err)
	}
	for _, address := range []string{c.Address, c.webhooks} {
		if free, err := net.Listen("tcp", address); err != nil {
			t.Errorf("an address is still held: %v", err)
		} else {
			free.Close()
		}
	}
}

func TestAFullDiskLosesNothing(t *testing.T) {
	c := Start(t, Options{StoreLimit: 1 << 20})
	d := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	say(t, c, "marco", "Ciao")
	d.Await("the message", func() bool { return len(d.Rows()) == 1 })
	id := d.Rows()[0].ID
	status := 0
	taken := 0
	for range 400 {
		body := textWebhook(fmt.Sprintf("wamid.full%d", taken), strings.Repeat("x", 3000))
		if status = post(t, c, body, signature(AppSecret, body)); status != http.StatusOK {
			break
		}
		taken++
	}
	if status != http.StatusServiceUnavailable {
		t.Fatalf("a full disk answers %d after %d webhooks", status, taken)
	}
	if status, _ := get(t, c.Config.Listen.Ops, "/healthz"); status != http.StatusOK {
		t.Errorf("health %d: reading works, and a restart would not help", status)
	}
	d.Wish(inbox.SendText{Conversation: id, Text: "Un momento"})
	// Room again: whatever was confirmed is there, and the wish is carried out.
	c.Down()
	c.opt.StoreLimit = 0
	c.Up()
	d.Await("the wish", func() bool { return customersGot(c, "Un momento") == 1 })
	d.Await("every webhook that was confirmed", func() bool {
		for _, row := range d.Rows() {
			if row.ID != id {
				return len(d.Messages(row.ID)) == taken
			}
		}
		return false
	})
}

func TestThreeHundredMessagesToSixtyCustomersAreNotRefusedOnce(t *testing.T) {
	const customers, each = 60, 5
	var log record
	personas := make([]wasim.Persona, customers)
	for i := range personas {
		personas[i] = wasim.Persona{Key: fmt.Sprintf("p%d", i), Name: fmt.Sprintf("Person %d", i), Number: fmt.Sprintf("1555010%04d", i)}
	}
	c := Start(t, Options{
		Sim: func(w *wasim.Config) {
			w.Personas = personas
			w.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		},
	})
	d := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	for _, p := range personas {
		say(t, c, p.Key, "Hallo")
	}
	d.Await("all conversations", func() bool { return len(d.Rows()) == customers })
	// The words are strange and never the same: a text sent to many, or one in which the guard saw a number, would wait.
	r := rand.New(rand.NewSource(1))
	letters := func(from string) string { return string(from[r.Intn(len(from))]) }
	strange := func() (text string) {
		for range 6 {
			text += " "
			for range 3 {
				text += letters("bdfgklmnprstvz") + letters("aeiou")
			}
		}
		return text
	}
	for n := range each {
		for _, row := range d.Rows() {
			d.Wish(inbox.SendText{Conversation: row.ID, Text: fmt.Sprint(n, strange())})
		}
	}
	d.Await("all of them", func() bool { return len(c.Sim.Sent()) == customers*each })
	if bytes.Contains(log.bytes(), []byte("graph request refused")) {
		t.Error("WhatsApp refused a message that came too fast")
	}
	next := map[string]int{}
	for _, m := range c.Sim.Sent() {
		n, _, _ := strings.Cut(m.Text, " ")
		if n != fmt.Sprint(next[m.To]) {
			t.Fatalf("a customer got message %s as number %d", n, next[m.To])
		}
		next[m.To]++
	}
}

// rawDevice speaks for an enrolled device as no engine would.
type rawDevice struct {
	t    *testing.T
	conn *websocket.Conn
}

// raw connects in the place of a device.
func (c *Company) raw(t *testing.T, d *Device) *rawDevice {
	t.Helper()
	conn, _, err := dial(t, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &rawDevice{t: t, conn: conn}
	id := d.Enrolled.Device
	r.send(wire.Encode(wire.Hello{Low: wire.Version, High: wire.Version, Device: id, App: "test"}))
	challenge := r.next().(wire.Challenge)
	r.send(wire.Encode(wire.Proof{Signature: ed25519.Sign(d.Enrolled.Key, wire.ProofBytes(challenge, id, c.Relay().Pin(), "test"))}))
	if _, ok := r.next().(wire.Welcome); !ok {
		t.Fatal("not welcome")
	}
	r.send(wire.Encode(wire.Resume{}))
	return r
}

func (r *rawDevice) send(frame []byte) {
	r.t.Helper()
	if err := r.conn.WriteMessage(websocket.BinaryMessage, frame); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rawDevice) next() any {
	r.t.Helper()
	r.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, frame, err := r.conn.ReadMessage()
	if err != nil {
		r.t.Fatal(err)
	}
	body, err := wire.Decode(frame)
	if err != nil {
		r.t.Fatal(err)
	}
	return body
}

// wish sends a wish and returns its outcome.
func (r *rawDevice) wish(i inbox.Intent) wire.Outcome {
	r.t.Helper()
	frame, err := wire.EncodeIntent(i)
	if err != nil {
		r.t.Fatal(err)
	}
	r.send(frame)
	for {
		if o, ok := r.next().(wire.Outcome); ok {
			return o
		}
	}
}

func TestAWishRepeatedGetsTheSameAnswerAndAnotherUnderItsNameIsRefused(t *testing.T) {
	c := Start(t, Options{})
	p := c.Person("Tobias Brandt", inbox.Agent)
	d, other := c.Device(p, DeviceOptions{}), c.Device(p, DeviceOptions{})
	say(t, c, "marco", "Ciao")
	d.Await("the message", func() bool { return len(d.Rows()) == 1 })
	id := d.Rows()[0].ID
	d.Down()
	a := c.raw(t, d)
	text := inbox.Intent{ID: "wish-1", At: 1, Body: inbox.SendText{Conversation: id, Text: "Buongiorno"}}
	for range 3 {
		if o := a.wish(text); o.Refusal != inbox.Granted || o.Retry != 0 || o.Intent != "wish-1" {
			t.Errorf("the wish: %+v", o)
		}
	}
	for name, i := range map[string]inbox.Intent{
		"another text":    {ID: "wish-1", Body: inbox.SendText{Conversation: id, Text: "Buonasera"}},
		"another kind":    {ID: "wish-1", Body: inbox.AddNote{Conversation: id, Text: "Buongiorno"}},
		"a huge message":  {ID: "wish-2", Body: inbox.SendAgain{Conversation: id, Message: inbox.MessageID(strings.Repeat("a", 2000))}},
		"a huge quote":    {ID: "wish-3", Body: inbox.SendText{Conversation: id, Text: "x", Quote: inbox.MessageID(strings.Repeat("a", 2000))}},
		"no name at all":  {ID: "wish 4", Body: inbox.MarkRead{Conversation: id}},
		"a huge assignee": {ID: "wish-5", Body: inbox.Assign{Conversation: id, To: inbox.PersonID(strings.Repeat("a", 2000))}},
	} {
		if o := a.wish(i); o.Refusal != inbox.RefusedMalformed || o.Retry != 0 {
			t.Errorf("%s: %+v", name, o)
		}
	}
	other.Down()
	if o := c.raw(t, other).wish(text); o.Refusal != inbox.RefusedMalformed {
		t.Errorf("another device: %+v", o)
	}
	d.Up()
	d.Await("the message to be read", func() bool { m, _ := receiptOf(d, id, "Buongiorno"); return m.Receipt == inbox.Read })
	if n := len(c.Sim.Sent()); n != 1 {
		t.Errorf("%d messages left", n)
	}
}

func TestTwoColleaguesWhoSendAgainSendOnce(t *testing.T) {
	c := Start(t, Options{})
	d := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	other := c.Device(c.Person("Sabine Lorenz", inbox.Supervisor), DeviceOptions{})
	say(t, c, "marco", "Ciao")
	d.Await("the message", func() bool { return len(d.Rows()) == 1 })
	id := d.Rows()[0].ID
	c.Sim.FailDelivery(131026)
	d.Wish(inbox.SendText{Conversation: id, Text: "Buongiorno"})
	failed := func(d *Device) bool { m, _ := receiptOf(d, id, "Buongiorno"); return m.Receipt == inbox.Failed }
	d.Await("the failure", func() bool { return failed(d) })
	other.Await("the failure", func() bool { return len(other.Rows()) == 1 && failed(other) })
	m, _ := receiptOf(d, id, "Buongiorno")
	d.Wish(inbox.SendAgain{Conversation: id, Message: m.ID})
	other.Wish(inbox.SendAgain{Conversation: id, Message: m.ID})
	d.Await("one more to be read", func() bool {
		m, n := receiptOf(d, id, "Buongiorno")
		return n == 2 && m.Receipt == inbox.Read
	})
	other.Await("both wishes to be settled", func() bool { return pending(t, d)+pending(t, other) == 0 })
	if n := customersGot(c, "Buongiorno"); n != 2 {
		t.Errorf("WhatsApp was given it %d times", n)
	}
}

func pending(t *testing.T, d *Device) int {
	t.Helper()
	list, err := d.Store.Pending(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
