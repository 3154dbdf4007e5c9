package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func run(t testing.TB, file []byte, d Declared) ([]byte, Report, error) {
	t.Helper()
	var out bytes.Buffer
	rep, err := clean(t.Context(), &out, bytes.NewReader(file), int64(len(file)), d)
	if err == nil && rep.Size != int64(out.Len()) {
		t.Errorf("reported %d bytes, wrote %d", rep.Size, out.Len())
	}
	if err != nil && out.Len() > 0 {
		t.Errorf("wrote %d bytes of a file it refused", out.Len())
	}
	return out.Bytes(), rep, err
}

type fixture struct {
	name    string
	file    []byte
	d       Declared
	mime    string
	removed []Part
	content string // must still be there
}

func fixtures() []fixture {
	doc := func(mime, name string) Declared { return Declared{Kind: Document, MIME: mime, Name: name} }
	in := func(k Kind) Declared { return Declared{Kind: k, Inbound: true} }
	film := []Part{Other, Times, Track, UserData}
	return []fixture{
		{"jpeg", jpegFile(6), Declared{Kind: Image, MIME: "image/jpeg"}, "image/jpeg", []Part{Comment, EXIF, IPTC, Other, Thumbnail, Trailing, XMP}, ""},
		{"jpeg as a document", jpegFile(1), Declared{Kind: Document, MIME: "image/jpeg", Inbound: true}, "image/jpeg", []Part{Comment, EXIF, IPTC, Other, Thumbnail, Trailing, XMP}, ""},
		{"png", pngFile(), Declared{Kind: Image, MIME: "image/png"}, "image/png", []Part{Comment, EXIF, Other, Times, Trailing, XMP}, "IDAT"},
		{"gif", gifFile(1), in(Image), "image/gif", []Part{Comment, Trailing, XMP}, ""},
		{"moving gif", gifFile(3), in(Image), "image/gif", []Part{Comment, Trailing, XMP}, "NETSCAPE2.0"},
		{"webp", webpFile(false), Declared{Kind: Sticker, MIME: "image/webp"}, "image/webp", []Part{EXIF, Other, Trailing, XMP}, string(losslessDot())},
		{"moving webp", webpFile(true), Declared{Kind: Sticker}, "image/webp", []Part{EXIF, Other, Trailing, XMP}, string(losslessDot())},
		{"mp4", filmFile("isom", "avc1", true), Declared{Kind: Video, MIME: "video/mp4"}, "video/mp4", film, "picture samplesound sample"},
		{"3gp", filmFile("3gp4", "avc1", true), Declared{Kind: Video, MIME: "video/3gpp"}, "video/3gpp", film, "picture samplesound sample"},
		{"mov", filmFile("qt  ", "hvc1", true), in(Video), "video/quicktime", film, "picture samplesound sample"},
		{"m4a", filmFile("M4A ", "", false), Declared{Kind: Audio, MIME: "audio/mp4"}, "audio/mp4", film, "sound sample"},
		{"ogg voice", oggFile(), Declared{Kind: Voice, MIME: "audio/ogg; codecs=opus"}, "audio/ogg", []Part{Tags, Trailing}, "second sound"},
		{"mp3", mp3File(), Declared{Kind: Audio, MIME: "audio/mpeg"}, "audio/mpeg", []Part{Tags}, ""},
		{"aac", aacFile(), Declared{Kind: Audio, MIME: "audio/aac"}, "audio/aac", []Part{Tags, Trailing}, ""},
		{"amr", amrFile(), Declared{Kind: Audio, MIME: "audio/amr"}, "audio/amr", []Part{Trailing}, ""},
		{"pdf", pdfClassic(), doc("application/pdf", "a.pdf"), "application/pdf", []Part{Comment, EXIF, IPTC, Other, Properties, Trailing, XMP}, "0 0 m (endobj) Tj"},
		{"pdf with packed objects", pdfPacked(), doc("application/pdf", "a.pdf"), "application/pdf", []Part{Properties}, "/Type /Page /Parent"},
		{"docx", wordFile(), doc(mimeDOCX, "a.docx"), mimeDOCX, []Part{Comment, EXIF, IPTC, Other, Properties, Thumbnail, Trailing, XMP}, "what was written"},
		{"docx in docx", wordFile(zipEntry{"word/embeddings/a.docx", string(wordFile())}), doc(mimeDOCX, "a.docx"), mimeDOCX,
			[]Part{Comment, EXIF, IPTC, Other, Properties, Thumbnail, Trailing, XMP}, "what was written"},
		{"odt", openDocumentFile("<m/>"), Declared{Kind: Document, MIME: mimeODT, Inbound: true}, mimeODT, []Part{Comment, Properties, Thumbnail}, "what was written"},
		{"xls", oleFile(), doc("application/vnd.ms-excel", "a.xls"), "application/vnd.ms-excel", []Part{Properties, Times}, ""},
		{"csv", []byte("a;b\n1;2\n"), doc("text/csv", "a.csv"), "text/plain", nil, "1;2"},
		{"text", []byte("Grüße, see <script> in chapter 2"), doc("text/plain", "a.txt"), "text/plain", nil, "Grüße"},
	}
}

func TestWhatADeviceAddedIsGone(t *testing.T) {
	for _, f := range fixtures() {
		t.Run(f.name, func(t *testing.T) {
			if f.removed != nil && !bytes.Contains(unpacked(f.file), []byte(canary)) {
				t.Fatal("the fixture has no canary")
			}
			out, rep, err := run(t, f.file, f.d)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(unpacked(out), []byte(canary)) || bytes.Contains(unpacked(out), fmt.Appendf(nil, "%x", canary)) {
				t.Errorf("a canary came through: %+v", rep.Removed)
			}
			if !bytes.Contains(unpacked(out), []byte(f.content)) {
				t.Error("the content did not come through")
			}
			var parts []Part
			for _, r := range rep.Removed {
				parts = append(parts, r.Part)
			}
			if rep.MIME != f.mime || rep.State != Cleaned || !slices.Equal(parts, f.removed) || rep.Danger != "" {
				t.Errorf("got %s, %v, %q, removed %v; want %s, removed %v", rep.MIME, rep.State, rep.Danger, parts, f.mime, f.removed)
			}
		})
	}
}

func TestCleaningTwiceChangesNothing(t *testing.T) {
	for _, f := range fixtures() {
		once, first, err := run(t, f.file, f.d)
		if err != nil {
			t.Fatal(f.name, err)
		}
		twice, second, err := run(t, once, f.d)
		if err != nil || !bytes.Equal(once, twice) || len(second.Removed) != 0 {
			t.Errorf("%s: the second time removed %v, %v, same bytes %v", f.name, second.Removed, err, bytes.Equal(once, twice))
		}
		first.Removed, second.Removed = nil, nil
		if fmt.Sprint(first) != fmt.Sprint(second) {
			t.Errorf("%s: reports differ", f.name)
		}
	}
}

func TestPixelsStay(t *testing.T) {
	for name, file := range map[string][]byte{"jpeg": jpegFile(6), "png": pngFile(), "webp": webpFile(false)} {
		out, _, err := run(t, file, Declared{Kind: Image, Inbound: true})
		if err != nil {
			t.Fatal(name, err)
		}
		a, _, err1 := image.Decode(bytes.NewReader(file))
		b, _, err2 := image.Decode(bytes.NewReader(out))
		if err1 != nil || err2 != nil || fmt.Sprintf("%T", a) != fmt.Sprintf("%T", b) || a.Bounds() != b.Bounds() {
			t.Fatal(name, err1, err2)
		}
		for y := range a.Bounds().Dy() {
			for x := range a.Bounds().Dx() {
				if a.At(x, y) != b.At(x, y) {
					t.Fatalf("%s: pixel %d,%d changed", name, x, y)
				}
			}
		}
	}
	out, rep, err := run(t, gifFile(3), Declared{Kind: Image, Inbound: true})
	if err != nil {
		t.Fatal(err)
	}
	a, _ := gif.DecodeAll(bytes.NewReader(gifFile(3)))
	b, err := gif.DecodeAll(bytes.NewReader(out))
	if err != nil || len(a.Image) != len(b.Image) || a.LoopCount != b.LoopCount || !slices.Equal(a.Delay, b.Delay) || !rep.Animated {
		t.Fatal("frames changed", err)
	}
	for i := range a.Image {
		if !bytes.Equal(a.Image[i].Pix, b.Image[i].Pix) {
			t.Error("pixels of a frame changed")
		}
	}
}

// A picture stands upright by its orientation alone: its size, its colours and the one number that stays agree.
func TestPicturesStandUpright(t *testing.T) {
	base, rep, err := run(t, jpegFile(1), Declared{Kind: Image})
	if err != nil || rep.Width != 40 || rep.Height != 24 || rep.Blur[0] != 16 || len(rep.Blur) != 1+3*16*9 || bytes.Contains(base, []byte("Exif")) {
		t.Fatal(rep, err)
	}
	// Where red, the corner that was at the upper left, has to be seen: x and y from 0 to 1.
	for o, at := range map[int][2]int{1: {0, 0}, 2: {1, 0}, 3: {1, 1}, 4: {0, 1}, 5: {0, 0}, 6: {1, 0}, 7: {1, 1}, 8: {0, 1}} {
		out, rep, err := run(t, jpegFile(o), Declared{Kind: Image})
		if err != nil || rep.Orientation != o {
			t.Fatal(o, rep, err)
		}
		if o != 1 && !bytes.Contains(out, orientationOnly(o)) {
			t.Errorf("orientation %d is lost", o)
		}
		if (o >= 5) != (rep.Width == 24 && rep.Height == 40) {
			t.Errorf("orientation %d: %d x %d", o, rep.Width, rep.Height)
		}
		w := int(rep.Blur[0])
		h := (len(rep.Blur) - 1) / 3 / w
		i := 1 + 3*(at[1]*(h-1)*w+at[0]*(w-1))
		if px := rep.Blur[i : i+3]; px[0] < 200 || px[2] > 60 {
			t.Errorf("orientation %d: the red corner is not where it belongs", o)
		}
	}
}

func TestSizesAndTimesAreTold(t *testing.T) {
	for _, c := range []struct {
		file []byte
		kind Kind
		w, h int
		d    time.Duration
	}{
		{filmFile("isom", "avc1", true), Video, 64, 48, 5 * time.Second},
		{filmFile("M4A ", "", false), Audio, 0, 0, 5 * time.Second},
		{oggFile(), Voice, 0, 0, 2 * time.Second},
		{mp3File(), Audio, 0, 0, 5 * 1152 * time.Second / 44100},
		{aacFile(), Audio, 0, 0, 50 * 1024 * time.Second / 44100},
		{amrFile(), Audio, 0, 0, time.Second},
	} {
		_, rep, err := run(t, c.file, Declared{Kind: c.kind})
		if err != nil || rep.Width != c.w || rep.Height != c.h || rep.Duration != c.d {
			t.Errorf("%+v, %v", rep, err)
		}
	}
}

// Files whose parts find each other by offset must not move.
func TestOffsetsStay(t *testing.T) {
	for name, file := range map[string][]byte{"mp4": filmFile("isom", "avc1", true), "xls": oleFile()} {
		kind := Document
		out, _, err := run(t, file, Declared{Kind: kind, Inbound: true})
		if err != nil || len(out) != len(file) {
			t.Errorf("%s: %d bytes became %d, %v", name, len(file), len(out), err)
		}
	}
	out, _, err := run(t, pdfClassic(), Declared{Kind: Document})
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(out), "65535 f \n")
	for i, row := range strings.Split(table, "\n") {
		var at, gen int
		if n, _ := fmt.Sscanf(row, "%d %d n", &at, &gen); n < 2 {
			if i < 9 {
				t.Error("the table of objects changed")
			}
			break
		}
		if !bytes.HasPrefix(out[at:], fmt.Appendf(nil, "%d 0 obj", i+1)) {
			t.Errorf("object %d moved", i+1)
		}
	}
}

func TestRefused(t *testing.T) {
	cut := func(b []byte, n int) []byte { return b[:len(b)-n] }
	archive := zipFile(zipEntry{"a.sh", "#!/bin/sh"})
	jpg := cut(jpegFile(1), len(canary))
	gif1 := cut(gifFile(1), len(canary))
	exe := append([]byte("MZ"), make([]byte, 4096)...)
	out := func(k Kind) Declared { return Declared{Kind: k} }
	in := func(k Kind) Declared { return Declared{Kind: k, Inbound: true} }
	named := func(mime, name string) Declared {
		return Declared{Kind: Document, MIME: mime, Name: name, Inbound: true}
	}
	wide := pngFile()
	be.PutUint32(wide[16:], 40_000)
	be.PutUint32(wide[20:], 40_000)
	copy(wide[29:], pngChunk("IHDR", wide[16:29])[21:])
	frames := bytes.Clone(gif1)
	be.PutUint32(frames[6:], 0xffffffff) // 65,535 by 65,535
	zeros := strings.Repeat("\x00", 40*mebi)
	nested := string(wordFile())
	for range maxNesting + 1 {
		nested = string(wordFile(zipEntry{"word/embeddings/a.docx", nested}))
	}
	overlap := wordFile()
	{ // the second entry of the list points at the first one's bytes
		first := bytes.Index(overlap, []byte("PK\x01\x02"))
		second := first + 4 + bytes.Index(overlap[first+4:], []byte("PK\x01\x02"))
		copy(overlap[second+42:], overlap[first+42:first+46])
	}
	many := "%PDF-1.5\n" + strings.Repeat("1 0 obj 1 endobj\n", maxObjects+1) + "startxref\n0\n%%EOF"
	for _, c := range []struct {
		name string
		file []byte
		d    Declared
		want error
	}{
		{"no kind", jpg, Declared{}, ErrUnsupported},
		{"nothing", nil, out(Image), ErrBroken},
		{"fewer bytes than declared", jpg, Declared{Kind: Image, Size: int64(len(jpg)) + 1}, ErrBroken},
		{"more declared than allowed", jpg, Declared{Kind: Image, Size: 6 * mebi}, ErrTooLarge},
		{"a negative size", jpg, Declared{Kind: Image, Size: -1}, ErrTooLarge},
		{"a large image", append(bytes.Clone(jpg), make([]byte, 5*mebi)...), out(Image), ErrTooLarge},
		{"a large still sticker", pad(webpFile(false), 200<<10), out(Sticker), ErrTooLarge},
		{"a large moving sticker", pad(webpFile(true), 600<<10), out(Sticker), ErrTooLarge},
		{"html as image", []byte("<html><body>"), in(Image), ErrMismatch},
		{"svg as image", []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), in(Image), ErrMismatch},
		{"script as image", []byte("#!/bin/sh\nls"), in(Image), ErrMismatch},
		{"program as image", exe, in(Image), ErrMismatch},
		{"zip as jpeg", archive, in(Image), ErrMismatch},
		{"pdf as video", pdfClassic(), in(Video), ErrMismatch},
		{"image as voice", jpg, in(Voice), ErrMismatch},
		{"tiff as image", []byte("II*\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00"), in(Image), ErrUnsupported},
		{"wave as audio", []byte("RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00"), in(Audio), ErrUnsupported},
		{"gif to a customer", gif1, out(Image), ErrUnsupported},
		{"webp image to a customer", webpFile(false), out(Image), ErrUnsupported},
		{"png sticker", pngFile(), in(Sticker), ErrUnsupported},
		{"other codec to a customer", filmFile("isom", "hvc1", true), out(Video), ErrUnsupported},
		{"mp3 as voice to a customer", mp3File(), out(Voice), ErrUnsupported},
		{"html declared as image", jpg, Declared{Kind: Image, MIME: "text/html"}, ErrUnsupported},
		{"unknown document to a customer", []byte("\x01\x02\x03\x04\x05"), out(Document), ErrUnsupported},
		{"macros to a customer", wordFile(zipEntry{"word/vbaProject.bin", "x"}), out(Document), ErrUnsupported},
		{"html as pdf", []byte("<html>"), named("application/pdf", "a.pdf"), ErrMismatch},
		{"zip as pdf", archive, named("application/pdf", "a.pdf"), ErrMismatch},
		{"program as text", exe, named("text/plain", "a"), ErrMismatch},
		{"program named like a paper", exe, named("", "invoice.pdf"), ErrMismatch},
		{"script named like a picture", []byte("<html><script>"), named("", "a.jpg"), ErrMismatch},
		{"sheet as text document", oleFile(), named("application/msword", "a.doc"), ErrMismatch},
		{"plain zip as docx", archive, named(mimeDOCX, "a.docx"), ErrMismatch},
		{"archive in the colour profile of a jpeg", slices.Concat(jpg[:2], segment(0xe2, "ICC_PROFILE\x00"+string(archive)), jpg[2:]), in(Image), ErrMismatch},
		{"jpeg without its end", cut(jpg, 2), in(Image), ErrBroken},
		{"jpeg without its middle", slices.Concat(jpg[:len(jpg)-300], jpg[len(jpg)-2:]), in(Image), ErrBroken},
		{"png without its end", cut(pngFile(), len(canary)+12), in(Image), ErrBroken},
		{"png with a wrong sum", bytes.Replace(pngFile(), []byte("IDAT"), []byte("IDAT\x01"), 1), in(Image), ErrBroken},
		{"gif without its end", cut(gif1, 1), in(Image), ErrBroken},
		{"webp cut short", cut(webpFile(false), len(canary)+4), in(Sticker), ErrBroken},
		{"mp4 cut short", cut(filmFile("isom", "avc1", true), 5), in(Video), ErrBroken},
		{"mp4 without a film", filmFile("isom", "avc1", true)[:20], in(Video), ErrBroken},
		{"ogg with a wrong sum", bytes.Replace(oggFile(), []byte("first"), []byte("worst"), 1), in(Voice), ErrBroken},
		{"ogg cut short", cut(oggFile(), len(canary)+3), in(Voice), ErrBroken},
		{"amr cut short", amrFile()[:100], in(Audio), ErrBroken},
		{"pdf cut short", pdfClassic()[:900], in(Document), ErrBroken},
		{"pdf with its end in the middle", append([]byte("%PDF-1.5\n1 0 obj 1 endobj startxref 0\n%%EOF\n"), pdfClassic()[:900]...), in(Document), ErrBroken},
		{"docx cut short", cut(wordFile(), 100), in(Document), ErrBroken},
		{"docx with a wrong sum", flip(wordFile(), 40), in(Document), ErrBroken},
		{"docx with a name twice", wordFile(zipEntry{"word/Document.xml", "x"}), in(Document), ErrBroken},
		{"xls cut short", oleFile()[:1500], in(Document), ErrBroken},
		{"png of 40,000 by 40,000", wide, in(Image), ErrBomb},
		{"gif of 65,535 by 65,535", frames, in(Image), ErrBomb},
		{"jpeg of many scans", scans(jpg, maxScans+1), in(Image), ErrBomb},
		{"docx with a bomb", wordFile(zipEntry{"word/a.xml", zeros}), in(Document), ErrBomb},
		{"docx in docx in docx", []byte(nested), in(Document), ErrBomb},
		{"docx whose entries share bytes", overlap, in(Document), ErrBomb},
		{"pdf with a bomb", pdfClassic(streamOf("/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode", deflated("9 0 "+zeros))), in(Document), ErrBomb},
		{"pdf of many objects", []byte(many), in(Document), ErrBomb},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, rep, err := run(t, c.file, c.d); !errors.Is(err, c.want) {
				t.Errorf("got %v, %+v; want %v", err, rep, c.want)
			}
		})
	}
}

// pad makes a sticker large by a second, large colour profile.
func pad(file []byte, n int) []byte {
	body := slices.Concat(file[12:30], riff("ICCP", make([]byte, n)), file[30:len(file)-len(canary)])
	return riff("RIFF", append([]byte("WEBP"), body...))
}

func flip(file []byte, at int) []byte {
	file = bytes.Clone(file)
	file[at+len("[Content_Types].xml")+len(canary)] ^= 0xff
	return file
}

// scans repeats the last scan of a picture.
func scans(file []byte, n int) []byte {
	i := bytes.Index(file, []byte("\xff\xda"))
	scan := file[i : len(file)-2]
	return slices.Concat(file[:i], bytes.Repeat(scan, n), []byte("\xff\xd9"))
}

func TestDocumentsNobodyShouldClick(t *testing.T) {
	exe := append([]byte("MZ"), make([]byte, 100)...)
	for _, c := range []struct {
		name, file string
		state      State
		danger     Danger
	}{
		{"a.exe", string(exe), Opaque, Program},
		{"a", "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 60), Opaque, Program},
		{"a.bat", "dir", Cleaned, Script},
		{"invoice\u202efdp.exe", "harmless", Cleaned, Program},
		{"a.exe. ", "harmless", Cleaned, Program},
		{"a", "<html><body>", Cleaned, Script},
		{"a.weird", "text with a <ScRiPt> in it", Cleaned, Script},
		{"a.html", "\xff\xfe<\x00h\x00t\x00m\x00l\x00>\x00", Cleaned, Script},
		{"a.svg", `<svg xmlns="http://www.w3.org/2000/svg"/>`, Cleaned, Script},
		{"a.jar", string(zipFile(zipEntry{"META-INF/MANIFEST.MF", "x"})), Opaque, Program},
		{"a.docm", string(wordFile(zipEntry{"word/vbaProject.bin", "x"})), Cleaned, Macros},
		{"a.xls", string(oleFile("Workbook", "_VBA_PROJECT_CUR")), Cleaned, Macros},
		{"a.pdf", string(pdfClassic("<< /S /Java#53cript /JS (app.alert) >>")), Cleaned, Active},
		{"a.zip", string(zipFile(zipEntry{"a.txt", "x"})), Opaque, ""},
		{"a.rtf", `{\rtf1{\info{\author x}}}`, Opaque, ""},
	} {
		out, rep, err := run(t, []byte(c.file), Declared{Kind: Document, Name: c.name, Inbound: true})
		if err != nil || rep.Danger != c.danger || rep.State != c.state || rep.Danger != Active && rep.MIME != octets {
			t.Errorf("%q: %+v, %v", c.name, rep, err)
		}
		if c.state == Opaque && string(out) != c.file {
			t.Errorf("%q: an opaque file changed", c.name)
		}
	}
}

func TestLockedDocumentsAreTold(t *testing.T) {
	secret := bytes.Replace(pdfClassic(), []byte("/Root 1 0 R"), []byte("/Root 1 0 R /Encrypt 9 0 R"), 1)
	book := oleFile()
	book = bytes.Replace(book, []byte("\x5c\x00\x70\x00"), []byte("\x2f\x00\x70\x00"), 1) // FILEPASS instead of a name
	for name, file := range map[string][]byte{
		"pdf": secret, "xls": book, "docx": oleFile("EncryptedPackage"), "odt": openDocumentFile("<m:encryption-data/>"),
	} {
		if _, rep, err := run(t, file, Declared{Kind: Document, Inbound: true}); err != nil || rep.State != Locked {
			t.Errorf("%s: %+v, %v", name, rep, err)
		}
	}
}

func TestLimitsAreWhatsApps(t *testing.T) {
	for _, c := range []struct {
		kind     Kind
		animated bool
		want     int64
	}{{Image, false, 5 << 20}, {Video, false, 16 << 20}, {Audio, false, 16 << 20}, {Voice, false, 16 << 20}, {Document, false, 100 << 20},
		{Sticker, false, 100 << 10}, {Sticker, true, 500 << 10}, {0, false, 0}, {7, false, 0}} {
		if got := Limit(c.kind, false, c.animated); got != c.want {
			t.Errorf("kind %d: %d, want %d", c.kind, got, c.want)
		}
		if in := Limit(c.kind, true, c.animated); in < c.want {
			t.Errorf("kind %d: a customer may send less than we", c.kind)
		}
	}
}

func TestAReadersErrorIsNotTheFiles(t *testing.T) {
	broken := errors.New("disk on fire")
	for _, f := range fixtures() {
		_, err := Clean(t.Context(), io.Discard, failing{broken}, int64(len(f.file)), f.d)
		if !errors.Is(err, broken) || errors.Is(err, ErrBroken) {
			t.Errorf("%s: %v", f.name, err)
		}
		_, err = Clean(t.Context(), io.Discard, bytes.NewReader(f.file[:len(f.file)/2]), int64(len(f.file)), f.d)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: a reader that ends early: %v", f.name, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := Clean(ctx, io.Discard, bytes.NewReader(f.file), int64(len(f.file)), f.d); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: cancelled: %v", f.name, err)
		}
	}
}

type failing struct{ err error }

func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.err }

// holds is what must be true of every file whatever it holds.
func holds(t interface {
	Fatalf(string, ...any)
	Fatal(...any)
}, ctx context.Context, file []byte, d Declared) {
	var out bytes.Buffer
	rep, err := clean(ctx, &out, bytes.NewReader(file), int64(len(file)), d)
	if err != nil {
		known := []error{ErrTooLarge, ErrMismatch, ErrBroken, ErrBomb, ErrUnsupported}
		if out.Len() > 0 || !slices.ContainsFunc(known, func(k error) bool { return errors.Is(err, k) }) {
			t.Fatalf("%d bytes written, then %v", out.Len(), err)
		}
		return
	}
	if rep.Size != int64(out.Len()) || rep.Size > Limit(d.Kind, d.Inbound, rep.Animated) || rep.State == 0 || rep.MIME == "" {
		t.Fatalf("%d bytes, %+v", out.Len(), rep)
	}
	var again bytes.Buffer
	second, err := clean(ctx, &again, bytes.NewReader(out.Bytes()), int64(out.Len()), d)
	if err != nil || !bytes.Equal(again.Bytes(), out.Bytes()) || len(second.Removed) > 0 {
		t.Fatalf("the second time: %v, removed %v after %+v", err, second.Removed, rep)
	}
}

func TestNothingThatComesInBreaksTheRules(t *testing.T) {
	all := fixtures()
	rapid.Check(t, func(t *rapid.T) {
		f := all[rapid.IntRange(0, len(all)-1).Draw(t, "fixture")]
		file := bytes.Clone(f.file)
		for range rapid.IntRange(1, 6).Draw(t, "changes") {
			if len(file) == 0 {
				break
			}
			at := rapid.IntRange(0, len(file)-1).Draw(t, "at")
			switch rapid.IntRange(0, 4).Draw(t, "change") {
			case 0:
				file[at] = rapid.Byte().Draw(t, "byte")
			case 1:
				file = file[:at]
			case 2:
				file = slices.Insert(file, at, rapid.SliceOfN(rapid.Byte(), 1, 9).Draw(t, "bytes")...)
			case 3:
				file = slices.Delete(file, at, min(len(file), at+rapid.IntRange(1, 40).Draw(t, "gone")))
			case 4:
				copy(file[at:], rapid.SampledFrom([]string{"\xff\xff\xff\xff", "\x00\x00\x00\x00", "\x7f\xff\xff\xff", "\x00\x00\x00\x01"}).Draw(t, "number"))
			}
		}
		d := f.d
		d.Kind = rapid.SampledFrom([]Kind{f.d.Kind, f.d.Kind, Document}).Draw(t, "kind")
		d.Inbound = d.Inbound || rapid.Bool().Draw(t, "inbound")
		holds(t, context.Background(), file, d)
	})
}

func FuzzClean(f *testing.F) {
	for _, x := range fixtures() {
		f.Add(x.file, uint8(x.d.Kind), x.d.MIME, x.d.Name, x.d.Inbound)
	}
	f.Fuzz(func(t *testing.T, file []byte, kind uint8, mime, name string, inbound bool) {
		holds(t, t.Context(), file, Declared{Kind: Kind(kind), MIME: mime, Name: name, Inbound: inbound})
	})
}
