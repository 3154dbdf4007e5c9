package ui

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"golang.org/x/text/cases"

	"sealdesk/app/inbox"
)

// tagColours name the colours of tags, in the order of tagTones.
var tagColours = []string{"organise.colour.grey", "organise.colour.blue", "organise.colour.green", "organise.colour.amber", "organise.colour.red", "organise.colour.teal"}

// A TagRow is a tag of the company, with how much it is used.
type TagRow struct {
	Tag  inbox.Tag
	Chip ChipView
	Line string
}

// tagRows are the company's tags by name, those of them a query finds.
func tagRows(h house, all []*Row, query string) []TagRow {
	fold := cases.Fold()
	query = fold.String(strings.TrimSpace(query))
	used := map[inbox.TagID]int{}
	for _, r := range all {
		for _, t := range r.Tags {
			used[t]++
		}
	}
	var out []TagRow
	for _, t := range h.tags {
		if !t.Removed && strings.Contains(fold.String(t.Name), query) {
			out = append(out, TagRow{Tag: t, Chip: tagChip(t), Line: count("organise.tag.used", used[t.ID])})
		}
	}
	slices.SortFunc(out, func(a, b TagRow) int {
		return cmp.Or(cmp.Compare(fold.String(a.Tag.Name), fold.String(b.Tag.Name)), cmp.Compare(a.Tag.ID, b.Tag.ID))
	})
	return out
}

// A ReplyRow is a quick reply of the company.
type ReplyRow struct {
	Reply    inbox.QuickReply
	Shortcut string
	Text     inbox.Masked // in one line, placeholders in words
	Language string
	Where    string
}

// replyRows are the company's quick replies by shortcut, those of them a query finds in shortcut or text.
func replyRows(h house, s staff, query string) []ReplyRow {
	fold := cases.Fold()
	query = strings.TrimPrefix(fold.String(strings.TrimSpace(query)), "/")
	var out []ReplyRow
	for _, q := range h.replies {
		if q.Removed || !strings.Contains(q.Shortcut, query) && !strings.Contains(fold.String(q.Text), query) {
			continue
		}
		r := ReplyRow{Reply: q, Shortcut: "/" + q.Shortcut, Text: inbox.NewMasked(spansOf(oneLine(q.Text), s, inbox.Inbox{})...), Where: word("costs.all")}
		if q.Language != "" {
			r.Language = languageName(q.Language)
		}
		if len(q.Inboxes) > 0 {
			var names []string
			for _, id := range q.Inboxes {
				names = append(names, cmp.Or(h.inbox(id).Name, string(id)))
			}
			r.Where = strings.Join(names, ", ")
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b ReplyRow) int {
		return cmp.Or(cmp.Compare(a.Reply.Shortcut, b.Reply.Shortcut), cmp.Compare(a.Reply.Language, b.Reply.Language), cmp.Compare(a.Reply.ID, b.Reply.ID))
	})
	return out
}

// tagProblem is why a tag cannot be kept; "" when it can.
func tagProblem(t inbox.Tag, h house) string {
	if t.Check() != nil {
		return word("organise.why.name")
	}
	fold := cases.Fold()
	for _, o := range h.tags {
		if o.ID != t.ID && !o.Removed && fold.String(o.Name) == fold.String(t.Name) {
			return word("organise.tag.twice")
		}
	}
	return ""
}

// shortcutProblem is why a shortcut cannot be kept, and textProblem why a text cannot; "" when it can.
func shortcutProblem(q inbox.QuickReply) string {
	q.Text = "x"
	if q.Check() != nil {
		return word("organise.why.shortcut")
	}
	return ""
}

func textProblem(q inbox.QuickReply) string {
	if inbox.Identifying(q.Text) {
		return word("organise.why.identifier")
	}
	for _, v := range variablesIn(q.Text) {
		if _, ok := variableWord(v); !ok {
			return word("variable.unknown")
		}
	}
	return ""
}

// twin reports whether another quick reply is offered under the same shortcut.
func twin(q inbox.QuickReply, h house) bool {
	return slices.ContainsFunc(h.replies, func(o inbox.QuickReply) bool {
		return o.ID != q.ID && !o.Removed && o.Shortcut == q.Shortcut && o.Language == q.Language
	})
}

// organiseProblem is why a change was not taken.
func organiseProblem(err error, tag bool) string {
	switch {
	case errors.Is(err, inbox.RefusedMalformed) && tag:
		return word("organise.why.name")
	case errors.Is(err, inbox.RefusedMalformed):
		return word("organise.why.identifier")
	case errors.Is(err, inbox.RefusedVariable):
		return word("variable.unknown")
	case errors.Is(err, inbox.RefusedCap) && tag:
		return word("organise.why.cap.tags")
	case errors.Is(err, inbox.RefusedCap):
		return word("organise.why.cap.replies")
	case errors.Is(err, inbox.RefusedRight):
		return word("why.right")
	}
	return trouble(err)
}
