package whatsapp

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// Template is a text Meta checks before it may be sent outside the window, in one language. It survives a journey through
// JSON: members this package does not know, or that have another shape than it knows, are kept and written again. It
// holds the company's words, not a customer's.
type Template struct {
	ID       TemplateID     `json:"id,omitempty"`
	Name     string         `json:"name,omitempty"`
	Language string         `json:"language,omitempty"`
	Category Category       `json:"category,omitempty"`
	Status   TemplateStatus `json:"status,omitempty"`
	// Quality is "" until customers have seen enough of the template.
	Quality Quality `json:"quality_score,omitempty"`
	// RejectedReason is Meta's word for why it was refused; "NONE" or "" when it was not.
	RejectedReason string `json:"rejected_reason,omitempty"`
	// ParameterFormat says how the variables are written. "" is for Meta to say: [Positional] by its default.
	ParameterFormat ParameterFormat `json:"parameter_format,omitempty"`
	Components      []TemplatePart  `json:"components,omitempty"`

	extra members
}

// Category decides the price of a template and what it may say.
type Category string

// The categories.
const (
	Marketing      Category = "MARKETING"
	Utility        Category = "UTILITY"
	Authentication Category = "AUTHENTICATION"
)

// TemplateStatus says whether a template may be sent. Only [TemplateApproved] may.
type TemplateStatus string

// The statuses, as the listing and the webhooks write them. Some come only in webhooks, where they are events.
const (
	TemplateApproved        TemplateStatus = "APPROVED"
	TemplatePending         TemplateStatus = "PENDING"
	TemplateRejected        TemplateStatus = "REJECTED"
	TemplatePaused          TemplateStatus = "PAUSED"
	TemplateDisabled        TemplateStatus = "DISABLED"
	TemplateFlagged         TemplateStatus = "FLAGGED"
	TemplateInAppeal        TemplateStatus = "IN_APPEAL"
	TemplateReinstated      TemplateStatus = "REINSTATED"
	TemplatePendingDeletion TemplateStatus = "PENDING_DELETION"
	TemplateDeleted         TemplateStatus = "DELETED"
	TemplateArchived        TemplateStatus = "ARCHIVED"
	TemplateLimitExceeded   TemplateStatus = "LIMIT_EXCEEDED"
)

// Quality is what customers think of a template.
type Quality string

// The qualities.
const (
	QualityGreen   Quality = "GREEN"
	QualityYellow  Quality = "YELLOW"
	QualityRed     Quality = "RED"
	QualityUnknown Quality = "UNKNOWN"
)

// ParameterFormat says how a template writes its variables.
type ParameterFormat string

// The formats: {{1}}, {{2}} ... or {{order_number}}.
const (
	Positional ParameterFormat = "POSITIONAL"
	Named      ParameterFormat = "NAMED"
)

// PartType tells the parts of a template apart.
type PartType string

// The parts this package can fill.
const (
	PartHeader  PartType = "HEADER"
	PartBody    PartType = "BODY"
	PartFooter  PartType = "FOOTER"
	PartButtons PartType = "BUTTONS"
)

// Format is what a template's header is.
type Format string

// The formats of headers this package can fill.
const (
	FormatText     Format = "TEXT"
	FormatImage    Format = "IMAGE"
	FormatVideo    Format = "VIDEO"
	FormatDocument Format = "DOCUMENT"
	FormatLocation Format = "LOCATION"
)

// TemplatePart is a header, a body, a footer, the buttons, or a part this package only passes on.
type TemplatePart struct {
	Type PartType `json:"type"`
	// Format is for headers.
	Format Format `json:"format,omitempty"`
	// Text holds variables in double braces.
	Text string `json:"text,omitempty"`
	// Example has a value for every variable, and a sample file for a header of media: Meta refuses templates without.
	Example *Example         `json:"example,omitempty"`
	Buttons []TemplateButton `json:"buttons,omitempty"`

	extra members
}

// Example is what Meta's reviewers see in a part.
type Example struct {
	HeaderText []string `json:"header_text,omitempty"`
	// HeaderHandle names a file uploaded through Meta's resumable upload, or is its address in a listing.
	HeaderHandle []string       `json:"header_handle,omitempty"`
	HeaderNamed  []NamedExample `json:"header_text_named_params,omitempty"`
	// BodyText is a list of complete sets of values; one is enough.
	BodyText  [][]string     `json:"body_text,omitempty"`
	BodyNamed []NamedExample `json:"body_text_named_params,omitempty"`

	extra members
}

// NamedExample is the example of one named variable.
type NamedExample struct {
	Name    string `json:"param_name"`
	Example string `json:"example"`
}

// ButtonType tells the buttons of a template apart.
type ButtonType string

// The buttons this package can fill, or that need no filling.
const (
	ButtonQuickReply  ButtonType = "QUICK_REPLY"
	ButtonURL         ButtonType = "URL"
	ButtonPhone       ButtonType = "PHONE_NUMBER"
	ButtonCopyCode    ButtonType = "COPY_CODE"
	ButtonOTP         ButtonType = "OTP"
	ButtonVoiceCall   ButtonType = "VOICE_CALL"
	ButtonContactInfo ButtonType = "REQUEST_CONTACT_INFO"
)

// TemplateButton is one button of a template.
type TemplateButton struct {
	Type ButtonType `json:"type"`
	Text string     `json:"text,omitempty"`
	// URL may end in {{1}}.
	URL string `json:"url,omitempty"`
	// PhoneNumber is the company's.
	PhoneNumber string `json:"phone_number,omitempty"`
	// Example is for a URL with a variable, the end of the address or the whole, or the sample code of [ButtonCopyCode].
	Example ButtonExample `json:"example,omitempty"`

	extra members
}

// ButtonExample is one example. Meta writes it as a list of one, or bare; it is written as a list, but for codes.
type ButtonExample string

// UnmarshalJSON reads a digit string or a number.
func (id *TemplateID) UnmarshalJSON(b []byte) error {
	w := walker{b: b}
	*id = TemplateID(w.str())
	return nil
}

// UnmarshalJSON reads Meta's object around the score, or the bare word.
func (q *Quality) UnmarshalJSON(b []byte) error {
	w := walker{b: b}
	if w.peek() == '{' {
		*q = Quality(w.member("score"))
	} else {
		*q = Quality(w.str())
	}
	return nil
}

// MarshalJSON writes Meta's object around the score.
func (q Quality) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Score string `json:"score"`
	}{string(q)})
}

// UnmarshalJSON reads a string or a list of one.
func (e *ButtonExample) UnmarshalJSON(b []byte) error {
	w := walker{b: b}
	if w.peek() != '[' {
		*e = ButtonExample(w.str())
		return nil
	}
	var all []string
	if err := json.Unmarshal(b, &all); err != nil || len(all) != 1 {
		return fmt.Errorf("%w: button with %d examples", ErrTemplate, len(all))
	}
	*e = ButtonExample(all[0])
	return nil
}

// members are members of a JSON object that a struct has no field for.
type members map[string]json.RawMessage

// UnmarshalJSON reads Meta's description of a template.
func (t *Template) UnmarshalJSON(b []byte) (err error) {
	t.extra, err = take(b, t)
	return err
}

// MarshalJSON writes Meta's description of a template.
func (t Template) MarshalJSON() ([]byte, error) {
	type plain Template
	return give(plain(t), t.extra)
}

// UnmarshalJSON reads one part of a template.
func (p *TemplatePart) UnmarshalJSON(b []byte) (err error) {
	p.extra, err = take(b, p)
	p.Type = PartType(strings.ToUpper(string(p.Type))) // Meta takes both, and has been seen to write both
	return err
}

// MarshalJSON writes one part of a template.
func (p TemplatePart) MarshalJSON() ([]byte, error) {
	type plain TemplatePart
	return give(plain(p), p.extra)
}

// UnmarshalJSON reads the examples of a part.
func (e *Example) UnmarshalJSON(b []byte) (err error) {
	e.extra, err = take(b, e)
	return err
}

// MarshalJSON writes the examples of a part.
func (e Example) MarshalJSON() ([]byte, error) {
	type plain Example
	return give(plain(e), e.extra)
}

// UnmarshalJSON reads a button.
func (b *TemplateButton) UnmarshalJSON(text []byte) (err error) {
	b.extra, err = take(text, b)
	b.Type = ButtonType(strings.ToUpper(string(b.Type)))
	return err
}

// MarshalJSON writes a button.
func (b TemplateButton) MarshalJSON() ([]byte, error) {
	type plain TemplateButton
	extra := b.extra
	if b.Type != ButtonCopyCode && b.Example != "" {
		list, err := json.Marshal([]string{string(b.Example)})
		if err != nil {
			return nil, err
		}
		extra = members{"example": list}
		for k, v := range b.extra {
			extra[k] = v
		}
	}
	return give(plain(b), extra)
}

// take reads an object into the tagged fields of the struct that to points to, one by one, and returns the members that
// have no field or do not fit theirs: one odd member costs neither the rest nor itself.
func take(b []byte, to any) (members, error) {
	var all members
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, err
	}
	v := reflect.ValueOf(to).Elem()
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		raw, ok := all[name]
		if name == "" || !ok {
			continue
		}
		fresh := reflect.New(v.Field(i).Type())
		if json.Unmarshal(raw, fresh.Interface()) == nil {
			v.Field(i).Set(fresh.Elem())
			delete(all, name)
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	return all, nil
}

// give writes the tagged fields of a struct and the members it has no field for.
func give(from any, extra members) ([]byte, error) {
	b, err := json.Marshal(from)
	if err != nil || len(extra) == 0 {
		return b, err
	}
	var all members
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, err
	}
	for k, v := range extra {
		all[k] = v
	}
	return json.Marshal(all)
}

// part returns the first part of a type, nil when there is none.
func (t Template) part(p PartType) *TemplatePart {
	for i := range t.Components {
		if t.Components[i].Type == p {
			return &t.Components[i]
		}
	}
	return nil
}
