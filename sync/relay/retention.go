package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/vault"
)

// A company that says how long it keeps what customers write (privacy.keep_days) keeps that promise by forgetting them: with whom
// nobody wrote for so long is put forward as a request to be erased, beside those customers make themselves. Two people decide about
// it, or, where the company says so (privacy.keep_decides), nobody has to: it is carried out when its time for an answer is over, and
// until then anybody who may decide can refuse it, which keeps the customer until somebody writes with him again. Whoever writes
// before takes it back. From there on it is an erasure like any other: keys are destroyed, and nothing is only deleted.

const (
	// keepEvery is how often is looked for customers nobody writes with any more.
	keepEvery = 6 * time.Hour
	// keepAtOnce is how many of them wait for a decision at once: people are to look at each.
	keepAtOnce = 100
	// keepAtLeast is the shortest time that can be promised, in days: less forgets whom people still work for.
	keepAtLeast = 30
)

// Who decides about customers nobody writes with any more.
const (
	keepByPeople = "people" // two, about each
	keepByRelay  = "relay"  // nobody has to
)

// keptReason is why the relay takes a request of its own back.
const keptReason = "somebody has written since, or customers are kept longer now"

// keptFor is how long customers are kept; 0 for ever.
func (p PrivacyConfig) keptFor() time.Duration { return time.Duration(p.KeepDays) * 24 * time.Hour }

func (p PrivacyConfig) checkKeep() error {
	if p.KeepDays != 0 && (p.KeepDays < keepAtLeast || p.KeepDays > 100*366) {
		return wrong("privacy.keep_days: 0 for ever, or %d and more", keepAtLeast)
	}
	if !slices.Contains([]string{"", keepByPeople, keepByRelay}, p.KeepDecides) {
		return wrong("privacy.keep_decides: %s or %s", keepByPeople, keepByRelay)
	}
	return nil
}

// A Quiet is a customer nobody has written with for a while.
type Quiet struct {
	Contact      inbox.ContactID
	Inbox        inbox.InboxID // where somebody wrote last
	Conversation inbox.ConversationID
	Since        inbox.Moment // when that was
}

// A KeepRun is what was done about customers nobody writes with any more.
type KeepRun struct {
	PutForward int // to be erased
	TakenBack  int // because somebody wrote, or they are kept longer now
	Approved   int // by the relay, when nobody had refused in time
}

// QuietContacts implements [Admin].
func (r *Relay) QuietContacts(ctx context.Context, days int) ([]Quiet, error) {
	if days == 0 {
		days = r.cfg.Privacy.KeepDays
	}
	if days < 1 || days > 100*366 {
		return nil, inbox.RefusedMalformed
	}
	return r.quiet(ctx, inbox.At(r.now().AddDate(0, 0, -days)))
}

// quiet returns the customers with whom nobody wrote since a moment, those longest quiet first. What was written in any inbox, with any
// contact that turned out to be the same, counts for the customer.
func (r *Relay) quiet(ctx context.Context, before inbox.Moment) ([]Quiet, error) {
	last := map[inbox.ContactID]Quiet{}
	for _, in := range r.inboxes {
		err := r.db.View(ctx, eventlog.Shard(in.Log()), func(tx ledger.Tx) error {
			for c, err := range eventlog.Conversations(tx) {
				if err != nil {
					return err
				}
				if c.Erased == 0 && c.LastAt > last[c.Contact.ID].Since {
					last[c.Contact.ID] = Quiet{Contact: c.Contact.ID, Inbox: in, Conversation: c.ID, Since: c.LastAt}
				}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("looking for quiet conversations: %w", err)
		}
	}
	found := map[inbox.ContactID]Quiet{}
	for id, q := range last {
		if q.Since >= before {
			continue
		}
		same, err := r.vault.Same(ctx, id)
		if errors.Is(err, vault.ErrErased) || errors.Is(err, vault.ErrUnknownContact) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, other := range same {
			if last[other].Since > q.Since {
				q = last[other]
			}
		}
		if q.Contact = same[0]; q.Since < before {
			found[q.Contact] = q
		}
	}
	out := make([]Quiet, 0, len(found))
	for _, q := range found {
		out = append(out, q)
	}
	slices.SortFunc(out, func(a, b Quiet) int { return cmp.Or(cmp.Compare(a.Since, b.Since), cmp.Compare(a.Contact, b.Contact)) })
	return out, nil
}

// RunRetention implements [Admin].
func (r *Relay) RunRetention(ctx context.Context) (run KeepRun, err error) {
	now, kept := r.now(), r.cfg.Privacy.keptFor()
	var list []Quiet
	if kept > 0 {
		if list, err = r.quiet(ctx, inbox.At(now.Add(-kept))); err != nil {
			return run, err
		}
	}
	quiet := make(map[inbox.ContactID]Quiet, len(list))
	for _, q := range list {
		quiet[q.Contact] = q
	}
	at := inbox.At(now)
	err = r.db.Update(ctx, oversightShard(), func(tx ledger.Tx) error {
		run = KeepRun{}
		all, err := allRequests(tx)
		if err != nil {
			return err
		}
		waiting := 0
		for _, q := range all {
			if q.Kind != inbox.RequestErasure {
				continue
			}
			its, still := quiet[q.Contact]
			switch {
			case settled(q): // what somebody refused stays refused, until there is something newer to forget
				if q.State == inbox.RequestRefused && q.Second != "" && still && q.Quiet >= its.Since {
					delete(quiet, q.Contact)
				}
				continue
			case q.Quiet == 0 || q.State == inbox.RequestApproved: // he asked himself, or it is decided
			case !still || its.Since != q.Quiet:
				q.State, q.Settled, q.Reason = inbox.RequestRefused, at, keptReason
				if err := recordKeep(tx, q, audit.RequestRefused, at); err != nil {
					return err
				}
				run.TakenBack++
				continue
			case r.cfg.Privacy.KeepDecides == keepByRelay && at > q.Due:
				q.State = inbox.RequestApproved
				if err := recordKeep(tx, q, audit.RequestApproved, at); err != nil {
					return err
				}
				run.Approved++
			default:
				waiting++
			}
			delete(quiet, q.Contact) // it is on its way
		}
		for _, q := range list {
			if _, due := quiet[q.Contact]; !due {
				continue
			}
			if waiting++; waiting > keepAtOnce {
				break
			}
			err := recordKeep(tx, inbox.Request{
				ID: inbox.NewIDAt[inbox.RequestID](at), Kind: inbox.RequestErasure, Inbox: q.Inbox, Conversation: q.Conversation, Contact: q.Contact,
				At: at, Due: at.Add(inbox.RequestTerm * 24 * time.Hour), Quiet: q.Since,
			}, audit.RequestQuiet, at)
			if err != nil {
				return err
			}
			run.PutForward++
		}
		return nil
	})
	if err != nil || run.Approved == 0 {
		return run, err
	}
	if err := r.carryOut(ctx); err != nil { // nobody writes to them meanwhile
		return run, err
	}
	_, err = r.RunErasures(ctx)
	return run, err
}

// wroteAgain takes those of the relay's own requests back about whose customer somebody has written after they were approved, and returns
// the others. One whose erasure has begun goes on.
func (r *Relay) wroteAgain(ctx context.Context, requests []inbox.Request) ([]inbox.Request, error) {
	if !slices.ContainsFunc(requests, func(q inbox.Request) bool { return q.Quiet != 0 }) {
		return requests, nil
	}
	list, err := r.quiet(ctx, inbox.At(r.now().Add(keepEvery))) // everybody
	if err != nil {
		return nil, err
	}
	since := make(map[inbox.ContactID]inbox.Moment, len(list))
	for _, c := range list {
		since[c.Contact] = c.Since
	}
	var out []inbox.Request
	for _, q := range requests {
		same, err := r.vault.Same(ctx, q.Contact)
		if q.Quiet == 0 || err != nil || since[same[0]] <= q.Quiet {
			out = append(out, q) // whatever is wrong is met again, and told of
			continue
		}
		begun := false
		err = r.db.View(ctx, oversightShard(), func(tx ledger.Tx) error {
			row, err := tx.Get(bucketErasure, []byte(q.ID))
			begun = row != nil
			return err
		})
		if err == nil && !begun {
			back := q
			back.State, back.Settled, back.Reason = inbox.RequestRefused, inbox.At(r.now()), keptReason
			err = errors.Join(r.unmarkErasing(ctx, q.Inbox, same), // whoever dies in between finds it approved, and all this again
				r.db.Update(ctx, oversightShard(), func(tx ledger.Tx) error { return recordKeep(tx, back, audit.RequestRefused, back.Settled) }),
				r.unmarkErasing(ctx, q.Inbox, same)) // it may have been marked meanwhile; see closeToSends
		}
		if err != nil {
			return nil, err
		}
		if begun {
			out = append(out, q)
		}
	}
	return out, nil
}

// recordKeep writes down what the relay did about a request by itself.
func recordKeep(tx ledger.Tx, q inbox.Request, act audit.Act, at inbox.Moment) error {
	if err := audit.Record(tx, audit.Entry{At: at, Act: act, Object: string(q.ID), Detail: "keep_days"}); err != nil {
		return err
	}
	return putRequest(tx, q, at)
}

// stillQuiet reports whether a request of the relay's own still holds: nobody has written with the customer since.
func (r *Relay) stillQuiet(ctx context.Context, q inbox.Request) (bool, error) {
	list, err := r.quiet(ctx, q.Quiet+1)
	return slices.ContainsFunc(list, func(c Quiet) bool { return c.Contact == q.Contact && c.Since == q.Quiet }), err
}

// tendRetention puts customers forward to be forgotten, until ctx ends.
func (r *Relay) tendRetention(ctx context.Context) error {
	for ctx.Err() == nil {
		if run, err := r.RunRetention(ctx); err != nil && ctx.Err() == nil {
			r.log.Error("customers nobody writes with cannot be looked for now", "error", err)
		} else if run != (KeepRun{}) {
			r.log.Info("customers nobody writes with", "put_forward", run.PutForward, "taken_back", run.TakenBack, "approved", run.Approved)
		}
		pause(ctx, keepEvery)
	}
	return nil
}
