package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sealdesk/packaging/dev/leak"
)

// This file is what a journey proves of a laptop that is locked, that loses the server, and that is wiped.

func (p *play) lock(ctx context.Context, _ *os.File) error {
	s, a, w := p.s, p.s.account(demoAgent), p.agent
	// A message is copied: of other letters than the recovery codes, which may still be there from another window.
	copyIt := []press{key("Up"), key("c"), copied(`(?s).*[^0-9A-Z\s-].*`, func(string) {})}
	if err := w.make(ctx, append([]move{{name: "copy a message", keys: copyIt, await: []string{seesMessage}}}, lockMoves(a)...)...); err != nil {
		return err
	}
	// What was copied went with the inbox.
	if text, err := w.clipboard(ctx); err == nil && strings.TrimSpace(text) != "" {
		return &problem{happened: "the clipboard outlives the lock"}
	}
	s.relay.stop(10 * time.Second)
	err := w.make(ctx,
		move{name: "the server is gone", await: []string{seesOffline}},
		move{name: "lock the window", keys: []press{key("ctrl+shift+l")}, await: []string{seesLock, seesLockReady}},
		move{name: "unlock it without the server", keys: []press{typed(a.password), key("Return")}, await: []string{seesUnlockAnswer, seesInbox}, never: []string{seesSignIn}, shot: "unlocked-offline"})
	if err != nil {
		return err
	}
	w.client.stop(10 * time.Second)
	if err := s.show(ctx, w, demoAgent, p.agentEnv, light); err != nil {
		return err
	}
	if err := w.make(ctx, move{name: "opened anew: the lease holds, nobody is asked", await: []string{seesWindow, seesInbox, seesOffline}, never: asking, shot: "reopened-offline"}); err != nil {
		return err
	}
	if err := s.startRelay(ctx, nil); err != nil {
		return err
	}
	return w.make(ctx, move{name: "the server is back", await: []string{seesOnline}, never: asking, limit: 2 * minute})
}

// devices are those of the people.
func (s *stage) devices(ctx context.Context, log *os.File, people ...person) (list []device, err error) {
	out, err := s.relayCall(log).output(ctx, s.d.binary(relayProgram), s.c.deviceList()...)
	if err == nil {
		err = json.Unmarshal([]byte(out), &list)
	}
	return slices.DeleteFunc(list, func(x device) bool {
		return !slices.ContainsFunc(people, func(p person) bool { return p.Name == x.Person })
	}), err
}

// christen gives a person's newest device the name the company knows it by.
func (s *stage) christen(ctx context.Context, log *os.File, p person) (device, error) {
	list, err := s.devices(ctx, log, p)
	if err != nil {
		return device{}, err
	}
	for _, x := range list {
		if x.Excluded == "" && x.Wipe == nil {
			x.Name = p.laptop()
			return x, s.relayCall(log).run(ctx, s.d.binary(relayProgram), s.c.deviceRename(x.ID, x.Name)...)
		}
	}
	return device{}, &problem{happened: "the relay lists no device for somebody whose window is open"}
}

// toAgents turns a supervisor's window to the page of devices, which go by name, and chooses the agent's.
func (s *stage) toAgents(ctx context.Context, log *os.File, supervisor person) ([]move, error) {
	list, err := s.devices(ctx, log, supervisor, demoAgent)
	slices.SortFunc(list, func(a, b device) int {
		gone := func(x device) string { return fmt.Sprint(x.Excluded != "" || x.Wipe != nil) } // false comes first
		return cmp.Or(strings.Compare(gone(a), gone(b)), strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)))
	})
	place := slices.IndexFunc(list, func(x device) bool { return x.Person == demoAgent.Name })
	if err == nil && place < 0 {
		err = &problem{happened: "the relay lists no device of the agent"}
	}
	return toDevice(place), err
}

func (p *play) wipe(ctx context.Context, log *os.File) error {
	s := p.s
	if err := p.join(ctx); err != nil {
		return err
	}
	if err := p.supervisor.online(ctx); err != nil { // the server was gone a moment ago
		return err
	}
	if _, err := s.christen(ctx, log, demoSupervisor); err != nil {
		return err
	}
	laptop, err := s.christen(ctx, log, demoAgent)
	if err != nil {
		return err
	}
	p.wiped = laptop.ID

	// What is looked for afterwards must have been there before, or nothing would be proven.
	texts, err := s.written(ctx)
	if err != nil {
		return err
	}
	if err := s.knows(s.c.frames(demoAgent), texts); err != nil {
		return err
	}
	if n, err := keyringItems(ctx, p.agentEnv); err != nil || n == 0 {
		return &problem{happened: "the agent's keyring has no item before the wipe", err: err}
	}
	image := processImage(p.agent.client)

	order, err := s.toAgents(ctx, log, demoSupervisor)
	if err != nil {
		return err
	}
	order = append(order,
		move{name: "wipe it", keys: []press{key("Return")}, await: []string{seesWipeDialog}, shot: "wipe-dialog"},
		move{name: "say why, and its name", keys: []press{key("Down"), key("Tab"), typed(laptop.Name)}, await: []string{}, rest: true, shot: "wipe-confirm"},
		move{name: "do it", keys: []press{key("Return")}, await: []string{seesWipeOrdered, seesWipeAnswer}})
	if err := p.supervisor.make(ctx, order...); err != nil {
		return err
	}
	start := time.Now()
	err = until(ctx, minute, 100*time.Millisecond, func() (bool, error) {
		list, err := s.devices(ctx, nil, demoAgent)
		i := slices.IndexFunc(list, func(x device) bool { return x.ID == laptop.ID })
		return err == nil && i >= 0 && list[i].Wipe != nil && list[i].Wipe.Proven != "", err
	})
	if err != nil {
		return &problem{happened: "the relay has no receipt of the wipe", err: err, tail: tailOf(p.agent.client.logPath, 20)}
	}
	s.d.out.say("      the laptop's receipt is there %s after the order", since(time.Since(start)))
	// The agent's program ended what it was and began anew, with a window of its own, in front of the other.
	if err := p.agent.await(ctx, []string{seesWindow, seesWiped, seesWipeProven}, minute); err != nil {
		return err
	}
	if err := p.agent.findWindow(ctx, windowTitle); err != nil {
		return err
	}
	if image != "" && processImage(p.agent.client) == image {
		return &problem{happened: "the program that held the inbox in memory is still the same one"}
	}
	if err := p.agent.make(ctx, move{name: "the agent reads what was done", rest: true, shot: "wiped"}); err != nil {
		return err
	}
	if err := p.supervisor.make(ctx, move{name: "and the supervisor: wiped, proven", keys: []press{key("ctrl+4")}, await: []string{seesDevicesPage, seesDevices}, rest: true, shot: "wipe-proven"}); err != nil {
		return err
	}
	return p.nothingLeft(ctx, texts)
}

// nothingLeft looks at what the wiped laptop still has.
func (p *play) nothingLeft(ctx context.Context, texts []identifier) error {
	s := p.s
	if n, err := keyringItems(ctx, p.agentEnv); err != nil || n > 0 {
		return &problem{happened: fmt.Sprintf("the keyring of the wiped laptop has %d items", n), err: err}
	}
	// The program logs again, and knows why there is no inbox.
	var left []string
	data := filepath.Join(s.c.home(demoAgent), ".local", "share", "sealdesk")
	files, err := os.ReadDir(data)
	if err != nil {
		return err
	}
	for _, f := range files {
		if info, err := f.Info(); err == nil && f.Name() == "crash.raw" && info.Size() == 0 {
			continue // where a crash of the program that now runs would go
		}
		if !slices.Contains([]string{"sealdesk.log", "wiped.json"}, f.Name()) {
			left = append(left, f.Name())
		}
	}
	if len(left) > 0 {
		return &problem{happened: "the wiped laptop still has " + strings.Join(left, ", ")}
	}
	ids, err := readIdentifiers(s.c.identifiers())
	if err != nil {
		return err
	}
	return s.d.scanFor("identifier, text or secret", slices.Concat(ids, texts, s.account(demoAgent).secrets()), s.c.home(demoAgent))
}

// written is every text and name of the conversations so far, as the simulator tells it, and what the agent wrote.
func (s *stage) written(ctx context.Context) ([]identifier, error) {
	people, _, err := s.look(ctx, "")
	if err != nil {
		return nil, err
	}
	var all []identifier
	add := func(kind, text string) {
		id := identifier{kind, text}
		if len(text) >= 8 && !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	for _, p := range people {
		add("name", p.Name)
		_, texts, err := s.look(ctx, p.Key)
		if err != nil {
			return nil, err
		}
		for _, t := range texts {
			add("text", t)
		}
	}
	for _, m := range agentJourney() {
		for _, k := range m.keys {
			if strings.Contains(k.text, " ") && len(k.text) > 20 {
				add("text", k.text)
			}
		}
	}
	return all, nil
}

// knows says that most of the texts were told to a laptop: what its frames do not hold cannot be missing from it later.
func (s *stage) knows(frames string, texts []identifier) error {
	var canaries []leak.Canary
	for _, t := range texts {
		canaries = append(canaries, leak.Canary{Class: t.Kind, Value: t.Value})
	}
	c, err := leak.New(canaries).Tree(frames)
	if err != nil {
		return err
	}
	known := map[int]bool{}
	for _, h := range c.Hits {
		known[h.Index] = true
	}
	s.d.out.say("      the laptop was told %d of %d texts and names", len(known), len(texts))
	if len(known) < 10 || len(known) < len(texts)/2 {
		return &problem{happened: "the laptop knows too little for a wipe to prove anything"}
	}
	return nil
}

// keyringItems is how many items of ours a keyring has.
func keyringItems(ctx context.Context, env []string) (int, error) {
	out, err := call{env: env}.output(ctx, "secret-tool", "search", "--all", "service", "sealdesk")
	if err != nil {
		return 0, err
	}
	return strings.Count(out, "label = "), nil
}

// processImage tells a program that was put in the place of another from that one, though it has its number: where the kernel
// put its stack. It is "" where nobody may know.
func processImage(p *process) string {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/auxv", p.cmd.Process.Pid))
	if err != nil {
		return ""
	}
	return string(raw)
}

func (p *play) again(ctx context.Context, log *os.File) error {
	s, w := p.s, p.agent
	if p.wiped == "" {
		return skipped{"the laptop was not wiped"}
	}
	code, err := s.invite(ctx, log, demoAgent)
	if err != nil {
		return err
	}
	s.codes[demoAgent.Home] = ""
	if err := w.make(ctx, move{name: "set the laptop up again", keys: []press{key("Return")}, await: []string{seesEnrol}, shot: "enrol"}); err != nil {
		return err
	}
	if err := w.make(ctx, enrolMove(code)); err != nil {
		return err
	}
	if err := w.make(ctx, signIn(s.account(demoAgent), key("Return"))...); err != nil {
		return err
	}
	if err := w.make(ctx,
		move{name: "the inbox is back", await: []string{seesInbox}, shot: "inbox-again"},
		move{name: "and its conversations", keys: []press{key("alt+Down")}, await: []string{seesConversation}, shot: "conversation-again"}); err != nil {
		return err
	}
	_, err = s.christen(ctx, log, demoAgent)
	return err
}

func (p *play) proof(ctx context.Context, log *os.File) error {
	s := p.s
	if p.wiped == "" {
		return skipped{"no laptop was wiped"}
	}
	if err := p.supervisor.make(ctx, move{name: "the supervisor reads the audit log", keys: []press{key("ctrl+5")}, await: []string{seesAuditPage, seesAudit}, shot: "audit"}); err != nil {
		return err
	}
	relay := func(args []string) (string, error) {
		return s.relayCall(log).output(ctx, s.d.binary(relayProgram), args...)
	}
	found, err := relay(s.c.auditSearch())
	if err != nil {
		return err
	}
	for _, act := range []string{"sign-in.password-set", "sign-in.second-set", "sign-in.recovery-kept", "sign-in.done", "device.renamed", "wipe.ordered", "wipe.half-destroyed", "wipe.proven"} {
		if !strings.Contains(found, `"`+act+`"`) {
			return &problem{happened: "the audit log has no " + act}
		}
	}
	verdict, err := relay(s.c.auditVerify())
	if err != nil {
		return &problem{happened: "the audit log does not verify", err: err, tail: verdict}
	}
	file := s.c.path("run", "wipe-proof")
	if _, err := relay(s.c.receiptSave(p.wiped, file)); err != nil {
		return err
	}
	key, err := relay(s.c.receiptKey())
	if err != nil {
		return err
	}
	// The proof is judged where there is no relay: no config, no secrets.
	verify := call{dir: s.c.path("run"), log: log}
	if _, err := verify.output(ctx, s.d.binary(relayProgram), s.c.receiptVerify(file, strings.TrimSpace(key))...); err != nil {
		return &problem{happened: "the proof of the wipe does not verify", err: err}
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	at := bytes.LastIndexAny(raw, "abcdefghijk")
	if at < 0 {
		return &problem{happened: "the proof has no letter to forge"}
	}
	raw[at]++
	forged := file + "-forged"
	if err := os.WriteFile(forged, raw, 0o600); err != nil {
		return err
	}
	if _, err := (call{dir: s.c.path("run"), log: log}).output(ctx, s.d.binary(relayProgram), s.c.receiptVerify(forged, strings.TrimSpace(key))...); err == nil {
		return &problem{happened: "a proof with one letter changed verifies"}
	}
	return nil
}
