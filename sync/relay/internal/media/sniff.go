package media

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

const octets = "application/octet-stream"

// A family is a way of building files; the types of one are told apart only by reading them.
type family string

const (
	familyJPEG  family = "jpeg"
	familyPNG   family = "png"
	familyGIF   family = "gif"
	familyWebP  family = "webp"
	familyISO   family = "mp4"
	familyOgg   family = "ogg"
	familyMP3   family = "mp3"
	familyAAC   family = "aac"
	familyAMR   family = "amr"
	familyPDF   family = "pdf"
	familyZip   family = "zip"
	familyOLE   family = "ole"
	familyText  family = "text"
	familyOther family = "other"
)

type format struct {
	family family
	mime   string // as found; containers learn theirs while they are cleaned
	danger Danger
	clean  func(s *source, r *Report, p *plan, d Declared) error
}

func (f format) isPicture() bool {
	return f.family == familyJPEG || f.family == familyPNG || f.family == familyGIF || f.family == familyWebP
}

func (f format) isSound() bool {
	return f.family == familyOgg || f.family == familyMP3 || f.family == familyAAC || f.family == familyAMR || f.family == familyISO
}

func (f format) isMedia() bool { return f.isPicture() || f.isSound() }

// sniff finds out by its first bytes what a file is. A text that its name makes a text is opened as one, so only one that
// begins like a script is a script; under any other name a browser decides, and browsers look further.
func sniff(s *source, asText bool) format {
	head, _ := s.bytes(0, int(min(s.size, 4096)))
	head = bytes.Clone(head)
	starts := func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) }
	at := func(i int, magic string) bool { return len(head) >= i && bytes.HasPrefix(head[i:], []byte(magic)) }
	switch {
	case starts("\xff\xd8\xff"):
		return format{family: familyJPEG, mime: "image/jpeg", clean: cleanJPEG}
	case starts(pngMagic):
		return format{family: familyPNG, mime: "image/png", clean: cleanPNG}
	case starts("GIF87a"), starts("GIF89a"):
		return format{family: familyGIF, mime: "image/gif", clean: cleanGIF}
	case starts("RIFF") && at(8, "WEBP"):
		return format{family: familyWebP, mime: "image/webp", clean: cleanWebP}
	case at(4, "ftyp") && isFilm(head):
		return format{family: familyISO, mime: "video/mp4", clean: cleanISO}
	case starts("OggS") && at(28, "OpusHead"):
		return format{family: familyOgg, mime: "audio/ogg", clean: cleanOgg}
	case starts("#!AMR\n"), starts("#!AMR-WB\n"):
		return format{family: familyAMR, mime: "audio/amr", clean: cleanAMR}
	case starts("%PDF-"):
		return format{family: familyPDF, mime: "application/pdf", clean: cleanPDF}
	case starts("PK\x03\x04"):
		return format{family: familyZip, mime: "application/zip", clean: cleanZip}
	case starts(oleMagic):
		return format{family: familyOLE, mime: "application/x-ole-storage", clean: cleanOLE}
	}
	off := skipID3(s, 0)
	if _, ok := mp3Frame(s, off); ok {
		return format{family: familyMP3, mime: "audio/mpeg", clean: cleanMP3}
	}
	if _, ok := aacFrame(s, off); ok {
		return format{family: familyAAC, mime: "audio/aac", clean: cleanAAC}
	}
	found := mimetype.Detect(head)
	mime, _, _ := strings.Cut(found.String(), ";")
	f := format{family: familyOther, mime: mime, danger: dangers[mime], clean: cleanOpaque}
	isText := false
	for m := found; m != nil; m = m.Parent() {
		isText = isText || m.Is("text/plain")
	}
	if isText && s.index(0, s.size, "\x00") < 0 || isWide(head) {
		f.family, f.clean = familyText, cleanText
		low := bytes.ToLower(bytes.TrimSpace(narrow(head)))
		for _, sign := range []string{"<script", "<!doctype html", "<html", "<svg", "<iframe", "javascript:", "<hta:"} {
			if bytes.HasPrefix(low, []byte(sign)) || !asText && bytes.Contains(low, []byte(sign)) {
				f.danger = Script
			}
		}
		if bytes.HasPrefix(low, []byte("#!")) {
			f.danger = Script
		}
	}
	return f
}

// isFilm tells films and recordings from the pictures (HEIC, AVIF) that are built the same way.
func isFilm(head []byte) bool {
	if len(head) < 16 {
		return false
	}
	n := binary.BigEndian.Uint32(head)
	if n < 16 || int(n) > len(head) {
		return false
	}
	switch string(head[8:12]) {
	case "heic", "heix", "hevc", "hevx", "heim", "heis", "mif1", "msf1", "avif", "avis", "jxl ", "crx ":
		return false
	}
	return true
}

func isWide(head []byte) bool {
	return bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff"))
}

// narrow drops what UTF-16 puts between the letters of ASCII: enough to find a tag in it.
func narrow(head []byte) []byte {
	if !isWide(head) {
		return head
	}
	return slices.DeleteFunc(bytes.Clone(head[2:]), func(b byte) bool { return b == 0 })
}

var dangers = map[string]Danger{
	"application/vnd.microsoft.portable-executable": Program, "application/x-elf": Program, "application/x-executable": Program,
	"application/x-sharedlib": Program, "application/x-object": Program, "application/x-coredump": Program,
	"application/x-mach-binary": Program, "application/x-ms-installer": Program, "application/java-archive": Program,
	"application/jar": Program, "application/vnd.android.package-archive": Program, "application/x-java-applet": Program,
	"application/x-ms-shortcut": Program, "application/vnd.debian.binary-package": Program, "application/x-rpm": Program,
	"application/wasm": Program, "application/x-shockwave-flash": Program, "application/vnd.ms-cab-compressed": Program,
	"application/x-chrome-extension": Program, "application/x-iso9660-image": Program, "application/x-apple-diskimage": Program,
	"text/html": Script, "application/xhtml+xml": Script, "image/svg+xml": Script, "text/javascript": Script,
	"application/javascript": Script, "text/x-php": Script, "text/x-python": Script, "text/x-perl": Script, "text/x-lua": Script,
	"text/x-tcl": Script, "text/x-ruby": Script, "text/x-shellscript": Script, "text/x-sh": Script, "text/x-wsf": Script,
	"multipart/related": Script, "application/vnd.ms-htmlhelp": Script,
}

var extensions = func() map[string]Danger {
	all := map[string]Danger{}
	for danger, list := range map[Danger]string{
		Program: "exe com scr pif msi msp msix msixbundle appx appxbundle dll cpl ocx sys drv xll jar apk xapk ipa app dmg pkg deb rpm " +
			"appimage run iso img vhd vhdx lnk url reg inf gadget cab swf class dex wasm elf so dylib",
		Script: "bat cmd ps1 psm1 psd1 ps1xml vb vbs vbe js jse mjs cjs ws wsf wsh wsc hta sh bash zsh csh ksh fish py pyw pyc rb pl php " +
			"phtml html htm xhtml xht shtml mht mhtml svg svgz chm hlp scf sct jnlp desktop command workflow scpt applescript " +
			"application settingcontent-ms library-ms search-ms searchconnector-ms website webloc terminal lua tcl",
		Macros: "docm dotm xlsm xltm xlam xla xlm ppam pptm potm ppsm sldm iqy slk mdb mde accdb accde one onepkg",
	} {
		for ext := range strings.FieldsSeq(list) {
			all[ext] = danger
		}
	}
	return all
}()

// A group is what people mean by a type, whatever its generation.
type group string

var groups = map[string]group{
	"application/pdf": "pdf", "pdf": "pdf",
	"application/msword": "word", mimeDOCX: "word", mimeODT: "word", "doc": "word", "docx": "word", "odt": "word", "rtf": "word",
	"application/rtf": "word", "text/rtf": "word",
	"application/vnd.ms-excel": "sheet", mimeXLSX: "sheet", mimeODS: "sheet", "xls": "sheet", "xlsx": "sheet", "ods": "sheet",
	"application/vnd.ms-powerpoint": "slides", mimePPTX: "slides", mimeODP: "slides", "ppt": "slides", "pptx": "slides", "odp": "slides",
	"text/plain": "text", "text/csv": "text", "txt": "text", "csv": "text",
	"image/jpeg": "picture", "image/png": "picture", "image/gif": "picture", "image/webp": "picture", "image/heic": "picture",
	"jpg": "picture", "jpeg": "picture", "png": "picture", "gif": "picture", "webp": "picture", "heic": "picture",
	"video/mp4": "film", "video/3gpp": "film", "video/quicktime": "film", "mp4": "film", "3gp": "film", "mov": "film",
	"audio/mpeg": "sound", "audio/mp4": "sound", "audio/aac": "sound", "audio/ogg": "sound", "audio/amr": "sound",
	"mp3": "sound", "m4a": "sound", "aac": "sound", "ogg": "sound", "opus": "sound", "amr": "sound",
	"application/zip": "zip", "application/x-zip-compressed": "zip", "zip": "zip",
}

func (d Declared) extension() string {
	return strings.ToLower(strings.TrimPrefix(path.Ext(strings.TrimRight(d.Name, ". \t")), "."))
}

// compare refuses a file that is by its first bytes something else than was declared.
func (d Declared) compare(f format) error {
	other := func(major string) error {
		if f.family == familyOther && f.danger == "" && strings.HasPrefix(f.mime, major) {
			return fmt.Errorf("judging a type: %w", ErrUnsupported)
		}
		return fmt.Errorf("comparing a type: %w", ErrMismatch)
	}
	switch d.Kind {
	case Image, Sticker:
		if !f.isPicture() {
			return other("image/")
		}
		return nil
	case Video:
		if f.family != familyISO {
			return other("video/")
		}
		return nil
	case Audio, Voice:
		if !f.isSound() {
			return other("audio/")
		}
		return nil
	}
	ok := true
	switch groups[d.mime()] {
	case "pdf":
		ok = f.family == familyPDF
	case "word":
		ok = f.family == familyZip || f.family == familyOLE || f.mime == "text/rtf" || f.mime == "application/rtf"
	case "sheet", "slides":
		ok = f.family == familyZip || f.family == familyOLE
	case "picture":
		ok = f.isPicture() || f.family == familyOther && f.danger == "" && strings.HasPrefix(f.mime, "image/")
	case "film", "sound":
		ok = f.isSound() || f.family == familyOther && (strings.HasPrefix(f.mime, "audio/") || strings.HasPrefix(f.mime, "video/"))
	case "text":
		ok = f.family == familyText
	case "zip":
		ok = f.family == familyZip
	}
	if _, known := groups[d.extension()]; known && f.danger != "" {
		ok = false // a program that calls itself a paper
	}
	if !ok {
		return fmt.Errorf("comparing a type: %w", ErrMismatch)
	}
	return nil
}

// What the Cloud API's media page takes of each kind.
var taken = map[Kind][]string{
	Image:   {"image/jpeg", "image/png"},
	Sticker: {"image/webp"},
	Video:   {"video/mp4", "video/3gpp"},
	Audio:   {"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"},
	Voice:   {"audio/ogg"},
	Document: {"application/pdf", "text/plain", "application/msword", mimeDOCX, "application/vnd.ms-excel", mimeXLSX,
		"application/vnd.ms-powerpoint", mimePPTX},
}

// takes says whether a declared type may be looked at as its kind at all.
func (d Declared) takes(mime string) bool {
	if d.Inbound || slices.Contains(taken[d.Kind], mime) {
		return true
	}
	switch d.Kind { // what browsers and systems call the same things
	case Audio, Voice:
		return slices.Contains([]string{"application/ogg", "audio/opus", "audio/mp3", "audio/x-m4a", "audio/m4a", "audio/aacp", "audio/x-aac"}, mime)
	case Document:
		return strings.HasPrefix(mime, "text/")
	}
	return false
}

// accept judges what was found against the kind, now that it is known.
func (d Declared) accept(r *Report, f format, size int64) error {
	if size > Limit(d.Kind, d.Inbound, r.Animated) {
		return fmt.Errorf("judging a cleaned file's size: %w", ErrTooLarge)
	}
	if r.Danger == "" {
		r.Danger = f.danger
	}
	if d.Kind == Document {
		want, found := groups[d.mime()], groups[r.MIME]
		switch want {
		case "word", "sheet", "slides":
			if found != want && r.Danger != Macros && r.State != Locked && f.mime != "text/rtf" && f.mime != "application/rtf" {
				return fmt.Errorf("comparing a document's type: %w", ErrMismatch)
			}
		}
		if r.Danger == "" {
			r.Danger = extensions[d.extension()]
		}
		if _, known := groups[d.extension()]; known && (r.Danger == Program || r.Danger == Script) {
			return fmt.Errorf("comparing a document's name: %w", ErrMismatch)
		}
		if !d.Inbound && r.MIME == "text/csv" {
			r.MIME = "text/plain" // the one name WhatsApp has for it
		}
		if r.Danger == Program || r.Danger == Script || r.Danger == Macros {
			r.MIME = octets
		}
	}
	ok := slices.Contains(taken[d.Kind], r.MIME)
	if d.Inbound {
		switch d.Kind {
		case Image, Video, Document:
			ok = true
		case Audio, Voice:
			ok = strings.HasPrefix(r.MIME, "audio/")
		}
	}
	if !ok {
		return fmt.Errorf("judging a type: %w", ErrUnsupported)
	}
	return nil
}

func cleanOpaque(s *source, r *Report, p *plan, _ Declared) error {
	r.State, r.MIME = Opaque, octets
	p.keep(0, s.size)
	return nil
}

func cleanText(s *source, r *Report, p *plan, d Declared) error {
	switch {
	case r.MIME == "text/rtf", r.MIME == "application/rtf":
		return cleanOpaque(s, r, p, d) // holds its author's name in braces among the text
	case dangers[r.MIME] != "":
		r.MIME = octets
	case d.extension() == "csv", d.mime() == "text/csv":
		r.MIME = "text/csv"
	default:
		r.MIME = "text/plain"
	}
	p.keep(0, s.size)
	return nil
}

// hasZip says whether a plan can be opened as an archive, too. Archives are found by their end, so a few bytes at the end
// of a picture make it a program to the right reader. Sound documents may hold an archive near their end, and only count
// when their own last byte ends it; in media no such thing belongs anywhere.
func hasZip(p *plan, anywhere bool) bool {
	const endSize, farthest = 22, 22 + 0xffff
	n := min(p.size, farthest)
	tail := make([]byte, n)
	if k, _ := p.ReadAt(tail, p.size-n); int64(k) < n {
		return false // the reader's error sticks to the source
	}
	for i := len(tail); ; {
		if i = bytes.LastIndex(tail[:i], []byte("PK\x05\x06")); i < 0 {
			return false
		}
		if len(tail)-i < endSize {
			continue
		}
		end := tail[i:]
		at := p.size - n + int64(i)
		dirSize := int64(binary.LittleEndian.Uint32(end[12:]))
		comment := int(binary.LittleEndian.Uint16(end[20:]))
		var sign [4]byte
		if k, _ := p.ReadAt(sign[:], at-dirSize); k < 4 || string(sign[:]) != "PK\x01\x02" || dirSize == 0 {
			continue
		}
		if anywhere || comment == len(end)-endSize {
			return true
		}
	}
}
