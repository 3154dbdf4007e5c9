package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	bolterrors "go.etcd.io/bbolt/errors"

	"sealdesk/store/seal"
)

// The ways the store says no. They are wrapped: compare with errors.Is.
var (
	// ErrAlreadyRunning means another program has this store open.
	ErrAlreadyRunning = errors.New("the store is in use by another program")
	// ErrDamaged means a file is not what was written. Repair makes a fresh cache and saves what it can of the outbox.
	ErrDamaged = errors.New("the store is damaged")
	// ErrWrongKey means the files were sealed under another key. Only Quarantine helps.
	ErrWrongKey = errors.New("the key does not belong to this store")
	// ErrOtherPerson means the cache holds what somebody else may see. Only Quarantine helps.
	ErrOtherPerson = errors.New("the store belongs to another person")
	// ErrNewerStore means a newer version of the app wrote the files.
	ErrNewerStore = errors.New("the store was written by a newer version")
	// ErrFull means the disk, a quota or the store's own limit is reached. Reading goes on; nothing was half written.
	ErrFull = errors.New("no space left for the store")
	// ErrGap means a batch starts after the cursor: something in between is missing. Ask again from the cursor.
	ErrGap = errors.New("the batch does not follow the cursor")
	// ErrEpoch means the log was rebuilt and the batch is no snapshot. Ask again from the cursor.
	ErrEpoch = errors.New("the batch is of another epoch")
	// ErrUnknown means there is no such conversation.
	ErrUnknown = errors.New("no such conversation")
	// ErrLost means that an attached file is not what was attached, or is gone. Attach it again.
	ErrLost = errors.New("the attached file is lost")
	// ErrClosed means the store was closed.
	ErrClosed = errors.New("the store is closed")
)

// sorted turns an error of bbolt, the system or seal into one of ours, saying what was attempted.
func sorted(doing string, err error) error {
	if err == nil {
		return nil
	}
	for _, ours := range []error{ErrDamaged, ErrFull, ErrClosed, ErrUnknown, ErrGap, ErrEpoch, ErrNewerStore} {
		if errors.Is(err, ours) {
			return fmt.Errorf("%s: %w", doing, err)
		}
	}
	switch {
	case isFull(err):
		return fmt.Errorf("%s: %w: %w", doing, ErrFull, err)
	case errors.Is(err, bolterrors.ErrDatabaseNotOpen), errors.Is(err, os.ErrClosed):
		return fmt.Errorf("%s: %w", doing, ErrClosed)
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("%s: %w", doing, ErrAlreadyRunning)
	case errors.Is(err, seal.ErrForged), errors.Is(err, seal.ErrSuite), errors.Is(err, seal.ErrPadding),
		errors.Is(err, errRow), errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum),
		errors.Is(err, bolterrors.ErrVersionMismatch), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%s: %w: %w", doing, ErrDamaged, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EFBIG) || isQuota(err) ||
		errors.Is(err, bolterrors.ErrMaxSizeReached) ||
		strings.Contains(err.Error(), "file resize error") // bbolt v1.5.0 (db.go, grow) keeps only the text of the reason
}
