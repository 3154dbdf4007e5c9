package media

import "encoding/binary"

const (
	maxFrames      = 5_000
	maxFramePixels = 1 << 30 // of all frames of a moving picture together
)

// cleanGIF keeps the frames, their timing and the loop count (GIF89a), and drops comments, texts and what programs left.
func cleanGIF(s *source, r *Report, p *plan, _ Declared) error {
	b, ok := s.bytes(0, 13)
	if !ok {
		return ErrBroken
	}
	r.Width, r.Height, r.Orientation = int(binary.LittleEndian.Uint16(b[6:])), int(binary.LittleEndian.Uint16(b[8:])), 1
	at := 13 + colours(b[10])
	if r.Width == 0 || r.Height == 0 || at > s.size {
		return ErrBroken
	}
	p.keep(0, at)
	frames, pixels := 0, 0
	for n := 0; ; n++ {
		b, ok := s.bytes(at, 1)
		if !ok {
			return ErrBroken
		}
		if n > 8*maxFrames || frames > maxFrames || pixels > maxFramePixels {
			return ErrBomb
		}
		start := at
		keep := true
		switch b[0] {
		case 0x3b:
			if frames == 0 {
				return ErrBroken
			}
			p.keep(at, 1)
			if at+1 < s.size {
				r.removed(Trailing)
			}
			r.Animated = frames > 1
			return nil
		case 0x21:
			b, ok := s.bytes(at, 2)
			if !ok {
				return ErrBroken
			}
			switch label := b[1]; {
			case label == 0xf9:
			case label == 0xff && (s.has(at+2, "\x0bNETSCAPE2.0") || s.has(at+2, "\x0bANIMEXTS1.0")):
			default:
				keep = false
				switch {
				case label == 0xfe:
					r.removed(Comment)
				case s.has(at+2, "\x0bXMP Data"):
					r.removed(XMP)
				default:
					r.removed(Other)
				}
			}
			at += 2
		case 0x2c:
			b, ok := s.bytes(at, 10)
			if !ok {
				return ErrBroken
			}
			frames++
			pixels += int(binary.LittleEndian.Uint16(b[5:])) * int(binary.LittleEndian.Uint16(b[7:]))
			at += 10 + colours(b[9]) + 1
		default:
			return ErrBroken
		}
		for { // blocks of at most 255 bytes, the last one empty
			b, ok := s.bytes(at, 1)
			if !ok {
				return ErrBroken
			}
			size := int64(b[0])
			at += 1 + size
			if size == 0 {
				break
			}
		}
		if at > s.size {
			return ErrBroken
		}
		if keep {
			p.keep(start, at-start)
		}
	}
}

// colours is the size of the colour table flags announce.
func colours(flags byte) int64 {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}
