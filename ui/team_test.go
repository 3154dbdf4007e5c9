package ui

import (
	"slices"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// team is a company with tags, an hour within which to answer, and people who work together.
func team() *memory {
	m := company()
	m.tags = []inbox.Tag{{ID: "t1", Name: "Complaint", Colour: 4}, {ID: "t2", Name: "Offer", Colour: 2}}
	m.replies = []inbox.QuickReply{{ID: "q1", Shortcut: "hours", Text: "We are here from 9 to 18.", Language: "en"}, {ID: "q2", Shortcut: "offer", Text: "Hello {{contact.name}}"}}
	for i := range m.inboxes {
		m.inboxes[i].Answer = 60
	}
	return m
}

// picked taps rows of the list with a key held.
func (g *stage) pickRows(held *fyne.KeyModifier, with fyne.KeyModifier, rows ...int) {
	g.t.Helper()
	*held = with
	l := g.ui.desk.listing.list
	for _, i := range rows {
		at := fyne.NewPos(l.Size().Width/2, (float32(i)+0.5)*rowHeight())
		test.TapAt(l, at)
	}
	*held = 0
}

func TestSeveralConversationsAreClosedAndThatIsUndone(t *testing.T) {
	var held fyne.KeyModifier
	m := team()
	g := newStageWith(t, m, Settings{}, 1280, 800, func(c *Config) { c.Modifiers = func() fyne.KeyModifier { return held } })
	g.heard("inbox shown")
	g.ui.desk.setFilter(FilterAll)
	g.pickRows(&held, fyne.KeyModifierShortcutDefault, 0)
	g.pickRows(&held, fyne.KeyModifierShift, 2)
	if n := len(g.ui.desk.picks); n != 3 {
		t.Fatalf("%d are picked", n)
	}
	g.wantShown("3 selected")
	g.picture("bulk")
	was := map[inbox.ConversationID]inbox.ConversationState{}
	open := 0
	for _, r := range g.ui.desk.aim() {
		was[r.ID] = r.State
		if r.State != inbox.Closed {
			open++
		}
	}
	g.press(fyne.KeyE, ctrl|fyne.KeyModifierShift)
	g.until("closing", func() bool { return len(m.wishes()) == open })
	g.wantShown(count("toast.closed.n", open))
	if len(g.ui.desk.picks) != 0 {
		t.Error("what was done stays picked")
	}
	test.Tap(kit.Find(g.win.Canvas().Content(), "Undo").(fyne.Tappable))
	g.until("opening again", func() bool { return len(m.wishes()) == 2*open })
	for _, w := range m.wishes()[open:] {
		if b, ok := w.Body.(inbox.SetState); !ok || b.State != was[b.Conversation] {
			t.Errorf("undone by %+v", w.Body)
		}
	}
}

func TestAConversationIsSnoozedAndTaggedByKeyboard(t *testing.T) {
	m := team()
	g := opened(t, m, "k")
	g.press(fyne.KeyS, ctrl|fyne.KeyModifierShift)
	g.wantShown("Tomorrow morning")
	g.picture("snooze")
	g.press(fyne.KeyDown, 0)
	g.press(fyne.KeyDown, 0)
	g.press(fyne.KeyReturn, 0)
	g.until("snoozing", func() bool {
		b, ok := wished[inbox.SetState](m)
		return ok && b.State == inbox.Snoozed && b.Until > inbox.At(noon)
	})
	g.press(fyne.KeyT, ctrl|fyne.KeyModifierShift)
	g.heard("tags shown")
	g.typeText("off")
	g.press(fyne.KeyReturn, 0)
	g.until("tagging", func() bool {
		b, ok := wished[inbox.SetTags](m)
		return ok && slices.Equal(b.Add, []inbox.TagID{"t2"})
	})
}

// wished returns the last wish of a kind.
func wished[B inbox.IntentBody](m *memory) (b B, ok bool) {
	for _, w := range m.wishes() {
		if x, is := w.Body.(B); is {
			b, ok = x, true
		}
	}
	return b, ok
}

func TestColleaguesSeeWhoIsWriting(t *testing.T) {
	m := team()
	m.present = inbox.Presence{Online: []inbox.PersonID{"tb"}, Here: []inbox.Here{{Person: "tb", Conversation: "k", Writing: true}}}
	g := opened(t, m, "k")
	g.wantShown("is writing an answer")
	told := func() inbox.Here {
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.attended[len(m.attended)-1]
	}
	if told().Conversation != "k" || told().Writing {
		t.Errorf("told %+v", told())
	}
	g.ui.desk.comp.focus()
	g.typeText("h")
	if !told().Writing {
		t.Error("nobody is told that an answer is being written")
	}
	g.press(fyne.KeyN, ctrl|fyne.KeyModifierShift)
	g.typeText("h")
	if told().Writing {
		t.Error("a note is told as an answer")
	}
}

func TestSnoozesLieAheadAndInOrder(t *testing.T) {
	for hour := range 24 * 8 {
		now := time.Date(2026, 11, 20, hour, 30, 0, 0, time.UTC)
		last := inbox.At(now)
		list := snoozes(clock{now: last, loc: time.UTC})
		for i, s := range list {
			if i == len(list)-1 {
				if s.Until != 0 {
					t.Fatal("the last way waits for a time")
				}
				continue
			}
			if s.Until <= last {
				t.Fatalf("%s: %d comes before the one above", now, i)
			}
			last = s.Until
		}
	}
}

func TestDueComesFirstToWhomItIsDueFirst(t *testing.T) {
	h := house{inboxes: []inbox.Inbox{{ID: "slow", Answer: 240}, {ID: "quick", Answer: 10}}}
	row := func(id inbox.ConversationID, in inbox.InboxID, waiting inbox.Moment) *Row {
		return &Row{Conversation: inbox.Conversation{ID: id, Inbox: in, Waiting: waiting, Assignee: "me"}}
	}
	minute := inbox.Moment(60_000)
	list := []*Row{row("late", "slow", 1000), row("soon", "quick", 1000+20*minute), row("now", "quick", 1000+minute), {Conversation: inbox.Conversation{ID: "answered", Assignee: "me"}}}
	var got []inbox.ConversationID
	for _, r := range choose(list, FilterDue, scope{}, "me", h) {
		got = append(got, r.ID)
	}
	if !slices.Equal(got, []inbox.ConversationID{"now", "soon", "late"}) {
		t.Errorf("in order %v", got)
	}
	list[0].Tags = []inbox.TagID{"t"}
	if got := choose(list, FilterAll, scope{tag: "t"}, "me", h); len(got) != 1 || got[0].ID != "late" {
		t.Error("a tag holds others too")
	}
}

func TestTasksAreWrittenTickedAndTold(t *testing.T) {
	m := team()
	m.rows["k"].Tasks = []inbox.Task{
		{ID: "k1", Text: inbox.PlainText("Call back about the heating"), Due: ago(-10 * time.Minute), Person: "me"},
		{ID: "k2", Text: inbox.PlainText("Send the offer"), Due: ago(time.Hour), Person: "tb"},
		{ID: "k3", Text: inbox.PlainText("Check the stock"), Done: ago(2 * time.Hour), Person: "me"},
	}
	m.rows["k"].Tags = []inbox.TagID{"t2", "t1"}
	g := opened(t, m, "k")
	g.wantShown("Call back about the heating")
	g.picture("tasks")
	g.ui.desk.tickTask("k1")
	g.until("ticking off", func() bool {
		b, ok := wished[inbox.EditTask](m)
		return ok && b.Task == "k1" && b.Done && b.Text == "Call back about the heating" && b.Person == "me"
	})
	g.ui.desk.showTask(nil)
	g.heard("task shown")
	g.typeText("Order the part")
	g.picture("task-new")
	g.press(fyne.KeyReturn, 0)
	g.until("the task", func() bool {
		b, ok := wished[inbox.EditTask](m)
		return ok && b.Text == "Order the part" && b.Person == "me" && b.Due == 0 && b.Task != ""
	})
	g.pass(11 * time.Minute)
	g.wantShown("A task is due")
}

func TestOpenTasksComeFirstByWhenTheyAreDue(t *testing.T) {
	c := inbox.Conversation{Tasks: []inbox.Task{{ID: "done early", Done: 1}, {ID: "never"}, {ID: "late", Due: 9}, {ID: "done late", Done: 5}, {ID: "soon", Due: 3}}}
	var got []inbox.TaskID
	for _, v := range taskViews(c, staff{}, clock{now: 100, loc: time.UTC}) {
		got = append(got, v.ID)
	}
	if want := []inbox.TaskID{"soon", "late", "never", "done late", "done early"}; !slices.Equal(got, want) {
		t.Errorf("in order %v", got)
	}
}
