package wasim

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Persona is somebody with WhatsApp.
type Persona struct {
	// Key names the persona to the functions of [Sim]; Name is what their profile says.
	Key, Name string
	// Country is two capital letters, the start of a made-up user id; Language a code such as "de".
	Country, Language string
	// Number is the telephone number in digits, "" for somebody the company only knows by user id.
	Number string
	// UserID is the business-scoped user id; "" is made up. Username is the handle, or "".
	UserID, Username string
	// Email is an address they may give in the text; it is recorded as an identifier.
	Email string
	// Script is what they do when the simulation is live.
	Script Script
}

// Script is how a persona behaves.
type Script struct {
	// Start is when they first write, at natural tempo.
	Start time.Duration
	// Opening is what they write then.
	Opening []Line
	// Replies answer a message that holds one of their words; each is used once.
	Replies []Rule
	// Rest answers, one after the other, what no rule does. After that they only react.
	Rest [][]Line
}

// Rule answers certain messages.
type Rule struct {
	// Words are lower case; one of them must occur in the agent's message.
	Words []string
	Lines []Line
}

// Line is one thing a persona does. Numbers and addresses in its texts stand in {{ }}, which is taken away: so that what is
// written, however it is spelled, is known as an identifier.
type Line struct {
	// Text is a message, or the caption if there is a Scene.
	Text string
	// Scene names a picture of [Picture].
	Scene string
	// React is an emoji put on the agent's last message.
	React string
	// Place sends a location.
	Place *Place
	// After is an extra pause before, at natural tempo.
	After time.Duration
}

// Place is a point on the map.
type Place struct {
	Latitude, Longitude float64
	Name, Address       string
}

// person is a persona and where they stand in their script.
type person struct {
	Persona
	used     map[int]bool
	rest     int
	answered int // generation: a newer message of the agent cancels an answer not yet begun
	thanked  bool
}

// profile is the person's entry of contacts[].
func (p *person) profile(name, handle bool) map[string]any {
	c := object{"user_id": p.UserID}
	if p.Number != "" {
		c["wa_id"] = p.Number
	}
	prof := object{}
	if name {
		prof["name"] = p.Name
	}
	if handle && p.Username != "" {
		prof["username"] = p.Username
	}
	if len(prof) > 0 {
		c["profile"] = prof
	}
	return c
}

// address is what the person's ids are made from.
func (p *person) address() string {
	if p.Number != "" {
		return p.Number
	}
	return p.UserID
}

// written takes the braces out of a text and records what stood in them. The caller holds mu.
func (s *Sim) written(t string) string {
	var out strings.Builder
	for {
		before, rest, ok := strings.Cut(t, "{{")
		out.WriteString(before)
		if !ok {
			return out.String()
		}
		id, after, ok := strings.Cut(rest, "}}")
		if !ok {
			out.WriteString("{{" + rest)
			return out.String()
		}
		s.record("written", id)
		out.WriteString(id)
		t = after
	}
}

// inbound makes p write to n. The caller holds mu. It returns the wamid.
func (s *Sim) inbound(p *person, n *line, kind string, body any, extra object) string {
	now := s.clock.Now()
	id := wamid(s.ids, p.address(), true)
	s.record("wamid", id)
	m := &message{
		Message: Message{ID: id, Number: n.ID, At: now, Type: kind, Persona: p.Key}, person: p, number: n, inbound: true,
	}
	s.messages[id] = m
	t := n.thread(p)
	t.lastInbound = now
	if kind != "reaction" {
		t.lastMessage = id
	}
	n.bucket.take(now) // throughput counts both directions
	item := object{"id": id, "timestamp": s.stamp(now), "type": kind, "from_user_id": p.UserID}
	if p.Number != "" {
		item["from"] = p.Number
	}
	if body != nil {
		item[kind] = body
	}
	for k, v := range extra {
		item[k] = v
	}
	s.emit(piece{number: n, field: "messages", list: "messages", item: item, contact: p.profile(true, true)})
	return id
}

// who finds a persona by key and the company number they write to, the first. The caller holds mu.
func (s *Sim) who(key string) (*person, *line, error) {
	p := s.people[key]
	if p == nil {
		return nil, nil, errors.New("wasim: no such persona")
	}
	return p, s.numbers[s.cfg.Numbers[0].ID], nil
}

// Say makes a persona write to the first company number and returns the wamid. An identifier in the text may stand in
// {{ }} to be recorded as one. The webhook leaves when the engine runs.
func (s *Sim) Say(persona, text string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, n, err := s.who(persona)
	if err != nil {
		return "", err
	}
	return s.inbound(p, n, "text", object{"body": s.written(text)}, nil), nil
}

// SayTo is [Sim.Say] to the company number with this id.
func (s *Sim) SayTo(persona, number, text string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, n := s.people[persona], s.numbers[number]
	if p == nil || n == nil {
		return "", errors.New("wasim: no such persona or number")
	}
	return s.inbound(p, n, "text", object{"body": s.written(text)}, nil), nil
}

// Quote makes a persona answer a message by quoting it.
func (s *Sim) Quote(persona, target, text string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, n, err := s.who(persona)
	if err != nil {
		return "", err
	}
	m := s.messages[target]
	if m == nil {
		return "", errors.New("wasim: no such message")
	}
	from := n.Display
	if m.inbound {
		from = m.person.address()
	}
	return s.inbound(p, n, "text", object{"body": s.written(text)}, object{"context": object{"from": from, "id": target}}), nil
}

// SendImage makes a persona send the picture of a scene ([Picture]) with a caption, which may be "".
func (s *Sim) SendImage(persona, scene, caption string) (string, error) {
	data, err := Picture(scene)
	if err != nil {
		return "", err
	}
	return s.SendFile(persona, "image", "image/jpeg", "", caption, data)
}

// SendFile makes a persona send any file: kind is image, video, audio, document or sticker.
func (s *Sim) SendFile(persona, kind, mimeType, filename, caption string, data []byte) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, n, err := s.who(persona)
	if err != nil {
		return "", err
	}
	return s.sendFile(p, n, kind, mimeType, filename, caption, data), nil
}

func (s *Sim) sendFile(p *person, n *line, kind, mimeType, filename, caption string, data []byte) string {
	f := s.addFile(n, mimeType, data, inboundLife)
	body := object{"id": f.id, "mime_type": mimeType, "sha256": f.base64()}
	if caption != "" {
		body["caption"] = s.written(caption)
	}
	if filename != "" {
		body["filename"] = filename
	}
	switch kind {
	case "audio":
		body["voice"] = true
	case "sticker":
		body["animated"] = false
	}
	return s.inbound(p, n, kind, body, nil)
}

// React makes a persona put an emoji on a message of either side; "" takes it back.
func (s *Sim) React(persona, target, emoji string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, n, err := s.who(persona)
	if err != nil {
		return "", err
	}
	if s.messages[target] == nil {
		return "", errors.New("wasim: no such message")
	}
	return s.inbound(p, n, "reaction", reaction(target, emoji), nil), nil
}

func reaction(target, emoji string) object {
	body := object{"message_id": target}
	if emoji != "" { // Meta leaves the member out when a reaction is taken back
		body["emoji"] = emoji
	}
	return body
}

// SendRaw makes a persona send a message of any type with any body, known to Meta or not: for what the other functions do
// not cover. body may be nil.
func (s *Sim) SendRaw(persona, kind string, body any) (string, error) {
	if _, err := json.Marshal(body); err != nil {
		return "", fmt.Errorf("making the body of a message: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, n, err := s.who(persona)
	if err != nil {
		return "", err
	}
	return s.inbound(p, n, kind, body, nil), nil
}

// Emit sends a webhook of any field whose value holds these members, for the account rather than from a person.
func (s *Sim) Emit(field string, value map[string]any) error {
	if _, err := json.Marshal(value); err != nil {
		return fmt.Errorf("making a webhook: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emit(piece{field: field, value: value})
	return nil
}

// Echo makes the company write to a persona from the WhatsApp Business app, past the relay.
func (s *Sim) Echo(persona, text string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, n, err := s.who(persona)
	if err != nil {
		return "", err
	}
	id := wamid(s.ids, p.address(), false)
	s.record("wamid", id)
	s.messages[id] = &message{
		Message: Message{ID: id, Number: n.ID, At: s.clock.Now(), Type: "text", Text: text}, person: p, number: n,
	}
	item := object{
		"from": n.Display, "to_user_id": p.UserID, "id": id, "timestamp": s.stamp(s.clock.Now()), "type": "text",
		"text": object{"body": text},
	}
	if p.Number != "" {
		item["to"] = p.Number
	}
	s.emit(piece{number: n, field: "smb_message_echoes", list: "message_echoes", item: item})
	return id, nil
}

// StopMarketing makes a persona refuse (stop) or allow marketing messages again.
func (s *Sim) StopMarketing(persona string, stop bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, n, err := s.who(persona)
	if err != nil {
		return err
	}
	value, detail := "stop", "User requested to stop marketing messages"
	if !stop {
		value, detail = "resume", "User requested to resume marketing messages"
	}
	item := object{
		"user_id": p.UserID, "category": "marketing_messages", "value": value, "detail": detail,
		"timestamp": s.clock.Now().Unix(),
	}
	if p.Number != "" {
		item["wa_id"] = p.Number
	}
	s.emit(piece{
		number: n, field: "user_preferences", list: "user_preferences", item: item, contact: p.profile(true, true),
	})
	return nil
}

// ChangeNumber gives a persona another telephone number, and with it, as Meta does, another user id, and says so in a
// system message.
func (s *Sim) ChangeNumber(persona, number string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, n, err := s.who(persona)
	if err != nil {
		return err
	}
	if p.Number == "" || number == "" || strings.Trim(number, digits) != "" || s.byAddress[number] != nil {
		return errors.New("wasim: a number can only change to a free one")
	}
	oldNumber, oldID := p.Number, p.UserID
	p.Number, p.UserID = number, oldID[:3]+word(s.ids, "123456789", 1)+word(s.ids, digits, 19)
	delete(s.byAddress, oldNumber)
	delete(s.byAddress, oldID)
	s.byAddress[number], s.byAddress[p.UserID] = p, p
	s.record("phone", number)
	s.record("bsuid", p.UserID)
	id := wamid(s.ids, oldNumber, true)
	s.record("wamid", id)
	s.emit(piece{number: n, field: "messages", list: "messages", item: object{
		"from": oldNumber, "id": id, "timestamp": s.stamp(s.clock.Now()), "type": "system",
		"system": object{
			"type": "user_changed_number", "body": "User " + p.Name + " changed from " + oldNumber + " to " + number,
			"wa_id": number, "user_id": p.UserID, "previous_user_id": oldID,
		},
	}})
	return nil
}

// Hold stops messages from making progress: no statuses leave until [Sim.Release].
func (s *Sim) Hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holding = true
}

// Release lets held statuses go, in order.
func (s *Sim) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holding = false
	for _, f := range s.held {
		f()
	}
	s.held = nil
}

// progress moves m to a state and reports it.
func (s *Sim) progress(m *message, state string, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := func() {
		m.State, m.Code = state, code
		s.emit(s.status(m, state, code))
	}
	if s.holding {
		s.held = append(s.held, f)
		return
	}
	f()
}

// status describes a state as Meta does: who is named, what it costs, why it failed.
func (s *Sim) status(m *message, state string, code int) piece {
	now := s.clock.Now()
	item := object{"id": m.ID, "status": state, "timestamp": s.stamp(now)}
	p := piece{number: m.number, field: "messages", list: "statuses", item: item}
	if !strings.Contains(m.To, ".") {
		item["recipient_id"] = m.To
	}
	if m.Callback != "" {
		item["biz_opaque_callback_data"] = m.Callback
	}
	if state == "failed" {
		item["errors"] = []any{fault(code, m.To)}
		return p
	}
	item["recipient_user_id"] = m.person.UserID
	p.contact = m.person.profile(true, state != "sent")
	pricing := object{"pricing_model": "PMP", "category": m.category, "billable": true, "type": "regular"}
	switch {
	case now.Before(time.Date(2025, 7, 1, 0, 0, 0, 0, time.UTC)):
		pricing = object{"pricing_model": "CBP", "category": m.category, "billable": true}
	case m.free:
		pricing["billable"], pricing["type"] = false, "free_customer_service"
	}
	if state != "read" {
		item["pricing"] = pricing
	}
	if s.cfg.Version < "v24.0" {
		conversation := object{"id": m.number.ID + m.person.UserID[3:], "origin": object{"type": m.category}}
		if state == "sent" {
			conversation["expiration_timestamp"] = s.stamp(m.number.thread(m.person).lastInbound.Add(window))
		}
		item["conversation"] = conversation
	}
	return p
}

// fault describes a failure. Its details echo the number, as Meta's may.
func fault(code int, to string) object {
	title, details := "Something went wrong", "Message to "+to+" was not delivered"
	switch code {
	case 131026:
		title = "Message undeliverable"
	case 131047:
		title, details = "Re-engagement message", reengage
	case 131049:
		title, details = "This message was not delivered to maintain healthy ecosystem engagement", "In order to maintain a healthy ecosystem engagement, the message failed to be delivered."
	case 131050:
		title, details = "User has stopped marketing messages", "Recipient "+to+" chose to stop receiving marketing messages"
	}
	return object{
		"code": code, "title": title, "message": title, "error_data": object{"details": details},
		"href": "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/",
	}
}
