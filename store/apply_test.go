package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sealdesk/app/inbox"
)

func TestAnySplitDuplicationAndRestartGivesWhatOnePassGives(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cfg := config(t)
		s := mustOpen(t, cfg)
		logs := map[inbox.LogID][]inbox.Event{}
		for _, n := range []inbox.InboxID{"a", "b"} {
			logs[n.Log()] = history(rt, n.Log(), rapid.IntRange(0, 40).Draw(rt, "events"))
		}
		for _, log := range []inbox.LogID{inbox.CompanyLog, inbox.OversightLog} {
			logs[log] = listed(rt, log, rapid.IntRange(0, 20).Draw(rt, "listed"))
		}
		// Who may decide, so that what waits for a decision shows.
		logs[inbox.CompanyLog] = append(logs[inbox.CompanyLog], inbox.Event{Seq: uint64(len(logs[inbox.CompanyLog])) + 1, At: start,
			Body: inbox.PersonChanged{Person: inbox.Person{ID: me, Role: inbox.Supervisor, Inboxes: []inbox.InboxID{"a", "b"}}}})
		at := map[inbox.LogID]uint64{}
		names := slices.SortedFunc(maps.Keys(logs), cmp.Compare)
		for {
			var group []inbox.Batch
			for range rapid.IntRange(1, 4).Draw(rt, "together") {
				log := rapid.SampledFrom(names).Draw(rt, "log")
				end := uint64(len(logs[log]))
				// Back by some that are known already, on by some new ones.
				b := inbox.Batch{Log: log, Epoch: "e1"}
				b.From = at[log] - min(at[log], uint64(rapid.IntRange(0, 5).Draw(rt, "back")))
				b.To = min(end, b.From+uint64(rapid.IntRange(0, 12).Draw(rt, "on")))
				b.Events = logs[log][b.From:b.To]
				at[log] = max(at[log], b.To)
				group = append(group, b)
			}
			if err := s.Apply(context.Background(), group...); err != nil {
				rt.Fatalf("apply: %v", err)
			}
			if rapid.IntRange(0, 9).Draw(rt, "rebuild") == 0 {
				if err := s.Rebuild(context.Background()); err != nil {
					rt.Fatalf("rebuild: %v", err)
				}
			}
			if rapid.IntRange(0, 5).Draw(rt, "restart") == 0 {
				if err := s.Close(); err != nil {
					rt.Fatalf("close: %v", err)
				}
				s = mustOpen(t, cfg)
			}
			if !slices.ContainsFunc(names, func(log inbox.LogID) bool { return at[log] < uint64(len(logs[log])) }) {
				break
			}
		}
		holds(rt, s, logs, rapid.IntRange(1, 9).Draw(rt, "page"))
		for _, c := range s.Cursors() {
			if c.Seq != at[c.Log] || c.Epoch != "e1" {
				rt.Fatalf("cursor %v, want %d", c, at[c.Log])
			}
		}
		if err := s.Close(); err != nil {
			rt.Fatalf("close: %v", err)
		}
	})
}

func TestFactsThatComeBetweenTwoPagesReachTheOlderOne(t *testing.T) {
	s := mustOpen(t, config(t))
	ctx := context.Background()
	var bodies []inbox.EventBody
	for i := range 30 {
		bodies = append(bodies, from(inbox.FromPerson, "c", fmt.Sprint("m", i), "hello"))
	}
	try(t, s.Apply(ctx, stretch(numberA.Log(), 0, bodies...)))
	first, err := s.Page(ctx, "c", PageCursor{}, 10)
	try(t, err)
	try(t, s.Apply(ctx, stretch(numberA.Log(), 30, inbox.ReceiptChanged{Conversation: "c", Message: "m3", Receipt: inbox.Read})))
	second, err := s.Page(ctx, "c", first.Older, 10)
	try(t, err)
	third, err := s.Page(ctx, "c", second.Older, 10)
	try(t, err)
	if m := third.Messages[3]; m.ID != "m3" || m.Receipt != inbox.Read || third.More {
		t.Errorf("message %s has receipt %d, more %v", m.ID, m.Receipt, third.More)
	}
}

func TestABatchThatDoesNotFollowChangesNothing(t *testing.T) {
	ctx := context.Background()
	log := numberA.Log()
	first := stretch(log, 0, opened("c"), from(inbox.FromContact, "c", "m1", "one"))
	other := stretch(log, 2, from(inbox.FromContact, "c", "m2", "two"))
	other.Epoch = "e2"
	for name, tt := range map[string]struct {
		batches []inbox.Batch
		want    error
	}{
		"gap":                     {[]inbox.Batch{stretch(log, 5, opened("x"))}, ErrGap},
		"gap in a log not known":  {[]inbox.Batch{stretch("inbox/z", 1, opened("x"))}, ErrGap},
		"another epoch":           {[]inbox.Batch{other}, ErrEpoch},
		"a good one before a gap": {[]inbox.Batch{stretch(log, 2, opened("y")), stretch(log, 9, opened("x"))}, ErrGap},
		"one that is known":       {[]inbox.Batch{first}, nil},
		"an empty one, known":     {[]inbox.Batch{stretch(log, 2)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := mustOpen(t, config(t))
			try(t, s.Apply(ctx, first))
			if err := s.Apply(ctx, tt.batches...); !errors.Is(err, tt.want) {
				t.Errorf("got %v", err)
			}
			rows, err := s.Inbox(ctx)
			try(t, err)
			if len(rows) != 1 || rows[0].Unread != 1 || len(texts(t, s, "c")) != 1 {
				t.Errorf("%d rows", len(rows))
			}
			if c := s.Cursors(); len(c) != 1 || c[0] != first.Cursor() {
				t.Errorf("cursors %v", c)
			}
		})
	}
}

func TestAResetForgetsItsLogAndNoOther(t *testing.T) {
	ctx := context.Background()
	cfg := config(t)
	s := mustOpen(t, cfg)
	b := inbox.InboxID("b").Log()
	other := stretch(b, 0, from(inbox.FromContact, "other", "o1", "stay"))
	try(t, s.Apply(ctx, stretch(numberA.Log(), 0, opened("old"), from(inbox.FromContact, "old", "m1", "gone"),
		opened("kept"), from(inbox.FromContact, "kept", "m2", "told anew")), other))
	snapshot := inbox.Batch{Log: numberA.Log(), Epoch: "e2", To: 90, Reset: true, Events: []inbox.Event{
		{Seq: 40, Body: from(inbox.FromContact, "kept", "m9", "later")}, // state may be told in any order
		{Seq: 7, Body: opened("kept")},
		{Seq: 8, Body: from(inbox.FromContact, "kept", "m2", "told anew")},
	}}
	more := stretch(numberA.Log(), 90, from(inbox.FromContact, "kept", "m91", "newest"))
	more.Epoch = "e2"
	try(t, s.Apply(ctx, snapshot, more))
	for range 2 {
		rows, err := s.Inbox(ctx)
		try(t, err)
		if len(rows) != 2 {
			t.Errorf("%d rows", len(rows))
		}
		if d := gocmp.Diff(texts(t, s, "kept"), []string{"8:told anew:0", "40:later:0", "91:newest:0"}); d != "" {
			t.Error(d)
		}
		if got := texts(t, s, "old"); got != nil {
			t.Errorf("the forgotten conversation has %d messages", len(got))
		}
		if d := gocmp.Diff(texts(t, s, "other"), []string{"1:stay:0"}); d != "" {
			t.Error(d)
		}
		try(t, s.Close())
		s = mustOpen(t, cfg)
	}
}

func TestColleaguesAndInboxesAreKept(t *testing.T) {
	ctx := context.Background()
	cfg := config(t)
	s := mustOpen(t, cfg)
	if _, ok := s.Me(); ok {
		t.Error("the store knows a reader nobody told it of")
	}
	try(t, s.Apply(ctx, stretch(inbox.CompanyLog, 0,
		inbox.InboxChanged{Inbox: inbox.Inbox{ID: "a", Name: "Shop"}},
		inbox.PersonChanged{Person: inbox.Person{ID: me, Name: "Mia", Role: inbox.Agent, Inboxes: []inbox.InboxID{"a"}}},
		inbox.PersonChanged{Person: inbox.Person{ID: "you", Name: "Ada"}})))
	try(t, s.Close())
	s = mustOpen(t, cfg)
	p, ok := s.Me()
	if !ok || !p.WorksIn("a") || p.Role != inbox.Agent {
		t.Errorf("me: %v", ok)
	}
	if l := s.People(); len(l) != 2 || l[0].ID != "you" {
		t.Errorf("%d people", len(l))
	}
	if l := s.Inboxes(); len(l) != 1 || l[0].Name != "Shop" {
		t.Errorf("%d inboxes", len(l))
	}
	try(t, s.Apply(ctx, inbox.Batch{Log: inbox.CompanyLog, Epoch: "e2", To: 1, Reset: true}))
	if len(s.People())+len(s.Inboxes()) != 0 {
		t.Error("a reset of the company left somebody")
	}
}

func TestPokesAreFoldedAndNeverLost(t *testing.T) {
	s := mustOpen(t, config(t))
	ctx, cancel := context.WithCancel(context.Background())
	c := s.Watch(ctx)
	<-c // the first comes at once
	try(t, s.Apply(ctx, stretch(numberA.Log(), 0, opened("c"))))
	try(t, s.Apply(ctx, stretch(numberA.Log(), 1, opened("d"))))
	<-c
	if len(c) != 0 {
		t.Error("two changes nobody looked at were two pokes")
	}
	cancel()
	for { // the watcher is taken off in a goroutine of the context's
		s.mu.RLock()
		n := len(s.watchers)
		s.mu.RUnlock()
		if n == 0 {
			break
		}
	}
}

func TestAListIsReplacedInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		had := rapid.SliceOfNDistinct(rapid.IntRange(0, 50), 0, 30, rapid.ID).Draw(t, "had")
		come := rapid.SliceOfNDistinct(rapid.IntRange(0, 50), 0, 10, rapid.ID).Draw(t, "come")
		var gone []int
		for _, v := range had {
			if slices.Contains(come, v) || rapid.Bool().Draw(t, "gone") {
				gone = append(gone, v)
			}
		}
		slices.Sort(had)
		slices.Sort(come)
		slices.Sort(gone)
		var want []int
		for v := range 51 {
			if slices.Contains(come, v) || slices.Contains(had, v) && !slices.Contains(gone, v) {
				want = append(want, v)
			}
		}
		if got := replaced(had, gone, come, cmp.Compare[int]); !slices.Equal(got, want) {
			t.Fatalf("%v - %v + %v = %v", had, gone, come, got)
		}
	})
}

func TestAChangeReachesItsMessageWhereverItLies(t *testing.T) {
	ctx := context.Background()
	cfg := config(t)
	s := mustOpen(t, cfg)
	at := uint64(0)
	for i := range 40 { // chunks of their own
		b := stretch(numberA.Log(), at, from(inbox.FromContact, "c", fmt.Sprint("m", i), strings.Repeat(fmt.Sprint("word", i, " "), 150)))
		at = b.To
		try(t, s.Apply(ctx, b))
	}
	later := start.Add(time.Hour)
	try(t, s.Apply(ctx, stretch(numberA.Log(), at, inbox.MessageChanged{Conversation: "c", Message: "m2", Body: inbox.PlainText("better"), At: later},
		inbox.MessageChanged{Conversation: "c", Message: "m3", Deleted: true, At: later}, from(inbox.FromContact, "c", "last", "first words"),
		inbox.MessageChanged{Conversation: "c", Message: "last", Body: inbox.PlainText("second thoughts"), At: later})))
	for range 2 {
		chunks := 0
		try(t, s.view("test", func(tx *boltTx) error { chunks = tx.Bucket(s.ev.name).Stats().KeyN; return nil }))
		if chunks < 3 {
			t.Fatalf("%d chunks prove nothing", chunks)
		}
		all, err := s.Page(ctx, "c", PageCursor{}, 1000)
		try(t, err)
		if m := all.Messages[2]; m.Body.Visible() != "better" || m.Edited != later {
			t.Errorf("the edited message says %d bytes", len(m.Body.Visible()))
		}
		if m := all.Messages[3]; m.Kind != inbox.Deleted || !m.Body.IsZero() {
			t.Errorf("the message taken back is a %d", m.Kind)
		}
		if r := row(t, s, "c"); r.Snippet.Visible() != "second thoughts" {
			t.Errorf("the row says %d bytes", len(r.Snippet.Visible()))
		}
		s = reopened(t, s, cfg)
	}
}

func TestAResetForgetsItsThingsAndNoOthers(t *testing.T) {
	ctx := context.Background()
	cfg := config(t)
	s := mustOpen(t, cfg)
	b := inbox.InboxID("b").Log()
	all := []inbox.Batch{
		stretch(numberA.Log(), 0, inbox.TemplateChanged{Template: inbox.Template{ID: "t1", Inbox: "a", Name: "one"}}),
		stretch(b, 0, inbox.TemplateChanged{Template: inbox.Template{ID: "t2", Inbox: "b", Name: "two"}}),
		stretch(inbox.CompanyLog, 0, inbox.CardChanged{Card: inbox.CompanyCard{ID: "desk", Name: "Desk"}}, inbox.PersonChanged{Person: inbox.Person{ID: me, Name: "Mia"}}),
		stretch(inbox.OversightLog, 0, inbox.IncidentChanged{Incident: inbox.Incident{ID: "i"}}, inbox.RequestChanged{Request: inbox.Request{ID: "r"}}),
	}
	try(t, s.Apply(ctx, all...))
	counts := func() []int {
		return []int{len(s.Templates("a")), len(s.Templates("b")), len(s.Cards()), len(s.People()), len(s.Incidents()), len(s.Requests())}
	}
	want := []int{1, 1, 1, 1, 1, 1}
	for n, at := range [][]int{{0}, {1}, {2, 3}, {4, 5}} {
		more := inbox.Batch{Log: all[n].Log, Epoch: "e1", From: all[n].To, To: all[n].To + 1, Events: []inbox.Event{{Seq: all[n].To + 1, Body: all[n].Events[0].Body}}}
		again := inbox.Batch{Log: all[n].Log, Epoch: "e2", To: 1, Reset: true}
		try(t, s.Apply(ctx, more, again))
		for _, i := range at {
			want[i] = 0
		}
		if got := counts(); !slices.Equal(got, want) {
			t.Errorf("after a reset of %s: %v", again.Log, got)
		}
		s = reopened(t, s, cfg)
		if got := counts(); !slices.Equal(got, want) {
			t.Errorf("after a reset of %s and a restart: %v", again.Log, got)
		}
	}
}
