package whatsapp

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

var (
	templateName     = regexp.MustCompile(`^[a-z0-9_]+$`)
	templateLanguage = regexp.MustCompile(`^[a-z]{2,3}(_[A-Z][A-Za-z]{1,3})?(_[A-Z]{2})?$`)
	templateVariable = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

// Check reports whether Meta can take the template for review: names, lengths, numbers of parts and buttons, and an
// example for everything it leaves open. The error is [ErrRequest], or [ErrTemplate] for variables that make no sense. Parts
// this package does not know are for Meta to judge.
func (t Template) Check() error {
	bad := func(what string, args ...any) error {
		return fmt.Errorf("%w: template "+what, append([]any{ErrRequest}, args...)...)
	}
	switch {
	case len(t.Name) > MaxTemplateNameBytes || !templateName.MatchString(t.Name):
		return bad("name: only a to z, 0 to 9 and _")
	case len(t.Language) > maxTemplateLanguageBytes || !templateLanguage.MatchString(t.Language):
		return bad("language")
	case t.Category != Marketing && t.Category != Utility && t.Category != Authentication:
		return bad("category")
	case t.ParameterFormat != "" && t.ParameterFormat != Positional && t.ParameterFormat != Named:
		return bad("parameter format")
	case t.part(PartBody) == nil:
		return bad("has no body")
	}
	seen := map[PartType]bool{}
	for _, p := range t.Components {
		if seen[p.Type] {
			return bad("has a part twice")
		}
		seen[p.Type] = true
		var err error
		switch p.Type {
		case PartHeader:
			err = t.checkHeader(p)
		case PartBody:
			// Meta writes the body of a code itself
			if own := t.Category == Authentication && p.Text == ""; !own && !words(p.Text, 1, MaxBodyRunes) {
				return bad("body empty, too long or not UTF-8")
			}
			err = t.checkVariables(InBody, p)
		case PartFooter:
			if own := t.Category == Authentication && p.Text == ""; !own && !words(p.Text, 1, MaxFooterRunes) || variable.MatchString(p.Text) {
				return bad("footer empty, too long or with a variable")
			}
		case PartButtons:
			err = checkButtons(p.Buttons)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t Template) checkHeader(p TemplatePart) error {
	switch p.Format {
	case FormatText:
		if !words(p.Text, 1, MaxHeaderRunes) {
			return fmt.Errorf("%w: template header empty, too long or not UTF-8", ErrRequest)
		}
		if _, err := t.headerParameters(p); err != nil {
			return err
		}
		return t.checkVariables(InHeader, p)
	case FormatImage, FormatVideo, FormatDocument:
		if p.Text != "" || p.Example == nil || len(p.Example.HeaderHandle) == 0 {
			return fmt.Errorf("%w: template header of media needs a sample file and no text", ErrRequest)
		}
	case FormatLocation:
		if p.Text != "" {
			return fmt.Errorf("%w: template header of a place has no text", ErrRequest)
		}
	}
	return nil
}

func (t Template) checkVariables(at Place, p TemplatePart) error {
	if rest := variable.ReplaceAllString(p.Text, ""); strings.Contains(rest, "{{") || strings.Contains(rest, "}}") {
		return fmt.Errorf("%w: template %s with braces that are no variable", ErrRequest, at)
	}
	ps, err := t.textParameters(at, p)
	if err != nil {
		return err
	}
	for _, q := range ps {
		if q.Name != "" && !templateVariable.MatchString(q.Name) {
			return fmt.Errorf("%w: template %s variable %d is misnamed", ErrRequest, at, q.Index)
		}
		if strings.TrimSpace(q.Example) == "" {
			return fmt.Errorf("%w: template %s variable %d has no example", ErrRequest, at, q.Index)
		}
	}
	return nil
}

func checkButtons(bs []TemplateButton) error {
	bad := func(i int, what string) error { return fmt.Errorf("%w: template button %d: %s", ErrRequest, i, what) }
	if len(bs) == 0 || len(bs) > MaxTemplateButtons {
		return fmt.Errorf("%w: template with %d buttons", ErrRequest, len(bs))
	}
	count := map[ButtonType]int{}
	for i, b := range bs {
		// Meta refuses quick replies before and after another kind
		if b.Type == ButtonQuickReply && count[b.Type] > 0 && bs[i-1].Type != ButtonQuickReply {
			return bad(i, "quick replies must stand together")
		}
		if count[b.Type]++; b.Type != ButtonCopyCode && b.Type != ButtonOTP && b.Type != ButtonContactInfo && !words(b.Text, 1, MaxTemplateButtonRunes) {
			return bad(i, "label empty, too long or not UTF-8")
		}
		switch b.Type {
		case ButtonURL:
			vs := variable.FindAllStringIndex(b.URL, -1)
			switch {
			case !webURL(variable.ReplaceAllString(b.URL, "1")):
				return bad(i, "no web address")
			case len(vs) > 1 || len(vs) == 1 && (vs[0][1] != len(b.URL) || b.Example == ""):
				return bad(i, "one variable, at the end, with an example")
			}
		case ButtonPhone:
			if !words(b.PhoneNumber, 1, MaxTemplatePhoneRunes) {
				return bad(i, "no telephone number")
			}
		case ButtonCopyCode:
			if n := utf8.RuneCountInString(string(b.Example)); n == 0 || n > MaxTemplateCouponRunes {
				return bad(i, "no sample code, or too long")
			}
		}
	}
	if count[ButtonURL] > MaxTemplateURLButtons || count[ButtonPhone] > MaxTemplateCallButtons || count[ButtonCopyCode] > MaxTemplateCodeButtons {
		return fmt.Errorf("%w: template with too many buttons of a kind", ErrRequest)
	}
	labels := map[string]bool{}
	if slices.ContainsFunc(bs, func(b TemplateButton) bool {
		twice := b.Text != "" && labels[b.Text]
		labels[b.Text] = true
		return twice
	}) {
		return fmt.Errorf("%w: template with two buttons of one label", ErrRequest)
	}
	return nil
}
