package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"
)

const minute = time.Minute

// stage is the house while it runs: relay, simulator, and what the windows need. Everything in it ends with close.
type stage struct {
	d     *dev
	name  string // folder below build/
	fresh bool   // forget earlier runs
	c     *company
	sup   *supervisor
	clean []func()
	codes map[string]string // enrolment strings by device folder

	relay, wasim, client *process // nil until started
}

// stage prepares nothing yet: the first step, company, opens it.
func (d *dev) stage(name string, fresh bool) *stage {
	return &stage{d: d, name: name, fresh: fresh, codes: map[string]string{}}
}

func (s *stage) open() error {
	dir := s.d.build(s.name)
	if s.fresh {
		if err := os.RemoveAll(dir); err != nil {
			return &problem{happened: "the old demo state could not be removed", err: err, do: "remove " + shortPath(dir) + " and repeat."}
		}
	}
	// run/ holds what belongs to one run alone: a scan must never read the last run's list.
	err := errors.Join(os.RemoveAll(filepath.Join(dir, "run")), os.MkdirAll(filepath.Join(dir, "run"), 0o700))
	if err != nil {
		return err
	}
	if s.c, err = openCompany(dir); err != nil {
		return err
	}
	s.sup, err = newSupervisor(filepath.Join(dir, "log"))
	return err
}

func (s *stage) close() {
	if s.sup != nil {
		s.sup.close()
	}
	for _, f := range slices.Backward(s.clean) {
		f()
	}
}

// openCompany reads the demo's state or makes a new one with free ports and random secrets.
func openCompany(dir string) (*company, error) {
	path := filepath.Join(dir, "company.json")
	c := &company{dir: dir}
	raw, err := os.ReadFile(path)
	if err == nil {
		if err := json.Unmarshal(raw, c); err != nil {
			return nil, &problem{happened: "the demo's state cannot be read", err: err, do: "repeat with --fresh."}
		}
		return c, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for _, address := range []*string{&c.Devices, &c.Webhooks, &c.Ops, &c.Graph} {
		if *address, err = freePort(); err != nil {
			return nil, err
		}
	}
	c.Number, c.NumberID, c.Account = "493023125100", "106540352242922", "102290129340398"
	c.AppSecret, c.VerifyToken, c.AccessToken = rand.Text(), rand.Text(), rand.Text()
	return c, c.save()
}

func (c *company) save() error {
	raw, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(c.path("company.json"), append(raw, '\n'), 0o600)
}

// freePort finds a port on the loopback interface that nobody listens on now.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// answers says whether a URL on the loopback interface gives 200, speaks whether it gives anything.
func answers(url string) func(context.Context) bool {
	return ask(url, func(status int) bool { return status == http.StatusOK })
}

func speaks(url string) func(context.Context) bool {
	return ask(url, func(int) bool { return true })
}

func ask(url string, good func(status int) bool) func(context.Context) bool {
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	return func(ctx context.Context) bool {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return false
		}
		res, err := client.Do(req)
		if err != nil {
			return false
		}
		res.Body.Close()
		return good(res.StatusCode)
	}
}

// steps are what brings the house up, in order.
func (s *stage) steps() []step {
	return []step{
		{name: "company", does: "the relay's config and keys", must: true, run: s.found},
		{name: "relay", does: "the relay answers", must: true, run: s.startRelay},
		{name: "people", does: "an agent and a supervisor, and an enrolment string for each new device", must: true, run: s.people},
		{name: "simulator", does: "the simulator's customers are there", must: true, run: s.startSimulator},
	}
}

func (s *stage) relayCall(log *os.File) call {
	return call{dir: s.c.dir, env: s.c.relayEnv(), log: s.d.tee(log)}
}

func (s *stage) found(ctx context.Context, log *os.File) error {
	if err := s.open(); err != nil {
		return err
	}
	if s.c.Founded {
		return nil
	}
	if err := s.relayCall(log).run(ctx, s.d.binary(relayProgram), s.c.relayInit()...); err != nil {
		return err
	}
	s.c.Founded = true
	return s.c.save()
}

// people adds the persons once and asks for an enrolment string for each device that was never admitted. The running
// relay does both, on its admin socket: its store has one owner at a time.
func (s *stage) people(ctx context.Context, log *os.File) error {
	relay := s.d.binary(relayProgram)
	if !s.c.Peopled {
		for _, p := range []person{demoAgent, demoSupervisor} {
			if err := s.relayCall(log).run(ctx, relay, s.c.personAdd(p)...); err != nil {
				return err
			}
		}
		s.c.Peopled = true
		if err := s.c.save(); err != nil {
			return err
		}
	}
	for _, p := range []person{demoAgent, demoSupervisor} {
		if isFile(s.enrolledMark(p)) {
			continue
		}
		out, err := s.relayCall(log).output(ctx, relay, s.c.enrol(p)...)
		if err != nil {
			return err
		}
		if s.codes[p.Home], err = enrolmentIn(out); err != nil {
			return err
		}
	}
	return nil
}

// enrolledMark lies beside a device's folder once its window has shown the inbox.
func (s *stage) enrolledMark(p person) string { return s.c.path(p.Home + ".enrolled") }

func (s *stage) startRelay(ctx context.Context, _ *os.File) error {
	p, err := s.sup.start(launch{name: "relay", path: s.d.binary(relayProgram), args: s.c.relayServe(), dir: s.c.dir, env: s.c.relayEnv()})
	if err != nil {
		return err
	}
	s.relay = p
	return p.ready(ctx, minute, answers(s.c.relayHealth()))
}

func (s *stage) startSimulator(ctx context.Context, _ *os.File) error {
	p, err := s.sup.start(launch{name: "wasim", path: s.d.binary(wasimProgram), args: s.c.wasimServe(), dir: s.c.dir, env: s.c.wasimEnv()})
	if err != nil {
		return err
	}
	s.wasim = p
	return p.ready(ctx, minute, speaks(s.c.graph()))
}

// keyring starts a private keyring session for a person's device and returns its environment.
func (s *stage) keyring(ctx context.Context, p person) ([]string, error) {
	h, runtime, clean, err := newHome(s.c.home(p))
	if err != nil {
		return nil, err
	}
	s.clean = append(s.clean, clean)
	return startKeyring(ctx, s.sup, h, runtime)
}

// window starts a person's client, looking as wished.
func (s *stage) window(p person, env []string, v variant) (*process, error) {
	return s.sup.start(launch{name: s.clientName(p, v), path: s.d.binary(clientProgram), args: s.c.client(p, s.codes[p.Home], v), dir: s.c.home(p), env: env})
}

func runDemo(ctx context.Context, d *dev, args []string) error {
	f := d.flags("demo")
	headless := f.Bool("headless", false, "on a display of its own: drive the window by keyboard, take pictures, scan for leaks")
	fresh := f.Bool("fresh", false, "forget the state of earlier runs")
	both := f.Bool("both", false, "open the supervisor's window too")
	if err := f.Parse(args); err != nil {
		return parseProblem(err)
	}
	if err := linuxOnly("demo"); err != nil {
		return err
	}
	if *headless {
		return d.headless(ctx)
	}
	return d.demo(ctx, *fresh, *both)
}

// linuxOnly refuses a verb that needs a private keyring where there is none to be had: elsewhere the client would write
// into the caller's own keychain.
func linuxOnly(verb string) error {
	if runtime.GOOS == "linux" {
		return nil
	}
	return &problem{happened: verb + " gives its devices a home and a keyring of their own, which it can do on Linux only",
		do: "run it on Linux, or in a Linux virtual machine or container; the programs themselves build here with go build."}
}

// demo opens the agent's window on the caller's display and keeps the house alive until it is closed or Ctrl+C.
func (d *dev) demo(ctx context.Context, fresh, both bool) error {
	if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		return &problem{happened: "there is no display to open a window on", do: "run it in a desktop session, or use: go run ./packaging/dev demo --headless"}
	}
	s := d.stage("demo", fresh)
	defer s.close()
	var client *process
	plan := slices.Concat([]step{d.packagesStep("demo"), d.modulesStep(), d.buildStep()}, s.steps(), []step{
		{name: "window", does: "the agent's window is open", must: true, run: func(ctx context.Context, _ *os.File) error {
			people := []person{demoAgent}
			if both {
				people = append(people, demoSupervisor)
			}
			for _, p := range people {
				env, err := s.keyring(ctx, p)
				if err != nil {
					return err
				}
				// The display is the caller's; home, bus and keyring are not.
				for _, name := range []string{"DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "XDG_SESSION_TYPE"} {
					if v := os.Getenv(name); v != "" {
						env = append(env, name+"="+v)
					}
				}
				w, err := s.window(p, env, variant{})
				if err != nil {
					return err
				}
				if p == demoAgent {
					client = w
				}
				t := &trace{path: s.c.trace(p)}
				if err := w.ready(ctx, 2*minute, func(context.Context) bool { return t.read() == nil && t.find(seesInbox) >= 0 }); err != nil {
					return err
				}
				if err := os.WriteFile(s.enrolledMark(p), nil, 0o600); err != nil {
					return err
				}
			}
			return nil
		}},
	})
	if err := d.follow(ctx, "demo", plan); err != nil {
		return err
	}
	d.out.say("")
	for _, line := range s.c.whatToDo() {
		d.out.say("%s", line)
	}
	select {
	case <-client.done: // the person closed the window
		if client.err != nil {
			return client.obituary()
		}
		d.out.say("The window was closed; stopping the rest.")
		return nil
	case p := <-s.sup.died:
		if p == client && client.err == nil {
			d.out.say("The window was closed; stopping the rest.")
			return nil
		}
		return p.obituary()
	case <-ctx.Done():
		d.out.say("Stopping. The state is kept in build/demo.")
		return nil
	}
}

// headless does what demo does on a display of its own, drives the window, takes pictures and scans for leaks.
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

// journeySteps drive the agent's window and scan the device afterwards. The scan runs even when the journey failed.
func (s *stage) journeySteps() []step {
	return []step{
		{name: "journey", does: "the agent's window, driven by keyboard", run: s.journey},
		{name: "leaks", does: "no customer's identifier on the device, in its frames, titles and notifications, in any log, or plain on the relay's disk", run: s.leaks},
	}
}

func (s *stage) journey(ctx context.Context, _ *os.File) error {
	env, err := s.keyring(ctx, demoAgent)
	if err != nil {
		return err
	}
	screen, err := startDisplay(ctx, s.sup, "1600x1000", env)
	if err != nil {
		return err
	}
	// Every notification passes the session's bus, where any program may listen.
	if _, err := s.sup.start(launch{name: "notifications", path: "dbus-monitor", env: env,
		args: []string{"--session", "interface='org.freedesktop.Notifications'", "interface='org.gtk.Notifications'"}}); err != nil {
		return err
	}
	w := &driver{display: screen, alone: true, shots: s.c.path("shots"), say: s.d.out.say, properties: s.c.path("run", "window.txt")}
	if err := os.MkdirAll(w.shots, 0o755); err != nil {
		return err
	}
	if err := s.travel(ctx, w, env, variant{theme: "light", language: "en_GB", w: 1440, h: 900}, agentJourney()); err != nil {
		return err
	}
	s.client.stop(10 * time.Second)
	s.wasim.stop(10 * time.Second)
	if err := s.startCast(ctx); err != nil {
		return err
	}
	return s.travel(ctx, w, env, variant{theme: "dark", language: "en_GB", w: 1440, h: 900}, darkJourney())
}

// startCast lets the difficult people write, and returns when they have nothing more to say.
func (s *stage) startCast(ctx context.Context) error {
	p, err := s.sup.start(launch{name: "wasim-cast", path: s.d.binary(wasimProgram), args: s.c.wasimCast(), dir: s.c.dir, env: s.c.wasimEnv()})
	if err != nil {
		return err
	}
	s.wasim = p
	const quiet = 5 * time.Second
	size, since := int64(-1), time.Now()
	return p.ready(ctx, 3*minute, func(context.Context) bool {
		info, err := os.Stat(s.c.identifiersOfCast())
		if err != nil || info.Size() != size {
			if err == nil {
				size = info.Size()
			}
			since = time.Now()
		}
		return size > 0 && time.Since(since) > quiet
	})
}

// clientName tells the logs of a person's clients apart: one that starts must not overwrite what another one said.
func (s *stage) clientName(p person, v variant) string {
	if v.theme == "dark" {
		return "client-" + p.Home + "-dark"
	}
	return "client-" + p.Home
}

// newTrace reads a person's trace from where it ends now: a client appends to what the one before it left.
func (s *stage) newTrace(p person) *trace {
	t := &trace{path: s.c.trace(p)}
	if info, err := os.Stat(t.path); err == nil {
		t.off = info.Size()
	}
	return t
}

// travel starts the agent's client and makes the moves of a journey in its window.
func (s *stage) travel(ctx context.Context, w *driver, env []string, v variant, moves []move) error {
	w.trace = s.newTrace(demoAgent)
	client, err := s.window(demoAgent, w.display.clientEnv(env, v.language), v)
	if err != nil {
		return err
	}
	s.client, w.client = client, client
	if err := w.findWindow(ctx, windowTitle); err != nil {
		return err
	}
	if err := w.resize(ctx, v.w, v.h); err != nil {
		return err
	}
	for _, m := range moves {
		if err := w.do(ctx, m); err != nil {
			return err
		}
	}
	s.codes[demoAgent.Home] = "" // the device is enrolled from now on
	return nil
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
	roots := []string{s.c.home(demoAgent), s.c.trace(demoAgent), s.c.frames(demoAgent), told, s.c.path("relay")}
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
	return s.d.scanFor(ids, roots...)
}
