package ui

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sealdesk/app/inbox"
)

// A Filter chooses which conversations a list shows.
type Filter uint8

// The filters. All holds everything; Closed and Snoozed hold what is; every other holds open conversations only.
const (
	FilterMine Filter = iota
	FilterUnassigned
	FilterAll
	FilterDue       // a customer of the reader or of nobody waits for an answer: those due first come first
	FilterMentioned // a colleague asks the reader to look
	FilterTasks     // there is a task for the reader
	FilterSnoozed
	FilterClosed
)

// Holds reports whether the filter shows the conversation to the person.
func (f Filter) Holds(c inbox.Conversation, me inbox.PersonID) bool {
	switch f {
	case FilterMine:
		return c.State == inbox.Open && c.Assignee == me && me != ""
	case FilterUnassigned:
		return c.State == inbox.Open && c.Assignee == ""
	case FilterDue:
		return c.State == inbox.Open && c.Waiting != 0 && (c.Assignee == me || c.Assignee == "")
	case FilterMentioned:
		return mentioned(c)
	case FilterTasks:
		return openTask(c, me) != nil
	case FilterSnoozed:
		return c.State == inbox.Snoozed
	case FilterClosed:
		return c.State == inbox.Closed
	}
	return true
}

// tells reports whether the filter says by itself who has a conversation: each of its rows would say the same.
func (f Filter) tells(who, me inbox.PersonID) bool {
	return f == FilterMine && who == me || f == FilterUnassigned && who == ""
}

// A scope narrows what a list shows further: to an inbox, to a tag.
type scope struct {
	inbox inbox.InboxID
	tag   inbox.TagID
}

func (s scope) holds(c inbox.Conversation) bool {
	return (s.inbox == "" || c.Inbox == s.inbox) && (s.tag == "" || slices.Contains(c.Tags, s.tag))
}

// tally is how many conversations of each sort there are within a scope; unread ones count whatever the scope is.
type tally struct{ mine, unassigned, all, open, unread, due, late, mentioned, tasks, snoozed, closed int }

func tallyOf(list []*Row, s scope, me inbox.PersonID, h house, now inbox.Moment) (t tally) {
	add := func(n *int, yes bool) {
		if yes {
			*n++
		}
	}
	for _, r := range list {
		c := r.Conversation
		add(&t.unread, c.Unread > 0)
		if !s.holds(c) {
			continue
		}
		t.all++
		add(&t.open, c.State == inbox.Open)
		add(&t.mine, FilterMine.Holds(c, me))
		add(&t.unassigned, FilterUnassigned.Holds(c, me))
		add(&t.mentioned, mentioned(c))
		add(&t.tasks, FilterTasks.Holds(c, me))
		add(&t.snoozed, c.State == inbox.Snoozed)
		add(&t.closed, c.State == inbox.Closed)
		if FilterDue.Holds(c, me) {
			t.due++
			due := c.Due(h.inbox(c.Inbox))
			add(&t.late, due != 0 && due < now)
		}
	}
	return t
}

// choose returns the rows a filter shows within a scope, in the order they came in; who waits stands in order of when he should
// have an answer.
//
// Keep stays whatever the filter says: who reads or answers a conversation does not lose it under his hands.
func choose(list []*Row, f Filter, s scope, me inbox.PersonID, h house, keep inbox.ConversationID) []*Row {
	out := make([]*Row, 0, len(list))
	for _, r := range list {
		if f.Holds(r.Conversation, me) && s.holds(r.Conversation) || r.ID == keep && keep != "" {
			out = append(out, r)
		}
	}
	if f == FilterDue {
		slices.SortStableFunc(out, func(a, b *Row) int { return cmp.Compare(dueOrder(a, h), dueOrder(b, h)) })
	}
	return out
}

// dueOrder is when the customer should have an answer; where the inbox has no measure, since when he waits counts.
func dueOrder(r *Row, h house) inbox.Moment {
	if due := r.Due(h.inbox(r.Inbox)); due != 0 {
		return due
	}
	return r.Waiting
}

// settle decides what a list shows when fresh rows arrive. While the reader holds the list (the pointer is over it, or
// a key was just pressed) rows keep their places: known ones get their new contents, gone ones go, and new or moved
// ones wait; waiting is their number.
func settle(shown, fresh []*Row, hold bool) (rows []*Row, waiting int) {
	if !hold || len(shown) == 0 {
		return fresh, 0
	}
	at := make(map[inbox.ConversationID]int, len(fresh))
	for i, c := range fresh {
		at[c.ID] = i
	}
	rows = make([]*Row, 0, len(shown))
	for _, c := range shown {
		if i, ok := at[c.ID]; ok {
			rows = append(rows, fresh[i])
		}
	}
	waiting = len(fresh) - len(rows)
	last := -1
	for _, c := range rows { // a row that should stand higher than its neighbour above is one that moved
		if at[c.ID] < last {
			waiting++
		}
		last = at[c.ID]
	}
	return rows, waiting
}

// A PillView is one filter above the list.
type PillView struct {
	Filter Filter
	Text   string
	Short  string // where there is little room
	Bare   string // where there is less
	Active bool
	Scope  bool // what the list is narrowed to, with no text where it is not: a tap shows everything again
}

// filterWords are the names of the filters, and of their pills where there is little room.
var filterWords = map[Filter][2]string{
	FilterMine: {"filter.mine", "filter.mine"}, FilterUnassigned: {"filter.unassigned", "filter.unassigned.short"}, FilterAll: {"filter.all", "filter.all"},
	FilterDue: {"filter.due", "filter.due"}, FilterMentioned: {"filter.mentioned", "filter.mentioned"}, FilterTasks: {"filter.tasks", "filter.tasks"},
	FilterSnoozed: {"filter.snoozed", "filter.snoozed"}, FilterClosed: {"filter.closed", "filter.closed"},
}

// of is how many conversations a filter shows.
func (t tally) of(f Filter) int {
	return map[Filter]int{
		FilterMine: t.mine, FilterUnassigned: t.unassigned, FilterAll: t.all, FilterDue: t.due, FilterMentioned: t.mentioned, FilterTasks: t.tasks,
		FilterSnoozed: t.snoozed, FilterClosed: t.closed,
	}[f]
}

// firstPills are the filters that always have a pill; the others share the last one, behind that of the scope.
var firstPills = []Filter{FilterMine, FilterUnassigned, FilterDue, FilterAll}

// pills are the filters above the list, and what narrows it; the last one is for what the others do not show.
func pills(t tally, active Filter, narrow string) []PillView {
	pill := func(f Filter) PillView {
		w := filterWords[f]
		n := ""
		if t.of(f) > 0 {
			n = " " + grouped(t.of(f))
		}
		v := PillView{Filter: f, Text: word(w[0]) + n, Short: word(w[1]) + n, Bare: word(w[1]), Active: f == active}
		if v.Active {
			v.Bare = v.Short
		}
		return v
	}
	var out []PillView
	for _, f := range firstPills {
		out = append(out, pill(f))
	}
	out = append(out, PillView{Text: narrow, Short: narrow, Bare: narrow, Active: true, Scope: true})
	const dots = "···"
	last := PillView{Filter: active, Text: dots, Short: dots, Bare: dots}
	if !slices.Contains(firstPills, active) {
		last = pill(active)
	}
	return append(out, last)
}

// A ChipView is a word on a coloured ground.
type ChipView struct {
	Text  string
	Short string // where not all chips have room; "" is Text
	Icon  string
	Plain bool // its words say enough without the icon
	Tone  Tone
}

// A RowView is one conversation in the list.
type RowView struct {
	ID      inbox.ConversationID
	Face    Face
	Name    string
	Bold    bool
	Number  string
	Time    string
	Prefix  string // who or what the snippet is from: "Draft:", "You:"
	Alert   bool   // the prefix asks for attention
	Icon    string // the medium, drawn before the snippet
	Snippet string
	Unread  string
	Chips   []ChipView
	Picking bool // rows are being picked
	Picked  bool // this one is
}

// rowView says how the list shows a conversation while a filter is chosen.
func rowView(r *Row, f Filter, s staff, h house, p inbox.Presence, t clock) RowView {
	c, draft := r.Conversation, r.Draft
	v := RowView{
		ID: c.ID, Face: contactFace(c.Contact), Name: c.Contact.Display(), Bold: c.Unread > 0,
		Number: c.Contact.Phone.Visible(), Time: t.row(c.LastAt), Unread: badge(c.Unread),
	}
	if v.Number == "" {
		v.Number = c.Contact.Username.Visible()
	}
	v.Snippet = shownText(c.Snippet)
	if icon, name := medium(c.LastKind); icon != "" {
		v.Icon = icon
		if v.Snippet == "" {
			v.Snippet = name
		}
	}
	if c.Erased != 0 {
		v.Icon, v.Snippet = "wipe", word("erased.row")
	}
	switch {
	case c.Erased != 0:
	case strings.TrimSpace(draft) != "":
		v.Prefix, v.Alert, v.Icon, v.Snippet = word("row.draft"), true, "", oneLine(draft)
	case c.LastKind == inbox.Note:
		v.Prefix = word("row.note", "Name", s.short(c.LastAuthor))
	case c.LastSide == inbox.FromPerson && c.LastReceipt == inbox.Failed:
		v.Prefix, v.Alert = word("row.failed"), true
	case c.LastSide == inbox.FromPerson && c.LastAuthor == "":
		v.Prefix = word("row.from", "Name", nobody(c))
	case c.LastSide == inbox.FromPerson:
		v.Prefix = word("row.from", "Name", s.short(c.LastAuthor))
	}
	// What matters most stands first: where there is little room the last chips are only counted.
	state := stateChips(c, h, t)
	var calm []ChipView
	if n := len(state); n > 1 && state[n-1].Tone == ToneOK { // an answer is due long before the customer can no longer be answered
		state, calm = state[:n-1], state[n-1:]
	}
	v.Chips = append(v.Chips, state...)
	var tags []ChipView
	if c.Erased == 0 {
		for _, tag := range h.tagged(c) {
			tags = append(tags, tagChip(tag))
		}
		work := workChips(c, s, t)
		if len(tags) > 0 { // what it is about: after what asks for the reader himself
			work = slices.Insert(work, min(len(work), map[bool]int{true: 1}[mentioned(c)]), tags[0])
			tags = tags[1:]
		}
		v.Chips = append(v.Chips, work...)
	}
	switch {
	case c.Erased != 0, f.tells(c.Assignee, s.me.ID):
	case c.Assignee == "":
		v.Chips = append(v.Chips, ChipView{Text: word("chip.unassigned"), Short: word("chip.unassigned.short"), Tone: ToneInfo})
	case c.Assignee == s.me.ID:
		v.Chips = append(v.Chips, ChipView{Text: word("person.you")})
	default:
		v.Chips = append(v.Chips, ChipView{Text: s.name(c.Assignee)})
	}
	v.Chips = append(append(v.Chips, calm...), tags...)
	if writing, _ := p.In(c.ID); len(writing) > 0 && strings.TrimSpace(draft) == "" {
		v.Prefix, v.Alert, v.Icon, v.Snippet = "", false, "", word("row.writing", "Name", s.short(writing[0]))
	}
	return v
}

// nobody names who wrote last where no person is known. The relay's own words leave the customer waiting; what ends that was
// perhaps written in the WhatsApp app, past Sealdesk, and a row cannot tell.
func nobody(c inbox.Conversation) string {
	if c.Waiting != 0 {
		return word("message.automatic")
	}
	return word("quote.company")
}

// stateChips say what is to be done by when: when it wakes, by when an answer is due, how long the customer may be written to.
func stateChips(c inbox.Conversation, h house, t clock) []ChipView {
	switch {
	case c.State == inbox.Closed:
		return []ChipView{{Text: word("chip.done"), Icon: "check", Plain: true}}
	case c.State == inbox.Snoozed:
		return []ChipView{{Text: wakeText(c.Until, t), Icon: "clock"}}
	case c.LastInbound == 0:
		return nil
	}
	if due := c.Due(h.inbox(c.Inbox)); due != 0 && c.WindowOpen(t.now) {
		return []ChipView{dueChip(due, t), windowChip(c, t)}
	}
	return []ChipView{windowChip(c, t)}
}

// windowChip says how long the customer may be answered freely.
func windowChip(c inbox.Conversation, t clock) ChipView {
	if !c.WindowOpen(t.now) {
		return leftChip(0)
	}
	return leftChip(c.WindowCloses().Sub(t.now))
}

// leftChip is the reply window with so much time left; 0 for none. It has no clock: that stands for the answer that is due.
func leftChip(left time.Duration) ChipView {
	switch h := left.Hours(); {
	case left <= 0:
		return ChipView{Text: word("chip.window.closed")}
	case h < 1:
		return ChipView{Text: word("chip.window.left", "Span", span(left)), Tone: ToneDanger}
	case h < 4:
		return ChipView{Text: span(left), Tone: ToneWarn}
	}
	return ChipView{Text: span(left), Tone: ToneOK}
}

func badge(n int) string {
	switch {
	case n <= 0:
		return ""
	case n > 99:
		return "99+"
	}
	return strconv.Itoa(n)
}

// medium returns the icon and the word for a kind that is more than text.
func medium(k inbox.MessageKind) (icon, name string) {
	switch k {
	case inbox.Image:
		return "image", word("media.photo")
	case inbox.Video:
		return "video", word("media.video")
	case inbox.Audio:
		return "mic", word("media.audio")
	case inbox.Voice:
		return "mic", word("media.voice")
	case inbox.Document:
		return "file", word("media.document")
	case inbox.Sticker:
		return "smile", word("media.sticker")
	case inbox.Location:
		return "pin", word("media.location")
	case inbox.ContactCard:
		return "user", word("media.contact")
	case inbox.Button:
		return "reply", word("media.button")
	case inbox.Order:
		return "tag", word("media.order")
	case inbox.Templated:
		return "template", word("media.template")
	case inbox.Interactive:
		return "list", word("media.interactive")
	case inbox.Unsupported:
		return "info", word("media.unsupported")
	case inbox.Deleted:
		return "", word("media.deleted")
	}
	return "", ""
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// An EmptyView is what stands where nothing is.
type EmptyView struct {
	Icon, Title, Advice string
	Action              string // words of the button; "" for none
	Show                Filter // what the button shows
}

// emptyInbox says why a list is empty; nil when it is not.
func emptyInbox(rows int, t tally, f Filter, s scope) *EmptyView {
	if rows > 0 {
		return nil
	}
	switch {
	case t.all == 0 && s == scope{}:
		return &EmptyView{Icon: "inbox", Title: word("empty.all.title"), Advice: word("empty.all.advice")}
	case s != scope{}:
		return &EmptyView{Icon: "search", Title: word("empty.filter.title"), Advice: word("empty.scope.advice"), Action: word("empty.show.all"), Show: FilterAll}
	case f == FilterMine && t.unassigned > 0:
		return &EmptyView{Icon: "check", Title: word("empty.mine.title"), Advice: count("empty.mine.unassigned", t.unassigned),
			Action: word("empty.show"), Show: FilterUnassigned}
	case f == FilterMine:
		return &EmptyView{Icon: "check", Title: word("empty.mine.title"), Advice: word("empty.mine.advice"), Action: word("empty.show.all"), Show: FilterAll}
	case f != FilterUnassigned:
		return &EmptyView{Icon: "check", Title: word("empty.filter.title"), Advice: word(filterAdvice[f]), Action: word("empty.show.all"), Show: FilterAll}
	}
	return &EmptyView{Icon: "check", Title: word("empty.unassigned.title"), Advice: word("empty.unassigned.advice"), Action: word("empty.show.all"), Show: FilterAll}
}
