package relaytest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"sealdesk/app/inbox"
	"sealdesk/sync/engine"
	"sealdesk/sync/relay"
	"sealdesk/sync/wire"
)

func webhookURL(c *Company) string { return "http://" + c.webhooks + relay.WebhookPath }

func signature(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func post(t *testing.T, c *Company, body []byte, sign string) int {
	t.Helper()
	q, err := http.NewRequest(http.MethodPost, webhookURL(c), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if sign != "" {
		q.Header.Set("X-Hub-Signature-256", sign)
	}
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}

func textWebhook(id, text string) []byte {
	return fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"1","phone_number_id":%q},"contacts":[{"profile":{"name":"Ann"},"wa_id":"15550100001"}],"messages":[{"from":"15550100001","id":%q,"timestamp":"%d","type":"text","text":{"body":%q}}]}}]}]}`,
		PhoneNumberID, id, time.Now().Unix(), text)
}

func TestWebhooksThatAreNotMetasAreRefusedAndNothingIsKept(t *testing.T) {
	c := Start(t, Options{})
	d := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	good := textWebhook("wamid.forged", "forged")
	huge := append(bytes.Repeat([]byte(" "), 5<<20), good...)
	for name, x := range map[string]struct {
		body []byte
		sign string
		want int
	}{
		"no signature":       {good, "", 401},
		"wrong secret":       {good, signature("another", good), 401},
		"signature of other": {good, signature(AppSecret, []byte("{}")), 401},
		"not a signature":    {good, "sha256=zz", 401},
		"upper-case scheme":  {good, strings.Replace(signature(AppSecret, good), "sha256", "sha1", 1), 401},
		"not JSON":           {[]byte("hello"), signature(AppSecret, []byte("hello")), 400},
		"cut in half":        {good[:len(good)/2], signature(AppSecret, good[:len(good)/2]), 400},
		"larger than Meta's": {huge, signature(AppSecret, huge), 413},
	} {
		if got := post(t, c, x.body, x.sign); got != x.want {
			t.Errorf("%s: %d, want %d", name, got, x.want)
		}
	}
	// What comes after is taken: it also proves that nothing before it was kept, for facts come in order.
	after := textWebhook("wamid.genuine", "genuine")
	if got := post(t, c, after, signature(AppSecret, after)); got != 200 {
		t.Fatalf("a genuine webhook got %d", got)
	}
	d.Await("the genuine message", func() bool { return len(d.Rows()) == 1 })
	if m := d.Messages(d.Rows()[0].ID); len(m) != 1 || m[0].Body.Visible() != "genuine" {
		t.Errorf("%d messages were kept", len(m))
	}
}

func TestAWebhookOfThreeMegabytesIsTaken(t *testing.T) {
	c := Start(t, Options{})
	d := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	body := textWebhook("wamid.long", "long")
	body = append(body[:len(body)-1], fmt.Sprintf(`,"padding":%q}`, strings.Repeat("x", 3<<20-2000))...)
	if got := post(t, c, body, signature(AppSecret, body)); got != 200 {
		t.Fatalf("got %d", got)
	}
	d.Await("the message", func() bool { return len(d.Rows()) == 1 })
}

func TestTheHandshakeAnswersOnlyWhoKnowsTheToken(t *testing.T) {
	c := Start(t, Options{})
	for query, want := range map[string]int{
		"hub.mode=subscribe&hub.verify_token=" + VerifyToken + "&hub.challenge=1158201444": 200,
		"hub.mode=subscribe&hub.verify_token=wrong&hub.challenge=1":                        403,
		"hub.mode=other&hub.verify_token=" + VerifyToken + "&hub.challenge=1":              403,
		"": 403,
	} {
		res, err := http.Get(webhookURL(c) + "?" + query)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != want || want == 200 && string(body) != "1158201444" {
			t.Errorf("%q: %d", query, res.StatusCode)
		}
	}
}

// dial opens a socket as no engine would.
func dial(t *testing.T, c *Company, header http.Header) (*websocket.Conn, *http.Response, error) {
	t.Helper()
	d := websocket.Dialer{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // the pin is tested elsewhere
	conn, res, err := d.Dial("wss://"+c.Address+wire.SyncPath, header)
	if err == nil {
		t.Cleanup(func() { conn.Close() })
	}
	return conn, res, err
}

func closeCode(t *testing.T, conn *websocket.Conn) int {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	for {
		_, _, err := conn.ReadMessage()
		var closed *websocket.CloseError
		if errors.As(err, &closed) {
			return closed.Code
		}
		if err != nil {
			return -1
		}
	}
}

func TestStrangersGetNoFurtherThanTheDoor(t *testing.T) {
	c := Start(t, Options{})
	p := c.Person("Tobias Brandt", inbox.Agent)
	known := c.Device(p, DeviceOptions{})
	known.Down()
	_, stranger, _ := ed25519.GenerateKey(rand.Reader)
	hello := func(low, high int, id inbox.DeviceID) []byte {
		return wire.Encode(wire.Hello{Low: low, High: high, Device: id, App: "test"})
	}
	prove := func(key ed25519.PrivateKey, id inbox.DeviceID) func(*websocket.Conn) {
		return func(conn *websocket.Conn) {
			_, frame, err := conn.ReadMessage()
			if err != nil {
				t.Fatal(err)
			}
			body, err := wire.Decode(frame)
			if err != nil {
				t.Fatal(err)
			}
			signed := wire.ProofBytes(body.(wire.Challenge), id, c.Relay().Pin(), "test")
			conn.WriteMessage(websocket.BinaryMessage, wire.Encode(wire.Proof{Signature: ed25519.Sign(key, signed)}))
		}
	}
	for name, x := range map[string]struct {
		first []byte
		then  func(*websocket.Conn)
		want  int
	}{
		"half a frame":                 {hello(wire.Version, wire.Version, "d")[:5], nil, wire.CloseMalformed},
		"a frame out of turn":          {wire.Encode(wire.Ack{}), nil, wire.CloseMalformed},
		"a version from the past":      {hello(-3, 0, "d"), nil, wire.CloseUpdate},
		"a version from the future":    {hello(wire.Version+1, wire.Version+9, "d"), nil, wire.CloseRelayTooOld},
		"a device nobody enrolled":     {hello(wire.Version, wire.Version, "nobody"), prove(stranger, "nobody"), wire.CloseProof},
		"another's device, own key":    {hello(wire.Version, wire.Version, known.Enrolled.Device), prove(stranger, known.Enrolled.Device), wire.CloseProof},
		"a proof for another device":   {hello(wire.Version, wire.Version, known.Enrolled.Device), prove(known.Enrolled.Key, "other"), wire.CloseProof},
		"more than a hello could hold": {append(hello(wire.Version, wire.Version, "d"), make([]byte, 2*wire.MaxHandshakeFrame)...), nil, websocket.CloseMessageTooBig},
	} {
		t.Run(name, func(t *testing.T) {
			conn, _, err := dial(t, c, nil)
			if err != nil {
				t.Fatal(err)
			}
			conn.WriteMessage(websocket.BinaryMessage, x.first)
			if x.then != nil {
				x.then(conn)
			}
			if got := closeCode(t, conn); got != x.want {
				t.Errorf("close code %d, want %d", got, x.want)
			}
		})
	}
	if _, res, err := dial(t, c, http.Header{"Origin": {"https://example.org"}}); err == nil || res == nil || res.StatusCode != 403 {
		t.Error("a page of a browser got in")
	}
}

func TestARevokedDeviceIsToldSoAndNobodyElseIs(t *testing.T) {
	c := Start(t, Options{})
	d := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	d.Await("the connection", func() bool { return d.Engine.Link().State == engine.Online })
	if err := c.Relay().Revoke(t.Context(), d.Enrolled.Device); err != nil {
		t.Fatal(err)
	}
	d.Await("the exclusion", func() bool { return d.Engine.Link().State == engine.Revoked })
	conn, _, err := dial(t, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	conn.WriteMessage(websocket.BinaryMessage, wire.Encode(wire.Hello{Low: wire.Version, High: wire.Version, Device: d.Enrolled.Device}))
	conn.ReadMessage()
	conn.WriteMessage(websocket.BinaryMessage, wire.Encode(wire.Proof{Signature: make([]byte, 64)}))
	if got := closeCode(t, conn); got != wire.CloseProof {
		t.Errorf("a stranger learnt of the exclusion: %d", got)
	}
}

func TestAnEnrolmentCodeAdmitsOneDeviceInTime(t *testing.T) {
	start, later := time.Now(), new(atomic.Int64)
	c := Start(t, Options{Now: func() time.Time { return start.Add(time.Duration(later.Load())) }})
	p := c.Person("Tobias Brandt", inbox.Agent)
	enrol := func(e wire.Enrolment) error {
		_, err := engine.Enrol(t.Context(), e, engine.EnrolConfig{Name: "laptop"})
		return err
	}
	good := c.Invite(p)
	if err := enrol(good); err != nil {
		t.Fatal(err)
	}
	if err := enrol(good); !errors.Is(err, wire.ErrCodeUsed) {
		t.Errorf("a used code: %v", err)
	}
	wrong := c.Invite(p)
	wrong.Code = strings.Repeat("2", wire.CodeLen)
	if err := enrol(wrong); !errors.Is(err, wire.ErrCodeUnknown) {
		t.Errorf("a wrong code: %v", err)
	}
	late := c.Invite(p)
	later.Store(int64(16 * time.Minute))
	if err := enrol(late); !errors.Is(err, wire.ErrCodeExpired) {
		t.Errorf("an expired code: %v", err)
	}
	other := c.Invite(p)
	other.Pin[0] ^= 1
	if err := enrol(other); !errors.Is(err, engine.ErrWrongRelay) {
		t.Errorf("another certificate: %v", err)
	}
}

func TestWishesThatCannotBeAreRefusedInWords(t *testing.T) {
	var later atomic.Int64
	c := Start(t, Options{Now: func() time.Time { return time.Now().Add(time.Duration(later.Load())) }})
	d := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	auditor := c.Device(c.Person("Anna Auditor", inbox.Auditor), DeviceOptions{})
	say(t, c, "marco", "Ciao")
	d.Await("the message", func() bool { return len(d.Rows()) == 1 })
	id := d.Rows()[0].ID
	later.Store(int64(inbox.ReplyWindow) + 1)
	d.Wish(inbox.SendText{Conversation: id, Text: "Troppo tardi"})
	d.Await("the refusal to be shown", func() bool {
		for _, m := range d.Messages(id) {
			if m.Receipt == inbox.Failed && m.Failure == inbox.FailWindow {
				return true
			}
		}
		return false
	})
	if n := len(c.Sim.Sent()); n != 0 {
		t.Errorf("%d messages left", n)
	}
	if n := len(auditor.Rows()); n != 0 {
		t.Errorf("an auditor sees %d conversations", n)
	}
}
