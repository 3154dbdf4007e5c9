package store

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"sealdesk/app/inbox"
)

// This file is about what the outbox lets go of because of what the cache has been told: intents whose events came, texts
// whose messages left or came back, and everything of a conversation that was erased.

// withdrawnHere is what the name of a cause begins with that says "this message was taken back, its text goes into the
// draft"; no IntentID does.
const withdrawnHere = "withdrawn/"

// typedRow is the text of a message that its author may still take back, as it was typed.
type typedRow struct {
	_            struct{} `cbor:",toarray"`
	Conversation inbox.ConversationID
	Message      inbox.MessageID
	Text         string
}

func (s *Store) readTyped(tx *bbolt.Tx) error {
	return tx.Bucket(s.typing.name).ForEach(func(k, v []byte) error {
		b, err := s.typing.open(k, v)
		if err != nil {
			return err
		}
		t, err := decodeRow[typedRow](b)
		s.typed[t.Message] = t
		return err
	})
}

// forgets is what a batch lets the outbox forget.
type forgets struct {
	causes []inbox.IntentID  // intents whose events came, and messages taken back; see withdrawnHere
	keep   []typedRow        // texts of intents that came, and whose messages may be taken back
	left   []inbox.MessageID // messages that cannot be taken back any more
}

func (f forgets) empty() bool { return len(f.causes)+len(f.keep)+len(f.left) == 0 }

// arrive notes what the outbox may forget because of a fact: the intent that led to it, the text of a message that can be
// taken back no more, or was.
func (w *work) arrive(e inbox.Event) {
	added, isMessage := e.Body.(inbox.MessageAdded)
	if it, ok := w.waiting[e.Cause]; ok && arrives(it.intent.Body.IntentKind(), e.Body) {
		w.forgets.causes = append(w.forgets.causes, e.Cause)
		delete(w.waiting, e.Cause)
		if m := added.Message; isMessage && (m.Until != 0 || m.Held) && fromComposer(it.intent.Body) {
			t := typedRow{Conversation: m.Conversation, Message: m.ID, Text: typedOf(it.intent.Body)}
			w.forgets.keep = append(w.forgets.keep, t)
			w.typed[m.ID] = t
		}
	}
	switch b := e.Body.(type) {
	case inbox.MessageWithdrawn:
		if _, ok := w.typed[b.Message]; !ok {
			return
		}
		if b.By == w.s.reader {
			w.forgets.causes = append(w.forgets.causes, inbox.IntentID(withdrawnHere+string(b.Message)))
		} else {
			w.forgets.left = append(w.forgets.left, b.Message)
		}
		delete(w.typed, b.Message)
	case inbox.ReceiptChanged:
		if _, ok := w.typed[b.Message]; ok && b.Receipt > inbox.Queued {
			w.forgets.left = append(w.forgets.left, b.Message)
			delete(w.typed, b.Message)
		}
	}
}

// erase forgets a customer: nothing of the conversation is left but a row that says so.
func (w *work) erase(log inbox.LogID, row *inbox.Conversation, e inbox.Event) {
	id := row.ID
	if now := w.edits[id]; now != nil && now.withdrawn[row.LastID] { // the tombstone keeps its place, not the message's
		_ = w.s.view("looking for what was before", func(tx *bbolt.Tx) error {
			if w.forget[id] || w.erased[id] {
				tx = nil
			}
			l, err := w.s.lastBut(tx, id, now.withdrawn, w.facts[id])
			if err == nil {
				l.onto(row)
			}
			return err // a damaged file; the write that follows finds it too, or it went with the file
		})
	}
	row.Apply(e, w.s.reader)
	delete(w.last, id)
	delete(w.edits, id)
	w.count -= len(w.facts[id])
	delete(w.facts, id)
	w.dropThingsOn(log, id)
	w.erased[id] = true
	w.leave()
	if !slices.Contains(w.stale.Erased, id) {
		w.stale.Erased = append(w.stale.Erased, id)
	}
}

// leave notes that what is deleted now must go from the files as well.
func (w *work) leave() {
	if w.stale == nil {
		w.stale = new(staleRow)
		if before := w.s.stale; before != nil {
			w.stale.Erased = slices.Clone(before.Erased)
		}
	}
}

// forgetItems takes off the outbox what the cache has. Should that fail, the cache remembers, and the next start does it:
// an Apply that is durable does not fail for it.
func (s *Store) forgetItems(f forgets) error {
	if f.empty() {
		return nil
	}
	s.posting.Lock()
	defer s.posting.Unlock()
	var intents []inbox.IntentID
	drafts := map[inbox.ConversationID]string{}
	gone := slices.Clone(f.left)
	s.mu.RLock()
	typed := maps.Clone(s.typed)
	for _, t := range f.keep {
		typed[t.Message] = t
	}
	for _, id := range f.causes {
		message, back := strings.CutPrefix(string(id), withdrawnHere)
		if !back {
			intents = append(intents, id)
			continue
		}
		t, ok := typed[inbox.MessageID(message)]
		if ok && s.drafts[t.Conversation] == "" && drafts[t.Conversation] == "" {
			drafts[t.Conversation] = t.Text
		}
		gone = append(gone, inbox.MessageID(message))
	}
	s.mu.RUnlock()
	err := s.update("forgetting settled intents", s.outbox, func(tx *bbolt.Tx) error {
		for _, t := range f.keep {
			b, err := encMode.Marshal(t)
			if err != nil {
				return fmt.Errorf("encoding a typed text: %w", err)
			}
			if err := s.typing.put(tx, rowName(s.typing, t.Message), b); err != nil {
				return err
			}
		}
		for conv, text := range drafts {
			if err := s.putDraft(tx, conv, text); err != nil {
				return err
			}
		}
		for _, id := range gone {
			if err := tx.Bucket(s.typing.name).Delete(rowName(s.typing, id)); err != nil {
				return err
			}
		}
		return s.deleteItems(tx, intents...)
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range intents {
		if it := s.byID[id]; it != nil {
			s.drop(it)
		}
	}
	if err != nil {
		s.log.Warn("settled intents stay in the outbox for now", "count", len(f.causes), "error", err)
		return nil
	}
	for _, t := range f.keep {
		s.typed[t.Message] = t
	}
	for _, id := range gone {
		delete(s.typed, id)
	}
	if len(drafts) > 0 {
		maps.Copy(s.drafts, drafts)
		s.reshow(slices.Collect(maps.Keys(drafts))...)
		s.poke()
	}
	s.dropFiles(intents...)
	s.done = append(s.done, f.causes...)
	return nil
}

// erased says whether a conversation's customer was forgotten, as far as rows have been loaded.
func (s *Store) erased(conv inbox.ConversationID) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := s.base[conv]
	return c != nil && c.Erased != 0
}

// purge takes everything of erased conversations off the outbox: by what the disk says, because an outcome may have been
// written since memory forgot its intent. It leaves word in the outbox that its old pages must go.
func (s *Store) purge(convs []inbox.ConversationID) error {
	if len(convs) == 0 {
		return nil
	}
	s.posting.Lock()
	defer s.posting.Unlock()
	is := func(id inbox.ConversationID) bool { return slices.Contains(convs, id) }
	var files []*attached
	err := s.update("forgetting a customer", s.outbox, func(tx *bbolt.Tx) error {
		files = nil
		for _, r := range s.outRooms() {
			var keys [][]byte
			if err := tx.Bucket(r.name).ForEach(func(k, v []byte) error {
				plain, err := r.open(k, v)
				if err != nil {
					return err
				}
				_, on, err := s.outName(r, plain)
				if err == nil && is(on) {
					keys = append(keys, slices.Clone(k))
				}
				return err
			}); err != nil {
				return err
			}
			for _, k := range keys {
				if err := tx.Bucket(r.name).Delete(k); err != nil {
					return err
				}
			}
		}
		return s.outMeta.put(tx, keyStale, []byte{1})
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetConversations(convs)
	var paths []string
	for id, a := range s.attached {
		if is(a.Conversation) {
			files = append(files, a)
			delete(s.attached, id)
		}
	}
	for _, a := range files {
		paths = append(paths, a.path(s.dir))
	}
	s.shredLater(paths...)
	s.reshow(convs...)
	s.poke()
	return nil
}

// forgetConversations takes what was wished and typed in some conversations out of memory. It needs mu for writing.
func (s *Store) forgetConversations(convs []inbox.ConversationID) {
	for _, id := range convs {
		for _, it := range s.itemsOn[id] {
			s.drop(it)
		}
		delete(s.drafts, id)
		for m, t := range s.typed {
			if t.Conversation == id {
				delete(s.typed, m)
			}
		}
	}
}

// outName returns the name of a row of the outbox and the conversation it belongs to, by what it says.
func (r rooms) outName(in room, plain []byte) (name []byte, on inbox.ConversationID, err error) {
	switch string(in.name) {
	case nameDraft:
		d, err := decodeRow[draftRow](plain)
		return rowName(r.drafty, d.Conversation), d.Conversation, err
	case nameFile:
		a, err := decodeRow[Attachment](plain)
		return rowName(r.file, a.ID), a.Conversation, err
	case nameTyped:
		t, err := decodeRow[typedRow](plain)
		return rowName(r.typing, t.Message), t.Conversation, err
	case namePost:
		it, err := decodeItem(plain)
		if err != nil {
			return nil, "", err
		}
		return rowName(r.post, it.intent.ID), it.intent.Body.On(), nil
	}
	return nil, "", errors.New("no such room")
}

// outRoom returns the room of the outbox with the name of another file's.
func (r rooms) outRoom(like room) room {
	for _, own := range r.outRooms() {
		if bytes.Equal(own.name, like.name) {
			return own
		}
	}
	return room{}
}

// outRooms returns the rooms of the outbox but its meta.
func (r rooms) outRooms() []room { return []room{r.post, r.drafty, r.file, r.typing} }

// beforeWithdrawn returns what the row falls back to when a message is withdrawn; nil when it is not the row's last. A
// message that only the outbox has cannot be withdrawn: nobody knows whether the relay has it.
func (s *Store) beforeWithdrawn(b inbox.Withdraw) (*last, error) {
	s.mu.RLock()
	unsent := s.byID[inbox.IntentID(b.Message)] != nil
	c := s.base[b.Conversation]
	s.mu.RUnlock()
	if unsent {
		return nil, fmt.Errorf("submitting an intent: %w", inbox.RefusedState)
	}
	if c == nil || c.LastID != b.Message {
		return nil, nil
	}
	var l *last
	err := s.view("looking for what was before", func(tx *bbolt.Tx) (err error) {
		l, err = s.lastBut(tx, b.Conversation, map[inbox.MessageID]bool{b.Message: true}, nil)
		return err
	})
	return l, err
}
