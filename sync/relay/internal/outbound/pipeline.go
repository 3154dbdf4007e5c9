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
	inFlight     = 32 // posts of one number under way at once: 80 a second at 300 ms need 24; more for faster numbers
	filesAtOnce  = 8  // of them with files
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

// Config says what a pipeline works with. DB, Vault, Sender, Log and Now are required.
type Config struct {
	DB     ledger.DB
	Vault  *vault.Vault
	Sender Sender
	Log    *slog.Logger
	Now    func() time.Time
	// Files knows the files messages have. Without it they fail.
	Files Files
	// Marker tells customers what was read, and that somebody writes. nil tells them nothing.
	Marker Marker
	// Posted is told the fate of every post, for metrics: "accepted", "refused", "not sent" or "unknown".
	Posted func(fate string)
	// Trouble is told when WhatsApp takes nothing from the number any more, of which class and with which code of Meta's,
	// and with "" when it works again, or for the first time. It is not called concurrently.
	Trouble func(ctx context.Context, c whatsapp.Class, code int)
	// Limited is told when WhatsApp lets the company begin with no more customers today.
	Limited func(ctx context.Context)
	// Stopped prepares to write down that a contact has stopped marketing, which WhatsApp said by refusing a message.
	// What it returns is called in the transaction that shows the failure, for the conversation it happened in.
	Stopped func(ctx context.Context, contact inbox.ContactID, message inbox.MessageID, at inbox.Moment) (func(ledger.Tx, inbox.ConversationID) error, error)
	// Held says that the company was told, before this process began, that WhatsApp takes nothing from the number.
	Held bool
	// Ask asks WhatsApp whether the number may be used, for a number that is held when there is no message to try.
	// Its errors are classified as those of Sender. Without it such a number is taken to work until it does not.
	Ask func(ctx context.Context) error
	// NumberRate overrides the constant of the same name; zero keeps it.
	NumberRate int
}

// A Pipeline sends what is queued for one inbox.
type Pipeline struct {
	cfg    Config
	shard  string
	number string // Meta's id of the company's number

	mu       sync.Mutex
	all      *rate.Limiter // what leaves and, up to inbound, what comes in
	inbound  *rate.Limiter
	busy     map[inbox.ContactID]bool
	files    int // of the busy, with files
	pair     map[inbox.ContactID]*rate.Limiter
	quiet    time.Time // until then WhatsApp wants nothing from this number
	begun    uint64    // posts so far
	good     uint64    // the newest post that was accepted
	held     hold
	suspects map[inbox.MessageID]suspect
	working  bool // WhatsApp has taken something since the last hold

	telling sync.Mutex     // held while the company is told
	told    whatsapp.Class // what it was told last; written under both

	marks marks
}

// New returns the pipeline of an inbox whose company number has the given id at Meta.
func New(id inbox.InboxID, phoneNumberID string, cfg Config) *Pipeline {
	if cfg.NumberRate == 0 {
		cfg.NumberRate = NumberRate
	}
	// Meta counts over a window of its own: something is left for that, and no second's worth is saved up.
	pace := rate.Limit(cfg.NumberRate) * 9 / 10
	p := &Pipeline{
		cfg: cfg, shard: eventlog.Shard(id.Log()), number: phoneNumberID, told: unheard,
		all:     rate.NewLimiter(pace, max(1, cfg.NumberRate/8)),
		inbound: rate.NewLimiter(pace*3/4, max(1, cfg.NumberRate*3/4)),
		busy:    map[inbox.ContactID]bool{}, pair: map[inbox.ContactID]*rate.Limiter{}, suspects: map[inbox.MessageID]suspect{},
		marks: newMarks(),
	}
	if cfg.Held {
		p.held, p.told = hold{class: remembered}, remembered
	}
	return p
}

// Run sends until ctx ends, and returns when every post under way has been written down. poke tells that the queue may
// have grown; it is only a hint.
func (p *Pipeline) Run(ctx context.Context, poke <-chan struct{}) error {
	var posts sync.WaitGroup
	defer posts.Wait()
	posts.Go(func() { p.mark(ctx) })
	slots := make(chan struct{}, max(inFlight, inFlight*p.cfg.NumberRate/NumberRate))
	done := make(chan struct{}, 1)
	ended := func() {
		select {
		case done <- struct{}{}:
		default:
		}
	}
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
					p.release(q.row)
					<-slots
					ended()
				})
			}, func() {
				posts.Go(func() {
					p.ask(ctx)
					ended()
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

// round starts at most room posts that may leave now, or asks about a number that is held with nothing to try, and
// returns how long nothing else can be done.
func (p *Pipeline) round(ctx context.Context, room int, start func(queued), ask func()) (time.Duration, error) {
	now := p.cfg.Now()
	next := p.silence(now)
	held, try, wait := p.holding(now)
	next = min(next, wait)
	if err := p.sweep(ctx, now); err != nil {
		return 0, err
	}
	most := room
	switch {
	case room == 0:
		return next, nil // a post that ends makes room, and is heard of
	case held && try:
		most = probeChoices
	}
	var ready, late []queued
	err := p.cfg.DB.View(ctx, p.shard, func(tx ledger.Tx) error {
		ready, late = ready[:0], late[:0]
		files := p.filesLeft()
		waits := map[inbox.ContactID]bool{} // an earlier message of the contact has not left: later ones wait
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
			case waits[q.Contact]:
			case q.State == posting:
				waits[q.Contact] = true
			case q.Due != noBefore && wait > 0:
				waits[q.Contact], next = true, min(next, wait)
			default:
				waits[q.Contact] = true
				switch wait, free := p.pairPace(q.Contact, now); {
				case held && !try:
				case !free:
					next = min(next, wait)
				case q.File && files == 0: // one that is done is heard of
				default:
					if q.File {
						files--
					}
					ready = append(ready, q)
				}
			}
			if len(ready) == most || len(late) == settleAtOnce {
				break
			}
		}
		return tx.Err()
	})
	if err != nil {
		return 0, err
	}
	switch {
	case held && len(ready) > 0:
		ready = []queued{p.choose(ready)}
	case held && try:
		p.tries()
		ask()
	}
	for _, q := range ready {
		if wait := p.reserve(q.row, now, held); wait > 0 {
			next = min(next, wait)
			if held {
				p.unproved()
			}
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
	defer p.tell(context.WithoutCancel(ctx))
	post := p.begin()
	load, ok, err := p.load(ctx, key, r)
	if ok && err == nil {
		ok, err = p.claim(ctx, key, &r, &load)
	}
	switch {
	case err != nil:
		var f *fileError
		held := errors.As(err, &f) && holds(f.cause) && p.stop(r.Message, f.cause)
		p.unproved()
		if ctx.Err() == nil {
			p.cfg.Log.Error("message cannot be claimed for sending", "message", r.Message, "error", err)
			p.keep(ctx, r.Message, func(ctx context.Context) error { return p.postpone(ctx, key, err, held) })
		}
		return
	case !ok:
		p.unproved()
		return
	}
	// What is claimed is posted and its answer awaited even while the relay stops: a fate that is lost has to be shown as
	// unknown.
	patience, cancel := lingering(ctx, lastGrace)
	result, err := p.cfg.Sender.Send(patience, p.number, load.mail)
	cancel()
	fate := fateOf(err)
	if err != nil {
		p.cfg.Log.Warn("message was not accepted", "message", r.Message, "try", r.Tries, "outcome", fate.String(), "error", err)
	}
	if p.cfg.Posted != nil {
		p.cfg.Posted(fate.String())
	}
	class, wait := classOf(err)
	if fate == whatsapp.OutcomeRefused && class == whatsapp.ClassRate {
		p.hush(max(wait, time.Second))
	}
	v := verdict{fate: fate, cause: err, result: result, load: load}
	switch {
	case fate == whatsapp.OutcomeRefused && class == whatsapp.ClassSpam && load.begins && !p.reported():
		// Too many complaints hold answers back as well; a first word is refused alone when it is the day's limit.
		v.limited = true
	case fate == whatsapp.OutcomeRefused && holds(err):
		v.held = p.stop(r.Message, err)
		v.alone = !v.held
	}
	if !v.held {
		accepted := fate == whatsapp.OutcomeAccepted
		p.heard(r.Message, post, accepted || fate == whatsapp.OutcomeRefused && !class.Temporary() && !v.limited && !v.alone, accepted)
	}
	p.keep(ctx, r.Message, func(ctx context.Context) error { return p.record(ctx, key, r, v) })
	if v.limited && p.cfg.Limited != nil {
		p.cfg.Limited(context.WithoutCancel(ctx))
	}
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
