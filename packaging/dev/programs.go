package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// This file is the only place that knows how the house's programs are built and called: names, folders, flags,
// environment variables, and what they print. A flag that changes in app/ changes here and nowhere else.

// program is one thing we build.
type program struct {
	name string // of the binary
	path string // package, relative to the checkout
	cgo  bool
	tags string
}

var (
	relayProgram  = program{name: "sealdesk-relay", path: "./app/relay"}
	wasimProgram  = program{name: "wasim", path: "./app/wasim"}
	clientProgram = program{name: "sealdesk", path: "./app/sealdesk", cgo: true, tags: clientTags}
)

// windowTitle is how the driver finds the client's window: a pattern, because the title is neutral, counts what is unread
// and speaks the reader's language.
const windowTitle = "(Inbox|Posteingang|Posta in arrivo)$"

func (d *dev) binary(p program) string { return d.build("bin", p.name+exeSuffix()) }

// buildPrograms builds all programs of the house into build/bin.
func (d *dev) buildPrograms(ctx context.Context, log io.Writer) error {
	if err := os.MkdirAll(d.build("bin"), 0o755); err != nil {
		return err
	}
	for _, p := range []program{relayProgram, wasimProgram, clientProgram} {
		// A program that no longer builds must not be represented by its older self.
		if err := os.RemoveAll(d.binary(p)); err != nil {
			return err
		}
		args := []string{"build", "-o", d.binary(p)}
		if p.tags != "" {
			args = append(args, "-tags", p.tags)
		}
		if err := (call{dir: d.root, log: d.tee(log), env: []string{cgoEnv(p.cgo)}}).run(ctx, "go", append(args, p.path)...); err != nil {
			return fmt.Errorf("build %s: %w", p.name, err)
		}
	}
	return nil
}

// person is somebody of the demo company.
type person struct {
	Name string
	Role string // agent, supervisor: house.md's words
	Home string // folder name of the device below the demo's folder
}

var (
	demoAgent      = person{Name: "Tobias Brandt", Role: "agent", Home: "agent"}
	demoSupervisor = person{Name: "Ines Moretti", Role: "supervisor", Home: "supervisor"}
)

// company is the demo's state, kept in build/demo/company.json between runs: addresses and throw-away secrets.
type company struct {
	Devices     string // host:port where the relay meets devices, with TLS
	Webhooks    string // host:port where it takes webhooks, plain: a reverse proxy would stand in front
	Ops         string // host:port of metrics and health
	Graph       string // host:port wasim listens on
	Number      string // the company's WhatsApp number, digits, made up
	NumberID    string // Meta's id of it, made up
	Account     string // Meta's id of the company's account, made up
	AppSecret   string
	VerifyToken string
	AccessToken string
	Founded     bool // init is done
	Peopled     bool // person add is done

	dir string // where everything lies
}

func (c *company) path(parts ...string) string {
	return filepath.Join(append([]string{c.dir}, parts...)...)
}

func (c *company) config() string      { return c.path("relay", "relay.toml") }
func (c *company) identifiers() string { return c.path("run", "identifiers.jsonl") }

// identifiersOfCast is the list of the difficult people, who come when the ordinary ones have been talked to.
func (c *company) identifiersOfCast() string { return c.path("run", "identifiers-cast.jsonl") }
func (c *company) trace(p person) string {
	return c.path("run", p.Home+"-trace.txt")
}
func (c *company) frames(p person) string { return c.path("run", p.Home+"-frames.bin") }
func (c *company) home(p person) string   { return c.path(p.Home) }

// relayEnv hands the relay its secrets as an administrator would: by environment.
func (c *company) relayEnv() []string {
	return []string{
		"SEALDESK_APP_SECRET=" + c.AppSecret,
		"SEALDESK_VERIFY_TOKEN=" + c.VerifyToken,
		"SEALDESK_WHATSAPP_TOKEN=" + c.AccessToken,
	}
}

// relayInit makes the company: config and keys. Nothing is asked when everything is given.
func (c *company) relayInit() []string {
	return []string{"--config", c.config(), "init", "--public", c.Devices, "--devices", c.Devices, "--webhooks", c.Webhooks, "--ops", c.Ops,
		"--number", "+" + c.Number, "--phone-number-id", c.NumberID, "--account-id", c.Account, "--api", "http://" + c.Graph, "--no-sign-in"}
}

func (c *company) relayServe() []string { return []string{"--config", c.config(), "serve"} }

func (c *company) personAdd(p person) []string {
	return []string{"--config", c.config(), "person", "add", p.Name, "--role", p.Role}
}

func (c *company) enrol(p person) []string {
	return []string{"--config", c.config(), "enrol", p.Name, "--no-qr"}
}

// enrolment is the string a person pastes into the client; the relay prints it on a line of its own.
var enrolment = regexp.MustCompile(`(?m)^\s*(sealdesk:\S+)\s*$`)

func enrolmentIn(output string) (string, error) {
	m := enrolment.FindStringSubmatch(output)
	if m == nil {
		return "", &problem{happened: "the relay printed no enrolment string", tail: output}
	}
	return m[1], nil
}

// relayHealth is what answers 200 when the relay can serve.
func (c *company) relayHealth() string { return "http://" + c.Webhooks + "/healthz" }

func (c *company) wasimServe() []string {
	return []string{"--listen", c.Graph, "--webhook", "http://" + c.Webhooks + "/webhooks/whatsapp", "--display-number", c.Number,
		"--phone-number-id", c.NumberID, "--account", c.Account, "--review", "20", "--identifiers-out", c.identifiers()}
}

// wasimCast are the simulator's flags when the difficult people play: they pour out everything the leak scan looks for.
func (c *company) wasimCast() []string {
	args := c.wasimServe()
	return append(args[:len(args)-1], c.identifiersOfCast(), "--people", "cast", "--speed", "8", "--coexistence")
}

// relayLists are the relay's commands that print what it knows, for whoever runs it.
func (c *company) relayLists() [][]string {
	var all [][]string
	for _, words := range []string{"person list", "incident list --all", "request list --all", "template list", "doctor"} {
		all = append(all, append([]string{"--config", c.config()}, strings.Fields(words)...))
	}
	return all
}

func (c *company) wasimEnv() []string {
	return []string{"WASIM_APP_SECRET=" + c.AppSecret, "WASIM_VERIFY_TOKEN=" + c.VerifyToken, "WASIM_TOKEN=" + c.AccessToken}
}

// graph is where the simulator answers; it says something, if only that a token is missing, when it is up.
func (c *company) graph() string { return "http://" + c.Graph + "/" }

// client are the client's flags on one device. A non-empty enrolment string admits the device before the window opens.
func (c *company) client(p person, enrolment string, v variant) []string {
	args := []string{"--trace", c.trace(p), "--record-frames", c.frames(p)}
	if enrolment != "" {
		args = append(args, "--enrol", enrolment)
	}
	if v.theme != "" {
		args = append(args, "--theme", v.theme)
	}
	if v.text != 0 {
		args = append(args, "--text", fmt.Sprint(v.text))
	}
	if v.w != 0 {
		args = append(args, "--size", fmt.Sprintf("%dx%d", v.w, v.h))
	}
	return args
}

// milestones are the lines of the client's trace that journeys wait for.
const (
	seesWindow        = "window shown"
	seesInbox         = "inbox shown"
	seesEmpty         = "inbox empty"
	seesConversation  = "conversation opened"
	seesDraft         = "draft kept"
	seesSubmitted     = "intent submitted"
	seesSent          = "receipt sent"
	seesDelivered     = "receipt delivered"
	seesRead          = "receipt read"
	seesInbound       = "message shown"
	seesPalette       = "palette shown"
	seesFilter        = "filter shown"
	seesOverlayClosed = "overlay closed"
	seesContact       = "contact panel shown"
	seesNote          = "note shown"
	seesReply         = "reply shown"
	seesMessage       = "message chosen"
	seesMenu          = "menu shown"
	seesEmoji         = "emoji shown"
	seesHelp          = "help shown"
	seesSettings      = "settings shown"
	seesAssign        = "assign shown"
	seesTemplates     = "templates shown"
	seesEnrol         = "enrol shown"
	seesEnrolled      = "enrolled"
	seesOffline       = "state unreachable"
	seesOnline        = "state online"
)

// agentJourney is what demo --headless does in the window, by keyboard alone.
func agentJourney() []move {
	return []move{
		{name: "the window opens on the inbox", await: []string{seesWindow, seesInbox}, shot: "inbox"},
		{name: "open the first conversation", keys: []press{key("alt+Down")}, await: []string{seesConversation}, shot: "conversation"},
		{name: "write an answer", keys: []press{typed("Guten Morgen! Das machen wir gern. Wie alt ist das Haus?")}, await: []string{seesDraft}, shot: "draft"},
		{name: "send it", keys: []press{key("Return")}, await: []string{seesSubmitted, seesSent}, shot: "sent"},
		{name: "the ticks turn: delivered, then read", await: []string{seesDelivered, seesRead}, shot: "read"},
		{name: "the customer answers", await: []string{seesInbound}, limit: 2 * minute, shot: "answered"},
		{name: "choose that message, to quote it", keys: []press{key("Up"), key("r")}, await: []string{seesMessage, seesReply}},
		{name: "write the reply", keys: []press{typed("Danke! Passt Donnerstag um 10 Uhr?")}, await: []string{seesDraft}, shot: "reply"},
		{name: "send it", keys: []press{key("Return")}, await: []string{seesSubmitted, seesSent}},
		{name: "take the conversation", keys: []press{key("ctrl+k"), typed("assign to me"), key("Return")}, await: []string{seesPalette, seesSubmitted}, shot: "taken"},
		{name: "write a note to colleagues", keys: []press{key("ctrl+shift+n"), typed("Site visit first, then the offer.")}, await: []string{seesNote}, shot: "note"},
		{name: "keep it", keys: []press{key("Return")}, await: []string{seesSubmitted}},
		{name: "the customer answers again", await: []string{seesInbound}, limit: 2 * minute},
		{name: "ask what can be done with that message", keys: []press{key("Up"), key("Return")}, await: []string{seesMessage, seesMenu}, shot: "menu"},
		{name: "react to it", keys: []press{key("Right"), key("Return")}, await: []string{seesSubmitted}},
		{name: "choose a template", keys: []press{key("Escape"), key("ctrl+t"), typed("follow")}, await: []string{seesTemplates}, shot: "templates"},
		{name: "fill it with what the relay knows, and send it", keys: []press{key("Return"), typed("{{contact.first_name}}"), key("Return"), key("Return")}, await: []string{seesSubmitted, seesSent}, shot: "template-sent"},
		{name: "show every conversation", keys: []press{key("Escape"), key("ctrl+k"), typed("show all"), key("Return")}, await: []string{seesPalette, seesFilter}, shot: "window"},
		{name: "open the palette", keys: []press{key("ctrl+k")}, await: []string{seesPalette}, shot: "palette"},
		{name: "close it and go to the next conversation", keys: []press{key("Escape"), key("alt+Down")}, await: []string{seesConversation}, shot: "next"},
	}
}

// darkJourney is the pair of pictures that demo --headless takes in the dark.
func darkJourney() []move {
	return []move{
		{name: "the same inbox in the dark", await: []string{seesWindow, seesInbox}, shot: "dark-inbox"},
		{name: "and a conversation", keys: []press{key("alt+Down")}, await: []string{seesConversation}, shot: "dark-conversation"},
	}
}

// shotJourney is what shots does in each size, theme and language.
func shotJourney() []move {
	return []move{
		{name: "inbox", await: []string{seesWindow, seesInbox}, shot: "inbox"},
		{name: "conversation", keys: []press{key("alt+Down")}, await: []string{seesConversation}, shot: "conversation"},
		{name: "note", keys: []press{key("ctrl+shift+n")}, await: []string{seesNote}, shot: "note"},
		{name: "message menu", keys: []press{key("Escape"), key("Up"), key("Return")}, await: []string{seesMessage, seesMenu}, shot: "menu"},
		{name: "emoji", keys: []press{key("Escape"), key("ctrl+e")}, await: []string{seesOverlayClosed, seesEmoji}, shot: "emoji"},
		{name: "contact panel, or none", keys: []press{key("Escape"), key("ctrl+i")}, await: []string{seesOverlayClosed}, shot: "contact"},
		{name: "palette", keys: []press{key("ctrl+i"), key("ctrl+k")}, await: []string{seesPalette}, shot: "palette"},
		{name: "assign", keys: []press{key("Escape"), key("ctrl+shift+a")}, await: []string{seesOverlayClosed, seesAssign}, shot: "assign"},
		{name: "shortcuts", keys: []press{key("Escape"), key("F1")}, await: []string{seesOverlayClosed, seesHelp}, shot: "help"},
		{name: "settings", keys: []press{key("Escape"), key("ctrl+comma")}, await: []string{seesSettings}, shot: "settings"},
	}
}

// whatToDo is what a newcomer reads when the window is open.
func (c *company) whatToDo() []string {
	return strings.Split(strings.TrimSpace(fmt.Sprintf(`
You are %s, an agent. The window shows what customers write through the simulator.
  * Open a conversation with Alt+Down, write, press Enter: the customer answers within seconds.
  * Ctrl+K finds people and actions; F1 shows all keys.
  * Play a customer yourself, or break something, at http://%s/play
  * No number, address or WhatsApp id of a customer is on this device; %s holds them.
Logs: build/demo/log. State is kept for the next run; --fresh begins anew. Ctrl+C stops everything.`,
		demoAgent.Name, c.Graph, "the relay's vault")), "\n")
}
