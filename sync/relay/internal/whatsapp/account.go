package whatsapp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Number is what Meta says about one of the company's own numbers. Fields an older version of the API does not have are
// zero.
type Number struct {
	// DisplayPhoneNumber is the company's number as people see it.
	DisplayPhoneNumber string `json:"display_phone_number"`
	// VerifiedName is the company's name as people see it.
	VerifiedName string `json:"verified_name"`
	// QualityRating is GREEN, YELLOW, RED, UNKNOWN or NA.
	QualityRating string `json:"quality_rating"`
	// NameStatus is APPROVED, AVAILABLE_WITHOUT_REVIEW, DECLINED, EXPIRED, PENDING_REVIEW or NONE.
	NameStatus string `json:"name_status"`
	// Status is CONNECTED, PENDING, FLAGGED, RESTRICTED, BANNED ...
	Status string `json:"status"`
	// Throughput says how fast the number may send; see [Number.MessagesPerSecond].
	Throughput Throughput `json:"throughput"`
	// PortfolioLimit is the tier of the whole company: TIER_250, TIER_2K, TIER_10K, TIER_100K or TIER_UNLIMITED. NumberLimit
	// is the deprecated one of the number. Use [Number.MessagingLimit].
	PortfolioLimit string `json:"whatsapp_business_manager_messaging_limit"`
	NumberLimit    string `json:"messaging_limit_tier"`
	// Platform is CLOUD_API, ON_PREMISE or NOT_APPLICABLE.
	Platform string `json:"platform_type"`
	// OnBusinessApp is set when the number is also used in the WhatsApp Business app.
	OnBusinessApp bool `json:"is_on_biz_app"`
}

// Throughput is how fast a number may send.
type Throughput struct {
	// Level is STANDARD, HIGH or NOT_APPLICABLE.
	Level string `json:"level"`
}

// MessagingLimit returns the tier of people a day the number may write to outside windows, "" when Meta did not say.
func (n Number) MessagingLimit() string {
	if n.PortfolioLimit != "" {
		return n.PortfolioLimit
	}
	return n.NumberLimit
}

// Coexists reports whether people may write from the Business app past this relay, which shows as [Change.Echoes].
func (n Number) Coexists() bool { return n.OnBusinessApp && n.Platform == "CLOUD_API" }

// MessagesPerSecond is Meta's limit for both directions together: 80, 1,000 once Meta raised the number, 20 for one that
// is also used in the Business app. Source: Meta's page on throughput.
func (n Number) MessagesPerSecond() int {
	switch {
	case n.Coexists():
		return 20
	case n.Throughput.Level == "HIGH":
		return 1000
	}
	return 80
}

// numberFields are asked for in turn: Meta refuses a request for a field a version of the API does not have.
var numberFields = []string{
	"display_phone_number,verified_name,quality_rating,name_status,status,throughput,whatsapp_business_manager_messaging_limit,platform_type,is_on_biz_app",
	"display_phone_number,verified_name,quality_rating,name_status,status,throughput,messaging_limit_tier,platform_type",
	"display_phone_number,verified_name,quality_rating",
}

// Number asks about the company number with this id. It changes nothing, so it also tells whether base URL, version and
// token work.
func (c *Client) Number(ctx context.Context, phoneNumberID string) (Number, error) {
	u, err := c.url(phoneNumberID)
	if err != nil {
		return Number{}, err
	}
	for _, fields := range numberFields {
		var n Number
		u.RawQuery = "fields=" + fields
		err = c.get(ctx, u, &n)
		var refused *APIError
		if !errors.As(err, &refused) || refused.Code != 100 {
			return n, err
		}
	}
	return Number{}, err
}

// SubscribedApp is an app that gets the webhooks of an account.
type SubscribedApp struct {
	ID, Name string
	// Override is where its webhooks go instead of the address in the app's settings, "" for that.
	Override string
}

// SubscribedApps lists the apps that get the account's webhooks. One nobody knows reads everything.
func (c *Client) SubscribedApps(ctx context.Context, accountID string) ([]SubscribedApp, error) {
	u, err := c.url(accountID, "subscribed_apps")
	if err != nil {
		return nil, err
	}
	type app struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	var answer struct {
		Data []struct {
			app             // written flat, or
			Nested   app    `json:"whatsapp_business_api_data"`
			Override string `json:"override_callback_uri"`
		} `json:"data"`
	}
	if err := c.get(ctx, u, &answer); err != nil {
		return nil, err
	}
	var all []SubscribedApp
	for _, a := range answer.Data {
		if a.Nested.ID != "" {
			a.app = a.Nested
		}
		all = append(all, SubscribedApp{ID: a.ID, Name: a.Name, Override: a.Override})
	}
	return all, nil
}

// Subscribe makes the token's app get the account's webhooks: at the address in the app's settings, or at callback when it
// is not "", which must be https and answer the handshake with verify. Repeating it is harmless.
func (c *Client) Subscribe(ctx context.Context, accountID, callback string, verify VerifyToken) error {
	u, err := c.url(accountID, "subscribed_apps")
	if err != nil {
		return err
	}
	if callback == "" {
		return c.change(ctx, http.MethodPost, u, struct{}{})
	}
	if to, err := url.Parse(callback); err != nil || to.Scheme != "https" || to.Host == "" || verify.IsZero() {
		return fmt.Errorf("%w: callback is not https or has no verify token", ErrRequest)
	}
	return c.change(ctx, http.MethodPost, u, struct {
		Callback string `json:"override_callback_uri"`
		Verify   string `json:"verify_token"`
	}{callback, verify.Reveal()})
}

// Settings are what a company number is set to at Meta, as far as privacy goes.
type Settings struct {
	// PayloadEncryption is set when messages between Meta and the company are encrypted beyond TLS. This package does not
	// speak that: with it on, webhooks hold nothing it can read.
	PayloadEncryption bool
	// KeyFingerprint is of the company's key for that.
	KeyFingerprint string
	// Storage is "default", "in_country_storage_enabled" or a younger word, Region the country.
	Storage, Region string
	// IdentityChange is set when webhooks carry [Identity.KeyHash]. Answers of versions that leave it out read as not set.
	IdentityChange bool
}

// Settings reads them.
func (c *Client) Settings(ctx context.Context, phoneNumberID string) (Settings, error) {
	u, err := c.url(phoneNumberID, "settings")
	if err != nil {
		return Settings{}, err
	}
	var answer struct {
		Encryption struct {
			Status      string `json:"status"`
			Fingerprint string `json:"client_encryption_key_fingerprint"`
		} `json:"payload_encryption"`
		Storage struct {
			Status string `json:"status"`
			Region string `json:"data_localization_region"`
		} `json:"storage_configuration"`
		Identity struct {
			Enabled bool `json:"enabled"`
		} `json:"user_identity_change"`
	}
	if err := c.get(ctx, u, &answer); err != nil {
		return Settings{}, err
	}
	return Settings{
		PayloadEncryption: strings.EqualFold(answer.Encryption.Status, "enabled"), KeyFingerprint: answer.Encryption.Fingerprint,
		Storage: answer.Storage.Status, Region: answer.Storage.Region,
		IdentityChange: answer.Identity.Enabled,
	}, nil
}

// SetIdentityChange turns [Identity.KeyHash] in webhooks on or off. With it on a SIM swap shows before data is revealed.
func (c *Client) SetIdentityChange(ctx context.Context, phoneNumberID string, on bool) error {
	u, err := c.url(phoneNumberID, "settings")
	if err != nil {
		return err
	}
	type enabled struct {
		Enabled bool `json:"enabled"`
	}
	return c.change(ctx, http.MethodPost, u, struct {
		Identity enabled `json:"user_identity_change"`
	}{enabled{on}})
}

// Activity is something that was done to the account in Meta's console or by its API. Who did it, and from where, Meta
// tells too; it is left there.
type Activity struct {
	ID string
	// Type is USER_ADDED, API_ACCESS_GRANTED, WEBHOOK_CONFIGURED, PHONE_NUMBER_REMOVED ...
	Type string
	At   time.Time
	// Actor is the kind of actor: USER, SYSTEM ...
	Actor string
}

// Activities lists what was done to the account since a time, newest first as a rule.
func (c *Client) Activities(ctx context.Context, accountID string, since time.Time) ([]Activity, error) {
	u, err := c.url(accountID, "activities")
	if err != nil {
		return nil, err
	}
	u.RawQuery = url.Values{"fields": {"id,activity_type,timestamp,actor_type"}, "since": {since.UTC().Format(time.RFC3339)}}.Encode()
	type activity struct {
		ID    string `json:"id"`
		Type  string `json:"activity_type"`
		At    string `json:"timestamp"`
		Actor string `json:"actor_type"`
	}
	var all []Activity
	if err := pages(ctx, c, u, func(a activity) { all = append(all, Activity{a.ID, a.Type, moment(a.At), a.Actor}) }); err != nil {
		return nil, err
	}
	return all, nil
}

// PastState is one step of a message the company sent, as Meta remembers it.
type PastState struct {
	State StatusState
	At    time.Time
}

// MessageHistory asks Meta how far a message got, for one whose webhooks were lost. It is empty for a message Meta does
// not know, or no longer.
func (c *Client) MessageHistory(ctx context.Context, phoneNumberID string, id MessageID) ([]PastState, error) {
	u, err := c.url(phoneNumberID, "message_history")
	if err != nil {
		return nil, err
	}
	if id.IsZero() { // without an id Meta would list everybody's
		return nil, fmt.Errorf("%w: no message to ask about", ErrRequest)
	}
	u.RawQuery = url.Values{"message_id": {id.Reveal()}, "fields": {"id,message_id,events{delivery_status,timestamp}"}}.Encode()
	type history struct {
		Message string `json:"message_id"`
		Events  struct {
			Data []struct {
				State string          `json:"delivery_status"`
				At    json.RawMessage `json:"timestamp"`
			} `json:"data"`
		} `json:"events"`
	}
	var all []PastState
	err = pages(ctx, c, u, func(h history) {
		if h.Message != id.Reveal() {
			return
		}
		for _, e := range h.Events.Data {
			at := moment(strings.Trim(string(e.At), `"`))
			all = append(all, PastState{StatusState(strings.ToLower(e.State)), at})
		}
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// BlockOutcome is what became of one person of a call.
type BlockOutcome struct {
	Done bool
	// Code is Meta's reason when not Done, 0 when it gave none.
	Code int
}

// Block keeps people from writing to the company number, and the company from writing to them. Only who wrote in the last
// 24 hours can be blocked, [MaxBlockedPerCall] at a time, 64,000 in all. The outcomes are in the order of who.
func (c *Client) Block(ctx context.Context, phoneNumberID string, who []Identity) ([]BlockOutcome, error) {
	return c.block(ctx, http.MethodPost, phoneNumberID, who)
}

// Unblock undoes [Client.Block].
func (c *Client) Unblock(ctx context.Context, phoneNumberID string, who []Identity) ([]BlockOutcome, error) {
	return c.block(ctx, http.MethodDelete, phoneNumberID, who)
}

// Blocked lists who is blocked.
func (c *Client) Blocked(ctx context.Context, phoneNumberID string) ([]Identity, error) {
	u, err := c.url(phoneNumberID, "block_users")
	if err != nil {
		return nil, err
	}
	var all []Identity
	if err := pages(ctx, c, u, func(b blockedUser) { all = append(all, person(b.WaID, b.UserID, "")) }); err != nil {
		return nil, err
	}
	return all, nil
}

type blockedUser struct {
	Input  string `json:"input"`
	WaID   string `json:"wa_id"`
	UserID string `json:"user_id"`
	Errors []struct {
		Code int `json:"code"`
	} `json:"errors"`
}

func (c *Client) block(ctx context.Context, method, phoneNumberID string, who []Identity) ([]BlockOutcome, error) {
	u, err := c.url(phoneNumberID, "block_users")
	if err != nil {
		return nil, err
	}
	if len(who) == 0 || len(who) > MaxBlockedPerCall {
		return nil, fmt.Errorf("%w: %d people to block", ErrRequest, len(who))
	}
	type user struct {
		Number string `json:"user,omitempty"`
		ID     string `json:"user_id,omitempty"`
	}
	var q struct {
		Product string `json:"messaging_product"`
		Users   []user `json:"block_users"`
	}
	q.Product = "whatsapp"
	for i, w := range who {
		one := user{Number: w.Number().Reveal()}
		if one.Number == "" {
			one.ID = w.UserID.Reveal()
		}
		if one == (user{}) {
			return nil, fmt.Errorf("%w: person %d has neither number nor user id", ErrRequest, i)
		}
		q.Users = append(q.Users, one)
	}
	var answer struct {
		Users struct {
			Added   []blockedUser `json:"added_users"`
			Removed []blockedUser `json:"removed_users"`
			Failed  []blockedUser `json:"failed_users"`
		} `json:"block_users"`
	}
	if err := c.send(ctx, method, u, q, &answer); err != nil {
		return nil, err
	}
	outcome := map[string]BlockOutcome{}
	say := func(us []blockedUser, done bool) {
		for _, b := range us {
			o := BlockOutcome{Done: done}
			if !done && len(b.Errors) > 0 {
				o.Code = b.Errors[0].Code
			}
			for _, key := range []string{b.Input, b.WaID, b.UserID} {
				outcome[plainNumber(key)] = o
			}
		}
	}
	say(answer.Users.Added, true)
	say(answer.Users.Removed, true)
	say(answer.Users.Failed, false)
	all := make([]BlockOutcome, len(who))
	for i, one := range q.Users {
		all[i] = outcome[plainNumber(one.Number+one.ID)]
	}
	return all, nil
}

// plainNumber drops what people write around the digits of a number; a user id stays as it is.
func plainNumber(s string) string {
	if strings.Contains(s, ".") && !strings.HasPrefix(s, "+") {
		return s
	}
	return strings.Map(func(c rune) rune {
		if '0' <= c && c <= '9' {
			return c
		}
		return -1
	}, s)
}
