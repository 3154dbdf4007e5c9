package ui

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// reportOf is how the work went, in made-up numbers.
func reportOf(q inbox.AskReport) inbox.Report {
	line := func(key string, n int) inbox.ReportLine {
		return inbox.ReportLine{Key: key, Conversations: 20 + n%17, New: 4 + n%5, In: 60 + n*7%41, Out: 66 + n*5%39, Closed: 9 + n%7, Answered: 14 + n%9, AnswerMedian: 600 + n*317%1500, AnswerNinety: 2400 + n*611%5400,
			Late: n * 3 % 6, CloseMedian: 7200 + n*911%9000, CloseNinety: 28800 + n*1777%30000, Ratings: [5]int{n % 2, n % 3, 2, 4 + n%4, 6 + n%5}}
	}
	var keys []string
	r := inbox.Report{}
	switch q.By {
	case inbox.ByDay:
		from, _ := time.Parse(time.DateOnly, q.From)
		to, _ := time.Parse(time.DateOnly, q.To)
		for d := from; !d.After(to); d = d.AddDate(0, 0, 1) {
			if d.Weekday() != time.Sunday {
				keys = append(keys, d.Format(time.DateOnly))
			}
		}
	case inbox.ByInbox:
		keys = []string{"sales", "service"}
	case inbox.ByTeam:
		keys, r.Floor = []string{"", "north", "south"}, 5
	case inbox.ByPerson:
		keys, r.Floor, r.Hidden = []string{"A1", "C1", "F1", "K1", "T1", "X1"}, 5, 2
	case inbox.ByTag:
		keys, r.Floor = []string{"t1", "t2", "t3", "gone"}, 5
	case inbox.ByHour:
		for h := 7; h < 20; h++ {
			keys = append(keys, fmt.Sprintf("%02d", h))
		}
	}
	for i, k := range keys {
		r.Lines = append(r.Lines, line(k, i*3+1))
	}
	r.All = line("", 11)
	r.All.Conversations, r.All.In, r.All.Out, r.All.Closed = 214, 1630, 1702, 188
	return r
}

func (g *stage) reportBy(by inbox.Breakdown, period Period) {
	g.t.Helper()
	d := g.ui.desk
	g.ui.do(actReports)
	r := d.reports
	press := func(s *kit.Segments, to int) {
		for s.Chosen() != to {
			key := fyne.KeyRight
			if to < s.Chosen() {
				key = fyne.KeyLeft
			}
			s.TypedKey(&fyne.KeyEvent{Name: key})
		}
	}
	press(r.periods, int(period))
	press(r.ways, slices.IndexFunc(breakdowns, func(b struct {
		by  inbox.Breakdown
		key string
	}) bool {
		return b.by == by
	}))
	g.until("the report", func() bool { return r.failed != nil || r.shown && r.view.By == by })
	g.rest()
}

func TestReportsLookAsDesigned(t *testing.T) {
	for _, c := range []struct {
		name string
		s    Settings
		w, h float32
		by   inbox.Breakdown
		p    Period
		down float32
		with func(m *memory)
	}{
		{"day", Settings{}, 1440, 900, inbox.ByDay, PeriodThisMonth, 0, nil},
		{"day-table", Settings{}, 1440, 900, inbox.ByDay, PeriodWeek, 5000, nil},
		{"person-dark-de-820", Settings{Theme: "dark", Language: "de"}, 820, 640, inbox.ByPerson, PeriodMonth, 0, nil},
		{"person-table-dark-de-820", Settings{Theme: "dark", Language: "de"}, 820, 640, inbox.ByPerson, PeriodMonth, 5000, nil},
		{"tag-it-130", Settings{Language: "it", TextSize: 130}, 1100, 900, inbox.ByTag, PeriodLastMonth, 0, nil},
		{"tag-table-it-130", Settings{Language: "it", TextSize: 130}, 1100, 900, inbox.ByTag, PeriodLastMonth, 5000, nil},
		{"hour-dark", Settings{Theme: "dark"}, 1440, 900, inbox.ByHour, PeriodWeek, 340, nil},
		{"offline", Settings{}, 1100, 700, inbox.ByDay, PeriodWeek, 0, func(m *memory) { m.answer = nil }},
		{"empty-de", Settings{Language: "de"}, 1100, 700, inbox.ByDay, PeriodWeek, 0, func(m *memory) {
			m.answer = func(inbox.Question) (inbox.Answer, error) { return inbox.Report{}, nil }
		}},
		{"hidden", Settings{}, 1100, 800, inbox.ByTeam, PeriodToday, 0, func(m *memory) {
			m.answer = func(inbox.Question) (inbox.Answer, error) {
				return inbox.Report{All: inbox.ReportLine{Conversations: 4, In: 6, Out: 5, Answered: 3, AnswerMedian: 300}, Floor: 5, Hidden: 1}, nil
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := staffed()
			if c.with != nil {
				c.with(m)
			}
			g := newStage(t, m, c.s, c.w, c.h)
			g.heard("inbox shown")
			g.reportBy(c.by, c.p)
			g.ui.desk.reports.list.ScrollBy(c.down)
			g.rest()
			g.picture("report-" + c.name)
		})
	}
}

func TestPeriodsAreWholeDays(t *testing.T) {
	now := time.Date(2026, 3, 31, 23, 59, 0, 0, time.FixedZone("east", 3600))
	for p, want := range map[Period]string{PeriodToday: "2026-03-31 2026-03-31", PeriodWeek: "2026-03-25 2026-03-31", PeriodMonth: "2026-03-02 2026-03-31", PeriodThisMonth: "2026-03-01 2026-03-31", PeriodLastMonth: "2026-02-01 2026-02-28"} {
		from, to := p.bounds(now)
		if got := from.Format(dayForm) + " " + to.Format(dayForm); got != want {
			t.Errorf("%d: %s, not %s", p, got, want)
		}
	}
}

func TestReportsDrawEveryDayAndSayWhatIsMissing(t *testing.T) {
	english(t)
	h := house{inboxes: []inbox.Inbox{{ID: "sales", Name: "Sales", Answer: 60}, {ID: "service", Name: "Service", Answer: 30}}}
	from, to := PeriodWeek.bounds(noon)
	v := reportView(reportOf(inbox.AskReport{By: inbox.ByDay, From: from.Format(dayForm), To: to.Format(dayForm)}), inbox.ByDay, from, to, "", h)
	if len(v.Plots) != 7 || len(v.Rows) != 6 || v.Measure != 0 || len(v.Notes) != 0 {
		t.Errorf("%d days, %d lines, measure %d, %q", len(v.Plots), len(v.Rows), v.Measure, v.Notes)
	}
	if v := reportView(inbox.Report{}, inbox.ByDay, from, to, "service", h); v.Measure != 30*60 || !v.Empty {
		t.Errorf("measure %d", v.Measure)
	}
	v = reportView(reportOf(inbox.AskReport{By: inbox.ByPerson}), inbox.ByPerson, from, to, "", h)
	notes := strings.Join(v.Notes, " ")
	for _, want := range []string{"letters that are new", "fewer than 5 conversations", "2 lines are left out"} {
		if !strings.Contains(notes, want) {
			t.Errorf("%q is not said: %s", want, notes)
		}
	}
	if v.Rows[0].Name[:7] != "Person " {
		t.Error(v.Rows[0].Name)
	}
	var many inbox.Report
	for i := range 40 {
		many.Lines = append(many.Lines, inbox.ReportLine{Key: fmt.Sprint(i), Conversations: i})
	}
	if v := reportView(many, inbox.ByTag, from, to, "", h); len(v.Plots) != mostBars || v.Plots[0].Line.Conversations != 39 || len(v.Notes) != 1 {
		t.Errorf("%d are drawn", len(v.Plots))
	}
}

func TestTablesAreSortedByTapAndByKey(t *testing.T) {
	g := newStage(t, staffed(), Settings{}, 1440, 900)
	g.heard("inbox shown")
	g.reportBy(inbox.ByTag, PeriodWeek)
	p := g.ui.desk.reports
	g.win.Canvas().Focus(p.list)
	names := func() (out []string) {
		for _, r := range p.table {
			out = append(out, r.Name)
		}
		return out
	}
	first := names()
	g.press(fyne.KeyReturn, 0)
	turned := names()
	slices.Reverse(turned)
	if !slices.Equal(first, turned) {
		t.Errorf("%q, then %q", first, turned)
	}
	g.press(fyne.KeyLeft, 0)
	if got := names(); !slices.IsSortedFunc(got, strings.Compare) {
		t.Errorf("by name: %q", got)
	}
	for range 20 {
		g.press(fyne.KeyRight, 0)
	}
	if p.sort.column != 12 || !p.sort.down {
		t.Errorf("the last column is %+v", p.sort)
	}
	head := slices.IndexFunc(p.rows, func(r reportRow) bool { return r.kind == reportHead })
	p.list.ScrollToBottom()
	where, ok := p.list.Where(p.id(head))
	if !ok {
		t.Fatal("no head in view")
	}
	at := where.Subtract(fyne.CurrentApp().Driver().AbsolutePositionForObject(p.list))
	test.TapAt(p.list, at.AddXY(40, 20))
	if p.sort.column != -1 {
		t.Errorf("a tap sorted by %d", p.sort.column)
	}
}

func TestTablesAreCopiedForSpreadsheets(t *testing.T) {
	english(t)
	v := reportView(inbox.Report{Lines: []inbox.ReportLine{{Key: "t1", Conversations: 7, AnswerMedian: 90, Late: 1, Answered: 4, Ratings: [5]int{1, 0, 0, 0, 1}}}, All: inbox.ReportLine{Conversations: 9}}, inbox.ByTag, noon, noon, "",
		house{tags: []inbox.Tag{{ID: "t1", Name: "=1+1"}}})
	lines := strings.Split(strings.TrimSpace(reportTSV(v.Rows, v)), "\n")
	if len(lines) != 3 || strings.Count(lines[0], "\t") != 18 || strings.Count(lines[1], "\t") != 18 {
		t.Fatalf("%q", lines)
	}
	if !strings.HasPrefix(lines[1], "'=1+1\t7\t0\t0\t0\t0\t1.5\t") || !strings.HasPrefix(lines[2], "Total\t9\t") || !strings.Contains(lines[0], "First answer (minutes)\tFirst answer 90 % (minutes)") {
		t.Errorf("%q", lines)
	}
	for copying, want := range map[Copying]string{CopyAnywhere: "Copied", CopyNowhere: "Copying is off"} {
		g := newStageWith(t, staffed(), Settings{}, 1100, 700, func(c *Config) { c.Copying = copying })
		g.heard("inbox shown")
		g.reportBy(inbox.ByTag, PeriodWeek)
		g.app.Clipboard().SetContent("")
		test.Tap(g.ui.desk.reports.copy)
		g.wantShown(want)
		if got := g.app.Clipboard().Content() != ""; got != (copying == CopyAnywhere) {
			t.Errorf("%v: on the clipboard: %v", copying, got)
		}
	}
}

func TestReportsAskForWhatIsChosen(t *testing.T) {
	m := staffed()
	g := newStage(t, m, Settings{}, 1440, 900)
	g.heard("inbox shown")
	g.reportBy(inbox.ByDay, PeriodWeek)
	last := func() (q inbox.AskReport) {
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, x := range m.asked {
			if r, ok := x.(inbox.AskReport); ok {
				q = r
			}
		}
		return q
	}
	if q := last(); q != (inbox.AskReport{From: "2025-11-15", To: "2025-11-21", By: inbox.ByDay}) {
		t.Errorf("%+v", q)
	}
	root := g.ui.desk.reports.root
	test.Tap(kit.Find(root, "All inboxes").(fyne.Tappable))
	g.wantShown("Service")
	g.press(fyne.KeyDown, 0)
	g.press(fyne.KeyDown, 0)
	g.press(fyne.KeyReturn, 0)
	g.until("the inbox", func() bool { return last().Inbox != "" })
	kit.Find(root, "By").(fyne.Focusable).TypedKey(&fyne.KeyEvent{Name: fyne.KeyEnd})
	g.until("the hours", func() bool { return last().By == inbox.ByHour })
	kit.Find(root, "Period").(fyne.Focusable).TypedKey(&fyne.KeyEvent{Name: fyne.KeyEnd})
	g.until("the month", func() bool { return last().From == "2025-10-01" && last().To == "2025-10-31" })
	g.rest()
	n := len(m.asked)
	g.advance(2 * time.Minute)
	if len(m.asked) > n {
		t.Error("it asks by itself, and each look is recorded")
	}
}
