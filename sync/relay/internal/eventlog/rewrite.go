package eventlog

import (
	"bytes"
	"fmt"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

// sequenceRewritten counts how often places of the log were written anew, so that readers know that what they hold of it
// is old. Whoever rewrites also appends: a reader looks at it when the log has grown.
const sequenceRewritten = "rewritten"

// quoteRunes is the longest excerpt of a message in its answers.
const quoteRunes = 160

// Remask replaces what is shown of a message in every place of the log where it is shown: where it was added or changed,
// and where others quote it. Who reads the log from then on, from whatever place, never sees what was there. It does not
// tell those who have read it: append an [inbox.MessageMasked] in the same transaction. A message that is not there, or was
// taken back, is no error.
func Remask(tx ledger.Tx, id inbox.MessageID, body inbox.Masked) error {
	m, ok, err := Message(tx, id)
	if err != nil || !ok {
		return err
	}
	shown := func(q *inbox.Quote) bool { return q != nil && q.Message == id && !q.Excerpt.IsZero() }
	requote := func(m *inbox.Message) {
		q := *m.Quote
		q.Excerpt = body.Excerpt(quoteRunes)
		m.Quote = &q
	}
	var quoting []inbox.MessageID
	err = rewrite(tx, m.Seq, func(e *inbox.Event) bool {
		switch b := e.Body.(type) {
		case inbox.MessageAdded:
			switch {
			case b.Message.ID == id:
				b.Message.Body = body
			case shown(b.Message.Quote):
				requote(&b.Message)
				quoting = append(quoting, b.Message.ID)
			default:
				return false
			}
			e.Body = b
			return true
		case inbox.MessageChanged:
			if b.Message != id || b.Deleted {
				return false
			}
			b.Body = body
			e.Body = b
			return true
		case inbox.MessageMasked:
			if b.Message != id {
				return false
			}
			b.Body = body
			e.Body = b
			return true
		}
		return false
	})
	if err != nil {
		return err
	}
	if m.Kind != inbox.Deleted {
		if err := foldMessage(tx, id, inbox.MessageMasked{Conversation: m.Conversation, Message: id, Body: body}); err != nil {
			return err
		}
	}
	for _, other := range quoting {
		row, err := tx.Get(bucketMessage, []byte(other))
		if err != nil {
			return err
		}
		if len(row) <= seqSize { // it is kept in the log alone
			continue
		}
		m, ok, err := Message(tx, other)
		if err != nil {
			return err
		}
		if ok && shown(m.Quote) {
			requote(&m)
			if err := put(tx, bucketMessage, string(other), m); err != nil {
				return err
			}
		}
	}
	return nil
}

// rewrite lets change replace facts from a place on, and writes those for which it reports true.
func rewrite(tx ledger.Tx, from uint64, change func(*inbox.Event) bool) error {
	type row struct{ key, value []byte }
	var changed []row
	for key, value := range tx.Scan(bucketLog, seqKey(from), nil) {
		e, err := wire.DecodeEvent(value)
		if err != nil {
			return ErrRow
		}
		if !change(&e) {
			continue
		}
		next, err := wire.EncodeEvent(e)
		if err != nil {
			return err
		}
		if !bytes.Equal(next, value) {
			changed = append(changed, row{bytes.Clone(key), next})
		}
	}
	if err := tx.Err(); err != nil {
		return err
	}
	for _, r := range changed {
		if err := tx.Put(bucketLog, r.key, r.value); err != nil {
			return fmt.Errorf("writing an event anew: %w", err)
		}
	}
	if len(changed) == 0 {
		return nil
	}
	_, err := tx.Sequence(sequenceRewritten)
	return err
}

// Forgotten is what was in the log of conversations that were forgotten.
type Forgotten struct {
	Messages []inbox.MessageID
	Media    []inbox.MediaID
}

// Forget replaces every fact of the conversations by an [inbox.ContactErased] in the same place, leaves of their rows what
// that fact leaves, and gives the log a new epoch: every reader starts again and holds nothing afterwards that is not in
// the log any more. It appends one [inbox.ContactErased] for each conversation that was not erased before, and does
// nothing if there is none. The contacts are those the facts name.
func Forget(tx ledger.Tx, at inbox.Moment, conversations map[inbox.ConversationID]inbox.ContactID) (gone Forgotten, err error) {
	var fresh []inbox.EventBody
	for id, contact := range conversations {
		c, ok, err := Conversation(tx, id)
		if err != nil {
			return gone, err
		}
		if ok && c.Erased == 0 {
			fresh = append(fresh, inbox.ContactErased{Conversation: id, Contact: contact})
		}
	}
	if len(fresh) == 0 {
		return gone, nil
	}
	err = rewrite(tx, 1, func(e *inbox.Event) bool {
		id := e.Body.Of()
		contact, theirs := conversations[id]
		if !theirs {
			return false
		}
		switch b := e.Body.(type) {
		case inbox.MessageAdded:
			gone.Messages = append(gone.Messages, b.Message.ID)
			if b.Message.Media != nil {
				gone.Media = append(gone.Media, b.Message.Media.ID)
			}
		case inbox.ContactErased:
			return false
		}
		e.Cause, e.Body = "", inbox.ContactErased{Conversation: id, Contact: contact}
		return true
	})
	if err != nil {
		return gone, err
	}
	for _, id := range gone.Messages {
		if err := tx.Delete(bucketMessage, []byte(id)); err != nil {
			return gone, err
		}
	}
	if err := tx.Put(bucketMeta, keyEpoch, []byte(inbox.NewID[string]())); err != nil {
		return gone, err
	}
	if _, err := tx.Sequence(sequenceRewritten); err != nil {
		return gone, err
	}
	_, err = Append(tx, at, "", fresh...)
	return gone, err
}

// BackwardsFrom is [Backwards] from a place on: the first fact it yields is the one in that place.
func BackwardsFrom(tx ledger.Tx, seq uint64) func(yield func(inbox.Event, error) bool) {
	return func(yield func(inbox.Event, error) bool) {
		for _, row := range tx.ScanBack(bucketLog, nil, seqKey(seq+1)) {
			e, err := wire.DecodeEvent(row)
			if err != nil {
				yield(inbox.Event{}, ErrRow)
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}
