package ui

import (
	"strconv"
	"strings"

	"fyne.io/fyne/v2"

	"sealdesk/app/inbox"
	"sealdesk/ui/kit"
)

// This file is the part of the contact panel that colleagues fill in: tags, tasks, and where else the customer is talked to.

// Areas of these rows.
const (
	areaTags  = "tags"
	areaAdd   = "add"
	areaTick  = "tick"
	areaTask  = "task"
	areaOther = "other"
)

// layTeam says which rows of team work a view has.
func (p *contactPane) layTeam(v ContactView) []sideRow {
	out := []sideRow{{sideTags, 0}, {sideTasksHead, 0}}
	for i := range v.Tasks {
		out = append(out, sideRow{sideTask, i})
	}
	if len(v.Tasks) == 0 {
		out = append(out, sideRow{sideTasksNone, 0})
	}
	if len(v.Others) > 0 {
		out = append(out, sideRow{sideOthersHead, 0})
	}
	for i := range v.Others {
		out = append(out, sideRow{sideOther, i})
	}
	return out
}

// chipLines breaks chips into lines no wider than room.
func chipLines(list []ChipView, room float32) [][]kit.Chip {
	var out [][]kit.Chip
	x := room
	for _, v := range list {
		c := chip(v)
		w := kit.ChipWidth(c)
		if x+w > room {
			out, x = append(out, nil), 0
		}
		out[len(out)-1] = append(out[len(out)-1], c)
		x += w + kit.ChipGap
	}
	return out
}

func chipLine() float32 { return kit.ChipHeight() + 6 }

// teamHead is the heading of a row of team work, and what can be done beside it.
func (p *contactPane) teamHead(k sideKind) (text, action, area string) {
	switch {
	case k == sideOthersHead:
		return word("contact.others"), "", ""
	case k == sideTags && p.view.CanTag:
		return word("contact.tags"), word("contact.tags.edit"), areaTags
	case k == sideTags:
		return word("contact.tags"), "", ""
	case p.view.CanTask:
		return word("contact.tasks"), word("contact.tasks.add"), areaAdd
	}
	return word("contact.tasks"), "", ""
}

// teamHeading lays a heading out in the room its action leaves.
func (p *contactPane) teamHeading(k sideKind, room float32) kit.Block {
	text, action, _ := p.teamHead(k)
	if action != "" {
		room -= kit.TextWidth(action, kit.LabelBold) + 12
	}
	return heading(text, room)
}

func (p *contactPane) measureTeam(r sideRow, room float32) float32 {
	switch r.kind {
	case sideTags:
		return p.teamHeading(r.kind, room).Height + 20 + float32(max(len(chipLines(p.view.Tags, room)), 1))*chipLine()
	case sideTasksHead, sideOthersHead:
		return p.teamHeading(r.kind, room).Height + 22
	case sideTask:
		v := p.view.Tasks[r.at]
		return p.taskText(v, room).Height + p.taskLine(v, room).Height + 12
	case sideTasksNone:
		return kit.LineHeight(kit.Snippet) + 6
	}
	return kit.LineHeight(kit.Snippet) + kit.LineHeight(kit.Caption) + 12
}

// tickRoom is what the box before a task takes.
func tickRoom() float32 { return kit.Scaled(18) + 10 }

func (p *contactPane) taskText(v TaskView, room float32) kit.Block {
	return layoutText(runsOf(v.Text), room-tickRoom(), kit.Style{Type: kit.Snippet})
}

// taskLine lays out whose task it is, and until when; nothing takes no room.
func (p *contactPane) taskLine(v TaskView, room float32) kit.Block {
	if v.Line == "" {
		return kit.Block{}
	}
	return layoutText([]kit.Run{{Text: v.Line}}, room-tickRoom(), kit.Style{Type: kit.Caption})
}

func (p *contactPane) drawTeam(r sideRow, s *kit.Sketch, x, room float32, st kit.RowState) {
	head := func() (below float32) {
		b := p.teamHeading(r.kind, room)
		s.Block(b, x, 12, s.P.Text)
		if _, action, area := p.teamHead(r.kind); action != "" {
			w := kit.TextWidth(action, kit.LabelBold)
			s.Text(action, x+room-w, 12+float32(int((kit.LineHeight(kit.Heading)-kit.LineHeight(kit.LabelBold))/2)), kit.LabelBold, s.P.AccentText)
			s.Area(area, x+room-w-8, 6, w+16, 32)
		}
		return 12 + b.Height
	}
	switch r.kind {
	case sideTags:
		y := head() + 6
		for _, line := range chipLines(p.view.Tags, room) {
			s.Chips(line, x, y, room)
			y += chipLine()
		}
		if len(p.view.Tags) == 0 {
			s.TextIn(word("contact.tags.none"), x, y, room, kit.Snippet, s.P.TextMuted, kit.AlignStart)
		}
	case sideTasksHead, sideOthersHead:
		head()
	case sideTasksNone:
		s.TextIn(word("contact.tasks.none"), x, 0, room, kit.Snippet, s.P.TextMuted, kit.AlignStart)
	case sideTask:
		v := p.view.Tasks[r.at]
		d := kit.Scaled(18)
		if v.Done {
			s.Rect(x, 1, d, d, s.P.Accent, 5)
			s.Icon("check", x+2, 3, d-4, s.P.OnAccent)
		} else {
			line := s.P.BorderStrong
			if st.Area == areaTick {
				line = s.P.Accent
			}
			s.Frame(x, 1, d, d, s.P.Surface, line, 1.5, 5)
		}
		text := s.P.Text
		if v.Done {
			text = s.P.TextFaint
		}
		b := p.taskText(v, room)
		s.Block(b, x+tickRoom(), 0, text)
		line := p.taskLine(v, room)
		s.Block(line, x+tickRoom(), b.Height+1, ink(v.Tone, s.P))
		s.Area(areaTask, x+tickRoom()-4, -4, room-tickRoom()+8, b.Height+line.Height+8)
		s.Area(areaTick, x-8, -7, d+16, 34)
	case sideOther:
		v := p.view.Others[r.at]
		w := s.TextIn(v.Time, x, 1, room, kit.Meta, s.P.TextMuted, kit.AlignEnd)
		s.TextIn(v.Title, x, 0, room-w-8, kit.Snippet, s.P.AccentText, kit.AlignStart)
		s.TextIn(v.Line, x, kit.LineHeight(kit.Snippet), room, kit.Caption, s.P.TextMuted, kit.AlignStart)
		s.Area(areaOther, x-8, -4, room+16, kit.LineHeight(kit.Snippet)+kit.LineHeight(kit.Caption)+8)
	}
}

// stopTeam is what the keyboard can do with a row of team work.
func (p *contactPane) stopTeam(r sideRow) (area string, ok bool) {
	switch r.kind {
	case sideTags:
		return areaTags, p.view.CanTag
	case sideTasksHead:
		return areaAdd, p.view.CanTask
	case sideTask:
		return areaTick, p.view.CanTask
	case sideOther:
		return areaOther, true
	}
	return "", false
}

// doTeam does what a tap on a row of team work asks for, and reports whether it was one.
func (p *contactPane) doTeam(r sideRow, area string) bool {
	d := p.d
	switch area {
	case areaTags:
		d.unpick()
		d.showTags()
	case areaAdd:
		d.showTask(nil)
	case areaTick:
		d.tickTask(p.view.Tasks[r.at].ID)
	case areaTask:
		if k := d.task(p.view.Tasks[r.at].ID); k != nil && p.view.CanTask {
			d.showTask(k)
		}
	case areaOther:
		d.openConversation(p.view.Others[r.at].ID)
	default:
		return false
	}
	return true
}

// task returns a task of the open conversation; nil for none.
func (d *desk) task(id inbox.TaskID) *inbox.Task {
	if d.row == nil {
		return nil
	}
	for i := range d.row.Tasks {
		if d.row.Tasks[i].ID == id {
			return &d.row.Tasks[i]
		}
	}
	return nil
}

// wishTask is the wish that leaves a task as it is; whoever makes it changes one thing.
func wishTask(c inbox.ConversationID, k inbox.Task) inbox.EditTask {
	return inbox.EditTask{Conversation: c, Task: k.ID, Text: k.Text.Visible(), Person: k.Person, Due: k.Due, Done: k.Done != 0}
}

// tickTask ticks a task off, or takes that back.
func (d *desk) tickTask(id inbox.TaskID) {
	k := d.task(id)
	if k == nil || !d.mayOn(d.row.Conversation, inbox.ActTask) {
		return
	}
	was := wishTask(d.open, *k)
	now := was
	now.Done = !was.Done
	d.submit(now)
	text := word("toast.task.done")
	if !now.Done {
		text = word("toast.task.open")
	}
	d.u.toast(kit.Toast{Text: text, Icon: "task", Action: kit.Action{Text: word("toast.undo"), Do: func() { d.submit(was) }}})
	d.u.trace("task ticked")
}

// showTask writes a task down, or changes one.
func (d *desk) showTask(k *inbox.Task) {
	if d.row == nil || !d.mayOn(d.row.Conversation, inbox.ActTask) {
		return
	}
	if k == nil && len(d.row.Tasks) >= inbox.MaxTasks {
		d.u.toast(kit.Toast{Text: word("task.many", "N", grouped(inbox.MaxTasks)), Icon: "warn"})
		return
	}
	id := d.open
	title, wish := word("task.new"), inbox.EditTask{Conversation: id, Task: inbox.NewID[inbox.TaskID](), Person: d.staff.me.ID}
	if k != nil {
		title, wish = word("task.change"), wishTask(id, *k)
	}
	field := kit.NewField(word("task.text"), word("task.example"), false).SetMost(400)
	field.SetText(wish.Text)
	people, at := d.taskPeople(wish.Person)
	whens, due := taskTimes(d.clock(), wish.Due)
	who := d.choice(word("task.person"), names(people), at, func(i int) { wish.Person = people[i].ID })
	exactly := kit.NewText(whens[due].Hint, kit.Caption, kit.InkMuted)
	when := kit.NewSegments(word("task.due"), waysText(whens), due, func(i int) {
		wish.Due = whens[i].Until
		exactly.Set(whens[i].Hint)
	})
	var dialog *kit.Dialog
	save := func() {
		wish.Text = oneLine(field.Text())
		d.submit(wish)
		d.u.toast(kit.Toast{Text: word("toast.task.saved"), Icon: "task"})
		d.u.trace("intent submitted")
	}
	ready := func() bool { return inbox.CheckText(oneLine(field.Text())) == nil }
	field.OnChange = func(string) {
		if ready() {
			dialog.DoButton().Enable()
		} else {
			dialog.DoButton().Disable()
		}
	}
	field.OnSubmit = func() {
		if ready() {
			dialog.Close()
			save()
		}
	}
	cells := []kit.Cell{kit.Min(field), kit.Gap(10), kit.Min(kit.NewText(word("task.person"), kit.Label, kit.InkText)), kit.Gap(4), kit.Min(who), kit.Gap(10),
		kit.Min(kit.NewText(word("task.due"), kit.Label, kit.InkText)), kit.Gap(4), kit.Min(when), kit.Gap(4), kit.Min(exactly)}
	cfg := kit.DialogConfig{Title: title, Body: kit.Column(cells...), Focus: field.Input(), Safe: kit.Action{Text: word("action.cancel")}, Do: kit.Action{Text: word("task.save"), Do: save}}
	if k != nil {
		gone := wish
		gone.Removed = true
		cells = append(cells, kit.Gap(14), kit.Min(kit.Row(kit.Min(kit.NewButton(word("task.remove"), kit.Secondary, func() {
			dialog.Close()
			d.submit(gone)
			d.u.toast(kit.Toast{Text: word("toast.task.removed"), Icon: "task", Action: kit.Action{Text: word("toast.undo"), Do: func() { d.submit(wishTask(id, *k)) }}})
		})), kit.Spring())))
		cfg.Body = kit.Column(cells...)
	}
	dialog = kit.ShowDialog(d.u.cfg.Window.Canvas(), cfg)
	if !ready() {
		dialog.DoButton().Disable()
	}
	d.u.trace("task shown")
}

// taskPeople are those who may do a task of the open conversation, whoever has it first, and the place of one of them.
func (d *desk) taskPeople(chosen inbox.PersonID) (out []Colleague, at int) {
	out = []Colleague{{Title: word("task.owner")}}
	for _, p := range colleaguesOf(d.staff) {
		if p.Left != 0 || inbox.Can(p, inbox.ActTask, d.row.Subject()) != nil {
			continue
		}
		c := Colleague{ID: p.ID, Title: p.Name}
		if p.ID == d.staff.me.ID {
			c.Title = word("person.you")
		}
		if p.ID == chosen {
			at = len(out)
		}
		out = append(out, c)
	}
	return out, at
}

// taskTimes are the times a task can be due, never first, and the place of one of them. The hint says when exactly.
func taskTimes(t clock, chosen inbox.Moment) (out []Snooze, at int) {
	out = []Snooze{{Text: word("task.never"), Hint: word("task.never.hint")}}
	for _, s := range snoozes(t) {
		if s.Until != 0 {
			s.Hint = word("task.by", "When", s.Hint)
			out = append(out, s)
		}
	}
	if chosen != 0 {
		out = append(out, Snooze{Text: t.when(chosen), Hint: word("task.by", "When", within(t.when(chosen))), Until: chosen})
		at = len(out) - 1
	}
	return out, at
}

func names(list []Colleague) []string {
	out := make([]string, len(list))
	for i, c := range list {
		out[i] = c.Title
	}
	return out
}

func waysText(list []Snooze) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = s.Text
	}
	return out
}

// remind tells of tasks that have become due since it was called last: once each, without a word of theirs.
func (d *desk) remind() {
	now := d.clock().now
	n, last := 0, inbox.ConversationID("")
	for _, r := range d.all {
		for _, k := range r.Tasks {
			if k.Done == 0 && k.Due != 0 && k.Due <= now && k.Due > d.reminded && k.Mine(d.staff.me.ID, r.Assignee) {
				n, last = n+1, r.ID
			}
		}
	}
	d.reminded = now
	if n == 0 {
		return
	}
	d.u.toast(kit.Toast{Text: count("toast.task.due", n), Icon: "task", Action: kit.Action{Text: word("action.show"), Do: func() {
		if n == 1 {
			d.openConversation(last)
			return
		}
		d.setFilter(FilterTasks)
	}}})
}

// others are the customer's conversations on other numbers of the company.
func (d *desk) others() []OtherView {
	var out []OtherView
	for _, r := range d.all {
		if r.ID == d.open || r.Contact.ID != d.row.Contact.ID || r.Contact.ID == "" {
			continue
		}
		v := OtherView{ID: r.ID, Title: d.house.inbox(r.Inbox).Name, Line: strings.TrimSpace(shownText(r.Snippet)), Time: d.clock().row(r.LastAt)}
		out = append(out, v)
	}
	return out
}

// mostSegments is how many choices stand side by side; of more, only the one that is made is shown.
const mostSegments = 6

// choice lets the reader choose one of a few texts, or of many.
func (d *desk) choice(name string, texts []string, at int, chosen func(i int)) fyne.CanvasObject {
	if len(texts) <= mostSegments {
		return kit.NewSegments(name, texts, at, chosen)
	}
	var field *kit.Choice
	field = kit.NewChoice(name, texts[at], func() {
		kit.NewPicker(kit.PickerConfig{Name: name, Placeholder: name, Empty: word("palette.empty"),
			Items: func(string) []kit.Item {
				items := make([]kit.Item, len(texts))
				for i, text := range texts {
					items[i] = kit.Item{ID: strconv.Itoa(i), Title: text}
				}
				return items
			},
			OnPick: func(it kit.Item) {
				if i, err := strconv.Atoi(it.ID); err == nil {
					field.Set(texts[i])
					chosen(i)
				}
			},
			OnClose: func() { d.u.cfg.Window.Canvas().Focus(field) }}).Open(d.u.cfg.Window.Canvas())
	})
	return field
}
