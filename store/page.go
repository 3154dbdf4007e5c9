package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"go.etcd.io/bbolt"

	"sealdesk/app/inbox"
)

// A Page is a stretch of a conversation.
type Page struct {
	Messages []inbox.Message // oldest first
	Older    PageCursor      // for the page before this one
	More     bool            // there is one
}

// A PageCursor is a place between two pages, with the facts about messages that come before it. The zero value is the
// end of the conversation. It keeps nothing open and stays good while the conversation grows.
type PageCursor struct {
	before uint64                                // messages from here on have been read; 0: none
	top    uint64                                // facts from the end down to before have been read up to here
	facts  map[inbox.MessageID][]inbox.EventBody // about messages not reached yet, newest first
}

// Page returns the newest n messages before the cursor, with receipts, reactions and media as the latest facts have
// them. On the newest page what this person wrote and the relay has not told back follows at the end: such a message
// has no Seq, its Cause is the intent, and its Receipt is Queued or Failed. A conversation that is not known has no
// messages. The time it takes depends on n, not on the length of the conversation.
func (s *Store) Page(ctx context.Context, conv inbox.ConversationID, before PageCursor, n int) (Page, error) {
	if err := ctx.Err(); err != nil {
		return Page{}, err
	}
	// What is unsettled first, the cache second: then an event that comes in between is seen twice, and once dropped,
	// instead of being missed.
	s.mu.RLock()
	items := s.itemsOn[conv]
	s.mu.RUnlock()
	p := pager{s: s, left: n, from: before, facts: maps.Clone(before.facts), top: before.top}
	if p.facts == nil {
		p.facts = map[inbox.MessageID][]inbox.EventBody{}
	}
	if err := s.view("reading a conversation", func(tx *bbolt.Tx) error { return p.read(tx, conv) }); err != nil {
		return Page{}, err
	}
	slices.Reverse(p.messages)
	page := Page{Messages: p.messages, More: p.more}
	if p.more {
		page.Older = PageCursor{before: p.messages[0].Seq, top: p.top, facts: p.facts}
	}
	for _, it := range items {
		page.Messages = it.onPage(page.Messages, s.reader, before.before == 0)
	}
	return page, nil
}

// A pager folds a conversation from its end.
type pager struct {
	s        *Store
	left     int
	from     PageCursor
	top      uint64
	facts    map[inbox.MessageID][]inbox.EventBody
	messages []inbox.Message // newest first
	more     bool
	events   []rawEvent
}

func (p *pager) read(tx *bbolt.Tx, conv inbox.ConversationID) error {
	name := rowName(p.s.ev, conv)
	c := tx.Bucket(p.s.ev.name).Cursor()
	if p.from.before != 0 {
		newer, err := p.readNewer(c, name)
		if err != nil {
			return err
		}
		for id, facts := range newer {
			p.facts[id] = append(facts, p.facts[id]...)
		}
	}
	key, sealed := lastChunkBefore(c, name, p.from.before)
	for ; key != nil; key, sealed = previous(c, name) {
		if err := p.split(key, sealed); err != nil {
			return err
		}
		for i := len(p.events) - 1; i >= 0; i-- {
			e := p.events[i]
			if p.from.before != 0 && e.seq >= p.from.before {
				continue
			}
			if p.left == 0 && e.kind != inbox.KindMessageAdded {
				continue // a fact for the next page, which will pass it again
			}
			if p.left == 0 {
				p.more = true
				return nil
			}
			p.top = max(p.top, e.seq)
			if err := p.fold(e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *pager) fold(e rawEvent) error {
	if e.kind == inbox.KindConversationOpened { // about no message
		return nil
	}
	b, err := e.decode()
	if err != nil {
		return err
	}
	id := about(b)
	added, ok := b.(inbox.MessageAdded)
	if !ok {
		p.facts[id] = append(slices.Clip(p.facts[id]), b) // the cursor's own list stays as it is
		return nil
	}
	m := added.Message
	for _, fact := range slices.Backward(p.facts[id]) {
		inbox.ApplyTo(&m, fact)
	}
	delete(p.facts, id)
	p.messages = append(p.messages, m)
	p.left--
	return nil
}

// readNewer collects, newest first, the facts that came after the cursor was made.
func (p *pager) readNewer(c *bbolt.Cursor, name []byte) (map[inbox.MessageID][]inbox.EventBody, error) {
	facts, top := map[inbox.MessageID][]inbox.EventBody{}, p.top
	for key, sealed := lastChunk(c, name); key != nil; key, sealed = previous(c, name) {
		if err := p.split(key, sealed); err != nil {
			return nil, err
		}
		for i := len(p.events) - 1; i >= 0; i-- {
			e := p.events[i]
			if e.seq <= top {
				return facts, nil
			}
			p.top = max(p.top, e.seq)
			if e.kind == inbox.KindMessageAdded || e.kind == inbox.KindConversationOpened {
				continue
			}
			b, err := e.decode()
			if err != nil {
				return nil, err
			}
			facts[about(b)] = append(facts[about(b)], b)
		}
	}
	return facts, nil
}

func (p *pager) split(key, sealed []byte) error {
	plain, err := p.s.ev.open(key, sealed)
	if err != nil {
		return err
	}
	if p.events, err = splitChunk(p.events[:0], plain); err != nil {
		return fmt.Errorf("chunk of %d bytes: %w", len(plain), err)
	}
	return nil
}

// lastChunk returns the newest chunk of a timeline; nil when there is none.
func lastChunk(c *bbolt.Cursor, name []byte) (key, sealed []byte) { return lastChunkBefore(c, name, 0) }

// lastChunkBefore returns the newest chunk that starts before a place; 0 is the end.
func lastChunkBefore(c *bbolt.Cursor, name []byte, before uint64) (key, sealed []byte) {
	// before-1 wraps to the last place there can be. Sequence numbers never get there, so the key is never found itself.
	if key, _ = c.Seek(append(bytes.Clone(name), be64(before-1)...)); key == nil {
		key, sealed = c.Last()
	} else if bytes.HasPrefix(key, name) && chunkPlace(key) == before-1 {
		return c.Seek(key)
	} else {
		key, sealed = c.Prev()
	}
	if !bytes.HasPrefix(key, name) {
		return nil, nil
	}
	return key, sealed
}

// previous returns the chunk before the one the cursor is at.
func previous(c *bbolt.Cursor, name []byte) (key, sealed []byte) {
	if key, sealed = c.Prev(); !bytes.HasPrefix(key, name) {
		return nil, nil
	}
	return key, sealed
}

func chunkPlace(key []byte) uint64 { return binary.BigEndian.Uint64(key[len(key)-8:]) }
