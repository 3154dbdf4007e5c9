package wasim_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"slices"
	"sync"
	"testing"
	"time"

	"sealdesk/sync/relay/wasim"
)

type doc = map[string]any

// wire is a simulation seen from the cable: requests and webhooks as plain JSON, read by nothing but this file. What the
// relay makes of either is its own affair.
type wire struct {
	t     *testing.T
	sim   *wasim.Sim
	clock *wasim.Virtual
	graph *httptest.Server
	hook  *httptest.Server

	mu       sync.Mutex
	bodies   [][]byte
	signed   []string // by which secret: good, old, none or bad
	statuses []int    // answers to give, in order; 200 when empty
}

const (
	emilyNumber = "447700900142"
	messagesAt  = "/v25.0/" + numberID + "/messages"
	accountID   = "102290129340398"
	templatesAt = "/v25.0/" + accountID + "/message_templates"
	oldSecret   = "older-secret"
)

func newWire(t *testing.T, change func(*wasim.Config)) *wire {
	t.Helper()
	w := &wire{t: t, clock: wasim.NewVirtual(morning)}
	w.hook = httptest.NewServer(http.HandlerFunc(w.webhook))
	t.Cleanup(w.hook.Close)
	cfg := wasim.Config{
		Clock: w.clock, AppSecret: appSecret, OldSecret: oldSecret, VerifyToken: verifyToken, Token: bearer, Account: accountID, Seed: 7,
		Numbers: []wasim.Number{{ID: numberID, Display: "493023125100", Name: "Demo"}}, WebhookURL: w.hook.URL,
		Personas: append(wasim.Personas(), wasim.Cast()...),
	}
	if change != nil {
		change(&cfg)
	}
	sim, err := wasim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.sim = sim
	w.graph = httptest.NewServer(sim)
	t.Cleanup(w.graph.Close)
	return w
}

func (w *wire) webhook(res http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		q := r.URL.Query()
		if q.Get("hub.mode") != "subscribe" || q.Get("hub.verify_token") != verifyToken && q.Get("hub.verify_token") != "another-word" {
			res.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = io.WriteString(res, q.Get("hub.challenge"))
		return
	}
	body, _ := io.ReadAll(r.Body)
	signed := "bad"
	switch sum := r.Header.Get("X-Hub-Signature-256"); sum {
	case "":
		signed = "none"
	case mac(appSecret, body):
		signed = "good"
	case mac(oldSecret, body):
		signed = "old"
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.signed = append(w.signed, signed)
	if signed == "bad" || signed == "none" {
		res.WriteHeader(http.StatusUnauthorized)
		return
	}
	if len(w.statuses) > 0 {
		s := w.statuses[0]
		w.statuses = w.statuses[1:]
		res.WriteHeader(s)
		if s != http.StatusOK {
			return
		}
	}
	w.bodies = append(w.bodies, body)
}

func mac(secret string, body []byte) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write(body)
	return "sha256=" + hex.EncodeToString(m.Sum(nil))
}

func (w *wire) settle() {
	w.t.Helper()
	if err := w.sim.Settle(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *wire) advance(d time.Duration) {
	w.t.Helper()
	if err := w.sim.Advance(context.Background(), d); err != nil {
		w.t.Fatal(err)
	}
}

// do makes a persona act and returns the wamid.
func (w *wire) do(persona string, l wasim.Line) string {
	w.t.Helper()
	id, err := w.sim.Do(persona, l)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// values returns the value of every change of a field so far, after all due deliveries.
func (w *wire) values(field string) (all []doc) {
	w.t.Helper()
	w.settle()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range w.bodies {
		var d struct {
			Entry []struct {
				Changes []struct {
					Field string
					Value doc
				}
			}
		}
		if err := json.Unmarshal(b, &d); err != nil {
			w.t.Fatalf("webhook is not JSON: %v", err)
		}
		for _, e := range d.Entry {
			for _, c := range e.Changes {
				if c.Field == field {
					all = append(all, c.Value)
				}
			}
		}
	}
	return all
}

// items returns the elements of a list in the values of a field so far.
func (w *wire) items(field, list string) (all []doc) {
	w.t.Helper()
	for _, v := range w.values(field) {
		l, _ := v[list].([]any)
		for _, o := range l {
			all = append(all, o.(doc))
		}
	}
	return all
}

// last returns the newest inbound message and the contacts it came with.
func (w *wire) last() (msg, contact doc) {
	w.t.Helper()
	vs := w.values("messages")
	for _, v := range slices.Backward(vs) {
		if ms, ok := v["messages"].([]any); ok {
			if cs, ok := v["contacts"].([]any); ok {
				contact = cs[0].(doc)
			}
			return ms[len(ms)-1].(doc), contact
		}
	}
	w.t.Fatal("no message came")
	return nil, nil
}

// fates returns the states of a message so far, with the code of a failure.
func (w *wire) fates(id string) (all []string, code int) {
	w.t.Helper()
	for _, s := range w.items("messages", "statuses") {
		if s["id"] != id {
			continue
		}
		all = append(all, s["status"].(string))
		if es, ok := s["errors"].([]any); ok {
			code = int(es[0].(doc)["code"].(float64))
		}
	}
	return all, code
}

// call makes a request; body is JSON unless it is nil. It returns the status, the answer and its error code.
func (w *wire) call(method, path string, body any) (status int, answer doc, code int) {
	w.t.Helper()
	return w.callAs(bearer, method, path, body)
}

func (w *wire) callAs(token, method, path string, body any) (status int, answer doc, code int) {
	w.t.Helper()
	var in io.Reader
	if body != nil {
		raw, ok := body.(string)
		if !ok {
			b, err := json.Marshal(body)
			if err != nil {
				w.t.Fatal(err)
			}
			raw = string(b)
		}
		in = bytes.NewReader([]byte(raw))
	}
	req, err := http.NewRequest(method, w.graph.URL+path, in)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return w.answer(req)
}

func (w *wire) answer(req *http.Request) (status int, answer doc, code int) {
	w.t.Helper()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		w.t.Fatalf("%s: answer is not JSON: %v", req.Method, err)
	}
	if e, ok := answer["error"].(doc); ok {
		code = int(e["code"].(float64))
		if e["fbtrace_id"] == "" || e["type"] != "OAuthException" || e["message"] == "" {
			w.t.Errorf("error %d lacks what every error has", code)
		}
	}
	return res.StatusCode, answer, code
}

// upload posts a file and returns its id.
func (w *wire) upload(mimeType string, data []byte) (id string, code int) {
	w.t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	_ = m.WriteField("messaging_product", "whatsapp")
	_ = m.WriteField("type", mimeType)
	p, err := m.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="f"`}, "Content-Type": {mimeType},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	_, _ = p.Write(data)
	_ = m.Close()
	req, err := http.NewRequest("POST", w.graph.URL+"/v25.0/"+numberID+"/media", &b)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", m.FormDataContentType())
	req.Header.Set("Authorization", "Bearer "+bearer)
	_, answer, code := w.answer(req)
	id, _ = answer["id"].(string)
	return id, code
}

// message is a send to Emily with one member of content.
func message(kind string, content any, more ...doc) doc {
	m := doc{"messaging_product": "whatsapp", "recipient_type": "individual", "to": emilyNumber, "type": kind, kind: content}
	for _, o := range more {
		maps.Copy(m, o)
	}
	return m
}

// send posts a message and returns its wamid.
func (w *wire) send(m doc) (id string, code int) {
	w.t.Helper()
	_, answer, code := w.call("POST", messagesAt, m)
	if code == 0 {
		id = answer["messages"].([]any)[0].(doc)["id"].(string)
	}
	return id, code
}

// sent posts a message that must be accepted.
func (w *wire) sent(m doc) string {
	w.t.Helper()
	id, code := w.send(m)
	if code != 0 {
		w.t.Fatalf("refused with %d", code)
	}
	return id
}

func text(s string) doc { return message("text", doc{"body": s}) }

// template is a send of a template with parameters for its body.
func templateOf(name, language string, values ...string) doc {
	var params []any
	for _, v := range values {
		params = append(params, doc{"type": "text", "text": v})
	}
	o := doc{"name": name, "language": doc{"code": language}}
	if params != nil {
		o["components"] = []any{doc{"type": "body", "parameters": params}}
	}
	return message("template", o)
}

// writes makes Emily open the window.
func (w *wire) writes(persona string) {
	w.t.Helper()
	w.do(persona, wasim.Line{Text: "Hello"})
	w.settle()
}
