package ui

import (
	"maps"
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

// crowded is a team in which everything happens at once: rows with more on them than there is room for.
func crowded() *memory {
	m := team()
	m.tags = append(m.tags, inbox.Tag{ID: "t3", Name: "Spare parts", Colour: 1}, inbox.Tag{ID: "t4", Name: "A contract for maintenance, second level", Colour: 3})
	change := func(id inbox.ConversationID, f func(r *Row)) {
		row := *m.rows[id]
		f(&row)
		m.rows[id] = &row
	}
	change("k", func(r *Row) {
		r.Tags, r.Mentioned = []inbox.TagID{"t1", "t2", "t3", "t4"}, m.seq
		r.Tasks = []inbox.Task{
			{ID: "k1", Text: inbox.PlainText("Call back about the heating"), Due: ago(-10 * time.Minute), Person: "me"},
			{ID: "k2", Text: inbox.PlainText("Send the offer, with the plan of the boiler room and the dates of the fitter"), Due: ago(26 * time.Hour), Person: "tb"},
			{ID: "k3", Text: inbox.PlainText("Check the stock"), Done: ago(2 * time.Hour), Person: "me"},
		}
	})
	change("o", func(r *Row) {
		r.Tags, r.Tasks = []inbox.TagID{"t4"}, []inbox.Task{{ID: "o1", Text: inbox.PlainText("Ask"), Person: "me"}}
	})
	change("m", func(r *Row) { r.State, r.Until = inbox.Snoozed, ago(-19*time.Hour) })
	change("g", func(r *Row) { r.Mentioned = m.seq + 1 })
	change("s", func(r *Row) { r.State = inbox.Snoozed })
	m.present = inbox.Presence{Online: []inbox.PersonID{"tb", "sl"}, Here: []inbox.Here{{Person: "tb", Conversation: "k", Writing: true}, {Person: "sl", Conversation: "l", Writing: true}}}
	m.search = found
	return m
}

// found is a search that finds a message with something hidden in it, and another one.
func found(typed string, only inbox.ConversationID) (Search, error) {
	if typed == "" {
		return Search{}, nil
	}
	body := inbox.NewMasked(inbox.Span{Text: "Der Termin: "}, inbox.Span{Kind: inbox.Phone, Text: "+49 ••• ••47"}, inbox.Span{Text: " ruft am Termin vorher an, dann kommt der Monteur mit dem Ersatzteil, sagt er."})
	return Search{Total: 1203, Read: 40, Of: 12000, Ask: inbox.AskSearch{Text: typed, Conversation: only}, Found: []Found{
		{Conversation: "k", Total: 2, Hits: []SearchHit{{Message: "1", At: ago(time.Hour), Side: inbox.FromContact, Snippet: body, Marks: [][2]int{{4, 10}}},
			{Message: "2", At: ago(30 * time.Hour), Side: inbox.FromPerson, Author: "tb", Snippet: inbox.PlainText("Termin steht."), Marks: [][2]int{{0, 6}}}}},
		{Conversation: "o", Total: 1, Hits: []SearchHit{{Message: "3", At: ago(0), Side: inbox.FromPerson, Snippet: inbox.PlainText("Ihr Termin")}}},
	}}, nil
}

func TestTeamWorkLooksAsDesigned(t *testing.T) {
	all := func(g *stage) { g.ui.desk.setFilter(FilterAll) }
	search := func(g *stage) {
		g.open("k")
		g.press(fyne.KeyF, ctrl|fyne.KeyModifierShift)
		g.heard("search shown")
		g.typeText("Termin")
		g.heard("search found " + grouped(1203))
		g.press(fyne.KeyDown, 0)
	}
	typed := func(note bool, text string) func(g *stage) {
		return func(g *stage) {
			g.open("k")
			if note {
				g.press(fyne.KeyN, ctrl|fyne.KeyModifierShift)
			}
			g.ui.desk.comp.focus()
			g.typeText(text)
			g.heard("suggestions shown")
		}
	}
	picked := func(g *stage) {
		all(g)
		for _, id := range []inbox.ConversationID{"k", "o", "l"} {
			g.ui.desk.pick(id)
		}
	}
	for _, c := range []struct {
		name string
		s    Settings
		w, h float32
		do   func(g *stage)
	}{
		{"list", Settings{}, 960, 760, all},
		{"list-dark-de", Settings{Theme: "dark", Language: "de"}, 960, 760, all},
		{"list-large-it", Settings{Language: "it", TextSize: 130}, 960, 860, all},
		{"list-scoped-large-de", Settings{Language: "de", TextSize: 130}, 960, 500, func(g *stage) {
			g.ui.desk.setFilter(FilterTasks)
			g.ui.desk.setScope(scope{tag: "t4"})
		}},
		{"search-dark-de-large", Settings{Theme: "dark", Language: "de", TextSize: 130}, 1280, 800, search},
		{"search-820", Settings{}, 820, 600, search},
		{"suggestions-dark-820", Settings{Theme: "dark"}, 820, 600, typed(false, "/")},
		{"mention-dark-de-large", Settings{Theme: "dark", Language: "de", TextSize: 130}, 820, 600, typed(true, "@")},
		{"contact-dark-it", Settings{Theme: "dark", Language: "it"}, 1280, 800, func(g *stage) { g.open("k"); g.ui.desk.side.list.ScrollToBottom() }},
		{"contact-large-de", Settings{Language: "de", TextSize: 130}, 1280, 1200, func(g *stage) { g.open("k") }},
		{"presence", Settings{}, 1280, 500, func(g *stage) { g.open("k") }},
		{"presence-large-de-820", Settings{Language: "de", TextSize: 130}, 820, 500, func(g *stage) { g.open("k") }},
		{"picked-820", Settings{}, 820, 600, func(g *stage) {
			g.open("k")
			picked(g)
			test.TapAt(g.ui.desk.listing.top, fyne.NewPos(36, 28))
		}},
		{"picked-dark-de-large", Settings{Theme: "dark", Language: "de", TextSize: 130}, 960, 500, picked},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newStage(t, crowded(), c.s, c.w, c.h)
			g.heard("inbox shown")
			g.rest()
			c.do(g)
			g.rest()
			g.picture("team-" + c.name)
		})
	}
}

func TestAListTooNarrowForTheBarStillActsOnWhatIsPicked(t *testing.T) {
	m := crowded()
	g := newStage(t, m, Settings{}, 820, 600)
	g.heard("inbox shown")
	g.ui.desk.setFilter(FilterAll)
	tap := func() { test.TapAt(g.ui.desk.listing.top, fyne.NewPos(36, 28)) }
	tap()
	g.heard("search shown") // nothing is picked
	g.press(fyne.KeyEscape, 0)
	g.ui.desk.pick("k")
	g.ui.desk.pick("l")
	tap()
	g.heard("menu shown")
	menu := g.win.Canvas().Focused()
	for range 4 { // the fourth closes them
		menu.TypedKey(&fyne.KeyEvent{Name: fyne.KeyDown})
	}
	menu.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	g.until("closing", func() bool { return len(m.wishes()) == 2 })
	for _, w := range m.wishes() {
		if b, ok := w.Body.(inbox.SetState); !ok || b.State != inbox.Closed {
			t.Errorf("wished %+v", w.Body)
		}
	}
}

func TestPillsGiveWayToLargeText(t *testing.T) {
	g := newStage(t, crowded(), Settings{Language: "de", TextSize: 130}, 960, 600)
	g.heard("inbox shown")
	p := g.ui.desk.listing
	for _, f := range []Filter{FilterMine, FilterAll, FilterClosed} {
		g.ui.desk.setFilter(f)
		var right float32
		shown := map[string]bool{}
		for i, b := range p.boxes {
			if b.Visible() {
				right = max(right, b.Position().X+p.chips[i].Position().X+p.chips[i].MinSize().Width)
				shown[p.chips[i].AccessibleName()] = true
			}
		}
		if right > listWidth {
			t.Errorf("filter %d: the pills end at %v of %v", f, right, listWidth)
		}
		if at := slices.Index(firstPills, f); at >= 0 && !p.boxes[at].Visible() {
			t.Errorf("filter %d: the chosen pill is left out", f)
		}
	}
	g.ui.desk.setFilter(FilterMine)
	test.Tap(p.chips[len(p.chips)-1])
	g.heard("menu shown")
	for i, f := range firstPills {
		if offered := kit.Find(g.top(), word(filterWords[f][0])) != nil || slices.Contains(kit.Texts(g.top()), word(filterWords[f][0])); offered == p.boxes[i].Visible() {
			t.Errorf("filter %d has a pill: %v, and is in the menu: %v", f, p.boxes[i].Visible(), offered)
		}
	}
}

func TestAConversationIsHandedOverWithANote(t *testing.T) {
	m := team()
	g := opened(t, m, "k")
	g.press(fyne.KeyA, ctrl|fyne.KeyModifierShift)
	g.heard("assign shown")
	g.typeText("tob")
	g.press(fyne.KeyReturn, 0)
	g.until("assigning", func() bool { b, ok := wished[inbox.Assign](m); return ok && b.To == "tb" })
	g.wantShown("Assigned to Tobias Brandt")
	g.rest()
	g.picture("handed-over")
	g.tap("Add note")
	if c := g.ui.desk.comp; !c.note || c.text() != "@Tobias Brandt " || g.win.Canvas().Focused() != fyne.Focusable(c.field) {
		t.Fatalf("a note is %v, with %q", c.note, c.text())
	}
	g.typeText("knows the house")
	g.press(fyne.KeyReturn, 0)
	g.until("the note", func() bool {
		b, ok := wished[inbox.AddNote](m)
		return ok && b.Conversation == "k" && slices.Equal(b.Mentions, []inbox.PersonID{"tb"}) && b.Text == "@Tobias Brandt knows the house"
	})
	for _, to := range []inbox.PersonID{"me", ""} {
		g.ui.desk.assign(to)
		if kit.Find(g.win.Canvas().Content(), "Add note") != nil {
			t.Errorf("a note is offered to %q", to)
		}
	}
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
	for _, r := range choose(list, FilterDue, scope{}, "me", h, "") {
		got = append(got, r.ID)
	}
	if !slices.Equal(got, []inbox.ConversationID{"now", "soon", "late"}) {
		t.Errorf("in order %v", got)
	}
	list[0].Tags = []inbox.TagID{"t"}
	if got := choose(list, FilterAll, scope{tag: "t"}, "me", h, ""); len(got) != 1 || got[0].ID != "late" {
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

func TestAMentionThatIsReadStaysUntilAnotherIsOpened(t *testing.T) {
	m := team()
	m.rows["k"].Mentioned = m.rows["k"].LastSeq + 1
	m.rows["k"].ReadSeq = 1
	g := newStage(t, m, Settings{}, 1280, 800)
	g.heard("inbox shown")
	g.ui.desk.setFilter(FilterMentioned)
	if n := len(g.ui.desk.shown); n != 1 {
		t.Fatalf("%d are mentioned", n)
	}
	g.open("k")
	m.mu.Lock()
	read := *m.rows["k"]
	read.ReadSeq = read.Mentioned
	m.rows["k"] = &read
	m.mu.Unlock()
	m.poke()
	g.until("reading", func() bool { return g.ui.desk.row.ReadSeq == read.Mentioned })
	if n := len(g.ui.desk.shown); n != 1 {
		t.Error("what is being read goes away")
	}
	g.ui.desk.setFilter(FilterMine)
	g.ui.desk.setFilter(FilterMentioned)
	if n := len(g.ui.desk.shown); n != 0 {
		t.Error("what was read comes back")
	}
}

func TestThePillOfTheScopeTakesItOff(t *testing.T) {
	for _, size := range []int{100, 130} {
		g := newStage(t, crowded(), Settings{Language: "de", TextSize: size}, 960, 600)
		g.heard("inbox shown")
		d := g.ui.desk
		p, at := d.listing, len(firstPills)
		for _, f := range []Filter{FilterAll, FilterMine, FilterTasks, FilterSnoozed} {
			for _, how := range []string{"pointer", "key"} {
				d.setFilter(f)
				d.setScope(scope{tag: "t4"})
				narrow := p.chips[at]
				if !p.boxes[at].Visible() || narrow.Tip != word("filter.widen") || narrow.Position().X+p.boxes[at].Position().X+narrow.MinSize().Width > listWidth {
					t.Fatalf("%d %%, filter %d: the pill is not in view, or says nothing", size, f)
				}
				if more := p.boxes[at+1]; !more.Visible() || more.Position().X+more.MinSize().Width > listWidth {
					t.Errorf("%d %%, filter %d: the other filters are out of reach", size, f)
				}
				if how == "key" {
					g.win.Canvas().Focus(narrow)
					g.press(fyne.KeyReturn, 0)
				} else {
					test.Tap(narrow)
				}
				if d.scope != (scope{}) || d.filter != f || p.boxes[at].Visible() {
					t.Errorf("%d %%, filter %d, by %s: %+v", size, f, how, d.scope)
				}
				if g.win.Canvas().Focused() == fyne.Focusable(narrow) {
					t.Error("what is gone has the keyboard")
				}
			}
		}
	}
}

// The list holds still under a pointer; what another tag shows is another list.
func TestAnotherScopeIsShownAtOnceUnderThePointer(t *testing.T) {
	g := newStage(t, crowded(), Settings{}, 1280, 800)
	g.heard("inbox shown")
	g.ui.desk.setFilter(FilterAll)
	all := len(g.ui.desk.shown)
	g.ui.desk.setScope(scope{tag: "t4"})
	few := len(g.ui.desk.shown)
	if few == 0 || few >= all {
		t.Fatalf("%d of %d have the tag", few, all)
	}
	g.ui.desk.listing.over = "k"
	g.ui.desk.setScope(scope{})
	if n := len(g.ui.desk.shown); n != all {
		t.Errorf("%d of %d are shown", n, all)
	}
}

func TestATagStandsBeforeWhoAnswersAndHowLong(t *testing.T) {
	english(t)
	m := team()
	row := *m.rows["k"]
	row.State, row.Assignee, row.Unread, row.Waiting = inbox.Open, "me", 1, ago(30*time.Minute)
	row.LastInbound, row.Tags, row.Mentioned = ago(30*time.Minute), []inbox.TagID{"t2", "t1"}, m.seq+1
	row.Tasks = []inbox.Task{{ID: "k1", Text: inbox.PlainText("Call back"), Person: "me"}}
	h := house{inboxes: m.inboxes, tags: m.tags}
	texts := func() (out []string) {
		for _, c := range rowView(&row, FilterAll, newStaff(m.me, m.people), h, inbox.Presence{}, at1453).Chips {
			out = append(out, c.Text)
		}
		return out
	}
	first := h.tagged(row.Conversation)[0].Name
	got := texts()
	if i, you, tag, ask := 0, slices.Index(got, word("person.you")), slices.Index(got, first), slices.Index(got, word("chip.mentioned")); ask != i+1 || tag != ask+1 || you != tag+2 || len(got) != 7 {
		t.Errorf("with a mention: %v", got)
	}
	row.Mentioned, row.Tasks = 0, nil
	if got = texts(); slices.Index(got, first) != 1 || slices.Index(got, word("person.you")) != 2 {
		t.Errorf("without: %v", got)
	}
	if err := speak("de"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { english(t) })
	g := newStage(t, tagged(), Settings{Language: "de", TextSize: 130, Theme: "dark"}, 1440, 900)
	g.heard("inbox shown")
	g.ui.desk.setFilter(FilterAll)
	g.rest()
	g.picture("rows-tagged-dark-de-130")
}

// tagged is a team whose conversations have tags of every length.
func tagged() *memory {
	m := team()
	m.tags = []inbox.Tag{{ID: "t1", Name: "Appointment", Colour: 2}, {ID: "t2", Name: "Urgent", Colour: 3}, {ID: "t3", Name: "A contract for maintenance", Colour: 1}}
	for i, id := range slices.Sorted(maps.Keys(m.rows)) {
		row := *m.rows[id]
		row.Tags = [][]inbox.TagID{{"t1", "t2"}, {"t2"}, {"t3"}}[i%3]
		m.rows[id] = &row
	}
	return m
}

func TestThePaletteShowsATagOrAnInboxByItsName(t *testing.T) {
	m := team()
	m.inboxes = append(m.inboxes, inbox.Inbox{ID: "service", Name: "Service"})
	m.me.Inboxes = append(m.me.Inboxes, "service")
	g := newStage(t, m, Settings{}, 1280, 800)
	g.heard("inbox shown")
	d := g.ui.desk
	for _, it := range d.paletteItems("") {
		if it.Icon == "tag" && it.Hint == word("palette.tag") {
			t.Error("the empty palette lists every tag")
		}
	}
	show := func(typed string, want scope) {
		t.Helper()
		d.filter, d.scope = FilterClosed, scope{}
		g.press(fyne.KeyK, ctrl)
		g.typeText(typed)
		shown := d.palette.Shown()
		if len(shown) == 0 || shown[0].Title != word("action.filter", "Name", typed) {
			t.Fatalf("%q offers %v", typed, shown)
		}
		g.press(fyne.KeyReturn, 0)
		if d.scope != want || d.filter != FilterAll || d.page != pageInbox {
			t.Errorf("%q shows %+v, filter %d", typed, d.scope, d.filter)
		}
	}
	show("Complaint", scope{tag: "t1"})
	if in := d.scopeInboxes(); len(in) > 1 {
		show(in[1].Name, scope{inbox: in[1].ID})
	} else {
		t.Fatal("the company has one inbox only")
	}
	d.showPage(pageBoard)
	show("Offer", scope{tag: "t2"})
}

func TestWhatIsAskedAndToldSaysWhichConversationsItIsAbout(t *testing.T) {
	m := team()
	g := opened(t, m, "k")
	d := g.ui.desk
	name := d.row.Contact.Display()
	asked := func(want string) {
		t.Helper()
		d.showAssign()
		if got := g.win.Canvas().Focused().(kit.Accessible).AccessibleName(); got != want {
			t.Errorf("%q is asked, not %q", got, want)
		}
		g.press(fyne.KeyEscape, 0)
	}
	asked(word("palette.assign"))
	g.press(fyne.KeyE, ctrl|shift)
	g.wantShown(join(word("toast.closed"), name))
	d.setFilter(FilterAll)
	d.pickAll()
	for id := range d.picks {
		if len(d.picks) > 2 {
			delete(d.picks, id)
		}
	}
	if !d.mayAll(inbox.ActAssign) {
		t.Fatal("these cannot be assigned")
	}
	asked("Assign 2 conversations to")
}
