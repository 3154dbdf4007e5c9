package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/whatsapp"
	"sealdesk/sync/wire"
)

// The second number of a test company.
const otherNumber = "206540352242922"

// An intakeDesk is a relay with two inboxes whose webhooks become facts when the test says so.
type intakeDesk struct {
	*Relay
	t   testing.TB
	one inbox.InboxID
	two inbox.InboxID
	now time.Time
}

func newIntakeDesk(t testing.TB) *intakeDesk {
	t.Helper()
	path, err := Init(filepath.Join(t.TempDir(), "relay"), Answers{
		Trusting: true,
		Public:   "127.0.0.1:8443", API: "http://127.0.0.1:1", Number: "+493023125100", PhoneNumberID: testNumber,
		AppSecret: "test-app-secret", VerifyToken: "test-verify", Token: "test-token",
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Inboxes = append(cfg.Inboxes, InboxConfig{ID: "support", Name: "Support", PhoneNumberID: otherNumber, Number: "+493023125101"})
	d := &intakeDesk{t: t, now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	if d.Relay, err = Open(context.Background(), cfg, Options{Now: func() time.Time { return d.now }}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Relay.Close() })
	d.one, d.two = d.inboxes[testNumber], d.inboxes[otherNumber]
	return d
}

// feed takes webhooks in and turns them into facts before it returns.
func (d *intakeDesk) feed(bodies ...[]byte) {
	d.t.Helper()
	for _, body := range bodies {
		if err := d.ingest(context.Background(), body); err != nil {
			d.t.Fatal(err)
		}
	}
	for _, in := range d.intakes {
		for tries := (map[uint64]int{}); ; {
			l := <-in.ahead(context.Background(), in.after)
			if len(l.rows) == 0 {
				break
			}
			if _, err := in.round(context.Background(), l, tries); err != nil {
				d.t.Fatal(err)
			}
		}
	}
}

// events are all facts of a log, oldest first.
func (d *intakeDesk) events(log inbox.LogID) (all []inbox.Event) {
	d.t.Helper()
	err := d.db.View(context.Background(), eventlog.Shard(log), func(tx ledger.Tx) error {
		all = nil
		for e, err := range eventlog.Backwards(tx) {
			if err != nil {
				return err
			}
			all = append(all, e)
		}
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
	slices.Reverse(all)
	return all
}

// messages are all items of an inbox as they are now, in the order of the log.
func (d *intakeDesk) messages(id inbox.InboxID) (all []inbox.Message) {
	d.t.Helper()
	for _, e := range d.events(id.Log()) {
		if added, ok := e.Body.(inbox.MessageAdded); ok {
			err := d.db.View(context.Background(), eventlog.Shard(id.Log()), func(tx ledger.Tx) error {
				m, _, err := eventlog.Message(tx, added.Message.ID)
				all = append(all, m)
				return err
			})
			if err != nil {
				d.t.Fatal(err)
			}
		}
	}
	return all
}

func (d *intakeDesk) conversations(id inbox.InboxID) (all []inbox.Conversation) {
	d.t.Helper()
	err := d.db.View(context.Background(), eventlog.Shard(id.Log()), func(tx ledger.Tx) error {
		all = nil
		for c, err := range eventlog.Conversations(tx) {
			if err != nil {
				return err
			}
			all = append(all, c)
		}
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
	slices.SortFunc(all, func(a, b inbox.Conversation) int { return int(a.LastSeq) - int(b.LastSeq) })
	return all
}

// incidents counts what was raised, by kind.
func (d *intakeDesk) incidents() map[inbox.IncidentKind]int {
	d.t.Helper()
	all, err := d.Incidents(context.Background(), true)
	if err != nil {
		d.t.Fatal(err)
	}
	n := map[inbox.IncidentKind]int{}
	for _, i := range all {
		n[i.Kind] += i.Count
	}
	return n
}

// object is JSON in the making.
type object = map[string]any

// hook is a webhook of one change.
func hook(number, field string, value object) []byte {
	value["messaging_product"] = "whatsapp"
	value["metadata"] = object{"display_phone_number": "493023125100", "phone_number_id": number}
	body, err := json.Marshal(object{"object": "whatsapp_business_account", "entry": []any{
		object{"id": "102290129340398", "time": 1790000000, "changes": []any{object{"field": field, "value": value}}},
	}})
	if err != nil {
		panic(err)
	}
	return body
}

// from is a message of a customer: contact is his entry in contacts[], more is what the message says.
func from(number string, contact object, id string, at int64, kind string, more any) []byte {
	m := object{"id": "wamid." + id, "timestamp": fmt.Sprint(at), "type": kind, kind: more}
	for to, key := range map[string]string{"from": "wa_id", "from_user_id": "user_id"} {
		if v, ok := contact[key]; ok {
			m[to] = v
		}
	}
	return hook(number, "messages", object{"contacts": []any{contact}, "messages": []any{m}})
}

func text(s string) object { return object{"body": s} }

func statusHook(id, state string, at int64, more object) []byte {
	s := object{"id": "wamid." + id, "status": state, "timestamp": fmt.Sprint(at)}
	for k, v := range more {
		s[k] = v
	}
	return hook(testNumber, "messages", object{"statuses": []any{s}})
}

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("internal", "whatsapp", "testdata", "webhook", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// telling are the members of webhooks whose values no event may show.
var telling = map[string]bool{
	"from": true, "to": true, "wa_id": true, "new_wa_id": true, "user_id": true, "parent_user_id": true, "from_user_id": true,
	"from_parent_user_id": true, "to_user_id": true, "previous_user_id": true, "recipient_id": true, "recipient_user_id": true,
	"id": true, "message_id": true, "original_message_id": true, "group_id": true, "phone": true, "email": true, "url": true,
	"sha256": true, "ctwa_clid": true, "source_url": true, "source_id": true, "image_url": true, "username": true,
	"vcard": true, "identity": true, "identity_key_hash": true, "formatted_name": true, "last_name": true, "street": true,
	"latitude": true, "longitude": true, "address": true, "birthday": true, "flow_token": true, "phone_number_id": true,
}

// canaries are the identifiers of a webhook.
func canaries(t testing.TB, body []byte) (all []string) {
	t.Helper()
	var walk func(key string, v any)
	walk = func(key string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, inner := range v {
				walk(k, inner)
			}
		case []any:
			for _, inner := range v {
				walk(key, inner)
			}
		case string:
			if telling[key] && len(v) > 4 {
				all = append(all, v)
			}
		case json.Number:
			if telling[key] && len(v) > 4 {
				all = append(all, v.String())
			}
		}
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	walk("", v)
	return all
}

// noLeak fails the test if an event of any log holds one of the words.
func (d *intakeDesk) noLeak(words ...string) {
	d.t.Helper()
	for _, log := range []inbox.LogID{d.one.Log(), d.two.Log(), inbox.CompanyLog, inbox.OversightLog} {
		for _, e := range d.events(log) {
			row, err := wire.EncodeEvent(e)
			if err != nil {
				d.t.Fatal(err)
			}
			for _, w := range append(words, "wamid") {
				if strings.Contains(string(row), w) {
					d.t.Errorf("an event of kind %d holds an identifier", e.Body.Kind())
				}
			}
		}
	}
}

// What WhatsApp answered 200 for is never just gone, even if nobody can tell whose it is.
func TestAMessageFromNobodyIsKeptAndReported(t *testing.T) {
	r := newRelay(t, nil)
	id := inbox.InboxID(r.cfg.Inboxes[0].ID)
	d, err := whatsapp.Decode([]byte(`{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"1","phone_number_id":"106540352242922"},"messages":[{"id":"wamid.nobody","timestamp":"1750000000","type":"text","text":{"body":"hello"}}]}}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for it := range r.items(id, d) {
			f, err := r.prepare(t.Context(), id, it, inbox.At(r.now()))
			if err != nil {
				t.Fatal(err)
			}
			if f.write == nil {
				t.Fatal("it leads to nothing")
			}
			err = r.db.Update(t.Context(), eventlog.Shard(id.Log()), func(tx ledger.Tx) error {
				return f.write(tx, eventlog.NewWriter(tx), inbox.At(r.now()))
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	kept := 0
	err = r.db.View(t.Context(), eventlog.Shard(id.Log()), func(tx ledger.Tx) error {
		for range tx.Scan(bucketNobody, nil, nil) {
			kept++
		}
		return tx.Err()
	})
	open, err2 := r.Incidents(t.Context(), false)
	if err != nil || err2 != nil || kept != 1 || len(open) != 1 || open[0].Kind != inbox.IncidentUnreadable || open[0].Count != 1 {
		t.Errorf("%d kept, incidents %+v, %v %v", kept, open, err, err2)
	}
}
