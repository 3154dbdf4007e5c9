package relay

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
)

// dump returns every row the relay can read, of every shard.
func (d *intakeDesk) dump() (rows map[string][]byte) {
	d.t.Helper()
	rows = map[string][]byte{}
	shards, err := d.db.Shards(context.Background())
	if err != nil {
		d.t.Fatal(err)
	}
	for _, shard := range shards {
		err := d.db.View(context.Background(), shard, func(tx ledger.Tx) error {
			buckets, err := tx.Buckets("")
			if err != nil {
				return err
			}
			for _, b := range buckets {
				for key, value := range tx.Scan(b, nil, nil) {
					rows[fmt.Sprintf("%s/%s/%x", shard, b, key)] = append(bytes.Clone(key), value...)
				}
			}
			return tx.Err()
		})
		if err != nil {
			d.t.Fatal(err)
		}
	}
	return rows
}

// where are the rows that hold a word.
func where(rows map[string][]byte, word string) (all []string) {
	for name, row := range rows {
		if bytes.Contains(row, []byte(word)) {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

func TestAnErasedCustomerIsInNoRowNoBatchAndNoFile(t *testing.T) {
	d := newIntakeDesk(t)
	ctx := context.Background()
	boss, err := d.AddPerson(ctx, "Sabine Lorenz", inbox.Supervisor, nil)
	if err != nil {
		t.Fatal(err)
	}
	officer, err := d.AddPerson(ctx, "Petra Zweite", inbox.PrivacyOfficer, nil)
	if err != nil {
		t.Fatal(err)
	}
	gone, stays := object{"wa_id": "4915155501234", "profile": object{"name": "Wilhelmine Kanarienvogel"}}, object{"wa_id": "4915155509999", "profile": object{"name": "Otto Bleibt"}}
	at := d.now.Unix()
	for i, number := range []string{testNumber, otherNumber} {
		d.feed(from(number, gone, fmt.Sprint("g", i), at, "text", text("Kanarienkäfig bestellt, Mail wilhelmine@example.org")),
			from(number, stays, fmt.Sprint("s", i), at, "text", text("Hundehütte bestellt")),
			from(number, gone, fmt.Sprint("e", i), at+1, "edit", object{"original_message_id": fmt.Sprint("wamid.g", i), "message": object{"type": "text", "text": text("Kanarienkäfig abbestellt")}}))
	}
	d.feed(hook(testNumber, "standby", object{"anything": "about 4915155501234 Kanarienkäfig"}))
	row := d.conversations(d.one)[slices.IndexFunc(d.conversations(d.one), func(c inbox.Conversation) bool { return strings.HasPrefix(c.Contact.Name.Visible(), "Wilhelmine") })]
	contact, alias := row.Contact.ID, row.Contact.Alias
	note := d.wish(ctx, boss, "laptop", inbox.Intent{ID: inbox.NewID[inbox.IntentID](), Body: inbox.AddNote{Conversation: row.ID, Text: "Kanarienkäfig im Keller suchen"}})
	sent := d.wish(ctx, boss, "laptop", inbox.Intent{ID: inbox.NewID[inbox.IntentID](), Body: inbox.SendText{Conversation: row.ID, Text: "Kanarienkäfig ist zurückgestellt"}})
	agreed := d.wish(ctx, boss, "laptop", inbox.Intent{ID: inbox.NewID[inbox.IntentID](), Body: inbox.RecordConsent{Conversation: row.ID, Proof: "Kanarienkäfig am Telefon"}})
	for name, o := range map[string]inbox.Refusal{"note": note.Refusal, "text": sent.Refusal, "consent": agreed.Refusal} {
		if o != inbox.Granted {
			t.Fatalf("%s: refused with %d", name, o)
		}
	}
	media := inbox.NewID[inbox.MediaID]()
	if err := os.MkdirAll(d.mediaDir(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.mediaFile(media), []byte("a sealed file"), 0o600); err != nil {
		t.Fatal(err)
	}
	err = d.db.Update(ctx, eventlog.Shard(d.one.Log()), func(tx ledger.Tx) error { return tx.Put(bucketMediaOf, []byte(media), []byte(contact)) })
	if err != nil {
		t.Fatal(err)
	}
	d.feed(from(testNumber, gone, "del", at+10, "text", text("DELETE")))
	if err := d.moveRequests(ctx, d.one); err != nil {
		t.Fatal(err)
	}
	for _, in := range d.intakes { // what became facts is not kept as it came
		if err := in.trim(ctx, 1, in.after); err != nil {
			t.Fatal(err)
		}
	}
	open, err := d.Requests(ctx, false)
	if err != nil || len(open) != 1 {
		t.Fatalf("%d requests, %v", len(open), err)
	}
	epoch, err := d.logs.Head(ctx, d.one.Log())
	if err != nil {
		t.Fatal(err)
	}
	if len(where(d.dump(), "Kanarienkäfig")) == 0 || len(where(d.dump(), "4915155501234")) == 0 {
		t.Fatal("the rows do not hold what must go; the test proves nothing")
	}
	if n, err := d.RunErasures(ctx); n != 0 || err != nil {
		t.Fatalf("nobody agreed, and %d were erased: %v", n, err)
	}
	for _, who := range []string{"Sabine Lorenz", "Petra Zweite"} {
		if _, err := d.DecideRequest(ctx, string(open[0].ID), who, true, ""); err != nil {
			t.Fatal(err)
		}
	}
	_ = officer
	if n, err := d.RunErasures(ctx); n != 1 || err != nil {
		t.Fatalf("%d erased: %v", n, err)
	}
	if n, err := d.RunErasures(ctx); n != 0 || err != nil {
		t.Fatalf("a second run erased %d: %v", n, err)
	}

	rows := d.dump()
	for _, canary := range []string{"Kanarien", "Wilhelmine", "4915155501234", "wilhelmine@", "Keller"} {
		if at := where(rows, canary); len(at) > 0 {
			t.Errorf("a canary is still in %d rows: %.60q", len(at), at)
		}
	}
	if len(where(rows, "Hundehütte")) == 0 {
		t.Error("another customer's words are gone too")
	}
	if _, err := os.Stat(d.mediaFile(media)); !os.IsNotExist(err) {
		t.Errorf("the file is still there: %v", err)
	}
	for _, in := range []inbox.InboxID{d.one, d.two} {
		told := 0
		for _, e := range d.frames(in.Log()) {
			if b, ok := e.Body.(inbox.ContactErased); ok {
				told++
				if b.Contact != contact {
					t.Error("somebody else is said to be erased")
				}
			} else if e.Body.Of() == row.ID {
				t.Errorf("a fact of kind %d is left", e.Body.Kind())
			}
		}
		if told < 2 {
			t.Errorf("devices are told %d times", told)
		}
	}
	after, err := d.logs.Head(ctx, d.one.Log())
	if err != nil || after.Epoch == epoch.Epoch || after.Seq <= epoch.Seq {
		t.Errorf("the log has no new epoch: %v", err)
	}
	if q, err := d.Request(ctx, string(open[0].ID)); err != nil || q.State != inbox.RequestDone || q.Settled == 0 {
		t.Errorf("the request is in state %d: %v", q.State, err)
	}
	if _, err := os.Stat(d.cfg.compactDue()); err != nil {
		t.Errorf("nobody will write the file anew: %v", err)
	}
	o := d.wish(ctx, boss, "laptop", inbox.Intent{ID: inbox.NewID[inbox.IntentID](), Body: inbox.AddNote{Conversation: row.ID, Text: "Wer war das?"}})
	if o.Refusal != inbox.RefusedErased {
		t.Errorf("a note on somebody forgotten: refusal %d, retry %d", o.Refusal, o.Retry)
	}

	// What WhatsApp delivers again, or says of what was sent, brings nobody back; what he writes anew is a stranger's.
	before := len(d.messages(d.one))
	d.feed(from(testNumber, gone, "g0", at, "text", text("Kanarienkäfig bestellt, Mail wilhelmine@example.org")))
	if n := len(d.messages(d.one)); n != before {
		t.Errorf("a delivery that came again made %d messages", n-before)
	}
	d.now = d.now.Add(time.Hour)
	d.feed(from(testNumber, gone, "new", d.now.Unix(), "text", text("Guten Tag")))
	all := d.conversations(d.one)
	fresh := all[len(all)-1]
	if fresh.ID == row.ID || fresh.Contact.ID == contact || fresh.Contact.Alias == alias || fresh.Erased != 0 {
		t.Error("who was erased is known again")
	}
	acts := map[audit.Act]int{}
	for _, shard := range []string{eventlog.Shard(d.one.Log()), eventlog.Shard(d.two.Log()), oversightShard()} {
		err := d.db.View(ctx, shard, func(tx ledger.Tx) error {
			list, err := audit.Entries(tx, 0, 1000)
			for _, e := range list {
				acts[e.Act]++
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if acts[audit.ContactErased] != 2 || acts[audit.RequestDone] != 1 {
		t.Errorf("the record has %d erasures and %d requests done", acts[audit.ContactErased], acts[audit.RequestDone])
	}

	// At the next start the file is written anew.
	cfg := d.cfg
	if err := d.Relay.Close(); err != nil {
		t.Fatal(err)
	}
	size := func() int64 {
		info, err := os.Stat(cfg.LedgerFile())
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	was := size()
	if d.Relay, err = Open(ctx, cfg, Options{Now: func() time.Time { return d.now }}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(cfg.compactDue()); !os.IsNotExist(err) || size() > was {
		t.Errorf("the file was not written anew, %d bytes after %d: %v", size(), was, err)
	}
	if got := d.conversations(d.one); len(got) != len(all) {
		t.Errorf("%d conversations after compacting, %d before", len(got), len(all))
	}
	if err := Compact(ctx, cfg); err == nil {
		t.Error("a store in use was compacted")
	}
}

// Whatever was done when the relay died is found done, and the rest is done.
func TestAnErasureGoesOnWhereItWasInterrupted(t *testing.T) {
	for name, before := range map[string]func(*intakeDesk, inbox.Request, erasureRow) error{
		"who was known": func(*intakeDesk, inbox.Request, erasureRow) error { return nil },
		"keys were destroyed": func(d *intakeDesk, _ inbox.Request, row erasureRow) error {
			return d.vault.Erase(context.Background(), row.Contacts[0])
		},
		"one inbox was done": func(d *intakeDesk, q inbox.Request, row erasureRow) error {
			if err := d.vault.Erase(context.Background(), row.Contacts[0]); err != nil {
				return err
			}
			return d.eraseIn(context.Background(), d.one, []erasureOrder{{q, row.Contacts}})
		},
	} {
		d := newIntakeDesk(t)
		ctx := context.Background()
		for _, p := range []struct {
			name string
			role inbox.Role
		}{{"Sabine Lorenz", inbox.Supervisor}, {"Petra Zweite", inbox.PrivacyOfficer}} {
			if _, err := d.AddPerson(ctx, p.name, p.role, nil); err != nil {
				t.Fatal(err)
			}
		}
		gone := object{"wa_id": "4915155501234", "profile": object{"name": "Wilhelmine Kanarienvogel"}}
		d.feed(from(testNumber, gone, "a", d.now.Unix(), "text", text("Kanarienkäfig")), from(otherNumber, gone, "b", d.now.Unix(), "text", text("Kanarienkäfig")),
			from(testNumber, gone, "c", d.now.Unix(), "text", text("DELETE")))
		for _, in := range d.intakes {
			if err := in.trim(ctx, 1, in.after); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.moveRequests(ctx, d.one); err != nil {
			t.Fatal(err)
		}
		list, err := d.Requests(ctx, false)
		if err != nil || len(list) != 1 {
			t.Fatalf("%s: %d requests, %v", name, len(list), err)
		}
		q := list[0]
		for _, who := range []string{"Sabine Lorenz", "Petra Zweite"} {
			if q, err = d.DecideRequest(ctx, string(q.ID), who, true, ""); err != nil {
				t.Fatal(err)
			}
		}
		row, err := d.erasureOf(ctx, q)
		if err == nil {
			err = before(d, q, row)
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := d.carryOut(ctx); err != nil {
			t.Errorf("%s: what a start does first: %v", name, err)
		}
		if n, err := d.RunErasures(ctx); n != 1 || err != nil {
			t.Errorf("%s: %d erased, %v", name, n, err)
		}
		for _, canary := range []string{"Kanarien", "Wilhelmine", "4915155501234"} {
			if at := where(d.dump(), canary); len(at) > 0 {
				t.Errorf("%s: a canary is left in %d rows", name, len(at))
			}
		}
		if q, err = d.Request(ctx, string(q.ID)); err != nil || q.State != inbox.RequestDone {
			t.Errorf("%s: the request is in state %d, %v", name, q.State, err)
		}
	}
}
