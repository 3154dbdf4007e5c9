package inbox

import (
	"strconv"
	"strings"
)

// A Template is a text WhatsApp has looked at, in one language. It is the company's own text: nothing in it is masked.
type Template struct {
	ID       TemplateID       `cbor:"1,keyasint"`
	Inbox    InboxID          `cbor:"2,keyasint"`
	Name     string           `cbor:"3,keyasint"`
	Language string           `cbor:"4,keyasint"` // as WhatsApp spells it: "de", "en_US"
	Category TemplateCategory `cbor:"5,keyasint"`
	State    TemplateState    `cbor:"6,keyasint"`
	Quality  Quality          `cbor:"7,keyasint,omitempty"`
	Reason   string           `cbor:"8,keyasint,omitempty"` // WhatsApp's word for why it was rejected or stopped
	Header   TemplateHeader   `cbor:"9,keyasint,omitzero"`
	Body     string           `cbor:"10,keyasint"`
	Footer   string           `cbor:"11,keyasint,omitempty"`
	Buttons  []TemplateButton `cbor:"12,keyasint,omitempty"`
	Fields   []TemplateField  `cbor:"13,keyasint,omitempty"` // what has to be filled in, in this order
	Removed  bool             `cbor:"14,keyasint,omitempty"`
}

// A TemplateCategory decides what a template costs and whether it needs consent.
type TemplateCategory uint8

// The categories of WhatsApp.
const (
	Utility        TemplateCategory = 1
	Marketing      TemplateCategory = 2
	Authentication TemplateCategory = 3
)

// A TemplateState says whether a template can be sent.
type TemplateState uint8

// The states, folded from WhatsApp's dozen. Only an approved template can be sent.
const (
	TemplatePending  TemplateState = 0
	TemplateApproved TemplateState = 1
	TemplateRejected TemplateState = 2
	TemplatePaused   TemplateState = 3 // customers complained; WhatsApp lets it rest
	TemplateDisabled TemplateState = 4
)

// A TemplateHeader is what stands above the body: a text, a file or nothing.
type TemplateHeader struct {
	Kind MessageKind `cbor:"1,keyasint,omitempty"` // Text, Image, Video, Document, Location; 0: no header
	Text string      `cbor:"2,keyasint,omitempty"`
}

// A TemplateButton is a button below a template.
type TemplateButton struct {
	Kind ChoiceKind `cbor:"1,keyasint"`
	Text string     `cbor:"2,keyasint"`
}

// A TemplateField is one gap in a template.
type TemplateField struct {
	Place   FieldPlace `cbor:"1,keyasint"`
	Name    string     `cbor:"2,keyasint"`           // "1", "2" ... or a word: what stands between the braces
	Example string     `cbor:"3,keyasint,omitempty"` // as WhatsApp was shown it
	Button  int        `cbor:"4,keyasint,omitempty"` // which button, from 0, for InButton
}

// A FieldPlace says which part of a template has the gap.
type FieldPlace uint8

// The places.
const (
	InHeader FieldPlace = 1
	InBody   FieldPlace = 2
	InButton FieldPlace = 3 // the end of a link, or a code
)

// Fill returns the header's text and the body with the values in their gaps. A value that is missing or empty leaves the
// gap as it is written.
func (t Template) Fill(values []string) (header, body string) {
	fill := func(text string, place FieldPlace) string {
		var pairs []string
		for i, f := range t.Fields {
			if f.Place == place && i < len(values) && values[i] != "" {
				pairs = append(pairs, "{{"+f.Name+"}}", values[i])
			}
		}
		return strings.NewReplacer(pairs...).Replace(text)
	}
	return fill(t.Header.Text, InHeader), fill(t.Body, InBody)
}

// Check returns why the template cannot be sent with these values: [RefusedTemplate] or nil. Consent is another question.
func (t Template) Check(values []string, media bool) error {
	if t.Removed || t.State != TemplateApproved || len(values) != len(t.Fields) {
		return RefusedTemplate
	}
	for _, v := range values {
		// WhatsApp refuses such values (error 132018, "parameter format mismatch").
		if strings.TrimSpace(v) == "" || strings.ContainsAny(v, "\n\t\r") || strings.Contains(v, "     ") {
			return RefusedTemplate
		}
	}
	switch t.Header.Kind {
	case Image, Video, Document:
		if !media {
			return RefusedTemplate
		}
	}
	return nil
}

// A Variable is something an agent may write into a text, a caption or a template's value without knowing it.
type Variable string

// The variables. They stand between two braces: {{contact.name}}.
const (
	VarContactName  Variable = "contact.name"
	VarContactFirst Variable = "contact.first_name"
	VarContactPhone Variable = "contact.phone"
	VarContactEmail Variable = "contact.email"
	VarAgentName    Variable = "agent.name"
	VarInboxName    Variable = "inbox.name"
)

// Variables returns all variables there are.
func Variables() []Variable {
	return []Variable{VarContactName, VarContactFirst, VarContactPhone, VarContactEmail, VarAgentName, VarInboxName}
}

// Expand replaces every variable of a text by what value says. An unknown variable, or one without a value, gives
// [RefusedVariable]. A pair of braces around anything that does not look like a variable stays as it is.
func Expand(text string, value func(Variable) (string, bool)) (string, error) {
	var out strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "{{")
		if !ok {
			break
		}
		name, after, ok := strings.Cut(rest, "}}")
		name = strings.TrimSpace(name)
		if !ok || !looksLikeVariable(name) {
			out.WriteString(before + "{{")
			text = rest
			continue
		}
		v, ok := value(Variable(name))
		if !ok || v == "" {
			return "", RefusedVariable
		}
		out.WriteString(before + v)
		text = after
	}
	out.WriteString(text)
	return out.String(), nil
}

// HasVariables reports whether [Expand] would change the text or refuse it.
func HasVariables(text string) bool {
	_, err := Expand(text, func(Variable) (string, bool) { return "", false })
	return err != nil
}

// looksLikeVariable reports whether a name has a dot between two words, as all variables have.
func looksLikeVariable(name string) bool {
	group, word, ok := strings.Cut(name, ".")
	plain := func(s string) bool {
		return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") == ""
	}
	return ok && plain(group) && plain(word)
}

// CheckInteractive returns why WhatsApp would not take an interactive message, or nil
// (Cloud API, "Interactive reply buttons messages" and "Interactive list messages").
func CheckInteractive(m SendInteractive) error {
	const (
		maxBody, maxHeader, maxFooter          = 1024, 60, 60
		maxButtons, maxRows                    = 3, 10
		maxButton, maxRow, maxRowNote, maxMenu = 20, 24, 72, 20
	)
	title, options := maxButton, maxButtons
	if m.Menu != "" {
		title, options = maxRow, maxRows
	}
	if err := CheckText(m.Text); err != nil {
		return err
	}
	if len(m.Options) == 0 {
		return RefusedEmpty
	}
	if len(m.Options) > options || runes(m.Text) > maxBody || runes(m.Header) > maxHeader || runes(m.Footer) > maxFooter || runes(m.Menu) > maxMenu {
		return RefusedTooLong
	}
	seen := map[string]bool{}
	for _, o := range m.Options {
		switch {
		case strings.TrimSpace(o.Title) == "":
			return RefusedEmpty
		case runes(o.Title) > title || runes(o.Note) > maxRowNote:
			return RefusedTooLong
		case seen[o.Title] || o.Note != "" && m.Menu == "":
			return RefusedMalformed
		}
		seen[o.Title] = true
	}
	return nil
}

func runes(s string) int { return len([]rune(s)) }

// OptionID returns the name an option goes by at WhatsApp: its place, so that it tells nothing.
func OptionID(n int) string { return "o" + strconv.Itoa(n) }
