package relay

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sealdesk/app/inbox"
	"sealdesk/sync/relay/internal/audit"
	"sealdesk/sync/relay/internal/ledger"
)

const (
	actDrill       audit.Act = "backup.drilled"
	actDrillFailed audit.Act = "backup.drill-failed"
)

// What a backup promises.
const (
	// RecoveryPoint is how much of the last work may be lost with the relay's disk.
	RecoveryPoint = 10 * time.Second
	// RecoveryTime is how long it may take from a backup to a relay that answers.
	RecoveryTime = 15 * time.Minute
)

// A DrillNote is what the audit log keeps of a drill.
type DrillNote struct {
	RPO, RTO time.Duration
	Faults   int
}

// NoteDrill implements [BackupAdmin].
func (r *Relay) NoteDrill(ctx context.Context, d DrillNote) error {
	result := fmt.Sprintf("rpo %s rto %s", d.RPO.Round(time.Millisecond), d.RTO.Round(time.Millisecond))
	act := actDrill
	if d.Faults > 0 {
		act, result = actDrillFailed, fmt.Sprintf("%d faults", d.Faults)
	}
	return r.noteAudit(ctx, audit.Entry{Act: act, Detail: result})
}

// LastDrill implements [BackupAdmin].
func (r *Relay) LastDrill(ctx context.Context) (inbox.Moment, error) {
	return lastOf(ctx, r.db, actDrill)
}

// A DrillReport says how a restore went that was done to see whether it can be.
type DrillReport struct {
	At         time.Time     `json:"at"`
	Host       string        `json:"host"`
	Version    string        `json:"version"`
	Made       time.Time     `json:"made"` // what was restored is as of then
	Chain      string        `json:"chain"`
	Increments int           `json:"increments"`
	Bytes      int64         `json:"bytes"`
	RPO        time.Duration `json:"rpo"` // the longest a commit was on the relay's disk alone
	RTO        time.Duration `json:"rto"` // from the beginning until the relay could have answered
	Counts     []DrillCount  `json:"counts"`
	Chains     int           `json:"audit_logs"`
	Entries    uint64        `json:"audit_entries"`
	Faults     []string      `json:"faults"`
	Key        string        `json:"audit_key"` // whoever has it can verify Signed
	Signed     string        `json:"signed"`    // the report as a text, signed by the restored relay (golang.org/x/mod/sumdb/note)
}

// A DrillCount is how many of something there are in what was restored.
type DrillCount struct {
	What string `json:"what"`
	N    uint64 `json:"n"`
}

// A DrillWish says what is tried.
type DrillWish struct {
	RestoreWish        // Data is the folder it is tried in; it must not exist, and is gone afterwards
	Config      Config // of the relay whose backup it is, with its master key
	Version     string
}

// Drill restores a backup into a folder of its own, opens it as a relay that listens nowhere and sends nothing, reads every row,
// computes the audit logs again, and takes all of it away. Faults are in the report, which is made whenever a relay could be
// opened. Errors: those of [Restore] and [Open].
func Drill(ctx context.Context, w DrillWish) (out DrillReport, err error) {
	if _, err := os.Lstat(w.Data); err == nil {
		return out, fmt.Errorf("%w: %s", ErrBackupThere, w.Data)
	}
	master, err := os.ReadFile(w.Config.masterKeyFile())
	if err != nil {
		return out, fmt.Errorf("reading the master key: %w", err)
	}
	defer clear(master)
	begun := time.Now()
	restored, err := Restore(ctx, w.RestoreWish)
	defer func() {
		err = errors.Join(err, shredFolder(w.Data), shredFolder(filepath.Clean(w.Data)+".config"))
	}()
	if err != nil {
		return out, err
	}
	out = DrillReport{At: begun.UTC().Truncate(time.Second), Made: restored.Made.UTC(), Version: w.Version, Faults: []string{}}
	out.Host, _, _ = strings.Cut(w.Config.Public, ":")
	if s := restored.Sealed; s != nil {
		out.Chain, out.Increments, out.Bytes = s.Chain, s.Increments, s.Bytes
		if len(s.Lags) > 0 {
			out.RPO = slices.Max(s.Lags)
		}
		if out.RPO > RecoveryPoint {
			out.Faults = append(out.Faults, fmt.Sprintf("work was on one disk alone for %s, and not for at most %s", out.RPO.Round(time.Second), RecoveryPoint))
		}
	}
	cfg := w.Config
	cfg.Data, cfg.Backup, cfg.TLS.ACME = w.Data, BackupConfig{}, ACMEConfig{}
	if err := os.WriteFile(cfg.masterKeyFile(), master, 0o600); err != nil {
		return out, fmt.Errorf("lending the master key: %w", withRoom(err))
	}
	r, err := Open(ctx, cfg, Options{})
	if err != nil {
		return out, err
	}
	out.RTO = time.Since(begun)
	if out.RTO > RecoveryTime {
		out.Faults = append(out.Faults, fmt.Sprintf("it took %s, and not at most %s", out.RTO.Round(time.Second), RecoveryTime))
	}
	err = r.survey(ctx, &out)
	if err = errors.Join(err, r.Close()); err != nil {
		return out, err
	}
	key, err := cfg.ledgerKey()
	if err != nil {
		return out, err
	}
	for _, file := range []string{cfg.LedgerFile(), cfg.RawFile()} {
		if err := ledger.Check(ctx, file, ledger.Config{Key: key}); err != nil {
			out.Faults = append(out.Faults, fmt.Sprintf("%s: %v", filepath.Base(file), err))
		}
	}
	return out, w.sign(ctx, cfg, &out)
}

// survey counts what there is, and computes the audit logs again.
func (r *Relay) survey(ctx context.Context, out *DrillReport) error {
	reports, err := r.AuditVerify(ctx, AuditVerifyWish{}, nil)
	if err != nil {
		return fmt.Errorf("verifying the audit logs: %w", err)
	}
	out.Chains = len(reports)
	for _, a := range reports {
		out.Entries += a.Entries
		for range a.Faults {
			out.Faults = append(out.Faults, "an audit log is not as it was written; sealdesk-relay audit verify says which entry")
		}
	}
	people, err := r.people.People(ctx)
	if err != nil {
		return err
	}
	devices, err := r.people.Devices(ctx)
	if err != nil {
		return err
	}
	out.Counts = []DrillCount{{"people", uint64(len(people))}, {"devices", uint64(len(devices))}}
	for _, log := range r.allLogs() {
		head, err := r.logs.Head(ctx, log)
		if err != nil {
			return err
		}
		out.Counts = append(out.Counts, DrillCount{"facts of " + string(log), head.Seq})
	}
	if key, err := r.auditKey(ctx); err == nil {
		out.Key = key.Verifier()
	}
	return nil
}

// Text is the report for people.
func (d DrillReport) Text() string {
	var b strings.Builder
	line := func(what, format string, args ...any) {
		fmt.Fprintf(&b, "%-15s %s\n", what+":", fmt.Sprintf(format, args...))
	}
	b.WriteString("Sealdesk restore drill\n\n")
	line("relay", "%s", d.Host)
	line("begun", "%s", d.At.Format(time.RFC3339))
	line("version", "%s", d.Version)
	if d.Chain != "" {
		line("backup", "%s and %d increments, %d bytes", d.Chain, d.Increments, d.Bytes)
	}
	line("as of", "%s", d.Made.Format(time.RFC3339))
	if d.Chain != "" {
		line("recovery point", "%s at worst (promised: %s)", d.RPO.Round(time.Millisecond), RecoveryPoint)
	}
	line("recovery time", "%s (promised: %s)", d.RTO.Round(time.Millisecond), RecoveryTime)
	for _, c := range d.Counts {
		line(c.What, "%d", c.N)
	}
	line("audit", "%d entries in %d logs", d.Entries, d.Chains)
	if len(d.Faults) == 0 {
		line("result", "well: every row opens, and the audit logs are as they were written")
	}
	for _, f := range d.Faults {
		line("fault", "%s", f)
	}
	return b.String()
}

// sign lets the restored relay sign the report: that it can shows that its keys are back.
func (w DrillWish) sign(ctx context.Context, cfg Config, out *DrillReport) error {
	key, err := cfg.ledgerKey()
	if err != nil {
		return err
	}
	db, err := ledger.Open(cfg.LedgerFile(), ledger.Config{Key: key})
	if err != nil {
		return err
	}
	err = db.View(ctx, audit.KeyShard, func(tx ledger.Tx) error {
		k, err := audit.ReadKey(tx)
		if err == nil {
			out.Signed, err = k.SignText(out.Text())
		}
		return err
	})
	return errors.Join(err, db.Close())
}
