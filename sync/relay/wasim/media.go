package wasim

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	urlLife     = 5 * time.Minute
	inboundLife = 7 * 24 * time.Hour
	uploadLife  = 30 * 24 * time.Hour
)

// file is a file in Meta's store.
type file struct {
	id, mime string
	data     []byte
	number   *line
	expires  time.Time
}

type mediaURL struct {
	file    *file
	expires time.Time
}

// kindOf returns the kind of message a media type can be sent as.
func kindOf(mimeType string) string {
	switch t, _, _ := mime.ParseMediaType(mimeType); t {
	case "image/jpeg", "image/png":
		return "image"
	case "video/mp4", "video/3gpp":
		return "video"
	case "audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg":
		return "audio"
	case "image/webp":
		return "sticker"
	case "text/plain", "application/pdf", "application/vnd.ms-powerpoint", "application/msword", "application/vnd.ms-excel",
		"application/vnd.openxmlformats-officedocument.wordprocessingml.document",
		"application/vnd.openxmlformats-officedocument.presentationml.presentation",
		"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":
		return "document"
	}
	return ""
}

// addFile stores a file. The caller holds mu.
func (s *Sim) addFile(n *line, mimeType string, data []byte, life time.Duration) *file {
	f := &file{
		id: word(s.ids, "123456789", 1) + word(s.ids, digits, 15), mime: mimeType, data: data, number: n,
		expires: s.clock.Now().Add(life),
	}
	s.media[f.id] = f
	s.record("media-id", f.id)
	return f
}

func (f *file) base64() string {
	sum := sha256.Sum256(f.data)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func (s *Sim) postMedia(w http.ResponseWriter, r *http.Request) *problem {
	s.mu.Lock()
	n := s.numbers[r.PathValue("id")]
	s.mu.Unlock()
	if n == nil {
		return unknownObject
	}
	r.Body = http.MaxBytesReader(w, r.Body, 101<<20)
	if err := r.ParseMultipartForm(8 << 20); err != nil {
		var long *http.MaxBytesError
		if errors.As(err, &long) {
			return because(131053, "The file is too large")
		}
		return unexpected("The body is not multipart/form-data")
	}
	defer func() { _ = r.MultipartForm.RemoveAll() }()
	if r.FormValue("messaging_product") != "whatsapp" {
		return unexpected("The parameter messaging_product is required and must be whatsapp")
	}
	in, header, err := r.FormFile("file")
	if err != nil {
		return missing("file")
	}
	defer func() { _ = in.Close() }()
	data, err := io.ReadAll(in)
	if err != nil {
		return unexpected("The file cannot be read")
	}
	mimeType := header.Header.Get("Content-Type")
	if t := r.FormValue("type"); t != "" && t != mimeType {
		return unexpected("Param type and the file's own type differ")
	}
	kind := kindOf(mimeType)
	if kind == "" {
		return unexpected("Param file must be a file with one of the supported types")
	}
	if err := examine(mimeType, data); err != nil {
		return because(131053, err.Error())
	}
	s.mu.Lock()
	f := s.addFile(n, mimeType, data, uploadLife)
	s.mu.Unlock()
	answer(w, r, object{"id": f.id})
	return nil
}

// lookup finds a file by route and, when given, by number. The caller holds mu.
func (s *Sim) lookup(r *http.Request) *file {
	f := s.media[r.PathValue("id")]
	if f == nil || s.clock.Now().After(f.expires) {
		return nil
	}
	if n := r.URL.Query().Get("phone_number_id"); n != "" && n != f.number.ID {
		return nil
	}
	return f
}

func (s *Sim) getMedia(w http.ResponseWriter, r *http.Request) *problem {
	s.mu.Lock()
	f := s.lookup(r)
	if f == nil {
		s.mu.Unlock()
		return unknownObject
	}
	link := s.mediaURL(f, "http://"+r.Host)
	s.mu.Unlock()
	sum := sha256.Sum256(f.data)
	answer(w, r, object{
		"messaging_product": "whatsapp", "id": f.id, "url": link, "mime_type": f.mime,
		"sha256": hex.EncodeToString(sum[:]), "file_size": len(f.data),
	})
	return nil
}

// mediaURL makes a URL that is good for five minutes. The caller holds mu.
func (s *Sim) mediaURL(f *file, base string) string {
	expires := s.clock.Now().Add(urlLife)
	key := "AX" + word(s.ids, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 40)
	s.mediaURLs[key] = mediaURL{file: f, expires: expires}
	q := url.Values{"mid": {f.id}, "ext": {strconv.FormatInt(expires.Unix(), 10)}, "hash": {key}}
	link := base + "/whatsapp_business/attachments/?" + q.Encode()
	s.record("media-url", link)
	return link
}

func (s *Sim) deleteMedia(w http.ResponseWriter, r *http.Request) *problem {
	s.mu.Lock()
	f := s.lookup(r)
	if f != nil {
		delete(s.media, f.id)
	}
	s.mu.Unlock()
	if f == nil {
		return unknownObject
	}
	answer(w, r, object{"success": true})
	return nil
}

// getAttachment serves a file's bytes, to the bearer, within five minutes. It speaks like a file server, not like Graph.
func (s *Sim) getAttachment(w http.ResponseWriter, r *http.Request) {
	t, p := s.bearer(r)
	if p != nil || t.May != 0 && t.May&Messaging == 0 {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if p := s.permit(t, RouteFile, Messaging); p != nil {
		w.WriteHeader(p.status)
		return
	}
	s.mu.Lock()
	u, ok := s.mediaURLs[r.URL.Query().Get("hash")]
	gone := ok && s.media[u.file.id] == nil
	expired := ok && !s.clock.Now().Before(u.expires)
	s.mu.Unlock()
	if !ok || gone || expired || u.file.id != r.URL.Query().Get("mid") {
		http.Error(w, "Not Found", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", strings.ReplaceAll(u.file.mime, "\n", ""))
	w.Header().Set("Content-Length", strconv.Itoa(len(u.file.data)))
	_, _ = w.Write(u.file.data)
}
