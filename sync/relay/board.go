package relay

import (
	"context"
	"slices"
	"sync"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
)

// boardLife is how long a count of an inbox's conversations is good enough; one that was much work for longer, so that counting
// never takes more than a twentieth of a processor.
const (
	boardLife  = 10 * time.Second
	boardShare = 20
)

// boards keeps how inboxes stand, for as long as that is good enough.
type boards struct {
	mu sync.Mutex
	at map[inbox.InboxID]*standing
}

// standing is how an inbox stands.
type standing struct {
	mu       sync.Mutex
	counted  time.Time
	took     time.Duration
	line     inbox.BoardLine
	assigned map[inbox.PersonID]int // open conversations
}

// standing counts the conversations of an inbox, or returns what was counted a moment ago. What it returns must not be changed.
// It must not be called inside a transaction.
func (r *Relay) standing(ctx context.Context, in inbox.InboxID) (*standing, error) {
	r.boards.mu.Lock()
	s := r.boards.at[in]
	if s == nil {
		s = &standing{}
		r.boards.at[in] = s
	}
	r.boards.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	now := r.now()
	if age := now.Sub(s.counted); !s.counted.IsZero() && age >= 0 && age < max(boardLife, boardShare*s.took) {
		return &standing{line: s.line, assigned: s.assigned}, nil
	}
	told, err := r.inboxNow(ctx, in)
	if err != nil {
		return nil, err
	}
	line, assigned := inbox.BoardLine{Inbox: in}, map[inbox.PersonID]int{}
	at, began := inbox.At(now), time.Now()
	err = r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) error {
		line, assigned = inbox.BoardLine{Inbox: in}, map[inbox.PersonID]int{}
		for c, err := range eventlog.Conversations(tx) {
			if err != nil {
				return err
			}
			countIn(&line, c, told, at)
			if c.State == inbox.Open && c.Assignee != "" {
				assigned[c.Assignee]++
			}
		}
		return countDay(tx, &line, told.Hours, at)
	})
	if err != nil {
		return nil, err
	}
	s.counted, s.took, s.line, s.assigned = now, time.Since(began), line, assigned
	return &standing{line: line, assigned: assigned}, nil
}

func countIn(line *inbox.BoardLine, c inbox.Conversation, in inbox.Inbox, at inbox.Moment) {
	switch {
	case c.Into != "" || c.Erased != 0:
		return
	case c.State == inbox.Snoozed:
		line.Snoozed++
		return
	case c.State != inbox.Open:
		return
	}
	line.Open++
	if c.Assignee == "" {
		line.Unassigned++
	}
	if c.Waiting == 0 {
		return
	}
	line.Waiting++
	if line.Longest == 0 || c.Waiting < line.Longest {
		line.Longest = c.Waiting
	}
	if due := c.Due(in); due != 0 && due < at {
		line.Overdue++
	}
}

// countDay counts what happened since midnight in the inbox's zone, and in the last 24 hours by the hour. What the relay says and
// closes by itself is nobody's work.
func countDay(tx ledger.Tx, line *inbox.BoardLine, h inbox.Hours, at inbox.Moment) error {
	now := at.Time().In(h.Location())
	midnight := inbox.At(time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location()))
	first := inbox.At(now.Truncate(time.Hour).Add(-23 * time.Hour))
	line.Hours = make([]inbox.HourBin, 24)
	for i := range line.Hours {
		line.Hours[i].From = first.Add(time.Duration(i) * time.Hour)
	}
	for e, err := range eventlog.Backwards(tx) {
		if err != nil {
			return err
		}
		if e.At < min(first, midnight) {
			break
		}
		switch b := e.Body.(type) {
		case inbox.MessageAdded:
			mine := b.Message.Side == inbox.FromPerson && b.Message.Kind != inbox.Note && (b.Message.Author != "" || b.Message.Outside)
			theirs := b.Message.Side == inbox.FromContact && b.Message.Kind != inbox.System
			i := int(e.At.Sub(first) / time.Hour)
			switch {
			case mine && e.At >= midnight:
				line.Out++
			case theirs && e.At >= midnight:
				line.In++
			}
			if i >= 0 && i < len(line.Hours) && mine {
				line.Hours[i].Out++
			} else if i >= 0 && i < len(line.Hours) && theirs {
				line.Hours[i].In++
			}
		case inbox.StateChanged:
			if b.State == inbox.Closed && b.By != "" && e.At >= midnight {
				line.Closed++
			}
		}
	}
	return nil
}

// askBoard tells how the inboxes stand in which the person may see reports.
func (r *Relay) askBoard(ctx context.Context, a asker, _ inbox.AskBoard) (inbox.Board, error) {
	out := inbox.Board{Now: inbox.At(r.now())}
	for _, in := range r.reportsOf(a.person, "") {
		s, err := r.standing(ctx, in)
		if err != nil {
			return out, err
		}
		line := s.line
		people, err := r.online(ctx, in)
		if err != nil {
			return out, err
		}
		line.Online = len(people)
		out.Lines = append(out.Lines, line)
	}
	if len(out.Lines) == 0 {
		return out, inbox.RefusedRight
	}
	return out, nil
}

// reportsOf returns the inboxes of which the person may see reports, or the one of them that is named, in the order of the
// configuration.
func (r *Relay) reportsOf(p inbox.Person, only inbox.InboxID) []inbox.InboxID {
	var out []inbox.InboxID
	for _, in := range r.cfg.Inboxes {
		id := inbox.InboxID(in.ID)
		if (only == "" || only == id) && inbox.Can(p, inbox.ActReport, inbox.Subject{Inbox: id}) == nil && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}
