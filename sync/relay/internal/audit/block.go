package audit

import (
	"context"
	"encoding/binary"
	"slices"
	"sort"
	"strings"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
)

// A block is a run of entries with a table of what occurs in it, written some time after its last entry. A search reads
// the tables, a few kilobytes each, and only the blocks that have none yet or may hold what it looks for. That costs an act
// nothing, where an index of a row per entry and word would cost it as much as the entry itself.
const blockSize = 512

// A table is a block's row: the first and last moment in it, then the marks of its words, sorted.
type table []byte

const marksAt = 16

// mark is a word's place in a table, FNV-1a. Two words may share one: a search then reads a block for nothing.
func mark(kind byte, word string) uint32 {
	h := (uint32(2166136261) ^ uint32(kind)) * 16777619
	for i := range len(word) {
		h = (h ^ uint32(word[i])) * 16777619
	}
	return h
}

// The kinds of words.
const (
	byActor = 'a'
	byAbout = 'o'
	byAct   = 't'
)

// about calls f with everything an entry is about: its object, its device, and the ids in its detail.
func (e *Entry) about(f func(string)) {
	if e.Object != "" {
		f(e.Object)
	}
	if e.Device != "" {
		f(string(e.Device))
	}
	for word := range strings.FieldsSeq(e.Detail) {
		f(word)
	}
}

// A maker makes a table of the entries it is shown.
type maker struct {
	first, last inbox.Moment
	n           int
	marks       []uint32
}

func (m *maker) add(e *Entry) {
	if m.n++; m.n == 1 {
		m.first, m.last = e.At, e.At
	}
	m.first, m.last = min(m.first, e.At), max(m.last, e.At)
	m.marks = append(m.marks, mark(byActor, string(e.Actor)), mark(byAct, string(e.Act)))
	if group, _, ok := strings.Cut(string(e.Act), "."); ok {
		m.marks = append(m.marks, mark(byAct, group))
	}
	e.about(func(word string) { m.marks = append(m.marks, mark(byAbout, word)) })
}

// table returns the table, and makes ready for the next block.
func (m *maker) table() table {
	slices.Sort(m.marks)
	m.marks = slices.Compact(m.marks)
	t := make(table, marksAt, marksAt+4*len(m.marks))
	binary.BigEndian.PutUint64(t, uint64(m.first))
	binary.BigEndian.PutUint64(t[8:], uint64(m.last))
	for _, x := range m.marks {
		t = binary.BigEndian.AppendUint32(t, x)
	}
	*m = maker{marks: m.marks[:0]}
	return t
}

// tabulate writes the tables of the shard's blocks that have none yet. Entries never change, so they are read without
// holding up a writer.
func tabulate(ctx context.Context, db ledger.DB, shard string) error {
	for {
		var block uint64
		var t table
		err := db.View(ctx, shard, func(tx ledger.Tx) error {
			for key := range tx.ScanBack(bucketBlock, nil, nil) {
				block = numberOf(key)
				break
			}
			block++
			size, err := tx.LastSequence(sequence)
			if err != nil || size < block*blockSize {
				return err
			}
			var m maker
			for _, row := range tx.Scan(bucket, keyOf((block-1)*blockSize+1), keyOf(block*blockSize+1)) {
				e, err := decode(row)
				if err != nil {
					return err
				}
				m.add(&e)
			}
			if err := tx.Err(); err != nil {
				return err
			}
			if m.n != blockSize {
				return ErrRow
			}
			t = m.table()
			return nil
		})
		if err != nil || t == nil {
			return err
		}
		if err := db.Update(ctx, shard, func(tx ledger.Tx) error { return tx.Put(bucketBlock, keyOf(block), t) }); err != nil {
			return err
		}
	}
}

// has says whether a word with that mark may occur.
func (t table) has(x uint32) bool {
	marks := t[marksAt:]
	i := sort.Search(len(marks)/4, func(i int) bool { return binary.BigEndian.Uint32(marks[4*i:]) >= x })
	return i < len(marks)/4 && binary.BigEndian.Uint32(marks[4*i:]) == x
}

// during says whether a moment from <= at < until may occur; zero is no bound.
func (t table) during(from, until inbox.Moment) bool {
	first, last := inbox.Moment(binary.BigEndian.Uint64(t)), inbox.Moment(binary.BigEndian.Uint64(t[8:]))
	return (from == 0 || last >= from) && (until == 0 || first < until)
}

// readTable returns a block's table, or nil if there is none that can be used.
func readTable(tx ledger.Tx, block uint64) (table, error) {
	row, err := tx.Get(bucketBlock, keyOf(block))
	if err != nil || len(row) < marksAt || len(row)%4 != 0 {
		return nil, err
	}
	return row, nil
}
