package wasim_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sealdesk/sync/relay/wasim"
)

func TestProfileSettingsAndUsername(t *testing.T) {
	w := newWire(t, nil)
	at := "/v25.0/" + numberID
	for _, tt := range []struct {
		rule, path string
		body       doc
		code       int
	}{
		{"profile", "/whatsapp_business_profile", doc{"messaging_product": "whatsapp", "about": "Open", "description": "Shop", "email": "a@example.com", "websites": []any{"https://example.com"}, "vertical": "RETAIL"}, 0},
		{"about beyond 139", "/whatsapp_business_profile", doc{"messaging_product": "whatsapp", "about": strings.Repeat("x", 140)}, 100},
		{"three websites", "/whatsapp_business_profile", doc{"messaging_product": "whatsapp", "websites": []any{"https://a.example", "https://b.example", "https://c.example"}}, 131009},
		{"a trade of its own", "/whatsapp_business_profile", doc{"messaging_product": "whatsapp", "vertical": "PIRACY"}, 100},
		{"no product", "/whatsapp_business_profile", doc{"about": "x"}, 100},
		{"identity", "/settings", doc{"user_identity_change": doc{"enabled": true}}, 0},
		{"storage", "/settings", doc{"storage_configuration": doc{"enabled": true, "region": "DE"}}, 0},
		{"two at once", "/settings", doc{"storage_configuration": doc{"enabled": true}, "user_identity_change": doc{"enabled": true}}, 131009},
		{"none", "/settings", doc{}, 131009},
		{"encryption without a key", "/settings", doc{"payload_encryption": doc{"status": "enabled"}}, 131008},
		{"encryption with no key", "/settings", doc{"payload_encryption": doc{"status": "enabled", "client_encryption_key": "x"}}, 131009},
		{"encryption", "/settings", doc{"payload_encryption": doc{"status": "enabled", "client_encryption_key": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"}}, 0},
		{"username", "/username", doc{"messaging_product": "whatsapp", "username": "demo.shop"}, 0},
		{"username too short", "/username", doc{"messaging_product": "whatsapp", "username": "ab"}, 131008},
		{"somebody's username", "/username", doc{"messaging_product": "whatsapp", "username": "sofia.wohnt"}, 131009},
	} {
		if _, _, code := w.call("POST", at+tt.path, tt.body); code != tt.code {
			t.Errorf("%s: %d, want %d", tt.rule, code, tt.code)
		}
	}
	_, answer, _ := w.call("GET", at+"/whatsapp_business_profile?fields=about,vertical", nil)
	if p := answer["data"].([]any)[0].(doc); p["about"] != "Open" || p["vertical"] != "RETAIL" || p["email"] != nil {
		t.Errorf("profile %v", p)
	}
	_, answer, _ = w.call("GET", at+"/settings", nil)
	if answer["payload_encryption"].(doc)["status"] != "enabled" || answer["storage_configuration"].(doc)["data_localization_region"] != "DE" || answer["user_identity_change"].(doc)["enabled"] != true {
		t.Errorf("settings %v", answer)
	}
	if strings.Contains(fmt.Sprint(answer), "PUBLIC KEY") {
		t.Error("the key is given away")
	}
	if _, answer, _ = w.call("GET", at+"/username", nil); answer["username"] != "demo.shop" || answer["status"] != "approved" {
		t.Errorf("username %v", answer)
	}
	if _, _, code := w.call("DELETE", at+"/username", nil); code != 0 {
		t.Error(code)
	}
	if _, answer, _ = w.call("GET", at+"/username", nil); len(answer) != 0 {
		t.Errorf("username %v", answer)
	}

	// the identity setting shows in webhooks, and a new telephone shows as another key
	w.do("emily", wasim.Line{Text: "x"})
	_, before := w.last()
	w.do("emily", wasim.Line{NewIdentity: true})
	system, _ := w.last()
	w.do("emily", wasim.Line{Text: "y"})
	_, after := w.last()
	if before["identity_key_hash"] == nil || before["identity_key_hash"] == after["identity_key_hash"] || system["system"].(doc)["identity"] != after["identity_key_hash"] {
		t.Errorf("keys %v, %v", before["identity_key_hash"], after["identity_key_hash"])
	}
	_, answer, _ = w.call("GET", "/v25.0/"+accountID+"/phone_numbers", nil)
	if n := answer["data"].([]any)[0].(doc); n["id"] != numberID || n["display_phone_number"] != "+493023125100" {
		t.Errorf("numbers %v", n)
	}
}

func TestNoStorageShortensTheRetries(t *testing.T) {
	w := newWire(t, nil)
	if _, _, code := w.call("POST", "/v25.0/"+numberID+"/settings", doc{"storage_configuration": doc{"enabled": false}}); code != 0 {
		t.Fatal(code)
	}
	w.statuses = []int{503, 503, 503, 503, 503, 503, 503, 503, 503, 503, 503}
	w.do("emily", wasim.Line{Text: "x"})
	w.advance(2 * time.Hour)
	if w.sim.Lost() != 1 {
		t.Errorf("%d lost after two hours", w.sim.Lost())
	}
}

func TestOnlyThoseWhoWroteTodayCanBeBlocked(t *testing.T) {
	w := newWire(t, nil)
	at := "/v25.0/" + numberID + "/block_users"
	block := func(method string, users ...doc) (doc, int) {
		var all []any
		for _, u := range users {
			all = append(all, u)
		}
		_, answer, code := w.call(method, at, doc{"messaging_product": "whatsapp", "block_users": all})
		return answer, code
	}
	w.writes("emily")
	w.writes("sofia")
	m, _ := w.last()
	sofia := m["from_user_id"].(string)
	answer, code := block("POST", doc{"user": "+44 7700 900142"}, doc{"user_id": sofia}, doc{"user": "393205550108"}, doc{"user": "15550000000"})
	if code != 139100 {
		t.Errorf("code %d", code)
	}
	b := answer["block_users"].(doc)
	added, failed := b["added_users"].([]any), b["failed_users"].([]any)
	if len(added) != 2 || added[0].(doc)["wa_id"] != emilyNumber || added[1].(doc)["user_id"] != sofia || len(failed) != 2 {
		t.Fatalf("added %v, failed %v", added, failed)
	}
	if c := failed[0].(doc)["errors"].([]any)[0].(doc)["code"]; c != 131047.0 {
		t.Errorf("who did not write: %v", c)
	}
	n := len(w.items("messages", "messages"))
	w.do("emily", wasim.Line{Text: "are you there?"})
	if len(w.items("messages", "messages")) != n {
		t.Error("somebody blocked got through")
	}
	if _, code := w.fates(w.sent(text("x"))); code != 131026 {
		t.Errorf("to somebody blocked: %d", code)
	}
	_, list, _ := w.call("GET", at+"?limit=1", nil)
	if len(list["data"].([]any)) != 1 || list["paging"].(doc)["next"] == nil {
		t.Errorf("list %v", list)
	}
	if answer, code := block("DELETE", doc{"user": emilyNumber}); code != 0 || len(answer["block_users"].(doc)["removed_users"].([]any)) != 1 {
		t.Errorf("unblock: %d", code)
	}
	if _, code := block("DELETE", doc{"user": emilyNumber}); code != 139100 {
		t.Errorf("unblock twice: %d", code)
	}
	w.advance(25 * time.Hour)
	if _, code := block("POST", doc{"user": emilyNumber}); code != 139100 {
		t.Errorf("a day later: %d", code)
	}
	if _, code := block("POST", make([]doc, 0)...); code != 131008 && code != 100 && code != 131009 {
		t.Errorf("nobody: %d", code)
	}
	var crowd []doc
	for range 1001 {
		crowd = append(crowd, doc{"user": emilyNumber})
	}
	if _, code := block("POST", crowd...); code != 131009 {
		t.Errorf("1,001 in a call: %d", code)
	}
}

func TestActivitiesAndHistoryRemember(t *testing.T) {
	w := newWire(t, nil)
	w.writes("emily")
	good := w.sent(text("x"))
	w.settle()
	if err := w.sim.Inject(wasim.Injection{Code: 131026, Async: true, Times: 1}); err != nil {
		t.Fatal(err)
	}
	w.sent(text("y"))
	w.settle()
	_, answer, _ := w.call("GET", "/v25.0/"+numberID+"/message_history?message_id="+good, nil)
	h := answer["data"].([]any)
	if len(h) != 1 || h[0].(doc)["message_id"] != good || len(h[0].(doc)["events"].(doc)["data"].([]any)) != 3 {
		t.Fatalf("history %v", h)
	}
	_, answer, _ = w.call("GET", "/v25.0/"+h[0].(doc)["id"].(string)+"/events?status_filter=READ", nil)
	if e := answer["data"].([]any); len(e) != 1 || e[0].(doc)["delivery_status"] != "READ" {
		t.Errorf("events %v", e)
	}
	_, answer, _ = w.call("GET", "/v25.0/"+numberID+"/message_history", nil)
	if h := answer["data"].([]any); len(h) != 2 || !strings.Contains(fmt.Sprint(h[0]), "FAILED") {
		t.Errorf("history %v", h)
	}
	w.advance(time.Hour)
	w.sim.Act("USER_ADDED", "ADMIN")
	at := "/v25.0/" + accountID + "/activities"
	_, answer, _ = w.call("GET", at+"?since="+morning.Add(time.Minute).Format(time.RFC3339), nil)
	if a := answer["data"].([]any); len(a) != 1 || a[0].(doc)["activity_type"] != "USER_ADDED" || a[0].(doc)["actor_type"] != "ADMIN" {
		t.Errorf("activities %v", a)
	}
	_, answer, _ = w.call("GET", at+"?activity_type=API_ACCESS_GRANTED", nil)
	if a := answer["data"].([]any); len(a) != 1 {
		t.Errorf("by type %v", a)
	}
	if _, _, code := w.call("GET", at+"?since=yesterday", nil); code != 100 {
		t.Errorf("a time that is none: %d", code)
	}
}

func TestASubscriptionCanGoElsewhereOrEnd(t *testing.T) {
	w := newWire(t, nil)
	other := newWire(t, nil) // its webhook knows the other word too
	at := "/v25.0/" + accountID + "/subscribed_apps"
	subscribe := func(to, word string) int {
		_, _, code := w.call("POST", at, doc{"override_callback_uri": to, "verify_token": word})
		return code
	}
	refusing := httptest.NewServer(nil)
	defer refusing.Close()
	if code := subscribe(other.hook.URL, "wrong"); code != 2200 {
		t.Errorf("wrong word: %d", code)
	}
	if code := subscribe(refusing.URL, verifyToken); code != 2200 {
		t.Errorf("no echo: %d", code)
	}
	if code := subscribe("https://relay.example/hook", verifyToken); code != 131009 {
		t.Errorf("another machine: %d", code)
	}
	if _, _, code := w.call("POST", at, doc{"override_callback_uri": other.hook.URL}); code != 131008 && code != 131009 {
		t.Errorf("without a word: %d", code)
	}
	if code := subscribe(other.hook.URL, "another-word"); code != 0 {
		t.Fatal(code)
	}
	w.writes("emily")
	if len(w.items("messages", "messages")) != 0 || len(other.items("messages", "messages")) != 1 {
		t.Error("the override is not followed")
	}
	_, answer, _ := w.call("GET", at, nil)
	if a := answer["data"].([]any)[0].(doc); a["override_callback_uri"] != other.hook.URL {
		t.Errorf("subscribed %v", a)
	}
	if _, _, code := w.call("DELETE", at, nil); code != 0 {
		t.Fatal(code)
	}
	w.writes("emily")
	if n := len(other.items("messages", "messages")); n != 1 {
		t.Errorf("%d after the end", n)
	}
	if _, _, code := w.call("POST", at, nil); code != 0 {
		t.Fatal(code)
	}
	w.writes("emily")
	if n := len(w.items("messages", "messages")); n != 1 {
		t.Errorf("%d after a new beginning", n)
	}
}

func TestTheContactBookDecidesWhoShowsANumber(t *testing.T) {
	w := newWire(t, nil)
	number := func() (from, waID any, user string) {
		w.do("giulia", wasim.Line{Text: "x"})
		m, c := w.last()
		return m["from"], c["wa_id"], m["from_user_id"].(string)
	}
	from, waID, user := number()
	if from != "393475550135" || waID != from {
		t.Errorf("in the book: %v %v", from, waID)
	}
	forget := func(body doc) (doc, int) {
		_, answer, code := w.call("DELETE", "/v25.0/"+numberID+"/contact_book", body)
		return answer, code
	}
	answer, code := forget(doc{"messaging_product": "whatsapp", "bsuid": user})
	if code != 0 || answer["deleted"] != true {
		t.Fatalf("%d %v", code, answer)
	}
	if answer, _ := forget(doc{"messaging_product": "whatsapp", "bsuid": user}); answer["deleted"] != false {
		t.Errorf("twice: %v", answer)
	}
	for _, bad := range []doc{{"messaging_product": "whatsapp"}, {"messaging_product": "whatsapp", "bsuid": "IT.1"}, {"messaging_product": "whatsapp", "bsuid": "393475550135"}} {
		if _, code := forget(bad); code == 0 {
			t.Errorf("took %v", bad)
		}
	}
	w.advance(31 * 24 * time.Hour) // and the 30 days since they met by number pass
	if from, waID, again := number(); from != nil || waID != nil || again != user {
		t.Errorf("forgotten: %v %v", from, waID)
	}
}
