package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"go.etcd.io/bbolt"

	"sealdesk/app/inbox"
)

const (
	mergeBelow = 4 << 10  // a last chunk smaller than this takes the next facts in
	mergeFacts = 256      // but only for so many facts at once: catching up, chunks fill by themselves
	chunkLimit = 12 << 10 // where a chunk ends; about fifty messages
)

// Apply takes facts in: rows, timelines and cursors in one synced transaction, all batches or none. Batches of a log
// must come in its order; one that lies at or below the log's cursor is ignored, one that reaches over it gives only
// what is new. ErrGap and ErrEpoch ask for other batches. A batch with Reset forgets what was known of its log first.
// What was shown before its event came gives way to the event in the same moment.
//
// Several batches cost one disk sync: give all that are waiting.
func (s *Store) Apply(ctx context.Context, batches ...inbox.Batch) error {
	if err := s.load(ctx); err != nil {
		return err
	}
	s.applying.Lock()
	defer s.applying.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	w := s.newWork()
	for _, b := range batches {
		if err := w.take(b); err != nil {
			return fmt.Errorf("applying a batch: %w", err)
		}
	}
	if !w.moved {
		return nil
	}
	w.finish()
	if err := s.update("applying a batch", s.cache, w.write); err != nil {
		return err
	}
	s.show(w)
	s.follow(w)
	if err := s.forgetItems(w.forgets); err != nil {
		return err
	}
	if w.stale != nil {
		s.stale = w.stale
		if err := s.purge(w.stale.Erased); err != nil { // the cache remembers, and the next start does it
			s.log.Warn("what was wished for a forgotten customer stays in the outbox for now", "error", err)
		}
		s.rebuildSoon()
	}
	return nil
}

// A work is what one Apply changes. Only its Apply touches it.
type work struct {
	s       *Store
	moved   bool
	cursors map[inbox.LogID]inbox.Cursor
	inboxes map[inbox.InboxID]bool                       // whose logs moved
	rows    map[inbox.ConversationID]*inbox.Conversation // changed
	last    map[inbox.ConversationID]inbox.Event         // the message whose snippet the row still lacks
	facts   map[inbox.ConversationID][]inbox.Event       // for timelines
	count   int                                          // of facts
	forget  map[inbox.ConversationID]bool                // by a reset
	edits   map[inbox.ConversationID]*edit               // in what was told before
	erased  map[inbox.ConversationID]bool                // customers that were forgotten
	stale   *staleRow                                    // what this leaves in old pages; nil: nothing that must go
	waiting map[inbox.IntentID]*item                     // intents whose events are awaited
	typed   map[inbox.MessageID]typedRow                 // texts of messages that may be taken back
	forgets forgets                                      // what the outbox lets go of
	done    []inbox.IntentID                             // causes to drop
	company bool                                         // people or inboxes changed
	people  map[inbox.PersonID]inbox.Person
	numbers map[inbox.InboxID]inbox.Inbox
	noted   map[inbox.LogID]map[thing]inbox.Event // templates and the like
	emptied map[inbox.LogID]bool                  // logs whose things were forgotten first
}

func (s *Store) newWork() *work {
	s.mu.RLock()
	defer s.mu.RUnlock()
	w := &work{
		s: s, cursors: maps.Clone(s.cursors), inboxes: map[inbox.InboxID]bool{},
		rows: map[inbox.ConversationID]*inbox.Conversation{}, facts: map[inbox.ConversationID][]inbox.Event{},
		last: map[inbox.ConversationID]inbox.Event{}, forget: map[inbox.ConversationID]bool{}, waiting: make(map[inbox.IntentID]*item, len(s.items)),
		edits: map[inbox.ConversationID]*edit{}, erased: map[inbox.ConversationID]bool{}, typed: maps.Clone(s.typed),
		done: s.done, people: maps.Clone(s.people), numbers: maps.Clone(s.inboxes),
		noted: map[inbox.LogID]map[thing]inbox.Event{}, emptied: map[inbox.LogID]bool{},
	}
	for _, it := range s.items {
		w.waiting[it.intent.ID] = it
	}
	return w
}

// take folds a batch into the work.
func (w *work) take(b inbox.Batch) error {
	at, known := w.cursors[b.Log]
	switch {
	case b.Reset:
		w.reset(b.Log)
	case known && at.Epoch != b.Epoch:
		return ErrEpoch
	case b.From > at.Seq:
		return ErrGap
	case b.To <= at.Seq && known:
		return nil
	}
	for _, e := range b.Events {
		if b.Reset || e.Seq > at.Seq {
			w.fold(b.Log, e)
		}
	}
	w.cursors[b.Log] = b.Cursor()
	w.inboxes[b.Log.Inbox()] = true
	w.moved = true
	return nil
}

// reset forgets a log. Only an Apply writes base, and this is the one that runs, so base is read without the lock.
func (w *work) reset(log inbox.LogID) {
	w.forgetThings(log)
	if log == inbox.CompanyLog {
		w.people, w.numbers, w.company = map[inbox.PersonID]inbox.Person{}, map[inbox.InboxID]inbox.Inbox{}, true
		return
	}
	number := log.Inbox()
	if number == "" {
		return
	}
	for id, c := range w.s.base {
		if c.Inbox == number {
			w.forget[id] = true
			w.leave() // what is not told again, this reader may not have any more
		}
	}
	for id, c := range w.rows {
		if c.Inbox == number {
			delete(w.rows, id)
			delete(w.last, id)
			delete(w.edits, id)
			delete(w.erased, id)
			w.count -= len(w.facts[id])
			delete(w.facts, id)
		}
	}
}

func (w *work) fold(log inbox.LogID, e inbox.Event) {
	w.arrive(e)
	id := e.Body.Of()
	if reveal, ok := e.Body.(inbox.RevealChanged); ok {
		t, _ := thingOf(reveal)
		w.note(log, t, e)
		return
	}
	if id == "" {
		switch b := e.Body.(type) {
		case inbox.PersonChanged:
			w.people[b.Person.ID], w.company = b.Person, true
		case inbox.InboxChanged:
			w.numbers[b.Inbox.ID], w.company = b.Inbox, true
		default:
			if t, ok := thingOf(b); ok {
				w.note(log, t, e)
			}
		}
		return
	}
	row := w.row(log, id)
	if about(e.Body) != "" {
		w.hold(log, e)
	}
	switch b := e.Body.(type) {
	case inbox.MessageAdded:
		w.add(row, e, b)
	case inbox.MessageChanged:
		row.Apply(e, w.s.reader)
		if b.Message == row.LastID {
			delete(w.last, id) // the row has its snippet, of what the message says now
		}
	case inbox.MessageMasked:
		row.Apply(e, w.s.reader)
		if b.Message == row.LastID {
			delete(w.last, id)
		}
		w.change(log, id, b)
	case inbox.MessageWithdrawn:
		row.Apply(e, w.s.reader)
		if b.Message == row.LastID {
			delete(w.last, id)
		}
		w.change(log, id, b)
	case inbox.ContactErased:
		w.erase(log, row, e)
	case inbox.ConversationJoined:
		if w.rows[b.Into] != nil || w.s.base[b.Into] != nil && !w.forget[b.Into] {
			w.row(log, b.Into).TakeOver(*row, e)
		}
		row.Apply(e, w.s.reader)
	default:
		row.Apply(e, w.s.reader)
	}
	if inTimeline(e.Body) {
		w.facts[id] = append(w.facts[id], e)
		w.count++
	}
}

// row returns the row of a conversation of a log, to be changed.
func (w *work) row(log inbox.LogID, id inbox.ConversationID) *inbox.Conversation {
	row := w.rows[id]
	if row == nil {
		row = &inbox.Conversation{ID: id, Inbox: log.Inbox()}
		if old := w.s.base[id]; old != nil && !w.forget[id] {
			*row = *old
		}
		w.rows[id] = row
	}
	return row
}

// add folds a message into a row, but for the snippet: it costs more than all the rest, and only the last one counts.
func (w *work) add(row *inbox.Conversation, e inbox.Event, b inbox.MessageAdded) {
	bare := e
	b.Message.Body = inbox.Masked{}
	bare.Body = b
	row.Apply(bare, w.s.reader)
	if row.LastID == b.Message.ID && row.LastSeq == e.Seq {
		w.last[row.ID] = e
	}
}

// finish gives the rows their snippets.
func (w *work) finish() {
	for id, e := range w.last {
		var c inbox.Conversation
		c.Apply(e, "")
		w.rows[id].Snippet = c.Snippet
	}
}

// arrives says whether a fact is the one an intent of the kind is shown in place of until it comes.
func arrives(kind inbox.IntentKind, b inbox.EventBody) bool {
	if makesMessage[kind] {
		_, ok := b.(inbox.MessageAdded)
		return ok
	}
	return true
}

// write puts the work into the cache.
func (w *work) write(tx *bbolt.Tx) error {
	s := w.s
	if err := w.rewriteAll(tx); err != nil { // before anything is deleted: it looks back
		return err
	}
	for id := range w.erased {
		if err := s.deleteTimeline(tx, id); err != nil {
			return err
		}
	}
	for id := range w.forget {
		if err := s.deleteTimeline(tx, id); err != nil {
			return err
		}
		if err := tx.Bucket(s.row.name).Delete(rowName(s.row, id)); err != nil {
			return err
		}
	}
	// In the order of the keys: bbolt then splits pages once instead of searching them again for each row.
	if err := eachByName(s.ev, w.facts, func(name []byte, _ inbox.ConversationID, facts []inbox.Event) error {
		return s.addFacts(tx, name, facts, w.count <= mergeFacts && len(w.forget)+len(w.erased) == 0)
	}); err != nil {
		return err
	}
	if err := eachByName(s.row, w.rows, func(name []byte, _ inbox.ConversationID, c *inbox.Conversation) error {
		b, err := encMode.Marshal(c)
		if err != nil {
			return fmt.Errorf("encoding a row: %w", err)
		}
		return s.row.put(tx, name, b)
	}); err != nil {
		return err
	}
	if err := errors.Join(w.writeHead(tx), w.writeThings(tx)); err != nil {
		return err
	}
	for _, id := range w.done {
		if err := tx.Bucket(s.cause.name).Delete(rowName(s.cause, id)); err != nil {
			return err
		}
	}
	for _, id := range w.forgets.causes {
		if err := s.cause.put(tx, rowName(s.cause, id), []byte(id)); err != nil {
			return err
		}
	}
	if w.stale != nil {
		b, err := encMode.Marshal(w.stale)
		if err != nil {
			return fmt.Errorf("encoding what must go: %w", err)
		}
		if err := s.meta.put(tx, keyStale, b); err != nil {
			return err
		}
	}
	b, err := encMode.Marshal(slices.Collect(maps.Values(w.cursors)))
	if err != nil {
		return fmt.Errorf("encoding cursors: %w", err)
	}
	return s.meta.put(tx, keyCursors, b)
}

func eachByName[V any](r room, m map[inbox.ConversationID]V, f func(name []byte, id inbox.ConversationID, v V) error) error {
	type entry struct {
		name []byte
		id   inbox.ConversationID
	}
	list := make([]entry, 0, len(m))
	for id := range m {
		list = append(list, entry{rowName(r, id), id})
	}
	slices.SortFunc(list, func(a, b entry) int { return bytes.Compare(a.name, b.name) })
	for _, e := range list {
		if err := f(e.name, e.id, m[e.id]); err != nil {
			return err
		}
	}
	return nil
}

// writeHead rewrites the values a first paint needs, if the work touches them.
func (w *work) writeHead(tx *bbolt.Tx) error {
	s := w.s
	if w.company {
		c := companyRow{People: slices.Collect(maps.Values(w.people)), Inboxes: slices.Collect(maps.Values(w.numbers))}
		b, err := encMode.Marshal(c)
		if err != nil {
			return fmt.Errorf("encoding the company: %w", err)
		}
		if err := s.head.put(tx, keyCompany, b); err != nil {
			return err
		}
	}
	if len(w.rows) == 0 && len(w.forget) == 0 {
		return nil
	}
	// The list shown is in nearly the order of the cache; what is not settled moves a row by little. Head sorts again.
	s.mu.RLock()
	list := s.list
	s.mu.RUnlock()
	top := make([]*inbox.Conversation, 0, topRows+len(w.rows))
	for _, c := range w.rows {
		top = append(top, c)
	}
	for n, i := 0, 0; i < len(list) && n < topRows; i++ {
		id := list[i].ID
		if w.rows[id] == nil && !w.forget[id] {
			top = append(top, s.base[id])
			n++
		}
	}
	slices.SortFunc(top, newer)
	b, err := encMode.Marshal(top[:min(len(top), topRows)])
	if err != nil {
		return fmt.Errorf("encoding the head: %w", err)
	}
	return s.head.put(tx, keyTop, b)
}

// addFacts appends facts of one conversation to its timeline, as chunks of limited size.
func (s *Store) addFacts(tx *bbolt.Tx, name []byte, facts []inbox.Event, merge bool) error {
	if !slices.IsSortedFunc(facts, bySeq) { // a snapshot tells state in any order; a timeline has one
		slices.SortStableFunc(facts, bySeq)
	}
	b := tx.Bucket(s.ev.name)
	first, chunk := facts[0].Seq, []byte(nil)
	// A cursor of bbolt that looks back over pages emptied in its own transaction may never return, so after a reset
	// there is no looking back, only for a chunk with the very same name.
	var key, sealed []byte
	if merge {
		key, sealed = lastChunk(b.Cursor(), name)
	}
	if key == nil || len(sealed) >= mergeBelow || chunkPlace(key) > first {
		key = append(bytes.Clone(name), be64(first)...)
		sealed = b.Get(key)
	}
	if sealed != nil {
		old, err := s.ev.open(key, sealed)
		if err != nil {
			return err
		}
		first, chunk = chunkPlace(key), old
	}
	for i, e := range facts {
		var err error
		if chunk, err = appendEvent(chunk, e); err != nil {
			return err
		}
		end := i == len(facts)-1
		if end || len(chunk) > chunkLimit && facts[i+1].Seq != first {
			if err := s.ev.put(tx, append(bytes.Clone(name), be64(first)...), chunk); err != nil {
				return err
			}
			if !end {
				first, chunk = facts[i+1].Seq, chunk[:0]
			}
		}
	}
	return nil
}

func bySeq(a, b inbox.Event) int {
	switch {
	case a.Seq < b.Seq:
		return -1
	case a.Seq > b.Seq:
		return 1
	}
	return 0
}

func (s *Store) deleteTimeline(tx *bbolt.Tx, id inbox.ConversationID) error {
	return deletePrefix(tx.Bucket(s.ev.name), rowName(s.ev, id))
}

// deletePrefix deletes all rows whose keys begin with a name.
func deletePrefix(b *bbolt.Bucket, name []byte) error {
	c := b.Cursor()
	var keys [][]byte
	for k, _ := c.Seek(name); bytes.HasPrefix(k, name); k, _ = c.Next() {
		keys = append(keys, bytes.Clone(k))
	}
	for _, k := range keys {
		if err := b.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

// show makes the work visible, in one moment.
func (s *Store) show(w *work) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cursors, s.people, s.inboxes, s.done = w.cursors, w.people, w.numbers, nil
	s.showThings(w)
	touched := make(map[inbox.ConversationID]bool, len(w.rows)+len(w.forget))
	for id := range w.forget {
		delete(s.base, id)
		touched[id] = true
	}
	for id, c := range w.rows {
		s.base[id] = c
		touched[id] = true
	}
	s.forgetConversations(slices.Collect(maps.Keys(w.erased)))
	for _, id := range w.forgets.causes {
		if it := s.byID[id]; it != nil {
			s.drop(it)
			touched[it.intent.Body.On()] = true
		}
	}
	// A granted wish that is no message has either shown in this batch or changes nothing.
	for _, it := range slices.Clone(s.items) {
		if it.state == itemGranted && !it.isMessage() {
			if c := s.base[it.intent.Body.On()]; c == nil || w.inboxes[c.Inbox] {
				s.drop(it)
				touched[it.intent.Body.On()] = true
			}
		}
	}
	s.reshow(slices.Collect(maps.Keys(touched))...)
	s.poke()
}
