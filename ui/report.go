package ui

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// reportPage tells how the work went: plots and a table for a stretch of days. Each look is recorded, so it asks only when somebody
// chooses something.
type reportPage struct {
	d       *desk
	root    *fyne.Container
	tabs    *tabs
	head    *kit.Painted
	periods *kit.Segments
	ways    *kit.Segments
	pill    *kit.ChipView
	copy    *kit.IconButton
	list    *kit.List
	blank   *kit.EmptyState
	load    *kit.Painted
	several bool // there is an inbox to choose

	period   Period
	by       inbox.Breakdown
	inbox    inbox.InboxID
	from, to time.Time
	view     ReportView
	table    []ReportRow
	rows     []reportRow
	sort     reportSort
	shown    bool
	failed   error
	asked    int
}

// A reportRow is a row of the page: the sums, the notes, one or two plots, a line of the table.
type reportRow struct {
	kind  reportKind
	plots []reportPlot
	at    int
}

type reportKind uint8

const (
	reportSums reportKind = iota
	reportNotes
	reportPlots
	reportHead
	reportLine
	reportTotal
)

func newReports(d *desk) *reportPage {
	p := &reportPage{d: d, period: PeriodWeek, by: inbox.ByDay, sort: firstSort(inbox.ByDay)}
	p.head = teamHead(word("action.reports"), p.line)
	p.tabs = newTabs(d, pageReports)
	periods := make([]string, len(periodWords))
	for i, key := range periodWords {
		periods[i] = word(key)
	}
	ways := make([]string, len(breakdowns))
	for i, b := range breakdowns {
		ways[i] = word(b.key)
	}
	p.periods = kit.NewSegments(word("report.period"), periods, int(p.period), func(i int) {
		p.period = Period(i)
		p.ask()
	})
	p.ways = kit.NewSegments(word("report.by"), ways, 0, func(i int) {
		p.by = breakdowns[i].by
		p.sort = firstSort(p.by)
		p.ask()
	})
	p.pill = kit.NewChip(kit.Chip{Text: word("costs.all"), Style: kit.ChipFilter}, p.pickInbox)
	p.copy = kit.NewIconButton("copy", word("report.copy"), p.copyTable)
	first := &flanked{d: d, seg: p.periods, rest: p.pill}
	second := &flanked{d: d, seg: p.ways, rest: p.copy}
	steer := kit.Column(kit.Min(boxed(first, p.periods, p.pill)), kit.Gap(8), kit.Min(boxed(second, p.ways, p.copy)))
	p.list = kit.NewList(kit.ListConfig{Name: word("action.reports"), Len: func() int { return len(p.rows) }, ID: p.id, Measure: p.measure, Draw: p.draw, PadTop: boardTop, PadBottom: 8, RingRow: true,
		OnTap: func(i int, area string, _ fyne.Position) {
			if n, ok := sortOf(area); ok && p.rows[i].kind == reportHead {
				p.order(n)
			}
		},
		OnKey: p.key,
		Tip:   p.tip,
		Hand:  func(area string) bool { _, ok := sortOf(area); return ok }})
	p.list.Select("report") // it is read as a whole
	p.blank = kit.NewEmptyState("chart", "", "", kit.Action{})
	p.load = kit.NewSkeleton(word("report.loading"), 4, 90)
	body := boxed(&resizing{changed: func(was fyne.Size) {
		if was.Width >= reportWide != (p.list.Size().Width >= reportWide) {
			p.refresh()
		}
	}}, p.list)
	p.root = pageFrame(p.tabs.headed(p.head), steer, body, p.load, p.blank)
	p.refresh()
	return p
}

// flanked is a row of choices with something beside it; the choices go on in the next line where there is no room.
type flanked struct {
	d    *desk
	seg  *kit.Segments
	rest fyne.CanvasObject
}

func (f *flanked) width(room float32) float32 {
	if f.rest.Visible() {
		room -= f.rest.MinSize().Width + 14
	}
	return max(min(f.seg.Width(), room), 60)
}

// Layout implements fyne.Layout.
func (f *flanked) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	w := f.width(size.Width)
	h := f.seg.HeightFor(w)
	f.seg.Move(fyne.NewPos(0, 0))
	f.seg.Resize(fyne.NewSize(w, h))
	rest := f.rest.MinSize()
	f.rest.Move(fyne.NewPos(w+14, float32(int((min(h, f.seg.HeightFor(f.seg.Width()))-rest.Height)/2))))
	f.rest.Resize(rest)
}

// MinSize implements fyne.Layout.
func (f *flanked) MinSize([]fyne.CanvasObject) fyne.Size {
	room := f.d.u.cfg.Window.Canvas().Size().Width - railWidth - 2*pageX
	return fyne.NewSize(200, max(f.seg.HeightFor(f.width(room)), f.rest.MinSize().Height))
}

// line is what stands under the title.
func (p *reportPage) line() string {
	if p.from.IsZero() {
		return ""
	}
	days := dayName(p.from)
	if p.to.After(p.from) {
		days += " – " + dayName(p.to)
	}
	if !p.shown {
		return days
	}
	return join(days, word("report.recorded"))
}

// rights shows the pill of inboxes when there are several to choose from.
func (p *reportPage) rights() {
	n := len(p.inboxes())
	if several := n > 1; several != p.several || p.pill.Visible() != several {
		p.several = several
		visible(p.pill, several)
	}
}

// inboxes are those of which the reader may see reports.
func (p *reportPage) inboxes() []inbox.Inbox {
	return slices.DeleteFunc(slices.Clone(p.d.house.inboxes), func(in inbox.Inbox) bool {
		return inbox.Can(p.d.staff.me, inbox.ActReport, inbox.Subject{Inbox: in.ID}) != nil
	})
}

func (p *reportPage) pickInbox() {
	list := append([]inbox.Inbox{{Name: word("costs.all")}}, p.inboxes()...)
	cfg := kit.MenuConfig{Name: word("report.by.inbox"), Active: -1, OnClose: func() { p.d.u.trace("overlay closed") },
		At: fyne.CurrentApp().Driver().AbsolutePositionForObject(p.pill).AddXY(0, p.pill.Size().Height+4)}
	for _, in := range list {
		cfg.Items = append(cfg.Items, kit.MenuItem{Text: in.Name, Do: func() {
			p.inbox = in.ID
			p.pill.Set(kit.Chip{Text: short(in.Name), Style: kit.ChipFilter, Active: in.ID != ""})
			relayout(p.root)
			p.ask()
		}})
	}
	kit.ShowMenu(p.d.u.cfg.Window.Canvas(), cfg)
}

// ask asks the company's server.
func (p *reportPage) ask() {
	d := p.d
	p.asked++
	mine := p.asked
	p.from, p.to = p.period.bounds(d.clock().in(d.clock().now))
	p.shown, p.failed = false, nil
	p.refresh()
	q := inbox.AskReport{From: p.from.Format(dayForm), To: p.to.Format(dayForm), Inbox: p.inbox, By: p.by}
	go func() {
		ctx, cancel := context.WithTimeout(d.ctx, time.Minute)
		a, err := d.ask(ctx, q)
		cancel()
		d.u.cfg.Post(func() {
			if d.ended() || p.asked != mine {
				return
			}
			report, ok := a.(inbox.Report)
			if err == nil && !ok {
				err = errors.New("not an answer to the question")
			}
			if p.failed = err; err == nil {
				p.shown = true
				p.view = reportView(report, q.By, p.from, p.to, q.Inbox, d.house)
			}
			p.refresh()
			p.list.Reset()
			d.takeList(pageReports, p.list)
			d.u.trace("report shown")
		})
	}()
}

func (p *reportPage) refresh() {
	p.table, p.rows = nil, nil
	if p.shown && !p.view.Empty {
		p.table = p.view.sorted(p.sort)
		p.rows = []reportRow{{kind: reportSums}}
		if len(p.view.Notes) > 0 {
			p.rows = append(p.rows, reportRow{kind: reportNotes})
		}
		if len(p.view.Plots) > 0 {
			for _, plots := range p.plots() {
				p.rows = append(p.rows, reportRow{kind: reportPlots, plots: plots, at: int(plots[0])})
			}
		}
		p.rows = append(p.rows, reportRow{kind: reportHead})
		for i := range p.table {
			p.rows = append(p.rows, reportRow{kind: reportLine, at: i})
		}
		p.rows = append(p.rows, reportRow{kind: reportTotal})
	}
	empty := p.shown && p.view.Empty
	visible(p.load, !p.shown && p.failed == nil)
	visible(p.blank, p.failed != nil || empty)
	visible(p.list, p.shown && !empty)
	able(p.copy, p.shown && !empty)
	switch {
	case empty:
		p.blank.Set("chart", word("report.empty"), word("report.empty.text"), kit.Action{})
	case p.failed != nil:
		icon, title, advice := askProblem(p.failed, errors.Is(p.failed, ErrOffline))
		switch icon {
		case "wifi-off":
			title = word("report.offline")
		case "warn":
			title = word("report.error")
		}
		p.blank.Set(icon, title, advice, kit.Action{Text: word("action.retry"), Do: p.ask})
	}
	p.rights()
	p.head.Refresh()
	p.list.Changed()
	p.list.Refresh()
	relayout(p.root)
}

// forget drops what was shown.
func (p *reportPage) forget() {
	p.view, p.table, p.rows = ReportView{}, nil, nil
}

// copyTable puts the table on the clipboard.
func (p *reportPage) copyTable() {
	if len(p.rows) > 0 {
		p.d.u.copied(reportTSV(p.table, p.view))
	}
}

func (p *reportPage) id(i int) string {
	r := p.rows[i]
	id := strconv.Itoa(int(r.kind)) + " " + strconv.Itoa(r.at)
	if r.kind == reportLine {
		id += " " + p.table[r.at].Line.Key
	}
	return id
}

// sortOf is the column an area of the table's head stands for.
func sortOf(area string) (int, bool) {
	if len(area) < 6 || area[:5] != "sort " {
		return 0, false
	}
	n, err := strconv.Atoi(area[5:])
	return n, err == nil
}

// order sorts by a column: the largest first, and the other way round when it was that already.
func (p *reportPage) order(column int) {
	if p.sort.column == column {
		p.sort.down = !p.sort.down
	} else {
		p.sort = reportSort{column: column, down: column >= 0 || p.view.By == inbox.ByDay}
	}
	p.refresh()
	p.d.u.trace("report sorted")
}

// key sorts: the arrows choose the column, Enter turns the order round.
func (p *reportPage) key(ev *fyne.KeyEvent) bool {
	most := -1
	for _, pair := range reportColumns() {
		most += len(pair)
	}
	switch ev.Name {
	case fyne.KeyLeft, fyne.KeyRight:
		to := p.sort.column + 1
		if ev.Name == fyne.KeyLeft {
			to = p.sort.column - 1
		}
		if to >= -1 && to <= most && p.shown {
			p.order(to)
		}
	case fyne.KeyReturn, fyne.KeyEnter, fyne.KeySpace:
		if p.shown {
			p.order(p.sort.column)
		}
	default:
		return false
	}
	return true
}
