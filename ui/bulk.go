package ui

import (
	"slices"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// This file is what is done with several conversations at once, and how it is undone.

// aim is the conversations an action is for: those that are picked, else the open one.
func (d *desk) aim() []*Row {
	if len(d.picks) == 0 {
		if d.row == nil {
			return nil
		}
		return []*Row{d.row}
	}
	var out []*Row
	for _, r := range d.all {
		if d.picks[r.ID] {
			out = append(out, r)
		}
	}
	return out
}

// pick adds a conversation to those that are picked, or takes it away.
func (d *desk) pick(id inbox.ConversationID) {
	if d.picks[id] {
		delete(d.picks, id)
	} else {
		d.picks[id] = true
	}
	d.pickedFrom = id
	d.showPicks()
}

// pickTo picks everything from where the last one was picked, or the open one, to a row.
func (d *desk) pickTo(id inbox.ConversationID) {
	at := func(id inbox.ConversationID) int {
		return slices.IndexFunc(d.shown, func(r *Row) bool { return r.ID == id })
	}
	from, to := at(d.pickedFrom), at(id)
	if from < 0 {
		from = at(d.open)
	}
	if from < 0 {
		from = to
	}
	for i := min(from, to); i <= max(from, to); i++ {
		d.picks[d.shown[i].ID] = true
	}
	d.showPicks()
}

// pickAll picks all that the list shows, or lets go of all when they are.
func (d *desk) pickAll() {
	if len(d.picks) >= len(d.shown) {
		d.unpick()
		return
	}
	for _, r := range d.shown {
		d.picks[r.ID] = true
	}
	d.showPicks()
}

// unpick lets go of what is picked, and reports whether anything was.
func (d *desk) unpick() bool {
	if len(d.picks) == 0 {
		return false
	}
	clear(d.picks)
	d.pickedFrom = ""
	d.showPicks()
	return true
}

func (d *desk) showPicks() {
	d.listing.showBar()
	d.listing.list.Refresh()
	d.u.trace("picked " + grouped(len(d.picks)))
}

// wishAll submits what do makes of each conversation the action is for, and offers to undo it. What back makes of it undoes one.
// nil is nothing to do. Of a single conversation the toast also offers what next makes of it; nil for nothing.
func (d *desk) wishAll(icon, one, many string, do, back func(c inbox.Conversation) inbox.IntentBody, next func(c inbox.Conversation) kit.Action) {
	var undo []inbox.IntentBody
	var last inbox.Conversation
	for _, r := range d.aim() {
		c := r.Conversation
		wish := do(c)
		if wish == nil {
			continue
		}
		d.submit(wish)
		undo, last = append(undo, back(c)), c
	}
	if len(undo) == 0 {
		return
	}
	text, also := count(many, len(undo)), kit.Action{}
	if len(undo) == 1 {
		text = join(one, last.Contact.Display()) // the reader has gone on while the words still stand
		if next != nil {
			also = next(last)
		}
	}
	d.unpick()
	d.u.toast(kit.Toast{Text: text, Icon: icon, Also: also, Action: kit.Action{Text: word("toast.undo"), Do: func() {
		for _, b := range undo {
			d.submit(b)
		}
	}}})
	d.u.trace("intent submitted")
}

// may reports whether the reader may do something with a conversation that goes on.
func (d *desk) mayOn(c inbox.Conversation, a inbox.Action) bool {
	return c.Erased == 0 && c.Into == "" && inbox.Can(d.staff.me, a, c.Subject()) == nil
}

func (d *desk) mayAll(a inbox.Action) bool {
	rows := d.aim()
	return len(rows) > 0 && !slices.ContainsFunc(rows, func(r *Row) bool { return !d.mayOn(r.Conversation, a) })
}

// assign gives the conversations to somebody; "" to nobody.
func (d *desk) assign(to inbox.PersonID) {
	one := word("toast.unassigned")
	many := "toast.unassigned.n"
	switch to {
	case "":
	case d.staff.me.ID:
		one, many = word("header.you"), "toast.assigned.n"
	default:
		one, many = word("toast.assigned", "Name", d.staff.name(to)), "toast.assigned.n"
	}
	d.wishAll("user", one, many, func(c inbox.Conversation) inbox.IntentBody {
		if c.Assignee == to || !d.mayOn(c, inbox.ActAssign) {
			return nil
		}
		return inbox.Assign{Conversation: c.ID, To: to}
	}, func(c inbox.Conversation) inbox.IntentBody { return inbox.Assign{Conversation: c.ID, To: c.Assignee} },
		func(c inbox.Conversation) kit.Action { return d.noteTo(c, to) })
}

// noteTo offers to hand a conversation over with a note: one that asks whoever has it now to look. Nothing where no note can be.
func (d *desk) noteTo(c inbox.Conversation, to inbox.PersonID) kit.Action {
	it, ok := mention(d.staff, c, to)
	if !ok || !d.mayOn(c, inbox.ActNote) {
		return kit.Action{}
	}
	return kit.Action{Text: word("toast.note"), Do: func() {
		d.openConversation(c.ID)
		if d.open == c.ID {
			d.comp.ask(it)
		}
	}}
}

// toState opens, closes or snoozes the conversations.
func (d *desk) toState(s inbox.ConversationState, until inbox.Moment, icon, one, many string) {
	d.wishAll(icon, one, many, func(c inbox.Conversation) inbox.IntentBody {
		if c.State == s && c.Until == until || !d.mayOn(c, inbox.ActSetState) {
			return nil
		}
		return inbox.SetState{Conversation: c.ID, State: s, Until: until}
	}, func(c inbox.Conversation) inbox.IntentBody {
		return inbox.SetState{Conversation: c.ID, State: c.State, Until: c.Until}
	}, nil)
}

// toggleState closes the conversations, or opens them again when none is open.
func (d *desk) toggleState() {
	rows := d.aim()
	if len(rows) == 0 {
		return
	}
	if slices.ContainsFunc(rows, func(r *Row) bool { return r.State != inbox.Closed }) {
		d.toState(inbox.Closed, 0, "check", word("toast.closed"), "toast.closed.n")
		return
	}
	d.toState(inbox.Open, 0, "check", word("toast.reopened"), "toast.reopened.n")
}

// showSnooze offers how long to put the conversations off.
func (d *desk) showSnooze() {
	rows := d.aim()
	if len(rows) == 0 || !d.mayAll(inbox.ActSetState) {
		return
	}
	cfg := kit.MenuConfig{Name: word("action.snooze"), Active: -1, At: d.menuPlace(), OnClose: func() { d.u.trace("overlay closed") }}
	if slices.ContainsFunc(rows, func(r *Row) bool { return r.State == inbox.Snoozed }) {
		cfg.Items = append(cfg.Items, kit.MenuItem{Text: word("snooze.wake"), Icon: "retry", Do: func() {
			d.toState(inbox.Open, 0, "snooze", word("toast.woken"), "toast.woken.n")
		}})
	}
	for _, s := range snoozes(d.clock()) {
		text := word("toast.snoozed.reply")
		if s.Until != 0 {
			text = word("toast.snoozed", "When", d.clock().soon(s.Until))
		}
		cfg.Items = append(cfg.Items, kit.MenuItem{Text: s.Text, Hint: s.Hint, Icon: "snooze", Do: func() {
			d.toState(inbox.Snoozed, s.Until, "snooze", text, "toast.snoozed.n")
		}})
	}
	kit.ShowMenu(d.u.cfg.Window.Canvas(), cfg)
	d.u.trace("menu shown")
}

// showTags offers the company's tags: choosing one puts it on, or takes it off where all have it.
func (d *desk) showTags() {
	rows := d.aim()
	if len(rows) == 0 || !d.mayAll(inbox.ActTag) {
		return
	}
	has := func(t inbox.TagID) bool {
		return !slices.ContainsFunc(rows, func(r *Row) bool { return !slices.Contains(r.Tags, t) })
	}
	kit.NewPicker(kit.PickerConfig{Name: word("action.tag"), Placeholder: word("palette.tag"), Empty: d.noTags(),
		OnClose: func() { d.u.trace("overlay closed"); d.comp.focus() },
		OnPick: func(it kit.Item) {
			id := inbox.TagID(it.ID)
			t, ok := d.house.tag(id)
			if !ok {
				return
			}
			if has(id) {
				d.tag(nil, []inbox.TagID{id}, word("toast.untagged", "Name", t.Name))
				return
			}
			d.tag([]inbox.TagID{id}, nil, word("toast.tagged", "Name", t.Name))
		},
		Items: func(string) []kit.Item {
			var items []kit.Item
			for _, t := range d.house.tags {
				it := kit.Item{ID: string(t.ID), Title: t.Name, Icon: "tag"}
				if has(t.ID) {
					it.Icon, it.Hint = "check", word("tag.takeoff")
				}
				items = append(items, it)
			}
			return items
		}}).Open(d.u.cfg.Window.Canvas())
	d.u.trace("tags shown")
}

func (d *desk) noTags() string {
	if len(d.house.tags) > 0 {
		return word("palette.empty")
	}
	return word("tag.none")
}

// tag puts tags on the conversations and takes others off.
func (d *desk) tag(add, remove []inbox.TagID, text string) {
	d.wishAll("tag", text, "toast.tagged.n", func(c inbox.Conversation) inbox.IntentBody {
		b := inbox.SetTags{Conversation: c.ID, Add: add, Remove: remove}
		if !d.mayOn(c, inbox.ActTag) || slices.Equal(c.Tagged(b), c.Tags) {
			return nil
		}
		return b
	}, func(c inbox.Conversation) inbox.IntentBody {
		back := inbox.SetTags{Conversation: c.ID}
		for _, t := range add {
			if !slices.Contains(c.Tags, t) {
				back.Remove = append(back.Remove, t)
			}
		}
		for _, t := range remove {
			if slices.Contains(c.Tags, t) {
				back.Add = append(back.Add, t)
			}
		}
		return back
	}, nil)
}

// menuPlace is where a menu opens that no pointer asked for: below the header of the conversation, or the bar of the list.
func (d *desk) menuPlace() fyne.Position {
	switch {
	case len(d.picks) == 0:
		return below(d.head.state)
	case d.listing.bar.root.Visible():
		return below(d.listing.bar.root)
	}
	return below(d.listing.top)
}

// below is where a menu of an object opens.
func below(o fyne.CanvasObject) fyne.Position {
	return fyne.CurrentApp().Driver().AbsolutePositionForObject(o).AddXY(0, o.Size().Height+4)
}

// picking are the actions for what is picked, as the bar and the menu of a narrow list offer them.
var picking = []struct{ icon, label, act string }{
	{"people", "action.assign", actAssign}, {"tag", "action.tag", actTag}, {"snooze", "action.snooze", actSnooze}, {"check", "action.close", actClose}, {"close", "bulk.end", actEscape},
}

// showPicked offers, in a list too narrow for the bar, what can be done with what is picked.
func (d *desk) showPicked() {
	cfg := kit.MenuConfig{Name: count("bulk.picked", len(d.picks)), Active: -1, At: below(d.listing.top), OnClose: func() { d.u.trace("overlay closed") }}
	for _, a := range picking {
		cfg.Items = append(cfg.Items, kit.MenuItem{Text: word(a.label), Icon: a.icon, Hint: d.u.router.Hint(a.act), Do: func() { d.doPicked(a.act) }})
	}
	kit.ShowMenu(d.u.cfg.Window.Canvas(), cfg)
	d.u.trace("menu shown")
}

// doPicked does something with what is picked; Escape lets go of it.
func (d *desk) doPicked(act string) {
	if act == actEscape {
		d.unpick()
		return
	}
	d.u.do(act)
}

// setScope narrows the list to an inbox or a tag, or to nothing.
func (d *desk) setScope(s scope) {
	d.scope, d.chosen = s, true
	d.applyRows()
	d.u.trace("filter shown")
}

// scopeInboxes are the inboxes the list can be narrowed to; none where the reader has one only.
func (d *desk) scopeInboxes() []inbox.Inbox {
	if len(d.house.inboxes) < 2 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(d.house.inboxes), func(in inbox.Inbox) bool { return !d.staff.me.WorksIn(in.ID) })
}

// showScope shows all there is of an inbox or a tag, from wherever the reader is.
func (d *desk) showScope(s scope) {
	d.showPage(pageInbox)
	d.filter = FilterAll
	d.setScope(s)
}

// showFilters offers the filters that have no pill, the inboxes and the tags.
func (d *desk) showFilters(at fyne.Position) {
	t := d.tally()
	cfg := kit.MenuConfig{Name: word("filter.more"), Active: -1, At: at, OnClose: func() { d.u.trace("overlay closed") }}
	hint := func(n int) string {
		if n == 0 {
			return ""
		}
		return grouped(n)
	}
	if d.scope != (scope{}) {
		cfg.Items = append(cfg.Items, kit.MenuItem{Text: word("filter.widen"), Icon: "close", Do: func() { d.setScope(scope{}) }})
	}
	for f := range FilterClosed + 1 {
		if d.listing.pilled(f) {
			continue
		}
		icon := map[Filter]string{FilterMentioned: "at", FilterTasks: "task", FilterSnoozed: "snooze", FilterClosed: "check", FilterMine: "user", FilterUnassigned: "people", FilterDue: "clock", FilterAll: "inbox"}[f]
		cfg.Items = append(cfg.Items, kit.MenuItem{Text: word(filterWords[f][0]), Icon: icon, Hint: hint(t.of(f)), Do: func() { d.setFilter(f) }})
	}
	for _, in := range d.scopeInboxes() {
		cfg.Items = append(cfg.Items, kit.MenuItem{Text: in.Name, Icon: "inbox", Do: func() { d.setScope(scope{inbox: in.ID}) }})
	}
	const most = 8
	for i, tag := range d.house.tags {
		if i == most {
			cfg.Items = append(cfg.Items, kit.MenuItem{Text: word("filter.tags"), Icon: "tag", Do: d.showTagFilter})
			break
		}
		cfg.Items = append(cfg.Items, kit.MenuItem{Text: tag.Name, Icon: "tag", Do: func() { d.setScope(scope{tag: tag.ID}) }})
	}
	kit.ShowMenu(d.u.cfg.Window.Canvas(), cfg)
	d.u.trace("menu shown")
}

// showTagFilter offers all tags to narrow the list to.
func (d *desk) showTagFilter() {
	kit.NewPicker(kit.PickerConfig{Name: word("filter.tags"), Placeholder: word("palette.tag"), Empty: d.noTags(),
		OnClose: func() { d.u.trace("overlay closed") },
		OnPick:  func(it kit.Item) { d.setScope(scope{tag: inbox.TagID(it.ID)}) },
		Items: func(string) []kit.Item {
			var items []kit.Item
			for _, t := range d.house.tags {
				items = append(items, kit.Item{ID: string(t.ID), Title: t.Name, Icon: "tag"})
			}
			return items
		}}).Open(d.u.cfg.Window.Canvas())
	d.u.trace("tags shown")
}

func (d *desk) tally() tally { return tallyOf(d.all, d.scope, d.staff.me.ID, d.house, d.clock().now) }

// bulkBar stands in place of the filters while conversations are picked.
type bulkBar struct {
	d    *desk
	root *fyne.Container
	line *kit.Painted
}

func newBulkBar(d *desk) *bulkBar {
	b := &bulkBar{d: d}
	b.line = kit.NewPainted("", func(s *kit.Sketch, size fyne.Size) {
		y := float32(int((size.Height - kit.LineHeight(kit.LabelBold)) / 2))
		s.TextIn(count("bulk.picked", len(d.picks)), rowInset, y, size.Width-rowInset, kit.LabelBold, s.P.Text, kit.AlignStart)
	})
	cells := []kit.Cell{kit.Grow(b.line)}
	for _, a := range picking {
		cells = append(cells, kit.Min(kit.NewIconButton(a.icon, d.u.tip(word(a.label), a.act), func() { d.doPicked(a.act) })))
	}
	b.root = kit.Row(append(cells, kit.Gap(12))...)
	b.root.Hide()
	return b
}
