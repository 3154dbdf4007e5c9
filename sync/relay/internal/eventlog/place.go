package eventlog

import (
	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

// MessageAt returns the message that was added at a place of the log, as it was then, and whether one was.
func MessageAt(tx ledger.Tx, seq uint64) (m inbox.Message, ok bool, err error) {
	row, err := tx.Get(bucketLog, seqKey(seq))
	if err != nil || row == nil {
		return m, false, err
	}
	e, err := wire.DecodeEvent(row)
	if err != nil {
		return m, false, ErrRow
	}
	added, ok := e.Body.(inbox.MessageAdded)
	return added.Message, ok, nil
}
