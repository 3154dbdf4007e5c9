package whatsapp

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"
)

// MaxBody is the largest webhook [Decode] reads, in bytes. Meta's own limit is 3 MB.
const MaxBody = 4 << 20

// ErrMalformed says that a body is not JSON, not a webhook's envelope, too large or too deep. It echoes nothing.
var ErrMalformed = errors.New("whatsapp: malformed webhook")

// Decode reads a whole webhook body. The result aliases body, which must not change while it is in use. The error is
// [ErrMalformed] or nil; a body with nothing in it that we know is not an error.
func Decode(body []byte) (Delivery, error) {
	if len(body) > MaxBody {
		return Delivery{}, ErrMalformed
	}
	w := walker{b: body}
	if w.peek() != '{' {
		return Delivery{}, ErrMalformed
	}
	var d Delivery
	w.enter('{')
	for n := 0; w.more('}', n); n++ {
		switch w.key() {
		case "object":
			d.Object = w.str()
		case "entry":
			if w.peek() != '[' {
				return Delivery{}, ErrMalformed
			}
			w.enter('[')
			for n := 0; w.more(']', n); n++ {
				if w.peek() != '{' {
					return Delivery{}, ErrMalformed
				}
				d.Changes = w.entry(d.Changes)
			}
		default:
			w.skip()
		}
	}
	if !w.bad && w.peek() != 0 || w.i < len(w.b) {
		w.fail()
	}
	if w.bad {
		return Delivery{}, ErrMalformed
	}
	return d, nil
}

func (w *walker) entry(changes []Change) []Change {
	var id string
	var at time.Time
	first := len(changes)
	w.enter('{')
	for n := 0; w.more('}', n); n++ {
		switch w.key() {
		case "id":
			id = w.str()
		case "time":
			at = seconds(w.str())
		case "changes":
			if !w.enter('[') {
				continue
			}
			for n := 0; w.more(']', n); n++ {
				changes = append(changes, w.change())
			}
		default:
			w.skip()
		}
	}
	for i := first; i < len(changes); i++ { // the id may stand behind the changes
		changes[i].settle(id, at)
	}
	return changes
}

func (w *walker) change() Change {
	var c Change
	if !w.enter('{') {
		return c
	}
	for n := 0; w.more('}', n); n++ {
		switch w.key() {
		case "field":
			c.Field = w.str()
		case "value":
			w.peek()
			from := w.i
			w.value(&c)
			if !w.bad {
				c.Raw = Raw(w.b[from:w.i])
			}
		default:
			w.skip()
		}
	}
	return c
}

func (w *walker) value(c *Change) {
	if !w.enter('{') {
		return
	}
	for n := 0; w.more('}', n); n++ {
		switch w.key() {
		case "metadata":
			if !w.enter('{') {
				continue
			}
			for n := 0; w.more('}', n); n++ {
				switch w.key() {
				case "display_phone_number":
					c.DisplayPhoneNumber = w.str()
				case "phone_number_id":
					c.PhoneNumberID = w.str()
				default:
					w.skip()
				}
			}
		case "contacts":
			c.Contacts = list(w, c.Contacts, (*walker).contact)
		case "messages":
			c.Messages = list(w, c.Messages, (*walker).message)
		case "message_echoes":
			c.Echoes = list(w, c.Echoes, (*walker).message)
		case "statuses":
			c.Statuses = list(w, c.Statuses, (*walker).status)
		case "user_preferences":
			c.Preferences = list(w, c.Preferences, (*walker).preference)
		case "errors":
			c.Errors = list(w, c.Errors, (*walker).fault)
		default:
			w.skip()
		}
	}
}

// list appends the objects of an array; elements of another kind stay in the change's Raw.
func list[T any](w *walker, to []T, read func(*walker) T) []T {
	if !w.enter('[') {
		return to
	}
	for n := 0; w.more(']', n); n++ {
		if w.peek() != '{' {
			w.skip()
			continue
		}
		to = append(to, read(w))
	}
	return to
}

// settle gives a change what only its surroundings know, and its messages their writers' profiles.
func (c *Change) settle(account string, at time.Time) {
	c.AccountID, c.EntryTime = account, at
	c.Notice = notice(c.Field, c.Raw)
	for i := range c.Messages {
		m := &c.Messages[i]
		m.account, m.field = account, c.Field
		m.From = join(m.From, c.Contacts, m.Type != "system")
	}
	for i := range c.Echoes {
		m := &c.Echoes[i]
		m.account, m.field = account, c.Field
		m.To = join(m.To, c.Contacts, true)
	}
	for i := range c.Statuses {
		s := &c.Statuses[i]
		s.account, s.field = account, c.Field
		s.Recipient = join(s.Recipient, c.Contacts, s.Group.IsZero())
	}
	for i := range c.Preferences {
		p := &c.Preferences[i]
		p.account, p.field = account, c.Field
		p.Who = join(p.Who, c.Contacts, true)
	}
}

// join finds who's profile among contacts. An account id may differ from the number a message came from, so a single
// contact is taken to be the person unless it contradicts; only then, because of two people one may be somebody else.
func join(who Identity, contacts []Identity, sole bool) Identity {
	for _, c := range contacts {
		if !who.UserID.IsZero() && who.UserID.Equal(c.UserID) || !who.WaID.IsZero() && who.WaID.Equal(c.WaID) {
			return who.merge(c)
		}
	}
	if !sole || len(contacts) != 1 {
		return who
	}
	if !who.UserID.IsZero() && !contacts[0].UserID.IsZero() {
		return who // both are named, and differ
	}
	return who.merge(contacts[0])
}

// person makes an identity of a number and ids as they stand in a message. Meta has been seen to write a business-scoped
// id, which has a dot, where a number, which has none, belongs.
func person(number, user, parent string) Identity {
	if dot := strings.IndexByte(number, '.'); dot >= 0 {
		switch {
		case strings.HasPrefix(number[dot:], ".ENT."):
			if parent == "" {
				parent = number
			}
		case user == "":
			user = number
		}
		number = ""
	}
	shown := hide(number)
	return Identity{Phone: Phone{shown}, WaID: WaID{shown}, UserID: NewUserID(user), ParentUserID: NewUserID(parent)}
}

func (w *walker) contact() Identity {
	var who Identity
	var number, user, parent string
	w.enter('{')
	for n := 0; w.more('}', n); n++ {
		switch w.key() {
		case "wa_id":
			number = w.str()
		case "user_id":
			user = w.str()
		case "parent_user_id":
			parent = w.str()
		case "identity_key_hash":
			who.KeyHash = w.str()
		case "profile":
			if !w.enter('{') {
				continue
			}
			for n := 0; w.more('}', n); n++ {
				switch w.key() {
				case "name":
					who.Name = Name{w.hidden()}
				case "username":
					who.Username = Username{w.hidden()}
				default:
					w.skip()
				}
			}
		default:
			w.skip()
		}
	}
	p := person(number, user, parent)
	who.WaID, who.UserID, who.ParentUserID = p.WaID, p.UserID, p.ParentUserID
	return who
}

func (w *walker) status() Status {
	var s Status
	var number, participant, kind, user, parent string
	w.peek()
	from := w.i
	w.enter('{')
	for n := 0; w.more('}', n); n++ {
		switch w.key() {
		case "id":
			s.ID = MessageID{w.hidden()}
		case "status":
			s.State = StatusState(w.str())
		case "timestamp":
			s.At = seconds(w.str())
		case "recipient_id":
			number = w.str()
		case "recipient_participant_id":
			participant = w.str()
		case "recipient_type":
			kind = w.str()
		case "recipient_user_id", "recipient_participant_user_id":
			if id := w.str(); id != "" {
				user = id
			}
		case "recipient_parent_user_id":
			parent = w.str()
		case "group_id":
			s.Group = GroupID{w.hidden()}
		case "biz_opaque_callback_data":
			s.Callback = w.str()
		case "conversation":
			w.conversation(&s)
		case "pricing":
			s.Pricing = w.pricing()
		case "errors":
			s.Errors = list(w, s.Errors, (*walker).fault)
		default:
			w.skip()
		}
	}
	if kind == "group" { // then recipient_id is the group's
		if s.Group.IsZero() {
			s.Group = NewGroupID(number)
		}
		number = ""
	}
	if participant != "" {
		number = participant
	}
	s.Recipient = person(number, user, parent)
	if !w.bad {
		s.Raw = Raw(w.b[from:w.i])
	}
	return s
}

func (w *walker) conversation(s *Status) {
	if !w.enter('{') {
		return
	}
	for n := 0; w.more('}', n); n++ {
		switch w.key() {
		case "id":
			s.ConversationID = w.str()
		case "expiration_timestamp":
			s.ConversationUntil = seconds(w.str())
		case "origin":
			if !w.enter('{') {
				continue
			}
			for n := 0; w.more('}', n); n++ {
				if w.key() == "type" {
					s.ConversationOrigin = w.str()
				} else {
					w.skip()
				}
			}
		default:
			w.skip()
		}
	}
}

func (w *walker) pricing() *Pricing {
	if !w.enter('{') {
		return nil
	}
	p := new(Pricing)
	for n := 0; w.more('}', n); n++ {
		switch w.key() {
		case "billable":
			p.Billable = w.boolean()
		case "pricing_model":
			p.Model = w.str()
		case "category":
			p.Category = w.str()
		case "type":
			p.Type = w.str()
		default:
			w.skip()
		}
	}
	return p
}

func (w *walker) preference() Preference {
	var p Preference
	var number, user, parent string
	w.peek()
	from := w.i
	w.enter('{')
	for n := 0; w.more('}', n); n++ {
		switch w.key() {
		case "wa_id":
			number = w.str()
		case "user_id":
			user = w.str()
		case "parent_user_id":
			parent = w.str()
		case "category":
			p.Category = w.str()
		case "value":
			p.Stop = w.str() == "stop"
		case "timestamp":
			p.At = seconds(w.str())
		default:
			w.skip()
		}
	}
	p.Who = person(number, user, parent)
	if !w.bad {
		p.Raw = Raw(w.b[from:w.i])
	}
	return p
}

func (w *walker) fault() Fault {
	var f Fault
	w.enter('{')
	for n := 0; w.more('}', n); n++ {
		switch w.key() {
		case "code":
			f.Code = w.integer()
		case "title":
			f.Title = w.str()
		case "message":
			f.Message = w.str()
		case "error_data":
			if !w.enter('{') {
				continue
			}
			for n := 0; w.more('}', n); n++ {
				if w.key() == "details" {
					f.Details = w.str()
				} else {
					w.skip()
				}
			}
		default:
			w.skip()
		}
	}
	return f
}

// seconds reads Meta's timestamps: seconds since 1970 as text. Numbers that would lie beyond the year 5000 are
// milliseconds, which have been seen in the wild.
func seconds(s string) time.Time {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 || n > 1e15 {
		return time.Time{}
	}
	if n > 1e11 {
		return time.UnixMilli(n).UTC()
	}
	return time.Unix(n, 0).UTC()
}

func parseDigest(s string) []byte {
	var d []byte
	var err error
	switch len(s) {
	case 64:
		d, err = hex.DecodeString(s)
	case 44:
		d, err = base64.StdEncoding.DecodeString(s)
	case 43:
		d, err = base64.RawStdEncoding.DecodeString(s)
	}
	if err != nil || len(d) != 32 {
		return nil
	}
	return d
}
