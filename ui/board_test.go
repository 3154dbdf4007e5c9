package ui

import (
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// staffed is a company whose server tells how the work goes.
func staffed() *memory {
	m := equipped()
	m.inboxes[0].Answer, m.inboxes[1].Answer = 60, 60
	m.tags = []inbox.Tag{{ID: "t1", Name: "Complaint", Colour: 4}, {ID: "t2", Name: "Offer", Colour: 2}, {ID: "t3", Name: "Appointment", Colour: 1}, {ID: "t4", Name: "Spare part", Colour: 5}}
	m.replies = []inbox.QuickReply{
		{ID: "q1", Shortcut: "hours", Text: "We are here from 9 to 18.", Language: "en"},
		{ID: "q2", Shortcut: "offer", Text: "Hello {{contact.name}},\nhere is the offer we spoke of.", Inboxes: []inbox.InboxID{"sales"}},
		{ID: "q3", Shortcut: "termin", Text: "Guten Tag {{contact.name}}, passt Ihnen morgen um 10 Uhr?", Language: "de"}}
	answer := m.answer
	m.answer = func(q inbox.Question) (inbox.Answer, error) {
		switch q := q.(type) {
		case inbox.AskBoard:
			return boardOf(q), nil
		case inbox.AskReport:
			return reportOf(q), nil
		case inbox.EditTag:
			return inbox.Edited{}, nil
		case inbox.EditQuickReply:
			return inbox.Written{}, nil
		case inbox.SetAway:
			return inbox.Away{}, nil
		}
		return answer(q)
	}
	return m
}

func boardOf(inbox.AskBoard) inbox.Board {
	lines := []inbox.BoardLine{
		{Inbox: "sales", Open: 42, Unassigned: 7, Waiting: 19, Overdue: 3, Snoozed: 5, Longest: ago(95 * time.Minute), Online: 4, In: 128, Out: 141, Closed: 23},
		{Inbox: "service", Open: 11, Waiting: 4, Snoozed: 2, Longest: ago(12 * time.Minute), Online: 2, In: 37, Out: 33, Closed: 9}}
	for i := range lines {
		for h := range 24 {
			from := noon.Truncate(time.Hour).Add(time.Duration(h-23) * time.Hour)
			b := inbox.HourBin{From: inbox.At(from)}
			if hour := from.Hour(); hour >= 7 && hour < 20 {
				b.In, b.Out = (hour*7+i*3)%13+2, (hour*5+i*5)%15+1
			}
			lines[i].Hours = append(lines[i].Hours, b)
		}
	}
	return inbox.Board{Now: inbox.At(noon), Lines: lines}
}

func (g *stage) boardShown() {
	g.t.Helper()
	g.press(fyne.Key9, ctrl)
	g.heard("board shown")
	g.rest()
}

func TestBoardLooksAsDesigned(t *testing.T) {
	for _, c := range []struct {
		name string
		s    Settings
		w, h float32
		with func(m *memory)
	}{
		{"light", Settings{}, 1440, 900, nil},
		{"dark-de-820", Settings{Theme: "dark", Language: "de"}, 820, 600, nil},
		{"it-130", Settings{Language: "it", TextSize: 130}, 1100, 800, nil},
		{"wall", Settings{Theme: "dark"}, 1920, 1080, nil},
		{"one-820", Settings{}, 820, 600, func(m *memory) { m.me.Inboxes, m.answer = []inbox.InboxID{"sales"}, oneBoard }},
		{"offline-de", Settings{Language: "de"}, 1100, 700, func(m *memory) { m.answer = nil }},
		{"error", Settings{}, 1100, 700, func(m *memory) {
			m.answer = func(inbox.Question) (inbox.Answer, error) { return nil, inbox.RefusedNewerWords }
		}},
		{"refused-it", Settings{Language: "it"}, 1100, 700, func(m *memory) {
			m.answer = func(inbox.Question) (inbox.Answer, error) { return nil, inbox.RefusedRight }
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := staffed()
			if c.with != nil {
				c.with(m)
			}
			g := newStage(t, m, c.s, c.w, c.h)
			g.heard("inbox shown")
			g.boardShown()
			g.picture("board-" + c.name)
		})
	}
}

func oneBoard(q inbox.Question) (inbox.Answer, error) {
	b := boardOf(inbox.AskBoard{})
	b.Lines = b.Lines[:1]
	return b, nil
}

func TestTheBoardAsksAgainAndSaysWhatIsOld(t *testing.T) {
	m := staffed()
	var asked int
	m.answer = func(q inbox.Question) (inbox.Answer, error) {
		if _, ok := q.(inbox.AskBoard); ok {
			asked++
			b := boardOf(inbox.AskBoard{})
			b.Lines[0].Open += asked
			return b, nil
		}
		return nil, ErrOffline
	}
	g := newStage(t, m, Settings{}, 1100, 800)
	g.heard("inbox shown")
	g.boardShown()
	g.wantShown("43")
	g.pass(boardEvery)
	g.wantShown("44")
	g.m.mu.Lock()
	m.answer = nil
	g.m.mu.Unlock()
	g.pass(boardEvery)
	g.wantShown("No news since then: no connection")
	if !g.shows("44") || !g.shows("as of 14:53") {
		t.Error("old numbers went away")
	}
	g.rest()
	g.picture("board-stale")
	before := asked
	g.press(fyne.Key1, ctrl)
	g.rest()
	g.pass(boardEvery)
	g.rest()
	if asked != before {
		t.Error("it asks while nobody looks")
	}
}

func TestASameBoardIsNotDrawnAgain(t *testing.T) {
	m := staffed()
	g := newStage(t, m, Settings{}, 1100, 800)
	g.heard("inbox shown")
	g.boardShown()
	cards := g.ui.desk.board.cards
	g.ui.desk.board.take(boardOf(inbox.AskBoard{}), nil)
	if &cards[0] != &g.ui.desk.board.cards[0] {
		t.Error("an answer that says the same was shown anew")
	}
}

func TestBoardsAreToldInWords(t *testing.T) {
	english(t)
	h := house{inboxes: []inbox.Inbox{{ID: "sales", Name: "Sales"}, {ID: "service", Name: "Service"}}}
	cards := boardCards(boardOf(inbox.AskBoard{}), h, at1453)
	if len(cards) != 3 || cards[0].ID != "" || cards[0].Name != "All inboxes" || cards[1].Name != "Sales" {
		t.Fatalf("%d cards", len(cards))
	}
	say := func(c BoardCard) string {
		var out []string
		for _, x := range c.Tiles {
			out = append(out, x.Label+" "+x.Value)
		}
		return strings.Join(out, ", ")
	}
	if got := say(cards[0]); got != "Open 53, Unassigned 7, Waiting 23, Overdue 3, Longest wait 1 h 35 min, Snoozed 7, In today 165, Out today 174, Closed today 32" {
		t.Error(got)
	}
	tone := func(n int) Tone {
		return boardTiles(inbox.BoardLine{Overdue: n}, 0)[3].Tone
	}
	if tone(0) != ToneQuiet || tone(1) != ToneDanger {
		t.Error("what is overdue does not stand out, or stands out for nothing")
	}
	if cards := boardCards(inbox.Board{Lines: []inbox.BoardLine{{Inbox: "gone"}}}, h, at1453); len(cards) != 1 || cards[0].Name != "gone" || cards[0].Tiles[4].Value != "–" {
		t.Error("one inbox has no sum, and nobody waits")
	}
	if tip := cards[1].Hours[0].Tip; tip != "15:00 to 16:00 · 3 in · 1 out" {
		t.Error(tip)
	}
}

func TestTheRailLeadsBackToThePageOfTheTeamThatWasShownLast(t *testing.T) {
	g := newStage(t, staffed(), Settings{}, 1100, 700)
	g.heard("inbox shown")
	d := g.ui.desk
	if d.onRail(pageBoard) != pageBoard {
		t.Error("at first it leads to the board")
	}
	g.boardShown()
	test.TapAt(d.board.tabs.seg, fyne.NewPos(d.board.tabs.seg.Width()*0.4, 12))
	g.until("the page of reports", func() bool { return d.page == pageReports })
	g.press(fyne.Key1, ctrl)
	if d.onRail(pageBoard) != pageReports || d.onRail(pageAudit) != pageAudit {
		t.Error("the rail forgot")
	}
	if d.board.tabs.seg.Chosen() != 0 {
		t.Error("the board's tab is not its own")
	}
}

func TestAgentsHaveNoPagesOfTheTeam(t *testing.T) {
	g := newStage(t, company(), Settings{}, 1100, 700)
	g.heard("inbox shown")
	d := g.ui.desk
	for _, p := range []page{pageBoard, pageReports, pageOrganise} {
		if d.allowed(p) || d.showPage(p) {
			t.Errorf("page %d is shown", p)
		}
	}
	for _, it := range d.paletteItems("") {
		if slices.Contains([]string{pickAction + actBoard, pickAction + actReports, pickAction + actOrganise}, it.ID) {
			t.Error("the palette offers " + it.ID)
		}
	}
}

func TestWhoIsAwayIsToldAndComesBack(t *testing.T) {
	m := staffed()
	g := newStage(t, m, Settings{}, 820, 600)
	g.heard("inbox shown")
	g.ui.do(actAway)
	g.wantShown("You are away")
	asked := func() (last inbox.SetAway) {
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, q := range m.asked {
			if a, ok := q.(inbox.SetAway); ok {
				last = a
			}
		}
		return last
	}
	if !asked().Away {
		t.Fatal("the server was not told")
	}
	m.mu.Lock()
	m.me.Away = true
	m.mu.Unlock()
	m.poke()
	g.until("the state", func() bool { return g.ui.desk.staff.me.Away })
	g.rest()
	g.ui.layers.HideToast()
	g.picture("away")
	if got := actionOf(actAway).title(g.ui); got != "I am back" {
		t.Error(got)
	}
	test.TapAt(g.ui.desk.rail.mark, fyne.NewPos(g.ui.desk.rail.mark.Size().Width/2, 18))
	g.until("coming back", func() bool { return !asked().Away })
}

func TestColleaguesWhoAreThereStandFirst(t *testing.T) {
	english(t)
	m := newMemory()
	m.people = append(m.people, inbox.Person{ID: "aw", Name: "Anna Away", Role: inbox.Agent, Inboxes: []inbox.InboxID{"sales"}, Away: true})
	var got []string
	for _, c := range colleagues(newStaff(m.me, m.people), inbox.Conversation{Inbox: "sales"}, []inbox.PersonID{"tb", "aw"}) {
		got = append(got, c.Title+" ("+c.Hint+")")
	}
	if want := "Assign to me (Katja Moor), Tobias Brandt (Agent · online), Anna Away (Agent · away), Sabine Lang (Supervisor)"; strings.Join(got, ", ") != want {
		t.Error(strings.Join(got, ", "))
	}
}

func TestChartsOfTheBoardFitTheirCards(t *testing.T) {
	g := newStage(t, staffed(), Settings{}, 820, 600)
	g.heard("inbox shown")
	for _, w := range []float32{400, 700, 980, 1600} {
		for _, c := range boardCards(boardOf(inbox.AskBoard{}), g.ui.desk.house, at1453) {
			h := c.least(w)
			touch := kit.NewTouch("card", func(s *kit.Sketch, size fyne.Size) { g.ui.desk.board.paint(s, c, 0, w, h) })
			touch.Resize(fyne.NewSize(w, h))
			g.win.SetContent(touch)
			for _, text := range kit.Texts(touch) {
				if strings.HasSuffix(text, "…") && w >= 700 {
					t.Errorf("%v: %q is cut", w, text)
				}
			}
		}
	}
}

func TestTheBoardSaysWhenTheWindowLocks(t *testing.T) {
	for idle, want := range map[int]string{0: "", 10: "locks after 10 min without input"} {
		m := staffed()
		g := newStage(t, m, Settings{Idle: idle}, 1100, 700)
		g.heard("inbox shown")
		g.boardShown()
		line := g.ui.desk.board.line()
		if !strings.Contains(line, want) || want == "" && strings.Contains(line, "lock") {
			t.Errorf("after %d minutes: %q", idle, line)
		}
	}
}
