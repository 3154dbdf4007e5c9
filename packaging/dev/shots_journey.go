package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// This file is what shots does in the windows.

// lexicon are the words of the windows in one language, by key: what is typed into the palette is in the reader's words.
type lexicon map[string]any

// lexiconOf reads the words of a language such as "de_DE".
func (d *dev) lexiconOf(language string) (lexicon, error) {
	raw, err := os.ReadFile(filepath.Join(d.root, "assets", "i18n", language[:2]+".json"))
	if err != nil {
		return nil, err
	}
	words := lexicon{}
	return words, json.Unmarshal(raw, &words)
}

// word is what stands under an id. A name, if given, is put in.
func (l lexicon) word(id, name string) string {
	text, _ := l[id].(string)
	return strings.ReplaceAll(text, "{{.Name}}", name)
}

// choose is what chooses an action in the palette. The palette finds a word by how it begins: what no ordinary keyboard has keys for
// need not be typed.
func (l lexicon) choose(id, name string) []press {
	var begins []string
	for _, w := range strings.Fields(strings.ReplaceAll(l.word(id, name), ":", "")) {
		if end := strings.IndexFunc(w, func(r rune) bool { return r > '~' }); end >= 0 {
			w = w[:end]
		}
		if w != "" {
			begins = append(begins, w)
		}
	}
	return []press{key("ctrl+k"), typed(strings.Join(begins, " ")), key("Return")}
}

// shotJourney is what shots does in each size, theme and language: every screen of somebody who answers customers.
func shotJourney(l lexicon, v variant) []move {
	escape := key("Escape")
	then := func(keys ...press) []press { return append([]press{escape}, keys...) }
	moves := []move{
		{name: "inbox", await: []string{seesWindow, seesInbox, seesPresence}, never: asking, shot: "inbox"},
		{name: "conversation, in which a colleague writes", keys: opened("katharina"), await: []string{seesConversation}, shot: "conversation"},
	}
	if !v.strip() {
		moves = append(moves,
			move{name: "what else can be shown", keys: filters(), await: []string{seesMenu}, shot: "filters"},
			move{name: "what has the first tag", keys: []press{key("Up"), key("Up"), key("Up"), key("Up"), key("Return")}, await: []string{seesFilter}, rest: true, shot: "tagged"},
			move{name: "everything of one's own again", keys: widen(), await: []string{seesMenu, seesFilter}})
	}
	return append(moves, []move{
		{name: "every conversation", keys: l.choose("action.filter", l.word("filter.all", "")), await: []string{seesPalette, seesFilter}, shot: "all"},
		{name: "two are picked", keys: []press{key("ctrl+shift+x"), key("ctrl+k"), typed("priya"), key("Return"), key("ctrl+shift+x")}, await: []string{seesConversation, seesPicked + " 2"}, shot: "several"},
		{name: "put them off", keys: []press{key("ctrl+shift+s")}, await: []string{seesMenu}, shot: "snooze"},
		{name: "tag them", keys: then(key("ctrl+shift+t")), await: []string{seesOverlayClosed, seesTags}, shot: "tags"},
		{name: "assign them", keys: then(key("ctrl+shift+a")), await: []string{seesOverlayClosed, seesAssign}, shot: "assign"},
		{name: "let go of them", keys: then(escape), await: []string{seesPicked + " 0"}},
		{name: "and back", keys: opened("katharina"), await: []string{seesConversation}},
		{name: "search", keys: []press{key("ctrl+shift+f"), typed("preventivo")}, await: []string{seesSearch, seesFound}, rest: true, shot: "search"},
		{name: "nothing found", keys: []press{key("ctrl+a"), typed("zzyzx")}, await: []string{seesFound + " 0"}, rest: true, shot: "search-none"},
		{name: "a note, and whom it asks", keys: then(key("ctrl+shift+n"), typed("@In")), await: []string{seesSearchEnded, seesNote, seesSuggestions}, shot: "mention"},
		{name: "texts that the company keeps ready", keys: then(key("ctrl+a"), key("BackSpace"), escape, typed("/")), await: []string{seesSuggestions}, shot: "quick-replies"},
		{name: "what may not leave", keys: then(key("ctrl+a"), key("BackSpace"), typed("Die Karte ist 6011 0009 9013 9424")), await: []string{seesRefusedDraft, seesGuard}, shot: "guard-refuses"},
		{name: "what needs a reason", keys: []press{key("ctrl+a"), typed("https://planung.example.net/neu")}, await: []string{seesAskedDraft}, rest: true, shot: "guard-asks"},
		{name: "message menu", keys: then(key("ctrl+a"), key("BackSpace"), key("Up"), key("Return")), await: []string{seesMessage, seesMenu}, shot: "menu"},
		{name: "emoji", keys: then(key("ctrl+e")), await: []string{seesOverlayClosed, seesEmoji}, shot: "emoji"},
		{name: "what else can be sent", keys: then(key("ctrl+shift+m")), await: []string{seesOverlayClosed, seesMore}, shot: "more"},
		{name: "templates", keys: then(key("ctrl+t")), await: []string{seesOverlayClosed, seesTemplates}, shot: "templates"},
		{name: "a task", keys: append(then(), l.choose("task.new", "")...), await: []string{seesPalette, seesTask}, shot: "task"},
		{name: "palette", keys: then(key("ctrl+k")), await: []string{seesPalette}, shot: "palette"},
		{name: "what can be done with a number", keys: then(key("ctrl+shift+r")), await: []string{seesField}, shot: "field"},
		{name: "ask to see it", keys: []press{key("Up"), key("Return")}, await: []string{seesRevealDialog}, shot: "reveal"},
		{name: "somebody who sent a picture", keys: opened("emily"), await: []string{seesOverlayClosed, seesConversation}, rest: true},
		{name: "the picture", keys: []press{key("Up"), key("Up"), key("o")}, await: []string{seesViewer, seesPicture}, shot: "viewer"},
		{name: "shortcuts", keys: then(key("F1")), await: []string{seesHelp}, shot: "help"},
		{name: "settings", keys: then(key("ctrl+comma")), await: []string{seesSettings}, shot: "settings"},
		{name: "what the organisation set", keys: append(then(), l.choose("managed.title", "")...), await: []string{seesPalette, seesPolicy}, shot: "managed"},
		{name: "about", keys: append(then(), l.choose("action.about", "")...), await: []string{seesPalette, seesAbout}, shot: "about"},
		{name: "the tour", keys: append(then(), l.choose("tour.action", "")...), await: []string{seesTour}, shot: "tour"},
		{name: "its second card", keys: []press{key("Return")}, await: []string{seesTourCard + " 2"}, shot: "tour-window"},
	}...)
}

// organiser made the company's tags and quick replies. She is there all the time.
var organiser = person{Name: "Sabine Lorenz", Role: "supervisor", Home: "organiser", Team: salesTeam}

// morning has the organiser organise, signs the agent in and lets him work, and has happen what a supervisor must look at. The
// organiser's window stays open, at an answer she writes.
func (s *stage) morning(ctx context.Context, log *os.File, w, colleague *driver, env []string) (*driver, error) {
	if err := errors.Join(os.MkdirAll(w.album.dir, 0o755), os.MkdirAll(colleague.album.dir, 0o755)); err != nil {
		return nil, err
	}
	if err := s.relayCall(log).run(ctx, s.d.binary(relayProgram), s.c.personAdd(organiser)...); err != nil {
		return nil, err
	}
	ring, err := s.keyring(ctx, organiser)
	if err != nil {
		return nil, err
	}
	if _, err := s.invite(ctx, log, organiser); err != nil {
		return nil, err
	}
	if err := s.enter(ctx, colleague, organiser, ring, light); err != nil {
		return nil, err
	}
	if err := colleague.make(ctx, organiseMoves()...); err != nil {
		return nil, err
	}
	if err := s.enter(ctx, w, demoAgent, env, light); err != nil {
		return nil, err
	}
	defer w.client.stop(10 * time.Second)
	if _, err := s.christen(ctx, log, demoAgent); err != nil {
		return nil, err
	}
	if err := w.make(ctx, agentJourney()...); err != nil {
		return nil, err
	}
	if err := s.firstContact(ctx, "Ruth Sommer", "Guten Tag, Ihr Gartenhaus ist bestellt."); err != nil {
		return nil, err
	}
	if _, err := s.plays(ctx, "do", map[string]any{"Person": "katharina", "Text": "MEINE DATEN"}); err != nil {
		return nil, err
	}
	err = w.make(ctx, slices.Concat(taskMoves("Send the offer"), askMoves("The fitter is before the wrong house"), []move{
		{name: "what is done", keys: opened("holger"), await: []string{seesConversation}},
		{name: "is tagged", keys: tagged("complaint"), await: []string{seesTags, seesSubmitted}},
		{name: "and closed", keys: []press{key("ctrl+shift+e")}, await: []string{seesSubmitted}},
		{name: "another", keys: opened("katharina"), await: []string{seesConversation}},
		{name: "is tagged", keys: tagged("appointment"), await: []string{seesTags, seesSubmitted}},
		{name: "twice", keys: tagged("urgent"), await: []string{seesTags, seesSubmitted}},
	})...)
	if err != nil {
		return nil, err
	}
	return colleague, colleague.make(ctx,
		move{name: "a colleague comes to it", keys: append([]press{key("ctrl+1")}, opened("katharina")...), await: []string{seesPalette, seesConversation}},
		move{name: "and writes", keys: []press{typed("Ich frage nach")}, await: []string{seesDraft}})
}

// oversightMoves show what a supervisor looks at.
func oversightMoves(l lexicon) []move {
	back := key("shift+Tab")
	return []move{
		{name: "what waits for a decision", keys: []press{key("ctrl+3")}, await: []string{seesDecisions}, rest: true, shot: "decisions"},
		{name: "what customers ask about their data", keys: []press{key("ctrl+6")}, await: []string{seesRequests}, rest: true, shot: "requests"},
		{name: "what somebody must look at", keys: []press{key("ctrl+7")}, await: []string{seesIncidents}, rest: true, shot: "incidents"},
		{name: "what it costs", keys: []press{key("ctrl+8")}, await: []string{seesCostsPage, seesCosts}, rest: true, shot: "costs"},
		{name: "how it stands", keys: []press{key("ctrl+9")}, await: []string{seesBoardPage, seesBoard}, rest: true, shot: "board"},
		{name: "how it went", keys: l.choose("action.reports", ""), await: []string{seesPalette, seesReportsPage, seesReport}, rest: true, shot: "reports"},
		{name: "tags", keys: l.choose("action.organise", ""), await: []string{seesPalette, seesOrganise}, rest: true, shot: "organise-tags"},
		{name: "one of them", keys: []press{key("Return")}, await: []string{seesTagEdited}, shot: "organise-tag"},
		{name: "quick replies", keys: []press{key("Escape"), back, back, back, key("End")}, rest: true, shot: "organise-replies"},
		{name: "one of them", keys: []press{key("Tab"), key("Tab"), key("Return")}, await: []string{seesReplyEdited}, shot: "organise-reply"},
		{name: "no", keys: []press{key("Escape"), key("ctrl+3")}, await: []string{seesDecisions}},
	}
}
