package ui

import (
	"image/color"
	"strconv"
	"strings"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// A reportPlot is one of the plots of a report.
type reportPlot uint8

const (
	plotVolume reportPlot = iota
	plotAnswer
	plotClosing
	plotLate
	plotRating
)

// reportWide is how wide the page must be for two plots beside each other.
const reportWide float32 = 860

// plots are the plots by rows.
func (p *reportPage) plots() [][]reportPlot {
	if p.list.Size().Width >= reportWide {
		return [][]reportPlot{{plotVolume}, {plotAnswer, plotClosing}, {plotLate, plotRating}}
	}
	return [][]reportPlot{{plotVolume}, {plotAnswer}, {plotClosing}, {plotLate}, {plotRating}}
}

// noteBlocks are the notes, broken to a width.
func (p *reportPage) noteBlocks(width float32) []kit.Block {
	var out []kit.Block
	for _, n := range p.view.Notes {
		out = append(out, layoutText([]kit.Run{{Text: n}}, width-24, kit.Style{Type: kit.Snippet}))
	}
	return out
}

func (p *reportPage) measure(i int, width float32) float32 {
	width -= pageLead + 12
	switch r := p.rows[i]; r.kind {
	case reportSums:
		return float32(p.sumRows(width))*(boardTile()+8) + 6
	case reportNotes:
		h := float32(6)
		for _, b := range p.noteBlocks(width) {
			h += b.Height + 6
		}
		return h + 6
	case reportPlots:
		h := kit.LineHeight(kit.Heading) + 190
		if r.plots[0] == plotVolume {
			h += 20
		}
		return h + boardGap
	case reportHead:
		return kit.LineHeight(kit.Caption) + kit.LineHeight(kit.Meta) + 20
	}
	return kit.LineHeight(kit.Body) + kit.LineHeight(kit.Meta) + 12
}

func (p *reportPage) draw(i int, s *kit.Sketch, size fyne.Size, _ kit.RowState) {
	w := size.Width - pageLead - 12
	switch r := p.rows[i]; r.kind {
	case reportSums:
		p.drawSums(s, w)
	case reportNotes:
		y := float32(6)
		for _, b := range p.noteBlocks(w) {
			s.Icon("info", pageLead, y+float32(int((kit.LineHeight(kit.Snippet)-16)/2)), 16, s.P.TextMuted)
			s.Block(b, pageLead+24, y, s.P.TextMuted)
			y += b.Height + 6
		}
	case reportPlots:
		n := float32(len(r.plots))
		each := float32(int((w - (n-1)*boardGap) / n))
		for k, plot := range r.plots {
			p.drawPlot(s, plot, pageLead+float32(k)*(each+boardGap), each, size.Height-boardGap)
		}
	case reportHead:
		p.drawHead(s, w, size.Height)
	case reportLine:
		p.drawLine(s, w, size.Height, p.table[r.at], false)
	case reportTotal:
		p.drawLine(s, w, size.Height, ReportRow{Name: word("costs.total"), Line: p.view.All}, true)
	}
}

// sums are the figures of all lines together.
func (p *reportPage) sums() []BoardTile {
	var out []BoardTile
	for _, pair := range reportColumns() {
		t := BoardTile{Label: pair[0].Name, Value: pair[0].Text(p.view.All)}
		if pair[0].Key == "report.col.late" && p.view.All.Late > 0 {
			t.Tone = ToneWarn
		}
		out = append(out, t)
		if pair[0].Key == "report.col.in" {
			out = append(out, BoardTile{Label: pair[1].Name, Value: pair[1].Text(p.view.All)})
		}
	}
	return out
}

func (p *reportPage) sumRows(width float32) int {
	if width >= kit.Scaled(900) {
		return 1
	}
	return 2
}

func (p *reportPage) drawSums(s *kit.Sketch, w float32) {
	list, rows := p.sums(), p.sumRows(w)
	n := (len(list) + rows - 1) / rows
	each := (w - float32(n-1)*8) / float32(n)
	for i, t := range list {
		x, y := pageLead+float32(i%n)*(each+8), float32(i/n)*(boardTile()+8)
		s.Frame(x, y, each, boardTile(), s.P.Surface, s.P.Border, 1, kit.InputRadius)
		number := color.Color(s.P.Text)
		if t.Tone == ToneWarn {
			number = s.P.Warn.Ink
		}
		top := y + float32(int((boardTile()-kit.LineHeight(kit.Display)-kit.LineHeight(kit.Caption))/2))
		s.TextIn(t.Value, x+12, top, each-20, kit.Display, number, kit.AlignStart)
		s.TextIn(t.Label, x+12, top+kit.LineHeight(kit.Display), each-20, kit.Caption, s.P.TextMuted, kit.AlignStart)
	}
}

// scaleOf is the unit in which lengths of time are drawn, in seconds, and how a value of it is written.
func scaleOf(most int) (unit float64, write func(v float64) string) {
	for _, u := range []struct {
		seconds   int
		key, name string
	}{{3600, "span.h", "H"}, {60, "span.m", "M"}, {1, "span.s", "S"}} {
		if most >= u.seconds*3/2 || u.seconds == 1 {
			return float64(u.seconds), func(v float64) string {
				if v == 0 {
					return "0"
				}
				return word(u.key, u.name, decimal(v))
			}
		}
	}
	return 1, nil
}

// ratingInks colour ratings from bad to good. The legend numbers them.
func ratingInks(p *kit.Palette) []color.Color {
	return []color.Color{p.Danger.Ink, p.Warn.Ink, p.BorderStrong, p.Info.Ink, p.OK.Ink}
}

// drawPlot paints a card with a plot, or with why there is nothing to draw.
func (p *reportPage) drawPlot(s *kit.Sketch, plot reportPlot, x, w, h float32) {
	c := kit.Chart{Name: strconv.Itoa(int(plot)) + " ", Beside: true, Inks: []color.Color{s.P.Accent, s.P.Info.Ink}}
	var title, none string
	names := []string{word("report.median"), word("report.ninety")}
	add := func(parts func(l inbox.ReportLine) []float64) {
		for _, r := range p.view.Plots {
			c.Stacks = append(c.Stacks, kit.Stack{Label: r.Label, Parts: parts(r.Line)})
		}
	}
	spans := func(level int, of func(l inbox.ReportLine) (median, ninety int)) {
		most := level
		for _, r := range p.view.Plots {
			a, b := of(r.Line)
			most = max(most, a, b)
		}
		unit, write := scaleOf(most)
		c.Scale, c.Least, c.Level, c.LevelInk = write, 4, float64(level)/unit, s.P.Danger.Ink
		add(func(l inbox.ReportLine) []float64 {
			a, b := of(l)
			return []float64{float64(a) / unit, float64(b) / unit}
		})
	}
	switch plot {
	case plotVolume:
		title, names = word("report.volume"), []string{word("board.legend.in"), word("board.legend.out")}
		c.Least, c.Scale = 4, func(v float64) string { return grouped(int(v + 0.5)) }
		add(func(l inbox.ReportLine) []float64 { return []float64{float64(l.In), float64(l.Out)} })
	case plotAnswer:
		title = word("report.answer")
		if p.view.All.Answered == 0 {
			none = word("report.none.answer")
		}
		spans(p.view.Measure, func(l inbox.ReportLine) (int, int) { return l.AnswerMedian, l.AnswerNinety })
		if p.view.Measure > 0 {
			names = append(names, word("report.measure", "Span", shortSpan(p.view.Measure)))
			c.Inks = append(c.Inks, s.P.Danger.Ink)
		}
	case plotClosing:
		title = word("report.closing")
		if p.view.All.CloseMedian == 0 && p.view.All.Closed == 0 {
			none = word("report.none.closing")
		}
		spans(0, func(l inbox.ReportLine) (int, int) { return l.CloseMedian, l.CloseNinety })
	case plotLate:
		title, names = word("report.late"), nil
		if p.view.All.Answered == 0 {
			none = word("report.none.answer")
		}
		c.Inks = []color.Color{s.P.Warn.Ink}
		c.Least, c.Scale = 10, func(v float64) string { return decimal(v) + " %" }
		add(func(l inbox.ReportLine) []float64 { return []float64{lateShare(l)} })
	case plotRating:
		title, names = word("report.rating"), []string{"1", "2", "3", "4", "5"}
		if rated(p.view.All) == 0 {
			none = word("report.none.rating")
		} else {
			title += " · " + word("report.average", "Score", scoreText(p.view.All))
		}
		c.Beside, c.Inks = false, ratingInks(s.P)
		c.Least, c.Scale = 4, func(v float64) string { return grouped(int(v + 0.5)) }
		add(func(l inbox.ReportLine) []float64 {
			out := make([]float64, 5)
			for i, n := range l.Ratings {
				out[i] = float64(n)
			}
			return out
		})
		for i, r := range p.view.Plots {
			if rated(r.Line) > 0 {
				c.Stacks[i].Above = scoreText(r.Line)
			}
		}
	}
	s.Frame(x, 0, w, h, s.P.Surface, s.P.Border, 1, kit.CardRadius)
	y := float32(14)
	if none != "" {
		s.TextIn(title, x+16, y, w-32, kit.Heading, s.P.Text, kit.AlignStart)
		s.TextIn(none, x+16, h/2-kit.LineHeight(kit.Snippet)/2, w-32, kit.Snippet, s.P.TextMuted, kit.AlignCenter)
		return
	}
	s.TextIn(title, x+16, y, w-32, kit.Heading, s.P.Text, kit.AlignStart)
	at := y + float32(int((kit.LineHeight(kit.Heading)-kit.LineHeight(kit.Caption))/2))
	if kit.TextWidth(title, kit.Heading)+legendWidth(names)+12 > w-32 {
		y += kit.LineHeight(kit.Caption) + 6
		at = y
	}
	legend(s, names, c.Inks, x+16, at, w-32)
	y += kit.LineHeight(kit.Heading) + 14
	s.Chart(c, x+16, y, w-32, h-y-12)
}

// tip says what a column of a plot stands for, or what a column of the table can be sorted by.
func (p *reportPage) tip(i int, area string) string {
	if n, ok := sortOf(area); ok {
		name := p.byName()
		for _, pair := range reportColumns() {
			for k, c := range pair {
				if n == 0 {
					name = c.Name
					if k > 0 && c.Span {
						name = pair[0].Name + " " + name
					}
				}
				n--
			}
		}
		return word("report.sort", "Name", name)
	}
	which, bar, _ := strings.Cut(area, " ")
	n := barOf(bar)
	if n < 0 || n >= len(p.view.Plots) || p.rows[i].kind != reportPlots {
		return ""
	}
	r := p.view.Plots[n]
	l := r.Line
	plot, _ := strconv.Atoi(which)
	switch reportPlot(plot) {
	case plotAnswer:
		return word("report.tip.span", "Key", r.Name, "Median", seconds(l.AnswerMedian, l.Answered), "Ninety", seconds(l.AnswerNinety, l.Answered))
	case plotClosing:
		return word("report.tip.span", "Key", r.Name, "Median", seconds(l.CloseMedian, l.Closed), "Ninety", seconds(l.CloseNinety, l.Closed))
	case plotLate:
		return word("report.tip.late", "Key", r.Name, "Late", grouped(l.Late), "Answered", grouped(l.Answered))
	case plotRating:
		return word("report.tip.rating", "Key", r.Name, "Score", scoreText(l), "N", grouped(rated(l)))
	}
	return word("report.tip.volume", "Key", r.Name, "In", grouped(l.In), "Out", grouped(l.Out))
}

func (p *reportPage) byName() string {
	for _, b := range breakdowns {
		if b.by == p.by {
			return word(b.key)
		}
	}
	return ""
}

// columnsOf is where the columns of the table begin, and how wide each is.
func columnsOf(w float32, n int) (first, each float32) {
	first = min(kit.Scaled(190), (w-40)*0.19)
	return first, (w - 40 - first) / float32(n)
}

func (p *reportPage) drawHead(s *kit.Sketch, w, h float32) {
	columns := reportColumns()
	first, each := columnsOf(w, len(columns))
	top := h - kit.LineHeight(kit.Caption) - kit.LineHeight(kit.Meta) - 8
	put := func(text string, n int, x, y, width float32, t kit.Type, a kit.Align) {
		c := color.Color(s.P.TextMuted)
		if p.sort.column == n {
			arrow := " ↑"
			if p.sort.down {
				arrow = " ↓"
			}
			text, c = text+arrow, s.P.AccentText
		}
		s.TextIn(text, x, y, width, t, c, a)
	}
	face := kit.Caption
	if each < kit.Scaled(96) {
		face = kit.Meta
	}
	put(p.byName(), -1, 20, top, first-8, face, kit.AlignStart)
	s.Area("sort -1", 12, 0, first, h)
	n := 0
	for i, pair := range columns {
		x := 20 + first + float32(i)*each
		put(pair[0].Head, n, x+2, top, each-2, face, kit.AlignEnd)
		at := h
		if len(pair) > 1 {
			at = top + kit.LineHeight(kit.Caption)
		}
		s.Area("sort "+strconv.Itoa(n), x, 0, each, at)
		n++
		if len(pair) > 1 {
			put(pair[1].Head, n, x+4, at, each-4, kit.Meta, kit.AlignEnd)
			s.Area("sort "+strconv.Itoa(n), x, at, each, h-at)
			n++
		}
	}
	s.Line(8, h-1, w-16, s.P.BorderStrong)
}

// drawLine paints a line of the table.
func (p *reportPage) drawLine(s *kit.Sketch, w, h float32, r ReportRow, total bool) {
	columns := reportColumns()
	first, each := columnsOf(w, len(columns))
	t := kit.Body
	if total {
		t = kit.NameBold
	}
	top := float32(int((h - kit.LineHeight(t) - kit.LineHeight(kit.Meta)) / 2))
	s.TextIn(r.Name, 20, top, first-8, t, s.P.Text, kit.AlignStart)
	for i, pair := range columns {
		x := 20 + first + float32(i)*each
		s.TextIn(pair[0].Text(r.Line), x+4, top, each-4, t, s.P.Text, kit.AlignEnd)
		if len(pair) < 2 {
			continue
		}
		text := pair[1].Text(r.Line)
		if pair[1].Key == "report.col.answered" || pair[1].Key == "report.col.ratings" {
			text = word("report.col.answered.of", "N", text)
		}
		if text = strings.TrimSpace(text); pair[1].Value(r.Line) == 0 {
			text = ""
		}
		s.TextIn(text, x+4, top+kit.LineHeight(t), each-4, kit.Meta, s.P.TextMuted, kit.AlignEnd)
	}
	if !total {
		s.Line(8, h-1, w-16, s.P.Border)
	}
}
