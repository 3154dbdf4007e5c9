package whatsapp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestANumberTellsHowMuchItMaySend(t *testing.T) {
	for rule, tt := range map[string]struct {
		answer   string
		limit    string
		coexists bool
		speed    int
	}{
		"standard":      {`"throughput":{"level":"STANDARD"},"whatsapp_business_manager_messaging_limit":"TIER_2K","messaging_limit_tier":"TIER_250","platform_type":"CLOUD_API"`, "TIER_2K", false, 80},
		"raised":        {`"throughput":{"level":"HIGH"},"messaging_limit_tier":"TIER_100K","platform_type":"CLOUD_API"`, "TIER_100K", false, 1000},
		"in the app":    {`"throughput":{"level":"HIGH"},"is_on_biz_app":true,"platform_type":"CLOUD_API"`, "", true, 20},
		"only the app":  {`"is_on_biz_app":true,"platform_type":"NOT_APPLICABLE"`, "", false, 80},
		"not a word":    {`"id":"1"`, "", false, 80},
		"others beside": {`"name_status":"APPROVED","status":"CONNECTED","unknown":[1]`, "", false, 80},
	} {
		m := newMeta(t, `{"display_phone_number":"+49 30 23125100","verified_name":"Example Works","quality_rating":"GREEN",`+tt.answer+`}`)
		n, err := testClient(t, m.URL, nil).Number(context.Background(), "106540352242922")
		if err != nil || n.MessagingLimit() != tt.limit || n.Coexists() != tt.coexists || n.MessagesPerSecond() != tt.speed {
			t.Errorf("%s: %+v, %v", rule, n, err)
		}
		if n.VerifiedName != "Example Works" || n.QualityRating != "GREEN" || m.asked != 1 {
			t.Errorf("%s: basics, asked %d times", rule, m.asked)
		}
	}
}

func TestANumberIsKnownToOldVersionsToo(t *testing.T) {
	m := newMeta(t, `{"error":{"code":100}}`, `{"error":{"code":100}}`, `{"display_phone_number":"+49 30 23125100"}`)
	n, err := testClient(t, m.URL, nil).Number(context.Background(), "1")
	if err != nil || n.DisplayPhoneNumber == "" || m.asked != 3 || m.query != "fields=display_phone_number,verified_name,quality_rating" {
		t.Errorf("asked %d times, %v", m.asked, err)
	}
	m = newMeta(t, `{"error":{"code":190}}`)
	var api *APIError
	if _, err := testClient(t, m.URL, nil).Number(context.Background(), "1"); !errors.As(err, &api) || api.Class != ClassAuth || m.asked != 1 {
		t.Errorf("bad token: asked %d times, %v", m.asked, err)
	}
	if _, err := testClient(t, newMeta(t, `{"error":{"code":100}}`).URL, nil).Number(context.Background(), "1"); OutcomeOf(err) != OutcomeRefused {
		t.Errorf("no such number: %v", err)
	}
}

func TestSubscriptions(t *testing.T) {
	ctx := context.Background()
	m := newMeta(t, `{"data":[{"whatsapp_business_api_data":{"id":"7","name":"Sealdesk"},"override_callback_uri":"https://relay.example/hook"},{"id":"8","name":"Another"}]}`)
	got, err := testClient(t, m.URL, nil).SubscribedApps(ctx, "102290129340398")
	if diff := cmp.Diff([]SubscribedApp{{"7", "Sealdesk", "https://relay.example/hook"}, {"8", "Another", ""}}, got); diff != "" || err != nil {
		t.Errorf("%s, %v", diff, err)
	}
	m = newMeta(t, `{"success":true}`)
	c := testClient(t, m.URL, nil)
	if err := c.Subscribe(ctx, "102290129340398", "", VerifyToken{}); err != nil || m.path != "/v25.0/102290129340398/subscribed_apps" {
		t.Errorf("%s: %v", m.path, err)
	}
	equalJSON(t, `{}`, string(m.body))
	if err := c.Subscribe(ctx, "1", "https://relay.example/hook", NewVerifyToken("word")); err != nil {
		t.Error(err)
	}
	equalJSON(t, `{"override_callback_uri":"https://relay.example/hook","verify_token":"word"}`, string(m.body))
	for _, err := range []error{c.Subscribe(ctx, "1", "http://relay.example/hook", NewVerifyToken("w")), c.Subscribe(ctx, "1", "https://relay.example", VerifyToken{})} {
		if !errors.Is(err, ErrRequest) {
			t.Errorf("err = %v", err)
		}
	}
}

func TestSettings(t *testing.T) {
	ctx := context.Background()
	m := newMeta(t, `{"calling":{"status":"enabled","sip":{"servers":[{"password":"x"}]}},"payload_encryption":{"status":"enabled","client_encryption_key_fingerprint":"ab"},
		"storage_configuration":{"status":"in_country_storage_enabled","data_localization_region":"DE"},"user_identity_change":{"enabled":true}}`)
	got, err := testClient(t, m.URL, nil).Settings(ctx, "1")
	if want := (Settings{true, "ab", "in_country_storage_enabled", "DE", true}); err != nil || got != want || m.query != "" {
		t.Errorf("%+v, %v", got, err)
	}
	m = newMeta(t, `{"success":true}`)
	for on, want := range map[bool]string{true: `{"user_identity_change":{"enabled":true}}`, false: `{"user_identity_change":{"enabled":false}}`} {
		if err := testClient(t, m.URL, nil).SetIdentityChange(ctx, "1", on); err != nil || m.method != "POST" || m.path != "/v25.0/1/settings" {
			t.Errorf("%s %s: %v", m.method, m.path, err)
		}
		equalJSON(t, want, string(m.body))
	}
}

func TestActivitiesTellWhatNotWho(t *testing.T) {
	m := newMeta(t, `{"data":[{"id":"1","activity_type":"USER_ADDED","timestamp":"2026-11-20T10:00:00+0000","actor_type":"USER","actor_name":"Katharina Weber","ip_address":"192.0.2.1"}]}`)
	got, err := testClient(t, m.URL, nil).Activities(context.Background(), "1", time.Unix(1763600000, 0))
	want := []Activity{{"1", "USER_ADDED", time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC), "USER"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil || strings.Contains(fmt.Sprint(got), "Weber") {
		t.Errorf("%s, %v", diff, err)
	}
	if q, _ := url.ParseQuery(m.query); q.Get("since") != "2025-11-20T00:53:20Z" || strings.Contains(q.Get("fields"), "name") {
		t.Errorf("asked %s", m.query)
	}
}

func TestMessageHistoryIsOfTheOneMessage(t *testing.T) {
	m := newMeta(t, `{"data":[{"message_id":"`+outboundID+`","events":{"data":[{"delivery_status":"SENT","timestamp":1640995200},{"delivery_status":"DELIVERED","timestamp":"1640995260"}]}},
		{"message_id":"wamid.other","events":{"data":[{"delivery_status":"READ","timestamp":1}]}}]}`)
	c := testClient(t, m.URL, nil)
	got, err := c.MessageHistory(context.Background(), "1", NewMessageID(outboundID))
	want := []PastState{{StateSent, time.Unix(1640995200, 0).UTC()}, {StateDelivered, time.Unix(1640995260, 0).UTC()}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%s, %v", diff, err)
	}
	if q, _ := url.ParseQuery(m.query); q.Get("message_id") != outboundID {
		t.Error("asked about another message")
	}
	if _, err := c.MessageHistory(context.Background(), "1", MessageID{}); !errors.Is(err, ErrRequest) {
		t.Errorf("everybody's: %v", err)
	}
}

func TestBlockingTellsWhatBecameOfEach(t *testing.T) {
	ctx := context.Background()
	people := []Identity{
		{Phone: NewPhone("15550100")}, {Phone: NewPhone("15550101"), WaID: NewWaID("15550102")}, {UserID: NewUserID(customerUser)},
		{Phone: NewPhone("15550103"), UserID: NewUserID("US.2")}, {Phone: NewPhone("15550104")},
	}
	m := newMeta(t, `{"messaging_product":"whatsapp","block_users":{"added_users":[{"input":"+1 555 0100","wa_id":"15550100"},{"user_id":"`+customerUser+`"}],
		"failed_users":[{"input":"15550102","wa_id":"15550102","errors":[{"message":"x 15550102","code":139100,"error_data":{"details":"15550102"}}]},{"input":"15550103"}]}}`)
	c := testClient(t, m.URL, nil)
	got, err := c.Block(ctx, "1", people)
	want := []BlockOutcome{{Done: true}, {Code: 139100}, {Done: true}, {}, {}} // the last one Meta forgot to mention
	if diff := cmp.Diff(want, got); diff != "" || err != nil || m.method != "POST" || m.path != "/v25.0/1/block_users" {
		t.Errorf("%s, %v", diff, err)
	}
	equalJSON(t, `{"messaging_product":"whatsapp","block_users":[{"user":"15550100"},{"user":"15550102"},{"user_id":"`+customerUser+`"},{"user":"15550103"},{"user":"15550104"}]}`, string(m.body))
	m = newMeta(t, `{"block_users":{"removed_users":[{"input":"15550100","wa_id":"15550100"}]}}`)
	if got, err := testClient(t, m.URL, nil).Unblock(ctx, "1", people[:1]); err != nil || len(got) != 1 || !got[0].Done || m.method != "DELETE" || len(m.body) == 0 {
		t.Errorf("%s: %v, %v", m.method, got, err)
	}
	for _, who := range [][]Identity{nil, {{}}, {{Name: NewName("x")}}, make([]Identity, MaxBlockedPerCall+1)} {
		if _, err := c.Block(ctx, "1", who); !errors.Is(err, ErrRequest) {
			t.Errorf("%d people: %v", len(who), err)
		}
	}
	m = newMeta(t, `{"data":[{"messaging_product":"whatsapp","wa_id":"15550100"},{"user_id":"`+customerUser+`"}],"paging":{"cursors":{"after":"A"}}}`)
	all, err := testClient(t, m.URL, nil).Blocked(ctx, "1")
	if err != nil || len(all) != 2 || all[0].Number().Reveal() != "15550100" || all[1].UserID.Reveal() != customerUser {
		t.Errorf("%d blocked, %v", len(all), err)
	}
}

func TestNothingOfTheAccountsRoutesPrintsAPerson(t *testing.T) {
	const canary = "491715550147"
	for _, v := range []any{
		Card{Department: canary}, CallPermission{}, Unsupported{Kind: canary}, Context{UserID: NewUserID(canary)}, Referral{ClickID: canary, ImageURL: canary},
		SendMedia{Caption: canary}, SendLocation{Name: canary}, SendCards{Cards: []Card{{FormattedName: canary}}}, SendInteractive{Body: canary, Header: &Header{Text: canary}},
		Header{Text: canary}, Choice{Title: canary}, ReplyButtons{[]Choice{{Title: canary}}}, LinkButton{URL: canary}, ChoiceList{Button: canary, Sections: []Section{{Title: canary}}}, SendTemplate{Components: []TemplateComponent{{Parameters: []TemplateParameter{{Text: canary}}}}},
		TemplateParameter{Text: canary}, Value{Text: canary}, Preview{Body: canary}, AccountUpdate{PhoneNumber: canary}, AccountAlert{Description: canary},
		NumberQuality{DisplayPhoneNumber: canary}, NumberName{DisplayPhoneNumber: canary}, SecurityEvent{Requester: canary}, TemplateStatusChange{Description: canary},
		TemplateContentChange{Body: canary}, Message{Errors: []Fault{{Details: canary}}},
	} {
		j, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if s := fmt.Sprintf("%v %+v %#v %s", v, v, v, j); strings.Contains(s, canary) {
			t.Errorf("%T leaks", v)
		}
	}
}
