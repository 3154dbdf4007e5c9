package outbound

import (
	"testing"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
)

func TestWhatIsInDoubtLeavesTheQueueAndIsShownAsUnknown(t *testing.T) {
	d := newDesk(t)
	var ids []inbox.MessageID
	for i := range 3 {
		contact, conversation, _ := d.customer(i)
		ids = append(ids, d.queue(contact, conversation, "may have left"))
	}
	d.update(func(tx ledger.Tx) error {
		n, err := Doubt(tx, 1_790_000_000_000)
		if n != 3 {
			t.Errorf("%d in doubt", n)
		}
		return err
	})
	d.update(func(tx ledger.Tx) error {
		for _, id := range ids {
			if m, ok, err := eventlog.Message(tx, id); err != nil || !ok || m.Receipt != inbox.Unknown {
				t.Errorf("receipt %v, %v", m.Receipt, err)
			}
		}
		return nil
	})
	d.run(d.db)
	if n := d.quiet(); n != 0 || d.waiting() != 0 {
		t.Errorf("%d left, %d wait", n, d.waiting())
	}
}
