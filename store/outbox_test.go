package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"sealdesk/app/inbox"
)

func send(id, conv, text string) inbox.Intent {
	return inbox.Intent{ID: inbox.IntentID(id), At: start.Add(1e12), Body: inbox.SendText{Conversation: inbox.ConversationID(conv), Text: text}}
}

func wish(id string, b inbox.IntentBody) inbox.Intent {
	return inbox.Intent{ID: inbox.IntentID(id), At: start.Add(1e12), Body: b}
}

// answer is the event that follows from an intent.
func answer(after uint64, cause string, body inbox.EventBody) inbox.Batch {
	b := stretch(numberA.Log(), after, body)
	b.Events[0].Cause = inbox.IntentID(cause)
	return b
}

func pending(t testing.TB, s *Store) []string {
	t.Helper()
	list, err := s.Pending(context.Background())
	try(t, err)
	var out []string
	for _, i := range list {
		out = append(out, string(i.ID))
	}
	return out
}

func row(t testing.TB, s *Store, conv string) *Row {
	t.Helper()
	r, err := s.Conversation(context.Background(), inbox.ConversationID(conv))
	try(t, err)
	return r
}

// reopened closes and opens: what is true before must be true after.
func reopened(t testing.TB, s *Store, cfg Config) *Store {
	t.Helper()
	try(t, s.Close())
	return mustOpen(t, cfg)
}

func TestAMessageIsShownOnceFromTheKeyPressToItsEvent(t *testing.T) {
	ctx := context.Background()
	for _, restart := range []bool{false, true} {
		for _, eventFirst := range []bool{false, true} {
			t.Run(fmt.Sprintf("restart %v, event first %v", restart, eventFirst), func(t *testing.T) {
				cfg := config(t)
				s := mustOpen(t, cfg)
				again := func() {
					if restart {
						s = reopened(t, s, cfg)
					}
				}
				try(t, s.Apply(ctx, stretch(numberA.Log(), 0, opened("c"), from(inbox.FromContact, "c", "m1", "hi"))))
				try(t, s.SetDraft(ctx, "c", "hel"))
				try(t, s.Submit(ctx, send("i1", "c", "hello")))
				try(t, s.Submit(ctx, send("i1", "c", "hello")))
				again()
				if d := gocmp.Diff([]string{"2:hi:0", "0:hello:1"}, texts(t, s, "c")); d != "" {
					t.Error(d)
				}
				if r := row(t, s, "c"); r.Snippet.Visible() != "hello" || r.LastReceipt != inbox.Queued || r.Unread != 0 || r.Draft != "" {
					t.Errorf("receipt %d, unread %d", r.LastReceipt, r.Unread)
				}
				if got := pending(t, s); !slices.Equal(got, []string{"i1"}) {
					t.Errorf("pending %v", got)
				}
				event := func() {
					try(t, s.Apply(ctx, answer(2, "i1", from(inbox.FromPerson, "c", "m2", "hello"))))
					if d := gocmp.Diff([]string{"2:hi:0", "3:hello:1"}, texts(t, s, "c")); d != "" {
						t.Error(d)
					}
				}
				outcome := func() {
					try(t, s.Settle(ctx, inbox.Outcome{Intent: "i1"}))
					if len(texts(t, s, "c")) != 2 || len(pending(t, s)) != 0 {
						t.Errorf("%d messages, %d pending", len(texts(t, s, "c")), len(pending(t, s)))
					}
				}
				if eventFirst {
					event()
					again()
					outcome()
				} else {
					outcome()
					again()
					event()
				}
				again()
				if d := gocmp.Diff([]string{"2:hi:0", "3:hello:1"}, texts(t, s, "c")); d != "" {
					t.Error(d)
				}
				try(t, s.Apply(ctx, stretch(numberA.Log(), 3, inbox.ReceiptChanged{Conversation: "c", Message: "m2", Receipt: inbox.Read})))
				if r := row(t, s, "c"); r.LastReceipt != inbox.Read || len(s.items) != 0 || len(s.done) != 0 {
					t.Errorf("receipt %d, %d items, %d causes", r.LastReceipt, len(s.items), len(s.done))
				}
			})
		}
	}
}

func TestARefusedMessageStaysUntilSomebodyDecides(t *testing.T) {
	ctx := context.Background()
	for refusal, want := range map[inbox.Refusal]inbox.Failure{
		inbox.RefusedWindow: inbox.FailWindow, inbox.RefusedRight: inbox.FailRefusedByUs, inbox.RefusedNewerWords: inbox.FailRefusedByUs,
	} {
		cfg := config(t)
		s := mustOpen(t, cfg)
		try(t, s.Apply(ctx, stretch(numberA.Log(), 0, opened("c"))))
		try(t, s.Submit(ctx, send("i1", "c", "hello")))
		try(t, s.Submit(ctx, send("i2", "c", "world")))
		try(t, s.Settle(ctx, inbox.Outcome{Intent: "i1", Refusal: refusal}))
		s = reopened(t, s, cfg)
		p, err := s.Page(ctx, "c", PageCursor{}, 10)
		try(t, err)
		if len(p.Messages) != 2 || p.Messages[0].Receipt != inbox.Failed || p.Messages[0].Failure != want {
			t.Fatalf("%d messages, failure %d", len(p.Messages), p.Messages[0].Failure)
		}
		if got := pending(t, s); !slices.Equal(got, []string{"i2"}) {
			t.Errorf("pending %v", got)
		}
		if text, ok := s.Typed("i1"); !ok || text != "hello" {
			t.Error("what was typed is lost")
		}
		try(t, s.Dismiss(ctx, "i2")) // not refused: stays
		try(t, s.Submit(ctx, wish("i3", inbox.SendAgain{Conversation: "c", Message: p.Messages[0].ID})))
		s = reopened(t, s, cfg)
		if d := gocmp.Diff([]string{"0:world:1", "0:hello:1"}, texts(t, s, "c")); d != "" {
			t.Error(d)
		}
		list, _ := s.Pending(ctx)
		if got := list[len(list)-1]; got.ID != "i3" || got.Body != (inbox.SendText{Conversation: "c", Text: "hello"}) {
			t.Errorf("sent again as a %T", got.Body)
		}
		try(t, s.Settle(ctx, inbox.Outcome{Intent: "i3", Refusal: refusal}))
		try(t, s.Dismiss(ctx, "i3"))
		s = reopened(t, s, cfg)
		if d := gocmp.Diff([]string{"0:world:1"}, texts(t, s, "c")); d != "" {
			t.Error(d)
		}
		try(t, s.Close())
	}
}

func TestOtherWishesShowAtOnceAndGiveWayToTheRelaysAnswer(t *testing.T) {
	ctx := context.Background()
	first := stretch(numberA.Log(), 0, opened("c"), from(inbox.FromContact, "c", "m1", "hi"), from(inbox.FromPerson, "c", "m2", "yes"),
		inbox.ReceiptChanged{Conversation: "c", Message: "m2", Receipt: inbox.Failed, Failure: inbox.FailBusy},
		from(inbox.FromContact, "c", "m3", "so?"))
	message := func(t *testing.T, s *Store, id inbox.MessageID) inbox.Message {
		p, err := s.Page(ctx, "c", PageCursor{}, 10)
		try(t, err)
		return p.Messages[slices.IndexFunc(p.Messages, func(m inbox.Message) bool { return m.ID == id })]
	}
	for name, tt := range map[string]struct {
		body inbox.IntentBody
		seen func(*testing.T, *Store) bool
	}{
		"read":       {inbox.MarkRead{Conversation: "c", UpTo: 5}, func(t *testing.T, s *Store) bool { return row(t, s, "c").Unread == 0 }},
		"assign":     {inbox.Assign{Conversation: "c", To: "you"}, func(t *testing.T, s *Store) bool { return row(t, s, "c").Assignee == "you" }},
		"close":      {inbox.SetState{Conversation: "c", State: inbox.Closed}, func(t *testing.T, s *Store) bool { return row(t, s, "c").State == inbox.Closed }},
		"react":      {inbox.AddReaction{Conversation: "c", Message: "m1", Emoji: "+"}, func(t *testing.T, s *Store) bool { return len(message(t, s, "m1").Reactions) == 1 }},
		"send again": {inbox.SendAgain{Conversation: "c", Message: "m2"}, func(t *testing.T, s *Store) bool { return message(t, s, "m2").Receipt == inbox.Queued }},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t)
			s := mustOpen(t, cfg)
			try(t, s.Apply(ctx, first))
			if tt.seen(t, s) {
				t.Fatal("seen before it was wished")
			}
			try(t, s.Submit(ctx, wish("i1", tt.body)))
			if !tt.seen(t, s) {
				t.Error("not seen at once")
			}
			s = reopened(t, s, cfg)
			if !tt.seen(t, s) || len(pending(t, s)) != 1 {
				t.Error("lost in a restart")
			}
			try(t, s.Settle(ctx, inbox.Outcome{Intent: "i1", Refusal: inbox.RefusedRight}))
			if tt.seen(t, s) || len(s.items) != 0 {
				t.Error("seen after it was refused")
			}
			try(t, s.Submit(ctx, wish("i2", tt.body)))
			try(t, s.Settle(ctx, inbox.Outcome{Intent: "i2"}))
			if !tt.seen(t, s) || len(pending(t, s)) != 0 {
				t.Error("gone between the outcome and the event")
			}
			// The relay granted it and found nothing to change: the next batch of the log is the truth.
			try(t, s.Apply(ctx, stretch(numberA.Log(), 5, from(inbox.FromContact, "c", "m9", "hm"))))
			if tt.seen(t, s) || len(s.items) != 0 {
				t.Error("seen although the relay says otherwise")
			}
		})
	}
}

func TestAnAnswerQuotesWhatItAnswers(t *testing.T) {
	ctx := context.Background()
	s := mustOpen(t, config(t))
	try(t, s.Apply(ctx, stretch(numberA.Log(), 0, from(inbox.FromContact, "c", "m1", "when?"))))
	try(t, s.Submit(ctx, wish("i1", inbox.SendText{Conversation: "c", Text: "now", Quote: "m1"})))
	try(t, s.Submit(ctx, wish("i2", inbox.AddNote{Conversation: "c", Text: "done"})))
	p, err := s.Page(ctx, "c", PageCursor{}, 10)
	try(t, err)
	q, n := p.Messages[1].Quote, p.Messages[2]
	if q == nil || q.Side != inbox.FromContact || q.Excerpt.Visible() != "when?" {
		t.Error("the quote is missing")
	}
	if n.Kind != inbox.Note || n.Receipt != inbox.NoReceipt || n.Author != me {
		t.Errorf("the note is a %d with receipt %d", n.Kind, n.Receipt)
	}
}

func TestWhatCannotBeSentIsRefusedAtOnce(t *testing.T) {
	ctx := context.Background()
	s := mustOpen(t, config(t))
	try(t, s.SetDraft(ctx, "c", "kept"))
	for want, text := range map[error]string{inbox.RefusedEmpty: " \n", inbox.RefusedTooLong: strings.Repeat("x", inbox.MaxText+1)} {
		if err := s.Submit(ctx, send("i", "c", text)); !errors.Is(err, want) {
			t.Errorf("got %v", err)
		}
	}
	if s.Draft("c") != "kept" || len(pending(t, s)) != 0 || len(texts(t, s, "c")) != 0 {
		t.Error("a refused text changed something")
	}
	if s.Submit(ctx, inbox.Intent{Body: inbox.MarkRead{}}) == nil || s.Submit(ctx, inbox.Intent{ID: "x"}) == nil {
		t.Error("an intent without name or body was taken")
	}
}

func TestPendingKeepsTheOrderOfSubmit(t *testing.T) {
	ctx := context.Background()
	cfg := config(t)
	s := mustOpen(t, cfg)
	var want []string
	for i := range 30 {
		id := fmt.Sprintf("i%d", (i*7)%30)
		want = append(want, id)
		try(t, s.Submit(ctx, send(id, "c", "x")))
	}
	s = reopened(t, s, cfg)
	if got := pending(t, s); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

func TestTheHeadShowsWhatIsNotSettled(t *testing.T) {
	ctx := context.Background()
	cfg := config(t)
	s := mustOpen(t, cfg)
	for i := range 70 {
		try(t, s.Apply(ctx, stretch(numberA.Log(), uint64(2*i), opened(fmt.Sprint("c", i)), from(inbox.FromContact, fmt.Sprint("c", i), fmt.Sprint("m", i), "x"))))
	}
	try(t, s.Submit(ctx, send("i1", "c20", "first")))
	try(t, s.SetDraft(ctx, "c69", "half a"))
	s = reopened(t, s, cfg)
	top, err := s.Head(ctx)
	try(t, err)
	if len(top) != topRows || top[0].ID != "c20" || top[0].Snippet.Visible() != "first" || top[1].ID != "c69" || top[1].Draft != "half a" {
		t.Errorf("%d rows, first %s, second %s", len(top), top[0].ID, top[1].ID)
	}
	all, err := s.Inbox(ctx)
	try(t, err)
	if len(all) != 70 || all[0].ID != "c20" || all[69].ID != "c0" {
		t.Errorf("%d rows", len(all))
	}
}
