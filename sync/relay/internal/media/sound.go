package media

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// skipID3 returns where the sound begins: after the ID3v2 tags (id3.org, ID3v2.4 section 3.1) at off.
func skipID3(s *source, off int64) int64 {
	for range 16 {
		b, ok := s.bytes(off, 10)
		if !ok || string(b[:3]) != "ID3" || b[3] == 0xff || (b[6]|b[7]|b[8]|b[9])&0x80 != 0 {
			break
		}
		n := int64(b[6])<<21 | int64(b[7])<<14 | int64(b[8])<<7 | int64(b[9])
		if b[5]&0x10 != 0 {
			n += 10 // a footer
		}
		off += 10 + n
	}
	return off
}

// A frame is one coded piece of a recording.
type frame struct {
	size          int64
	samples, rate int
}

var mp3Rates = [4][3]int{{11025, 12000, 8000}, {}, {22050, 24000, 16000}, {44100, 48000, 32000}}

var mp3Bits = [2][16]int{
	{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0}, // MPEG-1 layer III
	{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0},     // MPEG-2 and 2.5
}

// mp3Header reads the header of a layer III frame (ISO/IEC 11172-3 section 2.4.1.3, 13818-3).
func mp3Header(b []byte) (f frame, ok bool) {
	version, layer := b[1]>>3&3, b[1]>>1&3
	if b[0] != 0xff || b[1]&0xe0 != 0xe0 || version == 1 || layer != 1 || b[2]>>2&3 == 3 {
		return f, false
	}
	f.rate = mp3Rates[version][b[2]>>2&3]
	table, slots := 0, 144
	f.samples = 1152
	if version != 3 {
		table, slots, f.samples = 1, 72, 576
	}
	bits := mp3Bits[table][b[2]>>4]
	f.size = int64(slots*bits*1000/f.rate) + int64(b[2]>>1&1)
	return f, bits > 0
}

// aacHeader reads an ADTS header (ISO/IEC 13818-7 section 6.2).
func aacHeader(b []byte) (f frame, ok bool) {
	rates := [16]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}
	f.rate = rates[b[2]>>2&15]
	f.size = int64(b[3]&3)<<11 | int64(b[4])<<3 | int64(b[5])>>5
	f.samples = 1024 * (int(b[6]&3) + 1)
	return f, b[0] == 0xff && b[1]&0xf6 == 0xf0 && f.rate > 0 && f.size >= 7
}

func mp3Frame(s *source, off int64) (frame, bool) { return frameAt(s, off, mp3Header) }
func aacFrame(s *source, off int64) (frame, bool) { return frameAt(s, off, aacHeader) }

// frameAt reads a frame that is whole and followed by another one like it, a tag, or nothing. A frame's mark is too short
// to be believed alone.
func frameAt(s *source, off int64, header func([]byte) (frame, bool)) (frame, bool) {
	b, ok := s.bytes(off, 8)
	if !ok {
		return frame{}, false
	}
	f, ok := header(b)
	if !ok || off+f.size > s.size {
		return frame{}, false
	}
	next := off + f.size
	if next == s.size {
		return f, true
	}
	for _, tag := range []string{"TAG", "APETAGEX", "LYRICSBEGIN", "ID3"} {
		if s.has(next, tag) {
			return f, true
		}
	}
	b, ok = s.bytes(next, 8)
	if !ok {
		return f, true // something too short to be a frame
	}
	g, ok := header(b)
	return f, ok && g.rate == f.rate
}

func cleanMP3(s *source, r *Report, p *plan, _ Declared) error {
	return cleanFrames(s, r, p, mp3Header)
}
func cleanAAC(s *source, r *Report, p *plan, _ Declared) error {
	return cleanFrames(s, r, p, aacHeader)
}

// cleanFrames keeps the frames and nothing else: tags stand before, behind and, in joined files, between them.
func cleanFrames(s *source, r *Report, p *plan, header func([]byte) (frame, bool)) error {
	const maxGaps = 64
	at := skipID3(s, 0)
	if at > 0 {
		r.removed(Tags)
	}
	var samples uint64
	rate, gaps := 0, 0
	for at < s.size {
		f, ok := frameAt(s, at, header)
		if !ok && rate > 0 { // the last whole frame before something else counts, too
			if b, have := s.bytes(at, 8); have {
				f, ok = header(b)
				ok = ok && f.rate == rate && at+f.size <= s.size
			}
		}
		if ok {
			if rate == 0 {
				rate = f.rate
			}
			if f.rate != rate {
				return ErrBroken
			}
			p.keep(at, f.size)
			samples += uint64(f.samples)
			at += f.size
			if len(p.pieces) > maxPieces {
				return ErrBomb
			}
			continue
		}
		next := skipID3(s, at)
		if next == at {
			if gaps++; gaps > maxGaps {
				return ErrBroken
			}
			next = nextFrame(s, at+1, rate, header)
		}
		b, _ := s.bytes(at, int(min(11, s.size-at)))
		part := Trailing
		for _, tag := range []string{"TAG", "APETAGEX", "LYRICSBEGIN", "ID3"} {
			if strings.HasPrefix(string(b), tag) {
				part = Tags
			}
		}
		r.removed(part)
		at = next
	}
	if rate == 0 {
		return ErrBroken
	}
	r.Duration = duration(samples, uint64(rate))
	return nil
}

// nextFrame looks for the sound behind a gap of at most 64 KiB; without one, the rest of the file is none.
func nextFrame(s *source, at int64, rate int, header func([]byte) (frame, bool)) int64 {
	for end := min(at+windowSize, s.size); at < end; at++ {
		w := s.window(at)
		i := bytes.IndexByte(w, 0xff)
		if i < 0 {
			at += int64(max(len(w), 1)) - 1
			continue
		}
		at += int64(i)
		if f, ok := frameAt(s, at, header); ok && f.rate == rate {
			// Three in a row: tags may hold two marks by chance.
			if g, ok := frameAt(s, at+f.size, header); ok && g.rate == rate {
				return at
			}
		}
	}
	return s.size
}

// Bytes of a frame by its type, its header counted (RFC 4867 section 3.6 of the storage format; 0 is no such type).
var (
	amrSizes  = [16]int64{13, 14, 16, 18, 20, 21, 27, 32, 6, 0, 0, 0, 0, 0, 0, 1}
	amrWSizes = [16]int64{18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 0, 0, 0, 0, 1, 1}
)

// cleanAMR reads the storage format of RFC 4867, which has no room for anything but sound.
func cleanAMR(s *source, r *Report, p *plan, _ Declared) error {
	at, sizes := int64(6), amrSizes
	if s.has(0, "#!AMR-WB\n") {
		at, sizes, r.MIME = 9, amrWSizes, "audio/amr-wb"
	}
	frames := uint64(0)
	for at < s.size {
		b, ok := s.bytes(at, 1)
		if !ok {
			return ErrBroken
		}
		size := sizes[b[0]>>3&15]
		if b[0]&0x83 != 0 || size == 0 {
			break
		}
		if at+size > s.size {
			return ErrBroken
		}
		at += size
		frames++
	}
	if frames == 0 {
		return ErrBroken
	}
	if at < s.size {
		r.removed(Trailing)
	}
	p.keep(0, at)
	r.Duration = duration(frames, 50)
	return nil
}

const maxPages = maxPieces / 2

var oggTable = func() (t [256]uint32) {
	for i := range t {
		c := uint32(i) << 24
		for range 8 {
			if c&0x80000000 != 0 {
				c = c<<1 ^ 0x04c11db7
			} else {
				c <<= 1
			}
		}
		t[i] = c
	}
	return t
}()

func oggSum(sum uint32, b []byte) uint32 {
	for _, c := range b {
		sum = sum<<8 ^ oggTable[byte(sum>>24)^c]
	}
	return sum
}

var noTags = []byte("OpusTags\x00\x00\x00\x00\x00\x00\x00\x00") // RFC 7845 section 5.2: no vendor, no comments

// cleanOgg replaces the comment packet of an Opus recording (RFC 3533, RFC 7845) by an empty one and counts the pages
// anew.
func cleanOgg(s *source, r *Report, p *plan, _ Declared) error {
	var granule, skip uint64
	var serial, number uint32
	const (
		head = iota
		tags
		sound
	)
	state, tagBytes, tagPages := head, int64(0), 0
	tagsClean := true
	at := int64(0)
	for pages := 0; at < s.size; pages++ {
		if pages > maxPages {
			return ErrBomb
		}
		h, ok := s.bytes(at, 27)
		if !ok || string(h[:4]) != "OggS" || h[4] != 0 {
			if state == sound && !s.has(at, "OggS") {
				r.removed(Trailing)
				break
			}
			return ErrBroken
		}
		hn := 27 + int(h[26])
		flags := h[5]
		if h, ok = s.bytes(at, hn); !ok {
			return ErrBroken
		}
		h = bytes.Clone(h)
		body := 0
		for _, n := range h[27:] {
			body += int(n)
		}
		data, ok := s.bytes(at+int64(hn), body)
		if !ok {
			return ErrBroken
		}
		sum := binary.LittleEndian.Uint32(h[22:])
		copy(h[22:], "\x00\x00\x00\x00")
		if oggSum(oggSum(0, h), data) != sum {
			return ErrBroken
		}
		if id := binary.LittleEndian.Uint32(h[14:]); pages == 0 {
			serial = id
		} else if id != serial {
			if state == sound && flags&2 != 0 {
				r.removed(Trailing) // another recording behind this one
				break
			}
			return ErrUnsupported
		}
		switch state {
		case head:
			if flags&2 == 0 || len(data) < 19 || string(data[:8]) != "OpusHead" || h[26] != 1 {
				return ErrBroken
			}
			skip = uint64(binary.LittleEndian.Uint16(data[10:]))
			state = tags
		case tags:
			if tagPages == 0 && !bytes.HasPrefix(data, []byte("OpusTags")) || h[26] == 0 {
				return ErrBroken
			}
			tagPages++
			tagBytes += int64(body)
			tagsClean = tagsClean && bytes.Equal(data, noTags)
			if h[26+int(h[26])] == 255 { // goes on
				if tagBytes > maxPictureBytes {
					return ErrBomb
				}
				at += int64(hn + body)
				continue
			}
			for _, n := range h[27 : len(h)-1] {
				if n != 255 { // it must end its page
					return ErrBroken
				}
			}
			if !tagsClean || tagPages > 1 {
				r.removed(Tags)
				page := append([]byte("OggS\x00\x00"), make([]byte, 8)...)
				page = binary.LittleEndian.AppendUint32(page, serial)
				page = binary.LittleEndian.AppendUint32(page, number)
				page = append(page, 0, 0, 0, 0, 1, byte(len(noTags)))
				page = append(page, noTags...)
				binary.LittleEndian.PutUint32(page[22:], oggSum(0, page))
				p.put(page)
				number++
				state = sound
				at += int64(hn + body)
				continue
			}
			state = sound
		case sound:
			if g := binary.LittleEndian.Uint64(h[6:]); g < 1<<62 && g > granule {
				granule = g
			}
		}
		if binary.LittleEndian.Uint32(h[18:]) == number {
			p.keep(at, int64(hn+body))
		} else {
			binary.LittleEndian.PutUint32(h[18:], number)
			binary.LittleEndian.PutUint32(h[22:], oggSum(oggSum(0, h), data))
			p.put(h)
			p.keep(at+int64(hn), int64(body))
		}
		number++
		at += int64(hn + body)
		if state == sound && flags&4 != 0 {
			if at < s.size {
				r.removed(Trailing)
			}
			break
		}
	}
	if state != sound || number < 3 {
		return ErrBroken
	}
	if granule > skip {
		r.Duration = duration(granule-skip, 48000)
	}
	return nil
}
