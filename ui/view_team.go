package ui

import (
	"slices"
	"strconv"
	"time"

	"sealdesk/app/inbox"
)

// filterAdvice says what a filter would show, when it shows nothing.
var filterAdvice = map[Filter]string{
	FilterAll: "empty.scope.advice", FilterDue: "empty.due.advice", FilterMentioned: "empty.mentioned.advice", FilterTasks: "empty.tasks.advice",
	FilterSnoozed: "empty.snoozed.advice", FilterClosed: "empty.closed.advice",
}

// mentioned reports whether a colleague asks the reader to look, and he has not.
func mentioned(c inbox.Conversation) bool { return c.Mentioned > c.ReadSeq }

// openTask returns the reader's first task in a conversation: the one due first, those without a day last; nil for none.
func openTask(c inbox.Conversation, me inbox.PersonID) *inbox.Task {
	var first *inbox.Task
	for i := range c.Tasks {
		k := &c.Tasks[i]
		if k.Done != 0 || !k.Mine(me, c.Assignee) {
			continue
		}
		if first == nil || k.Due != 0 && (first.Due == 0 || k.Due < first.Due) {
			first = k
		}
	}
	return first
}

// dueChip says by when the customer should have an answer.
func dueChip(due inbox.Moment, t clock) ChipView {
	left := due.Sub(t.now)
	switch {
	case left < 0:
		return ChipView{Text: word("chip.late", "Span", span(-left)), Short: "−" + span(-left), Icon: "clock", Tone: ToneDanger}
	case left < 15*time.Minute:
		return ChipView{Text: word("chip.due", "Span", span(left)), Short: span(left), Icon: "clock", Tone: ToneWarn}
	}
	return ChipView{Text: word("chip.due", "Span", span(left)), Short: span(left), Icon: "clock"}
}

// wakeText says when a snoozed conversation wakes.
func wakeText(until inbox.Moment, t clock) string {
	if until == 0 {
		return word("chip.snoozed.reply")
	}
	return word("chip.snoozed", "When", t.soon(until))
}

// soon is a moment of the next days, as short as it can be said: "14:30", "Mon 09:00", "3 Dec, 09:00".
func (c clock) soon(m inbox.Moment) string {
	switch d := -c.days(m); {
	case d == 0:
		return c.hour(m)
	case d > 0 && d < 7:
		return word("weekday."+strconv.Itoa(int(c.in(m).Weekday()))+".short") + " " + c.hour(m)
	}
	return c.when(m)
}

// workChips are what colleagues put on a conversation that the reader must know: a mention of him, his next task.
func workChips(c inbox.Conversation, s staff, t clock) []ChipView {
	var out []ChipView
	if mentioned(c) {
		out = append(out, ChipView{Text: word("chip.mentioned"), Icon: "at", Tone: ToneAccent})
	}
	if k := openTask(c, s.me.ID); k != nil {
		v := ChipView{Text: word("chip.task"), Icon: "task"}
		if k.Due != 0 {
			v.Text = t.soon(k.Due)
			if k.Due < t.now {
				v.Tone = ToneDanger
			} else if k.Due.Sub(t.now) < time.Hour {
				v.Tone = ToneWarn
			}
		}
		out = append(out, v)
	}
	return out
}

// tagTones are the colours of tags. Colour never stands alone: the name does.
var tagTones = []Tone{ToneQuiet, ToneInfo, ToneOK, ToneWarn, ToneDanger, ToneAccent}

func tagChip(t inbox.Tag) ChipView {
	return ChipView{Text: t.Name, Icon: "tag", Plain: true, Tone: tagTones[int(t.Colour)%len(tagTones)]}
}

// tagged returns the tags of a conversation that there still are, by name.
func (h house) tagged(c inbox.Conversation) []inbox.Tag {
	var out []inbox.Tag
	for _, t := range h.tags {
		if slices.Contains(c.Tags, t.ID) {
			out = append(out, t)
		}
	}
	return out
}

// tag returns a tag; false when there is none.
func (h house) tag(id inbox.TagID) (inbox.Tag, bool) {
	i := slices.IndexFunc(h.tags, func(t inbox.Tag) bool { return t.ID == id })
	if i < 0 {
		return inbox.Tag{}, false
	}
	return h.tags[i], true
}

// scopeText names what a list is narrowed to; "" when it is not.
func (h house) scopeText(s scope) string {
	if t, ok := h.tag(s.tag); ok {
		return t.Name
	}
	if s.inbox != "" {
		return h.inbox(s.inbox).Name
	}
	return ""
}

// A Snooze is a way to put a conversation off. Until is 0 for: until the customer writes.
type Snooze struct {
	Text  string
	Hint  string
	Until inbox.Moment
}

const (
	morning = 9 // o'clock
	laterBy = 3 // hours
)

// snoozes are the ways to put a conversation off: what is over, or the same as the one before, is left out.
func snoozes(t clock) []Snooze {
	now := t.now.Time().In(t.loc)
	at := func(days int) time.Time {
		return time.Date(now.Year(), now.Month(), now.Day()+days, morning, 0, 0, 0, t.loc)
	}
	monday := (int(time.Monday) - int(now.Weekday()) + 7) % 7
	if monday == 0 {
		monday = 7
	}
	list := []struct {
		key string
		at  time.Time
	}{
		{"snooze.hour", now.Add(time.Hour)},
		{"snooze.later", now.Add(laterBy * time.Hour)},
		{"snooze.tomorrow", at(1)},
		{"snooze.monday", at(monday)},
		{"snooze.month", at(30)},
	}
	var out []Snooze
	for _, x := range list {
		m := inbox.At(x.at)
		if len(out) > 0 && m <= out[len(out)-1].Until {
			continue
		}
		out = append(out, Snooze{Text: word(x.key), Hint: t.soon(m), Until: m})
	}
	return append(out, Snooze{Text: word("snooze.reply")})
}
