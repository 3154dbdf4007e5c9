package media

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/color/palette"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"slices"
	"strings"
	"unicode/utf16"
)

// canary stands in every fixture wherever a device would write about itself or its owner.
const canary = "CANARY-48.1N-11.5E-serial-0042"

var be, le = binary.BigEndian, binary.LittleEndian

// painted is a picture whose corners differ: red at the upper left, blue at the lower right.
func painted(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetNRGBA(x, y, color.NRGBA{uint8(255 - 255*x/w), uint8(90 * (x + y) / (w + h)), uint8(255 * y / h), 255})
		}
	}
	return m
}

// exifBlock is an EXIF block with an orientation and a canary.
func exifBlock(orientation int) []byte {
	b := []byte("II*\x00\x08\x00\x00\x00\x02\x00")
	b = append(b, 0x12, 0x01, 3, 0, 1, 0, 0, 0, byte(orientation), 0, 0, 0)
	b = append(b, 0x31, 0xa4, 2, 0, byte(len(canary)), 0, 0, 0, 38, 0, 0, 0)
	return append(append(b, 0, 0, 0, 0), canary...)
}

func segment(code byte, data string) []byte {
	return append([]byte{0xff, code, byte((len(data) + 2) >> 8), byte(len(data) + 2)}, data...)
}

func jpegFile(orientation int) []byte {
	var b bytes.Buffer
	jpeg.Encode(&b, painted(40, 24), nil)
	return slices.Concat([]byte{0xff, 0xd8},
		segment(0xe0, "JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x01\x01"+canary[:3]),
		segment(0xe1, "Exif\x00\x00"+string(exifBlock(orientation))),
		segment(0xe1, "http://ns.adobe.com/xap/1.0/\x00"+canary),
		segment(0xe2, "MPF\x00"+canary), segment(0xed, "Photoshop 3.0\x00"+canary), segment(0xec, canary), segment(0xfe, canary),
		b.Bytes()[2:], []byte(canary))
}

func pngFile(extra ...[]byte) []byte {
	var b bytes.Buffer
	png.Encode(&b, painted(40, 24))
	all := b.Bytes()
	chunks := append(extra, pngChunk("tEXt", []byte("Author\x00"+canary)), pngChunk("eXIf", exifBlock(8)),
		pngChunk("iTXt", []byte("XML:com.adobe.xmp\x00\x00\x00\x00\x00"+canary)), pngChunk("tIME", []byte("1234567")), pngChunk("caBX", []byte(canary)))
	return slices.Concat(all[:33], slices.Concat(chunks...), all[33:], []byte(canary))
}

func gifFile(frames int) []byte {
	g := &gif.GIF{Config: image.Config{Width: 20, Height: 10}}
	for i := range frames {
		m := image.NewPaletted(image.Rect(0, 0, 20, 10), palette.WebSafe)
		m.SetColorIndex(i%20, 3, 77)
		g.Image, g.Delay = append(g.Image, m), append(g.Delay, 10)
	}
	var b bytes.Buffer
	gif.EncodeAll(&b, g)
	all := b.Bytes()
	at := 13 + int(colours(all[10]))
	block := func(label byte, head, data string) []byte {
		return append([]byte{0x21, label}, head+string(rune(len(data)))+data+"\x00"...)
	}
	return slices.Concat(all[:at], block(0xfe, "", canary), block(0xff, "\x0bXMP DataXMP", canary), all[at:], []byte(canary))
}

func riff(name string, data []byte) []byte {
	b := le.AppendUint32([]byte(name), uint32(len(data)))
	b = append(b, data...)
	return append(b, make([]byte, len(data)&1)...)
}

// losslessDot is the coded picture of one pixel.
func losslessDot() []byte {
	b, _ := base64.StdEncoding.DecodeString("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")
	return b[20:33]
}

func webpFile(moving bool) []byte {
	flags, body := byte(webpXMP|webpEXIF), riff("VP8L", losslessDot())
	if moving {
		flags |= webpAnimated
		frame := slices.Concat(make([]byte, 16), riff("VP8L", losslessDot()), riff("junk", []byte(canary)))
		body = slices.Concat(riff("ANIM", make([]byte, 6)), riff("ANMF", frame), riff("ANMF", frame))
	}
	all := slices.Concat([]byte("WEBP"), riff("VP8X", []byte{flags, 0, 0, 0, 0, 0, 0, 0, 0, 0}), body,
		riff("EXIF", exifBlock(3)), riff("XMP ", []byte(canary)), riff("PACK", []byte(canary)))
	return append(riff("RIFF", all), canary...)
}

func boxOf(kind string, parts ...[]byte) []byte {
	data := slices.Concat(parts...)
	return append(append(be.AppendUint32(nil, uint32(8+len(data))), kind...), data...)
}

func u32s(list ...uint32) (b []byte) {
	for _, v := range list {
		b = be.AppendUint32(b, v)
	}
	return b
}

// filmFile is a film of one sample per track, with a track of positions beside it.
func filmFile(brand, codec string, withPicture bool) []byte {
	handler := func(kind string) []byte {
		return boxOf("hdlr", u32s(0, 0), []byte(kind), make([]byte, 12), []byte(canary+"\x00"))
	}
	ftyp := boxOf("ftyp", []byte(brand), u32s(0), []byte("isom"))
	samples := []string{"picture sample", "sound sample", canary}
	var moov []byte
	for range 2 { // the second time with the places known
		at := uint32(len(ftyp) + len(moov) + 8)
		trak := func(i int, kind string, entry []byte) []byte {
			start := at
			for _, s := range samples[:i] {
				start += uint32(len(s))
			}
			stbl := boxOf("stbl", boxOf("stsd", u32s(0, 1), entry), boxOf("stsc", u32s(0, 1, 1, 1, 1)),
				boxOf("stsz", u32s(0, 0, 1, uint32(len(samples[i])))), boxOf("stco", u32s(0, 1, start)))
			header := slices.Concat(u32s(0, 7777, 8888, uint32(i+1), 0, 5000), make([]byte, 16), u32s(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000, 64<<16, 48<<16))
			return boxOf("trak", boxOf("tkhd", header), boxOf("mdia", boxOf("mdhd", u32s(0, 7777, 8888, 1000, 5000, 0)), handler(kind), boxOf("minf", stbl)),
				boxOf("udta", []byte(canary)))
		}
		visual := boxOf(codec, make([]byte, 24), []byte{0, 64, 0, 48}, make([]byte, 14), []byte((canary + strings.Repeat("\x00", 32))[:32]), make([]byte, 4))
		parts := [][]byte{boxOf("mvhd", u32s(0, 7777, 8888, 1000, 5000), make([]byte, 80))}
		if withPicture {
			parts = append(parts, trak(0, "vide", visual))
		}
		parts = append(parts, trak(1, "soun", boxOf("mp4a", make([]byte, 28))), trak(2, "meta", boxOf("mebx", make([]byte, 8))),
			boxOf("udta", boxOf("\xa9xyz", []byte(canary))), boxOf("meta", []byte(canary)), boxOf("free", []byte(canary)))
		moov = boxOf("moov", parts...)
	}
	return slices.Concat(ftyp, moov, boxOf("mdat", []byte(strings.Join(samples, ""))), boxOf("uuid", []byte(canary)), boxOf("free", []byte(canary)))
}

func oggPage(flags byte, granule uint64, number uint32, data []byte, lacing ...byte) []byte {
	b := append([]byte("OggS\x00"), flags)
	b = le.AppendUint64(b, granule)
	b = append(le.AppendUint32(le.AppendUint32(b, 99), number), 0, 0, 0, 0, byte(len(lacing)))
	b = append(append(b, lacing...), data...)
	le.PutUint32(b[22:], oggSum(0, b))
	return b
}

func oggFile() []byte {
	tags := "OpusTags" + string(le.AppendUint32(nil, uint32(len(canary)))) + canary + "\x00\x00\x00\x00" + strings.Repeat("p", 400)
	head := "OpusHead\x01\x01\x38\x01\x80\xbb\x00\x00\x00\x00\x00"
	return slices.Concat(oggPage(2, 0, 0, []byte(head), byte(len(head))),
		oggPage(0, 1<<64-1, 1, []byte(tags[:255]), 255), oggPage(1, 0, 2, []byte(tags[255:]), byte(len(tags)-255)),
		oggPage(0, 48000, 3, []byte("first sound"), 11), oggPage(4, 96312, 4, []byte("second sound"), 12), []byte(canary))
}

func mp3File() []byte {
	tag := append([]byte("ID3\x04\x00\x00\x00\x00\x00"), byte(len(canary)))
	frame := append([]byte{0xff, 0xfb, 0x90, 0x00}, make([]byte, 413)...)
	last := append([]byte("TAG"+canary), make([]byte, 125-len(canary))...)
	ape := append([]byte("APETAGEX"+canary), make([]byte, 32)...)
	return slices.Concat(tag, []byte(canary), bytes.Repeat(frame, 5), ape, last)
}

func aacFile() []byte {
	frame := append([]byte{0xff, 0xf1, 0x50, 0x80, 0x02, 0x1f, 0xfc}, make([]byte, 9)...)
	tag := append([]byte("ID3\x04\x00\x00\x00\x00\x00"), byte(len(canary)))
	return slices.Concat(tag, []byte(canary), bytes.Repeat(frame, 50), []byte(canary))
}

func amrFile() []byte {
	frame := append([]byte{0x3c}, make([]byte, 31)...)
	return slices.Concat([]byte("#!AMR\n"), bytes.Repeat(frame, 50), []byte("\xff"+canary))
}

func deflated(text string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	return b.String()
}

func streamOf(dict, data string) string {
	return fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", dict, len(data), data)
}

const page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>"

// pdfClassic is a document with a table of objects.
func pdfClassic(extra ...string) []byte {
	objects := append([]string{"<< /Type /Catalog /Pages 2 0 R /Metadata 6 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>", page,
		streamOf("", "0 0 m (endobj) Tj"),
		"<< /Author (" + canary + " \\) (x)) /Title <" + fmt.Sprintf("%x", canary) + "> /Producer 7 0 R /CreationDate (D:2024) >>",
		streamOf("/Type /Metadata /Subtype /XML", "<x:xmpmeta>"+canary+"</x:xmpmeta>"), "(" + canary + ")",
		streamOf("/Subtype /Image /Filter /DCTDecode", string(jpegFile(6)[:len(jpegFile(6))-len(canary)])),
		streamOf("/Type /Metadata /Subtype /XML /Filter /FlateDecode", deflated("<x:xmpmeta>"+canary+"</x:xmpmeta>")),
	}, extra...)
	out := "%PDF-1.5\n%\xe2\xe3\xcf\xd3\n"
	table := fmt.Sprintf("xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for i, o := range objects {
		table += fmt.Sprintf("%010d 00000 n \n", len(out))
		out += fmt.Sprintf("%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	return fmt.Appendf(nil, "%s%strailer\n<< /Size %d /Root 1 0 R /Info 5 0 R >>\nstartxref\n%d\n%%%%EOF\n%s", out, table, len(objects)+1, len(out), "PK\x03\x04"+canary)
}

// pdfPacked is a document whose objects, its description among them, stand in an object stream.
func pdfPacked() []byte {
	members := []string{"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>", page,
		"<< /Author (" + canary + ") /Title 6 0 R >>", "(" + canary + ")"}
	numbers := []int{1, 2, 3, 5, 6}
	head, body := "", ""
	for i, m := range members {
		head += fmt.Sprintf("%d %d ", numbers[i], len(body))
		body += m + "\n"
	}
	out := "%PDF-1.5\n4 0 obj\n" + streamOf("", "0 0 m") + "\nendobj\n7 0 obj\n" +
		streamOf(fmt.Sprintf("/Type /ObjStm /N %d /First %d /Filter /FlateDecode", len(members), len(head)), deflated(head+body)) + "\nendobj\n"
	at := len(out)
	return fmt.Appendf(nil, "%s8 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF", out,
		streamOf("/Type /XRef /Size 9 /W [1 2 1] /Root 1 0 R /Info 5 0 R /Filter /FlateDecode", deflated("rows")), at)
}

type zipEntry struct{ name, data string }

func zipFile(entries ...zipEntry) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	w.SetComment(canary)
	for _, e := range entries {
		method := zip.Deflate
		if e.name == "mimetype" {
			method = zip.Store
		}
		f, _ := w.CreateHeader(&zip.FileHeader{Name: e.name, Method: method, Comment: canary, Extra: append([]byte{0x99, 0x99, byte(len(canary)), 0}, canary...)})
		io.WriteString(f, e.data)
	}
	w.Close()
	return b.Bytes()
}

func wordFile(extra ...zipEntry) []byte {
	const office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
	const pack = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/"
	return zipFile(append([]zipEntry{
		{"[Content_Types].xml", `<?xml version="1.0" encoding="UTF-8"?><Types><Default Extension="rels" ContentType="r"/>` +
			`<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/>` +
			`<Override PartName="/docProps/core.xml" ContentType="c"/><Override PartName="/docProps/app.xml" ContentType="a"></Override></Types>`},
		{"_rels/.rels", `<Relationships><Relationship Id="1" Type="` + office + `officeDocument" Target="word/document.xml"/>` +
			`<Relationship Id="2" Type="` + pack + `core-properties" Target="docProps/core.xml"/><Relationship Id="3" Type="` + office + `extended-properties" Target="/docProps/app.xml"/>` +
			`<Relationship Id="4" Type="` + pack + `thumbnail" Target="preview/thumbnail.jpeg"/></Relationships>`},
		{"word/document.xml", "<w:document>what was written</w:document>"},
		{"docProps/core.xml", "<dc:creator>" + canary + "</dc:creator>"}, {"docProps/app.xml", canary}, {"preview/thumbnail.jpeg", canary},
		{"word/media/image1.jpg", string(jpegFile(1))},
	}, extra...)...)
}

func openDocumentFile(manifest string) []byte {
	return zipFile(zipEntry{"mimetype", mimeODT}, zipEntry{"content.xml", "<content>what was written</content>"}, zipEntry{"meta.xml", canary},
		zipEntry{"Thumbnails/thumbnail.png", canary}, zipEntry{"META-INF/manifest.xml", manifest})
}

// oleFile is a workbook of the old generation: a small stream of properties and a large one of records.
func oleFile(streams ...string) []byte {
	if streams == nil {
		streams = []string{"Workbook"}
	}
	const sector = 512
	record := func(kind uint16, data string) []byte {
		return append(le.AppendUint16(le.AppendUint16(nil, kind), uint16(len(data))), data...)
	}
	book := slices.Concat(record(0x809, strings.Repeat("\x00", 16)), record(0x5c, (canary + strings.Repeat(" ", 112))[:112]), record(0x0a, ""))
	book = append(book, make([]byte, 4096-len(book))...)
	summary := append([]byte("\xfe\xff"), make([]byte, 126)...)
	copy(summary[60:], canary)
	// Sectors: 0 table, 1 directory, 2 table of small streams, 3 small streams, 4 to 11 the book, 12 more directory.
	fat := make([]uint32, 128)
	for i := range fat {
		fat[i] = 0xffffffff
	}
	fat[0], fat[1], fat[2], fat[3], fat[12] = 0xfffffffd, 12, 0xfffffffe, 0xfffffffe, 0xfffffffe
	for i := 4; i < 12; i++ {
		fat[i] = uint32(i + 1)
	}
	fat[11] = 0xfffffffe
	entry := func(name string, kind byte, start uint32, size int) []byte {
		e := make([]byte, 128)
		for i, u := range utf16.Encode([]rune(name)) {
			le.PutUint16(e[2*i:], u)
		}
		le.PutUint16(e[64:], uint16(2*len(name)+2))
		e[66] = kind
		copy(e[100:116], "\x01\x02\x03\x04\x05\x06\x07\x08\x01\x02\x03\x04\x05\x06\x07\x08")
		if kind == 2 {
			clear(e[100:116])
		}
		le.PutUint32(e[116:], start)
		le.PutUint32(e[120:], uint32(size))
		return e
	}
	dir := slices.Concat(entry("Root Entry", 5, 3, 512), entry("\x05SummaryInformation", 2, 0, 128))
	for _, name := range streams {
		dir = append(dir, entry(name, 2, 4, 4096)...)
	}
	dir = append(dir, make([]byte, 2*sector-len(dir))...)
	mini := slices.Concat(le.AppendUint32(le.AppendUint32(nil, 1), 0xfffffffe), bytes.Repeat([]byte{0xff}, sector-8))
	h := make([]byte, sector)
	copy(h, oleMagic)
	for at, v := range map[int]uint32{24: 0x0003003e, 28: 0x0009fffe, 44: 1, 48: 1, 56: 4096, 60: 2, 64: 1, 68: 0xfffffffe, 76: 0} {
		le.PutUint32(h[at:], v)
	}
	le.PutUint16(h[32:], 6)
	for at := 80; at < sector; at += 4 {
		le.PutUint32(h[at:], 0xffffffff)
	}
	var table []byte
	for _, v := range fat {
		table = le.AppendUint32(table, v)
	}
	small := append(summary, make([]byte, sector-len(summary))...)
	return slices.Concat(h, table, dir[:sector], mini, small, book, dir[sector:])
}

// unpacked is everything somebody could find in a file: its bytes, and what is packed in them.
func unpacked(file []byte) []byte {
	all := bytes.Clone(file)
	if zr, err := zip.NewReader(bytes.NewReader(file), int64(len(file))); err == nil {
		for _, f := range zr.File {
			if r, err := f.Open(); err == nil {
				data, _ := io.ReadAll(r)
				all = append(all, unpacked(data)...)
			}
		}
	}
	for rest := file; bytes.HasPrefix(file, []byte("%PDF")); {
		_, after, ok := bytes.Cut(rest, []byte("stream\n"))
		if !ok {
			break
		}
		if r, err := zlib.NewReader(bytes.NewReader(after)); err == nil {
			data, _ := io.ReadAll(r)
			all = append(all, data...)
		}
		rest = after
	}
	return all
}
