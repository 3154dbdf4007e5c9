package relay

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
)

// send puts a message of ours into the customer's conversation as if it had left, and returns its id.
func (d *intakeDesk) send(c inbox.ConversationID, kind inbox.MessageKind) inbox.MessageID {
	d.t.Helper()
	id := inbox.NewID[inbox.MessageID]()
	err := d.db.Update(d.t.Context(), eventlog.Shard(d.one.Log()), func(tx ledger.Tx) error {
		_, err := eventlog.Append(tx, inbox.At(d.now), "", inbox.MessageAdded{Message: inbox.Message{
			ID: id, Conversation: c, At: inbox.At(d.now), Side: inbox.FromPerson, Author: "p", Kind: kind, Body: inbox.PlainText("hello"), Receipt: inbox.Queued,
		}})
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return id
}

func priced(category, kind string) object {
	return object{"billable": kind == "regular", "pricing_model": "PMP", "category": category, "type": kind}
}

func (d *intakeDesk) ask(p inbox.Person, q inbox.AskCosts) inbox.Costs {
	d.t.Helper()
	costs, err := d.costs(d.t.Context(), p, q)
	if err != nil {
		d.t.Fatal(err)
	}
	return costs
}

var boss = inbox.Person{ID: "boss", Role: inbox.Supervisor, Inboxes: []inbox.InboxID{"support"}}

func (d *intakeDesk) boss() inbox.Person {
	b := boss
	b.Inboxes = []inbox.InboxID{d.one, d.two}
	return b
}

const (
	noon   = 1794744000 // 2026-11-15 12:00 UTC
	theDay = "2026-11-15"
)

var thatDay = inbox.AskCosts{From: theDay, To: theDay}

func TestAMessageIsCountedOnceWhenItIsDelivered(t *testing.T) {
	sent := statusHook("W1", "sent", noon, object{"recipient_id": "4915155501234", "pricing": priced("utility", "regular")})
	delivered := statusHook("W1", "delivered", noon+1, object{"recipient_id": "4915155501234", "pricing": priced("utility", "regular")})
	bare := statusHook("W1", "delivered", noon+1, object{"recipient_id": "4915155501234"})
	read := statusHook("W1", "read", noon+2, object{"recipient_id": "4915155501234"})
	failed := statusHook("W1", "failed", noon+1, object{"recipient_id": "4915155501234", "errors": []any{object{"code": 131026}}})
	for name, x := range map[string]struct {
		all  [][]byte
		want int
	}{
		"sent, delivered, read":          {[][]byte{sent, delivered, read}, 1},
		"read before all":                {[][]byte{read, delivered, sent}, 1},
		"the price with sent alone":      {[][]byte{sent, bare}, 1},
		"and that comes last":            {[][]byte{read, sent}, 1},
		"delivered alone":                {[][]byte{delivered}, 1},
		"not delivered":                  {[][]byte{sent}, 0},
		"failed after it was sent":       {[][]byte{sent, failed}, 0},
		"delivered without a price ever": {[][]byte{bare, read}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := newIntakeDesk(t)
			for range 3 {
				for _, b := range x.all {
					d.feed(b)
				}
			}
			n := 0
			for _, l := range d.ask(d.boss(), thatDay).Lines {
				n += l.Messages
			}
			if n != x.want {
				t.Errorf("counted %d times", n)
			}
		})
	}
}

func TestAClassFollowsWhatsAppsWords(t *testing.T) {
	for _, x := range []struct {
		category, kind string
		class          inbox.CostClass
		billed         int
	}{
		{"utility", "regular", inbox.CostUtility, 1}, {"utility", "free_customer_service", inbox.CostFree, 0},
		{"marketing", "regular", inbox.CostMarketing, 1}, {"marketing_lite", "regular", inbox.CostMarketing, 1},
		{"marketing", "free_entry_point", inbox.CostFree, 0}, {"referral_conversion", "free_entry_point", inbox.CostFree, 0},
		{"authentication", "regular", inbox.CostAuthentication, 1}, {"authentication_international", "regular", inbox.CostAuthentication, 1},
		{"service", "regular", inbox.CostFree, 0}, // the month's allowance
		{"holograms", "regular", inbox.CostUnknown, 1},
	} {
		d := newIntakeDesk(t)
		d.feed(statusHook("W1", "delivered", noon, object{"recipient_id": "4915155501234", "pricing": priced(x.category, x.kind)}))
		got := d.ask(d.boss(), thatDay)
		if len(got.Lines) != 1 || got.Lines[0].Class != x.class || got.Lines[0].Billed != x.billed || got.Lines[0].Day != theDay {
			t.Errorf("%s %s: %+v", x.category, x.kind, got.Lines)
		}
		if unpriced := x.class == inbox.CostUnknown; (got.Unpriced == 1) != unpriced {
			t.Errorf("%s: %d without a price", x.category, got.Unpriced)
		}
		if got.Currency != "EUR" || x.billed == 1 && x.class != inbox.CostUnknown && got.Lines[0].Amount == 0 {
			t.Errorf("%s: no amount", x.category)
		}
	}
}

func TestAnAmountIsThatOfTheDayAndTheCountry(t *testing.T) {
	d := newIntakeDesk(t)
	prices, err := parseRates("test", `
currency = "EUR"
[[period]]
valid_from = "2026-11-15"
free_service = 2
[[period.price]]
countries = ["DE"]
utility = 0.05
service = 0.01
[[period.price]]
countries = ["*"]
utility = 0.02
service = 0.003
[[period]]
valid_from = "2026-01-01"
[[period.price]]
countries = ["*"]
utility = 1
`)
	if err != nil {
		t.Fatal(err)
	}
	d.rates = prices
	d.feed(
		statusHook("A", "delivered", noon, object{"recipient_id": "4915155501234", "pricing": priced("utility", "regular")}),
		statusHook("B", "delivered", noon, object{"recipient_id": "393331234567", "pricing": priced("utility", "regular")}),
		statusHook("C", "delivered", noon-86400, object{"recipient_id": "4915155501234", "pricing": priced("utility", "regular")}),
		statusHook("D", "delivered", noon, object{"recipient_user_id": "DE.1349120865530274", "pricing": priced("utility", "regular")}),
	)
	for i := range 5 { // two are free
		d.feed(statusHook(fmt.Sprint("S", i), "delivered", noon, object{"recipient_id": "4915155501234", "pricing": priced("service", "regular")}))
	}
	got := d.ask(d.boss(), inbox.AskCosts{From: "2026-11-14", To: theDay})
	want := []inbox.CostLine{
		{Day: "2026-11-14", Class: inbox.CostUtility, Messages: 1, Billed: 1, Amount: 1_000_000},
		{Day: theDay, Class: inbox.CostFree, Messages: 2},
		{Day: theDay, Class: inbox.CostService, Messages: 3, Billed: 3, Amount: 30_000},
		{Day: theDay, Class: inbox.CostUtility, Messages: 3, Billed: 3, Amount: 120_000},
	}
	if !slices.Equal(got.Lines, want) {
		t.Errorf("%+v", got.Lines)
	}
	d.rates, _ = parseRates("test", "currency = \"CHF\"\n[[period]]\nvalid_from = \"2026-01-01\"")
	if again := d.ask(d.boss(), inbox.AskCosts{From: "2026-11-14", To: theDay}); !slices.Equal(again.Lines, want) {
		t.Error("new rates changed old amounts")
	}
}

func TestCostsAreToldToWhoMayKnow(t *testing.T) {
	d := newIntakeDesk(t)
	d.feed(from(testNumber, byBoth, "A", noon-100, "text", text("one")), from(otherNumber, byBoth, "B", noon-100, "text", text("two")))
	here, there := d.conversations(d.one)[0].ID, d.conversations(d.two)[0].ID
	m := d.send(here, inbox.Text)
	d.feed(statusHook("W1", "delivered", noon, object{"biz_opaque_callback_data": string(m), "recipient_id": "4915155501234", "pricing": priced("marketing", "regular")}))
	all := d.boss()
	agent := inbox.Person{ID: "a", Role: inbox.Agent, Inboxes: []inbox.InboxID{d.one}}
	elsewhere := inbox.Person{ID: "s", Role: inbox.Supervisor, Inboxes: []inbox.InboxID{d.two}}
	for name, x := range map[string]struct {
		who  inbox.Person
		q    inbox.AskCosts
		want int
		err  error
	}{
		"all inboxes":             {all, thatDay, 1, nil},
		"one inbox":               {all, inbox.AskCosts{From: theDay, To: theDay, Inbox: d.one}, 1, nil},
		"the other inbox":         {all, inbox.AskCosts{From: theDay, To: theDay, Inbox: d.two}, 0, nil},
		"the conversation":        {all, inbox.AskCosts{From: theDay, To: theDay, Conversation: here}, 1, nil},
		"another conversation":    {all, inbox.AskCosts{From: theDay, To: theDay, Conversation: there}, 0, nil},
		"the day before":          {all, inbox.AskCosts{From: "2026-11-01", To: "2026-11-14"}, 0, nil},
		"400 days":                {all, inbox.AskCosts{From: "2025-10-12", To: theDay}, 1, nil},
		"401 days":                {all, inbox.AskCosts{From: "2025-10-11", To: theDay}, 0, inbox.RefusedMalformed},
		"backwards":               {all, inbox.AskCosts{From: theDay, To: "2026-11-14"}, 0, inbox.RefusedMalformed},
		"no day":                  {all, inbox.AskCosts{From: "yesterday", To: theDay}, 0, inbox.RefusedMalformed},
		"an agent":                {agent, thatDay, 0, inbox.RefusedRight},
		"an agent, one inbox":     {agent, inbox.AskCosts{From: theDay, To: theDay, Inbox: d.one}, 0, inbox.RefusedRight},
		"an agent, conversation":  {agent, inbox.AskCosts{From: theDay, To: theDay, Conversation: here}, 0, inbox.RefusedRight},
		"a supervisor elsewhere":  {elsewhere, inbox.AskCosts{From: theDay, To: theDay, Conversation: here}, 0, inbox.RefusedUnknown},
		"elsewhere, all":          {elsewhere, thatDay, 0, nil},
		"elsewhere, that inbox":   {elsewhere, inbox.AskCosts{From: theDay, To: theDay, Inbox: d.one}, 0, inbox.RefusedRight},
		"no such conversation":    {all, inbox.AskCosts{From: theDay, To: theDay, Conversation: "22222222222222222222222222"}, 0, inbox.RefusedUnknown},
		"a name that cannot be":   {all, inbox.AskCosts{From: theDay, To: theDay, Conversation: "../../x"}, 0, inbox.RefusedMalformed},
		"conversation, not there": {all, inbox.AskCosts{From: theDay, To: theDay, Conversation: here, Inbox: d.two}, 0, inbox.RefusedUnknown},
	} {
		got, err := d.costs(t.Context(), x.who, x.q)
		if !errors.Is(err, x.err) || err == nil && len(got.Lines) != x.want {
			t.Errorf("%s: %d lines, %v", name, len(got.Lines), err)
		}
	}
}

func TestARefusalOfMarketingIsAWithdrawal(t *testing.T) {
	d := newIntakeDesk(t)
	d.feed(from(testNumber, byBoth, "A", noon-100, "text", text("one")))
	c := d.conversations(d.one)[0].ID
	m := d.send(c, inbox.Templated)
	for range 2 {
		d.feed(statusHook("W1", "failed", noon, object{"biz_opaque_callback_data": string(m), "errors": []any{object{"code": 131050}}}))
	}
	got := d.conversations(d.one)[0].Consent
	if got.Marketing != inbox.Withdrawn || got.Source != inbox.FromRefusal || got.Templates != inbox.NotAsked {
		t.Errorf("%+v", got)
	}
	if n := what(d.messages(d.one), inbox.WhatStopped); n != 1 {
		t.Errorf("told %d times", n)
	}
	all := d.messages(d.one)
	if all[1].Receipt != inbox.Failed || all[1].Failure != inbox.FailStopped {
		t.Error("the message did not fail")
	}
}

func TestWhatsAppsWordOnTheFreeTimeCounts(t *testing.T) {
	d := newIntakeDesk(t)
	d.feed(from(testNumber, byBoth, "A", noon-100, "text", text("one")))
	c := d.conversations(d.one)[0].ID
	m := d.send(c, inbox.Text)
	state := func(state string, until int64, origin string) []byte {
		return statusHook("W1", state, noon, object{"biz_opaque_callback_data": string(m), "conversation": object{
			"id": "c1", "expiration_timestamp": fmt.Sprint(until), "origin": object{"type": origin},
		}})
	}
	d.feed(state("sent", noon+86400, "service"))
	if got := d.conversations(d.one)[0].FreeUntil; got != 0 {
		t.Error("an ordinary conversation is taken for a free one")
	}
	until := int64(noon + 72*3600)
	d.feed(state("delivered", until, "referral_conversion"), state("read", until, "referral_conversion"))
	if got := d.conversations(d.one)[0].FreeUntil; got != inbox.At(time.Unix(until, 0)) {
		t.Errorf("free until %d", got)
	}
	if n := count[inbox.FreeEntryMoved](d.events(d.one.Log())); n != 1 {
		t.Errorf("moved %d times", n)
	}
	d.feed(state("played", until-80*3600, "referral_conversion")) // of a free time long over
	if got := d.conversations(d.one)[0].FreeUntil; got != inbox.At(time.Unix(until, 0)) {
		t.Error("an older free time took the place of the newest")
	}
}

func TestAStatusTeachesWhoTheCustomerIs(t *testing.T) {
	d := newIntakeDesk(t)
	d.feed(from(testNumber, byNumber, "A", noon-100, "text", text("one")))
	m := d.send(d.conversations(d.one)[0].ID, inbox.Text)
	d.feed(statusHook("W1", "delivered", noon, object{
		"biz_opaque_callback_data": string(m), "recipient_id": "4915155501234", "recipient_user_id": "DE.1349120865530274",
	}))
	d.feed(from(testNumber, byUser, "B", noon+10, "text", text("without a number")))
	if c := d.conversations(d.one); len(c) != 1 {
		t.Errorf("%d conversations", len(c))
	}
	if n := d.incidents()[inbox.IncidentSentOutside]; n != 0 {
		t.Error("our own message is taken for somebody else's")
	}
}

func TestRatesThatCannotWorkSayWhy(t *testing.T) {
	const head = "currency = \"EUR\"\n[[period]]\nvalid_from = \"2026-10-01\"\n"
	for name, text := range map[string]string{
		"no TOML":            "currency = ",
		"no currency":        "[[period]]\nvalid_from = \"2026-10-01\"",
		"no period":          "currency = \"EUR\"",
		"no day":             "currency = \"EUR\"\n[[period]]\nvalid_from = \"soon\"",
		"unknown key":        head + "discount = 1",
		"negative allowance": head + "free_service = -1",
		"no countries":       head + "[[period.price]]\nutility = 0.1",
		"not a country":      head + "[[period.price]]\ncountries = [\"Germany\"]\nutility = 0.1",
		"a country twice":    head + "[[period.price]]\ncountries = [\"DE\"]\n[[period.price]]\ncountries = [\"DE\"]",
		"unknown category":   head + "[[period.price]]\ncountries = [\"DE\"]\nholograms = 0.1",
		"negative price":     head + "[[period.price]]\ncountries = [\"DE\"]\nutility = -0.1",
		"a price in words":   head + "[[period.price]]\ncountries = [\"DE\"]\nutility = \"cheap\"",
		"no number":          head + "[[period.price]]\ncountries = [\"DE\"]\nutility = nan",
		"one day twice":      head + "[[period]]\nvalid_from = \"2026-10-01\"",
	} {
		if _, err := parseRates("prices.toml", text); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	example, err := loadRates("")
	if err != nil {
		t.Fatal(err)
	}
	for _, category := range categories {
		for _, day := range []string{"2025-07-01", "2026-11-21"} {
			if _, ok := example.price(day, "DE", category); !ok {
				t.Errorf("the example has no price of %s on %s", category, day)
			}
		}
	}
	if _, ok := example.price("2025-06-30", "DE", "utility"); ok {
		t.Error("a price before the first day")
	}
	if n := example.freeService("2026-11-21"); n != 1000 {
		t.Errorf("%d service messages a month are free", n)
	}
	if _, err := loadRates("/nowhere/prices.toml"); !errors.Is(err, ErrConfig) {
		t.Error(err)
	}
}
