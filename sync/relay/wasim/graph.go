package wasim

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// GraphFault is something that goes wrong when a message is sent.
type GraphFault int

const (
	// HangBefore never answers and does not accept; HangAfter accepts and never answers.
	HangBefore GraphFault = iota + 1
	HangAfter
	// ErrorBefore answers 500 (131000) and does not accept; ErrorAfter accepts and answers 503 (131016).
	ErrorBefore
	ErrorAfter
	// TooMany answers 429 (130429) and does not accept.
	TooMany
	// ResetBefore tears the connection down unaccepted; ResetAfter accepts first.
	ResetBefore
	ResetAfter
	// GarbageAfter accepts and answers 200 with something that is not JSON.
	GarbageAfter
	lastGraphFault = GarbageAfter
)

// Accepts reports whether the message is accepted in spite of the fault.
func (f GraphFault) Accepts() bool {
	switch f {
	case HangAfter, ErrorAfter, ResetAfter, GarbageAfter:
		return true
	}
	return false
}

// FailNext makes the next sends fail, one fault each, in order.
func (s *Sim) FailNext(fs ...GraphFault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.graphFaults = append(s.graphFaults, fs...)
}

// FailDelivery makes the next accepted messages fail by webhook with these codes, one each, in order: 131026, 131049 ...
func (s *Sim) FailDelivery(codes ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failCodes = append(s.failCodes, codes...)
}

func (s *Sim) graphFault() GraphFault {
	if len(s.graphFaults) > 0 {
		f := s.graphFaults[0]
		s.graphFaults = s.graphFaults[1:]
		return f
	}
	if len(s.faults.Graph) == 0 {
		return 0
	}
	for f := HangBefore; f <= lastGraphFault; f++ {
		if p := s.faults.Graph[f]; p > 0 && s.luck.Float64() < p {
			return f
		}
	}
	return 0
}

// problem is an error answer.
type problem struct {
	status, code, subcode int
	message, details      string
}

func (s *Sim) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{version}/{id}/messages", s.graph(s.postMessage))
	mux.HandleFunc("POST /{version}/{id}/media", s.graph(s.postMedia))
	mux.HandleFunc("GET /{version}/{id}/message_templates", s.graph(s.getTemplates))
	mux.HandleFunc("POST /{version}/{id}/subscribed_apps", s.graph(s.postSubscribed))
	mux.HandleFunc("GET /{version}/{id}", s.graph(s.getNode))
	mux.HandleFunc("DELETE /{version}/{id}", s.graph(s.deleteMedia))
	mux.HandleFunc("GET /whatsapp_business/attachments/{$}", s.getAttachment)
	mux.HandleFunc("/", s.graph(func(http.ResponseWriter, *http.Request) *problem { return unknownObject }))
	return mux
}

// ServeHTTP is the Graph API.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

var versionPath = regexp.MustCompile(`^v([1-9][0-9])\.0$`)

var unknownObject = &problem{
	status: 400, code: 100, subcode: 33, message: "Unsupported request",
	details: "The object does not exist, cannot be loaded due to missing permissions, or does not support this operation",
}

// graph wraps a route with what every route has in common: bearer token, version, shape of errors.
func (s *Sim) graph(route func(http.ResponseWriter, *http.Request) *problem) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if p := s.admit(r); p != nil {
			s.refuse(w, p)
			return
		}
		if p := route(w, r); p != nil {
			s.refuse(w, p)
		}
	}
}

func (s *Sim) admit(r *http.Request) *problem {
	if r.Header.Get("Authorization") != "Bearer "+s.cfg.Token {
		return &problem{status: 401, code: 190, message: "Invalid OAuth access token - Cannot parse access token"}
	}
	if v := r.PathValue("version"); v != "" {
		m := versionPath.FindStringSubmatch(v)
		if m == nil {
			return &problem{status: 400, code: 2500, message: "Unknown path components"}
		}
		if n, _ := strconv.Atoi(m[1]); n < 21 { // v20.0 ended on 24 September 2026
			return &problem{status: 400, code: 2635, message: "You are calling a deprecated version of the API"}
		}
	}
	return nil
}

func (s *Sim) refuse(w http.ResponseWriter, p *problem) {
	s.mu.Lock()
	trace := "A" + word(s.ids, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", 22)
	s.mu.Unlock()
	e := map[string]any{
		"message": fmt.Sprintf("(#%d) %s", p.code, p.message), "type": "OAuthException", "code": p.code, "fbtrace_id": trace,
	}
	if p.subcode != 0 {
		e["error_subcode"] = p.subcode
	}
	if p.details != "" {
		e["error_data"] = map[string]any{"messaging_product": "whatsapp", "details": p.details}
	}
	if p.code == 190 {
		w.Header().Set("WWW-Authenticate", `OAuth "Facebook Platform" "invalid_token"`)
	}
	s.log.Debug("graph request refused", "code", p.code, "status", p.status)
	answer(w, p.status, map[string]any{"error": e})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.Header().Set("Facebook-Api-Version", "v25.0")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// misbehave acts out a fault once the message was accepted or not.
func (s *Sim) misbehave(w http.ResponseWriter, r *http.Request, f GraphFault) {
	switch f {
	case HangBefore, HangAfter:
		timer := time.NewTimer(time.Minute) // real time, because the client's patience is real
		defer timer.Stop()
		select {
		case <-r.Context().Done():
		case <-s.closing:
		case <-timer.C:
		}
		reset(w)
	case ErrorBefore:
		s.refuse(w, &problem{status: 500, code: 131000, message: "Something went wrong"})
	case ErrorAfter:
		s.refuse(w, &problem{status: 503, code: 131016, message: "Service unavailable"})
	case TooMany:
		s.refuse(w, &problem{status: 429, code: 130429, message: "Rate limit hit", details: "Cloud API message throughput has been reached"})
	case ResetBefore, ResetAfter:
		reset(w)
	case GarbageAfter:
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html>"))
	}
}

// reset closes the connection with RST rather than FIN.
func reset(w http.ResponseWriter) {
	h, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	c, _, err := h.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = c.Close()
}

// getNode answers for numbers and media, which share the id space.
func (s *Sim) getNode(w http.ResponseWriter, r *http.Request) *problem {
	s.mu.Lock()
	n := s.numbers[r.PathValue("id")]
	s.mu.Unlock()
	if n == nil {
		return s.getMedia(w, r)
	}
	answer(w, 200, map[string]any{
		"id": n.ID, "display_phone_number": "+" + n.Display, "verified_name": n.Name, "quality_rating": "GREEN",
		"code_verification_status": "VERIFIED", "platform_type": "CLOUD_API",
	})
	return nil
}

func (s *Sim) postSubscribed(w http.ResponseWriter, r *http.Request) *problem {
	if r.PathValue("id") != s.cfg.Account {
		return unknownObject
	}
	answer(w, 200, map[string]any{"success": true})
	return nil
}

// Template is a message text approved by Meta.
type Template struct {
	// Name and Language together identify it; Language is such as "de" or "en_US".
	Name, Language string
	// Category is UTILITY, MARKETING or AUTHENTICATION.
	Category string
	// Body has variables {{1}}, {{2}} ...
	Body string
	// Variables is how many the body has.
	Variables int
}

// DefaultTemplates are a few approved ones in English, German and Italian.
func DefaultTemplates() []Template {
	return []Template{
		{"follow_up", "en", "UTILITY", "Hello {{1}}, we have news about your request. Just reply here to continue.", 1},
		{"follow_up", "de", "UTILITY", "Guten Tag {{1}}, es gibt Neues zu Ihrer Anfrage. Antworten Sie einfach hier.", 1},
		{"follow_up", "it", "UTILITY", "Salve {{1}}, ci sono novità sulla sua richiesta. Risponda qui per continuare.", 1},
		{"appointment", "en", "UTILITY", "Your appointment is on {{1}} at {{2}}.", 2},
		{"appointment", "de", "UTILITY", "Ihr Termin ist am {{1}} um {{2}} Uhr.", 2},
		{"appointment", "it", "UTILITY", "Il suo appuntamento è il {{1}} alle {{2}}.", 2},
		{"spring_offer", "en", "MARKETING", "Our spring offer is here: 10 % off everything for the garden.", 0},
		{"sign_in_code", "en", "AUTHENTICATION", "{{1}} is your verification code.", 1},
	}
}

func (s *Sim) getTemplates(w http.ResponseWriter, r *http.Request) *problem {
	if r.PathValue("id") != s.cfg.Account {
		return unknownObject
	}
	data := []any{}
	for i, t := range s.cfg.Templates {
		data = append(data, map[string]any{
			"id": strconv.Itoa(700_000_000_000_000 + i), "name": t.Name, "language": t.Language, "category": t.Category, "status": "APPROVED",
			"components": []any{map[string]any{"type": "BODY", "text": t.Body}},
		})
	}
	answer(w, 200, map[string]any{"data": data})
	return nil
}
