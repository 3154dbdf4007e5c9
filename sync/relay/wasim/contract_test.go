package wasim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sealdesk/sync/relay/internal/whatsapp"
	"sealdesk/sync/relay/wasim"
)

const (
	appSecret   = "app-secret"
	verifyToken = "verify-word"
	bearer      = "EAAGtoken"
	numberID    = "106540352242922"
)

var morning = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// rig is a simulation, a client of it over real HTTP, and a webhook that checks, decodes and keeps what it gets.
type rig struct {
	t      *testing.T
	sim    *wasim.Sim
	clock  *wasim.Virtual
	client *whatsapp.Client
	graph  *httptest.Server

	mu       sync.Mutex
	got      []whatsapp.Change
	bodies   [][]byte
	refused  int
	statuses []int // answers to give, in order; 200 when empty
}

func newRig(t *testing.T, change func(*wasim.Config)) *rig {
	t.Helper()
	r := &rig{t: t, clock: wasim.NewVirtual(morning)}
	hook := httptest.NewServer(http.HandlerFunc(r.webhook))
	t.Cleanup(hook.Close)
	cfg := wasim.Config{
		Clock: r.clock, AppSecret: appSecret, VerifyToken: verifyToken, Token: bearer, Account: "102290129340398", Seed: 7,
		Numbers: []wasim.Number{{ID: numberID, Display: "493023125100", Name: "Demo"}}, WebhookURL: hook.URL,
	}
	if change != nil {
		change(&cfg)
	}
	sim, err := wasim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.sim = sim
	r.graph = httptest.NewServer(sim)
	t.Cleanup(r.graph.Close)
	r.client, err = whatsapp.NewClient(whatsapp.Config{
		BaseURL: r.graph.URL, Token: whatsapp.NewToken(bearer), Timeout: 500 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) webhook(w http.ResponseWriter, req *http.Request) {
	if req.Method == http.MethodGet {
		c, err := whatsapp.Challenge(req.URL.Query(), whatsapp.NewVerifyToken(verifyToken))
		if err != nil {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = io.WriteString(w, c)
		return
	}
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	if whatsapp.VerifySignature(body, req.Header.Get(whatsapp.SignatureHeader), whatsapp.NewAppSecret(appSecret)) != nil {
		r.refused++
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if len(r.statuses) > 0 {
		s := r.statuses[0]
		r.statuses = r.statuses[1:]
		if s != http.StatusOK {
			w.WriteHeader(s)
			return
		}
	}
	d, err := whatsapp.Decode(body)
	if err != nil {
		r.t.Errorf("webhook does not decode: %v", err)
	}
	r.got, r.bodies = append(r.got, d.Changes...), append(r.bodies, body)
}

// settle delivers what is due and returns all changes so far.
func (r *rig) settle() []whatsapp.Change {
	r.t.Helper()
	if err := r.sim.Settle(context.Background()); err != nil {
		r.t.Fatal(err)
	}
	return r.changes()
}

func (r *rig) advance(d time.Duration) []whatsapp.Change {
	r.t.Helper()
	if err := r.sim.Advance(context.Background(), d); err != nil {
		r.t.Fatal(err)
	}
	return r.changes()
}

func (r *rig) changes() []whatsapp.Change {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

func messages(cs []whatsapp.Change) (ms []whatsapp.Message) {
	for _, c := range cs {
		ms = append(ms, c.Messages...)
	}
	return ms
}

func states(cs []whatsapp.Change, id whatsapp.MessageID) (ss []string) {
	for _, c := range cs {
		for _, s := range c.Statuses {
			if s.ID.Equal(id) {
				ss = append(ss, string(s.State))
			}
		}
	}
	return ss
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (r *rig) send(to whatsapp.Identity, c whatsapp.Content) (whatsapp.SendResult, error) {
	return r.client.Send(context.Background(), numberID, whatsapp.Outgoing{Phone: to.Phone, User: to.UserID, Callback: "row-9", Content: c})
}

func TestAConversationGoesBothWays(t *testing.T) {
	r := newRig(t, nil)
	if err := r.sim.Handshake(context.Background()); err != nil {
		t.Fatal(err)
	}
	id := must[string](t)(r.sim.Say("katharina", "Grüße 😊 und/oder {{0171 39200 47}}"))
	ms := messages(r.settle())
	if len(ms) != 1 || ms[0].ID.Reveal() != id || ms[0].Body.(whatsapp.Text).Body != "Grüße 😊 und/oder 0171 39200 47" {
		t.Fatalf("%d messages", len(ms))
	}
	who := ms[0].From
	if who.Phone.Reveal() != "491713920047" || who.Name.Reveal() != "Katharina Weber" || who.UserID.IsZero() || !ms[0].At.Equal(morning) {
		t.Error("writer or time wrong")
	}
	for _, want := range []string{`Gr\u00fc\u00dfe \ud83d\ude0a und\/oder`} {
		if !bytes.Contains(r.bodies[0], []byte(want)) {
			t.Errorf("body is not spelled as Meta does: no %s", want)
		}
	}

	res := must[whatsapp.SendResult](t)(r.client.Send(context.Background(), numberID, whatsapp.Outgoing{
		Phone: who.Phone, ReplyTo: ms[0].ID, Callback: "row-1", Content: whatsapp.SendText{Body: "Guten Tag 👋"},
	}))
	if !res.Recipient.WaID.Equal(who.WaID) {
		t.Error("recipient differs")
	}
	cs := r.settle()
	if got := states(cs, res.ID); !slices.Equal(got, []string{"sent", "delivered", "read"}) {
		t.Errorf("states %v", got)
	}
	for _, c := range cs {
		for _, s := range c.Statuses {
			if s.Callback != "row-1" || !s.Recipient.UserID.Equal(who.UserID) || s.Pricing == nil && s.State != whatsapp.StateRead {
				t.Errorf("%s: callback %q, pricing %v", s.State, s.Callback, s.Pricing)
			}
		}
	}
	sent := r.sim.Sent()
	if len(sent) != 1 || sent[0].Text != "Guten Tag 👋" || sent[0].ReplyTo != id || sent[0].Persona != "katharina" || sent[0].State != "read" {
		t.Errorf("sent: %+v", sent)
	}

	if err := r.client.MarkRead(context.Background(), numberID, ms[0].ID, true); err != nil {
		t.Fatal(err)
	}
	if m := r.sim.Marks(); len(m) != 1 || m[0].ID != id || !m[0].Typing {
		t.Errorf("marks: %v", m)
	}
	if _, err := r.send(who, whatsapp.SendReaction{Target: ms[0].ID, Emoji: "👍🏽"}); err != nil {
		t.Error(err)
	}
	if _, err := r.send(who, whatsapp.SendReaction{Target: ms[0].ID}); err != nil {
		t.Errorf("taking a reaction back: %v", err)
	}
	must[string](t)(r.sim.React("katharina", res.ID.Reveal(), "❤️"))
	must[string](t)(r.sim.Quote("katharina", res.ID.Reveal(), "das hier"))
	ms = messages(r.settle())
	if re := ms[1].Body.(whatsapp.Reaction); !re.Target.Equal(res.ID) || re.Emoji != "❤️" || re.Removed() {
		t.Error("reaction")
	}
	if q := ms[2].Context; q == nil || !q.ID.Equal(res.ID) {
		t.Error("quote")
	}
}

func TestAPersonWithoutANumberCanBeAnswered(t *testing.T) {
	r := newRig(t, nil)
	must[string](t)(r.sim.Say("sofia", "Hallo"))
	who := messages(r.settle())[0].From
	if !who.Phone.IsZero() || !who.WaID.IsZero() || who.UserID.IsZero() || who.Username.Reveal() != "sofia.wohnt" {
		t.Fatal("identity of a person without number")
	}
	res := must[whatsapp.SendResult](t)(r.send(who, whatsapp.SendText{Body: "Hi"}))
	if !res.Recipient.UserID.Equal(who.UserID) || !res.Recipient.Phone.IsZero() {
		t.Error("recipient of the answer")
	}
	if got := states(r.settle(), res.ID); len(got) != 3 {
		t.Errorf("states %v", got)
	}
	// a user id where a number belongs is refused, not lost
	_, err := r.send(whatsapp.Identity{Phone: whatsapp.NewPhone(who.UserID.Reveal())}, whatsapp.SendText{Body: "x"})
	expectCode(t, err, 131009)
	_, err = r.send(who, whatsapp.SendTemplate{Name: "sign_in_code", Language: "en", Components: body("1234")})
	expectCode(t, err, 131062)
}

func body(values ...string) []whatsapp.TemplateComponent {
	c := whatsapp.TemplateComponent{Type: "body"}
	for _, v := range values {
		c.Parameters = append(c.Parameters, whatsapp.TemplateParameter{Text: v})
	}
	return []whatsapp.TemplateComponent{c}
}

func expectCode(t *testing.T, err error, code int) {
	t.Helper()
	var api *whatsapp.APIError
	if !errors.As(err, &api) || api.Code != code {
		t.Errorf("err = %v, want code %d", err, code)
	}
	if code != 0 && whatsapp.OutcomeOf(err) != whatsapp.OutcomeRefused {
		t.Errorf("outcome %v", whatsapp.OutcomeOf(err))
	}
}

func TestTheWindowClosesAfterADay(t *testing.T) {
	for _, atOnce := range []bool{false, true} {
		r := newRig(t, func(c *wasim.Config) { c.WindowAtOnce = atOnce })
		must[string](t)(r.sim.Say("emily", "Hi there"))
		who := messages(r.settle())[0].From
		r.advance(24*time.Hour - time.Second)
		if _, err := r.send(who, whatsapp.SendText{Body: "still open"}); err != nil {
			t.Fatal(err)
		}
		r.advance(time.Second)
		res, err := r.send(who, whatsapp.SendText{Body: "too late"})
		if atOnce {
			expectCode(t, err, 131047)
		} else {
			if err != nil {
				t.Fatal(err)
			}
			cs := r.settle()
			if got := states(cs, res.ID); !slices.Equal(got, []string{"failed"}) {
				t.Errorf("states %v", got)
			}
			last := cs[len(cs)-1].Statuses[0]
			if len(last.Errors) != 1 || last.Errors[0].Class() != whatsapp.ClassWindow || last.Callback != "row-9" {
				t.Error("failed status does not say why or what")
			}
		}
		res = must[whatsapp.SendResult](t)(r.send(who, whatsapp.SendTemplate{Name: "follow_up", Language: "en", Components: body("Emily")}))
		if got := states(r.settle(), res.ID); len(got) != 3 {
			t.Errorf("template outside the window: %v", got)
		}
		must[string](t)(r.sim.Say("emily", "back again"))
		r.settle()
		res = must[whatsapp.SendResult](t)(r.send(who, whatsapp.SendText{Body: "open again"}))
		if got := states(r.settle(), res.ID); len(got) != 3 {
			t.Errorf("a new message does not open the window: %v", got)
		}
	}
}

func TestLimitsHoldAndRecover(t *testing.T) {
	r := newRig(t, func(c *wasim.Config) { c.Numbers[0].PerSecond = 60 })
	must[string](t)(r.sim.Say("emily", "Hi"))
	must[string](t)(r.sim.Say("marco", "Ciao"))
	ms := messages(r.settle())
	var err error
	n := 0
	for ; err == nil && n < 100; n++ {
		_, err = r.send(ms[0].From, whatsapp.SendText{Body: "x"})
	}
	expectCode(t, err, 131056)
	if n != 46 {
		t.Errorf("pair limit after %d", n)
	}
	for err = nil; err == nil && n < 200; n++ {
		_, err = r.send(ms[1].From, whatsapp.SendText{Body: "x"})
	}
	expectCode(t, err, 130429)
	if r.advance(7 * time.Second); err == nil {
		t.Fatal("no limit")
	}
	if _, err = r.send(ms[0].From, whatsapp.SendText{Body: "x"}); err != nil {
		t.Errorf("after 7 s: %v", err)
	}
}

func TestMediaHasItsThreeStepsAndFiveMinutes(t *testing.T) {
	r := newRig(t, nil)
	ctx := context.Background()
	must[string](t)(r.sim.SendImage("katharina", "heating", "Der Keller"))
	in := messages(r.settle())[0].Body.(whatsapp.Media)
	want := must[[]byte](t)(wasim.Picture("heating"))
	info := must[whatsapp.MediaInfo](t)(r.client.MediaInfo(ctx, numberID, in.ID))
	if info.Size != int64(len(want)) || info.MIME != "image/jpeg" || !bytes.Equal(info.SHA256, in.SHA256) || in.Caption != "Der Keller" {
		t.Errorf("size %d, type %s", info.Size, info.MIME)
	}
	var got bytes.Buffer
	if _, err := r.client.MediaDownload(ctx, info, &got, 1<<20); err != nil || !bytes.Equal(got.Bytes(), want) {
		t.Fatalf("%d bytes, %v", got.Len(), err)
	}
	if res := must[*http.Response](t)(http.Get(info.URL.Reveal())); res.StatusCode != 401 {
		t.Errorf("without bearer: %d", res.StatusCode)
	}
	r.advance(5 * time.Minute)
	_, err := r.client.MediaDownload(ctx, info, io.Discard, 1<<20)
	var api *whatsapp.APIError
	if !errors.As(err, &api) || api.HTTPStatus != 404 {
		t.Errorf("after five minutes: %v", err)
	}
	if _, err = r.client.MediaInfo(ctx, "999", in.ID); err == nil {
		t.Error("a file of another number")
	}

	id := must[whatsapp.MediaID](t)(r.client.MediaUpload(ctx, numberID, "image/jpeg", bytes.NewReader(want)))
	who := messages(r.changes())[0].From
	res := must[whatsapp.SendResult](t)(r.send(who, whatsapp.SendMedia{Kind: whatsapp.Image, ID: id, Caption: "zurück"}))
	must[whatsapp.SendResult](t)(r.send(who, whatsapp.SendMedia{Kind: whatsapp.Document, ID: id, Filename: "Angebot.jpg"}))
	if sent := r.sim.Sent(); sent[0].ID != res.ID.Reveal() || sent[0].MediaID != id.Reveal() || sent[0].Caption != "zurück" || sent[1].Filename != "Angebot.jpg" {
		t.Errorf("sent %+v", sent)
	}
	_, err = r.send(who, whatsapp.SendMedia{Kind: whatsapp.Video, ID: id})
	expectCode(t, err, 131053)
	_, err = r.client.MediaUpload(ctx, numberID, "application/x-msdownload", strings.NewReader("MZ"))
	expectCode(t, err, 100)
	_, err = r.client.MediaUpload(ctx, numberID, "image/png", bytes.NewReader(make([]byte, 5<<20+1)))
	expectCode(t, err, 131053)
	if err := r.client.MediaDelete(ctx, numberID, id); err != nil {
		t.Fatal(err)
	}
	_, err = r.send(who, whatsapp.SendMedia{Kind: whatsapp.Image, ID: id})
	expectCode(t, err, 131009)
	r.advance(7*24*time.Hour + time.Second)
	_, err = r.client.MediaInfo(ctx, numberID, in.ID)
	expectCode(t, err, 100)
}

func TestGraphRefusesWhatMetaRefuses(t *testing.T) {
	r := newRig(t, func(c *wasim.Config) { c.AllowList = true })
	must[string](t)(r.sim.Say("emily", "Hi"))
	r.settle()
	base := `"messaging_product":"whatsapp","recipient_type":"individual","to":"447700900142"`
	for _, tt := range []struct {
		rule, path, token, body string
		status, code            int
	}{
		{"no token", "/v25.0/" + numberID, "", `{}`, 401, 190},
		{"wrong token", "/v25.0/" + numberID, "other", `{}`, 401, 190},
		{"no version", "/" + numberID, bearer, `{}`, 400, 2500},
		{"version ended", "/v20.0/" + numberID, bearer, `{}`, 400, 2635},
		{"another number", "/v25.0/1", bearer, `{}`, 400, 100},
		{"not JSON", "/v25.0/" + numberID, bearer, `{`, 400, 100},
		{"no product", "/v25.0/" + numberID, bearer, `{"to":"447700900142","type":"text","text":{"body":"x"}}`, 400, 100},
		{"no recipient", "/v25.0/" + numberID, bearer, `{"messaging_product":"whatsapp","type":"text","text":{"body":"x"}}`, 400, 131008},
		{"no body", "/v25.0/" + numberID, bearer, `{` + base + `,"type":"text"}`, 400, 131008},
		{"empty text", "/v25.0/" + numberID, bearer, `{` + base + `,"type":"text","text":{"body":" "}}`, 400, 131008},
		{"long text", "/v25.0/" + numberID, bearer, `{` + base + `,"type":"text","text":{"body":"` + strings.Repeat("x", 4097) + `"}}`, 400, 100},
		{"unexpected member", "/v25.0/" + numberID, bearer, `{` + base + `,"type":"text","text":{"body":"x","bold":true}}`, 400, 100},
		{"unexpected member outside", "/v25.0/" + numberID, bearer, `{` + base + `,"type":"text","text":{"body":"x"},"image":{}}`, 400, 100},
		{"unknown type", "/v25.0/" + numberID, bearer, `{` + base + `,"type":"hologram","hologram":{}}`, 400, 100},
		{"unknown quote", "/v25.0/" + numberID, bearer, `{` + base + `,"type":"text","text":{"body":"x"},"context":{"message_id":"wamid.no"}}`, 400, 131009},
		{"unknown target", "/v25.0/" + numberID, bearer, `{` + base + `,"type":"reaction","reaction":{"message_id":"wamid.no","emoji":"x"}}`, 400, 131009},
		{"number with a zero", "/v25.0/" + numberID, bearer, `{"messaging_product":"whatsapp","to":"07700900142","type":"text","text":{"body":"x"}}`, 400, 131009},
		{"to itself", "/v25.0/" + numberID, bearer, `{"messaging_product":"whatsapp","to":"493023125100","type":"text","text":{"body":"x"}}`, 400, 131021},
		{"not on the list", "/v25.0/" + numberID, bearer, `{"messaging_product":"whatsapp","to":"447700900999","type":"text","text":{"body":"x"}}`, 400, 131030},
		{"template unknown", "/v25.0/" + numberID, bearer, `{` + base + `,"type":"template","template":{"name":"no","language":{"code":"de"}}}`, 404, 132001},
		{"template unfilled", "/v25.0/" + numberID, bearer, `{` + base + `,"type":"template","template":{"name":"follow_up","language":{"code":"de"}}}`, 400, 132000},
		{"mark of nothing", "/v25.0/" + numberID, bearer, `{"messaging_product":"whatsapp","status":"read","message_id":"wamid.no"}`, 400, 131009},
		{"callback too long", "/v25.0/" + numberID, bearer, `{` + base + `,"biz_opaque_callback_data":"` + strings.Repeat("x", 513) + `","type":"text","text":{"body":"x"}}`, 400, 100},
		{"good", "/v25.0/" + numberID, bearer, `{` + base + `,"type":"text","text":{"body":"x"}}`, 200, 0},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			req := must[*http.Request](t)(http.NewRequest("POST", r.graph.URL+tt.path+"/messages", strings.NewReader(tt.body)))
			req.Header.Set("Content-Type", "application/json")
			if tt.token != "" {
				req.Header.Set("Authorization", "Bearer "+tt.token)
			}
			res := must[*http.Response](t)(http.DefaultClient.Do(req))
			defer func() { _ = res.Body.Close() }()
			var doc struct {
				Error struct {
					Code    int    `json:"code"`
					Type    string `json:"type"`
					TraceID string `json:"fbtrace_id"`
				} `json:"error"`
			}
			if err := json.NewDecoder(res.Body).Decode(&doc); err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != tt.status || doc.Error.Code != tt.code || tt.code != 0 && (doc.Error.Type == "" || doc.Error.TraceID == "") {
				t.Errorf("status %d, error %+v", res.StatusCode, doc.Error)
			}
		})
	}
	if n := len(r.sim.Sent()); n != 1 {
		t.Errorf("%d accepted", n)
	}
}

func TestUnknownNumbersFailLater(t *testing.T) {
	r := newRig(t, nil)
	res := must[whatsapp.SendResult](t)(r.send(whatsapp.Identity{Phone: whatsapp.NewPhone("447700900999")}, whatsapp.SendText{Body: "x"}))
	cs := r.settle()
	if got := states(cs, res.ID); !slices.Equal(got, []string{"failed"}) || cs[0].Statuses[0].Errors[0].Class() != whatsapp.ClassUndeliverable {
		t.Errorf("states %v", got)
	}
	must[string](t)(r.sim.Say("emily", "Hi"))
	who := messages(r.settle())[0].From
	r.sim.FailDelivery(131049)
	res = must[whatsapp.SendResult](t)(r.send(who, whatsapp.SendText{Body: "x"}))
	if got := states(r.settle(), res.ID); !slices.Equal(got, []string{"failed"}) {
		t.Errorf("states %v", got)
	}
}

func TestGraphFaultsAndTheirOutcomes(t *testing.T) {
	for f, want := range map[wasim.GraphFault]whatsapp.Outcome{
		wasim.HangBefore: whatsapp.OutcomeUnknown, wasim.HangAfter: whatsapp.OutcomeUnknown, wasim.ErrorBefore: whatsapp.OutcomeUnknown,
		wasim.ErrorAfter: whatsapp.OutcomeUnknown, wasim.TooMany: whatsapp.OutcomeRefused, wasim.ResetBefore: whatsapp.OutcomeUnknown,
		wasim.ResetAfter: whatsapp.OutcomeUnknown, wasim.GarbageAfter: whatsapp.OutcomeUnknown,
	} {
		r := newRig(t, nil)
		must[string](t)(r.sim.Say("emily", "Hi"))
		who := messages(r.settle())[0].From
		r.sim.FailNext(f)
		_, err := r.send(who, whatsapp.SendText{Body: "x"})
		if got := whatsapp.OutcomeOf(err); got != want {
			t.Errorf("fault %d: %v (%v)", f, got, err)
		}
		sent := r.sim.Sent()
		if accepted := len(sent) == 1; accepted != f.Accepts() {
			t.Errorf("fault %d: %d accepted", f, len(sent))
		}
		if !f.Accepts() {
			continue
		}
		// the status is what settles it: it carries the row although the answer was lost
		cs := r.settle()
		if s := cs[len(cs)-1].Statuses; len(s) == 0 || s[0].Callback != "row-9" {
			t.Errorf("fault %d: no status with the row", f)
		}
	}
}
