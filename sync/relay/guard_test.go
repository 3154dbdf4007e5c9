package relay

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/guard"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/outbound"
	"sealdesk/sync/relay/internal/vault"
)

// A gate is a relay whose guard knows its company, with an agent, a supervisor and two customers.
type gate struct {
	*Relay
	t          *testing.T
	now        time.Time
	in         inbox.InboxID
	agent      inbox.Person
	supervisor inbox.Person
	conv, next inbox.ConversationID // of Katharina, of Marco
}

const (
	ownIBAN    = "DE89370400440532013000"
	otherIBAN  = "GB82WEST12345698765432"
	othersTel  = "+39 320 555 0142"
	agentsMail = "tobi.private@example.net"
)

func newGate(t *testing.T, change func(*Config)) *gate {
	t.Helper()
	cfg := newConfig(t, nil)
	zero := 0
	cfg.Guard = GuardConfig{
		UndoSeconds: &zero, Domains: []string{"example.com"}, IBANs: []string{ownIBAN}, Forbidden: []string{"guaranteed return"},
		Limits: map[string]float64{"agent": 5, "supervisor": 20},
	}
	cfg.Offers = []OfferConfig{{Code: "WELCOME10", Percent: 10}, {Code: "ONCE-77", Percent: 15, SingleUse: true}, {Code: "LASTYEAR", Percent: 30, Until: "2020-12-31"}}
	cfg.PersonContacts = []PersonContactConfig{{Person: "Tobias Brandt", Emails: []string{agentsMail}, Numbers: []string{"+4915155509999"}}}
	if change != nil {
		change(&cfg)
	}
	if err := cfg.Check(); err != nil {
		t.Fatal(err)
	}
	g := &gate{t: t, now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	g.open(cfg)
	g.in = inbox.InboxID(cfg.Inboxes[0].ID)
	g.agent, g.conv = acquainted(t, g.Relay, vault.Identity{Phone: "4917155501234", ProfileName: "Katharina Weber"}, "my mail is katharina@example.org")
	g.agent.Name = "Tobias Brandt"
	_, g.next = acquainted(t, g.Relay, vault.Identity{Phone: digits(othersTel), ProfileName: "Marco Rossi"}, "my mail is marco@example.org")
	g.supervisor = inbox.Person{ID: "boss", Name: "Ada Klein", Role: inbox.Supervisor, Inboxes: []inbox.InboxID{g.in}}
	return g
}

func (g *gate) open(cfg Config) {
	g.t.Helper()
	r, err := Open(context.Background(), cfg, Options{Now: func() time.Time { return g.now }})
	if err != nil {
		g.t.Fatal(err)
	}
	g.Relay = r
	g.t.Cleanup(func() { r.Close() })
}

// items are a conversation's messages by people, as they are now.
func (g *gate) items(c inbox.ConversationID) (list []inbox.Message) {
	g.t.Helper()
	g.view(func(tx ledger.Tx) error {
		for e, err := range eventlog.Backwards(tx) {
			if err != nil {
				return err
			}
			if b, ok := e.Body.(inbox.MessageAdded); ok && b.Message.Side == inbox.FromPerson && b.Message.Conversation == c {
				m, there, err := eventlog.Message(tx, b.Message.ID)
				if err != nil {
					return err
				}
				if there {
					list = append(list, m)
				}
			}
		}
		return nil
	})
	slices.Reverse(list)
	return list
}

func (g *gate) view(f func(ledger.Tx) error) {
	g.t.Helper()
	if err := g.db.View(g.t.Context(), eventlog.Shard(g.in.Log()), f); err != nil {
		g.t.Fatal(err)
	}
}

func (g *gate) queued() int {
	g.t.Helper()
	n, err := g.pipes[g.in].QueueLength(g.t.Context())
	if err != nil {
		g.t.Fatal(err)
	}
	return n
}

// entries are the audit entries of an act.
func (g *gate) entries(act audit.Act) (list []audit.Entry) {
	g.t.Helper()
	g.view(func(tx ledger.Tx) error {
		all, err := audit.Entries(tx, 0, 10000)
		for _, e := range all {
			if e.Act == act {
				list = append(list, e)
			}
		}
		return err
	})
	return list
}

func writing(c inbox.ConversationID, s string) inbox.SendText {
	return inbox.SendText{Conversation: c, Text: s}
}

func TestEachRuleHoldsOnTheWayEveryWishTakes(t *testing.T) {
	g := newGate(t, nil)
	c := g.conv
	one := []inbox.Option{{Title: "Yes"}}
	for name, x := range map[string]struct {
		wish  inbox.IntentBody
		want  inbox.Refusal
		rule  string
		held  bool
		alert bool
	}{
		"L1 another contact's number":             {writing(c, "call "+othersTel), inbox.RefusedGuard, "other-contact/number/block", false, true},
		"L1 another contact's address":            {writing(c, "write to marco@example.org"), inbox.RefusedGuard, "other-contact/address/block", false, true},
		"L1 in a place's address":                 {inbox.SendLocation{Conversation: c, Address: "ring " + othersTel}, inbox.RefusedGuard, "other-contact", false, true},
		"L1 in a button's text":                   {inbox.SendInteractive{Conversation: c, Text: "Yes?", Options: []inbox.Option{{Title: othersTel}}}, inbox.RefusedGuard, "other-contact", false, true},
		"L1 in a header":                          {inbox.SendInteractive{Conversation: c, Text: "Yes?", Header: "call " + othersTel, Options: one}, inbox.RefusedGuard, "other-contact", false, true},
		"L2 a payment card":                       {writing(c, "card 4111 1111 1111 1111"), inbox.RefusedGuard, "payment-card//block", false, false},
		"L3 a foreign account waits":              {writing(c, "please pay to "+otherIBAN), inbox.Granted, "bank-account//hold", true, false},
		"L4 the agent's own address":              {writing(c, "write me at "+agentsMail), inbox.RefusedGuard, "diversion", false, true},
		"L4 the agent's own number":               {writing(c, "my number is 0151 55509999"), inbox.RefusedGuard, "diversion", false, true},
		"L5 a link elsewhere needs a reason":      {writing(c, "see https://elsewhere.example.net/a"), inbox.RefusedReason, "link//reason", false, false},
		"L5 a short link":                         {writing(c, "see https://bit.ly/3abcdef"), inbox.RefusedGuard, "bad-link/shortener/block", false, false},
		"L7 more than the role may give":          {writing(c, "I can give you 25 % off"), inbox.Granted, "discount", true, false},
		"L7 a code that ended":                    {writing(c, "use code LASTYEAR"), inbox.Granted, "discount", true, false},
		"L8 a greeting for somebody else":         {writing(c, "Hallo Stefanie, Ihr Paket ist da."), inbox.RefusedReason, "wrong-recipient//reason", false, false},
		"a claim the company forbids waits":       {writing(c, "this is a guaranteed return"), inbox.Granted, "claim//hold", true, false},
		"a question for too much data waits":      {writing(c, "please send me your password"), inbox.Granted, "sensitive-data", true, false},
		"the company's account may be told":       {writing(c, "please pay to "+ownIBAN), inbox.Granted, "", false, false},
		"the company's links may be sent":         {writing(c, "see https://www.example.com/offers"), inbox.Granted, "", false, false},
		"an approved code may be told":            {writing(c, "use code WELCOME10 for 10 % off"), inbox.Granted, "", false, false},
		"what the role may give":                  {writing(c, "I can give you 5 % off"), inbox.Granted, "", false, false},
		"the customer's own number may be told":   {writing(c, "is {{contact.phone}} right?"), inbox.Granted, "", false, false},
		"the customer's own address may be told":  {writing(c, "I wrote to {{contact.email}}"), inbox.Granted, "", false, false},
		"the customer's own name may be greeted":  {writing(c, "Hallo Katharina, Ihr Paket ist da."), inbox.Granted, "", false, false},
		"the author's name may be said":           {writing(c, "Hallo, Tobias hier"), inbox.Granted, "", false, false},
		"the company's number may be told":        {writing(c, "call +49 30 23125000"), inbox.Granted, "", false, false},
		"L8 pasted from another conversation":     {inbox.SendText{Conversation: c, Text: "Ihr Paket ist da", Said: inbox.Said{Pasted: g.next}}, inbox.RefusedReason, "pasted//reason", false, false},
		"pasted from the same conversation":       {inbox.SendText{Conversation: c, Text: "Ihr Paket ist da", Said: inbox.Said{Pasted: c}}, inbox.Granted, "", false, false},
		"a reason is no way around a block":       {inbox.SendText{Conversation: c, Text: "call " + othersTel, Said: inbox.Said{Reason: "he asked"}}, inbox.RefusedGuard, "other-contact", false, true},
		"an order number passes":                  {writing(c, "your order 4711-2026-0815 leaves today"), inbox.Granted, "", false, false},
		"a note is masked and not guarded":        {inbox.AddNote{Conversation: c, Text: "call " + othersTel}, inbox.Granted, "", false, false},
		"a reason longer than anybody reads":      {inbox.SendText{Conversation: c, Text: "x", Said: inbox.Said{Reason: strings.Repeat("x", 501)}}, inbox.RefusedTooLong, "", false, false},
		"a paste from what is no name of nothing": {inbox.SendText{Conversation: c, Text: "x", Said: inbox.Said{Pasted: othersTel}}, inbox.RefusedMalformed, "", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			g.now = g.now.Add(3 * time.Minute) // another breath
			found, alerts, queued, shown := len(g.entries(audit.GuardFound)), len(g.entries(audit.GuardAlerted)), g.queued(), len(g.items(c))
			if got := wished(t, g.Relay, g.agent, x.wish); got != x.want {
				t.Fatalf("%v", got)
			}
			after := g.entries(audit.GuardFound)
			switch {
			case x.rule == "" && len(after) != found:
				t.Errorf("found something: %s", after[found].Detail)
			case x.rule != "" && len(after) != found+1:
				t.Fatalf("%d entries", len(after)-found)
			case x.rule != "":
				e := after[found]
				if !strings.Contains(e.Detail, x.rule) || e.Refused != x.want || e.Actor != g.agent.ID || e.Device != "laptop" || e.Object != string(c) {
					t.Errorf("%+v", e)
				}
			}
			if more := len(g.entries(audit.GuardAlerted)) - alerts; (more == 1) != x.alert {
				t.Errorf("%d alerts", more)
			}
			items := g.items(c)
			if _, note := x.wish.(inbox.AddNote); x.want != inbox.Granted {
				if len(items) != shown || g.queued() != queued {
					t.Error("something is there")
				}
			} else if last := items[len(items)-1]; len(items) != shown+1 || last.Held != x.held || g.queued() != queued+1 && !x.held && !note || g.queued() != queued && x.held {
				t.Errorf("held %v, %d more queued", last.Held, g.queued()-queued)
			}
		})
	}
	// Nothing of what was written or found stands open in the audit.
	g.view(func(tx ledger.Tx) error {
		for _, row := range tx.Scan("audit", nil, nil) {
			for _, secret := range []string{"55509999", "example", "4111 1111", "please"} {
				if strings.Contains(string(row), secret) {
					t.Errorf("an audit entry holds %q", secret)
				}
			}
		}
		return nil
	})
}

func TestAReasonLetsAMessagePassAndIsKeptSealed(t *testing.T) {
	g := newGate(t, nil)
	b := writing(g.conv, "see https://elsewhere.example.net/a")
	for _, blank := range []string{"", " \n"} {
		if b.Said.Reason = blank; wished(t, g.Relay, g.agent, b) != inbox.RefusedReason {
			t.Error("passed without a reason")
		}
	}
	b.Said.Reason = "the carrier's page of tracking"
	if got := wished(t, g.Relay, g.agent, b); got != inbox.Granted {
		t.Fatal(got)
	}
	all := g.entries(audit.GuardFound)
	e := all[len(all)-1]
	if len(all) != 3 || e.Refused != inbox.Granted || strings.Contains(string(e.Reason), "carrier") {
		t.Fatalf("%d entries, %+v", len(all), e)
	}
	var contact inbox.ContactID
	g.view(func(tx ledger.Tx) error {
		c, _, err := eventlog.Conversation(tx, g.conv)
		contact = c.Contact.ID
		return err
	})
	wish, _, _ := strings.Cut(strings.TrimPrefix(e.Detail, "wish "), " ")
	if plain, err := g.vault.Open(t.Context(), contact, bucketAudit, []byte(wish), []byte(e.Reason)); err != nil || string(plain) != b.Said.Reason {
		t.Errorf("%v", err)
	}
}

func TestTheSameTextToManyWaitsAlsoAfterARestart(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprintf("restart %v", restart), func(t *testing.T) {
			g := newGate(t, nil)
			const offer = "Our winter sale has begun, come and see what is new in the shop"
			for i := range 12 {
				_, c := acquainted(t, g.Relay, vault.Identity{Phone: fmt.Sprintf("15550100%03d", i)}, "hello")
				if restart && i == 5 {
					g.Close()
					g.open(g.cfg)
				}
				g.now = g.now.Add(10 * time.Second)
				if got := wished(t, g.Relay, g.agent, writing(c, offer)); got != inbox.Granted {
					t.Fatal(got)
				}
				if m := g.items(c); len(m) != 1 || m[0].Held != (i >= 10) {
					t.Errorf("to customer %d: held %v", i+1, m[0].Held)
				}
				// Somebody else's are counted apart, and other texts do not count.
				wished(t, g.Relay, g.agent, writing(c, "Your parcel leaves today, the tracking number follows by mail"))
			}
		})
	}
}

func TestANumberInSeveralMessagesIsOne(t *testing.T) {
	g := newGate(t, nil)
	for i, x := range []struct {
		text string
		want inbox.Refusal
	}{{"my private number:", inbox.Granted}, {"0151 555", inbox.Granted}, {"09999", inbox.RefusedGuard}} {
		if got := wished(t, g.Relay, g.agent, writing(g.conv, x.text)); got != x.want && !(i == 0 && got == inbox.RefusedGuard) {
			t.Errorf("part %d: %v", i, got)
		}
		g.now = g.now.Add(5 * time.Second)
	}
}

func TestACodeForOneUseBelongsToWhoWasToldFirst(t *testing.T) {
	g := newGate(t, nil)
	for i, x := range []struct {
		to   inbox.ConversationID
		said string
		want inbox.Refusal
	}{
		{g.conv, "use code ONCE-77 for 15 % off", inbox.Granted},
		{g.conv, "again: once-77", inbox.Granted},
		{g.next, "use code ONCE-77 for 15 % off", inbox.RefusedGuard},
		{g.next, "use code WELCOME10", inbox.Granted},
	} {
		if i == 2 { // it is known after a restart too
			g.Close()
			g.open(g.cfg)
		}
		if got := wished(t, g.Relay, g.agent, writing(x.to, x.said)); got != x.want {
			t.Errorf("%d: %v", i, got)
		}
	}
	if held := g.items(g.conv); held[0].Held {
		t.Error("the first was held")
	}
}

func TestAVerdictWhileTypingTellsWhatIsWrongAndNothingElse(t *testing.T) {
	g := newGate(t, nil)
	ask := func(s string) inbox.Verdict {
		t.Helper()
		g.guarding.paces = paces{}
		v, err := g.checkDraft(t.Context(), asker{person: g.agent, device: "laptop"}, inbox.CheckDraft{Conversation: g.conv, Text: s})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for name, x := range map[string]struct {
		text, blamed string
		rule         inbox.GuardRule
		action       inbox.GuardAction
	}{
		"nothing wrong":                  {"Hallo {{contact.first_name}}, gern!", "", 0, inbox.GuardPass},
		"a card":                         {"card 4111 1111 1111 1111 ok", "4111 1111 1111 1111", inbox.GuardPayCard, inbox.GuardRefuse},
		"behind a variable":              {"Hallo {{contact.first_name}}, {{agent.name}}: 4111 1111 1111 1111", "4111 1111 1111 1111", inbox.GuardPayCard, inbox.GuardRefuse},
		"a variable that nobody knows":   {"{{contact.nmae}} 4111 1111 1111 1111", "4111 1111 1111 1111", inbox.GuardPayCard, inbox.GuardRefuse},
		"the customer's number is his":   {"{{contact.phone}} {{contact.email}}?", "", 0, inbox.GuardPass},
		"a link":                         {"see https://elsewhere.example.net/a", "https://elsewhere.example.net/a", inbox.GuardLink, inbox.GuardAsk},
		"a greeting":                     {"Hallo Stefanie, gern!", "Stefanie", inbox.GuardRecipient, inbox.GuardAsk},
		"nothing but blanks":             {"  ", "", 0, inbox.GuardPass},
		"braces that are no variable":    {"{{1}} }} {{ 4111 1111 1111 1111", "4111 1111 1111 1111", inbox.GuardPayCard, inbox.GuardRefuse},
		"a forbidden claim":              {"a guaranteed return", "guaranteed return", inbox.GuardForbidden, inbox.GuardHold},
		"letters before, of many bytes":  {"Grüße 🎉 {{agent.name}} 4111 1111 1111 1111", "4111 1111 1111 1111", inbox.GuardPayCard, inbox.GuardRefuse},
		"a stranger's number is unsure":  {"call +44 20 7946 0018", "+44 20 7946 0018", inbox.GuardDiversion, inbox.GuardWarn},
		"another contact's likewise":     {"call " + othersTel, othersTel, inbox.GuardDiversion, inbox.GuardWarn},
		"the customer's own one as well": {"call +49 171 55501234", "+49 171 55501234", inbox.GuardDiversion, inbox.GuardWarn},
	} {
		t.Run(name, func(t *testing.T) {
			v := ask(x.text)
			if v.Action != x.action || (x.rule == 0) != (len(v.Findings) == 0) {
				t.Fatalf("%+v", v)
			}
			for _, f := range v.Findings {
				if f.Rule != x.rule || x.text[f.From:f.To] != x.blamed {
					t.Errorf("rule %d blames %q", f.Rule, x.text[f.From:f.To])
				}
			}
		})
	}
	if v, err := g.checkDraft(t.Context(), asker{person: g.agent, device: "laptop"}, inbox.CheckDraft{Conversation: g.conv, Text: "x", Pasted: g.next}); err != nil || v.Action != inbox.GuardAsk {
		t.Errorf("pasted: %+v, %v", v, err)
	}
	outsider := inbox.Person{ID: "outsider", Role: inbox.Agent}
	if _, err := g.checkDraft(t.Context(), asker{person: outsider}, inbox.CheckDraft{Conversation: g.conv, Text: "x"}); err != inbox.RefusedUnknown {
		t.Errorf("an outsider: %v", err)
	}
	for range draftBurst + 1 {
		_, err := g.checkDraft(t.Context(), asker{person: g.agent, device: "busy"}, inbox.CheckDraft{Conversation: g.conv, Text: "x"})
		if err != nil && err != errNotYet {
			t.Fatal(err)
		}
		if err == errNotYet {
			return
		}
	}
	t.Error("nobody is too fast")
}

// What an answer takes is a figure for the log: a test has no say over the machine it runs on.
func TestHowLongAVerdictTakes(t *testing.T) {
	g := newGate(t, nil)
	var took []time.Duration
	for i := range 200 {
		g.guarding.paces = paces{}
		began := time.Now()
		_, err := g.checkDraft(t.Context(), asker{person: g.agent, device: "laptop"}, inbox.CheckDraft{
			Conversation: g.conv, Text: strings.Repeat("Vielen Dank für Ihre Bestellung, sie geht morgen früh raus. ", 8) + fmt.Sprint(i),
		})
		if err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	t.Logf("a draft of 500 bytes: p50 %s, p99 %s", took[len(took)/2], took[len(took)*99/100])
}

// held has a message held and returns it.
func (g *gate) held() inbox.Message {
	g.t.Helper()
	g.now = g.now.Add(time.Second)
	if got := wished(g.t, g.Relay, g.agent, writing(g.conv, "please pay to "+otherIBAN)); got != inbox.Granted {
		g.t.Fatal(got)
	}
	list := g.items(g.conv)
	return list[len(list)-1]
}

func (g *gate) message(id inbox.MessageID) (m inbox.Message, there bool) {
	g.t.Helper()
	g.view(func(tx ledger.Tx) (err error) {
		m, there, err = eventlog.Message(tx, id)
		return err
	})
	return m, there
}

func TestAHeldMessageIsDecidedBySomebodyElse(t *testing.T) {
	g := newGate(t, nil)
	m := g.held()
	decide := func(p inbox.Person, id inbox.MessageID, agree bool) inbox.Refusal {
		t.Helper()
		return wished(t, g.Relay, p, inbox.DecideHeld{Conversation: g.conv, Message: id, Agree: agree})
	}
	another := inbox.Person{ID: "another", Role: inbox.Agent, Inboxes: g.agent.Inboxes}
	author := g.agent
	author.Role = inbox.Supervisor // since
	outsider := inbox.Person{ID: "outsider", Role: inbox.Supervisor}
	for name, x := range map[string]struct {
		by   inbox.Person
		id   inbox.MessageID
		want inbox.Refusal
	}{
		"an agent":                     {another, m.ID, inbox.RefusedRight},
		"its author":                   {author, m.ID, inbox.RefusedSelf},
		"a supervisor elsewhere":       {outsider, m.ID, inbox.RefusedUnknown},
		"about no message":             {g.supervisor, "none", inbox.RefusedUnknown},
		"about what is no name at all": {g.supervisor, "+49 151 5550", inbox.RefusedMalformed},
	} {
		if got := decide(x.by, x.id, true); got != x.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if g.queued() != 0 || wished(t, g.Relay, g.agent, inbox.SendAgain{Conversation: g.conv, Message: m.ID}) != inbox.RefusedState {
		t.Error("it left")
	}
	if got := decide(g.supervisor, m.ID, true); got != inbox.Granted {
		t.Fatal(got)
	}
	now, _ := g.message(m.ID)
	if now.Held || now.Receipt != inbox.Queued || g.queued() != 1 {
		t.Errorf("held %v, receipt %d, %d queued", now.Held, now.Receipt, g.queued())
	}
	for _, agree := range []bool{true, false} {
		if got := decide(g.supervisor, m.ID, agree); got != inbox.RefusedState {
			t.Errorf("decided twice: %v", got)
		}
	}
	no := g.held()
	if got := decide(g.supervisor, no.ID, false); got != inbox.Granted {
		t.Fatal(got)
	}
	now, _ = g.message(no.ID)
	if now.Receipt != inbox.Failed || now.Failure != inbox.FailNotReleased || g.queued() != 1 {
		t.Errorf("receipt %d, failure %d", now.Receipt, now.Failure)
	}
	if got := wished(t, g.Relay, g.agent, inbox.SendAgain{Conversation: g.conv, Message: no.ID}); got != inbox.RefusedState {
		t.Errorf("sent again: %v", got)
	}
	if _, there, err := outbound.Again(t.Context(), g.db, g.vault, g.in, g.katharina(), no.ID); there || err != nil {
		t.Errorf("what it says is kept, %v", err)
	}
	if a, b := g.entries(audit.Released), g.entries(audit.NotReleased); len(a) != 1 || len(b) != 1 || a[0].Object != string(m.ID) || b[0].Actor != g.supervisor.ID {
		t.Errorf("%d released, %d not", len(a), len(b))
	}
}

func (g *gate) katharina() (id inbox.ContactID) {
	g.view(func(tx ledger.Tx) error {
		c, _, err := eventlog.Conversation(tx, g.conv)
		id = c.Contact.ID
		return err
	})
	return id
}

func TestAHeldMessageLapsesWithItsTimeOrItsWindow(t *testing.T) {
	for name, x := range map[string]struct {
		hours int
		wait  time.Duration
		over  bool
	}{
		"not yet":                   {24, 23 * time.Hour, false},
		"longer than anybody waits": {2, 2 * time.Hour, true},
		"the window closed":         {48, 24*time.Hour + time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGate(t, func(c *Config) { c.Guard.HeldHours = x.hours })
			m := g.held()
			g.now = g.now.Add(x.wait)
			for range 2 {
				if err := g.lapseHeld(t.Context(), g.in); err != nil {
					t.Fatal(err)
				}
			}
			now, _ := g.message(m.ID)
			if over := now.Failure == inbox.FailNotReleased && now.Receipt == inbox.Failed; over != x.over {
				t.Errorf("%+v", now)
			}
			if got := wished(t, g.Relay, g.supervisor, inbox.DecideHeld{Conversation: g.conv, Message: m.ID, Agree: true}); (got == inbox.RefusedState) != x.over {
				t.Errorf("decided afterwards: %v", got)
			}
		})
	}
}

func TestNobodyLetsAMessageGoIntoAClosedWindow(t *testing.T) {
	g := newGate(t, nil)
	m := g.held()
	g.now = g.now.Add(25 * time.Hour)
	if got := wished(t, g.Relay, g.supervisor, inbox.DecideHeld{Conversation: g.conv, Message: m.ID, Agree: true}); got != inbox.RefusedWindow {
		t.Errorf("%v", got)
	}
	if now, _ := g.message(m.ID); !now.Held || g.queued() != 0 {
		t.Error("it left")
	}
}

func TestAMessageIsTakenBackByItsAuthorBeforeItLeaves(t *testing.T) {
	five := 5
	g := newGate(t, func(c *Config) { c.Guard.UndoSeconds = &five })
	send := func() inbox.Message {
		t.Helper()
		g.now = g.now.Add(time.Minute)
		if got := wished(t, g.Relay, g.agent, writing(g.conv, "Ihr Paket ist da")); got != inbox.Granted {
			t.Fatal(got)
		}
		list := g.items(g.conv)
		return list[len(list)-1]
	}
	back := func(p inbox.Person, id inbox.MessageID) inbox.Refusal {
		t.Helper()
		return wished(t, g.Relay, p, inbox.Withdraw{Conversation: g.conv, Message: id})
	}
	m := send()
	if m.Until != inbox.At(g.now.Add(5*time.Second)) {
		t.Errorf("it may be taken back until %d", m.Until)
	}
	if got := back(g.supervisor, m.ID); got != inbox.RefusedRight {
		t.Errorf("by somebody else: %v", got)
	}
	if got := back(g.agent, "none"); got != inbox.RefusedUnknown {
		t.Errorf("nothing: %v", got)
	}
	if got := back(g.agent, m.ID); got != inbox.Granted || g.queued() != 0 {
		t.Errorf("%v, %d queued", got, g.queued())
	}
	if _, there := g.message(m.ID); there {
		t.Error("it is still there")
	}
	if _, there, err := outbound.Again(t.Context(), g.db, g.vault, g.in, g.katharina(), m.ID); there || err != nil {
		t.Errorf("what it says is kept, %v", err)
	}
	if got := back(g.agent, m.ID); got != inbox.RefusedUnknown {
		t.Errorf("twice: %v", got)
	}
	held := g.held()
	if held.Until != 0 || back(g.agent, held.ID) != inbox.Granted {
		t.Error("a held message cannot be taken back")
	}
	// A reaction leaves at once.
	var theirs inbox.MessageID
	g.view(func(tx ledger.Tx) error {
		for e := range eventlog.Backwards(tx) {
			if b, ok := e.Body.(inbox.MessageAdded); ok && b.Message.Side == inbox.FromContact && b.Message.Conversation == g.conv {
				theirs = b.Message.ID
			}
		}
		return nil
	})
	if got := wished(t, g.Relay, g.agent, inbox.AddReaction{Conversation: g.conv, Message: theirs, Emoji: "👍"}); got != inbox.Granted || g.queued() != 1 {
		t.Errorf("a reaction: %v", got)
	}
	if e := g.entries(audit.Withdrawn); len(e) != 5 || e[2].Detail != string(m.ID) {
		t.Errorf("%d entries", len(e))
	}
}

// An attempt that was taken back was none: the message can be sent again.
func TestAnAttemptTakenBackIsNoAttempt(t *testing.T) {
	five := 5
	g := newGate(t, func(c *Config) { c.Guard.UndoSeconds = &five })
	if got := wished(t, g.Relay, g.agent, writing(g.conv, "Ihr Paket ist da")); got != inbox.Granted {
		t.Fatal(got)
	}
	first := g.items(g.conv)[0]
	err := g.db.Update(t.Context(), eventlog.Shard(g.in.Log()), func(tx ledger.Tx) error {
		_, err := eventlog.Append(tx, inbox.At(g.now), "", inbox.ReceiptChanged{Conversation: g.conv, Message: first.ID, Receipt: inbox.Failed, Failure: inbox.FailUndeliverable})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		g.now = g.now.Add(time.Second)
		if got := wished(t, g.Relay, g.agent, inbox.SendAgain{Conversation: g.conv, Message: first.ID}); got != inbox.Granted {
			t.Fatal(got)
		}
		list := g.items(g.conv)
		if got := wished(t, g.Relay, g.agent, inbox.Withdraw{Conversation: g.conv, Message: list[len(list)-1].ID}); got != inbox.Granted {
			t.Fatal(got)
		}
	}
}

func TestAGuardThatCannotWorkIsRefusedWithTheKeyThatIsWrong(t *testing.T) {
	for key, toml := range map[string]string{
		"guard.undo_seconds": "[guard]\nundo_seconds = 31", "guard.held_hours": "[guard]\nheld_hours = -1",
		"guard.actions.link": "[guard.actions]\nlink = \"perhaps\"", "no such rule": "[guard.actions]\nlinks = \"warn\"",
		"guard.limits": "[guard.limits]\nboss = 10", "offer.until": "[[offer]]\ncode = \"A1\"\nuntil = \"soon\"",
		"offer.roles": "[[offer]]\ncode = \"A1\"\nroles = [\"boss\"]", "single_use": "[[offer]]\nsingle_use = true",
		"person_contact": "[[person_contact]]\nnumbers = [\"+4915155501234\"]", "guard.disclaimer": "[[guard.disclaimer]]\nwhen = [\"credit\"]",
		"must have the same action": "[guard.actions]\ndiversion = \"warn\"", "a domain has no dot": "[guard]\ndomains = [\"example\"]",
	} {
		cfg := newConfig(t, nil)
		path := filepath.Join(t.TempDir(), "relay.toml")
		got, err := parseConfig(path, toml, func(string) string { return "" })
		if err == nil {
			t.Fatalf("%s: no secrets and no error", key)
		}
		cfg.Guard, cfg.Offers, cfg.PersonContacts = got.Guard, got.Offers, got.PersonContacts
		if err := cfg.Check(); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", key, err)
		}
	}
	// Without anything said about discounts they are pointed out, and nothing waits.
	cfg := newConfig(t, nil)
	p, err := cfg.guardPolicy()
	if err != nil || p.Actions[guard.Discount] != guard.Warn || cfg.undo() != 5*time.Second || cfg.heldFor() != 24*time.Hour {
		t.Errorf("%v, %s, %s, %v", p.Actions[guard.Discount], cfg.undo(), cfg.heldFor(), err)
	}
	if f := checkGuarded(cfg); f.State != Watch || !strings.Contains(f.Advice, "guard.domains") {
		t.Errorf("%+v", f)
	}
}

func TestNothingIsSentToOneWhoWasForgotten(t *testing.T) {
	g := newGate(t, nil)
	m := g.held()
	if err := g.vault.Erase(t.Context(), g.katharina()); err != nil {
		t.Fatal(err)
	}
	for _, b := range []inbox.IntentBody{writing(g.conv, "Ihr Paket ist da"), inbox.AddNote{Conversation: g.conv, Text: "x"}} {
		if got := wished(t, g.Relay, g.agent, b); got != inbox.RefusedErased {
			t.Errorf("%T: %v", b, got)
		}
	}
	if got := wished(t, g.Relay, g.supervisor, inbox.DecideHeld{Conversation: g.conv, Message: m.ID, Agree: true}); got != inbox.RefusedErased || g.queued() != 0 {
		t.Errorf("let go: %v", got)
	}
	if got := wished(t, g.Relay, g.supervisor, inbox.DecideHeld{Conversation: g.conv, Message: m.ID}); got != inbox.Granted {
		t.Errorf("not let go: %v", got)
	}
	if _, err := g.checkDraft(t.Context(), asker{person: g.agent, device: "laptop"}, inbox.CheckDraft{Conversation: g.conv, Text: "x"}); err != inbox.RefusedErased {
		t.Errorf("a draft: %v", err)
	}
}

// A code that was claimed for a message that could not be sent is nobody's.
func TestACodeOfAMessageThatWasNotSentIsFree(t *testing.T) {
	g := newGate(t, nil)
	g.now = g.now.Add(25 * time.Hour)
	if got := wished(t, g.Relay, g.agent, writing(g.conv, "use code ONCE-77")); got != inbox.RefusedWindow {
		t.Fatal(got)
	}
	if owner := g.guarding.codes.owner(foldCode("once-77")); owner != "" {
		t.Error("the code is taken")
	}
	mine, ok := g.guarding.codes.claim([]string{"ONCE 77"}, "a")
	if _, again := g.guarding.codes.claim([]string{"ONCE 77"}, "b"); !ok || again {
		t.Error("two have it")
	}
	g.guarding.codes.disclaim(mine)
	if _, ok := g.guarding.codes.claim([]string{"ONCE 77"}, "b"); !ok {
		t.Error("nobody may have it")
	}
}

func TestWhatWasSentIsForgottenInTime(t *testing.T) {
	g := newGate(t, nil)
	wished(t, g.Relay, g.agent, writing(g.conv, "Ihr Paket ist da"))
	g.lapse(t.Context())
	if all, pieces := g.guarding.recent.of(g.agent.ID, g.conv, g.now); len(all) != 1 || len(pieces) != 1 {
		t.Errorf("%d sent, %d pieces", len(all), len(pieces))
	}
	g.now = g.now.Add(11 * time.Minute)
	g.lapse(t.Context())
	if len(g.guarding.recent.by) != 0 {
		t.Error("it stays in memory")
	}
}
