package whatsapp

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SendTemplate sends a template approved by Meta, the only thing allowed outside the window. [Template.Fill] makes one
// that fits the template; by hand, anything goes that keeps to the limits.
type SendTemplate struct {
	unprintable
	Name string
	// Language is a code such as "de" or "en_US" under which the template was approved.
	Language string
	// Components fill its variables, in Meta's order.
	Components []TemplateComponent
}

// TemplateComponent fills one part of a template.
type TemplateComponent struct {
	unprintable
	// Type is "header", "body" or "button".
	Type string
	// SubType and Index are for buttons only: "quick_reply", "url" or "copy_code", counted from 0 over all buttons.
	SubType string
	Index   int
	// Parameters are the values, in order. A header and a button have one.
	Parameters []TemplateParameter
}

// TemplateParameter is one value. Exactly one of Text, Payload, Coupon, Media and Location is set. Amounts and dates are
// written out as text: the person's phone would format them by its own language, and the preview would lie.
type TemplateParameter struct {
	unprintable
	// Name is for templates with named parameters.
	Name string
	// Text is a variable, or the end of a button's address.
	Text string
	// Payload comes back in [Button] when the quick reply is tapped. It is ours and must not name the person.
	Payload string
	// Coupon is the code a "copy_code" button copies.
	Coupon   string
	Media    *SendMedia
	Location *SendLocation
}

type templateRequest struct {
	Name     string `json:"name"`
	Language struct {
		Policy string `json:"policy"`
		Code   string `json:"code"`
	} `json:"language"`
	Components []componentRequest `json:"components,omitempty"`
}

type componentRequest struct {
	Type       string             `json:"type"`
	SubType    string             `json:"sub_type,omitempty"`
	Index      string             `json:"index,omitempty"`
	Parameters []parameterRequest `json:"parameters,omitempty"`
}

type parameterRequest struct {
	Type     string           `json:"type"`
	Name     string           `json:"parameter_name,omitempty"`
	Text     string           `json:"text,omitempty"`
	Payload  string           `json:"payload,omitempty"`
	Coupon   string           `json:"coupon_code,omitempty"`
	Image    *mediaRequest    `json:"image,omitempty"`
	Video    *mediaRequest    `json:"video,omitempty"`
	Document *mediaRequest    `json:"document,omitempty"`
	Location *locationRequest `json:"location,omitempty"`
}

func (t SendTemplate) fill(r *sendRequest) error {
	if t.Name == "" || len(t.Name) > MaxTemplateNameBytes || t.Language == "" {
		return fmt.Errorf("%w: template without name or language", ErrRequest)
	}
	req := &templateRequest{Name: t.Name}
	req.Language.Policy, req.Language.Code = "deterministic", t.Language
	filled := map[string]bool{}
	for _, c := range t.Components {
		cr, err := c.request()
		if err != nil {
			return err
		}
		if part := cr.Type + cr.Index; filled[part] {
			return fmt.Errorf("%w: template part filled twice", ErrRequest)
		} else {
			filled[part] = true
		}
		req.Components = append(req.Components, cr)
	}
	r.Type, r.Template = "template", req
	return nil
}

// takes says which types of parameter stand where; a button is looked up by its sub-type.
var takes = map[string]string{
	"header": "text image video document location", "body": "text", "quick_reply": "payload", "url": "text", "copy_code": "coupon_code",
}

func (c TemplateComponent) request() (componentRequest, error) {
	q := componentRequest{Type: c.Type}
	place := c.Type
	switch c.Type {
	case "header":
		if len(c.Parameters) > MaxTemplateHeaderExtras {
			return q, fmt.Errorf("%w: %d values for a header", ErrRequest, len(c.Parameters))
		}
	case "body":
	case "button":
		place = c.SubType
		if takes[place] == "" || place == "header" || place == "body" {
			return q, fmt.Errorf("%w: unknown kind of template button", ErrRequest)
		}
		if c.Index < 0 || c.Index >= MaxTemplateButtons || len(c.Parameters) != 1 {
			return q, fmt.Errorf("%w: template button %d", ErrRequest, c.Index)
		}
		q.SubType, q.Index = c.SubType, strconv.Itoa(c.Index)
	default:
		return q, fmt.Errorf("%w: unknown template component", ErrRequest)
	}
	named := 0
	for i, p := range c.Parameters {
		r, err := p.request()
		if err != nil {
			return q, fmt.Errorf("template value %d: %w", i, err)
		}
		if !strings.Contains(" "+takes[place]+" ", " "+r.Type+" ") {
			return q, fmt.Errorf("%w: template value %d is of the wrong kind", ErrRequest, i)
		}
		if r.Type == "text" && !value(r.Text, place) {
			return q, fmt.Errorf("%w: template value %d is too long or has line breaks, tabs or a run of blanks", ErrRequest, i)
		}
		if p.Name != "" {
			named++
		}
		q.Parameters = append(q.Parameters, r)
	}
	if named != 0 && (named != len(c.Parameters) || c.Type == "button") {
		return q, fmt.Errorf("%w: template values named in part", ErrRequest)
	}
	return q, nil
}

// value reports whether Meta takes s as a variable of a header, a body or a button's address.
func value(s, place string) bool {
	if place == "url" {
		return len(s) <= MaxURLBytes && utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) })
	}
	most := MaxBodyRunes
	if place == "header" {
		most = MaxHeaderRunes
	}
	return words(s, 1, most) && !strings.ContainsAny(s, "\n\r\t") && !strings.Contains(s, strings.Repeat(" ", maxTemplateBlanks+1))
}

func (p TemplateParameter) request() (parameterRequest, error) {
	r := parameterRequest{Name: p.Name}
	kinds := 0
	for _, set := range []bool{p.Text != "", p.Payload != "", p.Coupon != "", p.Media != nil, p.Location != nil} {
		if set {
			kinds++
		}
	}
	if kinds != 1 {
		return r, fmt.Errorf("%w: template parameter with %d values", ErrRequest, kinds)
	}
	switch {
	case p.Media != nil:
		m, err := p.Media.request()
		if err != nil {
			return r, err
		}
		r.Type = string(p.Media.Kind)
		m.Caption = ""
		switch p.Media.Kind {
		case Image:
			r.Image = m
		case Video:
			r.Video = m
		case Document:
			r.Document = m
		default:
			return r, fmt.Errorf("%w: this kind of media cannot stand in a template", ErrRequest)
		}
	case p.Location != nil:
		l, err := p.Location.request()
		if err != nil {
			return r, err
		}
		if l.Name == "" || l.Address == "" {
			return r, fmt.Errorf("%w: a place in a template needs name and address", ErrRequest)
		}
		r.Type, r.Location = "location", l
	case p.Payload != "":
		if !token(p.Payload, MaxTemplatePayloadBytes) {
			return r, fmt.Errorf("%w: payload too long or not UTF-8", ErrRequest)
		}
		r.Type, r.Payload = "payload", p.Payload
	case p.Coupon != "":
		if !words(p.Coupon, 1, MaxTemplateCouponRunes) {
			return r, fmt.Errorf("%w: coupon code too long or not UTF-8", ErrRequest)
		}
		r.Type, r.Coupon = "coupon_code", p.Coupon
	default:
		r.Type, r.Text = "text", p.Text
	}
	return r, nil
}
