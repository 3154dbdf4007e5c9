package ui

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sealdesk/app/inbox"
)

// A Period is a stretch of days a report can be about.
type Period uint8

// The periods, in the order in which they are offered.
const (
	PeriodToday Period = iota
	PeriodWeek
	PeriodMonth
	PeriodThisMonth
	PeriodLastMonth
)

var periodWords = []string{"report.period.today", "report.period.week", "report.period.month", "report.period.this", "report.period.last"}

// bounds are the first and the last day of a period, on the reader's calendar.
func (p Period) bounds(now time.Time) (from, to time.Time) {
	day := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	first := day.AddDate(0, 0, 1-day.Day())
	switch p {
	case PeriodWeek:
		return day.AddDate(0, 0, -6), day
	case PeriodMonth:
		return day.AddDate(0, 0, -29), day
	case PeriodThisMonth:
		return first, day
	case PeriodLastMonth:
		return first.AddDate(0, -1, 0), first.AddDate(0, 0, -1)
	}
	return day, day
}

// breakdowns are the ways to divide a report, in the order in which they are offered.
var breakdowns = []struct {
	by  inbox.Breakdown
	key string
}{
	{inbox.ByDay, "report.by.day"}, {inbox.ByInbox, "report.by.inbox"}, {inbox.ByTeam, "report.by.team"}, {inbox.ByPerson, "report.by.person"},
	{inbox.ByTag, "report.by.tag"}, {inbox.ByHour, "report.by.hour"},
}

// A ReportColumn is one figure of a report's lines.
type ReportColumn struct {
	Key   string // of its name
	Name  string
	Head  string // above the column of a table, where there is less room than the name takes
	Value func(l inbox.ReportLine) float64
	Text  func(l inbox.ReportLine) string
	Span  bool // seconds
}

func counted0(n int) string {
	if n == 0 {
		return "–"
	}
	return grouped(n)
}

// seconds is how long so many took, if there were any.
func seconds(n, of int) string {
	if of == 0 {
		return "–"
	}
	return shortSpan(n)
}

// shortSpan is a length of time in a table.
func shortSpan(n int) string {
	d := time.Duration(n) * time.Second
	switch {
	case d < time.Minute:
		return word("span.s", "S", n)
	case d < time.Hour:
		return span(d)
	}
	return word("span.clock", "H", grouped(n/3600), "M", strconv.Itoa(100 + n/60%60)[1:])
}

// decimal writes a number with one digit behind the point, or none where it is 0.
func decimal(v float64) string {
	text := strconv.FormatFloat(v, 'f', 1, 64)
	text = strings.TrimSuffix(text, ".0")
	return strings.Replace(text, ".", word("number.decimal"), 1)
}

// lateShare is how many of a hundred first answers came after the inbox's measure.
func lateShare(l inbox.ReportLine) float64 {
	if l.Answered == 0 {
		return 0
	}
	return 100 * float64(l.Late) / float64(l.Answered)
}

func rated(l inbox.ReportLine) (n int) {
	for _, k := range l.Ratings {
		n += k
	}
	return n
}

// score is the average rating; 0 for none.
func score(l inbox.ReportLine) float64 {
	sum := 0
	for i, k := range l.Ratings {
		sum += (i + 1) * k
	}
	if n := rated(l); n > 0 {
		return float64(sum) / float64(n)
	}
	return 0
}

func scoreText(l inbox.ReportLine) string {
	if rated(l) == 0 {
		return "–"
	}
	return strings.Replace(strconv.FormatFloat(score(l), 'f', 1, 64), ".", word("number.decimal"), 1)
}

// reportColumns are the figures of a table. Two of them share a place: the second stands small below the first.
func reportColumns() [][]ReportColumn {
	number := func(key string, f func(inbox.ReportLine) int) ReportColumn {
		return ReportColumn{Key: key, Name: word(key), Head: word(key), Value: func(l inbox.ReportLine) float64 { return float64(f(l)) }, Text: func(l inbox.ReportLine) string { return counted0(f(l)) }}
	}
	length := func(key string, f, of func(inbox.ReportLine) int) ReportColumn {
		c := number(key, f)
		c.Text, c.Span = func(l inbox.ReportLine) string { return seconds(f(l), of(l)) }, true
		return c
	}
	answered, closed := func(l inbox.ReportLine) int { return l.Answered }, func(l inbox.ReportLine) int { return l.Closed }
	late := ReportColumn{Key: "report.col.late", Name: word("report.col.late"), Head: word("report.col.late"), Value: lateShare, Text: func(l inbox.ReportLine) string {
		if l.Answered == 0 {
			return "–"
		}
		return decimal(float64(int(lateShare(l)+0.5))) + " %"
	}}
	rating := ReportColumn{Key: "report.col.rating", Name: word("report.col.rating"), Head: word("report.col.rating"), Value: score, Text: scoreText}
	all := number("report.col.conversations", func(l inbox.ReportLine) int { return l.Conversations })
	all.Head = word("report.head.conversations")
	return [][]ReportColumn{
		{all, number("report.col.new", func(l inbox.ReportLine) int { return l.New })},
		{number("report.col.in", func(l inbox.ReportLine) int { return l.In }), number("report.col.out", func(l inbox.ReportLine) int { return l.Out })},
		{number("report.col.closed", func(l inbox.ReportLine) int { return l.Closed })},
		{length("report.col.answer", func(l inbox.ReportLine) int { return l.AnswerMedian }, answered), length("report.col.answer.ninety", func(l inbox.ReportLine) int { return l.AnswerNinety }, answered)},
		{late, number("report.col.answered", func(l inbox.ReportLine) int { return l.Answered })},
		{length("report.col.closing", func(l inbox.ReportLine) int { return l.CloseMedian }, closed), length("report.col.closing.ninety", func(l inbox.ReportLine) int { return l.CloseNinety }, closed)},
		{rating, number("report.col.ratings", rated)},
	}
}

// A ReportRow is one line of a report under its name.
type ReportRow struct {
	Name  string
	Label string // short, under a column
	Line  inbox.ReportLine
}

// A ReportView is a report in words.
type ReportView struct {
	By      inbox.Breakdown
	Rows    []ReportRow // in the order of time, or the largest first
	Plots   []ReportRow // what is drawn: all days, all hours, or the largest
	All     inbox.ReportLine
	Notes   []string // why something is missing, or stands under another name
	Measure int      // seconds within which a first answer is due; 0: none, or several
	Empty   bool
}

// mostBars is how many lines a plot draws that has no order of time.
const mostBars = 24

func reportView(r inbox.Report, by inbox.Breakdown, from, to time.Time, only inbox.InboxID, h house) ReportView {
	v := ReportView{By: by, All: r.All, Empty: r.All.Conversations == 0, Measure: measureOf(only, h)}
	for _, l := range r.Lines {
		row := ReportRow{Line: l}
		row.Name, row.Label = reportName(by, l.Key, h)
		v.Rows = append(v.Rows, row)
	}
	switch by {
	case inbox.ByDay:
		v.Plots = reportDays(v.Rows, from, to)
	case inbox.ByHour:
		v.Plots = reportHours(v.Rows)
	default:
		slices.SortStableFunc(v.Rows, func(a, b ReportRow) int {
			return cmp.Or(cmp.Compare(b.Line.Conversations, a.Line.Conversations), cmp.Compare(a.Name, b.Name))
		})
		v.Plots = v.Rows[:min(len(v.Rows), mostBars)]
	}
	if by == inbox.ByPerson {
		v.Notes = append(v.Notes, word("report.why.person"))
	}
	if r.Floor > 0 {
		text := word("report.floor", "Floor", r.Floor)
		if r.Hidden > 0 {
			text += " " + count("report.hidden", r.Hidden)
		}
		v.Notes = append(v.Notes, text)
	}
	if len(v.Plots) < len(v.Rows) {
		v.Notes = append(v.Notes, word("report.most", "N", mostBars))
	}
	return v
}

// measureOf is the measure of an inbox, or of all when they have the same.
func measureOf(only inbox.InboxID, h house) int {
	measure, first := 0, true
	for _, in := range h.inboxes {
		switch {
		case only != "" && in.ID != only:
		case first:
			measure, first = in.Answer, false
		case in.Answer != measure:
			return 0
		}
	}
	return measure * 60
}

// reportName names a line: in the table, and under a column.
func reportName(by inbox.Breakdown, key string, h house) (name, label string) {
	switch by {
	case inbox.ByDay:
		if day, err := time.Parse(dayForm, key); err == nil {
			return dayName(day), strconv.Itoa(day.Day())
		}
	case inbox.ByHour:
		return key + ":00", key
	case inbox.ByInbox:
		if n := h.inbox(inbox.InboxID(key)).Name; n != "" {
			return n, n
		}
	case inbox.ByTeam:
		if key == "" {
			return word("report.team.none"), word("report.team.none")
		}
	case inbox.ByPerson:
		return word("report.person", "Letter", key), key
	case inbox.ByTag:
		if t, ok := h.tag(inbox.TagID(key)); ok {
			return t.Name, t.Name
		}
		return word("report.tag.gone"), word("report.tag.gone")
	}
	return key, key
}

// reportDays puts days without any work between the others, so that a plot keeps the time.
func reportDays(rows []ReportRow, from, to time.Time) []ReportRow {
	by := map[string]ReportRow{}
	for _, r := range rows {
		by[r.Line.Key] = r
	}
	var out []ReportRow
	for d := from; !d.After(to); d = d.AddDate(0, 0, 1) {
		key := d.Format(dayForm)
		r, ok := by[key]
		if !ok {
			r.Line.Key = key
			r.Name, r.Label = reportName(inbox.ByDay, key, house{})
		}
		out = append(out, r)
	}
	return out
}

func reportHours(rows []ReportRow) []ReportRow {
	out := make([]ReportRow, 24)
	for i := range out {
		key := strconv.Itoa(100 + i)[1:]
		out[i].Line.Key = key
		out[i].Name, out[i].Label = reportName(inbox.ByHour, key, house{})
	}
	for _, r := range rows {
		if i, err := strconv.Atoi(r.Line.Key); err == nil && i >= 0 && i < len(out) {
			out[i] = r
		}
	}
	return out
}

// A reportSort is by what a table is sorted: a column by its place among all, -1 for the names.
type reportSort struct {
	column int
	down   bool
}

// firstSort is how a breakdown is sorted at first: the newest day, the first hour, or what is largest.
func firstSort(by inbox.Breakdown) reportSort {
	switch by {
	case inbox.ByDay:
		return reportSort{column: -1, down: true}
	case inbox.ByHour:
		return reportSort{column: -1}
	}
	return reportSort{column: 0, down: true}
}

// sorted are the rows of a table in an order.
func (v ReportView) sorted(by reportSort) []ReportRow {
	out := slices.Clone(v.Rows)
	var all []ReportColumn
	for _, pair := range reportColumns() {
		all = append(all, pair...)
	}
	slices.SortStableFunc(out, func(a, b ReportRow) int {
		var c int
		switch {
		case by.column >= 0 && by.column < len(all):
			c = cmp.Compare(all[by.column].Value(a.Line), all[by.column].Value(b.Line))
		case v.By == inbox.ByDay || v.By == inbox.ByHour:
			c = cmp.Compare(a.Line.Key, b.Line.Key)
		default:
			c = cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
		}
		if by.down {
			return -c
		}
		return c
	})
	return out
}

// reportTSV is a table for a spreadsheet: lengths of time in minutes, numbers as machines read them.
func reportTSV(rows []ReportRow, v ReportView) string {
	var b strings.Builder
	cell := func(text string) { b.WriteString("\t" + text) }
	for _, x := range breakdowns {
		if x.by == v.By {
			b.WriteString(word(x.key))
		}
	}
	var all []ReportColumn
	for _, pair := range reportColumns() {
		for i, c := range pair {
			name := c.Name
			if i > 0 && c.Span {
				name = pair[0].Name + " " + name
			}
			if c.Span {
				name = word("report.tsv.minutes", "Name", name)
			}
			if c.Key == "report.col.late" {
				name += " %"
			}
			all = append(all, c)
			cell(name)
		}
	}
	for n := range 5 {
		cell(word("report.tsv.rated", "N", n+1))
	}
	for _, r := range append(slices.Clone(rows), ReportRow{Name: word("costs.total"), Line: v.All}) {
		name := r.Name
		if v.By == inbox.ByDay && r.Line.Key != "" {
			name = r.Line.Key
		}
		name = oneLine(name)
		if strings.ContainsRune("=+-@", []rune(name + " ")[0]) {
			name = "'" + name // else a spreadsheet takes it for a formula
		}
		b.WriteString("\n" + name)
		for _, c := range all {
			n := c.Value(r.Line)
			if c.Span {
				n /= 60
			}
			cell(strconv.FormatFloat(float64(int(n*10+0.5))/10, 'f', -1, 64))
		}
		for _, k := range r.Line.Ratings {
			cell(strconv.Itoa(k))
		}
	}
	return b.String() + "\n"
}
