package relay

import (
	"testing"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
)

func TestWhoWasExcludedKeepsNoCopyOfTheAuditLog(t *testing.T) {
	r := newRelay(t, nil)
	device, _ := admitted(t, r)
	shard := eventlog.Shard(inbox.CompanyLog)
	err := r.db.Update(t.Context(), shard, func(tx ledger.Tx) error {
		size, root, err := audit.Head(tx)
		for _, id := range []inbox.DeviceID{device, "device-that-is-gone"} {
			if err == nil {
				_, err = audit.Keep(tx, audit.Witness{Shard: shard, Size: size, Hash: root, Device: id})
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	witnesses := func() int {
		t.Helper()
		list, err := r.chains(t.Context())
		if err != nil || list[0].Log != inbox.CompanyLog {
			t.Fatal(err)
		}
		return list[0].Witnesses
	}
	if n := witnesses(); n != 1 {
		t.Errorf("%d devices keep a copy, want the one there is", n)
	}
	if err := r.Revoke(t.Context(), device); err != nil {
		t.Fatal(err)
	}
	if n := witnesses(); n != 0 {
		t.Errorf("%d devices keep a copy, want none", n)
	}
}
