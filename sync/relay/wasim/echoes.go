package wasim

import (
	"errors"
	"time"
)

// Echo makes the company write to a persona from the WhatsApp Business app, past the relay. It does not open the window.
func (s *Sim) Echo(persona, text string) (string, error) {
	return s.EchoLine(persona, Line{Text: text})
}

// EchoLine is [Sim.Echo] of a text, a Scene or File, a Place, or Cards, a reaction (React, To), or an Edit or a Revoke of an
// earlier echo (To; "" is the company's newest message).
func (s *Sim) EchoLine(persona string, l Line) (string, error) {
	if l.Scene != "" {
		data, err := Picture(l.Scene)
		if err != nil {
			return "", err
		}
		l.File = &File{Kind: "image", MIME: "image/jpeg", Data: data}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, n, err := s.who(persona)
	if err != nil {
		return "", err
	}
	kind, body := "", any(nil)
	if l.To == "" {
		l.To = n.thread(p).lastFromAgent
	}
	m := s.messages[l.To]
	switch {
	case l.Revoke || l.Edit:
		if m == nil || m.inbound {
			return "", errNoMessage
		}
		if l.Revoke {
			m.revoked = true
			kind, body = "revoke", object{"original_message_id": m.ID}
			break
		}
		m.edited = l.Text
		kind, body = "edit", object{"original_message_id": m.ID, "message": object{"type": "text", "text": object{"body": l.Text}}}
	case l.React != "":
		if m == nil {
			return "", errNoMessage
		}
		m.reacted(false, l.React)
		kind, body = "reaction", reaction(m.ID, l.React)
	case l.File != nil:
		f := s.addFile(n, l.File.MIME, l.File.Data, inboundLife)
		o := object{"id": f.id, "mime_type": f.mime, "sha256": f.base64()}
		if l.Text != "" {
			o["caption"] = l.Text
		}
		if l.File.Name != "" {
			o["filename"] = l.File.Name
		}
		kind, body = l.File.Kind, o
	case l.Place != nil:
		kind, body = "location", l.Place.describe()
	case l.Cards != nil:
		kind, body = "contacts", s.cards(l.Cards)
	case l.Text != "":
		kind, body = "text", object{"body": l.Text}
	default:
		return "", errors.New("wasim: nothing to echo")
	}
	id := wamid(s.ids, p.address(), false)
	s.record("wamid", id)
	echo := &message{
		Message: Message{ID: id, Number: n.ID, At: s.clock.Now(), Type: kind, Text: l.Text, Persona: p.Key}, person: p, number: n, body: body,
	}
	s.messages[id] = echo
	s.story = append(s.story, echo)
	if kind != "reaction" && kind != "revoke" && kind != "edit" {
		n.thread(p).lastFromAgent = id
	}
	item := object{"from": n.Display, "id": id, "timestamp": s.stamp(s.clock.Now()), "type": kind, kind: body}
	if !p.NoUserID {
		item["to_user_id"] = p.UserID
	}
	if s.shows(p, n) {
		item["to"] = p.Number
	}
	s.emit(piece{number: n, field: "smb_message_echoes", list: "message_echoes", item: item})
	s.poke()
	return id, nil
}

// SyncHistory sends what the Business app remembers of a persona, oldest first, as a coexistence number does once after it
// joined: phase 0, 1 or 2 are the last day, 90 days and 180 days; chunk counts from 1, progress is 0 to 100.
func (s *Sim) SyncHistory(persona string, phase, chunk, progress int, texts ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, n, err := s.who(persona)
	if err != nil {
		return err
	}
	age := [...]time.Duration{12 * time.Hour, 30 * 24 * time.Hour, 120 * 24 * time.Hour}[max(0, min(phase, 2))]
	var messages []any
	for i, t := range texts {
		inbound := i%2 == 0
		id := wamid(s.ids, p.address(), inbound)
		s.record("wamid", id)
		from, status := n.Display, "READ"
		if inbound {
			from = p.address()
		}
		item := object{
			"from": from, "id": id, "timestamp": s.stamp(s.clock.Now().Add(-age + time.Duration(i)*time.Minute)), "type": "text",
			"text": object{"body": s.written(t)}, "history_context": object{"status": status},
		}
		if !inbound {
			item["to"] = p.address()
		}
		messages = append(messages, item)
	}
	s.emit(piece{number: n, field: "history", list: "history", item: object{
		"metadata": object{"phase": phase, "chunk_order": chunk, "progress": progress},
		"threads":  []any{object{"id": p.address(), "messages": messages}},
	}})
	return nil
}

// SyncContacts sends the address book of the Business app: action is add or remove.
func (s *Sim) SyncContacts(action string, personas ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range personas {
		p, n, err := s.who(key)
		if err != nil {
			return err
		}
		if p.Number == "" || action != "add" && action != "remove" {
			return errors.New("wasim: only people with a number are in an address book, and are added or removed")
		}
		s.emit(piece{number: n, field: "smb_app_state_sync", list: "state_sync", item: object{
			"type": "contact", "action": action, "contact": object{"full_name": p.Name, "first_name": p.Name, "phone_number": p.Number},
			"metadata": object{"timestamp": s.stamp(s.clock.Now())},
		}})
	}
	return nil
}
