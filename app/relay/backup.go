package main

import (
	"cmp"
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
	Drill   backupDrillCmd   `cmd:"" help:"Restore a sealed copy into a folder of its own, look whether all is well, and sign a report. Ends with 1 if not."`
	State   backupStateCmd   `cmd:"" help:"Say how far the backup is that a running relay ships."`
}

type backupTakeCmd struct {
	Dir       string   `arg:"" optional:"" help:"The folder to make; it must not exist, or be empty." placeholder:"DIR"`
	To        string   `help:"The same." placeholder:"DIR"`
	Recipient []string `help:"Seal it to an age recipient, age1..., or to those in a file; may be given again." placeholder:"AGE1"`
	JSON      bool     `name:"json" help:"Print the manifests as JSON."`
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

With --recipient both folders are sealed: only the identity of that recipient (age-keygen -o identity.txt), which belongs into a safe
and not on this machine, opens them. A running relay can ship such a backup by itself, every few seconds: [backup] in relay.toml.

  sealdesk-relay backup /mnt/backup/2026-05-31
  sealdesk-relay backup --to /mnt/backup/2026-05-31 --recipient age1...
  sealdesk-relay backup verify /mnt/backup/2026-05-31
  sealdesk-relay backup restore /mnt/backup/2026-05-31 --data /var/lib/sealdesk-relay/data`
}

func (c backupTakeCmd) Run(e *env) error {
	switch c.Dir = cmp.Or(c.Dir, c.To); {
	case c.Dir == "":
		return errors.New("say where to: sealdesk-relay backup DIR. Nothing was written")
	case c.To != "" && c.To != c.Dir:
		return errors.New("say where to once. Nothing was written")
	}
	cfg, err := relay.LoadConfig(e.config)
	if err != nil {
		return err
	}
	sealedTo, err := relay.ParseRecipients(c.Recipient)
	if err != nil {
		return err
	}
	var parts []relay.BackupManifest
	err = e.admin(func(a relay.Admin) (err error) {
		show, clear := e.copying(c.JSON)
		defer clear()
		if len(sealedTo) > 0 {
			parts, err = relay.TakeSealedBackup(e.ctx, a, cfg, c.Dir, version(), sealedTo, show)
		} else {
			parts, err = relay.TakeBackup(e.ctx, a, cfg, e.config, c.Dir, version(), show)
		}
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
	fmt.Fprint(e.out, "\nMove keys to another place than store, and keep it for a few days only. data/master.key and relay.env are in neither.\n")
	if len(sealedTo) > 0 {
		fmt.Fprintf(e.out, "Try it where the identity is: sealdesk-relay backup drill %s --identity FILE\n", c.Dir)
	} else {
		fmt.Fprintf(e.out, "Verify it with: sealdesk-relay backup verify %s\n", c.Dir)
	}
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
	sealedFlags
	JSON bool `name:"json" help:"Print JSON."`
}

// sealedFlags say how a sealed backup is opened.
type sealedFlags struct {
	Identity  string `help:"The identity that opens a sealed backup, as age-keygen makes it." placeholder:"FILE"`
	Chain     string `help:"The copy to begin with, by the name of its folder; the newest when left out." placeholder:"NAME"`
	BeforeGap bool   `name:"before-gap" help:"Where a part is missing or damaged, restore what came before it."`
}

func (f sealedFlags) wish(w relay.RestoreWish) (relay.RestoreWish, error) {
	w.Chain, w.BeforeGap = f.Chain, f.BeforeGap
	if f.Identity == "" {
		return w, nil
	}
	var err error
	w.Identities, err = relay.ReadIdentities(f.Identity)
	return w, err
}

// Help implements kong.HelpProvider.
func (backupRestoreCmd) Help() string {
	return `Stop the relay and move the broken data folder aside; never delete it before all works. The backup is verified first. Nothing that
is there is overwritten. What was erased or wiped is erased and wiped again at the next start, as far as the lists of that know
it: without --before they know nothing newer than the backup.

A sealed backup, also one that a relay shipped, opens with --identity. What was shipped is restored to its last increment; its
store and its keys may lie apart. Bring the identity for as long as that takes, and no longer.

  mv data data.broken
  sealdesk-relay backup restore /mnt/backup/2026-05-31 --data data --before data.broken
  sealdesk-relay backup restore /mnt/store --keys /mnt/keys --identity /media/usb/identity.txt --data data --before data.broken
  cp -p data.broken/master.key data/
  sealdesk-relay doctor`
}

func (c backupRestoreCmd) Run(e *env) error {
	w, err := c.wish(relay.RestoreWish{Backup: c.Dir, Keys: c.Keys, Data: c.Data, Before: c.Before})
	if err != nil {
		return err
	}
	out, err := relay.Restore(e.ctx, w)
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

			Sealed *relay.Sealed `json:"sealed,omitempty"`
		}{out.Made.Format(time.RFC3339), out.Config, out.TLSKey, out.Newer, out.Sealed})
	}
	if s := out.Sealed; s != nil {
		fmt.Fprintf(e.out, "Opened copy %s and %d increments.\n", s.Chain, s.Increments)
	}
	fmt.Fprintf(e.out, "%s holds what the relay kept at %s.\n", c.Data, out.Made.Format(time.RFC3339))
	fmt.Fprintln(e.out, sinceBackup(c, out.Newer))
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

// sinceBackup says what becomes of the erasures and wipes that the backup is too old to know.
func sinceBackup(c backupRestoreCmd, known bool) string {
	if known {
		return fmt.Sprintf("Who was erased and which laptops were wiped since then is known from %s, and done again at the next start.", c.Before)
	}
	why := "no former data folder was named"
	if c.Before != "" {
		why = c.Before + " holds no list of any, because there were none or because it is damaged"
	}
	return fmt.Sprintf(`Erasures and wipes since then were not carried over: %s. Those before then hold.
If you have the former data folder: do not start the relay, move %s aside, and restore again with --before and that folder.
If there were some and the folder is lost: once the relay runs, wipe those laptops again (sealdesk-relay wipe) and erase those
customers again, from your own records of who asked.`, why, c.Data)
}

type backupDrillCmd struct {
	Dir    string `arg:"" help:"The folder of the backup, or of its store." placeholder:"DIR"`
	Keys   string `help:"The folder of its keys, if it is kept elsewhere." placeholder:"DIR"`
	In     string `help:"The folder to try it in: it must not exist, needs room for the whole store, and is gone afterwards. Beside the data folder when left out." placeholder:"DIR"`
	Report string `help:"The file to write the signed report into; it must not exist." placeholder:"FILE"`
	sealedFlags
	JSON bool `name:"json" help:"Print JSON."`
}

// Help implements kong.HelpProvider.
func (backupDrillCmd) Help() string {
	return `Does what a restore does, in a folder of its own: opens the backup, reads every row, computes the audit logs again, and counts. It
measures how much work would have been lost (promised: 10 s) and how long it takes until a relay could answer (promised: 15 min).
The relay that was restored signs the report with the audit key, and a running relay writes into its audit log that it was done;
doctor asks for one each month. Changes nothing else, sends nothing, and listens nowhere. It needs this relay's master key.

  sealdesk-relay backup drill /mnt/store --keys /mnt/keys --identity /media/usb/identity.txt --report drill-2026-05.txt`
}

func (c backupDrillCmd) Run(e *env) error {
	cfg, err := relay.LoadConfig(e.config)
	if err != nil {
		return err
	}
	w, err := c.wish(relay.RestoreWish{Backup: c.Dir, Keys: c.Keys, Data: cmp.Or(c.In, cfg.Data+".drill")})
	if err != nil {
		return err
	}
	report, err := relay.Drill(e.ctx, relay.DrillWish{RestoreWish: w, Config: cfg, Version: version()})
	if err != nil {
		return fmt.Errorf("the drill came to no end, and nothing was changed: %w", err)
	}
	if c.Report != "" {
		f, err := os.OpenFile(c.Report, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
		_, err = f.WriteString(report.Signed)
		if err = errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
	}
	if c.JSON {
		err = e.json(report)
	} else {
		_, err = fmt.Fprintf(e.out, "%s\nVerify with the public audit key %s\n", report.Signed, report.Key)
	}
	noted := e.admin(func(a relay.Admin) error {
		return a.NoteDrill(e.ctx, relay.DrillNote{RPO: report.RPO, RTO: report.RTO, Faults: len(report.Faults)})
	})
	if noted != nil {
		noted = fmt.Errorf("the drill is not in the audit log: %w", noted)
	}
	if len(report.Faults) > 0 {
		err = errors.Join(err, fmt.Errorf("the backup has %d faults: see the report, and take another", len(report.Faults)))
	}
	return errors.Join(err, noted)
}

type backupStateCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (c backupStateCmd) Run(e *env) error {
	return e.admin(func(a relay.Admin) error {
		s, err := a.BackupState(e.ctx)
		switch {
		case err != nil:
			return err
		case c.JSON:
			return e.json(s)
		case !s.Shipping:
			fmt.Fprintln(e.out, "No sealed backup is configured: [backup] in relay.toml.")
		case s.Chain == "":
			fmt.Fprintln(e.out, "The first copy is being made.")
		default:
			fmt.Fprintf(e.out, "copy     %s\nwaiting  %s of work are on this disk alone; %s at worst since the relay started\n",
				s.Chain, s.Lag.Round(time.Millisecond), s.Worst.Round(time.Millisecond))
		}
		if s.Failing != "" {
			return fmt.Errorf("the last round failed: %s", s.Failing)
		}
		return nil
	})
}
