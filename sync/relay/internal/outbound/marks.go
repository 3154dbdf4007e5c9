package outbound

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/relay/internal/whatsapp"
)

// Pace of what customers are told beside messages: it must never get in the way of one.
const (
	marksPerSecond = 10
	typingEvery    = 20 * time.Second // Meta shows it for 25
	marksKept      = 100_000          // conversations
)

// A Marker tells the customer that a message of his was read, and perhaps that somebody writes. *whatsapp.Client is one.
type Marker interface {
	MarkRead(ctx context.Context, phoneNumberID string, id whatsapp.MessageID, typing bool) error
}

// A mark is something to tell the customer of a conversation: the newest place that was read.
type mark struct {
	seq    uint64
	typing bool
}

// marks are what waits to be told, one for each conversation, and what was told. None of it is kept: a mark that is lost
// is made up for by the next one.
type marks struct {
	mu    sync.Mutex
	wait  map[inbox.ConversationID]mark
	order []inbox.ConversationID
	read  map[inbox.ConversationID]uint64    // the last place told
	typed map[inbox.ConversationID]time.Time // the last time told
	poke  chan struct{}
}

func newMarks() marks {
	return marks{
		wait: map[inbox.ConversationID]mark{}, read: map[inbox.ConversationID]uint64{},
		typed: map[inbox.ConversationID]time.Time{}, poke: make(chan struct{}, 1),
	}
}

// Read tells the customer, as soon as there is time for it, that his message at a place of the log was read, unless he
// was told so of it or of a later one.
func (p *Pipeline) Read(c inbox.ConversationID, seq uint64) {
	p.marks.mu.Lock()
	defer p.marks.mu.Unlock()
	if seq > p.marks.read[c] {
		p.later(c, mark{seq: seq})
	}
}

// Typing tells the customer whose last message is at a place of the log that somebody writes, unless he was told so a
// moment ago. It tells him as well that the message was read: WhatsApp has no way to tell one without the other.
func (p *Pipeline) Typing(c inbox.ConversationID, seq uint64) {
	now := p.cfg.Now()
	p.marks.mu.Lock()
	defer p.marks.mu.Unlock()
	if now.Sub(p.marks.typed[c]) < typingEvery {
		return
	}
	if len(p.marks.typed) >= marksKept {
		clear(p.marks.typed)
	}
	p.marks.typed[c] = now
	p.later(c, mark{seq: seq, typing: true})
}

// later puts a mark off; the lock is held.
func (p *Pipeline) later(c inbox.ConversationID, m mark) {
	if p.cfg.Marker == nil {
		return
	}
	old, waits := p.marks.wait[c]
	if !waits {
		if len(p.marks.order) >= marksKept {
			return
		}
		p.marks.order = append(p.marks.order, c)
	}
	p.marks.wait[c] = mark{seq: max(old.seq, m.seq), typing: old.typing || m.typing}
	select {
	case p.marks.poke <- struct{}{}:
	default:
	}
}

// mark tells marks until ctx ends.
func (p *Pipeline) mark(ctx context.Context) {
	if p.cfg.Marker == nil {
		return
	}
	pace := rate.NewLimiter(marksPerSecond, 1)
	for {
		c, m, ok := p.nextMark()
		if !ok {
			select {
			case <-ctx.Done():
				return
			case <-p.marks.poke:
			}
			continue
		}
		if pace.Wait(ctx) != nil {
			return
		}
		if held, _, _ := p.holding(p.cfg.Now()); held || p.silence(p.cfg.Now()) < time.Hour {
			continue
		}
		if err := p.tellMark(ctx, c, m); err != nil && ctx.Err() == nil {
			p.cfg.Log.Warn("customer cannot be told what was read", "shard", p.shard, "error", err)
		}
	}
}

func (p *Pipeline) nextMark() (inbox.ConversationID, mark, bool) {
	p.marks.mu.Lock()
	defer p.marks.mu.Unlock()
	if len(p.marks.order) == 0 {
		return "", mark{}, false
	}
	c := p.marks.order[0]
	p.marks.order = p.marks.order[1:]
	m := p.marks.wait[c]
	delete(p.marks.wait, c)
	return c, m, true
}

func (p *Pipeline) tellMark(ctx context.Context, id inbox.ConversationID, m mark) error {
	var contact inbox.ContactID
	var message inbox.MessageID
	err := p.cfg.DB.View(ctx, p.shard, func(tx ledger.Tx) error {
		contact, message = "", ""
		theirs, ok, err := eventlog.MessageAt(tx, m.seq)
		if err != nil || !ok || theirs.Side != inbox.FromContact {
			return err
		}
		if where, _, err := eventlog.Conversation(tx, theirs.Conversation); err != nil || where.ID != id && where.Into != id {
			return err
		}
		c, _, err := eventlog.Conversation(tx, id)
		contact, message = c.Contact.ID, theirs.ID
		return err
	})
	if err != nil || message == "" {
		return err
	}
	wamid, err := p.wamid(ctx, contact, message)
	if err != nil || wamid.IsZero() {
		return err
	}
	if err := p.cfg.Marker.MarkRead(ctx, p.number, wamid, m.typing); err != nil {
		return err
	}
	p.marks.mu.Lock()
	defer p.marks.mu.Unlock()
	if len(p.marks.read) >= marksKept {
		clear(p.marks.read)
	}
	p.marks.read[id] = max(p.marks.read[id], m.seq)
	return nil
}
