package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay"
)

type auditCmd struct {
	Verify     auditVerifyCmd     `cmd:"" help:"Compute the audit log again from its entries, and say what was changed, taken away, put in another order or forked. Ends with 1 if anything was."`
	Search     auditSearchCmd     `cmd:"" help:"Look for entries, the newest first."`
	Export     auditExportCmd     `cmd:"" help:"Write the audit log in a form other programs read. The export proves itself: see verify --export."`
	Checkpoint auditCheckpointCmd `cmd:"" help:"Sign what the audit log is now and print it, with the public audit key. Keep both where nobody who runs the relay can change them."`
	Key        auditKeyCmd        `cmd:"" help:"Print the public audit key, by which checkpoints, exports and proofs of wipes are judged. Keep a copy apart from the relay."`
}

type auditKeyCmd struct{}

func (auditKeyCmd) Run(e *env) error {
	return e.admin(func(a relay.Admin) error {
		key, err := a.AuditKey(e.ctx)
		if err == nil {
			fmt.Fprintln(e.out, key)
		}
		return err
	})
}

type auditVerifyCmd struct {
	Witness []string `help:"What somebody kept: checkpoints as audit checkpoint prints them, or what devices signed, as JSON lines." placeholder:"FILE"`
	Key     string   `help:"The public audit key somebody kept; the store's own when left out." placeholder:"KEY"`
	Export  string   `help:"Verify an export instead of the store." placeholder:"FILE"`
	JSON    bool     `name:"json" help:"Print the reports as JSON."`
}

// Help implements kong.HelpProvider.
func (auditVerifyCmd) Help() string {
	return `Ends with 0 if all is as it was written, with 1 if anything was changed or nothing could be verified. Nothing is changed.

  sealdesk-relay audit verify
  sealdesk-relay audit verify --witness kept.txt --key "$(cat audit-key.txt)"
  sealdesk-relay audit verify --export 2026-05.jsonl --key "$(cat audit-key.txt)"`
}

func (c auditVerifyCmd) Run(e *env) error {
	if c.Export != "" {
		return c.export(e)
	}
	w := relay.AuditVerifyWish{Verifier: c.Key}
	for _, file := range c.Witness {
		if err := readWitnesses(file, &w); err != nil {
			return err
		}
	}
	var reports []relay.AuditReport
	err := e.admin(func(a relay.Admin) (err error) {
		show, clear := e.progress(c.JSON)
		defer clear()
		reports, err = a.AuditVerify(e.ctx, w, func(p relay.AuditProgress) { show(p.Shard, p.Done, p.Total) })
		return err
	})
	if errors.Is(err, relay.ErrAuditKept) {
		return errors.New("a kept checkpoint is not signed by the audit key: it is of another company, was changed, or the store has another key now. Give the key that was kept with it: --key KEY")
	}
	if err != nil {
		return err
	}
	bad := 0
	for i := range reports {
		if !reports[i].Sound() {
			bad++
		}
	}
	if c.JSON {
		err = e.json(reports)
	} else {
		err = auditTable(e, reports)
	}
	switch {
	case err != nil:
		return err
	case bad == 1:
		return errors.New("the audit log of 1 shard is not as it was written. Keep the data folder as it is, and show it to somebody who does not run the relay")
	case bad > 1:
		return fmt.Errorf("the audit log of %d shards is not as it was written. Keep the data folder as it is, and show it to somebody who does not run the relay", bad)
	}
	if !c.JSON {
		fmt.Fprintln(e.out, "The audit log is as it was written.")
		if len(c.Witness) == 0 {
			fmt.Fprintln(e.out, "Against an old copy put in its place, only what was kept elsewhere helps: --witness FILE.")
		}
	}
	return nil
}

func auditTable(e *env, reports []relay.AuditReport) error {
	t := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SHARD\tENTRIES\tROOT\tCHECKPOINTS\tSIGNED\tWITNESSES\tVERDICT")
	for _, r := range reports {
		verdict := "as it was written"
		if n := len(r.Faults) + r.More; n > 0 {
			verdict = fmt.Sprintf("%d FAULTS", n)
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%d\t%d\t%d\t%s\n", r.Shard, r.Entries, r.Root, r.Checkpoints, r.Signed, r.Witnesses, verdict)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, r := range reports {
		for _, f := range r.Faults {
			fmt.Fprintln(e.out, e.red(fmt.Sprintf("FAULT  %s: %s", r.Shard, f)))
		}
		if r.More > 0 {
			fmt.Fprintf(e.out, "       %s: and %d more\n", r.Shard, r.More)
		}
		if r.Turned > 0 {
			fmt.Fprintf(e.out, "note   %s: the clock was turned back before %d entries; they say so\n", r.Shard, r.Turned)
		}
		if r.Unproved > 0 {
			fmt.Fprintf(e.out, "note   %s: %d witnesses are of devices this relay does not know\n", r.Shard, r.Unproved)
		}
		if r.Entries > r.Signed {
			fmt.Fprintf(e.out, "note   %s: %d entries are in no checkpoint yet\n", r.Shard, r.Entries-r.Signed)
		}
	}
	return nil
}

func (c auditVerifyCmd) export(e *env) error {
	if len(c.Witness) > 0 {
		return errors.New("--export verifies a file by itself; leave --witness out")
	}
	f, err := os.Open(c.Export)
	if err != nil {
		return fmt.Errorf("opening the export: %w", err)
	}
	defer f.Close()
	sum, err := relay.CheckAuditExport(f, c.Key)
	if err != nil {
		return err
	}
	if c.JSON {
		return e.json(sum)
	}
	fmt.Fprintf(e.out, "The export of %s holds %d entries of %d shards, from %s until %s, and proves itself.\n", sum.Company, sum.Entries, sum.Shards, open(sum.From), open(sum.Until))
	if c.Key == "" {
		fmt.Fprintf(e.out, "That shows damage, but no forgery: its own key was believed. Compare it with the one that was kept, or give that one: --key KEY\n%s\n", sum.Verifier)
	}
	return nil
}

func open(bound string) string {
	if bound == "" {
		return "no bound"
	}
	return bound
}

// keptNote is a signed checkpoint anywhere in a text.
var keptNote = regexp.MustCompile(`(?m)^[^\s/]+/audit/[^\n]+\n\d+\n[A-Za-z0-9+/]+=*\nat [^\n]+\n\n(?:— [^\n]+\n)+`)

// readWitnesses reads a file of what was kept: signed checkpoints, in a text or in JSON, and what devices signed.
func readWitnesses(file string, w *relay.AuditVerifyWish) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading what was kept: %w", err)
	}
	text := strings.ReplaceAll(string(raw), "\r\n", "\n")
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	before := len(w.Kept) + len(w.Witnesses)
	w.Kept = append(w.Kept, keptNote.FindAllString(text, -1)...)
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "{") {
			continue
		}
		var both struct {
			Note string `json:"note"`
			relay.AuditWitness
		}
		if json.Unmarshal([]byte(line), &both) != nil || both.Note == "" && (both.Shard == "" || both.Size == 0 || both.Signature == nil) {
			return fmt.Errorf("%s: a line is neither a checkpoint nor what a device signed", file)
		}
		if both.Note != "" {
			w.Kept = append(w.Kept, both.Note)
		} else {
			w.Witnesses = append(w.Witnesses, both.AuditWitness)
		}
	}
	if len(w.Kept)+len(w.Witnesses) == before {
		return fmt.Errorf("%s holds no checkpoint and nothing a device signed", file)
	}
	return nil
}

type auditSearchCmd struct {
	Person  string   `help:"Who did it, by name or id." placeholder:"NAME"`
	About   []string `help:"The id of a contact, conversation, message, device or person it was done to; several are any of them." placeholder:"ID"`
	Act     string   `help:"What was done, such as reveal.shown, or reveal for all of that kind." placeholder:"ACT"`
	From    string   `help:"Not before this day, or this time (2026-05-31, 2026-05-31T14:00:00Z). Days are of UTC." placeholder:"TIME"`
	To      string   `help:"Not after this day, or before this time." placeholder:"TIME"`
	Text    string   `help:"What stands in the detail." placeholder:"TEXT"`
	Refused bool     `help:"Only what was refused."`
	Limit   int      `help:"How many entries." default:"50"`
	After   string   `help:"Go on where another search stopped, as it said." placeholder:"PLACE"`
	JSON    bool     `name:"json" help:"Print an entry a line as JSON."`
}

// Help implements kong.HelpProvider.
func (auditSearchCmd) Help() string {
	return `Looking is in the audit log afterwards: by what was searched, not the words. Ends with 0, also when nothing is found.

  sealdesk-relay audit search --person "Tobias Brandt" --from 2026-05-01
  sealdesk-relay audit search --act sign-in --refused
  sealdesk-relay audit search --act reveal --json`
}

func (c auditSearchCmd) Run(e *env) error {
	from, until, err := spanOf(c.From, c.To)
	if err != nil {
		return err
	}
	if c.Limit < 1 {
		return errors.New("--limit is 1 or more")
	}
	w := relay.AuditSearchWish{
		Person: c.Person, About: c.About, Act: c.Act, From: from, Until: until, Text: c.Text, Refused: c.Refused, After: c.After,
	}
	return e.admin(func(a relay.Admin) error {
		people, err := a.People(e.ctx)
		if err != nil {
			return err
		}
		names := map[inbox.PersonID]string{"": "(command line)"}
		for _, p := range people {
			names[p.ID] = p.Name
		}
		var found []relay.AuditFound
		for {
			w.Limit = c.Limit - len(found)
			page, err := a.AuditSearch(e.ctx, w)
			if errors.Is(err, relay.ErrNoPerson) {
				return e.explain(err, c.Person)
			}
			if err != nil {
				return err
			}
			found, w.After = append(found, page.Found...), page.Next
			if len(found) >= c.Limit || page.Next == "" {
				break
			}
		}
		if c.JSON {
			for _, f := range found {
				if err := e.json(f); err != nil {
					return err
				}
			}
			return nil
		}
		if len(found) == 0 {
			fmt.Fprintln(e.out, "Nothing of that kind is in the audit log.")
			return nil
		}
		t := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "TIME\tWHO\tWHAT\tABOUT\tRESULT\tDETAIL\tENTRY")
		for _, f := range found {
			who, result := names[f.Actor], "done"
			if who == "" {
				who = string(f.Actor)
			}
			if f.Refused != inbox.Granted {
				result = "refused: " + f.Refused.Error()
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s/%d\n", f.At.Time().Format(time.DateTime), who, f.Act, dash(f.Object), result, dash(f.Detail), f.Shard, f.Number)
		}
		if err := t.Flush(); err != nil {
			return err
		}
		if w.After != "" {
			fmt.Fprintf(e.out, "There may be more: say the same again with --after %s\n", w.After)
		}
		return nil
	})
}

type auditExportCmd struct {
	Format string `help:"jsonl: JSON Lines. cef: Common Event Format." enum:"jsonl,cef" default:"jsonl"`
	From   string `help:"Not before this day, or this time (2026-05-31, 2026-05-31T14:00:00Z). Days are of UTC." placeholder:"TIME"`
	To     string `help:"Not after this day, or before this time." placeholder:"TIME"`
	Out    string `help:"The file to write; it must not exist. Printed when left out." placeholder:"FILE"`
}

// Help implements kong.HelpProvider.
func (auditExportCmd) Help() string {
	return `What was written is read again before anybody relies on it: a file that does not prove itself is removed, and it ends with 1.

  sealdesk-relay audit export --from 2026-05-01 --to 2026-05-31 --out 2026-05.jsonl
  sealdesk-relay audit export --format cef | logger --server siem.example.com`
}

func (c auditExportCmd) Run(e *env) error {
	from, until, err := spanOf(c.From, c.To)
	if err != nil {
		return err
	}
	w := relay.AuditExportWish{Format: relay.AuditFormat(c.Format), From: from, Until: until, Version: version()}
	if c.Out == "" {
		return e.admin(func(a relay.Admin) error { return a.AuditExport(e.ctx, w, e.out) })
	}
	f, err := os.OpenFile(c.Out, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("making the file: %w", err)
	}
	var key string
	err = e.admin(func(a relay.Admin) (err error) {
		if key, err = a.AuditKey(e.ctx); err != nil {
			return err
		}
		return a.AuditExport(e.ctx, w, f)
	})
	var sum relay.AuditSummary
	if err == nil { // what was written is read again before anybody relies on it
		if _, err = f.Seek(0, io.SeekStart); err == nil {
			sum, err = relay.CheckAuditExport(bufio.NewReader(f), key)
		}
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(c.Out)
		return err
	}
	fmt.Fprintf(e.out, "%s holds %d entries of %d shards. Verify it with: sealdesk-relay audit verify --export %s --key %s\n", c.Out, sum.Entries, sum.Shards, c.Out, key)
	return nil
}

type auditCheckpointCmd struct {
	JSON bool `name:"json" help:"Print a checkpoint a line as JSON."`
}

func (c auditCheckpointCmd) Run(e *env) error {
	return e.admin(func(a relay.Admin) error {
		key, err := a.AuditKey(e.ctx)
		if err != nil {
			return err
		}
		all, err := a.AuditCheckpoints(e.ctx)
		if errors.Is(err, relay.ErrAuditFork) {
			return errors.New("the audit log is not what was signed before, and is not signed again; run: sealdesk-relay audit verify")
		}
		if err != nil {
			return err
		}
		if !c.JSON {
			fmt.Fprintf(e.out, "Public audit key: %s\n", key)
		}
		for _, k := range all {
			if c.JSON {
				if err := e.json(k); err != nil {
					return err
				}
				continue
			}
			fmt.Fprintf(e.out, "\n%s", k.Note)
		}
		return nil
	})
}

// spanOf reads two bounds. A day as the end is in the span.
func spanOf(from, to string) (a, b inbox.Moment, err error) {
	read := func(flag, s string, whole time.Duration) (inbox.Moment, error) {
		if s == "" {
			return 0, nil
		}
		if t, err := time.Parse(time.DateOnly, s); err == nil {
			return inbox.At(t.Add(whole)), nil
		}
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return 0, fmt.Errorf("%s is not a day such as 2026-05-31 or a time such as 2026-05-31T14:00:00Z", flag)
		}
		return inbox.At(t), nil
	}
	if a, err = read("--from", from, 0); err != nil {
		return 0, 0, err
	}
	if b, err = read("--to", to, 24*time.Hour); err != nil {
		return 0, 0, err
	}
	if a != 0 && b != 0 && b <= a {
		return 0, 0, errors.New("--to lies before --from")
	}
	return a, b, nil
}

// json prints a value on one line.
func (e *env) json(v any) error { return json.NewEncoder(e.out).Encode(v) }

// progress returns what shows a person at a terminal how far long work has come, and what takes that away again. Anybody
// else sees nothing of it.
func (e *env) progress(quiet bool) (show func(what string, done, total uint64), clear func()) {
	f, ok := e.out.(*os.File)
	if quiet || !ok || !term.IsTerminal(int(f.Fd())) {
		return func(string, uint64, uint64) {}, func() {}
	}
	return func(what string, done, total uint64) {
		fmt.Fprintf(e.out, "\r\x1b[K%s: %d of %d entries", what, done, total)
	}, func() { fmt.Fprint(e.out, "\r\x1b[K") }
}
