package store

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"sealdesk/app/inbox"
)

// known fills a store with what messages are made of.
func known(t testing.TB, s *Store) {
	t.Helper()
	try(t, s.Apply(context.Background(), stretch(numberA.Log(), 0, opened("c"), from(inbox.FromContact, "c", "m1", "where?"),
		inbox.TemplateChanged{Template: inbox.Template{ID: "t1", Inbox: "a", Name: "order", Language: "en", Category: inbox.Utility, State: inbox.TemplateApproved,
			Header: inbox.TemplateHeader{Kind: inbox.Text, Text: "Order {{1}}"}, Body: "Hello {{name}}, it is here.", Footer: "Shop",
			Buttons: []inbox.TemplateButton{{Kind: inbox.ChoiceLink, Text: "Track"}},
			Fields:  []inbox.TemplateField{{Place: inbox.InHeader, Name: "1"}, {Place: inbox.InBody, Name: "name"}}}},
		inbox.TemplateChanged{Template: inbox.Template{ID: "t2", Inbox: "a", State: inbox.TemplateApproved, Header: inbox.TemplateHeader{Kind: inbox.Image}, Body: "New"}},
		inbox.TemplateChanged{Template: inbox.Template{ID: "t3", Inbox: "a", State: inbox.TemplatePaused, Body: "Resting"}}),
		stretch(inbox.CompanyLog, 0, inbox.CardChanged{Card: inbox.CompanyCard{ID: "desk", Name: "Front Desk", Company: "Shop"}},
			inbox.CardChanged{Card: inbox.CompanyCard{ID: "old", Name: "Old Desk", Removed: true}})))
}

func TestEveryMessageShowsAtOnceAndStaysUntilItsEventOrADecision(t *testing.T) {
	ctx := context.Background()
	for name, tt := range map[string]struct {
		body  func(s *Store) inbox.IntentBody
		want  inbox.Message
		typed string
		clear bool // the draft goes with it
	}{
		"text": {func(*Store) inbox.IntentBody { return inbox.SendText{Conversation: "c", Text: "Dear {{contact.name}}"} },
			inbox.Message{Kind: inbox.Text, Body: inbox.PlainText("Dear {{contact.name}}")}, "Dear {{contact.name}}", true},
		"template": {func(*Store) inbox.IntentBody {
			return inbox.SendTemplate{Conversation: "c", Template: "t1", Values: []string{"77", "{{contact.first_name}}"}}
		}, inbox.Message{Kind: inbox.Templated, Header: inbox.PlainText("Order 77"), Body: inbox.PlainText("Hello {{contact.first_name}}, it is here."),
			Footer: inbox.PlainText("Shop"), Choices: []inbox.Choice{{Kind: inbox.ChoiceLink, Title: inbox.PlainText("Track")}}}, "", false},
		"template with a picture": {func(s *Store) inbox.IntentBody {
			return inbox.SendTemplate{Conversation: "c", Template: "t2", Media: attach(t, s, "c", "new.png", "image/png", []byte("png")).ID}
		}, inbox.Message{Kind: inbox.Templated, Body: inbox.PlainText("New"),
			Media: &inbox.Media{Type: "image/png", Size: 3, Name: inbox.PlainText("new.png"), State: inbox.MediaReady}}, "", false},
		"buttons": {func(*Store) inbox.IntentBody {
			return inbox.SendInteractive{Conversation: "c", Text: "Which?", Header: "Choose", Footer: "Shop", Options: []inbox.Option{{Title: "Red"}, {Title: "Blue"}}, Quote: "m1"}
		}, inbox.Message{Kind: inbox.Interactive, Header: inbox.PlainText("Choose"), Body: inbox.PlainText("Which?"), Footer: inbox.PlainText("Shop"),
			Choices: []inbox.Choice{{Kind: inbox.ChoiceReply, Title: inbox.PlainText("Red")}, {Kind: inbox.ChoiceReply, Title: inbox.PlainText("Blue")}},
			Quote:   &inbox.Quote{Message: "m1", Side: inbox.FromContact, Excerpt: inbox.PlainText("where?")}}, "Which?", false},
		"list": {func(*Store) inbox.IntentBody {
			return inbox.SendInteractive{Conversation: "c", Text: "Which?", Menu: "Open", Options: []inbox.Option{{Title: "Red", Note: "like wine"}}}
		}, inbox.Message{Kind: inbox.Interactive, Body: inbox.PlainText("Which?"),
			Choices: []inbox.Choice{{Kind: inbox.ChoiceRow, Title: inbox.PlainText("Red"), Note: inbox.PlainText("like wine")}}}, "Which?", false},
		"place": {func(*Store) inbox.IntentBody {
			return inbox.SendLocation{Conversation: "c", Latitude: 52.5, Longitude: 13.4, Name: "Shop", Address: "1 High Street", Quote: "m1"}
		}, inbox.Message{Kind: inbox.Location, Body: inbox.PlainText("Shop\n1 High Street"),
			Quote: &inbox.Quote{Message: "m1", Side: inbox.FromContact, Excerpt: inbox.PlainText("where?")}}, "", false},
		"place without a name": {func(*Store) inbox.IntentBody {
			return inbox.SendLocation{Conversation: "c", Latitude: 52.5, Longitude: -13.4}
		},
			inbox.Message{Kind: inbox.Location, Body: inbox.PlainText("52.50000, -13.40000")}, "", false},
		"card": {func(*Store) inbox.IntentBody { return inbox.SendCard{Conversation: "c", Card: "desk"} },
			inbox.Message{Kind: inbox.ContactCard, Body: inbox.PlainText("Front Desk\nShop")}, "", false},
		"file without a caption": {func(s *Store) inbox.IntentBody {
			return inbox.SendMedia{Conversation: "c", Media: attach(t, s, "c", "a.zip", "application/zip", []byte("zip")).ID}
		}, inbox.Message{Kind: inbox.Document, Media: &inbox.Media{Type: "application/zip", Size: 3, Name: inbox.PlainText("a.zip"), State: inbox.MediaReady}}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t)
			s := mustOpen(t, cfg)
			known(t, s)
			try(t, s.SetDraft(ctx, "c", "half a thought"))
			try(t, s.Submit(ctx, wish("i1", tt.body(s))))
			want := tt.want
			want.ID, want.Conversation, want.At, want.Side, want.Author, want.Receipt, want.Cause = "i1", "c", start.Add(1e12), inbox.FromPerson, me, inbox.Queued, "i1"
			last := func() inbox.Message {
				t.Helper()
				p, err := s.Page(ctx, "c", PageCursor{}, 9)
				try(t, err)
				m := p.Messages[len(p.Messages)-1]
				if m.Media != nil { // its name is random
					bare := *m.Media
					bare.ID, m.Media = "", &bare
				}
				return m
			}
			for range 2 {
				if d := gocmp.Diff(want, last()); d != "" {
					t.Error(d)
				}
				if r := row(t, s, "c"); r.LastKind != want.Kind || !r.Snippet.Equal(want.Body.Excerpt(120)) || r.LastReceipt != inbox.Queued || (r.Draft == "") != tt.clear {
					t.Errorf("the row shows a %d", r.LastKind)
				}
				if text, ok := s.Typed("i1"); text != tt.typed || ok != (tt.typed != "") {
					t.Error("what was typed is something else")
				}
				s = reopened(t, s, cfg)
			}
			for refusal, failure := range map[inbox.Refusal]inbox.Failure{inbox.RefusedConsent: inbox.FailStopped} {
				try(t, s.Settle(ctx, inbox.Outcome{Intent: "i1", Refusal: refusal}))
				s = reopened(t, s, cfg)
				if why, ok := s.Refusal("i1"); !ok || why != refusal || last().Receipt != inbox.Failed || last().Failure != failure {
					t.Errorf("refused with %d", why)
				}
			}
			try(t, s.Submit(ctx, wish("i2", inbox.SendAgain{Conversation: "c", Message: "i1"})))
			s = reopened(t, s, cfg)
			want.ID, want.Cause = "i2", "i2"
			if d := gocmp.Diff(want, last()); d != "" {
				t.Error(d)
			}
			// Something else that follows from the wish is not the message yet.
			try(t, s.Apply(ctx, answer(5, "i2", inbox.FreeEntryMoved{Conversation: "c", Until: start})))
			if got := last(); got.ID != "i2" {
				t.Error("gone before its event came")
			}
			try(t, s.Apply(ctx, answer(6, "i2", from(inbox.FromPerson, "c", "m2", "as the relay has it"))))
			try(t, s.Settle(ctx, inbox.Outcome{Intent: "i2"}))
			s = reopened(t, s, cfg)
			if got := last(); got.ID != "m2" || len(pending(t, s)) != 0 || len(s.items) != 0 {
				t.Errorf("in the end it is %s", got.ID)
			}
		})
	}
}

func TestWhatTheRelayWouldRefuseForSureIsRefusedAtOnce(t *testing.T) {
	ctx := context.Background()
	s := mustOpen(t, config(t))
	known(t, s)
	elsewhere := attach(t, s, "d", "a.txt", "text/plain", []byte("x"))
	for name, tt := range map[string]struct {
		body inbox.IntentBody
		want inbox.Refusal
	}{
		"no such template":      {inbox.SendTemplate{Conversation: "c", Template: "t9"}, inbox.RefusedTemplate},
		"a gap left":            {inbox.SendTemplate{Conversation: "c", Template: "t1", Values: []string{"77"}}, inbox.RefusedTemplate},
		"a template that rests": {inbox.SendTemplate{Conversation: "c", Template: "t3"}, inbox.RefusedTemplate},
		"a picture missing":     {inbox.SendTemplate{Conversation: "c", Template: "t2"}, inbox.RefusedTemplate},
		"a card removed":        {inbox.SendCard{Conversation: "c", Card: "old"}, inbox.RefusedUnknown},
		"no such card":          {inbox.SendCard{Conversation: "c", Card: "none"}, inbox.RefusedUnknown},
		"too many buttons":      {inbox.SendInteractive{Conversation: "c", Text: "?", Options: make([]inbox.Option, 4)}, inbox.RefusedTooLong},
		"off the globe":         {inbox.SendLocation{Conversation: "c", Latitude: 91}, inbox.RefusedMalformed},
		"nowhere":               {inbox.SendLocation{Conversation: "c", Longitude: math.NaN()}, inbox.RefusedMalformed},
		"no file":               {inbox.SendMedia{Conversation: "c"}, inbox.RefusedMedia},
		"another's file":        {inbox.SendMedia{Conversation: "c", Media: elsewhere.ID}, inbox.RefusedMedia},
		"a file detached":       {inbox.SendMedia{Conversation: "c", Media: attachedHere + "none"}, inbox.RefusedMedia},
		"a long caption":        {inbox.SendMedia{Conversation: "d", Media: elsewhere.ID, Caption: strings.Repeat("x", maxCaption+1)}, inbox.RefusedTooLong},
		"consent without proof": {inbox.RecordConsent{Conversation: "c", Proof: " "}, inbox.RefusedEmpty},
	} {
		if err := s.Submit(ctx, wish("i1", tt.body)); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(pending(t, s)) != 0 || len(s.Attachments("d")) != 1 {
		t.Error("something was kept")
	}
}

func TestConsentIsRecordedWithoutABubble(t *testing.T) {
	ctx := context.Background()
	s := mustOpen(t, config(t))
	known(t, s)
	try(t, s.Submit(ctx, wish("i1", inbox.RecordConsent{Conversation: "c", Proof: "form in the shop"})))
	if len(texts(t, s, "c")) != 1 || len(pending(t, s)) != 1 || row(t, s, "c").Consent != (inbox.Consent{}) {
		t.Error("it shows")
	}
	given := inbox.Consent{Marketing: inbox.Given, Source: inbox.FromRecord, By: me}
	try(t, s.Apply(ctx, answer(5, "i1", inbox.ConsentChanged{Conversation: "c", Consent: given})))
	if len(pending(t, s)) != 0 || row(t, s, "c").Consent != given {
		t.Error("it is not taken in")
	}
}
