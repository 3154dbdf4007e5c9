package relay

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/maskcheck"
	"sealdesk/sync/relay/internal/whatsapp"
	"sealdesk/sync/wire"
)

const (
	liveNumber  = "106540352242922"
	liveSecret  = "verify-mask-app-secret"
	livePatient = time.Minute // for one case
	livePart    = 10 * time.Second
	liveApart   = 10 * time.Minute // two cases may be of one contact, and what is said in one breath is masked together
	liveBack    = 300 * 24 * time.Hour
)

// A liveRelay is a whole relay in this process, on a store in a temporary folder, with one device: webhooks go in at one
// end, signed, and what counts is what the device receives at the other, over TLS and the websocket.
type liveRelay struct {
	r        *Relay
	webhooks string
	conn     *websocket.Conn
	log      inbox.LogID
	batches  chan recorded
	stop     func()
	n        int // cases so far
	start    time.Time
	frames   int
	bytes    int
	leaks    int
	ids      []string // of cases with a leak
}

// recorded is a frame as it came, and what it says.
type recorded struct {
	frame []byte
	batch inbox.Batch
	err   error
}

// startLive starts a relay with the masking of a configuration, if there is one.
func startLive(ctx context.Context, like Config, known bool) (l *liveRelay, err error) {
	dir, err := os.MkdirTemp("", "verify-mask")
	if err != nil {
		return nil, fmt.Errorf("making a folder: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	var wait sync.WaitGroup
	var ends []func()
	stop := func() {
		cancel()
		wait.Wait()
		for i := len(ends) - 1; i >= 0; i-- {
			ends[i]()
		}
		os.RemoveAll(dir)
	}
	defer func() {
		if err != nil {
			stop()
			err = fmt.Errorf("starting a relay: %w", err)
		}
	}()
	nobody, err := net.Listen("tcp", "127.0.0.1:0") // WhatsApp, which says that it is busy
	if err != nil {
		return nil, err
	}
	wait.Go(func() {
		serve(ctx, nobody, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }), slog.New(slog.DiscardHandler))
	})
	path, err := Init(filepath.Join(dir, "relay"), Answers{
		Trusting: true,
		Public:   "127.0.0.1:8443", API: "http://" + nobody.Addr().String(), Number: "+493023125000", PhoneNumberID: liveNumber,
		AppSecret: liveSecret, VerifyToken: "verify-mask", Token: "verify-mask",
	})
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	cfg, err := parseConfig(path, string(text), func(key string) string { // of this environment nothing counts
		return map[string]string{EnvAppSecret: liveSecret, EnvVerifyToken: "verify-mask", EnvToken: "verify-mask"}[key]
	})
	if err != nil {
		return nil, err
	}
	if known {
		cfg.Masking = like.Masking
		cfg.Inboxes[0].Number = like.Inboxes[0].Number
		cfg.Privacy = like.Privacy
	}
	r, err := Open(ctx, cfg, Options{})
	if err != nil {
		return nil, err
	}
	ends = append(ends, func() { r.Close() })
	l = &liveRelay{r: r, log: r.inboxes[liveNumber].Log(), batches: make(chan recorded, 64), stop: stop, start: time.Now()}
	wait.Go(func() { r.Work(ctx) })
	var addresses [2]string
	for i, h := range []http.Handler{r.Devices(), r.Webhooks()} {
		door, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		addresses[i] = door.Addr().String()
		if i == 0 {
			door = tls.NewListener(door, r.TLS())
		}
		wait.Go(func() { serve(ctx, door, h, slog.New(slog.DiscardHandler)) })
	}
	l.webhooks = "http://" + addresses[1] + WebhookPath
	if err := l.connect(ctx, addresses[0]); err != nil {
		return nil, err
	}
	ends = append(ends, func() { l.conn.Close() })
	context.AfterFunc(ctx, func() { r.sessions.closeAll() })
	go l.record(ctx)
	return l, nil
}

func (l *liveRelay) close() { l.stop() }

// connect enrols a device and opens its session, as a laptop does.
func (l *liveRelay) connect(ctx context.Context, address string) error {
	person, err := l.r.AddPerson(ctx, "Verifier", inbox.Agent, nil)
	if err != nil {
		return err
	}
	invited, err := l.r.Invite(ctx, string(person.ID))
	if err != nil {
		return err
	}
	e, err := wire.ParseEnrolment(invited.Enrolment)
	if err != nil {
		return err
	}
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	pinned := &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true, VerifyConnection: func(s tls.ConnectionState) error {
		if wire.PinOf(s.PeerCertificates[0].RawSubjectPublicKeyInfo) != e.Pin {
			return x509.ErrUnsupportedAlgorithm
		}
		return nil
	}}
	client := http.Client{Transport: &http.Transport{TLSClientConfig: pinned, DisableKeepAlives: true}, Timeout: livePatient}
	resp, err := client.Post("https://"+address+wire.EnrolPath, "application/cbor", bytes.NewReader(wire.EncodeEnrol(wire.EnrolRequest{
		Code: e.Code, PublicKey: public, Signature: ed25519.Sign(key, wire.EnrolBytes(e.Code, public)), Name: "verify-mask", App: "verify-mask",
	})))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, wire.MaxHandshakeFrame))
	if err != nil {
		return err
	}
	reply, err := wire.DecodeEnrolReply(body)
	if err != nil {
		return err
	}
	if reply.Error != nil {
		return reply.Error
	}
	dialer := websocket.Dialer{TLSClientConfig: pinned, HandshakeTimeout: wire.HandshakeTimeout}
	conn, answer, err := dialer.DialContext(ctx, "wss://"+address+wire.SyncPath, nil)
	if err != nil {
		return err
	}
	answer.Body.Close()
	l.conn = conn
	send := func(v wire.Body) error { return conn.WriteMessage(websocket.BinaryMessage, wire.Encode(v)) }
	if err := send(wire.Hello{Low: wire.Version, High: wire.Version, Device: reply.Device, App: "verify-mask"}); err != nil {
		return err
	}
	challenge, ok := receive[wire.Challenge](conn)
	if !ok {
		return wire.ErrMalformed
	}
	if err := send(wire.Proof{Signature: ed25519.Sign(key, wire.ProofBytes(challenge, reply.Device, e.Pin, "verify-mask"))}); err != nil {
		return err
	}
	if _, ok := receive[wire.Welcome](conn); !ok {
		return wire.ErrMalformed
	}
	return send(wire.Resume{})
}

// record reads the session until it ends.
func (l *liveRelay) record(ctx context.Context) {
	for {
		_, frame, err := l.conn.ReadMessage()
		x := recorded{frame: frame, err: err}
		if err == nil {
			body, err := wire.Decode(frame)
			if x.err = err; err == nil {
				x.batch, _ = body.(inbox.Batch)
			}
		}
		select {
		case l.batches <- x:
		case <-ctx.Done():
			return
		}
		if x.err != nil {
			return
		}
	}
}

// judge is a [maskcheck.Engine]: it has the contact of a case say what the case says, and returns what the device shows of
// it in the end. Cases of which the relay holds one number are of one contact, and what an earlier one taught about him
// stays known, as it does in life.
func (l *liveRelay) judge(ctx context.Context, c *maskcheck.Case) ([]inbox.Masked, error) {
	ctx, cancel := context.WithTimeout(ctx, livePatient)
	defer cancel()
	l.n++
	at := l.start.Add(-liveBack).Add(time.Duration(l.n) * 2 * liveApart)
	who, said := l.contact(c)
	if said != "" { // what else the relay holds of him he said once
		if err := l.say(ctx, who, said, at, 0); err != nil {
			return nil, err
		}
		if _, err := l.receive(ctx, c, 1); err != nil {
			return nil, err
		}
	}
	at = at.Add(liveApart)
	for i, text := range c.Text {
		if err := l.say(ctx, who, text, at.Add(time.Duration(i)*livePart), i+1); err != nil {
			return nil, err
		}
	}
	return l.receive(ctx, c, len(c.Text))
}

// contact is the entry of a case's contact in a webhook, and a text that names what else is known of him.
func (l *liveRelay) contact(c *maskcheck.Case) (who map[string]any, said string) {
	known := c.Knowledge(false)
	who = map[string]any{"profile": map[string]any{"name": "Contact"}}
	var rest []string
	for i, phone := range known.Phones {
		if i == 0 {
			who["wa_id"] = phone
		} else {
			rest = append(rest, "+"+phone)
		}
	}
	if len(known.Phones) == 0 {
		region := c.Region
		if len(region) != 2 {
			region = "ZZ"
		}
		who["user_id"] = fmt.Sprintf("%s.%020d", region, l.n)
	}
	rest = append(rest, known.Emails...)
	for i, h := range known.Handles {
		if i == 0 {
			who["profile"] = map[string]any{"name": "Contact", "username": h}
		} else {
			rest = append(rest, "@"+h)
		}
	}
	return who, strings.Join(rest, "\n")
}

// say delivers one text as a signed webhook.
func (l *liveRelay) say(ctx context.Context, who map[string]any, text string, at time.Time, part int) error {
	m := map[string]any{
		"id": fmt.Sprintf("wamid.verify-%d-%d", l.n, part), "timestamp": fmt.Sprint(at.Unix()), "type": "text", "text": map[string]any{"body": text},
	}
	if v, ok := who["wa_id"]; ok {
		m["from"] = v
	}
	if v, ok := who["user_id"]; ok {
		m["from_user_id"] = v
	}
	body, err := json.Marshal(map[string]any{"object": "whatsapp_business_account", "entry": []any{map[string]any{
		"id": "102290129340398", "changes": []any{map[string]any{"field": "messages", "value": map[string]any{
			"messaging_product": "whatsapp", "metadata": map[string]any{"display_phone_number": "493023125000", "phone_number_id": liveNumber},
			"contacts": []any{who}, "messages": []any{m},
		}}},
	}}})
	if err != nil {
		return fmt.Errorf("writing a webhook: %w", err)
	}
	mac := hmac.New(sha256.New, []byte(liveSecret))
	mac.Write(body)
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, l.webhooks, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("delivering a webhook: %w", err)
	}
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set(whatsapp.SignatureHeader, "sha256="+hex.EncodeToString(mac.Sum(nil)))
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		return fmt.Errorf("delivering a webhook: %w", err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("delivering a webhook: it was answered %d", resp.StatusCode)
	}
	return nil
}

var errNoFrame = errors.New("the device received nothing more")

// receive reads what the device is sent until it has n more messages of a customer and everything that was written with
// them, and looks for what must not be in any byte of it.
func (l *liveRelay) receive(ctx context.Context, c *maskcheck.Case, n int) ([]inbox.Masked, error) {
	var ids []inbox.MessageID
	shown := map[inbox.MessageID]inbox.Masked{}
	var head uint64
	for {
		var x recorded
		select {
		case x = <-l.batches:
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for a case: %w", errors.Join(errNoFrame, ctx.Err()))
		}
		if x.err != nil {
			return nil, fmt.Errorf("reading what the device receives: %w", x.err)
		}
		l.look(c, x.frame)
		if x.batch.Log != l.log {
			continue
		}
		for _, e := range x.batch.Events {
			switch b := e.Body.(type) {
			case inbox.MessageAdded:
				if b.Message.Side == inbox.FromContact {
					ids = append(ids, b.Message.ID)
					shown[b.Message.ID] = b.Message.Body
				}
			case inbox.MessageMasked:
				shown[b.Message] = b.Body
			}
		}
		if len(ids) < n {
			continue
		}
		if head == 0 { // what masks the last one with those before it came in the same commit
			at, err := l.r.logs.Head(ctx, l.log)
			if err != nil {
				return nil, err
			}
			head = at.Seq
		}
		if x.batch.To < head {
			continue
		}
		out := make([]inbox.Masked, 0, n)
		for _, id := range ids {
			out = append(out, shown[id])
		}
		return out, nil
	}
}

// shortestPlain is how long a secret must be to be looked for in bytes: shorter ones occur by chance.
const shortestPlain = 7

// look counts frames that hold a secret or something known as it stands.
func (l *liveRelay) look(c *maskcheck.Case, frame []byte) {
	l.frames++
	l.bytes += len(frame)
	lists := [][]string{c.Known}
	if len(c.Text) == 1 { // a part alone is no secret before the next one comes
		lists = append(lists, c.Secrets)
	}
	for _, list := range lists {
		for _, secret := range list {
			if len(secret) >= shortestPlain && bytes.Contains(frame, []byte(strings.TrimPrefix(secret, "+"))) {
				l.leaks++
				if len(l.ids) < 1000 && (len(l.ids) == 0 || l.ids[len(l.ids)-1] != c.ID) {
					l.ids = append(l.ids, c.ID)
				}
				return
			}
		}
	}
}
