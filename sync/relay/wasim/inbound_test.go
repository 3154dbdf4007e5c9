package wasim_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sealdesk/sync/relay/wasim"
)

func TestEveryKindOfInboundMessage(t *testing.T) {
	w := newWire(t, func(c *wasim.Config) { c.Numbers[0].Coexistence = true })
	w.writes("emily")
	ours := w.sent(text("How can we help?"))
	theirs := w.do("emily", wasim.Line{Text: "frist"})
	pdf := []byte("%PDF-1.7\n")
	for _, tt := range []struct {
		rule string
		line wasim.Line
		kind string
		is   func(m, body doc) bool
	}{
		{"text", wasim.Line{Text: "Hi {{07700 900 142}}"}, "text", func(_, b doc) bool { return b["body"] == "Hi 07700 900 142" }},
		{"answer", wasim.Line{Text: "x", Quote: true, To: ours}, "text", func(m, _ doc) bool { return m["context"].(doc)["id"] == ours }},
		{"forwarded", wasim.Line{Text: "x", Forwarded: wasim.Once}, "text", func(m, _ doc) bool { return m["context"].(doc)["forwarded"] == true }},
		{"forwarded often", wasim.Line{Text: "x", Forwarded: wasim.Often}, "text", func(m, _ doc) bool { return m["context"].(doc)["frequently_forwarded"] == true }},
		{"about goods", wasim.Line{Text: "x", About: &wasim.Product{Catalog: "1", Product: "2"}}, "text",
			func(m, _ doc) bool {
				return m["context"].(doc)["referred_product"].(doc)["product_retailer_id"] == "2"
			}},
		{"from an ad", wasim.Line{Text: "x", Ad: &wasim.Ad{Post: true, Welcome: "Hi"}}, "text", func(m, _ doc) bool {
			r := m["referral"].(doc)
			return r["source_type"] == "post" && r["welcome_message"].(doc)["text"] == "Hi" && r["media_type"] == "image"
		}},
		{"picture", wasim.Line{Scene: "sofa", Text: "cap"}, "image", func(_, b doc) bool {
			return b["mime_type"] == "image/jpeg" && b["caption"] == "cap" && len(b["sha256"].(string)) == 44
		}},
		{"voice", wasim.Line{File: &wasim.File{Kind: "audio", MIME: "audio/ogg; codecs=opus", Data: wasim.Voice(), Voice: true}}, "audio", func(_, b doc) bool { return b["voice"] == true }},
		{"document", wasim.Line{File: &wasim.File{Kind: "document", MIME: "application/pdf", Name: "bill.pdf", Data: pdf}}, "document", func(_, b doc) bool { return b["filename"] == "bill.pdf" }},
		{"sticker", wasim.Line{File: &wasim.File{Kind: "sticker", MIME: "image/webp", Data: pdf, Animated: true}}, "sticker", func(_, b doc) bool { return b["animated"] == true }},
		{"video", wasim.Line{File: &wasim.File{Kind: "video", MIME: "video/mp4", Data: pdf}}, "video", func(_, b doc) bool { return b["id"] != "" }},
		{"place", wasim.Line{Place: &wasim.Place{Latitude: 1, Longitude: 2, Name: "N", URL: "https://example.com"}}, "location", func(_, b doc) bool { return b["latitude"] == 1.0 && b["url"] == "https://example.com" }},
		{"cards", wasim.Line{Cards: []wasim.Card{{Name: "Lena Muster", Phones: []string{"+39 320 555 0108"}, Emails: []string{"l@example.org"}, VCard: "BEGIN:VCARD"}}}, "contacts", nil},
		{"order", wasim.Line{Order: &wasim.Order{Catalog: "1", Items: []wasim.OrderItem{{Product: "p", Quantity: 2, Price: 30, Currency: "EUR"}}}}, "order", func(_, b doc) bool {
			return b["product_items"].([]any)[0].(doc)["item_price"] == 30.0
		}},
		{"form", wasim.Line{Flow: `{"a":1}`}, "interactive", func(_, b doc) bool {
			return b["type"] == "nfm_reply" && b["nfm_reply"].(doc)["response_json"] == `{"a":1}`
		}},
		{"reaction", wasim.Line{React: "❤️", To: ours}, "reaction", func(_, b doc) bool { return b["emoji"] == "❤️" && b["message_id"] == ours }},
		{"reaction taken back", wasim.Line{NoReaction: true, To: ours}, "reaction", func(_, b doc) bool { _, there := b["emoji"]; return !there }},
		{"edit", wasim.Line{Edit: true, To: theirs, Text: "first"}, "edit", func(_, b doc) bool {
			return b["original_message_id"] == theirs && b["message"].(doc)["text"].(doc)["body"] == "first"
		}},
		{"revoke", wasim.Line{Revoke: true, To: theirs}, "revoke", func(_, b doc) bool { return b["original_message_id"] == theirs }},
		{"unsupported", wasim.Line{Unsupported: 131051}, "unsupported", func(m, _ doc) bool { return m["errors"].([]any)[0].(doc)["code"] == 131051.0 }},
		{"unavailable", wasim.Line{Unsupported: 131060}, "unsupported", func(m, _ doc) bool { return m["errors"].([]any)[0].(doc)["code"] == 131060.0 }},
		{"welcome", wasim.Line{Type: "request_welcome"}, "request_welcome", nil},
		{"what nobody knows", wasim.Line{Type: "hologram", Body: doc{"depth": 3}}, "hologram", func(_, b doc) bool { return b["depth"] == 3.0 }},
		{"new identity", wasim.Line{NewIdentity: true}, "system", func(_, b doc) bool { return b["type"] == "customer_identity_changed" }},
		{"new user id", wasim.Line{NewUserID: true}, "system", func(_, b doc) bool {
			return b["type"] == "user_changed_user_id" && b["previous_user_id"] != b["user_id"]
		}},
		{"new number", wasim.Line{NewNumber: "447700900999"}, "system", func(m, b doc) bool {
			return m["from"] == emilyNumber && b["wa_id"] == "447700900999" && strings.Contains(b["body"].(string), "changed from")
		}},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			id := w.do("emily", tt.line)
			m, _ := w.last()
			if m["id"] != id || m["type"] != tt.kind {
				t.Fatalf("came as %v", m["type"])
			}
			if _, err := time.Parse("", m["timestamp"].(string)); err == nil || strings.Trim(m["timestamp"].(string), "0123456789") != "" {
				t.Errorf("timestamp %v", m["timestamp"])
			}
			if body, ok := m[tt.kind].(doc); tt.is != nil && !tt.is(m, body) {
				t.Errorf("body %v, %v", body, ok)
			}
		})
	}
	if w.values("messages")[0]["contacts"] == nil {
		t.Error("an ordinary message without contacts")
	}
	for _, v := range w.values("messages") {
		if ms, ok := v["messages"].([]any); ok && ms[0].(doc)["type"] == "system" && v["contacts"] != nil {
			t.Error("a system message with contacts")
		}
	}
	for rule, l := range map[string]wasim.Line{
		"taken back twice":       {Revoke: true, To: theirs},
		"somebody else's":        {Revoke: true, To: ours},
		"an answer to nothing":   {Text: "x", Quote: true, To: "wamid.none"},
		"a number that is taken": {NewNumber: "393205550108"},
	} {
		if _, err := w.sim.Do("emily", l); err == nil {
			t.Errorf("did what cannot be: %s", rule)
		}
	}
	late := w.do("emily", wasim.Line{Text: "x"})
	w.advance(49 * time.Hour)
	if _, err := w.sim.Do("emily", wasim.Line{Revoke: true, To: late}); err == nil {
		t.Error("taken back after two days")
	}
	plain := newWire(t, nil)
	id := plain.do("emily", wasim.Line{Text: "x"})
	if _, err := plain.sim.Do("emily", wasim.Line{Revoke: true, To: id}); err == nil {
		t.Error("a revoke reached a number that is not in the app")
	}
}

func TestIdentitiesAreWhatMetaShows(t *testing.T) {
	w := newWire(t, nil)
	see := func(key string) (from, user any) {
		w.do(key, wasim.Line{Text: "x"})
		m, c := w.last()
		if m["from"] != c["wa_id"] || m["from_user_id"] != c["user_id"] {
			t.Errorf("%s: message and contact differ", key)
		}
		return m["from"], m["from_user_id"]
	}
	if from, user := see("plain"); from == nil || user != nil {
		t.Errorf("number alone: %v %v", from, user)
	}
	if from, user := see("nobody"); from != nil || user == nil {
		t.Errorf("user id alone: %v %v", from, user)
	}
	if from, user := see("handle"); from == nil || user == nil {
		t.Errorf("both: %v %v", from, user)
	}
	number, none := see("before")
	nothing, id := see("after")
	if number == nil || none != nil || nothing != nil || id == nil {
		t.Fatal("two people are not two yet")
	}
	if err := w.sim.Link("after", "before"); err != nil {
		t.Fatal(err)
	}
	if from, user := see("after"); from != number || user != id {
		t.Errorf("one person: %v %v", from, user)
	}
	// either address now reaches her, and what she was sent before is still hers
	for _, to := range []doc{{"to": number}, {"recipient": id}} {
		m := message("text", doc{"body": "x"}, to)
		if to["to"] == nil {
			delete(m, "to")
		}
		w.sent(m)
		if s := w.sim.Sent(); s[len(s)-1].Persona != "after" {
			t.Errorf("sent to %s", s[len(s)-1].Persona)
		}
	}
	if w.sim.Link("after", "plain") == nil || w.sim.Link("nobody", "nobody") == nil {
		t.Error("linked who cannot be")
	}
}

func TestNewsOfTheAccount(t *testing.T) {
	w := newWire(t, func(c *wasim.Config) { c.Numbers[0].Coexistence = true })
	w.writes("marco")
	echo := must[string](t)(w.sim.Echo("marco", "from the app"))
	must[string](t)(w.sim.EchoLine("marco", wasim.Line{Scene: "parcel", Text: "here"}))
	must[string](t)(w.sim.EchoLine("marco", wasim.Line{Edit: true, To: echo, Text: "From the app"}))
	must[string](t)(w.sim.EchoLine("marco", wasim.Line{Revoke: true, To: echo}))
	for _, err := range []error{
		w.sim.RateNumber(numberID, "RED"), w.sim.RateNumber(numberID, "GREEN"), w.sim.RenameNumber(numberID, "Demo GmbH", "APPROVED"),
		w.sim.SecurityEvent(numberID, "PIN_CHANGED"), w.sim.UpdateAccount("VERIFIED_ACCOUNT", nil),
		w.sim.SyncHistory("marco", 1, 2, 55, "old question", "old answer"), w.sim.SyncContacts("add", "marco", "emily"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	w.sim.Alert("WARNING", "OBA_APPROVED", "text")
	w.sim.ReviewAccount("APPROVED")
	w.sim.EmitErrors(131057)
	w.settle()
	for field, n := range map[string]int{
		"phone_number_quality_update": 2, "phone_number_name_update": 1, "security": 1, "account_update": 1, "account_alerts": 1, "account_review_update": 1,
	} {
		if got := len(w.values(field)); got != n {
			t.Errorf("%s: %d", field, got)
		}
	}
	var kinds []string
	for _, e := range w.items("smb_message_echoes", "message_echoes") {
		kinds = append(kinds, e["type"].(string))
		if e["from"] != "493023125100" || e["to"] != "393205550108" || e["to_user_id"] == nil {
			t.Errorf("echo %v", e)
		}
	}
	if !slices.Equal(kinds, []string{"text", "image", "edit", "revoke"}) {
		t.Errorf("echoes %v", kinds)
	}
	if h := w.items("history", "history"); len(h) != 1 || h[0]["metadata"].(doc)["progress"] != 55.0 || len(h[0]["threads"].([]any)[0].(doc)["messages"].([]any)) != 2 {
		t.Errorf("history %v", h)
	}
	if c := w.items("smb_app_state_sync", "state_sync"); len(c) != 2 || c[0]["action"] != "add" {
		t.Errorf("contacts %v", c)
	}
	if e := w.items("messages", "errors"); len(e) != 1 || e[0]["code"] != 131057.0 {
		t.Errorf("errors %v", e)
	}
	// an echo does not open the window
	w.advance(23 * time.Hour)
	must[string](t)(w.sim.Echo("marco", "again"))
	w.advance(2 * time.Hour)
	if _, code := w.fates(w.sent(message("text", doc{"body": "x"}, doc{"to": "393205550108"}))); code != 131047 {
		t.Errorf("after an echo: %d", code)
	}
}

func TestOddDeliveries(t *testing.T) {
	w := newWire(t, nil)
	say := func(f wasim.Faults) []byte {
		t.Helper()
		n := len(w.bodies)
		w.sim.NextDelivery(f)
		w.do("emily", wasim.Line{Text: "Grüße"})
		w.settle()
		if len(w.bodies) != n+1 {
			t.Fatalf("%d bodies", len(w.bodies)-n)
		}
		return w.bodies[n]
	}
	say(wasim.Faults{OldSecret: 1})
	if w.signed[len(w.signed)-1] != "old" || w.sim.Deliveries()[0].Signature != "old" {
		t.Errorf("signed %v", w.signed)
	}
	strange := say(wasim.Faults{Strange: 1})
	if !strings.Contains(string(strange), `"field":"holograms"`) || !json.Valid(strange) {
		t.Error("nothing strange in it")
	}
	if n := len(say(wasim.Faults{PadTo: 3<<20 + 1})); n < 3<<20 || n > 3<<20+64 {
		t.Errorf("padded to %d", n)
	}
	w.sim.SetFaults(wasim.Faults{ReadFirst: 1})
	if s, _ := w.fates(w.sent(text("x"))); !slices.Equal(s, []string{"sent", "read", "delivered"}) {
		t.Errorf("read first: %v", s)
	}
	w.sim.SetFaults(wasim.Faults{FailedFirst: 1})
	if s, code := w.fates(w.sent(text("x"))); !slices.Equal(s, []string{"sent", "failed", "delivered", "read"}) || code != 131026 {
		t.Errorf("failed first: %v", s)
	}
	w.sim.SetFaults(wasim.Faults{Milliseconds: 1})
	w.do("emily", wasim.Line{Text: "x"})
	if m, _ := w.last(); len(m["timestamp"].(string)) != 13 {
		t.Errorf("timestamp %v", m["timestamp"])
	}
	// a thousand changes in one delivery
	w.sim.SetFaults(wasim.Faults{Batch: 1000, Linger: time.Second})
	n := len(w.bodies)
	for i := range 1000 {
		w.do([]string{"emily", "plain", "nobody"}[i%3], wasim.Line{Text: fmt.Sprint(i)})
	}
	w.advance(time.Second)
	if len(w.bodies) != n+1 {
		t.Fatalf("%d bodies", len(w.bodies)-n)
	}
	w.bodies = w.bodies[n:]
	if ms := w.items("messages", "messages"); len(ms) != 1000 || ms[999]["text"].(doc)["body"] != "999" {
		t.Errorf("%d messages", len(ms))
	}
}

func TestTheCastPlaysItsScripts(t *testing.T) {
	w := newWire(t, func(c *wasim.Config) {
		c.Personas, c.Numbers[0].Coexistence = wasim.Cast(), true
		c.Faults = wasim.Faults{Batch: 50}
	})
	w.sim.Perform()
	for range 40 {
		w.advance(10 * time.Second)
	}
	bodies := map[string]bool{}
	kinds := map[string]bool{}
	for _, m := range w.items("messages", "messages") {
		kinds[m["type"].(string)] = true
		if b, ok := m["text"].(doc); ok {
			bodies[b["body"].(string)] = true
		}
	}
	want := 0
	keys := map[string]bool{}
	for _, p := range append(wasim.Personas(), wasim.Cast()...) {
		if keys[p.Key] {
			t.Errorf("%s is there twice", p.Key)
		}
		keys[p.Key] = true
	}
	for _, p := range wasim.Cast() {
		for _, l := range p.Script.Opening {
			if l.Text != "" && l.File == nil && l.Scene == "" && !l.Echo {
				want++
				if plain := strings.NewReplacer("{{~", "", "{{", "", "}}", "").Replace(l.Text); !bodies[plain] {
					t.Errorf("%s did not say all of it", p.Key)
				}
			}
		}
	}
	for _, kind := range []string{"text", "image", "audio", "document", "location", "contacts", "order", "interactive", "system", "unsupported", "request_welcome"} {
		if !kinds[kind] {
			t.Errorf("nobody sent %s", kind)
		}
	}
	if want < 60 || len(w.items("smb_message_echoes", "message_echoes")) != 2 || len(w.items("user_preferences", "user_preferences")) != 2 {
		t.Errorf("%d texts", want)
	}
	for _, id := range []string{"07700 900 531", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "IT60 X054 2811 1010 0000 0123 456", "٠٧٧٠٠ ٩٠٠ ٥٤١", "piero.pieno@example.it"} {
		if !slices.Contains(w.sim.Identifiers(), id) {
			t.Error("something written is not recorded as an identifier")
		}
	}
	if slices.Contains(w.sim.Identifiers(), "PNIPRI84C03H501X") {
		t.Error("what is personal and no more is taken for an identifier")
	}
}

func TestWhoHasBoughtWritesToTheSecondNumberAndAnswersHowItWent(t *testing.T) {
	const service = "106540352242933"
	w := newWire(t, func(c *wasim.Config) {
		c.Numbers = append(c.Numbers, wasim.Number{ID: service, Display: "493023125200", Name: "Service"})
		c.Personas, c.Live, c.Tempo = wasim.Personas(), true, wasim.NaturalTempo(1)
	})
	to := func(name string) (number string) {
		for _, v := range w.values("messages") {
			people, _ := v["contacts"].([]any)
			if _, wrote := v["messages"]; wrote && len(people) > 0 && people[0].(doc)["profile"].(doc)["name"] == name {
				number = v["metadata"].(doc)["phone_number_id"].(string)
			}
		}
		return number
	}
	w.sim.Perform()
	w.advance(2 * time.Minute)
	if to("Holger Brandt") != service || to("Katharina Weber") != numberID {
		t.Errorf("they write to %s and %s", to("Holger Brandt"), to("Katharina Weber"))
	}
	ask := message("interactive", doc{"type": "list", "body": doc{"text": "Wie zufrieden waren Sie?"}, "action": doc{"button": "Bewerten", "sections": []any{
		doc{"rows": []any{doc{"id": "o0", "title": "Sehr gut"}, doc{"id": "o1", "title": "Gut"}}}}}})
	ask["to"] = "493023125512"
	if _, answer, code := w.call("POST", "/v25.0/"+service+"/messages", ask); code != 0 {
		t.Fatalf("%d %v", code, answer)
	}
	w.advance(time.Minute)
	reply, _ := w.last()
	if pressed, _ := reply["interactive"].(doc); pressed == nil || pressed["list_reply"].(doc)["id"] != "o0" {
		t.Errorf("the answer is %v", reply)
	}
}
