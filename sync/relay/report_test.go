package relay

import (
	"testing"
	"time"

	"sealdesk/app/inbox"
)

const monday = inbox.Moment(1_795_420_800_000) // 2026-11-23 08:00 UTC

func TestAReportAddsUpStaffedTimeUnderEachKey(t *testing.T) {
	in := inbox.Inbox{ID: "sales", Answer: 30, Hours: inbox.Hours{Week: [7][]inbox.Shift{1: {{From: 9 * 60, To: 17 * 60}}}}}
	people := []inbox.Person{{ID: "a", Team: "north"}, {ID: "b", Team: "south"}}
	said := func(c inbox.ConversationID, side inbox.Side, author inbox.PersonID, kind inbox.MessageKind) inbox.EventBody {
		return inbox.MessageAdded{Message: inbox.Message{Conversation: c, Side: side, Author: author, Kind: kind}}
	}
	facts := []struct {
		after time.Duration
		body  inbox.EventBody
	}{
		{0, inbox.ConversationOpened{Conversation: "1"}},
		{0, said("1", inbox.FromContact, "", inbox.Text)},                                    // an hour before anybody is there
		{80 * time.Minute, said("1", inbox.FromPerson, "", inbox.Text)},                      // the relay's own answer
		{85 * time.Minute, said("1", inbox.FromPerson, "a", inbox.Note)},                     // a note
		{90 * time.Minute, said("1", inbox.FromPerson, "a", inbox.Text)},                     // answered after 30 staffed minutes
		{2 * time.Hour, said("1", inbox.FromPerson, "a", inbox.Text)},                        // nothing more to answer
		{3 * time.Hour, inbox.StateChanged{Conversation: "1", State: inbox.Closed, By: "a"}}, // two staffed hours
		{3 * time.Hour, inbox.Rated{Conversation: "1", Score: 4, For: "a"}},
		{3 * time.Hour, said("2", inbox.FromContact, "", inbox.Text)},
		{4 * time.Hour, said("2", inbox.FromPerson, "b", inbox.Text)}, // late
	}
	for by, want := range map[inbox.Breakdown]map[string][2]int{ // key: answers, closed
		inbox.ByDay: {"2026-11-23": {2, 1}}, inbox.ByInbox: {"sales": {2, 1}},
		inbox.ByTeam: {"north": {1, 1}, "south": {1, 0}}, inbox.ByHour: {"09": {1, 0}, "11": {0, 1}, "12": {1, 0}},
	} {
		sum := newTally(by, people)
		threads := map[inbox.ConversationID]*thread{"1": {}, "2": {}}
		for _, f := range facts {
			sum.fold(in, threads[f.body.Of()], inbox.Event{At: monday.Add(f.after), Body: f.body})
		}
		for key, w := range want {
			l := sum.lines[key]
			if l == nil {
				t.Fatalf("by %d: no line %s", by, key)
			}
			if got := l.close(key); got.Answered != w[0] || got.Closed != w[1] {
				t.Errorf("by %d, %s: %+v", by, key, got)
			}
		}
		all := sum.report().All
		if all.Conversations != 2 || all.New != 1 || all.In != 2 || all.Out != 3 || all.AnswerMedian != 30*60 || all.AnswerNinety != 60*60 || all.Late != 1 ||
			all.CloseMedian != 2*60*60 || all.Ratings != [5]int{3: 1} {
			t.Errorf("by %d: %+v", by, all)
		}
	}
}

func TestAReportHidesWhatIsToldOfFew(t *testing.T) {
	sum := newTally(inbox.ByPerson, []inbox.Person{{ID: "a"}, {ID: "b"}})
	for i := range 6 {
		id := inbox.ConversationID(rune('0' + i))
		sum.fold(inbox.Inbox{}, &thread{}, inbox.Event{At: monday, Body: inbox.MessageAdded{Message: inbox.Message{Conversation: id, Side: inbox.FromPerson, Author: "a"}}})
	}
	sum.fold(inbox.Inbox{}, &thread{}, inbox.Event{At: monday, Body: inbox.MessageAdded{Message: inbox.Message{Conversation: "x", Side: inbox.FromPerson, Author: "b"}}})
	r := sum.report()
	if len(r.Lines) != 1 || r.Hidden != 1 || r.Floor != reportFloor || r.Lines[0].Conversations != 6 || r.All.Out != 7 {
		t.Errorf("%+v", r)
	}
	if k := r.Lines[0].Key; k == "a" || k == "b" {
		t.Errorf("a person is told as %s", k)
	}
}

func TestQuantilesAreValuesThatOccurred(t *testing.T) {
	for _, c := range []struct{ values, want []int }{
		{nil, []int{0, 0}}, {[]int{7}, []int{7, 7}}, {[]int{4, 1, 3, 2}, []int{2, 4}}, {[]int{10, 9, 8, 7, 6, 5, 4, 3, 2, 1}, []int{5, 9}},
	} {
		if a, b := quantile(c.values, 50), quantile(c.values, 90); a != c.want[0] || b != c.want[1] {
			t.Errorf("%v: %d and %d", c.values, a, b)
		}
	}
}
