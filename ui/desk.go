package ui

import (
	"context"
	"crypto/rand"
	"time"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// desk is the inbox: the panes of the window, what they show, and what keys and taps do. It lives on the main goroutine.
type desk struct {
	u       *UI
	session Session
	ctx     context.Context
	cancel  context.CancelFunc
	root    *fyne.Container
	panes   *panes
	strip   *kit.StatusStrip

	page      page
	requests  *oversight
	incidents *oversight
	costs     *costsPage
	devices   *devicesPage
	audit     *auditPage
	board     *boardPage
	reports   *reportPage
	organise  *organisePage
	lastTeam  page // of the pages that share a place on the rail
	bill      bill

	rail    *rail
	listing *listPane
	find    *searchPane
	head    *header
	line    *timeline
	comp    *composer
	side    *contactPane
	palette *kit.Picker
	status  StatusView

	rows   *inboxWorker
	lines  *lineWorker
	writer *writer
	links  *linkWorker

	staff      staff
	house      house
	all        []*Row // newest first
	fresh      []*Row // what the filter shows, in order
	shown      []*Row // what the list shows: fresh, or its order before while the reader holds it
	pills      []PillView
	filter     Filter
	scope      scope
	present    inbox.Presence                // as it was shown last
	reminded   inbox.Moment                  // up to when tasks were told
	picks      map[inbox.ConversationID]bool // chosen for an action on several
	pickedFrom inbox.ConversationID
	chosen     bool // the reader chose the filter
	loaded     bool
	link       Link
	linked     bool // link is known
	open       inbox.ConversationID
	row        *Row
	messages   []inbox.Message
	marked     map[inbox.ConversationID]uint64 // how far was reported as read
	traced     bool
	typed      map[inbox.ConversationID]string // what was typed in this run: ahead of what the rows know

	voice    *voice
	looks    *looks
	choices  *oversight // the page of decisions
	drafts   *draftWorker
	deciding map[string]bool // rows of the page of decisions whose answer is on its way
	copies   copies
	pastes   map[inbox.ConversationID]inbox.ConversationID // from where something in a draft was pasted
	expect   map[inbox.ConversationID]bool                 // a text that was taken back comes as the draft
	undone   map[inbox.MessageID]bool                      // taken back, and gone from the timeline
	ticking  bool

	sheet   *stepUp
	alerts  alerts
	whole   bool          // all is every conversation, not only the newest
	locksIn time.Duration // until the inbox locks because nobody is there; 0 while it does not
	idling  int           // how often the look for that was begun
}

// showDesk opens the inbox in the window: first with the rows that were read already, then with all.
func (u *UI) showDesk(s Session, rows *inboxWorker, head inboxView) {
	ctx, cancel := context.WithCancel(u.ctx)
	d := &desk{u: u, session: s, ctx: ctx, cancel: cancel, marked: map[inbox.ConversationID]uint64{}, typed: map[inbox.ConversationID]string{}}
	d.picks = map[inbox.ConversationID]bool{}
	d.deciding, d.pastes, d.expect, d.undone = map[string]bool{}, map[inbox.ConversationID]inbox.ConversationID{}, map[inbox.ConversationID]bool{}, map[inbox.MessageID]bool{}
	rand.Read(d.copies.salt[:])
	d.looks, d.voice = newLooks(d), newVoice(d)
	d.drafts = &draftWorker{relay: s.Relay, post: u.cfg.Post, after: u.cfg.After, typed: newPoke(), show: func(q inbox.CheckDraft, v inbox.Verdict, err error) { d.comp.guard.judged(q, v, err) }}
	u.desk = d
	d.rows, rows.show, rows.awaits = rows, d.showRows, d.looks.awaits
	d.lines = &lineWorker{model: s.Model, relay: s.Relay, post: u.cfg.Post, again: newPoke(), now: u.cfg.Now, loc: u.cfg.Location, show: d.showLine}
	d.writer = newWriter(ctx, s.Model, u.cfg.After)
	d.writer.failed = func(i inbox.Intent, err error) { u.cfg.Post(func() { d.notKept(i, err) }) }
	d.writer.kept = func() { u.trace("draft kept") }
	d.links = &linkWorker{relay: s.Relay, post: u.cfg.Post, again: newPoke(), show: d.showLink}
	d.build()
	u.cfg.Window.Canvas().Unfocus() // a field of the card before must not keep the keyboard
	d.showRows(head)
	u.show(d.root)
	if d.page != pageInbox {
		u.cfg.Window.Canvas().Focus(d.pageList())
	}
	u.painted(func() { go d.rows.run(ctx, u.cfg.After) }) // all rows can wait for the first frame
	go d.lines.run(ctx, u.cfg.After)
	go d.links.run(ctx, u.cfg.After)
	go d.writer.run()
	go d.drafts.run(ctx)
	go d.minutes()
	d.watchSystem()
	u.touched()
	d.watchIdle()
	d.reopen()
	u.trace("desk shown")
}

// ended reports whether the inbox was taken off the screen; what workers still post is then dropped.
func (d *desk) ended() bool { return d.u.desk != d }

// end stops the workers. What was typed is kept in the background: it may wait for the disk, and what is returned closes
// then.
func (d *desk) end() <-chan struct{} {
	d.looks.forget()
	d.voice.leave()
	if d.sheet != nil {
		d.sheet.form.end()
		d.sheet = nil
	}
	d.cancel()
	kept := make(chan struct{})
	go func() {
		d.writer.flush()
		close(kept)
	}()
	d.copies, d.pastes = copies{}, nil
	clear(d.picks)
	d.find.forget()
	d.comp.quick.shown, d.comp.mentions = nil, nil
	d.side.view, d.side.rows, d.listing.drawn, d.pills = ContactView{}, nil, nil, nil
	d.comp.guard.again, d.comp.guard.back, d.comp.guard.about = nil, nil, inbox.CheckDraft{}
	d.choices.rows = nil
	d.all, d.fresh, d.shown, d.messages, d.row, d.open = nil, nil, nil, nil, nil, ""
	d.line.items, d.typed = nil, nil
	d.house, d.bill = house{}, bill{}
	d.comp.tray.files, d.comp.tray.thumbs = nil, nil
	d.requests.rows, d.incidents.rows, d.costs.view = nil, nil, CostsView{}
	d.devices.devices, d.devices.views, d.devices.detail = nil, nil, DetailView{}
	d.audit.entries = nil
	d.board.forget()
	d.reports.forget()
	d.organise.forget()
	return kept
}

// build makes the panes. It is called again when the language changes.
func (d *desk) build() {
	d.rail = newRail(d)
	d.listing = newListPane(d)
	if d.find == nil {
		d.find = newSearchPane(d)
		go d.find.worker.run(d.ctx)
	} else {
		worker := d.find.worker
		d.find = newSearchPane(d)
		d.find.worker, worker.show, worker.far = worker, d.find.show, d.find.showFar
	}
	d.head = newHeader(d)
	d.line = newTimeline(d)
	d.comp = newComposer(d)
	d.side = newContactPane(d)
	d.requests, d.incidents, d.costs, d.choices = newRequests(d), newIncidents(d), newCosts(d), newDecisions(d)
	d.devices, d.audit = newDevices(d), newAudit(d)
	d.board, d.reports, d.organise = newBoard(d), newReports(d), newOrganise(d)
	d.strip = kit.NewStatusStrip()
	d.palette = nil
	d.panes = &panes{rail: d.rail.root, list: boxed(front{}, d.listing.root, d.find.root), middle: newMiddle(d), side: d.side.root, changed: d.resized,
		under: func() (y, h float32) { return d.line.root.Position().Y, d.line.root.Size().Height }}
	d.root = boxed(fill{}, kit.Column(kit.Min(d.strip), kit.Grow(d.panes.container())))
	d.panes.turn(d.pageRoot())
	d.redraw()
}

// newMiddle stacks header, timeline and composer.
func newMiddle(d *desk) fyne.CanvasObject {
	return kit.Column(kit.Min(d.head.root), kit.Grow(d.line.root), kit.Min(d.comp.root))
}

func (d *desk) rebuild() {
	d.looks.hide()
	typed := d.comp.text()
	wide := d.panes.drawer
	d.build()
	d.panes.drawer = wide
	d.u.show(d.root)
	d.applyRows()
	d.refreshPages()
	switch d.page {
	case pageCosts:
		d.costs.ask()
	case pageDevices:
		d.devices.ask()
	case pageAudit:
		d.audit.ask(true)
	case pageBoard:
		d.board.ask()
	case pageReports:
		d.reports.ask()
	}
	d.setStatus()
	if d.open != "" {
		id := d.open
		d.open = ""
		d.openConversation(id)
		d.comp.setText(typed)
	}
}

// restyled draws everything again after a change of theme or text size.
func (d *desk) restyled() {
	d.line.forget()
	d.redraw()
	d.root.Refresh()
	d.line.list.Refresh()
	d.listing.list.Refresh()
	d.side.list.Refresh()
	d.requests.list.Refresh()
	d.incidents.list.Refresh()
	d.choices.list.Refresh()
	d.costs.list.Refresh()
	d.devices.list.Refresh()
	d.devices.rebuild(true)
	d.audit.list.Refresh()
	d.board.list.Reset()
	d.reports.list.Reset()
	d.organise.list.Reset()
}

// redraw brings the panes up to date with what is known.
func (d *desk) redraw() {
	d.head.refresh()
	d.comp.refresh()
	d.side.refresh()
	d.line.refresh()
}

func (d *desk) clock() clock {
	return clock{now: inbox.At(d.u.cfg.Now()), loc: d.u.cfg.Location}
}

// showRows takes in what the inbox worker found.
func (d *desk) showRows(v inboxView) {
	if d.ended() {
		return
	}
	if v.err != nil {
		d.u.cfg.Log.Error("list not read", "error", v.err)
		d.listing.failed()
		return
	}
	first := !d.loaded
	d.loaded = true
	d.all, d.staff, d.house = v.all, v.staff, v.house
	if !d.chosen {
		d.filter = firstFilter(d.tally())
	}
	d.whole = d.whole || v.whole
	d.settle()
	if len(v.wrote) > 0 {
		d.notify(v.wrote)
	}
	d.looks.news(v.answers)
	if first {
		d.reminded = d.clock().now
	}
	d.refreshPages()
	d.applyRows()
	if (first || !d.traced) && len(d.all) > 0 {
		d.traced = true
		line := "inbox shown rows=" + grouped(len(d.shown))
		d.u.painted(func() { d.u.trace(line) })
	}
	if first && len(d.all) == 0 {
		d.u.trace("inbox empty")
	}
	d.u.belong(d.staff.me.ID)
	d.u.welcome(d.staff.me.ID)
	d.arrive()
	if first && d.page == pageInbox && d.staff.me.Role != inbox.NoRole && !may(d.staff.me, inbox.ActRead) {
		d.firstPage()
	}
}

// settle leaves the filter to the reader once there is all to look at: what comes later does not turn the list to another one.
func (d *desk) settle() {
	d.chosen = d.chosen || d.whole && len(d.all) > 0 && d.linked && d.link.State != LinkConnecting && d.link.Behind == 0
}

// firstFilter is what the list shows until the reader chooses: the most personal one that is not empty.
func firstFilter(t tally) Filter {
	switch {
	case t.mine > 0:
		return FilterMine
	case t.unassigned > 0:
		return FilterUnassigned
	case t.all > 0:
		return FilterAll
	}
	return FilterMine
}

// kept is the conversation that stays in the list though the filter would let it go: the open one, where reading or answering is
// what the filter looks at, until another is opened.
func (d *desk) kept() inbox.ConversationID {
	passing := d.filter == FilterMentioned || d.filter == FilterDue || d.filter == FilterUnassigned
	if passing && d.listing.of(d) && rowWith(d.shown, d.open) != nil {
		return d.open
	}
	return ""
}

// applyRows shows the rows the filter lets through.
func (d *desk) applyRows() {
	t := d.tally()
	d.pills = pills(t, d.filter, d.house.scopeText(d.scope))
	d.fresh = choose(d.all, d.filter, d.scope, d.staff.me.ID, d.house, d.kept())
	hold := d.listing.held() || d.u.pressed()
	var waiting int
	d.shown, waiting = settle(d.shown, d.fresh, hold && d.listing.of(d))
	d.listing.show(t, waiting)
	d.u.title(t.unread)
	d.rail.unread(t.unread)
	if d.open != "" {
		for _, r := range d.all {
			if r.ID == d.open {
				d.row = r
				d.head.refresh()
				d.comp.refresh()
				d.side.refresh()
				d.markRead()
				if r.Erased != 0 {
					d.looks.hide()
					d.line.refresh()
				}
				break
			}
		}
	}
	d.takeBack()
}

func (d *desk) setFilter(f Filter) {
	d.chosen, d.filter = true, f
	d.applyRows()
	d.u.trace("filter shown")
}

// openConversation shows a conversation.
func (d *desk) openConversation(id inbox.ConversationID) {
	row := rowWith(d.all, id)
	if row == nil {
		return
	}
	if d.page != pageInbox {
		d.showPage(pageInbox)
	}
	if id == d.open {
		d.comp.focus()
		return
	}
	d.looks.hide()
	d.looks.list = nil
	d.open, d.row, d.messages = id, row, nil
	after := uint64(0)
	if read := max(row.ReadSeq, d.marked[id]); row.Unread > 0 && row.InboundSeq > read { // the row may not know yet what was read
		after = max(read, 1)
	}
	d.line.open()
	d.lines.open(id, row.Inbox, row.Contact.Display(), after)
	d.listing.list.Select(string(id))
	d.listing.list.ScrollTo(string(id))
	d.comp.open(d.draft(row))
	d.attend()
	d.head.refresh()
	d.side.refresh()
	d.panes.refresh()
	d.comp.focus()
}

// follow opens the conversation in which the customer of the open one goes on.
func (d *desk) follow() {
	if d.row == nil || d.row.Into == "" {
		return
	}
	if rowWith(d.all, d.row.Into) == nil {
		d.u.toast(kit.Toast{Text: word("joined.elsewhere"), Icon: "info"})
		return
	}
	d.openConversation(d.row.Into)
}

func rowWith(list []*Row, id inbox.ConversationID) *Row {
	for _, r := range list {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// draft is the text begun in a conversation.
func (d *desk) draft(r *Row) string {
	if text, ok := d.typed[r.ID]; ok {
		return text
	}
	return r.Draft
}

// keepDraft remembers a text at once and makes it durable soon.
func (d *desk) keepDraft(id inbox.ConversationID, text string) {
	d.typed[id] = text
	d.writer.draft(id, text)
}

// showLine takes in what the conversation worker found.
func (d *desk) showLine(v lineView) {
	if v.id != d.open || d.ended() {
		return
	}
	if v.err != nil {
		d.u.cfg.Log.Error("conversation not read", "error", v.err)
		d.line.failed()
		return
	}
	d.messages = v.messages
	d.line.show(v)
	d.comp.attached(v.attached, v.thumbs)
	d.looks.show(v.reveals)
	d.comp.guard.refused(v.refused)
	d.side.refresh()
	d.noticeUndone()
	if _, ok := d.undoable(); ok {
		d.tick()
	}
	d.markRead()
	if v.first {
		d.u.trace("conversation opened " + string(v.id))
	}
	for _, id := range v.arrived {
		d.u.trace("message shown " + string(id))
	}
	for _, line := range v.receipts {
		d.u.trace(line)
	}
}

// markRead reports how far the reader has read: what is at the end of the open timeline while the window is looked at.
func (d *desk) markRead() {
	if d.row == nil || d.row.Unread == 0 || !d.u.active || d.page != pageInbox || !d.line.list.AtBottom() || len(d.messages) == 0 {
		return
	}
	upTo := lastSeq(d.messages)
	if upTo < d.row.InboundSeq || upTo <= d.marked[d.open] {
		return
	}
	d.marked[d.open] = upTo
	d.submit(inbox.MarkRead{Conversation: d.open, UpTo: upTo})
}

// submit makes a wish.
func (d *desk) submit(body inbox.IntentBody) inbox.IntentID {
	i := inbox.Intent{ID: inbox.NewID[inbox.IntentID](), At: inbox.At(d.u.cfg.Now()), Body: body}
	d.writer.submit(i)
	return i.ID
}

// notKept says that a wish could not be made durable, and puts a text back where it was written.
func (d *desk) notKept(i inbox.Intent, err error) {
	if d.ended() {
		return
	}
	d.u.cfg.Log.Error("wish not kept", "kind", int(i.Body.IntentKind()), "error", err)
	text := ""
	switch b := i.Body.(type) {
	case inbox.SendText:
		text = b.Text
	case inbox.AddNote:
		text = b.Text
	case inbox.SendMedia:
		text = b.Caption
		delete(d.comp.leaving, b.Media)
		d.lines.again.set() // the file lies in the tray again
	case inbox.MarkRead:
		return
	}
	if text != "" && i.Body.On() == d.open && d.comp.text() == "" {
		d.comp.setText(text)
		if !d.comp.note {
			d.keepDraft(d.open, text)
		}
	}
	d.u.toast(kit.Toast{Text: word("error.submit"), Icon: "warn"})
}

// activity takes in that the window got or lost the focus.
func (d *desk) activity() {
	if d.u.active {
		d.markRead()
	} else {
		d.looks.hide() // who looks elsewhere is not looking here
	}
}

func (d *desk) headerView() HeaderView {
	v := headerView(d.row.Conversation, d.staff, d.clock())
	v.Company = companyText(d.present, d.row.ID, d.staff)
	return v
}

func (d *desk) resized() { d.head.refresh() }

// showLink takes in how the device and the server stand.
func (d *desk) showLink(l Link) {
	if d.ended() {
		return
	}
	if l = steady(d.link, l, d.u.cfg.Now()); l.State != d.link.State || !d.linked {
		d.u.trace("state " + linkWord(l.State))
	}
	d.link, d.linked = l, true
	d.settle()
	d.u.refreshTray()
	if v := goneView(l.State); v != nil {
		d.u.gone(l.State, *v)
		return
	}
	d.setStatus()
	d.meet()
	d.comp.refresh()
	d.side.refresh()
	if d.page == pageOrganise {
		d.organise.refresh() // nothing can be changed without a connection
	}
	if l.State == LinkOnline {
		d.comp.guard.judge()
		d.side.refresh() // a bill that waited for a connection
		switch {
		case d.page == pageCosts && d.costs.state == costsFailed:
			d.costs.ask()
		case d.page == pageDevices && d.devices.failed != nil:
			d.devices.ask()
		case d.page == pageAudit && d.audit.failed != nil:
			d.audit.ask(true)
		case d.page == pageBoard && d.board.failed != nil:
			d.board.ask()
		case d.page == pageReports && d.reports.failed != nil:
			d.reports.ask()
		}
	}
}

func (d *desk) setStatus() {
	v := statusView(d.link, d.u.cfg.Now())
	do := d.session.Relay.Nudge
	if d.link.State == LinkSignIn {
		do = d.signInAgain
	}
	if n := policyStatus(d.u.news); v.Text == "" && n.Text != "" {
		v, do = n, d.u.showManaged
	}
	v, do = d.u.updateStatus(v, do)
	if d.locksIn > 0 {
		v, do = StatusView{Icon: "lock", Tone: ToneInfo, Text: word("lock.soon", "Span", countdown(wholeSeconds(d.locksIn))), Action: word("lock.stay")}, d.u.touched
	}
	if v == d.status && d.strip.Visible() == (v.Text != "") {
		return
	}
	d.status = v
	if v.Text == "" {
		d.strip.Clear()
	} else {
		n := kit.Notice{Style: chipStyles[v.Tone], Icon: v.Icon, Text: v.Text}
		if v.Action != "" {
			n.Actions = []kit.Action{{Text: v.Action, Do: do}}
		}
		d.strip.Set(n)
	}
	relayout(d.root)
}
