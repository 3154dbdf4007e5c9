package relaytest

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	bolt "go.etcd.io/bbolt"

	"sealdesk/app/inbox"
	"sealdesk/packaging/dev/figure"
	"sealdesk/store/seal"
	"sealdesk/sync/engine"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/vault"
)

// weekOffline is a week's worth of facts: 400 conversations, text of the length people write, receipts and read marks.
func weekOffline(n int) []inbox.EventBody {
	words := strings.Fields("angebot termin lieferung morgen danke preis montage rechnung küche fahrrad wann können sie bitte noch einmal bestätigen gerne alles klar bis dann heizung speicher rückfrage farbe maß stück woche")
	bodies := make([]inbox.EventBody, 0, n)
	var last [400]inbox.MessageID
	for i := 0; len(bodies) < n; i++ {
		k := i * 7919 % 400
		c := inbox.ConversationID(fmt.Sprintf("conversation%014d", k))
		if i < 400 {
			c = inbox.ConversationID(fmt.Sprintf("conversation%014d", i))
			bodies = append(bodies, inbox.ConversationOpened{Conversation: c, Inbox: "sales", Contact: inbox.Contact{
				ID: inbox.ContactID(fmt.Sprintf("contact%019d", i)), Alias: "K7-MX4Q", Name: inbox.PlainText("Katharina W."), Country: "DE",
			}})
			continue
		}
		if i%4 == 3 && last[k] != "" {
			bodies = append(bodies, inbox.ReceiptChanged{Conversation: c, Message: last[k], Receipt: inbox.Receipt(3 + i%4)})
			continue
		}
		var text strings.Builder
		for w := range 6 + i%24 {
			text.WriteString(words[(i*31+w*17+i/97)%len(words)])
			text.WriteByte(' ')
		}
		m := inbox.Message{
			ID: inbox.NewIDAt[inbox.MessageID](inbox.Moment(i)), Conversation: c, At: inbox.Moment(1_790_000_000_000 + i*1000), Side: inbox.FromContact,
			Kind: inbox.Text, Body: inbox.PlainText(text.String()),
		}
		if i%3 == 0 {
			m.Side, m.Author, m.Receipt = inbox.FromPerson, "person", inbox.Queued
			last[k] = m.ID
		}
		bodies = append(bodies, inbox.MessageAdded{Message: m})
	}
	return bodies
}

// BenchmarkB6 is a laptop that was away for 100,000 events and catches up into its sealed, durable cache, against the
// usual way: a JSON frame for every event and a sealed record for every message, 500 to a synced transaction.
func BenchmarkB6(b *testing.B) {
	const events, rounds = 100_000, 3
	bodies := weekOffline(events)
	c := Start(b, Options{})
	agent := c.Person("Tobias Brandt", inbox.Agent)
	c.Down()
	fillLog(b, c, bodies)
	c.Up()

	var ours, peer, oursBytes, peerBytes []float64
	for range rounds {
		var wire atomic.Int64
		start := time.Now()
		d := c.Device(agent, DeviceOptions{Frames: func(_ engine.Direction, f []byte) { wire.Add(int64(len(f))) }})
		caughtUp(b, d, c.Log(), events)
		ours = append(ours, events/time.Since(start).Seconds())
		oursBytes = append(oursBytes, float64(wire.Load())/events)
		d.Down()

		rate, bytes := naiveCatchUp(b, bodies)
		peer, peerBytes = append(peer, rate), append(peerBytes, bytes)
	}
	for _, f := range []figure.Figure{
		with(figure.Compare(ours, peer), "100,000 events to a durable cache", "JSON frame per event, sealed record per message", "events/s", "≥5.0", figure.Higher),
		with(figure.Compare(oursBytes, peerBytes), "bytes on the wire", "JSON frame per event", "bytes/event", "≤0.35", figure.Lower),
	} {
		b.ReportMetric(f.Ours, "ours_"+strings.ReplaceAll(f.Unit, " ", "_"))
		b.ReportMetric(f.Ratio, "ratio_"+strings.ReplaceAll(f.Unit, " ", "_"))
		if err := figure.Emit(f); err != nil {
			b.Fatal(err)
		}
	}
}

func with(f figure.Figure, name, peer, unit, target, better string) figure.Figure {
	f.ID, f.Case, f.Peer, f.Unit, f.Target, f.Better = "B6", name, peer, unit, target, better
	return f
}

// fillLog writes the facts into the store of a relay that is down.
func fillLog(b *testing.B, c *Company, bodies []inbox.EventBody) {
	b.Helper()
	master, err := vault.MasterFromFile(filepath.Join(c.Config.Data, "master.key"))
	if err != nil {
		b.Fatal(err)
	}
	db, err := ledger.Open(c.Config.LedgerFile(), ledger.Config{Key: master.LedgerKey()})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for len(bodies) > 0 {
		n := min(2000, len(bodies))
		err := db.Update(context.Background(), eventlog.Shard(c.Log()), func(tx ledger.Tx) error {
			_, err := eventlog.Append(tx, 1, "", bodies[:n]...)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		bodies = bodies[n:]
	}
}

func caughtUp(b *testing.B, d *Device, log inbox.LogID, seq uint64) {
	b.Helper()
	changed := d.Store.Watch(b.Context())
	for {
		for _, c := range d.Store.Cursors() {
			if c.Log == log && c.Seq >= seq {
				return
			}
		}
		<-changed
	}
}

// naiveCatchUp is the peer: what most inboxes do.
func naiveCatchUp(b *testing.B, bodies []inbox.EventBody) (rate, bytes float64) {
	b.Helper()
	type sender struct {
		ID   string `json:"id"`
		Name string `json:"name"`
		Type string `json:"type"`
	}
	// The fields any inbox's message event has; about 550 bytes, as performance.md's own peer.
	type record struct {
		Event        string `json:"event"`
		Seq          int    `json:"seq"`
		Account      string `json:"account_id"`
		Inbox        string `json:"inbox_id"`
		Conversation string `json:"conversation_id"`
		Message      string `json:"message_id"`
		Contact      string `json:"contact_id"`
		Sender       sender `json:"sender"`
		Direction    string `json:"message_type"`
		ContentType  string `json:"content_type"`
		Private      bool   `json:"private"`
		Status       string `json:"status"`
		CreatedAt    string `json:"created_at"`
		UpdatedAt    string `json:"updated_at"`
		Source       string `json:"source_id"`
		Body         string `json:"content"`
	}
	var sent atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		up := websocket.Upgrader{}
		conn, err := up.Upgrade(w, q, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		for i, body := range bodies {
			r := record{
				Event: "message.created", Seq: i, Account: "acme-gmbh", Inbox: "sales", Conversation: string(body.Of()),
				Contact: "contact0000000000000001", Sender: sender{ID: "person00000000000000001", Name: "Katharina W.", Type: "contact"},
				Direction: "incoming", ContentType: "text", Status: "sent", CreatedAt: "2026-11-21T14:52:07.482Z", UpdatedAt: "2026-11-21T14:52:07.482Z",
			}
			switch x := body.(type) {
			case inbox.MessageAdded:
				r.Message, r.Source, r.Body = string(x.Message.ID), string(x.Message.ID), x.Message.Body.Visible()
			case inbox.ReceiptChanged:
				r.Event, r.Message, r.Status = "message.updated", string(x.Message), "delivered"
			}
			frame, _ := json.Marshal(r)
			sent.Add(int64(len(frame)))
			if conn.WriteMessage(websocket.TextMessage, frame) != nil {
				return
			}
		}
	}))
	defer srv.Close()
	db, err := bolt.Open(filepath.Join(b.TempDir(), rand.Text()), 0o600, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	sealer, err := seal.New(seal.RandomKey(), seal.Scope{Store: []byte("bench"), Schema: 1})
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	conn, _, err := websocket.DefaultDialer.Dial("ws"+srv.URL[4:], nil)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	var rows []record
	flush := func() {
		err := db.Update(func(tx *bolt.Tx) error {
			bucket, err := tx.CreateBucketIfNotExists([]byte("messages"))
			if err != nil {
				return err
			}
			for _, r := range rows {
				key := binary.BigEndian.AppendUint64(nil, uint64(r.Seq))
				plain, err := json.Marshal(r)
				if err != nil {
					return err
				}
				if err := bucket.Put(key, sealer.Seal(nil, "messages", key, plain)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		rows = rows[:0]
	}
	for range bodies {
		_, frame, err := conn.ReadMessage()
		if err != nil {
			b.Fatal(err)
		}
		var r record
		if err := json.Unmarshal(frame, &r); err != nil {
			b.Fatal(err)
		}
		if rows = append(rows, r); len(rows) == 500 {
			flush()
		}
	}
	flush()
	return float64(len(bodies)) / time.Since(start).Seconds(), float64(sent.Load()) / float64(len(bodies))
}
