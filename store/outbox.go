package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"sealdesk/app/inbox"
)

// An itemState is how far an intent has come.
type itemState uint8

const (
	itemPending itemState = 0
	itemGranted itemState = 1 // settled; shown until its event is here
	itemRefused itemState = 2 // settled; a message that stays until it is dismissed or sent again

	itemReturned itemState = 3 // settled; a message that went back to where it was typed, for a reason is asked
)

// An item is an intent in the outbox. Items are never changed, only replaced, so that they can be read without a lock.
type item struct {
	place   uint64 // the order of Submit
	intent  inbox.Intent
	state   itemState
	refusal inbox.Refusal
	before  *last         // for Withdraw, in memory only: what the row falls back to
	media   inbox.MediaID // the relay's name for the file the intent sends, once it has it
	face    inbox.Message // how it shows, for messages: kind, texts, media, choices
}

// isMessage says whether the intent makes a message of its own.
func (it *item) isMessage() bool { return makesMessage[it.intent.Body.IntentKind()] }

// waitsForFile says whether the relay does not have the intent's file yet. Such an intent was never sent.
func (it *item) waitsForFile() bool { return it.media == "" && isAttached(fileOf(it.intent.Body)) }

// ready returns the intent as it is sent: its file under the relay's name, once there is one.
func (it *item) ready() inbox.Intent {
	i := it.intent
	if it.media != "" {
		i.Body = withFile(i.Body, it.media)
	}
	return i
}

// message is how the intent shows until its event is here.
func (it *item) message(reader inbox.PersonID) inbox.Message {
	m := it.face
	m.ID, m.Conversation, m.At = inbox.MessageID(it.intent.ID), it.intent.Body.On(), it.intent.At
	m.Side, m.Author, m.Receipt, m.Cause = inbox.FromPerson, reader, inbox.Queued, it.intent.ID
	if m.Kind == inbox.Note {
		m.Receipt = inbox.NoReceipt
	}
	if it.state == itemRefused {
		m.Receipt, m.Failure = inbox.Failed, inbox.FailRefusedByUs
		if f, ok := refusedAs[it.refusal]; ok {
			m.Failure = f
		}
	}
	return m
}

// onRow puts the intent's effect on a row of the inbox.
func (it *item) onRow(c *inbox.Conversation, reader inbox.PersonID) {
	if it.state == itemReturned {
		return
	}
	if it.isMessage() {
		m := it.message(reader)
		if it.state != itemRefused { // who answers has read
			c.ReadSeq, c.Unread = max(c.ReadSeq, c.InboundSeq), 0
		}
		if m.At < c.LastAt {
			return
		}
		c.LastAt, c.LastID, c.LastSide, c.LastKind, c.LastAuthor, c.LastReceipt = m.At, m.ID, m.Side, m.Kind, m.Author, m.Receipt
		c.Snippet = m.Body.Excerpt(120)
		return
	}
	switch b := it.intent.Body.(type) {
	case inbox.MarkRead:
		if b.UpTo > c.ReadSeq {
			c.ReadSeq = b.UpTo
			if c.InboundSeq <= b.UpTo {
				c.Unread = 0
			}
		}
	case inbox.Assign:
		c.Assignee = b.To
	case inbox.SetState, inbox.SetTags, inbox.EditTask:
		onTeam(c, b, reader, it.intent.At)
	case inbox.Withdraw:
		if it.before != nil && c.LastID == b.Message {
			it.before.onto(c)
		}
	}
}

// onPage puts the intent's effect on a page of messages; only the newest page takes new ones.
func (it *item) onPage(page []inbox.Message, reader inbox.PersonID, newest bool) []inbox.Message {
	if it.state == itemReturned {
		return page
	}
	find := func(id inbox.MessageID) *inbox.Message {
		if i := slices.IndexFunc(page, func(m inbox.Message) bool { return m.ID == id }); i >= 0 {
			return &page[i]
		}
		return nil
	}
	if it.isMessage() {
		if !newest || slices.ContainsFunc(page, func(m inbox.Message) bool { return m.Cause == it.intent.ID }) {
			return page // its event came while the page was read
		}
		m := it.message(reader)
		if id := quoteOf(it.intent.Body); id != "" {
			m.Quote = &inbox.Quote{Message: id}
			if q := find(id); q != nil {
				m.Quote.Side, m.Quote.Excerpt = q.Side, q.Body.Excerpt(120)
			}
		}
		return append(page, m)
	}
	switch b := it.intent.Body.(type) {
	case inbox.AddReaction:
		if m := find(b.Message); m != nil {
			// To the customer there is one company, so the reaction carries no person, as the relay will record it.
			m.Reactions = inbox.React(m.Reactions, inbox.Reaction{Side: inbox.FromPerson, Emoji: b.Emoji})
		}
	case inbox.SendAgain:
		if m := find(b.Message); m != nil && (m.Receipt == inbox.Failed || m.Receipt == inbox.Unknown) {
			m.Receipt, m.Failure = inbox.Queued, inbox.NoFailure
		}
	case inbox.Withdraw:
		return slices.DeleteFunc(page, func(m inbox.Message) bool { return m.ID == b.Message })
	case inbox.DecideHeld:
		if m := find(b.Message); m != nil && m.Held {
			if m.Held = false; !b.Agree {
				m.Receipt, m.Failure = inbox.Failed, inbox.FailNotReleased
			}
		}
	}
	return page
}

// readOutbox brings the outbox and the drafts into memory: they are few.
func (s *Store) readOutbox() error {
	return guard(func() error {
		return s.outbox.View(func(tx *bbolt.Tx) error {
			if err := tx.Bucket(s.post.name).ForEach(func(k, v []byte) error {
				b, err := s.post.open(k, v)
				if err != nil {
					return err
				}
				it, err := decodeItem(b)
				if err != nil {
					return err
				}
				s.items = append(s.items, it)
				return nil
			}); err != nil {
				return err
			}
			slices.SortFunc(s.items, func(a, b *item) int { return cmp.Compare(a.place, b.place) })
			for _, it := range s.items {
				s.index(it)
			}
			if err := tx.Bucket(s.file.name).ForEach(func(k, v []byte) error {
				b, err := s.file.open(k, v)
				if err != nil {
					return err
				}
				a, err := decodeRow[attachedRow](b)
				s.attached[a.ID] = &attached{Attachment: a.Attachment, key: a.Key, moved: a.Moved}
				return err
			}); err != nil {
				return err
			}
			for _, it := range s.items {
				s.claim(it)
			}
			if err := s.readTyped(tx); err != nil {
				return err
			}
			return tx.Bucket(s.drafty.name).ForEach(func(k, v []byte) error {
				b, err := s.drafty.open(k, v)
				if err != nil {
					return err
				}
				d, err := decodeRow[draftRow](b)
				s.drafts[d.Conversation] = d.Text
				return err
			})
		})
	})
}

func (s *Store) index(it *item) {
	on := it.intent.Body.On()
	s.byID[it.intent.ID] = it
	s.itemsOn[on] = append(slices.Clip(s.itemsOn[on]), it)
}

// claim notes which intent sends a file. It needs mu for writing.
func (s *Store) claim(it *item) {
	if a := s.attached[fileOf(it.intent.Body)]; a != nil && it.state != itemReturned {
		next := *a
		next.intent = it.intent.ID
		s.attached[a.ID] = &next
	}
}

// deleteItems takes intents off the disk, with the files they send.
func (s *Store) deleteItems(tx *bbolt.Tx, ids ...inbox.IntentID) error {
	return s.deleteItemsBut(tx, "", ids...)
}

// deleteItemsBut does so but for one file, which another intent sends from now on.
func (s *Store) deleteItemsBut(tx *bbolt.Tx, kept inbox.MediaID, ids ...inbox.IntentID) error {
	files := s.filesOf(ids)
	for _, id := range ids {
		if err := tx.Bucket(s.post.name).Delete(rowName(s.post, id)); err != nil {
			return err
		}
	}
	for _, a := range files {
		if a.ID == kept {
			continue
		}
		if err := tx.Bucket(s.file.name).Delete(rowName(s.file, a.ID)); err != nil {
			return err
		}
	}
	return nil
}

// filesOf returns the files some intents send.
func (s *Store) filesOf(ids []inbox.IntentID) (out []*attached) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, a := range s.attached {
		if a.intent != "" && slices.Contains(ids, a.intent) {
			out = append(out, a)
		}
	}
	return out
}

// dropFiles forgets the files of intents that were taken off the disk. It needs mu for writing.
func (s *Store) dropFiles(ids ...inbox.IntentID) {
	var paths []string
	for id, a := range s.attached {
		if a.intent != "" && slices.Contains(ids, a.intent) {
			delete(s.attached, id)
			paths = append(paths, a.path(s.dir))
		}
	}
	s.shredLater(paths...)
}

// drop takes an item out of memory. It needs mu for writing.
func (s *Store) drop(it *item) {
	on := it.intent.Body.On()
	is := func(o *item) bool { return o == it }
	s.items = slices.DeleteFunc(slices.Clone(s.items), is)
	if s.itemsOn[on] = slices.DeleteFunc(slices.Clone(s.itemsOn[on]), is); len(s.itemsOn[on]) == 0 {
		delete(s.itemsOn, on)
	}
	delete(s.byID, it.intent.ID)
}

// swap puts an item in the place of another. It needs mu for writing.
func (s *Store) swap(old, it *item) {
	on := it.intent.Body.On()
	s.items, s.itemsOn[on] = slices.Clone(s.items), slices.Clone(s.itemsOn[on])
	s.items[slices.Index(s.items, old)] = it
	s.itemsOn[on][slices.Index(s.itemsOn[on], old)] = it
	delete(s.byID, old.intent.ID)
	s.byID[it.intent.ID] = it
}

// Submit keeps a wish until the relay has settled it. When it returns nil the wish is on the disk, its effect is shown,
// and, for a message, the conversation's draft is gone in the same transaction. The same intent again changes nothing.
// What cannot be sent is refused at once with the [inbox.Refusal]; when the disk is full, ErrFull says that nothing was
// kept, so the text must stay where it was typed.
//
// A message shows at once: texts as they were typed, variables included, a template as it is known here, a file as it was
// attached. An attachment can be sent once; it is the message's own from then on.
//
// SendAgain of a message that was refused here becomes the same wish once more in its place, under the new intent: the
// relay does not know the old one.
func (s *Store) Submit(ctx context.Context, i inbox.Intent) error { return s.submit(ctx, i, "") }

// submit is Submit, or SubmitInstead of a refused message.
func (s *Store) submit(ctx context.Context, i inbox.Intent, refused inbox.IntentID) error {
	if i.ID == "" || i.Body == nil {
		return errNoIntent
	}
	switch i.Body.(type) {
	case inbox.SendTemplate, inbox.SendCard, inbox.SendAgain, inbox.Withdraw: // need what the cache knows of them
		if err := s.load(ctx); err != nil {
			return err
		}
	}
	s.posting.Lock()
	defer s.posting.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.RLock()
	known, place := s.byID[i.ID] != nil, uint64(1)
	if n := len(s.items); n > 0 {
		place = s.items[n-1].place + 1
	}
	var old *item
	sameAgain := false
	if it := s.byID[refused]; it != nil && (it.state == itemRefused || it.state == itemReturned) {
		old = it
	}
	if again, ok := i.Body.(inbox.SendAgain); ok {
		if it := s.byID[inbox.IntentID(again.Message)]; it != nil && it.state == itemRefused {
			old, i.Body, sameAgain = it, it.intent.Body, true
		}
	}
	on := i.Body.On()
	typedAway := fromComposer(i.Body) && !sameAgain
	if typedAway && refused != "" {
		d := s.drafts[on]
		typedAway = d == typedOf(i.Body) || old != nil && d == typedOf(old.intent.Body)
	}
	erased := s.base[on] != nil && s.base[on].Erased != 0
	s.mu.RUnlock()
	if known {
		return nil
	}
	if erased {
		return fmt.Errorf("submitting an intent: %w", inbox.RefusedErased)
	}
	it := &item{place: place, intent: i}
	var instead inbox.IntentID
	if old != nil {
		instead = old.intent.ID
	}
	var err error
	if it.face, err = s.face(i.Body, instead); err != nil {
		return fmt.Errorf("submitting an intent: %w", err)
	}
	if b, ok := i.Body.(inbox.Withdraw); ok {
		if it.before, err = s.beforeWithdrawn(b); err != nil {
			return err
		}
	}
	b, err := encodeItem(it)
	if err != nil {
		return err
	}
	if err := s.update("submitting an intent", s.outbox, func(tx *bbolt.Tx) error {
		if old != nil {
			if err := s.deleteItemsBut(tx, fileOf(i.Body), old.intent.ID); err != nil {
				return err
			}
		}
		if typedAway {
			if err := tx.Bucket(s.drafty.name).Delete(rowName(s.drafty, on)); err != nil {
				return err
			}
		}
		return s.post.put(tx, rowName(s.post, i.ID), b)
	}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claim(it) // before the files nobody sends any more are dropped
	if old != nil {
		s.drop(old)
		s.dropFiles(old.intent.ID)
	}
	if typedAway {
		delete(s.drafts, on)
	}
	s.items = append(slices.Clip(s.items), it)
	s.index(it)
	s.reshow(on)
	s.poke()
	return nil
}

// Pending returns the intents that are not settled, in the order they were submitted. See [Store.Offer] for those that
// cannot be sent yet.
func (s *Store) Pending(ctx context.Context) ([]inbox.Intent, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, ErrClosed
	}
	var out []inbox.Intent
	for _, it := range s.items {
		if it.state == itemPending {
			out = append(out, it.ready())
		}
	}
	return out, ctx.Err()
}

// Settle takes in what became of an intent. A granted one is sent no more, and what it shows stays until its event is
// here. A refused message stays as Failed until it is dismissed or sent again, but for one the guard wants a reason for:
// that goes back to where it was typed (see [Store.Refused]). The effect of any other refused wish is taken back. An
// outcome for an intent that is not known, or settled, changes nothing.
func (s *Store) Settle(ctx context.Context, o inbox.Outcome) error {
	s.posting.Lock()
	defer s.posting.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.RLock()
	it := s.byID[o.Intent]
	s.mu.RUnlock()
	if it == nil || it.state != itemPending {
		return nil
	}
	next := new(item)
	*next = *it
	next.state, next.refusal = itemGranted, o.Refusal
	on, back := it.intent.Body.On(), ""
	switch {
	case o.Refusal == inbox.RefusedReason && it.isMessage():
		next.state = itemReturned
		if fromComposer(it.intent.Body) && s.Draft(on) == "" {
			back = typedOf(it.intent.Body)
		}
	case o.Refusal != inbox.Granted:
		next.state = itemRefused
	}
	name := rowName(s.post, o.Intent)
	if err := s.update("settling an intent", s.outbox, func(tx *bbolt.Tx) error {
		if !it.isMessage() {
			return tx.Bucket(s.post.name).Delete(name)
		}
		b, err := encodeItem(next)
		if err != nil {
			return err
		}
		if back != "" {
			if err := s.putDraft(tx, on, back); err != nil {
				return err
			}
		}
		return s.post.put(tx, name, b)
	}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byID[o.Intent] != it {
		return nil // its event came meanwhile, or an erasure, and Apply waits for this function to forget the row
	}
	if back != "" {
		s.drafts[on] = back
	}
	if a := s.attached[fileOf(it.intent.Body)]; a != nil && next.state == itemReturned {
		free := *a
		free.intent = ""
		s.attached[a.ID] = &free
	}
	if it.isMessage() || next.state == itemGranted {
		s.swap(it, next)
	} else {
		s.drop(it)
	}
	s.reshow(it.intent.Body.On())
	s.poke()
	return nil
}
