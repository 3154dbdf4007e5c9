package ui

import (
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

func TestATemplateIsFilledInAndSentByKeyboardAlone(t *testing.T) {
	m := equipped()
	g := opened(t, m, "g")
	g.press(fyne.KeyT, ctrl)
	g.heard("templates shown")
	button := func() *kit.Button {
		return kit.Find(g.win.Canvas().Overlays().Top(), "Send template").(*kit.Button)
	}
	if !button().Disabled() {
		t.Error("empty gaps can be sent")
	}
	g.wantShown("Still empty: Field 1")
	g.press(fyne.KeyReturn, 0)
	g.typeText("{{contact.name}}")
	g.wantShown("Customer's name")
	g.press(fyne.KeyReturn, 0)
	g.typeText("24 November")
	g.press(fyne.KeyReturn, 0)
	g.press(fyne.KeyReturn, 0)
	g.until("sent", func() bool { _, ok := wishOf[inbox.SendTemplate](m); return ok })
	b, _ := wishOf[inbox.SendTemplate](m)
	if b.Template != "t1" || strings.Join(b.Values, "|") != "{{contact.name}}|24 November" {
		t.Errorf("sent %+v", b)
	}
	if g.win.Canvas().Overlays().Top() != nil {
		t.Error("the sheet stays")
	}
}

func TestMarketingNeedsConsentWhichCanBeRecordedOnTheSpot(t *testing.T) {
	m := equipped()
	g := opened(t, m, "g")
	g.press(fyne.KeyT, ctrl)
	g.typeText("spring")
	g.wantShown("this customer has not agreed")
	test.Tap(kit.Find(g.win.Canvas().Overlays().Top(), "Record…").(fyne.Tappable))
	g.heard("consent shown")
	g.typeText("ok")
	g.press(fyne.KeyReturn, 0)
	g.wantShown("A few words are needed.")
	g.typeText(", signed form of 3 May")
	g.press(fyne.KeyReturn, 0)
	g.until("recorded", func() bool {
		b, ok := wishOf[inbox.RecordConsent](m)
		return ok && b.Proof == "ok, signed form of 3 May" && b.Conversation == "g"
	})
}

func TestTemplatesSayWhyTheyCannotBeSent(t *testing.T) {
	english(t)
	m := equipped()
	s := newStaff(m.me, m.people)
	c := inbox.Conversation{ID: "c", Inbox: "sales", Contact: inbox.Contact{Alias: "A"}}
	consent := func(k inbox.Consent) inbox.Conversation { x := c; x.Consent = k; return x }
	t1, t2, t3, t4 := m.templates[0], m.templates[1], m.templates[2], m.templates[3]
	for _, x := range []struct {
		rule   string
		t      inbox.Template
		values []string
		file   string
		c      inbox.Conversation
		why    string
		cost   string
		record bool
	}{
		{"filled in, it can go", t1, []string{"a", "b"}, "", c, "", "Utility", false},
		{"a gap is empty", t1, []string{"a", " "}, "", c, "Still empty: Field 2", "Utility", false},
		{"a value of two lines", t1, []string{"a", "b\nc"}, "", c, "A value must be one line without long gaps.", "Utility", false},
		{"a variable nobody knows", t1, []string{"{{contact.shoe_size}}", "b"}, "", c, "One of the placeholders does not exist.", "Utility", false},
		{"not approved", t3, []string{"a"}, "", c, "Waits for WhatsApp's approval", "Utility", false},
		{"rejected, with WhatsApp's word", t4, nil, "", c, "Rejected by WhatsApp · invalid format", "Marketing", true},
		{"marketing without consent", t2, nil, "a.png", c, "Marketing: this customer has not agreed", "Marketing", true},
		{"marketing after a withdrawal cannot be recorded", t2, nil, "a.png", consent(inbox.Consent{Marketing: inbox.Withdrawn, At: ago(time.Hour)}), "Marketing: this customer withdrew on 21 Nov", "Marketing", false},
		{"marketing with consent needs its picture", t2, nil, "", consent(inbox.Consent{Marketing: inbox.Given, At: ago(time.Hour)}), "Above the text: Photo: Not chosen yet", "Marketing", false},
		{"marketing with consent and picture", t2, nil, "a.png", consent(inbox.Consent{Marketing: inbox.Given, At: ago(time.Hour)}), "", "Marketing", false},
		{"a customer who stopped everything", t1, []string{"a", "b"}, "", consent(inbox.Consent{Templates: inbox.Withdrawn}), "This customer wants nothing but answers", "Utility", false},
	} {
		v := templateView(x.t, x.values, x.file, x.c, m.inboxes[0], s, at1453)
		if v.Why != x.why || v.Cost.Text != x.cost || v.Record != x.record {
			t.Errorf("%s: %q, cost %q, record %v", x.rule, v.Why, v.Cost.Text, v.Record)
		}
	}
	said := ""
	for _, sp := range templateView(t1, []string{"morgen"}, "", c, m.inboxes[0], s, at1453).Preview.BodySpans {
		said += sp.Text
	}
	if !strings.Contains(said, "morgen") || !strings.Contains(said, "[Field 2]") || strings.Contains(said, "{{") {
		t.Errorf("a gap without a value is shown as %q", said)
	}
	free := c
	free.FreeUntil = ago(-time.Hour)
	if v := templateView(t1, nil, "", free, m.inboxes[0], s, at1453); v.Cost.Text != "Free" {
		t.Errorf("within the free time it costs %q", v.Cost.Text)
	}
}

func TestPersonalVariablesLookHiddenAndOthersAreFilledIn(t *testing.T) {
	english(t)
	s := newStaff(inbox.Person{ID: "me", Name: "Katja Moor"}, nil)
	var got []string
	for _, sp := range spansOf("Hi {{contact.first_name}}, {{agent.name}} of {{inbox.name}} {{1}} {{ contact.name }}", s, inbox.Inbox{Name: "Sales"}) {
		text := sp.Text
		if sp.Kind != inbox.Plain {
			text = "<" + text + ">"
		}
		got = append(got, text)
	}
	if want := "Hi <Customer's first name>, Katja Moor of Sales {{1}} <Customer's name>"; strings.Join(got, "") != want {
		t.Errorf("%q", strings.Join(got, ""))
	}
}

func TestTypingIsToldAtMostEveryTwentySecondsAndOnlyOnline(t *testing.T) {
	m := equipped()
	g := opened(t, m, "k")
	told := func() (n int) {
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, q := range m.asked {
			if x, ok := q.(inbox.Typing); ok && x.Conversation == "k" {
				n++
			}
		}
		return n
	}
	g.typeText("Hello there")
	g.until("told", func() bool { return told() == 1 })
	g.typeText(" and more")
	g.rest()
	if told() != 1 {
		t.Errorf("told %d times within a second", told())
	}
	g.pass(21 * time.Second)
	g.typeText("!")
	g.until("told again", func() bool { return told() == 2 })
	m.mu.Lock()
	m.link = Link{State: LinkNoNetwork}
	m.mu.Unlock()
	m.poke()
	g.heard("state offline")
	g.pass(21 * time.Second)
	g.typeText("?")
	g.rest()
	if told() != 2 {
		t.Error("told while offline")
	}
}

func TestRefusedWishesSayWhy(t *testing.T) {
	m := equipped()
	msg := out(time.Minute, "me", inbox.Failed, "zu viel")
	msg.ID, msg.Cause, msg.Failure, msg.Kind, msg.Conversation = "i1", "i1", inbox.FailRefusedByUs, inbox.Text, "k"
	m.messages["k"] = append(m.messages["k"], msg)
	m.refused = map[inbox.IntentID]inbox.Refusal{"i1": inbox.RefusedVariable}
	g := opened(t, m, "k")
	g.wantShown("One of the placeholders has no value for this customer.")
}

func TestEveryRefusalAndFailureHasWords(t *testing.T) {
	english(t)
	for r := inbox.RefusedRight; r <= inbox.RefusedJoined; r++ {
		if text := refusalText(r); text == "" || strings.Contains(text, "refused.") {
			t.Errorf("refusal %d: %q", r, text)
		}
	}
	other := failureText(inbox.Failure(999))
	for f := inbox.FailWindow; f <= inbox.FailNumberNeeded; f++ {
		if text := failureText(f); text == other {
			t.Errorf("failure %d has no words of its own", f)
		}
	}
	s := newStaff(inbox.Person{ID: "me"}, nil)
	for w := inbox.WhatAssigned; w <= inbox.WhatSentOutside; w++ {
		m := inbox.Message{Kind: inbox.System, What: w, Author: "me"}
		if text := happenedText(&m, s, at1453); text == "" || text == word("happened.other") && w != inbox.WhatOtherHappened {
			t.Errorf("happening %d: %q", w, text)
		}
	}
	seen := map[string]bool{}
	for k := inbox.IncidentSentOutside; k <= inbox.IncidentIdentity; k++ {
		if text := incidentWord(k); seen[text] {
			t.Errorf("incident %d: %q is another one's", k, text)
		} else {
			seen[text] = true
		}
	}
}

func TestAHeldInboxSaysSoAboveTheFieldAndOnWaitingMessages(t *testing.T) {
	m := equipped()
	g := opened(t, m, "k")
	m.mu.Lock()
	m.inboxes[0].State = inbox.InboxHeld
	m.mu.Unlock()
	m.poke()
	g.wantShown("Yours wait and will be sent. IT has been told.")
	g.typeText("Dann bis morgen")
	g.press(fyne.KeyReturn, 0)
	g.wantShown("Waits: WhatsApp does not accept our messages now")
	m.mu.Lock()
	m.inboxes[0].State = inbox.InboxWorking
	m.mu.Unlock()
	m.poke()
	g.until("calm again", func() bool { return !g.shows("IT has been told") && !g.shows("Waits: WhatsApp") })
}

func TestAJoinedConversationLeadsOn(t *testing.T) {
	m := equipped()
	row := *m.rows["g"]
	row.Into = "k"
	m.rows["g"] = &row
	g := opened(t, m, "g")
	g.wantShown("This conversation goes on elsewhere")
	g.press(fyne.KeyReturn, 0) // the button has the keyboard
	g.heard("conversation opened k")
}

func TestPagesAreForThoseWhoMay(t *testing.T) {
	m := equipped()
	m.me.Role = inbox.Agent
	g := opened(t, m, "k")
	for _, key := range []fyne.KeyName{fyne.Key6, fyne.Key7, fyne.Key8} {
		g.press(key, ctrl)
		if g.ui.desk.page != pageInbox {
			t.Errorf("%s leads an agent away", key)
		}
	}
	for _, it := range g.ui.desk.paletteItems("") {
		if it.Title == "Costs" || it.Title == "Incidents" {
			t.Errorf("the palette offers %s", it.Title)
		}
	}
	for _, q := range m.asked {
		if _, ok := q.(inbox.AskCosts); ok {
			t.Error("costs were asked for an agent")
		}
	}
}

func TestCostsAreAskedByMonthAndInbox(t *testing.T) {
	m := equipped()
	g := opened(t, m, "k")
	last := func() (q inbox.AskCosts) {
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, x := range m.asked {
			if c, ok := x.(inbox.AskCosts); ok && c.Conversation == "" {
				q = c
			}
		}
		return q
	}
	g.press(fyne.Key8, ctrl)
	g.until("this month", func() bool { return last() == inbox.AskCosts{From: "2025-11-01", To: "2025-11-30"} })
	g.wantShown("November 2025")
	g.press(fyne.KeyRight, 0) // there is nothing after today
	g.press(fyne.KeyLeft, 0)
	g.until("the month before", func() bool { return last() == inbox.AskCosts{From: "2025-10-01", To: "2025-10-31"} })
	test.Tap(kit.Find(g.ui.desk.root, "Service").(fyne.Tappable))
	g.until("one inbox", func() bool { return last() == inbox.AskCosts{From: "2025-10-01", To: "2025-10-31", Inbox: "service"} })
	g.press(fyne.KeyEscape, 0)
	if g.ui.desk.page != pageInbox {
		t.Error("Escape leads back to the inbox")
	}
}

func TestCostsAddUp(t *testing.T) {
	english(t)
	c := inbox.Costs{Currency: "EUR", Lines: []inbox.CostLine{
		{Day: "2025-11-03", Class: inbox.CostMarketing, Messages: 10, Billed: 9, Amount: 1_131_000},
		{Day: "2025-11-03", Class: inbox.CostService, Messages: 40},
		{Day: "2025-11-20", Class: inbox.CostUtility, Messages: 2, Billed: 2, Amount: 1_234_560_000},
	}}
	v := costsView(c, noon, at1453)
	if v.Sum != "1,235.69 EUR" || v.Line != "11 billed of 52 messages" || len(v.Days) != 21 || len(v.Rows) != 3 || !v.Money || v.Empty {
		t.Errorf("%q %q, %d days, %d rows", v.Sum, v.Line, len(v.Days), len(v.Rows))
	}
	if v.Rows[0].Day != "Thu, 20 Nov" || v.Rows[1].Count[0] != 10 || !v.Rows[2].Total || v.Rows[2].Count[2] != 40 {
		t.Errorf("%+v", v.Rows)
	}
	if v := costsView(inbox.Costs{}, noon, at1453); !v.Empty {
		t.Error("a month without messages is empty")
	}
}

func TestRequestsSayHowMuchTimeIsLeft(t *testing.T) {
	english(t)
	s := newStaff(inbox.Person{ID: "me"}, nil)
	for _, c := range []struct {
		due  time.Duration
		text string
		tone Tone
	}{{20 * 24 * time.Hour, "Due 11 Dec", ToneQuiet}, {10 * 24 * time.Hour, "11 days left, 1 Dec", ToneWarn}, {30 * time.Hour, "2 days left, 22 Nov", ToneDanger}, {-time.Hour, "Overdue since 21 Nov", ToneDanger}} {
		v := requestView(inbox.Request{Kind: inbox.RequestErasure, Due: ago(-c.due)}, nil, house{}, s, at1453)
		if v.Due.Text != c.text || v.Due.Tone != c.tone || !v.Open {
			t.Errorf("%v: %+v", c.due, v.Due)
		}
	}
	if v := requestView(inbox.Request{State: inbox.RequestDone, Due: ago(time.Hour)}, nil, house{}, s, at1453); v.Due.Text != "" || v.Open {
		t.Error("what is done is not due")
	}
}

func TestPlacesAndChoicesAreCheckedAsTheyAreTyped(t *testing.T) {
	english(t)
	for _, c := range []struct{ lat, lon, problem string }{
		{"48,1371", "11.5754", ""}, {"91", "0", "Latitude is between −90 and 90."}, {"0", "x", "Longitude is between −180 and 180."}, {"-33.9", "-151,2", ""},
	} {
		if _, _, problem := placeOf(c.lat, c.lon); problem != c.problem {
			t.Errorf("%s %s: %q", c.lat, c.lon, problem)
		}
	}
	wish := inbox.SendInteractive{Text: "When?", Options: []inbox.Option{{Title: "Morning"}, {Title: "Morning"}}}
	if got := choicesProblem(wish, false); got != "Two choices are the same." {
		t.Error(got)
	}
	wish.Options[1].Title = "A label that is far too long"
	if got := choicesProblem(wish, false); got != "Something is longer than WhatsApp takes." {
		t.Error(got)
	}
	wish.Options[1].Title = "Afternoon"
	if got := choicesProblem(wish, false); got != "" {
		t.Error(got)
	}
	if got := choicesProblem(wish, true); got != "The label that opens the list is still missing." {
		t.Error(got)
	}
}

func TestCardsPlacesAndChoicesAreSent(t *testing.T) {
	m := equipped()
	g := opened(t, m, "k")
	d := g.ui.desk
	d.showCards()
	g.press(fyne.KeyReturn, 0)
	g.until("card", func() bool { b, ok := wishOf[inbox.SendCard](m); return ok && b.Card == "service-desk" })
	d.showLocation()
	for _, text := range []string{"Ausstellung", "Hauptstraße 1", "48,1371", "11,5754"} {
		g.typeText(text)
		g.press(fyne.KeyReturn, 0)
	}
	g.until("place", func() bool {
		b, ok := wishOf[inbox.SendLocation](m)
		return ok && b.Latitude == 48.1371 && b.Longitude == 11.5754 && b.Name == "Ausstellung"
	})
	g.typeText("When does it suit you?")
	d.showChoices(false)
	g.press(fyne.KeyReturn, 0) // the text came along
	g.press(fyne.KeyReturn, 0) // no footer
	g.typeText("Morning")
	g.press(fyne.KeyReturn, 0)
	g.typeText("Afternoon")
	g.press(fyne.KeyReturn, 0)
	g.press(fyne.KeyReturn, 0)
	g.until("choices", func() bool {
		b, ok := wishOf[inbox.SendInteractive](m)
		return ok && b.Text == "When does it suit you?" && len(b.Options) == 2 && b.Options[1].Title == "Afternoon"
	})
	if d.comp.text() != "" {
		t.Error("the text that became the message stays in the field")
	}
}

func TestUnknownVariablesDoNotLeave(t *testing.T) {
	m := equipped()
	g := opened(t, m, "k")
	g.typeText("Hi {{contact.shoe_size}}")
	g.press(fyne.KeyReturn, 0)
	g.wantShown("One of the placeholders does not exist.")
	if _, ok := wishOf[inbox.SendText](m); ok || g.ui.desk.comp.text() == "" {
		t.Error("it was sent, or lost")
	}
}
