package main

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay"
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
	Waits    string         `json:"waits_since,omitempty"` // it is nobody's yet: nobody has signed in on it
	Until    string         `json:"waits_until,omitempty"`
	From     string         `json:"from,omitempty"` // the address it came from, while it waits
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
		var waiting []relay.WaitingDevice // of no person
		if c.Person == "" {
			if waiting, err = a.WaitingDevices(e.ctx); err != nil {
				return err
			}
		}
		if c.JSON {
			lines := make([]deviceLine, 0, len(list)+len(waiting))
			for _, d := range waiting {
				lines = append(lines, deviceLine{
					ID: d.ID, Name: d.Name, App: d.App, System: d.System, Waits: exactly(d.Since), Until: exactly(d.Until), From: d.From,
				})
			}
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
		if len(waiting) > 0 {
			fmt.Fprintln(e.out, "Waiting for somebody to sign in. What they say of themselves anybody may have made up:")
			t := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "ID\tNAME\tSYSTEM\tAPP\tFROM\tSINCE\tFORGOTTEN")
			for _, d := range waiting {
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", d.ID, dash(d.Name), dash(d.System), dash(d.App), d.From, stamp(d.Since), stamp(d.Until))
			}
			if err := t.Flush(); err != nil {
				return err
			}
			fmt.Fprintln(e.out)
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

// Help implements kong.HelpProvider.
func (deviceHoldingsCmd) Help() string {
	return `Times are of this machine's zone. That somebody looked is in the audit log.

  sealdesk-relay device holdings "Desk 12"
  sealdesk-relay device holdings "Desk 12" --from 2026-03-01T09:00 --to 2026-03-01T18:00 --json`
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
