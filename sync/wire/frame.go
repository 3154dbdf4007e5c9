package wire

import (
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
)

// A Type names a frame. The numbers are written out because they are a contract.
type Type byte

// The frames.
const (
	TypeHello     Type = 1
	TypeChallenge Type = 2
	TypeProof     Type = 3
	TypeWelcome   Type = 4
	TypeBatch     Type = 5
	TypeAck       Type = 6
	TypeIntent    Type = 7
	TypeOutcome   Type = 8
	TypeAsk       Type = 9
	TypeAnswer    Type = 10
)

// Hello opens a connection: who wants to go on from where.
type Hello struct {
	Low     int            `cbor:"1,keyasint"` // the oldest version the device speaks
	High    int            `cbor:"2,keyasint"` // the newest
	Device  inbox.DeviceID `cbor:"3,keyasint"`
	App     string         `cbor:"4,keyasint,omitempty"` // version of the app
	System  string         `cbor:"5,keyasint,omitempty"` // operating system and architecture
	Cursors []inbox.Cursor `cbor:"6,keyasint,omitempty"`
}

// Challenge asks the device to prove that it holds its key.
type Challenge struct {
	Version int          `cbor:"1,keyasint"` // what both will speak
	Nonce   []byte       `cbor:"2,keyasint"` // 32 random bytes
	Time    inbox.Moment `cbor:"3,keyasint"` // the relay's clock
}

// Proof answers a Challenge.
type Proof struct {
	Signature []byte `cbor:"1,keyasint"` // Ed25519 over [ProofBytes]
}

// Welcome says who the device acts for and which logs follow.
type Welcome struct {
	Person inbox.Person `cbor:"1,keyasint"`
	Time   inbox.Moment `cbor:"2,keyasint"`
	Logs   []LogHead    `cbor:"3,keyasint,omitempty"`
}

// LogHead is where a log stands when the relay says welcome, so that a device can show how far behind it is.
type LogHead struct {
	Log   inbox.LogID `cbor:"1,keyasint"`
	Epoch string      `cbor:"2,keyasint"`
	Seq   uint64      `cbor:"3,keyasint"`
}

// Ack says that everything up to the cursor is durable on the device.
type Ack struct {
	Cursor inbox.Cursor `cbor:"1,keyasint"`
}

// Outcome is the relay's answer to an intent. Retry asks to send the same intent again after so many milliseconds; it
// is settled only when Retry is zero.
type Outcome struct {
	Intent  inbox.IntentID `cbor:"1,keyasint"`
	Refusal inbox.Refusal  `cbor:"2,keyasint,omitempty"`
	Retry   int            `cbor:"3,keyasint,omitempty"`
}

// Errors of decoding.
var (
	// ErrMalformed is returned for bytes that are no frame, or a frame that breaks its limits.
	ErrMalformed = errors.New("malformed frame")
	// ErrNewerWords is returned for an event or intent of a kind this build does not know.
	ErrNewerWords = errors.New("unknown kind: the other side is newer")
)

var encMode, decMode = modes()

func modes() (cbor.EncMode, cbor.DecMode) {
	eo := cbor.CoreDetEncOptions()
	enc, err := eo.EncMode()
	if err != nil {
		panic(err) // constant options
	}
	dec, err := cbor.DecOptions{
		MaxArrayElements: 16 << 10,
		MaxMapPairs:      64 << 4,
		MaxNestedLevels:  16,
		IndefLength:      cbor.IndefLengthForbidden,
		TagsMd:           cbor.TagsForbidden,
		UTF8:             cbor.UTF8RejectInvalid,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return enc, dec
}

// A Body is what a frame carries.
type Body interface{ frameType() Type }

func (Hello) frameType() Type     { return TypeHello }
func (Challenge) frameType() Type { return TypeChallenge }
func (Proof) frameType() Type     { return TypeProof }
func (Welcome) frameType() Type   { return TypeWelcome }
func (Ack) frameType() Type       { return TypeAck }
func (Outcome) frameType() Type   { return TypeOutcome }

// Encode makes a frame of any body but a batch, an intent, a question or an answer, which have their own functions. It panics only if a body
// cannot be encoded, which no value of the types above can cause.
func Encode(b Body) []byte {
	payload, err := encMode.Marshal(b)
	if err != nil {
		panic(fmt.Sprintf("wire: encoding frame %d: %v", b.frameType(), err))
	}
	return append([]byte{byte(b.frameType())}, payload...)
}

// Decode returns the body of a frame: a Hello, Challenge, Proof, Welcome, Ack, Outcome, Ask, Answer, inbox.Batch or
// inbox.Intent.
// A frame of an unknown type gives nil and no error: count it and go on. Errors wrap [ErrMalformed], [ErrNewerWords] or
// [inbox.ErrIdentifying]; an intent, question or answer of a newer kind still has its ID, so that it can be refused.
func Decode(frame []byte) (any, error) {
	if len(frame) == 0 {
		return nil, ErrMalformed
	}
	payload := frame[1:]
	switch Type(frame[0]) {
	case TypeHello:
		return decodeAs[Hello](payload)
	case TypeChallenge:
		return decodeAs[Challenge](payload)
	case TypeProof:
		return decodeAs[Proof](payload)
	case TypeWelcome:
		return decodeAs[Welcome](payload)
	case TypeAck:
		return decodeAs[Ack](payload)
	case TypeOutcome:
		return decodeAs[Outcome](payload)
	case TypeBatch:
		return decodeBatch(payload)
	case TypeIntent:
		return decodeIntent(payload)
	case TypeAsk:
		return decodeAsk(payload)
	case TypeAnswer:
		return decodeAnswer(payload)
	}
	return nil, nil
}

func decodeAs[T any](payload []byte) (any, error) {
	v, err := decode[T](payload)
	if err != nil {
		return nil, err
	}
	return v, nil
}

func decode[T any](payload []byte) (T, error) {
	var v T
	if err := decMode.Unmarshal(payload, &v); err != nil {
		return v, reason(err)
	}
	return v, nil
}
