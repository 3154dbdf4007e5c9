package outbound

import (
	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
)

// Doubt takes everything out of an inbox's queue and shows it as unknown: after a restore nobody can tell what of it has
// left since the backup was made, and nothing is sent twice. It returns how many messages that were.
func Doubt(tx ledger.Tx, at inbox.Moment) (n int, err error) {
	var all []inbox.MessageID
	for q, err := range rows(tx) {
		if err != nil {
			return 0, err
		}
		all = append(all, q.Message)
	}
	for _, id := range all {
		if err := settle(tx, id, inbox.Unknown, inbox.NoFailure, at); err != nil {
			return 0, err
		}
	}
	return len(all), nil
}
