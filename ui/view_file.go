package ui

import (
	"bytes"
	"path"
	"strings"

	"sealdesk/app/inbox"
)

// What WhatsApp takes (Cloud API, "Media": supported types and sizes), in bytes.
const (
	mostPicture  = 5 << 20
	mostFilm     = 16 << 20
	mostSound    = 16 << 20
	mostDocument = 100 << 20
	mostCaption  = 1024 // characters
)

// A Judgement is what this device thinks of a file before it leaves: what it would be sent as, or why it cannot be. The
// company's server looks again, and closer.
type Judgement struct {
	Kind    inbox.MessageKind
	Problem string // in words; "" for none
}

// judge judges a file by its name, type and size.
func judge(name, mime string, size int64) Judgement {
	j := Judgement{Kind: mediaKind(mime)}
	switch {
	case size == 0:
		j.Problem = word("file.empty", "Name", name)
	case harmful[strings.ToLower(path.Ext(name))]:
		j.Problem = word("file.harmful", "Name", name)
	case size > mostDocument:
		j.Problem = word("file.large", "Name", name, "Most", bytesText(mostDocument))
	}
	limit := map[inbox.MessageKind]int64{inbox.Image: mostPicture, inbox.Video: mostFilm, inbox.Audio: mostSound}[j.Kind]
	if j.Kind != inbox.Document && (!taken[mime] || size > limit) {
		j.Kind = inbox.Document
	}
	return j
}

// taken are the types WhatsApp takes as a picture, film or recording; everything else goes as a document.
var taken = map[string]bool{"image/jpeg": true, "image/png": true, "video/mp4": true, "video/3gpp": true, "audio/aac": true, "audio/amr": true,
	"audio/mpeg": true, "audio/mp4": true, "audio/ogg": true}

// harmful are the names of programs and scripts: no customer should get one from a company.
var harmful = map[string]bool{".exe": true, ".msi": true, ".bat": true, ".cmd": true, ".com": true, ".scr": true, ".pif": true, ".ps1": true, ".vbs": true,
	".vbe": true, ".js": true, ".jse": true, ".wsf": true, ".hta": true, ".jar": true, ".lnk": true, ".dll": true, ".reg": true, ".sh": true, ".app": true,
	".apk": true, ".dmg": true, ".iso": true, ".img": true, ".cpl": true, ".docm": true, ".xlsm": true, ".pptm": true}

var mimeOf = map[string]string{".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".gif": "image/gif", ".webp": "image/webp", ".heic": "image/heic",
	".mp4": "video/mp4", ".m4v": "video/mp4", ".3gp": "video/3gpp", ".mov": "video/quicktime", ".mp3": "audio/mpeg", ".m4a": "audio/mp4", ".aac": "audio/aac",
	".amr": "audio/amr", ".ogg": "audio/ogg", ".opus": "audio/ogg", ".wav": "audio/wav", ".pdf": "application/pdf", ".txt": "text/plain", ".csv": "text/csv",
	".doc": "application/msword", ".xls": "application/vnd.ms-excel", ".ppt": "application/vnd.ms-powerpoint",
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation", ".zip": "application/zip"}

// typeOf is the MIME type of a file by how it begins, else by its name.
func typeOf(name string, head []byte) string {
	begins := func(at int, sign string) bool {
		return len(head) >= at+len(sign) && bytes.Equal(head[at:at+len(sign)], []byte(sign))
	}
	switch {
	case begins(0, "\xff\xd8\xff"):
		return "image/jpeg"
	case begins(0, "\x89PNG\r\n\x1a\n"):
		return "image/png"
	case begins(0, "GIF8"):
		return "image/gif"
	case begins(0, "RIFF") && begins(8, "WEBP"):
		return "image/webp"
	case begins(0, "%PDF-"):
		return "application/pdf"
	case begins(0, "OggS"):
		return "audio/ogg"
	}
	if m, ok := mimeOf[strings.ToLower(path.Ext(name))]; ok {
		return m
	}
	return "application/octet-stream"
}

// fileWord names a type for people.
func fileWord(mime string) string {
	switch kind := mediaKind(mime); {
	case kind == inbox.Image:
		return word("media.photo")
	case kind == inbox.Video:
		return word("media.video")
	case kind == inbox.Audio:
		return word("media.audio")
	case mime == "application/pdf":
		return "PDF"
	}
	return word("media.document")
}

// documentKind is what people call a document's kind: its usual ending, in capitals. "" for one nobody would know.
func documentKind(m *inbox.Media) string {
	mime, _, _ := strings.Cut(m.Type, ";")
	if kind := documentKinds[mime]; kind != "" {
		return kind
	}
	if ext := strings.TrimPrefix(path.Ext(m.Name.Visible()), "."); len(ext) >= 2 && len(ext) <= 5 && !m.Name.Hides() && !strings.ContainsFunc(ext, notLetterOrDigit) {
		return strings.ToUpper(ext)
	}
	return ""
}

func notLetterOrDigit(r rune) bool {
	return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

// documentKinds are the kinds whose type tells more than their name.
var documentKinds = map[string]string{"application/pdf": "PDF", "text/plain": "TXT", "text/csv": "CSV", "application/zip": "ZIP",
	"application/msword": "DOC", "application/vnd.ms-excel": "XLS", "application/vnd.ms-powerpoint": "PPT",
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document":   "DOCX",
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":         "XLSX",
	"application/vnd.openxmlformats-officedocument.presentationml.presentation": "PPTX"}

// captioned reports whether a message of that kind can carry text.
func captioned(k inbox.MessageKind) bool {
	return k == inbox.Image || k == inbox.Video || k == inbox.Document
}
