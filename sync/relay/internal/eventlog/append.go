package eventlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

const (
	bucketLog          = "log"
	bucketMeta         = "logmeta"
	bucketConversation = "conversation"
	bucketMessage      = "message"
	sequenceLog        = "log"
)

var keyEpoch = []byte("epoch")

// ErrRow is returned when a row of the log or its state is not what this package wrote.
var ErrRow = errors.New("event log row is damaged")

// Shard returns the name of the ledger's shard that holds the log.
func Shard(log inbox.LogID) string { return string(log) }

func seqKey(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

// Append adds facts to the log whose shard tx is on, and folds them into the state. It returns the events with their
// numbers, and for each [inbox.MessageAdded] the message with its place filled in.
func Append(tx ledger.Tx, at inbox.Moment, cause inbox.IntentID, bodies ...inbox.EventBody) ([]inbox.Event, error) {
	if err := ensureEpoch(tx); err != nil {
		return nil, err
	}
	events := make([]inbox.Event, 0, len(bodies))
	for _, body := range bodies {
		seq, err := tx.Sequence(sequenceLog)
		if err != nil {
			return nil, fmt.Errorf("numbering an event: %w", err)
		}
		if added, ok := body.(inbox.MessageAdded); ok {
			added.Message.Seq, added.Message.Cause = seq, cause
			body = added
		}
		e := inbox.Event{Seq: seq, At: at, Cause: cause, Body: body}
		row, err := wire.EncodeEvent(e)
		if err != nil {
			return nil, err
		}
		if err := tx.Put(bucketLog, seqKey(seq), row); err != nil {
			return nil, fmt.Errorf("writing an event: %w", err)
		}
		if err := fold(tx, e); err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

func ensureEpoch(tx ledger.Tx) error {
	epoch, err := tx.Get(bucketMeta, keyEpoch)
	if err != nil || epoch != nil {
		return err
	}
	return tx.Put(bucketMeta, keyEpoch, []byte(inbox.NewID[string]()))
}

// fold brings the state up to date with one event.
func fold(tx ledger.Tx, e inbox.Event) error {
	id := e.Body.Of()
	if id == "" {
		return nil
	}
	c, _, err := Conversation(tx, id)
	if err != nil {
		return err
	}
	c.Apply(e, "")
	if err := put(tx, bucketConversation, string(id), c); err != nil {
		return err
	}
	switch b := e.Body.(type) {
	case inbox.MessageAdded:
		return put(tx, bucketMessage, string(b.Message.ID), b.Message)
	case inbox.ReceiptChanged:
		return foldMessage(tx, b.Message, b)
	case inbox.Reacted:
		return foldMessage(tx, b.Message, b)
	case inbox.MediaChanged:
		return foldMessage(tx, b.Message, b)
	}
	return nil
}

func foldMessage(tx ledger.Tx, id inbox.MessageID, body inbox.EventBody) error {
	m, ok, err := Message(tx, id)
	if err != nil || !ok || !inbox.ApplyTo(&m, body) {
		return err
	}
	return put(tx, bucketMessage, string(id), m)
}

// Conversation returns the row of a conversation as nobody's reader sees it, and whether there is one.
func Conversation(tx ledger.Tx, id inbox.ConversationID) (c inbox.Conversation, ok bool, err error) {
	ok, err = get(tx, bucketConversation, string(id), &c)
	return c, ok, err
}

// Conversations yields every conversation of the log, in no useful order.
func Conversations(tx ledger.Tx) iter.Seq2[inbox.Conversation, error] {
	return func(yield func(inbox.Conversation, error) bool) {
		for _, row := range tx.Scan(bucketConversation, nil, nil) {
			var c inbox.Conversation
			if cbor.Unmarshal(row, &c) != nil {
				yield(c, ErrRow)
				return
			}
			if !yield(c, nil) {
				return
			}
		}
	}
}

// Message returns a message as it is now, and whether there is one.
func Message(tx ledger.Tx, id inbox.MessageID) (m inbox.Message, ok bool, err error) {
	ok, err = get(tx, bucketMessage, string(id), &m)
	return m, ok, err
}

func get(tx ledger.Tx, bucket, id string, into any) (bool, error) {
	if id == "" {
		return false, nil
	}
	row, err := tx.Get(bucket, []byte(id))
	if err != nil || row == nil {
		return false, err
	}
	if cbor.Unmarshal(row, into) != nil {
		return false, ErrRow
	}
	return true, nil
}

var encoding = func() cbor.EncMode {
	mode, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err) // constant options
	}
	return mode
}()

func put(tx ledger.Tx, bucket, id string, v any) error {
	row, err := encoding.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding a row of %s: %w", bucket, err)
	}
	return tx.Put(bucket, []byte(id), row)
}
