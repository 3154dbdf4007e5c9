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
