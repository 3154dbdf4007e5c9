package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
)

// errRow is returned for bytes that opened and yet are no row of this format.
var errRow = errors.New("row is malformed")

var encMode, decMode = modes()

func modes() (cbor.UserBufferEncMode, cbor.DecMode) {
	enc, err := cbor.CoreDetEncOptions().UserBufferEncMode()
	if err != nil {
		panic(err) // constant options
	}
	dec, err := cbor.DecOptions{IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden, MaxArrayElements: 1 << 20}.DecMode()
	if err != nil {
		panic(err)
	}
	return enc, dec
}

var scratch = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// decodeRow keeps the reason apart from the content: an error of the CBOR library may quote what it could not decode.
func decodeRow[T any](b []byte) (T, error) {
	var v T
	if err := decMode.Unmarshal(b, &v); err != nil {
		return v, errRow
	}
	return v, nil
}

// A rawEvent is a fact of a chunk whose body was not decoded yet: a timeline needs few of the bodies it passes.
type rawEvent struct {
	seq   uint64
	at    inbox.Moment
	cause inbox.IntentID
	kind  inbox.EventKind
	body  []byte
}

// appendEvent adds an event to a chunk: place, moment, cause, kind and body, numbers as varints, the rest with its
// length before it.
func appendEvent(chunk []byte, e inbox.Event) ([]byte, error) {
	buf := scratch.Get().(*bytes.Buffer)
	buf.Reset()
	defer scratch.Put(buf)
	if err := encMode.MarshalToBuffer(e.Body, buf); err != nil {
		return nil, fmt.Errorf("encoding event of kind %d: %w", e.Body.Kind(), err)
	}
	chunk = binary.AppendUvarint(chunk, e.Seq)
	chunk = binary.AppendVarint(chunk, int64(e.At))
	chunk = appendText(chunk, e.Cause)
	chunk = binary.AppendUvarint(chunk, uint64(e.Body.Kind()))
	chunk = binary.AppendUvarint(chunk, uint64(buf.Len()))
	return append(chunk, buf.Bytes()...), nil
}

func appendText[T ~string](b []byte, text T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// splitChunk returns the facts of a chunk in their order, appended to list. They alias the chunk.
func splitChunk(list []rawEvent, chunk []byte) ([]rawEvent, error) {
	r := reader{left: chunk}
	for len(r.left) > 0 {
		e := rawEvent{seq: r.number(), at: inbox.Moment(r.signed())}
		e.cause = inbox.IntentID(r.text())
		e.kind = inbox.EventKind(r.number())
		e.body = r.text()
		if r.bad {
			return nil, errRow
		}
		list = append(list, e)
	}
	return list, nil
}

// A reader takes numbers and texts from the front of bytes. After the first that is not there, bad stays true.
type reader struct {
	left []byte
	bad  bool
}

func (r *reader) take(n int) []byte {
	if n <= 0 || n > len(r.left) {
		r.bad, r.left = r.bad || n != 0, r.left[min(max(n, 0), len(r.left)):]
		return nil
	}
	b := r.left[:n]
	r.left = r.left[n:]
	return b
}

func (r *reader) number() uint64 {
	v, n := binary.Uvarint(r.left)
	r.bad = r.bad || n <= 0
	r.take(max(n, 0))
	return v
}

func (r *reader) signed() int64 {
	v, n := binary.Varint(r.left)
	r.bad = r.bad || n <= 0
	r.take(max(n, 0))
	return v
}

func (r *reader) text() []byte {
	size := r.number()
	if size > uint64(len(r.left)) {
		r.bad, r.left = true, nil
		return nil
	}
	return r.take(int(size))
}

// inTimeline says whether a timeline is folded from such facts. The others live on in rows.
func inTimeline(b inbox.EventBody) bool {
	switch b.(type) {
	case inbox.MessageAdded, inbox.ReceiptChanged, inbox.Reacted, inbox.MediaChanged, inbox.MessageChanged, inbox.MessageReleased, inbox.MessageMasked:
		return true
	case inbox.ConversationOpened: // says since when there is a row, should all messages be withdrawn
		return true
	}
	return false
}

// decode returns the body of a fact of a timeline, or about a thing.
func (e rawEvent) decode() (inbox.EventBody, error) {
	switch e.kind {
	case inbox.KindMessageAdded:
		b, err := decodeRow[inbox.MessageAdded](e.body)
		b.Message.Seq = e.seq
		if b.Message.Cause == "" {
			b.Message.Cause = e.cause
		}
		return b, err
	case inbox.KindReceiptChanged:
		return body[inbox.ReceiptChanged](e.body)
	case inbox.KindReacted:
		return body[inbox.Reacted](e.body)
	case inbox.KindMediaChanged:
		return body[inbox.MediaChanged](e.body)
	case inbox.KindMessageChanged:
		return body[inbox.MessageChanged](e.body)
	case inbox.KindTemplateChanged:
		return body[inbox.TemplateChanged](e.body)
	case inbox.KindCardChanged:
		return body[inbox.CardChanged](e.body)
	case inbox.KindTagChanged:
		return body[inbox.TagChanged](e.body)
	case inbox.KindQuickReplyChanged:
		return body[inbox.QuickReplyChanged](e.body)
	case inbox.KindIncidentChanged:
		return body[inbox.IncidentChanged](e.body)
	case inbox.KindRequestChanged:
		return body[inbox.RequestChanged](e.body)
	case inbox.KindRevealChanged:
		return body[inbox.RevealChanged](e.body)
	case inbox.KindConversationOpened:
		return body[inbox.ConversationOpened](e.body)
	case inbox.KindMessageReleased:
		return body[inbox.MessageReleased](e.body)
	case inbox.KindMessageMasked:
		return body[inbox.MessageMasked](e.body)
	}
	return nil, errRow
}

func body[T inbox.EventBody](b []byte) (inbox.EventBody, error) {
	v, err := decodeRow[T](b)
	return v, err
}

// about returns the message a fact of a timeline is about.
func about(b inbox.EventBody) inbox.MessageID {
	switch b := b.(type) {
	case inbox.MessageAdded:
		return b.Message.ID
	case inbox.ReceiptChanged:
		return b.Message
	case inbox.Reacted:
		return b.Message
	case inbox.MediaChanged:
		return b.Message
	case inbox.MessageChanged:
		return b.Message
	case inbox.MessageReleased:
		return b.Message
	case inbox.MessageWithdrawn:
		return b.Message
	case inbox.MessageMasked:
		return b.Message
	}
	return ""
}

// outRow is an item of the outbox as bytes.
type outRow struct {
	Place   uint64           `cbor:"1,keyasint"`
	ID      inbox.IntentID   `cbor:"2,keyasint"`
	At      inbox.Moment     `cbor:"3,keyasint"`
	Kind    inbox.IntentKind `cbor:"4,keyasint"`
	Body    cbor.RawMessage  `cbor:"5,keyasint"`
	State   itemState        `cbor:"6,keyasint,omitempty"`
	Refusal inbox.Refusal    `cbor:"7,keyasint,omitempty"`
	Media   inbox.MediaID    `cbor:"8,keyasint,omitempty"` // the relay's name for the file
	Face    cbor.RawMessage  `cbor:"9,keyasint,omitempty"` // an inbox.Message; see item
}

// firstOutRow is an item as files of the first format have it.
type firstOutRow struct {
	_       struct{} `cbor:",toarray"`
	Place   uint64
	ID      inbox.IntentID
	At      inbox.Moment
	Kind    inbox.IntentKind
	Body    cbor.RawMessage
	State   itemState
	Refusal inbox.Refusal
}

func decodeOutRow(b []byte) (outRow, error) {
	const array = 4 // CBOR's major type (RFC 8949 section 3.1)
	if len(b) == 0 || b[0]>>5 != array {
		return decodeRow[outRow](b)
	}
	r, err := decodeRow[firstOutRow](b)
	return outRow{Place: r.Place, ID: r.ID, At: r.At, Kind: r.Kind, Body: r.Body, State: r.State, Refusal: r.Refusal}, err
}

// intentKinds is the type each kind of wish has.
var intentKinds = func() map[inbox.IntentKind]reflect.Type {
	out := map[inbox.IntentKind]reflect.Type{}
	for _, b := range inbox.IntentBodies() {
		out[b.IntentKind()] = reflect.TypeOf(b)
	}
	return out
}()

func encodeItem(it *item) ([]byte, error) {
	b, err := encMode.Marshal(it.intent.Body)
	if err != nil {
		return nil, fmt.Errorf("encoding intent of kind %d: %w", it.intent.Body.IntentKind(), err)
	}
	row := outRow{Place: it.place, ID: it.intent.ID, At: it.intent.At, Kind: it.intent.Body.IntentKind(), Body: b,
		State: it.state, Refusal: it.refusal, Media: it.media}
	if row.Kind != inbox.IntentSendText && row.Kind != inbox.IntentAddNote && it.face.Kind != 0 { // those two show what they say
		if row.Face, err = encMode.Marshal(it.face); err != nil {
			return nil, fmt.Errorf("encoding how an intent of kind %d shows: %w", row.Kind, err)
		}
	}
	return encMode.Marshal(row)
}

func decodeItem(b []byte) (*item, error) {
	row, err := decodeOutRow(b)
	if err != nil {
		return nil, err
	}
	kind, ok := intentKinds[row.Kind]
	if !ok {
		return nil, fmt.Errorf("intent of kind %d: %w", row.Kind, ErrNewerStore)
	}
	wish := reflect.New(kind)
	if decMode.Unmarshal(row.Body, wish.Interface()) != nil {
		return nil, errRow
	}
	it := &item{place: row.Place, intent: inbox.Intent{ID: row.ID, At: row.At, Body: wish.Elem().Interface().(inbox.IntentBody)},
		state: row.State, refusal: row.Refusal, media: row.Media}
	if makesMessage[row.Kind] {
		// How it looks may not cost what it is: a floor under masked texts that rose since may refuse the look.
		if it.face, err = decodeRow[inbox.Message](row.Face); err != nil || it.face.Kind == 0 {
			it.face = plainFace(it.intent.Body)
		}
	}
	return it, nil
}

// draftRow is a draft as bytes. It names its conversation, because the row's name cannot be read backwards.
type draftRow struct {
	_            struct{} `cbor:",toarray"`
	Conversation inbox.ConversationID
	Text         string
}

// companyRow is what every screen needs of the company, in one value.
type companyRow struct {
	_       struct{} `cbor:",toarray"`
	People  []inbox.Person
	Inboxes []inbox.Inbox
}
