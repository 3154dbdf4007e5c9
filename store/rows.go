package store

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"

	"go.etcd.io/bbolt"
	"golang.org/x/sync/errgroup"

	"sealdesk/app/inbox"
)

// topRows is how many rows the head holds: more than any first screen shows.
const topRows = 60

// A Row is what the inbox list shows of one conversation: what the relay said, with what this person wished and is not
// settled yet, and the draft. Rows are shared: do not change them.
type Row struct {
	inbox.Conversation
	Draft string // typed and not sent; "" for none
}

// newer is the order of the inbox: the last item first. It never calls two rows equal.
func newer(a, b *inbox.Conversation) int {
	if c := cmp.Compare(b.LastAt, a.LastAt); c != 0 {
		return c
	}
	return cmp.Compare(a.ID, b.ID)
}

func newerRow(a, b *Row) int { return newer(&a.Conversation, &b.Conversation) }

// Head returns the newest rows, at most 60, newest first, from one value of the cache: what a first paint needs. It
// leaves the rest on the disk: whoever asks next has it loaded, so that nothing competes with the paint.
func (s *Store) Head(ctx context.Context) ([]*Row, error) {
	select {
	case <-s.loaded:
		all, err := s.Inbox(ctx)
		return all[:min(len(all), topRows)], err
	default:
	}
	var top []inbox.Conversation
	err := s.view("reading the head of the inbox", func(tx *bbolt.Tx) error {
		b, err := s.head.get(tx, keyTop)
		if err != nil || b == nil {
			return err
		}
		top, err = decodeRow[[]inbox.Conversation](b)
		return err
	})
	if err != nil {
		return nil, err
	}
	rows := make([]*Row, len(top))
	s.mu.RLock()
	for i := range top {
		rows[i] = s.overlay(&top[i])
	}
	s.mu.RUnlock()
	slices.SortFunc(rows, newerRow)
	return rows, nil
}

// Inbox returns every row, newest first. The slice is shared and never changes; ask again after a poke. It waits until
// the rows have been loaded.
func (s *Store) Inbox(ctx context.Context) ([]*Row, error) {
	if err := s.load(ctx); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.list, nil
}

// Conversation returns one row, or ErrUnknown.
func (s *Store) Conversation(ctx context.Context, id inbox.ConversationID) (*Row, error) {
	if err := s.load(ctx); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if r := s.shown[id]; r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("looking for a conversation: %w", ErrUnknown)
}

// Person returns a colleague, and false for somebody the relay has not spoken of.
func (s *Store) Person(id inbox.PersonID) (inbox.Person, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	p, ok := s.people[id]
	return p, ok
}

// Me returns the reader of this store; false until the relay has said who that is.
func (s *Store) Me() (inbox.Person, bool) { return s.Person(s.reader) }

// People returns all colleagues by name.
func (s *Store) People() []inbox.Person {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return valuesBy(s.people, func(p inbox.Person) string { return p.Name + "\x00" + string(p.ID) })
}

// Inboxes returns all inboxes by name.
func (s *Store) Inboxes() []inbox.Inbox {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return valuesBy(s.inboxes, func(i inbox.Inbox) string { return i.Name + "\x00" + string(i.ID) })
}

func valuesBy[K comparable, V any](m map[K]V, key func(V) string) []V {
	out := make([]V, 0, len(m))
	for _, v := range m {
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b V) int { return cmp.Compare(key(a), key(b)) })
	return out
}

func (s *Store) startLoading() {
	s.loading.Do(func() {
		go func() {
			defer close(s.loaded)
			if s.loadErr = s.readRows(); s.loadErr == nil {
				s.startFilling(s.after)
			}
		}()
	})
}

// load waits until the rows are in memory.
func (s *Store) load(ctx context.Context) error {
	s.startLoading()
	select {
	case <-s.loaded:
		return s.loadErr
	case <-ctx.Done():
		return ctx.Err()
	}
}

// readRows opens all rows, on all cores: decoding is what takes the time.
func (s *Store) readRows() error {
	type pair struct{ k, v []byte }
	var pairs []pair
	var rows []*inbox.Conversation
	if err := s.tell(); err != nil {
		return err
	}
	err := s.view("reading the inbox", func(tx *bbolt.Tx) error {
		b := tx.Bucket(s.row.name)
		if err := b.ForEach(func(k, v []byte) error {
			pairs = append(pairs, pair{k, v})
			return nil
		}); err != nil {
			return err
		}
		rows = make([]*inbox.Conversation, len(pairs))
		var workers errgroup.Group
		n := runtime.GOMAXPROCS(0)
		for w := range n {
			part, out := pairs[len(pairs)*w/n:len(pairs)*(w+1)/n], rows[len(pairs)*w/n:]
			workers.Go(func() error {
				return guard(func() error {
					for i, p := range part {
						plain, err := s.row.open(p.k, p.v)
						if err != nil {
							return err
						}
						c, err := decodeRow[inbox.Conversation](plain)
						if err != nil {
							return err
						}
						if !bytes.Equal(rowName(s.row, c.ID), p.k) {
							return errRow
						}
						out[i] = &c
					}
					return nil
				})
			})
		}
		return workers.Wait()
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = make([]*Row, len(rows))
	s.base = make(map[inbox.ConversationID]*inbox.Conversation, len(rows))
	s.shown = make(map[inbox.ConversationID]*Row, len(rows))
	for i, c := range rows {
		r := s.overlay(c)
		s.base[c.ID], s.shown[c.ID], s.list[i] = c, r, r
	}
	slices.SortFunc(s.list, newerRow)
	s.poke()
	return nil
}

// overlay returns the row to show for what the cache holds. It needs mu.
func (s *Store) overlay(c *inbox.Conversation) *Row {
	r := &Row{Conversation: *c, Draft: s.drafts[c.ID]}
	for _, it := range s.itemsOn[c.ID] {
		it.onRow(&r.Conversation, s.reader)
	}
	return r
}

// reshow replaces the shown rows of some conversations and keeps the list in order. It needs mu for writing.
func (s *Store) reshow(ids ...inbox.ConversationID) {
	var gone, come []*Row
	for _, id := range ids {
		if old := s.shown[id]; old != nil {
			gone = append(gone, old)
			delete(s.shown, id)
		}
		if c := s.base[id]; c != nil {
			r := s.overlay(c)
			come = append(come, r)
			s.shown[id] = r
		}
	}
	slices.SortFunc(gone, newerRow)
	slices.SortFunc(come, newerRow)
	s.list = replaced(s.list, gone, come, newerRow)
}

// replaced merges a sorted list with sorted changes into a new list.
func replaced[T comparable](list, gone, come []T, order func(a, b T) int) []T {
	out := make([]T, 0, len(list)-len(gone)+len(come))
	for len(gone) > 0 || len(come) > 0 {
		// Copy the stretch up to the next change in one go: there are many rows and few changes.
		next := len(list)
		if len(gone) > 0 {
			i, _ := slices.BinarySearchFunc(list, gone[0], order)
			next = i
		}
		if len(come) > 0 {
			i, _ := slices.BinarySearchFunc(list, come[0], order)
			if i <= next {
				out = append(out, list[:i]...)
				out, list, come = append(out, come[0]), list[i:], come[1:]
				continue
			}
		}
		out = append(out, list[:next]...)
		list, gone = list[min(next+1, len(list)):], gone[1:]
	}
	return append(out, list...)
}
