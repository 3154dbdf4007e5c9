package media

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

const pngMagic = "\x89PNG\r\n\x1a\n"

const maxChunks = 200_000

// cleanPNG keeps the chunks that decide what is seen (PNG, third edition, clause 11) and drops every other one, so a
// moving PNG stands still.
func cleanPNG(s *source, r *Report, p *plan, _ Declared) error {
	var body []piece
	r.Orientation = 1
	data := false
	at := int64(len(pngMagic))
	for n := 0; ; n++ {
		if n > maxChunks {
			return ErrBomb
		}
		head, ok := s.bytes(at, 8)
		if !ok {
			return ErrBroken
		}
		size := int64(binary.BigEndian.Uint32(head))
		name := string(head[4:])
		if size > 1<<31-1 || at+12+size > s.size {
			return ErrBroken
		}
		if (n == 0) != (name == "IHDR") {
			return ErrBroken
		}
		keep := false
		switch name {
		case "IHDR":
			b, ok := s.bytes(at+8, 13)
			if !ok || size != 13 {
				return ErrBroken
			}
			w, h := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
			if w == 0 || h == 0 || w > 1<<31-1 || h > 1<<31-1 {
				return ErrBroken
			}
			r.Width, r.Height = int(w), int(h)
			keep = true
		case "PLTE", "IDAT", "tRNS", "gAMA", "cHRM", "sRGB", "iCCP", "sBIT", "bKGD", "pHYs", "cICP", "mDCV", "cLLI":
			keep = true
			data = data || name == "IDAT"
		case "IEND":
			if size != 0 || !data {
				return ErrBroken
			}
			body = append(body, piece{off: at, n: 12})
			p.keep(0, int64(len(pngMagic)))
			p.add(body[0])
			if r.Orientation != 1 {
				p.put(pngChunk("eXIf", orientationOnly(r.Orientation)))
			}
			for _, x := range body[1:] {
				p.add(x)
			}
			if at+12 < s.size {
				r.removed(Trailing)
			}
			r.Width, r.Height = turned(r.Width, r.Height, r.Orientation)
			return nil
		case "eXIf":
			if b, ok := s.bytes(at+8, int(min(size, windowSize))); ok {
				r.Orientation = tiffOrientation(b)
				if r.Orientation != 1 && bytes.Equal(b, orientationOnly(r.Orientation)) {
					break
				}
			}
			r.removed(EXIF)
		case "tEXt", "zTXt", "iTXt":
			part := Comment
			if s.has(at+8, "XML:com.adobe.xmp") {
				part = XMP
			}
			r.removed(part)
		case "tIME":
			r.removed(Times)
		default:
			if name[0]&0x20 == 0 { // critical, and no decoder here knows it
				return ErrBroken
			}
			r.removed(Other)
		}
		if keep {
			body = append(body, piece{off: at, n: size + 12})
		}
		at += size + 12
	}
}

func pngChunk(name string, data []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(append(b, name...), data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}
