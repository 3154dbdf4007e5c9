package media

import (
	"bytes"
	"encoding/binary"
)

const (
	// maxScans bounds what a viewer has to do for a progressive picture: every scan visits every pixel. Encoders write
	// about ten.
	maxScans    = 64
	maxSegments = 10_000
)

// cleanJPEG keeps the segments a decoder needs (ITU-T T.81 annex B), the colour profile (ICC.1 annex B.4) and the colour
// transform (Adobe), and drops every other one.
func cleanJPEG(s *source, r *Report, p *plan, _ Declared) error {
	var body []piece
	var jfif []byte
	r.Orientation = 1
	at, scans, frames := int64(2), 0, 0
	for n := 0; ; n++ {
		if n > maxSegments || scans > maxScans {
			return ErrBomb
		}
		mark, ok := s.bytes(at, 2)
		if !ok || mark[0] != 0xff {
			return ErrBroken
		}
		code := mark[1]
		switch code {
		case 0xff: // fill
			at++
			continue
		case 0xd9:
			if frames != 1 || scans == 0 {
				return ErrBroken
			}
			body = append(body, piece{off: at, n: 2})
			p.put([]byte{0xff, 0xd8})
			p.put(jfif)
			if r.Orientation != 1 {
				exif := append([]byte("Exif\x00\x00"), orientationOnly(r.Orientation)...)
				p.put(append([]byte{0xff, 0xe1, 0, byte(len(exif) + 2)}, exif...))
			}
			for _, x := range body {
				p.add(x)
			}
			if at+2 < s.size {
				r.removed(Trailing)
			}
			r.Width, r.Height = turned(r.Width, r.Height, r.Orientation)
			return nil
		}
		head, ok := s.bytes(at+2, 2)
		if !ok {
			return ErrBroken
		}
		size := int64(binary.BigEndian.Uint16(head))
		if size < 2 || at+2+size > s.size {
			return ErrBroken
		}
		data, _ := s.bytes(at+4, int(size-2))
		keep := true
		switch {
		case code >= 0xc0 && code <= 0xcf && code != 0xc4 && code != 0xc8 && code != 0xcc: // a frame
			if frames++; frames > 1 || len(data) < 6 {
				return ErrBroken
			}
			r.Height, r.Width = int(binary.BigEndian.Uint16(data[1:])), int(binary.BigEndian.Uint16(data[3:]))
			if r.Height == 0 || r.Width == 0 {
				return ErrBroken
			}
		case code == 0xc4, code == 0xcc, code == 0xdb, code == 0xdc, code == 0xdd: // tables
		case code == 0xda:
			scans++
			end := scanEnd(s, at+2+size)
			if end < 0 {
				return ErrBroken
			}
			size = end - at - 2
		case code == 0xe0 && bytes.HasPrefix(data, []byte("JFIF\x00")) && len(data) >= 14 && jfif == nil:
			if len(data) > 14 {
				r.removed(Thumbnail)
			}
			jfif = append([]byte{0xff, 0xe0, 0, 16}, data[:12]...)
			jfif = append(jfif, 0, 0) // no thumbnail
			keep = false
		case code == 0xe1 && bytes.HasPrefix(data, []byte("Exif\x00")) && len(data) >= 6:
			if o := tiffOrientation(data[6:]); o != 1 && r.Orientation == 1 {
				r.Orientation = o
			}
			if o := r.Orientation; o == 1 || !bytes.Equal(data[6:], orientationOnly(o)) {
				r.removed(EXIF)
			}
			keep = false
		case code == 0xe2 && bytes.HasPrefix(data, []byte("ICC_PROFILE\x00")):
		case code == 0xee && bytes.HasPrefix(data, []byte("Adobe")) && len(data) == 12:
		default:
			keep = false
			r.removed(jpegPart(code, data))
		}
		if keep {
			body = append(body, piece{off: at, n: size + 2})
		}
		at += size + 2
	}
}

func jpegPart(code byte, data []byte) Part {
	switch {
	case code == 0xfe:
		return Comment
	case code == 0xe0:
		return Thumbnail
	case code == 0xe1 && bytes.HasPrefix(data, []byte("Exif")):
		return EXIF
	case code == 0xe1:
		return XMP
	case code == 0xed:
		return IPTC
	}
	return Other
}

// scanEnd returns where the coded data that begins at off ends: at the first marker that is neither a stuffed byte nor a
// restart.
func scanEnd(s *source, off int64) int64 {
	for {
		w := s.window(off)
		i := bytes.IndexByte(w, 0xff)
		if i < 0 {
			if len(w) == 0 {
				return -1
			}
			off += int64(len(w))
			continue
		}
		off += int64(i)
		next, ok := s.bytes(off, 2)
		if !ok {
			return -1
		}
		switch c := next[1]; {
		case c == 0, c >= 0xd0 && c <= 0xd7:
			off += 2
		case c == 0xff:
			off++
		default:
			return off
		}
	}
}
