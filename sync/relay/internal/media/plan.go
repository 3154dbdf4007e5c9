package media

import (
	"bytes"
	"context"
	"io"
	"slices"
)

const windowSize = 64 << 10

// A source is a file that is read in windows. Its first real error sticks: parsers only see that bytes are missing, and
// who called them asks err.
type source struct {
	ctx  context.Context
	r    io.ReaderAt
	size int64
	buf  []byte
	at   int64
	err  error
	deep int // files this one is packed in
}

// bytes returns n bytes at off, valid until the next call, or false if the file does not have them. n is at most
// windowSize.
func (s *source) bytes(off int64, n int) ([]byte, bool) {
	if off < 0 || n < 0 || n > windowSize || off > s.size-int64(n) {
		return nil, false
	}
	if i := off - s.at; i >= 0 && i+int64(n) <= int64(len(s.buf)) {
		return s.buf[i : i+int64(n)], true
	}
	if !s.fill(off, n) {
		return nil, false
	}
	i := off - s.at
	return s.buf[i : i+int64(n)], true
}

// window returns what is at hand from off on; at least one byte unless the file ends there or cannot be read.
func (s *source) window(off int64) []byte {
	if i := off - s.at; i >= 0 && i < int64(len(s.buf)) {
		return s.buf[i:]
	}
	if off < 0 || off >= s.size || !s.fill(off, 1) {
		return nil
	}
	return s.buf[off-s.at:]
}

// fill reads the window around off. It begins a little before, so that who goes to and fro does not read every time.
func (s *source) fill(off int64, n int) bool {
	if s.buf == nil {
		s.buf = make([]byte, 0, min(windowSize, s.size))
	}
	base := off &^ (16<<10 - 1)
	if off-base+int64(n) > windowSize {
		base = off
	}
	k, err := s.ReadAt(s.buf[:min(int64(cap(s.buf)), s.size-base)], base)
	s.buf, s.at = s.buf[:k], base
	return err == nil && off-base+int64(n) <= int64(k)
}

// ReadAt reads beside the window and remembers an error that is not the end of the file.
func (s *source) ReadAt(p []byte, off int64) (int, error) {
	if s.err == nil {
		s.err = s.ctx.Err()
	}
	if s.err != nil {
		return 0, s.err
	}
	if off < 0 || off >= s.size {
		return 0, io.EOF
	}
	want := min(int64(len(p)), s.size-off)
	n, err := s.r.ReadAt(p[:want], off)
	switch {
	case int64(n) == want && want == int64(len(p)):
		return n, nil
	case int64(n) == want:
		return n, io.EOF
	case err == nil || err == io.EOF: // shorter than the caller said
		err = io.ErrUnexpectedEOF
	}
	s.err = err
	return n, err
}

// all returns n bytes at off in memory of their own.
func (s *source) all(off, n int64) ([]byte, bool) {
	if off < 0 || n < 0 || off > s.size-n {
		return nil, false
	}
	p := make([]byte, n)
	if n == 0 {
		return p, true
	}
	_, err := s.ReadAt(p, off)
	return p, err == nil
}

// index finds pattern in [off, end) and returns where it begins, or -1.
func (s *source) index(off, end int64, pattern string) int64 {
	end = min(end, s.size)
	for off >= 0 && end-off >= int64(len(pattern)) {
		n := int(min(windowSize, end-off))
		w, ok := s.bytes(off, n)
		if !ok {
			return -1
		}
		if i := bytes.Index(w, []byte(pattern)); i >= 0 {
			return off + int64(i)
		}
		off += int64(n - len(pattern) + 1)
	}
	return -1
}

// filled says whether [off, off+n) is nothing but b.
func (s *source) filled(off, n int64, b byte) bool {
	for n > 0 {
		w := s.window(off)
		if len(w) == 0 {
			return false
		}
		w = w[:min(int64(len(w)), n)]
		for _, c := range w {
			if c != b {
				return false
			}
		}
		off, n = off+int64(len(w)), n-int64(len(w))
	}
	return true
}

// has says whether the bytes of lit stand at off.
func (s *source) has(off int64, lit string) bool {
	b, ok := s.bytes(off, len(lit))
	return ok && string(b) == lit
}

// A plan is a file that is not yet written: pieces of its source, bytes of our own, and blanks. It is an io.ReaderAt.
type plan struct {
	src    *source
	pieces []piece
	size   int64
}

type piece struct {
	at, n int64  // place and length in the plan
	off   int64  // place in the source; -1 if lit or fill stand here
	lit   []byte // nil for a blank
	fill  byte
}

func (p *plan) add(x piece) {
	if x.n <= 0 {
		return
	}
	if i := len(p.pieces) - 1; i >= 0 && x.off >= 0 && p.pieces[i].off >= 0 && p.pieces[i].off+p.pieces[i].n == x.off {
		p.pieces[i].n += x.n
	} else {
		x.at = p.size
		p.pieces = append(p.pieces, x)
	}
	p.size += x.n
}

func (p *plan) keep(off, n int64)        { p.add(piece{off: off, n: n}) }
func (p *plan) put(lit []byte)           { p.add(piece{off: -1, n: int64(len(lit)), lit: lit}) }
func (p *plan) blank(n int64, fill byte) { p.add(piece{off: -1, n: n, fill: fill}) }
func (p *plan) bytes() ([]byte, error)   { return io.ReadAll(io.NewSectionReader(p, 0, p.size)) }
func (p *plan) starting(off int64) int {
	i, _ := slices.BinarySearchFunc(p.pieces, off+1, comparePiece)
	return i - 1
}
func comparePiece(x piece, off int64) int { return int(min(max(x.at-off, -1), 1)) }

// ReadAt implements [io.ReaderAt].
func (p *plan) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 || off >= p.size {
		return 0, io.EOF
	}
	read := 0
	for i := p.starting(off); i < len(p.pieces) && read < len(b); i++ {
		x := p.pieces[i]
		skip := off - x.at
		n := int(min(x.n-skip, int64(len(b)-read)))
		to := b[read : read+n]
		switch {
		case x.off >= 0:
			if k, err := p.src.ReadAt(to, x.off+skip); k < n {
				return read + k, err
			}
		case x.lit != nil:
			copy(to, x.lit[skip:])
		default:
			for j := range to {
				to[j] = x.fill
			}
		}
		read, off = read+n, off+int64(n)
	}
	if read < len(b) {
		return read, io.EOF
	}
	return read, nil
}

// patches are changes that leave everything else where it is. They come in any order; where two overlap, the one that
// begins first wins and the later one keeps its end.
type patches []piece

func (ps *patches) blank(off, n int64, fill byte) {
	if n > 0 {
		*ps = append(*ps, piece{at: off, n: n, off: -1, fill: fill})
	}
}

func (ps *patches) put(off int64, lit []byte) {
	if len(lit) > 0 {
		*ps = append(*ps, piece{at: off, n: int64(len(lit)), off: -1, lit: lit})
	}
}

// apply plans the source up to end with the patches in it.
func (ps patches) apply(p *plan, end int64) {
	slices.SortStableFunc(ps, func(a, b piece) int { return int(min(max(a.at-b.at, -1), 1)) })
	at := int64(0)
	for _, x := range ps {
		if skip := at - x.at; skip > 0 {
			if skip >= x.n {
				continue
			}
			if x.lit != nil {
				x.lit = x.lit[skip:]
			}
			x.at, x.n = at, x.n-skip
		}
		if x.at >= end {
			break
		}
		if x.n > end-x.at {
			x.n = end - x.at
			if x.lit != nil {
				x.lit = x.lit[:x.n]
			}
		}
		p.keep(at, x.at-at)
		at = x.at + x.n
		p.add(x)
	}
	p.keep(at, end-at)
}
