package wasim

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// window is how long after a person's last message the company may write freely.
const window = 24 * time.Hour

// Message is one message a customer received.
type Message struct {
	// ID is the wamid; Number the id of the company number; To the digits or user id it was sent to.
	ID, Number, To string
	// Persona is the receiver's key, "" for somebody without WhatsApp, who receives nothing: look at State.
	Persona string
	// At is when it was accepted.
	At time.Time
	// Type is Meta's word for what it is; the fields it does not have are "".
	Type                             string
	Text, Emoji, Template            string
	MediaID, MIME, Caption, Filename string
	Callback                         string
	ReplyTo                          string // of a reaction: the message reacted to
	State                            string // accepted, sent, delivered, read or failed
	Code                             int    // why it failed
	parameters                       []string
}

// Mark is a read receipt or typing indicator the company sent.
type Mark struct {
	ID     string
	Typing bool
	At     time.Time
}

// message is a message Meta knows, in either direction.
type message struct {
	Message
	person   *person
	number   *line
	inbound  bool
	category string
	free     bool
}

// Sent returns everything the company's sends were accepted for, in order: what customers received, and what failed after
// it was accepted.
func (s *Sim) Sent() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Message, len(s.sent))
	for i, m := range s.sent {
		all[i] = m.Message
	}
	return all
}

// Marks returns the read receipts and typing indicators the company sent, in order.
func (s *Sim) Marks() []Mark {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mark(nil), s.marks...)
}

// The members each type of message may have, after Meta's OpenAPI description (v23.0) and, for recipient and
// biz_opaque_callback_data, its later documentation.
var (
	baseMembers = []string{"messaging_product", "recipient_type", "to", "recipient", "type", "context", "biz_opaque_callback_data"}
	bodyMembers = map[string][]string{
		"text":     {"body", "preview_url"},
		"reaction": {"message_id", "emoji"},
		"image":    {"id", "link", "caption"},
		"video":    {"id", "link", "caption"},
		"audio":    {"id", "link"},
		"document": {"id", "link", "caption", "filename"},
		"sticker":  {"id", "link"},
		"template": {"name", "language", "components"},
	}
	recipientPattern = regexp.MustCompile(`^[A-Z]{2}\.(ENT\.)?[0-9A-Za-z]{1,128}$`)
)

func missing(name string) *problem {
	return &problem{status: 400, code: 131008, message: "Required parameter is missing", details: name + " is required"}
}

func invalid(details string) *problem {
	return &problem{status: 400, code: 131009, message: "Parameter value is not valid", details: details}
}

func unexpected(details string) *problem {
	return &problem{status: 400, code: 100, message: "Invalid parameter", details: details}
}

type object = map[string]any

// only refuses members outside allowed.
func only(o object, where string, allowed ...string) *problem {
	for k := range o {
		found := false
		for _, a := range allowed {
			found = found || a == k
		}
		if !found {
			return unexpected(fmt.Sprintf("Unexpected key %q on param %q", k, where))
		}
	}
	return nil
}

// text reads a member that is a string of at most limit runes, "" when absent.
func text(o object, name string, limit int) (string, *problem) {
	v, ok := o[name]
	if !ok {
		return "", nil
	}
	str, ok := v.(string)
	if !ok {
		return "", unexpected("Param " + name + " must be a string")
	}
	if utf8.RuneCountInString(str) > limit {
		return "", unexpected(fmt.Sprintf("Param %s must be at most %d characters long", name, limit))
	}
	return str, nil
}

func (s *Sim) postMessage(w http.ResponseWriter, r *http.Request) *problem {
	if t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); t != "application/json" {
		return unexpected("Content-Type must be application/json")
	}
	raw, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return unexpected("The body cannot be read")
	}
	var body object
	if !utf8.Valid(raw) || json.Unmarshal(raw, &body) != nil || body == nil {
		return unexpected("The body is not a JSON object")
	}
	s.mu.Lock()
	number := s.numbers[r.PathValue("id")]
	s.mu.Unlock()
	if number == nil {
		return unknownObject
	}
	if body["messaging_product"] != "whatsapp" {
		return unexpected("The parameter messaging_product is required and must be whatsapp")
	}
	if _, ok := body["status"]; ok {
		return s.postMark(w, number, body)
	}

	s.mu.Lock()
	fault := s.graphFault()
	if fault != 0 && !fault.Accepts() {
		s.mu.Unlock()
		s.misbehave(w, r, fault)
		return nil
	}
	m, p := s.accept(number, body)
	if p != nil {
		s.mu.Unlock()
		return p
	}
	contact := object{"input": m.To}
	if m.person == nil || m.To == m.person.Number {
		contact["wa_id"] = strings.TrimLeft(m.To, "+")
	} else {
		contact["user_id"] = m.To
	}
	id := object{"id": m.ID}
	if m.Type == "template" {
		id["message_status"] = "accepted"
	}
	s.mu.Unlock()
	if fault != 0 {
		s.misbehave(w, r, fault)
		return nil
	}
	answer(w, 200, object{"messaging_product": "whatsapp", "contacts": []any{contact}, "messages": []any{id}})
	return nil
}

func (s *Sim) postMark(w http.ResponseWriter, number *line, body object) *problem {
	if p := only(body, "root", "messaging_product", "status", "message_id", "typing_indicator"); p != nil {
		return p
	}
	if body["status"] != "read" {
		return unexpected("Param status must be one of {read}")
	}
	id, p := text(body, "message_id", 512)
	if p != nil {
		return p
	}
	if id == "" {
		return missing("message_id")
	}
	typing := false
	if v, ok := body["typing_indicator"]; ok {
		o, _ := v.(object)
		if o == nil || o["type"] != "text" || len(o) != 1 {
			return invalid("typing_indicator type must be text")
		}
		typing = true
	}
	s.mu.Lock()
	m := s.messages[id]
	if m == nil || !m.inbound || m.number != number {
		s.mu.Unlock()
		return invalid("message_id is not a message of this number")
	}
	s.marks = append(s.marks, Mark{ID: id, Typing: typing, At: s.clock.Now()})
	s.mu.Unlock()
	answer(w, 200, object{"success": true})
	return nil
}

// accept checks a send against shape, recipient, limits and window, and takes it. The caller holds mu.
func (s *Sim) accept(number *line, body object) (*message, *problem) {
	m := &message{number: number, Message: Message{Number: number.ID, At: s.clock.Now(), State: "accepted"}}
	if p := s.shape(m, body); p != nil {
		return nil, p
	}
	m.person = s.byAddress[m.To]
	switch {
	case m.To == number.Display:
		return nil, &problem{status: 400, code: 131021, message: "Recipient cannot be sender"}
	case m.person == nil && s.cfg.AllowList:
		// Meta's texts do hold the number, which is why no client may pass them on.
		return nil, &problem{
			status: 400, code: 131030, message: "Recipient phone number not in allowed list",
			details: "Recipient phone number " + m.To + " not in allowed list: Add recipient phone number to recipient list and try again.",
		}
	}
	if !number.bucket.take(s.clock.Now()) {
		return nil, &problem{status: 429, code: 130429, message: "Rate limit hit", details: "Cloud API message throughput has been reached"}
	}
	t := number.thread(m.person)
	if m.person != nil && !t.pair.take(s.clock.Now()) {
		return nil, &problem{
			status: 400, code: 131056, message: "(Business Account, Consumer Account) pair rate limit hit",
			details: "Message failed to send because too many messages were sent to " + m.To + " in a short period of time",
		}
	}
	code := 0
	if m.person == nil {
		code = 131026
	} else if m.Type != "template" && s.clock.Now().Sub(t.lastInbound) >= window {
		code = 131047
		if s.cfg.WindowAtOnce {
			return nil, &problem{status: 400, code: code, message: "Re-engagement message", details: reengage}
		}
	}
	if code == 0 && len(s.failCodes) > 0 {
		code, s.failCodes = s.failCodes[0], s.failCodes[1:]
	}
	m.ID = wamid(s.ids, m.To, false)
	s.record("wamid", m.ID)
	s.messages[m.ID] = m
	s.sent = append(s.sent, m)
	if m.person != nil {
		m.Persona = m.person.Key
		if m.Type != "reaction" {
			t.lastFromAgent = m.ID
		}
	}
	m.free = m.category == "service" && m.At.Before(servicePriced)
	if code != 0 {
		s.schedule(s.vary(s.cfg.Tempo.Sent), true, func(context.Context) { s.progress(m, "failed", code) })
		return m, nil
	}
	wait := s.vary(s.cfg.Tempo.Sent)
	s.schedule(wait, true, func(context.Context) { s.progress(m, "sent", 0) })
	wait += s.vary(s.cfg.Tempo.Delivered)
	s.schedule(wait, true, func(context.Context) { s.progress(m, "delivered", 0) })
	wait += s.vary(s.cfg.Tempo.Read)
	s.schedule(wait, true, func(context.Context) { s.progress(m, "read", 0) })
	if s.performing && m.Type != "reaction" {
		s.answerLater(m, wait)
	}
	return m, nil
}

const reengage = "Message failed to send because more than 24 hours have passed since the customer last replied to this number."

// servicePriced is when Meta began to bill free-form messages.
var servicePriced = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)

func (n *line) thread(p *person) *thread {
	t := n.threads[p]
	if t == nil {
		t = &thread{pair: bucket{size: 45, perSecond: 1.0 / 6}}
		n.threads[p] = t
	}
	return t
}

// shape checks members and values and fills m.
func (s *Sim) shape(m *message, body object) *problem {
	kind, p := text(body, "type", 32)
	if p != nil {
		return p
	}
	if kind == "" {
		kind = "text" // Meta's own default
	}
	members, ok := bodyMembers[kind]
	if !ok {
		return unexpected("Param type must be one of the supported types")
	}
	m.Type = kind
	if p := only(body, "root", append([]string{kind}, baseMembers...)...); p != nil {
		return p
	}
	if v, ok := body["recipient_type"]; ok && v != "individual" {
		return unexpected("Param recipient_type must be individual")
	}
	if p := address(m, body); p != nil {
		return p
	}
	if m.Callback, p = text(body, "biz_opaque_callback_data", 512); p != nil {
		return p
	}
	if v, ok := body["context"]; ok {
		o, _ := v.(object)
		id, p := text(o, "message_id", 512)
		if p != nil {
			return p
		}
		quoted := s.messages[id]
		if quoted == nil || quoted.number != m.number || len(o) != 1 {
			return invalid("context message_id is not a message of this number")
		}
		m.ReplyTo = id
	}
	o, ok := body[kind].(object)
	if !ok {
		return missing(kind)
	}
	if p := only(o, kind, members...); p != nil {
		return p
	}
	m.category = "service"
	switch kind {
	case "text":
		return shapeText(m, o)
	case "reaction":
		return s.shapeReaction(m, o)
	case "template":
		return s.shapeTemplate(m, o)
	}
	return s.shapeMedia(m, o)
}

// address reads to or recipient; to wins. A user id in to is wrong, and is refused rather than dropped in silence.
func address(m *message, body object) *problem {
	to, p := text(body, "to", 256)
	if p != nil {
		return p
	}
	if to != "" {
		plain := strings.NewReplacer("+", "", " ", "", "-", "", "(", "", ")", "").Replace(to)
		if len(plain) < 7 || len(plain) > 15 || strings.Trim(plain, digits) != "" || plain[0] == '0' {
			return invalid("to is not a phone number: " + to)
		}
		m.To = plain
		return nil
	}
	user, p := text(body, "recipient", 256)
	if p != nil {
		return p
	}
	if user == "" {
		return missing("to or recipient")
	}
	if !recipientPattern.MatchString(user) {
		return invalid("recipient is not a user id: " + user)
	}
	m.To = user
	return nil
}

func shapeText(m *message, o object) (p *problem) {
	if m.Text, p = text(o, "body", 4096); p != nil {
		return p
	}
	if strings.TrimSpace(m.Text) == "" {
		return missing("text body")
	}
	if v, ok := o["preview_url"]; ok {
		if _, ok := v.(bool); !ok {
			return unexpected("Param preview_url must be a boolean")
		}
	}
	return nil
}

func (s *Sim) shapeReaction(m *message, o object) (p *problem) {
	id, p := text(o, "message_id", 512)
	if p != nil {
		return p
	}
	if _, ok := o["emoji"]; !ok {
		return missing("emoji")
	}
	if m.Emoji, p = text(o, "emoji", 16); p != nil {
		return p
	}
	target := s.messages[id]
	if target == nil || target.number != m.number || target.Type == "reaction" {
		return invalid("reaction message_id is not a message of this number")
	}
	if s.clock.Now().Sub(target.At) > 30*24*time.Hour {
		return invalid("reaction to a message older than 30 days")
	}
	m.ReplyTo = id
	return nil
}

func (s *Sim) shapeMedia(m *message, o object) (p *problem) {
	if _, ok := o["link"]; ok {
		return unexpected("link is not supported by this simulator: upload the file")
	}
	id, p := text(o, "id", 64)
	if p != nil {
		return p
	}
	if id == "" {
		return missing(m.Type + " id")
	}
	if m.Caption, p = text(o, "caption", 1024); p != nil {
		return p
	}
	if m.Filename, p = text(o, "filename", 240); p != nil {
		return p
	}
	f := s.media[id]
	if f == nil || f.number != m.number || s.clock.Now().After(f.expires) {
		return invalid("media id is not a file of this number")
	}
	if kindOf(f.mime) != m.Type && m.Type != "document" {
		return &problem{status: 400, code: 131053, message: "Media upload error", details: "The file's type does not fit the message's"}
	}
	m.MediaID, m.MIME = id, f.mime
	return nil
}

func (s *Sim) shapeTemplate(m *message, o object) (p *problem) {
	name, p := text(o, "name", 512)
	if p != nil {
		return p
	}
	lang, _ := o["language"].(object)
	code, p := text(lang, "code", 16)
	if p != nil {
		return p
	}
	if name == "" || code == "" {
		return missing("template name and language code")
	}
	var t *Template
	for i := range s.cfg.Templates {
		if s.cfg.Templates[i].Name == name && s.cfg.Templates[i].Language == code {
			t = &s.cfg.Templates[i]
		}
	}
	if t == nil {
		return &problem{status: 404, code: 132001, message: "Template name does not exist in the translation", details: "template name (" + name + ") does not exist in " + code}
	}
	parts, _ := o["components"].([]any)
	for _, c := range parts {
		c, _ := c.(object)
		if p := only(c, "component", "type", "sub_type", "index", "parameters"); p != nil {
			return p
		}
		if c["type"] != "body" {
			return &problem{status: 400, code: 132012, message: "Parameter format does not match format in the created template"}
		}
		values, _ := c["parameters"].([]any)
		for _, v := range values {
			v, _ := v.(object)
			if p := only(v, "parameter", "type", "text", "parameter_name"); p != nil {
				return p
			}
			str, p := text(v, "text", 1024)
			if p != nil {
				return p
			}
			if v["type"] != "text" || str == "" {
				return &problem{status: 400, code: 132012, message: "Parameter format does not match format in the created template"}
			}
			m.parameters = append(m.parameters, str)
		}
	}
	if len(m.parameters) != t.Variables {
		return &problem{
			status: 400, code: 132000, message: "Number of parameters does not match the expected number of params",
			details: fmt.Sprintf("body: number of localizable_params (%d) does not match the expected number of params (%d)", len(m.parameters), t.Variables),
		}
	}
	if t.Category == "AUTHENTICATION" && strings.Contains(m.To, ".") {
		return &problem{status: 400, code: 131062, message: "Business-scoped user IDs are not supported for this message"}
	}
	m.Template, m.Text, m.category = name, t.Body, strings.ToLower(t.Category)
	for i, v := range m.parameters {
		m.Text = strings.ReplaceAll(m.Text, fmt.Sprintf("{{%d}}", i+1), v)
	}
	return nil
}
