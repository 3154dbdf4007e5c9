package media

import (
	"encoding/binary"
	"slices"
	"time"
)

const (
	maxBoxes     = 100_000
	maxBoxDepth  = 12
	maxTableSize = 8 * mebi // of one of a track's tables
	maxPieces    = 200_000  // patches and pieces of one file, which are kept in memory
)

// A box is a part of a file built as ISO/IEC 14496-12 demands.
type box struct {
	kind string
	at   int64 // where its header begins
	data int64 // where its contents begin
	end  int64
}

func (b box) size() int64 { return b.end - b.data }

// A track is what is known of one trak box.
type track struct {
	handler, codec   string
	width, height    int
	sizes, runs      box // stsz, stsc
	places           box // stco or co64
	hasSizes, hasRun bool
	hasPlaces        bool
}

// An isoFile blanks the boxes that nothing plays. Everything in such a file finds its parts by offset, so nothing may
// move: a box becomes a "free" box of the same size, filled with zeros.
type isoFile struct {
	s          *source
	r          *Report
	ps         patches
	boxes      int
	tracks     []*track
	data       []box // mdat
	fragmented bool
	dropped    bool // a track
}

func cleanISO(s *source, r *Report, p *plan, d Declared) error {
	f := &isoFile{s: s, r: r}
	var tops []box
	end := int64(0)
	hasMovie := false
	for end < s.size {
		b, ok := f.next(end, s.size)
		if !ok {
			if hasMovie && len(f.data) > 0 && s.size-end < 8 {
				break // padding shorter than a box
			}
			return ErrBroken
		}
		switch b.kind {
		case "moov":
			if hasMovie {
				return ErrBroken
			}
			hasMovie = true
		case "mdat":
			f.data = append(f.data, b)
		case "moof":
			f.fragmented = true
		}
		tops = append(tops, b)
		if len(tops) > maxBoxes {
			return ErrBomb
		}
		end = b.end
	}
	if end < s.size {
		r.removed(Trailing)
	}
	if !hasMovie || len(f.data) == 0 {
		return ErrBroken
	}
	for _, b := range tops {
		switch b.kind {
		case "ftyp", "styp", "mdat", "sidx", "ssix", "pdin", "mfra":
		case "moov", "moof":
			if err := f.walk(b, nil, 1); err != nil {
				return err
			}
		default:
			f.drop(b, UserData)
		}
	}
	if f.dropped && f.fragmented {
		r.State = Locked // its samples are in fragments that are not followed here
	}
	brand, _ := s.bytes(8, 4)
	if err := f.judge(string(brand), d); err != nil {
		return err
	}
	if len(f.ps) > maxPieces {
		return ErrBomb
	}
	f.ps.apply(p, end)
	return nil
}

// judge names what was found and refuses what WhatsApp does not play.
func (f *isoFile) judge(brand string, d Declared) error {
	var film, sound *track
	for _, t := range f.tracks {
		switch t.handler {
		case "vide":
			film = t
		case "soun":
			sound = t
		}
	}
	switch {
	case film == nil && sound == nil:
		return ErrBroken
	case film == nil:
		f.r.MIME = "audio/mp4"
	case brand[:2] == "3g":
		f.r.MIME = "video/3gpp"
	case brand == "qt  ":
		f.r.MIME = "video/quicktime"
	default:
		f.r.MIME = "video/mp4"
	}
	if film != nil {
		f.r.Width, f.r.Height = film.width, film.height
		f.r.Animated = true
	}
	if d.Inbound || d.Kind == Document {
		return nil
	}
	if film != nil && film.codec != "avc1" && film.codec != "avc3" || sound != nil && sound.codec != "mp4a" {
		return ErrUnsupported
	}
	return nil
}

// next reads the header of the box at off.
func (f *isoFile) next(off, end int64) (box, bool) {
	h, ok := f.s.bytes(off, 8)
	if !ok || off+8 > end {
		return box{}, false
	}
	b := box{kind: string(h[4:]), at: off, data: off + 8}
	switch n := int64(binary.BigEndian.Uint32(h)); n {
	case 0:
		b.end = end
	case 1:
		h, ok := f.s.bytes(off+8, 8)
		if !ok {
			return box{}, false
		}
		n := binary.BigEndian.Uint64(h)
		if n < 16 || n > uint64(end-off) {
			return box{}, false
		}
		b.data, b.end = off+16, off+int64(n)
	default:
		if n < 8 || n > end-off {
			return box{}, false
		}
		b.end = off + n
	}
	return b, true
}

// drop turns a box into nothing.
func (f *isoFile) drop(b box, part Part) {
	if b.kind == "free" || b.kind == "skip" || b.kind == "wide" {
		part = Other
	}
	if f.zero(b.data, b.size(), part) || b.kind != "free" && b.kind != "skip" && b.kind != "wide" {
		f.ps.put(b.at+4, []byte("free"))
		if part != Other {
			f.r.removed(part)
		}
	}
}

// zero blanks a place and says whether there was anything.
func (f *isoFile) zero(off, n int64, part Part) bool {
	if n <= 0 || f.s.filled(off, n, 0) {
		return false
	}
	f.ps.blank(off, n, 0)
	if part == Other {
		f.r.removed(Other)
	}
	return true
}

func (f *isoFile) walk(in box, t *track, depth int) error {
	if depth > maxBoxDepth {
		return ErrBomb
	}
	for at := in.data; at < in.end; {
		if in.end-at < 8 { // QuickTime ends some lists with four zeros
			f.zero(at, in.end-at, Other)
			return nil
		}
		b, ok := f.next(at, in.end)
		if !ok {
			return ErrBroken
		}
		if f.boxes++; f.boxes > maxBoxes || len(f.ps) > maxPieces {
			return ErrBomb
		}
		var err error
		switch b.kind {
		case "udta", "meta", "uuid", "free", "skip", "wide", "prft", "emsg", "ID32", "name":
			f.drop(b, UserData)
		case "trak":
			err = f.track(b, depth)
		case "mdia", "minf", "stbl", "dinf", "traf", "mvex":
			err = f.walk(b, t, depth+1)
		case "cmov":
			return ErrUnsupported // a movie header that is itself compressed
		case "mvhd", "mdhd", "tkhd":
			err = f.header(b, t)
		case "hdlr":
			h, ok := f.s.bytes(b.data, 24)
			if !ok || b.size() < 24 {
				return ErrBroken
			}
			if t != nil && t.handler == "" {
				t.handler = string(h[8:12])
			}
			if f.zero(b.data+24, b.size()-24, UserData) {
				f.r.removed(UserData)
			}
		case "dref":
			err = f.references(b)
		case "stsd":
			err = f.samples(b, t)
		case "stsz":
			if t != nil {
				t.sizes, t.hasSizes = b, true
			}
		case "stsc":
			if t != nil {
				t.runs, t.hasRun = b, true
			}
		case "stco", "co64":
			if t != nil {
				t.places, t.hasPlaces = b, true
			}
		}
		if err != nil {
			return err
		}
		at = b.end
	}
	return nil
}

// track reads one track, and drops it with its samples unless people see or hear it: phones and action cameras write
// where they were beside the film.
func (f *isoFile) track(b box, depth int) error {
	if len(f.tracks) > 64 {
		return ErrBomb
	}
	t := &track{}
	before, removed := len(f.ps), slices.Clone(f.r.Removed)
	if err := f.walk(b, t, depth+1); err != nil {
		return err
	}
	switch t.handler {
	case "vide", "soun", "sbtl", "subt", "text", "clcp", "auxv":
		f.tracks = append(f.tracks, t)
		return nil
	}
	f.ps, f.r.Removed = f.ps[:before], removed
	if err := f.zeroSamples(t); err != nil {
		return err
	}
	f.dropped = true
	f.drop(b, Track)
	return nil
}

// header forgets when something was recorded, and reads how long and how large it is.
func (f *isoFile) header(b box, t *track) error {
	h, ok := f.s.bytes(b.data, int(min(b.size(), 104)))
	if !ok || len(h) < 24 {
		return ErrBroken
	}
	times, wide := int64(8), h[0] == 1
	if wide {
		times = 16
	}
	switch b.kind {
	case "mvhd":
		if wide && len(h) < 32 {
			return ErrBroken
		}
		scale, length := binary.BigEndian.Uint32(h[12:]), uint64(binary.BigEndian.Uint32(h[16:]))
		if wide {
			scale, length = binary.BigEndian.Uint32(h[20:]), binary.BigEndian.Uint64(h[24:])
		}
		f.r.Duration = duration(length, uint64(scale))
	case "tkhd":
		matrix := 40
		if wide {
			matrix = 52
		}
		if len(h) < matrix+44 {
			return ErrBroken
		}
		if t != nil {
			t.width, t.height = int(binary.BigEndian.Uint16(h[matrix+36:])), int(binary.BigEndian.Uint16(h[matrix+40:]))
			if binary.BigEndian.Uint32(h[matrix:]) == 0 && binary.BigEndian.Uint32(h[matrix+4:]) != 0 {
				t.width, t.height = t.height, t.width
			}
		}
	}
	if f.zero(b.data+4, times, Times) {
		f.r.removed(Times)
	}
	return nil
}

// duration is n units of 1/scale second; 0 for what nobody records.
func duration(n, scale uint64) time.Duration {
	if scale == 0 || n/scale > 1_000_000 {
		return 0
	}
	return time.Duration(n/scale)*time.Second + time.Duration(n%scale*uint64(time.Second)/scale)
}

// references empties the list of files a track's samples may stand in. They stand in this one, but editors leave the
// folders of their computer there.
func (f *isoFile) references(b box) error {
	for at := b.data + 8; at < b.end; {
		in, ok := f.next(at, b.end)
		if !ok {
			return ErrBroken
		}
		if f.boxes++; f.boxes > maxBoxes {
			return ErrBomb
		}
		if f.zero(in.data+4, in.size()-4, UserData) {
			f.r.removed(UserData)
		}
		at = in.end
	}
	return nil
}

// samples reads what a track is coded with, and forgets by which program.
func (f *isoFile) samples(b box, t *track) error {
	for at := b.data + 8; at < b.end; {
		in, ok := f.next(at, b.end)
		if !ok {
			return ErrBroken
		}
		if f.boxes++; f.boxes > maxBoxes {
			return ErrBomb
		}
		if t != nil {
			if t.codec == "" || t.codec == in.kind {
				t.codec = in.kind
			} else {
				t.codec = "several"
			}
			if t.handler == "vide" && in.size() >= 78 && f.zero(in.data+42, 32, UserData) {
				f.r.removed(UserData)
			}
		}
		at = in.end
	}
	return nil
}

// zeroSamples blanks the samples of a track, but only where the file keeps samples.
func (f *isoFile) zeroSamples(t *track) error {
	if !t.hasPlaces || !t.hasSizes || !t.hasRun {
		return nil
	}
	if max(t.places.size(), t.sizes.size(), t.runs.size()) > maxTableSize {
		return ErrBomb
	}
	places, ok1 := f.s.all(t.places.data, t.places.size())
	sizes, ok2 := f.s.all(t.sizes.data, t.sizes.size())
	runs, ok3 := f.s.all(t.runs.data, t.runs.size())
	if !ok1 || !ok2 || !ok3 || len(places) < 8 || len(sizes) < 12 || len(runs) < 8 {
		return ErrBroken
	}
	fixed, count := int64(binary.BigEndian.Uint32(sizes[4:])), int(binary.BigEndian.Uint32(sizes[8:]))
	places, sizes, runs = places[8:], sizes[12:], runs[8:]
	width := 4
	if t.places.kind == "co64" {
		width = 8
	}
	per, sample := 0, 0
	for chunk := 1; len(places) >= width && sample < count; chunk++ {
		var off int64
		if width == 4 {
			off = int64(binary.BigEndian.Uint32(places))
		} else {
			off = int64(binary.BigEndian.Uint64(places) & (1<<62 - 1))
		}
		places = places[width:]
		for len(runs) >= 12 && int64(binary.BigEndian.Uint32(runs)) <= int64(chunk) {
			per = int(binary.BigEndian.Uint32(runs[4:]))
			runs = runs[12:]
		}
		n := int64(0)
		for i := 0; i < per && sample < count; i, sample = i+1, sample+1 {
			switch {
			case fixed > 0:
				n = fixed * int64(min(per, count-sample))
				sample += min(per, count-sample) - 1
				i = per
			case len(sizes) >= 4:
				n += int64(binary.BigEndian.Uint32(sizes))
				sizes = sizes[4:]
			default:
				return ErrBroken
			}
		}
		for _, d := range f.data {
			if off >= d.data && off < d.end {
				f.ps.blank(off, min(n, d.end-off), 0)
			}
		}
		if len(f.ps) > maxPieces {
			return ErrBomb
		}
	}
	return nil
}
