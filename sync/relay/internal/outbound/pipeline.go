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
	NumberRate = 80              // messages a second one number may send and receive, unless Meta raised it
	PairEvery  = 6 * time.Second // one message to the same customer, on the long run
	PairBurst  = 45              // how many may be borrowed from the future
)

// SettleWait is how long a post without an answer may wait for a status before it is shown as unknown.
const SettleWait = time.Minute

const (
	inFlight     = 32 // posts of one number under way at once: 80 a second at 300 ms need 24
	settleAtOnce = 256
	maxTries     = 12               // refusals that ask for another try; with back-off about half an hour
	longestPause = 10 * time.Minute // between two tries
	noRoute      = time.Minute      // the longest pause while nothing leaves this machine: then the network is back
	lastGrace    = 5 * time.Second  // for posts under way when the relay stops
	noBefore     = inbox.Moment(0)

	keepEvery = time.Second // between two attempts to write down what happened
	keepTries = 5           // attempts, unless it is room on the disk that is missing
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

	mu    sync.Mutex
	busy  map[inbox.ContactID]bool
	pair  map[inbox.ContactID]*rate.Limiter
	quiet time.Time // until then WhatsApp wants nothing from this number
}

// New returns the pipeline of an inbox whose company number has the given id at Meta.
func New(id inbox.InboxID, phoneNumberID string, cfg Config) *Pipeline {
	if cfg.NumberRate == 0 {
		cfg.NumberRate = NumberRate
	}
	// Meta counts what customers send as well, and over a window of its own: something is left for them, and no second's
	// worth is saved up.
	pace := rate.Limit(cfg.NumberRate) * 9 / 10
	return &Pipeline{
		cfg: cfg, shard: eventlog.Shard(id.Log()), number: phoneNumberID, all: rate.NewLimiter(pace, max(1, cfg.NumberRate/8)),
		busy: map[inbox.ContactID]bool{}, pair: map[inbox.ContactID]*rate.Limiter{},
	}
}

// Run sends until ctx ends, and returns when every post under way has been written down. poke tells that the queue may
// have grown; it is only a hint.
func (p *Pipeline) Run(ctx context.Context, poke <-chan struct{}) error {
	var posts sync.WaitGroup
	defer posts.Wait()
	slots := make(chan struct{}, inFlight)
	done := make(chan struct{}, 1)
	recovered := false
	for {
		next, err := time.Duration(0), error(nil)
		if !recovered {
			err = p.recover(ctx)
			recovered = err == nil
		}
		if recovered {
			next, err = p.round(ctx, cap(slots)-len(slots), func(q queued) {
				slots <- struct{}{} // there is room: nobody else takes any
				posts.Go(func() {
					p.deliver(ctx, q.key, q.row)
					p.release(q.Contact)
					<-slots
					select {
					case done <- struct{}{}:
					default:
					}
				})
			})
		}
		if err != nil && ctx.Err() == nil {
			p.cfg.Log.Error("outbound queue stopped for a moment", "shard", p.shard, "error", err)
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
		var lost []queued
		for q, err := range rows(tx) {
			if err != nil {
				return err
			}
			if q.State == posting {
				lost = append(lost, q)
			}
		}
		for _, q := range lost {
			q.State, q.Due = silent, inbox.At(p.cfg.Now()).Add(SettleWait)
			if err := putRow(tx, q.key, q.row); err != nil {
				return err
			}
		}
		return tx.Err()
	})
}

// round starts at most room posts that may leave now and returns how long nothing else can.
func (p *Pipeline) round(ctx context.Context, room int, start func(queued)) (time.Duration, error) {
	now := p.cfg.Now()
	next := p.silence(now)
	var ready, late []queued
	if room == 0 {
		return next, nil // a post that ends makes room, and is heard of
	}
	err := p.cfg.DB.View(ctx, p.shard, func(tx ledger.Tx) error {
		ready, late = ready[:0], late[:0]
		held := map[inbox.ContactID]bool{} // an earlier message of the contact has not left: later ones wait
		for q, err := range rows(tx) {
			if err != nil {
				return err
			}
			wait := q.Due.Time().Sub(now)
			switch {
			case q.State == silent && wait > 0:
				next = min(next, wait)
			case q.State == silent:
				late = append(late, q)
			case held[q.Contact]:
			case q.State == posting:
				held[q.Contact] = true
			case q.Due != noBefore && wait > 0:
				held[q.Contact], next = true, min(next, wait)
			default:
				held[q.Contact] = true
				if wait, free := p.pairPace(q.Contact, now); free {
					ready = append(ready, q)
				} else {
					next = min(next, wait)
				}
			}
			if len(ready) == room || len(late) == settleAtOnce {
				break
			}
		}
		return tx.Err()
	})
	if err != nil {
		return 0, err
	}
	for _, q := range ready {
		if wait := p.reserve(q.Contact, now); wait > 0 {
			next = min(next, wait)
			break // it is the number's pace, and the next one has no other
		}
		start(q)
	}
	if len(late) == settleAtOnce {
		next = 0
	}
	return max(next, time.Millisecond), p.giveUp(ctx, late)
}

// deliver posts one row and writes down what became of it.
func (p *Pipeline) deliver(ctx context.Context, key []byte, r row) {
	mail, ok, err := p.claim(ctx, key, &r)
	if err != nil {
		if ctx.Err() == nil {
			p.cfg.Log.Error("message cannot be claimed for sending", "message", r.Message, "error", err)
			p.keep(ctx, r.Message, func(ctx context.Context) error { return p.postpone(ctx, key) })
		}
		return
	}
	if !ok {
		return
	}
	// What is claimed is posted and its answer awaited even while the relay stops: a fate that is lost has to be shown as
	// unknown.
	post, cancel := lingering(ctx, lastGrace)
	result, err := p.cfg.Sender.Send(post, p.number, mail)
	cancel()
	fate := whatsapp.OutcomeAccepted
	if err != nil {
		fate = whatsapp.OutcomeOf(err)
		p.cfg.Log.Warn("message was not accepted", "message", r.Message, "try", r.Tries, "outcome", fate.String(), "error", err)
	}
	if p.cfg.Posted != nil {
		p.cfg.Posted(fate.String())
	}
	if class, wait := classOf(err); fate == whatsapp.OutcomeRefused && class == whatsapp.ClassRate {
		p.hush(max(wait, time.Second))
	}
	p.keep(ctx, r.Message, func(ctx context.Context) error { return p.record(ctx, key, r, result, fate, err) })
}

// lingering returns a context that ends some time after ctx does.
func lingering(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(d, cancel) })
	return out, func() {
		stop()
		cancel()
	}
}

// keep writes down what happened to a message. Until that is done nothing else may leave for the contact, so it tries
// again: for as long as the disk is full, and a few times otherwise. What a relay that stops cannot write any more is
// found at the next start as a post without an answer.
func (p *Pipeline) keep(ctx context.Context, message inbox.MessageID, write func(context.Context) error) {
	for try := 1; ; try++ {
		patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		err := write(patience)
		cancel()
		if err == nil {
			return
		}
		if try == 1 {
			p.cfg.Log.Error("fate of a message cannot be written", "message", message, "error", err)
		}
		if try >= keepTries && !errors.Is(err, ledger.ErrFull) {
			return
		}
		wait := time.NewTimer(keepEvery)
		select {
		case <-ctx.Done():
			wait.Stop()
			return
		case <-wait.C:
		}
	}
}

// postpone puts a row off that could not even be prepared, and shows it as failed when that does not get better.
func (p *Pipeline) postpone(ctx context.Context, key []byte) error {
	return p.cfg.DB.Update(ctx, p.shard, func(tx ledger.Tx) error {
		q, there, err := rowAt(tx, key)
		if err != nil || !there || q.State != waiting {
			return err
		}
		at := inbox.At(p.cfg.Now())
		if q.Tries++; q.Tries >= maxTries {
			return fail(tx, q.Message, inbox.FailInternal, at)
		}
		q.Due = at.Add(backoff(q.Tries))
		return putRow(tx, key, q)
	})
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
		ok = false
		at := inbox.At(p.cfg.Now())
		now, there, err := rowAt(tx, key)
		if err != nil || !there || now.State != waiting || now.Due > at { // the queue was read a moment ago
			return err
		}
		about := r.Message
		if say.React != "" {
			about = say.React
		}
		open, err := windowOpen(tx, about, at)
		if err != nil {
			return err
		}
		if !open { // it closed while the message waited
			return fail(tx, r.Message, inbox.FailWindow, at)
		}
		ok = true
		now.State, now.Tries = posting, now.Tries+1
		*r = now
		return putRow(tx, key, now)
	})
	return mail, ok && err == nil, err
}

// windowOpen reports whether the customer a message belongs to may still be written to.
func windowOpen(tx ledger.Tx, about inbox.MessageID, at inbox.Moment) (bool, error) {
	m, there, err := eventlog.Message(tx, about)
	if err != nil || !there {
		return err == nil, err
	}
	c, _, err := eventlog.Conversation(tx, m.Conversation)
	return c.WindowOpen(at), err
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
		if made, err := NewRef(ctx, p.cfg.Vault, r.Contact, result.ID, r.Message); err != nil { // the first status makes up for it
			p.cfg.Log.Error("reference of a message cannot be sealed", "message", r.Message, "error", err)
		} else {
			ref = &made
		}
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
		class, wait := classOf(cause)
		switch {
		case fate == whatsapp.OutcomeAccepted:
			return remove(tx, r.Message)
		case fate == whatsapp.OutcomeUnknown:
			q.State, q.Due = silent, at.Add(SettleWait)
		case fate == whatsapp.OutcomeNotSent && !errors.Is(cause, whatsapp.ErrRequest):
			// Nothing left this machine: the wish stays, for as long as the window does.
			q.State, q.Due = waiting, at.Add(min(backoff(q.Tries), noRoute))
		case class.Temporary() && q.Tries < maxTries:
			q.State, q.Due = waiting, at.Add(max(wait, backoff(q.Tries)))
		default:
			return fail(tx, r.Message, FailureOf(class), at)
		}
		return putRow(tx, key, q)
	})
}

// classOf returns what kind of refusal an error is, and how long the answer asked to wait.
func classOf(err error) (whatsapp.Class, time.Duration) {
	var api *whatsapp.APIError
	if errors.As(err, &api) {
		return api.Class, api.RetryAfter
	}
	return whatsapp.ClassBug, 0
}

// fail takes a message out of the queue and shows why it did not leave. A reaction has no receipt and just goes.
func fail(tx ledger.Tx, id inbox.MessageID, why inbox.Failure, at inbox.Moment) error {
	return settle(tx, id, inbox.Failed, why, at)
}

func settle(tx ledger.Tx, id inbox.MessageID, receipt inbox.Receipt, why inbox.Failure, at inbox.Moment) error {
	m, _, err := eventlog.Message(tx, id)
	if err != nil {
		return err
	}
	if err := remove(tx, id); err != nil {
		return err
	}
	return advance(tx, m, receipt, why, at)
}

// giveUp stops hoping for statuses: the messages are shown as unknown until one comes or a person decides.
func (p *Pipeline) giveUp(ctx context.Context, late []queued) error {
	if len(late) == 0 {
		return nil
	}
	at := inbox.At(p.cfg.Now())
	return p.cfg.DB.Update(ctx, p.shard, func(tx ledger.Tx) error {
		for _, q := range late {
			now, there, err := rowAt(tx, q.key)
			if err != nil {
				return err
			}
			if !there || now.State != silent {
				continue
			}
			if err := settle(tx, q.Message, inbox.Unknown, inbox.NoFailure, at); err != nil {
				return err
			}
		}
		return nil
	})
}

// backoff grows from one second to ten minutes, with half of it random so that many rows do not come back at once.
func backoff(tries int) time.Duration {
	d := min(time.Second<<min(tries, 10), longestPause)
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
