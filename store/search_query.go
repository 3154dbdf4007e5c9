package store

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sealdesk/app/inbox"
	"sealdesk/store/arena"
)

// A QueryFault says what is wrong with a query.
type QueryFault uint8

// The faults. The words are the ui's.
const (
	QueryEmpty   QueryFault = 1 // it asks nothing, or a word of it is nothing but space
	QueryValue   QueryFault = 2 // a filter has no value: perhaps it is still being typed
	QueryHas     QueryFault = 3 // has: takes file, picture, film, voice, link or place
	QueryDate    QueryFault = 4 // before: and after: take 2026-11-22, 22.11.2026, 2026-11 or 2026
	QueryRange   QueryFault = 5 // nothing lies between after: and before:
	QueryNobody  QueryFault = 6 // from: names nobody; it takes me, customer, or a colleague's name
	QueryNowhere QueryFault = 7 // in: names no inbox and no conversation
	QueryLong    QueryFault = 8 // it is longer than 1,000 bytes or has more than 20 words and filters
	QueryTag     QueryFault = 9 // tag: names no tag
)

// faults say it to whom reads logs; none holds what was typed.
var faults = map[QueryFault]string{
	QueryEmpty: "the query asks nothing", QueryValue: "a filter has no value", QueryHas: "has: takes file, picture, film, voice, link or place",
	QueryDate: "before: and after: take a day, a month or a year", QueryRange: "nothing lies between after: and before:",
	QueryNobody: "from: names nobody", QueryNowhere: "in: names no inbox and no conversation", QueryLong: "the query is too long",
	QueryTag: "tag: names no tag",
}

// A QueryError says why a query cannot be answered, and where in the typed text: bytes From to To, or nowhere if both are 0.
type QueryError struct {
	Fault    QueryFault
	From, To int
}

// Error never holds what was typed.
func (e *QueryError) Error() string { return faults[e.Fault] }

const (
	maxQuery = 1000
	maxTerms = 20
)

// ParseQuery reads a query as it is typed: words, phrases in quotes of any kind, and filters:
//
//	from:me from:customer from:"Ada L"    a colleague by the beginnings of names
//	in:support in:K7-MX4Q                 inboxes and conversations by the beginnings of names, or by id
//	has:file                              or picture, film, voice, link, place
//	tag:offer                             tags by the beginnings of their names
//	after:2026-11-01 before:22.11.2026    from that day on; earlier than that day. Months and years too
//
// All must hold, but for from:, in: and tag:, of which one must. A filter in a language of the ui's is translated before. A quote
// that is not closed goes on to the end. Days begin where now says. Errors are [QueryError], or ctx's while rows are loaded.
func (s *Store) ParseQuery(ctx context.Context, typed string, now time.Time) (Query, error) {
	terms, err := splitQuery(typed)
	if err != nil {
		return Query{}, err
	}
	if err := s.load(ctx); err != nil {
		return Query{}, err
	}
	var q Query
	for _, t := range terms {
		var fault QueryFault
		switch t.filter {
		case "":
			q.Words = append(q.Words, t.value)
		case "has":
			has, ok := hasNames[strings.ToLower(t.value)]
			if q.Has |= has; !ok {
				fault = QueryHas
			}
		case "before", "after":
			day, ok := dayOf(t.value, now.Location())
			switch {
			case !ok:
				fault = QueryDate
			case t.filter == "after":
				q.After = max(q.After, day)
			case q.Before == 0 || day < q.Before:
				q.Before = day
			}
		case "from":
			if !s.askFrom(&q, t.value) {
				fault = QueryNobody
			}
		case "tag":
			n := len(q.Tags)
			for _, tag := range s.Tags() {
				if begins(tag.Name, t.value) {
					q.Tags = append(q.Tags, tag.ID)
				}
			}
			if len(q.Tags) == n {
				fault = QueryTag
			}
		case "in":
			if !s.askIn(&q, t.value) {
				fault = QueryNowhere
			}
		}
		if fault != 0 {
			return Query{}, fmt.Errorf("reading a query: %w", &QueryError{fault, t.from, t.to})
		}
	}
	if _, err := s.ask(q); err != nil {
		return Query{}, fmt.Errorf("reading a query: %w", err)
	}
	return q, nil
}

var hasNames = map[string]Has{"file": HasFile, "picture": HasPicture, "film": HasFilm, "voice": HasVoice, "link": HasLink, "place": HasPlace}

// A term is a word, a phrase or a filter of a query.
type term struct {
	filter   string // "" for a word
	value    string
	from, to int // where it stands
}

// splitQuery splits what was typed.
func splitQuery(typed string) ([]term, error) {
	if len(typed) > maxQuery {
		return nil, fmt.Errorf("reading a query: %w", &QueryError{QueryLong, maxQuery, len(typed)})
	}
	var out []term
	for at := 0; ; {
		at += len(typed[at:]) - len(strings.TrimLeftFunc(typed[at:], unicode.IsSpace))
		if at == len(typed) {
			break
		}
		t := term{from: at}
		if name, _, ok := strings.Cut(typed[at:], ":"); ok {
			switch name = strings.ToLower(name); name {
			case "from", "in", "has", "tag", "before", "after":
				t.filter = name
				at += len(name) + 1
			}
		}
		t.value, at = takeValue(typed, at)
		t.to = at
		switch {
		case len(out) == maxTerms:
			return nil, fmt.Errorf("reading a query: %w", &QueryError{QueryLong, t.from, len(typed)})
		case t.filter != "" && t.value == "":
			return nil, fmt.Errorf("reading a query: %w", &QueryError{QueryValue, t.from, t.to})
		case t.filter == "" && len(arena.Fold(t.value)) == 0: // quotes with nothing in them
			continue
		}
		out = append(out, t)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("reading a query: %w", &QueryError{Fault: QueryEmpty})
	}
	return out, nil
}

// takeValue takes a word or a quoted phrase, and returns where it ends.
func takeValue(typed string, at int) (string, int) {
	if r, n := utf8.DecodeRuneInString(typed[at:]); isQuote(r) {
		at += n
		if i := strings.IndexFunc(typed[at:], isQuote); i >= 0 {
			_, n := utf8.DecodeRuneInString(typed[at+i:])
			return strings.TrimSpace(typed[at : at+i]), at + i + n
		}
		return strings.TrimSpace(typed[at:]), len(typed)
	}
	end := strings.IndexFunc(typed[at:], func(r rune) bool { return unicode.IsSpace(r) || isQuote(r) })
	if end < 0 {
		return typed[at:], len(typed)
	}
	return typed[at : at+end], at + end
}

func isQuote(r rune) bool { return strings.ContainsRune("\"“”„‟«»", r) }

// dayOf returns when a day, a month or a year begins.
func dayOf(value string, in *time.Location) (inbox.Moment, bool) {
	for _, form := range []string{"2006-1-2", "2.1.2006", "2006-1", "2006"} {
		if day, err := time.ParseInLocation(form, value, in); err == nil && day.Year() > 1970 {
			return inbox.At(day), true
		}
	}
	return 0, false
}

// askFrom adds those a name means.
func (s *Store) askFrom(q *Query, name string) bool {
	switch strings.ToLower(name) {
	case "me":
		q.From = append(q.From, s.reader)
		return true
	case "customer":
		q.FromContact = true
		return true
	}
	found := false
	for _, p := range s.People() {
		if string(p.ID) == name || begins(p.Name, name) {
			q.From, found = append(q.From, p.ID), true
		}
	}
	return found
}

// askIn adds the inboxes and conversations a name means.
func (s *Store) askIn(q *Query, name string) bool {
	found := false
	for _, i := range s.Inboxes() {
		if string(i.ID) == name || begins(i.Name, name) {
			q.Inboxes, found = append(q.Inboxes, i.ID), true
		}
	}
	s.mu.RLock()
	list := s.list
	s.mu.RUnlock()
	for _, r := range list {
		if string(r.ID) == name || strings.EqualFold(r.Contact.Alias, name) || begins(plainName(r.Contact), name) {
			q.Conversations, found = append(q.Conversations, r.ID), true
		}
	}
	return found
}

// plainName is of a contact's name what is not hidden: a hint is shown, and no question finds it.
func plainName(c inbox.Contact) string {
	var b strings.Builder
	for _, sp := range c.Name.Spans() {
		if sp.Kind == inbox.Plain {
			b.WriteString(sp.Text)
		}
	}
	return b.String()
}

// begins reports whether a word of a name, and what follows it, begins with what was typed.
func begins(name, typed string) bool {
	words, want := arena.Fold(name), arena.Fold(typed)
	if len(want) == 0 {
		return false
	}
	for at := 0; ; at++ {
		i := bytes.Index(words[at:], want)
		if i < 0 {
			return false
		}
		at += i
		if r, _ := utf8.DecodeLastRune(words[:at]); at == 0 || !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return true
		}
	}
}
