package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// This file is how an inbox is kept in order: a supervisor makes tags and quick replies, an agent uses them, puts off and closes.

// demoTags are the company's tags, each in a colour by its place in the dialog.
var demoTags = []struct {
	name   string
	colour int
}{{"Offer", 1}, {"Appointment", 2}, {"Complaint", 4}, {"Urgent", 3}}

// numberReply is the shortcut of the quick reply that holds what only the relay knows.
const numberReply = "number"

// demoReplies are the company's quick replies.
var demoReplies = []struct{ shortcut, text string }{
	{numberReply, "Hello {{contact.first_name}}, we have {{contact.phone}} as your number. Is that right?"},
	{"termin", "Gern, {{contact.first_name}}! Passt Ihnen Donnerstag um 10 Uhr?"},
	{"danke", "Vielen Dank! Wir melden uns heute noch mit einem Vorschlag."},
	{"grazie", "Grazie mille, le rispondiamo entro oggi."},
}

// organiseMoves make both, in a company that has neither.
func organiseMoves() []move {
	back, enter := key("shift+Tab"), key("Return")
	moves := []move{{name: "tags and quick replies", keys: []press{key("ctrl+k"), typed("tags and quick"), enter}, await: []string{seesPalette, seesOrganise}, rest: true}}
	start := []press{back} // to the button of the empty page
	for i, t := range demoTags {
		keys := append(start, enter, typed(t.name), key("Tab"))
		for range t.colour {
			keys = append(keys, key("Right"))
		}
		m := move{name: "a tag", keys: append(keys, back, enter), await: []string{seesTagEdited, seesChangeTaken}, rest: i == 0} // until it stands in the list
		if i == len(demoTags)-1 {
			m.shot = "organise-tags"
		}
		moves, start = append(moves, m), nil // the button has the keyboard again
		if i == 0 {
			start = []press{back, back, back} // that one went with the emptiness: past the list and the field, to the one that stays
		}
	}
	start = []press{back, key("End"), key("Tab")} // the other half of the page
	for i, r := range demoReplies {
		// From the text the second one back is the button that saves: the keyboard stays within the dialog.
		m := move{name: "a quick reply", keys: append(start, enter, typed(r.shortcut), enter, typed(r.text), back, back, enter), await: []string{seesReplyEdited, seesChangeTaken}}
		if i == len(demoReplies)-1 {
			m.shot = "organise-replies"
		}
		moves, start = append(moves, m), nil
	}
	return moves
}

// tagMoves keep the inbox in order. Two conversations get the tag.
func tagMoves() []move {
	return []move{
		{name: "what is done", keys: opened("holger"), await: []string{seesPalette, seesConversation}},
		{name: "is closed", keys: []press{key("ctrl+shift+e")}, await: []string{seesSubmitted}, rest: true, shot: "closed-one"},
		{name: "somebody else", keys: opened("emily"), await: []string{seesPalette, seesConversation}},
		{name: "gets a text of the company's", keys: []press{typed("/" + numberReply)}, await: []string{seesSuggestions}, shot: "quick-reply"},
		{name: "which names what is not shown", keys: []press{key("Return")}, await: []string{seesSuggested}, shot: "quick-reply-taken"},
		{name: "and is sent", keys: []press{key("Return")}, await: []string{seesSubmitted}},
		{name: "what is urgent is tagged", keys: tagged("urgent"), await: []string{seesTags, seesSubmitted}},
		{name: "another", keys: opened("marco"), await: []string{seesPalette, seesConversation}},
		{name: "is urgent too", keys: tagged("urgent"), await: []string{seesTags, seesSubmitted}},
		{name: "what else can be shown", keys: filters(), await: []string{seesMenu}, shot: "filters"},
		{name: "what has the last tag", keys: []press{key("Up"), key("Return")}, await: []string{seesFilter}},
		{name: "which are these two", keys: []press{key("ctrl+k"), typed("select all in"), key("Return")}, await: []string{seesPalette, seesPicked + " 2"}, rest: true, shot: "tagged"},
		{name: "show everything again", keys: append([]press{key("Escape")}, widen()...), await: []string{seesPicked + " 0", seesMenu, seesFilter}},
		{name: "put the open one off", keys: []press{key("Escape"), key("ctrl+shift+s")}, await: []string{seesMenu}},
		{name: "until later", keys: []press{key("Down"), key("Return")}, await: []string{seesSubmitted}, rest: true, shot: "snoozed"},
		{name: "no, take that back", keys: []press{key("ctrl+z")}, await: []string{seesUndone}, rest: true, shot: "snooze-undone"},
	}
}

// filters opens the menu of them, which a list has that is not a strip: from the message field to the list, and to what is above it.
func filters() []press {
	return []press{key("Escape"), key("shift+F6"), key("shift+F6"), key("shift+Tab"), key("Return")}
}

// widen shows again what a tag left out.
func widen() []press { return append(filters(), key("Down"), key("Return")) }

// organise is the supervisor's part.
func (p *play) organise(ctx context.Context, _ *os.File) error {
	if err := p.join(ctx); err != nil {
		return err
	}
	return p.supervisor.make(ctx, organiseMoves()...)
}

// tags is the agent's, and what customers notice of it.
func (p *play) tags(ctx context.Context, _ *os.File) error {
	if err := p.agent.make(ctx, tagMoves()...); err != nil {
		return err
	}
	for _, x := range []struct{ customer, reads, lost string }{
		{"emily", "we have +447700900142 as your number", "the number in a quick reply did not reach the customer"},
		{"holger", "Wie zufrieden waren Sie?", "whose conversation was closed was not asked how it went"},
	} {
		err := until(ctx, minute, 100*time.Millisecond, func() (bool, error) {
			_, texts, err := p.s.look(ctx, x.customer)
			return slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(strings.ReplaceAll(t, "\u00a0", " "), x.reads) }), err
		})
		if err != nil {
			return &problem{happened: x.lost, err: err}
		}
	}
	return nil
}

// look is what the simulator knows: its customers, and the texts of one of them; "" for nobody.
func (s *stage) look(ctx context.Context, customer string) (people []struct{ Key, Name string }, texts []string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.c.graph()+"play/state?person="+url.QueryEscape(customer), nil)
	if err != nil {
		return nil, nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, nil, err
	}
	var view struct {
		People   []struct{ Key, Name string }
		Messages []struct{ Text, Header, Footer string }
	}
	if err := json.Unmarshal(raw, &view); err != nil {
		return nil, nil, err
	}
	for _, m := range view.Messages {
		texts = append(texts, m.Text, m.Header, m.Footer)
	}
	return view.People, texts, nil
}
