package ui

import (
	"strconv"
	"strings"

	"sealdesk/app/inbox"
)

// A Filter chooses which conversations a list shows.
type Filter uint8

// The filters. Mine and Unassigned hold open conversations only; All holds everything.
const (
	FilterMine Filter = iota
	FilterUnassigned
	FilterAll
)

// Holds reports whether the filter shows the conversation to the person.
func (f Filter) Holds(c inbox.Conversation, me inbox.PersonID) bool {
	switch f {
	case FilterMine:
		return c.State == inbox.Open && c.Assignee == me && me != ""
	case FilterUnassigned:
		return c.State == inbox.Open && c.Assignee == ""
	}
	return true
}

// tally is how many conversations there are of each sort.
type tally struct{ mine, unassigned, all, open, unread int }

func tallyOf(list []*Row, me inbox.PersonID) (t tally) {
	for _, r := range list {
		c := r.Conversation
		t.all++
		if c.State == inbox.Open {
			t.open++
		}
		if FilterMine.Holds(c, me) {
			t.mine++
		}
		if FilterUnassigned.Holds(c, me) {
			t.unassigned++
		}
		if c.Unread > 0 {
			t.unread++
		}
	}
	return t
}

// choose returns the rows a filter shows, in the order they came in.
func choose(list []*Row, f Filter, me inbox.PersonID) []*Row {
	out := make([]*Row, 0, len(list))
	for _, r := range list {
		if f.Holds(r.Conversation, me) {
			out = append(out, r)
		}
	}
	return out
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
	last := inbox.Moment(0)
	for i, c := range rows { // a row that should stand higher than its neighbour above is one that moved
		if i > 0 && c.LastAt > last {
			waiting++
		}
		last = c.LastAt
	}
	return rows, waiting
}

// A PillView is one filter above the list.
type PillView struct {
	Filter Filter
	Text   string
	Active bool
}

func pills(t tally, active Filter) []PillView {
	pill := func(f Filter, key string, n int) PillView {
		text := word(key)
		if n > 0 {
			text += " " + grouped(n)
		}
		return PillView{Filter: f, Text: text, Active: f == active}
	}
	return []PillView{
		pill(FilterMine, "filter.mine", t.mine),
		pill(FilterUnassigned, "filter.unassigned", t.unassigned),
		pill(FilterAll, "filter.all", t.all),
	}
}

// A ChipView is a word on a coloured ground.
type ChipView struct {
	Text string
	Icon string
	Tone Tone
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
}

// rowView says how the list shows a conversation.
func rowView(r *Row, s staff, t clock) RowView {
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
		v.Prefix = word("row.from", "Name", word("message.automatic"))
	case c.LastSide == inbox.FromPerson:
		v.Prefix = word("row.from", "Name", s.short(c.LastAuthor))
	}
	v.Chips = append(v.Chips, stateChips(c, t)...)
	switch {
	case c.Erased != 0:
	case c.Assignee == "":
		v.Chips = append(v.Chips, ChipView{Text: word("chip.unassigned"), Tone: ToneInfo})
	case c.Assignee == s.me.ID:
		v.Chips = append(v.Chips, ChipView{Text: word("person.you")})
	default:
		v.Chips = append(v.Chips, ChipView{Text: s.name(c.Assignee)})
	}
	return v
}

func stateChips(c inbox.Conversation, t clock) []ChipView {
	if c.State == inbox.Closed {
		return []ChipView{{Text: word("chip.done"), Icon: "check"}}
	}
	if c.LastInbound == 0 {
		return nil
	}
	return []ChipView{windowChip(c, t)}
}

// windowChip says how long the customer may be answered freely.
func windowChip(c inbox.Conversation, t clock) ChipView {
	if !c.WindowOpen(t.now) {
		return ChipView{Text: word("chip.window.closed")}
	}
	left := c.WindowCloses().Sub(t.now)
	switch h := left.Hours(); {
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
func emptyInbox(rows int, t tally, f Filter) *EmptyView {
	if rows > 0 {
		return nil
	}
	switch {
	case t.all == 0:
		return &EmptyView{Icon: "inbox", Title: word("empty.all.title"), Advice: word("empty.all.advice")}
	case f == FilterMine && t.unassigned > 0:
		return &EmptyView{Icon: "check", Title: word("empty.mine.title"), Advice: count("empty.mine.unassigned", t.unassigned),
			Action: word("empty.show"), Show: FilterUnassigned}
	case f == FilterMine:
		return &EmptyView{Icon: "check", Title: word("empty.mine.title"), Advice: word("empty.mine.advice"), Action: word("empty.show.all"), Show: FilterAll}
	}
	return &EmptyView{Icon: "check", Title: word("empty.unassigned.title"), Advice: word("empty.unassigned.advice"), Action: word("empty.show.all"), Show: FilterAll}
}
