package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay"
	"sealdesk/sync/wire"
)

// A laptop speaks for one device, frame by frame.
type laptop struct {
	id    inbox.DeviceID
	key   ed25519.PrivateKey
	relay ed25519.PublicKey
}

// serving opens the relay of a configuration for as long as f runs.
func serving(t *testing.T, config string, f func(r *relay.Relay, client *http.Client, address string)) {
	t.Helper()
	cfg, err := relay.LoadConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	r, err := relay.Open(t.Context(), cfg, relay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(r.Devices())
	srv.TLS = r.TLS()
	srv.StartTLS()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	f(r, client, srv.Listener.Addr().String())
	srv.CloseClientConnections()
	srv.Close()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

func enrolLaptop(t *testing.T, client *http.Client, address, enrolment, name string) laptop {
	t.Helper()
	e, err := wire.ParseEnrolment(enrolment)
	if err != nil {
		t.Fatal(err)
	}
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	body := wire.EncodeEnrol(wire.EnrolRequest{Code: e.Code, PublicKey: public, Signature: ed25519.Sign(key, wire.EnrolBytes(e.Code, public)), Name: name})
	res, err := client.Post("https://"+address+wire.EnrolPath, "application/cbor", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := wire.DecodeEnrolReply(raw)
	if err != nil || reply.Error != nil || len(reply.Key) != ed25519.PublicKeySize {
		t.Fatalf("%v %v", reply.Error, err)
	}
	return laptop{id: reply.Device, key: key, relay: reply.Key}
}

// dial proves the laptop's key and returns what the relay says next.
func (l laptop) dial(t *testing.T, address string, pin wire.Pin) (*websocket.Conn, any) {
	t.Helper()
	d := websocket.Dialer{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	conn, _, err := d.Dial("wss://"+address+wire.SyncPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetReadDeadline(time.Now().Add(time.Minute))
	conn.WriteMessage(websocket.BinaryMessage, wire.Encode(wire.Hello{Low: wire.Version, High: wire.Version, Device: l.id}))
	challenge, ok := hear(t, conn).(wire.Challenge)
	if !ok {
		t.Fatal("no challenge")
	}
	conn.WriteMessage(websocket.BinaryMessage, wire.Encode(wire.Proof{Signature: ed25519.Sign(l.key, wire.ProofBytes(challenge, l.id, pin, ""))}))
	return conn, hear(t, conn)
}

func hear(t *testing.T, conn *websocket.Conn) any {
	t.Helper()
	_, frame, err := conn.ReadMessage()
	if err != nil {
		return err
	}
	body, err := wire.Decode(frame)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// TestALaptopIsWipedFromTheCommandLine goes all the way: ordered at the command line, delivered as a file and over the
// network, proven by the laptop, and judged from a file alone.
func TestALaptopIsWipedFromTheCommandLine(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "relay.toml")
	try := func(args ...string) (string, string, int) {
		var out, errOut bytes.Buffer
		code := run(append([]string{"--config", config}, args...), strings.NewReader(""), &out, &errOut)
		return out.String(), errOut.String(), code
	}
	do := func(args ...string) string {
		t.Helper()
		out, errOut, code := try(args...)
		if code != 0 {
			t.Fatalf("%v: %d %s", args, code, errOut)
		}
		return out
	}
	says := func(what, text string) {
		t.Helper()
		if !regexp.MustCompile(text).MatchString(what) {
			t.Errorf("%q is not said in\n%s", text, what)
		}
	}
	do("init", "--public", "relay.example.com:8443", "--number", "+493023125000", "--phone-number-id", "106540352242922", "--app-secret", "s", "--token", "t")
	do("person", "add", "Tobias Brandt")
	enrolment := regexp.MustCompile(`(?m)^sealdesk:\S+$`).FindString(do("enrol", "Tobias Brandt"))
	var l laptop
	serving(t, config, func(_ *relay.Relay, client *http.Client, address string) {
		l = enrolLaptop(t, client, address, enrolment, "ThinkPad")
	})
	says(do("device", "list"), `ThinkPad +Tobias Brandt .* in use`)
	do("device", "rename", "thinkpad", "Desk 12")
	if _, errOut, code := try("device", "reimaged", "Desk 12"); code == 0 || !strings.Contains(errOut, "never to be wiped") {
		t.Errorf("%d %s", code, errOut)
	}
	if _, errOut, code := try("order", "Desk 12"); code == 0 || !strings.Contains(errOut, "no wipe of Desk 12 was ordered") {
		t.Errorf("%d %s", code, errOut)
	}

	says(do("wipe", "Desk 12", "--why", "lost"), `Desk 12: wipe ordered`)
	if strings.Contains(do("device", "list"), "wiped") {
		t.Error("called wiped before anything is proven")
	}
	file := filepath.Join(dir, wire.WipeFile)
	do("order", "Desk 12", "--out", file)
	frame, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	body, err := wire.Decode(frame)
	if err != nil {
		t.Fatal(err)
	}
	order := body.(wire.Wipe).Order
	o, err := wire.OpenOrder(l.relay, l.id, order)
	if err != nil || o.Why != inbox.WipeLost {
		t.Fatalf("%+v: %v", o, err)
	}
	if _, _, code := try("order", "Desk 12", "--out", file); code == 0 {
		t.Error("a file was overwritten")
	}
	bare := filepath.Join(dir, "bare.proof")
	do("receipt", "save", "Desk 12", "--out", bare)
	key := strings.TrimSpace(do("receipt", "key"))
	if _, errOut, code := try("receipt", "verify", bare, "--key", key); code == 0 || !strings.Contains(errOut, "nothing proves yet that the laptop obeyed") {
		t.Errorf("%d %s", code, errOut)
	}

	serving(t, config, func(r *relay.Relay, _ *http.Client, address string) {
		conn, said := l.dial(t, address, r.Pin())
		w, ok := said.(wire.Wipe)
		if !ok || !bytes.Equal(w.Order, order) {
			t.Fatalf("the relay says %T", said)
		}
		step := inbox.WipeStep{Did: inbox.WipeIntended, At: 1_790_000_000_000}
		conn.WriteMessage(websocket.BinaryMessage, wire.Encode(wire.Wiping{Wipe: o.ID, Step: step}))
		conn.WriteMessage(websocket.BinaryMessage, wire.Encode(wire.Wiped{Receipt: wire.SignReceipt(l.key, wire.WipeReceipt{
			Wipe: o.ID, Order: wire.OrderDigest(order), Device: l.id, Store: []byte("s"), Epoch: o.Epoch, Why: o.Why,
			Steps: []inbox.WipeStep{step, {Did: inbox.WipeStore, At: 1_790_000_000_500, Count: 2, Bytes: 4096}}, Left: []string{"crash.log"}, App: "1.0.0", System: "linux/amd64",
		})}))
		if err, ok := hear(t, conn).(*websocket.CloseError); !ok || err.Code != wire.CloseWiped {
			t.Errorf("closed with %v", err)
		}
	})
	says(do("device", "list"), `wiped .* receipt verified`)
	proof := filepath.Join(dir, "wipe.proof")
	do("receipt", "save", "Desk 12", "--out", proof)
	os.Remove(config) // the relay is not needed any more
	account := do("receipt", "verify", proof, "--key", key)
	says(account, `Laptop +`+string(l.id))
	says(account, `because: lost`)
	says(account, `destroyed the store: 2 items, 4096 bytes`)
	says(account, `LEFT +"crash.log" could not be destroyed`)
	var parsed relay.ProofAccount
	if err := json.Unmarshal([]byte(do("receipt", "verify", proof, "--key", key, "--json")), &parsed); err != nil || parsed.Receipt == nil {
		t.Errorf("as JSON: %v", err)
	}
	if _, _, code := try("receipt", "verify", proof, "--key", relay.ReceiptKey(l.key.Public().(ed25519.PublicKey))); code != 1 {
		t.Errorf("by another key: %d", code)
	}
}
