package wire

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"
	"github.com/klauspost/compress/zstd"

	"sealdesk/app/inbox"
)

// eventRow is an event as bytes: an array, because a log holds millions.
type eventRow struct {
	_     struct{} `cbor:",toarray"`
	Seq   uint64
	At    inbox.Moment
	Cause inbox.IntentID
	Kind  inbox.EventKind
	Body  cbor.RawMessage
}

// EncodeEvent returns the event as bytes, the form a log keeps it in and a batch carries it in.
func EncodeEvent(e inbox.Event) ([]byte, error) {
	if row, ok := quickEncode(make([]byte, 0, 256), e); ok {
		return row, nil
	}
	return slowEncode(e)
}

func slowEncode(e inbox.Event) ([]byte, error) {
	body, err := encMode.Marshal(e.Body)
	if err != nil {
		return nil, fmt.Errorf("encoding event of kind %d: %w", e.Body.Kind(), err)
	}
	return encMode.Marshal(eventRow{Seq: e.Seq, At: e.At, Cause: e.Cause, Kind: e.Body.Kind(), Body: body})
}

// DecodeEvent is the reverse of [EncodeEvent]. Errors as for [Decode].
func DecodeEvent(b []byte) (inbox.Event, error) {
	if e, rest, ok := quickDecode(b); ok && len(rest) == 0 {
		return e, nil
	}
	return slowDecode(b)
}

func slowDecode(b []byte) (inbox.Event, error) {
	row, err := decode[eventRow](b)
	if err != nil {
		return inbox.Event{}, err
	}
	return row.event()
}

// slowDecodeFirst takes one event from the front of a sequence.
func slowDecodeFirst(b []byte) (e inbox.Event, rest []byte, err error) {
	var row eventRow
	if rest, err = decMode.UnmarshalFirst(b, &row); err != nil {
		return e, nil, ErrMalformed
	}
	e, err = row.event()
	return e, rest, err
}

func (r eventRow) event() (inbox.Event, error) {
	b, err := eventKinds.decode(r.Kind, r.Body)
	if err != nil {
		return inbox.Event{}, fmt.Errorf("event of kind %d: %w", r.Kind, err)
	}
	return inbox.Event{Seq: r.Seq, At: r.At, Cause: r.Cause, Body: b}, nil
}

// batchFrame is a batch as bytes. Events is a CBOR sequence (RFC 8742) of events under zstd (RFC 8878).
type batchFrame struct {
	Log    inbox.LogID `cbor:"1,keyasint"`
	Epoch  string      `cbor:"2,keyasint"`
	From   uint64      `cbor:"3,keyasint"`
	To     uint64      `cbor:"4,keyasint"`
	Reset  bool        `cbor:"5,keyasint,omitempty"`
	Events []byte      `cbor:"6,keyasint,omitempty"`
}

var (
	compressor, _   = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2), zstd.WithEncoderCRC(false))
	decompressor, _ = zstd.NewReader(nil, zstd.WithDecoderMaxMemory(MaxBatchPlain), zstd.WithDecoderConcurrency(2))
)

// A BatchBuilder collects encoded events into one batch frame. The zero value is ready to use for one frame. It is not
// safe for concurrent use.
type BatchBuilder struct {
	plain []byte
	count int
}

// Full reports whether the batch should be sent before an event of the given size is added.
func (b *BatchBuilder) Full(size int) bool {
	return b.count > 0 && (b.count >= MaxBatchEvents || len(b.plain)+size > targetBatchPlain)
}

// Add appends an event made by [EncodeEvent].
func (b *BatchBuilder) Add(event []byte) {
	b.plain = append(b.plain, event...)
	b.count++
}

// Len returns how many events were added.
func (b *BatchBuilder) Len() int { return b.count }

// Frame returns the frame for the stretch described by head, whose Events are ignored, and empties the builder.
func (b *BatchBuilder) Frame(head inbox.Batch) []byte {
	f := batchFrame{Log: head.Log, Epoch: head.Epoch, From: head.From, To: head.To, Reset: head.Reset}
	if b.count > 0 {
		f.Events = compressor.EncodeAll(b.plain, nil)
	}
	b.plain, b.count = b.plain[:0], 0
	payload, err := encMode.Marshal(f)
	if err != nil {
		panic(fmt.Sprintf("wire: encoding a batch: %v", err)) // plain types only
	}
	return append([]byte{byte(TypeBatch)}, payload...)
}

// EncodeBatch makes a frame of a batch whose events are within the limits of one frame.
func EncodeBatch(batch inbox.Batch) ([]byte, error) {
	var b BatchBuilder
	for _, e := range batch.Events {
		row, err := EncodeEvent(e)
		if err != nil {
			return nil, err
		}
		b.Add(row)
	}
	return b.Frame(batch), nil
}

func decodeBatch(payload []byte) (any, error) {
	f, err := decode[batchFrame](payload)
	if err != nil {
		return nil, err
	}
	batch := inbox.Batch{Log: f.Log, Epoch: f.Epoch, From: f.From, To: f.To, Reset: f.Reset}
	if f.To < f.From {
		return nil, ErrMalformed
	}
	if len(f.Events) == 0 {
		return batch, nil
	}
	plain, err := decompressor.DecodeAll(f.Events, nil)
	if err != nil {
		return nil, ErrMalformed
	}
	batch.Events = make([]inbox.Event, 0, min(f.To-f.From, MaxBatchEvents))
	place := f.From
	for len(plain) > 0 {
		if len(batch.Events) == MaxBatchEvents {
			return nil, ErrMalformed
		}
		e, rest, ok := quickDecode(plain)
		if !ok {
			if e, rest, err = slowDecodeFirst(plain); err != nil {
				return nil, err
			}
		}
		plain = rest
		if e.Seq > f.To || !f.Reset && e.Seq <= place {
			return nil, ErrMalformed
		}
		place = e.Seq
		batch.Events = append(batch.Events, e)
	}
	return batch, nil
}
