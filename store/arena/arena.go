package arena

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"unsafe"
)

var (
	// ErrCleared means that [Arena.Clear] was called: nothing is there any more, and nothing can be added.
	ErrCleared = errors.New("the arena was cleared")
	// ErrFull means that the arena's limit is reached, or the system has no memory left. What is there can be found.
	ErrFull = errors.New("no memory left for the arena")
)

const (
	segmentSize = 1 << 20
	entrySize   = int(unsafe.Sizeof(entry{}))
	maxEntries  = segmentSize / entrySize
	noAuthor    = math.MaxUint16
)

// A Record is what is kept of a text beside it. Group and ID name it.
type Record struct {
	Group  string // which records belong together: they can be searched and dropped together
	ID     string // at most 255 bytes, and a longer one is cut: unique in its group
	Author string // at most 65,535 different ones; further ones are kept as ""
	At     int64  // results are ordered by it
	Place  uint64 // and then by this
	Flags  uint16 // the caller's
}

// entry is a record in a segment. It holds no pointer: it does not lie in the heap.
type entry struct {
	at     int64
	place  uint64
	off    uint32 // of the text in the segment
	group  uint32
	prev   handle // the record of the group that was added before
	text   uint16
	patch  uint16
	author uint16
	flags  uint16
	id     uint8
	dead   bool
	_      [2]byte
}

func (e *entry) size() int { return int(e.text) + 1 + int(e.patch) + int(e.id) }

// A handle is one more than segment<<16 + entry; 0 is none.
type handle uint32

func handleOf(segment, entry int) handle { return handle(segment<<16|entry) + 1 }

func (h handle) place() (segment, entry int) { return int(h-1) >> 16, int(h-1) & 0xffff }

type segment struct {
	mem    []byte
	locked bool
	used   int // bytes from the front
	count  int // entries from the end
	live   int // entries that are not dead
	dead   int // bytes of dead ones
}

// entry returns the nth entry added.
func (s *segment) entry(n int) *entry {
	return (*entry)(unsafe.Pointer(&s.mem[len(s.mem)-(n+1)*entrySize]))
}

func (s *segment) room() int { return len(s.mem) - s.used - s.count*entrySize }

func (s *segment) textOf(e *entry) []byte { return s.mem[e.off : e.off+uint32(e.text)] }

func (s *segment) patchOf(e *entry) []byte {
	from := e.off + uint32(e.text) + 1
	return s.mem[from : from+uint32(e.patch)]
}

func (s *segment) idOf(e *entry) []byte {
	to := int(e.off) + e.size()
	return s.mem[to-int(e.id) : to]
}

// empty overwrites what was used.
func (s *segment) empty() {
	clear(s.mem[:s.used])
	clear(s.mem[len(s.mem)-s.count*entrySize:])
	s.used, s.count, s.live, s.dead = 0, 0, 0, 0
}

type group struct {
	name string
	last handle
	live int
}

// An Arena holds records. Make one with [New].
type Arena struct {
	limit int

	mu       sync.RWMutex
	cleared  bool
	segments []*segment // nil where one was given back
	current  int
	groups   []group
	byName   map[string]uint32
	authors  []string
	byAuthor map[string]uint16
}

// New returns an empty arena that takes at most limit bytes from the system.
func New(limit int) *Arena {
	return &Arena{limit: limit, current: -1, byName: map[string]uint32{}, byAuthor: map[string]uint16{}}
}

// Add adds a record, which must not be there yet, with its text. It returns ErrFull or ErrCleared.
func (a *Arena) Add(r Record, t *Text) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cleared {
		return ErrCleared
	}
	r.ID = r.ID[:min(len(r.ID), math.MaxUint8)]
	e := entry{at: r.At, place: r.Place, flags: r.Flags, author: a.author(r.Author), group: a.group(r.Group),
		text: uint16(len(t.text)), patch: uint16(len(t.patch)), id: uint8(len(r.ID))}
	s, mem, err := a.take(&e)
	if err != nil {
		return err
	}
	mem = mem[copy(mem, t.text)+1:]
	mem = mem[copy(mem, t.patch):]
	copy(mem, r.ID)
	g := &a.groups[e.group]
	e.prev = g.last
	g.last = handleOf(a.current, s.count-1)
	g.live++
	*s.entry(s.count - 1) = e
	return nil
}

// take makes room for an entry and says where its bytes go.
func (a *Arena) take(e *entry) (*segment, []byte, error) {
	size := e.size()
	if a.current < 0 || a.segments[a.current].room() < size+entrySize {
		if err := a.grow(); err != nil {
			return nil, nil, err
		}
	}
	s := a.segments[a.current]
	e.off = uint32(s.used)
	s.used += size
	s.count++
	s.live++
	return s, s.mem[e.off:s.used], nil
}

// grow makes an empty segment the current one.
func (a *Arena) grow() error {
	at, mapped := -1, 0
	for i, s := range a.segments {
		switch {
		case s == nil:
			if at < 0 {
				at = i
			}
			continue
		case s.live == 0:
			s.empty()
			a.current = i
			return nil
		}
		mapped += len(s.mem)
	}
	if mapped+segmentSize > a.limit || at < 0 && len(a.segments) > math.MaxUint16 {
		return ErrFull
	}
	mem, locked, err := reserve(segmentSize)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	if at < 0 {
		at, a.segments = len(a.segments), append(a.segments, nil)
	}
	a.segments[at] = &segment{mem: mem, locked: locked}
	a.current = at
	return nil
}

func (a *Arena) group(name string) uint32 {
	n, ok := a.byName[name]
	if !ok {
		n = uint32(len(a.groups))
		a.groups = append(a.groups, group{name: name})
		a.byName[name] = n
	}
	return n
}

func (a *Arena) author(name string) uint16 {
	n, ok := a.byAuthor[name]
	if !ok {
		if len(a.authors) == noAuthor {
			return noAuthor
		}
		n = uint16(len(a.authors))
		a.authors = append(a.authors, name)
		a.byAuthor[name] = n
	}
	return n
}

func (a *Arena) authorOf(e *entry) string {
	if e.author == noAuthor {
		return ""
	}
	return a.authors[e.author]
}

func (a *Arena) at(h handle) (*segment, *entry) {
	i, n := h.place()
	return a.segments[i], a.segments[i].entry(n)
}

// Has reports whether a record is there.
func (a *Arena) Has(group, id string) bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	link, _ := a.find(group, id)
	return link != nil
}

// find returns where the handle of a record is kept, and its group; nil when there is none.
func (a *Arena) find(name, id string) (link *handle, of *group) {
	n, ok := a.byName[name]
	if !ok {
		return nil, nil
	}
	of = &a.groups[n]
	id = id[:min(len(id), math.MaxUint8)]
	for link = &of.last; *link != 0; {
		s, e := a.at(*link)
		if string(s.idOf(e)) == id {
			return link, of
		}
		link = &e.prev
	}
	return nil, of
}

// Remove overwrites a record, as does who wants to add it anew. It reports whether there was one.
func (a *Arena) Remove(group, id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.remove(group, id)
}

func (a *Arena) remove(name, id string) bool {
	link, of := a.find(name, id)
	if link == nil {
		return false
	}
	h := *link
	_, e := a.at(h)
	*link = e.prev
	of.live--
	a.kill(h)
	return true
}

// kill overwrites a record that nothing leads to any more.
func (a *Arena) kill(h handle) {
	i, _ := h.place()
	s, e := a.at(h)
	size := e.size()
	clear(s.mem[e.off : int(e.off)+size])
	*e = entry{off: e.off, text: e.text, patch: e.patch, id: e.id, dead: true}
	s.live--
	s.dead += size
	switch {
	case s.live == 0 && i == a.current:
		s.empty()
	case s.live == 0:
		a.release(i)
	case i != a.current && s.dead > s.used*3/4:
		a.move(i)
	}
}

// release gives an empty segment back.
func (a *Arena) release(i int) {
	s := a.segments[i]
	s.empty()
	if giveBack(s.mem) == nil { // else it is there to be used again
		a.segments[i] = nil
	}
}

// move empties a segment into the current one. Without memory for that it stays as it is.
func (a *Arena) move(from int) {
	s := a.segments[from]
	if need := s.used - s.dead + s.live*entrySize; a.segments[a.current].room() < need && a.grow() != nil {
		return
	}
	for n := range s.count {
		old := s.entry(n)
		if old.dead {
			continue
		}
		e := *old
		to, mem, err := a.take(&e)
		if err != nil {
			return // cannot be: there is room
		}
		copy(mem, s.mem[old.off:int(old.off)+old.size()])
		*to.entry(to.count - 1) = e
		was, is := handleOf(from, n), handleOf(a.current, to.count-1)
		for link := &a.groups[e.group].last; *link != 0; {
			if *link == was {
				*link = is
				break
			}
			_, next := a.at(*link)
			link = &next.prev
		}
	}
	a.release(from)
}

// Drop overwrites all records of a group.
func (a *Arena) Drop(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n, ok := a.byName[name]
	if !ok {
		return
	}
	g := &a.groups[n]
	for g.last != 0 {
		h := g.last
		_, e := a.at(h)
		g.last = e.prev
		g.live--
		a.kill(h) // may move other records of the group: g.last is followed
	}
}

// Clear overwrites everything and gives the memory back. Every call after it returns ErrCleared.
func (a *Arena) Clear() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var failed error
	for _, s := range a.segments {
		if s != nil {
			clear(s.mem)
			failed = errors.Join(failed, giveBack(s.mem))
		}
	}
	a.cleared, a.segments, a.current = true, nil, -1
	a.groups, a.byName, a.authors, a.byAuthor = nil, nil, nil, nil
	if failed != nil {
		return fmt.Errorf("giving an arena's memory back: %w", failed)
	}
	return nil
}

// Stats are figures of an arena.
type Stats struct {
	Records int
	Text    int // bytes of folded text
	Mapped  int // bytes got from the system
	Locked  int // of these, bytes that cannot be swapped out
}

// Stats returns the figures; all are 0 after Clear.
func (a *Arena) Stats() Stats {
	a.mu.RLock()
	defer a.mu.RUnlock()
	var out Stats
	for _, s := range a.segments {
		if s == nil {
			continue
		}
		out.Records += s.live
		out.Mapped += len(s.mem)
		if s.locked {
			out.Locked += len(s.mem)
		}
		for n := range s.count {
			if e := s.entry(n); !e.dead {
				out.Text += int(e.text)
			}
		}
	}
	return out
}
