package wire

import "sealdesk/app/inbox"

// A Checkpoint is the signed state of one tree of the audit log. Devices keep the last one of each log they follow: they are
// the witnesses against a log that is rewritten.
type Checkpoint struct {
	Log  inbox.LogID `cbor:"1,keyasint"`
	Note []byte      `cbor:"2,keyasint"` // a signed note (golang.org/x/mod/sumdb/note) over "origin\nsize\nroot\n"
	// Proof shows that the tree a device held before is a beginning of this one (RFC 6962 section 2.1.2); empty when the
	// device held none, or one of the same size.
	Proof [][]byte `cbor:"3,keyasint,omitempty"`
}

// Witness says which checkpoint the device holds now, and that it found its proof right. The signature is over
// [WitnessBytes].
type Witness struct {
	Log       inbox.LogID `cbor:"1,keyasint"`
	Size      int64       `cbor:"2,keyasint"`
	Root      []byte      `cbor:"3,keyasint"` // 32 bytes
	Signature []byte      `cbor:"4,keyasint"`
}

// Protest says that a checkpoint contradicts the one the device holds: the log was rewritten. Both are handed over.
type Protest struct {
	Log  inbox.LogID `cbor:"1,keyasint"`
	Held []byte      `cbor:"2,keyasint"` // the note it holds
	Got  []byte      `cbor:"3,keyasint"` // the note it was given
}

// WitnessBytes is what a device signs of a checkpoint.
func WitnessBytes(device inbox.DeviceID, log inbox.LogID, size int64, root []byte) []byte {
	return signed("sealdesk/audit/witness/v1", log, size, root, device)
}

func (Checkpoint) frameType() Type { return TypeCheckpoint }
func (Witness) frameType() Type    { return TypeWitness }
func (Protest) frameType() Type    { return TypeProtest }
