package relay

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
)

const (
	maxReportDays = 92
	// reportFloor is how few conversations say too much about single people.
	reportFloor = 5
	// reportTurn is how long one question works on a report. Who asks again, which every device does by itself, finds what was read
	// and goes on from there; who does not has the relay work no longer.
	reportTurn = 8 * time.Second
)

// reportCrowds are how few people a line may be of, by what the lines are of: the figures of a small team are those of its people, and
// who is alone under a pseudonym or a tag is named by it. An inbox, a day or an hour is nobody's.
var reportCrowds = map[inbox.Breakdown]int{inbox.ByTeam: reportFloor, inbox.ByPerson: 2, inbox.ByTag: 2}

// askReport tells how the work went. A line about people bears no name: colleagues are compared with themselves over time by
// teams, never by a supervisor's list of names.
func (r *Relay) askReport(ctx context.Context, a asker, q inbox.AskReport) (inbox.Report, error) {
	from, err := time.Parse(time.DateOnly, q.From)
	to, err2 := time.Parse(time.DateOnly, q.To)
	if err != nil || err2 != nil || to.Before(from) || to.Sub(from) > maxReportDays*24*time.Hour || q.By < inbox.ByDay || q.By > inbox.ByHour {
		return inbox.Report{}, inbox.RefusedMalformed
	}
	list := r.reportsOf(a.person, q.Inbox)
	if len(list) == 0 {
		return inbox.Report{}, inbox.RefusedRight
	}
	people, err := r.people.People(ctx)
	if err != nil {
		return inbox.Report{}, err
	}
	leave, err := r.looks.report(ctx)
	if err != nil {
		return inbox.Report{}, err
	}
	defer leave()
	t, began := newTally(q.By, people), time.Now()
	for _, in := range list {
		told, err := r.inboxNow(ctx, in)
		if err != nil {
			return inbox.Report{}, err
		}
		from, to := inbox.At(dayIn(q.From, told.Hours)), inbox.At(dayIn(q.To, told.Hours).AddDate(0, 0, 1))
		d, err := r.digestOf(ctx, in, from, to, began.Add(reportTurn))
		if err != nil {
			return inbox.Report{}, err
		}
		var tags map[inbox.ConversationID][]inbox.TagID
		if q.By == inbox.ByTag { // as they are now: what was tagged later belongs to the tag too
			if tags, err = r.tagsNow(ctx, in, d.between(from, to)); err != nil {
				return inbox.Report{}, err
			}
		}
		t.count(told, d, from, to, tags)
	}
	entry := audit.Entry{At: inbox.At(r.now()), Actor: a.person.ID, Device: a.device, Act: audit.ReportSeen, Object: string(q.Inbox)}
	if err := r.db.Update(ctx, identity.Shard, func(tx ledger.Tx) error { return audit.Record(tx, entry) }); err != nil {
		return inbox.Report{}, err
	}
	return t.report(), nil
}

func dayIn(day string, h inbox.Hours) time.Time {
	t, _ := time.ParseInLocation(time.DateOnly, day, h.Location()) // it was parsed before
	return t
}

// A tally is the facts of a stretch of logs, added up under keys.
type tally struct {
	by    inbox.Breakdown
	teams map[inbox.PersonID]inbox.TeamID
	alias map[inbox.PersonID]string
	lines map[string]*tallyLine
	all   *tallyLine
}

// A tallyLine is what happened under one key.
type tallyLine struct {
	line    inbox.ReportLine
	seen    map[inbox.ConversationID]bool
	people  map[inbox.PersonID]bool // whose work it was
	answers []int                   // seconds
	closes  []int
}

func newTally(by inbox.Breakdown, people []inbox.Person) *tally {
	t := &tally{by: by, teams: map[inbox.PersonID]inbox.TeamID{}, alias: map[inbox.PersonID]string{}, lines: map[string]*tallyLine{}, all: newTallyLine()}
	for i, n := range rand.Perm(len(people)) { // another order in each report
		t.teams[people[i].ID] = people[i].Team
		t.alias[people[i].ID] = fmt.Sprintf("%c%d", 'A'+n%26, n/26+1)
	}
	return t
}

func newTallyLine() *tallyLine {
	return &tallyLine{seen: map[inbox.ConversationID]bool{}, people: map[inbox.PersonID]bool{}}
}

// thread is what a tally remembers of a conversation while it counts.
type thread struct {
	waiting inbox.Moment    // since when the customer waits for a first answer
	began   inbox.Moment    // when he wrote first since the conversation was last closed
	before  [2]inbox.Moment // both, before his last message
	who     inbox.PersonID
	tags    []inbox.TagID
}

// count adds the facts of one inbox from a moment on to another, the other not included. Who waited when the stretch begins is not
// known and not counted.
func (t *tally) count(in inbox.Inbox, d *digest, from, to inbox.Moment, tags map[inbox.ConversationID][]inbox.TagID) {
	threads := make([]thread, len(d.threads.all))
	for _, f := range d.facts {
		if f.at < from || f.at >= to {
			continue
		}
		id := d.threads.all[f.thread]
		th := &threads[f.thread]
		th.tags = tags[id]
		t.fold(in, th, id, d.people.all[f.who], f)
	}
}

// fold adds one fact.
func (t *tally) fold(in inbox.Inbox, th *thread, id inbox.ConversationID, person inbox.PersonID, e reportFact) {
	add := func(who inbox.PersonID, f func(*tallyLine)) {
		for _, key := range t.keys(in, th, who, e.at) {
			l := t.lines[key]
			if l == nil {
				l = newTallyLine()
				t.lines[key] = l
			}
			l.seen[id] = true
			if who != "" {
				l.people[who] = true
			}
			f(l)
		}
		t.all.seen[id] = true
		f(t.all)
	}
	switch e.kind {
	case factOpened:
		add(th.who, func(l *tallyLine) { l.line.New++ })
	case factAssigned:
		th.who = person
	case factIn:
		th.before = [2]inbox.Moment{th.waiting, th.began}
		if th.waiting == 0 {
			th.waiting = e.at
		}
		if th.began == 0 {
			th.began = e.at
		}
		add(th.who, func(l *tallyLine) { l.line.In++ })
	case factOut:
		waited, late := 0, false
		if th.waiting != 0 {
			waited = in.Hours.Staffed(th.waiting, e.at)
			late = in.Answer > 0 && waited > in.Answer*60
		}
		first := th.waiting != 0
		th.waiting = 0
		add(person, func(l *tallyLine) {
			l.line.Out++
			if first {
				l.answers = append(l.answers, waited)
			}
			if late {
				l.line.Late++
			}
		})
	case factClosed:
		took, began := 0, th.began != 0
		if began {
			took = in.Hours.Staffed(th.began, e.at)
		}
		th.waiting, th.began = 0, 0
		if person == "" { // the relay by itself: that is nobody's work
			return
		}
		add(person, func(l *tallyLine) {
			l.line.Closed++
			if began {
				l.closes = append(l.closes, took)
			}
		})
	case factRated:
		th.waiting, th.began = th.before[0], th.before[1] // his message was that, and no question
		if e.score >= 1 && e.score <= 5 {
			add(person, func(l *tallyLine) { l.line.Ratings[e.score-1]++ })
		}
	}
}

// keys are the lines a fact belongs to.
func (t *tally) keys(in inbox.Inbox, th *thread, who inbox.PersonID, at inbox.Moment) []string {
	local := at.Time().In(in.Hours.Location())
	switch t.by {
	case inbox.ByDay:
		return []string{local.Format(time.DateOnly)}
	case inbox.ByHour:
		return []string{local.Format("15")}
	case inbox.ByInbox:
		return []string{string(in.ID)}
	case inbox.ByTeam:
		if who == "" {
			return nil
		}
		return []string{string(t.teams[who])}
	case inbox.ByPerson:
		if t.alias[who] == "" {
			return nil
		}
		return []string{t.alias[who]}
	case inbox.ByTag:
		return strs(th.tags)
	}
	return nil
}

// report closes the sums. What a day or an hour says of few conversations says nothing of a person; what a person's, a team's
// or a tag's line says might.
func (t *tally) report() inbox.Report {
	out := inbox.Report{All: t.all.close("")}
	crowd, apart := reportCrowds[t.by]
	if apart {
		out.Floor = reportFloor
	}
	told, hidden := []string{}, map[inbox.PersonID]bool{}
	hide := func(key string) {
		out.Hidden++
		maps.Copy(hidden, t.lines[key].people)
	}
	for _, key := range slices.Sorted(maps.Keys(t.lines)) {
		l := t.lines[key]
		people := len(l.people)
		if t.by == inbox.ByPerson { // each is alone in his line, and stands among the others
			people = len(t.lines)
		}
		if len(l.seen) < out.Floor || people > 0 && people < crowd {
			hide(key)
			continue
		}
		told = append(told, key)
	}
	// What all teams did less what is told of the others is what the hidden ones did: too few must not be hidden alone.
	for t.by == inbox.ByTeam && len(hidden) > 0 && len(hidden) < crowd && len(told) > 0 {
		least := slices.MinFunc(told, func(a, b string) int { return len(t.lines[a].people) - len(t.lines[b].people) })
		hide(least)
		told = slices.DeleteFunc(told, func(key string) bool { return key == least })
	}
	for _, key := range told {
		out.Lines = append(out.Lines, t.lines[key].close(key))
	}
	return out
}

func (l *tallyLine) close(key string) inbox.ReportLine {
	out := l.line
	out.Key, out.Conversations, out.Answered = key, len(l.seen), len(l.answers)
	out.AnswerMedian, out.AnswerNinety = quantile(l.answers, 50), quantile(l.answers, 90)
	out.CloseMedian, out.CloseNinety = quantile(l.closes, 50), quantile(l.closes, 90)
	return out
}

// quantile returns the smallest value that so many of a hundred do not exceed; 0 of none.
func quantile(values []int, percent int) int {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)*percent+99)/100-1]
}
