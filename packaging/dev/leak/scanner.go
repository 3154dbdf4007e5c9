package leak

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
)

// A Scanner finds all forms of all canaries in one pass: a bitmap over the folded first four bytes rejects nearly every
// position, a map over them finds the few candidates, and only those are compared.
type Scanner struct {
	// Zstd unpacks what the standard library cannot: the member r begins with, at most limit bytes of it, as much as it can
	// when the member is cut. nil counts such members as not unpacked. Set it before the first scan.
	Zstd func(r io.Reader, limit int) []byte

	canaries []Canary
	needles  []needle
	short    int
	filter   []uint64
	byHead   map[uint32][]int32
	digits   map[string][]int32 // digit strings by their first digits, to be found across separators
	longest  int
}

const filterBits = 22

// New makes a scanner for the canaries.
func New(canaries []Canary) *Scanner {
	s := &Scanner{canaries: canaries, filter: make([]uint64, 1<<filterBits/64), byHead: map[uint32][]int32{}, digits: map[string][]int32{}}
	for i, c := range canaries {
		forms := formsOf(i, c.Value)
		if len(forms) == 0 {
			s.short++
		}
		for _, n := range forms {
			at := int32(len(s.needles))
			s.needles = append(s.needles, n)
			h := head([]byte(n.text))
			s.byHead[h] = append(s.byHead[h], at)
			s.filter[slot(h)/64] |= 1 << (slot(h) % 64)
			s.longest = max(s.longest, len(n.text))
			if len(n.text) >= leastDigits && (n.form == "digits" || n.form == "local digits" || n.form == "plain" && onlyDigits(n.text) == n.text) {
				s.digits[n.text[:leastDigits]] = append(s.digits[n.text[:leastDigits]], at)
			}
		}
	}
	return s
}

// Forms is how many forms of all canaries are looked for, Short how many canaries are too short to look for.
func (s *Scanner) Forms() int { return len(s.needles) }
func (s *Scanner) Short() int { return s.short }

// A Hit is one canary found in one form at one place. It never shows the value: a report may be kept.
type Hit struct {
	Where    string // the file, relative to the root of the scan, or what the caller called it
	Offset   int64  // of the form, or of the packed member it lies in; -1: in the file's name
	Encoding string
	Class    string
	Index    int // of the canary, from 0
}

// String says where what was found.
func (h Hit) String() string {
	at := fmt.Sprintf("byte %d", h.Offset)
	if h.Offset < 0 {
		at = "its name"
	}
	return fmt.Sprintf("%s, %s: %s of canary %d (%s)", h.Where, at, h.Encoding, h.Index+1, h.Class)
}

func lower(b byte) byte {
	if b >= 'A' && b <= 'Z' {
		return b | 0x20
	}
	return b
}

func head(b []byte) uint32 {
	return uint32(lower(b[0])) | uint32(lower(b[1]))<<8 | uint32(lower(b[2]))<<16 | uint32(lower(b[3]))<<24
}

func slot(h uint32) uint32 { return (h * 2654435761) >> (32 - filterBits) }

// A find is a needle and where it lies.
type find struct {
	needle int32
	form   string // what happened to it beyond the needle's own form
	at     int
}

// piece finds the needles in b itself: not in what is packed in it.
func (s *Scanner) piece(b []byte, found func(find)) {
	for i := 0; i+leastNeedle <= len(b); i++ {
		h := head(b[i:])
		k := slot(h)
		if s.filter[k/64]&(1<<(k%64)) == 0 {
			continue
		}
		for _, at := range s.byHead[h] {
			n := &s.needles[at]
			if len(b)-i >= len(n.text) && matches(b[i:i+len(n.text)], n.text, n.fold) {
				found(find{at, "", i})
			}
		}
	}
	s.spaced(b, found)
}

// text finds the needles in b, and in b without its line breaks: mails and encoders fold what is long.
func (s *Scanner) text(b []byte, found func(find)) {
	s.piece(b, found)
	if bytes.IndexByte(b, '\n') < 0 {
		return
	}
	whole := bytes.ReplaceAll(b, []byte("=\r\n"), nil)
	whole = bytes.ReplaceAll(whole, []byte("=\n"), nil)
	whole = bytes.ReplaceAll(whole, []byte("\r\n"), nil)
	whole = bytes.ReplaceAll(whole, []byte("\n"), nil)
	s.piece(whole, func(f find) { found(find{f.needle, f.form + ", over lines", 0}) })
}

func matches(b []byte, text string, fold bool) bool {
	for i := range len(text) {
		if b[i] != text[i] && (!fold || lower(b[i]) != lower(text[i])) {
			return false
		}
	}
	return true
}

// spaced finds numbers written with separators between the digits: +49 (151) 555-01.23.
func (s *Scanner) spaced(b []byte, found func(find)) {
	if len(s.digits) == 0 {
		return
	}
	const gap = 2 // separators in a row that still belong to one number
	run, places := make([]byte, 0, 64), make([]int, 0, 64)
	flush := func() {
		if len(run) >= leastDigits && places[len(places)-1]-places[0] > len(run)-1 { // else the plain search has seen it
			for i := 0; i+leastDigits <= len(run); i++ {
				for _, at := range s.digits[string(run[i:i+leastDigits])] {
					n := &s.needles[at]
					if len(run)-i >= len(n.text) && string(run[i:i+len(n.text)]) == n.text && places[i+len(n.text)-1]-places[i] >= len(n.text) {
						found(find{at, " with separators", places[i]})
					}
				}
			}
		}
		run, places = run[:0], places[:0]
	}
	between := 0
	for i := 0; i < len(b); i++ {
		c, wide := b[i], 1
		if c == 0xc2 && i+1 < len(b) && b[i+1] == 0xa0 { // a space that does not break
			c, wide = ' ', 2
		}
		switch {
		case c >= '0' && c <= '9':
			run, places, between = append(run, c), append(places, i), 0
		case len(run) > 0 && bytes.IndexByte([]byte(" -./()\t_,"), c) >= 0 && between < gap:
			between++
		case len(run) > 0:
			flush()
			between = 0
		}
		i += wide - 1
	}
	if len(run) > 0 {
		flush()
	}
}

// Bytes reports what is found in b, and in what is packed in it, each canary in each encoding once.
func (s *Scanner) Bytes(where string, b []byte) []Hit {
	hits, _, err := s.Reader(where, bytes.NewReader(b), int64(len(b)))
	if err != nil { // memory can always be read
		return append(hits, Hit{Where: where, Encoding: "not read: " + err.Error(), Index: -1})
	}
	return hits
}

// Reader reports what is found in the size bytes of r, and in what is packed in it, each canary in each encoding once.
// unopened counts packed members that are not understood here or unpack to more than anybody should.
func (s *Scanner) Reader(where string, r io.ReaderAt, size int64) (hits []Hit, unopened int, err error) {
	type key struct {
		encoding string
		index    int
	}
	seen := map[key]Hit{}
	note := func(f find, base int64, packed string) {
		n := &s.needles[f.needle]
		k := key{packed + n.form + f.form, n.id}
		if _, ok := seen[k]; !ok {
			seen[k] = Hit{where, base + int64(f.at), k.encoding, s.canaries[n.id].Class, n.id}
		}
	}
	// Pieces overlap by more than the longest needle, separators included, so that nothing is lost between two.
	overlap := int64(4*s.longest + 64)
	buf := make([]byte, min(size, overlap+pieceSize))
	budget := &budget{left: mostUnpacked}
	for base := int64(0); base < size; base += pieceSize {
		b := buf[:min(int64(len(buf)), size-base)]
		if n, err := r.ReadAt(b, base); n < len(b) {
			return hitsOf(seen), budget.unopened, fmt.Errorf("reading at byte %d: %w", base, err)
		}
		s.text(b, func(f find) { note(f, base, "") })
		for _, m := range members(b) {
			if m.at >= pieceSize { // the next piece's
				break
			}
			in := io.NewSectionReader(r, base+int64(m.at), size-base-int64(m.at))
			s.open(m, in, "", budget, 1, func(f find, packed string) { f.at = 0; note(f, base+int64(m.at), packed) })
		}
	}
	return hitsOf(seen), budget.unopened, nil
}

const pieceSize = 4 << 20

func hitsOf[K comparable](seen map[K]Hit) []Hit {
	return slices.SortedFunc(maps.Values(seen), func(a, b Hit) int {
		if a.Offset != b.Offset {
			return int(min(max(a.Offset-b.Offset, -1), 1))
		}
		if a.Index != b.Index {
			return a.Index - b.Index
		}
		return bytes.Compare([]byte(a.Encoding), []byte(b.Encoding))
	})
}
