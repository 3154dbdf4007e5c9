package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay"
)

type templateCmd struct {
	List    templateListCmd    `cmd:"" help:"List templates with their state and what WhatsApp thinks of them."`
	Show    templateShowCmd    `cmd:"" help:"Show a template in all its languages."`
	Sync    templateSyncCmd    `cmd:"" help:"Ask WhatsApp for all templates now. The relay does so by itself every six hours and when WhatsApp tells of a change."`
	Create  templateCreateCmd  `cmd:"" help:"Hand a template to WhatsApp for review."`
	Edit    templateEditCmd    `cmd:"" help:"Replace what a template says; it goes back to review."`
	Delete  templateDeleteCmd  `cmd:"" help:"Delete one language of a template, or, said explicitly, all of them."`
	Example templateExampleCmd `cmd:"" help:"Print a template file with every key explained."`
}

var (
	templateStates = map[inbox.TemplateState]string{
		inbox.TemplatePending: "pending", inbox.TemplateApproved: "approved", inbox.TemplateRejected: "rejected",
		inbox.TemplatePaused: "paused", inbox.TemplateDisabled: "disabled",
	}
	templateCategories = map[inbox.TemplateCategory]string{
		inbox.Utility: "utility", inbox.Marketing: "marketing", inbox.Authentication: "authentication",
	}
	qualities = map[inbox.Quality]string{inbox.QualityHigh: "high", inbox.QualityMedium: "medium", inbox.QualityLow: "low"}
)

type templateListCmd struct {
	Inbox string `help:"Of one inbox only." placeholder:"ID"`
}

func (c templateListCmd) Run(e *env) error {
	return e.admin(func(a relay.Admin) error {
		list, err := a.Templates(e.ctx, inbox.InboxID(c.Inbox))
		if err != nil {
			return err
		}
		if len(list) == 0 {
			fmt.Fprintln(e.out, "No templates yet. Ask WhatsApp for them with: sealdesk-relay template sync")
			return nil
		}
		t := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "INBOX\tNAME\tLANGUAGE\tCATEGORY\tSTATE\tQUALITY\tREASON")
		for _, x := range list {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", x.Inbox, x.Name, x.Language, templateCategories[x.Category],
				templateStates[x.State], dash(qualities[x.Quality]), dash(x.Reason))
		}
		return t.Flush()
	})
}

type templateShowCmd struct {
	Name  string `arg:"" help:"The template."`
	Inbox string `help:"Of one inbox only." placeholder:"ID"`
}

func (c templateShowCmd) Run(e *env) error {
	return e.admin(func(a relay.Admin) error {
		list, err := a.Templates(e.ctx, inbox.InboxID(c.Inbox))
		if err != nil {
			return err
		}
		found := false
		for _, x := range list {
			if x.Name != c.Name {
				continue
			}
			found = true
			show(e, x)
		}
		if !found {
			return relay.ErrNoTemplate
		}
		return nil
	})
}

func show(e *env, x inbox.Template) {
	fmt.Fprintf(e.out, "%s in %s, inbox %s: %s, %s", x.Name, x.Language, x.Inbox, templateStates[x.State], templateCategories[x.Category])
	if x.Reason != "" {
		fmt.Fprintf(e.out, " (%s)", x.Reason)
	}
	fmt.Fprintln(e.out)
	headers := map[inbox.MessageKind]string{inbox.Image: "[image]", inbox.Video: "[video]", inbox.Document: "[document]", inbox.Location: "[location]"}
	for _, line := range []string{headers[x.Header.Kind] + x.Header.Text, x.Body, x.Footer} {
		if line != "" {
			fmt.Fprintln(e.out, "    "+strings.ReplaceAll(line, "\n", "\n    "))
		}
	}
	for _, b := range x.Buttons {
		fmt.Fprintf(e.out, "    [ %s ]\n", b.Text)
	}
	for _, f := range x.Fields {
		places := map[inbox.FieldPlace]string{inbox.InHeader: "header", inbox.InBody: "body", inbox.InButton: "button"}
		fmt.Fprintf(e.out, "    to fill in: {{%s}} in the %s, such as %q\n", f.Name, places[f.Place], f.Example)
	}
}

type templateSyncCmd struct{}

func (templateSyncCmd) Run(e *env) error {
	return e.admin(func(a relay.Admin) error {
		n, err := a.SyncTemplates(e.ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(e.out, "%d templates had changed.\n", n)
		return nil
	})
}

type templateFileFlags struct {
	File  string `required:"" help:"The template: TOML as template example explains, or JSON as WhatsApp writes it." placeholder:"FILE"`
	By    string `required:"" help:"The supervisor who wants it, by name." placeholder:"NAME"`
	Inbox string `help:"An inbox of the account; not needed when there is one." placeholder:"ID"`
}

// wish reads the file, and refuses before anybody is asked what WhatsApp would not take.
func (c templateFileFlags) wish() (relay.TemplateWish, error) {
	text, err := os.ReadFile(c.File)
	if err != nil {
		return relay.TemplateWish{}, fmt.Errorf("reading the template: %w", err)
	}
	return relay.TemplateWish{By: c.By, Inbox: inbox.InboxID(c.Inbox), File: string(text)}, relay.CheckTemplate(string(text))
}

type templateCreateCmd struct{ templateFileFlags }

func (c templateCreateCmd) Run(e *env) error {
	w, err := c.wish()
	if err != nil {
		return err
	}
	return e.admin(func(a relay.Admin) error {
		t, err := a.CreateTemplate(e.ctx, w)
		if err != nil {
			return e.explain(err, c.By)
		}
		fmt.Fprintf(e.out, "%s in %s is %s, %s. Its id is %s.\n", t.Name, t.Language, templateStates[t.State], templateCategories[t.Category], t.ID)
		return nil
	})
}

type templateEditCmd struct{ templateFileFlags }

func (c templateEditCmd) Run(e *env) error {
	w, err := c.wish()
	if err != nil {
		return err
	}
	return e.admin(func(a relay.Admin) error {
		t, err := a.EditTemplate(e.ctx, w)
		if err != nil {
			return e.explain(err, c.By)
		}
		fmt.Fprintf(e.out, "%s in %s is changed and %s.\n", t.Name, t.Language, templateStates[t.State])
		return nil
	})
}

type templateDeleteCmd struct {
	Name         string `arg:"" help:"The template."`
	Language     string `help:"The one language to delete, as WhatsApp spells it." placeholder:"de" xor:"which" required:""`
	AllLanguages bool   `help:"Delete all languages. WhatsApp takes the name back for 30 days." xor:"which" required:""`
	By           string `required:"" help:"The supervisor who wants it, by name." placeholder:"NAME"`
	Inbox        string `help:"An inbox of the account; not needed when there is one." placeholder:"ID"`
	Yes          bool   `help:"Do not ask back."`
}

func (c templateDeleteCmd) Run(e *env) error {
	return e.admin(func(a relay.Admin) error {
		list, err := a.Templates(e.ctx, inbox.InboxID(c.Inbox))
		if err != nil {
			return err
		}
		goes := 0
		for _, x := range list {
			if x.Name == c.Name && (c.AllLanguages || x.Language == c.Language) {
				goes++
				fmt.Fprintf(e.out, "%s in %s (%s), inbox %s\n", x.Name, x.Language, templateStates[x.State], x.Inbox)
			}
		}
		if goes == 0 {
			return relay.ErrNoTemplate
		}
		if c.AllLanguages && !c.Yes {
			fmt.Fprintf(e.out, "All of these go, and WhatsApp cannot bring them back. Type the template's name to go on: ")
			line, _ := bufio.NewReader(e.in).ReadString('\n')
			if strings.TrimSpace(line) != c.Name {
				return errors.New("nothing was deleted")
			}
		}
		gone, err := a.DeleteTemplate(e.ctx, relay.TemplateWish{
			By: c.By, Inbox: inbox.InboxID(c.Inbox), Name: c.Name, Language: c.Language, AllLanguages: c.AllLanguages,
		})
		if err != nil {
			return e.explain(err, c.By)
		}
		fmt.Fprintf(e.out, "%d languages of %s are deleted.\n", len(gone), c.Name)
		return nil
	})
}

type templateExampleCmd struct{}

func (templateExampleCmd) Run(e *env) error {
	fmt.Fprint(e.out, relay.TemplateExample)
	return nil
}
