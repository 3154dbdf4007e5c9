package wasim

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Line is one thing a persona does. Numbers and addresses in its texts stand in {{ }}, which is taken away: so that what is
// written, however it is spelled, is known as an identifier. In {{~ }} stands what is personal without being one.
//
// Exactly one of the things it can be is done, in the order of the fields; Text is the words that go with it. React may
// stand beside another one, and is done first.
type Line struct {
	// After is an extra pause before, at natural tempo.
	After time.Duration
	// React is an emoji put on a message; NoReaction takes the emoji back.
	React      string
	NoReaction bool
	// To is the wamid of the message that is reacted to, quoted, pressed, edited or taken back; "" is the newest of the
	// company's, or of one's own to edit or take back.
	To string
	// Press presses a choice of a message by its id or title: a button, a row, a request.
	Press string
	// Revoke takes a message of one's own back; Edit gives it the Text. Only numbers with coexistence hear of either.
	Revoke, Edit bool
	// Cards sends contact cards; Place a location; Order goods; File any file; Scene a picture of [Picture].
	Cards []Card
	Place *Place
	Order *Order
	File  *File
	Scene string
	// Flow answers a form: the JSON of the answer.
	Flow string
	// Echo makes the company do it instead, in the WhatsApp Business app; see [Sim.EchoLine].
	Echo bool
	// Type and Body send any type of message, known to Meta or not; Body may be nil.
	Type string
	Body any
	// Unsupported sends what Meta cannot pass on, with this code: 131051, or 131060 for what is unavailable.
	Unsupported int
	// Marketing stops or resumes marketing messages: stop or resume.
	Marketing string
	// NewNumber, NewUserID and NewIdentity change the person; LinkTo is the key of whom they become one with, see [Sim.Link].
	NewNumber              string
	NewUserID, NewIdentity bool
	LinkTo                 string
	// Text is a message, or the caption of a Scene or File.
	Text string
	// Quote makes it an answer to the message To. Forwarded says it was passed on: once, or often.
	Quote     bool
	Forwarded Forwarded
	// Ad says that it was written from a click on an ad; About that it asks about goods.
	Ad    *Ad
	About *Product
}

// Forwarded is how often a message was passed on.
type Forwarded int

// How often a message was passed on.
const (
	NotForwarded Forwarded = iota
	Once
	Often
)

// Place is a point on the map.
type Place struct {
	Latitude, Longitude float64
	Name, Address       string
	URL                 string `json:",omitempty"`
}

// Card is a contact card. Phones and Emails are recorded as identifiers. VCard, if set, goes along.
type Card struct {
	Name           string
	Phones, Emails []string
	Company        string
	Address        string
	URL            string
	Birthday       string
	VCard          string
}

// Order is a cart.
type Order struct {
	Catalog, Text string
	Items         []OrderItem
}

// OrderItem is one kind of goods in a cart.
type OrderItem struct {
	Product, Currency string
	Quantity          int
	Price             float64
}

// Product is goods of a catalog.
type Product struct{ Catalog, Product string }

// File is a file somebody sends; Kind is image, video, audio, document or sticker.
type File struct {
	Kind, MIME, Name string
	Data             []byte
	// Voice says that an audio was spoken into the telephone; Animated that a sticker moves.
	Voice, Animated bool
}

// Ad is where somebody came from; its zero value is a made-up ad.
type Ad struct {
	// Post says that it was a post rather than an ad.
	Post                bool
	URL, Headline, Body string
	Welcome             string
}

// Do makes a persona do one thing towards the first company number and returns the wamid of what they sent, or "". The
// webhook leaves when the engine runs.
func (s *Sim) Do(persona string, l Line) (string, error) { return s.DoTo(persona, "", l) }

// DoTo is [Sim.Do] towards the company number with this id; "" is the first.
func (s *Sim) DoTo(persona, number string, l Line) (string, error) {
	if _, err := json.Marshal(l.Body); err != nil {
		return "", fmt.Errorf("making the body of a message: %w", err)
	}
	if l.Scene != "" { // drawn without the lock: it takes a while the first time
		data, err := Picture(l.Scene)
		if err != nil {
			return "", err
		}
		l.File = &File{Kind: "image", MIME: "image/jpeg", Data: data}
	}
	if l.Echo {
		return s.EchoLine(persona, l)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, n, err := s.who(persona)
	if err != nil {
		return "", err
	}
	if number != "" {
		if n = s.numbers[number]; n == nil {
			return "", errors.New("wasim: no such number")
		}
	}
	return s.carryOut(p, n, l)
}

var errNoMessage = errors.New("wasim: no such message")

// carryOut does l. The caller holds mu and has turned a Scene into a File.
func (s *Sim) carryOut(p *person, n *line, l Line) (id string, err error) {
	t := n.thread(p)
	target := l.To
	if target == "" && (l.Revoke || l.Edit) {
		target = t.lastMessage
	} else if target == "" {
		target = t.lastFromAgent
	}
	m := s.messages[target]
	if l.React != "" || l.NoReaction {
		if m == nil {
			if l.To == "" { // nothing to react to yet: people shrug
				return s.plain(p, n, l, nil)
			}
			return "", errNoMessage
		}
		emoji := l.React
		if l.NoReaction {
			emoji = ""
		}
		m.reacted(true, emoji)
		id = s.inbound(p, n, "reaction", reaction(target, emoji), nil)
		l.React, l.NoReaction, l.To = "", false, ""
		if next, err := s.plain(p, n, l, m); next != "" || err != nil {
			return next, err
		}
		return id, nil
	}
	return s.plain(p, n, l, m)
}

func (s *Sim) plain(p *person, n *line, l Line, m *message) (string, error) {
	extra := object{}
	context := object{}
	if l.Quote {
		if m == nil {
			return "", errNoMessage
		}
		context["from"], context["id"] = m.writer(), m.ID
	}
	switch l.Forwarded {
	case Once:
		context["forwarded"] = true
	case Often:
		context["frequently_forwarded"] = true
	}
	if l.About != nil {
		context["from"], context["id"] = n.Display, wamid(s.ids, p.address(), false)
		s.record("wamid", context["id"].(string))
		context["referred_product"] = object{"catalog_id": l.About.Catalog, "product_retailer_id": l.About.Product}
	}
	if len(context) > 0 {
		extra["context"] = context
	}
	if l.Ad != nil {
		extra["referral"] = s.referral(l.Ad)
	}
	switch {
	case l.Press != "":
		return s.press(p, n, m, l.Press)
	case l.Revoke || l.Edit:
		return s.amend(p, n, m, l)
	case l.Cards != nil:
		return s.inbound(p, n, "contacts", s.cards(l.Cards), extra), nil
	case l.Place != nil:
		return s.inbound(p, n, "location", l.Place.describe(), extra), nil
	case l.Order != nil:
		return s.inbound(p, n, "order", l.Order.describe(), extra), nil
	case l.File != nil:
		return s.sendFile(p, n, *l.File, l.Text, extra), nil
	case l.Flow != "":
		extra["context"] = object{"from": n.Display, "id": n.thread(p).lastFromAgent}
		return s.inbound(p, n, "interactive", object{"type": "nfm_reply", "nfm_reply": object{
			"name": "flow", "body": "Sent", "response_json": s.written(l.Flow),
		}}, extra), nil
	case l.Type != "":
		return s.inbound(p, n, l.Type, l.Body, extra), nil
	case l.Unsupported != 0:
		f := fault(l.Unsupported, "")
		delete(f, "href")
		extra["errors"] = []any{f}
		return s.inbound(p, n, "unsupported", nil, extra), nil
	case l.Marketing == "stop" || l.Marketing == "resume":
		s.stopMarketing(p, n, l.Marketing == "stop")
		return "", nil
	case l.NewNumber != "":
		return s.changeNumber(p, n, l.NewNumber)
	case l.NewUserID:
		return s.changeUserID(p, n), nil
	case l.NewIdentity:
		return s.changeIdentity(p, n), nil
	case l.LinkTo != "":
		return "", s.link(p, s.people[l.LinkTo])
	case l.Text != "":
		return s.inbound(p, n, "text", object{"body": s.written(l.Text)}, extra), nil
	}
	return "", nil
}

// writer is who a message is from, as a context names them.
func (m *message) writer() string {
	if m.inbound {
		return m.person.address()
	}
	return m.number.Display
}

// press answers a choice the way its kind is answered.
func (s *Sim) press(p *person, n *line, m *message, what string) (string, error) {
	if m == nil || m.inbound || m.person != p {
		return "", errNoMessage
	}
	extra := object{"context": object{"from": n.Display, "id": m.ID}}
	for _, c := range m.Choices {
		if c.ID != what && c.Title != what {
			continue
		}
		switch c.Kind {
		case "reply":
			return s.inbound(p, n, "interactive", object{"type": "button_reply", "button_reply": object{"id": c.ID, "title": c.Title}}, extra), nil
		case "row":
			reply := object{"id": c.ID, "title": c.Title}
			if c.Description != "" {
				reply["description"] = c.Description
			}
			return s.inbound(p, n, "interactive", object{"type": "list_reply", "list_reply": reply}, extra), nil
		case "quick_reply":
			return s.inbound(p, n, "button", object{"payload": c.ID, "text": c.Title}, extra), nil
		case "location":
			return s.inbound(p, n, "location", (&Place{Latitude: 52.5163, Longitude: 13.3777, Name: "Pariser Platz", Address: "Pariser Platz, Berlin"}).describe(), extra), nil
		case "contact":
			cards := s.cards([]Card{{Name: p.Name, Phones: []string{"+" + p.Number}}})
			if p.Number == "" { // somebody whose number only Meta knows gives it of their own will
				number := "15550" + word(s.ids, digits, 6)
				s.record("phone", number)
				cards = s.cards([]Card{{Name: p.Name, Phones: []string{"+" + number}}})
			}
			extra["origin"] = "contact_request"
			return s.inbound(p, n, "contacts", cards, extra), nil
		case "call":
			return s.inbound(p, n, "interactive", object{"type": "call_permission_reply", "call_permission_reply": object{
				"response": "accept", "is_permanent": false, "expiration_timestamp": s.clock.Now().Add(7 * 24 * time.Hour).Unix(), "response_source": "user_action",
			}}, extra), nil
		case "flow":
			return s.inbound(p, n, "interactive", object{"type": "nfm_reply", "nfm_reply": object{
				"name": "flow", "body": "Sent", "response_json": `{"flow_token":"unused"}`,
			}}, extra), nil
		}
		return "", nil // links, calls and codes are the telephone's own business
	}
	return "", errors.New("wasim: the message offers no such choice")
}

// amend takes a message back or gives it another text.
func (s *Sim) amend(p *person, n *line, m *message, l Line) (string, error) {
	if m == nil || !m.inbound || m.person != p || m.revoked {
		return "", errNoMessage
	}
	if !n.Coexistence {
		return "", errors.New("wasim: only a number that is also in the app hears of it")
	}
	age := s.clock.Now().Sub(m.At)
	if l.Revoke {
		if age > 2*24*time.Hour {
			return "", errors.New("wasim: a message can be taken back for two days")
		}
		m.revoked = true
		return s.inbound(p, n, "revoke", object{"original_message_id": m.ID}, nil), nil
	}
	if age > 15*time.Minute || m.Type != "text" || l.Text == "" {
		return "", errors.New("wasim: a text can be edited for a quarter of an hour")
	}
	m.edited = s.written(l.Text)
	return s.inbound(p, n, "edit", object{"original_message_id": m.ID, "message": object{
		"type": "text", "text": object{"body": m.edited},
	}}, nil), nil
}

func (s *Sim) cards(cards []Card) []any {
	var all []any
	for _, c := range cards {
		name := object{"formatted_name": c.Name, "first_name": c.Name}
		if first, last, ok := cutLast(c.Name); ok {
			name["first_name"], name["last_name"] = first, last
		}
		o := object{"name": name}
		var phones, emails []any
		for _, n := range c.Phones {
			s.record("written", n)
			phone := object{"phone": n, "type": "CELL"}
			if p := s.byAddress[onlyDigits(n)]; p != nil {
				phone["wa_id"] = p.Number
			}
			phones = append(phones, phone)
		}
		for _, e := range c.Emails {
			s.record("email", e)
			emails = append(emails, object{"email": e, "type": "HOME"})
		}
		if phones != nil {
			o["phones"] = phones
		}
		if emails != nil {
			o["emails"] = emails
		}
		if c.Company != "" {
			o["org"] = object{"company": c.Company}
		}
		if c.Address != "" {
			o["addresses"] = []any{object{"street": c.Address, "type": "HOME"}}
		}
		if c.URL != "" {
			o["urls"] = []any{object{"url": c.URL, "type": "HOME"}}
		}
		if c.Birthday != "" {
			o["birthday"] = c.Birthday
		}
		if c.VCard != "" {
			o["vcard"] = s.written(c.VCard)
		}
		all = append(all, o)
	}
	return all
}

func cutLast(name string) (first, last string, ok bool) {
	for i := len(name) - 1; i > 0; i-- {
		if name[i] == ' ' {
			return name[:i], name[i+1:], true
		}
	}
	return name, "", false
}

func onlyDigits(s string) string {
	var b []byte
	for i := range len(s) {
		if s[i] >= '0' && s[i] <= '9' {
			b = append(b, s[i])
		}
	}
	return string(b)
}

func (l *Place) describe() object {
	o := object{"latitude": l.Latitude, "longitude": l.Longitude}
	if l.Name != "" {
		o["name"] = l.Name
	}
	if l.Address != "" {
		o["address"] = l.Address
	}
	if l.URL != "" {
		o["url"] = l.URL
	}
	return o
}

func (o *Order) describe() object {
	items := []any{}
	for _, i := range o.Items {
		items = append(items, object{
			"product_retailer_id": i.Product, "quantity": i.Quantity, "item_price": i.Price, "currency": i.Currency,
		})
	}
	return object{"catalog_id": o.Catalog, "text": o.Text, "product_items": items}
}
