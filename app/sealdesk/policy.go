package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"sealdesk/app/managed"
	"sealdesk/store"
	"sealdesk/sync/engine"
	"sealdesk/sync/wire"
	"sealdesk/ui"
)

// policyEvery is how often the policy is looked at. What systems tell by themselves is heard sooner.
const policyEvery = 10 * time.Second

// policyExit is the exit code of a command that finds a broken policy.
const policyExit = 3

// exitCode is an error that ends the program with a code of its own.
type exitCode struct {
	error
	code int
}

func (e exitCode) Unwrap() error { return e.error }

// policy is what the company set on this machine, and who wants to know when that changes. A nil policy manages nothing.
type policy struct {
	machine *managed.Machine
	level   *slog.LevelVar
	log     *slog.Logger
	pokes   poker // after each change

	mu    sync.Mutex
	start *managed.Policy // the first sound one: what this run began with
	told  string          // the trouble the log has
}

// newPolicy reads the policy. What it says of the log holds from then on.
func newPolicy(source managed.Source, level *slog.LevelVar, log *slog.Logger) *policy {
	p := &policy{machine: managed.Open(source), level: level, log: log}
	p.changed()
	return p
}

// now is what is in force: nil, which manages nothing, before a sound policy was found.
func (p *policy) now() *managed.Policy {
	if p == nil {
		return nil
	}
	now, _ := p.machine.Policy() // whoever opens something asks for the error: see broken
	return now
}

// atStart is what was in force when this run began.
func (p *policy) atStart() *managed.Policy {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.start
}

// broken is why nothing may be opened; nil when something may. The policy is read again: it may have been repaired.
func (p *policy) broken() error {
	if p == nil {
		return nil
	}
	if p.machine.Look() {
		p.changed()
	}
	if _, err := p.machine.Policy(); err != nil {
		return fmt.Errorf("%w: %w", ui.BrokenPolicy{Problems: lines(managed.Problems(err))}, err)
	}
	return nil
}

// watch looks for changes until ctx ends.
func (p *policy) watch(ctx context.Context) {
	tick := time.NewTicker(policyEvery)
	defer tick.Stop()
	p.machine.Run(ctx, tick.C, p.changed)
}

// levels are those of the log by their names in the policy.
var levels = map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}

// changed puts what the log has to know into force, writes down what is amiss, and tells who watches.
func (p *policy) changed() {
	now := p.now()
	p.level.Set(levels[now.Text(managed.LogLevel)])
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.start == nil {
		p.start = now
	}
	var said []string
	for _, problem := range managed.Problems(p.machine.Trouble()) {
		said = append(said, problem.String())
		if !strings.Contains(p.told, problem.String()) {
			p.log.Error("the policy is broken", "place", problem.Place, "line", problem.Line, "key", problem.Key, "why", problem.Why)
		}
	}
	if now != nil {
		for _, u := range now.Unknown {
			said = append(said, u.String())
			if !strings.Contains(p.told, u.String()) {
				p.log.Warn("the policy has an unknown key", "place", u.Place, "line", u.Line, "key", u.Key)
			}
		}
	}
	p.told = strings.Join(said, "\n")
	p.pokes.poke()
}

func lines(problems []managed.Problem) (out []string) {
	for _, p := range problems {
		out = append(out, p.String())
	}
	return out
}

// shown is the policy as the screens show and obey it.
func (p *policy) shown() ui.Managed {
	if p == nil {
		return ui.Managed{}
	}
	now := p.now()
	m := ui.Managed{
		Trouble: lines(managed.Problems(p.machine.Trouble())), Rules: rules(now), Idle: time.Duration(now.Int(managed.IdleLockSeconds)) * time.Second,
		Copying: copying[now.Text(managed.ClipboardPolicy)], SaveFiles: now.Bool(managed.AttachmentSave), Server: knownServer(now),
	}
	if now != nil {
		for _, u := range now.Unknown {
			m.Unknown = append(m.Unknown, u.Key)
		}
	}
	later := managed.Changed(p.atStart(), now)
	for _, s := range now.Settings() {
		m.Settings = append(m.Settings, ui.ManagedSetting{Title: s.Def.Title, Help: s.Def.Help, Value: said(s), Set: s.Managed, Origin: s.Origin,
			Later: s.Def.Restart && slices.Contains(later, s.Def.Key), Void: !s.Def.ObeyedHere()})
	}
	return m
}

var copying = map[string]ui.Copying{"allow": ui.CopyAnywhere, "internal": ui.CopyInside, "deny": ui.CopyNowhere}

// said is the value of a setting as the screens show it.
func said(s managed.Setting) any {
	everywhere := func(text string) map[string]string {
		words := map[string]string{}
		for _, l := range managed.Languages {
			words[l] = text
		}
		return words
	}
	switch v := s.Value.(type) {
	case nil:
		return map[string]string(s.Def.Left)
	case int:
		return time.Duration(v) * time.Second // the only numbers there are
	case string:
		if value, ok := s.Def.Value(v); ok {
			return map[string]string(value.Title)
		}
		return everywhere(v)
	case []string:
		return pinsShort(v)
	default:
		return v
	}
}

// pinsShort are pins as people compare them.
func pinsShort(list []string) []string {
	var out []string
	for _, text := range list {
		if p, ok := managed.Pin(text); ok {
			out = append(out, wire.Pin(p).Short())
		}
	}
	return out
}

// rules are what people can no longer choose.
func rules(p *managed.Policy) map[string]ui.Rule {
	out := map[string]ui.Rule{}
	lock := func(k managed.Key, setting, value string) {
		if s := p.Setting(k); s.Managed {
			out[setting] = ui.Rule{Value: value, Locked: true, Source: s.Origin}
		}
	}
	lock(managed.Locale, ui.SettingLanguage, p.Text(managed.Locale))
	lock(managed.Notifications, ui.SettingNotify, map[bool]string{true: "on", false: "off"}[p.Bool(managed.Notifications)])
	return out
}

// knownServer is the relay the policy names; nil when it names none.
func knownServer(p *managed.Policy) *ui.KnownServer {
	r := p.Relay()
	if r.Address == "" {
		return nil
	}
	return &ui.KnownServer{Address: r.Address, Pins: pinsShort(p.List(managed.RelayPin))}
}

// errOtherServer is returned for an enrolment string that leads to another relay than the policy's.
var errOtherServer = errors.New("the policy names another relay")

// invitation reads what a person pasted or typed: an enrolment string, or the code alone where the policy names the relay. Of
// a string only the code counts then. Pins are those the relay may show.
func (p *policy) invitation(text string) (e wire.Enrolment, pins []wire.Pin, err error) {
	r := p.now().Relay()
	for _, pin := range r.Pins {
		pins = append(pins, wire.Pin(pin))
	}
	e, err = wire.ParseEnrolment(text)
	switch {
	case err == nil && len(pins) == 0:
		return e, []wire.Pin{e.Pin}, nil
	case err == nil && !slices.Contains(pins, e.Pin):
		return e, nil, errOtherServer
	case err != nil && r.Address == "":
		return e, nil, err
	case err != nil:
		e = wire.Enrolment{Code: wire.CleanCode(strings.Join(strings.Fields(text), ""))}
		if len(e.Code) != wire.CodeLen || strings.Trim(e.Code, wire.CodeAlphabet) != "" {
			return e, nil, err
		}
	}
	if r.Address != "" {
		e.Relay = r.Address
	}
	return e, pins, nil
}

// enrolWith enrols at a relay that may show any of the pins: the key it was changed to may be among them. No code is spent on a
// relay that shows another one.
func enrolWith(ctx context.Context, e wire.Enrolment, pins []wire.Pin, cfg engine.EnrolConfig) (engine.Enrolled, error) {
	e.Pin = pins[0]
	got, err := engine.Enrol(ctx, e, cfg)
	var wrong *engine.WrongRelay
	if errors.As(err, &wrong) && slices.Contains(pins, wrong.Got) {
		e.Pin = wrong.Got
		return engine.Enrol(ctx, e, cfg)
	}
	return got, err
}

// relayOf is where a device dials: what the policy said when this run began, or else where it was enrolled. What the relay
// must show there is what it was enrolled with.
func (p *policy) relayOf(d store.Device) string {
	if r := p.atStart().Relay(); r.Address != "" {
		return r.Address
	}
	return d.Relay
}

// A printed is a key as --print-policy prints it.
type printed struct {
	Value   any    `json:"value"`
	Managed bool   `json:"managed"`
	Origin  string `json:"origin,omitempty"`
	Void    bool   `json:"noEffectHere,omitempty"`
}

// printPolicy writes what is in force as JSON, or what is wrong with it.
func printPolicy(source managed.Source, out io.Writer) error {
	p, err := managed.Open(source).Policy()
	var all struct {
		Sound    bool               `json:"sound"`
		Place    string             `json:"place"`
		Problems []string           `json:"problems,omitempty"`
		Unknown  []string           `json:"unknown,omitempty"`
		Policy   map[string]printed `json:"policy,omitempty"`
	}
	all.Sound, all.Place, all.Problems = err == nil, managed.Place, lines(managed.Problems(err))
	if err == nil {
		all.Unknown, all.Policy = lines(p.Unknown), map[string]printed{}
		for _, s := range p.Settings() {
			all.Policy[string(s.Def.Key)] = printed{s.Value, s.Managed, s.Origin, !s.Def.ObeyedHere()}
		}
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if e := enc.Encode(all); e != nil {
		return e
	}
	if err != nil {
		return exitCode{errors.New("the policy of this machine is broken, and the inbox stays closed; nothing is lost. Repair what is named above: it opens by itself then"), policyExit}
	}
	return nil
}

// checkPolicy judges a file as an administrator wrote it.
func checkPolicy(path string, out io.Writer) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	p, err := managed.Check(path, data, "")
	for _, line := range lines(managed.Problems(err)) {
		fmt.Fprintln(out, line)
	}
	if err != nil {
		return exitCode{errors.New("the file is not a policy this version would obey; nothing was changed. Repair what is named above"), policyExit}
	}
	set := 0
	for _, s := range p.Settings() {
		if s.Managed {
			set++
		}
	}
	fmt.Fprintf(out, "%s: sound, %d of %d keys set\n", path, set, len(managed.Defs()))
	return nil
}
