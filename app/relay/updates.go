package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"sealdesk/sync/relay"
	"sealdesk/sync/updates"
)

type updatesCmd struct {
	Import updatesImportCmd `cmd:"" help:"Verify a feed of updates and serve it to laptops from then on."`
	Status updatesStatusCmd `cmd:"" default:"1" help:"Say which versions laptops are offered, who signed them, and until when."`
}

type updatesImportCmd struct {
	From string `arg:"" help:"The feed: a folder, such as one on a stick, or an https address." placeholder:"DIR|URL"`
	Root string `help:"Trust this root.json from now on instead of the one this relay was built with, or was told of before." placeholder:"FILE" type:"existingfile"`
}

// Help implements kong.HelpProvider.
func (updatesImportCmd) Help() string {
	return `Believes nothing that is not signed: by the release engineer, whose keys two of three root keys vouch for. A feed that is older than
the one served, damaged, mixed from several, or run out is refused, and what was served before is served on. Laptops verify all of
it again by themselves. That a feed was imported is in the audit log.

A feed is good for 90 days at most. Then laptops say that their updates are out of date, and work on; import a newer one.
Import from an address regularly with a timer, or from a stick where there is no way out:

  sealdesk-relay updates import /media/stick/feed
  sealdesk-relay updates import https://releases.example/sealdesk/feed
  sealdesk-relay updates import feed --root 1.root.json    a company that makes its own releases, once`
}

func (c updatesImportCmd) Run(e *env) error {
	var anchor []byte
	if c.Root != "" {
		var err error
		if anchor, err = os.ReadFile(c.Root); err != nil {
			return fmt.Errorf("reading the root: %w", err)
		}
	}
	dir := c.From
	if strings.Contains(dir, "://") {
		if !strings.HasPrefix(dir, "https://") {
			return errors.New("an address of a feed begins with https://")
		}
		fetched, err := os.MkdirTemp("", "sealdesk-updates-*")
		if err != nil {
			return err
		}
		defer os.RemoveAll(fetched)
		if err := c.fetch(e, fetched, anchor); err != nil {
			return sayUpdates(err)
		}
		dir = fetched
	}
	var u relay.UpdatesReport
	err := e.admin(func(a relay.Admin) (err error) {
		u, err = relay.SendUpdates(e.ctx, a, dir, anchor)
		return err
	})
	if err != nil {
		return sayUpdates(err)
	}
	fmt.Fprintln(e.out, "The updates were verified and are served from now on.")
	return e.showUpdates(u)
}

// fetch copies a feed from an address: first what is signed, and of the files only those that are named by it.
func (c updatesImportCmd) fetch(e *env, into string, anchor []byte) error {
	from := updates.Web(&http.Client{}, c.From)
	if anchor == nil {
		cfg, err := relay.LoadConfig(e.config)
		if err != nil {
			return err
		}
		if anchor, err = relay.UpdatesAnchor(cfg); err != nil {
			return err
		}
	}
	seen, err := os.MkdirTemp("", "sealdesk-updates-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(seen)
	return updates.Mirror(e.ctx, updates.Config{Root: anchor, From: from, Dir: seen}, into)
}

// updatesAdvice says what to do about an import that was refused.
var updatesAdvice = []struct {
	of   error
	text string
}{
	{relay.ErrNoRoom, "Make room on the disk of the data folder, then import again"},
	{updates.ErrNoAnchor, "Import once with --root and the root.json that came with the installers; compare its SHA-256 with the release engineer first"},
	{updates.ErrExpired, "Get a newer feed from whoever makes the releases. If it should be good, look at this machine's clock"},
	{updates.ErrRollback, "This is an older feed than the one laptops have seen: get the newest"},
	{updates.ErrSignature, "Do not use it. Ask whoever makes the releases, on another way than this feed came"},
	{updates.ErrTampered, "Copy it again. If it stays so, do not use it, and ask whoever makes the releases"},
	{updates.ErrTooLarge, "Copy it again. If it stays so, do not use it, and ask whoever makes the releases"},
	{updates.ErrIncomplete, "Copy the whole folder again: timestamp.json, all other .json files, and targets"},
	{updates.ErrMalformed, "Copy the whole folder again. Name the folder that holds timestamp.json"},
	{updates.ErrUnreachable, "Look whether the address answers from this machine"},
	{updates.ErrSlow, "Try again, or copy the feed by hand and import the folder"},
}

func sayUpdates(err error) error {
	for _, a := range updatesAdvice {
		if errors.Is(err, a.of) {
			return fmt.Errorf("%w. What was served before is served on. %s", err, a.text)
		}
	}
	return err
}

type updatesStatusCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (c updatesStatusCmd) Run(e *env) error {
	var u relay.UpdatesReport
	err := e.admin(func(a relay.Admin) (err error) {
		u, err = a.Updates(e.ctx)
		return err
	})
	switch {
	case errors.Is(err, relay.ErrNoFeed):
		return fmt.Errorf("%w. Laptops are offered none. Import them with: sealdesk-relay updates import DIR", err)
	case err != nil:
		return err
	case c.JSON:
		return e.json(u)
	}
	return e.showUpdates(u)
}

func (e *env) showUpdates(u relay.UpdatesReport) error {
	now := time.Now()
	fmt.Fprintf(e.out, "Imported %s, %d files, %d MB.\n\n", u.Imported.Local().Format("2006-01-02 15:04"), len(u.Feed.Files), (u.Feed.Bytes()+1<<19)>>20)
	t := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "VERSION\tRING\tFOR\tLEAST ALLOWED\tSIZE\tSHA-256\tFILE")
	for _, f := range u.Feed.Files {
		if f.Kind == "" {
			fmt.Fprintf(t, "-\t-\t-\t-\t%d\t%s\t%s\n", f.Size, f.SHA256[:12], f.Name)
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t%s/%s %s\t%s\t%d\t%s\t%s\n", f.Version, f.Ring, f.OS, f.Arch, f.Kind, f.Minimum, f.Size, f.SHA256[:12], f.Name)
	}
	if len(u.Feed.Files) == 0 {
		fmt.Fprintln(t, "none")
	}
	fmt.Fprintln(t)
	fmt.Fprintln(t, "PART\tVERSION\tSIGNED BY\tGOOD UNTIL")
	for _, role := range u.Feed.Roles {
		fmt.Fprintf(t, "%s\t%d\t%s (%d needed)\t%s\n", role.Name, role.Version, strings.Join(role.Signers, ", "), role.Needed, role.Expires.Local().Format("2006-01-02"))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	switch left := u.Feed.Expires.Sub(now); {
	case left <= 0:
		fmt.Fprintln(e.out, e.red("\nThe updates have run out: laptops are offered none, and say so. Import a newer feed."))
	case left < 14*24*time.Hour:
		fmt.Fprintf(e.out, "\nThe updates run out in %d days. Import a newer feed before.\n", int(left.Hours()/24))
	}
	return nil
}
