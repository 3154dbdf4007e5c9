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

	TypeResume     Type = 11
	TypeSignIn     Type = 12
	TypeCredential Type = 13
	TypeConfirmed  Type = 14
	TypeSignOut    Type = 15
	TypeLent       Type = 16
	TypeRotate     Type = 17
	TypeRotated    Type = 18
	TypeWipe       Type = 19
	TypeWiping     Type = 20
	TypeWiped      Type = 21
	TypeCheckpoint Type = 22
	TypeWitness    Type = 23
	TypeProtest    Type = 24

	TypeAttend   Type = 25
	TypePresence Type = 26
)

// Hello opens a connection: who is there.
type Hello struct {
	Low     int            `cbor:"1,keyasint"` // the oldest version the device speaks
	High    int            `cbor:"2,keyasint"` // the newest
	Device  inbox.DeviceID `cbor:"3,keyasint"`
	App     string         `cbor:"4,keyasint,omitempty"` // version of the app
	System  string         `cbor:"5,keyasint,omitempty"` // operating system and architecture
	Posture inbox.Posture  `cbor:"7,keyasint,omitzero"`
	// Boot names this run of the program: a device key that connects from two runs at once was copied.
	Boot []byte `cbor:"8,keyasint,omitempty"`
	// Wiped says that the device holds the receipt of a wipe that nobody ordered: a relay that lets it in no more asks for a
	// sign-in first, which such a device answers with the receipt.
	Wiped bool `cbor:"9,keyasint,omitempty"`
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

// Welcome says who the device acts for and which logs follow, and lends the relay's half of the key. The device answers with
// Resume when its cache is open.
type Welcome struct {
	Person     inbox.Person `cbor:"1,keyasint"`
	Time       inbox.Moment `cbor:"2,keyasint"`
	Logs       []LogHead    `cbor:"3,keyasint,omitempty"`
	Half       Half         `cbor:"4,keyasint,omitempty"` // empty while the relay lends none
	Generation uint64       `cbor:"5,keyasint,omitempty"` // of the half
	Lease      []byte       `cbor:"6,keyasint,omitempty"` // see [SignLease]
	SignedIn   inbox.Moment `cbor:"7,keyasint,omitempty"` // until when the person is signed in on the device; 0: no sign-in is asked for
	Fresh      inbox.Moment `cbor:"8,keyasint,omitempty"` // until when the person counts as just seen
	Passkeys   bool         `cbor:"9,keyasint,omitempty"` // the person may make one: see Credential.Adds
}

// Resume says from where the device wants to go on.
type Resume struct {
	Cursors []inbox.Cursor `cbor:"1,keyasint,omitempty"`
	Held    []Checkpoint   `cbor:"2,keyasint,omitempty"` // what it holds of the audit log, without proofs
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
func (Resume) frameType() Type    { return TypeResume }

// Encode makes a frame of any body but a batch, an intent, a question or an answer, which have their own functions. It panics only if a body
// cannot be encoded, which no value of the types above can cause.
func Encode(b Body) []byte {
	payload, err := encMode.Marshal(b)
	if err != nil {
		panic(fmt.Sprintf("wire: encoding frame %d: %v", b.frameType(), err))
	}
	return append([]byte{byte(b.frameType())}, payload...)
}

// Decode returns the body of a frame: one of the types of this package that have a Type, an inbox.Batch or an inbox.Intent.
// A frame of an unknown type gives nil and no error: count it and go on. Errors wrap [ErrMalformed], [ErrNewerWords] or
// [inbox.ErrIdentifying]; an intent, question or answer of a newer kind still has its ID, so that it can be refused.
func Decode(frame []byte) (any, error) {
	if len(frame) == 0 {
		return nil, ErrMalformed
	}
	payload := frame[1:]
	if read, ok := decoders[Type(frame[0])]; ok {
		return read(payload)
	}
	return nil, nil
}

var decoders = map[Type]func([]byte) (any, error){
	TypeHello: decodeAs[Hello], TypeChallenge: decodeAs[Challenge], TypeProof: decodeAs[Proof],
	TypeSignIn: decodeAs[SignIn], TypeCredential: decodeAs[Credential], TypeConfirmed: decodeAs[Confirmed], TypeSignOut: decodeAs[SignOut],
	TypeWelcome: decodeAs[Welcome], TypeResume: decodeAs[Resume],
	TypeLent: decodeAs[Lent], TypeRotate: decodeAs[Rotate], TypeRotated: decodeAs[Rotated],
	TypeWipe: decodeAs[Wipe], TypeWiping: decodeAs[Wiping], TypeWiped: decodeAs[Wiped],
	TypeCheckpoint: decodeAs[Checkpoint], TypeWitness: decodeAs[Witness], TypeProtest: decodeAs[Protest],
	TypeAttend: decodeAs[Attend], TypePresence: decodeAs[Presence],
	TypeBatch: decodeBatch, TypeAck: decodeAs[Ack],
	TypeIntent: decodeIntent, TypeOutcome: decodeAs[Outcome],
	TypeAsk: decodeAsk, TypeAnswer: decodeAnswer,
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
