package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay"
)

type personCmd struct {
	Add       personAddCmd       `cmd:"" help:"Add a person."`
	List      personListCmd      `cmd:"" help:"List people: what they may do, and whether they can sign in."`
	Show      personShowCmd      `cmd:"" help:"Show a person: role, inboxes, laptops, and how that one signs in. No secret is shown."`
	Role      personRoleCmd      `cmd:"" help:"Give a person another role."`
	Team      personTeamCmd      `cmd:"" help:"Put a person into a team: supervisors look after the agents of their own."`
	Inboxes   personInboxesCmd   `cmd:"" help:"Say which inboxes a person works in."`
	Languages personLanguagesCmd `cmd:"" help:"Say which languages a person speaks: customers from countries where one is spoken are given to them first."`
	Reset     personResetCmd     `cmd:"" help:"Take a forgotten password or a lost second factor away: the next sign-in makes another."`
	SignOn    personSignOnCmd    `cmd:"" name:"sign-on" help:"Say who a person is at the company's sign-on."`
	Leave     personLeaveCmd     `cmd:"" help:"Let a person go: signed out, laptops wiped, conversations handed on."`
	Return    personReturnCmd    `cmd:"" help:"Take a person back who has left. Laptops are enrolled anew."`
}

type personAddCmd struct {
	Name  string   `arg:"" help:"The name colleagues see."`
	Role  string   `help:"agent, supervisor, privacy-officer, it-admin or auditor." default:"agent"`
	Team  string   `help:"A short word such as north; the team of all who have none when left out." placeholder:"TEAM"`
	Inbox []string `help:"An inbox the person works in; all when left out." placeholder:"ID"`
	Email string   `help:"The person's address at the company's sign-on, which needs it before the first sign-in there." placeholder:"ADDRESS"`
}

// Help implements kong.HelpProvider.
func (personAddCmd) Help() string {
	return `What is wrong is said before anybody is added. Then let a laptop in with "sealdesk-relay enrol". At the first start of the app
the person chooses a password and scans a code, or signs in at the company's sign-on.

  sealdesk-relay person add "Tobias Brandt" --team north --inbox sales
  sealdesk-relay person add "Sabine Lorenz" --role supervisor --email sabine.lorenz@example.com`
}

func (c personAddCmd) Run(e *env) error {
	role, err := roleOf(c.Role)
	if err != nil {
		return err
	}
	who := relay.Colleague{Name: c.Name, Role: role, Team: inbox.TeamID(c.Team), SignOn: relay.SignOn{Email: c.Email}}
	for _, id := range c.Inbox {
		who.Inboxes = append(who.Inboxes, inbox.InboxID(id))
	}
	return e.admin(func(a relay.Admin) error {
		p, err := a.AddColleague(e.ctx, who)
		switch {
		case errors.Is(err, relay.ErrAddedInPart):
			return fmt.Errorf("%w; see: sealdesk-relay person show %q", err, c.Name)
		case errors.Is(err, relay.ErrSignOn):
			return fmt.Errorf("%s was not added: somebody else has that address, or it is none", c.Name)
		case err != nil:
			return fmt.Errorf("%s was not added: %w", c.Name, err)
		}
		team := ""
		if p.Team != "" {
			team = ", team " + string(p.Team)
		}
		fmt.Fprintf(e.out, "%s is now %s in %s%s.\n", p.Name, p.Role, join(p.Inboxes), team)
		now, err := a.PersonAccount(e.ctx, string(p.ID))
		if err != nil {
			return err
		}
		switch now.Way {
		case relay.SignInCannot:
			fmt.Fprintf(e.out, "Nobody can sign in as %s yet: say who that is at the company's sign-on: sealdesk-relay person sign-on %q --email ADDRESS\n", p.Name, p.Name)
		case relay.SignInPassword:
			if c.Email != "" {
				fmt.Fprintln(e.out, "The address counts as soon as there is a sign-on; see [sign_in.oidc] in relay.toml.")
			}
		}
		fmt.Fprintf(e.out, "Let a laptop in with: sealdesk-relay enrol %q\n", p.Name)
		return nil
	})
}

func roleOf(s string) (inbox.Role, error) {
	role, ok := inbox.ParseRole(s)
	if !ok {
		return role, fmt.Errorf("%q is not a role; one of agent, supervisor, privacy-officer, it-admin, auditor", s)
	}
	return role, nil
}

type personRoleCmd struct {
	Name string `arg:"" help:"The person, by name or id."`
	Role string `arg:"" help:"agent, supervisor, privacy-officer, it-admin or auditor. Another role signs the person out everywhere."`
}

func (c personRoleCmd) Run(e *env) error {
	role, err := roleOf(c.Role)
	if err != nil {
		return err
	}
	return e.changePerson(c.Name, relay.PersonChange{Role: role})
}

type personTeamCmd struct {
	Name string `arg:"" help:"The person, by name or id."`
	Team string `arg:"" optional:"" help:"A short word such as north; left out: the team of all who have none."`
}

func (c personTeamCmd) Run(e *env) error {
	team := inbox.TeamID(c.Team)
	return e.changePerson(c.Name, relay.PersonChange{Team: &team})
}

type personInboxesCmd struct {
	Name  string   `arg:"" help:"The person, by name or id."`
	Inbox []string `arg:"" help:"All inboxes the person works in from now on."`
}

func (c personInboxesCmd) Run(e *env) error {
	var ids []inbox.InboxID
	for _, id := range c.Inbox {
		ids = append(ids, inbox.InboxID(id))
	}
	return e.changePerson(c.Name, relay.PersonChange{Inboxes: ids})
}

type personLanguagesCmd struct {
	Name      string   `arg:"" help:"The person, by name or id."`
	Languages []string `arg:"" optional:"" help:"All languages the person speaks from now on, such as de it; left out: whatever comes."`
}

// Help implements kong.HelpProvider.
func (personLanguagesCmd) Help() string {
	return `Where an inbox hands conversations out, somebody who speaks the language of the customer's country comes first. Nobody is left
waiting for want of a language: when none of those who are there speaks it, everybody counts.

  sealdesk-relay person languages "Tobias Brandt" de it`
}

func (c personLanguagesCmd) Run(e *env) error {
	speaks := []string{}
	for _, l := range c.Languages {
		speaks = append(speaks, strings.ToLower(l))
	}
	return e.admin(func(a relay.Admin) error {
		p, err := a.ChangePerson(e.ctx, c.Name, relay.PersonChange{Speaks: speaks})
		if err != nil {
			return e.explain(err, c.Name)
		}
		if len(p.Speaks) == 0 {
			fmt.Fprintf(e.out, "%s takes whatever comes.\n", p.Name)
			return nil
		}
		fmt.Fprintf(e.out, "%s speaks %s.\n", p.Name, strings.Join(p.Speaks, ", "))
		return nil
	})
}

type personReturnCmd struct {
	Name string `arg:"" help:"The person, by name or id."`
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
	Name string `arg:"" help:"The person, by name or id."`
	To   string `help:"Who takes over the conversations; nobody when left out." placeholder:"NAME"`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Help implements kong.HelpProvider.
func (personLeaveCmd) Help() string {
	return `All in one: the person is signed out everywhere and cannot come in any more, every laptop of theirs is wiped, every
conversation goes to the colleague, or to nobody. If the relay is stopped in between it goes on at its next start.

  sealdesk-relay person leave "Tobias Brandt" --to "Mira Falk"`
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
