package ui

import (
	"slices"
	"time"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// listPane is the list of conversations with its filters.
type listPane struct {
	d       *desk
	root    *fyne.Container
	top     *kit.Touch
	chips   []*kit.ChipView
	boxes   []*fyne.Container // of the chips, with the gaps behind them
	filters *fyne.Container
	list    *kit.List
	blank   *kit.EmptyState
	loading *kit.Painted
	moved   *kit.Touch
	bar     *bulkBar

	count   string
	filter  Filter
	scope   scope
	over    string // the row under the pointer
	waiting int
	drawn   []*Row // what the list was told last
	timing  bool
	broken  bool
}

func newListPane(d *desk) *listPane {
	p := &listPane{d: d}
	p.top = kit.NewTouch(word("inbox.title"), p.paintTop)
	p.top.OnTap = func(area string, _ fyne.Position) {
		switch area {
		case "search":
			d.showSearch("")
		case "picked":
			d.showPicked()
		}
	}
	p.top.Tip = func(area string) string {
		switch area {
		case "search":
			return d.u.tip(word("search.title"), actSearch)
		case "picked":
			return count("bulk.picked", len(d.picks))
		}
		return ""
	}
	cells := []kit.Cell{kit.Gap(rowInset)}
	pill := func(tap func()) *kit.ChipView {
		c := kit.NewChip(kit.Chip{Style: kit.ChipFilter}, tap)
		box := kit.Inset(c, 0, 0, kit.ChipGap, 0)
		p.chips, p.boxes = append(p.chips, c), append(p.boxes, box)
		cells = append(cells, kit.Min(box))
		return c
	}
	for _, f := range firstPills {
		pill(func() { d.setFilter(f) })
	}
	var narrow, more *kit.ChipView
	narrow = pill(func() {
		d.setScope(scope{})
		if canvas := d.u.cfg.Window.Canvas(); canvas.Focused() == fyne.Focusable(narrow) { // which is gone now
			canvas.Focus(more)
		}
	})
	narrow.Tip = word("filter.widen")
	p.boxes[len(firstPills)].Hide() // until there is a scope
	more = pill(func() { d.showFilters(below(more)) })
	p.bar = newBulkBar(d)
	p.filters = kit.Row(cells...)
	p.list = kit.NewList(kit.ListConfig{
		Name: word("pane.list"), Uniform: rowHeight, HoverRows: true, StickTop: true,
		Len: func() int { return len(d.shown) },
		ID:  func(i int) string { return string(d.shown[i].ID) },
		Draw: func(i int, s *kit.Sketch, size fyne.Size, st kit.RowState) {
			r := d.shown[i]
			if st.Hovered {
				p.over = string(r.ID)
			} else if p.over == string(r.ID) {
				p.over = ""
			}
			v := p.row(r)
			v.Picking, v.Picked = len(d.picks) > 0, d.picks[r.ID]
			s.Area("row", 0, 0, size.Width, size.Height)
			s.Area("face", 0, 0, rowInset+rowAvatar, size.Height)
			paintRow(s, size, v, st.Selected, st.Hovered)
		},
		OnTap: func(i int, area string, _ fyne.Position) {
			d.u.typed = d.u.cfg.Now()
			switch held := d.u.held(); {
			case held&fyne.KeyModifierShift != 0:
				d.pickTo(d.shown[i].ID)
			case held&fyne.KeyModifierShortcutDefault != 0 || area == "face" && len(d.picks) > 0:
				d.pick(d.shown[i].ID)
			default:
				d.openConversation(d.shown[i].ID)
			}
		},
		OnMenu:     p.menu,
		OnKey:      p.key,
		Tip:        p.tip,
		Background: inkSurface,
	})
	p.blank = kit.NewEmptyState("inbox", "", "", kit.Action{})
	p.loading = kit.NewSkeleton(word("pane.list"), 8, rowHeight())
	p.moved = kit.NewTouch("", p.paintMoved)
	p.moved.OnTap = func(string, fyne.Position) { p.release() }
	p.moved.Hide()
	p.blank.Hide()
	stack := boxed(fill{}, p.list, p.loading, p.blank)
	p.root = boxed(&listLayout{p}, kit.NewFill(inkSurface), p.top, p.filters, stack, p.moved, p.bar.root)
	return p
}

// listLayout leaves the title and the filters out of a narrow list.
type listLayout struct{ p *listPane }

func (l *listLayout) Layout(objs []fyne.CanvasObject, size fyne.Size) {
	narrow := size.Width <= stripWidth
	objs[0].Resize(size)
	top := kit.Scaled(56)
	objs[1].Resize(fyne.NewSize(size.Width, top))
	visible(l.p.filters, !narrow && len(l.p.d.picks) == 0)
	visible(l.p.bar.root, !narrow && len(l.p.d.picks) > 0)
	y := top
	if !narrow {
		objs[2].Move(fyne.NewPos(0, y-2))
		l.p.fit(size.Width)
		objs[2].Resize(fyne.NewSize(size.Width, kit.FilterHeight()))
		objs[5].Move(fyne.NewPos(0, y-6))
		objs[5].Resize(fyne.NewSize(size.Width, kit.FilterHeight()+8))
		y += kit.FilterHeight() + 8
	}
	objs[3].Move(fyne.NewPos(0, y))
	objs[3].Resize(fyne.NewSize(size.Width, max(size.Height-y, 0)))
	w, h := l.p.movedWidth(), kit.Scaled(28)
	at := fyne.NewPos(size.Width-56-w, float32(int((top-h)/2)))
	if narrow {
		w, at = h, fyne.NewPos(size.Width-h-2, top-h/2)
	}
	objs[4].Move(at)
	objs[4].Resize(fyne.NewSize(w, h))
}

func (l *listLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(stripWidth, 200) }

func (p *listPane) paintTop(s *kit.Sketch, size fyne.Size) {
	mid := size.Height / 2
	if n := len(p.d.picks); n > 0 && size.Width <= stripWidth {
		text := badge(n)
		w, h := kit.TextWidth(text, kit.LabelBold)+30, kit.Scaled(28)
		x := float32(int((size.Width - w) / 2))
		s.Rect(x, mid-h/2, w, h, s.P.Accent, h/2)
		s.Text(text, x+10, float32(int(mid-kit.LineHeight(kit.LabelBold)/2)), kit.LabelBold, s.P.OnAccent)
		s.Icon("chevron-down", x+w-20, mid-7, 14, s.P.OnAccent)
		s.Area("picked", 0, mid-18, size.Width, 36)
		return
	}
	if size.Width <= stripWidth {
		s.Icon("search", (size.Width-20)/2, mid-10, 20, s.P.TextMuted)
		s.Area("search", (size.Width-36)/2, mid-18, 36, 36)
		return
	}
	x := rowInset
	w := s.Text(word("inbox.title"), x, float32(int(mid-kit.LineHeight(kit.Title)/2)), kit.Title, s.P.Text)
	if p.waiting == 0 { // else the pill takes the place of the count
		s.TextIn(p.count, x+w+8, float32(int(mid-kit.LineHeight(kit.Title)/2))+kit.LineHeight(kit.Title)-kit.LineHeight(kit.Snippet)-1, size.Width-x-w-8-56, kit.Snippet, s.P.TextMuted, kit.AlignStart)
	}
	if area, _ := p.top.Hovered(); area == "search" {
		s.Rect(size.Width-52, mid-18, 36, 36, s.P.Hover, kit.InputRadius)
	}
	s.Icon("search", size.Width-44, mid-10, 20, s.P.TextMuted)
	s.Area("search", size.Width-52, mid-18, 36, 36)
}

func (p *listPane) movedText() string { return count("list.waiting", p.waiting) }

func (p *listPane) movedWidth() float32 {
	return kit.TextWidth(p.movedText(), kit.LabelBold) + kit.TextWidth(word("list.refresh"), kit.LabelBold) + 36
}

func (p *listPane) paintMoved(s *kit.Sketch, size fyne.Size) {
	if p.waiting == 0 {
		return
	}
	s.Frame(0, 0, size.Width, size.Height, s.P.Raised, s.P.Border, 1, size.Height/2)
	s.Area("show", 0, 0, size.Width, size.Height)
	if size.Width <= size.Height {
		s.Icon("retry", (size.Width-16)/2, (size.Height-16)/2, 16, s.P.AccentText)
		return
	}
	y := float32(int((size.Height - kit.LineHeight(kit.LabelBold)) / 2))
	x := 14 + s.Text(p.movedText(), 14, y, kit.LabelBold, s.P.TextMuted)
	s.Text(word("list.refresh"), x+8, y, kit.LabelBold, s.P.AccentText)
}

// row is how a conversation looks in the list.
func (p *listPane) row(r *Row) RowView {
	d := p.d
	row := &Row{Conversation: r.Conversation}
	if r.ID != d.open { // there the draft is in front of the reader
		row.Draft = d.draft(r)
	}
	return rowView(row, d.filter, d.staff, d.house, d.present, d.clock())
}

// tip names a row when the list is too narrow to do so, and the chips there is no room for.
func (p *listPane) tip(i int, area string) string {
	width := p.list.Size().Width
	switch {
	case i >= len(p.d.shown):
	case width <= stripWidth:
		return p.d.shown[i].Contact.Display()
	case area == kit.AreaRest:
		return kit.RestOfChips(rowChips(p.row(p.d.shown[i])), chipsRoom(width))
	}
	return ""
}

// menu offers what can be done with a conversation, which it opens first.
func (p *listPane) menu(i int, _ string, abs fyne.Position) {
	if i >= len(p.d.shown) {
		return
	}
	d, r := p.d, p.d.shown[i]
	then := func(do func()) func() {
		return func() {
			d.openConversation(r.ID)
			do()
		}
	}
	h := headerView(r.Conversation, d.staff, d.clock())
	cfg := kit.MenuConfig{Name: r.Contact.Display(), Active: -1, At: abs, OnClose: func() { d.u.trace("overlay closed") }}
	add := func(text, icon, act string, do func()) {
		cfg.Items = append(cfg.Items, kit.MenuItem{Text: text, Icon: icon, Hint: d.u.router.Hint(act), Do: then(do)})
	}
	add(word("action.open"), "inbox", "", func() {})
	if h.CanAssign {
		if !h.Mine {
			add(word("action.assign.me"), "user", "", func() { d.assign(d.staff.me.ID) })
		}
		add(word("action.assign"), "people", actAssign, d.showAssign)
	}
	if d.mayOn(r.Conversation, inbox.ActTag) {
		add(word("action.tag"), "tag", actTag, d.showTags)
	}
	if h.CanState {
		add(word("action.snooze"), "snooze", actSnooze, d.showSnooze)
		icon := "check"
		if h.Closed {
			icon = "retry"
		}
		add(h.StateTip, icon, actClose, d.toggleState)
	}
	cfg.Items = append(cfg.Items, kit.MenuItem{Text: word("bulk.pick"), Icon: "list", Hint: d.u.router.Hint(actPick), Do: func() { d.pick(r.ID) }})
	kit.ShowMenu(d.u.cfg.Window.Canvas(), cfg)
	d.u.trace("menu shown")
}

// fit gives the pills as many words as there is room for: in a narrow list the shorter ones, then those without numbers. What
// there is still no room for is offered with the filters that have no pill.
func (p *listPane) fit(width float32) {
	room := width - 2*rowInset + kit.ChipGap
	need := func() (w float32) {
		for _, b := range p.boxes {
			if b.Visible() {
				w += b.MinSize().Width
			}
		}
		return w
	}
	set := func(i int, v PillView, text string) kit.Chip {
		c := kit.Chip{Text: text, Style: kit.ChipFilter, Active: v.Active}
		if v.Scope {
			c.Icon = "close"
		}
		p.chips[i].Set(c)
		return c
	}
	widest := len(p.d.pills) - 1 // the one that is cut if it must be: the scope, else the last
	for i, v := range p.d.pills {
		visible(p.boxes[i], v.Text != "")
		if v.Scope && v.Text != "" {
			widest = i
		}
	}
	for _, text := range []func(PillView) string{
		func(v PillView) string { return v.Text }, func(v PillView) string { return v.Short }, func(v PillView) string { return v.Bare },
	} {
		for i, v := range p.d.pills {
			set(i, v, text(v))
		}
		if need() <= room {
			return
		}
	}
	for i := len(firstPills) - 1; i >= 0 && need() > room; i-- {
		visible(p.boxes[i], p.d.pills[i].Active)
	}
	if over := need() - room; over > 0 && widest >= 0 {
		c := set(widest, p.d.pills[widest], p.d.pills[widest].Bare)
		p.chips[widest].Set(c.Within(kit.ChipWidth(c) - over))
	}
}

// pilled reports whether a filter has a pill of its own in view.
func (p *listPane) pilled(f Filter) bool {
	i := slices.Index(firstPills, f)
	return i >= 0 && p.boxes[i].Visible()
}

// showBar shows the bar for what is picked, or the filters again.
func (p *listPane) showBar() {
	p.bar.line.Refresh()
	p.top.Refresh()
	relayout(p.root)
}

// key opens rows from the keyboard while the list has it.
func (p *listPane) key(ev *fyne.KeyEvent) bool {
	switch ev.Name {
	case fyne.KeyDown:
		p.d.step(1)
	case fyne.KeyUp:
		p.d.step(-1)
	case fyne.KeyReturn, fyne.KeyEnter:
		p.d.comp.focus()
	case fyne.KeySpace:
		if p.d.open != "" {
			p.d.pick(p.d.open)
		}
	default:
		return false
	}
	return true
}

// held reports whether the pointer is over the list.
func (p *listPane) held() bool { return p.over != "" }

// of reports whether what is shown is what the desk wants to show: the same filter, the same scope.
func (p *listPane) of(d *desk) bool { return p.filter == d.filter && p.scope == d.scope }

// show takes in new rows.
func (p *listPane) show(t tally, waiting int) {
	d := p.d
	same := p.of(d) && d.loaded
	open := count("inbox.open", t.open)
	if open != p.count || waiting != p.waiting {
		p.count, p.waiting = open, waiting
		p.top.Refresh()
		p.moved.Refresh()
	}
	p.filter, p.scope, p.broken = d.filter, d.scope, false
	p.fit(p.root.Size().Width)
	visible(p.moved, waiting > 0)
	visible(p.loading, !d.loaded)
	if e := emptyInbox(len(d.shown), t, d.filter, d.scope); e != nil && d.loaded {
		a := kit.Action{Text: e.Action, Do: func() { d.scope = scope{}; d.setFilter(e.Show) }}
		p.blank.Set(e.Icon, e.Title, e.Advice, a)
		p.blank.Show()
	} else {
		p.blank.Hide()
	}
	relayout(p.root)
	p.list.Select(string(d.open))
	p.changed(same)
	if waiting > 0 && !p.timing {
		p.timing = true
		gone := d.u.cfg.After(time.Second)
		go func() {
			select {
			case <-gone:
				d.u.cfg.Post(func() {
					if d.ended() {
						return
					}
					p.timing = false
					d.applyRows()
				})
			case <-d.ctx.Done():
			}
		}()
	}
}

// changed draws what is different from the last time: nothing, some rows, or all that are in view.
func (p *listPane) changed(same bool) {
	old, now := p.drawn, p.d.shown
	p.drawn = now
	if !same {
		p.list.Reset()
		return
	}
	if len(old) != len(now) {
		p.list.Changed()
		return
	}
	var ids []string
	for i, r := range now {
		if old[i].ID != r.ID {
			p.list.Changed()
			return
		}
		if old[i] != r {
			ids = append(ids, string(r.ID))
		}
	}
	p.list.Update(ids...)
}

// release lets the rows take their places.
func (p *listPane) release() {
	p.over, p.d.u.typed = "", time.Time{}
	p.d.shown = nil
	p.d.applyRows()
}

// failed says that the list could not be read. Rows that are there stay.
func (p *listPane) failed() {
	if len(p.d.shown) > 0 || p.broken {
		return
	}
	p.broken = true
	p.loading.Hide()
	p.blank.Set("warn", word("error.list"), "", kit.Action{Text: word("action.retry"), Do: func() {
		p.broken = false
		p.d.rows.again.set()
	}})
	p.blank.Show()
	relayout(p.root)
}
