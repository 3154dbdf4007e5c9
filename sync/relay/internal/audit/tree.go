package audit

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
)

// Hash is the root of a tree or of a part of it (RFC 6962, section 2.1). It prints as base64.
type Hash = tlog.Hash

// ErrSize is returned when a proof is asked for of a tree that is larger than it is, or of nothing.
var ErrSize = errors.New("the audit log never had that size")

// The hashes of a tree lie in one row per entry: the moment of the entry, then its own hash, then those of the subtrees
// that it completed, smallest first. That is 2 hashes in the mean, and appending reads as few: cheaper than a row per
// hash, and than tiles, which are written again for every entry.
const hashesAt = 8

// A tree is a shard's tree while one entry is added.
type tree struct {
	tx   ledger.Tx
	size uint64 // entries before the one being added
	row  []byte // hashes of the last of them
	at   inbox.Moment
}

// openTree makes ready for entry n. It returns ErrRow when the entry before is not there.
func openTree(tx ledger.Tx, n uint64) (t tree, err error) {
	t = tree{tx: tx, size: n - 1}
	if t.size == 0 {
		return t, nil
	}
	if t.row, err = tx.Get(bucketHash, keyOf(t.size)); err != nil {
		return t, err
	}
	if t.row == nil {
		if err := plant(tx, t.size); err != nil {
			return t, err
		}
		if t.row, err = tx.Get(bucketHash, keyOf(t.size)); err != nil {
			return t, err
		}
	}
	if len(t.row) < hashesAt+tlog.HashSize {
		return t, ErrRow
	}
	t.at = inbox.Moment(binary.BigEndian.Uint64(t.row))
	return t, nil
}

// plant grows the tree of a shard whose entries were written before there were trees. One with any hash is damaged.
func plant(tx ledger.Tx, size uint64) error {
	for range tx.Scan(bucketHash, nil, nil) {
		return ErrRow
	}
	t, n := tree{tx: tx}, uint64(0)
	for key, row := range tx.Scan(bucket, nil, keyOf(size+1)) {
		e, err := decode(row)
		if n++; err != nil || numberOf(key) != n || e.Number != n {
			return ErrRow
		}
		if err := t.grow(n, e.At, row); err != nil {
			return err
		}
	}
	if n != size && tx.Err() == nil {
		return ErrRow
	}
	return tx.Err()
}

// grow writes the hashes of entry n.
func (t *tree) grow(n uint64, at inbox.Moment, row []byte) error {
	h := tlog.RecordHash(row)
	hashes := append(binary.BigEndian.AppendUint64(make([]byte, 0, hashesAt+2*tlog.HashSize), uint64(at)), h[:]...)
	for level := 0; n>>level&1 == 0; level++ { // it completes the subtree whose left half ended so many entries ago
		left, err := t.hash(n-1<<level, level)
		if err != nil {
			return err
		}
		h = tlog.NodeHash(left, h)
		hashes = append(hashes, h[:]...)
	}
	t.row, t.size = hashes, n
	return t.tx.Put(bucketHash, keyOf(n), hashes)
}

// hash reads the hash of the subtree of a level (of 1<<level entries) that entry n completed.
func (t *tree) hash(n uint64, level int) (h Hash, err error) {
	row := t.row
	if n != t.size || row == nil {
		if row, err = t.tx.Get(bucketHash, keyOf(n)); err != nil {
			return h, err
		}
	}
	from := hashesAt + level*tlog.HashSize
	if len(row) < from+tlog.HashSize {
		return h, ErrRow
	}
	copy(h[:], row[from:])
	return h, nil
}

// ReadHashes implements tlog.HashReader.
func (t *tree) ReadHashes(indexes []int64) (out []Hash, err error) {
	out = make([]Hash, len(indexes))
	for i, x := range indexes {
		level, k := tlog.SplitStoredHashIndex(x)
		if out[i], err = t.hash(uint64(k+1)<<level, level); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func hashRow(at inbox.Moment, own []Hash) []byte {
	row := make([]byte, hashesAt, hashesAt+len(own)*tlog.HashSize)
	binary.BigEndian.PutUint64(row, uint64(at))
	for i := range own {
		row = append(row, own[i][:]...)
	}
	return row
}

// Head returns how many entries the shard has, and the root of its tree. Nothing is the hash of nothing.
func Head(tx ledger.Tx) (size uint64, root Hash, err error) {
	if size, err = tx.LastSequence(sequence); err != nil {
		return 0, Hash{}, err
	}
	root, err = Root(tx, size)
	return size, root, err
}

// Root returns the root the shard's tree had when it was of that size. Errors: ErrSize, ErrRow, the ledger's.
func Root(tx ledger.Tx, size uint64) (Hash, error) {
	if err := within(tx, size); err != nil {
		return Hash{}, err
	}
	root, err := tlog.TreeHash(int64(size), &tree{tx: tx})
	if err != nil {
		return Hash{}, fmt.Errorf("computing a root: %w", err)
	}
	return root, nil
}

// Consistency returns the proof that the tree of the newer size holds, unchanged and in the same places, all entries of
// the older one (RFC 6962, section 2.1.2). tlog.CheckTree judges it. Both sizes are at least 1. Errors: ErrSize, ErrRow,
// the ledger's.
func Consistency(tx ledger.Tx, older, newer uint64) (tlog.TreeProof, error) {
	if older == 0 || older > newer {
		return nil, ErrSize
	}
	if err := within(tx, newer); err != nil {
		return nil, err
	}
	proof, err := tlog.ProveTree(int64(newer), int64(older), &tree{tx: tx})
	if err != nil {
		return nil, fmt.Errorf("proving consistency: %w", err)
	}
	return proof, nil
}

// Inclusion returns the proof that the entry with a number is in the tree of a size (RFC 6962, section 2.1.1), and the
// hash of the entry. tlog.CheckRecord judges it, which counts entries from 0. Errors: ErrSize, ErrRow, the ledger's.
func Inclusion(tx ledger.Tx, number, size uint64) (proof tlog.RecordProof, leaf Hash, err error) {
	if number == 0 || number > size {
		return nil, Hash{}, ErrSize
	}
	if err := within(tx, size); err != nil {
		return nil, Hash{}, err
	}
	row, err := tx.Get(bucket, keyOf(number))
	if err != nil {
		return nil, Hash{}, err
	}
	if row == nil {
		return nil, Hash{}, ErrRow
	}
	proof, err = tlog.ProveRecord(int64(size), int64(number-1), &tree{tx: tx})
	if err != nil {
		return nil, Hash{}, fmt.Errorf("proving inclusion: %w", err)
	}
	return proof, tlog.RecordHash(row), nil
}

func within(tx ledger.Tx, size uint64) error {
	n, err := tx.LastSequence(sequence)
	if err != nil {
		return err
	}
	if size > n {
		return ErrSize
	}
	return nil
}

// A crown is a tree that grows in memory: of each size it passes, it can tell the root.
type crown struct {
	size uint64
	full [64]Hash // by level: the last whole subtree, where size has that bit
}

// add appends the hash of an entry and returns the hashes that are stored with it. They are good until the next call.
func (c *crown) add(leaf Hash, room []Hash) []Hash {
	c.size++
	room = append(room[:0], leaf)
	level := 0
	for m := c.size; m&1 == 0; m >>= 1 {
		leaf = tlog.NodeHash(c.full[level], leaf)
		room = append(room, leaf)
		level++
	}
	c.full[level] = leaf
	return room
}

// root is the root of what was added so far.
func (c *crown) root() (root Hash) {
	if c.size == 0 {
		root, _ = tlog.TreeHash(0, nil)
		return root
	}
	some := false
	for level := range c.full {
		switch {
		case c.size>>level&1 == 0:
		case !some:
			root, some = c.full[level], true
		default:
			root = tlog.NodeHash(c.full[level], root)
		}
	}
	return root
}

// parts are the whole subtrees a tree consists of, the smallest first: all one must know of it to go on.
func (c *crown) parts() (out []Hash) {
	for level := range c.full {
		if c.size>>level&1 == 1 {
			out = append(out, c.full[level])
		}
	}
	return out
}

// crownOf is the tree of a size that consists of those parts. It returns false if they are too many or too few.
func crownOf(size uint64, parts []Hash) (c crown, ok bool) {
	c.size = size
	for level := range c.full {
		if size>>level&1 == 1 {
			if len(parts) == 0 {
				return c, false
			}
			c.full[level], parts = parts[0], parts[1:]
		}
	}
	return c, len(parts) == 0
}

// readCrown reads the tree of a size from the rows.
func readCrown(tx ledger.Tx, size uint64) (c crown, err error) {
	c.size = size
	t := &tree{tx: tx}
	for level := range c.full {
		if size>>level&1 == 0 {
			continue
		}
		if c.full[level], err = t.hash(size>>level<<level, level); err != nil {
			return c, err
		}
	}
	return c, nil
}
