package relay

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/wire"
)

// presence is who is there, and in which conversation. It lives in memory: a relay that starts anew is told again.
type presence struct {
	mu   sync.Mutex
	at   map[inbox.DeviceID]attending
	poke chan struct{}
}

type attending struct {
	wire.Attend
	seen time.Time
}

func newPresence() *presence {
	return &presence{at: map[inbox.DeviceID]attending{}, poke: make(chan struct{}, 1)}
}

// attend notes where a device's person is.
func (p *presence) attend(id inbox.DeviceID, a wire.Attend, now time.Time) {
	p.mu.Lock()
	before := p.at[id].Attend
	p.at[id] = attending{a, now}
	p.mu.Unlock()
	if before != a {
		p.changed()
	}
}

// gone forgets where a device's person was.
func (p *presence) gone(id inbox.DeviceID) {
	p.mu.Lock()
	delete(p.at, id)
	p.mu.Unlock()
	p.changed()
}

// changed has the news told soon.
func (p *presence) changed() {
	select {
	case p.poke <- struct{}{}:
	default:
	}
}

// tellPresence tells every device who is there, when that has changed and no more often than the wire says, until ctx ends.
func (r *Relay) tellPresence(ctx context.Context) error {
	stale := time.NewTicker(wire.PresentFor / 3) // who fell silent
	defer stale.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.presence.poke:
		case <-stale.C:
		}
		r.tellWho(ctx)
		gap := time.NewTimer(wire.PresenceGap)
		select {
		case <-ctx.Done():
		case <-gap.C:
		}
		gap.Stop()
	}
}

// someone is a connected device's person and where he is.
type someone struct {
	x  *session
	at wire.Attend
}

// tellWho gives each device the presence of those it shares an inbox with, if it is not what it was told last.
func (r *Relay) tellWho(ctx context.Context) {
	there := r.sessions.letInNow()
	now := r.now()
	r.presence.mu.Lock()
	list := make([]someone, 0, len(there))
	for _, x := range there {
		s := someone{x: x}
		if a, ok := r.presence.at[x.device.ID]; ok && now.Sub(a.seen) < wire.PresentFor {
			s.at = a.Attend
		}
		list = append(list, s)
	}
	r.presence.mu.Unlock()
	where := map[inbox.ConversationID]inbox.InboxID{}
	for _, s := range list {
		if id := s.at.Conversation; id != "" && where[id] == "" {
			if in, err := r.placeOf(ctx, id); err == nil {
				where[id] = in
			}
		}
	}
	for _, to := range list {
		frame := wire.Encode(wire.Presence{Presence: presenceFor(to.x.person, list, where)})
		if bytes.Equal(frame, to.x.toldPresence) {
			continue
		}
		select {
		case to.x.outcomes <- frame:
			to.x.toldPresence = frame
		default: // busy: next time
			r.presence.changed()
		}
	}
}

// presenceFor is what one person may know: who else works where he does, and which of the conversations he may see they have
// open.
func presenceFor(p inbox.Person, list []someone, where map[inbox.ConversationID]inbox.InboxID) inbox.Presence {
	var out inbox.Presence
	for _, s := range list {
		q := s.x.person
		if !slices.ContainsFunc(q.Inboxes, p.WorksIn) || slices.Contains(out.Online, q.ID) && q.ID == p.ID {
			continue
		}
		if !slices.Contains(out.Online, q.ID) {
			out.Online = append(out.Online, q.ID)
		}
		if in := where[s.at.Conversation]; in != "" && q.ID != p.ID && inbox.Can(p, inbox.ActRead, inbox.Subject{Inbox: in}) == nil {
			out.Here = append(out.Here, inbox.Here{Person: q.ID, Conversation: s.at.Conversation, Writing: s.at.Writing})
		}
	}
	slices.Sort(out.Online)
	slices.SortFunc(out.Here, func(a, b inbox.Here) int {
		return strings.Compare(string(a.Conversation)+"/"+string(a.Person), string(b.Conversation)+"/"+string(b.Person))
	})
	return out
}

// online returns the people who work in an inbox, are there, and are not away, in order of their ids.
func (r *Relay) online(ctx context.Context, in inbox.InboxID) ([]inbox.Person, error) {
	seen := map[inbox.PersonID]bool{}
	var out []inbox.Person
	for _, x := range r.sessions.letInNow() {
		if seen[x.person.ID] {
			continue
		}
		seen[x.person.ID] = true
		p, err := r.people.Person(ctx, x.person.ID) // the connection knows the person as he came
		if err != nil {
			return nil, err
		}
		if p.WorksIn(in) && !p.Away && p.Left == 0 {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b inbox.Person) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return out, nil
}
