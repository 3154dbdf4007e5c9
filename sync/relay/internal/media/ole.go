package media

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
)

const oleMagic = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

const (
	oleEnd        = 0xfffffffa // and above: no sector
	maxOLEEntries = 20_000
)

// A compound is a file system within a file ([MS-CFB]), as Office wrote documents until 2007. Parts of a stream are found
// by chains of sectors, so things are blanked where they stand.
type compound struct {
	s         *source
	sector    int64
	miniShift uint
	cutoff    int64
	fat, mini []uint32
	root      []int64 // places of the sectors that hold the small streams
	entries   []oleEntry
	claimed   map[int64]bool // places of sectors that belong to somebody
	ps        patches
}

type oleEntry struct {
	name  string
	kind  byte
	start uint32
	size  int64
	at    int64 // of the entry itself
}

func cleanOLE(s *source, r *Report, p *plan, _ Declared) error {
	c := &compound{s: s, claimed: map[int64]bool{}}
	if err := c.open(); err != nil {
		return err
	}
	var main *oleEntry
	named := map[string]*oleEntry{}
	for i := range c.entries {
		e := &c.entries[i]
		if _, twice := named[e.name]; !twice {
			named[e.name] = e
		}
		switch e.name {
		case "WordDocument":
			main, r.MIME = e, "application/msword"
		case "Workbook", "Book":
			main, r.MIME = e, "application/vnd.ms-excel"
		case "PowerPoint Document":
			main, r.MIME = e, "application/vnd.ms-powerpoint"
		case "VBA", "_VBA_PROJECT", "_VBA_PROJECT_CUR", "Macros":
			r.Danger = Macros
		}
	}
	if named["EncryptedPackage"] != nil { // the new generation, locked up in the old one
		r.State, r.MIME = Locked, octets
		p.keep(0, s.size)
		return nil
	}
	if main == nil {
		r.State, r.MIME = Opaque, octets
		p.keep(0, s.size)
		return nil
	}
	for _, e := range c.entries {
		switch e.name {
		case "\x05SummaryInformation", "\x05DocumentSummaryInformation":
			if err := c.properties(e, r); err != nil {
				return err
			}
		case "Current User":
			if err := c.currentUser(e, r); err != nil {
				return err
			}
		}
		if e.kind == 1 || e.kind == 5 { // storages carry times
			if !s.filled(e.at+100, 16, 0) {
				c.ps.blank(e.at+100, 16, 0)
				r.removed(Times)
			}
		}
	}
	var err error
	switch main.name {
	case "WordDocument":
		err = c.word(*main, named, r)
	case "Workbook", "Book":
		err = c.excel(*main, r)
	}
	if err != nil {
		return err
	}
	c.ps.apply(p, s.size)
	return nil
}

func (c *compound) open() error {
	h, ok := c.s.bytes(0, 512)
	if !ok {
		return ErrBroken
	}
	h = bytes.Clone(h)
	u32 := func(at int) uint32 { return binary.LittleEndian.Uint32(h[at:]) }
	shift, mini := binary.LittleEndian.Uint16(h[30:]), binary.LittleEndian.Uint16(h[32:])
	if shift != 9 && shift != 12 || mini != 6 || u32(56) > 1<<20 {
		return ErrBroken
	}
	c.sector, c.miniShift, c.cutoff = 1<<shift, uint(mini), int64(u32(56))
	most := int(c.s.size/c.sector) + 1
	var tables []uint32
	for at := 76; at < 512; at += 4 {
		tables = append(tables, u32(at))
	}
	for next, n := u32(68), 0; next < oleEnd; n++ {
		b, ok := c.s.all(c.place(next), c.sector)
		if !ok || !c.claim(c.place(next)) || n > most || len(tables) > most+109 {
			return ErrBroken
		}
		for i := 0; i+8 <= len(b); i += 4 {
			tables = append(tables, binary.LittleEndian.Uint32(b[i:]))
		}
		next = binary.LittleEndian.Uint32(b[len(b)-4:])
	}
	for _, t := range tables {
		if t >= oleEnd {
			continue
		}
		b, ok := c.s.all(c.place(t), c.sector)
		if !ok || !c.claim(c.place(t)) || len(c.fat) > most+int(c.sector) {
			return ErrBroken
		}
		c.fat = appendU32(c.fat, b)
	}
	places, err := c.chain(u32(60), -1)
	if err != nil {
		return err
	}
	for _, at := range places {
		b, ok := c.s.all(at, c.sector)
		if !ok {
			return ErrBroken
		}
		c.mini = appendU32(c.mini, b)
	}
	if places, err = c.chain(u32(48), -1); err != nil {
		return err
	}
	for _, at := range places {
		b, ok := c.s.all(at, c.sector)
		if !ok {
			return ErrBroken
		}
		for i := 0; i+128 <= len(b); i += 128 {
			e := b[i : i+128]
			n := int(binary.LittleEndian.Uint16(e[64:]))
			if e[66] == 0 || n < 2 || n > 64 {
				continue
			}
			name := make([]uint16, n/2-1)
			for j := range name {
				name[j] = binary.LittleEndian.Uint16(e[2*j:])
			}
			c.entries = append(c.entries, oleEntry{
				name: string(utf16.Decode(name)), kind: e[66], start: binary.LittleEndian.Uint32(e[116:]),
				size: int64(binary.LittleEndian.Uint32(e[120:])), at: at + int64(i),
			})
			if len(c.entries) > maxOLEEntries {
				return ErrBomb
			}
		}
	}
	if len(c.entries) == 0 || c.entries[0].kind != 5 {
		return ErrBroken
	}
	c.root, err = c.chain(c.entries[0].start, -1)
	return err
}

func appendU32(list []uint32, b []byte) []uint32 {
	for i := 0; i+4 <= len(b); i += 4 {
		list = append(list, binary.LittleEndian.Uint32(b[i:]))
	}
	return list
}

// claim takes a place for one use. What is blanked in one stream must not be another one, nor the list of them.
func (c *compound) claim(at int64) bool {
	if c.claimed[at] {
		return false
	}
	c.claimed[at] = true
	return true
}

func (c *compound) place(sector uint32) int64 { return (int64(sector) + 1) * c.sector }

// chain lists the places of a stream's sectors; at most as many as size bytes need, unless size is negative.
func (c *compound) chain(start uint32, size int64) ([]int64, error) {
	var list []int64
	for next := start; next < oleEnd; next = c.fat[next] {
		if int64(next) >= int64(len(c.fat)) || len(list) > len(c.fat) {
			return nil, ErrBroken
		}
		if size >= 0 && int64(len(list))*c.sector >= size {
			break
		}
		if !c.claim(c.place(next)) {
			return nil, ErrBroken
		}
		list = append(list, c.place(next))
	}
	return list, nil
}

// A stream is where the parts of a stream stand in the file.
type stream struct {
	c      *compound
	places []int64
	part   int64
	size   int64
}

func (c *compound) stream(e oleEntry) (stream, error) {
	if e.kind != 2 || e.size > c.s.size {
		return stream{}, ErrBroken
	}
	if e.size >= c.cutoff {
		places, err := c.chain(e.start, e.size)
		return stream{c, places, c.sector, e.size}, err
	}
	st := stream{c: c, part: 1 << c.miniShift, size: e.size}
	for next := e.start; next < oleEnd && int64(len(st.places))*st.part < e.size; next = c.mini[next] {
		off := int64(next) * st.part
		if int64(next) >= int64(len(c.mini)) || off/c.sector >= int64(len(c.root)) {
			return st, ErrBroken
		}
		at := c.root[off/c.sector] + off%c.sector
		if !c.claim(at + 1) { // no sector of the usual size begins there
			return st, ErrBroken
		}
		st.places = append(st.places, at)
	}
	return st, nil
}

// read returns n bytes of a stream at off.
func (st stream) read(off, n int64) ([]byte, bool) {
	if off < 0 || n < 0 || n > mebi || off > st.size-n {
		return nil, false
	}
	out := make([]byte, 0, n)
	for n > 0 {
		i := off / st.part
		if i >= int64(len(st.places)) {
			return nil, false
		}
		k := min(n, st.part-off%st.part)
		b, ok := st.c.s.bytes(st.places[i]+off%st.part, int(k))
		if !ok {
			return nil, false
		}
		out = append(out, b...)
		off, n = off+k, n-k
	}
	return out, true
}

// write patches a stream at off and says whether that changed it.
func (st stream) write(off int64, b []byte) bool {
	if have, ok := st.read(off, int64(len(b))); !ok || bytes.Equal(have, b) {
		return false
	}
	for len(b) > 0 {
		k := min(int64(len(b)), st.part-off%st.part)
		st.c.ps.put(st.places[off/st.part]+off%st.part, b[:k])
		off, b = off+k, b[k:]
	}
	return true
}

// properties makes a property set ([MS-OLEPS]) an empty one.
func (c *compound) properties(e oleEntry, r *Report) error {
	st, err := c.stream(e)
	if err != nil {
		return err
	}
	head, ok := st.read(0, min(48, st.size))
	if !ok || st.size > mebi {
		return ErrBroken
	}
	empty := make([]byte, st.size)
	if st.size >= 56 {
		copy(empty, "\xfe\xff")
		empty[24] = 1                   // one set
		copy(empty[28:44], head[28:44]) // of the kind it was
		empty[44] = 48                  // here
		empty[48] = 8                   // and empty
	}
	if st.write(0, empty) {
		r.removed(Properties)
	}
	return nil
}

// currentUser blanks who saved a presentation last ([MS-PPT] section 2.3.2).
func (c *compound) currentUser(e oleEntry, r *Report) error {
	st, err := c.stream(e)
	if err != nil {
		return err
	}
	b, ok := st.read(0, min(st.size, 4096))
	if !ok || len(b) < 28 {
		return ErrBroken
	}
	if binary.LittleEndian.Uint32(b[12:]) == 0xf3d1c4df { // the document is encrypted
		r.State = Locked
	}
	n := int(binary.LittleEndian.Uint16(b[20:]))
	changed := false
	for i := 28; i < len(b); i++ {
		if i >= 28+n && i < 32+n { // a version stands between the name's two spellings
			continue
		}
		space := byte(' ')
		if i >= 32+n && (i-32-n)%2 == 1 {
			space = 0
		}
		changed = changed || b[i] != space
		b[i] = space
	}
	if changed && st.write(0, b) {
		r.removed(Properties)
	}
	return nil
}

// excel blanks who opened a workbook last: WRITEACCESS ([MS-XLS] section 2.4.349), one of its first records.
func (c *compound) excel(e oleEntry, r *Report) error {
	st, err := c.stream(e)
	if err != nil {
		return err
	}
	off := int64(0)
	for range 64 {
		h, ok := st.read(off, 4)
		if !ok {
			break
		}
		kind, n := binary.LittleEndian.Uint16(h), int64(binary.LittleEndian.Uint16(h[2:]))
		switch kind {
		case 0x2f: // FILEPASS: what follows is encrypted
			r.State = Locked
			return nil
		case 0x5c:
			blank := bytes.Repeat([]byte(" "), int(n))
			if n >= 3 {
				copy(blank, "\x00\x00\x00") // a name of no letters
			}
			if st.write(off+4, blank) {
				r.removed(Properties)
			}
			return nil
		case 0x0a:
			return nil
		}
		off += 4 + n
	}
	return nil
}

// word blanks who saved a text and where ([MS-DOC] sections 2.5.6, 2.9.272: SttbSavedBy and SttbfAssoc).
func (c *compound) word(e oleEntry, named map[string]*oleEntry, r *Report) error {
	st, err := c.stream(e)
	if err != nil {
		return err
	}
	fib, ok := st.read(0, min(st.size, 0x2da))
	if !ok || len(fib) < 0x20 {
		return ErrBroken
	}
	flags := binary.LittleEndian.Uint16(fib[10:])
	if flags&0x100 != 0 {
		r.State = Locked
		return nil
	}
	table := named["0Table"]
	if flags&0x200 != 0 {
		table = named["1Table"]
	}
	if table == nil {
		return nil // older than 1997
	}
	tst, err := c.stream(*table)
	if err != nil {
		return err
	}
	for _, at := range []int{0x19a, 0x2d2} {
		if len(fib) < at+8 {
			continue
		}
		off, n := int64(binary.LittleEndian.Uint32(fib[at:])), int64(binary.LittleEndian.Uint32(fib[at+4:]))
		if n < 6 {
			continue
		}
		b, ok := tst.read(off, n)
		if !ok || binary.LittleEndian.Uint16(b) != 0xffff {
			continue
		}
		extra := int(binary.LittleEndian.Uint16(b[4:]))
		count := int(binary.LittleEndian.Uint16(b[2:]))
		for i, p := 0, 6; i < count && p+2 <= len(b); i++ {
			letters := int(binary.LittleEndian.Uint16(b[p:]))
			p += 2
			for j := 0; j < letters && p+2 <= len(b); j, p = j+1, p+2 {
				b[p], b[p+1] = ' ', 0
			}
			p += extra
		}
		if tst.write(off, b) {
			r.removed(Properties)
		}
	}
	return nil
}
