package whatsapp

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func listing(t testing.TB) (raw []json.RawMessage, all map[string]Template) {
	t.Helper()
	b, err := os.ReadFile("testdata/template/listing.json")
	if err != nil {
		t.Fatal(err)
	}
	var page struct{ Data []json.RawMessage }
	if err := json.Unmarshal(b, &page); err != nil {
		t.Fatal(err)
	}
	all = map[string]Template{}
	for _, r := range page.Data {
		var one Template
		if err := json.Unmarshal(r, &one); err != nil {
			t.Fatal(err)
		}
		all[one.Name] = one
	}
	return page.Data, all
}

func TestATemplateSurvivesAJourneyThroughJSON(t *testing.T) {
	raw, _ := listing(t)
	for _, r := range raw {
		var one Template
		if err := json.Unmarshal(r, &one); err != nil {
			t.Fatal(err)
		}
		out, err := json.Marshal(one)
		if err != nil {
			t.Fatal(err)
		}
		equalJSON(t, string(r), string(out))
	}
	// what has another shape than we know costs neither the rest nor itself
	odd := `{"id":77,"name":"x","quality_score":"RED","components":[{"type":"body","text":7,"example":"?"}],"category":["?"]}`
	var one Template
	if err := json.Unmarshal([]byte(odd), &one); err != nil || one.ID != "77" || one.Quality != QualityRed || len(one.Components) != 1 || one.Components[0].Type != PartBody {
		t.Errorf("odd template: %v", err)
	}
	out, err := json.Marshal(one)
	if err != nil {
		t.Fatal(err)
	}
	equalJSON(t, `{"id":"77","name":"x","quality_score":{"score":"RED"},"components":[{"type":"BODY","text":7,"example":"?"}],"category":["?"]}`, string(out))
}

func TestParametersSayWhatATemplateLeavesOpen(t *testing.T) {
	_, all := listing(t)
	for name, want := range map[string][]Parameter{
		"hello_world": nil,
		"seasonal_offer": {
			{Place: InHeader, Index: 1, Kind: TakesText, Example: "Sommerverkauf"},
			{Place: InBody, Index: 1, Kind: TakesText, Example: "Ende August"},
			{Place: InBody, Index: 2, Kind: TakesText, Example: "Muster"},
			{Place: InButton, Index: 0, Kind: TakesPayload, Optional: true, Example: "Abmelden"},
			{Place: InButton, Index: 1, Kind: TakesText, Example: "sommer"},
			{Place: InButton, Index: 3, Kind: TakesCoupon, Example: "25OFF"},
		},
		"order_on_its_way": {
			{Place: InHeader, Index: 1, Kind: TakesLocation},
			{Place: InBody, Index: 1, Name: "customer", Kind: TakesText, Example: "Sam"},
			{Place: InBody, Index: 2, Name: "order_number", Kind: TakesText, Example: "566701"},
		},
		"sign_in_code": {{Place: InBody, Index: 1, Kind: TakesText, Example: "123456"}, {Place: InButton, Index: 0, Kind: TakesText}},
		"receipt":      {{Place: InHeader, Index: 1, Kind: TakesDocument}},
	} {
		got, err := all[name].Parameters()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	var keys []string
	for _, n := range []string{"seasonal_offer", "order_on_its_way"} {
		ps, _ := all[n].Parameters()
		for _, p := range ps {
			keys = append(keys, p.Key())
		}
	}
	if got := strings.Join(keys, " "); got != "header body.1 body.2 button.0 button.1 button.3 header body.customer body.order_number" {
		t.Errorf("keys %s", got)
	}
	if _, err := all["carousel_sale"].Parameters(); !errors.Is(err, ErrTemplate) {
		t.Errorf("carousel: %v", err)
	}
	for rule, one := range map[string]Template{
		"gap":              {Components: []TemplatePart{{Type: PartBody, Text: "{{1}} {{3}}"}}},
		"two in a header":  {Components: []TemplatePart{{Type: PartHeader, Format: FormatText, Text: "{{1}} {{2}}"}}},
		"unknown header":   {Components: []TemplatePart{{Type: PartHeader, Format: "HOLOGRAM"}}},
		"unknown button":   {Components: []TemplatePart{{Type: PartButtons, Buttons: []TemplateButton{{Type: "FLOW"}}}}},
		"words positional": {ParameterFormat: Positional, Components: []TemplatePart{{Type: PartBody, Text: "{{name}}"}}},
	} {
		if _, err := one.Parameters(); !errors.Is(err, ErrTemplate) {
			t.Errorf("%s: %v", rule, err)
		}
	}
}

func TestAFilledTemplateIsSentAndReadsAsPreviewed(t *testing.T) {
	_, all := listing(t)
	place := &SendLocation{Latitude: 52.5, Longitude: 13.4, Name: "Works", Address: "Road 1"}
	file := &SendMedia{Kind: Document, ID: NewMediaID("7"), Filename: "receipt.pdf"}
	for name, tt := range map[string]struct {
		values map[string]Value
		want   string
		text   string
		labels string
	}{
		"hello_world": {nil, ``, "Hello World\nWelcome to Example Works.\nExample Works", ""},
		"seasonal_offer": {
			map[string]Value{"header": {Text: "Herbst"}, "body.1": {Text: "Mai"}, "body.2": {Text: "{{1}}"}, "button.1": {Text: "mai?a=1"}, "button.3": {Text: "MAI"}},
			`{"type":"header","parameters":[{"type":"text","text":"Herbst"}]},{"type":"body","parameters":[{"type":"text","text":"Mai"},{"type":"text","text":"{{1}}"}]},
			{"type":"button","sub_type":"url","index":"1","parameters":[{"type":"text","text":"mai?a=1"}]},{"type":"button","sub_type":"copy_code","index":"3","parameters":[{"type":"coupon_code","coupon_code":"MAI"}]}`,
			"Unser Herbst beginnt\nHallo {{1}}, bis Mai gilt {{1}}.\nKein Interesse? Unten tippen.", "Abmelden Ansehen Anrufen Code kopieren",
		},
		"order_on_its_way": {
			map[string]Value{"header": {Location: place}, "body.order_number": {Text: "12"}, "body.customer": {Text: "Sam"}},
			`{"type":"header","parameters":[{"type":"location","location":{"latitude":"52.5","longitude":"13.4","name":"Works","address":"Road 1"}}]},
			{"type":"body","parameters":[{"type":"text","parameter_name":"customer","text":"Sam"},{"type":"text","parameter_name":"order_number","text":"12"}]}`,
			"Sam, order 12 is on its way.", "",
		},
		"sign_in_code": {
			map[string]Value{"body.1": {Text: "99"}, "button.0": {Text: "99"}},
			`{"type":"body","parameters":[{"type":"text","text":"99"}]},{"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"99"}]}`,
			"*99* is your verification code.\nExpires in 10 minutes.", "Copy code",
		},
		"receipt": {
			map[string]Value{"header": {Media: file}},
			`{"type":"header","parameters":[{"type":"document","document":{"id":"7","filename":"receipt.pdf"}}]}`, "Thank you for your order.", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			send, see, err := all[name].Fill(tt.values)
			if err != nil {
				t.Fatal(err)
			}
			if see.Text() != tt.text || strings.Join(see.Buttons, " ") != tt.labels {
				t.Errorf("preview %q, buttons %q", see.Text(), see.Buttons)
			}
			m := newMeta(t, `{"messages":[{"id":"wamid.X"}]}`)
			if _, err := testClient(t, m.URL, nil).Send(context.Background(), "1", Outgoing{Phone: NewPhone(customer), Content: send}); err != nil {
				t.Fatal(err)
			}
			parts := ""
			if tt.want != "" {
				parts = `,"components":[` + tt.want + `]`
			}
			equalJSON(t, `{"messaging_product":"whatsapp","recipient_type":"individual","to":"`+customer+`","type":"template","template":{"name":"`+name+
				`","language":{"policy":"deterministic","code":"`+all[name].Language+`"}`+parts+`}}`, string(m.body))
		})
	}
}

func TestAValueThatDoesNotFitIsRefused(t *testing.T) {
	_, all := listing(t)
	good := func() map[string]Value {
		return map[string]Value{"header": {Text: "a"}, "body.1": {Text: "b"}, "body.2": {Text: "c"}, "button.1": {Text: "d"}, "button.3": {Text: "E"}}
	}
	for rule, change := range map[string]func(map[string]Value){
		"missing":         func(v map[string]Value) { delete(v, "body.2") },
		"empty":           func(v map[string]Value) { v["header"] = Value{} },
		"too much":        func(v map[string]Value) { v["body.3"] = Value{Text: "x"} },
		"picture as text": func(v map[string]Value) { v["header"] = Value{Media: image()} },
		"text and place":  func(v map[string]Value) { v["header"] = Value{Text: "x", Location: &SendLocation{}} },
		"header too long": func(v map[string]Value) { v["header"] = Value{Text: strings.Repeat("x", 50)} },
		"body too long":   func(v map[string]Value) { v["body.2"] = Value{Text: strings.Repeat("x", MaxBodyRunes/2)} },
		"line break":      func(v map[string]Value) { v["body.1"] = Value{Text: "a\nb"} },
		"blank in a link": func(v map[string]Value) { v["button.1"] = Value{Text: "a b"} },
		"coupon too long": func(v map[string]Value) { v["button.3"] = Value{Text: strings.Repeat("x", MaxTemplateCouponRunes+1)} },
		"empty payload":   func(v map[string]Value) { v["button.0"] = Value{} },
	} {
		v := good()
		change(v)
		if _, see, err := all["seasonal_offer"].Fill(v); !errors.Is(err, ErrRequest) || see.Text() != "" {
			t.Errorf("%s: %v", rule, err)
		}
	}
	if _, _, err := all["seasonal_offer"].Fill(good()); err != nil {
		t.Errorf("all right: %v", err)
	}
	if _, _, err := all["receipt"].Fill(map[string]Value{"header": {Media: image()}}); !errors.Is(err, ErrRequest) {
		t.Errorf("an image for a document: %v", err)
	}
}

// Whatever the text and the values, the preview is the text with every variable replaced once, and Meta gets each once.
func TestFillReplacesEveryVariableOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "variables")
		var text, want strings.Builder
		values := map[string]Value{}
		word := rapid.StringMatching(`[a-zäß{}1-9]{1,8}`)
		for i := range n {
			values["body."+strconv.Itoa(i+1)] = Value{Text: word.Draw(t, "value")}
		}
		order := append(rapid.Permutation(seq(n)).Draw(t, "order"), rapid.SliceOfN(rapid.IntRange(1, n), 0, 4).Draw(t, "again")...)
		for _, i := range order {
			between := rapid.StringMatching(`[a-z ]{1,5}`).Draw(t, "between")
			text.WriteString(between + "{{" + strconv.Itoa(i) + "}}")
			want.WriteString(between + values["body."+strconv.Itoa(i)].Text)
		}
		send, see, err := Template{Name: "x", Language: "de", Components: []TemplatePart{{Type: PartBody, Text: text.String()}}}.Fill(values)
		if err != nil {
			t.Fatal(err)
		}
		if see.Body != want.String() || len(send.Components) != 1 || len(send.Components[0].Parameters) != n {
			t.Fatalf("preview of %d variables", n)
		}
		for i, p := range send.Components[0].Parameters {
			if p.Text != values["body."+strconv.Itoa(i+1)].Text {
				t.Fatalf("value %d stands elsewhere", i)
			}
		}
	})
}

func seq(n int) (s []int) {
	for i := range n {
		s = append(s, i+1)
	}
	return s
}

func offer() Template {
	return Template{
		Name: "offer", Language: "de", Category: Marketing, ParameterFormat: Named,
		Components: []TemplatePart{
			{Type: PartHeader, Format: FormatText, Text: "For {{who}}", Example: &Example{HeaderNamed: []NamedExample{{"who", "Sam"}}}},
			{Type: PartBody, Text: "Only {{days}} days.", Example: &Example{BodyNamed: []NamedExample{{"days", "3"}}}},
			{Type: PartFooter, Text: "Example Works"},
			{Type: PartButtons, Buttons: []TemplateButton{
				{Type: ButtonQuickReply, Text: "No more"}, {Type: ButtonURL, Text: "See", URL: "https://example.com/{{1}}", Example: "https://example.com/a"},
				{Type: ButtonPhone, Text: "Call", PhoneNumber: "+493023125100"}, {Type: ButtonCopyCode, Example: "25OFF"},
			}},
		},
	}
}

func TestTemplatesMetaWouldRefuseAreNotHandedIn(t *testing.T) {
	long := func(n int) string { return strings.Repeat("ü", n) }
	header := func(change func(*TemplatePart)) func(*Template) {
		return func(t *Template) { change(&t.Components[0]) }
	}
	body := func(change func(*TemplatePart)) func(*Template) {
		return func(t *Template) { change(&t.Components[1]) }
	}
	buttons := func(change func(*[]TemplateButton)) func(*Template) {
		return func(t *Template) { change(&t.Components[3].Buttons) }
	}
	for rule, change := range map[string]func(*Template){
		"name of capitals":          func(t *Template) { t.Name = "Offer" },
		"no name":                   func(t *Template) { t.Name = "" },
		"name too long":             func(t *Template) { t.Name = strings.Repeat("a", MaxTemplateNameBytes+1) },
		"language of words":         func(t *Template) { t.Language = "German" },
		"no category":               func(t *Template) { t.Category = "" },
		"format unknown":            func(t *Template) { t.ParameterFormat = "VERSE" },
		"no body":                   func(t *Template) { t.Components = t.Components[:1] },
		"two bodies":                func(t *Template) { t.Components = append(t.Components, t.Components[1]) },
		"header too long":           header(func(p *TemplatePart) { p.Text = long(MaxHeaderRunes + 1) }),
		"header of two variables":   header(func(p *TemplatePart) { p.Text = "{{who}} {{what}}" }),
		"header without example":    header(func(p *TemplatePart) { p.Example = nil }),
		"picture without sample":    header(func(p *TemplatePart) { p.Format, p.Text = FormatImage, "" }),
		"place with text":           header(func(p *TemplatePart) { p.Format = FormatLocation }),
		"empty body":                body(func(p *TemplatePart) { p.Text = " " }),
		"body too long":             body(func(p *TemplatePart) { p.Text = long(MaxBodyRunes + 1) }),
		"body without example":      body(func(p *TemplatePart) { p.Text = "{{other}}" }),
		"variable of capitals":      body(func(p *TemplatePart) { p.Text = "{{Days}}"; p.Example.BodyNamed[0].Name = "Days" }),
		"half a variable":           body(func(p *TemplatePart) { p.Text = "{{days}} {{da ys}}" }),
		"footer with a variable":    func(t *Template) { t.Components[2].Text = "{{1}}" },
		"footer too long":           func(t *Template) { t.Components[2].Text = long(MaxFooterRunes + 1) },
		"no buttons":                buttons(func(b *[]TemplateButton) { *b = nil }),
		"eleven buttons":            buttons(func(b *[]TemplateButton) { *b = make([]TemplateButton, MaxTemplateButtons+1) }),
		"label too long":            buttons(func(b *[]TemplateButton) { (*b)[0].Text = long(MaxTemplateButtonRunes + 1) }),
		"two of one label":          buttons(func(b *[]TemplateButton) { (*b)[1].Text = (*b)[0].Text }),
		"replies apart":             buttons(func(b *[]TemplateButton) { *b = append(*b, TemplateButton{Type: ButtonQuickReply, Text: "x"}) }),
		"variable within a link":    buttons(func(b *[]TemplateButton) { (*b)[1].URL = "https://example.com/{{1}}/x" }),
		"link without example":      buttons(func(b *[]TemplateButton) { (*b)[1].Example = "" }),
		"link to nowhere":           buttons(func(b *[]TemplateButton) { (*b)[1].URL = "example.com" }),
		"three links":               buttons(func(b *[]TemplateButton) { l := (*b)[1]; l.Text = "2"; m := l; m.Text = "3"; *b = append(*b, l, m) }),
		"two calls":                 buttons(func(b *[]TemplateButton) { l := (*b)[2]; l.Text = "2"; *b = append(*b, l) }),
		"call to a number too long": buttons(func(b *[]TemplateButton) { (*b)[2].PhoneNumber = strings.Repeat("1", MaxTemplatePhoneRunes+1) }),
		"code without sample":       buttons(func(b *[]TemplateButton) { (*b)[3].Example = "" }),
	} {
		one := offer()
		change(&one)
		c := testClient(t, "http://127.0.0.1:1", nil)
		if _, err := c.TemplateCreate(context.Background(), "1", one); !errors.Is(err, ErrRequest) && !errors.Is(err, ErrTemplate) {
			t.Errorf("%s: %v", rule, err)
		}
		one.ID = "7"
		if err := c.TemplateEdit(context.Background(), one); !errors.Is(err, ErrRequest) && !errors.Is(err, ErrTemplate) {
			t.Errorf("%s, edited: %v", rule, err)
		}
	}
}

func TestTemplateRoutes(t *testing.T) {
	ctx := context.Background()
	one := offer()
	one.ID, one.Status, one.Quality, one.RejectedReason = "5", TemplateRejected, QualityRed, "ABUSIVE_CONTENT"
	m := newMeta(t, `{"id":1689556908129832,"status":"PENDING","category":"UTILITY"}`)
	got, err := testClient(t, m.URL, nil).TemplateCreate(ctx, "102290129340398", one)
	if err != nil || got.ID != "1689556908129832" || got.Status != TemplatePending || got.Category != Utility || got.Quality != "" {
		t.Errorf("created %s %s %s, %v", got.ID, got.Status, got.Category, err)
	}
	if m.path != "/v25.0/102290129340398/message_templates" || strings.Contains(string(m.body), "REJECTED") || strings.Contains(string(m.body), "RED") {
		t.Errorf("create: %s %s", m.path, m.body)
	}
	_, all := listing(t)
	for _, name := range []string{"hello_world", "order_on_its_way", "receipt"} { // what Meta lists it also takes
		if _, err := testClient(t, m.URL, nil).TemplateCreate(ctx, "1", Template{Name: name, Language: "de", Category: Utility, ParameterFormat: all[name].ParameterFormat, Components: all[name].Components}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	m = newMeta(t, `{"success":true}`)
	c := testClient(t, m.URL, nil)
	one.ID = "1689556908129832"
	if err := c.TemplateEdit(ctx, one); err != nil || m.path != "/v25.0/1689556908129832" || strings.Contains(string(m.body), `"name"`) {
		t.Errorf("edit: %v, %s", err, m.path)
	}
	if err := c.TemplateDelete(ctx, "102290129340398", "1689556908129832", "offer"); err != nil || m.method != "DELETE" || m.query != "hsm_id=1689556908129832&name=offer" {
		t.Errorf("delete one: %v, %s", err, m.query)
	}
	if err := c.TemplateDeleteAllLanguages(ctx, "102290129340398", "offer"); err != nil || m.query != "name=offer" {
		t.Errorf("delete all: %v, %s", err, m.query)
	}
	before := m.asked
	for _, bad := range []error{
		c.TemplateDelete(ctx, "1", "", "offer"), c.TemplateDelete(ctx, "1", "7", ""), c.TemplateDeleteAllLanguages(ctx, "1", ""),
		c.TemplateDeleteAllLanguages(ctx, "1", "a&hsm_id=1"), c.TemplateEdit(ctx, offer()),
	} {
		if !errors.Is(bad, ErrRequest) {
			t.Errorf("err = %v", bad)
		}
	}
	if m.asked != before {
		t.Error("a delete without an id left")
	}
	if err := testClient(t, newMeta(t, `{"success":false}`).URL, nil).TemplateDeleteAllLanguages(ctx, "1", "offer"); OutcomeOf(err) != OutcomeUnknown {
		t.Errorf("no success: %v", err)
	}
}

func TestAListingIsReadToItsEnd(t *testing.T) {
	page := func(n, from int, after, next string) string {
		var ts []string
		for i := range n {
			ts = append(ts, `{"id":"`+strconv.Itoa(from+i)+`","name":"t"}`)
		}
		return `{"data":[` + strings.Join(ts, ",") + `],"paging":{"cursors":{"after":"` + after + `"}` + next + `}}`
	}
	more := `,"next":"https://graph.facebook.com/x"`
	for rule, tt := range map[string]struct {
		pages       []string
		want, asked int
	}{
		"one page":                   {[]string{page(3, 0, "A", "")}, 3, 1},
		"two, as Meta says":          {[]string{page(2, 0, "A", more), page(2, 2, "B", "")}, 4, 2},
		"full pages without a word":  {[]string{page(pageSize, 0, "A", ""), page(1, pageSize, "B", "")}, pageSize + 1, 2},
		"an empty page at the end":   {[]string{page(pageSize, 0, "A", more), `{"data":[]}`}, pageSize, 2},
		"a cursor that stands still": {[]string{page(pageSize, 0, "A", more), page(pageSize, pageSize, "A", more)}, 2 * pageSize, 2},
		"nothing":                    {[]string{`{"data":[]}`}, 0, 1},
	} {
		m := newMeta(t, tt.pages...)
		got, err := testClient(t, m.URL, nil).Templates(context.Background(), "1")
		if err != nil || len(got) != tt.want || m.asked != tt.asked {
			t.Errorf("%s: %d templates of %d pages, %v", rule, len(got), m.asked, err)
		}
		if tt.asked == 2 && !strings.Contains(m.query, "after=A") {
			t.Errorf("%s: %s", rule, m.query)
		}
	}
	var endless []string
	for i := range maxPages + 1 {
		endless = append(endless, page(1, i, strconv.Itoa(i), more))
	}
	if _, err := testClient(t, newMeta(t, endless...).URL, nil).Templates(context.Background(), "1"); !errors.Is(err, ErrListing) {
		t.Errorf("endless: %v", err)
	}
	if _, err := testClient(t, newMeta(t, page(1, 0, "A", more), `{"error":{"code":80008}}`).URL, nil).Templates(context.Background(), "1"); OutcomeOf(err) != OutcomeRefused {
		t.Errorf("half a listing: %v", err)
	}
}

// FuzzTemplate: whatever JSON object Meta writes, it survives, and what it leaves open can be asked for without a panic.
func FuzzTemplate(f *testing.F) {
	raw, _ := listing(f)
	for _, r := range raw {
		f.Add([]byte(r))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var one, two Template
		if json.Unmarshal(b, &one) != nil {
			return
		}
		out, err := json.Marshal(one)
		if err != nil {
			t.Skip() // an enormous number, a lone surrogate: encoding/json's own refusals
		}
		if err := json.Unmarshal(out, &two); err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(two)
		if err != nil || !reflect.DeepEqual(normal(out), normal(again)) {
			t.Fatalf("%s\n%s", out, again)
		}
		_ = one.Check()
		if ps, err := one.Parameters(); err == nil {
			values := map[string]Value{}
			for _, p := range ps {
				values[p.Key()] = Value{Text: "x"}
			}
			_, _, _ = one.Fill(values)
		}
	})
}

func normal(b []byte) (v any) {
	_ = json.Unmarshal(b, &v)
	return v
}
