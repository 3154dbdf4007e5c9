package ui

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/cases"

	"sealdesk/app/inbox"
)

// A Suggestion is something a draft can be completed with.
type Suggestion struct {
	Icon   string
	Title  string
	Hint   string
	Text   inbox.Masked // in one line, what is filled in from the customer as a mask
	Insert string
	Person inbox.PersonID // a colleague who is asked to look
}

const mostSuggestions = 5

// called returns what the end of a draft calls for: '/' or '@', what is looked for, and the word itself, which stands alone or
// after a space. An empty word calls for nothing.
func called(text string, note bool) (kind rune, query, token string) {
	at := strings.LastIndexFunc(text, unicode.IsSpace)
	token = text[at+1:]
	switch {
	case strings.HasPrefix(token, "/") && !note:
		return '/', token[1:], token
	case strings.HasPrefix(token, "@") && note:
		return '@', token[1:], token
	}
	return 0, "", ""
}

// quickReplies are the texts kept ready that a query finds: by their shortcut first, then by a word of their text.
func quickReplies(list []inbox.QuickReply, query string, s staff, in inbox.Inbox) []Suggestion {
	fold := cases.Fold()
	query = fold.String(query)
	var first, second []Suggestion
	for _, q := range list {
		it := Suggestion{Icon: "reply", Title: "/" + q.Shortcut, Hint: q.Language, Text: inbox.NewMasked(spansOf(oneLine(q.Text), s, in)...), Insert: q.Text}
		switch {
		case strings.HasPrefix(fold.String(q.Shortcut), query):
			first = append(first, it)
		case len(query) > 1 && slices.ContainsFunc(strings.Fields(fold.String(q.Text)), func(w string) bool { return strings.HasPrefix(w, query) }):
			second = append(second, it)
		}
	}
	all := append(first, second...)
	return all[:min(len(all), mostSuggestions)]
}

// mentionable are the colleagues a note in a conversation can ask to look.
func mentionable(s staff, c inbox.Conversation, query string) []Suggestion {
	fold := cases.Fold()
	query = fold.String(query)
	var out []Suggestion
	for _, p := range colleaguesOf(s) {
		it, ok := mention(s, c, p.ID)
		if ok && slices.ContainsFunc(strings.Fields(fold.String(p.Name)), func(w string) bool { return strings.HasPrefix(w, query) }) {
			out = append(out, it)
		}
		if len(out) == mostSuggestions {
			break
		}
	}
	return out
}

// mention asks a colleague to look; false where he does not work, and for the reader.
func mention(s staff, c inbox.Conversation, id inbox.PersonID) (Suggestion, bool) {
	p, known := s.people[id]
	if !known || id == s.me.ID || p.Left != 0 || inbox.Can(p, inbox.ActSend, c.Subject()) != nil {
		return Suggestion{}, false
	}
	return Suggestion{Icon: "at", Title: p.Name, Text: inbox.PlainText(roleWord(p.Role)), Insert: "@" + p.Name + " ", Person: p.ID}, true
}

// mentionsIn returns the colleagues whose names still stand in a note.
func mentionsIn(text string, chosen []Suggestion) []inbox.PersonID {
	var out []inbox.PersonID
	for _, m := range chosen {
		if strings.Contains(text, strings.TrimSpace(m.Insert)) && !slices.Contains(out, m.Person) {
			out = append(out, m.Person)
		}
	}
	return out
}

// repliesIn are the texts kept ready that an inbox offers.
func (h house) repliesIn(in inbox.InboxID) []inbox.QuickReply {
	return slices.DeleteFunc(slices.Clone(h.replies), func(q inbox.QuickReply) bool {
		return len(q.Inboxes) > 0 && !slices.Contains(q.Inboxes, in)
	})
}
