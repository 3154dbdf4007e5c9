package wasim

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// window is how long after a person's last message the company may write freely; entry how long messages are free once the
// company answered somebody who came from an ad, and answerIn how soon it must.
const (
	window   = 24 * time.Hour
	entry    = 72 * time.Hour
	answerIn = 24 * time.Hour
)

// Message is one message a customer received.
type Message struct {
	// ID is the wamid; Number the id of the company number; To the digits or user id it was sent to.
	ID, Number, To string
	// Persona is the receiver's key, "" for somebody without WhatsApp, who receives nothing: look at State.
	Persona string
	// At is when it was accepted.
	At time.Time
	// Type is Meta's word for what it is; the fields it does not have are "". Interactive is the kind of an interactive one.
	Type                             string
	Text, Emoji, Template            string
	MediaID, MIME, Caption, Filename string
	Interactive                      string
	Callback                         string
	ReplyTo                          string // of a reaction: the message reacted to
	// State is accepted, sent, delivered, read, played or failed; Code is why it failed.
	State string
	Code  int
	// Choices are what the customer can press.
	Choices []Choice
	// Body is the member named by Type, as the company wrote it.
	Body json.RawMessage

	parameters []string
}

// Choice is a button or a row of a list that a message offers.
type Choice struct {
	// Kind is reply, row, quick_reply, url, phone, copy_code, flow, location, contact or call.
	Kind string `json:"kind"`
	// ID is the company's name for it (of a quick_reply: its payload); Title and Description are what the customer sees.
	ID          string `json:"id"`
	Title       string `json:"title"`
	Description string `json:"description,omitempty"`
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
	price    string // type of its pricing
	voice    bool
	link     string          // where its file is to be fetched from
	body     any             // of an inbound or echoed one: the member named by its type
	context  object          // of an inbound one
	states   []passed        // what became of it, for message_history
	emoji    map[bool]string // reactions to it, by whether they are the customer's
	edited   string
	revoked  bool
	fromAd   bool
}

type passed struct {
	state string
	code  int
	at    time.Time
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

func (s *Sim) postMessage(w http.ResponseWriter, r *http.Request) *problem {
	number := s.line(r)
	if number == nil {
		return unknownObject
	}
	schema := "message"
	body, p := readBody(r, "")
	if p != nil {
		return p
	}
	if _, ok := body["status"]; ok {
		schema = "mark"
	} else if _, ok := body["type"]; !ok {
		body["type"] = "text" // Meta's own default
	}
	if schema == "mark" {
		return s.postMark(w, number, body)
	}
	if p := conform(schema, body); p != nil {
		return p
	}
	return s.send(w, r, RouteMessages, number, body)
}

// postMarketing is the Marketing Messages API: templates of that category alone.
func (s *Sim) postMarketing(w http.ResponseWriter, r *http.Request) *problem {
	number := s.line(r)
	if number == nil {
		return unknownObject
	}
	body, p := readBody(r, "marketing")
	if p != nil {
		return p
	}
	return s.send(w, r, RouteMarketing, number, body)
}

func (s *Sim) send(w http.ResponseWriter, r *http.Request, route string, number *line, body object) *problem {
	s.mu.Lock()
	fault := s.graphFault()
	if fault != 0 && !fault.Accepts() {
		s.mu.Unlock()
		s.misbehave(w, r, fault)
		return nil
	}
	m, p := s.accept(route, number, body)
	if p != nil {
		s.mu.Unlock()
		return p
	}
	contact := object{"input": m.To}
	if m.person == nil || m.To == m.person.Number {
		contact["wa_id"] = m.To
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
	answer(w, r, object{"messaging_product": "whatsapp", "contacts": []any{contact}, "messages": []any{id}})
	return nil
}

func (s *Sim) postMark(w http.ResponseWriter, number *line, body object) *problem {
	if p := conform("mark", body); p != nil {
		return p
	}
	id, typing := str(body, "message_id"), body["typing_indicator"] != nil
	s.mu.Lock()
	defer s.mu.Unlock()
	if in := s.injected(RouteMark, "", false); in != nil {
		return in.problem("")
	}
	m := s.messages[id]
	if m == nil || !m.inbound || m.number != number {
		return invalid("message_id is not a message of this number")
	}
	if s.clock.Now().Sub(m.At) > uploadLife {
		return invalid("message_id is of a message older than 30 days")
	}
	s.marks = append(s.marks, Mark{ID: id, Typing: typing, At: s.clock.Now()})
	s.poke()
	answer(w, nil, object{"success": true})
	return nil
}

// accept checks a send against shape, recipient, limits and window, and takes it. The caller holds mu.
func (s *Sim) accept(route string, number *line, body object) (*message, *problem) {
	now := s.clock.Now()
	m := &message{number: number, Message: Message{Number: number.ID, At: now, State: "accepted"}}
	if p := s.shape(m, body); p != nil {
		return nil, p
	}
	if route == RouteMarketing {
		if m.category != "marketing" {
			return nil, unexpected("template must be of category MARKETING")
		}
		m.category = "marketing_lite"
	}
	m.person = s.byAddress[m.To]
	t := number.thread(m.person)
	if p := s.barred(route, m, t); p != nil {
		return nil, p
	}
	code := s.fails(route, m, t)
	if code == 131047 && s.cfg.WindowAtOnce {
		return nil, refusal(code, m.To)
	}
	if code == 0 { // what fails answers nobody, costs nothing and counts for nothing
		m.price = s.priceOf(m, t)
	}
	m.ID = wamid(s.ids, m.To, false)
	s.record("wamid", m.ID)
	s.messages[m.ID] = m
	s.sent = append(s.sent, m)
	s.story = append(s.story, m)
	m.states = append(m.states, passed{state: "accepted", at: now})
	if m.person != nil {
		m.Persona = m.person.Key
		if code == 0 && strings.HasPrefix(m.category, "marketing") {
			m.person.marketing = append(m.person.marketing, now)
		}
		if m.Type == "reaction" {
			s.messages[m.ReplyTo].reacted(false, m.Emoji)
		} else {
			t.lastFromAgent = m.ID
		}
		if m.To == m.person.Number {
			t.lastByNumber = now
		}
	}
	s.travel(m, code)
	return m, nil
}

// barred is what refuses a send in the answer. The caller holds mu.
func (s *Sim) barred(route string, m *message, t *thread) *problem {
	now, number := s.clock.Now(), m.number
	switch {
	case m.To == number.Display:
		return refusal(131021, m.To)
	case m.person == nil && s.cfg.AllowList:
		return refusal(131030, m.To)
	case !number.registered:
		return refusal(133010, m.To)
	case number.restricted != 0:
		return refusal(number.restricted, m.To)
	}
	if in := s.injected(route, m.To, false); in != nil {
		return in.problem(m.To)
	}
	if !number.bucket.take(now) {
		return refusal(130429, m.To)
	}
	if m.person != nil && !t.pair.take(now) {
		return refusal(131056, m.To)
	}
	if m.person == nil || t.open(now) || m.Type != "template" || s.cfg.PortfolioLimit < 0 {
		return nil
	}
	// The limit counts different people a company begins with, in any 24 hours, over all its numbers.
	for p, at := range s.reached {
		if now.Sub(at) >= 24*time.Hour {
			delete(s.reached, p)
		}
	}
	if _, known := s.reached[m.person]; !known && len(s.reached) >= s.cfg.PortfolioLimit {
		return because(131048, "The messaging limit of this business portfolio has been reached")
	}
	s.reached[m.person] = now
	return nil
}

// fails says why an accepted message will fail by webhook, 0 if it will not. The caller holds mu.
func (s *Sim) fails(route string, m *message, t *thread) int {
	now, p := s.clock.Now(), m.person
	marketing := strings.HasPrefix(m.category, "marketing")
	switch {
	case p == nil || p.Unreachable || m.number.blocked[p]:
		return 131026
	case m.Type != "template" && !t.open(now):
		return 131047
	case marketing && t.stopped:
		return 131050
	case marketing && strings.HasPrefix(p.Number, "1") && (p.Country == "US" || p.Country == ""):
		return 131049 // marketing templates do not reach American numbers
	case marketing && p.marketed(now) >= s.cfg.MarketingCap && s.cfg.MarketingCap >= 0:
		return 131049
	}
	if len(s.failCodes) > 0 {
		code := s.failCodes[0]
		s.failCodes = s.failCodes[1:]
		return code
	}
	if in := s.injected(route, m.To, true); in != nil {
		return in.Code
	}
	return 0
}

// marketed counts the marketing messages of the last 24 hours.
func (p *person) marketed(now time.Time) (n int) {
	for _, at := range p.marketing {
		if now.Sub(at) < 24*time.Hour {
			n++
		}
	}
	return n
}

// open reports whether the company may write freely.
func (t *thread) open(now time.Time) bool {
	return !t.lastInbound.IsZero() && now.Sub(t.lastInbound) < window
}

// travel plans what becomes of an accepted message. The caller holds mu.
func (s *Sim) travel(m *message, code int) {
	wait := s.vary(s.cfg.Tempo.Sent)
	if code != 0 {
		s.schedule(wait, true, func(context.Context) { s.progress(m, "failed", code) })
		return
	}
	if m.link != "" {
		// Meta fetches the file before it sends, so a link that leads nowhere fails the message later.
		s.schedule(wait, true, func(ctx context.Context) {
			if err := s.fetch(ctx, m); err != nil {
				s.progress(m, "failed", 131053)
				return
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.arrive(m, 0)
		})
		return
	}
	s.arrive(m, wait)
}

func (s *Sim) arrive(m *message, wait time.Duration) {
	states := []string{"sent", "delivered", "read"}
	if m.person.NoReceipts {
		states = states[:2]
	} else if m.voice {
		states = append(states, "played")
	}
	switch readFirst, failedFirst := s.quirk(s.faults.ReadFirst), s.quirk(s.faults.FailedFirst); {
	case failedFirst:
		states = append([]string{"sent", "failed"}, states[1:]...)
	case readFirst && len(states) > 2:
		states[1], states[2] = states[2], states[1]
	}
	for i, state := range states {
		if i > 0 {
			d := s.cfg.Tempo.Read
			if state == "delivered" {
				d = s.cfg.Tempo.Delivered
			}
			wait += s.vary(d)
		}
		code := 0
		if state == "failed" {
			code = 131026
		}
		s.schedule(wait, true, func(context.Context) { s.progress(m, state, code) })
	}
	if s.performing && m.Type != "reaction" {
		s.answerLater(m, wait)
	}
}

// quirk draws from luck of its own, so that a new fault does not change the others'.
func (s *Sim) quirk(likely float64) bool { return s.quirks.Float64() < likely }

func (m *message) reacted(customer bool, emoji string) {
	if m == nil {
		return
	}
	if m.emoji == nil {
		m.emoji = map[bool]string{}
	}
	m.emoji[customer] = emoji
}

func (n *line) thread(p *person) *thread {
	t := n.threads[p]
	if t == nil {
		t = &thread{pair: bucket{size: 45, perSecond: 1.0 / 6}}
		n.threads[p] = t
	}
	return t
}
