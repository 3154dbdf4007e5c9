package wire

import (
	"crypto/ed25519"
	"crypto/sha256"

	"sealdesk/app/inbox"
)

// Wipe hands a device the order to destroy its cache: on the open connection, after the proof of one that is refused, and
// as the content of a file named [WipeFile] that IT puts into the device's data folder.
type Wipe struct {
	Order []byte `cbor:"1,keyasint"` // see [SignOrder]
}

// Wiping says what the device has done so far.
type Wiping struct {
	Wipe inbox.WipeID   `cbor:"1,keyasint"`
	Step inbox.WipeStep `cbor:"2,keyasint"`
}

// Wiped hands over the receipt. The relay answers it by closing with [CloseWiped], after it is durable.
type Wiped struct {
	Receipt []byte `cbor:"1,keyasint"` // see [SignReceipt]
}

// WipeFile is the name of the file by which IT delivers an order.
const WipeFile = "wipe.order"

// A WipeOrder orders one cache of one device to be destroyed. A device obeys only an order of its relay, for itself and the
// cache it has, whose Epoch is higher than that of every order and enrolment it knows of.
type WipeOrder struct {
	ID       inbox.WipeID     `cbor:"1,keyasint"`
	Company  string           `cbor:"2,keyasint"`
	Device   inbox.DeviceID   `cbor:"3,keyasint"`
	Epoch    uint64           `cbor:"4,keyasint"` // counts up with each order for the device
	Nonce    []byte           `cbor:"5,keyasint"` // 16 random bytes
	Issued   inbox.Moment     `cbor:"6,keyasint"`
	Why      inbox.WipeReason `cbor:"7,keyasint"`
	By       inbox.PersonID   `cbor:"8,keyasint,omitempty"`
	Second   inbox.PersonID   `cbor:"9,keyasint,omitempty"`
	Approval []Approval       `cbor:"10,keyasint,omitempty"`
}

// An Approval is the signature with which a person's device ordered or agreed: of what [AskBytes] returns.
type Approval struct {
	Device    inbox.DeviceID    `cbor:"1,keyasint"`
	Person    inbox.PersonID    `cbor:"2,keyasint"`
	Key       ed25519.PublicKey `cbor:"3,keyasint"`
	Said      []byte            `cbor:"4,keyasint"` // the bytes that were signed
	Signature []byte            `cbor:"5,keyasint"`
}

const (
	orderDomain   = "sealdesk/wipe-order/v1"
	receiptDomain = "sealdesk/wipe-receipt/v1"
	askDomain     = "sealdesk/ask/v1"
)

// SignOrder returns the order with the relay's signature.
func SignOrder(key ed25519.PrivateKey, o WipeOrder) []byte { return attest(orderDomain, key, o) }

// OpenOrder returns an order the relay signed for the device. It returns [ErrSigned] for anything else. Whether its epoch is
// new is the caller's to know.
func OpenOrder(relay ed25519.PublicKey, device inbox.DeviceID, b []byte) (WipeOrder, error) {
	o, err := attested[WipeOrder](orderDomain, relay, b)
	if err == nil && (o.Device != device || o.Epoch == 0) {
		return WipeOrder{}, ErrSigned
	}
	return o, err
}

// A WipeReceipt is what a device says it has destroyed.
type WipeReceipt struct {
	Wipe   inbox.WipeID     `cbor:"1,keyasint"`
	Order  []byte           `cbor:"2,keyasint"` // SHA-256 of the order as it came; empty when the device wiped itself
	Device inbox.DeviceID   `cbor:"3,keyasint"`
	Store  []byte           `cbor:"4,keyasint"` // id of the cache
	Epoch  uint64           `cbor:"5,keyasint"`
	Why    inbox.WipeReason `cbor:"6,keyasint"`
	Steps  []inbox.WipeStep `cbor:"7,keyasint"`
	Left   []string         `cbor:"8,keyasint,omitempty"` // names, inside the data folder, of what could not be destroyed
	App    string           `cbor:"9,keyasint,omitempty"`
	System string           `cbor:"10,keyasint,omitempty"`
	Cut    int              `cbor:"11,keyasint,omitempty"` // how often it was cut short and went on
}

// OrderDigest is what a receipt names an order by.
func OrderDigest(order []byte) []byte {
	h := sha256.Sum256(order)
	return h[:]
}

// SignReceipt returns the receipt with the device's signature.
func SignReceipt(key ed25519.PrivateKey, r WipeReceipt) []byte { return attest(receiptDomain, key, r) }

// OpenReceipt returns a receipt the device signed. It returns [ErrSigned] for anything else.
func OpenReceipt(device ed25519.PublicKey, b []byte) (WipeReceipt, error) {
	return attested[WipeReceipt](receiptDomain, device, b)
}

// Sign returns a question that acts on devices with the signature of the asking device; any other question as it is.
func Sign(key ed25519.PrivateKey, q inbox.Question) inbox.Question {
	said, ok := AskBytes(q)
	if !ok {
		return q
	}
	s := ed25519.Sign(key, said)
	switch q := q.(type) {
	case inbox.OrderWipe:
		q.Signature = s
		return q
	case inbox.DecideWipe:
		q.Signature = s
		return q
	case inbox.Offboard:
		q.Signature = s
		return q
	}
	return q
}

// AskBytes returns what is signed of a question that acts on devices, and its signature; false for any other question.
func AskBytes(q inbox.Question) (said []byte, ok bool) {
	switch q := q.(type) {
	case inbox.OrderWipe:
		q.Signature = nil
		return signed(askDomain, q.QuestionKind(), q), true
	case inbox.DecideWipe:
		q.Signature = nil
		return signed(askDomain, q.QuestionKind(), q), true
	case inbox.Offboard:
		q.Signature = nil
		return signed(askDomain, q.QuestionKind(), q), true
	}
	return nil, false
}

// SignatureOf returns the signature a question carries.
func SignatureOf(q inbox.Question) []byte {
	switch q := q.(type) {
	case inbox.OrderWipe:
		return q.Signature
	case inbox.DecideWipe:
		return q.Signature
	case inbox.Offboard:
		return q.Signature
	}
	return nil
}

func (Wipe) frameType() Type   { return TypeWipe }
func (Wiping) frameType() Type { return TypeWiping }
func (Wiped) frameType() Type  { return TypeWiped }
