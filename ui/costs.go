package ui

import (
	"context"
	"errors"
	"image/color"
	"strconv"
	"time"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// costsPage shows what WhatsApp billed, a month at a time.
type costsPage struct {
	d     *desk
	root  *fyne.Container
	head  *kit.Painted
	tabs  *tabs
	month *kit.Painted
	next  *kit.IconButton
	pills *fyne.Container
	list  *kit.List
	blank *kit.EmptyState
	load  *kit.Painted

	at      time.Time // a day in the month
	inbox   inbox.InboxID
	view    CostsView
	state   costsState
	asked   int
	inboxes string // which the pills are for
	failed  error
}

type costsState uint8

const (
	costsLoading costsState = iota
	costsShown
	costsFailed
)

func newCosts(d *desk) *costsPage {
	c := &costsPage{d: d, at: d.u.cfg.Now().UTC()}
	c.head = teamHead(word("action.costs"), func() string {
		if c.state != costsShown || c.view.Empty {
			return ""
		}
		return c.view.Line
	})
	c.month = kit.NewPainted("", func(s *kit.Sketch, size fyne.Size) {
		s.TextIn(monthName(c.at), 0, float32(int((size.Height-kit.LineHeight(kit.NameBold))/2)), size.Width, kit.NameBold, s.P.Text, kit.AlignCenter)
	}).SetMin(func() fyne.Size { return fyne.NewSize(kit.Scaled(150), 32) })
	back := kit.NewIconButton("chevron-left", word("costs.previous"), func() { c.turn(-1) })
	c.next = kit.NewIconButton("chevron-right", word("costs.next"), func() { c.turn(1) })
	c.pills = boxed(&least{h: func() float32 { return kit.HitSize }})
	mid := func(o fyne.CanvasObject) kit.Cell { return kit.Min(kit.Column(kit.Spring(), kit.Min(o), kit.Spring())) }
	steer := kit.Row(mid(back), kit.Min(c.month), mid(c.next), kit.Gap(20), kit.Grow(c.pills))
	c.list = kit.NewList(kit.ListConfig{Name: word("action.costs"), Len: c.len, ID: strconv.Itoa, Measure: c.measure, Draw: c.draw, PadBottom: 8, RingRow: true,
		OnKey: c.key,
		Tip: func(i int, area string) string {
			if i == 0 {
				return costTip(c.view, barOf(area))
			}
			return ""
		}})
	c.blank = kit.NewEmptyState("chart", "", "", kit.Action{})
	c.load = kit.NewSkeleton(word("costs.loading"), 5, 64)
	c.tabs = newTabs(d, pageCosts)
	c.root = pageFrame(c.tabs.headed(c.head), steer, c.list, c.load, c.blank)
	c.list.Select("0") // it is read as a whole: no row is chosen, and no ring shows that
	c.refresh()
	return c
}

// key turns the month with the arrows.
func (c *costsPage) key(ev *fyne.KeyEvent) bool {
	switch ev.Name {
	case fyne.KeyLeft:
		c.turn(-1)
	case fyne.KeyRight:
		c.turn(1)
	default:
		return false
	}
	return true
}

func (c *costsPage) turn(by int) {
	from, _ := monthBounds(c.at)
	next := from.AddDate(0, by, 0)
	if next.After(c.d.u.cfg.Now().UTC()) {
		return
	}
	c.at = next
	c.ask()
}

// rights makes one pill per inbox whose costs the reader may see.
func (c *costsPage) rights() {
	me := c.d.staff.me
	var list []inbox.Inbox
	key := ""
	for _, in := range c.d.house.inboxes {
		if inbox.Can(me, inbox.ActCosts, inbox.Subject{Inbox: in.ID}) == nil {
			list = append(list, in)
			key += string(in.ID) + "\n" + in.Name + "\n"
		}
	}
	if key == c.inboxes {
		return
	}
	c.inboxes = key
	cells := []kit.Cell{}
	if len(list) > 1 {
		list = append([]inbox.Inbox{{Name: word("costs.all")}}, list...)
		var chips []*kit.ChipView
		show := func() {
			for i, v := range chips {
				v.Set(kit.Chip{Text: list[i].Name, Style: kit.ChipFilter, Active: list[i].ID == c.inbox})
			}
		}
		for _, in := range list {
			v := kit.NewChip(kit.Chip{Text: in.Name, Style: kit.ChipFilter, Active: in.ID == c.inbox}, func() {
				c.inbox = in.ID
				show()
				c.ask()
			})
			chips = append(chips, v)
			cells = append(cells, kit.Min(kit.Column(kit.Spring(), kit.Min(v), kit.Spring())), kit.Gap(kit.ChipGap))
		}
	}
	c.pills.Objects = []fyne.CanvasObject{kit.Row(cells...)}
	relayout(c.pills)
}

// ask asks the company's server for the month.
func (c *costsPage) ask() {
	d := c.d
	c.asked++
	mine, month := c.asked, c.at
	c.state = costsLoading
	c.refresh()
	from, to := monthBounds(month)
	q := inbox.AskCosts{From: from.Format(dayForm), To: to.Format(dayForm), Inbox: c.inbox}
	go func() {
		costs, err := d.askCosts(q)
		d.u.cfg.Post(func() {
			if d.ended() || c.asked != mine {
				return
			}
			if c.failed = err; err != nil {
				c.state = costsFailed
			} else {
				c.state, c.view = costsShown, costsView(costs, month, d.clock())
			}
			c.refresh()
			c.list.Reset()
			d.u.trace("costs shown")
		})
	}()
}

// askCosts is for workers.
func (d *desk) askCosts(q inbox.AskCosts) (inbox.Costs, error) {
	ctx, cancel := context.WithTimeout(d.ctx, 30*time.Second)
	defer cancel()
	a, err := d.ask(ctx, q)
	if err != nil {
		return inbox.Costs{}, err
	}
	costs, ok := a.(inbox.Costs)
	if !ok {
		return inbox.Costs{}, errors.New("not an answer to the question")
	}
	return costs, nil
}

func (c *costsPage) refresh() {
	visible(c.load, c.state == costsLoading)
	visible(c.blank, c.state == costsFailed || c.state == costsShown && c.view.Empty)
	switch {
	case c.state == costsFailed:
		icon, title, advice := askProblem(c.failed, errors.Is(c.failed, ErrOffline))
		c.blank.Set(icon, title, advice, kit.Action{Text: word("action.retry"), Do: c.ask})
	case c.state == costsShown && c.view.Empty:
		c.blank.Set("chart", word("costs.empty"), word("costs.empty.text"), kit.Action{})
	}
	from, _ := monthBounds(c.at)
	if from.AddDate(0, 1, 0).After(c.d.u.cfg.Now().UTC()) {
		c.next.Disable()
	} else {
		c.next.Enable()
	}
	c.head.Refresh()
	c.month.Refresh()
	c.list.Changed()
	c.list.Refresh()
	relayout(c.root)
}

// classInk is the colour of a class in columns and legends.
func classInk(class inbox.CostClass, p *kit.Palette) color.Color {
	switch class {
	case inbox.CostMarketing:
		return p.Warn.Ink
	case inbox.CostUtility:
		return p.Accent
	case inbox.CostAuthentication:
		return p.Info.Ink
	case inbox.CostFree:
		return p.OK.Ink
	}
	return p.BorderStrong
}

// The rows: the chart, the head of the table, days and total.
func (c *costsPage) len() int {
	if c.state != costsShown || c.view.Empty {
		return 0
	}
	return 2 + len(c.view.Rows)
}

const chartHeight = 240

func (c *costsPage) measure(i int, _ float32) float32 {
	switch i {
	case 0:
		h := kit.Scaled(96) + chartHeight
		if c.view.Note != "" {
			h += kit.LineHeight(kit.Caption) + 8
		}
		return h
	case 1:
		return kit.Scaled(44)
	}
	return kit.Scaled(38)
}

func (c *costsPage) draw(i int, s *kit.Sketch, size fyne.Size, _ kit.RowState) {
	w := size.Width - pageLead - 12
	switch i {
	case 0:
		c.drawChart(s, w, size.Height)
	case 1:
		c.drawLine(s, w, size.Height, nil)
	default:
		c.drawLine(s, w, size.Height, &c.view.Rows[i-2])
	}
}

func (c *costsPage) drawChart(s *kit.Sketch, w, h float32) {
	v, p := c.view, s.P
	s.Frame(pageLead, 0, w, h-10, p.Surface, p.Border, 1, kit.CardRadius)
	title := word("costs.counts")
	if v.Money {
		title = word("costs.amounts")
	}
	y := float32(16)
	s.TextIn(title, 20, y, w-200, kit.Heading, p.Text, kit.AlignStart)
	s.TextIn(v.Sum, w-220, y-2, 200, kit.Title, p.Text, kit.AlignEnd)
	y += kit.LineHeight(kit.Title) + 6
	x := float32(20)
	for _, class := range v.Classes { // the legend
		text := costWord(class)
		tw := kit.TextWidth(text, kit.Caption)
		if x+tw+30 > w-20 {
			break
		}
		s.Rect(x, y+float32(int((kit.LineHeight(kit.Caption)-10)/2)), 10, 10, classInk(class, p), 3)
		x += 16 + s.Text(text, x+16, y, kit.Caption, p.TextMuted) + 18
	}
	y += kit.LineHeight(kit.Caption) + 16
	chart := kit.Chart{Least: 0.01, Scale: func(a float64) string { return money(int64(a*1e6+0.5), "") }}
	if !v.Money {
		chart.Least, chart.Scale = 4, func(n float64) string { return grouped(int(n + 0.5)) }
	}
	for _, class := range v.Classes {
		chart.Inks = append(chart.Inks, classInk(class, p))
	}
	for _, d := range v.Days {
		st := kit.Stack{Label: d.Label, Parts: d.Amount}
		if !v.Money {
			st.Parts = make([]float64, len(d.Count))
			for k, n := range d.Count {
				st.Parts[k] = float64(n)
			}
		}
		chart.Stacks = append(chart.Stacks, st)
	}
	foot := float32(26)
	if v.Note != "" {
		foot += kit.LineHeight(kit.Caption) + 8
		s.Icon("info", 20, h-10-14-kit.LineHeight(kit.Caption), 14, p.Warn.Ink)
		s.TextIn(v.Note, 40, h-10-14-kit.LineHeight(kit.Caption), w-60, kit.Caption, p.Warn.Ink, kit.AlignStart)
	}
	s.Chart(chart, 20, y, w-40, h-y-foot)
}

// drawLine paints one line of the table; nil is its head.
func (c *costsPage) drawLine(s *kit.Sketch, w, h float32, row *CostDay) {
	v, p := c.view, s.P
	style, c1 := kit.Body, color.Color(p.Text)
	if row == nil {
		style, c1 = kit.Caption, p.TextMuted
	} else if row.Total {
		style = kit.NameBold
	}
	y := float32(int((h - kit.LineHeight(style)) / 2))
	first := kit.Scaled(130)
	last := kit.Scaled(120)
	bw := kit.Scaled(90)
	n := float32(max(len(v.Classes), 1))
	each := max((w-40-first-last-bw)/n, 30)
	cell := func(x, width float32, text string, a kit.Align) { s.TextIn(text, x, y, width-8, style, c1, a) }
	x := float32(20)
	if row == nil {
		cell(x, first, word("costs.day"), kit.AlignStart)
	} else {
		cell(x, first, row.Day, kit.AlignStart)
	}
	x += first
	for i, class := range v.Classes {
		text := costWord(class)
		if row != nil {
			text = ""
			if row.Count[i] > 0 {
				text = grouped(row.Count[i])
			}
		}
		cell(x, each, text, kit.AlignEnd)
		x += each
	}
	if row == nil {
		cell(w-20-last-bw, bw, word("costs.billed"), kit.AlignEnd)
		cell(w-20-last, last+8, word("costs.amount"), kit.AlignEnd)
	} else {
		cell(w-20-last-bw, bw, grouped(row.Billed), kit.AlignEnd)
		cell(w-20-last, last+8, row.Sum, kit.AlignEnd)
	}
	if row == nil || !row.Total {
		s.Line(8, h-1, w-16, p.Border)
	}
}

// bill is what the open conversation cost, as far as it was asked.
type bill struct {
	of     inbox.ConversationID
	asked  time.Time
	field  FieldView
	asking bool
}

// billAgain is how long a bill is good.
const billAgain = 5 * time.Minute

// askBill asks what the open conversation cost, for those who may know.
func (d *desk) askBill() {
	if d.row == nil || inbox.Can(d.staff.me, inbox.ActCosts, d.row.Subject()) != nil {
		d.bill = bill{}
		return
	}
	now := d.u.cfg.Now()
	if d.bill.of == d.open && (d.bill.asking || now.Sub(d.bill.asked) < billAgain) || !d.panes.sideShown() {
		return
	}
	id := d.open
	if d.bill.of != id {
		d.bill = bill{of: id, field: FieldView{Label: word("contact.cost"), Detail: word("contact.cost.asking")}}
	}
	d.bill.asking, d.bill.asked = true, now
	to := now.UTC()
	from := to.AddDate(0, 0, -29)
	go func() {
		costs, err := d.askCosts(inbox.AskCosts{From: from.Format(dayForm), To: to.Format(dayForm), Conversation: id})
		d.u.cfg.Post(func() {
			if d.ended() || d.bill.of != id {
				return
			}
			d.bill.asking = false
			switch {
			case err == nil:
				d.bill.field = conversationCost(costs, from, to)
			case errors.Is(err, ErrOffline):
				d.bill.asked = time.Time{} // as soon as there is a connection
				d.bill.field.Detail = word("contact.cost.offline")
			default:
				d.bill.field.Detail = word("costs.error")
			}
			d.side.refresh()
		})
	}()
}
