package outbound

import (
	"bytes"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
)

// forgotten stands in place of our id of a message that was forgotten: WhatsApp may still speak of it, or deliver it again,
// and must find that it was known.
const forgotten = "forgotten"

// Forget destroys what the inbox's shard holds of messages beside the log: what they say, their place in the queue, Meta's
// ids of them. Of Meta's ids the keyed hashes stay, and lead to nothing. It returns those hashes, as [Lookup.Key] has them.
func Forget(tx ledger.Tx, gone []inbox.MessageID) (keys [][]byte, err error) {
	theirs := map[string]bool{}
	for _, id := range gone {
		theirs[string(id)] = true
		key, err := tx.Get(bucketPlace, []byte(id))
		if err != nil {
			return nil, err
		}
		if err := remove(tx, id); err != nil {
			return nil, err
		}
		for _, bucket := range []string{bucketWithheld, bucketWamid, bucketRedone, bucketPayload} {
			if err := tx.Delete(bucket, []byte(id)); err != nil {
				return nil, err
			}
		}
		if key != nil { // it may be on its way: a status that carries our id is about no stranger's message
			if err := tx.Put(bucketPayload, []byte(id), []byte(forgotten)); err != nil {
				return nil, err
			}
		}
	}
	for key, id := range tx.Scan(bucketByWamid, nil, nil) {
		if theirs[string(id)] {
			keys = append(keys, bytes.Clone(key))
		}
	}
	if err := tx.Err(); err != nil {
		return nil, err
	}
	for _, key := range keys {
		if err := tx.Put(bucketByWamid, key, []byte(forgotten)); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// Forgotten is what [Lookup.Message] returns for a message that [Forget] destroyed.
func Forgotten(id inbox.MessageID) bool { return id == forgotten }
