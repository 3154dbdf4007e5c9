package relay

import (
	"context"
	"slices"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
)

const (
	// reportChunk is how many facts of a log are read in one transaction, and are in memory at once.
	reportChunk = 4096
	// reportMost is how many facts all digests together hold, some 25 bytes each.
	reportMost = 2 << 20
)

// A reportFact is what a report needs to know of a fact.
type reportFact struct {
	at     inbox.Moment
	thread int32 // its conversation, in digest.threads
	who    int32 // whose it is, in digest.people
	kind   factKind
	score  uint8
}

type factKind uint8

const (
	factOpened   factKind = iota
	factAssigned          // to who
	factIn
	factOut
	factClosed // by who; "": by the relay
	factRated  // who was rated
)

// A digest is what reports need to know of a stretch of an inbox's log, so that asking again costs what was added since. It holds no
// text and no customer, only ids and times, and it is good for one epoch of the log: where somebody was forgotten it begins anew.
// Whoever makes a report ([looks.report]) is the only one to touch it.
type digest struct {
	epoch       string
	first, next uint64 // places: what was read is from first up to next, next not included
	facts       []reportFact
	threads     words[inbox.ConversationID]
	people      words[inbox.PersonID]
}

// words are strings, each kept once.
type words[S ~string] struct {
	all []S
	at  map[S]int32
}

func (w *words[S]) place(s S) int32 {
	if i, ok := w.at[s]; ok {
		return i
	}
	if w.at == nil {
		w.at = map[S]int32{}
	}
	i := int32(len(w.all))
	w.all, w.at[s] = append(w.all, s), i
	return i
}

// digestOf returns the digest of an inbox's log, with everything in it from a moment on to another. It returns errNotYet when there was
// more to read than until the deadline: what was read is kept, so asking again goes on from there. It reads a little at a time, each in
// a transaction of its own, so that nothing else waits for a report. Errors: [inbox.RefusedCap] when that is more than fits.
func (r *Relay) digestOf(ctx context.Context, in inbox.InboxID, from, to inbox.Moment, deadline time.Time) (*digest, error) {
	d := r.digests[in]
	if d == nil {
		d = &digest{}
		r.digests[in] = d
	}
	most := reportMost / max(1, len(r.inboxes))
	for {
		var done bool
		err := r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) (err error) {
			done, err = d.read(tx, from, to, most)
			return err
		})
		switch {
		case err != nil:
			return nil, err
		case done:
			return d, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case time.Now().After(deadline):
			return nil, errNotYet
		}
	}
}

// read adds the next lot of what is missing of a stretch, and reports whether nothing is.
func (d *digest) read(tx ledger.Tx, from, to inbox.Moment, most int) (done bool, err error) {
	epoch, err := eventlog.Epoch(tx)
	if err != nil {
		return false, err
	}
	first, err := firstSince(tx, from)
	if err != nil {
		return false, err
	}
	end, err := firstSince(tx, to)
	if err != nil {
		return false, err
	}
	if d.epoch != epoch || end < d.first || first > d.next { // another log, or so far off that all between would be read for nothing
		*d = digest{epoch: epoch, first: first, next: first}
	}
	switch {
	case first < d.first:
		begin := max(first, d.first-min(reportChunk, d.first))
		facts, err := d.chunk(tx, begin, d.first)
		if err != nil {
			return false, err
		}
		d.first, d.facts = begin, append(facts, d.facts...)
	case d.next < end:
		stop := min(end, d.next+reportChunk)
		facts, err := d.chunk(tx, d.next, stop)
		if err != nil {
			return false, err
		}
		d.next, d.facts = stop, append(d.facts, facts...)
	default:
		return true, nil
	}
	if len(d.facts) > most {
		alone := d.first >= first && d.next <= end
		*d = digest{} // what was asked before goes first
		if alone {
			return false, inbox.RefusedCap
		}
	}
	return false, nil
}

// chunk reads the facts in places from one up to another, the other not included.
func (d *digest) chunk(tx ledger.Tx, first, end uint64) ([]reportFact, error) {
	var facts []reportFact
	for e, err := range eventlog.BackwardsFrom(tx, end-1) {
		if err != nil {
			return nil, err
		}
		if e.Seq < first {
			break
		}
		if f, ok := d.factOf(e); ok {
			facts = append(facts, f)
		}
	}
	slices.Reverse(facts)
	return facts, nil
}

// factOf returns what a report needs to know of a fact, and whether that is anything.
func (d *digest) factOf(e inbox.Event) (reportFact, bool) {
	f := reportFact{at: e.At}
	var who inbox.PersonID
	switch b := e.Body.(type) {
	case inbox.ConversationOpened:
		f.kind = factOpened
	case inbox.Assigned:
		f.kind, who = factAssigned, b.To
	case inbox.MessageAdded:
		m := b.Message
		switch {
		case m.Side == inbox.FromContact && m.Kind != inbox.System:
			f.kind = factIn
		case m.Side == inbox.FromPerson && m.Kind != inbox.Note && (m.Author != "" || m.Outside):
			f.kind, who = factOut, m.Author
		default:
			return f, false
		}
	case inbox.StateChanged:
		if b.State != inbox.Closed {
			return f, false
		}
		f.kind, who = factClosed, b.By
	case inbox.Rated:
		f.kind, who, f.score = factRated, b.For, b.Score
	default:
		return f, false
	}
	f.thread, f.who = d.threads.place(e.Body.Of()), d.people.place(who)
	return f, true
}

// between returns the conversations in which anything happened from a moment on to another.
func (d *digest) between(from, to inbox.Moment) []inbox.ConversationID {
	seen := make([]bool, len(d.threads.all))
	for _, f := range d.facts {
		if f.at >= from && f.at < to {
			seen[f.thread] = true
		}
	}
	var out []inbox.ConversationID
	for i, id := range d.threads.all {
		if seen[i] {
			out = append(out, id)
		}
	}
	return out
}

// tagsNow returns the tags of conversations.
func (r *Relay) tagsNow(ctx context.Context, in inbox.InboxID, ids []inbox.ConversationID) (map[inbox.ConversationID][]inbox.TagID, error) {
	out := make(map[inbox.ConversationID][]inbox.TagID, len(ids))
	for some := range slices.Chunk(ids, reportChunk) {
		err := r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) error {
			for _, id := range some {
				c, _, err := eventlog.Conversation(tx, id)
				if err != nil {
					return err
				}
				out[id] = c.Tags
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
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
		for e, err := range eventlog.BackwardsFrom(tx, middle) {
			if err != nil {
				return 0, err
			}
			if e.Seq == middle && e.At >= at {
				high = middle
			} else {
				low = middle + 1
			}
			break
		}
	}
	return low, nil
}
