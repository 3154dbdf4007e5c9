package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay"
)

type personListCmd struct {
	All  bool `help:"Those who have left too."`
	JSON bool `name:"json" help:"Print JSON."`
}

// personLine is a person as --json prints it. It holds no address.
type personLine struct {
	ID       inbox.PersonID  `json:"id"`
	Name     string          `json:"name"`
	Role     string          `json:"role"`
	Team     inbox.TeamID    `json:"team,omitempty"`
	Inboxes  []inbox.InboxID `json:"inboxes"`
	Left     string          `json:"left,omitempty"`
	Way      string          `json:"signs_in"` // password, sign-on, cannot, or none
	Password bool            `json:"password_set"`
	Second   bool            `json:"second_factor_set"`
	Recovery int             `json:"recovery_codes"`
	Bound    bool            `json:"bound_to_sign_on"`
	Waits    string          `json:"waits_until,omitempty"`
	Until    string          `json:"signed_in_until,omitempty"`
	Laptops  int             `json:"laptops"`
}

var wayNames = map[relay.SignInWay]string{
	relay.SignInNone: "none", relay.SignInPassword: "password", relay.SignInCompany: "sign-on", relay.SignInCannot: "cannot",
}

func personLineOf(a relay.PersonAccount) personLine {
	p := a.Person
	waits := ""
	if a.Waits > inbox.At(time.Now()) {
		waits = exactly(a.Waits)
	}
	return personLine{
		ID: p.ID, Name: p.Name, Role: p.Role.String(), Team: p.Team, Inboxes: p.Inboxes, Left: exactly(p.Left), Way: wayNames[a.Way],
		Password: a.Password, Second: a.Second, Recovery: a.Recovery, Bound: a.Bound, Waits: waits, Until: exactly(a.Until), Laptops: inUse(a.Devices),
	}
}

func inUse(devices []inbox.Device) (n int) {
	for _, d := range devices {
		if d.Revoked == 0 {
			n++
		}
	}
	return n
}

func (c personListCmd) Run(e *env) error {
	return e.admin(func(a relay.Admin) error {
		people, err := a.PeopleAccounts(e.ctx)
		if err != nil {
			return err
		}
		if !c.All {
			people = slices.DeleteFunc(people, func(p relay.PersonAccount) bool { return p.Person.Left != 0 })
		}
		if c.JSON {
			lines := make([]personLine, 0, len(people))
			for _, p := range people {
				lines = append(lines, personLineOf(p))
			}
			return e.json(lines)
		}
		if len(people) == 0 {
			fmt.Fprintln(e.out, "Nobody yet. Add somebody with: sealdesk-relay person add NAME --role agent")
			return nil
		}
		t := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "NAME\tROLE\tTEAM\tINBOXES\tLAPTOPS\tSIGN-IN")
		for _, a := range people {
			p := a.Person
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%s\n", p.Name, p.Role, dash(string(p.Team)), dash(join(p.Inboxes)), inUse(a.Devices), signInState(a, time.Now()))
		}
		return t.Flush()
	})
}

// signInState says in one line whether a person is in, or what is still to be done.
func signInState(a relay.PersonAccount, now time.Time) string {
	switch {
	case a.Person.Left != 0:
		return "left " + day(a.Person.Left)
	case a.Way == relay.SignInCannot:
		return "CANNOT: no address at the sign-on is set"
	case a.Waits > inbox.At(now):
		return fmt.Sprintf("waits until %s after %d wrong attempts", stamp(a.Waits), a.Failures)
	case a.Until > inbox.At(now):
		return "signed in until " + stamp(a.Until)
	case a.Way == relay.SignInNone:
		return "nobody signs in, for a trial"
	case a.Way == relay.SignInCompany && a.Bound:
		return "at the sign-on"
	case a.Way == relay.SignInCompany:
		return "at the sign-on, not once yet"
	case !a.Password:
		return "chooses a password at the next sign-in"
	case !a.Second && !a.NoSecond && !a.MustKey:
		return "sets a second factor at the next sign-in"
	}
	return "signed out"
}

type personShowCmd struct {
	Name string `arg:"" help:"The person, by name or id."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// personShown is a person as show --json prints it.
type personShown struct {
	personLine
	Email    string         `json:"sign_on_email,omitempty"`
	Subject  string         `json:"sign_on_subject,omitempty"`
	Last     string         `json:"last_sign_in,omitempty"`
	Devices  []shownDevice  `json:"devices"`
	Passkeys []shownPasskey `json:"passkeys,omitempty"`
}

type shownPasskey struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Added  string `json:"added"`
	Used   string `json:"used,omitempty"`
	Copied string `json:"copied,omitempty"`
}

type shownDevice struct {
	ID    inbox.DeviceID `json:"id"`
	Name  string         `json:"name"`
	Seen  string         `json:"seen,omitempty"`
	Until string         `json:"signed_in_until,omitempty"`
	State string         `json:"state"`
}

func (c personShowCmd) Run(e *env) error {
	return e.admin(func(a relay.Admin) error {
		p, err := a.PersonAccount(e.ctx, c.Name)
		if err != nil {
			return e.explain(err, c.Name)
		}
		if c.JSON {
			shown := personShown{personLine: personLineOf(p), Email: p.Email, Subject: p.Subject, Last: exactly(p.Last), Devices: []shownDevice{}}
			for _, d := range p.Devices {
				shown.Devices = append(shown.Devices, shownDevice{d.ID, d.Name, exactly(d.Seen), exactly(d.SignedIn), stateOfDevice(d)})
			}
			for _, k := range p.Passkeys {
				shown.Passkeys = append(shown.Passkeys, shownPasskey{k.ID, k.Name, exactly(k.Added), exactly(k.Used), exactly(k.Copied)})
			}
			return e.json(shown)
		}
		return showPerson(e, p, time.Now())
	})
}

func showPerson(e *env, a relay.PersonAccount, now time.Time) error {
	p := a.Person
	state := "works here"
	if p.Left != 0 {
		state = "left " + day(p.Left)
	}
	line := func(what, format string, args ...any) {
		fmt.Fprintf(e.out, "%-14s %s\n", what, fmt.Sprintf(format, args...))
	}
	line("Name", "%s", p.Name)
	line("Id", "%s", p.ID)
	line("Role", "%s", p.Role)
	line("Team", "%s", dash(string(p.Team)))
	line("Inboxes", "%s", dash(join(p.Inboxes)))
	line("State", "%s", state)
	switch a.Way {
	case relay.SignInNone:
		line("Signs in", "not at all: whoever holds a laptop of theirs is this person. For a trial only")
	case relay.SignInCannot:
		line("Signs in", "CANNOT: no address at the company's sign-on is set; sealdesk-relay person sign-on %q --email ADDRESS", p.Name)
	case relay.SignInCompany:
		line("Signs in", "at the company's sign-on")
	case relay.SignInPassword:
		line("Signs in", "with a password%s", map[bool]string{true: "", false: " and a second factor"}[a.NoSecond])
	}
	if a.Way == relay.SignInPassword || a.Password || a.Second {
		line("Password", "%s", map[bool]string{true: "set", false: "not set: chosen at the next sign-in"}[a.Password])
		second := "not set: scanned at the next sign-in"
		switch {
		case a.Second:
			second = fmt.Sprintf("set, %d recovery codes left", a.Recovery)
		case a.NoSecond:
			second = "not set, and policy asks for none"
		}
		line("Second factor", "%s", second)
	}
	showPasskeys(line, a)
	switch {
	case a.Bound:
		line("Sign-on", "known by subject %s", a.Subject)
	case a.Email != "":
		line("Sign-on", "%s, not signed in there yet", a.Email)
	}
	if a.Waits > inbox.At(now) {
		line("Waits", "until %s after %d wrong attempts; reset ends that", stamp(a.Waits), a.Failures)
	}
	switch {
	case a.Until > inbox.At(now):
		line("Signed in", "until %s", stamp(a.Until))
	case a.Way != relay.SignInNone:
		line("Signed in", "nowhere")
	}
	if a.Last != 0 {
		line("Last sign-in", "%s", stamp(a.Last))
	} else if a.Way != relay.SignInNone {
		line("Last sign-in", "never")
	}
	if len(a.Devices) == 0 {
		line("Laptops", "none; let one in with: sealdesk-relay enrol %q", p.Name)
		return nil
	}
	fmt.Fprintln(e.out)
	t := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "LAPTOP\tID\tLAST HERE\tSIGNED IN UNTIL\tSTATE")
	for _, d := range a.Devices {
		until := "-"
		if d.SignedIn > inbox.At(now) {
			until = stamp(d.SignedIn)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", d.Name, d.ID, lastHere(d), until, stateOfDevice(d))
	}
	return t.Flush()
}

// showPasskeys says one line for each passkey, or that one is missing.
func showPasskeys(line func(string, string, ...any), a relay.PersonAccount) {
	if len(a.Passkeys) == 0 && a.MustKey {
		line("Passkey", "not registered: at the next sign-in")
	}
	for _, k := range a.Passkeys {
		used := "not used yet"
		if k.Used != 0 {
			used = "used " + stamp(k.Used)
		}
		if k.Copied != 0 {
			used = "PERHAPS COPIED on " + stamp(k.Copied) + ", counts no more"
		}
		line("Passkey", "%s %q, registered %s, %s", k.ID, k.Name, day(k.Added), used)
	}
}

type personResetCmd struct {
	Name     string `arg:"" help:"The person, by name or id."`
	Passkeys bool   `help:"All passkeys: when the policy wants one, the next sign-in registers another."`
	Passkey  string `help:"One passkey, by the id that person show tells." placeholder:"ID"`
	Password bool   `help:"The password. With the second factor left in place a new one is chosen only with its code."`
	Second   bool   `help:"The second factor and its recovery codes, when the telephone is lost."`
	JSON     bool   `name:"json" help:"Print JSON."`
}

// Help implements kong.HelpProvider.
func (personResetCmd) Help() string {
	return `The next sign-in on an enrolled laptop of the person makes them anew. The person is signed out everywhere at once, and need not
wait any more after wrong attempts. It is in the audit log. Nothing else is touched: laptops stay enrolled, nothing is wiped.

With both taken away, whoever uses an enrolled laptop of theirs next chooses the password: speak to the person, and wipe a
laptop that is lost before.

  sealdesk-relay person reset "Tobias Brandt" --second
  sealdesk-relay person reset "Tobias Brandt" --password --second`
}

func (c personResetCmd) Run(e *env) error {
	if !c.Password && !c.Second && !c.Passkeys && c.Passkey == "" {
		return errors.New("say what to take away: --password, --second, --passkeys, --passkey ID, or several. Nothing was changed")
	}
	return e.admin(func(a relay.Admin) error {
		keys, n, err := 0, 0, error(nil)
		if c.Passkeys || c.Passkey != "" {
			which := c.Passkey
			if c.Passkeys {
				which = ""
			}
			keys, n, err = a.ForgetPasskeys(e.ctx, c.Name, which)
			if err == nil && keys == 0 && !c.Passkeys {
				return fmt.Errorf("%s has no passkey %s. Nothing was changed; see: sealdesk-relay person show %q", c.Name, c.Passkey, c.Name)
			}
		}
		if err == nil && (c.Password || c.Second) {
			var also int
			also, err = a.ResetPerson(e.ctx, c.Name, c.Password, c.Second)
			n += also
		}
		if err != nil {
			return e.explain(err, c.Name)
		}
		now, err := a.PersonAccount(e.ctx, c.Name)
		if err != nil {
			return err
		}
		if c.JSON {
			return e.json(signedOutLine{n, personLineOf(now)})
		}
		var what []string
		if c.Password {
			what = append(what, "password")
		}
		if c.Second {
			what = append(what, "second factor")
		}
		if c.Passkeys || keys > 0 {
			next := "The way in is the password."
			if now.MustKey && len(now.Passkeys) == 0 {
				next = "Another is registered at the next sign-in."
			}
			fmt.Fprintf(e.out, "Passkeys of %s taken away: %d. %s\n", now.Person.Name, keys, next)
		}
		if len(what) == 0 {
			fmt.Fprintln(e.out, signedOutText(n))
			return nil
		}
		fmt.Fprintf(e.out, "%s chooses a new %s at the next sign-in. %s\n", now.Person.Name, strings.Join(what, " and a new "), signedOutText(n))
		if now.Way == relay.SignInCompany || now.Way == relay.SignInCannot {
			fmt.Fprintln(e.out, "But this person signs in at the company's sign-on: a password is reset there.")
		}
		return nil
	})
}

// signedOutLine is what --json prints of a change that signs a person out.
type signedOutLine struct {
	SignedOut int        `json:"signed_out"` // on how many laptops
	Person    personLine `json:"person"`
}

func signedOutText(n int) string {
	switch n {
	case 0:
		return "Nobody was signed in."
	case 1:
		return "Signed out on 1 laptop."
	}
	return fmt.Sprintf("Signed out on %d laptops.", n)
}

type personSignOnCmd struct {
	Name    string `arg:"" help:"The person, by name or id."`
	Email   string `xor:"who" help:"The address there. The first who signs in there with it, verified, is this person from then on." placeholder:"ADDRESS"`
	Subject string `xor:"who" help:"The subject there, the id that never changes (claim sub)." placeholder:"ID"`
	None    bool   `xor:"who" help:"The person has none; then a password counts, if policy lets it."`
	JSON    bool   `name:"json" help:"Print JSON."`
}

// Help implements kong.HelpProvider.
func (personSignOnCmd) Help() string {
	return `A change signs the person out everywhere and is in the audit log, without the address. Nobody else can have the same one.

  sealdesk-relay person sign-on "Tobias Brandt" --email tobias.brandt@example.com
  sealdesk-relay person sign-on "Tobias Brandt" --none`
}

func (c personSignOnCmd) Run(e *env) error {
	if c.Email == "" && c.Subject == "" && !c.None {
		return errors.New("say who it is there: --email ADDRESS or --subject ID, or --none. Nothing was changed")
	}
	return e.admin(func(a relay.Admin) error {
		n, err := a.SetSignOn(e.ctx, c.Name, relay.SignOn{Email: c.Email, Subject: c.Subject})
		if errors.Is(err, relay.ErrSignOn) {
			return errors.New("somebody else has that address or subject, or it is none. Nothing was changed; see: sealdesk-relay person list")
		}
		if err != nil {
			return e.explain(err, c.Name)
		}
		now, err := a.PersonAccount(e.ctx, c.Name)
		if err != nil {
			return err
		}
		if c.JSON {
			return e.json(signedOutLine{n, personLineOf(now)})
		}
		how := map[relay.SignInWay]string{
			relay.SignInNone:     "nobody signs in here yet, so it does not count before required = true at [sign_in]",
			relay.SignInPassword: "the way in is the password",
			relay.SignInCompany:  "the way in is the company's sign-on",
			relay.SignInCannot:   "there is NO way in until an address or a subject is set",
		}[now.Way]
		if now.Way == relay.SignInPassword && !c.None {
			how = "the way in is the password until there is a sign-on; see [sign_in.oidc] in relay.toml"
		}
		fmt.Fprintf(e.out, "Written down for %s: %s. %s\n", now.Person.Name, how, signedOutText(n))
		return nil
	})
}
