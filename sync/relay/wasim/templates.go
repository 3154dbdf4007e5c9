package wasim

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Template is a message text approved by Meta.
type Template struct {
	// Name and Language together identify it; Language is such as "de" or "en_US".
	Name, Language string
	// Category is UTILITY, MARKETING or AUTHENTICATION.
	Category string
	// Body has variables {{1}}, {{2}} ..., or {{names}} if Named.
	Body string
	// Variables is how many the body has.
	Variables int
	// Header is a text, or one of IMAGE, VIDEO, DOCUMENT and LOCATION; Footer a text. Both may be "".
	Header, Footer string
	// Buttons are at the foot.
	Buttons []TemplateButton
	// Named makes variables have names.
	Named bool
	// Status is APPROVED unless something else is set: PENDING, REJECTED, PAUSED, DISABLED ...
	Status string
}

// TemplateButton is a button of a template. Kind is Meta's: QUICK_REPLY, URL, PHONE_NUMBER, COPY_CODE, OTP or FLOW.
type TemplateButton struct{ Kind, Text, URL, Phone string }

// DefaultTemplates are a few approved ones in English, German and Italian.
func DefaultTemplates() []Template {
	return []Template{
		{Name: "follow_up", Language: "en", Category: "UTILITY", Body: "Hello {{1}}, we have news about your request. Just reply here to continue.", Variables: 1},
		{Name: "follow_up", Language: "de", Category: "UTILITY", Body: "Guten Tag {{1}}, es gibt Neues zu Ihrer Anfrage. Antworten Sie einfach hier.", Variables: 1},
		{Name: "follow_up", Language: "it", Category: "UTILITY", Body: "Salve {{1}}, ci sono novità sulla sua richiesta. Risponda qui per continuare.", Variables: 1},
		{Name: "appointment", Language: "en", Category: "UTILITY", Body: "Your appointment is on {{1}} at {{2}}.", Variables: 2},
		{Name: "appointment", Language: "de", Category: "UTILITY", Body: "Ihr Termin ist am {{1}} um {{2}} Uhr.", Variables: 2},
		{Name: "appointment", Language: "it", Category: "UTILITY", Body: "Il suo appuntamento è il {{1}} alle {{2}}.", Variables: 2},
		{Name: "spring_offer", Language: "en", Category: "MARKETING", Body: "Our spring offer is here: 10 % off everything for the garden."},
		{Name: "sign_in_code", Language: "en", Category: "AUTHENTICATION", Body: "{{1}} is your verification code.", Variables: 1},
	}
}

// template is a template as Meta keeps it.
type template struct {
	id                       int64
	name, language, category string
	status, quality, reason  string
	named                    bool
	components               []any
	header                   string // "", TEXT, IMAGE, VIDEO, DOCUMENT or LOCATION
	headline, body, footer   string
	headVars, vars           []string
	buttons                  []button
	edited                   []time.Time
}

type button struct {
	kind, text, url, phone string
	variable               bool
}

var variablePattern = regexp.MustCompile(`\{\{([^{}]*)\}\}`)

func variables(text string) (all []string) {
	for _, v := range variablePattern.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(all, v[1]) {
			all = append(all, v[1])
		}
	}
	return all
}

// settle reads what sending needs out of the components.
func (t *template) settle() {
	t.header, t.headline, t.body, t.footer, t.headVars, t.vars, t.buttons = "", "", "", "", nil, nil, nil
	for _, c := range t.components {
		c, _ := c.(object)
		switch strings.ToUpper(str(c, "type")) {
		case "HEADER":
			t.header, t.headline = str(c, "format"), str(c, "text")
			if t.header == "" {
				t.header = "TEXT"
			}
			t.headVars = variables(t.headline)
		case "BODY":
			t.body = str(c, "text")
			if t.category == "AUTHENTICATION" && t.body == "" { // Meta words these itself
				t.body = "{{1}} is your verification code."
			}
			t.vars = variables(t.body)
		case "FOOTER":
			t.footer = str(c, "text")
		case "BUTTONS":
			for _, b := range list(c, "buttons") {
				t.buttons = append(t.buttons, button{
					kind: str(b, "type"), text: str(b, "text"), url: str(b, "url"), phone: str(b, "phone_number"),
					variable: strings.Contains(str(b, "url"), "{{"),
				})
			}
		}
	}
}

// build spells a [Template] in components.
func (t Template) build() (parts []any) {
	switch t.Header {
	case "":
	case "IMAGE", "VIDEO", "DOCUMENT", "LOCATION":
		parts = append(parts, object{"type": "HEADER", "format": t.Header})
	default:
		parts = append(parts, object{"type": "HEADER", "format": "TEXT", "text": t.Header})
	}
	parts = append(parts, object{"type": "BODY", "text": t.Body})
	if t.Footer != "" {
		parts = append(parts, object{"type": "FOOTER", "text": t.Footer})
	}
	var buttons []any
	for _, b := range t.Buttons {
		o := object{"type": b.Kind, "text": b.Text}
		if b.URL != "" {
			o["url"] = b.URL
		}
		if b.Phone != "" {
			o["phone_number"] = b.Phone
		}
		buttons = append(buttons, o)
	}
	if buttons != nil {
		parts = append(parts, object{"type": "BUTTONS", "buttons": buttons})
	}
	return parts
}

// addTemplate keeps one more. The caller holds mu, or nobody else has s yet.
func (s *Sim) addTemplate(t *template) {
	t.id = 700_000_000_000_000 + int64(s.templatesMade)
	s.templatesMade++
	if t.quality == "" {
		t.quality = "UNKNOWN"
	}
	t.settle()
	s.templates = append(s.templates, t)
}

func (s *Sim) template(name, language string) *template {
	for _, t := range s.templates {
		if t.name == name && t.language == language {
			return t
		}
	}
	return nil
}

func (s *Sim) templateByID(id string) *template {
	for _, t := range s.templates {
		if strconv.FormatInt(t.id, 10) == id {
			return t
		}
	}
	return nil
}

func (t *template) describe() object {
	format := "POSITIONAL"
	if t.named {
		format = "NAMED"
	}
	o := object{
		"id": strconv.FormatInt(t.id, 10), "name": t.name, "language": t.language, "category": t.category, "status": t.status,
		"parameter_format": format, "components": t.components, "quality_score": object{"score": t.quality},
	}
	if t.reason != "" {
		o["rejected_reason"] = t.reason
	}
	return o
}

func (s *Sim) getTemplates(w http.ResponseWriter, r *http.Request) *problem {
	if r.PathValue("id") != s.cfg.Account {
		return unknownObject
	}
	q := r.URL.Query()
	s.mu.Lock()
	defer s.mu.Unlock()
	var data []any
	for _, t := range s.templates {
		if n := q.Get("name"); n != "" && n != t.name {
			continue
		}
		if st := q.Get("status"); st != "" && st != t.status {
			continue
		}
		if l := q.Get("language"); l != "" && l != t.language {
			continue
		}
		o, p := fields(t.describe(), q.Get("fields"), "id", "name", "language", "category", "status", "parameter_format", "components")
		if p != nil {
			return p
		}
		data = append(data, o)
	}
	return page(w, r, data, 25)
}

func (s *Sim) getTemplate(w http.ResponseWriter, r *http.Request, t *template) *problem {
	o, p := fields(t.describe(), r.URL.Query().Get("fields"), "id", "name", "language", "category", "status", "parameter_format", "components")
	if p == nil {
		answer(w, r, o)
	}
	return p
}

func (s *Sim) postTemplates(w http.ResponseWriter, r *http.Request) *problem {
	if r.PathValue("id") != s.cfg.Account {
		return unknownObject
	}
	body, p := readBody(r, "template_create")
	if p != nil {
		return p
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	t := &template{
		name: str(body, "name"), language: str(body, "language"), category: str(body, "category"), status: "PENDING",
		named: str(body, "parameter_format") == "NAMED",
	}
	t.components, _ = body["components"].([]any)
	if p := t.sound(); p != nil {
		return p
	}
	s.creations = slices.DeleteFunc(s.creations, func(at time.Time) bool { return now.Sub(at) >= time.Hour })
	switch at, gone := s.deletedNames[t.name+" "+t.language]; {
	case s.template(t.name, t.language) != nil:
		return &problem{status: 400, code: 100, subcode: 2388024, message: "Invalid parameter", details: "Content in this language already exists"}
	case gone && now.Sub(at) < 30*24*time.Hour:
		return &problem{status: 400, code: 100, subcode: 2388023, message: "Invalid parameter", details: "Message template language is being deleted"}
	case len(s.creations) >= 100:
		return refusal(80007, "")
	case len(s.templates) >= 250:
		return &problem{status: 400, code: 100, subcode: 2388025, message: "Invalid parameter", details: "The account has reached its number of templates"}
	}
	s.creations = append(s.creations, now)
	s.addTemplate(t)
	s.act("TEMPLATE_CREATED", "API")
	s.reviewLater(t)
	answer(w, r, object{"id": strconv.FormatInt(t.id, 10), "status": t.status, "category": t.category})
	return nil
}

func (s *Sim) postTemplate(w http.ResponseWriter, r *http.Request) *problem {
	body, p := readBody(r, "template_edit")
	if p != nil {
		return p
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.templateByID(r.PathValue("id"))
	if t == nil {
		return unknownObject
	}
	now := s.clock.Now()
	if n, l := str(body, "name"), str(body, "language"); n != "" && n != t.name || l != "" && l != t.language {
		return unexpected("Name and language of a template cannot be edited")
	}
	if t.status != "APPROVED" && t.status != "REJECTED" && t.status != "PAUSED" {
		return unexpected("Only approved, rejected and paused templates can be edited")
	}
	day, month := 0, 0
	for _, at := range t.edited {
		if now.Sub(at) < 24*time.Hour {
			day++
		}
		if now.Sub(at) < 30*24*time.Hour {
			month++
		}
	}
	if t.status == "APPROVED" && (day >= 1 || month >= 10) {
		return unexpected("An approved template can be edited once in 24 hours and 10 times in 30 days")
	}
	next := *t
	if c := str(body, "category"); c != "" {
		if t.status == "APPROVED" && c != t.category {
			return unexpected("The category of an approved template cannot be edited")
		}
		next.category = c
	}
	if parts, ok := body["components"].([]any); ok {
		next.components = parts
	}
	if f := str(body, "parameter_format"); f != "" {
		next.named = f == "NAMED"
	}
	if p := next.sound(); p != nil {
		return p
	}
	next.edited = append(next.edited, now)
	next.status, next.reason = "PENDING", ""
	*t = next
	t.settle()
	s.act("TEMPLATE_UPDATED", "API")
	s.components(t)
	s.reviewLater(t)
	answer(w, r, object{"success": true})
	return nil
}

// deleteTemplates removes all languages of a name, or with hsm_id the one that also bears the name.
func (s *Sim) deleteTemplates(w http.ResponseWriter, r *http.Request) *problem {
	if r.PathValue("id") != s.cfg.Account {
		return unknownObject
	}
	name, id := r.URL.Query().Get("name"), r.URL.Query().Get("hsm_id")
	if name == "" {
		return missing("name")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.templates)
	s.templates = slices.DeleteFunc(s.templates, func(t *template) bool {
		hit := t.name == name && (id == "" || id == strconv.FormatInt(t.id, 10))
		if hit && t.status == "APPROVED" {
			s.deletedNames[t.name+" "+t.language] = s.clock.Now()
		}
		return hit
	})
	if len(s.templates) == n {
		return &problem{status: 404, code: 100, subcode: 2593002, message: "Invalid parameter", details: "No template with this name exists"}
	}
	s.act("TEMPLATE_DELETED", "API")
	answer(w, r, object{"success": true})
	return nil
}

// sound checks what Meta's first look at a new text finds: the rest is the review's.
func (t *template) sound() *problem {
	seen := map[string]bool{}
	for _, c := range t.components {
		c, _ := c.(object)
		kind := strings.ToUpper(str(c, "type"))
		if seen[kind] {
			return unexpected("component " + kind + " is given twice")
		}
		seen[kind] = true
		text, example := str(c, "text"), obj(c, "example")
		vars := variables(text)
		limit := map[string]int{"HEADER": 60, "BODY": 1024, "FOOTER": 60}[kind]
		if limit > 0 && utf8.RuneCountInString(text) > limit {
			return unexpected(fmt.Sprintf("Param text of %s must be at most %d characters long", kind, limit))
		}
		switch kind {
		case "HEADER":
			if str(c, "format") == "" {
				return missing("format")
			}
			if str(c, "format") == "TEXT" && text == "" {
				return missing("text")
			}
			if len(vars) > 1 {
				return unexpected("A header has at most one variable")
			}
			if len(vars) > 0 && example["header_text"] == nil && example["header_text_named_params"] == nil {
				return &problem{status: 400, code: 100, subcode: 2388043, message: "Invalid parameter", details: "Message template header is missing an example"}
			}
			if f := str(c, "format"); f != "TEXT" && f != "LOCATION" && example["header_handle"] == nil {
				return &problem{status: 400, code: 100, subcode: 2388273, message: "Invalid parameter", details: "Message template header is missing a sample file"}
			}
		case "BODY":
			if text == "" && t.category != "AUTHENTICATION" {
				return missing("text")
			}
			if len(vars) > 0 && example["body_text"] == nil && example["body_text_named_params"] == nil {
				return &problem{status: 400, code: 100, subcode: 2388043, message: "Invalid parameter", details: "Message template body is missing an example"}
			}
			if trimmed := strings.TrimSpace(text); strings.HasPrefix(trimmed, "{{") || strings.HasSuffix(trimmed, "}}") {
				return &problem{status: 400, code: 100, subcode: 2388299, message: "Invalid parameter", details: "Variables can't be at the start or end of the template"}
			}
		case "FOOTER":
			if len(vars) > 0 {
				return unexpected("A footer has no variables")
			}
		case "BUTTONS":
			count := map[string]int{}
			for _, b := range list(c, "buttons") {
				count[str(b, "type")]++
			}
			if count["URL"] > 2 || count["PHONE_NUMBER"] > 1 || count["COPY_CODE"] > 1 || count["OTP"] > 1 {
				return unexpected("Too many buttons of one type")
			}
			continue
		}
		for i, v := range vars {
			if _, err := strconv.Atoi(v); (err != nil) != t.named {
				return unexpected("Variables do not fit parameter_format")
			}
			if !t.named && v != strconv.Itoa(i+1) {
				return unexpected("Variables must be numbered 1, 2, 3 ... in order")
			}
		}
	}
	if !seen["BODY"] {
		return missing("components BODY")
	}
	return nil
}
