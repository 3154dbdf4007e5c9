package relay

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

// presenceRate is how many bytes a second presence may cost all devices together: what is said grows with how many there are, and
// so does to how many. Where that is too much, it is said less often.
const presenceRate = 2 << 20

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
		said := r.tellWho(ctx)
		gap := time.NewTimer(max(wire.PresenceGap, time.Duration(said)*time.Second/presenceRate))
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

// tellWho gives each device the presence of those it shares an inbox with, if it is not what it was told last. It returns how many
// bytes that took.
func (r *Relay) tellWho(ctx context.Context) (said int) {
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
	goes := map[inbox.ConversationID]inbox.ConversationID{}
	for i, s := range list {
		id := s.at.Conversation
		if id == "" {
			continue
		}
		if _, known := goes[id]; !known {
			now, in := r.attended(ctx, id)
			goes[id], where[now] = now, in
		}
		list[i].at.Conversation = goes[id]
	}
	for i, seen := range whoSees(list, where) {
		to := list[i].x
		frame := wire.Encode(wire.Presence{Presence: seen})
		if len(frame) > wire.MaxRelayFrame { // no device would read it
			frame = wire.Encode(wire.Presence{Presence: inbox.Presence{Online: seen.Online}})
		}
		if len(frame) > wire.MaxRelayFrame || bytes.Equal(frame, to.toldPresence) {
			continue
		}
		select {
		case to.outcomes <- frame:
			to.toldPresence = frame
			said += len(frame)
		default: // busy: next time
			r.presence.changed()
		}
	}
	return said
}

// attended returns the conversation somebody is in who has another one open, and its inbox: where it goes on, if it was joined into
// one. Both are "" for none.
func (r *Relay) attended(ctx context.Context, id inbox.ConversationID) (goes inbox.ConversationID, in inbox.InboxID) {
	in, err := r.placeOf(ctx, id)
	if err != nil || in == "" {
		return "", ""
	}
	err = r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) (err error) {
		goes, err = goesOn(eventlog.NewWriter(tx), id)
		return err
	})
	if err != nil {
		return "", ""
	}
	return goes, in
}

// whoSees returns what the person of each device may know. Who works in the same inboxes sees the same, but for himself.
func whoSees(list []someone, where map[inbox.ConversationID]inbox.InboxID) []inbox.Presence {
	out := make([]inbox.Presence, len(list))
	alike := map[string]inbox.Presence{}
	for i, s := range list {
		p := s.x.person
		key := fmt.Sprint(p.Role, p.Left != 0, slices.Sorted(slices.Values(p.Inboxes)))
		all, ok := alike[key]
		if !ok {
			all = presenceFor(p, list, where)
			alike[key] = all
		}
		out[i] = inbox.Presence{Online: all.Online, Here: slices.DeleteFunc(slices.Clone(all.Here), func(h inbox.Here) bool { return h.Person == p.ID })}
	}
	return out
}

// presenceFor is what a person like p may know: who works where he does, and which of the conversations he may see they have
// open, as far as they may see them too.
func presenceFor(p inbox.Person, list []someone, where map[inbox.ConversationID]inbox.InboxID) inbox.Presence {
	var out inbox.Presence
	for _, s := range list {
		q := s.x.person
		if !slices.ContainsFunc(q.Inboxes, p.WorksIn) {
			continue
		}
		out.Online = append(out.Online, q.ID)
		in := inbox.Subject{Inbox: where[s.at.Conversation]}
		if in.Inbox != "" && inbox.Can(p, inbox.ActRead, in) == nil && inbox.Can(q, inbox.ActRead, in) == nil {
			out.Here = append(out.Here, inbox.Here{Person: q.ID, Conversation: s.at.Conversation, Writing: s.at.Writing})
		}
	}
	slices.Sort(out.Online)
	out.Online = slices.Compact(out.Online)
	slices.SortFunc(out.Here, func(a, b inbox.Here) int {
		return cmp.Or(strings.Compare(string(a.Conversation), string(b.Conversation)), strings.Compare(string(a.Person), string(b.Person)))
	})
	return out
}

// online returns the people who work in an inbox, are there, and are not away, in order of their ids.
func (r *Relay) online(ctx context.Context, in inbox.InboxID) ([]inbox.Person, error) {
	there := map[inbox.PersonID]bool{}
	for _, x := range r.sessions.letInNow() {
		there[x.person.ID] = true
	}
	if len(there) == 0 {
		return nil, nil
	}
	out, err := r.people.People(ctx) // a connection knows its person as he came
	if err != nil {
		return nil, err
	}
	out = slices.DeleteFunc(out, func(p inbox.Person) bool { return !there[p.ID] || !p.WorksIn(in) || p.Away || p.Left != 0 })
	slices.SortFunc(out, func(a, b inbox.Person) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return out, nil
}
