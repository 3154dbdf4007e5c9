package wasim_test

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealdesk/sync/relay/wasim"
)

// FuzzBodies posts anything to every route that reads JSON: each body is answered as Meta answers, and none brings the
// simulator down.
func FuzzBodies(f *testing.F) {
	routes := []string{
		messagesAt, "/v25.0/" + numberID + "/marketing_messages", templatesAt, "/v25.0/700000000000000", "/v25.0/" + numberID + "/block_users",
		"/v25.0/" + numberID + "/settings", "/v25.0/" + numberID + "/whatsapp_business_profile", "/v25.0/" + numberID + "/username",
		"/v25.0/" + numberID + "/register",
	}
	for i, seed := range []string{
		`{"messaging_product":"whatsapp","to":"447700900142","type":"text","text":{"body":"x"},"context":{"message_id":"wamid.x"}}`,
		`{"messaging_product":"whatsapp","to":"447700900142","type":"interactive","interactive":{"type":"list","body":{"text":"x"},"action":{"button":"b","sections":[{"rows":[{"id":"1","title":"t"}]}]}}}`,
		`{"messaging_product":"whatsapp","to":"447700900142","type":"template","template":{"name":"follow_up","language":{"code":"en"},"components":[{"type":"body","parameters":[{"type":"text","text":"x"}]}]}}`,
		`{"messaging_product":"whatsapp","status":"read","message_id":"wamid.x","typing_indicator":{"type":"text"}}`,
		`{"name":"x","category":"UTILITY","language":"en","components":[{"type":"BODY","text":"Hi {{1}}.","example":{"body_text":[["x"]]}}]}`,
		`{"messaging_product":"whatsapp","block_users":[{"user":"447700900142"}]}`, `{"payload_encryption":{"status":"enabled"}}`, `[]`, `null`, `{"type":7}`,
	} {
		f.Add(uint8(i), seed)
	}
	f.Fuzz(func(t *testing.T, route uint8, body string) {
		sim, err := wasim.New(wasim.Config{
			Clock: wasim.NewVirtual(morning), AppSecret: appSecret, VerifyToken: verifyToken, Token: bearer, Account: accountID,
			Numbers: []wasim.Number{{ID: numberID, Display: "493023125100", Name: "Demo"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("POST", routes[int(route)%len(routes)], strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+bearer)
		w := httptest.NewRecorder()
		sim.ServeHTTP(w, r)
		var answer map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code >= 500 || (w.Code == 200) != (answer["error"] == nil) {
			t.Errorf("status %d, %v", w.Code, err)
		}
	})
}

// A schema that lets unknown members pass would be more lenient than Meta without anybody noticing: every object that lists
// its members must close itself. Exempt are the objects that only narrow another one, which carry no type.
func TestSchemasAreClosed(t *testing.T) {
	files, err := filepath.Glob("testdata/schema/*.json")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d schemas, %v", len(files), err)
	}
	var walk func(where string, v any)
	walk = func(where string, v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(where, e)
			}
		case map[string]any:
			if v["type"] == "object" && v["properties"] != nil && v["additionalProperties"] != false && !strings.HasSuffix(where, "/date_time") {
				t.Errorf("%s is open", where)
			}
			for k, e := range v {
				walk(where+"/"+k, e)
			}
		}
	}
	for _, name := range files {
		raw := must[[]byte](t)(os.ReadFile(name))
		var v any
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !strings.Contains(string(raw), `"$comment"`) {
			t.Errorf("%s does not say where it comes from", name)
		}
		walk(filepath.Base(name), v)
	}
}
