package relay

import (
	"fmt"
	"maps"
	"slices"
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
		var d digest
		for _, f := range facts {
			d.add(inbox.Event{At: monday.Add(f.after), Body: f.body})
		}
		sum.count(in, &d, monday, monday.Add(24*time.Hour), nil)
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

// add gives a digest a fact, as if it had been read.
func (d *digest) add(e inbox.Event) {
	if f, ok := d.factOf(e); ok {
		d.facts = append(d.facts, f)
	}
}

// worked is the digest of people who wrote in so many conversations each, none of them another's.
func worked(each map[inbox.PersonID]int) (d *digest, tags map[inbox.ConversationID][]inbox.TagID) {
	d, tags = &digest{}, map[inbox.ConversationID][]inbox.TagID{}
	for _, who := range slices.Sorted(maps.Keys(each)) {
		for i := range each[who] {
			id := inbox.ConversationID(fmt.Sprint(who, i))
			d.add(inbox.Event{At: monday, Body: inbox.MessageAdded{Message: inbox.Message{Conversation: id, Side: inbox.FromPerson, Author: who}}})
			tags[id] = []inbox.TagID{"all", "of " + inbox.TagID(who)}
		}
	}
	return d, tags
}

func TestAReportHidesWhatIsToldOfFew(t *testing.T) {
	people := func(teams ...inbox.TeamID) (all []inbox.Person) {
		for i, team := range teams {
			all = append(all, inbox.Person{ID: inbox.PersonID(rune('a' + i)), Team: team})
		}
		return all
	}
	six := map[inbox.PersonID]int{"a": 6, "b": 6, "c": 6, "d": 6, "e": 6, "f": 6}
	for name, c := range map[string]struct {
		by     inbox.Breakdown
		people []inbox.Person
		each   map[inbox.PersonID]int
		told   []string
		hidden int
	}{
		"few conversations of a person":       {inbox.ByPerson, people("", ""), map[inbox.PersonID]int{"a": 6, "b": 1}, []string{"?"}, 1},
		"a person who is alone":               {inbox.ByPerson, people(""), map[inbox.PersonID]int{"a": 60}, nil, 1},
		"a team of one":                       {inbox.ByTeam, people("n"), map[inbox.PersonID]int{"a": 60}, nil, 1},
		"a team of four":                      {inbox.ByTeam, people("n", "n", "n", "n"), six, nil, 2},
		"a large team":                        {inbox.ByTeam, people("n", "n", "n", "n", "n", "n"), six, []string{"n"}, 0},
		"a large team of which one worked":    {inbox.ByTeam, people("n", "n", "n", "n", "n", "n"), map[inbox.PersonID]int{"a": 60}, nil, 1},
		"one that the others would tell of":   {inbox.ByTeam, people("n", "n", "n", "n", "n", "s"), six, nil, 2},
		"two that the others tell nothing of": {inbox.ByTeam, people("n", "n", "n", "n", "n", "s", "s", "w", "w", "w"), map[inbox.PersonID]int{"a": 6, "b": 6, "c": 6, "d": 6, "e": 6, "f": 6, "g": 6, "h": 6, "i": 6, "j": 6}, []string{"n"}, 2},
		"tags that one person works on":       {inbox.ByTag, people("", ""), map[inbox.PersonID]int{"a": 60, "b": 60}, []string{"all"}, 2},
		"tags of few conversations":           {inbox.ByTag, people("", ""), map[inbox.PersonID]int{"a": 2, "b": 2}, nil, 3},
		"a day":                               {inbox.ByDay, people(""), map[inbox.PersonID]int{"a": 1}, []string{"2026-11-23"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			sum := newTally(c.by, c.people)
			d, tags := worked(c.each)
			sum.count(inbox.Inbox{}, d, monday, monday+1, tags)
			r := sum.report()
			var told []string
			for _, l := range r.Lines {
				if c.by == inbox.ByPerson {
					if len(l.Key) != 2 {
						t.Errorf("a person is told as %s", l.Key)
					}
					l.Key = "?"
				}
				told = append(told, l.Key)
			}
			all := 0
			for _, n := range c.each {
				all += n
			}
			if !slices.Equal(told, c.told) || r.Hidden != c.hidden || r.All.Out != all {
				t.Errorf("told of %v, %d hidden, %d messages of all", told, r.Hidden, r.All.Out)
			}
		})
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
