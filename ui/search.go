package ui

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// searchWorker looks for what was typed, off the main goroutine: for the last word of the typist only.
type searchWorker struct {
	model Model
	relay Relay
	post  Post
	after func(time.Duration) <-chan time.Time
	now   func() time.Time
	show  func(q searchQuery, r Search, err error)
	far   func(q searchQuery, p inbox.SearchPage, err error)
	again poke

	mu   sync.Mutex
	want searchQuery
	turn int              // how often something was wanted: what was looked for once is not looked for again
	more *inbox.AskSearch // to be asked of the relay
}

// searchQuery is what is looked for: typed, in one conversation or everywhere.
type searchQuery struct {
	typed string
	only  inbox.ConversationID
}

// searchPause is how long nobody must have typed before it is looked for.
const searchPause = 80 * time.Millisecond

func (w *searchWorker) ask(q searchQuery) {
	w.mu.Lock()
	w.want, w.more = q, nil
	w.turn++
	w.mu.Unlock()
	w.again.set()
}

func (w *searchWorker) askFar(q inbox.AskSearch) {
	w.mu.Lock()
	w.more = &q
	w.mu.Unlock()
	w.again.set()
}

func (w *searchWorker) wanted() (searchQuery, *inbox.AskSearch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	more := w.more
	w.more = nil
	return w.want, more
}

func (w *searchWorker) run(ctx context.Context) {
	done := 0
	for {
		select {
		case <-w.again:
		case <-ctx.Done():
			return
		}
		q, more := w.wanted()
		if more != nil {
			a, err := w.relay.Ask(ctx, *more)
			p, _ := a.(inbox.SearchPage)
			w.post(func() { w.far(q, p, err) })
			continue
		}
		select { // what is typed meanwhile counts
		case <-w.after(searchPause):
		case <-ctx.Done():
			return
		}
		w.mu.Lock()
		q, again := w.want, w.turn == done // a result that comes twice would push aside what the relay said meanwhile
		done = w.turn
		w.mu.Unlock()
		if again {
			continue
		}
		if strings.TrimSpace(q.typed) == "" {
			w.post(func() { w.show(q, Search{}, nil) })
			continue
		}
		r, err := w.model.Search(ctx, q.typed, q.only, w.now())
		if ctx.Err() != nil {
			return
		}
		w.post(func() { w.show(q, r, err) })
	}
}

// searchPane stands in the place of the list while the reader searches.
type searchPane struct {
	d     *desk
	root  *fyne.Container
	field *kit.Field
	scope *kit.ChipView
	line  *kit.Painted
	list  *kit.List
	blank *kit.EmptyState
	far   *kit.Button
	close *kit.IconButton

	worker  *searchWorker
	query   searchQuery
	result  Search
	rows    []SearchRow
	trouble string
	next    string // where the relay's next page begins
	asked   bool   // the relay was asked
	asking  bool
	chosen  string
}

func newSearchPane(d *desk) *searchPane {
	p := &searchPane{d: d}
	p.worker = &searchWorker{model: d.session.Model, relay: d.session.Relay, post: d.u.cfg.Post, after: d.u.cfg.After, again: newPoke(),
		now: func() time.Time { return d.u.cfg.Now().In(d.u.cfg.Location) }, show: p.show, far: p.showFar}
	p.field = kit.NewField(word("search.title"), word("search.placeholder"), false)
	p.field.OnChange = func(string) { p.look() }
	p.field.OnSubmit = func() { p.openChosen() }
	p.field.OnKey = p.key
	p.scope = kit.NewChip(kit.Chip{Style: kit.ChipFilter, Active: true}, func() { p.widen() })
	p.close = kit.NewIconButton("close", d.u.tip(word("search.close"), actEscape), func() { d.endSearch() })
	p.line = kit.NewPainted("", func(s *kit.Sketch, size fyne.Size) {
		ink := s.P.TextMuted
		if p.trouble != "" {
			ink = s.P.Warn.Ink
		}
		s.Block(p.told(size.Width), 0, 0, ink)
	}).SetMin(func() fyne.Size {
		return fyne.NewSize(100, max(p.told(p.line.Size().Width).Height, kit.LineHeight(kit.Caption))+2)
	})
	p.list = kit.NewList(kit.ListConfig{Name: word("search.title"), Len: func() int { return len(p.rows) }, ID: func(i int) string { return p.rows[i].ID },
		Measure: p.measure, Draw: p.draw, HoverRows: true, Background: inkSurface, StickTop: true,
		OnTap: func(i int, _ string, _ fyne.Position) { p.chosen = p.rows[i].ID; p.openChosen() }})
	p.blank = kit.NewEmptyState("search", word("search.empty.title"), word("search.empty.advice"), kit.Action{})
	p.far = kit.NewButton(word("search.far"), kit.Secondary, p.askFar)
	head := kit.Row(kit.Grow(p.field), kit.Min(kit.Column(kit.Gap(kit.LineHeight(kit.Label)+6), kit.Min(p.close))))
	stack := boxed(fill{}, p.list, p.blank)
	p.root = boxed(fill{}, kit.NewFill(inkSurface), kit.Column(
		kit.Min(kit.Inset(kit.Column(kit.Min(head), kit.Min(kit.Row(kit.Min(p.scope), kit.Spring())), kit.Gap(4), kit.Min(p.line)), rowInset, 12, 8, 6)),
		kit.Grow(stack), kit.Min(kit.Inset(p.far, rowInset, 8, rowInset, 12))))
	p.root.Hide()
	return p
}

// showSearch turns the list into a search: in one conversation, or everywhere.
func (d *desk) showSearch(only inbox.ConversationID) {
	p := d.find
	if d.page != pageInbox {
		d.showPage(pageInbox)
	}
	d.unpick()
	p.query.only = only
	p.root.Show()
	d.listing.root.Hide()
	d.panes.broad = true
	d.panes.refresh()
	visible(p.scope, only != "")
	if r := rowWith(d.all, only); r != nil {
		p.scope.Set(kit.Chip{Text: word("search.in", "Name", r.Contact.Display()), Icon: "close", Style: kit.ChipFilter, Active: true})
	}
	p.refresh()
	p.look()
	d.u.cfg.Window.Canvas().Focus(p.field.Input())
	d.u.trace("search shown")
}

// endSearch shows the list again, and reports whether it did.
func (d *desk) endSearch() bool {
	if !d.find.root.Visible() {
		return false
	}
	d.find.forget()
	d.find.root.Hide()
	d.listing.root.Show()
	d.panes.broad = false
	d.panes.refresh()
	d.comp.focus()
	d.u.trace("search ended")
	return true
}

// forget lets go of what was found and typed.
func (p *searchPane) forget() {
	p.field.SetText("")
	p.result, p.rows, p.trouble, p.query, p.next, p.asked, p.asking, p.chosen = Search{}, nil, "", searchQuery{}, "", false, false, ""
	p.worker.ask(searchQuery{})
	p.list.Reset()
}

func (p *searchPane) widen() {
	p.query.only = ""
	visible(p.scope, false)
	relayout(p.root)
	p.look()
	p.d.u.cfg.Window.Canvas().Focus(p.field.Input())
}

func (p *searchPane) look() {
	p.query.typed = p.field.Text()
	p.worker.ask(p.query)
}

// show takes in what the worker found on this device.
func (p *searchPane) show(q searchQuery, r Search, err error) {
	if p.d.ended() || q != p.query || !p.root.Visible() {
		return
	}
	p.result, p.trouble, p.next, p.asked, p.asking = r, searchTrouble(err), "", false, false
	p.chosen = ""
	p.refresh()
	p.d.u.trace("search found " + grouped(r.Total))
}

// askFar asks the company's server, which holds more than this device.
func (p *searchPane) askFar() {
	ask := p.result.Ask
	ask.Before = p.next
	p.asking = true
	p.refresh()
	p.worker.askFar(ask)
}

func (p *searchPane) showFar(q searchQuery, page inbox.SearchPage, err error) {
	if p.d.ended() || q != p.query || !p.root.Visible() || !p.asking {
		return
	}
	p.asking = false
	switch {
	case errors.Is(err, ErrOffline):
		p.trouble = word("search.offline")
	case err != nil:
		p.trouble = word("search.failed")
	default:
		p.trouble, p.asked, p.next = "", true, page.Next
		p.merge(foundIn(page.Hits))
	}
	p.refresh()
	p.d.u.trace("search far " + grouped(len(page.Hits)))
}

// merge adds what the relay found to what this device has.
func (p *searchPane) merge(list []Found) {
	for _, f := range list {
		at := -1
		for i := range p.result.Found {
			if p.result.Found[i].Conversation == f.Conversation {
				at = i
			}
		}
		if at < 0 {
			p.result.Found = append(p.result.Found, f)
			p.result.Total += len(f.Hits)
			continue
		}
		known := map[inbox.MessageID]bool{}
		for _, h := range p.result.Found[at].Hits {
			known[h.Message] = true
		}
		for _, h := range f.Hits {
			if !known[h.Message] {
				p.result.Found[at].Hits = append(p.result.Found[at].Hits, h)
				p.result.Found[at].Total = max(p.result.Found[at].Total, len(p.result.Found[at].Hits))
			}
		}
	}
}

func (p *searchPane) refresh() {
	d := p.d
	p.rows = searchRows(p.result.Found, func(id inbox.ConversationID) *Row { return rowWith(d.all, id) }, d.house, d.staff, d.clock())
	typed := strings.TrimSpace(p.query.typed) != ""
	visible(p.blank, len(p.rows) == 0)
	switch {
	case !typed:
		p.blank.Set("search", word("search.empty.title"), word("search.empty.advice"), kit.Action{})
	default:
		p.blank.Set("search", word("search.none.title"), word("search.none.advice"), kit.Action{})
	}
	visible(p.far, typed && askable(p.result.Ask) && (!p.asked || p.next != ""))
	text := word("search.far")
	switch {
	case p.asking:
		text = word("search.far.asking")
	case p.asked:
		text = word("search.far.more")
	}
	p.far.SetText(text)
	if p.asking {
		p.far.Disable()
	} else {
		p.far.Enable()
	}
	p.line.Refresh()
	p.list.Reset()
	relayout(p.root)
}

// askable reports whether the relay takes a question: one that only says when, or where, is none.
func askable(q inbox.AskSearch) bool {
	return q.Text != "" || q.File || q.Tag != "" || q.Person != ""
}

// key moves through what was found while the field has the keyboard.
func (p *searchPane) key(ev *fyne.KeyEvent) bool {
	by := 0
	switch ev.Name {
	case fyne.KeyDown:
		by = 1
	case fyne.KeyUp:
		by = -1
	case fyne.KeyEscape:
		return p.d.endSearch()
	default:
		return false
	}
	at := -1
	for i, r := range p.rows {
		if r.ID == p.chosen {
			at = i
		}
	}
	if at < 0 && by < 0 {
		return true
	}
	for at += by; at >= 0 && at < len(p.rows); at += by {
		if !p.rows[at].Heading {
			p.chosen = p.rows[at].ID
			p.list.Select(p.chosen)
			p.list.ScrollTo(p.chosen)
			break
		}
	}
	return true
}

// openChosen opens what is chosen, else the first that was found; the search stays.
func (p *searchPane) openChosen() {
	for _, r := range p.rows {
		if r.ID != p.chosen && (p.chosen != "" || r.Heading) {
			continue
		}
		p.chosen = r.ID
		p.list.Select(r.ID)
		p.d.openConversation(r.Conversation)
		if r.Message != "" {
			p.d.lines.find(r.Message)
		}
		return
	}
}

// told lays out how much was found, or why nothing can be.
func (p *searchPane) told(width float32) kit.Block {
	text := p.trouble
	if text == "" {
		text = searchLine(p.result, p.query.typed)
	}
	if width < 40 {
		width = listWidth - rowInset - 8
	}
	return layoutText([]kit.Run{{Text: text}}, width, kit.Style{Type: kit.Caption})
}

const hitLines = 3

func (p *searchPane) text(r SearchRow, width float32) kit.Block {
	runs := make([]kit.Run, len(r.Text))
	for i, x := range r.Text {
		runs[i] = kit.Run{Text: x.Text}
		switch {
		case x.Hidden:
			runs[i].Look = kit.Masked
		case x.Sought:
			runs[i].Look = kit.Strong
		}
	}
	return layoutText(runs, width-2*rowInset, kit.Style{Type: kit.Snippet, MaxLines: hitLines})
}

func (p *searchPane) measure(i int, width float32) float32 {
	r := p.rows[i]
	if r.Heading {
		return kit.LineHeight(kit.Name) + kit.LineHeight(kit.Caption) + 20
	}
	return kit.LineHeight(kit.Caption) + p.text(r, width).Height + 18
}

func (p *searchPane) draw(i int, s *kit.Sketch, size fyne.Size, st kit.RowState) {
	r := p.rows[i]
	right := size.Width - rowInset
	switch {
	case st.Selected:
		s.Rect(6, 1, size.Width-16, size.Height-2, s.P.Selected, kit.InputRadius)
	case st.Hovered:
		s.Rect(6, 1, size.Width-16, size.Height-2, s.P.Hover, kit.InputRadius)
	}
	s.Area("row", 0, 0, size.Width, size.Height)
	if r.Heading {
		d := kit.Scaled(28)
		s.Avatar(r.Face.Initials, r.Face.Icon, r.Face.Colour, rowInset, (size.Height-d)/2+3, d)
		x := rowInset + d + 10
		s.TextIn(r.Title, x, 12, right-x, kit.NameBold, s.P.Text, kit.AlignStart)
		s.TextIn(r.Line, x, 12+kit.LineHeight(kit.Name), right-x, kit.Caption, s.P.TextMuted, kit.AlignStart)
		return
	}
	x := rowInset
	w := kit.TextWidth(r.Time, kit.Caption)
	s.TextIn(r.Time, right-w-2, 8, w+2, kit.Caption, s.P.TextFaint, kit.AlignEnd)
	s.TextIn(r.Title, x, 8, right-w-12-x, kit.Caption, s.P.TextMuted, kit.AlignStart)
	s.Block(p.text(r, size.Width), x, 8+kit.LineHeight(kit.Caption), s.P.Text)
}
