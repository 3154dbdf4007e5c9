package ui

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"sealdesk/app/inbox"
)

// A FieldView is one labelled line of the contact panel.
type FieldView struct {
	Label  string
	Text   string
	Masked bool
	Chip   *ChipView
	Detail string // below it, small
	Action string // words that can be tapped, at the right
	Area   string // what they are called to the pane
	Plot   []float64
	Field  inbox.Field // what is masked here; 0 for nothing
	More   bool        // something can be done with it
	Reveal RevealView
}

// Areas of the contact panel.
const (
	areaConsent = "consent"
	areaCosts   = "costs"
)

// A NoteView is one note of a conversation.
type NoteView struct {
	Head string
	Text inbox.Masked
	Time string
}

// A ContactView is the panel beside the timeline.
type ContactView struct {
	Face   Face
	Name   string
	Line   string
	Fields []FieldView
	Policy string // why fields are hidden; "" when none is
	Notes  []NoteView
	Empty  string // stands in for the notes
	Saw    []SawView
	Log    bool // the reader may see in the audit log who saw the contact
	Gone   bool // the customer was forgotten

	Tags    []ChipView
	CanTag  bool
	Tasks   []TaskView
	CanTask bool
	Others  []OtherView // where else the customer is talked to
}

// A TaskView is a task in the panel.
type TaskView struct {
	ID   inbox.TaskID
	Text inbox.Masked
	Line string // who means to do it, and by when
	Tone Tone
	Done bool
}

// An OtherView is another conversation with the same customer.
type OtherView struct {
	ID    inbox.ConversationID
	Title string
	Line  string
	Time  string
}

// taskViews are the tasks of a conversation: open ones first, by when they are due, then what was done last.
func taskViews(c inbox.Conversation, s staff, t clock) []TaskView {
	list := slices.Clone(c.Tasks)
	slices.SortStableFunc(list, func(a, b inbox.Task) int {
		switch {
		case (a.Done == 0) != (b.Done == 0):
			return cmp.Compare(min(a.Done, 1), min(b.Done, 1))
		case a.Done != 0:
			return cmp.Compare(b.Done, a.Done)
		case (a.Due == 0) != (b.Due == 0):
			return cmp.Compare(min(b.Due, 1), min(a.Due, 1))
		}
		return cmp.Compare(a.Due, b.Due)
	})
	var out []TaskView
	for _, k := range list {
		v := TaskView{ID: k.ID, Text: k.Text, Done: k.Done != 0}
		var parts []string
		if k.Person != "" {
			parts = append(parts, s.name(k.Person))
		}
		switch {
		case k.Done != 0:
			parts = append(parts, word("task.done", "When", within(t.when(k.Done))))
		case k.Due != 0:
			parts = append(parts, word("task.by", "When", within(t.soon(k.Due))))
			if k.Due < t.now {
				v.Tone = ToneDanger
			}
		}
		v.Line = strings.Join(parts, " · ")
		out = append(out, v)
	}
	return out
}

func contactView(c inbox.Conversation, list []inbox.Message, s staff, t clock) ContactView {
	p := c.Contact
	v := ContactView{Face: contactFace(p), Name: p.Display(), Empty: word("contact.notes.empty")}
	if p.Since != 0 {
		v.Line = word("contact.since", "Date", monthOf(p.Since, t))
	}
	if c.Erased != 0 {
		v.Gone, v.Line = true, word("erased.line", "Date", t.date(c.Erased))
		return v
	}
	for _, f := range fields {
		m := fieldText(p, f)
		if m.IsZero() || f == inbox.FieldName && !hidden(p, f) {
			continue
		}
		line := FieldView{Label: fieldWord(f), Text: m.Visible()}
		if hidden(p, f) {
			line.Masked, line.Field = true, f
			v.Policy = word("contact.policy")
		}
		v.Fields = append(v.Fields, line)
	}
	if !p.Name.IsZero() && p.Alias != "" {
		v.Fields = append(v.Fields, FieldView{Label: word("contact.alias"), Text: p.Alias})
	}
	if p.Country != "" {
		v.Fields = append(v.Fields, FieldView{Label: word("contact.country"), Text: countryName(p.Country)})
	}
	window := windowSentence(c, t)
	v.Fields = append(v.Fields, FieldView{Label: word("contact.window"), Chip: &window})
	if c.FreeUntil > t.now {
		v.Fields = append(v.Fields, FieldView{Label: word("contact.free"), Chip: &ChipView{Text: freeText(c, t), Tone: ToneOK}})
	}
	v.Fields = append(v.Fields, consentLines(c, s, t)...)
	owner := word("chip.unassigned")
	if c.Assignee != "" {
		owner = s.name(c.Assignee)
	}
	v.Fields = append(v.Fields, FieldView{Label: word("contact.assignee"), Text: owner})
	if c.Rating > 0 {
		v.Fields = append(v.Fields, FieldView{Label: word("contact.rating"), Text: word("contact.rating.of", "N", int(c.Rating))})
	}
	for i := len(list) - 1; i >= 0; i-- {
		if m := list[i]; m.Kind == inbox.Note {
			v.Notes = append(v.Notes, NoteView{Head: s.name(m.Author), Text: m.Body, Time: t.when(m.At)})
		}
	}
	return v
}

func monthOf(m inbox.Moment, t clock) string {
	at := t.in(m)
	return word("date.month", "Month", word("month."+strconv.Itoa(int(at.Month()))+".short"), "Year", at.Year())
}

// windowSentence is the reply window in a chip that stands alone.
func windowSentence(c inbox.Conversation, t clock) ChipView {
	switch {
	case c.LastInbound == 0:
		return ChipView{Text: word("window.never")}
	case !c.WindowOpen(t.now):
		return ChipView{Text: word("window.closed")}
	}
	chip := windowChip(c, t)
	chip.Text = word("window.open", "Span", span(c.WindowCloses().Sub(t.now)))
	return chip
}

// freeText says until when WhatsApp bills nothing.
func freeText(c inbox.Conversation, t clock) string {
	if t.days(c.FreeUntil) == 0 {
		return word("free.today", "Time", t.hour(c.FreeUntil))
	}
	return word("free.day", "Day", t.date(c.FreeUntil), "Time", t.hour(c.FreeUntil))
}

// countryName is the country's name in the reader's language, or its code when there is none.
func countryName(code string) string {
	region, err := language.ParseRegion(code)
	if err != nil {
		return code
	}
	if name := display.Regions(language.Make(word("language.code"))).Name(region); name != "" {
		return name
	}
	return code
}

// A HeaderView is the line above the timeline.
type HeaderView struct {
	Face      Face
	Name      string
	Number    string
	Masked    bool
	Line      string
	Company   string // who else is there, instead of Line
	Window    ChipView
	Free      string // until when nothing is billed
	Closed    bool
	CanAssign bool
	CanState  bool
	StateTip  string
	AssignTip string
	Mine      bool
}

func headerView(c inbox.Conversation, s staff, t clock) HeaderView {
	v := HeaderView{Face: contactFace(c.Contact), Name: c.Contact.Display(), Closed: c.State == inbox.Closed,
		CanAssign: inbox.Can(s.me, inbox.ActAssign, c.Subject()) == nil, CanState: inbox.Can(s.me, inbox.ActSetState, c.Subject()) == nil,
		Mine: c.Assignee != "" && c.Assignee == s.me.ID, Window: windowSentence(c, t)}
	if c.FreeUntil > t.now {
		v.Free = freeText(c, t)
	}
	number := c.Contact.Phone
	if number.IsZero() {
		number = c.Contact.Username
	}
	v.Number, v.Masked = number.Visible(), number.Hides()
	switch {
	case c.Assignee == "":
		v.Line = word("header.nobody")
	case v.Mine:
		v.Line = word("header.you")
	default:
		v.Line = word("header.other", "Name", s.name(c.Assignee))
	}
	v.AssignTip, v.StateTip = word("action.assign"), word("action.close")
	if v.Closed {
		v.Line += " · " + word("header.closed")
		v.StateTip = word("action.reopen")
	}
	if c.Erased != 0 {
		v.CanAssign, v.CanState, v.Mine, v.Window = false, false, false, ChipView{Text: word("erased.row")}
		v.Line = word("erased.line", "Date", t.date(c.Erased))
		v.AssignTip, v.StateTip = word("erased.closed"), word("erased.closed")
		return v
	}
	if !v.CanAssign {
		v.AssignTip = word("why.right")
	}
	if !v.CanState {
		v.StateTip = word("why.right")
	}
	return v
}

// A Colleague is somebody a conversation can be given to; an empty ID is nobody.
type Colleague struct {
	ID    inbox.PersonID
	Title string
	Hint  string
	Icon  string
}

// colleagues lists who a conversation can be given to: the reader first, nobody last, and not who has it. Who is online and not
// away stands before the others.
func colleagues(s staff, c inbox.Conversation, online []inbox.PersonID) []Colleague {
	var out []Colleague
	there := map[inbox.PersonID]bool{}
	for _, p := range s.people {
		if p.ID == c.Assignee || p.ID == s.me.ID || inbox.Can(p, inbox.ActSend, inbox.Subject{Inbox: c.Inbox}) != nil {
			continue
		}
		hint := ""
		switch {
		case p.Away:
			hint = word("person.away")
		case slices.Contains(online, p.ID):
			hint, there[p.ID] = word("person.online"), true
		}
		out = append(out, Colleague{ID: p.ID, Title: p.Name, Hint: join(roleWord(p.Role), hint), Icon: "user"})
	}
	slices.SortFunc(out, func(a, b Colleague) int {
		if there[a.ID] != there[b.ID] {
			return map[bool]int{true: -1, false: 1}[there[a.ID]]
		}
		return cmp.Or(cmp.Compare(a.Title, b.Title), cmp.Compare(a.ID, b.ID))
	})
	if c.Assignee != s.me.ID && s.me.ID != "" {
		out = append([]Colleague{{ID: s.me.ID, Title: word("action.assign.me"), Hint: s.me.Name, Icon: "user"}}, out...)
	}
	if c.Assignee != "" {
		out = append(out, Colleague{Title: word("action.assign.nobody"), Icon: "close"})
	}
	return out
}

func roleWord(r inbox.Role) string {
	switch r {
	case inbox.Agent:
		return word("role.agent")
	case inbox.Supervisor:
		return word("role.supervisor")
	}
	return ""
}

// colleaguesOf are all colleagues, by name.
func colleaguesOf(s staff) []inbox.Person {
	out := make([]inbox.Person, 0, len(s.people))
	for _, p := range s.people {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b inbox.Person) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return out
}
