package audit

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/ledger"
)

// A Query says which entries are looked for. What is left zero does not matter; everything else must hold.
type Query struct {
	Shard   string
	Actor   inbox.PersonID
	Actors  []inbox.PersonID // one of these is the actor; nil: anybody
	About   []string         // one of these is the object, the device, or an id in the detail
	Act     Act              // the act, or a group of them: "reveal" is all that begin with "reveal."
	From    inbox.Moment     // the first moment that counts
	Until   inbox.Moment     // the first that does not count any more
	Text    string           // stands in the detail, in capitals or not
	Refused bool             // only what was refused

	Limit int    // entries of a page; 0 is 50, the most is 500
	After string // [Page.Next] of the page before
	Work  int    // about how many entries may be read in vain for a page; 0 is 200,000
}

const (
	pageSize    = 50
	maxPageSize = 500
	pageWork    = 200_000
)

// Found is an entry and where it is.
type Found struct {
	Shard string `json:"shard"`
	Entry
}

// A Page is a part of what was found, the newest first. It may hold fewer entries than asked for, even none, and yet not
// be the last: then the work for a page was done, and Next goes on.
type Page struct {
	Found []Found
	Next  string // "" when there is nothing more
	Read  int    // entries read for it
}

// ErrCursor is returned for a [Query.After] that no page had.
var ErrCursor = errors.New("not a place in the audit log")

// Search looks through the audit logs of all shards. Within a shard the order is that of the numbers; shards are merged by
// time. What is written while somebody turns pages is not on them.
func Search(ctx context.Context, db ledger.DB, q Query) (Page, error) {
	if q.Limit <= 0 {
		q.Limit = pageSize
	}
	if q.Work <= 0 {
		q.Work = pageWork
	}
	q.Limit = min(q.Limit, maxPageSize)
	s, err := newSearch(ctx, db, q)
	if err != nil {
		return Page{}, err
	}
	var page Page
	for len(page.Found) < q.Limit {
		newest, err := s.newest(ctx)
		if err != nil {
			return Page{}, err
		}
		if newest == nil {
			break
		}
		page.Found = append(page.Found, newest.found[0])
		newest.found = newest.found[1:]
	}
	page.Read = s.read
	page.Next, err = s.cursor()
	return page, err
}

// A searching is a search under way.
type searching struct {
	db     ledger.DB
	q      Query
	marks  [][]uint32 // of each row one must be in a block
	text   string
	shards []*reading
	work   int // entries that may still be read in vain
	read   int
}

// A reading is the search in one shard.
type reading struct {
	shard string
	next  uint64  // the entry to look at next, going down; 0 is the end
	found []Found // and not on a page yet, the newest first
}

func newSearch(ctx context.Context, db ledger.DB, q Query) (*searching, error) {
	s := &searching{db: db, q: q, text: strings.ToLower(q.Text), work: q.Work}
	if q.Actor != "" {
		s.marks = append(s.marks, []uint32{mark(byActor, string(q.Actor))})
	}
	if q.Actors != nil {
		row := []uint32{}
		for _, id := range q.Actors {
			row = append(row, mark(byActor, string(id)))
		}
		s.marks = append(s.marks, row)
	}
	if q.Act != "" {
		s.marks = append(s.marks, []uint32{mark(byAct, string(q.Act))})
	}
	if len(q.About) > 0 {
		var row []uint32
		for _, word := range q.About {
			row = append(row, mark(byAbout, word))
		}
		s.marks = append(s.marks, row)
	}
	all, err := db.Shards(ctx)
	if err != nil {
		return nil, err
	}
	if q.After != "" {
		return s, s.resume(q.After, all)
	}
	shards := []string{q.Shard}
	if q.Shard == "" {
		shards = all
	}
	for _, shard := range shards {
		r := &reading{shard: shard}
		err := db.View(ctx, shard, func(tx ledger.Tx) (err error) {
			r.next, err = tx.LastSequence(sequence)
			return err
		})
		if err != nil {
			return nil, err
		}
		s.shards = append(s.shards, r)
	}
	return s, nil
}

// newest returns the shard whose next entry is the newest of all; nil when nothing more is found, or the work is done.
func (s *searching) newest(ctx context.Context) (best *reading, err error) {
	for _, r := range s.shards {
		for len(r.found) == 0 && r.next > 0 {
			if s.work <= 0 {
				return nil, nil
			}
			if err := s.fill(ctx, r); err != nil {
				return nil, err
			}
		}
		if len(r.found) > 0 && (best == nil || r.found[0].At > best.found[0].At) {
			best = r
		}
	}
	return best, nil
}

const (
	fillFound = 32             // entries found at a time in one shard
	fillRead  = 16 * blockSize // entries read in one transaction
)

// fill reads on in one shard.
func (s *searching) fill(ctx context.Context, r *reading) error {
	var next uint64
	var read int
	var found []Found
	err := s.db.View(ctx, r.shard, func(tx ledger.Tx) error {
		next, read, found = r.next, 0, nil
		last, err := tx.LastSequence(sequence)
		if err != nil {
			return err
		}
		next = min(next, last) // a cursor may be made up: nobody looks for the end of nothing
		// Once something is found it is not worth reading far: what is left over is read again for the next page.
		for next > 0 && read < fillRead && len(found) < fillFound && (len(found) == 0 || read < blockSize) {
			block := (next-1)/blockSize + 1
			t, err := readTable(tx, block)
			if err != nil {
				return err
			}
			if t != nil && !s.may(t) {
				next = (block - 1) * blockSize
				continue
			}
			floor := (block-1)*blockSize + 1
			for key, row := range tx.ScanBack(bucket, keyOf(floor), keyOf(next+1)) {
				e, err := decode(row)
				if err != nil {
					return err
				}
				read++
				next = numberOf(key) - 1
				if s.matches(&e) {
					found = append(found, Found{r.shard, e})
				}
				if len(found) == fillFound {
					break
				}
			}
			if err := tx.Err(); err != nil {
				return err
			}
			if len(found) < fillFound {
				next = floor - 1
			}
		}
		return nil
	})
	r.next, r.found, s.read = next, found, s.read+read
	if len(found) == 0 {
		// Only what is read in vain counts. What was found and is not on this page is found again for the next one, and if
		// that counted, many shards could use up the work of every page.
		s.work -= max(read, 1)
	}
	return err
}

// may says whether a block may hold what is looked for.
func (s *searching) may(t table) bool {
	if !t.during(s.q.From, s.q.Until) {
		return false
	}
	for _, row := range s.marks {
		if !slices.ContainsFunc(row, t.has) {
			return false
		}
	}
	return true
}

func (s *searching) matches(e *Entry) bool {
	q := &s.q
	switch {
	case q.Actor != "" && e.Actor != q.Actor,
		q.Actors != nil && !slices.Contains(q.Actors, e.Actor),
		q.From != 0 && e.At < q.From,
		q.Until != 0 && e.At >= q.Until,
		q.Refused && e.Refused == inbox.Granted,
		q.Act != "" && e.Act != q.Act && !strings.HasPrefix(string(e.Act), string(q.Act)+"."),
		s.text != "" && !strings.Contains(strings.ToLower(e.Detail), s.text):
		return false
	}
	if len(q.About) == 0 {
		return true
	}
	hit := false
	e.about(func(word string) {
		for _, wanted := range q.About {
			hit = hit || word == wanted
		}
	})
	return hit
}

// cursor says where every shard is to be read on.
func (s *searching) cursor() (string, error) {
	places := map[string]uint64{}
	for _, r := range s.shards {
		switch {
		case len(r.found) > 0:
			places[r.shard] = r.found[0].Number
		case r.next > 0:
			places[r.shard] = r.next
		}
	}
	if len(places) == 0 {
		return "", nil
	}
	raw, err := cbor.Marshal(places)
	return base64.RawURLEncoding.EncodeToString(raw), err
}

func (s *searching) resume(cursor string, all []string) error {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	places := map[string]uint64{}
	if err != nil || cbor.Unmarshal(raw, &places) != nil {
		return ErrCursor
	}
	for shard, next := range places {
		if !slices.Contains(all, shard) || s.q.Shard != "" && shard != s.q.Shard {
			return ErrCursor
		}
		s.shards = append(s.shards, &reading{shard: shard, next: next})
	}
	slices.SortFunc(s.shards, func(a, b *reading) int { return strings.Compare(a.shard, b.shard) })
	return nil
}
