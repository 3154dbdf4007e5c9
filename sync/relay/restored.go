package relay

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/outbound"
)

// restoredFile is there from a restore until the relay's next start has dealt with it: what the backup says of the present is
// a guess.
const restoredFile = "restored"

func restoredMark(data string) string { return filepath.Join(data, restoredFile) }

// afterRestore makes true again what is not after a restore. Devices have seen facts the backup does not know, so every log
// gets a new epoch and is told anew. What stood in a queue may have left since; nobody can tell, so a person decides. All of it
// may be repeated.
func (r *Relay) afterRestore(ctx context.Context) error {
	mark := restoredMark(r.cfg.Data)
	if _, err := os.Stat(mark); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("looking for the mark of a restore: %w", err)
	}
	at, doubted := inbox.At(r.now()), 0
	for _, log := range r.allLogs() {
		n := 0
		err := r.db.Update(ctx, eventlog.Shard(log), func(tx ledger.Tx) (err error) {
			if n = 0; log.Inbox() != "" {
				if n, err = outbound.Doubt(tx, at); err != nil {
					return err
				}
			}
			return eventlog.Renew(tx)
		})
		if err != nil {
			return fmt.Errorf("renewing a restored log: %w", err)
		}
		doubted += n
	}
	r.log.Warn("the store was restored from a backup", "logs", len(r.allLogs()), "messages in doubt", doubted)
	return os.Remove(mark)
}
