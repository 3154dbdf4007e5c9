package relay

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/fxamacker/cbor/v2"
	"golang.org/x/sync/errgroup"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/whatsapp"
)

// bucketInbox, of the company's shard, keeps what the company's log says about each inbox.
const bucketInbox = "inbox"

// changeInbox lets change alter what people see of an inbox, and tells them if it did. change may run more than once. It
// must not be called inside a transaction.
func (r *Relay) changeInbox(ctx context.Context, id inbox.InboxID, change func(*inbox.Inbox)) error {
	before, err := r.inboxNow(ctx, id)
	if err != nil {
		return err
	}
	after := before
	if change(&after); reflect.DeepEqual(after, before) {
		return nil
	}
	err = r.db.Update(ctx, identity.Shard, func(tx ledger.Tx) error {
		in, err := storedInbox(tx, id, r.inboxName(id))
		if err != nil {
			return err
		}
		before := in
		if change(&in); reflect.DeepEqual(in, before) {
			return nil
		}
		return putInbox(tx, in, inbox.At(r.now()))
	})
	if err != nil {
		return fmt.Errorf("changing an inbox: %w", err)
	}
	return nil
}

// inboxNow returns what people see of an inbox.
func (r *Relay) inboxNow(ctx context.Context, id inbox.InboxID) (in inbox.Inbox, err error) {
	err = r.db.View(ctx, identity.Shard, func(tx ledger.Tx) (err error) {
		in, err = storedInbox(tx, id, r.inboxName(id))
		return err
	})
	return in, err
}

func (r *Relay) inboxName(id inbox.InboxID) string {
	for _, in := range r.cfg.Inboxes {
		if in.ID == string(id) {
			return in.Name
		}
	}
	return ""
}

// storedInbox returns an inbox as it was told last; one that was never told has its name only.
func storedInbox(tx ledger.Tx, id inbox.InboxID, name string) (inbox.Inbox, error) {
	in := inbox.Inbox{ID: id, Name: name}
	row, err := tx.Get(bucketInbox, []byte(id))
	if err != nil || row == nil {
		return in, err
	}
	if cbor.Unmarshal(row, &in) != nil {
		return in, errRow
	}
	return in, nil
}

func putInbox(tx ledger.Tx, in inbox.Inbox, at inbox.Moment) error {
	row, err := cbor.Marshal(in)
	if err != nil {
		return err
	}
	if err := tx.Put(bucketInbox, []byte(in.ID), row); err != nil {
		return err
	}
	_, err = eventlog.Append(tx, at, "", inbox.InboxChanged{Inbox: in})
	return err
}

// concerned returns the inboxes a change is about: that of its number, or else, for news about a whole account, those of
// the account. An inbox whose account the configuration does not name takes the news nobody else claims.
func (r *Relay) concerned(c *whatsapp.Change) []inbox.InboxID {
	if c.PhoneNumberID != "" {
		if id, ours := r.inboxes[c.PhoneNumberID]; ours {
			return []inbox.InboxID{id}
		}
		return nil
	}
	if c.Notice == nil {
		return nil // what people write without saying to whom
	}
	var claimed, rest []inbox.InboxID
	number := digits(numberOf(c.Notice))
	for _, in := range r.cfg.Inboxes {
		id := inbox.InboxID(in.ID)
		switch {
		case in.AccountID != "" && in.AccountID == c.AccountID:
			claimed = append(claimed, id)
		case in.AccountID == "":
			rest = append(rest, id)
		}
		if number != "" && number == digits(in.Number) && (in.AccountID == "" || in.AccountID == c.AccountID) {
			return []inbox.InboxID{id}
		}
	}
	if len(claimed) > 0 {
		return claimed
	}
	return rest
}

// numberOf returns the company number a notice is about, "" when it is about more.
func numberOf(n whatsapp.Notice) string {
	switch n := n.(type) {
	case whatsapp.NumberQuality:
		return n.DisplayPhoneNumber
	case whatsapp.NumberName:
		return n.DisplayPhoneNumber
	case whatsapp.SecurityEvent:
		return n.DisplayPhoneNumber
	case whatsapp.AccountUpdate:
		return n.PhoneNumber
	}
	return ""
}

// account returns the WhatsApp Business Account of an inbox, "" when the configuration does not name it.
func (r *Relay) account(id inbox.InboxID) string {
	for _, in := range r.cfg.Inboxes {
		if in.ID == string(id) {
			return in.AccountID
		}
	}
	return ""
}

// scope returns what an incident about the inbox's account belongs to: the inbox if it is the account's only one, else ""
// for all, so that one trouble is one incident.
func (r *Relay) scope(id inbox.InboxID) inbox.InboxID {
	account := r.account(id)
	for _, in := range r.cfg.Inboxes {
		if in.ID != string(id) && in.AccountID == account {
			return ""
		}
	}
	return id
}

const (
	pollEvery   = 4 * time.Hour
	pollTimeout = 20 * time.Second
)

// pollNumbers asks Meta about every number, so that news whose webhook was lost is known within hours. A failure is
// harmless: the next poll asks again.
func (r *Relay) pollNumbers(ctx context.Context) {
	for _, in := range r.cfg.Inboxes {
		id := inbox.InboxID(in.ID)
		ask, cancel := context.WithTimeout(ctx, pollTimeout)
		n, err := r.graph.Number(ask, in.PhoneNumberID)
		cancel()
		if err == nil {
			err = r.numberIs(ctx, id, n)
		} else {
			err = errors.Join(err, r.refusedPoll(ctx, id, err))
		}
		if err != nil && ctx.Err() == nil {
			r.log.Warn("number cannot be asked about", "inbox", string(id), "error", err)
		}
	}
}

// refusedPoll raises an incident for an answer that will be the same until somebody acts. A poll is no send: the inbox is
// not held for it.
func (r *Relay) refusedPoll(ctx context.Context, id inbox.InboxID, err error) error {
	var api *whatsapp.APIError
	if !errors.As(err, &api) || !api.Class.Stops() {
		return nil
	}
	once := fmt.Sprintf("poll/%s/%d/%s", id, api.Code, r.now().UTC().Format(time.DateOnly))
	return r.raise(ctx, once, inbox.Incident{Kind: incidentOf(api.Class, api.Code), Inbox: id, Detail: strconv.Itoa(api.Code)})
}

// numberIs takes note of what Meta says about a number.
func (r *Relay) numberIs(ctx context.Context, id inbox.InboxID, n whatsapp.Number) error {
	quality := qualityOf(whatsapp.Quality(n.QualityRating))
	today := r.now().UTC().Format(time.DateOnly)
	// A webhook that crossed the answer on its way is not older than it.
	told := news{r: r, in: id, once: "poll/" + string(id) + "/" + today, at: inbox.At(r.now().Add(-time.Minute))}
	all := []error{
		r.changeInbox(ctx, id, func(in *inbox.Inbox) { in.Quality = quality }),
		told.daily(ctx, n.MessagingLimit()),
		r.calm(ctx, inbox.IncidentAccess, id, ""), // the token is good for the number again
	}
	switch quality {
	case inbox.QualityLow:
		all = append(all, told.raise(ctx, inbox.IncidentQuality, id, n.QualityRating))
	case inbox.QualityHigh, inbox.QualityMedium:
		all = append(all, r.calm(ctx, inbox.IncidentQuality, id, ""))
	}
	bad := []string{"FLAGGED", "RESTRICTED", "BANNED", "RATE_LIMITED", "DISCONNECTED"}
	for _, status := range bad {
		if n.Status != status && n.Status != "" {
			all = append(all, r.calm(ctx, inbox.IncidentRestricted, id, status))
		}
	}
	if slices.Contains(bad, n.Status) {
		all = append(all, told.raise(ctx, inbox.IncidentRestricted, id, n.Status))
	}
	switch n.NameStatus {
	case "DECLINED", "EXPIRED":
		all = append(all, told.raise(ctx, inbox.IncidentName, id, n.NameStatus))
	case "APPROVED", "AVAILABLE_WITHOUT_REVIEW":
		all = append(all, r.calm(ctx, inbox.IncidentName, id, ""))
	}
	return errors.Join(all...)
}

// qualityOf reads Meta's colours.
func qualityOf(q whatsapp.Quality) inbox.Quality {
	switch q {
	case whatsapp.QualityGreen:
		return inbox.QualityHigh
	case whatsapp.QualityYellow:
		return inbox.QualityMedium
	case whatsapp.QualityRed:
		return inbox.QualityLow
	}
	return inbox.QualityUnknown
}

// oversee does what must be done from time to time until ctx ends: it asks Meta about numbers and templates, ends troubles
// whose end has come, and brings customers' requests to those who decide.
func (r *Relay) oversee(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, in := range r.cfg.Inboxes {
		id := inbox.InboxID(in.ID)
		poke := make(chan struct{}, 1)
		g.Go(func() error {
			defer r.logs.Subscribe(id.Log(), poke)()
			for ctx.Err() == nil {
				if err := r.moveRequests(ctx, id); err != nil && ctx.Err() == nil {
					r.log.Error("customers' requests cannot be announced", "inbox", string(id), "error", err)
				}
				pause(ctx, moveEvery) // a busy log pokes all the time, and requests are rare
				select {
				case <-poke:
				case <-time.After(time.Minute):
				case <-ctx.Done():
				}
			}
			return nil
		})
	}
	every := func(between time.Duration, do func(context.Context)) {
		g.Go(func() error {
			for ctx.Err() == nil {
				do(ctx)
				pause(ctx, vary(between))
			}
			return nil
		})
	}
	every(pollEvery, r.pollNumbers)
	every(lapseEvery, r.lapse)
	every(10*time.Minute, func(ctx context.Context) {
		if err := errors.Join(r.endTroubles(ctx), r.carryOut(ctx)); err != nil && ctx.Err() == nil {
			r.log.Error("oversight stopped for a moment", "error", err)
		}
	})
	g.Go(func() error { return r.followTemplates(ctx) })
	return g.Wait()
}

// moveEvery is how often a busy inbox is looked at for new requests.
const moveEvery = 200 * time.Millisecond

// vary makes a time up to a quarter longer: relays of many companies must not all ask at once.
func vary(d time.Duration) time.Duration { return d + rand.N(d/4) }
