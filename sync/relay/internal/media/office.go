package media

import (
	"archive/zip"
	"bytes"
	"cmp"
	"compress/flate"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path"
	"slices"
	"strings"
)

const (
	mimeDOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	mimeXLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	mimePPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
	mimeODT  = "application/vnd.oasis.opendocument.text"
	mimeODS  = "application/vnd.oasis.opendocument.spreadsheet"
	mimeODP  = "application/vnd.oasis.opendocument.presentation"
)

const (
	maxEntries     = 20_000
	maxDirectory   = 8 * mebi   // of an archive
	maxUnpacked    = 512 * mebi // of all entries together
	maxUnpackRatio = 150        // above smallUnpacked; a large sheet has about thirty
	smallUnpacked  = 32 * mebi
	maxPart        = 4 * mebi  // of a part that lists other parts
	maxRewritten   = 64 * mebi // of all entries that are written anew, which are kept in memory
	maxNesting     = 3         // documents within documents: a chart's sheet within a text is one
)

// An archive is a document that is a zip file.
type archive struct {
	s    *source
	r    *Report
	zip  *zip.Reader
	drop map[string]bool   // entries that go
	anew map[string][]byte // entries with other contents
	kept int               // bytes in anew
}

func cleanZip(s *source, r *Report, p *plan, d Declared) error {
	if s.deep > maxNesting {
		return ErrBomb
	}
	if !smallDirectory(s) {
		return ErrBomb
	}
	zr, err := zip.NewReader(s, s.size)
	if err != nil {
		return fmt.Errorf("reading an archive's list: %w", ErrBroken)
	}
	a := &archive{s: s, r: r, zip: zr, drop: map[string]bool{}, anew: map[string][]byte{}}
	known, err := a.name()
	if err != nil {
		return err
	}
	if !known {
		p.keep(0, s.size)
		r.State, r.MIME = Opaque, octets
		return nil
	}
	if err := a.check(); err != nil {
		return err
	}
	switch {
	case r.State == Locked:
	case a.find("[Content_Types].xml") != nil:
		err = a.openXML()
	default:
		err = a.openDocument()
	}
	if err == nil {
		err = a.embedded()
	}
	if err != nil {
		return err
	}
	return a.write(p)
}

// smallDirectory bounds the memory the list of an archive takes before anybody reads it.
func smallDirectory(s *source) bool {
	n := min(s.size, 22+0xffff)
	tail, ok := s.all(s.size-n, n)
	if !ok {
		return true // the error sticks
	}
	for i := bytes.LastIndex(tail, []byte("PK\x05\x06")); i >= 0; i = bytes.LastIndex(tail[:i], []byte("PK\x05\x06")) {
		if len(tail)-i < 22 {
			continue
		}
		// The largest sizes say that the true ones stand elsewhere. A document of a hundred megabytes has no use for that.
		if binary.LittleEndian.Uint16(tail[i+10:]) > maxEntries || binary.LittleEndian.Uint32(tail[i+12:]) > maxDirectory {
			return false
		}
	}
	return true
}

func (a *archive) find(name string) *zip.File {
	for _, f := range a.zip.File {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// name finds out which document the archive is, and reports false for one that is none or that is not known here.
func (a *archive) name() (known bool, err error) {
	has := map[string]bool{}
	scripts := false
	for _, f := range a.zip.File {
		has[f.Name] = true
		low := strings.ToLower(f.Name)
		scripts = scripts || path.Base(low) == "vbaproject.bin" || strings.HasPrefix(f.Name, "Basic/") || strings.HasPrefix(f.Name, "Scripts/")
	}
	if f := a.find("[Content_Types].xml"); f != nil {
		types, err := a.read(f)
		if err != nil {
			return false, err
		}
		low := bytes.ToLower(types)
		for _, t := range []struct{ sign, mime string }{
			{"wordprocessingml.document.main+xml", mimeDOCX},
			{"wordprocessingml.template.main+xml", "application/vnd.openxmlformats-officedocument.wordprocessingml.template"},
			{"spreadsheetml.sheet.main+xml", mimeXLSX},
			{"spreadsheetml.template.main+xml", "application/vnd.openxmlformats-officedocument.spreadsheetml.template"},
			{"presentationml.presentation.main+xml", mimePPTX},
			{"presentationml.slideshow.main+xml", "application/vnd.openxmlformats-officedocument.presentationml.slideshow"},
			{"presentationml.template.main+xml", "application/vnd.openxmlformats-officedocument.presentationml.template"},
			{"vnd.ms-word.document.macroenabled", mimeDOCX}, {"vnd.ms-word.template.macroenabled", mimeDOCX},
			{"vnd.ms-excel.sheet.macroenabled", mimeXLSX}, {"vnd.ms-excel.template.macroenabled", mimeXLSX},
			{"vnd.ms-excel.addin.macroenabled", mimeXLSX}, {"vnd.ms-excel.sheet.binary.macroenabled", mimeXLSX},
			{"vnd.ms-powerpoint", mimePPTX},
		} {
			if bytes.Contains(low, []byte(t.sign)) {
				a.r.MIME = t.mime
				if scripts || bytes.Contains(low, []byte("macroenabled")) {
					a.r.Danger = Macros
				}
				return true, nil
			}
		}
		if has["AppxManifest.xml"] || has["AppxMetadata/AppxBundleManifest.xml"] {
			a.r.Danger = Program
		}
		return false, nil
	}
	if f := a.find("mimetype"); f != nil && f.UncompressedSize64 < 100 {
		mime, err := a.read(f)
		if m := string(bytes.TrimSpace(mime)); err == nil && (m == mimeODT || m == mimeODS || m == mimeODP) {
			a.r.MIME = m
			if scripts {
				a.r.Danger = Macros
			}
			return true, nil
		}
	}
	if has["META-INF/MANIFEST.MF"] || has["AndroidManifest.xml"] || has["classes.dex"] {
		a.r.Danger = Program
	}
	return false, nil
}

// check unpacks every entry once: its length and sum must be what the list says, and no two may share bytes.
func (a *archive) check() error {
	if len(a.zip.File) > maxEntries {
		return ErrBomb
	}
	type span struct{ from, to int64 }
	var spans []span
	seen := map[string]bool{}
	var total uint64
	for _, f := range a.zip.File {
		key := strings.ToLower(f.Name)
		if seen[key] || f.Flags&1 != 0 || strings.HasPrefix(f.Name, "/") || strings.Contains(f.Name, "..") || strings.Contains(f.Name, "\\") {
			return ErrBroken
		}
		seen[key] = true
		if f.UncompressedSize64 > maxUnpacked || f.CompressedSize64 > uint64(a.s.size) {
			return ErrBomb
		}
		total += f.UncompressedSize64
		if total > maxUnpacked || total > smallUnpacked && total/uint64(a.s.size) > maxUnpackRatio {
			return ErrBomb
		}
		off, err := f.DataOffset()
		if err != nil {
			return ErrBroken
		}
		if off > a.s.size-int64(f.CompressedSize64) {
			return ErrBroken
		}
		spans = append(spans, span{f0(f, off), off + int64(f.CompressedSize64)})
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	for i := 1; i < len(spans); i++ {
		if spans[i].from < spans[i-1].to {
			return ErrBomb
		}
	}
	for _, f := range a.zip.File {
		if err := a.unpack(f, io.Discard); err != nil {
			return err
		}
	}
	return nil
}

// f0 is where at the latest the header of an entry begins.
func f0(f *zip.File, data int64) int64 { return data - 30 - int64(len(f.Name)) }

func (a *archive) unpack(f *zip.File, to io.Writer) error {
	in, err := f.Open()
	if err != nil {
		return fmt.Errorf("opening an archive's entry: %w", ErrBroken)
	}
	defer in.Close()
	n, err := io.Copy(to, io.LimitReader(in, int64(f.UncompressedSize64)+1))
	if err != nil || uint64(n) != f.UncompressedSize64 {
		return fmt.Errorf("unpacking an archive's entry: %w", ErrBroken)
	}
	return nil
}

func (a *archive) read(f *zip.File) ([]byte, error) {
	if f.UncompressedSize64 > maxPart {
		return nil, ErrBomb
	}
	var b bytes.Buffer
	err := a.unpack(f, &b)
	return b.Bytes(), err
}

func (a *archive) replace(name string, data []byte) {
	a.anew[name] = data
	a.kept += len(data)
}

// openXML drops the parts that describe a document (ECMA-376 part 2, clause 8 and annex C) and every mention of them.
func (a *archive) openXML() error {
	relations := a.find("_rels/.rels")
	types := a.find("[Content_Types].xml")
	if relations == nil {
		return ErrBroken
	}
	list, err := a.read(relations)
	if err != nil {
		return err
	}
	named, err := a.read(types)
	if err != nil {
		return err
	}
	if isWide(list) || isWide(named) {
		a.r.State = Locked
		return nil
	}
	for _, f := range a.zip.File {
		if strings.HasPrefix(strings.ToLower(f.Name), "docprops/") {
			a.drop[f.Name] = true
		}
	}
	list, cut, err := dropElements(list, "Relationship", func(attr map[string]string) bool {
		target := strings.TrimPrefix(path.Clean("/"+attr["Target"]), "/")
		for _, kind := range []string{"/core-properties", "/extended-properties", "/custom-properties", "/metadata/thumbnail"} {
			if strings.HasSuffix(attr["Type"], kind) {
				if a.find(target) != nil {
					a.drop[target] = true
				}
				return true
			}
		}
		return a.drop[target]
	})
	if err != nil {
		return err
	}
	if cut > 0 {
		a.replace(relations.Name, list)
	}
	named, cut, err = dropElements(named, "Override", func(attr map[string]string) bool {
		return a.drop[strings.TrimPrefix(attr["PartName"], "/")] || strings.HasPrefix(strings.ToLower(attr["PartName"]), "/docprops/")
	})
	if err != nil {
		return err
	}
	if cut > 0 {
		a.replace(types.Name, named)
	}
	for name := range a.drop {
		if strings.Contains(name, "thumbnail") {
			a.r.removed(Thumbnail)
		} else {
			a.r.removed(Properties)
		}
	}
	return nil
}

// dropElements cuts elements out of a text and leaves every other byte.
func dropElements(text []byte, name string, drop func(attr map[string]string) bool) (out []byte, cut int, err error) {
	dec := xml.NewDecoder(bytes.NewReader(text))
	kept := int64(0)
	for depth := 0; ; {
		from := dec.InputOffset()
		t, err := dec.Token()
		if err == io.EOF {
			return append(out, text[kept:]...), cut, nil
		}
		if err != nil {
			return nil, 0, ErrBroken
		}
		switch t := t.(type) {
		case xml.StartElement:
			if depth++; depth > 64 {
				return nil, 0, ErrBomb
			}
			attr := map[string]string{}
			for _, at := range t.Attr {
				attr[at.Name.Local] = at.Value
			}
			if depth == 2 && t.Name.Local == name && drop(attr) {
				if dec.Skip() != nil {
					return nil, 0, ErrBroken
				}
				depth--
				out = append(out, text[kept:from]...)
				kept = dec.InputOffset()
				cut++
			}
		case xml.EndElement:
			depth--
		}
	}
}

const emptyMeta = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
	`<office:document-meta xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" office:version="1.2"><office:meta/></office:document-meta>`

// openDocument empties the part that describes a document (OpenDocument 1.3 part 2, clause 3): its manifest, which may
// be signed, keeps naming it.
func (a *archive) openDocument() error {
	if f := a.find("META-INF/manifest.xml"); f != nil {
		list, err := a.read(f)
		if err != nil {
			return err
		}
		if bytes.Contains(list, []byte("encryption-data")) {
			a.r.State = Locked
			return nil
		}
	}
	if f := a.find("meta.xml"); f != nil {
		have, err := a.read(f)
		if err != nil {
			return err
		}
		if string(have) != emptyMeta {
			a.replace(f.Name, []byte(emptyMeta))
			a.r.removed(Properties)
		}
	}
	for _, f := range a.zip.File {
		if strings.HasPrefix(f.Name, "Thumbnails/") && f.UncompressedSize64 > 0 {
			a.replace(f.Name, nil)
			a.r.removed(Thumbnail)
		}
	}
	return nil
}

// embedded cleans the pictures and documents within a document: they come from cameras and computers, too.
func (a *archive) embedded() error {
	for _, f := range a.zip.File {
		switch strings.ToLower(path.Ext(f.Name)) {
		case ".jpg", ".jpeg", ".png", ".gif", ".webp", ".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp", ".doc", ".xls", ".ppt":
		default:
			continue
		}
		if _, done := a.anew[f.Name]; done || a.drop[f.Name] || f.UncompressedSize64 == 0 {
			continue
		}
		if f.UncompressedSize64 > maxPictureBytes || a.kept > maxRewritten {
			a.r.State = Locked
			continue
		}
		var b bytes.Buffer
		if err := a.unpack(f, &b); err != nil {
			return err
		}
		s := &source{ctx: a.s.ctx, r: bytes.NewReader(b.Bytes()), size: int64(b.Len()), deep: a.s.deep + 1}
		found := sniff(s, false)
		if !found.isPicture() && found.family != familyZip && found.family != familyOLE {
			continue
		}
		inner, p := Report{State: Cleaned, MIME: found.mime}, &plan{src: s}
		err := found.clean(s, &inner, p, Declared{Kind: Document, Inbound: true})
		if s.err != nil {
			return s.err
		}
		if errors.Is(err, ErrBomb) {
			return err
		}
		if inner.Danger == Macros && a.r.Danger == "" {
			a.r.Danger = Macros
		}
		if err != nil || len(inner.Removed) == 0 {
			continue // what cannot be read there is not shown there either
		}
		clean, err := p.bytes()
		if err != nil {
			return err
		}
		a.replace(f.Name, clean)
		for _, rem := range inner.Removed {
			for range rem.Count {
				a.r.removed(rem.Part)
			}
		}
	}
	return nil
}

// write plans a new archive: the entries as they were packed, without the times, owners and comments archives keep.
func (a *archive) write(p *plan) error {
	var list []byte
	count := 0
	for _, f := range a.zip.File {
		if a.drop[f.Name] {
			continue
		}
		method, sum, packed, unpacked := f.Method, f.CRC32, int64(f.CompressedSize64), int64(f.UncompressedSize64)
		data, isNew := a.anew[f.Name]
		if isNew {
			sum, unpacked = crc32.ChecksumIEEE(data), int64(len(data))
			if method != zip.Store {
				var b bytes.Buffer
				w, err := flate.NewWriter(&b, flate.BestCompression)
				if err != nil {
					return err
				}
				if _, err := w.Write(data); err != nil {
					return err
				}
				if err := w.Close(); err != nil {
					return err
				}
				data = b.Bytes()
			}
			packed = int64(len(data))
		}
		off := p.size
		var h []byte
		h = binary.LittleEndian.AppendUint16(h, 20)
		h = binary.LittleEndian.AppendUint16(h, f.Flags&0x800)
		h = binary.LittleEndian.AppendUint16(h, method)
		h = append(h, 0, 0, 0x21, 0) // 1 January 1980, the format's first day
		h = binary.LittleEndian.AppendUint32(h, sum)
		h = binary.LittleEndian.AppendUint32(h, uint32(packed))
		h = binary.LittleEndian.AppendUint32(h, uint32(unpacked))
		h = binary.LittleEndian.AppendUint16(h, uint16(len(f.Name)))
		h = append(h, 0, 0)
		p.put(slices.Concat([]byte("PK\x03\x04"), h, []byte(f.Name)))
		list = append(append(list, "PK\x01\x02\x14\x00"...), h...)
		list = append(list, make([]byte, 10)...) // no comment, no owner
		list = binary.LittleEndian.AppendUint32(list, uint32(off))
		list = append(list, f.Name...)
		count++
		if isNew {
			p.put(data)
			continue
		}
		at, err := f.DataOffset()
		if err != nil {
			return ErrBroken
		}
		p.keep(at, packed)
	}
	off := p.size
	p.put(list)
	end := []byte("PK\x05\x06\x00\x00\x00\x00")
	end = binary.LittleEndian.AppendUint16(end, uint16(count))
	end = binary.LittleEndian.AppendUint16(end, uint16(count))
	end = binary.LittleEndian.AppendUint32(end, uint32(len(list)))
	end = binary.LittleEndian.AppendUint32(end, uint32(off))
	p.put(append(end, 0, 0))
	if a.zip.Comment != "" {
		a.r.removed(Comment)
	}
	return nil
}
