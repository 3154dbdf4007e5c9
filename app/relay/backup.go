package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"sealdesk/sync/relay"
)

type backupCmd struct {
	Take    backupTakeCmd    `cmd:"" default:"withargs" help:"Copy the relay into a new folder, while it runs."`
	Verify  backupVerifyCmd  `cmd:"" help:"Say whether a copy is what was written, and opens. Ends with 1 if not."`
	Restore backupRestoreCmd `cmd:"" help:"Fill a data folder from a copy."`
}

type backupTakeCmd struct {
	Dir  string `arg:"" help:"The folder to make; it must not exist, or be empty." placeholder:"DIR"`
	JSON bool   `name:"json" help:"Print the manifests as JSON."`
}

// Help implements kong.HelpProvider.
func (backupTakeCmd) Help() string {
	return `Makes two folders. Keep them apart, on different media:

  DIR/store   everything that happened, customers' files, the sealed keys of contacts, the configuration. All of it is sealed
              but the configuration, which holds no secret
  DIR/keys    the small file that opens those keys, and the key of the certificate. Keep only the last few days of it: when
              the last copy of a day is gone, whoever was erased since cannot be read in any copy of the store

In neither is what you need besides: data/master.key, which lies in a safe place since the relay was set up, and relay.env. That a
backup was taken is in the audit log. A backup that was not finished leaves no manifest, and ends with 1.

  sealdesk-relay backup /mnt/backup/2026-05-31
  sealdesk-relay backup verify /mnt/backup/2026-05-31
  sealdesk-relay backup restore /mnt/backup/2026-05-31 --data /var/lib/sealdesk-relay/data`
}

func (c backupTakeCmd) Run(e *env) error {
	cfg, err := relay.LoadConfig(e.config)
	if err != nil {
		return err
	}
	var parts []relay.BackupManifest
	err = e.admin(func(a relay.Admin) (err error) {
		show, clear := e.copying(c.JSON)
		defer clear()
		parts, err = relay.TakeBackup(e.ctx, a, cfg, e.config, c.Dir, version(), show)
		return err
	})
	switch {
	case errors.Is(err, relay.ErrBackupThere):
		return fmt.Errorf("%w. Nothing was written; name a folder that is new", err)
	case err != nil:
		return fmt.Errorf("no backup was made: %w", err)
	}
	if c.JSON {
		return e.json(parts)
	}
	t := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FOLDER\tFILES\tBYTES")
	for _, m := range parts {
		fmt.Fprintf(t, "%s\t%d\t%d\n", filepath.Join(c.Dir, m.Part), len(m.Files), m.Bytes())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(e.out, "\nMove keys to another place than store, and keep it for a few days only. data/master.key and relay.env are in neither.\nVerify it with: sealdesk-relay backup verify %s\n", c.Dir)
	return nil
}

// copying shows a person at a terminal which file is copied.
func (e *env) copying(quiet bool) (show func(string, int64), clear func()) {
	f, ok := e.out.(*os.File)
	if quiet || !ok || !term.IsTerminal(int(f.Fd())) {
		return nil, func() {}
	}
	var last time.Time
	return func(file string, bytes int64) {
		if now := time.Now(); now.Sub(last) > 200*time.Millisecond {
			last = now
			fmt.Fprintf(e.out, "\r\x1b[K%s: %d bytes", file, bytes)
		}
	}, func() { fmt.Fprint(e.out, "\r\x1b[K") }
}

type backupVerifyCmd struct {
	Dir  string `arg:"" help:"The folder of the backup, or one of the two in it." placeholder:"DIR"`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Help implements kong.HelpProvider.
func (backupVerifyCmd) Help() string {
	return `Reads every file and compares it with the manifest. Where both folders are together and this relay's master key is there, it also
opens every row. Changes nothing, and needs no relay. The manifest shows damage; it cannot show that somebody wrote another one.`
}

func (c backupVerifyCmd) Run(e *env) error {
	var own *relay.Config
	if cfg, err := relay.LoadConfig(e.config); err == nil {
		own = &cfg
	}
	r, err := relay.CheckBackup(e.ctx, c.Dir, own)
	if err != nil {
		return err
	}
	if c.JSON {
		err = e.json(r)
	} else {
		for _, m := range r.Parts {
			fmt.Fprintf(e.out, "%s: %d files, %d bytes, made %s by version %s\n", m.Part, len(m.Files), m.Bytes(), m.Made.Format(time.RFC3339), m.Version)
		}
		for _, f := range r.Faults {
			fmt.Fprintln(e.out, e.red("FAULT  "+f))
		}
	}
	switch {
	case err != nil:
		return err
	case len(r.Faults) == 1:
		return errors.New("the backup has 1 fault: do not rely on it, and take another")
	case len(r.Faults) > 1:
		return fmt.Errorf("the backup has %d faults: do not rely on it, and take another", len(r.Faults))
	case c.JSON:
	case r.Opened:
		fmt.Fprintln(e.out, "The backup is what was written, and every row opens.")
	case len(r.Parts) == 2:
		fmt.Fprintln(e.out, "The backup is what was written. That it opens was not tried: the master key is not here.")
	default:
		fmt.Fprintf(e.out, "This half of the backup, %s, is what was written. Whether it opens shows with the other half.\n", r.Parts[0].Part)
	}
	return nil
}

type backupRestoreCmd struct {
	Dir    string `arg:"" help:"The folder of the backup, or of its store." placeholder:"DIR"`
	Keys   string `help:"The folder of its keys, if it is kept elsewhere." placeholder:"DIR"`
	Data   string `required:"" help:"The data folder to fill. It must not exist, or hold master.key and nothing else." placeholder:"DIR"`
	Before string `help:"The data folder there was before, if you still have it: who was erased and which laptops were wiped since the backup is read from it." placeholder:"DIR"`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// Help implements kong.HelpProvider.
func (backupRestoreCmd) Help() string {
	return `Stop the relay and move the broken data folder aside; never delete it before all works. The backup is verified first. Nothing that
is there is overwritten. What was erased or wiped is erased and wiped again at the next start, as far as the lists of that know
it: without --before they know nothing newer than the backup.

  mv data data.broken
  sealdesk-relay backup restore /mnt/backup/2026-05-31 --data data --before data.broken
  cp -p data.broken/master.key data/
  sealdesk-relay doctor`
}

func (c backupRestoreCmd) Run(e *env) error {
	out, err := relay.Restore(e.ctx, relay.RestoreWish{Backup: c.Dir, Keys: c.Keys, Data: c.Data, Before: c.Before})
	switch {
	case errors.Is(err, relay.ErrBackupThere):
		return fmt.Errorf("%w. Nothing was changed; move the data folder aside first", err)
	case err != nil:
		return fmt.Errorf("nothing was restored: %w", err)
	}
	if c.JSON {
		return e.json(struct {
			Made   string `json:"made"`
			Config string `json:"config"`
			TLSKey string `json:"tls_key"`
			Newer  bool   `json:"newer_lists"`
		}{out.Made.Format(time.RFC3339), out.Config, out.TLSKey, out.Newer})
	}
	fmt.Fprintf(e.out, "%s holds what the relay kept at %s.\n", c.Data, out.Made.Format(time.RFC3339))
	if out.Newer {
		fmt.Fprintln(e.out, "Who was erased and which laptops were wiped since then is known, and done again at the next start.")
	} else {
		fmt.Fprintln(e.out, "Who was erased and which laptops were wiped since then is NOT known here: repeat it, or restore with --before.")
	}
	fmt.Fprintf(e.out, `Then:
  put master.key back into %s (chmod 600), from its safe place
  relay.toml and the certificate, if they are lost: %s; the certificate's key: %s
  make relay.env anew, if it is lost: sealdesk-relay example names what belongs there
  sealdesk-relay doctor
  sealdesk-relay serve
What happened after the backup is not known any more: customers' messages since then are at WhatsApp or lost, and laptops will say
that the audit log is shorter than they have seen. That is true; tell whoever reads it.
`, c.Data, out.Config, out.TLSKey)
	return nil
}
