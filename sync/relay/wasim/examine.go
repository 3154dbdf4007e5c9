package wasim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // so that pictures can be looked at
	_ "image/png"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/gabriel-vasile/mimetype"
)

// limits are Meta's, in bytes, by kind of message.
var limits = map[string]int{"image": 5 << 20, "video": 16 << 20, "audio": 16 << 20, "sticker": 500 << 10, "document": 100 << 20}

const stillSticker = 100 << 10

// examine holds a file against what it claims to be and against Meta's limits. It believes the bytes.
func examine(mimeType string, data []byte) error {
	kind := kindOf(mimeType)
	limit := limits[kind]
	if kind == "sticker" && !animated(data) {
		limit = stillSticker
	}
	if len(data) == 0 || len(data) > limit {
		return fmt.Errorf("a %s of %d bytes is empty or larger than %d bytes", kind, len(data), limit)
	}
	declared, _, _ := strings.Cut(mimeType, ";")
	declared = strings.TrimSpace(strings.ToLower(declared))
	if !sniffed(declared, data) {
		return errors.New("the file's contents are not of the declared type " + declared)
	}
	if kind == "image" {
		if _, _, err := image.DecodeConfig(bytes.NewReader(data)); err != nil {
			return errors.New("the picture cannot be read")
		}
	}
	return nil
}

// animated reports whether a WebP file says that it moves.
func animated(data []byte) bool {
	return len(data) > 20 && string(data[12:16]) == "VP8X" && data[20]&2 != 0
}

// sniffed reports whether bytes are what a supported type promises.
func sniffed(declared string, data []byte) bool {
	is := func(names ...string) bool {
		for m := mimetype.Detect(data); m != nil; m = m.Parent() {
			for _, n := range names {
				if m.Is(n) {
					return true
				}
			}
		}
		return false
	}
	switch declared {
	case "audio/ogg": // Opus alone
		return bytes.HasPrefix(data, []byte("OggS")) && bytes.Contains(data[:min(len(data), 256)], []byte("OpusHead"))
	case "audio/aac":
		return len(data) > 2 && data[0] == 0xFF && data[1]&0xF6 == 0xF0
	case "audio/mp4", "video/mp4", "video/3gpp":
		return len(data) > 12 && string(data[4:8]) == "ftyp" && is("video/mp4", "audio/mp4", "audio/x-m4a", "video/3gpp", "video/3gpp2", "video/x-m4v", "video/quicktime")
	case "text/plain":
		return utf8.Valid(data) && !bytes.ContainsRune(data, 0)
	case "application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint":
		return bytes.HasPrefix(data, []byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"))
	}
	if strings.HasPrefix(declared, "application/vnd.openxmlformats") {
		return is(declared) // a plain ZIP is not a document
	}
	return is(declared)
}

var errUnreachable = errors.New("wasim: link leads nowhere")

// fetch gets the file behind a link, as Meta does before it sends. A simulator reaches this machine alone; every other link
// leads nowhere.
func (s *Sim) fetch(ctx context.Context, m *message) error {
	u, err := url.Parse(m.link)
	if err != nil || !onThisMachine(u.Hostname()) {
		return errUnreachable
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.link, nil)
	if err != nil {
		return errUnreachable
	}
	res, err := s.client.Do(req)
	if err != nil {
		return errUnreachable
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(res.Body, int64(limits["document"])+1))
	if err != nil || res.StatusCode != http.StatusOK {
		return errUnreachable
	}
	mimeType := res.Header.Get("Content-Type")
	if err := examine(mimeType, data); err != nil {
		return err
	}
	kind := m.Type
	if m.Type == "template" || m.Type == "interactive" {
		kind = kindOf(mimeType)
	}
	if kindOf(mimeType) != kind && kind != "document" {
		return errors.New("wasim: file does not fit the message")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.addFile(m.number, mimeType, data, uploadLife)
	m.MediaID, m.MIME = f.id, f.mime
	return nil
}
