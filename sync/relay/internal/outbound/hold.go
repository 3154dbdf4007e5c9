package outbound

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/whatsapp"
)

// When WhatsApp refuses everything a number sends, its queue is held: nothing fails, nothing leaves, and every now and
// then one message tries whether that is over.
const (
	probeEvery   = 30 * time.Second
	probeJitter  = 10 * time.Second
	spamPause    = 10 * time.Minute // the first pause after too many complaints; it doubles
	longestSpam  = 2 * time.Hour
	sweepEvery   = 30 * time.Second // for messages whose window closes while they wait
	sweepAtOnce  = 256
	probeChoices = 1024
)

// What the company was told before this process told it anything: nothing, or that the number is held.
const (
	unheard    = whatsapp.Class("unheard")
	remembered = whatsapp.Class("remembered")
)

// A hold says why nothing leaves. Its zero value is a number that works.
type hold struct {
	class   whatsapp.Class
	code    int
	since   uint64 // posts begun later show whether it is over
	probe   time.Time
	probing bool
	pause   time.Duration // of the next spam pause
	swept   time.Time
	// tried is set when WhatsApp accepts messages and fails them afterwards: then the status of one that tried shows
	// whether it is over, not the answer to it.
	tried map[inbox.MessageID]bool
}

// A suspect is a message refused as if everything would be.
type suspect struct {
	since uint64 // the newest post at that time
	times int
}

// single are the codes of classes that stop a number which concern one message alone: a country the company may not write
// to, and terms for payments within a chat.
var single = map[int]bool{130497: true, 134011: true}

// holds reports whether an error means that everything the number sends would be refused.
func holds(err error) bool {
	var api *whatsapp.APIError
	return errors.As(err, &api) && api.Class.Stops() && !single[api.Code]
}

// begin numbers a post.
func (p *Pipeline) begin() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun++
	return p.begun
}

// stop holds the queue because of a message's refusal, and returns true; or false, when the refusal concerns that message
// alone, because others have left since it was refused the last time.
func (p *Pipeline) stop(id inbox.MessageID, err error) bool {
	class, wait := classOf(err)
	now := p.cfg.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.suspects[id]
	if s.times > 0 && p.good > s.since && p.held.class == "" {
		delete(p.suspects, id)
		return false
	}
	p.suspects[id] = suspect{since: p.begun, times: s.times + 1}
	if p.held.class != "" && !p.held.probing && p.held.class == class {
		return true // of the posts under way when it began
	}
	p.hold(class, codeOf(err), wait, now)
	return true
}

// hold begins or prolongs a hold; the lock is held.
func (p *Pipeline) hold(class whatsapp.Class, code int, wait time.Duration, now time.Time) {
	h := hold{class: class, code: code, since: p.begun, pause: p.held.pause, swept: p.held.swept}
	pause := probeEvery + rand.N(probeJitter)
	if class == whatsapp.ClassSpam {
		h.pause = min(max(2*h.pause, spamPause), longestSpam)
		pause = h.pause + rand.N(h.pause/10)
	}
	h.probe = now.Add(max(pause, wait))
	p.held = h
}

// Failed tells that WhatsApp failed a message which it had accepted, with the code. When that means that it will fail
// everything the number sends, the queue is held: whatever left would be lost.
func (p *Pipeline) Failed(ctx context.Context, id inbox.MessageID, code int) {
	class := whatsapp.ClassOf(code)
	if !class.Stops() || single[code] {
		return
	}
	p.mu.Lock()
	switch {
	case p.held.class == "", p.held.class == remembered, p.held.tried[id]:
		p.hold(class, code, 0, p.cfg.Now())
		p.held.tried = map[inbox.MessageID]bool{}
	}
	p.mu.Unlock()
	p.tell(ctx)
}

// Arrived tells that WhatsApp has passed a message on.
func (p *Pipeline) Arrived(ctx context.Context, id inbox.MessageID) {
	p.mu.Lock()
	over := p.held.tried[id]
	if over {
		p.held, p.working = hold{}, true
	}
	p.mu.Unlock()
	if over {
		p.tell(ctx)
	}
}

// ask asks about a number that is held and has no message to try.
func (p *Pipeline) ask(ctx context.Context) {
	defer p.tell(context.WithoutCancel(ctx))
	var err error
	if p.cfg.Ask != nil {
		err = p.cfg.Ask(ctx)
	}
	class, wait := classOf(err)
	now := p.cfg.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err == nil:
		p.held, p.working = hold{}, true
	case holds(err):
		p.hold(class, codeOf(err), wait, now)
	default: // nobody knows: later again
		p.held.probing = false
		p.held.probe = now.Add(probeEvery + rand.N(probeJitter))
	}
}

// heard takes note of what became of a post, for whatever else may leave. answered says that WhatsApp looked at the
// message itself.
func (p *Pipeline) heard(id inbox.MessageID, post uint64, answered, accepted bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if accepted {
		p.good = max(p.good, post)
	}
	if answered {
		delete(p.suspects, id)
	}
	switch {
	case p.held.class == "" && answered && p.told == unheard:
		p.working = true
	case p.held.tried != nil && accepted && post > p.held.since:
		p.held.probing = false
		p.held.probe = p.cfg.Now().Add(probeEvery + rand.N(probeJitter))
	case p.held.class != "" && answered && post > p.held.since:
		p.held, p.working = hold{}, true
	case p.held.probing && post > p.held.since: // nobody knows: later again
		p.held.probing = false
		p.held.probe = p.cfg.Now().Add(probeEvery + rand.N(probeJitter))
	}
}

// unproved ends a probe that posted nothing.
func (p *Pipeline) unproved() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held.probing = false
}

// holding returns whether the queue is held, whether one message may try, and how long that will not change by itself.
func (p *Pipeline) holding(now time.Time) (held, try bool, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.held.class == "":
		return false, false, time.Hour
	case p.held.probing:
		return true, false, sweepEvery
	}
	wait = p.held.probe.Sub(now)
	return true, wait <= 0, min(max(wait, 0), sweepEvery)
}

// reported reports whether the number is held because customers complained.
func (p *Pipeline) reported() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held.class == whatsapp.ClassSpam
}

// Held reports whether WhatsApp takes nothing from the number at present, as far as this process knows.
func (p *Pipeline) Held() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held.class != ""
}

// tries begins a probe.
func (p *Pipeline) tries() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held.probing = true
}

// choose returns the message to try: the first one, but none that was refused more often than others.
func (p *Pipeline) choose(ready []queued) queued {
	p.mu.Lock()
	defer p.mu.Unlock()
	best := ready[0]
	for _, q := range ready[1:] {
		if p.suspects[q.Message].times < p.suspects[best.Message].times {
			best = q
		}
	}
	p.held.probing = true
	if p.held.tried != nil {
		p.held.tried[best.Message] = true
	}
	return best
}

// tell passes on that the number is held, or works again, if that is news.
func (p *Pipeline) tell(ctx context.Context) {
	p.telling.Lock()
	defer p.telling.Unlock()
	p.mu.Lock()
	class, code := p.held.class, p.held.code
	news := class != p.told && (class != "" || p.working)
	if news {
		p.told = class
	}
	p.mu.Unlock()
	if !news {
		return
	}
	if class != "" {
		p.cfg.Log.Error("number is held", "shard", p.shard, "class", string(class), "code", code)
	} else {
		p.cfg.Log.Info("number works", "shard", p.shard)
	}
	if p.cfg.Trouble != nil {
		p.cfg.Trouble(ctx, class, code)
	}
}

// sweep shows messages as failed whose window has closed while the queue is held.
func (p *Pipeline) sweep(ctx context.Context, now time.Time) error {
	p.mu.Lock()
	due := p.held.class != "" && now.Sub(p.held.swept) >= sweepEvery
	if due {
		p.held.swept = now
	}
	p.mu.Unlock()
	if !due {
		return nil
	}
	at := inbox.At(now)
	closed := func(tx ledger.Tx) (out []queued, err error) {
		for q, err := range rows(tx) {
			if err != nil {
				return nil, err
			}
			if q.State != waiting || q.Free {
				continue
			}
			c, ok, err := conversationOf(tx, q.Message)
			if err != nil {
				return nil, err
			}
			if ok && !c.WindowOpen(at) {
				if out = append(out, q); len(out) == sweepAtOnce {
					break
				}
			}
		}
		return out, tx.Err()
	}
	for {
		var late []queued
		err := p.cfg.DB.View(ctx, p.shard, func(tx ledger.Tx) (err error) {
			late, err = closed(tx)
			return err
		})
		if err != nil || len(late) == 0 {
			return err
		}
		err = p.cfg.DB.Update(ctx, p.shard, func(tx ledger.Tx) error {
			late, err := closed(tx)
			for _, q := range late {
				if err == nil {
					err = fail(tx, q.Message, inbox.FailWindow, at)
				}
			}
			return err
		})
		if err != nil || len(late) < sweepAtOnce {
			return err
		}
	}
}

func codeOf(err error) int {
	var api *whatsapp.APIError
	if errors.As(err, &api) {
		return api.Code
	}
	return 0
}
