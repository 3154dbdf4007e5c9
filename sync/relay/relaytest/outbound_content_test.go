package relaytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/engine"
	"sealdesk/sync/relay"
	"sealdesk/sync/relay/wasim"
)

// A counter is a company with one agent, whose laptop shows everything, and whose wishes are sent as they are.
type counter struct {
	t     *testing.T
	c     *Company
	d     *Device
	raw   *rawDevice
	agent inbox.Person

	ahead  *atomic.Int64
	mu     sync.Mutex
	frames bytes.Buffer
}

// configure changes what stands in relay.toml, which is read anew.
func (c *Company) configure(change func(*relay.Config)) {
	c.t.Helper()
	c.Down()
	change(&c.Config)
	if err := c.Config.Check(); err != nil {
		c.t.Fatal(err)
	}
	c.Up()
}

func openCounter(t *testing.T, sim func(*wasim.Config), config func(*relay.Config)) *counter {
	t.Helper()
	k := &counter{t: t, ahead: new(atomic.Int64)}
	k.c = Start(t, Options{Sim: sim, Now: func() time.Time { return time.Now().Add(time.Duration(k.ahead.Load())) }})
	if config != nil {
		k.c.configure(config)
	}
	k.agent = k.c.Person("Tobias Brandt", inbox.Agent)
	k.d = k.c.Device(k.agent, DeviceOptions{Frames: func(_ engine.Direction, b []byte) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.frames.Write(b)
	}})
	k.connect()
	return k
}

// connect makes a second laptop of the agent, which says what the test wants it to, and waits for the first: laptops do
// not speak with a relay whose clock was moved far.
func (k *counter) connect() {
	k.t.Helper()
	k.d.Engine.Nudge()
	k.d.Await("the laptop to be connected", func() bool { return k.d.Engine.Link().State == engine.Online })
	d := k.c.Device(k.agent, DeviceOptions{})
	d.Down()
	k.raw = k.c.raw(k.t, d)
}

// customer lets a persona write and returns the conversation, and the message and its id at WhatsApp.
func (k *counter) customer(who, number string) (inbox.ConversationID, inbox.MessageID, string) {
	k.t.Helper()
	before := map[inbox.ConversationID]bool{}
	for _, r := range k.d.Rows() {
		before[r.ID] = true
	}
	wamid, err := k.c.Sim.SayTo(who, number, "Hello")
	if err != nil {
		k.t.Fatal(err)
	}
	var id inbox.ConversationID
	k.d.Await("a conversation", func() bool {
		for _, r := range k.d.Rows() {
			if !before[r.ID] {
				id = r.ID
			}
		}
		return id != ""
	})
	return id, k.d.Messages(id)[0].ID, wamid
}

// wish returns what becomes of a wish.
func (k *counter) wish(b inbox.IntentBody) inbox.Refusal {
	k.t.Helper()
	o := k.raw.wish(inbox.Intent{ID: inbox.NewID[inbox.IntentID](), At: 1, Body: b})
	if o.Retry != 0 {
		k.t.Fatalf("a wish is to be repeated: %T", b)
	}
	return o.Refusal
}

// must wishes what has to be granted and returns the message that came of it once the condition holds for it.
func (k *counter) must(b inbox.IntentBody, holds func(inbox.Message) bool) (m inbox.Message) {
	k.t.Helper()
	known := map[inbox.MessageID]bool{}
	for _, x := range k.d.Messages(b.On()) {
		known[x.ID] = true
	}
	if got := k.wish(b); got != inbox.Granted {
		k.t.Fatalf("%T was refused: %v", b, got)
	}
	k.d.Await(fmt.Sprintf("the message of %T", b), func() bool {
		for _, x := range k.d.Messages(b.On()) {
			if !known[x.ID] && x.Side == inbox.FromPerson && holds(x) {
				m = x
				return true
			}
		}
		return false
	})
	return m
}

func read(m inbox.Message) bool { return m.Receipt == inbox.Read }

func (k *counter) last() wasim.Message {
	k.t.Helper()
	sent := k.c.Sim.Sent()
	if len(sent) == 0 {
		k.t.Fatal("nothing was sent")
	}
	return sent[len(sent)-1]
}

// template returns the one of a name and language once the laptop knows it.
func (k *counter) template(name, language string) (t inbox.Template) {
	k.t.Helper()
	k.d.Await("the template "+name, func() bool {
		for _, x := range k.d.Store.Templates(inbox.InboxID(k.c.Config.Inboxes[0].ID)) {
			if x.Name == name && x.Language == language && !x.Removed {
				t = x
				return true
			}
		}
		return false
	})
	return t
}

// later moves the relay's clock on.
func (k *counter) later(by time.Duration) { k.ahead.Add(int64(by)) }

func noLeaks(t *testing.T, k *counter) {
	t.Helper()
	k.d.Down()
	k.mu.Lock()
	defer k.mu.Unlock()
	leaks(t, "the frames", k.frames.Bytes(), k.c.Sim.Identifiers())
	leaksBelow(t, k.d.Dir, k.c.Sim.Identifiers())
}

func TestWhatATextNamesIsFilledInForTheCustomerAndMaskedForColleagues(t *testing.T) {
	k := openCounter(t, nil, nil)
	id, theirs, wamid := k.customer("katharina", PhoneNumberID)
	m := k.must(inbox.SendText{
		Conversation: id, Quote: theirs, Preview: true,
		Text: "Hello {{contact.first_name}} ({{ contact.phone }}), {{agent.name}} of {{inbox.name}} here: https://example.com {{1}}",
	}, read)
	got := k.last()
	want := fmt.Sprintf("Hello Katharina (+491713920047), Tobias Brandt of %s here: https://example.com {{1}}", k.c.Config.Inboxes[0].Name)
	if got.Text != want || got.ReplyTo != wamid || !bytes.Contains(got.Body, []byte(`"preview_url":true`)) {
		t.Errorf("the customer got %s, %v", got.Body, got.ReplyTo == wamid)
	}
	shown := m.Body.Visible()
	if strings.Contains(shown, "3920047") || !strings.Contains(shown, "Tobias Brandt") || m.Quote == nil {
		t.Errorf("colleagues see %q", shown)
	}
	k.must(inbox.SendText{Conversation: id, Text: "{{contact.name}}"}, func(m inbox.Message) bool {
		return read(m) && !strings.Contains(m.Body.Visible(), "Weber")
	})
	if got := k.last().Text; got != "Katharina Weber" {
		t.Errorf("the customer got %q", got)
	}
	for text, want := range map[string]inbox.Refusal{
		"{{contact.email}}": inbox.RefusedVariable, // nobody knows it
		"{{contact.iban}}":  inbox.RefusedVariable,
		"{{agent.phone}}":   inbox.RefusedVariable,
		strings.Repeat("x", inbox.MaxText-3) + "{{agent.name}}": inbox.RefusedTooLong,
		" \n": inbox.RefusedEmpty,
	} {
		if got := k.wish(inbox.SendText{Conversation: id, Text: text}); got != want {
			t.Errorf("%.30q: %v, want %v", text, got, want)
		}
	}
	noLeaks(t, k)
}

func TestButtonsListsPlacesAndCardsReachTheCustomer(t *testing.T) {
	card := relay.CardConfig{ID: "front-desk", Name: "Front desk", Company: "Example Ltd", Phone: "+493023125001", Email: "desk@example.com", URL: "https://example.com"}
	gone := relay.CardConfig{ID: "warehouse", Name: "Warehouse", URL: "https://example.com/w"}
	k := openCounter(t, nil, func(c *relay.Config) { c.Cards = []relay.CardConfig{card, gone} })
	id, theirs, wamid := k.customer("emily", PhoneNumberID)

	m := k.must(inbox.SendInteractive{
		Conversation: id, Header: "Colours", Text: "Which one, {{contact.first_name}}?", Footer: "soon gone", Quote: theirs,
		Options: []inbox.Option{{Title: "Red"}, {Title: "Blue"}},
	}, read)
	got := k.last()
	if got.Interactive != "button" || len(got.Choices) != 2 || got.Choices[1].ID != inbox.OptionID(1) || got.Choices[1].Title != "Blue" ||
		!bytes.Contains(got.Body, []byte("Which one, Emily?")) || got.ReplyTo != wamid {
		t.Errorf("the customer got %s", got.Body)
	}
	if m.Kind != inbox.Interactive || m.Header.Visible() != "Colours" || m.Footer.Visible() != "soon gone" || len(m.Choices) != 2 ||
		m.Choices[0].Kind != inbox.ChoiceReply || m.Choices[0].Title.Visible() != "Red" || m.Quote == nil {
		t.Errorf("colleagues see kind %d with %d choices", m.Kind, len(m.Choices))
	}
	m = k.must(inbox.SendInteractive{
		Conversation: id, Text: "When?", Menu: "Choose", Options: []inbox.Option{{Title: "Monday", Note: "all day"}, {Title: "Tuesday"}},
	}, read)
	if got = k.last(); got.Interactive != "list" || len(got.Choices) != 2 || got.Choices[0].Description != "all day" {
		t.Errorf("the customer got %s", got.Body)
	}
	if m.Choices[0].Kind != inbox.ChoiceRow || m.Choices[0].Note.Visible() != "all day" {
		t.Errorf("colleagues see %+v", m.Choices)
	}
	m = k.must(inbox.SendLocation{Conversation: id, Latitude: 52.52, Longitude: 13.405, Name: "Shop", Address: "Example Street 1", Quote: theirs}, read)
	if got = k.last(); got.Type != "location" || !bytes.Contains(got.Body, []byte("52.52")) || !bytes.Contains(got.Body, []byte("Example Street 1")) {
		t.Errorf("the customer got %s", got.Body)
	}
	if m.Kind != inbox.Location || !strings.HasPrefix(m.Body.Visible(), "Shop") {
		t.Errorf("colleagues see %q", m.Body.Visible())
	}
	m = k.must(inbox.SendCard{Conversation: id, Card: "front-desk"}, read)
	got = k.last()
	for _, part := range []string{card.Name, card.Company, card.Phone, card.Email, card.URL} {
		if !bytes.Contains(got.Body, []byte(part)) {
			t.Errorf("the card does not hold %s: %s", part, got.Body)
		}
	}
	if m.Kind != inbox.ContactCard || m.Body.Visible() != "Front desk\nExample Ltd" {
		t.Errorf("colleagues see %q", m.Body.Visible())
	}

	options := func(n int) (all []inbox.Option) {
		for i := range n {
			all = append(all, inbox.Option{Title: fmt.Sprint("Option ", i)})
		}
		return all
	}
	for name, x := range map[string]struct {
		wish inbox.IntentBody
		want inbox.Refusal
	}{
		"four buttons":        {inbox.SendInteractive{Conversation: id, Text: "x", Options: options(4)}, inbox.RefusedTooLong},
		"eleven rows":         {inbox.SendInteractive{Conversation: id, Text: "x", Menu: "m", Options: options(11)}, inbox.RefusedTooLong},
		"no button":           {inbox.SendInteractive{Conversation: id, Text: "x"}, inbox.RefusedEmpty},
		"a blank menu":        {inbox.SendInteractive{Conversation: id, Text: "x", Menu: " ", Options: options(1)}, inbox.RefusedMalformed},
		"two of one title":    {inbox.SendInteractive{Conversation: id, Text: "x", Options: []inbox.Option{{Title: "a"}, {Title: "a"}}}, inbox.RefusedMalformed},
		"beyond the pole":     {inbox.SendLocation{Conversation: id, Latitude: 91}, inbox.RefusedMalformed},
		"nowhere":             {inbox.SendLocation{Conversation: id, Latitude: math.NaN()}, inbox.RefusedMalformed},
		"round the world":     {inbox.SendLocation{Conversation: id, Longitude: -181}, inbox.RefusedMalformed},
		"a long way":          {inbox.SendLocation{Conversation: id, Name: strings.Repeat("x", 1001)}, inbox.RefusedTooLong},
		"no such card":        {inbox.SendCard{Conversation: id, Card: "back-desk"}, inbox.RefusedUnknown},
		"no such file":        {inbox.SendMedia{Conversation: id, Media: "nothing"}, inbox.RefusedMedia},
		"no file":             {inbox.SendMedia{Conversation: id}, inbox.RefusedMedia},
		"no such template":    {inbox.SendTemplate{Conversation: id, Template: "nothing"}, inbox.RefusedTemplate},
		"no such message":     {inbox.SendCard{Conversation: id, Card: "front-desk", Quote: "nothing"}, inbox.RefusedUnknown},
		"a name of no card":   {inbox.SendCard{Conversation: id, Card: "Front Desk"}, inbox.RefusedMalformed},
		"consent without why": {inbox.RecordConsent{Conversation: id, Proof: " "}, inbox.RefusedEmpty},
	} {
		if got := k.wish(x.wish); got != x.want {
			t.Errorf("%s: %v, want %v", name, got, x.want)
		}
	}

	names := func() (out []string) {
		for _, c := range k.d.Store.Cards() {
			if !c.Removed {
				out = append(out, string(c.ID))
			}
		}
		slices.Sort(out)
		return out
	}
	k.d.Await("both cards", func() bool { return slices.Equal(names(), []string{"front-desk", "warehouse"}) })
	k.c.configure(func(c *relay.Config) { c.Cards = c.Cards[:1] })
	k.d.Await("one card less", func() bool { return slices.Equal(names(), []string{"front-desk"}) })
	k.connect()
	if got := k.wish(inbox.SendCard{Conversation: id, Card: "warehouse"}); got != inbox.RefusedUnknown {
		t.Errorf("a card that is gone: %v", got)
	}
	k.d.Down()
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, secret := range []string{card.Phone[1:], card.Email} { // agents may send what they need not know
		if bytes.Contains(k.frames.Bytes(), []byte(secret)) {
			t.Error("what is on a card reached a laptop")
		}
	}
}

func TestATemplateIsFilledAndLeavesOutsideTheWindow(t *testing.T) {
	clock := new(atomic.Int64)
	k := openCounter(t, func(w *wasim.Config) {
		w.Clock = skewed{clock}
		w.Templates = append(wasim.DefaultTemplates(), wasim.Template{
			Name: "order_ready", Language: "en", Category: "UTILITY", Header: "News", Body: "Hello {{1}}, order {{2}} is ready.", Variables: 2,
			Footer: "Example Ltd", Buttons: []wasim.TemplateButton{{Kind: "URL", Text: "Track", URL: "https://example.com/{{1}}"}},
		}, wasim.Template{Name: "resting", Language: "en", Category: "UTILITY", Body: "Hello", Status: "PAUSED"})
	}, nil)
	id, _, _ := k.customer("emily", PhoneNumberID)
	order, offer, resting := k.template("order_ready", "en"), k.template("spring_offer", "en"), k.template("resting", "en")
	k.later(inbox.ReplyWindow + time.Hour)
	clock.Store(k.ahead.Load())
	if got := k.wish(inbox.SendText{Conversation: id, Text: "Hello?"}); got != inbox.RefusedWindow {
		t.Fatalf("a text outside of the window: %v", got)
	}
	good := []string{"{{contact.first_name}}", "17", "17"}
	m := k.must(inbox.SendTemplate{Conversation: id, Template: order.ID, Values: good}, read)
	got := k.last()
	if got.Template != "order_ready" || got.Text == "" || !strings.Contains(got.Text, "Hello Emily, order 17 is ready.") {
		t.Errorf("the customer got %q: %s", got.Text, got.Body)
	}
	if m.Kind != inbox.Templated || m.Header.Visible() != "News" || !strings.Contains(m.Body.Visible(), "order 17 is ready.") ||
		m.Footer.Visible() != "Example Ltd" || len(m.Choices) != 1 || m.Choices[0].Kind != inbox.ChoiceLink || m.Choices[0].Title.Visible() != "Track" {
		t.Errorf("colleagues see %q with %d choices", m.Body.Visible(), len(m.Choices))
	}
	for name, x := range map[string]struct {
		wish inbox.SendTemplate
		want inbox.Refusal
	}{
		"a value too few":      {inbox.SendTemplate{Template: order.ID, Values: good[:2]}, inbox.RefusedTemplate},
		"an empty value":       {inbox.SendTemplate{Template: order.ID, Values: []string{" ", "17", "17"}}, inbox.RefusedTemplate},
		"two lines":            {inbox.SendTemplate{Template: order.ID, Values: []string{"a\nb", "17", "17"}}, inbox.RefusedTemplate},
		"a link with a gap":    {inbox.SendTemplate{Template: order.ID, Values: []string{"a", "17", "1 7"}}, inbox.RefusedTemplate},
		"far too long":         {inbox.SendTemplate{Template: order.ID, Values: []string{strings.Repeat("x", 1100), "17", "17"}}, inbox.RefusedTemplate},
		"an unknown variable":  {inbox.SendTemplate{Template: order.ID, Values: []string{"{{contact.email}}", "17", "17"}}, inbox.RefusedVariable},
		"a paused one":         {inbox.SendTemplate{Template: resting.ID}, inbox.RefusedTemplate},
		"marketing, not asked": {inbox.SendTemplate{Template: offer.ID}, inbox.RefusedConsent},
	} {
		x.wish.Conversation = id
		if got := k.wish(x.wish); got != x.want {
			t.Errorf("%s: %v, want %v", name, got, x.want)
		}
	}
	consent := func() inbox.Consent { return k.d.Rows()[0].Consent }
	if got := k.wish(inbox.RecordConsent{Conversation: id, Proof: "signed form in the shop"}); got != inbox.Granted {
		t.Fatalf("recording a consent: %v", got)
	}
	k.d.Await("the consent", func() bool { return consent().Marketing == inbox.Given && consent().By == k.agent.ID })
	k.must(inbox.SendTemplate{Conversation: id, Template: offer.ID}, read)
	if got := k.last(); got.Template != "spring_offer" {
		t.Errorf("the customer got %q", got.Template)
	}
	if n := len(k.c.Sim.Sent()); n != 2 {
		t.Errorf("%d messages left", n)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if bytes.Contains(k.frames.Bytes(), []byte("signed form")) {
		t.Error("the proof of a consent reached a laptop")
	}
}

func TestWhatACustomerStoppedNobodyElseResumes(t *testing.T) {
	k := openCounter(t, nil, nil)
	id, _, _ := k.customer("emily", PhoneNumberID)
	offer := k.template("spring_offer", "en")
	if got := k.wish(inbox.RecordConsent{Conversation: id, Proof: "by telephone"}); got != inbox.Granted {
		t.Fatal(got)
	}
	// WhatsApp knows of a stop the relay has not heard of, and says so when a message is sent.
	if err := k.c.Sim.Inject(wasim.Injection{Code: 131050, Times: 1}); err != nil {
		t.Fatal(err)
	}
	m := k.must(inbox.SendTemplate{Conversation: id, Template: offer.ID}, func(m inbox.Message) bool { return m.Receipt == inbox.Failed })
	if m.Failure != inbox.FailStopped {
		t.Errorf("it failed for %d", m.Failure)
	}
	k.d.Await("the withdrawal", func() bool {
		c := k.d.Rows()[0].Consent
		return c.Marketing == inbox.Withdrawn && c.Source == inbox.FromRefusal
	})
	for name, b := range map[string]inbox.IntentBody{
		"the template": inbox.SendTemplate{Conversation: id, Template: offer.ID}, "again": inbox.SendAgain{Conversation: id, Message: m.ID},
		"a record": inbox.RecordConsent{Conversation: id, Proof: "he did not mean it"},
	} {
		if got := k.wish(b); got != inbox.RefusedConsent {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAnyFailedMessageCanBeSentAgainAsItWas(t *testing.T) {
	k := openCounter(t, nil, func(c *relay.Config) {
		c.Cards = []relay.CardConfig{{ID: "front-desk", Name: "Front desk", URL: "https://example.com"}}
	})
	id, theirs, wamid := k.customer("emily", PhoneNumberID)
	follow := k.template("follow_up", "en")
	for _, b := range []inbox.IntentBody{
		inbox.SendText{Conversation: id, Text: "Hello {{contact.first_name}}", Quote: theirs, Preview: true},
		inbox.SendTemplate{Conversation: id, Template: follow.ID, Values: []string{"Emily"}},
		inbox.SendInteractive{Conversation: id, Text: "Which?", Menu: "Choose", Options: []inbox.Option{{Title: "Red", Note: "like fire"}}, Quote: theirs},
		inbox.SendLocation{Conversation: id, Latitude: 1, Longitude: 2, Name: "Shop", Quote: theirs},
		inbox.SendCard{Conversation: id, Card: "front-desk", Quote: theirs},
	} {
		k.c.Sim.FailDelivery(131026)
		first := k.must(b, func(m inbox.Message) bool { return m.Receipt == inbox.Failed })
		sent := k.last()
		second := k.must(inbox.SendAgain{Conversation: id, Message: first.ID}, read)
		again := k.last()
		if string(again.Body) != string(sent.Body) || again.Callback == sent.Callback || again.ID == sent.ID || again.ReplyTo != sent.ReplyTo {
			t.Errorf("%T left again as %s, not %s", b, again.Body, sent.Body)
		}
		if _, is := b.(inbox.SendTemplate); !is && again.ReplyTo != wamid {
			t.Errorf("%T lost what it answers", b)
		}
		for _, m := range []*inbox.Message{&first, &second} { // what differs for good reason
			m.ID, m.Seq, m.At, m.Receipt, m.Failure, m.Cause = "", 0, 0, 0, 0, ""
		}
		a, _ := json.Marshal(first)
		if b2, _ := json.Marshal(second); string(a) != string(b2) {
			t.Errorf("%T is shown differently the second time:\n%s\n%s", b, a, b2)
		}
		if got := k.wish(inbox.SendAgain{Conversation: id, Message: first.ID}); got == inbox.Granted {
			t.Errorf("%T can be sent a third time although the second was read", b)
		}
	}
	k.c.Sim.FailDelivery(131049)
	m := k.must(inbox.SendText{Conversation: id, Text: "not today"}, func(m inbox.Message) bool { return m.Receipt == inbox.Failed })
	if got := k.wish(inbox.SendAgain{Conversation: id, Message: m.ID}); got != inbox.RefusedState {
		t.Errorf("what WhatsApp does not want today may be sent again today: %v", got)
	}
	if got := k.wish(inbox.SendAgain{Conversation: id, Message: theirs}); got != inbox.RefusedState {
		t.Errorf("a customer's message can be sent again: %v", got)
	}
}

func TestACustomerSeesWhatWasReadAndThatSomebodyWritesUnlessTheCompanySaysNo(t *testing.T) {
	k := openCounter(t, nil, nil)
	id, _, wamid := k.customer("emily", PhoneNumberID)
	seq := k.d.Rows()[0].InboundSeq
	k.d.Wish(inbox.MarkRead{Conversation: id, UpTo: seq})
	k.d.Await("the mark", func() bool { return len(k.c.Sim.Marks()) == 1 })
	if m := k.c.Sim.Marks()[0]; m.ID != wamid || m.Typing {
		t.Errorf("marked %+v", m)
	}
	for range 5 { // nothing new: nothing to tell
		if got := k.wish(inbox.MarkRead{Conversation: id, UpTo: seq}); got != inbox.Granted {
			t.Fatal(got)
		}
	}
	second := say(t, k.c, "emily", "Anybody there?")
	k.d.Await("the second message", func() bool { return k.d.Rows()[0].InboundSeq > seq })
	if got := k.wish(inbox.MarkRead{Conversation: id, UpTo: seq}); got != inbox.Granted { // the first only
		t.Fatal(got)
	}
	if got := k.wish(inbox.MarkRead{Conversation: id, UpTo: k.d.Rows()[0].InboundSeq}); got != inbox.Granted {
		t.Fatal(got)
	}
	k.d.Await("the second mark", func() bool { return len(k.c.Sim.Marks()) >= 2 })
	<-time.After(300 * time.Millisecond)
	if marks := k.c.Sim.Marks(); len(marks) != 2 || marks[1].ID != second {
		t.Errorf("%d marks", len(marks))
	}
	p := k.c.porter(t, k.d)
	for range 3 { // once in a while is enough
		if _, err := ask[inbox.Done](p, inbox.Typing{Conversation: id}); err != nil {
			t.Fatal(err)
		}
	}
	k.d.Await("the customer to see it", func() bool { return len(k.c.Sim.Marks()) >= 3 })
	k.later(21 * time.Second)
	if _, err := ask[inbox.Done](p, inbox.Typing{Conversation: id}); err != nil {
		t.Fatal(err)
	}
	k.d.Await("the customer to see it again", func() bool { return len(k.c.Sim.Marks()) >= 4 })
	if marks := k.c.Sim.Marks(); !marks[2].Typing || !marks[3].Typing || marks[3].ID != second {
		t.Errorf("marked %+v", marks[2:])
	}
	k.c.configure(func(c *relay.Config) { no := false; c.WhatsApp.ReadReceipts = &no })
	k.connect()
	say(t, k.c, "emily", "Hello?")
	k.d.Await("the third message", func() bool { return len(k.d.Messages(id)) == 3 })
	if got := k.wish(inbox.MarkRead{Conversation: id, UpTo: k.d.Rows()[0].InboundSeq}); got != inbox.Granted {
		t.Fatal(got)
	}
	if _, err := ask[inbox.Done](p, inbox.Typing{Conversation: id}); err != nil {
		t.Fatal(err)
	}
	<-time.After(300 * time.Millisecond)
	if n := len(k.c.Sim.Marks()); n != 4 {
		t.Errorf("%d marks although the company wants none", n)
	}
}

// skewed is a clock that goes right, but for an offset.
type skewed struct{ ahead *atomic.Int64 }

func (s skewed) Now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

func (s skewed) Wait(at time.Time) (<-chan struct{}, func()) {
	return wasim.RealClock{}.Wait(at.Add(-time.Duration(s.ahead.Load())))
}
