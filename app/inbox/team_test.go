package inbox

import (
	"slices"
	"testing"
	"time"
)

func moment(t *testing.T, zone, clock string) Moment {
	t.Helper()
	loc, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", clock, loc)
	if err != nil {
		t.Fatal(err)
	}
	return At(at)
}

func TestHoursCountStaffedMinutesOnly(t *testing.T) {
	const zone = "Europe/Berlin"
	day := []Shift{{From: 9 * 60, To: 12 * 60}, {From: 13 * 60, To: 18 * 60}}
	h := Hours{Zone: zone, Week: [7][]Shift{1: day, 2: day, 3: day, 4: day, 5: day}, Off: []string{"2026-11-25"}}
	for _, c := range []struct {
		rule    string
		from    string
		minutes int
		want    string
	}{
		{"within a shift", "2026-11-23 09:10", 30, "2026-11-23 09:40"},
		{"over the break", "2026-11-23 11:50", 30, "2026-11-23 13:20"},
		{"written in the break", "2026-11-23 12:30", 30, "2026-11-23 13:30"},
		{"over the night", "2026-11-23 17:45", 30, "2026-11-24 09:15"},
		{"over the weekend", "2026-11-27 17:45", 30, "2026-11-30 09:15"},
		{"over a day off", "2026-11-24 17:45", 30, "2026-11-26 09:15"},
		{"to the last minute", "2026-11-23 17:30", 30, "2026-11-23 18:00"},
		{"more than a day", "2026-11-23 09:00", 9 * 60, "2026-11-24 10:00"},
		{"the clock goes back at night", "2026-10-23 17:59", 2, "2026-10-26 09:01"},
	} {
		if got, want := h.After(moment(t, zone, c.from), c.minutes), moment(t, zone, c.want); got != want {
			t.Errorf("%s: %s, want %s", c.rule, got.Time(), want.Time())
		}
	}
	sunday := moment(t, zone, "2026-11-22 10:00")
	if h.Open(sunday) || !h.Open(moment(t, zone, "2026-11-23 09:00")) || h.Open(moment(t, zone, "2026-11-23 18:00")) {
		t.Error("open when nobody is there, or closed when somebody is")
	}
	if got := h.Next(sunday); got != moment(t, zone, "2026-11-23 09:00") {
		t.Errorf("next on %s", got.Time())
	}
	never := Hours{Week: [7][]Shift{1: {{From: 60, To: 60}}}}
	if never.Next(sunday) != 0 || never.After(sunday, 5) != sunday.Add(5*time.Minute) {
		t.Error("hours that never come hold somebody up for ever")
	}
	if always := (Hours{}); !always.Open(sunday) || always.Next(sunday) != sunday || always.After(sunday, 5) != sunday.Add(5*time.Minute) {
		t.Error("no hours are not always")
	}
}

func TestACustomerWaitsUntilSomebodyAnswers(t *testing.T) {
	in := Inbox{Answer: 30}
	var c Conversation
	step := func(seq uint64, at Moment, side Side, kind MessageKind, author PersonID) {
		c.Apply(Event{Seq: seq, At: at, Body: MessageAdded{Message{ID: "m", At: at, Side: side, Kind: kind, Author: author}}}, "")
	}
	step(1, 1000, FromContact, Text, "")
	step(2, 2000, FromContact, Text, "")
	if c.Waiting != 1000 || c.Due(in) != Moment(1000).Add(30*time.Minute) || c.Due(Inbox{}) != 0 {
		t.Errorf("waits since %d, due %d", c.Waiting, c.Due(in))
	}
	step(3, 3000, FromPerson, Note, "p")
	step(4, 3000, FromPerson, Text, "")
	if c.Waiting != 1000 {
		t.Error("a note, or what the relay says by itself, is taken for an answer")
	}
	answer := func(seq uint64, id MessageID) {
		c.Apply(Event{Seq: seq, At: 4000, Body: MessageAdded{Message{ID: id, At: 4000, Side: FromPerson, Kind: Text, Author: "p"}}}, "")
	}
	answer(5, "taken back")
	answer(6, "failed")
	c.Apply(Event{Seq: 7, Body: MessageWithdrawn{Message: "taken back"}}, "")
	c.Apply(Event{Seq: 8, Body: ReceiptChanged{Message: "failed", Receipt: Failed}}, "")
	if c.Waiting != 1000 {
		t.Error("what never left is taken for an answer")
	}
	answer(9, "sent")
	step(10, 4500, FromContact, Text, "")
	c.Apply(Event{Seq: 11, Body: ReceiptChanged{Message: "sent", Receipt: Sent}}, "")
	if c.Waiting != 4500 {
		t.Errorf("who wrote while the answer was on its way waits since %d", c.Waiting)
	}
	answer(12, "again")
	c.Apply(Event{Seq: 13, Body: ReceiptChanged{Message: "again", Receipt: Delivered}}, "")
	if c.Waiting != 0 || c.Due(in) != 0 || c.Replies != nil {
		t.Errorf("answered, and still waiting: %+v", c.Replies)
	}
	step(14, 5000, FromContact, Text, "")
	c.Apply(Event{Seq: 15, Body: StateChanged{State: Closed}}, "")
	if c.Waiting != 0 {
		t.Error("who was let go still waits")
	}
}

func TestASnoozedConversationWakes(t *testing.T) {
	var c Conversation
	c.Apply(Event{Seq: 1, Body: StateChanged{State: Snoozed, Until: 500}}, "")
	if c.State != Snoozed || c.Until != 500 {
		t.Fatalf("%d until %d", c.State, c.Until)
	}
	c.Apply(Event{Seq: 2, At: 100, Body: MessageAdded{Message{ID: "m", At: 100, Side: FromContact, Kind: Text}}}, "")
	if c.State != Open || c.Until != 0 {
		t.Error("the customer wrote, and it sleeps on")
	}
}

func TestTagsTasksAndMentions(t *testing.T) {
	c := Conversation{Tags: []TagID{"a", "b"}}
	if got := c.Tagged(SetTags{Add: []TagID{"c", "a"}, Remove: []TagID{"b", "x"}}); !slices.Equal(got, []TagID{"a", "c"}) {
		t.Errorf("tagged %v", got)
	}
	before := c.Tasks
	c.Apply(Event{Body: TaskChanged{Task: Task{ID: "1", Person: "p"}}}, "")
	c.Apply(Event{Body: TaskChanged{Task: Task{ID: "2"}}}, "")
	kept := c
	c.Apply(Event{Body: TaskChanged{Task: Task{ID: "1", Done: 9}}}, "")
	if len(before) != 0 || len(c.Tasks) != 2 || c.Tasks[1].Done != 9 || kept.Tasks[0].Done != 0 {
		t.Errorf("tasks %+v, and of an earlier row %+v", c.Tasks, kept.Tasks)
	}
	if c.Apply(Event{Body: TaskChanged{Task: Task{ID: "2"}, Removed: true}}, ""); len(c.Tasks) != 1 {
		t.Errorf("%d tasks", len(c.Tasks))
	}
	if !(Task{}).Mine("p", "p") || (Task{}).Mine("p", "q") || !(Task{Person: "p"}).Mine("p", "q") {
		t.Error("a task is somebody else's")
	}
	note := Event{Seq: 7, Body: MessageAdded{Message{ID: "n", Kind: Note, Side: FromPerson, Author: "q", Mentions: []PersonID{"p"}}}}
	mine, theirs := Conversation{}, Conversation{}
	mine.Apply(note, "p")
	theirs.Apply(note, "r")
	if mine.Mentioned != 7 || theirs.Mentioned != 0 {
		t.Errorf("mentioned %d and %d", mine.Mentioned, theirs.Mentioned)
	}
}

func TestWhatTheCompanyKeepsIsChecked(t *testing.T) {
	for _, c := range []struct {
		reply QuickReply
		ok    bool
	}{
		{QuickReply{Shortcut: "offer-2", Text: "Hello {{contact.name}}"}, true},
		{QuickReply{Shortcut: "", Text: "Hello"}, false},
		{QuickReply{Shortcut: "a b", Text: "Hello"}, false},
		{QuickReply{Shortcut: "offer", Text: " "}, false},
		{QuickReply{Shortcut: "offer", Text: "call +49 151 55501234"}, false},
		{QuickReply{Shortcut: "4915155501234", Text: "Hello"}, false},
		{QuickReply{Shortcut: "offer", Text: "Hello", Language: "pt-BR"}, true},
		{QuickReply{Shortcut: "offer", Text: "Hello", Language: "+49 151 55501234"}, false},
		{QuickReply{Shortcut: "offer", Text: "Hello", Language: "4915155501234"}, false},
		{QuickReply{Shortcut: "offer", Text: "Hello", Inboxes: make([]InboxID, 1000)}, false},
	} {
		if err := c.reply.Check(); (err == nil) != c.ok {
			t.Errorf("/%s: %v", c.reply.Shortcut, err)
		}
	}
	for name, ok := range map[string]bool{"Offer": true, "Q3 2026": true, "": false, "+49 151 55501234": false, "0151 555 01234": false, "4915155501234": false, "a name that is much too long for a chip": false} {
		if err := (Tag{Name: name}).Check(); (err == nil) != ok {
			t.Errorf("a tag of %d characters: %v", len(name), err)
		}
	}
}

// TestADayWhoseMidnightIsSkippedHasItsHours takes zones that go over to summer time at midnight: that day has no 0:00.
func TestADayWhoseMidnightIsSkippedHasItsHours(t *testing.T) {
	nine := []Shift{{From: 9 * 60, To: 17 * 60}}
	week := [7][]Shift{nine, nine, nine, nine, nine, nine, nine}
	for zone, days := range map[string][3]string{
		"America/Santiago": {"2026-09-05", "2026-09-06", "2026-09-07"},
		"Africa/Cairo":     {"2026-04-23", "2026-04-24", "2026-04-25"},
		"Atlantic/Azores":  {"2026-03-28", "2026-03-29", "2026-03-30"},
	} {
		h := Hours{Zone: zone, Week: week}
		from, until := moment(t, zone, days[0]+" 16:00"), moment(t, zone, days[2]+" 10:00")
		done := make(chan int, 1)
		go func() { done <- h.Staffed(from, until) }()
		select {
		case got := <-done:
			if got != 10*60*60 {
				t.Errorf("%s: staffed for %d s", zone, got)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: counting does not end", zone)
		}
		if got := h.After(from, 10*60); got != until {
			t.Errorf("%s: ten staffed hours later is %s", zone, got.Time())
		}
		if got := h.Next(moment(t, zone, days[0]+" 18:00")); got != moment(t, zone, days[1]+" 09:00") {
			t.Errorf("%s: next on %s", zone, got.Time())
		}
		night := []Shift{{To: 60}, {From: 60, To: 120}}
		early := Hours{Zone: zone, Week: [7][]Shift{night, night, night, night, night, night, night}}
		early.Week[moment(t, zone, days[0]+" 12:00").Time().Weekday()] = nil
		if at := early.Next(moment(t, zone, days[0]+" 12:00")); !early.Open(at) {
			t.Errorf("%s: next on %s, and not open then", zone, at.Time())
		}
	}
}
