package store

import (
	"errors"
	"maps"
	"slices"

	"go.etcd.io/bbolt"

	"sealdesk/app/inbox"
	"sealdesk/store/arena"
	"sealdesk/store/seal"
)

// This file is about how texts get into the arena: from the cache, read in the background, and from what Apply tells.
// Texts from the cache never become strings: chunks are opened into one buffer, bodies are seen where they lie in it, and
// the buffer is overwritten.

// fill reads all conversations that are waited for. It ends early when texts are cleared or the store is closed.
func (s *Store) fill(texts *arena.Arena) {
	f := &s.search
	r := &textReader{s: s, texts: texts, text: arena.NewText()}
	defer r.forget()
	for s.ending.Err() == nil {
		id, ok := s.nextToRead(texts)
		if !ok {
			return
		}
		for {
			err := r.read(id, nil)
			for err == nil {
				late := s.lateToRead(texts)
				if len(late) == 0 {
					break
				}
				err = r.read(id, late)
			}
			if errors.Is(err, arena.ErrCleared) || s.ending.Err() != nil {
				return
			}
			if errors.Is(err, arena.ErrFull) {
				f.setFull(texts)
			} else if err != nil {
				s.log.Warn("a conversation cannot be searched", "error", err)
			}
			if f.readDone(texts) {
				break
			}
			texts.Drop(string(id))
		}
	}
}

// nextToRead and lateToRead wait for an Apply that is at work: what it has committed and not told of yet would be read here,
// and then be told of as news.
func (s *Store) nextToRead(texts *arena.Arena) (inbox.ConversationID, bool) {
	s.applying.Lock()
	defer s.applying.Unlock()
	return s.search.next(texts)
}

func (s *Store) lateToRead(texts *arena.Arena) map[inbox.MessageID]bool {
	s.applying.Lock()
	defer s.applying.Unlock()
	return s.search.takeLate(texts)
}

// next takes the next conversation to read.
func (f *searcher) next(texts *arena.Arena) (inbox.ConversationID, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.texts != texts || len(f.order) == 0 {
		return "", false
	}
	id := f.order[0]
	f.order = f.order[1:]
	delete(f.todo, id)
	f.reading, f.late, f.again = id, nil, false
	return id, true
}

// takeLate returns which messages of the conversation that is read have to be read once more. When there are none the
// conversation is not being read any more.
func (f *searcher) takeLate(texts *arena.Arena) map[inbox.MessageID]bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.texts != texts || f.again {
		return nil
	}
	late := f.late
	if f.late = nil; len(late) == 0 {
		f.reading = ""
	}
	return late
}

// readDone reports whether a conversation has been read, and not been forgotten meanwhile.
func (f *searcher) readDone(texts *arena.Arena) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.texts != texts {
		return true
	}
	if f.again {
		f.again, f.late = false, nil
		return false
	}
	f.reading, f.late = "", nil
	f.state.Read++
	return true
}

func (f *searcher) setFull(texts *arena.Arena) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state.Full = f.texts == texts
}

// follow keeps the search in step with a work the cache has taken.
func (s *Store) follow(w *work) {
	f := &s.search
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.texts == nil {
		return
	}
	for _, gone := range []map[inbox.ConversationID]bool{w.forget, w.erased} {
		for id := range gone {
			f.again = f.again || f.reading == id
			f.texts.Drop(string(id))
		}
	}
	for id, e := range w.edits {
		for m := range e.withdrawn {
			if !f.waits(id, m) {
				f.texts.Remove(string(id), string(m))
			}
		}
	}
	for id, facts := range w.facts {
		if !f.todo[id] {
			s.followOne(id, facts)
		}
	}
}

// waits reports whether a conversation is yet to be read, and notes what is told of it while it is read.
func (f *searcher) waits(id inbox.ConversationID, m inbox.MessageID) bool {
	if f.reading != id || id == "" {
		return f.todo[id]
	}
	if f.late == nil {
		f.late = map[inbox.MessageID]bool{}
	}
	f.late[m] = true
	return true
}

// followOne takes in what was told of one conversation.
func (s *Store) followOne(id inbox.ConversationID, facts []inbox.Event) {
	f := &s.search
	var changed map[inbox.MessageID][]inbox.EventBody
	for _, e := range facts {
		switch e.Body.(type) {
		case inbox.MessageChanged, inbox.MediaChanged, inbox.MessageMasked:
			if changed == nil {
				changed = map[inbox.MessageID][]inbox.EventBody{}
			}
			m := about(e.Body)
			changed[m] = append(changed[m], e.Body)
		}
	}
	var err error
	for _, e := range facts {
		b, ok := e.Body.(inbox.MessageAdded)
		if !ok || f.waits(id, b.Message.ID) {
			continue
		}
		for _, change := range changed[b.Message.ID] {
			inbox.ApplyTo(&b.Message, change)
		}
		delete(changed, b.Message.ID)
		err = errors.Join(err, f.enter(&b.Message, e.Seq))
	}
	before := map[inbox.MessageID]bool{} // told of in an earlier batch: read again
	for m := range changed {
		if !f.waits(id, m) {
			before[m] = true
		}
	}
	if len(before) > 0 {
		r := &textReader{s: s, texts: f.texts, text: f.text}
		err = errors.Join(err, r.read(id, before))
	}
	if errors.Is(err, arena.ErrFull) {
		f.state.Full = true
	} else if err != nil {
		s.log.Warn("some messages cannot be searched", "error", err)
	}
}

// enter puts a message into the arena as it was told.
func (f *searcher) enter(m *inbox.Message, seq uint64) error {
	p := parts[inbox.Masked]{body: m.Body, header: m.Header}
	if m.Media != nil {
		p.name = m.Media.Name
	}
	if m.Referral != nil {
		p.headline = m.Referral.Headline
	}
	for _, c := range m.Choices {
		p.choices = append(p.choices, c.Title)
	}
	link := p.onto(f.text, inbox.Masked.IsZero, addMasked)
	defer f.text.Reset()
	return enter(f.texts, m.Conversation, lean{ID: m.ID, At: m.At, Side: m.Side, Author: m.Author, Kind: m.Kind}, seq, f.text, link)
}

// A textReader reads texts from the cache into an arena.
type textReader struct {
	s      *Store
	texts  *arena.Arena
	text   *arena.Text
	opened []byte // a chunk
	events []rawEvent
	facts  map[inbox.MessageID][]rawEvent // about messages not reached yet, the newest first; their bodies are copies
}

const readAtOnce = 32 // chunks of one transaction: who writes may have to wait for it

// read reads a conversation from its end: all messages, which must not be in the arena yet, or those that are wanted, which
// replace what is there. Of those that are wanted and not there any more nothing is left.
func (r *textReader) read(id inbox.ConversationID, want map[inbox.MessageID]bool) error {
	r.facts = map[inbox.MessageID][]rawEvent{}
	defer r.forget()
	want = maps.Clone(want)
	for before, more := uint64(0), true; more; {
		err := r.s.view("reading texts to be searched", func(tx *bbolt.Tx) error {
			name := rowName(r.s.ev, id)
			c := tx.Bucket(r.s.ev.name).Cursor()
			n := 0
			key, sealed := lastChunkBefore(c, name, before)
			for ; key != nil && n < readAtOnce; key, sealed = previous(c, name) {
				if err := r.s.ending.Err(); err != nil {
					return err
				}
				before, n = chunkPlace(key), n+1
				if err := r.chunk(id, key, sealed, want); err != nil {
					return err
				}
				if want != nil && len(want) == 0 {
					more = false
					return nil
				}
			}
			more = key != nil
			return nil
		})
		if err != nil {
			for m := range want { // what cannot be read may not be what it was
				r.texts.Remove(string(id), string(m))
			}
			return err
		}
	}
	for m := range want {
		r.texts.Remove(string(id), string(m))
	}
	return nil
}

func (r *textReader) chunk(id inbox.ConversationID, key, sealed []byte, want map[inbox.MessageID]bool) error {
	if cap(r.opened) < len(sealed) {
		clear(r.opened[:cap(r.opened)])
		r.opened = make([]byte, 0, 2*len(sealed))
	}
	padded, err := r.s.ev.seal.Open(r.opened[:0], key, sealed)
	if err != nil {
		return err
	}
	defer clear(padded)
	plain, err := seal.Unpad(padded)
	if err != nil {
		return err
	}
	if r.events, err = splitChunk(r.events[:0], plain); err != nil {
		return err
	}
	defer clear(r.events)
	for _, e := range slices.Backward(r.events) {
		switch e.kind {
		case inbox.KindMessageChanged, inbox.KindMessageMasked, inbox.KindMediaChanged:
			c, err := decodeRow[leanName](e.body)
			if err != nil {
				return err
			}
			if want == nil || want[c.Message] {
				e.body = slices.Clone(e.body)
				r.facts[c.Message] = append(r.facts[c.Message], e)
			}
		case inbox.KindMessageAdded:
			b, err := decodeRow[leanAdded](e.body)
			if err != nil {
				return err
			}
			if want != nil && !want[b.Message.ID] {
				continue
			}
			if err := r.message(id, b.Message, e.seq, want != nil); err != nil {
				return err
			}
			delete(want, b.Message.ID)
		}
	}
	return nil
}

// message puts a message into the arena as the facts that came after it have it: see inbox.ApplyTo.
func (r *textReader) message(id inbox.ConversationID, m lean, seq uint64, replace bool) error {
	facts := r.facts[m.ID]
	delete(r.facts, m.ID)
	defer func() {
		for _, e := range facts {
			clear(e.body)
		}
	}()
	for _, e := range slices.Backward(facts) {
		if m.Kind == inbox.Deleted {
			break
		}
		if e.kind == inbox.KindMediaChanged {
			c, err := decodeRow[leanMediaChange](e.body)
			if err != nil {
				return err
			}
			m.Media = c.Media
			continue
		}
		c, err := decodeRow[leanChange](e.body)
		if err != nil {
			return err
		}
		switch {
		case e.kind == inbox.KindMessageMasked:
			m.Body = c.Body
		case c.Deleted:
			m.Kind = inbox.Deleted
		case c.At >= m.Edited:
			m.Body, m.Edited = c.Body, c.At
		}
	}
	if replace {
		r.texts.Remove(string(id), string(m.ID))
	}
	p := parts[textBytes]{body: m.Body, name: m.Media.Name, header: m.Header, headline: m.Referral.Headline}
	for _, c := range m.Choices {
		p.choices = append(p.choices, c.Title)
	}
	link := p.onto(r.text, func(b textBytes) bool { return len(b) == 0 }, addBytes)
	defer r.text.Reset()
	return enter(r.texts, id, m, seq, r.text, link)
}

// forget overwrites what the reader holds.
func (r *textReader) forget() {
	clear(r.opened[:cap(r.opened)])
	for _, facts := range r.facts {
		for _, e := range facts {
			clear(e.body)
		}
	}
	r.facts = nil
	r.text.Reset()
}
