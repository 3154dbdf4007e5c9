package leak

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"io"
	"slices"
)

const (
	mostUnpacked = 512 << 20 // bytes out of one thing that is scanned, members in members included
	mostMember   = 64 << 20
	mostNested   = 4
)

type budget struct {
	left     int
	unopened int
}

// A member is something packed that begins at a place.
type member struct {
	kind string
	at   int
	skip int64 // bytes of header before what is packed
}

var magics = []struct {
	kind  string
	magic []byte
}{
	{"gzip", []byte{0x1f, 0x8b, 8}}, {"zstd", []byte{0x28, 0xb5, 0x2f, 0xfd}}, {"zip", []byte("PK\x03\x04")}, {"zlib", []byte{0x78}},
}

// members returns where packed members may begin in b. Noise looks like some; unpacking tells.
func members(b []byte) (all []member) {
	for _, m := range magics {
		for at := 0; ; at++ {
			n := bytes.Index(b[at:], m.magic)
			if n < 0 {
				break
			}
			at += n
			rest := b[at:]
			switch m.kind {
			case "zlib":
				if len(rest) < 2 || (0x7800|int(rest[1]))%31 != 0 || rest[1]&0x20 != 0 {
					continue
				}
			case "zip":
				if len(rest) < 30 || binary.LittleEndian.Uint16(rest[8:]) != 8 { // only what is deflated is not plain already
					continue
				}
				all = append(all, member{"zip", at, 30 + int64(binary.LittleEndian.Uint16(rest[26:])) + int64(binary.LittleEndian.Uint16(rest[28:]))})
				continue
			}
			all = append(all, member{m.kind, at, 0})
		}
	}
	slices.SortFunc(all, func(a, b member) int { return a.at - b.at })
	return all
}

// open scans a member and what is packed in it. What breaks off is scanned as far as it goes.
func (s *Scanner) open(m member, in *io.SectionReader, outer string, left *budget, depth int, found func(find, string)) {
	if depth > mostNested || left.left <= 0 {
		left.unopened++
		return
	}
	packed := outer + m.kind + "/"
	var out []byte
	limit := min(mostMember, left.left)
	body := io.NewSectionReader(in, m.skip, in.Size()-m.skip)
	switch m.kind {
	case "zstd":
		if s.Zstd == nil {
			left.unopened++
			return
		}
		out = s.Zstd(body, limit)
	default:
		var r io.Reader
		var err error
		switch m.kind {
		case "gzip":
			var z *gzip.Reader
			if z, err = gzip.NewReader(body); err == nil {
				z.Multistream(false)
				r = z
			}
		case "zlib":
			r, err = zlib.NewReader(body)
		case "zip":
			r = flate.NewReader(body)
		}
		if err != nil {
			return // noise
		}
		var b bytes.Buffer
		_, _ = io.Copy(&b, io.LimitReader(r, int64(limit))) // noise ends in an error; what came before it counts
		out = b.Bytes()
	}
	if len(out) == limit {
		left.unopened++
	}
	left.left -= len(out)
	s.text(out, func(f find) { found(f, packed) })
	for _, inner := range members(out) {
		s.open(inner, io.NewSectionReader(bytes.NewReader(out), int64(inner.at), int64(len(out)-inner.at)), packed, left, depth+1, found)
	}
}
