package wasim_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"sealdesk/sync/relay/wasim"
)

// draft is a template as it is created.
func draft(name string, change ...doc) doc {
	d := doc{"name": name, "category": "UTILITY", "language": "en", "components": []any{
		doc{"type": "BODY", "text": "Hello {{1}}, your order {{2}} is on its way.", "example": doc{"body_text": []any{[]any{"Emily", "4711"}}}},
	}}
	for _, c := range change {
		for k, v := range c {
			d[k] = v
		}
	}
	return d
}

func parts(all ...any) doc { return doc{"components": all} }

func TestTemplatesAreCreatedReviewedEditedAndDeleted(t *testing.T) {
	w := newWire(t, nil)
	create := func(d doc) (string, int) {
		_, answer, code := w.call("POST", templatesAt, d)
		id, _ := answer["id"].(string)
		return id, code
	}
	id, code := create(draft("on_its_way"))
	if code != 0 {
		t.Fatal(code)
	}
	german, _ := create(draft("on_its_way", doc{"language": "de"}))
	if _, code := w.send(templateOf("on_its_way", "en", "Emily", "4711")); code != 132001 {
		t.Errorf("sent while pending: %d", code)
	}
	decide := func(event, reason string) {
		t.Helper()
		if err := w.sim.Review("on_its_way", "en", event, reason); err != nil {
			t.Fatal(err)
		}
	}
	status := func() string {
		_, answer, _ := w.call("GET", "/v25.0/"+id+"?fields=status,rejected_reason", nil)
		return answer["status"].(string)
	}
	for _, step := range []struct {
		event, reason, status string
		code                  int
	}{
		{"REJECTED", "INVALID_FORMAT", "REJECTED", 132001}, {"IN_APPEAL", "", "IN_APPEAL", 132001}, {"APPROVED", "", "APPROVED", 0}, {"FLAGGED", "", "FLAGGED", 0},
		{"PAUSED", "", "PAUSED", 132015}, {"UNPAUSED", "", "APPROVED", 0}, {"DISABLED", "", "DISABLED", 132016}, {"REINSTATED", "", "APPROVED", 0},
		{"PENDING_DELETION", "", "PENDING_DELETION", 132001}, {"ARCHIVED", "", "ARCHIVED", 132001}, {"APPROVED", "", "APPROVED", 0},
	} {
		decide(step.event, step.reason)
		if got := status(); got != step.status {
			t.Errorf("%s leads to %s", step.event, got)
		}
		w.advance(7 * time.Second)
		if _, code := w.send(templateOf("on_its_way", "en", "Emily", "4711")); code != step.code {
			t.Errorf("%s: sending met %d", step.event, code)
		}
		vs := w.values("message_template_status_update")
		v := vs[len(vs)-1]
		if v["event"] != step.event || v["message_template_name"] != "on_its_way" || fmt.Sprintf("%.0f", v["message_template_id"]) != id {
			t.Errorf("%s: webhook %v", step.event, v)
		}
	}
	edit := func(body doc) int {
		_, _, code := w.call("POST", "/v25.0/"+id, body)
		return code
	}
	if code := edit(doc{"category": "MARKETING"}); code != 100 {
		t.Errorf("category of an approved template: %d", code)
	}
	if code := edit(doc{"name": "other"}); code != 100 {
		t.Errorf("another name: %d", code)
	}
	changed := parts(doc{"type": "HEADER", "format": "TEXT", "text": "News"}, doc{"type": "BODY", "text": "All new."})
	if code := edit(changed); code != 0 {
		t.Fatal(code)
	}
	if code := edit(changed); code != 100 {
		t.Errorf("edited while pending: %d", code)
	}
	decide("APPROVED", "")
	if code := edit(changed); code != 100 {
		t.Errorf("edited twice in a day: %d", code)
	}
	if v := w.values("message_template_components_update"); len(v) != 1 || v[0]["message_template_element"] != "All new." || v[0]["message_template_title"] != "News" {
		t.Errorf("components %v", v)
	}
	if _, code := w.send(templateOf("on_its_way", "en")); code != 0 {
		t.Errorf("the new text: %d", code)
	}
	if err := w.sim.RateTemplate("on_its_way", "en", "RED"); err != nil {
		t.Fatal(err)
	}
	if err := w.sim.Recategorize("on_its_way", "en", "MARKETING", true); err != nil {
		t.Fatal(err)
	}
	if err := w.sim.Recategorize("on_its_way", "en", "MARKETING", false); err != nil {
		t.Fatal(err)
	}
	if v := w.values("message_template_quality_update"); len(v) != 1 || v[0]["previous_quality_score"] != "UNKNOWN" || v[0]["new_quality_score"] != "RED" {
		t.Errorf("quality %v", v)
	}
	if v := w.values("template_category_update"); len(v) != 2 || v[0]["correct_category"] != "MARKETING" || v[1]["previous_category"] != "UTILITY" || v[1]["new_category"] != "MARKETING" {
		t.Errorf("category %v", v)
	}

	// by name all languages go, with an id the one
	remove := func(query string) int {
		_, _, code := w.call("DELETE", templatesAt+"?"+query, nil)
		return code
	}
	if code := remove("hsm_id=" + german); code != 131008 {
		t.Errorf("without a name: %d", code)
	}
	if code := remove("name=other&hsm_id=" + german); code != 100 {
		t.Errorf("name and id of two: %d", code)
	}
	if code := remove("name=on_its_way&hsm_id=" + german); code != 0 || status() == "" {
		t.Errorf("one language: %d", code)
	}
	if _, code := create(draft("on_its_way", doc{"language": "it"})); code != 0 {
		t.Fatal(code)
	}
	if code := remove("name=on_its_way"); code != 0 {
		t.Errorf("all languages: %d", code)
	}
	_, answer, _ := w.call("GET", templatesAt+"?name=on_its_way", nil)
	if left := answer["data"].([]any); len(left) != 0 {
		t.Errorf("%d languages left", len(left))
	}
	if _, code := create(draft("on_its_way")); code != 100 {
		t.Errorf("the name at once again: %d", code)
	}
	w.advance(31 * 24 * time.Hour)
	if _, code := create(draft("on_its_way")); code != 0 {
		t.Errorf("the name a month later: %d", code)
	}
}

func TestABadTemplateIsRefusedAtOnce(t *testing.T) {
	w := newWire(t, nil)
	body := doc{"type": "BODY", "text": "Plain text."}
	many := func(n int) (all []any) {
		for i := range n {
			all = append(all, doc{"type": "QUICK_REPLY", "text": fmt.Sprint("B", i)})
		}
		return all
	}
	for rule, tt := range map[string]struct {
		body doc
		code int
	}{
		"good":                      {draft("good", parts(body)), 0},
		"capitals in the name":      {draft("Good"), 131009},
		"a language of its own":     {draft("x", doc{"language": "klingon-1"}), 131009},
		"a category of its own":     {draft("x", doc{"category": "SPAM"}), 100},
		"no components":             {with(draft("x"), "components", nil), 131008},
		"no body":                   {draft("x", parts(doc{"type": "FOOTER", "text": "f"})), 131008},
		"two bodies":                {draft("x", parts(body, body)), 100},
		"body beyond 1024":          {draft("x", parts(doc{"type": "BODY", "text": strings.Repeat("x", 1025)})), 100},
		"header beyond 60":          {draft("x", parts(body, doc{"type": "HEADER", "format": "TEXT", "text": strings.Repeat("x", 61)})), 100},
		"header of no format":       {draft("x", parts(body, doc{"type": "HEADER", "text": "x"})), 131008},
		"picture without a sample":  {draft("x", parts(body, doc{"type": "HEADER", "format": "IMAGE"})), 100},
		"variables without example": {draft("x", parts(doc{"type": "BODY", "text": "Hi {{1}}, hello"})), 100},
		"variable at the end":       {draft("x", parts(doc{"type": "BODY", "text": "Hi {{1}}", "example": doc{"body_text": []any{[]any{"x"}}}})), 100},
		"variables out of order":    {draft("x", parts(doc{"type": "BODY", "text": "Hi {{2}}, hello", "example": doc{"body_text": []any{[]any{"x"}}}})), 100},
		"names without NAMED":       {draft("x", parts(doc{"type": "BODY", "text": "Hi {{name}}, hello", "example": doc{"body_text": []any{[]any{"x"}}}})), 100},
		"eleven buttons":            {draft("x", parts(body, doc{"type": "BUTTONS", "buttons": many(11)})), 131009},
		"a long button":             {draft("x", parts(body, doc{"type": "BUTTONS", "buttons": []any{doc{"type": "QUICK_REPLY", "text": strings.Repeat("x", 26)}}})), 100},
		"members nobody knows":      {draft("x", doc{"emoji": true}), 100},
		"there already":             {draft("follow_up"), 100},
	} {
		if _, _, code := w.call("POST", templatesAt, tt.body); code != tt.code {
			t.Errorf("%s: %d, want %d", rule, code, tt.code)
		}
	}
	code := 0
	n := 1 // the good one
	for ; code == 0; n++ {
		_, _, code = w.call("POST", templatesAt, draft(fmt.Sprint("t", n)))
	}
	if code != 80007 || n-1 != 100 {
		t.Errorf("%d in an hour, then %d", n-1, code)
	}
	w.advance(time.Hour)
	if _, _, code := w.call("POST", templatesAt, draft("later")); code != 0 {
		t.Errorf("an hour later: %d", code)
	}
}

func TestParametersFitTheTemplate(t *testing.T) {
	w := newWire(t, func(c *wasim.Config) {
		c.Templates = []wasim.Template{
			{Name: "two", Language: "en", Category: "UTILITY", Header: "For {{1}}", Body: "Hello {{1}}, see {{2}}.", Footer: "f"},
			{Name: "named", Language: "en", Category: "UTILITY", Body: "Hello {{first_name}}, hi.", Named: true},
			{Name: "pic", Language: "en", Category: "UTILITY", Header: "IMAGE", Body: "Look."},
			{Name: "code", Language: "en", Category: "AUTHENTICATION", Body: "{{1}} is your code.", Buttons: []wasim.TemplateButton{{Kind: "OTP", Text: "Copy"}}},
			{Name: "link", Language: "en", Category: "UTILITY", Body: "Look.", Buttons: []wasim.TemplateButton{{Kind: "URL", Text: "Go", URL: "https://example.com/{{1}}"}}},
			{Name: "draft", Language: "en", Category: "UTILITY", Body: "Look.", Status: "PENDING"},
		}
	})
	jpeg, code := w.upload("image/jpeg", must[[]byte](t)(wasim.Picture("sofa")))
	if code != 0 {
		t.Fatal(code)
	}
	txt := func(s string) doc { return doc{"type": "text", "text": s} }
	named := func(n, s string) doc { return doc{"type": "text", "parameter_name": n, "text": s} }
	part := func(kind string, params ...any) doc { return doc{"type": kind, "parameters": params} }
	button := func(sub string, index any, p doc) doc {
		return doc{"type": "button", "sub_type": sub, "index": index, "parameters": []any{p}}
	}
	tpl := func(name string, parts ...any) doc {
		o := doc{"name": name, "language": doc{"code": "en", "policy": "deterministic"}}
		if parts != nil {
			o["components"] = parts
		}
		return message("template", o)
	}
	long := strings.Repeat("x", 900)
	for _, tt := range []struct {
		rule string
		body doc
		code int
	}{
		{"all of it", tpl("two", part("header", txt("Emily")), part("body", txt("Emily"), doc{"type": "currency", "currency": doc{"fallback_value": "€ 5", "code": "EUR", "amount_1000": 5000}})), 0},
		{"no parameters", tpl("two"), 132000},
		{"one too few", tpl("two", part("header", txt("E")), part("body", txt("E"))), 132000},
		{"one too many", tpl("two", part("header", txt("E")), part("body", txt("E"), txt("F"), txt("G"))), 132000},
		{"names that are not asked for", tpl("two", part("header", txt("E")), part("body", named("a", "E"), txt("F"))), 132012},
		{"a picture for a text", tpl("two", part("header", doc{"type": "image", "image": doc{"id": jpeg}}), part("body", txt("E"), txt("F"))), 132012},
		{"line breaks", tpl("two", part("header", txt("E")), part("body", txt("E\nF"), txt("F"))), 132012},
		{"five blanks", tpl("two", part("header", txt("E")), part("body", txt("E     F"), txt("F"))), 132012},
		{"nothing but blanks", tpl("two", part("header", txt("E")), part("body", txt(" "), txt("F"))), 132012},
		{"a part twice", tpl("two", part("header", txt("E")), part("body", txt("E"), txt("F")), part("body", txt("E"), txt("F"))), 132012},
		{"beyond 1024 once filled", tpl("two", part("header", txt("E")), part("body", txt(long), txt(long))), 132005},
		{"a parameter of unknown type", tpl("two", part("body", doc{"type": "gif", "gif": "x"}, txt("F"))), 100},
		{"by name", tpl("named", part("body", named("first_name", "Emily"))), 0},
		{"the wrong name", tpl("named", part("body", named("last_name", "Emily"))), 132012},
		{"without its name", tpl("named", part("body", txt("Emily"))), 132012},
		{"picture", tpl("pic", part("header", doc{"type": "image", "image": doc{"id": jpeg}})), 0},
		{"no picture", tpl("pic"), 132012},
		{"document for a picture", tpl("pic", part("header", doc{"type": "document", "document": doc{"id": jpeg}})), 132012},
		{"header where there is none", tpl("link", part("header", txt("x")), button("url", "0", txt("1"))), 132012},
		{"code", tpl("code", part("body", txt("1234")), button("url", "0", txt("1234"))), 0},
		{"code without its button", tpl("code", part("body", txt("1234"))), 131008},
		{"link", tpl("link", button("url", 0, txt("42"))), 0},
		{"link without its part", tpl("link"), 131008},
		{"a button that is not there", tpl("link", button("url", "0", txt("42")), button("url", "1", txt("42"))), 132012},
		{"a button of another kind", tpl("link", button("quick_reply", "0", doc{"type": "payload", "payload": "x"})), 132012},
		{"unknown name", tpl("nothing"), 132001},
		{"another language", message("template", doc{"name": "two", "language": doc{"code": "de"}}), 132001},
		{"not approved", tpl("draft"), 132001},
		{"a code to somebody without a number", with(message("template", tpl("code", part("body", txt("1")), button("url", "0", txt("1")))["template"], doc{"recipient": "DE.123456"}), "to", nil), 131062},
	} {
		w.advance(7 * time.Second)
		if _, code := w.send(tt.body); code != tt.code {
			t.Errorf("%s: %d, want %d", tt.rule, code, tt.code)
		}
	}
	sent := w.sim.Sent()
	if sent[0].Text != "Hello Emily, see € 5." || sent[0].Caption != "For Emily" {
		t.Errorf("filled: %+v", sent[0])
	}
}

func TestTemplatesComeInPages(t *testing.T) {
	w := newWire(t, nil)
	next := templatesAt + "?limit=3&fields=name,language"
	var seen []string
	for pages := 0; next != ""; pages++ {
		if pages > 5 {
			t.Fatal("no end")
		}
		_, answer, code := w.call("GET", next, nil)
		if code != 0 {
			t.Fatal(code)
		}
		next = ""
		for _, d := range answer["data"].([]any) {
			seen = append(seen, d.(doc)["name"].(string)+"."+d.(doc)["language"].(string))
		}
		p := answer["paging"].(doc)
		if p["next"] != nil {
			next = templatesAt + "?limit=3&fields=name,language&after=" + url.QueryEscape(p["cursors"].(doc)["after"].(string))
		}
	}
	if slices.Sort(seen); len(seen) != 8 || len(slices.Compact(seen)) != 8 {
		t.Errorf("seen %v", seen)
	}
	for query, code := range map[string]int{"limit=0": 100, "limit=x": 100, "after=%21": 100, "fields=secret": 100, "status=APPROVED&limit=1": 0} {
		if _, _, got := w.call("GET", templatesAt+"?"+query, nil); got != code {
			t.Errorf("%s: %d", query, got)
		}
	}
	// a review may also end by itself
	w = newWire(t, func(c *wasim.Config) { c.ReviewAfter = time.Minute })
	if _, _, code := w.call("POST", templatesAt, draft("soon")); code != 0 {
		t.Fatal(code)
	}
	w.advance(time.Minute)
	if v := w.values("message_template_status_update"); len(v) != 1 || v[0]["event"] != "APPROVED" {
		t.Errorf("review %v", v)
	}
}
