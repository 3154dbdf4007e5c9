package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay"
	"sealdesk/sync/wire"
)

type deviceCmd struct {
	List     deviceListCmd     `cmd:"" help:"List laptops, whose they are, when they were last here, and what became of their wipe."`
	Rename   deviceRenameCmd   `cmd:"" help:"Give a laptop another name."`
	Reimaged deviceReimagedCmd `cmd:"" help:"Say that the machine of a wiped laptop was set up anew."`
	Holdings deviceHoldingsCmd `cmd:"" help:"What was on a laptop: which conversations, how many messages, what was revealed. For a breach report; it is audited."`
}

type deviceListCmd struct {
	Person string `help:"Only this person's." placeholder:"NAME"`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// deviceLine is a device as --json prints it.
type deviceLine struct {
	ID       inbox.DeviceID `json:"id"`
	Name     string         `json:"name"`
	Person   string         `json:"person"`
	App      string         `json:"app,omitempty"`
	System   string         `json:"system,omitempty"`
	Release  string         `json:"release,omitempty"`
	Disk     string         `json:"disk_encrypted,omitempty"` // yes, no, or not known
	Keyring  string         `json:"keyring,omitempty"`
	Enrolled string         `json:"enrolled"`
	Seen     string         `json:"seen,omitempty"`
	Online   bool           `json:"online"`
	SignedIn string         `json:"signed_in_until,omitempty"`
	Lease    string         `json:"lease_until,omitempty"`
	Twice    string         `json:"seen_twice,omitempty"`
	Excluded string         `json:"excluded,omitempty"`
	Wipe     *wipeLine      `json:"wipe,omitempty"`
}

type wipeLine struct {
	ID        inbox.WipeID `json:"id"`
	Level     int          `json:"level"`
	Means     string       `json:"means"`
	Why       string       `json:"why"`
	Ordered   string       `json:"ordered"`
	Half      string       `json:"half_destroyed,omitempty"`
	Dark      string       `json:"unreadable_from,omitempty"`
	Started   string       `json:"started,omitempty"`
	Proven    string       `json:"proven,omitempty"`
	Reimaged  string       `json:"reimaged,omitempty"`
	Cancelled string       `json:"cancelled,omitempty"`
	Left      int          `json:"left,omitempty"` // what could not be destroyed
}

func wipeLineOf(w inbox.Wipe) *wipeLine {
	left := 0
	for _, s := range w.Steps {
		left += s.Left
	}
	return &wipeLine{
		ID: w.ID, Level: int(w.Level), Means: wipeMeans(w, time.Now()), Why: whyName(w.Why), Ordered: exactly(w.Ordered), Half: exactly(w.Half),
		Dark: exactly(w.Dark), Started: exactly(w.Started), Proven: exactly(w.Proven), Reimaged: exactly(w.Reimaged), Cancelled: exactly(w.Cancelled), Left: left,
	}
}

func (c deviceListCmd) Run(e *env) error {
	return e.admin(func(a relay.Admin) error {
		list, err := a.ListDevices(e.ctx, c.Person)
		if err != nil {
			return e.explain(err, c.Person)
		}
		people, err := a.People(e.ctx)
		if err != nil {
			return err
		}
		names := map[inbox.PersonID]string{}
		for _, p := range people {
			names[p.ID] = p.Name
		}
		if c.JSON {
			lines := make([]deviceLine, 0, len(list))
			for _, d := range list {
				line := deviceLine{
					ID: d.ID, Name: d.Name, Person: names[d.Person], App: d.App, System: d.System, Release: d.Posture.Release,
					Disk: judged(d.Posture.Disk), Keyring: d.Posture.Keyring, Enrolled: exactly(d.Enrolled), Seen: exactly(d.Seen), Online: d.Online,
					SignedIn: exactly(d.SignedIn), Lease: exactly(d.Lease), Twice: exactly(d.Twice), Excluded: exactly(d.Revoked),
				}
				if d.Wipe != nil {
					line.Wipe = wipeLineOf(*d.Wipe)
				}
				lines = append(lines, line)
			}
			return e.json(lines)
		}
		if len(list) == 0 {
			fmt.Fprintln(e.out, "No laptop yet. Let one in with: sealdesk-relay enrol NAME")
			return nil
		}
		t := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "ID\tNAME\tPERSON\tSYSTEM\tAPP\tDISK ENCRYPTED\tLAST HERE\tSTATE")
		for _, d := range list {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", d.ID, d.Name, names[d.Person], dash(d.System), dash(d.App), judged(d.Posture.Disk), lastHere(d), stateOfDevice(d))
		}
		return t.Flush()
	})
}

func lastHere(d inbox.Device) string {
	switch {
	case d.Online:
		return "now"
	case d.Seen == 0:
		return "never"
	}
	return stamp(d.Seen)
}

func stateOfDevice(d inbox.Device) string {
	switch {
	case d.Wipe != nil:
		return wipeMeans(*d.Wipe, time.Now())
	case d.Revoked != 0:
		return "excluded " + stamp(d.Revoked)
	case d.Twice != 0:
		return "its key was seen in two places " + stamp(d.Twice)
	}
	return "in use"
}

func judged(j inbox.Judgment) string {
	switch j {
	case inbox.Holds:
		return "yes"
	case inbox.Fails:
		return "no"
	}
	return "not known"
}

// wipeMeans says what is proven of a wipe. Nothing that is not proven is called wiped.
func wipeMeans(w inbox.Wipe, now time.Time) string {
	if w.Cancelled != 0 {
		return "wipe cancelled " + stamp(w.Cancelled)
	}
	dark := ""
	switch {
	case w.Dark == 0:
	case w.Dark > inbox.At(now):
		dark = ", unreadable from " + stamp(w.Dark)
	default:
		dark = ", unreadable since " + stamp(w.Dark)
	}
	switch w.Level {
	case inbox.WipeWaits:
		return "wipe waits for a second person, nothing was done yet"
	case inbox.WipeOrdered:
		return "wipe ordered, nothing is proven yet"
	case inbox.WipeHalfGone:
		return "wipe ordered" + dark
	case inbox.WipeStarted:
		return "wipe begun by the laptop" + dark
	case inbox.WipeProven:
		return "wiped " + stamp(w.Proven) + ", receipt verified" + dark
	}
	if w.Proven == 0 {
		return "machine set up anew " + stamp(w.Reimaged) + ", says IT" + dark
	}
	return "wiped " + stamp(w.Proven) + ", receipt verified, and nobody can read a copy" + dark
}

type deviceRenameCmd struct {
	Device string `arg:"" help:"The laptop, by id or name."`
	Name   string `arg:"" help:"What people shall call it."`
}

func (c deviceRenameCmd) Run(e *env) error {
	return e.admin(func(a relay.Admin) error {
		d, err := a.RenameDevice(e.ctx, c.Device, c.Name)
		if err != nil {
			return explainDevice(err, c.Device)
		}
		fmt.Fprintf(e.out, "The laptop is now called %q.\n", d.Name)
		return nil
	})
}

type deviceReimagedCmd struct {
	Device string `arg:"" help:"The laptop, by id or name."`
}

func (c deviceReimagedCmd) Run(e *env) error {
	return e.admin(func(a relay.Admin) error {
		w, err := a.ReimagedDevice(e.ctx, c.Device)
		if err != nil {
			return explainDevice(err, c.Device)
		}
		fmt.Fprintf(e.out, "Written down. %s: %s.\n", c.Device, wipeMeans(w, time.Now()))
		return nil
	})
}

type deviceHoldingsCmd struct {
	Device string `arg:"" help:"The laptop, by id or name."`
	From   string `help:"From when on: 2026-03-01 or 2026-03-01T09:00; from the beginning when left out." placeholder:"TIME"`
	To     string `help:"Until when; now when left out." placeholder:"TIME"`
	JSON   bool   `name:"json" help:"Print JSON."`
}

type holdingLine struct {
	Inbox        inbox.InboxID        `json:"inbox"`
	Conversation inbox.ConversationID `json:"conversation"`
	Messages     int                  `json:"messages"`
	First        string               `json:"first,omitempty"`
	Last         string               `json:"last,omitempty"`
	Revealed     []string             `json:"revealed,omitempty"`
}

func (c deviceHoldingsCmd) Run(e *env) error {
	from, err := momentOf(c.From)
	if err != nil {
		return err
	}
	to, err := momentOf(c.To)
	if err != nil {
		return err
	}
	return e.admin(func(a relay.Admin) error {
		list, err := a.Holdings(e.ctx, c.Device, from, to)
		if err != nil {
			return explainDevice(err, c.Device)
		}
		lines := make([]holdingLine, 0, len(list))
		messages, revealed := 0, 0
		for _, h := range list {
			line := holdingLine{Inbox: h.Inbox, Conversation: h.Conversation, Messages: h.Messages, First: exactly(h.First), Last: exactly(h.Last)}
			for _, f := range h.Revealed {
				line.Revealed = append(line.Revealed, fieldName(f))
			}
			messages, revealed = messages+h.Messages, revealed+len(h.Revealed)
			lines = append(lines, line)
		}
		if c.JSON {
			return e.json(lines)
		}
		if len(list) == 0 {
			fmt.Fprintln(e.out, "Nothing that anybody could read was on it.")
			return nil
		}
		t := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "INBOX\tCONVERSATION\tMESSAGES\tFIRST\tLAST\tREVEALED")
		for i, h := range list {
			first, last := "-", "-"
			if h.Messages > 0 {
				first, last = stamp(h.First), stamp(h.Last)
			}
			fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\n", h.Inbox, h.Conversation, h.Messages, first, last, dash(strings.Join(lines[i].Revealed, ", ")))
		}
		if err := t.Flush(); err != nil {
			return err
		}
		fmt.Fprintf(e.out, "\n%d conversations with %d messages, all masked; %d fields were shown in the clear.\n", len(list), messages, revealed)
		return nil
	})
}

func fieldName(f inbox.Field) string {
	names := map[inbox.Field]string{inbox.FieldName: "name", inbox.FieldPhone: "phone", inbox.FieldEmail: "email", inbox.FieldUsername: "username"}
	if name := names[f]; name != "" {
		return name
	}
	return fmt.Sprint("field ", int(f))
}

type wipeCmd struct {
	Device string `arg:"" help:"The laptop, by id or name; see: sealdesk-relay device list."`
	Why    string `required:"" enum:"leaving,lost,suspected,replaced,other" help:"Why: leaving, lost, suspected, replaced or other."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// Help implements kong.HelpProvider.
func (wipeCmd) Help() string {
	return `The relay destroys its half of the key at once: from then on, or from the end of the lease, nobody can read the cache, whether
the laptop is online or in a drawer. The laptop gets the order when it is next here, or by "sealdesk-relay order". What is
printed is what is proven; only a verified receipt is called wiped. No customer's data is lost: enrol the laptop again and it
fetches everything.

After three wipes within ten minutes every further one waits for a second person, who agrees in the Devices page.`
}

var whyNames = map[inbox.WipeReason]string{
	inbox.WipeLeaving: "leaving", inbox.WipeLost: "lost", inbox.WipeSuspected: "suspected", inbox.WipeReplaced: "replaced", inbox.WipeOther: "other",
	inbox.WipeSilent: "the relay was not reached for too long", inbox.WipeExcluded: "the laptop was excluded",
	inbox.WipeSignOn: "the company's sign-on removed the person", inbox.WipeTwice: "its key was seen in two places",
	inbox.WipeTampering: "its store was changed from outside", inbox.WipeUninstall: "uninstalled",
}

func whyName(why inbox.WipeReason) string {
	if name := whyNames[why]; name != "" {
		return name
	}
	return fmt.Sprint("reason ", int(why))
}

func (c wipeCmd) Run(e *env) error {
	var why inbox.WipeReason
	for reason, name := range whyNames {
		if name == c.Why {
			why = reason
		}
	}
	return e.admin(func(a relay.Admin) error {
		w, err := a.WipeDevice(e.ctx, c.Device, why)
		if err != nil {
			return explainDevice(err, c.Device)
		}
		if c.JSON {
			return e.json(wipeLineOf(w))
		}
		fmt.Fprintf(e.out, "%s: %s.\n", c.Device, wipeMeans(w, time.Now()))
		if w.Level != inbox.WipeWaits && w.Proven == 0 {
			fmt.Fprintf(e.out, "It gets the order when it is next here, or by a file: sealdesk-relay order %q\n", c.Device)
		}
		return nil
	})
}

type orderCmd struct {
	Device string `arg:"" help:"The laptop, by id or name."`
	Out    string `short:"o" help:"The file to write." default:"${wipefile}" placeholder:"FILE"`
}

// Help implements kong.HelpProvider.
func (orderCmd) Help() string {
	return `The order must have been given before, with "sealdesk-relay wipe" or in the window. Have your device management put the file
under the name ` + wire.WipeFile + ` into the laptop's data folder of Sealdesk: it obeys at once, or at its next start. Only that one
laptop obeys it.`
}

func (c orderCmd) Run(e *env) error {
	return e.admin(func(a relay.Admin) error {
		order, err := a.WipeOrder(e.ctx, c.Device)
		if errors.Is(err, inbox.RefusedState) {
			return fmt.Errorf("no wipe of %s was ordered; see: sealdesk-relay wipe --help", c.Device)
		}
		if err != nil {
			return explainDevice(err, c.Device)
		}
		if err := writeFresh(c.Out, order); err != nil {
			return err
		}
		fmt.Fprintf(e.out, "The order is in %s. Put it, named %s, into the data folder of that laptop; no other obeys it.\n", c.Out, wire.WipeFile)
		return nil
	})
}

type receiptCmd struct {
	Key    receiptKeyCmd    `cmd:"" help:"Print the public key that proofs of wipes are judged by. Keep a copy apart from the relay."`
	Save   receiptSaveCmd   `cmd:"" help:"Write the proof of a laptop's wipe to a file."`
	Verify receiptVerifyCmd `cmd:"" help:"Judge a proof without the relay, and say what it proves. Fails unless the laptop's receipt is in it."`
}

type receiptKeyCmd struct{}

func (receiptKeyCmd) Run(e *env) error {
	return e.admin(func(a relay.Admin) error {
		key, err := a.ReceiptKey(e.ctx)
		if err == nil {
			fmt.Fprintln(e.out, key)
		}
		return err
	})
}

type receiptSaveCmd struct {
	Device string `arg:"" help:"The laptop, by id or name."`
	Out    string `short:"o" help:"The file to write; named after the wipe when left out." placeholder:"FILE"`
}

func (c receiptSaveCmd) Run(e *env) error {
	return e.admin(func(a relay.Admin) error {
		p, err := a.WipeProof(e.ctx, c.Device)
		if errors.Is(err, inbox.RefusedState) {
			return fmt.Errorf("no wipe of %s was ordered", c.Device)
		}
		if err != nil {
			return explainDevice(err, c.Device)
		}
		if c.Out == "" {
			c.Out = p.Name
		}
		if err := writeFresh(c.Out, p.File); err != nil {
			return err
		}
		fmt.Fprintf(e.out, "The proof is in %s. Judge it anywhere with: sealdesk-relay receipt verify %s --key KEY\n", c.Out, c.Out)
		return nil
	})
}

type receiptVerifyCmd struct {
	File  string `arg:"" help:"The proof."`
	Key   string `required:"" help:"The relay's public key, as \"sealdesk-relay receipt key\" printed it." placeholder:"KEY"`
	Audit string `help:"The public key of the audit log, as \"sealdesk-relay audit key\" printed it; the one in the file when left out." placeholder:"KEY"`
	JSON  bool   `name:"json" help:"Print JSON."`
}

func (c receiptVerifyCmd) Run(e *env) error {
	file, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	key, err := relay.ParseReceiptKey(c.Key)
	if err != nil {
		return err
	}
	a, err := relay.VerifyProof(file, key, c.Audit)
	if err != nil {
		return err
	}
	if c.JSON {
		if err := e.json(a); err != nil {
			return err
		}
	} else {
		c.account(e, a)
	}
	if a.Receipt == nil {
		return errors.New("the order is genuine, but nothing proves yet that the laptop obeyed it")
	}
	return nil
}

// account says what a proof proves, and by whose word.
func (c receiptVerifyCmd) account(e *env, a relay.ProofAccount) {
	line := func(what, format string, args ...any) { fmt.Fprintf(e.out, "%-12s %s\n", what, fmt.Sprintf(format, args...)) }
	line("Laptop", "%s", a.Device)
	line("Wipe", "%s, because: %s", a.Wipe, whyName(a.Why))
	if a.Issued != 0 {
		line("Order", "signed by the relay %s, number %d for this laptop", stamp(a.Issued), a.Epoch)
	} else {
		line("Order", "none: the laptop wiped itself")
	}
	for _, s := range a.Asked {
		what := "asked for"
		if s.Agreed {
			what = "agreed to"
		}
		line("", "%s by person %s, signed by laptop %s %s", what, s.Person, s.Device, stamp(s.At))
	}
	if r := a.Receipt; r != nil {
		line("Receipt", "signed by the laptop (%s, %s)", dash(r.App), dash(r.System))
		for _, s := range r.Steps {
			line("", "%s", stepText(s))
		}
		for _, name := range r.Left {
			line("LEFT", "%q could not be destroyed", name)
		}
		if r.Cut > 0 {
			line("", "it was cut short %d times, and went on", r.Cut)
		}
	}
	if a.Audit != nil {
		line("Audit log", "%d entries, signed %s by %s", a.Audit.Size, stamp(a.Audit.At), a.Verifier)
		for _, x := range a.Entries {
			line("", "%s %s", stamp(x.At), x.Act)
		}
		if c.Audit == "" {
			line("", "judged by the key in the file: compare it with `sealdesk-relay audit key`, or give it as --audit")
		}
	} else {
		line("Audit log", "not in this file")
	}
	if a.Told.Half != 0 {
		line("Relay says", "its half of the key was destroyed %s; nobody can read a copy from %s on", stamp(a.Told.Half), stamp(a.Told.Dark))
	}
}

var actNames = map[inbox.WipeAct]string{
	inbox.WipeIntended: "wrote down that there is no way back", inbox.WipeStopped: "stopped receiving, sending and showing",
	inbox.WipeKeys: "destroyed its half of the key", inbox.WipeStore: "destroyed the store", inbox.WipeFiles: "destroyed files and logs",
	inbox.WipeSwept: "looked for what may be left", inbox.WipeSigned: "signed the receipt",
}

func stepText(s inbox.WipeStep) string {
	text := fmt.Sprintf("%s (its clock) %s", stamp(s.At), actNames[s.Did])
	if s.Count > 0 || s.Bytes > 0 {
		text += fmt.Sprintf(": %d items, %d bytes", s.Count, s.Bytes)
	}
	if s.Left > 0 {
		text += fmt.Sprintf(", %d LEFT", s.Left)
	}
	return text
}

type personRoleCmd struct {
	Name string `arg:"" help:"The person, by name."`
	Role string `arg:"" help:"agent, supervisor, privacy-officer, it-admin or auditor. Another role signs the person out everywhere."`
}

func (c personRoleCmd) Run(e *env) error {
	role, ok := inbox.ParseRole(c.Role)
	if !ok {
		return fmt.Errorf("%q is not a role; one of agent, supervisor, privacy-officer, it-admin, auditor", c.Role)
	}
	return e.changePerson(c.Name, relay.PersonChange{Role: role})
}

type personTeamCmd struct {
	Name string `arg:"" help:"The person, by name."`
	Team string `arg:"" optional:"" help:"A short word such as north; left out: the team of all who have none."`
}

func (c personTeamCmd) Run(e *env) error {
	team := inbox.TeamID(c.Team)
	return e.changePerson(c.Name, relay.PersonChange{Team: &team})
}

type personInboxesCmd struct {
	Name  string   `arg:"" help:"The person, by name."`
	Inbox []string `arg:"" help:"All inboxes the person works in from now on."`
}

func (c personInboxesCmd) Run(e *env) error {
	var ids []inbox.InboxID
	for _, id := range c.Inbox {
		ids = append(ids, inbox.InboxID(id))
	}
	return e.changePerson(c.Name, relay.PersonChange{Inboxes: ids})
}

type personReturnCmd struct {
	Name string `arg:"" help:"The person, by name."`
}

func (c personReturnCmd) Run(e *env) error {
	return e.changePerson(c.Name, relay.PersonChange{Return: true})
}

func (e *env) changePerson(name string, c relay.PersonChange) error {
	return e.admin(func(a relay.Admin) error {
		p, err := a.ChangePerson(e.ctx, name, c)
		if err != nil {
			return e.explain(err, name)
		}
		team := "no team"
		if p.Team != "" {
			team = "team " + string(p.Team)
		}
		fmt.Fprintf(e.out, "%s is %s in %s, %s.\n", p.Name, p.Role, join(p.Inboxes), team)
		return nil
	})
}

type personLeaveCmd struct {
	Name string `arg:"" help:"The person, by name."`
	To   string `help:"Who takes over the conversations; nobody when left out." placeholder:"NAME"`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Help implements kong.HelpProvider.
func (personLeaveCmd) Help() string {
	return `All in one: the person is signed out everywhere and cannot come in any more, every laptop of theirs is wiped, every
conversation goes to the colleague, or to nobody. If the relay is stopped in between it goes on at its next start.`
}

func (c personLeaveCmd) Run(e *env) error {
	return e.admin(func(a relay.Admin) error {
		out, err := a.Offboard(e.ctx, c.Name, c.To)
		if errors.Is(err, inbox.RefusedMalformed) {
			return fmt.Errorf("%s cannot take over: they have left, or are the one who leaves", c.To)
		}
		if err != nil {
			return e.explain(err, c.Name)
		}
		if c.JSON {
			var wipes []*wipeLine
			for _, w := range out.Wipes {
				wipes = append(wipes, wipeLineOf(w))
			}
			return e.json(struct {
				Conversations int         `json:"conversations"`
				Wipes         []*wipeLine `json:"wipes"`
			}{out.Conversations, wipes})
		}
		taker := c.To
		if taker == "" {
			taker = "nobody"
		}
		fmt.Fprintf(e.out, "%s has left. %d conversations went to %s.\n", c.Name, out.Conversations, taker)
		for _, d := range out.Devices {
			if d.Wipe != nil {
				fmt.Fprintf(e.out, "%s: %s.\n", d.Name, wipeMeans(*d.Wipe, time.Now()))
			}
		}
		return nil
	})
}

type personListCmd struct {
	All  bool `help:"Those who have left too."`
	JSON bool `name:"json" help:"Print JSON."`
}

type personLine struct {
	ID      inbox.PersonID  `json:"id"`
	Name    string          `json:"name"`
	Role    string          `json:"role"`
	Team    inbox.TeamID    `json:"team,omitempty"`
	Inboxes []inbox.InboxID `json:"inboxes"`
	Left    string          `json:"left,omitempty"`
}

func (c personListCmd) Run(e *env) error {
	return e.admin(func(a relay.Admin) error {
		people, err := a.People(e.ctx)
		if err != nil {
			return err
		}
		if !c.All {
			people = slices.DeleteFunc(people, func(p inbox.Person) bool { return p.Left != 0 })
		}
		slices.SortFunc(people, func(a, b inbox.Person) int { return strings.Compare(a.Name, b.Name) })
		if c.JSON {
			lines := make([]personLine, 0, len(people))
			for _, p := range people {
				lines = append(lines, personLine{ID: p.ID, Name: p.Name, Role: p.Role.String(), Team: p.Team, Inboxes: p.Inboxes, Left: exactly(p.Left)})
			}
			return e.json(lines)
		}
		if len(people) == 0 {
			fmt.Fprintln(e.out, "Nobody yet. Add somebody with: sealdesk-relay person add NAME --role agent")
			return nil
		}
		t := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "NAME\tROLE\tTEAM\tINBOXES\tSTATE")
		for _, p := range people {
			state := "-"
			if p.Left != 0 {
				state = "left " + day(p.Left)
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", p.Name, p.Role, dash(string(p.Team)), dash(join(p.Inboxes)), state)
		}
		return t.Flush()
	})
}

// explainDevice says which device cannot be found, and why.
func explainDevice(err error, device string) error {
	switch {
	case errors.Is(err, relay.ErrNoDevice):
		return fmt.Errorf("%s is not known; see: sealdesk-relay device list", device)
	case errors.Is(err, relay.ErrWhichDevice):
		return fmt.Errorf("%s: %w", device, err)
	case errors.Is(err, inbox.RefusedState):
		return fmt.Errorf("%s was never to be wiped, so there is nothing to say of its machine", device)
	}
	return err
}

// momentOf reads a time as people write it, in the machine's own zone.
func momentOf(s string) (inbox.Moment, error) {
	if s == "" {
		return 0, nil
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04", "2006-01-02 15:04", time.RFC3339} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return inbox.At(t), nil
		}
	}
	return 0, fmt.Errorf("%q is no time; write 2026-03-01 or 2026-03-01T09:00", s)
}

// exactly is a moment for programs; "" for never.
func exactly(m inbox.Moment) string {
	if m == 0 {
		return ""
	}
	return m.Time().UTC().Format("2006-01-02T15:04:05.000Z")
}

func (e *env) json(v any) error {
	enc := json.NewEncoder(e.out)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// writeFresh writes a file that must not be there yet.
func writeFresh(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(path)
		return err
	}
	return nil
}
