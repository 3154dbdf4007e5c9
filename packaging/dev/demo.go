package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
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

	second   bool // people sign in with a second factor
	accounts map[string]*account
	runs     map[string]int // how often a program was started, by the name of its log

	relay, wasim, client *process // nil until started
}

// stage prepares nothing yet: the first step, company, opens it.
func (d *dev) stage(name string, fresh bool) *stage {
	return &stage{d: d, name: name, fresh: fresh, second: true, codes: map[string]string{}, accounts: map[string]*account{}, runs: map[string]int{}}
}

// account is how a person signs in.
func (s *stage) account(p person) *account {
	if s.accounts[p.Name] == nil {
		s.accounts[p.Name] = newAccount()
	}
	return s.accounts[p.Name]
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
		if c.Age != companyAge {
			return nil, &problem{happened: "the demo's state is of an older Sealdesk", do: "repeat with --fresh."}
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
	c.Service, c.ServiceID = "493023125200", "106540352242933"
	c.AppSecret, c.VerifyToken, c.AccessToken = rand.Text(), rand.Text(), rand.Text()
	c.Age = companyAge
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
		{name: "people", does: "two agents and a supervisor in two teams, and an enrolment string for each new device", must: true, run: s.people},
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
	if err := s.c.configure(s.second); err != nil {
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
		for _, p := range []person{demoAgent, demoSupervisor, demoColleague} {
			for _, args := range [][]string{s.c.personAdd(p), s.c.personLanguages(p)} {
				if err := s.relayCall(log).run(ctx, relay, args...); err != nil {
					return err
				}
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
		if _, err := s.invite(ctx, log, p); err != nil {
			return err
		}
	}
	return nil
}

// invite gets the enrolment string with which a person's next window lets its device in.
func (s *stage) invite(ctx context.Context, log *os.File, p person) (string, error) {
	out, err := s.relayCall(log).output(ctx, s.d.binary(relayProgram), s.c.enrol(p)...)
	if err != nil {
		return "", err
	}
	s.codes[p.Home], err = enrolmentIn(out)
	return s.codes[p.Home], err
}

// enrolledMark lies beside a device's folder once its window has shown the inbox.
func (s *stage) enrolledMark(p person) string { return s.c.path(p.Home + ".enrolled") }

func (s *stage) startRelay(ctx context.Context, _ *os.File) error {
	p, err := s.sup.start(launch{name: s.run("relay"), path: s.d.binary(relayProgram), args: s.c.relayServe(), dir: s.c.dir, env: s.c.relayEnv()})
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
	return s.sup.start(launch{name: s.run("client-" + p.Home), path: s.d.binary(clientProgram), args: s.c.client(p, s.codes[p.Home], v), dir: s.c.home(p), env: env})
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
	s.second = false
	defer s.close()
	var client *process
	people := []person{demoAgent}
	if both {
		people = append(people, demoSupervisor)
	}
	rings := map[person][]string{}
	plan := slices.Concat([]step{d.packagesStep("demo"), d.modulesStep(), d.buildStep()}, s.steps(), []step{
		{name: "sign-in", does: "on a display nobody sees, the supervisor has made tags and quick replies, and the agent has begun", must: true, run: func(ctx context.Context, _ *os.File) error {
			for _, p := range []person{demoSupervisor, demoAgent} {
				known := isFile(s.enrolledMark(p))
				if known && !slices.Contains(people, p) {
					continue
				}
				env, err := s.keyring(ctx, p)
				if err != nil {
					return err
				}
				if rings[p] = env; known {
					continue
				}
				if err := s.arrive(ctx, p, env); err != nil {
					return err
				}
			}
			return nil
		}},
		{name: "window", does: "the agent's window is open", must: true, run: func(ctx context.Context, _ *os.File) error {
			for _, p := range people {
				env := slices.Clone(rings[p])
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
				t := s.newTrace(p)
				shown := func(context.Context) bool { // a sign-in holds for twelve hours: who comes back later is asked
					return t.read() == nil && (t.find(seesInbox) >= 0 || t.find(seesSignIn) >= 0 || t.find(seesLock) >= 0)
				}
				if err := w.ready(ctx, 2*minute, shown); err != nil {
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

// arrive lets a person's device in and signs the person in for the first time, with the password that the terminal will tell,
// in a window on a display of its own. They do a little there already, so that there is something to look at.
func (s *stage) arrive(ctx context.Context, p person, env []string) error {
	s.accounts[p.Name] = &account{password: demoPassword}
	screen, err := startDisplay(ctx, s.sup, "1600x1000", env)
	if err != nil {
		return err
	}
	w := &driver{display: screen, alone: true, say: func(string, ...any) {}}
	if w.album, err = newAlbum(s.c.path("run", "arrivals")); err != nil {
		return err
	}
	if err := s.enter(ctx, w, p, env, variant{language: "en_GB", w: 1440, h: 900}); err != nil {
		return err
	}
	defer w.client.stop(10 * time.Second)
	if p == demoSupervisor {
		return w.make(ctx, organiseMoves()...)
	}
	return w.make(ctx, firstWork()...)
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

// run tells the logs of a program's runs apart: one that starts must not overwrite what the one before it said.
func (s *stage) run(name string) string {
	s.runs[name]++
	if s.runs[name] == 1 {
		return name
	}
	return fmt.Sprintf("%s-%d", name, s.runs[name])
}

// newTrace reads a person's trace from where it ends now: a client appends to what the one before it left.
func (s *stage) newTrace(p person) *trace {
	t := &trace{path: s.c.trace(p)}
	if info, err := os.Stat(t.path); err == nil {
		t.off = info.Size()
	}
	return t
}

// show starts a person's client and finds its window.
func (s *stage) show(ctx context.Context, w *driver, p person, env []string, v variant) error {
	w.trace = s.newTrace(p)
	client, err := s.window(p, w.display.clientEnv(env, v.language), v)
	if err != nil {
		return err
	}
	w.client = client
	if p == demoAgent {
		s.client = client
	}
	if err := w.findWindow(ctx, windowTitle); err != nil {
		return err
	}
	return w.resize(ctx, v.w, v.h)
}

// enter starts a person's client on a device that is let in by it, and signs the person in for the first time.
func (s *stage) enter(ctx context.Context, w *driver, p person, env []string, v variant) error {
	if err := s.show(ctx, w, p, env, v); err != nil {
		return err
	}
	if err := w.make(ctx, firstSignIn(s.account(p), s.second)...); err != nil {
		return err
	}
	s.codes[p.Home] = "" // the device is enrolled from now on
	return os.WriteFile(s.enrolledMark(p), nil, 0o600)
}

// travel starts the agent's client and makes the moves of a journey in its window.
func (s *stage) travel(ctx context.Context, w *driver, env []string, v variant, moves []move) error {
	if err := s.show(ctx, w, demoAgent, env, v); err != nil {
		return err
	}
	return w.make(ctx, moves...)
}
