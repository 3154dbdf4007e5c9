package audit

import (
	"fmt"

	"sealdesk/app/inbox"
)

// A FaultKind says what does not agree.
type FaultKind string

// What does not agree. Only [ClockTurned] may have an innocent cause beside a broken disk.
const (
	EntryMissing          FaultKind = "entry-missing"          // an entry was taken away
	EntryDamaged          FaultKind = "entry-damaged"          // a row is not an entry, or not the one of that number
	EntryChanged          FaultKind = "entry-changed"          // an entry is not what was hashed
	EntriesExtra          FaultKind = "entries-extra"          // there are rows beyond the last number
	HashMissing           FaultKind = "hash-missing"           // hashes of an entry were taken away
	HashChanged           FaultKind = "hash-changed"           // hashes are not those of the entries
	CheckpointBad         FaultKind = "checkpoint-bad"         // a stored checkpoint is not signed by the audit key, or out of order
	CheckpointMissing     FaultKind = "checkpoint-missing"     // a checkpoint was taken away
	CheckpointContradicts FaultKind = "checkpoint-contradicts" // the entries are not those that were signed
	Shortened             FaultKind = "shortened"              // fewer entries than a checkpoint, an anchor or a witness saw
	AnchorContradicts     FaultKind = "anchor-contradicts"     // the entries are not those the company's tree vouches for
	WitnessContradicts    FaultKind = "witness-contradicts"    // a device or a kept checkpoint saw other entries: a fork, or an old backup
	WitnessBad            FaultKind = "witness-bad"            // a stored witness is not signed by its device, or damaged
	TableWrong            FaultKind = "table-wrong"            // what searches skip by is not what the entries say
	ClockTurned           FaultKind = "clock-turned"           // an entry lies behind the one before it and does not say so
	KeyMissing            FaultKind = "key-missing"            // there are checkpoints and no audit key
	KeyOther              FaultKind = "key-other"              // the audit key is not the given one
	Unreadable            FaultKind = "unreadable"             // the ledger cannot read a row: it was altered on the disk
)

// A Fault is one thing that does not agree.
type Fault struct {
	Kind   FaultKind      `json:"kind"`
	Number uint64         `json:"number,omitempty"` // of the entry, or the size of the tree
	Device inbox.DeviceID `json:"device,omitempty"` // of a witness; "" for a checkpoint somebody kept
}

// String says what does not agree, in words for a person.
func (f Fault) String() string {
	of := map[FaultKind]string{
		EntryMissing:          "entry %d is not there",
		EntryDamaged:          "entry %d is damaged, or not the entry of that number",
		EntryChanged:          "entry %d is not what was hashed when it was written",
		EntriesExtra:          "there are entries or hashes beyond the end, from %d on",
		HashMissing:           "the hashes of entry %d are not there",
		HashChanged:           "the hashes of entry %d are not those of the entries",
		CheckpointBad:         "a stored checkpoint of %d entries is not signed by the audit key, or out of its order",
		CheckpointMissing:     "checkpoint %d is not there",
		CheckpointContradicts: "the first %d entries are not those that were signed",
		Shortened:             "%d entries were seen here once; there are fewer now",
		AnchorContradicts:     "the first %d entries are not those the company's log vouches for",
		WitnessContradicts:    "the first %d entries are not those a witness saw: the log was forked, or an old copy was put in its place",
		WitnessBad:            "a stored witness of %d entries is not signed by its device, or damaged",
		TableWrong:            "what searches go by does not fit the entries before %d",
		ClockTurned:           "entry %d lies behind the one before it, and does not say so",
		KeyMissing:            "there are checkpoints, and no audit key to judge them by",
		KeyOther:              "the audit key of this store is damaged, or not the one given",
		Unreadable:            "a row cannot be opened: it was altered on the disk",
	}
	format := of[f.Kind]
	text := format
	switch {
	case f.Kind == Unreadable && f.Number > 0:
		text = fmt.Sprintf("entry %d, or its hashes, cannot be opened: altered on the disk", f.Number)
	case f.Kind != Unreadable && f.Kind != KeyMissing && f.Kind != KeyOther:
		text = fmt.Sprintf(format, f.Number)
	}
	if f.Device != "" {
		text += fmt.Sprintf(" (device %s)", f.Device)
	}
	return text
}
