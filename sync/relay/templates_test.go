package relay

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/whatsapp"
)

func metaTemplate(t *testing.T, text string) whatsapp.Template {
	t.Helper()
	var m whatsapp.Template
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestATemplateIsShownWithWhatHasToBeFilledIn(t *testing.T) {
	m := metaTemplate(t, `{"id":"700","name":"order","language":"de","category":"UTILITY","status":"APPROVED","quality_score":{"score":"YELLOW"},
	"components":[{"type":"HEADER","format":"TEXT","text":"Bestellung {{1}}","example":{"header_text":["A-17"]}},
	{"type":"BODY","text":"Hallo {{1}}, {{2}} liegt bereit.","example":{"body_text":[["Frau Muster","Ihr Paket"]]}},
	{"type":"FOOTER","text":"Bis bald"},
	{"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"Danke"},{"type":"URL","text":"Verfolgen","url":"https://example.com/{{1}}","example":["https://example.com/A-17"]}]}]}`)
	x := templateOf(m)
	if x.State != inbox.TemplateApproved || x.Quality != inbox.QualityMedium || x.Category != inbox.Utility || x.Footer != "Bis bald" {
		t.Errorf("%+v", x)
	}
	want := []inbox.TemplateField{
		{Place: inbox.InHeader, Name: "1", Example: "A-17"}, {Place: inbox.InBody, Name: "1", Example: "Frau Muster"},
		{Place: inbox.InBody, Name: "2", Example: "Ihr Paket"}, {Place: inbox.InButton, Name: "1", Example: "A-17", Button: 1},
	}
	if len(x.Fields) != len(want) {
		t.Fatalf("%d fields", len(x.Fields))
	}
	_, keys, err := templateFields(m)
	if err != nil || len(keys) != len(want) {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	values := map[string]whatsapp.Value{}
	for i, f := range x.Fields {
		if f != want[i] {
			t.Errorf("field %d is %+v", i, f)
		}
		values[keys[i]] = whatsapp.Value{Text: "x"}
	}
	if _, _, err := m.Fill(values); err != nil {
		t.Errorf("the fields do not fill the template: %v", err)
	}
	if len(x.Buttons) != 2 || x.Buttons[0].Kind != inbox.ChoiceReply || x.Buttons[1].Kind != inbox.ChoiceLink {
		t.Errorf("buttons %+v", x.Buttons)
	}
}

func TestOnlyWhatCanBeSentFromHereIsApproved(t *testing.T) {
	for name, x := range map[string]struct {
		json   string
		state  inbox.TemplateState
		reason string
	}{
		"approved":  {`{"status":"APPROVED","components":[{"type":"BODY","text":"x"}]}`, inbox.TemplateApproved, ""},
		"flagged":   {`{"status":"FLAGGED","components":[{"type":"BODY","text":"x"}]}`, inbox.TemplateApproved, ""},
		"appeal":    {`{"status":"IN_APPEAL","components":[{"type":"BODY","text":"x"}]}`, inbox.TemplatePending, ""},
		"rejected":  {`{"status":"REJECTED","rejected_reason":"INVALID_FORMAT","components":[{"type":"BODY","text":"x"}]}`, inbox.TemplateRejected, "INVALID_FORMAT"},
		"no reason": {`{"status":"PAUSED","rejected_reason":"NONE","components":[{"type":"BODY","text":"x"}]}`, inbox.TemplatePaused, ""},
		"going":     {`{"status":"PENDING_DELETION","components":[{"type":"BODY","text":"x"}]}`, inbox.TemplateDisabled, ""},
		"new word":  {`{"status":"FROZEN_SOLID","components":[{"type":"BODY","text":"x"}]}`, inbox.TemplateDisabled, ""},
		"carousel":  {`{"status":"APPROVED","components":[{"type":"BODY","text":"x"},{"type":"CAROUSEL","cards":[]}]}`, inbox.TemplateDisabled, reasonShape},
		"place":     {`{"status":"APPROVED","components":[{"type":"HEADER","format":"LOCATION"},{"type":"BODY","text":"x"}]}`, inbox.TemplateDisabled, reasonShape},
		"pending":   {`{"status":"PENDING","components":[{"type":"CAROUSEL"}]}`, inbox.TemplatePending, ""},
	} {
		got := templateOf(metaTemplate(t, x.json))
		if got.State != x.state || got.Reason != x.reason {
			t.Errorf("%s: state %d, reason %q", name, got.State, got.Reason)
		}
	}
}

func TestATemplateFileIsReadAsItIsExplained(t *testing.T) {
	m, err := parseTemplate(TemplateExample)
	if err != nil {
		t.Fatal(err)
	}
	if m.Name != "order_ready" || m.Category != whatsapp.Utility || len(templateOf(m).Fields) != 2 || len(templateOf(m).Buttons) != 1 {
		t.Errorf("%s in %s: %d parts", m.Name, m.Language, len(m.Components))
	}
	everything := strings.NewReplacer(`# footer`, `footer`, "# [header]", "[header]", "# format", "format", "# text", "text", "# example", "example").Replace(TemplateExample)
	if m, err = parseTemplate(everything); err != nil || templateOf(m).Header.Text == "" || templateOf(m).Footer == "" {
		t.Errorf("with every key: %v", err)
	}
	named := "name=\"a\"\nlanguage=\"en\"\ncategory=\"marketing\"\nbody=\"Hi {{first_name}}!\"\nexamples={first_name=\"Ann\"}\n[header]\nformat=\"text\"\ntext=\"About {{order}}\"\nexample=\"A-17\""
	if m, err = parseTemplate(named); err != nil || m.ParameterFormat != whatsapp.Named || templateOf(m).Fields[0].Example != "A-17" || templateOf(m).Fields[1].Name != "first_name" {
		t.Errorf("with names: %v", err)
	}
	if _, err = parseTemplate(`{"name":"a","language":"en","category":"UTILITY","components":[{"type":"body","text":"Hello there"}]}`); err != nil {
		t.Errorf("as WhatsApp writes it: %v", err)
	}
	for name, file := range map[string]string{
		"name":     `name = "Order Ready"` + "\nlanguage=\"en\"\ncategory=\"utility\"\nbody=\"x\"",
		"language": "name=\"a\"\nlanguage=\"english\"\ncategory=\"utility\"\nbody=\"x\"",
		"category": "name=\"a\"\nlanguage=\"en\"\ncategory=\"fun\"\nbody=\"x\"",
		"example":  "name=\"a\"\nlanguage=\"en\"\ncategory=\"utility\"\nbody=\"Hi {{1}}, there\"",
		"body":     "name=\"a\"\nlanguage=\"en\"\ncategory=\"utility\"",
		"key":      "name=\"a\"\nlangauge=\"en\"",
		"button":   "name=\"a\"\nlanguage=\"en\"\ncategory=\"utility\"\nbody=\"x\"\n[[button]]\nkind=\"push\"\ntext=\"x\"",
		"json":     `{"name":`,
		"long":     strings.Repeat("#", maxTemplateFile+1),
	} {
		if err := CheckTemplate(file); !errors.Is(err, ErrTemplateFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestALimitIsReadInEverySpelling(t *testing.T) {
	for s, want := range map[string]int{
		"TIER_250": 250, "TIER_2K": 2000, "TIER_100K": 100_000, "TIER_UNLIMITED": -1, "-1": -1, "1000": 1000, "": 0, "TIER_NOT_SET": 0, "tier_10k": 10_000,
	} {
		if got := tierOf(s); got != want {
			t.Errorf("%q is %d", s, got)
		}
	}
}
