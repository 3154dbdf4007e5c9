package wasim_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"sealdesk/sync/relay/internal/whatsapp"
	"sealdesk/sync/relay/wasim"
)

func TestWebhooksComeUntilAnswered200(t *testing.T) {
	r := newRig(t, nil)
	r.statuses = []int{503, 500, 404}
	id := must[string](t)(r.sim.Say("marco", "Ciao"))
	if n := len(r.settle()); n != 0 {
		t.Fatal("delivered at once")
	}
	for range 3 {
		r.advance(10 * time.Second)
	}
	ms := messages(r.changes())
	if len(ms) != 1 || ms[0].ID.Reveal() != id || len(r.sim.Deliveries()) != 4 {
		t.Errorf("%d messages after %d attempts", len(ms), len(r.sim.Deliveries()))
	}
	// seven days of refusal, and it is lost
	r.statuses = slices.Repeat([]int{503}, 1000)
	must[string](t)(r.sim.Say("marco", "lost"))
	r.advance(8 * 24 * time.Hour)
	if r.sim.Lost() != 1 {
		t.Errorf("%d lost after %d attempts", r.sim.Lost(), len(r.sim.Deliveries()))
	}
}

func TestFaultsOfDelivery(t *testing.T) {
	r := newRig(t, nil)
	say := func(text string) { must[string](t)(r.sim.Say("marco", text)) }
	r.sim.NextDelivery(wasim.Faults{Duplicate: 1, Copies: 2}, wasim.Faults{BadSignature: 1}, wasim.Faults{NoSignature: 1}, wasim.Faults{DropResponse: 1})
	for _, text := range []string{"twice more", "bad", "none", "dropped"} {
		say(text)
	}
	r.advance(time.Minute)
	count := map[string]int{}
	keys := map[string]bool{}
	for _, m := range messages(r.changes()) {
		count[m.Body.(whatsapp.Text).Body]++
		keys[string(m.DedupeKey())] = true
	}
	if fmt.Sprint(count) != "map[bad:1 dropped:2 none:1 twice more:3]" || len(keys) != 4 || r.refused != 2 {
		t.Errorf("%v, %d keys, %d refused", count, len(keys), r.refused)
	}

	r = newRig(t, func(c *wasim.Config) { c.Faults = wasim.Faults{Batch: 50, Linger: time.Second} })
	for i := range 50 {
		must[string](t)(r.sim.Say([]string{"marco", "emily", "sofia"}[i%3], fmt.Sprint(i)))
	}
	cs := r.advance(time.Second)
	ms := messages(cs)
	if len(r.bodies) != 1 || len(ms) != 50 || len(cs) < 2 || len(cs) == 50 {
		t.Fatalf("%d bodies, %d changes, %d messages", len(r.bodies), len(cs), len(ms))
	}
	for i, m := range ms {
		name := []string{"Marco Ricci", "Emily Carter", "Sofia"}[i%3]
		if m.Body.(whatsapp.Text).Body != fmt.Sprint(i) || m.From.Name.Reveal() != name {
			t.Fatalf("message %d of a batch has the wrong writer or place", i)
		}
	}
}

func TestTheSameSeedIsTheSameRun(t *testing.T) {
	run := func(seed uint64) (log []wasim.Delivery, order string) {
		r := newRig(t, func(c *wasim.Config) {
			c.Seed = seed
			c.Faults = wasim.Faults{Duplicate: 0.3, Reorder: 0.4, DropResponse: 0.2, BadSignature: 0.1, Milliseconds: 0.2, Batch: 3}
		})
		for i := range 40 {
			must[string](t)(r.sim.Say("marco", fmt.Sprint(i)))
			r.advance(50 * time.Millisecond)
		}
		r.advance(time.Minute)
		first := map[string]bool{}
		for _, m := range messages(r.changes()) {
			text := m.Body.(whatsapp.Text).Body
			if !first[text] {
				first[text] = true
				order += text + " "
			}
			if m.At.Before(morning) || m.At.After(morning.Add(time.Hour)) {
				t.Errorf("time %v", m.At)
			}
		}
		if len(first) != 40 {
			t.Errorf("%d of 40 arrived", len(first))
		}
		return r.sim.Deliveries(), order
	}
	a, orderA := run(1)
	b, orderB := run(1)
	if !slices.Equal(a, b) || orderA != orderB {
		t.Error("the same seed ran differently")
	}
	c, orderC := run(2)
	if slices.Equal(a, c) || orderA == orderC {
		t.Error("another seed ran alike")
	}
	var sorted strings.Builder
	for i := range 40 {
		fmt.Fprintf(&sorted, "%d ", i)
	}
	if orderA == sorted.String() {
		t.Error("nothing was reordered")
	}
}

func TestHeldStatusesLeaveOnRelease(t *testing.T) {
	r := newRig(t, nil)
	must[string](t)(r.sim.Say("emily", "Hi"))
	who := messages(r.settle())[0].From
	r.sim.Hold()
	res := must[whatsapp.SendResult](t)(r.send(who, whatsapp.SendText{Body: "x"}))
	if got := states(r.advance(time.Hour), res.ID); len(got) != 0 || r.sim.Sent()[0].State != "accepted" {
		t.Errorf("held: %v", got)
	}
	r.sim.Release()
	if got := states(r.settle(), res.ID); !slices.Equal(got, []string{"sent", "delivered", "read"}) {
		t.Errorf("released: %v", got)
	}
}

func TestOtherNewsArrives(t *testing.T) {
	r := newRig(t, func(c *wasim.Config) { c.Version = "v23.0" })
	must[string](t)(r.sim.Say("emily", "Hi"))
	who := messages(r.settle())[0].From
	must[whatsapp.SendResult](t)(r.send(who, whatsapp.SendText{Body: "x"}))
	if err := r.sim.ChangeNumber("emily", "447700900777"); err != nil {
		t.Fatal(err)
	}
	if err := r.sim.StopMarketing("marco", true); err != nil {
		t.Fatal(err)
	}
	must[string](t)(r.sim.Echo("marco", "from the app"))
	must[string](t)(r.sim.SendRaw("marco", "hologram", map[string]any{"depth": 3}))
	if err := r.sim.Emit("account_alerts", map[string]any{"alert_type": "X"}); err != nil {
		t.Fatal(err)
	}
	cs := r.settle()
	var seen []string
	for _, c := range cs {
		for _, s := range c.Statuses {
			if s.ConversationID == "" {
				t.Error("no conversation in v23.0")
			}
		}
		for _, m := range c.Messages {
			switch b := m.Body.(type) {
			case whatsapp.System:
				if b.Now.Phone.Reveal() == "447700900777" && b.Before.UserID.Equal(who.UserID) && !b.Now.UserID.Equal(who.UserID) {
					seen = append(seen, "system")
				}
			case whatsapp.Unknown:
				seen = append(seen, m.Type)
			}
		}
		for _, p := range c.Preferences {
			seen = append(seen, fmt.Sprint(p.Category, p.Stop, p.Who.Phone.IsZero(), p.Who.WaID.Reveal()))
		}
		for _, e := range c.Echoes {
			seen = append(seen, e.To.WaID.Reveal())
		}
		if c.Field == "account_alerts" {
			seen = append(seen, string(c.Raw.Reveal()))
		}
	}
	want := []string{"system", "marketing_messagestrue false393205550108", "393205550108", "hologram", `{"alert_type":"X"}`}
	if !slices.Equal(seen, want) {
		t.Errorf("seen %q", seen)
	}
}

func TestEveryIdentifierIsRecorded(t *testing.T) {
	var hook []wasim.Identifier
	r := newRig(t, func(c *wasim.Config) { c.OnIdentifier = func(id wasim.Identifier) { hook = append(hook, id) } })
	in := must[string](t)(r.sim.Say("katharina", "Nummer: {{0171 39200 47}}"))
	must[string](t)(r.sim.SendImage("sofia", "sofa", ""))
	ms := messages(r.settle())
	info := must[whatsapp.MediaInfo](t)(r.client.MediaInfo(context.Background(), numberID, ms[1].Body.(whatsapp.Media).ID))
	res := must[whatsapp.SendResult](t)(r.send(ms[0].From, whatsapp.SendText{Body: "x"}))
	all := r.sim.Identifiers()
	for what, id := range map[string]string{
		"number": "491713920047", "written number": "0171 39200 47", "e-mail": "katharina.weber@example.de", "inbound wamid": in,
		"outbound wamid": res.ID.Reveal(), "user id": ms[1].From.UserID.Reveal(), "username": "sofia.wohnt", "media id": info.ID.Reveal(), "media URL": info.URL.Reveal(),
	} {
		if !slices.Contains(all, id) {
			t.Errorf("%s is not recorded", what)
		}
	}
	if len(hook) != len(all) {
		t.Errorf("told of %d of %d", len(hook), len(all))
	}
	raw := must[[]byte](t)(base64.StdEncoding.DecodeString(strings.TrimPrefix(in, "wamid.")))
	if !bytes.HasPrefix(raw, append([]byte{0x1c, 0x18, 12}, "491713920047\x15\x02\x00\x12\x18\x14"...)) || raw[len(raw)-1] != 0 {
		t.Errorf("wamid layout %x", raw)
	}
}

// The rest runs on the real clock, as the demo does.

func TestPersonasLiveTheirScripts(t *testing.T) {
	r := newRig(t, func(c *wasim.Config) {
		c.Clock, c.Live, c.Tempo = nil, true, wasim.NaturalTempo(400)
	})
	l := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- r.sim.Serve(ctx, l) }()

	var opening int
	for _, p := range wasim.Personas() {
		opening += len(p.Script.Opening)
	}
	waitFor(t, ctx, func() bool { return len(messages(r.changes())) >= opening })
	var who whatsapp.Identity
	pictures := 0
	for _, m := range messages(r.changes()) {
		if m.From.Name.Reveal() == "Katharina Weber" {
			who = m.From
		}
		if _, ok := m.Body.(whatsapp.Media); ok {
			pictures++
		}
	}
	if pictures < 5 {
		t.Errorf("%d pictures", pictures)
	}
	res := must[whatsapp.SendResult](t)(r.send(who, whatsapp.SendText{Body: "Passt Ihnen morgen um 10 Uhr?"}))
	waitFor(t, ctx, func() bool { return len(messages(r.changes())) >= opening+3 })
	if got := states(r.changes(), res.ID); !slices.Equal(got, []string{"sent", "delivered", "read"}) {
		t.Errorf("states %v", got)
	}
	answer := messages(r.changes())[opening:]
	if re, ok := answer[0].Body.(whatsapp.Reaction); !ok || !re.Target.Equal(res.ID) || !strings.Contains(answer[1].Body.(whatsapp.Text).Body, "passt uns gut") {
		t.Error("the answer does not fit")
	}
	cancel()
	if err := <-served; err != nil {
		t.Errorf("serve: %v", err)
	}
}

func waitFor(t *testing.T, ctx context.Context, f func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-ctx.Done():
			t.Fatal("time is up")
		case <-tick.C:
		}
	}
}

func TestItListensOnLoopbackOnlyAndProvesTheWebhook(t *testing.T) {
	r := newRig(t, nil)
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Skip("no wildcard address to listen on")
	}
	if err := r.sim.Serve(context.Background(), l); err == nil {
		t.Error("served to the world")
	}
	r = newRig(t, func(c *wasim.Config) { c.VerifyToken = "another" })
	if err := r.sim.Run(context.Background()); err == nil {
		t.Error("ran against a webhook that refuses the handshake")
	}
}

func TestBurstDeliversAllOnceAnswered(t *testing.T) {
	r := newRig(t, func(c *wasim.Config) { c.Clock = nil })
	r.statuses = []int{503, 200, 503}
	res, err := r.sim.Burst(context.Background(), wasim.Load{Conversations: 150, Messages: 4, Batch: 2})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, m := range messages(r.changes()) {
		seen[m.ID.Reveal()]++
	}
	if res.Delivered != 600 || len(seen) != 600 || res.Repeated != 2 || len(res.Latencies) != 300 {
		t.Errorf("delivered %d, seen %d, repeated %d, %d latencies", res.Delivered, len(seen), res.Repeated, len(res.Latencies))
	}
	for _, id := range res.Wamids {
		if seen[id] != 1 {
			t.Fatal("a message is missing or doubled")
		}
	}
}

func TestTenThousandConversationsAreTenThousandPeople(t *testing.T) {
	w := newWire(t, func(c *wasim.Config) { c.Clock = nil })
	load := wasim.TenThousand()
	load.Messages, load.PerSecond = 1, 0 // as fast as they are answered
	res, err := w.sim.Burst(context.Background(), load)
	if err != nil {
		t.Fatal(err)
	}
	people := map[any]bool{}
	for _, m := range w.items("messages", "messages") {
		people[m["from_user_id"]] = true
	}
	if res.Delivered != 10_000 || len(people) != 10_000 {
		t.Errorf("%d delivered from %d people", res.Delivered, len(people))
	}
}

func TestPicturesAreOrdinaryPhotographs(t *testing.T) {
	for _, s := range wasim.Scenes() {
		b := must[[]byte](t)(wasim.Picture(s))
		if len(b) < 60<<10 || len(b) > 300<<10 || http.DetectContentType(b) != "image/jpeg" {
			t.Errorf("%s: %d bytes of %s", s, len(b), http.DetectContentType(b))
		}
	}
}
