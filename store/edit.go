package store

import (
	"bytes"
	"slices"

	"go.etcd.io/bbolt"

	"sealdesk/app/inbox"
)

// This file is about facts that change what was told before: a message taken back is as if it had never been written, and
// the earlier body of one that was masked anew must not stay anywhere. So both rewrite the chunks they touch, instead of
// being folded over them; bbolt's old pages hold sealed bytes only.

// An edit is what a batch changes in the earlier facts of one conversation.
type edit struct {
	masked    map[inbox.MessageID]inbox.Masked
	withdrawn map[inbox.MessageID]bool
	missing   map[inbox.MessageID]bool // messages this batch did not add itself: their facts are in chunks
	gone      []inbox.Message          // withdrawn messages that were found
}

func (w *work) edit(id inbox.ConversationID) *edit {
	e := w.edits[id]
	if e == nil {
		e = &edit{masked: map[inbox.MessageID]inbox.Masked{}, withdrawn: map[inbox.MessageID]bool{}, missing: map[inbox.MessageID]bool{}}
		w.edits[id] = e
	}
	return e
}

// change notes an edit and makes it in what the batch told so far.
func (w *work) change(log inbox.LogID, id inbox.ConversationID, b inbox.EventBody) {
	e, of := w.edit(id), about(b)
	now := edit{missing: map[inbox.MessageID]bool{of: true}}
	switch b := b.(type) {
	case inbox.MessageMasked:
		e.masked[of] = b.Body
		now.masked = map[inbox.MessageID]inbox.Masked{of: b.Body}
	case inbox.MessageWithdrawn:
		e.withdrawn[of] = true
		now.withdrawn = map[inbox.MessageID]bool{of: true}
	}
	w.requote(log, of, now)
	before := len(w.facts[id])
	w.facts[id], _ = now.apply(slices.Clone(w.facts[id]))
	w.count -= before - len(w.facts[id])
	if len(w.facts[id]) == 0 {
		delete(w.facts, id)
	}
	e.gone = append(e.gone, now.gone...)
	if now.missing[of] && !w.forget[id] && !w.erased[id] {
		e.missing[of] = true
	}
}

// apply makes the edit in facts, in place, and returns those that are left and whether any was touched.
func (e *edit) apply(facts []inbox.Event) (left []inbox.Event, touched bool) {
	left = facts[:0]
	for _, f := range facts {
		of := about(f.Body)
		if e.withdrawn[of] {
			if b, ok := f.Body.(inbox.MessageAdded); ok {
				b.Message.Seq = f.Seq
				e.gone = append(e.gone, b.Message)
				delete(e.missing, of)
			}
			touched = true
			continue
		}
		body, masked := e.masked[of]
		switch b := f.Body.(type) {
		case inbox.MessageAdded:
			if masked {
				b.Message.Body, touched = body, true
				delete(e.missing, of)
			}
			if q := b.Message.Quote; q != nil {
				if e.withdrawn[q.Message] { // whatever it was masked to before
					b.Message.Quote, touched = &inbox.Quote{Side: q.Side}, true
				} else if body, ok := e.masked[q.Message]; ok { // a quote repeats what was masked
					quote := *q
					quote.Excerpt = body.Excerpt(quoteRunes)
					b.Message.Quote, touched = &quote, true
				}
			}
			f.Body = b
		case inbox.MessageChanged:
			if masked && !b.Deleted {
				b.Body, touched = body, true
				f.Body = b
			}
		case inbox.MessageMasked:
			if masked {
				b.Body, touched = body, true
				f.Body = b
			}
		}
		left = append(left, f)
	}
	return left, touched
}

// quoteRunes is how much of a message a quote repeats.
const quoteRunes = 120

// rewrite makes the edit in the chunks of a timeline, from the newest back to those that hold the messages. Chunks are
// never deleted, even if nothing is left in them: see addFacts about looking back over what was deleted.
func (s *Store) rewrite(tx *bbolt.Tx, id inbox.ConversationID, e *edit) error {
	b, keys := tx.Bucket(s.ev.name), s.chunksOf(tx, id)
	for _, key := range slices.Backward(keys) {
		if len(e.missing) == 0 {
			return nil
		}
		events, err := s.chunk(key, b.Get(key))
		if err != nil {
			return err
		}
		left, touched := e.apply(events)
		if !touched {
			continue
		}
		var chunk []byte
		for _, f := range left {
			if chunk, err = appendEvent(chunk, f); err != nil {
				return err
			}
		}
		if err := s.ev.put(tx, key, chunk); err != nil {
			return err
		}
	}
	return nil
}

// chunksOf returns the keys of a timeline's chunks, the oldest first.
func (s *Store) chunksOf(tx *bbolt.Tx, id inbox.ConversationID) (keys [][]byte) {
	name := rowName(s.ev, id)
	c := tx.Bucket(s.ev.name).Cursor()
	for k, _ := c.Seek(name); bytes.HasPrefix(k, name); k, _ = c.Next() {
		keys = append(keys, bytes.Clone(k))
	}
	return keys
}

// chunk returns the facts of a chunk.
func (s *Store) chunk(key, sealed []byte) ([]inbox.Event, error) {
	plain, err := s.ev.open(key, sealed)
	if err != nil {
		return nil, err
	}
	raw, err := splitChunk(nil, plain)
	if err != nil {
		return nil, err
	}
	out := make([]inbox.Event, len(raw))
	for i, r := range raw {
		b, err := r.decode()
		if err != nil {
			return nil, err
		}
		out[i] = inbox.Event{Seq: r.seq, At: r.at, Cause: r.cause, Body: b}
	}
	return out, nil
}

// last is what a row says of its conversation's last item.
type last inbox.Conversation

func (l *last) onto(c *inbox.Conversation) {
	c.LastAt, c.LastSeq, c.LastID, c.LastSide, c.LastKind = l.LastAt, l.LastSeq, l.LastID, l.LastSide, l.LastKind
	c.LastAuthor, c.LastReceipt, c.Snippet = l.LastAuthor, l.LastReceipt, l.Snippet
}

// lastBut returns what the row says without some messages. pending are facts that are not in chunks yet.
func (s *Store) lastBut(tx *bbolt.Tx, id inbox.ConversationID, but map[inbox.MessageID]bool, pending []inbox.Event) (*last, error) {
	var tail []inbox.Event
	err := s.back(tx, id, pending, func(e inbox.Event) bool {
		if but[about(e.Body)] {
			return true
		}
		tail = append(tail, e)
		m, ok := e.Body.(inbox.MessageAdded)
		return !ok || m.Message.Kind == inbox.System
	})
	var c inbox.Conversation
	for _, e := range slices.Backward(tail) {
		c.Apply(e, "")
	}
	return (*last)(&c), err
}

// back calls f for the facts of a timeline, the newest first, until it returns false.
func (s *Store) back(tx *bbolt.Tx, id inbox.ConversationID, pending []inbox.Event, f func(inbox.Event) bool) error {
	pending = slices.Clone(pending)
	slices.SortStableFunc(pending, bySeq)
	for _, e := range slices.Backward(pending) {
		if !f(e) {
			return nil
		}
	}
	if tx == nil {
		return nil
	}
	b := tx.Bucket(s.ev.name)
	for _, key := range slices.Backward(s.chunksOf(tx, id)) {
		events, err := s.chunk(key, b.Get(key))
		if err != nil {
			return err
		}
		for _, e := range slices.Backward(events) {
			if !f(e) {
				return nil
			}
		}
	}
	return nil
}

// rewriteAll makes all edits of a work, and gives the rows back what they said before a message that was taken back.
func (w *work) rewriteAll(tx *bbolt.Tx) error {
	for id, e := range w.edits {
		old := tx
		if w.forget[id] || w.erased[id] {
			old = nil
		} else if err := w.s.rewrite(tx, id, e); err != nil {
			return err
		}
		row := w.rows[id]
		if e.withdrawn[row.LastID] {
			l, err := w.s.lastBut(old, id, nil, w.facts[id])
			if err != nil {
				return err
			}
			l.onto(row)
		}
		for _, m := range e.gone {
			if !answers(m) || row.FreeUntil != m.At.Add(inbox.FreeEntry) {
				continue
			}
			row.FreeUntil = 0 // what it was before was over: see inbox.Conversation
			if err := w.s.back(old, id, w.facts[id], func(f inbox.Event) bool {
				if a, ok := f.Body.(inbox.MessageAdded); ok && f.Seq > m.Seq && answers(a.Message) && a.Message.At < row.Referred.Add(inbox.ReplyWindow) {
					row.FreeUntil = a.Message.At.Add(inbox.FreeEntry)
				}
				return f.Seq > m.Seq
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// answers says whether a message is one to the customer.
func answers(m inbox.Message) bool { return m.Side == inbox.FromPerson && m.Kind != inbox.Note }
