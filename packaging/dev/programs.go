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
	Name   string
	Role   string // agent, supervisor: house.md's words
	Home   string // folder name of the device below the demo's folder; "" has none
	Team   string
	Inbox  string // where that one works; "" is everywhere
	Speaks string // languages, apart by spaces
}

// laptop is what the company calls a person's device: by the machine's own name one would look like the other.
func (p person) laptop() string {
	words := strings.Fields(p.Name)
	return "Laptop " + words[len(words)-1]
}

var (
	demoAgent      = person{Name: "Tobias Brandt", Role: "agent", Home: "agent", Team: salesTeam, Speaks: "de en"}
	demoSupervisor = person{Name: "Ines Moretti", Role: "supervisor", Home: "supervisor", Team: salesTeam, Speaks: "it de en"}
	demoColleague  = person{Name: "Clara Neumann", Role: "agent", Team: "service", Inbox: "service", Speaks: "de it"} // never there
)

// salesTeam is whom the demo's supervisors look after.
const salesTeam = "sales"

// company is the demo's state, kept in build/demo/company.json between runs: addresses and throw-away secrets.
type company struct {
	Devices     string // host:port where the relay meets devices, with TLS
	Webhooks    string // host:port where it takes webhooks, plain: a reverse proxy would stand in front
	Ops         string // host:port of metrics and health
	Graph       string // host:port wasim listens on
	Number      string // the company's WhatsApp number, digits, made up
	NumberID    string // Meta's id of it, made up
	Service     string // its second one, for who has bought already
	ServiceID   string // Meta's id of that
	Account     string // Meta's id of the company's account, made up
	AppSecret   string
	VerifyToken string
	AccessToken string
	Founded     bool // init is done
	Peopled     bool // person add is done
	Age         int  // companyAge when it was founded

	dir string // where everything lies
}

// companyAge changes when a company of an earlier run can no longer be gone on with.
const companyAge = 3

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
		"--number", "+" + c.Number, "--phone-number-id", c.NumberID, "--account-id", c.Account, "--api", "http://" + c.Graph}
}

// configure says how the company works: its name, within how many minutes customers should have an answer, whether people sign
// in with a second factor, and the inbox of its second number.
func (c *company) configure(second bool) error {
	raw, err := os.ReadFile(c.config())
	if err != nil {
		return err
	}
	text := string(raw)
	for was, is := range map[string]string{
		"# answer_minutes = 30": "answer_minutes = 30",
		"second_factor = true":  fmt.Sprint("second_factor = ", second),
		`company = ""`:          `company = "Sealdesk Demo"`,
	} {
		if strings.Count(text, "\n"+was+"\n") != 1 {
			return &problem{happened: "the relay's config has no line " + was + " to change"}
		}
		text = strings.Replace(text, "\n"+was+"\n", "\n"+is+"\n", 1)
	}
	return os.WriteFile(c.config(), []byte(text+fmt.Sprintf(serviceInbox, c.ServiceID, c.Account, c.Service)), 0o600)
}

// serviceInbox is the second inbox. Unlike the first it is not always staffed, conversations are given to whoever has fewest, and
// customers are asked how it went.
const serviceInbox = `
[[inbox]]
id = "service"
name = "Service"
phone_number_id = %q
account_id = %q
number = "+%s"
answer_minutes = 60
assign = "least-busy"
rating = true
[inbox.hours]
zone = "Europe/Berlin"
monday = ["08:00-18:00"]
tuesday = ["08:00-18:00"]
wednesday = ["08:00-18:00"]
thursday = ["08:00-18:00"]
friday = ["08:00-16:00"]
[inbox.away]
en = "Thank you for your message. Nobody is here just now: our service is open Monday to Friday, from 8 in the morning."
de = "Vielen Dank für Ihre Nachricht. Gerade ist niemand hier: Unser Service ist Montag bis Freitag ab 8 Uhr da."
it = "Grazie per il messaggio. Ora non c'è nessuno: l'assistenza è aperta da lunedì a venerdì, dalle 8."
`

func (c *company) relayServe() []string { return []string{"--config", c.config(), "serve"} }

func (c *company) personAdd(p person) []string {
	args := []string{"--config", c.config(), "person", "add", p.Name, "--role", p.Role, "--team", p.Team}
	if p.Inbox != "" {
		args = append(args, "--inbox", p.Inbox)
	}
	return args
}

func (c *company) personLanguages(p person) []string {
	return append([]string{"--config", c.config(), "person", "languages", p.Name}, strings.Fields(p.Speaks)...)
}

func (c *company) enrol(p person) []string {
	return []string{"--config", c.config(), "enrol", p.Name, "--no-qr"}
}

func (c *company) deviceList() []string {
	return []string{"--config", c.config(), "device", "list", "--json"}
}

func (c *company) deviceRename(id, name string) []string {
	return []string{"--config", c.config(), "device", "rename", id, name}
}

func (c *company) wipe(id, why string) []string {
	return []string{"--config", c.config(), "wipe", id, "--why", why}
}

// device is a device as the relay lists it.
type device struct {
	ID, Name, Person, Excluded string
	Online                     bool
	Wipe                       *struct {
		Level  int
		Proven string
	}
}

func (c *company) auditVerify() []string { return []string{"--config", c.config(), "audit", "verify"} }

func (c *company) auditSearch() []string {
	return []string{"--config", c.config(), "audit", "search", "--limit", "500", "--json"}
}

func (c *company) receiptSave(id, file string) []string {
	return []string{"--config", c.config(), "receipt", "save", id, "--out", file}
}

func (c *company) receiptKey() []string { return []string{"--config", c.config(), "receipt", "key"} }

func (c *company) receiptVerify(file, key string) []string {
	return []string{"receipt", "verify", file, "--key", key}
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
		"--phone-number-id", c.NumberID, "--account", c.Account, "--also", c.ServiceID + ":" + c.Service + ":Sealdesk Demo Service", "--review", "20", "--coexistence", "--identifiers-out", c.identifiers()}
}

// wasimCast are the simulator's flags when the difficult people play: they pour out everything the leak scan looks for.
func (c *company) wasimCast() []string {
	args := c.wasimServe()
	return append(args[:len(args)-1], c.identifiersOfCast(), "--people", "cast", "--speed", "8")
}

// relayLists are the relay's commands that print what it knows, for whoever runs it.
func (c *company) relayLists() [][]string {
	var all [][]string
	for _, words := range []string{"person list", "device list", "incident list --all", "request list --all", "audit search --limit 500", "template list", "doctor"} {
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

// whatToDo is what a newcomer reads when the window is open.
func (c *company) whatToDo() []string {
	return strings.Split(strings.TrimSpace(fmt.Sprintf(`
You are %s, an agent, and signed in. The window shows what customers write to two numbers, Sales and Service.
  * Open a conversation with Alt+Down, write, press Enter: the customer answers within seconds.
  * "/" offers quick replies: /number says which number the company has, and you do not see it. Ctrl+Shift+T tags.
  * Ctrl+K finds people and actions; F1 shows all keys, and from there a tour of five cards.
  * Ctrl+Shift+F searches every message, Ctrl+Shift+S puts a conversation off, Ctrl+Shift+N writes a note in which
    @Ines asks a colleague to look. With --both she has a window of her own: what you ask to see she decides, and
    Ctrl+9 is her board. Her password is yours.
  * Sales should answer within 30 minutes. In Service, who is there is given what comes, customers who write out of
    hours are told so, and whoever's conversation you close (Ctrl+Shift+E) is asked how it went.
  * Ctrl+Shift+L locks the window, as ten minutes without you do. Your password, now and at the next sign-in: %s
    (This company asks for no second factor, second_factor = false in its relay.toml, so that you need no telephone.)
  * Play a customer yourself, or break something, at http://%s/play
  * No number, address or WhatsApp id of a customer is on this device; %s holds them.
Logs: build/demo/log. State is kept for the next run; --fresh begins anew. Ctrl+C stops everything.`,
		demoAgent.Name, demoPassword, c.Graph, "the relay's vault")), "\n")
}
