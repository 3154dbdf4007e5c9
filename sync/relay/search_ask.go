package relay

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/eventlog"
	"sealdesk/sync/relay/internal/identity"
	"sealdesk/sync/relay/internal/ledger"
	"sealdesk/sync/wire"
)

// A question looks at so many facts of the log, or so long, and gives so many hits: the device asks on from there.
const (
	searchFacts = 20_000
	searchHits  = 50
	searchBytes = wire.MaxRelayFrame / 2 // of their texts
	searchTime  = 500 * time.Millisecond
	maxWords    = 8
	maxQuery    = 200
)

// search is a question in the form it is compared in.
type search struct {
	inbox.AskSearch
	words []string
}

// askSearch looks for words in what the relay holds, newest first, one inbox after the other. It sees what the asker may see:
// masked texts. That somebody searched is written down, what for is not.
func (r *Relay) askSearch(ctx context.Context, a asker, q inbox.AskSearch) (inbox.SearchPage, error) {
	s := search{AskSearch: q, words: wordsOf(q.Text)}
	if len(s.words) == 0 && !q.File && q.Tag == "" && q.Person == "" || len(s.words) > maxWords || len(q.Text) > maxQuery || inbox.Identifying(q.Text) {
		return inbox.SearchPage{}, inbox.RefusedMalformed
	}
	var list []inbox.InboxID
	for _, in := range r.cfg.Inboxes {
		id := inbox.InboxID(in.ID)
		if (q.Inbox == "" || q.Inbox == id) && inbox.Can(a.person, inbox.ActRead, inbox.Subject{Inbox: id}) == nil {
			list = append(list, id)
		}
	}
	if q.Conversation != "" {
		in, _, err := r.mayAsk(ctx, a.person, q.Conversation, inbox.ActRead)
		if err != nil {
			return inbox.SearchPage{}, err
		}
		list = []inbox.InboxID{in}
	}
	at, seq, ok := place(q.Before, list)
	if !ok {
		return inbox.SearchPage{}, inbox.RefusedMalformed
	}
	if len(list) == 0 {
		return inbox.SearchPage{}, inbox.RefusedRight
	}
	leave, err := r.looks.search(ctx, a.device)
	if err != nil {
		return inbox.SearchPage{}, err
	}
	defer leave()
	// Each page is written down: which is the first is the device's word.
	entry := audit.Entry{At: inbox.At(r.now()), Actor: a.person.ID, Device: a.device, Act: audit.SearchedMessages, Object: string(q.Conversation)}
	if err := r.db.Update(ctx, identity.Shard, func(tx ledger.Tx) error { return audit.Record(tx, entry) }); err != nil {
		return inbox.SearchPage{}, err
	}
	var page inbox.SearchPage
	err = r.db.View(ctx, eventlog.Shard(list[at].Log()), func(tx ledger.Tx) (err error) {
		page, err = s.look(ctx, tx, seq)
		return err
	})
	if err != nil {
		return page, err
	}
	switch {
	case page.Next != "":
		page.Next = strconv.Itoa(at) + "." + page.Next
	case at+1 < len(list):
		page.Next = strconv.Itoa(at+1) + ".0"
	}
	return page, nil
}

// place reads where a page begins: the inbox, by its number, and the place in its log; 0 for its end.
func place(before string, list []inbox.InboxID) (at int, seq uint64, ok bool) {
	if before == "" {
		return 0, 0, true
	}
	in, rest, _ := strings.Cut(before, ".")
	at, err := strconv.Atoi(in)
	if err != nil || at < 0 || at >= len(list) {
		return 0, 0, false
	}
	seq, err = strconv.ParseUint(rest, 10, 64)
	return at, seq, err == nil
}

// look reads one log back from a place; 0 is its end. Messages that were taken back, or whose text changed, count as they are now.
func (s search) look(ctx context.Context, tx ledger.Tx, before uint64) (page inbox.SearchPage, err error) {
	events := eventlog.Backwards(tx)
	if before > 0 {
		events = eventlog.BackwardsFrom(tx, before-1)
	}
	until := time.Now().Add(searchTime)
	facts, size := 0, 0
	rows := map[inbox.ConversationID]inbox.Conversation{}
	for e, err := range events {
		if err != nil {
			return page, err
		}
		if facts++; len(page.Hits) >= searchHits || size >= searchBytes || facts > searchFacts || facts%256 == 0 && (time.Now().After(until) || ctx.Err() != nil) {
			page.Next = strconv.FormatUint(e.Seq+1, 10)
			return page, ctx.Err()
		}
		page.Back = e.At
		if s.From != 0 && e.At < s.From {
			return page, nil
		}
		b, ok := e.Body.(inbox.MessageAdded)
		if !ok || !s.wants(b.Message) {
			continue
		}
		m, there, err := eventlog.Message(tx, b.Message.ID)
		if err != nil {
			return page, err
		}
		if !there || m.Kind == inbox.Deleted || !s.wants(m) || !s.says(m) {
			continue
		}
		if s.Tag != "" {
			row, known := rows[m.Conversation]
			if !known {
				if row, _, err = eventlog.Conversation(tx, m.Conversation); err != nil {
					return page, err
				}
				rows[m.Conversation] = row
			}
			if !slices.Contains(row.Tags, s.Tag) {
				continue
			}
		}
		size += len(m.Body.Visible())
		page.Hits = append(page.Hits, inbox.Hit{
			Conversation: m.Conversation, Message: m.ID, Seq: e.Seq, At: m.At, Side: m.Side, Author: m.Author, Kind: m.Kind, Body: m.Body,
		})
	}
	return page, nil
}

// wants reports whether the message is of the sort that is looked for, whatever it says.
func (s search) wants(m inbox.Message) bool {
	return m.Kind != inbox.System &&
		(s.Conversation == "" || m.Conversation == s.Conversation) &&
		(s.Person == "" || m.Author == s.Person) &&
		(!s.Customer || m.Side == inbox.FromContact) &&
		(!s.File || m.Media != nil) &&
		(s.From == 0 || m.At >= s.From) && (s.To == 0 || m.At < s.To)
}

// says reports whether each word that is looked for begins a word of the message.
func (s search) says(m inbox.Message) bool {
	if len(s.words) == 0 {
		return true
	}
	texts := []inbox.Masked{m.Header, m.Body, m.Footer}
	if m.Media != nil {
		texts = append(texts, m.Media.Name)
	}
	var plain strings.Builder // by what is left of an identifier nobody is found
	for _, t := range texts {
		for _, s := range t.Spans() {
			if s.Kind == inbox.Plain {
				plain.WriteString(s.Text)
			}
			plain.WriteByte(' ')
		}
	}
	said := wordsOf(plain.String())
	return !slices.ContainsFunc(s.words, func(word string) bool {
		return !slices.ContainsFunc(said, func(w string) bool { return strings.HasPrefix(w, word) })
	})
}

// wordsOf returns the words of a text without case and accents.
func wordsOf(text string) []string { return strings.Fields(foldKeyword(text)) }
