package wasim_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"sealdesk/sync/relay/wasim"
)

func with(o doc, key string, v any) doc {
	c := doc{}
	for k, old := range o {
		c[k] = old
	}
	if v == nil {
		delete(c, key)
	} else {
		c[key] = v
	}
	return c
}

func TestEveryKindOfContentIsTakenAndHeldToItsShape(t *testing.T) {
	w := newWire(t, func(c *wasim.Config) { c.Numbers[0].PerSecond = 1000 })
	w.writes("emily")
	in := w.do("emily", wasim.Line{Text: "and?"})
	w.settle()
	jpeg, code := w.upload("image/jpeg", must[[]byte](t)(wasim.Picture("sofa")))
	if code != 0 {
		t.Fatal(code)
	}
	voice, code := w.upload("audio/ogg; codecs=opus", wasim.Voice())
	if code != 0 {
		t.Fatal(code)
	}
	button := func(id, title string) doc { return doc{"type": "reply", "reply": doc{"id": id, "title": title}} }
	interactive := func(kind string, action doc, more ...doc) doc {
		o := doc{"type": kind, "body": doc{"text": "Which one?"}, "action": action}
		for _, m := range more {
			for k, v := range m {
				o[k] = v
			}
		}
		return message("interactive", o)
	}
	rows := func(n int) (all []any) {
		for i := range n {
			all = append(all, doc{"id": string(rune('a' + i)), "title": "Row", "description": "More"})
		}
		return all
	}
	section := func(title string, rows []any) doc { return doc{"title": title, "rows": rows} }
	card := doc{"name": doc{"formatted_name": "Lena Muster", "first_name": "Lena"}, "phones": []any{doc{"phone": "+49 151 555 00 199", "type": "WORK"}}}
	quote := doc{"context": doc{"message_id": in}}
	for _, tt := range []struct {
		rule string
		body doc
		code int
	}{
		{"text", text("hi"), 0},
		{"text without a type is text", with(text("hi"), "type", nil), 0},
		{"text with preview", message("text", doc{"body": "https://example.com", "preview_url": true}), 0},
		{"preview is true or false", message("text", doc{"body": "x", "preview_url": "yes"}), 100},
		{"text has a body", message("text", doc{"preview_url": true}), 131008},
		{"text is not only blanks", text(" \n"), 131008},
		{"text ends at 4096", text(strings.Repeat("é", 4097)), 100},
		{"text of 4096", text(strings.Repeat("é", 4096)), 0},
		{"reply", message("text", doc{"body": "x"}, quote), 0},
		{"reply to nothing", message("text", doc{"body": "x"}, doc{"context": doc{"message_id": "wamid.none"}}), 131009},
		{"reply to somebody else", message("text", doc{"body": "x"}, doc{"to": "393205550108"}, quote), 131009},
		{"members beside the type's", message("text", doc{"body": "x"}, doc{"image": doc{"id": jpeg}}), 100},
		{"members nobody knows", message("text", doc{"body": "x"}, doc{"ttl": 5}), 100},
		{"types nobody knows", message("hologram", doc{}), 100},
		{"groups are not simulated", message("text", doc{"body": "x"}, doc{"recipient_type": "group"}), 100},
		{"callback ends at 512", message("text", doc{"body": "x"}, doc{"biz_opaque_callback_data": strings.Repeat("x", 513)}), 100},
		{"no recipient", with(text("x"), "to", nil), 131008},
		{"a user id in to", message("text", doc{"body": "x"}, doc{"to": "DE.12345"}), 131009},
		{"a number in recipient", with(message("text", doc{"body": "x"}, doc{"recipient": emilyNumber}), "to", nil), 131009},
		{"another product", with(text("x"), "messaging_product", "telegram"), 100},
		{"image by id", message("image", doc{"id": jpeg, "caption": "c"}), 0},
		{"image by id and link", message("image", doc{"id": jpeg, "link": "https://example.com/x.jpg"}), 131009},
		{"image by neither", message("image", doc{"caption": "c"}), 131008},
		{"image has no filename", message("image", doc{"id": jpeg, "filename": "x.jpg"}), 100},
		{"caption ends at 1024", message("image", doc{"id": jpeg, "caption": strings.Repeat("x", 1025)}), 100},
		{"link is a link", message("image", doc{"link": "file:///etc/passwd"}), 131009},
		{"video is not an image", message("video", doc{"id": jpeg}), 131053},
		{"sticker is not an image", message("sticker", doc{"id": jpeg}), 131053},
		{"document with a name", message("document", doc{"id": jpeg, "filename": "Angebot.jpg"}), 0},
		{"voice", message("audio", doc{"id": voice, "voice": true}), 0},
		{"audio has no caption", message("audio", doc{"id": voice, "caption": "c"}), 100},
		{"file nobody uploaded", message("image", doc{"id": "123"}), 131009},
		{"location", message("location", doc{"latitude": 52.5, "longitude": 13.4, "name": "Here", "address": "There 1"}), 0},
		{"location in text", message("location", doc{"latitude": "52.5", "longitude": "-13.4"}), 0},
		{"location off the map", message("location", doc{"latitude": 91, "longitude": 13.4}), 131009},
		{"location has two numbers", message("location", doc{"latitude": 52.5}), 131008},
		{"contact", message("contacts", []any{card}), 0},
		{"contact has a name", message("contacts", []any{with(card, "name", nil)}), 131008},
		{"contact has more than a formatted name", message("contacts", []any{with(card, "name", doc{"formatted_name": "x"})}), 131009},
		{"contact is described in known members", message("contacts", []any{with(card, "shoe_size", 43)}), 100},
		{"contacts are an array", message("contacts", card), 100},
		{"six contacts", message("contacts", slices.Repeat([]any{card}, 6)), 131009},
		{"reaction", message("reaction", doc{"message_id": in, "emoji": "👍🏽"}), 0},
		{"reaction taken back", message("reaction", doc{"message_id": in, "emoji": ""}), 0},
		{"reaction has an emoji", message("reaction", doc{"message_id": in}), 131008},
		{"reaction is no word", message("reaction", doc{"message_id": in, "emoji": "ok"}), 131009},
		{"reaction to nothing", message("reaction", doc{"message_id": "wamid.none", "emoji": "👍"}), 131009},
		{"buttons", interactive("button", doc{"buttons": []any{button("a", "A"), button("b", "B"), button("c", "C")}},
			doc{"header": doc{"type": "image", "image": doc{"id": jpeg}}, "footer": doc{"text": "f"}}), 0},
		{"four buttons", interactive("button", doc{"buttons": []any{button("a", "A"), button("b", "B"), button("c", "C"), button("d", "D")}}), 131009},
		{"buttons with one title", interactive("button", doc{"buttons": []any{button("a", "A"), button("b", "A")}}), 131009},
		{"button title ends at 20", interactive("button", doc{"buttons": []any{button("a", strings.Repeat("x", 21))}}), 100},
		{"button has a body", with(interactive("button", doc{"buttons": []any{button("a", "A")}}), "interactive", doc{"type": "button", "action": doc{"buttons": []any{button("a", "A")}}}), 131008},
		{"footer ends at 60", interactive("button", doc{"buttons": []any{button("a", "A")}}, doc{"footer": doc{"text": strings.Repeat("x", 61)}}), 100},
		{"list", interactive("list", doc{"button": "Choose", "sections": []any{section("One", rows(4)), section("Two", []any{doc{"id": "z", "title": "Z"}})}}), 0},
		{"list of eleven in two sections", interactive("list", doc{"button": "Choose", "sections": []any{section("One", rows(6)), section("Two", []any{
			doc{"id": "1", "title": "1"}, doc{"id": "2", "title": "2"}, doc{"id": "3", "title": "3"}, doc{"id": "4", "title": "4"}, doc{"id": "5", "title": "5"},
		})}}), 131009},
		{"sections have titles", interactive("list", doc{"button": "Choose", "sections": []any{section("One", rows(1)), doc{"rows": []any{doc{"id": "z", "title": "Z"}}}}}), 131008},
		{"rows have ids of their own", interactive("list", doc{"button": "Choose", "sections": []any{section("One", append(rows(1), rows(1)...))}}), 131009},
		{"list header is text", interactive("list", doc{"button": "Choose", "sections": []any{section("One", rows(1))}}, doc{"header": doc{"type": "image", "image": doc{"id": jpeg}}}), 100},
		{"link button", interactive("cta_url", doc{"name": "cta_url", "parameters": doc{"display_text": "Open", "url": "https://example.com"}}), 0},
		{"location request", interactive("location_request_message", doc{"name": "send_location"}), 0},
		{"contact request", interactive("contact_request", doc{"name": "request_contact_info"}), 0},
		{"call permission", message("interactive", doc{"type": "call_permission_request", "action": doc{"name": "call_permission_request"}}), 0},
		{"flow", interactive("flow", doc{"name": "flow", "parameters": doc{"flow_message_version": "3", "flow_id": "1", "flow_cta": "Go"}}), 0},
		{"flow by id or name", interactive("flow", doc{"name": "flow", "parameters": doc{"flow_message_version": "3", "flow_id": "1", "flow_name": "n", "flow_cta": "Go"}}), 131009},
		{"product", message("interactive", doc{"type": "product", "action": doc{"catalog_id": "1", "product_retailer_id": "2"}}), 0},
		{"catalog", interactive("catalog_message", doc{"name": "catalog_message"}), 0},
		{"interactive of unknown kind", interactive("wheel", doc{}), 100},
		{"interactive does something", with(interactive("button", doc{}), "interactive", doc{"type": "button", "body": doc{"text": "x"}}), 131008},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			w.advance(7_000_000_000) // one at a time: the pair limit is another test's
			if _, code := w.send(tt.body); code != tt.code {
				t.Errorf("code %d, want %d", code, tt.code)
			}
		})
	}
}

func TestChoicesComeBackAsTheirKindDemands(t *testing.T) {
	w := newWire(t, func(c *wasim.Config) {
		c.Templates = []wasim.Template{{Name: "offer", Language: "en", Category: "UTILITY", Body: "An offer", Buttons: []wasim.TemplateButton{
			{Kind: "QUICK_REPLY", Text: "Stop promotions"}, {Kind: "URL", Text: "Look", URL: "https://example.com/{{1}}"},
		}}}
	})
	w.writes("emily")
	press := func(id, what string) doc {
		t.Helper()
		w.do("emily", wasim.Line{To: id, Press: what})
		m, _ := w.last()
		if c := m["context"].(doc); c["id"] != id || c["from"] != "493023125100" {
			t.Errorf("context %v", c)
		}
		return m
	}
	id := w.sent(message("interactive", doc{"type": "button", "body": doc{"text": "?"}, "action": doc{"buttons": []any{
		doc{"type": "reply", "reply": doc{"id": "yes-1", "title": "Yes"}},
	}}}))
	if r := press(id, "Yes")["interactive"].(doc); r["type"] != "button_reply" || r["button_reply"].(doc)["id"] != "yes-1" {
		t.Errorf("button: %v", r)
	}
	id = w.sent(message("interactive", doc{"type": "list", "body": doc{"text": "?"}, "action": doc{"button": "Choose", "sections": []any{
		doc{"rows": []any{doc{"id": "r1", "title": "Row", "description": "Long"}}},
	}}}))
	if r := press(id, "r1")["interactive"].(doc)["list_reply"].(doc); r["title"] != "Row" || r["description"] != "Long" {
		t.Errorf("list: %v", r)
	}
	id = w.sent(message("template", doc{"name": "offer", "language": doc{"code": "en"}, "components": []any{
		doc{"type": "button", "sub_type": "quick_reply", "index": "0", "parameters": []any{doc{"type": "payload", "payload": "STOP-7"}}},
		doc{"type": "button", "sub_type": "url", "index": 1, "parameters": []any{doc{"type": "text", "text": "42"}}},
	}}))
	if m := press(id, "Stop promotions"); m["type"] != "button" || m["button"].(doc)["payload"] != "STOP-7" || m["button"].(doc)["text"] != "Stop promotions" {
		t.Errorf("quick reply: %v", m["button"])
	}
	if c := w.sim.Sent()[2].Choices; c[1].ID != "https://example.com/42" {
		t.Errorf("link %v", c[1])
	}
	id = w.sent(message("interactive", doc{"type": "location_request_message", "body": doc{"text": "Where?"}, "action": doc{"name": "send_location"}}))
	if m := press(id, "send_location"); m["type"] != "location" {
		t.Errorf("location: %v", m["type"])
	}
	id = w.sent(message("interactive", doc{"type": "contact_request", "body": doc{"text": "Who?"}, "action": doc{"name": "request_contact_info"}}))
	if m := press(id, "request_contact_info"); m["type"] != "contacts" || m["origin"] != "contact_request" {
		t.Errorf("contact: %v", m["type"])
	}
	if _, err := w.sim.Do("emily", wasim.Line{To: id, Press: "no such button"}); err == nil {
		t.Error("pressed what is not there")
	}
	if _, err := w.sim.Do("marco", wasim.Line{To: id, Press: "request_contact_info"}); err == nil {
		t.Error("pressed what somebody else was sent")
	}
}

func TestMediaIsWhatItsBytesSay(t *testing.T) {
	w := newWire(t, nil)
	picture := must[[]byte](t)(wasim.Picture("sofa"))
	webp := func(flags byte, size int) []byte {
		b := append([]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00"), flags)
		return append(b, make([]byte, size-len(b))...)
	}
	for _, tt := range []struct {
		rule, mime string
		data       []byte
		code       int
	}{
		{"jpeg", "image/jpeg", picture, 0},
		{"jpeg is no png", "image/png", picture, 131053},
		{"a truncated picture", "image/jpeg", picture[:12], 131053},
		{"nothing", "image/jpeg", nil, 131053},
		{"a program", "application/x-msdownload", []byte("MZ"), 100},
		{"a program called a picture", "image/jpeg", []byte("MZ\x90\x00 this is no picture"), 131053},
		{"a page called a text", "text/plain", []byte("<html><script>"), 0},
		{"noise called a text", "text/plain", []byte{0xFF, 0xFE, 0}, 131053},
		{"pdf", "application/pdf", []byte("%PDF-1.7\n%\xe2\xe3\n"), 0},
		{"a page called a pdf", "application/pdf", []byte("<html>"), 131053},
		{"opus", "audio/ogg", wasim.Voice(), 0},
		{"ogg without opus", "audio/ogg", []byte("OggS\x00\x02vorbis....................."), 131053},
		{"still sticker of 100 KB", "image/webp", webp(0, 100<<10), 0},
		{"still sticker beyond", "image/webp", webp(0, 100<<10+1), 131053},
		{"moving sticker of 500 KB", "image/webp", webp(2, 500<<10), 0},
		{"moving sticker beyond", "image/webp", webp(2, 500<<10+1), 131053},
		{"a zip called a document", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", []byte("PK\x03\x04 nothing of Word"), 131053},
		{"audio beyond 16 MB", "audio/ogg", append(wasim.Voice(), make([]byte, 16<<20)...), 131053},
	} {
		if _, code := w.upload(tt.mime, tt.data); code != tt.code {
			t.Errorf("%s: %d, want %d", tt.rule, code, tt.code)
		}
	}
}

func TestALinkIsFetchedBeforeTheMessageLeaves(t *testing.T) {
	w := newWire(t, nil)
	w.writes("emily")
	picture := must[[]byte](t)(wasim.Picture("sofa"))
	kind := "image/jpeg"
	files := httptest.NewServer(http.HandlerFunc(func(res http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ok" {
			res.WriteHeader(http.StatusNotFound)
			return
		}
		res.Header().Set("Content-Type", kind)
		_, _ = res.Write(picture)
	}))
	defer files.Close()
	for rule, want := range map[string]struct {
		link string
		code int
	}{"good": {files.URL + "/ok", 0}, "gone": {files.URL + "/gone", 131053}, "elsewhere": {"https://images.example/x.jpg", 131053}} {
		id := w.sent(message("image", doc{"link": want.link}))
		if states, code := w.fates(id); code != want.code || (code == 0) != (len(states) == 3) {
			t.Errorf("%s: %v, code %d", rule, states, code)
		}
	}
	kind = "image/png"
	if _, code := w.fates(w.sent(message("image", doc{"link": files.URL + "/ok"}))); code != 131053 {
		t.Errorf("mislabelled file: %d", code)
	}
}
