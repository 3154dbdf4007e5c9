package relaytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/engine"
	"sealdesk/sync/relay"
	"sealdesk/sync/relay/wasim"
	"sealdesk/sync/wire"
)

const supportNumberID = "206540352242922"

// A watch folds what a device is told by the rules of the vocabulary alone.
type watch struct {
	t *testing.T
	c *Company
	d *Device

	mu            sync.Mutex
	events        bytes.Buffer // as they are encoded
	conversations map[inbox.ConversationID]inbox.Conversation
	messages      map[inbox.MessageID]inbox.Message
	seen          map[inbox.LogID]uint64
}

// openWatch is a company with two numbers used in the Business app as well, watched by a supervisor.
func openWatch(t *testing.T) *watch {
	t.Helper()
	w := &watch{t: t, conversations: map[inbox.ConversationID]inbox.Conversation{}, messages: map[inbox.MessageID]inbox.Message{}, seen: map[inbox.LogID]uint64{}}
	w.c = Start(t, Options{Sim: func(cfg *wasim.Config) {
		cfg.Numbers[0].Coexistence = true
		cfg.Personas = append(wasim.Personas(), wasim.Cast()...)
		cfg.Numbers = append(cfg.Numbers, wasim.Number{ID: supportNumberID, Display: "493023125001", Name: "Support", Coexistence: true})
	}})
	w.c.Down()
	w.c.Config.Inboxes = append(w.c.Config.Inboxes, relay.InboxConfig{ID: "support", Name: "Support", PhoneNumberID: supportNumberID, Number: "+493023125001"})
	if err := w.c.Config.Check(); err != nil {
		t.Fatal(err)
	}
	w.c.Up()
	w.d = w.c.Device(w.c.Person("Sabine Lorenz", inbox.Supervisor), DeviceOptions{Frames: w.frame})
	return w
}

func (w *watch) frame(direction engine.Direction, frame []byte) {
	if direction != engine.Received {
		return
	}
	body, err := wire.Decode(frame)
	batch, ok := body.(inbox.Batch)
	if err != nil || !ok {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range batch.Events {
		row, err := wire.EncodeEvent(e)
		if err != nil {
			w.t.Error(err)
		}
		w.events.Write(row)
		if e.Seq <= w.seen[batch.Log] {
			continue
		}
		w.seen[batch.Log] = e.Seq
		if id := e.Body.Of(); id != "" {
			c := w.conversations[id]
			c.Apply(e, "")
			w.conversations[id] = c
		}
		if added, ok := e.Body.(inbox.MessageAdded); ok {
			w.messages[added.Message.ID] = added.Message
		}
		for id, m := range w.messages {
			if inbox.ApplyTo(&m, e.Body) {
				w.messages[id] = m
			}
		}
	}
}

// find returns the items that fit, in the order of the log.
func (w *watch) find(fits func(inbox.Message) bool) (all []inbox.Message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.messages {
		if fits(m) {
			all = append(all, m)
		}
	}
	slices.SortFunc(all, func(a, b inbox.Message) int { return int(a.Seq) - int(b.Seq) })
	return all
}

func (w *watch) says(text string) []inbox.Message {
	return w.find(func(m inbox.Message) bool { return m.Body.Visible() == text })
}

func (w *watch) of(id inbox.ConversationID) inbox.Conversation {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.conversations[id]
}

// await waits for one item with the text and returns it.
func (w *watch) await(text string) inbox.Message {
	w.t.Helper()
	w.d.Await(text, func() bool { return len(w.says(text)) == 1 })
	return w.says(text)[0]
}

func (w *watch) noLeak() {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	leaks(w.t, "the events", w.events.Bytes(), w.c.Sim.Identifiers())
}

// incidents counts what was raised of a kind.
func (w *watch) incidents(kind inbox.IncidentKind) (n int) {
	w.t.Helper()
	all, err := w.c.Relay().Incidents(w.t.Context(), true)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, i := range all {
		if i.Kind == kind {
			n += i.Count
		}
	}
	return n
}

// ok passes on the id of what the simulator was told to do.
func ok(t *testing.T) func(id string, err error) string {
	return func(id string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
}

func TestACustomerKnownByTwoNamesBecomesOneInEveryInbox(t *testing.T) {
	w := openWatch(t)
	say(t, w.c, "before", "from my number") // somebody who has not shown a user id yet
	ok(t)(w.c.Sim.SayTo("before", supportNumberID, "to support"))
	elder := w.await("from my number").Conversation
	first := time.Now().Unix() // WhatsApp counts in seconds, and the older contact stays
	w.d.Await("the next second", func() bool { return time.Now().Unix() > first })
	say(t, w.c, "after", "without a number")
	younger := w.await("without a number").Conversation
	if elder == younger {
		t.Fatal("one too early")
	}
	support := w.await("to support").Conversation
	if err := w.c.Sim.Link("after", "before"); err != nil {
		t.Fatal(err)
	}
	say(t, w.c, "after", "with both")
	if m := w.await("with both"); m.Conversation != elder {
		t.Error("a new message went to the younger conversation")
	}
	if c := w.of(younger); c.Into != elder || c.State != inbox.Closed {
		t.Error("the younger conversation goes on")
	}
	if n := len(w.find(func(m inbox.Message) bool { return m.What == inbox.WhatJoined })); n != 2 {
		t.Errorf("%d items tell of it", n)
	}
	if w.of(support).Contact.ID != w.of(elder).Contact.ID {
		t.Error("support has another contact")
	}
	w.d.Wish(inbox.SendText{Conversation: elder, Text: "One of us"})
	w.d.Await("the answer", func() bool {
		m := w.says("One of us")
		return len(m) == 1 && m[0].Receipt == inbox.Read
	})
	w.noLeak()
}

func TestANewNumberAndANewUserIDLeadToTheSameConversation(t *testing.T) {
	w := openWatch(t)
	say(t, w.c, "marco", "one")
	id := w.await("one").Conversation
	if err := w.c.Sim.ChangeNumber("marco", "393335550199"); err != nil {
		t.Fatal(err)
	}
	say(t, w.c, "marco", "two")
	if err := w.c.Sim.ChangeUserID("marco"); err != nil {
		t.Fatal(err)
	}
	say(t, w.c, "marco", "three")
	if err := w.c.Sim.ChangeIdentity("marco"); err != nil {
		t.Fatal(err)
	}
	say(t, w.c, "marco", "four")
	for _, text := range []string{"two", "three", "four"} {
		if m := w.await(text); m.Conversation != id {
			t.Errorf("%s is in another conversation", text)
		}
	}
	for what, n := range map[inbox.What]int{inbox.WhatNewNumber: 1, inbox.WhatNewIdentity: 2} {
		if got := len(w.find(func(m inbox.Message) bool { return m.What == what && m.Conversation == id })); got != n {
			t.Errorf("happening %d is told %d times", what, got)
		}
	}
	if n := w.incidents(inbox.IncidentIdentity); n != 1 {
		t.Errorf("%d incidents", n)
	}
	w.d.Wish(inbox.SendText{Conversation: id, Text: "To where you are now"})
	w.d.Await("the answer", func() bool { m := w.says("To where you are now"); return len(m) == 1 && m[0].Receipt == inbox.Read })
	w.noLeak()
}

func TestWhatIsWrittenInTheBusinessAppIsShownAndReported(t *testing.T) {
	w := openWatch(t)
	say(t, w.c, "emily", "Hello")
	hello := w.await("Hello")
	window := w.of(hello.Conversation).WindowCloses()
	echo := ok(t)(w.c.Sim.Echo("emily", "from the app"))
	m := w.await("from the app")
	if !m.Outside || m.Author != "" || m.Side != inbox.FromPerson || m.Conversation != hello.Conversation {
		t.Error("it is not shown as the company's, past the relay")
	}
	ok(t)(w.c.Sim.EchoLine("emily", wasim.Line{Edit: true, To: echo, Text: "from the application"}))
	w.await("from the application")
	picture := ok(t)(w.c.Sim.EchoLine("emily", wasim.Line{Scene: wasim.Scenes()[0], Text: "our shop"}))
	if m := w.await("our shop"); m.Media == nil || !m.Outside {
		t.Error("the picture is missing")
	}
	ok(t)(w.c.Sim.EchoLine("emily", wasim.Line{Revoke: true, To: picture}))
	w.d.Await("the revoke", func() bool {
		return len(w.find(func(m inbox.Message) bool { return m.Kind == inbox.Deleted && m.Outside })) == 1
	})
	w.d.Await("the incident", func() bool { return w.incidents(inbox.IncidentSentOutside) > 0 })
	if got := w.of(hello.Conversation).WindowCloses(); got != window {
		t.Error("the company's own message moved the window")
	}
	w.noLeak()
}

func TestASendPastTheRelayIsReportedWithinAMinute(t *testing.T) {
	w := openWatch(t)
	say(t, w.c, "emily", "Hello")
	id := w.await("Hello").Conversation
	w.d.Wish(inbox.SendText{Conversation: id, Text: "by the relay"})
	w.d.Await("our own to be read", func() bool { m := w.says("by the relay"); return len(m) == 1 && m[0].Receipt == inbox.Read })
	if n := w.incidents(inbox.IncidentSentOutside); n != 0 {
		t.Fatalf("%d incidents about what we sent", n)
	}
	body, err := json.Marshal(map[string]any{
		"messaging_product": "whatsapp", "recipient_type": "individual", "to": "447700900142", "type": "text", "text": map[string]any{"body": "by a script"},
	})
	if err != nil {
		t.Fatal(err)
	}
	url := fmt.Sprintf("%s/%s/%s/messages", w.c.Config.WhatsApp.API, w.c.Config.WhatsApp.Version, PhoneNumberID)
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+Token)
	q.Header.Set("Content-Type", "application/json")
	started := time.Now()
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("the script got %d", answer.StatusCode)
	}
	w.d.Await("the incident", func() bool { return w.incidents(inbox.IncidentSentOutside) == 1 })
	if took := time.Since(started); took > time.Minute {
		t.Errorf("it took %s", took)
	}
	all, err := w.c.Relay().Incidents(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if i.Kind == inbox.IncidentSentOutside && i.Conversation != id {
			t.Error("nobody is told whom it reached")
		}
	}
	w.noLeak()
}

func TestAnAnswerToAnAdvertisementIsFreeAndCostsAreCounted(t *testing.T) {
	w := openWatch(t)
	ok(t)(w.c.Sim.Do("giulia", wasim.Line{Text: "I saw your ad", Ad: &wasim.Ad{Headline: "Heat pumps", Body: "Now"}}))
	m := w.await("I saw your ad")
	if m.Referral == nil || m.Referral.Headline.Visible() != "Heat pumps" {
		t.Error("the advertisement is not shown")
	}
	say(t, w.c, "emily", "No ad")
	other := w.await("No ad").Conversation
	for _, id := range []inbox.ConversationID{m.Conversation, other} {
		text := map[bool]string{true: "An answer to the advertisement", false: "An answer to the other"}[id == m.Conversation]
		w.d.Wish(inbox.SendText{Conversation: id, Text: text})
		w.d.Await("the answer", func() bool { m := w.says(text); return len(m) == 1 && m[0].Receipt == inbox.Read })
	}
	if c := w.of(m.Conversation); c.FreeUntil == 0 || c.CostOf(0, inbox.At(time.Now())) != inbox.CostFree {
		t.Error("the free time is not open")
	}
	if c := w.of(other); c.FreeUntil != 0 {
		t.Error("it is free for who saw no advertisement")
	}
	w.d.Down() // or it would call again, in the place of the next
	raw := w.c.raw(t, w.d)
	today := time.Now().UTC()
	ask := func(n uint64, q inbox.AskCosts) inbox.Costs {
		t.Helper()
		q.From, q.To = today.AddDate(0, 0, -1).Format(time.DateOnly), today.AddDate(0, 0, 1).Format(time.DateOnly)
		frame, err := wire.EncodeAsk(wire.Ask{ID: n, Question: q})
		if err != nil {
			t.Fatal(err)
		}
		raw.send(frame)
		for {
			if a, ok := raw.next().(wire.Answer); ok && a.ID == n {
				costs, ok := a.Answer.(inbox.Costs)
				if !ok {
					t.Fatalf("refused: %v", a.Refusal)
				}
				return costs
			}
		}
	}
	sum := func(c inbox.Costs) (n, billed int) {
		for _, l := range c.Lines {
			n, billed = n+l.Messages, billed+l.Billed
		}
		return n, billed
	}
	if n, _ := sum(ask(1, inbox.AskCosts{})); n != 2 {
		t.Errorf("%d messages in all", n)
	}
	if n, billed := sum(ask(2, inbox.AskCosts{Conversation: m.Conversation})); n != 1 || billed != 0 {
		t.Errorf("%d messages to who saw the advertisement, %d billed", n, billed)
	}
	w.noLeak()
}

func TestHistoriesAndAddressBooksAreRefused(t *testing.T) {
	w := openWatch(t)
	for chunk := range 3 {
		if err := w.c.Sim.SyncHistory("emily", 0, chunk+1, 50, "an old message", "and another"); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.c.Sim.SyncContacts("add", "emily", "marco"); err != nil {
		t.Fatal(err)
	}
	w.d.Await("the incidents", func() bool { return w.incidents(inbox.IncidentRefusedData) == 2 })
	say(t, w.c, "marco", "news")
	w.await("news")
	if n := len(w.says("an old message")); n != 0 {
		t.Error("a message of the history is shown")
	}
	w.noLeak()
}
