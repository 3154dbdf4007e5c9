package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/store/arena"
)

// ErrCleared means that the search was cleared and not filled since; see [Store.ClearSearch].
var ErrCleared = errors.New("the search was cleared")

// Has says what a message carries beside its text.
type Has uint16

// What a message may have.
const (
	HasFile    Has = 1 << iota // a document
	HasPicture                 // or a sticker
	HasFilm
	HasVoice // or another recording
	HasLink  // to a page, in the text
	HasPlace
)

const (
	// DefaultHits is how many messages a search returns when its Limit is 0, and MaxHits what it returns at most.
	DefaultHits = 50
	MaxHits     = 500

	snippetWidth = 120 // characters, as in a row of the inbox

	arenaLimit = 512 << 20 // about two million messages

	// The flags of a record: what it has, above that its kind, above that its side.
	flagKind  = 8
	flagSide  = 14
	flagsHas  = 1<<flagKind - 1
	flagsKind = 1<<(flagSide-flagKind) - 1
)

// A Query says which messages to find: those that have all the words, carry all of Has, lie between After and Before, come
// from one of the authors, and stand in one of the conversations or inboxes. What is left out asks nothing. See
// [Store.ParseQuery] for queries a person types.
type Query struct {
	Words         []string               // words, parts of words, phrases: letter case, accents and kinds of space do not count
	From          []inbox.PersonID       // written by one of these
	FromContact   bool                   // or by the customer
	Conversations []inbox.ConversationID // in one of these
	Inboxes       []inbox.InboxID        // or in one of these
	Tags          []inbox.TagID          // whose conversation has one of these
	Has           Has
	After         inbox.Moment // at this moment or later
	Before        inbox.Moment // earlier than this moment
	Limit         int          // how many messages to return at most
}

// A Hit is a message that was found.
type Hit struct {
	Message inbox.MessageID
	Seq     uint64 // its place in the conversation
	At      inbox.Moment
	Side    inbox.Side
	Author  inbox.PersonID
	Kind    inbox.MessageKind
	Has     Has
	Snippet inbox.Masked // its text around the first of the words, on one line
	Marks   []arena.Mark // where the words are in Snippet.Visible(), in bytes, in order
}

// Found is what was found in one conversation.
type Found struct {
	Conversation inbox.ConversationID
	Total        int   // messages that match, whether or not they are in Hits
	Hits         []Hit // the newest first
}

// Results is what a search found in the messages it had read.
type Results struct {
	Found []Found // the conversation with the newest hit first
	Total int     // messages that match in all conversations, more than Hits hold if the limit was reached
	SearchState
}

// SearchState says what a search can find.
type SearchState struct {
	Read int  // conversations that can be searched
	Of   int  // conversations there are to be searched
	Full bool // there are more messages than memory for them: the oldest conversations are missing
}

// Done reports whether everything there is can be found.
func (s SearchState) Done() bool { return s.Read == s.Of && !s.Full }

// A searcher is the texts of a store, to be searched. Everything about it but the arena is guarded by mu.
type searcher struct {
	mu      sync.Mutex
	texts   *arena.Arena  // nil: rows were not loaded yet, or it was cleared
	filled  chan struct{} // closed when nobody fills texts any more
	hurry   func()        // ends the wait before texts are filled; any number of times
	state   SearchState
	todo    map[inbox.ConversationID]bool // not read yet: whatever is told of them will be read
	order   []inbox.ConversationID        // of todo
	reading inbox.ConversationID          // being read
	late    map[inbox.MessageID]bool      // messages of reading that were told of meanwhile
	again   bool                          // reading has to be read once more
	text    *arena.Text                   // for what Apply tells
}

// FillSearch makes messages ready to be searched, in the background, the conversation with the newest message first: at
// once if a search was cleared, else it has begun with the first look at the inbox. What is found grows until
// [SearchState.Done]; its end is a poke.
func (s *Store) FillSearch(ctx context.Context) error {
	if err := s.load(ctx); err != nil {
		return err
	}
	s.applying.Lock() // what it would tell is either read or told
	defer s.applying.Unlock()
	s.startFilling(0)
	return nil
}

// startFilling begins to fill the search after a while, unless that has begun. No Apply may run meanwhile.
func (s *Store) startFilling(after time.Duration) {
	f := &s.search
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.texts != nil && after == 0 {
		f.hurry()
	}
	if f.texts != nil || !s.begin() {
		return
	}
	s.mu.RLock()
	list := s.list
	s.mu.RUnlock()
	f.texts, f.text, f.filled = arena.New(arenaLimit), arena.NewText(), make(chan struct{})
	f.todo, f.order = make(map[inbox.ConversationID]bool, len(list)), make([]inbox.ConversationID, len(list))
	for i, r := range list {
		f.todo[r.ID], f.order[i] = true, r.ID
	}
	f.state = SearchState{Of: len(list)}
	now := make(chan struct{})
	f.hurry = sync.OnceFunc(func() { close(now) })
	go func(texts *arena.Arena, filled chan struct{}) {
		defer s.filing.Done()
		wait := time.NewTimer(after)
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-now:
		case <-s.ending.Done():
		}
		s.fill(texts)
		close(filled)
		s.mu.Lock()
		s.poke()
		s.mu.Unlock()
	}(f.texts, f.filled)
}

// ClearSearch overwrites the texts that can be searched and gives their memory back. It returns when that has happened;
// searches return ErrCleared from then on, until FillSearch. Snippets that were handed out stay with whom has them. It is
// for the end of a lease, a lock, a wipe; Close does it too. An error means that memory was overwritten and not given back.
func (s *Store) ClearSearch() error {
	f := &s.search
	f.mu.Lock()
	texts, filled := f.texts, f.filled
	if texts == nil {
		f.mu.Unlock()
		return nil
	}
	f.hurry() // it finds nothing to fill
	err := texts.Clear()
	f.text.Reset()
	f.texts, f.text, f.todo, f.order, f.reading, f.late, f.state = nil, nil, nil, nil, "", nil, SearchState{}
	f.mu.Unlock()
	<-filled // who fills holds one message, and finds out at the next
	if err != nil {
		return fmt.Errorf("clearing the search: %w", err)
	}
	return nil
}

// SearchState returns how far the search has been filled.
func (s *Store) SearchState() SearchState {
	s.search.mu.Lock()
	defer s.search.mu.Unlock()
	return s.search.state
}

// Search finds messages among those that have been read so far: see [SearchState]. It finds what the cache shows: masked
// text and no hints of what is masked, so that no question about an identifier has an answer. What this person wrote is
// found once the relay has told it. A query that asks nothing, or whose words are nothing but space, returns a [QueryError].
func (s *Store) Search(ctx context.Context, q Query) (Results, error) {
	if err := s.load(ctx); err != nil {
		return Results{}, err
	}
	ask, err := s.ask(q)
	if err != nil {
		return Results{}, fmt.Errorf("searching: %w", err)
	}
	s.search.mu.Lock()
	texts, state := s.search.texts, s.search.state
	if texts != nil {
		s.search.hurry()
	}
	s.search.mu.Unlock()
	hits, counts, err := []arena.Hit(nil), []arena.Count(nil), arena.ErrCleared
	if texts != nil {
		hits, counts, err = texts.Find(ctx, ask)
	}
	if errors.Is(err, arena.ErrCleared) {
		s.mu.RLock()
		defer s.mu.RUnlock()
		if err = ErrCleared; s.closed {
			err = ErrClosed
		}
	}
	if err != nil {
		return Results{}, fmt.Errorf("searching: %w", err)
	}
	out := Results{SearchState: state}
	total := make(map[string]int, len(counts))
	for _, c := range counts {
		total[c.Group] = c.Count
		out.Total += c.Count
	}
	place := map[string]int{}
	for _, h := range hits {
		n, ok := place[h.Group]
		if !ok {
			n, place[h.Group] = len(out.Found), len(out.Found)
			out.Found = append(out.Found, Found{Conversation: inbox.ConversationID(h.Group), Total: total[h.Group]})
		}
		out.Found[n].Hits = append(out.Found[n].Hits, hitOf(h))
	}
	return out, nil
}

func hitOf(h arena.Hit) Hit {
	spans, size := make([]inbox.Span, len(h.Excerpt)), 0
	for i, sp := range h.Excerpt {
		spans[i] = inbox.Span{Kind: inbox.SpanKind(sp.Kind), Text: sp.Text}
		size += len(sp.Text)
	}
	out := Hit{Message: inbox.MessageID(h.ID), Seq: h.Place, At: inbox.Moment(h.At), Side: inbox.Side(h.Flags >> flagSide), Author: inbox.PersonID(h.Author),
		Kind: inbox.MessageKind(h.Flags >> flagKind & flagsKind), Has: Has(h.Flags & flagsHas), Snippet: inbox.NewMasked(spans...), Marks: h.Marks}
	if len(out.Snippet.Visible()) != size { // it was hidden after all
		out.Marks = nil
	}
	return out
}

// ask turns a query into one for the arena.
func (s *Store) ask(q Query) (arena.Query, error) {
	if q.Limit <= 0 {
		q.Limit = DefaultHits
	}
	ask := arena.Query{Limit: min(q.Limit, MaxHits), Width: snippetWidth}
	for _, w := range q.Words {
		word := arena.Fold(w)
		if len(word) == 0 {
			return ask, &QueryError{Fault: QueryEmpty}
		}
		ask.Words = append(ask.Words, word)
	}
	if q.Before != 0 && q.After >= q.Before {
		return ask, &QueryError{Fault: QueryRange}
	}
	if len(q.Words) == 0 && q.Has == 0 && q.After == 0 && q.Before == 0 && len(q.From) == 0 && !q.FromContact && len(q.Conversations)+len(q.Inboxes)+len(q.Tags) == 0 {
		return ask, &QueryError{Fault: QueryEmpty}
	}
	if places := len(q.Conversations) + len(q.Inboxes); places+len(q.Tags) > 0 {
		s.mu.RLock()
		defer s.mu.RUnlock()
		in := map[string]bool{}
		for _, id := range q.Conversations {
			in[string(id)] = true
		}
		for id, c := range s.base {
			if slices.Contains(q.Inboxes, c.Inbox) || places == 0 {
				in[string(id)] = true
			}
			if len(q.Tags) > 0 && !slices.ContainsFunc(c.Tags, func(t inbox.TagID) bool { return slices.Contains(q.Tags, t) }) {
				delete(in, string(id))
			}
		}
		ask.Group = func(g string) bool { return in[g] }
	}
	anybody := len(q.From) == 0 && !q.FromContact
	ask.Keep = func(f arena.Filter) bool {
		side := inbox.Side(f.Flags >> flagSide)
		return Has(f.Flags)&q.Has == q.Has && (q.After == 0 || f.At >= int64(q.After)) && (q.Before == 0 || f.At < int64(q.Before)) &&
			(anybody || q.FromContact && side == inbox.FromContact || side == inbox.FromPerson && slices.Contains(q.From, inbox.PersonID(f.Author)))
	}
	return ask, nil
}
