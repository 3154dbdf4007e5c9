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
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
)

const (
	maxReportDays = 92
	// reportFloor is how few conversations say too much about single people.
	reportFloor = 5
)

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
	t := newTally(q.By, people)
	for _, in := range list {
		told, err := r.inboxNow(ctx, in)
		if err != nil {
			return inbox.Report{}, err
		}
		first, end := dayIn(q.From, told.Hours), dayIn(q.To, told.Hours).AddDate(0, 0, 1)
		err = r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) error {
			return t.read(ctx, tx, told, inbox.At(first), inbox.At(end))
		})
		if err != nil {
			return inbox.Report{}, err
		}
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
	answers []int // seconds
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

func newTallyLine() *tallyLine { return &tallyLine{seen: map[inbox.ConversationID]bool{}} }

// thread is what a tally remembers of a conversation while it reads a log.
type thread struct {
	waiting inbox.Moment    // since when the customer waits for a first answer
	began   inbox.Moment    // when he wrote first since the conversation was last closed
	before  [2]inbox.Moment // both, before his last message
	who     inbox.PersonID
	tags    []inbox.TagID
}

// reportChunk is how many facts of a log are in memory at once.
const reportChunk = 4096

// read adds the facts of one log from a moment on to another, the other not included. Who waited when the stretch begins is not
// known and not counted.
func (t *tally) read(ctx context.Context, tx ledger.Tx, in inbox.Inbox, from, to inbox.Moment) error {
	first, err := firstSince(tx, from)
	if err != nil {
		return err
	}
	threads := map[inbox.ConversationID]*thread{}
	for ctx.Err() == nil {
		facts, err := factsFrom(tx, first, reportChunk)
		if err != nil || len(facts) == 0 {
			return err
		}
		first += uint64(len(facts))
		for _, e := range facts {
			if e.At < from || e.At >= to || e.Body.Of() == "" {
				continue
			}
			id := e.Body.Of()
			th := threads[id]
			if th == nil {
				th = &thread{}
				threads[id] = th
				if t.by == inbox.ByTag { // as they are now: what was tagged later belongs to the tag too
					c, _, err := eventlog.Conversation(tx, id)
					if err != nil {
						return err
					}
					th.tags = c.Tags
				}
			}
			t.fold(in, th, e)
		}
		if facts[len(facts)-1].At >= to {
			return nil
		}
	}
	return ctx.Err()
}

// firstSince returns the place of a log's first fact since a moment. Places are without gaps, and time goes with them.
func firstSince(tx ledger.Tx, at inbox.Moment) (uint64, error) {
	var head uint64
	for e, err := range eventlog.Backwards(tx) {
		if err != nil {
			return 0, err
		}
		head = e.Seq
		break
	}
	low, high := uint64(1), head+1
	for low < high {
		middle := low + (high-low)/2
		facts, err := factsFrom(tx, middle, 1)
		if err != nil {
			return 0, err
		}
		if len(facts) == 1 && facts[0].At >= at {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low, nil
}

// factsFrom returns at most so many facts from a place on, the oldest first.
func factsFrom(tx ledger.Tx, first, most uint64) ([]inbox.Event, error) {
	var facts []inbox.Event
	for e, err := range eventlog.BackwardsFrom(tx, first+most-1) {
		if err != nil {
			return nil, err
		}
		if e.Seq < first {
			break
		}
		facts = append(facts, e)
	}
	slices.Reverse(facts)
	return facts, nil
}

// fold adds one fact.
func (t *tally) fold(in inbox.Inbox, th *thread, e inbox.Event) {
	add := func(who inbox.PersonID, f func(*tallyLine)) {
		for _, key := range t.keys(in, th, who, e.At) {
			l := t.lines[key]
			if l == nil {
				l = newTallyLine()
				t.lines[key] = l
			}
			l.seen[e.Body.Of()] = true
			f(l)
		}
		t.all.seen[e.Body.Of()] = true
		f(t.all)
	}
	switch b := e.Body.(type) {
	case inbox.ConversationOpened:
		add(th.who, func(l *tallyLine) { l.line.New++ })
	case inbox.Assigned:
		th.who = b.To
	case inbox.MessageAdded:
		m := b.Message
		switch {
		case m.Side == inbox.FromContact && m.Kind != inbox.System:
			th.before = [2]inbox.Moment{th.waiting, th.began}
			if th.waiting == 0 {
				th.waiting = e.At
			}
			if th.began == 0 {
				th.began = e.At
			}
			add(th.who, func(l *tallyLine) { l.line.In++ })
		case m.Side == inbox.FromPerson && m.Kind != inbox.Note && (m.Author != "" || m.Outside):
			waited, late := 0, false
			if th.waiting != 0 {
				waited = in.Hours.Staffed(th.waiting, e.At)
				late = in.Answer > 0 && waited > in.Answer*60
			}
			first := th.waiting != 0
			th.waiting = 0
			add(m.Author, func(l *tallyLine) {
				l.line.Out++
				if first {
					l.answers = append(l.answers, waited)
				}
				if late {
					l.line.Late++
				}
			})
		}
	case inbox.StateChanged:
		if b.State != inbox.Closed {
			return
		}
		took, began := 0, th.began != 0
		if began {
			took = in.Hours.Staffed(th.began, e.At)
		}
		th.waiting, th.began = 0, 0
		if b.By == "" { // the relay by itself: that is nobody's work
			return
		}
		add(b.By, func(l *tallyLine) {
			l.line.Closed++
			if began {
				l.closes = append(l.closes, took)
			}
		})
	case inbox.Rated:
		th.waiting, th.began = th.before[0], th.before[1] // his message was that, and no question
		if b.Score >= 1 && b.Score <= 5 {
			add(b.For, func(l *tallyLine) { l.line.Ratings[b.Score-1]++ })
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
	if t.by == inbox.ByPerson || t.by == inbox.ByTeam || t.by == inbox.ByTag {
		out.Floor = reportFloor
	}
	for _, key := range slices.Sorted(maps.Keys(t.lines)) {
		l := t.lines[key].close(key)
		if l.Conversations < out.Floor {
			out.Hidden++
			continue
		}
		out.Lines = append(out.Lines, l)
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
