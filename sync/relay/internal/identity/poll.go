package identity

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
)

const bucketGrant = "grant" // by device

// A grant is what the sign-on gave for one sign-in: the token with which the relay asks whether it still holds. It
// outlives the session, because the cache does.
type grant struct {
	ID      string         `cbor:"1,keyasint"` // which one: another sign-in may replace it while it is asked about
	Device  inbox.DeviceID `cbor:"2,keyasint"`
	Person  inbox.PersonID `cbor:"3,keyasint"`
	Subject string         `cbor:"4,keyasint"`
	Token   string         `cbor:"5,keyasint"`
	Held    inbox.Moment   `cbor:"6,keyasint"`           // the last answer that it does
	Ends    inbox.Moment   `cbor:"7,keyasint,omitempty"` // by the sign-on's own word
	Asked   inbox.Moment   `cbor:"8,keyasint,omitempty"` // and no answer came, yet
	// What the sign-on said, until [Register.Poll] has told it.
	Why     Why              `cbor:"9,keyasint,omitempty"`
	Devices []inbox.DeviceID `cbor:"10,keyasint,omitempty"`
	// Epoch of the company's log when the token was given. A restore gives the log another one, and brings back tokens that
	// may have been exchanged since: what the sign-on says against such a token is no removal.
	Epoch string `cbor:"11,keyasint,omitempty"`
}

func newGrant(d inbox.DeviceID, p inbox.PersonID, a answer, now inbox.Moment, epoch string) grant {
	g := grant{ID: inbox.NewID[string](), Device: d, Person: p, Subject: a.subject, Token: a.refresh, Held: now, Epoch: epoch}
	if a.lifetime > 0 {
		g.Ends = now.Add(a.lifetime)
	}
	return g
}

// due reports whether it is time to ask.
func (g grant) due(now inbox.Moment) bool {
	return g.Why == "" && (now.Sub(g.Held) >= PollEvery || now < g.Held)
}

// A Removal is what the sign-on says against somebody. The sessions are ended when it is told.
type Removal struct {
	Person  inbox.PersonID
	Devices []inbox.DeviceID
	Why     Why // see [Why.Removed]
}

// Poll asks the sign-on about every grant it was not asked about for [PollEvery]; call it each minute. It tells gone of each
// person, or single device, the sign-on counts out, after their sessions ended, and again at the next call until gone
// returns nil: gone closes connections and wipes as policy says. When one grant of a person fails, the others are asked at once: if none holds, or the person is in
// no group any more, all devices of the person are meant. Trouble with the sign-on is no removal. Calls do not overlap: a
// second one returns at once. Errors: [ErrSignOnAway] if any grant could not be asked about, those of gone, the ledger's.
func (r *Register) Poll(ctx context.Context, gone func(context.Context, Removal) error) error {
	if r.sso == nil {
		return nil
	}
	select {
	case r.sso.polling <- struct{}{}:
		defer func() { <-r.sso.polling }()
	default:
		return nil
	}
	p := &poll{r: r, asked: map[inbox.DeviceID]heard{}}
	all, err := r.grants(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, g := range all {
		if _, done := p.asked[g.Device]; done || !g.due(inbox.At(r.now())) {
			continue
		}
		if err := p.judge(ctx, g, all); err != nil {
			errs = append(errs, err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if p.news { // at once: the next answer may be long in coming
			p.news = false
			errs = append(errs, r.tell(ctx, gone))
		}
	}
	return errors.Join(append(errs, r.tell(ctx, gone))...)
}

// tell tells gone what was not heard yet.
func (r *Register) tell(ctx context.Context, gone func(context.Context, Removal) error) error {
	all, err := r.grants(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, g := range all {
		if g.Why == "" {
			continue
		}
		if err := gone(ctx, Removal{Person: g.Person, Devices: g.Devices, Why: g.Why}); err != nil {
			errs = append(errs, err)
			continue
		}
		if err := r.keepGrant(ctx, g, func(tx ledger.Tx, _ *grant) error { return tx.Delete(bucketGrant, []byte(g.Device)) }); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// A poll is one round of asking. It asks about each grant once: the token it has read is not good for a second time.
type poll struct {
	r     *Register
	asked map[inbox.DeviceID]heard
	news  bool // there is something to be told
}

// heard is what came of asking about a grant.
type heard struct {
	why Why // why it does not hold; "" if it does, or if that cannot be told
	err error
}

// judge asks about a grant, and writes down what follows.
func (p *poll) judge(ctx context.Context, g grant, all []grant) error {
	said := p.ask(ctx, g)
	if said.why == "" {
		return said.err
	}
	everywhere := said.why == WhyGroup
	if said.why == WhyGrant {
		everywhere = true
		for _, other := range all {
			if other.Person != g.Person || other.Device == g.Device || other.Why != "" {
				continue
			}
			also := p.ask(ctx, other)
			if !also.why.Removed() {
				everywhere = false // it holds, or is in doubt
			}
			if also.why != "" {
				if err := p.write(ctx, other, also.why, also.why == WhyGroup); err != nil {
					return err
				}
			}
		}
	}
	return p.write(ctx, g, said.why, everywhere)
}

// ask asks about a grant, unless this round did.
func (p *poll) ask(ctx context.Context, g grant) heard {
	said, done := p.asked[g.Device]
	if !done {
		said.why, said.err = p.askOnce(ctx, g)
		p.asked[g.Device] = said
	}
	return said
}

func (p *poll) askOnce(ctx context.Context, g grant) (Why, error) {
	r := p.r
	doubt := g.Asked != 0
	if g.Ends != 0 && inbox.At(r.now()) >= g.Ends {
		return WhyOver, nil
	}
	// Written first: a provider that gives a new token with each answer takes the old one, sent again, for a stolen one.
	// Who asks with a token whose answer may have been lost must not take the no for a removal.
	epoch := ""
	err := r.keepGrant(ctx, g, func(tx ledger.Tx, now *grant) (err error) {
		if epoch, err = eventlog.Epoch(tx); err != nil {
			return err
		}
		now.Asked = inbox.At(r.now())
		return put(tx, bucketGrant, []byte(g.Device), now)
	})
	if err != nil {
		return "", err
	}
	restored := g.Epoch != epoch
	a, err := r.sso.refresh(ctx, g.Subject, g.Token)
	var no denied
	switch {
	case errors.As(err, &no) && (doubt || restored):
		return WhyUnsure, nil
	case errors.As(err, &no):
		return WhyGrant, nil
	case errors.Is(err, errNotSent) && !doubt:
		return "", errors.Join(ErrSignOnAway, r.keepGrant(ctx, g, func(tx ledger.Tx, now *grant) error {
			now.Asked = 0
			return put(tx, bucketGrant, []byte(g.Device), now)
		}))
	case err != nil && a.refresh == "":
		return "", err
	}
	// The new token is kept even if the rest of the answer cannot be used.
	keep := r.keepGrant(context.WithoutCancel(ctx), g, func(tx ledger.Tx, now *grant) error {
		now.Token, now.Asked, now.Epoch = a.refresh, 0, epoch
		if now.Ends = 0; a.lifetime > 0 {
			now.Ends = inbox.At(r.now()).Add(a.lifetime)
		}
		if err == nil {
			now.Held = inbox.At(r.now())
		}
		return put(tx, bucketGrant, []byte(g.Device), now)
	})
	switch {
	case err != nil || keep != nil:
		return "", errors.Join(err, keep)
	case !a.groups:
		return WhyGroup, nil
	}
	return "", nil
}

// write ends sessions and marks the grant, in one transaction, so that it is told until it was heard.
func (p *poll) write(ctx context.Context, g grant, why Why, everywhere bool) error {
	r := p.r
	return r.keepGrant(ctx, g, func(tx ledger.Tx, now *grant) (err error) {
		at := inbox.At(r.now())
		now.Why, now.Devices, now.Token = why, []inbox.DeviceID{g.Device}, ""
		if everywhere {
			if now.Devices, err = devicesOf(tx, g.Person); err != nil {
				return err
			}
			// The mark of this grant stands for all.
			if err := forgetGrants(tx, g.Person); err != nil {
				return err
			}
		}
		if _, err := endWhere(tx, By{}, at, why, func(s Session) bool {
			return s.Person == g.Person && slices.Contains(now.Devices, s.Device)
		}); err != nil {
			return err
		}
		if err := (By{}).record(tx, at, ActSignOnGone, string(g.Person), string(why)); err != nil {
			return err
		}
		p.news = true
		return put(tx, bucketGrant, []byte(g.Device), now)
	})
}

// grants returns all grants, in the order of their devices' ids.
func (r *Register) grants(ctx context.Context) (all []grant, err error) {
	err = r.db.View(ctx, Shard, func(tx ledger.Tx) error {
		all = nil
		for _, row := range tx.Scan(bucketGrant, nil, nil) {
			var g grant
			if cbor.Unmarshal(row, &g) != nil {
				return errRow
			}
			all = append(all, g)
		}
		return nil
	})
	return all, err
}

// keepGrant runs f in a transaction if the grant is still there, and not another one of a newer sign-in.
func (r *Register) keepGrant(ctx context.Context, g grant, f func(ledger.Tx, *grant) error) error {
	return r.db.Update(ctx, Shard, func(tx ledger.Tx) error {
		var now grant
		switch err := get(tx, bucketGrant, []byte(g.Device), &now, errAbsent); {
		case errors.Is(err, errAbsent) || err == nil && now.ID != g.ID:
			return nil
		case err != nil:
			return err
		}
		return f(tx, &now)
	})
}

// forgetGrants removes the grants of a person.
func forgetGrants(tx ledger.Tx, id inbox.PersonID) error {
	var keys [][]byte
	for key, row := range tx.Scan(bucketGrant, nil, nil) {
		var g grant
		if cbor.Unmarshal(row, &g) != nil {
			return errRow
		}
		if g.Person == id {
			keys = append(keys, bytes.Clone(key))
		}
	}
	if err := tx.Err(); err != nil {
		return err
	}
	for _, key := range keys {
		if err := tx.Delete(bucketGrant, key); err != nil {
			return err
		}
	}
	return nil
}
