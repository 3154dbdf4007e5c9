package whatsapp

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What all fixtures share.
const (
	customer     = "491715550147"
	customerUser = "DE.13491208655302741918"
	inboundID    = "wamid.HBgMNDkxNzE1NTUwMTQ3FQIAEhgUM0E0QTY1OTlBRUUwMzgxMDE0NDAA"
	outboundID   = "wamid.HBgMNDkxNzE1NTUwMTQ3FQIAERgSM0E0QTY1OTlBRUUwMzgxMDE0AA=="
)

var fileDigest, _ = hex.DecodeString("49f227634806293b0995459bc310b593e1400f41591efcf07e9bced335f41942")

func read(t *testing.T, name string) Change {
	t.Helper()
	var compact bytes.Buffer
	if err := json.Compact(&compact, fixtures(t)[name]); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	d, err := Decode(compact.Bytes())
	if err != nil || len(d.Changes) != 1 {
		t.Fatalf("%s: %d changes, %v", name, len(d.Changes), err)
	}
	return d.Changes[0]
}

// same compares values with their secrets revealed.
func same(t *testing.T, want, got any) {
	t.Helper()
	if diff := cmp.Diff(shown(want), shown(got)); diff != "" {
		t.Error(diff)
	}
}

func shown(v any) string {
	if v == nil {
		return "nil"
	}
	var b strings.Builder
	show(&b, "", reflect.ValueOf(v))
	return b.String()
}

func wam(s string) MessageID { return NewMessageID(s) }

func TestEveryInboundBodyOfTheContractDecodesToItsValue(t *testing.T) {
	file := func(kind MediaKind, id, mime string) Media {
		return Media{Kind: kind, ID: NewMediaID(id), MIME: mime, SHA256: fileDigest}
	}
	image := file(Image, "1003383421387256", "image/jpeg")
	image.Caption, image.URL = "Der Heizungsraum", NewMediaURL("https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1003383421387256")
	document := file(Document, "1003383421387260", "application/pdf")
	document.Filename, document.Caption = "Rechnung Weber.pdf", "siehe Seite 2"
	voice := file(Audio, "1003383421387258", "audio/ogg; codecs=opus")
	legacy := file(Audio, "1003383421387259", "audio/ogg; codecs=opus")
	voice.Voice, legacy.Voice = true, true
	sticker := file(Sticker, "1003383421387261", "image/webp")
	sticker.Animated = true
	unsupported := []Fault{{
		Code: 131051, Title: "Message type unknown", Message: "Message type unknown", Details: "Message type is currently not supported.",
	}}
	older := wam("wamid.HBgMNDkxNzE1NTUwMTQ3FQIAEhgUM0E0QTY1OTlBRUUwMzgxMDk5OTkA")
	answer := &Context{From: NewPhone("493023125100"), ID: wam(outboundID)}
	for name, want := range map[string]Message{
		"text":                {Body: Text{Body: "Grüße 😊, Preis/Angebot? Tel. 0171 555 01 47"}},
		"image":               {Body: image},
		"video":               {Body: file(Video, "1003383421387257", "video/mp4")},
		"audio_voice":         {Body: voice},
		"voice_legacy":        {Body: legacy},
		"document":            {Body: document},
		"sticker":             {Body: sticker},
		"location":            {Body: Location{Latitude: 46.4983, Longitude: 11.3548, Name: "Casa", Address: "Via dei Portici 12", URL: "https://example.org"}},
		"button_reply":        {Body: Reply{Kind: ButtonReply, ID: "yes", Title: "Ja"}, Context: answer},
		"list_reply":          {Body: Reply{Kind: ListReply, ID: "mon", Title: "Montag", Description: "vormittags"}, Context: answer},
		"flow_reply":          {Body: FlowReply{Name: "flow", Body: "Sent", Response: `{"phone":"+491715550147"}`}, Context: answer},
		"call_permission":     {Body: CallPermission{Granted: true, Until: time.Unix(1750021183, 0).UTC()}, Context: answer},
		"interactive_unknown": {Body: Unknown{}},
		"button":              {Body: Button{Payload: "STOP", Text: "Stop promotions"}, Context: answer},
		"reaction":            {Body: Reaction{Target: wam(outboundID), Emoji: "👍🏽"}},
		"reaction_removed":    {Body: Reaction{Target: wam(outboundID)}},
		"order": {Body: Order{CatalogID: "194836987003835", Text: "asap", Items: []OrderItem{
			{SKU: "di9ozbzfi4", Quantity: 2, Price: 30, Currency: "EUR"}, {SKU: "nqryix03ez", Quantity: 1, Price: 25.5, Currency: "EUR"},
		}}},
		"contacts_requested": {Body: Cards{Cards: []Card{{
			FormattedName: "Katharina Weber", FirstName: "Katharina", LastName: "Weber", Company: "Example Works", Department: "Purchasing", Role: "Buyer",
			Birthday: "1980-02-29", Phones: []CardPhone{{Phone: NewPhone("+49 171 5550147"), WaID: NewWaID(customer), Type: "CELL"}},
			Emails: []string{"k@example.com"}, URLs: []string{"https://example.com"}, VCard: "BEGIN:VCARD", Origin: "contact_request",
		}}}},
		"system_number": {Body: System{
			Kind: "user_changed_number", Text: "User Katharina Weber changed from 491715550147 to 491715550148",
			Now:    Identity{Phone: NewPhone("491715550148"), WaID: NewWaID("491715550148"), UserID: NewUserID("DE.2")},
			Before: Identity{UserID: NewUserID(customerUser)},
		}},
		"system_user_id": {Body: System{
			Kind: "user_changed_user_id", Text: "User changed", Now: Identity{UserID: NewUserID("DE.3")}, Before: Identity{UserID: NewUserID(customerUser)},
		}},
		"system_identity":    {Body: System{Kind: "customer_identity_changed", Text: "Identity changed", Now: Identity{KeyHash: "cGxhY2Vob2xkZXI="}}},
		"revoke":             {Body: Revoke{Target: wam(inboundID)}},
		"edit":               {Body: Edit{Target: wam(inboundID), New: Text{Body: "corrected"}}},
		"edit_bare":          {Body: Edit{Target: older, New: Text{Body: "corrected"}}},
		"edit_media":         {Body: Edit{Target: older, New: Media{Kind: Image, ID: NewMediaID("1003383421387256"), MIME: "image/jpeg", Caption: "the other side"}}},
		"edit_strange":       {Body: Edit{Target: older}},
		"unsupported":        {Body: Unsupported{Errors: unsupported}, Errors: unsupported},
		"unsupported_kind":   {Body: Unsupported{Kind: "poll_creation", Errors: unsupported}, Errors: unsupported},
		"request_welcome":    {Body: Welcome{}},
		"media_placeholder":  {Body: Unknown{}},
		"unknown_type":       {Body: Unknown{}},
		"group_text":         {Body: Text{Body: "hello all"}, Group: NewGroupID("120363012345678901")},
		"text_quote_forward": {Body: Text{Body: "this one"}, Context: &Context{From: NewPhone("493023125100"), ID: wam(outboundID), Forwarded: true}},
		"text_context_bsuid": {Body: Text{Body: "hello"}, Context: &Context{UserID: NewUserID(customerUser), ID: wam(outboundID), Forwarded: true, FrequentlyForwarded: true}},
		"text_product": {Body: Text{Body: "Is it in stock?"}, Context: &Context{
			From: NewPhone("493023125100"), ID: wam(outboundID), CatalogID: "194836987003835", ProductSKU: "hp-9",
		}},
		"text_referral": {Body: Text{Body: "Hi"}, Referral: &Referral{
			SourceURL: "https://fb.me/3cr4Wqqkv", SourceID: "120226305854810726", SourceType: "ad", Headline: "Heat pumps", Body: "Now", MediaType: "image",
			ImageURL: "https://scontent.example/1", ClickID: "Aff-n8ZTODiE79d22KtAwQKj9e", Welcome: "Hello!",
		}},
		"text_referral_video": {Body: Text{Body: "hello"}, Referral: &Referral{
			SourceURL: "https://fb.example/3cr4", SourceID: "120226305854810726", SourceType: "post", Headline: "Chat with us", Body: "Summer", MediaType: "video",
			VideoURL: "https://cdn.example/v.mp4", ThumbnailURL: "https://cdn.example/v.jpg", ClickID: "Aff-n8ZT",
		}},
		"text_with_errors": {Body: Text{Body: "hello"}, Errors: []Fault{{
			Code: 131060, Title: "This message is currently unavailable", Message: "This message is currently unavailable", Details: "Ask 491715550147 to send it again",
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			c := read(t, name)
			if len(c.Messages) != 1 || c.Notice != nil {
				t.Fatalf("%d messages, notice %T", len(c.Messages), c.Notice)
			}
			got := c.Messages[0]
			if got.ID.IsZero() || got.At.IsZero() || got.From.IsZero() {
				t.Error("message without id, time or writer")
			}
			same(t, want, Message{Body: got.Body, Context: got.Context, Referral: got.Referral, Errors: got.Errors, Group: got.Group})
		})
	}
}

func TestAPersonIsKnownByWhatMetaShowsWhereverItStands(t *testing.T) {
	weber := NewName("Katharina Weber")
	for name, want := range map[string]Identity{
		"text": {Phone: NewPhone(customer), WaID: NewWaID(customer), UserID: NewUserID(customerUser), Name: weber},
		"user_id_only": {
			UserID: NewUserID(customerUser), ParentUserID: NewUserID("DE.ENT.11881"), Username: NewUsername("sofia.wohnt"), Name: NewName("Sofia"), KeyHash: "aGFzaA==",
		},
		"user_id_in_from":     {UserID: NewUserID(customerUser), Name: NewName("Sofia")},
		"text_parent_in_from": {UserID: NewUserID(customerUser), ParentUserID: NewUserID("DE.ENT.118720934")},
		"wa_id_differs":       {Phone: NewPhone("551155550101"), WaID: NewWaID("5511955550101"), Name: NewName("Ana")},
		"text_key_hash":       {Phone: NewPhone(customer), WaID: NewWaID(customer), UserID: NewUserID(customerUser), Name: weber, KeyHash: "DF2lS5v2W6x="},
	} {
		t.Run(name, func(t *testing.T) {
			from := read(t, name).Messages[0].From
			same(t, want, from)
			if n := from.Number().Reveal(); strings.Contains(n, ".") || want.WaID.IsZero() != (n == "") || !want.WaID.IsZero() && n != want.WaID.Reveal() {
				t.Error("number of the person")
			}
		})
	}
}

func TestMillisecondsAreTakenForWhatTheyAre(t *testing.T) {
	want := time.Date(2025, 6, 8, 20, 59, 43, 123e6, time.UTC)
	if at := read(t, "text_milliseconds").Messages[0].At; !at.Equal(want) {
		t.Errorf("message at %v", at)
	}
	if at := read(t, "status_milliseconds").Statuses[0].At; !at.Equal(time.UnixMilli(1749416400999)) {
		t.Errorf("status at %v", at)
	}
	for s, want := range map[string]int64{"1749416383": 1749416383, "1749416383000": 1749416383, "1749416383000000": 0, "-1": 0, "": 0, "soon": 0, "9999999999999999999": 0} {
		if at := seconds(s); at.IsZero() != (want == 0) || want != 0 && at.Unix() != want {
			t.Errorf("%q is %v", s, at)
		}
	}
}

func TestEveryStatusOfTheContractDecodesToItsValue(t *testing.T) {
	sent := time.Unix(1749416400, 0).UTC()
	known := Identity{Phone: NewPhone(customer), WaID: NewWaID(customer), UserID: NewUserID(customerUser)}
	named := known
	named.Username, named.Name = NewUsername("kat.w"), NewName("Katharina Weber")
	number := Identity{Phone: NewPhone(customer), WaID: NewWaID(customer)}
	for name, want := range map[string]Status{
		"status_sent": {
			State: StateSent, Recipient: known, Callback: "row-7f3a", ConversationID: "9f2c", ConversationOrigin: "service",
			ConversationUntil: time.Unix(1749502800, 0).UTC(), Pricing: &Pricing{Model: "PMP", Category: "service", Type: "free_customer_service"},
		},
		"status_conversation": {
			State: StateSent, Recipient: known, Callback: "row-17", ConversationID: "c0ffee", ConversationOrigin: "service",
			ConversationUntil: time.Unix(1749502800, 0).UTC(), Pricing: &Pricing{Billable: true, Model: "PMP", Category: "utility", Type: "regular"},
		},
		"status_free_entry": {
			State: StateDelivered, Recipient: number, ConversationID: "feed", ConversationOrigin: "referral_conversion",
			ConversationUntil: time.Unix(1749675600, 0).UTC(), Pricing: &Pricing{Model: "PMP", Category: "referral_conversion", Type: "free_entry_point"},
		},
		"status_delivered":          {State: StateDelivered, Recipient: named, Pricing: &Pricing{Billable: true, Model: "PMP", Category: "utility", Type: "regular"}},
		"status_read":               {State: StateRead, Recipient: known},
		"status_played":             {State: StatePlayed, Recipient: known},
		"status_group":              {State: StateDelivered, Recipient: number, Group: NewGroupID("Y2FwaV9ncm91cDox")},
		"status_bsuid_in_recipient": {State: StateDelivered, Recipient: Identity{UserID: NewUserID(customerUser)}},
		"status_no_recipient":       {State: StateFailed, Errors: []Fault{{Code: 131026}}},
		"status_failed": {State: StateFailed, Recipient: number, Errors: []Fault{{
			Code: 131047, Title: "Re-engagement message", Message: "Re-engagement message", Details: "Message to 491715550147 failed",
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := read(t, name).Statuses[0]
			want.ID, want.At, got.Raw = wam(outboundID), sent, nil
			same(t, want, got)
		})
	}
}

func TestEchoesSayWhatTheCompanyWroteElsewhere(t *testing.T) {
	for name, want := range map[string]Body{
		"echo":        Text{Body: "from the app"},
		"echo_revoke": Revoke{Target: wam(outboundID)},
		"echo_edit":   Edit{Target: wam(outboundID), New: Text{Body: "corrected in the app"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := read(t, name)
			if len(c.Echoes) != 1 || len(c.Messages) != 0 || c.Notice != nil {
				t.Fatalf("%d echoes, %d messages", len(c.Echoes), len(c.Messages))
			}
			same(t, want, c.Echoes[0].Body)
			same(t, Identity{Phone: NewPhone(customer), WaID: NewWaID(customer), UserID: NewUserID(customerUser)}, c.Echoes[0].To)
		})
	}
}

func TestEveryNoticeOfTheAccountDecodesToItsValue(t *testing.T) {
	ref := TemplateRef{ID: "1689556908129832", Name: "follow_up", Language: "de"}
	alert := AccountAlert{Severity: "CRITICAL", Status: "ACTIVE", Type: "OBA_APPROVED", Description: "Look at the console"}
	flat := alert
	alert.Entity, alert.EntityID, flat.Entity, flat.EntityID = "PHONE_NUMBER", "106540352242922", "WABA", "102290129340398"
	for name, want := range map[string]Notice{
		"template_status":          TemplateStatusChange{Template: ref, Event: TemplateApproved},
		"template_rejected":        TemplateStatusChange{Template: ref, Event: TemplateRejected, Reason: "INVALID_FORMAT", Description: "Put words between the variables"},
		"template_paused":          TemplateStatusChange{Template: ref, Event: TemplatePaused, Title: "FIRST_PAUSE", Description: "Paused for 3 hours"},
		"template_disabled":        TemplateStatusChange{Template: ref, Event: TemplateDisabled, Disabled: time.Unix(1750000000, 0).UTC()},
		"template_quality":         TemplateQualityChange{Template: ref, Previous: QualityGreen, New: QualityYellow},
		"template_category":        TemplateCategoryChange{Template: ref, Previous: Utility, New: Marketing},
		"template_category_coming": TemplateCategoryChange{Template: ref, New: Utility, Correct: Marketing},
		"template_components": TemplateContentChange{Template: ref, Header: "News", Body: "Hello {{1}}", Footer: "Example Works", Buttons: []TemplateButton{
			{Type: ButtonURL, Text: "Open", URL: "https://example.com/{{1}}"}, {Type: ButtonPhone, Text: "Call", PhoneNumber: "+493023125100"},
		}},
		"number_quality": NumberQuality{DisplayPhoneNumber: "493023125100", Event: "UPGRADE", OldLimit: "TIER_2K", Limit: "TIER_100K"},
		"number_name":    NumberName{DisplayPhoneNumber: "493023125100", Decision: "REJECTED", Requested: "Example Works", Reason: "NAME_NOT_ALLOWED"},
		"account_restricted": AccountUpdate{Event: "ACCOUNT_RESTRICTION", PhoneNumber: "493023125100", Violation: "SPAM", Restrictions: []Restriction{
			{Type: "RESTRICTED_BIZ_INITIATED_MESSAGING", Until: time.Unix(1749502800, 0).UTC()}, {Type: "RESTRICTED_ADD_PHONE_NUMBER_ACTION"},
		}},
		"account_banned":     AccountUpdate{Event: "DISABLED_UPDATE", BanState: "SCHEDULE_FOR_DISABLE", BanDate: "June 30, 2025"},
		"account_alert":      alert,
		"account_alert_flat": flat,
		"account_review":     AccountReview{Decision: "APPROVED"},
		"capability":         Capability{DailyConversations: "TIER_2K", PhoneNumbers: 25},
		"capability_old":     Capability{DailyConversations: "1000", PhoneNumbers: 2},
		"security":           SecurityEvent{DisplayPhoneNumber: "493023125100", Event: "PIN_RESET_REQUEST", Requester: "61555219245"},
		"history":            Declined{"history", ReasonMassData},
		"app_state_sync":     Declined{"smb_app_state_sync", ReasonMassData},
		"standby":            Declined{"standby", ReasonElsewhere},
		"flows":              Declined{"flows", ReasonNotOffered},
		"calls":              Declined{"calls", ReasonNotOffered},
		"group_lifecycle":    Declined{"group_lifecycle_update", ReasonNotOffered},
		"unknown_field":      Declined{"moon_phase", ReasonUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			c := read(t, name)
			same(t, want, c.Notice)
			if len(c.Raw) == 0 || c.AccountID == "" {
				t.Error("a notice lost where it came from")
			}
			if len(c.Messages) != 0 && name != "standby" {
				t.Error("a notice yields messages")
			}
		})
	}
	// the field may stand behind its value
	d, err := Decode([]byte(`{"entry":[{"changes":[{"value":{"decision":"REJECTED"},"field":"account_review_update"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	same(t, AccountReview{Decision: "REJECTED"}, d.Changes[0].Notice)
}

func TestFaultsArriveFromEveryLevel(t *testing.T) {
	if e := read(t, "value_errors").Errors; len(e) != 1 || e[0].Class() != ClassRate {
		t.Errorf("of the value: %d", len(e))
	}
	if e := read(t, "text_with_errors").Messages[0].Errors; len(e) != 1 || e[0].Code != 131060 {
		t.Errorf("of the message: %d", len(e))
	}
	if e := read(t, "status_failed").Statuses[0].Errors; len(e) != 1 || e[0].Class() != ClassWindow {
		t.Errorf("of the status: %d", len(e))
	}
}

func TestPreferencesSayWhoWantsNoMarketing(t *testing.T) {
	p := read(t, "preference").Preferences
	if len(p) != 1 || !p[0].Stop || p[0].Category != "marketing_messages" || !p[0].At.Equal(time.Unix(1749416600, 0)) || p[0].Who.UserID.Reveal() != customerUser {
		t.Errorf("%d preferences", len(p))
	}
}

// The leak tests of other rooms feed on these fixtures: their ids must give a number away as Meta's do.
func TestFixtureIDsHoldTheCustomersNumber(t *testing.T) {
	layout := regexp.MustCompile("(?s)^\x1c\x18(.)([0-9A-Za-z.]+)\x15\x02\x00[\x11\x12]\x18(.)([0-9A-F]+)\x00$")
	n := 0
	for name, body := range fixtures(t) {
		for _, id := range regexp.MustCompile(`wamid\.([A-Za-z0-9+/=]{20,})`).FindAllSubmatch(body, -1) {
			n++
			raw, err := base64.StdEncoding.DecodeString(string(id[1]))
			m := layout.FindSubmatch(raw)
			if err != nil || m == nil || int(m[1][0]) != len(m[2]) || int(m[3][0]) != len(m[4]) {
				t.Errorf("%s: an id of another layout", name)
			}
		}
	}
	if n < 60 {
		t.Errorf("only %d ids", n)
	}
}
