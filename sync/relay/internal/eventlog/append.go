package eventlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

const (
	bucketLog          = "log"
	bucketMeta         = "logmeta"
	bucketConversation = "conversation"
	bucketMessage      = "message" // message id -> its place in the log, or the message once it differs from that
	sequenceLog        = "log"
)

var keyEpoch = []byte("epoch")

// ErrRow is returned when a row of the log or its state is not what this package wrote.
var ErrRow = errors.New("event log row is damaged")

// Shard returns the name of the ledger's shard that holds the log.
func Shard(log inbox.LogID) string { return string(log) }

// seqSize is the length of a place as bytes. No message is that short.
const seqSize = 8

func seqKey(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

// Append adds facts to the log whose shard tx is on, and folds them into the state. It returns the events with their
// numbers, and for each [inbox.MessageAdded] the message with its place filled in.
func Append(tx ledger.Tx, at inbox.Moment, cause inbox.IntentID, bodies ...inbox.EventBody) ([]inbox.Event, error) {
	w := NewWriter(tx)
	events, err := w.Append(at, cause, bodies...)
	if err != nil {
		return nil, err
	}
	return events, w.Flush()
}

// A Writer appends many facts in one transaction and writes the row of each conversation once, at the end. Until
// [Writer.Flush] the rows in the ledger lag behind the log: whoever else appends to the log or reads rows in the same
// transaction needs a Flush before, after which the Writer may go on. The transaction must not end without one.
type Writer struct {
	tx    ledger.Tx
	epoch bool // is known to be there
	rows  map[inbox.ConversationID]*openRow
}

type openRow struct {
	inbox.Conversation
	there   bool // in the ledger, or made by a fact since
	changed bool
}

// NewWriter returns a Writer on the log whose shard tx is on.
func NewWriter(tx ledger.Tx) *Writer { return &Writer{tx: tx} }

// Append is the package's Append, but for the rows of conversations, which wait for Flush.
func (w *Writer) Append(at inbox.Moment, cause inbox.IntentID, bodies ...inbox.EventBody) ([]inbox.Event, error) {
	if !w.epoch {
		if err := ensureEpoch(w.tx); err != nil {
			return nil, err
		}
		w.epoch = true
	}
	events := make([]inbox.Event, 0, len(bodies))
	for _, body := range bodies {
		seq, err := w.tx.Sequence(sequenceLog)
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
		if err := w.tx.Put(bucketLog, seqKey(seq), row); err != nil {
			return nil, fmt.Errorf("writing an event: %w", err)
		}
		if err := w.fold(e); err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

// Conversation is the package's Conversation, with the facts of this Writer folded in.
func (w *Writer) Conversation(id inbox.ConversationID) (c inbox.Conversation, ok bool, err error) {
	row, err := w.row(id)
	if err != nil {
		return c, false, err
	}
	return row.Conversation, row.there, nil
}

// Flush writes the rows of the conversations the facts were about.
func (w *Writer) Flush() error {
	for _, id := range slices.Sorted(maps.Keys(w.rows)) {
		if row := w.rows[id]; row.changed {
			if err := put(w.tx, bucketConversation, string(id), row.Conversation); err != nil {
				return err
			}
		}
	}
	w.rows = nil // others may write now
	return nil
}

func (w *Writer) row(id inbox.ConversationID) (*openRow, error) {
	if row := w.rows[id]; row != nil {
		return row, nil
	}
	row := new(openRow)
	var err error
	if row.Conversation, row.there, err = Conversation(w.tx, id); err != nil {
		return nil, err
	}
	if w.rows == nil {
		w.rows = map[inbox.ConversationID]*openRow{}
	}
	w.rows[id] = row
	return row, nil
}

func ensureEpoch(tx ledger.Tx) error {
	epoch, err := tx.Get(bucketMeta, keyEpoch)
	if err != nil || epoch != nil {
		return err
	}
	return tx.Put(bucketMeta, keyEpoch, []byte(inbox.NewID[string]()))
}

// Renew gives the log of a shard a new epoch: every device is told it anew. It is for a log that was put back to where it
// stood once, so that a cursor may stand where other facts are now. A log nobody wrote to stays as it is.
func Renew(tx ledger.Tx) error {
	epoch, err := tx.Get(bucketMeta, keyEpoch)
	if err != nil || epoch == nil {
		return err
	}
	return tx.Put(bucketMeta, keyEpoch, []byte(inbox.NewID[string]()))
}

// Epoch returns the epoch of a shard's log; "" for a log nobody wrote to.
func Epoch(tx ledger.Tx) (string, error) {
	epoch, err := tx.Get(bucketMeta, keyEpoch)
	return string(epoch), err
}

// fold brings the state up to date with one event.
func (w *Writer) fold(e inbox.Event) error {
	id := e.Body.Of()
	if id == "" {
		return nil
	}
	row, err := w.row(id)
	if err != nil {
		return err
	}
	if b, ok := e.Body.(inbox.ConversationJoined); ok {
		into, err := w.row(b.Into)
		if err != nil {
			return err
		}
		into.TakeOver(row.Conversation, e)
		into.changed = into.there
	}
	row.Apply(e, "")
	row.there, row.changed = true, true
	switch b := e.Body.(type) {
	case inbox.MessageAdded:
		return w.tx.Put(bucketMessage, []byte(b.Message.ID), seqKey(e.Seq))
	case inbox.ReceiptChanged:
		return foldMessage(w.tx, b.Message, b)
	case inbox.Reacted:
		return foldMessage(w.tx, b.Message, b)
	case inbox.MediaChanged:
		return foldMessage(w.tx, b.Message, b)
	case inbox.MessageChanged:
		return foldMessage(w.tx, b.Message, b)
	case inbox.MessageMasked:
		return foldMessage(w.tx, b.Message, b)
	case inbox.MessageReleased:
		return foldMessage(w.tx, b.Message, b)
	case inbox.MessageWithdrawn:
		if row.LastID == b.Message { // what stood before it, nobody asks this row
			row.LastID, row.LastKind, row.LastAuthor, row.LastReceipt, row.Snippet = "", 0, "", 0, inbox.Masked{}
		}
		return w.tx.Delete(bucketMessage, []byte(b.Message)) // it was never written
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

// Backwards yields the facts of the log, the newest first. Reading a long log costs time: stop when enough was seen.
func Backwards(tx ledger.Tx) iter.Seq2[inbox.Event, error] {
	return func(yield func(inbox.Event, error) bool) {
		for _, row := range tx.ScanBack(bucketLog, nil, nil) {
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

// Message returns a message as it is now, and whether there is one.
func Message(tx ledger.Tx, id inbox.MessageID) (m inbox.Message, ok bool, err error) {
	if id == "" {
		return m, false, nil
	}
	row, err := tx.Get(bucketMessage, []byte(id))
	if err != nil || row == nil {
		return m, false, err
	}
	if len(row) != seqSize { // something happened to it since it was added
		if cbor.Unmarshal(row, &m) != nil {
			return inbox.Message{}, false, ErrRow
		}
		return m, true, nil
	}
	if row, err = tx.Get(bucketLog, row); err != nil {
		return m, false, err
	}
	e, err := wire.DecodeEvent(row)
	added, is := e.Body.(inbox.MessageAdded)
	if err != nil || !is || added.Message.ID != id {
		return m, false, ErrRow
	}
	return added.Message, true, nil
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
