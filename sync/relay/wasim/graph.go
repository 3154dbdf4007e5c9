package wasim

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
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
	s.poke()
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
		s.poke()
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

// Permission is one of the two permissions a token may have.
type Permission uint8

const (
	// Messaging is whatsapp_business_messaging: messages, media, block list, profile and registration.
	Messaging Permission = 1 << iota
	// Management is whatsapp_business_management: templates, settings, subscriptions, numbers and activities.
	Management
)

// Token is a bearer token.
type Token struct {
	Value string
	// May is what it may do; 0 is everything.
	May Permission
	// Expires is when it ends; the zero time is never.
	Expires time.Time
}

type token struct {
	Token
	expired bool
}

// ExpireToken makes a token answer 190 until [Sim.RestoreToken]; "" is all tokens.
func (s *Sim) ExpireToken(value string) { s.expire(value, true) }

// RestoreToken undoes [Sim.ExpireToken].
func (s *Sim) RestoreToken(value string) { s.expire(value, false) }

func (s *Sim) expire(value string, expired bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tokens {
		if value == "" || t.Value == value {
			t.expired = expired
		}
	}
	s.poke()
}

// bearer finds the token of a request, and says what is wrong with it.
func (s *Sim) bearer(r *http.Request) (*token, *problem) {
	value, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tokens {
		if ok && subtle.ConstantTimeCompare([]byte(t.Value), []byte(value)) == 1 {
			if t.expired || !t.Expires.IsZero() && !s.clock.Now().Before(t.Expires) {
				return nil, &problem{
					status: 401, code: 190, subcode: 463, message: "Error validating access token: Session has expired",
				}
			}
			return t, nil
		}
	}
	return nil, &problem{status: 401, code: 190, message: "Invalid OAuth access token - Cannot parse access token"}
}

type handler func(http.ResponseWriter, *http.Request) *problem

func (s *Sim) routes() *http.ServeMux {
	mux := http.NewServeMux()
	on := func(pattern, route string, may Permission, h handler) {
		mux.HandleFunc(pattern, s.graph(route, may, h))
	}
	on("POST /{version}/{id}/messages", RouteMessages, Messaging, s.postMessage)
	on("POST /{version}/{id}/marketing_messages", RouteMarketing, Messaging, s.postMarketing)
	on("POST /{version}/{id}/media", RouteUpload, Messaging, s.postMedia)
	on("GET /{version}/{id}/block_users", RouteBlock, Messaging, s.getBlocked)
	on("POST /{version}/{id}/block_users", RouteBlock, Messaging, s.postBlocked)
	on("DELETE /{version}/{id}/block_users", RouteBlock, Messaging, s.deleteBlocked)
	on("GET /{version}/{id}/whatsapp_business_profile", RouteProfile, Messaging, s.getProfile)
	on("POST /{version}/{id}/whatsapp_business_profile", RouteProfile, Messaging, s.postProfile)
	on("POST /{version}/{id}/register", RouteRegister, Messaging, s.postRegister)
	on("POST /{version}/{id}/deregister", RouteRegister, Messaging, s.postDeregister)
	on("GET /{version}/{id}/settings", RouteSettings, Management, s.getSettings)
	on("POST /{version}/{id}/settings", RouteSettings, Management, s.postSettings)
	on("GET /{version}/{id}/username", RouteUsername, Management, s.getUsername)
	on("POST /{version}/{id}/username", RouteUsername, Management, s.postUsername)
	on("DELETE /{version}/{id}/username", RouteUsername, Management, s.deleteUsername)
	on("DELETE /{version}/{id}/contact_book", RouteBook, Management, s.deleteBook)
	on("GET /{version}/{id}/message_history", RouteHistory, Management, s.getHistory)
	on("GET /{version}/{id}/events", RouteHistory, Management, s.getEvents)
	on("GET /{version}/{id}/message_templates", RouteTemplates, Management, s.getTemplates)
	on("POST /{version}/{id}/message_templates", RouteTemplates, Management, s.postTemplates)
	on("DELETE /{version}/{id}/message_templates", RouteTemplates, Management, s.deleteTemplates)
	on("GET /{version}/{id}/phone_numbers", RouteNumbers, Management, s.getNumbers)
	on("GET /{version}/{id}/activities", RouteActivity, Management, s.getActivities)
	on("GET /{version}/{id}/subscribed_apps", RouteSubscribe, Management, s.getSubscribed)
	on("POST /{version}/{id}/subscribed_apps", RouteSubscribe, Management, s.postSubscribed)
	on("DELETE /{version}/{id}/subscribed_apps", RouteSubscribe, Management, s.deleteSubscribed)
	on("GET /{version}/{id}", "", 0, s.getNode)
	on("POST /{version}/{id}", RouteTemplate, Management, s.postTemplate)
	on("DELETE /{version}/{id}", RouteMedia, Messaging, s.deleteMedia)
	mux.HandleFunc("GET /whatsapp_business/attachments/{$}", s.getAttachment)
	on("/", "", 0, func(http.ResponseWriter, *http.Request) *problem { return unknownObject })
	return mux
}

// ServeHTTP is the Graph API, and with [Config.Play] the page to play a customer.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.cfg.Play && (r.URL.Path == "/play" || strings.HasPrefix(r.URL.Path, "/play/")) {
		s.page.ServeHTTP(w, r)
		return
	}
	s.mux.ServeHTTP(w, r)
}

var versionPath = regexp.MustCompile(`^v([1-9][0-9])\.0$`)

// Versions of the Graph API that exist: v20.0 ended on 24 September 2026.
const (
	oldestVersion = 21
	newestVersion = 27
)

var unknownObject = &problem{
	status: 400, code: 100, subcode: 33, message: "Unsupported request",
	details: "The object does not exist, cannot be loaded due to missing permissions, or does not support this operation",
}

// graph wraps a route with what every route has in common: token, version, permission, injections, shape of errors.
func (s *Sim) graph(route string, may Permission, h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p := s.admit(r, route, may)
		if p == nil {
			p = h(w, r)
		}
		if p != nil {
			s.refuse(w, p)
		}
	}
}

func (s *Sim) admit(r *http.Request, route string, may Permission) *problem {
	t, p := s.bearer(r)
	if p != nil {
		return p
	}
	if v := r.PathValue("version"); v != "" {
		m := versionPath.FindStringSubmatch(v)
		if m == nil {
			return &problem{status: 400, code: 2500, message: "Unknown path components"}
		}
		if n, _ := strconv.Atoi(m[1]); n < oldestVersion || n > newestVersion {
			return &problem{status: 400, code: 2635, message: "You are calling a deprecated version of the API"}
		}
	}
	return s.permit(t, route, may)
}

func (s *Sim) permit(t *token, route string, may Permission) *problem {
	if t.May != 0 && may&^t.May != 0 {
		return because(10, "The token lacks the permission for this object")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if may == Management && !s.management.take(s.clock.Now()) {
		return refusal(80007, "")
	}
	switch route {
	case "", RouteMessages, RouteMarketing: // these know more before they ask
		return nil
	}
	if in := s.injected(route, "", false); in != nil {
		return in.problem("")
	}
	return nil
}

func (s *Sim) refuse(w http.ResponseWriter, p *problem) {
	s.mu.Lock()
	trace := "A" + word(s.ids, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", 22)
	s.mu.Unlock()
	e := object{
		"message": fmt.Sprintf("(#%d) %s", p.code, p.message), "type": "OAuthException", "code": p.code, "fbtrace_id": trace,
	}
	if p.subcode != 0 {
		e["error_subcode"] = p.subcode
	}
	if p.details != "" {
		e["error_data"] = object{"messaging_product": "whatsapp", "details": p.details}
	}
	if p.status >= 500 || p.status == 429 {
		e["is_transient"] = true
	}
	if p.code == 190 {
		w.Header().Set("WWW-Authenticate", `OAuth "Facebook Platform" "invalid_token"`)
	}
	s.log.Debug("graph request refused", "code", p.code, "status", p.status)
	body := object{"error": e}
	for k, v := range p.more {
		body[k] = v
	}
	write(w, p.status, "v25.0", body)
}

// answer is the answer to a request that went well; r may be nil.
func answer(w http.ResponseWriter, r *http.Request, v any) {
	version := "v25.0"
	if r != nil && r.PathValue("version") != "" {
		version = r.PathValue("version")
	}
	write(w, http.StatusOK, version, v)
}

func write(w http.ResponseWriter, status int, version string, v any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.Header().Set("Facebook-Api-Version", version)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// fields keeps what ?fields= names, or what Meta shows unasked. A field that does not exist is refused.
func fields(o object, asked string, unasked ...string) (object, *problem) {
	names := unasked
	if asked != "" {
		names = strings.Split(asked, ",")
	}
	out := object{}
	for _, n := range names {
		n, _, _ = strings.Cut(strings.TrimSpace(n), "{")
		v, ok := o[n]
		if !ok {
			if slices.Contains(unasked, n) || n == "rejected_reason" {
				continue
			}
			return nil, unexpected("Tried accessing nonexisting field (" + n + ")")
		}
		out[n] = v
	}
	if id, ok := o["id"]; ok {
		out["id"] = id
	}
	return out, nil
}

// page answers with one page of data, after the cursor the caller gives.
func page(w http.ResponseWriter, r *http.Request, data []any, usual int) *problem {
	q := r.URL.Query()
	limit, start := usual, 0
	if l := q.Get("limit"); l != "" {
		n, err := strconv.Atoi(l)
		if err != nil || n < 1 {
			return unexpected("Param limit must be a positive number")
		}
		limit = min(n, 1000)
	}
	cursor := func(i int) string { return base64.RawURLEncoding.EncodeToString([]byte("at:" + strconv.Itoa(i))) }
	place := func(c string) (int, bool) {
		b, err := base64.RawURLEncoding.DecodeString(c)
		n, ok := strings.CutPrefix(string(b), "at:")
		i, bad := strconv.Atoi(n)
		return i, err == nil && ok && bad == nil && i >= 0
	}
	if a := q.Get("after"); a != "" {
		i, ok := place(a)
		if !ok {
			return unexpected("Invalid cursors values")
		}
		start = min(i, len(data))
	} else if b := q.Get("before"); b != "" {
		i, ok := place(b)
		if !ok {
			return unexpected("Invalid cursors values")
		}
		start = max(min(i, len(data))-limit, 0)
	}
	end := min(start+limit, len(data))
	body := object{"data": append([]any{}, data[start:end]...)}
	if end > start {
		paging := object{"cursors": object{"before": cursor(start), "after": cursor(end)}}
		link := func(key, c string) string {
			next := url.Values{"limit": {strconv.Itoa(limit)}, key: {c}}
			return "http://" + r.Host + r.URL.Path + "?" + next.Encode()
		}
		if end < len(data) {
			paging["next"] = link("after", cursor(end))
		}
		if start > 0 {
			paging["previous"] = link("before", cursor(start))
		}
		body["paging"] = paging
	}
	answer(w, r, body)
	return nil
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
		s.refuse(w, refusal(131000, ""))
	case ErrorAfter:
		s.refuse(w, refusal(131016, ""))
	case TooMany:
		s.refuse(w, refusal(130429, ""))
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

// getNode answers for numbers, the account, templates and media, which share the id space.
func (s *Sim) getNode(w http.ResponseWriter, r *http.Request) *problem {
	t, p := s.bearer(r)
	if p != nil {
		return p
	}
	id := r.PathValue("id")
	s.mu.Lock()
	n, tpl := s.numbers[id], s.templateByID(id)
	s.mu.Unlock()
	switch {
	case n != nil:
		if p := s.permit(t, RouteNumber, Management); p != nil {
			return p
		}
		return s.getNumber(w, r, n)
	case tpl != nil:
		if p := s.permit(t, RouteTemplate, Management); p != nil {
			return p
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.getTemplate(w, r, tpl)
	}
	if p := s.permit(t, RouteMedia, Messaging); p != nil {
		return p
	}
	return s.getMedia(w, r)
}

// line finds the company number a route names.
func (s *Sim) line(r *http.Request) *line {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.numbers[r.PathValue("id")]
}
