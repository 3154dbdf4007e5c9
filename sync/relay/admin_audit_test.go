package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/vault"
)

// bothWays runs a test with the relay itself and through its socket.
func bothWays(t *testing.T, f func(t *testing.T, r *Relay, a Admin)) {
	for _, way := range []string{"itself", "socket"} {
		t.Run(way, func(t *testing.T) {
			r := newRelay(t, nil)
			if way == "itself" {
				f(t, r, r)
				return
			}
			l, err := listenPrivate(r.cfg.adminSocket())
			if err != nil {
				t.Fatal(err)
			}
			srv := &http.Server{Handler: r.admin()}
			go srv.Serve(l)
			t.Cleanup(func() { srv.Close() })
			a, done, err := OpenAdmin(t.Context(), r.cfg, nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { done() })
			if _, remote := a.(*remoteAdmin); !remote {
				t.Fatal("the test does not go through the socket")
			}
			f(t, r, a)
		})
	}
}

func TestTheAuditLogIsVerifiedSearchedAndExported(t *testing.T) {
	bothWays(t, func(t *testing.T, r *Relay, a Admin) {
		ctx := t.Context()
		ana, err := a.AddPerson(ctx, "Ana Beispiel", inbox.Supervisor, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = r.db.Update(ctx, "sales", func(tx ledger.Tx) error { // many, so that there is progress to tell
			for n := range 5000 {
				if err := audit.Record(tx, audit.Entry{At: inbox.At(r.now()), Actor: ana.ID, Act: audit.Noted, Object: fmt.Sprint("c", n/1000)}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		key, err := a.AuditKey(ctx)
		if err != nil || !strings.HasPrefix(key, "127.0.0.1/audit+") {
			t.Fatalf("the key: %v", err)
		}
		kept, err := a.AuditCheckpoints(ctx)
		if err != nil || len(kept) != 2 || kept[1].Shard != "sales" || kept[1].Size != 5000 {
			t.Fatalf("%d checkpoints: %v", len(kept), err)
		}

		var told []AuditProgress
		reports, err := a.AuditVerify(ctx, AuditVerifyWish{Verifier: key, Kept: []string{kept[0].Note, kept[1].Note}}, func(p AuditProgress) { told = append(told, p) })
		if err != nil || len(reports) != 2 || !reports[0].Sound() || !reports[1].Sound() || reports[1].Witnesses != 1 {
			t.Fatalf("verifying: %+v, %v", reports, err)
		}
		if len(told) < 3 || told[len(told)-1].Done != 5000 {
			t.Errorf("told %d times how far it was", len(told))
		}
		if _, err := a.AuditVerify(ctx, AuditVerifyWish{Kept: []string{strings.Replace(kept[1].Note, "\n5000\n", "\n4999\n", 1)}}, nil); !errors.Is(err, ErrAuditKept) {
			t.Errorf("a changed checkpoint: %v", err)
		}

		if _, err := a.AuditVerify(ctx, AuditVerifyWish{Verifier: "nonsense"}, nil); !errors.Is(err, ErrAuditKey) {
			t.Errorf("no key: %v", err)
		}

		page, err := a.AuditSearch(ctx, AuditSearchWish{Person: "ana beispiel", About: []string{"c1"}, Act: "note", Limit: 7})
		if err != nil || len(page.Found) != 7 || page.Next == "" || page.Found[0].Object != "c1" || page.Found[0].Number != 2000 {
			t.Errorf("%d found: %v", len(page.Found), err)
		}
		if next, err := a.AuditSearch(ctx, AuditSearchWish{Person: "ana beispiel", About: []string{"c1"}, Act: "note", Limit: 7, After: page.Next}); err != nil || next.Found[0].Number != 1993 {
			t.Errorf("the next page: %v", err)
		}
		for want, w := range map[error]AuditSearchWish{ErrNoPerson: {Person: "Nobody"}, ErrAuditCursor: {After: "?"}} {
			if _, err := a.AuditSearch(ctx, w); !errors.Is(err, want) {
				t.Errorf("%v: %v", want, err)
			}
		}
		// That somebody looked is in the log, and the words he used are not.
		own, err := a.AuditSearch(ctx, AuditSearchWish{Act: "audit"})
		if err != nil || len(own.Found) != 1 || own.Found[0].Detail != "person about act" || own.Found[0].Object != string(ana.ID) {
			t.Errorf("of the search the log says %+v: %v", own.Found, err)
		}

		for _, format := range []AuditFormat{"jsonl", "cef"} {
			var out bytes.Buffer
			if err := a.AuditExport(ctx, AuditExportWish{Format: format}, &out); err != nil {
				t.Fatal(err)
			}
			if sum, err := CheckAuditExport(&out, key); err != nil || sum.Entries < 5004 || sum.Shards != 2 {
				t.Errorf("%s: %d entries of %d shards: %v", format, sum.Entries, sum.Shards, err)
			}
		}
		if err := a.AuditExport(ctx, AuditExportWish{Format: "xml"}, new(bytes.Buffer)); !errors.Is(err, ErrAuditFormat) {
			t.Errorf("another format: %v", err)
		}

		// Somebody with the ledger's keys takes an entry away.
		err = r.db.Update(ctx, "sales", func(tx ledger.Tx) error { return tx.Delete("audit", []byte{0, 0, 0, 0, 0, 0, 0x0f, 0xa0}) })
		if err != nil {
			t.Fatal(err)
		}
		reports, err = a.AuditVerify(ctx, AuditVerifyWish{}, nil)
		if err != nil || reports[1].Sound() || reports[1].Faults[0] != (audit.Fault{Kind: audit.EntryMissing, Number: 4000}) {
			t.Errorf("after that: %+v, %v", reports, err)
		}
		if err := a.AuditExport(ctx, AuditExportWish{Format: "jsonl"}, new(bytes.Buffer)); err == nil {
			t.Error("half an export was taken for whole")
		}
	})
}

func TestErasingAContactLeavesTheTreeAndTakesTheReason(t *testing.T) {
	d := newRevealDesk(t)
	ctx := context.Background()
	ana := d.person("Ana Beispiel", inbox.Agent)
	if _, err := d.asks(ana, nil); err != nil {
		t.Fatal(err)
	}
	shard := eventlog.Shard(d.one.Log())
	var asked audit.Entry
	for _, e := range d.acts(shard) {
		if e.Act == audit.RevealAsked {
			asked = e
		}
	}
	contact := d.conversations(d.one)[0].Contact.ID
	reason := func() error {
		text, err := d.vault.Open(ctx, contact, bucketReveal, []byte(asked.Object), []byte(asked.Reason))
		if err == nil && string(text) == "" {
			t.Error("the reason is empty: the test proves nothing")
		}
		return err
	}
	if err := reason(); err != nil {
		t.Fatalf("before, the reason cannot be read: %v", err)
	}
	kept, err := d.AuditCheckpoints(ctx)
	if err != nil {
		t.Fatal(err)
	}
	wish := AuditVerifyWish{}
	for _, c := range kept {
		wish.Kept = append(wish.Kept, c.Note)
	}
	if err := d.vault.Erase(ctx, contact); err != nil {
		t.Fatal(err)
	}
	if err := reason(); !errors.Is(err, vault.ErrErased) {
		t.Errorf("after, the reason is read with %v", err)
	}
	reports, err := d.AuditVerify(ctx, wish, nil)
	for _, r := range reports {
		if !r.Sound() {
			t.Errorf("%s is not sound any more: %v", r.Shard, r.Faults)
		}
	}
	if err != nil || len(reports) < 2 {
		t.Errorf("%d reports: %v", len(reports), err)
	}
	for _, e := range d.acts(shard) {
		if e.Number == asked.Number && e != asked {
			t.Error("the entry was changed")
		}
	}
}
