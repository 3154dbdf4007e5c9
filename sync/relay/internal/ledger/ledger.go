package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
)

// DB is a set of shards. See the package's contract.
type DB interface {
	// View runs f on a read-only snapshot of one shard. A shard nobody wrote to is empty. The error of f is returned
	// as it is; a damaged row read by Scan is returned even when f returns nil.
	View(ctx context.Context, shard string, f func(Tx) error) error

	// Update runs f, alone among the writers of the shard, and keeps its writes if f returns nil. It returns nil once
	// they are durable. f may run more than once and must not touch anything but its Tx. ctx is heeded until the
	// update has been handed to the disk; from then on Update waits for the truth. The error of f is returned as it
	// is; others are ErrFull, ErrUnknown, ErrClosed, ErrName, ErrTooLarge, ErrPanic, ErrDamaged and the error of ctx.
	Update(ctx context.Context, shard string, f func(Tx) error) error

	// Shards lists the shards that hold something, in byte order.
	Shards(ctx context.Context) ([]string, error)

	// Watch returns the names of shards that changed since the call, by this process or by another. It says nothing
	// about what changed: read it again. Watch first, then read, then wait. A slow reader loses no name but may get
	// one name for many changes. The channel is closed when ctx ends or the DB is closed.
	Watch(ctx context.Context) <-chan string

	// Close waits for the transactions under way and closes the DB; later calls return ErrClosed.
	Close() error
}

// Tx is one transaction on one shard. Names of buckets are constants of the program, or a constant and a day. A bucket
// exists while it holds a key. Keys are 1 to MaxKey bytes, compared as bytes; values are 0 to MaxValue bytes.
type Tx interface {
	// Get returns a copy of the value, which the caller may keep. An absent key is nil and no error; an empty value is
	// empty and not nil.
	Get(bucket string, key []byte) ([]byte, error)

	// Put stores a value, replacing any other. The caller may reuse key and value afterwards.
	Put(bucket string, key, value []byte) error

	// Delete removes a key; an absent one is no error.
	Delete(bucket string, key []byte) error

	// Scan yields the rows with from <= key < to in ascending order. An empty from begins at the first key, an empty
	// to ends after the last. Key and value are lent for the one step of the loop: copy what is kept, change nothing.
	// Writes made in the loop are seen if they lie ahead. A scan that cannot go on (a damaged row, an ended ctx) ends
	// early, and then View or Update returns its error whatever f returns; Err tells it sooner.
	Scan(bucket string, from, to []byte) iter.Seq2[[]byte, []byte]

	// ScanBack yields the same rows as Scan, the last one first.
	ScanBack(bucket string, from, to []byte) iter.Seq2[[]byte, []byte]

	// Drop removes a bucket with all its rows, at a cost that does not grow with their values.
	Drop(bucket string) error

	// Buckets lists the shard's buckets whose names begin with prefix, in byte order.
	Buckets(prefix string) ([]string, error)

	// Sequence returns the next number of a sequence: 1, 2, 3 and so on without gaps, kept only if the update is.
	// Sequences have a name space of their own.
	Sequence(name string) (uint64, error)

	// LastSequence returns the number Sequence gave last, 0 if it gave none.
	LastSequence(name string) (uint64, error)

	// Err returns the error that ended a scan early, if one did.
	Err() error
}

var (
	// ErrClosed means the DB is closed.
	ErrClosed = errors.New("ledger is closed")
	// ErrTxDone means a Tx was used after the function it was handed to returned.
	ErrTxDone = errors.New("transaction is over")
	// ErrReadOnly means a write in a View.
	ErrReadOnly = errors.New("transaction is read-only")
	// ErrName means the name of a shard, bucket or sequence is empty, longer than MaxName or holds a NUL byte.
	ErrName = errors.New("not a valid name")
	// ErrTooLarge means a key or a value is outside the limits.
	ErrTooLarge = errors.New("key or value outside the limits")
	// ErrFull means there is no room on the disk, or the configured size is reached. Nothing was written; reading goes
	// on, and updates succeed again once there is room.
	ErrFull = errors.New("no room left for the ledger")
	// ErrLocked means another process holds the file.
	ErrLocked = errors.New("another relay is running on this file")
	// ErrDamaged means the file is not what this package wrote: cut short, emptied, garbled, or missing where a store
	// was before. Restore a backup.
	ErrDamaged = errors.New("ledger file is damaged")
	// ErrUnknown means the fate of a commit could not be learned: it may or may not survive. The DB refuses updates
	// with this error until it is opened again.
	ErrUnknown = errors.New("fate of the commit is unknown")
	// ErrPanic is in the chain of a PanicError.
	ErrPanic = errors.New("transaction function panicked")
)

// PanicError reports that the function of a transaction panicked; the transaction wrote nothing. Its text does not show
// the value, which may hold anything.
type PanicError struct {
	Value any    // what the function panicked with
	Stack []byte // where, as debug.Stack prints it
}

// Error returns a constant text.
func (e *PanicError) Error() string { return ErrPanic.Error() }

// Unwrap returns ErrPanic.
func (e *PanicError) Unwrap() error { return ErrPanic }

// Limits every engine keeps. PostgreSQL's indexes set the one for keys.
const (
	MaxName  = 128      // bytes of a shard's, bucket's or sequence's name
	MaxKey   = 1 << 10  // bytes of a key
	MaxValue = 16 << 20 // bytes of a value, as the caller hands it over
)

// CheckName returns ErrName unless s may name a shard, a bucket or a sequence. Engines call it.
func CheckName(s string) error {
	if s == "" || len(s) > MaxName || strings.IndexByte(s, 0) >= 0 {
		return ErrName
	}
	return nil
}

// CheckRow returns an error unless a row may be stored. Engines call it.
func CheckRow(bucket string, key, value []byte) error {
	if err := CheckName(bucket); err != nil {
		return err
	}
	// Sealing adds a little to a value; an engine has to take what the wrapper makes of the largest one.
	if len(key) == 0 || len(key) > MaxKey || len(value) > MaxValue+sealRoom {
		return fmt.Errorf("put a row: %w", ErrTooLarge)
	}
	return nil
}

const sealRoom = 128

// After returns the smallest key above every key that begins with prefix: Scan(bucket, p, After(p)) yields exactly the
// keys with prefix p. It is nil, no upper bound, when there is none.
func After(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			next := append([]byte(nil), prefix[:i+1]...)
			next[i]++
			return next
		}
	}
	return nil
}
