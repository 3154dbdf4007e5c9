package media

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	tight "github.com/klauspost/compress/zlib"
)

const (
	maxObjects      = 250_000
	maxObjectStream = 16 * mebi  // unpacked
	maxAllStreams   = 256 * mebi // of a document, unpacked
)

// A pdfFile blanks what describes a document where it stands (ISO 32000-2 section 14.3): information dictionaries,
// metadata streams, and what cameras left in pictures. It reads the file from front to back and believes no table of
// objects, so older revisions of a document are cleaned, too.
type pdfFile struct {
	s        *source
	r        *Report
	ps       patches
	lengths  map[int64]int64 // objects that are numbers: lengths of streams may be
	infos    map[int64]bool  // objects that describe the document
	texts    map[int64]bool  // objects those point at
	secret   bool            // encrypted
	active   bool
	tooTight bool
	objects  int
	unpacked int64
	end      int64 // after the last mark of an end
	lastPart int64 // where the last object or trailer ends
}

// A pdfObject is one object: its value, and its stream if it has one.
type pdfObject struct {
	number   int64
	value    pdfSpan
	dict     map[string]pdfSpan // of those keys that matter here; nil if the value is none
	isStream bool
	data     pdfSpan
	after    int64 // the end of the word endstream
}

type pdfSpan struct{ from, to int64 }

func (x pdfSpan) size() int64 { return x.to - x.from }

func cleanPDF(s *source, r *Report, p *plan, _ Declared) error {
	f := &pdfFile{s: s, r: r, lengths: map[int64]int64{}, infos: map[int64]bool{}, texts: map[int64]bool{}}
	if err := f.scan(f.learn); err != nil {
		return err
	}
	if f.objects == 0 || f.end == 0 || f.lastPart > f.end {
		return ErrBroken
	}
	if f.secret {
		r.State = Locked
	} else {
		removed := slices.Clone(r.Removed)
		for range 2 { // once more if only now it was seen what the descriptions point at
			known := maps.Clone(f.texts)
			f.ps, r.Removed, f.unpacked, f.tooTight = nil, slices.Clone(removed), 0, false
			if err := f.scan(f.clean); err != nil {
				return err
			}
			if maps.Equal(known, f.texts) {
				break
			}
		}
		if f.tooTight {
			r.State = Locked
		}
	}
	if f.active {
		r.Danger = Active
	}
	if len(f.ps) > maxPieces {
		return ErrBomb
	}
	for at := f.end; at < s.size; at++ {
		if b, ok := s.bytes(at, 1); !ok || !isPDFSpace(b[0]) && b[0] != 0x1a {
			r.removed(Trailing)
			break
		}
	}
	f.ps.apply(p, f.end)
	return nil
}

// learn is the first look: which objects describe the document, and how long the streams are.
func (f *pdfFile) learn(o pdfObject) error {
	if o.dict == nil {
		if n, ok := f.integer(o.value); ok {
			f.lengths[o.number] = n
		}
		return nil
	}
	if o.number >= 0 && f.is(o, "Type", "XRef") || o.number < 0 {
		if _, ok := o.dict["Encrypt"]; ok {
			f.secret = true
		}
		if n, ok := f.reference(o.dict["Info"]); ok {
			f.infos[n] = true
		}
	}
	return nil
}

func (f *pdfFile) is(o pdfObject, key, name string) bool {
	x, ok := o.dict[key]
	return ok && x.size() < 64 && f.name(x) == name && f.text(pdfSpan{x.from, x.from + 1}) == "/"
}

// clean is the second look: it blanks.
func (f *pdfFile) clean(o pdfObject) error {
	if len(f.ps) > maxPieces {
		return ErrBomb
	}
	switch {
	case o.number < 0 && o.dict != nil:
		if x, ok := o.dict["Info"]; ok && f.s.has(x.from, "<<") { // no producer should, some do
			f.blank(pdfSpan{x.from + 2, x.to - 2})
		}
	case o.isStream && (f.is(o, "Type", "Metadata") || f.is(o, "Subtype", "XML")):
		f.metadata(o)
	case o.isStream && f.is(o, "Type", "ObjStm"):
		return f.repack(o)
	case o.isStream:
		if filter := f.filter(o); filter == "DCTDecode" || filter == "DCT" {
			f.picture(o.data)
		}
	case f.infos[o.number] && o.dict != nil:
		if _, isOther := o.dict["Type"]; isOther && !f.is(o, "Type", "Info") {
			return nil
		}
		for _, x := range o.dict {
			if n, ok := f.reference(x); ok {
				f.texts[n] = true
			}
		}
		f.blank(pdfSpan{o.value.from + 2, o.value.to - 2})
	case f.texts[o.number] && (f.s.has(o.value.from, "(") || f.s.has(o.value.from, "<")) && o.dict == nil:
		f.blank(pdfSpan{o.value.from + 1, o.value.to - 1})
	}
	return nil
}

func (f *pdfFile) blank(x pdfSpan) {
	if x.size() > 0 && !f.s.filled(x.from, x.size(), ' ') {
		f.ps.blank(x.from, x.size(), ' ')
		f.r.removed(Properties)
	}
}

// filter names a stream's only filter; it is "" without one and "several" for more.
func (f *pdfFile) filter(o pdfObject) string {
	x, ok := o.dict["Filter"]
	if !ok {
		return ""
	}
	t := f.token(x.from)
	if t.kind == '[' {
		t = f.token(t.to)
		if t.kind == ']' {
			return ""
		}
		if f.token(t.to).kind != ']' {
			return "several"
		}
	}
	if t.kind != '/' {
		return "several"
	}
	return f.name(t.pdfSpan)
}

var packedNothing = []byte("x\x9c\x03\x00\x00\x00\x00\x01")

func (f *pdfFile) metadata(o pdfObject) {
	if filter := f.filter(o); filter == "FlateDecode" || filter == "Fl" {
		if o.data.size() < int64(len(packedNothing)) || f.s.has(o.data.from, string(packedNothing)) &&
			f.s.filled(o.data.from+int64(len(packedNothing)), o.data.size()-int64(len(packedNothing)), 0) {
			return
		}
		if f.rewrite(o, packedNothing) {
			f.r.removed(XMP)
		}
		return
	}
	if !f.s.filled(o.data.from, o.data.size(), ' ') {
		f.ps.blank(o.data.from, o.data.size(), ' ')
		f.r.removed(XMP)
	}
}

// rewrite gives a stream other data that is not longer, and fills what is left over: with spaces behind the stream if its
// length stands in its dictionary, else with zeros within, where decoders of packed data do not look.
func (f *pdfFile) rewrite(o pdfObject, data []byte) bool {
	was, is := o.data.size(), int64(len(data))
	if is > was {
		f.tooTight = true
		return false
	}
	length := o.dict["Length"]
	if n, ok := f.integer(length); !ok || n != was || is == was {
		f.ps.put(o.data.from, data)
		f.ps.blank(o.data.from+is, was-is, 0)
		return true
	}
	f.ps.put(length.from, fmt.Appendf(nil, "%-*d", length.size(), is))
	tail := append(slices.Clone(data), "\nendstream"...)
	f.ps.put(o.data.from, tail)
	f.ps.blank(o.data.from+int64(len(tail)), o.after-o.data.from-int64(len(tail)), ' ')
	return true
}

// repack empties the descriptions in an object stream (section 7.5.7).
func (f *pdfFile) repack(o pdfObject) error {
	filter := f.filter(o)
	count, ok1 := f.integer(o.dict["N"])
	first, ok2 := f.integer(o.dict["First"])
	if _, predicted := o.dict["DecodeParms"]; predicted || filter != "" && filter != "FlateDecode" && filter != "Fl" || o.data.size() > maxObjectStream {
		f.tooTight = true
		return nil
	}
	if !ok1 || !ok2 || count > maxObjects {
		return nil // no reader finds anything in it either
	}
	packed, ok := f.s.all(o.data.from, o.data.size())
	if !ok {
		return ErrBroken
	}
	text := packed
	if filter != "" {
		in, err := zlib.NewReader(bytes.NewReader(packed))
		if err != nil {
			return nil
		}
		text, err = io.ReadAll(io.LimitReader(in, maxObjectStream+1))
		if len(text) > maxObjectStream {
			return fmt.Errorf("unpacking objects: %w", ErrBomb)
		}
		if err != nil && len(text) == 0 {
			return nil
		}
	}
	if f.unpacked += int64(len(text)); f.unpacked > maxAllStreams {
		return fmt.Errorf("unpacking objects: %w", ErrBomb)
	}
	for _, sign := range []string{"/JS", "/JavaScript", "/Launch"} {
		for rest := text; ; {
			i := bytes.Index(rest, []byte(sign))
			if i < 0 {
				break
			}
			rest = rest[i+len(sign):]
			f.active = f.active || len(rest) == 0 || isPDFSpace(rest[0]) || isPDFMark(rest[0])
		}
	}
	if first > int64(len(text)) {
		return nil
	}
	numbers := bytes.Fields(text[:first])
	if int64(len(numbers)) < 2*count {
		return nil
	}
	type member struct{ number, from, to int64 }
	list := make([]member, count)
	var starts []int64
	for i := range list {
		n, err1 := strconv.ParseUint(string(numbers[2*i]), 10, 32)
		from, err2 := strconv.ParseUint(string(numbers[2*i+1]), 10, 32)
		if err1 != nil || err2 != nil || first+int64(from) > int64(len(text)) {
			return nil
		}
		list[i] = member{number: int64(n), from: first + int64(from)}
		starts = append(starts, list[i].from)
	}
	slices.Sort(starts)
	starts = append(starts, int64(len(text)))
	changed := 0
	var head, body []byte
	for _, m := range list {
		i, _ := slices.BinarySearch(starts, m.from+1)
		m.to = starts[min(i, len(starts)-1)]
		value := bytes.TrimSpace(text[m.from:m.to])
		with := value
		switch {
		case f.infos[m.number] && bytes.HasPrefix(value, []byte("<<")) && !bytes.Equal(value, []byte("<<>>")):
			in := &pdfFile{s: &source{ctx: f.s.ctx, r: bytes.NewReader(value), size: int64(len(value))}}
			_, dict, _ := in.value(0)
			for _, x := range dict {
				if n, ok := in.reference(x); ok {
					f.texts[n] = true
				}
			}
			with = []byte("<<>>")
		case f.texts[m.number] && len(value) > 2 && (value[0] == '(' || value[0] == '<' && value[1] != '<'):
			with = []byte("()")
		}
		if !bytes.Equal(with, value) {
			changed++
		}
		head = fmt.Appendf(head, "%d %d ", m.number, len(body))
		body = append(append(body, with...), ' ')
		if len(body) > 2*maxObjectStream {
			return ErrBomb // members that share their bytes
		}
	}
	if changed == 0 {
		return nil
	}
	if int64(len(head)) > first {
		f.tooTight = true
		return nil
	}
	head = append(head, bytes.Repeat([]byte(" "), int(first)-len(head))...)
	anew := append(head, body...)
	if filter != "" {
		anew = pack(anew)
	} else if len(anew) < len(packed) {
		anew = append(anew, bytes.Repeat([]byte(" "), len(packed)-len(anew))...)
	}
	if f.rewrite(o, anew) {
		for range changed {
			f.r.removed(Properties)
		}
	}
	return nil
}

// pack packs as tightly as we can: it has to fit where something was packed by another program.
func pack(text []byte) []byte {
	var a, b bytes.Buffer
	if w, err := zlib.NewWriterLevel(&a, zlib.BestCompression); err == nil {
		w.Write(text) // into memory
		w.Close()
	}
	if w, err := tight.NewWriterLevel(&b, tight.BestCompression); err == nil {
		w.Write(text)
		w.Close()
	}
	if b.Len() < a.Len() {
		return b.Bytes()
	}
	return a.Bytes()
}

// picture blanks what a camera left in a JPEG that was put into a document as it is.
func (f *pdfFile) picture(data pdfSpan) {
	if !f.s.has(data.from, "\xff\xd8") {
		return
	}
	at := data.from + 2
	for range maxSegments {
		h, ok := f.s.bytes(at, 4)
		if !ok || h[0] != 0xff || h[1] == 0xda || h[1] == 0xd9 {
			return
		}
		code, size := h[1], int64(h[2])<<8|int64(h[3])
		if size < 2 || at+2+size > data.to {
			return
		}
		b, _ := f.s.bytes(at+4, int(size-2))
		isColour := code == 0xe2 && bytes.HasPrefix(b, []byte("ICC_PROFILE\x00")) || code == 0xee && bytes.HasPrefix(b, []byte("Adobe"))
		if (code > 0xe0 && code <= 0xef || code == 0xfe) && !isColour && !f.s.filled(at+4, size-2, 0) {
			part := jpegPart(code, bytes.Clone(b))
			f.ps.blank(at+4, size-2, 0)
			f.r.removed(part)
		}
		at += 2 + size
	}
}
