package media

import (
	"bytes"
	"encoding/binary"
)

const (
	webpAnimated = 0x02
	webpXMP      = 0x04
	webpEXIF     = 0x08
)

// A chunk of a RIFF file: its name and where it stands, its padding left out.
type chunk struct {
	name    string
	at, n   int64 // of the data
	wrapped int64 // with header and padding
}

// riffChunks lists the chunks between at and end.
func riffChunks(s *source, at, end int64) ([]chunk, error) {
	var list []chunk
	for at < end {
		head, ok := s.bytes(at, 8)
		if !ok || at+8 > end {
			return nil, ErrBroken
		}
		c := chunk{name: string(head[:4]), at: at + 8, n: int64(binary.LittleEndian.Uint32(head[4:]))}
		c.wrapped = 8 + c.n + c.n&1
		if c.at+c.n > end {
			return nil, ErrBroken
		}
		if len(list) > maxFrames*4 {
			return nil, ErrBomb
		}
		list = append(list, c)
		at += c.wrapped
	}
	return list, nil
}

func (c chunk) into(p *plan) {
	p.keep(c.at-8, 8+c.n)
	p.blank(c.n&1, 0)
}

// cleanWebP keeps the picture's chunks (RFC 9649) and drops every other one.
func cleanWebP(s *source, r *Report, p *plan, _ Declared) error {
	b, ok := s.bytes(0, 12)
	if !ok {
		return ErrBroken
	}
	end := 8 + int64(binary.LittleEndian.Uint32(b[4:]))
	if end > s.size {
		return ErrBroken
	}
	if end < s.size {
		r.removed(Trailing)
	}
	list, err := riffChunks(s, 12, end)
	if err != nil {
		return err
	}
	r.Orientation = 1
	body := &plan{src: s}
	var extended []byte
	frames, pixels, pictures := 0, 0, 0
	var exifs int
	for i, c := range list {
		switch c.name {
		case "VP8X":
			b, ok := s.bytes(c.at, 10)
			if !ok || c.n != 10 || i != 0 {
				return ErrBroken
			}
			extended = bytes.Clone(b)
			r.Width, r.Height = 1+u24(b[4:]), 1+u24(b[7:])
		case "VP8 ", "VP8L":
			if pictures++; pictures > 1 {
				return ErrBroken
			}
			w, h, ok := webpSize(s, c)
			if !ok {
				return ErrBroken
			}
			if extended == nil {
				r.Width, r.Height = w, h
			}
			c.into(body)
		case "ALPH", "ANIM", "ICCP":
			c.into(body)
		case "ANMF":
			if c.n < 16 {
				return ErrBroken
			}
			b, ok := s.bytes(c.at, 16)
			if !ok {
				return ErrBroken
			}
			pixels += (1 + u24(b[6:])) * (1 + u24(b[9:]))
			if frames++; frames > maxFrames || pixels > maxFramePixels {
				return ErrBomb
			}
			inner, err := riffChunks(s, c.at+16, c.at+c.n)
			if err != nil {
				return err
			}
			frame := &plan{src: s}
			for _, in := range inner {
				switch in.name {
				case "VP8 ", "VP8L", "ALPH":
					in.into(frame)
				default:
					r.removed(Other)
				}
			}
			if frame.size == 0 {
				return ErrBroken
			}
			body.put(binary.LittleEndian.AppendUint32([]byte("ANMF"), uint32(16+frame.size)))
			body.keep(c.at, 16)
			for _, x := range frame.pieces {
				body.add(x)
			}
		case "EXIF":
			tiff, _ := s.bytes(c.at, int(min(c.n, windowSize)))
			tiff = bytes.TrimPrefix(tiff, []byte("Exif\x00\x00"))
			r.Orientation = tiffOrientation(tiff)
			if exifs++; exifs > 1 || r.Orientation == 1 || !bytes.Equal(tiff, orientationOnly(r.Orientation)) {
				r.removed(EXIF)
			}
		case "XMP ":
			r.removed(XMP)
		default:
			r.removed(Other)
		}
	}
	if pictures == 0 && frames == 0 || extended == nil && (frames > 0 || pictures == 0) {
		return ErrBroken
	}
	r.Animated = frames > 1
	if extended == nil {
		r.Orientation = 1 // an EXIF that the header does not announce turns nothing
	}
	size := 4 + body.size
	var exif []byte
	if extended != nil {
		extended[0] &^= webpXMP | webpEXIF
		if r.Orientation != 1 {
			extended[0] |= webpEXIF
			tiff := orientationOnly(r.Orientation)
			exif = append(binary.LittleEndian.AppendUint32([]byte("EXIF"), uint32(len(tiff))), tiff...)
		}
		size += 18 + int64(len(exif))
	}
	p.put(append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(size)), "WEBP"...))
	if extended != nil {
		p.put(append([]byte("VP8X\x0a\x00\x00\x00"), extended...))
	}
	for _, x := range body.pieces {
		p.add(x)
	}
	p.put(exif)
	r.Width, r.Height = turned(r.Width, r.Height, r.Orientation)
	return nil
}

func u24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// webpSize reads the size from the header of the coded picture itself (RFC 6386 section 9.1, RFC 9649 section 3.4).
func webpSize(s *source, c chunk) (w, h int, ok bool) {
	b, ok := s.bytes(c.at, 10)
	if !ok || c.n < 10 {
		return 0, 0, false
	}
	if c.name == "VP8L" {
		v := binary.LittleEndian.Uint32(b[1:])
		return int(v&0x3fff) + 1, int(v>>14&0x3fff) + 1, b[0] == 0x2f
	}
	w, h = int(binary.LittleEndian.Uint16(b[6:])&0x3fff), int(binary.LittleEndian.Uint16(b[8:])&0x3fff)
	return w, h, w > 0 && h > 0 && b[3] == 0x9d && b[4] == 1 && b[5] == 0x2a
}

// firstFrame wraps the first frame of a moving WebP as a picture of its own: the decoder knows no movement.
func firstFrame(s *source) ([]byte, bool) {
	list, err := riffChunks(s, 12, s.size)
	if err != nil {
		return nil, false
	}
	for _, c := range list {
		if c.name != "ANMF" || c.n < 16 {
			continue
		}
		head, ok := s.all(c.at, c.n)
		if !ok {
			return nil, false
		}
		// The frame's width and height have the very form of the canvas's in VP8X.
		alpha := byte(0)
		if bytes.HasPrefix(head[16:], []byte("ALPH")) {
			alpha = 0x10
		}
		body := append([]byte("WEBPVP8X\x0a\x00\x00\x00"), alpha, 0, 0, 0)
		body = append(body, head[6:12]...)
		body = append(body, head[16:]...)
		return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...), true
	}
	return nil, false
}
