package ui

import (
	"cmp"
	"slices"
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"sealdesk/app/inbox"
)

// variableWord names a variable for people; false for one that does not exist.
func variableWord(v inbox.Variable) (string, bool) {
	switch v {
	case inbox.VarContactName:
		return word("variable.contact.name"), true
	case inbox.VarContactFirst:
		return word("variable.contact.first"), true
	case inbox.VarContactPhone:
		return word("variable.contact.phone"), true
	case inbox.VarContactEmail:
		return word("variable.contact.email"), true
	case inbox.VarAgentName:
		return word("variable.agent.name"), true
	case inbox.VarInboxName:
		return word("variable.inbox.name"), true
	}
	return string(v), false
}

// personal reports whether a variable stands for something of the customer's, which only the company's server knows.
func personal(v inbox.Variable) bool { return strings.HasPrefix(string(v), "contact.") }

// variablesIn are the variables of a text, each once, in their order.
func variablesIn(text string) []inbox.Variable {
	var out []inbox.Variable
	_, _ = inbox.Expand(text, func(v inbox.Variable) (string, bool) {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
		return "x", true
	})
	return out
}

// spansOf is a text of the company's with its variables as what they will hide, or say, when it is sent.
func spansOf(text string, s staff, in inbox.Inbox) []inbox.Span {
	var out []inbox.Span
	plain := func(t string) {
		if t != "" {
			out = append(out, inbox.Span{Text: t})
		}
	}
	for {
		before, rest, ok := strings.Cut(text, "{{")
		name, after, closed := strings.Cut(rest, "}}")
		v := inbox.Variable(strings.TrimSpace(name))
		w, known := variableWord(v)
		switch {
		case !ok:
			plain(text)
			return out
		case !closed || !known:
			plain(before + "{{")
			text = rest
			continue
		case personal(v):
			plain(before)
			out = append(out, inbox.Span{Kind: inbox.FullName, Text: w})
		case v == inbox.VarAgentName && s.me.Name != "":
			plain(before + s.me.Name)
		case v == inbox.VarInboxName && in.Name != "":
			plain(before + in.Name)
		default:
			plain(before + w)
		}
		text = after
	}
}

// A TemplateRow is one template in a list.
type TemplateRow struct {
	Name   string
	Line   string // language and category
	Dot    Tone   // WhatsApp's rating; ToneQuiet for none yet
	DotTip string
	Why    string // why it cannot be chosen; "" when it can
}

func templateRow(t inbox.Template) TemplateRow {
	r := TemplateRow{Name: t.Name, Line: languageName(t.Language) + " · " + categoryWord(t.Category)}
	r.Dot, r.DotTip = qualityTone(t.Quality), qualityWord(t.Quality)
	switch t.State {
	case inbox.TemplatePending:
		r.Why = word("template.pending")
	case inbox.TemplateRejected:
		r.Why = word("template.rejected")
	case inbox.TemplatePaused:
		r.Why = word("template.paused")
	case inbox.TemplateDisabled:
		r.Why = word("template.disabled")
	}
	if r.Why != "" && t.Reason != "" && t.Reason != "NONE" {
		r.Why += " · " + oneLine(strings.ToLower(strings.ReplaceAll(t.Reason, "_", " ")))
	}
	return r
}

func qualityTone(q inbox.Quality) Tone {
	switch q {
	case inbox.QualityHigh:
		return ToneOK
	case inbox.QualityMedium:
		return ToneWarn
	case inbox.QualityLow:
		return ToneDanger
	}
	return ToneQuiet
}

func qualityWord(q inbox.Quality) string {
	switch q {
	case inbox.QualityHigh:
		return word("quality.high")
	case inbox.QualityMedium:
		return word("quality.medium")
	case inbox.QualityLow:
		return word("quality.low")
	}
	return word("quality.unknown")
}

func categoryWord(c inbox.TemplateCategory) string {
	switch c {
	case inbox.Marketing:
		return word("cost.marketing")
	case inbox.Authentication:
		return word("cost.authentication")
	}
	return word("cost.utility")
}

// languageName is the name of a template's language in the reader's.
func languageName(tag string) string {
	t, err := language.Parse(strings.ReplaceAll(tag, "_", "-"))
	if err != nil {
		return tag
	}
	if name := display.Tags(language.Make(word("language.code"))).Name(t); name != "" {
		return name
	}
	return tag
}

// findTemplates returns the templates a list shows for a query: those that can be sent first, then by name.
func findTemplates(list []inbox.Template, query string) []inbox.Template {
	var out []inbox.Template
	words := strings.Fields(strings.ToLower(query))
	for _, t := range list {
		if t.Removed {
			continue
		}
		hay := strings.ToLower(strings.ReplaceAll(t.Name, "_", " ") + " " + t.Name + " " + t.Body + " " + t.Header.Text + " " + t.Language + " " + languageName(t.Language) + " " + categoryWord(t.Category))
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(hay, w) }) {
			out = append(out, t)
		}
	}
	rank := func(t inbox.Template) int {
		if t.State == inbox.TemplateApproved {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(out, func(a, b inbox.Template) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Language, b.Language))
	})
	return out
}

// A GapView is one gap of a template.
type GapView struct {
	Label   string
	Example string
	Code    bool // the end of a link, or a code
}

// A TemplateView is a template about to be sent.
type TemplateView struct {
	Preview   *ItemView
	Gaps      []GapView
	File      inbox.MessageKind // what the header needs; 0 for no file
	FileLabel string
	Cost      ChipView
	Verdict   string // what the customer agreed to; "" when that does not matter
	Bad       bool   // it forbids sending
	Record    bool   // the reader may write down that the customer agreed
	Why       string // why it cannot be sent now; "" when it can
}

// templateView says how a template with these values looks and whether it can be sent. file is the name of the header's
// file, "" while there is none.
func templateView(t inbox.Template, values []string, file string, c inbox.Conversation, in inbox.Inbox, s staff, at clock) TemplateView {
	v := TemplateView{Cost: costChip(c.CostOf(t.Category, at.now))}
	values = slices.Clone(values)
	for len(values) < len(t.Fields) {
		values = append(values, "")
	}
	said := slices.Clone(values) // what the preview says: a gap by its name
	for i, f := range t.Fields {
		g := GapView{Example: f.Example}
		switch f.Place {
		case inbox.InHeader:
			g.Label = word("template.gap.header", "Name", f.Name)
		case inbox.InButton:
			g.Code = true
			g.Label = word("template.gap.button", "Name", f.Name)
			if f.Button < len(t.Buttons) {
				g.Label = word("template.gap.button", "Name", t.Buttons[f.Button].Text)
			}
		default:
			g.Label = word("template.gap.body", "Name", f.Name)
		}
		v.Gaps = append(v.Gaps, g)
		if said[i] == "" {
			said[i] = "[" + g.Label + "]"
		}
	}
	switch t.Header.Kind {
	case inbox.Image, inbox.Video, inbox.Document:
		v.File = t.Header.Kind
		_, name := medium(v.File)
		v.FileLabel = word("template.file", "Kind", name)
	}
	v.Preview = templatePreview(t, said, file, v.File, in, s)
	v.verdict(t.Category, c, s, at)
	v.Why = v.reason(t, values, file, c, s)
	return v
}

func templatePreview(t inbox.Template, values []string, file string, kind inbox.MessageKind, in inbox.Inbox, s staff) *ItemView {
	head, body := t.Fill(values)
	p := &ItemView{ID: "preview", Kind: ItemBubble, Out: true, HeaderSpans: spansOf(head, s, in), BodySpans: spansOf(body, s, in)}
	if t.Footer != "" {
		p.FooterSpans = []inbox.Span{{Text: t.Footer}}
	}
	if kind != 0 {
		icon, name := medium(kind)
		p.Card = &CardView{Icon: icon, Title: name, Detail: file, Tile: kind != inbox.Document}
		if file == "" {
			p.Card.Detail = word("template.file.missing")
		}
	}
	if t.Header.Kind == inbox.Location {
		p.Card = &CardView{Icon: "pin", Title: word("media.location"), Detail: word("media.location.ours")}
	}
	for _, b := range t.Buttons {
		p.Choices = append(p.Choices, ChoiceView{Icon: choiceIcon(b.Kind), Text: inbox.PlainText(b.Text)})
	}
	return p
}

func (v *TemplateView) verdict(category inbox.TemplateCategory, c inbox.Conversation, s staff, at clock) {
	k := c.Consent
	switch {
	case k.Templates == inbox.Withdrawn:
		v.Verdict, v.Bad = word("consent.verdict.none"), true
	case category != inbox.Marketing:
	case k.Marketing == inbox.Given:
		v.Verdict = word("consent.verdict.given", "Date", at.date(k.At))
	case k.Marketing == inbox.Withdrawn:
		v.Verdict, v.Bad = word("consent.verdict.withdrawn", "Date", at.date(k.At)), true
	default:
		v.Verdict, v.Bad, v.Record = word("consent.verdict.unknown"), true, mayRecord(c, s)
	}
}

// mayRecord reports whether the reader may write down that the customer agreed: what a customer stopped himself, only he
// can resume.
func mayRecord(c inbox.Conversation, s staff) bool {
	return c.Consent.Marketing == inbox.NotAsked && c.Consent.Templates != inbox.Withdrawn && inbox.Can(s.me, inbox.ActConsent, c.Subject()) == nil
}

// reason is why a template cannot be sent: the first thing the reader can do something about.
func (v *TemplateView) reason(t inbox.Template, values []string, file string, c inbox.Conversation, s staff) string {
	switch {
	case inbox.Can(s.me, inbox.ActSend, c.Subject()) != nil:
		return word("why.right")
	case t.State != inbox.TemplateApproved || t.Removed:
		return templateRow(t).Why
	case v.Bad:
		return v.Verdict
	}
	for i, f := range values {
		if strings.TrimSpace(f) == "" {
			return word("template.why.empty", "Name", v.Gaps[i].Label)
		}
		for _, x := range variablesIn(f) {
			if _, known := variableWord(x); !known {
				return word("variable.unknown")
			}
		}
	}
	if v.File != 0 && file == "" {
		return v.FileLabel + ": " + word("template.file.missing")
	}
	if t.Check(values, file != "") != nil {
		return word("template.why.shape")
	}
	return ""
}

// costChip says under what WhatsApp bills a message.
func costChip(c inbox.CostClass) ChipView {
	switch c {
	case inbox.CostFree:
		return ChipView{Text: word("cost.free"), Tone: ToneOK}
	case inbox.CostService:
		return ChipView{Text: word("cost.service"), Tone: ToneQuiet}
	case inbox.CostMarketing:
		return ChipView{Text: word("cost.marketing"), Tone: ToneWarn}
	case inbox.CostAuthentication:
		return ChipView{Text: word("cost.authentication"), Tone: ToneInfo}
	case inbox.CostUtility:
		return ChipView{Text: word("cost.utility"), Tone: ToneAccent}
	}
	return ChipView{Text: word("cost.unknown")}
}

// consentLines is what the contact panel says of consent: a chip and where it comes from.
func consentLines(c inbox.Conversation, s staff, t clock) []FieldView {
	k := c.Consent
	var chip ChipView
	switch {
	case k.Templates == inbox.Withdrawn:
		chip = ChipView{Text: word("consent.stoppedall"), Tone: ToneDanger}
	case k.Marketing == inbox.Given:
		chip = ChipView{Text: word("consent.given"), Tone: ToneOK, Icon: "check"}
	case k.Marketing == inbox.Withdrawn:
		chip = ChipView{Text: word("consent.withdrawn"), Tone: ToneDanger}
	default:
		chip = ChipView{Text: word("consent.unknown"), Tone: ToneWarn}
	}
	f := FieldView{Label: word("consent.title"), Chip: &chip}
	if k.At != 0 {
		by := sourceWord(k.Source)
		if k.Source == inbox.FromRecord && k.By != "" {
			by = word("consent.from.record.by", "Name", s.called(k.By))
		}
		f.Detail = t.date(k.At)
		if by != "" {
			f.Detail += " · " + by
		}
	}
	if mayRecord(c, s) {
		f.Action, f.Area = word("consent.record"), areaConsent
	}
	return []FieldView{f}
}

func sourceWord(s inbox.ConsentSource) string {
	switch s {
	case inbox.FromKeyword:
		return word("consent.from.keyword")
	case inbox.FromSettings:
		return word("consent.from.settings")
	case inbox.FromRecord:
		return word("consent.from.record")
	case inbox.FromRefusal:
		return word("consent.from.refusal")
	}
	return ""
}
