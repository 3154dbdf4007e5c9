package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// This file is the verb shots: pictures of the real window in every size, theme and language, and of the states in which
// it is not the inbox.

// variant is one way the window can look. The zero value is how its user left it.
type variant struct {
	theme, language string
	w, h            int
	text            int // size in percent; 0 is 100
}

// variants are the looks of the inbox: each size in both themes, every language in both and at large letters or a small size,
// so that each screen is seen in each of them, though not in all of them together.
func variants() []variant {
	return []variant{
		{theme: "light", language: "en_GB", w: 1440, h: 900},
		{theme: "dark", language: "de_DE", w: 1440, h: 900},
		{theme: "light", language: "de_DE", w: 1100, h: 760},
		{theme: "dark", language: "it_IT", w: 1100, h: 760},
		{theme: "light", language: "it_IT", w: 820, h: 560},
		{theme: "dark", language: "en_GB", w: 820, h: 560},
		{theme: "dark", language: "de_DE", w: 1440, h: 900, text: 130},
		{theme: "light", language: "it_IT", w: 1100, h: 760, text: 130},
		{theme: "light", language: "de_DE", w: 820, h: 560, text: 130},
	}
}

func (v variant) name() string {
	n := fmt.Sprintf("%dx%d-%s-%s", v.w, v.h, v.theme, v.language[:2])
	if v.text != 0 {
		n += fmt.Sprintf("-%d", v.text)
	}
	return n
}

// strip says whether the list of conversations is but a strip of faces, for want of room.
func (v variant) strip() bool { return v.w < 900 }

// stateVariants are the looks in which a supervisor's pages and the states that are not the inbox are taken.
func stateVariants() []variant {
	return []variant{{theme: "light", language: "en_GB", w: 1440, h: 900}, {theme: "dark", language: "de_DE", w: 1100, h: 760, text: 130}, {theme: "light", language: "it_IT", w: 820, h: 680}}
}

func runShots(ctx context.Context, d *dev, args []string) error {
	f := d.flags("shots")
	only := f.String("only", "", "run only these variants, separated by commas (see --list)")
	list := f.Bool("list", false, "print the variants and stop")
	if err := f.Parse(args); err != nil {
		return parseProblem(err)
	}
	if err := linuxOnly("shots"); err != nil && !*list {
		return err
	}
	s := d.stage("shots-state", true)
	defer s.close()
	var env []string
	var screen *display
	var colleague *driver
	shots := func(folder string) *driver {
		return &driver{display: screen, alone: true, album: &album{dir: d.build("shots", folder)}, say: d.out.say}
	}
	prepare := slices.Concat([]step{d.packagesStep("shots"), d.modulesStep(), d.buildStep()}, s.steps(), []step{
		{name: "display", does: "a private keyring and a private display", must: true, run: func(ctx context.Context, _ *os.File) error {
			var err error
			if env, err = s.keyring(ctx, demoAgent); err != nil {
				return err
			}
			screen, err = startDisplay(ctx, s.sup, "1600x1000", env)
			return err
		}},
		{name: "a-morning", does: "people work, so that there is something to see", must: true, run: func(ctx context.Context, log *os.File) (err error) {
			colleague, err = s.morning(ctx, log, shots("morning"), shots("colleague"), env)
			return err
		}},
	})
	var takes []step
	for _, v := range variants() {
		takes = append(takes, step{name: v.name(), does: "pictures of the window", run: func(ctx context.Context, _ *os.File) error {
			words, err := d.lexiconOf(v.language)
			if err != nil {
				return err
			}
			// She writes on: nobody is told of somebody who only sits there, and her window would lock.
			if err := colleague.make(ctx, move{name: "a colleague writes", keys: []press{typed(" ...")}, rest: true}); err != nil {
				return err
			}
			return s.pictures(ctx, shots(v.name()), env, v, shotJourney(words, v))
		}})
	}
	for i, v := range stateVariants() {
		p := stateSupervisors[i] // of their own: each signs in for the first time
		takes = append(takes, step{name: "setup-" + v.name(), does: "a device is set up: each error, the first sign-in; what a supervisor looks at; lock, wiped", run: func(ctx context.Context, log *os.File) error {
			return s.setup(ctx, shots("setup-"+v.name()), screen, p, v, log)
		}}, step{name: "trouble-" + v.name(), does: "unreachable server, second window, locked keyring, damaged store", run: func(ctx context.Context, _ *os.File) error {
			return s.trouble(ctx, shots("trouble-"+v.name()), env, v)
		}})
	}
	if *list {
		return d.followSome(ctx, "shots", takes, "", true)
	}
	takes, err := choose(takes, *only)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(d.build("shots")); err != nil {
		return err
	}
	err = d.follow(ctx, "shots", append(prepare, takes...))
	page, pageErr := writeGallery(d.build("shots")) // what there is, is worth looking at
	if err = errors.Join(err, pageErr); err != nil {
		return err
	}
	d.out.say("Pictures: %s", shortPath(page))
	return nil
}

// pictures makes a journey in a window of its own on the agent's device, and closes it.
func (s *stage) pictures(ctx context.Context, w *driver, env []string, v variant, moves []move) error {
	defer func() {
		if s.client != nil {
			s.client.stop(10 * time.Second)
		}
	}()
	if err := os.MkdirAll(w.album.dir, 0o755); err != nil {
		return err
	}
	return s.travel(ctx, w, env, v, moves)
}

// stateSupervisors are whose devices the states are taken of, a person for each of [stateVariants].
var stateSupervisors = []person{demoSupervisor, {Name: "Jonas Weber", Role: "supervisor", Home: "jonas", Team: salesTeam}, {Name: "Giulia Conti", Role: "supervisor", Home: "giulia", Team: salesTeam}}

// setup takes the pictures of a device that is not enrolled yet: every reason why it is refused, success, the first sign-in;
// then of what a supervisor does with devices, of the lock, and of the device when it was wiped.
func (s *stage) setup(ctx context.Context, w *driver, screen *display, p person, v variant, log *os.File) error {
	if err := os.MkdirAll(w.album.dir, 0o755); err != nil {
		return err
	}
	if p != demoSupervisor {
		if err := s.relayCall(log).run(ctx, s.d.binary(relayProgram), s.c.personAdd(p)...); err != nil {
			return err
		}
	}
	words, err := s.d.lexiconOf(v.language)
	if err != nil {
		return err
	}
	p.Home += "-" + v.name() // a device of its own, with a keyring of its own
	env, err := s.keyring(ctx, p)
	if err != nil {
		return err
	}
	code, err := s.invite(ctx, log, p)
	if err != nil {
		return err
	}
	s.codes[p.Home] = "" // it is typed
	if err := s.show(ctx, w, p, env, v); err != nil {
		return err
	}
	defer func() { w.client.stop(10 * time.Second) }()
	paste := func(text string) []press { return []press{key("ctrl+a"), typed(text), key("Return")} }
	a := s.account(p)
	err = w.make(ctx, slices.Concat([]move{
		{name: "a device that nobody knows", await: []string{seesWindow, seesEnrol}, shot: "first"},
		{name: "something else is pasted", keys: paste("7KQ4-9MXD-2TRW"), await: []string{"enrol not an enrolment string"}, shot: "not-a-string"},
		{name: "the server is not there", keys: paste(altered(code, "relay", "127.0.0.1:9")), await: []string{"enrol server unreachable"}, shot: "unreachable"},
		{name: "another server answers", keys: paste(altered(code, "pin", "")), await: []string{"enrol wrong certificate"}, shot: "certificate"},
		{name: "the code is wrong", keys: paste(altered(code, "code", "")), await: []string{"enrol code wrong"}, shot: "code-wrong"},
		{name: "the device is let in", keys: paste(code), await: []string{seesEnrolled}, shot: "done"},
		{name: "and asks who is there", keys: []press{key("Return")}, await: []string{}},
	}, firstSignIn(a, s.second))...)
	if err != nil {
		return err
	}
	own, err := s.christen(ctx, log, p)
	if err != nil {
		return err
	}
	agents, err := s.toAgents(ctx, log, p)
	if err != nil {
		return err
	}
	w.who = a
	err = w.make(ctx, slices.Concat(oversightMoves(words), agents, []move{
		{name: "wipe the agent's?", keys: []press{key("Return")}, await: []string{seesWipeDialog}, shot: "wipe-dialog"},
		{name: "no; the audit log", keys: []press{key("Escape"), key("ctrl+5")}, await: []string{seesAuditPage, seesAudit}, shot: "audit"},
		{name: "an entry of it", keys: []press{key("Return")}, rest: true, shot: "audit-entry"},
	}, lockMoves(a))...)
	if err != nil {
		return err
	}
	if err := s.relayCall(log).run(ctx, s.d.binary(relayProgram), s.c.wipe(own.ID, "replaced")...); err != nil {
		return err
	}
	// The program ended what it was and began anew, with a window of its own.
	if err := w.await(ctx, []string{seesWindow, seesWiped, seesWipeProven}, minute); err != nil {
		return err
	}
	if err := w.findWindow(ctx, windowTitle); err != nil {
		return err
	}
	return w.make(ctx, move{name: "the device was wiped", rest: true, shot: "wiped"})
}

// altered changes one part of an enrolment string: to a value, or, for "", to something of the same shape that is wrong.
func altered(enrolment, part, value string) string {
	head, query, _ := strings.Cut(enrolment, "?")
	fields := strings.Split(query, "&")
	for i, f := range fields {
		name, old, _ := strings.Cut(f, "=")
		if name != part {
			continue
		}
		if value == "" {
			plain, err := url.QueryUnescape(old)
			if err != nil {
				plain = old
			}
			value = strings.Map(func(r rune) rune {
				switch {
				case r >= '2' && r < '7':
					return r + 1
				case r >= 'B' && r < 'H', r >= 'b' && r < 'f':
					return r + 1
				}
				return r
			}, plain)
		}
		fields[i] = name + "=" + url.QueryEscape(value)
	}
	return head + "?" + strings.Join(fields, "&")
}

// trouble takes the pictures of the states in which something does not work.
func (s *stage) trouble(ctx context.Context, w *driver, env []string, v variant) error {
	if err := os.MkdirAll(w.album.dir, 0o755); err != nil {
		return err
	}
	first := &driver{display: w.display, alone: true, album: w.album, say: w.say}
	err := s.travel(ctx, first, env, v, []move{
		{name: "a window is open", await: []string{seesWindow, seesInbox, seesOnline}},
		{name: "with a conversation", keys: opened("katharina"), await: []string{seesConversation}},
	})
	if err != nil {
		return err
	}
	open := s.client
	defer func() {
		open.stop(10 * time.Second)
		s.client.stop(10 * time.Second)
	}()

	s.relay.stop(10 * time.Second)
	if err := first.do(ctx, move{name: "the server is gone", await: []string{seesOffline}, shot: "unreachable"}); err != nil {
		return err
	}
	if err := first.do(ctx, move{name: "a message waits", keys: []press{typed("Later"), key("Return")}, await: []string{seesSubmitted}, shot: "queued"}); err != nil {
		return err
	}
	if err := s.startRelay(ctx, nil); err != nil {
		return err
	}
	if err := first.do(ctx, move{name: "the server is back", await: []string{seesOnline, seesSent}, limit: 2 * minute}); err != nil {
		return err
	}

	one := func(name string, env []string, wants string) error {
		if err := s.travel(ctx, w, env, v, []move{{name: name, await: []string{seesWindow, wants}, shot: strings.ReplaceAll(strings.TrimPrefix(wants, "start "), " ", "-")}}); err != nil {
			return err
		}
		s.client.stop(10 * time.Second)
		return nil
	}
	if err := one("a second window on the same device", env, "start already running"); err != nil {
		return err
	}
	open.stop(10 * time.Second)
	if err := one("the keyring is locked", append(slices.Clone(env), "DBUS_SESSION_BUS_ADDRESS=unix:path="+s.c.path("nowhere")), "start keyring unavailable"); err != nil {
		return err
	}
	if err := s.damage(); err != nil {
		return err
	}
	return s.travel(ctx, w, env, v, []move{
		{name: "the store is damaged", await: []string{seesWindow, "start store damaged"}, shot: "damaged"},
		{name: "it is rebuilt", keys: []press{key("Return")}, await: []string{seesInbox}, shot: "rebuilt"},
	})
}

// damage overwrites the middle of every file of the agent's store.
func (s *stage) damage() error {
	dir := filepath.Join(s.c.home(demoAgent), ".local", "share", "sealdesk", "store")
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		raw, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil || len(raw) < 4096 {
			continue
		}
		for i := 0; i < len(raw); i += 64 {
			raw[i] ^= 0xff
		}
		if err := os.WriteFile(filepath.Join(dir, f.Name()), raw, 0o600); err != nil {
			return err
		}
	}
	return nil
}
