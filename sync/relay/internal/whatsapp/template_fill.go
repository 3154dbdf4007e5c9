package whatsapp

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Place is where in a template a parameter stands.
type Place string

// The places.
const (
	InHeader Place = "header"
	InBody   Place = "body"
	InButton Place = "button"
)

// ParameterKind is what a parameter takes.
type ParameterKind string

// The kinds of parameters, and which field of [Value] each takes.
const (
	TakesText     ParameterKind = "text"     // Text
	TakesImage    ParameterKind = "image"    // Media
	TakesVideo    ParameterKind = "video"    // Media
	TakesDocument ParameterKind = "document" // Media
	TakesLocation ParameterKind = "location" // Location, with name and address
	TakesPayload  ParameterKind = "payload"  // Text, what comes back in [Button]
	TakesCoupon   ParameterKind = "coupon"   // Text
)

// Parameter is something a template leaves open.
type Parameter struct {
	Place Place
	// Index is the number of a positional variable, from 1, or of a button, from 0.
	Index int
	// Name is set for named variables.
	Name string
	Kind ParameterKind
	// Optional parameters have a value of Meta's when none is given: a quick reply's payload is its own text.
	Optional bool
	// Example is what Meta's reviewers saw, "" when unknown.
	Example string
}

// Key names the parameter within its template, for [Template.Fill]: "header", "body.1", "body.order_number", "button.0".
func (p Parameter) Key() string {
	switch {
	case p.Place == InHeader:
		return "header"
	case p.Name != "":
		return string(p.Place) + "." + p.Name
	}
	return string(p.Place) + "." + strconv.Itoa(p.Index)
}

// Value is what goes in a parameter's place.
type Value struct {
	unprintable
	Text     string
	Media    *SendMedia
	Location *SendLocation
}

// Preview is a filled template as the customer will read it.
type Preview struct {
	unprintable
	// Header is "" for headers that are not text.
	Header, Body, Footer string
	// Buttons are their labels, in order.
	Buttons []string
}

// Text returns header, body and footer, a line each.
func (p Preview) Text() string {
	lines := []string{p.Header, p.Body, p.Footer}
	return strings.Join(slices.DeleteFunc(lines, func(s string) bool { return s == "" }), "\n")
}

// variable finds {{1}} and {{order_number}}.
var variable = regexp.MustCompile(`\{\{\s*([0-9A-Za-z_]+)\s*\}\}`)

// variables returns the names in text, each once, in the order Meta wants their values: positional ones by number, which
// must run from 1 without a gap.
func (t Template) variables(text string) ([]string, error) {
	var names []string
	for _, m := range variable.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(names, m[1]) {
			names = append(names, m[1])
		}
	}
	if t.named(names) {
		return names, nil
	}
	for i := range names {
		if !slices.Contains(names, strconv.Itoa(i+1)) {
			return nil, fmt.Errorf("%w: positional variables with a gap", ErrTemplate)
		}
	}
	for i := range names {
		names[i] = strconv.Itoa(i + 1)
	}
	return names, nil
}

func (t Template) named(names []string) bool {
	if t.ParameterFormat != "" {
		return t.ParameterFormat == Named
	}
	// a listing may leave the format out; then the variables show it
	return slices.ContainsFunc(names, func(s string) bool { return strings.Trim(s, "0123456789") != "" })
}

// Parameters lists what the template leaves open, in the order of its parts. [ErrTemplate] means that it has a part this
// package cannot fill, such as a carousel, a flow or a catalog.
func (t Template) Parameters() ([]Parameter, error) {
	var all []Parameter
	for _, p := range t.Components {
		var add []Parameter
		var err error
		switch p.Type {
		case PartHeader:
			add, err = t.headerParameters(p)
		case PartBody:
			add, err = t.textParameters(InBody, p)
		case PartFooter:
		case PartButtons:
			add, err = buttonParameters(p)
		default:
			err = fmt.Errorf("%w: unknown part", ErrTemplate)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, add...)
	}
	return all, nil
}

func (t Template) headerParameters(p TemplatePart) ([]Parameter, error) {
	media := Parameter{Place: InHeader, Index: 1}
	switch p.Format {
	case FormatText, "":
		ps, err := t.textParameters(InHeader, p)
		if err == nil && len(ps) > MaxTemplateHeaderExtras {
			err = fmt.Errorf("%w: header with %d variables", ErrTemplate, len(ps))
		}
		return ps, err
	case FormatImage:
		media.Kind = TakesImage
	case FormatVideo:
		media.Kind = TakesVideo
	case FormatDocument:
		media.Kind = TakesDocument
	case FormatLocation:
		media.Kind = TakesLocation
	default:
		return nil, fmt.Errorf("%w: unknown header", ErrTemplate)
	}
	return []Parameter{media}, nil
}

func (t Template) textParameters(at Place, p TemplatePart) ([]Parameter, error) {
	names, err := t.variables(p.Text)
	if err != nil {
		return nil, err
	}
	var values []string
	var named []NamedExample
	if e := p.Example; e != nil && at == InHeader {
		values, named = e.HeaderText, e.HeaderNamed
	} else if e != nil {
		named = e.BodyNamed
		if len(e.BodyText) > 0 {
			values = e.BodyText[0]
		}
	}
	var ps []Parameter
	for i, name := range names {
		q := Parameter{Place: at, Index: i + 1, Kind: TakesText}
		if t.named(names) {
			q.Name = name
			if j := slices.IndexFunc(named, func(e NamedExample) bool { return e.Name == name }); j >= 0 {
				q.Example = named[j].Example
			}
		} else if i < len(values) {
			q.Example = values[i]
		}
		ps = append(ps, q)
	}
	return ps, nil
}

func buttonParameters(p TemplatePart) ([]Parameter, error) {
	var ps []Parameter
	for i, b := range p.Buttons {
		q := Parameter{Place: InButton, Index: i, Example: string(b.Example)}
		switch b.Type {
		case ButtonQuickReply:
			q.Kind, q.Optional, q.Example = TakesPayload, true, b.Text
		case ButtonURL:
			if !variable.MatchString(b.URL) {
				continue
			}
			q.Kind = TakesText
			// the example may be a whole address; the value is what the variable stands for
			q.Example = strings.TrimPrefix(q.Example, variable.ReplaceAllString(b.URL, ""))
		case ButtonOTP: // the code stands in the body and again in the button
			q.Kind = TakesText
		case ButtonCopyCode:
			q.Kind = TakesCoupon
		case ButtonPhone, ButtonVoiceCall, ButtonContactInfo:
			continue
		default:
			return nil, fmt.Errorf("%w: unknown button", ErrTemplate)
		}
		ps = append(ps, q)
	}
	return ps, nil
}

// Fill puts values, by [Parameter.Key], in their places and returns what to send and what the customer will read.
// [ErrRequest] means that a value is missing, too much, of the wrong kind or too long; [ErrTemplate] is as for
// [Template.Parameters]. What it returns passes the checks of [Client.Send].
func (t Template) Fill(values map[string]Value) (SendTemplate, Preview, error) {
	out := SendTemplate{Name: t.Name, Language: t.Language}
	ps, err := t.Parameters()
	if err != nil {
		return out, Preview{}, err
	}
	known := map[string]bool{}
	for _, p := range ps {
		v, ok := values[p.Key()]
		known[p.Key()] = true
		if !ok && p.Optional {
			continue
		}
		q, err := p.fill(v)
		if err != nil {
			return out, Preview{}, err
		}
		out.add(p, q)
	}
	for k := range values {
		if !known[k] {
			return out, Preview{}, fmt.Errorf("%w: value for no variable of the template", ErrRequest)
		}
	}
	if err := out.fill(new(sendRequest)); err != nil {
		return out, Preview{}, err
	}
	see := t.preview(values)
	if !words(see.Body, 1, MaxBodyRunes) || !words(see.Header, 0, MaxHeaderRunes) {
		return out, Preview{}, fmt.Errorf("%w: template too long once filled", ErrRequest)
	}
	return out, see, nil
}

func (p Parameter) fill(v Value) (TemplateParameter, error) {
	q := TemplateParameter{Name: p.Name}
	wrong := false
	switch p.Kind {
	case TakesText:
		q.Text = v.Text
	case TakesPayload:
		q.Payload = v.Text
	case TakesCoupon:
		q.Coupon = v.Text
	case TakesLocation:
		q.Location, wrong = v.Location, v.Text != ""
	default:
		q.Media, wrong = v.Media, v.Text != "" || v.Media != nil && string(v.Media.Kind) != string(p.Kind)
	}
	wrong = wrong || v.Media != nil && q.Media == nil || v.Location != nil && q.Location == nil
	if wrong || q.Text == "" && q.Payload == "" && q.Coupon == "" && q.Media == nil && q.Location == nil {
		return q, fmt.Errorf("%w: %s value %d missing or of the wrong kind", ErrRequest, p.Place, p.Index)
	}
	return q, nil
}

// add appends q to the component its parameter belongs to.
func (s *SendTemplate) add(p Parameter, q TemplateParameter) {
	c := TemplateComponent{Type: string(p.Place)}
	if p.Place == InButton {
		c.Index = p.Index
		switch p.Kind {
		case TakesPayload:
			c.SubType = "quick_reply"
		case TakesCoupon:
			c.SubType = "copy_code"
		default:
			c.SubType = "url"
		}
	} else if n := len(s.Components); n > 0 && s.Components[n-1].Type == c.Type {
		s.Components[n-1].Parameters = append(s.Components[n-1].Parameters, q)
		return
	}
	c.Parameters = []TemplateParameter{q}
	s.Components = append(s.Components, c)
}

func (t Template) preview(values map[string]Value) (see Preview) {
	put := func(at Place, text string) string {
		return variable.ReplaceAllStringFunc(text, func(v string) string {
			key := "header"
			if at == InBody {
				key = "body." + variable.FindStringSubmatch(v)[1]
			}
			return values[key].Text
		})
	}
	for _, p := range t.Components {
		switch p.Type {
		case PartHeader:
			see.Header = put(InHeader, p.Text)
		case PartBody:
			see.Body = put(InBody, p.Text)
		case PartFooter:
			see.Footer = p.Text
		case PartButtons:
			for _, b := range p.Buttons {
				see.Buttons = append(see.Buttons, b.Text)
			}
		}
	}
	return see
}
