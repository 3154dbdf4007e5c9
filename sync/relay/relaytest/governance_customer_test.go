package relaytest

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/store"
	"sealdesk/sync/relay"
	"sealdesk/sync/relay/wasim"
)

// texts returns what the company's messages say, in order.
func (c *Company) texts() (all []string) {
	for _, m := range c.Sim.Sent() {
		all = append(all, m.Text)
	}
	return all
}

// awaitSent waits until the company has sent n messages, and returns the last one's text.
func awaitSent(t *testing.T, d *Device, c *Company, n int) string {
	t.Helper()
	d.Await("an answer", func() bool { return len(c.texts()) >= n })
	texts := c.texts()
	if len(texts) != n {
		t.Fatalf("%d messages were sent, want %d", len(texts), n)
	}
	return texts[n-1]
}

// whats returns what happened to a conversation, as colleagues see it.
func whats(d *Device, id inbox.ConversationID) (all []inbox.What) {
	for _, m := range d.Messages(id) {
		if m.Kind == inbox.System {
			all = append(all, m.What)
		}
	}
	return all
}

func refusalOf(t *testing.T, d *Device, i inbox.IntentID) inbox.Refusal {
	t.Helper()
	var why inbox.Refusal
	d.Await("a refusal", func() bool {
		var ok bool
		why, ok = d.Store.Refusal(i)
		return ok
	})
	return why
}

// TestEveryKeywordIsAnsweredWithinSecondsInEveryLanguage has one customer for each language write every keyword.
func TestEveryKeywordIsAnsweredWithinSecondsInEveryLanguage(t *testing.T) {
	c := Start(t, Options{})
	d := c.Device(c.Person("Sabine Lorenz", inbox.Supervisor), DeviceOptions{})
	words := []string{"stop", "stop all", "start", "privacy", "my data", "delete", "verify"}
	want := []inbox.What{
		inbox.WhatStopped, inbox.WhatStoppedAll, inbox.WhatResumed, inbox.WhatNoticeSent, inbox.WhatDataAsked, inbox.WhatErasureAsked, inbox.WhatVerified,
	}
	n := 0
	for who, x := range map[string]struct {
		words []string
		says  []string // a word of each answer
	}{
		"emily":     {words, []string{"offers", "first", "again", "MY DATA", "copy", "erase", "Yes:"}},
		"katharina": {[]string{"Stopp", "alles stoppen!", "START", "Datenschutz", "Meine Daten", "löschen", "Ist das echt?"}, []string{"Angebote", "von sich aus", "wieder", "MEINE DATEN", "Kopie", "löschen", "Ja:"}},
		"marco":     {[]string{"stop", "Stop tutto", "inizia", "privacy", "I miei dati", "cancella i miei dati", "verifica"}, []string{"offerte", "iniziativa", "nuovo", "I MIEI DATI", "copia", "cancellare", "Sì:"}},
		"giulia":    {[]string{"baja", "parar todo", "ALTA", "Privacidad", "mis datos", "borrar mis datos", "comprobar"}, []string{"ofertas", "iniciativa", "Volverá", "MIS DATOS", "copia", "borrar", "Sí:"}},
		"holger":    {[]string{"Désabonner", "tout arrêter", "reprendre", "confidentialité", "mes données", "supprimer", "vérifier"}, []string{"offres", "initiative", "nouveau", "MES DONNÉES", "copie", "effacer", "Oui"}},
		"oliver":    {[]string{"sair", "parar tudo", "começar", "privacidade", "meus dados", "apagar", "é verdadeiro"}, []string{"ofertas", "iniciativa", "Voltará", "MEUS DADOS", "cópia", "apagar", "Sim:"}},
	} {
		for i, word := range x.words {
			start := time.Now()
			if want[i] == inbox.WhatResumed { // in the second of a stop it would not count
				d.Await("the next second", func() bool { return time.Since(start) > 1100*time.Millisecond })
				start = time.Now()
			}
			say(t, c, who, word)
			n++
			answer := awaitSent(t, d, c, n)
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("%s: answered after %s", word, took)
			}
			if !strings.Contains(answer, x.says[i]) {
				t.Errorf("%q is answered %q", word, answer)
			}
		}
	}
	for _, row := range d.Rows() {
		d.Await("what the last word did", func() bool { return len(whats(d, row.ID)) >= len(want) })
		if got := whats(d, row.ID); !slices.Equal(got, want) {
			t.Errorf("a conversation shows %v", got)
		}
		for _, m := range d.Messages(row.ID) {
			if m.Side == inbox.FromPerson && (m.Author != "" || m.Receipt == inbox.Failed) {
				t.Errorf("an answer of the relay's has the author %q and receipt %d", m.Author, m.Receipt)
			}
		}
	}
	for _, row := range d.Rows() { // all that came was shown
		if row.Consent.Marketing != inbox.Given {
			t.Errorf("marketing is %d after START", row.Consent.Marketing)
		}
	}
	d.Await("two requests of each of six customers", func() bool { return len(d.Store.Requests()) == 12 })
}

func TestTheSameKeywordIsAnsweredOnceInTenMinutesAndMakesOneRequest(t *testing.T) {
	var later atomic.Int64
	clock := func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	c := Start(t, Options{Now: clock})
	d := c.Device(c.Person("Sabine Lorenz", inbox.Supervisor), DeviceOptions{})
	for range 4 {
		say(t, c, "emily", "DELETE")
	}
	say(t, c, "emily", "That was all")
	d.Await("the last message", func() bool { return len(d.Rows()) == 1 && d.Rows()[0].Unread == 5 })
	first := awaitSent(t, d, c, 1)
	d.Await("the request", func() bool { return len(d.Store.Requests()) == 1 })
	later.Store(int64(11 * time.Minute))
	say(t, c, "emily", "delete!")
	if again := awaitSent(t, d, c, 2); again != first {
		t.Error("the second answer names another request")
	}
	say(t, c, "emily", "PRIVACY") // another keyword is another matter
	awaitSent(t, d, c, 3)
	if n := len(d.Store.Requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
	q := d.Store.Requests()[0]
	if !strings.Contains(first, relay.Reference(q.ID)) || q.Due.Sub(q.At) != inbox.RequestTerm*24*time.Hour || q.Conversation != d.Rows()[0].ID {
		t.Errorf("the answer does not fit the request: %q", first)
	}
}

func TestAfterStopTheNextMarketingTemplateIsRefused(t *testing.T) {
	c := Start(t, Options{})
	d := c.Device(c.Person("Sabine Lorenz", inbox.Supervisor), DeviceOptions{})
	offer, news := templateOn(t, d, "spring_offer", "en"), templateOn(t, d, "follow_up", "en")
	say(t, c, "emily", "Hello")
	d.Await("the message", func() bool { return len(d.Rows()) == 1 })
	id := d.Rows()[0].ID
	if why := refusalOf(t, d, d.Wish(inbox.SendTemplate{Conversation: id, Template: offer.ID})); why != inbox.RefusedConsent {
		t.Errorf("without consent: %v", why)
	}
	d.Wish(inbox.RecordConsent{Conversation: id, Proof: "signed form in the shop"})
	d.Wish(inbox.SendTemplate{Conversation: id, Template: offer.ID})
	awaitSent(t, d, c, 1)

	say(t, c, "emily", "Stop!")
	start := time.Now()
	awaitSent(t, d, c, 2) // the confirmation
	if why := refusalOf(t, d, d.Wish(inbox.SendTemplate{Conversation: id, Template: offer.ID})); why != inbox.RefusedConsent {
		t.Errorf("after stop: %v", why)
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("stopping took %s", took)
	}
	d.Wish(inbox.RecordConsent{Conversation: id, Proof: "she said so"})
	if why := refusalOf(t, d, d.Wish(inbox.SendTemplate{Conversation: id, Template: offer.ID})); why != inbox.RefusedConsent {
		t.Errorf("what the customer stopped, a colleague resumed: %v", why)
	}
	d.Wish(inbox.SendTemplate{Conversation: id, Template: news.ID, Values: []string{"Emily"}}) // not marketing
	awaitSent(t, d, c, 3)

	say(t, c, "emily", "stop all")
	awaitSent(t, d, c, 4)
	if why := refusalOf(t, d, d.Wish(inbox.SendTemplate{Conversation: id, Template: news.ID, Values: []string{"Emily"}})); why != inbox.RefusedConsent {
		t.Errorf("after stop all: %v", why)
	}
	d.Wish(inbox.SendText{Conversation: id, Text: "An answer is still an answer"})
	awaitSent(t, d, c, 5)
	asked := time.Now()
	d.Await("the next second", func() bool { return time.Since(asked) > 1100*time.Millisecond })
	say(t, c, "emily", "start")
	awaitSent(t, d, c, 6)
	d.Wish(inbox.SendTemplate{Conversation: id, Template: offer.ID})
	awaitSent(t, d, c, 7)
}

// templateOn waits until a device knows a template.
func templateOn(t *testing.T, d *Device, name, language string) (x inbox.Template) {
	t.Helper()
	d.Await("the template "+name, func() bool {
		for _, x = range d.Store.Templates("sales") {
			if x.Name == name && x.Language == language {
				return true
			}
		}
		return false
	})
	return x
}

func TestAQuickReplyOfATemplateStopsToo(t *testing.T) {
	c := Start(t, Options{Sim: func(conf *wasim.Config) {
		conf.Templates = []wasim.Template{{
			Name: "offer", Language: "en", Category: "MARKETING", Body: "Ten percent off.",
			Buttons: []wasim.TemplateButton{{Kind: "QUICK_REPLY", Text: "Stop promotions"}},
		}}
	}})
	d := c.Device(c.Person("Sabine Lorenz", inbox.Supervisor), DeviceOptions{})
	offer := templateOn(t, d, "offer", "en")
	say(t, c, "emily", "Hello")
	d.Await("the message", func() bool { return len(d.Rows()) == 1 })
	id := d.Rows()[0].ID
	d.Wish(inbox.RecordConsent{Conversation: id, Proof: "web form"})
	d.Wish(inbox.SendTemplate{Conversation: id, Template: offer.ID})
	awaitSent(t, d, c, 1)
	if _, err := c.Sim.Do("emily", wasim.Line{Press: "Stop promotions"}); err != nil {
		t.Fatal(err)
	}
	if answer := awaitSent(t, d, c, 2); !strings.Contains(answer, "no more offers") {
		t.Errorf("answered %q", answer)
	}
	d.Await("the withdrawal", func() bool { return d.Rows()[0].Consent.Marketing == inbox.Withdrawn })
}

func TestTheSwitchInWhatsAppCountsForMarketingOnly(t *testing.T) {
	c := Start(t, Options{})
	d := c.Device(c.Person("Sabine Lorenz", inbox.Supervisor), DeviceOptions{})
	say(t, c, "emily", "Hello")
	d.Await("the message", func() bool { return len(d.Rows()) == 1 })
	c.Sim.NextDelivery(wasim.Faults{Duplicate: 1, Copies: 2})
	if err := c.Sim.StopMarketing("emily", true); err != nil {
		t.Fatal(err)
	}
	d.Await("the withdrawal", func() bool {
		consent := d.Rows()[0].Consent
		return consent.Marketing == inbox.Withdrawn && consent.Templates == inbox.NotAsked && consent.Source == inbox.FromSettings
	})
	if err := c.Sim.StopMarketing("marco", true); err != nil { // nobody has ever talked to him
		t.Fatal(err)
	}
	d.Await("a conversation that is closed", func() bool { return len(d.Rows()) == 2 })
	// An older wish that comes late.
	late := map[string]any{
		"messaging_product": "whatsapp", "metadata": map[string]any{"display_phone_number": Number[1:], "phone_number_id": PhoneNumberID},
		"user_preferences": []any{map[string]any{
			"wa_id": "447700900123", "category": "marketing_messages", "value": "stop", "detail": "x", "timestamp": time.Now().Add(-time.Hour).Unix(),
		}},
	}
	if err := c.Sim.Emit("user_preferences", late); err != nil {
		t.Fatal(err)
	}
	d.Await("a third one", func() bool { return len(d.Rows()) == 3 })
	late["user_preferences"].([]any)[0].(map[string]any)["timestamp"] = time.Now().Add(-2 * time.Hour).Unix()
	late["user_preferences"].([]any)[0].(map[string]any)["value"] = "resume"
	if err := c.Sim.Emit("user_preferences", late); err != nil {
		t.Fatal(err)
	}
	say(t, c, "emily", "Still there")
	d.Await("the next message", func() bool {
		return slices.ContainsFunc(d.Rows(), func(r *store.Row) bool { return r.Unread == 2 })
	})
	for _, row := range d.Rows() {
		if row.Consent.Marketing != inbox.Withdrawn {
			t.Errorf("marketing is %d", row.Consent.Marketing)
		}
		if n := len(whats(d, row.ID)); n != 1 {
			t.Errorf("a conversation tells of it %d times", n)
		}
		if row.LastInbound == 0 && row.State != inbox.Closed {
			t.Error("a conversation nobody wrote in is open")
		}
	}
}

func TestVerifySaysYesToWhatLeftByTheRelay(t *testing.T) {
	c := Start(t, Options{})
	d := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	say(t, c, "emily", "Hello")
	d.Await("the message", func() bool { return len(d.Rows()) == 1 })
	id := d.Rows()[0].ID
	d.Wish(inbox.SendText{Conversation: id, Text: "Your parcel leaves today"})
	awaitSent(t, d, c, 1)
	d.Await("its receipt", func() bool { return d.Rows()[0].LastReceipt >= inbox.Sent })
	ours := c.Sim.Sent()[0].ID
	if _, err := c.Sim.Quote("emily", ours, "verify"); err != nil {
		t.Fatal(err)
	}
	if answer := awaitSent(t, d, c, 2); !strings.HasPrefix(answer, "Yes: that message was sent by Sales on ") || strings.Contains(answer, "Tobias") {
		t.Errorf("%q", answer)
	}
}

func TestVerifySaysNoToAnEchoAndToTheUnknown(t *testing.T) {
	c := Start(t, Options{Sim: func(conf *wasim.Config) { conf.Numbers[0].Coexistence = true }})
	d := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	say(t, c, "emily", "Hello")
	d.Await("the message", func() bool { return len(d.Rows()) == 1 })
	echo, err := c.Sim.Echo("emily", "Pay here please")
	if err != nil {
		t.Fatal(err)
	}
	d.Await("the echo", func() bool { return len(d.Messages(d.Rows()[0].ID)) >= 2 })
	if _, err := c.Sim.Quote("emily", echo, "Verify"); err != nil {
		t.Fatal(err)
	}
	if answer := awaitSent(t, d, c, 1); !strings.HasPrefix(answer, "No:") {
		t.Errorf("an echo: %q", answer)
	}
	say(t, c, "marco", "verifica") // nobody ever wrote to him
	if answer := awaitSent(t, d, c, 2); !strings.HasPrefix(answer, "No:") {
		t.Errorf("nothing: %q", answer)
	}
}

func TestWithoutAQuoteVerifyIsAboutTheLastMessage(t *testing.T) {
	c := Start(t, Options{})
	d := c.Device(c.Person("Tobias Brandt", inbox.Agent), DeviceOptions{})
	say(t, c, "katharina", "Guten Tag")
	d.Await("the message", func() bool { return len(d.Rows()) == 1 })
	d.Wish(inbox.SendText{Conversation: d.Rows()[0].ID, Text: "Ihr Paket geht heute raus"})
	awaitSent(t, d, c, 1)
	d.Await("its receipt", func() bool { return d.Rows()[0].LastReceipt >= inbox.Sent })
	say(t, c, "katharina", "Moment")
	say(t, c, "katharina", "prüfen")
	if answer := awaitSent(t, d, c, 2); !strings.HasPrefix(answer, "Ja: ") {
		t.Errorf("%q", answer)
	}
}

func TestARequestForACopyIsApprovedExportedAndDone(t *testing.T) {
	c := Start(t, Options{})
	supervisor := c.Person("Sabine Lorenz", inbox.Supervisor)
	d := c.Device(supervisor, DeviceOptions{})
	agent, it := c.Person("Tobias Brandt", inbox.Agent), c.Person("Jonas Keller", inbox.ITAdmin)
	say(t, c, "emily", "My address is {{emily.clark@example.com}} if you need it")
	d.Await("the message", func() bool { return len(d.Rows()) == 1 })
	id := d.Rows()[0].ID
	d.Wish(inbox.SendText{Conversation: id, Text: "Thank you"})
	awaitSent(t, d, c, 1)
	d.Wish(inbox.AddNote{Conversation: id, Text: "A friendly customer"})
	d.Await("the note to be there", func() bool { return pending(t, d) == 0 })
	say(t, c, "emily", "Unsubscribe")
	awaitSent(t, d, c, 2)
	say(t, c, "emily", "my data")
	answer := awaitSent(t, d, c, 3)
	for _, line := range []string{"messages from you: 2", "messages from us: 2", "notes of colleagues: 1", "entries about your consent: 1"} {
		if !strings.Contains(answer, line) {
			t.Errorf("the answer does not say %q: %q", line, answer)
		}
	}
	d.Await("the request", func() bool { return len(d.Store.Requests()) == 1 })
	q := d.Store.Requests()[0]
	r, ctx := c.Relay(), t.Context()
	if _, err := r.ExportRequest(ctx, relay.Reference(q.ID), supervisor.Name); !errors.Is(err, relay.ErrNotApproved) {
		t.Errorf("a copy nobody approved: %v", err)
	}
	for _, p := range []inbox.Person{agent, it} {
		if _, err := r.DecideRequest(ctx, string(q.ID), p.Name, true, ""); !errors.Is(err, inbox.RefusedRight) {
			t.Errorf("%s approved: %v", p.Role, err)
		}
	}
	if q, err := r.DecideRequest(ctx, relay.Reference(q.ID), supervisor.Name, true, ""); err != nil || q.State != inbox.RequestApproved {
		t.Fatalf("state %d, %v", q.State, err)
	}
	if _, err := r.ExportRequest(ctx, string(q.ID), it.Name); !errors.Is(err, inbox.RefusedRight) {
		t.Errorf("IT took a copy: %v", err)
	}
	doc, err := r.ExportRequest(ctx, string(q.ID), supervisor.Name)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Contact struct {
			Email    string
			WhatsApp []map[string]string
		}
		Conversation []struct {
			From, Text, Kind string
			Original         map[string]any
		}
		Consent []map[string]any
	}
	if err := json.Unmarshal(doc, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Contact.WhatsApp) != 1 || got.Contact.WhatsApp[0]["number"] == "" || got.Contact.Email != "emily.clark@example.com" || len(got.Consent) != 1 {
		t.Errorf("contact %d accounts, %d rows of consent", len(got.Contact.WhatsApp), len(got.Consent))
	}
	var raw, sent, notes int
	for _, m := range got.Conversation {
		if m.From == "customer" && m.Original["text"] != nil {
			raw++
		}
		if m.From == "company" && m.Text == "Thank you" {
			sent++
		}
		if m.From == "note" && m.Text == "A friendly customer" {
			notes++
		}
	}
	if raw != 3 || sent != 1 || notes != 1 || !bytes.Contains(doc, []byte("emily.clark@example.com")) {
		t.Errorf("%d originals, %d answers, %d notes", raw, sent, notes)
	}
	if _, err := r.FinishRequest(ctx, string(q.ID), supervisor.Name); err != nil {
		t.Fatal(err)
	}
	d.Await("the request to be done", func() bool { return d.Store.Requests()[0].State == inbox.RequestDone })
	if open, err := r.Requests(ctx, false); err != nil || len(open) != 0 {
		t.Errorf("%d requests are open, %v", len(open), err)
	}
}

func TestARequestNobodyAnsweredInTimeIsOverdue(t *testing.T) {
	var later atomic.Int64
	c := Start(t, Options{Now: func() time.Time { return time.Now().Add(time.Duration(later.Load())) }})
	d := c.Device(c.Person("Sabine Lorenz", inbox.Supervisor), DeviceOptions{})
	say(t, c, "emily", "my data")
	d.Await("the request", func() bool { return len(d.Store.Requests()) == 1 })
	if text := metrics(t, c); !strings.Contains(text, "sealdesk_requests_open 1") || !strings.Contains(text, "sealdesk_requests_overdue 0") {
		t.Error("a new request is not counted as open and in time")
	}
	later.Store(int64((inbox.RequestTerm*24 + 1) * time.Hour))
	if text := metrics(t, c); !strings.Contains(text, "sealdesk_requests_overdue 1") {
		t.Error("nobody is told that it is overdue")
	}
}

func TestErasureNeedsTwoPeopleAndThenNothingIsSent(t *testing.T) {
	c := Start(t, Options{})
	one, two := c.Person("Sabine Lorenz", inbox.Supervisor), c.Person("Petra Vogel", inbox.PrivacyOfficer)
	d := c.Device(one, DeviceOptions{})
	say(t, c, "katharina", "Löschen")
	if answer := awaitSent(t, d, c, 1); !strings.Contains(answer, "Zwei Personen") {
		t.Errorf("answered %q", answer)
	}
	d.Await("the request", func() bool { return len(d.Store.Requests()) == 1 })
	id := string(d.Store.Requests()[0].ID)
	r, ctx := c.Relay(), t.Context()
	if q, err := r.DecideRequest(ctx, id, one.Name, true, ""); err != nil || q.State != inbox.RequestSeconded {
		t.Fatalf("state %d, %v", q.State, err)
	}
	if _, err := r.DecideRequest(ctx, id, one.Name, true, ""); !errors.Is(err, inbox.RefusedRight) {
		t.Errorf("the same person twice: %v", err)
	}
	conversation := d.Rows()[0].ID
	d.Wish(inbox.SendText{Conversation: conversation, Text: "Noch eine Frage"})
	awaitSent(t, d, c, 2)
	if q, err := r.DecideRequest(ctx, id, two.Name, true, ""); err != nil || q.State != inbox.RequestApproved || q.First != one.ID || q.Second != two.ID {
		t.Fatalf("%+v, %v", q, err)
	}
	if why := refusalOf(t, d, d.Wish(inbox.SendText{Conversation: conversation, Text: "Hallo?"})); why != inbox.RefusedConsent {
		t.Errorf("a text: %v", why)
	}
	d.Await("the withdrawal", func() bool {
		consent := d.Rows()[0].Consent
		return consent.Marketing == inbox.Withdrawn && consent.Templates == inbox.Withdrawn
	})
	if _, err := r.FinishRequest(ctx, id, one.Name); !errors.Is(err, relay.ErrErasureWaits) {
		t.Errorf("done by hand: %v", err)
	}
	if _, err := r.DecideRequest(ctx, id, two.Name, false, "changed my mind"); !errors.Is(err, inbox.RefusedState) {
		t.Errorf("refused after it was approved: %v", err)
	}
}
