package relay

import (
	"context"
	"errors"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
)

const (
	tendReveals = 500 * time.Millisecond // while one is open
	tendIdle    = time.Minute
	// unseenGrace is how long a device may be away before what it asked for and has not seen lapses: the key to it lives in
	// its memory, which a lost connection does not clear and a closed app does.
	unseenGrace = time.Minute
)

// RevealConfig is who may see what is masked, and how often. Zero values are the defaults.
type RevealConfig struct {
	SecondPerson *bool `toml:"second_person"` // whether a colleague must agree; nil is yes
	Minutes      int   `toml:"minutes"`       // how long a value is shown
	PerHour      int   `toml:"per_hour"`      // reveals of one person
	PerDay       int   `toml:"per_day"`
	PerInboxDay  int   `toml:"per_inbox_day"` // of all people together
}

const (
	revealLapse    = 15 * time.Minute
	revealMinutes  = 10
	revealsHour    = 3
	revealsDay     = 10
	revealsInbox   = 30
	maxRevealsADay = 1000
)

func (c RevealConfig) secondPerson() bool   { return c.SecondPerson == nil || *c.SecondPerson }
func (c RevealConfig) lapse() time.Duration { return revealLapse }
func (c RevealConfig) look() time.Duration {
	return time.Duration(orElse(c.Minutes, revealMinutes)) * time.Minute
}
func (c RevealConfig) perHour() int  { return orElse(c.PerHour, revealsHour) }
func (c RevealConfig) perDay() int   { return orElse(c.PerDay, revealsDay) }
func (c RevealConfig) perInbox() int { return orElse(c.PerInboxDay, revealsInbox) }

func orElse(n, usual int) int {
	if n == 0 {
		return usual
	}
	return n
}

// check returns an error wrapping [ErrConfig] for the first thing that cannot work.
func (c RevealConfig) check() error {
	if c.Minutes != 0 && (c.Minutes < 5 || c.Minutes > 30) {
		return wrong("reveal.minutes: 5 to 30, usually %d", revealMinutes)
	}
	for _, n := range []struct {
		key   string
		value int
	}{{"per_hour", c.PerHour}, {"per_day", c.PerDay}, {"per_inbox_day", c.PerInboxDay}} {
		if n.value < 0 || n.value > maxRevealsADay {
			return wrong("reveal.%s: 1 to %d", n.key, maxRevealsADay)
		}
	}
	return nil
}

// tendReveals ends reveals when their time has come, until ctx ends.
func (r *Relay) tendReveals(ctx context.Context) error {
	for ctx.Err() == nil {
		wait := time.Duration(tendIdle)
		for _, in := range r.inboxes {
			open, err := r.tend(ctx, in)
			if err != nil && ctx.Err() == nil {
				r.log.Error("reveals cannot be looked after", "inbox", string(in), "error", err)
			}
			if open > 0 || err != nil {
				wait = tendReveals
			}
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-r.reveals.poke:
			if wait == tendReveals { // one look each time is enough
				select {
				case <-t.C:
				case <-ctx.Done():
				}
			}
		case <-t.C:
		}
		t.Stop()
	}
	return nil
}

// tend ends what is over in an inbox and returns how many reveals are open.
func (r *Relay) tend(ctx context.Context, in inbox.InboxID) (open int, err error) {
	at := inbox.At(r.now())
	away := map[inbox.DeviceID]bool{}
	return r.endWhere(ctx, in, "", func(row revealRow) bool {
		if over(row.Reveal, at) {
			return true
		}
		return row.Reveal.State != inbox.RevealShown && r.isAway(row.Device, away)
	})
}

// isAway reports whether a device has been without a connection for longer than a lost one takes to come back. It is
// asked by the one goroutine of tendReveals; seen keeps the answer for one round.
func (r *Relay) isAway(id inbox.DeviceID, seen map[inbox.DeviceID]bool) bool {
	if away, ok := seen[id]; ok {
		return away
	}
	if r.sessions.connected(id) {
		delete(r.reveals.gone, id)
		seen[id] = false
		return false
	}
	now := time.Now() // of this process: what a device forgot has nothing to do with the hour
	since, ok := r.reveals.gone[id]
	if !ok {
		r.reveals.gone[id] = now
	}
	away := ok && now.Sub(since) >= unseenGrace
	if away { // what it asked for ends now; what it asks for next is another matter
		delete(r.reveals.gone, id)
	}
	seen[id] = away
	return away
}

// connected reports whether a device has a connection.
func (s *sessions) connected(id inbox.DeviceID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[id] != nil
}

// endRevealsOf ends every open reveal of a device that is excluded.
func (r *Relay) endRevealsOf(ctx context.Context, id inbox.DeviceID) (err error) {
	for _, in := range r.inboxes {
		_, e := r.endWhere(ctx, in, "", func(row revealRow) bool { return row.Device == id })
		err = errors.Join(err, e)
	}
	return err
}

// endWhere ends the open reveals of an inbox for which due holds, and returns how many others are open. due is asked
// outside of any transaction.
func (r *Relay) endWhere(ctx context.Context, in inbox.InboxID, by inbox.PersonID, due func(revealRow) bool) (open int, err error) {
	shard := eventlog.Shard(in.Log())
	var all []revealRow
	err = r.db.View(ctx, shard, func(tx ledger.Tx) error {
		all = nil
		var ids [][]byte
		for id := range tx.Scan(bucketRevealOpen, nil, nil) {
			ids = append(ids, append([]byte(nil), id...))
		}
		for _, id := range ids {
			var row revealRow
			if known, err := getRow(tx, bucketReveal, id, &row); err != nil {
				return err
			} else if known {
				all = append(all, row)
			}
		}
		return tx.Err()
	})
	if err != nil {
		return 0, err
	}
	at := inbox.At(r.now())
	for _, row := range all {
		if !due(row) {
			open++
			continue
		}
		was := row
		err := r.db.Update(ctx, shard, func(tx ledger.Tx) error {
			row, err := revealOf(tx, was.Reveal.Conversation, was.Reveal.ID)
			if err != nil || row.Reveal.State != was.Reveal.State || row.Reveal.Until != was.Reveal.Until {
				return err // something happened to it meanwhile
			}
			return r.endReveal(tx, &row, at, by)
		})
		if err != nil {
			return open, err
		}
	}
	return open, r.forgetCounts(ctx, shard, at)
}

// forgetCounts drops what counts no more.
func (r *Relay) forgetCounts(ctx context.Context, shard string, at inbox.Moment) error {
	until := revealCountKey(at.Add(-2*countedReveal), "")
	var late [][]byte
	err := r.db.View(ctx, shard, func(tx ledger.Tx) error {
		late = nil
		for key := range tx.Scan(bucketRevealAt, nil, until) {
			late = append(late, append([]byte(nil), key...))
		}
		return nil
	})
	if err != nil || len(late) == 0 {
		return err
	}
	return r.db.Update(ctx, shard, func(tx ledger.Tx) error {
		for _, key := range late {
			if err := tx.Delete(bucketRevealAt, key); err != nil {
				return err
			}
		}
		return nil
	})
}
