package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"sealdesk/app/inbox"
)

// live opens every row of the cache and says whether any holds the text.
func live(t testing.TB, s *Store, text string) (found bool) {
	t.Helper()
	rooms := map[string]room{"row": s.row, "ev": s.ev, "head": s.head, "thing": s.thing}
	try(t, s.view("test", func(tx *boltTx) error {
		for _, r := range rooms {
			if err := tx.Bucket(r.name).ForEach(func(k, v []byte) error {
				plain, err := r.open(k, v)
				found = found || bytes.Contains(plain, []byte(text))
				return err
			}); err != nil {
				return err
			}
		}
		return nil
	}))
	return found
}

func mine(id, text string) inbox.EventBody {
	b := from(inbox.FromPerson, "c", id, text).(inbox.MessageAdded)
	b.Message.Until = start.Add(1e13)
	return b
}

func TestAMessageMaskedAnewIsRewrittenEverywhere(t *testing.T) {
	ctx := context.Background()
	for _, together := range []bool{false, true} {
		t.Run(fmt.Sprint("together ", together), func(t *testing.T) {
			cfg := config(t)
			s := mustOpen(t, cfg)
			bodies := []inbox.EventBody{opened("c"), from(inbox.FromContact, "c", "m1", "first "+canary)}
			for i := range 300 { // chunks lie between
				bodies = append(bodies, from(inbox.FromContact, "c", fmt.Sprint("x", i), strings.Repeat("y", 200)))
			}
			held := mine("h", "about that").(inbox.MessageAdded)
			held.Message.Held, held.Message.Author = true, "you"
			held.Message.Quote = &inbox.Quote{Message: "m1", Side: inbox.FromContact, Excerpt: inbox.PlainText("first " + canary)}
			bodies = append(bodies, inbox.MessageChanged{Conversation: "c", Message: "m1", Body: inbox.PlainText("second " + canary), At: start}, held,
				from(inbox.FromContact, "c", "last", "last "+canary))
			n := uint64(len(bodies))
			masks := stretch(numberA.Log(), n,
				inbox.MessageMasked{Conversation: "c", Message: "m1", Body: inbox.PlainText("masked one")},
				inbox.MessageMasked{Conversation: "c", Message: "last", Body: inbox.PlainText("masked last")})
			if together {
				try(t, s.Apply(ctx, stretch(numberA.Log(), 0, bodies...), masks))
			} else {
				try(t, s.Apply(ctx, stretch(numberA.Log(), 0, bodies...)))
				page, err := s.Page(ctx, "c", PageCursor{}, 5)
				try(t, err)
				if !live(t, s, canary) {
					t.Fatal("the search finds nothing")
				}
				try(t, s.Apply(ctx, masks))
				// A page cursor made before still knows the edit of old.
				rest, err := s.Page(ctx, "c", page.Older, 1000)
				try(t, err)
				if got := rest.Messages[0].Body.Visible(); got != "masked one" {
					t.Errorf("an older page says %d bytes", len(got))
				}
			}
			for range 2 {
				if live(t, s, canary) {
					t.Error("the earlier text is still in live pages")
				}
				all, err := s.Page(ctx, "c", PageCursor{}, 1000)
				try(t, err)
				if len(all.Messages) != 303 || all.Messages[0].Body.Visible() != "masked one" || all.Messages[0].Edited != start || all.Messages[301].Quote.Excerpt.Visible() != "masked one" {
					t.Errorf("%d messages", len(all.Messages))
				}
				if r := row(t, s, "c"); r.Snippet.Visible() != "masked last" {
					t.Errorf("the row says %d bytes", len(r.Snippet.Visible()))
				}
				s = reopened(t, s, cfg)
			}
		})
	}
}

func TestAMessageTakenBackIsAsIfNeverWritten(t *testing.T) {
	ctx := context.Background()
	for name, tt := range map[string]struct {
		by    inbox.PersonID
		draft string
		want  string
	}{
		"by me":               {me, "", "typed {name} " + canary},
		"by me, with a draft": {me, "typed meanwhile", "typed meanwhile"},
		"by somebody else":    {"you", "", ""},
	} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", restart ", restart), func(t *testing.T) {
				cfg := config(t)
				s := mustOpen(t, cfg)
				again := func() {
					if restart {
						s = reopened(t, s, cfg)
					}
				}
				try(t, s.Apply(ctx, stretch(numberA.Log(), 0, opened("c"), from(inbox.FromContact, "c", "m1", "hi"))))
				before := *row(t, s, "c")
				try(t, s.Submit(ctx, send("i1", "c", "typed {name} "+canary)))
				if err := s.Submit(ctx, wish("w0", inbox.Withdraw{Conversation: "c", Message: "i1"})); !errors.Is(err, inbox.RefusedState) {
					t.Errorf("a message nobody knows the fate of was taken back: %v", err)
				}
				try(t, s.Apply(ctx, answer(2, "i1", mine("m2", "typed Mia "+canary))))
				again()
				try(t, s.SetDraft(ctx, "c", tt.draft))
				try(t, s.Submit(ctx, wish("w1", inbox.Withdraw{Conversation: "c", Message: "m2"})))
				if got := texts(t, s, "c"); len(got) != 1 {
					t.Errorf("the bubble is still there: %d", len(got))
				}
				if r := row(t, s, "c"); r.Snippet.Visible() != "hi" || r.LastID != "m1" {
					t.Errorf("the row says %d bytes", len(r.Snippet.Visible()))
				}
				try(t, s.Settle(ctx, inbox.Outcome{Intent: "w1", Refusal: inbox.RefusedState}))
				if got := texts(t, s, "c"); len(got) != 2 || row(t, s, "c").LastID != "m2" {
					t.Errorf("a refused wish to take back hides the bubble: %d", len(got))
				}
				try(t, s.Submit(ctx, wish("w2", inbox.Withdraw{Conversation: "c", Message: "m2"})))
				again()
				try(t, s.Apply(ctx, answer(3, "w2", inbox.MessageWithdrawn{Conversation: "c", Message: "m2", By: tt.by})))
				again()
				try(t, s.Settle(ctx, inbox.Outcome{Intent: "w2"}))
				if d := gocmp.Diff([]string{"2:hi:0"}, texts(t, s, "c")); d != "" {
					t.Error(d)
				}
				after := row(t, s, "c")
				if after.Draft != tt.want || s.Draft("c") != tt.want {
					t.Errorf("the draft has %d bytes", len(after.Draft))
				}
				before.ReadSeq, before.Unread = 3, 0 // who wrote had read
				if d := gocmp.Diff(before.Conversation, after.Conversation); d != "" {
					t.Error(d)
				}
				if live(t, s, canary) || len(s.items) != 0 || len(s.typed) != 0 {
					t.Errorf("something is left: %d items, %d texts", len(s.items), len(s.typed))
				}
			})
		}
	}
}

func TestATextThatLeftIsNotKept(t *testing.T) {
	ctx := context.Background()
	s := mustOpen(t, config(t))
	try(t, s.Apply(ctx, stretch(numberA.Log(), 0, opened("c"))))
	try(t, s.Submit(ctx, send("i1", "c", "text")))
	try(t, s.Apply(ctx, answer(1, "i1", mine("m1", "text"))))
	if len(s.typed) != 1 {
		t.Fatalf("%d texts", len(s.typed))
	}
	try(t, s.Apply(ctx, stretch(numberA.Log(), 2, inbox.ReceiptChanged{Conversation: "c", Message: "m1", Receipt: inbox.Sent})))
	if len(s.typed) != 0 {
		t.Errorf("%d texts", len(s.typed))
	}
}

// The text of a message taken back is safe wherever the app dies: the cache says so until the outbox has it.
func TestADraftComesBackAfterACrashBetweenTheTwoFiles(t *testing.T) {
	ctx := context.Background()
	cfg := config(t)
	s := mustOpen(t, cfg)
	try(t, s.Apply(ctx, stretch(numberA.Log(), 0, opened("c"))))
	try(t, s.Submit(ctx, send("i1", "c", "text")))
	try(t, s.Apply(ctx, answer(1, "i1", mine("m1", "text"))))
	outbox := snapshotOfFile(t, filepath.Join(cfg.Dir, outboxFile))
	try(t, s.Apply(ctx, stretch(numberA.Log(), 2, inbox.MessageWithdrawn{Conversation: "c", Message: "m1", By: me})))
	try(t, s.Close())
	writeFile(t, filepath.Join(cfg.Dir, outboxFile), outbox) // as if the second write had not been made
	s = mustOpen(t, cfg)
	if s.Draft("c") != "text" {
		t.Error("the text is lost")
	}
}

func TestAMessageThatNeedsAReasonGoesBackToWhereItWasTyped(t *testing.T) {
	ctx := context.Background()
	cfg := config(t)
	s := mustOpen(t, cfg)
	try(t, s.Apply(ctx, stretch(numberA.Log(), 0, opened("c"), from(inbox.FromContact, "c", "m1", "hi"))))
	a := attach(t, s, "c", "a.pdf", "application/pdf", []byte("file"))
	file := func(reason string) inbox.IntentBody {
		return inbox.SendMedia{Conversation: "c", Media: a.ID, Caption: "caption", Said: inbox.Said{Reason: reason}}
	}
	try(t, s.Submit(ctx, wish("f1", file(""))))
	try(t, s.Submit(ctx, send("t1", "c", "text")))
	try(t, s.Submit(ctx, send("t2", "c", "blocked")))
	for id, why := range map[inbox.IntentID]inbox.Refusal{"f1": inbox.RefusedReason, "t2": inbox.RefusedGuard} {
		try(t, s.Settle(ctx, inbox.Outcome{Intent: id, Refusal: why}))
	}
	try(t, s.Settle(ctx, inbox.Outcome{Intent: "t1", Refusal: inbox.RefusedReason})) // the draft is taken by then
	for range 2 {
		if d := gocmp.Diff([]string{"2:hi:0", "0:blocked:4"}, texts(t, s, "c")); d != "" {
			t.Error(d)
		}
		if s.Draft("c") != "caption" || len(s.Attachments("c")) != 1 || len(pending(t, s)) != 0 {
			t.Errorf("the draft has %d bytes, %d files are attached", len(s.Draft("c")), len(s.Attachments("c")))
		}
		var got []string
		for _, r := range s.Refused("c") {
			got = append(got, fmt.Sprintf("%s %s %v %v", r.Intent.ID, r.Text, r.Refusal == inbox.RefusedReason, r.Returned))
		}
		if d := gocmp.Diff([]string{"f1 caption true true", "t1 text true true", "t2 blocked false false"}, got); d != "" {
			t.Error(d)
		}
		if r := row(t, s, "c"); r.Snippet.Visible() != "blocked" {
			t.Error("the row shows what went back")
		}
		s = reopened(t, s, cfg)
	}
	// With a reason the file goes again, under a new intent, and the draft that says the same goes with it.
	try(t, s.SubmitInstead(ctx, "f1", wish("f2", file("because"))))
	if got := pending(t, s); !slices.Equal(got, []string{"f2"}) || s.Draft("c") != "" || len(s.Attachments("c")) != 0 || len(s.Refused("c")) != 2 {
		t.Errorf("pending %v, draft of %d bytes", got, len(s.Draft("c")))
	}
	// What was typed meanwhile stays.
	try(t, s.SetDraft(ctx, "c", "typed meanwhile"))
	again := send("t3", "c", "text")
	again.Body = inbox.SendText{Conversation: "c", Text: "text", Said: inbox.Said{Reason: "because"}}
	try(t, s.SubmitInstead(ctx, "t1", again))
	try(t, s.SubmitInstead(ctx, "t1", again))
	s = reopened(t, s, cfg)
	if got := pending(t, s); !slices.Equal(got, []string{"f2", "t3"}) || s.Draft("c") != "typed meanwhile" || len(s.Refused("c")) != 1 {
		t.Errorf("pending %v, draft of %d bytes", got, len(s.Draft("c")))
	}
	fileIs(t, s, a.ID, []byte("file"))
	// Given up, a returned message leaves draft and file alone.
	try(t, s.Settle(ctx, inbox.Outcome{Intent: "f2", Refusal: inbox.RefusedReason}))
	try(t, s.Dismiss(ctx, "f2"))
	if len(s.Attachments("c")) != 1 || s.Draft("c") != "typed meanwhile" || len(s.Refused("c")) != 1 {
		t.Error("giving up took more than the refusal")
	}
	fileIs(t, s, a.ID, []byte("file"))
}

func TestADecisionShowsAtOnce(t *testing.T) {
	ctx := context.Background()
	s := mustOpen(t, config(t))
	held := mine("h", "text").(inbox.MessageAdded)
	held.Message.Held, held.Message.Author = true, "you"
	own := mine("o", "own").(inbox.MessageAdded)
	own.Message.Held = true
	boss := inbox.Person{ID: me, Role: inbox.Supervisor, Inboxes: []inbox.InboxID{numberA}}
	try(t, s.Apply(ctx, stretch(numberA.Log(), 0, opened("c"), held, own)))
	if n := len(s.Held()); n != 0 {
		t.Errorf("somebody who may not decide is asked to: %d", n)
	}
	try(t, s.Apply(ctx, stretch(inbox.CompanyLog, 0, inbox.PersonChanged{Person: boss})))
	if list := s.Held(); len(list) != 1 || list[0].Message.ID != "h" || list[0].Inbox != numberA {
		t.Errorf("%d messages are held", len(list))
	}
	for i, agree := range []bool{false, true} {
		id := fmt.Sprint("d", i)
		try(t, s.Submit(ctx, wish(id, inbox.DecideHeld{Conversation: "c", Message: "h", Agree: agree})))
		p, err := s.Page(ctx, "c", PageCursor{}, 10)
		try(t, err)
		want := inbox.Queued
		if !agree {
			want = inbox.Failed
		}
		if m := p.Messages[0]; m.Held || m.Receipt != want || len(s.Held()) != 0 {
			t.Errorf("agreed %v: held %v, receipt %d", agree, m.Held, m.Receipt)
		}
		try(t, s.Settle(ctx, inbox.Outcome{Intent: inbox.IntentID(id), Refusal: inbox.RefusedSelf}))
		if p, err := s.Page(ctx, "c", PageCursor{}, 10); err != nil || !p.Messages[0].Held || len(s.Held()) != 1 {
			t.Errorf("the decision was refused and stays: %v", err)
		}
	}
	try(t, s.Apply(ctx, stretch(numberA.Log(), 3, inbox.MessageReleased{Conversation: "c", Message: "h", By: me})))
	if p, err := s.Page(ctx, "c", PageCursor{}, 10); err != nil || p.Messages[0].Held || len(s.Held()) != 0 {
		t.Errorf("a released message is held: %v", err)
	}
}
