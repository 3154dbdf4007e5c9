package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"sealdesk/app/inbox"
)

// This file is about what is written down of a wipe: the journal, and the receipt until somebody has it.

const (
	intentFile  = "wipe.intent"
	receiptFile = "wipe.receipt"
)

// A WipeIntent says that the cache must be destroyed, and why. Who ordered it, and that the order is genuine, is for the
// caller to know: the order is bytes here.
type WipeIntent struct {
	ID    inbox.WipeID     `cbor:"1,keyasint,omitempty"` // "" when the device wipes itself
	Order []byte           `cbor:"2,keyasint,omitempty"` // as it came; empty as above
	Epoch uint64           `cbor:"3,keyasint,omitempty"` // of the order; 0 as above
	Why   inbox.WipeReason `cbor:"4,keyasint"`
}

// A WipeDone is what a wipe has done: what the receipt says.
type WipeDone struct {
	Steps []inbox.WipeStep `cbor:"1,keyasint"`           // in their order; count and bytes are of the run that ended the step
	Left  []string         `cbor:"2,keyasint,omitempty"` // names inside the data folder, "keyring/..." and "also/..." of what could not be destroyed; at most 100
	Store []byte           `cbor:"3,keyasint,omitempty"` // id of the store; empty when the keyring could not tell
	Cut   int              `cbor:"4,keyasint,omitempty"` // how often it was cut short and went on
}

// A WipeJournal is a wipe there is no way back from.
type WipeJournal struct {
	Intent       WipeIntent `cbor:"1,keyasint"`
	Done         WipeDone   `cbor:"2,keyasint"`
	Acknowledged bool       `cbor:"3,keyasint,omitempty"` // the relay has the receipt: only FinishWipe is missing
	Receipt      []byte     `cbor:"-"`                    // from KeepReceipt; nil before
}

// Over says whether everything was done and looked for: what is missing is the receipt, or that the relay has it.
func (j *WipeJournal) Over() bool { return j.did(inbox.WipeSwept) }

func (j *WipeJournal) did(act inbox.WipeAct) bool {
	return slices.ContainsFunc(j.Done.Steps, func(s inbox.WipeStep) bool { return s.Did == act })
}

func (j *WipeJournal) write(dir string) error {
	b, err := encMode.Marshal(j)
	if err != nil {
		return fmt.Errorf("encoding the journal: %w", err)
	}
	return writeSynced(dir, intentFile, b)
}

// PendingWipe returns the wipe that was begun in a data folder and not finished; false when there is none. It is the first
// thing a start asks: while there is one, nothing but [Wipe] and [FinishWipe] may be done. A journal that cannot be read is
// one of a wipe nothing else is known of.
func PendingWipe(dir string) (WipeJournal, bool, error) {
	b, err := os.ReadFile(filepath.Join(dir, intentFile))
	if errors.Is(err, os.ErrNotExist) {
		return WipeJournal{}, false, nil
	} else if err != nil {
		return WipeJournal{}, true, fmt.Errorf("reading the journal of the wipe: %w", err)
	}
	j, err := decodeRow[WipeJournal](b)
	if err != nil {
		j = WipeJournal{}
	}
	j.Receipt, err = os.ReadFile(filepath.Join(dir, receiptFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return j, true, fmt.Errorf("reading the receipt of the wipe: %w", err)
	}
	return j, true, nil
}

var errNotOver = errors.New("there is no wipe that is over")

// KeepReceipt keeps the signed receipt until the relay has it, which may be after many starts. It is on the disk when nil is
// returned.
func KeepReceipt(dir string, receipt []byte, at inbox.Moment) error {
	j, _, err := PendingWipe(dir)
	if err == nil && !j.Over() {
		err = errNotOver
	}
	if err == nil {
		err = writeSynced(dir, receiptFile, receipt)
	}
	if err == nil && !j.did(inbox.WipeSigned) {
		j.Done.Steps = append(j.Done.Steps, inbox.WipeStep{Did: inbox.WipeSigned, At: at})
		err = j.write(dir)
	}
	return sorted("keeping the receipt", err)
}

// FinishWipe ends a wipe whose receipt the relay has, or that is too old to be wanted: the device's key, which had to sign,
// goes too, then the receipt and the journal. An error leaves it to be called again, now or after the next start; a folder
// without a wipe is no error.
func FinishWipe(ctx context.Context, dir string, ring *Keyring) error {
	j, pending, err := PendingWipe(dir)
	if err == nil && !pending {
		return nil
	}
	if err == nil && !j.Over() {
		err = errNotOver
	}
	if err == nil && !j.Acknowledged {
		j.Acknowledged = true
		err = j.write(dir)
	}
	if err == nil {
		err = ring.Forget(ctx)
	}
	if err == nil {
		err = errors.Join(shred(dir, receiptFile), shred(dir, receiptFile+newSuffix), shred(dir, intentFile+newSuffix), syncDir(dir))
	}
	if err == nil { // last
		err = errors.Join(shred(dir, lockFile), shred(dir, intentFile), syncDir(dir))
	}
	return sorted("finishing the wipe", err)
}
