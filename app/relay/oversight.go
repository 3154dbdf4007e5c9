package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay"
)

type incidentCmd struct {
	List  incidentListCmd  `cmd:"" help:"List what somebody must look at."`
	Close incidentCloseCmd `cmd:"" help:"Say that an incident was looked at."`
}

type incidentListCmd struct {
	All bool `help:"Those that are closed too."`
}

func (c incidentListCmd) Run(e *env) error {
	return e.admin(func(a relay.Admin) error {
		list, err := a.Incidents(e.ctx, c.All)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			fmt.Fprintln(e.out, "There is nothing to look at.")
			return nil
		}
		t := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "ID\tKIND\tINBOX\tCOUNT\tLAST\tDETAIL\tSTATE")
		for _, i := range list {
			state := "open"
			if i.Closed != 0 {
				state = "closed " + stamp(i.Closed)
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", i.ID, relay.IncidentName(i.Kind), dash(string(i.Inbox)), i.Count, stamp(i.Last), dash(i.Detail), state)
		}
		return t.Flush()
	})
}

type incidentCloseCmd struct {
	ID string `arg:"" help:"The incident, as the list shows it."`
	By string `required:"" help:"Who looked at it, by name." placeholder:"NAME"`
}

func (c incidentCloseCmd) Run(e *env) error {
	return e.admin(func(a relay.Admin) error {
		i, err := a.CloseIncident(e.ctx, inbox.IncidentID(c.ID), c.By)
		if err != nil {
			return e.explain(err, c.By)
		}
		fmt.Fprintf(e.out, "The incident %s (%s) is closed.\n", i.ID, relay.IncidentName(i.Kind))
		return nil
	})
}

type requestCmd struct {
	List    requestListCmd    `cmd:"" help:"List what customers asked about their data, the most urgent first. Overdue ones are red."`
	Show    requestShowCmd    `cmd:"" help:"Show one request."`
	Approve requestApproveCmd `cmd:"" help:"Agree to a request. Erasure needs two different people; then the conversation takes no message any more, and the erasure run destroys everything within ten minutes."`
	Refuse  requestRefuseCmd  `cmd:"" help:"Refuse a request, and say why."`
	Done    requestDoneCmd    `cmd:"" help:"Say that the customer has got the copy. An erasure cannot be called done by hand."`
	Quiet   requestQuietCmd   `cmd:"" help:"List customers nobody has written with for so many days: whom privacy.keep_days puts forward to be forgotten, or would. It changes nothing."`
	Run     requestRunCmd     `cmd:"" help:"Carry out now the erasures two people agreed to. A running relay does so every ten minutes by itself."`
	Export  requestExportCmd  `cmd:"" help:"Write a copy of all data for an approved request. The file is raw: numbers, names, every text. It is audited."`
}

type requestListCmd struct {
	All bool `help:"Those that are settled too."`
}

var (
	requestKinds  = map[inbox.RequestKind]string{inbox.RequestData: "copy", inbox.RequestErasure: "erasure"}
	requestStates = map[inbox.RequestState]string{
		inbox.RequestOpen: "open", inbox.RequestSeconded: "one of two agreed", inbox.RequestApproved: "approved",
		inbox.RequestDone: "done", inbox.RequestRefused: "refused",
	}
)

// asksFor says what a request is for, and who asks if not the customer.
func asksFor(q inbox.Request) string {
	if q.Quiet != 0 {
		return requestKinds[q.Kind] + ", quiet since " + day(q.Quiet)
	}
	return requestKinds[q.Kind]
}

// stateOf says how far a request has come, and for what it waits.
func stateOf(q inbox.Request) string {
	switch {
	case q.State == inbox.RequestApproved && q.Kind == inbox.RequestErasure:
		return "approved, waits for the erasure run"
	case q.State == inbox.RequestApproved:
		return "approved, to be exported and handed over"
	}
	return requestStates[q.State]
}

func (c requestListCmd) Run(e *env) error {
	return e.admin(func(a relay.Admin) error {
		list, err := a.Requests(e.ctx, c.All)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			fmt.Fprintln(e.out, "No customer waits for an answer about his data.")
			return nil
		}
		var text strings.Builder
		t := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "REFERENCE\tASKS FOR\tINBOX\tSINCE\tDUE\tSTATE")
		for _, q := range list {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", relay.Reference(q.ID), asksFor(q), q.Inbox, day(q.At), due(q), stateOf(q))
		}
		if err := t.Flush(); err != nil {
			return err
		}
		for i, line := range strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n") {
			if i > 0 && relay.Overdue(list[i-1], inbox.At(time.Now())) {
				line = e.red(line)
			}
			fmt.Fprintln(e.out, line)
		}
		return nil
	})
}

type requestShowCmd struct {
	ID string `arg:"" help:"The request, by id or by the reference the customer was told."`
}

func (c requestShowCmd) Run(e *env) error {
	return e.admin(func(a relay.Admin) error {
		q, err := a.Request(e.ctx, c.ID)
		if err != nil {
			return err
		}
		people, err := a.People(e.ctx)
		if err != nil {
			return err
		}
		name := func(id inbox.PersonID) string {
			for _, p := range people {
				if p.ID == id {
					return p.Name
				}
			}
			return dash(string(id))
		}
		line := fmt.Sprintf("Due           %s", due(q))
		if relay.Overdue(q, inbox.At(time.Now())) {
			line = e.red(line)
		}
		fmt.Fprintf(e.out, "Reference     %s\nId            %s\nAsks for      %s\nInbox         %s\nConversation  %s\nAsked         %s\n%s\nState         %s\nFirst         %s\nSecond        %s\n",
			relay.Reference(q.ID), q.ID, asksFor(q), q.Inbox, q.Conversation, stamp(q.At), line, stateOf(q), name(q.First), name(q.Second))
		if q.Settled != 0 {
			fmt.Fprintf(e.out, "Settled       %s\n", stamp(q.Settled))
		}
		if q.Reason != "" {
			fmt.Fprintf(e.out, "Reason        %s\n", q.Reason)
		}
		return nil
	})
}

type requestApproveCmd struct {
	ID string `arg:"" help:"The request, by id or reference."`
	By string `required:"" help:"Who agrees, by name: a supervisor or privacy officer." placeholder:"NAME"`
}

func (c requestApproveCmd) Run(e *env) error {
	return e.admin(func(a relay.Admin) error {
		q, err := a.DecideRequest(e.ctx, c.ID, c.By, true, "")
		if err != nil {
			return e.explain(err, c.By)
		}
		switch {
		case q.State == inbox.RequestSeconded:
			fmt.Fprintf(e.out, "%s agreed to %s. One more person must agree.\n", c.By, relay.Reference(q.ID))
		case q.Kind == inbox.RequestErasure:
			fmt.Fprintf(e.out, "%s is approved. Nothing more is sent to the customer. The request waits for the erasure run; nothing is erased yet.\n", relay.Reference(q.ID))
		default:
			fmt.Fprintf(e.out, "%s is approved. Make the copy with: sealdesk-relay request export %s --by NAME --out FILE\n", relay.Reference(q.ID), relay.Reference(q.ID))
		}
		return nil
	})
}

type requestRefuseCmd struct {
	ID     string `arg:"" help:"The request, by id or reference."`
	By     string `required:"" help:"Who refuses, by name." placeholder:"NAME"`
	Reason string `required:"" help:"Why, in words the customer may read." placeholder:"TEXT"`
}

func (c requestRefuseCmd) Run(e *env) error {
	return e.admin(func(a relay.Admin) error {
		q, err := a.DecideRequest(e.ctx, c.ID, c.By, false, c.Reason)
		if err != nil {
			return e.explain(err, c.By)
		}
		if q.Quiet != 0 {
			fmt.Fprintf(e.out, "%s is refused. The customer is kept until somebody writes with him again, and nobody does for as long once more.\n", relay.Reference(q.ID))
			return nil
		}
		fmt.Fprintf(e.out, "%s is refused. Tell the customer why, and that he may complain to a data protection authority.\n", relay.Reference(q.ID))
		return nil
	})
}

type requestDoneCmd struct {
	ID string `arg:"" help:"The request, by id or reference."`
	By string `required:"" help:"Who handed the copy over, by name." placeholder:"NAME"`
}

func (c requestDoneCmd) Run(e *env) error {
	return e.admin(func(a relay.Admin) error {
		q, err := a.FinishRequest(e.ctx, c.ID, c.By)
		if err != nil {
			return e.explain(err, c.By)
		}
		fmt.Fprintf(e.out, "%s is done.\n", relay.Reference(q.ID))
		return nil
	})
}

type requestQuietCmd struct {
	Days int `help:"For so many days; privacy.keep_days when left out." placeholder:"N"`
}

func (c requestQuietCmd) Run(e *env) error {
	return e.admin(func(a relay.Admin) error {
		list, err := a.QuietContacts(e.ctx, c.Days)
		if errors.Is(err, inbox.RefusedMalformed) {
			return errors.New("say for how many days, such as --days 730: privacy.keep_days is 0, so nobody is put forward by age")
		}
		if err != nil {
			return err
		}
		t := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
		if len(list) > 0 {
			fmt.Fprintln(t, "CONVERSATION\tINBOX\tLAST WRITTEN")
		}
		for _, q := range list {
			fmt.Fprintf(t, "%s\t%s\t%s\n", q.Conversation, q.Inbox, day(q.Since))
		}
		if err := t.Flush(); err != nil {
			return err
		}
		fmt.Fprintf(e.out, "%d customers nobody has written with for that long. Nothing was changed.\n", len(list))
		return nil
	})
}

type requestRunCmd struct{}

func (requestRunCmd) Run(e *env) error {
	return e.admin(func(a relay.Admin) error {
		kept, err := a.RunRetention(e.ctx)
		if err != nil {
			return err
		}
		if kept != (relay.KeepRun{}) {
			fmt.Fprintf(e.out, "By age: %d put forward, %d taken back, %d approved and erased.\n", kept.PutForward, kept.TakenBack, kept.Approved)
		}
		n, err := a.RunErasures(e.ctx)
		if err != nil {
			return err
		}
		if n == 0 {
			fmt.Fprintln(e.out, "No approved erasure waits.")
			return nil
		}
		fmt.Fprintf(e.out, "%d erasures carried out: the keys are destroyed, rows and files are gone, laptops are told.\nUntil the store's files are written anew, at the next start or by `sealdesk-relay compact`, their free pages hold the masked texts, sealed.\n", n)
		return nil
	})
}

type compactCmd struct{}

func (compactCmd) Run(e *env) error {
	cfg, err := relay.LoadConfig(e.config)
	if err != nil {
		return err
	}
	err = relay.Compact(e.ctx, cfg)
	if errors.Is(err, relay.ErrRunning) {
		fmt.Fprintln(e.out, "A relay runs on the store. Its next start writes the files anew.")
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(e.out, "The store's files are written anew; what was deleted is not in them. Flash, copying file systems and backups keep what they keep.")
	return nil
}

type requestExportCmd struct {
	ID  string `arg:"" help:"The request, by id or reference."`
	By  string `required:"" help:"Who takes the copy, by name." placeholder:"NAME"`
	Out string `required:"" help:"The file to write; it must not exist. Only its owner can read it." placeholder:"FILE"`
}

func (c requestExportCmd) Run(e *env) error {
	// The file comes first: a copy that was made and audited must not end nowhere.
	f, err := os.OpenFile(c.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("making the file: %w", err)
	}
	err = e.admin(func(a relay.Admin) error {
		doc, err := a.ExportRequest(e.ctx, c.ID, c.By)
		if err != nil {
			return e.explain(err, c.By)
		}
		if !json.Valid(doc) {
			return relay.ErrNoAnswer
		}
		_, err = f.Write(append(doc, '\n'))
		return errors.Join(err, f.Sync())
	})
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(c.Out)
		return err
	}
	fmt.Fprintf(e.out, "The copy is in %s. It holds everything in the clear: hand it over by a safe way, then destroy it.\n", c.Out)
	return nil
}

// explain says who may not do what.
func (e *env) explain(err error, by string) error {
	switch {
	case errors.Is(err, relay.ErrNoPerson):
		return fmt.Errorf("%s is not known; see: sealdesk-relay person list", by)
	case errors.Is(err, inbox.RefusedRight):
		return fmt.Errorf("%s may not do that: %w", by, err)
	case errors.Is(err, inbox.RefusedState):
		return errors.New("that request is decided already")
	}
	return err
}

// red colours a line for a person who looks at a terminal.
func (e *env) red(line string) string {
	f, ok := e.out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("NO_COLOR") != "" {
		return line
	}
	return "\x1b[31m" + line + "\x1b[0m"
}

func due(q inbox.Request) string {
	if relay.Overdue(q, inbox.At(time.Now())) {
		return day(q.Due) + " OVERDUE"
	}
	return day(q.Due)
}

func day(m inbox.Moment) string { return m.Time().Format(time.DateOnly) }

func stamp(m inbox.Moment) string { return m.Time().Format("2006-01-02 15:04") }

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
