package ui

import (
	"errors"
	"strings"

	"sealdesk/app/inbox"
)

// A SearchRow is a row of what was found: a conversation, or a message of the one above.
type SearchRow struct {
	ID      string
	Heading bool
	Title   string // the customer, or who wrote
	Line    string // of a heading: which number of the company, and how many messages
	Time    string
	Text    []HitPiece
	Face    Face

	Conversation inbox.ConversationID
	Message      inbox.MessageID
}

// A HitPiece is a stretch of a text that was found: what was looked for is Sought, what is hidden stays Hidden.
type HitPiece struct {
	Text   string
	Sought bool
	Hidden bool
}

// hitPieces is what is shown of a message that was found.
func hitPieces(m inbox.Masked, marks [][2]int) []HitPiece {
	var out []HitPiece
	at := 0
	for _, sp := range m.Spans() {
		from, to := at, at+len(sp.Text)
		at = to
		if sp.Kind != inbox.Plain {
			out = append(out, HitPiece{Text: maskText(sp), Hidden: true})
			continue
		}
		last := from
		for _, k := range marks {
			a, b := max(k[0], from), min(k[1], to)
			if a >= b || a < last {
				continue
			}
			if a > last {
				out = append(out, HitPiece{Text: sp.Text[last-from : a-from]})
			}
			out = append(out, HitPiece{Text: sp.Text[a-from : b-from], Sought: true})
			last = b
		}
		if last < to {
			out = append(out, HitPiece{Text: sp.Text[last-from:]})
		}
	}
	return out
}

// searchRows are the rows of what was found: each conversation with its messages below it.
func searchRows(found []Found, row func(inbox.ConversationID) *Row, h house, s staff, t clock) []SearchRow {
	var out []SearchRow
	for _, f := range found {
		r := row(f.Conversation)
		if r == nil {
			continue
		}
		out = append(out, SearchRow{ID: string(f.Conversation), Heading: true, Title: r.Contact.Display(), Face: contactFace(r.Contact),
			Line: h.inbox(r.Inbox).Name + " · " + count("search.messages", f.Total), Conversation: f.Conversation})
		for _, x := range f.Hits {
			out = append(out, SearchRow{ID: string(f.Conversation) + "/" + string(x.Message), Title: hitTitle(x, s), Time: t.row(x.At), Text: hitPieces(x.Snippet, x.Marks),
				Conversation: f.Conversation, Message: x.Message})
		}
	}
	return out
}

// hitTitle says whose words were found, and that they are a note where that is known: the row above names the customer. What
// nobody of the staff wrote may be an answer the company's server gave by itself or a message that was sent past it: either way
// it is the company's.
func hitTitle(x SearchHit, s staff) string {
	switch {
	case x.Kind == inbox.Note:
		return word("note.head", "Name", s.name(x.Author))
	case x.Side == inbox.FromContact:
		return word("quote.customer")
	case x.Side == inbox.FromSystem, x.Kind == inbox.System:
		return word("audit.relay")
	case x.Author == "":
		return word("search.ours")
	}
	return s.name(x.Author)
}

// foundIn turns what the relay found into the same, in the order it came: the newest conversation first.
func foundIn(hits []inbox.Hit) []Found {
	var out []Found
	at := map[inbox.ConversationID]int{}
	for _, x := range hits {
		i, ok := at[x.Conversation]
		if !ok {
			i = len(out)
			at[x.Conversation] = i
			out = append(out, Found{Conversation: x.Conversation})
		}
		out[i].Total++
		out[i].Hits = append(out[i].Hits, SearchHit{Message: x.Message, Seq: x.Seq, At: x.At, Side: x.Side, Author: x.Author, Kind: x.Kind, Snippet: x.Body.Excerpt(hitRunes)})
	}
	return out
}

const hitRunes = 160

var searchFaults = map[SearchFault]string{
	SearchValue: "search.fault.value", SearchHas: "search.fault.has", SearchDate: "search.fault.date", SearchRange: "search.fault.range",
	SearchNobody: "search.fault.nobody", SearchNowhere: "search.fault.nowhere", SearchLong: "search.fault.long", SearchTag: "search.fault.tag",
}

// searchTrouble says in words why nothing can be found; "" when nothing is wrong.
func searchTrouble(err error) string {
	var e *SearchError
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &e):
		return word("search.failed")
	case e.Fault == SearchEmpty:
		return ""
	}
	if key, ok := searchFaults[e.Fault]; ok {
		return word(key)
	}
	return word("search.failed")
}

// searchLine says how much was found, and in how much of what there is. That nothing was found is said in the place of the rows.
func searchLine(r Search, typed string) string {
	if strings.TrimSpace(typed) == "" {
		return ""
	}
	found, rest := "", ""
	if r.Total > 0 {
		found = count("search.found", r.Total)
	}
	switch {
	case r.Read < r.Of:
		rest = word("search.reading", "N", grouped(r.Read), "Of", grouped(r.Of))
	case r.Full:
		rest = word("search.full")
	}
	return join(found, rest)
}
