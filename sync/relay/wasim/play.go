package wasim

import (
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// playFiles is the page to play a customer by hand: plain HTML, CSS and JavaScript, nothing from elsewhere.
//
//go:embed play/index.html play/app.js play/app.css
var playFiles embed.FS

// playPolicy lets the page run its own script and show its own pictures, and nothing else: what customers write is hostile.
const playPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func (s *Sim) playRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	files, err := fs.Sub(playFiles, "play")
	if err != nil {
		panic("wasim: embedded page cannot be read")
	}
	static := func(name, kind string) http.HandlerFunc {
		return s.local(func(w http.ResponseWriter, _ *http.Request) {
			b, err := fs.ReadFile(files, name)
			if err != nil {
				http.Error(w, "not found", http.StatusNotFound)
				return
			}
			w.Header().Set("Content-Type", kind+"; charset=utf-8")
			_, _ = w.Write(b)
		})
	}
	mux.HandleFunc("GET /play", static("index.html", "text/html"))
	mux.HandleFunc("GET /play/app.js", static("app.js", "text/javascript"))
	mux.HandleFunc("GET /play/app.css", static("app.css", "text/css"))
	mux.HandleFunc("GET /play/state", s.local(s.playState))
	mux.HandleFunc("GET /play/events", s.local(s.playEvents))
	mux.HandleFunc("GET /play/media/{id}", s.local(s.playMedia))
	mux.HandleFunc("POST /play/do", s.local(play(s.playDo)))
	mux.HandleFunc("POST /play/person", s.local(play(s.playPerson)))
	mux.HandleFunc("POST /play/fault", s.local(play(s.playFault)))
	mux.HandleFunc("POST /play/review", s.local(play(s.playReview)))
	return mux
}

// local admits requests of the page alone. The page has no password, so no other site may reach it through the browser of
// whoever plays: neither by a name that leads here nor by a form.
func (s *Sim) local(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		origin := r.Header.Get("Origin")
		site := r.Header.Get("Sec-Fetch-Site")
		if !onThisMachine(strings.Trim(host, "[]")) || origin != "" && origin != "http://"+r.Host || site == "cross-site" || site == "same-site" {
			http.Error(w, "this page is for this machine", http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Security-Policy", playPolicy)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Cache-Control", "no-store")
		h(w, r)
	}
}

const playLimit = 24 << 20 // a file of 16 MB, spelled in base64

// play reads a JSON request and answers with what came of it.
func play[T any](do func(T) (string, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in T
		if t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); t != "application/json" {
			http.Error(w, "JSON is needed", http.StatusUnsupportedMediaType)
			return
		}
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, playLimit))
		d.DisallowUnknownFields()
		if err := d.Decode(&in); err != nil {
			http.Error(w, "the request cannot be read", http.StatusBadRequest)
			return
		}
		id, err := do(in)
		if err != nil {
			http.Error(w, strings.TrimPrefix(err.Error(), "wasim: "), http.StatusConflict)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"id": id})
	}
}

// playLine is what the page asks for: a line, and what is easier said by name.
type playLine struct {
	Person string
	Line
	// Voice sends the silent voice message, FromAd comes from a click on an ad.
	Voice, FromAd bool
	// Receipts is on or off.
	Receipts string
}

func (s *Sim) playDo(in playLine) (string, error) {
	if in.Receipts != "" {
		return "", s.SetReceipts(in.Person, in.Receipts == "on")
	}
	if in.Voice {
		in.File = &File{Kind: "audio", MIME: "audio/ogg; codecs=opus", Data: Voice(), Voice: true}
	}
	if in.File != nil && !in.Voice {
		in.File.Kind = kindOf(in.File.MIME)
		if in.File.Kind == "" {
			return "", errors.New("WhatsApp passes on no files of this type")
		}
		if err := examine(in.File.MIME, in.File.Data); err != nil {
			return "", err
		}
	}
	if in.FromAd {
		in.Ad = &Ad{Headline: "Chat with us", Body: "New season, new offers", Welcome: "How can we help?"}
	}
	number := ""
	s.mu.Lock()
	if p := s.people[in.Person]; p != nil {
		number = s.lineOf(p).ID
	}
	s.mu.Unlock()
	return s.DoTo(in.Person, number, in.Line)
}

type playPerson struct{ Name, Kind, Number, Username string }

// playPerson gives somebody WhatsApp: Kind is number, username or hidden. A number that is not given is made up.
func (s *Sim) playPerson(in playPerson) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.TrimSpace(in.Name) == "" || len(in.Name) > 100 {
		return "", errors.New("a customer needs a name")
	}
	p := Persona{Key: "hand-" + word(s.ids, digits, 8), Name: in.Name, Country: "DE"}
	if in.Kind != "hidden" {
		p.Number = onlyDigits(in.Number)
		if p.Number == "" {
			p.Number = "49151555" + word(s.ids, digits, 5)
		}
		if len(p.Number) < 7 || len(p.Number) > 15 || p.Number[0] == '0' {
			return "", errors.New("a number has a country code and 7 to 15 digits")
		}
	}
	if in.Kind == "username" || in.Kind == "hidden" {
		p.Username = strings.TrimPrefix(strings.TrimSpace(in.Username), "@")
	}
	if in.Kind == "username" && p.Username == "" {
		return "", errors.New("a user name is missing")
	}
	defer s.poke()
	return p.Key, s.addPersona(p)
}

type playFault struct {
	// Kind is duplicate, delay, reorder, badsignature, token (which stay On until off) or hang, toomany, garbage, code (once).
	Kind  string
	On    bool
	Code  int
	Async bool
}

func (s *Sim) playFault(in playFault) (string, error) {
	likely, late := 0.0, time.Duration(0)
	if in.On {
		likely, late = 1, 5*time.Second
	}
	change := func(f func(*Faults)) {
		s.mu.Lock()
		defer s.mu.Unlock()
		f(&s.faults)
		s.poke()
	}
	switch in.Kind {
	case "duplicate":
		change(func(f *Faults) { f.Duplicate, f.Copies = likely, 1 })
	case "delay":
		change(func(f *Faults) { f.Delay = late })
	case "reorder":
		change(func(f *Faults) { f.Reorder = likely })
	case "badsignature":
		change(func(f *Faults) { f.BadSignature = likely })
	case "token":
		s.expire("", in.On)
	case "hang":
		s.FailNext(HangBefore)
	case "toomany":
		s.FailNext(TooMany)
	case "garbage":
		s.FailNext(GarbageAfter)
	case "code":
		route := RouteMessages
		return "", s.Inject(Injection{Route: route, Code: in.Code, Times: 1, Async: in.Async})
	default:
		return "", errors.New("no such fault")
	}
	return "", nil
}

type playReview struct{ Name, Language, Event string }

func (s *Sim) playReview(in playReview) (string, error) {
	reason := ""
	if in.Event == "REJECTED" {
		reason = "INVALID_FORMAT"
	}
	return "", s.Review(in.Name, in.Language, in.Event, reason)
}

// playEvents says that something changed, and nothing more: the page then looks for itself.
func (s *Sim) playEvents(w http.ResponseWriter, r *http.Request) {
	out := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	rest := time.NewTimer(0)
	defer rest.Stop()
	for {
		if _, err := w.Write([]byte("event: poke\ndata: 1\n\n")); err != nil || out.Flush() != nil {
			return
		}
		s.mu.Lock()
		wake := s.wake
		s.mu.Unlock()
		rest.Reset(15 * time.Second) // a sign of life, and proof that the page is still there
		select {
		case <-r.Context().Done():
			return
		case <-s.closing:
			return
		case <-rest.C:
			continue
		case <-wake:
		}
		rest.Reset(80 * time.Millisecond) // what comes together is told together
		select {
		case <-r.Context().Done():
			return
		case <-rest.C:
		}
	}
}

// playMedia shows a file of either side. Nothing in it may act: it is sandboxed, and only pictures and sounds are shown.
func (s *Sim) playMedia(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	f := s.media[r.PathValue("id")]
	s.mu.Unlock()
	if f == nil {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Security-Policy", "sandbox; default-src 'none'")
	kind := kindOf(f.mime)
	if !slices.Contains([]string{"image", "audio", "video", "sticker"}, kind) {
		w.Header().Set("Content-Disposition", "attachment")
	}
	w.Header().Set("Content-Type", strings.ReplaceAll(f.mime, "\n", ""))
	_, _ = w.Write(f.data)
}
