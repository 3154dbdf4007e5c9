package wasim

import (
	"errors"
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
	// NoUserID leaves the user id out of webhooks, as those before April 2026 did: a number is all there is.
	NoUserID bool
	// NoReceipts turns read receipts off, Unreachable makes every message to them fail (131026).
	NoReceipts, Unreachable bool
	// Email is an address they may give in the text; it is recorded as an identifier.
	Email string
	// Line is which of the company's numbers they write to, from 0; the first where there are not as many.
	Line int
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

// person is a persona and where they stand in their script.
type person struct {
	Persona
	inBook    bool        // Meta's contact book holds their number
	identity  string      // the hash of their key
	marketing []time.Time // what they were sent
	used      map[int]bool
	rest      int
	answered  int // generation: a newer message of the agent cancels an answer not yet begun
	thanked   bool
}

// newKey gives a person another identity key, as a new telephone does. The caller holds mu.
func (s *Sim) newKey(p *person) {
	p.identity = word(s.ids, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 11) + "="
}

// shows reports whether webhooks to n hold the person's number. Somebody with a user name shows it only while Meta's contact
// book has it, or within 30 days of the two having met by number.
func (s *Sim) shows(p *person, n *line) bool {
	if p.Number == "" || p.Username == "" || p.inBook {
		return p.Number != ""
	}
	met := n.thread(p).lastByNumber
	return !met.IsZero() && s.clock.Now().Sub(met) < 30*24*time.Hour
}

// profile is the person's entry of contacts[]. The caller holds mu.
func (s *Sim) profile(p *person, n *line, handle bool) object {
	c, profile := object{}, object{"name": p.Name}
	if !p.NoUserID {
		c["user_id"] = p.UserID
	}
	if s.shows(p, n) {
		c["wa_id"] = p.Number
	}
	if handle && p.Username != "" {
		profile["username"] = p.Username
	}
	if n.identityKeys {
		c["identity_key_hash"] = p.identity
	}
	c["profile"] = profile
	return c
}

// address is what the person's ids are made from.
func (p *person) address() string {
	if p.Number != "" {
		return p.Number
	}
	return p.UserID
}

// written takes the braces out of a text and records what stood in them, as personal when it begins with a tilde, which goes
// too. The caller holds mu.
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
		kind := "written"
		if personal, ok := strings.CutPrefix(id, "~"); ok {
			kind, id = "personal", personal
		}
		s.record(kind, id)
		out.WriteString(id)
		t = after
	}
}

// inbound makes p write to n. The caller holds mu. It returns the wamid. What a blocked person writes reaches nobody.
func (s *Sim) inbound(p *person, n *line, kind string, body any, extra object) string {
	now := s.clock.Now()
	id := wamid(s.ids, p.address(), true)
	s.record("wamid", id)
	m := &message{
		Message: Message{ID: id, Number: n.ID, At: now, Type: kind, Persona: p.Key}, person: p, number: n, inbound: true, body: body,
	}
	m.context, _ = extra["context"].(object)
	s.messages[id] = m
	s.story = append(s.story, m)
	if n.blocked[p] {
		return id
	}
	t := n.thread(p)
	t.lastInbound = now
	switch kind {
	case "reaction":
	default:
		t.lastMessage = id
	}
	if _, m.fromAd = extra["referral"]; m.fromAd {
		t.cameFromAd = now
	}
	n.bucket.take(now) // throughput counts both directions
	item := object{"id": id, "timestamp": s.stamp(now), "type": kind}
	if !p.NoUserID {
		item["from_user_id"] = p.UserID
	}
	if s.shows(p, n) {
		item["from"] = p.Number
		t.lastByNumber, p.inBook = now, true // Meta's contact book fills as the two meet by number
	}
	if body != nil {
		item[kind] = body
	}
	for k, v := range extra {
		item[k] = v
	}
	s.emit(piece{number: n, field: "messages", list: "messages", item: item, contact: s.profile(p, n, true)})
	s.poke()
	return id
}

// system reports a change of a person to n, without contacts, as Meta does. The caller holds mu.
func (s *Sim) system(p *person, n *line, from string, body object) string {
	id := wamid(s.ids, p.address(), true)
	s.record("wamid", id)
	item := object{"id": id, "timestamp": s.stamp(s.clock.Now()), "type": "system", "system": body}
	if from != "" {
		item["from"] = from
	}
	s.emit(piece{number: n, field: "messages", list: "messages", item: item})
	s.story = append(s.story, &message{
		Message: Message{ID: id, Number: n.ID, At: s.clock.Now(), Type: "system", Persona: p.Key}, person: p, number: n, inbound: true, body: body,
	})
	s.poke()
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

// newUserID makes a user id of the same country. The caller holds mu.
func (s *Sim) newUserID(country string) string {
	id := country + "." + word(s.ids, "123456789", 1) + word(s.ids, digits, 19)
	s.record("bsuid", id)
	return id
}

// lineOf is the company number somebody writes to by themselves. The caller holds mu.
func (s *Sim) lineOf(p *person) *line {
	at := p.Line
	if at >= len(s.cfg.Numbers) {
		at = 0
	}
	return s.numbers[s.cfg.Numbers[at].ID]
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
	_, err = s.changeNumber(p, n, number)
	return err
}

func (s *Sim) changeNumber(p *person, n *line, number string) (string, error) {
	if p.Number == "" || number == "" || strings.Trim(number, digits) != "" || s.byAddress[number] != nil {
		return "", errors.New("wasim: a number can only change to a free one")
	}
	oldNumber, oldID := p.Number, p.UserID
	p.Number, p.UserID = number, s.newUserID(oldID[:2])
	delete(s.byAddress, oldNumber)
	delete(s.byAddress, oldID)
	s.byAddress[number], s.byAddress[p.UserID] = p, p
	s.record("phone", number)
	body := object{"type": "user_changed_number", "body": "User " + p.Name + " changed from " + oldNumber + " to " + number, "wa_id": number}
	if !p.NoUserID {
		body["user_id"], body["previous_user_id"] = p.UserID, oldID
	}
	return s.system(p, n, oldNumber, body), nil
}

// ChangeUserID gives a persona another user id and says so in a system message.
func (s *Sim) ChangeUserID(persona string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, n, err := s.who(persona)
	if err != nil {
		return err
	}
	s.changeUserID(p, n)
	return nil
}

func (s *Sim) changeUserID(p *person, n *line) string {
	old := p.UserID
	p.UserID = s.newUserID(old[:2])
	delete(s.byAddress, old)
	s.byAddress[p.UserID] = p
	body := object{
		"type": "user_changed_user_id", "body": "User " + p.Name + " changed from " + old + " to " + p.UserID,
		"user_id": p.UserID, "previous_user_id": old,
	}
	from := ""
	if s.shows(p, n) {
		from, body["wa_id"] = p.Number, p.Number
	}
	return s.system(p, n, from, body)
}

// ChangeIdentity gives a persona another identity key, as a new telephone or SIM card does, and says so in a system message.
func (s *Sim) ChangeIdentity(persona string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, n, err := s.who(persona)
	if err != nil {
		return err
	}
	s.changeIdentity(p, n)
	return nil
}

func (s *Sim) changeIdentity(p *person, n *line) string {
	s.newKey(p)
	body := object{
		"type": "customer_identity_changed", "body": "User " + p.Name + " may have changed device", "identity": p.identity,
		"customer": p.address(),
	}
	if !p.NoUserID {
		body["user_id"] = p.UserID
	}
	from := ""
	if s.shows(p, n) {
		from = p.Number
	}
	return s.system(p, n, from, body)
}

// Link makes two personas one: user, known by user id alone, turns out to have the number of phone, who wrote before. From
// now on webhooks name both for them; nothing announces it. That is how Meta does it for a phone who never showed a user id
// ([Persona.NoUserID]); of somebody else the company sees the number under another user id than before.
func (s *Sim) Link(user, phone string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.link(s.people[user], s.people[phone])
}

func (s *Sim) link(u, p *person) error {
	if u == nil || p == nil || u == p || u.Number != "" || p.Number == "" {
		return errors.New("wasim: only somebody without a number and somebody with one can become one")
	}
	u.Number, u.inBook, u.NoUserID = p.Number, true, false
	delete(s.byAddress, p.UserID)
	s.byAddress[u.Number], s.people[p.Key] = u, u
	for _, n := range s.numbers {
		from, to := n.thread(p), n.thread(u)
		if from.lastInbound.After(to.lastInbound) {
			to.lastInbound, to.lastMessage = from.lastInbound, from.lastMessage
		}
		if to.lastFromAgent == "" {
			to.lastFromAgent = from.lastFromAgent
		}
		to.stopped = to.stopped || from.stopped
		delete(n.threads, p)
		if n.blocked[p] {
			delete(n.blocked, p)
			n.blocked[u] = true
		}
	}
	for _, m := range s.messages {
		if m.person == p {
			m.person, m.Persona = u, u.Key
		}
	}
	s.poke()
	return nil
}

// SetReceipts turns a persona's read receipts on or off.
func (s *Sim) SetReceipts(persona string, on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, _, err := s.who(persona)
	if err != nil {
		return err
	}
	p.NoReceipts = !on
	return nil
}
