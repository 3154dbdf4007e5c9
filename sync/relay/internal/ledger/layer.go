package ledger

import (
	"bytes"
	"slices"
)

// entry is one write that is not in the file yet. Nobody changes it once it is in a layer: a later write takes its place.
type entry struct {
	key    []byte
	value  []byte
	gone   bool     // the key was deleted
	ticket uint64   // of the update that wrote it
	small  [24]byte // room for a short key, and a short value behind it, without an allocation of their own
}

// newEntry copies key, and value unless it was given for good.
func newEntry(key, value []byte, given bool) *entry {
	e := new(entry)
	room := e.small[:0]
	n := len(key)
	if !given {
		n += len(value)
	}
	if n > len(e.small) {
		room = make([]byte, 0, n)
	}
	e.key = append(room, key...)
	e.key = e.key[:len(e.key):len(e.key)]
	if e.value = value; !given {
		e.value = append(room[len(key):len(key)], value...)
	}
	return e
}

// sheet is the part of a layer that lies over one bucket.
type sheet struct {
	name    string
	full    []byte // name of the bucket in the file
	rows    []*entry
	dropped bool   // what lies below is gone
	ticket  uint64 // of the update that dropped it
	idle    bool   // nothing came since the last prune
}

func (s *sheet) blank() bool { return len(s.rows) == 0 && !s.dropped }

// layer is a set of writes that lies over older data. Transactions touch few buckets, so it looks them up one by one.
type layer struct {
	sheets []*sheet
	size   int // bytes of keys and values ever put in, for the bound on the queue
}

// sheet returns what lies over a bucket, or nil if nothing does.
func (l *layer) sheet(bucket string) *sheet {
	if l == nil {
		return nil
	}
	for _, s := range l.sheets {
		if s.name == bucket {
			if s.blank() {
				return nil
			}
			return s
		}
	}
	return nil
}

// open returns the sheet over a bucket, making it if need be.
func (l *layer) open(bucket string, full []byte) *sheet {
	for _, s := range l.sheets {
		if s.name == bucket {
			return s
		}
	}
	var s *sheet
	if n := len(l.sheets); n < cap(l.sheets) { // one left by reset
		l.sheets = l.sheets[:n+1]
		s = l.sheets[n]
	} else {
		l.sheets = append(l.sheets, nil)
	}
	if s == nil {
		s = new(sheet)
		l.sheets[len(l.sheets)-1] = s
	}
	s.name, s.full = bucket, full
	return s
}

func (l *layer) empty() bool {
	for _, s := range l.sheets {
		if !s.blank() {
			return false
		}
	}
	return true
}

// reset empties l for another transaction, keeping some of its memory.
func (l *layer) reset() {
	if len(l.sheets) > 8 {
		*l = layer{}
		return
	}
	for i, s := range l.sheets {
		if cap(s.rows) > 32 {
			l.sheets[i] = nil
			continue
		}
		clear(s.rows)
		*s = sheet{rows: s.rows[:0]}
	}
	l.sheets, l.size = l.sheets[:0], 0
}

// find returns where key is, or would be.
func (s *sheet) find(key []byte) (int, bool) {
	// Logs grow at the end, so look there first.
	if n := len(s.rows); n == 0 || bytes.Compare(s.rows[n-1].key, key) < 0 {
		return n, false
	}
	return slices.BinarySearchFunc(s.rows, key, func(e *entry, k []byte) int { return bytes.Compare(e.key, k) })
}

func (s *sheet) get(key []byte) *entry {
	if s == nil {
		return nil
	}
	if i, ok := s.find(key); ok {
		return s.rows[i]
	}
	return nil
}

func (s *sheet) put(e *entry) {
	i, ok := s.find(e.key)
	if ok {
		s.rows[i] = e
		return
	}
	s.rows = slices.Insert(s.rows, i, e)
}

// next returns the first row at or after key (after it, if past), or nil. A nil key is before all others.
func (s *sheet) next(key []byte, past bool) *entry {
	if s == nil {
		return nil
	}
	i, ok := 0, false
	if key != nil {
		if i, ok = s.find(key); ok && past {
			i++
		}
	}
	if i < len(s.rows) {
		return s.rows[i]
	}
	return nil
}

// prev returns the last row before key, or the last of all if key is nil.
func (s *sheet) prev(key []byte) *entry {
	if s == nil {
		return nil
	}
	i := len(s.rows)
	if key != nil {
		i, _ = s.find(key)
	}
	if i > 0 {
		return s.rows[i-1]
	}
	return nil
}

// merge lays the writes of one update over l.
func (l *layer) merge(over *layer, ticket uint64) {
	for _, from := range over.sheets {
		to := l.open(from.name, from.full)
		to.idle = false
		if from.dropped {
			to.rows, to.dropped, to.ticket = nil, true, ticket
		}
		for _, e := range from.rows {
			e.ticket = ticket
			to.put(e)
		}
	}
}

// prune forgets the writes up to ticket, which the file now holds.
func (l *layer) prune(ticket uint64) {
	l.sheets = slices.DeleteFunc(l.sheets, func(s *sheet) bool {
		if s.blank() && s.idle {
			return true
		}
		s.rows = slices.DeleteFunc(s.rows, func(e *entry) bool { return e.ticket <= ticket })
		if s.ticket <= ticket {
			s.dropped = false
		}
		s.idle = true
		return false
	})
}
