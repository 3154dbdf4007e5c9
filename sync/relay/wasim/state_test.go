package wasim_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"sealdesk/sync/relay/wasim"
)

func TestEveryRowOfTheErrorTableCanBeMet(t *testing.T) {
	// The rows of the contract, with the HTTP status of an answer; 0 is a row that only ever arrives by webhook.
	rows := map[int]int{
		0: 401, 190: 401, 3: 403, 10: 403, 200: 403, 299: 403, 1: 500, 2: 503, 131000: 500, 131016: 503, 131057: 500, 133004: 503,
		4: 429, 80007: 429, 130429: 429, 131056: 400, 131048: 400, 131049: 0, 131050: 0, 130472: 0, 131047: 400, 470: 400, 131026: 0,
		131021: 400, 131030: 400, 131008: 400, 131009: 400, 100: 400, 33: 400, 131051: 400, 131052: 0, 131053: 400, 131031: 403, 368: 403,
		130497: 403, 131037: 400, 131042: 400, 131045: 500, 131062: 400, 132000: 400, 132001: 404, 132005: 400, 132007: 400, 132012: 400,
		132015: 400, 132016: 400, 132068: 400, 132069: 400, 133005: 400, 133006: 400, 133008: 400, 133009: 400, 133010: 400, 133015: 400,
		133016: 400, 135000: 400, 134011: 400,
	}
	w := newWire(t, nil)
	w.writes("emily")
	for code, status := range rows {
		if !slices.Contains(wasim.Codes(), code) {
			t.Errorf("%d has no words", code)
			continue
		}
		w.advance(7 * time.Second)
		if status != 0 {
			if err := w.sim.Inject(wasim.Injection{Code: code, Times: 1}); err != nil {
				t.Fatal(err)
			}
			got, answer, met := w.call("POST", messagesAt, text("x"))
			if met != code || got != status {
				t.Errorf("%d: status %d, code %d", code, got, met)
			}
			if code != 190 && answer["error"].(doc)["error_data"].(doc)["details"] == "" {
				t.Errorf("%d has no details", code)
			}
		}
		if code == 0 { // a failure to log in never comes by webhook
			continue
		}
		// every other row may also come late
		if err := w.sim.Inject(wasim.Injection{Code: code, Times: 1, Async: true}); err != nil {
			t.Fatal(err)
		}
		id := w.sent(text("x"))
		if states, met := w.fates(id); !slices.Equal(states, []string{"failed"}) || met != code {
			t.Errorf("%d later: %v, code %d", code, states, met)
		}
	}
	if _, code := w.send(text("x")); code != 0 {
		t.Errorf("an injection outlived its times: %d", code)
	}
}

func TestInjectionsKeepToTheirRouteRecipientAndNumber(t *testing.T) {
	w := newWire(t, nil)
	w.writes("emily")
	if err := w.sim.Inject(wasim.Injection{Route: wasim.RouteTemplates, Code: 2}, wasim.Injection{Code: 131026, To: "393205550108"}); err != nil {
		t.Fatal(err)
	}
	if _, _, code := w.call("GET", templatesAt, nil); code != 2 {
		t.Errorf("templates: %d", code)
	}
	if _, _, code := w.call("GET", templatesAt, nil); code != 2 {
		t.Error("a lasting injection ended")
	}
	if _, code := w.send(text("x")); code != 0 {
		t.Errorf("another route or recipient: %d", code)
	}
	if _, code := w.send(message("text", doc{"body": "x"}, doc{"to": "393205550108"})); code != 131026 {
		t.Errorf("the recipient: %d", code)
	}
	w.sim.ClearInjections()
	if _, _, code := w.call("GET", templatesAt, nil); code != 0 {
		t.Errorf("cleared: %d", code)
	}
	if w.sim.Inject(wasim.Injection{Code: 4242}) == nil || w.sim.Inject(wasim.Injection{Async: true}) == nil || w.sim.Inject(wasim.Injection{Code: 2, Async: true, Route: wasim.RouteUpload}) == nil {
		t.Error("took what cannot happen")
	}
}

func TestTokensExpireAndMayDoLess(t *testing.T) {
	w := newWire(t, func(c *wasim.Config) {
		c.Tokens = []wasim.Token{
			{Value: "sends", May: wasim.Messaging}, {Value: "manages", May: wasim.Management}, {Value: "short", Expires: morning.Add(time.Hour)},
		}
	})
	w.writes("emily")
	for _, tt := range []struct {
		token, method, path string
		body                any
		code                int
	}{
		{"sends", "POST", messagesAt, text("x"), 0},
		{"sends", "GET", templatesAt, nil, 10},
		{"manages", "GET", templatesAt, nil, 0},
		{"manages", "POST", messagesAt, text("x"), 10},
		{"short", "GET", templatesAt, nil, 0},
		{"forged", "GET", templatesAt, nil, 190},
		{"sends", "GET", "/v25.0/" + numberID, nil, 10},
	} {
		if _, _, code := w.callAs(tt.token, tt.method, tt.path, tt.body); code != tt.code {
			t.Errorf("%s %s %s: %d", tt.token, tt.method, tt.path, code)
		}
	}
	w.advance(time.Hour)
	if status, _, code := w.callAs("short", "GET", templatesAt, nil); code != 190 || status != 401 {
		t.Errorf("after its hour: %d, %d", status, code)
	}
	w.sim.ExpireToken(bearer)
	if _, code := w.send(text("x")); code != 190 {
		t.Errorf("expired: %d", code)
	}
	w.sim.RestoreToken(bearer)
	if _, code := w.send(text("x")); code != 0 {
		t.Errorf("restored: %d", code)
	}
	for _, v := range []string{"v20.0", "v28.0", "v9.0", "x"} {
		if _, _, code := w.call("GET", "/"+v+"/"+numberID, nil); code == 0 {
			t.Errorf("version %s answers", v)
		}
	}
}

func TestLocksAnswerUntilTheyAreLifted(t *testing.T) {
	w := newWire(t, nil)
	w.writes("emily")
	for _, code := range []int{131031, 368, 130497, 131037, 131042, 131045} {
		if err := w.sim.Restrict(numberID, code); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, got := w.send(text("x")); got != code {
				t.Errorf("%d: %d", code, got)
			}
		}
		if err := w.sim.Restrict(numberID, 0); err != nil {
			t.Fatal(err)
		}
		if _, got := w.send(text("x")); got != 0 {
			t.Errorf("%d lifted: %d", code, got)
		}
	}
	if n := len(w.values("account_update")); n != 4 {
		t.Errorf("%d account updates for two locks and their end", n)
	}
	if _, _, code := w.call("POST", "/v25.0/"+numberID+"/deregister", doc{}); code != 0 {
		t.Fatal(code)
	}
	if _, code := w.send(text("x")); code != 133010 {
		t.Errorf("not registered: %d", code)
	}
	register := func(pin string) int {
		_, _, code := w.call("POST", "/v25.0/"+numberID+"/register", doc{"messaging_product": "whatsapp", "pin": pin})
		return code
	}
	if code := register("12345"); code != 131009 {
		t.Errorf("short PIN: %d", code)
	}
	if code := register("123456"); code != 0 {
		t.Errorf("register: %d", code)
	}
	if code := register("654321"); code != 133005 {
		t.Errorf("wrong PIN: %d", code)
	}
	for range 8 {
		register("654321")
	}
	if code := register("123456"); code != 133016 {
		t.Errorf("too many: %d", code)
	}
}

func TestPricesFollowTheCalendar(t *testing.T) {
	for _, tt := range []struct {
		at                                        time.Time
		service, utilityIn, utilityOut, marketing string // type of pricing, "" when the model is the old one
	}{
		{time.Date(2025, 6, 30, 12, 0, 0, 0, time.UTC), "", "", "", ""},
		{time.Date(2025, 7, 1, 0, 0, 1, 0, time.UTC), "free_customer_service", "free_customer_service", "regular", "regular"},
		{time.Date(2026, 9, 30, 12, 0, 0, 0, time.UTC), "free_customer_service", "free_customer_service", "regular", "regular"},
		{time.Date(2026, 10, 1, 0, 0, 1, 0, time.UTC), "regular", "regular", "regular", "regular"},
	} {
		w := newWire(t, func(c *wasim.Config) { c.Clock = wasim.NewVirtual(tt.at) })
		price := func(m doc) (kind, category string, billable any) {
			t.Helper()
			id := w.sent(m)
			for _, s := range w.items("messages", "statuses") {
				if p, ok := s["pricing"].(doc); ok && s["id"] == id {
					kind, _ = p["type"].(string)
					if (p["pricing_model"] == "CBP") != (tt.at.Before(time.Date(2025, 7, 1, 0, 0, 0, 0, time.UTC))) {
						t.Errorf("%v: model %v", tt.at, p["pricing_model"])
					}
					return kind, p["category"].(string), p["billable"]
				}
			}
			t.Fatal("no price")
			return
		}
		if k, _, _ := price(templateOf("follow_up", "en", "Emily")); k != tt.utilityOut {
			t.Errorf("%v: utility outside the window %q", tt.at, k)
		}
		w.writes("emily")
		if k, c, b := price(text("x")); k != tt.service || c != "service" || b != (tt.service == "regular") {
			t.Errorf("%v: service %q %q %v", tt.at, k, c, b)
		}
		if k, _, _ := price(templateOf("follow_up", "en", "Emily")); k != tt.utilityIn {
			t.Errorf("%v: utility in the window %q", tt.at, k)
		}
		if k, c, _ := price(templateOf("spring_offer", "en")); k != tt.marketing || c != "marketing" {
			t.Errorf("%v: marketing %q %q", tt.at, k, c)
		}
	}
}

func TestAnAdMakes72HoursFreeOnceItIsAnswered(t *testing.T) {
	w := newWire(t, nil)
	w.do("emily", wasim.Line{Text: "I saw your ad", Ad: &wasim.Ad{}})
	m, _ := w.last()
	if r := m["referral"].(doc); r["source_type"] != "ad" || r["ctwa_clid"] == "" {
		t.Errorf("referral %v", r)
	}
	price := func(m doc) (string, any) {
		id := w.sent(m)
		for _, s := range w.items("messages", "statuses") {
			if s["id"] == id && s["status"] == "sent" {
				return s["pricing"].(doc)["type"].(string), s["conversation"]
			}
		}
		return "", nil
	}
	w.advance(23 * time.Hour)
	if k, c := price(text("Hello!")); k != "free_entry_point" || c.(doc)["origin"].(doc)["type"] != "referral_conversion" {
		t.Errorf("first answer: %s, %v", k, c)
	}
	w.advance(2 * time.Hour)
	if _, code := w.fates(w.sent(text("too late for free text"))); code != 131047 {
		t.Errorf("the free entry point opened the window: %d", code)
	}
	w.advance(69 * time.Hour)
	if k, _ := price(templateOf("follow_up", "en", "Emily")); k != "free_entry_point" {
		t.Errorf("after 71 hours: %s", k)
	}
	w.advance(2 * time.Hour)
	if k, c := price(templateOf("follow_up", "en", "Emily")); k != "regular" || c != nil {
		t.Errorf("after 73 hours: %s", k)
	}
	// not answered within a day, it opens nothing
	w.do("marco", wasim.Line{Text: "Ciao", Ad: &wasim.Ad{Post: true}})
	w.advance(25 * time.Hour)
	if k, _ := price(message("template", templateOf("follow_up", "it", "Marco")["template"], doc{"to": "393205550108"})); k != "regular" {
		t.Errorf("answered too late: %s", k)
	}
}

func TestMarketingStopsCapsAndCountries(t *testing.T) {
	w := newWire(t, nil)
	offer := func(to string) int {
		t.Helper()
		_, code := w.fates(w.sent(message("template", templateOf("spring_offer", "en")["template"], doc{"to": to})))
		return code
	}
	if c := offer(emilyNumber); c != 0 {
		t.Errorf("first: %d", c)
	}
	if err := w.sim.StopMarketing("emily", true); err != nil {
		t.Fatal(err)
	}
	if c := offer(emilyNumber); c != 131050 {
		t.Errorf("stopped: %d", c)
	}
	if _, code := w.fates(w.sent(templateOf("follow_up", "en", "Emily"))); code != 0 {
		t.Errorf("utility after a stop: %d", code)
	}
	if err := w.sim.StopMarketing("emily", false); err != nil {
		t.Fatal(err)
	}
	if c := offer(emilyNumber); c != 0 {
		t.Errorf("resumed: %d", c)
	}
	if c := offer(emilyNumber); c != 131049 {
		t.Errorf("over the cap: %d", c)
	}
	w.advance(24 * time.Hour)
	if c := offer(emilyNumber); c != 0 {
		t.Errorf("a day later: %d", c)
	}
	if c := offer("12125550147"); c != 131049 {
		t.Errorf("to the United States: %d", c)
	}
	prefs := w.items("user_preferences", "user_preferences")
	if len(prefs) != 2 || prefs[0]["value"] != "stop" || prefs[1]["value"] != "resume" || prefs[0]["category"] != "marketing_messages" {
		t.Errorf("preferences %v", prefs)
	}
	// the Marketing Messages API takes marketing templates alone
	m := message("template", templateOf("spring_offer", "en")["template"], doc{"to": "393205550108", "product_policy": "STRICT", "message_activity_sharing": true})
	_, answer, code := w.call("POST", "/v25.0/"+numberID+"/marketing_messages", m)
	if code != 0 {
		t.Fatal(code)
	}
	w.settle()
	id := answer["messages"].([]any)[0].(doc)["id"]
	for _, s := range w.items("messages", "statuses") {
		if s["id"] == id && s["status"] == "sent" && s["pricing"].(doc)["category"] != "marketing_lite" {
			t.Errorf("category %v", s["pricing"])
		}
	}
	for rule, bad := range map[string]doc{
		"utility":      message("template", templateOf("follow_up", "en", "x")["template"]),
		"a text":       text("x"),
		"a policy":     message("template", templateOf("spring_offer", "en")["template"], doc{"product_policy": "LOOSE"}),
		"no recipient": with(m, "to", nil),
	} {
		if _, _, code := w.call("POST", "/v25.0/"+numberID+"/marketing_messages", bad); code == 0 {
			t.Errorf("marketing took %s", rule)
		}
	}
}

func TestThePortfolioLimitCountsPeopleBegunWith(t *testing.T) {
	w := newWire(t, func(c *wasim.Config) { c.PortfolioLimit = 2 })
	begin := func(to string) int {
		_, code := w.send(message("template", templateOf("follow_up", "en", "x")["template"], doc{"to": to}))
		return code
	}
	w.writes("katharina")
	for _, to := range []string{"491713920047", emilyNumber, "393205550108", emilyNumber} {
		if code := begin(to); code != 0 {
			t.Errorf("within the limit: %d", code)
		}
	}
	if code := begin("447700900388"); code != 131048 {
		t.Errorf("the third: %d", code)
	}
	w.advance(24 * time.Hour)
	if code := begin("447700900388"); code != 0 {
		t.Errorf("a day later: %d", code)
	}
	_, answer, _ := w.call("GET", "/v25.0/"+numberID+"?fields=whatsapp_business_manager_messaging_limit,throughput,quality_rating", nil)
	if answer["whatsapp_business_manager_messaging_limit"] != "TIER_2" || answer["throughput"].(doc)["level"] != "STANDARD" || answer["quality_rating"] != "GREEN" {
		t.Errorf("number says %v", answer)
	}
	w.sim.SetPortfolioLimit(2000)
	if v := w.values("business_capability_update"); len(v) != 1 || v[0]["max_daily_conversations_per_business"] != "TIER_2K" {
		t.Errorf("capability %v", v)
	}
	if _, _, code := w.call("GET", "/v25.0/"+numberID+"?fields=messaging_limit_tier", nil); code != 100 {
		t.Errorf("the field of old: %d", code)
	}
}

func TestThroughputCountsBothDirections(t *testing.T) {
	for _, tt := range []struct {
		number wasim.Number
		rate   int
	}{
		{wasim.Number{}, 80}, {wasim.Number{Coexistence: true}, 20}, {wasim.Number{PerSecond: 1000}, 1000},
	} {
		w := newWire(t, func(c *wasim.Config) {
			tt.number.ID, tt.number.Display, tt.number.Name = numberID, "493023125100", "Demo"
			c.Numbers = []wasim.Number{tt.number}
		})
		for i := range 5 { // five inbound leave so much less to send
			w.do("emily", wasim.Line{Text: fmt.Sprint(i)})
		}
		sent := 0
		for code := 0; code == 0 && sent < 1100; {
			// nobody in particular: only the number's own limit is met
			if _, code = w.send(message("text", doc{"body": "x"}, doc{"to": "4915155509999"})); code == 0 {
				sent++
			} else if code != 130429 {
				t.Fatal(code)
			}
		}
		if sent != tt.rate-5 {
			t.Errorf("%d sent of %d a second", sent, tt.rate)
		}
	}
}

func TestPeopleWhoCannotBeReached(t *testing.T) {
	w := newWire(t, func(c *wasim.Config) {
		c.Personas = append(c.Personas, wasim.Persona{Key: "gone", Name: "G", Number: "4915155500777", Unreachable: true},
			wasim.Persona{Key: "quiet", Name: "Q", Number: "4915155500778", NoReceipts: true})
	})
	w.writes("gone")
	w.writes("quiet")
	if _, code := w.fates(w.sent(message("text", doc{"body": "x"}, doc{"to": "4915155500777"}))); code != 131026 {
		t.Errorf("unreachable: %d", code)
	}
	if s, _ := w.fates(w.sent(message("text", doc{"body": "x"}, doc{"to": "4915155500778"}))); !slices.Equal(s, []string{"sent", "delivered"}) {
		t.Errorf("without receipts: %v", s)
	}
	voice, code := w.upload("audio/ogg", wasim.Voice())
	if code != 0 {
		t.Fatal(code)
	}
	w.writes("emily")
	if s, _ := w.fates(w.sent(message("audio", doc{"id": voice, "voice": true}))); !slices.Equal(s, []string{"sent", "delivered", "read", "played"}) {
		t.Errorf("voice: %v", s)
	}
}
