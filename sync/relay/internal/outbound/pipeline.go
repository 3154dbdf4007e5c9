package outbound

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/vault"
	"sealdesk/sync/relay/internal/whatsapp"
)

// Pace of the Cloud API (Meta, "Throughput" and "Pair rate limits").
const (
	NumberRate = 80              // messages a second one number may send, unless Meta raised it
	PairEvery  = 6 * time.Second // one message to the same customer, on the long run
	PairBurst  = 45              // how many may be borrowed from the future
)

// SettleWait is how long a post without an answer may wait for a status before it is shown as unknown.
const SettleWait = time.Minute

const (
	inFlight  = 32 // posts of one number under way at once: 80 a second at 300 ms need 24
	lookAhead = 2048
	maxTries  = 12 // refusals that ask for another try; with back-off about two hours
	noBefore  = inbox.Moment(0)
)

// A Sender posts one message to the Cloud API. *whatsapp.Client is one.
type Sender interface {
	Send(ctx context.Context, phoneNumberID string, m whatsapp.Outgoing) (whatsapp.SendResult, error)
}

// Config says what a pipeline works with. All fields but the rates are required.
type Config struct {
	DB     ledger.DB
	Vault  *vault.Vault
	Sender Sender
	Log    *slog.Logger
	Now    func() time.Time
	// Posted is told the fate of every post, for metrics: "accepted", "refused", "not sent" or "unknown".
	Posted func(fate string)
	// NumberRate overrides the constant of the same name; zero keeps it.
	NumberRate int
}

// A Pipeline sends what is queued for one inbox.
type Pipeline struct {
	cfg    Config
	shard  string
	number string // Meta's id of the company's number
	all    *rate.Limiter

	mu   sync.Mutex
	busy map[inbox.ContactID]bool
	pair map[inbox.ContactID]*rate.Limiter
}

// New returns the pipeline of an inbox whose company number has the given id at Meta.
func New(id inbox.InboxID, phoneNumberID string, cfg Config) *Pipeline {
	if cfg.NumberRate == 0 {
		cfg.NumberRate = NumberRate
	}
	return &Pipeline{
		cfg: cfg, shard: eventlog.Shard(id.Log()), number: phoneNumberID,
		all:  rate.NewLimiter(rate.Limit(cfg.NumberRate), cfg.NumberRate),
		busy: map[inbox.ContactID]bool{}, pair: map[inbox.ContactID]*rate.Limiter{},
	}
}

// Run sends until ctx ends, and returns when every post under way has been written down. poke tells that the queue may
// have grown; it is only a hint.
func (p *Pipeline) Run(ctx context.Context, poke <-chan struct{}) error {
	if err := p.recover(ctx); err != nil {
		return err
	}
	var posts sync.WaitGroup
	defer posts.Wait()
	slots := make(chan struct{}, inFlight)
	done := make(chan struct{}, 1)
	for {
		next, err := p.round(ctx, func(key []byte, r row) {
			slots <- struct{}{}
			posts.Go(func() {
				p.deliver(ctx, key, r)
				p.release(r.Contact)
				<-slots
				select {
				case done <- struct{}{}:
				default:
				}
			})
		})
		if err != nil && ctx.Err() == nil {
			p.cfg.Log.Error("outbound queue cannot be read", "shard", p.shard, "error", err)
			next = time.Second
		}
		wake := time.NewTimer(next)
		select {
		case <-ctx.Done():
			wake.Stop()
			return nil
		case <-poke:
		case <-done:
		case <-wake.C:
		}
		wake.Stop()
	}
}

// recover takes rows that were being posted when the relay died for what they are: posts without an answer.
func (p *Pipeline) recover(ctx context.Context) error {
	return p.cfg.DB.Update(ctx, p.shard, func(tx ledger.Tx) error {
		rows, err := rows(tx, 1<<20)
		if err != nil {
			return err
		}
		for _, q := range rows {
			if q.State != posting {
				continue
			}
			q.State, q.Due = silent, inbox.At(p.cfg.Now()).Add(SettleWait)
			if err := putRow(tx, q.key, q.row); err != nil {
				return err
			}
		}
		return nil
	})
}

type queued struct {
	row
	key []byte
}

func rows(tx ledger.Tx, n int) (out []queued, err error) {
	for key := range tx.Scan(bucketQueue, nil, nil) {
		r, ok, err := rowAt(tx, key)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		if out = append(out, queued{row: r, key: append([]byte(nil), key...)}); len(out) == n {
			break
		}
	}
	return out, tx.Err()
}

// round starts every post that may leave now and returns how long nothing else can.
func (p *Pipeline) round(ctx context.Context, start func(key []byte, r row)) (time.Duration, error) {
	var list []queued
	err := p.cfg.DB.View(ctx, p.shard, func(tx ledger.Tx) (err error) {
		list, err = rows(tx, lookAhead)
		return err
	})
	now := p.cfg.Now()
	next := time.Hour
	held := map[inbox.ContactID]bool{} // an earlier message of the contact has not left: later ones wait
	for _, q := range list {
		wait := q.Due.Time().Sub(now)
		switch {
		case q.State == silent && wait <= 0:
			p.giveUp(ctx, q)
			continue
		case q.State == silent:
			next = min(next, wait)
			continue
		case q.State == posting || held[q.Contact]:
			held[q.Contact] = true
			continue
		case q.Due != noBefore && wait > 0:
			held[q.Contact], next = true, min(next, wait)
			continue
		}
		held[q.Contact] = true
		if wait := p.reserve(q.Contact, now); wait > 0 {
			next = min(next, wait)
			continue
		} else if wait < 0 {
			continue
		}
		start(q.key, q.row)
	}
	return max(next, time.Millisecond), err
}

// reserve takes the contact and a place in both paces. It returns how long to wait instead, or a negative value while
// another post to the contact is under way.
func (p *Pipeline) reserve(id inbox.ContactID, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy[id] {
		return -1
	}
	pair := p.pair[id]
	if pair == nil {
		if len(p.pair) > 100_000 { // forget whoever is at rest; a full bucket is what a new one is
			for id, l := range p.pair {
				if l.TokensAt(now) >= PairBurst {
					delete(p.pair, id)
				}
			}
		}
		pair = rate.NewLimiter(rate.Every(PairEvery), PairBurst)
		p.pair[id] = pair
	}
	mine := pair.ReserveN(now, 1)
	if wait := mine.DelayFrom(now); wait > 0 {
		mine.CancelAt(now)
		return wait
	}
	all := p.all.ReserveN(now, 1)
	if wait := all.DelayFrom(now); wait > 0 {
		all.CancelAt(now)
		mine.CancelAt(now)
		return wait
	}
	p.busy[id] = true
	return 0
}

func (p *Pipeline) release(id inbox.ContactID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.busy, id)
}

// deliver posts one row and writes down what became of it.
func (p *Pipeline) deliver(ctx context.Context, key []byte, r row) {
	mail, ok, err := p.claim(ctx, key, &r)
	if err != nil {
		if ctx.Err() == nil {
			p.cfg.Log.Error("message cannot be claimed for sending", "message", r.Message, "error", err)
		}
		return
	}
	if !ok {
		return
	}
	result, err := p.cfg.Sender.Send(ctx, p.number, mail)
	fate := whatsapp.OutcomeAccepted
	if err != nil {
		fate = whatsapp.OutcomeOf(err)
		p.cfg.Log.Warn("message was not accepted", "message", r.Message, "try", r.Tries, "outcome", fate.String(), "error", err)
	}
	if p.cfg.Posted != nil {
		p.cfg.Posted(fate.String())
	}
	// What happened must be written down even while the relay stops: a fate that is lost has to be shown as unknown.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := p.record(ctx, key, r, result, fate, err); err != nil {
		p.cfg.Log.Error("fate of a message cannot be written", "message", r.Message, "error", err)
	}
}

// claim marks the row as posting, durably, and returns what to post. It reports false if there is nothing to post.
func (p *Pipeline) claim(ctx context.Context, key []byte, r *row) (mail whatsapp.Outgoing, ok bool, err error) {
	who, err := p.cfg.Vault.Identity(ctx, r.Contact)
	if err != nil {
		return mail, false, err
	}
	mail = whatsapp.Outgoing{
		Phone: whatsapp.NewPhone(who.Phone), User: whatsapp.NewUserID(who.UserID), Callback: string(r.Message),
	}
	say, err := openPayload(ctx, p.cfg.DB, p.cfg.Vault, p.shard, r.Contact, r.Message)
	if err != nil {
		return mail, false, err
	}
	if mail.ReplyTo, err = p.wamid(ctx, r.Contact, say.Quote); err != nil {
		return mail, false, err
	}
	mail.Content = whatsapp.SendText{Body: say.Text}
	if say.React != "" {
		target, err := p.wamid(ctx, r.Contact, say.React)
		if err != nil {
			return mail, false, err
		}
		mail.Content = whatsapp.SendReaction{Target: target, Emoji: say.Emoji}
	}
	err = p.cfg.DB.Update(ctx, p.shard, func(tx ledger.Tx) error {
		now, there, err := rowAt(tx, key)
		if err != nil || !there || now.State != waiting {
			ok = false
			return err
		}
		m, shown, err := eventlog.Message(tx, r.Message)
		if err != nil {
			return err
		}
		if shown && say.React == "" {
			c, _, err := eventlog.Conversation(tx, m.Conversation)
			if err != nil {
				return err
			}
			if at := inbox.At(p.cfg.Now()); !c.WindowOpen(at) { // it closed while the message waited
				ok = false
				if err := remove(tx, r.Message); err != nil {
					return err
				}
				return advance(tx, m, inbox.Failed, inbox.FailWindow, at)
			}
		}
		ok = true
		now.State, now.Tries = posting, now.Tries+1
		*r = now
		return putRow(tx, key, now)
	})
	return mail, ok && err == nil, err
}

// wamid returns Meta's id of a message of the contact; zero if it is not known.
func (p *Pipeline) wamid(ctx context.Context, contact inbox.ContactID, message inbox.MessageID) (whatsapp.MessageID, error) {
	if message == "" {
		return whatsapp.MessageID{}, nil
	}
	var sealed []byte
	err := p.cfg.DB.View(ctx, p.shard, func(tx ledger.Tx) (err error) {
		sealed, err = tx.Get(bucketWamid, []byte(message))
		return err
	})
	if err != nil {
		return whatsapp.MessageID{}, err
	}
	return openWamid(ctx, p.cfg.Vault, contact, message, sealed)
}

func (p *Pipeline) record(ctx context.Context, key []byte, r row, result whatsapp.SendResult, fate whatsapp.Outcome, cause error) error {
	at := inbox.At(p.cfg.Now())
	var ref *Ref
	if fate == whatsapp.OutcomeAccepted && !result.ID.IsZero() {
		made, err := NewRef(ctx, p.cfg.Vault, r.Contact, result.ID, r.Message)
		if err != nil {
			return err
		}
		ref = &made
	}
	return p.cfg.DB.Update(ctx, p.shard, func(tx ledger.Tx) error {
		if ref != nil {
			if err := ref.Bind(tx); err != nil {
				return err
			}
		}
		q, there, err := rowAt(tx, key)
		if err != nil || !there { // a status was faster than the answer and settled it
			return err
		}
		m, _, err := eventlog.Message(tx, r.Message)
		if err != nil {
			return err
		}
		switch fate {
		case whatsapp.OutcomeAccepted:
			return remove(tx, r.Message)
		case whatsapp.OutcomeUnknown:
			q.State, q.Due = silent, at.Add(SettleWait)
			return putRow(tx, key, q)
		case whatsapp.OutcomeNotSent: // nothing left this machine: the wish stays, for as long as the window does
			q.State, q.Due = waiting, at.Add(backoff(q.Tries))
			return putRow(tx, key, q)
		}
		class, wait := whatsapp.ClassBug, time.Duration(0)
		var api *whatsapp.APIError
		if errors.As(cause, &api) {
			class, wait = api.Class, api.RetryAfter
		}
		if class.Temporary() && q.Tries < maxTries {
			q.State, q.Due = waiting, at.Add(max(wait, backoff(q.Tries)))
			return putRow(tx, key, q)
		}
		if err := remove(tx, r.Message); err != nil {
			return err
		}
		return advance(tx, m, inbox.Failed, FailureOf(class), at)
	})
}

// giveUp stops hoping for a status: the message is shown as unknown until one comes or a person decides.
func (p *Pipeline) giveUp(ctx context.Context, q queued) {
	at := inbox.At(p.cfg.Now())
	err := p.cfg.DB.Update(ctx, p.shard, func(tx ledger.Tx) error {
		now, there, err := rowAt(tx, q.key)
		if err != nil || !there || now.State != silent {
			return err
		}
		m, _, err := eventlog.Message(tx, q.Message)
		if err != nil {
			return err
		}
		if err := remove(tx, q.Message); err != nil {
			return err
		}
		return advance(tx, m, inbox.Unknown, inbox.NoFailure, at)
	})
	if err != nil && ctx.Err() == nil {
		p.cfg.Log.Error("fate of a message cannot be written", "message", q.Message, "error", err)
	}
}

// backoff grows from one second to ten minutes, with half of it random so that many rows do not come back at once.
func backoff(tries int) time.Duration {
	d := min(time.Second<<min(tries, 10), 10*time.Minute)
	return d/2 + rand.N(d/2+1)
}

// QueueLength returns how many messages wait or are under way, for metrics.
func (p *Pipeline) QueueLength(ctx context.Context) (n int, err error) {
	err = p.cfg.DB.View(ctx, p.shard, func(tx ledger.Tx) error {
		n = 0
		for range tx.Scan(bucketQueue, nil, nil) {
			n++
		}
		return nil
	})
	return n, err
}
