package whatsapp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
)

func signed(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func TestSignatureIsOverTheRawBytes(t *testing.T) {
	const body = `{"text":"gr\u00fc\u00dfe \ud83d\ude0a a\/b"}`
	one, two := NewAppSecret("first"), NewAppSecret("second")
	for _, tt := range []struct {
		rule, body, header string
		secrets            []AppSecret
		ok                 bool
	}{
		{"good", body, signed("first", body), []AppSecret{one}, true},
		{"either secret during a rotation", body, signed("second", body), []AppSecret{one, two}, true},
		{"old secret after it", body, signed("first", body), []AppSecret{two}, false},
		{"escapes respelled", `{"text":"grüße 😊 a/b"}`, signed("first", body), []AppSecret{one}, false},
		{"missing header", body, "", []AppSecret{one}, false},
		{"SHA-1 header", body, "sha1=" + strings.Repeat("0", 40), []AppSecret{one}, false},
		{"short", body, signed("first", body)[:70], []AppSecret{one}, false},
		{"not hex", body, "sha256=" + strings.Repeat("z", 64), []AppSecret{one}, false},
		{"no secret", body, signed("", body), nil, false},
		{"empty secret", body, signed("", body), []AppSecret{{}}, false},
		{"empty secret beside a good one", body, signed("first", body), []AppSecret{{}, one}, true},
		{"one bit", body + " ", signed("first", body), []AppSecret{one}, false},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			if err := VerifySignature([]byte(tt.body), tt.header, tt.secrets...); (err == nil) != tt.ok {
				t.Errorf("err = %v", err)
			}
		})
	}
}

func TestHandshakeEchoesOnlyForTheRightToken(t *testing.T) {
	for _, tt := range []struct {
		rule, query string
		token       VerifyToken
		want        string
	}{
		{"good", "hub.mode=subscribe&hub.verify_token=word&hub.challenge=1158201444", NewVerifyToken("word"), "1158201444"},
		{"wrong token", "hub.mode=subscribe&hub.verify_token=Word&hub.challenge=1", NewVerifyToken("word"), ""},
		{"no token configured", "hub.mode=subscribe&hub.verify_token=&hub.challenge=1", VerifyToken{}, ""},
		{"wrong mode", "hub.mode=unsubscribe&hub.verify_token=word&hub.challenge=1", NewVerifyToken("word"), ""},
		{"no challenge", "hub.mode=subscribe&hub.verify_token=word", NewVerifyToken("word"), ""},
		{"markup for a challenge", "hub.mode=subscribe&hub.verify_token=word&hub.challenge=%3Cscript%3E", NewVerifyToken("word"), ""},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			q, err := url.ParseQuery(tt.query)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Challenge(q, tt.token)
			if got != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	const canary = "491715550147"
	type holder struct {
		ID     MessageID
		hidden WaID
		Map    map[string]UserID
	}
	msg := Message{
		ID: NewMessageID(canary), From: Identity{WaID: NewWaID(canary), Name: NewName(canary)}, Body: Text{Body: canary}, Raw: Raw(canary),
		Type: "text", account: canary,
	}
	values := []any{
		NewToken(canary), NewAppSecret(canary), NewVerifyToken(canary), NewPhone(canary), NewWaID(canary), NewUserID(canary),
		NewUsername(canary), NewName(canary), NewMessageID(canary), NewMediaID(canary), NewMediaURL(canary), NewGroupID(canary), Raw(canary),
		msg, &msg, []Message{msg}, Text{Body: canary}, Media{Caption: canary, ID: NewMediaID(canary)}, Location{Address: canary}, Cards{Cards: []Card{{VCard: canary}}},
		CardPhone{Phone: NewPhone(canary)}, Status{ID: NewMessageID(canary), Raw: Raw(canary)}, Change{Raw: Raw(canary)}, Delivery{Changes: []Change{{Messages: []Message{msg}}}},
		Fault{Details: canary}, Outgoing{Phone: NewPhone(canary), Content: SendText{Body: canary}}, SendText{Body: canary}, System{Text: canary},
		SendResult{ID: NewMessageID(canary)}, MediaInfo{URL: NewMediaURL(canary)},
		holder{ID: NewMessageID(canary), hidden: NewWaID(canary), Map: map[string]UserID{"a": NewUserID(canary)}},
	}
	for i, v := range values {
		var out strings.Builder
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		j, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(j)
		for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(h).Info("m", "v", v, "any", slog.AnyValue(v))
		}
		if s := out.String(); strings.Contains(s, canary) || strings.Contains(strings.ToLower(s), hex.EncodeToString([]byte(canary))) ||
			strings.Contains(s, "52 57 49") { // the digits as numbers
			t.Errorf("value %d (%T) leaks", i, v)
		}
	}
	if NewWaID(canary).Reveal() != canary || !NewWaID("").IsZero() || !NewWaID(canary).Equal(NewWaID(canary)) {
		t.Error("a secret does not come back")
	}
}
