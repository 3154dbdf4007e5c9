package main

import (
	"context"
	"encoding/json"
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

// choose is what chooses an action in the palette.
func (l lexicon) choose(id, name string) []press {
	return []press{key("ctrl+k"), typed(strings.ReplaceAll(l.word(id, name), ":", "")), key("Return")}
}

// shotJourney is what shots does in each size, theme and language: every screen of somebody who answers customers.
func shotJourney(l lexicon) []move {
	escape := key("Escape")
	then := func(keys ...press) []press { return append([]press{escape}, keys...) }
	return []move{
		{name: "inbox", await: []string{seesWindow, seesInbox}, never: asking, shot: "inbox"},
		{name: "conversation", keys: []press{key("alt+Down")}, await: []string{seesConversation}, shot: "conversation"},
		{name: "every conversation", keys: l.choose("action.filter", l.word("filter.all", "")), await: []string{seesPalette, seesFilter}, shot: "all"},
		{name: "two are picked", keys: []press{key("ctrl+shift+x"), key("alt+Down"), key("ctrl+shift+x")}, await: []string{seesConversation, seesPicked + " 2"}, shot: "several"},
		{name: "put them off", keys: []press{key("ctrl+shift+s")}, await: []string{seesMenu}, shot: "snooze"},
		{name: "tag them", keys: then(key("ctrl+shift+t")), await: []string{seesOverlayClosed, seesTags}, shot: "tags"},
		{name: "assign them", keys: then(key("ctrl+shift+a")), await: []string{seesOverlayClosed, seesAssign}, shot: "assign"},
		{name: "let go of them, and back", keys: then(escape, key("alt+Up")), await: []string{seesPicked + " 0", seesConversation}},
		{name: "search", keys: []press{key("ctrl+shift+f"), typed("preventivo")}, await: []string{seesSearch, seesFound}, rest: true, shot: "search"},
		{name: "nothing found", keys: []press{key("ctrl+a"), typed("zzyzx")}, await: []string{seesFound + " 0"}, rest: true, shot: "search-none"},
		{name: "a note, and whom it asks", keys: then(key("ctrl+shift+n"), typed("@In")), await: []string{seesSearchEnded, seesNote, seesSuggestions}, shot: "mention"},
		{name: "what may not leave", keys: then(key("ctrl+a"), key("BackSpace"), escape, typed("Die Karte ist 6011 0009 9013 9424")), await: []string{seesRefusedDraft, seesGuard}, shot: "guard-refuses"},
		{name: "what needs a reason", keys: []press{key("ctrl+a"), typed("https://planung.example.net/neu")}, await: []string{seesAskedDraft}, rest: true, shot: "guard-asks"},
		{name: "message menu", keys: then(key("ctrl+a"), key("BackSpace"), key("Up"), key("Return")), await: []string{seesMessage, seesMenu}, shot: "menu"},
		{name: "emoji", keys: then(key("ctrl+e")), await: []string{seesOverlayClosed, seesEmoji}, shot: "emoji"},
		{name: "what else can be sent", keys: then(key("ctrl+shift+m")), await: []string{seesOverlayClosed, seesMore}, shot: "more"},
		{name: "templates", keys: then(key("ctrl+t")), await: []string{seesOverlayClosed, seesTemplates}, shot: "templates"},
		{name: "a task", keys: append(then(), l.choose("task.new", "")...), await: []string{seesPalette, seesTask}, shot: "task"},
		{name: "palette", keys: then(key("ctrl+k")), await: []string{seesPalette}, shot: "palette"},
		{name: "what can be done with a number", keys: then(key("ctrl+shift+r")), await: []string{seesField}, shot: "field"},
		{name: "ask to see it", keys: []press{key("Up"), key("Return")}, await: []string{seesRevealDialog}, shot: "reveal"},
		{name: "shortcuts", keys: then(key("F1")), await: []string{seesHelp}, shot: "help"},
		{name: "settings", keys: then(key("ctrl+comma")), await: []string{seesSettings}, shot: "settings"},
		{name: "the tour", keys: append(then(), l.choose("tour.action", "")...), await: []string{seesTour}, shot: "tour"},
		{name: "its second card", keys: []press{key("Return")}, await: []string{seesTourCard + " 2"}, shot: "tour-window"},
	}
}

// morning signs the agent in and lets him work, and has happen what a supervisor must look at.
func (s *stage) morning(ctx context.Context, log *os.File, w *driver, env []string) error {
	if err := os.MkdirAll(w.album.dir, 0o755); err != nil {
		return err
	}
	if err := s.enter(ctx, w, demoAgent, env, light); err != nil {
		return err
	}
	defer w.client.stop(10 * time.Second)
	if _, err := s.christen(ctx, log, demoAgent); err != nil {
		return err
	}
	if err := w.make(ctx, agentJourney()...); err != nil {
		return err
	}
	if err := s.firstContact(ctx, "Ruth Sommer", "Guten Tag, Ihr Gartenhaus ist bestellt."); err != nil {
		return err
	}
	if _, err := s.plays(ctx, "do", map[string]any{"Person": "katharina", "Text": "MEINE DATEN"}); err != nil {
		return err
	}
	return w.make(ctx, slices.Concat(taskMoves("Send the offer"), askMoves("The fitter is before the wrong house"))...)
}

// oversightMoves show what a supervisor looks at.
func oversightMoves() []move {
	return []move{
		{name: "what waits for a decision", keys: []press{key("ctrl+3")}, await: []string{seesDecisions}, rest: true, shot: "decisions"},
		{name: "what customers ask about their data", keys: []press{key("ctrl+6")}, await: []string{seesRequests}, rest: true, shot: "requests"},
		{name: "what somebody must look at", keys: []press{key("ctrl+7")}, await: []string{seesIncidents}, rest: true, shot: "incidents"},
		{name: "what it costs", keys: []press{key("ctrl+8")}, await: []string{seesCostsPage, seesCosts}, rest: true, shot: "costs"},
	}
}
