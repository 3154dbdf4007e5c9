package whatsapp

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"
)

// meta answers every request alike and keeps what it was asked.
type meta struct {
	*httptest.Server
	method, path, query string
	body                []byte
	asked               int
}

func newMeta(t *testing.T, answers ...string) *meta {
	m := &meta{}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.method, m.path, m.query = r.Method, r.URL.Path, r.URL.RawQuery
		m.body, _ = io.ReadAll(r.Body)
		answer := answers[min(m.asked, len(answers)-1)]
		m.asked++
		if strings.HasPrefix(answer, `{"error"`) {
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(m.Close)
	return m
}

func equalJSON(t *testing.T, want, got string) {
	t.Helper()
	var a, b any
	if err := json.Unmarshal([]byte(want), &a); err != nil {
		t.Fatal(err)
	}
	if json.Unmarshal([]byte(got), &b) != nil || !reflect.DeepEqual(a, b) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func image() *SendMedia { return &SendMedia{Kind: Image, ID: NewMediaID("77")} }

func TestEveryContentIsSpelledAsMetaWantsIt(t *testing.T) {
	for rule, tt := range map[string]struct {
		content Content
		want    string
	}{
		"text":             {SendText{Body: "hello"}, `"type":"text","text":{"body":"hello","preview_url":false}`},
		"text and preview": {SendText{Body: "hello https://example.com", Preview: true}, `"type":"text","text":{"body":"hello https://example.com","preview_url":true}`},
		"reaction":         {SendReaction{Target: NewMessageID(inboundID), Emoji: "👍"}, `"type":"reaction","reaction":{"message_id":"` + inboundID + `","emoji":"👍"}`},
		"reaction removed": {SendReaction{Target: NewMessageID(inboundID)}, `"type":"reaction","reaction":{"message_id":"` + inboundID + `","emoji":""}`},
		"image":            {SendMedia{Kind: Image, ID: NewMediaID("1"), Caption: "c", Filename: "kept.jpg"}, `"type":"image","image":{"id":"1","caption":"c"}`},
		"video":            {SendMedia{Kind: Video, ID: NewMediaID("1")}, `"type":"video","video":{"id":"1"}`},
		"audio":            {SendMedia{Kind: Audio, ID: NewMediaID("1")}, `"type":"audio","audio":{"id":"1"}`},
		"sticker":          {SendMedia{Kind: Sticker, ID: NewMediaID("1")}, `"type":"sticker","sticker":{"id":"1"}`},
		"document":         {SendMedia{Kind: Document, ID: NewMediaID("1"), Caption: "c", Filename: "offer.pdf"}, `"type":"document","document":{"id":"1","caption":"c","filename":"offer.pdf"}`},
		"location":         {SendLocation{Latitude: 46.4983, Longitude: -11.35, Name: "Works", Address: "Road 1"}, `"type":"location","location":{"latitude":"46.4983","longitude":"-11.35","name":"Works","address":"Road 1"}`},
		"tiny location":    {SendLocation{Latitude: 1e-7}, `"type":"location","location":{"latitude":"0.0000001","longitude":"0"}`},
		"card": {
			SendCards{Cards: []Card{{
				FormattedName: "Example Works", Company: "Example Works", Role: "Sales", Department: "Pumps", Birthday: "1980-02-29",
				Phones: []CardPhone{{Phone: NewPhone("+49 30 23125100"), Type: "WORK"}}, Emails: []string{"office@example.com"},
				URLs: []string{"https://example.com"}, Addresses: []string{"Road 1, Berlin"}, VCard: "not sent", Origin: "not sent",
			}}},
			`"type":"contacts","contacts":[{"name":{"formatted_name":"Example Works","first_name":"Example Works"},"org":{"company":"Example Works","department":"Pumps","title":"Sales"},
			"birthday":"1980-02-29","phones":[{"phone":"+49 30 23125100","type":"WORK"}],"emails":[{"email":"office@example.com"}],"urls":[{"url":"https://example.com"}],"addresses":[{"street":"Road 1, Berlin"}]}]`,
		},
		"buttons": {
			SendInteractive{Header: &Header{Media: image()}, Body: "When?", Footer: "f", Action: ReplyButtons{[]Choice{{ID: "a", Title: "Monday"}, {ID: "b", Title: "Never"}}}},
			`"type":"interactive","interactive":{"type":"button","header":{"type":"image","image":{"id":"77"}},"body":{"text":"When?"},"footer":{"text":"f"},
			"action":{"buttons":[{"type":"reply","reply":{"id":"a","title":"Monday"}},{"type":"reply","reply":{"id":"b","title":"Never"}}]}}`,
		},
		"list": {
			SendInteractive{Header: &Header{Text: "Days"}, Body: "When?", Action: ChoiceList{Button: "Choose", Sections: []Section{
				{Title: "Early", Rows: []Choice{{ID: "1", Title: "Monday", Description: "8 to 12"}}}, {Title: "Late", Rows: []Choice{{ID: "2", Title: "Monday"}}},
			}}},
			`"type":"interactive","interactive":{"type":"list","header":{"type":"text","text":"Days"},"body":{"text":"When?"},"action":{"button":"Choose","sections":[
			{"title":"Early","rows":[{"id":"1","title":"Monday","description":"8 to 12"}]},{"title":"Late","rows":[{"id":"2","title":"Monday"}]}]}}`,
		},
		"link": {
			SendInteractive{Header: &Header{Media: &SendMedia{Kind: Document, ID: NewMediaID("7"), Filename: "a.pdf"}}, Body: "See", Action: LinkButton{Title: "Open", URL: "https://example.com/a?b"}},
			`"type":"interactive","interactive":{"type":"cta_url","header":{"type":"document","document":{"id":"7","filename":"a.pdf"}},"body":{"text":"See"},
			"action":{"name":"cta_url","parameters":{"display_text":"Open","url":"https://example.com/a?b"}}}`,
		},
		"ask location": {
			SendInteractive{Body: "Where?", Action: AskLocation{}},
			`"type":"interactive","interactive":{"type":"location_request_message","body":{"text":"Where?"},"action":{"name":"send_location"}}`,
		},
		"ask contact": {
			SendInteractive{Body: "Your number?", Action: AskContact{}},
			`"type":"interactive","interactive":{"type":"request_contact_info","body":{"text":"Your number?"},"action":{"name":"request_contact_info"}}`,
		},
		"template bare": {SendTemplate{Name: "hello", Language: "en_US"}, `"type":"template","template":{"name":"hello","language":{"policy":"deterministic","code":"en_US"}}`},
		"template full": {
			SendTemplate{Name: "offer", Language: "de", Components: []TemplateComponent{
				{Type: "header", Parameters: []TemplateParameter{{Location: &SendLocation{Latitude: 1, Longitude: 2, Name: "n", Address: "a"}}}},
				{Type: "body", Parameters: []TemplateParameter{{Name: "who", Text: "you"}, {Name: "sum", Text: "1.200,00 €"}}},
				{Type: "button", SubType: "quick_reply", Parameters: []TemplateParameter{{Payload: "p"}}},
				{Type: "button", SubType: "url", Index: 1, Parameters: []TemplateParameter{{Text: "x/y"}}},
				{Type: "button", SubType: "copy_code", Index: 2, Parameters: []TemplateParameter{{Coupon: "25OFF"}}},
			}},
			`"type":"template","template":{"name":"offer","language":{"policy":"deterministic","code":"de"},"components":[
			{"type":"header","parameters":[{"type":"location","location":{"latitude":"1","longitude":"2","name":"n","address":"a"}}]},
			{"type":"body","parameters":[{"type":"text","parameter_name":"who","text":"you"},{"type":"text","parameter_name":"sum","text":"1.200,00 €"}]},
			{"type":"button","sub_type":"quick_reply","index":"0","parameters":[{"type":"payload","payload":"p"}]},
			{"type":"button","sub_type":"url","index":"1","parameters":[{"type":"text","text":"x/y"}]},
			{"type":"button","sub_type":"copy_code","index":"2","parameters":[{"type":"coupon_code","coupon_code":"25OFF"}]}]}`,
		},
	} {
		t.Run(rule, func(t *testing.T) {
			m := newMeta(t, `{"messages":[{"id":"wamid.X","message_status":"accepted"}],"contacts":[{"input":"491715550147","wa_id":"491715550147"}]}`)
			c := testClient(t, m.URL, nil)
			if _, err := c.Send(context.Background(), "1", Outgoing{Phone: NewPhone(customer), Callback: "row", ReplyTo: NewMessageID(inboundID), Content: tt.content}); err != nil {
				t.Fatal(err)
			}
			quote := `"context":{"message_id":"` + inboundID + `"},`
			if _, ok := tt.content.(SendReaction); ok {
				quote = ""
			}
			equalJSON(t, `{"messaging_product":"whatsapp","recipient_type":"individual","to":"`+customer+`",`+quote+`"biz_opaque_callback_data":"row",`+tt.want+`}`, string(m.body))
			// and to a person without a number
			if _, err := c.Send(context.Background(), "1", Outgoing{User: NewUserID(customerUser), Content: tt.content}); err != nil {
				t.Fatal(err)
			}
			equalJSON(t, `{"messaging_product":"whatsapp","recipient_type":"individual","recipient":"`+customerUser+`",`+tt.want+`}`, string(m.body))
		})
	}
}

func TestContentsThatBreakTheContractDoNotLeave(t *testing.T) {
	c := testClient(t, "http://127.0.0.1:1", nil)
	long := func(n int) string { return strings.Repeat("ü", n) }
	ask := func(change func(*SendInteractive)) Content {
		s := SendInteractive{Body: "b", Action: ReplyButtons{[]Choice{{ID: "1", Title: "t"}}}}
		change(&s)
		return s
	}
	buttons := func(cs ...Choice) Content { return SendInteractive{Body: "b", Action: ReplyButtons{cs}} }
	rows := func(n int) (cs []Choice) {
		for i := range n {
			cs = append(cs, Choice{ID: string(rune('a' + i)), Title: "t"})
		}
		return cs
	}
	choose := func(button string, ss ...Section) Content {
		return SendInteractive{Body: "b", Action: ChoiceList{Button: button, Sections: ss}}
	}
	card := func(c Card) Content {
		if c.FormattedName == "" {
			c.FormattedName = "x"
		}
		return SendCards{Cards: []Card{c}}
	}
	fill := func(cs ...TemplateComponent) Content { return SendTemplate{Name: "x", Language: "de", Components: cs} }
	body := func(ps ...TemplateParameter) Content { return fill(TemplateComponent{Type: "body", Parameters: ps}) }
	button := func(sub string, i int, ps ...TemplateParameter) TemplateComponent {
		return TemplateComponent{Type: "button", SubType: sub, Index: i, Parameters: ps}
	}
	one := button("url", 0, TemplateParameter{Text: "x"})
	for rule, content := range map[string]Content{
		"file name too long":         SendMedia{Kind: Document, ID: NewMediaID("1"), Filename: long(MaxFilenameRunes + 1)},
		"caption not UTF-8":          SendMedia{Kind: Image, ID: NewMediaID("1"), Caption: "\xff"},
		"emoji not UTF-8":            SendReaction{Target: NewMessageID("x"), Emoji: "\xff"},
		"beyond the pole":            SendLocation{Latitude: 90.1},
		"beyond the date line":       SendLocation{Longitude: -180.1},
		"nowhere":                    SendLocation{Latitude: math.NaN()},
		"infinitely far":             SendLocation{Longitude: math.Inf(1)},
		"long place":                 SendLocation{Name: long(MaxPlaceRunes + 1)},
		"no card":                    SendCards{},
		"too many cards":             SendCards{Cards: make([]Card, MaxCards+1)},
		"card without name":          SendCards{Cards: []Card{{FirstName: "x"}}},
		"card with a day for a date": card(Card{Birthday: "May 1"}),
		"card with an empty number":  card(Card{Phones: []CardPhone{{}}}),
		"card with half an e-mail":   card(Card{Emails: []string{"office"}}),
		"card with a script":         card(Card{URLs: []string{"javascript:alert(1)"}}),
		"card not UTF-8":             card(Card{Company: "\xff"}),
		"interactive without body":   ask(func(s *SendInteractive) { s.Body = "  " }),
		"interactive body too long":  ask(func(s *SendInteractive) { s.Body = long(MaxBodyRunes + 1) }),
		"footer too long":            ask(func(s *SendInteractive) { s.Footer = long(MaxFooterRunes + 1) }),
		"nothing to tap":             ask(func(s *SendInteractive) { s.Action = nil }),
		"empty header":               ask(func(s *SendInteractive) { s.Header = &Header{} }),
		"header of two":              ask(func(s *SendInteractive) { s.Header = &Header{Text: "x", Media: image()} }),
		"header too long":            ask(func(s *SendInteractive) { s.Header = &Header{Text: long(MaxHeaderRunes + 1)} }),
		"header of sound":            ask(func(s *SendInteractive) { s.Header = &Header{Media: &SendMedia{Kind: Audio, ID: NewMediaID("1")}} }),
		"no button":                  buttons(),
		"four buttons":               buttons(rows(4)...),
		"button without id":          buttons(Choice{Title: "t"}),
		"button id too long":         buttons(Choice{ID: strings.Repeat("x", MaxReplyIDBytes+1), Title: "t"}),
		"button title too long":      buttons(Choice{ID: "1", Title: long(MaxReplyTitleRunes + 1)}),
		"button with description":    buttons(Choice{ID: "1", Title: "t", Description: "d"}),
		"two buttons of one title":   buttons(Choice{ID: "1", Title: "t"}, Choice{ID: "2", Title: "t"}),
		"two buttons of one id":      buttons(Choice{ID: "1", Title: "t"}, Choice{ID: "1", Title: "u"}),
		"list without button":        choose("", Section{Rows: rows(1)}),
		"list without section":       choose("b"),
		"eleven sections":            choose("b", make([]Section, MaxListSections+1)...),
		"eleven rows":                choose("b", Section{Title: "a", Rows: rows(6)}, Section{Title: "b", Rows: rows(11)[6:]}),
		"section without rows":       choose("b", Section{}),
		"two sections, one title":    choose("b", Section{Rows: rows(1)}, Section{Title: "x", Rows: rows(2)[1:]}),
		"section title too long":     choose("b", Section{Title: long(MaxSectionTitleRunes + 1), Rows: rows(1)}),
		"row title too long":         choose("b", Section{Rows: []Choice{{ID: "1", Title: long(MaxRowTitleRunes + 1)}}}),
		"row id too long":            choose("b", Section{Rows: []Choice{{ID: strings.Repeat("x", MaxRowIDBytes+1), Title: "t"}}}),
		"row description too long":   choose("b", Section{Rows: []Choice{{ID: "1", Title: "t", Description: long(MaxRowDescriptionRunes + 1)}}}),
		"two rows of one id":         choose("b", Section{Title: "a", Rows: rows(1)}, Section{Title: "b", Rows: rows(1)}),
		"list under a picture": ask(func(s *SendInteractive) {
			s.Header, s.Action = &Header{Media: image()}, ChoiceList{Button: "b", Sections: []Section{{Rows: rows(1)}}}
		}),
		"link to a file": ask(func(s *SendInteractive) { s.Action = LinkButton{Title: "t", URL: "file:///x"} }),
		"link title too long": ask(func(s *SendInteractive) {
			s.Action = LinkButton{Title: long(MaxLinkTitleRunes + 1), URL: "https://x.example"}
		}),
		"asking with a header":          ask(func(s *SendInteractive) { s.Header, s.Action = &Header{Text: "x"}, AskLocation{} }),
		"asking with a footer":          ask(func(s *SendInteractive) { s.Footer, s.Action = "x", AskContact{} }),
		"template part unknown":         fill(TemplateComponent{Type: "carousel"}),
		"template body twice":           fill(TemplateComponent{Type: "body"}, TemplateComponent{Type: "body"}),
		"template button twice":         fill(one, one),
		"template button of no kind":    fill(button("", 0, TemplateParameter{Text: "x"})),
		"template button named body":    fill(button("body", 0, TemplateParameter{Text: "x"})),
		"template button eleven":        fill(button("url", 10, TemplateParameter{Text: "x"})),
		"template button without value": fill(button("url", 0)),
		"template link with a blank":    fill(button("url", 0, TemplateParameter{Text: "a b"})),
		"template payload for a link":   fill(button("url", 0, TemplateParameter{Payload: "x"})),
		"template payload too long":     fill(button("quick_reply", 0, TemplateParameter{Payload: strings.Repeat("x", MaxTemplatePayloadBytes+1)})),
		"template coupon too long":      fill(button("copy_code", 0, TemplateParameter{Coupon: strings.Repeat("x", MaxTemplateCouponRunes+1)})),
		"template picture in the body":  body(TemplateParameter{Media: image()}),
		"template value of two kinds":   body(TemplateParameter{Text: "x", Payload: "y"}),
		"template value empty":          body(TemplateParameter{}),
		"template value of two lines":   body(TemplateParameter{Text: "a\nb"}),
		"template value with a gap":     body(TemplateParameter{Text: "a     b"}),
		"template value too long":       body(TemplateParameter{Text: long(MaxBodyRunes + 1)}),
		"template named in part":        body(TemplateParameter{Name: "a", Text: "x"}, TemplateParameter{Text: "y"}),
		"template header of two values": fill(TemplateComponent{Type: "header", Parameters: []TemplateParameter{{Text: "a"}, {Text: "b"}}}),
		"template header of sound":      fill(TemplateComponent{Type: "header", Parameters: []TemplateParameter{{Media: &SendMedia{Kind: Audio, ID: NewMediaID("1")}}}}),
		"template place without name":   fill(TemplateComponent{Type: "header", Parameters: []TemplateParameter{{Location: &SendLocation{}}}}),
	} {
		_, err := c.Send(context.Background(), "1", Outgoing{Phone: NewPhone("1"), Content: content})
		if !errors.Is(err, ErrRequest) || OutcomeOf(err) != OutcomeNotSent {
			t.Errorf("%s: %v", rule, err)
		}
		if err != nil && (strings.Contains(err.Error(), "ü") || strings.Contains(err.Error(), "\xff")) {
			t.Errorf("%s: the error echoes", rule)
		}
	}
}

func TestWhatIsAtTheLimitLeaves(t *testing.T) {
	m := newMeta(t, `{"messages":[{"id":"wamid.X"}]}`)
	c := testClient(t, m.URL, nil)
	long := func(n int) string { return strings.Repeat("ü", n) }
	var rows []Choice
	for i := range MaxListRows {
		rows = append(rows, Choice{ID: strings.Repeat(string(rune('a'+i)), MaxRowIDBytes), Title: long(MaxRowTitleRunes), Description: long(MaxRowDescriptionRunes)})
	}
	for _, content := range []Content{
		SendText{Body: long(MaxTextRunes)},
		SendMedia{Kind: Document, ID: NewMediaID("1"), Caption: long(MaxCaptionRunes), Filename: long(MaxFilenameRunes)},
		SendLocation{Latitude: -90, Longitude: 180},
		SendInteractive{Header: &Header{Text: long(MaxHeaderRunes)}, Body: long(MaxBodyRunes), Footer: long(MaxFooterRunes), Action: ChoiceList{Button: long(MaxListButtonRunes), Sections: []Section{{Rows: rows}}}},
		SendInteractive{Body: "b", Action: ReplyButtons{[]Choice{
			{ID: strings.Repeat("a", MaxReplyIDBytes), Title: long(MaxReplyTitleRunes)}, {ID: "b", Title: "b"}, {ID: "c", Title: "c"},
		}}},
		SendTemplate{Name: strings.Repeat("x", MaxTemplateNameBytes), Language: "de", Components: []TemplateComponent{
			{Type: "body", Parameters: []TemplateParameter{{Text: long(MaxBodyRunes)}}},
			{Type: "button", SubType: "quick_reply", Index: 9, Parameters: []TemplateParameter{{Payload: strings.Repeat("x", MaxTemplatePayloadBytes)}}},
		}},
	} {
		if _, err := c.Send(context.Background(), "1", Outgoing{Phone: NewPhone(customer), Callback: strings.Repeat("x", MaxCallbackBytes), Content: content}); err != nil {
			t.Errorf("%T: %v", content, err)
		}
	}
}

func TestReadMarksAndTyping(t *testing.T) {
	m := newMeta(t, `{"success":true}`)
	c := testClient(t, m.URL, nil)
	for typing, want := range map[bool]string{
		false: `{"messaging_product":"whatsapp","status":"read","message_id":"wamid.X"}`,
		true:  `{"messaging_product":"whatsapp","status":"read","message_id":"wamid.X","typing_indicator":{"type":"text"}}`,
	} {
		if err := c.MarkRead(context.Background(), "1", NewMessageID("wamid.X"), typing); err != nil {
			t.Fatal(err)
		}
		equalJSON(t, want, string(m.body))
	}
}

func TestAnUploadSaysWhatItIs(t *testing.T) {
	m := newMeta(t, `{"id":"1003383421387256"}`)
	id, err := testClient(t, m.URL, nil).MediaUpload(context.Background(), "1", "image/jpeg", strings.NewReader("\xff\xd8\xff"))
	if err != nil || id.Reveal() != "1003383421387256" || !strings.Contains(string(m.body), "\xff\xd8\xff") {
		t.Errorf("%v, %d bytes", err, len(m.body))
	}
}

// errorRows is every row of Meta's error table this relay knows, from testdata/errors.json.
type errorRow struct {
	Code      int
	HTTP      int
	Meaning   string
	Class     Class
	Temporary bool
	Stops     bool
}

func errorRows(t *testing.T) []errorRow {
	t.Helper()
	b, err := os.ReadFile("testdata/errors.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []errorRow
	if err := json.Unmarshal(b, &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestEveryErrorOfTheContractIsUnderstoodWhereverItArrives(t *testing.T) {
	rows := errorRows(t)
	listed := map[int]bool{}
	for _, row := range rows {
		listed[row.Code] = true
		// as an answer
		details, _ := json.Marshal(map[string]any{"error": map[string]any{
			"message": "(#" + row.Meaning + ") 491715550147", "type": "OAuthException", "code": row.Code, "error_subcode": 2494010, "fbtrace_id": "Az8or2yhqkZfEZ-_4Qn_Bam",
			"error_data": map[string]string{"messaging_product": "whatsapp", "details": "Message to 491715550147 failed"},
		}})
		srv := httptest.NewServer(write(row.HTTP, string(details)))
		_, err := testClient(t, srv.URL, nil).Send(context.Background(), "1", hello)
		srv.Close()
		var api *APIError
		if !errors.As(err, &api) || api.Code != row.Code || api.Class != row.Class || api.HTTPStatus != row.HTTP || strings.Contains(err.Error(), "4917") {
			t.Errorf("%d: %v, want class %s", row.Code, err, row.Class)
			continue
		}
		if api.Class.Temporary() != row.Temporary || api.Class.Stops() != row.Stops {
			t.Errorf("%d: temporary %v, stops %v", row.Code, api.Class.Temporary(), api.Class.Stops())
		}
		want := OutcomeRefused
		if row.HTTP >= 500 {
			want = OutcomeUnknown
		}
		if got := OutcomeOf(err); got != want {
			t.Errorf("%d: outcome %v", row.Code, got)
		}
		// as a status
		failed, _ := json.Marshal(map[string]any{"id": outboundID, "status": "failed", "errors": []any{map[string]any{"code": row.Code, "title": row.Meaning}}})
		d, err := Decode([]byte(`{"entry":[{"changes":[{"field":"messages","value":{"statuses":[` + string(failed) + `]}}]}]}`))
		if err != nil || len(d.Changes[0].Statuses[0].Errors) != 1 || d.Changes[0].Statuses[0].Errors[0].Class() != row.Class {
			t.Errorf("%d: fault of a status not understood", row.Code)
		}
	}
	// the list is whole: every code the table knows is in it
	for code := range classes {
		if !listed[code] {
			t.Errorf("%d has a class and no fixture", code)
		}
	}
}
