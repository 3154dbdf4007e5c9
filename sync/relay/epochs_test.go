package relay

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/vault"
)

// acts counts the entries of a shard by what was done and its detail.
func (d *intakeDesk) acts(shard string) map[string]int {
	d.t.Helper()
	n := map[string]int{}
	err := d.db.View(context.Background(), shard, func(tx ledger.Tx) error {
		list, err := audit.Entries(tx, 0, 10_000)
		for _, e := range list {
			n[string(e.Act)+" "+e.Detail]++
			n[string(e.Act)]++
		}
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

// again ends the relay as a crash does, lets f change its files, and starts it.
func (d *intakeDesk) again(f func(cfg Config)) {
	d.t.Helper()
	cfg := d.cfg
	if err := d.Relay.Close(); err != nil {
		d.t.Fatal(err)
	}
	f(cfg)
	var err error
	if d.Relay, err = Open(context.Background(), cfg, Options{Now: func() time.Time { return d.now }}); err != nil {
		d.t.Fatal(err)
	}
}

// agreeToErase has a customer ask for it and two people agree.
func (d *intakeDesk) agreeToErase(who object, id string) inbox.Request {
	d.t.Helper()
	ctx := context.Background()
	for name, role := range map[string]inbox.Role{"Sabine Lorenz": inbox.Supervisor, "Petra Zweite": inbox.PrivacyOfficer} {
		if _, err := d.AddPerson(ctx, name, role, nil); err != nil {
			d.t.Fatal(err)
		}
	}
	d.feed(from(testNumber, who, id, d.now.Unix(), "text", text("DELETE")))
	for _, in := range d.intakes {
		if err := in.trim(ctx, 1, in.after); err != nil {
			d.t.Fatal(err)
		}
	}
	if err := d.moveRequests(ctx, d.one); err != nil {
		d.t.Fatal(err)
	}
	list, err := d.Requests(ctx, false)
	if err != nil || len(list) != 1 {
		d.t.Fatalf("%d requests, %v", len(list), err)
	}
	q := list[0]
	for _, name := range []string{"Sabine Lorenz", "Petra Zweite"} {
		if q, err = d.DecideRequest(ctx, string(q.ID), name, true, ""); err != nil {
			d.t.Fatal(err)
		}
	}
	return q
}

// files returns what lies in the relay's folder.
func files(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		all[path] = content
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A backup from before an erasure is restored, in part or whole: nobody who was erased is there again.
func TestWhoWasErasedStaysSoWhenAnOldBackupIsRestored(t *testing.T) {
	for name, of := range map[string]func(cfg Config, path string) bool{
		"the store":              func(cfg Config, path string) bool { return path == cfg.LedgerFile() || path == cfg.RawFile() },
		"the keys":               func(cfg Config, path string) bool { return strings.HasPrefix(path, cfg.KeyFile()) },
		"everything":             func(Config, string) bool { return true },
		"everything, dying once": func(Config, string) bool { return true },
	} {
		t.Run(name, func(t *testing.T) {
			d := newIntakeDesk(t)
			ctx := context.Background()
			if err := d.tendEpoch(ctx); err != nil {
				t.Fatal(err)
			}
			gone, stays := object{"wa_id": "4915155501234", "profile": object{"name": "Wilhelmine Kanarienvogel"}}, object{"wa_id": "4915155509999", "profile": object{"name": "Otto Bleibt"}}
			for i, number := range []string{testNumber, otherNumber} {
				d.feed(from(number, gone, fmt.Sprint("g", i), d.now.Unix(), "text", text("Kanarienkäfig, wilhelmine@example.org")),
					from(number, stays, fmt.Sprint("s", i), d.now.Unix(), "text", text("Hundehütte")))
			}
			row := d.conversations(d.one)[slices.IndexFunc(d.conversations(d.one), func(c inbox.Conversation) bool { return strings.HasPrefix(c.Contact.Name.Visible(), "Wilhelmine") })]
			contact := row.Contact.ID
			media := inbox.NewID[inbox.MediaID]()
			if err := errors.Join(os.MkdirAll(d.mediaDir(), 0o700), os.WriteFile(d.mediaFile(media), []byte("a sealed file"), 0o600)); err != nil {
				t.Fatal(err)
			}
			err := d.db.Update(ctx, eventlog.Shard(d.one.Log()), func(tx ledger.Tx) error { return tx.Put(bucketMediaOf, []byte(media), []byte(contact)) })
			if err != nil {
				t.Fatal(err)
			}
			for _, in := range d.intakes {
				if err := in.trim(ctx, 1, in.after); err != nil {
					t.Fatal(err)
				}
			}
			if waits := from(testNumber, gone, "w", d.now.Unix(), "text", text("Kanarienfutter")); name == "everything" { // else nobody could tell whose it is any more
				if err := d.ingest(ctx, waits); err != nil {
					t.Fatal(err)
				}
			}
			var backup map[string][]byte
			d.again(func(cfg Config) { backup = files(t, cfg.Data) })

			d.now = d.now.Add(time.Hour)
			d.agreeToErase(gone, "del")
			if n, err := d.RunErasures(ctx); n != 1 || err != nil {
				t.Fatalf("%d erased, %v", n, err)
			}
			epoch := d.vault.Epoch()
			if got := d.acts(oversightShard())[fmt.Sprint("keys.rotated ", epoch)]; got != 1 {
				t.Errorf("the erasure's new epoch has %d entries", got)
			}
			roll := d.cfg.KeyFile() + ".erased"
			restored := 0
			d.again(func(cfg Config) {
				for path, content := range backup {
					if path != roll && of(cfg, path) {
						restored++
						if err := os.WriteFile(path, content, 0o600); err != nil {
							t.Fatal(err)
						}
					}
				}
				if name == "everything, dying once" { // after the keys, before the inboxes
					master, err := cfg.master()
					if err != nil {
						t.Fatal(err)
					}
					key, err := cfg.ledgerKey()
					if err != nil {
						t.Fatal(err)
					}
					db, err := ledger.Open(cfg.LedgerFile(), ledger.Config{Key: key})
					if err != nil {
						t.Fatal(err)
					}
					v, err := vault.Open(ctx, db, master, vault.Config{KeyFile: cfg.KeyFile()})
					if err != nil {
						t.Fatal(err)
					}
					back, err := v.Returned(ctx)
					if err != nil || len(back) != 1 {
						t.Fatalf("%d came back, %v: the test proves nothing", len(back), err)
					}
					if err := errors.Join(v.EraseAll(ctx, back), db.Close()); err != nil {
						t.Fatal(err)
					}
				}
			})
			if restored < 2 {
				t.Fatalf("%d files restored", restored)
			}
			for round := range 2 {
				for _, canary := range []string{"Kanarien", "Wilhelmine", "4915155501234", "wilhelmine@"} {
					if at := where(d.dump(), canary); len(at) > 0 {
						t.Errorf("start %d: a canary is in %d rows: %.60q", round, len(at), at)
					}
				}
				if len(where(d.dump(), "Hundehütte")) == 0 {
					t.Error("another customer's words are gone too")
				}
				if _, err := d.vault.Identity(ctx, contact); !errors.Is(err, vault.ErrErased) {
					t.Errorf("the vault says of him: %v", err)
				}
				if _, err := os.Stat(d.mediaFile(media)); !os.IsNotExist(err) {
					t.Errorf("his file is there: %v", err)
				}
				for _, e := range d.frames(d.one.Log()) {
					if _, ok := e.Body.(inbox.ContactErased); !ok && e.Body.Of() == row.ID {
						t.Errorf("a device is told a fact of kind %d", e.Body.Kind())
					}
				}
				if err := d.tendEpoch(ctx); err != nil {
					t.Fatal(err)
				}
				d.again(func(Config) {})
			}
			for _, in := range []inbox.InboxID{d.one, d.two} {
				want := 0
				if strings.HasPrefix(name, "everything") || name == "the store" {
					want = 1
				}
				if got := d.acts(eventlog.Shard(in.Log()))["contact.erased restored"]; got != want {
					t.Errorf("erased again %d times by the record, want %d", got, want)
				}
			}
			acts := d.acts(oversightShard())
			if name == "the keys" && acts["keys.older"] != 1 {
				t.Errorf("the record says %d times that the keys are older", acts["keys.older"])
			}
			if d.vault.Epoch() <= 1 {
				t.Error("the keys are under the epoch the backup has the key of")
			}
			d.feed(from(testNumber, gone, "new", d.now.Unix(), "text", text("Guten Tag")))
			all := d.conversations(d.one)
			if fresh := all[len(all)-1]; fresh.Contact.ID == contact || fresh.ID == row.ID {
				t.Error("who was erased is known again")
			}
		})
	}
}

func TestTheKeysGetANewEpochEveryDay(t *testing.T) {
	d := newIntakeDesk(t)
	d.feed(from(testNumber, object{"wa_id": "4915155501234"}, "a", d.now.Unix(), "text", text("Hallo")))
	var now atomic.Pointer[time.Time] // the clock that is read beside this test
	begin := d.now
	now.Store(&begin)
	clock := func() time.Time { return *now.Load() }
	d.Relay.now = clock
	ctx, stop := context.WithCancel(context.Background())
	tick, ended := make(chan time.Time), make(chan error, 1)
	run := func() { go func() { ended <- d.tendEpochs(ctx, tick) }() }
	step := func(by time.Duration, want uint64, entries int) {
		t.Helper()
		at := now.Load().Add(by)
		now.Store(&at)
		tick <- at
		tick <- at // taken only when the first was dealt with
		if got := d.vault.Epoch(); got != want {
			t.Errorf("epoch %d, want %d", got, want)
		}
		if got := d.acts(oversightShard())["keys.rotated"]; got != entries {
			t.Errorf("%d entries, want %d", got, entries)
		}
	}
	run()
	first := d.vault.Epoch()
	step(0, first, 0)
	step(23*time.Hour, first, 0)
	step(time.Hour, first+1, 1)
	step(10*time.Minute, first+1, 1)
	step(24*time.Hour, first+2, 2)
	step(-40*time.Hour, first+3, 3) // a clock put back
	step(-time.Minute, first+3+1, 4)
	step(23*time.Hour, first+4, 4)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}

	// A relay that dies between the new epoch and its entry writes the entry when it starts, and is not late the next day.
	if err := d.vault.RotateEpoch(context.Background()); err != nil {
		t.Fatal(err)
	}
	d.now = clock()
	d.again(func(Config) {})
	d.Relay.now = clock
	ctx, stop = context.WithCancel(context.Background())
	run()
	step(0, first+5, 5)
	step(24*time.Hour, first+6, 6)
	stop()
	<-ended
	if got := d.conversations(d.one); len(got) != 1 {
		t.Errorf("%d conversations", len(got))
	}
	if _, err := d.vault.Identity(context.Background(), d.conversations(d.one)[0].Contact.ID); err != nil {
		t.Errorf("a contact's key is lost: %v", err)
	}
}
