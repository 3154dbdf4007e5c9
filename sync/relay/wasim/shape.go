package wasim

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
)

var (
	recipientPattern = regexp.MustCompile(`^[A-Z]{2}\.(ENT\.)?[0-9A-Za-z]{1,128}$`)
	spaces           = regexp.MustCompile(`[\n\t\r]| {5,}`)
)

// shape reads a body that fits the schema, checks what no schema can, and fills m. The caller holds mu.
func (s *Sim) shape(m *message, body object) (p *problem) {
	m.Type, m.Callback, m.category = str(body, "type"), str(body, "biz_opaque_callback_data"), "service"
	if p := address(m, body); p != nil {
		return p
	}
	if o := obj(body, "context"); o != nil {
		quoted := s.messages[str(o, "message_id")]
		if quoted == nil || quoted.number != m.number || quoted.person == nil || quoted.person != s.byAddress[m.To] {
			return invalid("context message_id is not a message of this number and recipient")
		}
		m.ReplyTo = quoted.ID
	}
	part := body[m.Type]
	if m.Body, p = raw(part); p != nil {
		return p
	}
	o, _ := part.(object)
	switch m.Type {
	case "text":
		m.Text = str(o, "body")
		if strings.TrimSpace(m.Text) == "" {
			return missing("text body")
		}
	case "reaction":
		return s.shapeReaction(m, o)
	case "template":
		return s.shapeTemplate(m, o)
	case "interactive":
		return s.shapeInteractive(m, o)
	case "image", "video", "audio", "document", "sticker":
		m.voice, _ = o["voice"].(bool)
		m.Caption, m.Filename = str(o, "caption"), str(o, "filename")
		return s.attach(m, m.Type, o)
	}
	return nil
}

func raw(v any) (json.RawMessage, *problem) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, unexpected("The body is not a JSON object")
	}
	return b, nil
}

// address reads to or recipient; to wins. A user id in to is wrong, and is refused rather than dropped in silence.
func address(m *message, body object) *problem {
	if to := str(body, "to"); to != "" {
		plain := strings.NewReplacer("+", "", " ", "", "-", "", "(", "", ")", "").Replace(to)
		if len(plain) < 7 || len(plain) > 15 || strings.Trim(plain, digits) != "" || plain[0] == '0' {
			return invalid("to is not a phone number: " + to)
		}
		m.To = plain
		return nil
	}
	m.To = str(body, "recipient")
	if !recipientPattern.MatchString(m.To) {
		return invalid("recipient is not a user id: " + m.To)
	}
	return nil
}

func (s *Sim) shapeReaction(m *message, o object) *problem {
	target := s.messages[str(o, "message_id")]
	if target == nil || target.number != m.number || target.Type == "reaction" || target.person == nil || target.person != s.byAddress[m.To] {
		return invalid("reaction message_id is not a message of this number and recipient")
	}
	if s.clock.Now().Sub(target.At) > 30*24*time.Hour {
		return invalid("reaction to a message older than 30 days")
	}
	m.ReplyTo, m.Emoji = target.ID, str(o, "emoji")
	if m.Emoji != "" && strings.ContainsAny(m.Emoji, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ \n") {
		return invalid("reaction emoji is not an emoji")
	}
	return nil
}

// attach binds m to an uploaded file, or remembers the link to fetch. The caller holds mu.
func (s *Sim) attach(m *message, kind string, o object) *problem {
	if link := str(o, "link"); link != "" {
		m.link = link
		return nil
	}
	f := s.media[str(o, "id")]
	if f == nil || f.number != m.number || s.clock.Now().After(f.expires) {
		return invalid("media id is not a file of this number")
	}
	if kindOf(f.mime) != kind && kind != "document" {
		return because(131053, "The file's type does not fit the message's")
	}
	m.MediaID, m.MIME = f.id, f.mime
	return nil
}

// shapeInteractive lists what the customer can press. Ids and titles of one message must differ.
func (s *Sim) shapeInteractive(m *message, o object) *problem {
	m.Interactive, m.Text = str(o, "type"), str(obj(o, "body"), "text")
	if obj(o, "body") != nil && strings.TrimSpace(m.Text) == "" {
		return missing("interactive body text")
	}
	action := obj(o, "action")
	if h := obj(o, "header"); h != nil && str(h, "type") != "text" {
		if p := s.attach(m, str(h, "type"), obj(h, str(h, "type"))); p != nil {
			return p
		}
	}
	switch m.Interactive {
	case "button":
		for _, b := range list(action, "buttons") {
			r := obj(b, "reply")
			m.Choices = append(m.Choices, Choice{Kind: "reply", ID: str(r, "id"), Title: str(r, "title")})
		}
	case "list":
		sections := list(action, "sections")
		for _, sec := range sections {
			if len(sections) > 1 && str(sec, "title") == "" {
				return missing("interactive.action.sections.title")
			}
			for _, r := range list(sec, "rows") {
				m.Choices = append(m.Choices, Choice{Kind: "row", ID: str(r, "id"), Title: str(r, "title"), Description: str(r, "description")})
			}
		}
		if len(m.Choices) > 10 {
			return invalid("Total row count exceed max allowed count: 10")
		}
	case "cta_url":
		p := obj(action, "parameters")
		m.Choices = []Choice{{Kind: "url", ID: str(p, "url"), Title: str(p, "display_text")}}
	case "flow":
		p := obj(action, "parameters")
		m.Choices = []Choice{{Kind: "flow", ID: str(p, "flow_id") + str(p, "flow_name"), Title: str(p, "flow_cta")}}
	case "location_request_message":
		m.Choices = []Choice{{Kind: "location", ID: "send_location", Title: "Send location"}}
	case "contact_request", "request_contact_info":
		m.Choices = []Choice{{Kind: "contact", ID: "request_contact_info", Title: "Share contact"}}
	case "call_permission_request":
		m.Choices = []Choice{{Kind: "call", ID: "call_permission_request", Title: "Allow calls"}}
	}
	ids, titles := map[string]bool{}, map[string]bool{}
	for _, c := range m.Choices {
		if ids[c.ID] || c.Kind == "reply" && titles[c.Title] {
			return invalid("interactive replies must have different ids and titles")
		}
		ids[c.ID], titles[c.Title] = true, true
	}
	return nil
}

// shapeTemplate fills an approved template. The caller holds mu.
func (s *Sim) shapeTemplate(m *message, o object) *problem {
	name, code := str(o, "name"), str(obj(o, "language"), "code")
	t := s.template(name, code)
	switch {
	case t == nil || t.status != "APPROVED" && t.status != "FLAGGED" && t.status != "PAUSED" && t.status != "DISABLED":
		return because(132001, "template name ("+name+") does not exist in "+code)
	case t.status == "PAUSED":
		return refusal(132015, m.To)
	case t.status == "DISABLED":
		return refusal(132016, m.To)
	case t.category == "AUTHENTICATION" && strings.Contains(m.To, "."):
		return refusal(131062, m.To)
	}
	m.Template, m.category = name, strings.ToLower(t.category)
	var header, body object
	buttons := map[string]object{}
	for _, c := range list(o, "components") {
		switch str(c, "type") {
		case "header":
			if header != nil {
				return because(132012, "header: given twice")
			}
			header = c
		case "body":
			if body != nil {
				return because(132012, "body: given twice")
			}
			body = c
		case "button":
			i := fmt.Sprint(c["index"])
			if buttons[i] != nil {
				return because(132012, "button: index "+i+" is given twice")
			}
			buttons[i] = c
		}
	}
	head, p := s.fillHeader(m, t, header)
	if p != nil {
		return p
	}
	text, p := s.fillText(m, t, "body", t.body, t.vars, body)
	if p != nil {
		return p
	}
	if p := s.fillButtons(m, t, buttons); p != nil {
		return p
	}
	if len([]rune(text)) > 1024 {
		return refusal(132005, m.To)
	}
	m.Text = text
	if head != "" {
		m.Caption = head
	}
	return nil
}

func (s *Sim) fillHeader(m *message, t *template, c object) (string, *problem) {
	switch t.header {
	case "", "TEXT":
		if t.header == "" && c != nil {
			return "", because(132012, "header: the template has none")
		}
		return s.fillText(m, t, "header", t.headline, t.headVars, c)
	}
	want := strings.ToLower(t.header)
	params := list(c, "parameters")
	if len(params) != 1 {
		return "", because(132012, "header: Format mismatch, expected "+t.header+", received UNKNOWN")
	}
	if got := str(params[0], "type"); got != want {
		return "", because(132012, "header: Format mismatch, expected "+t.header+", received "+strings.ToUpper(got))
	}
	if want == "location" {
		return "", nil
	}
	media := obj(params[0], want)
	m.Filename = str(media, "filename")
	return "", s.attach(m, want, media)
}

// fillText puts parameters into a text of a template. Their number, their names, their kinds and their own texts must fit.
func (s *Sim) fillText(m *message, t *template, where, text string, vars []string, c object) (string, *problem) {
	params := list(c, "parameters")
	if len(params) != len(vars) {
		return "", because(132000, fmt.Sprintf("%s: number of localizable_params (%d) does not match the expected number of params (%d)", where, len(params), len(vars)))
	}
	values := map[string]string{}
	for i, v := range params {
		key, name := vars[i], str(v, "parameter_name")
		switch {
		case t.named && name == "":
			return "", because(132012, where+": parameter_name is missing")
		case !t.named && name != "":
			return "", because(132012, where+": the template's parameters have no names")
		case t.named:
			key = name
		}
		var value string
		switch str(v, "type") {
		case "text":
			value = str(v, "text")
		case "currency", "date_time":
			value = str(obj(v, str(v, "type")), "fallback_value")
		default:
			return "", because(132012, where+": parameter is not a text")
		}
		if strings.TrimSpace(value) == "" || spaces.MatchString(value) {
			return "", because(132012, where+": Param text cannot be empty or have new-line or tab characters or more than 4 consecutive spaces")
		}
		if _, twice := values[key]; twice {
			return "", because(132012, where+": a parameter is given twice")
		}
		values[key] = value
		if where == "body" {
			m.parameters = append(m.parameters, value)
		}
	}
	for _, k := range vars {
		v, ok := values[k]
		if !ok {
			return "", because(132012, where+": a named parameter is missing")
		}
		text = strings.ReplaceAll(text, "{{"+k+"}}", v)
	}
	return text, nil
}

func (s *Sim) fillButtons(m *message, t *template, given map[string]object) *problem {
	for i, b := range t.buttons {
		key := fmt.Sprint(i)
		c := given[key]
		delete(given, key)
		params := list(c, "parameters")
		choice := Choice{ID: b.text, Title: b.text}
		want, need := "", false
		switch b.kind {
		case "QUICK_REPLY":
			choice.Kind, want = "quick_reply", "payload"
		case "URL":
			choice.Kind, choice.ID, want, need = "url", b.url, "text", b.variable
			if !b.variable {
				want = ""
			}
		case "PHONE_NUMBER":
			choice.Kind, choice.ID = "phone", b.phone
		case "COPY_CODE":
			choice.Kind, want, need = "copy_code", "coupon_code", true
		case "OTP": // Meta writes the code into a link behind the button
			choice.Kind, want, need = "copy_code", "text", true
		case "FLOW":
			choice.Kind, want = "flow", "action"
		case "REQUEST_CONTACT_INFO":
			choice.Kind = "contact"
		default:
			choice.Kind = strings.ToLower(b.kind)
		}
		if choice.Title == "" {
			choice.Title = strings.ReplaceAll(strings.ToLower(b.kind), "_", " ")
		}
		switch {
		case c == nil && need:
			return because(131008, fmt.Sprintf("buttons: Button at index %d requires a parameter", i))
		case c != nil && want == "":
			return because(132012, fmt.Sprintf("buttons: Button at index %d takes no parameter", i))
		case c != nil && (len(params) != 1 || str(params[0], "type") != want):
			return because(132012, fmt.Sprintf("buttons: Button at index %d takes one parameter of type %s", i, want))
		case c != nil && !fits(b.kind, str(c, "sub_type")):
			return because(132012, fmt.Sprintf("buttons: Button at index %d is of another sub_type", i))
		case c != nil:
			switch want {
			case "payload":
				choice.ID = str(params[0], "payload")
			case "coupon_code":
				choice.ID = str(params[0], "coupon_code")
			case "text":
				choice.ID = strings.Replace(b.url, "{{1}}", str(params[0], "text"), 1)
				if b.kind == "OTP" {
					choice.ID = str(params[0], "text")
				}
			}
		}
		m.Choices = append(m.Choices, choice)
	}
	for i := range given {
		return because(132012, "buttons: there is no button at index "+i)
	}
	return nil
}

// fits compares the kind of a template's button with the sub_type it is addressed by.
func fits(kind, sub string) bool {
	return strings.EqualFold(kind, sub) || kind == "OTP" && sub == "url"
}
