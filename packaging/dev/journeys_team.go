package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"time"

	"sealdesk/packaging/dev/leak"
)

// This file is what two people do together: what the guard keeps from leaving, notes, tasks, templates, reveals.

// guardMoves write what may not leave, and what may with a reason.
func guardMoves() []move {
	return []move{
		{name: "a card number in a draft", keys: []press{typed("Die Karte ist 6011 0009 9013 9424")}, await: []string{seesRefusedDraft, seesGuard}, shot: "guard-refuses"},
		{name: "it does not leave; a link off the company", keys: []press{key("Return"), key("ctrl+a"), typed("Termin hier: https://planung.example.net/neu")},
			await: []string{seesAskedDraft}, never: []string{seesSubmitted}, shot: "guard-asks"},
		{name: "not without a reason", keys: []press{key("Return"), typed("The calendar of the fitters")}, never: []string{seesSubmitted}, rest: true, shot: "guard-reason"},
		{name: "with one it leaves", keys: []press{key("Return")}, await: []string{seesSubmitted, seesSent}},
	}
}

// taskMoves write a task down in the open conversation.
func taskMoves(text string) []move {
	return []move{
		{name: "write a task down", keys: []press{key("ctrl+k"), typed("new task"), key("Return")}, await: []string{seesPalette, seesTask}},
		{name: "what is to be done", keys: []press{typed(text), key("Return")}, await: []string{seesSubmitted}, rest: true, shot: "task"},
	}
}

// askMoves ask to see the number of the open conversation's customer.
func askMoves(why string) []move {
	return []move{
		{name: "what can be done with a masked number", keys: []press{key("ctrl+shift+r")}, await: []string{seesField}, shot: "field"},
		{name: "ask to see it", keys: []press{key("Up"), key("Return")}, await: []string{seesRevealDialog}},
		{name: "say why", keys: []press{key("Down"), key("Tab"), typed(why)}, rest: true, shot: "reveal-why"},
		{name: "a colleague decides", keys: []press{key("Return")}, await: []string{seesRevealAsked, seesRevealAnswer}, rest: true, shot: "reveal-asked"},
	}
}

// join has the supervisor come, who has a laptop of her own.
func (p *play) join(ctx context.Context) error {
	if p.supervisor != nil {
		return nil
	}
	env, err := p.s.keyring(ctx, demoSupervisor)
	if err != nil {
		return err
	}
	w := p.driver(demoSupervisor, p.agent.album)
	if err := p.s.enter(ctx, w, demoSupervisor, env, light); err != nil {
		return err
	}
	p.supervisor = w
	return nil
}

// told waits until a person's laptop was told of a text.
func (p *play) told(ctx context.Context, who person, text string) error {
	look := leak.New([]leak.Canary{{Class: "text", Value: text}})
	err := until(ctx, minute, 200*time.Millisecond, func() (bool, error) {
		c, err := look.Tree(p.s.c.frames(who))
		return len(c.Hits) > 0, err
	})
	if err != nil {
		return &problem{happened: "what somebody wrote did not come to the laptop of " + who.Role, err: err}
	}
	return nil
}

// team is a task, and a note with which the agent asks the supervisor to look.
func (p *play) team(ctx context.Context, _ *os.File) error {
	if err := p.join(ctx); err != nil {
		return err
	}
	const asks = "is that price still right?"
	tick := []press{key("Escape"), key("F6")} // to the message field, and from there into the contact panel
	for range 16 {
		tick = append(tick, key("Down")) // the task is the last that can be done something with
	}
	err := p.agent.make(ctx, append(taskMoves("Send the offer"),
		move{name: "it is done: tick it", keys: append(tick, key("Return")), await: []string{seesTicked}, rest: true, shot: "task-done"},
		move{name: "a note to a colleague", keys: []press{key("Escape"), key("ctrl+shift+n"), typed("@Ines")}, await: []string{seesNote, seesSuggestions}, shot: "mention"},
		move{name: "her name, and what about", keys: []press{key("Return"), typed(asks)}, await: []string{seesSuggested}, shot: "mention-written"},
		move{name: "keep it", keys: []press{key("Return")}, await: []string{seesSubmitted}})...)
	if err != nil {
		return err
	}
	if err := p.told(ctx, demoSupervisor, asks); err != nil {
		return err
	}
	err = p.supervisor.make(ctx,
		move{name: "the colleague is asked to look", keys: []press{key("ctrl+1"), key("ctrl+k"), typed("show mentions"), key("Return")}, await: []string{seesPalette, seesFilter}},
		move{name: "at this conversation", keys: []press{key("alt+Down")}, await: []string{seesConversation}, shot: "mentioned"})
	if err != nil {
		return err
	}
	if a, b := p.agent.trace.open(), p.supervisor.trace.open(); a == "" || a != b {
		return &problem{happened: "the colleague was led to another conversation than the one the note is in"}
	}
	if err := p.agent.make(ctx, move{name: "the agent begins to write", keys: []press{typed("Einen Moment")}, await: []string{seesDraft}}); err != nil {
		return err
	}
	if err := p.supervisor.make(ctx, move{name: "which she sees", await: []string{seesPresence}, rest: true, shot: "writing"}); err != nil {
		return err
	}
	return p.agent.make(ctx, move{name: "and gives it up", keys: []press{key("ctrl+a"), key("BackSpace")}, rest: true})
}

// firstContact is a customer to whom the company wrote in the telephone's app, and who never answered: nothing but a template may
// be sent.
func (s *stage) firstContact(ctx context.Context, name, text string) error {
	who, err := s.plays(ctx, "person", map[string]any{"Name": name, "Kind": "number"})
	if err != nil {
		return err
	}
	_, err = s.plays(ctx, "do", map[string]any{"Person": who, "Echo": true, "Text": text})
	return err
}

// plays has the simulator do what its page does.
func (s *stage) plays(ctx context.Context, what string, asked any) (id string, err error) {
	body, err := json.Marshal(asked)
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.c.graph()+"play/"+what, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusOK {
		return "", &problem{happened: "the simulator does not do that", tail: string(raw)}
	}
	var out struct{ ID string }
	return out.ID, json.Unmarshal(raw, &out)
}

// closed is a conversation in which nothing but a template may be written.
func (p *play) closed(ctx context.Context, _ *os.File) error {
	const text = "Guten Tag, Ihr Gartenhaus ist bestellt."
	if err := p.s.firstContact(ctx, "Ruth Sommer", text); err != nil {
		return err
	}
	if err := p.told(ctx, demoAgent, "Gartenhaus"); err != nil {
		return err
	}
	return p.agent.make(ctx,
		move{name: "search every conversation", keys: []press{key("Escape"), key("ctrl+shift+f"), typed("Gartenhaus")}, await: []string{seesSearch, seesFoundOne}, shot: "search"},
		move{name: "go to what was found", keys: []press{key("Return")}, await: []string{seesConversation, seesLed}, shot: "search-led"},
		move{name: "the window is closed: a template", keys: []press{key("Escape"), key("ctrl+t"), typed("follow")}, await: []string{seesSearchEnded, seesTemplates}, shot: "closed-templates"},
		move{name: "fill it, and send it", keys: []press{key("Return"), typed("Frau Sommer"), key("Return"), key("Return")}, await: []string{seesSubmitted, seesSent}, shot: "closed-sent"},
		move{name: "hand it to the supervisor", keys: []press{key("ctrl+shift+a"), typed("ines")}, await: []string{seesAssign}, rest: true, shot: "assign"},
		move{name: "by her name", keys: []press{key("Return")}, await: []string{seesSubmitted}, rest: true})
}

// reveal is a number that the agent needs to see, and what becomes of it.
func (p *play) reveal(ctx context.Context, _ *os.File) error {
	if err := p.join(ctx); err != nil {
		return err
	}
	const why = "The fitter is before the wrong house"
	a := p.s.account(demoAgent)
	err := p.agent.make(ctx, append(askMoves(why),
		move{name: "go on with something else", keys: []press{key("ctrl+i")}, rest: true})...)
	if err != nil {
		return err
	}
	if err := p.told(ctx, demoSupervisor, why); err != nil {
		return err
	}
	err = p.supervisor.make(ctx,
		move{name: "what waits for the supervisor", keys: []press{key("ctrl+3")}, await: []string{seesDecisions}, rest: true, shot: "decisions"},
		move{name: "she agrees", keys: []press{key("a")}, await: []string{seesDecided, seesDecidedAnswer}})
	if err != nil {
		return err
	}
	return p.agent.make(ctx,
		move{name: "the agent is told", await: []string{seesRevealTold}, rest: true, shot: "reveal-told"},
		move{name: "and looks", keys: []press{key("ctrl+i"), key("ctrl+shift+r")}, await: []string{seesContact, seesValue}, rest: true},
		move{name: "until it is drawn", rest: true, shot: "reveal-shown"},
		move{name: "lock the window meanwhile", keys: []press{key("ctrl+shift+l")}, await: []string{seesValueGone, seesLock, seesLockReady}, shot: "reveal-locked"},
		move{name: "unlock it: the number is not there", keys: []press{typed(a.password), key("Return")}, await: []string{seesUnlockAnswer, seesInbox, seesOnline}, never: []string{seesValue}},
		move{name: "nor in its conversation", keys: []press{key("alt+Down")}, await: []string{seesConversation}, never: []string{seesValue}, rest: true, shot: "reveal-gone"})
}
