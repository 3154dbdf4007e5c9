package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// This file is demo --headless: two windows on a display of their own, driven by keyboard, and what must have come of it.

// headless does what demo does on a display of its own, drives the windows, takes pictures and scans for leaks.
func (d *dev) headless(ctx context.Context) error {
	s := d.stage("headless", true) // always from nothing: a proof must not lean on old state
	defer s.close()
	plan := slices.Concat([]step{d.packagesStep("demo --headless"), d.modulesStep(), d.buildStep()}, s.steps(), s.journeySteps())
	if err := d.follow(ctx, "demo", plan); err != nil {
		return err
	}
	d.out.say("Pictures: %s", shortPath(s.c.path("shots")))
	return nil
}

// play is a journey while it goes on: two people at two laptops, whose windows share a display.
type play struct {
	s                 *stage
	screen            *display
	agent, supervisor *driver
	agentEnv          []string
	wiped             string // the id of the device that was wiped
}

// light is how the windows of a journey look.
var light = variant{theme: "light", language: "en_GB", w: 1440, h: 900}

// journeySteps drive the windows and scan the devices afterwards. The scan runs even when the journey failed.
func (s *stage) journeySteps() []step {
	p := &play{s: s}
	return []step{
		{name: "sign-in", does: "the agent's first sign-in: password, second factor, recovery codes", must: true, run: p.begin},
		{name: "organise", does: "the supervisor makes tags and quick replies", run: p.organise},
		{name: "journey", does: "the agent's window, driven by keyboard", run: func(ctx context.Context, _ *os.File) error { return p.agent.make(ctx, agentJourney()...) }},
		{name: "guard", does: "what must not leave does not, what may leave with a reason does with one", run: func(ctx context.Context, _ *os.File) error { return p.agent.make(ctx, guardMoves()...) }},
		{name: "team", does: "a task, a note that asks a colleague to look, and the colleague who finds it and sees him write", run: p.team},
		{name: "closed", does: "somebody who never wrote is found, gets a template, and is handed over", run: p.closed},
		{name: "tags", does: "conversations are tagged, found by their tag, put off and taken back, closed and rated; a quick reply says what the agent does not see", run: p.tags},
		{name: "reveal", does: "a number is asked for, a supervisor agrees, and it is gone when the window locks", run: p.reveal},
		{name: "lock", does: "the window locks and unlocks, without the server too; within its lease it opens without asking", run: p.lock},
		{name: "wipe", does: "a supervisor wipes the agent's laptop: nothing is left on it, and that is proven", run: p.wipe},
		{name: "again", does: "the agent's laptop is let in again, and his conversations are back", run: p.again},
		{name: "proof", does: "every act is in the audit log, which verifies, and so does the proof of the wipe", run: p.proof},
		{name: "cast", does: "the difficult customers write, and are looked at in the dark, in large letters", run: p.cast},
		{name: "leaks", does: "no customer's identifier and nobody's password on the devices, in frames, titles and notifications, in any log, or plain on the relay's disk", run: s.leaks},
	}
}

// driver is a person's window of the journey.
func (p *play) driver(who person, pictures *album) *driver {
	return &driver{display: p.screen, alone: true, album: pictures, who: p.s.account(who), say: p.s.d.out.say, properties: p.s.c.path("run", "window.txt")}
}

func (p *play) begin(ctx context.Context, _ *os.File) (err error) {
	s := p.s
	if p.agentEnv, err = s.keyring(ctx, demoAgent); err != nil {
		return err
	}
	if p.screen, err = startDisplay(ctx, s.sup, "1600x1000", p.agentEnv); err != nil {
		return err
	}
	// Every notification passes the session's bus, where any program may listen.
	if _, err := s.sup.start(launch{name: "notifications", path: "dbus-monitor", env: p.agentEnv,
		args: []string{"--session", "interface='org.freedesktop.Notifications'", "interface='org.gtk.Notifications'"}}); err != nil {
		return err
	}
	pictures, err := newAlbum(s.c.path("shots"))
	if err != nil {
		return err
	}
	p.agent = p.driver(demoAgent, pictures)
	return s.enter(ctx, p.agent, demoAgent, p.agentEnv, light)
}

// cast closes the windows, lets the difficult people write, and looks at them in the dark.
func (p *play) cast(ctx context.Context, _ *os.File) error {
	s := p.s
	for _, w := range []*driver{p.agent, p.supervisor} {
		if w != nil && w.client != nil {
			w.client.stop(10 * time.Second)
		}
	}
	s.wasim.stop(10 * time.Second)
	if err := s.startCast(ctx); err != nil {
		return err
	}
	dark := light
	dark.theme, dark.text = "dark", 130
	return s.travel(ctx, p.agent, p.agentEnv, dark, darkJourney())
}

// tell writes down what the relay tells whoever runs it: metrics, health, and what its commands list.
func (s *stage) tell(ctx context.Context, log *os.File) (string, error) {
	var all []byte
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for _, url := range []string{"http://" + s.c.Ops + "/metrics", "http://" + s.c.Ops + "/healthz", s.c.relayHealth()} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return "", err
		}
		res, err := client.Do(req)
		if err != nil {
			return "", err
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			return "", err
		}
		all = append(all, body...)
	}
	for _, args := range s.c.relayLists() {
		out, err := s.relayCall(log).output(ctx, s.d.binary(relayProgram), args...)
		if err != nil {
			return "", err
		}
		all = append(all, out...)
	}
	path := s.c.path("run", "relay-told.txt")
	return path, os.WriteFile(path, all, 0o600)
}

// said is a copy of a person's trace without its stamps: the time of a line may well be the digits of somebody's number.
func (s *stage) said(p person) (string, error) {
	t := &trace{path: s.c.trace(p)}
	if err := t.read(); err != nil {
		return "", err
	}
	path := s.c.path("run", p.Home+"-trace-said.txt")
	return path, os.WriteFile(path, []byte(strings.Join(append(t.lines, t.part), "\n")), 0o600)
}

func (s *stage) leaks(ctx context.Context, log *os.File) error {
	if s.client == nil || s.wasim == nil {
		return skipped{"the journey did not get as far as a device"}
	}
	told, err := s.tell(ctx, log)
	if err != nil {
		return err
	}
	// A device at rest has written everything, and so has a simulator that ended: each send makes new identifiers.
	for _, p := range []*process{s.client, s.wasim, s.relay} {
		p.stop(10 * time.Second)
	}
	ids, err := readIdentifiers(s.c.identifiers())
	if err != nil {
		return &problem{happened: "the simulator left no list of identifiers to look for", err: err}
	}
	if isFile(s.c.identifiersOfCast()) {
		more, err := readIdentifiers(s.c.identifiersOfCast())
		if err != nil {
			return err
		}
		ids = append(ids, more...)
	}
	for _, p := range []person{demoAgent, demoSupervisor} {
		ids = append(ids, s.account(p).secrets()...)
	}
	roots := []string{told, s.c.path("relay")}
	for _, p := range []person{demoAgent, demoSupervisor} {
		if isFile(s.enrolledMark(p)) {
			said, err := s.said(p)
			if err != nil {
				return err
			}
			roots = append(roots, s.c.home(p), said, s.c.frames(p))
		}
	}
	for _, pattern := range []string{s.c.path("log", "client-*.log"), s.c.path("log", "relay*.log"), s.c.path("log", "notifications.log"), s.c.path("run", "window.txt")} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return &problem{happened: "there is nothing to look at where " + filepath.Base(pattern) + " should be"}
		}
		roots = append(roots, found...)
	}
	return s.d.scanFor("identifier or secret", ids, roots...)
}
